"""SepFormer: golden values of the original, and a plain version of every step in float64."""

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
from heschl.models.speechbrain import SPECS, dualpath, sepformer, transformer

SPEC = next(spec for spec in SPECS if spec.name == "sepformer")
SMALL = {"width": 16, "hidden": 24, "n_layers": 2, "n_heads": 4, "n_positions": 260}
FILES = {"width": 16, "hidden": 24, "layers": 2, "positions": 260}  # the same, as a checkpoint


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    """A checkpoint of reduced width; tests that spoil it write one of their own."""
    path = tmp_path_factory.mktemp("sepformer")
    official.write("sepformer", path, fill, **FILES)
    return path


@pytest.fixture(scope="module")
def small(folder):
    return sepformer.load(dataclasses.replace(SPEC, options=SMALL), folder)


# the plain version: one sound, float64, the official keys


def layer_norm(x, weight, bias, eps=1e-6):
    centred = x - x.mean(-1, keepdims=True)
    return centred / np.sqrt((centred**2).mean(-1, keepdims=True) + eps) * weight + bias


def whole_norm(x, weight, bias):
    centred = x - x.mean()
    return centred / np.sqrt((centred**2).mean() + 1e-8) * weight + bias


def attention(x, w, stem, n_heads):
    """One row of positions (n_positions, width)."""
    width = x.shape[1]
    q, k, v = np.split(x @ w[f"{stem}.in_proj_weight"].T + w[f"{stem}.in_proj_bias"], 3, axis=1)
    out = np.zeros_like(x)
    size = width // n_heads
    for head in range(n_heads):
        part = slice(head * size, (head + 1) * size)
        scores = q[:, part] @ k[:, part].T / math.sqrt(size)
        odds = np.exp(scores - scores.max(1, keepdims=True))
        out[:, part] = odds / odds.sum(1, keepdims=True) @ v[:, part]
    return out @ w[f"{stem}.out_proj.weight"].T + w[f"{stem}.out_proj.bias"]


def transformer_row(x, w, stem, n_layers, n_heads):
    """One row; returns it, and what each second linear map put out."""
    x = x + w[f"{stem}.pos_enc.pe"][0, : len(x)]
    recorded = []
    for i in range(n_layers):
        layer = f"{stem}.mdl.layers.{i}"
        norm = [w[f"{layer}.norm1.norm.{part}"] for part in ("weight", "bias")]
        x = x + attention(layer_norm(x, *norm), w, f"{layer}.self_att.att", n_heads)
        norm = [w[f"{layer}.norm2.norm.{part}"] for part in ("weight", "bias")]
        ffn = f"{layer}.pos_ffn.ffn"
        hidden = layer_norm(x, *norm) @ w[f"{ffn}.0.weight"].T + w[f"{ffn}.0.bias"]
        out = np.maximum(hidden, 0) @ w[f"{ffn}.3.weight"].T + w[f"{ffn}.3.bias"]
        recorded.append(out)
        x = x + out
    last = [w[f"{stem}.mdl.norm.norm.{part}"] for part in ("weight", "bias")]
    return layer_norm(x, *last), recorded


