"""The report of a run: one HTML file with scores, figures and sounds, to open and to share."""

from __future__ import annotations

from heschl.report.page import write_report

__all__ = ["write_report"]
