"""Writing of the page and the main figure of a training."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from heschl import store
from heschl.dynamics.table import read_trajectory
from heschl.errors import InputError, UsageError
from heschl.report.dynamics import sketches
from heschl.report.dynamics.course import Course, gather
from heschl.report.dynamics.losses import losses_of
from heschl.report.dynamics.measures import measures
from heschl.report.dynamics.page import axis_of, render
from heschl.report.palette import color
from heschl.report.paper.writing import FORMATS
from heschl.report.style import WIDE, style
from heschl.report.svg import any_glyph

#: The file in the folder of a trajectory.
PAGE = "report.html"
_DPI = 200


def write_dynamics_report(*folders: str | Path, output: str | Path | None = None) -> Path:
    """Write the page of a training: one HTML file, which opens from disk without a network.

    The same input gives the same bytes.

    Parameters
    ----------
    *folders : str or Path
        Of a trajectory; or of several, trainings of one recipe with other seeds: their mean is
        shown, and each of them.
    output : str or Path, optional
        The file to write; one that exists is replaced. By default ``report.html`` in the folder;
        of several folders it must be given.

    Returns
    -------
    Path
        The file.

    Raises
    ------
    UsageError
        If there is no folder, or several and no ``output``.
    InputError
        If a folder holds no trajectory, it has no value, several have no step in common, or
        ``output`` is a folder.
    DamagedEntryError
        If a file of a trajectory is not as heschl wrote it.
    StoreError
        If the file cannot be written.
    """
    if not folders:
        raise UsageError("no folder is given; expected that of at least one trajectory")
    if output is None and len(folders) > 1:
        raise UsageError(
            f"{len(folders)} folders and no output; expected the file of their common page, such "
            "as output='report.html'"
        )
    path = Path(folders[0]) / PAGE if output is None else Path(output)
    if path.is_dir():
        raise InputError(f"{path} is a folder; expected the name of a file, such as {PAGE}")
    course = _read(folders)
    store.check_writable(path.parent)
    store.write_text(path, render(course))
    return path


def write_dynamics_figure(
    folders: str | Path | Sequence[str | Path], path: str | Path, *, width: float = WIDE
) -> Path:
    """Write the main figure of the page, similarity and loss over steps, as a file.

    Parameters
    ----------
    folders : str or Path, or sequence of them
        As `write_dynamics_report`.
    path : str or Path
        Its ending says what is written: .svg, .png or .pdf.
    width : float, optional
        In inches.

    Returns
    -------
    Path
        The file.

    Raises
    ------
    UsageError
        If the ending is another one, or there is no folder.
    InputError
        If there is nothing to draw: see `write_dynamics_report`.
    DamagedEntryError
        If a file of a trajectory is not as heschl wrote it.
    StoreError
        If the file cannot be written.
    """
    path = Path(path)
    kind = path.suffix.lower().removeprefix(".")
    if kind not in FORMATS:
        raise UsageError(f"{path.name}: ends in {path.suffix!r}; expected .svg, .png or .pdf")
    several = [folders] if isinstance(folders, str | Path) else list(folders)
    if not several:
        raise UsageError("no folder is given; expected that of at least one trajectory")
    course = _read(several)
    axis = axis_of(course)
    panels = sketches.whole_panels(course, measures(course))
    if not panels:
        raise InputError(
            "there is nothing to draw: no value is of all of auditory cortex; expected rows whose "
            "region is empty and whose target is 'all'"
        )
    sketch = sketches.course_sketch(course, panels, axis, losses_of(course, axis))
    with style(), any_glyph():
        figure = sketch.plot(width=width)

        def write(file: Path) -> None:
            figure.savefig(
                file, format=kind, dpi=_DPI, facecolor=color("paper"), metadata=FORMATS[kind]
            )

        return store.write_atomic(path.parent, path.name, write)


def _read(folders: Sequence[str | Path]) -> Course:
    return gather([read_trajectory(folder) for folder in folders])
