"""Models: waveforms in, activations of named layers out."""

from __future__ import annotations

from typing import Any

from heschl.models.base import AudioModel, ModelSpec
from heschl.models.user import wrap
from heschl.registry import Registry, import_object

MODELS: Registry[ModelSpec] = Registry(
    "model",
    [
        ModelSpec(
            name="spectrotemporal",
            family="hand-built",
            summary="power in 111 spectrotemporal modulation filters of a cochleagram (baseline)",
            loader="heschl.models.spectrotemporal:SpectroTemporal",
            licence="BSD-3-Clause (heschl's own code; no weights)",
            citation=(
                "Chi, Ru & Shamma, J Acoust Soc Am 118 (2005); "
                "Norman-Haignere & McDermott, PLoS Biol 16 (2018)"
            ),
        ),
        ModelSpec(
            name="cochleagram",
            family="hand-built",
            summary="compressed envelopes of 211 ERB-spaced filters at 200 Hz",
            loader="heschl.models.cochleagram:Cochleagram",
            licence="BSD-3-Clause (heschl's own code; no weights)",
            citation="McDermott & Simoncelli, Neuron 71 (2011); Kell et al., Neuron 98 (2018)",
        ),
        ModelSpec(
            name="melspectrogram",
            family="hand-built",
            summary="power in 128 mel bands, and its logarithm, every 10 ms",
            loader="heschl.models.melspectrogram:MelSpectrogram",
            licence="BSD-3-Clause (heschl's own code; no weights)",
            citation="Slaney, Auditory Toolbox, Interval Research Technical Report 10 (1998)",
        ),
    ],
)


def load_model(model: str | AudioModel | Any) -> AudioModel:
    """Return a model by its name, or make one of a user's own object.

    Parameters
    ----------
    model : str, AudioModel, torch.nn.Module or callable
        A name of ``heschl list``; an object that is no `AudioModel` goes through `wrap` and needs
        an attribute ``sample_rate``.

    Returns
    -------
    AudioModel

    Raises
    ------
    UnknownNameError
        If no model has that name.
    UsageError
        If an object can't be made a model.

    Examples
    --------
    >>> load_model("cochleagram").layers
    ('envelopes', 'cochleagram')
    """
    if isinstance(model, AudioModel):
        return model
    if isinstance(model, str):
        loaded = import_object(MODELS[model].loader)()
        if not isinstance(loaded, AudioModel):
            raise TypeError(f"{MODELS[model].loader} returned {type(loaded).__name__}")
        return loaded
    return wrap(model)


__all__ = ["MODELS", "AudioModel", "ModelSpec", "load_model", "wrap"]
