"""Each condition that keeps a browser from showing what is in a bucket is named, and only it."""

from __future__ import annotations

import gzip
import json
import re
import shutil
import subprocess
import sys
import threading
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any
from urllib.parse import unquote
from xml.etree import ElementTree as ET

import numpy as np
import pytest
from tests.browser import stores

import pyramidion
from pyramidion.core import UsageError
from pyramidion.storage import place
from pyramidion.workflows import (
    BucketReport,
    ConvertOptions,
    bucket_commands,
    bucket_document,
    check_bucket,
    convert,
    parse_origin,
)
from pyramidion.workflows._bucket.access import mixed_content
from pyramidion.workflows._bucket.viewable import (
    BLOSC_CODECS,
    COMPRESSORS,
    ITEM_BYTES,
    NotViewableError,
    read_v2,
    read_v3,
)

PAGE = "https://viewer.example"
VIEWER = Path(pyramidion.__file__).parent / "server" / "viewer"


@dataclass
class Store:
    """What a store does; by default all that a browser needs."""

    folder: Path
    origin: str | None = "*"
    head_origin: str | None = "*"
    asked_headers: str = "Range, If-None-Match, If-Range"
    exposed: str = "Content-Range, ETag"
    preflight: int = 200
    ranges: str = "right"
    suffix: str = "right"
    private: str = ""
    absent: int = 404
    fixed: int = 0
    packed: bool = False


class Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    store: Store

    def do_OPTIONS(self) -> None:
        store = self.store
        asked = self.headers["Access-Control-Request-Headers"].split(",")
        allowed = {name.strip().lower() for name in store.asked_headers.split(",")}
        if store.preflight != 200 or not set(asked) <= allowed:
            self.answer(403, b"")
            return
        self.answer(200, b"", {"Access-Control-Allow-Headers": store.asked_headers})

    def do_HEAD(self) -> None:
        self.do_GET()

    def do_GET(self) -> None:
        store = self.store
        path = store.folder / unquote(self.path).lstrip("/")
        if store.fixed:
            self.answer(
                store.fixed, b"", {"Location": "http://elsewhere.example/w.zarr?X-Sig=secret"}
            )
        elif store.private and re.search(store.private, self.path):
            self.answer(403, b"<Error/>")
        elif not path.is_file():
            self.answer(store.absent, b"<Error/>")
        else:
            self.hand_out(path.read_bytes())

    def hand_out(self, data: bytes) -> None:
        span = self.headers["Range"]
        kind = self.store.suffix if span and span.startswith("bytes=-") else self.store.ranges
        if span is None or kind == "ignored":
            self.answer(200, data)
            return
        first, last = re.fullmatch(r"bytes=(\d*)-(\d*)", span).groups()  # type: ignore[union-attr]
        start = int(first) if first else len(data) - int(last)
        end = min(int(last) + 1, len(data)) if first else len(data)
        told = f"bytes {start}-{end - 1}/{len(data)}"
        part = data[start:end]
        if kind == "shifted":
            told = f"bytes {start + 1}-{end}/{len(data)}"
        elif kind == "other bytes":
            part = bytes(reversed(part))
        elif kind == "short":
            part = part[:-1]
        packed = {"Content-Encoding": "gzip"} if self.store.packed else {}
        part = gzip.compress(part) if self.store.packed else part
        self.answer(206, part, {"Content-Range": told, **packed})

    def answer(self, status: int, body: bytes, headers: dict[str, str] | None = None) -> None:
        store = self.store
        self.send_response(status)
        origin = store.head_origin if self.command == "HEAD" else store.origin
        if origin:
            self.send_header("Access-Control-Allow-Origin", origin)
        if store.exposed:
            self.send_header("Access-Control-Expose-Headers", store.exposed)
        for name, value in (headers or {}).items():
            self.send_header(name, value)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        if self.command != "HEAD":
            self.wfile.write(body)

    def log_message(self, *_: object) -> None:
        """Keep the output clean."""


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    made = tmp_path_factory.mktemp("bucket")
    stores.write_v3(made / "w.zarr", stores.signal((1, 1, 1, 400_000), np.int16))
    stores.write_v2(made / "v2.zarr", stores.signal((1, 1, 1, 50_000), np.int16))
    return made


