"""Finishing a recording that was cut off by a kill, a power cut or a full disk.

First everything is looked at, then made right, then closed just as the writer closes one. What is
replaced is whole before it takes a name, what is appended is not looked at before the documents say
so: a repair that is killed is run again, one that finds the disk full leaves the recording as it was.
"""

from __future__ import annotations

import itertools
import os
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np

from pyramidion.core import Box, Lost, StorageError, format_bytes
from pyramidion.formats._recording.closing import close_level, write_root
from pyramidion.formats._recording.damage import Mapped
from pyramidion.formats._recording.durable import replace_document, sync_data
from pyramidion.formats._recording.mend_levels import coarse_bytes, mend_levels
from pyramidion.formats._recording.metadata import LOST, SIDE_DTYPES, side_metadata, to_bytes
from pyramidion.formats._recording.plan import RecordingPlan
from pyramidion.formats._recording.recover import Documents, plan_of, read_documents
from pyramidion.formats._recording.reserve import release_reserve, reserve_path
from pyramidion.formats._recording.shapes import DOCUMENT
from pyramidion.formats._recording.shard_file import (
    ENTRY_BYTES,
    NOTHING,
    UNREADABLE,
    read_start_index,
)
from pyramidion.formats._recording.sides import Sides, are_sides_right, mend_sides, write_sides
from pyramidion.formats._recording.survey import Survey, open_level, survey
from pyramidion.formats._recording.window import WindowSample
from pyramidion.shards import ArrayLayout, lie_within
from pyramidion.storage import Folder, WriterLock, free_bytes, told_as, write_at

GUESSED = "frame_number_guessed"
"""In the root: the first and the last frame (by place, from 0) whose number was counted on; between
them may be frames whose number is known."""

_DOCUMENTS_BYTES = 2**20


@dataclass
class RepairedRecording:
    """What was found and done.

    Parameters
    ----------
    n_readable, n_repaired : int
        Frames that can be read now, and those among them that could not be seen before.
    lost : tuple of Lost
        Frames that the camera took and that are not stored.
    notes : list of str
        What was done.
    faults : list of str
        What is not as it was, and cannot be made so: frames that are gone, numbers that are guessed.
    n_gone : int
        Frames that readers saw and that are not there any more; they are among the lost.
    guessed : (int, int), optional
        First and last frame (by place) whose number was counted on, now or by an earlier repair.
    damaged : list of str
        Frames inside the recording that cannot be read; they are as they were.
    is_nothing_done : bool
        Whether there was nothing to do.
    """

    n_readable: int = 0
    n_repaired: int = 0
    lost: tuple[Lost, ...] = ()
    notes: list[str] = field(default_factory=list)
    faults: list[str] = field(default_factory=list)
    n_gone: int = 0
    guessed: tuple[int, int] | None = None
    damaged: list[str] = field(default_factory=list)
    is_nothing_done: bool = False


def repair_recording(path: Path, mapped: Mapped | None = None) -> RepairedRecording:
    """Finish a recording that was cut off.

    Parameters
    ----------
    path : Path
        The store.
    mapped : callable, optional
        Runs the work, on several threads; one thing after the other otherwise.

    Raises
    ------
    DataError
        If it is no recording, or too little is left of it.
    StorageError
        If it is being written, or the disk is full: it is then as before.
    """
    if _is_settled(path, read_documents(path)) and not reserve_path(path).exists():
        return RepairedRecording(is_nothing_done=True)
    lock = WriterLock(path)
    try:
        documents = read_documents(path)  # as of now, that nobody writes any more
        if _is_settled(path, documents):
            release_reserve(path)
            return RepairedRecording(is_nothing_done=True)
        with told_as(path):
            return _repair(path, documents, mapped or _one_by_one)
    finally:
        lock.release()


def _one_by_one(work: Callable[[Any], Any], tasks: Iterable[Any]) -> Iterator[tuple[Any, Any]]:
    for task in tasks:
        yield task, work(task)


def _is_settled(path: Path, documents: Documents) -> bool:
    return documents.is_settled and are_sides_right(path, documents)


def _repair(path: Path, documents: Documents, mapped: Mapped) -> RepairedRecording:
    plan = plan_of(documents.own)
    found = survey(path, documents, plan, mapped)
    sides = mend_sides(path, documents, found)
    guessed = _guessed(documents.own, sides.guessed, found.n_kept)
    own = {**documents.own, GUESSED: guessed} if guessed else dict(documents.own)
    _check_room(path, plan, found)
    Folder(path).remove_leftovers()
    release_reserve(path)
    if len(sides.guessed) or own.get("state") == "finished":
        _reopen(path, plan, own)
    write_sides(path, sides)
    mend_levels(path, plan, found)
    for key, layout in zip(plan.paths, plan.levels, strict=True):
        _mark_unreadable(path / key, layout, found.whole[0])
    _close(path, plan, found, sides, own)
    return _report(documents, found, sides, guessed)


def _guessed(own: Mapping[str, Any], places: np.ndarray, n_frames: int) -> tuple[int, int] | None:
    """Return the first and the last frame whose number is a guess, those of before included."""
    earlier = own.get(GUESSED)
    known = [t for t in earlier if isinstance(t, int)] if isinstance(earlier, list) else []
    among = [t for t in (*known, *places[:1].tolist(), *places[-1:].tolist()) if t < n_frames]
    return (min(among), max(among)) if among else None


def _reopen(path: Path, plan: RecordingPlan, own: Mapping[str, Any]) -> None:
    """Say first that the recording is not finished, and which numbers will be guesses.

    A repair that is killed is then not taken for one that has ended, nor a guess for a number.
    """
    n_levels = len(plan.levels) if own.get("state") == "finished" else plan.n_recorded
    write_root(path, {**own, "state": "recording"}, n_levels)


