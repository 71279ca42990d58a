"""The natsound165 dataset: its pinned table, its fetching, and what is loaded."""

from __future__ import annotations

import csv
import hashlib
import io
import re
import shutil
from collections import Counter
from pathlib import Path

import numpy as np
import pytest
import scipy.io
import soundfile

from heschl import fetch
from heschl.brain import natsound165
from heschl.brain.dataset import DatasetSpec
from heschl.errors import (
    DamagedEntryError,
    FetchError,
    InputError,
    OfflineError,
    StoreError,
)
from loopback import Loopback

SOME = "stim5_alarm_clock"


def sha256(content):
    return hashlib.sha256(content).hexdigest()


def stored(home):
    """Return the files in the store of this test, as paths relative to the dataset's folder."""
    folder = home / "datasets" / "natsound165"
    return {p.relative_to(folder).as_posix() for p in folder.rglob("*") if p.is_file()}


def expected_files():
    return {file.path.as_posix() for file in natsound165.remote_files()}


@pytest.fixture
def release(shared):
    return shared / "data" / "natsound165"


@pytest.fixture(scope="session")
def repository(shared, tmp_path_factory):
    """The release in the layout of its repository, WAV files written by libsndfile."""
    root = tmp_path_factory.mktemp("natsound165-repository")
    data = shared / "data" / "natsound165"
    (root / "sounds/wav").mkdir(parents=True)
    (root / "data").mkdir()
    for flac in (data / "stimuli").glob("*.flac"):
        samples, rate = soundfile.read(flac, dtype="int16")
        soundfile.write(root / "sounds/wav" / f"{flac.stem}.wav", samples, rate, subtype="PCM_16")
    shutil.copy(data / "components.mat", root / "data")
    shutil.copy(data / "category_labels.csv", root / "sounds")
    return root


@pytest.fixture
def copy(release, tmp_path):
    """A folder in the layout of ../shared that tests may spoil: links to the files there."""
    folder = tmp_path / "copy"
    (folder / "stimuli").mkdir(parents=True)
    for path in (release / "stimuli").iterdir():
        (folder / "stimuli" / path.name).symlink_to(path)
    for name in ("components.mat", "category_labels.csv"):
        (folder / name).symlink_to(release / name)
    return folder


@pytest.fixture
def server(repository, monkeypatch):
    monkeypatch.setenv("NO_PROXY", "127.0.0.1")
    monkeypatch.setattr(fetch.downloading, "WAITS", (0.0, 0.0))
    with Loopback(repository) as running:
        monkeypatch.setattr(natsound165.release, "BASE_URL", running.url)
        yield running


@pytest.fixture(scope="session")
def golden_folds(shared):
    path = shared / "data" / "natsound165" / "folds_pepino2025.csv"
    with path.open(newline="") as handle:
        return [(row["stimulus"], int(row["fold"])) for row in csv.DictReader(handle)]


# the pinned table


def test_table_has_165_sounds_in_five_folds_of_33():
    sounds = natsound165.release.released_sounds()
    assert len(sounds) == 165
    assert len({sound.name for sound in sounds}) == 165
    assert len({sound.sha256_file for sound in sounds}) == 165
    assert len({sound.sha256_samples for sound in sounds}) == 165
    assert Counter(sound.fold for sound in sounds) == dict.fromkeys(range(5), 33)
    for sound in sounds:
        assert re.fullmatch(r"stim\d+_[\w-]+", sound.name)
        assert re.fullmatch(r"[0-9a-f]{64}", sound.sha256_samples)


def test_hash_of_the_table_changes_with_any_of_its_values(monkeypatch):
    original = natsound165.release.table_sha256()
    sounds = natsound165.release.released_sounds()
    for change in ({"name": "x"}, {"fold": 4}, {"sha256_file": "0"}, {"sha256_samples": "0"}):
        row = natsound165.release.ReleasedSound(**(vars(sounds[7]) | change))
        monkeypatch.setattr(
            natsound165.release, "released_sounds", lambda row=row: (*sounds[:7], row, *sounds[8:])
        )
        assert natsound165.release.table_sha256() != original
    monkeypatch.setattr(natsound165.release, "released_sounds", lambda: sounds)
    assert natsound165.release.table_sha256() == original


