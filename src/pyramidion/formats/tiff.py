"""TIFF files with any number of pages: plain, ImageJ hyperstacks, OME-TIFF, tiled, pyramidal.

>>> import tempfile
>>> with tempfile.TemporaryDirectory() as folder:
...     with open_tiff(_example(Path(folder)), OpenOptions()) as source:
...         source.spec.shape, source.spec.present
((1, 1, 7, 37, 53), 'zyx')
"""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

from pyramidion.core import ImageSource, ImageSpec
from pyramidion.formats._format import Format, ImageSink, OpenOptions, WriteOptions, example_voxels
from pyramidion.formats._images.picture_sink import PictureSink, describe_pictures
from pyramidion.formats._images.template import parse_template
from pyramidion.formats._images.tiff_sink import TiffSink, describe_tiff
from pyramidion.formats.image_stack import one_field

_MAGICS = (b"II*\0", b"MM\0*", b"II+\0", b"MM\0+")


def open_tiff(path: Path, options: OpenOptions) -> ImageSource:
    """Open a TIFF file; see :class:`TiffSource`."""
    from pyramidion.formats._images.tiff_source import TiffSource

    return TiffSource(path, options)


def create_tiff(path: Path, specs: Sequence[ImageSpec], options: WriteOptions) -> ImageSink:
    """Begin a TIFF file, or, for ``out/%04d.tif``, one per slice."""
    spec = one_field(path, specs)
    if parse_template(path).has_number:
        return PictureSink(path, spec, options)
    return TiffSink(path, spec, options)


def _matches(path: Path) -> bool:
    if not path.is_file():
        return False
    with path.open("rb") as file:
        return file.read(4) in _MAGICS


def _plan(path: Path, specs: Sequence[ImageSpec], options: WriteOptions) -> dict[str, Any]:
    describe = describe_pictures if parse_template(path).has_number else describe_tiff
    return describe(path, one_field(path, specs), options)


def _example(folder: Path) -> Path:
    """Write the example as one file of seven pages."""
    import tifffile

    path = folder / "example.tif"
    tifffile.imwrite(path, example_voxels()[0, 0], metadata={"axes": "ZYX"})
    return path


FORMAT = Format(
    name="tiff",
    summary="TIFF files of one or many pages: ImageJ, OME-TIFF, tiled, pyramidal",
    suffixes=(".tif", ".tiff"),
    matches=_matches,
    open_image=open_tiff,
    create_image=create_tiff,
    plan_image=_plan,
    image_example=_example,
)
