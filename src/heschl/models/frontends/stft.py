"""Windows and short-time spectra."""

from __future__ import annotations

from functools import lru_cache

import numpy as np
import torch
from numpy.typing import NDArray

from heschl.errors import InputError, UsageError
from heschl.models.frontends.tables import as_tensor


@lru_cache(maxsize=32)
def _raised_cosine(n: int, periodic: bool, offset: float) -> NDArray[np.float64]:
    """``offset - (1 - offset) cos``, over ``n`` samples of a period or with equal ends."""
    if n < 1:
        raise UsageError(f"a window of {n} samples; expected at least 1")
    period = n if periodic else max(n - 1, 1)
    if n == 1:
        table = np.ones(1)
    else:
        table = offset - (1 - offset) * np.cos(2 * np.pi * np.arange(n) / period)
    table.setflags(write=False)
    return table


def hann(n: int, periodic: bool = True, *, dtype: torch.dtype = torch.float32) -> torch.Tensor:
    """Hann window, shape (n,), on the CPU.

    Parameters
    ----------
    n : int
        In samples.
    periodic : bool
        True: one period of a raised cosine, the sample after the last being the first again;
        False: symmetric, both ends 0.
    dtype : torch.dtype
    """
    return as_tensor(_raised_cosine(n, periodic, 0.5), dtype)


def hamming(n: int, periodic: bool = True, *, dtype: torch.dtype = torch.float32) -> torch.Tensor:
    """Hamming window (0.54 - 0.46 cos), shape (n,), on the CPU; arguments as those of `hann`."""
    return as_tensor(_raised_cosine(n, periodic, 0.54), dtype)


def spectrum(
    x: torch.Tensor,
    *,
    n_fft: int,
    hop: int,
    window: torch.Tensor,
    center: bool = True,
    pad_mode: str = "reflect",
) -> torch.Tensor:
    """Short-time Fourier transform.

    Parameters
    ----------
    x : torch.Tensor, shape (n_sounds, n_samples)
        Floating point, on any device.
    n_fft, hop : int
        In samples.
    window : torch.Tensor, shape (n_window,)
        At most ``n_fft`` samples; a shorter one sits in the middle of each transform. It is
        brought to the device and dtype of ``x``.
    center : bool
        True: the waveform is extended by ``n_fft // 2`` samples on each side, so that frame k is
        centred at sample ``k * hop``; False: frame k starts at sample ``k * hop``.
    pad_mode : str
        How it is extended: ``"reflect"`` or ``"constant"`` (zeros).

    Returns
    -------
    torch.Tensor, complex, shape (n_sounds, n_fft // 2 + 1, n_frames)
        Not normalised. ``n_frames`` is ``n_samples // hop + 1`` if centred (even ``n_fft``), else
        ``(n_samples - n_fft) // hop + 1``.

    Raises
    ------
    UsageError
        If the padding is unknown.
    InputError
        If the waveforms are too short.
    """
    if pad_mode not in ("reflect", "constant"):
        raise UsageError(f"padding {pad_mode!r}; expected 'reflect' or 'constant'")
    half = n_fft // 2
    n_samples = x.shape[-1]
    least = n_fft
    if center:
        least = half + 1 if pad_mode == "reflect" else n_fft - 2 * half
    if n_samples < least:
        raise InputError(
            f"spectra of {n_fft} samples need waveforms of at least {least} samples; got "
            f"{n_samples}: give longer sounds"
        )
    if center:
        x = torch.nn.functional.pad(x, (half, half), mode=pad_mode)
    return torch.stft(
        x,
        n_fft,
        hop_length=hop,
        win_length=window.numel(),
        window=window.to(x),
        center=False,
        return_complex=True,
    )
