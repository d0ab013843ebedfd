"""``pyramidion serve``."""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING, Annotated

import typer

if TYPE_CHECKING:
    import socket
    from collections.abc import Callable

    from pyramidion.server import LiveView, Served, ServerSettings

DEFAULT_PORT = 8000


def serve(
    paths: Annotated[
        list[str] | None,
        typer.Argument(
            metavar="DIR|DATASET|URL...",
            help="Folders, stores, .idx files, 'images/*.png'; also s3://BUCKET/KEY and https://...",
        ),
    ] = None,
    host: Annotated[
        str,
        typer.Option(
            "--host",
            metavar="ADDRESS",
            help="Listen here; by default 127.0.0.1. Others need the token.",
        ),
    ] = "",
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
    public: Annotated[
        bool,
        typer.Option("--public", help="Anyone may read, pages of any site too, without a token."),
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
    config: Annotated[
        str,
        typer.Option("--config", metavar="FILE", help="Serve what a datasets.config lists."),
    ] = "",
    max_pixels: Annotated[
        str,
        typer.Option("--max-pixels", metavar="N", help="Most samples of an answer of /mod_visus."),
    ] = "",
    tls_cert: Annotated[
        str, typer.Option("--tls-cert", metavar="FILE", help="Encrypt with this certificate.")
    ] = "",
    tls_key: Annotated[
        str, typer.Option("--tls-key", metavar="FILE", help="Its private key.")
    ] = "",
    access_log: Annotated[
        str,
        typer.Option("--access-log", metavar="FILE|-", help="Add a line for each request."),
    ] = "",
    max_clients: Annotated[
        str,
        typer.Option("--max-clients", metavar="N", help="Most connections; by default 512."),
    ] = "",
    max_per_client: Annotated[
        str,
        typer.Option(
            "--max-per-client", metavar="N", help="Most answers at a time for an address; 16."
        ),
    ] = "",
    really: Annotated[bool, typer.Option("--really", help="Yes, that is meant.")] = False,
) -> None:
    """Serve datasets, with the viewer, to the browsers of this machine.

    Only this machine reads unless --host says otherwise, and then only with a token. What is in a
    bucket is read with your credentials and handed on.

    Example: pyramidion serve data/
    """
    from pyramidion.server import ServerSettings

    number = parse_port(port)
    served = _served(paths or [], config, really=really, listing=listing)
    host, secret, origins = _who(host, token, cors or [], no_token, public, really)
    settings = ServerSettings(
        host=host,
        port=DEFAULT_PORT if number is None else number,
        cors=origins,
        token=secret,
        allowed_hosts=(*_own_names(host), *(allowed_host or [])),
        listing=listing,
        max_pixels=_limit(max_pixels, "--max-pixels", ServerSettings.max_pixels),
        public=public,
        tls_cert=tls_cert or None,
        tls_key=tls_key or None,
        access_log=_log_place(access_log, served),
        max_clients=_limit(max_clients, "--max-clients", ServerSettings.max_clients),
        max_answers_per_client=_limit(
            max_per_client, "--max-per-client", ServerSettings.max_answers_per_client
        ),
    )
    run_server(served, settings, lambda url: announce(served, settings, url), any_port=not port)


def _served(paths: list[str], config: str, *, really: bool, listing: bool) -> Served:
    from pathlib import Path

    from pyramidion.core import UsageError
    from pyramidion.server import Served, check_roots, check_served, read_config
    from pyramidion.storage import is_remote, place

    if not paths and not config:
        raise UsageError("serve", "nothing to serve", None, "name a folder", id="PYR-SRV-02")
    if listing and config:
        raise UsageError("--listing", "contradicts --config", id="PYR-SRV-07")
    if listing:
        remote = next((path for path in paths if is_remote(place(path))), None)
        if remote is not None:
            what, mend = "--listing shows folders of this machine", "leave it out"
            raise UsageError(remote, what, None, mend, id="PYR-SRV-07")
        mounts = check_roots(paths, really=really)
        # A plain file server has no names of its own.
        return Served({"": next(iter(mounts.values()))} if len(mounts) == 1 else mounts)
    found = check_served(paths, really=really) if paths else Served()
    return found.joined(read_config(Path(config))) if config else found


def _who(
    host: str, token: str, cors: list[str], no_token: bool, public: bool, really: bool
) -> tuple[str, str | None, tuple[str, ...]]:
    """Return where the server listens, its token, and the origins that may read."""
    from pyramidion.core import UsageError
    from pyramidion.server import check_bind, check_origins

    if not public:
        host = host or "127.0.0.1"
        secret = check_bind(host, token or None, no_token=no_token, really=really)
        return host, secret, check_origins(cors, token=secret)
    for given, option in ((token, "--token"), (cors, "--cors")):
        if given:
            mend = "leave one out"
            raise UsageError("--public", f"contradicts {option}", None, mend, id="PYR-SRV-03")
    return host or "0.0.0.0", None, ("*",)  # noqa: S104 - that is what was asked for


def _limit(text: str, option: str, default: int) -> int:
    from pyramidion.core import UsageError, parse_count

    if not text:
        return default
    number = parse_count(text, option)
    if number < 1:
        raise UsageError(option, "must be at least 1", number, id="PYR-SRV-09")
    return number


def _log_place(place: str, served: Served) -> str | None:
    """Return where requests are logged; not among the files that are served."""
    from pathlib import Path

    from pyramidion.core import UsageError

    if place in ("", "-"):
        return place or None
    path = Path(place).resolve()
    if any(path.is_relative_to(Path(folder).resolve()) for folder in served.folders.values()):
        what, mend = "lies inside what is served", "choose another place"
        raise UsageError(f"--access-log {place}", what, None, mend, id="PYR-SRV-08")
    return str(path)


def parse_port(text: str) -> int | None:
    """Read ``--port``; None if it was not given."""
    from pyramidion.core import parse_count
    from pyramidion.server import check_port

    return check_port(parse_count(text, "--port")) if text else None


def run_server(
    served: Served,
    settings: ServerSettings,
    on_ready: Callable[[str], object],
    *,
    any_port: bool,
    live: LiveView | None = None,
) -> None:
    """Serve until Ctrl-C or SIGTERM, and leave with the status of that.

    Parameters
    ----------
    served : Served
        From ``check_served``.
    settings : ServerSettings
        Where and how.
    on_ready : callable
        Called with the URL once the server answers.
    any_port : bool
        Take a free port, and say so, if the one in `settings` is in use.
    live : LiveView, optional
        A camera to show as well.
    """
    from pyramidion.cli._signals import stopped_status
    from pyramidion.server import build_app, run

    listener = _listen(settings, any_port=any_port)
    try:
        run(build_app(served, settings, live), settings, on_ready, listener=listener)
    except KeyboardInterrupt as stop:
        # Asked for, and every answer under way was finished: no error line.
        raise SystemExit(stopped_status(stop)) from None


def announce(served: Served, settings: ServerSettings, url: str) -> None:
    """Print where the server is, and its token once."""
    import socket

    from pyramidion.core import escape

    if settings.host in _ANY:
        scheme, _, rest = url.partition("://")
        url = f"{scheme}://{socket.gethostname()}:{rest.rpartition(':')[2]}"
    names = ", ".join(escape(name, limit=300) for name in served.names)
    print(f"Serving {names} at {url}/")
    if settings.public:
        print(f"Anyone who reaches this machine can read {names}: no token is asked for.")
    if settings.token is None:
        for place in served.places:
            print(f"View it at {url}{place}")
    else:
        first = (served.places or ["/"])[0]
        print(f"Open it once with its token: {url}{first}#token={settings.token}")
    sys.stdout.flush()


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
