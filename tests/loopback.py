"""A file server on 127.0.0.1 for tests of downloads; it counts requests and fails on demand."""

from __future__ import annotations

import threading
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from urllib.parse import unquote


@dataclass(frozen=True)
class Request:
    """One request that the server saw; ``path`` is relative to the folder it serves."""

    path: str
    headers: dict[str, str] = field(repr=False)

    @property
    def range(self) -> str | None:
        return self.headers.get("Range")


@dataclass(frozen=True)
class _Cut:
    after: int
    then: Callable[[], object] | None


class Loopback:
    """Serve a folder while the ``with`` block runs.

    Attributes
    ----------
    url : str
        Of the folder, without a slash at its end.
    requests : list of Request
        In the order of their arrival.
    ranges : bool
        Whether ``Range`` is honoured; False answers with the whole file.
    """

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.ranges = True
        self.requests: list[Request] = []
        self._lock = threading.Lock()
        self._cuts: dict[str, list[_Cut]] = {}
        self._answers: dict[str, list[tuple[int, dict[str, str]]]] = {}
        self._contents: dict[str, bytes] = {}

    def __enter__(self) -> Loopback:
        server = self

        class Handler(BaseHTTPRequestHandler):
            def do_GET(self) -> None:
                server._handle(self)

            def log_message(self, *args: object) -> None:
                pass

        self._http = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self._http.daemon_threads = False  # joined at the end: no socket outlives the test
        self._thread = threading.Thread(target=self._http.serve_forever, args=(0.02,))
        self._thread.start()
        self.url = f"http://127.0.0.1:{self._http.server_address[1]}"
        return self

    def __exit__(self, *exc: object) -> None:
        self._http.shutdown()
        self._thread.join()
        self._http.server_close()

    # what to do wrong

    def cut(self, path: str, after: int, *, then: Callable[[], object] | None = None) -> None:
        """Send only ``after`` bytes of the next answer, call ``then``, end the connection."""
        self._cuts.setdefault(path, []).append(_Cut(after, then))

    def answer(self, path: str, *statuses: int, headers: dict[str, str] | None = None) -> None:
        """Answer the next requests with these statuses; the file itself is served after them."""
        self._answers.setdefault(path, []).extend((status, headers or {}) for status in statuses)

    def alter(self, path: str, content: bytes) -> None:
        """Serve these bytes instead of the file's from now on."""
        self._contents[path] = content

    # what was asked

    def counts(self) -> Counter[str]:
        """Number of requests for each path."""
        return Counter(request.path for request in self.requests)

    def ranges_of(self, path: str) -> list[str | None]:
        """Return the ``Range`` header of each request for a path, in their order."""
        return [request.range for request in self.requests if request.path == path]

    # how it is done

    def _handle(self, http: BaseHTTPRequestHandler) -> None:
        path = unquote(http.path).lstrip("/")
        with self._lock:
            self.requests.append(Request(path, dict(http.headers.items())))
            answers, cuts = self._answers.get(path), self._cuts.get(path)
            status, headers = answers.pop(0) if answers else (0, {})
            cut = cuts.pop(0) if cuts and not status else None
        content = self._contents.get(path)
        if content is None and not status:
            file = self.folder / path
            if not file.is_file():
                status = 404
            else:
                content = file.read_bytes()
        if status:
            self._send(http, status, b"no file here", headers, None)
        else:
            self._send_file(http, content, cut)

    def _send_file(self, http: BaseHTTPRequestHandler, content: bytes, cut: _Cut | None) -> None:
        wanted = http.headers.get("Range")
        if wanted is None or not self.ranges:
            self._send(http, 200, content, {}, cut)
            return
        first, _, last = wanted.removeprefix("bytes=").partition("-")
        start = int(first)
        stop = min(int(last) + 1, len(content)) if last else len(content)
        if start >= len(content):
            self._send(http, 416, b"", {"Content-Range": f"bytes */{len(content)}"}, cut)
            return
        headers = {"Content-Range": f"bytes {start}-{stop - 1}/{len(content)}"}
        self._send(http, 206, content[start:stop], headers, cut)

    @staticmethod
    def _send(
        http: BaseHTTPRequestHandler,
        status: int,
        body: bytes,
        headers: dict[str, str],
        cut: _Cut | None,
    ) -> None:
        http.send_response(status)
        for name, value in ({"Content-Length": str(len(body))} | headers).items():
            http.send_header(name, value)
        http.end_headers()
        try:
            http.wfile.write(body if cut is None else body[: cut.after])
            http.wfile.flush()
        except ConnectionError:  # the client went away first, as it does after Ctrl-C
            return
        if cut is not None and cut.then is not None:
            cut.then()
