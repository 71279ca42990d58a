"""Shared front ends: golden values of the originals, and plain loops in float64."""

from __future__ import annotations

import math
import subprocess
import sys

import numpy as np
import pytest
import torch

from heschl.errors import InputError, UsageError
from heschl.models.frontends import kaldi, mel, stft
from heschl.models.melspectrogram import mel_filters

EPS = 1.1920928955078125e-07  # float32 machine epsilon, Kaldi's floor
SPEECH = {"sample_rate": 16_000, "frame_length": 400, "frame_shift": 160}


def noise(n_sounds, n_samples, seed=0):
    x = np.random.default_rng(seed).standard_normal((n_sounds, n_samples))
    return torch.from_numpy(x.astype(np.float32))


def naive_window(kind, n):
    out = []
    for i in range(n):
        turn = 2 * math.pi * i / (n - 1)
        hann = 0.5 - 0.5 * math.cos(turn)
        out.append(
            {
                "povey": hann**0.85,
                "hanning": hann,
                "hamming": 0.54 - 0.46 * math.cos(turn),
                "blackman": 0.42 - 0.5 * math.cos(turn) + 0.08 * math.cos(2 * turn),
                "rectangular": 1.0,
            }[kind]
        )
    return np.array(out)


def naive_frame(x, window, preemphasis=0.97):
    """One frame: its mean removed, and after that pre-emphasised and windowed."""
    x = x - sum(x) / len(x)
    emphasised = [x[0] - preemphasis * x[0]]
    emphasised += [x[i] - preemphasis * x[i - 1] for i in range(1, len(x))]
    return x, np.array(emphasised) * naive_window(window, len(x))


