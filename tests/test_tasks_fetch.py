"""Official tasks: downloaded, or from an archive or a folder, unpacked safely, and checked."""

from __future__ import annotations

import gzip
import hashlib
import io
import json
import shutil
import tarfile
import threading
from concurrent.futures import ThreadPoolExecutor
from types import SimpleNamespace

import pytest

from hear_tasks import RELEASES, pack, write_release
from heschl import fetch, store
from heschl.errors import FetchError, OfflineError, StoreError
from heschl.tasks import TASKS, load_task
from heschl.tasks.hear import fetching, unpacking
from loopback import Loopback

NAME = "crema-d"
RELEASE = RELEASES[NAME]
ARCHIVE = f"hear2021-{RELEASE}-48000.tar.gz"
PREFIX = f"hear-2021.0.6/tasks/{RELEASE}"


@pytest.fixture(scope="module")
def made_up(tmp_path_factory):
    """A small CREMA-D, unpacked and as its archive; tests leave it as it is."""
    root = tmp_path_factory.mktemp("release")
    folder = write_release(root, NAME)
    pack(folder, root / ARCHIVE)
    return root


@pytest.fixture
def server(made_up, tmp_path, monkeypatch):
    monkeypatch.setenv("NO_PROXY", "127.0.0.1")
    monkeypatch.setattr(fetch.downloading, "WAITS", (0.0, 0.0))
    folder = tmp_path / "server"
    folder.mkdir()
    shutil.copy(made_up / ARCHIVE, folder)
    with Loopback(folder) as running:
        monkeypatch.setattr(fetching, "RECORD", running.url)
        yield running


@pytest.fixture
def copy(made_up, tmp_path):
    """An unpacked copy that a test may spoil."""
    return shutil.copytree(made_up / PREFIX, tmp_path / "copy" / RELEASE)


def home():
    return store.home() / "tasks" / RELEASE


def pins():
    return store.home() / "pins.txt"


def sha256(path):
    return hashlib.sha256(path.read_bytes()).hexdigest()


def tree(folder):
    return {p.relative_to(folder).as_posix(): sha256(p) for p in folder.rglob("*") if p.is_file()}


def contents(folder=None):
    place = home() if folder is None else folder
    return {path.name for path in place.iterdir()} if place.is_dir() else set()


def is_as_released(made_up):
    assert tree(home() / "data") == tree(made_up / PREFIX)
    assert contents() == {"data", "release.json"}
    task = load_task(NAME)
    assert (task.name, task.n_clips) == (NAME, 30)


# a local copy


@pytest.mark.parametrize("what", [ARCHIVE, ".", "hear-2021.0.6", "hear-2021.0.6/tasks", PREFIX])
def test_a_copy_may_be_the_archive_or_a_folder_at_any_level(made_up, what):
    assert TASKS[NAME].fetch(made_up / what) == home()
    is_as_released(made_up)
    plan = TASKS[NAME].plan()
    assert plan.todo == ()
    assert "1 present, 0 missing" in plan.summary()


def test_any_of_its_names_will_do(made_up):
    TASKS[RELEASE].fetch(made_up / ARCHIVE)
    assert load_task(RELEASE).name == NAME
    assert load_task(NAME).n_clips == 30


def test_a_renamed_folder_is_known_by_its_metadata(copy, made_up):
    copy.rename(copy.with_name("mine"))
    TASKS[NAME].fetch(copy.parent)
    is_as_released(made_up)


def test_one_task_of_several(made_up, tmp_path):
    write_release(tmp_path, "gtzan")
    shutil.copytree(made_up / PREFIX, tmp_path / PREFIX)
    TASKS[NAME].fetch(tmp_path)
    is_as_released(made_up)


def test_another_task_is_refused(tmp_path):
    folder = write_release(tmp_path, "gtzan")
    path = pack(folder, tmp_path / "gtzan.tar.gz")
    for source in (folder, path):
        with pytest.raises(
            FetchError,
            match=rf"has the tasks tfds_gtzan-1\.0\.0-full; expected the release {RELEASE}",
        ):
            TASKS[NAME].fetch(source)
    assert contents() == set()
    assert not pins().exists()


def test_provenance_of_an_archive_and_of_a_folder(made_up):
    TASKS[NAME].fetch(made_up / ARCHIVE)
    source = load_task(NAME).source
    assert source["url"] == f"https://zenodo.org/records/6332517/files/{ARCHIVE}"
    assert source["archive_sha256"] == sha256(made_up / ARCHIVE)
    assert source["release"] == RELEASE
    labels = made_up / PREFIX / "fold00.json"
    assert source["files_sha256"]["fold00.json"] == sha256(labels)
    TASKS[NAME].fetch(made_up)
    assert load_task(NAME).source == source | {"archive_sha256": None}
    json.dumps(source)


