"""Dasheng: against the original's golden values, a naive network, and cases solved by hand."""

from __future__ import annotations

import dataclasses
import math
import subprocess
import sys
import tempfile
from pathlib import Path

import numpy as np
import official_dasheng as official
import pytest
import torch
from naive_dasheng import Naive, spectrogram

import heschl
from heschl.errors import InputError, UnknownNameError
from heschl.models.controls import seeded
from heschl.models.dasheng import SPECS
from heschl.models.dasheng.config import published
from heschl.models.dasheng.frontend import FILTERS, WINDOW, FrontEnd, computed, limited
from heschl.models.dasheng.model import load
from heschl.models.dasheng.network import Dasheng

SMALL = {"embed_dim": 32, "depth": 2, "num_heads": 4}
CASES = {"dasheng_base": "dasheng-base", "dasheng_base-bn": "dasheng-base"}
FRONT_END = (WINDOW, FILTERS)


def fill(key, shape):
    rng = np.random.default_rng(len(key) + sum(map(ord, key)))
    x = rng.standard_normal(shape) / math.sqrt(math.prod(shape[1:]))
    if key.startswith("init_bn"):
        return np.abs(100 * x + 50 if key.endswith("var") else 0.1 * x + 1).astype(np.float32)
    return (1 + 0.1 * x if "norm" in key and key.endswith("weight") else x).astype(np.float32)


def small(name, **more):
    spec = next(spec for spec in SPECS if spec.name == name)
    return dataclasses.replace(spec, options={**spec.options, **SMALL, **more})


def noise(n_sounds, n_samples, seed=0):
    x = np.random.default_rng(seed).standard_normal((n_sounds, n_samples))
    return (0.1 * x).astype(np.float32)


def save(folder, name="dasheng-base", change=None, **sizes):
    """A small released file, after ``change(content)``."""
    official.write(name, folder, fill, **SMALL | sizes)
    path = folder / official.FILES[name]
    if change is not None:
        content = torch.load(path, weights_only=True)
        change(content)
        torch.save(content, path)
    return path


def little(folder, name="dasheng-base", **sizes):
    """A small model and the naive one with the same weights."""
    model = load(small(name, **sizes), save(folder, name, **sizes))
    every = SMALL | sizes
    return model, Naive(official.config(name, **every), official.state(name, fill, **every))


def decibels(waveform, top_db=120.0):
    return spectrogram(waveform, official.window().astype(float), official.filters(), top_db)


# the table


def test_table_says_where_the_files_are_and_imports_no_torch():
    code = "import heschl.models.dasheng, sys; print({'torch', 'transformers'} & set(sys.modules))"
    run = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert run.stdout.strip() == "set()"
    assert tuple(spec.name for spec in SPECS) == official.NAMES
    aliases = ("dasheng_base", "dasheng_06B", "dasheng_12B", "dasheng_base_ft-as")
    assert tuple(spec.aliases for spec in SPECS) == tuple((alias,) for alias in aliases)
    for spec in SPECS:
        (file,) = spec.weights.files
        record = 13315686 if spec.name.endswith("ft") else 11511780
        assert file.path == Path(official.FILES[spec.name])
        assert file.url == f"https://zenodo.org/records/{record}/files/{file.path}?download=1"


@pytest.mark.parametrize("spec", SPECS, ids=lambda spec: spec.name)
def test_full_size_has_the_official_keys_shapes_and_parameters(spec):
    with torch.device("meta"):
        network = Dasheng(published(spec))
    state = {key: tuple(tensor.shape) for key, tensor in network.state_dict().items()}
    expected = official.shapes(spec.name)
    head = [key for key in expected if key.startswith("outputlayer")]
    assert set(expected) - set(state) == {*FRONT_END, *head}
    assert all(expected[key] == shape for key, shape in state.items())
    assert len(expected) - len(head) == official.N_KEYS[spec.name] == len(state) + len(FRONT_END)
    assert sum(p.numel() for p in network.parameters()) == official.PARAMETERS[spec.name]
    assert {block.attn.num_heads for block in network.blocks} == {
        official.SIZES[spec.name]["num_heads"]
    }


# golden values of the original


