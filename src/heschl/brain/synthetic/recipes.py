"""The eighty sounds: their table, and each one from its own seed."""

from __future__ import annotations

import zlib
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import cache, partial

import numpy as np
from numpy.typing import NDArray

from heschl.brain.synthetic import animals, environment, music
from heschl.brain.synthetic.signals import DURATION, SAMPLE_RATE, Array, finish
from heschl.brain.synthetic.speech import PACES, VOICES, speech
from heschl.sounds import Clip, Sounds

Make = Callable[[np.random.Generator], Array]


@dataclass(frozen=True)
class Recipe:
    """One row of the table of sounds.

    Attributes
    ----------
    name : str
        Category, number within it, kind: ``speech_02_female_slow``.
    category : str
    make : function of a random generator that returns (n_samples,)
    """

    name: str
    category: str
    make: Make


def _speech() -> Iterator[tuple[str, Make]]:
    """Twenty talkers: the four voices in turn, their paces shifted from round to round."""
    paces = list(PACES)
    for i in range(20):
        voice = list(VOICES)[i % 4]
        pace = paces[(i // 4 + i) % 3]
        yield f"{voice}_{pace}", partial(speech, voice=voice, pace=pace)


def _music() -> Iterator[tuple[str, Make]]:
    for instrument in ("flute", "violin", "trumpet", "piano", "guitar", "marimba"):
        yield f"{instrument}_melody", partial(music.melody, instrument=instrument)
    for instrument in ("piano", "organ", "guitar", "violin"):
        yield f"{instrument}_chords", partial(music.chords, instrument=instrument)
    for beat in music.BEATS:
        yield f"drums_{beat}", partial(music.drums, beat=beat)
    yield "band_rock", partial(music.ensemble, instrument="guitar", beat="rock")
    yield "band_latin", partial(music.ensemble, instrument="trumpet", beat="latin")


#: Kinds of sounds and how many there are of each.
_ANIMALS: tuple[tuple[str, int, Make], ...] = (
    ("bird_song", 3, animals.bird_song),
    ("bird_trill", 2, animals.bird_trill),
    ("bark", 3, animals.bark),
    ("cricket", 1, animals.cricket),
    ("cicada", 1, animals.cicada),
    ("frog", 2, animals.frog),
    ("whale", 3, animals.whale),
)
_NATURE: tuple[tuple[str, int, Make], ...] = (
    ("wind", 3, environment.wind),
    ("rain", 3, environment.rain),
    ("stream", 3, environment.stream),
    ("fire", 3, environment.fire),
    ("surf", 3, environment.surf),
)
_EVERYDAY: tuple[tuple[str, int, Make], ...] = (
    ("engine", 3, environment.engine),
    ("footsteps", 3, environment.footsteps),
    ("hammer", 3, environment.hammer),
    ("bell", 1, environment.bell),
    ("alarm", 1, environment.alarm),
    ("siren", 1, environment.siren),
    ("applause", 3, environment.applause),
)


def _table() -> Iterator[Recipe]:
    """List all sounds in their order, by category."""
    kinds: dict[str, list[tuple[str, Make]]] = {"speech": list(_speech()), "music": list(_music())}
    for category, table in (("animal", _ANIMALS), ("nature", _NATURE), ("everyday", _EVERYDAY)):
        kinds[category] = [(kind, make) for kind, count, make in table for _ in range(count)]
    for category, made in kinds.items():
        for number, (kind, make) in enumerate(made, start=1):
            yield Recipe(f"{category}_{number:02d}_{kind}", category, make)


RECIPES = tuple(_table())


def synthesise(recipe: Recipe) -> NDArray[np.float32]:
    """Make one sound from nothing but its recipe; its name is the seed.

    Returns
    -------
    ndarray of float32, shape (n_samples,)
        Two seconds at 20 kHz, read-only.
    """
    rng = np.random.Generator(np.random.PCG64(zlib.crc32(recipe.name.encode())))
    waveform = finish(rng, recipe.make(rng))
    waveform.setflags(write=False)
    return waveform


@cache
def sounds() -> Sounds:
    """Return the eighty sounds, made once per process; their waveforms are read-only."""
    clips = [Clip(r.name, (synthesise(r), SAMPLE_RATE), r.category) for r in RECIPES]
    return Sounds(clips, duration=DURATION)
