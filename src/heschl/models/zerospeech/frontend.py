"""Mel spectrogram in decibels, scaled by 80 dB, of a waveform with high frequencies raised.

As librosa 0.7.2 computes it with the arguments of bshall/ZeroSpeech: reflection at both ends, and
Slaney's filters of equal area.
"""

from __future__ import annotations

import torch
from torch import Tensor

from heschl.models.frontends.mel import slaney_filters
from heschl.models.frontends.precision import as_double
from heschl.models.frontends.stft import hann, spectrum

SAMPLE_RATE = 16_000  # Hz
N_FFT = 2048
WINDOW = 400  # samples: 25 ms
HOP = 160  # samples: 10 ms
N_MELS = 80
LOW = 50.0  # Hz
PREEMPHASIS = 0.97
PEAK = 0.999  # of the waveform
FLOOR = 1e-5  # least magnitude: -100 dB
TOP_DB = 80.0  # below the loudest value of the clip


def preemphasis(waveforms: Tensor) -> Tensor:
    """Subtract 0.97 of the sample before; the first sample, which has none, stays."""
    before = torch.nn.functional.pad(waveforms, (1, 0))[..., :-1]
    return waveforms - PREEMPHASIS * before


def log_mel(waveforms: Tensor) -> Tensor:
    """Return the scaled log-mel spectrogram of each waveform by itself.

    Parameters
    ----------
    waveforms : Tensor of float32, shape (n_sounds, n_samples)
        At 16 kHz, their peak at 0.999.

    Returns
    -------
    Tensor of float32, shape (n_sounds, 80, n_frames)
        ``n_frames`` is ``n_samples // 160 + 1``. Magnitudes in dB re 1, not lower than 80 dB below
        the loudest of the clip, divided by 80, plus 1: within 1 of the clip's largest value. A
        silent clip is -0.25 throughout (-100 dB).

    Raises
    ------
    InputError
        If they have no more than 1024 samples, so that their ends cannot be reflected.
    """
    x = preemphasis(as_double(waveforms))
    window = hann(WINDOW, dtype=x.dtype)
    magnitude = spectrum(x, n_fft=N_FFT, hop=HOP, window=window).abs()
    filters = slaney_filters(SAMPLE_RATE, N_FFT, N_MELS, LOW, dtype=x.dtype).to(x.device)
    decibels = 20 * (filters.T @ magnitude).clamp_min(FLOOR).log10()
    loudest = decibels.amax(dim=(1, 2), keepdim=True)
    decibels = torch.maximum(decibels, loudest - TOP_DB)
    return (decibels / TOP_DB + 1).float().to(waveforms.device)
