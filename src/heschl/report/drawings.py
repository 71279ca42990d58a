"""The figures of the page: each in two widths, as SVG, with its caption."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from functools import partial

import numpy as np
from markupsafe import Markup
from matplotlib.figure import Figure

from heschl.report import selection, wording
from heschl.report.bar_panels import MAX_DOTS
from heschl.report.figures import plot_predictions, plot_scores
from heschl.report.style import NARROW, WIDE
from heschl.report.svg import inline_svg
from heschl.results import Results


@dataclass(frozen=True)
class Sketch:
    """A figure before it is drawn.

    Attributes
    ----------
    title, caption : str
    label : str
        What the figure shows, for those who cannot see it.
    prefix : str
        Letters, digits and hyphens; unique on the page.
    plot : callable
        Takes ``width``, in inches, and returns the figure.
    sounds : str
        Id of the table of sounds that its points belong to; empty if they are not sounds.
    detail : int
        Place of its model in that table.
    """

    title: str
    caption: str
    label: str
    prefix: str
    plot: Callable[..., Figure]
    sounds: str = ""
    detail: int = 0


@dataclass(frozen=True)
class Drawing:
    """A figure in two widths, with its caption.

    ``sounds`` is the id of the table of sounds that its points belong to, and ``detail`` the
    place of its model there; both are empty if its points are not sounds.
    """

    title: str
    caption: str
    wide: Markup
    narrow: Markup
    sounds: str = ""
    detail: int = 0


def draw(sketch: Sketch) -> Drawing:
    """Draw a figure for a page and for a phone."""
    wide, narrow = both_widths(sketch.plot, sketch.prefix, sketch.label)
    return Drawing(sketch.title, sketch.caption, wide, narrow, sketch.sounds, sketch.detail)


def score_sketches(results: Results) -> Iterator[Sketch]:
    """Yield the figure of scores of each dataset that has one."""
    for i, group in enumerate(selection.analyses(results)):
        if not any(np.isfinite(detail.r2).any() for detail in group.details):
            continue
        part = Results(results.scores, results.provenance, group.details)
        yield Sketch(
            title=f"{group.dataset}, {group.protocol}",
            caption=_score_caption(results, group),
            label=wording.describe_scores(group),
            prefix=f"scores-{i}",
            plot=partial(plot_scores, part),
        )


def _score_caption(results: Results, group: selection.Analysis) -> str:
    noun = selection.noun(results, group.details[0])
    if group.few:
        text = f"One group of bars for each {noun}, with r² at the right."
    else:
        text = (
            f"Bars: medians over {noun}s, with r² at the right. "
            f"Dots: the distribution over {noun}s "
            f"({MAX_DOTS} quantiles where there are more)."
        )
    if any(np.isfinite(selection.ceilings(results, detail)).any() for detail in group.details):
        text += " Upright line: the ceiling, the most that any model could reach."
    return text


def prediction_sketches(results: Results, ids: Mapping[str, str]) -> Iterator[Sketch]:
    """Yield the figure of predictions of each model and dataset that has one."""
    places: dict[str, int] = {}
    for i, detail in enumerate(results.details):
        place = places.get(detail.dataset, 0)
        places[detail.dataset] = place + 1
        if not selection.shown_targets(detail):
            continue
        yield Sketch(
            title=f"{detail.model} on {detail.dataset}, {detail.protocol}",
            caption=f"{wording.which_targets(results, detail)} Each point is a sound that the "
            "model was not fitted to; on the dashed line both are equal.",
            label=wording.describe_predictions(detail),
            prefix=f"predictions-{i}",
            plot=partial(plot_predictions, detail),
            sounds=ids[detail.dataset],
            detail=place,
        )


def both_widths(plot: Callable[..., Figure], prefix: str, label: str) -> tuple[Markup, Markup]:
    """Draw a figure for a page and for a phone; ``plot`` takes the width."""
    wide, narrow = (
        inline_svg(plot(width=width), prefix=f"{prefix}-{size}", label=label)
        for width, size in ((WIDE, "wide"), (NARROW, "narrow"))
    )
    return Markup(wide), Markup(narrow)  # noqa: S704 - escaped as XML
