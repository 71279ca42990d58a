"""The released file of the DCASE 2020 captioner: a flat dictionary of tensors.

Names and shapes: audio-captioning/dcase-2020-baseline at 654e8089.
"""

from __future__ import annotations

import numpy as np
import torch

NAMES = ("dcase2020",)
FILE = "dcase_model_baseline_pre_trained.pt"

LAYERS = {
    "dcase2020": {
        "encoder.gru_1": 512,
        "encoder.gru_2": 512,
        "encoder.gru_3": 512,
        "decoder.rnn": 256,
        "decoder.classifier": 4367,
    }
}


def shapes(_name="dcase2020", n_hidden=256, n_words=4367):
    gates, both = 3 * n_hidden, 2 * n_hidden
    out = {}
    for path, n_in, endings in (
        ("encoder.gru_1", 64, ("", "_reverse")),
        ("encoder.gru_2", both, ("", "_reverse")),
        ("encoder.gru_3", both, ("", "_reverse")),
        ("decoder.rnn", both, ("",)),
    ):
        for ending in endings:
            out |= {
                f"{path}.weight_ih_l0{ending}": (gates, n_in),
                f"{path}.weight_hh_l0{ending}": (gates, n_hidden),
                f"{path}.bias_ih_l0{ending}": (gates,),
                f"{path}.bias_hh_l0{ending}": (gates,),
            }
    return out | {
        "decoder.classifier.weight": (n_words, n_hidden),
        "decoder.classifier.bias": (n_words,),
    }


def write(name, folder, fill, *, legacy=True, **widths):
    state = {
        key: torch.from_numpy(np.ascontiguousarray(fill(key, shape)))
        for key, shape in shapes(name, **widths).items()
    }
    torch.save(state, folder / FILE, _use_new_zipfile_serialization=not legacy)
