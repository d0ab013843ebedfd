"""What is said when a store refuses, breaks or is not there: real sockets and the real client."""

import datetime as dt
import http.server
import ipaddress
import socket
import ssl
import struct
import threading
import time
from contextlib import closing
from functools import partial

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pyramidion.core import DataError, MissingError, StorageError
from pyramidion.storage import place
from pyramidion.storage._remote import reach
from pyramidion.storage._remote.connection import Connection
from pyramidion.storage._remote.faults import blot, is_transient, remote_error
from pyramidion.storage._remote.reach import check_reachable
from pyramidion.storage._remote.settings import StoreOptions, connection, use_store_options

SECRET = "wJalrXUtnFEMI/K7MDENG+bPxRfiCYzzzzzzzzzz"
TOKEN = "FwoGZXIvYXdzEHIDDENTOKEN=="
WHERE = "s3://lab/a/b"


@pytest.fixture(autouse=True)
def _settings(tmp_path, monkeypatch):
    import os

    for name in [name for name in os.environ if name.startswith(("AWS_", "S3_"))]:
        monkeypatch.delenv(name)
    for name in [name for name in os.environ if name.lower().endswith("_proxy")]:
        monkeypatch.delenv(name)
    monkeypatch.setenv("HOME", str(tmp_path))
    monkeypatch.setenv("PYRAMIDION_STORE_OPTIONS", "")
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(reach, "_reached", set())


class _Handler(http.server.BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"

    def answer(self):
        self.rfile.read(int(self.headers.get("Content-Length") or 0))
        self.server.seen.append((self.command, self.path, dict(self.headers)))
        status, headers, body = self.server.answer
        self.send_response(status)
        for name, value in headers.items():
            self.send_header(name, value)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        if self.command != "HEAD":
            self.wfile.write(body)

    do_GET = do_PUT = do_HEAD = do_POST = do_DELETE = answer  # noqa: N815

    def date_time_string(self, timestamp=None):  # noqa: ARG002
        return super().date_time_string(time.time() + self.server.ahead_s)

    def log_message(self, *_):
        pass


@pytest.fixture
def serve():
    """Return a function that starts a server with one answer for everything."""
    running = []

    def start(status=200, body=b"", tls=None, ahead_s=0, **headers):
        server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), _Handler)
        server.answer = status, {k.replace("_", "-"): v for k, v in headers.items()}, body
        server.seen, server.ahead_s, server.daemon_threads = [], ahead_s, True
        server.handle_error = lambda *_: None
        if tls:
            server.socket = tls.wrap_socket(server.socket, server_side=True)
        threading.Thread(target=server.serve_forever, args=(0.02,), daemon=True).start()
        running.append(server)
        return server

    yield start
    for server in running:
        server.shutdown()
        server.server_close()


@pytest.fixture
def raw():
    """Return a function that starts a server which does as it likes with each connection."""
    listeners, held, threads = [], [], []

    def start(behave):
        listener = socket.create_server(("127.0.0.1", 0))
        listeners.append(listener)

        def loop():
            while True:
                try:
                    peer, _ = listener.accept()
                except OSError:
                    return
                peer.settimeout(5)
                held.append(peer)
                try:
                    peer.recv(100_000)
                    behave(peer)
                except OSError:
                    continue

        threads.append(threading.Thread(target=loop, daemon=True))
        threads[-1].start()
        return f"http://127.0.0.1:{listener.getsockname()[1]}"

    yield start
    for each in listeners:
        each.shutdown(
            socket.SHUT_RDWR
        )  # ends accept; a number that is closed under it is another's soon
    for each in threads:
        each.join(20)
    for each in (*listeners, *held):
        each.close()


def reset(peer):
    peer.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
    peer.close()


def cut(peer):
    peer.sendall(b'HTTP/1.1 200 OK\r\nContent-Length: 100\r\nETag: "a"\r\n\r\nabc')
    peer.close()


