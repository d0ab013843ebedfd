"""A file played as a camera: exact frames in order, at a set rate.

``file:PATH[?KEY=VALUE&...]`` with a multi-page TIFF, an ``.npy`` array or a Zarr store (OME-Zarr, our
recordings, any array). The last two axes are the frame, all axes before them its place, in order.

============ =======================================================================================
rate         Hz (30); 0: as fast as frames are asked for
loop         how often it is played (1); 0: for ever
live         0: the file waits for its reader, and nothing can be lost; 1: it runs on as a camera
             does, and frames that are fetched too late are lost in its driver
part         which of several: a series of a TIFF by number, an array of a Zarr group by path
============ =======================================================================================

Times are those of the rate, not those of the day it was recorded.
"""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path

import numpy as np

from pyramidion.core import FrameSpec, UsageError
from pyramidion.instruments._camera import CameraKind, Grabbed, Property
from pyramidion.instruments._movie import Movie, open_movie
from pyramidion.instruments._pace import Pace
from pyramidion.instruments._settings import (
    limits,
    number_in,
    one_of,
    read_only,
    running,
    unknown_property,
    whole_in,
)

_FASTEST_HZ = 1e6
_MOST_LOOPS = 1 << 53
_GRAB_BYTES = 8 << 20
_FIXED = ("frames", "pixel_type")


class FileCamera:
    """Frames of a file; see the module.

    Parameters
    ----------
    path : Path
        The file, named in errors and in the frames' description.
    movie : Movie
        Opened; closed with the camera.
    """

    def __init__(self, path: Path, movie: Movie) -> None:
        self._path, self._movie = path, movie
        self._rate, self._loops, self._is_live = 30.0, 1, False
        self._pace: Pace | None = None

    def properties(self) -> tuple[Property, ...]:
        """Return every property."""
        return (
            Property("rate", f"{self._rate:g}", "Hz", limits(0, _FASTEST_HZ)),
            Property("loop", str(self._loops), "", "0 (for ever) or more"),
            Property("live", str(int(self._is_live)), "", "0, 1"),
            Property("frames", str(self._movie.n_frames)),
            Property("pixel_type", self._movie.dtype.name),
        )

    def set(self, name: str, value: str) -> None:
        """Set a property; not after ``start``."""
        if name in _FIXED:
            raise read_only(name)
        if name not in ("rate", "loop", "live"):
            raise unknown_property(name, [p.name for p in self.properties()])
        if self._pace is not None:
            raise running(name)
        if name == "rate":
            self._rate = number_in(name, value, 0, _FASTEST_HZ, "Hz")
        elif name == "loop":
            self._loops = whole_in(name, value, 0, _MOST_LOOPS)
        else:
            self._is_live = one_of(name, value, ("0", "1")) == "1"

    def spec(self) -> FrameSpec:
        """Return what frames are."""
        return FrameSpec(
            *self._movie.shape,
            self._movie.dtype,
            f"file {self._path.name}",
            self._rate,
            properties={p.name: p.value for p in self.properties()},
        )

    def start(self, n_buffers: int) -> None:
        """Begin with the first frame."""
        self._pace = Pace(self._rate, max(1, n_buffers) if self._is_live else None)

    def grab(self, out: np.ndarray, timeout_s: float) -> Grabbed:
        """Wait for frames and read them."""
        if self._pace is None:
            raise UsageError("file", "not started", id="PYR-CAM-05")
        n = self._movie.n_frames
        limit = n * self._loops if self._loops else 1 << 62
        if self._pace.next >= limit:
            raise EOFError(f"{self._path} ends after {limit} frames")
        room = max(1, min(len(out), _GRAB_BYTES // (out[:1].nbytes or 1)))
        room = min(room, n - self._pace.next % n)
        first, stop, lost = self._pace.take(room, limit, timeout_s)
        at = 0
        while at < stop - first:  # twice when a loss has moved the first frame to the file's end
            place = (first + at) % n
            k = min(stop - first - at, n - place)
            self._movie.read(place, out[at : at + k])
            at += k
        numbers = np.arange(first, stop)
        times = numbers / self._rate if self._rate else np.full(at, self._pace.elapsed_s)
        return Grabbed(numbers, times, (lost,) if lost else ())

    def stop(self) -> None:
        """End; safe to call twice."""
        self._pace = None

    def close(self) -> None:
        """Close the file; safe to call twice."""
        self.stop()
        self._movie.close()


def _open(rest: str) -> FileCamera:
    name, settings = _split(rest)
    if not name:
        raise UsageError("file", "no file named", mend="write file:PATH", id="PYR-CAM-02")
    part = "".join(value for key, value in settings if key == "part")
    path = Path(name)
    camera = FileCamera(path, open_movie(path, part))
    try:
        for key, value in settings:
            if key != "part":
                camera.set(key, value)
    except UsageError:
        camera.close()
        raise
    return camera


def _split(rest: str) -> tuple[str, list[tuple[str, str]]]:
    """Return the path and the settings; a ``?`` may stand in the name of a file that is there."""
    name, sign, query = rest.rpartition("?")
    if not sign or "=" not in query or Path(rest).exists():
        return rest, []
    pairs = (piece.partition("=") for piece in query.split("&") if piece)
    return name, [(key, value) for key, _, value in pairs]


def _found() -> Iterable[tuple[str, str]]:
    return ()


def _example(folder: object) -> str:
    path = Path(str(folder)) / "frames.npy"
    np.save(path, np.arange(40 * 24 * 32, dtype=np.uint16).reshape(40, 24, 32))
    return f"{path}?rate=500"


CAMERA = CameraKind(
    name="file",
    summary="a TIFF, .npy or Zarr played at a set rate",
    open=_open,
    found=_found,
    file_of=lambda rest: Path(_split(rest)[0]),
    example=_example,
)
