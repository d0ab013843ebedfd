"""Pictures in files: a folder, a quoted pattern, or one PNG or JPEG; and writing them.

Names are read in natural order (``img2`` before ``img10``) and become slices, time steps or
channels by the rules of ``_images.order``. A single TIFF file belongs to the format ``tiff``.

>>> import tempfile
>>> with tempfile.TemporaryDirectory() as folder:
...     with open_pictures(_example(Path(folder)), OpenOptions()) as source:
...         source.spec.shape, source.spec.present
((1, 1, 7, 37, 53), 'zyx')
"""

from __future__ import annotations

import os
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from pyramidion.core import ImageSource, ImageSpec, UsageError
from pyramidion.formats._format import Format, ImageSink, OpenOptions, WriteOptions, example_voxels
from pyramidion.formats._images import jpeg, png
from pyramidion.formats._images.listing import (
    PictureFiles,
    has_pictures,
    kind_of_name,
    list_pictures,
)
from pyramidion.formats._images.picture_sink import PictureSink, describe_pictures
from pyramidion.formats._images.stack_source import StackSource
from pyramidion.formats._images.template import parse_template
from pyramidion.formats._pattern import is_pattern

_OTHERS = ("zarr.json", ".zarray", ".zgroup", ".zattrs")
"""What a folder holds that is a dataset, whatever pictures lie in it."""

_TIFF_MAGICS = (b"II*\0", b"MM\0*", b"II+\0", b"MM\0+")


def open_pictures(path: Path, options: OpenOptions) -> ImageSource:
    """Open a folder or pattern of pictures, or a single one; see :class:`StackSource`."""
    files = _listed(path)
    if files.kind == "TIFF" and len(files.names) == 1:
        from pyramidion.formats._images.tiff_source import TiffSource

        return TiffSource(Path(files.names[0]), options)
    return StackSource(files, options)


def create_pictures(path: Path, specs: Sequence[ImageSpec], options: WriteOptions) -> ImageSink:
    """Begin pictures; see :class:`PictureSink`."""
    return PictureSink(path, one_field(path, specs), options)


def one_field(path: Path, specs: Sequence[ImageSpec]) -> ImageSpec:
    """Return the only field of an image; pictures hold no more.

    Raises
    ------
    UsageError
        If there are several.
    """
    if len(specs) > 1:
        raise UsageError(
            str(path),
            f"pictures hold one field, not {len(specs)}",
            ", ".join(spec.name for spec in specs),
            "choose one with --field",
            id="PYR-BOX-05",
        )
    return specs[0]


def _listed(path: Path) -> PictureFiles:
    if is_pattern(path) or path.is_dir() or kind_of_name(path.name):
        return list_pictures(path)
    # A name without an ending: its first bytes say what it is.
    with path.open("rb") as file:
        kind = "PNG" if file.read(8) == png.MAGIC else "JPEG"
    return PictureFiles([str(path)], kind, by_folder=False)


def _matches(path: Path) -> bool:
    if is_pattern(path):
        return has_pictures(path)
    if path.is_dir():
        is_dataset = _is_named_zarr(path) or any(os.path.lexists(path / n) for n in _OTHERS)
        return not is_dataset and has_pictures(path)
    if not path.is_file():
        return False
    with path.open("rb") as file:
        head = file.read(8)
    # A TIFF that is called PNG is explained here.
    is_misnamed = head.startswith(_TIFF_MAGICS) and kind_of_name(path.name) in ("PNG", "JPEG")
    return head == png.MAGIC or head.startswith(jpeg.MAGIC) or is_misnamed


def _is_named_zarr(path: Path) -> bool:
    # What is wrong with a store is told by its own format, whatever pictures lie in it.
    return path.name.lower().endswith(".zarr")


def _owns(path: Path) -> bool:
    """Tell a picture that a single name may replace."""
    return path.is_file() and _matches(path)


def _plan(path: Path, specs: Sequence[ImageSpec], options: WriteOptions) -> dict[str, Any]:
    return describe_pictures(path, one_field(path, specs), options)


def _example(folder: Path) -> Path:
    """Write the example as PNG files."""
    template = parse_template(folder / "example" / "slice_%d.png")
    template.folder.mkdir()
    for number, plane in enumerate(example_voxels()[0, 0]):
        (template.folder / template.name(number)).write_bytes(png.encode(plane))
    return template.folder


FORMAT = Format(
    name="image-stack",
    summary="PNG, JPEG and TIFF pictures: a folder, a pattern, or one of them",
    suffixes=(".png", ".jpg", ".jpeg"),
    matches=_matches,
    owns=_owns,
    open_image=open_pictures,
    create_image=create_pictures,
    plan_image=_plan,
    image_example=_example,
)
