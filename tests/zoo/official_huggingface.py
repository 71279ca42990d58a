"""Released files of AST, wav2vec 2.0 and S2T, from models.md (sections 6, 8, 9, 18.3)."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np

NAMES = ("ast", "wav2vec2", "s2t")

LAYERS = {
    "ast": {"patch": 768, **{str(i): 768 for i in range(12)}, "logits": 527},
    "wav2vec2": {"Embedding": 768, **{f"Encoder_{i}": 768 for i in range(1, 13)}},
    "s2t": {"Embedding": 1024, **{f"Encoder_{i}": 1024 for i in range(1, 13)}},
}

TENSORS = {
    "ast": "model.safetensors",
    "wav2vec2": "model.safetensors",
    "s2t": "pytorch_model.bin",
}

#: What of the released config.json matters, for the released sizes.
CONFIGS: dict[str, dict[str, Any]] = {
    "ast": {
        "model_type": "audio-spectrogram-transformer",
        "architectures": ["ASTForAudioClassification"],
        "hidden_size": 768,
        "num_hidden_layers": 12,
        "num_attention_heads": 12,
        "intermediate_size": 3072,
        "hidden_act": "gelu",
        "hidden_dropout_prob": 0.0,
        "attention_probs_dropout_prob": 0.0,
        "initializer_range": 0.02,
        "layer_norm_eps": 1e-12,
        "patch_size": 16,
        "qkv_bias": True,
        "frequency_stride": 10,
        "time_stride": 10,
        "max_length": 1024,
        "num_mel_bins": 128,
        "id2label": {str(i): f"class {i}" for i in range(527)},
        "label2id": {f"class {i}": i for i in range(527)},
    },
    "wav2vec2": {
        "model_type": "wav2vec2",
        "architectures": ["Wav2Vec2ForCTC"],
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
        "layer_norm_eps": 1e-05,
        "num_conv_pos_embeddings": 128,
        "num_conv_pos_embedding_groups": 16,
        "do_stable_layer_norm": False,
        "vocab_size": 32,
    },
    "s2t": {
        "model_type": "speech_to_text",
        "architectures": ["Speech2TextForConditionalGeneration"],
        "d_model": 1024,
        "encoder_layers": 12,
        "decoder_layers": 6,
        "encoder_attention_heads": 16,
        "decoder_attention_heads": 16,
        "encoder_ffn_dim": 4096,
        "decoder_ffn_dim": 4096,
        "conv_channels": 1024,
        "conv_kernel_sizes": [5, 5],
        "num_conv_layers": 2,
        "input_feat_per_channel": 80,
        "input_channels": 1,
        "scale_embedding": True,
        "activation_function": "relu",
        "max_source_positions": 6000,
        "max_target_positions": 1024,
        "vocab_size": 10000,
    },
}

FRONT_ENDS: dict[str, dict[str, Any]] = {
    "ast": {
        "feature_extractor_type": "ASTFeatureExtractor",
        "sampling_rate": 16000,
        "num_mel_bins": 128,
        "max_length": 1024,
        "do_normalize": True,
        "mean": -4.2677393,
        "std": 4.5689974,
        "feature_size": 1,
        "padding_value": 0.0,
    },
    "wav2vec2": {
        "feature_extractor_type": "Wav2Vec2FeatureExtractor",
        "do_normalize": True,
        "feature_size": 1,
        "padding_value": 0.0,
        "return_attention_mask": False,
        "sampling_rate": 16000,
    },
    "s2t": {
        "feature_extractor_type": "Speech2TextFeatureExtractor",
        "do_ceptral_normalize": True,
        "normalize_means": True,
        "normalize_vars": True,
        "num_mel_bins": 80,
        "feature_size": 80,
        "padding_value": 0.0,
        "sampling_rate": 16000,
    },
}

Shapes = dict[str, tuple[int, ...]]


def shapes(name: str, config: Mapping[str, Any] | None = None) -> Shapes:
    """Keys of the released file and their shapes; of another size with another config."""
    return _SHAPES[name](CONFIGS[name] | dict(config or {}))


def prefix(name: str) -> str:
    """What the released file has before the keys that are named in the golden cases."""
    return {"ast": "", "wav2vec2": "wav2vec2.", "s2t": "model."}[name]


def write(
    name: str,
    folder: Path,
    fill: Callable[[str, tuple[int, ...]], np.ndarray],
    config: Mapping[str, Any] | None = None,
) -> None:
    """Write the released files, tensors filled by their keys."""
    folder.mkdir(parents=True, exist_ok=True)
    values = CONFIGS[name] | dict(config or {})
    (folder / "config.json").write_text(json.dumps(values))
    (folder / "preprocessor_config.json").write_text(json.dumps(FRONT_ENDS[name]))
    tensors = {key: fill(key, shape) for key, shape in shapes(name, config).items()}
    if TENSORS[name].endswith(".safetensors"):
        from safetensors.numpy import save_file

        save_file(tensors, folder / TENSORS[name], metadata={"format": "pt"})
        return
    import torch

    torch.save({key: _tensor(array) for key, array in tensors.items()}, folder / TENSORS[name])


def _tensor(array: np.ndarray) -> Any:
    """A broadcast array stays one number on disk: decoders need not fill it."""
    import torch

    if array.size and not any(array.strides):
        return torch.tensor(float(array.flat[0])).expand(array.shape)
    return torch.from_numpy(array)


def _with_bias(path: str, *shape: int) -> Shapes:
    return {f"{path}.weight": shape, f"{path}.bias": shape[:1]}


def _ast(c: Mapping[str, Any]) -> Shapes:
    d, hidden, base = c["hidden_size"], c["intermediate_size"], "audio_spectrogram_transformer"
    n_patches = ((c["num_mel_bins"] - 16) // 10 + 1) * ((c["max_length"] - 16) // 10 + 1)
    out: Shapes = {
        f"{base}.embeddings.cls_token": (1, 1, d),
        f"{base}.embeddings.distillation_token": (1, 1, d),
        f"{base}.embeddings.position_embeddings": (1, n_patches + 2, d),
    }
    out |= _with_bias(f"{base}.embeddings.patch_embeddings.projection", d, 1, 16, 16)
    for i in range(c["num_hidden_layers"]):
        block = f"{base}.encoder.layer.{i}"
        for part in ("query", "key", "value"):
            out |= _with_bias(f"{block}.attention.attention.{part}", d, d)
        out |= _with_bias(f"{block}.attention.output.dense", d, d)
        out |= _with_bias(f"{block}.intermediate.dense", hidden, d)
        out |= _with_bias(f"{block}.output.dense", d, hidden)
        out |= _with_bias(f"{block}.layernorm_before", d)
        out |= _with_bias(f"{block}.layernorm_after", d)
    out |= _with_bias(f"{base}.layernorm", d)
    out |= _with_bias("classifier.layernorm", d)
    return out | _with_bias("classifier.dense", len(c["id2label"]), d)


def _wav2vec2(c: Mapping[str, Any]) -> Shapes:
    d, hidden, base = c["hidden_size"], c["intermediate_size"], "wav2vec2"
    taps, groups = c["num_conv_pos_embeddings"], c["num_conv_pos_embedding_groups"]
    out: Shapes = {f"{base}.masked_spec_embed": (d,)}
    before = 1
    for i, (width, kernel) in enumerate(zip(c["conv_dim"], c["conv_kernel"], strict=True)):
        conv = f"{base}.feature_extractor.conv_layers.{i}"
        out[f"{conv}.conv.weight"] = (width, before, kernel)
        if i == 0:
            out |= _with_bias(f"{conv}.layer_norm", width)
        before = width
    out |= _with_bias(f"{base}.feature_projection.layer_norm", before)
    out |= _with_bias(f"{base}.feature_projection.projection", d, before)
    position = f"{base}.encoder.pos_conv_embed.conv"
    out |= {
        f"{position}.bias": (d,),
        f"{position}.weight_g": (1, 1, taps),
        f"{position}.weight_v": (d, d // groups, taps),
    }
    out |= _with_bias(f"{base}.encoder.layer_norm", d)
    for i in range(c["num_hidden_layers"]):
        block = f"{base}.encoder.layers.{i}"
        for part in ("q_proj", "k_proj", "v_proj", "out_proj"):
            out |= _with_bias(f"{block}.attention.{part}", d, d)
        out |= _with_bias(f"{block}.layer_norm", d)
        out |= _with_bias(f"{block}.feed_forward.intermediate_dense", hidden, d)
        out |= _with_bias(f"{block}.feed_forward.output_dense", d, hidden)
        out |= _with_bias(f"{block}.final_layer_norm", d)
    return out | _with_bias("lm_head", c["vocab_size"], d)


def _s2t(c: Mapping[str, Any]) -> Shapes:
    d, width = c["d_model"], c["conv_channels"]
    out = _with_bias("model.encoder.conv.conv_layers.0", width, c["input_feat_per_channel"], 5)
    out |= _with_bias("model.encoder.conv.conv_layers.1", 2 * d, width // 2, 5)
    for side in ("encoder", "decoder"):
        attentions = ("self_attn",) if side == "encoder" else ("self_attn", "encoder_attn")
        for i in range(c[f"{side}_layers"]):
            block = f"model.{side}.layers.{i}"
            for attention in attentions:
                for part in ("k_proj", "v_proj", "q_proj", "out_proj"):
                    out |= _with_bias(f"{block}.{attention}.{part}", d, d)
                out |= _with_bias(f"{block}.{attention}_layer_norm", d)
            out |= _with_bias(f"{block}.fc1", c[f"{side}_ffn_dim"], d)
            out |= _with_bias(f"{block}.fc2", d, c[f"{side}_ffn_dim"])
            out |= _with_bias(f"{block}.final_layer_norm", d)
        out |= _with_bias(f"model.{side}.layer_norm", d)
    out["model.decoder.embed_tokens.weight"] = (c["vocab_size"], d)
    out["lm_head.weight"] = (c["vocab_size"], d)
    return out


_SHAPES: dict[str, Callable[[Mapping[str, Any]], Shapes]] = {
    "ast": _ast,
    "wav2vec2": _wav2vec2,
    "s2t": _s2t,
}

#: Sizes for quick tests: the same code, fewer and narrower blocks.
SMALL: dict[str, dict[str, Any]] = {
    "ast": {
        "hidden_size": 24,
        "num_hidden_layers": 2,
        "num_attention_heads": 2,
        "intermediate_size": 40,
        "max_length": 120,
        "id2label": {str(i): f"class {i}" for i in range(5)},
        "label2id": {f"class {i}": i for i in range(5)},
    },
    "wav2vec2": {
        "conv_dim": [16] * 7,
        "hidden_size": 24,
        "num_hidden_layers": 3,
        "num_attention_heads": 2,
        "intermediate_size": 40,
        "num_conv_pos_embeddings": 16,
        "num_conv_pos_embedding_groups": 4,
    },
    "s2t": {
        "d_model": 24,
        "encoder_layers": 3,
        "decoder_layers": 2,
        "encoder_attention_heads": 2,
        "decoder_attention_heads": 2,
        "encoder_ffn_dim": 40,
        "decoder_ffn_dim": 40,
        "conv_channels": 20,
        "vocab_size": 11,
        "max_source_positions": 100,
        "bos_token_id": 0,
        "pad_token_id": 1,
        "eos_token_id": 2,
    },
}


def small_spec(name: str) -> Any:
    """The row of the table with the small configuration as the published one."""
    from heschl.models.huggingface import SPECS

    (spec,) = (spec for spec in SPECS if spec.name == name)
    published = spec.options["published"]
    small = SMALL[name]
    config = {key: small.get(key, value) for key, value in published.config.items()}
    if name == "ast":
        config["num_labels"] = len(small["id2label"])
    front_end = dict(published.front_end)
    if "max_length" in front_end:
        front_end["max_length"] = small["max_length"]
    return replace(
        spec, options={"published": replace(published, config=config, front_end=front_end)}
    )


def write_small(name: str, folder: Path, *, seed: int = 0) -> None:
    """Write released files of the small configuration, with random tensors."""
    rng = np.random.default_rng(seed)

    def fill(key: str, shape: tuple[int, ...]) -> np.ndarray:
        x = rng.standard_normal(shape) / np.sqrt(np.prod(shape[1:]) if len(shape) > 1 else 10)
        return (1 + x if "norm.weight" in key or "weight_g" in key else x).astype(np.float32)

    write(name, folder, fill, SMALL[name])
    if name == "ast":
        path = folder / "preprocessor_config.json"
        path.write_text(json.dumps(json.loads(path.read_text()) | {"max_length": 120}))
