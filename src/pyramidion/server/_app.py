"""The application: routes over some folders and datasets. Running it is :mod:`pyramidion.server._run`'s job.

>>> import tempfile
>>> app = build_app([tempfile.gettempdir()])
"""

from __future__ import annotations

import json
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping, Sequence
from contextlib import asynccontextmanager
from pathlib import Path

from starlette.applications import Starlette
from starlette.middleware import Middleware
from starlette.requests import Request
from starlette.responses import HTMLResponse, JSONResponse, RedirectResponse, Response
from starlette.routing import BaseRoute, Mount, Route
from starlette.types import ASGIApp, Receive, Scope, Send

from pyramidion.core import UsageError
from pyramidion.server._answers import Body, send_body
from pyramidion.server._budget import Budget
from pyramidion.server._catalogue_routes import Catalogue
from pyramidion.server._errors import FolderError, NotServedError, describe
from pyramidion.server._files import Files
from pyramidion.server._guard import Guard
from pyramidion.server._html import POLICY, listing_page
from pyramidion.server._images import Images
from pyramidion.server._live import LiveView
from pyramidion.server._mod_visus import ModVisus
from pyramidion.server._openapi import describe_api
from pyramidion.server._origins import Origins
from pyramidion.server._page_files import PageFiles
from pyramidion.server._paths import list_beneath, split_path
from pyramidion.server._remote_files import RemoteFiles
from pyramidion.server._remote_roots import RemoteRoots
from pyramidion.server._served import Served, as_served
from pyramidion.server._settings import ServerSettings
from pyramidion.server._thumbnails import Thumbnails
from pyramidion.server._virtual_zarr import VirtualZarr
from pyramidion.server._work import Work

_VIEWER = Path(__file__).parent / "viewer"
_PAGE_HEADERS = {"content-security-policy": POLICY, "cache-control": "no-cache"}


def build_app(
    roots: Served | Mapping[str, Path] | Sequence[str | Path],
    settings: ServerSettings | None = None,
    live: LiveView | None = None,
) -> Starlette:
    """Return the application that serves some folders and datasets.

    Parameters
    ----------
    roots : Served, mapping or sequence
        What :func:`~pyramidion.server.check_served` returns, or what it takes; or a mapping
        from name in the URL to folder, where ``""`` is the folder whose contents are at ``/``.
    settings : ServerSettings, optional
        How it behaves.
    live : LiveView, optional
        A camera to show as well; closed with the application.

    Returns
    -------
    Starlette

    Raises
    ------
    UsageError
        If a folder of a sequence is missing, unreadable, or more than anyone means to serve; or
        if the settings contradict each other.
    """
    settings = settings or ServerSettings()
    if settings.public and settings.token is not None:
        what = "contradicts --token"
        raise UsageError("--public", what, None, "leave one out", id="PYR-SRV-03")
    served = as_served(roots)
    mounts = {name: str(Path(folder).resolve()) for name, folder in served.folders.items()}
    files = Files(mounts, served.parts, active=settings.listing)
    if settings.listing:
        return _app(
            _viewer_routes(mounts, _to_viewer), _Listing(files), files, settings, files.close
        )
    stores = RemoteRoots(served.remotes)
    catalogue = Catalogue(files, served, stores, live)
    images, work, objects = Images(files, served.images, stores), Work(), RemoteFiles(stores)
    by_name = _ByName(files, objects) if served.remotes else files
    budget = Budget()
    zarr = VirtualZarr(images, work, budget)
    views = _Views(by_name, zarr, Thumbnails(images, work, files, stores, budget))
    visus = ModVisus(images, work, catalogue.datasets, served.groups, settings.max_pixels, budget)

    def close() -> None:
        if live is not None:
            live.close()
        catalogue.close()
        work.close()
        views.close()
        images.close()
        objects.close()
        files.close()

    api = _api_route(settings, None if live is None else live.camera().shape, bool(served.remotes))
    return _app([api, *_routes(catalogue, visus, live)], views, files, settings, close)


