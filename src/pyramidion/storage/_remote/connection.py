"""How to reach a bucket: what the client library is told, and what messages may say of it."""

from __future__ import annotations

import math
import os
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import timedelta
from pathlib import Path
from typing import Any

from pyramidion import __version__
from pyramidion.core import UsageError

CONNECT_S = 5
STALL_S = 25
SLOW_BYTES_PER_S = 200_000
"""An uplink this slow must still get its largest request through."""

READ_RETRIES = {
    "max_retries": 8,
    "retry_timeout": timedelta(seconds=120),
    "backoff": {
        "init_backoff": timedelta(milliseconds=100),
        "max_backoff": timedelta(seconds=8),
        "base": 2,
    },
}
NO_RETRIES = {"max_retries": 0, "retry_timeout": timedelta(seconds=120)}


@dataclass(frozen=True)
class Connection:
    """How to reach a bucket.

    Parameters
    ----------
    scheme, bucket : str
        As in the URL.
    endpoint : str
        Address of the store, for messages; without the bucket.
    region : str
        Of the bucket; empty where there are none.
    signed : bool
        Whether requests carry a signature.
    looked_in : str
        Where keys were looked for: ``options, environment, profile default``.
    anonymous : bool
        Whether the user asked for no signature.
    store_config : dict
        Settings of the store for the client library.
    client_options : dict
        Settings of its connections, for reading; see :meth:`write_options`.
    credential_provider : callable, optional
        Asked for keys.
    secrets : tuple of str
        What no message may contain.
    retry_config, no_retry_config : dict
        How often a request is tried again: when reading, and when the caller counts itself.
    """

    scheme: str
    bucket: str
    endpoint: str
    region: str = ""
    signed: bool = False
    looked_in: str = ""
    anonymous: bool = False
    store_config: dict[str, Any] = field(default_factory=dict, repr=False)
    client_options: dict[str, Any] = field(default_factory=dict, repr=False)
    credential_provider: Callable[[], Any] | None = field(default=None, repr=False)
    secrets: tuple[str, ...] = field(default=(), repr=False)
    retry_config: dict[str, Any] = field(default_factory=READ_RETRIES.copy, repr=False)
    no_retry_config: dict[str, Any] = field(default_factory=NO_RETRIES.copy, repr=False)

    @property
    def place(self) -> str:
        """The bucket as the user writes it."""
        return f"{self.scheme}://{self.bucket}"

    def write_options(self, n_bytes: int) -> dict[str, Any]:
        """Return the settings of connections over which requests of this size are sent.

        Parameters
        ----------
        n_bytes : int
            Largest body, or the sum of those that share the uplink.

        Notes
        -----
        The client's ``read_timeout`` is meant to notice a silent server, but it is one clock that
        starts with the request and is first reset by the answer: it runs while the body is sent,
        too. An upload therefore needs the time for its body on a slow line (200 KB/s) on top; 16 MB
        get 105 s, 256 KB 27 s. Rounded up to a few steps, because every set of options has its own
        pool of connections.
        """
        needed = STALL_S + n_bytes / SLOW_BYTES_PER_S
        steps = max(0, math.ceil(math.log2(needed / (STALL_S + 5))))
        return {**self.client_options, "read_timeout": f"{(STALL_S + 5) * 2**steps}s"}


def client_options(address: str) -> dict[str, Any]:
    """Return the settings of connections to an address, for reading.

    Raises
    ------
    UsageError
        If the certificates that ``AWS_CA_BUNDLE`` names cannot be read.
    """
    # `timeout` is a deadline for the whole request with its body (30 s if it is not given): it would
    # cut off large objects on slow lines, so it is as good as none. `read_timeout` starts anew with
    # each piece that arrives and is what notices a connection on which nothing comes any more.
    # Servers close idle connections after 20 s or more; ours are closed before.
    options: dict[str, Any] = {
        "allow_http": address.startswith("http://"),
        "connect_timeout": f"{CONNECT_S}s",
        "read_timeout": f"{STALL_S}s",
        "timeout": "2h",
        "pool_idle_timeout": "15s",
        "pool_max_idle_per_host": "64",
        "user_agent": f"pyramidion/{__version__}",
    }
    bundle = os.environ.get("AWS_CA_BUNDLE")
    if bundle and address.startswith("https://"):
        try:
            options["root_certificate"] = Path(bundle).read_bytes()
        except OSError as error:
            reason = (error.strerror or "").lower()
            raise UsageError(
                "AWS_CA_BUNDLE", f"cannot read {bundle}", reason, id="PYR-UPL-47"
            ) from None
    return options
