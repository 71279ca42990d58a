"""Whether results of others belong into a study: same protocols, same data, scores that follow.

Nothing is believed that can be computed: scores are computed again from the predictions that come
with them, and responses and labels are those of the study, by their hashes.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from heschl.errors import InputError
from heschl.results import Results
from heschl.studies.following import (
    probe_problems,
    regression_problems,
    similarity_problems,
)

_BRAIN = ("sounds_sha256", "responses_sha256", "folds_sha256")
_TASK = ("labels_sha256", "prediction", "classes", "n_clips", "left_out")


def check_others(others: Results, ours: Results) -> None:
    """Refuse results that are not comparable with those of a study.

    Parameters
    ----------
    others : Results
        What is to be added.
    ours : Results
        Of the study so far.

    Raises
    ------
    InputError
        With what differs: a protocol's version or content, the hash of data, a score that does not
        follow from its predictions, or scores that are there already.
    """
    for problem in _problems(others, ours):
        raise InputError(problem)


def _problems(others: Results, ours: Results) -> Iterator[str]:
    yield from _repeated(others, ours)
    for key, record in others.provenance.items():
        yield from _of_record(key, record, ours)
    for detail in others.details:
        yield from regression_problems(detail, others, ours)
    for rdms in others.rdms:
        yield from similarity_problems(rdms, others)
    for probe in others.probes:
        yield from probe_problems(probe, others)


def _repeated(others: Results, ours: Results) -> Iterator[str]:
    columns = ["model", "dataset", "metric", "protocol"]
    there = set(ours.scores[columns].itertuples(index=False, name=None))
    for row in dict.fromkeys(others.scores[columns].itertuples(index=False, name=None)):
        if row in there:
            model, dataset, metric, protocol = row
            yield (
                f"scores of {model} on {dataset} ({metric}, {protocol}) are in the study already; "
                "expected another model: give yours a name of its own"
            )


def _of_record(key: str, record: Mapping[str, Any], ours: Results) -> Iterator[str]:
    """Compare one record with those of the study on the same data and metric."""
    try:
        data, name = _data(record)
        metric, protocol = record["metric"], record["protocol"]
        same = [
            one
            for one in ours.provenance.values()
            if one["metric"] == metric
            and _data(one)[1] == name
            and one["protocol"]["name"] == protocol["name"]
        ]
        if not same:
            yield (
                f"results on {name} ({metric}, {protocol['name']}), which the study has not; "
                f"expected one of: {', '.join(sorted(set(_known(ours))))}"
            )
            return
        mine, (expected, _) = same[0], _data(same[0])
        if protocol != mine["protocol"]:
            yield _other_protocol(name, metric, protocol, mine["protocol"])
        for what in _TASK if metric == "probe" else _BRAIN:
            if data[what] != expected[what]:
                yield (
                    f"{name}: {what} is {_short(data[what])}, in the study "
                    f"{_short(expected[what])}; expected results on the same data"
                )
    except (KeyError, TypeError) as error:
        yield f"provenance {key}: {error} is missing; expected the record that heschl wrote"


def _data(record: Mapping[str, Any]) -> tuple[Mapping[str, Any], str]:
    data = record["task" if record["metric"] == "probe" else "dataset"]
    return data, str(data["name"])


def _known(ours: Results) -> Iterator[str]:
    for record in ours.provenance.values():
        yield f"{_data(record)[1]} ({record['metric']}, {record['protocol']['name']})"


def _other_protocol(
    name: str, metric: str, found: Mapping[str, Any], expected: Mapping[str, Any]
) -> str:
    differing = [key for key in expected if found.get(key) != expected[key]]
    what = ", ".join(
        f"{key} {_short(found.get(key))} instead of {_short(expected[key])}" for key in differing
    )
    return (
        f"{name} ({metric}): protocol {expected['name']} with {what or 'other keys'}; expected "
        "results of the same version: compute them again with this version of heschl"
    )


def _short(value: object) -> str:
    text = str(value)
    return text if len(text) <= 40 else f"{text[:37]}..."
