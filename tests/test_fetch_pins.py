"""Hashes pinned on first use: what is pinned, when, and what is refused afterwards."""

from __future__ import annotations

import hashlib
import logging
import threading
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import numpy as np
import pytest

from heschl import fetch
from heschl.errors import FetchError, OfflineError, StoreError, UsageError
from loopback import Loopback

SIZE = 200_000
CONTENT = np.random.default_rng(3).bytes(SIZE)
OTHER = np.random.default_rng(4).bytes(SIZE)
SHA256 = hashlib.sha256(CONTENT).hexdigest()
OTHER_SHA256 = hashlib.sha256(OTHER).hexdigest()
URL = "https://127.0.0.1/data.tar"


class Versioned(Loopback):
    """Marks the version of its file, and goes on only within the same one."""

    mark = ("ETag", '"first"')

    def _send_file(self, http, content, cut):
        asked = http.headers.get("If-Range")
        if asked is not None and asked != self.mark[1]:
            del http.headers["Range"]
        super()._send_file(http, content, cut)

    def _send(self, http, status, body, headers, cut):
        Loopback._send(http, status, body, headers | {self.mark[0]: self.mark[1]}, cut)


class Lengthless(Loopback):
    """Does not say how long its file is."""

    @staticmethod
    def _send(http, status, body, headers, cut):
        http.send_response(status)
        http.end_headers()
        http.wfile.write(body)


@pytest.fixture
def folder(tmp_path, monkeypatch):
    monkeypatch.setenv("NO_PROXY", "127.0.0.1")
    (tmp_path / "server").mkdir()
    (tmp_path / "server" / "data.tar").write_bytes(CONTENT)
    return tmp_path / "server"


@pytest.fixture
def server(folder):
    with Loopback(folder) as running:
        yield running


@pytest.fixture
def target(tmp_path):
    return tmp_path / "target"


@pytest.fixture
def pins(tmp_path):
    return tmp_path / "home" / "pins.txt"


def remote(server, **options):
    return fetch.RemoteFile(f"{server.url}/data.tar", Path("data.tar"), None, **options)


def run(server, target, pins, *, waits=(0.0, 0.0), **options):
    plan = fetch.plan("made-up", [remote(server, **options)], target, pins=pins)
    return fetch.download(plan, waits=waits)


def names(folder):
    return {path.name for path in folder.iterdir()} if folder.is_dir() else set()


def pinned(server, pins):
    return fetch.pinned(pins, f"{server.url}/data.tar")


# the first download


@pytest.mark.parametrize("size", [None, SIZE])
def test_the_first_download_is_pinned_and_shown(server, target, pins, caplog, size):
    with caplog.at_level(logging.WARNING, "heschl"):
        assert run(server, target, pins, size=size) == target
    assert (target / "data.tar").read_bytes() == CONTENT
    assert names(target) == {"data.tar"}
    assert pins.read_text().splitlines()[1:] == [f"{SHA256}  {server.url}/data.tar"]
    assert names(pins.parent) == {"pins.txt"}
    (said,) = caplog.messages
    for part in (SHA256, f"{server.url}/data.tar", str(pins), "compare with a colleague's"):
        assert part in said


def test_later_downloads_must_have_the_pinned_hash(server, target, pins, caplog):
    run(server, target, pins)
    caplog.clear()
    (target / "data.tar").unlink()
    run(server, target, pins)
    assert (target / "data.tar").read_bytes() == CONTENT
    assert caplog.messages == []
    (target / "data.tar").unlink()
    server.alter("data.tar", OTHER)
    with pytest.raises(FetchError) as caught:
        run(server, target, pins)
    for part in (SHA256, OTHER_SHA256, str(pins), "remove the line", f"{server.url}/data.tar"):
        assert part in str(caught.value)
    assert names(target) == set()
    assert pinned(server, pins) == SHA256


def test_without_its_line_another_hash_is_accepted(server, target, pins):
    run(server, target, pins)
    server.alter("data.tar", OTHER)
    lines = [line for line in pins.read_text().splitlines() if server.url not in line]
    pins.write_text("\n".join(lines))
    run(server, target, pins)  # what is there has no hash to compare: it is brought again
    assert (target / "data.tar").read_bytes() == OTHER
    assert pinned(server, pins) == OTHER_SHA256


