"""Any audio encoder of transformers, from a local folder: values, layers, wrong folders."""

from __future__ import annotations

import json
import math
from contextlib import nullcontext
from dataclasses import replace

import hostile_pickles
import numpy as np
import pytest
import small_encoders
import torch
from safetensors.torch import load_file, save_file

import heschl
from checkpoint_files import archive, state, tensor
from heschl.errors import HeschlWarning, InputError, UnknownNameError, UsageError
from heschl.models import load_model
from heschl.models.controls import seeded
from heschl.models.huggingface import load_hub
from heschl.sounds import Sounds

pytestmark = pytest.mark.zoo

N_BLOCKS = {kind: 4 if kind == "clap" else 3 for kind in small_encoders.BUILDERS}

PREFIX = {
    "wav2vec2": "encoder.layers.",
    "hubert": "encoder.layers.",
    "wavlm": "encoder.layers.",
    "data2vec": "encoder.layers.",
    "whisper": "layers.",
    "clap": "audio_encoder.layers.",
    "ast": "layers.",
    "s2t": "layers.",
}


@pytest.fixture(scope="module")
def folders(tmp_path_factory):
    """Each kind's folder, network and feature extractor, made once."""
    made = {}

    def folder_of(kind):
        if kind not in made:
            folder = tmp_path_factory.mktemp(kind)
            made[kind] = (folder, *small_encoders.save(kind, folder))
        return made[kind]

    return folder_of


@pytest.fixture(params=small_encoders.BUILDERS)
def kind(request):
    return request.param


def noise(sample_rate, seconds=1.3, n=2):
    rng = np.random.default_rng(2)
    return (0.1 * rng.standard_normal((n, round(seconds * sample_rate)))).astype(np.float32)


def by_hand(kind, network, extractor, x):
    """Averages over frames of one sound, as a user of transformers would compute them."""
    inputs = extractor(x, sampling_rate=extractor.sampling_rate, return_tensors="pt")
    with torch.inference_mode():
        if kind == "clap":
            out = network.audio_model(**inputs, output_hidden_states=True)
            stages = [h.mean(dim=(2, 3))[0].numpy() for h in out.hidden_states[1:]]
            return stages, None
        encoder = {
            "wav2vec2": "wav2vec2",
            "ast": "audio_spectrogram_transformer",
            "whisper": "model.encoder",
            "s2t": "model.encoder",
        }.get(kind, "")
        main = next(iter(inputs))
        out = network.get_submodule(encoder)(inputs[main], output_hidden_states=True)
    n_frames = None
    if kind == "whisper":  # 20 ms each; the rest of 30 s is silence
        n_frames = math.ceil(len(x) / 320)
    hidden = [h[0, :n_frames].mean(dim=0).numpy() for h in out.hidden_states[1:]]
    return hidden, out.last_hidden_state[0, :n_frames].mean(dim=0).numpy()


def test_values_are_those_of_transformers(kind, folders):
    folder, network, extractor = folders(kind)
    model = load_hub(folder)
    assert model.layers == tuple(f"{PREFIX[kind]}{i}" for i in range(N_BLOCKS[kind]))
    assert model.sample_rate == extractor.sampling_rate
    x = noise(model.sample_rate)
    hidden, last = zip(*[by_hand(kind, network, extractor, one) for one in x], strict=True)
    found = model.vectors(x)
    # of encoders that end with a norm, transformers' last hidden state is behind it
    n_same = N_BLOCKS[kind] - (kind in ("whisper", "s2t", "wavlm"))
    for i in range(n_same):
        expected = np.stack([one[i] for one in hidden])
        np.testing.assert_allclose(found[model.layers[i]], expected, atol=2e-5)
    if last[0] is not None:
        norm = {"ast": "layernorm", "whisper": "layer_norm", "s2t": "layer_norm"}
        norm["wavlm"] = "encoder.layer_norm"
        layer = norm.get(kind, model.layers[-1])
        np.testing.assert_allclose(model.vectors(x, [layer])[layer], np.stack(last), atol=2e-5)


