"""Hamamatsu cameras by DCAM-API, on Windows and Linux: ``dcam:0`` is the first one.

The vendor's library is found by its usual name, or where the environment variable
``PYRAMIDION_DCAM_LIBRARY`` says. Properties are those of the camera, by their names in small
letters (``sensor_temperature``, ``readout_speed``); these have the names they have with every
camera: ``exposure``, ``roi``, ``binning``, ``trigger``, ``pixel_type``, ``cooling``, ``rate``. With
``trigger=software`` each ``fire_trigger=1`` takes a frame, also while the camera runs.

What was proved without a camera, and what was not: ``docs/explanation/dcam.md``.
"""

from __future__ import annotations

from collections.abc import Iterable
from contextlib import suppress

import numpy as np

from pyramidion.core import CameraError, FrameSpec, UsageError
from pyramidion.instruments._camera import CameraKind, Grabbed, Property
from pyramidion.instruments._dcam.constants import ALIASES, OFF, PIXEL_TYPES, Capability, IdStr
from pyramidion.instruments._dcam.device import Device, camera_names, described, serial_in
from pyramidion.instruments._dcam.library import (
    DcamError,
    camera_fault,
    load_library,
)
from pyramidion.instruments._dcam.properties import Properties
from pyramidion.instruments._dcam.region import Region
from pyramidion.instruments._dcam.ring import LEAST_BUFFERS, Ring
from pyramidion.instruments._settings import one_of, read_only, running, unknown_property

__all__ = ["CAMERA", "DcamCamera"]

_FIRE, _STAMPS = "fire_trigger", "stamps"
_ABOUT = {
    "bus": IdStr.BUS,
    "vendor": IdStr.VENDOR,
    "model": IdStr.MODEL,
    "serial": IdStr.CAMERAID,
    "camera_version": IdStr.CAMERAVERSION,
    "driver_version": IdStr.DRIVERVERSION,
    "module_version": IdStr.MODULEVERSION,
    "dcam_api_version": IdStr.DCAMAPIVERSION,
}


