"""Unfinished uploads: those of the dataset are removed, those of others never, and how it is asked."""

import contextlib
import random
import signal
import string
import subprocess
import sys
import threading
import time
from dataclasses import replace
from datetime import UTC, datetime
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from urllib.parse import quote, urlsplit

import numpy as np
import pytest
from tests.object_store.faults import Fault, Plan, Rule
from tests.object_store.fixtures import work_with
from tests.object_store.s3_server import S3Server
from tests.transfer.trees import QUICK, make_store, send

from pyramidion.core import UsageError
from pyramidion.storage import connection, place
from pyramidion.storage._remote.signed import (
    Keys,
    SignedRequestError,
    SignedRequests,
    encoded_query,
    signed_headers,
)
from pyramidion.transfer import _leftovers
from pyramidion.transfer._leftovers import remove_leftovers
from pyramidion.transfer._stores import Stores

PROGRAM = Path(__file__).with_name("interrupted.py")
IN_FLIGHT = 2**23
"""With so few bytes in memory, objects above 8 MiB go in parts of 5 MiB."""

IN_PARTS = replace(QUICK, bytes_in_flight=IN_FLIGHT)
BIG = 9 * 2**20


# ---------------------------------------------------------------- signatures

EXAMPLE = Keys("AKIAIOSFODNN7EXAMPLE", "wJalrXUtnFEMI/K7MDENG/bPxRfiCYEXAMPLEKEY")
EXAMPLE_AT = datetime(2013, 5, 24, tzinfo=UTC)


@pytest.mark.parametrize(
    ("url", "headers", "names", "signature"),
    [
        (
            "/test.txt", {"range": "bytes=0-9"}, "host;range;x-amz-content-sha256;x-amz-date",
            "f0e8bdb87c964420e857bd35b5d6ed310bd44f0170aba48dd91039c6036bdb41",
        ),
        (
            "/?" + encoded_query({"lifecycle": ""}), {}, "host;x-amz-content-sha256;x-amz-date",
            "fea454ca298b7da1c68078a5d1bdbfbbe0d65c699e0f91ac7a200a0136783543",
        ),
        (
            "/?" + encoded_query({"prefix": "J", "max-keys": "2"}), {},
            "host;x-amz-content-sha256;x-amz-date",
            "34b48302e7b5fa45bde8084f4b7868a86f0a534bc59db6670ed5711ef69dc6f7",
        ),
    ],
)  # fmt: skip
def test_published_examples(url, headers, names, signature):
    """The examples without a body of the Amazon S3 API reference, "Signature calculations"."""
    address = urlsplit(f"https://examplebucket.s3.amazonaws.com{url}")
    sent = signed_headers("GET", address, EXAMPLE, "us-east-1", EXAMPLE_AT, headers)
    assert sent["authorization"] == (
        "AWS4-HMAC-SHA256 Credential=AKIAIOSFODNN7EXAMPLE/20130524/us-east-1/s3/aws4_request,"
        f"SignedHeaders={names},Signature={signature}"
    )
    assert sent["x-amz-date"] == "20130524T000000Z"


def test_as_the_sdk_signs(monkeypatch):
    """Keys and values of all characters, with and without a session token."""
    auth = pytest.importorskip("botocore.auth")
    from botocore.awsrequest import AWSRequest
    from botocore.credentials import Credentials

    chance, at = random.Random(3), datetime(2031, 2, 3, 4, 5, 6, tzinfo=UTC)
    monkeypatch.setattr(auth, "get_current_datetime", lambda **_: at)
    letters = string.printable[:95] + "äß漢😀"
    for number in range(50):
        key, value = ("".join(chance.choices(letters, k=20)) for _ in range(2))
        token = "t0ken/+=" if number % 2 else ""
        query = {"uploadId": value, "x": "", "a b": "~"}
        path = quote(f"/lab/{key}")
        address = urlsplit("http://store:9000")._replace(path=path, query=encoded_query(query))
        sent = signed_headers("DELETE", address, Keys("ID", "secret", token), "eu-1", at)
        request = AWSRequest("DELETE", f"http://store:9000{path}", params=query)
        request.headers["x-amz-content-sha256"] = sent["x-amz-content-sha256"]
        signer = auth.S3SigV4Auth(Credentials("ID", "secret", token or None), "s3", "eu-1")
        signer.add_auth(request)
        assert sent["authorization"].replace(",", ", ") == request.headers["Authorization"]