@pytest.fixture
def store(folder: Path) -> Iterator[Any]:
    behaviour = Store(folder)
    kind = type("Own", (Handler,), {"store": behaviour})
    with ThreadingHTTPServer(("127.0.0.1", 0), kind) as server:
        server.daemon_threads = True
        thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
        thread.start()
        behaviour.url = f"http://127.0.0.1:{server.server_address[1]}"  # type: ignore[attr-defined]
        yield behaviour
        server.shutdown()
        thread.join()


def look(store: Any, name: str = "w.zarr", origin: str = PAGE) -> BucketReport:
    return check_bucket(place(f"{store.url}/{name}"), origin)


def states(report: BucketReport) -> dict[str, str]:
    return {one.name: one.state for one in report.conditions}


def test_all_is_well(store: Any) -> None:
    report = look(store)
    assert set(states(report).values()) == {"ok"}, report.as_dict()
    assert list(states(report)) == [
        "reached", "public", "CORS", "metadata", "codec", "objects", "preflight", "Range",
        "encoding", "suffix range", "exposed headers", "absent objects",
    ]  # fmt: skip
    assert report.as_dict()["shown"] is True


def test_the_page_in_the_same_place_needs_no_cors(store: Any) -> None:
    store.origin = store.head_origin = None
    store.exposed = ""
    report = look(store, origin=store.url)
    assert report.failed == report.advised == []
    told = states(report)
    assert {told[name] for name in ("CORS", "preflight", "exposed headers")} == {"not needed"}


FAULTS: dict[str, tuple[dict[str, Any], str, str, str]] = {
    # name: behaviour, condition, state, words
    "private": ({"private": "."}, "public", "fails", "policy"),
    "no cors": ({"origin": None}, "CORS", "fails", "no Access-Control-Allow-Origin"),
    "another origin": ({"origin": "https://a.example"}, "CORS", "fails", "https://a.example"),
    "two origins": ({"origin": f"{PAGE}, {PAGE}"}, "CORS", "fails", "CORS rule"),
    "no preflight": ({"preflight": 403}, "preflight", "advised", "one request more"),
    "no preflight, no head": (
        {"preflight": 403, "head_origin": None}, "preflight", "fails", "HEAD",
    ),
    "range only": ({"asked_headers": "range"}, "preflight", "advised", "If-None-Match"),
    "ranges ignored": ({"ranges": "ignored"}, "Range", "fails", "answered 200"),
    "ranges shifted": ({"ranges": "shifted"}, "Range", "fails", "asked for"),
    "ranges short": ({"ranges": "short"}, "Range", "fails", "asked for"),
    "suffix ignored": ({"suffix": "ignored"}, "suffix range", "advised", "one request more"),
    "suffix of other bytes": ({"suffix": "other bytes"}, "suffix range", "fails", "other bytes"),
    "suffix shifted": ({"suffix": "shifted"}, "suffix range", "fails", "asked for"),
    "packed": ({"packed": True}, "encoding", "fails", "gzip"),
    "nothing exposed": ({"exposed": ""}, "exposed headers", "advised", "Content-Range, ETag"),
    "one private object": ({"private": "/c/.*/1$"}, "objects", "fails", "private"),
    "absent refused": ({"absent": 403}, "absent objects", "advised", "s3:ListBucket"),
    "server fault": ({"fixed": 503}, "reached", "fails", "503"),
    "elsewhere": ({"fixed": 301}, "reached", "fails", "http://elsewhere.example/w.zarr"),
    "not there": ({"fixed": 404}, "metadata", "fails", "no dataset here"),
}  # fmt: skip


@pytest.mark.parametrize("name", FAULTS)
def test_the_failing_condition_is_named(name: str, store: Any) -> None:
    change, condition, state, words = FAULTS[name]
    for key, value in change.items():
        setattr(store, key, value)
    report = look(store)
    found = next(one for one in report.conditions if one.name == condition)
    assert (found.state, words in f"{found.found}: {found.mend}") == (state, True), found
    others = {one.name for one in (*report.failed, *report.advised)} - {condition}
    assert others <= ({"preflight"} if condition == "CORS" else set())
    assert "secret" not in str(report.as_dict())


def test_nobody_there() -> None:
    report = check_bucket(place("http://127.0.0.1:9/w.zarr"), PAGE)
    assert [one.name for one in report.failed] == ["reached"]
    assert "refused" in report.failed[0].found


