"""Recording a camera: start everything, watch it, end it cleanly, and say what came of it.

Three processes take part: this one writes (:mod:`._recorder`), one owns the camera
(:mod:`._capture`), one answers viewers. They meet in a ring of frames in shared memory, and the
other two end when this one does.
"""

from __future__ import annotations

import math
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path

from pyramidion.core import (
    CameraError,
    DataError,
    FrameSpec,
    PyramidionError,
    StoppedError,
    StorageError,
)
from pyramidion.formats import (
    FrameWriter,
    RecordingPlan,
    check_resume,
    open_frame_writer,
    plan_recording,
)
from pyramidion.storage import ENDED, FAILED, FrameRing, RemotePath
from pyramidion.workflows._acquire_options import AcquireOptions
from pyramidion.workflows._acquire_report import AcquireReport, with_words
from pyramidion.workflows._acquire_room import Room, check_out
from pyramidion.workflows._acquire_status import Status, StatusKeeper
from pyramidion.workflows._acquire_store import acquire_to_store
from pyramidion.workflows._capture import CaptureEnd, CaptureJob
from pyramidion.workflows._capture_process import CaptureProcess, RingSize
from pyramidion.workflows._host_clock import HostClock
from pyramidion.workflows._live_process import LiveProcess, ServeLive
from pyramidion.workflows._options import n_workers
from pyramidion.workflows._recorder import Recorder, emptied
from pyramidion.workflows._signals import undisturbed

_LOOK_S = 0.1
_STATUS_S = 0.25
_BUFFERED_S = 0.5
_BUFFERED_BYTES = 2**26
_LEAST_BUFFERS = 16
_MOST_BUFFERS = 4096
_JUMP_S = 1.0
_WATCHED_S, _LAST_LOOK_S = 3.0, 1.5


@dataclass(frozen=True)
class Started:
    """What is known when a recording begins.

    Parameters
    ----------
    spec : FrameSpec
        The camera's frames.
    plan : RecordingPlan or None
        How they are stored; None if they are only looked at.
    url : str
        Where the live picture is; empty if nowhere.
    notes : tuple of str
        What was chosen, or could go wrong.
    """

    spec: FrameSpec
    plan: RecordingPlan | None
    url: str
    notes: tuple[str, ...]


def acquire(
    address: str,
    out: Path | None,
    options: AcquireOptions,
    *,
    serve_live: ServeLive | None = None,
    on_start: Callable[[Started], None] | None = None,
    on_status: Callable[[Status], None] | None = None,
    on_sending: Callable[[Path, int], None] | None = None,
) -> AcquireReport:
    """Record a camera until it is told to stop.

    Parameters
    ----------
    address : str
        The camera, as :func:`~pyramidion.instruments.open_camera` takes it.
    out : Path or None
        The store; None to look without recording.
    options : AcquireOptions
        How.
    serve_live : callable, optional
        Shows the live picture; runs in a process of its own.
    on_start : callable, optional
        Called once, when camera and live server are there.
    on_status : callable, optional
        Called a few times a second with JSON values.
    on_sending : callable, optional
        Called when a recording is whole and the rest of it is sent to its store: with where it lies
        here, and the bytes that are only here.

    Returns
    -------
    AcquireReport
        Its ``fault`` says why the run is not complete: stopped by a signal, a lost camera, a full
        disk, lost frames. Everything that was stored is closed and readable then.

    Raises
    ------
    UsageError, StorageError, CameraError
        If it cannot begin; nothing was created then.
    """
    if out is not None:
        check_out(out, address, options)
    if isinstance(out, RemotePath):

        def record(local: Path) -> AcquireReport:
            return acquire(
                address, local, options,
                serve_live=serve_live, on_start=on_start, on_status=on_status,
            )  # fmt: skip

        return acquire_to_store(out, address, options, record, on_sending)
    with ExitStack() as stack:
        run = _Run(address, out, options, stack)
        run.serve(serve_live)
        if on_start is not None:
            on_start(run.started)
        return run.record(on_status or (lambda _status: None))


@contextmanager
def look(address: str, options: AcquireOptions | None = None) -> Iterator[str]:
    """Capture without recording while the block runs.

    Yields
    ------
    str
        Name of the ring, for a live view.
    """
    with ExitStack() as stack:
        run = _Run(address, None, options or AcquireOptions(), stack)
        stack.enter_context(run.looking())
        yield run.ring.name


