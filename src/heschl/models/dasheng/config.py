"""The configuration of a Dasheng checkpoint: read from its file, and checked."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, fields
from pathlib import Path
from typing import Any

from heschl.errors import InputError
from heschl.models.base import ModelSpec

PATCH = 4  # frames of a patch, which has all mel bands

#: What the network here is; the values are also those of an entry that is absent.
_FIXED: Mapping[str, Any] = {
    "patch_size": [64, PATCH],
    "patch_stride": [64, PATCH],
    "n_mels": 64,
    "mlp_ratio": 4,
    "qkv_bias": True,
    "norm_layer": None,
    "act_layer": None,
    "init_values": None,
    "pooling": "mean",
    "block_type": "Block",
    "attention_type": "Attention",
    "center": True,
}


@dataclass(frozen=True)
class Config:
    """Sizes and constants of a network, under the names they have in ``config``.

    Attributes
    ----------
    embed_dim, depth, num_heads : int
        Width, blocks and heads.
    target_length : int
        Frames of the longest piece that goes through the network at once.
    n_fft, win_size, hop_size : int
        Of the spectra, in samples.
    f_min, f_max : float
        Edges of the mel bands in Hz.
    top_db : float or None
        How far below its maximum a spectrogram reaches, in dB; None: down to the floor.
    """

    embed_dim: int
    depth: int
    num_heads: int
    target_length: int = 1008
    n_fft: int = 512
    win_size: int = 512
    hop_size: int = 160
    f_min: float = 0.0
    f_max: float = 8000.0
    top_db: float | None = 120.0


_SIZES = ("embed_dim", "depth", "num_heads")


def published(spec: ModelSpec) -> Config:
    """Return the published configuration of a model."""
    names = {field.name for field in fields(Config)}
    return Config(**{key: value for key, value in spec.options.items() if key in names})


def from_file(spec: ModelSpec, config: object, source: Path) -> Config:
    """Return the configuration that a file carries.

    Parameters
    ----------
    spec : ModelSpec
        Which model it should be; the original gives its sizes itself, so that they may be absent.
    config : object
        What the file has under that name.
    source : Path
        Of the file, for messages.

    Returns
    -------
    Config

    Raises
    ------
    InputError
        If there is no ``config``, or an entry is not that of this model or cannot be; it is named.
    """
    known = published(spec)
    if not isinstance(config, Mapping):
        raise InputError(
            f"{source}: its config is {config!r:.80}; expected a dictionary such as "
            f"{ {key: getattr(known, key) for key in _SIZES} }. Fetch the published checkpoint"
        )
    for key in _SIZES:
        _expect(key, config.get(key, getattr(known, key)), getattr(known, key), spec, source)
    for key, value in _FIXED.items():
        _expect(key, config.get(key, value), value, spec, source)
    values = {}
    for field in fields(Config):
        value = config.get(field.name, getattr(known, field.name))
        wanted, holds = _LIMITS.get(field.name, ("", None))
        if holds is not None and not holds(value):
            raise InputError(
                f"{source}: its config says {field.name} = {value!r}; expected {wanted}. Fetch the "
                "published checkpoint again"
            )
        values[field.name] = value
    found = Config(**values)
    _check_together(found, source)
    return found


def _expect(key: str, value: object, expected: object, spec: ModelSpec, source: Path) -> None:
    same = list(value) if isinstance(value, tuple) else value
    if same != expected or isinstance(same, bool) != isinstance(expected, bool):
        raise InputError(
            f"{source}: its config says {key} = {value!r}; expected {expected!r} for {spec.name}. "
            "It is the checkpoint of another model: check which one it is"
        )


def _check_together(config: Config, source: Path) -> None:
    if config.win_size > config.n_fft:
        raise InputError(
            f"{source}: its config says win_size = {config.win_size}; expected at most n_fft = "
            f"{config.n_fft}. Fetch the published checkpoint again"
        )
    if not 0 <= config.f_min < config.f_max:
        raise InputError(
            f"{source}: its config says f_min = {config.f_min} and f_max = {config.f_max}; "
            "expected 0 <= f_min < f_max. Fetch the published checkpoint again"
        )


def _is_count(value: object) -> bool:
    return isinstance(value, int) and not isinstance(value, bool) and value > 0


def _is_number(value: object) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool)


_LIMITS: Mapping[str, tuple[str, Callable[[Any], bool]]] = {
    "target_length": (f"a multiple of {PATCH}", lambda v: _is_count(v) and v % PATCH == 0),
    "n_fft": ("a whole number from 1 on", _is_count),
    "win_size": ("a whole number from 1 on", _is_count),
    "hop_size": ("a whole number from 1 on", _is_count),
    "f_min": ("a number", _is_number),
    "f_max": ("a number", _is_number),
    "top_db": ("a number from 0 on, or None", lambda v: v is None or (_is_number(v) and v >= 0)),
}
