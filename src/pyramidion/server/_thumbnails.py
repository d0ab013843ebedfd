"""``/api/thumbnail/<name>``: a small picture of a dataset.

A waveform is drawn as its envelope, as SVG. An image is a PNG: in grey between the window of the
dataset, or between percentiles of the picture; in colours where the image has red, green and blue.

Of damaged data there is no picture, a 404 with the reason: a page that lists them asks again and
again, and whoever opens the dataset is told what is wrong with it.
"""

from __future__ import annotations

import logging
import threading
import time
from collections.abc import Hashable, Sequence
from pathlib import Path

import numpy as np
from starlette.types import Receive, Scope, Send

from pyramidion.core import PyramidionError, StorageError, escape
from pyramidion.server._answers import Body, send_body
from pyramidion.server._budget import SMALL_BYTES, Budget
from pyramidion.server._describe import describe_store
from pyramidion.server._errors import MAX_LOGGED, FailedReadError, NotServedError, RequestError
from pyramidion.server._files import Files
from pyramidion.server._image_view import ImageView
from pyramidion.server._images import Images, Target, cannot_read
from pyramidion.server._paths import resolve_beneath, split_path
from pyramidion.server._preview import preview, to_bytes, window_of
from pyramidion.server._remote_objects import store_told
from pyramidion.server._remote_roots import RemoteRoots
from pyramidion.server._wave_picture import wave_picture
from pyramidion.server._work import ClientGoneError, Work, stop_if
from pyramidion.storage import ByteCache

logger = logging.getLogger("pyramidion.server")

_CACHE_BYTES = 16 * 2**20
_POLICY = ((b"content-security-policy", b"default-src 'none'; style-src 'unsafe-inline'; sandbox"),)
"""A picture as SVG is a page, too, for who opens it alone."""
_FAILED_S = 60.0
"""How long a dataset without a picture is not tried again; chunks are mended without a trace."""
_MAX_FAILED = 1000


class Thumbnails:
    """ASGI application of the small pictures.

    Parameters
    ----------
    images : Images
        What may be asked for.
    work : Work
        The threads that read.
    files : Files
        The served folders.
    stores : RemoteRoots
        The served places of object stores.
    budget : Budget
        What all answers together may take.
    """

    def __init__(
        self, images: Images, work: Work, files: Files, stores: RemoteRoots, budget: Budget
    ) -> None:
        self._images = images
        self._work, self._budget = work, budget
        self._files, self._stores = files, stores
        self._pictures: ByteCache[Body] = ByteCache(_CACHE_BYTES, lambda body: len(body.content))
        self._failed: dict[Hashable, tuple[float, FailedReadError]] = {}

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
            async with self._budget.hold(SMALL_BYTES, travels=travels):
                body = await self._work.run(
                    receive, lambda left: self._picture(names, left), travels=travels
                )
                await send_body(body, scope, send, _POLICY)
        except ClientGoneError:
            return

    def _picture(self, names: Sequence[str], left: threading.Event) -> Body:
        stop_if(left)
        wave = self._waveform(names)
        target = self._images.find_whole("/".join(names)) if wave is None else wave
        version = target.version()
        key = (target.path, version)

        def make() -> Body:
            try:
                if wave is not None:
                    return Body.of(wave_picture(target.path), "image/svg+xml")
                view = self._images.open(target, version=version)
                return Body.of(_png(thumbnail(view)), "image/png")
            except RequestError:
                raise
            except PyramidionError as error:
                raise cannot_read(f"picture of {target.name}", error, target) from error

        tried_at, fault = self._failed.get(key, (0.0, None))
        if fault is None or time.monotonic() - tried_at > _FAILED_S:
            try:
                return self._pictures.get(key, make)
            except FailedReadError as error:
                if isinstance(error.__cause__, StorageError):  # a disk or a store, not the data
                    raise
                fault = error
                self._note(key, fault)
        raise NotServedError(fault.what, fault.value, fault.mend, id=fault.id)

    def _note(self, key: Hashable, fault: FailedReadError) -> None:
        """Say once why there is no picture, and do not try again for a while."""
        logger.warning("no picture: %s", escape(fault, MAX_LOGGED))
        if len(self._failed) >= _MAX_FAILED:
            self._failed.clear()
        fault.__cause__ = fault.__context__ = fault.__traceback__ = None  # which hold the dataset
        self._failed[key] = (time.monotonic(), fault)

    def _waveform(self, names: Sequence[str]) -> Target | None:
        """Return the waveform store of a name; None if it is no such store."""
        whole = "/".join(names)
        if whole in self._images.named or not whole or not names[-1]:
            return None
        try:
            path = self._place(names)
        except NotServedError:
            return None
        if path is None:
            return None
        with store_told(path):
            return Target(whole, path) if _is_waveform(path) else None

    def _place(self, names: Sequence[str]) -> Path | None:
        if self._stores.has(names[0]):
            return self._stores.dataset_at(names)
        root, below = self._files.place(list(names))
        return Path(resolve_beneath(root, below))


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


def _is_waveform(path: Path) -> bool:
    found = describe_store(path, "")
    return found is not None and found.kind == "waveform"
