"""Tasks in the HEAR layout: read as published, and whatever does not fit together is refused."""

from __future__ import annotations

import hashlib
import json
import shutil

import numpy as np
import pytest

from hear_tasks import RELEASES, WORDS, scene, small, write_release, write_task
from heschl.errors import InputError
from heschl.tasks import Round, hear, load_task
from heschl.tasks.hear.metadata import is_plain_name


@pytest.fixture(scope="module")
def official(tmp_path_factory):
    """Small copies of the official tasks, by name; tests leave them as they are."""
    root = tmp_path_factory.mktemp("official")
    return {name: write_release(root / name, name) for name in RELEASES}


@pytest.fixture
def folder(tmp_path):
    """A small task that a test may spoil."""
    return small(tmp_path / "mine")


def labels_of(folder, split):
    return json.loads((folder / f"{split}.json").read_text())


# the official layouts


def test_esc50(official):
    task = load_task(official["esc50"])
    assert task.name == "esc50-v2.0.0-full"
    assert (task.prediction, task.folds, task.duration) == ("multiclass", True, 5.0)
    assert task.units == ("accuracy", "mAP", "d_prime", "auc")
    assert tuple(task.splits) == ("fold00", "fold01", "fold02", "fold03", "fold04")
    assert task.rounds()[4] == Round(("fold01", "fold02", "fold03"), "fold00", "fold04")
    assert (task.n_classes, task.n_clips) == (50, 250)
    split = task.splits["fold02"]
    assert split.sounds.names[7] == "3-10007-A-7.wav"
    assert split.sounds[7].source == official["esc50"] / "48000/fold02/3-10007-A-7.wav"
    assert [task.classes[k] for k in split.labels.argmax(axis=1)] == list(split.sounds.categories)
    assert split.sounds.waveforms(48_000)[:1].shape == (1, 240_000)  # padded to 5 s


def test_fsd50k(official):
    task = load_task(official["fsd50k"])
    assert (task.prediction, task.folds, task.duration) == ("multilabel", False, None)
    assert task.units == ("mAP", "d_prime", "auc")  # several labels have no top one
    assert tuple(task.splits) == ("train", "valid", "test")
    assert task.rounds() == (Round(("train",), "valid", "test"),)
    for name, split in task.splits.items():
        by_hand = labels_of(official["fsd50k"], name)
        assert list(split.sounds.names) == list(by_hand)
        for row, labels in zip(split.labels, by_hand.values(), strict=True):
            assert [task.classes[k] for k in np.flatnonzero(row)] == labels
        assert set(split.sounds.categories) == {None}
        assert len(set(split.sounds.lengths(48_000).tolist())) > 5


def test_nsynth(official):
    """Labels are numbers in the JSON files and text in the vocabulary."""
    task = load_task(official["nsynth-pitch"])
    assert (task.units, task.duration, task.folds) == (("accuracy",), 4.0, False)
    assert task.classes == tuple(str(pitch) for pitch in range(21, 109))
    assert (task.splits["valid"].labels.argmax(axis=1) == np.arange(9, 29)).all()


def test_speech_commands(official):
    task = load_task(official["speech-commands"])
    assert set(task.classes) == {*WORDS, "_silence_", "_unknown_"}
    assert [len(split.sounds) for split in task.splits.values()] == [48, 12, 24]
    sounds = task.splits["test"].sounds
    sounds.check()  # one is digital silence
    assert [facts.silent for facts in sounds.facts].count(True) == 1


@pytest.mark.parametrize(("name", "n_folds"), [("crema-d", 5), ("gtzan", 10)])
def test_folds_that_the_release_drew(official, name, n_folds):
    task = load_task(official[name])
    assert list(task.splits) == [f"fold{i:02d}" for i in range(n_folds)]
    assert len(task.rounds()) == n_folds
    assert all(len(found.train) == n_folds - 2 for found in task.rounds())


@pytest.mark.parametrize("above", [".", "tasks", "hear-2021.0.6"])
def test_a_folder_above_the_task_will_do(official, above):
    folder = official["gtzan"]
    source = {".": folder, "tasks": folder.parent, "hear-2021.0.6": folder.parents[1]}[above]
    assert hear.find_folder(source) == folder
    assert load_task(source).name == "tfds_gtzan-1.0.0-full"


def test_where_it_comes_from_is_said(folder):
    source = load_task(folder).source
    names = ["task_metadata.json", "labelvocabulary.csv", "train.json", "valid.json", "test.json"]
    assert source == {
        "folder": "mine",
        "files_sha256": {
            name: hashlib.sha256((folder / name).read_bytes()).hexdigest() for name in names
        },
    }


