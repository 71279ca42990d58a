"""BEATs: against the original's golden values, a naive network, and cases solved by hand."""

from __future__ import annotations

import dataclasses
import math
import subprocess
import sys
import tempfile
from pathlib import Path

import numpy as np
import official_beats as official
import pytest
import torch
from naive_beats import Naive

import heschl
from heschl.errors import InputError, UnknownNameError
from heschl.models.beats import SPECS
from heschl.models.beats.attention import Attention, buckets
from heschl.models.beats.config import published
from heschl.models.beats.model import front_end, load
from heschl.models.beats.network import Beats, Block
from heschl.models.controls import seeded

RATE = 16_000
CASES = {"BEATs_iter3": "beats-iter3", "BEATs_iter3_finetuned_on_AS2M_cpt1": "beats-iter3-ft"}
SMALL = {
    "embed_dim": 24,
    "encoder_layers": 2,
    "encoder_embed_dim": 32,
    "encoder_ffn_embed_dim": 48,
    "encoder_attention_heads": 4,
    "conv_pos": 6,
    "conv_pos_groups": 4,
    "num_buckets": 32,
    "max_distance": 40,
    "predictor_class": 5,
}
FIXED = {key: SMALL[key] for key in SMALL if not key.startswith(("conv_pos", "num", "max"))}


def fill(key, shape):
    rng = np.random.default_rng(len(key) + sum(map(ord, key)))
    x = rng.standard_normal(shape) / math.sqrt(math.prod(shape[1:]))
    return (1 + 0.1 * x if key.endswith(("norm.weight", "weight_g")) else x).astype(np.float32)


def small(name, **more):
    spec = next(spec for spec in SPECS if spec.name == name)
    return dataclasses.replace(spec, options={**spec.options, **FIXED, **more})


def noise(n_sounds, n_samples, seed=0):
    return 0.1 * np.random.default_rng(seed).standard_normal((n_sounds, n_samples)).astype(
        np.float32
    )


def save(folder, name="beats-iter3", change=None, **sizes):
    """A small released file, after ``change(content)``."""
    official.write(name, folder, fill, **SMALL, **sizes)
    path = folder / official.FILES[name]
    if change is not None:
        content = torch.load(path, weights_only=True)
        change(content)
        torch.save(content, path)
    return path


@pytest.fixture(scope="module", params=["beats-iter3", "beats-iter3-ft"])
def little(request, tmp_path_factory):
    folder = tmp_path_factory.mktemp("beats")
    save(folder, request.param)
    return load(small(request.param), folder)


# the table


def test_table_says_where_the_files_are_and_imports_no_torch():
    code = "import heschl.models.beats, sys; print({'torch', 'transformers'} & set(sys.modules))"
    run = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert run.stdout.strip() == "set()"
    assert tuple(spec.name for spec in SPECS) == official.NAMES
    for spec in SPECS:
        (file,) = spec.weights.files
        assert file.path == Path(official.FILES[spec.name])
        assert spec.aliases == (file.path.stem,)
        assert file.url.endswith(f"5b53b0404df452a3a607d7e67687227730e5bad1/{file.path}")
        # numbers of four bytes, and less than 3 % more for names and the archive
        assert 0 < file.size - 4 * official.PARAMETERS[spec.name] < 500_000
    assert len({spec.weights.files[0].sha256 for spec in SPECS}) == 4


@pytest.mark.parametrize("spec", SPECS, ids=lambda spec: spec.name)
def test_full_size_has_the_official_keys_shapes_and_parameters(spec):
    with torch.device("meta"):
        network = Beats(published(spec))
    state = {key: tuple(tensor.shape) for key, tensor in network.state_dict().items()}
    assert state == official.shapes(spec.name)
    assert len(state) == official.N_KEYS[spec.name]
    assert sum(p.numel() for p in network.parameters()) == official.PARAMETERS[spec.name]
    assert not list(network.buffers())


# golden values of the original


@pytest.fixture(scope="module", params=list(CASES))
def case(request, golden):
    with tempfile.TemporaryDirectory() as folder:  # 360 MB: gone as soon as it is mapped
        official.write(CASES[request.param], Path(folder), golden.value)
        model = heschl.load_model(f"{CASES[request.param]}@file:{folder}")
    return golden.load(request.param), model, CASES[request.param]


