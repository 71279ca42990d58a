"""How models of each kind of training look, on the pages and in the files."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

from heschl.report.site.measures import Model


@dataclass(frozen=True)
class Look:
    """The look of a kind of training.

    ``color`` is a name of `heschl.report.palette`, ``marker`` one of matplotlib, ``shape`` what the
    script of the pages calls it.
    """

    label: str
    color: str
    marker: str
    shape: str


#: The shape differs as well: colour is never the only difference.
LOOKS = (
    Look("self-supervised", "m0", "o", "circle"),
    Look("supervised", "m1", "s", "square"),
    Look("hand-built", "m2", "^", "triangle"),
    Look("training not known", "muted", "D", "diamond"),
)


def look_index(model: Model) -> int:
    """Return the place of a model's look in `LOOKS`."""
    labels = [look.label for look in LOOKS]
    return labels.index(model.training) if model.training in labels else len(LOOKS) - 1


def look_of(model: Model) -> Look:
    """Return the look of a model."""
    return LOOKS[look_index(model)]


def looks_of(models: Iterable[Model]) -> list[Look]:
    """Return the looks of some models, each once."""
    found = {look_index(model) for model in models}
    return [look for i, look in enumerate(LOOKS) if i in found]
