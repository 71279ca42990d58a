"""DeepSpeech2: its checkpoint and conversion, its spectrogram, its network, the original."""

from __future__ import annotations

import pickle
import sys

import narrow_networks
import numpy as np
import official_deepspeech2 as official
import pytest
import torch
from checks import alone_as_together
from naive_layers import (
    convolve,
    lstm,
    magnitudes,
    normalise,
    numpy_state,
    reflected,
)
from narrow_networks import random_fill

from heschl.errors import InputError
from heschl.models.deepspeech2 import SPECS, frontend, model
from heschl.models.deepspeech2.network import Network
from heschl.models.weights import convert, read_contents

(SPEC,) = SPECS
NARROW = {"n_maps": 2, "n_hidden": 3}


@pytest.fixture
def narrow(monkeypatch):
    """Load narrow networks by the code that loads the full one."""
    monkeypatch.setattr(model, "Network", lambda: Network(**NARROW))


@pytest.fixture
def filled():
    network = narrow_networks.filled(Network(**NARROW), official.shapes(**NARROW), random_fill)
    return model.DeepSpeech2("deepspeech2", network)


@pytest.fixture
def noise():
    rng = np.random.default_rng(0)
    rising = np.linspace(0.01, 0.3, 4_000)
    return (rising * rng.standard_normal((3, 4_000))).astype(np.float32)


# the released checkpoint


def test_names_and_shapes_of_all_tensors_are_the_published_ones():
    with torch.device("meta"):
        network = Network()
    state = network.state_dict()
    assert {key: tuple(value.shape) for key, value in state.items()} == official.shapes()
    assert sum(p.numel() for p in network.parameters()) == pytest.approx(86.62e6, rel=1e-3)
    assert list(model.LAYERS) == list(official.LAYERS["deepspeech2"])
    assert SPEC.weights.files[0].path.name == official.FILE
    norms = [m for m in network.modules() if isinstance(m, torch.nn.modules.batchnorm._BatchNorm)]
    assert [m.eps for m in norms] == [1e-5] * 7  # no golden value shows it: variances are near 1


def test_checkpoint_holds_objects_and_is_not_run(narrow, tmp_path):
    assert SPEC.weights.convert
    official.write("deepspeech2", tmp_path, random_fill, **NARROW)
    assert not any(name.startswith("deepspeech_pytorch") for name in sys.modules)
    with pytest.raises(pickle.UnpicklingError, match="weights_only"):
        torch.load(tmp_path / official.FILE, weights_only=True)
    with pytest.raises(InputError, match="heschl convert"):
        read_contents(tmp_path / official.FILE)
    with pytest.raises(InputError, match="heschl convert"):
        model.load(SPEC, tmp_path)


def test_converted_checkpoint_fills_the_network(narrow, tmp_path):
    official.write("deepspeech2", tmp_path, random_fill, **NARROW)
    convert(tmp_path / official.FILE, keep=SPEC.weights.keep)
    assert not any(name.startswith("deepspeech_pytorch") for name in sys.modules)
    loaded = model.load(SPEC, tmp_path)
    for key, value in loaded.network.state_dict().items():
        expected = 70_000 if "num_batches" in key else random_fill(key, tuple(value.shape))
        np.testing.assert_array_equal(value.numpy(), expected)
    converted = next(tmp_path.glob("*.safetensors"))
    assert read_contents(converted).values["epoch"] == 15
    assert "optimizer_states" not in read_contents(converted).values  # tensors of no use
    assert model.load(SPEC, converted).identity() == loaded.identity()


def test_wrong_checkpoints_are_refused_by_the_name_of_the_tensor(narrow, tmp_path):
    for changed, match in (
        ({"n_maps": 2, "n_hidden": 4}, r"rnns\.0\.rnn\.weight_ih_l0 has shape \(16, 82\)"),
        ({"n_maps": 3, "n_hidden": 3}, r"conv\.seq_module\.0\.weight has shape \(3, 1, 41, 11\)"),
    ):
        for old in tmp_path.iterdir():
            old.unlink()
        official.write("deepspeech2", tmp_path, random_fill, **changed)
        convert(tmp_path / official.FILE, keep=SPEC.weights.keep)
        with pytest.raises(InputError, match=match):
            model.load(SPEC, tmp_path)


