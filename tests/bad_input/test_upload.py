"""The rows of the catalogue for upload: exit status, one line, the words, no secret anywhere."""

import os
import socket

import numpy as np
import pytest
from tests.cli_runner import fail, run, succeed
from tests.formats.recording_writing import begin, put
from tests.helpers import tree_digest, write_store
from tests.object_store.fault_proxy import FaultProxy
from tests.object_store.faults import PASSING, Fault, Plan, Rule

from pyramidion.core import WaveformSpec, waveform_axes

pytestmark = pytest.mark.slow

SECRET = "never-to-be-shown/0123456789abcdef"


@pytest.fixture
def store(tmp_path):
    codes = np.arange(4000, dtype=np.int16).reshape(1, 1, 2, 2000)
    ones = np.ones((1, 1))
    spec = WaveformSpec(waveform_axes(codes.shape, 1e-9), codes.dtype, gains=ones, offsets=ones)
    return write_store(tmp_path / "scope.zarr", codes, spec)


def refused(*arguments, status, words, **options):
    """Run ``upload`` and expect one line, quickly; nothing in it or around it is secret."""
    line = fail("upload", *arguments, status=status, words=words, timeout=20, **options)
    assert SECRET not in line
    return line


@pytest.mark.usefixtures("moto_environment")
def test_upl_01_no_credentials(store, moto_bucket, monkeypatch):
    for name in ("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY"):
        monkeypatch.delenv(name)
    words = [f"no credentials for bucket {moto_bucket}", "looked in", "set AWS_PROFILE"]
    refused(store, f"s3://{moto_bucket}/a", status=2, words=words)
    refused(store, f"s3://{moto_bucket}/a", "--anonymous", status=2, words="no credentials")
    assert not list(store.parent.glob(".*manifest*"))


def test_upl_02_wrong_keys(store, s3_environment, s3_bucket):
    wrong = ["--access-key", s3_environment.access_key, "--secret-key", SECRET]
    words = [s3_bucket, "access denied", "SignatureDoesNotMatch", "secret key"]
    refused(store, f"s3://{s3_bucket}/a", *wrong, status=1, words=words)
    unknown = ["--access-key", "AKIANOBODY", "--secret-key", SECRET]
    refused(store, f"s3://{s3_bucket}/a", *unknown, status=1, words=[s3_bucket, "access denied"])
    told = run("upload", store, f"s3://{s3_bucket}/a", *wrong, "--json", "--debug")
    assert SECRET not in told.stdout + told.stderr
    assert '"id": "PYR-UPL-02"' in told.stdout


def test_upl_02_somebody_elses_bucket(store, s3_environment, s3_bucket):
    them = s3_environment.stranger
    keys = ["--access-key", them.access_key, "--secret-key", them.secret_key]
    refused(store, f"s3://{s3_bucket}/a", *keys, status=1, words=[s3_bucket, "access denied"])


@pytest.mark.parametrize("server", ["moto_environment", "s3_environment"])
def test_upl_03_no_such_bucket(store, server, request):
    endpoint = request.getfixturevalue(server).endpoint
    words = ["nobody-made-this", "no such bucket", endpoint]
    refused(store, "s3://nobody-made-this/a", status=1, words=words)


@pytest.mark.usefixtures("moto_environment")
def test_upl_04_closed_port(store, monkeypatch):
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", SECRET)
    with socket.socket() as taken:  # so nobody else listens there
        taken.bind(("127.0.0.1", 0))
        endpoint = f"http://127.0.0.1:{taken.getsockname()[1]}"
        words = [endpoint, "cannot connect"]
        refused(store, "s3://lab/a", "--endpoint-url", endpoint, status=1, words=words)


