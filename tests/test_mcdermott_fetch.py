"""The release of Tuckute, Feather et al.: downloaded, or from a tar or a folder, and checked."""

from __future__ import annotations

import hashlib
import io
import json
import shutil
import tarfile
import threading
from concurrent.futures import ThreadPoolExecutor

import pytest

from heschl import fetch
from heschl.brain import DATASETS, load_dataset, mcdermott
from heschl.brain.mcdermott import archive, release
from heschl.errors import DamagedEntryError, FetchError, OfflineError, StoreError
from loopback import Loopback
from mcdermott_release import NAMES, pack, simulate, write_release

THREE = ("nh2015", "b2021", "nh2015-components")
PKL = "neural/NH2015/df_roi_meta.pkl"


@pytest.fixture(scope="module")
def made_up(tmp_path_factory):
    """A release of random numbers, unpacked and as data.tar; tests leave it as it is."""
    root = tmp_path_factory.mktemp("release")
    write_release(root)
    pack(root / "data", root / "data.tar")
    return root


@pytest.fixture
def server(made_up, tmp_path, monkeypatch):
    monkeypatch.setenv("NO_PROXY", "127.0.0.1")
    monkeypatch.setattr(fetch.downloading, "WAITS", (0.0, 0.0))
    folder = tmp_path / "server"
    folder.mkdir()
    shutil.copy(made_up / "data.tar", folder)
    with Loopback(folder) as running:
        for module in (release, mcdermott.fetching, mcdermott.manifest):
            monkeypatch.setattr(module, "URL", f"{running.url}/data.tar")
        yield running


@pytest.fixture
def copy(made_up, tmp_path):
    """An unpacked copy that a test may spoil."""
    return shutil.copytree(made_up, tmp_path / "copy", ignore=lambda *_: {"data.tar"})


def sha256(path):
    return hashlib.sha256(path.read_bytes()).hexdigest()


def tree(folder):
    return {p.relative_to(folder).as_posix(): sha256(p) for p in folder.rglob("*") if p.is_file()}


def contents(folder):
    return {path.name for path in folder.iterdir()}


def is_as_released(folder, made_up):
    found = tree(folder / "data")
    wanted = {path.as_posix() for path in release.wanted_files()}
    assert set(found) == wanted
    assert found == {k: v for k, v in tree(made_up / "data").items() if k in wanted}
    assert contents(folder) == {"data", "release.json"}


# a local copy


@pytest.mark.parametrize("name", THREE)
@pytest.mark.parametrize("what", ["data.tar", ".", "data"])
def test_one_copy_serves_all_three(made_up, heschl_home, name, what):
    folder = DATASETS[name].fetch(made_up / what)
    assert folder == heschl_home / "datasets" / "tuckute_feather_2023" == mcdermott.folder()
    is_as_released(folder, made_up)
    for one in THREE:
        plan = DATASETS[one].plan()
        assert plan.todo == ()
        assert plan.name == one
        assert "1 present, 0 missing" in plan.summary()
        assert load_dataset(one).name == one


@pytest.mark.parametrize("above", ["unpacked", "some/where"])
def test_the_release_may_lie_a_little_deeper(copy, tmp_path, made_up, above):
    (tmp_path / "outer" / above).mkdir(parents=True)
    (copy / "data").rename(tmp_path / "outer" / above / "data")
    source = tmp_path / "outer" / above.split("/")[0]
    is_as_released(mcdermott.fetch("nh2015", source), made_up)


def test_the_more_complete_of_two_folders_is_taken(copy, made_up):
    (copy / "a" / "neural").mkdir(parents=True)
    is_as_released(mcdermott.fetch("nh2015", copy), made_up)


def test_provenance_of_a_tar_and_of_a_folder(made_up):
    mcdermott.fetch("nh2015", made_up / "data.tar")
    source = load_dataset("nh2015").source
    assert source == {"url": release.URL, "archive_sha256": sha256(made_up / "data.tar")}
    mcdermott.fetch("nh2015", made_up)
    for name in THREE:
        source = load_dataset(name).source
        assert source["url"] == release.URL
        assert source["files_sha256"] == {
            str(path): sha256(made_up / "data" / path) for path in release.TABLES[name]
        }
        sounds = [sha256(made_up / f"data/stimuli/165_natural_sounds/{n}.wav") for n in NAMES]
        joined = json.dumps(sounds, separators=(",", ":")).encode()
        assert source["sounds_sha256"] == hashlib.sha256(joined).hexdigest()
        json.dumps(source)


