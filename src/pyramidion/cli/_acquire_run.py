"""One camera, recorded by this process."""

from __future__ import annotations

import contextlib
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any

from pyramidion.cli._acquire_statistics import Statistics, report_lines, time_words
from pyramidion.cli._acquire_values import Request
from pyramidion.cli._print import print_json, shown, tell
from pyramidion.core import PyramidionError, StoppedError, UsageError, format_bytes
from pyramidion.storage import is_remote

if TYPE_CHECKING:
    from pyramidion.cli._acquire_live import Live
    from pyramidion.workflows import AcquireReport, Started


def record(request: Request) -> None:
    """Record one camera, or say how it would be recorded.

    Raises
    ------
    PyramidionError
        If it cannot begin, or did not end well; what was stored is closed and readable then.
    SystemExit
        Instead of the latter with ``--json``, where the report says why.
    """
    try:
        if request.values.get("--dry-run"):
            _plan(request)
        else:
            _record(request)
    except UsageError as error:
        raise request.config.blamed(error, request.typed) from error


def _record(request: Request) -> None:
    from pyramidion.workflows import acquire

    values = request.values
    say: Callable[[str], object] = tell if values.get("--json") else _say
    for note in request.notes:
        say(note)
    live = _open_live(request)
    statistics = Statistics(values.get("--stats", "text"))

    said: list[str] = []

    def on_start(started: Started) -> None:
        said.extend(started.notes)
        for line in start_lines(request, started, live):
            say(line)
        _warn(request, started)

    def on_sending(path: Path, n_bytes: int) -> None:
        statistics.end()
        kept = f"sending {format_bytes(n_bytes)}; the recording is whole in {shown(path)}"
        tell(f"pyramidion {request.program}: {kept}")

    with contextlib.ExitStack() as stack:
        if live is not None:
            stack.enter_context(live.listener)
        if request.out is not None and not is_remote(request.out) and values.get("--parents"):
            stack.enter_context(_parents_of(request.out))
        stack.callback(statistics.end)
        report = acquire(
            request.camera,
            request.out,
            request.options,
            serve_live=None if live is None else live.serve,
            on_start=on_start,
            on_status=statistics,
            on_sending=on_sending,
        )
    for note in report.notes:
        if note not in said:
            tell(f"pyramidion {request.program}: note: {shown(note)}")
    _print_report(request, report)


def _say(line: str) -> None:
    print(line)
    sys.stdout.flush()


def _open_live(request: Request) -> Live | None:
    if not request.values.get("--live", True):
        return None
    from pyramidion.cli._acquire_live import open_live

    return open_live(request.values)


def _warn(request: Request, started: Started) -> None:
    from pyramidion.cli._print import warn
    from pyramidion.workflows._disk_rate import warn_of_slow_disk

    if request.out is None or started.plan is None:
        return
    warning = warn_of_slow_disk(request.out, started.spec, started.plan, request.options)
    warn(request.program, [warning] if warning else [])


@contextmanager
def _parents_of(out: Path) -> Iterator[None]:
    """Make the folders that a store lies in; they go again if nothing came into them."""
    from pyramidion.workflows._destination import make_parents

    missing = [folder for folder in out.absolute().parents if not folder.exists()]
    make_parents(out)
    try:
        yield
    finally:
        for folder in missing:
            with contextlib.suppress(OSError):  # not empty: the recording is there
                folder.rmdir()


def start_lines(request: Request, started: Started, live: Live | None) -> list[str]:
    """Return what to say when a recording begins.

    Parameters
    ----------
    request : Request
        What was asked.
    started : Started
        What came of it.
    live : Live or None
        The live server, if there is one.
    """
    spec = started.spec
    rate = f", {spec.rate_hz:g} frames/s" if spec.rate_hz else ""
    lines = [
        f"{shown(spec.camera or request.camera)}: frames of {spec.height} x {spec.width} "
        f"{spec.dtype.name} ({format_bytes(spec.frame_bytes)}){rate}"
    ]
    if request.out is None:
        lines.append("Nothing is recorded: name a store with -o to record.")
    else:
        lines.append(f"Recording to {shown(request.out)}")
    lines += [f"note: {shown(note)}" for note in started.notes]
    if live is not None:
        from pyramidion.cli._acquire_live import live_lines

        lines += live_lines(live.settings, started.url)
    if request.options.frames is None and request.options.duration_s is None:
        lines.append("Ctrl-C ends it.")
    return lines