@pytest.mark.parametrize(
    "url",
    [
        f"s3://KEY:{SECRET.replace('/', '')}@lab/a",
        f"s3://lab/a?access_key=KEY&secret_key={SECRET}",
    ],
)
def test_upl_05_credentials_in_a_url(store, url):
    line = refused(store, url, status=2, words=["credentials in a URL", "use a profile"])
    assert SECRET.replace("/", "") not in line


@pytest.fixture
def through(moto_environment, monkeypatch):
    """Return a function that puts a proxy that fails as planned before the small server."""

    def begin(plan):
        proxy = FaultProxy(moto_environment.endpoint, plan)
        monkeypatch.setenv("AWS_ENDPOINT_URL", proxy.__enter__().endpoint)
        begun.append(proxy)
        return proxy

    begun = []
    yield begin
    for proxy in begun:
        proxy.__exit__()


def test_upl_06_what_passes(tmp_path, through, moto_environment, moto_bucket):
    folder = tmp_path / "many"
    folder.mkdir()
    for number in range(100):
        (folder / str(number)).write_bytes(np.random.default_rng(number).bytes(2000))
    through(Plan(shares={fault: 0.2 / len(PASSING) for fault in PASSING}, delay_s=0.1))
    told = succeed("upload", folder, f"s3://{moto_bucket}/many")
    assert "requests repeated" in told
    sent = {k: v for k, v in moto_environment.objects(moto_bucket).items() if "manifest" not in k}
    assert sent == {f"many/{path.name}": path.read_bytes() for path in folder.iterdir()}


def test_upl_07_errors_for_ever(store, through, moto_environment, moto_bucket):
    through(Plan(rules=[Rule(Fault.INTERNAL_ERROR, "PUT", "/raw/c/")]))
    words = [f"s3://{moto_bucket}/a", "stopped after", "of 6 objects", "run again"]
    options = ["--retry-time", "2s", "--connections", "1"]
    refused(store, f"s3://{moto_bucket}/a", *options, status=1, words=words)
    assert "a/zarr.json" not in moto_environment.sizes(moto_bucket)


def test_upl_08_damaged_on_the_way(store, through, moto_environment, moto_bucket):
    through(Plan(rules=[Rule(Fault.FLIPPED_REQUEST, "PUT", "/raw/c/")]))
    words = ["raw/c/0/0/0/0", "arrived damaged 3 times", "nothing published"]
    refused(store, f"s3://{moto_bucket}/a", status=1, words=words, most_lines=2)
    assert "a/zarr.json" not in moto_environment.sizes(moto_bucket)


def test_upl_12_not_what_was_sent(store, through, moto_bucket):
    through(Plan(rules=[Rule(Fault.FLIPPED_ANSWER, "GET", "/raw/c/")]))
    before = tree_digest(store)
    done = run("upload", store, f"s3://{moto_bucket}/a", "--delete-local")
    assert done.returncode == 1
    first, second = done.stderr.splitlines()
    assert "raw/c/0/0/0/0" in first
    assert "differs in the store" in first
    assert "is kept" in second
    assert tree_digest(store) == before


def test_upl_15_a_bucket_that_is_not_public(store, s3_environment, s3_bucket):
    done = run("upload", store, f"s3://{s3_bucket}/a", "--with-viewer")
    assert done.returncode == 0, done.stderr
    assert s3_environment.get(s3_bucket, "a/zarr.json") == (store / "zarr.json").read_bytes()
    assert all(": warning: " in line for line in done.stderr.splitlines())
    assert "s3:GetObject" in done.stdout + done.stderr  # the rule to add


