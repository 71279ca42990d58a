"""Networks of transformers, from local files only, with every tensor accounted for."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch
from torch import Tensor

from heschl.errors import InputError
from heschl.models.huggingface.library import first_line, quietly
from heschl.models.weights import read_contents
from heschl.models.weights.strict import FLOATS

_SHOWN = 3

#: Parameters that only training uses; where a checkpoint lacks one (as that of wav2vec2-base-960h
#: does), it is zero instead of random, so that it does not enter the model's identity.
_ONLY_IN_TRAINING = frozenset({"masked_spec_embed"})

#: Tables that are computed, not learned, which files of older versions of transformers may hold.
_TABLES = re.compile(r".*(embed_positions\.weights|position_ids)")


@dataclass(frozen=True)
class Checkpoint:
    """Where tensors come from, and how the network that takes them is made.

    Attributes
    ----------
    network : type
        Class of transformers.
    config : object
        Of transformers.
    files : sequence of Path
        Of tensors: one, or all shards.
    part : callable
        Takes the network and returns the path of the submodule that is used, empty for all of it:
        tensors of other submodules may be absent or left over.
    """

    network: Any
    config: Any
    files: Sequence[Path]
    part: Callable[[Any], str]

    @property
    def name(self) -> str:
        """The file, or the folder of the shards."""
        return str(self.files[0] if len(self.files) == 1 else self.files[0].parent)


def load_pretrained(checkpoint: Checkpoint) -> Any:
    """Make a network and fill it with the tensors of a checkpoint.

    The files are read by `read_contents`: nothing of them is run. Tensors become float32.

    Returns
    -------
    torch.nn.Module

    Raises
    ------
    InputError
        If the files are missing or damaged, or a tensor of the part that is used is missing, left
        over, of another shape or kind, or not finite; it is named.
    """
    tensors = _tensors(checkpoint.files)
    with quietly():
        try:
            network, report = checkpoint.network.from_pretrained(
                None,
                config=checkpoint.config,
                state_dict=tensors,
                dtype=torch.float32,
                output_loading_info=True,
                ignore_mismatched_sizes=True,  # they are reported, and refused here
            )
        except Exception as error:
            raise InputError(
                f"{checkpoint.name}: cannot be read as {checkpoint.config.model_type} "
                f"({type(error).__name__}: {first_line(error)}); expected the tensors of what "
                "config.json describes. Fetch it again"
            ) from error
    _check(network, report, tensors, checkpoint)
    return network


def _tensors(files: Sequence[Path]) -> dict[str, Tensor]:
    """Read files; no tensor may be in two of them, or have numbers that lose half when cast."""
    found: dict[str, Tensor] = {}
    for path in files:
        for name, tensor in read_contents(path).state().items():
            if name in found or tensor.is_complex():
                what = "is in another file, too" if name in found else "has complex numbers"
                raise InputError(f"{path}: tensor {name} {what}; expected real ones, each once")
            found[name] = tensor
    return found


def without_decoder(config: Any) -> Any:
    """Leave out a decoder, which none of the layers needs."""
    if getattr(config, "decoder_layers", None):
        config.decoder_layers = 0
    return config


def _check(
    network: Any, report: Mapping[str, Any], tensors: Mapping[str, Tensor], checkpoint: Checkpoint
) -> None:
    """Refuse tensors that are not those of the part that is used."""
    used = checkpoint.part(network)
    part = f"{used}." if used else ""
    problems = [
        f"{name} has shape {tuple(there)}, expected {tuple(wanted)}"
        for name, there, wanted in sorted(report["mismatched_keys"])
        if name.startswith(part)
    ]
    missing = sorted(name for name in report["missing_keys"] if name.startswith(part))
    for name in [name for name in missing if name.rpartition(".")[2] in _ONLY_IN_TRAINING]:
        torch.nn.init.zeros_(network.get_parameter(name))
        missing.remove(name)
    problems += [f"{name} is missing" for name in missing]
    problems += [
        f"{name} is not expected"
        for name in sorted(report["unexpected_keys"])
        if _belongs(name, network, part)
    ]
    given = {name: one for name, one in tensors.items() if _belongs(name, network, part)}
    problems += _of_other_kinds(network, given)
    problems += [f"{name} is not finite" for name in _not_finite(network.get_submodule(used))]
    problems += [str(message) for message in report["error_msgs"]]
    if problems:
        more = f" and {len(problems) - _SHOWN} more" if len(problems) > _SHOWN else ""
        raise InputError(
            f"{checkpoint.name}: tensor {', tensor '.join(problems[:_SHOWN])}{more}; expected "
            f"those of {type(network).__name__} as its configuration says. It is damaged, or of "
            "another model"
        )


def _belongs(name: str, network: Any, part: str) -> bool:
    """Whether a tensor of a file has to be in the part of the network that is used.

    A head for the task that a checkpoint was trained for lies beside the base network.
    """
    if _TABLES.fullmatch(name):
        return False
    prefix = f"{network.base_model_prefix}."
    inside = name.removeprefix(prefix)
    known = {*network._modules, *network._parameters, *network._buffers}
    of_network = (inside != name and len(prefix) > 1) or inside.partition(".")[0] in known
    return of_network and inside.startswith(part)


def _of_other_kinds(network: Any, tensors: Mapping[str, Tensor]) -> list[str]:
    """Find numbers that the library would have made floats of, whatever they mean."""
    counts = tuple(
        name.rpartition(".")[2]
        for name, tensor in network.state_dict().items()
        if not tensor.is_floating_point()
    )
    kinds = {name: str(tensor.dtype).removeprefix("torch.") for name, tensor in tensors.items()}
    return [
        f"{name} has numbers of type {kind}, expected one of {', '.join(FLOATS)}"
        for name, kind in sorted(kinds.items())
        if kind not in FLOATS and name.rpartition(".")[2] not in counts
    ]


def _not_finite(part: torch.nn.Module) -> list[str]:
    return [
        name
        for name, tensor in part.state_dict().items()
        if tensor.is_floating_point() and not bool(torch.isfinite(tensor).all())
    ]
