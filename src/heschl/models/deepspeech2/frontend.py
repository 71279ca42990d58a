"""Spectrogram of DeepSpeech2: compressed magnitudes, each clip standardised as a whole."""

from __future__ import annotations

import torch
from torch import Tensor

from heschl.models.frontends.precision import as_double
from heschl.models.frontends.stft import hamming, spectrum

SAMPLE_RATE = 16_000  # Hz
N_FFT = 320  # 20 ms, also the window, periodic Hamming
HOP = 160  # 10 ms
N_BINS = N_FFT // 2 + 1


def spectrogram(waveforms: Tensor) -> Tensor:
    """Return ``log(1 + magnitude)``, less its mean, over its standard deviation, clip by clip.

    Parameters
    ----------
    waveforms : Tensor of float32, shape (n_sounds, n_samples)
        At 16 kHz, full scale -1 to 1.

    Returns
    -------
    Tensor of float32, shape (n_sounds, 161, n_frames)
        ``n_frames`` is ``n_samples // 160 + 1``; the waveform is extended by reflection. The
        standard deviation, over all bins and frames, is the one with n - 1. A silent clip, which
        has none, is zero throughout.

    Raises
    ------
    InputError
        If they have no more than 160 samples, so that their ends cannot be reflected.
    """
    x = as_double(waveforms)
    window = hamming(N_FFT, dtype=x.dtype)
    compressed = spectrum(x, n_fft=N_FFT, hop=HOP, window=window).abs().log1p()
    deviation, mean = torch.std_mean(compressed, dim=(1, 2), correction=1, keepdim=True)
    deviation = torch.where(deviation > 0, deviation, 1.0)
    return ((compressed - mean) / deviation).float().to(waveforms.device)
