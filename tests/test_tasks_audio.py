"""Clips at a rate: checked before a model runs, resampled once, read again only if changed."""

from __future__ import annotations

import os
import shutil
import zlib
from concurrent.futures import ThreadPoolExecutor
from types import SimpleNamespace

import numpy as np
import pytest
import soundfile

from hear_tasks import scene, small, wav, write_release, write_task
from heschl import audio, store
from heschl.activations import extract
from heschl.errors import AudioError, HeschlWarning, InputError, StoreError, UsageError
from heschl.models import load_model
from heschl.sounds import Clip, Sounds
from heschl.tasks import Task, TaskSplit, load_task, preparing
from heschl.tasks.clip_index import ClipIndex, Entry, Stamp

RATE = 16_000


@pytest.fixture
def folder(tmp_path):
    """A small task that a test may spoil."""
    return small(tmp_path / "mine")


@pytest.fixture
def reads(monkeypatch):
    """The names of the files that are decoded, in no order."""
    names = []
    read = audio.read

    def counting(path):
        names.append(path.name)
        return read(path)

    monkeypatch.setattr(audio, "read", counting)
    return names


def at_rate(folder, rate=RATE, **options):
    return load_task(folder).at_rate(rate, show_progress=False, **options)


def prepared():
    """The folders in which something is kept."""
    place = store.home() / "tasks" / "prepared"
    return sorted(place.iterdir()) if place.is_dir() else []


def sources(task):
    return [clip.source for split in task.splits.values() for clip in split.sounds]


def touch(path):
    """Give a file a later time."""
    found = path.stat()
    os.utime(path, ns=(found.st_atime_ns, found.st_mtime_ns + 1))


# the samples


def test_files_of_the_rate_are_used_as_they_are(tmp_path):
    folder = small(tmp_path / "mine", rates=(16_000, 48_000))
    task = load_task(folder)
    assert sources(task)[0] == folder / "48000/train/train_0.wav"
    for rate in (16_000, 48_000):
        found = task.at_rate(rate)
        assert sources(found) == [
            folder / str(rate) / split / name
            for split, known in task.splits.items()
            for name in known.sounds.names
        ]
        assert found.source["audio"] == {"sample_rate": rate}
        assert sorted(path.name for path in prepared()[-1].iterdir()) == ["facts.txt"]


def test_resampled_is_what_resampling_gives(folder):
    task = load_task(folder)
    found = task.at_rate(RATE)
    assert len(prepared()) == 1
    for name, split in found.splits.items():
        for clip in split.sounds:
            original = folder / "48000" / name / clip.name
            by_hand = audio.resample(*audio.read(original), RATE)
            waveform, rate = clip.read()
            assert rate == RATE
            np.testing.assert_array_equal(waveform, by_hand)
            assert soundfile.info(clip.source).subtype == "FLOAT"
        np.testing.assert_array_equal(
            split.sounds.waveforms(RATE), task.splits[name].sounds.waveforms(RATE)
        )
    assert found.source["audio"]["sample_rate"] == 48_000
    assert found.source["audio"]["resampled_to"] == RATE
    assert "soxr" in found.source["audio"]["by"]
    assert found.source["files_sha256"] == task.source["files_sha256"]


def test_the_highest_rate_is_resampled(tmp_path):
    folder = small(tmp_path / "mine", rates=(8_000, 48_000, 22_050))
    (folder / "48000/train/train_0.wav").write_bytes(wav(np.random.default_rng(5), 480))
    waveform, _ = at_rate(folder).splits["train"].sounds[0].read()
    by_hand = audio.resample(*audio.read(folder / "48000/train/train_0.wav"), RATE)
    np.testing.assert_array_equal(waveform, by_hand)


def test_what_a_file_is_counts_not_the_name_of_its_folder(tmp_path):
    folder = small(tmp_path / "mine", rates=(48_000,))
    (folder / "48000").rename(folder / "16000")
    found = at_rate(folder)
    assert all(clip.read()[1] == RATE for clip in found.splits["train"].sounds)