def test_no_http_there() -> None:
    import socket

    with socket.create_server(("127.0.0.1", 0)) as listener:

        def talk() -> None:
            with listener.accept()[0] as one:
                one.recv(1000)
                one.sendall(b"SSH-2.0-server\r\n")

        thread = threading.Thread(target=talk)
        thread.start()
        url = f"http://127.0.0.1:{listener.getsockname()[1]}/w.zarr"
        assert [one.name for one in check_bucket(place(url)).failed] == ["reached"]
        thread.join()


def copied(folder: Path, tmp_path: Path) -> Path:
    shutil.copytree(folder / "w.zarr", tmp_path / "w.zarr")
    return tmp_path / "w.zarr"


def test_objects_that_are_not_there(store: Any, folder: Path, tmp_path: Path) -> None:
    made = copied(folder, tmp_path)
    store.folder = tmp_path
    (made / "raw/c/0/0/0/1").unlink()
    objects = next(one for one in look(store).conditions if one.name == "objects")
    assert objects.state == "advised"
    assert "raw/c/0/0/0/1 not there" in objects.found
    for path in [*made.rglob("c/*")]:
        shutil.rmtree(path)
    objects = next(one for one in look(store).conditions if one.name == "objects")
    assert (objects.state, "none of" in objects.found) == ("fails", True)


@pytest.mark.parametrize(
    ("change", "words"),
    [
        (lambda raw: raw["codecs"][0]["configuration"]["codecs"].append({"name": "pcodec"}), "pcodec"),
        (lambda raw: raw.update(data_type="complex64"), "element type complex64"),
        (lambda raw: raw.update(shape=[1]), "numbers of axes"),
        (lambda raw: raw.update(codecs=7), "codecs are missing"),
        (lambda raw: raw.update(chunk_grid=None), "chunk_shape"),
        (lambda raw: raw["chunk_grid"]["configuration"].update(chunk_shape=[1, 1, 1, 7]), "whole number"),
    ],
    ids=["codec", "type", "axes", "no codecs", "no grid", "shards"],
)  # fmt: skip
def test_arrays_that_the_viewer_does_not_show(
    change: Callable[[Any], None], words: str, store: Any, folder: Path, tmp_path: Path
) -> None:
    made = copied(folder, tmp_path)
    root = json.loads((made / "zarr.json").read_text())
    change(root["consolidated_metadata"]["metadata"]["raw"])
    (made / "zarr.json").write_text(json.dumps(root))
    store.folder = tmp_path
    (failed,) = look(store).failed
    assert failed.name == "codec"
    assert words in failed.found


@pytest.mark.parametrize(
    "text", ["<!doctype html>", "[]", "{", "[" * 100_000, '{"zarr_format": 3}']
)
def test_roots_that_are_none(text: str, store: Any, tmp_path: Path) -> None:
    (tmp_path / "w.zarr").mkdir()
    (tmp_path / "w.zarr" / "zarr.json").write_text(text)
    store.folder = tmp_path
    assert [one.name for one in look(store).failed] == ["metadata"]


def test_metadata_that_are_not_consolidated(store: Any, folder: Path, tmp_path: Path) -> None:
    made = copied(folder, tmp_path)
    root = json.loads((made / "zarr.json").read_text())
    del root["consolidated_metadata"]
    (made / "zarr.json").write_text(json.dumps(root))
    store.folder = tmp_path
    assert look(store).failed == []


def test_version_2_needs_no_ranges(store: Any) -> None:
    store.ranges = store.suffix = "ignored"
    store.preflight = 403
    report = look(store, "v2.zarr")
    assert report.failed == report.advised == []
    assert states(report)["Range"] == "not needed"


@pytest.mark.parametrize("name", ["run 1 +#%/w.zarr", "run%201%20+%23%25/w.zarr"])
def test_names_as_people_and_browsers_write_them(
    name: str, store: Any, folder: Path, tmp_path: Path
) -> None:
    shutil.copytree(folder / "w.zarr", tmp_path / "run 1 +#%" / "w.zarr")
    store.folder = tmp_path
    report = look(store, name)
    assert report.failed == []
    assert report.address.endswith("/run%201%20%2B%23%25/w.zarr")


