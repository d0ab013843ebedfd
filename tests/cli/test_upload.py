"""Uploading with the real program to real servers: what arrives, what is said, what is sent again."""

import json
import os
import signal
import subprocess
import time
import xml.etree.ElementTree as ET

import numpy as np
import pytest
from tests.cli_runner import CLI, fail, run, succeed
from tests.formats.idx_written import ArrayImage, write_idx
from tests.formats.recording_writing import begin, publish, put
from tests.helpers import write_store
from tests.object_store.fault_proxy import FaultProxy
from tests.object_store.faults import Fault, Plan, Rule

from pyramidion.core import WaveformSpec, waveform_axes


@pytest.fixture
def store(tmp_path):
    """A waveform store of a few dozen files."""
    rng = np.random.default_rng(7)
    codes = rng.integers(-3000, 3000, (2, 1, 3, 200_000), dtype=np.int16)
    ones = np.ones((2, 1))
    spec = WaveformSpec(waveform_axes(codes.shape, 1e-9), codes.dtype, gains=ones, offsets=ones)
    return write_store(tmp_path / "scope.zarr", codes, spec)


@pytest.fixture
def volume(tmp_path):
    """A folder with an IDX dataset."""
    voxels = np.random.default_rng(3).integers(0, 255, (1, 1, 20, 60, 70), dtype=np.uint8)
    (tmp_path / "my-new-dataset").mkdir()
    write_idx(tmp_path / "my-new-dataset/visus.idx", ArrayImage(voxels), arco=4096)
    return tmp_path / "my-new-dataset"


def files_below(folder):
    return {str(p.relative_to(folder)): p.read_bytes() for p in folder.rglob("*") if p.is_file()}


def stored(server, bucket, prefix):
    """The objects below a prefix, without what is kept about them."""
    found = server.objects(bucket, prefix)
    return {k[len(prefix) :]: v for k, v in found.items() if ".manifest.json" not in k}


@pytest.mark.parametrize("environment", ["moto_environment", "s3_environment"])
def test_a_store_arrives_and_is_not_sent_again(environment, store, request):
    server = request.getfixturevalue(environment)
    bucket = server.bucket()
    url = f"s3://{bucket}/a/scope.zarr"
    told = succeed("upload", store, url)
    n = len(files_below(store))
    assert told.startswith(f"{url}: {n} objects, ")
    assert f"look at it: pyramidion view {url}" in told
    assert stored(server, bucket, "a/scope.zarr/") == files_below(store)
    before = server.sizes(bucket)
    assert succeed("upload", store, url).startswith(f"{url}: 0 objects, 0 B, {n} unchanged")
    assert server.sizes(bucket) == before
    report = json.loads(succeed("info", url, "--json"))
    assert list(report["shape"].values()) == [2, 1, 3, 200_000]
    server.remove_bucket(bucket)


def test_what_is_known_is_not_needed(store, moto_environment, moto_bucket):
    """From another machine, without the manifest beside the dataset: its id is another one, its bytes
    are the same."""
    url = f"s3://{moto_bucket}/scope.zarr"
    succeed("upload", store, url)
    (store.parent / ".scope.zarr.manifest.jsonl").unlink()
    assert succeed("upload", store, url, "--overwrite").startswith(f"{url}: 0 objects, 0 B, ")
    moto_environment.client().delete_object(Bucket=moto_bucket, Key="scope.zarr/raw/zarr.json")
    assert succeed("upload", store, url).startswith(f"{url}: 1 object, ")
    assert stored(moto_environment, moto_bucket, "scope.zarr/") == files_below(store)


def test_only_what_changed_is_sent(store, moto_environment, moto_bucket):
    url = f"s3://{moto_bucket}/scope.zarr"
    succeed("upload", store, url)
    for name in ("zarr.json", "raw/zarr.json", "raw/c/0/0/0/0"):
        path = store / name
        path.write_bytes(path.read_bytes() + b"\n")
        succeed("upload", store, url)
        assert stored(moto_environment, moto_bucket, "scope.zarr/") == files_below(store)


