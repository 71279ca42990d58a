"""Hostile folders of a dataset: tables, arrays and files of HDF5 that lie or lead elsewhere."""

from __future__ import annotations

import json

import h5py
import numpy as np
import pyarrow
import pyarrow.parquet
import soundfile

from heschl.errors import AudioError, InputError
from hostile import arrays, sounds
from hostile.case import HostileFile

N_SOUNDS = 6
NAMES = [f"s{i}" for i in range(N_SOUNDS)]


def _folder(folder, responses=None, **others):
    """A good dataset, but for what is given: bytes of files by their names, dots as ``__``."""
    place = folder / "dataset"
    (place / "sounds").mkdir(parents=True)
    noise = np.random.default_rng(0)
    for name in NAMES:
        soundfile.write(place / "sounds" / f"{name}.wav", 0.1 * noise.standard_normal(400), 8000)
    if responses is None and not any(key.startswith("responses") for key in others):
        responses = "sound,one\n" + "".join(f"{name},{i}.5\n" for i, name in enumerate(NAMES))
    if responses is not None:
        (place / "responses.csv").write_text(responses)
    for key, content in others.items():
        path = place / key.replace("__", ".")
        path.write_bytes(content if isinstance(content, bytes) else content.encode())
    return place


def _given(responses=None, **others):
    return lambda folder, _: _folder(folder, responses, **others)


def _fold(number):
    """The first sound is in a fold of that number."""
    rows = "".join(f"{n},{number if n == NAMES[0] else 1}\n" for n in NAMES)
    return _given(None, sounds__csv=f"sound,fold\n{rows}")


# tables of text


def _crossed(n):
    """Every row another sound, another target, another repetition: n**3 cells for n rows."""
    rows = "".join(f"s{i},t{i},{i},1\n" for i in range(n))
    return f"sound,target,repeat,response\n{rows}"


def _wide(n):
    return "sound,repeat,one\n" + "".join(f"s{i},{i},1\n" for i in range(n))


_FORMULA = "=cmd|' /C calc'!A0"
_TABLES = {
    "a long table of n**3 cells": ("memory for all of them", _given(_crossed(4000)), "cells"),
    "a wide table of n**2 cells": ("memory for all of them", _given(_wide(60_000)), "no row for"),
    "a cell of 2 MB": ("memory", _given("sound,one\n" + "a" * 2_000_000 + ",1\n"), "CSV"),
    "a quote that does not end": ("all of it as one cell", _given('sound,one\n"s0,1\n'), "CSV"),
    "bytes that are no UTF-8": (
        "other names",
        _given(None, responses__csv=b"sound,\xff\ns0,1\n"),
        "UTF-8",
    ),
    "zeros in names": ("a name that ends early", _given("sound,one\ns0\0,1\n"), ""),
    "a repetition without end": (
        "a number that is none",
        _given("sound,repeat,one\ns0,inf,1\n"),
        "expected a whole number",
    ),
    "a repetition of 10**300": (
        "a number of no type",
        _given("sound,repeat,one\ns0,1e300,1\n"),
        "expected a whole number",
    ),
    "a fold of 2**62": ("memory for all folds below", _fold(4 << 60), "fold"),
    "a fold of two billion": ("memory for all folds below", _fold(2_000_000_000), "fold"),
    "a formula as a number": (
        "a command of a spreadsheet",
        _given(f'sound,one\ns0,"{_FORMULA}"\n'),
        "is not a number",
    ),
    "a way out as a sound": (
        "a file above",
        _given("sound,one\n../../s0,1\n" + "".join(f"{name},1\n" for name in NAMES[1:])),
        "no responses to sound 's0'",
    ),
    "names that a terminal obeys": (
        "another text on the terminal",
        _given("sound,one\n\x1b[2J\x1b]0;evil\x07,1\n" + "".join(f"{name},1\n" for name in NAMES)),
        "not found",
    ),
    "names that a terminal obeys, in a description": (
        "another text on the terminal",
        _given(None, dataset__json='{"\\u001b[2J\\u202eevil": 1}'),
        "unknown key",
    ),
    "a description of great depth": (
        "the stack",
        _given(None, dataset__json='{"name":' + "[" * 200_000),
        "dataset.json",
    ),
    "a number of many digits": (
        "time",
        _given(None, dataset__json='{"duration": ' + "9" * 100_000 + "}"),
        "dataset.json",
    ),
    "a duration that is none": (
        "a loop",
        _given(None, dataset__json='{"duration": NaN}'),
        "dataset.json",
    ),
    "a duration of 10**9 s": (
        "memory for silence",
        _given(None, dataset__json='{"duration": 1e9}'),
        "duration",
    ),
    "a key twice": (
        "the second, unseen",
        _given(None, dataset__json='{"name": "a", "name": "b"}'),
        "twice",
    ),
    "a description of 3 MB": (
        "memory",
        _given(None, dataset__json='{"name": "' + "a" * 3_000_000 + '"}'),
        "dataset.json",
    ),
    "a name of 60,000 characters": (
        "a name that fills the screen",
        _given(None, dataset__json=json.dumps({"name": "a" * 60_000})),
        "name",
    ),
}


