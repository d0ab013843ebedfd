"""The edges of the command line: signals, closed streams, odd names, options that are wrong."""

import contextlib
import json
import os
import re
import signal
import subprocess
import time
from pathlib import Path

import numpy as np
import pytest
from tests.cli_runner import CLI, fail, run, succeed
from tests.formats.trc_files import write_trc

from pyramidion.cli._print import print_json


@pytest.fixture
def store(tmp_path):
    np.save(tmp_path / "w.npy", np.arange(5000, dtype=np.int16))
    succeed("convert", "w.npy", "w.zarr", "--dt", "1e-9", cwd=tmp_path)
    return tmp_path / "w.zarr"


@pytest.fixture
def recording(tmp_path):
    """A file that takes every command a while, on one worker."""
    values = np.random.default_rng(0).integers(-300, 300, 3 * 10**7, np.int16)
    np.save(tmp_path / "w.npy", values)
    return tmp_path / "w.npy"


def bash(line, cwd, **env):
    """Run a line of shell in which ``P`` is the program; return status and what was printed."""
    text = line.replace("P ", " ".join(CLI) + " ", 1)
    return subprocess.run(
        ["bash", "-c", text],
        capture_output=True,
        text=True,
        cwd=cwd,
        env={**os.environ, **env},
        check=False,
    )


# Names


@pytest.mark.parametrize("name", ["run[1]", "a*b", "what?", "a--b"])
def test_import_of_a_set_with_a_name_that_looks_like_a_pattern(tmp_path, name):
    for channel in (1, 2):
        write_trc(tmp_path / f"C{channel}--{name}--00000.trc", np.full((1, 50), channel, np.int16))
    succeed("import", ".", "--skip-upload", cwd=tmp_path)
    shape = json.loads(succeed("info", f"{name}.zarr", "--json", cwd=tmp_path))["shape"]
    assert list(shape.values()) == [2, 1, 1, 50]


def test_import_tells_sets_apart(tmp_path):
    names = ["C1--a--b--0.trc", "C1--a--c--0.trc", "C1--b--0.trc", "C1--BIG--0.TRC", "c1--low--0.trc", "C1--Mix--0.Trc"]  # fmt: skip
    for name in names:
        write_trc(tmp_path / name, np.zeros((1, 50), np.int16))
    told = succeed("import", ".", "--skip-upload", cwd=tmp_path)
    assert "6 converted" in told
    stores = {p.name for p in tmp_path.glob("*.zarr")}
    assert stores == {"a--b.zarr", "a--c.zarr", "b.zarr", "BIG.zarr", "low.zarr", "Mix.zarr"}


def test_import_reads_alone_what_no_pattern_names(tmp_path):
    for name in ("C1--run--0.trc", "c2--run--0.TRC"):
        write_trc(tmp_path / name, np.zeros((1, 50), np.int16))
    assert "2 converted" in succeed("import", ".", "--skip-upload", cwd=tmp_path)
    for name in ("C1--run--0.zarr", "c2--run--0.zarr"):
        succeed("verify", name, cwd=tmp_path)


def test_import_does_not_take_a_stranger_for_a_result(tmp_path):
    for name in "abc":
        np.save(tmp_path / f"{name}.npy", np.zeros(50, np.int16))
    (tmp_path / "a.zarr").mkdir()
    (tmp_path / "a.zarr/thesis.tex").write_text("precious")
    (tmp_path / "b.zarr").write_text("precious too")
    done = run("import", ".", "--skip-upload", cwd=tmp_path)
    assert done.returncode == 1
    assert done.stderr.count("no dataset of ours") == 2
    assert "1 converted, 0 kept, 2 failed" in done.stdout
    assert (tmp_path / "a.zarr/thesis.tex").read_text() == "precious"


def test_names_are_escaped(tmp_path):
    name = "w\x1b[31m\n2.npy"
    np.save(tmp_path / name, np.zeros(50, np.int16))
    out = "o\x1b[31m\nx.zarr"
    commands = [
        ("convert", name, out, "--dry-run"),
        ("convert", name, out),
        ("verify", out, "--against", name),
        ("info", out),
        ("generate", "g" + out, "--samples", "1e3"),
        ("import", name, "--skip-upload", "--dry-run"),
        ("import", name, "--skip-upload"),
        ("import", name, "--skip-upload"),
        ("verify", "no\x1b[31m\n.zarr"),
        ("convert", name, "p.h5", "--dataset", "\x1b[31m\n"),
    ]
    for command in commands:
        done = run(*command, cwd=tmp_path)
        assert "\x1b" not in done.stdout + done.stderr, command
        assert r"\x1b" in done.stdout + done.stderr or command[1] == name, command
        assert not re.search(r"^x\.zarr|^2\.npy|^\.zarr", done.stdout + done.stderr, re.M), command