def test_if_size_differ_believes_the_size(store, moto_environment, moto_bucket):
    url = f"s3://{moto_bucket}/scope.zarr"
    succeed("upload", store, url)
    chunk = max((p for p in store.rglob("*") if p.is_file()), key=lambda p: p.stat().st_size)
    chunk.write_bytes(bytes(chunk.stat().st_size))
    assert succeed("upload", store, url, "--if-size-differ").startswith(f"{url}: 0 objects")
    assert stored(moto_environment, moto_bucket, "scope.zarr/") != files_below(store)
    succeed("upload", store, url)
    assert stored(moto_environment, moto_bucket, "scope.zarr/") == files_below(store)


def test_dry_run_json_delete_and_verify(store, moto_environment, moto_bucket):
    url = f"s3://{moto_bucket}/scope.zarr"
    plan = json.loads(succeed("upload", store, url, "--dry-run", "--json"))
    assert plan["sent"] == len(files_below(store))
    assert plan["dry_run"]
    assert moto_environment.sizes(moto_bucket) == {}
    assert not list(store.parent.glob(".*manifest*"))
    done = json.loads(succeed("upload", store, url, "--verify", "--json"))
    assert done["sent"] == done["verified"] == plan["sent"]
    assert done["entry"] == url
    moto_environment.put(moto_bucket, {"scope.zarr/raw/c/9/9/9/9": b"old", "other": b"mine"})
    succeed("upload", store, url, "--delete", "--dry-run")
    assert "scope.zarr/raw/c/9/9/9/9" in moto_environment.sizes(moto_bucket)
    assert "1 deleted" in succeed("upload", store, url, "--delete")
    assert stored(moto_environment, moto_bucket, "scope.zarr/") == files_below(store)
    assert moto_environment.get(moto_bucket, "other") == b"mine"


def test_delete_local_only_after_reading_back(store, moto_environment, moto_bucket):
    expected = files_below(store)
    (store.parent / "thesis.tex").write_text("precious")
    told = succeed("upload", store, f"s3://{moto_bucket}/", "--delete-local")
    assert "read back" in told
    assert not store.exists()
    assert [p.name for p in store.parent.iterdir() if not p.name.startswith("home")] == [
        "thesis.tex"
    ]
    assert stored(moto_environment, moto_bucket, "scope.zarr/") == expected


def test_delete_local_of_an_idx_leaves_its_neighbours(volume, moto_environment, moto_bucket):
    (volume / "notes.txt").write_text("mine")
    succeed("upload", volume / "visus.idx", f"s3://{moto_bucket}/v", "--delete-local")
    assert [p.name for p in volume.iterdir()] == ["notes.txt"]
    assert "v/visus.idx" in moto_environment.sizes(moto_bucket)
    assert "v/notes.txt" not in moto_environment.sizes(moto_bucket)


def test_plain_files(tmp_path, moto_environment, moto_bucket):
    for name in ("a.npy", "b.h5"):
        (tmp_path / name).write_bytes(name.encode() * 1000)
        succeed("upload", tmp_path / name, f"s3://{moto_bucket}/raw/")
    succeed("upload", tmp_path / "a.npy", f"s3://{moto_bucket}/raw/c.npy")
    sizes = moto_environment.sizes(moto_bucket)
    wanted = {"raw/a.npy": 5000, "raw/b.h5": 4000, "raw/c.npy": 5000}
    assert {key: sizes[key] for key in wanted} == wanted
    folder = tmp_path / "things"
    (folder / "inner").mkdir(parents=True)
    (folder / "inner/x").write_bytes(b"x")
    succeed("upload", folder, f"s3://{moto_bucket}/things")
    assert moto_environment.get(moto_bucket, "things/inner/x") == b"x"


def profile(monkeypatch, server, name):
    """Put keys into a profile of the AWS files and take them out of the environment."""
    monkeypatch.setenv("AWS_PROFILE", "nobody")
    for variable in ("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY", "AWS_ENDPOINT_URL"):
        monkeypatch.delenv(variable)
    with open(os.environ["AWS_SHARED_CREDENTIALS_FILE"], "w") as file:  # noqa: PTH123
        file.write(
            f"[{name}]\naws_access_key_id = {server.access_key}\n"
            f"aws_secret_access_key = {server.secret_key}\n[nobody]\n"
        )


LINES = {
    "aws s3 sync": "upload {dir} s3://{bucket}/my-new-dataset --profile lab --endpoint-url {url}",
    "s5cmd cp": "upload --if-size-differ {dir}/* s3://{bucket}/my-new-dataset/",
    "s5cmd, endpoint as an option": "upload --endpoint-url {url} --if-size-differ {dir}/* s3://{bucket}/my-new-dataset/",
}


