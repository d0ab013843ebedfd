"""The viewer beside data in a bucket: what is stored, how, and the link that shows it."""

from __future__ import annotations

import json
import re
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs, urljoin, urlsplit

import numpy as np
import pytest
from tests.docs.pages import Reader, agrees, blocks, commands

import pyramidion
from pyramidion.core import MissingError, PyramidionError, UsageError
from pyramidion.storage import RemotePath, bucket_of, forget_buckets, place
from pyramidion.workflows import ConvertOptions, convert, publish_viewer, viewer_links
from pyramidion.workflows import _publish as publish_module

VIEWER = Path(pyramidion.__file__).parent / "server" / "viewer"


def remote(url: str) -> RemotePath:
    path = place(url)
    assert isinstance(path, RemotePath)
    return path


@pytest.fixture
def memory() -> Iterator[RemotePath]:
    """A store in a bucket that is only in memory."""
    forget_buckets()
    dataset = remote("memory://lab/runs/scope.zarr")
    bucket_of(dataset).put("runs/scope.zarr/zarr.json", b'{"zarr_format": 3}')
    yield dataset
    forget_buckets()


def stored(dataset: RemotePath) -> dict[str, bytes]:
    bucket = bucket_of(dataset)
    return {found.key: bucket.get(found.key) for found in bucket.objects("")}


def test_what_is_stored(memory: RemotePath) -> None:
    report = publish_viewer(memory)
    assert (report.viewer, report.links, report.checked) == (
        "memory://lab/runs/viewer/index.html",
        [],
        None,
    )
    objects = stored(memory)
    page = objects["runs/viewer/index.html"].decode()
    folders = {key.split("/")[2] for key in objects if key.startswith("runs/viewer/")}
    (release,) = folders - {"index.html"}
    base = f"runs/viewer/{release}/"
    assert objects[f"{base}main.js"] == (VIEWER / "main.js").read_bytes()
    assert report.sent == len(objects) - 1
    assert report.bytes_sent == sum(map(len, objects.values())) - len(
        objects["runs/scope.zarr/zarr.json"]
    )
    # All that the page and its modules load is there, and nothing else than that and licences.
    needed = {urljoin("runs/viewer/", name) for name in re.findall(r'(?:href|src)="([^"]+)"', page)}
    assert needed <= set(objects)
    suffixes = {key.rpartition(".")[2] for key in objects if key.startswith(base)}
    assert suffixes == {"js", "css", "svg", "LICENSE"}
    scripts = {str(p.relative_to(VIEWER)) for p in VIEWER.rglob("*.js")}
    assert {f"{base}{name}" for name in scripts} <= set(objects)
    assert "Content-Security-Policy" in page


def test_again_sends_nothing(memory: RemotePath) -> None:
    first = publish_viewer(memory)
    again = publish_viewer(memory)
    assert (again.sent, again.bytes_sent, again.unchanged) == (0, 0, first.sent)


def test_what_is_missing_or_cut_is_sent(memory: RemotePath) -> None:
    publish_viewer(memory)
    bucket = bucket_of(memory)
    scripts = [key for key in stored(memory) if key.endswith(("/main.js", "/lru.js"))]
    before = stored(memory)
    bucket.put(scripts[0], b"cut")
    bucket.delete([scripts[1], "runs/viewer/index.html"])
    assert publish_viewer(memory).sent == 3
    assert stored(memory) == before


def test_another_version_leaves_what_open_pages_use(memory: RemotePath, monkeypatch: Any) -> None:
    publish_viewer(memory)
    before = stored(memory)
    monkeypatch.setattr(publish_module, "_release", lambda: "0" * 16)
    publish_module._viewer.cache_clear()
    try:
        assert publish_viewer(memory).unchanged == 0
    finally:
        publish_module._viewer.cache_clear()
    after = stored(memory)
    assert {key for key in before if after.get(key) != before[key]} == {"runs/viewer/index.html"}
    assert b'src="0000000000000000/main.js"' in after["runs/viewer/index.html"]


def test_a_page_of_somebody_else_stays(memory: RemotePath) -> None:
    bucket = bucket_of(memory)
    for content in (b"<title>My lab</title>", b" " * 2**21):
        bucket.put("runs/viewer/index.html", content)
        with pytest.raises(UsageError, match="another page"):
            publish_viewer(memory)
        assert len(stored(memory)) == 2


