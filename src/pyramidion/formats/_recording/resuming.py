"""Going on with a recording that is there, finished or cut off.

Only what is not known to have reached the disk is looked at: a recording of a terabyte goes on at
once. Frames that no reader has seen and that are whole are taken over, up to the first that is not;
what lies behind that is forgotten, so that nobody takes it for what is recorded next.
"""

from __future__ import annotations

import itertools
import os
import shutil
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np

from pyramidion.core import (
    LOST_REASONS,
    Box,
    DamagedError,
    DataError,
    Lost,
    PyramidionError,
    UsageError,
)
from pyramidion.formats._recording.closing import write_root
from pyramidion.formats._recording.durable import open_for_writing, sync_data
from pyramidion.formats._recording.encoder import thaw_shard
from pyramidion.formats._recording.kept import Kept
from pyramidion.formats._recording.metadata import LOST, SIDE_DTYPES, SIDE_ENTRIES
from pyramidion.formats._recording.plan import RecordingPlan
from pyramidion.formats._recording.recover import Documents, read_documents
from pyramidion.formats._recording.shapes import Shapes
from pyramidion.formats._recording.side_array import SideArray
from pyramidion.formats._recording.survey import open_level, side_values
from pyramidion.formats._recording.verify import missing_runs
from pyramidion.shards import ArrayLayout
from pyramidion.storage import Folder, write_at

_MOST_UNTOLD = 2**12
_COUNTS = ("frames", "frames_stored", "frames_camera", "frames_lost")


