"""natsound165: six components of auditory cortex and the 165 natural sounds they answer to.

Norman-Haignere, Kanwisher and McDermott (Neuron 88, 2015) explained the reliable responses of
11,065 voxels to 165 two-second natural sounds by six components. Their response profiles and the
sounds are published at github.com/snormanhaignere/natsound165-neuron2015, without a licence file:
heschl downloads them for its user and ships only names, folds and hashes (``natsound165.csv``: one
row per sound, in the order of the fMRI releases; folds of Pepino et al., arXiv 2511.16849, 2025).
"""

from __future__ import annotations

import csv
import functools
import hashlib
import io
import os
import wave
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from importlib import resources
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import soundfile
from numpy.typing import NDArray

from heschl import store
from heschl.brain.dataset import BrainDataset, DatasetSpec
from heschl.errors import DamagedEntryError, FetchError, InputError, StoreError
from heschl.fetch import FetchPlan, RemoteFile, download, part_path, plan
from heschl.sounds import Clip, Sounds

NAME = "natsound165"
COMMIT = "b41b99ff620d7997dbf278fc770f58566707726a"
BASE_URL = f"https://raw.githubusercontent.com/snormanhaignere/natsound165-neuron2015/{COMMIT}"

COMPONENTS = Path("data/components.mat")
COMPONENTS_SHA256 = "a34f9a4c648de56d075f249a0f09f67281cde024d0ca184347436e540ab0a66e"
COMPONENTS_SIZE = 519_820

CATEGORIES = Path("sounds/category_labels.csv")
CATEGORIES_SHA256 = "747c213ec40ede8ccac7af2ba2d0ecc9d6dfbccbe5befeb6888beb5201b35fbc"
CATEGORIES_SIZE = 4_983

#: Every sound: mono, 16 bit, 88,200 samples at 44,100 Hz after a header of 44 bytes.
SAMPLE_RATE = 44_100
DURATION = 2.0
WAV_SIZE = 176_444

#: Components as released, and what they are called in the papers.
LABELS = {
    "lowfreq": "low frequency",
    "highfreq": "high frequency",
    "envsounds": "broadband",
    "pitch": "pitch",
    "speech": "speech",
    "music": "music",
}

#: r2 of component-wise regression; Pepino et al. (2025), Figure 4.
PUBLISHED = {
    "spectrotemporal": {
        "lowfreq": 0.74,
        "highfreq": 0.57,
        "envsounds": 0.46,
        "pitch": 0.54,
        "speech": 0.72,
        "music": 0.33,
    }
}

CITATION = (
    "Norman-Haignere, Kanwisher & McDermott (2015). Distinct cortical pathways for music and "
    "speech revealed by hypothesis-free voxel decomposition. Neuron 88, 1281-1296. "
    "doi:10.1016/j.neuron.2015.11.035. Folds: Pepino, Riera, Kamienkowski & Ferrer (2025), "
    "arXiv 2511.16849"
)
LICENCE = "no licence file: downloaded for the user, not shipped"

_SHOWN = 5


@dataclass(frozen=True)
class _Sound:
    """One row of ``natsound165.csv``.

    ``sha256_samples`` is of the decoded samples, int16 little-endian: it stays the same in every
    lossless format, which ``sha256_file``, of the published WAV file, does not.
    """

    name: str
    fold: int
    sha256_file: str
    sha256_samples: str

    @property
    def path(self) -> Path:
        """Where it is, here and in the published repository."""
        return Path("sounds/wav") / f"{self.name}.wav"


@functools.cache
def _sounds() -> tuple[_Sound, ...]:
    """Return the 165 sounds in the order of the dataset."""
    text = (resources.files("heschl.brain") / "natsound165.csv").read_text(encoding="utf-8")
    rows = csv.DictReader(io.StringIO(text))
    return tuple(
        _Sound(row["name"], int(row["fold"]), row["sha256_file"], row["sha256_samples"])
        for row in rows
    )


def _table_sha256() -> str:
    """Return one hash over the pinned table, whatever the line ends of its file."""
    rows = [[s.name, s.fold, s.sha256_file, s.sha256_samples] for s in _sounds()]
    return hashlib.sha256(store.canonical_json(rows).encode()).hexdigest()


def folder() -> Path:
    """Return where the data are, or would be, on this machine."""
    return store.home() / "datasets" / NAME


def remote_files() -> tuple[RemoteFile, ...]:
    """Return the published files: the two tables, then the sounds in the order of the dataset."""
    tables = (
        (COMPONENTS, COMPONENTS_SHA256, COMPONENTS_SIZE),
        (CATEGORIES, CATEGORIES_SHA256, CATEGORIES_SIZE),
    )
    sounds = ((sound.path, sound.sha256_file, WAV_SIZE) for sound in _sounds())
    return tuple(
        RemoteFile(f"{BASE_URL}/{path.as_posix()}", path, sha256, size)
        for path, sha256, size in (*tables, *sounds)
    )


def fetch_plan() -> FetchPlan:
    """Decide what is to be downloaded; nothing is requested or changed."""
    return plan(NAME, remote_files(), folder())


