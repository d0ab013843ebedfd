"""Writing a waveform store: samples and overviews in one pass over the source.

A task owns one shard of the samples. Its worker reads the region in blocks, encodes and writes the
shard, and reduces each block to overview bins while it is still in the cache. The overviews span
tasks: their bins are handed over in order and appended to shards that are open meanwhile. Memory is
a block per worker and a chunk per level, however long the record.

A killed run leaves whole shards. They are not written again: on ``--resume`` they are read back
only where an overview that had not been finished still needs their bins.
"""

from __future__ import annotations

import itertools
import json
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from pyramidion.core import Box, DamagedError, MissingError, WaveformSpec
from pyramidion.formats._format import Read, WriteOptions
from pyramidion.formats._waveform.attributes import check_writable, multiscales, seal, to_attributes
from pyramidion.formats._waveform.geometry import wave_geometry
from pyramidion.formats._waveform.staging import stage_store
from pyramidion.pyramid import PyramidBuilder
from pyramidion.shards import ArrayLayout, Codec, ShardedArray, ShardWriter
from pyramidion.storage import Folder

BLOCK_CHUNKS = 16
"""Inner chunks read and reduced at once: 2 MiB of int16, which the cache holds."""


@dataclass(frozen=True)
class _Row:
    """The overview bins of one row of chunks, in a task: one array per level, finest first."""

    lead: tuple[int, ...]
    levels: list[np.ndarray]


