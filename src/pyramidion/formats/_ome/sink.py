"""Writing an OME-Zarr image: tasks that own whole shards, level after level.

A task of stage 0 reads one slab of the source, writes its shards, reduces it, and leaves the result
in a spill. A task of stage k gathers what it needs of level k from the spills, writes its shards,
and so on; as soon as a task holds a level whole, it also makes all the coarser ones. So every
source element is read once, and what is in memory is one slab, however large the image.

Every level is made from sums over the raw elements (:mod:`pyramidion.kernels`), never from
rounded means.
"""

from __future__ import annotations

import itertools
import json
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

import numpy as np

from pyramidion.core import Box, ImageSpec, IncompleteError, MissingError, UsageError, plain_dtype
from pyramidion.formats._format import ImageTask, Read, WriteOptions
from pyramidion.formats._ome.attributes import LAYOUT, to_attributes
from pyramidion.formats._ome.geometry import ImageGeometry, image_geometry
from pyramidion.formats._ome.ownership import is_own_image
from pyramidion.formats._ome.reducer import Reducer
from pyramidion.formats._ome.stages import UNREDUCED, overlap, plan_stages, pooled_box, scaled
from pyramidion.formats._ome.windows import Sampler, windows
from pyramidion.formats._waveform.attributes import seal
from pyramidion.shards import Codec, ShardWriter
from pyramidion.storage import Folder, Spill, StagedFolder, TaskRecord


def only_spec(path: Path, specs: Sequence[ImageSpec]) -> ImageSpec:
    """Return the one field that an OME-Zarr image holds.

    Raises
    ------
    UsageError
        If there are several.
    """
    if len(specs) != 1:
        names = ", ".join(spec.name for spec in specs)
        raise UsageError(
            str(path), f"{len(specs)} fields", names, "choose with --field", id="PYR-OME-01"
        )
    return specs[0]


