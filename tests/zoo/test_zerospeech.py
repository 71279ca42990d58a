"""The ZeroSpeech VQ-VAE's encoder: its checkpoint, its spectrogram, its network, the original."""

from __future__ import annotations

import zipfile
from functools import partial

import narrow_networks
import numpy as np
import official_zerospeech as official
import pytest
import torch
from checks import alone_as_together
from naive_layers import (
    convolve,
    magnitudes,
    normalise,
    numpy_state,
    reflected,
    slaney_bank,
)

from heschl.errors import FetchError, InputError
from heschl.models.weights import fetch
from heschl.models.zerospeech import SPECS, frontend, model
from heschl.models.zerospeech.network import Network

(SPEC,) = SPECS
NARROW = {"channels": 6, "n_code": 3}


random_fill = partial(narrow_networks.random_fill, gain=np.sqrt(2))


@pytest.fixture
def narrow(monkeypatch):
    """Load narrow networks by the code that loads the full one."""
    monkeypatch.setattr(model, "Network", lambda: Network(**NARROW))


@pytest.fixture
def filled():
    network = narrow_networks.filled(Network(**NARROW), official.shapes(**NARROW), random_fill)
    return model.ZeroSpeech("zerospeech", network)


@pytest.fixture
def noise():
    rng = np.random.default_rng(0)
    return (0.1 * rng.standard_normal((3, 4_000))).astype(np.float32)


# the released checkpoint


def test_names_and_shapes_of_all_tensors_are_the_published_ones():
    with torch.device("meta"):
        network = Network()
    state = network.state_dict()
    assert {key: tuple(value.shape) for key, value in state.items()} == official.shapes()
    assert sum(p.numel() for p in network.parameters()) == pytest.approx(7.91e6, rel=1e-3)
    assert list(model.LAYERS) == list(official.LAYERS["zerospeech"])
    assert SPEC.weights.files[0].path.name == official.FILE
    norms = [m for m in network.modules() if isinstance(m, torch.nn.BatchNorm1d)]
    assert [m.eps for m in norms] == [1e-5] * 5  # no golden value shows it: variances are near 1


@pytest.mark.parametrize("legacy", [True, False])
def test_checkpoint_of_either_format_fills_the_network(narrow, tmp_path, legacy):
    official.write("zerospeech", tmp_path, random_fill, legacy=legacy, **NARROW)
    loaded = model.load(SPEC, tmp_path)
    for key, value in loaded.network.state_dict().items():
        expected = 500_000 if "num_batches" in key else random_fill(key, tuple(value.shape))
        np.testing.assert_array_equal(value.numpy(), expected)


def test_codebook_jitter_and_decoder_are_not_used(narrow, tmp_path):
    identities = []
    for seed in (0, 1):
        official.write("zerospeech", tmp_path, random_fill, seed=seed, **NARROW)
        identities.append(model.load(SPEC, tmp_path).identity())
    assert identities[0] == identities[1]
    assert not any("codebook" in key for key in model.load(SPEC, None).network.state_dict())


def test_wrong_checkpoints_are_refused_by_the_name_of_the_tensor(narrow, tmp_path):
    official.write("zerospeech", tmp_path, random_fill, extra={"encoder.16.weight": (2,)}, **NARROW)
    with pytest.raises(InputError, match=r"encoder\.16\.weight"):
        model.load(SPEC, tmp_path)
    whole = official.contents("zerospeech", random_fill, **NARROW)
    del whole["encoder"]["encoder.13.running_var"]
    torch.save(whole, tmp_path / official.FILE)
    with pytest.raises(InputError, match=r"encoder\.13\.running_var"):
        model.load(SPEC, tmp_path)
    torch.save(whole["encoder"], tmp_path / official.FILE)
    with pytest.raises(InputError, match="no 'encoder'"):
        model.load(SPEC, tmp_path)


def test_the_page_of_the_release_is_not_taken_for_the_checkpoint(tmp_path):
    path = tmp_path / official.FILE
    path.write_bytes(b"\n\n<!DOCTYPE html>")
    with pytest.raises(FetchError, match="checkpoint"):
        fetch(SPEC, path)
    with zipfile.ZipFile(path, "w") as archive:
        archive.writestr("english/model.ckpt-500000.pt", b"\x80\x02")
    with pytest.raises(FetchError, match="unpack"):
        fetch(SPEC, path)
    official.write("zerospeech", tmp_path, random_fill, **NARROW)
    assert (fetch(SPEC, path) / official.FILE).read_bytes() == path.read_bytes()


# level and front end


def test_the_peak_of_each_clip_is_brought_to_0_999(filled):
    x = np.array([[0.1, -0.2, 0.05], [1.5, 0, 0], [0, 0, 0]], np.float32)
    found = filled.prepare(x)
    assert found.dtype == np.float32
    np.testing.assert_allclose(
        found, [[0.4995, -0.999, 0.24975], [0.999, 0, 0], [0, 0, 0]], rtol=1e-6
    )


def test_preemphasis_takes_97_percent_of_the_sample_before():
    found = frontend.preemphasis(torch.tensor([[1.0, 2.0, 0.0, -1.0]]))
    np.testing.assert_allclose(found.numpy(), [[1, 1.03, -1.94, -1]], rtol=1e-6)


