"""Which task of a conversion does what: stage after stage, and in the end the files.

An array is one field at one time; arrays are numbered time by time. Where arrays are small, a task
does several of them, because beginning and recording a task costs more than a few bytes do.
"""

from __future__ import annotations

from dataclasses import dataclass

from pyramidion.formats._format import ImageTask
from pyramidion.formats._idx.plan import IdxPlan

GROUP_BYTES = 16 * 2**20
"""A task has about so many bytes, or more."""
GROUP_LIMIT = 256
"""Most arrays or files of a task: an interrupted run does not begin with thousands anew."""


@dataclass(frozen=True)
class Share:
    """What a task works on.

    Parameters
    ----------
    stage : int
        Of the cascade.
    arrays : range
        Their numbers.
    tile : int
        Number of the tile, the same one of all arrays.
    """

    stage: int
    arrays: range
    tile: int


class TaskList:
    """The tasks of a dataset, by number.

    Parameters
    ----------
    plan : IdxPlan
        The dataset.
    """

    def __init__(self, plan: IdxPlan) -> None:
        header, self._cascade = plan.header, plan.cascade
        self._header = header
        self.n_fields = len(header.fields)
        self.n_arrays = len(header.times) * self.n_fields
        self._tiles = [self._cascade.n_tiles(k) for k in range(len(self._cascade.stages))]
        x, y, z = header.dims
        time_bytes = x * y * z * sum(field.sample_bytes for field in header.fields)
        # Several stages or tiles are there only because one array is large.
        is_one = sum(self._tiles) == 1
        self._per_task = _together(time_bytes / self.n_fields) if is_one else 1
        self._n_groups = -(-self.n_arrays // self._per_task)
        self.n_cascade = sum(self._tiles) * self._n_groups
        self.files_a_time = 0 if header.arco else -(-header.n_blocks // header.blocksperfile)
        self._n_files = len(header.times) * self.files_a_time
        self._files_per_task = _together(time_bytes / max(1, self.files_a_time))

    def tasks(self) -> list[ImageTask]:
        """Return all tasks; those of a stage group by group of arrays, and tile by tile."""
        tasks = []
        for stage, n_tiles in enumerate(self._tiles):
            points = [0] * n_tiles
            if stage == 0:
                points = [self._cascade.tile(0, tile).n_points for tile in range(n_tiles)]
            for group in range(self._n_groups):
                sample_bytes = sum(
                    self._header.fields[array % self.n_fields].sample_bytes
                    for array in self._arrays(group)
                )
                tasks += [ImageTask(stage, n * sample_bytes) for n in points]
        n_packing = -(-self._n_files // self._files_per_task)
        return tasks + [ImageTask(len(self._tiles), 0)] * n_packing

    def share(self, task: int) -> Share:
        """Return what a task below ``n_cascade`` works on."""
        for stage, n_tiles in enumerate(self._tiles):
            if task < n_tiles * self._n_groups:
                group, tile = divmod(task, n_tiles)
                return Share(stage, self._arrays(group), tile)
            task -= n_tiles * self._n_groups
        raise IndexError(task)

    def task(self, stage: int, array: int, tile: int) -> int:
        """Return which task does a tile of an array."""
        before = sum(self._tiles[:stage]) * self._n_groups
        return before + array // self._per_task * self._tiles[stage] + tile

    def files(self, task: int) -> range:
        """Return which files a task from ``n_cascade`` on puts together, numbered time by time."""
        first = (task - self.n_cascade) * self._files_per_task
        return range(first, min(first + self._files_per_task, self._n_files))

    def _arrays(self, group: int) -> range:
        first = group * self._per_task
        return range(first, min(first + self._per_task, self.n_arrays))


def _together(n_bytes: float) -> int:
    """Return how many things of a size one task does."""
    return max(1, min(GROUP_LIMIT, int(-(-GROUP_BYTES // n_bytes))))
