"""Arrays and tables on disk: content keys, atomic writes, checksums, lazy reading.

Everything is written to a temporary file beside its place and moved there when it is whole, so a
reader never meets half a file, and a full disk or an interruption leaves nothing behind.
"""

from __future__ import annotations

import contextlib
import hashlib
import json
import os
import secrets
import shutil
import zipfile
from collections import Counter
from collections.abc import Callable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import platformdirs
from numpy.typing import NDArray
from safetensors import SafetensorError, safe_open
from safetensors.numpy import load_file, save_file

from heschl.errors import DamagedEntryError, StoreError

MANIFEST = "manifest.json"

#: Bytes of a JSON file unless its reader says otherwise; a description or a list of files is small.
MOST_JSON = 50_000_000


def home() -> Path:
    """Return where heschl keeps its data: ``HESCHL_HOME``, else the user's cache folder.

    The environment is read at every call.
    """
    chosen = os.environ.get("HESCHL_HOME")
    if chosen:
        return Path(chosen).expanduser()
    return Path(platformdirs.user_cache_path("heschl"))


def canonical_json(content: object) -> str:
    """JSON with sorted keys and no spaces: equal contents give equal text."""
    return json.dumps(content, sort_keys=True, separators=(",", ":"), allow_nan=False)


def content_key(description: Mapping[str, Any]) -> str:
    """Return the key of what a description (JSON-ready) describes: 32 hexadecimal digits."""
    return hashlib.sha256(canonical_json(description).encode()).hexdigest()[:32]


def file_sha256(path: Path) -> str:
    """SHA-256 of a file's bytes."""
    with path.open("rb") as handle:
        return hashlib.file_digest(handle, "sha256").hexdigest()


def make_folder(folder: Path) -> Path:
    """Create a folder and its parents; StoreError if that is not possible."""
    try:
        folder.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise _cannot_write(folder, error) from error
    return folder


def check_writable(folder: Path) -> None:
    """Raise StoreError, before any long work, if nothing can be written in a folder."""
    make_folder(folder)
    probe = folder / f".probe-{secrets.token_hex(4)}"
    try:
        probe.touch()
        probe.unlink()
    except OSError as error:
        raise _cannot_write(folder, error) from error


def check_space(folder: Path, n_bytes: int) -> None:
    """Raise StoreError if so many bytes do not fit on the disk of a folder that is there."""
    free = shutil.disk_usage(folder).free
    if n_bytes > free:
        raise StoreError(
            f"cannot write {folder}: {n_bytes / 1e6:.1f} MB are needed and {free / 1e6:.1f} MB are "
            "free. Free some space or set HESCHL_HOME to a folder on a larger disk (what was "
            "finished is kept)"
        )


@contextlib.contextmanager
def writing(path: Path) -> Iterator[None]:
    """Turn what the system says against writing a file into StoreError."""
    try:
        yield
    except OSError as error:
        raise _cannot_write(path, error) from error


def _cannot_write(path: Path, error: OSError) -> StoreError:
    return StoreError(
        f"cannot write {path}: {error.strerror or error}. Free some space or set HESCHL_HOME to a "
        "folder that you may write (nothing half-written was left)"
    )


def write_atomic(
    folder: Path, name: str | Callable[[Path], str], write: Callable[[Path], object]
) -> Path:
    """Let ``write`` fill a temporary file, then move it to its name in one step.

    Parameters
    ----------
    folder : Path
        Created if it is not there.
    name : str, or function of the finished temporary file
        The function allows names made from the content.
    write : function of a path

    Returns
    -------
    Path
        Where the file is now.

    Raises
    ------
    StoreError
        If it cannot be written (read-only, full disk); the temporary file is removed.
    """
    make_folder(folder)
    temporary = folder / f".{secrets.token_hex(8)}.tmp"
    try:
        temporary.touch()
        mode = temporary.stat().st_mode  # what the user's umask allows; writers may narrow it
        write(temporary)
        temporary.chmod(mode)
        with temporary.open("rb") as handle:
            os.fsync(handle.fileno())
        return temporary.replace(folder / (name if isinstance(name, str) else name(temporary)))
    except OSError as error:
        raise _cannot_write(folder, error) from error
    except SafetensorError as error:  # how safetensors reports a failed write
        raise _cannot_write(folder, OSError(str(error))) from error
    finally:
        with contextlib.suppress(OSError):
            temporary.unlink(missing_ok=True)