@pytest.mark.shared
def test_the_two_real_tasks(shared):
    esc10, fsdd = (
        load_task(shared / "data/hear/tasks" / name)
        for name in ("esc10-v1.0.0-full", "fsdd-v1.0.0-full")
    )
    assert (esc10.n_clips, esc10.n_classes, len(esc10.rounds())) == (400, 10, 5)
    assert [int(split.labels.sum(axis=0).max()) for split in esc10.splits.values()] == [8] * 5
    assert (fsdd.n_clips, fsdd.n_classes, fsdd.folds) == (1_500, 10, False)
    test = fsdd.splits["test"].sounds
    assert {name.split("_")[2] for name in test.names} == {f"{take}.ogg" for take in range(5)}
    words = ["zero", "one", "two", "three", "four", "five", "six", "seven", "eight", "nine"]
    assert all(words[int(clip.name[0])] == clip.category for clip in test)


# metadata


def change(folder, **changes):
    path = folder / "task_metadata.json"
    content = json.loads(path.read_text()) | changes
    kept = {key: value for key, value in content.items() if value != "gone"}
    path.write_text(json.dumps(kept))


@pytest.mark.parametrize(
    "changes",
    [
        {"splits": "gone"},
        {"splits": ["test", "valid", "train"]},
        {"split_mode": "gone"},
        {"split_mode": "gone", "splits": "gone"},
    ],
)
def test_the_splits_may_be_said_in_several_ways(folder, changes):
    change(folder, **changes)
    task = load_task(folder)
    assert tuple(task.splits) == ("train", "valid", "test")
    assert not task.folds


@pytest.mark.parametrize(
    "changes",
    [
        {"splits": "gone"},
        {"nfolds": "gone"},
        {"splits": "gone", "nfolds": "gone"},
        {"split_mode": "gone"},
        {"split_mode": "gone", "splits": "gone", "nfolds": "gone"},
    ],
)
def test_the_folds_may_be_said_in_several_ways(official, tmp_path, changes):
    folder = shutil.copytree(official["crema-d"], tmp_path / "mine")
    change(folder, **changes)
    task = load_task(folder)
    assert list(task.splits) == [f"fold{i:02d}" for i in range(5)]
    assert task.folds


def test_a_user_may_name_citation_and_licence(folder):
    assert (load_task(folder).citation, load_task(folder).licence) == ("", "")
    change(folder, citation="Me (2026)", licence="CC0")
    assert (load_task(folder).citation, load_task(folder).licence) == ("Me (2026)", "CC0")


def test_scores_that_are_not_known_are_passed_over(folder):
    change(folder, evaluation=["chroma_acc", "aucroc", "pitch_acc", "top1_acc"])
    assert load_task(folder).units == ("auc", "accuracy")


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"embedding_type": "event"}, r"embedding_type is 'event'; expected 'scene'"),
        ({"embedding_type": "gone"}, "embedding_type is None"),
        (
            {"prediction_type": "regression"},
            "prediction_type is 'regression'; expected 'multiclass'",
        ),
        ({"split_mode": "leave-one-out"}, "split_mode is 'leave-one-out'; expected one of"),
        ({"splits": ["train", "test"]}, r"splits are \['train', 'test'\]; expected train, valid"),
        ({"splits": []}, r"splits are \[\]; expected a list of names"),
        ({"splits": "train"}, "splits are 'train'; expected a list"),
        ({"splits": ["../train", "valid", "test"]}, "expected a list of names"),
        ({"splits": [1, 2, 3]}, "expected a list of names"),
        ({"split_mode": "presplit_kfold", "splits": ["a", "b"]}, "at least 3 folds"),
        ({"split_mode": "presplit_kfold", "splits": ["a", "b", "a"]}, "each named once"),
        ({"split_mode": "presplit_kfold", "nfolds": 4}, "nfolds is 4, but 3 splits are named"),
        ({"split_mode": "new_split_kfold", "splits": "gone"}, "neither train.json"),
        ({"sample_duration": 0}, "sample_duration is 0; expected seconds, more than 0, or null"),
        ({"sample_duration": "5"}, "sample_duration is '5'"),
        ({"sample_duration": True}, "sample_duration is True"),
        ({"sample_duration": float("nan")}, "sample_duration is nan"),
        ({"sample_duration": "gone"}, "sample_duration is 'missing'"),
        ({"evaluation": ["chroma_acc"]}, r"evaluation is \['chroma_acc'\]; expected .*top1_acc"),
        ({"evaluation": "gone"}, "evaluation is None; expected a list"),
        ({"evaluation": [1]}, r"evaluation is \[1\]"),
        ({"prediction_type": "multilabel"}, "of mAP, d_prime and aucroc if clips have several"),
    ],
)
def test_metadata_that_cannot_be(folder, changes, message):
    change(folder, **changes)
    with pytest.raises(InputError, match=message) as caught:
        load_task(folder)
    assert str(folder) in str(caught.value)


