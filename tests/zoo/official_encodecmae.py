"""EnCodecMAE's released files as the published code writes them, from the facts alone.

A ``.pt`` holds the state of the whole training network (decoder, head and targets included), a text
of gin bindings and the list of imported modules. Names and shapes: ../shared/design/models.md,
sections 2 and 18.1, and, for the targets, EnCodec's quantiser.
"""

from __future__ import annotations

import re
from collections import OrderedDict
from dataclasses import dataclass

import torch

PUBLISHED = {
    "encodecmae-small": "mel256-ec-small",
    "encodecmae-base": "mel256-ec-base",
    "encodecmae-large": "mel256-ec-large",
    "encodecmae-base-as": "mel256-ec-base-as",
    "encodecmae-base-fma": "mel256-ec-base-fma",
    "encodecmae-base-ll": "mel256-ec-base-ll",
    "encodecmae-base-st": "mel256-ec-base_st-nopn",
    "encodecmae-large-st": "mel256-ec-large_st-nopn",
    "encodecmae-ec-base": "ec-ec-base",
    "encodecmae-spec-base": "spec-ec-base",
}
NAMES = tuple(PUBLISHED)


@dataclass(frozen=True)
class Size:
    """Of the layers; the head's width is rounded down, so that 12 of them may not fill ``dim``."""

    dim: int
    depth: int
    hidden: int = 4096
    n_in: int = 256
    heads: int = 12
    tokens: int = 8192

    @property
    def inner(self):
        return self.heads * (self.dim // self.heads)


def published_size(name):
    dim, depth = (1024, 20) if "large" in name else (768, 5 if "small" in name else 10)
    n_in = {"encodecmae-ec-base": 128, "encodecmae-spec-base": 513}.get(name, 256)
    return Size(dim, depth, n_in=n_in, tokens=1024 if name.endswith("-st") else 8192)


def _layers(prefix, size, depth):
    out = {}
    for i in range(depth):
        layer = f"{prefix}.encoder_layers.{i}"
        for w in ("wq", "wk", "wv"):
            out[f"{layer}.att_layer.{w}.weight"] = (size.inner, size.dim)
        out[f"{layer}.att_layer.wo.weight"] = (size.dim, size.inner)
        out[f"{layer}.ff_layer.0.weight"] = (size.hidden, size.dim)
        out[f"{layer}.ff_layer.0.bias"] = (size.hidden,)
        out[f"{layer}.ff_layer.2.weight"] = (size.dim, size.hidden)
        out[f"{layer}.ff_layer.2.bias"] = (size.dim,)
        for norm in ("norm1", "norm2"):
            out |= {f"{layer}.{norm}.weight": (size.dim,), f"{layer}.{norm}.bias": (size.dim,)}
    return out | {
        f"{prefix}.final_norm.weight": (size.dim,),
        f"{prefix}.final_norm.bias": (size.dim,),
    }


def _seanet(prefix):
    """EnCodec's encoder at 24 kHz: (index, inputs, outputs, kernel) of its convolutions."""
    convolutions = [("0", 1, 32, 7)]
    for index, width, stride in ((1, 32, 2), (4, 64, 4), (7, 128, 5), (10, 256, 8)):
        convolutions += [
            (f"{index}.block.1", width, width // 2, 3),
            (f"{index}.block.3", width // 2, width, 1),
            (f"{index}.shortcut", width, width, 1),
            (f"{index + 2}", width, 2 * width, 2 * stride),
        ]
    convolutions += [("15", 512, 128, 7)]
    out = {}
    for place, n_in, n_out, kernel in convolutions:
        conv = f"{prefix}.{place}.conv.conv"
        out[f"{conv}.bias"] = (n_out,)
        out[f"{conv}.weight_g"] = (n_out, 1, 1)
        out[f"{conv}.weight_v"] = (n_out, n_in, kernel)
    for k in (0, 1):
        for kind in ("ih", "hh"):
            out[f"{prefix}.13.lstm.weight_{kind}_l{k}"] = (2048, 512)
            out[f"{prefix}.13.lstm.bias_{kind}_l{k}"] = (2048,)
    return out


def _targets(name):
    """The codebooks, and EnCodec's encoder where the network has no part of it."""
    if name.endswith("-st"):
        return {}
    out = {}
    for i in range(32):
        book = f"target_encoder.model.vq.layers.{i}._codebook"
        out |= {f"{book}.inited": (1,), f"{book}.cluster_size": (1024,)}
        out |= {f"{book}.embed": (1024, 128), f"{book}.embed_avg": (1024, 128)}
    if name != "encodecmae-ec-base":
        out |= _seanet("target_encoder.encodec_encoder.model")
    return out


def shapes(name, size=None):
    """Official key -> shape, of the whole training network."""
    size = size or published_size(name)
    out = {
        "wav_encoder.post_net.weight": (size.dim, size.n_in),
        "wav_encoder.post_net.bias": (size.dim,),
    }
    if name == "encodecmae-ec-base":
        out |= _seanet("wav_encoder.encoder.model.model")
    out |= _targets(name)
    out["masker.positional_encoder.scale"] = ()
    out |= _layers("visible_encoder", size, size.depth)
    out |= {
        "visible_encoder.post_net.weight": (size.dim, size.dim),
        "visible_encoder.post_net.bias": (size.dim,),
        "head.layer.weight": (size.tokens, size.dim),
        "head.layer.bias": (size.tokens,),
    }
    return out | _layers("decoder", size, 2) | {"decoder.positional_encoder.scale": ()}


def is_used(key):
    """Whether the layers depend on a tensor."""
    unused = ("decoder.", "head.", "target_encoder.", "visible_encoder.post_net.")
    return not key.startswith(unused)


def state(name, fill, size=None):
    """The state; one feed-forward network for all layers of a transformer, under many names."""
    out = OrderedDict()
    for key, shape in shapes(name, size).items():
        first = re.sub(r"encoder_layers\.\d+\.ff_layer", "encoder_layers.0.ff_layer", key)
        out[key] = out[first] if first in out else torch.as_tensor(fill(key, shape))
    return out


_MEL = """
NUM_MEL_BINS = 256
MelspectrogramProcessor.dither = 0.0
MelspectrogramProcessor.frame_length = 26.56
MelspectrogramProcessor.frame_shift = 13.28
MelspectrogramProcessor.htk_compat = True
MelspectrogramProcessor.key_in = 'wav'
MelspectrogramProcessor.key_out = 'wav_features'
MelspectrogramProcessor.norm_stats = [-6.12, 4.82]
MelspectrogramProcessor.num_mel_bins = %NUM_MEL_BINS
MelspectrogramProcessor.sample_frequency = 24000
MelspectrogramProcessor.use_energy = False
MelspectrogramProcessor.window_type = 'hanning'
"""

#: Nobody has seen that of the released file: names are the processor's, numbers are made up.
SPECTROGRAM = """
SpectrogramProcessor.frame_length = 26.56
SpectrogramProcessor.frame_shift = 13.28
SpectrogramProcessor.norm_stats = [-8.5, 3.5]
SpectrogramProcessor.sample_frequency = 24000
SpectrogramProcessor.window_type = 'hanning'
"""


def config(name, size=None):
    """The gin text, in the form that gin itself prints."""
    size = size or published_size(name)
    front_end = {"encodecmae-ec-base": "", "encodecmae-spec-base": SPECTROGRAM}.get(name, _MEL)
    return f"""import encodecmae.models

# Macros:
# ==============================================================================
MAX_AUDIO_DURATION = 4
MODEL_DIM = {size.dim}
NUM_ENCODER_HEADS = {size.heads}
NUM_ENCODER_LAYERS = {size.depth}
QUANTIZER_WEIGHTS = \\
    [0.22407463, 0.1759858, 0.14499009, 0.12150037,
     0.10315603, 0.08831368, 0.07608274, 0.06589669]

# Parameters for the processors:
# ==============================================================================
{front_end}
ReadAudioProcessor.key_in = 'filename'
ReadAudioProcessor.max_length = %MAX_AUDIO_DURATION

# Parameters for the encoders:
# ==============================================================================
WavEncoder.post_net = @wav_encoder_proj/torch.nn.Linear
decoder/MultiHeadAttention.num_heads = 7
encoder/MultiHeadAttention.model_dim = %MODEL_DIM
encoder/MultiHeadAttention.num_heads = %NUM_ENCODER_HEADS
encoder/TransformerEncoder.attention_layer = \\
    @encoder/encodecmae.models.transformers.MultiHeadAttention
encoder/TransformerEncoder.model_dim = %MODEL_DIM
encoder/TransformerEncoder.num_layers = %NUM_ENCODER_LAYERS
"""


def write(name, folder, fill, *, size=None, text=None):
    """Write the released file under its released name."""
    content = {
        "state_dict": state(name, fill, size),
        "config": config(name, size) if text is None else text,
        "imports": ["encodecmae.models", "torch.nn"],
    }
    torch.save(content, folder / f"{PUBLISHED[name]}.pt")


def _indices(name):
    depth = published_size(name).depth
    return [*range(0, depth, 2), depth - 1] if "large" in name else range(depth)


LAYERS = {name: {str(i): published_size(name).dim for i in _indices(name)} for name in NAMES}
