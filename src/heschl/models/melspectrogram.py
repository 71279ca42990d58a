"""Mel spectrograms, as the simplest model of hearing and as the front end of others.

The mel scale and filters are those of Slaney's Auditory Toolbox (1998): linear to 1 kHz,
logarithmic above, triangles of equal area.
"""

from __future__ import annotations

from collections.abc import Sequence
from functools import lru_cache

import numpy as np
import scipy.fft
from numpy.typing import NDArray

from heschl.errors import InputError
from heschl.models.base import AudioModel, FloatArray

_BREAK = 1000.0  # Hz, where the scale turns from linear to logarithmic
_HZ_PER_MEL = 200 / 3
_LOG_STEP = np.log(6.4) / 27


def hz_to_mel(frequency: NDArray[np.floating] | float) -> NDArray[np.float64]:
    """Slaney's mel scale: 15 mel at 1000 Hz, 27 more for each factor of 6.4."""
    f = np.asarray(frequency, np.float64)
    above = _BREAK / _HZ_PER_MEL + np.log(np.maximum(f, _BREAK) / _BREAK) / _LOG_STEP
    return np.where(f < _BREAK, f / _HZ_PER_MEL, above)


def mel_to_hz(mel: NDArray[np.floating] | float) -> NDArray[np.float64]:
    """Inverse of `hz_to_mel`."""
    m = np.asarray(mel, np.float64)
    turn = _BREAK / _HZ_PER_MEL
    return np.where(m < turn, m * _HZ_PER_MEL, _BREAK * np.exp(_LOG_STEP * (m - turn)))


@lru_cache(maxsize=16)
def mel_filters(
    sample_rate: int, n_fft: int, n_mels: int, low: float = 0.0, high: float | None = None
) -> NDArray[np.float64]:
    """Triangular filters of equal area, shape (n_mels, n_fft // 2 + 1).

    Parameters
    ----------
    sample_rate : int
        In Hz.
    n_fft, n_mels : int
    low, high : float, optional
        Edges of the outermost filters in Hz; by default 0 and half the sample rate.
    """
    top = sample_rate / 2 if high is None else high
    edges = mel_to_hz(np.linspace(hz_to_mel(low), hz_to_mel(top), n_mels + 2))
    bins = np.fft.rfftfreq(n_fft, 1 / sample_rate)
    left, centre, right = edges[:-2, None], edges[1:-1, None], edges[2:, None]
    rising = (bins - left) / (centre - left)
    falling = (right - bins) / (right - centre)
    weights = np.maximum(0, np.minimum(rising, falling)) * 2 / (right - left)
    weights.setflags(write=False)
    return weights


def mel_power(
    waveforms: FloatArray,
    *,
    sample_rate: int,
    n_fft: int,
    n_window: int,
    hop: int,
    n_mels: int,
) -> FloatArray:
    """Power in mel bands of centred, Hann-windowed frames.

    Parameters
    ----------
    waveforms : ndarray of float32, shape (n_sounds, n_samples)
    sample_rate : int
        In Hz.
    n_fft, n_window, hop : int
        In samples; the (periodic) window sits in the middle of each transform. The waveform is
        extended by reflection, so that frame k is centred at sample ``k * hop``.
    n_mels : int

    Returns
    -------
    ndarray of float32, shape (n_sounds, n_mels, n_samples // hop + 1)

    Raises
    ------
    InputError
        If the waveforms are too short to be reflected.
    """
    half = n_fft // 2
    if waveforms.shape[-1] <= half:
        raise InputError(
            f"a mel spectrogram needs more than {half} samples at {sample_rate} Hz; got "
            f"{waveforms.shape[-1]}"
        )
    before = (n_fft - n_window) // 2
    periodic = np.hanning(n_window + 1)[:-1]
    window = np.pad(periodic, (before, n_fft - n_window - before))
    padded = np.pad(waveforms, ((0, 0), (half, half)), mode="reflect")
    frames = np.lib.stride_tricks.sliding_window_view(padded, n_fft, axis=-1)[:, ::hop]
    spectrum = scipy.fft.rfft(frames * window.astype(np.float32), axis=-1)
    power = spectrum.real**2 + spectrum.imag**2
    filters = mel_filters(sample_rate, n_fft, n_mels).astype(np.float32)
    return np.ascontiguousarray(np.swapaxes(power @ filters.T, 1, 2))


class MelSpectrogram(AudioModel):
    """A mel spectrogram as a model: 128 bands of 25-ms frames every 10 ms, at 16 kHz.

    Layers ``mel`` (power) and ``logmel`` (decibels re 1, floored at -100), each
    (n_sounds, 128, n_frames) at 100 frames a second.
    """

    name = "melspectrogram"
    sample_rate = 16_000
    layers = ("mel", "logmel")
    level = None
    n_mels = 128

    def forward(  # noqa: D102 (documented on the base class)
        self, waveforms: FloatArray, layers: Sequence[str] | None = None
    ) -> dict[str, FloatArray]:
        power = mel_power(
            waveforms,
            sample_rate=self.sample_rate,
            n_fft=512,
            n_window=400,
            hop=160,
            n_mels=self.n_mels,
        )
        out = {"mel": power, "logmel": 10 * np.log10(np.maximum(power, np.float32(1e-10)))}
        return {layer: out[layer] for layer in self.choose(layers)}

    def identity(self) -> dict[str, object]:  # noqa: D102
        return {"model": "melspectrogram", "version": 1, "n_mels": self.n_mels}
