"""All 36 published models: names, layers, sizes, and loading from files in the official layout."""

from __future__ import annotations

import fcntl
import json
import math
import os
import shutil
from dataclasses import replace
from pathlib import Path

import official
import pandas as pd
import pytest

from heschl import cli
from heschl.brain import load_dataset, natsound165
from heschl.models import MODELS, facts, load_model, outline
from heschl.models.huggingface.published import Published

#: Our name and the published identifier of each model with weights (models of arXiv 2511.16849).
PUBLISHED = {
    "encodecmae-small": "mel256-ec-small",
    "encodecmae-base": "mel256-ec-base",
    "encodecmae-large": "mel256-ec-large",
    "encodecmae-base-as": "mel256-ec-base-as",
    "encodecmae-base-fma": "mel256-ec-base-fma",
    "encodecmae-base-ll": "mel256-ec-base-ll",
    "encodecmae-base-st": "mel256-ec-base_st-nopn",
    "encodecmae-large-st": "mel256-ec-large_st-nopn",
    "encodecmae-ec-base": "ec-ec-base",
    "encodecmae-spec-base": "spec-ec-base",
    "beats-iter1": "BEATs_iter1",
    "beats-iter2": "BEATs_iter2",
    "beats-iter3": "BEATs_iter3",
    "beats-iter3-ft": "BEATs_iter3_finetuned_on_AS2M_cpt1",
    "dasheng-base": "dasheng_base",
    "dasheng-06b": "dasheng_06B",
    "dasheng-12b": "dasheng_12B",
    "dasheng-base-ft": "dasheng_base_ft-as",
    "cochcnn9-word": "braindnn_kell2018_word",
    "cochcnn9-speaker": "braindnn_kell2018_speaker",
    "cochcnn9-audioset": "braindnn_kell2018_audioset",
    "cochcnn9-multitask": "braindnn_kell2018_word_speaker_audioset",
    "cochresnet50-word": "braindnn_resnet50_word",
    "cochresnet50-speaker": "braindnn_resnet50_speaker",
    "cochresnet50-audioset": "braindnn_resnet50_audioset",
    "cochresnet50-multitask": "braindnn_resnet50_word_speaker_audioset",
    "ast": "braindnn_ast",
    "vggish": "braindnn_vggish",
    "wav2vec2": "braindnn_wav2vec2",
    "s2t": "braindnn_s2t",
    "sepformer": "braindnn_sepformer",
    "metricgan": "braindnn_metricgan",
    "dcase2020": "braindnn_dcase2020",
    "zerospeech": "braindnn_zerospeech",
    "deepspeech2": "braindnn_deepspeech",
}

#: Part of the 165 sounds, enough to see that every model is scored.
PART = "every-third-sound"
#: So many seconds of them, half of the published; CochCNN9's last layers are made for both.
SECONDS = {name: 2.0 if name.startswith("cochcnn9") else 1.0 for name in PUBLISHED}

#: Go through `heschl score` at reduced width, all layers kept: those with most to compute, minutes
#: on a core (AST pads to 1,024 frames, SepFormer has frames of 16 samples).
REDUCED = {
    name: {"dim": 96}
    for name in PUBLISHED
    if name.startswith("encodecmae") and name != "encodecmae-small"
} | {
    "wav2vec2": {"hidden_size": 96, "num_attention_heads": 4, "intermediate_size": 192},
    "s2t": {
        "d_model": 128,
        "encoder_attention_heads": 4,
        "encoder_ffn_dim": 256,
        "conv_channels": 128,
    },
    "dasheng-06b": {"embed_dim": 160},
    "dasheng-12b": {"embed_dim": 192},
    "ast": {"hidden_size": 48, "num_attention_heads": 3, "intermediate_size": 96},
    "sepformer": {"width": 16, "n_heads": 2, "hidden": 64},
}


def test_the_table_has_the_36_models_of_the_study():
    learned = {spec.name: spec.aliases for spec in MODELS.values() if spec.weights is not None}
    assert learned == {name: (published,) for name, published in PUBLISHED.items()}
    assert MODELS["braindnn_spectemp_filters"].name == "spectrotemporal"
    assert len(learned) + 1 == 36
    assert set(official.BY_NAME) == set(PUBLISHED)


