"""The HTTP server: files by range, the catalogue, the viewer, images as Zarr and as IDX.

>>> from pyramidion.server import ServerSettings, build_app, serve_background
"""

from pyramidion.server._app import build_app
from pyramidion.server._catalogue import find_datasets
from pyramidion.server._checks import (
    check_bind,
    check_origins,
    check_port,
    check_roots,
    is_store,
)
from pyramidion.server._datasets_config import read_config, visus_config
from pyramidion.server._describe import Dataset, viewer_url
from pyramidion.server._live import LiveView
from pyramidion.server._live_server import run_live_server
from pyramidion.server._run import bind, bind_next, run, serve_background
from pyramidion.server._served import Served, check_served
from pyramidion.server._settings import ServerSettings, authority, is_loopback

__all__ = [
    "Dataset",
    "LiveView",
    "Served",
    "ServerSettings",
    "authority",
    "bind",
    "bind_next",
    "build_app",
    "check_bind",
    "check_origins",
    "check_port",
    "check_roots",
    "check_served",
    "find_datasets",
    "is_loopback",
    "is_store",
    "read_config",
    "run",
    "run_live_server",
    "serve_background",
    "viewer_url",
    "visus_config",
]
