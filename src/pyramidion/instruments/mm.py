"""Every camera that Micro-Manager drives, by pymmcore.

``mm:[CONFIG.cfg][,device=LABEL][,PROPERTY=VALUE...]``. Without a configuration it is that of the demo
camera, if its adapter is installed; without a label it is the camera of the configuration.

``exposure``, ``roi``, ``binning`` and ``pixel_type`` mean what they mean for every camera; whatever
else the device offers has the device's own name (``Gain``). Setting ``binning`` sets ``roi`` to the
whole sensor.

The core's ring holds the frames; when it is overrun the core empties it, which is seen as a step of
``ImageNumber`` and told as lost by the driver. A sequence that ends by itself is started again.
"""

from __future__ import annotations

import importlib.util
import math
import time
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import numpy as np

from pyramidion.core import CameraError, FrameSpec, Lost, MissingError, UsageError, format_bytes
from pyramidion.instruments._camera import CameraKind, Grabbed, Property
from pyramidion.instruments._mm_properties import FAULTS, MMProperties
from pyramidion.instruments._settings import running, settings_in

_NEEDED = "Micro-Manager cameras need pymmcore-plus"
_EXTRA = "pip install pyramidion[micromanager]"
_DEMO = "MMConfig_demo.cfg"
_POLL_S = 0.0002
_SMALLEST_RING_MB = 16


class MMCamera:
    """A camera of Micro-Manager.

    Parameters
    ----------
    core : pymmcore.CMMCore
        With its configuration loaded; unloaded with the camera.
    label : str
        Of the camera.
    """

    def __init__(self, core: Any, label: str) -> None:
        self._core, self._label = core, label
        self._properties = MMProperties(core, label)
        self._shape, self._dtype = (0, 0), np.dtype("<u2")
        self._is_running = False
        self._base, self._base_s, self._next, self._last_s = 0, 0.0, 0, 0.0

    def properties(self) -> tuple[Property, ...]:
        """Return every property, those of all cameras first."""
        return self._properties.listed()

    def set(self, name: str, value: str) -> None:
        """Set a property; not after ``start``."""
        if self._is_running:
            raise running(name)
        self._properties.set(name, value)

    def spec(self) -> FrameSpec:
        """Return what frames are."""
        if self._core.getNumberOfComponents() != 1:
            raise UsageError("PixelType", "frames of one colour are recorded", id="PYR-CAM-05")
        x, y, _, _ = self._core.getROI()
        pixel_um = self._core.getPixelSizeUm()
        return FrameSpec(
            self._core.getImageHeight(),
            self._core.getImageWidth(),
            self._properties.pixel_type(),
            f"{self._core.getDeviceName(self._label)} {self._label}",
            pixel_um=(pixel_um, pixel_um) if pixel_um > 0 else None,
            origin=(y, x),
            properties={p.name: p.value for p in self.properties()},
        )

    def start(self, n_buffers: int) -> None:
        """Begin; the core's ring is made for so many frames."""
        self.stop()
        spec = self.spec()
        self._shape, self._dtype = spec.shape, spec.dtype
        n_bytes = n_buffers * spec.frame_bytes
        megabytes = max(_SMALLEST_RING_MB, math.ceil(n_bytes / (1 << 20)))
        try:
            self._core.setCircularBufferMemoryFootprint(megabytes)
        except FAULTS as error:
            raise CameraError(
                "mm",
                f"camera refused {n_buffers} buffers ({format_bytes(n_bytes)})",
                mend="lower --buffers",
                id="PYR-CAM-07",
            ) from error
        self._base, self._base_s, self._next, self._last_s = 0, 0.0, 0, 0.0
        with self._told("cannot start"):
            self._core.startContinuousSequenceAcquisition(0)
        self._is_running = True

    def grab(self, out: np.ndarray, timeout_s: float) -> Grabbed:
        """Wait for frames and copy them."""
        if not self._is_running:
            raise UsageError("mm", "not started", id="PYR-CAM-05")
        until = time.monotonic() + timeout_s
        lost: list[Lost] = []
        while not (there := self._core.getRemainingImageCount()):
            if not self._core.isSequenceRunning():
                lost += self._start_again()
            if time.monotonic() >= until:
                break
            time.sleep(_POLL_S)
        numbers: list[int] = []
        times: list[float] = []
        for frame in out[:there]:
            popped = self._pop()
            if popped is None:
                break
            pixels, number, seconds = popped
            if pixels.shape != self._shape:
                raise _wrong_shape(number, pixels.shape, self._shape)
            frame[:] = pixels
            if number > self._next:
                lost.append(Lost(self._next, number - self._next, "driver"))
            self._next, self._last_s = number + 1, seconds
            numbers.append(number)
            times.append(seconds)
        return Grabbed(np.array(numbers, np.int64), np.array(times, np.float64), tuple(lost))

    def stop(self) -> None:
        """End; safe to call twice."""
        if self._is_running:
            self._is_running = False
            with self._told("cannot stop"):
                self._core.stopSequenceAcquisition()

    def close(self) -> None:
        """Unload the devices; safe to call twice."""
        if self._label:
            self.stop()
            self._label = ""
            with self._told("cannot close"):
                self._core.unloadAllDevices()

    def _pop(self) -> tuple[np.ndarray, int, float] | None:
        """Take the oldest image; None if the core has just emptied its overrun ring."""
        import pymmcore

        tags = pymmcore.Metadata()
        try:
            pixels = self._core.popNextImageMD(tags)
        except (SystemError, IndexError, *FAULTS):
            return None
        keys = tags.GetKeys()
        number, seconds = self._next, math.nan
        if "ImageNumber" in keys:
            number = self._base + int(tags.GetSingleTag("ImageNumber").GetValue())
        if "ElapsedTime-ms" in keys:
            seconds = self._base_s + float(tags.GetSingleTag("ElapsedTime-ms").GetValue()) / 1000
        return pixels.view(self._dtype), max(number, self._next), seconds

    def _start_again(self) -> list[Lost]:
        """Go on after the core has stopped; what it missed is at least one frame."""
        with self._told("camera lost after frame", self._next, id="PYR-ACQ-04"):
            self._core.startContinuousSequenceAcquisition(0)
        lost = Lost(self._next, 1, "driver")
        self._next += 1
        self._base, self._base_s = self._next, self._last_s
        return [lost]

    @contextmanager
    def _told(self, what: str, value: object = None, id: str = "PYR-CAM-02") -> Iterator[None]:  # noqa: A002
        """Turn a fault of the core into a :class:`CameraError`."""
        try:
            yield
        except FAULTS as error:
            place = what if value is None else f"{what} {value}"
            raise CameraError("mm", place, error, id=id) from error