def _app(
    routes: Sequence[BaseRoute],
    default: ASGIApp,
    files: Files,
    settings: ServerSettings,
    close: Callable[[], None],
) -> Starlette:
    @asynccontextmanager
    async def lifespan(_app: Starlette) -> AsyncIterator[None]:
        try:
            yield
        finally:
            close()

    app = Starlette(
        routes=routes,
        middleware=[Middleware(Guard, settings=settings, files=files)],
        exception_handlers={Exception: _bug_answerer(Origins.of(settings))},
        lifespan=lifespan,
    )
    # Not a route: a pattern for "any path" would leave out names with a line break.
    app.router.default = default
    app.router.redirect_slashes = False
    return app


class _ByName:
    """The files of this machine and the objects of stores, by the first name of the path."""

    def __init__(self, files: Files, objects: RemoteFiles) -> None:
        self._files, self._objects = files, objects

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        names = split_path(scope["raw_path"])
        app = self._objects if self._objects.roots.has(names[0]) else self._files
        await app(scope, receive, send)


class _Views:
    """The files, and what is made from them under ``/zarr/`` and ``/api/thumbnail/``."""

    def __init__(self, files: ASGIApp, zarr: VirtualZarr, thumbnails: Thumbnails) -> None:
        self._files, self._zarr, self._thumbnails = files, zarr, thumbnails

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        path: bytes = scope["raw_path"]
        if path.startswith(b"/api/thumbnail/"):
            await self._thumbnails(scope, receive, send)
        elif not path.startswith(b"/zarr/"):
            await self._files(scope, receive, send)
        else:
            try:
                await self._zarr(scope, receive, send)
            except NotServedError as error:
                # A folder of that name may be among the served ones.
                try:
                    await self._files(scope, receive, send)
                except NotServedError:
                    raise error from None

    def close(self) -> None:
        self._zarr.close()


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


def _routes(catalogue: Catalogue, visus: ASGIApp, live: LiveView | None) -> list[BaseRoute]:
    return [
        *(live.routes() if live else []),
        Route("/mod_visus", visus),
        *catalogue.routes(),
        *_viewer_routes({}, _to_viewer if live is None else live.to_viewer),
    ]


def _api_route(
    settings: ServerSettings, frame_shape: tuple[int, int] | None, has_remotes: bool
) -> BaseRoute:
    """Return the route of the description of this very server."""
    content = json.dumps(describe_api(settings, frame_shape, with_stores=has_remotes)).encode()
    body = Body.of(content, "application/json")

    async def answer(scope: Scope, _receive: Receive, send: Send) -> None:
        await send_body(body, scope, send)

    return Route("/api/openapi.json", _Plain(answer))


class _Plain:
    """An ASGI application for a route: a function would be taken for one of a request."""

    def __init__(self, app: ASGIApp) -> None:
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        await self._app(scope, receive, send)


def _viewer_routes(
    mounts: Mapping[str, str], opened: Callable[[Request], Awaitable[Response]]
) -> list[BaseRoute]:
    """Return the routes of the viewer; a folder of that name among `mounts` comes first."""
    if any((Path(root) / "viewer").exists() for root in mounts.values()):
        return []
    return [Route("/viewer", opened), Mount("/viewer", app=PageFiles(_VIEWER))]


async def _to_viewer(request: Request) -> Response:
    query = request.url.query
    return RedirectResponse("/viewer/" + (f"?{query}" if query else ""), 307)


def _bug_answerer(
    origins: Origins,
) -> Callable[[Request, Exception], Awaitable[Response]]:
    """Answer a fault of the program itself; the traceback goes to the log, not to the client."""

    async def answer(request: Request, error: Exception) -> Response:
        del error
        common = origins.common(dict(request.scope["headers"]).get(b"origin"))
        told = {name.decode("latin-1"): value.decode("latin-1") for name, value in common}
        body = describe(NotServedError("the server failed", id="PYR-HTTP-00"))
        return JSONResponse(body, 500, {"cache-control": "no-store", **told})

    return answer