@pytest.mark.shared
@pytest.mark.zoo
def test_golden_values_on_all_layers(case):
    expected, model, name = case
    assert {k: tuple(v) for k, v in expected["state"].items()} == official.shapes(name)
    found = model.vectors(expected["waveforms"], list(expected["layers"]))
    assert list(found) == list(expected["layers"])
    assert {layer: found[layer].shape[1] for layer in model.layers} == official.LAYERS[name]
    for layer, vectors in expected["layers"].items():
        rms = np.sqrt(np.mean(vectors.astype(float) ** 2))
        np.testing.assert_allclose(found[layer], vectors, rtol=0, atol=5e-5 * rms, err_msg=layer)
        # what is common to all sounds hides what is not
        between = vectors - vectors.mean(axis=0)
        difference = found[layer] - found[layer].mean(axis=0) - between
        assert np.abs(difference).max() < 2e-4 * between.std(), layer
    alone = model.vectors(expected["waveforms"][1], ["6"])["6"][0]
    np.testing.assert_allclose(alone, found["6"][1], atol=1e-5)


@pytest.mark.shared
def test_golden_front_end(golden):
    expected = golden.load("frontend-beats")
    found = front_end(torch.from_numpy(expected["waveforms"])).numpy()
    assert found.shape == (3, 198, 128)
    mean = found.mean(axis=1, dtype=np.float64)
    rms = np.sqrt(np.mean(expected["layers"]["fbank"] ** 2))
    np.testing.assert_allclose(mean, expected["layers"]["fbank"], rtol=0, atol=5e-5 * rms)
    difference = np.abs(found[0] - expected["full/000"])
    # in nearly silent bands single precision moves the logarithm, the original's by up to 0.017
    assert difference.max() < 0.03 / (2 * 6.55582)
    assert np.quantile(difference, 0.99) < 1e-4


def test_silence_is_at_the_floor():
    silent = front_end(torch.zeros(1, 3200))
    assert silent.shape == (1, 18, 128)
    np.testing.assert_allclose(silent, -2.3917, atol=5e-5)  # log(2^-23), normalised


# the network, by hand


def test_relative_positions_by_hand():
    def of(*distances):
        return buckets(torch.tensor(distances), num_buckets=320, max_distance=800).tolist()

    assert of(0, -1, -79, -80) == [0, 1, 79, 80]  # one bucket each; keys before the query
    assert of(1, 79, 80) == [161, 239, 240]  # keys after it
    assert of(-95, 95) == [85, 245]  # 80 + 80 log10(95/80) = 85.97: the farthest in 2 s
    assert of(-254, 254) == [120, 280]  # 80 + 80 log10(254/80) = 120.1
    assert of(-799, -800, -10_000, 10_000) == [159, 159, 159, 319]


def test_gate_by_hand():
    with seeded(0):
        attention = Attention(published(small("beats-iter3")), torch.nn.Embedding(320, 4))
    torch.nn.init.zeros_(attention.grep_linear.weight)
    attention.grep_linear.bias.data = torch.tensor(
        [1.0, 2.0, -1.0, -2.0, 0.5, 0.5, 0.0, math.log(3) - 1]
    )
    attention.grep_a.data = torch.tensor([1.0, 2.0, 0.0, -4.0]).reshape(1, 4, 1, 1)
    gate = attention.gate(torch.randn(2, 4, 3, 8))
    assert gate.shape == (2, 4, 3, 1)
    # a = sigmoid(0) = 1/2, b = sigmoid(log 3) = 3/4: a (b grep_a - 1) + 2
    expected = torch.tensor([1.875, 2.25, 1.5, 0.0]).reshape(1, 4, 1, 1).expand(2, 4, 3, 1)
    torch.testing.assert_close(gate, expected)


def test_network_equals_a_naive_one(little):
    cfg = official.cfg(little.name, **SMALL)
    naive = Naive(cfg, official.state(little.name, fill, **SMALL))
    x = noise(2, 16_500)  # 48 tokens: farther apart than max_distance
    every = little.every_layer()
    assert every[:3] == ("0", "1", "2")
    assert ("predictor" in every) == (little.name == "beats-iter3-ft")
    found, vectors = little.forward(x, every), little.vectors(x, every)
    for i, fbank in enumerate(front_end(torch.from_numpy(x)).double().numpy()):
        for layer, expected in naive.layers(fbank).items():
            np.testing.assert_allclose(found[layer][i], expected, atol=2e-5, err_msg=layer)
            np.testing.assert_allclose(vectors[layer][i], expected.mean(axis=1), atol=1e-5)


def test_gelu_norms_and_the_shared_table():
    with torch.device("meta"):
        network = Beats(published(SPECS[3]))
    norms = [m for m in network.modules() if isinstance(m, torch.nn.LayerNorm)]
    assert len(norms) == 2 + 2 * 12
    assert {norm.eps for norm in norms} == {1e-5}  # golden values do not tell it from 1e-6
    assert network.encoder.pos_conv[1].approximate == "none"
    blocks = [block for block in network.encoder.layers if isinstance(block, Block)]
    assert len({id(block.self_attn.relative_attention_bias) for block in blocks}) == 1
    assert blocks[0].past == pytest.approx(2.2134, abs=5e-5)


