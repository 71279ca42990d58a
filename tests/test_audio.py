"""Sound files: every format is read as it was written, every kind of damage is refused."""

from __future__ import annotations

import os
import struct

import numpy as np
import pytest
import scipy.signal
import soundfile
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

from heschl import audio
from heschl.errors import AudioError

RATE = 16_000
STEP = 2.0**-15  # of 16-bit samples


@pytest.fixture(scope="module")
def waveform():
    """One second of a tone in noise, (16000,), float64."""
    t = np.arange(RATE) / RATE
    return 0.3 * np.sin(2 * np.pi * 440 * t) + 0.02 * np.random.default_rng(0).standard_normal(RATE)


# name, options of soundfile.write, largest error of a sample
LOSSLESS = (
    ("pcm16.wav", {"subtype": "PCM_16"}, STEP),
    ("pcm24.wav", {"subtype": "PCM_24"}, 2.0**-23),
    ("pcm32.wav", {"subtype": "PCM_32"}, 2.0**-25),
    ("unsigned.wav", {"subtype": "PCM_U8"}, 2.0**-7),
    ("float.wav", {"subtype": "FLOAT"}, 2.0**-25),
    ("double.wav", {"subtype": "DOUBLE"}, 2.0**-25),
    ("extensible.wav", {"format": "WAVEX"}, STEP),
    ("long.wav", {"format": "RF64"}, STEP),
    ("plain.flac", {}, STEP),
    ("deep.flac", {"subtype": "PCM_24"}, 2.0**-23),
    ("plain.aiff", {}, STEP),
    ("UPPER.WAV", {"format": "WAV"}, STEP),
)
LOSSY = (
    ("vorbis.ogg", {}),
    ("opus.ogg", {"format": "OGG", "subtype": "OPUS"}),
    ("layer3.mp3", {}),
)


@pytest.mark.parametrize(("name", "options", "error"), LOSSLESS)
def test_lossless_formats_give_the_samples_written(tmp_path, waveform, name, options, error):
    soundfile.write(tmp_path / name, waveform, RATE, **options)
    read, rate = audio.read(tmp_path / name)
    assert rate == RATE
    assert read.dtype == np.float32
    assert read.shape == waveform.shape
    assert np.abs(read - waveform).max() <= error


@pytest.mark.parametrize(("name", "options"), LOSSY)
def test_lossy_formats_give_nearly_the_samples_written(tmp_path, waveform, name, options):
    soundfile.write(tmp_path / name, waveform, RATE, **options)
    read, rate = audio.read(str(tmp_path / name))
    assert rate == RATE
    n = min(len(read), len(waveform))
    assert n >= RATE
    assert np.corrcoef(read[:n], waveform[:n])[0, 1] > 0.98


def test_sixteen_bit_samples_are_exact(tmp_path):
    """Every value of a 16-bit sample, written by hand, is that value over 32768."""
    values = np.arange(-32768, 32768, dtype="<i2")
    data = values.tobytes()
    header = b"RIFF" + struct.pack("<I", 36 + len(data)) + b"WAVEfmt "
    header += struct.pack("<IHHIIHH", 16, 1, 1, 8000, 16000, 2, 16)
    (tmp_path / "x.wav").write_bytes(header + b"data" + struct.pack("<I", len(data)) + data)
    read, rate = audio.read(tmp_path / "x.wav")
    assert rate == 8000
    np.testing.assert_array_equal(read, values / 32768)


@pytest.mark.parametrize("n_channels", [2, 5])
def test_channels_are_averaged(tmp_path, n_channels):
    rng = np.random.default_rng(1)
    channels = rng.integers(-(2**15), 2**15, (400, n_channels)).astype(np.int16)
    soundfile.write(tmp_path / "x.wav", channels, 44_100)
    read, rate = audio.read(tmp_path / "x.wav")
    assert rate == 44_100
    assert read.shape == (400,)
    np.testing.assert_allclose(read, channels.astype(float).mean(axis=1) / 32768, atol=1e-7)


def test_two_equal_channels_are_the_same_as_one(tmp_path, waveform):
    soundfile.write(tmp_path / "one.wav", waveform, RATE)
    soundfile.write(tmp_path / "two.wav", np.stack([waveform, waveform], axis=1), RATE)
    np.testing.assert_array_equal(
        audio.read(tmp_path / "one.wav")[0], audio.read(tmp_path / "two.wav")[0]
    )