def test_an_array_of_its_own(store: Any, tmp_path: Path) -> None:
    import zarr

    made = zarr.create_array(tmp_path / "a.zarr", shape=(100, 100), chunks=(50, 50), dtype="u2")
    made[:] = 7
    store.folder = tmp_path
    assert look(store, "a.zarr").failed == []


def test_idx(store: Any, tmp_path: Path) -> None:
    volume = np.arange(64**3, dtype=np.uint16).reshape(64, 64, 64)
    np.save(tmp_path / "v.npy", volume)
    for name, options in {
        "good": {"arco": 2**15, "compression": "zip"},
        "raw": {"arco": 2**15, "compression": "raw"},
        "lz4": {"arco": 2**15, "compression": "lz4"},
        "files": {"arco": 0, "compression": "zip"},
    }.items():
        convert(tmp_path / "v.npy", tmp_path / f"{name}.idx", ConvertOptions(**options))
    store.folder = tmp_path
    store.origin = None  # OpenVisus clients are no browsers
    good = look(store, "good.idx")
    assert good.failed == good.advised == []
    assert "Zarr only" in good.conditions[-1].found
    assert good.reader == "OpenVisus client"
    assert [(one.name, "raw" in one.found) for one in look(store, "raw.idx").failed] == [
        ("codec", True)
    ]
    assert [(one.name, "lz4" in one.found) for one in look(store, "lz4.idx").failed] == [
        ("codec", True)
    ]
    assert [one.name for one in look(store, "files.idx").failed] == ["blocks"]
    (tmp_path / "bad.idx").write_text("<html>")
    assert [one.name for one in look(store, "bad.idx").failed] == ["metadata"]


@pytest.mark.parametrize(
    ("address", "origin", "fails"),
    [
        ("http://store.example/a", "https://page.example", True),
        ("https://store.example/a", "https://page.example", False),
        ("http://store.example/a", "http://page.example", False),
        ("http://127.0.0.1:8000/a", "https://page.example", False),
        ("http://localhost/a", "https://page.example", False),
    ],
)
def test_plain_http_under_https(address: str, origin: str, fails: bool) -> None:
    assert (mixed_content(address, origin) is not None) == fails


@pytest.mark.parametrize(
    "text", ["example.org", "https://", "https://a.example/b", "file:///a", "null", "http://a:b"]
)
def test_origins_that_are_none(text: str) -> None:
    with pytest.raises(UsageError, match="not an origin"):
        parse_origin(text)


def test_what_is_only_in_memory_has_no_address() -> None:
    with pytest.raises(UsageError, match="no address for browsers"):
        check_bucket(place("memory://lab/w.zarr"))


def test_what_is_decoded_is_what_the_viewer_says() -> None:
    chain = (VIEWER / "decode/chain.js").read_text()
    listed = re.search(r"COMPRESSORS = Object.freeze\(\[(.*?)\]\)", chain)[1]  # type: ignore[index]
    assert re.findall(r"'(\w+)'", listed) == list(COMPRESSORS)
    numbers = (VIEWER / "decode/numbers.js").read_text()
    listed = re.search(r"ITEM_SIZE = Object.freeze\(\{(.*?)\}\)", numbers, re.S)[1]  # type: ignore[index]
    sizes = {name: int(n) for name, n in re.findall(r"(\w+): (\d)", listed)}
    assert sizes | {"bool": 1} == ITEM_BYTES
    assert set(BLOSC_CODECS) == {"lz4", "lz4hc", "zstd"}


@pytest.mark.parametrize("read", [read_v2, read_v3])
@pytest.mark.parametrize(
    "node", [{}, {"shape": [1], "chunks": [1], "dtype": "<c8"}, {"shape": "x"}]
)
def test_false_metadata_are_refused(read: Any, node: dict[str, Any]) -> None:
    with pytest.raises(NotViewableError):
        read("a", node)


def test_documents_agree() -> None:
    dataset = place("s3://lab/runs/w.zarr")
    rule = json.loads(bucket_document(dataset, "cors.json"))["CORSRules"][0]
    tree = ET.fromstring(bucket_document(dataset, "cors.xml"))
    told: dict[str, list[str]] = {}
    for element in tree[0]:
        told.setdefault(element.tag.rpartition("}")[2], []).append(element.text or "")
    assert told == {
        "AllowedOrigin": rule["AllowedOrigins"], "AllowedMethod": rule["AllowedMethods"],
        "AllowedHeader": rule["AllowedHeaders"], "ExposeHeader": rule["ExposeHeaders"],
        "MaxAgeSeconds": [str(rule["MaxAgeSeconds"])],
    }  # fmt: skip
    policy = json.loads(bucket_document(dataset, "policy.json"))
    below, listed = (statement["Resource"] for statement in policy["Statement"])
    assert below == ["arn:aws:s3:::lab/runs/viewer/*", "arn:aws:s3:::lab/runs/w.zarr/*"]
    assert listed == ["arn:aws:s3:::lab"]


