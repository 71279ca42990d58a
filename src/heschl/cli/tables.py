"""Tables on the terminal."""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from heschl.errors import printable
from heschl.results import Results

WIDE = 120  # characters, where the output is no terminal
MANY_ROWS = 40
MANY = 24  # targets: more are summarised on the terminal; the saved table has all


def show(
    columns: Sequence[str], rows: Sequence[Sequence[Any]], *, title: str | None = None
) -> None:
    """Print a table."""
    from rich import box
    from rich.console import Console
    from rich.table import Table
    from rich.text import Text

    table = Table(title=title, title_justify="left", title_style="bold", box=box.SIMPLE_HEAD)
    numeric = [bool(rows) and isinstance(rows[0][i], int | float) for i in range(len(columns))]
    for column, right in zip(columns, numeric, strict=True):
        table.add_column(column, justify="right" if right else "left")
    for row in rows:
        table.add_row(*(Text(_cell(value)) for value in row))
    console = Console()
    if not console.is_terminal:  # a file or a pipe has no width to fit into
        console = Console(width=WIDE)
    console.print(table)


def _cell(value: Any) -> str:
    if isinstance(value, float):
        return "-" if math.isnan(value) else f"{value:.4f}"
    return "-" if value is None else printable(str(value))


def show_scores(result: Results) -> None:
    """Print the scores of datasets, their regions, listeners, and of targets where they are few."""
    scores = result.scores[result.scores["unit"] != "r"]
    targets = scores["scope"] == "target"
    sizes = scores[targets].groupby(["model", "dataset", "metric", "protocol"])["target"]
    few = sizes.transform("size") <= MANY
    everywhere = scores["region"].isna()
    of_region = (scores["scope"] == "dataset") & ~everywhere
    of_listener = scores["scope"].isin(["listener", "fold"]) & everywhere
    wanted = (scores["scope"] == "dataset") & everywhere
    wanted |= targets & scores.index.isin(few.index[few])
    for more in (of_listener, of_region):  # the saved table and the report have all
        if (wanted | more).sum() <= MANY_ROWS:
            wanted |= more
    shown = scores[wanted]
    columns = ["model", "dataset", "target", "region", "value", "unit"]
    numbers = ["low", "high", "ceiling", "stderr", "p"]
    columns += [name for name in numbers if name == "ceiling" or shown[name].notna().any()]
    columns = [name for name in columns if name != "region" or (wanted & of_region).any()]
    rows = list(shown[[*columns, "layer"]].itertuples(index=False, name=None))
    show([*columns, "layer"], rows)
    for note in dict.fromkeys(_notes(result)):
        print(printable(note))


def _notes(result: Results) -> Iterator[str]:
    """Say why there are no ceilings or intervals, where there are none."""
    for record in result.provenance.values():
        if record["metric"] == "probe":
            yield from _left_out(record["task"])
            continue
        dataset = record["dataset"]
        if record["metric"] == "regression" and dataset["ceiling"].startswith("none: "):
            yield f"{dataset['name']}: {dataset['ceiling'].removeprefix('none: ')}"
        if dataset["kind"] != "components" and record["uncertainty"]["n_bootstrap"]:
            yield from (
                f"{dataset['name']}: {reason}" for reason in record["uncertainty"]["refused"]
            )


def _left_out(task: Mapping[str, Any]) -> Iterator[str]:
    """Say which clips of a task could not be used."""
    bad = task["left_out"]
    if bad:
        more = f" and {len(bad) - 3} more" if len(bad) > 3 else ""
        yield f"{task['name']}: {len(bad)} clips were left out: {'; '.join(bad[:3])}{more}"
