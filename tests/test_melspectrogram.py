from __future__ import annotations

import numpy as np
import pytest

from heschl.errors import InputError
from heschl.models import load_model
from heschl.models import melspectrogram as mel


def naive_mel_power(waveform, sample_rate, n_fft, n_window, hop, n_mels):
    """Frame by frame, band by band, with the transform as a sum."""
    half = n_fft // 2
    padded = np.concatenate([waveform[half:0:-1], waveform, waveform[-2 : -half - 2 : -1]])
    offset = (n_fft - n_window) // 2
    window = np.zeros(n_fft)
    for i in range(n_window):
        window[offset + i] = 0.5 - 0.5 * np.cos(2 * np.pi * i / n_window)
    n_bins = half + 1
    basis = np.exp(-2j * np.pi * np.outer(np.arange(n_bins), np.arange(n_fft)) / n_fft)
    frames = [padded[s : s + n_fft] for s in range(0, len(padded) - n_fft + 1, hop)]
    power = np.array([np.abs(basis @ (frame * window)) ** 2 for frame in frames])
    top = mel.hz_to_mel(sample_rate / 2)
    edges = [float(mel.mel_to_hz(top * i / (n_mels + 1))) for i in range(n_mels + 2)]
    out = np.zeros((n_mels, len(frames)))
    for m in range(n_mels):
        low, centre, high = edges[m : m + 3]
        for b in range(n_bins):
            f = b * sample_rate / n_fft
            if low < f <= centre:
                weight = (f - low) / (centre - low)
            elif centre < f < high:
                weight = (high - f) / (high - centre)
            else:
                continue
            out[m] += weight * 2 / (high - low) * power[:, b]
    return out


def test_equals_the_naive_version():
    x = np.random.default_rng(0).standard_normal(3000).astype(np.float32)
    shape = {"sample_rate": 16_000, "n_fft": 512, "n_window": 400, "hop": 160, "n_mels": 40}
    got = mel.mel_power(x[None], **shape)[0]
    expected = naive_mel_power(x.astype(float), **shape)
    assert got.shape == expected.shape == (40, 3000 // 160 + 1)
    np.testing.assert_allclose(got, expected, rtol=1e-4, atol=1e-6 * expected.max())


def test_slaneys_scale_by_hand():
    """Linear to 1 kHz, 200/3 Hz a mel; then 27 mel for each factor of 6.4."""
    np.testing.assert_allclose(mel.hz_to_mel([0, 200, 1000, 6400]), [0, 3, 15, 42])
    f = np.linspace(0, 8000, 50)
    np.testing.assert_allclose(mel.mel_to_hz(mel.hz_to_mel(f)), f, atol=1e-9)


def test_filters_have_equal_areas():
    filters = mel.mel_filters(16_000, 65_536, 128)
    np.testing.assert_allclose(filters.sum(axis=1) * 16_000 / 65_536, 1, rtol=1e-3)


@pytest.mark.parametrize("frequency", [300.0, 1000.0, 3000.0])
def test_pure_tone_lands_in_its_band(frequency):
    t = np.arange(32_000) / 16_000
    out = load_model("melspectrogram")(np.sin(2 * np.pi * frequency * t).astype(np.float32))
    band = out["mel"][0].mean(axis=1).argmax()
    edges = mel.mel_to_hz(np.linspace(0, mel.hz_to_mel(8000), 130))
    assert edges[band] < frequency < edges[band + 2]


def test_decibels_and_level():
    x = 0.1 * np.random.default_rng(0).standard_normal(32_000).astype(np.float32)
    model = load_model("melspectrogram")
    quiet, loud = model(x), model(10 * x)
    np.testing.assert_allclose(loud["mel"], 100 * quiet["mel"], rtol=1e-4)
    np.testing.assert_allclose(loud["logmel"], quiet["logmel"] + 20, atol=1e-3)
    silent = model(np.zeros(32_000, np.float32))
    # to the last bit but one: processors differ in single-precision logarithms
    np.testing.assert_allclose(silent["logmel"], -100, rtol=2e-7, atol=0)
    assert silent["mel"].shape == (1, 128, 201)


def test_shift_by_a_hop_shifts_a_frame():
    x = np.random.default_rng(0).standard_normal(16_000).astype(np.float32)
    model = load_model("melspectrogram")
    a, b = model(x)["mel"][0], model(np.roll(x, 160))["mel"][0]
    np.testing.assert_allclose(b[:, 3:-3], a[:, 2:-4], rtol=1e-3, atol=1e-6)


def test_too_short():
    with pytest.raises(InputError, match="more than 256 samples"):
        load_model("melspectrogram")(np.ones(256, np.float32))
