"""The official checkpoints: which of their tensors are the network, and checks of all others.

A checkpoint holds the whole model as it was trained: ``preproc`` (a mean and a standard deviation,
0 and 1), ``model.0`` (the cochleagram), ``model.1`` (the network with its heads), and all of it
once more below ``attacker``. What heschl computes itself is compared with what is stored.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from torch import Tensor

from heschl.errors import InputError
from heschl.models.cochdnn import CLASSES
from heschl.models.cochleagram import N_CHANNELS, N_TAPS, filters, lowpass_taps

#: Samples for which the filters of the front end are stored.
N_SAMPLES = 40_000

_NETWORK = "model.1."
_UNUSED = re.compile(r"(attacker|preproc|normalizer|model\.0)\..+")

#: Of the largest value of a stored table; another configuration differs by much more.
_TOLERANCE = 1e-3


def trunk(
    state: Mapping[str, Tensor], *, head: str, task: str, n_features: int, source: Path
) -> dict[str, Tensor]:
    """Return the tensors of the network without its heads, after a look at all others.

    Parameters
    ----------
    state : mapping of str to Tensor
        What the checkpoint has under "model".
    head : str
        What the heads are called.
    task : str
    n_features : int
        That the heads take.
    source : Path
        For messages.

    Raises
    ------
    InputError
        If a tensor of the heads or of the front end is missing or another one, or one is there that
        belongs to nothing; it is named.
    """
    state = {name.removeprefix("module."): tensor for name, tensor in state.items()}
    for name in state:
        if not name.startswith(_NETWORK) and not _UNUSED.fullmatch(name):
            raise InputError(
                f"{source}: tensor {name} is not expected; expected those of CochDNN, below "
                f"{_NETWORK[:-1]}, model.0, preproc and attacker. Check which checkpoint it is"
            )
    _check_front_end(state, source)
    network = {
        name.removeprefix(_NETWORK): tensor
        for name, tensor in state.items()
        if name.startswith(_NETWORK)
    }
    for name, shape in head_shapes(head, task, n_features).items():
        if name not in network:
            raise InputError(
                f"{source}: tensor {_NETWORK}{name} is missing; expected the head of this task. "
                "Check that it is the checkpoint of this model"
            )
        found = tuple(network.pop(name).shape)
        if found != shape:
            raise InputError(
                f"{source}: tensor {_NETWORK}{name} has shape {found}; expected {shape}. It is the "
                "checkpoint of another model"
            )
    return network


def head_shapes(head: str, task: str, n_features: int) -> dict[str, tuple[int, ...]]:
    """Return the shapes of the heads: one of the word networks, three of all others."""
    classes = CLASSES.items()
    ways = {head: 794} if task == "word" else {f"{head}.{name}": n for name, n in classes}
    return {
        f"{way}.{part}": shape
        for way, n in ways.items()
        for part, shape in (("weight", (n, n_features)), ("bias", (n,)))
    }


def _check_front_end(state: Mapping[str, Tensor], source: Path) -> None:
    """Compare heschl's own front end with the stored one."""
    key = _only(state, r"model\.0\..*coch_filters", "coch_filters", source)
    _check_table(state[key], filters(N_SAMPLES), (N_CHANNELS, N_SAMPLES // 2 + 1, 2), key, source)
    key = _only(state, r"model\.0\..*downsample_filter", "downsample_filter", source)
    _check_table(state[key], lowpass_taps(), (1, 1, N_TAPS), key, source)
    _check_normalisation(state, source)


def _check_table(
    tensor: Tensor, own: NDArray[np.float64], shape: tuple[int, ...], key: str, source: Path
) -> None:
    """Compare a stored table, of complex numbers if its last axis is 2, with a real one."""
    stored = tensor.detach().cpu().numpy()
    if stored.shape != shape:
        raise InputError(
            f"{source}: tensor {key} has shape {stored.shape}; expected {shape}. Its front end is "
            "not the one of the published networks"
        )
    real, imaginary = (stored[..., 0], stored[..., 1]) if shape[-1] == 2 else (stored, 0.0)
    deviation = float(np.maximum(np.abs(real - own).max(), np.abs(imaginary).max()))
    if not deviation <= _TOLERANCE * float(np.abs(own).max()):  # nan is refused, too
        raise InputError(
            f"{source}: tensor {key} differs from heschl's own table by up to {deviation:.3g}; "
            "expected the front end of the published networks (cochleagram_1), or the activations "
            "would be other ones. Check which checkpoint it is"
        )


def _check_normalisation(state: Mapping[str, Tensor], source: Path) -> None:
    """Refuse a mean or standard deviation other than 0 and 1: heschl applies none."""
    for name, tensor in state.items():
        match = re.fullmatch(r"(?:preproc|normalizer)\..*new_(mean|std)", name)
        if match is None:
            continue
        expected = 0.0 if match[1] == "mean" else 1.0
        if not bool((tensor.double() == expected).all()):
            raise InputError(
                f"{source}: tensor {name} is {tensor.flatten()[:3].tolist()}; expected "
                f"{expected:g}, as in the published networks"
            )


def _only(state: Mapping[str, Tensor], pattern: str, what: str, source: Path) -> str:
    found = [name for name in state if re.fullmatch(pattern, name)]
    if len(found) != 1:
        raise InputError(
            f"{source}: {len(found)} tensors model.0.*{what}; expected one, the front end as it "
            "was trained. Check that it is the published checkpoint"
        )
    return found[0]