def test_remote_files_are_of_the_pinned_commit():
    files = natsound165.remote_files()
    root = (
        "https://raw.githubusercontent.com/snormanhaignere/natsound165-neuron2015/"
        "b41b99ff620d7997dbf278fc770f58566707726a/"
    )
    assert len(files) == 167
    assert {file.url for file in files} == {root + file.path.as_posix() for file in files}
    assert {f.path.as_posix() for f in files} >= {
        "data/components.mat",
        "sounds/category_labels.csv",
        f"sounds/wav/{SOME}.wav",
    }


def test_written_wav_is_that_of_libsndfile():
    samples = np.random.default_rng(0).integers(-32768, 32768, 4410).astype("<i2")
    file = io.BytesIO()
    soundfile.write(file, samples, 44_100, format="WAV", subtype="PCM_16")
    assert natsound165.local_copy._wav_file(samples.tobytes()) == file.getvalue()


@pytest.mark.shared
def test_table_agrees_with_the_release(release, golden_folds):
    """Names, order and folds; published hashes; samples decoded here from the FLAC files."""
    sounds = natsound165.release.released_sounds()
    assert [(sound.name, sound.fold) for sound in sounds] == golden_folds
    with (release / "sha256_original_wav.csv").open(newline="") as handle:
        published = {row["path"]: row["sha256"] for row in csv.DictReader(handle)}
    assert {f.path.as_posix(): f.sha256 for f in natsound165.remote_files()} == published
    for sound in sounds:
        samples, rate = soundfile.read(release / "stimuli" / f"{sound.name}.flac", dtype="int16")
        assert (rate, samples.shape) == (44_100, (88_200,))
        assert sha256(samples.astype("<i2").tobytes()) == sound.sha256_samples


# a local copy


@pytest.mark.shared
def test_fetch_from_flac_stores_the_published_files(release, heschl_home):
    folder = natsound165.fetch(release)
    assert folder == natsound165.folder() == heschl_home / "datasets" / "natsound165"
    assert stored(heschl_home) == expected_files()
    for file in natsound165.remote_files():
        content = (folder / file.path).read_bytes()
        assert (sha256(content), len(content)) == (file.sha256, file.size)
    assert natsound165.fetch_plan().todo == ()


@pytest.mark.shared
def test_fetch_from_a_clone(repository, heschl_home):
    natsound165.fetch(repository)
    assert natsound165.fetch_plan().todo == ()
    assert stored(heschl_home) == expected_files()


@pytest.mark.shared
def test_fetch_repairs_what_is_there(repository, heschl_home):
    folder = natsound165.fetch(repository)
    (folder / f"sounds/wav/{SOME}.wav").write_bytes(b"damaged")
    (folder / "data/components.mat.part").write_bytes(b"of an interrupted download")
    natsound165.fetch(repository)
    assert natsound165.fetch_plan().todo == ()
    assert stored(heschl_home) == expected_files()


def rewrite(copy, name, change, **options):
    """Replace one sound of a copy by ``change`` of its samples."""
    path = copy / "stimuli" / f"{name}.flac"
    samples, rate = soundfile.read(path, dtype="int16")
    path.unlink()
    target = path.with_suffix(options.pop("suffix", ".flac"))
    options.setdefault("subtype", "PCM_16")
    soundfile.write(target, change(samples), options.pop("rate", rate), **options)


def one_sample_changed(samples):
    changed = samples.copy()
    changed[44_100] += 1
    return changed


@pytest.mark.shared
@pytest.mark.parametrize(
    "options",
    [
        {"suffix": ".wav"},
        {"suffix": ".WAV", "format": "WAV"},
        {"suffix": ".flac", "compression_level": 1.0},
        {"suffix": ".wav", "format": "WAVEX"},
    ],
    ids=str,
)
def test_reencoded_sound_passes(copy, options):
    rewrite(copy, SOME, lambda samples: samples, **options)
    natsound165.fetch(copy)
    assert natsound165.fetch_plan().todo == ()


@pytest.mark.shared
@pytest.mark.parametrize(
    ("change", "options"),
    [
        (one_sample_changed, {}),
        (one_sample_changed, {"suffix": ".wav"}),
        (lambda samples: samples[:-1], {}),
        (lambda samples: np.append(samples, np.int16(0)), {}),
        (lambda samples: samples, {"rate": 48_000}),
        (lambda samples: np.stack([samples, samples], axis=1), {}),
        (lambda samples: samples / 32768, {"suffix": ".wav", "subtype": "FLOAT"}),
    ],
    ids=["flac", "wav", "shorter", "longer", "rate", "stereo", "float"],
)
def test_changed_sound_is_refused(copy, heschl_home, change, options):
    rewrite(copy, SOME, change, **options)
    with pytest.raises(FetchError, match=rf"1 different \({SOME}\)\. Nothing was copied"):
        natsound165.fetch(copy)
    assert stored(heschl_home) == set()


