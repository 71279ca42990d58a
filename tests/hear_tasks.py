"""Writes small tasks in the exact layout of the HEAR 2021 release, with made-up clips and labels.

The layout: github.com/hearbenchmark/hear-preprocess, ``pipeline.py`` and the tasks' own files.
"""

from __future__ import annotations

import io
import json
import tarfile

import numpy as np
import soundfile

ALL_SCORES = ["top1_acc", "mAP", "d_prime", "aucroc"]
WORDS = ["down", "go", "left", "no", "off", "on", "right", "stop", "up", "yes"]
RELEASES = {
    "esc50": "esc50-v2.0.0-full",
    "fsd50k": "fsd50k-v1.0-full",
    "nsynth-pitch": "nsynth_pitch-v2.2.3-50h",
    "speech-commands": "speech_commands-v0.0.2-full",
    "crema-d": "tfds_crema_d-1.0.0-full",
    "gtzan": "tfds_gtzan-1.0.0-full",
}


def wav(rng, n_samples, rate=48_000, *, subtype="PCM_16", channels=1):
    """Bytes of a WAV file with noise."""
    out = io.BytesIO()
    x = rng.uniform(-0.5, 0.5, (n_samples, channels))
    soundfile.write(out, x, rate, format="WAV", subtype=subtype)
    return out.getvalue()


def quick_wavs(rng, rate=48_000, n_samples=480):
    """Endless WAV files of as many samples each, quickly: one header and random bytes."""
    header = wav(rng, n_samples, rate)[: -2 * n_samples]
    while True:
        yield header + rng.bytes(2 * n_samples)


