"""Crops: the same samples as of the whole file, without reading it."""

from __future__ import annotations

import numpy as np
import pytest
import soundfile

from heschl import audio
from heschl.errors import AudioError, UsageError
from heschl.pretrain.data import Crop, read_crop
from sound_folders import FORMATS, damage_inside, noise, write

TO = 24_000  # Hz
SECONDS = 0.5
N = 12_000  # samples of a crop


def crop_at(start, n_samples, rate):
    return Crop("sounds", 0, start, n_samples, rate, 0)


def read(path, start, n_samples, rate):
    return read_crop(path, crop_at(start, n_samples, rate), crop_seconds=SECONDS, sample_rate=TO)


# parts of files


@pytest.mark.parametrize("name", FORMATS)
@pytest.mark.parametrize("rate", [16_000, 48_000])
def test_a_part_is_what_the_whole_file_has_there(tmp_path, name, rate):
    """To the sample in all formats; MP3 may round the last bit otherwise."""
    path = write(tmp_path / name, 2 * rate + 77, rate, channels=2)
    whole, _ = audio.read(path)
    error = 2.0**-23 if name.endswith("mp3") else 0.0
    rng = np.random.default_rng(0)
    starts = [0, 1, len(whole) - 1, len(whole) - 500, *rng.integers(0, len(whole), 12)]
    for start in map(int, starts):
        part, part_rate = audio.read_part(path, start, 3000)
        assert part_rate == rate
        assert part.dtype == np.float32
        np.testing.assert_allclose(part, whole[start : start + 3000], rtol=0, atol=error)


