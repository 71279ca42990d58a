"""The commands that compute scores again."""

from __future__ import annotations

import shlex
from collections.abc import Iterator

from heschl.results import Results
from heschl.studies.description import ModelEntry
from heschl.studies.reading import StudyFile
from heschl.studies.steps import PROBE


def commands_of(file: StudyFile, model: str, entry: ModelEntry) -> tuple[str, ...]:
    """Return command lines; where a path is in them, the first says from which folder it is.

    Parameters
    ----------
    file : StudyFile
    model : str
        As `heschl.load_model` takes it.
    entry : ModelEntry
        Where the file names it, or the model that it controls.
    """
    return tuple(_lines(file, model, entry))


def command_lines(results: Results, model: str | None = None) -> tuple[str, ...]:
    """Return command lines that compute results again, of one model or of all.

    Parameters
    ----------
    results : Results
        Of runs by themselves; of a study, its file knows more.
    model : str, optional
        As in the table of scores.
    """
    scores = results.scores if model is None else results.scores[results.scores["model"] == model]
    probed = scores["metric"] == PROBE
    lines = []
    for verb, data, rows in (
        ("score", "--dataset", scores[~probed]),
        ("probe", "--task", scores[probed]),
    ):
        if rows.empty:
            continue
        names = {column: " ".join(dict.fromkeys(rows[column])) for column in _NAMED}
        line = f"heschl {verb} {names['model']} {data} {names['dataset']}"
        if names["metric"] not in {"regression", PROBE}:
            line += f" --metric {names['metric']}"
        lines.append(f"{line} --protocol {names['protocol']}")
    return tuple(lines)


_NAMED = ("model", "dataset", "metric", "protocol")


def _lines(file: StudyFile, model: str, entry: ModelEntry) -> Iterator[str]:
    said = file.description
    start = "" if entry.modules is None else f"PYTHONPATH={shlex.quote(str(entry.modules))} "
    every = (*said.datasets, *said.tasks)
    if start or any(data.source is not None or "/" in data.name for data in every):
        yield f"# in the folder of {file.path.name}"
    for data in every:
        if data.source is not None:
            yield f"heschl fetch {data.name} --from {shlex.quote(str(data.source))}"
    name = shlex.quote(model)
    if said.datasets:
        yield _joined(
            f"{start}heschl score {name}",
            ("--dataset", [data.name for data in said.datasets]),
            ("--metric", said.metrics),
            ("--protocol", said.protocols),
            ("--bootstrap", [said.bootstrap]),
            ("--permutations", [said.permutations] if said.permutations else []),
            ("--seed", said.seeds[:1]),
            ("--layer-profiles", [""] if said.layer_profiles else []),
        )
    for seed in said.seeds if said.tasks else ():
        yield _joined(
            f"{start}heschl probe {name}",
            ("--task", [task.name for task in said.tasks]),
            ("--protocol", said.probes),
            ("--bootstrap", [said.bootstrap]),
            ("--seed", [seed]),
        )


def _joined(start: str, *options: tuple[str, object]) -> str:
    parts = [start]
    for option, values in options:
        given = [str(value) for value in values]  # type: ignore[attr-defined]
        if given:
            parts.append(" ".join([option, *(shlex.quote(value) for value in given if value)]))
    return " ".join(parts)
