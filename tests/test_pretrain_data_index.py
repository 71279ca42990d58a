"""Training sounds: which files there are, what is known of them, and that it stays true."""

from __future__ import annotations

import json
import os

import numpy as np
import pytest
import soundfile

from heschl import audio
from heschl.errors import AudioError, DamagedEntryError, InputError, UsageError
from heschl.pretrain.data import (
    Source,
    file_names,
    index_sources,
    open_index,
    read_index,
    refuse_tested,
    write_index,
)
from heschl.sounds import Clip, Sounds
from sound_folders import FORMATS, damage_inside, noise, write

RATE = 16_000


@pytest.fixture
def folder(tmp_path):
    """Five files of several kinds in three folders, and what is none of them."""
    sounds = tmp_path / "sounds"
    write(sounds / "b.wav", 1000)
    write(sounds / "a" / "z.flac", 2000, 44_100, channels=2)
    write(sounds / "a" / "deep" / "x.OGG", 3000, 22_050)
    write(sounds / "B.mp3", 4000, 48_000)
    write(sounds / "é.aiff", 500, 8000)
    write(sounds / ".hidden.wav", 1000)
    write(sounds / ".cache" / "x.wav", 1000)
    (sounds / "notes.txt").write_text("no sound")
    return sounds


# sources


def test_a_folder_is_searched_and_sorted(folder):
    names = file_names(Source(folder))
    assert names == ("B.mp3", "a/deep/x.OGG", "a/z.flac", "b.wav", "é.aiff")
    assert names == tuple(sorted(names))


def test_links_to_folders_are_followed_once(folder):
    (folder / "a" / "again").symlink_to(folder, target_is_directory=True)
    (folder / "zz").symlink_to(folder / "a", target_is_directory=True)
    assert len(file_names(Source(folder))) == 5


def test_a_list_of_files(folder, tmp_path):
    listed = tmp_path / "lists" / "some.txt"
    listed.parent.mkdir()
    listed.write_text(f"../sounds/é.aiff\n\n{folder / 'b.wav'}\n", encoding="utf-8")
    source = Source(listed)
    assert source.name == "some"
    index = index_sources([source])
    assert [index.path(i).resolve().name for i in range(2)] == ["é.aiff", "b.wav"]
    np.testing.assert_array_equal(index.sources[0].n_samples, [500, 1000])


def test_lists_that_cannot_be(folder, tmp_path):
    listed = tmp_path / "some.txt"
    listed.write_text("sounds/b.wav\nsounds/b.wav\n")
    with pytest.raises(InputError, match=r"some\.txt: sounds/b\.wav is listed twice"):
        file_names(Source(listed))
    listed.write_text("\n")
    with pytest.raises(InputError, match="empty list"):
        file_names(Source(listed))
    listed.write_bytes(b"\xff\xfe\x00")
    with pytest.raises(InputError, match="not a list of files"):
        file_names(Source(listed))


def test_folders_without_sounds_are_refused(tmp_path):
    with pytest.raises(InputError, match=r"nothing: neither a folder nor a list of files"):
        file_names(Source(tmp_path / "nothing"))
    (tmp_path / "empty").mkdir()
    with pytest.raises(InputError, match=r"empty: no sound files in it; .*\.flac"):
        index_sources([Source(tmp_path / "empty")])


def test_sources_that_cannot_stand_together(folder):
    for weight in (0.0, -1.0, float("nan"), float("inf")):
        with pytest.raises(UsageError, match="source sounds: weight"):
            Source(folder, weight)
    with pytest.raises(UsageError, match="no sources"):
        index_sources([])
    with pytest.raises(UsageError, match="two sources are named 'sounds'"):
        index_sources([Source(folder), Source(folder)])
    with pytest.raises(UsageError, match="source two has no weight and others have one"):
        index_sources([Source(folder, 1.0, "one"), Source(folder, name="two")])


# a look at a file


@pytest.mark.parametrize("name", FORMATS)
def test_a_look_tells_what_reading_tells(tmp_path, name):
    write(tmp_path / name, 9001, RATE, channels=2)
    facts = audio.look(tmp_path / name)
    waveform, rate = audio.read(tmp_path / name)
    assert (facts.n_samples, facts.sample_rate, facts.n_channels) == (len(waveform), rate, 2)


@pytest.mark.parametrize("name", FORMATS)
@pytest.mark.parametrize("keep", [0.3, 0.9, 0.999])
def test_a_look_finds_what_is_cut_short(tmp_path, name, keep):
    path = write(tmp_path / name, 40_000)
    path.write_bytes(path.read_bytes()[: int(keep * path.stat().st_size)])
    with pytest.raises(AudioError, match=rf"{name}: "):
        audio.look(path)


