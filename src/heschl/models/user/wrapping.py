"""An `AudioModel` of whatever a user has in hand."""

from __future__ import annotations

import sys
from collections.abc import Sequence
from typing import Any

from heschl.errors import UsageError
from heschl.models.base import AudioModel
from heschl.models.user.functions import FunctionModel


def wrap(
    model: Any,
    *,
    sample_rate: int | None = None,
    layers: Sequence[str] | None = None,
    level: float | None = None,
    name: str | None = None,
    time_axis: int | None = None,
    one_at_a_time: bool = False,
) -> AudioModel:
    """Make an `AudioModel` of a function or torch module.

    Parameters
    ----------
    model : callable or torch.nn.Module
        A function takes waveforms (n_sounds, n_samples), float32, and returns an array or a
        dictionary of arrays (layer name to array), the sounds along the first axis. A module takes
        the same as a tensor; what its submodules put out is recorded.
    sample_rate : int, optional
        In Hz; by default the model's attribute ``sample_rate``.
    layers : sequence of str, optional
        For a function, the names it returns (all by default); for a module, paths of submodules as
        in ``named_modules``. By default its blocks: the elements of its outermost ``ModuleList``
        and ``Sequential`` if these hold more than half of its parameters, else its direct children.
        All other submodules can still be asked for by name.
    level : float, optional
        Bring the sounds to this root mean square, mean removed; by default left as recorded.
    name : str, optional
        By default the model's attribute ``name`` or the name of its function or class.
    time_axis : int, optional
        Axis of every layer's output (counted with the axis of sounds) over which activations are
        averaged. By default the last for functions; for modules, the axis that grows with the
        duration of the sound.
    one_at_a_time : bool, optional
        Put every sound through the model alone, for models of which a sound's activations depend on
        the others in its batch.

    Returns
    -------
    AudioModel

    Raises
    ------
    UsageError
        If the model cannot be called, no sample rate is known, or it is not the model's own.
    UnknownNameError
        If a layer does not exist.
    InputError
        If the model cannot run on two seconds of sound, returns something else than arrays, or its
        time axis cannot be told.

    Examples
    --------
    >>> import numpy as np
    >>> model = wrap(lambda x: {"energy": x[:, None] ** 2}, sample_rate=16000, name="energy")
    >>> model.layers
    ('energy',)
    """
    if not callable(model):
        raise UsageError(
            f"{model!r} is no model; expected a name, an AudioModel, a torch module or a function"
        )
    rate = _sample_rate(model, sample_rate)
    called = name or _name_of(model)
    wrapped: AudioModel
    if is_module(model):
        from heschl.models.user.modules import TorchModel

        wrapped = TorchModel(model, rate, layers, level, called, time_axis)
    else:
        wrapped = FunctionModel(model, rate, layers, level, called, time_axis)
    wrapped.one_at_a_time = one_at_a_time
    return wrapped


def is_module(model: object) -> bool:
    """Whether something is a torch module; none exists before its user has imported torch."""
    torch = sys.modules.get("torch")
    return torch is not None and isinstance(model, torch.nn.Module)


def whole_hertz(value: object) -> int | None:
    """Return a sample rate as a whole number; None if it is none."""
    if isinstance(value, bool) or not hasattr(value, "__float__"):
        return None
    try:
        number = float(value)
    except (TypeError, ValueError):
        return None
    return int(number) if number > 0 and number.is_integer() else None


def _sample_rate(model: Any, given: int | None) -> int:
    own = getattr(model, "sample_rate", None)
    rate = whole_hertz(own if given is None else given)
    if rate is None:
        raise UsageError(
            f"the sample rate of {model!r} is {own if given is None else given!r}; expected a "
            "whole number of Hz: say heschl.wrap(model, sample_rate=16000)"
        )
    if given is not None and whole_hertz(own) not in (None, rate):
        raise UsageError(
            f"sample_rate={given} for a model whose attribute sample_rate is {own}; expected "
            f"{own}: leave the argument out, or correct the attribute"
        )
    return rate


def _name_of(model: object) -> str:
    for attribute in ("name", "__name__"):
        value = getattr(model, attribute, None)
        if isinstance(value, str) and value != "<lambda>":
            return value
    return type(model).__name__
