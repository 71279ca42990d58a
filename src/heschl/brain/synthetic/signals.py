"""Building blocks of synthetic sounds: periodic sources, noise, filters, envelopes.

Everything is two seconds long at 20 kHz unless a number of samples is given.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from functools import lru_cache

import numpy as np
from numpy.typing import ArrayLike, NDArray
from scipy.ndimage import uniform_filter1d
from scipy.signal import butter, lfilter, sosfilt

Array = NDArray[np.float64]

SAMPLE_RATE = 20_000  # Hz
DURATION = 2.0  # s
N_SAMPLES = round(DURATION * SAMPLE_RATE)
RAMP = 0.02  # s, at the beginning and the end of every sound
LEVEL = 0.08  # root mean square, full scale being 1
PEAK = 0.9
FLOOR = 3e-4  # root mean square of the room's own noise: no sound is ever digital zero
HIGHEST_PARTIAL = 0.45 * SAMPLE_RATE  # Hz; none is made above, so that none is folded back

_WINDOW = 512  # samples of a frame in shape_spectrum
_HOP = 128


def times(n_samples: int = N_SAMPLES) -> Array:
    """Return the time of each sample in seconds, (n_samples,)."""
    return np.arange(n_samples) / SAMPLE_RATE


def phase(frequency: Array) -> Array:
    """Phase in radians, (n_samples,), of an oscillation of frequency (n_samples,) in Hz."""
    return 2 * np.pi * np.cumsum(frequency) / SAMPLE_RATE


def complex_tone(frequency: Array, amplitudes: Sequence[float] | Array) -> Array:
    """Sum of harmonics 1, 2, ... of a fundamental that may move.

    Parameters
    ----------
    frequency : ndarray, shape (n_samples,)
        Fundamental in Hz.
    amplitudes : sequence of float
        Of harmonic 1, 2, ...; those that would ever pass `HIGHEST_PARTIAL` are left out.

    Returns
    -------
    ndarray, shape (n_samples,)
    """
    n_kept = max(1, int(HIGHEST_PARTIAL / frequency.max()))
    angle = phase(frequency)
    twice_cosine = 2 * np.cos(angle)
    before, current = np.zeros_like(angle), np.sin(angle)
    out = np.zeros_like(angle)
    for amplitude in amplitudes[:n_kept]:  # sin((k+1)x) = 2 cos(x) sin(kx) - sin((k-1)x)
        out += amplitude * current
        before, current = current, twice_cosine * current - before
    return out


def pulse_train(frequency: Array) -> Array:
    """Band-limited pulses, (n_samples,): all harmonics below 9 kHz in equal strength."""
    n_harmonics = max(1, int(HIGHEST_PARTIAL / frequency.max()))
    half = phase(frequency) / 2
    sine = np.sin(half)
    at_pulse = np.abs(sine) < 1e-9
    ratio = np.sin((2 * n_harmonics + 1) * half) / np.where(at_pulse, 1.0, sine)
    total = np.where(at_pulse, 2 * n_harmonics + 1, ratio)  # 1 + 2 sum of cos(k x)
    return np.asarray((total - 1) / np.sqrt(2 * n_harmonics))


@lru_cache(maxsize=32)
def _butterworth(low: float, high: float, order: int) -> Array:
    """Sections of a Butterworth filter for ``low`` to ``high`` Hz."""
    if low <= 0:
        return butter(order, high, "lowpass", fs=SAMPLE_RATE, output="sos")
    if high >= SAMPLE_RATE / 2:
        return butter(order, low, "highpass", fs=SAMPLE_RATE, output="sos")
    return butter(order, (low, high), "bandpass", fs=SAMPLE_RATE, output="sos")


def band(x: Array, low: float, high: float, *, order: int = 2) -> Array:
    """Keep ``low`` to ``high`` Hz (Butterworth); 0 or the Nyquist frequency leaves a side open."""
    return np.asarray(sosfilt(_butterworth(low, high, order), x))


def resonate(x: Array, frequency: float, bandwidth: float) -> Array:
    """Pass through one resonance (two poles) of unit gain at its frequency, both in Hz."""
    radius = np.exp(-np.pi * bandwidth / SAMPLE_RATE)
    angle = 2 * np.pi * frequency / SAMPLE_RATE
    poles = np.array([1.0, -2 * radius * np.cos(angle), radius**2])
    gain = (1 - radius) * np.sqrt(1 - 2 * radius * np.cos(2 * angle) + radius**2)
    return np.asarray(lfilter([gain], poles, x))


def decay(impulses: Array, time_constant: float) -> Array:
    """Let every impulse fade exponentially, with a time constant in seconds."""
    return np.asarray(lfilter([1.0], [1.0, -np.exp(-1 / (time_constant * SAMPLE_RATE))], impulses))


def impulses(onsets: ArrayLike, heights: ArrayLike = 1.0) -> Array:
    """Zeros, (n_samples,), with single samples of the given heights at onsets in seconds."""
    at = np.round(np.atleast_1d(onsets) * SAMPLE_RATE).astype(int)
    values = np.broadcast_to(heights, at.shape)
    inside = (at >= 0) & (at < N_SAMPLES)
    out = np.zeros(N_SAMPLES)
    np.add.at(out, at[inside], values[inside])
    return out


def random_impulses(rng: np.random.Generator, rate: float, *, spread: float = 0.8) -> Array:
    """Impulses at random times, ``rate`` a second on average, of log-normal heights."""
    n = max(8, rng.poisson(rate * DURATION))
    return impulses(rng.uniform(0, DURATION, n), np.exp(spread * rng.standard_normal(n)))


def curve(
    at: Sequence[float] | Array, values: Sequence[float] | Array, *, smooth: float = 0.02
) -> Array:
    """Join control points (seconds, values) by lines, (n_samples,), rounded over ``smooth`` s."""
    line = np.interp(times(), at, values)
    width = max(1, round(smooth * SAMPLE_RATE))
    rounded = uniform_filter1d(line, width, mode="nearest")
    return np.asarray(uniform_filter1d(rounded, width, mode="nearest"))


def wander(rng: np.random.Generator, rate: float) -> Array:
    """Smooth random course, (n_samples,), between about -1 and 1, with ``rate`` turns a second."""
    at = np.arange(-1 / rate, DURATION + 2 / rate, 1 / rate)
    return curve(at + rng.uniform(0, 1 / rate), rng.uniform(-1, 1, len(at)), smooth=0.4 / rate)


def place(total: Array, x: Array, onset: float) -> None:
    """Add a shorter sound to a longer one, in place, from an onset in seconds; cut at the end."""
    start = round(onset * SAMPLE_RATE)
    end = min(len(total), start + len(x))
    if start < end:
        total[start:end] += x[: end - start]


def fade(n_samples: int, attack: float, release: float) -> Array:
    """Envelope (n_samples,) that rises and falls as a raised cosine, times in seconds."""
    out = np.ones(n_samples)
    for seconds, part in ((attack, slice(None)), (release, slice(None, None, -1))):
        n = min(n_samples, max(1, round(seconds * SAMPLE_RATE)))
        out[part][:n] *= 0.5 - 0.5 * np.cos(np.pi * np.arange(n) / n)
    return out


def shape_spectrum(x: Array, gain: Callable[[Array, Array], Array]) -> Array:
    """Filter with a gain that moves in time (short-time Fourier transform, 26-ms frames).

    Parameters
    ----------
    x : ndarray, shape (n_samples,)
    gain : function of times (n_frames, 1) in s and frequencies (1, n_bins) in Hz
        Returns the factor of every frame and bin.

    Returns
    -------
    ndarray, shape (n_samples,)
    """
    window = np.sqrt(0.5 - 0.5 * np.cos(2 * np.pi * np.arange(_WINDOW) / _WINDOW))
    padded = np.pad(x, (_WINDOW, 2 * _WINDOW))
    starts = np.arange(0, len(padded) - _WINDOW + 1, _HOP)
    frames = np.lib.stride_tricks.sliding_window_view(padded, _WINDOW)[starts] * window
    centres = (starts - _WINDOW / 2) / SAMPLE_RATE
    frequencies = np.fft.rfftfreq(_WINDOW, 1 / SAMPLE_RATE)
    spectrum = np.fft.rfft(frames, axis=1) * gain(
        centres[:, None], frequencies[None, :].astype(np.float64)
    )
    shaped = np.fft.irfft(spectrum, _WINDOW, axis=1) * window
    out = np.zeros(len(padded))
    for start, frame in zip(starts, shaped, strict=True):
        out[start : start + _WINDOW] += frame
    return out[_WINDOW : _WINDOW + len(x)] * (2 * _HOP / _WINDOW)


def finish(rng: np.random.Generator, x: Array) -> NDArray[np.float32]:
    """Make a finished sound: no rumble, a faint room, ramps, one level.

    The level is `LEVEL`, or lower where the peak would pass `PEAK`.

    Returns
    -------
    ndarray of float32, shape (n_samples,)
    """
    x = band(x, 40.0, SAMPLE_RATE / 2)
    x *= LEVEL / np.sqrt(np.mean(x * x))
    x += FLOOR * rng.standard_normal(len(x))
    x *= fade(len(x), RAMP, RAMP)
    x *= min(LEVEL / np.sqrt(np.mean(x * x)), PEAK / np.abs(x).max())
    return x.astype(np.float32)
