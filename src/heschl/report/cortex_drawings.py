"""The figures of listeners, regions, layers and maps, from the table of scores and the profiles."""

from __future__ import annotations

import importlib.util
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import partial

import numpy as np
import pandas as pd
from markupsafe import Markup
from numpy.typing import NDArray

from heschl.encode import depth_by_region, relative_depth
from heschl.report import selection
from heschl.report.depth_lines import REFERENCE, plot_depth
from heschl.report.drawings import Drawing, Sketch, draw
from heschl.report.intervals import UNITS, plot_intervals
from heschl.report.layer_lines import EVERYWHERE, plot_layers, region_curves
from heschl.report.maps import coordinates, plot_maps
from heschl.report.surface import plot_surface
from heschl.report.svg import inline_svg
from heschl.report.wording import number
from heschl.results import Profile, Results

#: The units of main scores; each analysis has one of them.
MAIN_UNITS = ("r2", "rho", "r2_corrected")
#: Models whose maps are drawn for one analysis.
MAX_MAPS = 4


@dataclass(frozen=True)
class Group:
    """The rows and profiles of one dataset, metric and protocol."""

    dataset: str
    metric: str
    protocol: str
    rows: pd.DataFrame
    profiles: tuple[Profile, ...]

    @property
    def title(self) -> str:
        """What is compared, for a heading."""
        metric = {"rsa": "similarity", "regression": "regression"}.get(self.metric, self.metric)
        return f"{self.dataset}, {metric}, {self.protocol}"


def groups(results: Results) -> Iterator[Group]:
    """Yield the analyses of the results, in order of appearance."""
    keys = ["dataset", "metric", "protocol"]
    main = results.scores[results.scores["unit"].isin(MAIN_UNITS)]
    for key in dict.fromkeys(main[keys].itertuples(index=False, name=None)):
        profiles = tuple(
            one for one in results.profiles if (one.dataset, one.metric, one.protocol) == key
        )
        dataset, metric, protocol = (str(part) for part in key)
        rows = main[(main[keys] == list(key)).all(axis=1)]
        yield Group(dataset, metric, protocol, rows, profiles)


def cortex_drawings(results: Results) -> Iterator[Drawing]:
    """Yield what there is to be drawn of each analysis: intervals, layers, depth, maps."""
    models = selection.model_names(results)
    for i, group in enumerate(groups(results)):
        yield from map(draw, interval_sketches(group, models, i))
        yield from map(draw, layer_sketches(group, i))
        yield from map(draw, _depths(group, i))
        yield from map(draw, _maps(results, group, i))
        yield from _surfaces(results, group, i)


def interval_sketches(group: Group, models: Sequence[str], i: int) -> Iterator[Sketch]:
    """Yield the scores of listeners and regions with their intervals, if there are any."""
    whole = group.rows[group.rows["scope"] == "dataset"]
    if not np.isfinite(whole["value"]).any():
        return
    unit = UNITS.get(str(whole["unit"].iloc[0]), "").partition(" (")[0]
    told = [
        f"{row['model']}, {row['region'] or 'all listeners'}: {number(row['value'])}, "
        f"interval {number(row['low'])} to {number(row['high'])}, "
        f"ceiling {number(row['ceiling'])}."
        for row in whole.astype(object).where(whole.notna(), None).to_dict(orient="records")
    ]
    plot = partial(plot_intervals, group.rows, models)
    label = f"Points of {unit} on {group.dataset}. {' '.join(told)}"
    resampled = (
        "over listeners"
        if str(whole["unit"].iloc[0]) == "r2_corrected"
        else "over sounds and listeners for means, over sounds for one listener"
    )
    caption = f"{unit} with 95 % intervals: {resampled}. Upright lines: ceilings, not clipped."
    title = f"{group.title}: listeners and regions"
    yield Sketch(title, caption, label, f"intervals-{i}", plot)


