"""Metadata documents read with suspicion: bounded size and depth, plain words when broken."""

from __future__ import annotations

import json
import re
from typing import Any

from pyramidion.core import DataError
from pyramidion.storage import Folder

LIMIT_BYTES = 16 * 2**20
LIMIT_DEPTH = 64
_STRING = re.compile(rb'"(?:[^"\\]|\\.)*"', re.DOTALL)


def read_json(folder: Folder, key: str) -> dict[str, Any]:
    """Read a JSON object.

    Raises
    ------
    MissingError
        If there is no such key.
    DataError
        If it is too large, too deep, not JSON or not an object.
    """
    return parse_json(folder.read(key, LIMIT_BYTES), f"{folder.root / key}")


def parse_json(data: bytes, where: str) -> dict[str, Any]:
    """Read a JSON object from bytes; see :func:`read_json`."""
    if data and not data.strip(b"\0"):
        raise _invalid(where, f"{len(data)} zero bytes, looks like a power cut")
    if not data.strip():
        raise _invalid(where, "empty")
    if _depth(data) > LIMIT_DEPTH:
        raise _invalid(where, f"more than {LIMIT_DEPTH} levels")
    try:
        value = json.loads(data, object_pairs_hook=_once)
    except (ValueError, RecursionError) as error:
        raise _invalid(where, str(error)) from error
    if not isinstance(value, dict):
        raise _invalid(where, "not an object")
    return value


def _once(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    found = dict(pairs)
    if len(found) < len(pairs):
        raise ValueError("a key is given twice")
    return found


def _depth(data: bytes) -> int:
    """Return the deepest nesting; brackets inside strings do not count."""
    depth = deepest = 0
    for byte in _STRING.sub(b"", data).translate(
        None, delete=bytes(set(range(256)) - set(b"[]{}"))
    ):
        depth += 1 if byte in b"[{" else -1
        deepest = max(deepest, depth)
        if deepest > LIMIT_DEPTH:
            break
    return deepest


def _invalid(where: str, why: str) -> DataError:
    return DataError(where, "not valid JSON", why, "convert the source again", id="PYR-ZAR-02")
