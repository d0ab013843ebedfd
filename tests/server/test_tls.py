"""TLS: what is served is the same, cookies stay on it, and a handshake takes no longer than a head."""

from __future__ import annotations

import datetime as dt
import ipaddress
import socket
import ssl
import time
from urllib.parse import urlsplit

import pytest
from tests.server.http import Client, read_answer
from tests.server.test_command import fails, pyramidion

from pyramidion.core import UsageError
from pyramidion.server import ServerSettings, build_app, serve_background


@pytest.fixture(scope="session")
def pems(tmp_path_factory):
    """Return a folder with a certificate for 127.0.0.1, its key, another key and one with a word."""
    from cryptography import x509
    from cryptography.hazmat.primitives import hashes, serialization
    from cryptography.hazmat.primitives.asymmetric import ec
    from cryptography.x509.oid import NameOID

    folder = tmp_path_factory.mktemp("tls")
    pem, pkcs8 = serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8
    key, other = (ec.generate_private_key(ec.SECP256R1()) for _ in range(2))
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "lab")])
    now = dt.datetime.now(dt.UTC)
    alternatives = [x509.IPAddress(ipaddress.ip_address("127.0.0.1"))]
    certificate = (
        x509.CertificateBuilder()
        .subject_name(name)
        .issuer_name(name)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - dt.timedelta(days=1))
        .not_valid_after(now + dt.timedelta(days=2))
        .add_extension(x509.SubjectAlternativeName(alternatives), critical=False)
        .sign(key, hashes.SHA256())
    )
    (folder / "cert.pem").write_bytes(certificate.public_bytes(pem))
    plain = serialization.NoEncryption()
    (folder / "key.pem").write_bytes(key.private_bytes(pem, pkcs8, plain))
    (folder / "other.pem").write_bytes(other.private_bytes(pem, pkcs8, plain))
    locked = serialization.BestAvailableEncryption(b"word")
    (folder / "locked.pem").write_bytes(key.private_bytes(pem, pkcs8, locked))
    (folder / "text.pem").write_text("not one\n")
    return folder


@pytest.fixture
def secure(root, pems):
    """Return a function that starts a server with TLS."""
    import contextlib

    with contextlib.ExitStack() as stack:

        def start(**options):
            settings = ServerSettings(
                port=0, tls_cert=str(pems / "cert.pem"), tls_key=str(pems / "key.pem"), **options
            )
            url = stack.enter_context(serve_background(build_app([root], settings), settings))
            return stack.enter_context(SecureClient(url, pems))

        yield start


class SecureClient(Client):
    def __init__(self, url, pems):
        super().__init__(url)
        self._context = ssl.create_default_context(cafile=str(pems / "cert.pem"))

    def connect(self, **options):
        plain = socket.create_connection(self.address, 30)
        return self._context.wrap_socket(plain, server_hostname="127.0.0.1", **options)

    def send(self, request, *, has_body=True):
        if self._socket is None:
            self._socket = self.connect()
            self._stream = self._socket.makefile("rb")
            self.n_connections += 1
        return super().send(request, has_body=has_body)


def test_files_are_the_same(secure, content, large):
    client = secure()
    assert client.url.startswith("https://127.0.0.1:")
    assert client.get("/file.bin").body == content
    assert client.get("/file.bin", Range="bytes=5-9").body == content[5:10]
    assert client.get("/large.bin").body == large
    assert client.get("/nothing").status == 404
    assert client.n_connections == 1


def test_a_request_sent_with_the_end_of_the_handshake(secure, content):
    client = secure()
    for _ in range(30):
        with client.connect() as connection:
            host = f"Host: {client.host}"
            connection.sendall(f"GET /file.bin HTTP/1.1\r\n{host}\r\n\r\n".encode())
            with connection.makefile("rb") as stream:
                assert read_answer(stream).body == content


def test_cookies_stay_on_it(secure, root, serve):
    answer = secure(token="abc").get("/?token=abc")
    assert answer.status == 303
    assert answer["set-cookie"].endswith("; HttpOnly; SameSite=Strict; Secure")
    assert "Secure" not in serve([root], token="abc").get("/?token=abc")["set-cookie"]


