"""What AST, wav2vec 2.0 and S2T share: their files, and every way these can be wrong."""

from __future__ import annotations

import io
import json
import logging
import os
import pickle
import subprocess
import sys

import numpy as np
import official_huggingface as official
import pytest
import torch
from safetensors.torch import load_file, save_file

from heschl.errors import InputError
from heschl.models.controls import seeded
from heschl.models.huggingface import SPECS
from heschl.registry import import_object

BY_NAME = {spec.name: spec for spec in SPECS}


def load(name, source):
    spec = official.small_spec(name)
    return import_object(spec.loader)(spec, source)


def noise(seconds=0.6, n=2):
    rng = np.random.default_rng(1)
    return (0.1 * rng.standard_normal((n, round(seconds * 16_000)))).astype(np.float32)


@pytest.fixture(params=official.NAMES)
def name(request):
    return request.param


@pytest.fixture
def folder(name, tmp_path):
    official.write_small(name, tmp_path / "release")
    return tmp_path / "release"


def read(path):
    return load_file(path) if path.suffix == ".safetensors" else torch.load(path, weights_only=True)


def rewrite(path, change):
    """Alter the tensors of a released file."""
    tensors = read(path)
    change(tensors)
    if path.suffix == ".safetensors":
        save_file(tensors, path, metadata={"format": "pt"})
    else:
        torch.save(tensors, path)


#: A tensor of the encoder in each released file.
INSIDE = {
    "ast": "audio_spectrogram_transformer.encoder.layer.1.output.dense.weight",
    "wav2vec2": "wav2vec2.encoder.layers.2.feed_forward.output_dense.weight",
    "s2t": "model.encoder.layers.2.fc2.weight",
}


def test_layers_are_the_published_ones(name):
    spec = BY_NAME[name]
    with torch.device("meta"):
        model = import_object(spec.loader)(spec, None)
    assert {layer: shape[0] for layer, shape in model.shapes(32_000).items()} == (
        official.LAYERS[name]
    )
    assert model.layers == tuple(official.LAYERS[name])
    assert model.sample_rate == 16_000
    assert model.level is None


@pytest.mark.parametrize(
    ("name", "millions"), [("ast", 86.6), ("wav2vec2", 94.4)], ids=["ast", "wav2vec2"]
)
def test_as_many_parameters_as_published(name, millions):
    spec = BY_NAME[name]
    with torch.device("meta"):
        model = import_object(spec.loader)(spec, None)
    assert round(model.n_parameters() / 1e6, 1) == millions


def test_released_files_load_and_every_tensor_of_the_encoder_is_used(name, folder):
    model = load(name, folder)
    out = model.vectors(noise())
    assert tuple(out) == model.layers
    assert all(np.isfinite(array).all() for array in out.values())
    values = {
        tuple(np.sort(t.numpy().ravel()).tolist()) for t in model.network.state_dict().values()
    }
    unused = ("decoder", "lm_head")
    for key, tensor in read(folder / official.TENSORS[name]).items():
        if not any(word in key for word in unused):
            assert tuple(np.sort(tensor.numpy().ravel()).tolist()) in values, key


def test_the_file_alone_is_enough(name, folder, tmp_path):
    path = tmp_path / f"mine{(folder / official.TENSORS[name]).suffix}"
    (folder / official.TENSORS[name]).rename(path)
    official.write_small(name, folder)
    (folder / "config.json").unlink()
    from_folder, from_file = load(name, folder), load(name, path)
    assert from_file.identity() == from_folder.identity()
    x = noise()
    for layer, vectors in from_file.vectors(x).items():
        np.testing.assert_array_equal(vectors, from_folder.vectors(x)[layer])


def test_each_sound_is_as_if_alone(name, folder):
    model = load(name, folder)
    x = noise(n=3)
    together = model.vectors(x)
    for i in range(3):
        for layer, alone in model.vectors(x[i : i + 1]).items():
            np.testing.assert_allclose(together[layer][i], alone[0], atol=1e-5)


def test_some_layers_equal_those_of_all(name, folder):
    model = load(name, folder)
    x = noise()
    everything = model.vectors(x)
    for layer in model.layers:
        (only,) = model.vectors(x, [layer]).values()
        np.testing.assert_array_equal(only, everything[layer])
        np.testing.assert_allclose(model(x, [layer])[layer].mean(-1), only, atol=1e-6)


def test_layers_have_their_published_names_too(name, folder):
    model = load(name, folder)
    published = [model.site(layer).published for layer in model.layers]
    assert model.choose(published) == model.layers