def write_task(folder, metadata, labels, *, vocabulary=None, rates=(48_000,), lengths=None):
    """Write a task.

    ``labels`` is {split: {file: [label, ...]}}; ``lengths`` gives a number of samples by the file.
    """
    folder.mkdir(parents=True)
    rng = np.random.default_rng(0)
    (folder / "task_metadata.json").write_text(json.dumps(metadata, indent=True))
    if vocabulary is None:
        vocabulary = sorted(
            {label for found in labels.values() for x in found.values() for label in x}
        )
    rows = "".join(f"{i},{label}\n" for i, label in enumerate(vocabulary))
    (folder / "labelvocabulary.csv").write_text(f"idx,label\n{rows}")
    for split, found in labels.items():
        (folder / f"{split}.json").write_text(json.dumps(found, indent=True))
        (folder / f"labelcount_{split}.json").write_text(json.dumps({"not read": 0.5}))
        for rate in rates:
            place = folder / str(rate) / split
            place.mkdir(parents=True)
            made = quick_wavs(rng, rate, max(1, rate // 100))
            for name in found:
                content = next(made) if lengths is None else wav(rng, lengths[name], rate)
                (place / name).write_bytes(content)
    return folder


def scene(name, version, mode, prediction, duration, evaluation, splits, **more):
    """Metadata as the pipeline writes it: the configuration of the task, and more keys."""
    return {
        "task_name": name,
        "version": version,
        "embedding_type": "scene",
        "prediction_type": prediction,
        "sample_duration": duration,
        "evaluation": evaluation,
        "default_mode": "full",
        "tmp_dir": "_workdir",
        "mode": mode,
        "splits": splits,
        **more,
    }


def folds(n):
    return [f"fold{i:02d}" for i in range(n)]


def esc50(folder):
    """Fifty classes, five folds that ESC-50 itself has; names such as 1-100032-A-0.wav."""
    kinds = [f"kind_{k:02d}" for k in range(50)]
    labels = {
        fold: {f"{i + 1}-{10_000 + k}-A-{k}.wav": [kind] for k, kind in enumerate(kinds)}
        for i, fold in enumerate(folds(5))
    }
    metadata = scene(
        *("esc50", "v2.0.0", "full", "multiclass", 5, ALL_SCORES, folds(5)),
        split_mode="presplit_kfold",
        nfolds=5,
        max_task_duration_by_fold=None,
        download_urls=[{"split": "all_folds", "url": "https://127.0.0.1/x.zip", "md5": "0"}],
    )
    return write_task(folder, metadata, labels)


def fsd50k(folder):
    """Two hundred classes, several in a clip, clips of 0.3 to 30 s (here of 20 to 300 ms)."""
    rng = np.random.default_rng(1)
    kinds = [f"Kind_{k:03d}_and_(more)" for k in range(200)]
    labels, lengths, number = {}, {}, 0
    for split, n in (("train", 100), ("valid", 12), ("test", 15)):
        labels[split] = {}
        for i in range(n):
            number += 7
            chosen = {
                2 * i % 200,
                (2 * i + 1) % 200,
                *rng.integers(0, 200, rng.integers(4)).tolist(),
            }
            labels[split][f"{number}.wav"] = [kinds[k] for k in sorted(chosen)]
            lengths[f"{number}.wav"] = int(rng.integers(1_000, 14_400))
    metadata = scene(
        *("fsd50k", "v1.0", "full", "multilabel", None),
        *(["mAP", "d_prime", "aucroc", "top1_acc"], ["train", "test", "valid"]),
        split_mode="trainvaltest",
        max_task_duration_by_split={"test": None, "train": None, "valid": None},
    )
    return write_task(folder, metadata, labels, vocabulary=kinds, lengths=lengths)


def nsynth(folder):
    """Pitches 21 to 108 as numbers; the metadata of its version name no splits."""
    labels = {
        split: {f"{split}_{i:03d}-{pitch:03d}-100.wav": [pitch] for i, pitch in enumerate(pitches)}
        for split, pitches in (
            ("train", range(21, 109)),
            ("valid", range(30, 50)),
            ("test", range(40, 60)),
        )
    }
    metadata = scene(
        *("nsynth_pitch", "v2.2.3", "50h", "multiclass", 4.0),
        *(["pitch_acc", "chroma_acc"], None),
        pitch_range_min=21,
        pitch_range_max=108,
    )
    del metadata["splits"]
    return write_task(folder, metadata, labels, vocabulary=list(range(21, 109)))


def speech_commands(folder):
    """Ten words, _unknown_ and _silence_, of which the last may be digital zeros."""
    classes = [*WORDS, "_unknown_", "_silence_"]
    labels = {
        split: {
            f"{label}_{split}{i}_nohash_{i}.wav": [label] for label in classes for i in range(n)
        }
        for split, n in (("train", 4), ("valid", 1), ("test", 2))
    }
    metadata = scene(
        *("speech_commands", "v0.0.2", "full", "multiclass", 1.0, ["top1_acc"]),
        ["train", "test", "valid"],
        split_mode="trainvaltest",
    )
    write_task(folder, metadata, labels)
    silent = folder / "48000/test/_silence__test0_nohash_0.wav"
    soundfile.write(silent, np.zeros(480), 48_000, subtype="PCM_16")
    return folder


def crema_d(folder):
    return tfds(folder, "tfds_crema_d", ["ANG", "DIS", "FEA", "HAP", "NEU", "SAD"], 5, 5)


def gtzan(folder):
    return tfds(folder, "tfds_gtzan", [f"genre{k}" for k in range(10)], 10, 30.0)


def tfds(folder, name, classes, n_folds, duration):
    """Folds that the release drew itself, and names made from those of TensorFlow Datasets."""
    labels = {
        fold: {
            f"tfds_id_{name}-train-tfrecord-{i:05d}-of-00010-{k}.wav": [label]
            for k, label in enumerate(classes)
        }
        for i, fold in enumerate(folds(n_folds))
    }
    metadata = scene(
        *(name, "1.0.0", "full", "multiclass", duration, ALL_SCORES, folds(n_folds)),
        split_mode="new_split_kfold",
        nfolds=n_folds,
        tfds_task_name=name.removeprefix("tfds_"),
        tfds_task_version="1.0.0",
        extract_splits=["train"],
    )
    return write_task(folder, metadata, labels)


WRITERS = {
    "esc50": esc50,
    "fsd50k": fsd50k,
    "nsynth-pitch": nsynth,
    "speech-commands": speech_commands,
    "crema-d": crema_d,
    "gtzan": gtzan,
}


def write_release(root, name):
    """Write an official task as its archive unpacks: hear-2021.0.6/tasks/RELEASE; return it."""
    return WRITERS[name](root / "hear-2021.0.6" / "tasks" / RELEASES[name])


def pack(folder, path, *, prefix="hear-2021.0.6/tasks"):
    """Write the archive of a task as published: first its own files, then those of its clips."""
    with tarfile.open(path, "w:gz", compresslevel=1) as archive:
        for file in sorted(folder.iterdir()):
            if file.is_file():
                archive.add(file, f"{prefix}/{folder.name}/{file.name}")
        for file in sorted(folder.iterdir()):
            if file.is_dir():
                archive.add(file, f"{prefix}/{folder.name}/{file.name}")
    return path


def small(folder, **options):
    """Three classes, train, valid and test, six clips of 10 ms each; ``options`` of write_task."""
    labels = {
        split: {f"{split}_{i}.wav": ["abc"[i % 3]] for i in range(6)}
        for split in ("train", "valid", "test")
    }
    metadata = scene(
        *("small", "v1", "full", "multiclass", 0.01, ["top1_acc"], ["train", "valid", "test"]),
        split_mode="trainvaltest",
    )
    return write_task(folder, metadata, labels, **options)