@pytest.mark.parametrize("name", official.NAMES)
def test_layers_have_their_published_keys(name, tmp_path):
    save(tmp_path, name)
    model = load(small(name), tmp_path)
    assert model.layers == ("0", "1", "2")
    assert model.extra_layers == (("predictor",) if name == "beats-iter3-ft" else ())
    key = Path(official.FILES[name]).stem
    assert model.choose([f"{key}_2", "0"]) == ("0", "2")
    assert [model.site(layer).published for layer in model.layers] == [
        f"{key}_{i}" for i in range(3)
    ]
    with pytest.raises(UnknownNameError, match="'13'"):
        model.choose(["13"])


def test_one_sound_does_not_depend_on_the_others(little):
    x = noise(4, 8000)
    x[1] *= 50
    x[2] = 0
    every = little.every_layer()
    together = little.vectors(x, every)
    for i in range(4):
        for layer, vector in little.vectors(x[i], every).items():
            np.testing.assert_allclose(vector[0], together[layer][i], atol=1e-5, err_msg=layer)


def test_frames_that_fill_no_patch_are_not_used(little):
    x = noise(1, 32_000)
    changed = x.copy()
    changed[:, 191 * 160 + 400 :] = 1  # behind frame 191, the last of 12 patches of 16
    layer = little.layers[0]
    np.testing.assert_array_equal(
        little.forward(x, [layer])[layer], little.forward(changed, [layer])[layer]
    )
    assert little.forward(x, [layer])[layer].shape == (1, 32, 96)


def test_shortest_sound_is_one_patch(little):
    assert little.forward(noise(2, 2800), ["2"])["2"].shape == (2, 32, 8)
    with pytest.raises(InputError, match=r"2799 samples.*at least 2800"):
        little.vectors(noise(2, 2799))


# checkpoints


def test_constants_are_read_from_the_file(tmp_path):
    x = noise(1, 16_000)
    vectors = {}
    for max_distance, deep_norm in ((40, True), (400, True), (40, False)):
        sizes = {"max_distance": max_distance, "deep_norm": deep_norm}
        save(tmp_path, change=lambda content, s=sizes: content["cfg"].update(s))
        model = load(small("beats-iter3"), tmp_path)
        naive = Naive(
            official.cfg("beats-iter3", **SMALL) | sizes,
            official.state("beats-iter3", fill, **SMALL),
        )
        expected = naive.layers(front_end(torch.from_numpy(x))[0].double().numpy())["2"].mean(
            axis=1
        )
        vectors[max_distance, deep_norm] = model.vectors(x)["2"][0]
        np.testing.assert_allclose(vectors[max_distance, deep_norm], expected, atol=1e-5)
    first, *others = vectors.values()
    assert all(np.abs(other - first).max() > 1e-3 for other in others)


def test_an_absent_entry_is_what_the_original_takes_for_it(tmp_path):
    path = save(tmp_path, change=lambda content: content["cfg"].pop("max_distance"))
    assert load(small("beats-iter3"), path).network.config.max_distance == 1280
    save(tmp_path, change=lambda content: content["cfg"].pop("gru_rel_pos"))
    with pytest.raises(InputError, match="gru_rel_pos = False; expected True for beats-iter3"):
        load(small("beats-iter3"), path)


@pytest.mark.parametrize(
    ("entry", "value", "message"),
    [
        ("encoder_layers", 3, "encoder_layers = 3; expected 2 for beats-iter3"),
        ("encoder_attention_heads", 8, "encoder_attention_heads = 8; expected 4"),
        ("activation_fn", "relu", "activation_fn = 'relu'; expected 'gelu'"),
        ("layer_norm_first", True, "layer_norm_first = True; expected False"),
        ("relative_position_embedding", False, "relative_position_embedding = False"),
        ("finetuned_model", True, "finetuned_model = True; expected False"),
        ("input_patch_size", True, "input_patch_size = True; expected 16"),
        ("max_distance", 8, "max_distance = 8; expected a whole number above num_buckets / 4"),
        ("num_buckets", 30, "num_buckets = 30; expected a multiple of 4"),
        ("conv_pos_groups", 5, "conv_pos_groups = 5; expected a divisor of 32"),
        ("deep_norm", "yes", "deep_norm = 'yes'; expected True or False"),
        (
            "num_buckets",
            64,
            r"encoder.layers.0.self_attn.relative_attention_bias.weight has shape \(32, 4\)",
        ),
        ("conv_pos", 8, r"encoder.pos_conv.0.weight_g has shape \(1, 1, 6\)"),
    ],
)
def test_cfg_that_disagrees_is_refused(tmp_path, entry, value, message):
    path = save(tmp_path, change=lambda content: content["cfg"].update({entry: value}))
    with pytest.raises(InputError, match=message):
        load(small("beats-iter3"), path)