def test_stereo_and_other_formats(folder):
    rng = np.random.default_rng(0)
    (folder / "48000/train/train_0.wav").write_bytes(wav(rng, 480, channels=2))
    (folder / "48000/train/train_1.wav").write_bytes(wav(rng, 480, subtype="FLOAT"))
    (folder / "48000/train/train_2.wav").write_bytes(wav(rng, 441, 44_100, subtype="PCM_24"))
    sounds = at_rate(folder).splits["train"].sounds
    assert sounds.waveforms(RATE).shape == (6, 160)
    by_hand = audio.resample(*audio.read(folder / "48000/train/train_0.wav"), RATE)
    np.testing.assert_array_equal(sounds[0].read()[0], by_hand)


def test_facts_are_of_the_samples_that_are_used(folder):
    for split in at_rate(folder).splits.values():
        read = Sounds(list(split.sounds), duration=split.sounds.duration)
        assert split.sounds.facts == read.facts


def test_a_low_rate_is_warned_of(folder):
    with pytest.warns(HeschlWarning, match="recorded at 48000 Hz, below the 96000 Hz") as caught:
        load_task(folder).at_rate(96_000)
    assert caught[0].filename == __file__


def test_the_order_and_the_labels_stay(folder):
    task, found = load_task(folder), at_rate(folder, n_jobs=3)
    for name, split in found.splits.items():
        assert split.sounds.names == task.splits[name].sounds.names
        np.testing.assert_array_equal(split.labels, task.splits[name].labels)


@pytest.mark.parametrize("options", [{"rate": 0}, {"rate": -1}, {"n_jobs": 0}])
def test_wrong_arguments(folder, options):
    with pytest.raises(UsageError, match=r"is (0|-1); expected"):
        at_rate(folder, **options)
    assert prepared() == []


# read once


@pytest.mark.parametrize("rate", [RATE, 48_000])
def test_what_is_known_is_not_read_again(folder, reads, rate):
    first = at_rate(folder, rate)
    assert len(reads) == 18
    second = at_rate(folder, rate)
    for split in second.splits.values():
        split.sounds.check()
        assert len(split.sounds[1:4].facts) == 3
    assert len(reads) == 18
    assert sources(second) == sources(first)
    assert [s.sounds.facts for s in second.splits.values()] == [
        s.sounds.facts for s in first.splits.values()
    ]
    at_rate(folder, 8_000)
    assert len(reads) == 36


def change_content(path):
    path.write_bytes(wav(np.random.default_rng(9), 600))


def change_nothing_but_the_time(path):
    touch(path)


@pytest.mark.parametrize("rate", [RATE, 48_000])
@pytest.mark.parametrize("change", [change_content, change_nothing_but_the_time])
def test_a_changed_file_is_read_again(folder, reads, rate, change):
    first = at_rate(folder, rate)
    reads.clear()
    change(folder / "48000/train/train_2.wav")
    second = at_rate(folder, rate)
    assert reads == ["train_2.wav"]
    before, after = (task.splits["train"].sounds.facts for task in (first, second))
    assert [i for i in range(6) if before[i] != after[i]] == (
        [2] if change is change_content else []
    )
    np.testing.assert_array_equal(
        second.splits["train"].sounds.waveforms(rate),
        load_task(folder).splits["train"].sounds.waveforms(rate),
    )
    reads.clear()
    at_rate(folder, rate)
    assert reads == []


def lose(path):
    path.unlink()


def shorten(path):
    path.write_bytes(path.read_bytes()[:-4])


@pytest.mark.parametrize("spoil", [lose, shorten, touch])
def test_a_spoilt_resampled_file_is_made_again(folder, reads, spoil):
    first = at_rate(folder)
    content = first.splits["test"].sounds.waveforms(RATE)
    spoil(first.splits["test"].sounds[3].source)
    reads.clear()
    found = at_rate(folder)
    assert reads == ["test_3.wav"]
    np.testing.assert_array_equal(found.splits["test"].sounds.waveforms(RATE), content)


@pytest.mark.parametrize(
    ("spoil", "n_read"),
    [
        (lambda text: "", 18),
        (lambda text: "\0\xff garbage", 18),
        (lambda text: text[:-20], 1),
        (lambda text: text.replace("false", "true", 1), 1),
        (lambda text: text.replace(" [", " [1,", 1), 1),
        (lambda text: "\n".join(text.splitlines()[::-1]), 0),
        (lambda text: text + text, 0),
    ],
)
def test_a_spoilt_index_is_no_harm(folder, reads, spoil, n_read):
    first = at_rate(folder)
    index = prepared()[0] / "facts.txt"
    index.write_text(spoil(index.read_text()), encoding="latin1")
    reads.clear()
    second = at_rate(folder)
    assert len(reads) == n_read
    for name, split in second.splits.items():
        assert split.sounds.facts == first.splits[name].sounds.facts
    reads.clear()
    at_rate(folder)
    assert reads == []