@pytest.mark.parametrize("line", LINES)
def test_the_lines_of_the_original_documents(line, volume, s3_environment, s3_bucket, monkeypatch):
    """`aws s3 --profile P sync DIR DST`, `s5cmd cp --if-size-differ "DIR/*" "DST/"` in our words."""
    server = s3_environment
    profile(monkeypatch, server, "lab")
    monkeypatch.setenv("AWS_PROFILE", "lab")
    if "endpoint" not in LINES[line]:
        monkeypatch.setenv("S3_ENDPOINT_URL", server.endpoint)
    words = LINES[line].format(dir=volume, bucket=s3_bucket, url=server.endpoint).split()
    told = succeed(*words)
    assert stored(server, s3_bucket, "my-new-dataset/") == files_below(volume)
    address = f"{server.endpoint}/{s3_bucket}/my-new-dataset/visus.idx"
    entry = told.split("in datasets.config: ")[1].strip()
    assert ET.fromstring(entry).attrib == {"name": "my-new-dataset", "url": address}
    assert server.secret_key not in told


def test_keys_are_printed_only_when_asked(volume, moto_environment, moto_bucket):
    told = succeed("upload", volume, f"s3://{moto_bucket}/v", "--with-keys")
    entry = told.split("in datasets.config: ")[1].strip()
    assert "&amp;secret_key=" in entry
    key, secret = moto_environment.access_key, moto_environment.secret_key
    address = f"{moto_environment.endpoint}/{moto_bucket}/v/visus.idx"
    url = f"{address}?access_key={key}&secret_key={secret}"
    assert ET.fromstring(entry).attrib["url"] == url
    kept = [p.read_text() for p in volume.parent.glob(".*.jsonl")]
    assert kept
    assert all(secret not in text for text in kept)
    assert secret not in moto_environment.get(moto_bucket, "v/.manifest.json").decode()


def test_the_options_of_the_store(store, moto_environment, moto_bucket, monkeypatch):
    server = moto_environment
    for name in ("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY", "AWS_ENDPOINT_URL", "AWS_REGION"):
        monkeypatch.delenv(name)
    keys = ["--access-key", server.access_key, "--secret-key", server.secret_key]
    where = ["--endpoint-url", server.endpoint, "--region", "us-east-1", "--path-style"]
    url = f"s3://{moto_bucket}/scope.zarr"
    told = run("upload", store, url, *keys, *where, "--debug")
    assert told.returncode == 0, told.stderr
    assert server.secret_key not in told.stdout + told.stderr
    assert "scope.zarr" in succeed("info", url, *keys, *where)


def test_where_the_options_of_the_store_are_listed():
    assert "--endpoint-url" in succeed("upload", "--help")
    for command in ("convert", "info", "serve", "data_to_s3_importer"):
        told = succeed(command, "--help")
        assert "--endpoint-url" not in told
        assert "`upload --help` lists" in " ".join(told.split())
    done = run("info", "s3://lab/a", "--access-key", "AKIANOBODY")
    assert done.returncode == 2
    assert "AKIANOBODY" not in done.stderr


def test_with_viewer(store, moto_environment, moto_bucket):
    told = succeed("upload", store, f"s3://{moto_bucket}/a/scope.zarr", "--with-viewer")
    link = told.split("shown at ")[1].split()[0]
    page, _, query = link.partition("?")
    assert page == f"{moto_environment.endpoint}/{moto_bucket}/a/viewer/index.html"
    assert query == "data=../scope.zarr"
    assert "a/viewer/index.html" in moto_environment.sizes(moto_bucket)


def start(*arguments):
    return subprocess.Popen(
        [*CLI, *map(str, arguments)], stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
    )


def wait_for(condition, seconds=60):
    for _ in range(seconds * 100):
        if condition():
            return
        time.sleep(0.01)
    raise AssertionError("it never came")


