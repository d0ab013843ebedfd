"""A client that sends exactly the bytes it is told to, and reads exactly one answer."""

from __future__ import annotations

import json
import socket
from dataclasses import dataclass
from urllib.parse import urlsplit


@dataclass
class Answer:
    status: int
    pairs: list[tuple[str, str]]
    body: bytes

    def __getitem__(self, name):
        values = [value for key, value in self.pairs if key == name.lower()]
        assert len(values) <= 1, (name, values)
        return values[0] if values else None

    def pairs_of(self, name):
        return [pair for pair in self.pairs if pair[0] == name]

    @property
    def json(self):
        return json.loads(self.body)

    @property
    def cors(self):
        return {key for key, _ in self.pairs if key.startswith("access-control-")}


class Client:
    """One connection, opened again when the server closes it."""

    def __init__(self, url):
        self.url = url
        self.address = (urlsplit(url).hostname, urlsplit(url).port)
        self.host = urlsplit(url).netloc
        self._socket = None
        self.n_connections = 0

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.close()

    def close(self):
        if self._socket is not None:
            self._stream.close()
            self._socket.close()
            self._socket = None

    def get(self, path, **headers):
        return self.ask("GET", path, headers)

    def head(self, path, **headers):
        return self.ask("HEAD", path, headers)

    def ask(self, method, path, headers=None):
        """Ask with a Host header; ``Range_=`` style names become ``Range-``."""
        lines = {"Host": self.host}
        lines |= {name.replace("_", "-"): value for name, value in (headers or {}).items()}
        head = "".join(f"{name}: {value}\r\n" for name, value in lines.items())
        return self.send(
            f"{method} {path} HTTP/1.1\r\n{head}\r\n".encode(), has_body=method != "HEAD"
        )

    def send(self, request, *, has_body=True):
        if self._socket is None:
            self._socket = socket.create_connection(self.address, 30)
            self._stream = self._socket.makefile("rb")
            self.n_connections += 1
        self._socket.sendall(request)
        answer = read_answer(self._stream, has_body=has_body)
        if answer["connection"] == "close":
            self.close()
        return answer


def read_answer(stream, *, has_body=True):
    line = stream.readline()
    if not line:
        raise ConnectionError("closed without an answer")
    status = int(line.split()[1])
    pairs = []
    while (line := stream.readline()) not in (b"\r\n", b""):
        name, _, value = line.decode("latin-1").partition(":")
        pairs.append((name.strip().lower(), value.strip()))
    answer = Answer(status, pairs, b"")
    if has_body and status not in (204, 304):
        length = answer["content-length"]
        assert length is not None, answer
        answer.body = stream.read(int(length))
        assert len(answer.body) == int(length), "cut off"
    return answer
