"""Front ends of EnCodecMAE: what its first linear layer takes.

All models work on the waveform as it is, full scale -1 to 1, at 24 kHz. Numbers of
habla-liaa/encodecmae at 2dd6759 (``configs/features``, arguments of its processors); frames are
Kaldi's, their length and shift given in milliseconds there.
"""

from __future__ import annotations

from dataclasses import asdict, dataclass
from typing import Any, ClassVar

from torch import Tensor

from heschl.models.frontends import kaldi

SAMPLE_RATE = 24_000  # Hz


@dataclass(frozen=True)
class Frames:
    """How a waveform is cut into frames, and what is done with their spectra.

    Attributes
    ----------
    sample_rate : int
        In Hz; what turns milliseconds into samples and places the mel bands.
    frame_length_ms, frame_shift_ms : float
        In milliseconds; rounded down to samples.
    window : str
        One of `heschl.models.frontends.kaldi.WINDOWS`.
    mean, std : float
        The features are brought to ``(x - mean) / std``.
    """

    sample_rate: int = SAMPLE_RATE
    frame_length_ms: float = 26.56
    frame_shift_ms: float = 13.28
    window: str = "hanning"
    mean: float = -6.12
    std: float = 4.82

    @property
    def frame_length(self) -> int:
        """In samples."""
        return self._samples(self.frame_length_ms)

    @property
    def frame_shift(self) -> int:
        """In samples."""
        return self._samples(self.frame_shift_ms)

    def _samples(self, milliseconds: float) -> int:
        return int(self.sample_rate * milliseconds * 0.001)

    def _normalised(self, features: Tensor) -> Tensor:
        return (features - self.mean) / self.std


@dataclass(frozen=True)
class Mel(Frames):
    """Log power in mel bands: 149 frames of 2 s.

    Attributes
    ----------
    n_mels : int
    low, high : float
        Edges of the outermost bands in Hz; 0 for ``high`` is half the sample rate.
    """

    kind: ClassVar[str] = "mel"

    n_mels: int = 256
    low: float = 20.0
    high: float = 0.0

    @property
    def n_features(self) -> int:
        """Numbers for each frame."""
        return self.n_mels

    def __call__(self, waveforms: Tensor) -> Tensor:
        """Turn waveforms (n_sounds, n_samples) into (n_sounds, n_frames, n_features).

        Raises
        ------
        InputError
            If they are shorter than a frame.
        """
        power = kaldi.fbank(
            waveforms,
            sample_rate=self.sample_rate,
            frame_length=self.frame_length,
            frame_shift=self.frame_shift,
            n_mels=self.n_mels,
            low=self.low,
            high=self.high,
            window=self.window,
        )
        return self._normalised(power)


@dataclass(frozen=True)
class Spectrogram(Frames):
    """Log power spectrum, its first bin replaced by the log energy of the frame.

    The numbers of the published model are in its checkpoint only. These defaults are those of the
    mel spectrogram, by analogy; they serve networks with fresh weights.
    """

    kind: ClassVar[str] = "spectrogram"

    @property
    def n_features(self) -> int:
        """Numbers for each frame: bins of the power of two that holds a frame."""
        return (1 << (self.frame_length - 1).bit_length()) // 2 + 1

    def __call__(self, waveforms: Tensor) -> Tensor:
        """Turn waveforms (n_sounds, n_samples) into (n_sounds, n_frames, n_features).

        Raises
        ------
        InputError
            If they are shorter than a frame.
        """
        power = kaldi.spectrogram(
            waveforms,
            sample_rate=self.sample_rate,
            frame_length=self.frame_length,
            frame_shift=self.frame_shift,
            window=self.window,
        )
        return self._normalised(power)


@dataclass(frozen=True)
class Waveform:
    """The waveform itself, for networks that begin with EnCodec's encoder (150 frames of 2 s).

    Attributes
    ----------
    scale : float
        By which the encoder's output is multiplied.
    """

    kind: ClassVar[str] = "encodec"

    scale: float = 1.0

    @property
    def n_features(self) -> int:
        """Numbers for each frame, once the encoder has run."""
        return 128

    def __call__(self, waveforms: Tensor) -> Tensor:
        """Return the waveforms (n_sounds, n_samples)."""
        return waveforms


FrontEnd = Mel | Spectrogram | Waveform

#: By the word for them in the table of models.
FRONT_ENDS: dict[str, type[Mel] | type[Spectrogram] | type[Waveform]] = {
    one.kind: one for one in (Mel, Spectrogram, Waveform)
}


def describe(front_end: FrontEnd) -> dict[str, Any]:
    """Return kind and numbers of a front end, JSON-ready."""
    return {"kind": front_end.kind, **asdict(front_end)}
