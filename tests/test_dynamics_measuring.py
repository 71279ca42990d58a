"""What is measured of one model: against the scores of heschl.score and naive means."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from scipy.stats import spearmanr

import heschl
import small_training
from heschl import stats
from heschl.dynamics import BASELINE_COLUMNS, measure
from heschl.dynamics.prepared import resampled
from heschl.errors import UnknownNameError, UsageError


@pytest.fixture(scope="module")
def model():
    torch.manual_seed(3)
    return heschl.wrap(small_training.Net(), name="net")


def table(frame, **chosen):
    for column, value in chosen.items():
        frame = frame[frame[column] == value]
    return frame


def rdm(x):
    """Upper triangle of 1 - Pearson's r between sounds, of columns z-scored, pair by pair."""
    x = (x - x.mean(axis=0)) / (x.std(axis=0) + 1e-10)
    return [1 - np.corrcoef(x[i], x[j])[0, 1] for i in range(len(x)) for j in range(i + 1, len(x))]


def test_similarity_of_listeners_and_regions(model):
    data = small_training.voxels()
    found = measure(model, data)
    assert tuple(found.columns) == BASELINE_COLUMNS
    assert set(found["metric"]) == {"rsa"}  # voxels: no regression unless it is asked for
    layers = [layer for layer in found["layer"].unique() if layer]
    assert tuple(layers) == model.layers
    assert list(table(found, target="all", region="")["layer_index"]) == [-1, 0, 1, 2]

    activations = heschl.extract(model, data.sounds, use_store=False, show_progress=False)
    responses, targets = data.mean_responses(), data.targets
    for region in ("", "core", "belt"):
        for layer in layers:
            rho = {}
            for who in ("anna", "bert"):
                mine = (targets["listener"] == who) & (targets["region"].str.startswith(region))
                brain = rdm(responses[:, mine.to_numpy()])
                rho[who] = spearmanr(brain, rdm(activations[layer].astype(float))).statistic
                (value,) = table(found, region=region, layer=layer, target=who)["value"]
                assert value == pytest.approx(rho[who], abs=1e-6)
            (mean,) = table(found, region=region, layer=layer, target="all")["value"]
            assert mean == pytest.approx(np.mean(list(rho.values())), abs=1e-6)


def test_scores_of_the_protocol_are_those_of_score(model):
    data = small_training.voxels()
    found = measure(model, data, metrics=["regression", "rsa"], n_bootstrap=100)
    assert list(found["metric"].unique()) == ["rsa", "regression"]
    for metric, unit in (("rsa", "rho"), ("regression", "r2")):
        scores = heschl.score(
            model, data, metric=metric, n_bootstrap=100, use_store=False, show_progress=False
        ).scores
        scores = scores[(scores["unit"] == unit) & (scores["scope"] != "target")]
        ours = table(found, metric=metric, layer="").set_index(["region", "target"])
        assert len(ours) == len(scores) == 9
        for one in scores.to_dict(orient="records"):
            mine = ours.loc[(one["region"] or "", one["target"])]
            for column in ("value", "low", "high", "ceiling"):
                assert mine[column] == pytest.approx(one[column], nan_ok=True)


def test_components_and_their_mean(model):
    data = small_training.components()
    found = measure(model, data, n_bootstrap=100)
    assert list(found["metric"].unique()) == ["rsa", "regression"]
    result = heschl.score(
        model,
        data,
        layer_profiles=True,
        n_bootstrap=100,
        use_store=False,
        show_progress=False,
    )
    scores = result.scores[result.scores["unit"] == "r2"].set_index("target")
    ours = table(found, metric="regression", layer="").set_index("target")
    assert list(ours.index) == ["all", "part0", "part1", "part2"]
    for name, one in scores.iterrows():
        for column in ("value", "low", "high", "ceiling"):
            assert ours.loc[name, column] == pytest.approx(one[column])
    assert ours.loc["all", "value"] == pytest.approx(scores["value"].mean())
    assert ours.loc["all", "ceiling"] == pytest.approx(scores["ceiling"].mean())
    (profile,) = result.profiles
    for j, layer in enumerate(profile.layers):
        one = table(found, metric="regression", layer=layer).set_index("target")["value"]
        assert list(one[["part0", "part1", "part2"]]) == pytest.approx(list(profile.scores[:, j]))
        assert one["all"] == pytest.approx(profile.scores[:, j].mean())