def test_a_look_refuses_what_is_no_sound(tmp_path):
    soundfile.write(tmp_path / "empty.wav", np.zeros(0), RATE)
    (tmp_path / "text.flac").write_bytes(b"no sound at all " * 64)
    for name, why in (
        ("empty.wav", "holds no samples"),
        ("text.flac", "not a readable"),
        ("nothing.wav", "no such sound file"),
    ):
        with pytest.raises(AudioError, match=f"{name}: {why}"):
            audio.look(tmp_path / name)


# the index


def test_the_index_tells_lengths_rates_and_sizes(folder):
    (source,) = index_sources([Source(folder)]).sources
    for row, name in enumerate(source.names):
        with soundfile.SoundFile(folder / name) as file:
            assert source.n_samples[row] == file.frames
            assert source.sample_rates[row] == file.samplerate
        assert source.sizes[row] == (folder / name).stat().st_size
    assert len(source.names) == len(source.n_samples) == 5


def test_durations_add_up(tmp_path):
    write(tmp_path / "one" / "a.wav", 8000, 16_000)
    write(tmp_path / "one" / "b.wav", 8000, 8000)
    write(tmp_path / "two" / "c.wav", 11_025, 44_100)
    index = index_sources([Source(tmp_path / "one"), Source(tmp_path / "two")])
    np.testing.assert_array_equal(index.sources[0].durations, [0.5, 1.0])
    assert index.seconds == 1.75
    assert repr(index) == "<SoundIndex: 3 files, 0.00 hours: one, two>"


def test_files_are_counted_through_the_sources(folder, tmp_path):
    write(tmp_path / "more" / "one.wav", 100)
    write(tmp_path / "more" / "two.wav", 100)
    index = index_sources([Source(folder), Source(tmp_path / "more")])
    assert len(index) == 7
    expected = [folder / n for n in file_names(Source(folder))]
    expected += [tmp_path / "more" / "one.wav", tmp_path / "more" / "two.wav"]
    assert [index.path(i) for i in range(7)] == expected


def test_all_damaged_files_are_counted_and_ten_named(tmp_path):
    sounds = tmp_path / "sounds"
    for i in range(200):
        write(sounds / f"{i:03d}.wav", 100)
    for i in range(100, 112):
        (sounds / f"{i}.wav").write_bytes(b"RIFF")
    with pytest.raises(AudioError) as caught:
        index_sources([Source(sounds)])
    text = str(caught.value)
    assert text.startswith("12 of 200 training sounds cannot be used")
    assert [f"{i}.wav" in text for i in range(98, 112)] == [False] * 2 + [True] * 10 + [False] * 2
    assert text.endswith("and 2 more")
    index = index_sources([Source(sounds)], skip_bad=True)
    assert len(index) == 188
    assert [name for name, _ in index.sources[0].left_out] == [f"{i}.wav" for i in range(100, 112)]
    assert "100.wav: not a readable sound file" in index.sources[0].left_out[0][1]


def test_a_source_of_damaged_files_only_is_refused(tmp_path):
    (tmp_path / "x.wav").write_bytes(b"RIFF")
    with pytest.raises(InputError, match=r"none of its 1 files can be used, .*x\.wav"):
        index_sources([Source(tmp_path)], skip_bad=True)


# in the folder of a run


def same(one, two):
    for a, b in zip(one.sources, two.sources, strict=True):
        assert (a.name, a.root, a.weight, a.names, a.left_out) == (
            b.name,
            b.root,
            b.weight,
            b.names,
            b.left_out,
        )
        for column in ("n_samples", "sample_rates", "sizes", "changed"):
            np.testing.assert_array_equal(getattr(a, column), getattr(b, column))
            assert getattr(a, column).dtype == getattr(b, column).dtype


def test_the_index_is_read_as_it_was_written(folder, tmp_path):
    (folder / "bad.wav").write_bytes(b"RIFF")
    sources = [Source(folder, 2.5), Source(folder / "a", 1.0, "more")]
    run = tmp_path / "run"
    made = open_index(run, sources, skip_bad=True)
    same(made, read_index(run))
    same(made, open_index(run, sources))  # what is left out stays so


