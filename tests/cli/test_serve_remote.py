"""``pyramidion serve s3://...`` and ``view s3://...`` as people start them."""

from __future__ import annotations

import json
import signal

import pytest
from tests.server.http import Client
from tests.server.test_command import fails, pyramidion, url_in

ARRAY = {"zarr_format": 3, "node_type": "array", "shape": [1, 1, 1, 9], "data_type": "int16"}
WAVE = {"zarr_format": 3, "node_type": "group", "attributes": {"horiz_interval": 1e-9}}


@pytest.fixture
def bucket(moto_environment, moto_bucket):
    objects = {
        "day/w.zarr/zarr.json": json.dumps(WAVE).encode(),
        "day/w.zarr/raw/zarr.json": json.dumps(ARRAY).encode(),
        "day/w.zarr/raw/c/0/0/0/0": b"samples",
        "day/w.zarr/.manifest.json": b"private",
        "day/notes.txt": b"text",
    }
    moto_environment.put(moto_bucket, objects)
    return f"s3://{moto_bucket}"


@pytest.mark.parametrize("command", ["serve", "view"])
def test_dataset(bucket, command):
    with pyramidion(command, f"{bucket}/day/w.zarr", "--port", "0") as process:
        first, second = process.stdout.readline(), process.stdout.readline()
        assert first.startswith("Serving w.zarr at http://127.0.0.1:")
        assert second.strip() == f"View it at {url_in(first)}/viewer/?data=/w.zarr"
        with Client(url_in(first)) as client:
            assert client.get("/w.zarr/raw/c/0/0/0/0", Range="bytes=-3").body == b"les"
            assert client.get("/w.zarr/.manifest.json").status == 404
            assert client.get("/notes.txt").status == 404
            assert client.get("/viewer/").status == 200
        process.send_signal(signal.SIGTERM)
        assert process.wait(20) == 143
        assert process.stderr.read() == ""


def test_folder_of_a_bucket_beside_one_of_this_machine(bucket, tmp_path):
    here = tmp_path / "here"
    here.mkdir()
    (here / "own.txt").write_text("own")
    with pyramidion("serve", f"{bucket}/day", here, "--port", "0") as process:
        first = process.stdout.readline()
        with Client(url_in(first)) as client:
            assert client.get("/here/own.txt").body == b"own"
            assert client.get("/day/notes.txt").body == b"text"
            datasets = client.get("/api/datasets").json["datasets"]
            assert [entry["name"] for entry in datasets] == ["day/w.zarr"]


@pytest.mark.parametrize("command", ["serve", "view"])
@pytest.mark.parametrize(
    ("url", "status", "words"),
    [
        ("{bucket}/none.zarr", 2, "no such dataset or folder"),
        ("s3://no-such-bucket-at-all/x", 1, "no such bucket"),
        ("s3://", 2, "names no bucket"),
        ("ftp://host/x", 2, "unknown kind of URL"),
        ("https://user:secret-word@host/w.zarr", 2, "credentials in a URL are refused"),
        ("http://127.0.0.1:9/w.zarr", 1, "cannot connect"),
    ],
)
def test_faults_at_the_start_are_one_line(bucket, command, url, status, words):
    code, line = fails(command, url.format(bucket=bucket))
    assert (code, words in line) == (status, True), line
    assert "secret-word" not in line
    assert "Traceback" not in line


def test_no_credentials(s3_environment, s3_bucket, monkeypatch):
    s3_environment.put(s3_bucket, {"w.zarr/zarr.json": json.dumps(WAVE).encode()})
    monkeypatch.delenv("AWS_ACCESS_KEY_ID")
    monkeypatch.delenv("AWS_SECRET_ACCESS_KEY")
    code, line = fails("serve", f"s3://{s3_bucket}/w.zarr")
    assert (code, "access denied" in line) == (1, True), line


@pytest.mark.usefixtures("s3_environment")
def test_wrong_secret(s3_bucket, monkeypatch):
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", "wrong-secret-word")
    code, line = fails("serve", f"s3://{s3_bucket}/w.zarr")
    assert (code, "access denied" in line) == (1, True), line
    assert "wrong-secret-word" not in line


def test_listing_is_of_this_machine(bucket):
    code, line = fails("serve", "--listing", f"{bucket}/day")
    assert (code, "--listing" in line) == (2, True)