# arrays of numpy


def _array(content):
    order = "sound\n" + "".join(f"{name}\n" for name in NAMES)
    return _given(None, responses__npy=content, sounds__csv=order)


def _objects(folder, canary):
    return _array(arrays.objects(canary))(folder, canary)


def _python2(folder, canary):
    return _array(arrays.python2(canary))(folder, canary)


# HDF5


def _hdf5(fill):
    """A file of NetCDF-4 of which ``fill`` makes the responses."""

    def build(folder, _):
        place = _folder(folder, None, responses__nc=b"")
        secret = folder / "secret.h5"
        with h5py.File(secret, "w") as file:
            file["responses"] = np.ones((N_SOUNDS, 1))
        (folder / "secret.txt").write_bytes(b"secret " * 100)
        with h5py.File(place / "responses.nc", "w") as file:
            text = h5py.string_dtype()
            for axis, names in (("sound", NAMES), ("target", ["one"])):
                file.create_dataset(axis, data=np.array(names, object), dtype=text)
                file[axis].make_scale(axis)
            fill(file, folder)
            if (
                "responses" in file
                and file.get("responses", getlink=True).__class__ is h5py.HardLink
            ):
                for i, axis in enumerate(("sound", "target")[: file["responses"].ndim]):
                    file["responses"].dims[i].attach_scale(file[axis])
        return place

    return build


def _external_link(file, folder):
    file["responses"] = h5py.ExternalLink(str(folder / "secret.h5"), "/responses")


def _external_bytes(file, folder):
    """Numbers that are bytes of any file of the machine."""
    outside = [(str(folder / "secret.txt"), 0, N_SOUNDS * 8)]
    file.create_dataset("responses", (N_SOUNDS, 1), "f8", external=outside)


def _virtual(file, folder):
    layout = h5py.VirtualLayout((N_SOUNDS, 1), "f8")
    layout[...] = h5py.VirtualSource(str(folder / "secret.h5"), "responses", (N_SOUNDS, 1))
    file.create_virtual_dataset("responses", layout)


def _huge(file, _):
    """A terabyte of which nothing is written."""
    file.create_dataset("responses", (1 << 20, 1 << 17), "f8", chunks=(64, 64))


def _huge_beside(file, _):
    """A good array, and another of a terabyte that nobody asked for."""
    file["responses"] = np.ones((N_SOUNDS, 1))
    file.create_dataset("other", (1 << 20, 1 << 17), "f8", chunks=(64, 64))


def _bomb(file, _):
    """Zeros, a thousandth of their size when packed."""
    file.create_dataset(
        "responses", (1 << 12, 1 << 11), "f8", chunks=(1 << 12, 1 << 8), compression="gzip",
        data=np.broadcast_to(0.0, (1 << 12, 1 << 11)),
    )  # fmt: skip


def _objects_in_it(file, _):
    """References, which lead anywhere in the file."""
    kind = h5py.ref_dtype
    file.create_dataset("responses", (N_SOUNDS, 1), kind)


def _loop(file, _):
    """A group that is in itself."""
    file["responses"] = np.ones((N_SOUNDS, 1))
    file["group"] = file["/"]


_HDF5 = {
    "an external link": ("another file of the machine", _external_link, "leads out of the file"),
    "external bytes": (
        "bytes of any file of the machine",
        _external_bytes,
        "leads out of the file",
    ),
    "a virtual array": ("another file of the machine", _virtual, "leads out of the file"),
    "an array of a terabyte": ("memory for it", _huge, "bytes"),
    "an array of a terabyte beside it": ("memory for it", _huge_beside, None),
    "a compressed bomb": ("64 MB out of 64 kB", _bomb, "bytes"),
    "references": ("objects elsewhere", _objects_in_it, "responses are of type"),
    "a group in itself": ("a loop", _loop, "is a group"),
}


