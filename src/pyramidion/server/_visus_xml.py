"""The XML and JSON texts of the OpenVisus protocol: lists of datasets, and a dataset's header."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any
from urllib.parse import quote
from xml.sax.saxutils import quoteattr

from pyramidion.formats._idx.fields import number_text
from pyramidion.formats._idx.header import IdxHeader

_PLACE = "$(protocol)://$(hostname):$(port)"


def dataset_url(name: str, place: str = _PLACE) -> str:
    """Return the address of a dataset on a server of the protocol."""
    return f"{place}/mod_visus?action=readdataset&dataset={quote(name)}"


def list_place(query: Mapping[str, str]) -> str:
    """Return the beginning of the addresses in a list, as a client wants it filled in."""
    place = _PLACE
    for key in ("protocol", "hostname", "port"):
        place = place.replace(f"$({key})", query.get(key, f"$({key})"))
    return place


def list_xml(groups: Mapping[str, Iterable[str]], place: str) -> str:
    """Return the list of datasets as XML.

    Parameters
    ----------
    groups : mapping
        Name of a group, or ``""`` -> names of its datasets.
    place : str
        From :func:`list_place`.
    """
    lines = ["<datasets>"]
    for group, names in groups.items():
        inner = [
            f"<dataset name={quoteattr(name)} url={quoteattr(dataset_url(name, place))} "
            'location_match="" />'
            for name in names
        ]
        if group:
            lines += [f"\t<group name={quoteattr(group)}>", *(f"\t\t{s}" for s in inner)]
            lines.append("\t</group>")
        else:
            lines += [f"\t{s}" for s in inner]
    return "\n".join([*lines, "</datasets>"]) + "\n"


def list_tree(groups: Mapping[str, Iterable[str]], place: str) -> dict[str, Any]:
    """Return the same as JSON values: each node has ``name``, ``attributes`` and ``childs``."""
    childs: list[dict[str, Any]] = []
    for group, names in groups.items():
        found = [
            _node("dataset", {"name": name, "url": dataset_url(name, place), "location_match": ""})
            for name in names
        ]
        childs += [_node("group", {"name": group}, found)] if group else found
    return _node("datasets", {}, childs)


def header_xml(header: IdxHeader, name: str) -> str:
    """Return a header in its XML form; the upper ends of the box are exclusive there."""
    ends = list(zip(header.p1, header.p2, strict=True))[: header.n_axes]
    values = {
        "version": header.version,
        "bitmask": header.bitmask.text,
        "box": " ".join(f"{a} {b}" for a, b in ends),
        "bitsperblock": header.bitsperblock,
        "blocksperfile": header.blocksperfile,
        "block_interleaving": header.interleave,
        "filename_template": header.template,
        "missing_blocks": header.missing_blocks,
        "arco": header.arco,
        "time_template": header.time_template,
        "axis": " ".join(header.axis_names),
    }
    if header.physic_box is not None:
        values["physic_box"] = " ".join(map(number_text, header.physic_box))
    lines = [f"<{key} value={quoteattr(str(value))} />" for key, value in values.items()]
    lines += [
        f"<field name={quoteattr(field.name)} dtype={quoteattr(field.type_name)} "
        f'default_compression={quoteattr(field.compression)} default_layout="" '
        f"default_value={quoteattr(number_text(field.default_value))} "
        f"description={quoteattr(field.description)} />"
        for field in header.fields
    ]
    lines += [
        f'<timestep from="{first}" to="{last}" step="{step}" />'
        for first, last, step in _time_ranges(header.times)
    ]
    inner = "\n".join(f"\t\t{line}" for line in lines)
    url = quoteattr(dataset_url(name))
    return (
        f'<dataset name={quoteattr(name)} url={url} typename="IdxDataset">\n'
        f"\t<idxfile>\n{inner}\n\t</idxfile>\n</dataset>\n"
    )


def _time_ranges(times: tuple[int, ...]) -> list[tuple[int, int, int]]:
    """Join steps at equal distances."""
    ranges: list[tuple[int, int, int]] = []
    for time in times:
        if ranges:
            first, last, step = ranges[-1]
            if first == last or time - last == step:
                ranges[-1] = (first, time, time - last)
                continue
        ranges.append((time, time, 1))
    return ranges


def _node(
    name: str, attributes: dict[str, str], childs: list[dict[str, Any]] | None = None
) -> dict[str, Any]:
    return {"name": name, "attributes": attributes, "childs": childs or []}
