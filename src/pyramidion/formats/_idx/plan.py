"""What a new dataset will be: decided from the image and the options before anything is written."""

from __future__ import annotations

import math
import re
from collections.abc import Sequence
from dataclasses import dataclass, replace
from functools import cached_property
from itertools import pairwise
from pathlib import Path
from typing import Any

import numpy as np

from pyramidion.core import DataError, ImageSpec, UsageError, format_bytes
from pyramidion.formats._flat_file import grouped
from pyramidion.formats._format import WriteOptions
from pyramidion.formats._idx.bitmask import MAX_BITS, XYZ, Bitmask
from pyramidion.formats._idx.blocks_out import BlockCodec
from pyramidion.formats._idx.cascade import Cascade
from pyramidion.formats._idx.errors import header_error
from pyramidion.formats._idx.fields import IdxField
from pyramidion.formats._idx.geometry import BlockGrid
from pyramidion.formats._idx.header import (
    TEXT_LIMIT,
    IdxHeader,
    arco_bits,
    default_blocks_per_file,
    format_header,
    parse_header,
)
from pyramidion.formats._idx.header_values import BLOCK_LIMIT
from pyramidion.formats._idx.metadata import physic_box, to_metadata
from pyramidion.formats._idx.ranges import Limits
from pyramidion.formats._idx.staging import blocks_name
from pyramidion.formats._idx.template import default_template

ARCO_BYTES = 2**20
"""Most bytes of a block unless asked: reading a slice decodes whole blocks, so they are small."""
_MODVISUS_BITS = 16
_MEND = "convert to .zarr, or choose a part"
_TYPES = {f"{kind}{bits}" for kind in ("uint", "int") for bits in (8, 16, 32, 64)} | {
    "float32",
    "float64",
}


@dataclass(frozen=True)
class IdxPlan:
    """A dataset to be written.

    Parameters
    ----------
    header : IdxHeader
        All but the limits of the values.
    codec : BlockCodec
        How blocks are stored.
    keeps_planes : bool
        The source decodes whole planes: never read parts of them.
    notes : tuple of str
        What is not as it was asked for.
    """

    header: IdxHeader
    codec: BlockCodec
    keeps_planes: bool = True
    notes: tuple[str, ...] = ()

    @cached_property
    def grid(self) -> BlockGrid:
        """The blocks."""
        return BlockGrid(self.header.bitmask, self.header.bitsperblock)

    @cached_property
    def cascade(self) -> Cascade:
        """The tasks of one field at one time."""
        largest = max(field.sample_bytes for field in self.header.fields)
        header, keeps = self.header, self.keeps_planes
        return Cascade(self.grid, header.p1, header.p2, largest, keeps_planes=keeps)

    def text(self, limits: Sequence[Limits]) -> str:
        """Return the text of the .idx.

        Parameters
        ----------
        limits : sequence of Limits
            Of each field.
        """
        fields = tuple(
            replace(field, minima=tuple(low), maxima=tuple(high))
            for field, (low, high) in zip(self.header.fields, limits, strict=True)
        )
        return format_header(replace(self.header, fields=fields))

    def as_dict(self) -> dict[str, Any]:
        """Return what a user wants to know beforehand (JSON values)."""
        header = self.header
        return {
            "codec": self.codec.name,
            "variant": "arco" if header.arco else "modvisus",
            "bits": header.bitmask.text,
            "bitsperblock": header.bitsperblock,
            "blocks": header.n_blocks * len(header.fields) * len(header.times),
            "blocksperfile": header.blocksperfile,
            "fields": {
                field.name: {"type": field.type_name, "block_bytes": header.block_bytes(field)}
                for field in header.fields
            },
            "times": list(header.times),
            "notes": list(self.notes),
        }


def make_plan(path: Path, specs: Sequence[ImageSpec], options: WriteOptions) -> IdxPlan:
    """Decide how an image becomes a dataset.

    Parameters
    ----------
    path : Path
        The .idx; files of the modvisus variant are called after it.
    specs : sequence of ImageSpec
        The fields, of one shape along t, z, y and x.
    options : WriteOptions
        ``arco`` and ``compression``.

    Raises
    ------
    UsageError
        If the options do not fit, or IDX has no such type.
    """
    codec = BlockCodec.parse(options.compression, "--compression")
    spec = specs[0]
    p1, p2 = _box(spec)
    bitmask = _bitmask(path, p2)
    fields = _fields(path, specs, codec)
    largest = max(field.sample_bytes for field in fields)
    arco = ARCO_BYTES if options.arco is None else options.arco
    bits = _bits(arco, largest, bitmask.maxh)
    block_bits = bitmask.maxh - bits
    per_file = 1 if arco else default_blocks_per_file(fields, bits, 1 << block_bits)
    times = _times(spec)
    header = IdxHeader(
        p1,
        p2,
        fields,
        bitmask,
        bits,
        per_file,
        default_template("visus", block_bits) if arco else _template(path, block_bits),
        times=times,
        time_template="" if times == (0,) else "time%04d/",
        arco=largest << bits if arco else 0,
        axis_names=("X", "Y", "Z")[: bitmask.n_axes],
        physic_box=physic_box(spec.axes, bitmask.n_axes),
        metadata=to_metadata(specs),
    )
    block = options.source_block
    keeps_planes = block is None or block[3:] == spec.shape[3:]
    notes = _block_notes(options.arco or 0, header, largest)
    plan = IdxPlan(header, codec, keeps_planes, notes)
    _check_readable(path, plan)
    return plan


