"""Size and arithmetic of every model of the table: what ``heschl/models/costs.csv`` says.

Networks have fresh weights, which change nothing of what is counted. Operations of torch are
counted where they are carried out, in one forward pass of one sound of 2 s: by torch's own counter
(matrix products, convolutions), and by the formulas below where it knows none (attention and LSTMs
as the CPU runs them, Fourier transforms). What is computed without torch, which is the cochleagram
and the hand-built models, is counted by hand from the same formulas. Operations on single elements
do not count.

Run: python benchmarks/costs.py [MODEL ...]

All models, one after the other, write the table, in a minute and a half. Models that are named are
only printed.
"""

from __future__ import annotations

import csv
import gc
import math
import sys
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch.utils.flop_counter import FlopCounterMode, sdpa_flop_count

from heschl.models import MODELS, AudioModel, cochleagram, load_model, spectrotemporal
from heschl.models.cochdnn.model import CochDNN
from heschl.models.facts import Costs

TABLE = Path(__file__).resolve().parents[1] / "src" / "heschl" / "models" / "costs.csv"
COLUMNS = ("model", "parameters", "layers", "features", "gflop")
SECONDS = 2


def product(*sizes: int) -> int:
    """Operations of a product of matrices, (a, b) times (b, c)."""
    return 2 * math.prod(sizes)


def fourier(n: int, *, real: bool) -> float:
    """Operations of a Fourier transform of ``n`` points, as is usual."""
    return (2.5 if real else 5) * n * math.log2(n)


# of torch: arguments are shapes where they are tensors


def _fft_r2c(shape: Any, dim: list[int], *_: Any, **__: Any) -> int:
    (axis,) = dim
    return round(math.prod(shape) / shape[axis] * fourier(shape[axis], real=True))


def _attention(query: Any, key: Any, value: Any, *_: Any, **__: Any) -> int:
    return int(sdpa_flop_count(query, key, value))  # type: ignore[no-untyped-call]


def _lstm(inputs: Any, from_inputs: Any, from_state: Any, *_: Any, **__: Any) -> int:
    """One direction of one layer; inputs are (n_frames, n_sounds, n_inputs), or sounds first."""
    n_steps = math.prod(inputs[:-1])
    return product(n_steps, *from_inputs) + product(n_steps, *from_state)


COUNTED = {
    torch.ops.aten._fft_r2c: _fft_r2c,
    torch.ops.aten._scaled_dot_product_flash_attention_for_cpu: _attention,
    torch.ops.aten.mkldnn_rnn_layer: _lstm,
}


# without torch


def _cochleagram(n_samples: int) -> float:
    """Operations of `cochleagram.envelopes`: subbands in short transforms, then the lowpass."""
    n_blocks = -(-n_samples // cochleagram.DECIMATION)
    lowpass = product(n_blocks, *cochleagram._lowpass().shape)
    found = fourier(n_samples, real=True)
    for band in cochleagram._bands(n_samples):
        found += len(band.phases) * fourier(band.n_short, real=False) + lowpass
    return found


def _spectrotemporal(n_samples: int) -> float:
    """Operations of `spectrotemporal.modulation_power`, the matrix products of two axes."""
    n_channels, n_frames = cochleagram.N_CHANNELS, cochleagram.n_frames(n_samples)
    found = _cochleagram(n_samples)
    for scale, operator in zip(
        spectrotemporal.SPECTRAL_SCALES,
        spectrotemporal._operators(n_channels, n_frames).scales,
        strict=True,
    ):
        rank = len(operator.even)
        back = 0 if operator.basis is None else product(n_channels, rank, n_frames)
        found += 2 * product(rank, n_channels, n_frames)  # even and odd
        for rate in spectrotemporal.TEMPORAL_RATES:
            if rate == 0:
                continue
            found += product(rank, n_frames + 1, n_frames) + back
            if scale != 0:
                found += product(rank, n_frames, n_frames) + back
    return found


def _melspectrogram(n_samples: int) -> float:
    n_frames, n_fft, n_mels = n_samples // 160 + 1, 512, 128
    return n_frames * (fourier(n_fft, real=True) + product(n_fft // 2 + 1, n_mels))


BY_HAND = {
    "spectrotemporal": _spectrotemporal,
    "cochleagram": _cochleagram,
    "melspectrogram": _melspectrogram,
}


def measure(name: str) -> Costs:
    """Build one model, run it once and return its costs."""
    by_hand = BY_HAND.get(name)
    model: AudioModel = load_model(name if by_hand else f"{name}@random:0")
    n_samples = SECONDS * model.sample_rate
    noise = 0.05 * np.random.default_rng(0).standard_normal((1, n_samples), dtype=np.float32)
    counter = FlopCounterMode(display=False, custom_mapping=COUNTED)
    with counter:
        vectors = model.vectors(noise)
    operations = float(counter.get_total_flops())
    if by_hand is not None:
        operations += by_hand(n_samples)
    elif isinstance(model, CochDNN):
        operations += _cochleagram(n_samples)
    return Costs(
        parameters=model.n_parameters() if hasattr(model, "n_parameters") else 0,
        layers=len(vectors),
        features=sum(vector.size for vector in vectors.values()),
        gflop=operations / SECONDS / 1e9,
    )


def main(names: list[str]) -> None:
    rows = []
    for name in names or MODELS:
        found = measure(name)
        gc.collect()
        rows.append((name, found.parameters, found.layers, found.features, f"{found.gflop:.6g}"))
        print(*rows[-1], sep=",", flush=True)
    if not names:
        with TABLE.open("w", encoding="utf-8", newline="") as file:
            csv.writer(file, lineterminator="\n").writerows([COLUMNS, *rows])


if __name__ == "__main__":
    main(sys.argv[1:])