def test_lines_with_another_content_count_as_none(folder, reads):
    """With a checksum that is right: a line of another version, say."""
    at_rate(folder)
    index = prepared()[0] / "facts.txt"
    lines = ["[]", "[1]", "{}", "null", '["train/train_0.wav",[1],null]', "[[]]"]
    index.write_text("".join(f"{zlib.crc32(x.encode()):08x} {x}\n" for x in lines))
    reads.clear()
    at_rate(folder)
    assert len(reads) == 18


def test_the_index_by_itself(tmp_path):
    facts = Sounds([Clip("x", (np.ones(3, np.float32), 10))], duration=None).facts[0]
    entry = Entry(Stamp(7, 2**62 + 1), Stamp(9, 1), facts)
    name = 'train/ä "x".wav'
    with ClipIndex(tmp_path / "a" / "facts.txt") as index:
        assert index.entries == {}
        index.add(name, entry)
        index.add("other", Entry(Stamp(1, 2), None, facts))
    with ClipIndex(tmp_path / "a" / "facts.txt") as index:
        assert index.entries == {name: entry, "other": Entry(Stamp(1, 2), None, facts)}
        index.add("other", entry)
    assert ClipIndex(tmp_path / "a" / "facts.txt").entries["other"] == entry


def test_an_interruption_loses_nothing_that_was_finished(folder, reads, monkeypatch):
    read = audio.read

    def interrupted(path):
        if len(reads) == 10:
            raise KeyboardInterrupt
        return read(path)

    with monkeypatch.context() as patch:
        patch.setattr(audio, "read", interrupted)
        with pytest.raises(KeyboardInterrupt):
            at_rate(folder, n_jobs=1)
    assert not list(store.home().rglob("*.tmp"))
    reads.clear()
    at_rate(folder)
    assert 8 <= len(reads) <= 9  # one was under way


def test_another_resampler_or_place_is_another_folder(folder, tmp_path, monkeypatch, reads):
    at_rate(folder)
    monkeypatch.setattr(preparing.soxr, "__version__", "99.9")
    at_rate(folder)
    assert (len(reads), len(prepared())) == (36, 2)
    shutil.copytree(folder, tmp_path / "elsewhere" / "mine")
    at_rate(tmp_path / "elsewhere" / "mine")
    assert (len(reads), len(prepared())) == (54, 3)


def test_simultaneous_runs_do_not_disturb_each_other(folder):
    with ThreadPoolExecutor(4) as pool:
        tasks = list(pool.map(lambda _: at_rate(folder), range(4)))
    assert len({tuple(map(str, sources(task))) for task in tasks}) == 1
    for task in tasks:
        task.splits["train"].sounds.waveforms(RATE)


# what cannot be read


@pytest.fixture(scope="module")
def many(tmp_path_factory):
    """Two thousand clips to train on, and a few more; tests that spoil one put it back."""
    labels = {
        split: {f"{split}_{i:04d}.wav": ["ab"[i % 2]] for i in range(n)}
        for split, n in (("train", 2_000), ("valid", 4), ("test", 4))
    }
    metadata = scene(
        *("many", "v1", "full", "multiclass", 0.01, ["top1_acc"], ["train", "valid", "test"])
    )
    return write_task(tmp_path_factory.mktemp("many") / "many", metadata, labels)


def test_a_damaged_clip_in_the_middle_of_two_thousand(many, reads):
    path = many / "48000/train/train_1000.wav"
    content = path.read_bytes()
    path.write_bytes(content[:500])
    try:
        with pytest.raises(AudioError) as caught:
            at_rate(many)
        for part in ("many, train/train_1000.wav: ", str(path), "cut short", "--skip-bad"):
            assert part in str(caught.value)
        assert len(reads) < 1_100  # those after it were not waited for
        found = at_rate(many, skip_bad=True)
        assert 2_008 <= len(reads) < 2_100  # and those before it were not read twice
    finally:
        path.write_bytes(content)
    assert found.left_out == (
        "train/train_1000.wav: cut short: its header promises 1004 bytes, 500 are there; copy or "
        "download it again",
    )
    split = found.splits["train"]
    assert (found.n_clips, len(split.sounds), len(split.sounds.facts)) == (2_007, 1_999, 1_999)
    assert "train_1000.wav" not in split.sounds.names
    expected = [[i % 2 == 0, i % 2 == 1] for i in range(2_000) if i != 1_000]
    np.testing.assert_array_equal(split.labels, expected)
    reads.clear()
    assert at_rate(many).left_out == ()
    assert reads == ["train_1000.wav"]