def test_debug_behind_two_dashes_is_a_name(tmp_path):
    fail("info", "--", "--debug", status=1, words=["--debug", "no such file"], cwd=tmp_path)


# Signals


@pytest.mark.parametrize(("number", "status"), [(signal.SIGINT, 130), (signal.SIGTERM, 143)])
@pytest.mark.parametrize("command", ["verify", "info", "convert"])
def test_a_signal_is_told_in_a_line(recording, command, number, status):
    source = recording
    if command == "verify":
        succeed("convert", recording, "w.zarr", "--dt", "1e-9", cwd=recording.parent)
        source = recording.with_name("w.zarr")
    more = {
        "verify": ["--workers", "1"],
        "info": [],
        "convert": ["o.zarr", "--workers", "1", "--compression", "blosc-zstd:9", "--dt", "1e-9"],
    }
    process = _started([command, source, *more[command]], recording.parent, number)
    out, err = process.communicate(timeout=60)
    if command == "info" and process.returncode == 0:
        pytest.skip("it was quicker than the signal")
    assert process.returncode == status, err
    assert err.startswith(f"pyramidion {command}: error: stopped")
    assert "Traceback" not in err + out
    assert len(err.splitlines()) == 1


def _started(arguments, folder, *signals):
    """Start a command and send it signals once it handles them."""
    process = subprocess.Popen(
        [*CLI, *map(str, arguments)],
        cwd=folder,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )
    _wait_until_ready(process.pid)
    for number in signals:
        with contextlib.suppress(ProcessLookupError):
            process.send_signal(number)
        time.sleep(0.02)
    return process


def _wait_until_ready(pid):
    """Wait until a process catches SIGTERM."""
    for _ in range(5000):
        caught = re.search(r"SigCgt:\s*(\w+)", Path(f"/proc/{pid}/status").read_text())
        if caught and int(caught[1], 16) >> (signal.SIGTERM - 1) & 1:
            return
        time.sleep(0.002)
    raise AssertionError("it never caught SIGTERM")


def test_more_signals_end_it_at_once(recording):
    command = ["convert", recording, "o.zarr", "--workers", "1", "--compression", "blosc-zstd:9"]
    process = _started(command, recording.parent, *[signal.SIGINT] * 3)
    _, err = process.communicate(timeout=60)
    assert process.returncode == 130
    assert "Traceback" not in err
    assert len(err.splitlines()) <= 1
    succeed(*command, "--resume", cwd=recording.parent)


def test_an_import_that_is_stopped_tells_what_is_done(recording):
    folder = recording.parent
    np.save(folder / "a.npy", np.zeros(50, np.int16))
    options = ["--skip-upload", "--json", "--compression", "blosc-zstd:9", "--workers", "1"]
    process = _started(["import", ".", *options], folder)
    # The two are converted at the same time: the large one is to be under way when the small is done.
    begun = (folder / "a.zarr", folder / "w.zarr.partial")
    while process.poll() is None and not all(path.exists() for path in begun):
        time.sleep(0.002)
    process.send_signal(signal.SIGINT)
    out, err = process.communicate(timeout=60)
    assert process.returncode == 130
    report = json.loads(out)
    assert [r["destination"] for r in report["converted"]] == ["a.zarr"]
    assert "stopped" in report["stopped"]
    assert err.startswith("pyramidion import: error: stopped")


# Options are checked before anything is made


@pytest.mark.parametrize(
    ("command", "words"),
    [
        ("convert w.npy new/o.zarr --parents --compression foo", "--compression: unknown"),
        ("convert w.npy new/o.h5 --parents --compression zstd", "--compression: not one"),
        ("convert w.npy new/o.zarr --parents --box z", "--box: 2 numbers"),
        ("convert w.npy new/o.zarr --parents --zarr-format 4", "--zarr-format"),
        ("generate new/o.zarr --parents --compression foo", "--compression: unknown"),
        ("import . --skip-upload -o new --workers 0", "--workers: must be 1 to"),
        ("import . --skip-upload -o new --compression foo", "--compression: unknown"),
        ("demo --folder new --port abc", "--port: not a whole number"),
        ("convert w.npy o.npy --compression foo", "--compression: is for .zarr, .idx and .h5 only"),
        ("convert w.npy o.npy --zarr-format 2", "--zarr-format: is for .zarr only"),
        ("generate o.h5 --zarr-format 2", "--zarr-format: is for .zarr only"),
    ],
)
def test_wrong_options_make_nothing(tmp_path, command, words):
    np.save(tmp_path / "w.npy", np.zeros(50, np.int16))
    fail(*command.split(), status=2, words=words, cwd=tmp_path)
    assert [p.name for p in tmp_path.iterdir()] == ["w.npy"]


