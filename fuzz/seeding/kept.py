"""What heschl keeps, and archives."""

from __future__ import annotations

import io
import json
import tarfile
import tempfile
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
from safetensors.numpy import save

from heschl.results import COLUMNS, Profile, RdmDetail, Results, score_table
from heschl.sounds import ClipFacts
from heschl.studies.folder import Failure, StudyRun
from heschl.tasks.clip_index import ClipIndex, Entry, Stamp
from places import joined
from targets import hear_tasks as hear

Seeds = dict[str, bytes]


def results() -> Seeds:
    row: dict[str, Any] = {
        "model": "m",
        "dataset": "d",
        "metric": "rsa",
        "protocol": "p",
        "scope": "dataset",
    }
    row |= {"target": "all", "value": 0.5, "unit": "r2", "ceiling": 0.8, "provenance": "key"}
    who = {key: row[key] for key in ("model", "dataset", "metric", "protocol", "provenance")}
    table, numbers = pd.DataFrame({"listener": ["1", None]}), np.zeros((2, 3))
    whole = Results(
        score_table([row]),
        {"key": {"metric": "rsa", "protocol": {"name": "p"}, "dataset": {"name": "d"}}},
        profiles=(
            Profile(
                **who, unit="r2", groups=table, layers=("a",), scores=numbers, ceiling=numbers[0]
            ),
        ),
        rdms=(RdmDetail(**who, groups=table, brain=numbers, compared=numbers),),
    )
    with tempfile.TemporaryDirectory() as scratch:
        whole.save(scratch)
        said = (Path(scratch) / "results.json").read_bytes()
        files = {}
        for path in Path(scratch).glob("*.safetensors"):
            kind = path.name.partition("-")[0]
            said = said.replace(path.name.encode(), f"@{kind}.safetensors".encode())
            files[f"{kind}.safetensors"] = path.read_bytes()
        run = StudyRun("s", "t", "x", {"m": {"hours": 1}}, {"m": ("heschl",)}, ("one",), (), 1)
        run.save(Path(scratch))
        failed = replace(
            run, failures=(Failure("m", "d", "rsa", "p", "no"),), added=({"folder": "one"},)
        )
        index = (Path(scratch) / "study.json").read_bytes()
        failed.save(Path(scratch))
        other = (Path(scratch) / "study.json").read_bytes()
    said = json.dumps(json.loads(said)).encode()
    least = {"format": 3, "rows": [], "provenance": {}}
    least |= {kind: [] for kind in ("details", "profiles", "rdms", "probes")}
    return {
        "run": joined({"results.json": said} | dict(sorted(files.items()))),
        "study": joined({"results.json": said, "study.json": index}),
        "failed": joined({"study.json": other}),
        "least": joined({"results.json": json.dumps(least).encode()}),
    }


def result_words() -> list[bytes]:
    words = [
        *COLUMNS,
        "format",
        "rows",
        "arrays",
        "@rdmdetail.safetensors",
        "runs",
        "added",
        "failures",
    ]
    return [word.encode() for word in words] + [b"1e999", b"NaN", b"null", b"[]", b"{}", b"=== "]


def archives() -> Seeds:
    plain = {"results.json": b"{}", "a/b.txt": b"x" * 20}
    task = {f"small-v1-full/{name}": one for name, one in hear.FILES.items() if "fold" not in name}
    task["small-v1-full/48000/train/a.wav"] = b"RIFF"
    found = {"plain": _tar(plain), "outside": _tar({"../x": b"1"}), "absolute": _tar({"/x": b"1"})}
    some = ("task_metadata.json", "train.json", "48000/train/a.wav")
    task = {name: one for name, one in task.items() if name.partition("/")[2] in some}
    found["task"] = _tar(task)
    found["pax"] = _tar({"n" * 120 + "/x": b"1"}, format=tarfile.PAX_FORMAT)
    found["gnu"] = _tar({"n" * 120 + "/x": b"1"}, format=tarfile.GNU_FORMAT)
    for name, kind in (
        ("symlink", tarfile.SYMTYPE),
        ("hardlink", tarfile.LNKTYPE),
        ("fifo", tarfile.FIFOTYPE),
    ):
        found[name] = _tar({"x": b""}, type=kind, linkname="../../x")
    return found


def _tar(files: Mapping[str, bytes], *, format: int = tarfile.USTAR_FORMAT, **about: Any) -> bytes:  # noqa: A002
    file = io.BytesIO()
    with tarfile.open(fileobj=file, mode="w", format=format) as archive:
        for name, content in files.items():
            member = tarfile.TarInfo(name)
            member.size = len(content)
            for key, value in about.items():
                setattr(member, key, value)
            archive.addfile(member, io.BytesIO(content))
    whole = file.getvalue()
    return whole.rstrip(b"\0") + bytes(-len(whole.rstrip(b"\0")) % 512 + 1024)


def archive_words() -> list[bytes]:
    return [
        b"ustar\x0000",
        b"ustar  \x00",
        b"GNU.sparse.map=0,1",
        b"path=../x",
        b"size=9",
        b"linkpath=x",
    ]


def stored_entries() -> Seeds:
    parts = {"0": save({"a": np.arange(6.0).reshape(2, 3)}), "1": save({"a": np.ones((1, 3))})}
    manifest = json.dumps({"parts": ["@0", "@1"], "description": {"of": "x"}}).encode()
    entry = Entry(Stamp(1, 2), Stamp(3, 4), ClipFacts("d", 16_000, 5, False))
    with tempfile.TemporaryDirectory() as scratch:
        with ClipIndex(Path(scratch) / "facts.txt") as index:
            index.add("a.wav", entry)
            index.add("b.wav", replace(entry, resampled=None))
        facts = (Path(scratch) / "facts.txt").read_bytes()
    release = {"url": "u", "archive_sha256": None, "files": {"a/b": {"size": 1, "sha256": "s"}}}
    kept = {"path": "a", "size": 1, "sha256": "s", "released": "r"}
    receipt = {"licence": "l", "accepted": True, "files": {"a": kept}}
    return {
        "entry": joined(parts | {"manifest.json": manifest}),
        "one": joined({"0": parts["0"], "manifest.json": b'{"parts":["@0"],"description":{}}'}),
        "lists": joined(
            {
                "release.json": json.dumps(release).encode(),
                "installed.json": json.dumps(receipt).encode(),
                "facts.txt": facts,
            }
        ),
    }


def stored_words() -> list[bytes]:
    words = ["parts", "description", "@0", "@1", "files", "sha256", "size", "released", "licence"]
    return [word.encode() for word in words] + [b"=== 0\n", b'"dtype":"F64"', b'"shape":[2,3]']
