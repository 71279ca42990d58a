"""The report of a training: how a model becomes like brains, step by step."""

from __future__ import annotations

from heschl.report.dynamics.writing import write_dynamics_figure, write_dynamics_report

__all__ = ["write_dynamics_figure", "write_dynamics_report"]
