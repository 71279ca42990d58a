"""Whether results of others belong into a study: same protocols, same data, scores that follow.

Nothing is believed that can be computed: scores are computed again from the predictions that come
with them, and responses and labels are those of the study, by their hashes.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

import numpy as np

from heschl import probes
from heschl.errors import InputError
from heschl.results import Detail, ProbeDetail, Results

#: Scores are written with all digits; more than this is no rounding.
TOLERANCE = 1e-6
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
        yield from _of_regression(detail, others, ours)
    for probe in others.probes:
        yield from _of_probe(probe, others)


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


def _of_regression(detail: Detail, others: Results, ours: Results) -> Iterator[str]:
    """Compute r2 again from the predictions, for the responses of the study."""
    where = f"{detail.model} on {detail.dataset}"
    mine = [one for one in ours.details if one.dataset == detail.dataset]
    if mine and not np.array_equal(mine[0].measured, detail.measured, equal_nan=True):
        yield f"{where}: other responses than those of the study; expected the same"
        return
    r = _correlations(detail.predicted, detail.measured)
    again = np.maximum(np.nan_to_num(r), 0) ** 2
    rows = others.scores[
        (others.scores["provenance"] == detail.provenance)
        & (others.scores["scope"] == "target")
        & (others.scores["unit"] == "r2")
    ]
    place = {str(name): i for i, name in enumerate(detail.targets["target"])}
    for name, value in zip(rows["target"], rows["value"], strict=True):
        computed = again[place[str(name)]] if str(name) in place else np.nan
        if not (np.isnan(value) or abs(value - computed) <= TOLERANCE):
            yield _not_following(f"{where}, {name}: r2", value, computed)


def _correlations(x: np.ndarray[Any, Any], y: np.ndarray[Any, Any]) -> np.ndarray[Any, Any]:
    x, y = x - x.mean(axis=0), y - y.mean(axis=0)
    scale = np.sqrt((x * x).sum(axis=0) * (y * y).sum(axis=0))
    return np.divide((x * y).sum(axis=0), scale, out=np.zeros(x.shape[1]), where=scale > 0)


def _of_probe(probe: ProbeDetail, others: Results) -> Iterator[str]:
    """Compute the official score again from the logits: of each split, then their mean."""
    unit = probe.units[0]
    splits = probe.clips["split"].to_numpy()
    rows = others.scores[
        (others.scores["provenance"] == probe.provenance)
        & (others.scores["unit"] == unit)
        & (others.scores["scope"] == "dataset")
    ]
    parts = [splits == name for name in dict.fromkeys(splits)]
    scores = [float(probes.score(unit, probe.outputs[p], probe.labels[p])) for p in parts]
    for value in rows["value"]:
        if not abs(value - float(np.mean(scores))) <= TOLERANCE:
            yield _not_following(
                f"{probe.model} on {probe.dataset}: {unit}", value, float(np.mean(scores))
            )


def _not_following(what: str, value: float, computed: float) -> str:
    return (
        f"{what} is said to be {value:.6f}, but its own predictions give {computed:.6f}; expected "
        "the results as heschl wrote them"
    )
