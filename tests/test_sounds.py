"""Sounds: their order and names, their duration, and what identifies them."""

from __future__ import annotations

import hashlib

import numpy as np
import pytest
import soundfile

import heschl
from heschl import audio
from heschl.errors import AudioError, InputError
from heschl.sounds import Clip, Sounds

RATE = 8_000


def noise(seed, n=RATE):
    """Noise on the grid of 16-bit samples, so that every lossless format holds it exactly."""
    steps = np.random.default_rng(seed).integers(-8000, 8000, n)
    return (steps / 32768).astype(np.float32)


def make(n=5, *, duration=1.0):
    return Sounds(
        [Clip(f"s{i}", (noise(i), RATE), category="ab"[i % 2]) for i in range(n)],
        duration=duration,
    )


def only(source, *, name="x", duration=1.0):
    return Sounds([Clip(name, source)], duration=duration)


def digest(source):
    return only(source).facts[0].digest


# order and names


def test_order_is_kept():
    clips = [Clip(name, (noise(i), RATE)) for i, name in enumerate(["z", "a", "m"])]
    sounds = Sounds(clips, duration=1.0)
    assert sounds.names == ("z", "a", "m")
    assert list(sounds) == clips
    assert [sounds[i] for i in range(3)] == clips
    assert sounds[-1] is clips[2]
    assert len(sounds) == 3
    for i, row in enumerate(sounds.waveforms(RATE)):
        np.testing.assert_array_equal(row, noise(i))


def test_categories():
    assert make(3).categories == ("a", "b", "a")
    assert only((noise(0), RATE)).categories == (None,)


def test_slices_are_sounds_of_the_same_duration():
    part = make(6, duration=0.5)[1:6:2]
    assert isinstance(part, Sounds)
    assert part.names == ("s1", "s3", "s5")
    assert part.duration == 0.5
    np.testing.assert_array_equal(part.waveforms(RATE), make(6, duration=0.5).waveforms(RATE)[1::2])


def test_an_index_beyond_the_end():
    with pytest.raises(IndexError):
        make(2)[2]


def test_repr_says_how_many_and_how_long():
    assert repr(make(4, duration=0.25)) == "<Sounds: 4 of 0.25 s>"
    assert "array" not in repr(make(1)[0])


def test_names_are_unique():
    with pytest.raises(InputError, match="two sounds are named 'a'; names must be unique"):
        Sounds([Clip(name, (noise(0), RATE)) for name in ("a", "b", "a")], duration=1.0)


def test_there_is_at_least_one():
    with pytest.raises(InputError, match="no sounds were given"):
        Sounds([], duration=1.0)


@pytest.mark.parametrize("duration", [0.0, -1.0, float("nan")])
def test_a_duration_is_more_than_nothing(duration):
    with pytest.raises(InputError, match=f"duration of sounds is {duration} s"):
        only((noise(0), RATE), duration=duration)


# waveforms


@pytest.mark.parametrize(("duration", "rate"), [(2.0, 44_100), (1.5, 20_000), (0.3333, 16_000)])
def test_n_samples_is_the_nearest_whole_number(duration, rate):
    assert only((noise(0), RATE), duration=duration).n_samples(rate) == round(duration * rate)