@pytest.mark.parametrize("url", ["s3://lab/w.zarr", "gs://lab/w.zarr", "http://a.example/w.zarr"])
@pytest.mark.parametrize("rule", ["cors", "policy"])
def test_there_is_a_command_for_every_rule(url: str, rule: str) -> None:
    assert any("lab" in text or "BUCKET" in text for text in bucket_commands(place(url), rule))


def run(*words: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-m", "pyramidion", "check", *words],
        capture_output=True, text=True, check=False, timeout=60,
    )  # fmt: skip


@pytest.mark.slow
def test_command(store: Any) -> None:
    url = f"{store.url}/w.zarr"
    good = run(url)
    assert (good.returncode, good.stderr) == (0, "")
    assert "cors.json" not in good.stdout
    store.origin = store.head_origin = None
    bad = run(url, "--origin", PAGE)
    assert bad.returncode == 1
    assert bad.stderr == f"pyramidion check: {url}: not shown: CORS, preflight\n"
    assert '"AllowedOrigins"' in bad.stdout
    assert "<AllowedOrigin>*</AllowedOrigin>" in bad.stdout
    assert "put-bucket-cors" in bad.stdout
    assert json.loads(run(url, "--json").stdout)["shown"] is False
    assert json.loads(run("s3://lab/w.zarr", "--rules", "cors.json").stdout)["CORSRules"]
    assert run(url, "--rules", "x").returncode == 2
    assert run("w.zarr").returncode == 2


@pytest.mark.slow
class TestRealBucket:
    """The documents that are printed, applied to a real S3 server one after another."""

    @pytest.fixture
    def dataset(self, s3_environment: Any, folder: Path) -> Iterator[Any]:
        bucket = s3_environment.bucket()
        root = folder / "w.zarr"
        objects = {
            f"runs/{path.relative_to(folder)}": path.read_bytes()
            for path in root.rglob("*")
            if path.is_file()
        }
        s3_environment.put(bucket, objects)
        yield place(f"s3://{bucket}/runs/w.zarr")
        s3_environment.remove_bucket(bucket)

    @pytest.mark.parametrize("form", ["json", "xml"])
    def test_from_private_to_shown(self, form: str, dataset: Any, s3_environment: Any) -> None:
        client, name = s3_environment.client(), dataset.bucket
        report = check_bucket(dataset)
        assert [one.name for one in report.failed] == ["public"]
        assert report.rules == {"policy"}
        client.put_bucket_policy(Bucket=name, Policy=bucket_document(dataset, "policy.json"))
        report = check_bucket(dataset)
        assert [one.name for one in report.failed] == ["CORS", "preflight"]
        assert report.rules == {"cors"}
        assert check_bucket(dataset, s3_environment.endpoint).failed == []
        if form == "json":
            rules = json.loads(bucket_document(dataset, "cors.json"))
            client.put_bucket_cors(Bucket=name, CORSConfiguration=rules)
        else:
            put_document(client, name, bucket_document(dataset, "cors.xml"))
        report = check_bucket(dataset)
        assert report.failed == report.advised == [], report.as_dict()


def put_document(client: Any, bucket: str, text: str) -> None:
    """Send a CORS document as it stands, as the tools that take XML do."""
    import base64
    import hashlib

    import requests
    from botocore.auth import S3SigV4Auth
    from botocore.awsrequest import AWSRequest

    digest = base64.b64encode(hashlib.md5(text.encode()).digest()).decode()
    url = f"{client.meta.endpoint_url}/{bucket}?cors"
    request = AWSRequest("PUT", url, {"Content-MD5": digest}, text.encode())
    S3SigV4Auth(client._request_signer._credentials, "s3", "us-east-1").add_auth(request)
    answer = requests.put(url, data=text.encode(), headers=dict(request.headers), timeout=10)
    assert answer.status_code == 200, answer.text