def naive_log_mel(x):
    """(80, n_frames), one frame after the other."""
    raised = [x[0]] + [x[i] - 0.97 * x[i - 1] for i in range(1, len(x))]
    padded = reflected(np.array(raised), 1024)
    hann = 0.5 - 0.5 * np.cos(2 * np.pi * np.arange(400) / 400)
    bank = slaney_bank(16_000, 2048, 80, 50.0)
    columns = []
    for k in range(len(x) // 160 + 1):
        middle = padded[160 * k + 824 : 160 * k + 824 + 400]  # 824 zeros beside it on each side
        columns.append(bank @ magnitudes(middle * hann, 2048))
    decibels = 20 * np.log10(np.maximum(np.array(columns).T, 1e-5))
    return np.maximum(decibels, decibels.max() - 80) / 80 + 1


def test_spectrogram_is_that_of_loops(filled, noise):
    time = np.arange(4_000) / 16_000
    x = np.stack([noise[0], np.sin(2 * np.pi * 440 * time), np.zeros(4_000)]).astype(np.float32)
    x[2, 2_000] = 1  # a click: most frames are at the floor of 80 dB below the loudest
    x = filled.prepare(x)
    found = frontend.log_mel(torch.from_numpy(x)).numpy()
    assert found.shape == (3, 80, 26)
    for clip, waveform in zip(found, x, strict=True):
        np.testing.assert_allclose(clip, naive_log_mel(waveform.astype(np.float64)), atol=1e-6)


def test_floor_is_80_db_below_the_loudest_of_each_clip(filled):
    x = np.zeros((2, 8_000), np.float32)
    x[0, 4_000] = 1  # a click, and a tone, in which most bands hold little
    x[1] = np.sin(2 * np.pi * 1_000 * np.arange(8_000) / 16_000)
    found = frontend.log_mel(torch.from_numpy(filled.prepare(x))).numpy()
    loudest = found.max(axis=(1, 2))
    np.testing.assert_allclose(found.min(axis=(1, 2)), loudest - 1, atol=1e-6)
    assert abs(loudest[0] - loudest[1]) > 0.1


def test_a_faint_click_in_silence_reaches_the_fixed_floor():
    x = torch.zeros(1, 8_000)
    x[0, 4_000] = 1e-3  # not brought to its peak: 80 dB below it is less than -100 dB
    found = frontend.log_mel(x).numpy()
    assert found.min() == pytest.approx(-100 / 80 + 1)


def test_silence_is_at_the_fixed_floor_throughout(filled):
    silent = np.zeros((1, 4_000), np.float32)
    found = frontend.log_mel(torch.from_numpy(filled.prepare(silent))).numpy()
    np.testing.assert_allclose(found, -0.25, atol=1e-7)
    assert all(np.isfinite(vector).all() for vector in filled.vectors(silent).values())


def test_level_does_not_matter(filled, noise):
    loud, soft = filled.vectors(noise), filled.vectors(noise / 64)
    for layer, vectors in loud.items():
        np.testing.assert_allclose(soft[layer], vectors, rtol=1e-5, atol=1e-6)


def test_clips_that_cannot_be_reflected_are_refused(filled):
    with pytest.raises(InputError, match="1025"):
        filled.vectors(np.zeros((1, 1_024), np.float32))
    assert filled.vectors(np.zeros((1, 1_025), np.float32))["encoder.2"].shape == (1, 6)


# network and layers


def test_layers_are_those_of_loops(filled, noise):
    state = numpy_state(filled.network)
    x = frontend.log_mel(torch.from_numpy(filled.prepare(noise[:1]))).double().numpy()[0]
    found = filled.vectors(noise[:1])
    for i, (stride, padding) in zip(
        (0, 3, 6, 9, 12), ((1, 0), (1, 1), (2, 1), (1, 1), (1, 1)), strict=True
    ):
        kernels = state[f"encoder.{i}.weight"][:, :, None]
        x = convolve(x[:, None], kernels, stride=(1, stride), padding=(0, padding))[:, 0]
        x = np.maximum(normalise(x, state, f"encoder.{i + 1}"), 0)
        np.testing.assert_allclose(
            found[f"encoder.{i + 2}"][0], x.mean(axis=1), rtol=1e-4, atol=1e-6
        )
    code = np.einsum("oi,it->ot", state["encoder.15.weight"][..., 0], x)
    whole = filled.network(filled.inputs(torch.from_numpy(filled.prepare(noise[:1]))))
    expected = code + state["encoder.15.bias"][:, None]
    np.testing.assert_allclose(whole[0].numpy(), expected, rtol=1e-4, atol=1e-5)


def test_two_seconds_are_199_and_then_99_frames(filled):
    x = np.random.default_rng(1).standard_normal((1, 32_000)).astype(np.float32)
    assert filled.inputs(torch.from_numpy(x)).shape == (1, 80, 201)
    assert [v.shape[-1] for v in filled(x).values()] == [199, 199, 99, 99, 99]


def test_what_goes_together_does_not_matter(filled, noise):
    alone_as_together(filled, noise * np.array([[1], [1e-4], [0]], np.float32))


# the original


@pytest.mark.shared
def test_spectrogram_is_that_of_the_original(golden, filled):
    case, front = golden.load("braindnn_zerospeech"), golden.load("braindnn_zerospeech-frontend")
    found = frontend.log_mel(torch.from_numpy(filled.prepare(case["waveforms"]))).numpy()
    assert found.dtype == np.float32
    np.testing.assert_allclose(found.mean(axis=2), front["mean_time"], atol=1e-6)
    np.testing.assert_allclose(found[0], front["first"], atol=1e-6)