def test_an_archive_is_pinned_and_a_folder_is_not(made_up, copy, tmp_path, caplog):
    TASKS[NAME].fetch(copy)
    assert not pins().exists()
    TASKS[NAME].fetch(made_up / ARCHIVE)
    assert fetch.pinned(pins(), f"{fetching.RECORD}/{ARCHIVE}") == sha256(made_up / ARCHIVE)
    assert sha256(made_up / ARCHIVE) in caplog.text
    (copy / "more.json").write_text("{}")
    other = pack(copy, tmp_path / "other.tar.gz")
    before = tree(home())
    with pytest.raises(FetchError, match=rf"{sha256(other)}.*remove the line"):
        TASKS[NAME].fetch(other)
    assert tree(home()) == before


@pytest.mark.parametrize("prefix", ["", "./", "a/b/"])
def test_folders_around_the_task_do_not_matter(made_up, tmp_path, prefix):
    with tarfile.open(tmp_path / "a.tar.gz", "w:gz") as packed:
        packed.add(made_up / PREFIX, f"{prefix}{RELEASE}")
    TASKS[NAME].fetch(tmp_path / "a.tar.gz")
    is_as_released(made_up)


def test_a_task_without_a_folder_around(made_up, tmp_path):
    with tarfile.open(tmp_path / "a.tar.gz", "w:gz") as packed:
        packed.add(made_up / PREFIX, ".")
    TASKS[NAME].fetch(tmp_path / "a.tar.gz")
    is_as_released(made_up)


def test_a_fetch_replaces_what_is_there(made_up, copy):
    TASKS[NAME].fetch(made_up)
    (home() / "data/fold00.json").write_text("damaged")
    (home() / "data/extra").touch()
    TASKS[NAME].fetch(copy)
    is_as_released(made_up)


def test_what_does_not_belong_to_it_is_left(made_up, copy, tmp_path):
    for place in ("notes.txt", ".hidden.json", "48000/fold00/deep/a.wav", "old/fold00/a.wav"):
        (copy / place).parent.mkdir(exist_ok=True, parents=True)
        (copy / place).write_bytes(b"mine")
    TASKS[NAME].fetch(copy)
    is_as_released(made_up)
    TASKS[NAME].fetch(pack(copy, tmp_path / "a.tar.gz"))
    is_as_released(made_up)


LOST = "48000/fold03/tfds_id_tfds_crema_d-train-tfrecord-00003-of-00010-2.wav"


@pytest.mark.parametrize(
    ("lost", "message"),
    [
        (LOST, r"1 files that have labels are missing \(fold03/tfds_id"),
        ("fold02.json", r"1 files of labels are missing \(fold02\.json\)"),
        ("labelvocabulary.csv", r"labelvocabulary\.csv: cannot be read"),
        ("task_metadata.json", "has no task; expected the release"),
    ],
)
def test_a_copy_without_a_file(copy, tmp_path, lost, message):
    (copy / lost).unlink()
    for source in (copy, pack(copy, tmp_path / "a.tar.gz")):
        with pytest.raises(FetchError, match=message) as caught:
            TASKS[NAME].fetch(source)
        assert str(source) in str(caught.value)
        assert ".tmp" not in str(caught.value)
        assert contents() == set()
        assert not pins().exists()


def test_what_is_no_copy(tmp_path, made_up):
    with pytest.raises(FetchError, match="has no task; expected the release"):
        TASKS[NAME].fetch(tmp_path)
    with pytest.raises(FetchError, match=r"nothing is not there; expected hear2021-tfds_crema_d"):
        TASKS[NAME].fetch(tmp_path / "nothing")
    plain = tmp_path / "plain.tar"
    with tarfile.open(plain, "w") as packed:
        packed.add(made_up / PREFIX, PREFIX)
    (tmp_path / "text").write_bytes(b"no tar" * 200)
    (tmp_path / "empty").write_bytes(b"")
    (tmp_path / "zipped").write_bytes(gzip.compress(b"no tar" * 200))
    (tmp_path / "nothing.gz").write_bytes(gzip.compress(b""))
    for name in ("plain.tar", "text", "empty", "zipped", "nothing.gz"):
        with pytest.raises(FetchError, match=rf"{name}: no gzip-compressed tar archive"):
            TASKS[NAME].fetch(tmp_path / name)
    assert contents() == set()