def test_each_sound_is_as_if_alone(kind, folders):
    model = load_hub(folders(kind)[0])
    x = noise(model.sample_rate, n=3)
    together = model.vectors(x)
    for i in range(3):
        for layer, alone in model.vectors(x[i : i + 1]).items():
            np.testing.assert_allclose(together[layer][i], alone[0], atol=1e-5)


def test_every_submodule_can_be_asked_for_together(kind, folders):
    model = load_hub(folders(kind)[0])
    everything = model.every_layer()
    assert set(model.layers) < set(everything)
    x = noise(model.sample_rate)
    out = model.vectors(x, everything)
    assert tuple(out) == everything
    assert all(len(array) == 2 and np.isfinite(array).all() for array in out.values())
    assert set(model.shapes(x.shape[1])) == set(everything)


def test_what_is_chosen_is_the_default(folders):
    folder = folders("wav2vec2")[0]
    model = load_hub(folder, layers=["encoder.layers.1", "feature_projection.projection"])
    assert model.layers == ("feature_projection.projection", "encoder.layers.1")
    with pytest.raises(UnknownNameError, match=r"Did you mean: encoder\.layers\.2"):
        load_hub(folder, layers=["encoder.layer.2"])
    with pytest.raises(UnknownNameError, match=r"encoder\.layers\.2"):
        model.choose(["encoder.layers.22"])


def test_convolutions_have_time_where_it_is(folders):
    model = load_hub(folders("wav2vec2")[0])
    layer = "feature_extractor.conv_layers.0.conv"
    out = model(noise(16_000, seconds=1), [layer])[layer]
    assert out.shape == (2, 16, 3199)  # (16000 - 10) // 5 + 1


def test_whisper_hears_the_sound_not_the_silence_behind_it(folders):
    model = load_hub(folders("whisper")[0])
    assert "hold sound" in model.pooling("layers.0")
    out = model(noise(16_000, seconds=1.3), ["conv1", "conv2", "layers.2"])
    assert {layer: array.shape[-1] for layer, array in out.items()} == {
        "conv1": 130, "conv2": 65, "layers.2": 65
    }  # fmt: skip


def test_long_sounds_go_in_pieces(folders):
    model = load_hub(folders("whisper")[0])
    x = noise(16_000, seconds=32, n=1)
    first, rest = model.vectors(x[:, : 30 * 16_000]), model.vectors(x[:, 30 * 16_000 :])
    for layer, vectors in model.vectors(x).items():
        expected = (1500 * first[layer] + 100 * rest[layer]) / 1600
        np.testing.assert_allclose(vectors, expected, atol=1e-5)
    assert load_hub(folders("clap")[0]).chunk_samples == 480_000
    assert load_hub(folders("ast")[0]).chunk_samples == 400 + 127 * 160
    assert load_hub(folders("hubert")[0]).chunk_samples is None


def test_clap_with_fusion_is_the_same_every_time(tmp_path):
    """Its extractor declares a random clip of each batch to be a long one; heschl does not."""
    import transformers

    _, extractor = small_encoders.save("clap", tmp_path)
    config = json.loads((tmp_path / "config.json").read_text())
    config["audio_config"]["enable_fusion"] = True
    network = transformers.ClapModel(transformers.ClapConfig.from_dict(config))
    network.save_pretrained(tmp_path)
    extractor.truncation = "fusion"
    extractor.save_pretrained(tmp_path)
    model = load_hub(tmp_path)
    x = noise(48_000, n=3)
    together = model.vectors(x)
    for i in range(3):
        for layer, alone in model.vectors(x[i : i + 1]).items():
            np.testing.assert_allclose(together[layer][i], alone[0], atol=1e-5)


