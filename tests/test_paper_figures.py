"""Figures for papers: what is drawn, read from the artists, against the tables."""

from __future__ import annotations

import dataclasses
import io
import itertools
import logging
import os
import re
import subprocess
import sys
from pathlib import Path
from xml.etree import ElementTree

import matplotlib as mpl
import numpy as np
import pandas as pd
import pytest
import scipy.stats
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.colors import to_hex, to_rgb
from matplotlib.text import Text

from heschl.errors import InputError, UsageError
from heschl.linking import link
from heschl.linking.tables import COLUMNS, OVERALL, Linked, table
from heschl.models import MODELS
from heschl.report import write_paper_figures
from heschl.report.paper import (
    agreement_figure,
    bar_figures,
    choice,
    downstream_figure,
    geometry,
    names,
    placement,
    points,
    table_text,
)
from heschl.report.paper.correlation_table import Cell, correlation_table
from heschl.report.paper.families import COLORS, HAND_BUILT, MARKERS, OTHERS, looks_of
from heschl.report.paper.sheet import paper_style
from heschl.report.paper.table_drawing import draw_table
from heschl.results import Results, score_table

COMPONENTS = ("lowfreq", "highfreq", "envsounds", "pitch", "speech", "music")
TASKS = ("esc50", "fsd50k", "nsynth-pitch", "speech-commands", "crema-d", "gtzan")
PROTOCOL = "pepino2025"
#: The models of the publication.
NAMES = [name for name in MODELS if name not in ("cochleagram", "melspectrogram")]
#: How good models are, about as published; the rest are good.
LEVELS = {
    "dcase2020": -2.9, "metricgan": -2.0, "deepspeech2": -1.3, "sepformer": -1.1,
    "zerospeech": -0.9, "wav2vec2": -0.6, "s2t": -0.5, "spectrotemporal": -0.05,
}  # fmt: skip


def measure_row(dataset, metric, target, unit, *, kind="brain", protocol=PROTOCOL):
    return {
        "measure": f"{dataset}/{metric}/{protocol}/{target}/{unit}",
        "kind": kind,
        "dataset": dataset,
        "metric": metric,
        "protocol": protocol,
        "target": target,
        "unit": unit,
        "label": f"{dataset} {target} ({unit})",
    }


def brains(*, voxels=("nh2015", "b2021"), components=True):
    rows = [measure_row(name, "regression", "all", "r2") for name in voxels]
    if components:
        name = "nh2015-components"
        rows += [measure_row(name, "regression", one, "r2") for one in COMPONENTS]
    return rows + [measure_row(name, "rsa", "all", "rho") for name in voxels]


def model_rows(names, controls):
    rows = [{"model": name, "family": MODELS[name].family} for name in names]
    for name, kind, seed in itertools.product(
        names[1 : 1 + controls], ("random", "permuted"), "01"
    ):
        family = MODELS[name].family
        rows.append(
            {"model": f"{name}@{kind}:{seed}", "family": family, "control": kind, "base": name}
        )
    return rows


def value_rows(models, measures, rng):
    rows = []
    for one in models:
        base = one.get("base", one["model"])
        skill = LEVELS.get(base, rng.normal(0.35, 0.25))
        skill = rng.normal(-1.5, 0.2) if "base" in one else skill
        for measure in measures:
            if measure["kind"] == "task" and "base" in one:
                continue
            slope, centre = (0.07, 0.36) if measure["metric"] == "regression" else (0.06, 0.45)
            noise = rng.normal(0, 0.015)
            if measure["target"] in COMPONENTS:
                slope, centre, noise = 0.1, 0.75, 2 * noise
            value = float(np.clip(centre + slope * skill + noise, 0.02, 0.98))
            if base == "spectrotemporal" and measure["kind"] == "brain":
                value -= 0.12
            row = {"model": one["model"], "measure": measure["measure"], "value": value}
            row |= {"n_runs": 1, "low": value - 0.05, "high": value + 0.04}
            if measure["target"] == "all" and measure["kind"] == "brain":
                row |= {"stderr": abs(rng.normal(0.012, 0.003)), "ceiling": 0.68}
            rows.append(row)
    return rows


def correlate(x, y):
    known = x.notna() & y.notna()
    found = {"kind": "pearson", "n": int(known.sum()), "value": np.nan, "p": np.nan, "q": np.nan}
    if known.sum() >= 3:
        result = scipy.stats.pearsonr(x[known], y[known])
        low, high = result.confidence_interval()
        found |= {"value": result.statistic, "p": result.pvalue, "q": result.pvalue}
        found |= {"low": low, "high": high}
    return found


