"""tifffile, quiet and held to what was checked."""

from __future__ import annotations

import logging
import struct
from types import ModuleType
from typing import Any

from pyramidion.core import DataError
from pyramidion.formats._flat_file import FlatFile

FAULTS: tuple[type[Exception], ...] = (
    ValueError,  # TiffFileError, codecs that get the wrong size
    RuntimeError,  # every codec of imagecodecs
    LookupError,
    TypeError,
    AttributeError,
    ArithmeticError,
    AssertionError,
    EOFError,
    MemoryError,
    SyntaxError,  # ElementTree
    struct.error,
)
"""What the decoders raise for files that are damaged; there is no common class."""

_CMYK, _CIELAB, _OLD_JPEG = 5, 8, 6
_OF_MICROSCOPES = (65000, 65001, 65002)
"""Numbers that one electron microscope uses for something of its own."""
_REFUSED_COLOURS = {_CMYK: "CMYK", _CIELAB: "CIE L*a*b*", 9: "ICC L*a*b*", 32803: "Bayer mosaic"}
_NAMES = {2: "CCITT 1-D", 3: "CCITT fax 3", 4: "CCITT fax 4", 6: "old JPEG", 34661: "JBIG", 34712: "JPEG 2000", 34934: "JPEG XR", 22610: "JPEG XR"}  # fmt: skip


def tifffile_module() -> ModuleType:
    """Import tifffile; what it would print about odd files is not printed."""
    import tifffile

    log = logging.getLogger("tifffile")
    if not log.handlers:
        log.addHandler(logging.NullHandler())
    return tifffile


def check_readable(file: FlatFile, page: Any) -> None:
    """Refuse a page whose compression or colours are not read.

    Parameters
    ----------
    file : FlatFile
        The file.
    page : tifffile.TiffPage
        A page of it.

    Raises
    ------
    DataError
        That names what is not supported.
    """
    where, code = str(file.path), int(page.compression)
    if code != 1 and not is_supported(code):
        raise DataError(
            where,
            f"compression {code} not supported",
            _NAMES.get(code),
            "pip install imagecodecs with this codec, or save it again with deflate",
            id="PYR-TIF-03",
        )
    colours = _REFUSED_COLOURS.get(int(page.photometric or 0))
    if colours:
        raise DataError(
            where, f"{colours} not supported", mend="save it again as RGB", id="PYR-IMG-05"
        )
    if (
        not isinstance(page.bitspersample, int)
        or page.dtype is None
        or page.dtype.kind not in "iufb"
        or page.dtype.itemsize > 8
    ):
        kind = page.dtype or f"{page.bitspersample} bit"
        raise DataError(
            where,
            "unsupported type",
            kind,
            "integers and floats of up to 64 bits are read",
            id="PYR-TIF-05",
        )
    if page.imagedepth != 1 or page.tiledepth != 1:
        raise DataError(
            where, "volumes within a page not supported", mend="save pages", id="PYR-TIF-05"
        )


def is_supported(code: int) -> bool:
    """Tell whether a compression can be decoded here."""
    if code == _OLD_JPEG or code in _OF_MICROSCOPES:
        return False
    try:
        tifffile_module().TIFF.DECOMPRESSORS[code]
    except (KeyError, ImportError, RuntimeError):
        return False
    return True
