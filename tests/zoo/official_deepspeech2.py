"""The released checkpoint of DeepSpeech2, with the objects that its training saved in it.

Names, shapes and classes: SeanNaren/deepspeech.pytorch at tag V3.0 (709df90). The network is itself
the LightningModule, so no prefix stands before the names of its tensors. pytorch-lightning 1.1
saves the arguments of the module (configurations of OmegaConf with the classes of their fields) and
the state of its callbacks (by the callback's class).
"""

# no postponed annotations here: OmegaConf takes the types of fields from the classes themselves
import collections
import sys
import types
from contextlib import contextmanager
from dataclasses import dataclass
from enum import Enum
from typing import Any

import numpy as np
import torch
from omegaconf import OmegaConf

NAMES = ("deepspeech2",)
FILE = "librispeech_pretrained_v3.ckpt"
LABELS = ["_", "'", *"ABCDEFGHIJKLMNOPQRSTUVWXYZ", " "]

LAYERS = {
    "deepspeech2": {
        "conv.seq_module.2": 32 * 81,
        "conv.seq_module.5": 32 * 41,
        **{f"rnns.{i}.rnn": 2 * 1024 for i in range(5)},
    }
}


def shapes(_name="deepspeech2", n_maps=32, n_hidden=1024):
    out = {
        "conv.seq_module.0.weight": (n_maps, 1, 41, 11),
        "conv.seq_module.0.bias": (n_maps,),
        **_norm("conv.seq_module.1", n_maps),
        "conv.seq_module.3.weight": (n_maps, n_maps, 21, 11),
        "conv.seq_module.3.bias": (n_maps,),
        **_norm("conv.seq_module.4", n_maps),
    }
    for i in range(5):
        if i:
            out |= _norm(f"rnns.{i}.batch_norm.module", n_hidden)
        for ending in ("", "_reverse"):
            n_in = n_hidden if i else 41 * n_maps
            out |= {
                f"rnns.{i}.rnn.weight_ih_l0{ending}": (4 * n_hidden, n_in),
                f"rnns.{i}.rnn.weight_hh_l0{ending}": (4 * n_hidden, n_hidden),
                f"rnns.{i}.rnn.bias_ih_l0{ending}": (4 * n_hidden,),
                f"rnns.{i}.rnn.bias_hh_l0{ending}": (4 * n_hidden,),
            }
    return out | _norm("fc.0.module.0", n_hidden) | {"fc.0.module.1.weight": (29, n_hidden)}


def _norm(path, n):
    parts = ("weight", "bias", "running_mean", "running_var")
    return {f"{path}.{part}": (n,) for part in parts} | {f"{path}.num_batches_tracked": ()}


def write(name, folder, fill, **widths):
    state = {key: _tensor(key, shape, fill) for key, shape in shapes(name, **widths).items()}
    with _classes() as made:
        torch.save(_lightning(collections.OrderedDict(state), made), folder / FILE)


def _tensor(key, shape, fill):
    if key.endswith("num_batches_tracked"):
        return torch.tensor(70_000)
    return torch.from_numpy(np.ascontiguousarray(fill(key, shape)))


def _lightning(state, made):
    n_hidden = state["fc.0.module.1.weight"].shape[1]
    model = OmegaConf.structured(made["BiDirectionalConfig"](hidden_size=n_hidden))
    optimizer = {
        "state": {0: {"step": 70_000, "exp_avg": torch.zeros(3), "exp_avg_sq": torch.ones(3)}},
        "param_groups": [{"lr": 1e-4, "betas": (0.9, 0.999), "eps": 1e-8, "params": [0]}],
    }
    return {
        "epoch": 15,
        "global_step": 70_000,
        "pytorch-lightning_version": "1.1.6",
        "callbacks": {
            made["CheckpointHandler"]: {
                "monitor": "wer",
                "best_model_score": torch.tensor(10.5),
                "best_model_path": "models/deepspeech_checkpoint_epoch_15.ckpt",
            }
        },
        "optimizer_states": [optimizer],
        "lr_schedulers": [{"gamma": 0.99, "base_lrs": [1.5e-4], "last_epoch": 16}],
        "native_amp_scaling_state": {"scale": 65536.0, "_growth_tracker": 12},
        "state_dict": state,
        "hparams_name": "kwargs",
        "hyper_parameters": {
            "labels": LABELS,
            "model_cfg": model,
            "precision": 16,
            "optim_cfg": OmegaConf.structured(made["AdamConfig"]()),
            "spect_cfg": OmegaConf.structured(made["SpectConfig"]()),
        },
    }


class RNNType(Enum):
    lstm = torch.nn.LSTM
    rnn = torch.nn.RNN
    gru = torch.nn.GRU


class SpectrogramWindow(Enum):
    hamming = "hamming"
    hann = "hann"


@dataclass
class SpectConfig:
    sample_rate: int = 16000
    window_size: float = 0.02
    window_stride: float = 0.01
    window: SpectrogramWindow = SpectrogramWindow.hamming


@dataclass
class BiDirectionalConfig:
    rnn_type: RNNType = RNNType.lstm
    hidden_size: int = 1024
    hidden_layers: int = 5


@dataclass
class AdamConfig:
    learning_rate: float = 1.5e-4
    learning_anneal: float = 0.99
    weight_decay: float = 1e-5
    eps: float = 1e-8
    betas: Any = (0.9, 0.999)


class CheckpointHandler:
    """The callback that wrote the file."""


_MODULES = {
    "deepspeech_pytorch.enums": (RNNType, SpectrogramWindow),
    "deepspeech_pytorch.configs.train_config": (SpectConfig, BiDirectionalConfig, AdamConfig),
    "deepspeech_pytorch.checkpoint": (CheckpointHandler,),
}


@contextmanager
def _classes():
    """Modules of the original's names while the file is written; nothing can import them later."""
    before = set(sys.modules)
    homes = {cls: cls.__module__ for classes in _MODULES.values() for cls in classes}
    for path in ("deepspeech_pytorch", "deepspeech_pytorch.configs", *_MODULES):
        sys.modules[path] = types.ModuleType(path)
    try:
        for path, classes in _MODULES.items():
            for cls in classes:
                cls.__module__ = path
                setattr(sys.modules[path], cls.__name__, cls)
        yield {cls.__name__: cls for cls in homes}
    finally:
        for cls, home in homes.items():
            cls.__module__ = home
        for path in set(sys.modules) - before:
            if path.startswith("deepspeech_pytorch"):
                del sys.modules[path]
