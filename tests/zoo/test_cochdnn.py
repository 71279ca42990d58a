"""CochDNN: the released files, "same" padding, both networks, durations, the original's values."""

from __future__ import annotations

import functools
import sys
import tarfile
from dataclasses import replace

import numpy as np
import official_cochdnn as official
import pytest
import torch
from checks import alone_as_together, check_golden
from naive_layers import convolve, normalise, numpy_state
from torch import nn

from heschl.errors import FetchError, InputError
from heschl.models import cochleagram, load_model, weights
from heschl.models.cochdnn import ARCHIVE, SPECS, model
from heschl.models.cochdnn.cnn9 import CNN9
from heschl.models.cochdnn.resnet50 import ResNet50
from heschl.models.cochdnn.same import SameAvgPool, SameConv, SameMaxPool
from heschl.models.weights import convert
from loopback import Loopback

SPEC = {spec.name: spec for spec in SPECS}
ALIAS = {
    "word": "word",
    "speaker": "speaker",
    "audioset": "audioset",
    "multitask": "word_speaker_audioset",
}
CNN = {"widths": (2, 3, 4, 5, 3), "n_units": 6}
RESNET = {"width": 2}
NARROW = {name: CNN if "cnn9" in name else RESNET for name in official.NAMES}
BOTH = ("cochcnn9-speaker", "cochresnet50-word")


def random_fill(key, shape):
    rng = np.random.default_rng([len(key), *key.encode()])
    if key.endswith("running_var"):
        return (1 + rng.random(shape)).astype(np.float32)
    scale = np.sqrt(2 / np.prod(shape[1:])) if len(shape) > 1 else 0.1
    return (scale * rng.standard_normal(shape)).astype(np.float32)


@pytest.fixture
def narrow(monkeypatch):
    """Load narrow networks by the code that loads the full ones."""
    networks = {
        "cnn9": functools.partial(CNN9, **CNN),
        "resnet50": functools.partial(ResNet50, **RESNET),
    }
    monkeypatch.setattr(model, "_NETWORKS", networks)


@pytest.fixture
def noise():
    return (0.1 * np.random.default_rng(0).standard_normal((3, 40_000))).astype(np.float32)


def load(name, folder, change=None, **options):
    """Write the released file, narrow and changed, and load it."""
    tensors = official.state(name, random_fill, **NARROW[name])
    if change is not None:
        change(tensors)
    official.save(tensors, folder / official.FILES[name], **options)
    return model.load(SPEC[name], folder)


def outline(name):
    """The model at full size, without values."""
    with torch.device("meta"):
        return model.load(SPEC[name], None)


# the table


def test_names_aliases_and_members():
    assert tuple(SPEC) == official.NAMES
    for name, spec in SPEC.items():
        network, task = name.split("-")
        published = {"cochcnn9": "kell2018", "cochresnet50": "resnet50"}[network]
        assert spec.aliases == (f"braindnn_{published}_{ALIAS[task]}",)
        (file,) = spec.weights.files
        assert file.member == official.MEMBERS[name]
        assert file.url == "https://mcdermottlab.mit.edu/cochdnn/cochdnn_model_checkpoints.tar"
        assert file.path.as_posix() == official.FILES[name]
        assert spec.weights.archive is ARCHIVE
        assert spec.weights.convert


def test_the_table_is_read_without_torch():
    import subprocess

    code = "import sys, heschl.models.cochdnn; print('torch' in sys.modules)"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "False"


# networks


@pytest.mark.parametrize(
    ("name", "millions"),
    [
        ("cochcnn9-word", 110.22),
        ("cochcnn9-speaker", 114.11),
        ("cochcnn9-audioset", 114.11),
        ("cochcnn9-multitask", 114.11),
        ("cochresnet50-word", 25.13),
        ("cochresnet50-speaker", 27.08),
        ("cochresnet50-audioset", 27.08),
        ("cochresnet50-multitask", 27.08),
    ],
)
def test_tensors_and_parameters_are_the_published_ones(name, millions):
    shapes = official.shapes(name)
    found = outline(name)
    state = {key: tuple(value.shape) for key, value in found.network.state_dict().items()}
    heads = {k: s for k, s in shapes.items() if k.split(".")[0] in ("classification", "fc")}
    assert state == {key: shape for key, shape in shapes.items() if key not in heads}
    learned = [
        np.prod(shape)
        for key, shape in shapes.items()
        if key.rsplit(".", 1)[1] in ("weight", "bias")
    ]
    assert sum(learned) / 1e6 == pytest.approx(millions, abs=0.005)
    assert found.n_parameters() + sum(np.prod(s) for s in heads.values()) == sum(learned)


