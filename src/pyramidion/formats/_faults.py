"""What is wrong with an image beyond blocks that do not decode: its levels, its metadata."""

from __future__ import annotations

from pyramidion.core import ImageSource
from pyramidion.storage import Folder


def image_faults(source: ImageSource) -> list[str]:
    """Return faults of an open image, one line each.

    Parameters
    ----------
    source : ImageSource
        Its blocks of level 0 are known to decode.

    Returns
    -------
    list of str
        Levels that are not what level 0 makes them, metadata that viewers stumble over; empty for
        formats whose levels are samples of level 0 itself.
    """
    from pyramidion.formats._ome.checks import check_ome
    from pyramidion.formats._ome.root import read_root
    from pyramidion.formats._ome.source import OmeSource
    from pyramidion.formats._ome.verify import check_levels

    if not isinstance(source, OmeSource):
        return []
    attributes = read_root(Folder(source.path)).attributes
    return [f"{source.path}: {fault}" for fault in check_ome(attributes)] + list(
        check_levels(source)
    )
