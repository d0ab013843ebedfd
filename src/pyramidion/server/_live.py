"""The live camera: ``/latest``, ``/info``, and its entry in the catalogue.

Bodies, headers and errors are those of dcam2zarr, so its clients work as they are. What differs:
regions are in pixels of the frame at full resolution; before the first frame the answer is a 503,
where dcam2zarr sent an empty picture; a value that is no number is a 400, where its framework said
422.

An answer of ``/latest`` is never larger than a frame, so no further limit holds for it.
"""

from __future__ import annotations

import asyncio
import hashlib
import re
from typing import Any

from starlette.requests import Request
from starlette.responses import JSONResponse, RedirectResponse, Response
from starlette.routing import BaseRoute, Route

from pyramidion.server._conditions import is_unchanged
from pyramidion.server._describe import LiveCamera
from pyramidion.server._live_frames import LiveFrames, Stamp
from pyramidion.server._live_query import FrameQuery, parse_frame_query
from pyramidion.server._work import ClientGoneError, unless_gone
from pyramidion.storage import FAILED, RUNNING, FrameRing

_WATCHED_S = 3.0
_SILENT_S = 2.0  # the camera's process gives a sign ten times a second
_ENDED = ("finished", "failed")
_LOST = "camera lost"
_WAITING = "waiting"
_INDEX = re.compile(r"(?:[a-z]+:)?([0-9]{1,4})")
_OCTETS = "application/octet-stream"


class LiveView:
    """A camera whose frames are in a ring, as routes of a server.

    Parameters
    ----------
    ring_name : str
        Name of the :class:`~pyramidion.storage.FrameRing`, made by this process or its parent.
    store : str, optional
        Name under which the server serves what is being recorded.

    Raises
    ------
    FileNotFoundError
        If the ring is gone.
    """

    def __init__(self, ring_name: str, store: str | None = None) -> None:
        self._ring = FrameRing.attach(ring_name)
        self._store = store
        self._frames = LiveFrames(self._ring)
        # Numbers begin anew with every ring, and a browser's cache outlives it.
        self._run = hashlib.blake2b(ring_name.encode(), digest_size=6).hexdigest()

    def routes(self) -> list[BaseRoute]:
        """Return the routes."""
        return [Route("/latest", self.latest), Route("/info", self.info)]

    def beat(self) -> None:
        """Tell the recording that this server is well."""
        self._ring.live_beat()

    @property
    def is_over(self) -> bool:
        """Whether nothing more will come, and those who made the ring know."""
        return self._ring.is_stopped and self._ring.status().get("state") in _ENDED

    @property
    def is_watched(self) -> bool:
        """Whether somebody who asked lately has still to learn how it ended."""
        return self._ring.unwatched_s < _WATCHED_S

    def end(self) -> None:
        """Let nobody wait any longer: the server is about to end."""
        self._frames.end()

    def close(self) -> None:
        """Let go of the ring."""
        self._frames.close()
        self._ring.close()

    def camera(self) -> LiveCamera:
        """Return the entry of the catalogue."""
        status = self._status()
        return LiveCamera(
            str(status.get("camera") or ""),
            status["state"],
            self._ring.shape,
            self._ring.dtype.name,
        )

    def index(self) -> Response:
        """Answer ``/`` to a program, as dcam2zarr did."""
        number = _INDEX.fullmatch(str(self._ring.status().get("address") or ""))
        answer = {
            "camera_index": int(number[1]) if number else None,
            "frame_shape": list(self._ring.shape),
            "dtype": self._ring.dtype.name,
            "endpoints": ["/latest", "/info", "/viewer", "/api/datasets"],
        }
        return JSONResponse(answer, headers={"cache-control": "no-cache", "vary": "Accept"})

    async def to_viewer(self, request: Request) -> Response:
        """Open the viewer with the camera, unless the query names data."""
        query = request.url.query
        live = "live=/" + (f"&{query}" if query else "")
        named = {"data", "live"} & set(request.query_params)
        return RedirectResponse("/viewer/?" + (query if named else live), 307)

    async def info(self, _request: Request) -> Response:
        """Answer ``/info``: the newest frame, and how the recording stands."""
        self._ring.note_asked()
        newest = self._frames.newest()
        answer = {
            "frame_number": newest.number if newest else None,
            "timestamp": newest.time_host if newest else None,
            "shape": list(self._ring.shape),
            "dtype": self._ring.dtype.name,
            **self._status(),
            "age_s": newest.age_s if newest else None,
        }
        if self._store is not None and answer.get("store") is not None:
            answer["store"] = self._store
        return JSONResponse(answer, headers={"cache-control": "no-cache"})

    async def latest(self, request: Request) -> Response:
        """Answer ``/latest``: pixels of the newest frame.

        Raises
        ------
        ParameterError
            If the query makes no sense.
        FailedReadError
            If frames come faster than they can be copied.
        """
        query = parse_frame_query(request.query_params.multi_items(), self._ring.shape)
        newest = self._frames.newest()
        if query.wait_s and (newest is None or newest.number == query.after):
            waiting = asyncio.ensure_future(self._frames.wait(query.after, query.wait_s))
            try:
                await unless_gone(request.receive, waiting)
            except ClientGoneError:
                return Response(status_code=204)  # nobody reads it
            newest = self._frames.newest()
        if newest is None:
            return self._not_yet()
        headers = dict(request.scope["headers"])
        if is_unchanged(headers, self._etag(newest, query), 2**62):
            return Response(status_code=304, headers=self._headers(newest, query))
        if newest.number == query.after:
            return Response(status_code=204, headers=self._headers(newest, query))
        if request.method == "HEAD":
            height, width = query.shape
            size = str(height * width * self._ring.dtype.itemsize)
            told = self._headers(newest, query) | {"content-length": size}
            return Response(headers=told, media_type=_OCTETS)
        picture = await self._frames.picture(query)
        told = self._headers(picture.stamp, query)
        return Response(picture.content, headers=told, media_type=_OCTETS)

    def _headers(self, stamp: Stamp, query: FrameQuery) -> dict[str, str]:
        return {
            "X-Frame-Number": str(stamp.number),
            "X-Timestamp": repr(stamp.time_host),
            "X-Frame-Shape": "{},{}".format(*query.shape),
            "X-Frame-Dtype": self._ring.dtype.name,
            "X-Frame-Age": f"{stamp.age_s:.3f}",
            "ETag": self._etag(stamp, query).decode(),
            "Cache-Control": "no-cache",
            "Access-Control-Expose-Headers": "X-Frame-Age",  # the others always are
        }

    def _etag(self, stamp: Stamp, query: FrameQuery) -> bytes:
        parts = "-".join(map(str, (stamp.number, *query.picture)))
        return f'"{self._run}-{parts}"'.encode()

    def _not_yet(self) -> Response:
        state = self._status()["state"]
        answer = {
            "state": state if state in (*_ENDED, _LOST) else _WAITING,
            "detail": "no frame yet",
        }
        return JSONResponse(answer, 503, {"cache-control": "no-store", "retry-after": "1"})

    def _status(self) -> dict[str, Any]:
        """Return what the recording tells of itself, unless its camera's process is gone."""
        status = {"state": _WAITING, **self._ring.status()}
        if status["state"] not in _ENDED and self._is_camera_lost():
            status["state"] = _LOST
        return status

    def _is_camera_lost(self) -> bool:
        state = self._ring.state
        return state == FAILED or (state == RUNNING and self._ring.silent_s > _SILENT_S)
