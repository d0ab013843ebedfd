"""The application: routes over some folders. Running it is :mod:`pyramidion.server._run`'s job.

>>> import tempfile
>>> app = build_app([tempfile.gettempdir()])
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import AsyncIterator, Mapping, Sequence
from contextlib import asynccontextmanager
from pathlib import Path

from starlette.applications import Starlette
from starlette.middleware import Middleware
from starlette.requests import Request
from starlette.responses import HTMLResponse, JSONResponse, RedirectResponse, Response
from starlette.routing import Mount, Route
from starlette.types import Receive, Scope, Send

from pyramidion.server._catalogue import Dataset, find_datasets
from pyramidion.server._checks import check_roots
from pyramidion.server._errors import FolderError, NotServedError, describe
from pyramidion.server._files import Files
from pyramidion.server._guard import Guard
from pyramidion.server._html import POLICY, catalogue_page, listing_page
from pyramidion.server._page_files import PageFiles
from pyramidion.server._paths import list_beneath, split_path
from pyramidion.server._settings import ServerSettings

_VIEWER = Path(__file__).parent / "viewer"
_CATALOGUE_AGE_S = 2.0
_PAGE_HEADERS = {"content-security-policy": POLICY, "cache-control": "no-cache"}


def build_app(
    roots: Mapping[str, Path] | Sequence[str | Path], settings: ServerSettings | None = None
) -> Starlette:
    """Return the application that serves some folders.

    Parameters
    ----------
    roots : mapping or sequence
        Folders and datasets, as :func:`~pyramidion.server.check_roots` takes them; or a mapping
        from name in the URL to folder, where ``""`` is the folder whose contents are at ``/``.
    settings : ServerSettings, optional
        How it behaves.

    Returns
    -------
    Starlette

    Raises
    ------
    UsageError
        If a folder of a sequence is missing, unreadable, or more than anyone means to serve.
    """
    settings = settings or ServerSettings()
    folders = roots if isinstance(roots, Mapping) else check_roots(roots)
    mounts = {name: str(Path(folder).resolve()) for name, folder in folders.items()}
    files = Files(mounts, active=settings.listing)
    catalogue = _Catalogue(files)

    @asynccontextmanager
    async def lifespan(_app: Starlette) -> AsyncIterator[None]:
        try:
            yield
        finally:
            files.close()

    app = Starlette(
        routes=_viewer_routes(mounts) if settings.listing else _routes(catalogue),
        middleware=[Middleware(Guard, settings=settings, files=files)],
        exception_handlers={Exception: _answer_bug},
        lifespan=lifespan,
    )
    # Not a route: a pattern for "any path" would leave out names with a line break.
    app.router.default = _Listing(files) if settings.listing else files
    app.router.redirect_slashes = False
    return app


class _Catalogue:
    """The datasets, looked for at most every two seconds, by one thread however many ask."""

    def __init__(self, files: Files) -> None:
        self._files = files
        self._lock = asyncio.Lock()
        self._found: list[Dataset] = []
        self._found_at = float("-inf")

    async def datasets(self) -> list[Dataset]:
        async with self._lock:
            if time.monotonic() - self._found_at > _CATALOGUE_AGE_S:
                self._found = await self._files.run(find_datasets, self._files.mounts)
                self._found_at = time.monotonic()
            return self._found

    async def page(self, _request: Request) -> Response:
        return HTMLResponse(catalogue_page(await self.datasets()), headers=_PAGE_HEADERS)

    async def api(self, _request: Request) -> Response:
        entries = [dataset.as_json() for dataset in await self.datasets()]
        return JSONResponse({"datasets": entries}, headers={"cache-control": "no-cache"})


class _Listing:
    """The files; and for a folder its ``index.html`` or its names, as a plain file server does."""

    def __init__(self, files: Files) -> None:
        self._files = files

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        try:
            await self._files(scope, receive, send)
        except FolderError:
            response = await self._answer_folder(scope)
            if response is not None:
                await response(scope, receive, send)
            else:
                index = {**scope, "raw_path": scope["raw_path"] + b"index.html"}
                await self._files(index, receive, send)

    async def _answer_folder(self, scope: Scope) -> Response | None:
        """Return a redirect or the listing; None if the folder has an index page."""
        raw_path: bytes = scope["raw_path"]
        if not raw_path.endswith(b"/"):
            query: bytes = scope["query_string"]
            # Relative, so it is right behind a proxy too; the path is checked to have no "//".
            last = raw_path.rpartition(b"/")[2] + b"/" + (b"?" + query if query else b"")
            return RedirectResponse("./" + last.decode("latin-1"), 301)
        root, names = self._files.locate(raw_path)
        entries = await self._files.run(list_beneath, root, names)
        if ("index.html", False) in entries:
            return None
        path = "/" + "/".join(split_path(raw_path))
        return HTMLResponse(listing_page(path, entries), headers=_PAGE_HEADERS)


def _routes(catalogue: _Catalogue) -> list[Route | Mount]:
    return [
        Route("/", catalogue.page),
        Route("/api/datasets", catalogue.api),
        *_viewer_routes({}),
    ]


def _viewer_routes(mounts: Mapping[str, str]) -> list[Route | Mount]:
    """Return the routes of the viewer; a folder of that name among `mounts` comes first."""
    if any((Path(root) / "viewer").exists() for root in mounts.values()):
        return []
    return [Route("/viewer", _to_viewer), Mount("/viewer", app=PageFiles(_VIEWER))]


async def _to_viewer(request: Request) -> Response:
    query = request.url.query
    return RedirectResponse("/viewer/" + (f"?{query}" if query else ""), 307)


async def _answer_bug(_request: Request, error: Exception) -> Response:
    """Answer a fault of the program itself; the traceback goes to the log, not to the client."""
    del error
    body = describe(NotServedError("the server failed", id="PYR-HTTP-00"))
    return JSONResponse(body, 500, {"cache-control": "no-store"})
