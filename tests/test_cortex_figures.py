"""Figures of listeners, regions, layers and maps: what is drawn is what was given."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest

from heschl.encode import depth_by_region
from heschl.errors import InputError
from heschl.report.cortex_drawings import cortex_drawings
from heschl.report.depth_lines import plot_depth
from heschl.report.intervals import plot_intervals
from heschl.report.layer_lines import EVERYWHERE, plot_layers, region_curves
from heschl.report.palette import color
from heschl.report.style import NARROW, WIDE
from heschl.results import Profile, Results, score_table

MODELS = ("alpha", "beta")


def score_rows(unit="rho"):
    rng = np.random.default_rng(0)
    rows = []
    for model in MODELS:
        shared = {"model": model, "dataset": "d", "metric": "rsa", "protocol": "p", "unit": unit}
        shared |= {"n_sounds": 10, "provenance": "key"}
        for region in (None, "Primary", "Lateral"):
            names = [("dataset", "all"), *(("listener", f"s{i}") for i in range(3))]
            for scope, target in names:
                value = rng.uniform(0.2, 0.6)
                ends = {"low": value - 0.1, "high": value + 0.15, "ceiling": value + 0.2}
                rows.append(
                    shared | ends | {"scope": scope, "target": target, "region": region}
                    | {"value": value}
                )  # fmt: skip
    return score_table(rows)


def profile(model="alpha", n_layers=3, **changes):
    rng = np.random.default_rng(1)
    groups = pd.DataFrame(
        {"listener": ["s0", "s1"] * 2, "region": [None, None, "Primary", "Primary"]}, dtype=object
    )
    content = {
        "model": model,
        "dataset": "d",
        "metric": "rsa",
        "protocol": "p",
        "provenance": "key",
        "unit": "rho",
        "groups": groups,
        "layers": tuple(f"layer{k}" for k in range(n_layers)),
        "scores": rng.random((4, n_layers)),
        "ceiling": np.array([0.8, 0.9, 0.5, 0.7]),
    }
    return Profile(**content | changes)


def target_profile(n_listeners=7):
    """Six targets a listener, three in each of two regions, on a grid."""
    rng = np.random.default_rng(2)
    n = 6 * n_listeners
    groups = pd.DataFrame(
        {
            "target": [f"v{i}" for i in range(n)],
            "listener": np.repeat([f"s{i}" for i in range(n_listeners)], 6),
            "region": np.tile(["Primary", "Lateral"] * 3, n_listeners),
            "hemisphere": np.tile(["lh", "lh", "rh"] * 2, n_listeners),
            "x_ras": np.tile([0.0, 2.0, 4.0, 0.0, 2.0, 4.0], n_listeners),
            "y_ras": np.tile([0.0, 0.0, 0.0, 0.0, 2.0, 2.0], n_listeners),
        }
    )
    return profile(groups=groups, scores=rng.random((n, 3)), ceiling=np.full(n, 0.9))


# intervals


@pytest.mark.parametrize("width", [WIDE, NARROW])
def test_points_intervals_and_ceilings_are_those_of_the_table(width):
    scores = score_rows()
    figure = plot_intervals(scores, MODELS, width=width)
    drawn = {}
    for ax in figure.axes:
        for line in ax.lines:
            kind = "point" if line.get_marker() == "o" else None
            x = tuple(np.round(line.get_xdata(), 12))
            if kind is None:
                kind = "ceiling" if x[0] == x[-1] else "interval"
            drawn.setdefault(kind, set()).add(x)
    shown = scores[(scores["scope"] == "dataset") | scores["region"].isna()]
    assert drawn["point"] == {(v,) for v in shown["value"].round(12)}
    ends = shown[["low", "high"]].round(12).itertuples(index=False, name=None)
    assert drawn["interval"] == set(ends)
    assert drawn["ceiling"] == {(c, c) for c in shown["ceiling"].round(12)}
    names = [label.get_text() for ax in figure.axes for label in ax.get_yticklabels()]
    assert names == ["all listeners", "Primary", "Lateral", "s0", "s1", "s2"]
    assert [text.get_text() for text in figure.legends[0].get_texts()] == [
        *MODELS,
        "95 % interval",
        "ceiling",
    ]


def test_missing_scores_are_dashes_and_intervals_fall_back_on_standard_errors():
    scores = score_rows()
    scores.loc[scores["target"] == "s1", ["value", "low", "high", "ceiling"]] = np.nan
    scores["low"] = np.nan
    scores["stderr"] = 0.05
    figure = plot_intervals(scores, MODELS)
    texts = [text.get_text() for ax in figure.axes for text in ax.texts]
    assert texts.count("–") == 2
    widths = [np.ptp(line.get_xdata()) for ax in figure.axes for line in ax.lines]
    assert np.isclose(widths, 0.1).sum() == 6 + 4


def test_wrong_scores_for_intervals():
    scores = score_rows()
    scores.loc[0, "unit"] = "r2"
    with pytest.raises(InputError, match="several units"):
        plot_intervals(scores, MODELS)
    with pytest.raises(InputError, match="no scores of a dataset"):
        plot_intervals(score_rows().assign(scope="target"), MODELS)


# layers


def test_curves_are_means_over_listeners():
    one = profile()
    curves, ceilings = region_curves(one)
    np.testing.assert_allclose(curves[EVERYWHERE], one.scores[:2].mean(axis=0))
    np.testing.assert_allclose(curves["Primary"], one.scores[2:].mean(axis=0))
    assert ceilings == pytest.approx({EVERYWHERE: 0.85, "Primary": 0.6})


def test_curves_of_targets_take_the_median_of_each_listener_first():
    one = target_profile()
    one.scores[3] = np.nan
    curves, ceilings = region_curves(one)
    listeners = one.groups["listener"].to_numpy()
    medians = [np.nanmedian(one.scores[listeners == f"s{i}"], axis=0) for i in range(7)]
    np.testing.assert_allclose(curves[EVERYWHERE], np.mean(medians, axis=0))
    assert set(curves) == {EVERYWHERE, "Lateral", "Primary"}
    assert ceilings[EVERYWHERE] == pytest.approx(0.9)


def test_lines_are_the_curves():
    one = profile()
    figure = plot_layers([one, profile("beta", n_layers=20)])
    ax = figure.axes[0]
    np.testing.assert_allclose(ax.lines[0].get_ydata(), region_curves(one)[0][EVERYWHERE])
    assert ax.lines[-1].get_ydata()[0] == pytest.approx(0.85)  # the ceiling
    assert [label.get_text() for label in ax.get_xticklabels()] == list(one.layers)
    assert figure.axes[1].get_xlabel() == "layer, from 0"


def test_a_single_layer_has_no_line():
    with pytest.raises(InputError, match="at least two layers"):
        plot_layers([profile(n_layers=1)])


# depth


def test_depth_is_drawn_for_every_listener_and_the_mean():
    rng = np.random.default_rng(0)
    listeners = np.repeat([f"s{i}" for i in range(8)], 3)
    regions = np.tile(["Lateral", "Posterior", "Primary"], 8)
    depth = rng.random(24) * 0.2 + 0.5 * (regions == "Lateral")
    found = depth_by_region(depth, listeners, regions)
    ax = plot_depth(found).axes[0]
    labels = [label.get_text() for label in ax.get_xticklabels()]
    order = [found.regions.index(label.partition("\n")[0]) for label in labels]
    assert labels[0] == "Primary"
    assert all("q = " in label for label in labels[1:])
    for line, expected in zip(ax.lines, found.depth, strict=False):
        np.testing.assert_allclose(line.get_ydata(), expected[order])
    assert any(np.allclose(line.get_ydata(), found.mean[order]) for line in ax.lines[8:])


def test_depth_of_few_listeners_says_that_there_is_no_test():
    found = depth_by_region(np.array([0.1, 0.9]), np.array(["a", "a"]), np.array(["Primary", "X"]))
    labels = [label.get_text() for label in plot_depth(found).axes[0].get_xticklabels()]
    assert labels == ["Primary", "X\nno test"]


# all of them on a page


def test_each_analysis_has_its_drawings():
    rows = score_rows()
    detail_rows = [
        {"model": "alpha", "dataset": "d", "metric": "rsa", "protocol": "p", "scope": "target"}
        | {"target": f"v{i}", "value": i / 50, "unit": "rho", "n_sounds": 10, "provenance": "key"}
        for i in range(42)
    ]
    scores = score_table([*rows.to_dict(orient="records"), *detail_rows])
    results = Results(scores, {}, profiles=(profile(), target_profile()))
    titles = [drawing.title for drawing in cortex_drawings(results)]
    assert titles == [
        "d, similarity, p: listeners and regions",
        "d, similarity, p: layers",
        "alpha on d: depth by region",
        "d, similarity, p: map",
    ]
    first = next(cortex_drawings(results))
    assert "alpha, all listeners" in first.wide
    assert color("m0") not in first.wide  # colours follow the page
    assert "var(--m0)" in first.wide


def test_results_of_components_have_none():
    rows = [{"model": "m", "dataset": "d", "metric": "regression", "protocol": "p", "value": 0.5}]
    rows[0] |= {"scope": "target", "target": "t", "unit": "r2", "n_sounds": 3, "provenance": "k"}
    assert not list(cortex_drawings(Results(score_table(rows), {})))
