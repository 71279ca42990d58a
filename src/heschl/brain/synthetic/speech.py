"""Speech-like sounds: a pulsating or breathy source through moving formants, with consonants."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from heschl.brain.synthetic.signals import (
    DURATION,
    N_SAMPLES,
    SAMPLE_RATE,
    Array,
    band,
    curve,
    fade,
    place,
    pulse_train,
    shape_spectrum,
    times,
    wander,
)

#: First three formants in Hz of ten vowels, means over men: Peterson & Barney, J. Acoust. Soc.
#: Am. 24 (1952), table II.
VOWELS = np.array(
    [
        (270, 2290, 3010),  # heed
        (390, 1990, 2550),  # hid
        (530, 1840, 2480),  # head
        (660, 1720, 2410),  # had
        (730, 1090, 2440),  # hod
        (570, 840, 2410),  # hawed
        (440, 1020, 2240),  # hood
        (300, 870, 2240),  # who'd
        (640, 1190, 2390),  # hud
        (490, 1350, 1690),  # heard
    ],
    dtype=float,
)
CLOSED = np.array([(250, 900, 2300), (250, 1700, 2600), (250, 2200, 2900)], dtype=float)
HIGHER = (3500.0, 4500.0, 5500.0, 6500.0, 7500.0)  # Hz; formants of a tube of 17 cm, held
BANDWIDTHS = (80.0, 110.0, 160.0, 250.0, 350.0, 500.0, 600.0, 700.0)  # Hz, of all eight
#: Noise of s, sh and f: band in Hz and strength.
FRICATIVES = ((4500.0, 9000.0, 0.5), (2300.0, 6000.0, 0.6), (1500.0, 8500.0, 0.2))


@dataclass(frozen=True)
class Voice:
    """A kind of talker.

    Attributes
    ----------
    pitch : tuple of float
        Range of the mean fundamental in Hz.
    tract : float
        Factor of all formants against a man's.
    breath : float
        Share of noise in the source; 1 is whispered.
    """

    pitch: tuple[float, float]
    tract: float
    breath: float


VOICES = {
    "male": Voice((95, 135), 1.0, 0.03),
    "female": Voice((180, 235), 1.16, 0.06),
    "child": Voice((270, 340), 1.32, 0.06),
    "whisper": Voice((180, 235), 1.1, 1.0),
}
#: Syllables a second.
PACES = {"slow": (3.0, 3.6), "medium": (4.1, 4.8), "fast": (5.3, 6.0)}
_BURST = round(0.08 * SAMPLE_RATE)  # samples of a stop's burst


@dataclass(frozen=True)
class _Syllable:
    """One syllable: times in seconds, formants in Hz (a man's)."""

    onset: float  # of the consonant
    vowel: float  # of the vowel
    end: float
    consonant: str
    targets: Array  # (3, 3): closed, first and second vowel target


def speech(rng: np.random.Generator, *, voice: str, pace: str) -> Array:
    """Talk nonsense for two seconds, (n_samples,), as one of `VOICES` at one of `PACES`."""
    talker = VOICES[voice]
    syllables = _plan(rng, rng.uniform(*PACES[pace]))
    loudness = _loudness(rng, syllables)
    breath = rng.standard_normal(len(loudness))
    source = (1 - talker.breath) * pulse_train(_intonation(rng, talker, syllables))
    source += talker.breath * breath
    formants = _formant_tracks(syllables, talker.tract)
    voiced = shape_spectrum(source * loudness, lambda t, f: _formant_gain(formants, t, f))
    voiced /= np.sqrt(np.mean(voiced * voiced))
    return voiced + _consonants(rng, syllables)


def _plan(rng: np.random.Generator, rate: float) -> list[_Syllable]:
    """Lay syllables out over the two seconds, ``rate`` a second, none quite like another."""
    syllables = []
    onset = rng.uniform(0.0, 0.06)
    while onset < DURATION - 0.6 / rate:
        length = rng.uniform(0.85, 1.2) / rate
        consonant = rng.choice(["fricative", "stop", "nasal", "none"], p=[0.3, 0.3, 0.25, 0.15])
        part = {"fricative": 0.4, "stop": 0.25, "nasal": 0.25, "none": 0.05}[str(consonant)]
        first, second = rng.choice(len(VOWELS), 2, replace=False)
        glide = rng.uniform(0.0, 0.5)
        targets = np.stack(
            [
                CLOSED[rng.integers(len(CLOSED))],
                VOWELS[first],
                (1 - glide) * VOWELS[first] + glide * VOWELS[second],
            ]
        )
        syllables.append(
            _Syllable(onset, onset + part * length, onset + length, str(consonant), targets)
        )
        onset += length
    return syllables


def _loudness(rng: np.random.Generator, syllables: list[_Syllable]) -> Array:
    """Loudness of the vowels (n_samples,): low in the consonants, so syllables are heard."""
    at, values = [0.0], [0.0]
    for s in syllables:
        before = 0.35 if s.consonant == "nasal" else 0.02
        top = rng.uniform(0.7, 1.1)
        length = s.end - s.vowel
        at += [s.onset + 0.01, s.vowel, s.vowel + 0.25 * length, s.vowel + 0.7 * length, s.end]
        values += [before, before, top, 0.75 * top, 0.04]
    return curve([*at, DURATION], [*values, 0.0], smooth=0.015)


def _intonation(rng: np.random.Generator, talker: Voice, syllables: list[_Syllable]) -> Array:
    """Fundamental in Hz (n_samples,): falls along the phrase, rises on accents, ends up or down."""
    mean = rng.uniform(*talker.pitch)
    fall, ending = rng.uniform(2, 5), rng.choice([-4.0, -3.0, 4.0])
    t = np.arange(0, DURATION, 0.005)
    semitones = fall * (0.5 - t / DURATION)
    for s in syllables:
        centre, height = (s.vowel + s.end) / 2, rng.uniform(-0.5, 3.5)
        semitones += height * np.exp(-0.5 * ((t - centre) / 0.07) ** 2)
    last = syllables[-1]
    semitones += ending * np.clip((t - last.vowel) / (last.end - last.vowel), 0, 1)
    jitter = 0.15 * wander(rng, 30.0)
    return np.asarray(mean * 2 ** ((np.interp(times(), t, semitones) + jitter) / 12))


def _formant_tracks(syllables: list[_Syllable], tract: float) -> Array:
    """Eight formants in Hz over time, (8, n_samples)."""
    at: list[float] = []
    values: list[Array] = []
    for s in syllables:
        length = s.end - s.vowel
        at += [s.onset + 0.5 * (s.vowel - s.onset), s.vowel + 0.3 * length, s.vowel + 0.75 * length]
        values += list(s.targets)
    moving = [curve(at, [v[k] for v in values], smooth=0.02) for k in range(3)]
    higher = [np.full_like(moving[0], frequency) for frequency in HIGHER]
    return tract * np.stack(moving + higher)


def _formant_gain(formants: Array, t: Array, f: Array) -> Array:
    """Gain of the vocal tract and the mouth at times (n, 1) s and frequencies (1, m) Hz."""
    at = np.clip(np.round(t[:, 0] * SAMPLE_RATE).astype(int), 0, formants.shape[1] - 1)
    power = (1 + (f / 300.0) ** 1.2) ** -2.0  # voice -12 dB, radiation +6 dB per octave
    for centre, width in zip(formants[:, at, None], BANDWIDTHS, strict=True):
        square = centre**2
        power = power * (square**2 / ((square - f**2) ** 2 + (width * f) ** 2))
    return np.asarray(np.sqrt(power))


def _consonants(rng: np.random.Generator, syllables: list[_Syllable]) -> Array:
    """Hiss of the fricatives and bursts of the stops, (n_samples,)."""
    total = np.zeros(N_SAMPLES)
    for s in syllables:
        if s.consonant == "fricative":
            length = s.vowel - s.onset
            low, high, strength = FRICATIVES[rng.integers(len(FRICATIVES))]
            hiss = band(rng.standard_normal(round((length + 0.02) * SAMPLE_RATE)), low, high)
            swell = fade(len(hiss), 0.4 * length, 0.4 * length)
            place(total, strength * swell * hiss / hiss.std(), s.onset)
        elif s.consonant == "stop":
            low, fading = rng.uniform(800, 3500), rng.uniform(0.004, 0.015)
            burst = rng.standard_normal(_BURST) * np.exp(-times(_BURST) / fading)
            place(total, band(burst, low, 2 * low), s.vowel - 0.012)
    return total
