#!/usr/bin/env bash
# Convert and upload a folder of waveform files as a SLURM job array.
#
#   bash slurm_import.sh /data/recordings lab 16
#
# The second argument is the bucket, the third how many jobs share the files. Address and keys of the
# store come from where they come from without SLURM: the environment, .env in this folder, or a
# profile. The last job does whatever a job did not get to, and its exit status tells whether all is
# in the bucket. Further options of `import` follow:
#
#   bash slurm_import.sh /data/recordings lab 16 --prefix 2026/may -o /scratch/stores
set -euo pipefail
if [ $# -lt 3 ]; then
	echo "usage: bash slurm_import.sh FOLDER BUCKET JOBS [OPTIONS OF import...]" >&2
	exit 2
fi
folder=$1 bucket=$2 jobs=$3
shift 3

# Quoted once more, because the jobs are shell scripts too.
import=$(printf '%q ' pyramidion import "$folder" --bucket "$bucket" "$@")

# One line for each file, or each set of files that becomes one store; nothing is done yet.
files=$(eval "$import --dry-run" | wc -l)
each=$(((files + jobs - 1) / jobs))
jobs=$(((files + each - 1) / each)) # none without a file

array=$(
	sbatch --parsable --array="0-$((jobs - 1))" --cpus-per-task=4 --mem=4G <<JOB
#!/usr/bin/env bash
first=\$((SLURM_ARRAY_TASK_ID * $each))
# What fails here is tried once more, and told, by the last job.
$import --resume --tasks "\$first:\$((first + $each))" || true
JOB
)
sbatch --dependency="afterany:$array" --cpus-per-task=4 --mem=4G <<JOB
#!/usr/bin/env bash
$import --resume
JOB
