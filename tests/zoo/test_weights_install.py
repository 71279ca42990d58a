"""Weights brought to this machine: what is there afterwards, licences, facts, and full disks."""

from __future__ import annotations

import errno
import logging
import shutil
import signal
import sys
import tarfile
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path

import pytest
import torch

from heschl import cli, store
from heschl.errors import FetchError, InputError, OfflineError, StoreError, UsageError
from heschl.fetch import RemoteFile, TarMembers, downloading, pins
from heschl.models import MODELS, check_reference, weights
from heschl.models.base import ModelSpec
from heschl.models.weights import Weights, places, read_contents, streaming
from heschl.models.weights.receipt import Receipt, read_receipt
from loopback import Loopback

N_VALUES = 60_000  # of "big": 240 kB


class Foreign:
    """What no checkpoint of tensors and plain values holds."""


@pytest.fixture
def released(tmp_path):
    """The folder of a release: two checkpoints, one of which holds more than tensors."""
    folder = tmp_path / "release"
    folder.mkdir()
    torch.manual_seed(0)
    torch.save({"model": {"w": torch.randn(9)}, "x": Foreign()}, folder / "small.pt")
    torch.save({"model": {"w": torch.randn(N_VALUES)}, "epoch": 3}, folder / "big.pt")
    return folder


@pytest.fixture
def server(released, monkeypatch):
    monkeypatch.setenv("NO_PROXY", "127.0.0.1")
    monkeypatch.setattr(downloading, "WAITS", ())
    with Loopback(released) as running:
        yield running


def model(url, *names, **options):
    files = tuple(RemoteFile(f"{url}/{name}", Path(name), None) for name in names)
    return ModelSpec(
        name="made-up",
        family="made-up",
        summary="a model of this test",
        loader="heschl.models:load_model",
        licence="free",
        citation="nobody (2024)",
        weights=Weights(files, **{"licence": "free to use"} | options),
    )


def tree(home):
    """What is in a model's folder, without the lock that may be left."""
    return {
        path.relative_to(home).as_posix()
        for path in home.rglob("*")
        if path.is_file() and path.suffix != ".lock"
    }


def no_hashes(monkeypatch):
    def refuse(path):
        raise AssertionError(f"{path} was hashed")

    monkeypatch.setattr(store, "file_sha256", refuse)


# bringing them


def test_they_are_downloaded_once(server, caplog, monkeypatch):
    spec = model(server.url, "small.pt", "big.pt")
    assert weights.installed(spec) is None
    with caplog.at_level(logging.WARNING, "heschl"):
        home = weights.fetch(spec)
    assert home == store.home() / "models" / "made-up"
    assert "licence of the weights of made-up: free to use" in caplog.messages
    assert tree(home) == {"small.pt", "big.pt", "installed.json"}
    for name in ("small.pt", "big.pt"):
        assert (home / name).read_bytes() == (server.folder / name).read_bytes()
    receipt = read_receipt(home)
    assert receipt.licence == "free to use"
    assert receipt.files["big.pt"].sha256 == store.file_sha256(home / "big.pt")
    assert weights.fetch(spec) == home
    assert server.counts() == {"small.pt": 1, "big.pt": 1}
    assert weights.fetch_plan(spec).todo == ()
    no_hashes(monkeypatch)
    assert weights.installed(spec) == home
    weights.check_available(spec)


def test_a_file_that_was_altered_is_brought_again(server):
    spec = model(server.url, "small.pt", "big.pt")
    home = weights.fetch(spec)
    (home / "big.pt").write_bytes(bytes(10))
    assert weights.installed(spec) is None  # another size
    weights.fetch(spec)
    assert server.counts() == {"small.pt": 1, "big.pt": 2}
    (home / "small.pt").unlink()
    assert weights.installed(spec) is None
    weights.fetch(spec)
    assert weights.installed(spec) == home


