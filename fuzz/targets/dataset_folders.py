"""A user's dataset: description, tables, responses as text or of numpy.

InputError (with AudioError among them) is all that may come. Parquet and NetCDF are left out: their
readers are libraries in C and C++ with fuzzers of their own.
"""

from __future__ import annotations

import numpy as np
import soundfile

import places
from heschl.brain import BrainDataset, folder
from heschl.errors import InputError

NAMES = tuple(f"s{i}" for i in range(6))
_ROWS = "".join(f"{name},{i},{i / 2}\n" for i, name in enumerate(NAMES))
#: What an input may replace or add; without responses of its own it gets these.
KNOWN = ("dataset.json", "sounds.csv", "targets.csv", "responses.csv", "responses.npy")
RESPONSES = {"responses.csv": f"sound,v1,v2\n{_ROWS}".encode()}
FOLDER = places.ROOT / "dataset"


def _prepare() -> None:
    (FOLDER / "sounds").mkdir(parents=True)
    rng = np.random.default_rng(0)
    for name in NAMES:
        path = FOLDER / "sounds" / f"{name}.wav"
        soundfile.write(path, rng.uniform(-0.5, 0.5, 40), 8_000, subtype="PCM_16")


def check(content: bytes) -> None:
    """Read a dataset of which some files are those of the input."""
    if not FOLDER.is_dir():
        _prepare()
    files = {name: one for name, one in places.parts(content).items() if name in KNOWN}
    if not any(name.startswith("responses") for name in files):
        files |= RESPONSES
    for name in KNOWN:
        (FOLDER / name).unlink(missing_ok=True)
    places.write(FOLDER, files, KNOWN)
    try:
        dataset = folder.load(FOLDER)
    except InputError:
        return
    _check_dataset(dataset)


def _check_dataset(dataset: BrainDataset) -> None:
    if sorted(dataset.sounds.names) != list(NAMES):
        raise AssertionError(f"sounds {dataset.sounds.names}; expected {NAMES}")
    if len(set(dataset.targets["target"])) != dataset.n_targets:
        raise AssertionError(f"{dataset.targets}; expected {dataset.n_targets} names")
    if set(dataset.folds.tolist()) != set(range(int(dataset.folds.max()) + 1)):
        raise AssertionError(f"folds {dataset.folds}")