def test_is_scored_from_its_folder(kind, folders):
    data = heschl.load_dataset("synthetic")
    few = replace(
        data,
        sounds=Sounds(data.sounds.clips[::4], duration=data.sounds.duration),
        responses=data.responses[::4],
        folds=data.folds[::4],
    )
    folder = folders(kind)[0]
    expected = nullcontext()
    if kind == "clap":  # which hears up to 24 kHz
        expected = pytest.warns(HeschlWarning, match="above 10000 Hz it hears nothing")
    with expected:
        result = heschl.score(str(folder), few, n_bootstrap=0, show_progress=False)
    assert set(result.scores["model"]) == {f"hf:{folder.name}"}
    assert result.scores["value"].notna().all()


def test_fresh_weights_need_no_file_of_weights(folders, tmp_path):
    folder = folders("hubert")[0]
    for name in ("config.json", "preprocessor_config.json"):
        (tmp_path / name).write_bytes((folder / name).read_bytes())

    def fresh(seed):
        with seeded(seed):
            return load_hub(tmp_path, fresh=True)

    assert fresh(0).identity() == fresh(0).identity() != fresh(1).identity()
    assert fresh(0).identity() != load_hub(folder).identity()
    with pytest.raises(InputError, match=r"model\.safetensors"):
        load_hub(tmp_path)


def test_controls(folders):
    folder = folders("hubert")[0]
    plain = load_model(str(folder)).identity()
    permuted = load_model(f"{folder}@permuted:0")
    assert permuted.identity() == load_model(f"{folder}@permuted:0").identity() != plain
    assert permuted.name == f"hf:{folder.name}@permuted:0"
    random = load_model(f"{folder}@random:3")
    assert random.identity() == load_model(f"{folder}@random:3").identity() != plain


def test_the_identity_follows_weights_configuration_and_front_end(folders, tmp_path):
    folder = folders("data2vec")[0]
    plain = load_hub(folder).identity()
    assert load_hub(folder).identity() == plain
    json.dumps(plain)

    def altered(name, **changes):
        copy = tmp_path / f"{len(list(tmp_path.iterdir()))}"
        copy.mkdir()
        for path in folder.iterdir():
            (copy / path.name).write_bytes(path.read_bytes())
        content = json.loads((copy / name).read_text())
        (copy / name).write_text(json.dumps(content | changes))
        return load_hub(copy).identity()

    assert altered("config.json", architectures=["Data2VecAudioForCTC"]) == plain
    assert altered("config.json", layer_norm_eps=1e-3) != plain
    assert altered("preprocessor_config.json", do_normalize=False) != plain


def test_shards_and_torch_files_hold_the_same(folders, tmp_path):
    folder, network, extractor = folders("wavlm")
    plain = load_hub(folder).identity()
    network.save_pretrained(tmp_path / "shards", max_shard_size="40KB")
    extractor.save_pretrained(tmp_path / "shards")
    assert len(list((tmp_path / "shards").glob("model-*.safetensors"))) > 1
    assert load_hub(tmp_path / "shards").identity() == plain
    network.config.save_pretrained(tmp_path / "torch")
    extractor.save_pretrained(tmp_path / "torch")
    torch.save(network.state_dict(), tmp_path / "torch" / "pytorch_model.bin")
    assert load_hub(tmp_path / "torch").identity() == plain


def test_half_precision_files_are_computed_in_single_precision(folders, tmp_path):
    _, network, extractor = folders("wav2vec2")
    half = type(network)(network.config).half()
    half.save_pretrained(tmp_path)
    extractor.save_pretrained(tmp_path)
    model = load_hub(tmp_path)
    assert {tensor.dtype for tensor in model.network.state_dict().values()} == {torch.float32}


# what can be wrong


@pytest.fixture
def own(folders, tmp_path):
    """A folder of wav2vec 2.0 to spoil; its file has a head and a prefix."""
    for path in folders("wav2vec2")[0].iterdir():
        (tmp_path / path.name).write_bytes(path.read_bytes())
    return tmp_path


def rewrite(folder, change):
    tensors = load_file(folder / "model.safetensors")
    assert "lm_head.weight" in tensors
    change(tensors)
    save_file(tensors, folder / "model.safetensors", metadata={"format": "pt"})