def test_another_release_is_another_file(server):
    spec = model(server.url, "big.pt")
    weights.fetch(spec)
    files = (replace(spec.weights.files[0], sha256="0" * 64),)
    newer = replace(spec, weights=replace(spec.weights, files=files))
    assert weights.installed(newer) is None
    with pytest.raises(FetchError, match="expected SHA-256 0000"):
        weights.fetch(newer)


@pytest.mark.parametrize("content", [None, "", "[]", "{}", '{"files": 3}', '{"files": {"a": {}}}'])
def test_a_receipt_that_is_missing_or_damaged_is_written_again(server, content):
    spec = model(server.url, "big.pt")
    home = weights.fetch(spec)
    (home / "installed.json").unlink()
    if content is not None:
        (home / "installed.json").write_text(content)
    assert weights.installed(spec) is None
    assert weights.fetch(spec) == weights.installed(spec) == home
    assert server.counts() == {"big.pt": 1}


def test_what_holds_objects_is_converted_once(server):
    spec = model(server.url, "small.pt", convert=True, keep=("model",))
    home = weights.fetch(spec)
    assert tree(home) == {"small.safetensors", "installed.json"}
    contents = read_contents(weights.find_file(home, "small.pt"))
    assert contents.state("model")["w"].shape == (9,)
    assert weights.fetch_plan(spec).todo == ()
    weights.fetch(spec)
    assert server.counts() == {"small.pt": 1}
    damaged = home / "small.safetensors"
    content = bytearray(damaged.read_bytes())
    content[-1] ^= 1
    damaged.write_bytes(content)
    assert [planned.state for planned in weights.fetch_plan(spec).files] == ["missing"]
    weights.fetch(spec)
    assert server.counts() == {"small.pt": 2}
    assert damaged.read_bytes() != content


def test_a_conversion_that_fails_keeps_the_download(server, monkeypatch):
    spec = model(server.url, "small.pt", convert=True, keep=("no such part",))
    with pytest.raises(InputError, match=r"small\.pt: has no 'no such part'"):
        weights.fetch(spec)
    assert weights.installed(spec) is None
    assert tree(places.folder(spec)) == {"small.pt"}
    weights.fetch(replace(spec, weights=replace(spec.weights, keep=())))
    assert server.counts() == {"small.pt": 1}


def test_a_page_in_place_of_a_checkpoint_is_not_pinned(server):
    server.alter("big.pt", b"<html>please log in</html>")
    spec = model(server.url, "big.pt")
    with pytest.raises(FetchError, match="expected a checkpoint of torch"):
        weights.fetch(spec)
    server.alter("big.pt", (server.folder / "big.pt").read_bytes()[:-1000])
    with pytest.raises(FetchError, match="an archive without its end"):
        weights.fetch(spec)
    assert not places.pins().exists()
    assert tree(places.folder(spec)) == set()


def test_a_server_without_ranges(server):
    server.ranges = False
    spec = model(server.url, "big.pt")
    server.cut("big.pt", 100_000)
    with pytest.raises(FetchError, match=r"the connection .*bytes that came are kept"):
        weights.fetch(spec)
    assert weights.installed(spec) is None
    assert tree(places.folder(spec)) == {"big.pt.part"}
    weights.fetch(spec)
    assert read_contents(places.folder(spec) / "big.pt").values["epoch"] == 3


def test_offline(server, monkeypatch):
    spec = model(server.url, "big.pt")
    monkeypatch.setenv("HESCHL_OFFLINE", "1")
    for refused in (weights.check_available, weights.fetch):
        with pytest.raises(OfflineError, match="heschl fetch made-up --from"):
            refused(spec)
    weights.fetch(spec, server.folder)
    weights.check_available(spec)
    assert weights.fetch(spec) == weights.installed(spec)
    assert server.requests == []


# copies


