"""The fields of an IDX dataset: what is stored for each point."""

from __future__ import annotations

import math
import re
from dataclasses import dataclass
from typing import Any

import numpy as np

from pyramidion.core import DataError
from pyramidion.formats._idx import zfp
from pyramidion.formats._idx.errors import header_error

_TYPES = {f"{kind}{8 * n}": f"<{kind[0]}{n}" for kind in ("uint", "int") for n in (1, 2, 4, 8)} | {
    f"float{8 * n}": f"<f{n}" for n in (2, 4, 8)
}
_DTYPE = re.compile(r"(?:([0-9]{1,12})\*)?([a-z]+[0-9]*)(?:\[([0-9]{1,12})\])?")
_OPTION = re.compile(r"([A-Za-z_]+)\s*(\()?")
_MAX_COMPONENTS = 1024
_MAX_FIELDS = 10_000
_MAX_TEXT = 2**20
_ALIASES = {
    "compression": "default_compression",
    "compressed": "default_compression",
    "layout": "default_layout",
    "format": "default_layout",
}
CODECS = ("raw", "zip", "lz4", "jpg", "png", "zfp")


@dataclass(frozen=True)
class IdxField:
    """One field.

    Parameters
    ----------
    name : str
        One word.
    dtype : numpy.dtype
        Type of one component.
    components : int
        Values per point, stored beside each other.
    compression : str
        As in the header: ``zip``, ``lz4``, ``zip-Z_BEST_SPEED``...; empty for raw.
    layout : str
        ``hzorder``, or empty for row-major.
    default_value : int or float
        What points hold that are not stored.
    minima, maxima : tuple of float
        Range for showing, one value per component; empty where not known.
    filter : str
        Name of a filter; empty for none.
    description : str
        Free text.
    """

    name: str
    dtype: np.dtype[Any]
    components: int = 1
    compression: str = ""
    layout: str = ""
    default_value: float = 0
    minima: tuple[float, ...] = ()
    maxima: tuple[float, ...] = ()
    filter: str = ""
    description: str = ""

    @property
    def sample_bytes(self) -> int:
        """Bytes of one point."""
        return self.dtype.itemsize * self.components

    @property
    def codec(self) -> str:
        """The compression without its parameters: one of :data:`CODECS`."""
        return self.compression.partition("-")[0].lower() or "raw"

    @property
    def is_row_major(self) -> bool:
        """Whether blocks are small arrays; otherwise their points follow the HZ curve."""
        return not self.layout

    @property
    def type_name(self) -> str:
        """The type as the header writes it (``uint8[3]``)."""
        base = {"u": "uint", "i": "int", "f": "float"}[self.dtype.kind]
        name = f"{base}{8 * self.dtype.itemsize}"
        return name if self.components == 1 else f"{name}[{self.components}]"


def parse_fields(text: str, where: str) -> tuple[IdxField, ...]:
    """Read the value of ``(fields)``.

    Raises
    ------
    DataError
        IDX-07 for an unknown type, no field or a name that occurs twice; IDX-08 for a
        compression or filter that is not supported.

    Examples
    --------
    >>> parse_fields("a uint8 compressed + b float32[2] format(0)", "a.idx")[1].components
    2
    """
    if len(text) > _MAX_TEXT:
        raise header_error(where, "fields", "more than 1 MiB of text", row=7)
    pieces = [p.strip() for p in _split_fields(text)]
    if not any(pieces):
        raise header_error(where, "fields", "no fields", text or None, row=7)
    if len(pieces) > _MAX_FIELDS:
        raise header_error(where, "fields", f"more than {_MAX_FIELDS} fields", row=7)
    return check_names(tuple(_parse_field(piece, where) for piece in pieces if piece), where)


def check_names(fields: tuple[IdxField, ...], where: str) -> tuple[IdxField, ...]:
    """Return the fields; refuse a name that occurs twice."""
    seen: set[str] = set()
    for field in fields:
        if field.name in seen:
            raise header_error(where, "fields", "name given twice", field.name, row=7)
        seen.add(field.name)
    return fields


def make_field(name: str, type_text: str, options: dict[str, str], where: str) -> IdxField:
    """Build a field from the texts of either form of the header.

    Parameters
    ----------
    name : str
        Its name.
    type_text : str
        ``uint8``, ``uint8[3]``, ``3*uint8``.
    options : dict
        ``default_compression``, ``default_layout``, ``default_value``, ``min``, ``max``,
        ``filter``, ``description``.
    where : str
        The dataset, for errors.
    """
    dtype, components = _parse_type(type_text, where)
    field = IdxField(
        name,
        dtype,
        components,
        compression=_compression(
            options.get("default_compression", ""), name, dtype, components, where
        ),
        layout=_layout(options.get("default_layout", "")),
        default_value=_default(options.get("default_value", ""), dtype, where),
        filter=_filter(options.get("filter", ""), name, where),
        description=options.get("description", ""),
    )
    low, high = (_numbers(options.get(key, ""), key, where) for key in ("min", "max"))
    if not low or not high or not any(low + high):
        return field
    fitted = [_per_component(values, components) for values in (low, high)]
    return IdxField(**{**vars(field), "minima": fitted[0], "maxima": fitted[1]})


