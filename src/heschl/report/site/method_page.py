"""The page of methods: what was computed, how, from what, and by which versions."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from heschl.report.record import Entry, entry
from heschl.report.site.addresses import dataset_page, task_page
from heschl.report.site.content import Content
from heschl.report.site.listings import Listing, listing, of_models
from heschl.report.tables import words
from heschl.results import Results

#: Analyses that the template explains.
EXPLAINED = frozenset(
    {
        ("regression", "pepino2025"),
        ("regression", "tuckute2023"),
        ("rsa", "pepino2025"),
        ("rsa", "pepino2025-max"),
        ("probe", "pepino2025"),
        ("probe", "linear"),
    }
)


@dataclass(frozen=True)
class Analysis:
    """A metric and protocol: where the template explains it, and what was recorded of it.

    ``section`` is empty where there is no explanation.
    """

    metric: str
    protocol: str
    section: str
    citation: str
    settings: tuple[Entry, ...]


def method_page(content: Content) -> dict[str, Any]:
    """Return what the template of the page of methods shows."""
    results = content.results
    return {
        "analyses": list(_analyses(results)),
        "data": data_listing(content),
        "models": model_listing(content),
        "versions": [entry("", one).children for one in _different(results, "environment")],
        "seeds": [entry("", one).children for one in _different(results, "uncertainty")],
        "units": sorted(dict.fromkeys(str(unit) for unit in results.scores["unit"])),
    }


def _analyses(results: Results) -> Iterator[Analysis]:
    """Yield the analyses of the results, in order of appearance."""
    keys = results.scores[["metric", "protocol"]].drop_duplicates()
    for metric, protocol in keys.astype(str).itertuples(index=False, name=None):
        section = f"{metric}-{protocol}" if (metric, protocol) in EXPLAINED else ""
        found = next(_protocols(results, metric, protocol), {})
        settings = {k: v for k, v in found.items() if k not in ("name", "citation")}
        citation = str(found.get("citation") or "")
        yield Analysis(metric, protocol, section, citation, entry("", settings).children)


def _protocols(results: Results, metric: str, protocol: str) -> Iterator[Mapping[str, Any]]:
    for record in results.provenance.values():
        found = record.get("protocol")
        of_metric = record.get("metric", metric) == metric
        if of_metric and isinstance(found, Mapping) and found.get("name") == protocol:
            yield found


def _different(results: Results, key: str) -> list[Mapping[str, Any]]:
    """Return the different entries of a key of the records, in order of appearance."""
    found: list[Mapping[str, Any]] = []
    for record in results.provenance.values():
        one = record.get(key)
        if isinstance(one, Mapping) and one not in found:
            found.append(one)
    return found


def data_listing(content: Content) -> Listing | None:
    """Return the hashes of what the scores were computed from."""
    records = [
        *((one, dataset_page) for one in _different(content.results, "dataset")),
        *((one, task_page) for one in _different(content.results, "task")),
    ]
    hashes = list(
        dict.fromkeys(key for one, _ in records for key in one if str(key).endswith("_sha256"))
    )
    names = [str(one.get("name", "")) for one, _ in records]
    columns = [
        words(
            "Data",
            names,
            hrefs=[page(name) for name, (_, page) in zip(names, records, strict=True)],
        ),
        *(words(_heading(key), [one.get(key) for one, _ in records]) for key in hashes),
    ]
    return listing(
        "data", "Sounds, responses and labels", columns, "SHA-256 of the decoded content."
    )


def _heading(key: object) -> str:
    return str(key).removesuffix("_sha256").replace("_", " ").capitalize()


def model_listing(content: Content) -> Listing | None:
    """Return what identifies each model: its architecture, constants and weights."""
    found: dict[str, str] = {}
    for record in content.results.provenance.values():
        model = record.get("model")
        if isinstance(model, Mapping) and model.get("model") is not None:
            identity = model.get("identity", {})
            text = json.dumps(identity, sort_keys=True, default=str, ensure_ascii=False)
            found.setdefault(str(model["model"]), text)
    columns = [
        of_models(content, "Model", list(found)),
        words("Identity", list(found.values())),
    ]
    reading = "What the key of a model’s activations is made from, weights by their hash."
    return listing("identities", "Models", columns, reading)
