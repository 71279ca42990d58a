"""The tables of the page of analyses, each with a sentence on how to read it."""

from __future__ import annotations

import numpy as np

from heschl.linking import OVERALL
from heschl.report.site.addresses import table_file
from heschl.report.site.content import Content
from heschl.report.site.correlations import ALL_MODELS
from heschl.report.site.listings import (
    Listing,
    listing,
    of_measures,
    of_models,
    of_p,
    optional_numbers,
)
from heschl.report.tables import numbers, words


def family_listing(content: Content) -> Listing | None:
    """Return for each brain measure the families without which r is lowest and highest."""
    table = content.linked.without_family
    table = table[table["value"].notna()]
    lines = []
    for brain, rows in table.groupby("brain", sort=False):
        values = rows["value"].to_numpy(np.float64)
        low, high = (rows.iloc[int(place)] for place in (values.argmin(), values.argmax()))
        whole = content.correlations.get((OVERALL, str(brain), ALL_MODELS, "pearson"))
        all_models = whole.value if whole is not None else float("nan")
        lines.append((brain, all_models, low, high))
    columns = [
        of_measures(content, "Brain measure", [line[0] for line in lines]),
        optional_numbers("All models", [line[1] for line in lines]),
        numbers("Lowest r", [float(line[2]["value"]) for line in lines]),
        words("without family", [line[2]["family"] for line in lines]),
        numbers("Highest r", [float(line[3]["value"]) for line in lines]),
        words("without family", [line[3]["family"] for line in lines]),
    ]
    reading = (
        "Models of one family are not independent: where r stays as it is whichever family is left "
        "out, no family makes it."
    )
    file = table_file("without_family")
    return listing("families", "Without one family", columns, reading, file=file)


def partial_listing(content: Content) -> Listing | None:
    """Return the partial correlations."""
    table = content.linked.partial
    table = table[table["value"].notna()]
    columns = [
        of_measures(content, "Brain measure", table["brain"].tolist()),
        words("Given", table["given"].tolist()),
        optional_numbers("r", table["plain"].tolist()),
        numbers("r given this", table["value"].tolist()),
        of_p("p", table["p"].tolist()),
        numbers("Models", table["n"].tolist(), 0),
    ]
    reading = (
        "The correlation of the overall task score once what models share is accounted for. "
        "Family: each model less its family’s mean; family means: each family counts once; "
        "parameters and hours of training data: given their logarithms. r is that of the same "
        "models with nothing given."
    )
    return listing(
        "partial", "What models share, given", columns, reading, file=table_file("partial")
    )


def group_listing(content: Content) -> Listing | None:
    """Return the comparison of kinds of training."""
    table = content.linked.groups
    table = table[table["difference"].notna()]
    columns = [
        of_measures(content, "Measure", table["measure"].tolist()),
        words("First", table["first"].tolist()),
        words("Second", table["second"].tolist()),
        words("Compared", table["how"].tolist()),
        numbers("First less second", table["difference"].tolist()),
        of_p("p", table["p"].tolist()),
        numbers("Families", table["n"].tolist(), 0),
    ]
    reading = (
        "A difference above 0: models of the first kind of training have more. Within families, "
        "models of one architecture are compared; between families, means of families, of which "
        "a few cannot give a small p."
    )
    return listing("groups", "Kinds of training", columns, reading, file=table_file("groups"))


def control_listing(content: Content, *, each: bool) -> Listing | None:
    """Return trained models against their controls: the means over models, or each model."""
    table = content.linked.controls
    table = table[(table["model"] != ALL_MODELS) == each]
    models = table["model"].tolist()
    columns = [
        of_measures(content, "Measure", table["measure"].tolist()),
        words("Control", table["control"].tolist()),
        *([of_models(content, "Model", models)] if each else []),
        optional_numbers("Trained", table["trained"].tolist()),
        optional_numbers("Controls", table["untrained"].tolist()),
        optional_numbers("Difference", table["difference"].tolist()),
        optional_numbers("95 % from", table["low"].tolist()),
        optional_numbers("to", table["high"].tolist()),
        of_p("p", table["p"].tolist()),
        *([] if each else [numbers("Models", table["n"].tolist(), 0)]),
    ]
    reading = (
        "A difference above 0 is what training adds to the architecture: random controls have "
        "fresh weights, permuted ones the trained weights in another order."
    )
    title = "Each model against its controls" if each else "Trained models against controls"
    identity = "controls-each" if each else "controls"
    return listing(identity, title, columns, reading, file=table_file("controls"))