def naive_power(frame, n_fft):
    """The transform as a sum over samples; what is beyond the frame is 0."""
    k = np.arange(n_fft // 2 + 1)[:, None]
    basis = np.exp(-2j * np.pi * k * np.arange(len(frame)) / n_fft)
    return np.abs(basis @ frame) ** 2


def naive_fbank(x, sample_rate, length, shift, n_mels, low, high, window, n_fft):
    def scale(f):
        return 1127 * math.log(1 + f / 700)

    step = (scale(high) - scale(low)) / (n_mels + 1)
    frames = []
    for start in range(0, len(x) - length + 1, shift):
        power = naive_power(naive_frame(x[start : start + length], window)[1], n_fft)
        row = []
        for m in range(n_mels):
            left = scale(low) + m * step
            total = 0.0
            for k in range(n_fft // 2):
                position = (scale(k * sample_rate / n_fft) - left) / step
                if 0 < position < 2:
                    total += min(position, 2 - position) * power[k]
            row.append(math.log(max(total, EPS)))
        frames.append(row)
    return np.array(frames)


@pytest.mark.parametrize("window", kaldi.WINDOWS)
def test_fbank_equals_the_naive_version(window):
    x = noise(2, 1700)
    got = kaldi.fbank(
        x,
        sample_rate=16_000,
        frame_length=637,
        frame_shift=318,
        n_mels=12,
        high=-500,
        window=window,
        dtype=torch.float64,
    )
    assert got.shape == (2, 4, 12)
    assert got.dtype == torch.float32
    for i in range(2):
        wave = x[i].double().numpy()
        expected = naive_fbank(wave, 16_000, 637, 318, 12, 20, 7500, window, 1024)
        np.testing.assert_allclose(got[i], expected, rtol=0, atol=2e-6)


def test_float32_is_near_float64():
    args = {**SPEECH, "n_mels": 40}
    x = noise(3, 8000)
    exact = kaldi.fbank(x, **args, dtype=torch.float64)
    np.testing.assert_allclose(kaldi.fbank(x, **args), exact, rtol=0, atol=2e-4)


@pytest.mark.parametrize(("raw", "floor"), [(True, 1.0), (True, 0.0), (False, 0.0)])
def test_spectrogram_equals_the_naive_version(raw, floor):
    x = noise(2, 1000) * torch.tensor([[1.0], [0.01]])  # energies above and below 1
    got = kaldi.spectrogram(
        x,
        frame_length=200,
        frame_shift=120,
        raw_energy=raw,
        energy_floor=floor,
        dtype=torch.float64,
    )
    assert got.shape == (2, 7, 129)
    for i in range(2):
        for j in range(7):
            frame = x[i].double().numpy()[120 * j : 120 * j + 200]
            centred, windowed = naive_frame(frame, "povey")
            expected = np.log(np.maximum(naive_power(windowed, 256), EPS))
            energy = sum(v * v for v in (centred if raw else windowed))
            expected[0] = math.log(max(energy, EPS, floor))
            np.testing.assert_allclose(got[i, j], expected, rtol=0, atol=5e-6)
    quiet = got[1, :, 0]
    assert (quiet == 0).all() if floor == 1 else (quiet < 0).all()  # by default floored at log(1)


def test_silence_is_at_the_floor():
    x = torch.zeros(1, 800)
    args = {"frame_length": 400, "frame_shift": 160}
    bank = kaldi.fbank(x, sample_rate=16_000, n_mels=10, **args)
    np.testing.assert_allclose(bank, math.log(EPS), rtol=1e-6)
    spectrogram = kaldi.spectrogram(x + 0.5, **args)  # a constant is silence, its mean removed
    np.testing.assert_allclose(spectrogram[..., 1:], math.log(EPS), rtol=1e-6)
    assert (spectrogram[..., 0] == 0).all()


def test_what_the_options_of_kaldi_change():
    x = noise(1, 600) + 3
    args = {**SPEECH, "n_mels": 10, "dtype": torch.float64}
    base = kaldi.fbank(x, **args)
    np.testing.assert_allclose(kaldi.fbank(x - 3, **args), base, atol=1e-4)
    kept = kaldi.fbank(x, **args, remove_dc=False)
    assert (kept - kaldi.fbank(x - 3, **args, remove_dc=False)).abs().max() > 0.5
    # doubling the waveform adds log(4), without pre-emphasis too
    flat = kaldi.fbank(x, **args, preemphasis=0.0)
    doubled = kaldi.fbank(2 * x, **args, preemphasis=0.0)
    np.testing.assert_allclose(doubled - flat, math.log(4), atol=1e-5)
    assert (flat - base).abs().max() > 0.5


def test_mel_triangles_by_hand():
    """At the centre of a band its filter is 1, its neighbours 0; half way between, both 1/2."""
    low, high, n_mels, n_fft, rate = 20.0, 8000.0, 10, 1 << 20, 16_000
    table = kaldi.mel_triangles(rate, n_fft, n_mels, low, high)
    assert table.shape == (n_fft // 2 + 1, n_mels)
    bottom, top = (1127 * math.log(1 + f / 700) for f in (low, high))
    step = (top - bottom) / (n_mels + 1)
    for m in range(n_mels):
        for position, here in ((0.5, 0.5), (1.0, 1.0), (1.5, 0.5)):
            f = 700 * (math.exp((bottom + (m + position) * step) / 1127) - 1)
            row = table[round(f * n_fft / rate)]
            assert row[m] == pytest.approx(here, abs=1e-4)
            if 0 < m < n_mels - 1:
                assert row.sum() == pytest.approx(1, abs=1e-4)
    assert (table[0] == 0).all()
    assert (table[-1] == 0).all()
    with pytest.raises(ValueError, match="read-only"):
        table[0] = 1


def test_htk_filters_by_hand():
    """Edges equally spaced in mel, sides straight in Hz, height 1."""
    n_fft, rate, n_mels = 512, 16_000, 8
    table = mel.htk_filters(rate, n_fft, n_mels, 50, 7000, dtype=torch.float64).numpy()
    ends = [2595 * math.log10(1 + f / 700) for f in (50, 7000)]
    edges = [
        700 * (10 ** ((ends[0] + i * (ends[1] - ends[0]) / (n_mels + 1)) / 2595) - 1)
        for i in range(n_mels + 2)
    ]
    for k in range(n_fft // 2 + 1):
        f = k * rate / n_fft
        for m, (left, centre, right) in enumerate(zip(edges, edges[1:], edges[2:], strict=False)):
            expected = 0.0
            if left < f <= centre:
                expected = (f - left) / (centre - left)
            elif centre < f < right:
                expected = (right - f) / (right - centre)
            assert table[k, m] == pytest.approx(expected, abs=1e-12)
    assert mel.htk_filters(rate, n_fft, n_mels).equal(
        mel.htk_filters(rate, n_fft, n_mels, 0.0, 8000.0)
    )


def test_slaney_filters_are_those_of_the_mel_spectrogram():
    table = mel.slaney_filters(22_050, 1024, 64, 50.0, dtype=torch.float64)
    np.testing.assert_array_equal(table.numpy(), mel_filters(22_050, 1024, 64, 50.0).T)
    assert mel.slaney_filters(22_050, 1024, 64).dtype == torch.float32


@pytest.mark.parametrize("name", ["hann", "hamming"])
def test_windows_equal_those_of_torch(name):
    for n in (1, 2, 5, 400):
        for periodic in (True, False):
            got = getattr(stft, name)(n, periodic, dtype=torch.float64)
            expected = getattr(torch, f"{name}_window")(n, periodic=periodic, dtype=torch.float64)
            np.testing.assert_allclose(got, expected, atol=1e-15)


@pytest.mark.parametrize("center", [True, False])
@pytest.mark.parametrize("pad_mode", ["reflect", "constant"])
@pytest.mark.parametrize("n_window", [32, 20])
def test_spectrum_equals_the_naive_version(center, pad_mode, n_window):
    n_fft, hop, n_samples = 32, 12, 100
    x = noise(2, n_samples)
    window = stft.hamming(n_window)
    got = stft.spectrum(
        x, n_fft=n_fft, hop=hop, window=window, center=center, pad_mode=pad_mode
    ).numpy()
    half, before = n_fft // 2, (n_fft - n_window) // 2
    n_frames = n_samples // hop + 1 if center else (n_samples - n_fft) // hop + 1
    assert got.shape == (2, half + 1, n_frames)
    for i in range(2):
        for frame in range(n_frames):
            first = frame * hop - (half if center else 0)
            values = []
            for j in range(n_window):
                at = first + before + j
                if 0 <= at < n_samples:
                    value = float(x[i, at])
                elif pad_mode == "constant":
                    value = 0.0
                else:
                    value = float(x[i, -at if at < 0 else 2 * (n_samples - 1) - at])
                values.append(value * float(window[j]))
            for k in range(half + 1):
                turn = [-2 * math.pi * k * (before + j) / n_fft for j in range(n_window)]
                expected = sum(
                    v * complex(math.cos(t), math.sin(t)) for v, t in zip(values, turn, strict=True)
                )
                assert abs(got[i, k, frame] - expected) < 1e-5


def test_clips_do_not_depend_on_their_batch():
    x = noise(3, 4000)
    for function in (
        lambda w: kaldi.fbank(w, **SPEECH, n_mels=40),
        lambda w: kaldi.spectrogram(w, frame_length=400, frame_shift=160),
        lambda w: stft.spectrum(w, n_fft=512, hop=160, window=stft.hann(512)).abs(),
    ):
        together = function(x)
        for i in range(3):
            np.testing.assert_allclose(function(x[i : i + 1])[0], together[i], atol=1e-4)


def test_tables_survive_inference_mode_and_the_meta_device():
    """They are cached; where they were first asked for must not spoil later uses."""
    with torch.inference_mode(), torch.device("meta"):
        mel.htk_filters(16_000, 256, 31)
        stft.hann(333)
    x = noise(1, 1000).requires_grad_()
    power = stft.spectrum(x, n_fft=333, hop=100, window=stft.hann(333)).abs().square()
    power.sum().backward()
    assert x.grad is not None
    assert x.grad.abs().sum() > 0
    mine = stft.hann(333)
    mine[:] = 0
    assert stft.hann(333).sum() > 0  # nobody else's copy is spoilt
    assert mel.htk_filters(16_000, 256, 31).device.type == "cpu"


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (lambda: kaldi.fbank(noise(1, 399), **SPEECH, n_mels=4), "400 samples"),
        (lambda: kaldi.fbank(noise(1, 500)[0], **SPEECH, n_mels=4), r"\(500,\)"),
        (lambda: kaldi.spectrogram(noise(1, 9), frame_length=10, frame_shift=5), "10 samples"),
        (lambda: stft.spectrum(noise(1, 16), n_fft=32, hop=8, window=stft.hann(32)), "17 samples"),
    ],
)
def test_waveforms_that_are_too_short(call, message):
    with pytest.raises(InputError, match=message):
        call()


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (lambda: kaldi.fbank(noise(1, 500), **SPEECH, n_mels=4, window="hann"), "povey, hanning"),
        (lambda: kaldi.fbank(noise(1, 500), **SPEECH, n_mels=4, low=9000), "9000"),
        (lambda: stft.hann(0), "at least 1"),
        (
            lambda: stft.spectrum(
                noise(1, 99), n_fft=32, hop=8, window=stft.hann(32), pad_mode="wrap"
            ),
            "'wrap'",
        ),
    ],
)
def test_options_that_cannot_work(call, message):
    with pytest.raises(UsageError, match=message):
        call()


