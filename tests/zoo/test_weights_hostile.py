"""Checkpoints that mean harm: whatever they hold, nothing of them runs and memory stays small."""

from __future__ import annotations

import json
import os
import pickle
import re
import struct
import subprocess
import sys
from contextlib import suppress

import hostile_files as files
import hostile_pickles as pickles
import numpy as np
import pytest
import torch

from checkpoint_files import archive, call, name, state, storage, stream, tensor, text
from heschl.errors import InputError
from heschl.models.weights import convert, read_contents
from heschl.pickles import Record

#: A refusal or a conversion that takes ever longer ends here; each takes a moment.
pytestmark = pytest.mark.timeout(120)

ZIPPED = pytest.mark.parametrize("zipped", [True, False], ids=["archive", "stream"])


@pytest.fixture
def path(tmp_path):
    return tmp_path / "checkpoint.pt"


@pytest.fixture
def canary(tmp_path):
    """A file that is there only if something ran."""
    return tmp_path / "canary"


def read(path):
    """All of a checkpoint."""
    contents = read_contents(path)
    return contents.values, contents.state()


def refused(function, path, said=None):
    """The error names the file, is short, comes soon, and leaves nothing."""
    before = set(path.parent.iterdir())
    with pytest.raises(InputError, match=said) as caught:
        function(path)
    message = str(caught.value)
    assert str(path) in message
    assert len(message.replace(str(path), "")) < 500
    assert "\n" not in message
    assert set(path.parent.iterdir()) == before


def refused_by_all(path, content, said=None):
    """By reading and by converting."""
    path.write_bytes(content)
    refused(read, path, said)
    refused(convert, path, said)


def written(content, zipped, **options):
    return (archive if zipped else stream)(content, **options)


# what would run


@pytest.mark.skipif(os.name == "nt", reason="commands of POSIX")
@pytest.mark.parametrize("label", pickles.RUNNING)
def test_the_attacks_are_real(canary, label):
    """Python's own reader runs every one of them."""
    with suppress(TypeError, AttributeError):  # what it returned was of no use
        opened = pickle.loads(b"\x80\x04" + pickles.RUNNING[label](canary) + b".")
        getattr(opened, "close", int)()
    assert canary.exists()


@ZIPPED
@pytest.mark.parametrize("label", pickles.RUNNING | pickles.OTHER)
def test_nothing_of_a_pickle_is_run(path, canary, label, zipped):
    attack = (pickles.RUNNING | pickles.OTHER)[label](canary)
    path.write_bytes(written(state(w=tensor(), x=attack), zipped))
    refused(read, path, r"wants [\w.]+, but a checkpoint is read without running it")
    kept = read_contents(convert(path))  # of an object, what it was made of is noted
    assert kept.state()["w"].tolist() == [1, 2, 3, 4]
    assert "x" in kept.values
    path.with_suffix(".safetensors").unlink()
    none = {} if zipped else {"storages": {}}
    path.write_bytes(written(state(x=attack), zipped, **none))
    refused(convert, path, "holds no tensors")
    assert not canary.exists()


@ZIPPED
@pytest.mark.parametrize("label", pickles.TORCH)
def test_what_torch_rebuilds(path, canary, label, zipped):
    content = state(w=pickles.TORCH[label](canary), v=tensor())
    path.write_bytes(written(content, zipped))
    refused(read, path)
    with suppress(InputError):  # if it is no tensor, it is noted as an object
        kept = read_contents(convert(path))
        assert kept.state()["v"].tolist() == [1, 2, 3, 4]
        assert set(kept.state()) | set(kept.values) == {"v", "w"}
    assert not canary.exists()


@ZIPPED
def test_attributes_of_classes_stay(path, zipped):
    """BUILD with a pair sets attributes, here of torch's own class."""
    before = torch.nn.Module.forward
    setting = b"N}" + text("forward") + name("os", "system") + b"s\x86b"
    content = state(w=tensor(), x=name("torch.nn", "Module") + setting)
    refused_by_all(path, written(content, zipped), r"cut short or damaged|wants torch\.nn\.Module")
    assert torch.nn.Module.forward is before
    assert not hasattr(Record, "forward")


