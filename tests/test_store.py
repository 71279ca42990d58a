"""The store: what is written is whole or not there, and what is damaged is noticed."""

from __future__ import annotations

import hashlib
import json
import os
import stat
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from heschl import store
from heschl.errors import DamagedEntryError, StoreError
from heschl.store import MANIFEST, ArrayEntry

# keys

leaves = st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False) | st.text()
leaves = leaves.filter(lambda x: x not in (float("inf"), float("-inf")))
contents = st.recursive(
    leaves,
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(), inner, max_size=4),
    max_leaves=12,
)
descriptions = st.dictionaries(st.text(), contents, max_size=6)


def reordered(content):
    """The same content, every mapping written the other way round."""
    if isinstance(content, dict):
        return {key: reordered(content[key]) for key in reversed(list(content))}
    return [reordered(x) for x in content] if isinstance(content, list) else content


@settings(max_examples=60, deadline=None)
@given(description=descriptions)
def test_a_key_does_not_depend_on_the_order_of_keys(description):
    assert store.content_key(description) == store.content_key(reordered(description))


@settings(max_examples=60, deadline=None)
@given(description=descriptions, key=st.text())
def test_a_key_changes_when_anything_is_added_taken_away_or_wrapped(description, key):
    others = [description | {name: [description.get(name)]} for name in {*description, key}]
    others += [
        {name: value for name, value in description.items() if name != gone} for gone in description
    ]
    assert store.content_key(description) not in {store.content_key(other) for other in others}


def test_a_key_changes_with_every_part_of_a_description():
    base = {"model": "m", "level": 0.1, "sounds": ["a", "b"], "nested": {"x": None}}
    changed = [
        base | {"model": "M"},
        base | {"level": 0.1 + 2**-56},
        base | {"level": "0.1"},
        base | {"sounds": ["b", "a"]},
        base | {"sounds": ["a", "b", "b"]},
        base | {"sounds": ["ab"]},
        base | {"nested": {"x": 0}},
        base | {"nested": {"x": False}},
        base | {"more": None},
        {key: value for key, value in base.items() if key != "nested"},
    ]
    assert len({store.content_key(d) for d in [base, *changed]}) == len(changed) + 1


def test_a_key_is_thirty_two_digits_of_sha256():
    text = '{"a":[1,2.5],"b":"\\u00e4"}'
    expected = hashlib.sha256(text.encode()).hexdigest()[:32]
    assert store.content_key({"b": "ä", "a": [1, 2.5]}) == expected


@pytest.mark.parametrize("value", [float("nan"), float("inf"), {1, 2}, Path("x")])
def test_a_description_that_json_cannot_hold_has_no_key(value):
    with pytest.raises((ValueError, TypeError)):
        store.content_key({"x": value})


# where things are


def test_home_is_read_at_every_call(monkeypatch, tmp_path):
    monkeypatch.setenv("HESCHL_HOME", str(tmp_path / "one"))
    assert store.home() == tmp_path / "one"
    monkeypatch.setenv("HESCHL_HOME", str(tmp_path / "two"))
    assert store.home() == tmp_path / "two"
    monkeypatch.setenv("HESCHL_HOME", "~/three")
    assert store.home() == Path.home() / "three"


def test_without_a_choice_home_is_the_cache_of_the_user(monkeypatch, tmp_path):
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path))
    for value in (None, ""):
        if value is None:
            monkeypatch.delenv("HESCHL_HOME")
        else:
            monkeypatch.setenv("HESCHL_HOME", value)
        found = store.home()
        assert found.name == "heschl"
        if sys.platform == "linux":
            assert found == tmp_path / "heschl"


# atomic writing


def names(folder):
    return sorted(path.name for path in folder.rglob("*"))


def test_a_file_appears_only_when_it_is_whole(tmp_path):
    seen = []

    def write(path):
        path.write_text("half")
        seen.append((tmp_path / "x.txt").exists())
        path.write_text("whole")

    path = store.write_atomic(tmp_path, "x.txt", write)
    assert seen == [False]
    assert path == tmp_path / "x.txt"
    assert path.read_text() == "whole"
    assert names(tmp_path) == ["x.txt"]


def test_a_name_may_come_from_the_content(tmp_path):
    path = store.write_atomic(
        tmp_path / "new" / "deep",
        lambda file: file.read_text() + ".txt",
        lambda p: p.write_text("a"),
    )
    assert path == tmp_path / "new" / "deep" / "a.txt"


