"""The other writer: acquire-zarr writes the pixels, what is beside them is ours.

It is there to be compared with, and for those who trust it. What it cannot do (version 0.10): frames
of a shard that is not full are lost by a kill, and with coarser levels the store does not open before
the end; it does not tell which frames have reached the disk, so that none is acknowledged before the
end; it notices a full disk late. So everything that it has written is looked at once it has closed.
A recording of it does not go on and is not repaired.
"""

from __future__ import annotations

import contextlib
import importlib.util
import shutil
import threading
from collections.abc import Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np

from pyramidion.core import (
    DataError,
    Lost,
    PyramidionError,
    Stamps,
    StorageError,
    UsageError,
)
from pyramidion.formats._recording.closing import write_root
from pyramidion.formats._recording.durable import replace_document
from pyramidion.formats._recording.kept import Kept
from pyramidion.formats._recording.losses import LossTable
from pyramidion.formats._recording.metadata import LOST, SIDE_DTYPES, side_metadata, to_bytes
from pyramidion.formats._recording.plan import RecordingPlan
from pyramidion.formats._recording.shapes import DOCUMENT
from pyramidion.formats._recording.side_array import SideArray
from pyramidion.formats._recording.window import WindowSample
from pyramidion.formats._waveform.documents import read_json
from pyramidion.shards import ArrayLayout, ShardedArray
from pyramidion.storage import Folder, WriterLock, told_as


class AcquireZarrWriter:
    """A recording whose pixels acquire-zarr writes; see :class:`FrameWriter`.

    Parameters
    ----------
    store : Path
        The root; nothing is there.
    plan : RecordingPlan
        How it is cut.
    own : dict
        What the root will say of the recording.
    lock : WriterLock
        Held; given back at the end.

    Raises
    ------
    UsageError
        If the package is not installed.
    StorageError
        If it cannot begin.
    """

    def __init__(
        self, store: Path, plan: RecordingPlan, own: dict[str, Any], lock: WriterLock
    ) -> None:
        self.first = 0
        self._store, self._plan, self._own, self._lock_file = store, plan, own, lock
        self._turn = threading.Condition()
        self._n_written = 0
        self._error: StorageError | None = None
        self._window = WindowSample()
        self._stream: Any = None
        try:
            self._stream = _stream(store, plan)
        except RuntimeError as error:
            raise _cannot_write(store, error) from error
        for name in (*SIDE_DTYPES, LOST):
            (store / name).mkdir(parents=True)
        self._sides = {name: SideArray(store / name, name) for name in (*SIDE_DTYPES, LOST)}
        self._losses = LossTable(store, self._sides[LOST], Kept(own))
        with told_as(store):
            self._tell_sides()

    @property
    def n_bytes(self) -> int:
        """Bytes on the disk so far."""
        return sum(p.stat().st_blocks * 512 for p in self._store.rglob("*") if p.is_file())

    def write(self, t: int, frames: np.ndarray, stamps: Stamps) -> None:
        """Hand over a run of frames, when all before it have been."""
        spec = self._plan.spec
        if frames.shape[1:] != spec.shape or frames.dtype != spec.dtype:
            found = f"{' x '.join(map(str, frames.shape[-2:]))} {frames.dtype}"
            wanted = f"{spec.height} x {spec.width} {spec.dtype}"
            raise DataError(f"frame {t}", f"is {found}, expected {wanted}", id="PYR-ACQ-08")
        with self._turn:
            self._turn.wait_for(lambda: self._n_written == t or self._error is not None)
            if self._error is not None:
                raise self._error
            try:
                self._stream.append(np.ascontiguousarray(frames), _key(self._plan))
                with told_as(self._store):
                    for name, values in zip(SIDE_DTYPES, stamps, strict=True):
                        self._sides[name].put(t, values)
            except (RuntimeError, StorageError) as error:
                self._error = _cannot_write(self._store, error)
                self._turn.notify_all()
                raise self._error from error
            self._window.take(t, frames)
            self._n_written += len(frames)
            self._turn.notify_all()

    def lose(self, lost: Sequence[Lost]) -> None:
        """Note frames that were taken and are not stored."""
        if lost:
            with self._turn, told_as(self._store):
                self._losses.add(lost)

    def account(self, n_camera: int) -> list[Lost]:
        """Note what is neither stored nor lost."""
        with self._turn:
            lost = self._losses.unaccounted(self._n_written, n_camera)
        self.lose(lost)
        return lost

    def publish(self) -> int:
        """Return how many frames have been handed over; what readers see is not ours to say."""
        with self._turn:
            return self._n_written

    def sync(self) -> int:
        """Return 0: nobody knows before the end."""
        return 0

    def finish(self, summary: Mapping[str, Any]) -> None:
        """Close it, and look at everything that it has written.

        Raises
        ------
        StorageError
            If frames are missing that it has accepted.
        """
        if not self._lock_file.held:
            return
        try:
            self._close_stream()
            with told_as(self._store):
                self._tell_sides()
                n_levels = self._n_levels()
                totals = self._losses.totals(summary, self._n_written)
                own = {**self._own, **summary, **totals, "state": "finished"}
                write_root(self._store, own, n_levels, self._window.window())
            self._check()
        finally:
            self.abandon()

    def abandon(self) -> None:
        """Let go; safe after ``finish``."""
        with contextlib.suppress(PyramidionError):
            self._close_stream()
        for side in self._sides.values():
            side.close()
        self._lock_file.release()

    def _close_stream(self) -> None:
        stream, self._stream = self._stream, None
        if stream is not None:
            try:
                stream.close()
            except RuntimeError as error:
                raise _cannot_write(self._store, error) from error

    def _tell_sides(self) -> None:
        counts = {**dict.fromkeys(SIDE_DTYPES, self._n_written), LOST: self._losses.n_rows}
        for name, n in counts.items():
            document = to_bytes(side_metadata(name, n))
            replace_document(self._store / name / DOCUMENT, document)

    def _n_levels(self) -> int:
        return sum((self._store / path / DOCUMENT).is_file() for path in self._plan.paths)

    def _check(self) -> None:
        """Compare the indexes of all shards with what was handed over."""
        for path in self._plan.paths[: self._n_levels()]:
            layout = ArrayLayout.from_metadata(read_json(Folder(self._store / path), DOCUMENT))
            if layout is None:
                raise StorageError(str(self._store / path), "not as expected", id="PYR-ZAR-05")
            layout = replace(layout, shape=(self._n_written, *layout.shape[1:]))
            array = ShardedArray(Folder(self._store / path), layout)
            try:
                for shard in layout.shards():
                    n_wanted = sum(1 for _ in layout.chunks(shard))
                    if array.check_shard(shard) < n_wanted:
                        told = f"shard {layout.key(shard)}"
                        raise StorageError(str(self._store / path), "frames are missing", told, id="PYR-ALL-09")  # fmt: skip
            except DataError as error:
                raise StorageError(
                    str(self._store / path), "frames are missing", error.line, id="PYR-ALL-09"
                ) from error
            finally:
                array.close()


