"""Study files and recipes, in YAML. InputError is all that may come.

What was read must be read again as the same when it is written out.
"""

from __future__ import annotations

import contextlib
from collections.abc import Callable
from pathlib import Path
from typing import Any

import yaml

import places
from heschl.errors import InputError
from heschl.pretrain.recipe import read_recipe
from heschl.studies.description import Description
from heschl.studies.names import check_names
from heschl.studies.reading import read_study
from heschl.yaml_file import DescribedFile


def check(content: bytes) -> None:
    """Read bytes as a recipe if they name sources, as recipes have to, else as a study file."""
    with places.folder() as folder:
        path = folder / "said.yaml"
        path.write_bytes(content)
        _check_kind(path, read_recipe if b"sources" in content else read_study)


def _check_kind(path: Path, read: Callable[[Path], DescribedFile[Any]]) -> None:
    try:
        found = read(path)
    except InputError:
        return
    again = path.with_name("again.yaml")
    content = found.description.model_dump(mode="json", by_alias=True)
    again.write_text(yaml.safe_dump(content), encoding="utf-8")
    if read(again).description != found.description:
        raise AssertionError(f"{found.description!r:.500} is another one when it is written")
    if isinstance(found.description, Description):
        with contextlib.suppress(InputError):
            check_names(found)
