"""Rows ALL-*: what every command says when it is given something wrong."""

import contextlib
import json
import os
import signal
import socket
import subprocess
import time

import numpy as np
import pytest
from tests.cli_runner import CLI, fail, run, succeed

root_only = pytest.mark.skipif(os.geteuid() != 0, reason="needs root to mount a small file system")


@pytest.fixture
def npy(tmp_path):
    path = tmp_path / "w.npy"
    np.save(path, np.arange(5000, dtype=np.int16))
    return path


def test_all_01_no_or_unknown_command():
    fail("convrt", status=2, words=["convrt", "not a command", "did you mean convert?"])
    fail(status=2, words=["missing", "--help"])


def test_all_02_unknown_option(npy):
    fail("convert", npy, "x.zarr", "--compresion", "zstd", status=2, words=["--compresion", "unknown option", "did you mean --compression?"])  # fmt: skip
    fail("convert", npy, status=2, words="missing")


@pytest.mark.parametrize(
    "command", [["convert", "no.h5", "x.zarr"], ["info", "no.zarr"], ["verify", "no.npy"]]
)
def test_all_03_missing(tmp_path, command):
    fail(*command, status=1, words=["no", "no such file"], cwd=tmp_path)
    assert not list(tmp_path.iterdir())


@pytest.mark.parametrize("suffix", [".h5", ".npy"])
def test_all_04_a_directory_where_a_file_is_wanted(tmp_path, suffix):
    (tmp_path / f"a{suffix}").mkdir()
    fail(
        "convert",
        f"a{suffix}",
        "x.zarr",
        status=1,
        words=["directory", "file is needed"],
        cwd=tmp_path,
    )


def test_all_05_not_readable(tmp_path, npy):
    npy.chmod(0)
    if os.geteuid() == 0:  # root reads everything: become a user who does not
        tmp_path.chmod(0o755)
        for parent in tmp_path.parents:
            if not parent.stat().st_mode & 0o001:
                pytest.skip("an ordinary user cannot reach the folder of the test")
        user = ["setpriv", "--reuid=65534", "--regid=65534", "--clear-groups"]
        probe = subprocess.run([*user, *CLI, "--version"], capture_output=True, check=False)
        if probe.returncode:
            pytest.skip("an ordinary user cannot run the interpreter of the test")
        done = subprocess.run(
            [*user, *CLI, "info", npy], capture_output=True, text=True, check=False
        )
    else:
        done = run("info", npy)
    assert done.returncode == 1
    assert "permission denied" in done.stderr
    assert len(done.stderr.splitlines()) == 1


def test_all_06_output_exists(npy):
    out = npy.with_name("x.zarr")
    succeed("convert", npy, out)
    before = sorted(p.stat().st_mtime_ns for p in out.rglob("*"))
    fail("convert", npy, out, status=2, words=["already exists", "--overwrite"])
    fail("generate", out, "--samples", "100", status=2, words=["already exists", "--overwrite"])
    assert sorted(p.stat().st_mtime_ns for p in out.rglob("*")) == before
    succeed("convert", npy, out, "--overwrite")


def test_all_07_only_datasets_are_replaced(tmp_path, npy):
    home = tmp_path / "home.zarr"
    home.mkdir()
    (home / "thesis.tex").write_text("precious")
    words = ["refusing to replace", "not a dataset"]
    fail("convert", npy, home, "--overwrite", status=2, words=words)
    store = tmp_path / "s.zarr"
    succeed("convert", npy, store)
    (store / "notes.txt").write_text("mine")
    fail("convert", npy, store, "--overwrite", status=2, words=words)
    text = tmp_path / "letter.h5"
    text.write_text("dear all")
    fail("convert", npy, text, "--overwrite", status=2, words=words)
    assert (home / "thesis.tex").read_text() == "precious"
    assert (store / "notes.txt").read_text() == "mine"
    assert text.read_text() == "dear all"


def test_all_08_parent_missing(tmp_path, npy):
    fail("convert", npy, tmp_path / "a/b/x.zarr", status=2, words=["does not exist", "--parents"])
    assert not (tmp_path / "a").exists()
    succeed("convert", npy, tmp_path / "a/b/x.zarr", "--parents")


