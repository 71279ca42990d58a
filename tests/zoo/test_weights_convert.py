"""Converting checkpoints of dill, OmegaConf and such: torch's own readers are the reference."""

from __future__ import annotations

import argparse
import collections
import dataclasses
import enum
import json
import re
import resource
import shutil
import subprocess
import sys
import types

import dill
import numpy as np
import pytest
import torch
from omegaconf import OmegaConf
from safetensors import safe_open
from safetensors.torch import load_file
from torch import nn

from heschl import store
from heschl.errors import InputError, StoreError, UsageError
from heschl.models.weights import convert, read_contents
from heschl.models.weights.conversion import original_of

FORMATS = pytest.mark.parametrize("zipped", [True, False], ids=["archive", "stream"])


class Net(nn.Module):
    """As CochDNN's: the trunk has two names."""

    def __init__(self):
        super().__init__()
        self.model = nn.Sequential(nn.Linear(3, 4), nn.BatchNorm1d(4))
        self.attacker = nn.ModuleDict({"model": self.model})


@pytest.fixture
def path(tmp_path):
    return tmp_path / "5_checkpoint.pt"


def trained(net):
    optimizer = torch.optim.SGD(net.parameters(), lr=0.1, momentum=0.9)
    net.model(torch.randn(5, 3)).sum().backward()
    optimizer.step()
    return optimizer


def warmup(net):
    """As a scheduler that holds the optimizer, with its weights as keys, a function, and itself."""
    space = {"__name__": "not_importable"}
    exec("def decay(epoch):\n    return 0.5**epoch", space)
    weights = list(net.parameters())
    made = types.SimpleNamespace(decay=space["decay"], weights=weights, last_epoch=2)
    made.state = {weights[0]: {"momentum_buffer": torch.ones(2)}}
    made.me = made
    return made


def save_dill(path, zipped):
    """A checkpoint as `robustness` writes it."""
    torch.manual_seed(0)
    net = Net()
    optimizer = trained(net)
    content = {
        "model": {f"module.{name}": tensor for name, tensor in net.state_dict().items()},
        "optimizer": optimizer.state_dict(),
        "schedule": {"after": warmup(net), "last_epoch": 3},
        "epoch": 5,
    }
    torch.save(content, path, pickle_module=dill, _use_new_zipfile_serialization=zipped)
    return content


def same(found, expected):
    assert list(found) == list(expected)
    for name, tensor in expected.items():
        assert found[name].dtype == tensor.dtype
        assert torch.equal(found[name], tensor), name


@FORMATS
def test_dill(path, zipped):
    content = save_dill(path, zipped)
    with pytest.raises(InputError, match=r"wants [\w.]+, but .* `heschl convert"):
        read_contents(path)
    result = convert(path)
    assert result == path.with_suffix(".safetensors")
    contents = read_contents(result)
    same(contents.state("model"), content["model"])
    assert contents.values["epoch"] == 5
    assert contents.values["schedule"]["last_epoch"] == 3
    after = contents.values["schedule"]["after"]
    assert after["__class__"] == "types.SimpleNamespace"
    assert after["last_epoch"] == 2
    assert after["decay"]["__class__"] == "dill._dill._create_function"
    assert after["me"] == {"__left_out__": "holds itself"}
    assert contents.values["optimizer"]["param_groups"][0]["lr"] == 0.1
    momentum = content["optimizer"]["state"][0]["momentum_buffer"]
    (found,) = contents.state("optimizer", "state", 0).values()
    assert torch.equal(found, momentum)
    assert read_contents(result).state("model")["module.model.0.weight"].tolist()


@FORMATS
def test_two_names_of_one_tensor_are_written_once(path, zipped):
    content = save_dill(path, zipped)
    result = convert(path, keep=("model",))
    assert sum(one.numel() for one in load_file(result).values()) == 12 + 4 + 4 * 4 + 1
    found = read_contents(result).state("model")
    same(found, content["model"])
    pair = [found[f"module.{way}model.0.weight"].data_ptr() for way in ("", "attacker.")]
    assert pair[0] == pair[1]


