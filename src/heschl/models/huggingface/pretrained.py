"""Networks of transformers, from local files only, with every tensor accounted for."""

from __future__ import annotations

import importlib
import json
import re
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch

from heschl.errors import InputError, MissingDependencyError
from heschl.models.huggingface.published import Published
from heschl.models.weights import find_file, read_contents

_SHOWN = 3

#: Parameters that only training uses; where a checkpoint lacks one (as that of wav2vec2-base-960h
#: does), it is zero instead of random, so that it does not enter the model's identity.
_ONLY_IN_TRAINING = frozenset({"masked_spec_embed"})

#: Tables that are computed, not learned, which files of older versions of transformers may hold.
_TABLES = re.compile(r".*(embed_positions\.weights|position_ids)")


def transformers_class(name: str) -> Any:
    """Import a class of transformers; the import takes seconds, so it comes late.

    Raises
    ------
    MissingDependencyError
        If transformers is not installed, is broken, or has no such class.
    """
    try:
        return getattr(importlib.import_module("transformers"), name)
    except (ImportError, OSError, AttributeError, RuntimeError) as error:
        raise MissingDependencyError(
            f"transformers gives no {name} ({str(error).splitlines()[0]}); expected a working "
            "transformers 5: pip install 'heschl[zoo]' (a torchaudio or torchvision that does not "
            "fit to torch breaks it: remove that one)"
        ) from error


@contextmanager
def quietly() -> Iterator[None]:
    """Keep transformers from writing reports and progress bars; what is wrong is raised here."""
    logging = importlib.import_module("transformers.utils.logging")
    verbosity, bars = logging.get_verbosity(), logging.is_progress_bar_enabled()
    logging.set_verbosity(logging.CRITICAL)
    logging.disable_progress_bar()
    try:
        yield
    finally:
        logging.set_verbosity(verbosity)
        if bars:
            logging.enable_progress_bar()


@dataclass(frozen=True)
class Checkpoint:
    """Where tensors come from, and how the network that takes them is made.

    Attributes
    ----------
    network : type
        Class of transformers, or one of its automatic ones.
    config : object
        Of transformers.
    source : Path
        A folder in the layout of the hub, or one file of tensors.
    part : callable
        Takes the network and returns the path of the submodule that is used, empty for all of it:
        tensors of other submodules may be absent or left over.
    """

    network: Any
    config: Any
    source: Path
    part: Callable[[Any], str]


def load_pretrained(checkpoint: Checkpoint) -> Any:
    """Make a network and fill it with the tensors of a checkpoint.

    Nothing is asked of the hub and no code of the folder is run; tensors become float32.

    Returns
    -------
    torch.nn.Module

    Raises
    ------
    InputError
        If the files are missing or damaged, or a tensor of the part that is used is missing, left
        over, of another shape, or not finite; it is named.
    """
    options = {
        "config": checkpoint.config,
        "dtype": torch.float32,
        "output_loading_info": True,
        "ignore_mismatched_sizes": True,  # they are reported, and refused here
    }
    place: Path | None = checkpoint.source
    if checkpoint.source.is_file():
        place, options["state_dict"] = None, read_contents(checkpoint.source).state()
    else:
        options |= {"local_files_only": True, "trust_remote_code": False}
    with quietly():
        try:
            network, report = checkpoint.network.from_pretrained(place, **options)
        except Exception as error:
            raise InputError(
                f"{checkpoint.source}: cannot be read as {checkpoint.config.model_type} "
                f"({type(error).__name__}: {_first_line(error)}); expected config.json and whole "
                "weights (model.safetensors, or a pytorch_model.bin that holds only tensors). "
                "Fetch it again"
            ) from error
    _check(network, report, checkpoint)
    return network


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
    if source.is_dir() and not (source / "config.json").is_file():
        source = find_file(source, published.tensors)
    return load_pretrained(
        Checkpoint(network, without_decoder(config), source, lambda _: published.part)
    )


