"""What downloads do not do: ask in the clear, follow anybody, tell a secret, fill the disk."""

from __future__ import annotations

import contextlib
import gzip
import hashlib
import io
import logging
import shutil
import tarfile

import pytest
import requests

from heschl import fetch
from heschl.errors import FetchError, StoreError
from heschl.fetch import limits
from heschl.fetch.addresses import MOST_REDIRECTS, next_address, shown, without_secrets
from loopback import Loopback

CONTENT = b"weights" * 100
SHA256 = hashlib.sha256(CONTENT).hexdigest()
USER, PASSWORD, TOKEN = "somebody", "pass/word", "hf_t0ken"


class Odd(Loopback):
    """A server that may not say how long an answer is, may say more, and may send more.

    Attributes
    ----------
    lengths : bool
    said : dict of str to str
        Besides of every answer.
    more : bytes
        After every part that is not the first.
    """

    lengths, said, more = True, {}, b""

    def _send(self, http, status, body, headers, cut):
        later = bool(self.more) and not headers.get("Content-Range", "bytes 0-").startswith(
            "bytes 0-"
        )
        body = body + self.more if later else body
        http.send_response(status)
        length = {"Content-Length": str(len(body))} if self.lengths else {}
        for name, value in (length | self.said | headers).items():
            http.send_header(name, value)
        http.end_headers()
        with contextlib.suppress(ConnectionError):  # who asked has heard enough
            http.wfile.write(body)


@pytest.fixture
def server(tmp_path, monkeypatch):
    monkeypatch.setenv("NO_PROXY", "127.0.0.1,localhost")
    (tmp_path / "server").mkdir()
    (tmp_path / "server" / "model.bin").write_bytes(CONTENT)
    with Odd(tmp_path / "server") as running:
        yield running


@pytest.fixture
def other(tmp_path):
    """Another host, as names go: it is asked as localhost."""
    with Loopback(tmp_path / "server") as running:
        running.url = running.url.replace("127.0.0.1", "localhost")
        yield running


def bring(folder, url, *, sha256=SHA256, size=None, name="model.bin"):
    file = fetch.RemoteFile(url, folder.__class__(name), sha256, size)
    plan = fetch.plan("made-up", [file], folder, pins=folder / "pins.txt")
    return fetch.download(plan, waits=(), show=False)


def is_empty(folder):
    """Whether nothing came of the file."""
    part = folder / "model.bin.part"
    return not (folder / "model.bin").exists() and not (part.exists() and part.stat().st_size)


def refuse(reason):
    return FetchError(f"refused: {reason}")


# where it asks


@pytest.mark.parametrize(
    "url",
    [
        "http://example.org/model.bin",
        "http://127.0.0.1.example.org/model.bin",
        "http://127.0.0.1@example.org/model.bin",
        "http://[2001:db8::1]/model.bin",
        "http://10.0.0.1/model.bin",
        "ftp://example.org/model.bin",
        "file:///etc/passwd",
        "//example.org/model.bin",
        "https:///model.bin",
        "https://[::1/model.bin",
        "https://example.org:99999/model.bin",
        "/etc/passwd",
        "javascript:alert(1)",
    ],
)
def test_only_encrypted_addresses_are_asked(tmp_path, url):
    """No request is made: one to any host but this machine would fail here in another way."""
    with pytest.raises(FetchError, match=r"expected an address that begins with https|no address"):
        bring(tmp_path, url)
    assert not (tmp_path / "model.bin").exists()


def test_this_machine_may_be_asked_in_the_clear(server, other, tmp_path):
    for number, one in enumerate((server, other)):
        bring(tmp_path / str(number), f"{one.url}/model.bin")
        assert (tmp_path / str(number) / "model.bin").read_bytes() == CONTENT


def test_an_answer_may_lead_elsewhere(server, other, tmp_path):
    server.answer("old.bin", 302, headers={"Location": "/older.bin"})
    server.answer("older.bin", 308, headers={"Location": f"{other.url}/model.bin"})
    bring(tmp_path, f"{server.url}/old.bin")
    assert (tmp_path / "model.bin").read_bytes() == CONTENT
    assert other.counts() == {"model.bin": 1}


def test_an_answer_leads_only_so_often(server, tmp_path):
    server.answer("loop.bin", *[301] * 50, headers={"Location": "/loop.bin"})
    with pytest.raises(FetchError, match=f"more than {MOST_REDIRECTS} times"):
        bring(tmp_path, f"{server.url}/loop.bin")
    assert server.counts() == {"loop.bin": MOST_REDIRECTS + 1}


