"""Writing a waveform store as ZoomingOnline's viewer opens it: Zarr v2, one overview.

``raw`` in chunks of 100,000 samples, Blosc zstd 5 with bit shuffle; ``overview/0`` with its rule,
``max(1, samples // 4000)`` samples a bin and one chunk a segment. One thing differs: the samples
behind the last full bin are kept, in a bin of their own.
"""

from __future__ import annotations

import itertools
import json
import os
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np

from pyramidion.core import Box, UsageError, WaveformSpec
from pyramidion.formats._format import Read, WriteOptions
from pyramidion.formats._waveform.attributes import check_writable, to_attributes
from pyramidion.formats._waveform.staging import stage_store
from pyramidion.kernels import bin_count, merge_minmax, reduce_minmax
from pyramidion.shards import ChunkedLayout, Codec
from pyramidion.storage import Folder, told_as

CHUNK_SAMPLES = 100_000
TASK_CHUNKS = 160
OVERVIEW_BINS = 4000


class WaveSinkV2:
    """A Zarr v2 waveform store under way; see :class:`pyramidion.formats.Sink`."""

    resumable = True

    def __init__(self, path: Path, spec: WaveformSpec, options: WriteOptions) -> None:
        check_writable(spec)  # what cannot be written is found before the first sample
        self._spec = spec
        self._factor, self._layout, self._overview_layout = _layouts(spec, _codec(options))
        self._staged = stage_store(path, options, 2, self._layout.codec)
        self._folder = self._staged.folder
        self._raw = Folder(self._folder.root / "raw")
        channels, trcs, segments, samples = spec.shape
        step = self._layout.chunk[-1] * TASK_CHUNKS
        self.tasks: Sequence[Box] = [
            Box((c, t, s, a), (c + 1, t + 1, s + 1, min(a + step, samples)))
            for c, t, s in itertools.product(range(channels), range(trcs), range(segments))
            for a in range(0, samples, step)
        ]
        self._overview = np.empty(0, spec.dtype)

    def is_done(self, task: int) -> bool:
        """Tell whether every chunk of the task is there, whole."""
        keys = map(self._layout.key, self._layout.chunks(self.tasks[task]))
        return all(_is_whole(self._raw, key) for key in keys)

    def work(self, task: int, read: Read) -> np.ndarray:
        """Write the task's chunks.

        Returns
        -------
        ndarray, shape (2, n_bins)
            Of the overview bins that the task touches, the first and last perhaps in part.
        """
        write = not self.is_done(task)
        pieces = []
        for index in self._layout.chunks(self.tasks[task]):
            box = self._layout.chunk_box(index).clipped(self._layout.shape)
            values = read(box)
            if write:
                self._put(self._raw, self._layout, index, values)
            pieces.append((box.start[-1], self._bins(box.start[-1], values.reshape(-1))))
        first = pieces[0][0] // self._factor
        last = (self.tasks[task].stop[-1] - 1) // self._factor
        bins = _empty_bins(last - first + 1, self._layout.dtype)
        for start, part in pieces:
            _merge(bins, start // self._factor - first, part)
        return bins

    def accept(self, task: int, result: np.ndarray) -> None:
        """Gather the overview of a segment; write it when the segment is complete."""
        box = self.tasks[task]
        if box.start[-1] == 0:
            self._overview = _empty_bins(self._overview_layout.shape[-1], self._layout.dtype)
        _merge(self._overview, box.start[-1] // self._factor, result)
        if box.stop[-1] == self._layout.shape[-1]:
            folder = Folder(self._folder.root / "overview/0")
            values = self._overview.reshape(self._overview_layout.chunk)
            self._put(folder, self._overview_layout, (*box.start[:3], 0, 0), values)

    def commit(self) -> None:
        """Write the metadata and publish the store."""
        documents: dict[str, Any] = {
            ".zgroup": {"zarr_format": 2},
            ".zattrs": to_attributes(self._spec),
            "raw/.zarray": self._layout.metadata(),
            "raw/.zattrs": {"_ARRAY_DIMENSIONS": ["channel", "trc", "segment", "sample"]},
            "overview/.zgroup": {"zarr_format": 2},
            "overview/0/.zarray": self._overview_layout.metadata(),
            "overview/0/.zattrs": {
                "samples_per_bin": self._factor,
                "stat": ["min", "max"],
                "_ARRAY_DIMENSIONS": ["channel", "trc", "segment", "stat", "bin"],
            },
        }
        consolidated = {"zarr_consolidated_format": 1, "metadata": documents}
        for key, document in [*documents.items(), (".zmetadata", consolidated)]:
            self._folder.write(key, json.dumps(document, indent=1, allow_nan=False).encode())
        self._staged.commit()

    def abort(self) -> None:
        """Keep whole chunks, if any, for ``--resume``."""
        self._staged.abort()

    def _bins(self, start: int, samples: np.ndarray) -> np.ndarray:
        """Reduce samples that begin anywhere to the bins they touch, shape (2, n_bins)."""
        head = min(-start % self._factor, samples.size)
        parts = [reduce_minmax(samples[:head], head)] if head else []
        if head < samples.size:
            parts.append(reduce_minmax(samples[head:], self._factor))
        return np.concatenate(parts, axis=-1)

    @staticmethod
    def _put(
        folder: Folder, layout: ChunkedLayout, index: tuple[int, ...], values: np.ndarray
    ) -> None:
        chunk = np.zeros(layout.chunk, layout.dtype)
        chunk[tuple(slice(n) for n in values.shape)] = values
        folder.write(layout.key(index), layout.codec.encode(chunk))


def _is_whole(folder: Folder, key: str) -> bool:
    """Tell whether a chunk has the length that its Blosc header says; a power cut can cut it."""
    if not folder.exists(key):
        return False
    path = folder.path(key)
    with told_as(path, "cannot read"), path.open("rb") as file:
        header = file.read(16)
        return int.from_bytes(header[12:], "little") == os.fstat(file.fileno()).st_size > 0


def plan_v2(spec: WaveformSpec) -> dict[str, Any]:
    """Return the arrays of such a store, for ``--dry-run``."""
    factor, raw, overview = _layouts(spec, Codec("blosc-zstd", 5, checked=False))
    return {
        "codec": raw.codec.name,
        "arrays": {
            "raw": {"shape": raw.shape, "chunk": raw.chunk},
            "overview/0": {
                "shape": overview.shape,
                "chunk": overview.chunk,
                "samples_per_bin": factor,
            },
        },
    }


def _codec(options: WriteOptions) -> Codec:
    codec = Codec.parse(options.compression or "blosc-zstd:5")
    if not codec.name.startswith("blosc"):
        raise UsageError(
            "--compression",
            "is not one that the old viewer reads",
            options.compression,
            "use blosc-zstd or blosc-lz4",
            id="PYR-CMP-01",
        )
    return Codec(codec.name, codec.level, checked=False)


def _layouts(spec: WaveformSpec, codec: Codec) -> tuple[int, ChunkedLayout, ChunkedLayout]:
    """Return samples per bin, and the layouts of the samples and of the overview."""
    samples = spec.shape[-1]
    factor = max(1, samples // OVERVIEW_BINS)
    bins = bin_count(samples, factor)
    raw = ChunkedLayout(spec.shape, spec.dtype, (1, 1, 1, min(samples, CHUNK_SAMPLES)), codec)
    shape = (*spec.shape[:3], 2, bins)
    return factor, raw, ChunkedLayout(shape, spec.dtype, (1, 1, 1, 2, bins), codec)


def _empty_bins(n_bins: int, dtype: np.dtype) -> np.ndarray:
    """Return bins that any sample changes: minima at the highest value, maxima at the lowest."""
    bins = np.empty((2, n_bins), dtype)
    if dtype.kind == "f":
        bins[:] = np.nan
    else:
        bins[0], bins[1] = np.iinfo(dtype).max, np.iinfo(dtype).min
    return bins


def _merge(bins: np.ndarray, first: int, part: np.ndarray) -> None:
    place = bins[:, first : first + part.shape[-1]]
    both = np.stack([place, part], axis=-1)
    place[:] = merge_minmax(both.transpose(1, 0, 2), 2)[..., 0].T