def fetch(source: Path | None = None) -> Path:
    """Bring the data to this machine.

    Parameters
    ----------
    source : Path, optional
        A local copy: a folder with, anywhere below it, the sounds as ``NAME.wav`` or ``NAME.flac``,
        ``components.mat`` and ``category_labels.csv``. By default what is missing or damaged is
        downloaded.

    Returns
    -------
    Path
        Where they are, as published: a re-encoded sound is written as the published WAV file.

    Raises
    ------
    FetchError
        If the download fails, or the copy is not the published release; then it is not used at all.
    OfflineError
        If something is missing and ``HESCHL_OFFLINE`` is set.
    StoreError
        If the data cannot be written.
    """
    if source is None:
        return download(fetch_plan())
    contents = _read_copy(Path(source))
    for path, content in contents.items():
        target = folder() / path
        store.write_atomic(
            target.parent, target.name, functools.partial(Path.write_bytes, data=content)
        )
        part_path(target).unlink(missing_ok=True)
    return folder()


def _read_copy(source: Path) -> dict[Path, bytes]:
    """Read and verify a local copy; return the published files, by their paths."""
    if not source.is_dir():
        what = "a file" if source.exists() else "not there"
        raise FetchError(
            f"{source} is {what}; expected a folder with the release of {NAME} (unpack an archive "
            "first)"
        )
    found = _find(source)
    contents: dict[Path, bytes] = {}
    missing: list[str] = []
    different: list[str] = []
    for wanted in (*_wanted_tables(), *_wanted_sounds()):
        candidates = [path for name in wanted.names for path in found.get(name, ())]
        content = next(filter(None, map(wanted.read, candidates)), None)
        if content is not None:
            contents[wanted.path] = content
        else:
            (different if candidates else missing).append(wanted.label)
    if missing or different:
        raise _copy_error(source, missing, different)
    return contents


def _find(source: Path) -> dict[str, list[Path]]:
    """Return every file below a folder, by its name in small letters."""
    found: dict[str, list[Path]] = {}
    for parent, _, names in os.walk(source):
        for name in sorted(names):
            found.setdefault(name.lower(), []).append(Path(parent) / name)
    return found


@dataclass(frozen=True)
class _Wanted:
    """A file of the release that a local copy must have.

    ``read`` returns the bytes of the published file, or None if a candidate is something else.
    """

    label: str
    path: Path
    names: tuple[str, ...]
    read: Callable[[Path], bytes | None]


def _wanted_tables() -> tuple[_Wanted, ...]:
    tables = ((COMPONENTS, COMPONENTS_SHA256), (CATEGORIES, CATEGORIES_SHA256))
    return tuple(
        _Wanted(path.name, path, (path.name,), functools.partial(_read_exact, sha256=sha256))
        for path, sha256 in tables
    )


def _wanted_sounds() -> tuple[_Wanted, ...]:
    return tuple(
        _Wanted(
            sound.name,
            sound.path,
            (f"{sound.name}.wav".lower(), f"{sound.name}.flac".lower()),
            functools.partial(_read_sound, sound=sound),
        )
        for sound in _sounds()
    )


def _read_exact(path: Path, *, sha256: str) -> bytes | None:
    """Return a file's bytes if they have the published hash."""
    content = _read_bytes(path)
    return content if hashlib.sha256(content).hexdigest() == sha256 else None


def _read_sound(path: Path, *, sound: _Sound) -> bytes | None:
    """Return the published WAV file if a sound file has the same samples, in whatever encoding."""
    content = _read_bytes(path)
    if hashlib.sha256(content).hexdigest() == sound.sha256_file:
        return content
    try:
        samples, rate = soundfile.read(io.BytesIO(content), dtype="int16", always_2d=True)
    except (soundfile.LibsndfileError, RuntimeError):
        return None  # damaged or no sound: counted among the different ones
    if rate != SAMPLE_RATE or samples.shape[1] != 1:
        return None
    data = np.ascontiguousarray(samples, "<i2").tobytes()
    if hashlib.sha256(data).hexdigest() != sound.sha256_samples:
        return None
    return _wav_file(data)


def _wav_file(data: bytes) -> bytes:
    """Return a WAV file of int16 samples: the published files have just this header."""
    file = io.BytesIO()
    with wave.open(file, "wb") as writer:
        writer.setnchannels(1)
        writer.setsampwidth(2)
        writer.setframerate(SAMPLE_RATE)
        writer.writeframes(data)
    return file.getvalue()


def _read_bytes(path: Path) -> bytes:
    try:
        return path.read_bytes()
    except OSError as error:
        raise FetchError(
            f"{path}: cannot be read ({error.strerror or error}); check its permissions"
        ) from error


def _copy_error(source: Path, missing: Sequence[str], different: Sequence[str]) -> FetchError:
    problems = [
        f"{len(names)} {what} ({', '.join(names[:_SHOWN])}{', ...' if len(names) > _SHOWN else ''})"
        for what, names in (("missing", missing), ("different", different))
        if names
    ]
    return FetchError(
        f"{source} is not the published release of {NAME}: of its {len(_sounds())} sounds, "
        f"components.mat and category_labels.csv, {' and '.join(problems)}. Nothing was copied. "
        f"Expected commit {COMMIT[:7]} of github.com/snormanhaignere/natsound165-neuron2015, the "
        "sounds sample for sample, as WAV or FLAC"
    )


