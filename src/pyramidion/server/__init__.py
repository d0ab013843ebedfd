"""The HTTP server: files by range, the catalogue and the viewer.

>>> from pyramidion.server import ServerSettings, build_app, serve_background
"""

from pyramidion.server._app import build_app
from pyramidion.server._catalogue import Dataset, find_datasets, viewer_url
from pyramidion.server._checks import (
    check_bind,
    check_origins,
    check_port,
    check_roots,
    is_store,
)
from pyramidion.server._run import bind, run, serve_background
from pyramidion.server._settings import ServerSettings, authority, is_loopback

__all__ = [
    "Dataset",
    "ServerSettings",
    "authority",
    "bind",
    "build_app",
    "check_bind",
    "check_origins",
    "check_port",
    "check_roots",
    "find_datasets",
    "is_loopback",
    "is_store",
    "run",
    "serve_background",
    "viewer_url",
]
