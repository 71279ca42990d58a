"""Reading checkpoints: torch's own reader and safetensors' are the reference."""

from __future__ import annotations

import argparse
import collections
import os
import pickle
import re
import shutil
import subprocess
import sys
import zipfile
from pathlib import Path

import numpy as np
import pytest
import torch
from safetensors.torch import save_file
from torch import nn

from heschl.errors import InputError
from heschl.models.weights import find_file, read_contents

FORMATS = pytest.mark.parametrize("zipped", [True, False], ids=["archive", "stream"])
DTYPES = [
    torch.float16,
    torch.bfloat16,
    torch.float32,
    torch.float64,
    torch.uint8,
    torch.int8,
    torch.int16,
    torch.int32,
    torch.int64,
    torch.bool,
    torch.complex64,
    torch.uint16,
    torch.uint32,
    torch.float8_e4m3fn,
]


@pytest.fixture
def path(tmp_path):
    return tmp_path / "checkpoint.pt"


def save(content, path, zipped=True, **options):
    torch.save(content, path, _use_new_zipfile_serialization=zipped, **options)
    return path


def check_state(found, expected):
    assert list(found) == list(expected)
    for name, tensor in expected.items():
        assert found[name].dtype == tensor.dtype, name
        assert found[name].shape == tensor.shape, name
        one, other = (t.detach().reshape(-1).view(torch.uint8) for t in (found[name], tensor))
        assert torch.equal(one, other), name


@FORMATS
def test_every_type_of_numbers(path, zipped):
    torch.manual_seed(0)
    tensors = {str(dtype): (50 * torch.randn(3, 5)).to(dtype) for dtype in DTYPES}
    save(tensors, path, zipped)
    check_state(read_contents(path).state(), tensors)


@FORMATS
def test_views_parameters_and_shapes(path, zipped):
    torch.manual_seed(0)
    base = torch.randn(6, 7, 8)
    tensors = {
        "base": base,
        "transposed": base.transpose(0, 2),
        "part": base[1:4, ::2, 3],
        "row": base[2, 1],
        "one": base[3, 3, 3],
        "none": base[:0],
        "expanded": torch.randn(1, 4).expand(3, 4),
        "parameter": nn.Parameter(torch.randn(3)),
        "buffer": nn.Buffer(torch.arange(3)),
        "scalar": torch.tensor(5),
        "channels": torch.randn(2, 3, 4, 5).to(memory_format=torch.channels_last),
    }
    save(tensors, path, zipped)
    found = read_contents(path).state()
    check_state(found, tensors)
    check_state(found, torch.load(path, weights_only=True))
    assert found["transposed"].data_ptr() == found["base"].data_ptr()
    assert not found["parameter"].requires_grad


@FORMATS
def test_a_module_state_with_batch_norm(path, zipped):
    network = nn.Sequential(nn.Conv1d(2, 3, 4), nn.BatchNorm1d(3), nn.LSTM(3, 4, 2))
    save({"model": network.state_dict(), "epoch": 7}, path, zipped)
    contents = read_contents(path)
    check_state(contents.state("model"), network.state_dict())
    assert contents.state("model")["1.num_batches_tracked"].dtype == torch.int64
    assert contents.values == {"model": {}, "epoch": 7}


@FORMATS
@pytest.mark.parametrize("protocol", [2, 3, 4, 5])
def test_plain_values(path, zipped, protocol):
    values = {
        "text": "a\nb é",
        "numbers": [1, 2.5, True, None, -(2**63), 2**100],
        "tuple": (1, (2, 3)),
        "nested": {"a": {"b": [{}]}},
        "labels": {0: "/m/1", 1: "/m/2"},
        "pairs": {(1, 2): 3},
        "__odd__": float("inf"),
        "raw": b"\0\xff",
        "counts": collections.Counter("aab"),
        "default": collections.defaultdict(list, {"x": [1]}),
        "ordered": collections.OrderedDict(z=1, a=2),
        "shape": torch.Size([2, 3]),
        "device": torch.device("cpu"),
        "dtype": torch.float32,
        "numpy": np.float64(2.5),
        "integer": np.int32(-3),
        "set": {3, 1, 2},
    }
    save(values | {"weight": torch.ones(2)}, path, zipped, pickle_protocol=protocol)
    found = read_contents(path).values
    same = ("text", "numbers", "nested", "labels", "pairs", "__odd__", "raw", "counts", "default")
    for key in (*same, "ordered", "numpy", "integer"):
        assert found[key] == values[key], key
    assert list(found["ordered"]) == ["z", "a"]
    assert found["tuple"] == [1, [2, 3]]
    assert found["shape"] == [2, 3]
    assert found["device"] == "cpu"
    assert found["dtype"] == "torch.float32"
    assert sorted(found["set"]) == [1, 2, 3]
    assert list(found) == list(values)