# ---------------------------------------------------------------- whom it asks


@pytest.fixture
def answering(monkeypatch):
    """Return a function that starts a server with one answer to everything, and makes it the store."""
    with contextlib.ExitStack() as stack:

        def start(body, status=200, cut=0, tls=None):
            class Handler(BaseHTTPRequestHandler):
                def do_GET(self):
                    server.seen.append((self.path, dict(self.headers)))
                    self.send_response(status)
                    self.send_header("Content-Length", str(len(body) + cut))
                    self.end_headers()
                    self.wfile.write(body)

                def log_message(self, *_):
                    pass

            server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
            server.seen, server.handle_error = [], lambda *_: None
            if tls is not None:
                server.socket = tls.wrap_socket(server.socket, server_side=True)
            thread = threading.Thread(target=server.serve_forever, args=(0.01,))
            thread.start()
            stack.callback(lambda: (server.shutdown(), thread.join(), server.server_close()))
            address = "https://localhost" if tls else "http://127.0.0.1"
            monkeypatch.setenv("AWS_ENDPOINT_URL", f"{address}:{server.server_port}")
            return server

        yield start


@pytest.fixture
def keys_only(monkeypatch, tmp_path):
    """Keys in the environment that must not be seen in any message."""
    work_with(S3Server("http://127.0.0.1:9", "AKIACANARY", "canary-secret"), monkeypatch, tmp_path)


def ask():
    with SignedRequests(connection("s3", "lab")) as requests:
        return requests.send("GET", "", {"uploads": ""})


class There:
    """As much of `Stores` as is needed to ask."""

    def __init__(self):
        self.connection = connection("s3", "lab")

    def key(self, key):
        return f"x.zarr/{key}"


def listing(*uploads, further=""):
    told = "".join(f"<Upload><Key>{k}</Key><UploadId>{n}</UploadId></Upload>" for k, n in uploads)
    space = 'xmlns="http://s3.amazonaws.com/doc/2006-03-01/"'
    root = "ListMultipartUploadsResult"
    return f'<?xml version="1.0"?><{root} {space}>{told}{further}</{root}>'.encode()


@pytest.mark.usefixtures("keys_only")
@pytest.mark.parametrize(
    ("status", "body", "why"),
    [
        (200, b"<!DOCTYPE x [<!ENTITY a 'aaaa'>]><x>&a;</x>", "not an answer of S3"),
        (200, '<?xml version="1.0" encoding="utf-16"?><x/>'.encode("utf-16"), "not an answer"),
        (200, b"<html><body>Sign in</body></html>", "not an answer of S3"),
        (200, b"", "not an answer of S3"),
        (200, listing()[:-9], "not an answer of S3"),
        (200, b" " * (4 * 2**20 + 1), "answer too long"),
        (403, b"<Error><Code>AccessDenied</Code><x>canary-secret</x></Error>", "AccessDenied"),
        (501, b"canary-secret", "HTTP 501"),
        (307, b"<Error><Code>TemporaryRedirect</Code></Error>", "TemporaryRedirect"),
    ],
)
def test_answers_that_do_not_help(answering, status, body, why):
    server = answering(body, status)
    n_removed, note = remove_leftovers(There(), {"a"}, pytest.fail)
    assert n_removed == 0
    assert note.startswith(f"unfinished multipart uploads may be left: {why}")
    assert "canary" not in note.lower()
    assert len(server.seen) == 1  # no second try where none helps