def test_longer_sounds_are_cut_and_shorter_ones_padded():
    out = make(2, duration=0.5).waveforms(RATE)
    assert out.shape == (2, RATE // 2)
    assert out.dtype == np.float32
    np.testing.assert_array_equal(out[1], noise(1)[: RATE // 2])
    out = make(2, duration=1.25).waveforms(RATE)
    np.testing.assert_array_equal(out[1, :RATE], noise(1))
    np.testing.assert_array_equal(out[1, RATE:], np.zeros(RATE // 4))


def test_each_sound_comes_from_its_own_rate():
    """The same tone recorded at three rates is the same waveform at a fourth."""

    def tone(rate):
        return (0.5 * np.sin(2 * np.pi * 500 * np.arange(rate) / rate)).astype(np.float32)

    rates = (8_000, 22_050, 48_000)
    sounds = Sounds([Clip(str(r), (tone(r), r)) for r in rates], duration=1.0)
    out = sounds.waveforms(16_000)
    for row in out:
        np.testing.assert_allclose(row[1600:-1600], tone(16_000)[1600:-1600], atol=2e-4)
    assert [f.sample_rate for f in sounds.facts] == list(rates)


def test_resampled_before_cut():
    """The cut must not ring: the end of a cut sound is the middle of the whole one."""
    long = noise(0, 2 * RATE)
    whole = only((long, RATE), duration=2.0).waveforms(16_000)[0]
    cut = only((long, RATE), duration=1.0).waveforms(16_000)[0]
    np.testing.assert_array_equal(cut, whole[:16_000])


def test_files_and_arrays_are_the_same_sound(tmp_path):
    soundfile.write(tmp_path / "x.wav", noise(0), RATE)
    for source in (tmp_path / "x.wav", str(tmp_path / "x.wav")):
        sounds = heschl.Sounds([heschl.Clip("x", source)], duration=1.0)
        np.testing.assert_array_equal(sounds.waveforms(RATE)[0], noise(0))
        assert sounds.facts[0].digest == digest((noise(0), RATE))


def test_double_precision_is_rounded_once():
    x = np.random.default_rng(0).standard_normal(100) * 0.1
    waveform, _ = Clip("x", (x, RATE)).read()
    np.testing.assert_array_equal(waveform, x.astype(np.float32))


# identity


def test_the_digest_is_of_the_decoded_samples(tmp_path):
    x = noise(0)
    for name, options in (
        ("a.wav", {"subtype": "PCM_16"}),
        ("b.wav", {"subtype": "PCM_24"}),
        ("c.wav", {"subtype": "FLOAT"}),
        ("d.flac", {}),
        ("e.aiff", {}),
    ):
        soundfile.write(tmp_path / name, x, RATE, **options)
        assert digest(tmp_path / name) == digest((x, RATE)), name
    by_hand = hashlib.sha256(b"8000:" + x.astype("<f4").tobytes()).hexdigest()
    assert digest((x, RATE)) == by_hand


def test_the_digest_changes_with_any_sample_and_the_rate():
    x = noise(0)
    found = {digest((x, RATE)), digest((x, RATE + 1)), digest((x[:-1], RATE))}
    for place in (0, len(x) // 2, len(x) - 1):
        changed = x.copy()
        changed[place] += np.float32(2.0**-15)
        found.add(digest((changed, RATE)))
    assert len(found) == 6


def test_the_digest_does_not_depend_on_name_category_or_duration():
    x = (noise(0), RATE)
    a = Sounds([Clip("a", x, "speech")], duration=1.0).facts[0]
    b = Sounds([Clip("b", x)], duration=0.5).facts[0]
    assert a == b
    assert (a.n_samples, a.sample_rate, a.silent) == (RATE, RATE, False)


def test_files_are_read_once_for_their_facts(tmp_path):
    soundfile.write(tmp_path / "x.wav", noise(0), RATE)
    sounds = only(tmp_path / "x.wav")
    first = sounds.facts
    (tmp_path / "x.wav").unlink()
    assert sounds.facts is first


# what is refused


@pytest.mark.parametrize("value", [0.0, 0.25])
def test_silence_is_refused_by_name(value):
    quiet = Clip("quiet one", (np.full(RATE, value, np.float32), RATE))
    sounds = Sounds([Clip("a", (noise(0), RATE)), quiet], duration=1.0)
    assert [facts.silent for facts in sounds.facts] == [False, True]
    with pytest.raises(AudioError, match=r"quiet one: silent \(all samples within 1 s are equal\)"):
        sounds.check()


@pytest.mark.parametrize("value", [np.nan, np.inf])
def test_what_is_not_finite_is_refused_by_name(tmp_path, value):
    bad = noise(0)
    bad[7] = value
    soundfile.write(tmp_path / "bad one.wav", bad, RATE, subtype="FLOAT")
    for source in ((bad, RATE), tmp_path / "bad one.wav"):
        sounds = Sounds([Clip("a", (noise(0), RATE)), Clip("bad one", source)], duration=1.0)
        for use in (sounds.check, lambda sounds=sounds: sounds.waveforms(RATE)):
            with pytest.raises(AudioError, match=r"bad one.* 1 samples are nan .* index 7"):
                use()


def test_damaged_and_missing_files_are_refused_by_name(tmp_path):
    soundfile.write(tmp_path / "short.wav", noise(0), RATE)
    content = (tmp_path / "short.wav").read_bytes()
    (tmp_path / "short.wav").write_bytes(content[:5000])
    for name, message in (("short", "cut short"), ("gone", "no such sound file")):
        sounds = only(tmp_path / f"{name}.wav", name=name)
        for use in (sounds.check, lambda sounds=sounds: sounds.waveforms(RATE)):
            with pytest.raises(AudioError, match=rf"{name}\.wav: {message}"):
                use()


@pytest.mark.parametrize(
    ("samples", "found"),
    [
        (np.zeros((RATE, 2), np.float32), r"float32 and shape \(8000, 2\)"),
        (np.zeros(0, np.float32), r"float32 and shape \(0,\)"),
        (np.arange(100, dtype=np.int16), r"int16 and shape \(100,\)"),
        (np.float32(1.0), r"float32 and shape \(\)"),
    ],
)
def test_arrays_that_are_no_mono_waveform_are_refused(samples, found):
    """A stereo array must not be resampled along its channels, nor 16-bit numbers be taken as 1."""
    sounds = only((samples, RATE), name="mine")
    for use in (sounds.check, lambda: sounds.waveforms(16_000)):
        with pytest.raises(AudioError, match=f"mine: samples of type {found}; expected floating"):
            use()


@pytest.mark.parametrize("rate", [0, -8000])
def test_an_impossible_rate_is_refused(rate):
    with pytest.raises(AudioError, match=f"mine: its sample rate is {rate}; expected Hz"):
        only((noise(0), rate), name="mine").check()


def test_silence_is_judged_within_the_duration():
    late = np.zeros(3000, np.float32)
    late[2500:] = 0.1 * np.random.default_rng(0).standard_normal(500)
    clip = Clip("late", (late, 1000))
    with pytest.raises(AudioError, match=r"late: silent \(all samples within 2 s"):
        Sounds([clip], duration=2.0).check()
    Sounds([clip], duration=3.0).check()


# sounds without a duration


LENGTHS = (800, 1200, 1200, 333)


def various(**options):
    """Four sounds, each as long as it is."""
    clips = [Clip(f"s{i}", (noise(i, n), RATE)) for i, n in enumerate(LENGTHS)]
    return Sounds(clips, duration=None, **options)


@pytest.mark.parametrize("rate", [RATE, 16_000, 5_512])
def test_each_is_as_long_as_it_is(rate):
    sounds = various()
    expected = [int(n * rate / RATE + 0.5) for n in LENGTHS]
    assert sounds.lengths(rate).tolist() == expected
    assert sounds.n_samples(rate) == max(expected)
    for i, n in enumerate(expected):
        row = sounds[i : i + 1].waveforms(rate)
        assert row.shape == (1, n)
        np.testing.assert_array_equal(
            row[0], audio.fit_length(audio.resample(noise(i, LENGTHS[i]), RATE, rate), n)
        )


def test_equally_long_ones_fit_into_one_array():
    sounds = various()
    out = sounds[1:3].waveforms(RATE)
    np.testing.assert_array_equal(out, [noise(1, 1200), noise(2, 1200)])
    with pytest.raises(InputError, match=r"4 sounds of 333 to 1200 samples at 8000 Hz do not fit"):
        sounds.waveforms(RATE)


def test_lengths_of_sounds_of_one_duration_need_no_reading(tmp_path):
    sounds = Sounds([Clip(n, tmp_path / n) for n in "ab"], duration=0.3)
    assert sounds.lengths(RATE).tolist() == [2400, 2400]


def test_resampled_lengths_are_those_of_soxr():
    rng = np.random.default_rng(0)
    for _ in range(300):
        n, (low, high) = rng.integers(1, 3000), rng.choice(range(4_000, 50_000, 25), 2)
        resampled = audio.resample(np.zeros(n, np.float32), int(low), int(high))
        assert audio.resampled_length(int(n), int(low), int(high)) == max(1, len(resampled))


def test_silence_over_the_whole_length():
    late = np.zeros(3000, np.float32)
    late[-1] = 0.1
    Sounds([Clip("late", (late, 1000))], duration=None).check()
    with pytest.raises(AudioError, match=r"quiet: silent \(all samples are equal\)"):
        Sounds([Clip("quiet", (0 * late, 1000))], duration=None).check()


def test_what_sounds_without_a_duration_show():
    assert repr(various()) == "<Sounds: 4 of various lengths>"
    assert various().duration is None
    assert various()[1:].duration is None


# what sounds may be, and what is known of them


def test_silence_may_be_let_pass(tmp_path):
    quiet = Clip("quiet one", (np.zeros(RATE, np.float32), RATE))
    sounds = Sounds([quiet], duration=1.0, may_be_silent=True)
    sounds.check()
    assert [facts.silent for facts in sounds.facts] == [True]
    sounds[:1].check()
    missing = Sounds([quiet, Clip("x", tmp_path / "x.wav")], duration=1.0, may_be_silent=True)
    with pytest.raises(AudioError, match="no such sound file"):
        missing.check()


def test_what_is_known_is_not_read(tmp_path):
    clips = [Clip(name, tmp_path / name) for name in "abc"]
    facts = various()[:3].facts
    for duration in (None, 1.0):
        sounds = Sounds(clips, duration=duration, facts=facts)
        sounds.check()
        assert sounds.facts == facts
        assert sounds[1:].facts == facts[1:]
        assert sounds[::-1].facts == facts[::-1]
    assert Sounds(clips, duration=None, facts=facts).lengths(RATE).tolist() == [800, 1200, 1200]
    with pytest.raises(InputError, match="facts on 2 of 3 sounds; expected all"):
        Sounds(clips, duration=1.0, facts=facts[:2])


def test_slices_know_what_the_whole_knows(tmp_path):
    soundfile.write(tmp_path / "x.wav", noise(0), RATE)
    sounds = only(tmp_path / "x.wav")
    facts = sounds.facts
    (tmp_path / "x.wav").unlink()
    assert sounds[:1].facts == facts
