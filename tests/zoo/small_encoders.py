"""Folders of small transformers encoders with random weights, as save_pretrained writes them."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import torch

_STACK = {
    "hidden_size": 32,
    "num_hidden_layers": 3,
    "num_attention_heads": 2,
    "intermediate_size": 48,
}
_SPEECH = _STACK | {
    "conv_dim": [16] * 7,
    "num_conv_pos_embeddings": 16,
    "num_conv_pos_embedding_groups": 4,
}
_SIDES = {
    "d_model": 32,
    "encoder_layers": 3,
    "decoder_layers": 1,
    "encoder_attention_heads": 2,
    "decoder_attention_heads": 2,
    "encoder_ffn_dim": 48,
    "decoder_ffn_dim": 48,
    "vocab_size": 20,
    "bos_token_id": 0,
    "pad_token_id": 1,
    "eos_token_id": 2,
    "decoder_start_token_id": 0,
}


def _wav2vec2(t: Any) -> tuple[Any, Any]:
    return t.Wav2Vec2ForCTC(t.Wav2Vec2Config(**_SPEECH)), t.Wav2Vec2FeatureExtractor()


def _hubert(t: Any) -> tuple[Any, Any]:
    return t.HubertModel(t.HubertConfig(**_SPEECH)), t.Wav2Vec2FeatureExtractor()


def _wavlm(t: Any) -> tuple[Any, Any]:
    config = t.WavLMConfig(**_SPEECH, feat_extract_norm="layer", do_stable_layer_norm=True)
    return t.WavLMModel(config), t.Wav2Vec2FeatureExtractor(return_attention_mask=True)


def _data2vec(t: Any) -> tuple[Any, Any]:
    config = t.Data2VecAudioConfig(
        **_STACK, conv_dim=[16] * 7, conv_pos_kernel_size=5, num_conv_pos_embedding_groups=4
    )
    return t.Data2VecAudioModel(config), t.Wav2Vec2FeatureExtractor()


def _whisper(t: Any) -> tuple[Any, Any]:
    network = t.WhisperForConditionalGeneration(t.WhisperConfig(**_SIDES))
    network.generation_config = t.GenerationConfig()
    return network, t.WhisperFeatureExtractor()


def _clap(t: Any) -> tuple[Any, Any]:
    audio = {
        "patch_embeds_hidden_size": 16,
        "hidden_size": 128,
        "depths": [1, 2, 1, 1],
        "num_attention_heads": [2, 2, 2, 2],
    }
    text = _STACK | {"vocab_size": 20}
    config = t.ClapConfig(audio_config=audio, text_config=text, projection_dim=16)
    return t.ClapModel(config), t.ClapFeatureExtractor(truncation="rand_trunc")


def _ast(t: Any) -> tuple[Any, Any]:
    config = t.ASTConfig(**_STACK, max_length=128, num_mel_bins=40)
    return (
        t.ASTForAudioClassification(config),
        t.ASTFeatureExtractor(max_length=128, num_mel_bins=40),
    )


def _s2t(t: Any) -> tuple[Any, Any]:
    config = t.Speech2TextConfig(**_SIDES, conv_channels=16, input_feat_per_channel=40)
    return (
        t.Speech2TextForConditionalGeneration(config),
        t.Speech2TextFeatureExtractor(num_mel_bins=40, feature_size=40),
    )


BUILDERS: dict[str, Callable[[Any], tuple[Any, Any]]] = {
    "wav2vec2": _wav2vec2,
    "hubert": _hubert,
    "wavlm": _wavlm,
    "data2vec": _data2vec,
    "whisper": _whisper,
    "clap": _clap,
    "ast": _ast,
    "s2t": _s2t,
}


def save(kind: str, folder: Path, *, seed: int = 0, **options: Any) -> tuple[Any, Any]:
    """Write a folder; return the network and the feature extractor that are in it."""
    import transformers

    transformers.utils.logging.disable_progress_bar()
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(seed)
        network, extractor = BUILDERS[kind](transformers)
        for parameter in network.parameters():  # norms and biases too: nothing is 0 or 1
            parameter.data += 0.05 * torch.randn_like(parameter)
    network.eval()
    network.save_pretrained(folder, **options)
    extractor.save_pretrained(folder)
    return network, extractor