def _check_readable(path: Path, plan: IdxPlan) -> None:
    """Refuse to write what would be refused when it is read.

    Raises
    ------
    UsageError
        If the reader would say anything against the header, with limits of the values as long as
        they can be.
    """
    limits = [([_longest(f.dtype)] * f.components,) * 2 for f in plan.header.fields]
    try:
        text = plan.text(limits)
        if len(text.encode()) > TEXT_LIMIT:
            raise header_error(path.name, "pyramidion", "a header of more than 16 MiB", row=1)
        parse_header(text, path.name)
    except DataError as error:
        key = error.where.rpartition(": ")[2]
        raise UsageError(
            str(path), f"IDX cannot hold it, {key}: {error.what}", error.value, _MEND, id=error.id
        ) from error


def _longest(dtype: np.dtype[Any]) -> float:
    """Return a value whose text is as long as any of a type."""
    if dtype.kind == "f":
        return -math.pi * 1e-300
    limits = np.iinfo(dtype)
    return float(limits.min or limits.max)


def _block_notes(arco: int, header: IdxHeader, sample_bytes: int) -> tuple[str, ...]:
    """Say that blocks are not as long as they were asked for."""
    if not arco or arco == header.arco:
        return ()
    n_points = f"2^{header.bitsperblock} points of {sample_bytes} B"
    why = "all of the data" if header.n_blocks == 1 else f"a power of two: {n_points}"
    asked, stored = format_bytes(arco), f"{grouped(header.arco)} B"
    return (f"--arco: blocks of {stored} instead of {asked} ({why})",)


def _box(spec: ImageSpec) -> tuple[XYZ, XYZ]:
    z, y, x = spec.origin
    nz, ny, nx = spec.shape[2:]
    return (x, y, z), (x + nx, y + ny, z + nz)


def _bitmask(path: Path, p2: XYZ) -> Bitmask:
    """Return the usual bitmask; a single plane has two axes.

    The last axis must have a digit, or readers lose it: a picture of one row is stored as if it
    had two, of which the box holds the first.
    """
    dims = p2 if p2[2] > 1 else (p2[0], max(2, p2[1]))
    n_digits = sum((n - 1).bit_length() for n in dims)
    if n_digits > MAX_BITS:
        shown = " x ".join(map(str, dims))
        raise UsageError(
            str(path), f"IDX holds up to 2^{MAX_BITS} points", shown, _MEND, id="PYR-IDX-05"
        )
    return Bitmask.for_dims(dims)


def _bits(arco: int, sample_bytes: int, maxh: int) -> int:
    if not arco:
        return min(_MODVISUS_BITS, maxh)
    if arco < 2 * sample_bytes:
        raise UsageError(
            "--arco",
            f"a block must hold two points of {sample_bytes} B",
            format_bytes(arco),
            "write for example 1mb",
            id="PYR-CPY-02",
        )
    bits = arco_bits(arco, sample_bytes, maxh)
    if sample_bytes << bits > BLOCK_LIMIT:
        raise UsageError(
            "--arco",
            "a block is at most 1 GiB",
            format_bytes(arco),
            "write for example 1mb",
            id="PYR-CPY-02",
        )
    return bits


def _fields(path: Path, specs: Sequence[ImageSpec], codec: BlockCodec) -> tuple[IdxField, ...]:
    names: list[str] = []
    for spec in specs:
        if spec.dtype.name not in _TYPES:
            raise UsageError(
                str(path),
                "IDX has no such type",
                spec.dtype,
                "convert to .zarr",
                id="PYR-IDX-07",
            )
        names.append(_field_name(spec.name, names))
    return tuple(
        IdxField(name, spec.dtype.newbyteorder("<"), spec.shape[1], codec.in_header)
        for name, spec in zip(names, specs, strict=True)
    )


def _field_name(name: str, taken: Sequence[str]) -> str:
    """Return a name that is one word and can be a folder.

    Examples
    --------
    >>> _field_name("red light/2", ()), _field_name("data", ["data"])
    ('red_light_2', 'data_2')
    """
    word = re.sub(r"[^A-Za-z0-9_.-]+", "_", name).strip(".")[:100] or "data"
    n = 1
    unique = word
    while unique in taken:
        n += 1
        unique = f"{word}_{n}"
    return unique


def _times(spec: ImageSpec) -> tuple[int, ...]:
    """Return the names of the time steps; their numbers where the names do not rise."""
    times = spec.time_steps
    rises = all(a < b for a, b in pairwise(times))
    return times if rises and len(times) == spec.shape[0] else tuple(range(spec.shape[0]))


def _template(path: Path, block_bits: int) -> str:
    stem = blocks_name(path)
    # Such letters would be taken for conversions, comments or keys by those who read the header.
    if re.search(r"[%#()$\\]|\s{2}|^\s|\s$", stem) or not stem.isprintable():
        raise UsageError(
            str(path),
            "a modvisus dataset cannot have this name",
            stem,
            "use letters and digits, or --arco 1mb",
            id="PYR-ALL-17",
        )
    return default_template(stem, block_bits)
