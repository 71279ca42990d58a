"""Animal-like sounds: birds, dogs, insects, frogs, whales."""

from __future__ import annotations

import numpy as np

from heschl.brain.synthetic.signals import (
    DURATION,
    N_SAMPLES,
    SAMPLE_RATE,
    Array,
    band,
    complex_tone,
    curve,
    decay,
    fade,
    impulses,
    phase,
    place,
    pulse_train,
    resonate,
    times,
    wander,
)


def _sweep(seconds: float, start: float, end: float, *, bend: float = 0.0) -> Array:
    """Whistle from one frequency to another in Hz, by way of ``bend`` octaves above the line."""
    n = round(seconds * SAMPLE_RATE)
    u = np.linspace(0, 1, n)
    frequency = start * (end / start) ** u * 2 ** (bend * np.sin(np.pi * u))
    return complex_tone(frequency, (1.0, 0.06)) * np.sin(np.pi * u) ** 0.7


def bird_song(rng: np.random.Generator) -> Array:
    """Sing three to six whistled syllables that sweep up, down or over an arch, 2 to 7 kHz."""
    total = np.zeros(N_SAMPLES)
    shapes = [(rng.uniform(2200, 5500), rng.uniform(-0.6, 0.6), rng.uniform(-0.4, 0.4))
              for _ in range(3)]  # fmt: skip
    onset = rng.uniform(0.02, 0.12)
    while onset < DURATION - 0.12:
        seconds = rng.uniform(0.08, 0.28)
        start, octaves, bend = shapes[rng.integers(3)]
        end = float(np.clip(start * 2**octaves, 1800, 7000))
        place(total, rng.uniform(0.6, 1.0) * _sweep(seconds, start, end, bend=bend), onset)
        onset += seconds + rng.uniform(0.04, 0.18)
    return total


def bird_trill(rng: np.random.Generator) -> Array:
    """Repeat one quick sweep 12 to 24 times a second, in one or two phrases."""
    rate, high = rng.uniform(12, 24), rng.uniform(4200, 7200)
    note = _sweep(0.75 / rate, high, high * rng.uniform(0.5, 0.7))
    total = np.zeros(N_SAMPLES)
    pause = rng.uniform(0.9, 1.2)
    for onset in np.arange(0.04, DURATION - 0.08, 1 / rate):
        if not pause < onset < pause + 0.2:
            place(total, note * (0.6 + 0.4 * np.sin(np.pi * onset / DURATION)), float(onset))
    return total


def bark(rng: np.random.Generator) -> Array:
    """Bark two to five times: a rough voiced burst of 0.12 to 0.22 s, pitch up and down."""
    total = np.zeros(N_SAMPLES)
    top, throat = rng.uniform(300, 700), rng.uniform(600, 1100)
    onset, gap = rng.uniform(0.05, 0.15), rng.uniform(0.22, 0.45)
    while onset < DURATION - 0.25:
        seconds = rng.uniform(0.12, 0.22)
        n = round(seconds * SAMPLE_RATE)
        u = np.linspace(0, 1, n)
        rough = 1 + 0.02 * band(rng.standard_normal(n), 0, 200) / 0.15
        source = pulse_train(top * (0.65 + 0.4 * np.sin(np.pi * u**0.7)) * rough)
        source += 0.6 * rng.standard_normal(n)
        voice = resonate(source, throat, 250) + 0.5 * resonate(source, 2.1 * throat, 400)
        voice += 0.15 * resonate(source, 3.6 * throat, 700)
        place(total, voice * fade(n, 0.015, 0.6 * seconds) * rng.uniform(0.8, 1.0), onset)
        onset += seconds + gap * rng.uniform(0.9, 1.2)
    return total


def cricket(rng: np.random.Generator) -> Array:
    """Chirp like a cricket: groups of three or four pulses of a pure 4 to 5.5 kHz tone."""
    tone = np.sin(phase(np.full(N_SAMPLES, rng.uniform(4000, 5500)) * (1 + 0.004 * wander(rng, 8))))
    rate, pulses = rng.uniform(2.5, 4.5), int(rng.integers(3, 5))
    envelope = np.zeros(N_SAMPLES)
    for chirp in np.arange(0.05, DURATION, 1 / rate):
        for k in range(pulses):
            place(envelope, fade(360, 0.008, 0.01) * (0.6 + 0.4 * k / pulses), chirp + 0.028 * k)
    return envelope * tone


def cicada(rng: np.random.Generator) -> Array:
    """Buzz like a cicada: noise around 5 to 7 kHz in clicks, 60 to 120 a second, that swells."""
    centre, rate = rng.uniform(5000, 7000), rng.uniform(60, 120)
    noise = band(rng.standard_normal(N_SAMPLES), 0.8 * centre, 1.25 * centre, order=4)
    clicks = decay(impulses(np.arange(0, DURATION, 1 / rate)), 0.003)
    swell = 1 + 0.5 * np.sin(2 * np.pi * rng.uniform(0.8, 2.0) * times() + rng.uniform(0, 6))
    return noise * clicks * swell


def frog(rng: np.random.Generator) -> Array:
    """Croak: trains of 25 to 50 pulses a second, each ringing in the vocal sac."""
    rate, sac = rng.uniform(25, 50), rng.uniform(700, 1800)
    length, pause = rng.uniform(0.25, 0.5), rng.uniform(0.15, 0.3)
    onsets: list[float] = []
    start = rng.uniform(0.03, 0.1)
    while start < DURATION - 0.15:
        n = int(length * rate)
        onsets += [start + k / rate * (1 + 0.1 * k / n) for k in range(n)]
        start += length + pause
    pulses = impulses(onsets, rng.uniform(0.8, 1.0, len(onsets)))
    return resonate(pulses, sac, 90) + 0.5 * resonate(pulses, 2.2 * sac, 150)


def whale(rng: np.random.Generator) -> Array:
    """Moan like a whale: slow glides between 120 and 700 Hz with a few harmonics and an echo."""
    at = np.cumsum([0.0, *rng.uniform(0.25, 0.6, 6)])
    octaves = rng.uniform(-1.0, 1.0, len(at))
    frequency = rng.uniform(240, 350) * 2 ** curve(at, octaves, smooth=0.12)
    frequency *= 1 + 0.012 * np.sin(2 * np.pi * rng.uniform(4, 7) * times())
    call = complex_tone(frequency, (1.0, 0.6, 0.35, 0.2, 0.12, 0.06))
    loudness = curve(at, [0.1, *rng.uniform(0.25, 1.0, 5), 0.4], smooth=0.08)
    call *= loudness
    echo = np.zeros(N_SAMPLES)
    for delay in (0.09, 0.17, 0.31):
        place(echo, call * np.exp(-3 * delay), delay)
    return call + 0.5 * echo
