"""The acoustic features that the simulated listeners respond to.

A short code of its own: it shares nothing with the models that are scored against it.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from heschl.brain.synthetic.signals import SAMPLE_RATE, Array

N_BANDS = 12
LOWEST, HIGHEST = 60.0, 9500.0  # Hz
MODULATIONS = (1.0, 2.0, 4.0, 8.0, 16.0, 32.0, 64.0, 128.0)  # Hz; edges of the bands
ENVELOPE_RATE = 400  # Hz
FLOOR = 1e-5  # added to relative energies before the logarithm: -50 dB
_FRAME, _HOP = 1000, 500  # samples: 50 ms every 25 ms
_PITCHES = (70.0, 1000.0)  # Hz

#: Names in order: energy in bands (centre in Hz), modulations (lower edge in Hz), harmonicity.
NAMES: tuple[str, ...]


def _erb_number(frequency: Array) -> Array:
    """ERB-number of a frequency in Hz: Glasberg & Moore, Hear. Res. 47 (1990)."""
    return np.asarray(21.4 * np.log10(1 + 0.00437 * frequency))


def band_edges() -> Array:
    """Edges in Hz, (N_BANDS + 1,), of bands equally wide in ERB."""
    low, high = _erb_number(np.array([LOWEST, HIGHEST]))
    return np.asarray((10 ** (np.linspace(low, high, N_BANDS + 1) / 21.4) - 1) / 0.00437)


NAMES = (
    *(f"band_{centre:.0f}" for centre in np.sqrt(band_edges()[:-1] * band_edges()[1:])),
    *(f"modulation_{edge:g}" for edge in MODULATIONS[:-1]),
    "harmonicity",
)


def _energies(x: Array, rate: float, edges: Array) -> Array:
    """Sum the power spectrum of x (n_samples,) between successive edges in Hz."""
    power = np.abs(np.fft.rfft(x)) ** 2
    cumulative = np.concatenate([[0.0], np.cumsum(power)])
    at = np.searchsorted(np.fft.rfftfreq(len(x), 1 / rate), edges)
    return np.asarray(np.diff(cumulative[at]))


def _log_share(energies: Array) -> Array:
    return np.asarray(np.log10(energies / energies.sum() + FLOOR))


def envelope(x: Array) -> Array:
    """Root mean square in steps of 2.5 ms, (n_samples / 50,), relative to its mean."""
    step = SAMPLE_RATE // ENVELOPE_RATE
    level = np.sqrt(np.mean(x[: len(x) // step * step].reshape(-1, step) ** 2, axis=1))
    return np.asarray(level / level.mean())


def harmonicity(x: Array) -> float:
    """Height of the autocorrelation's peak at the pitch period, 0 to about 1.

    Frames of 50 ms, weighted by their energy. Lags before the autocorrelation's first negative
    value are its main lobe, not a period, and are left out.
    """
    frames = np.lib.stride_tricks.sliding_window_view(x, _FRAME)[::_HOP]
    frames = frames - frames.mean(axis=1, keepdims=True)
    power = np.abs(np.fft.rfft(frames, 2 * _FRAME, axis=1)) ** 2
    correlation = np.fft.irfft(power, axis=1)[:, :_FRAME]
    energy = correlation[:, 0].copy()
    correlation /= energy[:, None] * (1 - np.arange(_FRAME) / _FRAME)
    past_main_lobe = np.logical_or.accumulate(correlation < 0, axis=1)
    shortest, longest = (round(SAMPLE_RATE / pitch) for pitch in _PITCHES[::-1])
    candidates = np.where(past_main_lobe, correlation, 0.0)[:, shortest : longest + 1]
    return float(np.average(candidates.max(axis=1), weights=energy))


def features(waveform: NDArray[np.floating]) -> Array:
    """Describe one sound; its level does not matter.

    Parameters
    ----------
    waveform : ndarray, shape (n_samples,)
        At 20 kHz.

    Returns
    -------
    ndarray, shape (n_features,)
        log10 of the share of energy in each band; log10 of the energy of the envelope's
        modulations in each octave, relative to its squared mean; harmonicity. Names: `NAMES`.
    """
    x = waveform.astype(np.float64)
    bands = _log_share(_energies(x, SAMPLE_RATE, band_edges()))
    course = envelope(x)
    modulation = _energies(course, ENVELOPE_RATE, np.array(MODULATIONS)) * 2 / len(course) ** 2
    return np.concatenate([bands, np.log10(modulation + FLOOR), [harmonicity(x)]])