def test_what_is_there_is_compared_with_its_pin(server, target, pins):
    plan = fetch.plan("made-up", [remote(server)], target, pins=pins)
    assert plan.files[0].state == "missing"
    run(server, target, pins)
    (planned,) = fetch.plan("made-up", [remote(server)], target, pins=pins).files
    assert planned.state == "present"
    run(server, target, pins)
    assert len(server.requests) == 1
    (target / "data.tar").write_bytes(OTHER)
    (planned,) = fetch.plan("made-up", [remote(server)], target, pins=pins).files
    assert planned.state == "damaged"
    pins.unlink()
    (target / "data.tar").write_bytes(CONTENT)
    (planned,) = fetch.plan("made-up", [remote(server)], target, pins=pins).files
    assert planned.state == "damaged"


def test_a_plan_without_pins_needs_a_hash(server, target):
    with pytest.raises(UsageError, match=r"SHA-256 is None; expected 64 .* file of pins"):
        fetch.plan("made-up", [remote(server)], target)


def test_offline_brings_and_pins_nothing(server, target, pins, monkeypatch):
    monkeypatch.setenv("HESCHL_OFFLINE", "1")
    with pytest.raises(OfflineError, match="made-up --from PATH"):
        run(server, target, pins)
    assert not pins.exists()
    assert server.requests == []


# what came is not whole, or something else


def test_a_truncated_download_is_never_pinned(server, target, pins):
    server.cut("data.tar", 98_304)
    with pytest.raises(FetchError, match="the 98304 bytes that came are kept"):
        run(server, target, pins, waits=())
    assert not pins.exists()
    assert names(target) == {"data.tar.part"}
    run(server, target, pins)
    assert server.ranges_of("data.tar") == [None, "bytes=98304-"]
    assert (target / "data.tar").read_bytes() == CONTENT
    assert pinned(server, pins) == SHA256


@pytest.mark.parametrize("after", [0, 8192, SIZE - 1])
def test_a_cut_download_goes_on(server, target, pins, after):
    server.cut("data.tar", after)
    server.answer("data.tar", 503)
    run(server, target, pins)
    assert (target / "data.tar").read_bytes() == CONTENT
    assert pinned(server, pins) == SHA256


def test_a_length_that_is_not_known_is_refused(folder, target, pins):
    with (
        Lengthless(folder) as server,
        pytest.raises(FetchError, match="does not say how many bytes it has"),
    ):
        run(server, target, pins)
    assert not pins.exists()
    assert names(target) == set()


@pytest.mark.parametrize(
    ("partial", "ranges"),
    [
        (CONTENT, [f"bytes={SIZE}-"]),  # whole, but the pin was not written
        (CONTENT + b"!", [f"bytes={SIZE + 1}-", None]),
        (CONTENT[:10], ["bytes=10-"]),
    ],
)
def test_a_part_that_is_there(server, target, pins, partial, ranges):
    target.mkdir()
    (target / "data.tar.part").write_bytes(partial)
    run(server, target, pins)
    assert server.ranges_of("data.tar") == ranges
    assert (target / "data.tar").read_bytes() == CONTENT
    assert pinned(server, pins) == SHA256


@pytest.mark.parametrize("kind", ["ETag", "Last-Modified"])
def test_two_versions_are_never_joined(folder, target, pins, kind):
    """The file is replaced by one of the same size while a download is interrupted."""
    with Versioned(folder) as server:
        server.mark = (kind, '"first"')
        server.cut("data.tar", 98_304)
        with pytest.raises(FetchError):
            run(server, target, pins, waits=())
        assert names(target) == {"data.tar.part", "data.tar.part.version"}
        server.mark = (kind, '"second"')
        server.alter("data.tar", OTHER)
        run(server, target, pins)
        assert [r.headers.get("If-Range") for r in server.requests] == [None, '"first"']
        assert pinned(server, pins) == OTHER_SHA256
    assert (target / "data.tar").read_bytes() == OTHER
    assert names(target) == {"data.tar"}


def test_one_version_is_gone_on_with(folder, target, pins):
    with Versioned(folder) as server:
        server.cut("data.tar", 98_304)
        run(server, target, pins)
        assert server.ranges_of("data.tar") == [None, "bytes=98304-"]
    assert (target / "data.tar").read_bytes() == CONTENT
    assert names(target) == {"data.tar"}