@pytest.fixture(scope="module", params=list(CASES))
def case(request, golden):
    own = {"init_bn.1.running_mean": -40, "init_bn.1.running_var": 400}

    def filled(key, shape):
        if request.param.endswith("-bn") and key in own:
            return np.full(shape, own[key], np.float32)
        return golden.value(key, shape)

    name = CASES[request.param]
    with tempfile.TemporaryDirectory() as folder:  # 340 MB: gone as soon as it is mapped
        official.write(name, Path(folder), filled)
        model = heschl.load_model(f"{name}@file:{folder}")
    return golden.load(request.param), model


@pytest.mark.shared
@pytest.mark.zoo
def test_golden_values_on_all_layers(case):
    expected, model = case
    shapes = official.shapes("dasheng-base")
    assert set(expected["state"]) == set(shapes) - set(official.OWN)
    assert all(tuple(shape) == shapes[key] for key, shape in expected["state"].items())
    found = model.vectors(expected["waveforms"], list(expected["layers"]))
    assert {layer: found[layer].shape[1] for layer in model.layers} == official.LAYERS[
        "dasheng-base"
    ]
    assert list(found) == [*model.layers, "final"] == list(expected["layers"])
    for layer, vectors in expected["layers"].items():
        rms = np.sqrt(np.mean(vectors.astype(float) ** 2))
        np.testing.assert_allclose(found[layer], vectors, rtol=0, atol=5e-6 * rms, err_msg=layer)
        # what is common to all sounds hides what is not
        between = vectors - vectors.mean(axis=0)
        difference = found[layer] - found[layer].mean(axis=0) - between
        assert np.abs(difference).max() < 1e-5 * between.std(), layer


@pytest.mark.shared
def test_golden_front_end(golden, tmp_path):
    expected = golden.load("frontend-dasheng")

    def filled(key, shape):
        return (golden.value if key.startswith("init_bn") else fill)(key, shape)

    official.write("dasheng-base", tmp_path, filled, **SMALL)
    model = load(small("dasheng-base"), tmp_path)
    waveforms = torch.from_numpy(expected["waveforms"])
    found = {"logmel": model.inputs(waveforms).numpy()}
    found["after init_bn"] = model.forward(expected["waveforms"], ["frontend"])["frontend"]
    for i, (layer, output) in enumerate(found.items()):
        assert output.shape == (3, 64, 201)
        scale = np.abs(expected[f"full/{i:03d}"]).max()
        mean = output.mean(axis=-1, dtype=np.float64)
        np.testing.assert_allclose(mean, expected["layers"][layer], rtol=0, atol=1e-6 * scale)
        np.testing.assert_allclose(output[0].T, expected[f"full/{i:03d}"], atol=5e-5 * scale)


def test_computed_front_end_is_that_of_the_file():
    x = noise(2, 8000)
    config = published(SPECS[0])
    tables = (torch.from_numpy(official.window()), torch.from_numpy(official.filters()))
    found = computed(config)(torch.from_numpy(x)).numpy()
    read = FrontEnd(config, *tables)(torch.from_numpy(x)).numpy()
    np.testing.assert_allclose(found, read, atol=2e-3)  # dB; filters in single precision
    for i in range(2):
        np.testing.assert_allclose(found[i], decibels(x[i]), atol=2e-3)


# what the golden values do not reach: top_db


def test_top_db_is_relative_to_each_sound_alone(tmp_path):
    """An amplified tone has a floor that the quiet sounds beside it have not."""
    model, naive = little(tmp_path)
    t = np.arange(8000) / 16_000
    loud = 300 * np.sin(2 * np.pi * 1000 * t) * (t < 0.25)  # then silence
    quiet = 1e-4 * np.sin(2 * np.pi * 3000 * t)
    x = np.stack([loud, quiet, np.zeros_like(t)]).astype(np.float32)

    found = model.inputs(torch.from_numpy(x)).numpy()
    for i in range(3):
        np.testing.assert_allclose(found[i], decibels(x[i]), atol=2e-2)  # rounding far below
    # By hand: 1000 Hz is exactly bin 32, the window sums to 256. A tone of amplitude A then has
    # power (A 256 / 2)^2 in that bin and, with a Hann window, a quarter of it on either side.
    peak = (300 * 256 / 2) ** 2
    bands = official.filters()[31:34].T @ [peak / 4, peak, peak / 4]
    assert found[0].max() == pytest.approx(10 * math.log10(bands.max()), abs=1e-3)
    assert found[0].min() == pytest.approx(found[0].max() - 120, abs=1e-4)
    assert decibels(x[0], top_db=None).min() == pytest.approx(-100)
    # silence stays at the fixed floor, which the batch's maximum would have raised
    assert found[2].max() == pytest.approx(-100)
    assert found[0].min() > found[2].max() + 50

    together = model.vectors(x, model.every_layer())
    for i in range(3):
        expected = naive.layers(decibels(x[i]))
        for layer, vector in model.vectors(x[i], model.every_layer()).items():
            np.testing.assert_allclose(vector[0], together[layer][i], atol=2e-5, err_msg=layer)
            np.testing.assert_allclose(vector[0], expected[layer].mean(axis=1), atol=2e-3)


