"""A ring of camera frames in shared memory: one process fills it, one empties it, many look on.

The camera's process pushes frames, the recorder takes and releases them in order, viewers copy the
newest. Nobody waits for anybody: a full ring is seen by the one who fills it, who then counts what
is lost.

The newest frames are never overwritten at once: of the slots that are free, the last ones pushed
stay out of reach of the camera until newer ones have been pushed (at least three). So a viewer
copies the newest slot and then asks whether the camera may have reached it meanwhile; if so it
tries again with a newer one. One slot guarded by a sequence number would starve its reader at high
rates, an unguarded one was torn in a fifth of all reads.

Counters are 8-byte words at aligned places, each written by one process only, after the bytes that
it announces. x86-64 keeps such stores in order; other machines would need barriers, which Python
does not offer.
"""

from __future__ import annotations

import contextlib
import json
import math
import os
import secrets
import time
from collections.abc import Callable, Mapping
from multiprocessing import shared_memory
from pathlib import Path
from typing import Any, NamedTuple, Self

import numpy as np

from pyramidion.core import LOST_REASONS, FrameSpec, Lost, Stamps

_MAGIC = 0x70797261_72696E67
_WORDS = 64
_STATUS_BYTES = 16384
_N_LOST = 16384
_LOOK_S = 5.0
_PAGE = 4096
_PREFIX = "pyramidion-"
_SHARED = Path("/dev/shm")  # noqa: S108 - where Linux keeps shared memory

# Places of the counters among the words; who writes each is in the comment.
(_IS, _HEIGHT, _WIDTH, _DTYPE, _SLOTS, _KEEP) = range(6)  # creator, once
(_HEAD, _CLAIM, _LOST_HEAD, _SEEN, _N_CAMERA, _BEAT, _STATE) = range(8, 15)  # the camera's process
(_TAIL, _LOST_TAIL) = range(24, 26)  # the recorder
(_STOP, _LIMIT, _STATUS_AT) = range(32, 35)  # the supervisor
(_LIVE_BEAT, _ASKED) = range(40, 42)  # the live server
_DTYPES = ("u1", "i1", "<u2", "<i2", "<u4", "<i4", "<f4", "<f8")

OPENING, RUNNING, ENDED, FAILED = range(4)
"""State of the camera's process, as :attr:`FrameRing.state` has it."""


class LatestFrame(NamedTuple):
    """A copy of the newest frame, or of a part of it.

    Parameters
    ----------
    pixels : ndarray, shape (height, width)
        A copy, whole: never parts of two frames.
    number : int
        The camera's count.
    time_host : float
        Unix time in seconds.
    """

    pixels: np.ndarray
    number: int
    time_host: float