def test_a_tar_is_pinned_and_a_folder_is_not(made_up, copy, tmp_path, heschl_home, caplog):
    mcdermott.fetch("nh2015", copy)
    assert not mcdermott.pins().exists()
    mcdermott.fetch("nh2015", made_up / "data.tar")
    digest = sha256(made_up / "data.tar")
    assert mcdermott.pins() == heschl_home / "pins.txt"
    assert fetch.pinned(mcdermott.pins(), release.URL) == digest
    assert digest in caplog.text
    (copy / "data/extra").touch()
    other = pack(copy / "data", tmp_path / "other.tar")
    before = tree(mcdermott.folder())
    with pytest.raises(FetchError) as caught:
        mcdermott.fetch("nh2015", other)
    for part in (digest, sha256(other), "remove the line", release.URL, "pins.txt"):
        assert part in str(caught.value)
    assert tree(mcdermott.folder()) == before
    mcdermott.fetch("nh2015", copy)  # a folder has no hash of its own to compare


@pytest.mark.parametrize("prefix", ["data", "./data", "x/data", "."])
def test_folders_around_the_release_do_not_matter(made_up, tmp_path, prefix):
    path = pack(made_up / "data", tmp_path / "a.tar", prefix=prefix)
    is_as_released(mcdermott.fetch("nh2015", path), made_up)


def test_a_fetch_replaces_what_is_there(made_up, copy):
    folder = mcdermott.fetch("nh2015", made_up)
    (folder / "data" / PKL).write_bytes(b"damaged")
    (folder / "data/extra").touch()
    mcdermott.fetch("nh2015", copy)
    is_as_released(folder, made_up)


@pytest.mark.parametrize("lost", [PKL, f"stimuli/165_natural_sounds/{NAMES[7]}.wav"])
def test_a_copy_without_a_file(copy, lost, tmp_path):
    (copy / "data" / lost).unlink()
    with pytest.raises(FetchError, match=rf"1 files are missing \({lost}\)\. Nothing was copied"):
        mcdermott.fetch("nh2015", copy)
    path = pack(copy / "data", tmp_path / "a.tar")
    with pytest.raises(FetchError, match=rf"1 files of the release .* \({lost}\)"):
        mcdermott.fetch("nh2015", path)
    assert contents(mcdermott.folder()) == set()
    assert not mcdermott.pins().exists()


def test_what_is_no_copy(tmp_path, made_up):
    with pytest.raises(FetchError, match="no folder data/neural or neural in it"):
        mcdermott.fetch("nh2015", tmp_path)
    with pytest.raises(FetchError, match=r"nothing is not there; expected data\.tar"):
        mcdermott.fetch("nh2015", tmp_path / "nothing")
    for name, content in (("text", b"no tar" * 200), ("empty", b""), ("zip", b"PK\x03\x04" * 99)):
        (tmp_path / name).write_bytes(content)
        with pytest.raises(FetchError, match=rf"{name}: no uncompressed tar archive"):
            mcdermott.fetch("nh2015", tmp_path / name)
    with tarfile.open(tmp_path / "a.tar.gz", "w:gz") as packed:
        packed.add(made_up / "data/neural", "data/neural")
    with pytest.raises(FetchError, match="no uncompressed tar archive"):
        mcdermott.fetch("nh2015", tmp_path / "a.tar.gz")
    assert contents(mcdermott.folder()) == set()


# hostile archives


def with_members(made_up, path, *members, first=False):
    """Write a tar of the whole release with further members before or after it."""
    with tarfile.open(path, "w") as packed:
        for when in (True, False):
            if when is first:
                for member, content in members:
                    packed.addfile(member, io.BytesIO(content))
            else:
                packed.add(made_up / "data", "data")
    return path