@pytest.mark.shared
@pytest.mark.parametrize("name", ["198-209-0000", "3436-172162-0000", "pibble", "sorohanro*-06"])
def test_parts_of_real_recordings(shared, name):
    """Their last pages too, whose places libsndfile takes for others."""
    (path,) = (shared / "data" / "recordings").glob(f"{name}.hq.ogg")
    whole, rate = audio.read(path)
    n = len(whole)
    for start in (0, n // 2, n - rate, n - 9000, n - 4000, n - 1000, n - 100, n - 1):
        part, _ = audio.read_part(path, start, rate // 2)
        np.testing.assert_array_equal(part, whole[start : start + rate // 2])


def test_only_the_part_is_decoded(tmp_path, monkeypatch):
    """Frames read in 20 crops of a file of 60 s: not more than the crops and their surroundings."""
    path = write(tmp_path / "long.flac", 60 * 44_100, 44_100)
    frames = []

    class Counting(soundfile.SoundFile):
        def read(self, n_frames=-1, **options):
            found = super().read(n_frames, **options)
            frames.append(len(found))
            return found

    monkeypatch.setattr(soundfile, "SoundFile", Counting)
    audio.look(path)
    assert sum(frames) == 1
    frames.clear()
    for k in range(20):
        read(path, k * 2 * 44_100, 22_050, 44_100)
    surroundings = 2 * 588  # 256 output samples of 1.84, up to a multiple of 147, on each side
    assert sum(frames) == 20 * (22_050 + surroundings) - 588  # nothing before the first crop


def test_damage_is_told_with_its_place(tmp_path):
    path = damage_inside(write(tmp_path / "x.flac", 160_000))
    audio.read_part(path, 0, 1000)
    with pytest.raises(AudioError, match=r"x\.flac, at 5\.00 s: not a readable sound file"):
        audio.read_part(path, 80_000, 16_000)


def test_damage_that_moves_the_pages_of_a_file_is_noticed(tmp_path):
    """The first look finds it; if the file was damaged later, the part that is gone is refused."""
    path = damage_inside(write(tmp_path / "vorbis.ogg", 320_000))
    with pytest.raises(AudioError, match=r"vorbis\.ogg: cut short"):
        audio.look(path)
    with pytest.raises(AudioError, match=r"vorbis\.ogg, at 9\.00 s: "):
        audio.read_part(path, 144_000, 16_000)


def test_parts_that_cannot_be(tmp_path):
    path = write(tmp_path / "x.wav", 1000)
    for start, n_samples in ((-1, 10), (0, 0)):
        with pytest.raises(UsageError, match=f"{n_samples} samples from {start} on"):
            audio.read_part(path, start, n_samples)


def test_nan_and_an_end_are_told_with_their_place(tmp_path):
    x = np.zeros(16_000)
    x[12_000] = np.nan
    soundfile.write(tmp_path / "x.wav", x, 16_000, subtype="FLOAT")
    audio.read_part(tmp_path / "x.wav", 0, 12_000)
    with pytest.raises(AudioError, match=r"x\.wav, at 0\.50 s: 1 samples are nan"):
        audio.read_part(tmp_path / "x.wav", 8000, 8000)
    with pytest.raises(AudioError, match=r"x\.wav, at 2\.00 s: ends after 16000 samples"):
        audio.read_part(tmp_path / "x.wav", 32_000, 10)
    with pytest.raises(AudioError, match=r"gone\.wav: no such sound file"):
        audio.read_part(tmp_path / "gone.wav", 0, 10)


# crops


def on_the_grid(rate):
    """Return input samples and output samples of the shortest time that both count out."""
    divisor = np.gcd(rate, TO)
    return rate // divisor, TO // divisor


@pytest.mark.parametrize("rate", [8000, 16_000, 22_050, 24_000, 32_000, 44_100, 48_000])
def test_a_crop_is_a_piece_of_the_resampled_file(tmp_path, rate):
    path = write(tmp_path / "x.wav", 3 * rate + 11, rate, channels=2)
    whole = audio.resample(audio.read(path)[0], rate, TO)
    rms = np.sqrt(np.mean(whole.astype(float) ** 2))
    down, up = on_the_grid(rate)
    last = (3 * rate + 11 - rate // 2) // down
    for step in (0, 1, last // 2, last - 1, last):  # both ends of the file, and its middle
        found, n_samples = read(path, step * down, rate // 2, rate)
        assert found.dtype == np.float32
        assert (found.shape, n_samples) == ((N,), N)
        error = found - whole[step * up : step * up + N]
        assert np.abs(error).max() < 1e-3 * rms


@pytest.mark.parametrize("rate", [22_050, 44_100, 44_101])
def test_a_crop_between_output_samples_begins_at_its_place(tmp_path, rate):
    """Of a sum of tones, whose values between samples are known."""
    t = np.arange(2 * rate) / rate
    tones = [(0.3, 440.0), (0.2, 1234.5), (0.1, 6000.0)]

    def at(seconds):
        return sum(level * np.sin(2 * np.pi * f * seconds) for level, f in tones)

    path = tmp_path / "x.wav"
    soundfile.write(path, at(t), rate, subtype="FLOAT")
    for start in (rate // 2 + 1, rate // 2 + 13):
        found, _ = read(path, start, -(-rate // 2), rate)
        np.testing.assert_allclose(found, at(start / rate + np.arange(N) / TO), atol=2e-4)


@pytest.mark.parametrize(("rate", "n_there"), [(8000, 1000), (24_000, 5000), (44_100, 10_007)])
def test_a_short_clip_is_padded_and_its_length_told(tmp_path, rate, n_there):
    path = write(tmp_path / "x.wav", n_there, rate)
    whole = audio.resample(audio.read(path)[0], rate, TO)
    found, n_samples = read(path, 0, n_there, rate)
    assert n_samples == len(whole) == round(n_there * TO / rate)
    np.testing.assert_allclose(found[:n_samples], whole, atol=1e-6)
    np.testing.assert_array_equal(found[n_samples:], 0)
    assert found.shape == (N,)


def test_a_file_that_has_changed_is_refused(tmp_path):
    path = write(tmp_path / "x.wav", 10_000, 16_000)
    with pytest.raises(AudioError, match=r"x\.wav: has 10000 samples at 16000 Hz; .* least 12000"):
        read(path, 4000, 8000, 16_000)
    with pytest.raises(AudioError, match=r"expected at least 4000 at 8000 Hz, as when training"):
        read(path, 0, 4000, 8000)


def test_the_channels_of_a_crop_are_averaged(tmp_path):
    x = noise(30_000, channels=3)
    soundfile.write(tmp_path / "x.wav", x, TO, subtype="DOUBLE")
    found, _ = read(tmp_path / "x.wav", 7000, N, TO)
    np.testing.assert_allclose(found, x[7000 : 7000 + N].mean(axis=1), atol=1e-7)


@pytest.mark.parametrize("channels", [1, 2, 3, 9])
def test_the_mean_over_channels_is_numpys_to_the_bit(tmp_path, channels):
    """Results are kept under the digest of the samples."""
    x = (noise(5000, channels=channels) * 10.0 ** np.arange(-4, channels - 4)).astype(np.float32)
    soundfile.write(tmp_path / "x.wav", x, TO, subtype="FLOAT")
    expected = x.mean(axis=1, dtype=np.float32)
    np.testing.assert_array_equal(audio.read(tmp_path / "x.wav")[0], expected)
    np.testing.assert_array_equal(audio.read_part(tmp_path / "x.wav", 0, 5000)[0], expected)
