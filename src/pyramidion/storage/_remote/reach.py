"""The first contact: whether there is an object store at an address.

The client library takes every failure to connect as one that will pass, and an empty list in a web
page for an empty bucket. So the address is asked once, without trying again and without a signature,
by the same client as later (so with the same proxies and the same certificates).
"""

from __future__ import annotations

import threading
from typing import TYPE_CHECKING, Any

from pyramidion.storage._remote.connection import CONNECT_S, NO_RETRIES, Connection
from pyramidion.storage._remote.failure import read_failure
from pyramidion.storage._remote.faults import (
    NOT_HTTP,
    cannot_connect,
    is_page,
    not_a_store,
)

if TYPE_CHECKING:
    from obstore.store import HTTPStore

_lock = threading.Lock()
_reached: set[str] = set()


def check_reachable(connection: Connection) -> None:
    """Make sure that a store answers; asked once for each address.

    Raises
    ------
    StorageError
        If nothing can be connected to (UPL-04), in at most five seconds, or a web page answers.
    """
    address = _address(connection)
    with _lock:
        if address in _reached:
            return
    _ask(connection, address)
    with _lock:
        _reached.add(address)


def _address(connection: Connection) -> str:
    return str(connection.store_config.get("endpoint") or connection.endpoint)


def _ask(connection: Connection, address: str) -> None:
    from obstore.exceptions import BaseError
    from obstore.store import HTTPStore

    options: Any = {
        **connection.client_options,
        "connect_timeout": f"{CONNECT_S - 1}s",  # so that it is this one that is told
        "read_timeout": f"{CONNECT_S}s",
        "timeout": f"{CONNECT_S}s",
    }
    retries: Any = NO_RETRIES
    store = HTTPStore(address, client_options=options, retry_config=retries)
    try:
        answer = _answer(store, connection)
    except (BaseError, OSError) as error:
        failure = read_failure(error)
        if failure.is_connecting:
            raise cannot_connect(connection, failure.no_connection) from None
        if "Parse(" in failure.dump:
            raise cannot_connect(connection, NOT_HTTP) from None
        # What comes and goes (5xx, resets, a slow answer) is dealt with where it matters.
        answer = failure.body if failure.status < 500 else ""
    if connection.scheme == "s3" and is_page(answer):
        raise not_a_store(connection)


def _answer(store: HTTPStore, connection: Connection) -> str:
    """Return what the address answers: of S3 to a request for the list, else nothing."""
    if connection.scheme != "s3":
        store.head("")
        return ""
    in_path = not connection.store_config["virtual_hosted_style_request"]
    body = store.get(connection.bucket if in_path else "").bytes()
    return bytes(body).decode("utf-8", "replace")
