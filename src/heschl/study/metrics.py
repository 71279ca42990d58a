"""What can be computed, and how: the protocols of each metric."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from heschl import encode, rsa
from heschl.errors import UsageError
from heschl.registry import Registry, unknown_name

Protocol = encode.NestedRidgeProtocol | encode.CorrectedRidgeProtocol | rsa.RsaProtocol

METRICS: Mapping[str, Registry[Protocol]] = {
    "regression": Registry(
        "protocol of metric 'regression'",
        [*encode.PROTOCOLS.values(), *encode.CORRECTED_PROTOCOLS.values()],
    ),
    "rsa": Registry("protocol of metric 'rsa'", [*rsa.PROTOCOLS.values()]),
}


def find_protocol(metric: str, protocol: str) -> Protocol:
    """Return the protocol of a metric by its name.

    Raises
    ------
    UnknownNameError
        If there is no such metric or protocol.
    """
    if metric not in METRICS:
        raise unknown_name("metric", metric, METRICS)
    return METRICS[metric][protocol]


def profiles_are_extra(metric: str, protocol: str) -> bool:
    """Whether scores of every layer by itself are work of their own, done only when asked for."""
    return isinstance(find_protocol(metric, protocol), encode.NestedRidgeProtocol)


def analyses(metrics: Sequence[str], protocols: Sequence[str]) -> list[tuple[str, str]]:
    """Pair metrics with those of the protocols that they know.

    Raises
    ------
    UnknownNameError
        If there is no such metric, or a protocol that none of the metrics has.
    UsageError
        If none of the protocols is one of a metric.
    """
    for metric in metrics:
        if metric not in METRICS:
            raise unknown_name("metric", metric, METRICS)
    for protocol in protocols:
        if not any(protocol in METRICS[metric] for metric in metrics):
            known = [name for metric in metrics for name in METRICS[metric]]
            raise unknown_name(
                f"protocol of {' or '.join(metrics)}", protocol, dict.fromkeys(known)
            )
    found = [(m, p) for m in metrics for p in protocols if p in METRICS[m]]
    for metric in metrics:
        if metric not in [m for m, _ in found]:
            raise UsageError(
                f"metric {metric!r} has none of the protocols {', '.join(protocols)}; expected one "
                f"of: {', '.join(METRICS[metric])}"
            )
    return found