def read_json(path: Path) -> dict[str, Any]:
    """Read a JSON file that holds an object.

    Raises
    ------
    InputError
        If it is missing, damaged or something else.
    """
    try:
        content = json.loads(path.read_text(encoding="utf-8"))
    except (OSError, UnicodeDecodeError, json.JSONDecodeError) as error:
        raise InputError(f"{path}: cannot be read ({error}); expected JSON") from error
    if not isinstance(content, dict):
        raise InputError(f"{path}: holds a {type(content).__name__}; expected a JSON object")
    return content


def _config(published: Published, config_class: Any, source: Path) -> Any:
    """Return the configuration, read from the folder where it is there, and compared."""
    if not (source / "config.json").is_file():
        return config_class(**published.config)
    values = read_json(source / "config.json")
    kind = values.get("model_type", config_class.model_type)
    config = config_class.from_dict(values) if kind == config_class.model_type else None
    found = {key: getattr(config, key, None) for key in published.config}
    if config is None:
        found, expected = {"model_type": kind}, {"model_type": config_class.model_type}
        _compare(source / "config.json", found, expected, published)
    _compare(source / "config.json", found, published.config, published)
    path = source / "preprocessor_config.json"
    if path.is_file():
        _compare(path, read_json(path), published.front_end, published, absent_is_fine=True)
    return config


def _compare(
    path: Path,
    found: Mapping[str, Any],
    expected: Mapping[str, Any],
    published: Published,
    *,
    absent_is_fine: bool = False,
) -> None:
    for key, value in expected.items():
        if absent_is_fine and key not in found:
            continue
        there = found.get(key)
        if (list(there) if isinstance(there, tuple) else there) != value:
            raise InputError(
                f"{path}: {key} is {there!r}; expected {value!r}, as in {published.repository}. "
                f"Load another model by its folder: {path.parent}"
            )


def without_decoder(config: Any) -> Any:
    """Leave out a decoder, which none of the layers needs."""
    if getattr(config, "decoder_layers", None):
        config.decoder_layers = 0
    return config


def _check(network: Any, report: Mapping[str, Any], checkpoint: Checkpoint) -> None:
    """Refuse tensors that are not those of the part that is used."""
    used = checkpoint.part(network)
    part = f"{used}." if used else ""
    problems = [f"{name} has shape {tuple(there)}, expected {tuple(wanted)}"
                for name, there, wanted in sorted(report["mismatched_keys"])
                if name.startswith(part)]  # fmt: skip
    missing = sorted(name for name in report["missing_keys"] if name.startswith(part))
    for name in [name for name in missing if name.rpartition(".")[2] in _ONLY_IN_TRAINING]:
        torch.nn.init.zeros_(network.get_parameter(name))
        missing.remove(name)
    problems += [f"{name} is missing" for name in missing]
    problems += [
        f"{name} is not expected"
        for name in sorted(report["unexpected_keys"])
        if _belongs(name, network, part) and not _TABLES.fullmatch(name)
    ]
    problems += [f"{name} is not finite" for name in _not_finite(network.get_submodule(used))]
    problems += [str(message) for message in report["error_msgs"]]
    if problems:
        more = f" and {len(problems) - _SHOWN} more" if len(problems) > _SHOWN else ""
        raise InputError(
            f"{checkpoint.source}: tensor {', tensor '.join(problems[:_SHOWN])}{more}; expected "
            f"those of {type(network).__name__} as its configuration says. It is damaged, or of "
            "another model"
        )


def _belongs(name: str, network: Any, part: str) -> bool:
    """Whether a tensor that the network did not take is of the part that is used.

    A head for the task that a checkpoint was trained for lies beside the base network.
    """
    prefix = f"{network.base_model_prefix}."
    inside = name.removeprefix(prefix)
    known = {*network._modules, *network._parameters, *network._buffers}
    of_network = (inside != name and len(prefix) > 1) or inside.partition(".")[0] in known
    return of_network and inside.startswith(part)


def _not_finite(part: torch.nn.Module) -> list[str]:
    return [
        name
        for name, tensor in part.state_dict().items()
        if tensor.is_floating_point() and not bool(torch.isfinite(tensor).all())
    ]


def _first_line(error: BaseException) -> str:
    lines = str(error).strip().splitlines()
    return lines[0] if lines else "no reason given"
