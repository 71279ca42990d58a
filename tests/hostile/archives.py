"""Hostile archives: of a release, of a hearing task, of results, of published models."""

from __future__ import annotations

import gzip
import json
import struct
import tarfile
import zlib

from heschl.errors import FetchError, InputError
from heschl.results import FORMAT
from hostile.case import HostileFile

CONTENT = b"whatever"


def member(name, content=CONTENT, **changes):
    """A member: its header, with what is changed of it, and its content."""
    info = tarfile.TarInfo(name)
    info.size = len(content)
    for key, value in changes.items():
        setattr(info, key, value)
    body = content + bytes(-len(content) % tarfile.BLOCKSIZE)
    return info.tobuf(tarfile.GNU_FORMAT, errors="surrogateescape") + body


def end():
    return bytes(2 * tarfile.BLOCKSIZE)


def link(kind, name, to):
    return member(name, b"", type=kind, linkname=to)


def lying(name, size):
    """A header that says another size than there is."""
    return member(name, CONTENT, size=size)


def pax(size, content=b"30 path=../../../evil\n"):
    """An extended header, with a size that need not be true."""
    return member("pax", content, type=tarfile.XHDTYPE, size=size) + member("a")


def sparse(real):
    """A sparse file of GNU: its header promises any size for a few bytes."""
    raw = bytearray(member("data/a", b"", type=tarfile.GNUTYPE_SPARSE))
    raw[386:398] = b"%011o\0" % 0
    raw[398:410] = b"%011o\0" % 0
    raw[483:495] = b"%011o\0" % real
    raw[148:156] = b"%06o\0 " % tarfile.calc_chksums(bytes(raw[:512]))[0]
    return bytes(raw)


def zeros(n_bytes, head=b"", tail=b""):
    """Gzip of zeros: a thousandth of what comes out."""
    press = zlib.compressobj(9, wbits=31)
    parts = [press.compress(head)]
    parts += [press.compress(bytes(1 << 20)) for _ in range(n_bytes >> 20)]
    return b"".join(parts) + press.compress(tail) + press.flush()


#: Label: (what it tries, the members of a tar, words of the refusal). All are refused as a whole.
TARS = {
    "a way out": ("a file above", member("data/../../../evil"), "leads out of"),
    "a way out with backslashes": (
        "a file above, on Windows",
        member("data\\..\\..\\x"),
        "leads out",
    ),
    "a way from the root": ("a file of the system", member("/tmp/evil"), "has an absolute path"),
    "a drive": ("a file of the system, on Windows", member("C:\\evil"), "has an absolute path"),
    "a link outside": (
        "a file behind a link",
        link(tarfile.SYMTYPE, "data", "/tmp") + member("data/evil"),
        "is a link",
    ),
    "a hard link outside": (
        "another's file",
        link(tarfile.LNKTYPE, "a", "/etc/passwd"),
        "is a link",
    ),
    "a device": ("a disk", member("a", b"", type=tarfile.BLKTYPE, devmajor=8), "is a device"),
    "a pipe": ("to wait for ever", member("a", b"", type=tarfile.FIFOTYPE), "is a device"),
    "a sparse bomb": ("a file of 8 TB", sparse(1 << 43), "is a device or another special file"),
    "a member of 4 GB": ("4 GB of whatever follows", lying("a", 1 << 32), "4294967296 bytes"),
    "a negative size": ("a step back, for ever", lying("a", -512), ""),
    "a pax header of 7 GB": ("memory for a name", pax(7 << 30), "a header of"),
    "a name of 7 GB": (
        "memory for a name",
        member("././@LongLink", b"x", type=tarfile.GNUTYPE_LONGNAME, size=7 << 30) + member("a"),
        "a header of",
    ),
    "a pax path that leads out": ("a name that is checked too early", pax(22), ""),
    "names that a terminal obeys": (
        "another text on the terminal",
        member("data/\x1b]0;evil\x07\x1b[2J\u202e/../../x"),
        "leads out of",
    ),
    "no end": ("the half of an archive", member("data/a")[:700], ""),
}


def _packed(members, *, compressed):
    whole = members + end()
    return gzip.compress(whole) if compressed else whole


def _of(reader, name, *, compressed):
    def case(label, tries, members, words):
        def build(folder, _):
            (folder / name).write_bytes(_packed(members, compressed=compressed))
            return folder / name

        return HostileFile(f"{reader}: {label}", tries, reader, build, FetchError, words)

    return [case(label, *parts) for label, parts in TARS.items()]


def _bomb_in_header(folder, _):
    """A pax header of 128 MB, in a thousandth of it."""
    head = member("pax", b"", type=tarfile.XHDTYPE, size=1 << 27)
    (folder / "task.tar.gz").write_bytes(zeros(1 << 27, head, end()))
    return folder / "task.tar.gz"


def _bomb_at_end(folder, _):
    (folder / "task.tar.gz").write_bytes(zeros(1 << 27, member("tones-v1-full/a.csv") + end()))
    return folder / "task.tar.gz"


def _deep_metadata(folder, _):
    text = b'{"task_name":' + b"[" * 200_000
    members = member("tones-v1-full/task_metadata.json", text)
    (folder / "task.tar.gz").write_bytes(_packed(members, compressed=True))
    return folder / "task.tar.gz"


