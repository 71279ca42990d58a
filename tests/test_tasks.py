"""What holds for every task: its labels fit its clips, its trainings, its scores."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from hear_tasks import RELEASES, small, write_release
from heschl.errors import InputError, UnknownNameError
from heschl.sounds import Clip, Sounds
from heschl.tasks import TASKS, UNITS, Round, Task, TaskSplit, load_task, synthetic
from heschl.tasks.synthetic.making import mixtures, tones
from heschl.tasks.synthetic.signals import KINDS, LEVELS, SAMPLE_RATE, mix


@pytest.fixture(scope="session")
def copies(tmp_path_factory):
    """Small copies of the official tasks, by name, as their archives unpack."""
    root = tmp_path_factory.mktemp("releases")
    return {name: write_release(root / name, name) for name in RELEASES}


@pytest.fixture(params=list(TASKS))
def task(request, copies):
    spec = TASKS[request.param]
    if spec.fetch is not None:
        spec.fetch(copies[request.param])
    return load_task(request.param)


class TestEveryTask:
    def test_is_what_the_table_says(self, task):
        spec = TASKS[task.name]
        assert isinstance(task, Task)
        assert (task.prediction, task.units[0]) == (spec.prediction, spec.unit)
        assert task.n_classes == spec.n_classes == len(set(task.classes))
        assert (task.citation, task.licence) == (spec.citation, spec.licence)
        assert spec.summary
        assert spec.size().startswith(f"{spec.n_clips:,} clips, ")
        assert (spec.fetch is None) == (spec.plan is None)
        assert set(task.units) <= set(UNITS)
        if spec.fetch is None:
            assert task.n_clips == spec.n_clips
            assert len(task.rounds()) == spec.n_rounds

    def test_labels_are_those_of_its_clips(self, task):
        for name, split in task.splits.items():
            assert split.name == name
            assert split.labels.shape == (len(split.sounds), task.n_classes)
            assert split.labels.dtype == np.bool_
            if task.prediction == "multiclass":
                named = [task.classes[k] for k in split.labels.argmax(axis=1)]
                assert list(split.sounds.categories) == named
        assert task.n_clips == sum(len(split.sounds) for split in task.splits.values())

    def test_rounds_use_every_split_once(self, task):
        rounds = task.rounds()
        assert len(rounds) == (len(task.splits) if task.folds else 1)
        for found in rounds:
            used = [*found.train, found.valid, found.test]
            assert sorted(used) == sorted(task.splits)
        assert task.folds == (len({found.test for found in rounds}) > 1)

    def test_sounds_can_be_heard_at_a_rate(self, task):
        again = task.at_rate(16_000, show_progress=False)
        assert (again.left_out, again.n_clips) == ((), task.n_clips)
        for split in again.splits.values():
            split.sounds.check()
            assert len(split.sounds.facts) == len(split.sounds)
            assert split.sounds.duration == task.duration
        first = next(iter(again.splits.values())).sounds
        x = first[:1].waveforms(16_000)
        assert x.shape == (1, first.lengths(16_000)[0])
        assert np.isfinite(x).all()

    def test_can_be_loaded_again_unchanged(self, task):
        again = load_task(task.name)
        for name, split in again.splits.items():
            np.testing.assert_array_equal(split.labels, task.splits[name].labels)
            assert split.sounds.names == task.splits[name].sounds.names


def test_official_tasks_are_found_by_the_names_of_their_releases():
    assert {name: TASKS[release].name for name, release in RELEASES.items()} == {
        name: name for name in RELEASES
    }
    assert list(TASKS) == [*RELEASES, "synthetic-tones", "synthetic-mixtures"]


def test_objects_names_and_paths(tmp_path, monkeypatch):
    task = load_task("synthetic-tones")
    assert load_task(task) is task
    folder = small(tmp_path / "mine")
    assert load_task(folder).name == load_task(str(folder)).name == "mine"
    assert load_task(tmp_path).name == "mine"
    monkeypatch.chdir(tmp_path)
    assert load_task("mine").name == load_task("./mine").name == "mine"
    with pytest.raises(UnknownNameError, match=r"Did you mean: synthetic-tones.*Nor is there a fo"):
        load_task("synthetic-tone")
    with pytest.raises(InputError, match="no such folder"):
        load_task(Path("synthetic-folder"))


# a task put together by a user


def clips(prefix, n, *, seconds=0.1):
    rng = np.random.default_rng(n)
    x = rng.uniform(-0.5, 0.5, round(8_000 * seconds)).astype(np.float32)
    return Sounds([Clip(f"{prefix}{i}", (x, 8_000)) for i in range(n)], duration=seconds)


def make(rows=None, *, names=("train", "valid", "test"), **changes):
    """A task of the classes a and b; ``rows`` are the labels of each split, or of all."""
    rows = [[1, 0], [0, 1]] if rows is None else rows
    splits = {}
    for name in names:
        found = np.array(rows[name] if isinstance(rows, dict) else rows, bool)
        splits[name] = TaskSplit(name, clips(name, len(found)), found)
    options = {
        "name": "mine",
        "prediction": "multiclass",
        "classes": ("a", "b"),
        "splits": splits,
        "folds": names != ("train", "valid", "test"),
        "units": ("accuracy",),
        "duration": 0.1,
    }
    return Task(**options | changes)


def test_one_round_without_folds():
    assert make().rounds() == (Round(("train",), "valid", "test"),)


def test_rounds_of_folds_by_hand():
    """Test fold i, validation fold i + 1 (cyclic), the rest is trained on: protocols.md, 6."""
    assert make(names=("f0", "f1", "f2", "f3")).rounds() == (
        Round(("f2", "f3"), "f1", "f0"),
        Round(("f0", "f3"), "f2", "f1"),
        Round(("f0", "f1"), "f3", "f2"),
        Round(("f1", "f2"), "f0", "f3"),
    )


BOTH = [[1, 0], [0, 1]]


@pytest.mark.parametrize(
    ("task", "message"),
    [
        (lambda: make(prediction="regression"), "prediction is 'regression'; expected one of"),
        (lambda: make(classes=("a", "a")), r"2 classes, 1 of them different \(a, a\)"),
        (lambda: make(classes=("a",)), "1 classes"),
        (lambda: make(units=("f1",)), r"units are \('f1',\); expected some of \('accuracy'"),
        (lambda: make(units=()), r"units are \(\)"),
        (lambda: make(duration=-1.0), "duration is -1.0 s"),
        (lambda: make(duration=0.2), "split 'train' last 0.1 s; expected 0.2 s"),
        (lambda: make(names=("f0", "f1")), "2 folds; expected at least 3"),
        (lambda: make(folds=True, names=("train", "valid")), "2 folds; expected at least 3"),
        (lambda: make(folds=False, names=("a", "b", "c")), r"splits are \('a', 'b', 'c'\)"),
        (
            lambda: make([[1, 1], [0, 1]]),
            r"3 clips have other than one label \(train/train0: 2, va",
        ),
        (lambda: make([[0, 0], [0, 1]]), r"\(train/train0: 0, valid/valid0: 0, test/test0: 0\)"),
        (lambda: make([[1, 0, 0]]), r"shape \(1, 3\); expected bool .* = \(1, 2\)"),
        (
            lambda: make({"train": [[1, 0]], "valid": BOTH, "test": BOTH}),
            "1 times a class has no clip in a training set .'b' when 'test' is tested.; expected",
        ),
        (
            lambda: make(
                {"f0": BOTH, "f1": [[1, 0]], "f2": [[1, 0]], "f3": [[1, 0]], "f4": [[1, 0]]},
                names=("f0", "f1", "f2", "f3", "f4"),
            ),
            "2 times a class .*'b' when 'f0' is tested, 'b' when 'f4' is tested",
        ),
    ],
)
def test_what_is_no_task(task, message):
    with pytest.raises(InputError, match=f"^mine: .*{message}"):
        task()


def test_labels_are_truth_values():
    split = make().splits["train"]
    numbers = TaskSplit("train", split.sounds, split.labels.astype(float))
    with pytest.raises(InputError, match="labels of type float64"):
        replace(make(), splits=make().splits | {"train": numbers})


def test_a_clip_is_in_one_split():
    task = make()
    split = task.splits["train"]
    with pytest.raises(InputError, match=r"2 files are in two splits \(train0 in train and valid"):
        replace(
            task, splits=task.splits | {"valid": TaskSplit("valid", split.sounds, split.labels)}
        )


def test_clips_of_several_labels_may_have_none():
    task = make([[1, 1], [0, 0]], prediction="multilabel", units=("mAP",))
    assert task.splits["test"].labels.sum() == 2


# the embedded tasks


def test_embedded_tasks_are_the_same_every_time():
    first = {name: spec.load() for name, spec in TASKS.items() if spec.fetch is None}
    for make_again in (tones, mixtures):
        again = make_again.__wrapped__()
        for name, split in again.splits.items():
            known = first[again.name].splits[name]
            assert split.sounds.names == known.sounds.names
            assert [f.digest for f in split.sounds.facts] == [f.digest for f in known.sounds.facts]
            np.testing.assert_array_equal(split.labels, known.labels)


def test_embedded_clips_are_all_different_and_within_bounds():
    for spec in synthetic.SPECS:
        task = spec.load()
        found = [clip.read()[0] for split in task.splits.values() for clip in split.sounds]
        assert len({x.tobytes() for x in found}) == task.n_clips
        assert sum(map(len, found)) == round(spec.seconds * SAMPLE_RATE)
        levels = np.array([np.sqrt(np.mean(np.square(x, dtype=np.float64))) for x in found])
        assert (levels > 0.99 * LEVELS[0]).all()
        assert (levels < 1.01 * LEVELS[1]).all()
        assert max(np.abs(x).max() for x in found) < 1


def test_classes_are_balanced_in_tones():
    for split, n in (("train", 30), ("valid", 10), ("test", 10)):
        assert (load_task("synthetic-tones").splits[split].labels.sum(axis=0) == n).all()


def test_mixtures_have_none_to_three_and_several_lengths():
    task = load_task("synthetic-mixtures")
    counts = np.concatenate([split.labels.sum(axis=1) for split in task.splits.values()])
    assert set(counts.tolist()) == {0, 1, 2, 3}
    lengths = [split.sounds.lengths(16_000) for split in task.splits.values()]
    assert set(np.concatenate(lengths).tolist()) == {8_000, 12_000, 16_000}


@pytest.mark.parametrize("up", [True, False])
def test_a_sweep_goes_where_its_name_says(up):
    """The strongest frequency of the first third is below or above that of the last."""
    x = synthetic.making.mix(np.random.default_rng(3), ["rising" if up else "falling"], 1.0)
    first, last = (np.abs(np.fft.rfft(part)).argmax() for part in (x[:5333], x[-5333:]))
    assert (first < last) == up


def test_partials_are_where_their_name_says():
    """Of the harmonic tone all peaks are multiples of one frequency, of the other they are not."""
    for kind in ("harmonic", "inharmonic"):
        x = KINDS[kind](np.random.default_rng(5), SAMPLE_RATE)
        spectrum = np.abs(np.fft.rfft(x * np.hanning(len(x))))  # bins of 1 Hz
        peaks = (
            np.flatnonzero(
                (spectrum[1:-1] > spectrum[:-2])
                & (spectrum[1:-1] > spectrum[2:])
                & (spectrum[1:-1] > 0.01 * spectrum.max())
            )[:6]
            + 1
        )
        fundamental = np.median(np.diff(peaks))
        off = np.abs(peaks / fundamental - np.round(peaks / fundamental))
        assert (off.max() < 0.05) == (kind == "harmonic")


def test_no_kind_at_all_is_noise():
    x = mix(np.random.default_rng(0), [], 0.5)
    assert len(x) == 8_000
    assert not x.flags.writeable


def test_what_time_alone_tells_apart():
    """Rising and falling glides have one spectrum on average, but other modulations."""
    task = load_task("synthetic-tones")
    split = task.splits["train"]
    spectra = np.abs(np.fft.rfft(split.sounds.waveforms(SAMPLE_RATE))) ** 2
    spectra /= spectra.sum(axis=1, keepdims=True)
    bands = spectra[:, : 8_000 // 250 * 250].reshape(len(spectra), -1, 250).sum(axis=2)
    rising, falling, clicking = (
        bands[split.labels[:, task.classes.index(k)]].mean(axis=0)
        for k in ("rising", "falling", "clicking")
    )
    assert np.abs(rising - falling).sum() < 0.3 < np.abs(rising - clicking).sum()