@pytest.mark.timeout(600)
def test_killed_and_run_again(tmp_path, s3_environment, s3_bucket):
    """kill -9 at any time: the root comes last, and what has arrived is not sent twice."""
    server, rng = s3_environment, np.random.default_rng(5)
    tree = tmp_path / "many.zarr"
    (tree / "c").mkdir(parents=True)
    (tree / "zarr.json").write_text('{"zarr_format": 3, "node_type": "group"}')
    n_files = 3000
    for number in range(n_files):
        (tree / "c" / str(number)).write_bytes(rng.bytes(4_000))
    url, n_sent = f"s3://{s3_bucket}/many.zarr", 0
    for kill in range(5):
        n_before = len(server.sizes(s3_bucket))
        program = start("upload", tree, url, "--connections", "1")
        enough = n_before + 1 + 40 * kill
        wait_for(lambda: len(server.sizes(s3_bucket)) >= enough or program.poll() is not None)  # noqa: B023
        program.kill()
        program.communicate()
        assert "many.zarr/zarr.json" not in server.sizes(s3_bucket)
    arrived = [key for key in server.sizes(s3_bucket) if "/c/" in key]
    told = json.loads(succeed("upload", tree, url, "--json"))
    n_sent = told["sent"]
    assert n_sent <= n_files + 1 - len(arrived)
    assert told["unchanged"] == n_files + 1 - n_sent
    assert stored(server, s3_bucket, "many.zarr/") == files_below(tree)


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_stopped_cleanly(tmp_path, number, s3_environment, s3_bucket, monkeypatch):
    tree = tmp_path / "many"
    tree.mkdir()
    for name in range(400):
        (tree / str(name)).write_bytes(np.random.default_rng(name).bytes(100_000))
    slow = Rule(Fault.SLOW_ANSWER, "PUT", nth=range(50, 1000))  # it cannot end before it is stopped
    with (
        FaultProxy(s3_environment.endpoint, Plan(rules=(slow,))) as proxy,
        monkeypatch.context() as patch,
    ):
        patch.setenv("AWS_ENDPOINT_URL", proxy.endpoint)
        program = start("upload", tree, f"s3://{s3_bucket}/many", "--connections", "2")
        wait_for(lambda: len(s3_environment.sizes(s3_bucket)) > 10)
        program.send_signal(number)
        _, told = program.communicate(timeout=30)
    assert program.returncode == 128 + number
    assert "Traceback" not in told
    assert "stopped" in told
    assert "run again" in told
    assert len(told.splitlines()) <= 2
    done = json.loads(succeed("upload", tree, f"s3://{s3_bucket}/many", "--json"))
    assert done["unchanged"] > 0
    assert done["objects"] == 400


def test_follow_a_recording(tmp_path, moto_environment, moto_bucket):
    """Full shards are there before the recording ends, its metadata only afterwards."""
    frames = np.random.default_rng(1).integers(0, 4000, (300, 64, 64), dtype=np.uint16)
    path, url = tmp_path / "run.zarr", f"s3://{moto_bucket}/run.zarr"
    writer = begin(path, frames, chunk=(1, 64, 64), shard=(50, 1, 1))
    put(writer, frames, 0, 160)
    publish(writer)
    program = start("upload", path, url, "--follow", "--json")
    wait_for(lambda: any("/c/" in key for key in moto_environment.sizes(moto_bucket)))
    assert "run.zarr/zarr.json" not in moto_environment.sizes(moto_bucket)
    put(writer, frames, 160, 300)
    publish(writer)
    assert program.poll() is None
    writer.finish({})
    told, errors = program.communicate(timeout=60)
    assert program.returncode == 0, errors
    assert json.loads(told)["objects"] == len(files_below(path))
    assert stored(moto_environment, moto_bucket, "run.zarr/") == files_below(path)


def test_a_recording_that_was_cut_off(tmp_path, moto_environment, moto_bucket):
    frames = np.zeros((20, 16, 16), np.uint16)
    writer = begin(tmp_path / "run.zarr", frames)
    put(writer, frames, 0, 20)
    publish(writer)
    writer.abandon()
    line = ["upload", tmp_path / "run.zarr", f"s3://{moto_bucket}/run.zarr"]
    words = ["run.zarr: was cut off", "pyramidion repair"]
    fail(*line, "--follow", status=1, words=words, most_lines=2)
    assert "run.zarr/zarr.json" not in moto_environment.sizes(moto_bucket)
    done = run(*line)  # what can be read here can be read there
    assert done.returncode == 0, done.stderr
    assert "warning" in done.stderr
    assert "was cut off" in done.stderr
    assert "run.zarr/zarr.json" in moto_environment.sizes(moto_bucket)
