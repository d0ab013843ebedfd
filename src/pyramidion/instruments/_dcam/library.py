"""The vendor's library: where it is, the types of its functions, what its errors mean.

Functions return a signed number: negative is failure. ctypes lets other threads run during a call.
"""

from __future__ import annotations

import ctypes
import os
import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from ctypes import POINTER, byref, c_char_p, c_double, c_int32, c_void_p
from functools import cache
from typing import Any, Final

from pyramidion.core import CameraError, escape
from pyramidion.instruments._dcam.constants import Err
from pyramidion.instruments._dcam.structs import (
    ApiInit,
    BufFrame,
    DevCapability,
    DevOpen,
    DevString,
    PropAttr,
    PropValueText,
    TransferInfo,
    WaitOpen,
    WaitStart,
    sized,
)

ENVIRONMENT: Final = "PYRAMIDION_DCAM_LIBRARY"
"""Names the library where it is in an unusual place."""

_USUAL_NAMES = {"win32": ("dcamapi.dll",), "linux": ("libdcamapi.so", "libdcamapi.so.4")}
_TEXT_BYTES = 256

_HANDLE = c_void_p
_FUNCTIONS: Final[dict[str, tuple[Any, ...]]] = {
    "dcamapi_init": (POINTER(ApiInit),),
    "dcamapi_uninit": (),
    "dcamdev_open": (POINTER(DevOpen),),
    "dcamdev_close": (_HANDLE,),
    "dcamdev_getstring": (_HANDLE, POINTER(DevString)),
    "dcamdev_getcapability": (_HANDLE, POINTER(DevCapability)),
    "dcamprop_getattr": (_HANDLE, POINTER(PropAttr)),
    "dcamprop_getvalue": (_HANDLE, c_int32, POINTER(c_double)),
    "dcamprop_setgetvalue": (_HANDLE, c_int32, POINTER(c_double), c_int32),
    "dcamprop_queryvalue": (_HANDLE, c_int32, POINTER(c_double), c_int32),
    "dcamprop_getnextid": (_HANDLE, POINTER(c_int32), c_int32),
    "dcamprop_getname": (_HANDLE, c_int32, c_char_p, c_int32),
    "dcamprop_getvaluetext": (_HANDLE, POINTER(PropValueText)),
    "dcambuf_alloc": (_HANDLE, c_int32),
    "dcambuf_release": (_HANDLE, c_int32),
    "dcambuf_copyframe": (_HANDLE, POINTER(BufFrame)),
    "dcamcap_start": (_HANDLE, c_int32),
    "dcamcap_stop": (_HANDLE,),
    "dcamcap_transferinfo": (_HANDLE, POINTER(TransferInfo)),
    "dcamcap_firetrigger": (_HANDLE, c_int32),
    "dcamwait_open": (POINTER(WaitOpen),),
    "dcamwait_start": (_HANDLE, POINTER(WaitStart)),
    "dcamwait_abort": (_HANDLE,),
    "dcamwait_close": (_HANDLE,),
}
"""The functions that are used, and the types of their arguments."""

_KNOWN_FAULTS = {
    Err.EXCLUDED: ("in use by another program", "close it there", "PYR-CAM-03"),
    Err.NOGRABBER: ("frame grabber not found", "check its board and driver", "PYR-CAM-04"),
    Err.NODRIVER: ("driver not found", "install the driver of the camera", "PYR-CAM-04"),
    Err.NOMODULE: ("driver module not found", "install DCAM-API again", "PYR-CAM-04"),
    Err.NEWRUNTIMEREQUIRED: ("DCAM-API is too old", "install a newer one", "PYR-CAM-04"),
    Err.DEVICEINITIALIZING: ("still starting", "try again in a minute", "PYR-CAM-04"),
    Err.NOCONNECTION: ("not connected", "check power and cable", "PYR-ACQ-04"),
}


class DcamError(Exception):
    """A function of the library failed.

    Parameters
    ----------
    function : str
        Its name.
    code : int
        Unsigned; one of :class:`Err`, or one that is not known.
    """

    def __init__(self, function: str, code: int) -> None:
        self.function, self.code = function, code
        super().__init__(f"{function}: {code_name(code)}")


