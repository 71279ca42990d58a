"""The page of analyses over models."""

from __future__ import annotations

from functools import partial
from typing import Any

from heschl.linking import OVERALL
from heschl.report.drawings import Sketch
from heschl.report.site import analysis_tables
from heschl.report.site.content import Content
from heschl.report.site.correlation_figure import (
    describe_correlations,
    drawn_brains,
    plot_correlations,
)
from heschl.report.site.correlation_tables import agreement_matrices, task_matrices
from heschl.report.site.figures import Filing


def analysis_page(content: Content, filing: Filing) -> dict[str, Any]:
    """Return what the template of the page of analyses shows; write the files of its figures."""
    sketch = _sketch(content)
    return {
        "figure": None if sketch is None else filing.draw(sketch),
        "task_matrices": task_matrices(content),
        "families": analysis_tables.family_listing(content),
        "partial": analysis_tables.partial_listing(content),
        "groups": analysis_tables.group_listing(content),
        "controls": analysis_tables.control_listing(content, each=False),
        "controls_each": analysis_tables.control_listing(content, each=True),
        "brain_matrices": agreement_matrices(content),
    }


def _sketch(content: Content) -> Sketch | None:
    task = content.main_task
    if task is None or not drawn_brains(content, task):
        return None
    caption = "The dot is r over all models that have both numbers."
    if task.name == OVERALL and not content.linked.without_family.empty:
        caption += (
            " Each tick is r without one family: where ticks lie close together, no family alone "
            "makes the correlation."
        )
    left_out = sum(one not in drawn_brains(content, task) for one in content.brains)
    if left_out:
        caption += f" {left_out} more are in the tables below or in the file."
    return Sketch(
        f"Correlation of {task.label} with brain measures",
        caption,
        describe_correlations(content, task),
        "correlations",
        partial(plot_correlations, content, task),
    )
