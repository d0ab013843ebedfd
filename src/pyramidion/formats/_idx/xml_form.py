"""The XML form of the header, as servers answer with it, turned into the keys of the text form."""

from __future__ import annotations

import re
from xml.etree import ElementTree as ET

from pyramidion.formats._idx.errors import header_error, not_a_header

_MAX_DEPTH = 64
_NAMES = {"bitmask": "bits", "block_interleaving": "interleave block"}
_OPTIONS = (
    "default_compression",
    "default_layout",
    "default_value",
    "min",
    "max",
    "filter",
    "description",
)


def read_xml(text: str, where: str) -> dict[str, str]:
    """Return the keys of the text form that say the same.

    Raises
    ------
    DataError
        IDX-01 for anything but the XML of a dataset; a DOCTYPE is refused.
    """
    head = text[:1000].lower()
    if "<!doctype html" in head or "<html" in head:
        raise not_a_header(where, "looks like HTML")
    if re.search("<!(doctype|entity)", text, re.IGNORECASE):
        raise not_a_header(where, "XML with DOCTYPE")
    root = _parse(text, where)
    body = root if root.tag == "idxfile" else root.find("idxfile")
    if body is None:
        raise not_a_header(where, "XML without <idxfile>")
    keys = {
        _NAMES.get(child.tag, child.tag): child.get("value", "")
        for child in body
        if child.tag not in ("field", "timestep", "time_template", "metadata")
    }
    if "box" in keys:
        keys["box"] = _inclusive(keys["box"], where)
    keys["fields"] = " + ".join(_field_text(f) for f in body.iter("field"))
    steps = [_step_text(s) for s in body.iter("timestep")]
    template = body.find("time_template")
    if steps and template is not None and template.get("value"):
        keys["time"] = " ".join([template.get("value", ""), *steps])
    return keys


class _Shallow(ET.TreeBuilder):
    """A tree of bounded depth."""

    depth = 0

    def start(self, tag: str, attrs: dict[str, str]) -> ET.Element:
        self.depth += 1
        if self.depth > _MAX_DEPTH:
            raise RecursionError
        return super().start(tag, attrs)

    def end(self, tag: str) -> ET.Element:
        self.depth -= 1
        return super().end(tag)


def _parse(text: str, where: str) -> ET.Element:
    # Safe from entities, because a document that declares any was refused.
    parser = ET.XMLParser(target=_Shallow())  # noqa: S314
    try:
        parser.feed(text)
        return parser.close()
    except ET.ParseError as error:
        raise not_a_header(where, f"not valid XML: {error}") from error
    except RecursionError as error:
        raise not_a_header(where, f"XML of more than {_MAX_DEPTH} levels") from error


def _inclusive(text: str, where: str) -> str:
    """Turn exclusive upper ends into those of the text form, which belong to the box."""
    words = text.split()
    try:
        return " ".join(str(int(w) - i % 2) for i, w in enumerate(words))
    except ValueError as error:
        raise header_error(where, "box", "whole numbers needed", text, row=4) from error


def _field_text(field: ET.Element) -> str:
    options = [f"{key}({field.get(key, '')})" for key in _OPTIONS if field.get(key)]
    return " ".join([field.get("name", ""), field.get("dtype", ""), *options])


def _step_text(step: ET.Element) -> str:
    first = step.get("when") or step.get("from", "")
    return f"({first},{step.get('to') or first},{step.get('step') or 1})"
