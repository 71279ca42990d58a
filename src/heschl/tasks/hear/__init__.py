"""Tasks in the layout of HEAR 2021 (Turian et al., PMLR 176, 2022): the six official ones, and any.

A task is a folder with ``task_metadata.json``, ``labelvocabulary.csv``, the labels of each split in
``<split>.json``, and its audio in ``<rate>/<split>/<file>``.
"""

from __future__ import annotations

from heschl.tasks.hear.loading import find_folder, load
from heschl.tasks.hear.official import SPECS

__all__ = ["SPECS", "find_folder", "load"]
