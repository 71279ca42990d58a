"""Log-mel patches as VGGish takes them: computed in double precision, then single."""

from __future__ import annotations

import torch
from torch import Tensor

from heschl.errors import InputError
from heschl.models.frontends.kaldi import mel_triangles
from heschl.models.frontends.precision import as_double
from heschl.models.frontends.stft import hann
from heschl.models.frontends.tables import as_tensor

SAMPLE_RATE = 16_000  # Hz
WINDOW = 400  # samples: 25 ms, a periodic Hann window
HOP = 160  # samples: 10 ms
N_FFT = 512  # the next power of two
N_MELS = 64
LOW, HIGH = 125.0, 7500.0  # Hz, of the mel filters
OFFSET = 0.01  # added before the logarithm
PATCH = 96  # frames: 0.96 s, without overlap

#: Samples of the shortest waveform with one patch.
SHORTEST = WINDOW + (PATCH - 1) * HOP


def log_mel(waveforms: Tensor) -> Tensor:
    """Return the log-mel spectrogram: magnitudes (no powers) in 64 bands of whole frames.

    Parameters
    ----------
    waveforms : Tensor of float32, shape (n_sounds, n_samples)
        At 16 kHz, full scale -1 to 1.

    Returns
    -------
    Tensor of float32, shape (n_sounds, n_frames, 64)
        ``n_frames`` is ``(n_samples - 400) // 160 + 1``: nothing is padded. Natural logarithms of
        the magnitude plus 0.01.
    """
    frames = as_double(waveforms).unfold(-1, WINDOW, HOP)
    # A frame begins where its window does, and zeros follow it up to the length of the transform;
    # torch.stft would have put the window in the middle of 512 samples of sound.
    spectrum = torch.fft.rfft(frames * hann(WINDOW, dtype=frames.dtype).to(frames), n=N_FFT)
    # HTK's filters as Kaldi has them, straight in mel, 1 at the top. The bin at 0 Hz lies below the
    # first and that at half the sample rate above the last.
    filters = as_tensor(
        mel_triangles(SAMPLE_RATE, N_FFT, N_MELS, LOW, HIGH), frames.dtype, frames.device
    )
    return (spectrum.abs() @ filters + OFFSET).log().float().to(waveforms.device)


def patches(waveforms: Tensor) -> Tensor:
    """Cut the log-mel spectrogram into patches of 0.96 s; the frames after the last are dropped.

    Parameters
    ----------
    waveforms : Tensor of float32, shape (n_sounds, n_samples)
        At 16 kHz, full scale -1 to 1.

    Returns
    -------
    Tensor of float32, shape (n_sounds, n_patches, 96, 64)

    Raises
    ------
    InputError
        If they are shorter than one patch.
    """
    n_sounds, n_samples = waveforms.shape
    if n_samples < SHORTEST:
        raise InputError(
            f"waveforms of {n_samples} samples ({n_samples / SAMPLE_RATE:.3f} s); VGGish needs at "
            f"least one patch of {SHORTEST} samples ({SHORTEST / SAMPLE_RATE} s) at "
            f"{SAMPLE_RATE} Hz: give longer sounds, or pad them with silence"
        )
    frames = log_mel(waveforms)
    n_patches = frames.shape[1] // PATCH
    return frames[:, : n_patches * PATCH].reshape(n_sounds, n_patches, PATCH, N_MELS)