@pytest.mark.shared
@pytest.mark.parametrize("n_bytes", [0, 100, 50_000])
@pytest.mark.parametrize("suffix", [".flac", ".wav"])
def test_truncated_sound_is_refused(copy, repository, heschl_home, n_bytes, suffix):
    path = copy / "stimuli" / f"{SOME}.flac"
    source = path if suffix == ".flac" else repository / "sounds/wav" / f"{SOME}.wav"
    content = source.read_bytes()[:n_bytes]
    path.unlink()
    path.with_suffix(suffix).write_bytes(content)
    with pytest.raises(FetchError, match=rf"1 different \({SOME}\)"):
        natsound165.fetch(copy)
    assert stored(heschl_home) == set()


@pytest.mark.shared
def test_everything_that_is_wrong_is_said(copy, heschl_home):
    names = [sound.name for sound in natsound165.release.released_sounds()]
    for name in names[:7]:
        (copy / "stimuli" / f"{name}.flac").unlink()
    rewrite(copy, names[100], one_sample_changed)
    (copy / "components.mat").unlink()
    (copy / "category_labels.csv").unlink()
    (copy / "category_labels.csv").write_text("stim28_big_band_music,Speech\n")
    with pytest.raises(FetchError) as caught:
        natsound165.fetch(copy)
    message = str(caught.value)
    assert f"8 missing (components.mat, {', '.join(names[:4])}, ...)" in message
    assert f"2 different (category_labels.csv, {names[100]})" in message
    assert str(copy) in message
    assert "b41b99f" in message
    assert stored(heschl_home) == set()


@pytest.mark.shared
def test_a_good_file_beside_a_bad_one_passes(copy):
    (copy / "old").mkdir()
    (copy / "old" / "components.mat").write_bytes(b"another version")
    (copy / "stimuli" / f"{SOME}.wav").write_bytes(b"damaged")
    natsound165.fetch(copy)
    assert natsound165.fetch_plan().todo == ()


@pytest.mark.shared
def test_refused_copy_leaves_what_was_there(copy, release, heschl_home):
    natsound165.fetch(release)
    rewrite(copy, SOME, one_sample_changed)
    with pytest.raises(FetchError):
        natsound165.fetch(copy)
    assert natsound165.fetch_plan().todo == ()


@pytest.mark.shared
def test_unreadable_file_is_named(copy, heschl_home):
    path = copy / "components.mat"
    path.unlink()
    path.symlink_to("nowhere")
    with pytest.raises(FetchError, match=r"components\.mat: cannot be read \(No such file"):
        natsound165.fetch(copy)
    assert stored(heschl_home) == set()


def test_empty_folder_is_no_release(tmp_path, heschl_home):
    (tmp_path / "empty").mkdir()
    with pytest.raises(FetchError, match=r"167 missing \(components\.mat, category_labels\.csv"):
        natsound165.fetch(tmp_path / "empty")
    assert stored(heschl_home) == set()


def test_copy_must_be_a_folder(tmp_path):
    archive = tmp_path / "natsound165.zip"
    with pytest.raises(FetchError, match="is not there; expected a folder"):
        natsound165.fetch(archive)
    archive.write_bytes(b"PK")
    with pytest.raises(FetchError, match=r"is a file; expected a folder .*unpack"):
        natsound165.fetch(archive)


@pytest.mark.shared
def test_store_that_cannot_be_written(release, tmp_path, monkeypatch):
    blocked = tmp_path / "file"
    blocked.write_text("no folder")
    monkeypatch.setenv("HESCHL_HOME", str(blocked))
    with pytest.raises(StoreError, match="HESCHL_HOME"):
        natsound165.fetch(release)
    with pytest.raises(StoreError, match="HESCHL_HOME"):
        natsound165.load()


# downloads


