"""What stands beside the pixels, made right again for the frames that are kept."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import numpy as np

from pyramidion.core import LOST_REASONS, Lost
from pyramidion.formats._recording.durable import replace_document
from pyramidion.formats._recording.frame_numbers import (
    LARGEST_NUMBER,
    fill_numbers,
    known_numbers,
    without_stored,
)
from pyramidion.formats._recording.metadata import LOST, SIDE_DTYPES, SIDE_ENTRIES
from pyramidion.formats._recording.recover import Documents
from pyramidion.formats._recording.survey import Survey, side_values
from pyramidion.formats._recording.verify import missing_runs, number_fault

_MOST_RUNS = 2**22
_MOST_UNPROVED = 2**26
"""Frames that a document may tell of when no file has room for so many."""


@dataclass(frozen=True)
class Sides:
    """Values beside the pixels.

    Parameters
    ----------
    values : dict of str to ndarray, shape (n,)
        Number and times of every frame.
    lost : tuple of Lost
        Runs of frames that are not stored.
    n_told : int
        How many of these runs were in the table before.
    guessed : ndarray of int
        Places of the frames whose number had to be counted on from the one before.
    untimed : ndarray of int
        Places of the frames one of whose times is gone.
    """

    values: dict[str, np.ndarray]
    lost: tuple[Lost, ...]
    n_told: int
    guessed: np.ndarray
    untimed: np.ndarray

    @property
    def rows(self) -> np.ndarray:
        """The table of losses, shape (runs, 3)."""
        rows = [(run.first, run.n_frames, LOST_REASONS.index(run.reason)) for run in self.lost]
        return np.array(rows, "<i8").reshape(-1, 3)


def mend_sides(path: Path, documents: Documents, found: Survey) -> Sides:
    """Return what must stand beside the frames that are kept; changes nothing.

    Every frame that is not kept and that has a number, or that readers saw, is lost to the disk; what
    else is missing up to the last number that is known of is lost for a reason that nobody knows.

    Parameters
    ----------
    path : Path
        The store.
    documents : Documents
        What is said of it.
    found : Survey
        What is there.
    """
    n_frames = found.n_kept
    room = max(n_frames, _room(path, "frame_number"))
    n_told = max(n_frames, min(found.n_shown, max(room, _MOST_UNPROVED)))
    stored = side_values(path, "frame_number", max(room, n_told))
    is_known = known_numbers(stored)
    if n_told == 1 and not stored.any():  # nothing follows that would prove the 0
        is_known[0] = _has_files(path, "frame_number", 1)
    n = max([n_told, *np.flatnonzero(is_known)[-1:] + 1])
    runs = _stored_runs(path, documents.shapes.get(LOST, 0))
    filled, is_known = fill_numbers(stored[:n], is_known[:n], runs), is_known[:n]
    is_taken = is_known | (np.arange(n) < n_told)
    numbers, taken = filled[:n_frames], filled[n_frames:][is_taken[n_frames:]]
    lost = without_stored(runs, numbers)
    n_runs = len(lost)
    lost += [Lost(a, k, "disk") for a, k in _runs_of(taken, lost)]
    ends = [*numbers[-1:] + 1, *taken[-1:] + 1, *(run.first + run.n_frames for run in lost)]
    end = max([_n_camera(documents), *map(int, ends)])
    lost += [Lost(a, k, "unknown") for a, k in missing_runs(np.append(numbers, end), lost)]
    values, untimed = _times(path, n_frames)
    guessed = np.flatnonzero(~is_known[:n_frames])
    return Sides({"frame_number": numbers, **values}, tuple(lost), n_runs, guessed, untimed)


def are_sides_right(path: Path, documents: Documents) -> bool:
    """Tell whether what stands beside the pixels is all there and agrees with the counts."""
    n_frames, n_runs = documents.n_shown, documents.shapes.get(LOST, 0)
    told = {**dict.fromkeys(SIDE_DTYPES, n_frames), LOST: n_runs}
    if not all(_has_files(path, name, n) for name, n in told.items()):
        return False
    numbers = side_values(path, "frame_number", n_frames)
    rows = side_values(path, LOST, n_runs)
    if not _are_runs(rows).all():
        return False
    lost = tuple(Lost(int(first), int(n), "") for first, n, _ in rows)
    n_camera = n_frames + sum(run.n_frames for run in lost)
    counts = {"frames": n_frames, "frames_camera": n_camera}
    is_counted = all(documents.own.get(key, n) == n for key, n in counts.items())
    return is_counted and not number_fault(numbers, lost)


def write_sides(path: Path, sides: Sides) -> None:
    """Replace the files whose values are not those; each whole or not at all.

    The table of losses comes first: it holds numbers of frames that are then cut off.
    """
    for name, values in {LOST: sides.rows, **sides.values}.items():
        for number in range(-(-len(values) // SIDE_ENTRIES)):
            part = values[number * SIDE_ENTRIES : (number + 1) * SIDE_ENTRIES]
            data = np.zeros((SIDE_ENTRIES, *values.shape[1:]), values.dtype)
            data[: len(part)] = part
            file = _file(path, name, number)
            if _begins_with(file, part.tobytes(), data.nbytes):
                continue
            file.parent.mkdir(parents=True, exist_ok=True)
            replace_document(file, data.tobytes())


def _begins_with(file: Path, data: bytes, size: int) -> bool:
    if not file.is_file() or file.stat().st_size != size:
        return False
    with file.open("rb") as opened:
        return opened.read(len(data)) == data


def _n_camera(documents: Documents) -> int:
    """Return how many frames the camera took; 0 where the root does not tell."""
    n_camera = documents.own.get("frames_camera")
    return n_camera if isinstance(n_camera, int) and 0 <= n_camera < LARGEST_NUMBER else 0


def _are_runs(rows: np.ndarray) -> np.ndarray:
    """Tell which rows of the table can be runs of numbers."""
    return np.asarray(((rows[:, :2] >= 0) & (rows[:, :2] < LARGEST_NUMBER)).all(axis=1))


def _room(path: Path, name: str) -> int:
    """Return for how many frames the files of an array have room."""
    chunks = path / name / "c"
    names = [file.name for file in chunks.iterdir()] if chunks.is_dir() else []
    return SIDE_ENTRIES * max((int(name) + 1 for name in names if name.isdigit()), default=0)


def _has_files(path: Path, name: str, n_entries: int) -> bool:
    size = SIDE_ENTRIES * (3 * 8 if name == LOST else 8)
    files = (_file(path, name, number) for number in range(-(-n_entries // SIDE_ENTRIES)))
    return all(file.is_file() and file.stat().st_size >= size for file in files)


def _file(path: Path, name: str, number: int) -> Path:
    file = path / name / "c" / str(number)
    return file / "0" if name == LOST else file


def _times(path: Path, n_frames: int) -> tuple[dict[str, np.ndarray], np.ndarray]:
    """Return the times, NaN where they are gone, and of which frames one is gone.

    No frame is of the year 1970. A camera's clock may begin at 0, but is there only once.
    """
    camera = side_values(path, "time_camera", n_frames)
    host = side_values(path, "time_host", n_frames)
    no_host = host == 0
    is_zero = np.concatenate([[False], camera == 0, [False]])
    no_camera = is_zero[1:-1] & (no_host | is_zero[:-2] | is_zero[2:])
    if n_frames == 1 and not _has_files(path, "time_camera", 1):
        no_camera = np.array([True])
    camera[no_camera], host[no_host] = np.nan, np.nan
    return {"time_camera": camera, "time_host": host}, np.flatnonzero(no_camera | no_host)


def _stored_runs(path: Path, n_told: int) -> tuple[Lost, ...]:
    """Return the runs in the table, also those that the documents do not tell of yet."""
    rows = side_values(path, LOST, min(n_told + SIDE_ENTRIES, _MOST_RUNS))
    is_there = np.asarray(rows.any(axis=1))
    n = max(n_told, int(np.argmin(is_there)) if not is_there.all() else len(rows))
    rows = rows[:n][is_there[:n] & _are_runs(rows[:n])]
    runs = []
    for first, count, code in rows:
        reason = LOST_REASONS[code] if 0 <= code < len(LOST_REASONS) else LOST_REASONS[0]
        runs.append(Lost(int(first), int(count), reason))
    return tuple(runs)


def _runs_of(numbers: np.ndarray, lost: list[Lost]) -> list[tuple[int, int]]:
    """Return runs (first, count) of numbers that are in no list."""
    for run in lost:
        numbers = numbers[(numbers < run.first) | (numbers >= run.first + run.n_frames)]
    pieces = np.split(numbers, np.flatnonzero(np.diff(numbers) != 1) + 1) if len(numbers) else []
    return [(int(piece[0]), len(piece)) for piece in pieces]
