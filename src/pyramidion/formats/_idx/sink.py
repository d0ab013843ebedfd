"""Writing an image as an IDX dataset: compressed blocks of all levels in one pass."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from itertools import starmap
from pathlib import Path
from typing import Any

import numpy as np

from pyramidion.core import Box, ImageSpec
from pyramidion.formats._format import Read, WriteOptions
from pyramidion.formats._idx.blocks_out import CODEC_FLAGS, Encoded, cut_block
from pyramidion.formats._idx.cascade import Tile, shared_part
from pyramidion.formats._idx.files import ROW_MAJOR, arco_name
from pyramidion.formats._idx.packing import BlockId, FileBlocks, Spools, pack
from pyramidion.formats._idx.plan import make_plan
from pyramidion.formats._idx.ranges import Limits, joined, limits_of
from pyramidion.formats._idx.staging import StagedDataset, blocks_name, owns_dataset
from pyramidion.formats._idx.task_list import Share, TaskList
from pyramidion.formats._idx.template import file_name
from pyramidion.formats._idx.timesteps import time_name
from pyramidion.storage import Spill, TaskRecord


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
        self._list = TaskList(self.plan)
        self.tasks = self._list.tasks()
        self._done: dict[int, list[tuple[int, Limits]]] = {}
        plan = {
            "source": options.source_id,
            "codec": f"{self.plan.codec.name}:{self.plan.codec.level}",
            "header": self.plan.text([([], [])] * len(specs)),
            "tasks": len(self.tasks),
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

    def is_done(self, task: int) -> bool:
        """Tell whether a task is recorded as finished, and its files are there.

        What is there when it is first looked at stays: a record is read once.
        """
        if task not in self._done:
            told = self._record.get(task)
            if told is None:
                return False
            self._done[task] = told.get("limits", [])
        return True

    def work(self, task: int, reads: Sequence[Read]) -> None:
        """Do a task and record it."""
        if task >= self._list.n_cascade:
            files = dict(map(self._packed, self._list.files(task)))
            self._finish(task, {}, {key: size for key, size in files.items() if size})
            return
        share = self._list.share(task)
        limits: dict[int, Limits] = {}
        files = {}

        def blocks() -> Iterator[tuple[BlockId, Encoded]]:
            for array, samples in self._arrays(share, reads):
                if share.stage == 0:
                    field = array % self._list.n_fields
                    found = limits_of(samples)
                    limits[field] = joined([limits[field], found]) if field in limits else found
                files.update(self._leave(share, array, samples))
                yield from self._encoded(share, array, samples)

        result: dict[str, Any] = {}
        if self.plan.header.arco:
            files |= dict(starmap(self._write_block, blocks()))
        else:
            result["sizes"], key, files[key] = self._spools.put(task, blocks())
        if limits:
            result["limits"] = list(limits.items())
        self._finish(task, result, files)

    def notes(self) -> tuple[str, ...]:
        """Return what was not done as it was asked for."""
        return self.plan.notes

    def commit(self) -> None:
        """Publish: blocks and text get their names, the text last."""
        undone = next((task for task in range(len(self.tasks)) if not self.is_done(task)), None)
        assert undone is None, f"task {undone} is not done"
        found: list[list[Limits]] = [[] for _ in range(self._list.n_fields)]
        for told in self._done.values():
            for field, limits in told:
                found[field].append(limits)
        text = self.plan.text([joined(limits) for limits in found])
        self._folder.write(self._staged.destination.name, text.encode())
        self._staged.commit()

    def abort(self) -> None:
        """Stop; what is complete is kept, if it is anything. Safe to call twice."""
        if self._staged.is_held:
            self._staged.abort(keep=any(map(self.is_done, range(len(self.tasks)))))

    def _finish(self, task: int, result: dict[str, Any], files: dict[str, int]) -> None:
        self._record.put(task, result, files)
        self._done[task] = result.get("limits", [])

    def _arrays(self, share: Share, reads: Sequence[Read]) -> Iterator[tuple[int, np.ndarray]]:
        """Yield the arrays of a task and their samples, axes z, y, x and component."""
        tile = self.plan.cascade.tile(share.stage, share.tile)
        if share.stage:
            for array in share.arrays:
                yield array, self._gathered(share, array, tile)
            return
        n_fields = self._list.n_fields
        for number, field in enumerate(self.plan.header.fields):
            arrays = share.arrays[(number - share.arrays.start) % n_fields :: n_fields]
            if arrays:
                times = range(arrays[0] // n_fields, arrays[-1] // n_fields + 1)
                values = reads[number](self._box(times, field.components, tile))
                for array, volume in zip(arrays, values, strict=True):
                    yield array, np.moveaxis(volume, 0, -1).astype(field.dtype, copy=False)

    def _gathered(self, share: Share, array: int, tile: Tile) -> np.ndarray:
        """Return the samples of a tile from what the stage before has left."""
        field = self.plan.header.fields[array % self._list.n_fields]
        before = share.stage - 1
        pieces = [
            (_left_name(before, array, number), piece)
            for number, piece in self.plan.cascade.pieces_for(share.stage, tile)
        ]
        if len(pieces) == 1 and pieces[0][1] == tile:
            return self._spill.get(pieces[0][0])
        samples = np.empty((*tile.shape[::-1], field.components), field.dtype)
        for name, piece in pieces:
            here, there = shared_part(tile, piece)
            samples[here] = self._spill.get(name)[there]
        return samples

    def _box(self, times: range, n_channels: int, tile: Tile) -> Box:
        low = [a - p for a, p in zip(tile.first, self.plan.header.p1, strict=True)]
        high = [a + n for a, n in zip(low, tile.shape, strict=True)]
        return Box((times.start, 0, *low[::-1]), (times.stop, n_channels, *high[::-1]))

    def _leave(self, share: Share, array: int, samples: np.ndarray) -> dict[str, int]:
        """Keep what the next stage needs; return the file."""
        cascade = self.plan.cascade
        if share.stage + 1 == len(cascade.stages):
            return {}
        tile = cascade.tile(share.stage, share.tile)
        remains, slices = cascade.left_of(share.stage, tile)
        if not remains.n_points:
            return {}
        name = _left_name(share.stage, array, share.tile)
        return dict([self._spill.put(name, samples[slices])])

    def _encoded(
        self, share: Share, array: int, samples: np.ndarray
    ) -> Iterator[tuple[BlockId, Encoded]]:
        """Yield the blocks that belong to a tile of an array."""
        cascade = self.plan.cascade
        tile = cascade.tile(share.stage, share.tile)
        stride = self.plan.header.bitmask.stride(cascade.stages[share.stage].level)
        for number in cascade.blocks(share.stage, tile):
            block = cut_block(self.plan.grid.place(number), samples, tile, stride)
            yield (array, number), self.plan.codec.encode(block)

    def _write_block(self, block: BlockId, body: Encoded) -> tuple[str, int]:
        """Write a block to its own file; return key and bytes."""
        header = self.plan.header
        time, field = divmod(block[0], self._list.n_fields)
        key = f"{self._name}/{arco_name(header.fields[field].name, header.times[time], block[1])}"
        with self._folder.stage(key) as staged:
            staged.append(body)
            staged.commit()
        return key, len(body)

    def _packed(self, number: int) -> tuple[str, int]:
        """Put a file together; return key and bytes, 0 where it lies outside of the box."""
        file = self._file(number)
        if not any(file.entries):
            return file.key, 0
        flags = ROW_MAJOR | CODEC_FLAGS[self.plan.codec.name]
        return file.key, pack(self._folder, self._spools, file, flags)

    def _file(self, number: int) -> FileBlocks:
        """Return what a file holds."""
        header, cascade = self.plan.header, self.plan.cascade
        t, n = divmod(number, self._list.files_a_time)
        first = n * header.blocksperfile
        present = {
            block
            for block in range(first, min(first + header.blocksperfile, self.plan.grid.n_blocks))
            if block == 0 or self.plan.grid.place(block).slices(header.p1, header.dims)
        }
        entries: list[tuple[int, BlockId] | None] = []
        for field in range(self._list.n_fields):
            array = t * self._list.n_fields + field
            for block in range(first, first + header.blocksperfile):
                if block in present:
                    stage, tile = cascade.task_of(block)
                    entries.append((self._list.task(stage, array, tile), (array, block)))
                else:
                    entries.append(None)
        folder = time_name(header.time_template, header.times[t])
        return FileBlocks(file_name(header.template, first, folder), entries)


def _left_name(stage: int, array: int, tile: int) -> str:
    """Return what the remains of a tile are called."""
    return f"{stage}.{array}.{tile}"
