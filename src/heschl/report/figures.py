"""Figures of results: matplotlib figures made without pyplot, so that nothing global changes."""

from __future__ import annotations

import unicodedata
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any

import matplotlib as mpl
import numpy as np
from matplotlib.artist import Artist
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.lines import Line2D
from matplotlib.patches import Patch
from matplotlib.ticker import MaxNLocator
from numpy.typing import NDArray

from heschl.errors import InputError
from heschl.report import selection
from heschl.report.palette import category_color, category_marker, color, model_color
from heschl.report.selection import Analysis
from heschl.results import Detail, Results

#: Widths of a figure in inches: for a page, and for a phone.
WIDE, NARROW = 9.0, 3.65

#: Of more values than this, so many quantiles are drawn as dots.
MAX_DOTS = 60
#: More published models than this are drawn as marks, not as bars of their own.
MAX_PUBLISHED = 3

#: Names come from users: no character of them is markup (``text.parse_math``).
STYLE: dict[Any, Any] = {
    "text.parse_math": False,
    "figure.constrained_layout.w_pad": 0.06,
    "figure.constrained_layout.h_pad": 0.06,
    "text.color": color("ink"),
    "font.family": "sans-serif",
    "font.sans-serif": ["DejaVu Sans"],
    "font.size": 9.0,
    "axes.edgecolor": color("rule"),
    "axes.labelcolor": color("muted"),
    "axes.titlecolor": color("ink"),
    "axes.titlesize": 9.0,
    "axes.titleweight": "bold",
    "axes.titlelocation": "left",
    "axes.facecolor": "none",
    "axes.spines.top": False,
    "axes.spines.right": False,
    "axes.axisbelow": True,
    "xtick.color": color("rule"),
    "ytick.color": color("rule"),
    "xtick.labelcolor": color("muted"),
    "ytick.labelcolor": color("muted"),
    "grid.color": color("rule"),
    "grid.linewidth": 0.6,
    "legend.frameon": False,
    "legend.labelcolor": color("ink"),
    "hatch.linewidth": 0.6,
    "svg.fonttype": "none",
    "svg.hashsalt": "heschl",
}


@contextmanager
def style() -> Iterator[None]:
    """Draw in the style of the report, whatever the user's matplotlibrc says."""
    with mpl.rc_context():
        mpl.rcdefaults()
        mpl.rcParams.update(STYLE)
        yield


@dataclass(frozen=True)
class _Bar:
    """One bar: a score of a model, or a published one."""

    value: float
    color: str
    published: bool = False
    spread: NDArray[np.float64] | None = None
    stderr: float = float("nan")


@dataclass(frozen=True)
class _Row:
    """The bars of one target, listener or region, with what they have in common."""

    label: str
    bars: tuple[_Bar, ...]
    ceiling: float = float("nan")
    others: tuple[float, ...] = ()


@dataclass(frozen=True)
class _Panel:
    """Rows under one title."""

    title: str
    rows: tuple[_Row, ...]

    @property
    def n_bars(self) -> int:
        return max((len(row.bars) for row in self.rows), default=0)


@dataclass(frozen=True)
class _Published:
    """Published scores of a dataset: those drawn as bars, and the rest."""

    bars: Mapping[str, Mapping[str, float]] = field(default_factory=dict)
    others: tuple[Mapping[str, float], ...] = ()

    def of(self, label: str, *, empty: bool = True) -> tuple[_Bar, ...]:
        """Bars of one target; where ``empty``, also those without a value, to keep the order."""
        values = [scores.get(label, float("nan")) for scores in self.bars.values()]
        return tuple(
            _Bar(value, "muted", published=True) for value in values if empty or np.isfinite(value)
        )

    def rest(self, label: str) -> tuple[float, ...]:
        return tuple(scores[label] for scores in self.others if label in scores)


