"""A run: scores with their provenance and details, in memory and in a folder."""

from __future__ import annotations

import platform
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from heschl import store
from heschl._version import __version__
from heschl.errors import DamagedEntryError, InputError, quoted
from heschl.results import details
from heschl.results.alike import check_alike
from heschl.results.details import AnyDetail, Detail, ProbeDetail, Profile, RdmDetail
from heschl.results.spreadsheets import csv_text
from heschl.results.table import TEXTS, json_rows, score_table

FILE = "results.json"
FORMAT = 3

#: Bytes of ``results.json``. That of 100 models on 27,000 voxels has some hundred MB.
MOST_BYTES = 2_000_000_000


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
        Predictions and choices behind scores of the metric "regression".
    profiles : tuple of Profile
        Scores of every layer by itself.
    rdms : tuple of RdmDetail
        Dissimilarities behind scores of the metric "rsa".
    probes : tuple of ProbeDetail
        Predictions and choices behind scores of the metric "probe".
    """

    scores: pd.DataFrame
    provenance: Mapping[str, Mapping[str, Any]] = field(repr=False)
    details: tuple[Detail, ...] = field(default=(), repr=False)
    profiles: tuple[Profile, ...] = field(default=(), repr=False)
    rdms: tuple[RdmDetail, ...] = field(default=(), repr=False)
    probes: tuple[ProbeDetail, ...] = field(default=(), repr=False)

    def rows(self) -> list[dict[str, Any]]:
        """Return the table as a list of JSON-ready rows; None where a value is missing."""
        return json_rows(self.scores)

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
        self._check_json_ready()
        content = {
            "format": FORMAT,
            "rows": self.rows(),
            "provenance": {key: dict(value) for key, value in self.provenance.items()},
            "details": [details.write(folder, one) for one in self.details],
            "profiles": [details.write(folder, one) for one in self.profiles],
            "rdms": [details.write(folder, one) for one in self.rdms],
            "probes": [details.write(folder, one) for one in self.probes],
        }
        store.write_text(folder / "scores.csv", csv_text(self.scores))
        store.write_json(folder / FILE, content)
        return folder

    def _check_json_ready(self) -> None:
        behind: list[AnyDetail] = [*self.details, *self.profiles, *self.rdms, *self.probes]
        for what, content in (
            ("scores", self.rows()),
            ("provenance", dict(self.provenance)),
            *((f"details of {d.model} on {d.dataset}", details.header(d)) for d in behind),
        ):
            try:
                store.canonical_json(content)
            except (TypeError, ValueError) as error:
                raise InputError(
                    f"results cannot be saved: in the {what}, {error}; expected finite numbers, "
                    "text, and nan or None where something is missing"
                ) from error

    @classmethod
    def load(cls, folder: str | Path, *, only_scores: bool = False) -> Results:
        """Read what `save` wrote.

        Parameters
        ----------
        folder : str or Path
        only_scores : bool, optional
            Leave out what is behind the scores: predictions, profiles, dissimilarities.

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
            content = store.read_json(path, most_bytes=MOST_BYTES)
        except (OSError, ValueError) as error:
            raise DamagedEntryError(f"{path}: not readable ({quoted(error)})") from error
        found = content.get("format") if isinstance(content, dict) else None
        if found != FORMAT:
            raise InputError(
                f"{path}: format {str(found)[:40]!r}; this heschl reads {FORMAT}: score again, or "
                "read it with the version of heschl in its provenance"
            )
        try:
            scores = _checked(score_table(content["rows"]))
            provenance = {key: dict(record) for key, record in content["provenance"].items()}
            if only_scores:
                return cls(scores, provenance)
            return cls(
                scores,
                provenance,
                tuple(details.read(Detail, folder, entry) for entry in content["details"]),
                tuple(details.read(Profile, folder, entry) for entry in content["profiles"]),
                tuple(details.read(RdmDetail, folder, entry) for entry in content["rdms"]),
                tuple(details.read(ProbeDetail, folder, entry) for entry in content["probes"]),
            )
        except (AttributeError, LookupError, OverflowError, TypeError, ValueError) as error:
            raise DamagedEntryError(
                f"{path}: not as heschl wrote it ({type(error).__name__}: {quoted(error)}); score "
                "again"
            ) from error


def _checked(scores: pd.DataFrame) -> pd.DataFrame:
    """Refuse a table whose names are no texts; somebody else may have written it."""
    for column in TEXTS:
        if not all(one is None or isinstance(one, str) for one in scores[column]):
            raise TypeError(f"{column} of a score is no text")
    return scores


def merge(results: Sequence[Results]) -> Results:
    """Join results of several runs; rows keep their order.

    Raises
    ------
    InputError
        If there are none, or if they cannot stand beside each other: a protocol or a dataset of one
        name that is not the same in all of them.
    """
    if not results:
        raise InputError("no results to merge; expected at least one")
    provenance: dict[str, Mapping[str, Any]] = {}
    for one in results:
        provenance.update(one.provenance)
    check_alike(provenance)
    return Results(
        score_table([row for one in results for row in one.rows()]),
        provenance,
        tuple(detail for one in results for detail in one.details),
        tuple(profile for one in results for profile in one.profiles),
        tuple(detail for one in results for detail in one.rdms),
        tuple(detail for one in results for detail in one.probes),
    )


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