class WaveSink:
    """A waveform store (Zarr v3) under way; see :class:`pyramidion.formats.Sink`.

    Parameters
    ----------
    path : Path
        The store.
    spec : WaveformSpec
        What is written.
    options : WriteOptions
        Compression, overwrite, resume.
    """

    resumable = True

    def __init__(self, path: Path, spec: WaveformSpec, options: WriteOptions) -> None:
        check_writable(spec)  # what cannot be written is found before the first sample
        self._spec = spec
        self.geometry = wave_geometry(spec, Codec.parse(options.compression))
        self._staged = stage_store(path, options, 3, self.geometry.raw.codec)
        self._folder = self._staged.folder
        raw = self.geometry.raw
        self._raw = Folder(self._folder.root / "raw")
        self._shards = list(raw.shards())
        self.tasks: Sequence[Box] = [raw.shard_box(shard) for shard in self._shards]
        whole_rows = raw.shard[-1] >= raw.shape[-1]
        factors = self.geometry.plan.factors
        # Levels whose bins never straddle two tasks are built by the workers, the others from them.
        self._n_local = sum(whole_rows or raw.shard[-1] % factor == 0 for factor in factors)
        self._overviews = [
            OverviewWriter(self._folder_of(level), layout)
            for level, layout in enumerate(self.geometry.overviews)
        ]
        self._deep: PyramidBuilder | None = None
        self._stored: dict[tuple[int, ...], bool] = {}

    def is_done(self, task: int) -> bool:
        """Tell whether the task's shard is there, whole."""
        return _is_whole(self._raw, self.geometry.raw, self._shards[task])

    def work(self, task: int, read: Read) -> list[_Row] | None:
        """Write the task's shard and return its overview bins; None when they are stored already."""
        needed = not self._has_overviews(self._shards[task][:3])
        if not self.is_done(task):
            rows = self._write_shard(task, read)
            return rows if needed else None
        if not needed:
            return None
        stored = ShardedArray(self._raw, self.geometry.raw)
        try:
            return [self._reduce_row(row, stored.read) for row in self._rows(task)]
        except (DamagedError, MissingError):
            # A power cut can leave a shard that has its name and not its bytes.
            return self._write_shard(task, read)
        finally:
            stored.close()

    def accept(self, task: int, result: list[_Row] | None) -> None:
        """Append the task's bins to the overviews."""
        begin, end = self.tasks[task].start[-1], self.tasks[task].stop[-1]
        for row in result or ():
            for overview, factor, values in zip(
                self._overviews, self.geometry.plan.factors, row.levels, strict=False
            ):
                overview.put(row.lead, begin // factor, values)
            if self._n_local < len(self._overviews):
                self._accept_deep(row, begin, end)

    def commit(self) -> None:
        """Write the metadata and publish the store."""
        arrays = {"raw": self.geometry.raw.metadata(), "overview": _group({})}
        for level, layout in enumerate(self.geometry.overviews):
            arrays[self.geometry.overview_key(level)] = layout.metadata()
        for key, metadata in arrays.items():
            self._folder.write(f"{key}/zarr.json", _json(metadata))
        attributes = to_attributes(self._spec) | multiscales(self.geometry.plan.factors)
        root = _group(attributes)
        root["consolidated_metadata"] = {
            "kind": "inline",
            "must_understand": False,
            "metadata": arrays,
        }
        seal(root)
        self._folder.write("zarr.json", _json(root))
        self._staged.commit()

    def abort(self) -> None:
        """Discard what is half-written; keep whole shards, if any, for ``--resume``."""
        for overview in self._overviews:
            overview.discard()
        self._staged.abort()

    def _has_overviews(self, lead: tuple[int, ...]) -> bool:
        """Tell whether the overviews of a row of shards were there when the run came to it.

        One answer for the whole row: overviews take its bins without gaps, or none of them.
        """
        if lead not in self._stored:
            found = all(overview.is_whole(lead) for overview in self._overviews)
            self._stored.setdefault(lead, found)
        return self._stored[lead]

    def _folder_of(self, level: int) -> Folder:
        return Folder(self._folder.root / self.geometry.overview_key(level))

    def _write_shard(self, task: int, read: Read) -> list[_Row]:
        writer = ShardWriter(self._raw, self.geometry.raw, self._shards[task])
        try:
            rows = [self._reduce_row(row, read, writer) for row in self._rows(task)]
            writer.commit()
        finally:
            writer.discard()
        return rows

    def _rows(self, task: int) -> list[list[tuple[int, Box]]]:
        """Return the task's chunks (number, region), row by row."""
        chunks = self.geometry.raw.chunks(self._shards[task])
        return [list(row) for _, row in itertools.groupby(chunks, lambda c: c[1].start[:3])]

    def _reduce_row(
        self, row: list[tuple[int, Box]], read: Read, writer: ShardWriter | None = None
    ) -> _Row:
        builder = PyramidBuilder(self.geometry.plan.factors[: self._n_local])
        pieces: list[list[np.ndarray]] = [[] for _ in range(self._n_local)]
        for first in range(0, len(row), BLOCK_CHUNKS):
            group = row[first : first + BLOCK_CHUNKS]
            block = read(Box(group[0][1].start, group[-1][1].stop))
            if writer is not None:
                _put_chunks(writer, group, block)
            for made in builder.push(block):
                pieces[made.level].append(made.values)
        for made in builder.finish():
            pieces[made.level].append(made.values)
        return _Row(row[0][1].start[:3], [np.concatenate(p, axis=-1) for p in pieces])

    def _accept_deep(self, row: _Row, begin: int, end: int) -> None:
        """Build the levels whose bins span tasks from the coarsest level that does not."""
        factors = self.geometry.plan.factors
        base = factors[self._n_local - 1]
        if begin == 0:
            self._deep = PyramidBuilder([f // base for f in factors[self._n_local :]], paired=True)
        assert self._deep is not None
        made = self._deep.push(row.levels[-1])
        if end == self.geometry.raw.shape[-1]:
            made += self._deep.finish()
        for block in made:
            self._overviews[self._n_local + block.level].put(row.lead, block.start, block.values)


class OverviewWriter:
    """Append bins to the shards of one overview level, in order.

    Parameters
    ----------
    folder : Folder
        The level's folder.
    layout : ArrayLayout
        Of shape (channels, trcs, segments, 2, bins).
    """

    def __init__(self, folder: Folder, layout: ArrayLayout) -> None:
        self._folder, self._layout = folder, layout
        self._shard: tuple[int, ...] | None = None
        self._writer: ShardWriter | None = None
        self._n_left = 0
        self._pending: list[np.ndarray] = []
        self._n_pending = 0

    def is_whole(self, lead: tuple[int, ...]) -> bool:
        """Tell whether every shard of a row is there: its indices along channels, trcs and segments."""
        n_shards = -(-self._layout.shape[-1] // self._layout.shard[-1])
        return all(_is_whole(self._folder, self._layout, (*lead, 0, s)) for s in range(n_shards))

    def put(self, lead: tuple[int, ...], start: int, values: np.ndarray) -> None:
        """Take the next bins of a row of chunks.

        Parameters
        ----------
        lead : tuple of int
            First channel, trc and segment.
        start : int
            First bin.
        values : ndarray, shape (1, trcs, segments, 2, n_bins)
            The bins that follow those put before.
        """
        per_chunk, n_bins = self._layout.chunk[-1], self._layout.shape[-1]
        at = start - self._n_pending  # first pending bin; always the beginning of a chunk
        self._pending.append(values)
        self._n_pending += values.shape[-1]
        while self._n_pending and (self._n_pending >= per_chunk or at + self._n_pending == n_bins):
            bins = (
                np.concatenate(self._pending, axis=-1)
                if len(self._pending) > 1
                else self._pending[0]
            )
            self._put_chunk(lead, at, bins[..., :per_chunk])
            rest = bins[..., per_chunk:]
            at += per_chunk
            self._pending, self._n_pending = ([rest], rest.shape[-1]) if rest.shape[-1] else ([], 0)

    def discard(self) -> None:
        """Remove the shard under way; safe to call twice."""
        if self._writer is not None:
            self._writer.discard()
        self._writer = None

    def _put_chunk(self, lead: tuple[int, ...], at: int, bins: np.ndarray) -> None:
        layout = self._layout
        start = (*lead, 0, at)
        shard = tuple(a // s for a, s in zip(start, layout.shard, strict=True))
        if shard != self._shard:
            self._shard = shard
            self._n_left = sum(1 for _ in layout.chunks(shard))
            stored = _is_whole(self._folder, layout, shard)
            self._writer = None if stored else ShardWriter(self._folder, layout, shard)
        inner = tuple(a % s // c for a, s, c in zip(start, layout.shard, layout.chunk, strict=True))
        if self._writer is not None:
            self._writer.put(int(np.ravel_multi_index(inner, layout.chunks_per_shard)), bins)
        self._n_left -= 1
        if self._n_left == 0 and self._writer is not None:
            self._writer.commit()
            self._writer = None


def _is_whole(folder: Folder, layout: ArrayLayout, shard: tuple[int, ...]) -> bool:
    """Tell whether a shard is there with its index: a power cut can leave a name without bytes."""
    if not folder.exists(layout.key(shard)):
        return False
    stored = ShardedArray(folder, layout)
    try:
        stored.check_shard(shard)
    except DamagedError:
        return False
    finally:
        stored.close()
    return True


def _put_chunks(writer: ShardWriter, chunks: list[tuple[int, Box]], block: np.ndarray) -> None:
    origin = chunks[0][1].start[-1]
    for number, box in chunks:
        writer.put(number, block[..., box.start[-1] - origin : box.stop[-1] - origin])


def _group(attributes: dict[str, Any]) -> dict[str, Any]:
    return {"zarr_format": 3, "node_type": "group", "attributes": attributes}


def _json(value: dict[str, Any]) -> bytes:
    return json.dumps(value, indent=1, allow_nan=False, ensure_ascii=False).encode()