# hostile archives


def with_members(made_up, path, *members, first=False):
    """Write an archive of the whole task with further members before or after it."""
    with tarfile.open(path, "w:gz", compresslevel=1) as packed:
        for when in (True, False):
            if when is first:
                for found, content in members:
                    packed.addfile(found, io.BytesIO(content))
            else:
                packed.add(made_up / PREFIX, PREFIX)
    return path


def member(name, kind=tarfile.REGTYPE, *, size=0, link=""):
    info = tarfile.TarInfo(name)
    info.type, info.size, info.linkname = kind, size, link
    return info


WAV = f"{PREFIX}/48000/fold00/x.wav"
HOSTILE = {
    "above": (member("../outside"), "leads out"),
    "above from within": (member(f"{PREFIX}/48000/../../../../../outside"), "leads out"),
    "above with backslashes": (member("tasks\\..\\..\\outside"), "leads out"),
    "absolute": (member("/tmp/outside"), "has an absolute path"),
    "drive": (member("C:/outside"), "has an absolute path"),
    "symbolic link": (member(WAV, tarfile.SYMTYPE, link="/etc/passwd"), "is a link"),
    "folder that is a link": (member(f"{PREFIX}/44100", tarfile.SYMTYPE, link="/tmp"), "is a link"),
    "hard link": (member(WAV, tarfile.LNKTYPE, link="../outside"), "is a link"),
    "device": (member(WAV, tarfile.CHRTYPE), "is a device"),
    "pipe": (member(WAV, tarfile.FIFOTYPE), "is a device"),
    "twice": (member(f"{PREFIX}/fold00.json"), "is there twice"),
}


@pytest.mark.parametrize("first", [False, True])
@pytest.mark.parametrize("kind", HOSTILE)
def test_hostile_members(made_up, tmp_path, kind, first):
    info, problem = HOSTILE[kind]
    path = with_members(made_up, tmp_path / "a.tar.gz", (info, b""), first=first)
    before = tree(tmp_path)
    with pytest.raises(FetchError) as caught:
        TASKS[NAME].fetch(path)
    assert problem in str(caught.value)
    assert repr(info.name) in str(caught.value)
    assert tree(tmp_path) == before
    assert contents() == set()
    assert not pins().exists()


def test_archives_that_are_too_large(made_up, tmp_path, monkeypatch):
    path = tmp_path / "a.tar.gz"
    huge = member(WAV, size=unpacking.LARGEST_MEMBER + 1)
    path.write_bytes(
        gzip.compress(huge.tobuf() + gzip.decompress((made_up / ARCHIVE).read_bytes()))
    )
    with pytest.raises(FetchError, match="has 300000001 bytes, more than 300000000"):
        TASKS[NAME].fetch(path)
    for limit, message in (
        ({"most_members": 20}, "more than 20 members"),
        ({"largest_total": 5_000}, "more than 5000 bytes in the files of the release"),
        ({"largest_member": 900}, "has .* bytes, more than 900"),
    ):
        limits = {"largest_member": 10**6, "largest_total": 10**9, "most_members": 1_000} | limit
        rules = unpacking.TarRules(f"the release {RELEASE}", compressed=True, **limits)
        monkeypatch.setattr(unpacking.Wanted, "rules", lambda self, rules=rules: rules)
        with pytest.raises(FetchError, match=message):
            TASKS[NAME].fetch(made_up / ARCHIVE)
    assert contents() == set()


def test_a_bomb_in_a_header_is_not_read_into_memory(made_up, tmp_path):
    """A gigabyte of zeros as the extended header of a file has a megabyte once it is compressed."""
    info = member("x", tarfile.XHDTYPE, size=2**30)
    with gzip.open(tmp_path / "a.tar.gz", "wb", compresslevel=1) as packed:
        packed.write(info.tobuf(tarfile.USTAR_FORMAT))
        for _ in range(8):
            packed.write(bytes(2**20))
    with pytest.raises(
        FetchError, match=r"no gzip-compressed tar archive \(a header of 1073741824"
    ):
        TASKS[NAME].fetch(tmp_path / "a.tar.gz")


def test_what_follows_the_end_is_no_bomb(made_up, tmp_path):
    path = tmp_path / "a.tar.gz"
    content = gzip.decompress((made_up / ARCHIVE).read_bytes())
    path.write_bytes(gzip.compress(content + bytes(4 << 20), 1))
    with pytest.raises(FetchError, match="it goes on after its end"):
        TASKS[NAME].fetch(path)


