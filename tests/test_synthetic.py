"""The embedded dataset: its sounds are what they are named, its responses what its truth says."""

from __future__ import annotations

import hashlib
import os
import subprocess
import sys
from collections import Counter
from itertools import pairwise
from pathlib import Path

import numpy as np
import pytest
from scipy import stats
from scipy.signal import hilbert
from sklearn.linear_model import Ridge

import heschl
from heschl.brain import synthetic
from heschl.brain.synthetic import features, recipes, responses, signals

RATE = 20_000
CATEGORIES = {"speech": 20, "music": 15, "animal": 15, "nature": 15, "everyday": 15}


@pytest.fixture(scope="module")
def dataset():
    return synthetic.load()


@pytest.fixture(scope="module")
def truth():
    return synthetic.truth()


@pytest.fixture(scope="module")
def waveforms(dataset):
    return {clip.name: clip.read()[0] for clip in dataset.sounds}


def of_kind(waveforms, kind):
    found = [x.astype(float) for name, x in waveforms.items() if f"_{kind}" in name]
    assert found, kind
    return found


# --- identity ---------------------------------------------------------------------------------


def test_two_fresh_computations_are_identical(dataset):
    again = [recipes.synthesise(recipe) for recipe in recipes.RECIPES]
    for clip, waveform in zip(dataset.sounds, again, strict=True):
        np.testing.assert_array_equal(clip.read()[0], waveform)
    truth, values = responses.simulate()
    np.testing.assert_array_equal(values, dataset.responses)
    np.testing.assert_array_equal(truth.weights, synthetic.truth().weights)


def test_another_process_computes_the_same(dataset):
    script = (
        "from heschl.brain import synthetic; d = synthetic.load();"
        "print(d.source['responses_sha256'], *(f.digest for f in d.sounds.facts))"
    )
    environment = os.environ | {
        "PYTHONPATH": str(Path(heschl.__file__).parents[1]),
        "PYTHONHASHSEED": "7",
        "OMP_NUM_THREADS": "1",
    }
    done = subprocess.run(
        [sys.executable, "-c", script], env=environment, capture_output=True, text=True, check=True
    )
    assert done.stdout.split() == [
        dataset.source["responses_sha256"],
        *(facts.digest for facts in dataset.sounds.facts),
    ]


def test_each_sound_depends_on_nothing_but_its_name(waveforms):
    np.random.default_rng(0)
    for recipe in list(recipes.RECIPES)[::-9]:  # backwards, alone, between other draws
        np.testing.assert_array_equal(recipes.synthesise(recipe), waveforms[recipe.name])
    assert len({hashlib.sha256(x.tobytes()).digest() for x in waveforms.values()}) == 80
    renamed = recipes.Recipe("another", "speech", recipes.RECIPES[0].make)
    assert not np.array_equal(recipes.synthesise(renamed), waveforms[recipes.RECIPES[0].name])


def test_nothing_that_is_cached_can_be_changed(dataset, truth):
    arrays = [dataset.responses, dataset.folds, dataset.ceiling, dataset.sounds[0].source[0]]
    arrays += [truth.features, truth.weights, truth.signal, truth.noise_sd, truth.ceiling]
    for array in arrays:
        with pytest.raises(ValueError, match="read-only"):
            array[...] = 0
    table = synthetic.load().targets
    table["region"] = "nowhere"
    assert set(synthetic.load().targets["region"]) == set(responses.REGIONS)


# --- layout -----------------------------------------------------------------------------------


def test_spec_is_embedded_and_agrees_with_the_dataset(dataset):
    spec = synthetic.SPEC
    assert spec.fetch is None
    assert (spec.name, spec.kind, spec.licence) == (dataset.name, dataset.kind, dataset.licence)
    assert spec.load().source == dataset.source


