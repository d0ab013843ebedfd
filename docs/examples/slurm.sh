#!/usr/bin/env bash
# Convert an image as a SLURM job array.
#
#   bash slurm.sh "/data/slices/*.tif" /data/volume.ome.zarr 16
#
# The third argument is how many jobs share the tasks. The last job does what is left, the coarser
# levels and whatever a job did not get to, and publishes. Further options of `convert` follow:
#
#   bash slurm.sh "/data/slices/*.tif" /data/volume.idx 16 --arco 1mb --voxel "2 0.5 0.5"
set -euo pipefail
if [ $# -lt 3 ]; then
	echo "usage: bash slurm.sh SOURCE DESTINATION JOBS [OPTIONS OF convert...]" >&2
	exit 2
fi
source=$1 destination=$2 jobs=$3
shift 3

# Quoted once more, because the jobs are shell scripts too.
convert=$(printf '%q ' pyramidion convert "$source" "$destination" "$@")

# Any range that is too high names the number of tasks, and does nothing.
answer=$(eval "$convert --tasks 999999999:" 2>&1 || true)
tasks=$(sed -n 's/.*--tasks: 0 to \([0-9]*\) .*/\1/p' <<<"$answer")
if [ -z "$tasks" ]; then
	echo "$answer" >&2
	exit 1
fi
each=$(((tasks + jobs - 1) / jobs))
jobs=$(((tasks + each - 1) / each)) # none without a task

array=$(
	sbatch --parsable --array="0-$((jobs - 1))" --cpus-per-task=1 --mem=2G <<JOB
#!/usr/bin/env bash
first=\$((SLURM_ARRAY_TASK_ID * $each))
# Tasks of a later stage may come too early for this job. That is an error here and no harm: the
# last job does them.
$convert --tasks "\$first:\$((first + $each))" || true
JOB
)
sbatch --dependency="afterany:$array" --cpus-per-task=2 --mem=4G <<JOB
#!/usr/bin/env bash
$convert --resume
JOB
