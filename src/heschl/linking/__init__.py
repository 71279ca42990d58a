"""Linking brains and tasks: what many models show together."""

from __future__ import annotations

from heschl.linking.link import link
from heschl.linking.tables import OVERALL, Linked

__all__ = ["OVERALL", "Linked", "link"]
