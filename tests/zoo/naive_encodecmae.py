"""EnCodecMAE's layers as plain numpy in float64: one frame, one head, one sound at a time."""

from __future__ import annotations

import numpy as np


def norm(x, weight, bias):
    return (x - x.mean()) / np.sqrt(x.var() + 1e-5) * weight + bias


def attention(x, w, prefix, heads):
    """x (n_frames, dim). Feature d of head h is number d * heads + h of a projection."""
    q, k, v = (x @ w[f"{prefix}.{one}.weight"].T for one in ("wq", "wk", "wv"))
    out = np.zeros_like(q)
    for h in range(heads):
        for t in range(len(x)):
            scores = np.array([q[t, h::heads] @ k[s, h::heads] for s in range(len(x))])
            scores = np.exp((scores - scores.max()) / np.sqrt(len(q[t, h::heads])))
            out[t, h::heads] = (scores / scores.sum()) @ v[:, h::heads]
    return out @ w[f"{prefix}.wo.weight"].T


def feed_forward(x, w, prefix):
    hidden = np.maximum(x @ w[f"{prefix}.0.weight"].T + w[f"{prefix}.0.bias"], 0)
    return hidden @ w[f"{prefix}.2.weight"].T + w[f"{prefix}.2.bias"]


def positions(n_frames, dim):
    out = np.zeros((n_frames, dim))
    for t in range(n_frames):
        for d in range(dim):
            angle = t / 10000 ** (2 * (d // 2) / dim)
            out[t, d] = np.sin(angle) if d % 2 == 0 else np.cos(angle)
    return out


def layers(features, state, depth, heads):
    """Layers of one sound's features (n_frames, n_in): {name: (n_frames, dim)}."""
    w = {key: value.numpy().astype(np.float64) for key, value in state.items()}
    x = features @ w["wav_encoder.post_net.weight"].T + w["wav_encoder.post_net.bias"]
    x = x + w["masker.positional_encoder.scale"] * positions(*x.shape)
    normed, plain = x, x
    out = {}
    for i in range(depth):
        at = f"visible_encoder.encoder_layers.{i}"
        attended = attention(normed, w, f"{at}.att_layer", heads)
        normed, plain = normed + attended, plain + attended
        normed = _each(normed, w, f"{at}.norm1")
        fed = feed_forward(normed, w, f"{at}.ff_layer")
        normed, plain = normed + fed, plain + fed
        normed = _each(normed, w, f"{at}.norm2")
        out[str(i) if i < depth - 1 else f"{i}-nopn"] = normed
    out[str(depth - 1)] = normed + _each(plain, w, "visible_encoder.final_norm")
    return out


def _each(x, w, name):
    return np.array([norm(frame, w[f"{name}.weight"], w[f"{name}.bias"]) for frame in x])


def spectra(x, length, shift, window):
    """Frames of a waveform without their mean, and their power at the bins of 1024."""
    turn = 2 * np.pi * np.arange(length) / (length - 1)
    hann = 0.5 - 0.5 * np.cos(turn)
    shape = {"hanning": hann, "povey": hann**0.85}[window]
    frames, power = [], []
    for start in range(0, len(x) - length + 1, shift):
        frame = x[start : start + length].astype(np.float64)
        frame = frame - frame.mean()
        emphasised = frame - 0.97 * np.concatenate([frame[:1], frame[:-1]])
        frames.append(frame)
        power.append(np.abs(np.fft.rfft(emphasised * shape, 1024)) ** 2)
    return np.array(frames), np.array(power)


def mel(x):
    """Front end of the mel models: (n_frames, 256)."""
    _, power = spectra(x, 637, 318, "hanning")
    scale = 1127 * np.log(1 + np.arange(513) * 24000 / 1024 / 700)
    edges = np.linspace(1127 * np.log(1 + 20 / 700), 1127 * np.log(1 + 12000 / 700), 258)
    bands = np.zeros((513, 256))
    for m in range(256):
        left, centre, right = edges[m : m + 3]
        for b in range(512):  # the bin at half the sample rate is in none
            rise, fall = (scale[b] - left) / (centre - left), (right - scale[b]) / (right - centre)
            bands[b, m] = max(0, min(rise, fall))
    return (np.log(np.maximum(power @ bands, np.finfo(np.float32).eps)) + 6.12) / 4.82


def spectrogram(x, window, mean, std):
    """Front end of the spectrogram model: (n_frames, 513), the first bin the log energy."""
    frames, power = spectra(x, 637, 318, window)
    power = np.maximum(power, np.finfo(np.float32).eps)
    power[:, 0] = np.maximum((frames**2).sum(1), 1)
    return (np.log(power) - mean) / std
