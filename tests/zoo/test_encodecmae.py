"""EnCodecMAE: golden values of the original, a plain rewrite, and files in the official layout."""

from __future__ import annotations

import math
import subprocess
import sys

import naive_encodecmae as naive
import numpy as np
import official_encodecmae as official
import pytest
import torch

import heschl
from heschl.errors import InputError
from heschl.models import outline
from heschl.models.encodecmae import SPECS
from heschl.models.encodecmae.configuration import published
from heschl.models.encodecmae.model import build, load
from heschl.models.encodecmae.seanet import Causal, SEANetEncoder, reflect

SPEC = {spec.name: spec for spec in SPECS}

#: Small, and with 12 heads of 2 that leave 4 of 28 features without one, as in the large network.
TINY = {
    "encodecmae-base": official.Size(28, 3, hidden=20, tokens=16),
    "encodecmae-large": official.Size(28, 6, hidden=20, tokens=16),
    "encodecmae-ec-base": official.Size(28, 2, hidden=20, n_in=128, tokens=16),
    "encodecmae-spec-base": official.Size(28, 2, hidden=20, n_in=513, tokens=16),
}


def rms(x):
    return np.sqrt((np.asarray(x, np.float64) ** 2).mean())


def random_fill(key, shape):
    """As in the golden values: near 1 for factors, small elsewhere."""
    if not official.is_used(key):
        return np.zeros(shape, np.float32)
    rng = np.random.default_rng(sum(map(ord, key)) + len(key))
    x = rng.standard_normal(shape, np.float32)
    if key.endswith("weight_g") or (key.endswith("weight") and len(shape) == 1) or not shape:
        return np.asarray(1 + 0.1 * x, np.float32)
    return x / np.float32(math.sqrt(np.prod(shape[1:]))) if len(shape) > 1 else x / 10


def noise(n_sounds, n_samples, seed=0):
    x = np.random.default_rng(seed).standard_normal((n_sounds, n_samples))
    return (0.05 * x).astype(np.float32)


@pytest.fixture
def tiny(tmp_path):
    """Write a reduced network in the official layout and load it: ``tiny(name)``."""

    def make(name, fill=random_fill, **options):
        official.write(name, tmp_path, fill, size=TINY[name], **options)
        return heschl.load_model(f"{name}@file:{tmp_path}")

    return make


# golden values of the original

GOLDEN = ("mel256-ec-small", "mel256-ec-base", "mel256-ec-large", "ec-ec-base", "ec-ec-base-x20")


@pytest.mark.shared
@pytest.mark.zoo
@pytest.mark.parametrize("case", GOLDEN)
def test_every_layer_is_that_of_the_original(case, golden, tmp_path):
    expected = golden.load(case)
    name = next(n for n, p in official.PUBLISHED.items() if p == expected["model"])

    def fill(key, shape):
        used = official.is_used(key)
        return np.asarray(golden.value(key, shape) if used else np.zeros(shape, np.float32))

    listed = golden.load(expected["model"])["state"]
    shapes = official.shapes(name)
    assert listed.items() <= shapes.items()
    assert {key for key in shapes if official.is_used(key)} <= set(listed)

    official.write(name, tmp_path, fill)
    model = heschl.load_model(f"{name}@file:{tmp_path}")
    found = model.vectors(expected["waveforms"], model.every_layer())
    assert len(expected["layers"]) - ("frontend_std" in expected["layers"]) == len(found)
    for key, value in expected["layers"].items():
        layer = key.replace("_nopn", "-nopn").rpartition("_")[2]
        if key.startswith("frontend"):
            layer = "frontend"
        if key == "frontend_std":
            whole = model.forward(expected["waveforms"], ["frontend"])["frontend"]
            assert whole.shape[-1] == 150
            vectors = whole.std(-1)
        else:
            vectors = found[layer]
        assert np.abs(vectors - value).max() <= 1e-4 * rms(value), key
        # random SEANets hide the sounds behind their biases, so these differ little between them
        between, wanted = (x - x.mean(0) for x in (vectors, value))
        limit = 5e-3 if case == "ec-ec-base" else 5e-4
        assert np.abs(between - wanted).max() <= limit * rms(wanted), key
    assert model.choose([f"{expected['model']}_0"]) == ("0",)  # the published key


