"""The example for SLURM submits jobs that import; here they run at once, as its own would later."""

import os
import subprocess
import sys
from pathlib import Path

import pytest
from tests.cli_runner import succeed
from tests.docs.pages import ROOT
from tests.docs.test_slurm_example import SBATCH

EXAMPLE = ROOT / "docs/examples/slurm_import.sh"


pytestmark = pytest.mark.usefixtures("moto_environment")


@pytest.fixture
def submit(tmp_path):
    """Return a function that runs the example in a folder with recordings."""
    tools = tmp_path / "tools"
    tools.mkdir()
    (tools / "sbatch").write_text(SBATCH)
    (tools / "sbatch").chmod(0o755)
    lab = tmp_path / "lab's data"
    lab.mkdir()
    for name in ("a", "b", "c", "d", "e"):
        succeed("generate", lab / f"{name}.h5", "--samples", "1e4", "--seed", "1")
    path = os.pathsep.join([str(tools), str(Path(sys.executable).parent), os.environ["PATH"]])

    def run(*arguments):
        done = subprocess.run(
            ["bash", EXAMPLE, *arguments],
            cwd=lab, env={**os.environ, "PATH": path}, capture_output=True, text=True, timeout=240,
            check=False,
        )  # fmt: skip
        return lab, done

    return run


def test_jobs_share_the_files(submit, moto_server, moto_bucket):
    lab, done = submit(".", moto_bucket, "2", "--prefix", "night 1")
    assert done.returncode == 0, done.stderr
    array, last = (lab / "submitted").read_text().splitlines()
    assert "--array=0-1" in array
    assert "--dependency=afterany:4711" in last
    roots = [key for key in moto_server.sizes(moto_bucket) if key.endswith(".zarr/zarr.json")]
    assert roots == [f"night 1/{name}.zarr/zarr.json" for name in "abcde"]
    printed = (lab / "printed").read_text()
    assert "3 converted, 0 kept, 3 uploaded, 0 failed" in printed
    assert "2 converted, 0 kept, 2 uploaded, 0 failed" in printed
    assert "0 converted, 5 kept, 0 failed" in printed  # the last job
    assert not list(lab.glob("*.zarr"))


def test_a_fault_is_told_before_anything_is_submitted(submit, moto_bucket):
    lab, done = submit("nothing", moto_bucket, "2")
    assert done.returncode == 1
    assert "nothing: no such file" in done.stderr
    assert not (lab / "submitted").exists()