@pytest.mark.parametrize(
    "location",
    ["file:///etc/passwd", "ftp://127.0.0.1/a", "http://example.org/a", "gopher:x", "http://[x/"],
)
def test_an_answer_leads_nowhere_unsafe(server, tmp_path, location):
    server.answer("old.bin", 302, headers={"Location": location})
    with pytest.raises(FetchError, match=r"begins with https|no address"):
        bring(tmp_path, f"{server.url}/old.bin")


def test_an_encrypted_address_leads_to_encrypted_ones_only():
    assert next_address("https://a.org/x/y", "../z", refuse) == "https://a.org/z"
    assert next_address("https://a.org/x", "https://b.org/y", refuse) == "https://b.org/y"
    with pytest.raises(FetchError, match=r"leads to http://127.0.0.1/y; expected .* https"):
        next_address("https://a.org/x", "http://127.0.0.1/y", refuse)
    with pytest.raises(FetchError, match="begins with https"):
        next_address("https://a.org/x", "http://a.org/y", refuse)


# what it tells


def authorization(server):
    return [request.headers.get("Authorization") for request in server.requests]


def test_who_asks_is_told_to_the_host_of_the_address_only(server, other, tmp_path):
    server.answer("model.bin", 302, headers={"Location": f"{other.url}/model.bin"})
    secret = server.url.replace("//", f"//{USER}:pass%2Fword@")
    bring(tmp_path, f"{secret}/model.bin")
    assert authorization(server) == [requests.auth._basic_auth_str(USER, PASSWORD)]
    assert authorization(other) == [None]


def test_nothing_of_the_user_is_sent(server, tmp_path, monkeypatch):
    """Neither ``.netrc``, which requests by itself would read, nor a token of the environment."""
    (tmp_path / "netrc").write_text(f"machine 127.0.0.1 login {USER} password {PASSWORD}\n")
    monkeypatch.setenv("NETRC", str(tmp_path / "netrc"))
    for name in ("HF_TOKEN", "HUGGING_FACE_HUB_TOKEN", "HUGGINGFACE_TOKEN"):
        monkeypatch.setenv(name, TOKEN)
    assert requests.get(f"{server.url}/model.bin", timeout=10).ok
    bring(tmp_path, f"{server.url}/model.bin")
    assert authorization(server) == [requests.auth._basic_auth_str(USER, PASSWORD), None]
    sent = str([request.headers for request in server.requests[1:]])
    assert TOKEN not in sent
    assert "Cookie" not in sent


def test_secrets_of_an_address_are_kept_nowhere(server, tmp_path, caplog):
    caplog.set_level(logging.DEBUG, "heschl")
    secret = server.url.replace("//", f"//{USER}:pass%2Fword@")
    url = f"{secret}/model.bin?download=1&token={TOKEN}"
    server.alter(f"model.bin?download=1&token={TOKEN}", CONTENT)
    bring(tmp_path / "a", url, sha256=None)
    pins = (tmp_path / "a" / "pins.txt").read_text()
    assert f"{server.url}/model.bin?download=1&token=***\n" in pins
    said = [pins, caplog.text, repr(fetch.RemoteFile(url, tmp_path.__class__("a"), None))]
    server.alter(f"model.bin?download=1&token={TOKEN}", b"another")
    trouble = [{"sha256": "0" * 64}, {"sha256": SHA256, "size": 7}, {"sha256": SHA256, "size": 9}]
    for number, options in enumerate(trouble):
        with pytest.raises(FetchError) as caught:
            bring(tmp_path / str(number), url, **options)
        said.append(str(caught.value))
    server.answer(f"model.bin?download=1&token={TOKEN}", 403, 500)
    for number in range(2):
        with pytest.raises(FetchError) as caught:
            bring(tmp_path / f"refused-{number}", url)
        said.append(str(caught.value))
    server.__exit__()
    with pytest.raises(FetchError, match="connection failed") as caught:
        bring(tmp_path / "gone", url)
    said.append(str(caught.value))
    server.__enter__()
    for one in said:
        assert not {USER, PASSWORD, "pass%2Fword", TOKEN} & set(_words(one)), one
        assert TOKEN not in one
        assert "word@" not in one


