"""Weights: where they are published, bringing them here, reading their files, filling networks.

Nothing of a file is ever run, and nothing here imports torch until a tensor is asked for, so that
the table of models can use it.
"""

from __future__ import annotations

from heschl.models.weights.availability import (
    check_address,
    check_available,
    fetch_plan,
    installed,
)
from heschl.models.weights.contents import Contents, find_file
from heschl.models.weights.conversion import convert
from heschl.models.weights.facts import facts
from heschl.models.weights.install import fetch
from heschl.models.weights.reading import read_contents
from heschl.models.weights.strict import copy_strict, load_strict
from heschl.models.weights.weights import Weights

__all__ = [
    "Contents",
    "Weights",
    "check_address",
    "check_available",
    "convert",
    "copy_strict",
    "facts",
    "fetch",
    "fetch_plan",
    "find_file",
    "installed",
    "load_strict",
    "read_contents",
]