@ZIPPED
@pytest.mark.parametrize("origin", pickles.NAMES, ids=range(len(pickles.NAMES)))
def test_odd_names(path, origin, zipped):
    looked_up = text(origin[0]) + text(origin[1]) + b"\x93)R"
    path.write_bytes(written(state(w=tensor(), x=looked_up), zipped))
    refused(read, path, "wants ")
    kept = read_contents(convert(path)).values["x"]
    assert kept == {"__class__": ".".join(origin)}


@ZIPPED
@pytest.mark.parametrize("opcode", pickles.OPCODES)
def test_opcodes_that_no_checkpoint_needs(path, opcode, zipped):
    content = state(w=tensor(), x=pickles.OPCODES[opcode])
    refused_by_all(path, written(content, zipped), f"uses the opcode {opcode}")


# sizes, places and depths that lie


@ZIPPED
@pytest.mark.parametrize("label", pickles.VIEWS)
def test_views_outside_of_their_storage(path, label, zipped):
    content = state(w=tensor(**pickles.VIEWS[label]))
    refused_by_all(path, written(content, zipped), "has a tensor ")


@ZIPPED
@pytest.mark.parametrize("label", pickles.ARGUMENTS)
def test_tensors_of_other_arguments(path, label, zipped):
    made = call(name("torch._utils", "_rebuild_tensor_v2"), *pickles.ARGUMENTS[label])
    refused_by_all(path, written(state(w=made), zipped), "has a tensor |cut short or damaged")


@ZIPPED
@pytest.mark.parametrize("label", pickles.STORAGES)
def test_storages_that_lie(path, label, zipped):
    content = state(w=tensor(pickles.STORAGES[label]))
    refused_by_all(path, written(content, zipped), "storage|identifier")


@ZIPPED
def test_one_storage_with_two_sizes(path, zipped):
    content = state(w=tensor(), v=tensor(storage(kind=("torch", "ByteStorage"))))
    refused_by_all(path, written(content, zipped), "has a storage '0' of 4 bytes and of 16")


@ZIPPED
def test_views_that_would_fill_the_disk(path, zipped):
    """Of 65,536 values over one, a thousand times: 262 MB out of a file of 200 kB."""
    views = {f"w{i}": tensor(shape=(65_536 - i,), strides=(0,)) for i in range(1000)}
    path.write_bytes(written(state(**views), zipped))
    refused(convert, path, r"has \d+ bytes, but tensors of \d+, over each other")
    assert read_contents(path).state()["w0"].shape == (65_536,)  # read, they take nothing


@pytest.mark.parametrize("label", pickles.DEPTHS)
def test_depths_and_lengths(path, label):
    content = state(x=pickles.DEPTHS[label], w=tensor()).replace(b"\x80\x02", b"\x80\x05", 1)
    path.write_bytes(archive(content))
    refused(lambda one: read_contents(one).values, path)
    path.write_bytes(stream(content))
    refused(convert, path)


def test_records_of_great_depth(path):
    """They only tell what there was: of their depth, the first levels are kept."""
    deep = name("a", "b") * 30_000 + b"N" + b"\x85R" * 30_000
    path.write_bytes(archive(state(w=tensor(), x=deep)))
    refused(read, path, r"wants a\.b")
    assert json.dumps(read_contents(convert(path)).values).count("a.b") == 21


def test_many_tensors_under_one_name(path):
    """To find names for them must not take ever longer."""
    shapes = ((1,), (2,), (3,), (4,), (2, 1), (2, 2), (1, 2), (3, 1), (1, 3), (1, 1))
    entries = b"".join(
        name("a", f"b{i}")
        + tensor(storage(str(i)), shape=shapes[i % 10], strides=(1,) * len(shapes[i % 10]))
        for i in range(3000)
    )
    storages = {str(i): struct.pack("<4f", i, i, i, i) for i in range(3000)}
    path.write_bytes(archive(state(x=b"}(" + entries + b"u"), storages))
    convert(path)


# archives and streams


@pytest.mark.parametrize("label", files.ARCHIVES)
def test_archives(path, label):
    content, said = files.ARCHIVES[label]
    refused_by_all(path, content, said)


@pytest.mark.parametrize("label", files.STREAMS)
def test_streams(path, label):
    refused_by_all(path, stream(files.CONTENT, **files.STREAMS[label]))


def test_what_they_were_made_of_is_good(path):
    for content in (
        files.GOOD,
        files.zip64(16, files.HEADER),
        stream(files.CONTENT),
        files.safetensors({"w": files.described()}, struct.pack("<4f", 1, 2, 3, 4)),
    ):
        path.write_bytes(content)
        assert read_contents(path).state()["w"].tolist() == [1, 2, 3, 4]