def test_upl_09_same_size_other_content(store, moto_environment, moto_bucket):
    succeed("upload", store, f"s3://{moto_bucket}/a")
    files = (path for path in store.rglob("c/**/*") if path.is_file())
    chunk = max(files, key=lambda path: path.stat().st_size)
    before = chunk.stat()
    data = bytearray(chunk.read_bytes())
    data[len(data) // 2] ^= 1
    chunk.write_bytes(data)
    os.utime(chunk, ns=(before.st_atime_ns, before.st_mtime_ns))
    told = succeed("upload", store, f"s3://{moto_bucket}/a")
    key = f"a/{chunk.relative_to(store)}"
    assert moto_environment.get(moto_bucket, key) == bytes(data)
    assert "unchanged" in told


@pytest.mark.usefixtures("moto_environment")
def test_upl_10_still_being_recorded(tmp_path, moto_bucket):
    frames = np.zeros((4, 16, 16), np.uint16)
    writer = begin(tmp_path / "run.zarr", frames)
    put(writer, frames, 0, 4)
    words = ["run.zarr", "still being acquired", "--follow"]
    refused(tmp_path / "run.zarr", f"s3://{moto_bucket}/a", status=1, words=words)
    writer.finish({})
    succeed("upload", tmp_path / "run.zarr", f"s3://{moto_bucket}/a")


def test_upl_11_another_dataset(store, tmp_path, moto_environment, moto_bucket):
    succeed("upload", store, f"s3://{moto_bucket}/a")
    other = tmp_path / "other/w.zarr"
    other.parent.mkdir()
    succeed("generate", other, "--samples", "1e4")
    before = moto_environment.objects(moto_bucket)
    words = [f"s3://{moto_bucket}/a", "holds another dataset", "--overwrite"]
    refused(other, f"s3://{moto_bucket}/a", status=2, words=words)
    assert moto_environment.objects(moto_bucket) == before
    succeed("upload", other, f"s3://{moto_bucket}/a", "--overwrite")
    assert moto_environment.get(moto_bucket, "a/zarr.json") == (other / "zarr.json").read_bytes()


def test_upl_11_not_a_dataset_of_ours(store, moto_environment, moto_bucket):
    moto_environment.put(moto_bucket, {"a/thesis.tex": b"precious"})
    refused(
        store, f"s3://{moto_bucket}/a", status=2, words=[f"s3://{moto_bucket}/a", "--overwrite"]
    )
    assert moto_environment.get(moto_bucket, "a/thesis.tex") == b"precious"


@pytest.mark.parametrize("kind", ["leaves", "dangles", "pipe", "unreadable"])
def test_upl_13_what_is_no_file_of_the_dataset(
    store, tmp_path, kind, moto_environment, moto_bucket
):
    bad = store / "raw/c/bad"
    (tmp_path / "outside").write_bytes(b"somebody else's")
    if kind == "leaves":
        bad.symlink_to(tmp_path / "outside")
    elif kind == "dangles":
        bad.symlink_to("nowhere")
    elif kind == "pipe":
        os.mkfifo(bad)
    else:
        bad.write_bytes(b"x")
        bad.chmod(0)
        if os.access(bad, os.R_OK):
            pytest.skip("root reads everything")
    words = {"leaves": "link leaves the dataset", "dangles": "link", "pipe": "not a regular file"}
    refused(store, f"s3://{moto_bucket}/a", status=1, words=words.get(kind, "permission denied"))
    assert moto_environment.sizes(moto_bucket) == {}


@pytest.mark.usefixtures("moto_environment")
def test_upl_14_a_key_that_is_too_long(store, moto_bucket):
    words = ["too long", "1024"]
    refused(store, f"s3://{moto_bucket}/{'a' * 1020}", status=1, words=words)


@pytest.mark.parametrize(
    ("options", "words"),
    [
        (["--connections", "0"], "--connections"),
        (["--bytes-in-flight", "4mb2"], ["--bytes-in-flight", "not a size"]),
        (["--retry-time", "soon"], ["--retry-time", "not a time"]),
        (["--with-keys"], ["--with-keys", "IDX"]),
        (["--deleet"], "did you mean --delete"),
    ],
)
def test_options_are_checked_first(store, options, words):
    before = tree_digest(store.parent)
    refused(store, "s3://lab/a", *options, status=2, words=words)
    assert tree_digest(store.parent) == before
