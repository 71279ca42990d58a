"""Studies: many models by one file, planned first, then run, resumable at any point."""

from __future__ import annotations

from heschl.studies.adding import add_results
from heschl.studies.commands import command_lines
from heschl.studies.desk import Running
from heschl.studies.folder import Failure, StudyRun, is_study, load_run
from heschl.studies.gathering import Gathered, gather
from heschl.studies.journal import read_journal
from heschl.studies.planning import Plan, plan_study
from heschl.studies.reading import StudyFile, read_study
from heschl.studies.running import run_study

__all__ = [
    "Failure",
    "Gathered",
    "Plan",
    "Running",
    "StudyFile",
    "StudyRun",
    "add_results",
    "command_lines",
    "gather",
    "is_study",
    "load_run",
    "plan_study",
    "read_journal",
    "read_study",
    "run_study",
]