def test_tensors_that_are_not_those_of_the_encoder(own):
    bias = "wav2vec2.encoder.layers.1.final_layer_norm.bias"
    rewrite(own, lambda tensors: tensors.pop("lm_head.bias"))  # a head is not needed
    load_hub(own)
    rewrite(own, lambda tensors: tensors.update({"wav2vec2.encoder.more": torch.zeros(1)}))
    with pytest.raises(InputError, match=r"wav2vec2\.encoder\.more is not expected"):
        load_hub(own)
    rewrite(own, lambda tensors: tensors.pop("wav2vec2.encoder.more"))
    rewrite(own, lambda tensors: tensors.update({bias: torch.zeros(31)}))
    with pytest.raises(InputError, match=r"1\.final_layer_norm\.bias has shape \(31,\), expected"):
        load_hub(own)
    rewrite(own, lambda tensors: tensors.pop(bias))
    with pytest.raises(InputError, match=r"1\.final_layer_norm\.bias is missing"):
        load_hub(own)


def test_a_decoder_may_be_wrong_an_encoder_not(folders, tmp_path):
    for path in folders("whisper")[0].iterdir():
        (tmp_path / path.name).write_bytes(path.read_bytes())
    tensors = load_file(tmp_path / "model.safetensors")
    decoder = {key: value for key, value in tensors.items() if ".decoder." in key}
    for key in decoder:
        del tensors[key]
    save_file(tensors, tmp_path / "model.safetensors", metadata={"format": "pt"})
    assert load_hub(tmp_path).identity() == load_hub(folders("whisper")[0]).identity()
    tensors["model.encoder.layers.3.fc1.bias"] = torch.zeros(48)
    save_file(tensors, tmp_path / "model.safetensors", metadata={"format": "pt"})
    with pytest.raises(InputError, match=r"layers\.3\.fc1\.bias is not expected"):
        load_hub(tmp_path)


def test_folders_that_are_no_audio_encoder(own, tmp_path):
    with pytest.raises(InputError, match=r"no config\.json in it"):
        load_hub(tmp_path.parent)
    (own / "preprocessor_config.json").unlink()
    with pytest.raises(InputError, match=r"expected a preprocessor_config\.json"):
        load_hub(own)
    config = json.loads((own / "config.json").read_text())
    (own / "config.json").write_text(json.dumps(config | {"model_type": "no-such-model"}))
    with pytest.raises(InputError, match="no model of transformers"):
        load_hub(own)
    (own / "config.json").write_text("not json")
    with pytest.raises(InputError, match="no model of transformers"):
        load_hub(own)


def test_code_in_a_folder_is_not_run(own):
    """A configuration may name Python files of its repository; they stay unread."""
    config = json.loads((own / "config.json").read_text())
    config |= {
        "model_type": "mine",
        "auto_map": {"AutoConfig": "mine.Mine", "AutoModel": "mine.Network"},
    }
    (own / "config.json").write_text(json.dumps(config))
    (own / "mine.py").write_text("raise SystemExit('run')")
    with pytest.raises(InputError, match="no model of transformers"):
        load_hub(own)


def test_a_model_of_text_is_refused(tmp_path):
    import transformers

    config = transformers.BertConfig(
        hidden_size=16,
        num_hidden_layers=1,
        num_attention_heads=1,
        intermediate_size=16,
        vocab_size=9,
    )
    transformers.BertModel(config).save_pretrained(tmp_path)
    transformers.Wav2Vec2FeatureExtractor().save_pretrained(tmp_path)
    with pytest.raises(InputError, match="BertModel cannot take what Wav2Vec2FeatureExtractor"):
        load_hub(tmp_path)


@pytest.mark.parametrize("reference", ["no-such-thing", "a/b/c", "../up/there", "hf:x y/z"])
def test_what_is_neither_folder_nor_repository(reference):
    with pytest.raises(UsageError, match="neither a folder nor a repository"):
        load_hub(reference)


# files that are damaged, or mean harm


KEY = "wav2vec2.encoder.layers.1.attention.k_proj.weight"


