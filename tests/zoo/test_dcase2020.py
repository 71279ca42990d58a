"""The captioner of DCASE 2020: its file, its spectrogram, its network, the original."""

from __future__ import annotations

import math

import narrow_networks
import numpy as np
import official_dcase2020 as official
import pytest
import torch
from checks import alone_as_together
from naive_layers import (
    gru,
    magnitudes,
    numpy_state,
    reflected,
    slaney_bank,
)
from narrow_networks import random_fill

from heschl.errors import InputError
from heschl.models.dcase2020 import SPECS, frontend, model
from heschl.models.dcase2020.network import Network

(SPEC,) = SPECS
NARROW = {"n_hidden": 3, "n_words": 7}


@pytest.fixture
def narrow(monkeypatch):
    """Load narrow networks by the code that loads the full one."""
    monkeypatch.setattr(model, "Network", lambda: Network(**NARROW))


@pytest.fixture
def filled():
    network = narrow_networks.filled(Network(**NARROW), official.shapes(**NARROW), random_fill)
    return model.Captioner("dcase2020", network)


@pytest.fixture
def noise():
    rng = np.random.default_rng(0)
    fading = np.exp(-np.arange(8_192) / 2_000)
    return (0.1 * fading * rng.standard_normal((3, 8_192))).astype(np.float32)


# the released file


def test_names_and_shapes_of_all_tensors_are_the_published_ones():
    with torch.device("meta"):
        state = Network().state_dict()
    assert {key: tuple(value.shape) for key, value in state.items()} == official.shapes()
    assert sum(value.numel() for value in state.values()) == pytest.approx(4.57e6, rel=2e-3)
    assert list(model.LAYERS) == list(official.LAYERS["dcase2020"])
    assert SPEC.weights.files[0].path.name == official.FILE


def test_its_licence_has_to_be_accepted():
    assert SPEC.weights.accept
    assert "non-commercial" in SPEC.licence
    assert "non-commercial" in SPEC.weights.licence


@pytest.mark.parametrize("legacy", [True, False])
def test_file_of_either_format_fills_the_network(narrow, tmp_path, legacy):
    official.write("dcase2020", tmp_path, random_fill, legacy=legacy, **NARROW)
    loaded = model.load(SPEC, tmp_path)
    for key, value in loaded.network.state_dict().items():
        np.testing.assert_array_equal(value.numpy(), random_fill(key, tuple(value.shape)))


def test_wrong_files_are_refused_by_the_name_of_the_tensor(narrow, tmp_path):
    official.write("dcase2020", tmp_path, random_fill, **NARROW)
    state = torch.load(tmp_path / official.FILE, weights_only=True)
    missing = {k: v for k, v in state.items() if k != "encoder.gru_2.bias_hh_l0_reverse"}
    torch.save(missing, tmp_path / official.FILE)
    with pytest.raises(InputError, match=r"encoder\.gru_2\.bias_hh_l0_reverse"):
        model.load(SPEC, tmp_path)
    torch.save(state | {"decoder.attention.weight": torch.zeros(2)}, tmp_path / official.FILE)
    with pytest.raises(InputError, match=r"decoder\.attention\.weight"):
        model.load(SPEC, tmp_path)
    torch.save(state | {"decoder.classifier.bias": torch.zeros(8)}, tmp_path / official.FILE)
    with pytest.raises(InputError, match=r"decoder.classifier.bias.*\(8,\).*\(7,\)"):
        model.load(SPEC, tmp_path)


# level and front end


def test_the_peak_of_each_clip_is_brought_to_1(filled):
    x = np.array([[0.1, -0.2, 0.05], [4, 0, 0], [0, 0, 0]], np.float32)
    found = filled.prepare(x)
    assert found.dtype == np.float32
    np.testing.assert_allclose(found, [[0.5, -1, 0.25], [1, 0, 0], [0, 0, 0]], rtol=1e-6)