def member(name, kind=tarfile.REGTYPE, *, size=0, link=""):
    info = tarfile.TarInfo(name)
    info.type, info.size, info.linkname = kind, size, link
    return info


HOSTILE = {
    "above": (member("../outside"), "leads out"),
    "above from within": (member("data/neural/../../../outside"), "leads out"),
    "above with backslashes": (member("data\\..\\..\\outside"), "leads out"),
    "only above": (member(".."), "leads out"),
    "absolute": (member("/tmp/outside"), "has an absolute path"),
    "absolute for Windows": (member("\\outside"), "has an absolute path"),
    "drive": (member("C:/outside"), "has an absolute path"),
    "symbolic link": (member(f"data/{PKL}", tarfile.SYMTYPE, link="/etc/passwd"), "is a link"),
    "folder that is a link": (member("data/neural/x", tarfile.SYMTYPE, link="/tmp"), "is a link"),
    "hard link": (member("data/neural/x", tarfile.LNKTYPE, link="../outside"), "is a link"),
    "character device": (member("data/x", tarfile.CHRTYPE), "is a device"),
    "block device": (member(f"data/{PKL}", tarfile.BLKTYPE), "is a device"),
    "pipe": (member(f"data/{PKL}", tarfile.FIFOTYPE), "is a device"),
}


@pytest.mark.parametrize(
    ("kind", "first"), [(k, first) for k in HOSTILE for first in (False, True)]
)
def test_hostile_members(made_up, tmp_path, kind, first):
    info, problem = HOSTILE[kind]
    path = with_members(made_up, tmp_path / "a.tar", (info, b""), first=first)
    before = tree(tmp_path)
    with pytest.raises(FetchError) as caught:
        mcdermott.fetch("nh2015", path)
    assert problem in str(caught.value)
    assert repr(info.name) in str(caught.value)
    assert tree(tmp_path) == before
    assert contents(mcdermott.folder()) == set()
    assert not mcdermott.pins().exists()


def test_two_members_for_one_place(made_up, tmp_path):
    path = with_members(made_up, tmp_path / "a.tar", (member(f"x/{PKL}"), b""))
    with pytest.raises(FetchError, match=rf"x/{PKL}' is a second {PKL}"):
        mcdermott.fetch("nh2015", path)
    assert contents(mcdermott.folder()) == set()


def test_oversized_members(made_up, tmp_path, monkeypatch):
    huge = member("data/neural/huge.npy", size=archive.LARGEST_MEMBER + 1)
    path = tmp_path / "a.tar"
    path.write_bytes(huge.tobuf() + (made_up / "data.tar").read_bytes())
    with pytest.raises(FetchError, match=r"huge\.npy' has 300000001 bytes, more than 300000000"):
        mcdermott.fetch("nh2015", path)
    largest = max((made_up / "data").rglob("*"), key=lambda p: p.stat().st_size).stat().st_size
    monkeypatch.setattr(archive, "LARGEST_MEMBER", largest - 1)
    with pytest.raises(FetchError, match=f"has {largest} bytes, more than {largest - 1}"):
        mcdermott.fetch("nh2015", made_up / "data.tar")


def test_too_much_in_total(made_up, monkeypatch):
    total = sum((made_up / "data" / path).stat().st_size for path in release.wanted_files())
    monkeypatch.setattr(archive, "LARGEST_TOTAL", total)
    mcdermott.fetch("nh2015", made_up / "data.tar")
    monkeypatch.setattr(archive, "LARGEST_TOTAL", total - 1)
    with pytest.raises(FetchError, match=f"more than {total - 1} bytes in the files"):
        mcdermott.fetch("nh2015", made_up / "data.tar")


def test_too_many_members(made_up, monkeypatch):
    monkeypatch.setattr(archive, "MOST_MEMBERS", 20)
    with pytest.raises(FetchError, match="more than 20 members"):
        mcdermott.fetch("nh2015", made_up / "data.tar")