def _without(content):
    del content["model"]["encoder.layers.1.fc2.bias"]


def _with_more(content):
    content["model"]["encoder.layers.2.fc2.bias"] = torch.zeros(32)


def _misshaped(content):
    content["model"]["encoder.layers.1.self_attn.grep_a"] = torch.ones(1, 3, 1, 1)


def _damaged(content):
    content["model"]["encoder.layer_norm.bias"][3] = math.nan


def _two_tables(content):
    key = "encoder.layers.1.self_attn.relative_attention_bias.weight"
    content["model"][key] = content["model"][key] + 1


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (_without, r"encoder\.layers\.1\.fc2\.bias.*missing"),
        (_with_more, r"encoder\.layers\.2\.fc2\.bias.*not expected"),
        (_misshaped, r"encoder\.layers\.1\.self_attn\.grep_a has shape \(1, 3, 1, 1\)"),
        (_damaged, r"encoder\.layer_norm\.bias has 1 values"),
        (
            _two_tables,
            r"layers\.0\.self_attn\.relative_attention_bias\.weight and .*layers\.1.* differ",
        ),
        (lambda content: content.pop("cfg"), "its cfg is None; expected a dictionary"),
        (lambda content: content.pop("model"), "no 'model' in the file"),
    ],
)
def test_tensors_that_are_not_those_of_the_model_are_named(tmp_path, change, message):
    path = save(tmp_path, change=change)
    with pytest.raises(InputError, match=message):
        load(small("beats-iter3"), path)


def test_the_fine_tuned_file_is_no_other_model(tmp_path):
    path = save(tmp_path, "beats-iter3-ft")
    with pytest.raises(InputError, match="finetuned_model = True; expected False for beats-iter3"):
        load(small("beats-iter3"), path)
    path = save(tmp_path, "beats-iter3")
    with pytest.raises(
        InputError, match="finetuned_model = False; expected True for beats-iter3-ft"
    ):
        load(small("beats-iter3-ft"), path)


# fresh weights


def test_fresh_weights_are_drawn_as_published():
    more = {"encoder_embed_dim": 128, "encoder_ffn_embed_dim": 256, "conv_pos": 64}
    with seeded(3):
        model = load(small("beats-iter3", **more), None)
    with seeded(3):
        again = load(small("beats-iter3", **more), None)
    assert model.identity() == again.identity()
    state = {key: tensor.double() for key, tensor in model.network.state_dict().items()}
    beta = (8 * 2) ** -0.25  # DeepNorm, of two blocks
    stds = {
        "encoder.pos_conv.0.weight_v": math.sqrt(4 / (64 * 128)),
        "encoder.layers.1.self_attn.q_proj.weight": math.sqrt(2 / 256),
        "encoder.layers.1.self_attn.k_proj.weight": math.sqrt(2 / 256),
        "encoder.layers.1.self_attn.v_proj.weight": beta * math.sqrt(2 / 256),
        "encoder.layers.1.self_attn.out_proj.weight": beta * math.sqrt(2 / 256),
        "encoder.layers.0.fc1.weight": beta * math.sqrt(2 / 384),
        "encoder.layers.0.fc2.weight": beta * math.sqrt(2 / 384),
        "encoder.layers.0.self_attn.relative_attention_bias.weight": 0.02,
        "encoder.layers.0.self_attn.grep_linear.weight": 0.02,
    }
    for key, std in stds.items():
        assert state[key].std() == pytest.approx(std, rel=4 / math.sqrt(2 * state[key].numel())), (
            key
        )
    zero = [key for key in state if key.startswith("encoder") and key.endswith("bias")]
    assert all(not state[key].any() for key in zero)
    assert all((state[key] == 1).all() for key in state if key.endswith("grep_a"))
    v = state["encoder.pos_conv.0.weight_v"]
    torch.testing.assert_close(
        state["encoder.pos_conv.0.weight_g"].flatten(), (v**2).sum((0, 1)).sqrt(), rtol=1e-6, atol=0
    )
    assert np.isfinite(model.vectors(noise(1, 8000))["2"]).all()


def test_identity_follows_weights_and_constants(tmp_path):
    identities = [load(small("beats-iter3"), save(tmp_path)).identity()]
    for change in (
        lambda content: content["cfg"].update(max_distance=41),
        lambda content: content["model"]["layer_norm.bias"].add_(1e-3),
    ):
        identities.append(load(small("beats-iter3"), save(tmp_path, change=change)).identity())
    assert len({str(identity) for identity in identities}) == 3
    assert load(small("beats-iter3"), save(tmp_path)).identity() == identities[0]