def test_opposite_channels_cancel(tmp_path, waveform):
    both = np.stack([waveform, -waveform], axis=1)
    soundfile.write(tmp_path / "x.wav", both, RATE, subtype="FLOAT")
    np.testing.assert_array_equal(audio.read(tmp_path / "x.wav")[0], np.zeros(RATE))


@pytest.mark.parametrize("keep", [0.01, 0.3, 0.9, 0.9995])
@pytest.mark.parametrize(
    ("name", "options"), [row[:2] for row in LOSSLESS if row[0] != "UPPER.WAV"] + list(LOSSY[:2])
)
def test_a_file_cut_short_is_refused(tmp_path, waveform, name, options, keep):
    path = tmp_path / name
    soundfile.write(path, waveform, RATE, **options)
    path.write_bytes(path.read_bytes()[: int(keep * path.stat().st_size)])
    with pytest.raises(AudioError, match=name):
        audio.read(path)


def test_a_cut_wav_says_what_is_missing(tmp_path, waveform):
    path = tmp_path / "x.wav"
    soundfile.write(path, waveform, RATE)
    size = path.stat().st_size
    path.write_bytes(path.read_bytes()[:-7])
    with pytest.raises(AudioError, match=rf"cut short: .* promises {size} bytes, {size - 7} are"):
        audio.read(path)


def test_an_ogg_file_without_its_last_page_is_refused(tmp_path, waveform):
    """What a broken download leaves: whole pages, but the last is not marked as the last."""
    path = tmp_path / "x.ogg"
    soundfile.write(path, np.tile(waveform, 4), RATE)
    content = path.read_bytes()
    path.write_bytes(content[: content.rindex(b"OggS")])
    with pytest.raises(AudioError, match=r"x\.ogg: cut short: the end of its Ogg stream"):
        audio.read(path)


def test_what_follows_a_whole_file_is_passed_over(tmp_path, waveform):
    """Tags at the end are common."""
    for name in ("x.wav", "x.ogg"):
        path = tmp_path / name
        soundfile.write(path, waveform, RATE)
        whole = audio.read(path)[0]
        path.write_bytes(path.read_bytes() + b"TAG" + bytes(125))
        np.testing.assert_array_equal(audio.read(path)[0], whole)


@pytest.mark.parametrize("declared", [0, 0xFFFFFFFF])
def test_a_wav_file_from_a_pipe_is_read(tmp_path, waveform, declared):
    """Programs that write to a pipe leave the length open."""
    path = tmp_path / "x.wav"
    soundfile.write(path, waveform, RATE)
    whole = audio.read(path)[0]
    content = bytearray(path.read_bytes())
    content[4:8] = struct.pack("<I", declared)
    path.write_bytes(content)
    np.testing.assert_array_equal(audio.read(path)[0], whole)


def corrupt_magic(content):
    return b"JUNK" + content[4:]


def corrupt_format(content):
    place = content.index(b"fmt ")
    return content[:place] + bytes(24) + content[place + 24 :]


def no_channels(content):
    place = content.index(b"fmt ") + 10
    return content[:place] + b"\0\0" + content[place + 2 :]


def only_the_header(content):
    return content[:44]


@pytest.mark.parametrize(
    "damage", [corrupt_magic, corrupt_format, no_channels, only_the_header, lambda _: b"RIFF"]
)
def test_a_corrupt_header_is_refused(tmp_path, waveform, damage):
    path = tmp_path / "bad.wav"
    soundfile.write(path, waveform, RATE)
    path.write_bytes(damage(path.read_bytes()))
    with pytest.raises(AudioError, match=r"bad\.wav"):
        audio.read(path)