# files that are missing or damaged


@pytest.mark.parametrize(
    "content", [b"", b"{", b"[1, 2", b"\xff\xfe{}", b"{'a': 1}", b"[" * 10_000]
)
@pytest.mark.parametrize("name", ["task_metadata.json", "valid.json"])
def test_damaged_json(folder, name, content):
    (folder / name).write_bytes(content)
    with pytest.raises(InputError, match=rf"{name}: damaged .*; expected JSON in UTF-8"):
        load_task(folder)


@pytest.mark.parametrize(
    ("name", "content", "message"),
    [
        ("task_metadata.json", "[]", r"holds \[\]; expected an object"),
        ("valid.json", "[]", "holds something else than lists of labels by file name"),
        ("valid.json", '{"a.wav": "dog"}', "holds something else than lists of labels"),
        ("valid.json", '{"a.wav": {"label": "dog"}}', "holds something else than lists of labels"),
        ("valid.json", '{"a.wav": [], "a.wav": []}', "a.wav occurs twice"),
        ("valid.json", '{"a.wav": [null]}', "1 clips have a label that is neither text nor"),
        ("valid.json", '{"a.wav": [true]}', "1 clips have a label that is neither text nor"),
        ("valid.json", '{"a.wav": [["a"]]}', "1 clips have a label that is neither text nor"),
        ("valid.json", "{}", r"1 splits are empty \(valid\); expected labelled clips in each"),
    ],
)
def test_json_that_says_something_else(folder, name, content, message):
    (folder / name).write_text(content)
    with pytest.raises(InputError, match=message):
        load_task(folder)


@pytest.mark.parametrize(
    "content",
    [
        "",
        "idx,label\n",
        "label\na\nb\nc\n",
        "idx,label\n0,a\n1,b\n3,c\n",
        "idx,label\n0,a\n1,b\n1,c\n",
        "idx,label\n0,a\n1,b\n2,a\n",
        "idx,label\n0,a\n1,b\n2\n",
        "idx,label\n0,a\n1,b\n2,\n",
        "idx,label\n0,a\n-1,b\n2,c\n",
        "idx,label\n0,a\n1.0,b\n2,c\n",
        "idx,label\n0,a\n1,b\n\u00b2,c\n",
    ],
)
def test_a_vocabulary_that_numbers_nothing(folder, content):
    (folder / "labelvocabulary.csv").write_text(content, encoding="utf-8")
    with pytest.raises(InputError, match=r"labelvocabulary\.csv: \d rows .*indices 0, 1, 2"):
        load_task(folder)


def test_a_damaged_vocabulary(folder):
    (folder / "labelvocabulary.csv").write_bytes(b'idx,label\n0,"a\xff')
    with pytest.raises(InputError, match=r"labelvocabulary\.csv: damaged"):
        load_task(folder)
    (folder / "labelvocabulary.csv").unlink()
    with pytest.raises(InputError, match=r"labelvocabulary\.csv: cannot be read \(No such file"):
        load_task(folder)


def test_a_vocabulary_in_any_order_with_more_columns(folder):
    (folder / "labelvocabulary.csv").write_text("note,label,idx\nx,c,2\ny,a,0\nz,b,1\n")
    assert load_task(folder).classes == ("a", "b", "c")


def test_missing_files_of_labels(folder):
    for name in ("train", "test"):
        (folder / f"{name}.json").unlink()
    with pytest.raises(
        InputError, match=r"2 files of labels are missing \(train.json, test.json\)"
    ):
        load_task(folder)


def test_folders_without_a_task(tmp_path, folder):
    (tmp_path / "empty").mkdir()
    with pytest.raises(InputError, match="no task in it; expected the HEAR layout"):
        load_task(tmp_path / "empty")
    with pytest.raises(InputError, match="no such folder"):
        load_task(tmp_path / "nothing")
    small(tmp_path / "other")
    with pytest.raises(InputError, match=r"2 tasks are in it \(mine, other\); expected one"):
        load_task(tmp_path)


def test_no_audio(folder):
    (folder / "48000").rename(folder / "audio")
    with pytest.raises(InputError, match="no audio; expected a folder named by a sample rate"):
        load_task(folder)
    (folder / "16000/train").mkdir(parents=True)
    (folder / "16000/train/.hidden.wav").touch()
    (folder / "16000/train/notes.txt").touch()
    with pytest.raises(InputError, match="no audio"):
        load_task(folder)


# labels and clips against each other


def relabel(folder, split, **changes):
    """Change labels of files ("__" stands for the dot); None takes a file out."""
    found = labels_of(folder, split)
    for name, labels in changes.items():
        found[name.replace("__", ".")] = labels
    kept = {name: labels for name, labels in found.items() if labels is not None}
    (folder / f"{split}.json").write_text(json.dumps(kept))