@pytest.mark.shared
def test_load_downloads_what_is_missing_and_only_that(server, heschl_home):
    server.answer("data/components.mat", 503)
    server.cut(f"sounds/wav/{SOME}.wav", 8192)
    dataset = natsound165.load()
    assert len(dataset.sounds) == 165
    assert stored(heschl_home) == expected_files()
    assert server.counts() == Counter(expected_files()) + Counter(
        ["data/components.mat", f"sounds/wav/{SOME}.wav"]
    )
    n = len(server.requests)
    natsound165.load()
    assert len(server.requests) == n
    wav = natsound165.folder() / f"sounds/wav/{SOME}.wav"
    wav.write_bytes(wav.read_bytes()[:-1])
    natsound165.load()
    assert [request.path for request in server.requests[n:]] == [f"sounds/wav/{SOME}.wav"]
    assert natsound165.fetch_plan().todo == ()


@pytest.mark.shared
def test_altered_download_is_refused(server, repository, heschl_home):
    path = "data/components.mat"
    content = bytearray((repository / path).read_bytes())
    content[1000] ^= 1
    server.alter(path, bytes(content))
    with pytest.raises(FetchError, match=sha256(content)):
        natsound165.load()
    assert path not in stored(heschl_home)
    assert f"{path}.part" not in stored(heschl_home)


def test_load_offline_says_how_to_give_a_copy(monkeypatch, heschl_home):
    monkeypatch.setenv("HESCHL_OFFLINE", "1")
    with pytest.raises(OfflineError) as caught:
        natsound165.load()
    assert "heschl fetch natsound165 --from PATH" in str(caught.value)
    assert natsound165.release.BASE_URL in str(caught.value)
    assert "29.6 MB" in str(caught.value)
    assert stored(heschl_home) == set()


@pytest.mark.shared
def test_load_offline_with_a_copy(release, monkeypatch):
    monkeypatch.setenv("HESCHL_OFFLINE", "1")
    natsound165.fetch(release)
    assert natsound165.fetch() == natsound165.folder()
    assert natsound165.load().name == "natsound165"


