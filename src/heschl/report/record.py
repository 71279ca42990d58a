"""What each score was computed from, as entries below entries that the page lists."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from operator import itemgetter

from heschl.report.wording import DASH
from heschl.results import Results

#: Lists of more entries than this are folded.
_LONG = 12


@dataclass(frozen=True)
class Entry:
    """One entry of a record: a text, or entries below it, or a long list of texts."""

    label: str
    text: str = ""
    children: tuple[Entry, ...] = ()
    texts: tuple[str, ...] = ()


def records(results: Results) -> Iterator[Entry]:
    """Yield what each score was computed from, named after model and dataset."""
    used = [str(key) for key in results.scores["provenance"]]
    for key in dict.fromkeys([*used, *sorted(results.provenance)]):
        if key not in results.provenance:
            continue
        rows = results.scores[results.scores["provenance"] == key]
        names = rows[["model", "dataset", "protocol"]].drop_duplicates().to_numpy().tolist()
        title = "; ".join(f"{model} on {dataset}, {protocol}" for model, dataset, protocol in names)
        found = entry(title or "record", results.provenance[key])
        yield Entry(found.label, children=(Entry("record", key), *found.children))


def entry(label: str, value: object) -> Entry:
    """Return what is recorded under a label, with all that is below it."""
    if isinstance(value, Mapping):
        # Sorted, as in a saved record: a report is the same before and after.
        items = sorted(((str(key), below) for key, below in value.items()), key=itemgetter(0))
        return Entry(label, children=tuple(entry(key, below) for key, below in items))
    if isinstance(value, list | tuple):
        if any(isinstance(item, Mapping | list | tuple) for item in value):
            return Entry(label, children=tuple(entry(str(i + 1), v) for i, v in enumerate(value)))
        texts = tuple(_plain(item) for item in value)
        if len(texts) > _LONG:
            return Entry(label, texts=texts)
        return Entry(label, ", ".join(texts) or DASH)
    return Entry(label, _plain(value))


def _plain(value: object) -> str:
    """Return a single value as text."""
    if value is None or value == "":
        return DASH
    if isinstance(value, bool):
        return "yes" if value else "no"
    return str(value)
