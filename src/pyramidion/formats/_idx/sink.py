"""Writing an image as an IDX dataset: compressed blocks of all levels in one pass."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from pyramidion.core import Box, ImageSpec
from pyramidion.formats._format import ImageTask, Read, WriteOptions
from pyramidion.formats._idx.blocks_out import CODEC_FLAGS, Encoded, cut_block
from pyramidion.formats._idx.cascade import Tile, shared_part
from pyramidion.formats._idx.files import ROW_MAJOR, arco_name
from pyramidion.formats._idx.packing import FileBlocks, Spools, pack
from pyramidion.formats._idx.plan import make_plan
from pyramidion.formats._idx.ranges import joined, limits_of
from pyramidion.formats._idx.staging import StagedDataset, blocks_name, owns_dataset
from pyramidion.formats._idx.template import file_name
from pyramidion.formats._idx.timesteps import time_name
from pyramidion.storage import Spill, TaskRecord


@dataclass(frozen=True)
class _Place:
    """What a task works on: a tile of a stage, of a field at a time."""

    stage: int
    t: int
    field: int
    tile: int


class IdxSink:
    """An IDX dataset under way; see :class:`pyramidion.formats.ImageSink`.

    Parameters
    ----------
    path : Path
        The .idx; its blocks go to the folder of that name without ``.idx``.
    specs : sequence of ImageSpec
        The fields, of one shape along t, z, y and x.
    options : WriteOptions
        ``arco``, ``compression`` and how an interrupted run is taken up.

    Raises
    ------
    UsageError
        If options and image do not fit, or what is there may not be replaced.
    StorageError
        If another process is writing it.
    """

    resumable = True

    def __init__(self, path: Path, specs: Sequence[ImageSpec], options: WriteOptions) -> None:
        self.plan = make_plan(path, specs, options)
        plan = {
            "source": options.source_id,
            "codec": f"{self.plan.codec.name}:{self.plan.codec.level}",
            "header": self.plan.text([([], [])] * len(specs)),
        }
        self._staged = StagedDataset(
            path,
            plan,
            resume=options.resume,
            overwrite=options.overwrite,
            owns=owns_dataset,
            attach=options.attach,
        )
        self._folder = self._staged.folder
        self._record, self._spill = TaskRecord(self._folder), Spill(self._folder)
        self._spools = Spools(self._folder, self._record)
        self._name = blocks_name(path)
        self._tiles = [self.plan.cascade.n_tiles(k) for k in range(len(self.plan.cascade.stages))]
        self._n_cascade = sum(self._tiles) * self._n_arrays
        self.tasks = self._all_tasks()

    @property
    def _n_arrays(self) -> int:
        return len(self.plan.header.times) * len(self.plan.header.fields)

    def is_done(self, task: int) -> bool:
        """Tell whether a task is recorded as finished, and its files are there."""
        return self._record.get(task) is not None

    def work(self, task: int, reads: Sequence[Read]) -> None:
        """Do a task and record it."""
        if task >= self._n_cascade:
            self._pack(task)
            return
        at = self._place(task)
        tile = self.plan.cascade.tile(at.stage, at.tile)
        samples = self._samples(at, tile, reads)
        result: dict[str, Any] = {} if at.stage else {"limits": limits_of(samples)}
        files = self._leave(at, task, tile, samples)
        files |= self._write_blocks(at, task, tile, samples, result)
        self._record.put(task, result, files)

    def commit(self) -> None:
        """Publish: blocks and text get their names, the text last."""
        undone = next((task for task in range(len(self.tasks)) if not self.is_done(task)), None)
        assert undone is None, f"task {undone} is not done"
        limits = []
        for field in range(len(self.plan.header.fields)):
            tasks = (
                self._task(_Place(0, t, field, tile))
                for t in range(len(self.plan.header.times))
                for tile in range(self._tiles[0])
            )
            found = (self._record.get(task) for task in tasks)
            limits.append(joined(told["limits"] for told in found if told))
        self._folder.write(self._staged.destination.name, self.plan.text(limits).encode())
        self._staged.commit()

    def abort(self) -> None:
        """Stop; what is complete is kept. Safe to call twice."""
        self._staged.abort()

    def _all_tasks(self) -> list[ImageTask]:
        """Stage after stage; within one, time by time and field by field."""
        header, cascade = self.plan.header, self.plan.cascade
        tasks = []
        for stage, n_tiles in enumerate(self._tiles):
            points = [0] * n_tiles
            if stage == 0:
                points = [cascade.tile(0, tile).n_points for tile in range(n_tiles)]
            tasks += [
                ImageTask(stage, n * field.sample_bytes)
                for _ in header.times
                for field in header.fields
                for n in points
            ]
        if not header.arco:
            tasks += [ImageTask(len(self._tiles), 0)] * (len(header.times) * self._files_a_time)
        return tasks

    def _place(self, task: int) -> _Place:
        for stage, n_tiles in enumerate(self._tiles):
            if task < n_tiles * self._n_arrays:
                array, tile = divmod(task, n_tiles)
                t, field = divmod(array, len(self.plan.header.fields))
                return _Place(stage, t, field, tile)
            task -= n_tiles * self._n_arrays
        raise IndexError(task)

    def _task(self, at: _Place) -> int:
        before = sum(self._tiles[: at.stage]) * self._n_arrays
        array = at.t * len(self.plan.header.fields) + at.field
        return before + array * self._tiles[at.stage] + at.tile

    def _samples(self, at: _Place, tile: Tile, reads: Sequence[Read]) -> np.ndarray:
        """Return the samples of a tile, axes z, y, x and component."""
        field = self.plan.header.fields[at.field]
        if at.stage == 0:
            values = reads[at.field](self._box(at, tile))
            samples: np.ndarray = np.moveaxis(values[0], 0, -1).astype(field.dtype, copy=False)
            return samples
        pieces = list(self._pieces(at, tile))
        if len(pieces) == 1 and pieces[0][1] == tile:
            return self._spill.get(str(pieces[0][0]))
        samples = np.empty((*tile.shape[::-1], field.components), field.dtype)
        for task, piece in pieces:
            here, there = shared_part(tile, piece)
            samples[here] = self._spill.get(str(task))[there]
        return samples

    def _box(self, at: _Place, tile: Tile) -> Box:
        low = [a - p for a, p in zip(tile.first, self.plan.header.p1, strict=True)]
        high = [a + n for a, n in zip(low, tile.shape, strict=True)]
        channels = self.plan.header.fields[at.field].components
        return Box((at.t, 0, *low[::-1]), (at.t + 1, channels, *high[::-1]))

    def _pieces(self, at: _Place, tile: Tile) -> Iterator[tuple[int, Tile]]:
        """Yield the tasks of the stage before whose remains a tile is made of."""
        if at.stage:
            for number, piece in self.plan.cascade.pieces_for(at.stage, tile):
                yield self._task(_Place(at.stage - 1, at.t, at.field, number)), piece

    def _leave(self, at: _Place, task: int, tile: Tile, samples: np.ndarray) -> dict[str, int]:
        """Keep what the next stage needs; return the file."""
        if at.stage + 1 == len(self._tiles):
            return {}
        remains, slices = self.plan.cascade.left_of(at.stage, tile)
        if not remains.n_points:
            return {}
        return dict([self._spill.put(str(task), samples[slices])])

    def _write_blocks(
        self, at: _Place, task: int, tile: Tile, samples: np.ndarray, result: dict[str, Any]
    ) -> dict[str, int]:
        """Write the blocks that belong to a tile; return the files and their bytes."""
        encoded = self._encoded(at, tile, samples)
        if not self.plan.header.arco:
            result["sizes"], key, size = self._spools.put(task, encoded)
            return {key: size}
        files = {}
        for block, body in encoded:
            key = self._key(at, block)
            with self._folder.stage(key) as staged:
                staged.append(body)
                staged.commit()
            files[key] = len(body)
        return files

    def _encoded(
        self, at: _Place, tile: Tile, samples: np.ndarray
    ) -> Iterator[tuple[int, Encoded]]:
        cascade = self.plan.cascade
        stride = self.plan.header.bitmask.stride(cascade.stages[at.stage].level)
        for number in cascade.blocks(at.stage, tile):
            block = cut_block(self.plan.grid.place(number), samples, tile, stride)
            yield number, self.plan.codec.encode(block)

    def _key(self, at: _Place, block: int) -> str:
        header = self.plan.header
        name = arco_name(header.fields[at.field].name, header.times[at.t], block)
        return f"{self._name}/{name}"

    def _pack(self, task: int) -> None:
        file = self._file(task - self._n_cascade)
        files = {}
        if any(file.entries):  # otherwise it lies outside of the box
            flags = ROW_MAJOR | CODEC_FLAGS[self.plan.codec.name]
            files[file.key] = pack(self._folder, self._spools, file, flags)
        self._record.put(task, {}, files)

    @property
    def _files_a_time(self) -> int:
        return -(-self.plan.grid.n_blocks // self.plan.header.blocksperfile)

    def _file(self, number: int) -> FileBlocks:
        """Return what the file of a packing task holds."""
        header, cascade = self.plan.header, self.plan.cascade
        t, n = divmod(number, self._files_a_time)
        first = n * header.blocksperfile
        dims = header.dims
        present = {
            block
            for block in range(first, min(first + header.blocksperfile, self.plan.grid.n_blocks))
            if block == 0 or self.plan.grid.place(block).slices(header.p1, dims)
        }
        entries: list[tuple[int, int] | None] = []
        for field in range(len(header.fields)):
            for block in range(first, first + header.blocksperfile):
                if block in present:
                    stage, tile = cascade.task_of(block)
                    entries.append((self._task(_Place(stage, t, field, tile)), block))
                else:
                    entries.append(None)
        folder = time_name(header.time_template, header.times[t])
        return FileBlocks(file_name(header.template, first, folder), entries)
