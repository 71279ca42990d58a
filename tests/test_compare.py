"""Differences between models: exact where they are the same, right where they differ."""

from __future__ import annotations

import json
from dataclasses import replace

import numpy as np
import pandas as pd
import pytest

import heschl
from heschl import rsa, stats
from heschl.cli import main
from heschl.errors import InputError
from heschl.results import Detail, RdmDetail, Results, merge, score_table
from heschl.study.differences import COLUMNS

N_SOUNDS = 60
TWO = ["x"] * 3 + ["y"] * 3


def detail(model, noise, *, listeners=None, seed=0, n_targets=6):
    """Predictions that are the responses and noise."""
    measured = np.random.default_rng(1).standard_normal((N_SOUNDS, n_targets))
    predicted = measured + noise * np.random.default_rng(seed).standard_normal(measured.shape)
    r = np.array([np.corrcoef(a, b)[0, 1] for a, b in zip(predicted.T, measured.T, strict=True)])
    targets = pd.DataFrame({"target": [f"t{i}" for i in range(n_targets)]})
    if listeners is not None:
        targets["listener"] = listeners
    sounds = {"sound": [f"s{i}" for i in range(N_SOUNDS)], "category": None, "fold": 0}
    return Detail(
        model=model,
        dataset="d",
        metric="regression",
        protocol="pepino2025",
        provenance="key",
        targets=targets,
        sounds=pd.DataFrame(sounds),
        layers=("one",),
        measured=measured,
        predicted=predicted,
        r=r,
        r2=np.maximum(r, 0) ** 2,
        layer_index=np.zeros((5, n_targets), np.int64),
        alpha=np.ones((5, n_targets)),
    )


def results(*details):
    return Results(score_table([]), {}, tuple(details))


def test_each_component_is_compared_by_itself():
    good, bad = detail("good", 0.5, seed=2), detail("bad", 3.0, seed=3)
    table = heschl.compare(results(good, bad))
    assert tuple(table.columns) == COLUMNS
    assert table["target"].tolist() == [f"t{i}" for i in range(6)]
    np.testing.assert_allclose(table["difference"], good.r2 - bad.r2)
    assert (table["low"] > 0).all()
    assert (table["p"] < 0.01).all()
    np.testing.assert_allclose(table["q"], stats.fdr(table["p"].to_numpy()))
    turned = heschl.compare(results(bad, good))
    np.testing.assert_allclose(turned["difference"], -table["difference"])
    np.testing.assert_allclose(turned["low"], -table["high"])


def test_intervals_come_from_the_same_resamples():
    """Drawn again by hand: the sounds of both models are the same ones in every resample."""
    a, b = detail("a", 1.0, seed=2), detail("b", 1.2, seed=3)
    row = heschl.compare(results(a, b), n_bootstrap=200, seed=7).iloc[2]
    counts = stats.resamples(N_SOUNDS, 200, 7)
    drawn = []
    for count in counts:
        sounds = np.repeat(np.arange(N_SOUNDS), count)
        r = [np.corrcoef(x.predicted[sounds, 2], x.measured[sounds, 2])[0, 1] for x in (a, b)]
        drawn.append(max(r[0], 0) ** 2 - max(r[1], 0) ** 2)
    expected = stats.interval(np.array(drawn), row["difference"], N_SOUNDS, kind="sounds")
    assert row["low"] == pytest.approx(expected.low, abs=1e-10)
    assert row["high"] == pytest.approx(expected.high, abs=1e-10)


def test_means_over_listeners_are_compared():
    who = np.repeat([f"s{i}" for i in range(8)], 4)
    one = detail("one", 1.0, listeners=who, n_targets=32, seed=2)
    other = detail("other", 2.0, listeners=who, n_targets=32, seed=3)
    same = replace(one, model="same")
    table = heschl.compare(results(one, other, same))
    assert table[["first", "second"]].to_numpy().tolist() == [
        ["one", "other"],
        ["one", "same"],
        ["other", "same"],
    ]
    means = [stats.over_listeners(x.r2, who).mean for x in (one, other)]
    assert table["difference"][0] == pytest.approx(means[0] - means[1], abs=1e-12)
    assert table["low"][0] > 0
    assert table["p"][0] < 0.05  # on the safe side with eight listeners, and sounds drawn as well
    assert (table["difference"][1], table["low"][1], table["high"][1]) == (0, 0, 0)
    assert table["p"][1] == 1


