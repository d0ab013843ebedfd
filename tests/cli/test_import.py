"""Folders of recordings converted and uploaded: several at once, one failure stops no other."""

import json
import signal
import subprocess
import time

import numpy as np
import pytest
from tests.cli_runner import CLI, fail, run, succeed
from tests.object_store.fault_proxy import FaultProxy
from tests.object_store.faults import Fault, Plan, Rule


@pytest.fixture
def recordings(tmp_path):
    """Three recordings and a broken one."""
    folder = tmp_path / "recordings"
    folder.mkdir()
    for number, name in enumerate(("a", "b", "c")):
        succeed("generate", folder / f"{name}.h5", "--samples", "2e4", "--seed", str(number))
    (folder / "broken.h5").write_text("not a recording")
    return folder


@pytest.mark.parametrize("jobs", ["1", "3"])
def test_one_failure_stops_no_other(recordings, jobs, moto_environment, moto_bucket):
    line = ["import", recordings, "--bucket", moto_bucket, "--prefix", "2026/may", "--jobs", jobs]
    done = run(*line)
    assert done.returncode == 1
    assert "broken.h5: not an HDF5 file" in done.stderr
    assert len(done.stderr.splitlines()) == 1
    assert "3 converted, 0 kept, 3 uploaded, 1 failed" in done.stdout
    for name in "abc":
        url = f"s3://{moto_bucket}/2026/may/{name}.zarr"
        assert f"look at it: pyramidion view {url}" in done.stdout
        succeed("verify", url, "--against", recordings / f"{name}.h5")
        assert f"2026/may/{name}.zarr/zarr.json" in moto_environment.sizes(moto_bucket)
    assert sorted(p.name for p in recordings.iterdir()) == ["a.h5", "b.h5", "broken.h5", "c.h5"]
    (recordings / "broken.h5").unlink()
    told = succeed(*line)
    assert f"s3://{moto_bucket}/2026/may/a.zarr: already there, kept" in told
    assert "0 converted, 3 kept, 0 failed" in told
    assert not list(recordings.glob("*.zarr"))


def test_the_report(recordings, moto_environment, moto_bucket):
    done = run("import", recordings, "--bucket", moto_bucket, "--keep-local", "--json")
    assert done.returncode == 1
    report = json.loads(done.stdout)
    by_name = {file["source"].rpartition("/")[2]: file for file in report["files"]}
    assert list(by_name) == ["a.h5", "b.h5", "broken.h5", "c.h5"]
    assert by_name["a.h5"]["store"] == str(recordings / "a.zarr")
    assert by_name["a.h5"]["url"] == f"s3://{moto_bucket}/a.zarr"
    assert by_name["a.h5"]["uploaded"]["sent"] > 3
    assert by_name["broken.h5"]["error"]["id"] == "PYR-H5-01"
    assert (recordings / "a.zarr/zarr.json").exists()
    assert moto_environment.get(moto_bucket, "a.zarr/zarr.json") == (recordings / "a.zarr/zarr.json").read_bytes()  # fmt: skip


def test_a_store_that_was_there_is_sent_and_stays(recordings, moto_environment, moto_bucket):
    succeed("convert", recordings / "a.h5", recordings / "a.zarr")
    told = run("import", recordings / "a.h5", "--bucket", moto_bucket).stdout
    assert "already there, kept" in told
    assert "0 converted, 1 kept, 1 uploaded, 0 failed" in told
    assert (recordings / "a.zarr").exists()
    assert "a.zarr/zarr.json" in moto_environment.sizes(moto_bucket)


def test_the_store_of_a_failed_upload_is_kept(recordings, moto_environment, moto_bucket):
    moto_environment.put(moto_bucket, {"a.zarr/thesis.tex": b"precious"})
    done = run("import", recordings / "a.h5", recordings / "b.h5", "--bucket", moto_bucket)
    assert done.returncode == 1
    assert "holds another dataset" in done.stderr
    assert "2 converted, 0 kept, 1 uploaded, 1 failed" in done.stdout
    assert (recordings / "a.zarr/zarr.json").exists()
    assert not (recordings / "b.zarr").exists()
    assert moto_environment.get(moto_bucket, "a.zarr/thesis.tex") == b"precious"


