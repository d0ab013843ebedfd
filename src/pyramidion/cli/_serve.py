"""``pyramidion serve``."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

if TYPE_CHECKING:
    import socket
    from collections.abc import Callable, Mapping

    from pyramidion.server import ServerSettings

DEFAULT_PORT = 8000


def serve(
    paths: Annotated[list[str], typer.Argument(metavar="DIR|DATASET...", help="What to serve.")],
    host: Annotated[
        str,
        typer.Option("--host", metavar="ADDRESS", help="Listen here; others need the token."),
    ] = "127.0.0.1",
    port: Annotated[
        str, typer.Option("--port", "-p", metavar="N", help="Port; by default 8000 or a free one.")
    ] = "",
    cors: Annotated[
        list[str] | None,
        typer.Option("--cors", metavar="ORIGIN", help="Pages of this origin may read, or '*'."),
    ] = None,
    token: Annotated[
        str, typer.Option("--token", metavar="SECRET", help="Every request must carry it.")
    ] = "",
    no_token: Annotated[
        bool, typer.Option("--no-token", help="Let other machines read without a token.")
    ] = False,
    allowed_host: Annotated[
        list[str] | None,
        typer.Option(
            "--allowed-host", metavar="NAME[:PORT]", help="The server is also reached as NAME."
        ),
    ] = None,
    listing: Annotated[
        bool, typer.Option("--listing", help="Show the files of folders, as a plain file server.")
    ] = False,
    really: Annotated[bool, typer.Option("--really", help="Yes, that is meant.")] = False,
) -> None:
    """Serve datasets, with the viewer, to the browsers of this machine.

    Only this machine reads unless --host says otherwise, and then only with a token.

    Example: pyramidion serve data/
    """
    from pyramidion.server import ServerSettings, check_bind, check_origins, check_roots

    number = parse_port(port)
    mounts = check_roots(paths, really=really)
    if listing and len(mounts) == 1:  # a plain file server has no names of its own
        mounts = {"": next(iter(mounts.values()))}
    secret = check_bind(host, token or None, no_token=no_token, really=really)
    settings = ServerSettings(
        host=host,
        port=DEFAULT_PORT if number is None else number,
        cors=check_origins(cors or [], token=secret),
        token=secret,
        allowed_hosts=(*_own_names(host), *(allowed_host or [])),
        listing=listing,
    )
    run_server(mounts, settings, lambda url: announce(mounts, settings, url), any_port=not port)


def parse_port(text: str) -> int | None:
    """Read ``--port``; None if it was not given."""
    from pyramidion.core import parse_count
    from pyramidion.server import check_port

    return check_port(parse_count(text, "--port")) if text else None


def run_server(
    mounts: Mapping[str, Path],
    settings: ServerSettings,
    on_ready: Callable[[str], object],
    *,
    any_port: bool,
) -> None:
    """Serve until Ctrl-C or SIGTERM, and leave with the status of that.

    Parameters
    ----------
    mounts : mapping
        From ``check_roots``.
    settings : ServerSettings
        Where and how.
    on_ready : callable
        Called with the URL once the server answers.
    any_port : bool
        Take a free port, and say so, if the one in `settings` is in use.
    """
    from pyramidion.cli._signals import stopped_status
    from pyramidion.server import build_app, run

    listener = _listen(settings, any_port=any_port)
    try:
        run(build_app(mounts, settings), settings, on_ready, listener=listener)
    except KeyboardInterrupt as stop:
        # Asked for, and every answer under way was finished: no error line.
        raise SystemExit(stopped_status(stop)) from None


def announce(mounts: Mapping[str, Path], settings: ServerSettings, url: str) -> None:
    """Print where the server is, and its token once."""
    import socket

    from pyramidion.core import escape

    if settings.host in _ANY:
        url = f"http://{socket.gethostname()}:{url.rpartition(':')[2]}"
    names = ", ".join(escape(name or mounts[name], limit=300) for name in mounts)
    print(f"Serving {names} at {url}/")
    for place in places(mounts):
        if settings.token is None:
            print(f"View it at {url}{place}")
    if settings.token is not None:
        first = places(mounts)[0] if places(mounts) else "/"
        joint = "&" if "?" in first else "?"
        print(f"Open it once with its token: {url}{first}{joint}token={settings.token}")
    sys.stdout.flush()


def places(mounts: Mapping[str, Path]) -> list[str]:
    """Return the paths of the viewer with each dataset that is served by name."""
    from urllib.parse import quote

    from pyramidion.server import is_store, viewer_url

    return [viewer_url("/" + quote(n)) for n, folder in mounts.items() if n and is_store(folder)]


_ANY = ("0.0.0.0", "::", "")  # noqa: S104 - recognised, not bound


def _own_names(host: str) -> tuple[str, ...]:
    """Return the names under which other machines know this one, if they may ask."""
    import socket

    return (socket.gethostname(),) if host in _ANY else ()


def _listen(settings: ServerSettings, *, any_port: bool) -> socket.socket:
    from dataclasses import replace

    from pyramidion.cli._streams import tell
    from pyramidion.core import StorageError
    from pyramidion.server import bind

    try:
        return bind(settings)
    except StorageError as busy:
        if not any_port:
            raise
        listener = bind(replace(settings, port=0))
        taken = listener.getsockname()[1]
        tell(f"pyramidion serve: port {busy.what}: taking {taken}")
        return listener