def half_a_status(peer):
    peer.sendall(b"HTTP/1.1 200")
    peer.close()


def other_protocol(peer):
    peer.sendall(b"SSH-2.0-OpenSSH_9.2\r\n")
    peer.close()


def silent(_):
    """Keep the connection open."""


def connected(endpoint, **options):
    options = {"access_key": "AKIDHIDDEN", "secret_key": SECRET, "session_token": TOKEN, **options}
    use_store_options(StoreOptions(endpoint=endpoint, **options))
    return connection("s3", "lab")


def s3_store(found, **client_options):
    from obstore.store import S3Store

    return S3Store(
        found.bucket,
        config=found.store_config,
        client_options={**found.client_options, **client_options},
        retry_config=found.no_retry_config,
        credential_provider=found.credential_provider,
    )


REQUESTS = {
    "get": lambda store: store.get("a/b").bytes(),
    "range": lambda store: store.get_range("a/b", start=0, length=2),
    "head": lambda store: store.head("a/b"),
    "put": lambda store: store.put("a/b", b"xx"),
    "list": lambda store: list(store.list("a")),
    "delete": lambda store: store.delete(["a/b"]),
}


def failure_of(found, request="get", **client_options):
    """Return the client's exception."""
    with pytest.raises(Exception) as caught:
        REQUESTS[request](s3_store(found, **client_options))
    return caught.value


def told(found, request="get", **client_options):
    error = failure_of(found, request, **client_options)
    line = str(remote_error(error, WHERE, found))
    for hidden in (SECRET, TOKEN, "AKIDHIDDEN", "AWS4", "obstore", "Generic", "Error {", "\n"):
        assert hidden not in line
    return line


def xml(code, extra=""):
    hidden = f"<AWSAccessKeyId>AKIDHIDDEN</AWSAccessKeyId><Token-0>{TOKEN}</Token-0>"
    signed = f"<StringToSign>AWS4-HMAC-SHA256\n{SECRET}</StringToSign>"
    return f"<Error><Code>{code}</Code><Message>m</Message>{hidden}{signed}{extra}</Error>".encode()


@pytest.mark.parametrize("request_", ["get", "head", "range", "put", "list", "delete"])
@pytest.mark.parametrize(
    ("status", "code", "extra", "line"),
    [
        (403, "SignatureDoesNotMatch", "", "s3://lab: access denied (SignatureDoesNotMatch): check the secret key"),
        (403, "InvalidAccessKeyId", "", "s3://lab: access denied (InvalidAccessKeyId): check the access key"),
        (400, "ExpiredToken", "", "s3://lab: access denied (ExpiredToken): get new credentials"),
        (400, "InvalidToken", "", "s3://lab: access denied (InvalidToken): check the session token"),
        (404, "NoSuchBucket", "", "s3://lab: no such bucket at ENDPOINT: check its name and --endpoint-url"),
        (400, "AuthorizationHeaderMalformed", "<Region>eu-west-1</Region>",
         "s3://lab: no such bucket in region us-east-1 (it is in eu-west-1): use --region eu-west-1"),
        (301, "PermanentRedirect", "",
         "s3://lab: no such bucket in region us-east-1 (it is in another region): use --region REGION"),
        (503, "SlowDown", "", "s3://lab/a/b: request failed (SlowDown): try again later"),
        (400, "EntityTooLarge", "", "s3://lab/a/b: request failed (EntityTooLarge)"),
    ],
)  # fmt: skip
def test_refusals(serve, request_, status, code, extra, line):
    endpoint = f"http://127.0.0.1:{serve(status, xml(code, extra)).server_port}"
    if request_ == "head" and code in ("NoSuchBucket", "SlowDown", "EntityTooLarge"):
        return  # has no body, and is no refusal
    assert told(connected(endpoint), request_) == line.replace("ENDPOINT", endpoint)