def _print_report(request: Request, report: AcquireReport) -> None:
    """Print how it went, and leave with the status of that."""
    fault = report.fault
    if not request.values.get("--json"):
        if report.store is not None or request.out is None:
            print("\n".join(report_lines(report)))
        if request.out is None and isinstance(fault, StoppedError):
            raise SystemExit(exit_status(fault))  # who only looks ends it so
        if fault is not None:
            raise fault
        return
    print_json({**report.as_dict(), "error": None if fault is None else _as_json(fault)})
    if fault is not None:
        from pyramidion.cli._streams import LONGEST_LINE
        from pyramidion.core import escape

        tell(f"pyramidion {request.program}: error: {escape(fault.line, LONGEST_LINE)}")
        raise SystemExit(exit_status(fault))


def exit_status(fault: PyramidionError) -> int:
    """Return the exit status of a recording that did not end well."""
    from pyramidion.cli._signals import stopped_status

    return stopped_status(fault.__cause__) if isinstance(fault, StoppedError) else fault.status


def _as_json(fault: PyramidionError) -> dict[str, Any]:
    told = {"id": fault.id, "where": fault.where, "what": fault.what, "mend": fault.mend}
    return told | {"line": fault.line, "kept": fault.good}


# -- --dry-run -----------------------------------------------------------------------------------


def _plan(request: Request) -> None:
    from pyramidion.workflows._acquire_plan import plan_acquisition

    for note in request.notes:
        tell(note)
    plan = plan_acquisition(request.camera, request.out, request.options)
    if request.values.get("--json"):
        print_json(plan)
        return
    for line in plan_lines(plan):
        print(line)


def plan_lines(plan: dict[str, Any]) -> list[str]:
    """Return what would be recorded, line by line.

    Parameters
    ----------
    plan : dict
        From :func:`~pyramidion.workflows.plan_acquisition`.
    """
    frame = plan["frame"]
    rate = f", {frame['rate_hz']:g} frames/s" if frame["rate_hz"] else ""
    lines = [
        f"{shown(plan['camera'])}: frames of {frame['height']} x {frame['width']} "
        f"{frame['dtype']} ({format_bytes(frame['bytes'])}){rate}",
        f"  ring: {plan['ring_frames']} frames, {format_bytes(plan['ring_bytes'])}",
        f"  memory, about: {format_bytes(plan['peak_memory_estimated'])}",
    ]
    store = plan["store"]
    if store is None:
        return [*lines, "Nothing would be recorded: name a store with -o."]
    lines.insert(1, f"{shown(store['path'])}: nothing written yet")
    n_frames = store["frames"]
    for level in store["levels"]:
        shape, chunk, shard = (" x ".join(map(str, level[k])) for k in ("shape", "chunk", "shard"))
        lines.append(
            f"  {level['path']}: {n_frames or 't'} x {shape}, chunk {chunk}, shard {shard}"
        )
    lines.append(f"  codec: {store['codec']}")
    lines += [
        f"  {title}: {format_bytes(store[name])}{unit}"
        for name, title, unit in (
            ("bytes_out_per_second", "to write, about", "/s"),
            ("bytes_out_estimated", "in all, about", ""),
            ("free_bytes", "free", ""),
        )
        if store[name] is not None
    ]
    if store["seconds_until_full"] is not None:
        lines.append(f"  room for: {time_words(store['seconds_until_full'])}")
    return lines + [f"  note: {shown(note)}" for note in plan["notes"]]
