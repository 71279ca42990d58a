"""The released file of VGGish: a flat dictionary of tensors.

Names and shapes: harritaylor/torchvggish at f3f90969. Its release is older than torch 1.6, so the
file has the format of before.
"""

from __future__ import annotations

import numpy as np
import torch

NAMES = ("vggish",)
FILE = "vggish-10086976.pth"

LAYERS = {
    "vggish": {
        "features.1": 64 * 64,
        "features.2": 64 * 32,
        "features.4": 128 * 32,
        "features.5": 128 * 16,
        "features.7": 256 * 16,
        "features.9": 256 * 16,
        "features.10": 256 * 8,
        "features.12": 512 * 8,
        "features.14": 512 * 8,
        "features.15": 512 * 4,
        "embeddings.1": 4096,
        "embeddings.3": 4096,
        "embeddings.5": 128,
    }
}


def shapes(_name="vggish", channels=(64, 128, 256, 512), n_hidden=4096, n_embedding=128):
    a, b, c, d = channels
    convolutions = {0: (a, 1), 3: (b, a), 6: (c, b), 8: (c, c), 11: (d, c), 13: (d, d)}
    dense = {0: (n_hidden, d * 6 * 4), 2: (n_hidden, n_hidden), 4: (n_embedding, n_hidden)}
    out = {}
    for i, (n_out, n_in) in convolutions.items():
        out |= {f"features.{i}.weight": (n_out, n_in, 3, 3), f"features.{i}.bias": (n_out,)}
    for i, shape in dense.items():
        out |= {f"embeddings.{i}.weight": shape, f"embeddings.{i}.bias": shape[:1]}
    return out


def write(name, folder, fill, *, legacy=True, **widths):
    state = {
        key: torch.from_numpy(np.ascontiguousarray(fill(key, shape)))
        for key, shape in shapes(name, **widths).items()
    }
    torch.save(state, folder / FILE, _use_new_zipfile_serialization=not legacy)
