"""Music-like sounds: melodies and chords of several instruments, drums, a small band."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from heschl.brain.synthetic.signals import (
    DURATION,
    HIGHEST_PARTIAL,
    N_SAMPLES,
    SAMPLE_RATE,
    Array,
    band,
    fade,
    phase,
    place,
    times,
)

SCALES = {
    "major": (0, 2, 4, 5, 7, 9, 11),
    "minor": (0, 2, 3, 5, 7, 8, 10),
    "pentatonic": (0, 2, 4, 7, 9),
}
#: Roots of the chords, as steps of the scale.
PROGRESSIONS = ((0, 3, 4), (0, 4, 5, 3), (0, 5), (0, 3))
#: Onsets of bass drum, snare and hi-hat, in eighths of a bar of eight.
BEATS = {
    "rock": ((0, 4), (2, 6), (0, 1, 2, 3, 4, 5, 6, 7)),
    "dance": ((0, 2, 4, 6), (2, 6), (1, 3, 5, 7)),
    "latin": ((0, 3, 4, 7), (2, 5), (0, 2, 3, 4, 6, 7)),
}


@dataclass(frozen=True)
class Instrument:
    """How a note begins, what it is made of, and how it ends.

    Attributes
    ----------
    partials : tuple of float
        Strengths of partials 1, 2, ...
    attack : float
        In seconds.
    ring : float
        Time constant of the first partial's decay in seconds; 0: it is held.
    ratios : tuple of float
        Frequencies of the partials over the first one's; empty: harmonic.
    stiffness : float
        Inharmonicity of a stiff string: partial k is at k * sqrt(1 + stiffness * k^2).
    vibrato : float
        Depth as a share of the frequency.
    breath : float
        Share of noise.
    register : float
        Frequency of the scale's first note in Hz, before transposition.
    """

    partials: tuple[float, ...]
    attack: float
    ring: float
    register: float
    ratios: tuple[float, ...] = ()
    stiffness: float = 0.0
    vibrato: float = 0.0
    breath: float = 0.0


def _plucked(position: float, n_partials: int) -> tuple[float, ...]:
    """Return the partials of an ideal string plucked at a share of its length."""
    k = np.arange(1, n_partials + 1)
    return tuple(np.abs(np.sin(np.pi * k * position)) / k**1.5)


INSTRUMENTS = {
    "flute": Instrument((1, 0.35, 0.12, 0.04), 0.05, 0.0, 523.0, vibrato=0.006, breath=0.06),
    "violin": Instrument(tuple(1 / np.arange(1, 19)), 0.07, 0.0, 392.0, vibrato=0.009, breath=0.01),
    "trumpet": Instrument(
        (0.5, 0.8, 1, 0.9, 0.7, 0.5, 0.4, 0.3, 0.2, 0.1), 0.03, 0.0, 330.0, vibrato=0.003
    ),
    "piano": Instrument(tuple(1 / np.arange(1, 15) ** 1.4), 0.004, 0.5, 262.0, stiffness=4e-4),
    "guitar": Instrument(_plucked(0.18, 16), 0.003, 0.35, 165.0),
    "marimba": Instrument((1, 0.3, 0.08), 0.002, 0.12, 330.0, ratios=(1.0, 3.93, 9.5)),
    "organ": Instrument((1, 0.7, 0.5, 0.4, 0, 0.25, 0, 0.2), 0.02, 0.0, 196.0),
    "bass": Instrument(_plucked(0.25, 8), 0.005, 0.4, 65.0),
}


def note(
    rng: np.random.Generator, instrument: Instrument, frequency: float, seconds: float
) -> Array:
    """Play one note, (n_samples,), at a frequency in Hz."""
    n = round(seconds * SAMPLE_RATE)
    t = times(n)
    wobble = 1 + instrument.vibrato * np.minimum(t / 0.2, 1) * np.sin(
        2 * np.pi * rng.uniform(4.8, 6.2) * t + rng.uniform(0, 2 * np.pi)
    )
    angle = phase(frequency * wobble)
    fading = np.exp(-t / instrument.ring) if instrument.ring else np.ones(n)
    faster = fading**0.4  # each partial dies away faster than the one below
    out = np.zeros(n)
    for k, strength in enumerate(instrument.partials, start=1):
        ratio = instrument.ratios[k - 1] if instrument.ratios else float(k)
        ratio *= np.sqrt(1 + instrument.stiffness * k * k)
        if strength == 0 or ratio * frequency * 1.02 > HIGHEST_PARTIAL:
            continue
        out += strength * fading * np.sin(ratio * angle + rng.uniform(0, 2 * np.pi))
        if instrument.ring:
            fading *= faster
    if instrument.breath:
        out += instrument.breath * band(rng.standard_normal(n), frequency, 3 * frequency)
    return out * fade(n, instrument.attack, min(0.06, 0.3 * seconds))


def _semitones(scale: str, step: int) -> int:
    """Semitones above the first note of a scale's step, counted from 0 over all octaves."""
    notes = SCALES[scale]
    return 12 * (step // len(notes)) + notes[step % len(notes)]


def melody(rng: np.random.Generator, *, instrument: str) -> Array:
    """Play a tune on one of `INSTRUMENTS`: small steps in a scale, long and short notes."""
    played = INSTRUMENTS[instrument]
    scale = str(rng.choice(list(SCALES)))
    beat = 60 / rng.uniform(85, 150)
    root = played.register * 2 ** (rng.integers(-4, 5) / 12)
    total = np.zeros(N_SAMPLES)
    onset, step = rng.uniform(0.0, 0.03), int(rng.integers(0, 5))
    while onset < DURATION - 0.1:
        seconds = beat * float(rng.choice([0.5, 1.0, 1.5], p=[0.55, 0.35, 0.1]))
        sounding = max(seconds, 0.6) if played.ring else 0.97 * seconds
        frequency = root * 2 ** (_semitones(scale, step) / 12)
        place(total, rng.uniform(0.8, 1.0) * note(rng, played, frequency, sounding), onset)
        onset += seconds
        step = int(np.clip(step + rng.choice([-2, -1, 1, 2, 4, -3]), -3, 9))
    return total


def chords(rng: np.random.Generator, *, instrument: str) -> Array:
    """Play two to four triads with a bass note on one of `INSTRUMENTS`."""
    played = INSTRUMENTS[instrument]
    scale = str(rng.choice(["major", "minor"]))
    roots = PROGRESSIONS[rng.integers(len(PROGRESSIONS))]
    base = played.register * 2 ** (rng.integers(-5, 4) / 12)
    seconds = DURATION / len(roots)
    strum = rng.uniform(0.0, 0.025)
    total = np.zeros(N_SAMPLES)
    for i, root in enumerate(roots):
        for k, step in enumerate((root - 7, root, root + 2, root + 4)):
            frequency = base * 2 ** (_semitones(scale, step) / 12)
            place(total, note(rng, played, frequency, seconds), i * seconds + k * strum)
    return total


def bass_drum(rng: np.random.Generator) -> Array:
    """Beat a bass drum: a tone that falls within some 30 ms, with a click."""
    t = times(6000)
    falling = rng.uniform(48, 62) + 140 * np.exp(-t / 0.025)
    click = band(rng.standard_normal(6000), 1000, 4000) * np.exp(-t / 0.003)
    return 1.6 * np.sin(phase(falling)) * np.exp(-t / 0.09) + 0.3 * click


def snare(rng: np.random.Generator) -> Array:
    """Beat a snare drum: a short tone under bright noise."""
    t = times(5000)
    rattle = band(rng.standard_normal(5000), 1200, 8000) * np.exp(-t / 0.055)
    return 0.7 * rattle + 0.7 * np.sin(2 * np.pi * rng.uniform(170, 210) * t) * np.exp(-t / 0.04)


def hi_hat(rng: np.random.Generator) -> Array:
    """Beat a closed hi-hat: very short, very bright noise."""
    t = times(2400)
    return 0.45 * band(rng.standard_normal(2400), 6000, 9900, order=4) * np.exp(-t / 0.02)


def drums(rng: np.random.Generator, *, beat: str) -> Array:
    """Play one of `BEATS`."""
    eighth = 30 / rng.uniform(95, 160)
    total = np.zeros(N_SAMPLES)
    for play, pattern in zip((bass_drum, snare, hi_hat), BEATS[beat], strict=True):
        for bar in range(int(DURATION / (8 * eighth)) + 1):
            for place_in_bar in pattern:
                strike = rng.uniform(0.75, 1.0) * play(rng)
                place(total, strike, (8 * bar + place_in_bar) * eighth + 0.01)
    return total


def ensemble(rng: np.random.Generator, *, instrument: str, beat: str) -> Array:
    """Play a tune over drums and a bass line."""
    parts = (melody(rng, instrument=instrument), melody(rng, instrument="bass"))
    total = 0.8 * drums(rng, beat=beat)
    for part in parts:
        total += 0.35 * part / part.std()
    return total