def test_top_db_by_hand_and_from_the_file(tmp_path):
    table = torch.tensor([[[30.0, -95.0], [10.0, -89.0]], [[-20.0, -100.0], [-40.0, -100.0]]])
    expected = torch.tensor([[[30.0, -90.0], [10.0, -89.0]], [[-20.0, -100.0], [-40.0, -100.0]]])
    torch.testing.assert_close(limited(table, 120), expected)
    torch.testing.assert_close(limited(table, None), table)
    x = noise(1, 4000)
    x[:, 2000:] = 0
    for top_db in (50.0, None, 120.0):
        path = save(tmp_path, change=lambda content, v=top_db: content["config"].update(top_db=v))
        found = load(small("dasheng-base"), path).inputs(torch.from_numpy(x))[0]
        np.testing.assert_allclose(found, decibels(x[0], top_db), atol=2e-3)


# the network


@pytest.mark.parametrize("name", official.NAMES)
def test_network_equals_a_naive_one(name, tmp_path):
    sizes = {"embed_dim": 160, "num_heads": 2} if name == "dasheng-06b" else {}  # heads of 80
    model, naive = little(tmp_path, name, **sizes)
    x = noise(2, 8000)
    every = model.every_layer()
    assert every == ("frontend", "0", "1", "final")
    found, vectors = model.forward(x, every), model.vectors(x, every)
    for i in range(2):
        for layer, expected in naive.layers(decibels(x[i])).items():
            np.testing.assert_allclose(found[layer][i], expected, atol=1e-4, err_msg=layer)
            np.testing.assert_allclose(vectors[layer][i], expected.mean(axis=1), atol=1e-4)