def test_the_package_imports_no_torch():
    code = "import sys, heschl.models.frontends; sys.exit('torch' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0


# golden values of the originals; of near-silent bins float32 leaves 1e-3, of means 1e-5


@pytest.mark.shared
def test_golden_beats(golden):
    case = golden.load("frontend-beats")
    x = torch.from_numpy(case["waveforms"]) * 2**15
    got = (kaldi.fbank(x, **SPEECH, n_mels=128) - 15.41663) / (2 * 6.55582)
    np.testing.assert_allclose(got[0], case["full/000"], rtol=0, atol=2e-3)
    mean = got.double().mean(1)
    np.testing.assert_allclose(mean, case["layers"]["fbank"], rtol=0, atol=1.5e-5)


@pytest.mark.shared
@pytest.mark.parametrize("dtype", [torch.float32, torch.float64])
def test_golden_ast(golden, dtype):
    case = golden.load("frontend-ast")
    x = torch.from_numpy(case["waveforms"])
    bank = kaldi.fbank(x, **SPEECH, n_mels=128, window="hanning", dtype=dtype)
    assert bank.shape == (3, 198, 128)
    padded = torch.nn.functional.pad(bank, (0, 0, 0, 1024 - 198))
    got = (padded + 4.2677393) / (2 * 4.5689974)
    np.testing.assert_allclose(got[0], case["full/000"], rtol=0, atol=5e-5)
    mean = got.double().mean(1)
    np.testing.assert_allclose(mean, case["layers"]["input_values"], rtol=0, atol=2e-6)
    if dtype == torch.float64:  # transformers' own, in numpy and float64
        exact = golden.load("braindnn_ast-frontend")
        np.testing.assert_allclose(got[0], exact["first"], rtol=0, atol=1e-6)


