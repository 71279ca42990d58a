"""What the page says in words: the answer for each model and dataset, numbers, descriptions."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from heschl.report import selection
from heschl.report.selection import Analysis
from heschl.results import Detail, Results

#: Stands for a number that is missing.
DASH = "–"


def number(value: float | None, digits: int = 2) -> str:
    """Return a number as it is shown; a dash if it is missing."""
    if value is None or not math.isfinite(value):
        return DASH
    return f"{value:.{digits}f}".replace("-", "−")  # the minus sign of typography


def small(value: float) -> str:
    """Return a number of two digits, or of as many as show that it is not 0."""
    return number(value) if abs(value) >= 0.01 else f"{value:.1g}"


def percent(share: float | None) -> str:
    """Return a share as it is shown, in whole percents; a dash if it is missing.

    Only what is exactly 0 or 1 is "0 %" or "100 %".
    """
    if share is None or not math.isfinite(share):
        return DASH
    # rounded as `number` rounds it: a figure and a sentence must not differ
    whole = round(100 * float(f"{share:.2f}"))
    if whole in (0, 100) and share not in (0, 1):
        return f"{min(max(100 * share, 0.1), 99.9):.1f}\N{NO-BREAK SPACE}%"
    return f"{whole}\N{NO-BREAK SPACE}%"


def plural(count: int, noun: str) -> str:
    """Return a count with its noun: "1 fold", "5 folds"."""
    return f"{count:,} {noun}{'' if count == 1 else 's'}"


@dataclass(frozen=True)
class Answer:
    """The answer for one model and dataset.

    Attributes
    ----------
    model, dataset : str
    value : str
        The number, as text.
    kind : str
        What the number is: "mean r² over 6 components".
    before, after : str
        The sentence around the number; without a number the whole sentence is in ``before``.
    notes : tuple of str
        Sentences on ceilings, published scores and what was left out.
    facts : tuple of (str, str)
        Name and value of the small facts.
    """

    model: str
    dataset: str
    value: str
    kind: str
    before: str
    after: str
    notes: tuple[str, ...]
    facts: tuple[tuple[str, str], ...]


def answers(results: Results) -> tuple[Answer, ...]:
    """Return one answer for each model, dataset, metric and protocol.

    Where there are no details, the rows of whole datasets answer.
    """
    found = [_answer(results, detail) for detail in results.details]
    keys = ("model", "dataset", "metric", "protocol")
    answered = {tuple(getattr(detail, key) for key in keys) for detail in results.details}
    for row in results.rows():
        whole = row["scope"] == "dataset" and row["region"] is None
        if whole and row["unit"] in _SENTENCES and tuple(row[key] for key in keys) not in answered:
            found.append(_answer_from_row(row))
    return tuple(found)


#: For each unit of the row of a dataset: what the number is, and the sentence around it.
_SENTENCES = {
    "r2": ("r² of the dataset", "explains", "of the variance in {dataset}"),
    "r2_corrected": (
        "r² corrected for noise, mean over listeners",
        "explains",
        "of the explainable variance of a voxel in {dataset}",
    ),
    "rho": (
        "Spearman's ρ of dissimilarities, mean over listeners",
        "orders the sounds' dissimilarities like the brains of {dataset} with a ρ of",
        "on average",
    ),
}


def _answer(results: Results, detail: Detail) -> Answer:
    noun = selection.noun(results, detail)
    scored = int(np.isfinite(detail.r2).sum())
    row = selection.dataset_row(results, detail)
    medians = selection.listener_medians(detail)
    few = len(detail.targets) <= selection.FEW and not medians
    if medians:
        value, how = selection.mean(medians), "median"
        kind = f"median r² of a {noun}, mean over {plural(len(medians), 'listener')}"
        of_what = f"of the variance of a {noun} in {detail.dataset}"
    elif few:
        value, how = selection.mean(detail.r2), "mean"
        kind = f"mean r² over {plural(scored, noun)}"
        of_what = f"of the variance of the {plural(scored, noun)} of {detail.dataset}"
    else:
        value, how = selection.median(detail.r2), "median"
        kind = f"median r² over {plural(scored, noun)}"
        of_what = f"of the variance of a {noun} in {detail.dataset}"
    value = value if row is None else row["value"]
    stderr = "" if row is None or not math.isfinite(row["stderr"]) else small(row["stderr"])
    tail = f" (standard error over listeners: {stderr})" if stderr else ""
    if math.isfinite(value):
        before, after = f"{detail.model} explains a {how} of", f"{of_what}{tail}."
    else:
        before = f"{detail.model} has no score on {detail.dataset}: every {noun} was left out."
        after = ""
    return Answer(
        detail.model,
        detail.dataset,
        number(value),
        kind,
        before,
        after,
        tuple(_notes(results, detail, noun, few=few)),
        tuple(_facts(detail, noun, scored, len(medians))),
    )


def _answer_from_row(row: Mapping[str, Any]) -> Answer:
    kind, verb, rest = _SENTENCES[row["unit"]]
    stderr = "" if row["stderr"] is None else small(row["stderr"])
    tail = f" (standard error over listeners: {stderr})" if stderr else ""
    notes = []
    if row["low"] is not None:
        notes.append(f"95 % interval: {number(row['low'])} to {number(row['high'])}.")
    if row["ceiling"] is not None:
        notes.append(f"What other brains reach, or a perfect model: {number(row['ceiling'])}.")
    return Answer(
        row["model"],
        row["dataset"],
        number(row["value"]),
        kind,
        f"{row['model']} {verb.format(**row)}",
        f"{rest.format(**row)}{tail}.",
        tuple(notes),
        (("Protocol", row["protocol"]), ("Sounds", str(row["n_sounds"]))),
    )


def _notes(results: Results, detail: Detail, noun: str, *, few: bool) -> list[str]:
    notes = []
    top = selection.ceilings(results, detail)
    ceiling = selection.mean(top) if few else selection.median(top)
    if math.isfinite(ceiling):
        notes.append(
            f"The most that any model could reach: {number(ceiling)} "
            f"({'mean' if few else 'median'} over {noun}s)."
        )
    else:
        notes += _no_ceiling(results, detail)
    notes += _published_note(detail, noun)
    left_out = int((~np.isfinite(detail.r2)).sum())
    if left_out:
        notes.append(
            f"{plural(left_out, noun)} {'was' if left_out == 1 else 'were'} left out "
            "(responses with missing values)."
        )
    return notes


def _no_ceiling(results: Results, detail: Detail) -> list[str]:
    """Say why there is no ceiling, if the record of the scores does."""
    dataset = results.provenance.get(detail.provenance, {}).get("dataset")
    told = dataset.get("ceiling", "") if isinstance(dataset, Mapping) else ""
    if not told.startswith("none: "):
        return []
    reason = told.removeprefix("none: ")
    return [f"{reason[0].upper()}{reason[1:]}."]


def _published_note(detail: Detail, noun: str) -> list[str]:
    """Compare with what was published for the same model, target by target."""
    published = detail.published.get(detail.model, {})
    pairs = [
        (float(mine), published[name])
        for name, mine in zip(selection.target_names(detail), detail.r2, strict=True)
        if name in published and math.isfinite(mine)
    ]
    if not pairs:
        return []
    mean = sum(theirs for _, theirs in pairs) / len(pairs)
    largest = max(abs(mine - theirs) for mine, theirs in pairs)
    return [
        f"Published for the same model: a mean of {number(mean)}; the largest difference of any "
        f"{noun} is {number(largest, 3)}."
    ]


def _facts(detail: Detail, noun: str, n_scored: int, n_listeners: int) -> list[tuple[str, str]]:
    n_folds = len({fold for fold in selection.sound_column(detail, "fold") if fold})
    facts = [
        ("Sounds", f"{len(detail.sounds):,}"),
        (f"{noun.capitalize()}s", f"{n_scored:,}"),
        ("Listeners", str(n_listeners) if n_listeners else ""),
        ("Layers compared", f"{len(detail.layers):,}"),
        ("Protocol", detail.protocol),
        ("Folds", str(n_folds or len(detail.layer_index))),
    ]
    return [(name, value) for name, value in facts if value]


def title(results: Results) -> str:
    """Return the question that the page answers."""
    models = selection.model_names(results)
    brains, hearing = selection.compares_brains(results), selection.tests_hearing(results)
    if len(models) == 1:
        name, be, do, it = models[0], "is", "does", "it"
    else:
        name, be, do, it = f"these {len(models)} models", "are", "do", "they"
    if not brains:
        return f"How well {do} {name} hear?"
    return f"How brain-like {be} {name}{f', and how well {do} {it} hear' if hearing else ''}?"


def describe_scores(group: Analysis) -> str:
    """Describe the figure of scores for those who cannot see it."""
    parts = [f"Bars of r² on {group.dataset}."]
    for detail in group.details:
        if group.few:
            names, values = selection.target_names(detail), detail.r2.tolist()
        else:
            values = selection.listener_medians(detail) or [selection.median(detail.r2)]
            names = list(selection.members(detail, "listener")) or ["median"]
        scores = list(zip(names, values, strict=True))
        parts.append(f"{detail.model}: {_listed(scores)}.")
        for model, published in sorted(detail.published.items()):
            known = [(name, published[name]) for name, _ in scores if name in published]
            parts += [f"Published for {model}: {_listed(known)}."] if known else []
    return " ".join(dict.fromkeys(parts))


def _listed(scores: Sequence[tuple[str, float]]) -> str:
    return ", ".join(f"{name} {number(value)}" for name, value in scores)


def describe_predictions(detail: Detail) -> str:
    """Describe the figure of predictions for those who cannot see it."""
    scores = [
        (selection.target_label(detail, i), float(detail.r2[i]))
        for i in selection.shown_targets(detail)
    ]
    return (
        f"Scatter plots of predicted against measured responses of {detail.model} on "
        f"{detail.dataset}, one for each of: {_listed(scores)} (r²). "
        "The values are in the table of sounds."
    )


def which_targets(results: Results, detail: Detail) -> str:
    """Say which targets the figure of predictions shows."""
    noun = selection.noun(results, detail)
    shown = len(selection.shown_targets(detail))
    if len(detail.targets) <= selection.FEW:
        return f"One panel for each {noun}."
    if selection.members(detail, "listener"):
        return f"The best predicted {noun} of {plural(shown, 'listener')}."
    return f"The {plural(shown, noun)} predicted best."