# Parquet


def _parquet(table, **options):
    def build(folder, _):
        place = _folder(folder, None, responses__parquet=b"")
        pyarrow.parquet.write_table(table(), place / "responses.parquet", **options)
        return place

    return build


def _repeated():
    """Ten million rows, all alike, which take some kB."""
    n_rows = 10_000_000
    names = pyarrow.DictionaryArray.from_arrays(
        pyarrow.array(np.zeros(n_rows, np.int8)), pyarrow.array(["s0"])
    )
    zeros = pyarrow.DictionaryArray.from_arrays(
        pyarrow.array(np.zeros(n_rows, np.int8)), pyarrow.array([0.0])
    )
    return pyarrow.table({"sound": names, "one": zeros})


def _nested():
    return pyarrow.table({"sound": NAMES, "one": [[[[1.0]]]] * N_SOUNDS})


def _lying_footer(folder, _):
    """A footer of 2 GB."""
    content = b"PAR1" + bytes(64) + (0x7FFFFFF0).to_bytes(4, "little") + b"PAR1"
    return _folder(folder, None, responses__parquet=content)


def _flipped_footer(folder, _):
    """A footer whose numbers are others than those written."""
    place = _parquet(lambda: pyarrow.table({"sound": NAMES, "one": np.ones(N_SOUNDS)}))(folder, _)
    path = place / "responses.parquet"
    raw = bytearray(path.read_bytes())
    size = int.from_bytes(raw[-8:-4], "little")
    for i in range(len(raw) - 8 - size, len(raw) - 8, 7):
        raw[i] ^= 0x55
    path.write_bytes(raw)
    return place


_PARQUET = {
    "10 million rows in a few kB": ("memory for all of them", _parquet(_repeated), "rows"),
    "lists in lists": ("numbers that are none", _parquet(_nested), "not numbers"),
    "a footer of 2 GB": ("memory for it", _lying_footer, "not a readable Parquet file"),
    "a footer of other numbers": ("whatever they say", _flipped_footer, "Parquet"),
}


# sounds and whole folders


def _sound(content):
    def build(folder, _):
        place = _folder(folder)
        (place / "sounds" / "s0.wav").write_bytes(content)
        return place

    return build


def _linked_sound(folder, _):
    """A sound that is a link to a file of the machine, which is no sound."""
    place = _folder(folder)
    (place / "sounds" / "s0.wav").unlink()
    (place / "sounds" / "s0.wav").symlink_to("/etc/passwd")
    return place


_REST = {
    "a sound of a billion Hz": (
        "memory when it is resampled",
        _sound(sounds.wav(rate=1_000_000_000)),
        AudioError,
        "Hz",
    ),
    "a sound that is a link": ("another file", _linked_sound, AudioError, "not a readable sound"),
    "a folder as responses": (
        "an error of the system",
        lambda folder, _: (
            _folder(folder, None, sounds__csv="x"),
            (folder / "dataset/responses.csv").unlink(),
            (folder / "dataset/responses.csv").mkdir(),
        )[0],
        InputError,
        "",
    ),
}

FILES = (
    *(
        HostileFile(f"dataset: {label}", tries, "dataset", build, InputError, words)
        for label, (tries, build, words) in _TABLES.items()
    ),
    *(
        HostileFile(
            f"dataset: {case.name}",
            case.tries,
            "dataset",
            build,
            InputError,
            "not a readable array",
        )
        for case, build in (
            *(
                (case, _array(content))
                for case, content in zip(arrays.NPY, arrays.CONTENTS, strict=False)
            ),
            (arrays.NPY[-3], _objects),
            (arrays.NPY[-2], _python2),
        )
    ),
    *(
        HostileFile(
            f"dataset: {label} in HDF5",
            tries,
            "dataset",
            _hdf5(fill),
            None if words is None else InputError,
            words or "",
        )
        for label, (tries, fill, words) in _HDF5.items()
    ),
    *(
        HostileFile(f"dataset: {label} of Parquet", tries, "dataset", build, InputError, words)
        for label, (tries, build, words) in _PARQUET.items()
    ),
    *(
        HostileFile(f"dataset: {label}", tries, "dataset", build, error, words)
        for label, (tries, build, error, words) in _REST.items()
    ),
)