class _Run:
    """One recording, from the camera's opening to the report."""

    def __init__(
        self, address: str, out: Path | None, options: AcquireOptions, stack: ExitStack
    ) -> None:
        self._address, self._out, self._options = address, out, options
        self._clock = HostClock.now()
        job = CaptureJob(
            address, options.settings, options.timeout_s, options.duration_s, self._clock
        )
        self._capture = CaptureProcess(job)
        stack.callback(self._capture.kill)
        self.spec = self._capture.spec
        self._plan = None if out is None else plan_recording(self.spec, options.recording)
        if out is not None and options.recording.resume and out.exists():
            check_resume(out, self.spec, options.recording)
        self._notes: list[str] = list(self._plan.notes) if self._plan else []
        self._room = Room(out, options) if out is not None else None
        if self._room is not None and self._plan is not None:
            self._room.check(self._plan)
        size = RingSize.of(self.spec, options.ring_bytes)
        size.check(self.spec)
        self.ring = FrameRing.create(self.spec, size.n_slots, size.keep)
        stack.callback(self.ring.close)
        self._status = StatusKeeper(self.ring, self.spec, address, out)
        self._stack = stack
        self._live: LiveProcess | None = None
        self._fault: PyramidionError | None = None
        self._started_at: float | None = None
        self._recorder: Recorder | None = None
        self._writer: FrameWriter | None = None
        self._status.tell("opening", None, None)

    # -- before the first frame ------------------------------------------------------------------

    def serve(self, serve_live: ServeLive | None) -> None:
        """Start the live server."""
        if serve_live is not None:
            self._live = LiveProcess(serve_live, self.ring, self._out)
            self._stack.callback(self._live.stop)

    @property
    def started(self) -> Started:
        """What is known before the first frame."""
        url = self._live.url if self._live else ""
        return Started(self.spec, self._plan, url, tuple(self._notes))

    # -- running ---------------------------------------------------------------------------------

    def record(self, on_status: Callable[[Status], None]) -> AcquireReport:
        """Record, or look, until something ends it."""
        self._begin()
        with ExitStack() as looking:
            if self._out is None:
                looking.enter_context(emptied(self.ring))
            try:
                self._watch(on_status)
            except KeyboardInterrupt as stop:
                self._fault = StoppedError("stopped", "", id="PYR-ALL-27")
                self._fault.__cause__ = stop
                return self._end(on_status)
            with undisturbed(then_raise=False):
                return self._end(on_status)

    @contextmanager
    def looking(self) -> Iterator[None]:
        """Capture in the background, without recording."""
        self._begin()
        with emptied(self.ring, self._tell_status):
            try:
                yield
            finally:
                self._capture.end(self.ring)

    def _begin(self) -> None:
        buffers = self._options.buffers
        if not buffers:
            rate = self.spec.rate_hz or 100.0
            # A machine may stand still for longer than frames are many: small ones cost next to nothing.
            cheap = _BUFFERED_BYTES // self.spec.frame_bytes
            buffers = max(_LEAST_BUFFERS, math.ceil(rate * _BUFFERED_S), cheap)
            buffers = min(buffers, _MOST_BUFFERS)
        if self._options.frames:
            self.ring.ask_limit(self._options.frames)
        self._capture.start(self.ring, buffers)

    def _watch(self, on_status: Callable[[Status], None]) -> None:
        """Look after everything until the camera ends, or something does."""
        told = 0.0
        while self._fault is None and self.ring.state not in (ENDED, FAILED):
            if self._started_at is None and self.ring.pushed:
                self._first_frame()
            self._look_for_faults()
            if self._live is not None:
                self._live.keep()
            now = time.monotonic()
            if now - told >= _STATUS_S:
                told = now
                on_status(self._tell_status())
            time.sleep(_LOOK_S / 10 if self._started_at is None else _LOOK_S)

    def _first_frame(self) -> None:
        """Create the store: not before there is something to put into it."""
        self._started_at = time.monotonic()
        if self._out is None:
            return
        workers = n_workers(self._options.workers)
        with undisturbed():  # a store that is begun is also closed
            self._writer = open_frame_writer(self._out, self.spec, self._options.recording)
            self._recorder = Recorder(self.ring, self._writer, workers)
            self._recorder.start()

    def _look_for_faults(self) -> None:
        self._fault = self._capture.fault(self.ring)
        recorder = self._recorder
        if self._fault or recorder is None or self._out is None:
            return
        if recorder.fault is not None:
            self._fault = recorder.fault
        elif self._options.when_full == "stop" and recorder.lost.get("ring"):
            self._fault = DataError(
                str(self._out), "the disk is slower than the camera", f"{recorder.lost['ring']} frames lost",
                "use --compression lz4, a larger --ring, or --when-full drop", id="PYR-ACQ-03",
            )  # fmt: skip
        elif self._room is not None:
            self._fault = self._room.fault()

    def _tell_status(self) -> Status:
        if self._out is None:
            state = "looking" if self.ring.pushed else "waiting"
        else:  # told by another thread, too: nobody shall look for a store that is not there yet
            state = "recording" if self._recorder is not None else "waiting"
        return self._status.tell(state, self._recorder, self._writer)

    # -- the end ---------------------------------------------------------------------------------

    def _end(self, on_status: Callable[[Status], None]) -> AcquireReport:
        end = self._capture.end(self.ring)
        self._fault = self._fault or end.fault
        if self._started_at is None and self.ring.pushed:
            self._first_frame()  # it was all over before anyone looked
        recorder, writer = self._recorder, self._writer
        if recorder is not None and writer is not None:
            self._close_store(recorder, writer, end)
        elif self._out is not None:
            self._fault = self._fault or CameraError(
                self._address, "no frame arrived", mend="check the camera", id="PYR-ACQ-12"
            )
        report = self._report()
        state = "failed" if isinstance(report.fault, CameraError | StorageError) else "finished"
        error = report.fault.line if report.fault and state == "failed" else None
        on_status(self._status.tell(state, recorder, writer, error))
        if self._live is not None and self.ring.unwatched_s < _WATCHED_S:
            time.sleep(_LAST_LOOK_S)  # pages ask once a second, and shall learn how it ended
        return report

    def _close_store(self, recorder: Recorder, writer: FrameWriter, end: CaptureEnd) -> None:
        recorder.finish(end.untold, self.ring.n_camera)
        fault = recorder.fault
        if fault is not None and self._fault is None:
            self._fault = fault
        summary = {
            "frames_camera": self._frames_camera,
            "frames_stored": recorder.n_stored - writer.first,
            "frames_lost": dict(sorted(recorder.lost.items())),
        }
        try:
            writer.finish(summary)
        except PyramidionError as error:
            writer.abandon()
            self._fault = self._fault or error

    @property
    def _frames_camera(self) -> int:
        """Frames the camera took; its process may have died before it could count the last ones."""
        recorder, writer = self._recorder, self._writer
        if recorder is None or writer is None:
            return self.ring.n_camera
        known = recorder.n_stored - writer.first + sum(recorder.lost.values())
        return max(self.ring.n_camera, known)

    def _report(self) -> AcquireReport:
        recorder, writer = self._recorder, self._writer
        stored = recorder.n_stored - writer.first if recorder and writer else 0
        lost = dict(recorder.lost) if recorder else {}
        ended = recorder.ended_at if recorder else time.monotonic()
        elapsed = ended - self._started_at if self._started_at is not None else 0.0
        if abs(self._clock.jump_s()) > _JUMP_S:
            self._notes.append(
                f"the clock was set by {self._clock.jump_s():+.0f} s; times here are not"
            )
        if self._live is not None and self._live.is_given_up:
            self._notes.append("the live server died again and again; the recording is complete")
        report = AcquireReport(
            self.spec.camera or self._address,
            self._out if writer else None,
            self._frames_camera,
            stored,
            recorder.n_stored if recorder else 0,
            lost,
            tuple(recorder.lost_runs) if recorder else (),
            stored * self.spec.frame_bytes,
            writer.n_bytes if writer else 0,
            elapsed,
            tuple(self._notes),
            self._fault,
        )
        return with_words(report, allow_drops=self._options.allow_drops)
