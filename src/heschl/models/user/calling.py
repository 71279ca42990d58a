"""What a function of a user's module returns, as a model."""

from __future__ import annotations

import inspect
from collections.abc import Callable, Sequence
from typing import Any

from heschl.errors import UsageError
from heschl.models.base import AudioModel
from heschl.models.user.importing import attribute, current_directory_first, import_module
from heschl.models.user.probing import users_code
from heschl.models.user.wrapping import is_module, whole_hertz, wrap


def model_of_function(
    module: str, function: str, *, layers: Sequence[str] | None = None
) -> AudioModel:
    """Import a module, call its function, and make a model of what it returns.

    Parameters, returns and errors as of `heschl.models.user.load_torch`.
    """
    reference = f"torch:{module}:{function}"
    found = attribute(import_module(module), function)
    if _is_ready(found):
        made = found
    elif callable(found):
        _check_arguments(found, reference)
        with current_directory_first(), users_code(f"{function}() of {module}"):
            made = found()
    else:
        raise UsageError(
            f"{reference} is {_shown(found)}; expected a function that returns a torch module"
        )
    return _model(made, reference, layers)


def _model(made: Any, reference: str, layers: Sequence[str] | None) -> AudioModel:
    if isinstance(made, AudioModel):
        if layers is not None:
            made.choose(layers)
        return made
    if not (is_module(made) or callable(made)):
        raise UsageError(
            f"{reference} returned {_shown(made)}; expected an AudioModel, or a torch module or a "
            "function of waveforms with an attribute sample_rate"
        )
    if whole_hertz(getattr(made, "sample_rate", None)) is None:
        raise UsageError(
            f"{reference} returned {_shown(made)} whose sample_rate is "
            f"{getattr(made, 'sample_rate', 'not there')!r}; expected a whole number of Hz: set "
            "the attribute before it is returned, as in network.sample_rate = 16000"
        )
    return wrap(made, name=reference, layers=layers)


def _is_ready(found: object) -> bool:
    """Whether it is a model already, not something that makes one."""
    if isinstance(found, type):
        return False
    ready = isinstance(found, AudioModel) or is_module(found)
    return ready or whole_hertz(getattr(found, "sample_rate", None)) is not None


def _check_arguments(function: Callable[..., Any], reference: str) -> None:
    try:
        signature = inspect.signature(function)
    except (TypeError, ValueError):
        return  # written in C: calling it will tell
    try:
        signature.bind()
    except TypeError as error:
        raise UsageError(
            f"{reference} takes {signature}; expected a function without arguments: write one that "
            "calls it with the arguments it needs"
        ) from error


def _shown(value: object) -> str:
    kind = type(value).__name__
    return "None" if value is None else f"{'an' if kind[0] in 'aeiouAEIOU' else 'a'} {kind}"