def test_copies_of_a_file_a_folder_and_one_of_two(server, tmp_path):
    spec = model(server.url, "big.pt")
    renamed = tmp_path / "my copy.bin"
    renamed.write_bytes((server.folder / "big.pt").read_bytes())
    home = weights.fetch(spec, renamed)
    assert tree(home) == {"big.pt", "installed.json"}
    assert weights.fetch(spec, home) == home  # of itself
    both = model(server.url, "small.pt", "big.pt")
    assert weights.installed(both) is None
    with pytest.raises(FetchError, match=r"my copy\.bin: no small\.pt there; made-up needs small"):
        weights.fetch(both, renamed)
    assert weights.fetch(both, server.folder / "small.pt") == home  # the other is here
    assert tree(home) == {"small.pt", "big.pt", "installed.json"}
    assert server.requests == []


def test_copies_that_are_something_else(server, tmp_path):
    spec = model(server.url, "small.pt", "big.pt")
    wrong = tmp_path / "wrong"
    wrong.mkdir()
    with pytest.raises(FetchError, match=r"nowhere is not there; expected small\.pt, big\.pt, or"):
        weights.fetch(spec, tmp_path / "nowhere")
    (wrong / "small.pt").write_bytes((server.folder / "small.pt").read_bytes())
    with pytest.raises(FetchError, match=r"wrong: no big\.pt there.*nothing was copied"):
        weights.fetch(spec, wrong)
    (wrong / "big.pt").write_bytes(b"<html>")
    with pytest.raises(FetchError, match=r"big\.pt: not the published file: it begins with"):
        weights.fetch(spec, wrong)
    assert tree(places.folder(spec)) == set()
    assert not places.pins().exists()
    weights.fetch(spec)
    torch.save({"model": {"w": torch.ones(3)}}, wrong / "big.pt")
    with pytest.raises(FetchError, match="the one pinned in"):
        weights.fetch(spec, wrong)
    assert weights.installed(spec) is not None


@pytest.mark.parametrize("source", ["the tar", "unpacked", "the file"])
def test_copies_of_a_member_of_a_tar(server, tmp_path, source):
    tar = tmp_path / "nets.tar"
    with tarfile.open(tar, "w") as archive:
        archive.add(server.folder / "small.pt", "nets/a/5.pt")
        archive.add(server.folder / "big.pt", "nets/b/5.pt")
    copy = {"the tar": tar, "unpacked": tmp_path / "here", "the file": server.folder / "small.pt"}
    if source == "unpacked":
        with tarfile.open(tar) as archive:
            archive.extractall(tmp_path / "here", filter="data")
    members = TarMembers(f"{server.url}/nets.tar", "nets")
    spec = model(server.url, "unused")
    published = Weights((members.file("a/5.pt"),), "free", convert=True, archive=members)
    home = weights.fetch(replace(spec, weights=published), copy[source])
    assert tree(home) == {"a/5.safetensors", "installed.json"}
    assert read_contents(weights.find_file(home, "a/5.pt")).state("model")["w"].shape == (9,)


# licences


def test_a_licence_that_has_to_be_accepted(server):
    spec = model(server.url, "big.pt", licence="for experiments only", accept=True)
    for refused in (weights.check_available, weights.fetch, lambda s: weights.fetch(s, "copy")):
        with pytest.raises(UsageError, match=r"for experiments only.*--accept-license` once"):
            refused(spec)
    assert server.requests == []
    weights.fetch(spec, accept_license=True)
    weights.check_available(spec)
    weights.fetch(spec)  # it is remembered
    newer = replace(spec, weights=replace(spec.weights, licence="for nobody"))
    with pytest.raises(UsageError, match="for nobody"):
        weights.fetch(newer)


# files without an address


def test_files_to_be_downloaded_by_hand(server):
    spec = model(server.url, "page", by_hand="download the larger file")
    said = (
        "the weights of made-up are not published under a direct address: download the larger file "
        rf"from {server.url}/page and run `heschl fetch made-up --from FILE`"
    )
    for refused in (weights.check_available, weights.fetch, weights.check_address):
        with pytest.raises(FetchError, match=said):
            refused(spec)
    assert not places.folder(spec).exists() or tree(places.folder(spec)) == set()
    weights.fetch(spec, server.folder / "big.pt")
    weights.check_available(spec)
    assert weights.fetch(spec) == weights.installed(spec)
    assert server.requests == []