@ZIPPED
def test_names_of_any_script_and_keys_that_are_there_twice(path, zipped):
    """As in Python's own reader, the last one counts; texts need not be ASCII."""
    keys = ["é", "重み", "\U0001f50a", "a\x00b", "line\nbreak", "../up", "x" * 5000]
    entries = b"".join(text(key) + tensor(offset=i % 4, shape=(1,)) for i, key in enumerate(keys))
    content = b"\x80\x02}(" + text("é") + tensor() + entries + b"u."
    path.write_bytes(written(content, zipped))
    for contents in (read_contents(path), read_contents(convert(path))):
        found = contents.state()
        assert list(found) == keys
        assert found["é"].tolist() == [1.0]


# files of safetensors


@pytest.mark.parametrize("label", files.SAFETENSORS)
def test_files_of_safetensors(path, label):
    path.write_bytes(files.SAFETENSORS[label])
    refused(read, path, "no whole safetensors file")
    refused(convert, path, "there is nothing to convert")


@pytest.mark.parametrize("label", files.METADATA)
def test_metadata_that_are_not_those_of_heschl(path, label):
    header = {"__metadata__": {"heschl": files.METADATA[label]}, "w": files.described()}
    path.write_bytes(files.safetensors(header))
    refused(read, path, r"its metadata are not those of heschl \(.*convert the original")


# memory

MEASURE = """
import resource, sys
from pathlib import Path
import torch
from heschl.errors import InputError
from heschl.models.weights import convert, read_contents

def peak():
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss

for path in map(Path, sys.argv[1:]):
    before = peak()
    for function in (lambda one: read_contents(one).state(), convert):
        try:
            function(path)
        except InputError:
            continue
        raise SystemExit(f"{path} was not refused")
    print(path.stem, (peak() - before) // 1024)
"""


@pytest.mark.skipif(sys.platform != "linux", reason="memory is measured as on Linux")
def test_memory(tmp_path):
    """Of the heaviest of them, and of files that are larger than any memory."""
    for label in ("a billion lists", "three million opcodes", "bytes of 2**60 bytes"):
        content = state(w=tensor(), x=pickles.DEPTHS[label]).replace(b"\x80\x02", b"\x80\x05", 1)
        (tmp_path / f"{label}.pt").write_bytes(archive(content))
    for label in ("a bomb", "a member of 2**64 bytes"):
        (tmp_path / f"{label}.pt").write_bytes(files.ARCHIVES[label][0])
    for label, head in [
        ("a line", b"\x80\x02V"),
        ("a long text", b"\x80\x02X\xff\xff\xff\xff"),
        ("a long header", struct.pack("<Q", 1 << 39) + b"{"),
        ("no archive", b"PK\x03\x04"),
    ]:
        files.sparse(tmp_path / f"{label}.pt", 1 << 40, head)
    files.large_pickle(tmp_path / "a pickle of 3 GB.pt", 3 << 30)
    paths = sorted(tmp_path.glob("*.pt"))
    command = [sys.executable, "-c", MEASURE, *map(str, paths)]
    done = subprocess.run(command, capture_output=True, text=True, check=True, timeout=120)
    grown = {line.rpartition(" ")[0]: int(line.split()[-1]) for line in done.stdout.splitlines()}
    assert set(grown) == {path.stem for path in paths}
    assert max(grown.values()) < 400, grown  # MB


@ZIPPED
def test_random_damage(path, zipped):
    """Whatever bytes are altered: an error that names the file, or a checkpoint to be read."""
    torch.manual_seed(0)
    net = torch.nn.Sequential(torch.nn.Linear(3, 4), torch.nn.BatchNorm1d(4))
    content = {"model": net.state_dict(), "epoch": 3, "names": ["a", "b"]}
    torch.save(content, path, _use_new_zipfile_serialization=zipped)
    good = path.read_bytes()
    rng = np.random.default_rng(0)
    messages = []
    for _ in range(300):
        damaged = bytearray(good)
        for place in rng.integers(0, len(good), rng.integers(1, 4)):
            damaged[place] = rng.integers(0, 256)
        path.write_bytes(damaged)
        try:
            read_contents(path).state("model")
        except InputError as error:
            messages.append(str(error))
    assert len(messages) > 50
    assert all(re.search(re.escape(str(path)), message) for message in messages)
