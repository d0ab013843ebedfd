"""Another codec for the blocks of a dataset, in place; old or new at every moment."""

from __future__ import annotations

from pathlib import Path

from pyramidion.core import UsageError
from pyramidion.formats._idx.blocks_out import BlockCodec
from pyramidion.formats._idx.compress_arco import compress_arco
from pyramidion.formats._idx.compress_bins import compress_bins
from pyramidion.formats._idx.dataset import read_header
from pyramidion.formats._idx.header import IdxHeader
from pyramidion.formats._idx.recoding import Mapped, Progress, Recoded, Recoding
from pyramidion.formats._idx.staging import finish_replacement


def compress_dataset(
    path: Path,
    codec: BlockCodec,
    mapped: Mapped,
    *,
    field: str | None = None,
    time: int | None = None,
    progress: Progress | None = None,
) -> Recoded:
    """Store the blocks of a dataset with another codec.

    Parameters
    ----------
    path : Path
        The .idx.
    codec : BlockCodec
        The new codec.
    mapped : callable
        Runs the work, on several threads.
    field : str, optional
        Only this field.
    time : int, optional
        Only this time step; not possible with ARCO, where the header names one codec for all.
    progress : callable, optional
        Told what is done.

    Raises
    ------
    UsageError
        If there is no such field or time, or only a part of what has one codec is chosen.
    DamagedError
        If a block does not decode.
    """
    finish_replacement(path)
    header = read_header(path)
    if header.version < 6:
        raise UsageError(
            str(path),
            f"version {header.version} is only read",
            mend="convert it to a new .idx",
            id="PYR-CMP-01",
        )
    fields, times = _chosen_fields(header, field), _chosen_times(header, time)
    job = Recoding(path, header, codec, mapped, progress)
    if not header.arco:
        arrays = {(f, t) for f in fields for t in times}
        return compress_bins(job, arrays)
    if len(times) < len(header.times):
        raise UsageError(
            "--time",
            "one codec holds for all time steps of an ARCO dataset",
            time,
            "leave it out",
            id="PYR-CMP-02",
        )
    return compress_arco(job, fields)


def _chosen_fields(header: IdxHeader, name: str | None) -> tuple[int, ...]:
    names = [field.name for field in header.fields]
    if name is None:
        return tuple(range(len(names)))
    if name not in names:
        raise UsageError("--field", f"{name} not in the dataset", ", ".join(names), id="PYR-IDX-15")
    return (names.index(name),)


def _chosen_times(header: IdxHeader, time: int | None) -> tuple[int, ...]:
    if time is None:
        return header.times
    if time not in header.times:
        raise UsageError(
            "--time",
            f"{time} not in the dataset",
            f"{header.times[0]} to {header.times[-1]}",
            id="PYR-IDX-15",
        )
    return (time,)
