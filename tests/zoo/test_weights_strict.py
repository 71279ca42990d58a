"""Filling a network with a checkpoint, every tensor accounted for."""

from __future__ import annotations

import re

import pytest
import torch
from torch import nn

from heschl.errors import InputError
from heschl.models.weights import load_strict, read_contents

SOURCE = "folder/net.pt"


class Tied(nn.Module):
    """Two layers with one feed-forward module, and a parameter that has two names."""

    def __init__(self):
        super().__init__()
        shared = nn.Linear(3, 3)
        self.layers = nn.ModuleList(nn.ModuleDict({"ff": shared}) for _ in range(2))
        self.first = nn.Linear(3, 3, bias=False)
        self.second = nn.Linear(3, 3, bias=False)
        self.second.weight = self.first.weight

    def forward(self, x):
        for layer in self.layers:
            x = layer["ff"](x)
        return self.second(self.first(x))


def network():
    return nn.Sequential(nn.Conv1d(2, 3, 4), nn.BatchNorm1d(3), nn.LSTM(3, 4, bidirectional=True))


def on_meta(build=network):
    with torch.device("meta"):
        return build()


def state(build=network):
    torch.manual_seed(0)
    return {name: tensor.clone() for name, tensor in build().state_dict().items()}


@pytest.mark.parametrize("build", [network, Tied])
@pytest.mark.parametrize("real", [True, False])
def test_it_computes_what_the_original_does(build, real):
    torch.manual_seed(0)
    original = build().eval()
    filled = build() if real else on_meta(build)
    load_strict(filled, original.state_dict(), source=SOURCE)
    x = torch.randn(3, 3) if build is Tied else None
    for name, tensor in original.state_dict().items():
        found = filled.state_dict()[name]
        assert torch.equal(found, tensor)
        assert found.dtype == tensor.dtype
        assert found.device == torch.device("cpu")
    assert not any(parameter.requires_grad for parameter in filled.parameters())
    if x is not None:
        assert torch.equal(filled(x), original(x))


def test_a_filled_network_runs():
    torch.manual_seed(0)
    original, filled = network().eval(), on_meta().eval()
    load_strict(filled, original.state_dict(), source=SOURCE)
    x = torch.randn(2, 2, 20)
    for i, (one, other) in enumerate(zip(original, filled, strict=True)):
        if i == 2:
            x = x.transpose(1, 2)
            assert torch.equal(other(x)[0], one(x)[0])
        else:
            assert torch.equal(other(x), one(x))
            x = one(x)


def test_nothing_is_copied_from_a_mapped_file(tmp_path):
    torch.save(state(), tmp_path / "net.pt")
    tensors = read_contents(tmp_path / "net.pt").state()
    filled = on_meta()
    load_strict(filled, tensors, source=tmp_path / "net.pt")
    for name, tensor in filled.state_dict().items():
        assert tensor.data_ptr() == tensors[name].data_ptr()


@pytest.mark.parametrize("dtype", [torch.float16, torch.bfloat16, torch.float64])
def test_other_precisions_become_float32(dtype):
    tensors = {n: t.to(dtype) if t.is_floating_point() else t for n, t in state().items()}
    filled = on_meta()
    load_strict(filled, tensors, source=SOURCE)
    for name, tensor in filled.state_dict().items():
        expected = torch.int64 if name.endswith("num_batches_tracked") else torch.float32
        assert tensor.dtype == expected
        assert torch.equal(tensor, tensors[name].to(expected))


def test_integers_take_the_type_of_the_network():
    tensors = state() | {"1.num_batches_tracked": torch.tensor(7, dtype=torch.int32)}
    filled = on_meta()
    load_strict(filled, tensors, source=SOURCE)
    assert filled[1].num_batches_tracked.dtype == torch.int64
    assert int(filled[1].num_batches_tracked) == 7


def test_views_become_plain():
    tensors = state()
    tensors["0.weight"] = tensors["0.weight"].transpose(0, 2).contiguous().transpose(0, 2)
    tensors["0.bias"] = torch.tensor([2.0]).expand(3)
    filled = on_meta()
    load_strict(filled, tensors, source=SOURCE)
    assert torch.equal(filled[0].weight, tensors["0.weight"])
    assert all(tensor.is_contiguous() for tensor in filled.state_dict().values())


def refused(tensors, said, *, build=network, unused=(), filled=None):
    filled = on_meta(build) if filled is None else filled
    with pytest.raises(InputError, match=re.escape(said)) as caught:
        load_strict(filled, tensors, source=SOURCE, unused=unused)
    assert str(caught.value).startswith(f"{SOURCE}: ")
    return filled


def test_missing_tensors_are_named():
    tensors = state()
    del tensors["1.running_var"]
    refused(tensors, "1 tensor (1.running_var) is missing of 15; expected")
    refused({}, "15 tensors (0.weight, 0.bias, 1.weight and 12 more) are missing")


def test_unexpected_tensors_are_named():
    tensors = state() | {"head.weight": torch.ones(2), "head.bias": torch.ones(2)}
    refused(tensors, "2 tensors (head.weight, head.bias) are not expected beside the 15")
    refused(tensors, "1 tensor (head.bias) is not expected", unused=[r"head\.weight"])
    refused(tensors, "2 tensors", unused=["head"])  # of the whole name
    refused(state() | {"0.weight_": torch.ones(2)}, "(0.weight_)", unused=["weight_", "0"])
    load_strict(on_meta(), tensors, source=SOURCE, unused=[r"head\..*"])