def test_sounds_are_named_numbered_and_categorised(dataset):
    assert Counter(dataset.sounds.categories) == CATEGORIES
    seen = Counter()
    for clip in dataset.sounds:
        category, number, kind = clip.name.split("_", 2)
        seen[category] += 1
        assert category == clip.category
        assert number == f"{seen[category]:02d}"
        assert kind
    voices = Counter(n.split("_")[2] for n in dataset.sounds.names if n.startswith("speech"))
    assert voices == {"male": 5, "female": 5, "child": 5, "whisper": 5}
    paces = Counter(n.split("_")[3] for n in dataset.sounds.names if n.startswith("speech"))
    assert min(paces.values()) >= 6


def test_folds_are_stratified_and_fixed(dataset):
    categories = np.array(dataset.sounds.categories)
    assert np.bincount(dataset.folds).tolist() == [16] * 5
    for category, count in CATEGORIES.items():
        assert np.bincount(dataset.folds[categories == category]).tolist() == [count // 5] * 5
    voices = [n.split("_")[2] for n in dataset.sounds.names[:20]]
    assert len(set(zip(voices, dataset.folds[:20].tolist(), strict=True))) == 20  # each once
    np.testing.assert_array_equal(dataset.folds[:7], [0, 1, 2, 3, 4, 0, 1])


def test_targets_describe_four_listeners(dataset):
    table = dataset.targets
    assert list(table) == ["target", "listener", "region", "hemisphere", "x", "y"]
    assert table.groupby("listener").size().to_dict() == dict.fromkeys(("S1", "S2", "S3", "S4"), 30)
    assert table.groupby("region").size().to_dict() == {
        "Anterior": 28, "Lateral": 32, "Posterior": 28, "Primary": 32
    }  # fmt: skip
    assert set(table.groupby(["listener", "hemisphere"]).size()) == {15}
    assert dataset.responses.shape == (80, 120, 3)
    centres = table.groupby("region")["y"].mean()
    assert centres["Anterior"] > centres["Primary"] > centres["Posterior"]


# --- sounds -----------------------------------------------------------------------------------


def longest_run(flags):
    edges = np.flatnonzero(np.diff(np.r_[False, flags, False].astype(int)))
    return np.max(edges[1::2] - edges[::2])


def test_every_sound_is_whole_and_loud_and_not_clipped(dataset, waveforms):
    dataset.sounds.check()
    assert {facts.sample_rate for facts in dataset.sounds.facts} == {RATE}
    for name, x in waveforms.items():
        assert x.shape == (40_000,), name
        assert x.dtype == np.float32, name
        assert np.isfinite(x).all(), name
        assert np.abs(x).max() <= 0.9, name
        assert 0.02 < x.std() <= 0.0801, name
        assert abs(x.mean()) < 1e-3, name
        assert np.abs(x[:4]).max() < 1e-3, name  # ramped
        assert np.abs(x[-4:]).max() < 1e-3, name
        assert np.mean(np.diff(x[400:-400]) == 0) < 0.02, name  # flat nowhere: no digital zero
        assert longest_run(np.abs(x) == np.abs(x).max()) < 3, name  # no flattened peaks


def test_every_sound_goes_on(waveforms):
    for name, x in waveforms.items():
        quarters = np.sqrt(np.mean(x.reshape(4, -1).astype(float) ** 2, axis=1))
        assert quarters.min() > 0.004, name


def autocorrelation_pitch(x, low, high):
    """Pitch in Hz and height of the autocorrelation's highest peak between two pitches."""
    power = np.abs(np.fft.rfft(x - x.mean(), 2 * len(x))) ** 2
    r = np.fft.irfft(power)[: len(x)] / (1 - np.arange(len(x)) / len(x))
    lags = np.arange(int(RATE / high), int(RATE / low) + 1)
    high_enough = r[lags] > 0.85 * r[lags].max()  # the first peak, not a multiple of its lag
    peaks = (r[lags] >= r[lags - 1]) & (r[lags] >= r[lags + 1]) & high_enough
    best = lags[np.argmax(peaks)]
    return RATE / best, r[best] / r[0]


def spectral_flatness(x, low=500, high=8000):
    """Geometric over arithmetic mean of a smoothed power spectrum: 1 is white."""
    power = np.abs(np.fft.rfft(x)) ** 2
    f = np.fft.rfftfreq(len(x), 1 / RATE)
    smooth = power[(f >= low) & (f < high)]
    smooth = smooth[: len(smooth) // 200 * 200].reshape(-1, 200).mean(axis=1)
    return np.exp(np.log(smooth).mean()) / smooth.mean()


def share_of_energy(x, low, high):
    power = np.abs(np.fft.rfft(x)) ** 2
    f = np.fft.rfftfreq(len(x), 1 / RATE)
    return power[(f >= low) & (f < high)].sum() / power.sum()


@pytest.mark.parametrize(
    ("voice", "low", "high"), [("male", 75, 170), ("female", 140, 320), ("child", 210, 460)]
)
def test_voiced_speech_has_the_pitch_of_its_talker(waveforms, voice, low, high):
    for x in of_kind(waveforms, voice):
        loud = np.argmax(np.convolve(x**2, np.ones(1000), "valid"))  # the loudest 50 ms: a vowel
        pitch, height = autocorrelation_pitch(x[loud : loud + 1000], 60, 500)
        assert low < pitch < high
        assert height > 0.6


def test_whispered_speech_has_no_pitch(waveforms):
    voiced = [features.harmonicity(x) for x in of_kind(waveforms, "female")]
    whispered = [features.harmonicity(x) for x in of_kind(waveforms, "whisper")]
    assert max(whispered) < 0.6 < 0.9 < min(voiced)


def test_speech_is_modulated_at_its_syllables(waveforms):
    slow, fast = [], []
    for name, x in waveforms.items():
        if not name.startswith("speech"):
            continue
        envelope = features.envelope(x.astype(float))
        spectrum = np.abs(np.fft.rfft(envelope - 1)) ** 2
        f = np.fft.rfftfreq(len(envelope), 1 / 400)
        band = (f >= 2) & (f <= 8)
        centre = np.average(f[band], weights=spectrum[band])
        assert spectrum[band].sum() > 3 * spectrum[(f >= 16) & (f <= 32)].sum()
        {"slow": slow, "fast": fast}.get(name.split("_")[3], []).append(centre)
    assert np.mean(fast) > np.mean(slow) + 1


@pytest.mark.parametrize("instrument", ["flute", "violin", "trumpet", "guitar"])
def test_a_note_is_harmonic_at_its_pitch(instrument):
    rng = np.random.default_rng(1)
    from heschl.brain.synthetic.music import INSTRUMENTS, note

    x = note(rng, INSTRUMENTS[instrument], 330.0, 0.5)[1000:6000]
    pitch, height = autocorrelation_pitch(x, 200, 500)
    assert pitch == pytest.approx(330, rel=0.02)
    assert height > 0.8


def test_music_but_not_drums_is_harmonic(waveforms):
    for name, x in waveforms.items():
        if name.startswith("music") and ("melody" in name or "chords" in name):
            assert features.harmonicity(x) > 0.45, name
    assert max(features.harmonicity(x) for x in of_kind(waveforms, "rain")) < 0.25


def test_rain_is_flat_and_tones_are_not(waveforms):
    assert min(spectral_flatness(x) for x in of_kind(waveforms, "rain")) > 0.6
    assert max(spectral_flatness(x) for x in of_kind(waveforms, "violin_melody")) < 0.1
    assert max(spectral_flatness(x) for x in of_kind(waveforms, "bell")) < 0.1


def test_sounds_lie_where_their_models_do(waveforms):
    for kind, low, high, share in (
        ("bird", 1500, 8500, 0.98), ("cricket", 3800, 5800, 0.95), ("cicada", 3500, 9500, 0.95),
        ("whale", 60, 3000, 0.97), ("wind", 0, 1500, 0.9), ("alarm", 900, 7000, 0.98),
    ):  # fmt: skip
        assert min(share_of_energy(x, low, high) for x in of_kind(waveforms, kind)) > share, kind


def test_birds_sweep(waveforms):
    for x in of_kind(waveforms, "bird"):
        analytic = hilbert(signals.band(x, 1500, 8000))
        loud = np.abs(analytic) > 0.5 * np.abs(analytic).max()
        frequency = np.diff(np.unwrap(np.angle(analytic))) * RATE / (2 * np.pi)
        inside = frequency[loud[1:]]
        low, high = np.percentile(inside, [5, 95])
        assert high > 1.25 * low
    trill = of_kind(waveforms, "bird_trill")[0]  # every sweep falls
    frames = np.lib.stride_tricks.sliding_window_view(trill, 200)[::100] * np.hanning(200)
    peak = np.abs(np.fft.rfft(frames, 2000, axis=1)).argmax(axis=1)
    level = np.sqrt(np.mean(frames**2, axis=1))
    loud = level > 0.5 * level.max()
    steps = [
        b - a for (a, b), keep in zip(pairwise(peak), loud[1:] & loud[:-1], strict=True) if keep
    ]
    assert np.mean(np.array(steps) <= 0) > 0.8


def test_repeated_events_come_at_the_rates_said(waveforms):
    for kind, low, high in (("footsteps", 1.6, 3.0), ("hammer", 2.1, 4.6), ("cricket", 2.4, 4.6)):
        for x in of_kind(waveforms, kind):
            envelope = np.convolve(features.envelope(x), np.hanning(30), "same")
            r = np.correlate(envelope - envelope.mean(), envelope - envelope.mean(), "full")
            r = r[len(envelope) - 1 :] / (1 - np.arange(len(envelope)) / len(envelope) + 1e-9)
            lags = np.arange(int(400 / high), int(400 / low) + 1)
            peak = lags[np.argmax(r[lags])]
            assert r[peak] > 0.25 * r[0], kind
            assert lags[0] < peak < lags[-1], kind  # a peak, not an edge


# --- building blocks --------------------------------------------------------------------------


def test_complex_tone_equals_the_sum_of_sines():
    frequency = np.linspace(300, 500, 4000)
    x = 2 * np.pi * np.cumsum(frequency) / RATE
    expected = np.sin(x) + 0.5 * np.sin(2 * x) + 0.25 * np.sin(3 * x)
    np.testing.assert_allclose(signals.complex_tone(frequency, (1, 0.5, 0.25)), expected, atol=1e-9)
    high = signals.complex_tone(np.full(4000, 4000.0), (1.0, 0.5, 9.0))  # 12 kHz would fold back
    assert share_of_energy(high, 7900, 8100) == pytest.approx(0.2, abs=0.01)


def test_pulse_train_equals_the_sum_of_cosines():
    frequency = np.full(2000, 970.0)
    x = 2 * np.pi * np.cumsum(frequency) / RATE
    expected = sum(np.cos(k * x) for k in range(1, 10)) / np.sqrt(9 / 2)
    np.testing.assert_allclose(signals.pulse_train(frequency), expected, atol=1e-6)


def test_shape_spectrum_with_unit_gain_changes_nothing():
    x = np.random.default_rng(0).standard_normal(signals.N_SAMPLES)
    same = signals.shape_spectrum(x, lambda t, f: np.ones((len(t), f.shape[1])))
    np.testing.assert_allclose(same, x, atol=1e-9)
    late = signals.shape_spectrum(x, lambda t, f: (t > 1.0) * np.ones_like(f))
    assert np.abs(late[: RATE - 600]).max() < 1e-9
    np.testing.assert_allclose(late[RATE + 600 :], x[RATE + 600 :], atol=1e-9)


def test_resonance_has_unit_gain_and_its_bandwidth():
    def level(frequency):
        x = np.sin(2 * np.pi * frequency * signals.times())
        return signals.resonate(x, 1000, 100)[20_000:].std() / x.std()

    assert level(1000) == pytest.approx(1, rel=0.01)
    assert level(1050) == pytest.approx(np.sqrt(0.5), rel=0.05)
    assert level(3000) < 0.05


def test_place_and_fade_and_impulses():
    total = np.zeros(10)
    signals.place(total, np.ones(4), 7 / RATE)
    signals.place(total, np.ones(4), 20 / RATE)
    assert total.tolist() == [0] * 7 + [1] * 3
    ramp = signals.fade(100, 10 / RATE, 20 / RATE)
    assert ramp[0] == 0
    assert ramp[5] == pytest.approx(0.5)
    assert np.all(ramp[10:80] == 1)
    assert ramp[-1] == 0
    spikes = signals.impulses([0.0, 0.1, 0.1, 5.0], [1, 2, 3, 4])
    assert np.flatnonzero(spikes).tolist() == [0, 2000]
    assert spikes[2000] == 5


# --- features ---------------------------------------------------------------------------------


def test_band_features_follow_a_tone():
    edges = features.band_edges()
    assert edges[[0, -1]] == pytest.approx([60, 9500])
    widths = np.diff(21.4 * np.log10(1 + 0.00437 * edges))
    assert np.ptp(widths) < 1e-9
    for i, centre in enumerate(np.sqrt(edges[:-1] * edges[1:])):
        x = np.sin(2 * np.pi * centre * signals.times())
        described = features.features(x)[: features.N_BANDS]
        assert described[i] == pytest.approx(0, abs=0.01)
        assert np.delete(described, i).max() < -2


def test_modulation_features_follow_a_modulated_noise():
    rng = np.random.default_rng(0)
    for i, rate in enumerate((1.5, 3.0, 6.0, 11.0, 23.0, 45.0, 90.0)):
        depth = 1 + 0.8 * np.sin(2 * np.pi * rate * signals.times())
        described = features.features(depth * rng.standard_normal(signals.N_SAMPLES))
        modulation = described[features.N_BANDS : -1]
        assert np.argmax(modulation) == i
        # an envelope 1 + m sin has the energy m^2 / 2 beside its mean
        smoothing = np.sinc(rate / 400) ** 2  # of the mean over 2.5 ms
        assert 10 ** modulation[i] == pytest.approx(0.32 * smoothing, rel=0.1)


def test_harmonicity_tells_tones_from_noise_at_any_level():
    rng = np.random.default_rng(0)
    noise = rng.standard_normal(signals.N_SAMPLES)
    tone = signals.complex_tone(np.full(signals.N_SAMPLES, 200.0), np.ones(10))
    assert features.harmonicity(tone) > 0.97
    assert features.harmonicity(noise) < 0.2
    mixed = tone / tone.std() + noise
    assert 0.4 < features.harmonicity(mixed) < 0.7
    np.testing.assert_allclose(features.features(0.01 * mixed), features.features(mixed))


# --- responses --------------------------------------------------------------------------------


def test_responses_are_features_times_weights_and_noise(dataset, truth):
    described = np.stack([features.features(clip.read()[0]) for clip in dataset.sounds])
    np.testing.assert_allclose(truth.features, stats.zscore(described, axis=0), atol=1e-12)
    np.testing.assert_allclose(truth.signal, truth.features @ truth.weights, atol=1e-12)
    assert len(truth.feature_names) == truth.features.shape[1] == len(truth.weights)
    noise = (dataset.responses - truth.signal[:, :, None]) / truth.noise_sd[:, None]
    assert abs(noise.mean()) < 4 / np.sqrt(noise.size)
    assert noise.std() == pytest.approx(1, abs=4 / np.sqrt(2 * noise.size))
    assert stats.kstest(noise.ravel(), "norm").pvalue > 0.001
    per_voxel = noise.std(axis=(0, 2), ddof=1)
    assert np.abs(per_voxel - 1).max() < 5 / np.sqrt(2 * 240)
    repetitions = np.corrcoef(noise.reshape(-1, 3).T)  # independent
    assert np.abs(repetitions[np.triu_indices(3, 1)]).max() < 4 / np.sqrt(80 * 120)


def test_reliabilities_are_within_their_range(dataset, truth):
    variance = truth.signal.var(axis=0)
    reliability = variance / (variance + truth.noise_sd**2)
    assert reliability.min() > 0.2
    assert reliability.max() < 0.8
    assert np.ptp(reliability) > 0.5
    # Spearman-Brown of the single repetition's reliability is the ceiling
    np.testing.assert_allclose(dataset.ceiling, 3 * reliability / (1 + 2 * reliability))
    pairs = [
        np.corrcoef(dataset.responses[:, v, a], dataset.responses[:, v, b])[0, 1]
        for v in range(120)
        for a, b in ((0, 1), (0, 2), (1, 2))
    ]
    measured = np.reshape(pairs, (120, 3)).mean(axis=1)
    assert np.corrcoef(measured, reliability)[0, 1] > 0.9


def squared_correlations(a, b):
    return np.array([np.corrcoef(x, y)[0, 1] ** 2 for x, y in zip(a.T, b.T, strict=True)])


def test_ceiling_is_what_the_signal_itself_scores(dataset, truth):
    difference = squared_correlations(truth.signal, dataset.mean_responses()) - dataset.ceiling
    standard_error = difference.std(ddof=1) / np.sqrt(len(difference))
    assert standard_error < 0.01
    # r^2 of 80 sounds is biased upwards by up to (1 - r^2)^2 / 80
    assert abs(difference.mean()) < 3 * standard_error + np.mean((1 - dataset.ceiling) ** 2) / 80


def test_ceiling_holds_over_fresh_noise(truth):
    rng = np.random.default_rng(3)
    scores = []
    for _ in range(60):
        noise = rng.standard_normal(truth.signal.shape) * truth.noise_sd / np.sqrt(3)
        scores.append(squared_correlations(truth.signal, truth.signal + noise))
    mean, error = np.mean(scores, axis=0), np.std(scores, axis=0, ddof=1) / np.sqrt(60)
    excess = (mean - truth.ceiling) / np.hypot(error, 1 / 80)
    assert np.abs(excess).max() < 4
    assert abs(np.mean(mean - truth.ceiling)) < 0.008


def cross_validated_r2(X, Y, folds):
    predicted = np.empty_like(Y)
    for fold in np.unique(folds):
        out = folds == fold
        predicted[out] = Ridge(alpha=1.0).fit(X[~out], Y[~out]).predict(X[out])
    r = np.array([np.corrcoef(x, y)[0, 1] for x, y in zip(predicted.T, Y.T, strict=True)])
    return np.maximum(r, 0) ** 2


def test_the_true_features_come_close_to_the_ceiling_and_noise_does_not(dataset, truth):
    Y = dataset.mean_responses()
    score = cross_validated_r2(truth.features, Y, dataset.folds)
    assert score.mean() > 0.75 * dataset.ceiling.mean()
    assert score.mean() < dataset.ceiling.mean()
    assert np.corrcoef(score, dataset.ceiling)[0, 1] > 0.7
    noise = np.random.default_rng(0).standard_normal(truth.features.shape)
    assert cross_validated_r2(noise, Y, dataset.folds).mean() < 0.05
    noiseless = cross_validated_r2(truth.features, truth.signal, dataset.folds)
    assert noiseless.min() > 0.95


def test_regions_prefer_what_they_are_said_to(dataset, truth):
    region = dataset.targets["region"].to_numpy()
    bands = list(range(features.N_BANDS))
    harmonicity = truth.feature_names.index("harmonicity")
    relative = truth.weights / np.abs(truth.weights).sum(axis=0)
    spectral = np.abs(relative[bands]).sum(axis=0)
    assert spectral[region == "Primary"].mean() > 2 * spectral[region == "Anterior"].mean()
    pitch = relative[harmonicity]
    assert pitch[region == "Anterior"].min() > 0
    assert pitch[region == "Anterior"].mean() > 3 * pitch[region == "Primary"].mean()


def test_it_does_not_use_the_models():
    for path in Path(synthetic.__file__).parent.glob("*.py"):
        assert "heschl.models" not in path.read_text(encoding="utf-8"), path.name
