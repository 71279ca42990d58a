"""The tables of a model's page."""

from __future__ import annotations

import numpy as np

from heschl.report.site.addresses import table_file
from heschl.report.site.content import Content
from heschl.report.site.listings import Listing, listing, of_measures, optional_numbers
from heschl.report.site.measures import Model
from heschl.report.tables import Cell, Column, numbers, words
from heschl.report.wording import DASH


def score_listing(content: Content, model: Model) -> Listing | None:
    """Return all measures in which a model has a number."""
    known = [one for one in content.measures if content.value(model.name, one).known]
    found = [content.value(model.name, one) for one in known]
    shares = [one.value / one.ceiling if one.ceiling > 0 else np.nan for one in found]
    ranks = [content.rank(model.name, one) for one in known]
    several = any(one.n_runs > 1 for one in found)
    columns = [
        of_measures(content, "Measure", [one.name for one in known]),
        numbers("Value", [one.value for one in found]),
        optional_numbers("95 % from", [one.low for one in found]),
        optional_numbers("to", [one.high for one in found]),
        optional_numbers("Ceiling", [one.ceiling for one in found]),
        optional_numbers("Value / ceiling", shares),
        Column("Place", tuple(_place(rank) for rank in ranks), numeric=True, optional=True),
        words("Metric", [one.metric for one in known], optional=True),
        words("Protocol", [one.protocol for one in known], optional=True),
        *([numbers("Runs", [one.n_runs for one in found], 0)] if several else []),
    ]
    reading = (
        "Each row is a measure: the model’s value, the ends of its 95 % interval, the most that "
        "any model could reach, and the model’s place among those that are no controls."
    )
    return listing("scores", "All measures", columns, reading, file=table_file("values"))


def _place(rank: tuple[int, int] | None) -> Cell:
    return Cell(DASH, "") if rank is None else Cell(f"{rank[0]} of {rank[1]}", str(rank[0]))


def control_listing(content: Content, model: Model) -> Listing | None:
    """Return a model against its controls, in every measure."""
    table = content.linked.controls
    mine = table[table["model"] == model.name]
    columns = [
        of_measures(content, "Measure", mine["measure"].tolist()),
        words("Control", mine["control"].tolist()),
        optional_numbers("Trained", mine["trained"].tolist()),
        optional_numbers("Control’s value", mine["untrained"].tolist()),
        optional_numbers("Difference", mine["difference"].tolist()),
        optional_numbers("95 % from", mine["low"].tolist()),
        optional_numbers("to", mine["high"].tolist()),
    ]
    reading = (
        "A difference above 0 is what training adds to the architecture; of several seeds of a "
        "control the mean is taken."
    )
    return listing("against", "Against its controls", columns, reading, file=table_file("controls"))
