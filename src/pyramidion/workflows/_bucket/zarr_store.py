"""A Zarr store as a page finds it: over HTTP, without a key and without a listing."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from typing import Any
from urllib.parse import quote

from pyramidion.workflows._bucket.asking import Answer, Asker
from pyramidion.workflows._bucket.report import ADVISED, FAILS, OK, Condition
from pyramidion.workflows._bucket.viewable import (
    NotViewableError,
    ViewableArray,
    read_v2,
    read_v3,
)

ROOTS = ("zarr.json", ".zmetadata", ".zgroup", ".zarray")
_ARRAYS_ASKED = 32
_AT_ONCE = 6
_SHOWN = 3


@dataclass(frozen=True)
class Root:
    """The document at the root of a store.

    Parameters
    ----------
    name : str
        ``zarr.json``, ``.zmetadata``...
    answer : Answer
        To the request for it.
    """

    name: str
    answer: Answer


def object_url(address: str, key: str) -> str:
    """Return the address of an object of a store."""
    return f"{address}/{quote(key, safe='/~')}"


def find_root(asker: Asker, address: str) -> Root:
    """Ask for the document at the root; what was asked first if there is none."""
    found = [Root(name, asker.get(object_url(address, name))) for name in ROOTS[:1]]
    for name in ROOTS[1:]:
        answer = found[-1].answer
        if not (answer.is_absent or answer.is_refused):
            break
        found.append(Root(name, asker.get(object_url(address, name))))
    is_there = found[-1].answer.status == 200
    refused = next((root for root in found if root.answer.is_refused), found[0])
    return found[-1] if is_there else refused


def read_arrays(
    asker: Asker, address: str, root: Root
) -> tuple[list[ViewableArray], list[Condition]]:
    """Read the metadata of the arrays of a store.

    Returns
    -------
    list of ViewableArray
        Those that the viewer reads.
    list of Condition
        About the metadata, and about codecs.
    """
    try:
        document = json.loads(root.answer.text)
    except (ValueError, OSError, EOFError, RecursionError):
        document = None
    if not isinstance(document, dict):
        what = f"{root.name} is not valid JSON: cut off, or a web page"
        return [], [Condition("metadata", FAILS, what, "check the address, or upload it again")]
    arrays, refused = [], []
    n_nodes = 0
    for path, node in _nodes(asker, address, root.name, document):
        n_nodes += 1
        try:
            arrays.append((read_v3 if root.name == "zarr.json" else read_v2)(path, node))
        except NotViewableError as error:
            refused.append(f"{path or 'the array'}: {error}")
    if not n_nodes:
        what = f"{root.name} leads to no array"
        return [], [Condition("metadata", FAILS, what, "check the address: it names a store")]
    told = [Condition("metadata", OK, f"{root.name}, {n_nodes} array{'s' if n_nodes > 1 else ''}")]
    if refused:
        mend = "convert it with `pyramidion convert SRC DST`"
        return arrays, [*told, Condition("codec", FAILS, "; ".join(refused[:_SHOWN]), mend)]
    return arrays, [*told, Condition("codec", OK, "the viewer decodes all of them")]


def find_objects(
    asker: Asker, address: str, arrays: list[ViewableArray]
) -> tuple[ViewableArray | None, Condition]:
    """Ask for the first and the last object of each array.

    Returns
    -------
    ViewableArray or None
        One whose last object is there.
    Condition
        Whether they are there.
    """
    asked = arrays[:_ARRAYS_ASKED]
    keys = list(dict.fromkeys(key for one in asked for key in (one.first, one.last)))
    with ThreadPoolExecutor(_AT_ONCE) as pool:
        answers = dict(
            zip(keys, pool.map(lambda key: asker.head(object_url(address, key)), keys), strict=True)
        )
    there = next((one for one in asked if answers[one.last].status == 200), None)
    refused = [key for key in keys if answers[key].is_refused]
    missing = [key for key in keys if answers[key].status != 200 and key not in refused]
    if refused:
        what = f"{_some(refused)} refused: private, or absent where listing is not allowed"
        return there, Condition("objects", FAILS, what, "add the policy", "policy")
    if len(missing) == len(keys):
        what = f"none of {len(keys)} asked for is there"
        return there, Condition("objects", FAILS, what, "upload the dataset again")
    if missing:
        what = f"{_some(missing)} not there: empty, or not uploaded"
        return there, Condition("objects", ADVISED, what, "`pyramidion verify` tells which")
    return there, Condition("objects", OK, f"first and last of each array are there ({len(keys)})")


def _nodes(
    asker: Asker, address: str, name: str, document: Mapping[str, Any]
) -> Iterator[tuple[str, Mapping[str, Any]]]:
    """Yield path and metadata of each array."""
    is_v3 = name == "zarr.json"
    if name == ".zarray" or document.get("node_type") == "array":
        yield "", document
        return
    holder = document.get("consolidated_metadata") if is_v3 else document
    known = holder.get("metadata") if isinstance(holder, dict) else None
    if isinstance(known, dict):
        yield from _consolidated(known, is_v3=is_v3)
        return
    attributes = document.get("attributes") if is_v3 else _json(asker, address, ".zattrs")
    for path in _paths(attributes):
        node = _json(asker, address, f"{path}/{'zarr.json' if is_v3 else '.zarray'}")
        if node:
            yield path, node


def _consolidated(
    known: Mapping[str, Any], *, is_v3: bool
) -> Iterator[tuple[str, Mapping[str, Any]]]:
    for key, node in known.items():
        if not isinstance(node, dict):
            continue
        if is_v3 and node.get("node_type") == "array":
            yield key, node
        elif not is_v3 and (key == ".zarray" or key.endswith("/.zarray")):
            yield key.removesuffix(".zarray").rstrip("/"), node


def _paths(attributes: object) -> list[str]:
    """Return the paths of the arrays that the attributes of a group name."""
    held = attributes if isinstance(attributes, dict) else {}
    held = held["ome"] if isinstance(held.get("ome"), dict) else held
    images = held.get("multiscales")
    first = images[0] if isinstance(images, list) and images else {}
    levels = first.get("datasets") if isinstance(first, dict) else None
    if not isinstance(levels, list):
        return ["raw"]
    return [str(level["path"]) for level in levels if isinstance(level, dict) and "path" in level]


def _json(asker: Asker, address: str, key: str) -> dict[str, Any]:
    answer = asker.get(object_url(address, key))
    if answer.status != 200:
        return {}
    try:
        found = json.loads(answer.text)
    except (ValueError, OSError, EOFError, RecursionError):
        return {}
    return found if isinstance(found, dict) else {}


def _some(keys: list[str]) -> str:
    more = f" and {len(keys) - _SHOWN} more" if len(keys) > _SHOWN else ""
    return ", ".join(keys[:_SHOWN]) + more
