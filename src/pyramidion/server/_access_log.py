"""The access log: one line for each request, written twice a second, beside the answers.

    2026-03-01T12:00:00.123+01:00 10.0.0.7 "GET /scope.zarr/zarr.json?v=3&*" 200 2381 0.6

Time, address, request, status, bytes of the body, milliseconds until it was handed over. Of a query
only the parameters that this server knows are shown: what people put into an address may be a
secret. Headers are not logged at all.
"""

from __future__ import annotations

import logging
import re
import sys
import time
from collections.abc import Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import contextmanager
from datetime import datetime
from pathlib import Path
from typing import TextIO

from pyramidion.core import PyramidionError, UsageError, escape

logger = logging.getLogger("pyramidion.server")

STDOUT = "-"
_MAX_TARGET = 2000
_MAX_WAITING = 50_000
"""Lines that wait to be written: some megabytes."""
_SHOWN = frozenset(
    {
        *("action", "after", "box", "c", "compression", "dataset", "field", "format", "from"),
        *("fromh", "h", "level", "maxh", "scale", "t", "time", "toh", "v", "w", "wait", "x", "y"),
        *("block", "palette", "palette_max", "palette_min", "z"),
    }
)
_PLAIN = re.compile(r"[\w.,:+ %-]*", re.ASCII)


class AccessLog:
    """A file, or stdout, to which lines are added.

    Parameters
    ----------
    place : str
        A file, which is added to, or ``-`` for stdout.
    secret : str, optional
        Never written, wherever in a URL somebody put it.

    Raises
    ------
    UsageError
        If the file cannot be written.
    """

    def __init__(self, place: str, secret: str | None = None) -> None:
        self._stream = _open(place)
        self._secret = secret
        self._lines: list[str] = []
        self._writing: Future[None] | None = None
        self._n_left_out = 0
        self._writer = ThreadPoolExecutor(1, thread_name_prefix="pyramidion-log")
        self._failed = False

    def add(
        self, client: str, method: str, target: bytes, status: int, n_bytes: int, took_s: float
    ) -> None:
        """Add a request.

        Parameters
        ----------
        client : str
            Address that it came from.
        method : str
            As it was sent.
        target : bytes
            Path and query, as they were sent.
        status : int
            Of the answer; 499 if the client left before there was one.
        n_bytes : int
            Of the body, handed over.
        took_s : float
            Seconds from the request to the end of its answer.
        """
        if len(self._lines) >= _MAX_WAITING:  # the disk, or who reads stdout, is stuck
            self._n_left_out += 1
            return
        now = datetime.fromtimestamp(time.time()).astimezone().isoformat(timespec="milliseconds")
        asked = f"{escape(method, limit=20)} {self._shown(target)}".replace('"', "%22")
        self._lines.append(f'{now} {client} "{asked}" {status} {n_bytes} {1000 * took_s:.1f}\n')

    def write(self) -> None:
        """Write what was added, without waiting for it."""
        if self._lines and (self._writing is None or self._writing.done()):
            lines, self._lines = self._lines, []
            if self._n_left_out:
                lines.append(f"# {self._n_left_out} requests are left out: too many at once\n")
                self._n_left_out = 0
            self._writing = self._writer.submit(self._write, lines)

    def close(self) -> None:
        """Write the rest, and close the file."""
        if self._writing is not None:
            self._writing.result()
        self.write()
        self._writer.shutdown()
        if self._stream is not sys.stdout:
            with self._told():
                self._stream.close()

    def _shown(self, target: bytes) -> str:
        path, mark, query = target.decode("latin-1").partition("?")
        shown = path + mark + "&".join(_parameter(each) for each in query.split("&"))
        if self._secret:
            shown = shown.replace(self._secret, "*")
        return escape(shown, limit=_MAX_TARGET)

    def _write(self, lines: list[str]) -> None:
        with self._told():
            self._stream.writelines(lines)
            self._stream.flush()

    @contextmanager
    def _told(self) -> Iterator[None]:
        """Say once that the log cannot be written; answers go on."""
        try:
            yield
        except (OSError, PyramidionError, ValueError) as error:
            if not self._failed:
                self._failed = True
                logger.error("the access log cannot be written: %s", error)


def _open(place: str) -> TextIO:
    if place == STDOUT:
        return sys.stdout
    try:
        return Path(place).open("a", encoding="utf-8", errors="backslashreplace")
    except OSError as error:
        what, reason = "cannot be written", (error.strerror or "unknown").lower()
        mend = "name a file in a folder that is there, or - for stdout"
        raise UsageError(f"--access-log {place}", what, reason, mend, id="PYR-SRV-08") from None


def _parameter(text: str) -> str:
    """Return a parameter of a query as it is shown: those that are not known may be a secret."""
    name, _, value = text.partition("=")
    return text if not text or (name in _SHOWN and _PLAIN.fullmatch(value)) else "*"
