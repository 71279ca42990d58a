"""EnCodec at 24 kHz, of transformers: its codes are targets, its encoder a front end.

Défossez et al., arXiv 2210.13438 (2022).
"""

from __future__ import annotations

import json
import re
from pathlib import Path
from typing import Any

import torch
from torch import Tensor

from heschl.errors import InputError
from heschl.models.encodecmae.frontends import SAMPLE_RATE
from heschl.models.encodecmae.seanet import SEANetEncoder
from heschl.models.huggingface.hub import find_folder
from heschl.models.huggingface.library import first_line, quietly, transformers_class
from heschl.models.huggingface.pretrained import Checkpoint, load_pretrained
from heschl.models.huggingface.repository import CONFIG, weight_files
from heschl.models.weights import load_strict

FRAMES_PER_SECOND, CODES = 75, 1024
#: kbit/s of one codebook: 75 codes a second of 10 bits.
KBIT_PER_CODEBOOK = 0.75

#: The configuration of EnCodec at 24 kHz: what codes and encoder depend on.
_EXPECTED = {
    "sampling_rate": SAMPLE_RATE,
    "audio_channels": 1,
    "codebook_size": CODES,
    "normalize": False,
    "chunk_length_s": None,
    "upsampling_ratios": [8, 5, 4, 2],
    "hidden_size": 128,
    "codebook_dim": 128,
    "num_filters": 32,
    "num_residual_layers": 1,
    "num_lstm_layers": 2,
    "kernel_size": 7,
    "last_kernel_size": 7,
    "residual_kernel_size": 3,
    "compress": 2,
    "use_causal_conv": True,
    "use_conv_shortcut": True,
    "pad_mode": "reflect",
    "norm_type": "weight_norm",
}

_WEIGHT_NORM = (
    (r"\.conv\.parametrizations\.weight\.original0$", ".conv.conv.weight_g"),
    (r"\.conv\.parametrizations\.weight\.original1$", ".conv.conv.weight_v"),
    (r"\.conv\.bias$", ".conv.conv.bias"),
)


def load_encodec(reference: str | Path) -> Any:
    """Load EnCodec from a folder or the Hugging Face hub.

    Parameters
    ----------
    reference : str or Path
        A folder as ``save_pretrained`` writes it, or ``ORG/NAME``.

    Returns
    -------
    transformers.EncodecModel
        In evaluation mode; none of its weights asks for a gradient.

    Raises
    ------
    InputError
        If it is not EnCodec at 24 kHz, or a tensor is not as it should be.
    FetchError
        If files cannot be downloaded.
    MissingDependencyError
        If transformers is not installed.
    """
    name, folder = find_folder(reference, weights=True)
    config = _config(name, folder)
    kind = transformers_class("EncodecModel")
    checkpoint = Checkpoint(kind, config, weight_files(folder), lambda network: "")
    return load_pretrained(checkpoint).eval().requires_grad_(requires_grad=False)


def _config(name: str, folder: Path) -> Any:
    made = transformers_class("EncodecConfig")
    try:
        kind = json.loads((folder / CONFIG).read_text(encoding="utf-8")).get("model_type")
        with quietly():
            config = made.from_pretrained(str(folder))
    except Exception as error:  # the library's own are of many kinds
        raise InputError(
            f"{folder / CONFIG}: not readable ({type(error).__name__}: {first_line(error)}); "
            "expected the config.json of EnCodec at 24 kHz, as facebook/encodec_24khz has it"
        ) from error
    found = {"model_type": kind} | {key: getattr(config, key) for key in _EXPECTED}
    found["upsampling_ratios"] = list(config.upsampling_ratios)
    for key, value in {"model_type": "encodec", **_EXPECTED}.items():
        if found[key] != value:
            raise InputError(
                f"{name}: {key} is {found[key]!r}; expected {value!r}: EnCodec at 24 kHz, as "
                "facebook/encodec_24khz"
            )
    return config


def codes(model: Any, waveforms: Tensor, n_codebooks: int) -> Tensor:
    """Return the codes of waveforms.

    Parameters
    ----------
    model : transformers.EncodecModel
    waveforms : Tensor, shape (n_clips, n_samples)
        At 24 kHz.
    n_codebooks : int
        The first so many.

    Returns
    -------
    Tensor of int64, shape (n_clips, n_codebooks, n_frames)
    """
    bandwidth = n_codebooks * KBIT_PER_CODEBOOK
    return model.encode(waveforms[:, None], bandwidth=bandwidth).audio_codes[0]


def check_codebooks(model: Any, n_codebooks: int) -> None:
    """Raise InputError if EnCodec has no bandwidth of so many codebooks."""
    known = [round(rate / KBIT_PER_CODEBOOK) for rate in model.config.target_bandwidths]
    if n_codebooks not in known:
        raise InputError(
            f"codebooks is {n_codebooks}; expected one of {', '.join(map(str, known))}: those of "
            "EnCodec's bandwidths"
        )


def front_end_of(model: Any) -> SEANetEncoder:
    """Return EnCodec's encoder under the names that EnCodecMAE's checkpoints have for it.

    Parameters
    ----------
    model : transformers.EncodecModel

    Returns
    -------
    SEANetEncoder
        With weights of its own: copies.
    """
    with torch.device("meta"):  # nothing is drawn
        encoder = SEANetEncoder()
    tensors = {}
    for name, tensor in model.encoder.state_dict().items():
        for pattern, replacement in _WEIGHT_NORM:
            name = re.sub(pattern, replacement, name)
        tensors[re.sub(r"^layers\.", "model.model.", name)] = tensor.clone()
    load_strict(encoder, tensors, source="EnCodec")
    return encoder
