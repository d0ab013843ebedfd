"""Fixtures of the object stores; see `RadosGateway` and `MotoServer`."""

import os

import pytest
from tests.object_store.ceph_cluster import missing_programs
from tests.object_store.moto_server import MotoServer
from tests.object_store.radosgw import RadosGateway


@pytest.fixture(scope="session")
def s3_server():
    """A real S3 server: one for each process that runs tests, as it starts in seconds."""
    if missing := missing_programs():
        words = (
            f"the S3 server needs {', '.join(missing)}: apt-get install radosgw ceph-mon ceph-osd"
        )
        pytest.fail(words) if os.environ.get("CI") else pytest.skip(words)
    with RadosGateway() as server:
        yield server


@pytest.fixture(scope="session")
def moto_server():
    """A small S3 server in this process, which checks neither signatures nor checksums."""
    with MotoServer() as server:
        yield server


@pytest.fixture
def s3_bucket(s3_server):
    """A new bucket of the real server."""
    bucket = s3_server.bucket()
    yield bucket
    s3_server.remove_bucket(bucket)


@pytest.fixture
def moto_bucket(moto_server):
    """A new bucket of the small server."""
    bucket = moto_server.bucket()
    yield bucket
    moto_server.remove_bucket(bucket)


@pytest.fixture
def s3_environment(s3_server, monkeypatch, tmp_path):
    """The environment of somebody who works with the real server; returns the server."""
    work_with(s3_server, monkeypatch, tmp_path)
    return s3_server


@pytest.fixture
def moto_environment(moto_server, monkeypatch, tmp_path):
    """The environment of somebody who works with the small server; returns the server."""
    work_with(moto_server, monkeypatch, tmp_path)
    return moto_server


def work_with(server, monkeypatch, tmp_path):
    """Set the variables of a server, and hide every other key and profile of this machine."""
    for name in [name for name in os.environ if name.startswith("AWS_")]:
        monkeypatch.delenv(name)
    home = tmp_path / "home"
    (home / ".aws").mkdir(parents=True)
    files = {"AWS_CONFIG_FILE": "config", "AWS_SHARED_CREDENTIALS_FILE": "credentials"}
    for variable, name in files.items():
        (home / ".aws" / name).touch()
        monkeypatch.setenv(variable, str(home / ".aws" / name))
    monkeypatch.setenv("HOME", str(home))
    monkeypatch.setenv("AWS_EC2_METADATA_DISABLED", "true")
    monkeypatch.setenv("AWS_ENDPOINT_URL", server.endpoint)
    monkeypatch.setenv("AWS_ACCESS_KEY_ID", server.access_key)
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", server.secret_key)
    monkeypatch.setenv("AWS_REGION", server.region)