@pytest.mark.parametrize("part", [0.2, 0.7, 0.999])
def test_an_archive_that_is_cut_short(made_up, tmp_path, part):
    content = (made_up / ARCHIVE).read_bytes()
    (tmp_path / "a.tar.gz").write_bytes(content[: int(part * len(content))])
    with pytest.raises(FetchError, match=r"a\.tar\.gz: damaged or cut short"):
        TASKS[NAME].fetch(tmp_path / "a.tar.gz")
    assert contents() == set()
    assert not pins().exists()


@pytest.mark.parametrize("part", [0.3, 0.6, 0.9])
def test_an_archive_with_a_wrong_byte(made_up, tmp_path, part):
    """Gzip compares a checksum of all at the end, after what the tar says is its end."""
    content = bytearray((made_up / ARCHIVE).read_bytes())
    content[int(part * len(content))] ^= 16
    (tmp_path / "a.tar.gz").write_bytes(content)
    with pytest.raises(FetchError, match=r"a\.tar\.gz: (damaged|its member)"):
        TASKS[NAME].fetch(tmp_path / "a.tar.gz")
    assert contents() == set()


def test_modes_and_owners_of_the_archive_are_not_used(made_up, tmp_path):
    def spoil(info):
        info.mode, info.uid, info.gid = 0o4777, 0, 0
        return info

    with tarfile.open(tmp_path / "a.tar.gz", "w:gz") as packed:
        packed.add(made_up / PREFIX, PREFIX, filter=spoil)
    TASKS[NAME].fetch(tmp_path / "a.tar.gz")
    assert all(not p.stat().st_mode & 0o6111 for p in (home() / "data").rglob("*") if p.is_file())


# the download


def test_download_pins_unpacks_and_keeps_no_archive(server, made_up, caplog):
    plan = TASKS[NAME].plan()
    assert plan.summary() == (
        "crema-d: 0 present, 1 missing, 0 damaged of 1 files; unknown size to download; 7,438 "
        "clips, 10.3 hours of audio, about 3.6 GB unpacked"
    )
    assert server.requests == []
    TASKS[NAME].fetch(None)
    is_as_released(made_up)
    digest = sha256(made_up / ARCHIVE)
    assert fetch.pinned(pins(), f"{server.url}/{ARCHIVE}") == digest
    assert digest in caplog.text
    said = caplog.messages[0]
    assert "7,438 clips, 10.3 hours of audio, about 3.6 GB unpacked" in said
    TASKS[NAME].fetch(None)
    assert load_task(NAME).source["archive_sha256"] == digest
    assert len(server.requests) == 1
    assert server.requests[0].headers["User-Agent"].startswith("heschl/")  # Zenodo wants one


def test_loading_brings_what_is_missing_and_nothing_else(server):
    assert load_task(NAME).n_clips == 30
    assert [request.path for request in server.requests] == [ARCHIVE]
    assert contents(store.home() / "tasks") == {RELEASE}


def test_an_interrupted_download_goes_on(server, made_up, monkeypatch):
    monkeypatch.setattr(fetch.downloading, "WAITS", ())
    server.cut(ARCHIVE, 8_192)
    with pytest.raises(FetchError, match=r"kept .*`heschl fetch crema-d --from PATH`"):
        TASKS[NAME].fetch(None)
    assert contents() == {f"{ARCHIVE}.part"}
    assert not pins().exists()
    TASKS[NAME].fetch(None)
    is_as_released(made_up)
    assert server.ranges_of(ARCHIVE) == [None, "bytes=8192-"]


def test_an_interrupted_unpacking_needs_no_second_download(server, made_up, monkeypatch):
    def interrupted(*_):
        raise KeyboardInterrupt

    with monkeypatch.context() as patch:
        patch.setattr(unpacking.TarRules, "write", interrupted)
        with pytest.raises(KeyboardInterrupt):
            TASKS[NAME].fetch(None)
    assert contents() == {ARCHIVE}
    TASKS[NAME].fetch(None)
    is_as_released(made_up)
    assert len(server.requests) == 1


def test_what_a_killed_process_left_is_removed(made_up):
    for name in (".0123456789abcdef.tmp", ".0123456789abcdef.old"):
        (home() / name / "48000").mkdir(parents=True)
    TASKS[NAME].fetch(made_up)
    is_as_released(made_up)


# Named, because gzip writes the time: an id made of the bytes differs between pytest's processes.
@pytest.mark.parametrize(
    "content",
    [
        pytest.param(b"<html>please log in</html>", id="a login page"),
        pytest.param(gzip.compress(b"\0" * 20_480), id="another archive"),
    ],
)
def test_something_else_in_its_place_is_not_pinned(server, content):
    server.alter(ARCHIVE, content)
    with pytest.raises(FetchError, match="what came is not the published file"):
        TASKS[NAME].fetch(None)
    assert contents() == set()
    assert not pins().exists()


