"""Voxels of known truth, in the layout of the release: scores, ceilings, intervals and nulls."""

from __future__ import annotations

import subprocess
import sys

import numpy as np
import pandas as pd
import pytest

import heschl
from heschl.brain import DATASETS
from heschl.cli import tables
from heschl.errors import InputError, UnknownNameError, UsageError
from heschl.results import Results
from heschl.study import analyses

pytestmark = pytest.mark.shared

N_NH2015, N_B2021 = 600, 400
#: All three analyses of voxels, quick.
QUICK = {"use_store": False, "show_progress": False, "n_bootstrap": 200}


@pytest.fixture(scope="module")
def release(shared, tmp_path_factory):
    """A folder with a small stand-in of the release, and the truth."""
    folder = tmp_path_factory.mktemp("release")
    sizes = ["--voxels-nh2015", str(N_NH2015), "--voxels-b2021", str(N_B2021)]
    script = shared / "tools" / "make_mcdermott_fixture.py"
    subprocess.run([sys.executable, script, folder, *sizes], check=True)
    return folder


@pytest.fixture(scope="module")
def datasets(release, tmp_path_factory):
    """Both datasets, loaded once."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("HESCHL_HOME", str(tmp_path_factory.mktemp("home")))
        DATASETS["nh2015"].fetch(release)
        return {name: DATASETS[name].load() for name in ("nh2015", "b2021")}


@pytest.fixture(scope="module")
def truth(release):
    return np.load(release / "truth.npz")


def model_of(features, data, name):
    """A model whose single layer gives each sound its row of features."""
    waves = data.sounds.waveforms(8000)
    rows = {
        wave.astype(np.float32).tobytes(): row for wave, row in zip(waves, features, strict=True)
    }
    assert len(rows) == len(features)

    def layer(x):  # also asked about noise, before it is trusted with the sounds
        known = [rows.get(wave.astype(np.float32).tobytes(), features[0]) for wave in x]
        return np.stack(known)[..., None]

    return heschl.wrap(layer, sample_rate=8000, name=name)


def components(truth):
    """Six directions that span the true signal of every voxel."""
    signal = truth["nh2015_signal"].astype(np.float64)
    left, singular, _ = np.linalg.svd(signal - signal.mean(0), full_matrices=False)
    return 10 * (left * singular)[:, :6] / singular[0]


def whole(result):
    table = result.scores
    (row,) = table[(table["scope"] == "dataset") & table["region"].isna()].itertuples()
    return row


@pytest.fixture(scope="module")
def knowing(datasets, truth):
    """Scores of a model that knows the true signal, by metric and protocol."""
    data = datasets["nh2015"]
    model = model_of(components(truth), data, "knowing")
    return {
        key: heschl.score(model, data, metric=key[0], protocol=key[1], **QUICK)
        for key in (("regression", "pepino2025"), ("regression", "tuckute2023"))
    }


def test_a_model_that_knows_the_signal_reaches_the_ceiling(knowing):
    """Nearly: six weights are estimated from 132 sounds."""
    row = whole(knowing["regression", "pepino2025"])
    assert row.unit == "r2"
    assert 0.95 < row.fraction < 1.01
    assert row.low < row.ceiling < row.high + 0.03
    corrected = whole(knowing["regression", "tuckute2023"])
    assert (corrected.unit, corrected.ceiling) == ("r2_corrected", 1)
    assert corrected.value == pytest.approx(1, abs=0.08)


def test_a_model_of_noise_stays_at_zero(datasets):
    data = datasets["nh2015"]
    noise = np.random.default_rng(0).standard_normal((165, 30))
    model = model_of(noise, data, "noise")
    row = whole(heschl.score(model, data, n_permutations=20, **QUICK))
    assert row.value < 0.02
    assert row.p > 0.05
    for protocol in ("pepino2025", "pepino2025-max"):
        found = heschl.score(
            model, data, metric="rsa", protocol=protocol, n_permutations=100, **QUICK
        )
        assert abs(whole(found).value) < 0.05
        assert whole(found).p > 0.05
    corrected = heschl.score(model, data, protocol="tuckute2023", **QUICK)
    assert whole(corrected).value < 0.03


def test_similarity_of_the_true_signal_reaches_the_ceiling(datasets, truth):
    """Each listener's own voxels differ, so the others' mean is a lower bound."""
    data = datasets["b2021"]
    signal = truth["b2021_signal"][:165].astype(np.float64)
    model = model_of(signal, data, "signal")
    row = whole(heschl.score(model, data, metric="rsa", n_permutations=100, **QUICK))
    assert row.unit == "rho"
    assert row.value > 0.95 * row.ceiling
    assert row.p == pytest.approx(1 / 101)
    assert row.low < row.value < row.high


def test_ceilings_agree_with_the_truth(datasets, truth, knowing):
    """Medians of listeners and all: the error is that of the simulation."""
    table = knowing["regression", "pepino2025"].scores
    targets = table[(table["scope"] == "target") & (table["unit"] == "r2")]
    single = truth["nh2015_reliability_one_scan"]
    known = 3 * single / (1 + 2 * single)
    scored = targets["value"].notna().to_numpy()
    assert scored.sum() == round(N_NH2015 * 7694 / 11065)
    error = targets["ceiling"].to_numpy()[scored] - known[scored]
    assert abs(error.mean()) < 4 * error.std() / np.sqrt(error.size)


def test_listeners_with_two_scans_have_no_score(knowing, datasets):
    table = knowing["regression", "pepino2025"].scores
    listeners = table[(table["scope"] == "listener") & table["region"].isna()]
    missing = listeners[listeners["value"].isna()]
    assert len(listeners) == 10
    assert len(missing) == 2
    assert missing["ceiling"].isna().all()
    repeats = datasets["nh2015"].targets.set_index("listener")["n_repeats"]
    assert all((repeats.loc[[name]] == 2).all() for name in missing["target"])


def test_regions_are_means_over_listeners_of_medians(knowing, datasets):
    result = knowing["regression", "pepino2025"]
    data, table = datasets["nh2015"], result.scores
    r2, targets = result.details[0].r2, data.targets
    for region in ("Primary", "Lateral", "Posterior", "Anterior"):
        mine = targets[(targets["region"] == region).to_numpy()]
        medians = [
            np.median(values[~np.isnan(values)])
            for _, rows in mine.groupby("listener")
            if not np.isnan(values := r2[rows.index]).all()
        ]
        row = table[(table["scope"] == "dataset") & (table["region"] == region)].iloc[0]
        assert row["value"] == pytest.approx(np.mean(medians), abs=1e-12)
        assert row["stderr"] == pytest.approx(np.std(medians) / np.sqrt(len(medians) - 1))


def test_everything_is_read_back(knowing, tmp_path):
    for result in knowing.values():
        again = Results.load(result.save(tmp_path / "run"))
        pd.testing.assert_frame_equal(again.scores, result.scores)
        for one, other in zip(again.profiles, result.profiles, strict=True):
            np.testing.assert_array_equal(one.scores, other.scores)


def test_the_same_seed_gives_the_same_numbers(datasets, truth):
    data = datasets["b2021"]
    model = model_of(components(truth), data, "knowing")
    options = QUICK | {"n_permutations": 5}
    first = heschl.score(model, data, metric="rsa", **options)
    again = heschl.score(model, data, metric="rsa", n_jobs=1, **options)
    assert first.rows() == again.rows()
    assert first.provenance == again.provenance
    other = heschl.score(model, data, metric="rsa", seed=1, **options)
    assert whole(other).value == whole(first).value
    assert whole(other).low != whole(first).low


def test_layer_profiles_when_asked_for(datasets, truth):
    data = datasets["b2021"]
    model = model_of(components(truth), data, "knowing")
    found = heschl.score(model, data, layer_profiles=True, **QUICK)
    (profile,) = found.profiles
    assert profile.of_targets
    np.testing.assert_array_equal(profile.scores[:, 0], found.details[0].r2)
    for wrong in ({"metric": "rsa"}, {"protocol": "tuckute2023"}):
        with pytest.raises(UsageError, match="layer_profiles is for"):
            heschl.score(model, data, layer_profiles=True, **wrong, **QUICK)


def test_wrong_input_is_refused_before_the_model_runs(datasets, monkeypatch):
    model, data = "spectrotemporal", datasets["nh2015"]
    monkeypatch.setattr("heschl.study.scoring.extract", None)  # calling it would be a TypeError
    one = heschl.BrainDataset(
        "one", "voxels", data.sounds, data.responses[:, :, :1], data.targets, data.folds
    )
    with pytest.raises(InputError, match="1 repetitions, but protocol 'tuckute2023'"):
        heschl.score(model, one, protocol="tuckute2023")
    with pytest.raises(UsageError, match="no permutation test"):
        heschl.score(model, data, protocol="tuckute2023", n_permutations=10)
    with pytest.raises(UsageError, match="n_bootstrap is 50; expected at least 100"):
        heschl.score(model, data, n_bootstrap=50)
    with pytest.raises(UnknownNameError, match="tuckute2023"):
        heschl.score(model, data, metric="rsa", protocol="tuckute2023")


def test_one_repetition_has_no_ceiling(datasets, truth, capsys):
    data = datasets["b2021"]
    one = heschl.BrainDataset(
        "one", "voxels", data.sounds, data.responses[:, :, :1], data.targets, data.folds
    )
    result = heschl.score(model_of(components(truth), data, "knowing"), one, **QUICK)
    row = whole(result)
    (record,) = result.provenance.values()
    assert record["dataset"]["ceiling"].startswith("none: the responses have one repetition")
    tables.show_scores(result)
    assert "one: the responses have one repetition, which gives no ceiling" in " ".join(
        capsys.readouterr().out.split()
    )
    assert np.isnan(row.ceiling)
    assert np.isnan(row.fraction)
    assert row.value > 0.3


def test_two_listeners_have_no_interval_of_their_mean(datasets, truth, capsys):
    data = datasets["b2021"]
    names = data.targets["listener"].unique()[:2]
    few = data.targets["listener"].isin(names).to_numpy()
    two = heschl.BrainDataset(
        "two",
        "voxels",
        data.sounds,
        data.responses[:, few],
        data.targets[few].reset_index(drop=True),
        data.folds,
    )
    result = heschl.score(model_of(components(truth), data, "knowing"), two, **QUICK)
    assert np.isnan(whole(result).low)
    table = result.scores
    assert table[table["scope"] == "listener"]["low"].notna().all()
    (record,) = result.provenance.values()
    (reason,) = record["uncertainty"]["refused"]
    assert reason.startswith("2 listeners")
    tables.show_scores(result)
    assert "two: 2 listeners: how much" in " ".join(capsys.readouterr().out.split())


def test_metrics_take_the_protocols_they_have():
    assert analyses(["regression", "rsa"], ["pepino2025", "tuckute2023"]) == [
        ("regression", "pepino2025"),
        ("regression", "tuckute2023"),
        ("rsa", "pepino2025"),
    ]
    with pytest.raises(UsageError, match="metric 'rsa' has none of the protocols tuckute2023"):
        analyses(["regression", "rsa"], ["tuckute2023"])
    with pytest.raises(UnknownNameError, match="pepino2025-max"):
        analyses(["rsa"], ["pepino2025", "max"])
    with pytest.raises(UnknownNameError, match="unknown metric 'cka'"):
        analyses(["cka"], ["pepino2025"])
