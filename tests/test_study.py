from __future__ import annotations

import numpy as np
import pandas as pd
import pytest

import heschl
from heschl.activations import extraction
from heschl.brain import BrainDataset, load_dataset, natsound165
from heschl.errors import InputError, UnknownNameError
from heschl.sounds import Clip, Sounds
from heschl.stats import over_listeners
from heschl.study import run_name

PUBLISHED = {
    "lowfreq": 0.74,
    "highfreq": 0.57,
    "envsounds": 0.46,
    "pitch": 0.54,
    "speech": 0.72,
    "music": 0.33,
}


@pytest.fixture(scope="module")
def score_of_real_data(shared, tmp_path_factory):
    """Score the published baseline on the real sounds and components, once."""
    home = tmp_path_factory.mktemp("real")
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("HESCHL_HOME", str(home))
        natsound165.fetch(shared / "data" / "natsound165")
        yield heschl.score("spectrotemporal", "natsound165", show_progress=False)


@pytest.mark.shared
def test_published_component_scores(score_of_real_data):
    """Pepino et al. (2025), Figure 4: component-wise regression, SpectroTemporal baseline."""
    table = score_of_real_data.scores
    r2 = table[table["unit"] == "r2"].set_index("target")["value"]
    assert list(r2.index) == list(PUBLISHED)
    for target, published in PUBLISHED.items():
        assert r2[target] == pytest.approx(published, abs=0.01), target


@pytest.mark.shared
def test_rows_provenance_and_details_of_real_scores(score_of_real_data):
    result = score_of_real_data
    table = result.scores
    assert len(table) == 12
    assert set(table["scope"]) == {"target"}
    assert set(table["n_sounds"]) == {165}
    assert table["ceiling"].isna().all()
    (key,) = set(table["provenance"])
    record = result.provenance[key]
    assert record["protocol"]["name"] == "pepino2025"
    assert record["dataset"]["source"]["commit"].startswith("b41b99f")
    assert record["environment"]["heschl"] == heschl.__version__
    (detail,) = result.details
    assert detail.predicted.shape == (165, 6)
    for i in range(6):
        r = np.corrcoef(detail.predicted[:, i], detail.measured[:, i])[0, 1]
        assert detail.r[i] == pytest.approx(r, abs=1e-12)
    assert detail.published["spectrotemporal"] == PUBLISHED


def small_dataset(**changes):
    rng = np.random.default_rng(0)
    clips = [
        Clip(f"s{i:02d}", (0.1 * rng.standard_normal(8000).astype(np.float32), 8000), "noise")
        for i in range(20)
    ]
    values = {
        "name": "mine",
        "kind": "voxels",
        "sounds": Sounds(clips, duration=1.0),
        "responses": rng.standard_normal((20, 4, 2)),
        "targets": pd.DataFrame({"target": list("abcd"), "listener": ["x", "x", "y", "y"]}),
        "folds": np.arange(20) % 4,
    }
    return BrainDataset(**(values | changes))


def energy(x):
    """Energy of 20 pieces of the sound."""
    return {"energy": (x.reshape(len(x), 20, -1) ** 2).mean(axis=2)[..., None]}


ENERGY = heschl.wrap(energy, sample_rate=8000)


def test_listeners_are_aggregated_as_published():
    """Median over voxels, mean over listeners, sd / sqrt(n - 1); by hand from the target rows."""
    rng = np.random.default_rng(1)
    data = small_dataset()
    features = np.stack([clip.read()[0] for clip in data.sounds]).reshape(20, 20, -1)
    signal = (features**2).mean(axis=2) @ rng.standard_normal((20, 4)) * 1e3
    data = small_dataset(responses=np.stack([signal, signal], axis=2))
    table = heschl.score(ENERGY, data, show_progress=False).scores
    r2 = table[(table["scope"] == "target") & (table["unit"] == "r2")].set_index("target")["value"]
    listeners = table[table["scope"] == "listener"].set_index("target")["value"]
    assert listeners["x"] == pytest.approx((r2["a"] + r2["b"]) / 2)
    assert listeners["y"] == pytest.approx((r2["c"] + r2["d"]) / 2)
    (whole,) = table[table["scope"] == "dataset"].itertuples()
    assert whole.value == pytest.approx((listeners["x"] + listeners["y"]) / 2)
    assert whole.stderr == pytest.approx(abs(listeners["x"] - listeners["y"]) / 2)


def test_over_listeners_by_hand():
    """Medians 2, 5 and none: mean 3.5, sd (ddof 0) 1.5, standard error 1.5 / sqrt(1)."""
    values = np.array([1.0, 2.0, 9.0, 4.0, 6.0, np.nan, np.nan])
    found = over_listeners(values, np.array(["q", "q", "q", "p", "p", "p", "n"]))
    assert found.listeners == ("q", "p", "n")
    np.testing.assert_array_equal(found.values, [2, 5, np.nan])
    assert (found.mean, found.stderr) == (3.5, 1.5)
    alone = over_listeners(np.array([1.0]), np.array(["a"]))
    assert alone.mean == 1
    assert np.isnan(alone.stderr)


