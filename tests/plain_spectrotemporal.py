"""The SpectroTemporal model as it is described, in torch: long transforms, 111 two-dimensional
filters, nothing rearranged. The reference of tests and benchmarks."""

from __future__ import annotations

import numpy as np
import torch

from heschl.models import cochleagram as coch
from heschl.models import spectrotemporal as st


def cochleagram(waveform):
    """Cochleagram (211, n_frames) of one waveform (n_samples,)."""
    x = torch.clamp(torch.as_tensor(waveform), -1, 1)
    n = len(x)
    filters = torch.as_tensor(coch.filters(n)).float()
    spectrum = torch.zeros(len(filters), n, dtype=torch.complex64)
    spectrum[:, : n // 2 + 1] = torch.fft.rfft(x) * filters
    envelopes = torch.fft.ifft(spectrum).abs().clamp(min=1e-8)
    t = torch.arange(-500.5, 500, dtype=torch.float64)
    window = torch.kaiser_window(1001, periodic=False, beta=5.0, dtype=torch.float64)
    taps = (torch.sinc(t / 100) / 100 * window).float()
    low = torch.nn.functional.conv1d(envelopes[:, None], taps[None, None], stride=100)[:, 0]
    return (low.relu() + 1e-8) ** 0.3


def filterbank(n_channels=211, n_frames=390):
    """All filters at the bins of a two-dimensional FFT, (111, 2 n_channels, 3 n_frames)."""
    up_or_down = np.sign(np.fft.fftfreq(2 * n_channels))
    forth_or_back = np.sign(np.fft.fftfreq(3 * n_frames))
    up_or_down[n_channels] = 0  # Nyquist has no sign
    if n_frames % 2 == 0:
        forth_or_back[3 * n_frames // 2] = 0
    out = np.empty((111, 2 * n_channels, 3 * n_frames), np.complex64)
    for one, (direction, scale, rate) in zip(out, st.filter_table(), strict=True):
        one[:] = np.outer(
            st.spectral_response(scale, n_channels), st.temporal_response(rate, n_frames)
        )
        # a filter of direction d keeps the quadrants in which the two signs multiply to d
        one[np.outer(up_or_down, forth_or_back) == -direction] = 0
    return torch.as_tensor(out)


def modulation_power(cochleagram, filters):
    """Time-averaged power (111, n_channels) of a cochleagram (n_channels, n_frames)."""
    n_channels, n_frames = cochleagram.shape
    padded = torch.zeros(2 * n_channels, 3 * n_frames, dtype=torch.complex64)
    padded[:n_channels, :n_frames] = cochleagram * 100
    spectrum = torch.fft.fft2(padded)
    out = torch.empty(len(filters), n_channels)
    for i, one in enumerate(filters):
        filtered = torch.fft.ifft2(spectrum * one)[:n_channels, :n_frames].real
        out[i] = (filtered**2).clamp(min=1e-8).mean(dim=1)
    return out