def test_zerospeech_is_refused_at_once(capsys):
    with pytest.raises(FetchError, match=r"github\.com/bshall/ZeroSpeech.*zerospeech --from FILE"):
        check_reference("zerospeech")
    for command in (["fetch", "zerospeech"], ["fetch", "zerospeech", "--dry-run"]):
        assert cli.run(command) == 1
        assert "not published under a direct address" in capsys.readouterr().err


def test_weights_have_at_least_one_file():
    with pytest.raises(UsageError, match="at least one RemoteFile"):
        Weights((), "free")


# facts


def test_facts(server, monkeypatch):
    spec = model(server.url, "small.pt", "big.pt")
    expected = {
        "weights": "licence: free to use",
        "files": "small.pt (pinned on first use), big.pt (pinned on first use)",
        "published at": server.url,
        "here": "not here: heschl fetch made-up",
    }
    assert weights.facts(spec) == expected
    home = weights.fetch(spec)
    no_hashes(monkeypatch)
    assert weights.facts(spec) == expected | {"here": str(home)}
    assert server.counts() == {"small.pt": 1, "big.pt": 1}


def test_facts_of_every_kind_of_release():
    file = RemoteFile("https://127.0.0.1/a.pt?download=1", Path("a.pt"), "0" * 64, 361_000_000)
    spec = model("", "x")

    def facts(**options):
        return weights.facts(replace(spec, weights=Weights(licence="free", **options)))

    assert facts(files=(file,), accept=True) == {
        "weights": "licence: free (accept it with --accept-license)",
        "files": "a.pt (361.0 MB, sha256 pinned)",
        "published at": "https://127.0.0.1/a.pt?download=1",
        "here": "not here: heschl fetch made-up",
    }
    by_hand = facts(files=(file,), by_hand="download the largest")
    assert by_hand["published at"] == f"{file.url} (by hand: download the largest)"
    assert by_hand["here"] == "not here: heschl fetch made-up --from FILE"
    archive = TarMembers("https://127.0.0.1/all.tar", "nets")
    member = facts(files=(archive.file("word/5.pt"),), archive=archive)
    assert member["published at"] == "https://127.0.0.1/all.tar (inside this tar)"
    assert member["files"] == "word/5.pt (pinned on first use)"


def test_every_model_with_weights_has_facts():
    for spec in MODELS.values():
        if spec.weights is None:
            with pytest.raises(UsageError, match="has no weights"):
                weights.facts(spec)
            continue
        rows = weights.facts(spec)
        assert list(rows) == ["weights", "files", "published at", "here"]
        assert spec.weights.licence in rows["weights"]
        assert "https://" in rows["published at"]
        assert f"heschl fetch {spec.name}" in rows["here"]
        assert all("\n" not in row for row in rows.values())


# disks


@contextmanager
def files_of_at_most(n_bytes):
    """The system refuses longer files, as a full disk does."""
    resource = pytest.importorskip("resource")
    soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
    handler = signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
    resource.setrlimit(resource.RLIMIT_FSIZE, (n_bytes, hard))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))
        signal.signal(signal.SIGXFSZ, handler)


def no_space(*_args):
    raise OSError(errno.ENOSPC, "No space left on device")


full_disk = pytest.mark.skipif(sys.platform == "win32", reason="needs limits of POSIX")


@full_disk
def test_no_space_for_a_download(server):
    spec = model(server.url, "small.pt", "big.pt")
    with (
        files_of_at_most(100_000),
        pytest.raises(StoreError, match=r"cannot write .*big\.pt.*Free some space.*be resumed"),
    ):
        weights.fetch(spec)
    home = places.folder(spec)
    assert weights.installed(spec) is None
    assert "big.pt.part" in tree(home)
    assert not {"big.pt", "installed.json"} & tree(home)
    weights.fetch(spec)
    assert tree(home) == {"small.pt", "big.pt", "installed.json"}
    assert server.ranges_of("big.pt")[1] is not None  # it went on


