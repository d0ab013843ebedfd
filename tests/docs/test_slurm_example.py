"""The example for SLURM submits jobs that convert; here they run at once, as its own would later."""

import filecmp
import os
import subprocess
import sys
from pathlib import Path

import pytest
from tests.cli_runner import succeed
from tests.docs.pages import ROOT

EXAMPLE = ROOT / "docs/examples/slurm.sh"
BRAIN = ROOT / "src/pyramidion/samples/brain_t1.tif"

SBATCH = r"""#!/usr/bin/env bash
# Runs a job, or all of an array beside each other, and waits for them.
set -euo pipefail
echo "$*" >>submitted
script=$(cat)
last=-
for option in "$@"; do
	case $option in --array=0-*) last=${option#--array=0-} ;; esac
done
if [ "$last" = - ]; then
	bash -c "$script" >>printed 2>&1
else
	for ((n = 0; n <= last; n++)); do
		SLURM_ARRAY_TASK_ID=$n bash -c "$script" >>printed 2>&1 &
	done
	wait
	echo 4711
fi
"""


@pytest.fixture
def cluster(tmp_path):
    """Return a function that runs the example in an empty folder with a slices' name in it."""
    tools = tmp_path / "tools"
    tools.mkdir()
    (tools / "sbatch").write_text(SBATCH)
    (tools / "sbatch").chmod(0o755)
    lab = tmp_path / "lab's data"
    lab.mkdir()
    (lab / "brain.tif").symlink_to(BRAIN)
    path = os.pathsep.join([str(tools), str(Path(sys.executable).parent), os.environ["PATH"]])

    def submit(*arguments):
        done = subprocess.run(
            ["bash", EXAMPLE, *arguments],
            cwd=lab, env={**os.environ, "PATH": path}, capture_output=True, text=True, timeout=240,
            check=False,
        )  # fmt: skip
        return lab, done

    return submit


def same_trees(a, b):
    names = [sorted(p.relative_to(root) for p in root.rglob("*")) for root in (a, b)]
    assert names[0] == names[1]
    files = [str(n) for n in names[0] if (a / n).is_file()]
    return files and filecmp.cmpfiles(a, b, files, shallow=False)[0] == files


def test_jobs_write_what_one_process_writes(cluster):
    lab, done = cluster(f"{BRAIN.parent}/*.tif", "brain.ome.zarr", "3", "--voxel", "2 0.5 0.5")
    assert done.returncode == 0, done.stderr
    array, last = (lab / "submitted").read_text().splitlines()
    assert "--array=0-2" in array
    assert "--dependency=afterany:4711" in last
    succeed("convert", f"{BRAIN.parent}/*.tif", "one.ome.zarr", "--voxel", "2 0.5 0.5", cwd=lab)
    assert same_trees(lab / "brain.ome.zarr", lab / "one.ome.zarr")
    assert not list(lab.glob("*.partial"))


def test_more_jobs_than_tasks(cluster):
    lab, done = cluster("brain.tif", "brain.idx", "5", "--arco", "1mb")
    assert done.returncode == 0, done.stderr
    assert "--array=0-0 " in (lab / "submitted").read_text()
    told = succeed("verify", "brain.idx", "--against", "brain.tif", cwd=lab)
    assert "same as brain.tif" in told


def test_a_fault_is_told_before_anything_is_submitted(cluster):
    lab, done = cluster("nothing.tif", "brain.idx", "2")
    assert done.returncode == 1
    assert "nothing.tif" in done.stderr
    assert not (lab / "submitted").exists()
