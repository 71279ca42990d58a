"""Sounds of nature and of everyday things."""

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
    random_impulses,
    resonate,
    shape_spectrum,
    times,
    wander,
)

NYQUIST = SAMPLE_RATE / 2
#: Partials of a church bell over its strike note: frequency, strength, decay relative to the hum.
#: Usual names: hum, prime, tierce, quint, nominal, superquint, octave nominal.
BELL = ((0.5, 0.5, 1.0), (1.0, 0.8, 0.6), (1.2, 1.0, 0.5), (1.5, 0.4, 0.35), (2.0, 1.0, 0.4),
        (3.0, 0.5, 0.2), (4.0, 0.3, 0.12))  # fmt: skip


def _white(rng: np.random.Generator) -> Array:
    return rng.standard_normal(N_SAMPLES)


def wind(rng: np.random.Generator) -> Array:
    """Blow: low noise in gusts, with a whistling resonance that follows them."""
    gust = np.clip(0.55 + 0.5 * wander(rng, 1.5), 0.12, None)
    howl = rng.uniform(300, 700) * (0.7 + 0.7 * gust)

    def gain(t: Array, f: Array) -> Array:
        at = np.clip(np.round(t[:, 0] * SAMPLE_RATE).astype(int), 0, N_SAMPLES - 1)
        rush = 1 / (1 + (f / (150 + 500 * gust[at, None])) ** 2)
        whistle = np.exp(-0.5 * ((f - howl[at, None]) / (0.08 * howl[at, None])) ** 2)
        return np.asarray(gust[at, None] * (rush + 0.5 * whistle))

    return shape_spectrum(_white(rng), gain)


def rain(rng: np.random.Generator) -> Array:
    """Rain: an even hiss of many small drops, and single larger ones."""
    hiss = band(_white(rng), rng.uniform(400, 900), NYQUIST, order=1)
    drops = decay(random_impulses(rng, rng.uniform(60, 250)), 0.004) * _white(rng)
    return hiss + 1.2 * band(drops, 1500, 8500)


def stream(rng: np.random.Generator) -> Array:
    """Let water run: air bubbles that ring at falling sizes (rising pitch) over soft noise."""
    total = 0.03 * band(_white(rng), 300, 3000)
    middle = rng.uniform(500, 1000)
    for onset in rng.uniform(0, DURATION - 0.02, rng.poisson(rng.uniform(70, 130) * DURATION)):
        frequency = middle * 2 ** float(np.clip(rng.normal(0, 0.8), -1.5, 2.2))
        n = round(min(0.08, 30 / frequency) * SAMPLE_RATE)
        t = times(n)
        rising = frequency * (1 + rng.uniform(0.5, 6) * t)
        strength = 0.4 * np.exp(0.6 * rng.standard_normal())
        ring = np.sin(phase(rising)) * np.exp(-t * frequency / 8)
        place(total, strength * ring * fade(n, 0.001, 0.004), float(onset))
    return total


def fire(rng: np.random.Generator) -> Array:
    """Burn: a low rumble, fine crackling and a few loud snaps."""
    rumble = band(_white(rng), 60, 350) * (1 + 0.4 * wander(rng, 5))
    crackle = decay(random_impulses(rng, rng.uniform(25, 60), spread=1.0), 0.0025) * _white(rng)
    snaps = decay(random_impulses(rng, rng.uniform(2, 5), spread=0.4), 0.006) * _white(rng)
    hiss = 0.04 * band(_white(rng), 2000, 8000)
    return 0.8 * rumble + hiss + band(crackle, 900, 7000) + 1.5 * band(snaps, 500, 5000)


def surf(rng: np.random.Generator) -> Array:
    """Let a wave come in: noise that swells, breaks brightly and drains away."""
    breaks = rng.uniform(0.5, 1.1)
    height = curve([0, breaks - 0.4, breaks, breaks + 0.5, DURATION], [0.25, 0.4, 1.0, 0.55, 0.3],
                   smooth=0.08)  # fmt: skip
    edge = 400 + rng.uniform(3500, 6500) * height**2

    def gain(t: Array, f: Array) -> Array:
        at = np.clip(np.round(t[:, 0] * SAMPLE_RATE).astype(int), 0, N_SAMPLES - 1)
        return np.asarray(height[at, None] / (1 + (f / edge[at, None]) ** 2))

    return shape_spectrum(_white(rng), gain)


def engine(rng: np.random.Generator) -> Array:
    """Run a motor: firings 25 to 90 a second, no two cylinders alike, steady or speeding up."""
    start, end = rng.uniform(25, 50), rng.uniform(35, 90)
    firing = start * (end / start) ** curve([0.3, rng.uniform(1.0, 1.8)], [0, 1], smooth=0.15)
    cycle = phase(firing / 4)  # four cylinders
    uneven = 1 + 0.25 * np.cos(cycle + rng.uniform(0, 6)) + 0.2 * np.cos(2 * cycle)
    source = pulse_train(firing * (1 + 0.01 * wander(rng, 40))) * uneven
    body = sum(
        resonate(source, float(f), 60 + 0.15 * float(f)) * float(f) ** -0.25
        for f in rng.uniform((80, 200, 500, 1200), (160, 400, 1000, 2500))
    )
    air = band(_white(rng), 300, 4000) * (0.5 + 0.5 * np.cos(phase(firing)))
    return np.asarray(body / np.std(body) + 0.15 * air)