def _check_room(path: Path, plan: RecordingPlan, found: Survey) -> None:
    """Refuse before anything is changed when what must be written does not fit."""
    indexes = sum(16 * layout.n_chunks_per_shard + 4 for layout in plan.levels)
    needed = _DOCUMENTS_BYTES + indexes + coarse_bytes(plan, found)
    reserve = reserve_path(path)
    there = free_bytes(path) + (reserve.stat().st_blocks * 512 if reserve.exists() else 0)
    if needed > there:
        told = f"needs {format_bytes(needed)}, {format_bytes(there)} free"
        raise StorageError(str(path), "disk full", told, "free space, then run again", id="PYR-ALL-12")  # fmt: skip


def _mark_unreadable(folder: Path, layout: ArrayLayout, whole: np.ndarray) -> None:
    """Have every reader refuse chunks that are gone; their entries may be anything."""
    if whole.all():
        return
    for shard in np.unique(np.flatnonzero(~whole) // layout.shard[0]):
        grid = [-(-n // s) for n, s in zip(layout.shape[1:], layout.shard[1:], strict=True)]
        for place in itertools.product(*map(range, grid)):
            key = layout.key((int(shard), *place))
            _mark_in_shard(folder / key, layout, (int(shard), *place), len(whole))


def _mark_in_shard(path: Path, layout: ArrayLayout, shard: tuple[int, ...], n_frames: int) -> None:
    n = layout.n_chunks_per_shard
    path.parent.mkdir(parents=True, exist_ok=True)
    fd = os.open(path, os.O_RDWR | os.O_CREAT | getattr(os, "O_BINARY", 0), 0o666)
    try:
        entries = read_start_index(fd, n).copy()
        size = max(os.fstat(fd).st_size, ENTRY_BYTES * n)
        counted = np.zeros(n, bool)
        whole_shape = ArrayLayout(
            (n_frames, *layout.shape[1:]), layout.dtype, layout.chunk, layout.shard
        )
        counted[[number for number, _ in whole_shape.chunks(shard)]] = True
        lies = lie_within(entries, ENTRY_BYTES * n, size) & (entries[:, 1] > UNREADABLE[1])
        entries[counted & ~lies] = UNREADABLE  # an absent one would be read as zeros
        entries[~counted & ~lies] = NOTHING
        if os.fstat(fd).st_size < size:
            os.ftruncate(fd, size)
        write_at(fd, entries.tobytes(), 0)
        sync_data(fd)
    finally:
        os.close(fd)


def _close(path: Path, plan: RecordingPlan, found: Survey, sides: Sides, own: Mapping[str, Any]) -> None:  # fmt: skip
    """Close all arrays, those beside the pixels first and level 0 last; then the root says so."""
    n_frames = found.n_kept
    counts = {**dict.fromkeys(SIDE_DTYPES, n_frames), LOST: len(sides.rows)}
    for name, n in counts.items():
        (path / name).mkdir(exist_ok=True)
        replace_document(path / name / DOCUMENT, to_bytes(side_metadata(name, n)))
    for key, layout in reversed(list(zip(plan.paths, plan.levels, strict=True))):
        (path / key).mkdir(parents=True, exist_ok=True)
        close_level(path / key, layout, n_frames)
    n_lost: dict[str, int] = {}
    for run in sides.lost:
        n_lost[run.reason] = n_lost.get(run.reason, 0) + run.n_frames
    summary = {
        "frames_camera": n_frames + sum(n_lost.values()),
        "frames_stored": n_frames,
        "frames_lost": {reason: n for reason, n in sorted(n_lost.items()) if n},
        "repaired": True,
    }
    own = {**own, **summary, "state": "finished", "frames": n_frames}
    write_root(path, own, len(plan.levels), _window(path, plan, found.whole[0]))


def _window(path: Path, plan: RecordingPlan, whole: np.ndarray) -> dict[str, float] | None:
    """Return what is to be shown, from the frames that a writer looks at while they pass."""
    sample = WindowSample()
    level = open_level(path, plan.paths[0], plan.levels[0], len(whole))
    try:
        for t in [0, *(2**k for k in range(len(whole).bit_length()))]:
            if t < len(whole) and whole[t]:
                sample.take(t, level.array.read(Box((t, 0, 0), (t + 1, *plan.spec.shape))))
    finally:
        level.array.close()
    return sample.window()


def _report(
    documents: Documents, found: Survey, sides: Sides, guessed: tuple[int, int] | None
) -> RepairedRecording:
    damaged = [f"frame {t}: cannot be read" for t in found.damaged]
    done = RepairedRecording(
        found.n_kept - len(damaged), max(0, found.n_kept - found.n_shown), sides.lost
    )
    done.damaged, done.guessed = damaged, guessed
    done.n_gone = max(0, found.n_shown - found.n_kept)
    if done.n_gone:
        done.faults.append(f"the last {done.n_gone} frames that were there are gone")
    if guessed:
        told = f"{len(sides.guessed)} of them now" if len(sides.guessed) else "by an earlier repair"
        done.faults.append(f"numbers of frames {guessed[0]} to {guessed[1]} are guessed, {told}")
    if len(sides.untimed):
        told = f"times of {len(sides.untimed)} frames are gone"
        was_seen = bool((sides.untimed < found.n_shown).any())
        (done.faults if was_seen else done.notes).append(told)
    n_unknown = sum(run.n_frames for run in sides.lost[sides.n_told :] if run.reason == "unknown")
    if n_unknown:
        done.notes.append(f"{n_unknown} frames are in no list: noted as lost, unknown")
    if documents.broken:
        done.notes.append(f"rebuilt {', '.join(documents.broken)}")
    return done