@pytest.mark.parametrize("n_frames", [15, 16, 17, 19, 20, 32, 35, 36, 41])
def test_pieces_of_long_sounds_begin_at_the_first_position_again(n_frames, tmp_path):
    model, naive = little(tmp_path, target_length=16)
    x = noise(2, 160 * (n_frames - 1))
    every = model.every_layer()
    found, vectors = model.forward(x, every), model.vectors(x, every)
    assert found["frontend"].shape == (2, 64, n_frames)
    assert found["1"].shape == (2, 32, n_frames // 4)
    for i in range(2):
        for layer, expected in naive.layers(decibels(x[i])).items():
            np.testing.assert_allclose(found[layer][i], expected, atol=1e-4, err_msg=layer)
            np.testing.assert_allclose(vectors[layer][i], expected.mean(axis=1), atol=1e-4)


def test_pieces_are_cut_from_the_spectrogram_and_not_from_the_waveform(tmp_path):
    model, _ = little(tmp_path)
    x = noise(1, 160 * 1500)  # 15 s
    found = model.forward(x, ["1"])["1"]
    assert found.shape == (1, 32, 375)
    first, rest = x[:, : 160 * 1008], x[:, 160 * 1008 :]
    apart = np.concatenate([model.forward(part, ["1"])["1"] for part in (first, rest)], axis=-1)
    assert np.abs(found - apart[..., :375])[..., 252].max() > 1e-2  # its frames reach back
    pieces = list(model.pieces(model.inputs(torch.from_numpy(x))))
    assert [piece.shape[-1] for piece in pieces] == [1008, 493]


def test_ends_that_fill_no_patch_are_not_used(tmp_path):
    model, _ = little(tmp_path)
    decibels = model.inputs(torch.from_numpy(noise(1, 32_000)))
    assert decibels.shape == (1, 64, 201)
    last, before = decibels.clone(), decibels.clone()
    last[..., 200] += 20
    before[..., 199] += 20
    tokens = model.network(decibels)
    assert tokens.shape == (1, 50, 32)
    torch.testing.assert_close(model.network(last), tokens, rtol=0, atol=0)
    assert not torch.allclose(model.network(before), tokens, atol=1e-3)


def test_gelu_and_norms():
    with torch.device("meta"):
        network = Dasheng(published(SPECS[0]))
    norms = [m for m in network.modules() if isinstance(m, torch.nn.LayerNorm)]
    assert len(norms) == 2 * 12 + 1
    assert {norm.eps for norm in norms} == {1e-6}
    (statistics,) = (m for m in network.modules() if isinstance(m, torch.nn.BatchNorm1d))
    assert statistics.eps == 1e-5


@pytest.mark.parametrize("name", official.NAMES)
def test_layers_and_their_published_keys(name):
    spec = next(spec for spec in SPECS if spec.name == name)
    narrow = dataclasses.replace(spec, options={**spec.options, "embed_dim": 48, "num_heads": 2})
    model = load(narrow, None)
    used = official.USED[name]
    assert model.layers == tuple(str(i) for i in used)
    depth = official.SIZES[name]["depth"]
    assert model.every_layer() == ("frontend", *(str(i) for i in range(depth)), "final")
    assert model.choose([f"{spec.aliases[0]}_{used[-1]}", "0"]) == ("0", str(used[-1]))
    assert model.choose(["final", "1"]) == ("1", "final")
    with pytest.raises(UnknownNameError, match=str(depth)):
        model.choose([str(depth)])
    found = model.vectors(noise(2, 3200))
    assert {layer: vector.shape for layer, vector in found.items()} == dict.fromkeys(
        model.layers, (2, 48)
    )


def test_shortest_sound_is_one_patch(tmp_path):
    model, _ = little(tmp_path)
    assert model.forward(noise(2, 480), ["1"])["1"].shape == (2, 32, 1)
    with pytest.raises(InputError, match=r"479 samples.*at least 480"):
        model.vectors(noise(2, 479))


# checkpoints


@pytest.mark.parametrize(
    ("entry", "value", "message"),
    [
        ("num_heads", 8, "num_heads = 8; expected 4 for dasheng-base"),
        ("depth", 3, "depth = 3; expected 2"),
        ("embed_dim", 64, "embed_dim = 64; expected 32"),
        ("pooling", "token", "pooling = 'token'; expected 'mean'"),
        ("patch_stride", [64, 2], r"patch_stride = \[64, 2\]; expected \[64, 4\]"),
        ("init_values", 1e-5, "init_values = 1e-05; expected None"),
        ("target_length", 1010, "target_length = 1010; expected a multiple of 4"),
        ("top_db", "loud", "top_db = 'loud'; expected a number"),
        ("f_max", 0, "f_min = 0.0 and f_max = 0; expected 0 <= f_min < f_max"),
        ("win_size", 513, "win_size = 513; expected at most n_fft = 512"),
        ("win_size", 400, rf"{WINDOW} has shape \(512,\); expected \(400,\)"),
        ("f_max", 7000, f"{FILTERS} is not what its config says"),
        ("target_length", 1012, r"time_pos_embed has shape \(1, 32, 1, 252\); expected .*253"),
    ],
)
def test_config_that_disagrees_is_refused(tmp_path, entry, value, message):
    path = save(tmp_path, change=lambda content: content["config"].update({entry: value}))
    with pytest.raises(InputError, match=message):
        load(small("dasheng-base"), path)


def test_config_may_leave_out_what_the_original_gives_itself(tmp_path):
    def shorten(content):
        content["config"] = {"patch_size": (64, 4), "group_masking": True, "drop_rate": 0.0}

    model = load(small("dasheng-base"), save(tmp_path, change=shorten))
    assert model.network.blocks[0].attn.num_heads == 4
    assert model.identity()["config"]["target_length"] == 1008


def _without(content):
    del content["model"]["blocks.1.attn.qkv.bias"]


def _with_more(content):
    content["model"]["outputlayer.0.bias"] = torch.zeros(32)


def _misshaped(content):
    content["model"]["blocks.1.mlp.fc1.weight"] = torch.zeros(64, 32)


def _no_statistics(content):
    del content["model"]["init_bn.1.running_var"]


def _no_filters(content):
    del content["model"][FILTERS]


def _other_filters(content):
    content["model"][FILTERS] = content["model"][FILTERS].roll(1, 0)


def _damaged(content):
    content["model"][WINDOW][5] = math.nan


def _symmetric(content):
    content["model"][WINDOW] = torch.hann_window(512, periodic=False)


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (_without, r"blocks\.1\.attn\.qkv\.bias.*missing"),
        (_with_more, r"outputlayer\.0\.bias.*not expected"),
        (_misshaped, r"blocks\.1\.mlp\.fc1\.weight has shape \(64, 32\); expected \(128, 32\)"),
        (_no_statistics, r"init_bn\.1\.running_var.*missing"),
        (_no_filters, r"front_end\.0\.mel_scale\.fb is missing"),
        (_other_filters, r"front_end\.0\.mel_scale\.fb is not what its config says"),
        (_damaged, r"front_end\.0\.spectrogram\.window is not what its config says"),
        (_symmetric, r"front_end\.0\.spectrogram\.window is not what its config says"),
        (lambda content: content.pop("config"), "its config is None; expected a dictionary"),
        (lambda content: content.pop("model"), "no 'model' in the file"),
    ],
)
def test_tensors_that_are_not_those_of_the_model_are_named(tmp_path, change, message):
    path = save(tmp_path, change=change)
    with pytest.raises(InputError, match=message):
        load(small("dasheng-base"), path)


