"""IDX datasets of OpenVisus: versions 1 to 6, blocks in files of their own (ARCO) or behind tables.

``_idx.dataset`` reads boxes at any resolution, ``_idx.image`` makes one field an image, and
``_idx.sink`` writes.

>>> import tempfile
>>> with tempfile.TemporaryDirectory() as folder:
...     with open_idx(_example(Path(folder)), OpenOptions()) as image:
...         image.spec.shape, image.levels[1].shape
((1, 1, 7, 37, 53), (1, 1, 7, 19, 27))
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from pyramidion.core import ImageSource, ImageSpec
from pyramidion.formats._format import Format, ImageSink, OpenOptions, WriteOptions

_HEAD = 65536
_KEY = re.compile(rb"(\xef\xbb\xbf)?\s*(#[^\n]*\n\s*)*\((version|box|fields|bits)\)\s*[\r\n]")
_XML = re.compile(rb"\s*<[^!]*<idxfile>|\s*<idxfile>")


def open_idx(path: Path, options: OpenOptions) -> ImageSource:
    """Open one field of a dataset; see :class:`pyramidion.formats._idx.image.IdxImage`."""
    from pyramidion.formats._idx.image import IdxImage

    return IdxImage(path, options)


def create_idx(path: Path, specs: Sequence[ImageSpec], options: WriteOptions) -> ImageSink:
    """Begin a dataset; see :class:`pyramidion.formats._idx.sink.IdxSink`."""
    from pyramidion.formats._idx.sink import IdxSink

    return IdxSink(path, specs, options)


def plan_idx(path: Path, specs: Sequence[ImageSpec], options: WriteOptions) -> dict[str, Any]:
    """Return what :func:`create_idx` would write."""
    from pyramidion.formats._idx.plan import make_plan

    return make_plan(path, specs, options).as_dict()


def _matches(path: Path) -> bool:
    if not path.is_file():
        return False
    with path.open("rb") as file:
        head = file.read(_HEAD)
    return bool(_KEY.match(head) or _XML.match(head))


def _owns(path: Path) -> bool:
    from pyramidion.formats._idx.staging import owns_dataset

    return owns_dataset(path)


def _example(folder: Path) -> Path:
    from pyramidion.formats._idx.example import write_example

    return write_example(folder)


FORMAT = Format(
    name="idx",
    summary="IDX datasets of OpenVisus, ARCO and modvisus",
    suffixes=(".idx",),
    matches=_matches,
    owns=_owns,
    open_image=open_idx,
    create_image=create_idx,
    plan_image=plan_idx,
    image_example=_example,
    opens_remote=True,
)
