"""Probing: from clips to scores, kept as it goes, and told what it was computed from."""

from __future__ import annotations

import dataclasses
import json

import numpy as np
import pytest
from sklearn.decomposition import PCA

import heschl
from heschl import probes, store
from heschl.errors import UnknownNameError, UsageError
from heschl.probes import PROTOCOLS
from heschl.probes.training import Training
from heschl.results import Results
from heschl.sounds import Clip, Sounds
from heschl.study import embeddings as embeddings_module
from heschl.study import probe
from heschl.study.embeddings import Embeddings, FileRows
from heschl.tasks import Task, TaskSplit

RATE, N_CLASSES = 16000, 3
SMALL = dataclasses.replace(
    PROTOCOLS["pepino2025"],
    name="small",
    hidden=((16,), (16, 16)),
    learning_rates=(3e-3, 1e-3),
    initializations=("xavier_uniform",),
    max_epochs=40,
    patience=15,
)


def clip(name, label, rng):
    """A tone in noise whose pitch tells the class."""
    seconds = np.arange(RATE // 4) / RATE
    tone = np.sin(2 * np.pi * (300 + 250 * label + 60 * rng.standard_normal()) * seconds)
    waveform = (0.1 * tone + 0.1 * rng.standard_normal(len(seconds))).astype(np.float32)
    return Clip(name, (waveform, RATE))


def make_split(name, n, seed, multilabel=False):
    rng = np.random.default_rng(seed)
    labels = np.eye(N_CLASSES, dtype=bool)[np.arange(n) % N_CLASSES]
    if multilabel:
        labels = labels | (rng.random((n, N_CLASSES)) < 0.2)
    clips = [clip(f"{name}-{i}", int(row.argmax()), rng) for i, row in enumerate(labels)]
    return TaskSplit(name, Sounds(clips, duration=0.25, may_be_silent=True), labels)


def make_task(names=("train", "valid", "test"), n=30, **changes):
    multilabel = changes.get("prediction") == "multilabel"
    splits = {name: make_split(name, n, i, multilabel) for i, name in enumerate(names)}
    content = {
        "name": "made-up",
        "prediction": "multiclass",
        "classes": tuple("abc"),
        "splits": splits,
        "folds": names[0] != "train",
        "units": ("accuracy", "mAP", "auc"),
        "duration": 0.25,
        "citation": "nobody",
        "licence": "none",
    }
    return Task(**content | changes)


FOLDS = tuple(f"fold0{i}" for i in range(4))


def run(task=None, model="melspectrogram", protocol=SMALL, **options):
    task = make_task() if task is None else task
    return probe(model, task, protocol=protocol, show_progress=False, **options)


def test_scores_are_those_of_the_outputs():
    result = run(n_bootstrap=200)
    (detail,) = result.probes
    assert list(result.scores["unit"]) == ["accuracy", "mAP", "auc"] == list(detail.units)
    assert set(result.scores["scope"]) == {"dataset"}
    for _, row in result.scores.iterrows():
        expected = float(probes.score(row["unit"], detail.outputs, detail.labels))
        assert row["value"] == expected
        assert row["low"] < expected < row["high"]
        assert row["n_sounds"] == 30
        assert row["layer"] == detail.layers[int(detail.layer_weights[0].argmax())]
    assert result.scores["value"][0] > 0.7
    np.testing.assert_array_equal(detail.labels, make_task().splits["test"].labels)
    assert list(detail.clips["clip"]) == [f"test-{i}" for i in range(30)]


def test_the_detail_tells_what_was_chosen():
    (detail,) = run().probes
    (chosen,) = detail.rounds.to_dict("records")
    table = detail.configurations
    assert len(table) == len(SMALL.grid()) == 4
    assert chosen["configuration"] == int(np.argmax(table["valid_score"]))
    assert chosen["valid_score"] == table["valid_score"].max()
    assert chosen["epoch"] == table["epoch"][chosen["configuration"]]
    assert (chosen["n_train"], chosen["n_valid"], chosen["n_test"]) == (30, 30, 30)
    curves = detail.curves
    assert curves.shape == detail.losses.shape == (4, np.isfinite(curves).sum(axis=1).max())
    np.testing.assert_array_equal(np.nanmax(curves, axis=1), table["valid_score"])
    assert detail.layer_weights.sum() == pytest.approx(1)


def test_the_training_is_that_of_the_probe_on_the_embeddings():
    """The same by hand: extract, train, choose, predict."""
    from heschl.probes import ArrayRows
    from heschl.probes.prediction import predict
    from heschl.probes.training import Examples

    task = make_task()
    (detail,) = run(task).probes
    found = {}
    for name, split in task.splits.items():
        activations = heschl.extract("melspectrogram", split.sounds, show_progress=False)
        rows = ArrayRows(np.stack([activations[layer] for layer in activations]))
        found[name] = Examples(rows, split.labels)
    runs = Training(
        SMALL.grid(), found["train"], found["valid"], SMALL, unit="accuracy", multilabel=False
    ).fit(show_progress=False)
    best = max(runs, key=lambda one: one.best_score)
    np.testing.assert_array_equal(
        detail.outputs, predict([best.network], found["test"].rows, batch_size=1024)[0]
    )
    np.testing.assert_array_equal(detail.layer_weights[0], best.network.shares().detach().double())


def test_folds_search_once_and_reuse_the_choice():
    task = make_task(FOLDS)
    result = run(task, n_bootstrap=200)
    (detail,) = result.probes
    assert list(detail.rounds["test"]) == list(FOLDS)
    assert list(detail.rounds["valid"]) == [*FOLDS[1:], FOLDS[0]]
    assert list(detail.rounds["n_train"]) == [60] * 4
    assert detail.rounds["configuration"].nunique() == 1
    scores = result.scores
    accuracy = scores[scores["unit"] == "accuracy"]
    overall, folds = accuracy.iloc[0], accuracy.iloc[1:]
    assert overall["scope"] == "dataset"
    assert list(folds["target"]) == list(FOLDS)
    assert set(folds["scope"]) == {"fold"}
    assert overall["value"] == pytest.approx(folds["value"].mean())
    assert overall["n_sounds"] == 120
    start = 0
    for fold, row in zip(FOLDS, folds.itertuples(), strict=True):
        rows = slice(start, start + 30)
        assert set(detail.clips["split"][rows]) == {fold}
        hits = detail.labels[rows][np.arange(30), detail.outputs[rows].argmax(axis=1)]
        assert row.value == pytest.approx(hits.mean())
        start += 30
    widths = folds["high"] - folds["low"]
    assert overall["high"] - overall["low"] < widths.mean()


def test_the_same_seed_gives_the_same_bits_and_another_does_not():
    first, again, other = (run(seed=seed, use_store=False) for seed in (1, 1, 2))
    np.testing.assert_array_equal(first.probes[0].outputs, again.probes[0].outputs)
    assert first.scores.equals(again.scores)
    assert not np.array_equal(first.probes[0].outputs, other.probes[0].outputs)


def test_threads_do_not_change_the_numbers():
    one, two = (run(n_jobs=n, use_store=False).probes[0] for n in (1, 2))
    np.testing.assert_array_equal(one.outputs, two.outputs)
    np.testing.assert_array_equal(one.losses, two.losses)


def test_what_was_trained_is_read_the_second_time(monkeypatch):
    first = run(make_task(FOLDS))
    monkeypatch.setattr(Training, "fit", lambda *_args, **_options: pytest.fail("trained again"))
    again = run(make_task(FOLDS))
    assert first.scores.equals(again.scores)
    np.testing.assert_array_equal(first.probes[0].outputs, again.probes[0].outputs)
    with pytest.raises(pytest.fail.Exception, match="trained again"):
        run(make_task(FOLDS), seed=9)


def test_an_interrupted_run_goes_on_at_its_fold(monkeypatch):
    whole = run(make_task(FOLDS), use_store=False)
    fit, done = Training.fit, []

    def interrupted(self, *args, **options):
        if len(done) == 2:
            raise KeyboardInterrupt
        done.append(1)
        return fit(self, *args, **options)

    monkeypatch.setattr(Training, "fit", interrupted)
    with pytest.raises(KeyboardInterrupt):
        run(make_task(FOLDS))
    monkeypatch.setattr(Training, "fit", fit)
    trained = []
    monkeypatch.setattr(
        Training, "fit", lambda self, *a, **o: trained.append(1) or fit(self, *a, **o)
    )
    resumed = run(make_task(FOLDS))
    assert len(trained) == 2
    np.testing.assert_array_equal(resumed.probes[0].outputs, whole.probes[0].outputs)


def test_a_damaged_training_is_done_again():
    first = run()
    (part,) = (store.home() / "probes").glob("*/000000-*.safetensors")
    content = bytearray(part.read_bytes())
    content[-1] ^= 1
    part.write_bytes(content)
    np.testing.assert_array_equal(run().probes[0].outputs, first.probes[0].outputs)


def test_embeddings_on_disk_give_the_same_bits(monkeypatch):
    in_memory = run(make_task(FOLDS), use_store=False).probes[0]
    monkeypatch.setattr(embeddings_module, "IN_MEMORY", 0.0)
    made = []
    opened = FileRows.__init__
    monkeypatch.setattr(FileRows, "__init__", lambda self, *a: made.append(1) or opened(self, *a))
    on_disk = run(make_task(FOLDS), use_store=False).probes[0]
    assert len(made) == 3 * 4
    np.testing.assert_array_equal(in_memory.outputs, on_disk.outputs)
    np.testing.assert_array_equal(in_memory.losses, on_disk.losses)
    assert not list((store.home() / "scratch").iterdir())


class Uneven(heschl.AudioModel):
    """Layers of 12 and 5 features: energies of bands, and of halves of them."""

    name, sample_rate, layers = "uneven", RATE, ("fine", "coarse")

    def forward(self, waveforms, layers=None):
        power = np.abs(np.fft.rfft(waveforms.reshape(len(waveforms), -1, 400), axis=2)) ** 2
        fine = np.log1p(power[:, :, :192].reshape(*power.shape[:2], 12, 16).sum(axis=3))
        coarse = fine[:, :, :10].reshape(*fine.shape[:2], 5, 2).mean(axis=3)
        found = {"fine": fine, "coarse": coarse}
        return {name: found[name].transpose(0, 2, 1) for name in layers or self.layers}

    def identity(self):
        return {"model": "uneven", "version": 1}


@pytest.mark.parametrize("in_memory", [0.0, 1.0])
def test_layers_of_unequal_widths_are_reduced_on_the_training_split(in_memory, monkeypatch):
    monkeypatch.setattr(embeddings_module, "IN_MEMORY", in_memory)
    task = make_task()
    splits = {
        name: heschl.extract(Uneven(), split.sounds, show_progress=False)
        for name, split in task.splits.items()
    }
    whole = Embeddings(splits)
    assert whole.widths == (12, 5)
    parts = {name: (name,) for name in splits}
    with whole.rows(parts, whole.components(["train"])) as rows:
        for name, activations in splits.items():
            assert (rows[name].n_layers, rows[name].n_rows, rows[name].width) == (2, 30, 5)
            found = rows[name].take(np.array([3, 0, 29]))
            for place, layer in enumerate(activations):
                pca = PCA(5, svd_solver="full").fit(splits["train"][layer].astype(np.float64))
                expected = pca.transform(activations[layer][[3, 0, 29]].astype(np.float64))
                signs = np.sign((found[place] * expected).sum(axis=0))
                np.testing.assert_allclose(found[place] * signs, expected, atol=1e-4)
    result = run(task, Uneven())
    assert result.scores["value"][0] > 0.6


def test_the_smaller_number_of_clips_or_features_is_kept():
    splits = {
        name: heschl.extract(Uneven(), make_split(name, n, i).sounds, show_progress=False)
        for i, (name, n) in enumerate({"few": 3, "many": 9}.items())
    }
    whole = Embeddings(splits)
    assert [len(one.axes) for one in whole.components(["few"])] == [3, 3]
    assert [len(one.axes) for one in whole.components(["few", "many"])] == [5, 5]


def test_equal_widths_are_left_as_they_are():
    sounds = make_split("train", 6, 0).sounds
    activations = heschl.extract("melspectrogram", sounds, show_progress=False)
    whole = Embeddings({"train": activations})
    assert whole.components(["train"]) is None
    with whole.rows({"train": ["train"]}, None) as rows:
        taken = rows["train"].take(np.array([5, 1]))
    for place, layer in enumerate(activations):
        np.testing.assert_array_equal(taken[place], activations[layer][[5, 1]])


def test_the_linear_probe():
    result = run(make_task(FOLDS), protocol="linear")
    (detail,) = result.probes
    assert sorted(np.unique(detail.layer_weights)) == [0, 1]
    assert list(detail.layer_weights.sum(axis=1)) == [1] * 4
    assert len(detail.configurations) == 2 * 4
    assert detail.curves.shape == (8, 0)
    chosen = int(detail.rounds["configuration"][0])
    assert detail.configurations["layer"][chosen] == result.scores["layer"][0]
    assert detail.rounds["epoch"].isna().all()
    assert result.scores["value"][0] > 0.7


def test_several_labels():
    task = make_task(prediction="multilabel", units=("mAP", "auc"))
    result = run(task)
    assert list(result.scores["unit"]) == ["mAP", "auc"]
    assert result.scores["value"][0] > 0.6
    assert result.probes[0].prediction == "multilabel"
    linear = run(task, protocol="linear")
    assert linear.scores["value"][0] > 0.6


def test_provenance_names_everything_the_numbers_depend_on():
    result = run(seed=3)
    (record,) = result.provenance.values()
    assert record["metric"] == "probe"
    assert record["environment"].keys() >= {"heschl", "numpy", "torch"}
    assert record["uncertainty"]["seed"] == 3
    assert record["protocol"]["learning_rates"] == [3e-3, 1e-3]
    assert record["activations"].keys() == {"train", "valid", "test"}
    assert record["task"]["n_clips"] == {"train": 30, "valid": 30, "test": 30}
    assert "scikit-learn" in next(iter(run(protocol="linear").provenance.values()))["environment"]
    changed = make_task()
    labels = changed.splits["test"].labels.copy()
    labels[[0, 1]] = labels[[1, 0]]
    other = dataclasses.replace(changed.splits["test"], labels=labels)
    changed = dataclasses.replace(changed, splits={**changed.splits, "test": other})
    (other_record,) = run(changed, seed=3).provenance.values()
    assert other_record["task"]["labels_sha256"] != record["task"]["labels_sha256"]


def test_results_are_saved_and_read_back(tmp_path):
    result = run(make_task(FOLDS))
    read = Results.load(result.save(tmp_path / "run"))
    assert read.scores.equals(result.scores)
    (mine,), (found,) = result.probes, read.probes
    for field in dataclasses.fields(mine):
        one, other = getattr(mine, field.name), getattr(found, field.name)
        if isinstance(one, np.ndarray):
            np.testing.assert_array_equal(one, other)
            assert one.dtype == other.dtype
        elif hasattr(one, "equals"):
            assert one.to_dict("list") == other.to_dict("list")
        else:
            assert one == other
    json.dumps(result.rows(), allow_nan=False)


def test_an_infinite_d_prime_is_missing():
    task = make_task(units=("accuracy", "d_prime", "auc"))
    labels = task.splits["test"].labels
    result = run(task)
    row = result.scores[result.scores["unit"] == "d_prime"].iloc[0]
    finite = probes.score("d_prime", result.probes[0].outputs, labels)
    assert np.isnan(row["value"]) == (not np.isfinite(finite))
    easy = run(
        dataclasses.replace(task, splits={**task.splits, "valid": task.splits["valid"]}),
        protocol=dataclasses.replace(SMALL, max_epochs=60, patience=60),
    )
    auc = easy.scores[easy.scores["unit"] == "auc"]["value"].iloc[0]
    d_prime = easy.scores[easy.scores["unit"] == "d_prime"]["value"].iloc[0]
    assert np.isnan(d_prime) or auc < 1


def test_no_intervals():
    assert run(n_bootstrap=0).scores["low"].isna().all()
    assert run(make_task(n=9)).scores["low"].isna().all()  # too few clips to say


def test_wrong_requests_are_refused_before_anything_is_read():
    with pytest.raises(
        UnknownNameError, match=r"unknown protocol 'pepino'\. Did you mean: pepino20"
    ):
        run(protocol="pepino")
    with pytest.raises(UnknownNameError, match="unknown task 'esc5'"):
        probe("melspectrogram", "esc5")
    with pytest.raises(UnknownNameError, match="unknown layer of melspectrogram"):
        run(layers=["nothing"])
    with pytest.raises(UsageError, match="n_bootstrap is 5"):
        run(n_bootstrap=5)
