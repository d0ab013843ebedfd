"""One open camera: what the library is asked about it, in numbers."""

from __future__ import annotations

import ctypes
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager, suppress
from ctypes import byref, c_double, c_int32

from pyramidion.core import CameraError
from pyramidion.instruments._dcam.constants import (
    NEXT_SUPPORTED,
    NEXT_VALUE,
    Capability,
    Err,
    IdStr,
)
from pyramidion.instruments._dcam.library import DcamError, Library, camera_fault
from pyramidion.instruments._dcam.structs import (
    DevCapability,
    DevOpen,
    PropAttr,
    PropValueText,
    sized,
)

_NAME_BYTES = 64
_MOST_PROPERTIES = 4096


class Device:
    """A camera that is open.

    Parameters
    ----------
    library : Library
        Is used until :meth:`close`.
    index : int
        Which camera, from 0.

    Raises
    ------
    CameraError
        If it is not there, or in use.

    Attributes
    ----------
    handle : int
        What the library calls it.
    where : str
        ``camera 0``, for errors.
    """

    def __init__(self, library: Library, index: int) -> None:
        self.library, self.where = library, f"camera {index}"
        self.handle: int | None = None
        with self.told(), ExitStack() as undo:
            n_cameras = library.begin()
            undo.callback(library.end)
            if index >= n_cameras:
                raise self._not_there(n_cameras)
            asked = sized(DevOpen, index=index)
            library.call("dcamdev_open", byref(asked))
            undo.pop_all()
        self.handle = asked.handle

    def close(self) -> None:
        """Give the camera back; safe to call twice."""
        if self.handle is not None:
            self.library.raw("dcamdev_close")(self.handle)
            self.handle = None
            self.library.end()

    def call(self, function: str, *arguments: object) -> int:
        """Call a function with the handle before its arguments.

        Raises
        ------
        DcamError
            If it fails.
        """
        return self.library.call(function, self.handle, *arguments)

    def fault(self, error: DcamError) -> CameraError:
        """Return the error of a user for one of the library."""
        return camera_fault(self.library, self.where, error, self.handle)

    @contextmanager
    def told(self) -> Iterator[None]:
        """Let errors of the library leave the block as errors of a user."""
        try:
            yield
        except DcamError as error:
            raise self.fault(error) from None

    def string(self, what: IdStr) -> str:
        """Return a text about the camera; empty where it has none."""
        with suppress(DcamError):
            return self.library.string(self.handle, what)
        return ""

    def capability(self) -> Capability:
        """Return which stamps its frames have; none when it does not say."""
        asked = sized(DevCapability)
        with suppress(DcamError):
            self.call("dcamdev_getcapability", byref(asked))
        return Capability(asked.flags & 7)

    def ids(self) -> Iterator[int]:
        """Yield the id of every property.

        Raises
        ------
        DcamError
            If the camera fails.
        """
        prop, seen = c_int32(0), set[int]()
        while len(seen) < _MOST_PROPERTIES:
            try:
                self.call("dcamprop_getnextid", byref(prop), NEXT_SUPPORTED)
            except DcamError as error:
                if error.code == Err.NOPROPERTY:
                    return
                raise
            if prop.value == 0 or prop.value in seen:
                return
            seen.add(prop.value)
            yield prop.value

    def name(self, prop: int) -> str:
        """Return what the library calls a property (``EXPOSURE TIME``)."""
        buffer = ctypes.create_string_buffer(_NAME_BYTES)
        self.call("dcamprop_getname", prop, buffer, _NAME_BYTES)
        return buffer.value.decode("ascii", "replace")

    def attr(self, prop: int) -> PropAttr:
        """Return limits, unit and kind of a property."""
        asked = sized(PropAttr, prop=prop)
        self.call("dcamprop_getattr", byref(asked))
        return asked

    def value(self, prop: int) -> float:
        """Return the value of a property; enumerations are numbers."""
        value = c_double()
        self.call("dcamprop_getvalue", prop, byref(value))
        return value.value

    def has(self, prop: int) -> bool:
        """Tell whether the camera has a property that can be read."""
        try:
            self.value(prop)
        except DcamError as error:
            if error.code == Err.NOCONNECTION:
                raise
            return False
        return True

    def set_value(self, prop: int, value: float) -> float:
        """Set a property; return what the camera made of it."""
        asked = c_double(value)
        self.call("dcamprop_setgetvalue", prop, byref(asked), 0)
        return asked.value

    def values(self, prop: int, first: float, most: int = 64) -> Iterator[float]:
        """Yield the values of an enumeration, rising from its first."""
        value = c_double(first)
        for _ in range(most):
            before = value.value
            yield before
            try:
                self.call("dcamprop_queryvalue", prop, byref(value), NEXT_VALUE)
            except DcamError as error:
                if error.code == Err.NOCONNECTION:
                    raise
                return
            if not value.value > before:
                return

    def value_text(self, prop: int, value: float) -> str:
        """Return the library's word for a value; empty where it has none."""
        buffer = ctypes.create_string_buffer(_NAME_BYTES)
        asked = sized(
            PropValueText,
            prop=prop,
            value=value,
            text=ctypes.addressof(buffer),
            text_bytes=_NAME_BYTES,
        )
        with suppress(DcamError):
            self.call("dcamprop_getvaluetext", byref(asked))
        return buffer.value.decode("ascii", "replace")

    def _not_there(self, n_cameras: int) -> CameraError:
        found = ", ".join(f"{k} {name}" for k, name in enumerate(camera_names(self.library)))
        return CameraError(
            self.where,
            "not there",
            f"{n_cameras} found: {found}" if found else "0 found",
            "check power and cable" if not found else "`pyramidion cameras` lists them",
            id="PYR-CAM-02",
        )


def camera_names(library: Library) -> list[str]:
    """Return model and serial number of every camera; the library must have begun.

    A camera that is not open can be asked by its index, where the library allows it; otherwise it
    is opened for the question.
    """
    return [_camera_name(library, index) for index in range(library.n_cameras)]


def described(library: Library, handle: int | None) -> str:
    """Return model and serial number of a camera."""
    model = library.string(handle, IdStr.MODEL)
    serial = ""
    with suppress(DcamError):
        serial = serial_in(library.string(handle, IdStr.CAMERAID))
    return f"{model} {serial}".strip()


def serial_in(text: str) -> str:
    """Return the serial number in what the library says (``S/N: 500123``)."""
    return text.removeprefix("S/N:").strip()


def _camera_name(library: Library, index: int) -> str:
    with suppress(DcamError):
        return described(library, index)
    try:
        device = Device(library, index)
    except CameraError as error:
        return error.what
    try:
        return described(library, device.handle)
    except DcamError:
        return "unknown"
    finally:
        device.close()
