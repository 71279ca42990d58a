"""Progress bars with a rate and the time left; quiet away from a terminal."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING, Protocol

from heschl.errors import printable

if TYPE_CHECKING:
    from rich.console import Console

_quiet = False
#: Of the bar that is shown now: what is said meanwhile goes above it.
_console: Console | None = None


def set_quiet(quiet: bool) -> None:
    """Switch all progress bars off (or on again)."""
    global _quiet
    _quiet = quiet


def say(text: str, *, show: bool = True) -> None:
    """Print a line on standard error: which of several long pieces of work begins.

    Quiet where a bar is.
    """
    text = printable(text)
    if _console is not None:
        _console.print(text, markup=False, highlight=False)
    elif show and not _quiet and sys.stderr.isatty():
        print(text, file=sys.stderr, flush=True)  # noqa: T201 - for whoever watches


class Advance(Protocol):
    """Call with the number of steps just done."""

    def __call__(self, steps: float = 1, /) -> None:  # noqa: D102
        ...


@contextmanager
def bar(label: str, total: float, unit: str, *, show: bool = True) -> Iterator[Advance]:
    """Show a progress bar on standard error while the block runs.

    Parameters
    ----------
    label : str
        What is being done.
    total : float
        Number of steps.
    unit : str
        What a step is, in the plural.
    show : bool, optional
        False shows nothing, as do ``-q`` and a standard error that is no terminal.
    """
    if not show or _quiet or not sys.stderr.isatty():
        yield lambda steps=1, /: None
        return
    from rich.console import Console
    from rich.progress import (
        BarColumn,
        MofNCompleteColumn,
        Progress,
        TextColumn,
        TimeRemainingColumn,
    )

    columns = (
        TextColumn("{task.description}", markup=False),  # a user's model may be named "[x]"
        BarColumn(),
        MofNCompleteColumn(),
        TextColumn(f"{unit}, {{task.fields[rate]}}/s, left"),
        TimeRemainingColumn(),
    )
    global _console
    console = Console(stderr=True)
    with Progress(*columns, console=console, transient=True) as progress:
        task = progress.add_task(printable(label), total=total, rate="?")

        def advance(steps: float = 1, /) -> None:
            progress.advance(task, steps)
            speed = progress.tasks[task].speed
            progress.update(task, rate="?" if speed is None else f"{speed:.3g}")

        outer, _console = _console, console
        try:
            yield advance
        finally:
            _console = outer