def test_the_way_to_a_state(path):
    save({"encoder": {"deep": {"w": torch.ones(2)}}, "step": 3, "empty": {}}, path)
    contents = read_contents(path)
    assert list(contents.state("encoder", "deep")) == ["w"]
    for keys, said in [
        ((), "no tensor in the file; there is encoder, step, empty"),
        (("model",), "no 'model' in the file; there is encoder, step, empty"),
        (("encoder",), "no tensor in its 'encoder'; there is deep"),
        (("encoder", "x"), "no 'x' in its 'encoder'; there is deep"),
        (("encoder", "deep", "w"), "no tensor in its 'encoder' / 'deep' / 'w'; there is a tensor"),
        (("step",), "no tensor in its 'step'; there is a int"),
        (("empty",), "no tensor in its 'empty'; there is nothing"),
    ]:
        with pytest.raises(InputError, match=re.escape(f"{path}: {said}")):
            contents.state(*keys)


def test_many_names_are_not_all_shown(path):
    save({f"w{i}": torch.ones(1) for i in range(20)}, path)
    with pytest.raises(InputError, match="w0, w1, w2, w3, w4 and 15 more"):
        read_contents(path).state("model")


def test_plain_safetensors(path):
    tensors = {"a.b": torch.randn(3, 2), "half": torch.randn(4).half(), "n": torch.tensor(3)}
    save_file(tensors, path, metadata={"format": "pt"})
    contents = read_contents(path)
    found = contents.state()
    assert sorted(found) == sorted(tensors)
    check_state({name: found[name] for name in tensors}, tensors)
    assert contents.values == {"format": "pt"}


def test_tensors_are_mapped_and_not_copied(path):
    """A change of the file before a page is touched shows that it was not read yet."""
    save({"w": torch.zeros(1 << 20)}, path)
    tensor = read_contents(path).state()["w"]
    maps = Path("/proc/self/maps").read_text() if sys.platform == "linux" else str(path)
    assert str(path) in maps
    tensor[0] = 3.0  # a private copy of the page: the file stays
    assert read_contents(path).state()["w"][0] == 0


def test_streams_are_aligned(path):
    """Before 1.6, storages begin anywhere in the file; torch wants numbers aligned."""
    for n in range(8):
        save({"x" * n: 1, "w": torch.arange(5.0), "v": torch.arange(3)}, path, zipped=False)
        found = read_contents(path).state()
        assert found["w"].tolist() == [0, 1, 2, 3, 4]
        assert found["v"].data_ptr() % 8 == 0


def test_a_name_of_the_archive_is_free(path):
    save({"w": torch.ones(2)}, path)
    with zipfile.ZipFile(path) as old, zipfile.ZipFile(path.with_suffix(".zip"), "w") as new:
        for info in old.infolist():
            renamed = "epoch=3-step=7 é.ckpt/" + info.filename.split("/", 1)[1]
            new.writestr(renamed, old.read(info))
    assert read_contents(path.with_suffix(".zip")).state()["w"].tolist() == [1, 1]


def test_without_checksums(path):
    """torch can be told not to compute them, and then writes 0."""
    try:
        torch.serialization.set_crc32_options(False)
        save({"w": torch.ones(2)}, path)
    finally:
        torch.serialization.set_crc32_options(True)
    assert read_contents(path).state()["w"].tolist() == [1, 1]


class Callback:
    pass


@FORMATS
@pytest.mark.parametrize(
    ("what", "name"),
    [
        (argparse.Namespace(a=1), "argparse.Namespace"),
        (os.system, f"{(os.name == 'nt' and 'nt') or 'posix'}.system"),
        (Callback(), "test_weights_contents.Callback"),
        (nn.Linear(2, 2), "torch.nn.modules.linear.Linear"),
        (np.arange(3), "numpy._core.multiarray._reconstruct"),
    ],
)
def test_other_objects_are_refused_and_named(path, zipped, what, name):
    save({"w": torch.ones(2), "x": what}, path, zipped)
    said = re.escape(f"{path}: wants {name}, but a checkpoint is read without running it. Run ")
    with pytest.raises(InputError, match=f"{said}`heschl convert {re.escape(str(path))}`"):
        read_contents(path)


def test_what_is_no_checkpoint(tmp_path):
    for name, content, said in [
        ("empty", b"", "is empty; expected a safetensors file or a checkpoint"),
        ("page", b"<!DOCTYPE html><html>", "begins with b'<!DOCTYP'"),
        ("text", b"version https://git-lfs", "begins with b'version '"),
        ("gzip", b"\x1f\x8b\x08\x00" + bytes(30), "begins with"),
    ]:
        (tmp_path / name).write_bytes(content)
        with pytest.raises(InputError, match=re.escape(f"{tmp_path / name}: {said}")):
            read_contents(tmp_path / name)
    for path in (tmp_path / "missing.pt", tmp_path):
        with pytest.raises(InputError, match=r"cannot be read .*; expected a checkpoint"):
            read_contents(path)


