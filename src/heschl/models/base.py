"""What every model is: a sample rate, ordered layers, and a forward pass over waveforms."""

from __future__ import annotations

import abc
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Literal, Self

import numpy as np
from numpy.typing import NDArray

from heschl import audio
from heschl.errors import InputError, UsageError
from heschl.registry import unknown_name

if TYPE_CHECKING:
    from heschl.models.weights import Weights

FloatArray = NDArray[np.float32]

POOLING = "mean over frames"


@dataclass(frozen=True)
class Training:
    """What a model was trained on, as it was published.

    Attributes
    ----------
    kind : {"self-supervised", "supervised", "hand-built"}
        What the weights that are used learned last: a self-supervised network that was trained
        further on labels is supervised; of a hand-built model nothing is learned.
    hours : float or None
        Of sound in the training data, labelled or not; sound that is used twice counts once. None
        where it is not known. What only a teacher or a tokenizer has heard does not count.
    data : str
        Names of the training sets.
    source : str
        Where that stands, and what of it could not be looked up.
    """

    kind: Literal["self-supervised", "supervised", "hand-built"]
    hours: float | None
    data: str
    source: str


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
        ``"package.module:callable"`` that returns the `AudioModel`, imported when it is needed. It
        takes no arguments where nothing is learned, else this row and the folder or file that holds
        the weights (None: fresh ones).
    licence : str
        Of the code and, where there are any, the weights.
    citation : str
        Where the model was published.
    aliases : tuple of str
        Other names it goes by: the identifiers of Pepino et al. (2025).
    weights : Weights or None
        Where the weights are published; None where nothing is learned.
    options : mapping
        What tells it from others of its family, for the loader.
    training : Training or None
        What the published weights were trained on; None where nobody has looked it up.
    """

    name: str
    family: str
    summary: str
    loader: str
    licence: str
    citation: str
    aliases: tuple[str, ...] = ()
    weights: Weights | None = None
    options: Mapping[str, Any] = field(default_factory=dict)
    training: Training | None = None


class AudioModel(abc.ABC):
    """A model that turns waveforms into the activations of its layers.

    Attributes
    ----------
    name : str
    sample_rate : int
        Of the waveforms it takes, in Hz.
    layers : tuple of str
        In order of execution.
    extra_layers : tuple of str
        Further layers, which are computed only when they are asked for by name.
    level : float or None
        Root mean square to which waveforms are brought, their mean removed, before the forward
        pass; None takes them as they were recorded.
    one_at_a_time : bool
        Whether the activations of a sound depend on the sounds that go through the model with it,
        so that each has to go alone.
    """

    name: str
    sample_rate: int
    layers: tuple[str, ...]
    extra_layers: tuple[str, ...] = ()
    level: float | None = None
    one_at_a_time: bool = False

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
            Compute only these; all but the extra ones by default.

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

    @property
    def device(self) -> str:
        """Where the forward pass runs: ``"cpu"`` unless `to` has moved the model."""
        return "cpu"

    def to(self, device: str) -> Self:
        """Move the model to a device, as torch names it, and return it.

        Raises
        ------
        UsageError
            If it cannot run there.
        """
        if device != "cpu":
            raise UsageError(
                f"{self.name} cannot run on device {device!r}: it is no torch network; expected "
                "'cpu'"
            )
        return self

    def pooling(self, layer: str) -> str:
        """Say in words how a layer's output becomes one vector for each sound."""
        self.choose([layer])
        return POOLING

    def peak_bytes(self, waveforms: FloatArray, layers: Sequence[str] | None = None) -> int | None:
        """Return how many bytes `vectors` holds at once for waveforms; None if not known."""
        return None

    def prepare(self, waveforms: FloatArray) -> FloatArray:
        """Bring waveforms (n_sounds, n_samples) to the level this model was made for."""
        return waveforms if self.level is None else audio.set_level(waveforms, self.level)

    def level_in_words(self) -> str:
        """Say in words what `prepare` does to a waveform."""
        return "as recorded" if self.level is None else f"rms {self.level}, mean removed"

    def __call__(
        self, waveforms: FloatArray, layers: Sequence[str] | None = None
    ) -> dict[str, FloatArray]:
        """Set the level and run the model: `prepare`, then `forward`.

        Parameters
        ----------
        waveforms : ndarray of float32, shape (n_sounds, n_samples) or (n_samples,)
            At ``sample_rate``.
        layers : sequence of str, optional
            Compute only these; all but the extra ones by default.

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
        return self.forward(self.prepare(_checked(waveforms)), self.choose(layers))

    def vectors(
        self, waveforms: FloatArray, layers: Sequence[str] | None = None
    ) -> dict[str, FloatArray]:
        """Set the level, run the model, and average every layer over time.

        Parameters
        ----------
        waveforms : ndarray of float32, shape (n_sounds, n_samples) or (n_samples,)
            At ``sample_rate``.
        layers : sequence of str, optional
            Compute only these; all but the extra ones by default.

        Returns
        -------
        dict of str to ndarray of float32, shape (n_sounds, n_features)
            All axes but time flattened.

        Raises
        ------
        InputError
            If the waveforms are not one or two-dimensional or not finite, or the model returns
            something else than one array (n_sounds, ..., n_frames) for each layer.
        UnknownNameError
            If a layer does not exist.
        """
        x, chosen = self.prepare(_checked(waveforms)), self.choose(layers)
        out = self.forward(x, chosen)
        missing = [layer for layer in chosen if layer not in out]
        if missing:
            raise InputError(
                f"{self.name} returned the layers {list(out)}; expected also {missing[0]!r}"
            )
        return {
            layer: time_average(np.asarray(out[layer]), len(x), f"{self.name}, layer {layer!r}")
            for layer in chosen
        }

    def choose(self, layers: Sequence[str] | None) -> tuple[str, ...]:
        """Check layer names and return them in order of execution; None means all.

        All are those of ``layers``; the ``extra_layers`` have to be named.
        """
        if layers is None:
            return self.layers
        known = self.every_layer()
        for layer in layers:
            if layer not in known:
                raise unknown_name(f"layer of {self.name}", layer, known)
        return tuple(layer for layer in known if layer in layers)

    def every_layer(self) -> tuple[str, ...]:
        """Return ``layers`` and ``extra_layers`` in order of execution."""
        return (*self.layers, *self.extra_layers)

    def __repr__(self) -> str:
        return (
            f"<{type(self).__name__} {self.name}: {len(self.layers)} layers, {self.sample_rate} Hz>"
        )


def time_average(output: NDArray[np.floating], n_sounds: int, where: str) -> FloatArray:
    """Average a layer's output over time.

    Parameters
    ----------
    output : ndarray, shape (n_sounds, ..., n_frames)
    n_sounds : int
        How many there should be.
    where : str
        Which model and layer, for the message.

    Returns
    -------
    ndarray of float32, shape (n_sounds, n_features)

    Raises
    ------
    InputError
        If the output has another shape, or no frame.
    """
    if output.ndim < 2 or len(output) != n_sounds or not output.size:
        raise InputError(
            f"{where}: shape {output.shape} for {n_sounds} sounds; expected (n_sounds, "
            "..., n_frames), one row for each sound and at least one frame"
        )
    mean = output.mean(axis=-1, dtype=np.float64)
    return mean.reshape(n_sounds, -1).astype(np.float32)


def _checked(waveforms: FloatArray) -> FloatArray:
    """Waveforms as (n_sounds, n_samples), refused if they are something else."""
    x = np.atleast_2d(np.asarray(waveforms, dtype=np.float32))
    if x.ndim != 2:
        raise InputError(f"waveforms have shape {x.shape}; expected (n_sounds, n_samples)")
    for i, waveform in enumerate(x):
        audio.check_finite(waveform, f"waveform {i}")
    return x