def test_damage_inside_a_flac_file_is_refused(tmp_path, waveform):
    path = tmp_path / "x.flac"
    soundfile.write(path, waveform, RATE)
    content = bytearray(path.read_bytes())
    content[len(content) // 2 : len(content) // 2 + 64] = bytes(64)
    path.write_bytes(content)
    with pytest.raises(AudioError, match=r"x\.flac: not a readable sound file .* damaged\?"):
        audio.read(path)


@pytest.mark.parametrize("content", [b"", b"no sound at all " * 64, bytes(5000)])
@pytest.mark.parametrize("suffix", [".wav", ".flac", ".ogg", ".aiff", ".raw"])
def test_what_is_no_sound_is_refused(tmp_path, content, suffix):
    path = tmp_path / f"x{suffix}"
    path.write_bytes(content)
    with pytest.raises(AudioError, match=f"x{suffix}: not a readable sound file"):
        audio.read(path)


@pytest.mark.parametrize("name", ["x.wav", "x.flac"])
def test_a_file_without_samples_is_refused(tmp_path, name):
    soundfile.write(tmp_path / name, np.zeros(0), RATE)
    with pytest.raises(AudioError, match=rf"{name}"):
        audio.read(tmp_path / name)


@pytest.mark.parametrize("value", [np.nan, np.inf, -np.inf])
def test_values_that_are_no_sound_are_refused(tmp_path, waveform, value):
    bad = waveform.copy()
    bad[[123, 200]] = value
    soundfile.write(tmp_path / "x.wav", bad, RATE, subtype="FLOAT")
    with pytest.raises(AudioError, match=r"x\.wav: 2 samples are nan or infinite.* index 123"):
        audio.read(tmp_path / "x.wav")


def test_long_silence_is_read_though_its_file_is_small(tmp_path):
    """Five minutes take 20 kB: more for a byte than is read without looking for the end."""
    path, n_samples = tmp_path / "silence.flac", 300 * RATE
    soundfile.write(path, np.zeros(n_samples, np.int16), RATE)
    assert 4 * n_samples > 200 * path.stat().st_size + 10_000_000
    waveform, _ = audio.read(path)
    assert len(waveform) == n_samples
    assert not waveform.any()


def test_what_does_not_fit_into_memory_is_refused(tmp_path, waveform, monkeypatch):
    def read(*_, **__):
        raise MemoryError

    soundfile.write(tmp_path / "x.wav", waveform, RATE)
    monkeypatch.setattr(soundfile.SoundFile, "read", read)
    with pytest.raises(AudioError, match="16000 samples of 1 channels do not fit into memory"):
        audio.read(tmp_path / "x.wav")


def test_a_missing_file_and_a_folder_are_refused(tmp_path):
    with pytest.raises(AudioError, match=r"nothing\.wav: no such sound file"):
        audio.read(tmp_path / "nothing.wav")
    (tmp_path / "folder.wav").mkdir()
    with pytest.raises(AudioError, match=r"folder\.wav: a folder; expected a sound file"):
        audio.read(tmp_path / "folder.wav")


def test_a_file_that_may_not_be_read_is_refused(tmp_path, waveform, monkeypatch):
    path = tmp_path / "x.wav"
    soundfile.write(path, waveform, RATE)
    if os.geteuid() == 0:  # root may read everything

        def refuse(*_args, **_options):
            raise PermissionError(13, "Permission denied")

        monkeypatch.setattr(type(path), "open", refuse)
    else:
        path.chmod(0)
    with pytest.raises(AudioError, match=r"x\.wav: cannot be opened \(Permission denied\)"):
        audio.read(path)


# resampling

RATES = [(44_100, 16_000), (48_000, 20_000), (20_000, 16_000), (8_000, 20_000), (22_050, 44_100)]


def tone(rate, frequency, seconds=1.0):
    return np.sin(2 * np.pi * frequency * np.arange(round(seconds * rate)) / rate)


@pytest.mark.parametrize(("from_rate", "to_rate"), RATES)
@pytest.mark.parametrize("frequency", [100.0, 1234.5, 3000.0])
def test_a_tone_stays_that_tone(from_rate, to_rate, frequency):
    """Frequency, level and phase: the same tone as sampled at the new rate to begin with."""
    out = audio.resample(tone(from_rate, frequency).astype(np.float32), from_rate, to_rate)
    assert out.dtype == np.float32
    assert len(out) == to_rate
    inner = slice(to_rate // 10, -to_rate // 10)  # the ends hear the silence around
    np.testing.assert_allclose(out[inner], tone(to_rate, frequency)[inner], atol=2e-4)


def test_a_tone_above_the_new_range_is_removed():
    out = audio.resample(tone(44_100, 12_000.0).astype(np.float32), 44_100, 16_000)
    assert np.abs(out[1600:-1600]).max() < 1e-3


@pytest.mark.parametrize(("from_rate", "to_rate"), RATES)
def test_as_scipy_in_the_passband(from_rate, to_rate):
    """Noise below 60 % of the lower range, against a long polyphase filter of scipy."""
    rng = np.random.default_rng(2)
    top = 0.6 * min(from_rate, to_rate) / from_rate  # of the Nyquist frequency
    band = scipy.signal.firwin(801, top)
    noise = scipy.signal.fftconvolve(rng.standard_normal(from_rate), band, mode="same")
    noise /= np.abs(noise).max()
    divisor = np.gcd(from_rate, to_rate)
    up, down = to_rate // divisor, from_rate // divisor
    taps = scipy.signal.firwin(128 * max(up, down) + 1, 1 / max(up, down), window=("kaiser", 10.0))
    expected = scipy.signal.resample_poly(noise, up, down, window=taps)
    out = audio.resample(noise.astype(np.float32), from_rate, to_rate)
    inner = slice(to_rate // 10, -to_rate // 10)
    assert np.abs(out[inner] - expected[: len(out)][inner]).max() < 2e-4


def test_equal_rates_change_nothing():
    x = np.random.default_rng(3).standard_normal(1000).astype(np.float32)
    np.testing.assert_array_equal(audio.resample(x, 16_000, 16_000), x)


# length


def test_fit_length():
    x = np.arange(1, 6, dtype=np.float32)
    np.testing.assert_array_equal(audio.fit_length(x, 3), [1, 2, 3])
    np.testing.assert_array_equal(audio.fit_length(x, 5), x)
    padded = audio.fit_length(x, 7)
    np.testing.assert_array_equal(padded, [1, 2, 3, 4, 5, 0, 0])
    assert padded.dtype == np.float32


# level

finite = st.floats(-4, 4, width=32).map(lambda v: 0.0 if abs(v) < 1e-6 else v)
waveforms = arrays(np.float32, st.tuples(st.integers(1, 3), st.integers(2, 40)), elements=finite)


@settings(max_examples=200, deadline=None)
@given(x=waveforms, rms=st.floats(1e-3, 2))
def test_level_and_mean_afterwards(x, rms):
    out = audio.set_level(x, rms)
    assert out.dtype == np.float32
    assert out.shape == x.shape
    for before, after in zip(x.astype(np.float64), out.astype(np.float64), strict=True):
        if np.ptp(before) == 0:
            np.testing.assert_array_equal(after, 0)
        else:
            assert np.sqrt(np.mean(after**2)) == pytest.approx(rms, rel=1e-5)
            assert abs(after.mean()) < 1e-6 * rms
            centred = before - before.mean()  # the same shape: one factor for all samples
            np.testing.assert_allclose(
                after, centred * (rms / np.sqrt(np.mean(centred**2))), atol=1e-6 * rms
            )


@settings(max_examples=100, deadline=None)
@given(x=waveforms, exponent=st.integers(-20, 20))
def test_level_does_not_depend_on_the_scale(x, exponent):
    np.testing.assert_array_equal(
        audio.set_level(x, 0.1), audio.set_level(x * np.float32(2.0**exponent), 0.1)
    )


@settings(max_examples=100, deadline=None)
@given(x=waveforms)
def test_level_set_twice_is_level_set_once(x):
    once = audio.set_level(x, 0.1)
    np.testing.assert_allclose(audio.set_level(once, 0.1), once, atol=1e-6)


@settings(max_examples=50, deadline=None)
@given(x=waveforms)
def test_each_waveform_has_a_level_of_its_own(x):
    np.testing.assert_array_equal(
        audio.set_level(x, 0.1), np.stack([audio.set_level(row, 0.1) for row in x])
    )


@pytest.mark.parametrize("value", [0.0, 1.0, -0.1, 0.3])
def test_silence_becomes_zeros(value):
    x = np.full((2, 1001), value, np.float32)
    x[1, 500] += 0.5
    out = audio.set_level(x, 0.1)
    np.testing.assert_array_equal(out[0], 0)
    assert np.sqrt(np.mean(out[1].astype(float) ** 2)) == pytest.approx(0.1, rel=1e-5)


def test_faint_sounds_are_raised_like_loud_ones():
    x = np.array([1.0, -1.0, 1.0, -1.0], np.float32)
    tiny = x * np.float32(1e-40)  # below the smallest normal number of float32
    np.testing.assert_allclose(audio.set_level(tiny, 0.1), 0.1 * x, rtol=1e-6)


def test_level_leaves_its_input_alone():
    x = np.random.default_rng(4).standard_normal(50).astype(np.float32)
    before = x.copy()
    audio.set_level(x, 0.1)
    np.testing.assert_array_equal(x, before)


def test_peak():
    x = np.array([[0.1, -0.5, 0.25], [0, 0, 0]], np.float32)
    np.testing.assert_allclose(audio.set_peak(x, 1.0), [[0.2, -1, 0.5], [0, 0, 0]], rtol=1e-6)
    np.testing.assert_allclose(audio.set_peak(x[0], 0.999), [0.1998, -0.999, 0.4995], rtol=1e-6)
