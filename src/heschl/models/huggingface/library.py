"""The transformers library: imported late, and kept quiet."""

from __future__ import annotations

import importlib
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from heschl.errors import MissingDependencyError


def transformers_class(name: str) -> Any:
    """Import a class of transformers; the import takes seconds, so it comes late.

    Raises
    ------
    MissingDependencyError
        If transformers is not installed, is broken, or has no such class.
    """
    try:
        return getattr(importlib.import_module("transformers"), name)
    except (ImportError, OSError, AttributeError, RuntimeError) as error:
        raise MissingDependencyError(
            f"transformers gives no {name} ({first_line(error)}); expected a working transformers "
            "5: pip install 'heschl[zoo]' (a torchaudio or torchvision that does not fit to torch "
            "breaks it: remove that one)"
        ) from error


@contextmanager
def quietly() -> Iterator[None]:
    """Keep transformers from writing reports and progress bars; what is wrong is raised here."""
    logging = importlib.import_module("transformers.utils.logging")
    verbosity, bars = logging.get_verbosity(), logging.is_progress_bar_enabled()
    logging.set_verbosity(logging.CRITICAL)
    logging.disable_progress_bar()
    try:
        yield
    finally:
        logging.set_verbosity(verbosity)
        if bars:
            logging.enable_progress_bar()


def first_line(error: BaseException) -> str:
    """Return the beginning of what an error of the library says."""
    lines = str(error).strip().splitlines()
    return lines[0] if lines else "no reason given"