def test_old_versions_are_refused(secure):
    client = secure()
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    context.check_hostname, context.verify_mode = False, ssl.CERT_NONE
    old = ssl.TLSVersion.TLSv1_1
    with pytest.warns(DeprecationWarning, match="TLSv1_1"):
        context.minimum_version = old
    with pytest.warns(DeprecationWarning, match="TLSv1_1"):
        context.maximum_version = old
    with (
        socket.create_connection(client.address, 10) as plain,
        pytest.raises((ssl.SSLError, ConnectionError)),
    ):
        context.wrap_socket(plain)


def test_what_is_no_tls_is_closed_without_a_word(secure, content, caplog, capfd):
    client = secure()
    for sent in (b"GET / HTTP/1.1\r\nHost: x\r\n\r\n", b"", b"\x16\x03\x01", b"\x00" * 4000):
        with socket.create_connection(client.address, 10) as plain:
            plain.sendall(sent)
            plain.shutdown(socket.SHUT_WR)
            with_answer = b"".join(iter(lambda sock=plain: _received(sock), b""))
            assert not with_answer.startswith(b"HTTP")
    assert client.get("/file.bin").body == content
    assert (caplog.records, capfd.readouterr().err) == ([], "")


def _received(connection):
    try:
        return connection.recv(1000)
    except ConnectionError:
        return b""


def test_begun_handshakes_make_room(secure, content):
    client = secure(max_clients=8)
    silent = [socket.create_connection(client.address, 10) for _ in range(50)]
    assert client.get("/file.bin").body == content
    closed = 0
    for each in silent:
        each.setblocking(False)
        try:
            closed += each.recv(1) == b""
        except BlockingIOError:
            pass
        except ConnectionError:
            closed += 1
        each.close()
    assert closed >= 42


def test_who_is_let_in_takes_no_second_place(secure, content):
    client = secure(max_clients=1)
    for _ in range(5):
        assert client.get("/file.bin").body == content
        client.close()
    assert client.n_connections == 5


@pytest.mark.slow
def test_a_handshake_has_ten_seconds(secure):
    client = secure()
    began = time.monotonic()
    with socket.create_connection(client.address, 30) as silent:
        assert _received(silent) == b""
    assert 9 < time.monotonic() - began < 13


@pytest.mark.parametrize(
    ("cert", "key", "words"),
    [
        ("cert.pem", "other.pem", "--tls-key: does not match the certificate"),
        ("none.pem", "key.pem", "--tls-cert: no such file"),
        ("cert.pem", "none.pem", "--tls-key: no such file"),
        ("text.pem", "key.pem", "--tls-cert: not a certificate"),
        ("key.pem", "key.pem", "--tls-cert: not a certificate"),
        ("cert.pem", "text.pem", "--tls-key: not a private key"),
        ("cert.pem", "cert.pem", "--tls-key: not a private key"),
        ("cert.pem", "locked.pem", "--tls-key: is encrypted"),
        (".", "key.pem", "--tls-cert: is a directory"),
        ("cert.pem", None, "--tls-key: is missing"),
        (None, "key.pem", "--tls-cert: is missing"),
    ],
)
def test_mistakes(root, pems, cert, key, words):
    named = {
        name: str(pems / file)
        for name, file in (("tls_cert", cert), ("tls_key", key))
        if file is not None
    }
    with (
        pytest.raises(UsageError) as told,
        serve_background(build_app([root]), ServerSettings(port=0, **named)),
    ):
        pass
    assert words in told.value.line
    assert told.value.id == "PYR-SRV-06"


@pytest.mark.slow
def test_command(root, pems, content):
    options = ["--tls-cert", pems / "cert.pem", "--port", "0"]
    status, line = fails("serve", root, *options, "--tls-key", pems / "other.pem")
    assert (status, "--tls-key: does not match the certificate" in line) == (2, True)
    with pyramidion("serve", root, *options, "--tls-key", pems / "key.pem") as process:
        url = process.stdout.readline().rpartition(" at ")[2].strip().rstrip("/")
        assert urlsplit(url).scheme == "https"
        with SecureClient(url, pems) as client:
            assert client.get("/file.bin").body == content
        process.terminate()
        assert process.communicate(timeout=20)[1] == ""
