"""Responses in NetCDF-4, that is HDF5: nothing is followed out of the file, nor larger than it.

A file of HDF5 can name other files: by links, as places of its numbers, as parts of a virtual
array. And it can describe arrays that nobody wrote, or that are a thousandth of their size. Both
are looked up before the library reads anything.
"""

from __future__ import annotations

import math
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from heschl.brain.folder import tables
from heschl.errors import InputError, quoted

#: Bytes that the responses may take: these, or so many times those of the file.
SMALL, MOST_PACKED = 1 << 25, 50
_AXES = ("sound", "target", "repeat")
_DAMAGE = (OSError, RuntimeError, ValueError, KeyError, TypeError, AttributeError)


def read_netcdf(path: Path) -> tuple[NDArray[Any], tuple[str, ...], tuple[str, ...]]:
    """Read responses and the names of sounds and targets.

    Parameters
    ----------
    path : Path

    Returns
    -------
    values : ndarray, shape (n_sounds, n_targets) or (n_sounds, n_targets, n_repeats)
    sounds, targets : tuple of str

    Raises
    ------
    InputError
        If it is unreadable, not laid out as documented, leads to other files, or is larger than
        its file allows.
    MissingDependencyError
        If the packages for it are not installed.
    """
    try:
        import h5netcdf  # noqa: F401  (xarray's own message does not say what is missing)
        import h5py  # type: ignore[import-untyped]
        import xarray

        with h5py.File(path, "r") as file:
            others = _check(path, file)
        with xarray.open_dataset(
            path, engine="h5netcdf", drop_variables=others, phony_dims="sort"
        ) as dataset:
            dataset.load()
    except ImportError as error:  # also raised on opening: h5netcdf itself needs h5py
        raise tables.missing_package(path, "xarray, h5netcdf and h5py", "netcdf") from error
    except InputError:
        raise
    except _DAMAGE as error:
        raise InputError(f"{path}: not a readable NetCDF-4 file ({quoted(error)})") from error
    return _responses(path, dataset)


def _check(path: Path, file: Any) -> list[str]:
    """Refuse arrays that are elsewhere or too large; return the names of what is not needed."""
    import h5py

    most = max(SMALL, MOST_PACKED * path.stat().st_size)
    others = []
    for name in file:
        if not isinstance(file.get(name, getlink=True), h5py.HardLink):
            raise _leads_out(path, name)
        found = file[name]
        if isinstance(found, h5py.Group):  # one may be in itself, which the library never leaves
            raise InputError(
                f"{path}: {tables.short(name)!r} is a group; expected variables at the top only"
            )
        if name not in ("responses", *_AXES):
            others.append(name)
        else:
            _check_array(path, name, found, most)
    if "responses" not in file:
        raise InputError(f"{path}: has no variable 'responses' but {tables.named(others)}")
    return others


def _check_array(path: Path, name: str, array: Any, most: int) -> None:
    if array.is_virtual or array.external:
        raise _leads_out(path, name)
    for shape in (array.shape, array.chunks or ()):
        n_bytes = math.prod(shape) * array.dtype.itemsize
        if n_bytes > most:
            raise InputError(
                f"{path}: {name} takes {n_bytes:,} bytes, but the file has "
                f"{path.stat().st_size:,}; expected at most {MOST_PACKED} times as many. Write it "
                "with all its numbers, or as .npy"
            )


def _leads_out(path: Path, name: str) -> InputError:
    return InputError(
        f"{path}: {tables.short(name)!r} leads out of the file, to another one; expected the "
        "numbers themselves: copy them into it"
    )


def _responses(path: Path, dataset: Any) -> tuple[NDArray[Any], tuple[str, ...], tuple[str, ...]]:
    variable = dataset["responses"]
    if sorted(map(str, variable.dims)) not in (["sound", "target"], ["repeat", "sound", "target"]):
        raise InputError(
            f"{path}: responses have dimensions {variable.dims}; expected sound, target and "
            "optionally repeat"
        )
    names = []
    for axis in ("sound", "target"):
        if axis not in variable.coords or variable.coords[axis].dtype.kind not in "OUST":
            raise InputError(f"{path}: expected a coordinate {axis!r} of names (text)")
        names.append(tuple(str(name) for name in variable.coords[axis].values))
        if twice := tables.repeated(names[-1]):
            raise InputError(f"{path}: coordinate {axis!r} holds {tables.named(twice)} twice")
    return np.asarray(variable.transpose("sound", "target", ...).values), names[0], names[1]
