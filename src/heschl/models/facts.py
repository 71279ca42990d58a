"""What is known of a model without building it: its training, its size, what it costs to run."""

from __future__ import annotations

import csv
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache
from importlib import resources

from heschl.models.references import parse
from heschl.models.table import MODELS


@dataclass(frozen=True)
class Costs:
    """One row of ``costs.csv``, which ``benchmarks/costs.py`` writes.

    Attributes
    ----------
    parameters : int
        Numbers that are learned in the part of the network that is run; shared ones count once.
    layers : int
        That are taken by default.
    features : int
        Summed over these layers.
    gflop : float
        10^9 operations for a second of sound, a product and its sum counting as two: a forward pass
        of one sound of 2 s, halved. Matrix products, convolutions, attention, recurrent layers and
        Fourier transforms count (one of n complex points as 5 n log2 n, of real ones half of that),
        operations on single elements do not.
    """

    parameters: int
    layers: int
    features: int
    gflop: float


@dataclass(frozen=True)
class Facts:
    """What is known of one model; None is unknown.

    Attributes
    ----------
    name : str
        What it is called in results.
    family : str or None
        Models of one family share their architecture.
    training : str or None
        "self-supervised", "supervised" or "hand-built", as in `heschl.models.Training`.
    hours : float or None
        Of sound in the training data.
    parameters : int or None
        Numbers that are learned in the part of the network that is run.
    layers : int or None
        That are taken by default.
    features : int or None
        Summed over these layers.
    gflop : float or None
        10^9 operations for a second of sound.
    """

    name: str
    family: str | None = None
    training: str | None = None
    hours: float | None = None
    parameters: int | None = None
    layers: int | None = None
    features: int | None = None
    gflop: float | None = None


@cache
def costs() -> Mapping[str, Costs]:
    """Return the measured costs of all models of the table, by name and in its order."""
    text = (resources.files("heschl.models") / "costs.csv").read_text(encoding="utf-8")
    return {
        row["model"]: Costs(
            int(row["parameters"]), int(row["layers"]), int(row["features"]), float(row["gflop"])
        )
        for row in csv.DictReader(text.splitlines())
    }


def facts(reference: str) -> Facts:
    """Say what is known of a model: nothing is built, loaded or requested.

    Parameters
    ----------
    reference : str
        As for `load_model`. Of models that are not in the table, only the name is known. Controls
        and weights of your own have the family and the size of the model that they are named
        after, but not its training: fresh weights have learned nothing, shuffled ones have lost
        it, of your own nothing is known.

    Returns
    -------
    Facts

    Raises
    ------
    UnknownNameError
        If it has the form of a name of the table, and no model has that name.
    UsageError
        If it has none of the forms.

    Examples
    --------
    >>> facts("wav2vec2").training, facts("wav2vec2").hours
    ('supervised', 960)
    >>> facts("wav2vec2@random:0").training is None
    True
    """
    parsed = parse(reference)
    if parsed.kind != "zoo":
        return Facts(parsed.name)
    spec = MODELS[parsed.target]
    as_published = parsed.control is None and parsed.file is None
    training = spec.training if as_published else None
    return Facts(
        name=spec.name if as_published else parsed.name,
        family=spec.family,
        training=None if training is None else training.kind,
        hours=None if training is None else training.hours,
        **vars(costs()[spec.name]),
    )