def made_up(names=NAMES, *, measures=None, tasks=TASKS, controls=4, seed=0, drop=()):
    """Results and what they show together, by hand; ``drop`` are (model, measure) without value."""
    rng = np.random.default_rng(seed)
    measures = brains() if measures is None else measures
    probes = [measure_row(name, "probe", "all", "accuracy", kind="task") for name in tasks]
    models = model_rows(list(names), controls)
    rows = value_rows(models, [*probes, *measures], rng)
    rows = [row for row in rows if (row["model"], row["measure"]) not in drop]
    own = [row["model"] for row in models if "base" not in row]
    wide = pd.DataFrame(rows, columns=list(COLUMNS["values"]))
    wide = wide.pivot_table(index="model", columns="measure", values="value").reindex(own)
    keys = [row["measure"] for row in probes]
    scores = wide.reindex(columns=keys)
    overall = ((scores - scores.mean()) / scores.std()).mean(axis=1)
    for one in models:
        one["overall"] = overall.get(one["model"], np.nan)
    correlations, agreement = [], []
    known = [row["measure"] for row in measures if row["measure"] in wide]
    for brain, (subset, chosen) in itertools.product(
        known, (("all models", wide.index), ("overall > -1", wide.index[overall > -1]))
    ):
        for task in [*keys, OVERALL] if keys else []:
            x = overall if task == OVERALL else wide[task]
            row = {"task": task, "brain": brain, "subset": subset}
            correlations.append(row | correlate(x[chosen], wide[brain][chosen]))
    for first, second in itertools.combinations(known, 2):
        agreement.append({"first": first, "second": second} | correlate(wide[first], wide[second]))
    if keys:
        probes.append({"measure": OVERALL, "kind": "overall", "target": "all", "unit": "z"})
    tables = {name: table(name, []) for name in COLUMNS}
    tables |= {
        "models": table("models", models),
        "measures": table("measures", [*probes, *measures]),
        "values": table("values", rows),
        "correlations": table("correlations", correlations),
        "agreement": table("agreement", agreement),
    }
    provenance = {"key": {"uncertainty": {"level": 0.95}}}
    return Results(score_table([]), provenance), Linked(**tables)


def names_of(paths):
    return [path.name for path in paths]


def panels(figure):
    return [ax for ax in figure.axes if ax.axison]


def with_gid(ax, gid):
    return [artist for artist in ax.findobj() if artist.get_gid() == gid]


def panel_values(linked, measure):
    rows = linked.values[linked.values["measure"] == measure]
    return rows.set_index("model")


def key_texts(figure):
    return [text.get_text() for text in figure.legends[0].get_texts()]


def draw(which, linked):
    with paper_style():
        return which(linked, looks_of(linked.models), "95 % interval")


