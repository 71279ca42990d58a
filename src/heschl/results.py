"""Results: one row per score, what it was computed from, and the numbers behind it."""

from __future__ import annotations

import json
import platform
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from heschl import store
from heschl._version import __version__
from heschl.errors import DamagedEntryError, InputError

#: The columns of every table of scores.
#:
#: scope : "target" (one voxel, component or electrode), "listener" or "dataset"
#: target : name of the target or listener; "all" for a dataset
#: layer : the layer chosen most often over the folds (first of the model's layers on ties)
#: value, unit : the score and what it is: "r2" (squared, negative r counted as 0) or "r"
#: ceiling : largest value that any model could reach, in the same unit; missing if not known
#: stderr : standard error over listeners; missing for a single target or listener
#: provenance : key into the provenance of the results
COLUMNS = (
    "model",
    "dataset",
    "metric",
    "protocol",
    "scope",
    "target",
    "layer",
    "value",
    "unit",
    "ceiling",
    "stderr",
    "n_sounds",
    "provenance",
)

FILE = "results.json"
FORMAT = 1
_DETAIL_ARRAYS = ("measured", "predicted", "r", "r2", "layer_index", "alpha")


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
    measured: NDArray[np.float64] = field(repr=False)
    predicted: NDArray[np.float64] = field(repr=False)
    r: NDArray[np.float64] = field(repr=False)
    r2: NDArray[np.float64] = field(repr=False)
    layer_index: NDArray[np.int64] = field(repr=False)
    alpha: NDArray[np.float64] = field(repr=False)
    published: Mapping[str, Mapping[str, float]] = field(default_factory=dict, repr=False)


@dataclass(frozen=True)
class Results:
    """Scores with their provenance and details.

    Attributes
    ----------
    scores : DataFrame
        Tidy: one row per score, columns `COLUMNS`.
    provenance : mapping of str to mapping
        What each score was computed from: versions, protocol, hashes, seeds.
    details : tuple of Detail
    """

    scores: pd.DataFrame
    provenance: Mapping[str, Mapping[str, Any]] = field(repr=False)
    details: tuple[Detail, ...] = field(default=(), repr=False)

    def rows(self) -> list[dict[str, Any]]:
        """Return the table as a list of JSON-ready rows; None where a value is missing."""
        return _json_rows(self.scores)

    def save(self, folder: str | Path) -> Path:
        """Write everything to a folder; the last file, ``results.json``, makes it complete.

        Returns
        -------
        Path
            The folder.

        Raises
        ------
        InputError
            If a table or the provenance holds what JSON cannot (infinity); nothing is written.
        StoreError
            If the folder cannot be written.
        """
        folder = Path(folder)
        entries = []
        self._check_json_ready()
        for detail in self.details:
            arrays = {name: getattr(detail, name) for name in _DETAIL_ARRAYS}
            path = store.write_arrays(
                folder, lambda file: f"detail-{_digest(file)}.safetensors", arrays
            )
            entries.append(_detail_header(detail) | {"arrays": path.name})
        content = {
            "format": FORMAT,
            "rows": self.rows(),
            "provenance": {key: dict(value) for key, value in self.provenance.items()},
            "details": entries,
        }
        store.write_text(folder / "scores.csv", self.scores.to_csv(index=False))
        store.write_json(folder / FILE, content)
        return folder

    def _check_json_ready(self) -> None:
        for what, content in (
            ("scores", self.rows()),
            ("provenance", dict(self.provenance)),
            *((f"details of {d.model} on {d.dataset}", _detail_header(d)) for d in self.details),
        ):
            try:
                store.canonical_json(content)
            except (TypeError, ValueError) as error:
                raise InputError(
                    f"results cannot be saved: in the {what}, {error}; expected finite numbers, "
                    "text, and nan or None where something is missing"
                ) from error

    @classmethod
    def load(cls, folder: str | Path) -> Results:
        """Read what `save` wrote.

        Raises
        ------
        InputError
            If the folder holds no results, or those of another format.
        DamagedEntryError
            If a file of it cannot be read.
        """
        folder = Path(folder)
        path = folder / FILE
        if not path.is_file():
            raise InputError(
                f"{folder}: no results here ({FILE} is missing); expected a run folder"
            )
        try:
            content = json.loads(path.read_text(encoding="utf-8"))
        except (OSError, ValueError) as error:
            raise DamagedEntryError(f"{path}: not readable ({error})") from error
        found = content.get("format") if isinstance(content, dict) else None
        if found != FORMAT:
            raise InputError(f"{path}: format {found!r}; this heschl reads {FORMAT}")
        try:
            details = tuple(_read_detail(folder, entry) for entry in content["details"])
            return cls(score_table(content["rows"]), dict(content["provenance"]), details)
        except (AttributeError, KeyError, TypeError, ValueError) as error:
            raise DamagedEntryError(
                f"{path}: not as heschl wrote it ({type(error).__name__}: {error}); score again"
            ) from error


def score_table(rows: Iterable[Mapping[str, Any]]) -> pd.DataFrame:
    """Make the tidy table from rows, with its columns in order and numbers as numbers."""
    table = pd.DataFrame(list(rows), columns=list(COLUMNS))
    for column in ("value", "ceiling", "stderr"):
        table[column] = pd.to_numeric(table[column]).astype(float)
    return table


def merge(results: Sequence[Results]) -> Results:
    """Join results of several runs; rows keep their order."""
    if not results:
        raise InputError("no results to merge; expected at least one")
    provenance: dict[str, Mapping[str, Any]] = {}
    for one in results:
        provenance.update(one.provenance)
    rows = [row for one in results for row in one.rows()]
    return Results(score_table(rows), provenance, tuple(d for one in results for d in one.details))


def environment() -> dict[str, str]:
    """Versions that numbers depend on: heschl, Python, numpy, scipy."""
    import scipy

    return {
        "heschl": __version__,
        "python": platform.python_version(),
        "numpy": np.__version__,
        "scipy": scipy.__version__,
        "machine": platform.machine(),
    }


def _json_rows(table: pd.DataFrame) -> list[dict[str, Any]]:
    filled = table.astype(object).where(table.notna(), None)
    return [
        {
            str(key): value.item() if isinstance(value, np.generic) else value
            for key, value in row.items()
        }
        for row in filled.to_dict(orient="records")
    ]


def _digest(path: Path) -> str:
    return store.file_sha256(path)[:16]


def _detail_header(detail: Detail) -> dict[str, Any]:
    return {
        "model": detail.model,
        "dataset": detail.dataset,
        "metric": detail.metric,
        "protocol": detail.protocol,
        "provenance": detail.provenance,
        "targets": _json_rows(detail.targets),
        "sounds": _json_rows(detail.sounds),
        "layers": list(detail.layers),
        "published": {model: dict(scores) for model, scores in detail.published.items()},
    }


def _read_detail(folder: Path, entry: Mapping[str, Any]) -> Detail:
    header: dict[str, Any] = {key: value for key, value in entry.items() if key != "arrays"}
    header["targets"] = pd.DataFrame(header["targets"])
    header["sounds"] = pd.DataFrame(header["sounds"])
    header["layers"] = tuple(header["layers"])
    path = folder / Path(entry["arrays"]).name
    arrays = store.read_arrays(path)
    if path.stem != f"detail-{_digest(path)}":
        raise DamagedEntryError(f"{path}: altered since it was written; score again")
    return Detail(**header | {name: arrays[name] for name in _DETAIL_ARRAYS})