# a plain rewrite


def test_layers_are_those_of_a_plain_rewrite(tiny):
    model = tiny("encodecmae-base")
    x = noise(2, 5000)
    found = model.forward(x, model.every_layer())
    state = official.state("encodecmae-base", random_fill, TINY["encodecmae-base"])
    for i in range(2):
        features = naive.mel(x[i])
        np.testing.assert_allclose(found["frontend"][i].T, features, atol=2e-3)
        expected = naive.layers(found["frontend"][i].T.astype(np.float64), state, 3, heads=12)
        assert list(found) == ["frontend", *expected]
        for layer, value in expected.items():
            np.testing.assert_allclose(found[layer][i].T, value, atol=1e-5 * np.abs(value).max())


def test_waveforms_are_taken_as_they_are(tiny):
    """A power four times as large is log 4 more, in units of 4.82, where a band has a bin."""
    model = tiny("encodecmae-base")
    x = noise(1, 5000)
    assert model.level is None
    loud, quiet = (model.vectors(k * x, ["frontend"])["frontend"][0] for k in (2, 1))
    floor = (math.log(np.finfo(np.float32).eps) + 6.12) / 4.82
    empty = np.isclose(quiet, floor)
    assert 0 < empty.sum() < 10  # the lowest bands are narrower than a bin
    np.testing.assert_allclose(loud - quiet, np.where(empty, 0, math.log(4) / 4.82), atol=1e-4)


@pytest.mark.parametrize("name", ["encodecmae-base", "encodecmae-ec-base", "encodecmae-spec-base"])
def test_a_sound_has_the_same_vectors_whatever_is_beside_it(tiny, name):
    model = tiny(name)
    x = noise(5, 4321)
    x[1] *= 100
    together = model.vectors(x, model.every_layer())
    for i in range(5):
        for layer, value in model.vectors(x[i : i + 1], model.every_layer()).items():
            assert np.abs(value[0] - together[layer][i]).max() <= 1e-5 * rms(value)


@pytest.mark.parametrize(("extra", "pieces"), [(0, 1), (2048, 1), (2049, 2), (12_700, 2)])
def test_long_sounds_are_cut_in_chunks(tiny, extra, pieces):
    """Chunks of half a second here, because the config says so; 4 s as published."""
    size = TINY["encodecmae-base"]
    text = official.config("encodecmae-base", size).replace("DURATION = 4", "DURATION = 0.5")
    model = tiny("encodecmae-base", text=text)
    assert model.chunk_samples == 12_000
    x = noise(2, 12_000 + extra)
    by_hand = [
        model.forward(x[:, start : start + 12_000], model.every_layer())
        for start in range(0, 12_000 * pieces, 12_000)
    ]
    whole = model.forward(x, model.every_layer())
    vectors = model.vectors(x, model.every_layer())
    for layer, value in whole.items():
        expected = np.concatenate([piece[layer] for piece in by_hand], -1)
        np.testing.assert_array_equal(value, expected)
        mean = expected.mean(-1, dtype=np.float64)
        np.testing.assert_allclose(vectors[layer], mean, rtol=1e-5, atol=1e-6)


def test_a_sound_may_be_as_short_as_a_frame(tiny):
    model = tiny("encodecmae-base")
    assert model.forward(noise(1, 637))["0"].shape == (1, 28, 1)
    assert model.forward(noise(1, 2 * 24_000))["0"].shape == (1, 28, 149)
    with pytest.raises(InputError, match="637 samples"):
        model.forward(noise(1, 636))


# EnCodec's encoder


