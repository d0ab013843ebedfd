"""A fault of the disk or of rights is a 500 and never a 404: nobody paints fill values over it."""

from __future__ import annotations

import subprocess
import sys
import tempfile
from pathlib import Path

import pytest
from tests.server.http import Client

LOOPBACK = Path("/sys/class/net/lo")
SERVER = """
import os, sys
from pyramidion.server import ServerSettings, build_app, run

def on_ready(url):
    if os.geteuid() == 0:  # nothing is forbidden to root
        os.setgroups([])
        os.setgid(65534)
        os.setuid(65534)
    print(url, flush=True)

run(build_app([sys.argv[1]]), ServerSettings(port=0), on_ready)
"""


@pytest.mark.skipif(not (LOOPBACK / "speed").exists(), reason="no sysfs here")
class TestKernelFiles:
    """Files of the kernel that say 4096 bytes and cannot be read, or hold fewer: real faults."""

    @pytest.fixture
    def client(self, serve):
        return serve([LOOPBACK])

    @pytest.mark.parametrize("headers", [{}, {"Range": "bytes=0-9"}, {"Range": "bytes=-9"}])
    def test_unreadable_file_is_500(self, client, headers, caplog):
        answer = client.ask("GET", "/speed", headers)
        assert answer.status == 500
        assert answer.json["error"]["id"] == "PYR-HTTP-14"
        assert "could not be read" in answer.json["error"]["what"]
        assert "/sys" not in answer.body.decode()
        assert answer["cache-control"] == "no-store"
        assert answer["etag"] is None
        assert len(caplog.records) == 1

    def test_short_file_is_500(self, client):
        assert client.get("/mtu").status == 500

    def test_other_files_are_still_served(self, client):
        assert client.get("/speed").status == 500
        assert client.get("/nothing").status == 404
        assert client.get("/speed").status == 500
        assert client.n_connections == 1

    def test_pages_see_the_fault(self, client):
        answer = client.get("/speed", Origin="http://localhost:1")
        assert answer["access-control-allow-origin"] == "http://localhost:1"


def test_file_without_rights_is_500():
    with tempfile.TemporaryDirectory() as name:
        root = Path(name)
        (root / "closed").mkdir()
        (root / "closed" / "file").write_text("x")
        (root / "secret").write_text("x")
        (root / "open").write_text("x")
        root.chmod(0o755)
        (root / "closed").chmod(0)
        (root / "secret").chmod(0)
        with subprocess.Popen(
            [sys.executable, "-c", SERVER, name],
            stdout=subprocess.PIPE,
            text=True,
        ) as server:
            try:
                url = server.stdout.readline().strip()
                with Client(url) as client:
                    assert client.get("/open").status == 200
                    assert client.get("/secret").status == 500
                    assert client.get("/closed/file").status == 500
                    assert client.get("/secret").json["error"]["id"] == "PYR-HTTP-14"
            finally:
                server.terminate()
                (root / "closed").chmod(0o755)


def test_table_of_errors():
    from pyramidion.core import DamagedError, MissingError, StorageError, UsageError
    from pyramidion.server._errors import status_of

    statuses = {
        MissingError("w", "no such file"): 404,
        UsageError("w", "not a number"): 400,
        DamagedError("w", "damaged"): 500,
        StorageError("w", "disk full"): 500,
        OSError(5, "Input/output error"): 500,
        FileNotFoundError(2, "gone"): 500,
        PermissionError(13, "denied"): 500,
        KeyError("bug"): 500,
    }
    assert {
        status_of(error) for error, status in statuses.items() if status_of(error) != status
    } == set()