@pytest.mark.parametrize(
    ("dataset", "viewer_at", "error", "words"),
    [
        ("memory://lab/runs/visus.idx", None, UsageError, "reads Zarr only"),
        ("memory://lab/runs/none.zarr", None, MissingError, "no Zarr store here"),
        (
            "memory://lab/runs/scope.zarr",
            "memory://lab/runs/scope.zarr/viewer",
            UsageError,
            "inside",
        ),
        ("memory://lab/runs/scope.zarr", "http://lab.example/viewer", UsageError, "in a bucket"),
        ("http://lab.example/scope.zarr", None, UsageError, "in a bucket"),
    ],
)
def test_refused(
    dataset: str, viewer_at: str | None, error: type[Exception], words: str, memory: RemotePath
) -> None:
    folder = remote(viewer_at) if viewer_at else None
    with pytest.raises(error, match=words):
        publish_viewer(remote(dataset), viewer_at=folder)
    assert list(stored(memory)) == ["runs/scope.zarr/zarr.json"]


LINKS = [
    ("s3://lab/a.zarr", None, "lab/viewer/index.html?data=../a.zarr"),
    ("s3://lab/runs/a.zarr", None, "lab/runs/viewer/index.html?data=../a.zarr"),
    ("s3://lab/runs/a.zarr", "s3://lab/v", "lab/v/index.html?data=../runs/a.zarr"),
    ("s3://lab/runs/a.zarr", "s3://lab/x/y", "lab/x/y/index.html?data=../../runs/a.zarr"),
    ("s3://lab", None, "lab/viewer/index.html?data=../"),
    ("s3://lab/50 % + #1?/ä.zarr", None, None),
    (
        "s3://other/runs/a.zarr",
        "s3://lab/v",
        "lab/v/index.html?data=http://s3.example:7480/other/runs/a.zarr",
    ),
]


@pytest.mark.parametrize(("dataset", "viewer_at", "link"), LINKS)
def test_links(dataset: str, viewer_at: str | None, link: str | None, monkeypatch: Any) -> None:
    monkeypatch.setenv("AWS_ENDPOINT_URL", "http://s3.example:7480")
    forget_buckets()
    path = remote(dataset)
    links = viewer_links(path, remote(viewer_at) if viewer_at else None)
    forget_buckets()
    page = urlsplit(links[0])
    assert page.netloc == "s3.example:7480"
    assert urlsplit(links[1]).netloc.endswith(".s3.example:7480")
    if link:
        assert links[0] == f"http://s3.example:7480/{link}"
    # As the page does it: the query names the data as seen from the page.
    (data,) = parse_qs(page.query)["data"]
    from urllib.parse import unquote

    for one in links:
        found = urlsplit(urljoin(one.partition("?")[0], data))
        by_host = found.netloc == "lab.s3.example:7480"
        want = f"/{path.key}" if by_host else f"/{path.bucket}/{path.key}"
        assert unquote(found.path).rstrip("/") == want.rstrip("/")