def plot_scores(results: Results, *, width: float = WIDE) -> Figure:
    """Draw the r2 of every model beside what was published and what could be reached.

    Datasets of up to 12 targets: one bar for each target and model. Larger ones: the median of
    each listener, and of each region where known, with dots for the distribution over targets.

    Parameters
    ----------
    results : Results
        With details.
    width : float, optional
        In inches.

    Returns
    -------
    matplotlib.figure.Figure
        Not known to pyplot; show it in a notebook, or call its ``savefig``.

    Raises
    ------
    InputError
        If the results hold no details, or not one score.
    """
    groups = selection.analyses(results)
    if not groups:
        raise InputError(
            "the results hold no details, so there is nothing to draw; expected the results of "
            "a run, or those of Results.load(folder)"
        )
    if not any(np.isfinite(one.r2).any() for one in results.details):
        raise InputError(
            "every target of every model was left out, so there is nothing to draw; expected at "
            "least one finite r2"
        )
    models = selection.model_names(results)
    panels = [
        panel for group in groups for panel in _panels(results, group, models, len(groups) > 1)
    ]
    with style():
        return _draw_panels(panels, models, groups, width)


def plot_predictions(detail: Detail, *, width: float = WIDE) -> Figure:
    """Draw predicted against measured responses, one panel for each of a few targets.

    Which targets: `heschl.report.selection.shown_targets`. Each dot is a sound that the model was
    not fitted to; colour and shape are its category. The dashed line is where both are equal.

    Parameters
    ----------
    detail : Detail
    width : float, optional
        In inches.

    Returns
    -------
    matplotlib.figure.Figure

    Raises
    ------
    InputError
        If no target has a score.
    """
    targets = selection.shown_targets(detail)
    if not targets:
        raise InputError(
            f"{detail.model} on {detail.dataset}: no target has a score, so there is nothing to "
            "draw; expected at least one finite r2"
        )
    n_rows = -(-len(targets) // (4 if width > 6 else 2))
    n_columns = -(-len(targets) // n_rows)
    side = min(width / n_columns, 3.4)
    with style():
        figure = Figure(figsize=(width, n_rows * side * 0.92 + 0.75), layout="constrained")
        axes = figure.subplots(n_rows, n_columns, squeeze=False).ravel()
        for ax, target in zip(axes, targets, strict=False):
            _draw_predictions(ax, detail, target, short=width <= 6)
        for ax in axes[len(targets) :]:
            ax.set_axis_off()
        _label_axes(axes, n_columns, len(targets))
        names = selection.categories(detail)
        if names != ("",):
            handles = [_category_handle(i) for i in range(len(names))]
            _legend(figure, handles, [name or "no category" for name in names], width)
        return figure


def shown(name: str, limit: int = 30) -> str:
    """Return a name for a figure: control characters made visible, its middle left out if long."""
    clean = "".join("\ufffd" if unicodedata.category(c).startswith("C") else c for c in name)
    if len(clean) <= limit:
        return clean
    half = (limit - 1) // 2
    return f"{clean[:half]}…{clean[-half:]}"


# --- scores: what to draw -------------------------------------------------------------------


def _panels(
    results: Results, group: Analysis, models: Sequence[str], with_dataset: bool
) -> Iterator[_Panel]:
    """Yield the panels of one dataset; its name is in the titles if there are several."""
    published = _published(group)
    prefix = f"{shown(group.dataset)}: " if with_dataset else ""
    colors = [model_color(models.index(one.model)) for one in group.details]
    if group.few:
        rows = [
            _target_row(results, group, name, colors, published) for name in _all_targets(group)
        ]
        yield _Panel(f"{prefix}Each {selection.noun(results, group.details[0])}", tuple(rows))
        return
    several = any(selection.members(detail, "listener") for detail in group.details)
    title = "All listeners (mean)" if several else "All (median)"
    yield _Panel(prefix + title, (_dataset_row(results, group, colors, published),))
    for column in ("listener", "region"):
        rows = _group_rows(results, group, column, colors, published)
        if rows:
            yield _Panel(f"{prefix}Each {column} (median)", tuple(rows))


def _published(group: Analysis) -> _Published:
    """Choose which published models get bars: all of a few, else those that were run here."""
    found: dict[str, Mapping[str, float]] = {}
    for detail in group.details:
        found.update(detail.published)
    found = dict(sorted(found.items()))
    if len(found) <= MAX_PUBLISHED:
        return _Published(found)
    here = {detail.model for detail in group.details}
    bars = {name: scores for name, scores in found.items() if name in here}
    return _Published(bars, tuple(scores for name, scores in found.items() if name not in here))


def _all_targets(group: Analysis) -> list[str]:
    names = [name for detail in group.details for name in selection.target_names(detail)]
    return list(dict.fromkeys(names))


def _target_row(
    results: Results,
    group: Analysis,
    name: str,
    colors: Sequence[str],
    published: _Published,
) -> _Row:
    bars, limits = [], []
    for detail, paint in zip(group.details, colors, strict=True):
        values = dict(zip(selection.target_names(detail), detail.r2, strict=True))
        limit = dict(zip(values, selection.ceilings(results, detail), strict=True))
        bars.append(_Bar(float(values.get(name, np.nan)), paint))
        limits.append(limit.get(name, np.nan))
    return _Row(
        name, tuple(bars) + published.of(name), selection.mean(limits), published.rest(name)
    )


def _dataset_row(
    results: Results, group: Analysis, colors: Sequence[str], published: _Published
) -> _Row:
    bars, limits = [], []
    for detail, paint in zip(group.details, colors, strict=True):
        row = selection.dataset_row(results, detail)
        medians = selection.listener_medians(detail) or [selection.median(detail.r2)]
        value = selection.mean(medians) if row is None else row["value"]
        stderr = float("nan") if row is None else row["stderr"]
        bars.append(_Bar(value, paint, spread=_known(detail.r2), stderr=stderr))
        limits.append(selection.median(selection.ceilings(results, detail)))
    tail = published.of("all", empty=False)
    return _Row("all", tuple(bars) + tail, selection.mean(limits), published.rest("all"))


def _group_rows(
    results: Results,
    group: Analysis,
    column: str,
    colors: Sequence[str],
    published: _Published,
) -> list[_Row]:
    """Return a row for each listener or region; none if there are not at least two."""
    where = [selection.members(detail, column) for detail in group.details]
    names = list(dict.fromkeys(name for one in where for name in one))
    if len(names) < 2:
        return []
    limits = [selection.ceilings(results, detail) for detail in group.details]
    nothing = np.array([], np.intp)
    rows = []
    for name in names:
        bars, tops = [], []
        for detail, own, limit, paint in zip(group.details, where, limits, colors, strict=True):
            index = own.get(name, nothing)
            values = _known(detail.r2[index])
            bars.append(_Bar(selection.median(values), paint, spread=values))
            tops.append(selection.median(limit[index]))
        tail = published.of(name, empty=False)
        rows.append(_Row(name, tuple(bars) + tail, selection.mean(tops), published.rest(name)))
    return rows


def _known(values: NDArray[np.float64]) -> NDArray[np.float64]:
    return np.asarray(values[np.isfinite(values)], np.float64)


# --- scores: drawing ------------------------------------------------------------------------


def _draw_panels(
    panels: Sequence[_Panel], models: Sequence[str], groups: Sequence[Analysis], width: float
) -> Figure:
    narrow = width <= 6
    heights = [0.55 + len(panel.rows) * (0.15 + 0.19 * panel.n_bars) for panel in panels]
    figure = Figure(figsize=(width, sum(heights) + 0.75), layout="constrained")
    axes = figure.subplots(len(panels), 1, squeeze=False, height_ratios=heights, sharex=True)[:, 0]
    axes[0].set_xlim(0, _upper_limit(panels))
    for ax, panel in zip(axes, panels, strict=True):
        _draw_panel(ax, panel, narrow)
        ax.tick_params(axis="x", labelbottom=ax is axes[-1])
    axes[-1].set_xlabel("r² (share of the variance explained)")
    _legend(figure, *_score_legend(panels, models, groups), width)
    return figure


def _upper_limit(panels: Sequence[_Panel]) -> float:
    """Return the end of the axis: just above the largest value, and 1 at most if r2 is so."""
    values = [0.1]
    for row in (row for panel in panels for row in panel.rows):
        values += [row.ceiling, *row.others]
        for bar in row.bars:
            values.append(bar.value)
            values += [] if bar.spread is None else list(_dots(bar.spread))
    largest = float(np.nanmax(values))
    return min(largest * 1.04, 1.0) if largest <= 1 else largest * 1.04


def _draw_panel(ax: Axes, panel: _Panel, narrow: bool) -> None:
    n_bars = panel.n_bars
    step = n_bars + 0.8
    centers = []
    for i, row in enumerate(panel.rows):
        top = i * step
        centers.append(top + (len(row.bars) - 1) / 2)
        for j, bar in enumerate(row.bars):
            _draw_bar(ax, bar, top + j)
        bottom = top + len(row.bars) - 0.5
        if np.isfinite(row.ceiling):
            ax.plot([row.ceiling] * 2, [top - 0.5, bottom], color=color("ink"), linewidth=1.6)
        if row.others:
            ax.plot(
                row.others, [centers[-1]] * len(row.others), "d", color=color("muted"),
                markersize=3.5, markerfacecolor="none", markeredgewidth=0.8,
            )  # fmt: skip
    ax.set_yticks(centers, [shown(row.label, 18 if narrow else 34) for row in panel.rows])
    ax.set_ylim(len(panel.rows) * step - 0.9, -0.9)
    ax.set_title(panel.title)
    ax.tick_params(axis="y", length=0, labelcolor=color("ink"))
    ax.spines["bottom"].set_visible(False)
    ax.xaxis.set_major_locator(MaxNLocator(5 if narrow else 10, steps=[1, 2, 5, 10]))
    ax.grid(axis="x")


def _draw_bar(ax: Axes, bar: _Bar, y: float) -> None:
    paint = color(bar.color)
    if not np.isfinite(bar.value):
        if not bar.published:
            _write_value(ax, y, "–", color("muted"))
        return
    if bar.published:
        ax.barh(
            y,
            bar.value,
            height=0.66,
            facecolor="none",
            edgecolor=paint,
            linewidth=1.0,
            hatch="////",
        )
    else:
        faint = bar.spread is not None
        ax.barh(y, bar.value, height=0.78, color=paint, alpha=0.3 if faint else 1.0, linewidth=0)
    if bar.spread is not None:
        dots = _dots(bar.spread)
        # A golden-ratio sequence spreads the dots evenly, the same way every time.
        jitter = (np.arange(len(dots)) * 0.6180339887 % 1 - 0.5) * 0.56
        ax.plot(dots, y + jitter, "o", color=paint, markersize=2.2, markeredgewidth=0, alpha=0.75)
        ax.plot([bar.value] * 2, [y - 0.39, y + 0.39], color=paint, linewidth=2.2)
    if np.isfinite(bar.stderr):
        ends = [bar.value - bar.stderr, bar.value + bar.stderr]
        ax.plot(ends, [y, y], color=color("ink"), linewidth=1.4)
    _write_value(ax, y, f"{bar.value:.2f}", color("muted" if bar.published else "ink"))


def _write_value(ax: Axes, y: float, text: str, paint: str) -> None:
    """Write a number at the right edge, so that all of them stand in one column."""
    ax.text(
        1.012, y, text, transform=ax.get_yaxis_transform(), va="center_baseline", color=paint,
        fontsize=8.5,
    )  # fmt: skip


def _dots(values: NDArray[np.float64]) -> NDArray[np.float64]:
    """Return all values, or quantiles that stand for them."""
    if len(values) <= MAX_DOTS:
        return values
    return np.asarray(np.quantile(values, (np.arange(MAX_DOTS) + 0.5) / MAX_DOTS))


def _score_legend(
    panels: Sequence[_Panel], models: Sequence[str], groups: Sequence[Analysis]
) -> tuple[list[Artist], list[str]]:
    rows = [row for panel in panels for row in panel.rows]
    bars = [bar for row in rows for bar in row.bars]
    here = {detail.model for group in groups for detail in group.details}
    labels = [name for name in models if name in here]
    handles: list[Artist] = [Patch(color=color(model_color(models.index(m)))) for m in labels]
    named = dict.fromkeys(name for group in groups for name in _published(group).bars)
    if any(bar.published and np.isfinite(bar.value) for bar in bars):
        handles.append(Patch(facecolor="none", edgecolor=color("muted"), hatch="////"))
        labels.append(f"published: {', '.join(shown(name) for name in named)}")
    if any(row.others for row in rows):
        handles.append(_mark("d", color("muted"), fill="none"))
        labels.append("published: other models")
    if any(np.isfinite(row.ceiling) for row in rows):
        handles.append(_mark("|", color("ink"), size=10))
        labels.append("ceiling")
    if any(np.isfinite(bar.stderr) for bar in bars):
        handles.append(Line2D([], [], color=color("ink"), linewidth=1.0))
        labels.append("± standard error")
    if any(bar.spread is not None for bar in bars):
        handles.append(_mark("o", color("muted"), size=3))
        labels.append("distribution over targets")
    return handles, labels


def _mark(marker: str, paint: str, *, fill: str | None = None, size: float = 4.5) -> Line2D:
    return Line2D(
        [], [], linestyle="none", marker=marker, markersize=size, color=paint,
        markerfacecolor=paint if fill is None else fill,
    )  # fmt: skip


def _legend(figure: Figure, handles: Sequence[Artist], labels: Sequence[str], width: float) -> None:
    """Put a legend under the axes, in as many columns as there is room for."""
    texts = [shown(label, 48) for label in labels]
    room = width * 72 / (6.2 * max(len(text) for text in texts) + 34)
    legend = figure.legend(
        list(handles),
        ["-"] * len(handles),  # set below: matplotlib leaves out names that start with "_"
        loc="outside lower left",
        ncols=max(1, min(len(handles), int(room))),
        fontsize=8.5,
        handlelength=1.4,
        columnspacing=1.4,
    )
    for entry, text in zip(legend.get_texts(), texts, strict=True):
        entry.set_text(text)


# --- predictions ----------------------------------------------------------------------------


def _draw_predictions(ax: Axes, detail: Detail, target: int, *, short: bool) -> None:
    measured, predicted = detail.measured[:, target], detail.predicted[:, target]
    there = np.isfinite(measured) & np.isfinite(predicted)
    labels = np.array(selection.sound_column(detail, "category"))
    for i, name in enumerate(selection.categories(detail)):
        index = np.flatnonzero(there & (labels == name))
        if not index.size:
            continue
        points = ax.scatter(
            measured[index],
            predicted[index],
            s=17,
            marker=category_marker(i),
            color=color(category_color(i)),
            alpha=0.8,
            linewidths=0,
        )
        # The page finds the sound of each point by this (heschl.report.svg).
        points.set_gid("sounds:" + ",".join(str(k) for k in index))
    _draw_identity(ax)
    score = f"r² {detail.r2[target]:.2f}"
    name = shown(selection.target_label(detail, target), 15 if short else 24)
    ax.set_title(f"{name}  {score}", fontsize=7.5 if short else 8.5)
    ax.xaxis.set_major_locator(MaxNLocator(3))
    ax.yaxis.set_major_locator(MaxNLocator(3))
    ax.tick_params(labelsize=7.5)


def _label_axes(axes: NDArray[np.object_], n_columns: int, n_panels: int) -> None:
    """Label the panels that have none below them, and those on the left."""
    for i, ax in enumerate(axes[:n_panels]):
        if i + n_columns >= n_panels:
            ax.set_xlabel("measured", fontsize=8.5)
        if i % n_columns == 0:
            ax.set_ylabel("predicted", fontsize=8.5)


def _draw_identity(ax: Axes) -> None:
    """Draw the line of equality within the limits that the points have set."""
    x, y = ax.get_xlim(), ax.get_ylim()
    ends = (max(x[0], y[0]), min(x[1], y[1]))
    if ends[0] < ends[1]:
        ax.plot(ends, ends, "--", color=color("muted"), linewidth=0.9, zorder=0.5)
    ax.set_xlim(x)
    ax.set_ylim(y)


def _category_handle(index: int) -> Line2D:
    return _mark(category_marker(index), color(category_color(index)), size=5)
