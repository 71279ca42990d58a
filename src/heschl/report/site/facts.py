"""What is known of a model, as the facts of its page."""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping
from typing import Any

from heschl.report.site.measures import Model
from heschl.report.site.numbers import size

_LABELS = {
    "family": "Family",
    "training": "Training",
    "parameters": "Parameters",
    "hours": "Hours of training data",
    "licence": "Licence",
    "citation": "Citation",
}

#: What stands elsewhere on the page.
_ELSEWHERE = ("summary", "model", "control", "base")


def facts(model: Model, spec: Mapping[str, Any]) -> list[tuple[str, str]]:
    """Return name and text of each fact; the table of models fills in what is not specified."""
    known: dict[str, Any] = {
        "family": model.family,
        "training": model.training,
        "parameters": model.parameters,
        "hours": model.hours,
    }
    for name, value in spec.items():
        if _told(value):
            known[name] = value
    return list(_facts(known))


def _facts(known: Mapping[str, Any]) -> Iterator[tuple[str, str]]:
    others = [name for name in known if name not in _LABELS and name not in _ELSEWHERE]
    for name in (*_LABELS, *others):
        if _told(known.get(name)):
            label = _LABELS.get(name) or name.replace("_", " ").capitalize()
            yield label, _text(known[name])


def _told(value: object) -> bool:
    return (
        value is not None and value != "" and not (isinstance(value, float) and math.isnan(value))
    )


def _text(value: object) -> str:
    if isinstance(value, int | float) and not isinstance(value, bool):
        return size(float(value))
    if isinstance(value, list | tuple):
        return ", ".join(str(item) for item in value)
    return str(value)
