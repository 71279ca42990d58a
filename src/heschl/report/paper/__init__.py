"""Figures and a table for papers: those of Pepino et al. (2025), of any study."""

from __future__ import annotations

from heschl.report.paper.writing import write_paper_figures

__all__ = ["write_paper_figures"]