def plain_chunks(x, chunk):
    """Both rows of chunks, the second half a chunk later, in turns."""
    half = chunk // 2
    gap = chunk - (half + len(x) % chunk) % chunk
    width = x.shape[1]
    whole = np.concatenate([np.zeros((half, width)), x, np.zeros((gap + half, width))])
    out = []
    for i in range((len(whole) - half) // chunk):
        out.append(whole[i * chunk : (i + 1) * chunk])
        out.append(whole[i * chunk + half : (i + 1) * chunk + half])
    return np.array(out), gap


def plain_overlap_add(grid, n_frames):
    """Every value back to the frame it is at."""
    half = grid.shape[1] // 2
    out = np.zeros((n_frames, grid.shape[2]))
    for i, one in enumerate(grid):
        for k, values in enumerate(one):
            frame = i * half + k - half
            if 0 <= frame < n_frames:
                out[frame] += values
    return out


def plain_sepformer(waveform, w, n_layers, n_heads, chunk=250):
    found = {}
    kernel = w["encoder.conv1d.weight"][:, 0]
    starts = range(0, len(waveform) - 15, 8)
    encoded = np.array([kernel @ waveform[start : start + 16] for start in starts])
    found["encoder.conv1d"] = encoded.mean(0)
    x = np.maximum(encoded, 0)
    x = whole_norm(x, w["masknet.norm.weight"], w["masknet.norm.bias"])
    x, _ = plain_chunks(x @ w["masknet.conv1d.weight"][..., 0].T, chunk)
    for block in (0, 1):
        stem = f"masknet.dual_mdl.{block}"
        for way in ("intra", "inter"):
            rows = x if way == "intra" else x.swapaxes(0, 1)
            done = [transformer_row(row, w, f"{stem}.{way}_mdl", n_layers, n_heads) for row in rows]
            for i in range(n_layers):
                every = np.concatenate([recorded[i] for _, recorded in done])
                found[f"{block}.{way}.{i}"] = every.mean(0)
            out = np.array([row for row, _ in done])
            out = out if way == "intra" else out.swapaxes(0, 1)
            norm = [w[f"{stem}.{way}_norm.{part}"] for part in ("weight", "bias")]
            x = whole_norm(out, *norm) + x
    x = np.where(x > 0, x, w["masknet.prelu.weight"] * x)
    x = x @ w["masknet.conv2d.weight"][..., 0, 0].T + w["masknet.conv2d.bias"]
    added = plain_overlap_add(x, len(encoded))
    masks = []
    for talker in np.split(added, 2, axis=1):
        tanh = np.tanh(talker @ w["masknet.output.0.weight"][..., 0].T + w["masknet.output.0.bias"])
        gate = talker @ w["masknet.output_gate.0.weight"][..., 0].T
        gate = 1 / (1 + np.exp(-(gate + w["masknet.output_gate.0.bias"])))
        mask = np.maximum((tanh * gate) @ w["masknet.end_conv1x1.weight"][..., 0].T, 0)
        masks.append(mask.mean(0))
    found["mask"] = np.concatenate(masks)
    return found


def test_equals_the_plain_version(small):
    x = clips(2, 3000)
    weights = {
        key: official.positions(shape) if key.endswith(".pe") else fill(key, shape)
        for key, shape in official.shapes("sepformer", **FILES).items()
    }
    weights = {key: value.astype(np.float32).astype(float) for key, value in weights.items()}
    got = small.vectors(x, small.every_layer())
    for i in range(2):
        expected = plain_sepformer(x[i].astype(float), weights, 2, 4)
        assert list(expected) == list(got)
        for layer, values in expected.items():
            rms = math.sqrt((values**2).mean())
            tolerance = 3e-5 if layer == "encoder.conv1d" else 5e-6
            np.testing.assert_allclose(got[layer][i], values, rtol=0, atol=tolerance * rms)


@pytest.mark.parametrize(
    ("n_frames", "gap", "n_chunks"),
    [(1999, 126, 18), (1, 124, 2), (124, 1, 2), (125, 250, 4), (374, 1, 4), (375, 250, 6)],
)
def test_chunks_and_their_sum(n_frames, gap, n_chunks):
    """Of 2 s of sound, 1999 frames; where nothing is missing a whole chunk of zeros is added."""
    x = np.random.default_rng(0).standard_normal((2, n_frames, 3))
    grid = dualpath.chunks(torch.from_numpy(x), 250)
    assert grid.shape == (2, n_chunks, 250, 3)
    added = dualpath.overlap_add(grid, n_frames)
    np.testing.assert_array_equal(added, 2 * x)  # each frame is in two chunks
    other = torch.from_numpy(np.random.default_rng(1).standard_normal(grid.shape))
    summed = dualpath.overlap_add(other, n_frames)
    for i in range(2):
        expected, found_gap = plain_chunks(x[i], 250)
        assert found_gap == gap
        np.testing.assert_array_equal(grid[i], expected)
        np.testing.assert_allclose(
            summed[i], plain_overlap_add(other[i].numpy(), n_frames), atol=1e-12
        )


def test_norm_over_all_positions_is_a_group_norm():
    """Also where the variance is as small as eps, which tells 1e-8 from 1e-5."""
    x = torch.from_numpy(np.random.default_rng(0).standard_normal((2, 5, 7, 8))).float() * 1e-4
    mine = dualpath.WholeNorm(8)
    group = torch.nn.GroupNorm(1, 8, eps=1e-8)
    with torch.no_grad():
        for norm in (mine, group):
            norm.weight[:] = torch.arange(8) + 1
            norm.bias[:] = torch.arange(8) * 0.1
    expected = group(x.permute(0, 3, 1, 2)).permute(0, 2, 3, 1)
    torch.testing.assert_close(mine(x), expected, rtol=1e-5, atol=1e-6)


def test_constants_of_the_norms(small):
    whole = [m for m in small.network.modules() if isinstance(m, dualpath.WholeNorm)]
    layers = [m for m in small.network.modules() if isinstance(m, torch.nn.LayerNorm)]
    assert len(whole) == 1 + 2 * 2
    assert {norm.eps for norm in whole} == {1e-8}
    assert len(layers) == 4 * (2 * 2 + 1)
    assert {norm.eps for norm in layers} == {1e-6}


def test_positions_begin_anew_in_every_chunk():
    """Inside chunks the position is that in the chunk; across chunks, the number of the chunk."""
    model = transformer.Transformer(16, 4, 24, 0, 300)  # without layers: encoding and norm only
    x = torch.from_numpy(clips(1, 6 * 250 * 16).reshape(1, 6, 250, 16))
    table = torch.from_numpy(official.positions((1, 300, 16)))[0]
    inside, across = model(x), model(x.transpose(1, 2)).transpose(1, 2)
    for chunk in range(6):
        for position in (0, 1, 249):
            here = x[0, chunk, position]
            expected = torch.nn.functional.layer_norm(here + table[position], (16,), eps=1e-6)
            torch.testing.assert_close(inside[0, chunk, position], expected, rtol=0, atol=2e-5)
            expected = torch.nn.functional.layer_norm(here + table[chunk], (16,), eps=1e-6)
            torch.testing.assert_close(across[0, chunk, position], expected, rtol=0, atol=2e-5)


def test_tables_of_positions_are_those_of_the_file(small, tmp_path):
    official.write("sepformer", tmp_path, fill, **FILES)
    state = torch.load(tmp_path / "masknet.ckpt")
    state["dual_mdl.1.inter_mdl.pos_enc.pe"] += 1
    torch.save(state, tmp_path / "masknet.ckpt")
    other = sepformer.load(dataclasses.replace(SPEC, options=SMALL), tmp_path)
    x = clips(1, 2000)
    here, there = small.vectors(x), other.vectors(x)
    differs = [layer for layer in small.layers if not np.array_equal(here[layer], there[layer])]
    assert differs == ["1.inter.0", "1.inter.1"]
    assert small.identity() != other.identity()


def test_clips_do_not_depend_on_their_batch(small):
    x = clips(3, 2600) * np.array([[1], [100], [0.01]], np.float32)
    together = small.vectors(x, small.every_layer())
    for i in range(3):
        alone = small.vectors(x[i : i + 1], small.every_layer())
        for layer, values in alone.items():
            rms = math.sqrt((values**2).mean())
            np.testing.assert_allclose(
                together[layer][i], values[0], rtol=0, atol=1e-5 * rms, err_msg=layer
            )


def test_frames_and_their_means(small):
    frames = small(clips(2, 2000), small.every_layer())
    assert frames["encoder.conv1d"].shape == (2, 16, 249)
    assert frames["0.intra.0"].shape == frames["1.inter.1"].shape == (2, 16, 4 * 250)
    assert frames["mask"].shape == (2, 2, 16, 249)
    assert (frames["encoder.conv1d"] < 0).any()  # before the rectifier
    assert (frames["mask"] >= 0).all()
    vectors = small.vectors(clips(2, 2000), small.every_layer())
    for layer, values in frames.items():
        expected = values.astype(float).mean(-1).reshape(2, -1)
        np.testing.assert_allclose(vectors[layer], expected, rtol=1e-6, atol=0)


def test_layers_and_the_official_state():
    """Layer names and sizes, and every key and shape of both files, at full size."""
    sizes = dualpath.Sizes()
    table = sepformer.layer_table(sizes)
    assert [name for name, layer in table.items() if not layer.extra] == list(
        official.LAYERS["sepformer"]
    )
    published = [layer.published for layer in table.values() if layer.published]
    assert published == ["Conv1d(1,256,16,8)--0"] + [f"Linear(1024->256)--{k}" for k in range(32)]
    with torch.device("meta"):
        network = sepformer.SepFormer(sizes)
    shapes = {key: tuple(value.shape) for key, value in network.state_dict().items()}
    assert shapes == official.shapes("sepformer")
    assert len(network.masknet.state_dict()) == 411 + 4
    assert sum(p.numel() for p in network.masknet.parameters()) == 25_671_169
    assert sum(p.numel() for p in network.encoder.parameters()) == 4_096
    for name, layer in table.items():
        assert isinstance(network.get_submodule(layer.path), torch.nn.Module), name


def test_longest_sound():
    """As many chunks as there are positions; one frame more and they do not suffice."""
    for sizes in (dualpath.Sizes(), dualpath.Sizes(n_positions=10)):
        n_frames = (sizes.longest() - sizes.kernel) // sizes.stride + 1
        count = [
            dualpath.chunks(torch.zeros(1, n, 1), 250).shape[1] for n in (n_frames, n_frames + 1)
        ]
        assert count == [sizes.n_positions, sizes.n_positions + 2]
    assert dualpath.Sizes().longest() / 8000 == pytest.approx(312.37, abs=0.01)
    with pytest.raises(InputError, match="11 positions; expected at most 10"):
        transformer.PositionalEncoding(4, 10)(11)


def test_longer_sounds_are_cut(folder, tmp_path):
    """Chunks of 8 frames and 250 positions suffice for 995 frames, or 7968 samples."""
    official.write("sepformer", tmp_path, fill, **{**FILES, "positions": 250})
    options = {**SMALL, "n_positions": 250, "chunk": 8}
    model = sepformer.load(dataclasses.replace(SPEC, options=options), tmp_path)
    longest = dualpath.Sizes(chunk=8, n_positions=250).longest()
    assert model.chunk_samples == longest == 7968
    x = clips(1, longest + 1000)
    whole = model(x, ["1.inter.0"])["1.inter.0"]
    pieces = [model(part, ["1.inter.0"])["1.inter.0"] for part in (x[:, :longest], x[:, longest:])]
    np.testing.assert_allclose(whole, np.concatenate(pieces, axis=-1), rtol=1e-5, atol=1e-6)
    # what is left is shorter than the encoder's kernel
    x = x[:, : longest + 15]
    np.testing.assert_allclose(model(x, ["0.intra.0"])["0.intra.0"].shape[-1], pieces[0].shape[-1])


def test_sounds_that_are_too_short(small):
    assert small.vectors(clips(1, 16) + 0.1, ["1.inter.1"])["1.inter.1"].shape == (1, 16)
    with pytest.raises(InputError, match="15 samples; expected at least 16"):
        small.vectors(clips(1, 15))


def test_fresh_weights_are_those_of_the_seed():
    spec = dataclasses.replace(SPEC, options=SMALL)
    models = []
    for seed in (0, 0, 1):
        with seeded(seed):
            models.append(sepformer.load(spec, None))
    first, again, other = (model.identity()["weights_sha256"] for model in models)
    assert first == again != other
    state = models[0].network.state_dict()
    assert {key: tuple(v.shape) for key, v in state.items()} == official.shapes(
        "sepformer", **FILES
    )
    for key, value in state.items():
        if key.endswith(".pe"):
            np.testing.assert_allclose(value, official.positions(value.shape), atol=2e-5)
        if key.endswith(("in_proj_bias", "out_proj.bias")):
            assert (value == 0).all()
    assert np.isfinite(models[0].vectors(clips(2, 1000))["1.inter.1"]).all()


@pytest.mark.parametrize(
    ("file", "key"),
    [
        ("encoder.ckpt", "conv1d.weight"),
        ("masknet.ckpt", "dual_mdl.0.inter_mdl.mdl.layers.1.pos_ffn.ffn.3.weight"),
        ("masknet.ckpt", "dual_mdl.1.intra_mdl.pos_enc.pe"),
    ],
)
@pytest.mark.parametrize("change", official.CHANGES)
def test_a_wrong_tensor_is_named(tmp_path, file, key, change):
    official.write("sepformer", tmp_path, fill, **FILES)
    state = torch.load(tmp_path / file)
    change(state, key)
    torch.save(state, tmp_path / file)
    with pytest.raises(InputError, match=f"{file}.*{key}"):
        sepformer.load(dataclasses.replace(SPEC, options=SMALL), tmp_path)


def test_files_that_are_not_there(folder, tmp_path):
    spec = dataclasses.replace(SPEC, options=SMALL)
    with pytest.raises(InputError, match="one file; sepformer has two"):
        sepformer.load(spec, folder / "masknet.ckpt")
    (tmp_path / "encoder.ckpt").write_bytes((folder / "encoder.ckpt").read_bytes())
    with pytest.raises(InputError, match=r"no masknet\.ckpt in it"):
        sepformer.load(spec, tmp_path)


@pytest.mark.shared
@pytest.mark.zoo
def test_golden(golden, tmp_path):
    """All layers, from the raw waveform on, through files as they are released."""
    case = golden.load("braindnn_sepformer")
    named = {k: v for k, v in official.shapes("sepformer").items() if not k.endswith(".pe")}
    assert named == case["state"]
    official.write("sepformer", tmp_path, golden.value)
    model = load_model(f"sepformer@file:{tmp_path}")
    assert model.sample_rate == case["sample_rate"]
    got = model.vectors(case["waveforms"], list(case["layers"]))  # by their published keys
    assert {name: got[name].shape[1] for name in model.layers} == official.LAYERS["sepformer"]
    for key, expected in case["layers"].items():
        (name,) = model.choose([key])
        rms = math.sqrt((expected.astype(float) ** 2).mean())
        tolerance = 3e-5 if name == "encoder.conv1d" else 5e-6
        np.testing.assert_allclose(got[name], expected, rtol=0, atol=tolerance * rms, err_msg=name)
