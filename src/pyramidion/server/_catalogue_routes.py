"""The routes of the catalogue: the page at ``/``, its files, and ``/api/datasets``."""

from __future__ import annotations

import asyncio
import json
import re
import threading
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

from starlette.requests import Request
from starlette.responses import HTMLResponse, Response
from starlette.routing import BaseRoute, Mount, Route

from pyramidion.server._catalogue import Finder, Found
from pyramidion.server._catalogue_index import Index
from pyramidion.server._catalogue_query import CatalogueQuery
from pyramidion.server._describe import Dataset
from pyramidion.server._errors import ParameterError
from pyramidion.server._facts import facts_of, size_of
from pyramidion.server._files import Files
from pyramidion.server._html import CATALOGUE_POLICY, PAGE_SIZE, Shown, catalogue_page
from pyramidion.server._live import LiveView
from pyramidion.server._page_files import PageFiles
from pyramidion.server._remote_catalogue import RemoteFinder
from pyramidion.server._remote_roots import RemoteRoots
from pyramidion.server._served import Served
from pyramidion.server._sweeps import Sweeper, end_of

MAX_CHANGES = 500
"""Most datasets in an answer of ``/api/datasets?after=``."""
_AGE_S = 2.0
_PATIENCE_S = 1.0
_STORE_PATIENCE_S = 5.0
_ENOUGH_S = 0.1
_ICON = Path(__file__).parent / "catalogue" / "favicon.svg"
_PAGE_HEADERS = {"content-security-policy": CATALOGUE_POLICY, "cache-control": "no-cache"}