def test_other_archives_and_pickles(path):
    with zipfile.ZipFile(path, "w") as zipped:
        zipped.writestr("word/document.xml", "<x/>")
    with pytest.raises(InputError, match=r"an archive with 0 members data\.pkl"):
        read_contents(path)
    path.write_bytes(pickle.dumps({"a": 1}, 4))
    with pytest.raises(InputError, match="is a pickle, but no checkpoint of torch"):
        read_contents(path)


def test_torchscript_is_refused(path):
    with zipfile.ZipFile(path, "w") as zipped:
        for name in ("data.pkl", "constants.pkl", "code/__torch__.py"):
            zipped.writestr(f"net/{name}", b"\x80\x02}.")
    with pytest.raises(InputError, match="TorchScript archive, which holds code"):
        read_contents(path)


def test_big_endian_is_refused(path):
    save({"w": torch.ones(2)}, path)
    with zipfile.ZipFile(path) as old, zipfile.ZipFile(path.with_suffix(".zip"), "w") as new:
        for info in old.infolist():
            is_order = info.filename.endswith("byteorder")
            new.writestr(info.filename, b"big" if is_order else old.read(info))
    with pytest.raises(InputError, match="big-endian"):
        read_contents(path.with_suffix(".zip"))


@FORMATS
def test_every_truncation_is_refused(path, zipped, tmp_path):
    save({"model": {"w": torch.randn(40), "v": torch.arange(30)}, "n": 3}, path, zipped)
    content = path.read_bytes()
    cut = tmp_path / "cut.pt"
    for n_bytes in [*range(0, len(content), 13), len(content) - 1]:
        cut.write_bytes(content[:n_bytes])
        with pytest.raises(InputError, match=r"cut\.pt: .*; (fetch it again|expected a )"):
            read_contents(cut).state("model")


def test_every_truncation_of_safetensors_is_refused(path, tmp_path):
    save_file({"w": torch.randn(40), "v": torch.arange(30)}, path)
    content = path.read_bytes()
    cut = tmp_path / "cut.safetensors"
    for n_bytes in [*range(0, len(content), 11), len(content) - 1]:
        cut.write_bytes(content[:n_bytes])
        with pytest.raises(InputError, match=r"cut\.safetensors: "):
            read_contents(cut)


def test_a_damaged_storage_is_refused(path):
    save({"w": torch.zeros(1000), "v": torch.ones(1000)}, path)
    content = bytearray(path.read_bytes())
    place = content.find(bytes(2000))
    content[place + 1000] ^= 1
    path.write_bytes(content)
    with pytest.raises(InputError, match=r"the checksum of storage \d is another one; fetch it"):
        read_contents(path).state()


def test_a_file_that_is_cut_meanwhile(path):
    save({"w": torch.zeros(10000)}, path)
    contents = read_contents(path)
    path.write_bytes(path.read_bytes()[:500])
    with pytest.raises(InputError, match="cut short"):
        contents.state()


def test_the_package_does_not_import_torch():
    code = "import sys, heschl.models.weights; print({'torch', 'transformers'} & set(sys.modules))"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "set()"


# finding files


def test_find_file(tmp_path):
    name = "nets/a/5_checkpoint.pt"
    nested = tmp_path / name
    nested.parent.mkdir(parents=True)
    nested.touch()
    assert find_file(tmp_path, name) == nested
    assert find_file(nested, name) == nested
    assert find_file(nested, "another name") == nested
    converted = nested.with_suffix(".safetensors")
    converted.touch()
    assert find_file(tmp_path, name) == converted
    flat = tmp_path / "flat"
    flat.mkdir()
    shutil.copy(nested, flat)
    assert find_file(flat, name) == flat / "5_checkpoint.pt"
    assert find_file(str(flat), name) == flat / "5_checkpoint.pt"


def test_find_file_keeps_the_dots_of_a_name(tmp_path):
    path = tmp_path / "model.ckpt-500000.safetensors"
    path.touch()
    assert find_file(tmp_path, "model.ckpt-500000.pt") == path


def test_a_file_that_is_not_there(tmp_path):
    with pytest.raises(InputError, match=r"no w\.pt in it, only nothing; expected the released"):
        find_file(tmp_path, "w.pt")
    for letter in "abcdefg":
        (tmp_path / letter).touch()
    with pytest.raises(InputError, match=r"no w\.pt in it, only a, b, c, d, e, \.\.\.; expected"):
        find_file(tmp_path, "w.pt")
    with pytest.raises(InputError, match="cannot be read"):
        find_file(tmp_path / "missing", "w.pt")