def layer_sketches(group: Group, i: int) -> Iterator[Sketch]:
    """Yield the scores of every layer by itself, if there are any."""
    deep = [one for one in group.profiles if len(one.layers) > 1 and np.isfinite(one.scores).any()]
    if not deep:
        return
    told = []
    for one in deep:
        curve = region_curves(one)[0][EVERYWHERE]
        best = int(np.nanargmax(curve))
        told.append(f"{one.model}: best layer {one.layers[best]} with {number(curve[best])}.")
    label = f"Lines of the score of each layer by itself on {group.dataset}. {' '.join(told)}"
    caption = (
        "Each layer by itself, mean over listeners: where in the model the responses are found. "
        "The highest point is no fair score; the scores above choose layers on other sounds."
    )
    plot = partial(plot_layers, deep)
    yield Sketch(f"{group.title}: layers", caption, label, f"layers-{i}", plot)


def _depths(group: Group, i: int) -> Iterator[Sketch]:
    for j, one in enumerate(group.profiles):
        known = {"listener", "region"} <= set(one.groups.columns) and one.of_targets
        if not known or len(one.layers) < 2:
            continue
        regions = one.groups["region"].astype(object)
        if regions.dropna().nunique() < 2 or not np.isfinite(one.scores).any():
            continue
        found = depth_by_region(
            relative_depth(one.scores.T, ties="leave out"),
            one.groups["listener"].to_numpy(object),
            regions.to_numpy(object),
        )
        told = ", ".join(
            f"{name} {number(mean)}" for name, mean in zip(found.regions, found.mean, strict=True)
        )
        label = f"Relative depth of the best layer of {one.model} by region: {told}."
        caption = (
            "Place of the best layer of each target, 0 the first and 1 the last, mean over a "
            f"listener's targets. q: signed-rank test over listeners against {REFERENCE}, false "
            "discoveries controlled."
        )
        title = f"{one.model} on {group.dataset}: depth by region"
        yield Sketch(title, caption, label, f"depth-{i}-{j}", partial(plot_depth, found))


def _maps(results: Results, group: Group, i: int) -> Iterator[Sketch]:
    values, targets = _values_of_targets(results, group)
    if targets is None or coordinates(targets) is None or not values:
        return
    unit = UNITS.get(str(group.rows["unit"].iloc[0]), "").partition(" (")[0]
    plot = partial(plot_maps, dict(list(values.items())[:MAX_MAPS]), targets, label=unit)
    label = (
        f"Flat maps of {unit} of each target on {group.dataset}, by position, for "
        f"{', '.join(list(values)[:MAX_MAPS])}. The values are in the table of scores."
    )
    caption = (
        f"{unit} at every position, in mm: the median over listeners of the median of each one's "
        "targets there."
    )
    yield Sketch(f"{group.title}: map", caption, label, f"map-{i}", plot)


def _surfaces(results: Results, group: Group, i: int) -> Iterator[Drawing]:
    """Yield the surface map of each model where targets have vertices and nilearn is installed."""
    values, targets = _values_of_targets(results, group)
    if targets is None or not {"vertex", "hemisphere"} <= set(targets.columns):
        return
    if importlib.util.find_spec("nilearn") is None:
        return
    unit = UNITS.get(str(group.rows["unit"].iloc[0]), "").partition(" (")[0]
    for j, (model, of_targets) in enumerate(list(values.items())[:MAX_MAPS]):
        label = f"Surface maps of {unit} of {model} on {group.dataset}, both hemispheres."
        figure = plot_surface(
            of_targets, targets["vertex"].to_numpy(), targets["hemisphere"].tolist(), label=unit
        )
        picture = Markup(inline_svg(figure, prefix=f"surface-{i}-{j}", label=label))  # noqa: S704
        caption = f"{unit} on fsaverage5, inflated, from the side; the mean where targets share."
        yield Drawing(f"{model} on {group.dataset}: surface", caption, picture, picture)


def _values_of_targets(
    results: Results, group: Group
) -> tuple[dict[str, NDArray[np.float64]], pd.DataFrame | None]:
    """Return the main score of each target by model, and the table of targets."""
    rows = group.rows[group.rows["scope"] == "target"]
    tables = [one.targets for one in results.details if one.dataset == group.dataset]
    tables += [one.groups for one in group.profiles if one.of_targets]
    if rows.empty or not tables:
        return {}, None
    names = tables[0]["target"].astype(str)
    values = {}
    for model, mine in rows.groupby("model", sort=False):
        by_name = mine.set_index(mine["target"].astype(str))["value"]
        found = by_name.reindex(names).to_numpy(np.float64)
        if np.isfinite(found).any():
            values[str(model)] = found
    return values, tables[0]