def load() -> BrainDataset:
    """Load the dataset; what is missing is downloaded first.

    Returns
    -------
    BrainDataset
        Of kind "components": responses (165, 6, 1), arbitrary units.

    Raises
    ------
    FetchError, OfflineError
        If something is missing and cannot be downloaded.
    DamagedEntryError
        If ``components.mat`` or ``category_labels.csv`` is not as published. Sounds are not hashed
        again here; activations are keyed on what they hold.
    """
    if not _is_complete():
        fetch()
    released = _read_components(folder() / COMPONENTS)
    categories = _read_categories(folder() / CATEGORIES)
    sounds = _sounds()
    names = [sound.name for sound in sounds]
    rows = _rows_of(names, released.names)
    _check_categories(categories, dict(zip(released.names, released.categories, strict=True)))
    return BrainDataset(
        name=NAME,
        kind="components",
        sounds=Sounds(
            [Clip(s.name, folder() / s.path, categories[s.name]) for s in sounds],
            duration=DURATION,
        ),
        responses=released.responses[rows][:, :, np.newaxis],
        targets=pd.DataFrame(
            {"target": released.targets, "label": [LABELS[name] for name in released.targets]}
        ),
        folds=np.array([sound.fold for sound in sounds], np.int64),
        citation=CITATION,
        licence=LICENCE,
        published=PUBLISHED,
        source={
            "url": "https://github.com/snormanhaignere/natsound165-neuron2015",
            "commit": COMMIT,
            "components_sha256": COMPONENTS_SHA256,
            "categories_sha256": CATEGORIES_SHA256,
            "table_sha256": _table_sha256(),
        },
    )


def _is_complete() -> bool:
    """Whether every file is there in its size: quick, where hashing all sounds is not."""
    for file in remote_files():
        try:
            if (folder() / file.path).stat().st_size != file.size:
                return False
        except FileNotFoundError:
            return False
        except OSError as error:
            raise StoreError(
                f"{folder() / file.path}: cannot be read ({error.strerror or error}); check its "
                "permissions or set HESCHL_HOME to another folder"
            ) from error
    return True


@dataclass(frozen=True)
class _Released:
    """What is used of ``components.mat``.

    ``responses`` is (165, 6) with rows in the order of ``names`` and columns of ``targets``.
    """

    responses: NDArray[np.float64]
    names: list[str]
    categories: list[str]
    targets: list[str]


def _read_components(path: Path) -> _Released:
    from scipy.io import loadmat  # here: takes long to import

    _read_stored(path, COMPONENTS_SHA256)
    content: dict[str, Any] = loadmat(path, simplify_cells=True)
    return _Released(
        responses=np.asarray(content["R"], np.float64),
        names=[str(name) for name in content["stim_names"]],
        categories=[str(category) for category in content["category_labels"]],
        targets=[str(name) for name in content["component_names"]],
    )


def _read_categories(path: Path) -> dict[str, str]:
    """Read ``name,category`` rows without a header."""
    text = _read_stored(path, CATEGORIES_SHA256).decode("utf-8")
    return {row[0]: row[1] for row in csv.reader(io.StringIO(text))}


def _read_stored(path: Path, sha256: str) -> bytes:
    """Read a stored file and check its hash."""
    content = _read_bytes(path)
    found = hashlib.sha256(content).hexdigest()
    if found != sha256:
        raise DamagedEntryError(
            f"{path}: has SHA-256 {found}; expected {sha256}. It was altered since it was fetched: "
            f"run `heschl fetch {NAME}` to bring it again"
        )
    return content


def _rows_of(names: Sequence[str], released: Sequence[str]) -> NDArray[np.int64]:
    """Return where each sound stands in the release, which has another order."""
    place = {name: row for row, name in enumerate(released)}
    unknown = sorted(set(names) ^ set(place))
    if unknown:
        raise InputError(
            f"{COMPONENTS}: its sounds are not those of {NAME}: {', '.join(unknown[:_SHOWN])}; "
            f"expected the {len(names)} names of the published commit {COMMIT[:7]}"
        )
    return np.array([place[name] for name in names], np.int64)


def _check_categories(listed: Mapping[str, str], released: Mapping[str, str]) -> None:
    """Refuse tables that put a sound into two categories."""
    names = {*listed, *released}
    split = sorted(name for name in names if listed.get(name) != released.get(name))
    if split:
        name = split[0]
        raise InputError(
            f"{name}: {CATEGORIES} says {listed.get(name)!r}, {COMPONENTS} says "
            f"{released.get(name)!r}; expected one category ({len(split)} sounds differ)"
        )


SPEC = DatasetSpec(
    name=NAME,
    kind="components",
    summary="six components of auditory cortex, 165 natural sounds (Norman-Haignere et al. 2015)",
    load=load,
    fetch=fetch,
    plan=fetch_plan,
    licence=LICENCE,
    citation=CITATION,
)