def test_rights(serve):
    found = connected(f"http://127.0.0.1:{serve(403, xml('AccessDenied')).server_port}")
    assert told(found, "put") == (
        "s3://lab/a/b: access denied (AccessDenied): these credentials may not write here"
    )
    assert "may not read it" in told(found, "get")
    assert told(found, "head") == told(found, "get")
    use_store_options(StoreOptions(endpoint=found.endpoint))
    assert told(connection("s3", "lab")) == (
        "s3://lab/a/b: access denied (AccessDenied, asked without credentials): set AWS_PROFILE"
    )


@pytest.mark.parametrize("in_body", [True, False])
@pytest.mark.parametrize(("minutes", "words"), [(-61, "61 min ahead"), (61, "61 min behind")])
def test_the_clock(serve, in_body, minutes, words):
    now = dt.datetime.now(dt.UTC) + dt.timedelta(minutes=minutes)
    extra = f"<ServerTime>{now:%Y-%m-%dT%H:%M:%SZ}</ServerTime>" if in_body else ""
    server = serve(403, xml("RequestTimeTooSkewed", extra), ahead_s=minutes * 60)
    line = told(connected(f"http://127.0.0.1:{server.server_port}"))
    assert line == f"s3://lab: access denied (RequestTimeTooSkewed): the clock is {words}, set it"


@pytest.mark.parametrize("request_", ["get", "head", "range"])
def test_no_such_object(serve, request_):
    found = connected(f"http://127.0.0.1:{serve(404, xml('NoSuchKey')).server_port}")
    error = remote_error(failure_of(found, request_), WHERE, found)
    assert isinstance(error, MissingError)
    assert str(error) == "s3://lab/a/b: no such file"


def test_others(serve):
    for status, words in [(412, "another writer"), (409, "another writer"), (416, "changed while")]:
        found = connected(f"http://127.0.0.1:{serve(status).server_port}")
        assert words in told(found)
    found = connected(f"http://127.0.0.1:{serve(200, b'whole file', ETag='a').server_port}")
    assert "does not send parts" in told(found, "range")
    assert "web page" in told(connected(f"http://127.0.0.1:{serve(404, b'<html>').server_port}"))
    assert remote_error(ValueError("bad key"), WHERE, None).id == "PYR-UPL-14"


@pytest.mark.parametrize("behave", [reset, cut, half_a_status, silent])
@pytest.mark.parametrize("request_", ["get", "list"])
def test_broken_connections_are_worth_another_try(raw, behave, request_):
    found = connected(raw(behave))
    error = failure_of(found, request_, read_timeout="300ms")
    assert is_transient(error)
    line = str(remote_error(error, WHERE, found))
    assert "try again later" in line
    assert "\n" not in line


@pytest.mark.parametrize(
    ("status", "code", "expected"),
    [
        (500, "InternalError", True), (503, "SlowDown", True), (502, "", True), (429, "", True),
        (408, "", True), (501, "NotImplemented", False), (400, "BadDigest", True),
        (400, "XAmzContentSHA256Mismatch", True), (400, "InvalidDigest", True),
        (400, "RequestTimeout", True), (400, "EntityTooLarge", False), (403, "AccessDenied", False),
        (403, "RequestTimeTooSkewed", False), (404, "NoSuchKey", False),
        (404, "NoSuchBucket", False), (412, "PreconditionFailed", False),
        (409, "OperationAborted", True), (301, "PermanentRedirect", False),
    ],
)  # fmt: skip
def test_what_is_worth_another_try(serve, status, code, expected):
    found = connected(f"http://127.0.0.1:{serve(status, xml(code)).server_port}")
    assert is_transient(failure_of(found, "put")) is expected


def test_a_failure_told_with_status_200(serve):
    server = serve(200, xml("InternalError"))
    found = connected(f"http://127.0.0.1:{server.server_port}")
    for request in ("put", "delete"):  # S3 knows it of slow operations
        assert is_transient(failure_of(found, request))
    assert told(found, "delete") == "s3://lab/a/b: request failed (InternalError): try again later"