def test_incomplete_targets_are_left_out_not_invented():
    responses = np.random.default_rng(0).standard_normal((20, 4, 2))
    responses[3, 1, 0] = np.nan
    table = heschl.score(ENERGY, small_dataset(responses=responses), show_progress=False).scores
    r2 = table[(table["scope"] == "target") & (table["unit"] == "r2")].set_index("target")
    assert np.isnan(r2.loc["b", "value"])
    assert pd.isna(r2.loc["b", "layer"])
    assert r2.drop("b")["value"].notna().all()
    responses[0] = np.nan
    with pytest.raises(InputError, match="every target has missing responses"):
        heschl.score(ENERGY, small_dataset(responses=responses))


def test_ceiling_keeps_its_unit():
    ceiling = np.array([0.81, 0.64, 0.49, 0.36])
    table = heschl.score(ENERGY, small_dataset(ceiling=ceiling), show_progress=False).scores
    targets = table[table["scope"] == "target"].set_index(["target", "unit"])["ceiling"]
    assert targets["a", "r2"] == pytest.approx(0.81)
    assert targets["a", "r"] == pytest.approx(0.9)
    listeners = table[table["scope"] == "listener"].set_index("target")["ceiling"]
    assert listeners["y"] == pytest.approx((0.49 + 0.36) / 2)


def test_better_models_of_the_known_truth_score_better():
    """The true features come close to the ceiling; noise stays at zero."""
    from heschl.brain import synthetic

    truth = synthetic.truth()
    data = load_dataset("synthetic")
    digests = {facts.digest: i for i, facts in enumerate(data.sounds.facts)}
    rows = dict(zip(digests, truth.features, strict=True))
    by_first = {clip.read()[0][:50].tobytes(): i for i, clip in enumerate(data.sounds)}
    assert len(by_first) == len(data.sounds) == len(rows)

    def known(x):
        out = [truth.features[by_first.get(row[:50].tobytes(), 0)] for row in x]
        return np.array(out)[..., None]

    def unrelated(x):
        seeds = [int(1e6 * np.abs(row).sum()) for row in x]
        return np.stack([np.random.default_rng(s).standard_normal((20, 1)) for s in seeds])

    scores = {}
    for function in (known, unrelated):
        model = heschl.wrap(function, sample_rate=20_000)
        table = heschl.score(model, data, use_store=False, show_progress=False).scores
        everything = (table["scope"] == "dataset") & table["region"].isna()
        (scores[function.__name__],) = table[everything].itertuples()
    assert scores["known"].value > 0.85 * scores["known"].ceiling
    assert scores["known"].value < scores["known"].ceiling
    assert scores["unrelated"].value < 0.02


def test_results_are_the_same_to_the_bit(monkeypatch, tmp_path):
    first = heschl.score(ENERGY, small_dataset(), show_progress=False)
    monkeypatch.setenv("HESCHL_HOME", str(tmp_path / "elsewhere"))
    second = heschl.score(ENERGY, small_dataset(), n_jobs=1, show_progress=False)
    assert first.rows() == second.rows()
    assert first.provenance == second.provenance
    assert run_name(first) == run_name(second)


def test_second_run_reads_the_store(monkeypatch):
    data = load_dataset("synthetic")
    heschl.score("melspectrogram", data, show_progress=False)

    def refuse(*_, **__):
        raise AssertionError("computed again")

    monkeypatch.setattr(extraction, "compute_parts", refuse)
    heschl.score("melspectrogram", data, show_progress=False)


def test_unknown_names_come_before_work(monkeypatch):
    monkeypatch.setattr(extraction, "compute_parts", None)
    for arguments, match in (
        (("spectrotemporall", "synthetic"), "unknown model"),
        (("cochleagram", "syntetic"), r"unknown dataset 'syntetic'. Did you mean: synthetic"),
        (("cochleagram", "synthetic", "rsaa"), "unknown metric"),
    ):
        options = {"metric": arguments[2]} if len(arguments) == 3 else {}
        with pytest.raises(UnknownNameError, match=match):
            heschl.score(*arguments[:2], **options)
    with pytest.raises(UnknownNameError, match="unknown protocol"):
        heschl.score("cochleagram", "synthetic", protocol="pepino")
    with pytest.raises(UnknownNameError, match="unknown layer"):
        heschl.score("cochleagram", "synthetic", layers=["cochlear"])


def test_datasets_that_cannot_be(monkeypatch):
    monkeypatch.setattr(extraction, "compute_parts", None)
    with pytest.raises(InputError, match="fold 1 is empty"):
        heschl.score(ENERGY, small_dataset(folds=np.arange(20) % 2 * 3))
    with pytest.raises(InputError, match="responses to 19 sounds, but 20 sounds"):
        small_dataset(responses=np.zeros((19, 4, 2)))
    with pytest.raises(InputError, match="3 rows in the table of targets"):
        small_dataset(targets=pd.DataFrame({"target": list("abc")}))
    with pytest.raises(InputError, match="two targets are named 'a'"):
        small_dataset(targets=pd.DataFrame({"target": list("abca")}))
    with pytest.raises(InputError, match="kind is 'pixels'"):
        small_dataset(kind="pixels")
    with pytest.raises(InputError, match="infinite"):
        small_dataset(responses=np.full((20, 4, 2), np.inf))
    with pytest.raises(InputError, match="n_repeats"):
        small_dataset(responses=np.zeros((20, 4)))
