"""Results: one row per score, what it was computed from, and the numbers behind it."""

from heschl.results.details import Detail, ProbeDetail, Profile, RdmDetail
from heschl.results.run import FILE, FORMAT, Results, environment, merge
from heschl.results.spreadsheets import csv_text
from heschl.results.table import COLUMNS, score_table

__all__ = [
    "COLUMNS",
    "FILE",
    "FORMAT",
    "Detail",
    "ProbeDetail",
    "Profile",
    "RdmDetail",
    "Results",
    "csv_text",
    "environment",
    "merge",
    "score_table",
]
