"""Dasheng once more, in float64, one sound and one piece after the other."""

from __future__ import annotations

import math

import numpy as np
from scipy.special import erf, softmax


def spectrogram(x, window, filters, top_db=120.0):
    """dB (64, n_frames) of one waveform: frames centred at multiples of 160 samples."""
    x = np.asarray(x, np.float64)
    padded = np.concatenate([x[256:0:-1], x, x[-2:-258:-1]])  # mirrored at both ends
    n_frames = len(x) // 160 + 1
    out = np.empty((64, n_frames))
    for t in range(n_frames):
        power = np.abs(np.fft.rfft(padded[160 * t : 160 * t + 512] * window)) ** 2
        for band in range(64):
            out[band, t] = 10 * math.log10(max(power @ filters[:, band].astype(float), 1e-10))
    return out if top_db is None else np.maximum(out, out.max() - top_db)


def norm(x, weight, bias):
    mean = x.mean(-1, keepdims=True)
    variance = ((x - mean) ** 2).mean(-1, keepdims=True)
    return (x - mean) / np.sqrt(variance + 1e-6) * weight + bias


class Naive:
    """``layers(decibels)``: what each layer puts out for one spectrogram (64, n_frames)."""

    def __init__(self, config, state):
        self.config = config
        self.state = {key: np.asarray(value, np.float64) for key, value in state.items()}

    def linear(self, x, path):
        return x @ self.state[f"{path}.weight"].T + self.state[f"{path}.bias"]

    def norm(self, x, path):
        return norm(x, self.state[f"{path}.weight"], self.state[f"{path}.bias"])

    def normalised(self, decibels):
        bn = {k: self.state[f"init_bn.1.{k}"][:, None] for k in ("weight", "bias")}
        mean, var = (self.state[f"init_bn.1.running_{k}"][:, None] for k in ("mean", "var"))
        return (decibels - mean) / np.sqrt(var + 1e-5) * bn["weight"] + bn["bias"]

    def attention(self, x, path):
        heads, width = self.config["num_heads"], x.shape[1]
        size = width // heads
        qkv = self.linear(x, f"{path}.qkv")
        out = np.empty_like(x)
        for h in range(heads):
            q, k, v = (qkv[:, i * width + h * size :][:, :size] for i in range(3))
            for i in range(len(x)):
                out[i, h * size : (h + 1) * size] = softmax(k @ q[i] / math.sqrt(size)) @ v
        return self.linear(out, f"{path}.proj")

    def piece(self, spectrogram):
        """Layers of one piece, tokens first."""
        kernel = self.state["patch_embed.proj.weight"][:, 0]
        tokens = []
        for t in range(spectrogram.shape[1] // 4):
            patch = (kernel * spectrogram[:, 4 * t : 4 * t + 4]).sum(axis=(1, 2))
            patch += self.state["patch_embed.proj.bias"]
            patch += self.state["time_pos_embed"][0, :, 0, t]
            tokens.append(patch + self.state["freq_pos_embed"][0, :, 0, 0])
        x, out = np.array(tokens), {}
        for i in range(self.config["depth"]):
            x = x + self.attention(self.norm(x, f"blocks.{i}.norm1"), f"blocks.{i}.attn")
            h = self.linear(self.norm(x, f"blocks.{i}.norm2"), f"blocks.{i}.mlp.fc1")
            x = x + self.linear(h * (1 + erf(h / math.sqrt(2))) / 2, f"blocks.{i}.mlp.fc2")
            out[str(i)] = x
        return out | {"final": self.norm(x, "norm")}

    def layers(self, decibels):
        """Layer name to (n_features, n_tokens or n_frames)."""
        x = self.normalised(decibels)
        longest = self.config["target_length"]
        pieces = [x[:, start : start + longest] for start in range(0, x.shape[1], longest)]
        found = [self.piece(piece) for piece in pieces if piece.shape[1] >= 4]
        joined = {name: np.concatenate([one[name] for one in found]).T for name in found[0]}
        return {"frontend": x} | joined