@pytest.mark.slow
@pytest.mark.usefixtures("keys_only")
@pytest.mark.parametrize(("status", "cut", "why"), [(503, 0, "HTTP 503"), (200, 9, "lost")])
def test_tried_again_in_bounds(answering, status, cut, why):
    server = answering(listing(), status, cut)
    began = time.monotonic()
    with pytest.raises(SignedRequestError, match=why):
        ask()
    assert time.monotonic() - began < 10
    assert len(server.seen) == 6


@pytest.mark.usefixtures("keys_only")
def test_list_without_an_end(answering):
    """A server that does not know markers."""
    server = answering(listing(further="<IsTruncated>true</IsTruncated>"))
    assert remove_leftovers(There(), {"a"}, pytest.fail) == (0, "")
    assert len(server.seen) == 2
    path, headers = server.seen[0]
    assert path == "/lab?max-uploads=1000&prefix=x.zarr%2F&uploads="
    assert "canary-secret" not in str(headers)


@pytest.mark.usefixtures("keys_only")
def test_another_dataset_took_the_place(answering):
    server = answering(listing(("x.zarr/a", "1"), ("x.zarr/b", "2")))

    def refuse():
        raise UsageError("s3://lab", "holds another dataset", id="PYR-UPL-11")

    n_removed, note = remove_leftovers(There(), {"a"}, refuse)
    assert n_removed == 0
    assert "another dataset" in note
    assert len(server.seen) == 1


@pytest.mark.usefixtures("keys_only")
def test_nobody_is_asked_past_a_proxy(answering, monkeypatch):
    server = answering(listing())
    monkeypatch.setenv("http_proxy", "http://user:canary-secret@127.0.0.1:9")
    monkeypatch.delenv("no_proxy", raising=False)
    n_removed, note = remove_leftovers(There(), {"a"}, pytest.fail)
    assert (n_removed, server.seen) == (0, [])
    assert note == "unfinished multipart uploads may be left: a proxy is in between"
    monkeypatch.setenv("no_proxy", "127.0.0.1")
    assert remove_leftovers(There(), {"a"}, pytest.fail) == (0, "")


@pytest.mark.usefixtures("keys_only")
def test_certificates(answering, monkeypatch, tmp_path):
    from tests.storage.test_store_faults import certificates

    authority, tls = certificates(tmp_path)
    answering(listing(), tls=tls)
    with pytest.raises(SignedRequestError, match="certificate"):
        ask()
    monkeypatch.setenv("AWS_CA_BUNDLE", str(authority))
    assert b"ListMultipartUploadsResult" in ask()


@pytest.mark.usefixtures("keys_only")
def test_keys_from_elsewhere(answering):
    server = answering(listing())
    found = connection("s3", "lab")
    provider = lambda: {"access_key_id": "K", "secret_access_key": "s", "token": "t"}  # noqa: E731
    with SignedRequests(replace(found, credential_provider=provider)) as requests:
        requests.send("GET", "", {"uploads": ""})
    headers = {name.lower(): value for name, value in server.seen[0][1].items()}
    assert headers["authorization"].startswith("AWS4-HMAC-SHA256 Credential=K/")
    assert headers["x-amz-security-token"] == "t"
    of_machine = {**found.store_config, "access_key_id": ""}
    with pytest.raises(SignedRequestError, match="role"):
        SignedRequests(replace(found, store_config=of_machine))

    def failing():
        raise RuntimeError("canary-secret")

    with pytest.raises(SignedRequestError, match=r"^no keys$"):
        SignedRequests(replace(found, credential_provider=failing))