def format_field(field: IdxField) -> str:
    """Write one field as the library does."""
    n = field.components
    low = field.minima or (0.0,) * n
    high = field.maxima or (0.0,) * n
    parts = [field.name, field.type_name]
    if field.compression:
        parts.append(f"default_compression({field.compression})")
    parts.append(f"default_layout({field.layout})")
    parts.append(f"default_value({number_text(field.default_value)})")
    parts += [f"min({_texts(low)})", f"max({_texts(high)})"]
    if field.filter:
        parts.append(f"filter({field.filter})")
    if field.description:
        parts.append(f"description({field.description})")
    return " ".join(parts)


def number_text(value: float) -> str:
    """Write a number so that it reads back the same; whole numbers without a point."""
    return str(int(value)) if float(value).is_integer() and abs(value) < 2**53 else repr(value)


def _texts(values: tuple[float, ...]) -> str:
    return " ".join(number_text(float(v)) for v in values)


def _split_fields(text: str) -> list[str]:
    """Split at ``+`` outside of brackets."""
    pieces, depth, begin = [], 0, 0
    for at, letter in enumerate(text):
        depth += (letter == "(") - (letter == ")")
        if letter == "+" and depth <= 0:
            pieces.append(text[begin:at])
            begin = at + 1
    return [*pieces, text[begin:]]


def _parse_field(text: str, where: str) -> IdxField:
    name, _, rest = text.partition(" ")
    type_text, _, rest = rest.strip().partition(" ")
    if not type_text:
        raise header_error(where, "fields", "name and type needed", text, row=7)
    return make_field(name, type_text, _options(rest), where)


def _options(text: str) -> dict[str, str]:
    """Read ``word(value)`` and bare words, up to the end or to what is neither."""
    options: dict[str, str] = {}
    at = 0
    while found := _OPTION.search(text, at):
        key = _ALIASES.get(found[1], found[1])
        at = found.end()
        if not found[2]:
            # The bare word `compressed` means zip; other bare words mean nothing.
            options.setdefault(key, "zip" if found[1] == "compressed" else "")
            continue
        begin, depth = at, 1
        while at < len(text) and depth:
            depth += (text[at] == "(") - (text[at] == ")")
            at += 1
        options[key] = text[begin : at - (depth == 0)].strip()
    return options


def _parse_type(text: str, where: str) -> tuple[np.dtype[Any], int]:
    found = _DTYPE.fullmatch(text.lower())
    if not found or found[2] not in _TYPES or (found[1] and found[3]):
        mend = "uint8 to uint64, int8 to int64, float32 and float64 are read"
        raise header_error(where, "fields", "unknown type", text, mend, row=7)
    components = int(found[1] or found[3] or 1)
    if not 1 <= components <= _MAX_COMPONENTS:
        raise header_error(where, "fields", f"1 to {_MAX_COMPONENTS} components", text, row=7)
    return np.dtype(_TYPES[found[2]]), components


def _compression(text: str, name: str, dtype: np.dtype[Any], components: int, where: str) -> str:
    text = text.strip()
    if text.lower() in ("", "raw"):
        return ""
    codec = text.partition("-")[0].lower()
    if codec in CODECS and codec != "zfp":
        return text
    if codec == "zfp" and zfp.zfp_parameter(text) and zfp.supports(dtype, components):
        return text
    raise DataError(
        f"{where}: field {name}",
        f"compression {text[:40]} not supported",
        mend="zip, lz4 or raw",
        id="PYR-IDX-08",
    )


def _filter(text: str, name: str, where: str) -> str:
    if text.strip().lower() in ("", "identity"):
        return ""
    raise DataError(
        f"{where}: field {name}",
        f"filter {text[:40]} not supported",
        mend="copy it with OpenVisus to a dataset without a filter",
        id="PYR-IDX-08",
    )


def _layout(text: str) -> str:
    text = text.strip().lower()
    return "hzorder" if text == "0" or "hz" in text else ""


def _default(text: str, dtype: np.dtype[Any], where: str) -> float:
    try:
        value = float(text or 0)
    except ValueError:
        value = math.nan
    if not math.isfinite(value):
        raise header_error(where, "fields", "default_value must be a number", text, row=7)
    if dtype.kind == "f":
        return value
    limits = np.iinfo(dtype)
    if not limits.min <= value <= limits.max:
        raise header_error(where, "fields", f"default_value is no {dtype.name}", text, row=7)
    return int(value)


def _numbers(text: str, key: str, where: str) -> tuple[float, ...]:
    try:
        return tuple(float(word) for word in text.replace(",", " ").split())
    except ValueError as error:
        raise header_error(where, "fields", f"{key} must be numbers", text, row=7) from error


def _per_component(values: tuple[float, ...], components: int) -> tuple[float, ...]:
    """One value counts for all components; of more than there are, the first ones count."""
    return (values if len(values) >= components else values[:1] * components)[:components]
