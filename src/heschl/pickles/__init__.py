"""Foreign pickles and checkpoints of torch, read without running them.

A pickle is a program that names functions and calls them. Here no name is ever looked up: `inert`
carries the program out on numbers, texts, containers and records, and what those mean is worked out
afterwards, from data. Neither torch nor any other library sees the pickle.
"""

from __future__ import annotations

from heschl.pickles.inert import Maker, Record, read_inert
from heschl.pickles.machine import Limits

__all__ = ["Limits", "Maker", "Record", "read_inert"]
