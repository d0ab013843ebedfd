"""OME-XML in the first page of an OME-TIFF: read with limits, written without anything random.

Source: OME data model, schema 2016-06 (``Pixels``, ``Channel``, ``TiffData``).
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path, PureWindowsPath
from xml.etree import ElementTree as ET
from xml.sax.saxutils import quoteattr

from pyramidion.core import Channel, DataError, ImageSpec, escape
from pyramidion.formats._flat_file import FlatFile
from pyramidion.formats._images.units import Sizes, lengths_in_one_unit, seconds

_TYPES = {
    "int8": "int8",
    "int16": "int16",
    "int32": "int32",
    "uint8": "uint8",
    "uint16": "uint16",
    "uint32": "uint32",
    "float32": "float",
    "float64": "double",
}
_SCHEMA = "http://www.openmicroscopy.org/Schemas/OME/2016-06"
_UNITS = {"um": "µm"}
_FILE_BYTES = 255


@dataclass(frozen=True)
class OmeImage:
    """What OME-XML says of one image.

    Parameters
    ----------
    name : str
        Its name.
    sizes : Sizes
        Voxel size and time from step to step.
    channels : tuple of Channel
        Their names and colours.
    """

    name: str
    sizes: Sizes
    channels: tuple[Channel, ...]


def read_ome(file: FlatFile, text: str) -> list[OmeImage]:
    """Read the images of OME-XML; the text has passed the checks of ``tiff_chain``.

    Raises
    ------
    DataError
        If it is no XML, or names other files outside the folder.
    """
    try:
        root = ET.fromstring(text)  # noqa: S314 - no DOCTYPE, at most 16 MiB
    except (ET.ParseError, ValueError) as error:
        raise DataError(str(file.path), "OME-XML is damaged", error, id="PYR-TIF-05") from error
    _check_companions(file, root)
    return [_image(image) for image in root.iter() if _tag(image) == "Image"]


def ome_text(spec: ImageSpec, name: str) -> str:
    """Return the OME-XML of an image whose planes follow each other z, then c, then t.

    Parameters
    ----------
    spec : ImageSpec
        Its shape, type, voxel size and channels.
    name : str
        What it is called.
    """
    t, c, z, y, x = spec.shape
    pixels = {
        "ID": "Pixels:0",
        "DimensionOrder": "XYCZT" if spec.is_rgb else "XYZCT",
        "Type": _TYPES[spec.dtype.name],
        "SizeX": x,
        "SizeY": y,
        "SizeZ": z,
        "SizeC": c,
        "SizeT": t,
        "BigEndian": "false",
        "Interleaved": str(spec.is_rgb).lower(),
    }
    for axis in spec.axes[2:]:
        if axis.unit:
            pixels[f"PhysicalSize{axis.name.upper()}"] = repr(axis.scale)
            pixels[f"PhysicalSize{axis.name.upper()}Unit"] = _UNITS.get(axis.unit, axis.unit)
    if spec.axes[0].unit:
        pixels |= {
            "TimeIncrement": repr(spec.axes[0].scale),
            "TimeIncrementUnit": spec.axes[0].unit,
        }
    channels = "".join(_channel_text(spec, i) for i in range(1 if spec.is_rgb else c))
    return (
        f'<?xml version="1.0" encoding="UTF-8"?><OME xmlns="{_SCHEMA}" Creator="pyramidion">'
        f'<Image ID="Image:0" Name={quoteattr(name)}><Pixels {_attributes(pixels)}>{channels}'
        "<TiffData/></Pixels></Image></OME>"
    )


def is_ome_type(name: str) -> bool:
    """Tell whether OME has an element type."""
    return name in _TYPES


def _channel_text(spec: ImageSpec, i: int) -> str:
    told = {"ID": f"Channel:0:{i}", "SamplesPerPixel": spec.shape[1] if spec.is_rgb else 1}
    if i < len(spec.channels) and not spec.is_rgb:
        channel = spec.channels[i]
        if channel.label:
            told["Name"] = channel.label
        if channel.color:
            value = int(channel.color, 16) << 8 | 0xFF
            told["Color"] = value - 2**32 if value >= 2**31 else value
    return f"<Channel {_attributes(told)}/>"


def _attributes(values: Mapping[str, object]) -> str:
    return " ".join(f"{key}={quoteattr(str(value))}" for key, value in values.items())


def _image(image: ET.Element) -> OmeImage:
    pixels = next((e for e in image if _tag(e) == "Pixels"), None)
    if pixels is None:
        return OmeImage(image.get("Name", ""), Sizes(), ())
    lengths = [
        (_number(pixels.get(f"PhysicalSize{a}")), pixels.get(f"PhysicalSize{a}Unit", "µm"))
        for a in "ZYX"
    ]
    voxel, unit = lengths_in_one_unit(lengths)
    step = _number(pixels.get("TimeIncrement"))
    interval = seconds(step, pixels.get("TimeIncrementUnit", "s")) if step else None
    channels = tuple(_channel(e) for e in pixels if _tag(e) == "Channel")
    return OmeImage(image.get("Name", ""), Sizes(voxel, unit, interval), channels)


def _channel(element: ET.Element) -> Channel:
    try:
        value = int(element.get("Color", "")) & 0xFFFFFFFF
    except ValueError:
        return Channel(escape(element.get("Name", "")))
    return Channel(escape(element.get("Name", "")), f"{value >> 8:06X}")


def _number(text: str | None) -> float | None:
    try:
        value = float(text or "")
    except ValueError:
        return None
    return value if math.isfinite(value) and value > 0 else None


def _check_companions(file: FlatFile, root: ET.Element) -> None:
    """Refuse names of other files that leave the folder."""
    named = [e.get("FileName") for e in root.iter() if _tag(e) == "UUID"]
    named += [e.get("MetadataFile") for e in root.iter() if _tag(e) == "BinaryOnly"]
    for name in filter(None, named):
        if not _is_plain(name):
            raise DataError(
                str(file.path),
                "companion file outside the folder refused",
                name,
                "put the files in one folder",
                id="PYR-TIF-07",
            )


def companions(file: FlatFile, text: str) -> list[str]:
    """Return the other files of the folder that OME-XML says hold a part of the image."""
    root = ET.fromstring(text)  # noqa: S314 - as in `read_ome`
    named = {e.get("FileName", "") for e in root.iter() if _tag(e) == "UUID"}
    return sorted(named - {"", file.path.name})


def _is_plain(name: str) -> bool:
    plain = (
        name not in (".", "..") and Path(name).name == name and PureWindowsPath(name).name == name
    )
    return plain and len(name.encode()) <= _FILE_BYTES and "\0" not in name


def _tag(element: ET.Element) -> str:
    return str(element.tag).rpartition("}")[2]


def labels(channels: Sequence[Channel]) -> tuple[Channel, ...]:
    """Return channels, or none where nothing is known of any."""
    return tuple(channels) if any(c.label or c.color or c.window for c in channels) else ()