def test_a_moved_folder_is_the_same(folder, tmp_path):
    run = tmp_path / "run"
    before = open_index(run, [Source(folder)])
    folder.rename(tmp_path / "elsewhere")
    os.utime(tmp_path / "elsewhere" / "b.wav")  # copied, perhaps: it is looked at again
    index = open_index(run, [Source(tmp_path / "elsewhere", name="sounds")])
    assert index.path(3) == tmp_path / "elsewhere" / "b.wav"
    np.testing.assert_array_equal(index.cumulative, before.cumulative)


def remove(folder):
    (folder / "b.wav").unlink()
    (folder / "a" / "z.flac").unlink()


def add(folder):
    write(folder / "c.wav", 10)


def lengthen(folder):
    write(folder / "b.wav", 1001)


def same_size_other_rate(folder):
    write(folder / "b.wav", 1000, 8000)
    os.utime(folder / "b.wav", ns=(0, 1))


def same_size_no_sound(folder):
    (folder / "b.wav").write_bytes(bytes((folder / "b.wav").stat().st_size))
    os.utime(folder / "b.wav", ns=(0, 1))


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (remove, r"source sounds: a/z\.flac is gone \(one of 2\)"),
        (add, r"source sounds: c\.wav is new \(one of 1\)"),
        (lengthen, r"source sounds: b\.wav had \d+ bytes, and now has \d+"),
        (same_size_other_rate, r"b\.wav had 1000 samples at 16000 Hz, and now has 1000 at 8000 Hz"),
        (same_size_no_sound, r"b\.wav: not a readable sound file"),
    ],
    ids=lambda one: getattr(one, "__name__", ""),
)
def test_other_files_are_refused(folder, tmp_path, change, message):
    run = tmp_path / "run"
    open_index(run, [Source(folder)])
    change(folder)
    with pytest.raises(InputError, match=f"{message}.* begin a new run in another folder"):
        open_index(run, [Source(folder)])


def test_other_sources_and_weights_are_refused(folder, tmp_path):
    run = tmp_path / "run"
    open_index(run, [Source(folder, 1.0)])
    with pytest.raises(InputError, match=r"were sounds \(weight 1\), and now .* \(weight 2\)"):
        open_index(run, [Source(folder, 2.0)])


def test_a_damaged_index_is_refused(folder, tmp_path):
    index = index_sources([Source(folder)])
    write_index(tmp_path, index)
    path = tmp_path / "sounds.json"
    whole = json.loads(path.read_text(encoding="utf-8"))
    path.write_text("{")
    with pytest.raises(DamagedEntryError, match=r"sounds\.json: not as heschl wrote it"):
        read_index(tmp_path)
    whole["sources"][0]["sizes"].pop()
    path.write_text(json.dumps(whole))
    with pytest.raises(DamagedEntryError, match="5 names and 4 sizes"):
        read_index(tmp_path)
    path.write_text(json.dumps(whole | {"format": 9}))
    with pytest.raises(InputError, match="format 9; this heschl reads 1"):
        read_index(tmp_path)


# what a model is tested on


def sounds_of(*paths):
    clips = [Clip(path.name, path) for path in paths]
    in_memory = Clip("array", (noise(100)[:, 0].astype(np.float32), RATE))
    return Sounds([*clips, in_memory], duration=1.0)


def test_sounds_of_a_test_are_refused(folder, tmp_path):
    index = index_sources([Source(folder)])
    (tmp_path / "link.wav").symlink_to(folder / "b.wav")
    with pytest.raises(InputError, match=r"b\.wav: one of the sounds .* tested on \(link\.wav\)"):
        refuse_tested(index, sounds_of(tmp_path / "link.wav"))
    copied = tmp_path / "renamed.flac"
    copied.write_bytes((folder / "a" / "z.flac").read_bytes())
    with pytest.raises(InputError, match=r"z\.flac: one of .* \(renamed\.flac\)"):
        refuse_tested(index, sounds_of(copied))


def test_sounds_of_the_same_size_only_are_compared(folder, tmp_path, monkeypatch):
    index = index_sources([Source(folder)])
    refuse_tested(index, sounds_of(write(tmp_path / "other.wav", 1000, seed=9)))  # as long as b.wav
    monkeypatch.setattr("heschl.store.file_sha256", lambda _: pytest.fail("was read"))
    refuse_tested(index, sounds_of(write(tmp_path / "longer.wav", 1001)))


def test_damage_between_the_ends_is_not_looked_for(tmp_path):
    """It is found when that part is read (test_pretrain_data_loading)."""
    damage_inside(write(tmp_path / "x.flac", 40_000))
    assert len(index_sources([Source(tmp_path)])) == 1