def footsteps(rng: np.random.Generator) -> Array:
    """Walk 1.7 to 2.8 steps a second: a thump of the heel, then a scrape of the sole."""
    rate, ground = rng.uniform(1.7, 2.8), rng.uniform(600, 3000)
    onsets = np.arange(rng.uniform(0.06, 0.15), DURATION - 0.1, 1 / rate)
    onsets = onsets + rng.uniform(-0.015, 0.015, len(onsets))
    force = rng.uniform(0.7, 1.0, len(onsets))
    thump = band(decay(impulses(onsets, force), 0.012) * _white(rng), 60, 300)
    grit = decay(impulses(onsets, force), 0.02) + 0.6 * decay(impulses(onsets + 0.07, force), 0.03)
    scrape = band(grit * _white(rng), ground, 2.5 * ground)
    return np.asarray(thump / np.abs(thump).max() + 0.25 * scrape)


def hammer(rng: np.random.Generator) -> Array:
    """Hammer on metal or wood 2.2 to 4.5 times a second: a click and damped inharmonic modes."""
    rate, ring = rng.uniform(2.2, 4.5), rng.uniform(0.02, 0.09)
    onsets = np.arange(rng.uniform(0.04, 0.1), DURATION - 0.08, 1 / rate)
    onsets = onsets + rng.uniform(-0.01, 0.01, len(onsets))
    strikes = impulses(onsets, rng.uniform(0.7, 1.0, len(onsets)))
    total = 0.5 * band(decay(strikes, 0.003) * _white(rng), 800, 8000)
    for frequency in np.cumprod([rng.uniform(350, 900), *rng.uniform(1.3, 2.0, 4)]):
        if frequency < 8500:
            mode = resonate(strikes, float(frequency), 1 / (np.pi * ring))
            total += rng.uniform(0.3, 1.0) * mode / np.abs(mode).max()
    return total


def bell(rng: np.random.Generator) -> Array:
    """Ring a bell once or twice; its partials die away at their own rates."""
    strike, ring = rng.uniform(420, 900), rng.uniform(1.2, 2.2)
    t = times()
    once = np.zeros(N_SAMPLES)
    for ratio, strength, relative in BELL:
        detuned = strike * ratio * (1 + 0.003 * rng.standard_normal())
        once += strength * np.exp(-t / (ring * relative)) * np.sin(2 * np.pi * detuned * t)
    once *= fade(N_SAMPLES, 0.003, 0.01)
    total = once.copy()
    place(total, 0.8 * once, rng.uniform(0.7, 1.3))
    return total


def alarm(rng: np.random.Generator) -> Array:
    """Beep like an alarm clock: groups of three or four short tones with a few harmonics."""
    pitch, rate, group = rng.uniform(1000, 2200), rng.uniform(7, 10), int(rng.integers(3, 5))
    tone = complex_tone(np.full(N_SAMPLES, pitch), (1.0, 0.0, 0.3, 0.0, 0.1))
    envelope = np.zeros(N_SAMPLES)
    for start in np.arange(0.04, DURATION, (group + 2) / rate):
        for k in range(group):
            n = round(0.55 / rate * SAMPLE_RATE)
            place(envelope, fade(n, 0.005, 0.01), float(start) + k / rate)
    return tone * envelope


def siren(rng: np.random.Generator) -> Array:
    """Wail up and down between about 500 and 1300 Hz."""
    rate, low = rng.uniform(0.8, 2.2), rng.uniform(450, 650)
    cycle = 0.5 - 0.5 * np.cos(2 * np.pi * rate * times() + rng.uniform(0, 6))
    wail = complex_tone(low * rng.uniform(1.7, 2.2) ** cycle, 1 / np.arange(1, 8) ** 1.3)
    echo = np.zeros(N_SAMPLES)
    place(echo, wail, 0.06)
    return wail + 0.3 * echo


def applause(rng: np.random.Generator) -> Array:
    """Clap with many hands: each pair at its own pace, loudness and cup of the palm."""
    total = 0.02 * band(_white(rng), 500, 6000)
    for _ in range(int(rng.integers(12, 40))):
        pace = 1 / rng.uniform(2.5, 4.5)
        onsets = np.arange(rng.uniform(0, pace), DURATION, pace)
        onsets = onsets + rng.uniform(-0.03, 0.03, len(onsets))
        claps = decay(impulses(onsets, np.exp(0.5 * rng.standard_normal())), 0.006) * _white(rng)
        centre = rng.uniform(900, 2600)
        total += band(claps, 0.6 * centre, 1.7 * centre)
    return total
