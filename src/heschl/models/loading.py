"""From what a user names to a model that can be run."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from heschl.errors import MissingDependencyError, UsageError
from heschl.models.base import AudioModel, ModelSpec
from heschl.models.references import CHECKPOINT, CHECKPOINTS, SUFFIXES, Reference, parse
from heschl.models.table import MODELS
from heschl.models.user import wrap
from heschl.registry import import_object


def load_model(model: str | AudioModel | Any, *, device: str | None = None) -> AudioModel:
    """Return a model by its name, or make one of a user's own object.

    Parameters
    ----------
    model : str, AudioModel, torch.nn.Module or callable
        A name of ``heschl list``, with ``@random:SEED`` for fresh weights, ``@permuted:SEED`` for
        shuffled ones or ``@file:PATH`` for weights of your own in the official layout;
        ``hf:ORG/NAME`` or a local folder for any audio encoder of transformers; the path of a
        checkpoint that ``heschl pretrain`` wrote, or of any EnCodecMAE in the published layout;
        ``hear:MODULE[:WEIGHTS]`` for a module with the HEAR API; ``torch:MODULE:FUNCTION`` for a
        function that returns a torch module. An object that is no `AudioModel` goes through `wrap`
        and needs an attribute ``sample_rate``.
    device : str, optional
        Where it is to run, as torch names it; where it is by default.

    Returns
    -------
    AudioModel

    Raises
    ------
    UnknownNameError
        If no model has that name.
    UsageError
        If an object can't be made a model, or the control or device cannot be had.
    FetchError
        If the weights are not on this machine and cannot be brought.
    InputError
        If weights are not those of the model; the tensor is named.
    MissingDependencyError
        If torch or transformers is needed and not installed.

    Examples
    --------
    >>> load_model("cochleagram").layers
    ('envelopes', 'cochleagram')
    """
    loaded = _load(model)
    return loaded if device is None else loaded.to(device)


def _load(model: str | AudioModel | Any) -> AudioModel:
    if isinstance(model, AudioModel):
        return model
    if not isinstance(model, str):
        return wrap(model)
    reference = parse(model)
    loaded = _LOADERS[reference.kind](reference)
    if reference.control == "permuted":
        from heschl.models.controls import permute

        permute(_network(loaded, reference), reference.seed)
    if reference.kind != "zoo" or reference.control or reference.file:
        loaded.name = reference.name
    return loaded


def check_reference(model: str) -> None:
    """Refuse, quickly, a model that could not be loaded: no such name, no weights to be had.

    Raises
    ------
    UnknownNameError, UsageError, FetchError
        As `load_model`; a missing or altered file of a local copy shows only there.
    """
    reference = parse(model)
    if reference.kind != "zoo":
        return
    spec = _spec(reference)
    _check_control(spec, reference)
    if spec.weights is not None and reference.control != "random" and reference.file is None:
        from heschl.models.weights import check_available

        check_available(spec)


def outline(model: str) -> AudioModel:
    """Return a model to look at its layers, without bringing weights that are not here.

    Where the weights of a published model are missing, its network has shapes but no values.

    Raises
    ------
    UnknownNameError, UsageError, InputError, MissingDependencyError
        As `load_model`.
    """
    reference = parse(model)
    if reference.kind != "zoo":
        return _load(model)
    spec = _spec(reference)
    if spec.weights is None or reference.control or reference.file:
        return _load(model)
    from heschl.models import weights

    if weights.installed(spec) is not None:
        return _load(model)
    import torch

    with torch.device("meta"):
        return _as_model(_loader(spec)(spec, None), spec)


def _spec(reference: Reference) -> ModelSpec:
    """Look a name up; of a path, say what is missing there."""
    name = reference.target
    if name not in MODELS:
        path = Path(name).expanduser()
        if path.is_dir():
            run = (path / CHECKPOINTS).is_dir()
            raise UsageError(
                f"{name}: a folder without a config.json or a {CHECKPOINT}; expected one that "
                "save_pretrained of transformers wrote, a checkpoint of heschl pretrain, or a name "
                f"of 'heschl list models'"
                f"{f'. It is a run: give one of the folders in its {CHECKPOINTS}' if run else ''}"
            )
        if path.suffix in SUFFIXES:
            raise UsageError(f"{name}: no such file; expected the checkpoint of an EnCodecMAE")
    return MODELS[name]


def _check_control(spec: ModelSpec, reference: Reference) -> None:
    if spec.weights is None and (reference.control or reference.file):
        raise UsageError(
            f"{spec.name} has no weights: nothing of it is learned; expected {spec.name} alone"
        )


def _zoo(reference: Reference) -> AudioModel:
    spec = _spec(reference)
    _check_control(spec, reference)
    loader = _loader(spec)
    if spec.weights is None:
        return _as_model(loader(), spec)
    if reference.control == "random":
        from heschl.models.controls import seeded

        with seeded(reference.seed):
            return _as_model(loader(spec, None), spec)
    return _as_model(loader(spec, _source(spec, reference)), spec)


def _loader(spec: ModelSpec) -> Any:
    """Import what loads a model; say what to install if torch or transformers is missing."""
    try:
        return import_object(spec.loader)
    except ModuleNotFoundError as error:
        if error.name not in ("torch", "transformers"):
            raise
        raise _needs(error.name, spec.name) from error


def _needs(package: str, model: str) -> MissingDependencyError:
    return MissingDependencyError(
        f"{model} needs {package}, which is not installed; install heschl with its extra "
        '"zoo": python -m pip install "heschl[zoo]"'
    )


def _source(spec: ModelSpec, reference: Reference) -> Path:
    if reference.file is not None:
        if not reference.file.exists():
            raise UsageError(
                f"{reference.file}: no such file or folder; expected weights of {spec.name}"
            )
        return reference.file
    from heschl.models import weights

    return weights.installed(spec) or weights.fetch(spec)


def _as_model(loaded: object, spec: ModelSpec) -> AudioModel:
    if not isinstance(loaded, AudioModel):
        raise TypeError(f"{spec.loader} returned {type(loaded).__name__}")
    return loaded


def _hub(reference: Reference) -> AudioModel:
    from heschl.models.huggingface import load_hub

    if reference.control != "random":
        return load_hub(reference.target)
    from heschl.models.controls import seeded

    with seeded(reference.seed):
        return load_hub(reference.target, fresh=True)


def _hear(reference: Reference) -> AudioModel:
    from heschl.models.user import load_hear

    return _anew(load_hear(reference.target, reference.argument), reference)


def _torch(reference: Reference) -> AudioModel:
    from heschl.models.user import load_torch

    return _anew(load_torch(reference.target, str(reference.argument)), reference)


def _anew(loaded: AudioModel, reference: Reference) -> AudioModel:
    """Draw a user's own weights anew, if that is the control."""
    if reference.control == "random":
        from heschl.models.controls import reset

        reset(_network(loaded, reference), reference.seed)
    return loaded


def _network(loaded: AudioModel, reference: Reference) -> Any:
    network = getattr(loaded, "network", None)
    if network is None:
        raise UsageError(
            f"{reference.name}: there is no torch network whose weights could be changed; expected "
            f"{loaded.name} without a control"
        )
    return network


def _checkpoint(reference: Reference) -> AudioModel:
    try:
        from heschl.models.encodecmae.model import load_checkpoint
    except ModuleNotFoundError as error:
        if error.name != "torch":
            raise
        raise _needs("torch", reference.name) from error
    from heschl.models.controls import seeded

    path = Path(reference.target).expanduser()
    if reference.control != "random":
        return load_checkpoint(path, reference.name)
    with seeded(reference.seed):
        return load_checkpoint(path, reference.name, fresh=True)


_LOADERS = {
    "zoo": _zoo,
    "hf": _hub,
    "hear": _hear,
    "torch": _torch,
    "checkpoint": _checkpoint,
}
