"""Members of one large tar: only they are brought, resumed in their middle, pinned one by one."""

from __future__ import annotations

import hashlib
import io
import logging
import os
import tarfile
import threading
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import numpy as np
import pytest

from heschl import fetch
from heschl.errors import FetchError, OfflineError, StoreError
from heschl.fetch import TarMembers, install_members
from heschl.fetch.pieces import BUFFER
from loopback import Loopback, _Cut

NO_WAITS = (0.0, 0.0)
SIZE = 150_000
ROOT = "nets/cochleagram"
WORD = "word/" + "a" * 120 + "/5.pt"  # longer than the 100 characters of an old header
SPEAKER = "speaker/5.pt"
EMPTY = "empty/5.pt"
CONTENTS = {
    WORD: np.random.default_rng(1).bytes(SIZE),
    SPEAKER: np.random.default_rng(2).bytes(SIZE // 512 * 512),
    EMPTY: b"",
}
OTHER = np.random.default_rng(3).bytes(SIZE)
FORMATS = {"ustar": tarfile.USTAR_FORMAT, "gnu": tarfile.GNU_FORMAT, "pax": tarfile.PAX_FORMAT}


def sha256(content):
    return hashlib.sha256(content).hexdigest()


def header(name, size=0, **fields):
    info = tarfile.TarInfo(name)
    info.size = size
    for field, value in fields.items():
        setattr(info, field, value)
    return info


def tar_of(contents, *, form="gnu", before=(), prefix=f"{ROOT}/"):
    """A tar of the contents behind a folder, an unwanted file and the headers ``before``."""
    out = io.BytesIO()
    with tarfile.open(fileobj=out, mode="w", format=FORMATS[form]) as tar:
        tar.addfile(header(prefix.rstrip("/"), type=tarfile.DIRTYPE))
        tar.addfile(header(f"{prefix}unwanted.pt", 70_001), io.BytesIO(OTHER))
        for info in before:
            tar.addfile(info)
        for name, content in contents.items():
            tar.addfile(header(prefix + name, len(content)), io.BytesIO(content))
        tar.addfile(header(f"{prefix}last.pt", 70_001), io.BytesIO(OTHER))
    return out.getvalue()


class Archive(Loopback):
    """Cuts only answers with contents, not those with headers; may mark its version."""

    mark = None

    def __init__(self, folder):
        super().__init__(folder)
        self.long_cuts = []

    def _send_file(self, http, content, cut):
        asked = http.headers.get("If-Range")
        if asked is not None and asked != self.mark:
            del http.headers["Range"]
        wanted = http.headers.get("Range")
        if wanted is None or not self.ranges:
            length = len(content)
        else:
            first, last = wanted.removeprefix("bytes=").split("-")
            length = int(last) + 1 - int(first)
        if length > BUFFER and self.long_cuts:
            cut = _Cut(self.long_cuts.pop(0), None)
        super()._send_file(http, content, cut)

    def _send(self, http, status, body, headers, cut):
        marked = headers | ({} if self.mark is None else {"ETag": self.mark})
        Loopback._send(http, status, body, marked, cut)


@pytest.fixture
def folder(tmp_path, monkeypatch):
    monkeypatch.setenv("NO_PROXY", "127.0.0.1")
    (tmp_path / "server").mkdir()
    (tmp_path / "server" / "nets.tar").write_bytes(tar_of(CONTENTS))
    return tmp_path / "server"


@pytest.fixture
def server(folder):
    with Archive(folder) as running:
        yield running


@pytest.fixture
def target(tmp_path):
    return tmp_path / "target"


@pytest.fixture
def pins(tmp_path):
    return tmp_path / "home" / "pins.txt"


def plan_of(server, target, pins, *members, **options):
    archive = TarMembers(f"{server.url}/nets.tar", ROOT)
    files = [archive.file(member, **options) for member in members or CONTENTS]
    return fetch.plan("made-up", files, target, pins=pins)


def run(server, target, pins, *members, waits=NO_WAITS, **options):
    return fetch.download(plan_of(server, target, pins, *members, **options), waits=waits)


def tree(folder):
    return {
        path.relative_to(folder).as_posix(): path.read_bytes()
        for path in sorted(folder.rglob("*"))
        if path.is_file()
    }


def ranges(server):
    """Return (first, last) of every request, headers and contents."""
    asked = server.ranges_of("nets.tar")
    return [None if a is None else tuple(map(int, a[6:].split("-"))) for a in asked]


def place_of(content, tar):
    """Offset of a content, found without reading headers."""
    assert tar.count(content) == 1
    return tar.index(content)


# where members lie


@pytest.mark.parametrize("form", FORMATS)
@pytest.mark.parametrize("prefix", [f"{ROOT}/", f"./{ROOT}/"])
def test_only_the_wanted_members_are_brought(server, target, pins, form, prefix):
    tar = tar_of(CONTENTS, form=form, prefix=prefix)
    server.alter("nets.tar", tar)
    assert run(server, target, pins) == target
    assert tree(target) == CONTENTS
    asked = ranges(server)
    for member in (WORD, SPEAKER):
        offset = place_of(CONTENTS[member], tar)
        assert (offset, offset + len(CONTENTS[member]) - 1) in asked
    headers = [last + 1 - first for first, last in asked if last + 1 - first <= BUFFER]
    assert len(headers) == len(asked) - 2  # nothing is asked for an empty member
    assert sum(headers) <= 5 * BUFFER  # 7 members, a few of them in one answer


def test_one_member_costs_one_member(server, target, pins):
    run(server, target, pins, SPEAKER)
    assert tree(target) == {SPEAKER: CONTENTS[SPEAKER]}
    assert place_of(CONTENTS[WORD], tar_of(CONTENTS)) not in [first for first, _ in ranges(server)]


def test_the_search_ends_with_the_last_wanted_member(server, target, pins):
    run(server, target, pins, WORD)
    end = place_of(CONTENTS[SPEAKER], tar_of(CONTENTS))
    assert max(last for _, last in ranges(server)) < end


class Sparse:
    """The bytes of a tar with a large member of zeros, which are nowhere."""

    def __init__(self, begin, n_zeros, end):
        self.begin, self.n_zeros, self.end = begin, n_zeros, end

    def __len__(self):
        return len(self.begin) + self.n_zeros + len(self.end)

    def __getitem__(self, index):
        start, stop, _ = index.indices(len(self))
        after = len(self.begin) + self.n_zeros
        n_zeros = max(min(stop, after) - max(start, len(self.begin)), 0)
        assert n_zeros <= 1 << 20, "nobody should ask for these"
        tail = self.end[max(start - after, 0) : max(stop - after, 0)]
        return self.begin[start:stop] + bytes(n_zeros) + tail


@pytest.mark.parametrize("form", ["gnu", "pax"])  # base 256 in the field, or a pax record
def test_members_beyond_eight_gigabytes(server, target, pins, form):
    size = 9 * 1024**3 + 1
    big = header(f"{ROOT}/big.pt", size).tobuf(FORMATS[form])
    padded = -(-size // 512) * 512
    tar = tar_of({SPEAKER: CONTENTS[SPEAKER]})
    server.alter("nets.tar", Sparse(big, padded, tar))
    run(server, target, pins, SPEAKER)
    assert tree(target) == {SPEAKER: CONTENTS[SPEAKER]}
    offset = len(big) + padded + place_of(CONTENTS[SPEAKER], tar)
    assert ranges(server)[-1] == (offset, offset + len(CONTENTS[SPEAKER]) - 1)


def test_a_size_in_base_256(server, target, pins):
    """The field as GNU tar writes it beyond 8 GB, here with a small number: solved by hand."""
    block = bytearray(header(f"{ROOT}/{SPEAKER}", SIZE).tobuf(tarfile.GNU_FORMAT))
    block[124:136] = b"\x80" + SIZE.to_bytes(11, "big")
    block[148:156] = b"%06o\0 " % (sum(block[:148]) + 8 * 32 + sum(block[156:]))
    padding = bytes(-SIZE % 512)
    server.alter("nets.tar", bytes(block) + OTHER + padding + bytes(1024))
    run(server, target, pins, SPEAKER)
    assert tree(target) == {SPEAKER: OTHER}


def test_a_name_that_is_there_twice_counts_the_first_time(server, target, pins):
    first, second = tar_of({SPEAKER: OTHER}), tar_of(CONTENTS)
    server.alter("nets.tar", first.rstrip(b"\0") + bytes(-len(first.rstrip(b"\0")) % 512) + second)
    run(server, target, pins, SPEAKER)
    assert tree(target) == {SPEAKER: OTHER}


# hashes


def test_each_member_is_pinned_by_itself(server, target, pins, caplog):
    with caplog.at_level(logging.WARNING, "heschl"):
        run(server, target, pins)
    url = f"{server.url}/nets.tar#{ROOT}"
    assert sorted(pins.read_text().splitlines()[1:]) == sorted(
        f"{sha256(content)}  {url}/{member}" for member, content in CONTENTS.items()
    )
    assert len(caplog.messages) == 3
    n_requests = len(server.requests)
    assert {p.state for p in plan_of(server, target, pins).files} == {"present"}
    run(server, target, pins)
    assert len(server.requests) == n_requests


@pytest.mark.parametrize("ranges", [True, False])
def test_another_hash_than_the_pinned_one_is_refused(server, target, pins, ranges):
    server.ranges = ranges
    fetch.pin(pins, f"{server.url}/nets.tar#{ROOT}/{SPEAKER}", sha256(OTHER))
    with pytest.raises(FetchError, match=f"{sha256(CONTENTS[SPEAKER])}; the one pinned in"):
        run(server, target, pins, SPEAKER)
    assert tree(target) == {}


@pytest.mark.parametrize("ranges", [True, False])
def test_published_hash_and_size(server, target, ranges):
    server.ranges = ranges
    good = {"sha256": sha256(CONTENTS[WORD]), "size": SIZE}
    assert plan_of(server, target, None, WORD, **good).n_bytes == SIZE
    run(server, target, None, WORD, **good)
    assert tree(target) == {WORD: CONTENTS[WORD]}
    with pytest.raises(FetchError, match=f"{SIZE} bytes; the published file has {SIZE + 1}"):
        run(server, target / "2", None, WORD, **good | {"size": SIZE + 1})
    with pytest.raises(FetchError, match="expected SHA-256 000"):
        run(server, target / "3", None, WORD, **good | {"sha256": "0" * 64})
    assert tree(target) == {WORD: CONTENTS[WORD]}


@pytest.mark.parametrize("ranges", [True, False])
def test_what_a_check_refuses_is_not_pinned(server, target, pins, ranges):
    def refuse(path):
        raise FetchError(f"{path.stat().st_size} bytes are no checkpoint")

    server.ranges = ranges
    with pytest.raises(FetchError, match=f"{SIZE} bytes are no checkpoint"):
        run(server, target, pins, WORD, check=refuse)
    assert tree(target) == {}
    assert not pins.exists()


# interrupted


@pytest.mark.parametrize("after", [0, 8192, 65_536, SIZE - 1])
def test_a_cut_member_is_gone_on_with_in_its_middle(server, target, pins, after):
    server.long_cuts = [after]
    run(server, target, pins, WORD)
    assert tree(target) == {WORD: CONTENTS[WORD]}
    offset, end = place_of(CONTENTS[WORD], tar_of(CONTENTS)), SIZE - 1
    kept = after - after % 8192
    assert ranges(server)[-2:] == [(offset, offset + end), (offset + kept, offset + end)]


def test_what_a_failed_run_received_serves_the_next(server, target, pins):
    server.mark = '"first"'
    server.long_cuts = [65_536]
    with pytest.raises(FetchError, match="the 65536 bytes that came are kept"):
        run(server, target, pins, WORD, waits=())
    assert tree(target) == {
        f"{WORD}.part": CONTENTS[WORD][:65_536],
        f"{WORD}.part.version": b'"first"',
    }
    assert not pins.exists()
    assert plan_of(server, target, pins, WORD, size=SIZE).n_bytes == SIZE - 65_536
    run(server, target, pins, WORD)
    assert tree(target) == {WORD: CONTENTS[WORD]}
    offset = place_of(CONTENTS[WORD], tar_of(CONTENTS))
    assert ranges(server)[-1] == (offset + 65_536, offset + SIZE - 1)


def test_two_versions_are_never_joined(server, target, pins):
    server.mark = '"first"'
    server.long_cuts = [65_536]
    with pytest.raises(FetchError):
        run(server, target, pins, WORD, waits=())
    server.mark = '"second"'
    server.alter("nets.tar", tar_of({WORD: OTHER}))
    run(server, target, pins, WORD)
    assert tree(target) == {WORD: OTHER}
    assert fetch.pinned(pins, f"{server.url}/nets.tar#{ROOT}/{WORD}") == sha256(OTHER)


@pytest.mark.parametrize("when", [1, 2, 3])
def test_an_archive_replaced_meanwhile_is_noticed(server, target, pins, when):
    """Headers of one version and contents of another would give a file that never was."""
    server.mark = '"first"'
    handle = server._handle

    def replaced(http):
        if len(server.requests) == when:
            server.mark = '"second"'
        handle(http)

    server._handle = replaced
    with pytest.raises(FetchError, match="was replaced while it was read"):
        run(server, target, pins, SPEAKER)
    assert tree(target) == {}


def test_temporary_refusals_are_tried_again(server, target, pins):
    server.answer("nets.tar", 503, 429)
    run(server, target, pins, WORD)
    assert tree(target) == {WORD: CONTENTS[WORD]}


def test_attempts_end(server, target, pins):
    server.answer("nets.tar", *[503] * 3)
    with pytest.raises(FetchError, match=r"503 .*also after 2 more attempts.*made-up --from"):
        run(server, target, pins, WORD)
    server.answer("nets.tar", 404)
    with pytest.raises(FetchError, match=r"nets\.tar: the server answered 404"):
        run(server, target, pins, WORD)


@pytest.mark.parametrize("ranges", [True, False])
def test_simultaneous_downloads_share_the_work(server, target, pins, ranges):
    server.ranges = ranges
    barrier = threading.Barrier(3)

    def one(_):
        plan = plan_of(server, target, pins)
        barrier.wait()
        return fetch.download(plan, waits=())

    with ThreadPoolExecutor(3) as pool:
        assert list(pool.map(one, range(3))) == [target] * 3
    assert tree(target) == CONTENTS
    asked = [r for r in server.requests if r.range is None]
    assert len(asked) == (0 if ranges else 1)


# a server that sends only the whole


def test_without_ranges_the_tar_passes_once(server, target, pins, caplog):
    server.ranges = False
    with caplog.at_level(logging.WARNING, "heschl"):
        run(server, target, pins)
    assert tree(target) == CONTENTS
    assert server.ranges_of("nets.tar") == [f"bytes=0-{BUFFER - 1}", None]
    assert "sends only the whole archive" in caplog.messages[0]
    assert len(pins.read_text().splitlines()) == 4


def test_without_ranges_finished_members_are_kept(server, target, pins):
    server.ranges = False
    middle = place_of(CONTENTS[SPEAKER], tar_of(CONTENTS)) + 70_000
    server.long_cuts = [50_000, middle]  # of the question whether it serves ranges, then the tar
    with pytest.raises(FetchError, match=r"the connection .* finished files are kept"):
        run(server, target, pins, waits=())
    assert tree(target) == {WORD: CONTENTS[WORD]}
    run(server, target, pins)
    assert tree(target) == CONTENTS


def test_without_ranges_a_cut_stream_starts_again(server, target, pins):
    server.ranges = False
    tar = tar_of(CONTENTS)
    server.long_cuts = [len(tar), place_of(CONTENTS[WORD], tar) + 70_000]
    run(server, target, pins)
    assert tree(target) == CONTENTS
    assert server.ranges_of("nets.tar") == [f"bytes=0-{BUFFER - 1}", None, None]


# progress


@pytest.mark.parametrize("ranges", [True, False])
def test_progress_ends_where_it_should(server, target, pins, monkeypatch, ranges):
    import contextlib

    bars = {}

    @contextlib.contextmanager
    def bar(label, total, unit, *, show=True):
        steps = bars.setdefault((label, total, unit), [])
        yield lambda n=1, /: steps.append(n)

    monkeypatch.setattr(fetch.downloading, "bar", bar)
    monkeypatch.setattr(fetch.archives, "bar", bar)
    server.ranges = ranges
    tar = tar_of(CONTENTS)
    server.long_cuts = [65_536] if ranges else [len(tar), 250_000]
    run(server, target, pins, WORD, SPEAKER)
    wanted = len(CONTENTS[WORD]) + len(CONTENTS[SPEAKER])
    steps = bars["Downloading made-up", (wanted if ranges else len(tar)) / 1e6, "MB"]
    if ranges:
        assert sum(steps) == pytest.approx(wanted / 1e6)
        searched = sum(bars["Searching nets.tar", len(tar) / 1e6, "MB"])
        end = place_of(CONTENTS[SPEAKER], tar) + len(CONTENTS[SPEAKER])
        assert searched == pytest.approx(end / 1e6)
    else:  # it ends with the last wanted member, up to a buffer
        assert 0 < len(tar) - sum(steps) * 1e6 < 2 * 70_001


# what is wrong with it


@pytest.mark.parametrize("ranges", [True, False])
@pytest.mark.parametrize("page", [b"<html>please log in</html>" * 50, b"<html>", b""])
def test_a_page_in_its_place(server, target, pins, ranges, page):
    server.ranges = ranges
    server.alter("nets.tar", page)
    with pytest.raises(FetchError) as caught:
        run(server, target, pins)
    for part in (f"{server.url}/nets.tar", "not an uncompressed tar", repr(page[:60]), "--from"):
        assert part in str(caught.value)
    assert tree(target) == {}


@pytest.mark.parametrize("ranges", [True, False])
def test_a_member_that_is_not_there(server, target, pins, ranges):
    server.ranges = ranges
    with pytest.raises(FetchError) as caught:
        run(server, target, pins, WORD, "speakers/5.pt", "x/6.pt")
    text = str(caught.value)
    assert f"has no member {ROOT}/speakers/5.pt and 1 more among 6" in text
    assert f"most like it: {ROOT}/{SPEAKER}" in text
    assert "unwanted" not in text
    # found headers before any content is asked for; a stream has passed the first already
    assert tree(target) == ({} if ranges else {WORD: CONTENTS[WORD]})


@pytest.mark.parametrize("ranges", [True, False])
@pytest.mark.parametrize("where", ["between", "in a header", "in a long name", "in a content"])
def test_a_tar_that_is_cut_short(server, target, pins, ranges, where):
    server.ranges = ranges
    tar = tar_of(CONTENTS)
    content = place_of(CONTENTS[WORD], tar)
    end = {
        "between": content - 3 * 512,
        "in a header": content - 200,
        "in a long name": content - 2 * 512 + 100,
        "in a content": content + 70_000,
    }[where]
    server.alter("nets.tar", tar[:end])
    with pytest.raises(FetchError, match="cut short"):
        run(server, target, pins, WORD)
    assert tree(target) == {}
    assert not pins.exists()


@pytest.mark.parametrize("ranges", [True, False])
def test_a_tar_that_is_damaged(server, target, pins, ranges):
    server.ranges = ranges
    tar = bytearray(tar_of(CONTENTS))
    place = place_of(CONTENTS[WORD], bytes(tar)) - 3 * 512
    tar[place] ^= 255
    server.alter("nets.tar", bytes(tar))
    with pytest.raises(FetchError, match=f"cut short or damaged: after its byte {place}"):
        run(server, target, pins)


@pytest.mark.parametrize("ranges", [True, False])
@pytest.mark.parametrize(
    ("fields", "problem"),
    [
        ({"type": tarfile.SYMTYPE, "linkname": "/etc/passwd"}, "a link to /etc/passwd"),
        ({"type": tarfile.LNKTYPE, "linkname": "other.pt"}, r"a link to other\.pt"),
        ({"type": tarfile.DIRTYPE}, "no plain file"),
        ({"type": tarfile.FIFOTYPE}, "no plain file"),
    ],
)
def test_members_that_are_no_files(server, target, pins, ranges, fields, problem):
    server.ranges = ranges
    server.alter("nets.tar", tar_of({}, before=[header(f"{ROOT}/{SPEAKER}", **fields)]))
    with pytest.raises(FetchError, match=f"its member {ROOT}/{SPEAKER} is {problem}"):
        run(server, target, pins, SPEAKER)
    assert tree(target) == {}


def hostile(size, kind):
    """A header with a number in base 256 that the library would believe."""
    block = bytearray(header(f"{ROOT}/x", type=kind).tobuf(tarfile.GNU_FORMAT))
    block[124:136] = (
        (size % 256**12).to_bytes(12, "big")
        if size < 0
        else b"\x80" + bytes(size.to_bytes(11, "big"))
    )
    block[148:156] = b"%06o\0 " % (sum(block[:148]) + 8 * 32 + sum(block[156:]))
    return bytes(block)


@pytest.mark.parametrize("ranges", [True, False])
@pytest.mark.parametrize("kind", [tarfile.REGTYPE, tarfile.XHDTYPE, tarfile.GNUTYPE_LONGNAME])
@pytest.mark.parametrize("size", [-512, -1024, 2**40, 2**62])
def test_sizes_that_mean_harm(server, target, pins, ranges, kind, size):
    """Neither memory is filled, nor is the same member read for ever."""
    server.ranges = ranges
    good = tar_of({})
    server.alter("nets.tar", good[:512] + hostile(size, kind) + good[512:])
    with pytest.raises(FetchError, match=r"cut short or damaged|has no member"):
        run(server, target, pins, SPEAKER)
    assert len(server.requests) < 20


def test_a_folder_that_cannot_be_made(server, target, pins):
    target.write_bytes(b"a file where the folder belongs")
    for server.ranges in (True, False):
        with pytest.raises(StoreError, match=r"cannot write .*5\.pt.*HESCHL_HOME"):
            run(server, target, pins, SPEAKER)


@pytest.mark.parametrize("ranges", [True, False])
def test_a_place_that_is_taken_by_a_folder(server, target, pins, ranges):
    server.ranges = ranges
    (target / SPEAKER).mkdir(parents=True)
    with pytest.raises(StoreError, match=f"cannot write .*{SPEAKER}"):
        run(server, target, pins, SPEAKER)


# offline, and local copies


def test_offline_asks_no_one(server, target, pins, monkeypatch):
    monkeypatch.setenv("HESCHL_OFFLINE", "1")
    with pytest.raises(OfflineError, match=r"5\.pt.*nets\.tar.*made-up --from PATH"):
        run(server, target, pins)
    assert server.requests == []
    assert not target.exists()


def unpacked(tmp_path):
    with tarfile.open(fileobj=io.BytesIO(tar_of(CONTENTS))) as tar:
        tar.extractall(tmp_path / "copy", filter="data")
    return tmp_path / "copy"


@pytest.mark.parametrize("level", ["", "nets", ROOT, "the tar"])
def test_a_local_copy_of_the_archive(server, folder, target, pins, tmp_path, monkeypatch, level):
    monkeypatch.setenv("HESCHL_OFFLINE", "1")
    source = folder / "nets.tar" if level == "the tar" else unpacked(tmp_path) / level
    assert install_members(plan_of(server, target, pins), source) == target
    assert tree(target) == CONTENTS
    assert len(pins.read_text().splitlines()) == 4
    assert {p.state for p in plan_of(server, target, pins).files} == {"present"}
    install_members(plan_of(server, target, pins), source)  # once more is no harm
    assert tree(target) == CONTENTS
    assert server.requests == []


@pytest.mark.parametrize("name", ["", "5.pt"])
def test_a_local_copy_of_one_file(server, target, pins, tmp_path, name):
    copy = unpacked(tmp_path) / ROOT / "speaker"
    install_members(plan_of(server, target, pins, SPEAKER), copy / name)
    assert tree(target) == {SPEAKER: CONTENTS[SPEAKER]}
    with pytest.raises(FetchError, match=r"[eE]xpected"):
        install_members(plan_of(server, target, pins), copy / name)


def test_a_local_copy_replaces_what_is_half_there(server, target, pins, folder):
    server.long_cuts = [65_536]
    with pytest.raises(FetchError):
        run(server, target, pins, WORD, waits=())
    (target / WORD).write_bytes(b"damaged")
    install_members(plan_of(server, target, pins, WORD), folder / "nets.tar")
    assert tree(target) == {WORD: CONTENTS[WORD]}


def test_a_local_copy_with_another_hash(server, target, pins, folder, tmp_path):
    install_members(plan_of(server, target, pins, WORD), folder / "nets.tar")
    other = tmp_path / "other.tar"
    other.write_bytes(tar_of({WORD: OTHER}))
    with pytest.raises(FetchError, match=f"{sha256(OTHER)}; the one pinned"):
        install_members(plan_of(server, target, pins, WORD), other)
    assert tree(target) == {WORD: CONTENTS[WORD]}


def test_a_local_copy_that_is_none(server, target, pins, tmp_path):
    plan = plan_of(server, target, pins, WORD)
    page, short, empty = (tmp_path / name for name in ("page.tar", "short.tar", "empty"))
    page.write_bytes(b"<html>please log in</html>")
    tar = tar_of(CONTENTS)
    short.write_bytes(tar[: place_of(CONTENTS[WORD], tar) + 100])
    empty.mkdir()
    for source, problem in (
        (page, r"page\.tar: not an uncompressed tar .*<html>please log in"),
        (short, rf"short\.tar: member {ROOT}/{WORD}: cut short: 149900 of 150000 bytes"),
        (empty, r"empty: has no file word/.*Expected nets\.tar as published"),
        (tmp_path / "nothing", "nothing: is not there"),
    ):
        with pytest.raises(FetchError, match=problem):
            install_members(plan, source)
    assert tree(target) == {}
    assert not pins.exists()


@pytest.mark.skipif(os.name == "nt" or os.geteuid() == 0, reason="needs permissions to be denied")
def test_a_local_copy_that_cannot_be_read(server, target, pins, folder):
    (folder / "nets.tar").chmod(0)
    with pytest.raises(FetchError, match="cannot be read"):
        install_members(plan_of(server, target, pins), folder / "nets.tar")


def test_paths_of_members_stay_inside_the_release():
    archive = TarMembers("https://127.0.0.1/nets.tar")
    assert archive.file("a/5.pt").member == "a/5.pt"
    assert archive.file("a/5.pt").path == Path("a/5.pt")
    assert archive.file("a b/5.pt").origin == "https://127.0.0.1/nets.tar#a%20b/5.pt"