class OmeSink:
    """An OME-Zarr 0.5 image under way; see :class:`pyramidion.formats.ImageSink`.

    Parameters
    ----------
    path : Path
        The group.
    specs : sequence of ImageSpec
        What is written: one field.
    options : WriteOptions
        Compression, statistic, overwrite, resume, attach.
    """

    resumable = True

    def __init__(self, path: Path, specs: Sequence[ImageSpec], options: WriteOptions) -> None:
        self._spec = only_spec(path, specs)
        if options.zarr_format != 3:
            raise UsageError(
                "--zarr-format", "images are written as Zarr 3", options.zarr_format, "leave it out",
                id="PYR-CMP-01",
            )  # fmt: skip
        self._dtype = plain_dtype(self._spec.dtype, str(path), id="PYR-ZAR-05")
        codec = Codec.parse(options.compression)
        self.geometry: ImageGeometry = image_geometry(
            self._spec, codec, whole_planes=_takes_planes(self._spec, options)
        )
        self._reducer = Reducer(self.geometry.plan, self._dtype, options.stat)
        self._stages = list(plan_stages(self.geometry, self._reducer))
        self._sampler = Sampler(self._spec.shape)
        self._staged = StagedFolder(
            path,
            _plan_of(self._spec, options, codec, self._reducer.stat),
            resume=options.resume,
            overwrite=options.overwrite,
            owns=is_own_image,
            attach=options.attach,
        )
        self._folder = self._staged.folder
        self._spill, self._record = Spill(self._folder), TaskRecord(self._folder)
        self.tasks: Sequence[ImageTask] = [
            ImageTask(level, self._n_bytes(stage.grid.box(number)) if level == 0 else 0)
            for level, stage in enumerate(self._stages)
            for number in range(len(stage.grid))
        ]

    def is_done(self, task: int) -> bool:
        """Tell whether a task's shards are there, and what it left for those that need it still."""
        told = self._record.get(task)
        if told is None:
            return False
        if told["spilled"] is None or self._is_spilled(task, told["spilled"]):
            return True
        return all(self.is_done(consumer) for consumer in self._consumers(task))

    def work(self, task: int, reads: Sequence[Read]) -> None:
        """Write the task's shards, leave its region reduced, and record it."""
        if self.is_done(task):
            return
        try:
            self._work(task, reads)
        except MissingError:
            # Another worker has done it meanwhile, and removed what it was made of.
            if not self.is_done(task):
                raise

    def commit(self) -> None:
        """Write the metadata, the root last, and publish the image."""
        n_first = len(self._stages[0].grid)
        told = [self._record.get(task) for task in range(len(self.tasks))]
        n_done = sum(part is not None for part in told)
        if n_done < len(told):
            raise IncompleteError(
                str(self._staged.destination), "incomplete", f"{n_done} of {len(told)} tasks done",
                "run it again with --resume", id="PYR-ZAR-11",
            )  # fmt: skip
        taken = itertools.chain.from_iterable(part["found"] for part in told[:n_first] if part)
        arrays = {
            str(level): layout.metadata() for level, layout in enumerate(self.geometry.layouts)
        }
        for key, metadata in arrays.items():
            self._folder.write(f"{key}/zarr.json", _json(metadata))
        root = {
            "zarr_format": 3,
            "node_type": "group",
            "attributes": to_attributes(
                self._spec, self.geometry, self._reducer.stat, self._reducer.shift, windows(taken)
            ),
            "consolidated_metadata": {
                "kind": "inline",
                "must_understand": False,
                "metadata": arrays,
            },
        }
        seal(root)
        self._folder.write("zarr.json", _json(root))
        self._staged.commit()

    def abort(self) -> None:
        """Let go; finished tasks stay for ``--resume``."""
        self._staged.abort(keep=any(map(self.is_done, range(len(self.tasks)))))

    def _work(self, task: int, reads: Sequence[Read]) -> None:
        level, number = self._place(task)
        stage = self._stages[level]
        region = stage.grid.box(number)
        found: list[dict[str, Any]] = []
        if level == 0:
            values = np.asarray(reads[0](region))
            found = self._sampler.take(values, region)
            files = self._write(0, values, region)
            carried = self._reducer.begin(values)
            del values
        else:
            carried = self._gather(level, region)
            files = self._write(level, self._shown(carried, level, region), region)
        spilled = None
        if level + 1 < len(self._stages):
            reduced = self._reducer.pool(carried, stage.done, level + 1)
            _, spilled = self._spill.put(str(task), reduced)
        else:
            files |= self._finish(carried, level, region)
        self._record.put(task, {"found": found, "spilled": spilled}, files)
        self._drop_used(task)

    def _finish(self, carried: np.ndarray, level: int, region: Box) -> dict[str, int]:
        """Make all coarser levels of a region that is whole along z, y and x."""
        files: dict[str, int] = {}
        lead = (region.start[:2], region.stop[:2])
        for coarser in range(level + 1, self.geometry.plan.n_levels):
            carried = self._reducer.pool(carried, self.geometry.plan.steps[coarser - 1], coarser)
            zyx = self.geometry.plan.level_shape(coarser)[2:]
            region = Box((*lead[0], 0, 0, 0), (*lead[1], *zyx))
            files |= self._write(coarser, self._shown(carried, coarser, region), region)
        return files

    def _shown(self, carried: np.ndarray, level: int, region: Box) -> np.ndarray:
        return self._reducer.shown(carried, level, region.stop)

    def _write(self, level: int, values: np.ndarray, region: Box) -> dict[str, int]:
        """Write the shards of a region; return their keys and sizes."""
        geometry, layout = self.geometry, self.geometry.layouts[level]
        inner = geometry.inner_box(region)
        values = values.reshape(inner.shape)  # the axes that the arrays lack have one element
        back = tuple(-n for n in inner.start)
        folder = Folder(self._folder.root / str(level))
        files = {}
        for shard in geometry.shards(level, region):
            writer = ShardWriter(folder, layout, shard)
            try:
                for number, box in layout.chunks(shard):
                    writer.put(number, values[box.shifted(back).slices])
                files[f"{level}/{layout.key(shard)}"] = writer.commit()
            finally:
                writer.discard()
        return files

    def _gather(self, level: int, region: Box) -> np.ndarray:
        """Return what is carried of a region, from the spills of the level before."""
        before = self._stages[level - 1]
        wanted = scaled(region, before.rest).clipped(before.spilled.shape)
        lead = self._reducer.lead
        carried = np.empty((*lead, *wanted.shape), self._reducer.carried_dtype(level))
        for number in before.spilled.touched(wanted):
            piece = before.spilled.box(number)
            common = overlap(piece, wanted)
            target: Any = common.shifted(tuple(-n for n in wanted.start)).slices
            source: Any = common.shifted(tuple(-n for n in piece.start)).slices
            kept = self._spill.get(str(before.first + number))
            carried[(..., *target)] = kept[(..., *source)]
        if before.rest == UNREDUCED:
            return carried
        return self._reducer.pool(carried, before.rest, level)

    def _producers(self, task: int) -> Iterator[int]:
        level, number = self._place(task)
        if level == 0:
            return
        before = self._stages[level - 1]
        wanted = scaled(self._stages[level].grid.box(number), before.rest)
        for piece in before.spilled.touched(wanted.clipped(before.spilled.shape)):
            yield before.first + piece

    def _consumers(self, task: int) -> Iterator[int]:
        level, number = self._place(task)
        if level + 1 == len(self._stages):
            return
        stage, after = self._stages[level], self._stages[level + 1]
        piece = stage.spilled.box(number)
        for consumer in after.grid.touched(pooled_box(piece, stage.rest)):
            yield after.first + consumer

    def _drop_used(self, task: int) -> None:
        """Remove the spills that this task was the last to need."""
        for producer in self._producers(task):
            if all(self._record.get(c) is not None for c in self._consumers(producer)):
                self._spill.drop(str(producer))

    def _is_spilled(self, task: int, n_bytes: int) -> bool:
        path = self._folder.path(self._spill.key(str(task)))
        return path.is_file() and path.stat().st_size == n_bytes

    def _place(self, task: int) -> tuple[int, int]:
        """Return the level of a task, and the number of its region."""
        level = self.tasks[task].stage
        return level, task - self._stages[level].first

    def _n_bytes(self, region: Box) -> int:
        return region.size * self._dtype.itemsize


