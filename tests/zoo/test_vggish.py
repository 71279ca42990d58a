"""VGGish: its released file, its patches, its network and the original's activations."""

from __future__ import annotations

import math
from functools import partial

import narrow_networks
import numpy as np
import official_vggish as official
import pytest
import torch
from checks import alone_as_together
from naive_layers import (
    convolve,
    magnitudes,
    numpy_state,
    pool,
)

from heschl.errors import InputError
from heschl.models.vggish import SPECS, frontend, model
from heschl.models.vggish.network import Network
from heschl.models.weights import load_strict

(SPEC,) = SPECS
NARROW = {"channels": (2, 3, 4, 5), "n_hidden": 6, "n_embedding": 4}


random_fill = partial(narrow_networks.random_fill, gain=np.sqrt(2), bias=0.1)


@pytest.fixture
def narrow(monkeypatch):
    """Load narrow networks by the code that loads the full one."""
    monkeypatch.setattr(model, "Network", lambda: Network(**NARROW))


@pytest.fixture
def noise():
    rng = np.random.default_rng(0)
    return (0.1 * rng.standard_normal((3, 32_000))).astype(np.float32)


# the released file


def test_names_and_shapes_of_all_tensors_are_the_published_ones():
    with torch.device("meta"):
        state = Network().state_dict()
    assert {key: tuple(value.shape) for key, value in state.items()} == official.shapes()
    assert sum(value.numel() for value in state.values()) == pytest.approx(72.14e6, rel=1e-4)
    assert list(model.LAYERS) == list(official.LAYERS["vggish"])
    assert SPEC.weights.files[0].path.name == official.FILE


@pytest.mark.parametrize("legacy", [True, False])
def test_file_of_either_format_fills_the_network(narrow, tmp_path, legacy):
    official.write("vggish", tmp_path, random_fill, legacy=legacy, **NARROW)
    loaded = model.load(SPEC, tmp_path)
    for key, value in loaded.network.state_dict().items():
        np.testing.assert_array_equal(value.numpy(), random_fill(key, tuple(value.shape)))
    again = model.load(SPEC, tmp_path / official.FILE)
    assert again.identity() == loaded.identity()


def test_wrong_files_are_refused_by_the_name_of_the_tensor(narrow, tmp_path):
    official.write("vggish", tmp_path, random_fill, legacy=False, **NARROW)
    path = tmp_path / official.FILE
    state = torch.load(path, weights_only=True)
    for change, match in (
        (lambda s: s.pop("features.11.bias"), "features.11.bias"),
        (lambda s: s.update({"features.16.weight": torch.zeros(1)}), "features.16.weight"),
        (lambda s: s.update({"embeddings.4.bias": torch.zeros(5)}), r"embeddings.4.bias.*\(5,\)"),
    ):
        changed = dict(state)
        change(changed)
        torch.save(changed, path)
        with pytest.raises(InputError, match=match):
            model.load(SPEC, tmp_path)