def test_what_the_client_tried_is_counted(serve):
    found = connected(f"http://127.0.0.1:{serve(500).server_port}")
    retries = {**found.retry_config, "max_retries": 2}
    store = s3_store(Connection(**{**vars(found), "no_retry_config": retries}))
    with pytest.raises(Exception, match="after 2 retries") as caught:
        store.get("a/b")
    assert "500 Internal Server Error, tried 3 times" in str(
        remote_error(caught.value, WHERE, found)
    )


def test_keys_that_cannot_be_had(serve):
    from obstore.store import S3Store

    def give():
        raise RuntimeError(f"session expired {SECRET}")

    found = connected(f"http://127.0.0.1:{serve().server_port}")
    store = S3Store("lab", config=found.store_config, credential_provider=give)
    with pytest.raises(Exception, match="session expired") as caught:
        store.head("a")
    error = remote_error(caught.value, WHERE, found)
    assert str(error).startswith("s3://lab: no credentials could be had")
    assert SECRET not in str(error)
    assert not is_transient(caught.value)


# The first contact


def refused(found):
    start = time.monotonic()
    with pytest.raises(StorageError) as caught:
        check_reachable(found)
    assert time.monotonic() - start < 6
    assert caught.value.id == "PYR-UPL-04"
    return str(caught.value)


def test_a_closed_port():
    with closing(socket.socket()) as taken:  # so nobody else listens there
        taken.bind(("127.0.0.1", 0))
        endpoint = f"http://127.0.0.1:{taken.getsockname()[1]}"
        line = f"{endpoint}: cannot connect (connection refused): check --endpoint-url"
        assert refused(connected(endpoint)) == line
        assert refused(connected(endpoint)) == line  # is asked again
        assert refused(connection("http", endpoint[7:])).endswith("refused): check the address")
        found = connected(endpoint)
        assert told(found, "put") == line
        assert is_transient(failure_of(found)), (
            "after the first contact it is a server that restarts"
        )


def test_a_name_that_nobody_knows():
    assert refused(connected("http://store.invalid")) == (
        "http://store.invalid: cannot connect (name not known): check --endpoint-url"
    )


def test_a_server_that_takes_no_connection():
    with closing(socket.create_server(("127.0.0.1", 0), backlog=0)) as listener:
        address = listener.getsockname()
        waiting = [socket.socket() for _ in range(3)]
        for each in waiting:
            each.setblocking(False)
            each.connect_ex(address)
        line = refused(connected(f"http://127.0.0.1:{address[1]}"))
        for each in waiting:
            each.close()
    assert "cannot connect (timed out)" in line


def test_what_is_no_object_store(serve, raw):
    page = serve(200, b"<!DOCTYPE html>\n<HTML><body>Sign in</body></HTML>")
    endpoint = f"http://127.0.0.1:{page.server_port}"
    assert refused(connected(endpoint)) == (
        f"{endpoint}: cannot connect (a web page answers there, not an object store): "
        "check --endpoint-url"
    )
    assert "does not speak HTTP" in refused(connected(raw(other_protocol)))
    check_reachable(connection("http", endpoint[7:]))  # but a web server it is


def test_certificates(serve, tmp_path, monkeypatch):
    authority, server = certificates(tmp_path)
    endpoint = f"https://localhost:{serve(403, xml('AccessDenied'), tls=server).server_port}"
    assert refused(connected(endpoint)) == (
        f"{endpoint}: cannot connect (the certificate is not trusted): check --endpoint-url"
    )
    assert not is_transient(failure_of(connected(endpoint)))
    monkeypatch.setenv("AWS_CA_BUNDLE", str(authority))
    check_reachable(connected(endpoint))
    assert "access denied" in told(connected(endpoint))
    other_name = endpoint.replace("localhost", "127.0.0.1")
    assert "the certificate is for another name" in refused(connected(other_name))
    plain = f"https://127.0.0.1:{serve().server_port}"
    assert "no TLS there" in refused(connected(plain))


