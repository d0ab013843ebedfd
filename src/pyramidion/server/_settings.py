"""How a server behaves: one frozen record, made by the command line or by a program."""

from __future__ import annotations

import ipaddress
from dataclasses import dataclass


@dataclass(frozen=True)
class ServerSettings:
    """How a server behaves.

    Parameters
    ----------
    host : str
        Address to listen on.
    port : int
        Port to listen on; 0 for a free one.
    cors : tuple of str
        Origins that may read in addition to the pages of this machine, or ``("*",)`` for all.
    token : str, optional
        Secret that every request must carry; None for none.
    allowed_hosts : tuple of str
        Further names under which the server is reached (``lab3`` with any port, as behind a
        proxy, or ``localhost:9000`` with exactly this one, as through a tunnel).
    listing : bool
        Answer the URL of a folder with its ``index.html`` or its file names, as a plain file
        server does.
    max_pixels : int
        Most samples of one answer of ``/mod_visus``.
    free_for_this_machine : bool
        Programs on this machine need no token: requests from a loopback address that no proxy
        passed on. Whoever runs a proxy here that hides itself opens the server to its clients.
    public : bool
        Anyone may read what is served: any page of any site, under any name of the server,
        without a token.
    tls_cert, tls_key : str, optional
        PEM files: connections are encrypted.
    access_log : str, optional
        File to which a line is added for each request, or ``-`` for stdout.
    max_clients : int
        Most connections at a time; beyond, those that ask for nothing are closed.
    max_answers : int
        Most answers made at a time; four times as many wait, and others are told to come back.
    max_answers_per_client : int
        Most of them for one address, other than a loopback one.
    """

    host: str = "127.0.0.1"
    port: int = 8000
    cors: tuple[str, ...] = ()
    token: str | None = None
    allowed_hosts: tuple[str, ...] = ()
    listing: bool = False
    max_pixels: int = 2**24
    free_for_this_machine: bool = False
    public: bool = False
    tls_cert: str | None = None
    tls_key: str | None = None
    access_log: str | None = None
    max_clients: int = 512
    max_answers: int = 64
    max_answers_per_client: int = 16


def is_loopback(host: str) -> bool:
    """Tell whether only this machine reaches an address.

    Examples
    --------
    >>> is_loopback("127.0.0.1"), is_loopback("::1"), is_loopback("0.0.0.0")
    (True, True, False)
    """
    if host == "localhost":
        return True
    try:
        address = ipaddress.ip_address(host)
        return (getattr(address, "ipv4_mapped", None) or address).is_loopback
    except ValueError:
        return False


def authority(host: str, port: int) -> str:
    """Return the ``host:port`` of a URL that reaches a server bound to `host`.

    Examples
    --------
    >>> authority("::1", 8000), authority("0.0.0.0", 80)
    ('[::1]:8000', '127.0.0.1:80')
    """
    reached = {"0.0.0.0": "127.0.0.1", "::": "::1", "": "127.0.0.1"}.get(host, host)  # noqa: S104
    return f"[{reached}]:{port}" if ":" in reached else f"{reached}:{port}"
