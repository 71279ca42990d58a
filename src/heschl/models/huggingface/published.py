"""What three published models are: their repository, configuration and front end.

The numbers are those of ``config.json`` and ``preprocessor_config.json`` in the repositories; they
make fresh models, and a file that disagrees with them is refused.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any


@dataclass(frozen=True)
class Published:
    """A released model.

    Attributes
    ----------
    repository : str
        On the hub.
    tensors : str
        File of its weights.
    network : str
        Class of transformers that has all the layers.
    config : mapping
        What of ``config.json`` determines the network.
    front_end : mapping
        What of ``preprocessor_config.json`` determines its input.
    part : str
        Path of the submodule that is used; empty for the whole network.
    """

    repository: str
    tensors: str
    network: str
    config: Mapping[str, Any]
    front_end: Mapping[str, Any]
    part: str = ""


#: Gong et al. (2021), as converted for transformers. Its LayerNorms have the eps of the conversion,
#: 1e-12; the original's are 1e-6 and 1e-5, which changes logits of size 3.5 by 3e-4.
AST = Published(
    repository="MIT/ast-finetuned-audioset-10-10-0.4593",
    tensors="model.safetensors",
    network="ASTForAudioClassification",
    config={
        "hidden_size": 768,
        "num_hidden_layers": 12,
        "num_attention_heads": 12,
        "intermediate_size": 3072,
        "hidden_act": "gelu",
        "layer_norm_eps": 1e-12,
        "patch_size": 16,
        "qkv_bias": True,
        "frequency_stride": 10,
        "time_stride": 10,
        "max_length": 1024,
        "num_mel_bins": 128,
        "num_labels": 527,
    },
    front_end={
        "sampling_rate": 16_000,
        "num_mel_bins": 128,
        "max_length": 1024,
        "do_normalize": True,
        "mean": -4.2677393,
        "std": 4.5689974,
    },
)

WAV2VEC2 = Published(
    repository="facebook/wav2vec2-base-960h",
    tensors="model.safetensors",
    network="Wav2Vec2Model",
    config={
        "conv_dim": [512] * 7,
        "conv_kernel": [10, 3, 3, 3, 3, 2, 2],
        "conv_stride": [5, 2, 2, 2, 2, 2, 2],
        "conv_bias": False,
        "feat_extract_norm": "group",
        "feat_extract_activation": "gelu",
        "hidden_size": 768,
        "num_hidden_layers": 12,
        "num_attention_heads": 12,
        "intermediate_size": 3072,
        "hidden_act": "gelu",
        "layer_norm_eps": 1e-5,
        "num_conv_pos_embeddings": 128,
        "num_conv_pos_embedding_groups": 16,
        "do_stable_layer_norm": False,
    },
    front_end={"sampling_rate": 16_000, "do_normalize": True},
)

S2T = Published(
    repository="facebook/s2t-large-librispeech-asr",
    tensors="pytorch_model.bin",
    network="Speech2TextModel",
    config={
        "d_model": 1024,
        "encoder_layers": 12,
        "encoder_attention_heads": 16,
        "encoder_ffn_dim": 4096,
        "conv_channels": 1024,
        "conv_kernel_sizes": [5, 5],
        "num_conv_layers": 2,
        "input_feat_per_channel": 80,
        "input_channels": 1,
        "scale_embedding": True,
        "activation_function": "relu",
        "max_source_positions": 6000,
        "vocab_size": 10_000,
    },
    front_end={
        "sampling_rate": 16_000,
        "num_mel_bins": 80,
        "do_ceptral_normalize": True,  # the spelling of the file
        "normalize_means": True,
        "normalize_vars": True,
    },
    part="encoder",
)