def test_a_weak_mark_is_none(folder, target, pins):
    with Versioned(folder) as server:
        server.mark = ("ETag", 'W/"first"')
        server.cut("data.tar", 98_304)
        run(server, target, pins)
        assert [r.headers.get("If-Range") for r in server.requests] == [None, None]
    assert pinned(server, pins) == SHA256


def refuse_pages(path):
    if path.read_bytes().startswith(b"<html>"):
        raise FetchError(f"{path.name} is a page")


def test_a_page_in_its_place_is_not_pinned(server, target, pins):
    server.alter("data.tar", b"<html>please log in</html>")
    with pytest.raises(FetchError, match=r"not the published file: data\.tar\.part is a page"):
        run(server, target, pins, check=refuse_pages)
    assert not pins.exists()
    assert names(target) == set()
    server.alter("data.tar", CONTENT)
    run(server, target, pins, check=refuse_pages)
    assert pinned(server, pins) == SHA256


def test_simultaneous_first_downloads_pin_once(server, target, pins, caplog):
    barrier = threading.Barrier(3)

    def one(_):
        plan = fetch.plan("made-up", [remote(server)], target, pins=pins)
        barrier.wait()
        return fetch.download(plan, waits=())

    with ThreadPoolExecutor(3) as pool:
        list(pool.map(one, range(3)))
    assert len(server.requests) == 1
    assert len(caplog.messages) == 1
    assert len(pins.read_text().splitlines()) == 2


# the file of pins


def test_pins_of_several_urls_stand_together(pins):
    assert fetch.pinned(pins, URL) is None
    fetch.pin(pins, URL, SHA256)
    fetch.pin(pins, f"{URL}.2", OTHER_SHA256)
    fetch.pin(pins, URL, SHA256)
    assert (fetch.pinned(pins, URL), fetch.pinned(pins, f"{URL}.2")) == (SHA256, OTHER_SHA256)
    assert len(pins.read_text().splitlines()) == 3
    with pytest.raises(FetchError, match=f"{OTHER_SHA256}.*{SHA256}.*remove the line"):
        fetch.pin(pins, URL, OTHER_SHA256)
    fetch.check_pin(pins, URL, SHA256)
    fetch.check_pin(pins, "https://127.0.0.1/new", SHA256)
    with pytest.raises(FetchError, match="remove the line"):
        fetch.check_pin(pins, URL, OTHER_SHA256)


def test_pins_from_many_threads_are_all_kept(pins):
    with ThreadPoolExecutor(8) as pool:
        list(pool.map(lambda i: fetch.pin(pins, f"{URL}.{i}", SHA256), range(24)))
    assert all(fetch.pinned(pins, f"{URL}.{i}") == SHA256 for i in range(24))
    assert names(pins.parent) == {"pins.txt"}


@pytest.mark.parametrize(
    ("text", "problem"),
    [
        ("what is this\n", "line 1: 'what is this' is no pin"),
        (f"# note\n\n{SHA256[:-1]}  {URL}\n", "line 3: .* is no pin"),
        (f"{SHA256}  {URL}\n{OTHER_SHA256}  {URL}\n", "line 2: .* a second time"),
        (f"{SHA256.upper().replace('0', 'A')}  {URL}\n", "is no pin"),
        (b"\xff\xfe", "cannot be read"),
    ],
)
def test_pins_that_cannot_be_trusted_stop_everything(server, target, pins, text, problem):
    pins.parent.mkdir()
    pins.write_bytes(text if isinstance(text, bytes) else text.encode())
    with pytest.raises(FetchError, match=problem):
        run(server, target, pins)
    with pytest.raises(FetchError, match=problem):
        fetch.pin(pins, f"{URL}.new", SHA256)
    assert server.requests == []


def test_pins_edited_by_hand(pins):
    pins.parent.mkdir()
    pins.write_text(f"# mine\r\n\r\n  {SHA256}   {URL}  ")  # no end of line
    assert fetch.pinned(pins, URL) == SHA256
    fetch.pin(pins, f"{URL}.2", OTHER_SHA256)
    assert (fetch.pinned(pins, URL), fetch.pinned(pins, f"{URL}.2")) == (SHA256, OTHER_SHA256)


def test_pins_that_cannot_be_written(server, target, pins):
    pins.parent.write_text("a file where the folder belongs")
    with pytest.raises((StoreError, FetchError), match=r"pins\.txt"):
        run(server, target, pins)
    assert not (target / "data.tar").exists()