def test_labels_of_missing_files(folder):
    for name in ("train/train_0.wav", "train/train_3.wav", "valid/valid_1.wav", "test/test_5.wav"):
        (folder / "48000" / name).unlink()
    with pytest.raises(InputError) as caught:
        load_task(folder)
    assert "4 files that have labels are missing (train/train_0.wav, train/train_3.wav, " in str(
        caught.value
    )
    assert "valid/valid_1.wav and 1 more)" in str(caught.value)


def test_files_without_labels(folder):
    relabel(folder, "train", train_5__wav=None)
    relabel(folder, "test", test_5__wav=None)
    with pytest.raises(
        InputError, match=r"2 files have no labels \(train/train_5.wav, test/test_5.wav\)"
    ):
        load_task(folder)


def test_files_that_are_no_sounds_need_no_labels(folder):
    for name in (".DS_Store", "._train_0.wav", "notes.txt", "Thumbs.db"):
        (folder / "48000/train" / name).write_bytes(b"x")
    assert load_task(folder).n_clips == 18


def test_labels_that_are_not_in_the_vocabulary(folder):
    relabel(folder, "train", train_0__wav=["d"])
    relabel(folder, "test", test_1__wav=[7])
    with pytest.raises(
        InputError,
        match=r"2 labels are not in the vocabulary \(train/train_0.wav: 'd', test/test_1.wav: '7'",
    ):
        load_task(folder)


@pytest.mark.parametrize("labels", [[], ["a", "b"]])
def test_one_label_each_if_the_task_is_multiclass(folder, labels):
    relabel(folder, "valid", valid_2__wav=labels)
    with pytest.raises(InputError, match=rf"1 clips have .*\(valid/valid_2.wav: {len(labels)}\)"):
        load_task(folder)
    change(folder, prediction_type="multilabel", evaluation=["mAP"])
    found = load_task(folder).splits["valid"]
    assert found.labels[2].tolist() == [label in labels for label in "abc"]


def test_a_class_absent_from_training(folder):
    relabel(folder, "train", train_2__wav=["a"], train_5__wav=["b"])
    with pytest.raises(InputError, match=r"mine: 1 times a class .*'c' when 'test' is tested"):
        load_task(folder)


def test_a_class_absent_from_the_training_of_one_fold(official, tmp_path):
    folder = shutil.copytree(official["crema-d"], tmp_path / "mine")
    for fold in ("fold02", "fold03", "fold04"):
        labels = labels_of(folder, fold)
        sad = next(name for name, found in labels.items() if found == ["SAD"])
        (folder / f"{fold}.json").write_text(json.dumps(labels | {sad: ["ANG"]}))
    with pytest.raises(InputError, match=r"1 times a class .*'SAD' when 'fold00' is tested"):
        load_task(folder)


def test_a_file_in_two_splits(folder):
    for i in range(4):
        shutil.copy(folder / f"48000/train/train_{i}.wav", folder / "48000/test")
    relabel(folder, "test", **{f"train_{i}__wav": ["a"] for i in range(4)})
    with pytest.raises(
        InputError, match=r"4 files are in two splits \(train_0.wav in train and te"
    ):
        load_task(folder)


@pytest.mark.parametrize(
    "name",
    [
        "../train/train_0.wav",
        "/etc/passwd",
        "a/b.wav",
        "a\\b.wav",
        "C:x.wav",
        "..",
        ".",
        "",
        "a\0b",
    ],
)
def test_names_that_lead_elsewhere(folder, name):
    assert not is_plain_name(name)
    (folder / "train.json").write_text(json.dumps(labels_of(folder, "train") | {name: ["a"]}))
    with pytest.raises(InputError, match=r"1 names of files are no plain names .*; expected"):
        load_task(folder)


@pytest.mark.parametrize("name", ["a b.wav", "ä.wav", "1-2-A.0.wav", "a'b.wav", "(1).ogg"])
def test_plain_names(name):
    assert is_plain_name(name)


def test_numbers_are_compared_as_text(tmp_path):
    labels = {
        split: {f"{split}{i}.wav": [i] for i in (1, 2)} for split in ("train", "valid", "test")
    }
    labels["test"] = {"test1.wav": [1.0], "test2.wav": ["2"]}
    metadata = scene("t", "v", "full", "multiclass", 1.0, ["top1_acc"], None)
    folder = write_task(
        tmp_path / "t", metadata | {"splits": ["train", "valid", "test"]}, labels, vocabulary=[1, 2]
    )
    assert load_task(folder).splits["test"].labels.tolist() == [[True, False], [False, True]]