@FORMATS
def test_what_is_not_kept_is_left_out(path, zipped):
    save_dill(path, zipped)
    contents = read_contents(convert(path, keep=("model",)))
    assert set(contents.values) == {"model", "epoch"}
    with pytest.raises(InputError, match="no 'optimizer' in the file"):
        contents.state("optimizer")
    with pytest.raises(InputError, match=r"has no 'net', only model, optimizer, schedule, epoch"):
        convert(path, path.with_suffix(".other"), keep=("net",))


class Window(enum.Enum):
    HAMMING = "hamming"


@dataclasses.dataclass
class Spectrogram:
    sample_rate: int = 16000
    window_size: float = 0.02
    window: Window = Window.HAMMING


@FORMATS
def test_lightning_with_omegaconf_and_data_classes(path, zipped):
    """As DeepSpeech2's: configurations of OmegaConf and of a package that is not installed."""
    torch.manual_seed(0)
    gone = types.ModuleType("deepspeech_gone")
    gone.Spectrogram, gone.Window = Spectrogram, Window
    before = Spectrogram.__module__
    sys.modules["deepspeech_gone"] = gone
    Spectrogram.__module__ = Window.__module__ = "deepspeech_gone"
    state = nn.LSTM(2, 3, bidirectional=True).state_dict()
    config = OmegaConf.create({"model": {"hidden": {"size": 1024}, "layers": [5, 6]}, "name": "x"})
    content = {
        "epoch": 10,
        "state_dict": state,
        "hyper_parameters": {"spect_cfg": Spectrogram(), "cfg": config, "labels": ["_", "A"]},
        "callbacks": {argparse.Namespace: {"best": torch.tensor(1.5)}},
        "lr_schedulers": [{"milestones": collections.Counter([3, 3])}],
    }
    try:
        torch.save(content, path, _use_new_zipfile_serialization=zipped)
    finally:
        del sys.modules["deepspeech_gone"]
        Spectrogram.__module__ = Window.__module__ = before
    with pytest.raises(InputError, match=r"wants deepspeech_gone\.Spectrogram"):
        read_contents(path)
    contents = read_contents(convert(path))
    same(contents.state("state_dict"), state)
    found = contents.values["hyper_parameters"]
    assert found["labels"] == ["_", "A"]
    assert found["spect_cfg"] == {
        "__class__": "deepspeech_gone.Spectrogram",
        "sample_rate": 16000,
        "window_size": 0.02,
        "window": {"__class__": "deepspeech_gone.Window", "__args__": ["hamming"]},
    }
    assert found["cfg"]["__class__"] == "omegaconf.dictconfig.DictConfig"
    text = json.dumps(found["cfg"])
    for value in ("1024", '"hidden"', '"size"', "5", "6", '"x"'):
        assert value in text
    assert contents.values["lr_schedulers"] == [{"milestones": {3: 2}}]


