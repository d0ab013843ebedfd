"""A small S3 server in this process, for tests that ask no more of it than to keep objects.

It accepts every signature and every checksum: what must be refused is tested with `RadosGateway`.
"""

from tests.object_store.s3_server import S3Server


class MotoServer(S3Server):
    """Starts in about a second, in a thread; see `S3Server`."""

    def __init__(self):
        super().__init__(access_key="test-key", secret_key="test-secret")
        self._server = None

    def __enter__(self):
        from moto.server import ThreadedMotoServer

        self._server = ThreadedMotoServer(ip_address="127.0.0.1", port=0, verbose=False)
        self._server.start()
        host, port = self._server.get_host_and_port()
        self.endpoint = f"http://{host}:{port}"
        return self

    def __exit__(self, *_):
        self.close()
        self._server.stop()
