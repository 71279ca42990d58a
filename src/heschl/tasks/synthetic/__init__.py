"""The embedded tasks ``synthetic-tones`` and ``synthetic-mixtures``: no download, quickly probed.

Six kinds of sounds at 16 kHz, each with its own pitch, level and noise:

- ``rising``, ``falling``: three harmonics that glide over one to two octaves. They have the same
  frequencies on average, so that only features that see time tell one from the other.
- ``harmonic``, ``inharmonic``: twelve partials at multiples of a fundamental, or beside them.
- ``swelling``: an octave of noise that rises and falls 3 to 8 times a second.
- ``clicking``: 8 to 25 ringing clicks a second.

``synthetic-tones``: one kind in each of 300 clips of 1 s; 180 to train, 60 to validate, 60 to test.
``synthetic-mixtures``: none to three kinds at once in 200 clips of 0.5 to 1 s, in five folds.
"""

from __future__ import annotations

from heschl.tasks.spec import TaskSpec
from heschl.tasks.task import Task

_LICENCE = "BSD-3-Clause"
_CITATION = "Made by heschl; no publication."

# the sounds are made where they are used: most runs need none


def _load_tones() -> Task:
    from heschl.tasks.synthetic.making import tones

    return tones()


def _load_mixtures() -> Task:
    from heschl.tasks.synthetic.making import mixtures

    return mixtures()


TONES = TaskSpec(
    name="synthetic-tones",
    summary="six kinds of synthetic sounds, 300 clips; no download",
    load=_load_tones,
    fetch=None,
    plan=None,
    licence=_LICENCE,
    citation=_CITATION,
    aliases=(),
    prediction="multiclass",
    unit="accuracy",
    n_classes=6,
    n_clips=300,
    n_rounds=1,
    seconds=300.0,
)

MIXTURES = TaskSpec(
    name="synthetic-mixtures",
    summary="none to three of these kinds at once, 200 clips, five folds; no download",
    load=_load_mixtures,
    fetch=None,
    plan=None,
    licence=_LICENCE,
    citation=_CITATION,
    aliases=(),
    prediction="multilabel",
    unit="mAP",
    n_classes=6,
    n_clips=200,
    n_rounds=5,
    seconds=148.75,
)

SPECS = (TONES, MIXTURES)
