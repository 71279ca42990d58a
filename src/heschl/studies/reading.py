"""Study files."""

from __future__ import annotations

from pathlib import Path

from heschl.studies.description import Description
from heschl.yaml_file import DescribedFile, parse_described, read_described

StudyFile = DescribedFile[Description]


def read_study(path: str | Path) -> StudyFile:
    """Read and validate a study file; names in it are not looked up yet.

    Raises
    ------
    InputError
        If there is no such file, or it is not YAML, or not as a study file has to be: every
        complaint with its line.
    """
    return read_described(path, Description, "study file")


def parse_study(path: Path, text: str) -> StudyFile:
    """Validate the text of a study file as it was when it was read; see `read_study`.

    Raises
    ------
    InputError
        As `read_study`.
    """
    return parse_described(path, text, Description, "study file")
