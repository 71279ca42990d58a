"""How messages name a few of many."""

from __future__ import annotations

from collections.abc import Iterable

N_SHOWN = 3


def few(names: Iterable[str]) -> str:
    """Name the first few of many, and say how many more there are."""
    listed = list(names)
    shown = ", ".join(listed[:N_SHOWN])
    return shown if len(listed) <= N_SHOWN else f"{shown} and {len(listed) - N_SHOWN} more"
