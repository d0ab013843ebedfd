"""``pyramidion view``."""

from __future__ import annotations

from typing import Annotated

import typer


def view(
    dataset: Annotated[
        str,
        typer.Argument(
            metavar="DATASET|URL", help="A store, an .idx file, 'images/*.png', a folder; s3://..."
        ),
    ],
    port: Annotated[
        str, typer.Option("--port", "-p", metavar="N", help="Port; by default 8000 or a free one.")
    ] = "",
    browser: Annotated[
        bool, typer.Option("--browser/--no-browser", help="Open the browser, or only say where.")
    ] = True,
) -> None:
    """Serve a dataset and open the viewer on it.

    Example: pyramidion view scope.zarr
    """
    from pyramidion.cli._serve import DEFAULT_PORT, announce, parse_port, run_server
    from pyramidion.core import MissingError
    from pyramidion.formats import is_pattern
    from pyramidion.server import ServerSettings, check_served
    from pyramidion.storage import is_remote, place

    path = place(dataset)
    if not is_remote(path) and not path.exists() and not is_pattern(path):
        raise MissingError(dataset, "no such file", id="PYR-ALL-03")
    number = parse_port(port)
    served = check_served([path])
    settings = ServerSettings(port=DEFAULT_PORT if number is None else number)

    def on_ready(url: str) -> None:
        announce(served, settings, url)
        if browser:
            open_browser(url + (served.places or ["/"])[0])

    run_server(served, settings, on_ready, any_port=not port)


def open_browser(url: str) -> None:
    """Open a page in the user's browser, if there is a screen to show it on."""
    import os
    import sys
    import threading
    import webbrowser

    shown = sys.platform in ("win32", "darwin")
    # Without a screen the standard library would start a text browser in this terminal.
    if shown or any(os.environ.get(name) for name in ("DISPLAY", "WAYLAND_DISPLAY", "BROWSER")):
        threading.Thread(target=webbrowser.open, args=(url,), daemon=True).start()