def write_text(path: Path, text: str) -> None:
    """Write a text file (UTF-8) atomically."""
    write_atomic(path.parent, path.name, lambda file: file.write_text(text, encoding="utf-8"))


def write_json(path: Path, content: object) -> None:
    """Write a JSON file atomically, keys in their order.

    nan is refused, None stands for what is missing.
    """
    text = json.dumps(content, indent=1, allow_nan=False)
    write_text(path, text + "\n")


def read_json(path: Path, *, most_bytes: int = MOST_JSON) -> Any:
    """Read a JSON file, which others may have written.

    Parameters
    ----------
    path : Path
    most_bytes : int, optional
        Of a larger file nothing is read.

    Raises
    ------
    OSError
        If it cannot be read.
    ValueError
        If it is too large, no JSON in UTF-8, nested too deeply, names something twice in one
        object, or has a number that is none (which JSON does not know).
    """
    n_bytes = path.stat().st_size
    if n_bytes > most_bytes:
        raise ValueError(f"{n_bytes:,} bytes, more than {most_bytes:,}")
    text = path.read_text(encoding="utf-8")
    try:
        return json.loads(text, object_pairs_hook=_once, parse_constant=_no_number)
    except RecursionError as error:
        raise ValueError("nested too deeply") from error


def _once(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    """Make an object of pairs; of a name that is there twice, readers take one or the other."""
    found = dict(pairs)
    if len(found) < len(pairs):
        counts = Counter(name for name, _ in pairs)
        raise ValueError(f"{counts.most_common(1)[0][0][:100]!r} occurs twice")
    return found


def _no_number(name: str) -> float:
    raise ValueError(f"{name} is no number of JSON")


def write_arrays(
    folder: Path, name: str | Callable[[Path], str], arrays: Mapping[str, NDArray[Any]]
) -> Path:
    """Write named arrays as one safetensors file, atomically."""
    packed = {key: np.ascontiguousarray(array) for key, array in arrays.items()}
    return write_atomic(folder, name, lambda file: save_file(packed, file))


def write_npz(path: Path, arrays: Mapping[str, NDArray[Any]]) -> None:
    """Write named arrays as a numpy archive, atomically."""

    def write(file: Path) -> None:
        # numpy.savez takes names as keyword arguments, so that a layer named "file" would fail
        with zipfile.ZipFile(file, "w") as archive:
            for name, array in arrays.items():
                with archive.open(f"{name}.npy", "w", force_zip64=True) as member:
                    np.lib.format.write_array(member, np.asarray(array), allow_pickle=False)

    write_atomic(path.parent, path.name, write)


def read_arrays(path: Path) -> dict[str, NDArray[Any]]:
    """Read all arrays of a safetensors file.

    Raises
    ------
    DamagedEntryError
        If it is no whole safetensors file.
    """
    try:
        return dict(load_file(path))
    except (OSError, SafetensorError) as error:
        raise DamagedEntryError(f"{path}: cannot be read ({error})") from error


class ArrayEntry:
    """Named arrays over many rows, stored in parts of consecutive rows.

    A part is a safetensors file that carries its own checksum in its name, so an interrupted run
    finds the finished parts again; the manifest, written last, makes the entry complete.

    Parameters
    ----------
    folder : Path
        One entry's own folder.
    """

    def __init__(self, folder: Path) -> None:
        self.folder = folder

    @property
    def complete(self) -> bool:
        """Whether the manifest is there."""
        return (self.folder / MANIFEST).is_file()

    def write_part(self, index: int, arrays: Mapping[str, NDArray[Any]]) -> None:
        """Store one part: every array has the part's rows first."""
        write_arrays(
            self.folder, lambda file: f"{index:06d}-{file_sha256(file)}.safetensors", arrays
        )

    def whole_parts(self) -> dict[int, Path]:
        """Return the parts whose content matches their checksum; remove those that do not."""
        parts: dict[int, Path] = {}
        if not self.folder.is_dir():
            return parts
        for path in sorted(self.folder.glob("[0-9]*.safetensors")):
            index, _, digest = path.stem.partition("-")
            if file_sha256(path) == digest:
                parts[int(index)] = path
            else:
                path.unlink(missing_ok=True)  # another process may have been faster
        return parts

    def commit(self, n_parts: int, description: Mapping[str, Any]) -> None:
        """Declare the entry complete.

        Parameters
        ----------
        n_parts : int
        description : mapping
            What the entry is (provenance), JSON-ready.
        """
        parts = self.whole_parts()
        if sorted(parts) != list(range(n_parts)):
            raise StoreError(f"{self.folder}: {len(parts)} of {n_parts} parts are there")
        names = [parts[i].name for i in range(n_parts)]
        write_json(self.folder / MANIFEST, {"parts": names, "description": dict(description)})

    def reopen(self) -> None:
        """Declare the entry incomplete; whole parts stay and need not be computed again.

        Raises
        ------
        StoreError
            If the store is read-only.
        """
        try:
            (self.folder / MANIFEST).unlink(missing_ok=True)
        except OSError as error:
            raise _cannot_write(self.folder, error) from error

    def open(self) -> StoredArrays:
        """Check every part against its checksum and return the arrays, read when asked for.

        Raises
        ------
        DamagedEntryError
            If a part is missing or altered, or the manifest is unreadable.
        """
        try:
            manifest = read_json(self.folder / MANIFEST)
            names = [Path(str(name)).name for name in manifest["parts"]]
            description = dict(manifest["description"])
        except (OSError, ValueError, KeyError, TypeError) as error:
            raise DamagedEntryError(f"{self.folder}: unreadable manifest ({error})") from error
        if not names:
            raise DamagedEntryError(f"{self.folder}: its manifest lists no parts")
        paths = []
        for name in names:
            path = self.folder / name
            digest = path.stem.partition("-")[2]
            if not path.is_file() or file_sha256(path) != digest:
                raise DamagedEntryError(f"{path}: missing or altered since it was written")
            paths.append(path)
        try:
            return StoredArrays(paths, description)
        except (OSError, SafetensorError, ValueError) as error:
            raise DamagedEntryError(f"{self.folder}: its parts cannot be read ({error})") from error


def _names_in(part: Path) -> tuple[str, ...]:
    with safe_open(part, framework="np") as file:
        return tuple(file.keys())


class StoredArrays(Mapping[str, NDArray[Any]]):
    """Arrays of a complete entry; each is read from disk when it is asked for."""

    def __init__(self, parts: Sequence[Path], description: dict[str, Any]) -> None:
        self._parts = list(parts)
        self.description = description
        first, *others = [_names_in(part) for part in self._parts]
        if any(set(other) != set(first) for other in others):
            raise ValueError("they do not hold the same arrays")
        self._names = first

    def __getitem__(self, name: str) -> NDArray[Any]:
        if name not in self._names:
            raise KeyError(name)
        pieces = []
        for part in self._parts:
            with safe_open(part, framework="np") as file:
                pieces.append(file.get_tensor(name))
        return pieces[0] if len(pieces) == 1 else np.concatenate(pieces)

    def __contains__(self, name: object) -> bool:  # the inherited one would read the array
        return name in self._names

    def __iter__(self) -> Iterator[str]:
        return iter(self._names)

    def __len__(self) -> int:
        return len(self._names)

    def shape(self, name: str) -> tuple[int, ...]:
        """Return the shape of an array without reading it."""
        shapes = []
        for part in self._parts:
            with safe_open(part, framework="np") as file:
                shapes.append(file.get_slice(name).get_shape())
        return (sum(shape[0] for shape in shapes), *shapes[0][1:])

    def parts(self, names: Sequence[str]) -> Iterator[dict[str, NDArray[Any]]]:
        """Yield consecutive rows of some arrays, one part of the entry after the other."""
        for part in self._parts:
            with safe_open(part, framework="np") as file:
                yield {name: file.get_tensor(name) for name in names}