def certificates(folder):
    """Make an authority and a server that it vouches for as `localhost`."""
    x509 = pytest.importorskip("cryptography.x509")
    from cryptography.hazmat.primitives import hashes, serialization
    from cryptography.hazmat.primitives.asymmetric import ec

    def name(text):
        return x509.Name([x509.NameAttribute(x509.NameOID.COMMON_NAME, text)])

    def make(subject, key, signer, *extensions):
        builder = (
            x509.CertificateBuilder()
            .subject_name(name(subject))
            .issuer_name(name("authority"))
            .public_key(key.public_key())
            .serial_number(x509.random_serial_number())
            .not_valid_before(dt.datetime(2020, 1, 1))
            .not_valid_after(dt.datetime(2090, 1, 1))
        )
        for extension in extensions:
            builder = builder.add_extension(extension, critical=False)
        return builder.sign(signer, hashes.SHA256()).public_bytes(serialization.Encoding.PEM)

    keys = [ec.generate_private_key(ec.SECP256R1()) for _ in range(2)]
    pem = keys[1].private_bytes(
        serialization.Encoding.PEM,
        serialization.PrivateFormat.PKCS8,
        serialization.NoEncryption(),
    )
    names = x509.SubjectAlternativeName(
        [x509.DNSName("localhost"), x509.IPAddress(ipaddress.ip_address("127.0.0.2"))]
    )
    constraint = x509.BasicConstraints(ca=True, path_length=None)
    (folder / "ca.pem").write_bytes(make("authority", keys[0], keys[0], constraint))
    (folder / "server.pem").write_bytes(make("localhost", keys[1], keys[0], names) + pem)
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(folder / "server.pem")
    return folder / "ca.pem", context


def test_a_store_is_asked_once(serve):
    server = serve(403, xml("AccessDenied"))
    found = connected(f"http://127.0.0.1:{server.server_port}")
    for _ in range(3):
        check_reachable(found)
    assert [(method, path) for method, path, _ in server.seen] == [("GET", "/lab")]
    assert "authorization" not in {name.lower() for name in server.seen[0][2]}


@pytest.mark.parametrize("status", [500, 503])
def test_a_bad_moment_is_no_verdict(serve, raw, status):
    check_reachable(connected(f"http://127.0.0.1:{serve(status, b'<html>').server_port}"))
    check_reachable(connected(raw(reset)))


def test_through_a_proxy(serve, monkeypatch):
    """The store itself cannot be reached from here; only the proxy can."""
    proxy = serve(403, xml("AccessDenied"))
    monkeypatch.setenv("HTTP_PROXY", f"http://127.0.0.1:{proxy.server_port}")
    monkeypatch.setenv("http_proxy", f"http://127.0.0.1:{proxy.server_port}")
    found = connected("http://store.invalid")
    check_reachable(found)
    assert [path for _, path, _ in proxy.seen] == ["http://store.invalid/lab"]