@pytest.mark.parametrize("legacy", [True, False])
def test_half_a_file_is_refused(narrow, tmp_path, legacy):
    official.write("vggish", tmp_path, random_fill, legacy=legacy, **NARROW)
    path = tmp_path / official.FILE
    whole = path.read_bytes()
    path.write_bytes(whole[: len(whole) // 2])
    with pytest.raises(InputError, match="etch it again"):
        model.load(SPEC, tmp_path)


def test_fresh_weights_are_drawn_as_before_the_original_training():
    torch.manual_seed(0)
    network = Network(channels=(16, 16, 16, 16), n_hidden=256, n_embedding=64)
    network.reset_parameters()
    state = network.state_dict()
    assert not any(value.any() for key, value in state.items() if key.endswith("bias"))
    weights = torch.cat([v.flatten() for k, v in state.items() if k.endswith("weight")])
    assert weights.abs().max() <= 0.02
    # of a normal distribution cut at two standard deviations: 1 - 4 phi(2) / (2 Phi(2) - 1)
    phi, inside = math.exp(-2) / math.sqrt(2 * math.pi), math.erf(math.sqrt(2))
    assert weights.std().item() == pytest.approx(0.01 * math.sqrt(1 - 4 * phi / inside), rel=0.01)
    assert weights.mean().item() == pytest.approx(0, abs=1e-4)


def test_fresh_model_depends_on_the_seed_alone(narrow):
    hashes = []
    for seed in (1, 1, 2):
        torch.manual_seed(seed)
        hashes.append(model.load(SPEC, None).identity()["weights_sha256"])
    assert hashes[0] == hashes[1] != hashes[2]


# front end


def test_log_mel_is_that_of_loops():
    rng = np.random.default_rng(1)
    time = np.arange(16_000) / 16_000
    x = 0.3 * np.sin(2 * np.pi * (200 + 3000 * time) * time) + 0.01 * rng.standard_normal(16_000)
    x = x.astype(np.float32)
    found = frontend.log_mel(torch.from_numpy(x[None])).numpy()[0]
    assert found.shape == ((16_000 - 400) // 160 + 1, 64)
    window = [0.5 - 0.5 * math.cos(2 * math.pi * i / 400) for i in range(400)]
    edges = mel_edges()
    for k in (0, 1, 50, 97):
        frame = x[160 * k : 160 * k + 400].astype(np.float64) * window
        magnitude = magnitudes(frame, 512)
        for band in (0, 1, 20, 63):
            total = 0.0
            for i, value in enumerate(magnitude):
                total += value * triangle(mel(16_000 * i / 512), *edges[band : band + 3])
            assert found[k, band] == pytest.approx(math.log(total + 0.01), abs=1e-6)


def mel(frequency):
    return 1127 * math.log(1 + frequency / 700)


def mel_edges():
    step = (mel(7500) - mel(125)) / 65
    return [mel(125) + i * step for i in range(66)]


def triangle(x, left, centre, right):
    return max(0.0, min((x - left) / (centre - left), (right - x) / (right - centre)))


def test_a_tone_between_two_bands_is_shared_as_worked_out_by_hand():
    # bin 32 is at 1000 Hz, which is 1000 mel: the constant 1127 is there for that
    assert mel(1000) == pytest.approx(999.99, abs=0.01)
    edges = mel_edges()
    below = max(i for i in range(66) if edges[i] <= mel(1000))
    share = (mel(1000) - edges[below]) / (edges[below + 1] - edges[below])
    from heschl.models.frontends.kaldi import mel_triangles

    weights = mel_triangles(16_000, 512, 64, 125.0, 7500.0)[32]
    assert np.flatnonzero(weights).tolist() == [below - 1, below]
    assert weights[below] == pytest.approx(share)
    assert weights[below - 1] == pytest.approx(1 - share)


def test_nothing_below_125_hz_and_above_7500_hz():
    from heschl.models.frontends.kaldi import mel_triangles

    weights = mel_triangles(16_000, 512, 64, 125.0, 7500.0)
    heard = np.flatnonzero(weights.any(axis=1))  # bins of 31.25 Hz; the edges themselves weigh 0
    assert (heard[0], heard[-1]) == (5, 239)


def test_silence_is_the_logarithm_of_the_offset(narrow):
    assert np.all(frontend.patches(torch.zeros(1, 15_600)).numpy() == np.float32(math.log(0.01)))
    vectors = model.load(SPEC, None).vectors(np.zeros((1, 15_600), np.float32))
    assert all(np.isfinite(vector).all() for vector in vectors.values())


@pytest.mark.parametrize(
    ("n_samples", "n_patches"), [(15_600, 1), (30_959, 1), (30_960, 2), (32_000, 2)]
)
def test_patches_are_whole_ones_of_96_frames(n_samples, n_patches):
    x = torch.from_numpy(np.random.default_rng(2).standard_normal((2, n_samples)))
    found = frontend.patches(x.float())
    assert found.shape == (2, n_patches, 96, 64)
    frames = frontend.log_mel(x.float())
    assert torch.equal(found[:, 0], frames[:, :96])
    assert torch.equal(found[:, -1], frames[:, 96 * (n_patches - 1) : 96 * n_patches])


def test_a_clip_shorter_than_a_patch_is_refused(narrow):
    with pytest.raises(InputError, match=r"15599 samples.*15600 samples \(0.975 s\).*longer"):
        model.load(SPEC, None).vectors(np.zeros((1, 15_599), np.float32))


# network and layers


def naive_layers(state, patch):
    """All 13 layers, maps as (channels, time, frequency), in order of execution."""
    out, x = {}, patch[None].astype(np.float64)
    for name in ("features.0", "pool", "features.3", "pool", "features.6", "features.8", "pool"):
        x = naive_step(state, name, x, out)
    for name in ("features.11", "features.13", "pool"):
        x = naive_step(state, name, x, out)
    _, n_time, n_frequency = x.shape
    flat = [x[:, t, f] for t in range(n_time) for f in range(n_frequency)]
    x = np.concatenate(flat)
    for i in (0, 2, 4):
        x = np.maximum(state[f"embeddings.{i}.weight"] @ x + state[f"embeddings.{i}.bias"], 0)
        out[f"embeddings.{i + 1}"] = x
    return out


def naive_step(state, name, x, out):
    if name == "pool":
        x = pool(x)
    else:
        x = convolve(x, state[f"{name}.weight"], state[f"{name}.bias"], padding=(1, 1))
        x = np.maximum(x, 0)
    last = int(list(out)[-1].split(".")[1]) if out else 0
    out[f"features.{last + 1 if name == 'pool' else int(name.split('.')[1]) + 1}"] = x
    return x


@pytest.fixture
def filled():
    network = Network(**NARROW)
    tensors = {
        key: torch.from_numpy(random_fill(key, shape))
        for key, shape in official.shapes(**NARROW).items()
    }
    load_strict(network, tensors, source="test")
    return model.VGGish("vggish", network)


def test_layers_are_those_of_loops_averaged_over_frames_and_patches(filled, noise):
    state = numpy_state(filled.network)
    patches = frontend.patches(torch.from_numpy(noise[:1])).numpy()[0]
    each = [naive_layers(state, patch) for patch in patches]
    assert list(each[0]) == list(filled.layers) == list(model.LAYERS)
    for layer, found in filled.vectors(noise[:1]).items():
        per_patch = [out[layer] for out in each]
        if layer.startswith("features"):  # time is the middle axis; channels, then frequency, stay
            per_patch = [x.mean(axis=1).ravel() for x in per_patch]
        np.testing.assert_allclose(
            found[0], np.mean(per_patch, axis=0), rtol=2e-4, atol=1e-5, err_msg=layer
        )
    assert np.abs(filled.vectors(noise[:1])["embeddings.5"]).max() > 1e-3


def test_layers_run_in_their_order(filled, noise):
    called = []
    for path in filled.layers:
        module = filled.network.get_submodule(path)
        module.register_forward_hook(lambda *_, path=path: called.append(path))
    filled.vectors(noise[:, :15_600])
    assert called == list(filled.layers)


def test_a_long_clip_is_the_mean_of_its_patches(filled, noise):
    whole = filled.vectors(noise)
    first, second = (filled.vectors(noise[:, s : s + 15_600]) for s in (0, 96 * 160))
    for layer, vectors in whole.items():
        halves = (first[layer] + second[layer]) / 2
        np.testing.assert_allclose(vectors, halves, rtol=1e-5, atol=1e-6)


def test_frames_of_all_patches_come_out_time_last(filled, noise):
    out = filled(noise)
    assert out["features.1"].shape == (3, 2, 64, 2 * 96)
    assert out["features.15"].shape == (3, 5, 4, 2 * 6)
    assert out["embeddings.5"].shape == (3, 4, 2)


def test_what_goes_together_does_not_matter(filled, noise):
    alone_as_together(filled, noise * np.array([[1], [0.01], [0]], np.float32))


def test_published_keys_name_layers(filled):
    keys = [f"ReLU(inplace=True)--{i}" for i in range(9)]
    assert filled.choose(keys[6:]) == ("embeddings.1", "embeddings.3", "embeddings.5")
    assert filled.pooling("embeddings.5") == "mean over patches"


# the original


@pytest.mark.shared
def test_patches_are_those_of_the_original(golden):
    case, front = golden.load("braindnn_vggish"), golden.load("braindnn_vggish-frontend")
    found = frontend.patches(torch.from_numpy(case["waveforms"])).numpy()
    assert found.dtype == np.float32
    np.testing.assert_allclose(found.mean(axis=2), front["mean_time"], atol=5e-6)
    np.testing.assert_allclose(found[0], front["first"], atol=1e-6)
