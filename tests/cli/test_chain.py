"""The whole job as a user does it: generate, convert, verify, convert back."""

import json
import os
import subprocess
import sys

import h5py
import numpy as np
import pytest
import zarr
from tests.cli_runner import CLI, fail, run, succeed
from tests.helpers import expected_overview


def test_help_answers_without_numpy():
    code = "import sys\nfrom pyramidion.cli import main\ntry:\n    main(['--help'])\nexcept SystemExit:\n    print(sorted({m.partition('.')[0] for m in sys.modules}))"  # fmt: skip
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    for heavy in ("numpy", "zarr", "h5py", "numcodecs", "starlette", "rich"):
        assert f"'{heavy}'" not in done.stdout
    assert "convert" in done.stdout


def test_help_is_quick():
    """A wide net: 0.15 s is asked for. CPU seconds, which a busy machine does not stretch."""
    spent = []
    for _ in range(5):
        before = os.times()
        succeed("--help")
        after = os.times()
        spent.append(after.children_user + after.children_system - before.children_user - before.children_system)  # fmt: skip
    assert min(spent) < 0.45


@pytest.mark.parametrize("n", [1, 2, 63, 64, 65, 1003, 65_537, 300_007])
def test_generate_convert_verify(tmp_path, n):
    succeed("generate", "w.h5", "--samples", n, "--seed", 3, cwd=tmp_path)
    succeed("convert", "w.h5", "w.zarr", cwd=tmp_path)
    told = succeed("verify", "w.zarr", "--against", "w.h5", cwd=tmp_path)
    assert "sound" in told
    with h5py.File(tmp_path / "w.h5") as file:
        codes = file["data"][...]
    group = zarr.open_group(tmp_path / "w.zarr", mode="r")
    assert codes.shape == (2, 1, 3, n)
    np.testing.assert_array_equal(group["raw"][...], codes)
    for key in group["overview"]:
        level = group["overview"][key]
        expected = expected_overview(codes, level.attrs["samples_per_bin"])
        np.testing.assert_array_equal(level[...], expected)


def test_straight_to_zarr_equals_through_hdf5(tmp_path):
    for name in ("a.zarr", "b.h5"):
        succeed("generate", name, "--samples", "70_001", "--seed", 9, cwd=tmp_path)
    succeed("convert", "b.h5", "b.zarr", cwd=tmp_path)
    a, b = (zarr.open_group(tmp_path / name, mode="r") for name in ("a.zarr", "b.zarr"))
    np.testing.assert_array_equal(a["raw"][...], b["raw"][...])
    for name in ("vertical_gains", "vertical_offsets", "horiz_interval"):
        assert a.attrs[name] == b.attrs[name]


def test_there_and_back(tmp_path):
    succeed("generate", "w.zarr", "--samples", "1e5", "--seed", 2, cwd=tmp_path)
    for step in (("w.zarr", "a.h5"), ("a.h5", "b.npy"), ("a.h5", "c.zarr"), ("c.zarr", "d.h5")):
        succeed("convert", *step, cwd=tmp_path)
        if step[1] != "b.npy":
            succeed("verify", step[1], "--against", "w.zarr", cwd=tmp_path)
    codes = zarr.open_group(tmp_path / "w.zarr", mode="r")["raw"][...]
    np.testing.assert_array_equal(np.load(tmp_path / "b.npy"), codes)


def test_box_keeps_times(tmp_path):
    succeed("generate", "w.h5", "--samples", "10_000", "--seed", 2, cwd=tmp_path)
    succeed("convert", "w.h5", "w.zarr", "--box", "1000 4999", cwd=tmp_path)
    succeed("verify", "w.zarr", "--against", "w.h5", cwd=tmp_path)
    report = json.loads(succeed("info", "w.zarr", "--json", cwd=tmp_path))
    assert report["shape"]["samples"] == 4000
    assert report["offset"] == pytest.approx(1000 * 2e-9)
    with h5py.File(tmp_path / "w.h5") as file:
        expected = file["data"][..., 1000:5000]
    np.testing.assert_array_equal(
        zarr.open_group(tmp_path / "w.zarr", mode="r")["raw"][...], expected
    )