def test_reflection_at_the_ends_and_of_short_signals():
    x = torch.tensor([[[1.0, 2.0, 3.0, 4.0]]])
    assert reflect(x, 2, 1).tolist() == [[[3, 2, 1, 2, 3, 4, 3]]]
    assert reflect(x, 0, 0).tolist() == x.tolist()
    # as if zeros followed: 1 2 3 4 0 0 reflected is 0 0 4 3 2 | 1 2 3 4 0 0
    assert reflect(x, 5, 0).tolist() == [[[0, 0, 4, 3, 2, 1, 2, 3, 4]]]


@pytest.mark.parametrize(("size", "stride", "n"), [(7, 1, 9), (4, 2, 9), (10, 5, 23), (3, 1, 1)])
def test_causal_convolution_is_that_of_a_plain_loop(size, stride, n):
    torch.manual_seed(0)
    conv = Causal(2, 3, size, stride)
    inner = conv.conv.conv
    with torch.no_grad():
        inner.weight_g.mul_(torch.tensor([0.5, 2.0, 3.0])[:, None, None])
    x = torch.randn(1, 2, n)
    before, n_out = size - stride, math.ceil(n / stride)
    padded = reflect(x, before, n_out * stride - n)[0].double().numpy()
    g, v, bias = (p.detach().double().numpy() for p in (inner.weight_g, inner.weight_v, inner.bias))
    for o in range(3):
        kernel = v[o] * g[o] / np.sqrt((v[o] ** 2).sum())
        for t in range(n_out):
            value = (kernel * padded[:, t * stride : t * stride + size]).sum() + bias[o]
            assert conv(x)[0, o, t].item() == pytest.approx(value, abs=1e-5)
    assert conv(x).shape == (1, 3, n_out)


@pytest.mark.zoo
def test_encodecs_encoder_is_that_of_transformers():
    """Also at lengths that are no multiples of 320, which the golden values do not have."""
    from transformers import EncodecConfig
    from transformers.models.encodec.modeling_encodec import EncodecEncoder

    torch.manual_seed(0)
    mine, other = SEANetEncoder().eval(), EncodecEncoder(EncodecConfig()).eval()
    state = {}
    for key, value in mine.state_dict().items():
        key = key.removeprefix("model.model.").replace(".conv.conv.", ".conv.")
        key = key.replace("weight_g", "parametrizations.weight.original0")
        state["layers." + key.replace("weight_v", "parametrizations.weight.original1")] = value
    other.load_state_dict(state)
    for n in (1, 5, 319, 320, 321, 4000, 7777):
        x = torch.from_numpy(noise(2, n))
        with torch.inference_mode():
            expected = other(x[:, None]).transpose(1, 2)
            found = mine(x)
        assert found.shape == (2, math.ceil(n / 320), 128)
        assert (found - expected).abs().max() <= 1e-5 * rms(expected)


# files


@pytest.mark.parametrize("name", official.NAMES)
def test_all_layers_in_their_order_and_how_sounds_are_cut(name):
    model = outline(name)
    assert model.sample_rate == 24_000
    assert model.chunk_samples == 96_000
    last = official.published_size(name).depth - 1
    assert model.every_layer() == ("frontend", *map(str, range(last)), f"{last}-nopn", str(last))


@pytest.mark.parametrize(
    ("name", "n"),
    [
        ("encodecmae-small", 18_307_073),
        ("encodecmae-base", 30_118_913),
        ("encodecmae-large", 92_299_265),
        ("encodecmae-ec-base", 30_020_609 + 7_425_792),
        ("encodecmae-spec-base", 30_118_913 + (513 - 256) * 768),
    ],
)
def test_number_of_parameters(name, n):
    with torch.device("meta"):
        network = build(published(SPEC[name].options))
    assert sum(p.numel() for p in network.parameters()) == n
    official_shapes = {k: s for k, s in official.shapes(name).items() if official.is_used(k)}
    assert {k: tuple(t.shape) for k, t in network.state_dict().items()} == official_shapes


