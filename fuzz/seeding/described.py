"""What users write: tasks, studies, recipes, datasets; and the configurations of networks."""

from __future__ import annotations

import io
import json

import numpy as np

from heschl.models.encodecmae.configuration import Configuration, published, write
from heschl.models.encodecmae.frontends import Spectrogram
from heschl.pretrain.recipe import Recipe, TrainingPart
from heschl.studies.description import Description
from places import joined
from targets import dataset_folders as datasets
from targets import hear_tasks as hear

Seeds = dict[str, bytes]


def hear_tasks() -> Seeds:
    files = hear.FILES
    metadata = "task_metadata.json"
    folds = hear.METADATA | {"split_mode": "new_split_kfold", "splits": None, "nfolds": 3}
    several = hear.METADATA | {"prediction_type": "multilabel"}
    del several["split_mode"], several["splits"]
    train, numbers = hear.LABELS["train"], ([1], [2.0], ["x"])
    labelled = {
        f"{split}.json": json.dumps(dict(zip(hear.LABELS[split], numbers, strict=True))).encode()
        for split in ("train", "valid", "test")
    }
    return {
        "whole": joined({name: files[name] for name in (metadata, "labelvocabulary.csv")}),
        "labels": joined({"train.json": files["train.json"], "test.json": files["test.json"]}),
        "folds": joined({metadata: json.dumps(folds).encode()}),
        "several": joined(
            {
                metadata: json.dumps(several).encode(),
                "train.json": json.dumps(
                    dict(zip(train, (["a", "b"], [], ["c", "a"]), strict=True))
                ).encode(),
            }
        ),
        "numbers": joined(
            labelled | {"labelvocabulary.csv": b'idx,label\r\n0,1\r\n2,"x"\r\n1,2\r\n'}
        ),
        "elsewhere": joined({"valid.json": b'{"../a.wav": ["a"]}'}),
    }


def hear_words() -> list[bytes]:
    words = [
        *hear.METADATA,
        *hear.FILES,
        *hear.LABELS["test"],
        "nfolds",
        "multilabel",
        "d_prime",
        "aucroc",
    ]
    words += [
        "citation",
        "licence",
        "presplit_kfold",
        "null",
        "true",
        "1e999",
        "NaN",
        "=== ",
        "fold",
    ]
    return [word.encode() for word in words]


def descriptions() -> Seeds:
    study = """study: small
title: Two quick models
models:
  - melspectrogram
  - name: cochleagram@random:3
  - {name: "torch:mine:make", modules: mine, family: mine, training: supervised, hours: 1.5}
controls: ["random:0"]
datasets: [synthetic, {name: natsound165, from: copy}]
tasks: [synthetic-tones]
metrics: [regression, rsa]
protocols: [pepino2025]
probes: [linear]
seeds: [0, 1]
bootstrap: 100
permutations: 0
layer_profiles: false
"""
    recipe = """name: tiny
data:
  sources:
    - sounds
    - {folder: more, name: more, weight: 2}
  crop: 4
network: {size: small, dim: 32, depth: 2, heads: 4, input: mel}
targets: {kind: random-projection, codebooks: 2, codes: 16, crops: 10}
training:
  steps: 10
  learning_rate: 5e-4
  betas: [0.9, 0.95]
  precision: 32
  clip: 1.0
checkpoints: {every: 5}
alignment: {datasets: [synthetic], metrics: [rsa]}
"""
    least = "study: s\ntitle: t\nmodels: [melspectrogram]\ntasks: [./mine]\n"
    return {
        "study": study.encode(),
        "recipe": recipe.encode(),
        "study-least": least.encode(),
        "recipe-least": b"name: r\ndata: {sources: [x]}\n",
        "study-tags": b"study: !!str s\ntitle: !!binary aGVzY2hs\nmodels: [!!int 1]\n",
        "alias": b"study: &a s\ntitle: *a\n",
    }