class FrameRing:
    """A ring of frames in shared memory.

    Made by :meth:`create` or :meth:`attach`. Positions count all frames ever pushed.

    Attributes
    ----------
    name : str
        Of the shared memory; what other processes attach to.
    shape : (int, int)
        Height and width of a frame.
    dtype : numpy.dtype
        Of a pixel.
    n_slots : int
        Frames that it holds.
    keep : int
        Newest frames that are never overwritten before newer ones are pushed.
    """

    def __init__(self, memory: shared_memory.SharedMemory, *, owner: bool) -> None:
        self._memory, self._owner = memory, owner
        self.name = memory.name
        self._words = np.ndarray(_WORDS, np.int64, memory.buf)
        if int(self._words[_IS]) != _MAGIC:
            raise ValueError(f"{memory.name} is not a ring of frames")
        self.shape = (int(self._words[_HEIGHT]), int(self._words[_WIDTH]))
        self.dtype = np.dtype(_DTYPES[int(self._words[_DTYPE])])
        self.n_slots, self.keep = int(self._words[_SLOTS]), int(self._words[_KEEP])
        at = _WORDS * 8
        self._status = np.ndarray((2, _STATUS_BYTES), np.uint8, memory.buf, at)
        at += self._status.nbytes
        self._lost = np.ndarray((_N_LOST, 3), np.int64, memory.buf, at)
        at += self._lost.nbytes
        self._number = np.ndarray(self.n_slots, np.int64, memory.buf, at)
        at += self._number.nbytes
        self._times = np.ndarray((2, self.n_slots), np.float64, memory.buf, at)
        at = _aligned(at + self._times.nbytes)
        self.slots = np.ndarray((self.n_slots, *self.shape), self.dtype, memory.buf, at)

    @classmethod
    def create(cls, spec: FrameSpec, n_slots: int, keep: int = 3) -> Self:
        """Make a ring; it goes when its maker closes it, or dies.

        Parameters
        ----------
        spec : FrameSpec
            What the frames are.
        n_slots : int
            Frames that it holds, more than `keep`.
        keep : int
            See :attr:`keep`.

        Raises
        ------
        OSError
            If there is not so much shared memory.
        """
        if n_slots <= keep:
            raise ValueError(f"{n_slots} slots cannot keep {keep} of them")
        frames = n_slots * spec.frame_bytes
        head = _WORDS * 8 + 2 * _STATUS_BYTES + _N_LOST * 24 + n_slots * 24
        _remove_orphans()
        name = f"{_PREFIX}{os.getpid()}-{secrets.token_hex(4)}"
        memory = shared_memory.SharedMemory(name, create=True, size=_aligned(head) + frames)
        words = np.ndarray(_WORDS, np.int64, memory.buf)
        words[:] = 0
        dtype = _DTYPES.index(spec.dtype.newbyteorder("<").str.lstrip("|"))
        words[[_HEIGHT, _WIDTH, _DTYPE, _SLOTS, _KEEP]] = *spec.shape, dtype, n_slots, keep
        words[_IS] = _MAGIC
        del words
        return cls(memory, owner=True)

    @classmethod
    def attach(cls, name: str) -> Self:
        """Take part in a ring that a parent process has made.

        Raises
        ------
        FileNotFoundError
            If it is gone.
        """
        return cls(shared_memory.SharedMemory(name=name), owner=False)

    def close(self) -> None:
        """Let go; its maker removes it. Safe to call twice."""
        if not hasattr(self, "slots"):
            return
        del self.slots, self._words, self._status, self._lost, self._number, self._times
        # A view that somebody still holds keeps the memory mapped; the name goes all the same.
        with contextlib.suppress(BufferError):
            self._memory.close()
        if self._owner:
            with contextlib.suppress(FileNotFoundError):
                self._memory.unlink()

    # -- the camera's process --------------------------------------------------------------------

    def warm(self) -> None:
        """Have the system find memory for every slot, before frames are in a hurry.

        A page that is touched for the first time costs the system a hundred times what copying it
        does.
        """
        self.slots.reshape(-1).view(np.uint8)[::_PAGE] = 0

    def writable(self, at_most: int) -> np.ndarray:
        """Return the free slots that come next, as far as they lie together.

        Returns
        -------
        ndarray, shape (k, height, width)
            To be filled from its start, then announced by :meth:`push`. Empty when the ring is
            full.
        """
        head, tail = int(self._words[_HEAD]), int(self._words[_TAIL])
        free = self.n_slots - max(head - tail, min(self.keep, head))
        at = head % self.n_slots
        k = max(0, min(free, at_most, self.n_slots - at))
        self._words[_CLAIM] = head + k
        return self.slots[at : at + k]

    def push(self, stamps: Stamps) -> None:
        """Announce the frames that were put into the first of the writable slots."""
        head, k = int(self._words[_HEAD]), len(stamps.number)
        at = head % self.n_slots
        self._number[at : at + k] = stamps.number
        self._times[0, at : at + k] = stamps.time_camera
        self._times[1, at : at + k] = stamps.time_host
        self._words[_HEAD] = head + k

    def lose(self, lost: Lost) -> bool:
        """Tell of frames that were taken and are not in the ring.

        Returns
        -------
        bool
            False when thousands of such notes wait to be fetched: to be told again later. What was
            told is never changed, as somebody may be reading it.
        """
        head, tail = int(self._words[_LOST_HEAD]), int(self._words[_LOST_TAIL])
        if head - tail >= _N_LOST:
            return False
        code = LOST_REASONS.index(lost.reason)
        self._lost[head % _N_LOST] = lost.first, lost.n_frames, code
        self._words[_LOST_HEAD] = head + 1
        return True

    def beat(self, n_camera: int, state: int = RUNNING) -> None:
        """Tell how many frames the camera has taken, lost ones included, and that it is alive."""
        self._words[_N_CAMERA] = n_camera
        self._words[_BEAT] = time.monotonic_ns()  # first: what runs is not silent
        self._words[_STATE] = state

    @property
    def is_stopped(self) -> bool:
        """Whether the camera shall stop."""
        return bool(self._words[_STOP])

    @property
    def limit(self) -> int:
        """Frames that shall be pushed in all; 0 for no limit."""
        return int(self._words[_LIMIT])

    # -- the recorder ----------------------------------------------------------------------------

    @property
    def pushed(self) -> int:
        """Frames pushed so far."""
        return int(self._words[_HEAD])

    @property
    def released(self) -> int:
        """Frames released so far."""
        return int(self._words[_TAIL])

    def filled(self, position: int, at_most: int) -> tuple[np.ndarray, Stamps]:
        """Return the frames from a position on, as far as they lie together.

        Returns
        -------
        ndarray, shape (k, height, width)
            The slots themselves, right until they are released.
        Stamps
            Theirs; copies.
        """
        at = position % self.n_slots
        k = max(0, min(self.pushed - position, at_most, self.n_slots - at))
        part = slice(at, at + k)
        stamps = Stamps(
            self._number[part].copy(), self._times[0, part].copy(), self._times[1, part].copy()
        )
        return self.slots[part], stamps

    def release(self, position: int) -> None:
        """Give back every slot before a position."""
        self._words[_TAIL] = position

    def take_lost(self) -> list[Lost]:
        """Return the losses that were told since the last call."""
        head, tail = int(self._words[_LOST_HEAD]), int(self._words[_LOST_TAIL])
        rows = [self._lost[n % _N_LOST].tolist() for n in range(tail, head)]
        self._words[_LOST_TAIL] = head
        return [Lost(first, count, LOST_REASONS[code]) for first, count, code in rows]

    @property
    def state(self) -> int:
        """State of the camera's process (:data:`OPENING` ... :data:`FAILED`)."""
        return int(self._words[_STATE])

    @property
    def n_camera(self) -> int:
        """Frames that the camera has taken, lost ones included."""
        return int(self._words[_N_CAMERA])

    @property
    def silent_s(self) -> float:
        """Seconds since the camera's process last gave a sign."""
        return (time.monotonic_ns() - int(self._words[_BEAT])) / 1e9

    def ask_limit(self, n_frames: int) -> None:
        """Have the camera stop by itself after so many pushed frames."""
        self._words[_LIMIT] = n_frames

    def ask_stop(self) -> None:
        """Have the camera stop."""
        self._words[_STOP] = 1

    def tell_status(self, status: Mapping[str, Any]) -> None:
        """Tell everybody how the recording stands (JSON values)."""
        at = int(self._words[_STATUS_AT]) + 1
        text = json.dumps(status).encode() + b"\0"
        if len(text) > _STATUS_BYTES:
            raise ValueError(f"a status of {len(text)} B")
        self._status[at % 2, : len(text)] = np.frombuffer(text, np.uint8)
        self._words[_STATUS_AT] = at

    @property
    def live_silent_s(self) -> float:
        """Seconds since the live server last gave a sign; infinite before its first."""
        beat = int(self._words[_LIVE_BEAT])
        return (time.monotonic_ns() - beat) / 1e9 if beat else math.inf

    @property
    def unwatched_s(self) -> float:
        """Seconds since somebody last asked the live server; infinite if nobody did."""
        asked = int(self._words[_ASKED])
        return (time.monotonic_ns() - asked) / 1e9 if asked else math.inf

    # -- whoever looks on ------------------------------------------------------------------------

    def note_asked(self) -> None:
        """Tell that somebody asked the live server."""
        self._words[_ASKED] = time.monotonic_ns()

    def live_beat(self) -> None:
        """Tell that the live server is well."""
        self._words[_LIVE_BEAT] = time.monotonic_ns()

    def status(self) -> dict[str, Any]:
        """Return what :meth:`tell_status` told last; empty before."""
        for _ in range(100):
            at = int(self._words[_STATUS_AT])
            text = self._status[at % 2].tobytes().partition(b"\0")[0]
            if not at:
                break
            if int(self._words[_STATUS_AT]) == at:
                told = json.loads(text)
                return told if isinstance(told, dict) else {}
        return {}

    def latest(
        self,
        region: tuple[slice, slice] = (slice(None), slice(None)),
        take: Callable[[np.ndarray], np.ndarray] = np.ndarray.copy,
    ) -> LatestFrame | None:
        """Return a copy of the newest frame, or of a region of it, or what is made from that.

        Parameters
        ----------
        region : (slice, slice)
            Rows and columns.
        take : callable
            Makes what is returned from the pixels in the ring, as a copy or smaller (means). It may
            be called again, and see parts of two frames while it works; that result is dropped.

        Returns
        -------
        LatestFrame or None
            None before the first frame, or if frames come too fast to be read.
        """
        give_up = time.monotonic() + _LOOK_S
        while (position := self.pushed - 1) >= 0:
            at = position % self.n_slots
            pixels = take(self.slots[(at, *region)])
            number, time_host = int(self._number[at]), float(self._times[1, at])
            # Position p is overwritten as position p + n_slots, which must have been claimed first.
            if int(self._words[_CLAIM]) <= position + self.n_slots:
                return LatestFrame(pixels, number, time_host)
            if time.monotonic() > give_up:
                break
        return None


def _remove_orphans() -> None:
    """Remove the rings of processes that were killed together with all who clean up after them."""
    for path in _SHARED.glob(f"{_PREFIX}*"):
        pid = path.name.removeprefix(_PREFIX).partition("-")[0]
        if pid.isdigit() and not Path(f"/proc/{pid}").exists():
            path.unlink(missing_ok=True)


def _aligned(n_bytes: int) -> int:
    return -(-n_bytes // _PAGE) * _PAGE
