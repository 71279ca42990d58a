"""The released files of SpeechBrain's two models, as the facts in models.md describe them."""

from __future__ import annotations

import math
import zlib
from collections import OrderedDict
from pathlib import Path

import numpy as np
import torch

NAMES = ("sepformer", "metricgan")

LAYERS = {
    "sepformer": {
        "encoder.conv1d": 256,
        **{f"{b}.{way}.{i}": 256 for b in (0, 1) for way in ("intra", "inter") for i in range(8)},
    },
    "metricgan": {"blstm.l1": 400, "blstm.l2": 400, "linear1": 300, "linear2": 257},
}

#: released file -> prefix of its keys in `shapes`
FILES = {
    "sepformer": {"encoder.ckpt": "encoder.", "masknet.ckpt": "masknet."},
    "metricgan": {"enhance_model.ckpt": ""},
}


def shapes(name, **sizes):
    """Official key -> shape; of SepFormer with the prefixes of the recipe, ``encoder.`` and so on.

    ``sizes`` makes a smaller network: width, hidden, layers, positions; units, hidden.
    """
    return dict(_sepformer(**sizes) if name == "sepformer" else _metricgan(**sizes))


def _sepformer(width=256, hidden=1024, layers=8, positions=2500):
    yield "encoder.conv1d.weight", (width, 1, 16)
    yield "masknet.norm.weight", (width,)
    yield "masknet.norm.bias", (width,)
    yield "masknet.conv1d.weight", (width, width, 1)
    for block in ("0", "1"):
        for way in ("intra", "inter"):
            stem = f"masknet.dual_mdl.{block}.{way}"
            yield f"{stem}_mdl.pos_enc.pe", (1, positions, width)
            for i in range(layers):
                layer = f"{stem}_mdl.mdl.layers.{i}"
                yield f"{layer}.self_att.att.in_proj_weight", (3 * width, width)
                yield f"{layer}.self_att.att.in_proj_bias", (3 * width,)
                yield f"{layer}.self_att.att.out_proj.weight", (width, width)
                yield f"{layer}.self_att.att.out_proj.bias", (width,)
                yield f"{layer}.pos_ffn.ffn.0.weight", (hidden, width)
                yield f"{layer}.pos_ffn.ffn.0.bias", (hidden,)
                yield f"{layer}.pos_ffn.ffn.3.weight", (width, hidden)
                yield f"{layer}.pos_ffn.ffn.3.bias", (width,)
                for norm in ("norm1", "norm2"):
                    yield f"{layer}.{norm}.norm.weight", (width,)
                    yield f"{layer}.{norm}.norm.bias", (width,)
            yield f"{stem}_mdl.mdl.norm.norm.weight", (width,)
            yield f"{stem}_mdl.mdl.norm.norm.bias", (width,)
            yield f"{stem}_norm.weight", (width,)
            yield f"{stem}_norm.bias", (width,)
    yield "masknet.prelu.weight", (1,)
    yield "masknet.conv2d.weight", (2 * width, width, 1, 1)
    yield "masknet.conv2d.bias", (2 * width,)
    for part in ("output.0", "output_gate.0"):
        yield f"masknet.{part}.weight", (width, width, 1)
        yield f"masknet.{part}.bias", (width,)
    yield "masknet.end_conv1x1.weight", (width, width, 1)


def _metricgan(units=200, hidden=300):
    for layer, inputs in (("l0", 257), ("l1", 2 * units)):
        for way in ("", "_reverse"):
            yield f"blstm.rnn.weight_ih_{layer}{way}", (4 * units, inputs)
            yield f"blstm.rnn.weight_hh_{layer}{way}", (4 * units, units)
            yield f"blstm.rnn.bias_ih_{layer}{way}", (4 * units,)
            yield f"blstm.rnn.bias_hh_{layer}{way}", (4 * units,)
    yield "linear1.weight", (hidden, 2 * units)
    yield "linear1.bias", (hidden,)
    yield "linear2.weight", (257, hidden)
    yield "linear2.bias", (257,)
    yield "Learnable_sigmoid.slope", (257,)


def positions(shape):
    """Sinusoids in float64: even channels sines, odd ones cosines, base 10000."""
    _, n_positions, width = shape
    table = np.zeros(shape)
    for i in range(0, width, 2):
        turn = np.arange(n_positions) / 10_000 ** (i / width)
        table[0, :, i], table[0, :, i + 1] = np.sin(turn), np.cos(turn)
    return table.astype(np.float32)


def write(name, folder: Path, fill, **sizes):
    """Write the released files: flat dictionaries of tensors, keys without the recipe's prefixes.

    The tables of positions are what they are; everything else is ``fill(key, shape)``.
    """
    every = shapes(name, **sizes)
    for file, prefix in FILES[name].items():
        state = OrderedDict()
        for key, shape in every.items():
            if key.startswith(prefix):
                value = positions(shape) if key.endswith("pos_enc.pe") else fill(key, shape)
                state[key.removeprefix(prefix)] = torch.from_numpy(np.asarray(value, np.float32))
        torch.save(state, folder / file)


# for the tests of both


def fill(key, shape):
    """Seeded values by key, scaled so that they neither vanish nor grow."""
    x = np.random.default_rng(zlib.crc32(key.encode())).standard_normal(shape)
    if len(shape) > 1:
        return x / math.sqrt(np.prod(shape[1:]))
    return (1 + 0.1 * x) if key.endswith("weight") else 0.1 * x


def clips(n_sounds, n_samples, seed=0):
    x = np.random.default_rng(seed).standard_normal((n_sounds, n_samples))
    return (0.1 * x * np.hanning(n_samples)).astype(np.float32)


def _miss(state, key):
    state["another"] = state.pop(key)


def _shorten(state, key):
    state[key] = state[key][:-1]


def _spoil(state, key):
    state[key].view(-1)[0] = math.nan


def _add(state, key):
    state[f"{key}.more"] = torch.zeros(1)


#: ways in which one tensor of a file can be wrong
CHANGES = (_miss, _shorten, _spoil, _add)