def reopen(store: Path, plan: RecordingPlan) -> Kept:
    """Make a recording ready to go on; done twice, it changes nothing more.

    Parameters
    ----------
    store : Path
        The root; nobody else writes it.
    plan : RecordingPlan
        How it is to go on: just as it was.

    Raises
    ------
    UsageError
        If it is cut or encoded otherwise, or is no recording of ours.
    DamagedError
        If frames that readers saw are gone: it must be repaired first.
    """
    documents = documents_to_go_on(store, plan)
    n = plan.n_recorded
    own = {k: v for k, v in documents.own.items() if k not in _COUNTS} | {"state": "recording"}
    is_finished = documents.own.get("state") == "finished"
    n_shown = documents.n_shown
    n_synced = n_shown if is_finished else min(documents.synced, n_shown)
    levels = list(zip(plan.paths[:n], plan.levels[:n], strict=True))
    Folder(store).remove_leftovers()
    n_frames = n_shown
    if not is_finished and not plan.is_deep:
        n_frames = min(_n_whole(store, key, layout, n_synced) for key, layout in levels)
        n_frames = min(n_frames, _n_stamped(store, n_synced, n_frames))
    if n_frames < n_shown:
        raise DamagedError(
            f"{store} frame {n_frames}", "cannot be read", mend="run pyramidion repair first",
            id="PYR-VER-01",
        )  # fmt: skip
    n_lost = _n_rows(store, documents.shapes.get(LOST, 0))
    kept = _with_losses(store, own, n_frames, n_lost)
    for key, layout in levels:
        _sync_from(store / key, layout, n_synced)
    write_root(store, own, n)
    Shapes(store, plan.paths[:n], plan.levels[:n]).advance(n_frames, kept.n_lost, n_frames)
    for key, layout in levels:
        _forget_after(store / key, layout, n_frames)
        if n_frames % layout.shard[0]:
            for path in _files(store / key, layout, n_frames // layout.shard[0]):
                thaw_shard(path, layout)
    for name in SIDE_DTYPES:
        _forget_stamps(store / name, n_frames)
    return kept


def _with_losses(store: Path, own: dict[str, Any], n_frames: int, n_lost: int) -> Kept:
    """Return what stays, with what was lost noted: nobody knows how many frames came meanwhile.

    Frames whose stamps are there and that do not stay are known by their numbers; so are those in
    between that were taken and never reached the disk.
    """
    numbers = side_values(store, "frame_number", n_frames)
    runs = side_values(store, LOST, n_lost)
    taken = numbers[-1:], _taken_after(store, n_frames), runs[:, 0] + runs[:, 1] - 1
    first_number = int(max([-1, *np.concatenate(taken)])) + 1
    if not first_number:
        return Kept(own, n_frames, n_lost)
    lost = tuple(Lost(int(a), int(n), "") for a, n, _ in runs)
    code = LOST_REASONS.index("interrupted")
    holes = missing_runs(np.append(numbers, first_number), lost)
    rows = [(first, count, code) for first, count in holes]
    if rows or not n_lost or tuple(runs[-1]) != (first_number, 0, code):
        rows.append((first_number, 0, code))
        side = SideArray(store / LOST, LOST)
        try:
            side.put(n_lost, np.array(rows))
        finally:
            side.close()
    return Kept(own, n_frames, n_lost + len(rows), first_number)


def _taken_after(store: Path, n_frames: int) -> np.ndarray:
    """Return the numbers of frames whose stamps are there and that do not stay."""
    chunks = store / "time_host" / "c"
    files = [int(p.name) for p in chunks.iterdir() if p.name.isdigit()] if chunks.is_dir() else []
    room = SIDE_ENTRIES * (max(files, default=-1) + 1)
    known = side_values(store, "time_host", room)[n_frames:] != 0
    numbers: np.ndarray = side_values(store, "frame_number", room)[n_frames:][known]
    return numbers


def documents_to_go_on(store: Path, plan: RecordingPlan) -> Documents:
    """Return what the documents of a recording say that is to go on; changes nothing.

    Raises
    ------
    UsageError
        If it is cut or encoded otherwise, or is no recording of ours.
    DamagedError
        If it must be repaired first.
    """
    try:
        documents = read_documents(store)
    except DataError as error:
        mend = error.mend or "name a recording that pyramidion wrote"
        raise UsageError(str(store), error.what, error.value, mend, id=error.id) from error
    if documents.broken:
        raise DamagedError(
            f"{store}/{documents.broken[0]}", "damaged", mend="run pyramidion repair first",
            id="PYR-ZAR-02",
        )  # fmt: skip
    wanted: Mapping[str, Any] = {**plan.stored(), "levels_when": plan.options.levels_when}
    there = {**documents.own["plan"], "levels_when": documents.own.get("levels_when")}
    for key, value in wanted.items():
        if there.get(key) != value:
            told = {"frame": "frames", "dtype": "pixels", "codec": "compression"}.get(
                key, "cutting"
            )
            raise UsageError(
                str(store), f"recorded with other {told}", f"{there.get(key)}, now {value}",
                "use another name, or the options that it was begun with", id="PYR-CPY-03",
            )  # fmt: skip
    return documents


def _n_whole(store: Path, key: str, layout: ArrayLayout, first: int) -> int:
    """Return how many frames of a level there are up to the first that cannot be read."""
    n_t = layout.shard[0]
    shards = store / key / "c"
    numbers = [int(p.name) for p in shards.iterdir() if p.name.isdigit()] if shards.is_dir() else []
    room = n_t * (max(numbers, default=-1) + 1)
    level = open_level(store, key, layout, room)
    t = first
    try:
        while t < room:
            level.array.read(Box((t, 0, 0), (t + 1, *layout.shape[1:])))
            t += 1
    except PyramidionError:
        pass
    finally:
        level.array.close()
    return t


def _n_stamped(store: Path, first: int, n_frames: int) -> int:
    """Return how many frames there are up to the first whose stamps never came."""
    times = side_values(store, "time_host", n_frames)[first:]
    numbers = side_values(store, "frame_number", n_frames)
    rises = np.diff(numbers[max(0, first - 1) :], prepend=numbers[first - 1] if first else -1) > 0
    known = (times != 0) & rises[len(rises) - len(times) :]
    return n_frames if known.all() else first + int(np.argmin(known))


def _n_rows(store: Path, n_told: int) -> int:
    """Return how many runs of lost frames there are, those that no document tells of included."""
    rows = side_values(store, LOST, n_told + _MOST_UNTOLD)[n_told:]
    is_there = rows.any(axis=1)
    return n_told + (len(rows) if is_there.all() else int(np.argmin(is_there)))


def _files(folder: Path, layout: ArrayLayout, shard: int) -> list[Path]:
    grid = [-(-n // s) for n, s in zip(layout.shape[1:], layout.shard[1:], strict=True)]
    return [folder / layout.key((shard, *place)) for place in itertools.product(*map(range, grid))]


def _sync_from(folder: Path, layout: ArrayLayout, n_synced: int) -> None:
    """Have every shard reach the disk that may not have: its writer was killed before."""
    shard = n_synced // layout.shard[0]
    while (files := [p for p in _files(folder, layout, shard) if p.is_file()]) != []:
        for path in files:
            fd = os.open(path, os.O_RDWR | getattr(os, "O_BINARY", 0))
            try:
                sync_data(fd)
            finally:
                os.close(fd)
        shard += 1


def _forget_after(folder: Path, layout: ArrayLayout, n_frames: int) -> None:
    """Remove shards that hold no frame that stays."""
    n_kept = -(-n_frames // layout.shard[0])
    shards = folder / "c"
    for entry in list(shards.iterdir()) if shards.is_dir() else []:
        if entry.name.isdigit() and int(entry.name) >= n_kept:
            shutil.rmtree(entry)


def _forget_stamps(folder: Path, n_frames: int) -> None:
    """Clear the entries beyond the frames that stay."""
    last, at = divmod(n_frames, SIDE_ENTRIES)
    chunks = folder / "c"
    for entry in list(chunks.iterdir()) if chunks.is_dir() else []:
        number = int(entry.name) if entry.name.isdigit() else -1
        if number > last or (number == last and not at):
            entry.unlink()
        elif number == last:
            fd = open_for_writing(entry)
            try:
                write_at(fd, bytes(8 * (SIDE_ENTRIES - at)), 8 * at)
            finally:
                os.close(fd)
