"""How a conversion is done, and what it did: one record each, for waveforms and images alike."""

from __future__ import annotations

import os
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from pyramidion.core import ImageSpec, WaveformSpec
from pyramidion.formats import OpenOptions, WriteOptions
from pyramidion.workflows._stream import StreamReport


@dataclass(frozen=True)
class ConvertOptions:
    """How to convert.

    Parameters
    ----------
    source : OpenOptions
        What is known about the source.
    kind : str
        ``waveform`` or ``image``, where a source or a destination may be either; empty to find out.
    box : str
        Waveforms: ``"FIRST LAST"``; images: ``"x1 x2 y1 y2 z1 z2"``, both ends included. Keep only
        this; empty for all.
    level : int
        Images: read the source at this level.
    times : str
        Images: time steps to keep (``0``, ``0:3``, ``0,5,10``); empty for all.
    clip : bool
        Images: cut a box that is partly outside.
    compression : str
        See :class:`pyramidion.formats.WriteOptions`.
    zarr_format : int
        3, or 2 for old viewers.
    arco : int or None
        See :class:`pyramidion.formats.WriteOptions`; so are the next two.
    stat : str
    value_range : tuple of float, optional
    workers : int
        Threads or processes; 0 for one per core.
    processes : bool
        Images: workers are processes.
    dask : str
        Images: address of a Dask scheduler whose workers do the tasks.
    tasks : str
        Images: ``"FIRST:STOP"``, do only these tasks and publish nothing.
    overwrite, resume, parents, force : bool
        Replace a dataset; go on with an interrupted run; make parent folders; do not compare the
        free space.
    """

    source: OpenOptions = field(default_factory=OpenOptions)
    kind: str = ""
    box: str = ""
    level: int = 0
    times: str = ""
    clip: bool = False
    compression: str = ""
    zarr_format: int = 3
    arco: int | None = None
    stat: str = ""
    value_range: tuple[float, float] | None = None
    workers: int = 0
    processes: bool = False
    dask: str = ""
    tasks: str = ""
    overwrite: bool = False
    resume: bool = False
    parents: bool = False
    force: bool = False

    @property
    def settings(self) -> tuple[object, ...]:
        """What decides about the result; the rest is how it is made."""
        return (
            self.source, self.kind, self.box, self.level, self.times, self.clip, self.compression,
            self.zarr_format, self.arco, self.stat, self.value_range,
        )  # fmt: skip

    def written(
        self, source_id: str, block: tuple[int, ...] | None = None, *, attach: bool = False
    ) -> WriteOptions:
        """Return what a format needs to know to write the destination."""
        return WriteOptions(
            compression=self.compression,
            zarr_format=self.zarr_format,
            overwrite=self.overwrite,
            resume=self.resume,
            source_id=source_id,
            arco=self.arco,
            stat=self.stat,
            value_range=self.value_range,
            source_block=block,
            attach=attach,
        )


@dataclass(frozen=True)
class ConvertReport:
    """What a conversion wrote.

    Parameters
    ----------
    destination : Path
        The dataset.
    spec : WaveformSpec or ImageSpec
        What it holds.
    stream : StreamReport
        What the run did.
    bytes_written : int
        Size of the destination.
    published : bool
        False after a part of the tasks: the destination is not there yet.
    notes : tuple of str
        What reading has found that the user should know.
    n_damaged : int
        Blocks of the source that did not decode and were filled, as asked.
    """

    destination: Path
    spec: WaveformSpec | ImageSpec
    stream: StreamReport
    bytes_written: int
    published: bool = True
    notes: tuple[str, ...] = ()
    n_damaged: int = 0

    def as_dict(self) -> dict[str, Any]:
        """Return JSON values."""
        return {
            "destination": str(self.destination),
            "shape": list(self.spec.shape),
            "dtype": self.spec.dtype.name,
            "bytes_written": self.bytes_written,
            "published": self.published,
            "n_damaged": self.n_damaged,
            "warnings": [*self.spec.warnings, *self.notes],
            **self.stream.as_dict(),
        }


def n_workers(asked: int) -> int:
    """Return how many threads to use; one per usable core unless asked otherwise."""
    if asked > 0:
        return asked
    if hasattr(os, "sched_getaffinity"):
        return max(1, len(os.sched_getaffinity(0)))
    return os.cpu_count() or 1