class Catalogue:
    """The datasets, looked for in the background while and as long as somebody asks.

    Parameters
    ----------
    files : Files
        The served folders.
    served : Served
        What else is served.
    stores : RemoteRoots
        The served places of object stores.
    live : LiveView or None
        A camera that is listed first.
    """

    def __init__(
        self, files: Files, served: Served, stores: RemoteRoots, live: LiveView | None
    ) -> None:
        self._files, self._live = files, live
        self._index = Index()
        self._finder = Finder(files.mounts, files.parts, served.images)
        age_s = _AGE_S if live is None else 0.0  # what it records is growing
        self._here = Sweeper("here", self._finder.walk, self._index, age_s)
        # One for each, so that one that does not answer holds up no other.
        self._stores = [
            Sweeper(f"store {name}", _walk_of(RemoteFinder(name, root)), self._index, _AGE_S)
            for name, root in stores.by_name.items()
        ]
        self._sweepers = [self._here, *self._stores]

    def routes(self) -> list[BaseRoute]:
        """Return what is answered here."""
        roots = [Path(root) for root in self._files.mounts.values()]
        # A file of that name among the served ones comes first.
        has_own = any((root / "favicon.ico").exists() for root in roots)
        return [
            Route("/", self.page),
            Route("/api/datasets", self.api),
            # Mounted one folder higher, because `PageFiles` leaves out the first name of a path.
            Mount("/api/catalogue", app=PageFiles(Path(__file__).parent)),
            *([] if has_own else [Route("/favicon.ico", _icon)]),
        ]

    async def datasets(self) -> list[Dataset]:
        """Return all datasets in order of name, as they are now or were two seconds ago.

        Those of a store that takes longer to answer: as they were when it did.
        """
        stores = (sweeper.fresh(_STORE_PATIENCE_S) for sweeper in self._stores)
        await asyncio.gather(self._here.fresh(), *stores)
        return await self._files.run(self._index.datasets)

    async def page(self, request: Request) -> Response:
        """Answer a browser; where a camera is live, a program gets what dcam2zarr told it."""
        live = self._live
        if live is not None and "text/html" not in request.headers.get("accept", ""):
            return live.index()
        await self._first_ones()
        query = CatalogueQuery.parse(request.query_params)
        content = await self._files.run(self._render, query)
        vary = {} if live is None else {"vary": "Accept"}
        return HTMLResponse(content, headers=_PAGE_HEADERS | vary)

    async def api(self, request: Request) -> Response:
        """Answer ``/api/datasets``: everything; with ``after=`` what changed since a cursor.

        Raises
        ------
        ParameterError
            If ``limit`` is no number in its range.
        """
        if "after" in request.query_params:
            limit = _limit(request.query_params.get("limit"))
            for sweeper in self._sweepers:
                sweeper.start()
            content = await self._files.run(self._changes, request.query_params["after"], limit)
            return Response(
                content, media_type="application/json", headers={"cache-control": "no-store"}
            )
        content = await self._files.run(self._everything, await self.datasets())
        return Response(
            content, media_type="application/json", headers={"cache-control": "no-cache"}
        )

    def close(self) -> None:
        """End the search."""
        for sweeper in self._sweepers:
            sweeper.close()

    @property
    def _is_looking(self) -> bool:
        return not all(sweeper.is_filled for sweeper in self._sweepers)

    async def _first_ones(self) -> None:
        """Wait for the first datasets, so that a page without scripts has something to show."""
        known = {sweeper for sweeper in self._stores if sweeper.is_filled}
        running = {sweeper: sweeper.start() for sweeper in self._sweepers}
        if len(self._index) >= PAGE_SIZE:
            return
        waiting = [
            end_of(sweep)
            for sweeper, sweep in running.items()
            if sweep is not None and sweeper not in known
        ]
        began = time.monotonic()
        while waiting and (passed := time.monotonic() - began) < _PATIENCE_S:
            if len(self._index) >= PAGE_SIZE and passed > _ENOUGH_S:
                return
            _, left = await asyncio.wait(waiting, timeout=0.02)
            waiting = list(left)

    def _render(self, query: CatalogueQuery) -> str:
        found = self._index.all()
        live = self._live.camera() if self._live else None
        shown = Shown(query, query.choose(found), len(found), self._is_looking, self._finder.note)
        return catalogue_page(shown, live)

    def _everything(self, datasets: Sequence[Dataset]) -> bytes:
        entries = [self._live.camera().as_json()] if self._live else []
        entries += [dataset.as_json() for dataset in datasets]
        return _to_bytes({"datasets": entries})

    def _changes(self, cursor: str, limit: int) -> bytes:
        # Before the changes: what is found in between is told with the next ones.
        is_looking, is_busy = self._is_looking, any(each.is_running for each in self._sweepers)
        changes = self._index.since(cursor, limit)
        answer: dict[str, Any] = {
            "cursor": changes.cursor,
            "all": changes.is_all,
            "more": changes.more,
            "looking": is_looking,
            "busy": is_looking or is_busy,
            "total": changes.total,
            "note": self._finder.note,
            "live": self._live.camera().as_json() if self._live else None,
            "datasets": [_as_json(found) for found in changes.found],
            "gone": changes.gone,
        }
        return _to_bytes(answer)


def _as_json(found: Found) -> Mapping[str, Any]:
    """Return the entry of a dataset with what the page says of it."""
    dataset = found.dataset
    return {
        **dataset.as_json(),
        "thumbnail": dataset.thumbnail_url,
        "facts": facts_of(dataset),
        "size": size_of(found),
        "bytes": found.n_bytes,
        "changed": found.changed,
        "state": _state(found),
    }


def _state(found: Found) -> str:
    """Return ``recording``, ``unfinished`` for one that nobody goes on with, or nothing."""
    if found.is_growing:
        return "recording"
    return "unfinished" if found.dataset.state == "recording" else ""


def _walk_of(store: RemoteFinder) -> Callable[[threading.Event], Iterator[Found]]:
    return lambda _stop: map(Found, store.find())


def _to_bytes(answer: Mapping[str, Any]) -> bytes:
    return json.dumps(answer, separators=(",", ":")).encode()


def _limit(text: str | None) -> int:
    if text is None:
        return MAX_CHANGES
    if not re.fullmatch("[0-9]{1,9}", text) or not 1 <= int(text) <= MAX_CHANGES:
        raise ParameterError("limit", text, f"1..{MAX_CHANGES}")
    return int(text)


async def _icon(_request: Request) -> Response:
    """Answer what browsers ask for on pages that name no icon."""
    headers = {"cache-control": "max-age=86400"}
    return Response(_ICON.read_bytes(), media_type="image/svg+xml", headers=headers)