@pytest.mark.parametrize("error", [RuntimeError("no"), KeyboardInterrupt(), SystemExit(1)])
def test_a_writer_that_fails_leaves_nothing(tmp_path, error):
    (tmp_path / "x.txt").write_text("before")

    def write(path):
        path.write_text("half")
        raise error

    with pytest.raises(type(error)):
        store.write_atomic(tmp_path, "x.txt", write)
    assert names(tmp_path) == ["x.txt"]
    assert (tmp_path / "x.txt").read_text() == "before"


def test_a_failed_write_is_a_store_error_and_leaves_nothing(tmp_path):
    def write(path):
        path.write_text("half")
        raise OSError(28, "No space left on device")

    with pytest.raises(StoreError, match=r"cannot write .*: No space left on device\. Free some"):
        store.write_atomic(tmp_path, "x.txt", write)
    assert names(tmp_path) == []


def test_a_name_that_fails_leaves_nothing(tmp_path):
    def name(_):
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        store.write_atomic(tmp_path, name, lambda path: path.write_text("x"))
    assert names(tmp_path) == []


@pytest.mark.skipif(os.name != "posix", reason="permissions of POSIX")
@pytest.mark.parametrize("umask", [0o022, 0o077, 0o002])
def test_files_may_be_read_by_those_whom_the_user_lets(tmp_path, umask):
    before = os.umask(umask)
    try:
        store.write_arrays(tmp_path, "a", {"x": np.zeros(3)})
        store.write_json(tmp_path / "b", {})
        store.write_npz(tmp_path / "c.npz", {"x": np.zeros(3)})
    finally:
        os.umask(before)
    for path in tmp_path.iterdir():
        assert stat.S_IMODE(path.stat().st_mode) == 0o666 & ~umask, path.name


def test_a_file_in_the_way_of_a_folder(tmp_path):
    (tmp_path / "home").write_text("a file")
    for call in (store.make_folder, store.check_writable):
        with pytest.raises(StoreError, match=r"cannot write .*home"):
            call(tmp_path / "home" / "activations")


def test_check_writable_leaves_an_empty_folder(tmp_path):
    store.check_writable(tmp_path / "new" / "deep")
    assert names(tmp_path) == ["deep", "new"]


def test_json_is_written_with_keys_in_order_and_without_nan(tmp_path):
    store.write_json(tmp_path / "x.json", {"b": [1, None], "a": "ä"})
    text = (tmp_path / "x.json").read_text(encoding="utf-8")
    assert json.loads(text) == {"a": "ä", "b": [1, None]}
    assert text.index('"b"') < text.index('"a"')
    with pytest.raises(ValueError, match="nan"):
        store.write_json(tmp_path / "y.json", {"x": float("nan")})
    assert names(tmp_path) == ["x.json"]


# arrays


def various():
    rng = np.random.default_rng(0)
    return {
        "float32": rng.standard_normal((4, 3)).astype(np.float32),
        "float64": rng.standard_normal((2, 3, 4)).transpose(2, 0, 1),  # not contiguous
        "int64": rng.integers(-(2**62), 2**62, 7),
        "bool": np.array([True, False]),
        "nan": np.array([np.nan, np.inf, -0.0]),
        "empty": np.zeros((0, 5)),
        "block.1/conv: ä": np.ones(1),
    }


def assert_same_arrays(found, expected):
    assert sorted(found) == sorted(expected)
    for name, array in expected.items():
        assert found[name].dtype == array.dtype, name
        assert found[name].shape == array.shape, name
        assert found[name].tobytes() == np.ascontiguousarray(array).tobytes(), name


def test_arrays_are_read_as_they_were_written(tmp_path):
    path = store.write_arrays(tmp_path, "x.safetensors", various())
    assert_same_arrays(store.read_arrays(path), various())


def test_npz_is_read_by_numpy_as_it_was_written(tmp_path):
    """Also under names that are arguments of numpy.savez."""
    arrays = various() | {"file": np.arange(3), "allow_pickle": np.arange(2), "arr_0": np.ones(1)}
    store.write_npz(tmp_path / "x.npz", arrays)
    with np.load(tmp_path / "x.npz", allow_pickle=False) as found:
        assert_same_arrays(dict(found), arrays)
    assert names(tmp_path) == ["x.npz"]


def test_npz_refuses_objects_and_leaves_nothing(tmp_path):
    with pytest.raises(ValueError, match="allow_pickle"):
        store.write_npz(tmp_path / "x.npz", {"a": np.ones(2), "b": np.array([{}, None])})
    assert names(tmp_path) == []