def _words(text):
    return text.replace(":", " ").replace("@", " ").replace("/", " / ").split()


@pytest.mark.parametrize(
    ("url", "expected"),
    [
        ("https://a.org/b.pt", "https://a.org/b.pt"),
        ("https://a.org/b.pt?download=1", "https://a.org/b.pt?download=1"),
        (
            "https://u:p@a.org:8443/b?X-Amz-Signature=s#part",
            "https://a.org:8443/b?X-Amz-Signature=***#part",
        ),
        ("https://u@a.org", "https://a.org"),
        ("https://u:p@q@a.org/b", "https://a.org/b"),
        ("https://a.org/b?token", "https://a.org/b?token=***"),
        ("https://[::1/b?token=1", "***"),
    ],
)
def test_how_an_address_is_shown(url, expected):
    assert shown(url) == expected


def test_what_libraries_say_is_shown_without_secrets():
    said = "Max retries exceeded with url: /b.pt?token=abc (Caused by 'https://u:p@a.org/x?k=v')"
    expected = "Max retries exceeded with url: /b.pt?*** (Caused by 'https://a.org/x?k=***')"
    assert without_secrets(said) == expected


# how much it takes


def test_a_file_of_unknown_size_has_a_limit(server, tmp_path, monkeypatch):
    monkeypatch.setattr(limits, "_MOST_OTHERS", len(CONTENT) - 1)
    with pytest.raises(FetchError, match=rf"offers {len(CONTENT)} bytes; expected at most"):
        bring(tmp_path, f"{server.url}/model.bin")
    server.lengths = False
    with pytest.raises(FetchError, match=f"goes on after {len(CONTENT) - 1} bytes"):
        bring(tmp_path, f"{server.url}/model.bin")
    assert is_empty(tmp_path)
    monkeypatch.setattr(limits, "_MOST_OTHERS", len(CONTENT))
    bring(tmp_path, f"{server.url}/model.bin")
    assert (tmp_path / "model.bin").read_bytes() == CONTENT


def test_limits_of_kinds_are_above_what_is_known():
    """The largest of each kind: a hearing task of 100 GB, a tar of 300 GB, a model of 10 GB."""

    def most(name, size=None):
        return limits.most_bytes(fetch.RemoteFile("https://a.org", limits.Path(name), SHA256, size))

    assert most("task.tar.gz") > 100e9
    assert most("nets.TAR") > 300e9
    assert most("model.ckpt") > 10e9
    assert most("config.json") < 1e9
    assert most("config.json", 3) == 3


def test_a_published_size_is_the_limit(server, tmp_path):
    server.alter("model.bin", CONTENT + b"more")
    server.lengths = False
    with pytest.raises(FetchError, match=f"goes on after {len(CONTENT)} bytes"):
        bring(tmp_path, f"{server.url}/model.bin", size=len(CONTENT))


def test_what_a_server_compressed_counts_unpacked(server, tmp_path):
    server.said = {"Content-Encoding": "gzip"}
    server.alter("model.bin", gzip.compress(bytes(3_000_000)))
    with pytest.raises(FetchError, match=f"goes on after {len(CONTENT)} bytes"):
        bring(tmp_path, f"{server.url}/model.bin", size=len(CONTENT))
    assert is_empty(tmp_path)


def test_a_part_of_a_tar_is_no_longer_than_asked(server, tmp_path):
    """A server that answers a question for some bytes with more of them."""
    with tarfile.open(tmp_path / "server" / "nets.tar", "w") as tar:
        info = tarfile.TarInfo("one.pt")
        info.size = len(CONTENT)
        tar.addfile(info, io.BytesIO(CONTENT))
    server.more = bytes(100_000)
    file = fetch.TarMembers(f"{server.url}/nets.tar").file("one.pt", sha256=SHA256)
    plan = fetch.plan("nets", [file], tmp_path / "home")
    with pytest.raises(FetchError, match=f"goes on after {len(CONTENT)} bytes"):
        fetch.download(plan, waits=(), show=False)


def test_a_download_that_does_not_fit_is_not_begun(server, tmp_path, monkeypatch):
    usage = shutil.disk_usage(tmp_path)._replace(free=len(CONTENT) - 1)
    monkeypatch.setattr(limits.shutil, "disk_usage", lambda path: usage)
    with pytest.raises(StoreError, match="are to come and"):
        bring(tmp_path, f"{server.url}/model.bin")
    assert is_empty(tmp_path)
