"""The network of BEATs once more, in float64 and with a loop wherever there is one to see."""

from __future__ import annotations

import math

import numpy as np
from scipy.special import erf, expit, softmax


def bucket(distance, num_buckets, max_distance):
    """Bucket of one relative position, key minus query."""
    half = num_buckets // 2
    exact = half // 2
    d = abs(distance)
    if d < exact:
        b = d
    else:
        b = exact + int((half - exact) * math.log(d / exact) / math.log(max_distance / exact))
        b = min(b, half - 1)
    return b + half if distance > 0 else b


def norm(x, weight, bias, eps=1e-5):
    mean = x.mean(-1, keepdims=True)
    return (x - mean) / np.sqrt(((x - mean) ** 2).mean(-1, keepdims=True) + eps) * weight + bias


def gelu(x):
    return x * (1 + erf(x / math.sqrt(2))) / 2


class Naive:
    """``layers(fbank)``: what each layer puts out for one filter bank (n_frames, n_mels)."""

    def __init__(self, cfg, state):
        self.cfg = cfg
        self.state = {key: np.asarray(value, np.float64) for key, value in state.items()}

    def linear(self, x, path):
        return x @ self.state[f"{path}.weight"].T + self.state[f"{path}.bias"]

    def norm(self, x, path):
        return norm(x, self.state[f"{path}.weight"], self.state[f"{path}.bias"])

    def patches(self, fbank):
        side = self.cfg["input_patch_size"]
        kernel = self.state["patch_embedding.weight"][:, 0]
        out = []
        for t in range(len(fbank) // side):
            for f in range(fbank.shape[1] // side):
                patch = fbank[t * side : (t + 1) * side, f * side : (f + 1) * side]
                out.append((kernel * patch).sum(axis=(1, 2)))
        return np.array(out)

    def positions(self, x):
        """Convolution over tokens: tap k of output t looks at token t - taps // 2 + k."""
        v = self.state["encoder.pos_conv.0.weight_v"]
        g = self.state["encoder.pos_conv.0.weight_g"]
        n_out, n_in, taps = v.shape
        weight = np.empty_like(v)
        for k in range(taps):
            weight[:, :, k] = g[0, 0, k] * v[:, :, k] / math.sqrt((v[:, :, k] ** 2).sum())
        per_group = n_out // self.cfg["conv_pos_groups"]
        out = np.tile(self.state["encoder.pos_conv.0.bias"], (len(x), 1))
        for t in range(len(x)):
            for k in range(taps):
                s = t - taps // 2 + k
                if 0 <= s < len(x):
                    for c in range(n_out):
                        first = c // per_group * n_in
                        out[t, c] += weight[c, :, k] @ x[s, first : first + n_in]
        return gelu(out)

    def attention(self, x, path):
        heads = self.cfg["encoder_attention_heads"]
        size = x.shape[1] // heads
        q, k, v = (self.linear(x, f"{path}.{p}_proj") for p in "qkv")
        table = self.state["encoder.layers.0.self_attn.relative_attention_bias.weight"]
        n = len(x)
        out = np.empty_like(x)
        for h in range(heads):
            part = slice(h * size, (h + 1) * size)
            for i in range(n):
                eight = self.linear(q[i, part], f"{path}.grep_linear")
                a, b = expit(eight[:4].sum()), expit(eight[4:].sum())
                gate = a * (b * self.state[f"{path}.grep_a"][0, h, 0, 0] - 1) + 2
                scores = np.empty(n)
                for j in range(n):
                    where = bucket(j - i, self.cfg["num_buckets"], self.cfg["max_distance"])
                    scores[j] = q[i, part] @ k[j, part] / math.sqrt(size) + gate * table[where, h]
                out[i, part] = softmax(scores) @ v[:, part]
        return self.linear(out, f"{path}.out_proj")

    def layers(self, fbank):
        """Layer name to (n_features, n_tokens)."""
        x = self.linear(self.norm(self.patches(fbank), "layer_norm"), "post_extract_proj")
        x = self.norm(x + self.positions(x), "encoder.layer_norm")
        out = {"0": x.T}
        depth = self.cfg["encoder_layers"]
        alpha = (2 * depth) ** 0.25 if self.cfg["deep_norm"] else 1
        for i in range(depth):
            path = f"encoder.layers.{i}"
            x = self.norm(
                alpha * x + self.attention(x, f"{path}.self_attn"), f"{path}.self_attn_layer_norm"
            )
            found = self.linear(gelu(self.linear(x, f"{path}.fc1")), f"{path}.fc2")
            x = self.norm(alpha * x + found, f"{path}.final_layer_norm")
            out[str(i + 1)] = x.T
        if self.cfg.get("finetuned_model"):
            out["predictor"] = expit(self.linear(x, "predictor").mean(axis=0))[:, None]
        return out
