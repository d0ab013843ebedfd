"""Options of ``pyramidion serve`` for a lab network."""

from __future__ import annotations

import pytest
from tests.server.http import Client
from tests.server.test_command import fails, pyramidion, url_in

pytestmark = pytest.mark.slow


def test_public_says_so_and_asks_nobody(root, content):
    with pyramidion("serve", root, "--public", "--port", "0") as process:
        first, second = process.stdout.readline(), process.stdout.readline()
        served = first.removeprefix("Serving ").partition(" at ")[0]
        told = f"Anyone who reaches this machine can read {served}: no token is asked for.\n"
        assert second == told
        port = url_in(first).rpartition(":")[2]
        with Client(f"http://127.0.0.1:{port}") as client:
            answer = client.get("/file.bin", Origin="https://example.org")
            assert answer.body == content
            assert answer["access-control-allow-origin"] == "*"
        process.terminate()
        process.communicate(timeout=20)


@pytest.mark.parametrize(
    ("options", "words"),
    [
        (["--public", "--token", "x"], "--public: contradicts --token: leave one out"),
        (["--public", "--cors", "https://a.org"], "--public: contradicts --cors: leave one out"),
        (["--max-clients", "0"], "--max-clients: must be at least 1 (0)"),
        (["--max-per-client", "x"], "--max-per-client: not a whole number (x)"),
        (["--host", "0.0.0.0", "--no-token"], "refusing to serve other machines without a token"),
    ],
)
def test_mistakes(root, options, words):
    status, line = fails("serve", root, "--port", "0", *options)
    assert (status, words in line) == (2, True), line