def test_a_dry_run_with_parents_makes_none(tmp_path):
    succeed("generate", "new/g.zarr", "--parents", "--dry-run", cwd=tmp_path)
    assert not list(tmp_path.iterdir())


@pytest.mark.parametrize("box", ["² 3", "0 " + "9" * 5000, "1e3 2", "٣٣ ²"])
def test_a_box_of_odd_digits(store, box):
    words = ["--box", "not whole numbers"]
    fail("convert", "w.npy", "x.zarr", "--box", box, status=2, words=words, cwd=store.parent)


# Files


@pytest.mark.parametrize("path", ["/proc/self/mem", "/proc/self/status", "/dev/zero"])
def test_a_file_that_the_system_makes_up(path):
    fail("info", path, status=1, words="not a regular file")


@pytest.mark.parametrize(
    "command",
    ["info w.npy", "convert w.npy o.zarr", "generate o.zarr --samples 1e3", "verify o.zarr"],
)
def test_a_working_folder_that_was_removed(tmp_path, command):
    folder = tmp_path / "gone"
    folder.mkdir()
    done = bash(f"rmdir {folder}; P {command}", folder)
    assert done.returncode == 1
    assert done.stderr.startswith("pyramidion")
    assert len(done.stderr.splitlines()) == 1
    assert "internal" not in done.stderr


# Streams


@pytest.mark.parametrize("unbuffered", ["", "1"])
@pytest.mark.parametrize(
    "command", ["info w.zarr", "verify w.zarr", "convert w.npy x.zarr --dt 1", "--help"]
)
def test_a_reader_who_left(store, command, unbuffered):
    done = bash(f"P {command} | true; exit ${{PIPESTATUS[0]}}", store.parent, PYTHONUNBUFFERED=unbuffered)  # fmt: skip
    assert done.returncode in (0, 141)
    assert done.stderr == ""


@pytest.mark.parametrize("unbuffered", ["", "1"])
@pytest.mark.parametrize("place", [">&-", "> /dev/full"])
@pytest.mark.parametrize(
    "command", ["info w.zarr", "info w.zarr --json", "verify w.zarr", "--help"]
)
def test_a_stdout_that_takes_nothing(store, command, place, unbuffered):
    done = bash(f"P {command} {place}", store.parent, PYTHONUNBUFFERED=unbuffered)
    assert done.returncode == 1
    assert "error: standard output: cannot write" in done.stderr
    assert len(done.stderr.splitlines()) == 1


def test_an_error_when_nobody_can_read_it(store):
    for place in ("2>&-", "2> /dev/full", ">&- 2>&- <&-"):
        done = bash(f"P info no.zarr --json {place}", store.parent)
        assert done.returncode == 1, place
        assert done.stderr == ""
    done = bash("P convert w.npy x.zarr 2>&-", store.parent)
    assert done.returncode == 0
    succeed("verify", "x.zarr", cwd=store.parent)


@pytest.mark.parametrize(
    "env",
    [
        {"PYTHONIOENCODING": "ascii"},
        {"LC_ALL": "C", "PYTHONUTF8": "0", "PYTHONCOERCECLOCALE": "0"},
    ],
)
def test_a_terminal_without_micro(store, env):
    assert r"\xb5s" in succeed("info", "w.zarr", cwd=store.parent, env=env)
    store.rename(store.with_name("µ.zarr"))
    report = json.loads(succeed("info", "µ.zarr", "--json", cwd=store.parent, env=env))
    assert report["path"].encode("utf-8", "surrogateescape") == "µ.zarr".encode()


def test_json_has_no_nan(capsys):
    print_json({"a": [float("nan"), (float("inf"), 1.5)], "b": np.float64("nan")})
    assert json.loads(capsys.readouterr().out) == {"a": [None, [None, 1.5]], "b": None}


# Words


def test_one_is_singular(tmp_path):
    np.save(tmp_path / "one.npy", np.zeros(1, np.int16))
    np.save(tmp_path / "w.npy", np.zeros(200, np.int16))
    for name in ("one", "w"):
        succeed("convert", f"{name}.npy", f"{name}.zarr", cwd=tmp_path)
    assert "1 channel, 1 trc, 1 segment, 1 sample\n" in succeed("info", "one.zarr", cwd=tmp_path)
    assert "1 sample decodes" in succeed("verify", "one.npy", cwd=tmp_path)
    assert "on 1 level exact" in succeed("verify", "w.zarr", cwd=tmp_path)
    np.save(tmp_path / "w.npy", np.ones(200, np.int16))
    done = run("verify", "w.zarr", "--against", "w.npy", cwd=tmp_path)
    assert re.search(r"not sound: 1 fault$", done.stderr.strip())