def test_links_of_amazon(monkeypatch: Any) -> None:
    for name in ("AWS_ENDPOINT_URL", "AWS_ENDPOINT_URL_S3", "AWS_PROFILE"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("AWS_REGION", "eu-west-1")
    monkeypatch.setenv("AWS_CONFIG_FILE", "/none")
    forget_buckets()
    assert viewer_links(remote("s3://lab/a.zarr"))[0] == (
        "https://lab.s3.eu-west-1.amazonaws.com/viewer/index.html?data=../a.zarr"
    )
    # No certificate covers a bucket with a dot in its name.
    dotted = viewer_links(remote("s3://my.lab/a.zarr"))[0]
    assert dotted.startswith("https://s3.eu-west-1.amazonaws.com/my.lab/viewer/")
    forget_buckets()


def test_an_address_of_numbers_has_no_names_in_front(monkeypatch: Any) -> None:
    monkeypatch.setenv("AWS_ENDPOINT_URL", "http://127.0.0.1:9")
    assert viewer_links(remote("s3://lab/a.zarr")) == [
        "http://127.0.0.1:9/lab/viewer/index.html?data=../a.zarr"
    ]


@pytest.mark.slow
class TestRealBucket:
    """Against a real S3 server."""

    @pytest.fixture
    def local(self, tmp_path: Path) -> Path:
        np.save(tmp_path / "w.npy", np.arange(100_000, dtype=np.int16).reshape(1, 1, 1, -1))
        convert(tmp_path / "w.npy", tmp_path / "w.zarr", ConvertOptions())
        return tmp_path / "w.zarr"

    @pytest.fixture
    def bucket(self, s3_environment: Any) -> Iterator[str]:
        name = s3_environment.bucket(public=True)
        forget_buckets()
        yield name
        forget_buckets()
        s3_environment.remove_bucket(name)

    def test_headers(self, bucket: str, local: Path, s3_environment: Any) -> None:
        import requests

        s3_environment.put(bucket, objects_of(local, "runs/w.zarr"))
        report = publish_viewer(remote(f"s3://{bucket}/runs/w.zarr"))
        assert report.checked is not None
        assert report.checked.failed == report.checked.advised == []
        page = requests.get(report.link, timeout=10)
        assert page.headers["Content-Type"] == "text/html; charset=utf-8"
        assert page.headers["Cache-Control"] == "no-cache"
        for name in re.findall(r'(?:href|src)="([^"]+)"', page.text):
            answer = requests.get(urljoin(report.link, name), timeout=10)
            assert answer.status_code == 200
            kind = {"js": "text/javascript", "css": "text/css", "svg": "image/svg+xml"}[
                name.rpartition(".")[2]
            ]
            assert answer.headers["Content-Type"].startswith(kind)
            assert "immutable" in answer.headers["Cache-Control"]

    @pytest.mark.usefixtures("s3_environment")
    def test_no_bucket(self) -> None:
        with pytest.raises(PyramidionError, match="no such bucket"):
            publish_viewer(remote("s3://not-there-at-all/w.zarr"))

    def test_without_keys(
        self, bucket: str, local: Path, s3_environment: Any, monkeypatch: Any
    ) -> None:
        s3_environment.put(bucket, objects_of(local, "w.zarr"))
        monkeypatch.delenv("AWS_ACCESS_KEY_ID")
        monkeypatch.delenv("AWS_SECRET_ACCESS_KEY")
        forget_buckets()
        with pytest.raises(UsageError, match="no credentials"):
            publish_viewer(remote(f"s3://{bucket}/w.zarr"))

    def test_command_uploads_and_publishes(self, local: Path, s3_environment: Any) -> None:
        private = s3_environment.bucket()
        url = f"s3://{private}/runs/w.zarr"
        try:
            done = run(str(local), url, "--json")
            assert done.returncode == 0, done.stderr
            told = json.loads(done.stdout)
            assert told["link"] == (
                f"{s3_environment.endpoint}/{private}/runs/viewer/index.html?data=../w.zarr"
            )
            assert told["checked"]["shown"] is False
            keys = s3_environment.sizes(private)
            assert {f"runs/w.zarr/{name}" for name in objects_of(local, "")} <= {
                key.replace("runs/w.zarr/", "runs/w.zarr//") for key in keys
            }
            again = run(url)
            assert again.returncode == 0
            assert "there already" in again.stdout
            assert "warning: public:" in again.stderr
            assert "put-bucket-policy" in again.stdout
        finally:
            s3_environment.remove_bucket(private)


def objects_of(folder: Path, key: str) -> dict[str, bytes]:
    """The objects of a dataset that is put below a key."""
    files = [path for path in folder.rglob("*") if path.is_file()]
    return {f"{key}/{path.relative_to(folder)}": path.read_bytes() for path in files}


def run(*words: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-m", "pyramidion", "publish", *words],
        capture_output=True, text=True, check=False, timeout=120,
    )  # fmt: skip


@pytest.mark.slow
def test_the_how_to_is_true(s3_environment: Any, tmp_path: Path) -> None:
    """Type what the page says that needs a bucket, with the real store in place of its example."""
    endpoint = s3_environment.endpoint
    bucket = s3_environment.bucket("lab")
    page = Path(__file__).parents[2] / "docs/how-to/share-from-a-bucket.md"
    reader = Reader(tmp_path)
    try:
        for block in blocks(page):
            if block.info[:2] != ("console", "skip"):
                continue
            text = block.text.replace("https://s3.example.org", endpoint)
            for command, shown in commands(text):
                if command.startswith("aws "):
                    apply(s3_environment.client(), command, tmp_path)
                    continue
                printed = reader.type(command, shown)
                assert agrees(printed, shown), "\n".join([command, *printed])
    finally:
        s3_environment.remove_bucket(bucket)


def apply(client: Any, command: str, folder: Path) -> None:
    """Do what a command of the page does with the program of Amazon."""
    if "put-bucket-policy" in command:
        client.put_bucket_policy(Bucket="lab", Policy=(folder / "policy.json").read_text())
    else:
        rules = json.loads((folder / "cors.json").read_text())
        client.put_bucket_cors(Bucket="lab", CORSConfiguration=rules)
