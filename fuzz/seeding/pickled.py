"""Pickles and checkpoints, of torch and safetensors."""

from __future__ import annotations

import argparse
import collections
import io
import json
import pickle
import pickletools
import re
from typing import Any

import numpy as np
import pandas as pd
import torch
from safetensors.numpy import save

Seeds = dict[str, bytes]


def pickles() -> Seeds:
    frame = pd.DataFrame({"voxel_id": [4, 7], "hemi": ["lh", "rh"], "x_ras": [1.5, -2.0]})
    values: dict[str, Any] = {
        "plain": {"a": [1, -2, 3.5, None, True], "b": (b"x", "y"), "c": {1, 2}, (1, "k"): 2**70},
        "shared": [[1, 2]] * 3,
        "state": collections.OrderedDict(weight=[0.5] * 3, device=collections.Counter("aab")),
        "numpy": {"lr": np.float64(0.1), "n": np.int32(3), "array": np.arange(3.0)},
        "long": [2**80, -(2**40), 1 << 31, 0.1, "x" * 300],
    }
    found = {f"{name}-{n}": pickle.dumps(one, n) for name, one in values.items() for n in (2, 4)}
    for protocol in (2, 5):
        file = io.BytesIO()
        frame.astype({"hemi": object}).to_pickle(file, protocol=protocol)
        found[f"table-{protocol}"] = file.getvalue()
    file = io.BytesIO()
    frame.to_pickle(file, protocol=5)
    found["table-strings"] = file.getvalue()
    found["runs-something"] = b"\x80\x02ctargets.pickles\nfire\n(X\x01\x00\x00\x00xtR."
    found["runs-new"] = b"\x80\x04\x8c\x0ftargets.pickles\x8c\x04fire\x93)\x81}b."
    found["doubling"] = (
        b"\x80\x02]q\x00"
        + b"".join(
            b"](h" + bytes([i]) + b"h" + bytes([i]) + b"eq" + bytes([i + 1]) for i in range(12)
        )
        + b"."
    )
    return found


def pickle_words() -> list[bytes]:
    words = [opcode.code.encode("latin1") for opcode in pickletools.opcodes]
    names: tuple[str, ...] = (
        "torch._utils _rebuild_tensor_v2",
        "collections OrderedDict",
        "torch FloatStorage",
    )
    names += ("builtins set", "_codecs encode", "numpy dtype", "numpy.core.multiarray scalar")
    names += ("pandas.core.internals.managers BlockManager", "builtins slice", "torch Size")
    return words + [b"c" + "\n".join(name.split()).encode() + b"\n" for name in names]


def checkpoints() -> Seeds:
    torch.manual_seed(0)
    network = torch.nn.Sequential(torch.nn.Linear(2, 3), torch.nn.BatchNorm1d(3))
    state = network.state_dict()
    shared = torch.arange(6.0)
    values: dict[str, Any] = {
        "state": state,
        "training": {"model": state, "step": 3, "lr": [0.1, float("inf")], "name": "x"},
        "views": {"a": shared.reshape(2, 3).T, "b": shared[2:4], "c": shared[:1].expand(5)},
        "types": {str(t): torch.ones(2).to(t) for t in (torch.bfloat16, torch.int8, torch.bool)},
        "parameter": {"w": torch.nn.Parameter(torch.ones(2)), "shape": torch.Size([1, 2])},
        "object": {"w": torch.ones(2), "arguments": argparse.Namespace(rate=0.1)},
        "numpy": {"w": torch.ones(2), "best": np.float64(0.5), 3: {"k": (1, None)}},
    }
    found = {}
    for name, one in values.items():
        file = io.BytesIO()
        torch.save(one, file)
        found[f"archive-{name}"] = file.getvalue()
        if name in ("views", "parameter", "numpy"):  # of one storage; others have no fixed order
            file = io.BytesIO()
            torch.save(one, file, _use_new_zipfile_serialization=False)
            found[f"stream-{name}"] = _without_places(file.getvalue())
    arrays: dict[str, np.ndarray[Any, Any]] = {"w": np.ones((2, 2), np.float32), "n": np.arange(3)}
    found["safetensors"] = save(arrays, {"format": "pt"})
    content = {"model": {"w": {"__tensor__": "w"}}, "step": 3, "lr": {"__float__": "inf"}}
    described = {"version": 1, "original": {"name": "x", "sha256": "", "size": 1}}
    found["safetensors-converted"] = save(
        arrays, {"heschl": json.dumps(described | {"content": content})}
    )
    return found


def _without_places(content: bytes) -> bytes:
    """Return a stream of torch with small keys of storages, which are their places in memory."""
    keys = sorted(set(re.findall(rb"X[\x0e\x0f]\x00\x00\x00([0-9]{14,15})", content)))
    for n, key in enumerate(keys):
        content = content.replace(key, str(n).zfill(len(key)).encode())
    return content


def checkpoint_words() -> list[bytes]:
    words = [b"PK\x03\x04", b"PK\x01\x02", b"PK\x05\x06", b"PK\x06\x06", b"PK\x06\x07"]
    words += [b"archive/data.pkl", b"archive/data/0", b"archive/byteorder", b"little", b"storage"]
    words += [b'"dtype":"F32"', b'"shape":[1]', b'"data_offsets":[0,4]', b'"__metadata__":']
    words += [b"__tensor__", b"__items__", b"__bytes__", b"__integer__", b"__float__", b"__name__"]
    return words + pickle_words()
