"""What every camera does, and how one is found by its address.

An address is ``KIND:REST``: ``sim:width=512,height=512,rate=1000``, ``dcam:0``, ``file:movie.tif``.
The modules of this package that end with a record ``CAMERA`` are the kinds; nothing lists them
elsewhere. A new camera is one file.
"""

from __future__ import annotations

import difflib
import importlib
import pkgutil
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import NamedTuple, Protocol

import numpy as np

from pyramidion.core import FrameSpec, Lost, UsageError


class Grabbed(NamedTuple):
    """The frames of one call of :meth:`Camera.grab`.

    Parameters
    ----------
    number : ndarray of int64, shape (k,)
        The camera's own count, 0 for the first frame after ``start``, rising. A step of more than
        one means that frames are lost.
    time_camera : ndarray of float64, shape (k,)
        Seconds on the camera's clock; NaN where it has none.
    lost : tuple of Lost
        What is known of the gaps in `number`, also of one behind the last frame; a gap that is not
        explained here was lost by the camera.
    """

    number: np.ndarray
    time_camera: np.ndarray
    lost: tuple[Lost, ...] = ()


class Property(NamedTuple):
    """One property of a camera.

    Parameters
    ----------
    name : str
        As typed: ``exposure``.
    value : str
        As it is now.
    unit : str
        Unit of a number; may be empty.
    allowed : str
        What may be set, for people (``0.001 to 10``, ``internal, external``); empty: read only.
    """

    name: str
    value: str
    unit: str = ""
    allowed: str = ""


class Camera(Protocol):
    """A camera that is open; used by one thread.

    Every method raises :class:`~pyramidion.core.CameraError` when the device fails (unplugged,
    driver fault) and :class:`~pyramidion.core.UsageError` when it is asked for what it cannot do.
    """

    def properties(self) -> tuple[Property, ...]:
        """Return every property.

        ``exposure`` (s), ``roi`` (``x,y,width,height`` in sensor pixels), ``binning``, ``trigger``
        (``internal``, ``external``, ``software``), ``pixel_type`` (``uint8``, ``uint16``...) and
        ``rate`` (Hz) have these names in every camera that has them.
        """
        ...

    def set(self, name: str, value: str) -> None:
        """Set a property; not after ``start``.

        Raises
        ------
        UsageError
            If there is none of that name, it cannot be written, or the value is not allowed.
        """
        ...

    def spec(self) -> FrameSpec:
        """Return what frames are, as the camera is set now."""
        ...

    def start(self, n_buffers: int) -> None:
        """Begin; frames are counted from 0.

        Parameters
        ----------
        n_buffers : int
            Frames that the driver shall hold until they are fetched.
        """
        ...

    def grab(self, out: np.ndarray, timeout_s: float) -> Grabbed:
        """Wait for frames and copy them.

        Parameters
        ----------
        out : ndarray, shape (k, height, width)
            Filled from its start with the frames that are there, at most `k`.
        timeout_s : float
            Longest to wait for the first.

        Returns
        -------
        Grabbed
            Of no frame, if none came in time.

        Raises
        ------
        EOFError
            If there will be no more (a file that was played to its end).
        CameraError
            If the camera is gone.
        """
        ...

    def stop(self) -> None:
        """End; safe to call twice."""
        ...

    def close(self) -> None:
        """Give the device back; safe to call twice."""
        ...


@dataclass(frozen=True)
class CameraKind:
    """One kind of camera.

    Parameters
    ----------
    name : str
        What stands before the colon of its address.
    summary : str
        One line for people.
    open : callable
        ``open(rest) -> Camera``; libraries are imported inside.
    found : callable
        ``found() -> iterable of (rest, description)``: the devices that are there now. A kind whose
        library is missing finds none.
    why_not : callable
        ``why_not() -> str``: why this kind cannot be used here; empty when it can.
    file_of : callable
        ``file_of(rest) -> Path or None``: the file that an address plays, which no recording may
        replace.
    example : callable, optional
        ``example(folder) -> rest``: an address that works on every machine where ``why_not`` is
        silent, for the contract tests.
    """

    name: str
    summary: str
    open: Callable[[str], Camera]
    found: Callable[[], Iterable[tuple[str, str]]]
    why_not: Callable[[], str] = lambda: ""
    file_of: Callable[[str], Path | None] = lambda _rest: None
    example: Callable[[object], str] | None = None


@cache
def camera_kinds() -> tuple[CameraKind, ...]:
    """Return every kind of camera, by name."""
    package = importlib.import_module("pyramidion.instruments")
    names = sorted(m.name for m in pkgutil.iter_modules(package.__path__) if m.name[0] != "_")
    modules = [importlib.import_module(f"pyramidion.instruments.{name}") for name in names]
    return tuple(sorted((m.CAMERA for m in modules if hasattr(m, "CAMERA")), key=lambda k: k.name))


def open_camera(address: str) -> Camera:
    """Open the camera at an address.

    Parameters
    ----------
    address : str
        ``KIND:REST``; a bare number is ``dcam:N``, ``simulated`` is ``sim:``.

    Raises
    ------
    UsageError
        If there is no such kind, or the rest is not one of its addresses.
    CameraError
        If the device is not there, in use, or fails.
    """
    kind, rest = split_address(address)
    return kind.open(rest)


def split_address(address: str) -> tuple[CameraKind, str]:
    """Return kind and rest of an address.

    Raises
    ------
    UsageError
        If there is no such kind.
    """
    kinds = {kind.name: kind for kind in camera_kinds()}
    if address.isascii() and address.isdigit():
        return kinds["dcam"], address
    name, _, rest = address.partition(":")
    name = "sim" if name in ("simulated", "dummy") else name
    if name not in kinds:
        close = difflib.get_close_matches(name, kinds, n=1)
        mend = (
            f"did you mean {close[0]}:?" if close else f"one of {', '.join(f'{n}:' for n in kinds)}"
        )
        raise UsageError("CAMERA", "not a camera", address, mend, id="PYR-CAM-02")
    return kinds[name], rest


def set_properties(camera: Camera, settings: Iterable[tuple[str, str]]) -> None:
    """Set properties in an order in which they do not disturb each other."""
    order = ("width", "height", "binning", "pixel_type", "roi", "trigger", "exposure", "rate")
    given = list(settings)
    given.sort(key=lambda pair: order.index(pair[0]) if pair[0] in order else len(order))
    for name, value in given:
        camera.set(name, value)
