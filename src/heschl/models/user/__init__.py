"""Models that a user brings: any function of waveforms, any torch module, any HEAR module.

torch is imported only once a user brings something that needs it.
"""

from __future__ import annotations

from collections.abc import Sequence

from heschl.models.base import AudioModel
from heschl.models.user.wrapping import wrap


def load_torch(module: str, function: str, *, layers: Sequence[str] | None = None) -> AudioModel:
    """Load what a function of a user's module returns: ``torch:MODULE:FUNCTION``.

    Parameters
    ----------
    module : str
        As in ``import MODULE``; looked for in the current directory first, then among the
        installed packages.
    function : str
        Takes no arguments and returns an `AudioModel`, or a torch module or a function of waveforms
        with an attribute ``sample_rate``. A class is called too; what is such a module or
        `AudioModel` already, or has a ``sample_rate``, is taken as it is.
    layers : sequence of str, optional
        As for `wrap`.

    Returns
    -------
    AudioModel

    Raises
    ------
    UsageError
        If there is no such module or function, it needs arguments, or it returns something else.
    InputError
        If the user's code raises an error.
    MissingDependencyError
        If the module needs a package that is not installed.
    UnknownNameError
        If a layer does not exist.
    """
    from heschl.models.user.calling import model_of_function

    return model_of_function(module, function, layers=layers)


def load_hear(module: str, weights: str | None = None) -> AudioModel:
    """Load a module with the HEAR API: ``hear:MODULE[:WEIGHTS]``.

    The API (Turian et al. 2022, https://hearbenchmark.com/hear-api.html) is ``load_model``, which
    returns a model with an attribute ``sample_rate``; ``get_timestamp_embeddings`` and
    ``get_scene_embeddings``.

    Parameters
    ----------
    module : str
        As in ``import MODULE``; looked for in the current directory first, then among the
        installed packages.
    weights : str, optional
        A file that ``load_model`` takes.

    Returns
    -------
    AudioModel
        Layer ``timestamp``: the embeddings over time, averaged. Only when asked for: ``scene``, one
        embedding of the whole sound; and if the loaded model is a torch module, the paths of its
        submodules that are called once for each batch. Without ``get_timestamp_embeddings``,
        ``scene`` is the default layer.

    Raises
    ------
    UsageError
        If there is no such module or file, or it lacks a part of the API.
    InputError
        If the user's code raises an error, or returns something else than the API says.
    MissingDependencyError
        If torch is not installed, or the module needs a package that is not.
    """
    from heschl.models.user.hear import HearModel

    return HearModel.load(module, weights)


__all__ = ["load_hear", "load_torch", "wrap"]
