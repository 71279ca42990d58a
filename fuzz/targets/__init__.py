"""What is fuzzed: one small module for each kind of file that heschl reads.

A target gives bytes to heschl's real reader. It lets pass the errors that the reader documents, and
nothing else; where there is more to be said of what was read, it checks that too.
"""

from __future__ import annotations

import importlib
from collections.abc import Callable, Mapping

_TABLES = tuple(f"heschl.brain.mcdermott.{part}" for part in ("pickled_table", "decoding"))
_DESCRIBED = ("heschl.studies.description", "heschl.pretrain.recipe", "heschl.models.references")

#: Names of targets, which are those of modules here and of folders of `corpus`; and the packages
#: whose branches guide the fuzzer. Only these are instrumented, so that it starts quickly.
TARGETS: Mapping[str, tuple[str, ...]] = {
    "pickles": ("heschl.pickles", *_TABLES, "pickletools"),
    "checkpoints": ("heschl.pickles", "heschl.models.weights", "pickletools"),
    "hear_tasks": ("heschl.tasks", "heschl.sounds"),
    "descriptions": ("heschl.yaml_file", "heschl.studies.names", *_DESCRIBED),
    "sounds": ("heschl.audio",),
    "gin": ("heschl.models.encodecmae",),
    "dataset_folders": ("heschl.brain.folder", "heschl.brain.dataset"),
    "results": ("heschl.results", "heschl.studies.folder", "heschl.store"),
    "archives": ("heschl.releases", "heschl.tasks.hear", "heschl.studies.adding", "tarfile"),
    "stored_entries": ("heschl.store", "heschl.releases.manifest", "heschl.tasks.clip_index"),
}


def load(name: str) -> Callable[[bytes], None]:
    """Return a target: a function of bytes that raises what is a finding.

    Raises
    ------
    SystemExit
        If there is no target of that name.
    """
    if name not in TARGETS:
        raise SystemExit(f"unknown target {name!r}; expected one of {', '.join(TARGETS)}")
    check: Callable[[bytes], None] = importlib.import_module(f"targets.{name}").check
    return check
