"""Webcams, by OpenCV: grey frames of 8 bit.

``webcam:N[,width=W,height=H,rate=HZ]``; the path of a video in the place of the number plays that,
as fast as it is fetched. OpenCV knows neither numbers nor times of frames: they are counted and
stamped as they come, and frames that are fetched too late are lost.
"""

from __future__ import annotations

import importlib.util
import re
from collections.abc import Iterable
from pathlib import Path
from typing import Any

import numpy as np

from pyramidion.core import CameraError, FrameSpec, UsageError
from pyramidion.instruments._camera import CameraKind, Grabbed, Property
from pyramidion.instruments._fetcher import Fetcher
from pyramidion.instruments._settings import (
    limits,
    number_in,
    running,
    settings_in,
    unknown_property,
)

# Codes of OpenCV's properties, and the largest value.
_SETTABLE = {"width": (3, 1e5, ""), "height": (4, 1e5, ""), "rate": (5, 1e4, "Hz")}
_AT_FRAME = 1


class Webcam:
    """A camera, or a video, that OpenCV has opened; released with it."""

    def __init__(self, name: str, capture: Any) -> None:
        self._where, self._capture = f"webcam:{name}", capture
        self._is_video = Path(name).is_file()
        self._fetcher: Fetcher | None = None

    def properties(self) -> tuple[Property, ...]:
        """Return every property; those of a video are read only."""
        return tuple(
            Property(
                name,
                f"{self._capture.get(code):g}",
                unit,
                "" if self._is_video else limits(1, highest),
            )
            for name, (code, highest, unit) in _SETTABLE.items()
        )

    def set(self, name: str, value: str) -> None:
        """Set a property; not after ``start``. The camera takes the nearest it can."""
        if name not in _SETTABLE:
            raise unknown_property(name, tuple(_SETTABLE))
        if self._fetcher is not None:
            raise running(name)
        code, highest, unit = _SETTABLE[name]
        number = number_in(name, value, 1, highest, unit)
        if self._is_video or not self._capture.set(code, number):
            raise UsageError(name, "not taken by the camera", value, id="PYR-CAM-05")

    def spec(self) -> FrameSpec:
        """Return what frames are."""
        width, height, rate = (float(self._capture.get(c)) for c, _, _ in _SETTABLE.values())
        listed = {p.name: p.value for p in self.properties()}
        shape = int(height), int(width)
        return FrameSpec(*shape, np.dtype("u1"), self._where, max(0.0, rate), properties=listed)

    def start(self, n_buffers: int) -> None:
        """Begin to fetch; a video begins anew."""
        self.stop()
        if self._is_video:
            self._capture.set(_AT_FRAME, 0)
        self._fetcher = Fetcher(self._where, self._read, max(1, n_buffers), waits=self._is_video)

    def grab(self, out: np.ndarray, timeout_s: float) -> Grabbed:
        """Wait for frames and copy them."""
        if self._fetcher is None:
            raise UsageError("webcam", "not started", id="PYR-CAM-05")
        try:
            return self._fetcher.grab(out, timeout_s)
        except EOFError as error:
            if self._is_video:
                raise
            what = f"camera lost after frame {self._fetcher.next}"
            raise CameraError(self._where, what, id="PYR-ACQ-04") from error

    def stop(self) -> None:
        """End; safe to call twice."""
        fetcher, self._fetcher = self._fetcher, None
        if fetcher is not None and not fetcher.stop():
            raise CameraError(self._where, "camera does not answer", id="PYR-CAM-08")

    def close(self) -> None:
        """Give the device back; safe to call twice."""
        self.stop()
        self._capture.release()

    def _read(self) -> np.ndarray | None:
        import cv2

        is_there, pixels = self._capture.read()
        if not is_there:
            return None
        grey = cv2.cvtColor(pixels, cv2.COLOR_BGR2GRAY) if pixels.ndim == 3 else pixels
        return np.asarray(grey)


def _open(rest: str) -> Webcam:
    name, _, settings = rest.partition(",")
    if importlib.util.find_spec("cv2") is None:
        mend = "pip install pyramidion[webcam]"
        raise UsageError("webcam", "webcams need OpenCV", mend=mend, id="PYR-ALL-22")
    if not re.fullmatch("[0-9]{1,4}", name) and not Path(name).is_file():
        raise UsageError("webcam", "not a number, nor a video", name or "nothing", id="PYR-CAM-02")
    import cv2

    cv2.utils.logging.setLogLevel(cv2.utils.logging.LOG_LEVEL_SILENT)
    capture = cv2.VideoCapture(name if Path(name).is_file() else int(name))
    if not capture.isOpened():
        raise CameraError(f"webcam:{name}", f"camera {name} not there", id="PYR-CAM-02")
    camera = Webcam(name, capture)
    try:
        for key, value in settings_in(settings):
            camera.set(key, value)
    except UsageError:
        camera.close()
        raise
    return camera


def _why_not() -> str:
    is_there = importlib.util.find_spec("cv2") is not None
    return "" if is_there else "webcams need OpenCV: pip install pyramidion[webcam]"


def _found() -> Iterable[tuple[str, str]]:
    for path in sorted(Path("/dev").glob("video[0-9]*")) if not _why_not() else ():
        yield path.name.removeprefix("video"), f"webcam {path}"


def _example(folder: object) -> str:
    import cv2

    path, movie = Path(str(folder)) / "video.avi", np.zeros((25, 48, 64, 3), np.uint8)
    movie += 10 * np.arange(25).astype(np.uint8)[:, None, None, None]
    writer = cv2.VideoWriter(str(path), cv2.VideoWriter.fourcc(*"MJPG"), 50, (64, 48))
    for frame in movie:
        writer.write(frame)
    writer.release()
    return str(path)


CAMERA = CameraKind(
    name="webcam",
    summary="webcams in grey, by OpenCV",
    open=_open,
    found=_found,
    why_not=_why_not,
    example=_example,
)
