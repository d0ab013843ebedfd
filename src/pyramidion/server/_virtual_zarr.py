"""``/zarr/<name>/...``: any image as an OME-Zarr 0.5 store that nobody wrote.

One key per chunk and no shards: no suffix range, no preflight, and every client reads it. A chunk
is read from the source and compressed when it is asked for. A chunk that cannot be read is a 500
with the reason and never "not found", since a reader would paint the fill value over it.
"""

from __future__ import annotations

import json
import math
import re
import threading
from collections.abc import Hashable, Sequence
from dataclasses import dataclass
from typing import Any

from starlette.types import Receive, Scope, Send

from pyramidion.core import PyramidionError
from pyramidion.server._answers import Body, send_body
from pyramidion.server._budget import Allowance, Budget, in_pieces
from pyramidion.server._describe import axes_shown
from pyramidion.server._errors import NotServedError
from pyramidion.server._image_view import ImageView, ViewLevel
from pyramidion.server._images import Images, Target, cannot_read
from pyramidion.server._paths import split_path
from pyramidion.server._virtual_metadata import CODEC, array_document, group_document
from pyramidion.server._work import ClientGoneError, Work, stop_if
from pyramidion.storage import ByteCache

CHUNK_CACHE_BYTES = 64 * 2**20

_INDEX = re.compile("0|[1-9][0-9]{0,8}")
_LEVEL = re.compile("0|[1-9][0-9]?")
_JSON = "application/json"


class VirtualZarr:
    """ASGI application of the virtual stores.

    Parameters
    ----------
    images : Images
        What may be asked for.
    work : Work
        The threads that read and compress.
    budget : Budget
        What all answers together may take.
    """

    def __init__(self, images: Images, work: Work, budget: Budget) -> None:
        self._images = images
        self._work = work
        self._budget = budget
        self._chunks: ByteCache[Body] = ByteCache(CHUNK_CACHE_BYTES, lambda body: len(body.content))

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer one request.

        Raises
        ------
        RequestError, OSError
            Before anything was sent.
        """
        names = split_path(scope["raw_path"])[1:]
        travels = self._images.travels(names)

        def look_up(left: threading.Event) -> _Job | Body:
            stop_if(left)
            return self._look_up(names, left)

        try:
            found = await self._work.run(receive, look_up, travels=travels)
            if isinstance(found, Body):
                await send_body(found, scope, send)
                return
            async with self._budget.hold(found.n_bytes, found.plane, travels=travels) as turn:
                async with turn:
                    body = await self._work.run(
                        receive, lambda left: self._make(found, left), travels=travels
                    )
                await send_body(body, scope, in_pieces(send))
        except ClientGoneError:
            return

    def close(self) -> None:
        """Let go of the chunks."""
        self._chunks.clear()

    def _look_up(self, names: Sequence[str], left: threading.Event) -> _Job | Body:
        """Return a document, or a chunk that is kept, or what it takes to make it."""
        target, key = self._images.find(names)
        identity, version = target.identity(), target.version()
        view, key = self._open(target, key, version)
        unique = (target.path, version, view.spec.name, *key)
        if key == ["zarr.json"]:
            return self._chunks.get(unique, lambda: _document(group_document(view, target.name)))
        level = _level(view, key)
        if key[1:] == ["zarr.json"]:
            return _document(array_document(view, level))
        index = _chunk_index(view, level, key[1:])
        if view.recording:  # its chunks outlive its growth
            unique = (target.path, identity, view.spec.name, *key)
        job = _Job(unique, view, level, int(key[0]), index, target)
        return self._make(job, left) if unique in self._chunks else job

    def _make(self, job: _Job, left: threading.Event) -> Body:
        """Make a chunk, or wait for whoever makes it; if their client leaves it is made here."""
        while True:
            try:
                return self._chunks.get(job.unique, lambda: job.make(Allowance(left)))
            except ClientGoneError:
                stop_if(left)

    def _open(
        self, target: Target, key: list[str], version: tuple[int, ...]
    ) -> tuple[ImageView, list[str]]:
        """Open the dataset, or one of its fields (``fields/<name>/...``)."""
        view = self._images.open(target, version=version)
        if key[:1] != ["fields"] or len(key) < 2:
            return view, key
        if key[1] not in view.source.fields:
            allowed = ", ".join(view.source.fields)
            raise NotServedError("no such field", key[1], f"one of {allowed}", id="PYR-HTTP-13")
        return self._images.open(target, key[1], version), key[2:]


def _document(content: dict[str, Any]) -> Body:
    return Body.of(json.dumps(content, separators=(",", ":")).encode(), _JSON)


@dataclass(frozen=True)
class _Job:
    """A chunk that is there and not read yet.

    Parameters
    ----------
    unique : tuple
        Under which it is kept.
    view, level, number, index : ImageView, ViewLevel, int, tuple of int
        Which chunk of which level.
    target : Target
        The dataset.
    """

    unique: tuple[Hashable, ...]
    view: ImageView
    level: ViewLevel
    number: int
    index: tuple[int, ...]
    target: Target

    @property
    def n_bytes(self) -> int:
        """What it takes, about, until the client has it."""
        itemsize = self.view.spec.dtype.itemsize
        decoded = self.view.sampler.cost(self.level.lattice(self.index), self.level.base)
        return itemsize * (decoded + 2 * math.prod(self.level.chunk))

    @property
    def plane(self) -> Hashable:
        """What is decoded once for all chunks in it."""
        t, c, z, _, _ = self.level.lattice(self.index).first
        whole = self.view.sampler.decodes_whole_planes
        return (*self.unique[:3], t, c, z) if whole else None

    def make(self, allowance: Allowance) -> Body:
        """Read and compress it."""
        allowance.look()
        try:
            voxels = self.view.read_chunk(self.number, self.index)
        except PyramidionError as error:
            place = "/".join(map(str, self.index))
            what = f"chunk {place} of level {self.number}"
            raise cannot_read(what, error, self.target) from error
        allowance.look()
        return Body.of(CODEC.encode(voxels))


def _level(view: ImageView, key: Sequence[str]) -> ViewLevel:
    if not key or not _LEVEL.fullmatch(key[0]) or int(key[0]) >= len(view.levels):
        raise _no_key(key)
    return view.levels[int(key[0])]


def _chunk_index(view: ImageView, level: ViewLevel, key: Sequence[str]) -> tuple[int, ...]:
    """Read ``c/z/y/x``; the axes that are not shown have index 0."""
    axes = axes_shown(view.spec)
    if len(key) != 1 + len(axes) or key[0] != "c" or not all(map(_INDEX.fullmatch, key[1:])):
        raise _no_key(key)
    asked = dict(zip(axes, map(int, key[1:]), strict=True))
    index = tuple(asked.get(axis, 0) for axis in "tczyx")
    if any(i >= n for i, n in zip(index, level.grid, strict=True)):
        raise _no_key(key)
    return index


def _no_key(key: Sequence[str]) -> NotServedError:
    return NotServedError("no such key in this store", "/".join(key), id="PYR-HTTP-13")