@pytest.mark.parametrize("damage", [lambda _: b"", lambda c: c[:-1], lambda c: b"\xff" * 8 + c[8:]])
def test_a_damaged_file_of_arrays_is_refused(tmp_path, damage):
    path = store.write_arrays(tmp_path, "x.safetensors", various())
    path.write_bytes(damage(path.read_bytes()))
    with pytest.raises(DamagedEntryError, match=r"x\.safetensors: cannot be read"):
        store.read_arrays(path)


def test_a_missing_file_of_arrays_is_refused(tmp_path):
    with pytest.raises(DamagedEntryError, match="cannot be read"):
        store.read_arrays(tmp_path / "x.safetensors")


# entries

N_PARTS = 3


def part(index):
    rng = np.random.default_rng(index)
    n = 4 if index < N_PARTS - 1 else 2
    return {
        "conv": rng.standard_normal((n, 6)).astype(np.float32),
        "fc": rng.standard_normal((n, 1)).astype(np.float32),
    }


def whole(name):
    return np.concatenate([part(i)[name] for i in range(N_PARTS)])


@pytest.fixture
def entry(tmp_path):
    """A complete entry of three parts, the last one shorter."""
    made = ArrayEntry(tmp_path / "key")
    for index in (2, 0, 1):  # in whatever order
        made.write_part(index, part(index))
    made.commit(N_PARTS, {"model": "m", "n": 3})
    return made


def files(entry):
    return sorted(entry.folder.glob("*.safetensors"))


def flip(path, place=-5):
    content = bytearray(path.read_bytes())
    content[place] ^= 1
    path.write_bytes(content)


def test_an_entry_is_read_as_it_was_written(entry):
    assert entry.complete
    arrays = entry.open()
    assert arrays.description == {"model": "m", "n": 3}
    assert len(arrays) == 2
    assert_same_arrays(dict(arrays), {"conv": whole("conv"), "fc": whole("fc")})
    with pytest.raises(KeyError, match="nothing"):
        arrays["nothing"]


def test_a_part_carries_its_checksum_in_its_name(entry):
    for index, path in enumerate(files(entry)):
        digest = hashlib.sha256(path.read_bytes()).hexdigest()
        assert path.name == f"{index:06d}-{digest}.safetensors"
    assert names(entry.folder) == sorted([MANIFEST, *(p.name for p in files(entry))])


def test_one_part_is_enough(tmp_path):
    one = ArrayEntry(tmp_path / "key")
    one.write_part(0, part(0))
    one.commit(1, {})
    assert_same_arrays(dict(one.open()), part(0))


def test_an_entry_is_not_complete_before_it_is_committed(tmp_path):
    fresh = ArrayEntry(tmp_path / "key")
    assert not fresh.complete
    assert fresh.whole_parts() == {}
    fresh.write_part(1, part(1))
    assert not fresh.complete
    assert list(fresh.whole_parts()) == [1]
    with pytest.raises(DamagedEntryError, match="unreadable manifest"):
        fresh.open()


def test_an_interrupted_entry_goes_on(tmp_path):
    first = ArrayEntry(tmp_path / "key")
    first.write_part(0, part(0))
    first.write_part(1, part(1))
    (first.folder / ".0123456789abcdef.tmp").write_bytes(b"half a part")  # killed while writing
    kept = {path.name: path.stat().st_mtime_ns for path in files(first)}
    second = ArrayEntry(tmp_path / "key")
    assert sorted(second.whole_parts()) == [0, 1]
    second.write_part(2, part(2))
    second.commit(N_PARTS, {})
    assert_same_arrays(dict(second.open()), {"conv": whole("conv"), "fc": whole("fc")})
    after = {path.name: path.stat().st_mtime_ns for path in files(second)}
    assert kept.items() < after.items()


@pytest.mark.parametrize("present", [[], [0], [0, 2], [1, 2], [0, 1, 2, 3]])
def test_a_commit_with_other_parts_is_refused(tmp_path, present):
    made = ArrayEntry(tmp_path / "key")
    for index in present:
        made.write_part(index, part(index))
    with pytest.raises(StoreError, match=rf"{len(present)} of 3 parts are there"):
        made.commit(N_PARTS, {})
    assert not made.complete


def test_a_commit_with_a_damaged_part_is_refused(tmp_path):
    made = ArrayEntry(tmp_path / "key")
    for index in range(N_PARTS):
        made.write_part(index, part(index))
    flip(files(made)[1])
    with pytest.raises(StoreError, match="2 of 3 parts are there"):
        made.commit(N_PARTS, {})
    assert not made.complete
    assert sorted(made.whole_parts()) == [0, 2]


