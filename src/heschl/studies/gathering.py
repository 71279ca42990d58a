"""Results of one or more runs or studies, with all that a site says about them."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from heschl.errors import InputError
from heschl.linking import Linked, link
from heschl.models import MODELS
from heschl.results import Results, merge
from heschl.studies.commands import command_lines
from heschl.studies.folder import Failure, is_study, load_run
from heschl.studies.traits import control_of, traits


@dataclass(frozen=True)
class Gathered:
    """Results and what belongs to them.

    Attributes
    ----------
    results : Results
    linked : Linked
    title : str
    study : str or None
        Text of the study file, if they are those of one study.
    failures : tuple of Failure
    commands : mapping of str to sequence of str
        Command lines that compute the scores of each model again.
    specs : mapping of str to mapping
        What there is to say of each model.
    """

    results: Results = field(repr=False)
    linked: Linked = field(repr=False)
    title: str
    study: str | None = field(repr=False)
    failures: tuple[Failure, ...]
    commands: Mapping[str, Sequence[str]] = field(repr=False)
    specs: Mapping[str, Mapping[str, Any]] = field(repr=False)


def gather(folders: Sequence[str | Path]) -> Gathered:
    """Read runs and studies.

    Raises
    ------
    InputError
        If a folder holds neither, or a study without any result.
    DamagedEntryError
        If a file was altered.
    """
    if not folders:
        raise InputError("no runs were given; expected at least one folder of results")
    paths = [Path(folder) for folder in folders]
    studies = {path: load_run(path) for path in paths if is_study(path)}
    results = merge(
        [studies[path].results(path) if path in studies else Results.load(path) for path in paths]
    )
    runs = list(studies.values())
    names = list(dict.fromkeys(str(name) for name in results.scores["model"]))
    said = {name: facts for run in runs for name, facts in run.models.items()}
    known = traits(names, said)
    return Gathered(
        results=results,
        linked=link(results, known),
        title=runs[0].title if len(runs) == 1 else _title(names),
        study=runs[0].text if len(runs) == 1 else None,
        failures=tuple(failure for run in runs for failure in run.failures),
        commands={name: command_lines(results, name) for name in names}
        | {name: lines for run in runs for name, lines in run.commands.items()},
        specs={
            str(row["model"]): _spec(str(row["model"]), row)
            for row in known.to_dict(orient="records")
        },
    )


def _title(names: Sequence[str]) -> str:
    return names[0] if len(names) == 1 else f"{len(names)} models of hearing"


def _spec(name: str, row: Mapping[Any, Any]) -> dict[str, Any]:
    """Return what there is to say of a model."""
    found = {str(key): value for key, value in row.items() if value == value and value is not None}
    base = control_of(name)[1] or name
    if base in MODELS:
        spec = MODELS[base]
        found |= {"summary": spec.summary, "licence": spec.licence, "citation": spec.citation}
    return found