@FORMATS
def test_everything_plain_comes_back_as_without_conversion(path, zipped):
    torch.manual_seed(0)
    base = torch.randn(5, 6)
    content = {
        "model": {
            "a": base,
            "transposed": base.t(),
            "part": base[1:3, ::2],
            "expanded": torch.ones(1, 3).expand(2, 3),
            "none": base[:0],
            "scalar": torch.tensor(3),
            "half": base.half(),
            "bf": base.bfloat16(),
            "bytes": torch.arange(7, dtype=torch.uint8),
            "yes": base > 0,
            "short": torch.tensor([1, 2, 65535], dtype=torch.uint16),
            "complex": torch.randn(3, dtype=torch.complex64),
            "signal/word_int~x": base + 1,
            "__metadata__": base + 2,
        },
        "__metadata__": torch.ones(3),
        "list": [torch.ones(1), 2, {"x": torch.zeros(2)}],
        "": {"": torch.ones(4)},
        "labels": {0: "a", (1, 2): "b"},
        "__tensor__": "model/a",
        "__items__": [[1, 2]],
        "numbers": [float("inf"), -0.0, 2**80, -(2**70), True, None],
        "raw": b"\0\xff",
        "text": "\ud800 é\u2028",
    }
    torch.save(content, path, _use_new_zipfile_serialization=zipped)
    before, after = read_contents(path), read_contents(convert(path))
    assert before.values == after.values
    assert list(before.values) == list(after.values)
    for contents in (before, after):
        same(contents.state("model"), content["model"])
        same(contents.state(""), content[""])
        assert contents.state()["__metadata__"].tolist() == [1, 1, 1]
    # whole, by the readers of safetensors: nothing overlaps, everything is contiguous
    tensors = load_file(path.with_suffix(".safetensors"))
    assert torch.equal(tensors["model/transposed"], base.t())
    assert torch.equal(tensors["model/signal~1word_int~0x"], base + 1)
    assert {name for name in tensors if "metadata" in name} == {
        "__metadata__~~2",
        "model/__metadata__",
    }


def test_keys_that_differ_only_by_type(path):
    content = {1: torch.ones(2), "1": torch.zeros(2), 1.5: torch.full((2,), 3.0)}
    torch.save({"x": content}, path)
    tensors = load_file(convert(path))
    assert sorted(one[0].item() for one in tensors.values()) == [0, 1, 3]


def test_a_whole_module(path):
    """A pickled module is a record; its tensors can be read from the safetensors file itself."""
    net = nn.Sequential(nn.Linear(2, 3))
    torch.save(net, path)
    tensors = load_file(convert(path))
    assert len(tensors) == 2
    assert any(torch.equal(one, net[0].weight) for one in tensors.values())


def test_provenance(path):
    torch.save({"w": torch.ones(2)}, path)
    result = convert(path)
    expected = {
        "name": "5_checkpoint.pt",
        "sha256": store.file_sha256(path),
        "size": path.stat().st_size,
    }
    assert original_of(result) == expected
    assert original_of(path) is None
    with safe_open(result, framework="np") as file:
        assert json.loads(file.metadata()["heschl"])["original"] == expected


def test_the_same_bytes_every_time(path, tmp_path):
    save_dill(path, True)
    one, other = (convert(path, tmp_path / name) for name in ("a.safetensors", "b.safetensors"))
    assert one.read_bytes() == other.read_bytes()


def test_large_views_are_written_in_pieces(path, monkeypatch):
    monkeypatch.setattr("heschl.models.weights.streaming._CHUNK", 64)
    base = torch.randn(9, 10, 11)
    content = {"t": base.transpose(0, 2), "p": base[:, 2:5], "r": base[0, :, 0]}
    torch.save(content, path)
    same(read_contents(convert(path)).state(), content)


def test_an_existing_file_is_not_overwritten(path, tmp_path):
    torch.save({"w": torch.ones(2)}, path)
    path.with_suffix(".safetensors").write_bytes(b"mine")
    with pytest.raises(UsageError, match=r"is there already; remove it, or .* -o OUT"):
        convert(path)
    assert path.with_suffix(".safetensors").read_bytes() == b"mine"
    result = convert(path, tmp_path / "deep" / "er" / "out.safetensors")
    assert read_contents(result).state()["w"].tolist() == [1, 1]


def test_what_cannot_be_converted(path, tmp_path):
    target = tmp_path / "out.safetensors"

    def refused(said):
        with pytest.raises(InputError, match=said):
            convert(path, target)
        assert not target.exists()
        assert [one for one in tmp_path.iterdir() if one != path] == []

    refused(r"5_checkpoint\.pt: cannot be read")
    path.write_bytes(b"")
    refused("is empty; expected")
    path.write_bytes(b"<html>")
    refused("begins with b'<html>'")
    torch.save({"epoch": 3}, path)
    refused("holds no tensors; nothing was written")
    torch.save({"w": torch.ones(2, dtype=torch.complex128)}, path)
    refused("tensor w has numbers of type complex128; nothing")
    from safetensors.torch import save_file

    save_file({"w": torch.ones(2)}, path)
    refused("is a safetensors file; there is nothing to convert")


