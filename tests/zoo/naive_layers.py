"""Layers and spectra written out as loops, to compare networks with."""

from __future__ import annotations

import numpy as np


def convolve(x, weight, bias=None, *, stride=(1, 1), padding=(0, 0)):
    """Correlate maps (n_in, height, width) with (n_out, n_in, h, w) kernels."""
    n_out, _, h, w = weight.shape
    x = np.pad(x, ((0, 0), (padding[0],) * 2, (padding[1],) * 2))
    rows = (x.shape[1] - h) // stride[0] + 1
    columns = (x.shape[2] - w) // stride[1] + 1
    out = np.zeros((n_out, rows, columns))
    for i in range(rows):
        for j in range(columns):
            top, left = i * stride[0], j * stride[1]
            window = x[:, top : top + h, left : left + w]
            out[:, i, j] = (weight * window).sum(axis=(1, 2, 3))
    return out if bias is None else out + bias[:, None, None]


def pool(x):
    """Largest of each 2 by 2 of maps (n, height, width)."""
    n, height, width = x.shape
    return x.reshape(n, height // 2, 2, width // 2, 2).max(axis=(2, 4))


def normalise(x, state, path, eps=1e-5):
    """Batch normalisation in use; features in the first axis."""
    shape = (-1,) + (1,) * (x.ndim - 1)
    mean, var, weight, bias = (
        state[f"{path}.{part}"].reshape(shape)
        for part in ("running_mean", "running_var", "weight", "bias")
    )
    return (x - mean) / np.sqrt(var + eps) * weight + bias


def sigmoid(x):
    return 1 / (1 + np.exp(-x))


def gru(x, state, path, ending=""):
    """States (n_frames, n_hidden) of one direction, in the order in which it reads (time first)."""
    w_in, w_h, b_in, b_h = _weights(state, path, ending)
    h, out = np.zeros(w_h.shape[1]), []
    for frame in x:
        reset_in, update_in, new_in = np.split(w_in @ frame + b_in, 3)
        reset_h, update_h, new_h = np.split(w_h @ h + b_h, 3)
        reset, update = sigmoid(reset_in + reset_h), sigmoid(update_in + update_h)
        h = (1 - update) * np.tanh(new_in + reset * new_h) + update * h
        out.append(h)
    return np.array(out)


def lstm(x, state, path, ending=""):
    """States (n_frames, n_hidden) of one direction as it reads, and its final cell."""
    w_in, w_h, b_in, b_h = _weights(state, path, ending)
    h = cell = np.zeros(w_h.shape[1])
    out = []
    for frame in x:
        entry, forget, new, leave = np.split(w_in @ frame + b_in + w_h @ h + b_h, 4)
        cell = sigmoid(forget) * cell + sigmoid(entry) * np.tanh(new)
        h = sigmoid(leave) * np.tanh(cell)
        out.append(h)
    return np.array(out), cell


def _weights(state, path, ending):
    parts = ("weight_ih", "weight_hh", "bias_ih", "bias_hh")
    return [state[f"{path}.{part}_l0{ending}"] for part in parts]


def magnitudes(frame, n_fft):
    """Magnitudes (n_fft // 2 + 1) of the Fourier transform of one frame, as a sum."""
    time = np.arange(len(frame))
    bins = np.arange(n_fft // 2 + 1)[:, None]
    return np.abs((frame * np.exp(-2j * np.pi * bins * time / n_fft)).sum(axis=1))


def reflected(x, half):
    """A waveform with ``half`` more samples on each side, its ends not repeated."""
    return np.concatenate([x[half:0:-1], x, x[-2 : -half - 2 : -1]])


def numpy_state(network):
    """All tensors of a network as arrays in double precision."""
    return {key: value.detach().double().numpy() for key, value in network.state_dict().items()}


def slaney_bank(sample_rate, n_fft, n_mels, low):
    """Filters (n_mels, n_fft // 2 + 1) of area 1 in Hz: linear to 1 kHz, logarithmic above."""

    def to_mel(f):
        return f / (200 / 3) if f < 1000 else 15 + 27 * np.log(f / 1000) / np.log(6.4)

    def to_hz(mel):
        return mel * 200 / 3 if mel < 15 else 1000 * 6.4 ** ((mel - 15) / 27)

    ends = to_mel(low), to_mel(sample_rate / 2)
    edges = [to_hz(mel) for mel in np.linspace(*ends, n_mels + 2)]
    bank = np.zeros((n_mels, n_fft // 2 + 1))
    for i in range(n_mels):
        left, centre, right = edges[i : i + 3]
        for k in range(n_fft // 2 + 1):
            f = k * sample_rate / n_fft
            if left < f <= centre:
                bank[i, k] = (f - left) / (centre - left)
            elif centre < f < right:
                bank[i, k] = (right - f) / (right - centre)
        bank[i] *= 2 / (right - left)
    return bank