@full_disk
def test_no_space_for_a_copy(server):
    spec = model(server.url, "small.pt", "big.pt")
    with files_of_at_most(100_000), pytest.raises(StoreError, match="Free some space"):
        weights.fetch(spec, server.folder)
    home = places.folder(spec)
    assert tree(home) == {"small.pt"}  # what was finished is kept
    assert weights.installed(spec) is None
    weights.fetch(spec, server.folder)
    assert weights.installed(spec) == home


@full_disk
def test_no_space_for_a_conversion(server):
    spec = model(server.url, "big.pt", convert=True)
    home = weights.fetch(replace(spec, weights=replace(spec.weights, convert=False)))
    with files_of_at_most(100_000), pytest.raises(StoreError, match="Free some space"):
        weights.fetch(spec)
    assert tree(home) == {"big.pt", "installed.json"}
    assert weights.fetch(spec) == weights.installed(spec)
    assert tree(home) == {"big.safetensors", "installed.json"}
    assert server.counts() == {"big.pt": 1}


def test_no_space_is_known_before(server, monkeypatch):
    spec = model(server.url, "big.pt", convert=True)
    usage = shutil.disk_usage("/")
    monkeypatch.setattr(shutil, "disk_usage", lambda _: usage._replace(free=100_000))
    with pytest.raises(StoreError, match=r"0\.2 MB are to come and 0\.1 MB are free"):
        weights.fetch(spec)
    assert tree(places.folder(spec)) == set(), "not begun"
    with pytest.raises(StoreError, match=r"0\.2 MB are needed and 0\.1 MB are free"):
        weights.fetch(spec, server.folder)  # what it is converted to does not fit
    sized = tuple(replace(file, size=300_000) for file in spec.weights.files)
    spec = replace(spec, name="other", weights=replace(spec.weights, files=sized))
    n_requests = len(server.requests)
    with pytest.raises(StoreError, match=r"0\.6 MB are needed and 0\.1 MB are free"):
        weights.fetch(spec)
    assert len(server.requests) == n_requests


@pytest.mark.parametrize(("owner", "name"), [(streaming, "write"), (Receipt, "write")])
def test_no_space_after_the_download(server, monkeypatch, owner, name):
    spec = model(server.url, "small.pt", "big.pt", convert=True)
    home = places.folder(spec)
    with monkeypatch.context() as full:
        full.setattr(owner, name, no_space)
        with pytest.raises(StoreError, match="No space left on device"):
            weights.fetch(spec)
    assert weights.installed(spec) is None
    assert {"small.pt", "big.pt"} <= tree(home)  # until it is noted what they were converted to
    weights.fetch(spec)
    assert weights.installed(spec) == home
    assert tree(home) == {"small.safetensors", "big.safetensors", "installed.json"}
    assert server.counts() == {"small.pt": 1, "big.pt": 1}


def test_no_space_for_pins(server, monkeypatch):
    spec = model(server.url, "big.pt")
    with monkeypatch.context() as full:
        full.setattr(pins, "_replace", no_space)
        with pytest.raises(StoreError, match=r"cannot write .*pins\.txt: No space left on device"):
            weights.fetch(spec)
    assert weights.installed(spec) is None
    weights.fetch(spec)
    size = (server.folder / "big.pt").stat().st_size
    assert server.ranges_of("big.pt") == [None, f"bytes={size}-"]  # nothing came twice


def test_a_folder_that_cannot_be_made(server):
    store.home().joinpath("models").write_text("a file in its place")
    with pytest.raises(StoreError, match=r"cannot write .*HESCHL_HOME"):
        weights.fetch(model(server.url, "big.pt"))
    assert server.requests == []
