"""The tables of correlations on the page of a dataset or task."""

from __future__ import annotations

from collections.abc import Sequence

import pandas as pd

from heschl.report.site.addresses import table_file
from heschl.report.site.content import Content
from heschl.report.site.correlations import ALL_MODELS
from heschl.report.site.listings import Listing, listing, of_measures, of_p, optional_numbers
from heschl.report.site.measures import Measure
from heschl.report.tables import Column, numbers


def correlation_listing(content: Content, measures: Sequence[Measure]) -> Listing | None:
    """Return the correlations of some brain measures with tasks, or of some tasks with brains."""
    names = {one.name for one in measures}
    table = content.linked.correlations
    chosen = (table["subset"] == ALL_MODELS) & (table["kind"] == "pearson") & table["value"].notna()
    mine = table[chosen & (table["task"].isin(names) | table["brain"].isin(names))]
    columns = [
        of_measures(content, "Task score", mine["task"].tolist()),
        of_measures(content, "Brain measure", mine["brain"].tolist()),
        *_numbers(mine),
        of_p("q", mine["q"].tolist()),
    ]
    reading = (
        "Pearson’s r over all models that have both: near 1, models that are better at the task "
        "are also closer to the brain. q counts all correlations of the study."
    )
    title = "Task scores and brain measures"
    return listing("correlations", title, columns, reading, file=table_file("correlations"))


def agreement_listing(content: Content, measures: Sequence[Measure]) -> Listing | None:
    """Return the correlations of some brain measures with all others."""
    names = {one.name for one in measures}
    table = content.linked.agreement
    mine = table[(table["kind"] == "pearson") & table["value"].notna()]
    mine = mine[mine["first"].isin(names) | mine["second"].isin(names)]
    # what belongs to the page stands first
    turned = ~mine["first"].isin(names)
    first = mine["first"].where(~turned, mine["second"])
    second = mine["second"].where(~turned, mine["first"])
    columns = [
        of_measures(content, "Measure", first.tolist()),
        of_measures(content, "Other measure", second.tolist()),
        *_numbers(mine),
    ]
    reading = "Pearson’s r over models: near 1, both measures put the models in the same order."
    title = "Agreement with other brain measures"
    return listing("agreement", title, columns, reading, file=table_file("agreement"))


def _numbers(rows: pd.DataFrame) -> list[Column]:
    return [
        numbers("r", rows["value"].tolist()),
        optional_numbers("95 % from", rows["low"].tolist()),
        optional_numbers("to", rows["high"].tolist()),
        numbers("Models", rows["n"].tolist(), 0),
        of_p("p", rows["p"].tolist()),
    ]
