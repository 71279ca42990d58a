"""Filter bank and spectrogram of Kaldi, as torchaudio's ``compliance.kaldi`` without dither.

Each frame by itself: its mean is taken away, it is pre-emphasised (its first sample is its own
predecessor), windowed, and extended with zeros to the next power of two. Facts from Kaldi's
``feature-window`` and ``mel-computations`` and from the arguments and defaults of torchaudio 2.11.
"""

from __future__ import annotations

from functools import lru_cache

import numpy as np
import torch
from numpy.typing import NDArray

from heschl.errors import InputError, UsageError
from heschl.models.frontends.tables import as_tensor

FLOOR = float(np.finfo(np.float32).eps)  # 1.1921e-7: least power before a logarithm
WINDOWS = ("povey", "hanning", "hamming", "blackman", "rectangular")
_BLACKMAN = 0.42  # Kaldi's blackman_coeff


@lru_cache(maxsize=32)
def _window(kind: str, n: int) -> NDArray[np.float64]:
    """Symmetric window, its ends one period minus one sample apart."""
    if kind not in WINDOWS:
        raise UsageError(f"window {kind!r}; expected one of {', '.join(WINDOWS)}")
    turn = 2 * np.pi * np.arange(n) / max(n - 1, 1)
    hanning = 0.5 - 0.5 * np.cos(turn)
    table = {
        "povey": hanning**0.85,
        "hanning": hanning,
        "hamming": 0.54 - 0.46 * np.cos(turn),
        "blackman": _BLACKMAN - 0.5 * np.cos(turn) + (0.5 - _BLACKMAN) * np.cos(2 * turn),
        "rectangular": np.ones(n),
    }[kind]
    table.setflags(write=False)
    return table


@lru_cache(maxsize=16)
def mel_triangles(
    sample_rate: int, n_fft: int, n_mels: int, low: float, high: float
) -> NDArray[np.float64]:
    """Return filters of height 1 whose sides are straight in mel, ``1127 ln(1 + f / 700)``.

    Parameters
    ----------
    sample_rate : int
        In Hz.
    n_fft, n_mels : int
    low, high : float
        Outer edges of the outermost filters, in Hz.

    Returns
    -------
    ndarray of float64, shape (n_fft // 2 + 1, n_mels)
        Read-only.
    """
    bottom, top = 1127 * np.log1p(np.array([low, high]) / 700)
    edges = np.linspace(bottom, top, n_mels + 2)
    left, centre, right = edges[:-2], edges[1:-1], edges[2:]
    bins = 1127 * np.log1p(np.fft.rfftfreq(n_fft, 1 / sample_rate) / 700)[:, None]
    table = np.minimum((bins - left) / (centre - left), (right - bins) / (right - centre))
    table = np.maximum(table, 0)
    table[-1] = 0  # Kaldi has no bin at half the sample rate
    table.setflags(write=False)
    return table


def _frames(x: torch.Tensor, frame_length: int, frame_shift: int) -> torch.Tensor:
    """Whole frames of (n_sounds, n_samples): (n_sounds, n_frames, frame_length), a view."""
    if x.ndim != 2 or x.shape[-1] < frame_length:
        raise InputError(
            f"waveforms have shape {tuple(x.shape)}; expected (n_sounds, n_samples) with at least "
            f"one frame of {frame_length} samples: give longer sounds"
        )
    return x.unfold(-1, frame_length, frame_shift)


def _power(frames: torch.Tensor, window: str, preemphasis: float) -> torch.Tensor:
    """Power spectra (n_sounds, n_frames, n_fft // 2 + 1) of frames with their mean removed."""
    before = torch.cat([frames[..., :1], frames[..., :-1]], dim=-1)
    frame_length = frames.shape[-1]
    table = as_tensor(_window(window, frame_length), frames.dtype, frames.device)
    n_fft = 1 << (frame_length - 1).bit_length()
    spectrum = torch.fft.rfft((frames - preemphasis * before) * table, n=n_fft)
    return spectrum.real.square() + spectrum.imag.square()