def test_a_hostile_download_is_not_pinned(server, made_up, tmp_path):
    path = with_members(made_up, tmp_path / "a.tar.gz", (member("../outside", size=1), b"x"))
    server.alter(ARCHIVE, path.read_bytes())
    with pytest.raises(FetchError, match="leads out"):
        TASKS[NAME].fetch(None)
    assert contents() == set()
    assert not pins().exists()


def test_another_archive_than_the_pinned_one(server, made_up, copy, tmp_path):
    TASKS[NAME].fetch(None)
    (home() / "data" / LOST).unlink()
    (copy / "more.json").write_text("{}")
    server.alter(ARCHIVE, pack(copy, tmp_path / "a.tar.gz").read_bytes())
    with pytest.raises(FetchError, match="remove the line"):
        TASKS[NAME].fetch(None)
    server.alter(ARCHIVE, (made_up / ARCHIVE).read_bytes())
    TASKS[NAME].fetch(None)
    is_as_released(made_up)


@pytest.mark.parametrize(
    "change", [lambda content: b"damaged", lambda content: content[:-1] + b"!"]
)
def test_what_was_altered_is_brought_again(server, made_up, change):
    TASKS[NAME].fetch(None)
    path = home() / "data" / LOST
    path.write_bytes(change(path.read_bytes()))
    assert len(TASKS[NAME].plan().todo) == (1 if path.stat().st_size == 7 else 0)  # sizes only
    TASKS[NAME].fetch(None)  # compares hashes
    is_as_released(made_up)
    assert len(server.requests) == 2


@pytest.mark.parametrize("text", ["{", "[]", '{"files": {}, "archive_sha256": null}', "\xff"])
def test_a_spoilt_manifest_counts_as_none(made_up, text, monkeypatch):
    TASKS[NAME].fetch(made_up)
    (home() / "release.json").write_text(text, encoding="latin1")
    monkeypatch.setenv("HESCHL_OFFLINE", "1")
    with pytest.raises(OfflineError):
        load_task(NAME)


def test_offline(monkeypatch, made_up):
    monkeypatch.setenv("HESCHL_OFFLINE", "1")
    with pytest.raises(OfflineError, match=rf"{ARCHIVE}.*heschl fetch crema-d --from PATH"):
        load_task(NAME)
    TASKS[NAME].fetch(made_up)
    assert load_task(NAME).n_clips == 30


def test_simultaneous_fetches_share_one_download(server, made_up):
    barrier = threading.Barrier(3)

    def one(_):
        barrier.wait()
        return TASKS[NAME].fetch(None)

    with ThreadPoolExecutor(3) as pool:
        assert set(pool.map(one, range(3))) == {home()}
    assert len(server.requests) == 1
    is_as_released(made_up)


# disks


def test_a_disk_that_is_too_small(server, made_up, monkeypatch):
    free = fetching.SAMPLE_RATE * 2 * 7_438 * 5  # enough for the clips, but not for the archive
    monkeypatch.setattr(store.shutil, "disk_usage", lambda _: SimpleNamespace(free=free))
    with pytest.raises(StoreError, match=r"5712\.4 MB are needed and 3570\.2 MB are free"):
        TASKS[NAME].fetch(None)
    assert server.requests == []
    monkeypatch.setattr(store.shutil, "disk_usage", lambda _: SimpleNamespace(free=10))
    for source in (made_up, made_up / ARCHIVE):
        with pytest.raises(StoreError, match=r"0\.0 MB are free"):
            TASKS[NAME].fetch(source)
    assert contents() == set()


def test_errors_while_writing_are_of_the_store(made_up, monkeypatch):
    def full(*_):
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(shutil, "copyfileobj", full)
    for source in (made_up, made_up / ARCHIVE):
        with pytest.raises(StoreError, match=r"No space left on device\. Free some space"):
            TASKS[NAME].fetch(source)
        assert contents() == set()
    assert not pins().exists()


def test_an_interruption_leaves_nothing(made_up, monkeypatch):
    def interrupted(*_):
        raise KeyboardInterrupt

    monkeypatch.setattr(fetching.releases, "write", interrupted)
    with pytest.raises(KeyboardInterrupt):
        TASKS[NAME].fetch(made_up)
    assert contents() <= {"data"}
    monkeypatch.undo()
