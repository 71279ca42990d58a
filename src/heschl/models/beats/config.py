"""The configuration of a BEATs checkpoint: read from its file, and checked."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from heschl.errors import InputError
from heschl.models.base import ModelSpec

#: What decides numbers, as published (microsoft/unilm, beats/).
PUBLISHED: Mapping[str, Any] = {
    "input_patch_size": 16,
    "embed_dim": 512,
    "conv_bias": False,
    "encoder_layers": 12,
    "encoder_embed_dim": 768,
    "encoder_ffn_embed_dim": 3072,
    "encoder_attention_heads": 12,
    "activation_fn": "gelu",
    "layer_norm_first": False,
    "deep_norm": True,
    "conv_pos": 128,
    "conv_pos_groups": 16,
    "relative_position_embedding": True,
    "num_buckets": 320,
    "max_distance": 800,
    "gru_rel_pos": True,
    "finetuned_model": False,
    "predictor_class": 527,
}

#: What the original takes for an entry that is not there, where it is not the published value.
_ABSENT: Mapping[str, Any] = {
    "input_patch_size": -1,
    "deep_norm": False,
    "relative_position_embedding": False,
    "max_distance": 1280,
    "gru_rel_pos": False,
}

#: What a file may choose; tensors whose shapes depend on it are checked when they are loaded.
_FREE = ("deep_norm", "conv_pos", "conv_pos_groups", "num_buckets", "max_distance")


@dataclass(frozen=True)
class Config:
    """Sizes and constants of a network, under the names they have in ``cfg``.

    Attributes
    ----------
    input_patch_size : int
        Side of a patch: frames and mel bands.
    embed_dim : int
        Of a patch.
    encoder_layers, encoder_embed_dim, encoder_ffn_embed_dim, encoder_attention_heads : int
        Blocks, their width, that of their feed-forward part, and heads.
    deep_norm : bool
        Whether what goes past a sub-layer is scaled by ``(2 encoder_layers)^(1/4)``.
    conv_pos, conv_pos_groups : int
        Taps and groups of the convolution that tells positions.
    num_buckets, max_distance : int
        Of relative positions, in tokens.
    predictor_class : int or None
        Classes of the predictor; None without one.
    """

    input_patch_size: int
    embed_dim: int
    encoder_layers: int
    encoder_embed_dim: int
    encoder_ffn_embed_dim: int
    encoder_attention_heads: int
    deep_norm: bool
    conv_pos: int
    conv_pos_groups: int
    num_buckets: int
    max_distance: int
    predictor_class: int | None


def published(spec: ModelSpec) -> Config:
    """Return the published configuration of a model."""
    return _config({**PUBLISHED, **spec.options})


def from_cfg(spec: ModelSpec, cfg: object, source: Path) -> Config:
    """Return the configuration that a file carries.

    Parameters
    ----------
    spec : ModelSpec
        Which model it should be.
    cfg : object
        What the file has under that name. An absent entry has the value that the original gives it.
    source : Path
        Of the file, for messages.

    Returns
    -------
    Config

    Raises
    ------
    InputError
        If there is no ``cfg``, or an entry is not that of this model or cannot be; it is named.
    """
    if not isinstance(cfg, Mapping):
        raise InputError(
            f"{source}: its cfg is {cfg!r:.80}; expected a dictionary such as {dict(PUBLISHED)}. "
            "Fetch the published checkpoint"
        )
    expected = {**PUBLISHED, **spec.options}
    values = {key: cfg.get(key, _ABSENT.get(key, PUBLISHED[key])) for key in PUBLISHED}
    for key, value in values.items():
        if key in _FREE or (key == "predictor_class" and not expected["finetuned_model"]):
            continue
        if type(value) is not type(expected[key]) or value != expected[key]:
            raise InputError(
                f"{source}: its cfg says {key} = {value!r}; expected {expected[key]!r} for "
                f"{spec.name}. It is the checkpoint of another model: check which one it is"
            )
    _check_free(values, source)
    return _config(values)


def _check_free(values: Mapping[str, Any], source: Path) -> None:
    width = values["encoder_embed_dim"]
    wants: dict[str, tuple[str, Callable[[Any], bool]]] = {
        "deep_norm": ("True or False", lambda v: isinstance(v, bool)),
        "conv_pos": ("a whole number from 1 on", _is_count),
        "conv_pos_groups": (f"a divisor of {width}", lambda v: _is_count(v) and width % v == 0),
        "num_buckets": ("a multiple of 4", lambda v: _is_count(v) and v % 4 == 0),
        "max_distance": (
            "a whole number above num_buckets / 4",
            lambda v: _is_count(v) and v > values["num_buckets"] // 4,
        ),
    }
    for key, (wanted, holds) in wants.items():
        if not holds(values[key]):
            raise InputError(
                f"{source}: its cfg says {key} = {values[key]!r}; expected {wanted}. Fetch the "
                "published checkpoint again"
            )


def _is_count(value: object) -> bool:
    return isinstance(value, int) and not isinstance(value, bool) and value > 0


def _config(values: Mapping[str, Any]) -> Config:
    sizes = {key: values[key] for key in Config.__dataclass_fields__}
    return Config(**sizes | ({} if values["finetuned_model"] else {"predictor_class": None}))
