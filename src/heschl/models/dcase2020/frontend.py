"""Log-mel spectrogram of the captioner: magnitudes in 64 bands of Slaney's filters.

As librosa 0.7.1 computes it with the arguments of the baseline: reflection at both ends, and the
filters' ``norm=1`` meaning equal area (later versions take it for something else).
"""

from __future__ import annotations

import numpy as np
from torch import Tensor

from heschl.models.frontends.mel import slaney_filters
from heschl.models.frontends.precision import as_double
from heschl.models.frontends.stft import hann, spectrum

SAMPLE_RATE = 44_100  # Hz
N_FFT = 1024  # also the window, periodic Hann
HOP = 512
N_MELS = 64
EPS = float(np.finfo(np.float64).eps)  # 2.22e-16, added before the logarithm


def log_mel(waveforms: Tensor) -> Tensor:
    """Return the log-mel spectrogram.

    Parameters
    ----------
    waveforms : Tensor of float32, shape (n_sounds, n_samples)
        At 44.1 kHz, their peak at 1.

    Returns
    -------
    Tensor of float32, shape (n_sounds, n_frames, 64)
        ``n_frames`` is ``n_samples // 512 + 1``. Natural logarithms of magnitudes; digital silence
        is ``log(2.22e-16)``, -36.04.

    Raises
    ------
    InputError
        If they have no more than 512 samples, so that their ends cannot be reflected.
    """
    x = as_double(waveforms)
    window = hann(N_FFT, dtype=x.dtype)
    magnitude = spectrum(x, n_fft=N_FFT, hop=HOP, window=window).abs()
    filters = slaney_filters(SAMPLE_RATE, N_FFT, N_MELS, dtype=x.dtype).to(x.device)
    mel = magnitude.transpose(1, 2) @ filters
    return (mel + EPS).log().float().to(waveforms.device)
