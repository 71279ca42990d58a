"""Mel filters: triangles between edges that are equally spaced in mel.

Those of Kaldi, whose sides are straight in mel instead of Hz, are in `kaldi.mel_triangles`.
"""

from __future__ import annotations

from functools import lru_cache

import numpy as np
import torch
from numpy.typing import NDArray

from heschl.models.frontends.tables import as_tensor
from heschl.models.melspectrogram import mel_filters


def htk_filters(
    sample_rate: int,
    n_fft: int,
    n_mels: int,
    low: float = 0.0,
    high: float | None = None,
    *,
    dtype: torch.dtype = torch.float32,
) -> torch.Tensor:
    """Return HTK's filters: height 1, sides straight in Hz, scale ``2595 log10(1 + f / 700)``.

    Parameters
    ----------
    sample_rate : int
        In Hz.
    n_fft, n_mels : int
    low, high : float, optional
        Outer edges of the outermost filters in Hz; by default 0 and half the sample rate.
    dtype : torch.dtype

    Returns
    -------
    torch.Tensor, shape (n_fft // 2 + 1, n_mels)
        On the CPU: ``power.transpose(1, 2) @ filters`` gives (n_sounds, n_frames, n_mels).
    """
    top = sample_rate / 2 if high is None else high
    return as_tensor(_htk(sample_rate, n_fft, n_mels, low, top), dtype)


@lru_cache(maxsize=16)
def _htk(sample_rate: int, n_fft: int, n_mels: int, low: float, high: float) -> NDArray[np.float64]:
    bottom, top = 2595 * np.log10(1 + np.array([low, high]) / 700)
    edges = 700 * (10 ** (np.linspace(bottom, top, n_mels + 2) / 2595) - 1)
    left, centre, right = edges[:-2], edges[1:-1], edges[2:]
    bins = np.fft.rfftfreq(n_fft, 1 / sample_rate)[:, None]
    table = np.minimum((bins - left) / (centre - left), (right - bins) / (right - centre))
    table = np.maximum(table, 0)
    table.setflags(write=False)
    return table


def slaney_filters(
    sample_rate: int,
    n_fft: int,
    n_mels: int,
    low: float = 0.0,
    high: float | None = None,
    *,
    dtype: torch.dtype = torch.float32,
) -> torch.Tensor:
    """Return filters of equal area on Slaney's scale, shape (n_fft // 2 + 1, n_mels).

    Arguments as those of `htk_filters`; the table is that of
    `heschl.models.melspectrogram.mel_filters`.
    """
    return as_tensor(mel_filters(sample_rate, n_fft, n_mels, low, high).T, dtype)