@pytest.mark.parametrize("name", PUBLISHED)
def test_layers_and_sizes_are_those_published(name):
    model = outline(name)
    shapes = model.shapes(2 * model.sample_rate)
    features = {layer: math.prod(shapes[layer][:-1]) for layer in model.layers}
    assert list(features.items()) == list(official.BY_NAME[name].LAYERS[name].items())
    assert set(shapes) == {*model.layers, *model.extra_layers}
    known = facts(name)
    assert known.parameters == model.n_parameters()
    assert (known.layers, known.features) == (len(features), sum(features.values()))


@pytest.fixture
def released(tmp_path):
    """A folder for released files, which are large: removed at once."""
    yield tmp_path
    shutil.rmtree(tmp_path)


@pytest.mark.zoo
@pytest.mark.parametrize("name", PUBLISHED)
def test_loads_strictly_from_the_official_layout(name, released, capsys):
    official.write(name, released)
    if MODELS[name].weights.convert:
        (file,) = (path for path in released.rglob("*") if path.is_file())
        assert cli.run(["convert", str(file)]) == 0
        assert capsys.readouterr().out == f"{file.with_suffix('.safetensors')}\n"
    model = load_model(f"{name}@file:{released}")
    assert model.layers == tuple(official.BY_NAME[name].LAYERS[name])
    tensors = model.network.state_dict().values()
    assert not any(tensor.is_meta for tensor in tensors)
    assert model.n_parameters() == outline(name).n_parameters()


@pytest.fixture(scope="module")
def home(shared, tmp_path_factory):
    """One store for all models and processes: equal networks with equal weights run once."""
    if "PYTEST_XDIST_WORKER" in os.environ:
        home = tmp_path_factory.getbasetemp().parent / "home-of-all"
        home.mkdir(exist_ok=True)
    else:
        home = tmp_path_factory.mktemp("home-of-all")
    with pytest.MonkeyPatch.context() as patch, (home / "lock").open("w") as lock:
        patch.setenv("HESCHL_HOME", str(home))
        fcntl.flock(lock, fcntl.LOCK_EX)
        for seconds in sorted(set(SECONDS.values())):
            if not (home / f"{PART}-{seconds}" / "dataset.json").exists():
                natsound165.fetch(shared / "data" / "natsound165")
                write_part(home / f"{PART}-{seconds}", seconds)
    return home


def write_part(folder, seconds):
    """A dataset of every third sound and its component responses: minutes less than all of them."""
    whole = load_dataset("natsound165")
    (folder / "sounds").mkdir(parents=True)
    clips = whole.sounds.clips[::3]
    for clip in clips:
        (folder / "sounds" / f"{clip.name}{Path(clip.source).suffix}").symlink_to(clip.source)
    table = pd.DataFrame(whole.mean_responses()[::3], columns=list(whole.targets["target"]))
    table.insert(0, "sound", [clip.name for clip in clips])
    table.to_csv(folder / "responses.csv", index=False)
    (folder / "dataset.json").write_text(json.dumps({"kind": "components", "duration": seconds}))


def reduced(name):
    """The row of the table, its network narrower if it is one of the largest."""
    spec, smaller = MODELS[name], REDUCED.get(name, {})
    published = spec.options.get("published")
    if smaller and isinstance(published, Published):
        smaller = {"published": replace(published, config=published.config | smaller)}
    return replace(spec, options=spec.options | smaller)


@pytest.mark.shared
@pytest.mark.zoo
@pytest.mark.parametrize("name", PUBLISHED)
def test_fresh_weights_are_scored(name, home, monkeypatch, capsys):
    monkeypatch.setenv("HESCHL_HOME", str(home))
    monkeypatch.setitem(MODELS._found, name, reduced(name))
    dataset = str(home / f"{PART}-{SECONDS[name]}")
    command = ["score", f"{name}@random:0", "--dataset", dataset, "--json", "-"]
    assert cli.run(command) == 0
    rows = json.loads(capsys.readouterr().out)
    assert {row["model"] for row in rows} == {f"{name}@random:0"}
    assert {row["layer"] for row in rows} <= set(official.BY_NAME[name].LAYERS[name])
    r2 = {row["target"]: row["value"] for row in rows if row["unit"] == "r2"}
    assert set(r2) == {"lowfreq", "highfreq", "envsounds", "pitch", "speech", "music"}
    assert all(-1 < value < 1 for value in r2.values())
    # filters with random weights, too, tell loud from soft and low from high
    assert max(r2.values()) > 0.05, r2