def naive_log_mel(x):
    """(n_frames, 64), one frame after the other."""
    padded = reflected(x, 512)
    hann = 0.5 - 0.5 * np.cos(2 * np.pi * np.arange(1024) / 1024)
    bank = slaney_bank(44_100, 1024, 64, 0.0)
    starts = [512 * k for k in range(len(x) // 512 + 1)]
    mel = [bank @ magnitudes(padded[s : s + 1024] * hann, 1024) for s in starts]
    return np.log(np.array(mel) + 2.220446049250313e-16)


def test_spectrogram_is_that_of_loops(filled, noise):
    x = filled.prepare(noise[:2])
    found = frontend.log_mel(torch.from_numpy(x)).numpy()
    assert found.shape == (2, 17, 64)
    for clip, waveform in zip(found, x, strict=True):
        np.testing.assert_allclose(clip, naive_log_mel(waveform.astype(np.float64)), atol=1e-5)


def test_filters_have_equal_area_in_hz():
    from heschl.models.frontends.mel import slaney_filters

    filters = slaney_filters(44_100, 1024, 64, dtype=torch.float64).numpy()
    np.testing.assert_allclose(filters.T, slaney_bank(44_100, 1024, 64, 0.0), atol=1e-12)
    area = filters.sum(axis=0) * 44_100 / 1024
    np.testing.assert_allclose(area[30:], 1, atol=0.01)  # wide enough for the sum over bins


def test_digital_silence_is_the_logarithm_of_the_smallest_step(filled):
    x = np.zeros((2, 8_192), np.float32)
    x[1, 100] = 0.5  # heard in the first frames only
    found = frontend.log_mel(torch.from_numpy(filled.prepare(x))).numpy()
    floor = math.log(2.0**-52)
    assert floor == pytest.approx(-36.04, abs=0.01)
    np.testing.assert_allclose(found[0], floor, rtol=1e-6)
    np.testing.assert_allclose(found[1, 3:], floor, rtol=1e-6)
    assert found[1, 0].min() > floor + 10
    assert all(np.isfinite(vector).all() for vector in filled.vectors(x).values())


def test_clips_that_cannot_be_reflected_are_refused(filled):
    with pytest.raises(InputError, match="513"):
        filled.vectors(np.zeros((1, 512), np.float32))
    assert filled.vectors(np.ones((1, 513), np.float32))["decoder.rnn"].shape == (1, 3)


# network and layers


def both_directions(x, state, path):
    """Outputs (n_frames, 2 n_hidden) in the order of time, and both final states."""
    ahead, back = gru(x, state, path), gru(x[::-1], state, path, "_reverse")
    return np.hstack([ahead, back[::-1]]), np.concatenate([ahead[-1], back[-1]])


def test_layers_are_those_of_loops(filled, noise):
    state = numpy_state(filled.network)
    x = filled.inputs(torch.from_numpy(filled.prepare(noise[:1]))).double().numpy()[0]
    found = {layer: vectors[0] for layer, vectors in filled.vectors(noise[:1]).items()}
    h, final = both_directions(x, state, "encoder.gru_1")
    np.testing.assert_allclose(found["encoder.gru_1"], final, atol=1e-5)
    for path in ("encoder.gru_2", "encoder.gru_3"):
        out, final = both_directions(h, state, path)
        np.testing.assert_allclose(found[path], final, atol=1e-5)  # before it is added
        h = h + out
    steps = gru(np.array([h[-1]] * 22), state, "decoder.rnn")
    np.testing.assert_allclose(found["decoder.rnn"], steps[-1], atol=1e-5)
    scores = steps @ state["decoder.classifier.weight"].T + state["decoder.classifier.bias"]
    np.testing.assert_allclose(found["decoder.classifier"], scores.mean(axis=0), atol=1e-5)


def test_backward_state_is_that_of_the_first_frame(filled, noise):
    inputs = filled.inputs(torch.from_numpy(filled.prepare(noise)))
    out = filled.network.encoder.gru_1(inputs)[0].numpy()
    found = filled.vectors(noise)["encoder.gru_1"]
    np.testing.assert_allclose(found[:, :3], out[:, -1, :3], atol=1e-6)
    np.testing.assert_allclose(found[:, 3:], out[:, 0, 3:], atol=1e-6)
    assert np.abs(found[:, 3:] - out[:, -1, 3:]).max() > 0.1


def test_layers_run_in_their_order(filled, noise):
    called = []
    for path in filled.layers:
        module = filled.network.get_submodule(path)
        module.register_forward_hook(lambda *_, path=path: called.append(path))
    filled.vectors(noise)
    assert called == list(filled.layers)
    assert filled(noise)["decoder.classifier"].shape == (3, 7, 22)


def test_level_does_not_matter(filled, noise):
    loud, soft = filled.vectors(noise), filled.vectors(noise / 64)
    for layer, vectors in loud.items():
        np.testing.assert_allclose(soft[layer], vectors, rtol=1e-5, atol=1e-6)


def test_what_goes_together_does_not_matter(filled, noise):
    alone_as_together(filled, noise * np.array([[1], [1e-4], [0]], np.float32))


# the original


@pytest.mark.shared
def test_spectrogram_is_that_of_the_original(golden, filled):
    case, front = golden.load("braindnn_dcase2020"), golden.load("braindnn_dcase2020-frontend")
    found = frontend.log_mel(torch.from_numpy(filled.prepare(case["waveforms"]))).numpy()
    assert found.dtype == np.float32
    np.testing.assert_allclose(found.mean(axis=1), front["mean_time"], atol=2e-5)
    np.testing.assert_allclose(found[0], front["first"], atol=1e-5)
