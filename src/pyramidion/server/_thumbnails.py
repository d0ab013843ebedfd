"""``/api/thumbnail/<name>``: a small picture of an image dataset, as PNG.

In grey between the window of the dataset, or between percentiles of the picture; in colours where
the image has red, green and blue.
"""

from __future__ import annotations

import threading
from collections.abc import Sequence

import numpy as np
from starlette.types import Receive, Scope, Send

from pyramidion.core import PyramidionError
from pyramidion.server._answers import Body, send_body
from pyramidion.server._errors import TooLargeError
from pyramidion.server._image_view import ImageView
from pyramidion.server._images import Images, cannot_read
from pyramidion.server._paths import split_path
from pyramidion.server._preview import preview, to_bytes, window_of
from pyramidion.server._work import ClientGoneError, Work, stop_if
from pyramidion.storage import ByteCache

_CACHE_BYTES = 8 * 2**20


class Thumbnails:
    """ASGI application of the small pictures.

    Parameters
    ----------
    images : Images
        What may be asked for.
    work : Work
        The threads that read.
    """

    def __init__(self, images: Images, work: Work) -> None:
        self._images = images
        self._work = work
        self._pictures: ByteCache[Body] = ByteCache(_CACHE_BYTES, lambda body: len(body.content))

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer one request.

        Raises
        ------
        RequestError, OSError
            Before anything was sent.
        """
        names = split_path(scope["raw_path"])[2:]
        try:
            travels = self._images.travels(names)
            body = await self._work.run(
                receive, lambda left: self._picture(names, left), travels=travels
            )
        except ClientGoneError:
            return
        await send_body(body, scope, send)

    def _picture(self, names: Sequence[str], left: threading.Event) -> Body:
        stop_if(left)
        target = self._images.find_whole("/".join(names))
        version = target.version()
        view = self._images.open(target, version=version)

        def make() -> Body:
            try:
                return Body.of(_png(thumbnail(view)), "image/png")
            except TooLargeError:
                raise
            except PyramidionError as error:
                raise cannot_read(f"picture of {target.name}", error, target) from error

        return self._pictures.get((target.path, version), make)


def thumbnail(view: ImageView) -> np.ndarray:
    """Return the picture of an image.

    Returns
    -------
    ndarray, shape (rows, columns) or (rows, columns, 3), uint8
    """
    spec = view.spec
    if spec.is_rgb and spec.shape[1] >= 3:
        planes = np.moveaxis(preview(view, 3), 0, -1)
        return planes if planes.dtype == np.uint8 else to_bytes(planes, window_of(planes))
    plane = preview(view, 1)[0]
    known = spec.channels[0].window if spec.channels else None
    window = known if known is not None and known[0] < known[1] else window_of(plane)
    return to_bytes(plane, window)


def _png(picture: np.ndarray) -> bytes:
    import imagecodecs

    return bytes(imagecodecs.png_encode(np.ascontiguousarray(picture)))
