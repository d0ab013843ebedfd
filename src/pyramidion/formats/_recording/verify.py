"""Proving a recording: its chunks, what stands beside its pixels, and its counts."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np

from pyramidion.core import Lost, PyramidionError, escape
from pyramidion.formats._recording.damage import Mapped, check_indexes, check_run, runs
from pyramidion.formats._recording.metadata import SIDE_DTYPES
from pyramidion.formats._recording.stored import StoredRecording, state_of


@dataclass
class CheckedRecording:
    """What a check of a recording found.

    Parameters
    ----------
    n_frames : int
        Frames in its shape.
    n_elements : int
        Pixels of level 0 that were read.
    has_checksums : bool
        Every chunk has one; otherwise a flipped bit that still decodes is not found.
    faults, notes : list of str
        What is wrong, and what else should be known; one line each.
    """

    n_frames: int
    n_elements: int = 0
    has_checksums: bool = True
    faults: list[str] = field(default_factory=list)
    notes: list[str] = field(default_factory=list)


def verify_recording(
    path: Path, mapped: Mapped, progress: Callable[[int, int], None] | None = None
) -> CheckedRecording:
    """Check all of a recording but the agreement of its levels.

    Parameters
    ----------
    path : Path
        The store; one that grows is checked as of now.
    mapped : callable
        Runs the work, on several threads.
    progress : callable, optional
        Told the decoded bytes that were looked at, and all.

    Raises
    ------
    DataError
        If it is no recording, or its documents are broken.
    """
    with StoredRecording(path) as stored:
        checked = CheckedRecording(stored.n_frames)
        state = state_of(path, stored.own)
        total = sum(_n_bytes(level.layout) for level in stored.levels)
        done = 0
        for level in stored.levels:
            missing = stored.n_frames - level.layout.shape[0]
            if missing:
                checked.faults.append(f"{path}/{level.key}: the last {missing} frames are missing")
            checked.has_checksums &= level.layout.codec.checked
            for run, faults in mapped(check_run, runs(level)):
                found = dict.fromkeys(f"{path}/{fault.line}" for fault in faults)
                # A shard without its index is told once, not for each of its chunks.
                checked.faults += [line for line in found if line not in checked.faults[-512:]]
                done += run.n_bytes
                if level is stored.levels[0] and not faults:
                    checked.n_elements += sum(box.size for _, box in run.chunks)
                if progress is not None:
                    progress(done, total)
            if state == "finished" and stored.own.get("writer") == "pyramidion":
                checked.faults += [f"{path}/{line}" for line in check_indexes(level)]
        checked.faults += _beside(stored, is_finished=state == "finished")
    checked.notes += _notes(stored.own, state, checked)
    return checked


def _notes(own: Mapping[str, Any], state: str, checked: CheckedRecording) -> Iterator[str]:
    """Return what to know beside the verdict."""
    guessed = own.get("frame_number_guessed")
    if not checked.has_checksums:
        yield "pixels have no checksum"
    if guessed:
        yield f"numbers of frames {guessed[0]} to {guessed[-1]} were guessed by repair"
    if state == "cut off":
        yield "the recording was cut off: run repair"
    elif state == "recording":
        yield f"still recording: the first {checked.n_frames} frames were checked"


def _n_bytes(layout: Any) -> int:
    return int(np.prod(layout.shape, dtype=object)) * int(layout.dtype.itemsize)


def _beside(stored: StoredRecording, *, is_finished: bool) -> Iterator[str]:
    """Check the arrays beside the pixels, and the counts."""
    path, n_frames = stored.path, stored.n_frames
    values: dict[str, np.ndarray] = {}
    for name in SIDE_DTYPES:
        try:
            found = stored.values(name)
        except PyramidionError as error:
            yield error.line
            continue
        if found.ndim != 1 or len(found) < n_frames or (is_finished and len(found) != n_frames):
            yield f"{path}/{name}: shape {found.shape} for {n_frames} frames"
            continue
        values[name] = found[:n_frames]
    try:
        lost = stored.lost()
    except PyramidionError as error:
        yield error.line
        return
    numbers = values.get("frame_number")
    if numbers is None:
        return
    fault = number_fault(numbers, lost)
    if fault:
        yield f"{path}/{fault}"
    elif is_finished:
        yield from _count_faults(stored, numbers, lost)


def number_fault(numbers: np.ndarray, lost: tuple[Lost, ...]) -> str:
    """Return what is wrong with the numbers of frames; empty where they are right.

    Notes
    -----
    Every number of the camera must be stored once or lost once. A run of unknown length (of no
    frames) stands for the time between an interruption and the resumption.
    """
    if len(numbers) and (numbers[0] < 0 or (np.diff(numbers) <= 0).any()):
        at = 0 if numbers[0] < 0 else int(np.argmax(np.diff(numbers) <= 0)) + 1
        return f"frame_number: does not rise at frame {at} ({numbers[at]})"
    known = [run for run in lost if run.n_frames]
    if any(run.first < 0 or run.n_frames < 0 for run in known):
        return "lost: a run of a negative number"
    for run in known:
        a, b = np.searchsorted(numbers, [run.first, run.first + run.n_frames])
        if a != b:
            return f"lost: frame {numbers[a]} is stored too"
    missing = missing_runs(numbers, lost)
    if missing:
        first, count = missing[0]
        n_missing = sum(n for _, n in missing)
        return f"frame_number: {n_missing} frames are neither stored nor lost, the first {first} to {first + count - 1}"  # fmt: skip
    return ""


def missing_runs(numbers: np.ndarray, lost: Sequence[Lost]) -> list[tuple[int, int]]:
    """Return runs (first, count) before the last stored frame that are in no list."""
    if not len(numbers):
        return []
    runs = np.array([(run.first, run.n_frames) for run in lost], np.int64).reshape(-1, 2)
    runs = runs[(runs[:, 1] > 0) & (runs[:, 0] < numbers.max())]
    starts = np.concatenate([numbers, runs[:, 0]])
    order = np.argsort(starts, kind="stable")
    stops = np.concatenate([numbers + 1, runs.sum(axis=1)])[order]
    reached = np.maximum.accumulate(np.concatenate([[0], stops[:-1]]))
    gaps = starts[order] - reached
    at = np.flatnonzero(gaps > 0)
    return list(zip(reached[at].tolist(), gaps[at].tolist(), strict=True))


def _count_faults(
    stored: StoredRecording, numbers: np.ndarray, lost: tuple[Lost, ...]
) -> Iterator[str]:
    """Compare what the root says at the end with what is there."""
    own, path = stored.own, stored.path
    if own.get("frames") not in (None, len(numbers)):
        yield f"{path}: {len(numbers)} frames, the root says {escape(own['frames'])}"
        return
    n_camera = own.get("frames_camera")
    n_lost = sum(run.n_frames for run in lost)
    if n_camera is not None and len(numbers) + n_lost != n_camera:
        told = f"{len(numbers)} frames are stored and {n_lost} lost"
        yield f"{path}: {told}, the camera took {escape(n_camera)}"
