"""The library's ring of buffers, emptied by count.

One announcement may stand for several frames, so each look asks how many were transferred and
fetches all of them, oldest first. The ring is overwritten without a question: whether a copy was
overtaken is asked after it was made.
"""

from __future__ import annotations

import time
from contextlib import ExitStack
from ctypes import byref
from typing import Final

import numpy as np

from pyramidion.core import CameraError, format_bytes
from pyramidion.instruments._camera import Grabbed
from pyramidion.instruments._dcam.constants import (
    CAPTURE_SEQUENCE,
    EVENT_FRAMEREADY,
    Capability,
    Err,
)
from pyramidion.instruments._dcam.device import Device
from pyramidion.instruments._dcam.library import DcamError
from pyramidion.instruments._dcam.numbering import Numbering, unwrapped
from pyramidion.instruments._dcam.structs import BufFrame, TransferInfo, WaitOpen, WaitStart, sized

LEAST_BUFFERS: Final = 4
"""One is being written by the camera, so fewer could not be read in peace."""

_MOST_BUFFERS = (1 << 31) - 1
_LONGEST_WAIT_MS = 100
_MOST_BYTES = 32 << 20
"""Most that one call copies, so that it lasts 10 ms at most."""

_NO_MEMORY = (Err.NOMEMORY, Err.LESSSYSTEMMEMORY, Err.NODEVICEBUFFER, Err.NORESOURCE)
_REPORTED = (Err.LOSTFRAME, Err.MISSINGFRAME_TROUBLE)
_OVERWRITTEN = (Err.INVALIDFRAMEINDEX, *_REPORTED)


