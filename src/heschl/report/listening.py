"""The table of sounds: what was measured and predicted for each, and its player."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from heschl.report import selection
from heschl.report.palette import category_color
from heschl.report.wording import DASH, number
from heschl.results import Detail, Results


@dataclass(frozen=True)
class Line:
    """One sound of the table, with the numbers of the target that is shown first."""

    sound: str
    category: str
    color: str
    fold: str
    measured: str
    predicted: str
    error: str
    error_sort: str


@dataclass(frozen=True)
class Choice:
    """One target of the drop-down list."""

    index: int
    label: str


@dataclass(frozen=True)
class SoundTable:
    """The sounds of one dataset.

    Attributes
    ----------
    id, dataset : str
    lines : tuple of Line
    choices : tuple of (str, tuple of Choice)
        The targets of each model.
    data : mapping
        For the script: ``details`` (rows, folds) and ``targets`` (numbers), JSON-ready.
    clips : list of str or None
        Base64 of the MP3 file of each line; None if sounds were not available.
    """

    id: str
    dataset: str
    lines: tuple[Line, ...]
    choices: tuple[tuple[str, tuple[Choice, ...]], ...]
    data: Mapping[str, Any]
    clips: list[str] | None


def sound_table(
    results: Results, dataset: str, identity: str, clips: Mapping[str, str] | None
) -> SoundTable:
    """Collect the table of sounds of one dataset over all its models.

    Parameters
    ----------
    results : Results
    dataset, identity : str
    clips : mapping of str to str, or None
        Base64 of an MP3 file for the name of each sound.
    """
    details = [detail for detail in results.details if detail.dataset == dataset]
    names = list(dict.fromkeys(s for one in details for s in selection.sound_column(one, "sound")))
    places = {name: i for i, name in enumerate(names)}
    protocols = {detail.protocol for detail in details}
    data: dict[str, list[Any]] = {"details": [], "targets": []}
    choices = []
    for detail in details:
        own = selection.sound_column(detail, "sound")
        order = [places[name] for name in own]
        folds = [""] * len(names)
        for row, fold in zip(order, selection.sound_column(detail, "fold"), strict=True):
            folds[row] = fold
        entries = []
        for target in selection.shown_targets(detail):
            label = f"{selection.target_label(detail, target)} (r² {number(detail.r2[target])})"
            entries.append(Choice(len(data["targets"]), label))
            numbers = _numbers(detail, target, order, len(names))
            data["targets"].append(numbers | {"detail": len(data["details"])})
        data["details"].append({"rows": order, "folds": folds})
        title = detail.model if len(protocols) == 1 else f"{detail.model} ({detail.protocol})"
        choices.append((title, tuple(entries)))
    return SoundTable(
        identity,
        dataset,
        tuple(_lines(details, names, data)),
        tuple((title, entries) for title, entries in choices if entries),
        data,
        None if clips is None else [clips[name] for name in names],
    )


def _numbers(detail: Detail, target: int, order: Sequence[int], n_lines: int) -> dict[str, Any]:
    """Measured and predicted responses in the order of the lines, rounded for display."""
    columns = np.full((2, n_lines), np.nan)
    columns[0, order] = detail.measured[:, target]
    columns[1, order] = detail.predicted[:, target]
    finite = np.abs(columns[np.isfinite(columns)])
    largest = float(finite.max(initial=0.0))
    # Three digits of the largest number are enough to read, two more to sort.
    digits = 2 if largest == 0 else min(max(2 - math.floor(math.log10(largest)), 0), 9)
    return {
        "digits": digits,
        "measured": _rounded(columns[0], digits + 2),
        "predicted": _rounded(columns[1], digits + 2),
    }


def _rounded(values: NDArray[np.float64], digits: int) -> list[float | None]:
    return [round(float(value), digits) if np.isfinite(value) else None for value in values]


def _lines(details: Sequence[Detail], names: Sequence[str], data: Mapping[str, Any]) -> list[Line]:
    of_sound: dict[str, tuple[str, str]] = {}
    for detail in details:
        paint = {name: category_color(i) for i, name in enumerate(selection.categories(detail))}
        for sound, category in zip(
            selection.sound_column(detail, "sound"),
            selection.sound_column(detail, "category"),
            strict=True,
        ):
            of_sound.setdefault(sound, (category, paint[category]))
    first = data["targets"][0] if data["targets"] else None
    lines = []
    for row, name in enumerate(names):
        category, color = of_sound[name]
        measured = first["measured"][row] if first else None
        predicted = first["predicted"][row] if first else None
        digits = first["digits"] if first else 2
        error = None
        if measured is not None and predicted is not None:
            error = abs(predicted - measured)
        lines.append(
            Line(
                sound=name,
                category=category or DASH,
                color=color,
                fold=data["details"][0]["folds"][row] or DASH,
                measured=number(measured, digits),
                predicted=number(predicted, digits),
                error=number(error, digits),
                error_sort="" if error is None else repr(error),
            )
        )
    return lines
