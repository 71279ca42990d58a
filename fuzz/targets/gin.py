"""Gin texts of EnCodecMAE's checkpoints. InputError is all that may come."""

from __future__ import annotations

import contextlib

import torch

from heschl.errors import InputError
from heschl.models.encodecmae import configuration
from heschl.models.encodecmae.configuration import Configuration
from heschl.models.encodecmae.gin import Bindings

_LAYER = "visible_encoder.encoder_layers.0"
#: Front ends, and how many numbers each gives by default.
FRONT_ENDS = {"mel": 256, "spectrogram": 257, "encodec": 128}
ASKED = (("", "MODEL_DIM"), ("MultiHeadAttention", "num_heads"), ("EncodecEncoder", "scale"))


def tensors(front_end: str) -> dict[str, torch.Tensor]:
    """Return tensors of the shapes of a network of one layer; without numbers."""
    shapes = {
        "wav_encoder.post_net.weight": (768, FRONT_ENDS[front_end]),
        f"{_LAYER}.att_layer.wq.weight": (768, 768),
        f"{_LAYER}.ff_layer.0.weight": (4096, 768),
    }
    return {name: torch.empty(shape, device="meta") for name, shape in shapes.items()}


TENSORS = {front_end: tensors(front_end) for front_end in FRONT_ENDS}


def check(content: bytes) -> None:
    """Read a text as the configuration of a network, with the front end that it speaks of."""
    text = content.decode("utf-8", errors="replace")
    with contextlib.suppress(InputError):
        bindings = Bindings(text, "x")
        for configurable, parameter in ASKED:
            bindings.find(configurable, parameter, "encoder")
    front_end = "encodec" if "Encodec" in text else "mel"
    if "SpectrogramProcessor" in text:
        front_end = "spectrogram"
    there = TENSORS[front_end]
    try:
        configuration.kind(text, there, source="x")
        found = configuration.read(text, there, {"front_end": front_end}, source="x")
    except InputError:
        return
    _check_again(found, front_end)


def _check_again(found: Configuration, front_end: str) -> None:
    text = configuration.write(found)
    again = configuration.read(text, TENSORS[front_end], {"front_end": front_end}, source="x")
    if again != found:
        raise AssertionError(f"{again} was written of {found}")
