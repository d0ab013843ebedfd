"""The header of an IDX dataset: what ``visus.idx`` says.

The text form is read and written here; the XML form, which servers answer with, is taken apart by
``xml_form`` into the same keys. Everything is checked before anything is allocated.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import PurePath

from pyramidion.core import DataError
from pyramidion.formats._idx.bitmask import XYZ, Bitmask
from pyramidion.formats._idx.errors import not_a_header
from pyramidion.formats._idx.fields import IdxField, format_field, number_text, parse_fields
from pyramidion.formats._idx.header_values import (
    AXIS_LIMIT,
    check_size,
    parse_bitmask,
    parse_bits_per_block,
    parse_blocks_per_file,
    parse_box,
    parse_floats,
    parse_version,
    parse_whole,
)
from pyramidion.formats._idx.header_values import (
    arco_bits as arco_bits,
)
from pyramidion.formats._idx.header_values import (
    default_blocks_per_file as default_blocks_per_file,
)
from pyramidion.formats._idx.template import check_template, default_template
from pyramidion.formats._idx.timesteps import format_times, parse_times

TEXT_LIMIT = 2**24
_KEY = re.compile(r"\([^()\n]{1,200}\)")
_NEEDED = ("version", "box", "fields", "bits")
_KNOWN = (
    *_NEEDED,
    "bitsperblock",
    "blocksperfile",
    "filename_template",
    "interleave block",
    "interleave",
    "time",
    "arco",
    "missing_blocks",
    "axis",
    "physic_box",
    "logic_to_physic",
)


@dataclass(frozen=True)
class IdxHeader:
    """An IDX dataset.

    Parameters
    ----------
    p1, p2 : tuple of int
        Box of the data along x, y, z; `p2` is exclusive. An axis that is not there is 0 to 1.
    fields : tuple of IdxField
        What is stored for each point.
    bitmask : Bitmask
        Order of the halvings.
    bitsperblock : int
        A block has ``2 ** bitsperblock`` points.
    blocksperfile : int
        Blocks of a field in one file; 1 for ARCO.
    template : str
        Names of the files; ignored for ARCO.
    version : int
        1 to 6; 6 is written.
    interleave : int
        Distance of the blocks of one file; 0 and 1 mean neighbours.
    times : tuple of int
        Names of the time steps, rising.
    time_template : str
        Folder of a time step (``time%05d/``); ignored for ARCO.
    arco : int
        Bytes of a block, each in a file of its own; 0 for the modvisus variant.
    missing_blocks : bool
        Viewers show coarser data where a block is absent.
    axis_names : tuple of str
        Names of x, y, z; may be empty.
    physic_box : tuple of float, or None
        Bounds x1 x2 y1 y2 z1 z2 of the box in the world; the upper ones are those of `p2`.
    logic_to_physic : tuple of float, or None
        The same as a matrix, row by row.
    metadata : mapping
        Further keys, without brackets, and their values.
    """

    p1: XYZ
    p2: XYZ
    fields: tuple[IdxField, ...]
    bitmask: Bitmask
    bitsperblock: int
    blocksperfile: int = 1
    template: str = "./visus/%04x.bin"
    version: int = 6
    interleave: int = 0
    times: tuple[int, ...] = (0,)
    time_template: str = ""
    arco: int = 0
    missing_blocks: bool = False
    axis_names: tuple[str, ...] = ()
    physic_box: tuple[float, ...] | None = None
    logic_to_physic: tuple[float, ...] | None = None
    metadata: Mapping[str, str] = field(default_factory=dict)

    @property
    def n_axes(self) -> int:
        """Axes of the data: 2 or 3."""
        return self.bitmask.n_axes

    @property
    def dims(self) -> XYZ:
        """Size of the box along x, y, z."""
        x, y, z = (b - a for a, b in zip(self.p1, self.p2, strict=True))
        return x, y, z

    @property
    def n_blocks(self) -> int:
        """Blocks of one field at one time step."""
        return 1 << (self.bitmask.maxh - self.bitsperblock)

    def block_bytes(self, of: IdxField) -> int:
        """Return the bytes of a decoded block of a field."""
        return of.sample_bytes << self.bitsperblock


def parse_header(text: str, where: str) -> IdxHeader:
    """Read a header in either form.

    Parameters
    ----------
    text : str
        What the file holds.
    where : str
        Its name, for errors and for the default of the file names.

    Raises
    ------
    DataError
        IDX-01 to IDX-10.
    """
    start = text.lstrip("\ufeff \t\r\n")
    if start.startswith("<"):
        from pyramidion.formats._idx.xml_form import read_xml

        return _build(read_xml(start, where), where)
    keys = read_keys(start)
    if not any(key in keys for key in _KNOWN):
        raise not_a_header(where, "no (version)" if start else "nothing in it")
    return _build(keys, where)


def read_keys(text: str) -> dict[str, str]:
    r"""Take the text form apart.

    Examples
    --------
    >>> read_keys("(version)\n6 # six\n\n(box)\n0 9\n0 6\n")
    {'version': '6', 'box': '0 9 0 6'}
    """
    keys: dict[str, list[str]] = {}
    values: list[str] = []
    for line in text.splitlines():
        line = line.partition("#")[0].strip()  # noqa: PLW2901
        if _KEY.fullmatch(line):
            values = keys[line[1:-1].strip()] = []
        elif line:
            values.append(line)
    return {key: " ".join(found) for key, found in keys.items()}


def is_plain(text: str) -> bool:
    """Tell whether a value of the metadata survives the text form."""
    return text == " ".join(text.split()) and "#" not in text and not text.startswith("(")


def format_header(header: IdxHeader) -> str:
    """Write the text form, key by key in the order of the library.

    Raises
    ------
    ValueError
        If a text of the metadata cannot be written; see :func:`is_plain`.
    """
    for key, value in header.metadata.items():
        if not is_plain(key) or not _KEY.fullmatch(f"({key})") or key in _KNOWN:
            raise ValueError(f"not a key for metadata: {key!r}")
        if not is_plain(value):
            raise ValueError(f"metadata that an .idx cannot hold: {key!r}: {value!r}")
    pairs = list(zip(header.p1, header.p2, strict=True))[: header.n_axes]
    keys = {
        "version": str(header.version),
        "box": " ".join(f"{a} {b - 1}" for a, b in pairs),
        "axis": " ".join(header.axis_names),
        "physic_box": _numbers_text(header.physic_box),
        "logic_to_physic": _numbers_text(header.logic_to_physic),
        "fields": "\n+ ".join(format_field(f) for f in header.fields),
        "bits": header.bitmask.text,
        "bitsperblock": str(header.bitsperblock),
        "blocksperfile": str(header.blocksperfile),
        "interleave block": str(header.interleave),
        "time": _time_text(header),
        "filename_template": header.template,
        "missing_blocks": str(int(header.missing_blocks)),
        "arco": str(header.arco),
    }
    optional = ("axis", "physic_box", "logic_to_physic", "time")
    keys = {k: v for k, v in keys.items() if v or k not in optional} | dict(header.metadata)
    return "".join(f"({key})\n{value}\n" for key, value in keys.items())


def _build(keys: Mapping[str, str], where: str) -> IdxHeader:
    for key in _NEEDED:
        if key not in keys:
            raise DataError(where, f"({key}) is missing", id="PYR-IDX-02")
    version = parse_version(keys["version"], where)
    p1, p2 = parse_box(keys["box"], where)
    fields = parse_fields(keys["fields"], where)
    bitmask = parse_bitmask(keys["bits"], p2, where)
    arco = parse_whole(keys.get("arco", "0"), "arco", where, 0, AXIS_LIMIT, row=6)
    bits = parse_bits_per_block(keys, bitmask, fields, arco, where)
    n_blocks = 1 << (bitmask.maxh - bits)
    times, time_template = parse_times(keys["time"], where) if "time" in keys else ((0,), "")
    largest = max(f.sample_bytes for f in fields)
    check_size(p1, p2, largest, where)
    interleave = keys.get("interleave block", keys.get("interleave", "0"))
    names = tuple(keys.get("axis", "").split())
    return IdxHeader(
        p1=p1,
        p2=p2,
        fields=fields,
        bitmask=bitmask,
        bitsperblock=bits,
        blocksperfile=1 if arco else parse_blocks_per_file(keys, fields, bits, n_blocks, where),
        template=_template(keys, bitmask.maxh - bits, arco, where),
        version=version,
        interleave=parse_whole(interleave, "interleave block", where, 0, AXIS_LIMIT, row=6),
        times=times,
        time_template=time_template,
        arco=largest << bits if arco else 0,
        missing_blocks=keys.get("missing_blocks", "0").lower() in ("1", "true"),
        axis_names=names,
        physic_box=parse_floats(keys, "physic_box", 2 * bitmask.n_axes, where),
        logic_to_physic=parse_floats(keys, "logic_to_physic", (bitmask.n_axes + 1) ** 2, where),
        metadata={k: v for k, v in keys.items() if k not in _KNOWN},
    )


def _template(keys: Mapping[str, str], block_bits: int, arco: int, where: str) -> str:
    stem = PurePath(where).name.removesuffix(".idx") or "visus"
    template = keys.get("filename_template") or default_template(stem, block_bits)
    if not arco:
        check_template(template, where)
    return template


def _numbers_text(values: Sequence[float] | None) -> str:
    return " ".join(number_text(v) for v in values or ())


def _time_text(header: IdxHeader) -> str:
    if header.times == (0,) and not header.time_template:
        return ""
    return format_times(header.times, header.time_template or "time%06d/")
