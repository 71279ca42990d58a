"""The report of hearing tasks: its numbers, its figures, and pages with and without them."""

from __future__ import annotations

from dataclasses import replace
from xml.etree import ElementTree

import numpy as np
import pandas as pd
import pytest
from matplotlib.colors import to_hex
from scipy.stats import norm
from sklearn.metrics import accuracy_score, average_precision_score, confusion_matrix, roc_auc_score

import test_report_browser
from heschl.errors import InputError
from heschl.report import palette, task_drawings, wording, write_report
from heschl.report.class_bars import shown_classes
from heschl.report.confusion import NAMED, plot_confusion
from heschl.report.drawings import Drawing
from heschl.report.layer_weights import plot_layer_weights
from heschl.report.page import render
from heschl.report.style import NARROW, WIDE
from heschl.report.svg import inline_svg
from heschl.report.task_bars import plot_tasks
from heschl.report.task_drawings import hearing
from heschl.report.task_numbers import chance, class_precisions, confusion_counts
from heschl.report.task_selection import task_groups
from heschl.report.task_wording import describe_confusion, describe_tasks, task_answers
from heschl.report.training_curves import plot_training
from heschl.results import ProbeDetail, Results, merge, score_table
from test_report import HOSTILE, NASTY, Page, component_results, contrast, page_of, words

MODELS = ("spectrotemporal", "cochleagram", "melspectrogram")
ANIMALS = (
    "dog", "rooster", "rain", "sea waves", "crackling fire", "crying baby", "sneezing",
    "clock tick", "helicopter", "chainsaw",
)  # fmt: skip
DIGITS = ("zero", "one", "two", "three", "four")
PROTOCOL = "pepino2025"


def grid():
    """The 16 configurations of pepino2025."""
    return [
        {"hidden": hidden, "initialization": initialization, "learning_rate": rate}
        for hidden in ("1024", "1024 + 1024")
        for initialization in ("xavier_uniform", "xavier_normal")
        for rate in (3.2e-3, 1e-3, 3.2e-4, 1e-4)
    ]


def made_up_scores(labels, outputs, prediction):
    """All units of a task, the official one first, from scikit-learn; known classes only."""
    known = labels.any(axis=0) & ~labels.all(axis=0)
    every, labels = (labels, outputs), labels[:, known]
    outputs = outputs[:, known]
    auc = roc_auc_score(labels, outputs, average="macro")
    units = {
        "mAP": average_precision_score(labels, outputs, average="macro"),
        "d_prime": np.sqrt(2) * norm.ppf(auc),
        "auc": auc,
    }
    if prediction == "multilabel":
        return units
    truth, named = (array.argmax(axis=1) for array in every)
    return {"accuracy": accuracy_score(truth, named)} | units


def made_up_labels(rng, n_clips, n_classes, prediction):
    """Balanced classes, or about one clip in four with each class, and none with the last."""
    if prediction == "multilabel":
        labels = rng.random((n_clips, n_classes)) < np.linspace(0.08, 0.45, n_classes)
        labels[np.arange(n_classes), np.arange(n_classes)] = True
        labels[:, -1] = False
        labels[-1] = False
        return labels
    return np.eye(n_classes, dtype=bool)[np.arange(n_clips) % n_classes]


def curves_of(rng, n_epochs=60, patience=20, top=0.8):
    """Learning curves of 16 configurations, each stopped ``patience`` epochs after its best."""
    epochs = np.arange(n_epochs)
    curves = np.full((16, n_epochs), np.nan)
    for i, one in enumerate(grid()):
        rise = 1 - np.exp(-epochs / (2 + 0.004 / one["learning_rate"]))
        full = (top - 0.01 * (i % 5)) * rise - 0.001 * np.maximum(epochs - 30 + i, 0)
        full = np.round(full + 0.01 * rng.standard_normal(n_epochs), 3)
        best = 0
        for epoch in range(n_epochs):
            if full[epoch] > full[best]:
                best = epoch
            if epoch - best > patience:
                break
            curves[i, epoch] = full[epoch]
    return curves


