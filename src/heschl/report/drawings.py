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


def score_drawings(results: Results) -> Iterator[Drawing]:
    """Yield the figure of scores of each dataset that has one."""
    for i, group in enumerate(selection.analyses(results)):
        if not any(np.isfinite(detail.r2).any() for detail in group.details):
            continue
        part = Results(results.scores, results.provenance, group.details)
        label = wording.describe_scores(group)
        wide, narrow = both_widths(partial(plot_scores, part), f"scores-{i}", label)
        title = f"{group.dataset}, {group.protocol}"
        yield Drawing(title, _score_caption(results, group), wide, narrow)


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


def prediction_drawings(results: Results, ids: Mapping[str, str]) -> Iterator[Drawing]:
    """Yield the figure of predictions of each model and dataset that has one."""
    places: dict[str, int] = {}
    for i, detail in enumerate(results.details):
        place = places.get(detail.dataset, 0)
        places[detail.dataset] = place + 1
        if not selection.shown_targets(detail):
            continue
        label = wording.describe_predictions(detail)
        wide, narrow = both_widths(partial(plot_predictions, detail), f"predictions-{i}", label)
        caption = (
            f"{wording.which_targets(results, detail)} Each point is a sound that the model was "
            "not fitted to; on the dashed line both are equal."
        )
        title = f"{detail.model} on {detail.dataset}, {detail.protocol}"
        yield Drawing(title, caption, wide, narrow, ids[detail.dataset], place)


def both_widths(plot: Callable[..., Figure], prefix: str, label: str) -> tuple[Markup, Markup]:
    """Draw a figure for a page and for a phone; ``plot`` takes the width."""
    wide, narrow = (
        inline_svg(plot(width=width), prefix=f"{prefix}-{size}", label=label)
        for width, size in ((WIDE, "wide"), (NARROW, "narrow"))
    )
    return Markup(wide), Markup(narrow)  # noqa: S704 - escaped as XML