def test_real_models_on_the_embedded_dataset():
    options = {"use_store": False, "show_progress": False}
    scored = merge(
        [heschl.score(m, "synthetic", **options) for m in ("spectrotemporal", "cochleagram")]
    )
    table = heschl.compare(scored, n_jobs=2)
    assert len(table) == 1
    whole = scored.scores[(scored.scores["scope"] == "dataset") & scored.scores["region"].isna()]
    values = whole.set_index("model")["value"]
    expected = values["spectrotemporal"] - values["cochleagram"]
    assert table["difference"][0] == pytest.approx(expected, abs=1e-12)
    pd.testing.assert_frame_equal(table, heschl.compare(scored, n_jobs=1))


def test_the_command(tmp_path, capsys):
    run = results(detail("good", 0.5, seed=2), detail("bad", 3.0, seed=3)).save(tmp_path / "run")
    rows = tmp_path / "rows.json"
    with pytest.raises(SystemExit) as stop:
        main(["compare", str(run), "--json", str(rows)])
    assert stop.value.code in (0, None)
    out = capsys.readouterr().out
    assert "good" in out
    assert len(json.loads(rows.read_text())) == 6


def rdm_detail(model, noise, seed, n_listeners=6, n_sounds=30):
    rng = np.random.default_rng(1)
    listeners = [rng.standard_normal((n_sounds, 20)) for _ in range(n_listeners)]
    brain = np.stack([rsa.upper_triangle(rsa.rdm(x)) for x in listeners])
    compared = brain + noise * np.random.default_rng(seed).standard_normal(brain.shape)
    names = [f"s{i}" for i in range(n_listeners)]
    return RdmDetail(
        model=model,
        dataset="d",
        metric="rsa",
        protocol="pepino2025",
        provenance="key",
        groups=pd.DataFrame({"listener": [*names, "s0"], "region": [None] * n_listeners + ["x"]}),
        brain=np.concatenate([brain, brain[:1]]),
        compared=np.concatenate([compared, compared[:1]]),
    )


def test_similarity_is_compared_over_listeners():
    one, other = rdm_detail("one", 0.2, 2), rdm_detail("other", 0.6, 3)
    found = Results(score_table([]), {}, rdms=(one, other, replace(one, model="same")))
    table = heschl.compare(found, n_bootstrap=300)
    assert table["metric"].unique().tolist() == ["rsa"]
    assert table["unit"].unique().tolist() == ["rho"]
    means = [np.diag(rsa.spearman(x.compared[:6], x.brain[:6])).mean() for x in (one, other)]
    assert table["difference"][0] == pytest.approx(means[0] - means[1], abs=1e-12)
    assert table["low"][0] > 0
    assert (table["difference"][1], table["p"][1]) == (0, 1)
    with pytest.raises(InputError, match="different responses"):
        heschl.compare(replace(found, rdms=(one, replace(other, brain=other.brain + 1))))


def test_similarity_of_one_listener_is_compared_over_sounds():
    details = (rdm_detail("one", 0.2, 2, 1), rdm_detail("other", 0.6, 3, 1))
    row = heschl.compare(Results(score_table([]), {}, rdms=details), n_bootstrap=200).iloc[0]
    counts = stats.resamples(30, 200, 0)
    a, b = (rsa.bootstrap(x.compared[:1], x.brain[:1], counts)[:, 0] for x in details)
    expected = stats.interval(a - b, row["difference"], 30, kind="sounds")
    assert (row["low"], row["high"]) == pytest.approx((expected.low, expected.high))


@pytest.mark.parametrize(
    ("details", "message"),
    [
        ([detail("a", 1)], "no two models"),
        ([detail("a", 1), replace(detail("b", 1), dataset="e")], "no two models"),
        ([detail("a", 1), replace(detail("b", 1), measured=np.zeros((N_SOUNDS, 6)))], "different"),
        ([detail("a", 1, listeners=TWO), detail("b", 1, listeners=TWO)], "2 listeners"),
        ([detail("a", 1, n_targets=30), detail("b", 1, n_targets=30)], "at most 24 targets"),
    ],
)
def test_what_cannot_be_compared(details, message):
    with pytest.raises(InputError, match=message):
        heschl.compare(results(*details))


def test_no_resamples_no_comparison():
    with pytest.raises(InputError, match="n_bootstrap is 0"):
        heschl.compare(results(detail("a", 1), detail("b", 1)), n_bootstrap=0)