@pytest.mark.usefixtures("moto_environment")
def test_a_missing_bucket_is_told_before_converting(recordings):
    words = ["nobody-made-this", "no such bucket"]
    fail("import", recordings, "--bucket", "nobody-made-this", status=1, words=words)
    assert not list(recordings.glob("*.zarr*"))


@pytest.mark.usefixtures("moto_environment")
def test_two_files_that_would_be_one_object(recordings, tmp_path, moto_bucket):
    (tmp_path / "other").mkdir()
    (tmp_path / "other/a.h5").write_bytes((recordings / "a.h5").read_bytes())
    line = ["import", recordings, tmp_path / "other", "--bucket", moto_bucket]
    fail(*line, status=2, words=["two names collide", "a.h5"])


@pytest.mark.usefixtures("moto_environment")
def test_plan_and_tasks(recordings, moto_bucket):
    line = ["import", recordings, "--bucket", moto_bucket]
    told = succeed(*line, "--dry-run", "--tasks", "1:3")
    assert [row.rpartition("/")[2] for row in told.splitlines()] == ["b.zarr", "broken.zarr"]
    plan = json.loads(succeed(*line, "--dry-run", "--json"))
    assert plan[0] == {
        "source": str(recordings / "a.h5"),
        "destination": str(recordings / "a.zarr"),
        "url": f"s3://{moto_bucket}/a.zarr",
    }
    fail(*line, "--tasks", "9:", status=2, words=["--tasks", "0 to 4"])
    assert not list(recordings.glob("*.zarr"))


@pytest.mark.parametrize("jobs", ["1", "2"])
def test_stopped_and_run_again(tmp_path, jobs, moto_environment, moto_bucket, monkeypatch):
    for number in range(4):
        succeed("generate", tmp_path / f"{number}.h5", "--samples", "3e6", "--channels", "1")
    line = ["import", *(tmp_path / f"{n}.h5" for n in range(4)), "--bucket", moto_bucket]
    last_waits = Plan(rules=(Rule(Fault.STALLED_ANSWER, method="PUT", path=".*/3.zarr/.*"),))
    with FaultProxy(moto_environment.endpoint, last_waits) as proxy, monkeypatch.context() as patch:
        patch.setenv("AWS_ENDPOINT_URL", proxy.endpoint)
        program = subprocess.Popen(
            [*CLI, *map(str, line), "--jobs", jobs], stdout=subprocess.PIPE, stderr=subprocess.PIPE,
            text=True,
        )  # fmt: skip
        for _ in range(6000):
            if moto_environment.sizes(moto_bucket):
                break
            time.sleep(0.01)
        program.send_signal(signal.SIGINT)
        _, errors = program.communicate(timeout=60)
    assert program.returncode == 130, errors
    assert "Traceback" not in errors
    told = run(*line, "--resume")
    assert told.returncode == 0, told.stderr
    for number in range(4):
        assert f"{number}.zarr/zarr.json" in moto_environment.sizes(moto_bucket)


def test_ctrl_c_is_heard_while_a_store_is_silent(moto_environment, moto_bucket, tmp_path, monkeypatch):  # fmt: skip
    for name in ("a.npy", "b.npy"):
        np.save(tmp_path / name, np.arange(100_000, dtype=np.int16).reshape(1, 1, 1, -1))
    rule = Rule(Fault.STALLED_ANSWER, method="PUT", path=".*/c/.*")
    with FaultProxy(moto_environment.endpoint, Plan(rules=(rule,))) as proxy:
        monkeypatch.setenv("AWS_ENDPOINT_URL", proxy.endpoint)
        program = [*CLI, "import", str(tmp_path), "--bucket", moto_bucket, "--jobs", "2"]
        process = subprocess.Popen(program, stdout=subprocess.PIPE, stderr=subprocess.PIPE)
        until = time.monotonic() + 60
        # The one that is converted first is sent; the other waits for it.
        while not (proxy.faults()[Fault.STALLED_ANSWER] and (tmp_path / "a.zarr").exists()):
            assert time.monotonic() < until
            time.sleep(0.05)
        process.send_signal(signal.SIGINT)
        _, error = process.communicate(timeout=20)
    assert process.returncode == 130, error
    assert b"stopped" in error
    assert b"Traceback" not in error
    assert (tmp_path / "a.zarr").exists()
