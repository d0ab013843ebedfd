"""Arrays in the answers of the OpenVisus protocol: their codecs and headers.

x is fastest, then y, then z, components beside each other, little-endian. Pictures (PNG, JPEG)
have their rows from the bottom to the top, as the clients of this protocol expect.
"""

from __future__ import annotations

import zlib
from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

from pyramidion.server._errors import BadRequestError, Pairs, ParameterError

CODECS = ("raw", "zip", "lz4", "png", "jpg")
_KINDS = {
    "raw": "application/octet-stream",
    "zip": "application/zip",
    "lz4": "application/x-lz4",
    "png": "image/png",
    "jpg": "image/jpeg",
}
_ZIP_LEVEL = 1
_ZIP_PIECE = 4 * 2**20
_JPEG_QUALITY = 90
_MAX_PICTURE_SIDE = 65_500


@dataclass(frozen=True)
class ArrayBody:
    """An encoded array.

    Parameters
    ----------
    content : bytes
        The encoded array.
    codec : str
        One of :data:`CODECS`.
    dtype : str
        ``uint8[3]``.
    n_samples : tuple of int
        Along x, y (and z).
    """

    content: bytes
    codec: str
    dtype: str
    n_samples: tuple[int, ...]

    @property
    def kind(self) -> str:
        """Media type."""
        return _KINDS[self.codec]

    def headers(self, suffix: str = "") -> Pairs:
        """Return the headers that describe it, each name with a suffix."""
        values = {
            "visus-dtype": self.dtype,
            "visus-nsamples": " ".join(map(str, self.n_samples)),
            "visus-layout": "",
            "visus-compression": "" if self.codec == "raw" else self.codec,
        }
        return tuple((f"{name}{suffix}".encode(), v.encode()) for name, v in values.items())


def parse_codec(text: str) -> str:
    """Return the codec that a client asks for; raw if it asks for none.

    Raises
    ------
    ParameterError
        If it is not offered.

    Examples
    --------
    >>> parse_codec("zip-Z_BEST_SPEED"), parse_codec("")
    ('zip', 'raw')
    """
    name = text.partition("-")[0].lower() or "raw"
    name = "jpg" if name == "jpeg" else name
    if name not in CODECS:
        raise ParameterError("compression", text, ", ".join(CODECS))
    return name


def check_codec(codec: str, dtype: np.dtype, components: int, count: tuple[int, ...]) -> None:
    """Refuse a picture of something that no picture can hold, before anything is read.

    Raises
    ------
    BadRequestError
        If the codec does not fit.
    """
    if codec not in ("png", "jpg"):
        return
    depths, channels = (("u1", "u2"), (1, 2, 3, 4)) if codec == "png" else (("u1",), (1, 3))
    if dtype.str[1:] not in depths or components not in channels:
        mend = "use zip, lz4 or raw, or a palette"
        shown = f"{dtype.name}[{components}]"
        raise BadRequestError(f"{codec} cannot hold this type", shown, mend, id="PYR-HTTP-11")
    sides = [n for n in count if n > 1]
    if len(sides) > 2 or max(count) > _MAX_PICTURE_SIDE:
        shown = " x ".join(map(str, count))
        mend = "ask for one slice, or use zip"
        raise BadRequestError(f"{codec} holds one slice", shown, mend, id="PYR-HTTP-11")


def encode_array(
    array: np.ndarray, codec: str, n_axes: int, look: Callable[[], object] = lambda: None
) -> ArrayBody:
    """Encode an array.

    Parameters
    ----------
    array : ndarray, shape (z, y, x, components)
        What is sent.
    codec : str
        One that :func:`check_codec` accepted.
    n_axes : int
        Axes of the dataset.
    look : callable, optional
        Called now and then; what it raises ends the work.

    Returns
    -------
    ArrayBody
    """
    components = array.shape[3]
    name = array.dtype.name + (f"[{components}]" if components > 1 else "")
    counts = array.shape[2::-1][:n_axes]
    plain = np.ascontiguousarray(array, array.dtype.newbyteorder("<"))
    return ArrayBody(_encode(plain, codec, look), codec, name, counts)


def _encode(array: np.ndarray, codec: str, look: Callable[[], object]) -> bytes:
    if codec == "raw":
        return array.tobytes()
    if codec == "zip":
        return _zip(array.reshape(-1).view(np.uint8).data, look)
    import imagecodecs

    look()
    if codec == "lz4":
        return bytes(imagecodecs.lz4_encode(array.tobytes(), header=False))
    picture = np.ascontiguousarray(_picture(array)[::-1])
    if codec == "png":
        return bytes(imagecodecs.png_encode(picture))
    return bytes(imagecodecs.jpeg8_encode(picture, level=_JPEG_QUALITY))


def _zip(content: memoryview, look: Callable[[], object]) -> bytes:
    packer = zlib.compressobj(_ZIP_LEVEL)
    pieces = []
    for at in range(0, len(content), _ZIP_PIECE):
        look()
        pieces.append(packer.compress(content[at : at + _ZIP_PIECE]))
    return b"".join([*pieces, packer.flush()])


def _picture(array: np.ndarray) -> np.ndarray:
    """Return the one slice that an array is, as rows, columns and perhaps components."""
    sizes = array.shape[:3]
    # Axes of one element vanish, but rows and columns stay two axes.
    vanish = [axis for axis in range(3) if sizes[axis] == 1][:1]
    slice_ = array.squeeze(axis=tuple(vanish))
    return slice_[..., 0] if array.shape[3] == 1 else slice_
