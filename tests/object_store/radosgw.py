"""A real S3 server: Ceph's gateway over a disk in memory, on a port of this machine.

By hand: `python -m tests.object_store.radosgw`.
"""

import contextlib
import json
import signal
import subprocess
import sys
from pathlib import Path

from tests.object_store.ceph_cluster import ClusterError, missing_programs
from tests.object_store.s3_server import S3Server

ROOT = Path(__file__).parents[2]
GIB = 2**30


class RadosGateway(S3Server):
    """A server of its own with two users; it ends with this process, however that ends.

    Needs the Debian packages `radosgw`, `ceph-mon` and `ceph-osd`. Starts in a few seconds.

    Parameters
    ----------
    memory_bytes
        How much it holds. Writes beyond that hang, as they do when a real disk of Ceph is full.

    Attributes
    ----------
    stranger : S3Server
        Another user of the same server, who may nothing that the first has not allowed.

    Examples
    --------
    >>> with RadosGateway() as server:
    ...     bucket = server.bucket(public=True)
    ...     server.put(bucket, {"a/b": b"bytes"})
    """

    def __init__(self, memory_bytes=4 * GIB):
        super().__init__()
        self._memory_bytes, self._cluster = memory_bytes, None
        self.stranger = S3Server()

    def start(self):
        """Start the server and make its users.

        Raises
        ------
        ClusterError
            Names the programs that are missing, or quotes the one that ended.
        """
        if missing := missing_programs():
            raise ClusterError(f"not installed: {', '.join(missing)}")
        program = [sys.executable, "-m", "tests.object_store.ceph_cluster"]
        self._cluster = subprocess.Popen(
            [*program, str(self._memory_bytes), "owner", "stranger"],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            cwd=ROOT,
            start_new_session=True,  # Ctrl-C is for us; it ends when we do
        )
        told = json.loads(self._cluster.stdout.readline() or '{"error": "ended without a word"}')
        if "error" in told:
            self.stop()
            raise ClusterError(told["error"])
        self.endpoint = told["endpoint"]
        self.access_key, self.secret_key = told["users"]["owner"]
        self.stranger = S3Server(self.endpoint, *told["users"]["stranger"])
        return self

    def stop(self):
        """End the server; what it held is gone."""
        self.close()
        self.stranger.close()
        if self._cluster is not None:
            self._cluster.stdin.close()
            self._cluster.wait()
            self._cluster.stdout.close()
            self._cluster = None

    def __enter__(self):
        return self.start()

    def __exit__(self, *_):
        self.stop()


def main():
    """Serve until Ctrl-C."""
    with RadosGateway() as server:
        variables = {
            "AWS_ENDPOINT_URL": server.endpoint,
            "AWS_ACCESS_KEY_ID": server.access_key,
            "AWS_SECRET_ACCESS_KEY": server.secret_key,
            "AWS_REGION": server.region,
        }
        sys.stdout.writelines(f"export {name}={value}\n" for name, value in variables.items())
        sys.stdout.flush()
        with contextlib.suppress(KeyboardInterrupt):
            signal.pause()


if __name__ == "__main__":
    main()
