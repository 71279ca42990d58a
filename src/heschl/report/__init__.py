"""Reports: pages of runs and trainings, the site of a study of many models, figures for papers."""

from __future__ import annotations

from heschl.report.dynamics import write_dynamics_figure, write_dynamics_report
from heschl.report.page import write_report
from heschl.report.paper import write_paper_figures
from heschl.report.site import write_site

__all__ = [
    "write_dynamics_figure",
    "write_dynamics_report",
    "write_paper_figures",
    "write_report",
    "write_site",
]