class Ring:
    """A running camera and its buffers.

    Parameters
    ----------
    device : Device
        Starts to take frames.
    n_buffers : int
        Frames that the library holds, at least 2.
    shape : (int, int)
        Height and width of a frame.
    dtype : numpy.dtype
        Of a pixel.
    capability : Capability
        Which stamps count.

    Raises
    ------
    DcamError, CameraError
        If the camera refuses; it is idle then.
    """

    def __init__(
        self,
        device: Device,
        n_buffers: int,
        shape: tuple[int, int],
        dtype: np.dtype,
        capability: Capability,
    ) -> None:
        self._device, self._n_buffers = device, n_buffers
        self._shape, self._dtype = shape, dtype
        self._numbering = Numbering(has_stamps=bool(capability & Capability.FRAMESTAMP))
        self._has_time = bool(capability & Capability.TIMESTAMP)
        self._n_transferred = self._next = self._newest_slot = 0
        self._failed: DcamError | None = None
        self._unplugged = self._aborted = False
        height, width = shape
        self._frame = sized(
            BufFrame, width=width, height=height, rowbytes=width * self._dtype.itemsize
        )
        self._info = sized(TransferInfo)
        self._waited = sized(WaitStart, event_mask=EVENT_FRAMEREADY)
        self._copyframe = device.library.raw("dcambuf_copyframe")
        self._transferinfo = device.library.raw("dcamcap_transferinfo")
        self._wait_start = device.library.raw("dcamwait_start")
        with ExitStack() as undo:
            self._wait = self._open_wait()
            undo.callback(device.library.raw("dcamwait_close"), self._wait)
            self._allocate()
            undo.callback(device.library.raw("dcambuf_release"), device.handle, 0)
            device.call("dcamcap_start", CAPTURE_SEQUENCE)
            undo.callback(device.library.raw("dcamcap_stop"), device.handle)
            self._undo = undo.pop_all()

    def close(self) -> None:
        """Stop and give the buffers back, each step even if one before it failed."""
        self._undo.close()

    def abort(self) -> None:
        """Wake :meth:`grab` in another thread; it waits no more and comes back with what is there."""
        self._aborted = True
        self._device.library.raw("dcamwait_abort")(self._wait)

    def grab(self, out: np.ndarray, timeout_s: float) -> Grabbed:
        """Wait for frames and copy them.

        Parameters
        ----------
        out : ndarray, shape (k, height, width), C-contiguous frames
            Filled from its start.
        timeout_s : float
            Longest to wait for the first.

        Raises
        ------
        CameraError
            If the camera is gone and all its frames were fetched.
        """
        if self._failed is not None:
            raise self._fault(self._failed)
        deadline = time.monotonic() + timeout_s
        numbers: list[int] = []
        times: list[float] = []
        try:
            self._drain(out, deadline, numbers, times)
            while not numbers and self._wait_for_frames(deadline - time.monotonic()):
                self._drain(out, deadline, numbers, times)
            if not numbers and self._next == self._n_transferred:
                self._numbering.settle()
        except DcamError as error:
            self._failed = error
            self._numbering.settle()
            # What was fetched before is handed out; the next call tells.
            if not numbers and not self._numbering.lost:
                raise self._fault(error) from None
        lost, self._numbering.lost = tuple(self._numbering.lost), []
        return Grabbed(np.array(numbers, np.int64), np.array(times, np.float64), lost)

    def _drain(
        self, out: np.ndarray, deadline: float, numbers: list[int], times: list[float]
    ) -> None:
        """Copy what is there into `out`, oldest first."""
        address, step = out.ctypes.data, out.strides[0]
        room = max(1, min(len(out), _MOST_BYTES // step))
        self._look()
        while len(numbers) < room and self._next < self._n_transferred:
            # The camera may be writing the frame behind the newest, where the oldest was.
            self._next = max(self._next, self._n_transferred - self._n_buffers + 1)
            index = self._next
            copied = self._copy(index, address + len(numbers) * step)
            self._look()
            if copied and index > self._n_transferred - self._n_buffers:
                frame = self._frame
                numbers.append(self._numbering.take(index, frame.framestamp))
                stamp = frame.timestamp
                times.append(stamp.sec + stamp.microsec * 1e-6 if self._has_time else np.nan)
                self._next = index + 1
                continue
            # Overtaken while copying: the oldest ones would be again, so half the ring is left out.
            self._next = max(index + 1, self._n_transferred - self._n_buffers // 2)
            if time.monotonic() > deadline:
                return

    def _copy(self, index: int, address: int) -> bool:
        """Copy one frame to an address; False if it was overwritten before."""
        behind = self._n_transferred - 1 - index
        self._frame.frame = (self._newest_slot - behind) % self._n_buffers
        self._frame.buf = address
        result = self._copyframe(self._device.handle, byref(self._frame))
        if result < 0:
            code = result & 0xFFFFFFFF
            if code not in _OVERWRITTEN:
                raise DcamError("dcambuf_copyframe", code)
            return False
        return True

    def _look(self) -> None:
        """Ask how many frames were transferred."""
        result = self._transferinfo(self._device.handle, byref(self._info))
        if result < 0:
            raise DcamError("dcamcap_transferinfo", result & 0xFFFFFFFF)
        self._n_transferred = unwrapped(self._n_transferred, self._info.frame_count)
        self._newest_slot = self._info.newest_frame_index

    def _wait_for_frames(self, left_s: float) -> bool:
        """Wait a while; False when there is no time left to look again.

        A wait is cut into short ones: an announcement between two waits may be missed.
        """
        if self._unplugged:
            raise DcamError("dcamwait_start", Err.NOCONNECTION)
        if self._aborted or left_s <= 0:
            return False
        self._waited.timeout = min(_LONGEST_WAIT_MS, max(1, round(left_s * 1000)))
        result = self._wait_start(self._wait, byref(self._waited))
        return result >= 0 or self._go_on_after(result & 0xFFFFFFFF)

    def _go_on_after(self, code: int) -> bool:
        """Tell what an error of the wait means: True to look again, False to come back."""
        if code in _REPORTED:
            self._look()  # more may have come during the wait
            self._numbering.report(self._n_transferred)
        elif code == Err.NOCONNECTION:
            self._unplugged = True  # told when the ring is empty
        elif code == Err.ABORT:
            return False
        elif code != Err.TIMEOUT:
            raise DcamError("dcamwait_start", code)
        return True

    def _open_wait(self) -> int | None:
        asked = sized(WaitOpen, handle=self._device.handle)
        self._device.library.call("dcamwait_open", byref(asked))
        if not asked.support_event & EVENT_FRAMEREADY:
            self._device.library.raw("dcamwait_close")(asked.wait)
            raise CameraError(self._device.where, "does not announce its frames", id="PYR-CAM-00")
        wait: int | None = asked.wait
        return wait

    def _allocate(self) -> None:
        try:
            if self._n_buffers > _MOST_BUFFERS:
                raise DcamError("dcambuf_alloc", Err.NOMEMORY)
            self._device.call("dcambuf_alloc", self._n_buffers)
        except DcamError as error:
            if error.code not in _NO_MEMORY:
                raise
            height, width = self._shape
            n_bytes = self._n_buffers * height * width * self._dtype.itemsize
            raise CameraError(
                self._device.where,
                f"refused {self._n_buffers} buffers ({format_bytes(n_bytes)})",
                None,
                "lower --buffers",
                id="PYR-CAM-07",
            ) from None

    def _fault(self, error: DcamError) -> CameraError:
        if error.code != Err.NOCONNECTION:
            return self._device.fault(error)
        n_frames = self._numbering.next_number
        return CameraError(
            self._device.where,
            f"camera lost after frame {n_frames}" if n_frames else "camera lost before a frame",
            None,
            "check power and cable",
            id="PYR-ACQ-04",
        )