@pytest.mark.shared
@pytest.mark.parametrize("path", ["data/components.mat", "sounds/category_labels.csv"])
def test_altered_table_is_noticed_and_repaired(release, server, path):
    file = natsound165.fetch(release) / path
    content = bytearray(file.read_bytes())
    content[len(content) // 2] ^= 1
    file.write_bytes(content)
    with pytest.raises(DamagedEntryError) as caught:
        natsound165.load()
    for part in (str(file), sha256(content), "heschl fetch natsound165"):
        assert part in str(caught.value)
    natsound165.fetch()
    assert [request.path for request in server.requests] == [path]
    assert natsound165.load().n_targets == 6


# what is loaded


@pytest.fixture
def dataset(repository):
    natsound165.fetch(repository)
    return natsound165.load()


@pytest.fixture
def mat(release):
    """Read components.mat the other way: nested cells as they are."""
    return scipy.io.loadmat(release / "components.mat")


@pytest.mark.shared
def test_responses_follow_the_sounds(dataset, mat):
    assert dataset.responses.shape == (165, 6, 1)
    assert dataset.responses.dtype == np.float64
    assert np.isfinite(dataset.responses).all()
    released = [str(cell[0]) for cell in mat["stim_names"][0]]
    assert list(dataset.sounds.names) != released
    for row, clip in enumerate(dataset.sounds):
        for released_row, name in enumerate(released):
            if name == clip.name:
                np.testing.assert_array_equal(dataset.responses[row, :, 0], mat["R"][released_row])
                break
        else:
            pytest.fail(f"{clip.name} is not in components.mat")


@pytest.mark.shared
def test_sounds_order_and_folds_are_the_published_ones(dataset, golden_folds):
    assert dataset.sounds.names == tuple(name for name, _ in golden_folds)
    assert dataset.folds.tolist() == [fold for _, fold in golden_folds]
    assert np.bincount(dataset.folds).tolist() == [33] * 5


@pytest.mark.shared
def test_folds_are_stratified_by_category(dataset):
    """No category has more than two sounds more in one fold than in another, as published."""
    table = Counter(zip(dataset.sounds.categories, dataset.folds.tolist(), strict=True))
    for category in set(dataset.sounds.categories):
        counts = [table[category, fold] for fold in range(5)]
        assert max(counts) - min(counts) <= (2 if category == "AniVoc" else 1), category
    assert [table["AniVoc", fold] for fold in range(5)] == [3, 2, 2, 1, 2]
    assert [table["Nature", fold] for fold in range(5)] == [0, 1, 1, 1, 1]


@pytest.mark.shared
def test_categories_are_those_of_both_tables(dataset, release, mat):
    with (release / "category_labels.csv").open(newline="") as handle:
        listed = dict(csv.reader(handle))
    cells = zip(mat["stim_names"][0], mat["category_labels"][0], strict=True)
    released = {str(name[0]): str(category[0]) for name, category in cells}
    assert dict(zip(dataset.sounds.names, dataset.sounds.categories, strict=True)) == listed
    assert listed == released
    assert set(listed.values()) == {str(cell[0]) for cell in mat["categories"][:, 0]}


@pytest.mark.shared
def test_targets_and_their_labels(dataset, mat):
    assert dataset.kind == "components"
    assert dataset.targets["target"].tolist() == [str(c[0]) for c in mat["component_names"][:, 0]]
    assert dict(zip(dataset.targets["target"], dataset.targets["label"], strict=True)) == {
        "lowfreq": "low frequency",
        "highfreq": "high frequency",
        "envsounds": "broadband",
        "pitch": "pitch",
        "speech": "speech",
        "music": "music",
    }


@pytest.mark.shared
def test_components_prefer_what_they_are_named_after(dataset):
    """Speech and music components answer most to speech and music: rows, columns and names fit."""
    category = np.array(dataset.sounds.categories)
    mean = {
        name: {c: dataset.mean_responses()[category == c, i].mean() for c in set(category)}
        for i, name in enumerate(dataset.targets["target"])
    }
    speech = sorted(mean["speech"], key=mean["speech"].get)[-2:]
    assert set(speech) == {"EngSpeech", "ForSpeech"}
    assert set(sorted(mean["music"], key=mean["music"].get)[-2:]) == {"Music", "Song"}


@pytest.mark.shared
def test_waveforms_are_those_released(dataset, release):
    assert dataset.sounds.duration == 2.0
    for clip in (dataset.sounds[0], dataset.sounds[82], dataset.sounds[164]):
        waveform, rate = clip.read()
        expected, _ = soundfile.read(release / "stimuli" / f"{clip.name}.flac", dtype="float32")
        assert rate == 44_100
        np.testing.assert_array_equal(waveform, expected)


@pytest.mark.shared
def test_provenance_and_published_scores(dataset):
    assert dataset.source["commit"] == "b41b99ff620d7997dbf278fc770f58566707726a"
    assert dataset.source["components_sha256"] == natsound165.release.COMPONENTS_SHA256
    assert dataset.source["table_sha256"] == natsound165.release.table_sha256()
    assert set(dataset.published["spectrotemporal"]) == set(dataset.targets["target"])
    assert sum(dataset.published["spectrotemporal"].values()) == pytest.approx(3.36)
    assert "2015" in dataset.citation
    assert "2511.16849" in dataset.citation
    assert "no licence" in dataset.licence


# tables that do not fit together


def test_sounds_of_another_release_are_refused():
    assert natsound165.tables.rows_of(["a", "b", "c"], ["c", "a", "b"]).tolist() == [1, 2, 0]
    with pytest.raises(InputError, match="not those of natsound165: c, d;"):
        natsound165.tables.rows_of(["a", "b", "c"], ["a", "b", "d"])


@pytest.mark.parametrize(
    ("listed", "message"),
    [
        ({"a": "Song", "b": "Nature"}, "a: .*'Song'.*'Music'.*1 sounds"),
        ({"a": "Music"}, "b: .*None"),
    ],
)
def test_categories_that_disagree_are_refused(listed, message):
    natsound165.tables.check_categories({"a": "Music"}, {"a": "Music"})
    with pytest.raises(InputError, match=message):
        natsound165.tables.check_categories(listed, {"a": "Music", "b": "Nature"})


@pytest.mark.shared
def test_load_compares_the_two_tables_of_categories(release, monkeypatch):
    path = natsound165.fetch(release) / "sounds/category_labels.csv"
    content = path.read_bytes().replace(
        f"{SOME},Mechanical".encode(), f"{SOME},mechanical".encode()
    )
    path.write_bytes(content)
    monkeypatch.setattr(natsound165.tables, "CATEGORIES_SHA256", sha256(content))
    with pytest.raises(InputError, match=f"{SOME}: .*'mechanical', .*'Mechanical'"):
        natsound165.load()


def test_spec():
    spec = natsound165.SPEC
    assert isinstance(spec, DatasetSpec)
    assert (spec.name, spec.kind) == ("natsound165", "components")
    assert spec.load is natsound165.load
    assert spec.fetch is natsound165.fetch
    assert Path(natsound165.__file__).with_name("natsound165.csv").is_file()
