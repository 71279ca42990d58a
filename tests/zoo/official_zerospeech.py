"""The released checkpoint of the ZeroSpeech VQ-VAE, as its training wrote it.

Names and shapes: bshall/ZeroSpeech at 0ef25e4d (train.py says what is saved; 102 speakers of the
English data).
"""

from __future__ import annotations

import numpy as np
import torch

NAMES = ("zerospeech",)
FILE = "model.ckpt-500000.pt"

LAYERS = {"zerospeech": {f"encoder.{i}": 768 for i in (2, 5, 8, 11, 14)}}


def shapes(_name="zerospeech", channels=768, n_code=64):
    """Of the part "encoder"; the codebook and the jitter, which no layer uses, apart."""
    kernels = {0: (80, 3), 3: (channels, 3), 6: (channels, 4), 9: (channels, 3), 12: (channels, 3)}
    out = {}
    for i, (n_in, width) in kernels.items():
        out[f"encoder.{i}.weight"] = (channels, n_in, width)
        parts = ("weight", "bias", "running_mean", "running_var")
        out |= {f"encoder.{i + 1}.{part}": (channels,) for part in parts}
        out[f"encoder.{i + 1}.num_batches_tracked"] = ()
    return out | {"encoder.15.weight": (n_code, channels, 1), "encoder.15.bias": (n_code,)}


def write(name, folder, fill, *, legacy=True, extra=None, seed=0, **widths):
    torch.save(
        contents(name, fill, extra=extra, seed=seed, **widths),
        folder / FILE,
        _use_new_zipfile_serialization=not legacy,
    )


def contents(name, fill, *, extra=None, seed=0, **widths):
    """The whole dictionary; ``seed`` draws what no layer uses."""
    rng = np.random.default_rng(seed)
    encoder = {key: _tensor(key, shape, fill) for key, shape in shapes(name, **widths).items()}
    embedding = torch.from_numpy(rng.standard_normal((512, 64)).astype(np.float32))
    encoder |= {
        "codebook.embedding": embedding,
        "codebook.ema_count": torch.from_numpy(rng.random(512).astype(np.float32)),
        "codebook.ema_weight": embedding.clone(),
        "jitter.prob": torch.tensor([0.25, 0.5, 0.25]),
    }
    encoder |= {key: torch.zeros(shape) for key, shape in (extra or {}).items()}
    weight = torch.nn.Parameter(torch.zeros(2))
    optimizer = torch.optim.Adam([weight], lr=4e-4)
    scheduler = torch.optim.lr_scheduler.MultiStepLR(  # holds a collections.Counter
        optimizer, milestones=[300_000, 400_000], gamma=0.5
    )
    moments = {"step": 500_000, "exp_avg": torch.zeros(2), "exp_avg_sq": torch.zeros(2)}
    return {
        "encoder": encoder,
        "decoder": {key: torch.zeros(shape) for key, shape in _decoder().items()},
        "optimizer": optimizer.state_dict() | {"state": {0: moments}},
        "amp": {"loss_scaler0": {"loss_scale": 65536.0, "unskipped": 1234}},
        "scheduler": scheduler.state_dict(),
        "step": 500_000,
    }


def _tensor(key, shape, fill):
    if key.endswith("num_batches_tracked"):
        return torch.tensor(500_000)
    return torch.from_numpy(np.ascontiguousarray(fill(key, shape)))


def _decoder():
    """A few of the decoder's tensors, whose names must not be taken for the encoder's."""
    return {
        "speaker_embedding.weight": (102, 64),
        "rnn1.weight_ih_l0": (384, 128),
        "rnn1.weight_hh_l0": (384, 128),
        "mu_embedding.weight": (256, 256),
        "fc1.weight": (256, 896),
        "fc2.weight": (256, 256),
        "fc2.bias": (256,),
    }