def test_missing_and_unexpected_tensors_are_named(narrow, tmp_path):
    tensors = {
        key: torch.zeros(shape) if shape else torch.tensor(0)
        for key, shape in official.shapes(**NARROW).items()
    }
    path = tmp_path / official.FILE
    missing = {k: v for k, v in tensors.items() if k != "rnns.3.batch_norm.module.running_mean"}
    torch.save({"state_dict": missing}, path)
    with pytest.raises(InputError, match=r"rnns\.3\.batch_norm\.module\.running_mean"):
        model.load(SPEC, path)
    torch.save({"state_dict": tensors | {"lookahead.0.conv.weight": torch.zeros(1)}}, path)
    with pytest.raises(InputError, match=r"lookahead\.0\.conv\.weight"):
        model.load(SPEC, path)


# front end


def naive_spectrogram(x):
    """(161, n_frames), one frame after the other."""
    padded = reflected(x, 160)
    hamming = 0.54 - 0.46 * np.cos(2 * np.pi * np.arange(320) / 320)
    starts = [160 * k for k in range(len(x) // 160 + 1)]
    columns = [magnitudes(padded[s : s + 320] * hamming, 320) for s in starts]
    values = np.log(1 + np.array(columns).T)
    mean = values.sum() / values.size
    variance = ((values - mean) ** 2).sum() / (values.size - 1)
    return (values - mean) / np.sqrt(variance)


def test_spectrogram_is_that_of_loops(noise):
    found = frontend.spectrogram(torch.from_numpy(noise)).numpy()
    assert found.shape == (3, 161, 26)
    for clip, waveform in zip(found, noise, strict=True):
        np.testing.assert_allclose(clip, naive_spectrogram(waveform.astype(np.float64)), atol=1e-5)


def test_deviation_is_the_one_with_n_minus_1():
    x = np.random.default_rng(3).standard_normal((1, 161)).astype(np.float32)  # two frames
    found = frontend.spectrogram(torch.from_numpy(x)).numpy().astype(np.float64)
    assert found.size == 322
    assert found.std(ddof=1) == pytest.approx(1, abs=1e-6)
    assert found.std() < 0.9985
    assert found.mean() == pytest.approx(0, abs=1e-6)


def test_last_frame_is_reflected_once():
    """An edge reflected twice, as a later librosa does it, would differ in the last frame."""
    x = np.zeros((1, 1_600), np.float32)
    x[0, -161:] = np.linspace(0, 1, 161)
    found = frontend.spectrogram(torch.from_numpy(x)).numpy()[0]
    np.testing.assert_allclose(found, naive_spectrogram(x[0].astype(np.float64)), atol=1e-5)


def test_silence_is_zero(filled):
    silent = np.zeros((1, 4_000), np.float32)
    assert not frontend.spectrogram(torch.from_numpy(silent)).numpy().any()
    assert all(np.isfinite(vector).all() for vector in filled.vectors(silent).values())


def test_clips_that_cannot_be_reflected_are_refused(filled):
    with pytest.raises(InputError, match="161"):
        filled.vectors(np.ones((1, 160), np.float32))
    x = np.random.default_rng(4).standard_normal((1, 161)).astype(np.float32)
    assert filled.vectors(x)["rnns.4.rnn"].shape == (1, 6)


# network and layers


def naive_network(spectrogram, state):
    """Layers (vectors) of one clip, and the scores of letters (n_frames, 29)."""
    out, x = {}, spectrogram[None]
    for i, stride, padding in ((0, (2, 2), (20, 5)), (3, (2, 1), (10, 5))):
        path = f"conv.seq_module.{i}"
        x = convolve(
            x, state[f"{path}.weight"], state[f"{path}.bias"], stride=stride, padding=padding
        )
        x = np.clip(normalise(x, state, f"conv.seq_module.{i + 1}"), 0, 20)
        out[f"conv.seq_module.{i + 2}"] = x.mean(axis=2).ravel()
    frames = x.reshape(-1, x.shape[2]).T  # maps, then frequency
    for i in range(5):
        if i:
            frames = normalise(frames.T, state, f"rnns.{i}.batch_norm.module").T
        ahead, last = lstm(frames, state, f"rnns.{i}.rnn")
        back, first = lstm(frames[::-1], state, f"rnns.{i}.rnn", "_reverse")
        out[f"rnns.{i}.rnn"] = np.concatenate([last, first])
        frames = ahead + back[::-1]
    frames = normalise(frames.T, state, "fc.0.module.0").T
    return out, frames @ state["fc.0.module.1.weight"].T


def test_layers_are_those_of_loops(filled, noise):
    state = numpy_state(filled.network)
    inputs = filled.inputs(torch.from_numpy(noise[:1]))
    expected, scores = naive_network(inputs.double().numpy()[0], state)
    found = filled.vectors(noise[:1])
    assert list(expected) == list(found) == list(filled.layers)
    for layer, vectors in found.items():
        np.testing.assert_allclose(vectors[0], expected[layer], atol=2e-5, err_msg=layer)
    whole = filled.network(inputs).numpy()[:, 0]
    np.testing.assert_allclose(whole, scores, atol=2e-5)


def test_rectifiers_are_clipped_at_20(filled, noise):
    with torch.no_grad():
        filled.network.conv.seq_module[1].weight.fill_(50)
    out = filled(noise, ["conv.seq_module.2"])["conv.seq_module.2"]
    assert (out.min(), out.max()) == (0, 20)


def test_backward_cell_is_that_of_the_first_frame(filled, noise):
    """A clip played backwards through swapped directions has the same cells, swapped."""
    rnn = filled.network.rnns[0].rnn
    frames = torch.randn(7, 2, 82, generator=torch.Generator().manual_seed(0))
    found = model._cells(rnn(frames))[..., 0]
    assert found.shape == (2, 6)
    ahead = [value for name, value in rnn.named_parameters() if not name.endswith("_reverse")]
    back = [value for name, value in rnn.named_parameters() if name.endswith("_reverse")]
    for one, other in zip(ahead, back, strict=True):
        kept = one.data.clone()
        one.data.copy_(other.data)
        other.data.copy_(kept)
    swapped = model._cells(rnn(frames.flip(0)))[..., 0]
    torch.testing.assert_close(found, torch.cat([swapped[:, 3:], swapped[:, :3]], dim=1))
    assert (found[:, 3:] - found[:, :3]).abs().max() > 0.01


def test_two_seconds_are_101_frames(filled):
    x = np.random.default_rng(1).standard_normal((1, 32_000)).astype(np.float32)
    assert filled.inputs(torch.from_numpy(x)).shape == (1, 161, 201)
    out = filled(x)
    assert out["conv.seq_module.2"].shape == (1, 2, 81, 101)
    assert out["conv.seq_module.5"].shape == (1, 2, 41, 101)
    assert out["rnns.0.rnn"].shape == (1, 6, 1)


def test_layers_run_in_their_order(filled, noise):
    called = []
    for path in filled.layers:
        module = filled.network.get_submodule(path)
        module.register_forward_hook(lambda *_, path=path: called.append(path))
    filled.vectors(noise)
    assert called == list(filled.layers)


def test_what_goes_together_does_not_matter(filled, noise):
    alone_as_together(filled, noise * np.array([[1], [1e-3], [0]], np.float32))


# the original


@pytest.mark.shared
def test_spectrogram_is_that_of_the_original(golden):
    case, front = golden.load("braindnn_deepspeech"), golden.load("braindnn_deepspeech-frontend")
    found = frontend.spectrogram(torch.from_numpy(case["waveforms"])).numpy()
    assert found.dtype == np.float32
    np.testing.assert_allclose(found.mean(axis=2), front["mean_time"], atol=5e-6)
    np.testing.assert_allclose(found[0], front["first"], atol=5e-6)
