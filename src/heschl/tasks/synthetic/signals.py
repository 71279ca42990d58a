"""Short sounds of six kinds, made from a random generator: no two are alike."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence

import numpy as np
from numpy.typing import NDArray

Array = NDArray[np.float64]

SAMPLE_RATE = 16_000  # Hz
RAMP = 0.02  # s, at the beginning and the end of every sound
HIGHEST = 7_000.0  # Hz; no partial is above
LEVELS = (0.01, 0.1)  # root mean square of a sound, full scale being 1
NOISE = (0.0, 15.0)  # dB, by which a sound is above the noise that is added to it
N_PARTIALS = 12


def sweep(rng: np.random.Generator, n_samples: int, *, up: bool) -> Array:
    """Tone with three harmonics that glides over one to two octaves, (n_samples,)."""
    octaves = rng.uniform(1.0, 2.0) * np.linspace(0.0, 1.0, n_samples)
    frequency = rng.uniform(200.0, 500.0) * 2.0 ** (octaves if up else octaves[::-1])
    phase = 2 * np.pi * np.cumsum(frequency) / SAMPLE_RATE
    return np.asarray(sum(np.sin(k * phase) / k for k in (1, 2, 3)))


def complex_tone(rng: np.random.Generator, n_samples: int, *, harmonic: bool) -> Array:
    """Twelve partials of one fundamental, or each moved away from its place, (n_samples,)."""
    fundamental = rng.uniform(150.0, 400.0)
    places = np.arange(1.0, N_PARTIALS + 1)
    if not harmonic:
        places += rng.uniform(-0.4, 0.4, N_PARTIALS)
    frequencies = fundamental * places
    strengths = 10 ** (-rng.uniform(1.0, 3.0) * np.arange(N_PARTIALS) / 20)
    strengths[frequencies > HIGHEST] = 0.0
    phases = 2 * np.pi * np.outer(frequencies, np.arange(n_samples)) / SAMPLE_RATE
    starts = rng.uniform(0, 2 * np.pi, N_PARTIALS)
    return np.asarray(strengths @ np.sin(phases + starts[:, None]))


def swelling_noise(rng: np.random.Generator, n_samples: int) -> Array:
    """Noise one octave wide whose strength rises and falls 3 to 8 times a second, (n_samples,)."""
    low = rng.uniform(300.0, 2_500.0)
    swell = 1 + np.sin(_angle(rng, rng.uniform(3.0, 8.0), n_samples))
    return band_noise(rng, n_samples, low, 2 * low) * swell


def clicks(rng: np.random.Generator, n_samples: int) -> Array:
    """Clicks, 8 to 25 a second, that ring at one frequency, (n_samples,)."""
    rate, frequency = rng.uniform(8.0, 25.0), rng.uniform(500.0, 4_000.0)
    onsets = np.arange(rng.uniform(0.0, 1 / rate), n_samples / SAMPLE_RATE, 1 / rate)
    train = np.zeros(n_samples)
    train[np.minimum((onsets * SAMPLE_RATE).astype(int), n_samples - 1)] = 1.0
    t = np.arange(SAMPLE_RATE // 50) / SAMPLE_RATE
    ringing = np.exp(-t / 0.003) * np.cos(2 * np.pi * frequency * t)
    return np.convolve(train, ringing)[:n_samples]


def band_noise(rng: np.random.Generator, n_samples: int, low: float, high: float) -> Array:
    """Noise between two frequencies in Hz, (n_samples,)."""
    spectrum = np.fft.rfft(rng.standard_normal(n_samples))
    frequencies = np.fft.rfftfreq(n_samples, 1 / SAMPLE_RATE)
    spectrum[(frequencies < low) | (frequencies > high)] = 0.0
    return np.fft.irfft(spectrum, n_samples)


def _angle(rng: np.random.Generator, frequency: float, n_samples: int) -> Array:
    start = rng.uniform(0, 2 * np.pi)
    return np.asarray(start + 2 * np.pi * frequency * np.arange(n_samples) / SAMPLE_RATE)


Make = Callable[[np.random.Generator, int], Array]

#: The classes and how a sound of each is made.
KINDS: Mapping[str, Make] = {
    "rising": lambda rng, n: sweep(rng, n, up=True),
    "falling": lambda rng, n: sweep(rng, n, up=False),
    "harmonic": lambda rng, n: complex_tone(rng, n, harmonic=True),
    "inharmonic": lambda rng, n: complex_tone(rng, n, harmonic=False),
    "swelling": swelling_noise,
    "clicking": clicks,
}


def mix(rng: np.random.Generator, kinds: Sequence[str], seconds: float) -> NDArray[np.float32]:
    """Sounds of some kinds at once, in noise, at a level that is no clue.

    Parameters
    ----------
    rng : numpy.random.Generator
    kinds : sequence of str
        Of `KINDS`; none is noise alone.
    seconds : float

    Returns
    -------
    ndarray of float32, shape (n_samples,)
        At `SAMPLE_RATE`, read-only.
    """
    n_samples = round(seconds * SAMPLE_RATE)
    signals = [_unit(KINDS[kind](rng, n_samples)) for kind in kinds]
    noise = _unit(band_noise(rng, n_samples, 50.0, HIGHEST))
    below = 10 ** (-rng.uniform(*NOISE) / 20)
    total = np.sum([*signals, below * noise], axis=0) * _ramps(n_samples)
    level = np.exp(rng.uniform(*np.log(LEVELS)))
    waveform = (level * _unit(total)).astype(np.float32)
    waveform.setflags(write=False)
    return waveform


def _unit(x: Array) -> Array:
    return np.asarray(x / np.sqrt(np.mean(x * x)))


def _ramps(n_samples: int) -> Array:
    rise = np.minimum(np.arange(n_samples) / (RAMP * SAMPLE_RATE), 1.0)
    return np.asarray(0.25 * (1 - np.cos(np.pi * rise)) * (1 - np.cos(np.pi * rise[::-1])))