@pytest.mark.parametrize(
    ("endpoint", "style", "host", "path"),
    [
        ("https://store:443", True, "store", "/lab/a%20b"),
        ("https://store:9000/s3", True, "store:9000", "/s3/lab/a%20b"),
        ("https://store:9000", False, "lab.store:9000", "/a%20b"),
        ("http://[::1]:80", True, "[::1]", "/lab/a%20b"),
        ("http://[::1]", True, "[::1]", "/lab/a%20b"),
    ],
)
@pytest.mark.usefixtures("keys_only")
def test_addresses(monkeypatch, endpoint, style, host, path):
    from pyramidion.storage import StoreOptions, use_store_options

    use_store_options(StoreOptions(endpoint=endpoint, path_style=style))
    try:
        requests = SignedRequests(connection("s3", "lab"))
    finally:
        use_store_options(StoreOptions())
    asked = []
    monkeypatch.setattr(requests, "_answer", lambda _, at: asked.append(at) or (200, b""))
    requests.send("GET", "a b", {})
    assert (asked[0].netloc, asked[0].path) == (host, path)


# ---------------------------------------------------------------- what it removes


@pytest.fixture
def folder(tmp_path):
    """A store with one object that goes in parts."""
    contents = make_store(tmp_path / "x.zarr")
    contents["0/c/big"] = np.random.default_rng(5).bytes(BIG)
    (tmp_path / "x.zarr/0/c/big").write_bytes(contents["0/c/big"])
    return tmp_path / "x.zarr"


def begin(there, key):
    """Begin an upload, put a part, and forget it."""
    client, where = there.server.client(), {"Bucket": there.bucket, "Key": key}
    name = client.create_multipart_upload(**where)["UploadId"]
    client.upload_part(**where, UploadId=name, PartNumber=1, Body=b"part")


@pytest.mark.parametrize(
    "prepared", ["remote", pytest.param("real_remote", marks=pytest.mark.slow)]
)
def test_only_those_of_the_dataset(request, folder, prepared):
    there = request.getfixturevalue(prepared)()
    others = ["other.zarr/0/c/big", "x.zarr/foreign", "x.zarr2/0/c/big"]
    for key in ("x.zarr/0/c/big", "x.zarr/0/c/big", "x.zarr/0/c/1/0", *others):
        begin(there, key)
    report = send(folder, there.destination, IN_PARTS)
    assert (report.leftovers, report.notes) == (3, ())
    assert there.server.unfinished(there.bucket) == others
    assert len(there.stored()) == report.objects


def test_nothing_is_asked_about_small_objects(tmp_path, remote):
    make_store(tmp_path / "x.zarr")
    there = remote()
    send(tmp_path / "x.zarr", there.destination)
    assert not [e for e in there.proxy.log if "uploads" in e.request.query]


def test_an_interrupted_run_is_cleaned_up_after_at_once(folder, remote):
    """What it left may fill a quota, and then the next run would never end."""
    there = remote()
    send(folder, there.destination, IN_PARTS)
    there.server.client().delete_object(Bucket=there.bucket, Key="x.zarr/zarr.json")
    there.proxy.log.clear()
    begin(there, "x.zarr/0/c/big")
    assert send(folder, there.destination, IN_PARTS).leftovers == 1
    order = [e.request.method for e in there.proxy.log]
    assert order.index("DELETE") < order.index("PUT")


def test_a_dry_run_removes_nothing(folder, remote):
    there = remote()
    begin(there, "x.zarr/0/c/big")
    assert send(folder, there.destination, replace(IN_PARTS, dry_run=True)).leftovers == 0
    assert there.server.unfinished(there.bucket) == ["x.zarr/0/c/big"]


@pytest.mark.parametrize(
    ("fault", "method", "why"),
    [
        (Fault.FORBIDDEN, "GET", "AccessDenied"),
        (Fault.HTML_PAGE, "GET", "not an answer of S3"),
        pytest.param(Fault.INTERNAL_ERROR, "GET", "InternalError", marks=pytest.mark.slow),
        (Fault.FORBIDDEN, "DELETE", "AccessDenied"),
    ],
)
def test_the_upload_does_not_suffer(folder, remote, fault, method, why):
    there = remote(Plan(rules=(Rule(fault, method, "[?&]upload(s|Id)="),)))
    begin(there, "x.zarr/0/c/big")
    report = send(folder, there.destination, IN_PARTS)
    assert len(there.stored()) == report.objects
    assert report.notes == (f"unfinished multipart uploads may be left: {why}",)
    assert report.as_dict()["leftovers"] == 0


