"""What every model is: a sample rate, ordered layers, and a forward pass over waveforms."""

from __future__ import annotations

import abc
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from heschl import audio
from heschl.errors import InputError
from heschl.registry import unknown_name

FloatArray = NDArray[np.float32]


@dataclass(frozen=True)
class ModelSpec:
    """One row of the table of models.

    Attributes
    ----------
    name : str
        What a user types.
    family : str
        Models of one family share their architecture.
    summary : str
        One line.
    loader : str
        ``"package.module:callable"`` that returns the `AudioModel`, imported when it is needed.
    licence : str
        Of the code and, where there are any, the weights.
    citation : str
        Where the model was published.
    """

    name: str
    family: str
    summary: str
    loader: str
    licence: str
    citation: str


class AudioModel(abc.ABC):
    """A model that turns waveforms into the activations of its layers.

    Attributes
    ----------
    name : str
    sample_rate : int
        Of the waveforms it takes, in Hz.
    layers : tuple of str
        In order of execution.
    level : float or None
        Root mean square to which waveforms are brought, their mean removed, before the forward
        pass; None takes them as they were recorded.
    """

    name: str
    sample_rate: int
    layers: tuple[str, ...]
    level: float | None = None

    @abc.abstractmethod
    def forward(
        self, waveforms: FloatArray, layers: Sequence[str] | None = None
    ) -> dict[str, FloatArray]:
        """Run the model on waveforms as they are.

        Parameters
        ----------
        waveforms : ndarray of float32, shape (n_sounds, n_samples)
            At ``sample_rate``, full scale -1 to 1.
        layers : sequence of str, optional
            Compute only these; all by default.

        Returns
        -------
        dict of str to ndarray, shape (n_sounds, ..., n_frames)
            The time axis last; one frame where a layer is already averaged over time.
        """

    @abc.abstractmethod
    def identity(self) -> Mapping[str, Any]:
        """Return what determines the outputs (architecture, constants, weights), JSON-ready.

        The key under which activations are stored is made from it: if it changes, they are
        computed again.
        """

    def prepare(self, waveforms: FloatArray) -> FloatArray:
        """Bring waveforms (n_sounds, n_samples) to the level this model was made for."""
        return waveforms if self.level is None else audio.set_level(waveforms, self.level)

    def __call__(
        self, waveforms: FloatArray, layers: Sequence[str] | None = None
    ) -> dict[str, FloatArray]:
        """Set the level and run the model: `prepare`, then `forward`.

        Parameters
        ----------
        waveforms : ndarray of float32, shape (n_sounds, n_samples) or (n_samples,)
            At ``sample_rate``.
        layers : sequence of str, optional
            Compute only these; all by default.

        Returns
        -------
        dict of str to ndarray, shape (n_sounds, ..., n_frames)

        Raises
        ------
        InputError
            If the waveforms are not one or two-dimensional or not finite.
        UnknownNameError
            If a layer does not exist.
        """
        x = np.atleast_2d(np.asarray(waveforms, dtype=np.float32))
        if x.ndim != 2:
            raise InputError(f"waveforms have shape {x.shape}; expected (n_sounds, n_samples)")
        for i, waveform in enumerate(x):
            audio.check_finite(waveform, f"waveform {i}")
        return self.forward(self.prepare(x), self.choose(layers))

    def choose(self, layers: Sequence[str] | None) -> tuple[str, ...]:
        """Check layer names and return them in order of execution; None means all."""
        if layers is None:
            return self.layers
        for layer in layers:
            if layer not in self.layers:
                raise unknown_name(f"layer of {self.name}", layer, self.layers)
        return tuple(layer for layer in self.layers if layer in layers)

    def __repr__(self) -> str:
        return (
            f"<{type(self).__name__} {self.name}: {len(self.layers)} layers, {self.sample_rate} Hz>"
        )
