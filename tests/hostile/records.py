"""Hostile results, studies and trajectories: as heschl writes them, but for a lie."""

from __future__ import annotations

import json

import numpy as np
from safetensors.numpy import save

from heschl.errors import DamagedEntryError, InputError
from heschl.results import FORMAT, details
from heschl.store import file_sha256
from hostile.case import HostileFile

_ROW = {
    "model": "m",
    "dataset": "d",
    "metric": "regression",
    "protocol": "p",
    "scope": "dataset",
    "target": "all",
    "region": None,
    "layer": "l",
    "value": 0.5,
    "unit": "r2",
    "ceiling": None,
    "stderr": None,
    "low": None,
    "high": None,
    "p": None,
    "q": None,
    "n_sounds": 3,
    "provenance": "key",
}
_PROFILE = {
    "model": "m",
    "dataset": "d",
    "metric": "regression",
    "protocol": "p",
    "provenance": "key",
    "unit": "r2",
    "groups": {"target": ["a", "b"]},
    "layers": ["l"],
}


def _results(rows=(_ROW,), profile=None, arrays=None, name=None, text=None, **changes):
    """A run with one profile of two targets and one layer."""

    def build(folder, _):
        place = folder / "run"
        place.mkdir()
        content = {"scores": np.zeros((2, 1)), "ceiling": np.zeros(2)} | (arrays or {})
        raw = place / "raw"
        raw.write_bytes(save(content))
        kept = raw.rename(place / f"profile-{file_sha256(raw)[: details.DIGITS]}.safetensors")
        entry = _PROFILE | {"arrays": name or kept.name} | (profile or {})
        if name is not None:
            kept.rename(folder / "secret.safetensors")
        whole = {"format": FORMAT, "rows": list(rows), "provenance": {"key": {}}, "details": []}
        whole |= {"profiles": [entry], "rdms": [], "probes": []} | changes
        (place / "results.json").write_text(json.dumps(whole) if text is None else text)
        return place

    return build


def _row(**changes):
    return _results(rows=[_ROW | changes])


_DAMAGED = {
    "great depth": ("the stack", _results(text='{"format":' + "[" * 200_000), "nested too deeply"),
    "a number of many digits": (
        "time",
        _results(text=f'{{"format": {"9" * 100_000}}}'),
        "not readable",
    ),
    "a name twice": ("the second, unseen", _results(text='{"format": 3, "format": 2}'), "twice"),
    "numbers that are none": ("a score that is none", _results(text='{"format": NaN}'), "NaN"),
    "bytes that are no UTF-8": (
        "other names",
        _results(text="\udc80".encode("utf-8", "surrogatepass").decode("latin-1")),
        "not readable",
    ),
    "rows that are texts": ("a table of letters", _results(rows="abc"), "not as heschl wrote it"),
    "a name that is a list": (
        "a name that is no text",
        _row(model=["a"]),
        "model of a score is no text",
    ),
    "a name that is a number": (
        "a name that is no text",
        _row(dataset=7),
        "dataset of a score is no text",
    ),
    "a value that is a text": (
        "a comparison that fails later",
        _row(value="=1+1"),
        "not as heschl wrote it",
    ),
    "a record that is a list": (
        "a record that is none",
        _results(provenance=[1]),
        "not as heschl wrote it",
    ),
    "arrays elsewhere": (
        "another's file",
        _results(name="../secret.safetensors"),
        "cannot be read",
    ),
    "arrays of another shape": (
        "numbers of other targets",
        _results(arrays={"scores": np.zeros((3, 1))}),
        "scores has shape (3, 1)",
    ),
    "arrays of more dimensions": (
        "a figure that fails",
        _results(arrays={"ceiling": np.zeros((2, 1))}),
        "ceiling has shape (2, 1)",
    ),
    "arrays of another name": (
        "an argument of something else",
        _results(arrays={"__class__": np.zeros(1)}),
        "not as heschl wrote it",
    ),
    "a profile of an unknown field": (
        "an argument of something else",
        _results(profile={"evil": 1}),
        "not as heschl wrote it",
    ),
    "layers that are numbers": (
        "a name that is no text",
        _results(profile={"layers": [1]}),
        "layers are no texts",
    ),
    "tables that do not fit": (
        "a table of another length",
        _results(profile={"groups": {"target": ["a"], "x": [1, 2]}}),
        "not as heschl wrote it",
    ),
}


def _study(text=None, **changes):
    def build(folder, _):
        place = folder / "study"
        place.mkdir()
        content = {
            "format": 1, "study": "s", "title": "S", "text": "", "models": {}, "commands": {},
            "runs": [], "failures": [], "n_steps": 0, "added": [],
        }  # fmt: skip
        (place / "study.json").write_text(text or json.dumps(content | changes))
        return place

    return build


def _trajectory(header='{"format": 1, "run": "r", "provenance": {}}', scores="run,step\n"):
    def build(folder, _):
        place = folder / "training"
        place.mkdir()
        (place / "trajectory.json").write_text(header)
        (place / "trajectory.csv").write_text(scores)
        return place

    return build


_DEEP = "[" * 200_000
_INDEXES = {
    "folder of a study": {
        "great depth": _study(text='{"format": 1, "runs":' + _DEEP),
        "a failure that is a number": _study(failures=[1]),
        "an unknown field": _study(evil=1),
        "a name twice": _study(text='{"format": 1, "format": 2}'),
    },
    "trajectory": {
        "great depth": _trajectory(header='{"format": 1, "run":' + _DEEP),
        "a provenance that is a number": _trajectory(
            header='{"format":1,"run":"r","provenance":1}'
        ),
        "a table of other columns": _trajectory(),
        "a cell of 2 MB": _trajectory(scores="run,step\n" + "a" * 2_000_000 + ",x\n"),
        "a quote that does not end": _trajectory(scores='run,step\n"r,0\n'),
        "rows of many cells": _trajectory(scores="run,step\n" + "r," * 100_000 + "\n"),
    },
}

FILES = (
    *(
        HostileFile(f"results: {label}", tries, "results", build, DamagedEntryError, words)
        for label, (tries, build, words) in _DAMAGED.items()
    ),
    HostileFile(
        "results: of another format",
        "fields that mean something else",
        "results",
        _results(format="\x1b[2J" * 1000),
        InputError,
        "this heschl reads",
    ),
    *(
        HostileFile(
            f"{reader}: {label}", "what heschl never wrote", reader, build, DamagedEntryError, ""
        )
        for reader, found in _INDEXES.items()
        for label, build in found.items()
    ),
)