@pytest.mark.parametrize(
    ("box", "words"),
    [
        ("1 2 3", "2 numbers needed"),
        ("5 2", "first behind last"),
        ("0 10000", "outside 0..9999"),
        ("a b", "not whole numbers"),
        ("-1 5", "not whole numbers"),
    ],
)
def test_box_that_makes_no_sense(tmp_path, box, words):
    np.save(tmp_path / "w.npy", np.zeros(10_000, np.int16))
    fail("convert", "w.npy", "w.zarr", "--box", box, status=2, words=["--box", words], cwd=tmp_path)
    assert not (tmp_path / "w.zarr").exists()


def test_dry_run_writes_nothing(tmp_path):
    np.save(tmp_path / "w.npy", np.zeros(10_000, np.int16))
    for out in ("w.zarr", "w.h5", "x.npy"):
        shown = succeed("convert", "w.npy", out, "--dry-run", cwd=tmp_path)
        assert "nothing written yet" in shown
        plan = json.loads(succeed("convert", "w.npy", out, "--dry-run", "--json", cwd=tmp_path))
        assert plan["shape"] == [1, 1, 1, 10_000]
        assert plan["bytes_in"] == 20_000
    succeed("generate", "g.zarr", "--samples", "1e12", "--dry-run", cwd=tmp_path)
    assert [p.name for p in tmp_path.iterdir()] == ["w.npy"]


def test_reports_as_json(tmp_path):
    np.save(tmp_path / "w.npy", np.arange(10_000, dtype=np.int16))
    report = json.loads(
        succeed("convert", "w.npy", "w.zarr", "--json", "--dt", "1e-9", cwd=tmp_path)
    )
    assert report["shape"] == [1, 1, 1, 10_000]
    assert report["bytes_read"] == 20_000
    proof = json.loads(succeed("verify", "w.zarr", "--json", cwd=tmp_path))
    assert proof["sound"] is True
    assert proof["samples"] == 10_000
    assert proof["levels"] == [64]


def test_seed_repeats_and_absence_does_not(tmp_path):
    for name, seed in (("a", 1), ("b", 1), ("c", 2), ("d", None), ("e", None)):
        more = [] if seed is None else ["--seed", seed]
        succeed("generate", f"{name}.npy", "--samples", "1e4", *more, cwd=tmp_path)
    a, b, c, d, e = (np.load(tmp_path / f"{n}.npy") for n in "abcde")
    assert (a == b).all()
    assert (a != c).any()
    assert (d != e).any()


def test_workers_do_not_change_the_result(tmp_path):
    from tests.helpers import tree_digest

    np.save(
        tmp_path / "w.npy", np.random.default_rng(1).integers(-99, 99, (2, 1, 3, 200_001), np.int16)
    )
    for n in (1, 2, 5):
        succeed("convert", "w.npy", f"{n}.zarr", "--workers", n, cwd=tmp_path)
    assert (
        tree_digest(tmp_path / "1.zarr")
        == tree_digest(tmp_path / "2.zarr")
        == tree_digest(tmp_path / "5.zarr")
    )


def test_progress_on_a_terminal(tmp_path):
    """On a terminal a bar with rate and time left appears; elsewhere nothing does."""
    import pty

    np.save(tmp_path / "w.npy", np.zeros((1, 1, 4, 2**23), np.int16))
    leader, follower = pty.openpty()
    process = subprocess.Popen([*CLI, "convert", "w.npy", "w.zarr"], cwd=tmp_path, stderr=follower, stdout=subprocess.DEVNULL, env={**os.environ, "TERM": "xterm", "COLUMNS": "100"})  # fmt: skip
    os.close(follower)
    shown = b""
    while True:
        try:
            piece = os.read(leader, 4096)
        except OSError:
            break
        if not piece:
            break
        shown += piece
    os.close(leader)
    assert process.wait() == 0
    assert b"converting" in shown
    assert b"/s" in shown
    assert run("convert", "w.npy", "x.zarr", cwd=tmp_path).stderr.count("converting") == 0
