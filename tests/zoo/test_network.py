"""Torch networks as models: what is recorded, averaged, cut, estimated and known."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from torch import nn

import heschl
from heschl.errors import InputError, UnknownNameError, UsageError
from heschl.models.network import Layer, NetworkModel, weights_sha256

RATE = 1000


class Stack(nn.Module):
    """Frames of ten samples, two linear layers, an in-place rectifier, a state without time."""

    def __init__(self) -> None:
        super().__init__()
        self.first = nn.Linear(10, 4)
        self.relu = nn.ReLU(inplace=True)
        self.second = nn.Linear(4, 3)
        self.state = nn.LSTM(3, 2, batch_first=True, bidirectional=True)
        self.unused = nn.Linear(3, 3)
        self.n_calls = 0

    def forward(self, x):
        x = self.second(self.relu(self.first(x)))
        out = self.state(x)
        self.n_calls += 1
        return out


class Framed(NetworkModel):
    def inputs(self, waveforms):
        return waveforms.reshape(len(waveforms), -1, 10)


def frames(output):
    return output.transpose(1, 2)


def last_cell(output):
    cells = output[1][1]  # (2, n_sounds, 2): forward, backward
    return cells.permute(1, 0, 2).flatten(1)[..., None]


def make(**options):
    torch.manual_seed(0)
    layers = {
        "first": Layer("first", frames, published="Linear(10, 4)--0"),
        "relu": Layer("relu", frames),
        "second": Layer("second", frames, extra=True),
        "cell": Layer("state", last_cell, pooling="final cell state, both directions"),
    }
    architecture = {"model": "framed", "version": 1}
    return Framed(
        name="framed",
        network=Stack(),
        sample_rate=RATE,
        layers=layers,
        architecture=architecture,
        **options,
    )


def noise(n=3, n_samples=200, seed=0):
    return np.random.default_rng(seed).standard_normal((n, n_samples)).astype(np.float32)


def by_hand(model, x):
    """The layers in numpy, (n_sounds, n_features, n_frames)."""
    state = {
        key: value.numpy().astype(np.float64) for key, value in model.network.state_dict().items()
    }
    framed = x.reshape(len(x), -1, 10).astype(np.float64)
    first = framed @ state["first.weight"].T + state["first.bias"]
    relu = np.maximum(first, 0)
    second = relu @ state["second.weight"].T + state["second.bias"]
    return {
        name: a.swapaxes(1, 2) for name, a in (("first", first), ("relu", relu), ("second", second))
    }


def test_layers_and_extra_layers_in_order():
    model = make()
    assert model.layers == ("first", "relu", "cell")
    assert model.extra_layers == ("second",)
    assert model.every_layer() == ("first", "relu", "second", "cell")
    assert model.choose(None) == model.layers
    assert model.choose(["cell", "second"]) == ("second", "cell")
    assert model.choose(["Linear(10, 4)--0"]) == ("first",)
    with pytest.raises(
        UnknownNameError, match=r"layer of framed 'frist'.*first, relu, second, cell"
    ):
        model.choose(["frist"])
    assert model.pooling("cell") == "final cell state, both directions"


def test_frames_are_those_of_a_plain_computation():
    model, x = make(), noise()
    out = model(x, model.every_layer())
    for layer, expected in by_hand(model, x).items():
        np.testing.assert_allclose(out[layer], expected, atol=1e-6)
    _, (_, cells) = model.network.state(
        model.network.second.forward(
            torch.from_numpy(by_hand(model, x)["relu"].swapaxes(1, 2)).float()
        )
    )
    np.testing.assert_allclose(out["cell"][..., 0], np.hstack(cells.detach().numpy()), atol=1e-6)


def test_what_is_changed_in_place_afterwards_was_recorded_before():
    """The rectifier overwrites what the first layer put out."""
    out = make()(noise())
    assert out["first"].min() < 0 <= out["relu"].min()
    vectors = make().vectors(noise())
    assert not np.allclose(vectors["first"], vectors["relu"])


def test_vectors_are_means_over_frames_in_double_precision():
    model, x = make(), noise()
    x[:, :10] += 1e4  # a frame beside which the others vanish in single precision
    x[:, 10:20] -= 1e4
    vectors = model.vectors(x, model.every_layer())
    whole = model(x, model.every_layer())
    for layer, found in vectors.items():
        assert found.dtype == np.float32
        exact = whole[layer].astype(np.float64).mean(axis=-1)
        np.testing.assert_allclose(found, exact, rtol=1e-6)


def test_the_pass_ends_after_the_last_layer_asked_for():
    model = make()
    model(noise(), ["first", "relu"])
    assert model.network.n_calls == 0
    model(noise())
    assert model.network.n_calls == 0  # the state is the last module, the call does not return
    assert not any(module._forward_hooks for module in model.network.modules())


def test_no_layers_no_pass():
    assert make().vectors(noise(), []) == {}


def test_each_sound_is_as_if_alone():
    model, x = make(), noise(5)
    together = model.vectors(x, model.every_layer())
    for i in range(len(x)):
        for layer, alone in model.vectors(x[i], model.every_layer()).items():
            np.testing.assert_allclose(together[layer][i], alone[0], atol=1e-6)


def test_long_clips_are_cut_and_their_frames_put_together():
    x = noise(n_samples=250)
    whole = make()(x, ["first", "second"])
    model = make(chunk_samples=100)
    cut = model(x, ["first", "second"])
    for layer in whole:
        np.testing.assert_allclose(cut[layer], whole[layer], atol=1e-6)
        vectors = model.vectors(x, [layer])[layer]
        np.testing.assert_allclose(vectors, whole[layer].mean(axis=-1), atol=1e-6)
    states = [model.vectors(part, ["cell"])["cell"] for part in np.split(x, [100, 200], axis=1)]
    np.testing.assert_allclose(
        model.vectors(x, ["cell"])["cell"], np.mean(states, axis=0), atol=1e-6
    )


def test_a_small_rest_is_left_out():
    x = noise(n_samples=230)
    model = make(chunk_samples=100, smallest_chunk=40)
    np.testing.assert_array_equal(model(x)["first"], model(x[:, :200])["first"])
    np.testing.assert_array_equal(model(x[:, :30])["first"].shape, (3, 4, 3))  # unless it is all


def test_the_level_is_set_before_the_front_end():
    model, x = make(level=0.1), noise()
    quiet = x - x.mean(axis=1, keepdims=True)
    quiet *= 0.1 / np.sqrt((quiet.astype(np.float64) ** 2).mean(axis=1, keepdims=True))
    np.testing.assert_allclose(model.vectors(x)["first"], make().vectors(quiet)["first"], atol=1e-6)


def test_the_identity_follows_every_weight_and_the_cutting():
    model = make()
    before = model.identity()
    assert make().identity() == before
    assert make(chunk_samples=50).identity() != before
    with torch.no_grad():
        model.network.unused.bias[2] += 1e-6
    assert model.identity() != before


def test_the_hash_covers_names_shapes_and_types():
    one, other = nn.Linear(2, 3), nn.Linear(3, 2)
    with torch.no_grad():
        for module in (one, other):
            module.weight.zero_()
            module.bias.zero_()
    hashes = {weights_sha256(one), weights_sha256(other), weights_sha256(nn.Sequential(one))}
    hashes.add(weights_sha256(nn.Linear(2, 3, dtype=torch.float16).requires_grad_(False).half()))
    assert len(hashes) == 4
    with pytest.raises(InputError, match="'bias' has no values"):
        weights_sha256(nn.Linear(2, 3, device="meta"))


def test_shapes_without_values():
    expected = {"first": (4, 20), "relu": (4, 20), "second": (3, 20), "cell": (4, 1)}
    model = make()
    assert model.shapes(200) == expected
    model.network.to("meta")
    assert model.shapes(200) == expected
    assert model.n_parameters() == sum(p.numel() for p in Stack().parameters())


def test_a_layer_that_is_not_reached_or_has_no_rows_is_refused():
    model = make()
    model._sites["unused"] = Layer("unused", frames)
    with pytest.raises(
        InputError, match="framed, layer 'unused' was not reached: 'unused' is no part"
    ):
        model(noise())
    model = make()
    model._sites["first"] = Layer("first", lambda output: output.flatten(0, 1)[..., None])
    with pytest.raises(InputError, match=r"'first': shape \(60, 4, 1\) for 3 sounds"):
        model.vectors(noise())
    model._sites["first"] = Layer("first", lambda output: output[:, :, :0])
    with pytest.raises(InputError, match="at least one frame"):
        model.vectors(noise())


def test_devices():
    model = make()
    assert model.to("cpu") is model
    assert model.device == "cpu"
    with pytest.raises(UsageError, match=r"device 'gpu'.*expected a device that torch has here"):
        model.to("gpu")
    if not torch.cuda.is_available():
        with pytest.raises(UsageError, match="device 'cuda'"):
            model.to("cuda")
    assert model.device == "cpu"
    with pytest.raises(UsageError, match="cochleagram cannot run on device 'cuda'"):
        heschl.load_model("cochleagram", device="cuda")


@pytest.mark.gpu
def test_a_gpu_gives_the_numbers_of_the_cpu():
    if not torch.cuda.is_available():
        pytest.skip("needs a CUDA device")
    x = noise()
    expected = make().vectors(x)
    found = make().to("cuda").vectors(x)
    for layer in expected:
        np.testing.assert_allclose(found[layer], expected[layer], atol=1e-5)


def test_training_a_network_is_not_left_half_done():
    """Precision and determinism of the backends are as before; no gradients are kept."""
    before = torch.backends.cudnn.benchmark, torch.backends.cuda.matmul.allow_tf32
    torch.backends.cudnn.benchmark = True
    try:
        make().vectors(noise())
        assert torch.backends.cudnn.benchmark
    finally:
        torch.backends.cudnn.benchmark, torch.backends.cuda.matmul.allow_tf32 = before
    assert torch.is_grad_enabled()