@pytest.mark.parametrize("index", range(N_PARTS))
@pytest.mark.parametrize("place", [0, 20, -1])
def test_one_flipped_bit_is_noticed(entry, index, place):
    flip(files(entry)[index], place)
    with pytest.raises(DamagedEntryError, match=f"{index:06d}-.*missing or altered"):
        entry.open()
    assert sorted(entry.whole_parts()) == [i for i in range(N_PARTS) if i != index]
    assert len(files(entry)) == N_PARTS - 1  # the damaged one is gone


def test_a_part_cut_short_or_gone_is_noticed(entry):
    second = files(entry)[1]
    content = second.read_bytes()
    second.write_bytes(content[:-10])
    with pytest.raises(DamagedEntryError, match=r"000001-.*missing or altered"):
        entry.open()
    second.unlink()
    with pytest.raises(DamagedEntryError, match=r"000001-.*missing or altered"):
        entry.open()
    second.write_bytes(content)
    assert len(entry.open()["conv"]) == 10


@pytest.mark.parametrize(
    "manifest",
    [
        b"",
        b"{",
        b"[]",
        b"{}",
        b'{"parts": []}',
        b'{"parts": [], "description": {}}',
        b'{"parts": null, "description": {}}',
        b'{"parts": ["000000-0.safetensors"], "description": 3}',
        b'{"parts": ["000000-0.safetensors"], "description": {}}',
        b"\xff\xfe\x00",
    ],
)
def test_a_damaged_manifest_is_noticed(entry, manifest):
    (entry.folder / MANIFEST).write_bytes(manifest)
    with pytest.raises(DamagedEntryError, match=r"manifest|missing"):
        entry.open()


def test_reopened_it_keeps_its_whole_parts(entry):
    flip(files(entry)[0])
    entry.reopen()
    assert not entry.complete
    assert sorted(entry.whole_parts()) == [1, 2]
    entry.write_part(0, part(0))
    entry.commit(N_PARTS, {})
    assert_same_arrays(dict(entry.open()), {"conv": whole("conv"), "fc": whole("fc")})
    entry.reopen()
    entry.reopen()  # nothing to do is no error
    assert not entry.complete


def test_arrays_are_read_when_they_are_asked_for(entry, monkeypatch):
    """Opening reads no array; asking for one reads that one, in every part, each time."""
    read = []
    real = store.safe_open

    class Spy:
        def __init__(self, path, framework):
            self.file = real(path, framework=framework)

        def __enter__(self):
            self.file = self.file.__enter__()
            return self

        def __exit__(self, *error):
            return self.file.__exit__(*error)

        def keys(self):
            return self.file.keys()

        def get_tensor(self, name):
            read.append(name)
            return self.file.get_tensor(name)

    monkeypatch.setattr(store, "safe_open", Spy)
    arrays = entry.open()
    assert list(arrays) == ["conv", "fc"]
    assert "conv" in arrays
    assert "nothing" not in arrays
    assert len(arrays) == 2
    assert read == []
    np.testing.assert_array_equal(arrays["fc"], whole("fc"))
    assert read == ["fc"] * N_PARTS


WRITER = """
import sys, time
import numpy as np
from pathlib import Path
from heschl.store import ArrayEntry

entry = ArrayEntry(Path(sys.argv[1]))
print("ready", flush=True)
sys.stdin.readline()
for round in range(20):
    done = entry.whole_parts()
    for index in range(6):
        if index in done and round:
            continue
        rng = np.random.default_rng(index)
        entry.write_part(index, {"a": rng.standard_normal((50, 40)), "b": rng.random((50, 3))})
    entry.commit(6, {"round": round})
    stored = entry.open()
    assert stored["a"].shape == (300, 40)
print("done", flush=True)
"""


def test_two_processes_write_one_entry_at_once(tmp_path):
    environment = os.environ | {"PYTHONPATH": os.pathsep.join(sys.path)}
    writers = [
        subprocess.Popen(
            [sys.executable, "-c", WRITER, str(tmp_path / "key")],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
            env=environment,
        )
        for _ in range(2)
    ]
    for writer in writers:
        assert writer.stdout.readline() == "ready\n"
    for writer in writers:
        writer.stdin.write("go\n")
        writer.stdin.flush()
    for writer in writers:
        out, error = writer.communicate(timeout=60)
        assert (out, error, writer.returncode) == ("done\n", "", 0)
    entry = ArrayEntry(tmp_path / "key")
    arrays = entry.open()
    expected = [np.random.default_rng(i).standard_normal((50, 40)) for i in range(6)]
    np.testing.assert_array_equal(arrays["a"], np.concatenate(expected))
    assert len(names(entry.folder)) == 7  # six parts, one manifest, nothing temporary