def not_finite(path):
    soundfile.write(path, np.full(480, np.nan), 48_000, subtype="FLOAT")


BAD = {
    "empty": (lambda path: path.write_bytes(b""), "not a readable sound file"),
    "text": (lambda path: path.write_text("<html>" * 99), "not a readable sound file"),
    "no samples": (lambda path: path.write_bytes(wav(np.random.default_rng(0), 0)), "no samples"),
    "nan": (not_finite, "480 samples are nan or infinite"),
    "cut short": (shorten, "cut short"),
}


@pytest.mark.parametrize("rate", [RATE, 48_000])
@pytest.mark.parametrize("kind", BAD)
def test_kinds_of_bad_clips(folder, kind, rate):
    spoil, message = BAD[kind]
    spoil(folder / "48000/valid/valid_4.wav")
    with pytest.raises(AudioError, match=rf"mine, valid/valid_4\.wav: .*{message}.*--skip-bad"):
        at_rate(folder, rate)
    found = at_rate(folder, rate, skip_bad=True)
    assert len(found.left_out) == 1
    assert found.left_out[0].startswith("valid/valid_4.wav: ")
    assert message in found.left_out[0]
    assert str(folder) not in found.left_out[0]
    assert found.n_clips == 17


def test_left_out_stays_left_out_at_another_rate(folder):
    shorten(folder / "48000/valid/valid_4.wav")
    first = at_rate(folder, skip_bad=True)
    shorten(folder / "48000/test/test_0.wav")
    second = first.at_rate(8_000, skip_bad=True)
    assert [text.partition(":")[0] for text in second.left_out] == [
        "valid/valid_4.wav",
        "test/test_0.wav",
    ]
    assert second.n_clips == 16


def test_a_split_of_which_nothing_is_left(folder):
    for i in range(6):
        shorten(folder / f"48000/test/test_{i}.wav")
    with pytest.raises(InputError, match=r"split 'test' has no clip .*; 6 clips were left out"):
        at_rate(folder, skip_bad=True)


def test_a_class_of_which_nothing_is_left(folder):
    for i in (2, 5):
        shorten(folder / f"48000/train/train_{i}.wav")
    with pytest.raises(InputError, match=r"'c' when 'test' is tested.*; 2 clips were left out"):
        at_rate(folder, skip_bad=True)


def test_files_that_are_gone_since_the_task_was_loaded(folder):
    task = load_task(folder)
    (folder / "48000/train/train_0.wav").unlink()
    with pytest.raises(InputError, match=r"1 files that have labels are missing \(train/train_0"):
        task.at_rate(RATE, skip_bad=True)


def test_a_rate_whose_folder_is_not_whole(tmp_path):
    folder = small(tmp_path / "mine", rates=(16_000, 48_000))
    (folder / "16000/test/test_2.wav").unlink()
    assert load_task(folder).at_rate(48_000).n_clips == 18
    with pytest.raises(InputError, match=r"16000: 1 files that have labels are missing \(test/te"):
        at_rate(folder)


def test_a_clip_of_one_sample(folder):
    (folder / "48000/train/train_0.wav").write_bytes(wav(np.random.default_rng(0), 1))
    with pytest.raises(AudioError, match=r"train/train_0\.wav: .*too short: 1 samples at 48000 Hz"):
        at_rate(folder, 8_000)
    assert at_rate(folder, 48_000).splits["train"].sounds.waveforms(48_000).shape == (6, 480)


def test_silence_is_no_fault(folder):
    soundfile.write(folder / "48000/train/train_0.wav", np.zeros(480), 48_000)
    sounds = at_rate(folder).splits["train"].sounds
    sounds.check()
    assert [facts.silent for facts in sounds.facts] == [True] + [False] * 5


# a disk that cannot be written