def fbank(
    x: torch.Tensor,
    *,
    sample_rate: int,
    frame_length: int,
    frame_shift: int,
    n_mels: int,
    low: float = 20.0,
    high: float = 0.0,
    window: str = "povey",
    preemphasis: float = 0.97,
    remove_dc: bool = True,
    dtype: torch.dtype = torch.float32,
) -> torch.Tensor:
    """Log power in mel bands.

    Parameters
    ----------
    x : torch.Tensor of float32, shape (n_sounds, n_samples)
        On any device, at the scale the model expects (some want 2^15 for full scale).
    sample_rate : int
        In Hz.
    frame_length, frame_shift : int
        In samples. Only whole frames count.
    n_mels : int
    low, high : float
        Outer edges of the outermost filters in Hz; a ``high`` of 0 or less counts down from half
        the sample rate.
    window : str
        ``"povey"`` (Hann to the power of 0.85), ``"hanning"``, ``"hamming"``, ``"blackman"`` or
        ``"rectangular"``, all symmetric.
    preemphasis : float
    remove_dc : bool
        Take each frame's mean away.
    dtype : torch.dtype
        Precision of the computation. In float32, nearly silent bands differ from the exact value
        by up to 0.01.

    Returns
    -------
    torch.Tensor of float32, shape (n_sounds, n_frames, n_mels)
        Natural logarithm of the power, at least ``log(FLOOR)``.

    Raises
    ------
    InputError
        If the waveforms are shorter than a frame.
    UsageError
        If the window is unknown or the edges do not increase.
    """
    top = high if high > 0 else sample_rate / 2 + high
    if not 0 <= low < top <= sample_rate / 2:
        raise UsageError(
            f"mel filters from {low} to {top} Hz; expected 0 <= low < high <= {sample_rate / 2}"
        )
    frames = _frames(x.to(dtype), frame_length, frame_shift)
    if remove_dc:
        frames = frames - frames.mean(-1, keepdim=True)
    power = _power(frames, window, preemphasis)
    n_fft = 2 * (power.shape[-1] - 1)
    filters = mel_triangles(sample_rate, n_fft, n_mels, low, top)
    energies = power @ as_tensor(filters, dtype, x.device)
    return energies.clamp_min(FLOOR).log().float()


def spectrogram(
    x: torch.Tensor,
    *,
    frame_length: int,
    frame_shift: int,
    window: str = "povey",
    preemphasis: float = 0.97,
    remove_dc: bool = True,
    raw_energy: bool = True,
    energy_floor: float = 1.0,
    sample_rate: int | None = None,
    dtype: torch.dtype = torch.float32,
) -> torch.Tensor:
    """Log power spectra, the first bin replaced by the frame's log energy.

    Parameters
    ----------
    x : torch.Tensor of float32, shape (n_sounds, n_samples)
        On any device.
    frame_length, frame_shift, window, preemphasis, remove_dc, dtype
        As those of `fbank`.
    raw_energy : bool
        Energy of the frame with its mean removed; False: after pre-emphasis and window.
    energy_floor : float
        The energy is at least this; 0: at least `FLOOR`. As the default is 1 and full scale is
        usually 1 too, frames of quiet sounds have a log energy of 0.
    sample_rate : int, optional
        Accepted beside the other arguments of a front end; frames are in samples, so it has no
        effect.

    Returns
    -------
    torch.Tensor of float32, shape (n_sounds, n_frames, n_fft // 2 + 1)
        Natural logarithms; ``n_fft`` is the power of two that is not below ``frame_length``. Bins
        other than the first are at least ``log(FLOOR)``.

    Raises
    ------
    InputError
        If the waveforms are shorter than a frame.
    UsageError
        If the window is unknown.
    """
    frames = _frames(x.to(dtype), frame_length, frame_shift)
    if remove_dc:
        frames = frames - frames.mean(-1, keepdim=True)
    power = _power(frames, window, preemphasis)
    if raw_energy:
        energy = frames.square().sum(-1)
    else:
        # Parseval: what was windowed has the energy of its whole spectrum, over n_fft
        n_fft = 2 * (power.shape[-1] - 1)
        both = 2 * power.sum(-1) - power[..., 0] - power[..., -1]
        energy = both / n_fft
    energy = energy.clamp_min(max(FLOOR, energy_floor))
    return torch.cat([energy[..., None], power[..., 1:].clamp_min(FLOOR)], dim=-1).log().float()