@pytest.mark.slow
@pytest.mark.parametrize("method", ["GET", "DELETE"])
@pytest.mark.parametrize(
    "fault", [Fault.RESET_AFTER_DONE, Fault.TRUNCATED_ANSWER, Fault.SLOW_DOWN, Fault.EMPTY_ANSWER]
)
def test_faults_that_pass(real_remote, fault, method):
    there = real_remote(Plan(rules=(Rule(fault, method, "[?&]upload(s|Id)=", {1, 2}),)))
    begin(there, "x.zarr/a")
    stores = Stores(place(str(there.destination)))
    assert remove_leftovers(stores, {"a"}, lambda: None) == (1, "")
    assert there.server.unfinished(there.bucket) == []


@pytest.mark.slow
def test_in_pieces(real_remote, monkeypatch):
    monkeypatch.setattr(_leftovers, "_PIECE", 2)
    there = real_remote()
    keys = ["0/c/big", "0/c/1/0", "0/c/äöü + %20", "zarr.json"]
    for key in 2 * keys[:3]:
        begin(there, f"x.zarr/{key}")
    stores = Stores(place(str(there.destination)))
    assert remove_leftovers(stores, keys, lambda: None) == (6, "")
    assert len([e for e in there.proxy.log if "uploads" in e.request.query]) >= 3
    assert there.server.unfinished(there.bucket) == []


# ---------------------------------------------------------------- after runs that were killed


@pytest.mark.slow
def test_the_answer_to_the_beginning_is_lost(folder, real_remote):
    rule = Rule(Fault.RESET_AFTER_DONE, "POST", r"\?uploads", {1})
    there = real_remote(Plan(rules=(rule,)))
    report = send(folder, there.destination, IN_PARTS)
    assert report.leftovers == 1
    assert there.server.unfinished(there.bucket) == []


@pytest.mark.slow
def test_killed_while_it_sends_parts(folder, real_remote):
    for number in range(4):
        (folder / f"0/c/big{number}").write_bytes(np.random.default_rng(number).bytes(BIG))
    chance, n_left = random.Random(1), 0
    for _ in range(8):
        n_parts = chance.randrange(1, 5)
        last = Rule(Fault.STALLED_ANSWER, "PUT", "partNumber", range(n_parts, 1000))
        there = real_remote(Plan({Fault.SLOW_ANSWER: 1.0}, (last,), delay_s=0.03))
        status = run(folder, there, kill_after_parts=n_parts)
        n_left += len(there.server.unfinished(there.bucket))
        if status == 0:
            break
    there = real_remote()
    while run(folder, there):
        pass
    assert n_left > 0
    assert there.server.unfinished(there.bucket) == []
    assert set(there.stored()) >= {"zarr.json", "0/c/big", "0/c/big3"}
    for key, data in there.stored().items():
        assert data == (folder / key).read_bytes()


def run(folder, there, kill_after_parts=0):
    """Send it in a process, which is killed when it has begun so many parts; return its status."""
    there.proxy.log.clear()
    program = subprocess.Popen(
        [sys.executable, str(PROGRAM), str(folder), str(there.destination), str(IN_FLIGHT)],
        stdout=subprocess.DEVNULL,
        stderr=subprocess.PIPE,
    )
    while program.poll() is None:
        n_parts = sum("partNumber" in e.request.query for e in list(there.proxy.log))
        if kill_after_parts and n_parts >= kill_after_parts:
            program.kill()
            break
        time.sleep(0.002)
    _, error = program.communicate()
    assert program.returncode in (0, -signal.SIGKILL), error
    return program.returncode