def test_layers_share_one_feed_forward_network(tiny):
    model = tiny("encodecmae-base")
    layers = model.network.visible_encoder.encoder_layers
    assert layers[0].ff_layer is layers[2].ff_layer
    inner = 24 * 28
    per_layer, shared = 4 * inner + 4 * 28, 2 * 20 * 28 + 20 + 28
    assert model.n_parameters() == 256 * 28 + 28 + 1 + 3 * per_layer + shared + 2 * 28


def test_unequal_copies_of_the_shared_network_are_refused(tmp_path):
    name, key = "encodecmae-base", "visible_encoder.encoder_layers.2.ff_layer.2.bias"
    state = official.state(name, random_fill, TINY[name])
    state[key] = state[key] + 1e-6
    torch.save({"state_dict": state, "config": ""}, tmp_path / "mel256-ec-base.pt")
    with pytest.raises(InputError, match=f"{key} differ"):
        load(SPEC[name], tmp_path)


def test_large_networks_give_every_second_layer_and_the_last(tiny):
    model = tiny("encodecmae-large")
    assert model.layers == ("0", "2", "4", "5")
    assert model.extra_layers == ("frontend", "1", "3", "5-nopn")


@pytest.mark.parametrize("name", ["encodecmae-base", "encodecmae-ec-base"])
def test_checkpoints_of_the_training_load_without_a_config(name, tiny, tmp_path):
    model = tiny(name)
    state = official.state(name, random_fill, TINY[name])
    lightning = {
        "epoch": 3,
        "global_step": 1000,
        "pytorch-lightning_version": "2.0.4",
        "state_dict": state,
        "optimizer_states": [{"state": {0: {"exp_avg": torch.zeros(3)}}}],
        "lr_schedulers": [],
    }
    torch.save(lightning, tmp_path / "epoch=3-step=1000.ckpt")
    torch.save(state, tmp_path / "state.pt")
    for file in ("epoch=3-step=1000.ckpt", "state.pt"):
        other = heschl.load_model(f"{name}@file:{tmp_path / file}")
        assert other.identity() == model.identity()


def test_fresh_weights_are_drawn_as_before_the_training():
    torch.manual_seed(3)
    model = load(SPEC["encodecmae-small"], None)
    state = model.network.state_dict()
    weight = state["visible_encoder.encoder_layers.0.ff_layer.0.weight"]
    assert weight.abs().max().item() == pytest.approx(math.sqrt(6 / (768 + 4096)), rel=1e-3)
    assert weight.std().item() == pytest.approx(math.sqrt(2 / (768 + 4096)), rel=1e-2)
    for key, value in state.items():
        if value.ndim < 2:
            assert torch.all(value == (1 if key.endswith(("weight", "scale")) else 0)), key
    torch.manual_seed(3)
    assert load(SPEC["encodecmae-small"], None).identity() == model.identity()
    assert model.identity() != heschl.load_model("encodecmae-small@random:4").identity()


def test_a_fresh_encodec_encoder_has_its_kernels_lengths():
    encoder = SEANetEncoder(width=4)
    conv = encoder.model.model[0].conv.conv
    lengths = conv.weight_v.detach().flatten(1).norm(dim=1)
    torch.testing.assert_close(conv.weight_g.detach().flatten(), lengths)


def test_the_table_needs_no_torch():
    code = (
        "import sys, heschl.models.encodecmae as e\n"
        "assert len(e.SPECS) == 10 and not {'torch', 'transformers'} & set(sys.modules)"
    )
    subprocess.run([sys.executable, "-c", code], check=True)
    assert [spec.name for spec in SPECS] == list(official.NAMES)
    assert [spec.aliases for spec in SPECS] == [(p,) for p in official.PUBLISHED.values()]
    assert all(spec.weights.files[0].path.name == f"{spec.aliases[0]}.pt" for spec in SPECS)