def test_a_full_disk(folder, monkeypatch):
    monkeypatch.setattr(store.shutil, "disk_usage", lambda _: SimpleNamespace(free=10))
    with pytest.raises(StoreError, match=r"MB are needed and 0\.0 MB are free"):
        at_rate(folder)
    assert at_rate(folder, 48_000).n_clips == 18  # nothing is made for that


def test_a_place_that_cannot_be_written(folder, heschl_home, monkeypatch):
    (heschl_home / "file").write_text("")
    monkeypatch.setenv("HESCHL_HOME", str(heschl_home / "file"))
    for rate in (RATE, 48_000):
        with pytest.raises(StoreError, match=r"cannot write .*prepared"):
            at_rate(folder, rate)


def test_an_index_that_cannot_be_written(folder, heschl_home):
    at_rate(folder)
    index = prepared()[0] / "facts.txt"
    index.unlink()
    index.mkdir()
    with pytest.raises(StoreError, match=r"cannot write .*facts\.txt: Is a directory"):
        at_rate(folder)


# clips in memory, and a user's own


def test_clips_in_memory_stay_there():
    task = load_task("synthetic-tones")
    found = task.at_rate(20_000)
    assert prepared() == []
    assert list(found.splits["train"].sounds) == list(task.splits["train"].sounds)
    assert len(found.splits["train"].sounds.facts) == 180


def own(source):
    x = np.random.default_rng(0).uniform(-0.5, 0.5, 800).astype(np.float32)
    splits = {}
    for name in ("train", "valid", "test"):
        clips = [Clip(f"{name}0", (x, 8_000)), Clip(f"{name}1", source(name, x))]
        labels = np.array([[True, False], [False, True]])
        splits[name] = TaskSplit(name, Sounds(clips, duration=0.1), labels)
    return Task("own", "multiclass", ("a", "b"), splits, False, ("accuracy",), 0.1)


def test_files_of_a_task_put_together_by_hand(tmp_path):
    def source(name, x):
        path = tmp_path / f"{name}.wav"
        soundfile.write(path, x, 8_000, subtype="FLOAT")
        return path

    task = own(source)
    found = task.at_rate(4_000)
    assert found.splits["train"].sounds.waveforms(4_000).shape == (2, 400)
    (tmp_path / "valid.wav").write_bytes(b"")
    with pytest.raises(AudioError, match="own, valid/valid1: "):
        task.at_rate(4_000)
    assert len(task.at_rate(4_000, skip_bad=True).left_out) == 1


def test_bad_clips_in_memory():
    task = own(lambda name, x: (x * (np.nan if name == "test" else 1), 8_000))
    with pytest.raises(AudioError, match=r"own, test/test1: test1: 800 samples are nan"):
        task.at_rate(8_000)
    (left_out,) = task.at_rate(8_000, skip_bad=True).left_out
    assert left_out.startswith("test/test1: 800 samples are nan")


# into the models


def test_clips_of_many_lengths_are_averaged_over_their_own_frames(tmp_path):
    folder = write_release(tmp_path, "fsd50k")
    model = load_model("melspectrogram")
    sounds = at_rate(folder, model.sample_rate).splits["test"].sounds
    lengths = sounds.lengths(model.sample_rate)
    assert len(set(lengths.tolist())) == len(sounds)
    found = extract(model, sounds, use_store=False, show_progress=False)
    for i, clip in enumerate(sounds):
        waveform, rate = clip.read()
        assert (len(waveform), rate) == (lengths[i], model.sample_rate)
        for layer, vector in model.vectors(waveform).items():
            np.testing.assert_array_equal(found[layer][i], vector[0])


@pytest.mark.shared
@pytest.mark.filterwarnings("ignore:.* recorded at 16000 Hz")
def test_the_two_real_tasks(shared, reads):
    for name in ("esc10-v1.0.0-full", "fsdd-v1.0.0-full"):
        folder = shared / "data/hear/tasks" / name
        reads.clear()
        first = at_rate(folder, 16_000)
        assert len(reads) == first.n_clips
        again = at_rate(folder, 16_000)
        assert len(reads) == first.n_clips
        assert sources(again) == sources(first)
        short = next(iter(load_task(folder).splits))
        by_hand = load_task(folder).splits[short].sounds[:5]
        np.testing.assert_array_equal(
            first.splits[short].sounds[:5].waveforms(20_000), by_hand.waveforms(20_000)
        )