@pytest.mark.parametrize("name", official.NAMES)
def test_layers_have_the_published_shapes(name):
    found = outline(name)
    assert found.layers == tuple(official.LAYERS[name])
    assert found.every_layer() == ("cochleagram", *official.LAYERS[name])
    assert (found.sample_rate, found.level) == (20_000, 0.1)
    shapes = found.shapes(40_000)
    assert shapes["cochleagram"] == (211, 390)
    for layer, width in official.LAYERS[name].items():
        n_frames = official.FRAMES.get(layer, 1)
        if layer == "maxpool1" and "resnet" in name:
            n_frames = 98
        if layer == "avgpool" and "cnn9" in name:
            n_frames = 9
        assert (np.prod(shapes[layer][:-1]), shapes[layer][-1]) == (width, n_frames)
        key = f"{SPEC[name].aliases[0]}_{layer}"
        assert found.choose([key]) == (layer,)


def test_normalisation_adds_one_hundred_thousandth():
    for network in (CNN9(**CNN), ResNet50(**RESNET)):
        norms = [m for m in network.modules() if isinstance(m, nn.BatchNorm2d)]
        assert {norm.eps for norm in norms} == {1e-5}
        assert len(norms) in (3, 53)


def test_fresh_weights():
    torch.manual_seed(0)
    convolution = ResNet50(width=16).layer4[0].conv2  # He: variance 2 / (128 maps * 9)
    assert convolution.weight.std().item() == pytest.approx(np.sqrt(2 / (128 * 9)), rel=0.01)
    conv = CNN9(**CNN | {"widths": (2, 3, 64, 64, 3)}).conv3.weight  # uniform, 1 / sqrt(640)
    assert conv.abs().max().item() == pytest.approx(1 / np.sqrt(640), rel=0.01)


# "same" padding


