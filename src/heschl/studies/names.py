"""What the names in a study file stand for; complaints about them, with their lines."""

from __future__ import annotations

import dataclasses
import re
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from heschl import probes
from heschl.brain import DATASETS
from heschl.errors import HeschlError, InputError, UnknownNameError, UsageError
from heschl.models import MODELS
from heschl.models.references import parse
from heschl.registry import unknown_name
from heschl.studies.description import DataEntry, ModelEntry
from heschl.studies.reading import StudyFile
from heschl.study import analyses
from heschl.tasks import TASKS
from heschl.yaml_file import listed

_CONTROL = re.compile(r"(random|permuted):([0-9]{1,9})")


def check_names(file: StudyFile) -> None:
    """Refuse names that stand for nothing, before anything is computed.

    Raises
    ------
    InputError
        Every complaint with its line.
    """
    complaints = list(_complaints(file))
    if complaints:
        raise InputError(listed(file.path, sorted(complaints)))


def _complaints(file: StudyFile) -> Iterator[tuple[int, str]]:
    said = file.description
    for i, model in enumerate(said.models):
        yield from _of(file, ("models", i), lambda one=model: _check_model(file, one))
    yield from _repeated(file, "models", [model.name for model in said.models])
    for i, control in enumerate(said.controls):
        if not _CONTROL.fullmatch(control):
            text = f"unknown control {control!r}; expected random:SEED or permuted:SEED"
            yield file.line("controls", i), text
    for key, entries, known in (
        ("datasets", said.datasets, DATASETS),
        ("tasks", said.tasks, TASKS),
    ):
        for i, entry in enumerate(entries):
            yield from _of(
                file,
                (key, i),
                lambda e=entry, k=known, n=key: _check_data(file, e, n[:-1], list(k)),
            )
        yield from _repeated(file, key, [entry.name for entry in entries])
    if not said.datasets and not said.tasks:
        yield 1, "neither datasets nor tasks; expected at least one of them"
    if said.datasets:
        yield from _of(file, ("metrics",), lambda: analyses(said.metrics, said.protocols))
    for i, name in enumerate(said.probes):
        yield from _of(file, ("probes", i), lambda n=name: probes.PROTOCOLS[n])
    if 0 < said.bootstrap < 100:
        text = f"bootstrap is {said.bootstrap}; expected at least 100, or 0 for no intervals"
        yield file.line("bootstrap"), text


def _of(file: StudyFile, place: tuple[str | int, ...], check: object) -> Iterator[tuple[int, str]]:
    """Yield what a check complains of."""
    try:
        check()  # type: ignore[operator]
    except (UnknownNameError, UsageError) as error:
        yield file.line(*place), str(error)
    except OSError as error:  # a name too long for a file
        yield file.line(*place), f"{error.strerror}; expected a name, or the path of a folder"


def _repeated(file: StudyFile, key: str, names: list[str]) -> Iterator[tuple[int, str]]:
    for i, name in enumerate(names):
        if name in names[:i]:
            yield file.line(key, i), f"{name!r} a second time; expected each of {key} once"


def _check_model(file: StudyFile, model: ModelEntry) -> None:
    reference = parse(model.name)
    if reference.kind == "zoo":
        spec = MODELS[reference.target]
        if spec.weights is None and (reference.control or reference.file):
            raise UsageError(f"{spec.name} has no weights; expected {spec.name} alone")
        if model.family or model.training or model.hours or model.parameters:
            raise UsageError(
                f"{spec.name} is known: its family, training, hours and parameters are those of "
                f"heschl; expected nothing but {spec.name}"
            )
    if reference.file is not None and not (file.path.parent / reference.file).exists():
        raise UsageError(f"{reference.file}: no such file; expected one from the study's folder")
    if model.modules is not None and not (file.path.parent / model.modules).is_dir():
        raise UsageError(
            f"modules: {model.modules} is no folder; expected one from the study file's folder"
        )


def _check_data(file: StudyFile, entry: DataEntry, kind: str, known: list[str]) -> None:
    folder = file.folder(Path(entry.name))
    if entry.name in (DATASETS if kind == "dataset" else TASKS):
        return
    if entry.source is not None:
        raise UsageError(f"from: goes with a {kind} of 'heschl list' only, not {entry.name!r}")
    if not folder.is_dir() and "/" not in entry.name:
        raise unknown_name(kind, entry.name, known)
    if not folder.is_dir():
        raise UsageError(
            f"{entry.name}: no such folder; expected a {kind} of 'heschl list', or the path of a "
            "folder from that of the study file"
        )


def place_of(file: StudyFile, entry: DataEntry) -> str | Path:
    """Return what `load_dataset` or `load_task` take: a name, or a whole path."""
    if entry.name in DATASETS or entry.name in TASKS:
        return entry.name
    return file.folder(Path(entry.name)).resolve()


def users_folders(file: StudyFile) -> list[Path]:
    """Return the folders of users' modules that a study names, each once."""
    folders = [
        (file.path.parent / model.modules).resolve()
        for model in file.description.models
        if model.modules is not None
    ]
    return list(dict.fromkeys(folders))


@contextmanager
def users_modules(file: StudyFile) -> Iterator[None]:
    """Let the users' modules that a study names be imported while the block runs."""
    before = list(sys.path)
    sys.path[:0] = map(str, users_folders(file))
    try:
        yield
    finally:
        sys.path[:] = before


def base_name(model: str) -> str:
    """Return a model's name without its control."""
    reference = parse(model)
    return model if reference.control is None else model.rpartition("@")[0]


def result_name(model: str) -> str:
    """Return what a model is called in tables of scores."""
    reference = parse(model)
    if reference.kind != "zoo":
        return reference.name
    return dataclasses.replace(reference, target=MODELS[reference.target].name).name


def shown(error: BaseException) -> str:
    """Return an error as one text, with its kind where it is not one of heschl's."""
    text = str(error) or type(error).__name__
    return text if isinstance(error, HeschlError) else f"{type(error).__name__}: {text}"