def open_acquire_zarr(
    store: Path, plan: RecordingPlan, own: dict[str, Any], lock: WriterLock
) -> AcquireZarrWriter:
    """Begin a recording with acquire-zarr; a half-begun one is removed."""
    try:
        return AcquireZarrWriter(store, plan, own, lock)
    except PyramidionError:
        shutil.rmtree(store, ignore_errors=True)
        raise


def check_installed() -> None:
    """Refuse before anything is created when the package is not there.

    Raises
    ------
    UsageError
        ALL-22.
    """
    if importlib.util.find_spec("acquire_zarr") is None:
        raise UsageError(
            "--writer acquire-zarr", "needs acquire-zarr", mend="pip install pyramidion[acquire]",
            id="PYR-ALL-22",
        )  # fmt: skip


def _stream(store: Path, plan: RecordingPlan) -> Any:
    import acquire_zarr as az

    layout, codec = plan.levels[0], plan.levels[0].codec
    kinds = (az.DimensionType.TIME, az.DimensionType.SPACE, az.DimensionType.SPACE)
    dimensions = [
        az.Dimension(name=name, kind=kind, array_size_px=n, chunk_size_px=c, shard_size_chunks=s)
        for name, kind, n, c, s in zip(
            "tyx", kinds, layout.shape, layout.chunk, layout.chunks_per_shard, strict=True
        )
    ]
    names = {"blosc-lz4": "BLOSC_LZ4", "blosc-zstd": "BLOSC_ZSTD"}
    compression = None
    if codec.name != "none":
        compression = az.CompressionSettings(
            compressor=az.Compressor.BLOSC1,
            codec=getattr(az.CompressionCodec, names[codec.name]),
            level=codec.level,
            shuffle=codec.shuffle,
        )
    array = az.ArraySettings(
        output_key=_key(plan),
        data_type=getattr(az.DataType, layout.dtype.name.upper()),
        compression=compression,
        dimensions=dimensions,
    )
    if len(plan.levels) > 1:
        array.downsampling_method = getattr(az.DownsamplingMethod, plan.options.levels.upper())
        array.max_levels = len(plan.levels)
    return az.ZarrStream(az.StreamSettings(store_path=str(store), arrays=[array], overwrite=True))


def _key(plan: RecordingPlan) -> str:
    """Return the name of what acquire-zarr writes: an array, or a group of levels."""
    return plan.paths[0] if len(plan.paths) == 1 else plan.paths[0].rpartition("/")[0]


def _cannot_write(store: Path, error: Exception) -> StorageError:
    if isinstance(error, StorageError):
        return error
    return StorageError(str(store), "acquire-zarr cannot write", error, id="PYR-ALL-09")