# The environment, which the client library reads, too


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("AWS_SESSION_TOKEN", "foreign"),
        ("AWS_SESSION_TOKEN", ""),
        ("AWS_TOKEN", "foreign"),
        ("AWS_SKIP_SIGNATURE", "true"),
        ("AWS_UNSIGNED_PAYLOAD", "true"),
        ("AWS_ENDPOINT_URL_S3", "http://127.0.0.1:9"),
        ("AWS_ENDPOINT", "http://127.0.0.1:9"),
        ("AWS_VIRTUAL_HOSTED_STYLE_REQUEST", "true"),
        ("AWS_REGION", "eu-west-3"),
        ("AWS_ACCESS_KEY_ID", "AKIDOTHER"),
        ("AWS_USER_AGENT", "other"),
    ],
)
def test_the_environment_does_not_mix_in(serve, monkeypatch, name, value):
    server = serve(404)
    monkeypatch.setenv(name, value)
    endpoint = f"http://127.0.0.1:{server.server_port}"
    found = connected(endpoint, session_token="", region="us-east-1")
    failure_of(found)
    _, path, headers = server.seen[-1]
    headers = {name.lower(): value for name, value in headers.items()}
    assert path == "/lab/a/b"
    assert "x-amz-security-token" not in headers
    assert headers["x-amz-content-sha256"] != "UNSIGNED-PAYLOAD"
    assert "Credential=AKIDHIDDEN/" in headers["authorization"]
    assert "/us-east-1/s3/" in headers["authorization"]
    assert headers["user-agent"].startswith("pyramidion/")
    use_store_options(StoreOptions(endpoint=endpoint, anonymous=True))
    failure_of(connection("s3", "lab"))
    assert "authorization" not in {name.lower() for name in server.seen[-1][2]}


# Secrets

TEXTS = st.text(min_size=8, max_size=40).filter(lambda text: text.strip())
AROUND = st.sampled_from(
    ["", "<Code>", "Server returned non-2xx status code: 403 Forbidden: <Code>", "\n\nDebug source:",
     "HttpError {\n kind: Connect", "Signature=", "<Token-0>", "?X-Amz-Signature=", "https://"]
)  # fmt: skip


def _kinds():
    from obstore import exceptions

    return [
        exceptions.GenericError,
        exceptions.PermissionDeniedError,
        FileNotFoundError,
        ValueError,
    ]


@given(TEXTS, st.lists(st.tuples(AROUND, st.text(max_size=20)), max_size=4), st.integers(0, 3))
def test_no_message_ever_contains_a_secret(secret, parts, kind):
    secret = f"{secret}\u2603{len(secret)}x"  # in none of our own words
    for found in [Connection("s3", "lab", "http://127.0.0.1:9", secrets=(secret,), signed=True)]:
        text = "".join(f"{before}{secret}{after}" for before, after in parts) + secret
        error = remote_error(_kinds()[kind](text), WHERE, found)
        assert secret not in str(error)
        assert secret not in blot(text, found)
        assert "\n" not in str(error)


@pytest.mark.parametrize(
    ("text", "left"),
    [
        ("GET /b?X-Amz-Signature=abcdef&x=1", "GET /b?X-Amz-Signature=***&x=1"),
        ("?sv=1&sig=abc%3D&se=2", "?sv=1&sig=***&se=2"),
        ("Authorization: AWS4-HMAC-SHA256 Credential=A/B, Signature=c", "Authorization: ***"),
        ("AWS4-HMAC-SHA256 Credential=A/B, Signature=c", "AWS4-HMAC-SHA256 Credential=***, Signature=***"),
        ("https://user:pw@host/x", "https://***@host/x"),
        ("Bearer eyJ.abc", "Bearer ***"),
        ("<AWSAccessKeyId>AK</AWSAccessKeyId>", "<AWSAccessKeyId>***</AWSAccessKeyId>"),
        ("nothing to hide here", "nothing to hide here"),
    ],
)  # fmt: skip
def test_signatures_are_blotted(text, left):
    assert blot(text, None) == left


def test_a_web_page_in_place_of_a_document(tmp_path):
    """Some web servers answer 200 with a page, whatever is asked for."""
    (tmp_path / "w.zarr").mkdir()
    (tmp_path / "w.zarr/zarr.json").write_text("<!DOCTYPE html><html><body>Not found</body></html>")
    handler = partial(http.server.SimpleHTTPRequestHandler, directory=str(tmp_path))
    with http.server.ThreadingHTTPServer(("127.0.0.1", 0), handler) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        path = place(f"http://127.0.0.1:{server.server_port}/w.zarr/zarr.json")
        with pytest.raises(DataError, match="a web page answers there"):
            path.read_bytes()
        server.shutdown()
