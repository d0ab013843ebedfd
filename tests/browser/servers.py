"""A small file server whose faults can be chosen: ranges, CORS, refusals, delays and broken answers."""

from __future__ import annotations

import json
import mimetypes
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from urllib.parse import unquote, urlsplit

import pyramidion

VIEWER = Path(pyramidion.__file__).parent / "server" / "viewer"

Content = Callable[[str], "Blob | None"]


@dataclass(frozen=True)
class Blob:
    """Something with a size of which any part can be read: a file, or bytes made on demand."""

    size: int
    read: Callable[[int, int], bytes]


@dataclass
class Faults:
    """What the server does wrong, and for which paths (all data by default)."""

    ranges: bool = True
    suffix: bool = True
    cors: bool = True
    preflight: bool = True
    expose: bool = True
    status: dict[str, int] = field(
        default_factory=dict
    )  # ending of the path: status instead of the answer
    truncate: dict[str, int] = field(default_factory=dict)  # ending of the path: bytes really sent
    delay: float = 0.0
    policy: str | None = None  # Content-Security-Policy of the viewer's own files


@dataclass(frozen=True)
class Hit:
    """One answered request for data (not for the viewer's own files)."""

    method: str
    path: str
    status: int
    sent: int


def file_blob(path: Path) -> Blob | None:
    """A file as a blob, or None when there is none."""
    if not path.is_file():
        return None

    def read(start: int, length: int) -> bytes:
        with path.open("rb") as file:
            file.seek(start)
            return file.read(length)

    return Blob(path.stat().st_size, read)


class Server:
    """Serves the viewer under `/viewer/`, and folders or made-up files under other prefixes."""

    def __init__(self) -> None:
        self.faults = Faults()
        self.mounts: dict[str, Content] = {}
        self.documents: dict[str, object] = {}
        self.hits: list[Hit] = []
        self._lock = threading.Lock()
        self._gate = threading.Event()
        self._gate.set()
        server = self

        class Handler(_Handler):
            owner = server

        self._http = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self._http.daemon_threads = True
        self._thread = threading.Thread(target=self._http.serve_forever, daemon=True)
        self._thread.start()

    @property
    def origin(self) -> str:
        return f"http://127.0.0.1:{self._http.server_address[1]}"

    def mount(self, prefix: str, folder: Path) -> None:
        self.mounts[prefix] = lambda rest: file_blob(folder / rest)

    def log(self, hit: Hit) -> None:
        with self._lock:
            self.hits.append(hit)

    def data_hits(self) -> list[Hit]:
        """Answered GET and HEAD requests so far (preflights are the browser's own)."""
        with self._lock:
            return [hit for hit in self.hits if hit.method != "OPTIONS"]

    @contextmanager
    def held(self) -> Iterator[None]:
        """Answer no request for data within the block: whoever asks waits for its end."""
        self._gate.clear()
        try:
            yield
        finally:
            self._gate.set()

    def wait_while_held(self) -> None:
        self._gate.wait()

    def find(self, path: str) -> Blob | None:
        if path.startswith("/viewer/"):
            return file_blob(VIEWER / (path.removeprefix("/viewer/") or "index.html"))
        for prefix, content in self.mounts.items():
            if path.startswith(prefix + "/"):
                return content(path.removeprefix(prefix + "/"))
        return None

    def close(self) -> None:
        self._http.shutdown()
        self._http.server_close()
        self._thread.join()


@contextmanager
def running() -> Iterator[Server]:
    """Run a server on a free port for the length of a with block."""
    server = Server()
    try:
        yield server
    finally:
        server.close()


class _Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    owner: Server

    def do_GET(self) -> None:
        self._answer(body=True)

    def do_HEAD(self) -> None:
        self._answer(body=False)

    def do_OPTIONS(self) -> None:
        faults = self.owner.faults
        self.send_response(204 if faults.preflight else 501)
        if faults.preflight:
            self._cors()
            self.send_header("Access-Control-Allow-Methods", "GET, HEAD, OPTIONS")
            self.send_header("Access-Control-Allow-Headers", "Range, If-None-Match, If-Range")
            self.send_header("Access-Control-Max-Age", "86400")
        self.send_header("Content-Length", "0")
        self.end_headers()
        self.owner.log(Hit("OPTIONS", self.path, 204, 0))

    def _cors(self) -> None:
        if self.owner.faults.cors:
            self.send_header("Access-Control-Allow-Origin", "*")
            if self.owner.faults.expose:
                self.send_header("Access-Control-Expose-Headers", "Content-Length, Content-Range")

    def _answer(self, *, body: bool) -> None:
        path = unquote(urlsplit(self.path).path)
        own = path.startswith("/viewer/") or path in self.owner.documents
        if path in self.owner.documents:
            content = json.dumps(self.owner.documents[path]).encode()
            blob: Blob | None = Blob(len(content), lambda start, n: content[start : start + n])
        else:
            blob = self.owner.find(path)
        faults = Faults() if own else self.owner.faults
        status = next((s for end, s in faults.status.items() if path.endswith(end)), None)
        time.sleep(faults.delay)
        if not own:
            self.owner.wait_while_held()
        if status is not None or blob is None:
            self._send(path, status or 404, b"", {}, body=body, own=own)
            return
        span = self._span(blob.size) if faults.ranges else None
        if span == "refused":
            self._send(
                path, 416, b"", {"Content-Range": f"bytes */{blob.size}"}, body=body, own=own
            )
            return
        start, length = span if span else (0, blob.size)
        headers = {
            "Content-Type": mimetypes.guess_type(
                path + "index.html" if path.endswith("/") else path
            )[0]
            or "application/octet-stream"
        }
        if span:
            headers["Content-Range"] = f"bytes {start}-{start + length - 1}/{blob.size}"
        content = blob.read(start, length) if body else b""
        self._send(path, 206 if span else 200, content, headers, body=body, own=own, stated=length)

    def _span(self, size: int) -> tuple[int, int] | str | None:
        text = self.headers.get("Range", "")
        if not text.startswith("bytes="):
            return None
        first, _, last = text.removeprefix("bytes=").partition("-")
        if first == "":
            if not self.owner.faults.suffix:
                return None
            length = min(int(last), size)
            return size - length, length
        start = int(first)
        if start >= size:
            return "refused"
        return start, min(int(last) + 1, size) - start

    def _send(
        self,
        path: str,
        status: int,
        content: bytes,
        headers: dict[str, str],
        *,
        body: bool,
        own: bool,
        stated: int | None = None,
    ) -> None:
        self.send_response(status)
        self._cors()
        for name, value in headers.items():
            self.send_header(name, value)
        if path.startswith("/viewer/"):
            self.send_header("Cache-Control", "max-age=600")
        if own and self.owner.faults.policy:
            self.send_header("Content-Security-Policy", self.owner.faults.policy)
        self.send_header("Content-Length", str(len(content) if stated is None else stated))
        cut = next(
            (n for end, n in self.owner.faults.truncate.items() if path.endswith(end) and not own),
            None,
        )
        sent = content if cut is None else content[:cut]
        if cut is not None and cut < len(content):
            self.close_connection = True
        if not own:  # before the bytes, so that a page that has them always finds them logged
            self.owner.log(Hit(self.command, path, status, len(sent) if body else 0))
        self.end_headers()
        if body:
            self.wfile.write(sent)

    def log_message(self, *_: object) -> None:
        """Keep the test output clean."""