def test_fresh_weights_depend_on_the_seed_alone(name):
    def fresh(seed):
        with seeded(seed):
            return load(name, None)

    first, again, other = fresh(0), fresh(0), fresh(1)
    assert first.identity() == again.identity()
    assert first.identity() != other.identity()
    assert all(np.isfinite(array).all() for array in first.vectors(noise()).values())


def test_nothing_is_printed_or_logged(name, folder, capfd, caplog):
    with caplog.at_level(logging.DEBUG):
        load(name, folder)
    assert capfd.readouterr() == ("", "")
    assert not [record for record in caplog.records if "transformers" in record.name]


# what files can be wrong


def test_a_missing_tensor_is_named(name, folder):
    rewrite(folder / official.TENSORS[name], lambda tensors: tensors.pop(INSIDE[name]))
    with pytest.raises(InputError, match=r"tensor \S+ is missing; expected those of"):
        load(name, folder)


def test_an_extra_tensor_is_named(name, folder):
    key = INSIDE[name].replace(".1.", ".7.").replace(".2.", ".7.")
    rewrite(
        folder / official.TENSORS[name], lambda tensors: tensors.update({key: torch.zeros(24, 40)})
    )
    with pytest.raises(InputError, match=r"tensor \S*7\S+ is not expected"):
        load(name, folder)


def test_a_tensor_of_another_shape_is_named(name, folder):
    rewrite(
        folder / official.TENSORS[name],
        lambda tensors: tensors.update({INSIDE[name]: torch.zeros(24, 39)}),
    )
    with pytest.raises(InputError, match=r"has shape \(24, 39\), expected \(24, 40\)"):
        load(name, folder)


def test_nan_is_refused(name, folder):
    rewrite(folder / official.TENSORS[name], lambda tensors: tensors[INSIDE[name]].fill_(np.nan))
    with pytest.raises(InputError, match="is not finite"):
        load(name, folder)


@pytest.mark.parametrize("alone", [False, True])
def test_a_truncated_file_is_refused(name, folder, alone):
    path = folder / official.TENSORS[name]
    os.truncate(path, path.stat().st_size // 2)
    with pytest.raises(InputError, match=r"[Ff]etch it again|fetch or convert it again"):
        load(name, path if alone else folder)


def test_a_folder_without_weights_says_so(name, folder):
    (folder / official.TENSORS[name]).unlink()
    with pytest.raises(InputError, match=r"model\.safetensors"):
        load(name, folder)


def test_the_configuration_of_another_model_is_refused(name, folder):
    key = "encoder_layers" if name == "s2t" else "num_hidden_layers"
    config = json.loads((folder / "config.json").read_text())
    (folder / "config.json").write_text(json.dumps(config | {key: 4}))
    with pytest.raises(InputError, match=rf"config\.json: {key} is 4; expected [23], as in"):
        load(name, folder)
    (folder / "config.json").write_text(json.dumps(config | {"model_type": "bert"}))
    with pytest.raises(InputError, match="model_type is 'bert'"):
        load(name, folder)
    (folder / "config.json").write_text("{")
    with pytest.raises(InputError, match="expected JSON"):
        load(name, folder)


def test_another_front_end_is_refused(name, folder):
    path = folder / "preprocessor_config.json"
    path.write_text(json.dumps(json.loads(path.read_text()) | {"sampling_rate": 8000}))
    with pytest.raises(InputError, match=r"sampling_rate is 8000; expected 16000"):
        load(name, folder)


class _Hostile:
    def __reduce__(self):
        return (os.system, ("false",))


@pytest.mark.parametrize("alone", [False, True])
def test_a_hostile_pickle_is_not_run(tmp_path, monkeypatch, alone):
    official.write_small("s2t", tmp_path)
    ran = []
    monkeypatch.setattr(os, "system", ran.append)
    buffer = io.BytesIO()
    torch.save({"model.encoder.layer_norm.weight": _Hostile()}, buffer, pickle_module=pickle)
    (tmp_path / "pytorch_model.bin").write_bytes(buffer.getvalue())
    with pytest.raises(InputError):
        load("s2t", tmp_path / "pytorch_model.bin" if alone else tmp_path)
    assert ran == []


def test_the_table_needs_neither_torch_nor_transformers():
    code = (
        "import heschl.models.huggingface, heschl.models.user, sys; "
        "print([m for m in ('torch', 'transformers') if m in sys.modules])"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"


@pytest.mark.shared
def test_the_released_layout_is_that_of_the_golden_cases(name, golden):
    shapes = official.shapes(name)
    for key, shape in golden.load(f"braindnn_{name}")["state"].items():
        assert shapes[official.prefix(name) + key] == shape, key
