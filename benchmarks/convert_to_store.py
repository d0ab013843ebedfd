"""Converting straight to an object store beside converting to a disk, in one run.

A simulated HDF5 waveform (2 channels, gzip 4) to a store; the S3 server (Ceph's gateway, its disk in
memory) is on this machine and shares its cores. Goal: at most 1.3 times the time of the disk where the
server is not the bound; what the server and the transfer need by themselves is the third row: the same
store, uploaded.

    python benchmarks/convert_to_store.py [--samples 5e7] [--rounds 5]
"""

import argparse
import os
import subprocess
import sys
from pathlib import Path

from harness import PYTHON, Run, fresh, machine, ratio, scratch, table

sys.path.insert(0, str(Path(__file__).parents[1]))

from tests.object_store.radosgw import RadosGateway

from upload import compiled_below, emptied, server_environment

MEMORY_BYTES = 8 * 2**30


def main():
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--samples", type=float, default=5e7)
    parser.add_argument("--rounds", type=int, default=5)
    asked = parser.parse_args()
    print(machine())
    program = [PYTHON, "-m", "pyramidion"]
    with scratch() as name, RadosGateway(MEMORY_BYTES) as server:
        folder = Path(name)
        os.environ.update(
            server_environment(server),
            **compiled_below(folder),
            PYRAMIDION_SPOOL=str(folder / "spool"),
        )
        source = folder / "w.h5"
        size = ["--samples", f"{asked.samples:.0f}", "--channels", "2", "--segments", "1"]
        subprocess.run([*program, "generate", source, *size], check=True, capture_output=True)
        bucket = server.bucket("bench")
        url, local = f"s3://{bucket}/w.zarr", folder / "w.zarr"
        commands = {
            "disk": [*program, "convert", source, local],
            "store": [*program, "convert", source, url],
            "upload": [*program, "upload", local, url],
        }
        runs = {key: [] for key in commands}
        for n in range(asked.rounds + 1):
            for key, command in commands.items():
                if key == "disk":
                    fresh(local)
                emptied(server, bucket)
                fresh(folder / ".w.zarr.manifest.jsonl")
                run = Run(command)
                if n:
                    runs[key].append(run)
        table(runs, 4 * asked.samples)
        print(f"  straight to the store: {ratio(runs, 'store', 'disk'):.2f} times the disk")


if __name__ == "__main__":
    main()
