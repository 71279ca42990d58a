"""A user's module, from the current directory or the installed packages."""

from __future__ import annotations

import importlib
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from types import ModuleType

from heschl.errors import MissingDependencyError, UsageError
from heschl.models.user.probing import users_code
from heschl.registry import unknown_name


@contextmanager
def current_directory_first() -> Iterator[None]:
    """Let modules of the current directory be imported, as ``python SCRIPT`` would there."""
    here = str(Path.cwd())
    sys.path.insert(0, here)
    importlib.invalidate_caches()
    try:
        yield
    finally:
        if here in sys.path:
            sys.path.remove(here)


def import_module(name: str) -> ModuleType:
    """Import a module by its name.

    Raises
    ------
    UsageError
        If there is none of that name.
    MissingDependencyError
        If there is, but it needs one that is not there.
    InputError
        If it raises an error while it is imported.
    """
    if name.endswith(".py") or not all(part.isidentifier() for part in name.split(".")):
        raise UsageError(
            f"{name!r} is no name of a module; expected one as in 'import my_module', without .py: "
            "a file my_module.py of the current directory, or an installed package"
        )
    try:
        with current_directory_first(), users_code(f"importing {name}"):
            return _import(name)
    except _AbsentError as error:
        missing = error.name
        if missing is None or not f"{name}.".startswith(f"{missing}."):
            raise MissingDependencyError(
                f"module {name} needs {missing}, which is not installed; expected all that it "
                "imports: install it"
            ) from error.__cause__
        raise UsageError(
            f"no module {name!r} in {Path.cwd()} or among the installed packages; expected a file "
            f"{missing.replace('.', '/')}.py there: change to its folder, or install it"
        ) from error.__cause__


def attribute(module: ModuleType, name: str) -> object:
    """Return what a module calls by a name.

    Raises
    ------
    UnknownNameError
        If it has nothing of that name; what it has is listed.
    """
    if not hasattr(module, name):
        public = [
            one
            for one, value in vars(module).items()
            if not one.startswith("_") and callable(value)
        ]
        raise unknown_name(f"function of module {module.__name__}", name, public)
    found: object = getattr(module, name)
    return found


class _AbsentError(UsageError):
    """A module that is not there; ``name`` says which."""

    def __init__(self, name: str | None) -> None:
        super().__init__(name)
        self.name = name


def _import(name: str) -> ModuleType:
    try:
        return importlib.import_module(name)
    except ModuleNotFoundError as error:
        raise _AbsentError(error.name) from error