@root_only
def test_all_09_read_only(tmp_path, npy):
    place = tmp_path / "ro"
    place.mkdir()
    mounted = subprocess.run(
        ["mount", "-t", "tmpfs", "-o", "size=1m,ro", "tmpfs", place], check=False
    )
    if mounted.returncode:
        pytest.skip("mount is not allowed here")
    try:
        fail(
            "convert",
            npy,
            place / "x.zarr",
            status=1,
            words=["cannot write", "read-only file system"],
            most_lines=2,
        )
    finally:
        subprocess.run(["umount", place], check=True)


def test_all_10_output_in_input(npy):
    store = npy.with_name("x.zarr")
    succeed("convert", npy, store)
    words = ["lies inside the input", "another place"]
    fail("convert", store, store / "y.zarr", status=2, words=words)
    fail("convert", store, store, "--overwrite", status=2, words=words)
    assert run("verify", store).returncode == 0


@root_only
@pytest.mark.parametrize("suffix", [".zarr", ".h5", ".npy"])
def test_all_11_and_12_disk_full(tmp_path, suffix):
    place = tmp_path / "small"
    place.mkdir()
    mounted = subprocess.run(["mount", "-t", "tmpfs", "-o", "size=8m", "tmpfs", place], check=False)
    if mounted.returncode:
        pytest.skip("mount is not allowed here")
    out = place / f"x{suffix}"
    try:
        asked = [
            "generate",
            out,
            "--samples",
            "4e6",
            "--channels",
            "2",
            "--segments",
            "1",
            "--seed",
            "1",
        ]
        if suffix == ".npy":
            fail(*asked, status=1, words=["needs", "free"])
        fail(*asked, "--samples", "1e9", status=1, words=["needs ", "8.39 MB free", "--force"])
        assert not list(place.iterdir())
        line = fail(*asked, "--force", status=1, words=["disk full", "free"], most_lines=2)
        assert str(out) in line
        assert not out.exists()
        assert run("info", out).returncode == 1
    finally:
        subprocess.run(["umount", place], check=True)


@root_only
def test_all_12_resumed_after_a_full_disk(tmp_path):
    place = tmp_path / "small"
    place.mkdir()
    if subprocess.run(
        ["mount", "-t", "tmpfs", "-o", "size=60m", "tmpfs", place], check=False
    ).returncode:
        pytest.skip("mount is not allowed here")
    source, out = tmp_path / "w.npy", place / "w.zarr"
    np.save(source, np.random.default_rng(0).integers(-300, 300, 5 * 10**7, np.int16))
    try:
        done = run("convert", source, out, "--force")
        assert done.returncode == 1
        assert "disk full" in done.stderr
        assert "stored" in done.stderr
        assert "--resume" in done.stderr
        subprocess.run(["mount", "-o", "remount,size=200m", place], check=True)
        succeed("convert", source, out, "--resume")
        succeed("verify", out, "--against", source)
    finally:
        subprocess.run(["umount", place], check=True)


@pytest.mark.parametrize("value", ["1,000", "x", "-1", "0", "1.5", "1e99"])
def test_all_13_and_14_numbers(npy, value):
    fail("convert", npy, "x.zarr", "--workers", value, status=2, words="--workers", cwd=npy.parent)
    fail("generate", "x.zarr", "--samples", value, status=2, words="--samples", cwd=npy.parent)
    assert list(npy.parent.iterdir()) == [npy]


def test_all_14_says_what_to_write(tmp_path):
    fail(
        "generate",
        "x.zarr",
        "--samples",
        "1,000",
        status=2,
        words=["not a whole number (1,000)", "write 1000"],
        cwd=tmp_path,
    )


def test_all_15_glob_without_a_match(tmp_path):
    fail(
        "convert",
        "C*--run--*.trc",
        "x.zarr",
        status=1,
        words=["matches no file", "looked in"],
        cwd=tmp_path,
    )