def naive_same(x, kernel, stride, outside):
    """Every window of maps (n, height, width), with what lies outside put in one by one."""
    starts = []
    for size, length, step in zip(x.shape[1:], kernel, stride, strict=True):
        n_out = int(np.ceil(size / step))
        missing = max((n_out - 1) * step + length - size, 0)
        starts.append([i * step - missing // 2 for i in range(n_out)])
    windows = np.full((len(starts[0]), len(starts[1]), len(x), *kernel), outside)
    for i, top in enumerate(starts[0]):
        for j, left in enumerate(starts[1]):
            for di in range(kernel[0]):
                for dj in range(kernel[1]):
                    if 0 <= top + di < x.shape[1] and 0 <= left + dj < x.shape[2]:
                        windows[i, j, :, di, dj] = x[:, top + di, left + dj]
    return windows


@pytest.mark.parametrize(
    ("kernel", "stride"), [((7, 14), (3, 3)), ((4, 8), (2, 2)), ((2, 5), (1, 1)), ((2, 5), (2, 2))]
)
@pytest.mark.parametrize("size", [(9, 17), (10, 16), (18, 33), (13, 20)])
def test_same_padding_is_that_of_loops(kernel, stride, size):
    x = np.random.default_rng(0).standard_normal((2, *size)) - 6  # every value is below zero
    batch = torch.from_numpy(x)[None]
    conv = SameConv(2, 3, kernel, stride).double()
    weight = conv.weight.detach().numpy()
    windows = naive_same(x, kernel, stride, 0.0)
    expected = np.einsum("ijncd,oncd->oij", windows, weight)
    np.testing.assert_allclose(conv(batch)[0].detach().numpy(), expected, atol=1e-12)
    mean = SameAvgPool(kernel, stride)(batch)[0].numpy()
    np.testing.assert_allclose(mean, windows.mean(axis=(3, 4)).transpose(2, 0, 1), atol=1e-12)
    largest = SameMaxPool(kernel, stride)(batch)[0].numpy()
    windows = naive_same(x, kernel, stride, -np.inf)
    np.testing.assert_array_equal(largest, windows.max(axis=(3, 4)).transpose(2, 0, 1))
    assert largest.max() < 0


def test_padding_worked_out_by_hand():
    """Four values and windows of five in steps of two: three zeros are missing, one before."""
    x = torch.tensor([[[[1.0, 2, 3, 4]]]])
    mean = SameAvgPool((1, 5), (1, 2))(x)
    assert mean[0, 0, 0].tolist() == pytest.approx([(1 + 2 + 3 + 4) / 5, (2 + 3 + 4) / 5])
    assert SameMaxPool((1, 5), (1, 2))(-x)[0, 0, 0].tolist() == [-1, -2]


# layers


def naive_cnn9(state, x):
    """All layers of one cochleagram (1, n_frequencies, n_frames)."""
    out = {}

    def conv(name, x, stride=(1, 1)):
        weight = state[f"{name}.weight"]
        windows = naive_same(x, weight.shape[2:], stride, 0.0)
        return np.maximum(np.einsum("ijncd,oncd->oij", windows, weight), 0)

    def pool(x):
        return naive_same(x, (2, 5), (2, 2), -np.inf).max(axis=(3, 4)).transpose(2, 0, 1)

    out["relu0"] = x = conv("conv0", normalise(x, state, "batchnorm0"), (3, 3))
    out["maxpool0"] = x = pool(x)
    out["relu1"] = x = conv("conv1", normalise(x, state, "batchnorm1"), (2, 2))
    out["maxpool1"] = x = pool(x)
    out["relu2"] = x = conv("conv2", normalise(x, state, "batchnorm2"))
    out["relu3"] = x = conv("conv3", x)
    out["relu4"] = x = conv("conv4", x)
    out["avgpool"] = x = naive_same(x, (2, 5), (2, 2), 0.0).mean(axis=(3, 4)).transpose(2, 0, 1)
    flat = [x[c, f, t] for c in range(len(x)) for f in range(5) for t in range(9)]
    units = state["fullyconnected.weight"] @ np.array(flat) + state["fullyconnected.bias"]
    return out | {"relufc": np.maximum(units, 0)[:, None]}


def naive_resnet50(state, x):
    out = {}

    def conv(path, x, stride=1, padding=0):
        weight = state[f"{path}.weight"]
        return convolve(x, weight, stride=(stride,) * 2, padding=(padding,) * 2)

    x = np.maximum(normalise(conv("conv1", x, 2, 3), state, "bn1"), 0)
    out["conv1_relu1"] = x
    padded = np.pad(x, ((0, 0), (1, 1), (1, 1)), constant_values=-np.inf)
    rows, columns = ((size + 2 - 3) // 2 + 1 for size in x.shape[1:])
    x = np.array(
        [
            [[m[2 * i : 2 * i + 3, 2 * j : 2 * j + 3].max() for j in range(columns)]
             for i in range(rows)]
            for m in padded
        ]
    )  # fmt: skip
    out["maxpool1"] = x
    for layer, depth in enumerate((3, 4, 6, 3), 1):
        for block in range(depth):
            path, stride = f"layer{layer}.{block}", 2 if layer > 1 and block == 0 else 1
            around = x
            if block == 0:
                around = conv(f"{path}.downsample.0", x, stride)
                around = normalise(around, state, f"{path}.downsample.1")
            x = np.maximum(normalise(conv(f"{path}.conv1", x), state, f"{path}.bn1"), 0)
            x = conv(f"{path}.conv2", x, stride, 1)
            x = np.maximum(normalise(x, state, f"{path}.bn2"), 0)
            x = normalise(conv(f"{path}.conv3", x), state, f"{path}.bn3")
            x = np.maximum(x + around, 0)
        out[f"layer{layer}"] = x
    return out | {"avgpool": x.mean(axis=(1, 2))[:, None, None]}


@pytest.mark.parametrize("name", BOTH)
def test_layers_are_those_of_loops(narrow, tmp_path, noise, name):
    loaded = load(name, tmp_path)
    state = numpy_state(loaded.network)
    if "resnet" in name:  # a shorter sound: the loops are slow
        noise = noise[:, :6001]
    naive = naive_cnn9 if "cnn9" in name else naive_resnet50
    out = naive(state, cochleagram.cochleagram(noise[0]).astype(np.float64)[None])
    found = loaded.forward(noise[:1])
    assert list(found) == list(out)
    for layer, expected in out.items():
        assert np.ptp(expected) > 1e-3, layer
        np.testing.assert_allclose(
            found[layer][0], expected, atol=1e-5 * np.abs(expected).max(), err_msg=layer
        )


def test_the_dense_layer_takes_maps_then_frequencies_then_frames(narrow, tmp_path, noise):
    def pick(tensors):
        weight = torch.zeros(6, 3 * 5 * 9)
        for unit, (c, f, t) in enumerate(places):
            weight[unit, 45 * c + 9 * f + t] = 1
        tensors["module.model.1.fullyconnected.weight"] = weight
        tensors["module.model.1.fullyconnected.bias"] = torch.zeros(6)

    places = [(0, 0, 0), (0, 0, 8), (0, 4, 0), (2, 0, 0), (1, 3, 5), (2, 4, 8)]
    found = load("cochcnn9-word", tmp_path, pick).forward(noise)
    for unit, (c, f, t) in enumerate(places):
        np.testing.assert_array_equal(
            found["relufc"][:, unit, 0], np.maximum(found["avgpool"][:, c, f, t], 0)
        )


@pytest.mark.parametrize("name", BOTH)
def test_layers_run_in_their_order_and_what_goes_together_does_not_matter(
    narrow, tmp_path, noise, name
):
    if "resnet" in name:
        noise = noise[:, :20_000]
    loaded = load(name, tmp_path)
    called = []
    for path in loaded.every_layer():
        module = loaded.network.get_submodule(path)
        module.register_forward_hook(lambda *_, path=path: called.append(path))
    loaded.vectors(noise)
    assert called == list(loaded.every_layer())
    alone_as_together(loaded, noise * np.array([[1], [0.01], [3]], np.float32))


# the front end


@pytest.mark.parametrize("name", BOTH)
def test_cochleagrams_are_those_of_the_clamped_waveform_at_the_level(narrow, tmp_path, noise, name):
    noise[1, 20_000] = 30.0  # a click that stays above 1 when the level is set
    loaded = load(name, tmp_path)
    at_level = loaded.prepare(noise)
    np.testing.assert_allclose(np.sqrt((at_level**2).mean(axis=1)), 0.1, rtol=1e-5)
    assert at_level[1].max() > 5
    found = loaded(noise, ["cochleagram"])["cochleagram"]
    assert found.shape == (3, 211, 390)
    clamped = np.clip(at_level, -1, 1)
    for one, waveform in zip(found, clamped, strict=True):
        np.testing.assert_array_equal(one, cochleagram.cochleagram(waveform))
    unclamped = cochleagram.compress(cochleagram.envelopes(at_level[1]))
    assert np.abs(unclamped - found[1]).max() > 0.1


def test_every_layer_sees_the_clamp(narrow, tmp_path, noise):
    noise[0, 20_000] = 30.0
    loaded = load("cochcnn9-word", tmp_path)
    at_level = loaded.prepare(noise[:1])
    a, b = loaded.forward(at_level), loaded.forward(np.clip(at_level, -1, 1))
    for layer in loaded.layers:
        np.testing.assert_array_equal(a[layer], b[layer])


def test_the_stored_front_end_is_heschl_s():
    filters, lowpass = official.front_end()
    np.testing.assert_allclose(filters[..., 0], cochleagram.filters(40_000), atol=1e-6)
    np.testing.assert_allclose(lowpass[0, 0], cochleagram.lowpass_taps(), atol=1e-8)


# durations


def test_the_dense_layer_needs_two_seconds(narrow, tmp_path, noise):
    loaded = load("cochcnn9-word", tmp_path)
    assert model.SHORTEST == 39_401
    loaded.vectors(noise[:1, :39_401])
    with pytest.raises(
        InputError, match=r"384 frames; the dense layer \(relufc\) needs 385 to 390"
    ):
        loaded.vectors(noise[:1, :39_400])
    others = loaded.layers[:-1]
    found = loaded.vectors(noise[:1, :20_000], others)
    assert {layer: v.shape[1] for layer, v in found.items()} == {
        layer: v.shape[1] for layer, v in loaded.vectors(noise[:1], others).items()
    }


@pytest.mark.parametrize("rest", [0, 39_400])
def test_long_sounds_are_the_mean_of_pieces_and_a_short_rest_is_left_out(narrow, tmp_path, rest):
    loaded = load("cochcnn9-word", tmp_path)
    x = np.random.default_rng(1).standard_normal((1, 80_000 + rest)).astype(np.float32)
    x *= 0.01
    whole = loaded.forward(x)
    pieces = [loaded.forward(x[:, i : i + 40_000]) for i in (0, 40_000)]
    for layer in loaded.layers:
        joined = np.concatenate([piece[layer] for piece in pieces], axis=-1)
        np.testing.assert_array_equal(whole[layer], joined)
    rest_kept = loaded.forward(np.pad(x, ((0, 0), (0, 39_401 - rest))))
    assert rest_kept["relufc"].shape[-1] == 3


@pytest.mark.parametrize("n_samples", [1001, 44_444])
def test_the_residual_network_takes_any_duration(narrow, tmp_path, n_samples):
    loaded = load("cochresnet50-word", tmp_path)
    x = np.random.default_rng(1).standard_normal((2, n_samples)).astype(np.float32)
    shapes = {layer: v.shape for layer, v in loaded.vectors(x).items()}
    widths = official.LAYERS["cochresnet50-word"]
    assert shapes == {layer: (2, width // 32) for layer, width in widths.items()}
    with pytest.raises(InputError, match="at least 1001 samples"):
        loaded.vectors(x[:, :1000])


# the released file


@pytest.mark.parametrize("name", official.NAMES)
def test_the_released_file_fills_the_network(narrow, tmp_path, name):
    loaded = load(name, tmp_path)
    for key, value in loaded.network.state_dict().items():
        if key.endswith("num_batches_tracked"):
            assert value == 70_000
            continue
        np.testing.assert_array_equal(value.numpy(), random_fill(key, tuple(value.shape)))
    again = model.load(SPEC[name], tmp_path / official.FILES[name])
    assert again.identity() == loaded.identity()
    (tmp_path / official.FILES[name]).rename(tmp_path / "5_checkpoint.pt")
    assert model.load(SPEC[name], tmp_path).identity() == loaded.identity()


@pytest.mark.parametrize("source", ["folder", "file", "tar"])
@pytest.mark.parametrize("name", BOTH)
def test_a_copy_with_objects_of_the_training_is_installed(narrow, tmp_path, name, source):
    tensors = official.state(name, random_fill, **NARROW[name])
    path = tmp_path / official.MEMBERS[name]
    official.save(tensors, path, warmup=True)
    with pytest.raises(InputError, match=r"5_checkpoint\.pt: wants .*heschl convert"):
        model.load(SPEC[name], path)
    tar = tmp_path / "cochdnn_model_checkpoints.tar"
    with tarfile.open(tar, "w") as archive:
        archive.add(path, official.MEMBERS[name])
    copy = {"folder": tmp_path, "file": path, "tar": tar}[source]
    home = weights.fetch(SPEC[name], copy)
    (kept,) = (file for file in home.rglob("*") if file.stem == "5_checkpoint")
    assert kept == (home / official.FILES[name]).with_suffix(".safetensors")
    assert weights.installed(SPEC[name]) == home
    assert weights.fetch_plan(SPEC[name]).todo == ()
    loaded = load_model(SPEC[name].aliases[0])
    for key, value in loaded.network.state_dict().items():
        if not key.endswith("num_batches_tracked"):
            np.testing.assert_array_equal(value.numpy(), random_fill(key, tuple(value.shape)))
    (line,) = [one for one in weights.places.pins().read_text().splitlines() if "#" in one[1:]]
    assert line.endswith(f"  {ARCHIVE.url}#{official.MEMBERS[name]}")


@pytest.mark.parametrize("ranges", [True, False])
def test_one_checkpoint_is_brought_from_the_tar_of_all(narrow, tmp_path, monkeypatch, ranges):
    monkeypatch.setenv("NO_PROXY", "127.0.0.1")
    (tmp_path / "server").mkdir()
    with tarfile.open(tmp_path / "server" / "all.tar", "w") as archive:
        for name in BOTH:
            tensors = official.state(name, random_fill, **NARROW[name])
            official.save(tensors, tmp_path / name, warmup=True)
            archive.add(tmp_path / name, official.MEMBERS[name])
    spec = SPEC[BOTH[1]]
    with Loopback(tmp_path / "server") as server:
        server.ranges = ranges
        files = tuple(replace(file, url=f"{server.url}/all.tar") for file in spec.weights.files)
        spec = replace(spec, weights=replace(spec.weights, files=files))
        home = weights.fetch(spec)
        size = (tmp_path / "server" / "all.tar").stat().st_size
        asked = [r for r in server.ranges_of("all.tar") if r is not None]
    assert {path.suffix for path in home.rglob("5_checkpoint*")} == {".safetensors"}
    assert model.load(spec, home).layers == tuple(official.LAYERS[spec.name])
    if ranges:
        spans = [tuple(map(int, one.removeprefix("bytes=").split("-"))) for one in asked]
        assert sum(last + 1 - first for first, last in spans) < 0.55 * size


def test_a_page_instead_of_a_checkpoint_is_not_installed(tmp_path):
    path = tmp_path / "5_checkpoint.pt"
    path.write_bytes(b"<html>please log in</html>")
    with pytest.raises(FetchError, match=r"begins with .*<html>.*a checkpoint of torch"):
        weights.fetch(SPEC["cochcnn9-word"], path)
    assert weights.installed(SPEC["cochcnn9-word"]) is None


@pytest.mark.parametrize("network", ["cochcnn9", "cochresnet50"])
def test_equal_trunks_are_the_same_model(narrow, tmp_path, network):
    names = [name for name in official.NAMES if name.startswith(network)]
    identities = [load(name, tmp_path / name).identity() for name in names]
    fresh = []
    for name in names:
        torch.manual_seed(5)
        fresh.append(model.load(SPEC[name], None).identity())
    assert all(one == identities[0] for one in identities)
    assert all(one == fresh[0] for one in fresh)
    assert fresh[0] != identities[0]


def test_the_two_networks_and_other_seeds_differ(narrow):
    torch.manual_seed(5)
    found = [model.load(SPEC[name], None).identity() for name in (*BOTH, *BOTH)]
    assert len({one["weights_sha256"] for one in found}) == 4
    assert found[0]["model"] != found[1]["model"]
    assert found[0]["front end"] == cochleagram.Cochleagram().identity()


COCHLEAGRAM = "module.model.0.full_rep.rep.Cochleagram"
FILTERS = f"{COCHLEAGRAM}.compute_subbands.coch_filters"
LOWPASS = f"{COCHLEAGRAM}.downsampling.downsample_filter"


def altered(key, place, by):
    def change(tensors):
        tensors[key] = tensors[key].clone()
        tensors[key][place] += by

    return change


WRONG = {
    "missing": (lambda t: t.pop("module.model.1.{first}.weight"), "{first}.weight"),
    "shape": (
        lambda t: t.update({"module.model.1.{norm}.bias": torch.zeros(7)}),
        r"{norm}.bias has shape \(7,\)",
    ),
    "extra": (
        lambda t: t.update({"module.model.1.surplus.weight": torch.zeros(1)}),
        "surplus.weight",
    ),
    "foreign": (lambda t: t.update({"module.bert.weight": torch.zeros(1)}), "bert.weight"),
    "no head": (lambda t: t.pop("module.model.1.{head}.bias"), r"model\.1\.{head}.bias is missing"),
    "head": (
        lambda t: t.update({"module.model.1.{head}.weight": torch.zeros(10, 6)}),
        r"model\.1\.{head}.weight has shape \(10, 6\); expected",
    ),
    "a filter": (altered(FILTERS, (100, 2000, 0), 0.01), "coch_filters differs .* by up to 0.01"),
    "imaginary": (altered(FILTERS, (100, 2000, 1), 0.01), "coch_filters differs"),
    "nan": (altered(FILTERS, (0, 0, 0), float("nan")), "coch_filters differs .* nan"),
    "lowpass": (altered(LOWPASS, (0, 0, 500), 1e-4), "downsample_filter differs .* 0.0001"),
    "7 s": (
        lambda t: t.update({FILTERS: torch.zeros(211, 70_001, 2)}),
        r"coch_filters has shape \(211, 70001, 2\); expected \(211, 20001, 2\)",
    ),
    "no filters": (lambda t: t.pop(FILTERS), r"0 tensors model\.0\.\*coch_filters"),
    "mean": (
        lambda t: t.update({"module.preproc.normalize.new_mean": torch.full((1, 1, 1), 0.5)}),
        r"preproc\.normalize\.new_mean is \[0\.5\]; expected 0",
    ),
    "deviation": (
        lambda t: t.update({"module.preproc.normalize.new_std": torch.full((1, 1, 1), 2.0)}),
        r"preproc\.normalize\.new_std is \[2\.0\]; expected 1",
    ),
}


class Renamed(dict):
    """Tensors under names with parts like {head} of one network."""

    def __init__(self, tensors, parts):
        super().__init__(tensors)
        self.parts = parts

    def pop(self, key):
        return super().pop(key.format(**self.parts))

    def update(self, changes):
        super().update({key.format(**self.parts): value for key, value in changes.items()})


@pytest.mark.parametrize(
    ("name", "kind"),
    [(BOTH[0], kind) for kind in WRONG] + [(BOTH[1], kind) for kind in list(WRONG)[:6]],
)
def test_wrong_files_are_refused_by_the_name_of_the_tensor(narrow, tmp_path, name, kind):
    change, match = WRONG[kind]
    parts = (
        {"first": "conv0", "norm": "batchnorm2", "head": "classification.signal/speaker_int"}
        if "cnn9" in name
        else {"first": "conv1", "norm": "layer3.5.bn2", "head": "fc"}
    )
    tensors = Renamed(official.state(name, random_fill, **NARROW[name]), parts)
    change(tensors)
    official.save(dict(tensors), tmp_path / official.FILES[name])
    with pytest.raises(InputError, match=match.format(**parts)) as caught:
        model.load(SPEC[name], tmp_path)
    assert "5_checkpoint.pt" in str(caught.value)


@pytest.mark.parametrize("network", ["cochcnn9", "cochresnet50"])
@pytest.mark.parametrize(("task", "other"), [("word", "speaker"), ("multitask", "word")])
def test_another_task_s_checkpoint_is_told_by_its_heads(narrow, tmp_path, network, task, other):
    load(f"{network}-{other}", tmp_path)
    with pytest.raises(InputError, match=r"tensor model\.1\.(classification|fc)\..* is missing"):
        model.load(SPEC[f"{network}-{task}"], tmp_path / official.FILES[f"{network}-{other}"])


def test_the_other_network_s_checkpoint_is_refused(narrow, tmp_path):
    load("cochcnn9-word", tmp_path)
    with pytest.raises(InputError, match=r"model\.1\.fc\.weight is missing"):
        model.load(SPEC["cochresnet50-word"], tmp_path / official.FILES["cochcnn9-word"])


# the original


@pytest.mark.shared
@pytest.mark.zoo
@pytest.mark.parametrize("name", ["cochcnn9-word", "cochresnet50-word"])
def test_layers_are_those_of_the_original(golden, tmp_path, name):
    case = golden.load(SPEC[name].aliases[0])
    shapes = official.shapes(name)
    assert {k: s for k, s in shapes.items() if "num_batches" not in k} == case["state"]
    official.write(name, tmp_path, golden.value, warmup=True)
    convert(tmp_path / official.FILES[name], keep=("model",))
    loaded = load_model(f"{name}@file:{tmp_path}")
    layers = loaded.every_layer()
    found = loaded.vectors(case["waveforms"], layers)
    published = {layer: layer for layer in loaded.layers} | {"cochleagram": "cochleagram_mean"}
    check_golden(found, case, published)