def test_a_sparse_member_is_no_bomb(made_up, tmp_path):
    """A few bytes that stand for a terabyte of zeros."""
    info = member(f"data/{PKL}")
    info.pax_headers = {
        "GNU.sparse.map": "0,1",
        "GNU.sparse.size": str(2**40),
        "GNU.sparse.numblocks": "1",
    }
    path = tmp_path / "a.tar"
    path.write_bytes(info.tobuf(tarfile.PAX_FORMAT) + (made_up / "data.tar").read_bytes())
    with pytest.raises(FetchError, match=r"df_roi_meta\.pkl' (is a device|has \d+ bytes)"):
        mcdermott.fetch("nh2015", path)


def test_members_that_are_not_used_are_not_written(made_up, tmp_path):
    extra = (member("data/neural/NH2015/evil.py", size=4), b"evil")
    other = (member("data/._neural", size=4), b"evil")
    path = with_members(made_up, tmp_path / "a.tar", extra, other)
    is_as_released(mcdermott.fetch("nh2015", path), made_up)


@pytest.mark.parametrize("part", [0.3, 0.9])
def test_a_tar_that_is_cut_short(made_up, tmp_path, part):
    content = (made_up / "data.tar").read_bytes()
    (tmp_path / "a.tar").write_bytes(content[: int(part * len(content))])
    with pytest.raises(FetchError, match=r"a\.tar: (damaged or cut short|\d+ files)"):
        mcdermott.fetch("nh2015", tmp_path / "a.tar")
    assert contents(mcdermott.folder()) == set()
    assert not mcdermott.pins().exists()


def test_modes_and_owners_of_the_archive_are_not_used(made_up, tmp_path):
    def spoil(info):
        info.mode, info.uid, info.gid = 0o4777, 0, 0
        return info

    with tarfile.open(tmp_path / "a.tar", "w") as packed:
        packed.add(made_up / "data", "data", filter=spoil)
    folder = mcdermott.fetch("nh2015", tmp_path / "a.tar")
    assert all(not p.stat().st_mode & 0o6111 for p in (folder / "data").rglob("*") if p.is_file())


# the download


def test_download_pins_unpacks_and_keeps_no_archive(server, made_up, caplog):
    assert DATASETS["b2021"].plan().summary().startswith("b2021: 0 present, 1 missing")
    folder = DATASETS["b2021"].fetch(None)
    is_as_released(folder, made_up)
    digest = sha256(made_up / "data.tar")
    assert fetch.pinned(mcdermott.pins(), f"{server.url}/data.tar") == digest
    assert digest in caplog.text
    for name in THREE:
        DATASETS[name].fetch(None)
        assert load_dataset(name).source["archive_sha256"] == digest
    assert len(server.requests) == 1


def test_loading_brings_what_is_missing(server):
    assert load_dataset("nh2015-components").n_targets == 6
    assert len(server.requests) == 1


def test_a_truncated_download_is_neither_pinned_nor_used(server, made_up, monkeypatch):
    monkeypatch.setattr(fetch.downloading, "WAITS", ())
    server.cut("data.tar", 98_304)
    with pytest.raises(FetchError, match=r"kept .*`heschl fetch nh2015 --from PATH`"):
        mcdermott.fetch("nh2015")
    assert contents(mcdermott.folder()) == {"data.tar.part"}
    assert not mcdermott.pins().exists()
    is_as_released(mcdermott.fetch("nh2015"), made_up)
    assert server.ranges_of("data.tar") == [None, "bytes=98304-"]


@pytest.mark.parametrize("content", [b"<html>please log in</html>", b"\0" * 20_480])
def test_something_else_in_its_place_is_not_pinned(server, content):
    server.alter("data.tar", content)
    with pytest.raises(FetchError, match="what came is not the published file"):
        mcdermott.fetch("nh2015")
    assert contents(mcdermott.folder()) == set()
    assert not mcdermott.pins().exists()


def test_a_hostile_download_is_not_pinned(server, made_up, tmp_path):
    info = member("../outside", size=1)
    path = with_members(made_up, tmp_path / "a.tar", (info, b"x"))
    server.alter("data.tar", path.read_bytes())
    with pytest.raises(FetchError, match="leads out"):
        mcdermott.fetch("nh2015")
    assert contents(mcdermott.folder()) == set()