class Library:
    """The loaded library, initialised while somebody uses it.

    Parameters
    ----------
    dll : ctypes.CDLL
        Its functions get their types here.

    Raises
    ------
    AttributeError
        If a function is missing.
    """

    def __init__(self, dll: ctypes.CDLL) -> None:
        for name, types in _FUNCTIONS.items():
            function = getattr(dll, name)
            function.argtypes, function.restype = types, c_int32
        self._dll = dll
        self._lock = threading.Lock()
        self._n_users = 0
        self.n_cameras = 0

    def raw(self, function: str) -> Any:
        """Return a function that is called again and again; the caller looks at its result."""
        return getattr(self._dll, function)

    def call(self, function: str, *arguments: Any) -> int:
        """Call a function.

        Raises
        ------
        DcamError
            If it fails.
        """
        result = int(self.raw(function)(*arguments))
        if result < 0:
            raise DcamError(function, result & 0xFFFFFFFF)
        return result

    def begin(self) -> int:
        """Initialise the library for one more user, once per process.

        Returns
        -------
        int
            Cameras that were there when it was initialised.

        Raises
        ------
        DcamError
            If a driver is missing; no camera is no error.
        """
        with self._lock:
            if self._n_users == 0:
                self.n_cameras = self._initialise()
            self._n_users += 1
            return self.n_cameras

    def end(self) -> None:
        """Take one user away; the last one closes the library."""
        with self._lock:
            self._n_users -= 1
            if self._n_users == 0:
                self.raw("dcamapi_uninit")()

    @contextmanager
    def used(self) -> Iterator[int]:
        """Keep the library initialised; gives the number of cameras."""
        n_cameras = self.begin()
        try:
            yield n_cameras
        finally:
            self.end()

    def string(self, handle: int | None, what: int) -> str:
        """Return a text about a camera, or of an error code.

        Parameters
        ----------
        handle : int, optional
            Of an open camera; the index of a camera that is not open is accepted as well.
        what : int
            One of :class:`IdStr`, or an unsigned error code.
        """
        buffer = ctypes.create_string_buffer(_TEXT_BYTES)
        signed = c_int32(what).value
        asked = sized(DevString, what=signed, text=ctypes.addressof(buffer), text_bytes=_TEXT_BYTES)
        self.call("dcamdev_getstring", handle, byref(asked))
        return buffer.value.decode("utf-8", "replace").strip()

    def text(self, handle: int | None, code: int) -> str:
        """Return what an error code means: in the library's words, or by its name."""
        with suppress(DcamError):
            if said := self.string(handle, code):
                return escape(said)
        return code_name(code)

    def _initialise(self) -> int:
        asked = sized(ApiInit)
        try:
            self.call("dcamapi_init", byref(asked))
        except DcamError as error:
            if error.code == Err.NOCAMERA:
                return 0
            self.raw("dcamapi_uninit")()
            raise
        return int(asked.device_count)


def load_library() -> Library:
    """Return the library of this machine.

    Raises
    ------
    CameraError
        If there is none, or it does not load.
    """
    named = os.environ.get(ENVIRONMENT)
    if named:
        return _load((named,))
    if sys.platform not in _USUAL_NAMES:
        raise CameraError(
            "dcam",
            "DCAM library not found",
            f"there is none for {'macOS' if sys.platform == 'darwin' else sys.platform}",
            "use Windows or Linux; the camera sim: works everywhere",
            id="PYR-CAM-01",
        )
    return _load(_USUAL_NAMES[sys.platform])


def camera_fault(library: Library, where: str, error: DcamError, handle: int | None) -> CameraError:
    """Return the error of a user for one of the library.

    Parameters
    ----------
    library : Library
        Has words for its codes.
    where : str
        ``camera 0``.
    error : DcamError
        What happened.
    handle : int, optional
        Of the camera, when it is open.
    """
    if error.code in _KNOWN_FAULTS:
        what, mend, id_ = _KNOWN_FAULTS[Err(error.code)]
        return CameraError(where, what, None, mend, id=id_)
    said = library.text(handle, error.code)
    return CameraError(where, f"{error.function} failed", said, id="PYR-CAM-00")


def code_name(code: int) -> str:
    """Return the name of an error code, or the code."""
    try:
        return Err(code).name
    except ValueError:
        return f"error 0x{code:08X}"


@cache
def _load(names: tuple[str, ...]) -> Library:
    said = ""
    for name in names:
        try:
            return Library(_open(name))
        except OSError as error:
            # A file that is missing is the usual case; one that is there and not ours is told.
            missing = str(error).startswith((f"{name}: cannot open", "Could not find"))
            said = said or ("" if missing else str(error).removeprefix(f"{name}: "))
        except AttributeError as error:
            said = said or str(error).rpartition(": ")[2]
    raise CameraError(
        "dcam",
        "DCAM library not found",
        f"looked for {', '.join(names)}" + (f"; {said}" if said else ""),
        f"install DCAM-API or set {ENVIRONMENT}; the camera sim: works everywhere",
        id="PYR-CAM-01",
    )


def _open(name: str) -> ctypes.CDLL:
    if sys.platform == "win32":
        return ctypes.WinDLL(name)
    return ctypes.CDLL(name)