@pytest.mark.parametrize("name", ["a\nb", "a'b\"c", "100%", "ä ö", "x" * 240, "-leading"])
def test_all_17_odd_names(tmp_path, npy, name):
    source = tmp_path / f"{name}.npy"
    npy.rename(source)
    out = tmp_path / f"{name}.zarr"
    done = run("convert", "--", source, out)
    assert done.returncode in (0, 1), done.stderr
    assert len([line for line in done.stderr.splitlines() if "warning" not in line]) <= 1
    if done.returncode == 0:
        succeed("verify", "--", out)
    missing = fail("info", "--", tmp_path / f"no{name}.npy", status=1, words=["no"])
    assert "\n" not in missing


@pytest.mark.parametrize("name", ["fifo.npy", "socket.h5", "/dev/zero", "/dev/null"])
def test_all_18_not_a_regular_file(tmp_path, name):
    with contextlib.ExitStack() as stack:
        if name.startswith("fifo"):
            os.mkfifo(tmp_path / name)
        if name.startswith("socket"):
            listening = stack.enter_context(socket.socket(socket.AF_UNIX))
            stack.enter_context(contextlib.chdir(tmp_path))  # names of sockets are short
            listening.bind(name)
        fail("info", tmp_path / name, status=1, words="not a regular file", timeout=20)


def test_all_19_links(tmp_path):
    (tmp_path / "loop.npy").symlink_to("loop.npy")
    (tmp_path / "gone.npy").symlink_to("nowhere.npy")
    fail("info", tmp_path / "loop.npy", status=1, words="link loop")
    fail("info", tmp_path / "gone.npy", status=1, words=["link to a missing file", "nowhere.npy"])


def test_all_21_name_too_long(tmp_path, npy):
    fail(
        "convert",
        npy,
        tmp_path / ("x" * 251 + ".zarr"),
        status=1,
        words="name too long",
        most_lines=2,
    )


def test_all_23_few_open_files(tmp_path):
    rng = np.random.default_rng(1)
    np.save(tmp_path / "w.npy", rng.integers(-9, 9, (2, 50, 30, 1000), np.int16))
    limited = ["sh", "-c", 'ulimit -n 64; exec "$@"', "sh", *CLI]
    for command in (["convert", "w.npy", "w.zarr"], ["verify", "w.zarr", "--against", "w.npy"]):
        done = subprocess.run(
            [*limited, *command], cwd=tmp_path, capture_output=True, text=True, check=False
        )
        assert done.returncode == 0, done.stderr


def test_all_25_second_writer(tmp_path):
    source, out = tmp_path / "w.npy", tmp_path / "w.zarr"
    np.save(source, np.random.default_rng(0).integers(-300, 300, 3 * 10**7, np.int16))
    command = [*CLI, "convert", source, out, "--compression", "blosc-zstd:9", "--workers", "1"]
    first = subprocess.Popen(command, stderr=subprocess.PIPE)
    lock = tmp_path / ".w.zarr.lock"
    while first.poll() is None and not (lock.exists() and lock.stat().st_size):
        time.sleep(0.005)
    first.send_signal(signal.SIGSTOP)
    try:
        words = [f"in use by process {first.pid} on host", "since", "wait or stop it"]
        fail("convert", source, out, "--resume", status=1, words=words)
        first.kill()
    finally:
        first.send_signal(signal.SIGCONT)
        first.communicate()
    succeed(
        "convert", source, out, "--resume", "--compression", "blosc-zstd:9"
    )  # a dead one's lock


def test_all_26_reader_of_our_output_leaves(npy):
    out = npy.with_name("x.zarr")
    succeed("convert", npy, out)
    piped = f"{' '.join(map(str, CLI))} info {out} --json | head -c 1; exit ${{PIPESTATUS[0]}}"
    done = subprocess.run(["bash", "-c", piped], capture_output=True, text=True, check=False)
    assert done.returncode in (0, 141)
    assert done.stderr == ""


def test_identifiers_are_shown_and_json_too(tmp_path):
    told = json.loads(run("info", "no.zarr", "--json", cwd=tmp_path).stdout)
    assert told["error"]["id"] == "PYR-ALL-03"
    debugged = run("--debug", "info", "no.zarr", cwd=tmp_path)
    assert "Traceback" in debugged.stderr
    assert "[PYR-ALL-03]" in debugged.stderr.splitlines()[-1]