def test_another_archive_than_the_pinned_one(server, copy, tmp_path, made_up):
    folder = mcdermott.fetch("nh2015")
    (folder / "data" / PKL).unlink()
    (copy / "data/more").touch()
    server.alter("data.tar", pack(copy / "data", tmp_path / "a.tar").read_bytes())
    with pytest.raises(FetchError, match="remove the line"):
        mcdermott.fetch("nh2015")
    server.alter("data.tar", (made_up / "data.tar").read_bytes())
    is_as_released(mcdermott.fetch("nh2015"), made_up)


@pytest.mark.parametrize("change", [b"damaged", None])
def test_what_was_altered_is_brought_again(server, made_up, change):
    folder = mcdermott.fetch("nh2015")
    path = folder / "data" / PKL
    content = path.read_bytes()
    path.write_bytes(change or content[:-1] + b"!")
    assert len(mcdermott.fetch_plan("nh2015").todo) == 1
    if change is None:  # of the same size: only its hash tells
        with pytest.raises(DamagedEntryError, match=r"df_roi_meta\.pkl.*heschl fetch nh2015"):
            load_dataset("nh2015")
        load_dataset("nh2015-components")
        mcdermott.fetch("nh2015")
    else:
        load_dataset("nh2015")
    is_as_released(folder, made_up)


@pytest.mark.parametrize("text", ["{", "[]", '{"files": {}, "archive_sha256": null}', "\xff"])
def test_a_spoilt_manifest_counts_as_none(made_up, text, monkeypatch):
    folder = mcdermott.fetch("nh2015", made_up)
    (folder / "release.json").write_text(text, encoding="latin1")
    monkeypatch.setenv("HESCHL_OFFLINE", "1")
    with pytest.raises(OfflineError):
        load_dataset("nh2015")


def test_offline(monkeypatch, made_up):
    monkeypatch.setenv("HESCHL_OFFLINE", "1")
    for name in THREE:
        with pytest.raises(OfflineError, match=rf"data\.tar.*heschl fetch {name} --from PATH"):
            load_dataset(name)
    mcdermott.fetch("nh2015", made_up)
    assert all(load_dataset(name).name == name for name in THREE)


def test_simultaneous_fetches_share_one_download(server, made_up):
    barrier = threading.Barrier(3)

    def one(name):
        barrier.wait()
        return mcdermott.fetch(name)

    with ThreadPoolExecutor(3) as pool:
        folders = set(pool.map(one, THREE))
    assert len(server.requests) == 1
    is_as_released(folders.pop(), made_up)


def test_a_folder_that_cannot_be_written(heschl_home, made_up):
    (heschl_home / "datasets").write_text("a file where the folder belongs")
    with pytest.raises(StoreError, match="cannot write"):
        mcdermott.fetch("nh2015", made_up)


def test_an_interruption_leaves_nothing(made_up, monkeypatch):
    def interrupted(*_):
        raise KeyboardInterrupt

    monkeypatch.setattr(mcdermott.fetching, "write_manifest", interrupted)
    with pytest.raises(KeyboardInterrupt):
        mcdermott.fetch("nh2015", made_up)
    assert contents(mcdermott.folder()) <= {"data"}
    monkeypatch.undo()


def test_errors_while_writing_are_of_the_store(made_up, monkeypatch):
    def full(*_):
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(shutil, "copyfileobj", full)
    for source in (made_up, made_up / "data.tar"):
        with pytest.raises(StoreError, match=r"No space left on device\. Free some space"):
            mcdermott.fetch("nh2015", source)
        assert contents(mcdermott.folder()) == set()


@pytest.mark.shared
def test_the_simulated_release(shared, tmp_path):
    root = simulate(shared, tmp_path / "release")
    path = pack(root / "data", tmp_path / "data.tar")
    folder = mcdermott.fetch("nh2015", path)
    is_as_released(folder, root)
    assert {name: load_dataset(name).n_targets for name in THREE} == {
        "nh2015": 40,
        "b2021": 60,
        "nh2015-components": 6,
    }
