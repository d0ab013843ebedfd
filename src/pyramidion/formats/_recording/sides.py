"""What stands beside the pixels, made right again for the frames that are kept."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import numpy as np

from pyramidion.core import LOST_REASONS, Lost
from pyramidion.formats._recording.durable import replace_document
from pyramidion.formats._recording.metadata import LOST, SIDE_DTYPES, SIDE_ENTRIES
from pyramidion.formats._recording.survey import side_values
from pyramidion.formats._recording.verify import missing_runs

_MOST_RUNS = 2**22


@dataclass(frozen=True)
class Sides:
    """Values beside the pixels.

    Parameters
    ----------
    values : dict of str to ndarray, shape (n,)
        Number and times of every frame.
    lost : tuple of Lost
        Runs of frames that are not stored.
    n_guessed : int
        Frames whose number had to be counted on from the one before.
    """

    values: dict[str, np.ndarray]
    lost: tuple[Lost, ...]
    n_guessed: int

    @property
    def rows(self) -> np.ndarray:
        """The table of losses, shape (runs, 3)."""
        rows = [(run.first, run.n_frames, LOST_REASONS.index(run.reason)) for run in self.lost]
        return np.array(rows, "<i8").reshape(-1, 3)


def mend_sides(path: Path, n_frames: int, n_taken: int, n_lost: int) -> Sides:
    """Return what must stand beside the frames that are kept; changes nothing.

    Parameters
    ----------
    path : Path
        The store.
    n_frames : int
        Frames that are kept.
    n_taken : int
        Frames for which there may be a number: those beyond the kept ones are lost.
    n_lost : int
        Runs of lost frames that the documents tell of.
    """
    values = {name: side_values(path, name, max(n_frames, n_taken)) for name in SIDE_DTYPES}
    numbers, times = values["frame_number"], values["time_host"]
    is_known = _known(numbers, times)
    cut = np.flatnonzero(is_known[n_frames:]) + n_frames
    taken = numbers[cut]
    lost = _stored_runs(path, n_lost)
    numbers, is_known = numbers[:n_frames].copy(), is_known[:n_frames]
    for t in np.flatnonzero(~is_known):
        numbers[t] = _next_number(int(numbers[t - 1]) + 1 if t else 0, lost)
    kept = {name: found[:n_frames].copy() for name, found in values.items()}
    kept["frame_number"] = numbers
    for name in ("time_camera", "time_host"):
        kept[name][~is_known & (kept[name] == 0)] = np.nan
    first = int(numbers[-1]) + 1 if n_frames else 0
    lost += tuple(Lost(a, n, "disk") for a, n in _runs_of(taken[taken >= first], lost))
    lost += tuple(Lost(a, n, "unknown") for a, n in missing_runs(numbers, lost))
    return Sides(kept, lost, int((~is_known).sum()))


def write_sides(path: Path, sides: Sides) -> None:
    """Replace the files whose values are not those; each whole or not at all."""
    for name, values in {**sides.values, LOST: sides.rows}.items():
        for number in range(-(-len(values) // SIDE_ENTRIES)):
            part = values[number * SIDE_ENTRIES : (number + 1) * SIDE_ENTRIES]
            data = np.zeros((SIDE_ENTRIES, *values.shape[1:]), values.dtype)
            data[: len(part)] = part
            file = path / name / "c" / str(number)
            file = file / "0" if name == LOST else file
            if _begins_with(file, part.tobytes(), data.nbytes):
                continue
            file.parent.mkdir(parents=True, exist_ok=True)
            replace_document(file, data.tobytes())


def _begins_with(file: Path, data: bytes, size: int) -> bool:
    if not file.is_file() or file.stat().st_size != size:
        return False
    with file.open("rb") as opened:
        return opened.read(len(data)) == data


def _known(numbers: np.ndarray, times: np.ndarray) -> np.ndarray:
    """Tell for which frames number and time were written; the numbers of these rise."""
    is_known: np.ndarray = (times != 0) & (numbers >= 0)
    last = -1
    for t in np.flatnonzero(is_known):
        is_known[t] = numbers[t] > last
        last = max(last, int(numbers[t]))
    return is_known


def _next_number(number: int, lost: tuple[Lost, ...]) -> int:
    """Return a number, or the first after it that is not lost."""
    for run in sorted(lost):
        if run.first <= number < run.first + run.n_frames:
            number = run.first + run.n_frames
    return number


def _stored_runs(path: Path, n_told: int) -> tuple[Lost, ...]:
    """Return the runs in the table, also those that the documents do not tell of yet."""
    rows = side_values(path, LOST, min(n_told + SIDE_ENTRIES, _MOST_RUNS))
    is_there = np.asarray(rows.any(axis=1))
    n = max(n_told, int(np.argmin(is_there)) if not is_there.all() else len(rows))
    runs = []
    for first, count, code in rows[:n][is_there[:n]]:
        reason = LOST_REASONS[code] if 0 <= code < len(LOST_REASONS) else LOST_REASONS[0]
        runs.append(Lost(int(first), int(count), reason))
    return tuple(runs)


def _runs_of(numbers: np.ndarray, lost: tuple[Lost, ...]) -> list[tuple[int, int]]:
    """Return runs (first, count) of numbers that are in no list."""
    for run in lost:
        numbers = numbers[(numbers < run.first) | (numbers >= run.first + run.n_frames)]
    pieces = np.split(numbers, np.flatnonzero(np.diff(numbers) != 1) + 1) if len(numbers) else []
    return [(int(piece[0]), len(piece)) for piece in pieces]
