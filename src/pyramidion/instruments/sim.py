"""The simulated camera: any size, type and rate, pixels that prove themselves, faults on request.

``sim:KEY=VALUE,...``; the same keys are its properties (``sim:width=512,height=512,rate=1000``).

======================== =========================================================================
width, height            of the sensor (4096, 2304)
dtype, pixel_type        ``uint16``, or ``u1`` ``u2`` ``u4`` ``i1`` ``i2`` ``i4`` ``f4`` ``f8``
rate                     Hz (100); 0: as many frames as are asked for
frames                   ends after so many (0: never)
content                  ``structured``: moving spots on a smooth background with the noise of a
                         camera, 12 bit, offset 100; ``noise``: nothing can compress it; ``counter``:
                         plain
seed                     of the pixels and of whatever is random
exposure, roi, binning   as of a camera; exposure changes the brightness, not the rate
trigger                  ``internal``, or ``external``: then no frame ever comes
lose=EVERY[xCOUNT]       the camera loses COUNT frames after every EVERY: the numbers jump
lose_random=P            the camera loses each frame with this probability
stall_at=N:SECONDS       nothing comes for so long before frame N; nothing is lost by it
unplug_at=N              the camera is gone after N frames
hang_at=N                the driver never answers after N frames
late=SECONDS             time stamps are late by up to so much
======================== =========================================================================

It runs by the monotonic clock and waits for nobody: when frames are fetched too late, its driver
holds the newest ``n_buffers`` of them and reports the others as lost.

The first 8 bytes of every row of every frame hold the number of the frame (little-endian); in rows
narrower than 8 bytes every pixel is the number mod 256. So every frame can be proved, and every
frame that is torn: :func:`numbers_in`.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable
from typing import Any, NamedTuple

import numpy as np

from pyramidion.core import CameraError, FrameSpec, Lost, UsageError
from pyramidion.instruments._camera import CameraKind, Grabbed, Property
from pyramidion.instruments._pace import Pace
from pyramidion.instruments._settings import (
    number_in,
    one_of,
    read_only,
    refused,
    region_in,
    running,
    settings_in,
    unknown_property,
    whole_in,
)
from pyramidion.instruments._sim_pixels import Scene, numbers_in, prepare_frames, stamp

__all__ = ["CAMERA", "SimCamera", "numbers_in"]

_TYPES = {"uint8": "u1", "uint16": "u2", "uint32": "u4", "int8": "i1", "int16": "i2", "int32": "i4", "float32": "f4", "float64": "f8"}  # fmt: skip
_LONGEST_SIDE, _LARGEST_FRAME = 1 << 16, 1 << 30
_COUNT = 1 << 53
_ROI_STEP = 4
_PIXEL_UM = 4.6
_GRAB_BYTES = 32 << 20
"""Most that one call copies, so that it lasts 10 ms at most."""


class _Setting(NamedTuple):
    """How a property is read; `text` is its value at first."""

    text: str
    read: Callable[[str, str], Any]
    unit: str = ""
    allowed: str = ""


def _whole(low: int, high: int = _COUNT) -> Callable[[str, str], int]:
    return lambda name, text: whole_in(name, text, low, high)


def _number(low: float, high: float, unit: str = "") -> Callable[[str, str], float]:
    return lambda name, text: number_in(name, text, low, high, unit)


def _word(*words: str) -> Callable[[str, str], str]:
    return lambda name, text: one_of(name, text, words)


def _pixel_type(name: str, text: str) -> np.dtype[Any]:
    code = _TYPES.get(text, text)
    if code not in _TYPES.values():
        raise refused(name, text, f"one of {', '.join(_TYPES)}")
    return np.dtype(f"<{code}")


def _losing(name: str, text: str) -> tuple[int, int]:
    every, sign, count = text.partition("x")
    return whole_in(name, every, 0, _COUNT), whole_in(name, count, 1, _COUNT) if sign else 1


def _stall(name: str, text: str) -> tuple[int, float]:
    place, _, seconds = text.partition(":")
    return whole_in(name, place, 0, _COUNT), number_in(name, seconds or "0", 0, 1e6, "s")


_SIDE = f"1 to {_LONGEST_SIDE}"
_SETTINGS = {
    "width": _Setting("4096", _whole(1, _LONGEST_SIDE), "", _SIDE),
    "height": _Setting("2304", _whole(1, _LONGEST_SIDE), "", _SIDE),
    "pixel_type": _Setting("uint16", _pixel_type, "", ", ".join(_TYPES)),
    "rate": _Setting("100", _number(0, 1e6, "Hz"), "Hz", "0 to 1000000"),
    "exposure": _Setting("0.01", _number(0.001, 10, "s"), "s", "0.001 to 10"),
    "roi": _Setting("", lambda _, text: text, "", "x,y,width,height in multiples of 4"),
    "binning": _Setting("1", lambda n, t: int(one_of(n, t, "124")), "", "1, 2, 4"),
    "trigger": _Setting("internal", _word("internal", "external"), "", "internal, external"),
    "content": _Setting(
        "structured", _word("structured", "noise", "counter"), "", "structured, noise, counter"
    ),
    "seed": _Setting("0", _whole(0), "", "0 or more"),
    "frames": _Setting("0", _whole(0), "", "0 (no end) or more"),
    "lose": _Setting("0", _losing, "", "EVERY or EVERYxCOUNT; 0 for none"),
    "lose_random": _Setting("0", _number(0, 1), "", "0 to 1"),
    "stall_at": _Setting("0:0", _stall, "", "N:SECONDS"),
    "unplug_at": _Setting("0", _whole(0), "", "frames; 0 for never"),
    "hang_at": _Setting("0", _whole(0), "", "frames; 0 for never"),
    "late": _Setting("0", _number(0, 1e6, "s"), "s", "0 to 1000000"),
}
_READ_ONLY = "bit_depth"


class SimCamera:
    """A camera that is not there; see the module.

    Parameters
    ----------
    settings : iterable of (str, str)
        Properties that differ from the usual, in any order.
    """

    def __init__(self, settings: Iterable[tuple[str, str]] = ()) -> None:
        self._text = {name: setting.text for name, setting in _SETTINGS.items()}
        self._value = {n: s.read(n, s.text) for n, s in _SETTINGS.items()}
        self._place_roi(f"0,0,{self._value['width']},{self._value['height']}")
        self._pace: Pace | None = None
        self._frames = np.empty((0, 0, 0), np.uint16)
        self._seen = 0
        # The sides come first: setting one sets the region to the whole sensor.
        for name, text in sorted(settings, key=lambda pair: pair[0] not in ("width", "height")):
            self.set(name, text)

    def properties(self) -> tuple[Property, ...]:
        """Return every property."""
        listed = [
            Property(name, self._text[name], setting.unit, setting.allowed)
            for name, setting in _SETTINGS.items()
        ]
        bits = self._value["pixel_type"].itemsize * 8
        return (*listed, Property(_READ_ONLY, str(min(bits, 12)), "bit"))

    def set(self, name: str, value: str) -> None:
        """Set a property; not after ``start``."""
        name = "pixel_type" if name == "dtype" else name
        if name == _READ_ONLY:
            raise read_only(name)
        if name not in _SETTINGS:
            raise unknown_property(name, ("dtype", *_SETTINGS))
        if self._pace is not None:
            raise running(name)
        before = dict(self._value), dict(self._text)
        try:
            self._apply(name, value.strip())
        except UsageError:
            self._value, self._text = before
            raise

    def spec(self) -> FrameSpec:
        """Return what frames are."""
        x, y, width, height = self._value["roi"]
        binning = self._value["binning"]
        return FrameSpec(
            height // binning,
            width // binning,
            self._value["pixel_type"],
            "Simulated camera",
            self._value["rate"] if self._value["trigger"] == "internal" else 0.0,
            (_PIXEL_UM * binning, _PIXEL_UM * binning),
            (y // binning, x // binning),
            {p.name: p.value for p in self.properties()},
        )

    def start(self, n_buffers: int) -> None:
        """Prepare the frames and begin."""
        spec, value = self.spec(), self._value
        origin = value["roi"][1], value["roi"][0]
        scene = Scene(
            value["content"],
            value["seed"],
            value["exposure"] / 0.01,
            (value["height"], value["width"]),
            origin,
            value["binning"],
        )
        self._frames = prepare_frames(scene, spec.shape, spec.dtype)
        self._seen = 0
        self._pace = Pace(value["rate"], max(1, n_buffers), value["stall_at"])

    def grab(self, out: np.ndarray, timeout_s: float) -> Grabbed:
        """Wait for frames and copy them."""
        if self._pace is None:
            raise UsageError("sim", "not started", id="PYR-CAM-05")
        if self._value["trigger"] == "external":
            time.sleep(timeout_s)
            return _nothing()
        limit = self._limit()
        until = time.monotonic() + timeout_s
        lost: list[Lost] = []
        while not lost:
            if self._pace.next >= limit:
                return self._last(limit)
            room = max(1, min(len(out), _GRAB_BYTES // (out[:1].nbytes or 1)))
            taken = self._pace.take(room, limit, max(0.0, until - time.monotonic()))
            lost = [taken.lost] if taken.lost else []
            self._seen = taken.lost.first + taken.lost.n_frames if taken.lost else self._seen
            numbers = self._kept(taken.first, taken.stop)
            if len(numbers):
                return self._copied(out[: len(numbers)], numbers, tuple(lost))
            if time.monotonic() >= until:
                break
        return _nothing(tuple(lost))

    def stop(self) -> None:
        """End; safe to call twice."""
        self._pace = None
        self._frames = np.empty((0, 0, 0), np.uint16)

    def close(self) -> None:
        """End; safe to call twice."""
        self.stop()

    def _apply(self, name: str, text: str) -> None:
        if name == "roi":
            self._place_roi(text)
        else:
            self._value[name] = value = _SETTINGS[name].read(name, text)
            self._text[name] = value.name if name == "pixel_type" else text
        if name in ("width", "height"):
            self._place_roi(f"0,0,{self._value['width']},{self._value['height']}")
        height, width = self.spec().shape
        if not height or not width:
            raise refused(name, text, f"a frame of {height} x {width} has no pixels")
        if self.spec().frame_bytes > _LARGEST_FRAME:
            raise refused(name, text, "a frame holds at most 1 GiB")

    def _place_roi(self, text: str) -> None:
        sensor = self._value["height"], self._value["width"]
        roi = region_in(text, sensor, (_ROI_STEP, _ROI_STEP))
        self._value["roi"], self._text["roi"] = roi, ",".join(map(str, roi))

    def _limit(self) -> int:
        """Return how many frames there are before the run ends in one way or the other."""
        ends = (self._value[name] for name in ("frames", "unplug_at", "hang_at"))
        return min((n for n in ends if n), default=1 << 62)

    def _last(self, limit: int) -> Grabbed:
        """Tell what was lost at the very end, then end as asked for."""
        if self._seen < limit:
            first, self._seen = self._seen, limit
            return _nothing((Lost(first, limit - first, "camera"),))
        if limit == self._value["hang_at"]:
            while True:
                time.sleep(3600)
        if limit == self._value["unplug_at"]:
            raise CameraError("sim", f"camera lost after frame {limit}", id="PYR-ACQ-04")
        raise EOFError(f"the simulated camera ends after {limit} frames")

    def _kept(self, first: int, stop: int) -> np.ndarray:
        """Return the numbers of those frames that the camera does not lose."""
        numbers = np.arange(first, stop)
        every, count = self._value["lose"]
        kept = np.ones(len(numbers), bool)
        if every:
            kept &= numbers % (every + count) < every
        if self._value["lose_random"]:
            kept &= _uniform(numbers, self._value["seed"]) >= self._value["lose_random"]
        return numbers if kept.all() else numbers[kept]

    def _copied(self, out: np.ndarray, numbers: np.ndarray, lost: tuple[Lost, ...]) -> Grabbed:
        places = numbers % len(self._frames)
        if len(self._frames) == 1:
            out[:] = self._frames
        else:
            # Frames that lie together are copied together: most small ones are.
            cuts = np.flatnonzero(np.diff(places) != 1) + 1
            for start, stop in zip((0, *cuts.tolist()), (*cuts.tolist(), len(places)), strict=True):
                first = int(places[start])
                out[start:stop] = self._frames[first : first + stop - start]
        stamp(out, numbers)
        self._seen = int(numbers[-1]) + 1
        return Grabbed(numbers, self._times(numbers), lost)

    def _times(self, numbers: np.ndarray) -> np.ndarray:
        assert self._pace is not None
        rate, (place, seconds) = self._value["rate"], self._value["stall_at"]
        if not rate:
            times = np.full(len(numbers), self._pace.elapsed_s)
        else:
            times = numbers / rate + np.where(numbers >= place, seconds, 0.0)
        if self._value["late"]:
            times += self._value["late"] * _uniform(numbers, self._value["seed"] + 1)
        return times


def _nothing(lost: tuple[Lost, ...] = ()) -> Grabbed:
    return Grabbed(np.empty(0, np.int64), np.empty(0), lost)


def _uniform(numbers: np.ndarray, seed: int) -> np.ndarray:
    """Return a number from 0 up to 1 for each frame, the same however frames are fetched.

    Notes
    -----
    The mixing of SplitMix64 (Steele, Lea, Flood 2014).
    """
    z = (numbers.astype(np.uint64) + np.uint64(seed)) * np.uint64(0x9E3779B97F4A7C15)
    z = (z ^ (z >> np.uint64(30))) * np.uint64(0xBF58476D1CE4E5B9)
    z = (z ^ (z >> np.uint64(27))) * np.uint64(0x94D049BB133111EB)
    drawn: np.ndarray = ((z ^ (z >> np.uint64(31))) >> np.uint64(11)) * 2.0**-53
    return drawn


def _open(rest: str) -> SimCamera:
    return SimCamera(settings_in(rest))


def _found() -> Iterable[tuple[str, str]]:
    yield "", "simulated, 4096 x 2304 uint16 at 100 Hz"


CAMERA = CameraKind(
    name="sim",
    summary="simulated camera, with faults on request",
    open=_open,
    found=_found,
    example=lambda _: "width=64,height=48,rate=500",
)