@pytest.mark.parametrize("kind", ["int64", "bool", "float8_e4m3fn", "complex64"])
def test_other_kinds_of_numbers_are_named(own, kind):
    """The library would make floats of them."""
    rewrite(own, lambda tensors: tensors.update({KEY: tensors[KEY].to(getattr(torch, kind))}))
    kind = "complex" if kind == "complex64" else f"numbers of type {kind}"
    with pytest.raises(InputError, match=rf"model\.safetensors: tensor {KEY} has {kind}"):
        load_hub(own)


@pytest.mark.parametrize("value", [math.nan, math.inf])
def test_values_that_are_not_finite_are_named(own, value):
    rewrite(own, lambda tensors: tensors[KEY].__setitem__((1, 2), value))
    said = r"model\.safetensors: tensor encoder\.layers\.1\.attention\.k_proj\.weight is not finite"
    with pytest.raises(InputError, match=said):
        load_hub(own)


@pytest.mark.parametrize("name", ["model.safetensors", "pytorch_model.bin"])
def test_files_that_are_cut_short_or_something_else(own, name):
    path = own / name
    if name.endswith(".bin"):
        torch.save(load_file(own / "model.safetensors"), path)
        (own / "model.safetensors").unlink()
    load_hub(own)
    whole = path.read_bytes()
    for content in (whole[:-1], whole[: len(whole) // 2], whole[:20], b"", b"<html>"):
        path.write_bytes(content)
        with pytest.raises(InputError, match=rf"{name}: "):
            load_hub(own)


def test_nothing_of_a_torch_file_is_run(own, tmp_path):
    canary = tmp_path / "canary"
    (own / "model.safetensors").unlink()
    attack = hostile_pickles.RUNNING["os.system"](canary)
    for content in (state(w=tensor(), x=attack), state(w=attack)):
        (own / "pytorch_model.bin").write_bytes(archive(content))
        with pytest.raises(InputError, match=r"pytorch_model\.bin: wants os\.system, but a check"):
            load_hub(own)
    assert not canary.exists()


def test_shards_that_are_missing_or_hold_the_same(own):
    tensors = load_file(own / "model.safetensors")
    (own / "model.safetensors").unlink()
    names = ["model-1.safetensors", "model-2.safetensors"]
    index = {"weight_map": dict.fromkeys(tensors, names[0]) | {KEY: names[1]}}
    (own / "model.safetensors.index.json").write_text(json.dumps(index))
    save_file(tensors, own / names[0], metadata={"format": "pt"})
    with pytest.raises(InputError, match=r"no model-2\.safetensors in it, which model\.safetens"):
        load_hub(own)
    save_file({KEY: tensors[KEY]}, own / names[1], metadata={"format": "pt"})
    with pytest.raises(InputError, match=rf"model-2\.safetensors: tensor {KEY} is in another file"):
        load_hub(own)
    save_file({k: v for k, v in tensors.items() if k != KEY}, own / names[0])
    load_hub(own)
    for content in ("{}", "[", '{"weight_map": [1]}', '{"weight_map": {"a": "../b.safetensors"}}'):
        (own / "model.safetensors.index.json").write_text(content)
        with pytest.raises(InputError, match=r"index\.json: (no index of weights|lists)"):
            load_hub(own)


@pytest.mark.parametrize("rate", ["x", 0, -1, None, 44.1])
def test_a_front_end_without_a_sample_rate(own, rate):
    content = json.loads((own / "preprocessor_config.json").read_text())
    content["sampling_rate"] = rate
    (own / "preprocessor_config.json").write_text(json.dumps(content))
    with pytest.raises(InputError, match="expected a model of sounds, with a whole number of Hz"):
        load_hub(own)


def test_a_configuration_that_does_not_fit_together(own):
    content = json.loads((own / "config.json").read_text())
    (own / "config.json").write_text(json.dumps(content | {"num_attention_heads": 5}))
    with pytest.raises(InputError, match=r"config\.json: no network of transformers .*num_heads"):
        load_hub(own)
