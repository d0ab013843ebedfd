"""What an `.npy` file says about its array, read by a parser of literals: pickles are never loaded.

Format: the document "numpy.lib.format", versions 1 to 3.
"""

from __future__ import annotations

import ast
import io
import math
import re
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from pyramidion.core import DataError, escape
from pyramidion.formats._flat_file import FlatFile, grouped

MAGIC = b"\x93NUMPY"

_HEADER_LIMIT = 10_000
_PLAIN_TYPE = re.compile(r"[<>|=]?(?:[iu][1248]|f[248])")
_READ_TYPES = "integers and floats of up to 64 bits are read"


@dataclass(frozen=True)
class Header:
    """Where and how an array lies in its file.

    Parameters
    ----------
    shape : tuple of int
        As numpy shows it; no axis is empty.
    dtype : numpy.dtype
        As stored, in either byte order.
    fortran_order : bool
        The first axis is the fastest.
    data_offset : int
        Byte at which the elements begin.
    """

    shape: tuple[int, ...]
    dtype: np.dtype[Any]
    fortran_order: bool
    data_offset: int


def is_npy(path: Path) -> bool:
    """Tell whether a file begins as an `.npy` file does."""
    if not path.is_file():
        return False
    with path.open("rb") as file:
        return file.read(len(MAGIC)) == MAGIC


def read_header(file: FlatFile) -> Header:
    """Read what a file says about its array.

    Raises
    ------
    DataError
        If it is not such a file, or its array is empty or holds something other than numbers.
    """
    where = str(file.path)
    head = file.read_head(_HEADER_LIMIT + 12)
    if head[:6] != MAGIC:
        raise DataError(
            where, "not a .npy file", f"starts with `{head[:4].hex(' ')}`", id="PYR-NPY-01"
        )
    if len(head) < 12:
        raise _truncated(where, 12, file.size)
    n_length = 2 if head[6] == 1 else 4
    begin = 8 + n_length
    length = int.from_bytes(head[8:begin], "little")
    if head[6] not in (1, 2, 3) or length > _HEADER_LIMIT:
        raise _not_a_header(where, f"version {head[6]}, {length} B of header")
    if begin + length > file.size:
        raise _truncated(where, begin + length, file.size)
    fields = _literal(head[begin : begin + length], where)
    shape, order = fields["shape"], fields["fortran_order"]
    if not (isinstance(shape, tuple) and isinstance(order, bool) and all(map(_is_size, shape))):
        raise _not_a_header(where, f"shape {shape}, fortran_order {order}")
    dtype = _plain_type(fields["descr"], where)
    if 0 in shape:
        raise DataError(where, "empty", "0 samples", id="PYR-NPY-05")
    return Header(shape, dtype, order, begin + length)


def _literal(text: bytes, where: str) -> dict[str, Any]:
    try:
        fields = ast.literal_eval(text.decode("latin-1").strip())
    except (ValueError, SyntaxError, TypeError, MemoryError, RecursionError) as error:
        raise _not_a_header(where, text[:60]) from error
    if not isinstance(fields, dict) or set(fields) != {"descr", "fortran_order", "shape"}:
        raise _not_a_header(where, text[:60])
    return fields


def _is_size(value: object) -> bool:
    return isinstance(value, int) and not isinstance(value, bool) and value >= 0


def _plain_type(descr: object, where: str) -> np.dtype[Any]:
    # Matched before numpy sees it: `|O` is a pickle, and a list is a record.
    if not isinstance(descr, str) or not _PLAIN_TYPE.fullmatch(descr):
        is_pickle = descr == "|O"
        shown = "Python objects, a pickle" if is_pickle else descr
        mend = "pickled objects are never loaded" if is_pickle else _READ_TYPES
        raise DataError(where, "unsupported type", shown, mend, id="PYR-NPY-03")
    return np.dtype(descr)


def check_length(file: FlatFile, header: Header) -> list[str]:
    """Compare the size of the file with that of the array; return a warning if more follows it.

    Raises
    ------
    DataError
        If the file is cut short.
    """
    needed = header.data_offset + math.prod(header.shape) * header.dtype.itemsize
    if file.size < needed:
        raise _truncated(str(file.path), needed, file.size)
    extra = file.size - needed
    return [f"{escape(file.path)}: {grouped(extra)} B after the array left out"] if extra else []


def _truncated(where: str, needed: int, found: int) -> DataError:
    return DataError(
        where,
        "truncated",
        f"needs {grouped(needed)} B, has {grouped(found)} B",
        "copy it again",
        id="PYR-NPY-02",
    )


def _not_a_header(where: str, found: object) -> DataError:
    return DataError(where, "not a .npy header", found, "save it again", id="PYR-NPY-01")


def header_bytes(shape: tuple[int, ...], dtype: np.dtype[Any]) -> bytes:
    """Return the header of a file in C order."""
    header = io.BytesIO()
    np.lib.format.write_array_header_1_0(
        header, {"descr": dtype.str, "fortran_order": False, "shape": shape}
    )
    return header.getvalue()