def plan_image(path: Path, specs: Sequence[ImageSpec], options: WriteOptions) -> dict[str, Any]:
    """Return the arrays that would be written (JSON values); touches nothing."""
    spec = only_spec(path, specs)
    dtype = plain_dtype(spec.dtype, str(path), id="PYR-ZAR-05")
    codec = Codec.parse(options.compression)
    geometry = image_geometry(spec, codec, whole_planes=_takes_planes(spec, options))
    reducer = Reducer(geometry.plan, dtype, options.stat)
    n_tasks = sum(len(stage.grid) for stage in plan_stages(geometry, reducer))
    return {
        "codec": codec.name,
        "stat": reducer.stat,
        "axes": "".join(geometry.names),
        "tasks": n_tasks,
        "arrays": {
            str(level): {
                "shape": layout.shape,
                "chunk": layout.chunk,
                "shard": layout.shard,
                "factors": geometry.plan.factors(level),
            }
            for level, layout in enumerate(geometry.layouts)
        },
    }


def _plan_of(spec: ImageSpec, options: WriteOptions, codec: Codec, stat: str) -> dict[str, Any]:
    return {
        "source": options.source_id,
        "kind": "image",
        "layout": LAYOUT,
        "codec": f"{codec.name}:{codec.level}",
        "stat": stat,
        "shape": list(spec.shape),
        "dtype": spec.dtype.name,
        # Sizes of voxels decide about levels; as text, because NaN is not equal to itself.
        "axes": [repr(axis) for axis in spec.axes],
        "present": spec.present,
        "is_rgb": spec.is_rgb,
    }


def _json(value: dict[str, Any]) -> bytes:
    return json.dumps(value, indent=1, allow_nan=False, ensure_ascii=False).encode()


def _takes_planes(spec: ImageSpec, options: WriteOptions) -> bool:
    """Tell whether the source decodes whole planes; pictures in files do."""
    block = options.source_block
    return block is not None and block[2:] == (1, *spec.shape[3:])
