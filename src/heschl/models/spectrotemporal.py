"""The SpectroTemporal baseline: power in spectral and temporal modulations of a cochleagram.

Filters after Chi, Ru & Shamma, J. Acoust. Soc. Am. 118 (2005), in the form of Norman-Haignere &
McDermott, PLoS Biol. 16 (2018), with the constants of jenellefeather/cochdnn at 8702294, where the
model is called ``spectemp_filters``. Nothing is learned.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import lru_cache

import numpy as np
from numpy.typing import NDArray
from scipy.linalg import toeplitz

from heschl.models import cochleagram as coch
from heschl.models.base import AudioModel, FloatArray
from heschl.threads import n_threads, run_threads

TEMPORAL_RATES = (0.0, 0.5, 1.0, 2.0, 4.0, 8.0, 16.0, 32.0, 64.0)  # Hz
SPECTRAL_SCALES = (0.0, 0.0625, 0.125, 0.25, 0.5, 1.0, 2.0)  # cycles per ERB
CHANNELS_PER_ERB = 6.0
INPUT_GAIN = 100.0
POWER_FLOOR = 1e-8

#: Singular values of a spectral filter below this share of the largest are below single precision.
NEGLIGIBLE = 1e-7


def filter_table() -> list[tuple[int, float, float]]:
    """Direction, scale (cycles per ERB) and rate (Hz) of each of the 111 filters, in order.

    Direction -1 holds all 63 pairs, +1 the 48 whose scale and rate are not zero: at zero there is
    no direction. Ripples moving up in frequency drive direction -1, those moving down +1.
    """
    pairs = [(scale, rate) for scale in SPECTRAL_SCALES for rate in TEMPORAL_RATES]
    down = [(-1, scale, rate) for scale, rate in pairs]
    return down + [(1, scale, rate) for scale, rate in pairs if scale and rate]


def spectral_response(scale: float, n_channels: int) -> NDArray[np.float64]:
    """Magnitude at the bins of an FFT over ``2 * n_channels`` zero-padded channels."""
    n = 2 * n_channels
    if scale == 0:
        return (np.arange(n) == 0).astype(np.float64)
    frequency = np.abs(np.fft.fftfreq(n, 1 / CHANNELS_PER_ERB))
    ratio = (frequency / scale) ** 2
    response = ratio * np.exp(-ratio)
    response /= response.max()
    if scale == SPECTRAL_SCALES[-1]:
        response[frequency >= frequency[np.argmax(response)]] = 1.0
    return response


def temporal_response(rate: float, n_frames: int) -> NDArray[np.complex128]:
    """Complex response at the bins of an FFT over ``3 * n_frames`` zero-padded frames."""
    n = 3 * n_frames
    if rate == 0:
        return (np.arange(n) == 0).astype(np.complex128)
    u = rate * np.arange(n_frames) / coch.FRAME_RATE
    impulse = np.sin(2 * np.pi * u) * u**2 * np.exp(-3.5 * u)
    response = np.fft.fft(impulse - impulse.mean(), n)
    magnitude = np.abs(response)
    phase = np.angle(response)
    magnitude /= magnitude.max()
    if rate == TEMPORAL_RATES[-1]:
        peak = int(np.argmax(magnitude[: n // 2 + 1]))
        magnitude[peak : n - peak] = 1.0
    return np.asarray(magnitude * np.exp(1j * phase))


@dataclass(frozen=True)
class _Scale:
    """The spectral filters of one scale, as matrices into a basis of their outputs.

    Broad spectral filters have few distinct outputs: the cochleagram is brought into a basis of
    that many, filtered in time there, and brought back. Narrow ones keep the channels themselves.
    """

    basis: FloatArray | None  # (n_channels, rank); None: the channels
    even: FloatArray  # (rank, n_channels): bins at zero and Nyquist, and Re S
    real: FloatArray  # (rank, n_channels): Re S alone
    odd: FloatArray  # (rank, n_channels): 2 Im S

    def back(self, x: FloatArray) -> FloatArray:
        """Bring (rank, n_frames) back to channels, (n_channels, n_frames)."""
        return x if self.basis is None else self.basis @ x


@dataclass(frozen=True)
class _Operators:
    """The filterbank as matrix products on a cochleagram (n_channels, n_frames).

    A filter keeps one pair of opposite quadrants of the two-dimensional spectrum, so it is no
    product of a spectral and a temporal filter, but the sum of two: with S the spectral filter's
    positive frequencies, T the temporal one's, the kept pair is 2 Re(S T) = 2 (Re S Re T -+ Im S Im
    T). The bins at zero and Nyquist, which have no sign, are added to the even part: a spectral
    operator (zero, Nyquist and Re S) times the whole temporal filter, and Re S once more times the
    temporal Nyquist bin, whose operator has rank one and rides along as one more column.
    """

    scales: tuple[_Scale, ...]
    whole: FloatArray  # (n_rates - 1, n_frames + 1, n_frames): temporal filters, Nyquist row last
    hilbert: FloatArray  # (n_rates - 1, n_frames, n_frames): Im T
    mean: FloatArray  # (n_frames,): the filter at rate zero, constant in time
    alternate: FloatArray  # (n_frames,): 1, -1, 1, ...


@lru_cache(maxsize=4)
def _operators(n_channels: int, n_frames: int) -> _Operators:
    alternate = np.where(np.arange(n_frames) % 2, -1.0, 1.0)
    n = 3 * n_frames
    positive = _positive_bins(n)
    whole, hilbert = [], []
    for rate in TEMPORAL_RATES[1:]:
        response = temporal_response(rate, n_frames)
        impulse = np.fft.ifft(response).real
        half = np.fft.ifft(np.where(positive, response, 0))
        nyquist = response[n // 2].real / n if n % 2 == 0 else 0.0
        whole.append(np.vstack([_convolution(impulse, n_frames).T, nyquist * alternate]))
        hilbert.append(_convolution(half.imag, n_frames).T)
    return _Operators(
        scales=tuple(_scale(scale, n_channels) for scale in SPECTRAL_SCALES),
        whole=np.stack(whole).astype(np.float32),
        hilbert=np.stack(hilbert).astype(np.float32),
        mean=np.full(n_frames, 1 / n, np.float32),
        alternate=alternate.astype(np.float32),
    )


@lru_cache(maxsize=32)  # apart from the temporal part: clips of a task differ in duration
def _scale(scale: float, n_channels: int) -> _Scale:
    response = spectral_response(scale, n_channels)
    positive = _positive_bins(2 * n_channels)
    half = np.fft.ifft(np.where(positive, response, 0))
    unsigned = np.fft.ifft(np.where(positive | np.roll(positive[::-1], 1), 0, response)).real
    even = _convolution(unsigned + half.real, n_channels)
    real = _convolution(half.real, n_channels)
    odd = _convolution(2 * half.imag, n_channels)
    left, singular, _ = np.linalg.svd(np.hstack([even, real, odd]), full_matrices=False)
    rank = int(np.count_nonzero(singular > NEGLIGIBLE * singular[0]))
    if rank > n_channels // 2:  # going there and back would cost more than it saves
        return _Scale(None, *(m.astype(np.float32) for m in (even, real, odd)))
    basis = left[:, :rank]
    into = (basis.T @ m for m in (even, real, odd))
    return _Scale(basis.astype(np.float32), *(m.astype(np.float32) for m in into))


def _positive_bins(n: int) -> NDArray[np.bool_]:
    """Bins of an FFT of length n with a positive frequency below Nyquist."""
    bins = np.arange(n)
    return (bins > 0) & (2 * bins < n)


def _convolution(impulse: NDArray[np.float64], n: int) -> NDArray[np.float64]:
    """Matrix of a circular convolution, from the first n samples to the first n samples."""
    backward = impulse[(-np.arange(n)) % len(impulse)]
    return np.asarray(toeplitz(impulse[:n], backward))


def modulation_power(cochleagram: FloatArray) -> FloatArray:
    """Time-averaged power of each modulation filter in each channel of one cochleagram.

    Parameters
    ----------
    cochleagram : ndarray of float32, shape (n_channels, n_frames)
        As `heschl.models.cochleagram.cochleagram` gives it.

    Returns
    -------
    ndarray of float32, shape (111, n_channels)
        Filters in the order of `filter_table`.
    """
    n_channels, n_frames = cochleagram.shape
    ops = _operators(n_channels, n_frames)
    x: FloatArray = cochleagram * np.float32(INPUT_GAIN)
    x_mean, x_ends = x @ ops.mean, x @ ops.alternate
    first = np.empty((len(SPECTRAL_SCALES), len(TEMPORAL_RATES), n_channels), np.float32)
    second = np.empty((len(SPECTRAL_SCALES) - 1, len(TEMPORAL_RATES) - 1, n_channels), np.float32)
    for i, scale in enumerate(ops.scales):
        steady = (scale.even + scale.real) @ x_mean
        first[i, 0] = _mean_power(scale.back(steady[:, None]))
        even = np.column_stack([scale.even @ x, scale.real @ x_ends])
        odd = scale.odd @ x
        for j in range(len(TEMPORAL_RATES) - 1):
            a = even @ ops.whole[j]
            if i == 0:  # no spectral modulation, no direction
                first[i, j + 1] = _mean_power(scale.back(a))
                continue
            b = odd @ ops.hilbert[j]
            first[i, j + 1] = _mean_power(scale.back(a + b))
            second[i - 1, j] = _mean_power(scale.back(a - b))
    return np.concatenate([first.reshape(-1, n_channels), second.reshape(-1, n_channels)])


def _mean_power(x: FloatArray) -> FloatArray:
    """Mean over time of the floored square; overwrites ``x`` (n_channels, n_frames)."""
    np.multiply(x, x, out=x)
    np.maximum(x, np.float32(POWER_FLOOR), out=x)
    return np.asarray(x.mean(axis=1))


class SpectroTemporal(AudioModel):
    """Modulation power of the cochleagram: the baseline of the published comparison.

    One layer, ``avgpool``, (n_sounds, 111, 211, 1): already averaged over time; flattened, filter
    by filter, it has 23,421 features.
    """

    name = "spectrotemporal"
    sample_rate = coch.SAMPLE_RATE
    layers = ("avgpool",)
    level = 0.1

    def forward(  # noqa: D102 (documented on the base class)
        self, waveforms: FloatArray, layers: Sequence[str] | None = None
    ) -> dict[str, FloatArray]:
        if not self.choose(layers):
            return {}
        frames = coch.n_frames(waveforms.shape[1])
        coch._bands(waveforms.shape[1])  # once, not in every thread
        _operators(coch.N_CHANNELS, frames)
        out = np.empty((len(waveforms), len(filter_table()), coch.N_CHANNELS, 1), np.float32)

        def one(index: int) -> None:
            out[index, ..., 0] = modulation_power(coch.cochleagram(waveforms[index]))

        for _ in run_threads(one, range(len(waveforms)), n_jobs=n_threads()):
            pass
        return {"avgpool": out}

    def identity(self) -> dict[str, object]:  # noqa: D102
        return {"model": "spectemp_filters", "version": 1, "level": self.level}
