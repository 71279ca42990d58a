"""The numbers behind the scores, and their form on disk: a JSON header and an array file."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, fields
from pathlib import Path
from typing import Any, TypeVar

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from heschl import store
from heschl.errors import DamagedEntryError
from heschl.results.table import json_columns

FloatArray = NDArray[np.float64]


@dataclass(frozen=True)
class Detail:
    """What stands behind the scores of one model on one dataset.

    Attributes
    ----------
    model, dataset, metric, protocol, provenance : str
        As in the table of scores.
    targets : DataFrame
        One row per target: ``target`` and, where known, ``listener``, ``region``, ...
    sounds : DataFrame
        One row per sound: ``sound``, ``category``, ``fold``.
    layers : tuple of str
        The model's layers in order.
    measured, predicted : ndarray, shape (n_sounds, n_targets)
        Mean responses, and predictions for sounds the model was not fitted to.
    r, r2 : ndarray, shape (n_targets,)
        Correlation before and squared after negative ones are counted as 0; nan if left out.
    layer_index, alpha : ndarray, shape (n_folds, n_targets)
        What was chosen in each fold; -1 and nan if left out.
    published : mapping of str to mapping of str to float
        Published r2 on the same dataset, ``{model: {target: r2}}``.
    """

    model: str
    dataset: str
    metric: str
    protocol: str
    provenance: str
    targets: pd.DataFrame = field(repr=False)
    sounds: pd.DataFrame = field(repr=False)
    layers: tuple[str, ...] = field(repr=False)
    measured: FloatArray = field(repr=False)
    predicted: FloatArray = field(repr=False)
    r: FloatArray = field(repr=False)
    r2: FloatArray = field(repr=False)
    layer_index: NDArray[np.int64] = field(repr=False)
    alpha: FloatArray = field(repr=False)
    published: Mapping[str, Mapping[str, float]] = field(default_factory=dict, repr=False)


@dataclass(frozen=True)
class Profile:
    """How well each layer does by itself, for groups of targets or for every target.

    Attributes
    ----------
    model, dataset, metric, protocol, provenance : str
        As in the table of scores.
    unit : str
        Of ``scores`` and ``ceiling``.
    groups : DataFrame
        One row per group: where they apply ``target``, ``listener``, ``region``, coordinates.
    layers : tuple of str
        The model's layers in order.
    scores : ndarray, shape (n_groups, n_layers)
        nan for groups left out.
    ceiling : ndarray, shape (n_groups,)
        nan where it is not known.
    """

    model: str
    dataset: str
    metric: str
    protocol: str
    provenance: str
    unit: str
    groups: pd.DataFrame = field(repr=False)
    layers: tuple[str, ...] = field(repr=False)
    scores: FloatArray = field(repr=False)
    ceiling: FloatArray = field(repr=False)

    @property
    def of_targets(self) -> bool:
        """Whether there is one group for each target."""
        return "target" in self.groups.columns


@dataclass(frozen=True)
class RdmDetail:
    """What stands behind scores of representational similarity: the matrices that were compared.

    Attributes
    ----------
    model, dataset, metric, protocol, provenance : str
        As in the table of scores.
    groups : DataFrame
        One row per brain: ``listener``, and ``region`` (missing for all of auditory cortex).
    brain : ndarray, shape (n_groups, n_pairs)
        Upper triangles of the brains' dissimilarity matrices; nan for groups left out.
    compared : ndarray, shape (n_groups, n_pairs)
        Those of the model's: of the best layer, or assembled from several.
    """

    model: str
    dataset: str
    metric: str
    protocol: str
    provenance: str
    groups: pd.DataFrame = field(repr=False)
    brain: FloatArray = field(repr=False)
    compared: FloatArray = field(repr=False)


@dataclass(frozen=True)
class ProbeDetail:
    """What stands behind the scores of one model on one hearing task.

    Attributes
    ----------
    model, dataset, metric, protocol, provenance : str
        As in the table of scores; the dataset is the task.
    prediction : {"multiclass", "multilabel"}
    classes, layers, units : tuple of str
        Of the task, of the model in order, and the scores, the official one first.
    rounds : DataFrame
        One row per training: ``test`` and ``valid`` (names of the splits), ``n_train``,
        ``n_valid``, ``n_test``, ``configuration`` (row of ``configurations``), ``epoch`` (the one
        that was kept, from 1; missing where nothing is trained in epochs), ``valid_score``.
    configurations : DataFrame
        One row per configuration of the grid: what it sets, and its ``valid_score`` in the first
        round.
    clips : DataFrame
        One row per tested clip: ``clip`` and ``split``.
    labels : ndarray of bool, shape (n_clips, n_classes)
    outputs : ndarray of float32, shape (n_clips, n_classes)
        Logits of the probe for the tested clips.
    layer_weights : ndarray of float64, shape (n_rounds, n_layers)
        Shares of the layers in the mixture; they add up to 1.
    curves, losses : ndarray of float64, shape (n_configurations, n_epochs)
        Score on the validation split and loss in training, of the first round; nan after the end.
    left_out : tuple of str
        Clips that could not be used, with the reason.
    """

    model: str
    dataset: str
    metric: str
    protocol: str
    provenance: str
    prediction: str
    classes: tuple[str, ...] = field(repr=False)
    layers: tuple[str, ...] = field(repr=False)
    units: tuple[str, ...] = field(repr=False)
    rounds: pd.DataFrame = field(repr=False)
    configurations: pd.DataFrame = field(repr=False)
    clips: pd.DataFrame = field(repr=False)
    labels: NDArray[np.bool_] = field(repr=False)
    outputs: NDArray[np.float32] = field(repr=False)
    layer_weights: FloatArray = field(repr=False)
    curves: FloatArray = field(repr=False)
    losses: FloatArray = field(repr=False)
    left_out: tuple[str, ...] = field(default=(), repr=False)


AnyDetail = Detail | Profile | RdmDetail | ProbeDetail
Behind = TypeVar("Behind", Detail, Profile, RdmDetail, ProbeDetail)

#: Digits of a hash in the name of an array file.
DIGITS = 16

#: Fields of any detail that are tables, and that are sequences of names.
_TABLES = ("targets", "sounds", "groups", "rounds", "configurations", "clips")
_NAMES = ("layers", "classes", "units", "left_out")
_TEXTS = ("model", "dataset", "metric", "protocol", "provenance", "unit", "prediction")

#: Axes of the arrays: a table or names of as many entries, or a word of its own.
_AXES = {
    "measured": ("sounds", "targets"),
    "predicted": ("sounds", "targets"),
    "r": ("targets",),
    "r2": ("targets",),
    "layer_index": ("folds", "targets"),
    "alpha": ("folds", "targets"),
    "scores": ("groups", "layers"),
    "ceiling": ("groups",),
    "brain": ("groups", "pairs"),
    "compared": ("groups", "pairs"),
    "labels": ("clips", "classes"),
    "outputs": ("clips", "classes"),
    "layer_weights": ("rounds", "layers"),
    "curves": ("configurations", "epochs"),
    "losses": ("configurations", "epochs"),
}


def header(one: AnyDetail) -> dict[str, Any]:
    """Return everything but the arrays, JSON-ready."""
    content: dict[str, Any] = {}
    for each in fields(one):
        value = getattr(one, each.name)
        if isinstance(value, pd.DataFrame):
            content[each.name] = json_columns(value)
        elif isinstance(value, Mapping):
            content[each.name] = {model: dict(scores) for model, scores in value.items()}
        elif not isinstance(value, np.ndarray):
            content[each.name] = list(value) if isinstance(value, tuple) else value
    return content


def write(folder: Path, one: AnyDetail) -> dict[str, Any]:
    """Write the arrays to a file named after their content; return the header that names it."""
    kind = type(one).__name__.lower()
    values = {each.name: getattr(one, each.name) for each in fields(one)}
    arrays = {name: value for name, value in values.items() if isinstance(value, np.ndarray)}
    path = store.write_arrays(folder, lambda file: f"{kind}-{_digest(file)}.safetensors", arrays)
    return header(one) | {"arrays": path.name}


def read(kind: type[Behind], folder: Path, entry: Mapping[str, Any]) -> Behind:
    """Read what `write` wrote.

    Raises
    ------
    DamagedEntryError
        If the array file is not as it was written.
    KeyError, TypeError, ValueError
        If the header is not.
    """
    path = folder / Path(entry["arrays"]).name
    arrays = store.read_arrays(path)
    if path.stem != f"{kind.__name__.lower()}-{_digest(path)}":
        raise DamagedEntryError(f"{path}: altered since it was written; score again")
    content: dict[str, Any] = {key: value for key, value in entry.items() if key != "arrays"}
    content |= {name: pd.DataFrame(content[name]) for name in _TABLES if name in content}
    content |= {name: tuple(content[name]) for name in _NAMES if name in content}
    _check(content, arrays)
    return kind(**content | dict(arrays))


def _check(content: Mapping[str, Any], arrays: Mapping[str, NDArray[Any]]) -> None:
    """Refuse what does not fit together; somebody else may have written it."""
    for name in _TEXTS:
        if not isinstance(content.get(name, ""), str):
            raise TypeError(f"{name} is no text")
    for name in _NAMES:
        if not all(isinstance(one, str) for one in content.get(name, ())):
            raise TypeError(f"{name} are no texts")
    sizes = {name: len(content[name]) for name in (*_TABLES, *_NAMES) if name in content}
    for name, array in arrays.items():
        axes = _AXES[name]
        expected = tuple(
            sizes.setdefault(axis, n) for axis, n in zip(axes, array.shape, strict=False)
        )
        if len(axes) != array.ndim or array.shape != expected:
            raise ValueError(
                f"{name} has shape {array.shape}; expected one for {' and '.join(axes)}"
            )


def _digest(path: Path) -> str:
    return store.file_sha256(path)[:DIGITS]
