"""Whether results of several runs can stand beside each other."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from heschl.errors import InputError

#: What makes two datasets, or two tasks, of one name the same.
DATA = {
    "dataset": ("sounds_sha256", "responses_sha256", "folds_sha256"),
    "task": ("labels_sha256",),
}
Record = Mapping[str, Any]


def check_alike(provenance: Mapping[str, Record]) -> None:
    """Refuse records of one protocol, or of one dataset, that are not the same.

    Parameters
    ----------
    provenance : mapping of str to mapping
        What scores were computed from, of one or more runs.

    Raises
    ------
    InputError
        With what differs.
    """
    protocols: dict[tuple[str, str], Record] = {}
    data: dict[tuple[str, str], Record] = {}
    for record in provenance.values():
        protocol = record.get("protocol")
        if isinstance(protocol, Mapping):
            metric, name = str(record.get("metric")), str(protocol.get("name"))
            first = protocols.setdefault((metric, name), protocol)
            _compare(f"protocol {name} ({metric})", first, protocol, tuple({*first, *protocol}))
        for kind, keys in DATA.items():
            found = record.get(kind)
            if isinstance(found, Mapping):
                name = str(found.get("name"))
                _compare(f"{kind} {name}", data.setdefault((kind, name), found), found, keys)


def _compare(what: str, first: Record, other: Record, keys: tuple[str, ...]) -> None:
    for key in sorted(keys):
        if first.get(key) != other.get(key):
            raise InputError(
                f"{what} is not the same in all results: {key} is {_short(first.get(key))} and "
                f"{_short(other.get(key))}; expected results of one version, on the same data: "
                "compute the older ones again"
            )


def _short(value: object) -> str:
    text = str(value)
    return text if len(text) <= 40 else f"{text[:37]}..."
