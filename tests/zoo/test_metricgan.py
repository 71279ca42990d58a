"""MetricGAN+: golden values of the original, and a plain version of every step in float64."""

from __future__ import annotations

import dataclasses
import math

import numpy as np
import official_speechbrain as official
import pytest
import torch
from official_speechbrain import clips, fill

from heschl.errors import InputError
from heschl.models import load_model
from heschl.models.controls import seeded
from heschl.models.speechbrain import SPECS, metricgan

SPEC = next(spec for spec in SPECS if spec.name == "metricgan")
SMALL = {"units": 6, "hidden": 5}
EVERY = ["features", "blstm.l1", "blstm.l2", "linear1", "linear2", "mask"]


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    path = tmp_path_factory.mktemp("metricgan")
    official.write("metricgan", path, fill, **SMALL)
    return path


@pytest.fixture(scope="module")
def small(folder):
    return metricgan.load(dataclasses.replace(SPEC, options=SMALL), folder)


def weights():
    shapes = official.shapes("metricgan", **SMALL)
    return {key: fill(key, shape).astype(np.float32).astype(float) for key, shape in shapes.items()}


def plain_features(waveform):
    """Frame k is centred at sample 256 k; what is beyond the ends is 0."""
    window = [0.54 - 0.46 * math.cos(2 * math.pi * i / 512) for i in range(512)]
    turn = np.exp(-2j * np.pi * np.outer(np.arange(257), np.arange(512)) / 512)
    out = []
    for k in range(len(waveform) // 256 + 1):
        frame = np.zeros(512)
        for i in range(512):
            at = 256 * k - 256 + i
            if 0 <= at < len(waveform):
                frame[i] = waveform[at] * window[i]
        out.append(np.log(1 + np.sqrt(np.abs(turn @ frame) ** 2 + 1e-14)))
    return np.array(out)


def sigmoid(x):
    return 1 / (1 + np.exp(-x))


def plain_lstm(x, w, end):
    """One direction, (n_frames, n_inputs) in the order of reading; gates i, f, g, o."""
    units = w[f"blstm.rnn.weight_hh_{end}"].shape[1]
    h, c, out = np.zeros(units), np.zeros(units), []
    for frame in x:
        gates = w[f"blstm.rnn.weight_ih_{end}"] @ frame + w[f"blstm.rnn.bias_ih_{end}"]
        gates = gates + w[f"blstm.rnn.weight_hh_{end}"] @ h + w[f"blstm.rnn.bias_hh_{end}"]
        i, f, g, o = np.split(gates, 4)
        c = sigmoid(f) * c + sigmoid(i) * np.tanh(g)
        h = sigmoid(o) * np.tanh(c)
        out.append(h)
    return np.array(out), c


def plain_metricgan(waveform, w):
    x = plain_features(waveform)
    found = {"features": x.mean(0)}
    for layer in ("l0", "l1"):
        forward, last = plain_lstm(x, w, layer)
        backward, first = plain_lstm(x[::-1], w, f"{layer}_reverse")
        found[f"blstm.l{int(layer[1]) + 1}"] = np.concatenate([last, first])
        x = np.concatenate([forward, backward[::-1]], axis=1)
    x = x @ w["linear1.weight"].T + w["linear1.bias"]
    found["linear1"] = x.mean(0)
    x = np.where(x > 0, x, 0.3 * x) @ w["linear2.weight"].T + w["linear2.bias"]
    found["linear2"] = x.mean(0)
    found["mask"] = (1.2 * sigmoid(w["Learnable_sigmoid.slope"] * x)).mean(0)
    return found


def test_equals_the_plain_version(small):
    x = clips(2, 3000) + np.float32(0.01)
    got = small.vectors(x, EVERY)
    assert list(got) == EVERY
    for i in range(2):
        expected = plain_metricgan(x[i].astype(float), weights())
        for layer in EVERY:
            rms = math.sqrt((expected[layer] ** 2).mean())
            np.testing.assert_allclose(got[layer][i], expected[layer], rtol=0, atol=5e-6 * rms)


def test_features_of_silence_and_of_short_sounds(small):
    silence = small(np.zeros((1, 1000), np.float32), ["features"])["features"]
    assert silence.shape == (1, 257, 1000 // 256 + 1)
    np.testing.assert_allclose(silence, math.log1p(1e-7), rtol=1e-4)
    one = small(np.full((1, 1), 0.5, np.float32), EVERY)  # a click in the middle of its only frame
    np.testing.assert_allclose(one["features"], math.log(1.5), rtol=1e-5)
    assert one["mask"].shape == (1, 257, 1)


def test_final_states_of_both_directions(small):
    """The backward state is that of the sound's beginning: as if it were read the other way."""
    x = clips(1, 4096) + np.float32(0.01)
    features = small.inputs(torch.from_numpy(x))
    rnn = small.network.blstm["rnn"]
    swapped = metricgan.Generator(metricgan.Sizes(**SMALL)).blstm["rnn"]
    state = rnn.state_dict()
    turned = {
        key: state[key[:-8] if key.endswith("_reverse") else f"{key}_reverse"].clone()
        for key in state
    }
    for key in turned:  # the second layer reads both halves of the first, which change places
        if "weight_ih_l1" in key:
            turned[key] = turned[key].roll(SMALL["units"], dims=1)
    swapped.load_state_dict(turned)
    with torch.inference_mode():
        _, (_, cells) = swapped(features.flip(1))
    got = small.vectors(x, ["blstm.l1", "blstm.l2"])
    for layer, (forward, backward) in {"blstm.l1": (1, 0), "blstm.l2": (3, 2)}.items():
        expected = torch.cat([cells[forward, 0], cells[backward, 0]])
        np.testing.assert_allclose(got[layer][0], expected, rtol=1e-5, atol=1e-6)
    # for the first layer alone, with a single frame there is nothing but that frame
    first = small.vectors(x[:, :200], ["blstm.l1"])["blstm.l1"]
    assert np.abs(first - got["blstm.l1"]).max() > 0.05


def test_linear_layers_are_recorded_before_their_nonlinearity(small):
    frames = small(clips(2, 3000), EVERY)
    activation = small.network.activation
    assert isinstance(activation, torch.nn.LeakyReLU)
    assert (activation.negative_slope, activation.inplace) == (0.3, False)
    x = torch.from_numpy(frames["linear1"]).transpose(1, 2)
    with torch.inference_mode():
        then = small.network.linear2(activation(x)).transpose(1, 2)
    np.testing.assert_allclose(frames["linear2"], then, rtol=1e-4, atol=1e-6)
    assert (frames["linear1"] < 0).any()
    assert 0 < frames["mask"].min() < frames["mask"].max() < 1.2


def test_clips_do_not_depend_on_their_batch(small):
    x = clips(3, 3000) * np.array([[1], [50], [0.01]], np.float32)
    together = small.vectors(x, EVERY)
    for i in range(3):
        alone = small.vectors(x[i : i + 1], EVERY)
        for layer in EVERY:
            np.testing.assert_allclose(together[layer][i], alone[layer][0], rtol=1e-5, atol=1e-6)


def test_layers_and_the_official_state():
    table = metricgan.layer_table()
    assert list(table) == EVERY
    default = [name for name, layer in table.items() if not layer.extra]
    assert default == list(official.LAYERS["metricgan"])
    with torch.device("meta"):
        network = metricgan.Generator(metricgan.Sizes())
    state = {key: tuple(value.shape) for key, value in network.state_dict().items()}
    assert state == official.shapes("metricgan")
    assert len(state) == 21
    assert sum(parameter.numel() for parameter in network.parameters()) == 1_895_514


def test_fresh_weights_are_drawn_as_published():
    """Recurrent weights orthogonal, the others uniform (Glorot), no biases, slopes 1."""
    models = []
    for seed in (0, 0, 1):
        with seeded(seed):
            models.append(metricgan.load(SPEC, None))
    first, again, other = (model.identity()["weights_sha256"] for model in models)
    assert first == again != other
    for key, value in models[0].network.state_dict().items():
        if "weight_hh" in key:
            np.testing.assert_allclose(value.T @ value, np.eye(200), atol=1e-5)
        elif "weight" in key:
            bound = math.sqrt(6 / sum(value.shape))
            assert 0.99 * bound < value.abs().max() <= bound
        else:
            assert (value == (1 if key.endswith("slope") else 0)).all()


@pytest.mark.parametrize("key", ["blstm.rnn.weight_ih_l1_reverse", "Learnable_sigmoid.slope"])
@pytest.mark.parametrize("change", official.CHANGES)
def test_a_wrong_tensor_is_named(tmp_path, key, change):
    official.write("metricgan", tmp_path, fill, **SMALL)
    file = tmp_path / "enhance_model.ckpt"
    state = torch.load(file)
    change(state, key)
    torch.save(state, file)
    with pytest.raises(InputError, match=f"{file.name}.*{key}"):
        metricgan.load(dataclasses.replace(SPEC, options=SMALL), tmp_path)


def test_the_file_may_have_any_name(folder, small, tmp_path):
    path = tmp_path / "mine.pt"
    path.write_bytes((folder / "enhance_model.ckpt").read_bytes())
    other = metricgan.load(dataclasses.replace(SPEC, options=SMALL), path)
    assert other.identity() == small.identity()
    with pytest.raises(InputError, match=r"no enhance_model\.ckpt in it"):
        metricgan.load(SPEC, tmp_path)


@pytest.mark.shared
@pytest.mark.zoo
def test_golden(golden, tmp_path):
    """All layers, from the raw waveform on, through the file as it is released."""
    case = golden.load("braindnn_metricgan")
    assert official.shapes("metricgan") == case["state"]
    official.write("metricgan", tmp_path, golden.value)
    model = load_model(f"metricgan@file:{tmp_path}")
    assert model.sample_rate == case["sample_rate"]
    got = model.vectors(case["waveforms"], EVERY)
    assert {name: got[name].shape[1] for name in model.layers} == official.LAYERS["metricgan"]
    for key, expected in case["layers"].items():
        # the published keys of the cells begin with two more dashes than the file's
        (name,) = model.choose([f"--{key}" if key.endswith("--cell") else key])
        rms = math.sqrt((expected.astype(float) ** 2).mean())
        np.testing.assert_allclose(got[name], expected, rtol=0, atol=5e-6 * rms, err_msg=name)
    frames = model(case["waveforms"][:1], ["linear1"])["linear1"]
    assert frames.shape == (1, 300, 126)