def make_probe(
    model="spectrotemporal", task="esc10", *, classes=ANIMALS, prediction="multiclass", n_folds=0,
    n_clips=200, n_layers=6, skill=3.0, seed=0, left_out=(), protocol=PROTOCOL,
):  # fmt: skip
    """One detail and its rows: the scores are those of scikit-learn on labels and outputs."""
    rng = np.random.default_rng(seed)
    labels = made_up_labels(rng, n_clips, len(classes), prediction)
    near = np.roll(labels, 1, axis=1)  # each class is most often taken for the one after it
    outputs = skill * labels + 0.4 * skill * near + rng.standard_normal(labels.shape)
    outputs = outputs.astype(np.float32)
    splits = [f"fold{i:02d}" for i in range(n_folds)] or ["test"]
    split = np.repeat(splits, n_clips // len(splits))
    in_splits = [
        made_up_scores(labels[split == one], outputs[split == one], prediction) for one in splits
    ]
    scores = {unit: float(np.mean([one[unit] for one in in_splits])) for unit in in_splits[0]}
    curves = curves_of(rng)
    configurations = pd.DataFrame(grid())
    configurations["valid_score"] = np.nanmax(curves, axis=1)
    chosen = int(configurations["valid_score"].argmax())
    valid = splits[1:] + splits[:1] if n_folds else ["valid"]
    rounds = pd.DataFrame(
        {
            "test": splits,
            "valid": valid,
            "n_train": n_clips,
            "n_valid": n_clips // 4,
            "n_test": n_clips // len(splits),
            "configuration": chosen,
            "epoch": [float(np.nanargmax(curves[chosen]) + 1 + i) for i in range(len(splits))],
            "valid_score": configurations["valid_score"][chosen],
        }
    )
    weights = rng.dirichlet(1 + 3 * np.arange(n_layers), len(splits))
    layers = tuple(f"layer{i}" for i in range(n_layers))
    key = f"key-{model}-{task}-{protocol}"
    detail = ProbeDetail(
        model=model, dataset=task, metric="probe", protocol=protocol, provenance=key,
        prediction=prediction, classes=tuple(classes), layers=layers, units=tuple(scores),
        rounds=rounds, configurations=configurations,
        clips=pd.DataFrame({"clip": [f"clip{i:04d}.wav" for i in range(n_clips)], "split": split}),
        labels=labels, outputs=outputs, layer_weights=weights, curves=curves, losses=curves * 0 + 1,
        left_out=tuple(left_out),
    )  # fmt: skip
    shared = {
        "model": model, "dataset": task, "metric": "probe", "protocol": protocol,
        "layer": layers[int(weights.mean(0).argmax())], "provenance": key,
    }  # fmt: skip
    rows = [
        shared | {"scope": "dataset", "target": "all", "unit": unit, "value": value}
        | {"low": value - 0.04, "high": min(value + 0.03, 1.0), "n_sounds": n_clips}
        for unit, value in scores.items()
    ]  # fmt: skip
    if n_folds:
        rows += [
            shared | {"scope": "fold", "target": name, "unit": unit, "value": value}
            | {"n_sounds": n_clips // n_folds}
            for name, one in zip(splits, in_splits, strict=True)
            for unit, value in one.items()
        ]  # fmt: skip
    return detail, rows


def record_of(detail):
    """The record of a probe's scores, as a study writes it."""
    return {
        "environment": {"heschl": "0.0", "numpy": "2.0"},
        "metric": "probe",
        "protocol": {"name": detail.protocol, "version": 1, "patience": 20, "max_epochs": 200},
        "uncertainty": {"n_bootstrap": 1000, "seed": 0, "level": 0.95},
        "model": {"model": detail.model, "layers": list(detail.layers), "pooling": "mean"},
        "activations": dict.fromkeys(detail.rounds["test"], "ab" * 32),
        "task": {
            "name": detail.dataset,
            "prediction": detail.prediction,
            "classes": list(detail.classes),
            "n_clips": dict.fromkeys(detail.rounds["test"], 40),
            "citation": "Piczak (2015)",
            "sounds_sha256": "cd" * 32,
            "left_out": list(detail.left_out),
        },
    }


def probe_results(**options):
    detail, rows = make_probe(**options)
    return Results(score_table(rows), {detail.provenance: record_of(detail)}, probes=(detail,))


def task_results(models=MODELS):
    """Three tasks: one in folds, one with a test split, one of several classes a clip."""
    found = []
    for i, model in enumerate(models):
        found.append(probe_results(model=model, n_folds=5, skill=3.0 - i, seed=i))
    for i, model in enumerate(models):
        digits = {"task": "fsdd", "classes": DIGITS, "n_clips": 120, "n_layers": 6}
        found.append(probe_results(model=model, skill=2.0 + i / 2, seed=10 + i, **digits))
    for i, model in enumerate(models):
        events = {"task": "events", "classes": tuple(f"event {k}" for k in range(30))}
        events |= {"prediction": "multilabel", "left_out": ("one.wav: damaged", "two.wav: empty")}
        found.append(probe_results(model=model, skill=1.2 - i / 3, seed=20 + i, **events))
    return merge(found)


@pytest.fixture(scope="module")
def three_tasks():
    return task_results()


@pytest.fixture(scope="module")
def three_section(three_tasks):
    return hearing(three_tasks)


@pytest.fixture(scope="module")
def three_page(three_tasks):
    return page_of(three_tasks)


def sections(page):
    return [attrs["id"] for tag, attrs in page.elements if tag == "section"]


def texts(figure):
    return [text.get_text() for ax in figure.axes for text in ax.texts]


def legend_of(figure):
    return [text.get_text() for text in figure.legends[0].get_texts()]


# --- numbers --------------------------------------------------------------------------------


@pytest.mark.parametrize("n_folds", [0, 5])
def test_confusion_counts_are_those_of_scikit_learn(n_folds):
    detail, _ = make_probe(n_folds=n_folds, skill=1.0)
    counts = confusion_counts(detail)
    truth, named = detail.labels.argmax(1), detail.outputs.argmax(1)
    expected = confusion_matrix(truth, named, labels=range(10))
    np.testing.assert_array_equal(counts, expected)
    assert counts.trace() / counts.sum() == accuracy_score(truth, named)


def test_several_classes_a_clip_cannot_be_confused():
    detail, _ = make_probe(prediction="multilabel")
    with pytest.raises(InputError, match="the task is multilabel; expected multiclass"):
        confusion_counts(detail)


@pytest.mark.parametrize("n_folds", [0, 4])
def test_average_precisions_of_classes_are_those_of_scikit_learn(n_folds):
    detail, _ = make_probe(prediction="multilabel", skill=0.7, n_folds=n_folds)
    detail = replace(detail, outputs=detail.outputs.round(1))  # many clips with equal outputs
    splits = detail.clips["split"].to_numpy()
    found = class_precisions(detail)
    assert np.isnan(found[-1])  # a class of no clip
    for i, value in enumerate(found[:-1]):
        expected = [
            average_precision_score(detail.labels[splits == s, i], detail.outputs[splits == s, i])
            for s in dict.fromkeys(splits)
            if detail.labels[splits == s, i].any()
        ]
        assert value == pytest.approx(np.mean(expected), abs=1e-12)


def test_chance_by_hand():
    detail, _ = make_probe()
    assert chance(detail, "accuracy") == 1 / 10  # balanced
    skewed = np.eye(3, dtype=bool)[[0, 0, 0, 1, 2]]
    assert chance(replace(detail, labels=skewed), "accuracy") == 3 / 5
    assert chance(replace(detail, labels=skewed), "mAP") == pytest.approx((3 + 1 + 1) / 15)
    several = np.array([[1, 1, 0, 1], [1, 0, 0, 1], [0, 0, 0, 1], [0, 0, 0, 1]], bool)
    multilabel = replace(detail, prediction="multilabel", labels=several)
    # the classes of no clip and of every clip have no part in it
    assert chance(multilabel, "mAP") == pytest.approx((2 / 4 + 1 / 4) / 2)
    assert chance(multilabel, "auc") == 0.5
    assert chance(multilabel, "d_prime") == 0
    assert np.isnan(chance(multilabel, "accuracy"))


@pytest.mark.parametrize(
    ("share", "text"),
    [
        (0.836, "84 %"),
        (0.435, "43 %"),  # 0.43 in a figure
        (0.0, "0 %"),
        (1.0, "100 %"),
        (0.9996, "99.9 %"),
        (0.0002, "0.1 %"),
        (0.996, "99.6 %"),
        (float("nan"), "–"),
        (None, "–"),
    ],
)
def test_percent(share, text):
    assert words(wording.percent(share)) == text


def test_scores_are_grouped_by_task_and_protocol(three_tasks):
    groups = task_groups(three_tasks)
    assert [(g.task, g.unit, len(g.scores)) for g in groups] == [
        ("esc10", "accuracy", 3),
        ("fsdd", "accuracy", 3),
        ("events", "mAP", 3),
    ]
    assert [score.folds.size for score in groups[0].scores] == [5, 5, 5]
    values = [score.value for score in groups[0].ranked]
    assert values == sorted(values, reverse=True)
    both = task_groups(merge([three_tasks, probe_results(protocol="linear")]))
    assert [(g.task, g.protocol) for g in both][-1] == ("esc10", "linear")


# --- figures --------------------------------------------------------------------------------


@pytest.mark.parametrize("width", [WIDE, NARROW])
def test_bars_intervals_folds_and_chance_are_those_of_the_table(three_tasks, width):
    figure = plot_tasks(three_tasks, width=width)
    table = three_tasks.scores
    official = {"esc10": "accuracy", "fsdd": "accuracy", "events": "mAP"}
    titles = [ax.get_title(loc="left") for ax in figure.axes]
    assert titles == ["esc10: accuracy", "fsdd: accuracy", "events: mAP"]
    for ax, (task, unit) in zip(figure.axes, official.items(), strict=True):
        rows = table[(table["dataset"] == task) & (table["unit"] == unit)]
        whole, folds = rows[rows["scope"] == "dataset"], rows[rows["scope"] == "fold"]
        assert [bar.get_width() for bar in ax.patches] == whole["value"].tolist()
        assert [text.get_text() for text in ax.texts] == [f"{v:.2f}" for v in whole["value"]]
        assert [label.get_text() for label in ax.get_yticklabels()] == list(MODELS)
        assert ax.get_xlim() == (0, 1)
        ends = [tuple(line.get_xdata()) for line in ax.lines]
        assert set(zip(whole["low"], whole["high"], strict=True)) <= set(ends)
        dots = [line.get_xdata() for line in ax.lines if line.get_marker() == "o"]
        assert len(dots) == (3 if task == "esc10" else 0)
        drawn = np.concatenate(dots) if dots else []
        np.testing.assert_array_equal(drawn, folds["value"])
        dotted = [line.get_xdata()[0] for line in ax.lines if line.get_linestyle() == ":"]
        expected = [chance(one, unit) for one in three_tasks.probes if one.dataset == task]
        assert dotted == expected
        colors = [to_hex(bar.get_facecolor()) for bar in ax.patches]
        assert colors == [palette.color(f"m{i}") for i in range(3)]
    assert legend_of(figure) == ["score", "95 % interval", "a fold", "chance"]


def test_a_model_keeps_its_colour_beside_brains_and_two_protocols_are_two_panels():
    first = component_results(model="another")
    both = merge([first, probe_results(), probe_results(protocol="linear", seed=1)])
    figure = plot_tasks(both)
    titles = [ax.get_title(loc="left") for ax in figure.axes]
    assert titles == ["esc10, pepino2025: accuracy", "esc10, linear: accuracy"]
    assert to_hex(figure.axes[0].patches[0].get_facecolor()) == palette.color("m1")


def test_missing_scores_are_dashes_and_chance_needs_labels():
    results = merge([probe_results(), probe_results(model="other")])
    scores = results.scores.copy()
    scores.loc[scores["model"] == "other", "value"] = np.nan
    scores["low"] = scores["high"] = np.nan
    figure = plot_tasks(replace(results, scores=scores, probes=()))
    assert texts(figure)[1] == "–"
    assert len(figure.axes[0].patches) == 1
    assert legend_of(figure) == ["score"]


def test_d_prime_has_an_axis_of_its_own():
    detail, rows = make_probe(skill=2.0)
    rows = [row for row in rows if row["unit"] == "d_prime"]
    rows[0]["high"] = 5.0
    rows[0]["low"] = -1.0
    results = Results(score_table(rows), {}, probes=(replace(detail, units=("d_prime",)),))
    (ax,) = plot_tasks(results).axes
    assert ax.get_xlim() == pytest.approx((-1.04, 5.2))
    assert ax.get_title(loc="left") == "esc10: d′"
    (answer,) = task_answers(results)
    assert answer.before.endswith("tells the classes of esc10 from each other with a d′ of")
    assert "(95 % interval: −1.00 to 5.00; chance: 0.00)" in answer.after


def test_the_level_of_intervals_is_that_of_the_record():
    results = probe_results()
    key = results.probes[0].provenance
    record = record_of(results.probes[0])
    record["uncertainty"]["level"] = 0.9
    results = replace(results, provenance={key: record})
    assert "90 % interval" in legend_of(plot_tasks(results))
    assert "(90 % interval:" in task_answers(results)[0].after
    assert "90 % from (accuracy)" in page_of(results).rows("tasks")[0]


@pytest.mark.parametrize("width", [WIDE, NARROW])
def test_the_matrix_shows_counts_shares_and_names(width):
    detail, _ = make_probe(skill=1.5)
    figure = plot_confusion(detail, width=width)
    (ax,) = figure.axes
    counts = confusion_counts(detail)
    found = {t.get_position(): t.get_text() for t in ax.texts if "%" not in t.get_text()}
    expected = {(j, i): str(n) for (i, j), n in np.ndenumerate(counts) if n}
    right = [t.get_text() for t in ax.texts if "%" in t.get_text()]
    shares = np.diag(counts) / counts.sum(axis=1)
    assert len(found) + len(right) == len(ax.texts)
    assert found == expected
    assert right == [wording.percent(share) for share in shares]
    for labels in (ax.get_yticklabels(), ax.get_xticklabels()):
        shortened = [text.get_text().partition("…")[0] for text in labels]
        assert all(name.startswith(text) for name, text in zip(ANIMALS, shortened, strict=True))
    assert figure.get_figwidth() <= width


def test_shades_are_square_roots_of_shares():
    detail, _ = make_probe(skill=1.5)
    counts = confusion_counts(detail)
    shares = counts / counts.sum(axis=1, keepdims=True)
    (ax,) = plot_confusion(detail).axes
    found = np.zeros_like(shares)
    for patch in ax.patches:
        corners = patch.get_path().vertices.reshape(-1, 5, 2)
        for column, row in (
            corners.mean(axis=1, where=[[[True]] * 4 + [[False]]]).round().astype(int)
        ):
            assert found[row, column] == 0
            found[row, column] = patch.get_alpha()
    assert (found >= np.sqrt(shares) - 1e-12).all()
    assert (found - np.sqrt(shares) <= 1 / 20 + 1e-12).all()
    np.testing.assert_array_equal(found > 0, counts > 0)


@pytest.mark.parametrize(
    ("n_classes", "width", "rows", "columns"),
    [(NAMED, WIDE, True, True), (NAMED, NARROW, True, False), (NAMED + 1, WIDE, False, False)],
)
def test_names_are_written_where_they_fit(n_classes, width, rows, columns):
    classes = tuple(f"class {k}" for k in range(n_classes))
    detail, _ = make_probe(classes=classes, n_clips=4 * n_classes)
    (ax,) = plot_confusion(detail, width=width).axes
    named = [
        {text.get_text() for text in labels} >= set(classes)
        for labels in (ax.get_yticklabels(), ax.get_xticklabels())
    ]
    assert named == [rows, columns]


def test_classes_without_clips_have_no_share():
    detail, _ = make_probe(n_clips=8)
    (ax,) = plot_confusion(detail).axes
    right = [t.get_text() for t in ax.texts if t.get_position()[0] > 1 and t.get_text() == "–"]
    assert len(right) == 2


def test_precisions_are_sorted_bars_with_their_chance():
    detail, _ = make_probe(prediction="multilabel", skill=0.6)
    (ax,) = plot_confusion(detail).axes
    precisions = class_precisions(detail)
    expected = np.sort(precisions[np.isfinite(precisions)])[::-1]
    np.testing.assert_array_equal([bar.get_width() for bar in ax.patches], expected)
    order = np.argsort(-precisions[:-1])
    assert [t.get_text() for t in ax.get_yticklabels()] == [ANIMALS[i] for i in order]
    dotted = [line.get_xdata()[0] for line in ax.lines if line.get_linestyle() == ":"]
    np.testing.assert_array_equal(dotted, detail.labels.mean(axis=0)[order])
    mean = next(line for line in ax.lines if line.get_linestyle() == "--")
    assert mean.get_xdata()[0] == pytest.approx(np.nanmean(precisions))
    # of one split, that is the official score
    official = task_groups(probe_results(prediction="multilabel", skill=0.6))[0].scores[0].value
    known = detail.labels.any(axis=0)
    sklearn = average_precision_score(detail.labels[:, known], detail.outputs[:, known])
    assert mean.get_xdata()[0] == pytest.approx(sklearn)
    assert official == pytest.approx(sklearn)


def test_of_many_classes_the_best_and_the_worst_are_drawn():
    classes = tuple(f"event {k}" for k in range(40))
    detail, _ = make_probe(prediction="multilabel", classes=classes)
    precisions = class_precisions(detail)
    chosen = shown_classes(precisions)
    order = np.argsort(-precisions[:-1], kind="stable")
    assert chosen == [*order[:12], *order[-12:]]
    (ax,) = plot_confusion(detail).axes
    assert [bar.get_width() for bar in ax.patches] == precisions[chosen].tolist()
    assert "… 15 more …" in [text.get_text() for text in ax.get_yticklabels()]


def test_figures_of_no_class_are_refused():
    detail, _ = make_probe()
    for prediction in ("multiclass", "multilabel"):
        empty = replace(detail, prediction=prediction, labels=np.zeros_like(detail.labels))
        with pytest.raises(InputError, match="no class can be scored"):
            plot_confusion(empty)


@pytest.mark.parametrize("width", [WIDE, NARROW])
def test_lines_are_mean_shares_and_bands_the_extremes(three_tasks, width):
    figure = plot_layer_weights(three_tasks.probes, width=width)
    panels = [ax for ax in figure.axes if ax.get_visible()]
    assert [ax.get_title(loc="left") for ax in panels] == list(MODELS)
    for ax, model in zip(panels, MODELS, strict=True):
        mine = [one for one in three_tasks.probes if one.model == model]
        for line, one in zip(ax.lines, mine, strict=False):
            np.testing.assert_allclose(line.get_ydata(), one.layer_weights.mean(axis=0))
        np.testing.assert_allclose(ax.lines[3].get_ydata(), [1 / 6, 1 / 6])
        (band,) = ax.collections  # only one task has several rounds
        height = band.get_paths()[0].vertices[:, 1]
        assert height.min() == pytest.approx(mine[0].layer_weights.min())
        assert height.max() == pytest.approx(mine[0].layer_weights.max())
    assert legend_of(figure) == ["esc10", "fsdd", "events", "range over folds", "equal shares"]


def test_a_single_layer_has_no_shares():
    detail, _ = make_probe(n_layers=1)
    for details in ([], [detail]):
        with pytest.raises(InputError, match="at least two layers"):
            plot_layer_weights(details)


@pytest.mark.parametrize("width", [WIDE, NARROW])
def test_curves_are_drawn_to_their_end_and_the_chosen_one_last(width):
    detail, _ = make_probe(n_folds=5)
    figure = plot_training(detail, width=width)
    (ax,) = figure.axes
    lines = [line for line in ax.lines if line.get_linestyle() != "None"]
    marks = [line for line in ax.lines if line.get_linestyle() == "None"]
    assert len(lines) == len(marks) == 16
    chosen = detail.rounds["configuration"][0]
    order = [row for row in range(16) if row != chosen] + [chosen]
    for line, point, row in zip(lines, marks, order, strict=True):
        curve = detail.curves[row][np.isfinite(detail.curves[row])]
        np.testing.assert_array_equal(line.get_ydata(), curve)
        np.testing.assert_array_equal(line.get_xdata(), np.arange(1, len(curve) + 1))
        best = detail.rounds["epoch"][0] if row == chosen else curve.argmax() + 1
        assert point.get_xdata()[0] == best
        assert point.get_ydata()[0] == curve[int(best) - 1]
    widths = [line.get_linewidth() for line in lines]
    assert max(widths[:-1]) < widths[-1]
    # each configuration looks different
    looks = {
        (line.get_color(), line.get_linestyle(), point.get_marker())
        for line, point in zip(lines, marks, strict=True)
    }
    assert len(looks) == 16
    one = grid()[chosen]
    values = f"{one['learning_rate']:g}, {one['hidden']}, {one['initialization']}"
    assert legend_of(figure) == [
        f"chosen: {values}",
        *(f"learning rate {rate}" for rate in ("0.0032", "0.001", "0.00032", "0.0001")),
        "hidden 1024",
        "hidden 1024 + 1024",
        "initialization xavier_uniform",
        "initialization xavier_normal",
    ]


def without_epochs(**options):
    """What a protocol gives that trains nothing in epochs and takes one layer."""
    results = probe_results(protocol="linear", **options)
    (detail,) = results.probes
    rounds = detail.rounds.assign(epoch=np.nan)
    shares = np.zeros_like(detail.layer_weights)
    shares[:, 2] = 1
    nothing = np.empty((16, 0))
    detail = replace(detail, rounds=rounds, layer_weights=shares, curves=nothing, losses=nothing)
    return replace(results, probes=(detail,))


def test_what_is_not_trained_in_epochs_has_no_curves():
    (detail,) = without_epochs().probes
    with pytest.raises(InputError, match="esc10, linear: nothing was trained in epochs"):
        plot_training(detail)


def test_figures_of_tasks_need_tasks():
    with pytest.raises(InputError, match="no scores of hearing tasks"):
        plot_tasks(component_results())


# --- words ----------------------------------------------------------------------------------


def whole(share):
    """Whole percents, rounded as the figures round."""
    return f"{share:.2f}".removeprefix("0.").lstrip("0")


def test_a_sentence_for_each_task_with_the_others_behind(three_tasks, three_page):
    esc, fsdd, events = task_answers(three_tasks)
    table = three_tasks.scores
    table = table[(table["dataset"] == "esc10") & (table["unit"] == "accuracy")]
    rows = table[table["scope"] == "dataset"].set_index("model").to_dict(orient="index")
    row, other = rows["spectrotemporal"], rows["cochleagram"]
    assert words(esc.value) == f"{whole(row['value'])} %"
    assert esc.kind == "accuracy, the highest of 3 models"
    sentence = f"{esc.before} {esc.value} {esc.after}"
    assert words(sentence) == (
        f"spectrotemporal names the right class of esc10 for {whole(row['value'])} % of the "
        f"clips (95 % interval: {whole(row['low'])} to {whole(row['high'])} %; "
        "chance: 10 %)."
    )
    assert words(esc.notes[0]).startswith(f"cochleagram: {whole(other['value'])} % (")
    assert dict(esc.facts) == {
        "Clips tested": "200", "Classes": "10", "Folds": "5", "Protocol": PROTOCOL,
    }  # fmt: skip
    assert "Folds" not in dict(fsdd.facts)
    assert events.before == (
        "spectrotemporal finds the classes of events with a mean average precision of"
    )
    assert events.notes[-1] == "2 clips were left out: one.wav: damaged; two.wav: empty."
    text = words(three_page.text)
    for answer in (esc, fsdd, events):
        assert words(f"{answer.before} {answer.value} {answer.after}") in text
        assert all(words(note) in text for note in answer.notes)


def test_clips_left_out_are_counted_and_the_first_named():
    many = tuple(f"clip{i}.wav: damaged" for i in range(5))
    results = merge([probe_results(left_out=many), probe_results(model="other", seed=1)])
    (answer,) = task_answers(results)
    assert answer.notes[-1] == (
        "5 clips were left out for spectrotemporal: clip0.wav: damaged; clip1.wav: damaged; "
        "clip2.wav: damaged; and 2 more."
    )
    (alone,) = task_answers(probe_results(left_out=many[:1]))
    assert alone.notes == ("1 clip was left out: clip0.wav: damaged.",)


def test_of_many_models_only_the_next_ones_are_named():
    results = merge([probe_results(model=f"m{i}", seed=i, skill=3 - i / 5) for i in range(9)])
    (answer,) = task_answers(results)
    assert len(answer.notes) == 7
    assert answer.notes[-1] == "2 more models in the table of scores."


def test_models_without_a_score_are_said():
    results = merge([probe_results(), probe_results(model="other")])
    scores = results.scores.copy()
    scores.loc[scores["model"] == "other", "value"] = np.nan
    (answer,) = task_answers(replace(results, scores=scores))
    assert answer.notes == ("other has no score.",)
    scores["value"] = np.nan
    nothing = replace(results, scores=scores)
    (answer,) = task_answers(nothing)
    assert (answer.value, answer.before, answer.after) == (
        "–",
        "No model has a score on esc10.",
        "",
    )
    page = page_of(nothing)
    assert "There is nothing to draw: no model has a score on a task." in words(page.text)
    assert not [tag for tag, _ in page.elements if tag == "figure"]


def test_figures_are_described_for_those_who_cannot_see_them(three_tasks):
    told = words(describe_tasks(three_tasks))
    group = task_groups(three_tasks)[2]
    best = group.scores[0]
    assert f"events, pepino2025, mAP: spectrotemporal {best.value:.2f} (95 % interval" in told
    detail = three_tasks.probes[0]
    counts = confusion_counts(detail)
    text = describe_confusion(detail)
    assert f"{counts.trace()} of {counts.sum()} clips are named correctly" in text
    wrong = counts - np.diag(np.diag(counts))
    i, j = np.unravel_index(wrong.argmax(), wrong.shape)
    assert f"confused: {ANIMALS[i]} named as {ANIMALS[j]} ({wrong[i, j]} of 20)" in text
    events = three_tasks.probes[-1]
    precisions = class_precisions(events)
    best, worst = np.nanargmax(precisions), np.nanargmin(precisions)
    text = describe_confusion(events)
    assert f"Best: event {best} {precisions[best]:.2f}," in text
    assert f"Worst: event {worst} {precisions[worst]:.2f}," in text


# --- the page -------------------------------------------------------------------------------


def test_only_tasks(three_page):
    page = three_page
    assert sections(page) == ["answer", "tasks-section", "table-section", "method-section"]
    links = [a["href"] for t, a in page.elements if t == "a" and a["href"].endswith("-section")]
    assert links == ["#tasks-section", "#table-section", "#method-section"]
    assert "How well do these 3 models hear?" in page.text
    assert "How well does spectrotemporal hear?" in page_of(probe_results()).text
    assert "variance" not in page.text
    assert "nothing to" not in page.text
    assert list(page.tables) == ["tasks"]


def test_only_brains():
    page = page_of(component_results())
    assert "tasks-section" not in sections(page)
    assert "hear?" not in page.text
    assert "tasks" not in page.tables
    assert hearing(component_results()) is None


def test_tasks_and_brains():
    both = merge([component_results(), task_results(MODELS[:1])])
    page = page_of(both)
    assert sections(page) == [
        "answer", "scores-section", "predictions-section", "tasks-section", "table-section",
        "sounds-section", "method-section",
    ]  # fmt: skip
    assert "How brain-like is spectrotemporal, and how well does it hear?" in page.text
    several = merge([both, probe_results(model="other")])
    title = "How brain-like are these 2 models, and how well do they hear?"
    assert wording.title(several) == title
    assert list(page.tables) == ["scores", "tasks", "sounds-0"]
    assert len(page.rows("scores")) == 6
    assert "accuracy" not in page.rows("scores")[0]
    assert "There is nothing" not in page.text
    alone = page_of(component_results())
    assert page.rows("scores") == alone.rows("scores")


def test_the_table_has_every_score_with_its_unit(three_tasks, three_page):
    rows = three_page.rows("tasks")
    table = three_tasks.scores
    assert len(rows) == 3 * 3 + 3 * 5
    units = {"accuracy": "accuracy", "mAP": "mAP", "d′": "d_prime", "AUC": "auc"}
    seen = 0
    for row in rows:
        text = {name: cell["text"] for name, cell in row.items()}
        mine = table[
            (table["model"] == text["Model"])
            & (table["dataset"] == text["Task"])
            & (table["scope"] == text["Scope"])
            & (table["target"] == text["Target"])
        ].set_index("unit")
        for label, unit in units.items():
            if unit in mine.index:
                assert float(row[label]["data-v"]) == mine.loc[unit, "value"]
                assert text[label] == f"{mine.loc[unit, 'value']:.3f}"
                seen += 1
            else:
                assert text[label] == "–"
        official = mine.loc[units[text["Official"]]]
        if text["Scope"] == "dataset":
            assert float(row["95 % from (official)"]["data-v"]) == official["low"]
            assert float(row["to"]["data-v"]) == official["high"]
        assert text["Clips"] == str(official["n_sounds"])
    assert seen == len(table)
    assert [row["Scope"]["text"] for row in rows] == ["dataset"] * 9 + ["fold"] * 15


def test_tasks_of_one_official_score_have_it_in_the_heading():
    row = page_of(probe_results()).rows("tasks")[0]
    assert "95 % from (accuracy)" in row
    assert "Official" not in row


def test_the_record_of_a_probe_is_readable(three_page):
    text = words(three_page.text)
    assert "spectrotemporal on esc10, pepino2025" in text
    for part in ("Piczak (2015)", "30 values", "prediction multilabel", "fold03 " + "ab" * 32):
        assert part in text


def all_drawings(section):
    return [*section.drawings, *(one for part in section.parts for one in part.drawings)]


def test_nothing_is_drawn_twice(three_section):
    drawings = all_drawings(three_section)
    assert all(isinstance(one, Drawing) for one in drawings)
    # scores, layers, a figure of classes and one of training for each model and task
    assert len(drawings) == 1 + 1 + 9 + 9
    assert len({one.wide for one in drawings}) == len(drawings)


def test_results_merged_with_themselves_are_drawn_once():
    one = probe_results(n_folds=5)
    twice = merge([one, one])
    assert hearing(twice) == hearing(one)
    assert task_answers(twice) == task_answers(one)


def test_ids_are_unique():
    page = page_of(merge([component_results(), task_results(MODELS[:1])]))
    ids = [attrs["id"] for _, attrs in page.elements if "id" in attrs]
    assert len(ids) == len(set(ids))


def test_parts_are_folded_where_there_are_many(three_section):
    parts = three_section.parts
    assert [part.title for part in parts] == [
        "esc10, pepino2025: which classes are confused",
        "fsdd, pepino2025: which classes are confused",
        "events, pepino2025: which classes are found",
        "How the probes were trained",
    ]
    assert not any(part.is_open for part in parts)
    few = hearing(probe_results()).parts
    assert [part.is_open for part in few] == [True, False]


def test_of_many_models_the_best_are_drawn(monkeypatch):
    monkeypatch.setattr(task_drawings, "MAX_MODELS", 2)
    results = merge([probe_results(model=f"m{i}", seed=i, skill=1 + i) for i in range(3)])
    part, training = hearing(results).parts
    assert [one.title.partition(" ")[0] for one in part.drawings] == ["m2", "m1"]
    assert part.note.startswith("The 2 best of 3 models;")
    assert len(training.drawings) == 2


def test_a_probe_of_one_layer_without_epochs_has_bars_and_classes_only():
    section = hearing(without_epochs(n_folds=5))
    assert [one.title for one in section.drawings] == ["Scores"]
    (part,) = section.parts
    assert len(part.drawings) == 1


def test_scores_without_details_have_bars_only(three_tasks):
    section = hearing(replace(three_tasks, probes=()))
    assert [one.title for one in section.drawings] == ["Scores"]
    assert section.parts == ()
    assert len(task_answers(replace(three_tasks, probes=()))) == 3


def test_captions_say_which_classes_are_drawn(three_section):
    assert three_section.parts[2].drawings[0].caption == (
        "Average precision of the 12 classes that are found best, and of the 12 worst. "
        "1 class is left out, which no tested clip has, or every one."
    )
    caption = three_section.parts[0].drawings[0].caption
    assert "at the right, the share named correctly. Most often confused: " in caption


def test_captions_say_what_was_chosen_and_kept():
    detail, _ = make_probe(n_folds=5)
    caption = all_drawings(hearing(probe_results(n_folds=5)))[-1].caption
    one = grid()[detail.rounds["configuration"][0]]
    assert (
        f"(hidden {one['hidden']}, initialization {one['initialization']}, learning rate "
        f"{one['learning_rate']:g})" in caption
    )
    epochs = ", ".join(f"{epoch:.0f}" for epoch in detail.rounds["epoch"])
    assert caption.endswith(f"the epochs kept are {epochs}.")
    assert caption.startswith("Accuracy on fold01 after each epoch, for 16 configurations;")


def test_the_same_results_give_the_same_page_after_saving(tmp_path):
    results = task_results(MODELS[:1])
    first = write_report(results, tmp_path / "a.html")
    again = Results.load(results.save(tmp_path / "run"))
    second = write_report(again, tmp_path / "b.html")
    assert first.read_bytes() == second.read_bytes()


def test_names_of_clipped_areas_do_not_depend_on_memory(three_tasks):
    text = inline_svg(plot_tasks(three_tasks), prefix="p", label="")
    root = ElementTree.fromstring(text)
    areas = [element.get("id") for element in root.iter("clipPath")]
    assert areas == [f"p-clip{i}" for i in range(3)]
    used = {element.get("clip-path") for element in root.iter()} - {None}
    assert used == {f"url(#{area})" for area in areas}


def hostile_probes():
    names = (HOSTILE, NASTY, "_hidden", "$x^2$", "a" * 200, "{{ 7*7 }}")
    options = {"classes": names, "left_out": (NASTY, HOSTILE), "n_folds": 3, "n_clips": 60}
    results = probe_results(model=HOSTILE, task=NASTY, protocol=HOSTILE, **options)
    (detail,) = results.probes
    configurations = detail.configurations.rename(columns={"hidden": HOSTILE})
    configurations[HOSTILE] = [NASTY] * 8 + [HOSTILE] * 8
    layers = (HOSTILE, NASTY, *detail.layers[2:])
    changed = replace(
        detail,
        layers=layers,
        configurations=configurations,
        rounds=detail.rounds.assign(valid=NASTY, test=HOSTILE),
    )
    return replace(results, probes=(changed,))


def test_hostile_names_are_text():
    results = hostile_probes()
    text = render(results, clips={}, command=f"heschl probe '{HOSTILE}'")
    page, plain = Page(text), Page(render(probe_results(), clips={}))
    assert len(page.scripts) == len(plain.scripts)
    assert "<script>alert" not in text
    assert "<img" not in text
    row = page.rows("tasks")[0]
    assert row["Model"]["text"] == HOSTILE
    assert row["Task"]["text"] == NASTY
    assert f"How well does {HOSTILE} hear?" in page.text
    assert "_hidden" in text
    assert "$x^2$" in text
    policy = next(a["content"] for t, a in page.elements if a.get("http-equiv"))
    assert policy.startswith("default-src 'none'; ")


def test_counts_can_be_read_on_every_shade():
    for dark in (0, 1):
        paper, ink, heat = (palette.ALL[name][dark] for name in ("paper", "ink", "heat"))
        assert contrast(ink, heat) >= 4.5
        assert contrast(ink, paper) >= 4.5


# --- in a browser ---------------------------------------------------------------------------

browser = test_report_browser.browser


@pytest.fixture(scope="module")
def pages(tmp_path_factory, three_tasks):
    """Pages as files: tasks only, tasks beside brains, hostile names."""
    folder = tmp_path_factory.mktemp("pages")
    both = merge([component_results(), task_results(MODELS[:1])])
    return {
        "tasks": write_report(three_tasks, folder / "tasks.html"),
        "both": write_report(both, folder / "both.html"),
        "hostile": write_report(hostile_probes(), folder / "hostile.html"),
    }


@pytest.mark.browser
@pytest.mark.enable_socket
@pytest.mark.parametrize("scheme", ["light", "dark"])
@pytest.mark.parametrize("width", [1280, 360])
@pytest.mark.parametrize("name", ["tasks", "both", "hostile"])
def test_every_page_of_tasks_can_be_read(browser, pages, name, width, scheme):
    troubles = []
    with browser.new_context(
        viewport={"width": width, "height": 900}, color_scheme=scheme
    ) as context:
        page = context.new_page()
        page.on("console", lambda message: troubles.append(message.text))
        page.on("pageerror", lambda error: troubles.append(str(error)))
        page.on("dialog", lambda dialog: troubles.append(dialog.message))
        page.goto(pages[name].as_uri())
        parts = page.locator("#tasks-section details")
        for part in parts.all():
            if part.get_attribute("open") is None:
                part.locator("summary").focus()
                page.keyboard.press("Enter")
            assert part.get_attribute("open") is not None
        widths = page.evaluate("[document.documentElement.scrollWidth, document.body.scrollWidth]")
        assert max(widths) <= width
        shown = "narrow" if width == 360 else "wide"
        drawings = page.locator("#tasks-section svg:visible")
        assert drawings.count() == page.locator(f"#tasks-section .{shown} svg").count() >= 4
        for svg in drawings.all():
            box = svg.bounding_box()
            assert box["x"] >= 0
            assert box["x"] + box["width"] <= width
            assert box["height"] > 100
        _check_texts(page, shown)
    assert troubles == []


def _check_texts(page, shown):
    """No text of a figure is small, faint, or cut off at the edge of its drawing."""
    card = page.locator(".card").first.evaluate("e => getComputedStyle(e).backgroundColor")
    found = page.locator(f"#tasks-section .{shown} svg").evaluate_all(
        """svgs => svgs.flatMap(svg => {
          const frame = svg.getBoundingClientRect();
          return Array.from(svg.querySelectorAll("text"), text => {
            const box = text.getBoundingClientRect();
            const over = Math.max(frame.left - box.left, box.right - frame.right,
                                  frame.top - box.top, box.bottom - frame.bottom);
            return [text.textContent, Math.min(box.width, box.height), over,
                    getComputedStyle(text).fill];
          });
        })"""
    )
    to_hex = test_report_browser.to_hex
    assert len(found) > 50
    for text, size, over, color in found:
        assert size >= 4 if len(text.strip()) == 1 else size >= 9, text
        assert over <= 2, text
        assert contrast(to_hex(color), to_hex(card)) >= 4.5, text