@FORMATS
def test_every_truncation_is_refused(path, zipped, tmp_path):
    save_dill(path, zipped)
    content = path.read_bytes()
    cut = tmp_path / "cut.pt"
    for n_bytes in [*range(16, len(content), 97), len(content) - 1]:
        cut.write_bytes(content[:n_bytes])
        with pytest.raises(InputError, match=r"cut\.pt: .*; nothing was written"):
            convert(cut)
    assert {one.name for one in tmp_path.iterdir()} == {"cut.pt", path.name}


def test_a_damaged_storage_is_refused(path, tmp_path):
    torch.save({"w": torch.zeros(1000)}, path)
    content = bytearray(path.read_bytes())
    content[content.find(bytes(2000)) + 1000] ^= 1
    path.write_bytes(content)
    with pytest.raises(InputError, match="checksum of storage 0 is another one"):
        convert(path)
    assert list(tmp_path.iterdir()) == [path]


def test_no_space(path, monkeypatch):
    torch.save({"w": torch.zeros(1000)}, path)
    usage = shutil.disk_usage(path.parent)
    monkeypatch.setattr(shutil, "disk_usage", lambda _: usage._replace(free=3000))
    with pytest.raises(StoreError, match=r"0\.0 MB are needed and 0\.0 MB are free\. Free"):
        convert(path)
    monkeypatch.undo()

    def full(*_):
        raise OSError(28, "No space left on device")

    monkeypatch.setattr("heschl.models.weights.streaming.write", full)
    with pytest.raises(StoreError, match="No space left on device"):
        convert(path)
    assert list(path.parent.iterdir()) == [path]


def test_long_arrays_of_numpy_are_left_out(path):
    """Protocol 2 writes their bytes as a text, to be encoded."""
    torch.save({"w": torch.ones(1), "x": np.zeros(3_000_000), "raw": bytes(1_000_001)}, path)
    contents = read_contents(convert(path))
    assert contents.state()["w"].tolist() == [1]
    assert contents.values["raw"] == {"__left_out__": "1000001 bytes"}
    assert {"__left_out__": "24000000 bytes"} in contents.values["x"]["__state__"]


def test_foreign_metadata_of_numpy(path):
    torch.save({"w": torch.ones(1), "mean": np.arange(3.0), "n": np.float32(2)}, path)
    values = read_contents(convert(path)).values
    assert values["n"] == 2
    assert values["mean"]["__class__"].endswith("multiarray._reconstruct")


MEMORY = """
import resource, sys
from pathlib import Path
from heschl.models.weights import convert
before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
convert(Path(sys.argv[1]))
print(resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before, "torch" in sys.modules)
"""


@pytest.mark.skipif(not hasattr(resource, "getrusage"), reason="no resource usage")
@FORMATS
def test_memory_is_that_of_the_file_at_most(path, zipped):
    n = 30_000_000  # 120 MB
    torch.save(
        {"w": torch.zeros(n // 2), "t": torch.zeros(2, n // 4).t()},
        path,
        _use_new_zipfile_serialization=zipped,
    )
    command = [sys.executable, "-c", MEMORY, str(path)]
    done = subprocess.run(command, capture_output=True, text=True, check=True)
    kilobytes, has_torch = done.stdout.split()
    assert int(kilobytes) * 1024 < 1.2 * path.stat().st_size + 60_000_000
    assert has_torch == "False"


def test_names_in_messages_are_short(path):
    torch.save({"x" * 3000: torch.ones(2, dtype=torch.complex128)}, path)
    with pytest.raises(InputError, match=re.escape("tensor " + "x" * 100 + "... has numbers")):
        convert(path)