@pytest.mark.shared
def test_golden_encodecmae(golden):
    case = golden.load("mel256-ec-base")
    x = torch.from_numpy(case["waveforms"])
    args = {"sample_rate": 24_000, "frame_length": 637, "frame_shift": 318}
    got = (kaldi.fbank(x, **args, n_mels=256, window="hanning") + 6.12) / 4.82
    assert got.shape == (3, 149, 256)
    mean = got.double().mean(1)
    np.testing.assert_allclose(mean, case["layers"]["frontend_mean"], rtol=0, atol=6e-5)


@pytest.mark.shared
def test_golden_dasheng(golden):
    case = golden.load("frontend-dasheng")
    x = torch.from_numpy(case["waveforms"])
    power = stft.spectrum(x, n_fft=512, hop=160, window=stft.hann(512)).abs().square()
    bands = power.transpose(1, 2) @ mel.htk_filters(16_000, 512, 64, 0, 8000)
    decibels = 10 * bands.clamp_min(1e-10).log10()
    assert decibels.shape == (3, 201, 64)
    np.testing.assert_allclose(decibels[0], case["full/000"], rtol=0, atol=3e-3)
    mean = decibels.double().mean(1)
    np.testing.assert_allclose(mean, case["layers"]["logmel"], rtol=0, atol=2e-4)


@pytest.mark.shared
def test_golden_s2t_in_float64(golden):
    """Utterance mean and biased deviation, as the hub's extractor computes them in float64."""
    x = torch.from_numpy(golden.load("frontend-ast")["waveforms"]) * 2**15
    bank = kaldi.fbank(x[:1], **SPEECH, n_mels=80, dtype=torch.float64)[0].double()
    got = (bank - bank.mean(0)) / bank.std(0, correction=0)
    expected = golden.load("braindnn_s2t-frontend")["first"]
    np.testing.assert_allclose(got, expected, rtol=0, atol=1e-5)
