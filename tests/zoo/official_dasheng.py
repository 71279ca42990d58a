"""Dasheng checkpoints as they are published, from the facts in models.md (sections 4 and 3.2)."""

from __future__ import annotations

from collections import OrderedDict

import numpy as np
import torch

NAMES = ("dasheng-base", "dasheng-06b", "dasheng-12b", "dasheng-base-ft")
FILES = {
    "dasheng-base": "dasheng_base.pt",
    "dasheng-06b": "dasheng_06b.pt",
    "dasheng-12b": "dasheng_12b.pt",
    "dasheng-base-ft": "dasheng_audioset_mAP497.pt",
}
BASE = {"embed_dim": 768, "depth": 12, "num_heads": 12}
SIZES = {
    "dasheng-base": BASE,
    "dasheng-06b": {"embed_dim": 1280, "depth": 32, "num_heads": 16},
    "dasheng-12b": {"embed_dim": 1536, "depth": 40, "num_heads": 24},
    "dasheng-base-ft": BASE,
}
USED = {
    "dasheng-base": list(range(12)),
    "dasheng-06b": [0, 3, 6, 9, 12, 15, 18, 21, 24, 27, 30, 31],
    "dasheng-12b": [0, 4, 8, 12, 16, 20, 24, 28, 32, 36, 39],
    "dasheng-base-ft": list(range(12)),
}
LAYERS = {name: {str(i): SIZES[name]["embed_dim"] for i in USED[name]} for name in NAMES}
PARAMETERS = dict(zip(NAMES, (85_447_808, 630_333_568, 1_134_047_360, 85_447_808), strict=True))
N_KEYS = dict(zip(NAMES, (157, 397, 493, 157), strict=True))  # without the head of the last
OWN = (
    "front_end.0.spectrogram.window",
    "front_end.0.mel_scale.fb",
    "init_bn.1.num_batches_tracked",
)


def config(name, **sizes):
    """The plain dictionary of a file (arguments of the original's class)."""
    patches = {"target_length": 1008, "patch_size": [64, 4], "patch_stride": [64, 4]}
    return SIZES[name] | patches | sizes


def shapes(name, **sizes):
    """Key to shape of every tensor."""
    c = config(name, **sizes)
    width = c["embed_dim"]
    out = {
        "time_pos_embed": (1, width, 1, c["target_length"] // 4),
        "freq_pos_embed": (1, width, 1, 1),
        "front_end.0.spectrogram.window": (512,),
        "front_end.0.mel_scale.fb": (257, 64),
        "init_bn.1.weight": (64,),
        "init_bn.1.bias": (64,),
        "init_bn.1.running_mean": (64,),
        "init_bn.1.running_var": (64,),
        "init_bn.1.num_batches_tracked": (),
        "patch_embed.proj.weight": (width, 1, 64, 4),
        "patch_embed.proj.bias": (width,),
    }
    linear = {
        "attn.qkv": (3 * width, width),
        "attn.proj": (width, width),
        "mlp.fc1": (4 * width, width),
        "mlp.fc2": (width, 4 * width),
    }
    for i in range(c["depth"]):
        for path in ("norm1", "norm2"):
            out[f"blocks.{i}.{path}.weight"] = out[f"blocks.{i}.{path}.bias"] = (width,)
        for path, shape in linear.items():
            out[f"blocks.{i}.{path}.weight"], out[f"blocks.{i}.{path}.bias"] = shape, shape[:1]
    out["norm.weight"] = out["norm.bias"] = (width,)
    if name == "dasheng-base-ft":
        out |= {"outputlayer.0.weight": (width,), "outputlayer.0.bias": (width,)}
        out |= {"outputlayer.1.weight": (527, width), "outputlayer.1.bias": (527,)}
    return out


def window():
    """Periodic Hann window of 512 samples, in single precision as torchaudio's buffer has it."""
    return torch.hann_window(512).numpy()


def filters():
    """64 triangles of height 1 between 0 and 8000 Hz on HTK's scale, (257, 64).

    In single precision throughout, as the buffer of the original was computed.
    """
    top = 2595 * np.log10(1 + 8000 / 700)
    mel = torch.linspace(0, top, 66)
    edges = 700 * (10 ** (mel / 2595) - 1)
    bins = torch.linspace(0, 8000, 257)
    out = torch.zeros(257, 64)
    for m in range(64):
        left, centre, right = edges[m : m + 3]
        rising = (bins - left) / (centre - left)
        falling = (right - bins) / (right - centre)
        out[:, m] = torch.minimum(rising, falling).clamp_min(0)
    return out.numpy()


def state(name, fill, **sizes):
    """Tensors by key; constants of the front end have their own values."""
    own = dict(zip(OWN, (window, filters, lambda: np.array(120_000)), strict=True))
    return OrderedDict(
        (key, torch.from_numpy(own[key]() if key in own else fill(key, shape)))
        for key, shape in shapes(name, **sizes).items()
    )


def write(name, folder, fill, **sizes):
    """The released file under its released name; ``fill`` gives each tensor by key and shape."""
    tensors = state(name, fill, **sizes)
    flat = name == "dasheng-base-ft"
    content = tensors if flat else {"model": tensors, "config": config(name, **sizes)}
    torch.save(content, folder / FILES[name])
