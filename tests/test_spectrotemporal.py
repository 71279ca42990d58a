from __future__ import annotations

import numpy as np
import pytest

from heschl.models import load_model
from heschl.models import spectrotemporal as st

FRAMES, CHANNELS = 390, 211
RATE, PER_ERB = 200, 6


def ripple(scale, rate, direction):
    """A cochleagram that moves down (+1: later at lower channels) or up (-1) in frequency."""
    channel = np.arange(CHANNELS)[:, None] / PER_ERB
    time = np.arange(FRAMES)[None] / RATE
    wave = np.sin(2 * np.pi * (rate * time + direction * scale * channel))
    return (0.25 + 0.1 * wave).astype(np.float32)


def by_filter(power):
    """Power summed over channels, ``{(direction, scale, rate): power}``."""
    return dict(zip(st.filter_table(), power.sum(axis=1), strict=True))


@pytest.mark.shared
def test_golden_value(golden):
    case = golden.load("braindnn_spectemp_filters")
    expected = case["layers"]["avgpool"]
    got = load_model("spectrotemporal")(case["waveforms"])["avgpool"].reshape(3, -1)
    rms = np.sqrt(np.mean(expected**2))
    assert got.shape == (3, 23_421)
    assert np.abs(got - expected).max() < 1e-4 * rms
    # between sounds, too: not only what all sounds share
    spread = expected - expected.mean(axis=0)
    assert np.abs((got - got.mean(axis=0)) - spread).max() < 2e-4 * np.sqrt(np.mean(spread**2))


def test_equals_the_plain_two_dimensional_transforms():
    torch = pytest.importorskip("torch")
    import plain_spectrotemporal as plain

    rng = np.random.default_rng(0)
    for n_frames in (390, 61):  # even and odd numbers of frames
        x = rng.uniform(0.05, 0.5, (CHANNELS, n_frames)).astype(np.float32)
        expected = plain.modulation_power(
            torch.as_tensor(x), plain.filterbank(CHANNELS, n_frames)
        ).numpy()
        got = st.modulation_power(x)
        assert np.linalg.norm(got - expected) < 1e-5 * np.linalg.norm(expected)
        assert np.abs(got - expected).max() < 1e-4 * np.sqrt(np.mean(expected**2))


def test_the_plain_cochleagram_agrees():
    pytest.importorskip("torch")
    import plain_spectrotemporal as plain
    from heschl.models import cochleagram as coch

    x = (0.1 * np.random.default_rng(0).standard_normal(40_000)).astype(np.float32)
    x[5] = 3
    np.testing.assert_allclose(
        coch.cochleagram(x), plain.cochleagram(x).numpy(), rtol=1e-4, atol=1e-5
    )


def test_filters_are_111_in_the_published_order():
    table = st.filter_table()
    assert len(table) == len(set(table)) == 111
    assert table[0] == (-1, 0.0, 0.0)
    assert table[8] == (-1, 0.0, 64.0)
    assert table[9] == (-1, 0.0625, 0.0)
    assert table[62] == (-1, 2.0, 64.0)
    assert table[63] == (1, 0.0625, 0.5)
    assert table[-1] == (1, 2.0, 64.0)


@pytest.mark.parametrize("scale", [0.125, 0.25, 0.5, 1.0])
@pytest.mark.parametrize("rate", [4.0, 8.0, 16.0])
def test_ripples_moving_up_and_down_separate(scale, rate):
    """Direction +1 answers ripples moving down, -1 those moving up, at their scale and rate."""
    for direction in (-1, 1):
        power = by_filter(st.modulation_power(ripple(scale, rate, direction)))
        along, against = power[direction, scale, rate], power[-direction, scale, rate]
        assert along > 5 * against
        tuned = {key: p for key, p in power.items() if key[1] and key[2] and key[0] == direction}
        best = max(tuned, key=tuned.get)
        # neighbours may answer a little more: filters are an octave apart and broad
        assert abs(np.log2(best[1] / scale)) <= 1
        assert abs(np.log2(best[2] / rate)) <= 1


def test_mirrored_in_time_up_and_down_change_places():
    x = ripple(0.5, 8.0, 1)
    power, mirrored = (by_filter(st.modulation_power(c)) for c in (x, x[::-1].copy()))
    for scale in st.SPECTRAL_SCALES[2:6]:
        for rate in st.TEMPORAL_RATES[3:7]:
            assert power[1, scale, rate] == pytest.approx(mirrored[-1, scale, rate], rel=0.05)


def test_modulated_noise_peaks_at_its_rate():
    """Noise modulated at 4 Hz: of the purely temporal filters, that at 4 Hz gains the most.

    Against the same noise unmodulated: the slowest filters also answer its onset.
    """
    t = np.arange(40_000) / 20_000
    carrier = np.random.default_rng(0).standard_normal(40_000)

    def temporal(x):
        power = load_model("spectrotemporal")(x.astype(np.float32))["avgpool"][0, ..., 0]
        return power[: len(st.TEMPORAL_RATES)].sum(axis=1)

    flat = temporal(carrier)
    for rate in (2.0, 4.0, 8.0, 16.0):
        modulated = temporal((1 + np.sin(2 * np.pi * rate * t)) * carrier)
        gain = dict(zip(st.TEMPORAL_RATES, modulated / flat, strict=True))
        assert max(gain, key=gain.get) == rate
        assert gain[rate] > 4
        fast = {r: p for r, p in zip(st.TEMPORAL_RATES, modulated, strict=True) if r >= 2}
        assert max(fast, key=fast.get) == rate


def test_constant_cochleagram_drives_only_the_mean():
    """The filter at scale 0 and rate 0 averages the padded input: x / 2 / 3, squared."""
    power = st.modulation_power(np.full((CHANNELS, FRAMES), 0.3, np.float32))
    np.testing.assert_allclose(power[0], (30 / 6) ** 2, rtol=1e-4)


def test_power_grows_with_the_square_and_has_a_floor():
    x = ripple(0.5, 8.0, 1)
    np.testing.assert_allclose(
        st.modulation_power(2 * x), 4 * st.modulation_power(x), rtol=1e-3, atol=1e-6
    )
    np.testing.assert_allclose(st.modulation_power(np.zeros_like(x)), 1e-8, rtol=1e-6)


def test_level_silence_and_shift():
    rng = np.random.default_rng(0)
    model = load_model("spectrotemporal")
    x = np.zeros(40_000, np.float32)
    x[8000:20_000] = 0.05 * rng.standard_normal(12_000)
    power = model(x)["avgpool"]
    np.testing.assert_allclose(model(5 * x)["avgpool"], power, rtol=1e-3, atol=1e-6)
    # a little later is almost the same: power is averaged over time
    later = model(np.roll(x, 2000))["avgpool"]
    assert np.linalg.norm(later - power) < 0.1 * np.linalg.norm(power)
    silent = model(np.zeros((1, 40_000), np.float32))["avgpool"]
    assert np.isfinite(silent).all()
    assert silent.max() < 0.1 * power.max()


def test_is_the_same_for_batches_and_single_sounds():
    x = (0.1 * np.random.default_rng(0).standard_normal((3, 30_000))).astype(np.float32)
    model = load_model("spectrotemporal")
    together = model(x)["avgpool"]
    assert together.shape == (3, 111, 211, 1)
    for i in range(3):
        np.testing.assert_array_equal(together[i], model(x[i])["avgpool"][0])
