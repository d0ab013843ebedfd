"""``/api/openapi.json``: what can be asked of this server, for programs that generate clients.

It is made of the same descriptions of parameters that the routes check with
(:mod:`pyramidion.server._parameters`), and of the one table from fault to status.

Source: OpenAPI 3.1.1.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import replace
from http import HTTPStatus
from typing import Any

from pyramidion import __version__
from pyramidion.server import _live_query, _mod_visus_query
from pyramidion.server._catalogue_query import KINDS, ORDERS
from pyramidion.server._catalogue_routes import MAX_CHANGES
from pyramidion.server._parameters import Parameter, Text, Whole, Word
from pyramidion.server._settings import ServerSettings

Json = dict[str, Any]

_CONDITIONS = {
    "Range": "bytes of the answer, such as `bytes=0-9` or `bytes=-500`; up to eight of a file",
    "If-Range": "a range is answered only if this is still the tag or the date",
    "If-None-Match": "304 if one of these is still the tag",
    "If-Modified-Since": "304 if nothing changed since then",
    "If-Match": "412 unless one of these is still the tag",
    "If-Unmodified-Since": "412 if something changed since then",
}
_REASONS = {
    400: "the request, or a parameter, makes no sense",
    401: "the token is missing or wrong",
    404: "nothing of this name is served",
    405: "only GET, HEAD and OPTIONS are answered",
    408: "the request did not arrive in time",
    412: "it is not the one that was known",
    413: "the answer would be larger, or cost more, than one may",
    414: "the URL is too long",
    416: "no byte lies in the range",
    421: "the Host header names another server",
    429: "too many requests at a time from one address",
    431: "the head of the request is too long",
    500: "what was asked for is there and cannot be read",
    501: "not a method, or a part of a protocol that is not offered",
    502: "the object store behind this server gave no right answer",
    503: "too much is asked for at once: come back after Retry-After",
    505: "neither HTTP/1.0 nor 1.1",
}
_ALWAYS = (400, 405, 408, 414, 429, 431, 501, 503, 505)
_ERROR: Json = {
    "type": "object",
    "required": ["error"],
    "properties": {
        "error": {
            "type": "object",
            "required": ["id", "what"],
            "properties": {
                "id": {"type": "string", "pattern": "^PYR-[A-Z0-9]+-[0-9]+$"},
                "what": {"type": "string"},
                "value": {"type": "string"},
                "mend": {"type": "string"},
                "field": {"type": "string"},
                "allowed": {"type": "string"},
            },
        },
        "detail": {"type": "string", "description": "words of dcam2zarr, at /latest only"},
    },
}
_DATASETS: Json = {
    "type": "object",
    "required": ["datasets"],
    "properties": {
        "datasets": {
            "type": "array",
            "items": {
                "type": "object",
                "required": ["name", "kind", "url", "shape", "dtype", "viewer"],
                "properties": {
                    "name": {"type": "string"},
                    "kind": {"enum": ["waveform", "image", "live"]},
                    "url": {"type": "string"},
                    "shape": {"type": "array", "items": {"type": "integer"}},
                    "dtype": {"type": "string"},
                    "data": {"type": "string"},
                    "viewer": {"type": "string"},
                    "axes": {"type": "array", "items": {"type": "string"}},
                    "thumbnail": {"type": ["string", "null"]},
                },
            },
        },
        "cursor": {"type": "string", "description": "`after` of the next question"},
        "all": {"type": "boolean", "description": "what was known before counts no more"},
        "more": {"type": "boolean", "description": "there are more changes: ask at once"},
        "looking": {"type": "boolean", "description": "not everything was looked at yet"},
        "busy": {"type": "boolean", "description": "it is being looked at"},
        "total": {"type": "integer", "description": "how many are known"},
        "note": {"type": "string", "description": "why the search ended early, or empty"},
        "live": {"type": ["object", "null"], "description": "the live camera"},
        "gone": {"type": "array", "items": {"type": "string"}, "description": "their names"},
    },
}
_CATALOGUE = (
    Text("q", "[^\\x00]{0,200}", "words", "words that all occur in name, folder or facts"),
    Word("kind", ("", *KINDS), "of the datasets; empty for all"),
    Word("sort", ORDERS, "their order"),
    Whole("page", 1, 999_999, "part of the list"),
)
_CHANGES = (
    Text("after", "[^\\x00]*", "a cursor", "`cursor` of the answer before; empty for all"),
    Whole("limit", 1, MAX_CHANGES, "most datasets of an answer; only with `after`"),
)
_BYTES: Json = {"application/octet-stream": {}}


def describe_api(
    settings: ServerSettings,
    frame_shape: tuple[int, int] | None = None,
    *,
    with_stores: bool = False,
) -> Json:
    """Return the description of a server.

    Parameters
    ----------
    settings : ServerSettings
        How it behaves.
    frame_shape : (int, int), optional
        Height and width of the frames of its live camera, if it has one.
    with_stores : bool
        It hands on what lies in object stores.

    Returns
    -------
    dict
        JSON values.
    """
    routes = _Routes(settings, with_stores=with_stores)
    paths = {
        "/": routes.operation(
            "catalogue",
            "The page that lists the datasets.",
            {"text/html": {}},
            parameters=_queries(_CATALOGUE),
            is_live=frame_shape,
        ),
        "/api/datasets": routes.operation(
            "datasets",
            "The datasets; with `after` those that changed since a cursor, and what is `gone`."
            " Those of a store that does not answer within 5 s are as they were when it did.",
            {"application/json": {"schema": _DATASETS}},
            parameters=_queries(_CHANGES),
        ),
        "/api/catalogue/{file}": routes.operation(
            "catalogueFile",
            "What the page of the catalogue consists of.",
            {"*/*": {}},
            parameters=(_path("file", "its name"), _header("If-None-Match")),
            statuses=(304, 404, 412, 500),
        ),
        "/api/openapi.json": routes.operation(
            "description",
            "This description.",
            {"application/json": {"schema": {"type": "object"}}},
            parameters=_conditions(),
            statuses=(206, 304, 412, 416),
        ),
        "/api/thumbnail/{name}": routes.operation(
            "thumbnail",
            "A small picture of a dataset: of an image as PNG, of a waveform as SVG.",
            {"image/png": {}, "image/svg+xml": {}},
            parameters=(_path("name", "name of the dataset, slashes and all"), *_conditions()),
            statuses=(206, 304, 404, 412, 413, 416, 500),
        ),
        "/zarr/{name}/{key}": routes.operation(
            "zarr",
            "A part of an image dataset as OME-Zarr 0.5, whatever it is stored as.",
            {"application/json": {}, **_BYTES},
            parameters=(
                _path("name", "name of the dataset, slashes and all"),
                _path("key", "`zarr.json`, `0/zarr.json`, `0/c/0/0/0`, ..."),
                *_conditions(),
            ),
            statuses=(206, 304, 404, 412, 413, 416, 500),
        ),
        "/mod_visus": routes.operation(
            "modVisus",
            "The protocol of OpenVisus' server. Every error has its reason in `visus-errormsg` too."
            f" An answer has at most {settings.max_pixels} samples.",
            {kind: {} for kind in _VISUS_KINDS},
            parameters=(*_queries(_mod_visus_query.PARAMETERS), *_conditions()),
            statuses=(206, 304, 404, 412, 413, 416, 500),
        ),
        "/{path}": routes.operation(
            "file",
            "A file of a served folder, or what the viewer consists of.",
            {**_BYTES, "application/json": {}, "text/html": {}, "*/*": {}},
            parameters=(_path("path", "path of the file, slashes and all"), *_conditions()),
            statuses=(206, 304, 307, 404, 412, 416, 500),
        ),
    }
    if settings.token is not None:
        session = routes.operation("session", "A cookie for whoever shows the token.", {})
        for method in ("get", "head"):
            session[method]["responses"].pop("200")
            session[method]["responses"]["204"] = {"description": "may read from now on"}
        paths["/api/session"] = session
    if frame_shape is not None:
        paths |= _live(routes, frame_shape)
    return {
        "openapi": "3.1.1",
        "info": {
            "title": "pyramidion",
            "version": __version__,
            "description": "Waveforms, images and live cameras. Nothing can be written.",
        },
        "servers": [{"url": "/"}],
        **routes.security,
        "paths": paths,
    }


_VISUS_KINDS = (
    *("application/octet-stream", "application/zip", "application/x-lz4", "image/png"),
    *("image/jpeg", "text/xml", "application/json"),
)


class _Routes:
    """What all routes of a server have in common."""

    def __init__(self, settings: ServerSettings, *, with_stores: bool) -> None:
        self._always = {*_ALWAYS, *([502] if with_stores else [])}
        self.security: Json = {"components": {"schemas": {"Error": _ERROR}}}
        if not settings.public:
            self._always.add(421)
        if settings.token is not None:
            self._always.add(401)
            self.security["security"] = [{"token": []}]
            self.security["components"]["securitySchemes"] = {
                "token": {"type": "http", "scheme": "bearer"}
            }

    def operation(
        self,
        name: str,
        about: str,
        content: Json,
        *,
        parameters: Iterable[Json] = (),
        statuses: Iterable[int] = (),
        is_live: object = None,
    ) -> Json:
        """Return a path: GET, and HEAD with the same headers."""
        told = [*parameters]
        whole: Json = {"description": "the answer"}
        if content:
            whole["content"] = dict(content)
        if is_live is not None:
            whole["content"]["application/json"] = {}
        responses: Json = {"200": whole}
        for status in sorted({*statuses, *self._always}):
            responses[str(status)] = _response(status, whole)
        empty = {code: {"description": each["description"]} for code, each in responses.items()}
        return {
            "get": {
                "operationId": name,
                "summary": about,
                "parameters": told,
                "responses": responses,
            },
            "head": {
                "operationId": f"{name}Head",
                "summary": "The headers of the same.",
                "parameters": told,
                "responses": empty,
            },
        }


def _live(routes: _Routes, frame_shape: tuple[int, int]) -> Json:
    height, width = frame_shape
    sides = {"x": width - 1, "y": height - 1, "w": width, "h": height}
    query = [replace(each, high=sides.get(each.name, each.high)) for each in _live_query.PARAMETERS]
    latest = routes.operation(
        "latest",
        "Pixels of the newest frame in C order, little-endian;"
        f" at most {_live_query.MOST_PIXELS} of them.",
        _BYTES,
        parameters=(*_queries(query), _header("If-None-Match")),
        statuses=(204, 304, 412, 413, 500),
    )
    info = routes.operation(
        "info",
        "The newest frame, and how the recording stands.",
        {"application/json": {"schema": {"type": "object", "required": ["state", "shape"]}}},
    )
    return {"/latest": latest, "/info": info}


def _response(status: int, whole: Json) -> Json:
    if status == 206:
        parts = {**whole["content"], "multipart/byteranges": {}}
        return {"description": "a part of it", "content": parts}
    if status < 400:
        return {"description": HTTPStatus(status).phrase}
    error: Json = {"schema": {"$ref": "#/components/schemas/Error"}}
    content = {"application/json": error}
    if status == 503:  # the camera's "no frame yet" has a body of its own
        content = {"application/json": {"schema": {"type": "object"}}}
    if status == 401:
        content["text/html"] = {}
    return {"description": _REASONS[status], "content": content}


def _queries(parameters: Iterable[Parameter]) -> list[Json]:
    return [
        {
            "name": each.name,
            "in": "query",
            "required": False,
            "description": each.about
            + (f" ({each.low}..{each.high})" if isinstance(each, Whole) else ""),
            "schema": each.schema,
        }
        for each in parameters
    ]


def _conditions() -> list[Json]:
    return [_header(name) for name in _CONDITIONS]


def _header(name: str) -> Json:
    about = _CONDITIONS[name]
    return {"name": name, "in": "header", "description": about, "schema": {"type": "string"}}


def _path(name: str, about: str) -> Json:
    schema = {"type": "string", "minLength": 1}
    return {"name": name, "in": "path", "required": True, "description": about, "schema": schema}
