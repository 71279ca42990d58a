"""The cochleagram of Kell et al. (2018) as used by the CochDNN networks.

A bank of half-cosine filters spaced on the ERB scale, the envelopes of its bands, a lowpass and
downsampling to 200 Hz, and a compression by a power. Constants: code of Feather et al.
(jenellefeather/chcochleagram at c634ca8, configuration ``cochleagram_1`` of jenellefeather/cochdnn
at 8702294). References: McDermott & Simoncelli, Neuron 71 (2011); Kell et al., Neuron 98 (2018).
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import lru_cache

import numpy as np
import scipy.fft
from numpy.typing import NDArray

from heschl.errors import InputError
from heschl.models.base import AudioModel, FloatArray
from heschl.threads import n_threads, run_threads

SAMPLE_RATE = 20_000  # Hz
LOW, HIGH = 50.0, 10_000.0  # Hz
N_BANDPASS = 203  # 4 * (50 + 1) - 1: a bank of 50 filters, oversampled by 4
OVERLAP = 4  # interleaved sets of filters; the squares of each set sum to 1
N_CHANNELS = N_BANDPASS + 2 * OVERLAP
ENVELOPE_FLOOR = 1e-8
DECIMATION = 100  # 20 kHz to 200 Hz
FRAME_RATE = SAMPLE_RATE // DECIMATION
N_TAPS = 1001
KAISER_BETA = 5.0
OFFSET, EXPONENT = 1e-8, 0.3


def erb(frequency: NDArray[np.floating] | float) -> NDArray[np.float64]:
    """Return how many equivalent rectangular bandwidths lie below a frequency in Hz.

    Source: Glasberg & Moore, Hear. Res. 47 (1990).
    """
    return np.asarray(9.265 * np.log1p(np.asarray(frequency, np.float64) / (24.7 * 9.265)))


def centre_frequencies() -> NDArray[np.float64]:
    """Peak of each bandpass channel, in Hz, shape (203,); channels 4 to 206 of the cochleagram."""
    return 24.7 * 9.265 * np.expm1(_centres() / 9.265)


def _spacing() -> float:
    return float(erb(HIGH) - erb(LOW)) / (N_BANDPASS + 1)


def _centres() -> NDArray[np.float64]:
    return erb(LOW) + _spacing() * np.arange(1, N_BANDPASS + 1)


def filters(n_samples: int) -> NDArray[np.float64]:
    """Magnitude responses of the filters at the bins of an rfft of ``n_samples``.

    Returns
    -------
    ndarray, shape (211, n_samples // 2 + 1)
        Four lowpass, 203 bandpass, four highpass filters; all squares together sum to 1.
    """
    scale = erb(np.fft.rfftfreq(n_samples, 1 / SAMPLE_RATE))
    width = OVERLAP * _spacing()
    centres = _centres()[:, None]
    distance = scale - centres
    passed = np.abs(distance) < width  # a few bins of each filter: clips of a task differ in length
    band = np.zeros_like(distance)
    band[passed] = np.cos(np.pi * distance[passed] / (2 * width))
    low = np.where(scale < centres[:OVERLAP], np.sqrt(1 - band[:OVERLAP] ** 2), 0.0)
    high = np.where(scale > centres[-OVERLAP:], np.sqrt(1 - band[-OVERLAP:] ** 2), 0.0)
    return np.concatenate([low, band, high]) / np.sqrt(OVERLAP)


@dataclass(frozen=True)
class _Band:
    """One filter, ready for its envelope: the bins it passes and how to transform them."""

    start: int
    response: NDArray[np.float32]  # (n_bins,)
    phases: NDArray[np.complex64]  # (n_phases, n_bins)
    n_short: int  # length of each short transform; n_phases * n_short = n_samples


@lru_cache(maxsize=4)
def _bands(n_samples: int) -> tuple[_Band, ...]:
    divisors = [d for d in range(1, n_samples + 1) if n_samples % d == 0]
    phases: dict[int, NDArray[np.complex64]] = {}
    bands = []
    for response in filters(n_samples):
        passed = np.flatnonzero(response)
        start, stop = (int(passed[0]), int(passed[-1]) + 1) if passed.size else (0, 1)
        n_short = next(d for d in divisors if d >= stop - start)
        if n_short not in phases:
            angle = np.outer(np.arange(n_samples // n_short), np.arange(n_short))
            turns = np.exp(2j * np.pi * angle / n_samples) / (n_samples // n_short)
            phases[n_short] = turns.astype(np.complex64)
        bands.append(
            _Band(
                start,
                response[start:stop].astype(np.float32),
                phases[n_short][:, : stop - start],
                n_short,
            )
        )
    return tuple(bands)


def lowpass_taps() -> NDArray[np.float64]:
    """Return the lowpass before downsampling, shape (1001,)."""
    t = np.arange(N_TAPS) - N_TAPS / 2
    return np.sinc(t / DECIMATION) / DECIMATION * np.kaiser(N_TAPS, KAISER_BETA)


@lru_cache(maxsize=1)
def _lowpass() -> NDArray[np.float32]:
    """Return the lowpass laid out in blocks: (100, 11), taps in columns."""
    taps = lowpass_taps()
    n_blocks = -(-N_TAPS // DECIMATION)
    padded = np.pad(taps, (0, n_blocks * DECIMATION - N_TAPS))
    return np.ascontiguousarray(padded.reshape(n_blocks, DECIMATION).T.astype(np.float32))


def n_frames(n_samples: int) -> int:
    """Return how many frames of 5 ms a waveform of ``n_samples`` at 20 kHz gives."""
    if n_samples < N_TAPS:
        raise InputError(
            f"a cochleagram needs at least {N_TAPS} samples at {SAMPLE_RATE} Hz; got {n_samples}"
        )
    return (n_samples - N_TAPS) // DECIMATION + 1


def envelopes(waveform: FloatArray) -> FloatArray:
    """Envelopes of the subbands of one waveform, lowpassed and downsampled to 200 Hz.

    The magnitude of a band's analytic signal does not change when its spectrum is moved to zero.
    What is left is short, so the long inverse transform splits into short ones, one for each
    phase of the samples: the same numbers in a third of the time.

    Parameters
    ----------
    waveform : ndarray of float32, shape (n_samples,)
        At 20 kHz.

    Returns
    -------
    ndarray of float32, shape (211, n_frames)
    """
    n_samples = len(waveform)
    frames = n_frames(n_samples)
    spectrum = scipy.fft.rfft(waveform.astype(np.float64)).astype(np.complex64)
    lowpass = _lowpass()
    n_blocks = -(-n_samples // DECIMATION)
    samples = np.zeros(n_blocks * DECIMATION, np.float32)
    out = np.empty((N_CHANNELS, frames), np.float32)
    for channel, band in enumerate(_bands(n_samples)):
        n_phases, n_bins = band.phases.shape
        padded = np.zeros((n_phases, band.n_short), np.complex64)
        passed = spectrum[band.start : band.start + n_bins] * band.response
        np.multiply(band.phases, passed, out=padded[:, :n_bins])
        analytic = scipy.fft.ifft(padded, axis=1, norm="backward", overwrite_x=True)
        envelope = np.abs(analytic)
        np.maximum(envelope, ENVELOPE_FLOOR, out=envelope)
        samples[:n_samples].reshape(band.n_short, n_phases)[:] = envelope.T
        products = samples.reshape(n_blocks, DECIMATION) @ lowpass
        out[channel] = _sum_diagonals(products, frames)
    return out


def _sum_diagonals(products: FloatArray, n: int) -> FloatArray:
    """``out[j] = sum over b of products[j + b, b]``."""
    row, column = products.strides
    shape = (n, products.shape[1])
    diagonals = np.lib.stride_tricks.as_strided(products, shape, (row, row + column))
    return diagonals.sum(axis=1)


def compress(envelope: FloatArray) -> FloatArray:
    """Rectify and compress envelopes by the power 0.3."""
    return (np.maximum(envelope, 0) + np.float32(OFFSET)) ** np.float32(EXPONENT)


def cochleagram(waveform: FloatArray) -> FloatArray:
    """Cochleagram of one waveform at 20 kHz, clamped to [-1, 1]: (211, n_frames) at 200 Hz.

    The networks were trained with the clamp; at a root mean square of 0.1 it changes about a
    quarter of the 165 natural sounds (43 or 44, depending on the resampler).
    """
    return compress(envelopes(np.clip(waveform, -1, 1)))


class Cochleagram(AudioModel):
    """The cochleagram as a model: envelopes of the bands, and the same compressed.

    Layers ``envelopes`` and ``cochleagram``, each (n_sounds, 211, n_frames) at 200 frames a second.
    """

    name = "cochleagram"
    sample_rate = SAMPLE_RATE
    layers = ("envelopes", "cochleagram")
    level = 0.1

    def forward(  # noqa: D102 (documented on the base class)
        self, waveforms: FloatArray, layers: Sequence[str] | None = None
    ) -> dict[str, FloatArray]:
        chosen = self.choose(layers)
        raw = np.empty((len(waveforms), N_CHANNELS, n_frames(waveforms.shape[1])), np.float32)

        def one(index: int) -> None:
            raw[index] = envelopes(np.clip(waveforms[index], -1, 1))

        _bands(waveforms.shape[1])  # once, not in every thread
        for _ in run_threads(one, range(len(waveforms)), n_jobs=n_threads()):
            pass
        out = {"envelopes": raw}
        if "cochleagram" in chosen:
            out["cochleagram"] = compress(raw)
        return {layer: out[layer] for layer in chosen}

    def identity(self) -> dict[str, object]:  # noqa: D102
        return {"model": "cochleagram_1", "version": 1, "level": self.level}
