from __future__ import annotations

import numpy as np
import pytest
from scipy.signal import resample_poly
from scipy.signal.windows import kaiser

from heschl.errors import InputError
from heschl.models import cochleagram as coch
from heschl.models import load_model

RATE = 20_000


def tone(frequency, seconds=2.0, rms=0.1):
    t = np.arange(round(seconds * RATE)) / RATE
    return (rms * np.sqrt(2) * np.sin(2 * np.pi * frequency * t)).astype(np.float32)


def noise(seed=0, seconds=2.0):
    x = np.random.default_rng(seed).standard_normal(round(seconds * RATE))
    return (0.1 * x).astype(np.float32)


def naive_envelopes(waveform):
    """Every subband at full length in double precision, and the lowpass as a direct sum."""
    n = len(waveform)
    spectrum = np.zeros(n, complex)
    spectrum[: n // 2 + 1] = np.fft.rfft(waveform.astype(float))
    t = np.arange(1001) - 500.5
    taps = np.sinc(t / 100) / 100 * kaiser(1001, 5)
    out = []
    for response in coch.filters(n):
        padded = np.zeros(n)
        padded[: n // 2 + 1] = response
        envelope = np.maximum(np.abs(np.fft.ifft(spectrum * padded)), 1e-8)
        starts = range(0, n - 1000, 100)
        out.append([np.dot(envelope[s : s + 1001], taps) for s in starts])
    return np.array(out)


@pytest.mark.shared
def test_golden_value(golden):
    case = golden.load("braindnn_spectemp_filters")
    expected = case["layers"]["cochleagram_mean"]
    got = load_model("cochleagram")(case["waveforms"])["cochleagram"].mean(axis=-1)
    rms = np.sqrt(np.mean(expected**2))
    assert np.abs(got - expected).max() < 1e-4 * rms


@pytest.mark.parametrize("n_samples", [40_000, 30_011, 20_500])
def test_equals_the_naive_version(n_samples):
    """30,011 is prime: no short transforms there."""
    x = noise()[:n_samples]
    got, expected = coch.envelopes(x), naive_envelopes(x)
    assert got.shape == expected.shape == (211, (n_samples - 1001) // 100 + 1)
    np.testing.assert_allclose(got, expected, rtol=1e-4, atol=1e-6 * expected.max())


def test_squares_of_the_filters_sum_to_one():
    """Every frequency passes with the same power; so do those of each interleaved set."""
    filters = coch.filters(40_000)
    assert filters.shape == (211, 20_001)
    np.testing.assert_allclose((filters**2).sum(axis=0), 1, atol=1e-12)
    for first in range(4):
        bands = [4 + k for k in range(first, 203, 4)]
        one_set = [first, *bands, 207 + (bands[-1] - 203)]
        np.testing.assert_allclose((filters[one_set] ** 2).sum(axis=0), 1 / 4, atol=1e-12)


def test_erb_scale_by_hand():
    """ERB(f) = 9.265 ln(1 + f / 228.8455); at f = 228.8455 (e - 1) it is 9.265."""
    assert coch.erb(0.0) == 0
    assert coch.erb(24.7 * 9.265 * (np.e - 1)) == pytest.approx(9.265)


@pytest.mark.parametrize("channel", [10, 60, 111, 160, 200])
def test_pure_tone_lands_in_its_channel(channel):
    """Channel 4 + k peaks at the k-th centre, where its filter is 1 / 2."""
    centre = coch.centre_frequencies()[channel - 4]
    frequency = round(centre * 2) / 2  # a whole number of periods
    envelope = coch.envelopes(tone(frequency))
    assert envelope.mean(axis=1).argmax() == channel
    # amplitude 0.1 sqrt(2), halved by the one-sided spectrum without factor 2, and by the filter
    assert envelope[channel].mean() == pytest.approx(0.1 * np.sqrt(2) / 4, rel=0.01)
    far = np.abs(coch.erb(centre) - coch.erb(coch.centre_frequencies())) > 1
    assert envelope[4:207][far].max() < 1e-3 * envelope[channel].mean()


def test_clamp_comes_before_the_filters():
    """Peaks beyond full scale are cut: 43 of the 165 natural sounds reach them at rms 0.1."""
    x = tone(1000, rms=0.05)
    x[10_000] = 5.0
    clipped = np.clip(x, -1, 1)
    with_peak = load_model("cochleagram").forward(x[None])["cochleagram"][0]
    np.testing.assert_array_equal(with_peak, coch.compress(coch.envelopes(clipped)))
    without_clamp = coch.compress(coch.envelopes(x))
    assert np.abs(with_peak - without_clamp).max() > 0.05


@pytest.mark.shared
def test_clamp_changes_43_of_the_natural_sounds(shared):
    """As counted with the original, which resampled with scipy's polyphase filters."""
    from heschl.brain import natsound165

    natsound165.fetch(shared / "data" / "natsound165")
    sounds = natsound165.load().sounds
    recorded = sounds.waveforms(44_100).astype(float)
    resampled = resample_poly(recorded, 200, 441, axis=1).astype(np.float32)
    prepared = load_model("cochleagram").prepare(resampled)
    beyond = (np.abs(prepared) > 1).sum(axis=1)
    assert (beyond > 0).sum() == 43
    assert beyond.max() == 93
    assert sounds.names[np.abs(prepared).max(axis=1).argmax()] == "stim132_water_dripping"
    assert np.abs(prepared).max() == pytest.approx(5.68, abs=0.005)


def test_level_does_not_matter_when_called():
    x = noise()
    model = load_model("cochleagram")
    np.testing.assert_allclose(
        model(3 * x + 0.01)["cochleagram"], model(x)["cochleagram"], rtol=1e-4
    )


def test_envelopes_scale_with_the_waveform():
    x = noise()
    np.testing.assert_allclose(coch.envelopes(4 * x), 4 * coch.envelopes(x), rtol=1e-4, atol=1e-7)


def test_silence_is_the_floor():
    out = load_model("cochleagram")(np.zeros(40_000, np.float32))
    # the lowpass passes the floor of 1e-8 unchanged; 1e-8 is added before the compression
    np.testing.assert_allclose(out["envelopes"], 1e-8, rtol=2e-3)
    np.testing.assert_allclose(out["cochleagram"], 2e-8**0.3, rtol=1e-3)


def test_a_shift_by_whole_frames_shifts_the_frames():
    """Shifted in a circle, as the transforms see it; the ends differ by the lowpass' length."""
    x = noise()
    moved = np.roll(x, 100 * 25)
    a, b = coch.envelopes(x), coch.envelopes(moved)
    np.testing.assert_allclose(b[:, 25:], a[:, :-25], rtol=1e-3, atol=1e-5)


def test_amplitude_modulation_shows_in_the_envelope():
    t = np.arange(40_000) / RATE
    x = ((1 + 0.8 * np.sin(2 * np.pi * 4 * t)) * tone(1000)).astype(np.float32)
    envelope = coch.envelopes(x)
    channel = envelope.mean(axis=1).argmax()
    # frame k is centred at sample 100 k + 500.5
    time = (100 * np.arange(390) + 500.5) / RATE
    expected = 1 + 0.8 * np.sin(2 * np.pi * 4 * time)
    relative = envelope[channel] / envelope[channel].mean()
    np.testing.assert_allclose(relative, expected, atol=0.03)


def test_batches_equal_single_sounds():
    batch = np.stack([noise(0), noise(1), tone(440)])
    model = load_model("cochleagram")
    together = model(batch)["cochleagram"]
    for i, x in enumerate(batch):
        np.testing.assert_array_equal(together[i], model(x)["cochleagram"][0])


def test_bad_waveforms():
    model = load_model("cochleagram")
    with pytest.raises(InputError, match="at least 1001 samples"):
        model(np.ones(1000, np.float32))
    with pytest.raises(InputError, match="waveform 0: 1 samples are nan"):
        model(np.where(np.arange(2000) == 7, np.nan, 0.1).astype(np.float32))
    with pytest.raises(InputError, match="n_sounds, n_samples"):
        model(np.ones((1, 1, 2000), np.float32))
