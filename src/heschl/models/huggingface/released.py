"""The networks of the three published models, from their files or fresh."""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from heschl.errors import InputError
from heschl.models.huggingface.library import transformers_class
from heschl.models.huggingface.pretrained import Checkpoint, load_pretrained, without_decoder
from heschl.models.huggingface.published import Published
from heschl.models.huggingface.repository import CONFIG, weight_files
from heschl.models.weights import find_file


def load_published(published: Published, source: Path | None) -> Any:
    """Return the network of a published model: from its files, or with fresh weights.

    Parameters
    ----------
    published : Published
    source : Path or None
        The folder of the release, or the file of its tensors; None for fresh weights as
        transformers draws them.

    Raises
    ------
    InputError
        As `load_pretrained`; also if ``config.json`` or ``preprocessor_config.json`` is that of
        another model.
    """
    network = transformers_class(published.network)
    if source is None:
        made = network(without_decoder(network.config_class(**published.config)))
        no_values = any(parameter.is_meta for parameter in made.parameters())
        return made.to("meta") if no_values else made  # some are made on the CPU regardless
    config = _config(published, network.config_class, source)
    files = _files(source, published.tensors)
    return load_pretrained(
        Checkpoint(network, without_decoder(config), files, lambda _: published.part)
    )


def _files(source: Path, name: str) -> list[Path]:
    """Return the released file of tensors, or those that stand in its place."""
    try:
        return [find_file(source, name)]
    except InputError:
        return weight_files(source)


def _config(published: Published, config_class: Any, source: Path) -> Any:
    """Return the configuration, read from the folder where it is there, and compared."""
    path = source / CONFIG
    if not path.is_file():
        return config_class(**published.config)
    values = _read_json(path)
    kind = values.get("model_type", config_class.model_type)
    if kind != config_class.model_type:
        expected = {"model_type": config_class.model_type}
        _compare(path, {"model_type": kind}, expected, published)
    config = config_class.from_dict(values)
    found = {key: getattr(config, key, None) for key in published.config}
    _compare(path, found, published.config, published)
    path = source / "preprocessor_config.json"
    if path.is_file():
        values = _read_json(path)
        stated = {key: value for key, value in published.front_end.items() if key in values}
        _compare(path, values, stated, published)
    return config


def _read_json(path: Path) -> dict[str, Any]:
    try:
        content = json.loads(path.read_text(encoding="utf-8"))
    except (OSError, ValueError, RecursionError) as error:
        raise InputError(f"{path}: cannot be read ({error}); expected JSON") from error
    if not isinstance(content, dict):
        raise InputError(f"{path}: holds a {type(content).__name__}; expected a JSON object")
    return content


def _compare(
    path: Path, found: Mapping[str, Any], expected: Mapping[str, Any], published: Published
) -> None:
    for key, value in expected.items():
        there = found[key]
        if (list(there) if isinstance(there, tuple) else there) != value:
            raise InputError(
                f"{path}: {key} is {there!r}; expected {value!r}, as in {published.repository}. "
                f"Load another model by its folder: {path.parent}"
            )