def description_words() -> list[bytes]:
    words = [*Description.model_fields, *Recipe.model_fields, *TrainingPart.model_fields]
    words += ["name", "modules", "family", "training", "hours", "parameters", "from", "folder"]
    words += ["hf:a/b", "hear:m", "torch:m:f", "@random:1", "@permuted:1", "@file:x", "~x/y", "./x"]
    tags = ("int", "float", "bool", "timestamp", "binary", "set", "omap", "str", "null", "merge")
    words += [
        *(f"!!{tag} " for tag in tags),
        "<<: ",
        "- ",
        ": ",
        "? ",
        "| ",
        "> ",
        "%YAML 1.1",
        "---",
    ]
    return [word.encode() for word in words] + [
        b"\x85",
        b"1:1:1",
        b".inf",
        b".nan",
        b"1e400",
        b"0x_",
    ]


def gin() -> Seeds:
    mel = published({"front_end": "mel", "dim": 768, "depth": 1})
    frames = Spectrogram(sample_rate=16_000, frame_length_ms=25, frame_shift_ms=10, window="povey")
    spectrogram = Configuration(frames, dim=768, depth=1)
    return {
        "mel": write(mel).encode(),
        "spectrogram": write(spectrogram).encode(),
        "encodec": write(published({"front_end": "encodec", "dim": 768, "depth": 1})).encode(),
        "macros": b"A = %B\nB = [1, 2] # x\nencoder/m.TransformerEncoder.model_dim = %MODEL_DIM\n"
        b"MODEL_DIM = 768\nm.MelspectrogramProcessor:\n  norm_stats = \\\n  (%X,\n 1.0)\nX = -1\n"
        b"NUM_ENCODER_LAYERS = @f()\nX/macro.value = 2\nimport os\n",
    }


def gin_words() -> list[bytes]:
    words = ["MODEL_DIM = ", "%MODEL_DIM", "NUM_ENCODER_HEADS", "NUM_ENCODER_LAYERS", "encoder/"]
    words += ["TransformerEncoder", "MelspectrogramProcessor", "SpectrogramProcessor", ".scale = "]
    words += ["frame_length = ", "sample_frequency", "norm_stats", "window_type", "num_mel_bins"]
    words += ["1e999", "None", "True", "EncodecEncoder", "macro.value", "max_length", "[", "(", "{"]
    words += ["NUM_MEL_BINS", "MAX_AUDIO_DURATION", "low_freq", "high_freq", "ff_dim", "\\\n"]
    return [word.encode() for word in words]


def dataset_folders() -> Seeds:
    file = io.BytesIO()
    np.save(file, np.arange(24.0).reshape(6, 2, 2))
    names = [f"s{i}" for i in range(6)]
    long = "".join(
        f"{name},{t},{r},{i}\n" for i, name in enumerate(names) for t in "ab" for r in (1, 2)
    )
    order = "sound,category,fold\n" + "".join(f"{n},{n[-1]},{i % 3}\n" for i, n in enumerate(names))
    described = {
        "name": "x",
        "kind": "electrodes",
        "citation": "c",
        "licence": "l",
        "duration": 0.01,
    }
    return {
        "described": joined({"dataset.json": json.dumps(described).encode()}),
        "sounds": joined({"sounds.csv": order.encode()}),
        "targets": joined({"targets.csv": b"target,region,x\nv2,1,2.5\nv1,,nan\n"}),
        "long": joined({"responses.csv": f"sound,target,repeat,response\n{long}".encode()}),
        "array": joined({"sounds.csv": order.encode(), "responses.npy": file.getvalue()}),
        "wide": joined(
            {
                "responses.csv": b"\xef\xbb\xbfsound,v\r\n"
                + b"".join(b"s%d,\r\n" % i for i in range(6))
            }
        ),
    }


def dataset_words() -> list[bytes]:
    words = ["sound", "target", "repeat", "response", "category", "fold", "listener", "region"]
    words += [
        "duration",
        "kind",
        "voxels",
        "components",
        "1e999",
        "nan",
        "-inf",
        "Infinity",
        "=== ",
    ]
    words += [f"=== {name}\n" for name in datasets.KNOWN] + [
        "'shape': (",
        "'descr': '<f8'",
        "|O",
        "1_0",
    ]
    return [word.encode() for word in words]
