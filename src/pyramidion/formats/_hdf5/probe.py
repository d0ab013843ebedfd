"""The child process that lets the HDF5 library look at a file nobody vouches for.

``python -m pyramidion.formats._hdf5.probe REQUEST`` with a JSON request (:func:`main`). It limits
its own memory and time, opens the file, and writes frames to stdout: what it found as JSON, arrays
as they are. A file that crashes the library, hangs it or eats memory ends this process only.
"""

from __future__ import annotations

import json
import os
import struct
import sys
from collections.abc import Callable, Mapping
from typing import Any

from pyramidion.core import PyramidionError

FRAME = struct.Struct("<cIQ")
"""Kind, number, bytes. Kinds: J the JSON answer, D bytes and T chunk records of a dataset,
N description (JSON) and A values of a neighbouring dataset, X an error, E the end."""


class Frames:
    """The stream of answers."""

    def __init__(self, write: Callable[[bytes], object]) -> None:
        self._write = write

    def send(self, kind: bytes, number: int, data: bytes | bytearray | memoryview) -> None:
        """Send one frame."""
        self._write(FRAME.pack(kind, number, len(data)))
        self._write(data)  # type: ignore[arg-type]

    def send_json(self, kind: bytes, value: Any, number: int = 0) -> None:
        """Send one frame of JSON."""
        self.send(kind, number, json.dumps(value).encode("ascii"))


def main(argv: list[str]) -> int:
    """Answer one request.

    Parameters
    ----------
    argv : list of str
        One JSON object: ``file``, ``dataset`` (or null), ``sparse``, ``want``, ``memory_bytes``,
        ``cpu_s``.

    Returns
    -------
    int
        0 when there is an answer, also when it is an error in words. Anything that the library
        raises unforeseen leaves as a traceback on stderr, whose last line the parent shows.
    """
    request = json.loads(argv[0])
    out = sys.stdout.buffer
    frames = Frames(out.write)

    import h5py

    from pyramidion.formats._hdf5.inspect import answer

    _limit(request["memory_bytes"], request["cpu_s"])
    try:
        # The parent has looked at the lock; taking it here would only disturb a writer.
        with h5py.File(os.fsencode(request["file"]), "r", locking=False) as file:
            answer(file, request, frames)
    except PyramidionError as error:
        frames.send_json(b"X", _error(error))
    frames.send(b"E", 0, b"")
    out.flush()
    return 0


def _error(error: PyramidionError) -> Mapping[str, Any]:
    value = None if error.value is None else str(error.value)
    return {
        "kind": type(error).__name__,
        "where": error.where,
        "what": error.what,
        "value": value,
        "mend": error.mend,
        "id": error.id,
    }


def _limit(memory_bytes: int, cpu_s: float) -> None:
    """Limit what this process may use from here on."""
    try:
        import resource
    except ImportError:  # Windows: the parent's time limit remains
        return
    used_s = resource.getrusage(resource.RUSAGE_SELF)
    cpu_limit = int(used_s.ru_utime + used_s.ru_stime + cpu_s) + 1
    limits = {resource.RLIMIT_CPU: cpu_limit, resource.RLIMIT_CORE: 0, resource.RLIMIT_FSIZE: 0}
    try:
        with open("/proc/self/statm", "rb") as statm:  # noqa: PTH123
            mapped = int(statm.read().split()[0]) * resource.getpagesize()
        limits[resource.RLIMIT_AS] = mapped + memory_bytes
    except OSError:
        pass  # macOS: no /proc, and its limit on address space is not enforced
    for limit, value in limits.items():
        hard = resource.getrlimit(limit)[1]
        soft = value if hard == resource.RLIM_INFINITY else min(value, hard)
        resource.setrlimit(limit, (soft, hard))


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