def test_fine_tuned_file_is_flat_and_its_head_is_not_used(tmp_path):
    path = save(tmp_path, "dasheng-base-ft")
    model = load(small("dasheng-base-ft"), path)
    plain = load(small("dasheng-base"), save(tmp_path))
    x = noise(1, 4000)
    np.testing.assert_array_equal(model.vectors(x)["1"], plain.vectors(x)["1"])
    with pytest.raises(InputError, match="no 'model' in the file"):
        load(small("dasheng-base"), path)
    path = save(tmp_path, "dasheng-base-ft", change=lambda content: content.pop("norm.bias"))
    with pytest.raises(InputError, match=r"norm\.bias.*missing"):
        load(small("dasheng-base-ft"), path)
    path = save(tmp_path, "dasheng-base-ft", change=lambda c: c.update(decoder=torch.zeros(1)))
    with pytest.raises(InputError, match=r"decoder.*not expected"):
        load(small("dasheng-base-ft"), path)


# fresh weights


def test_fresh_weights_are_drawn_as_published():
    sizes = {"embed_dim": 128, "num_heads": 4}
    with seeded(3):
        model = load(small("dasheng-base", **sizes), None)
    with seeded(3):
        again = load(small("dasheng-base", **sizes), None)
    assert model.identity() == again.identity()
    state = {key: tensor.double() for key, tensor in model.network.state_dict().items()}
    for path, n_in, n_out in (("attn.qkv", 128, 384), ("mlp.fc1", 128, 512), ("mlp.fc2", 512, 128)):
        weight = state[f"blocks.1.{path}.weight"]
        limit = math.sqrt(6 / (n_in + n_out))  # Glorot: uniform up to it
        assert 0.99 * limit < weight.abs().max() <= limit
        assert weight.std() == pytest.approx(limit / math.sqrt(3), rel=0.02)
        assert not state[f"blocks.1.{path}.bias"].any()
    assert state["time_pos_embed"].std() == pytest.approx(0.02, rel=0.02)
    assert state["freq_pos_embed"].std() == pytest.approx(0.02, rel=0.3)
    assert (state["init_bn.1.running_var"] == 1).all()
    assert not state["init_bn.1.running_mean"].any()
    assert (state["blocks.0.norm1.weight"] == 1).all()
    assert np.isfinite(model.vectors(noise(1, 8000))["1"]).all()


def test_identity_follows_weights_and_constants(tmp_path):
    identities = [load(small("dasheng-base"), save(tmp_path)).identity()]
    for change in (
        lambda content: content["config"].update(top_db=100),
        lambda content: content["model"]["norm.bias"].add_(1e-3),
        lambda content: content["model"][FILTERS].mul_(1 - 1e-4),
    ):
        path = save(tmp_path, change=change)
        identities.append(load(small("dasheng-base"), path).identity())
    assert len({str(identity) for identity in identities}) == 4
    assert load(small("dasheng-base"), save(tmp_path)).identity() == identities[0]
