"""What the command line checks before anything is bound or served.

>>> check_origins(["https://example.org"])
('https://example.org',)
"""

from __future__ import annotations

import os
import secrets
from collections.abc import Collection, Sequence
from pathlib import Path
from urllib.parse import urlsplit

from pyramidion.core import UsageError
from pyramidion.server._settings import is_loopback

RESERVED_NAMES = frozenset({"", "viewer", "api", "zarr", "latest", "info", "mod_visus"})
_STORE_FILES = ("zarr.json", ".zgroup", ".zarray")


def check_roots(
    paths: Sequence[str | Path], *, really: bool = False, named: bool = False
) -> dict[str, Path]:
    """Decide what is served, and under which name.

    Parameters
    ----------
    paths : sequence of str or Path
        Folders and datasets.
    really : bool
        Serve the whole disk or the home folder too.
    named : bool
        Give a single folder a name as well: something else is served beside it.

    Returns
    -------
    dict
        Name in the URL -> resolved folder. One folder is served under ``""``, so its contents
        are at ``/...``; a dataset, and each of several folders, at ``/<name>/...``.

    Raises
    ------
    UsageError
        If a path is missing, a file, unreadable, or more than anyone means to serve.
    """
    if not paths:
        raise UsageError("serve", "nothing to serve", None, "name a folder", id="PYR-SRV-02")
    folders = [_check_root(Path(path), really=really) for path in paths]
    if len(folders) == 1 and not named and not is_store(folders[0]):
        return {"": folders[0]}
    mounts: dict[str, Path] = {}
    for folder in dict.fromkeys(folders):
        mounts[free_name(folder.name.lstrip(".") or "data", mounts)] = folder
    return mounts


def is_store(folder: Path) -> bool:
    """Tell whether a folder is a Zarr group or array."""
    return any((folder / name).is_file() for name in _STORE_FILES)


def check_origins(origins: Sequence[str], *, token: str | None = None) -> tuple[str, ...]:
    """Check the origins that may read.

    Parameters
    ----------
    origins : sequence of str
        As given with ``--cors``: ``https://example.org``, or ``*``.
    token : str, optional
        The token of the server, if it has one.

    Returns
    -------
    tuple of str
        The same in the form browsers send.

    Raises
    ------
    UsageError
        If one is not an origin, or ``*`` meets a token.
    """
    if "*" in origins:
        if token is not None:
            what = "`*` cannot be used with a token"
            raise UsageError("--cors", what, None, "name the origins", id="PYR-SRV-04")
        return ("*",)
    return tuple(_check_origin(origin) for origin in origins)


def check_port(port: int) -> int:
    """Check that a number is a port.

    Raises
    ------
    UsageError
        If it is not 0 to 65535.
    """
    if not 0 <= port <= 65535:
        mend = "write a number from 0 (any free port) to 65535"
        raise UsageError("--port", "not a port", port, mend, id="PYR-SRV-01")
    return port


def check_bind(
    host: str, token: str | None = None, *, no_token: bool = False, really: bool = False
) -> str | None:
    """Decide the token of a server: other machines only read with one.

    Parameters
    ----------
    host : str
        Address to listen on.
    token : str, optional
        Given by the user.
    no_token, really : bool
        Serve other machines without a token; taken seriously only together.

    Returns
    -------
    str or None
        The token given, or a new one if `host` is not loopback, else None.

    Raises
    ------
    UsageError
        If the token cannot be sent in a header, or is declined without ``--really``.
    """
    if token is not None and no_token:
        raise UsageError(
            "--no-token", "contradicts --token", None, "leave one out", id="PYR-SRV-03"
        )
    if token is not None:
        if not token or not token.isascii() or not token.isprintable() or " " in token:
            mend = "use letters, digits, - and _"
            raise UsageError("--token", "cannot be sent in a header", None, mend, id="PYR-SRV-03")
        return token
    if is_loopback(host):
        return None
    if not no_token:
        return secrets.token_urlsafe(32)
    if really:
        return None
    what = "refusing to serve other machines without a token"
    raise UsageError("--no-token", what, host, "add --really", id="PYR-SRV-03")


def _check_root(path: Path, *, really: bool) -> Path:
    where = str(path)
    try:
        folder = path.resolve(strict=True)
    except FileNotFoundError:
        raise UsageError(where, "no such folder", id="PYR-SRV-02") from None
    except (OSError, RuntimeError) as error:  # a link loop is a RuntimeError before Python 3.13
        raise UsageError(where, "cannot be opened", error, id="PYR-SRV-02") from None
    if not folder.is_dir():
        mend = f"convert it first: pyramidion convert {path} {path.with_suffix('.zarr')}"
        raise UsageError(
            where, "is a file, a folder or a store is needed", None, mend, id="PYR-SRV-02"
        )
    if not os.access(folder, os.R_OK | os.X_OK):
        what, mend = "permission denied", "read access is needed"
        raise UsageError(where, what, None, mend, id="PYR-SRV-02")
    if not really:
        _refuse_too_much(where, folder)
    return folder


def _refuse_too_much(where: str, folder: Path) -> None:
    """Refuse the disk, the home folder, and every folder that contains it."""
    home = Path.home().resolve()
    if folder == Path(folder.anchor):
        what = "refusing to serve the whole disk"
    elif home.is_relative_to(folder):
        what = "refusing to serve the home folder"
    else:
        return
    raise UsageError(where, what, None, "name a folder (--really)", id="PYR-SRV-02")


def free_name(name: str, taken: Collection[str]) -> str:
    """Return `name`, numbered if it is a route of the server or of another folder."""
    numbered = (name if n == 1 else f"{name}-{n}" for n in range(1, len(taken) + 3))
    return next(each for each in numbered if each not in RESERVED_NAMES and each not in taken)


def _check_origin(origin: str) -> str:
    wrong = "not an origin"
    try:
        parts = urlsplit(origin if "://" in origin else f"https://{origin}")
        host, port = parts.hostname, parts.port
    except ValueError:
        host, port, parts = None, None, urlsplit("https:")
    if not host or parts.scheme not in ("http", "https") or not _is_host(host):
        mend = "write for example https://example.org"
        raise UsageError("--cors", wrong, origin, mend, id="PYR-SRV-05")
    name = f"[{host}]" if ":" in host else host
    default = {"http": 80, "https": 443}[parts.scheme]
    plain = f"{parts.scheme}://{name}" + (f":{port}" if port not in (None, default) else "")
    if origin.lower() not in (plain, f"{plain}:{default}"):
        raise UsageError("--cors", wrong, origin, f"write {plain}", id="PYR-SRV-05")
    return plain


def _is_host(host: str) -> bool:
    return host.isascii() and all(c.isalnum() or c in "-._:" for c in host)