def _no_gzip(folder, _):
    """Members of gzip whose lengths and checksums lie."""
    raw = bytearray(gzip.compress(member("tones-v1-full/a.csv") + end()))
    raw[-8:] = struct.pack("<2I", 1, 7)
    (folder / "task.tar.gz").write_bytes(bytes(raw))
    return folder / "task.tar.gz"


RELEASES = (
    *_of("release", "data.tar", compressed=False),
    *_of("task", "task.tar.gz", compressed=True),
    HostileFile(
        "release: compressed",
        "a bomb where no compression belongs",
        "release",
        lambda folder, _: _written(folder / "data.tar", zeros(1 << 27)),
        FetchError,
        "no uncompressed tar archive",
    ),
    HostileFile(
        "task: a bomb in a header",
        "128 MB for a name",
        "task",
        _bomb_in_header,
        FetchError,
        "a header of",
    ),
    HostileFile(
        "task: a bomb after the end",
        "time, or a disk full of zeros",
        "task",
        _bomb_at_end,
        FetchError,
        "it goes on after its end",
    ),
    HostileFile(
        "task: a checksum that lies",
        "other clips than those published",
        "task",
        _no_gzip,
        FetchError,
        "CRC check failed",
    ),
    HostileFile(
        "task: metadata of great depth",
        "the stack",
        "task",
        _deep_metadata,
        None,
        "",
    ),
)


def _written(path, content):
    path.write_bytes(content)
    return path


# one member of a tar


def _wanted(members):
    return lambda folder, _: _written(folder / "nets.tar", members + end())


MEMBERS = (
    HostileFile(
        "member: a link",
        "another file in its place",
        "member",
        _wanted(link(tarfile.SYMTYPE, "nets/one.pt", "/etc/passwd")),
        FetchError,
        "is a link to",
    ),
    HostileFile(
        "member: of another content",
        "another model",
        "member",
        _wanted(member("nets/one.pt")),
        FetchError,
        "expected SHA-256",
    ),
    HostileFile(
        "member: longer than the archive",
        "what is not there",
        "member",
        _wanted(lying("nets/one.pt", 1 << 40)),
        FetchError,
        "cut short",
    ),
    HostileFile(
        "member: not there",
        "a name that is nearly right",
        "member",
        _wanted(member("nets/../nets/one.pt")),
        FetchError,
        "has no member nets/one.pt",
    ),
    HostileFile(
        "member: a pax header of 7 GB",
        "memory for a name",
        "member",
        _wanted(pax(7 << 30)),
        FetchError,
        "a header of",
    ),
)


# results of others


def _study(folder):
    """The folder of a study as heschl writes it, of nothing yet but one step."""
    place = folder / "study"
    place.mkdir()
    content = {
        "format": 1, "study": "mine", "title": "Mine", "text": "study: mine\n", "models": {},
        "commands": {}, "runs": ["run"], "failures": [], "n_steps": 1, "added": [],
    }  # fmt: skip
    (place / "study.json").write_text(json.dumps(content))
    (place / "runs" / "run").mkdir(parents=True)
    kinds = ("rows", "details", "profiles", "rdms", "probes")
    run = {"format": FORMAT, "provenance": {}} | {kind: [] for kind in kinds}
    (place / "runs" / "run" / "results.json").write_text(json.dumps(run))


def _given(content):
    def build(folder, _):
        _study(folder)
        return _written(folder / "theirs.tar", content() if callable(content) else content)

    return build


def _compressed_header():
    head = member("pax", b"", type=tarfile.XHDTYPE, size=1 << 27)
    return zeros(1 << 27, head, end())


def _compressed_file():
    return zeros(1 << 27, member("run/results.json", b"", size=1 << 27), end())


def _xz_of_zeros():
    import lzma

    return lzma.compress(member("run/results.json", bytes(1 << 24)) + end(), preset=0)


_ADDED = {
    "a way out": (member("../../evil"), "evil"),
    "a way from the root": (member("/tmp/heschl-evil"), "has an absolute path"),
    "a link outside": (link(tarfile.SYMTYPE, "run", "/tmp") + member("run/evil"), "run"),
    "a hard link": (link(tarfile.LNKTYPE, "run/results.json", "/etc/passwd"), "results.json"),
    "a device": (member("run/a", b"", type=tarfile.CHRTYPE), "run/a"),
    "a sparse bomb": (sparse(1 << 43), "data/a"),
    "a member of 1 TB": (lying("run/results.json", 1 << 40), "theirs.tar"),
    "a pax header of 7 GB": (pax(7 << 30), "theirs.tar"),
    "a bomb in a header": (_compressed_header, "theirs.tar"),
    "a bomb as results": (_compressed_file, "theirs.tar"),
    "compressed by xz": (_xz_of_zeros, "theirs.tar"),
    "no results": (member("run/whatever.json"), "no results here"),
}

ADDED = tuple(
    HostileFile(
        f"added results: {label}",
        "more than results",
        "added results",
        _given(content),
        InputError,
        words,
    )
    for label, (content, words) in _ADDED.items()
)

FILES = (*RELEASES, *MEMBERS, *ADDED)