def test_what_is_unused_is_not_looked_at():
    odd = torch.tensor([float("nan")])
    load_strict(on_meta(), state() | {"x": odd}, source=SOURCE, unused=["x"])


def test_what_the_network_needs_is_never_unused():
    tensors = state()
    del tensors["0.bias"]
    refused(tensors, "(0.bias) is missing", unused=[".*"])


@pytest.mark.parametrize("shape", [(4,), (3, 1), (), (0,)])
def test_other_shapes_are_named(shape):
    tensors = state() | {"0.bias": torch.zeros(shape)}
    refused(tensors, f"tensor 0.bias has shape {shape}; expected (3,)")


def test_a_giant_view_is_refused_by_its_shape():
    giant = torch.zeros(1).expand(1 << 40)
    refused(state() | {"0.bias": giant}, f"has shape ({1 << 40},); expected (3,)")


@pytest.mark.parametrize("value", [float("nan"), float("inf"), -float("inf")])
@pytest.mark.parametrize("dtype", [torch.float32, torch.float16, torch.bfloat16, torch.float64])
def test_values_that_are_not_finite_are_named(value, dtype):
    tensors = state()
    tensors["2.weight_hh_l0_reverse"] = tensors["2.weight_hh_l0_reverse"].to(dtype)
    tensors["2.weight_hh_l0_reverse"][3, 2] = value
    n = tensors["2.weight_hh_l0_reverse"].numel()
    refused(tensors, f"tensor 2.weight_hh_l0_reverse has 1 values of {n} that are nan or infinite")


def test_what_does_not_fit_in_float32_is_not_finite():
    tensors = state() | {"0.bias": torch.tensor([1e300, 0, 0], dtype=torch.float64)}
    refused(tensors, "tensor 0.bias has 1 values of 3 that are nan or infinite")


@pytest.mark.parametrize("dtype", [torch.int64, torch.bool, torch.complex64, torch.float8_e4m3fn])
def test_other_kinds_of_numbers_are_named(dtype):
    kind = str(dtype).removeprefix("torch.")
    tensors = state() | {"0.bias": torch.zeros(3).to(dtype)}
    refused(tensors, f"tensor 0.bias has numbers of type {kind}; expected one of float16")


def test_a_count_that_is_no_integer():
    tensors = state() | {"1.num_batches_tracked": torch.tensor(7.0)}
    refused(tensors, "1.num_batches_tracked has numbers of type float32; expected integers")


def test_a_network_is_as_it_was_after_an_error():
    torch.manual_seed(1)
    filled = network()
    before = {name: tensor.clone() for name, tensor in filled.state_dict().items()}
    tensors = state()
    tensors["2.bias_hh_l0"][0] = float("nan")
    refused(tensors, "2.bias_hh_l0", filled=filled)
    for name, tensor in filled.state_dict().items():
        assert torch.equal(tensor, before[name])
    assert all(parameter.requires_grad for parameter in filled.parameters())


# shared tensors


@pytest.mark.parametrize("zipped", [True, False])
@pytest.mark.parametrize("half", [True, False])
def test_shared_tensors_stay_shared(tmp_path, zipped, half):
    torch.manual_seed(0)
    original = Tied().half() if half else Tied()
    path = tmp_path / "tied.pt"
    torch.save(original.state_dict(), path, _use_new_zipfile_serialization=zipped)
    filled = on_meta(Tied)
    load_strict(filled, read_contents(path).state(), source=path)
    assert filled.layers[0]["ff"] is filled.layers[1]["ff"]
    assert filled.first.weight is filled.second.weight
    assert len(list(filled.parameters())) == 3


def test_equal_copies_of_a_shared_tensor_will_do():
    filled = on_meta(Tied)
    load_strict(filled, state(Tied), source=SOURCE)
    assert filled.first.weight is filled.second.weight


def test_different_values_of_a_shared_tensor_are_named():
    tensors = state(Tied)
    tensors["second.weight"] += 1
    refused(tensors, "tensors first.weight and second.weight differ; expected the", build=Tied)
    tensors = state(Tied)
    tensors["layers.1.ff.bias"] += 1
    refused(tensors, "tensors layers.0.ff.bias and layers.1.ff.bias differ", build=Tied)


def test_one_tensor_of_the_file_under_names_that_the_network_does_not_share():
    shared = torch.randn(3, 3)
    filled = on_meta(lambda: nn.Sequential(nn.Linear(3, 3, False), nn.Linear(3, 3, False)))
    load_strict(filled, {"0.weight": shared, "1.weight": shared}, source=SOURCE)
    assert filled[0].weight is not filled[1].weight
    assert torch.equal(filled[0].weight, filled[1].weight)


# what must not stay on the meta device


class WithTable(nn.Module):
    def __init__(self):
        super().__init__()
        self.linear = nn.Linear(2, 2)
        self.register_buffer("table", torch.ones(3), persistent=False)


def test_a_table_that_the_state_does_not_list():
    tensors = {name: torch.ones(t.shape) for name, t in on_meta(WithTable).state_dict().items()}
    refused(tensors, "1 tensor (table) is without values, because the state", build=WithTable)