def test_one_listener_is_all_and_has_the_interval_over_sounds(model):
    data = small_training.components()
    found = measure(model, data, metrics=["rsa"], n_bootstrap=200, seed=5)
    assert set(found["target"]) == {"all"}
    assert len(found) == 1 + len(model.layers)
    scores = heschl.score(
        model, data, metric="rsa", n_bootstrap=200, seed=5, use_store=False, show_progress=False
    ).scores
    (listener,) = scores[scores["scope"] == "listener"].to_dict(orient="records")
    whole = table(found, layer="").iloc[0]
    assert (whole["low"], whole["high"]) == pytest.approx((listener["low"], listener["high"]))
    assert whole["low"] < whole["high"]


def test_intervals_of_a_layer_against_a_naive_bootstrap(model):
    """Every pair of sounds is written down as often as it was drawn."""
    data = small_training.components()
    found = measure(model, data, metrics=["rsa"], n_bootstrap=200)
    activations = heschl.extract(model, data.sounds, use_store=False, show_progress=False)
    layer = model.layers[1]
    counts = stats.resamples(len(data.sounds), 200, 0)
    brain = np.zeros((20, 20))
    ours = np.zeros((20, 20))
    upper = np.triu_indices(20, 1)
    brain[upper], ours[upper] = rdm(data.mean_responses()), rdm(activations[layer].astype(float))
    drawn = []
    for count in counts:
        pairs = [(i, j) for i, j in zip(*upper, strict=True) for _ in range(count[i] * count[j])]
        rows, columns = np.array(pairs).T
        drawn.append(spearmanr(brain[rows, columns], ours[rows, columns]).statistic)
    one = table(found, layer=layer).iloc[0]
    expected = stats.interval(np.array(drawn)[:, None], np.array([one["value"]]), 20, kind="sounds")
    assert one["low"] == pytest.approx(float(expected.low[0]), abs=1e-6)
    assert one["high"] == pytest.approx(float(expected.high[0]), abs=1e-6)


def test_voxel_regression_of_a_layer_is_the_mean_of_medians(model):
    data = small_training.voxels()
    found = measure(model, data, metrics=["regression"])
    (profile,) = heschl.score(
        model, data, layer_profiles=True, n_bootstrap=0, use_store=False, show_progress=False
    ).profiles
    for j, layer in enumerate(profile.layers):
        medians = [
            np.median(
                profile.scores[
                    ((data.targets["listener"] == who) & (data.targets["region"] == "belt")).values,
                    j,
                ]
            )
            for who in ("anna", "bert")
        ]
        one = table(found, layer=layer, region="belt").set_index("target")["value"]
        assert [one["anna"], one["bert"]] == pytest.approx(medians)
        assert one["all"] == pytest.approx(np.mean(medians))


def test_resampled_sounds_are_those_that_the_model_would_hear():
    data = small_training.components()
    ready = resampled(data, 3000)
    assert np.array_equal(ready.sounds.waveforms(3000), data.sounds.waveforms(3000))
    assert {facts.sample_rate for facts in ready.sounds.facts} == {3000}
    assert ready.responses is data.responses


def test_sounds_go_through_the_model_once(model, monkeypatch):
    rows = []
    real = type(model).vectors
    monkeypatch.setattr(
        type(model), "vectors", lambda self, x, *rest: rows.append(len(x)) or real(self, x, *rest)
    )
    measure(model, small_training.components())
    assert sum(n for n in rows if n > 1) == small_training.N_SOUNDS  # one alone: its memory


def test_wrong_metrics(model):
    data = small_training.components()
    with pytest.raises(UnknownNameError, match="unknown metric 'rdm'"):
        measure(model, data, metrics=["rdm"])
    for nothing in ([], "rsa"):
        with pytest.raises(UsageError, match="expected a list"):
            measure(model, data, metrics=nothing)
    with pytest.raises(UsageError, match="at least 100"):
        measure(model, data, n_bootstrap=7)