def _wrong_shape(number: int, got: tuple[int, ...], expected: tuple[int, int]) -> CameraError:
    shown = " x ".join(map(str, got))
    return CameraError(
        "mm",
        f"frame {number} is {shown}, expected {expected[0]} x {expected[1]}",
        id="PYR-ACQ-08",
    )


def _why_not() -> str:
    if any(importlib.util.find_spec(name) is None for name in ("pymmcore", "pymmcore_plus")):
        return f"{_NEEDED}: {_EXTRA}"
    if not _adapters():
        return "no device adapters of Micro-Manager found: set MICROMANAGER_PATH"
    return ""


def _adapters() -> str:
    """Return the folder of Micro-Manager's device adapters; empty if there is none."""
    from pymmcore_plus import find_micromanager

    return str(find_micromanager() or "")


def _open(rest: str) -> MMCamera:
    config, settings = _split(rest)
    if any(importlib.util.find_spec(name) is None for name in ("pymmcore", "pymmcore_plus")):
        raise UsageError("mm", _NEEDED, mend=_EXTRA, id="PYR-ALL-22")
    folder = _adapters()
    path = Path(config) if config else Path(folder) / _DEMO
    if not folder:
        raise CameraError("mm", _why_not(), id="PYR-CAM-01")
    if not path.is_file():
        raise MissingError(str(path), "no such file", id="PYR-ALL-03")
    core = _loaded(folder, path)
    label = dict(settings).get("device") or core.getCameraDevice()
    cameras = tuple(core.getLoadedDevicesOfType(_camera_device()))
    if label not in cameras:
        core.unloadAllDevices()
        held = f"{len(cameras)} found: {', '.join(cameras) or 'none'}"
        raise CameraError("mm", f"camera {label or '?'} not there", held, id="PYR-CAM-02")
    core.setCameraDevice(label)
    camera = MMCamera(core, label)
    try:
        for name, value in settings:
            if name != "device":
                camera.set(name, value)
    except UsageError:
        camera.close()
        raise
    return camera


def _split(rest: str) -> tuple[str, list[tuple[str, str]]]:
    """Return configuration and settings."""
    first, _, others = rest.partition(",")
    return ("", settings_in(rest)) if "=" in first else (first, settings_in(others))


def _loaded(folder: str, path: Path) -> Any:
    import pymmcore

    core = pymmcore.CMMCore()
    core.enableStderrLog(False)
    core.setDeviceAdapterSearchPaths([folder])
    try:
        core.loadSystemConfiguration(str(path))
    except FAULTS as error:
        core.unloadAllDevices()
        raise CameraError(str(path), "configuration not loaded", error, id="PYR-CAM-02") from error
    return core


def _camera_device() -> int:
    import pymmcore

    return int(pymmcore.CameraDevice)


def _found() -> Iterable[tuple[str, str]]:
    if _why_not():
        return
    for path in sorted(Path(_adapters()).glob("*.cfg")):
        is_demo = path.name == _DEMO
        yield ("" if is_demo else str(path)), f"Micro-Manager configuration {path.stem}"


def _example(_: object) -> str:
    return "OnCameraCCDXSize=64,OnCameraCCDYSize=48,exposure=0.002"


CAMERA = CameraKind(
    name="mm",
    summary="every camera of Micro-Manager",
    open=_open,
    found=_found,
    why_not=_why_not,
    example=_example,
)