@pytest.fixture(scope="module", autouse=True)
def few_tries():
    """Names are placed in less time, not quite as well."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(placement, "N_TRIES", 15)
        yield


@pytest.fixture(scope="module")
def full():
    """The study of the publication, made up: 36 models, four of them with controls."""
    return made_up()[1]


@pytest.fixture(scope="module")
def figure2(full):
    (figure,) = draw(bar_figures.brain_similarity, full)
    return figure


@pytest.fixture(scope="module")
def figure4(full):
    (figure,) = draw(bar_figures.component_similarity, full)
    return figure


@pytest.fixture(scope="module")
def figure6(full):
    (figure,) = draw(downstream_figure.downstream, full)
    return figure


FIRST = "nh2015/regression/pepino2025/all/r2"
MAIN = (
    FIRST,
    "b2021/regression/pepino2025/all/r2",
    "nh2015/rsa/pepino2025/all/rho",
    "b2021/rsa/pepino2025/all/rho",
)
TITLES = ("Regression, NH2015", "Regression, B2021", "RSA, NH2015", "RSA, B2021")

# Figure 2


def test_bars_are_the_values_in_the_order_of_the_first_measure(full, figure2):
    values = panel_values(full, FIRST)["value"]
    own = full.models.loc[full.models["control"].isna(), "model"].drop_duplicates()
    expected = values[own].drop("spectrotemporal").sort_values(ascending=False)
    axes = panels(figure2)
    assert [ax.get_title() for ax in axes] == list(TITLES)
    assert [ax.get_xlabel() for ax in axes] == ["r²", "r²", "ρ", "ρ"]
    assert [tick.get_text() for tick in axes[0].get_yticklabels()] == [
        names.model_label(name) for name in expected.index
    ]
    for ax, measure in zip(axes, MAIN, strict=True):
        widths = [bar.get_width() for bar in ax.containers[0]]
        # the same models in the same order in every panel
        wanted = panel_values(full, measure)["value"][expected.index]
        np.testing.assert_allclose(widths, wanted)
        assert len(widths) == 35
        assert ax.yaxis_inverted()


def test_bars_have_the_colours_of_families(full, figure2, figure6):
    looks = looks_of(full.models)
    order = panel_values(full, FIRST)["value"].sort_values(ascending=False).index
    order = [name for name in order if name in NAMES and name != "spectrotemporal"]
    for ax in panels(figure2):
        found = [to_hex(bar.get_facecolor()) for bar in ax.containers[0]]
        assert found == [looks[name].color for name in order]
    for look in set(looks.values()):
        (points,) = with_gid(panels(figure6)[0], f"family:{look.label}")
        assert to_hex(points.get_facecolor()[0]) == look.color


def test_error_bars_are_standard_errors(full, figure2):
    for ax, measure in zip(panels(figure2), MAIN, strict=True):
        rows = panel_values(full, measure)
        for line in with_gid(ax, "error"):
            (low, high), place = line.get_xdata(), int(line.get_ydata()[0])
            middle = ax.containers[0][place].get_width()
            row = rows[rows["value"] == middle].iloc[0]
            assert low == pytest.approx(middle - row["stderr"])
            assert high == pytest.approx(middle + row["stderr"])
        assert len(with_gid(ax, "error")) == 35
    assert "± standard error" in key_texts(figure2)


def test_baseline_and_ceiling_are_lines(full, figure2):
    for ax, measure in zip(panels(figure2), MAIN, strict=True):
        row = panel_values(full, measure).loc["spectrotemporal"]
        (dashed,) = [line for line in ax.lines if line.get_linestyle() == "--"]
        (dotted,) = [line for line in ax.lines if line.get_linestyle() == ":"]
        assert dashed.get_xdata() == [row["value"], row["value"]]
        assert dotted.get_xdata() == [0.68, 0.68]
        band = ax.patches[-1]  # drawn after stripes and bars
        assert band.get_x() == pytest.approx(row["value"] - row["stderr"])
        assert band.get_width() == pytest.approx(2 * row["stderr"])
    assert {"SpectroTemporal", "noise ceiling"} <= set(key_texts(figure2))
    labels = [tick.get_text() for tick in panels(figure2)[0].get_yticklabels()]
    assert "SpectroTemporal" not in labels


def test_controls_are_marks_on_the_row_of_their_model(full, figure2):
    labels = [tick.get_text() for tick in panels(figure2)[0].get_yticklabels()]
    values = panel_values(full, FIRST)["value"]
    for kind in ("random", "permuted"):
        marks = with_gid(panels(figure2)[0], f"control:{kind}")
        found = {(labels[int(m.get_ydata()[0])], round(m.get_xdata()[0], 9)) for m in marks}
        assert found == {
            (names.model_label(name.partition("@")[0]), round(value, 9))
            for name, value in values.items()
            if f"@{kind}" in name
        }
        assert len(found) == 8
    assert {"random weights", "permuted weights"} <= set(key_texts(figure2))


def test_panels_of_a_unit_have_one_range(figure2):
    limits = [ax.get_xlim() for ax in panels(figure2)]
    assert limits[0] == limits[1]
    assert limits[2] == limits[3]
    assert limits[0][0] == 0


def test_a_model_without_a_value_is_last_and_has_a_dash():
    _, linked = made_up(NAMES[:5], drop={("encodecmae-small", FIRST)}, controls=0, tasks=())
    (figure,) = draw(bar_figures.brain_similarity, linked)
    first, second = panels(figure)[:2]
    assert first.get_yticklabels()[-1].get_text() == "ECMAE small"
    assert [(t.get_text(), t.get_position()[1]) for t in first.texts if "–" in t.get_text()] == [
        (" –", 3)
    ]
    assert len(first.containers[0]) == 3
    assert len(second.containers[0]) == 4


def test_nan_is_no_value():
    _, linked = made_up(NAMES[:4], controls=0, tasks=())
    here = (linked.values["model"] == "encodecmae-base") & (linked.values["measure"] == FIRST)
    linked.values.loc[here, "value"] = np.nan
    (figure,) = draw(bar_figures.brain_similarity, linked)
    assert panels(figure)[0].get_yticklabels()[-1].get_text() == "ECMAE base"
    assert len(panels(figure)[0].containers[0]) == 2


def test_controls_of_a_model_that_was_not_run_have_a_row():
    _, linked = made_up(NAMES[:4], controls=2, tasks=())
    keep = linked.models["model"] != "encodecmae-small"
    linked = dataclasses.replace(
        linked,
        models=linked.models[keep],
        values=linked.values[linked.values["model"] != "encodecmae-small"],
    )
    (figure,) = draw(bar_figures.brain_similarity, linked)
    ax = panels(figure)[0]
    assert ax.get_yticklabels()[-1].get_text() == "ECMAE small"
    assert sum(mark.get_ydata()[0] == 2 for mark in with_gid(ax, "control:random")) == 2


def test_the_baseline_by_itself_is_a_bar():
    _, linked = made_up(["spectrotemporal"], controls=0)
    (figure,) = draw(bar_figures.brain_similarity, linked)
    ax = panels(figure)[0]
    assert [tick.get_text() for tick in ax.get_yticklabels()] == ["SpectroTemporal"]
    assert not [line for line in ax.lines if line.get_linestyle() == "--"]


def test_many_measures_go_to_a_second_page():
    many = [measure_row(f"set{i}", "regression", "all", "r2") for i in range(14)]
    _, linked = made_up(NAMES[:3], measures=many, tasks=(), controls=0)
    figures = draw(bar_figures.brain_similarity, linked)
    assert [len(panels(figure)) for figure in figures] == [7, 7]


def test_other_measures_are_not_drawn():
    """Regions, r beside its square, and single voxels."""
    extra = [measure_row("nh2015", "regression", "all", "r")]
    extra.append(measure_row("nh2015", "regression", "all", "r2") | {"region": "Primary"})
    extra[-1]["measure"] += "@Primary"
    extra += [measure_row("nh2015", "regression", f"voxel{i}", "r2") for i in range(13)]
    _, linked = made_up(NAMES[:3], measures=[*extra, *brains()], tasks=(), controls=0)
    chosen = choice.brain_measures(linked)["measure"].tolist()
    assert sorted(chosen) == sorted(row["measure"] for row in brains())
    assert chosen[:4] == list(MAIN)


# Figure 3


def test_agreement_is_that_of_the_table(full):
    (figure,) = draw(agreement_figure.agreement, full)
    axes = panels(figure)
    pairs = [(MAIN[0], MAIN[2]), (MAIN[1], MAIN[3]), (MAIN[1], MAIN[0]), (MAIN[3], MAIN[2])]
    assert [(ax.get_xlabel(), ax.get_ylabel()) for ax in axes] == [
        ("r², NH2015", "ρ, NH2015"),
        ("r², B2021", "ρ, B2021"),
        ("r², B2021", "r², NH2015"),
        ("ρ, B2021", "ρ, NH2015"),
    ]
    for ax, (x, y) in zip(axes, pairs, strict=True):
        table = full.agreement
        both = {x, y}
        (row,) = table[
            [{a, b} == both for a, b in zip(table["first"], table["second"], strict=True)]
        ].itertuples()
        text = f"r = {row.value:.2f}\n[{row.low:.2f}, {row.high:.2f}]"
        assert text in [text.get_text() for text in ax.texts]
        assert_points(ax, full, panel_values(full, x)["value"], panel_values(full, y)["value"])


def assert_points(ax, linked, x, y):
    """All models that are no controls, by their family, and the line of least squares."""
    own = linked.models.loc[linked.models["control"].isna(), "model"]
    x, y = x[own].to_numpy(float), y[own].to_numpy(float)
    drawn = np.concatenate([points.get_offsets() for points in ax.collections])
    np.testing.assert_allclose(sorted(map(tuple, drawn)), sorted(zip(x, y, strict=True)))
    line = with_gid(ax, "fit")[0]
    known = scipy.stats.linregress(x, y)
    np.testing.assert_allclose(line.get_xdata(), [x.min(), x.max()])
    np.testing.assert_allclose(
        line.get_ydata(), known.intercept + known.slope * np.array([x.min(), x.max()])
    )


def test_where_measures_are_in_one_unit_the_line_of_equality_is_drawn(full):
    (figure,) = draw(agreement_figure.agreement, full)
    lines = [with_gid(ax, "equal") for ax in panels(figure)]
    assert [len(one) for one in lines] == [0, 0, 1, 1]
    np.testing.assert_array_equal(lines[2][0].get_xdata(), lines[2][0].get_ydata())


def test_two_models_make_no_correlation():
    assert draw(agreement_figure.agreement, made_up(NAMES[:2], controls=0)[1]) == []
    assert len(draw(agreement_figure.agreement, made_up(NAMES[:3], controls=0)[1])) == 1


# Figure 4


def test_components_are_sorted_each_by_itself(full, figure4):
    titles = ["Low freq.", "High freq.", "Broadband", "Pitch", "Speech", "Music"]
    assert [ax.get_title() for ax in panels(figure4)] == titles
    for ax, component in zip(panels(figure4), COMPONENTS, strict=True):
        rows = panel_values(full, f"nh2015-components/regression/pepino2025/{component}/r2")
        own = [name for name in NAMES if name != "spectrotemporal"]
        expected = rows.loc[own].sort_values("value", ascending=False)
        np.testing.assert_allclose([b.get_width() for b in ax.containers[0]], expected["value"])
        labels = [tick.get_text() for tick in ax.get_yticklabels()]
        assert labels == [names.model_label(name) for name in expected.index]
        ends = [line.get_xdata() for line in with_gid(ax, "error")]
        np.testing.assert_allclose(ends, expected[["low", "high"]])
        (dashed,) = [line for line in ax.lines if line.get_linestyle() == "--"]
        assert dashed.get_xdata()[0] == rows.loc["spectrotemporal", "value"]
    assert "95 % interval" in key_texts(figure4)
    assert "± standard error" not in key_texts(figure4)


def test_figures_fit_a_page(figure2, figure4, figure6):
    for figure in (figure2, figure4, figure6):
        width, height = figure.get_size_inches() * 25.4
        assert width == pytest.approx(183)
        assert height < 240


# Figure 6


def test_correlations_are_those_of_the_table(full, figure6):
    overall = full.models.set_index("model")["overall"]
    for ax, measure, title in zip(panels(figure6), MAIN, TITLES, strict=True):
        assert ax.get_title() == title
        table = full.correlations
        rows = table[(table["task"] == OVERALL) & (table["brain"] == measure)]
        rows = rows.set_index("subset")
        texts = [text.get_text() for text in ax.get_legend().get_texts()]
        for text, name, subset in zip(
            texts, ("all", "overall > −1"), ("all models", "overall > -1"), strict=True
        ):
            row = rows.loc[subset]
            mantissa, exponent = f"{row['p']:.1e}".split("e")
            assert text.startswith(f"{name}: r = {row['value']:.2f}, p = {mantissa} × 10⁻")
            assert text.endswith(f"(n = {row['n']})")
            assert int(exponent) < -3
        assert_points(ax, full, overall, panel_values(full, measure)["value"])
        second = with_gid(ax, "fit")[1]
        above = overall[overall > -1].dropna().index
        known = scipy.stats.linregress(overall[above], panel_values(full, measure)["value"][above])
        slope = np.diff(second.get_ydata()) / np.diff(second.get_xdata())
        assert slope == pytest.approx(known.slope)


def test_where_no_model_is_weak_there_is_one_correlation():
    _, linked = made_up(NAMES[1:9], controls=0, seed=3)
    assert (linked.models["overall"] > -1).all()
    (figure,) = draw(downstream_figure.downstream, linked)
    for ax in panels(figure):
        assert len(with_gid(ax, "fit")) == 1
        assert len(ax.get_legend().get_texts()) == 1


def test_all_points_are_named_and_no_name_touches_another(figure6):
    renderer = FigureCanvasAgg(figure6).get_renderer()
    figure6.draw_without_rendering()
    for ax in panels(figure6):
        notes = with_gid(ax, "name")
        assert sorted(note.get_text() for note in notes) == sorted(map(names.model_label, NAMES))
        extents = [Text.get_window_extent(note, renderer) for note in notes]
        for one, other in itertools.combinations(extents, 2):
            assert not one.overlaps(other)
        legend = ax.get_legend().get_window_extent(renderer)
        for extent in extents:
            assert not extent.overlaps(legend)
            assert ax.bbox.x0 < extent.x0
            assert extent.x1 < ax.bbox.x1
            assert ax.bbox.y0 < extent.y0
            assert extent.y1 < ax.bbox.y1


def test_names_that_are_far_have_a_leader_to_their_point(figure6):
    renderer = FigureCanvasAgg(figure6).get_renderer()
    figure6.draw_without_rendering()
    pixel = figure6.dpi / 72
    n_leaders = 0
    for ax in panels(figure6):
        for note in with_gid(ax, "name"):
            extent = Text.get_window_extent(note, renderer)
            point = ax.transData.transform(note.xy)
            nearest = np.clip(point, extent.min, extent.max)
            away = np.linalg.norm(nearest - point) / pixel
            if note.arrow_patch is None:
                assert away < 4.5
                continue
            n_leaders += 1
            ends = note.arrow_patch.get_path().vertices[[0, -1]]
            ends = note.arrow_patch.get_transform().transform(ends)
            assert np.linalg.norm(ends[0] - nearest) / pixel < 1
            assert np.linalg.norm(ends[1] - point) / pixel < 3
    assert n_leaders > 4


# Table 1


def test_csv_is_the_table_of_correlations(full):
    found = pd.read_csv(io.StringIO(table_text.as_csv(correlation_table(full))))
    labels = ["ESC-50", "FSD50K", "NSynth pitch", "Speech Commands", "CREMA-D", "GTZAN", "Overall"]
    assert found["task"].tolist() == 2 * labels
    keys = [f"{task}/probe/pepino2025/all/accuracy" for task in TASKS]
    found = found.assign(key=2 * [*keys, OVERALL]).set_index(["subset", "key"])
    for row in full.correlations.itertuples():
        cell = found.loc[(row.subset, row.task)]
        assert cell[row.brain] == pytest.approx(row.value)
        for name in ("low", "high", "p", "q", "n"):
            assert cell[f"{row.brain}:{name}"] == pytest.approx(getattr(row, name))
    assert len(full.correlations) == 2 * 7 * 10


def latex_rows(text):
    lines = [line.removesuffix(r"\\").strip() for line in text.splitlines() if line.endswith(r"\\")]
    return [[cell.strip() for cell in re.split(r"(?<!\\)&", line)] for line in lines]


def test_latex_has_the_same_numbers(full):
    text = table_text.as_latex(correlation_table(full))
    rows = latex_rows(text)
    assert rows[1] == ["Task", "NH2015", "B2021", "NH2015", "B2021", *(
        "Low freq.", "High freq.", "Broadband", "Pitch", "Speech", "Music"
    )]  # fmt: skip
    assert rows[0][1:3] == [
        r"\multicolumn{2}{c}{Regression, r\textsuperscript{2}}",
        r"\multicolumn{2}{c}{RSA, $\rho$}",
    ]
    assert r"\cmidrule(lr){2-3} \cmidrule(lr){4-5} \cmidrule(lr){6-11}" in text
    assert text.count(r"\toprule") == text.count(r"\bottomrule") == 1
    table = full.correlations
    measures = [*MAIN, *(f"nh2015-components/regression/pepino2025/{c}/r2" for c in COMPONENTS)]
    for subset, row in (("all models", rows[9]), ("overall > -1", rows[17])):
        assert row[0] == "Overall"
        for measure, cell in zip(measures, row[1:], strict=True):
            chosen = table[(table["subset"] == subset) & (table["brain"] == measure)]
            known = chosen.set_index("task").loc[OVERALL]
            assert f"${known['value']:.2f}$" in cell
            assert ("boldmath" in cell) == (known["value"] == chosen["value"].max())
            assert cell.count("*") == (2 if known["p"] < 0.01 else known["p"] < 0.05)


def test_latex_escapes_what_it_would_obey():
    assert table_text.escape("a_b&c%") == r"a\_b\&c\%"
    assert table_text.escape("[x]*") == "{[}x]{*}"
    assert table_text.escape("$x^2$ #1 {y}~\\z") == (
        r"\$x\textasciicircum{}2\$ \#1 \{y\}\textasciitilde{}\textbackslash{}z"
    )
    assert table_text.escape("r², ρ > −1\n") == (
        r"r\textsuperscript{2}, $\rho$ \textgreater{} $-$1 "
    )


def test_hostile_names_are_names(tmp_path):
    tasks = ("a_b&c%", "$\\frac{1}{2}$", "_hidden\nline")
    measures = [
        measure_row(name, "regression", "all", "r2") for name in ("x_y & z%", "$\\input{q}$")
    ]
    results, linked = made_up(NAMES[:6], measures=measures, tasks=tasks, controls=0)
    renamed = linked.models.replace({"model": {"encodecmae-base": "_$x^2$ & <b>"}})
    values = linked.values.replace({"model": {"encodecmae-base": "_$x^2$ & <b>"}})
    linked = dataclasses.replace(linked, models=renamed, values=values)
    paths = write_paper_figures(results, linked, tmp_path, formats=("svg",))
    rows = latex_rows((tmp_path / "table1.tex").read_text())
    # headings span the other columns; so do the names of subsets
    assert {len(row) for row in rows} == {3, 2, 1}
    assert [row[0] for row in rows[3:6]] == [
        r"a\_b\&c\%",
        r"\$\textbackslash{}frac\{1\}\{2\}\$",
        r"\_hidden?line",
    ]
    assert rows[1][1:] == [r"x\_y \& z\%", r"\$\textbackslash{}input\{q\}\$"]
    for path in paths:
        if path.suffix == ".svg":
            ElementTree.parse(path)
    (figure,) = draw(downstream_figure.downstream, linked)
    assert "_$x^2$ & <b>" in [note.get_text() for note in with_gid(panels(figure)[0], "name")]


def test_drawn_table_shows_the_numbers(full):
    table = correlation_table(full)
    with paper_style():
        (figure,) = draw_table(table)
    texts = [text.get_text() for text in figure.axes[0].texts]
    for cell in table.cells.values():
        assert texts.count(f"{cell.value:.2f}") >= 1
    assert texts.count("**") == sum(cell.stars == "**" for cell in table.cells.values())
    assert texts.count("*") == sum(cell.stars == "*" for cell in table.cells.values())
    assert {"All models (n = 36)", "High freq."} <= set(texts)
    assert f"Models with overall > −1 (n = {(full.models['overall'] > -1).sum()})" in texts
    bold = [t.get_text() for t in figure.axes[0].texts if t.get_weight() == "bold"]
    assert sum(text.startswith("0.") for text in bold) >= 20


def test_stars_are_steps_of_p():
    cells = [Cell(0.5, 0.4, 0.6, p, p, 9) for p in (0.0099, 0.01, 0.049, 0.05, np.nan)]
    assert [cell.stars for cell in cells] == ["**", "*", "*", "", ""]


def test_a_subset_of_all_models_is_not_shown_twice():
    _, linked = made_up(NAMES[1:9], controls=0, seed=3)
    keep = linked.correlations["subset"] == "all models"
    same = linked.correlations[keep].assign(subset="overall > -1")
    table = pd.concat([linked.correlations[keep], same], ignore_index=True)
    found = correlation_table(dataclasses.replace(linked, correlations=table))
    assert list(found.subsets) == ["all models"]


# What is missing


def test_all_files_are_written_and_named(tmp_path):
    one_of_each = {"measures": brains(voxels=("nh2015",)), "tasks": TASKS[:2]}
    results, linked = made_up(NAMES[:4], controls=1, **one_of_each)
    before = dict(mpl.rcParams)
    paths = write_paper_figures(results, linked, tmp_path / "new" / "folder")
    assert names_of(paths) == [
        "figure2.pdf", "figure3.pdf", "figure4.pdf", "figure6.pdf", "table1.pdf", "table1.csv",
        "table1.tex",
    ]  # fmt: skip
    assert sorted(names_of(paths)) == sorted(names_of((tmp_path / "new" / "folder").iterdir()))
    assert dict(mpl.rcParams) == before
    for path in paths[:5]:
        content = path.read_bytes()
        assert content.startswith(b"%PDF")
        assert b"/FontFile2" in content  # TrueType, embedded
        assert b"/Type3" not in content
        assert b"CreationDate" not in content


def left_out(caplog):
    return [record.getMessage().split(" ")[0] for record in caplog.records]


@pytest.fixture
def said(caplog):
    caplog.set_level(logging.WARNING, logger="heschl")
    return caplog


def test_without_tasks_there_is_no_figure_6_and_no_table(tmp_path, said):
    paths = write_paper_figures(*made_up(NAMES[:4], tasks=()), tmp_path, formats=["svg"])
    assert names_of(paths) == ["figure2.svg", "figure3.svg", "figure4.svg"]
    assert left_out(said) == ["figure6", "table1"]


def test_components_alone_are_drawn_in_figures_2_4_and_6(tmp_path, said):
    study = made_up(NAMES[:5], measures=brains(voxels=()), tasks=TASKS[:2], controls=0)
    paths = write_paper_figures(*study, tmp_path, formats=["svg"])
    assert names_of(paths) == [
        "figure2.svg", "figure4.svg", "figure6.svg", "table1.svg", "table1.csv", "table1.tex",
    ]  # fmt: skip
    assert left_out(said) == ["figure3"]
    (figure,) = draw(bar_figures.brain_similarity, study[1])
    assert len(panels(figure)) == 6
    assert "95 % interval" in key_texts(figure)


def test_voxels_of_one_dataset(tmp_path, said):
    measures = brains(voxels=("nh2015",), components=False)
    study = made_up(NAMES[:5], measures=measures, tasks=(), controls=0)
    paths = write_paper_figures(*study, tmp_path, formats=["svg"])
    assert names_of(paths) == ["figure2.svg", "figure3.svg"]
    assert left_out(said) == ["figure4", "figure6", "table1"]


def test_one_model(tmp_path, said):
    paths = write_paper_figures(*made_up(NAMES[3:4], controls=0), tmp_path, formats=["svg"])
    assert names_of(paths) == ["figure2.svg", "figure4.svg"]
    assert left_out(said) == ["figure3", "figure6", "table1"]


def test_tasks_alone_are_nothing_to_draw(tmp_path):
    with pytest.raises(InputError, match="no model has a score on a brain"):
        write_paper_figures(*made_up(NAMES[:4], measures=[], controls=0), tmp_path / "none")
    assert not (tmp_path / "none").exists()


# Formats, and the same bytes


def test_an_unknown_format_is_refused_before_anything_is_written(tmp_path):
    with pytest.raises(UsageError, match=r"'gif'.*pdf, svg, png"):
        write_paper_figures(*made_up(NAMES[:3]), tmp_path, formats=("pdf", "gif"))
    with pytest.raises(UsageError, match="no format is given; expected"):
        write_paper_figures(*made_up(NAMES[:3]), tmp_path, formats=())
    assert not list(tmp_path.iterdir())


SMALL = {"tasks": TASKS[:2], "controls": 1, "measures": brains(voxels=("nh2015",))[:1]}


def test_the_same_numbers_give_the_same_bytes_in_another_process(tmp_path):
    formats = ("pdf", "svg", "png")
    paths = write_paper_figures(*made_up(NAMES[:5], **SMALL), tmp_path / "here", formats=formats)
    script = (
        "import sys, test_paper_figures as t\n"
        f"t.placement.N_TRIES = {placement.N_TRIES}\n"
        "study = t.made_up(t.NAMES[:5], **t.SMALL)\n"
        f"t.write_paper_figures(*study, sys.argv[1], formats={formats!r})"
    )
    environment = os.environ | {"PYTHONHASHSEED": "7", "PYTHONPATH": str(Path(__file__).parent)}
    subprocess.run(
        [sys.executable, "-c", script, str(tmp_path / "there")], env=environment, check=True
    )
    assert names_of(paths) == [
        *(f"{name}.{kind}" for name in ("figure2", "figure6", "table1") for kind in formats),
        "table1.csv",
        "table1.tex",
    ]
    for path in paths:
        assert path.read_bytes() == (tmp_path / "there" / path.name).read_bytes(), path.name
    assert (tmp_path / "here" / "figure2.png").read_bytes().startswith(b"\x89PNG")
    root = ElementTree.parse(tmp_path / "here" / "figure2.svg").getroot()
    assert root.tag.endswith("svg")
    assert root.get("width") == f"{89 / 25.4 * 72:.6f}pt"  # one column


def test_a_format_may_stand_by_itself(tmp_path):
    paths = write_paper_figures(
        *made_up(NAMES[:3], **SMALL | {"tasks": ()}), tmp_path, formats="svg"
    )
    assert names_of(paths) == ["figure2.svg"]


# Names of points


@pytest.mark.parametrize(("seed", "n_tries"), [(0, 100), (1, 0), (2, 0), (3, 0)])
def test_names_of_36_points_do_not_overlap(seed, n_tries, monkeypatch):
    monkeypatch.setattr(placement, "N_TRIES", n_tries)
    rng = np.random.default_rng(seed)
    points = np.concatenate([rng.uniform(8, 230, (12, 2)), rng.normal(150, 22, (24, 2))])
    sizes = np.stack([rng.uniform(18, 50, 36), np.full(36, 5.5)], axis=-1)
    blocked = np.array([[150.0, 2.0, 238.0, 20.0]])
    points[:12][points[:12, 1] < 25] += [0, 25]
    centers = placement.place(points, sizes, (0, 0, 240, 240), blocked=blocked)
    found = geometry.boxes(centers, sizes)
    for one, other in itertools.combinations([*found, blocked[0]], 2):
        assert one[0] >= other[2] or other[0] >= one[2] or one[1] >= other[3] or other[1] >= one[3]
    assert found.min() >= 0
    assert found.max() <= 240
    again = placement.place(points, sizes, (0, 0, 240, 240), blocked=blocked)
    np.testing.assert_array_equal(centers, again)


def test_a_single_name_is_beside_its_point():
    center = placement.place(np.array([[50.0, 50.0]]), np.array([[30.0, 6.0]]), (0, 0, 100, 100))
    box = geometry.boxes(center, np.array([[30.0, 6.0]]))[0]
    away = np.linalg.norm(np.clip([50, 50], box[:2], box[2:]) - 50)
    assert 2 < away < 4


def test_more_names_than_there_is_room_for_are_all_placed():
    points = np.tile([[10.0, 10.0], [12.0, 11.0]], (15, 1))
    centers = placement.place(points, np.full((30, 2), [30.0, 6.0]), (0, 0, 60, 30))
    assert np.isfinite(centers).all()


def test_geometry_is_that_of_a_fine_grid():
    rng = np.random.default_rng(0)
    start, end = rng.uniform(0, 10, (2, 40, 2))
    low = rng.uniform(0, 8, (30, 2))
    box = np.concatenate([low, low + rng.uniform(0.5, 3, (30, 2))], axis=-1)
    share = np.linspace(0, 1, 20001)[:, None]
    through = geometry.runs_through(start, end, box)
    far = geometry.distance(low, start[0], end)
    for i, (a, b) in enumerate(zip(start, end, strict=True)):
        on = a + share * (b - a)
        for j, (x0, y0, x1, y1) in enumerate(box):
            inside = (on[:, 0] > x0) & (on[:, 0] < x1) & (on[:, 1] > y0) & (on[:, 1] < y1)
            assert through[i, j] == inside.any()
        from_first = start[0] + share * (b - start[0])
        known = np.linalg.norm(low[0] - from_first, axis=1).min()
        assert far[i, 0] == pytest.approx(known, abs=1e-3)
    crossed = geometry.cross(start, end, low, box[:, 2:])
    for i, j in itertools.product(range(40), range(30)):
        # where the lines meet, as shares of both segments
        way = np.stack([end[i] - start[i], low[j] - box[j, 2:]], axis=-1)
        s, t = np.linalg.solve(way, low[j] - start[i])
        assert crossed[i, j] == (0 < s < 1 and 0 < t < 1)


# Words and colours


def test_names_in_print():
    assert names.model_label("encodecmae-base-st") == "ECMAE base-st"
    assert names.model_label("cochresnet50-word") == "CRN50 word"
    assert names.model_label("spectrotemporal") == "SpectroTemporal"
    assert names.model_label("mine") == "mine"
    labels = [names.model_label(name) for name in MODELS]
    assert len(set(labels)) == len(MODELS)
    assert max(map(len, labels)) <= 16


def test_protocols_are_named_only_where_there_are_several():
    rows = table(
        "measures",
        [
            measure_row("nh2015", "rsa", "all", "rho"),
            measure_row("nh2015", "rsa", "all", "rho", protocol="pepino2025-max"),
            measure_row("b2021", "rsa", "all", "rho"),
        ],
    )
    assert list(names.distinct(rows, names.panel_title).values()) == [
        "RSA, NH2015 (pepino2025)",
        "RSA, NH2015 (pepino2025-max)",
        "RSA, B2021",
    ]


@pytest.mark.parametrize(
    ("p", "text"),
    [
        (0.5, "p = 0.5"),
        (0.0449, "p = 0.045"),
        (0.001, "p = 0.001"),
        (0.000996, "p = 1.0 × 10⁻³"),
        (5.73e-14, "p = 5.7 × 10⁻¹⁴"),
        (0.0, "p = 0"),
        (np.nan, "p = –"),
    ],
)
def test_p_in_print(p, text):
    assert points.say_p(p) == text


def test_families_look_alike_in_every_study():
    def of(families):
        rows = [{"model": f"m{i}", "family": name} for i, name in enumerate(families)]
        looks = looks_of(table("models", rows))
        return {name: looks[f"m{i}"] for i, name in enumerate(families)}

    few, many = of(["BEATs", "cochdnn"]), of([one.family for one in MODELS.values()])
    assert few["BEATs"] == many["BEATs"]
    assert few["cochdnn"] == many["cochdnn"]
    assert many["hand-built"] == HAND_BUILT
    single = [many[name] for name in ("vggish", "dcase2020", "zerospeech", "deepspeech2")]
    assert set(single) == {OTHERS}
    assert of(["BEATs", "mine"])["mine"].color in COLORS
    assert of(["BEATs", None])[None] == OTHERS


def test_families_are_told_apart_with_any_colour_vision():
    """Machado, Oliveira & Fernandes (2009), severity 1; distances in CIELAB."""
    seen = {
        "all": np.eye(3),
        "protanopia": [[0.152, 1.053, -0.205], [0.115, 0.786, 0.099], [-0.004, -0.048, 1.052]],
        "deuteranopia": [[0.367, 0.861, -0.228], [0.280, 0.673, 0.047], [-0.012, 0.043, 0.969]],
        "tritanopia": [[1.256, -0.077, -0.179], [-0.078, 0.931, 0.148], [0.005, 0.691, 0.304]],
    }
    to_xyz = np.array(
        [[0.4124, 0.3576, 0.1805], [0.2126, 0.7152, 0.0722], [0.0193, 0.1192, 0.9505]]
    )

    def lab(color, matrix):
        rgb = np.array(to_rgb(color))
        linear = np.where(rgb <= 0.04045, rgb / 12.92, ((rgb + 0.055) / 1.055) ** 2.4)
        xyz = to_xyz @ np.clip(np.asarray(matrix) @ linear, 0, 1) / [0.9505, 1, 1.089]
        x, y, z = np.where(xyz > 0.008856, np.cbrt(xyz), 7.787 * xyz + 16 / 116)
        return np.array([116 * y - 16, 500 * (x - y), 200 * (y - z)])

    everything = [*COLORS, OTHERS.color, HAND_BUILT.color]
    for matrix in seen.values():
        for one, other in itertools.combinations(everything, 2):
            assert np.linalg.norm(lab(one, matrix) - lab(other, matrix)) > 15, (one, other)
    assert len({*MARKERS, OTHERS.marker, HAND_BUILT.marker}) == 8


def test_what_is_linked_from_scores_is_drawn(tmp_path):
    """From the tidy table on: the tables that `link` makes are those that are expected here."""
    rng = np.random.default_rng(0)
    measures = [*brains(), *(measure_row(name, "probe", "all", "accuracy") for name in TASKS[:2])]
    rows = [
        {
            "model": model,
            "scope": "dataset" if one["target"] == "all" else "target",
            "value": rng.uniform(0.2, 0.8),
            "provenance": "key",
            **{key: one[key] for key in ("dataset", "metric", "protocol", "target", "unit")},
        }
        for model in (*NAMES[:5], "encodecmae-base@random:0")
        for one in (measures if "@" not in model else brains())
    ]
    columns = ["model", "family", "training", "control", "base", "parameters", "hours"]
    own = [[name, MODELS[name].family, None, None, None, 1e6, 1.0] for name in NAMES[:5]]
    control = ["encodecmae-base@random:0", "encodecmae", None, "random", "encodecmae-base"]
    traits = pd.DataFrame([*own, [*control, 1e6, 1.0]], columns=columns)
    results = Results(score_table(rows), {})
    linked = link(results, traits, n_bootstrap=0)
    paths = write_paper_figures(results, linked, tmp_path, formats=["svg"])
    assert names_of(paths) == [
        "figure2.svg", "figure3.svg", "figure4.svg", "figure6.svg", "table1.svg", "table1.csv",
        "table1.tex",
    ]  # fmt: skip
    (figure,) = draw(bar_figures.brain_similarity, linked)
    known = results.scores.set_index(["model", "dataset", "metric"])["value"]
    assert len(panels(figure)) == 4
    (mark,) = with_gid(panels(figure)[0], "control:random")
    assert mark.get_xdata()[0] == known.loc[("encodecmae-base@random:0", "nh2015", "regression")]