class DcamCamera:
    """A camera of DCAM-API that is open.

    Parameters
    ----------
    index : int
        Which one, from 0.

    Raises
    ------
    CameraError
        If the library is not there, the camera is not there, or it is in use.
    """

    def __init__(self, index: int) -> None:
        self._device = Device(load_library(), index)
        self._ring: Ring | None = None
        self._frame_shape, self._frame_dtype = (0, 0), np.dtype(np.uint8)
        try:
            with self._device.told():
                self._properties = Properties(self._device)
                self._region = Region(self._device)
                self._capability = self._device.capability()
        except CameraError:
            self._device.close()
            raise

    def properties(self) -> tuple[Property, ...]:
        """Return every property of the camera, and what it says about itself."""
        with self._device.told():
            found = list(self._properties.listed())
            if self._region.is_there:
                found.insert(0, self._region.listed())
            if self._properties.word("trigger") == "software":
                found.append(Property(_FIRE, "", "", "1"))
        texts = {name: self._device.string(what) for name, what in _ABOUT.items()}
        texts["serial"] = serial_in(texts["serial"])
        found += [Property(name, text) for name, text in texts.items() if text]
        stamps = [c.name.lower() for c in Capability if c & self._capability and c.name]
        return (*found, Property(_STAMPS, ", ".join(stamps) or "none"))

    def set(self, name: str, value: str) -> None:
        """Set a property; not after ``start``, but for ``fire_trigger``."""
        if name == _FIRE:
            one_of(name, value.strip(), "1")
            self.fire_trigger()
            return
        if self._ring is not None:
            raise running(name)
        if name in (*_ABOUT, _STAMPS):
            raise read_only(name)
        known = self._known_names()
        if name not in (*known, *ALIASES):
            raise unknown_property(name, (*known, *_ABOUT, _STAMPS))
        with self._device.told():
            if name == "roi":
                self._region.set(value)
            else:
                self._properties.set(name, value)

    def fire_trigger(self) -> None:
        """Take one frame of a running camera with ``trigger=software``.

        Raises
        ------
        UsageError
            If the camera does not run, or waits for another trigger.
        """
        with self._device.told():
            if self._properties.word("trigger") != "software":
                raise UsageError(_FIRE, "only with trigger=software", id="PYR-CAM-05")
            if self._ring is None:
                raise UsageError(_FIRE, "the camera does not run", id="PYR-CAM-05")
            self._device.call("dcamcap_firetrigger", 0)

    def spec(self) -> FrameSpec:
        """Return what frames are, asked from the camera.

        Raises
        ------
        UsageError
            If it is set to pixels that are not recorded.
        """
        name = "DCAM camera"
        with suppress(DcamError):
            name = described(self._device.library, self._device.handle)
        with self._device.told():
            shape, dtype = self._shape_and_dtype()
            internal = self._properties.word("trigger") in ("internal", "")
            rate_hz = (self._properties.number("rate") or 0.0) if internal else 0.0
            pixel_um, origin = self._pixel_um(), self._origin()
        return FrameSpec(
            *shape,
            dtype,
            name,
            rate_hz,
            pixel_um,
            origin,
            {p.name: p.value for p in self.properties()},
        )

    def start(self, n_buffers: int) -> None:
        """Begin; the library holds at least 4 frames.

        Raises
        ------
        CameraError
            If the camera refuses, for example for want of memory.
        """
        if self._ring is not None:
            raise running("start")
        with self._device.told():
            shape, dtype = self._shape_and_dtype()
            n_buffers = max(LEAST_BUFFERS, n_buffers)
            self._ring = Ring(self._device, n_buffers, shape, dtype, self._capability)
        self._frame_shape, self._frame_dtype = shape, dtype

    def grab(self, out: np.ndarray, timeout_s: float) -> Grabbed:
        """Wait for frames and copy them."""
        if self._ring is None:
            raise UsageError(self._device.where, "not started", id="PYR-CAM-05")
        if out.shape[1:] != self._frame_shape or out.dtype != self._frame_dtype:
            raise ValueError(f"frames of {self._frame_shape} {self._frame_dtype} do not fit")
        if not out[:1].flags.c_contiguous:
            raise ValueError("the rows of a frame must lie behind each other")
        return self._ring.grab(out, timeout_s)

    def abort(self) -> None:
        """Wake :meth:`grab` in another thread; until :meth:`stop` it waits no more."""
        if self._ring is not None:
            self._ring.abort()

    def stop(self) -> None:
        """End; safe to call twice, and with a camera that is gone."""
        ring, self._ring = self._ring, None
        if ring is not None:
            ring.close()

    def close(self) -> None:
        """Give the camera back; safe to call twice."""
        self.stop()
        self._device.close()

    def _known_names(self) -> tuple[str, ...]:
        return (*(("roi",) if self._region.is_there else ()), *self._properties.names)

    def _shape_and_dtype(self) -> tuple[tuple[int, int], np.dtype]:
        """Return what the camera is about to send; raises UsageError if it is not recorded."""
        values = self._properties
        if (values.number("framebundle_mode") or OFF) != OFF:
            raise UsageError(
                "framebundle_mode", "bundles of frames are not recorded", "on",
                "set framebundle_mode=off", id="PYR-CAM-05",
            )  # fmt: skip
        pixel_type = int(values.number("pixel_type") or 0)
        if pixel_type not in PIXEL_TYPES:
            raise UsageError(
                "pixel_type", "not recorded", values.word("pixel_type") or "unknown",
                "set pixel_type=uint16 or uint8", id="PYR-CAM-05",
            )  # fmt: skip
        height, width = (int(values.number(f"image_{side}") or 0) for side in ("height", "width"))
        if height < 1 or width < 1:
            raise CameraError(self._device.where, "does not tell its size", id="PYR-CAM-00")
        return (height, width), np.dtype(PIXEL_TYPES[pixel_type]).newbyteorder("<")

    def _binning(self) -> int:
        """Return the binning; 0 if it differs along x and y."""
        binning = int(self._properties.number("binning") or 1)
        return binning if binning < 100 else 0

    def _pixel_um(self) -> tuple[float, float] | None:
        sides = (self._properties.number(f"image_detector_pixel_{s}") for s in ("height", "width"))
        y, x = (side or 0.0 for side in sides)
        binning = self._binning()
        return (y * binning, x * binning) if y > 0 and x > 0 and binning else None

    def _origin(self) -> tuple[int, int]:
        binning = self._binning()
        if not self._region.is_there or not binning:
            return 0, 0
        x, y, _, _ = self._region.box()
        return y // binning, x // binning


def _open(rest: str) -> DcamCamera:
    number = rest.strip() or "0"
    if not (number.isascii() and number.isdigit() and len(number) < 6):
        raise UsageError("CAMERA", "not a camera number", f"dcam:{rest}", "write dcam:0", id="PYR-CAM-02")  # fmt: skip
    return DcamCamera(int(number))


def _found() -> Iterable[tuple[str, str]]:
    try:
        library = load_library()
    except CameraError:
        return []
    try:
        with library.used():
            return [(str(index), name) for index, name in enumerate(camera_names(library))]
    except DcamError as error:
        raise camera_fault(library, "dcam", error, None) from None


def _why_not() -> str:
    try:
        load_library()
    except CameraError as error:
        return f"{error.what} ({error.value})"
    return ""


CAMERA = CameraKind(
    name="dcam",
    summary="Hamamatsu cameras by DCAM-API",
    open=_open,
    found=_found,
    why_not=_why_not,
    example=lambda _: "0",
)
