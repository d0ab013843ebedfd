"""Range serving: ours beside nginx, in one run.

256 KB ranges at random offsets of a 250 MB file in memory; ``wrk`` with 1 thread and 8 connections
for 4 seconds a round; one worker process each, alternating, so that both see the same machine.

    python benchmarks/serve_ranges.py [--rounds 3] [--seconds 4] [--json]

nginx and wrk are Debian's packages of these names. Goal: at least half of nginx's requests a second.
"""

from __future__ import annotations

import argparse
import contextlib
import json
import os
import re
import shutil
import socket
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

import numpy as np

FILE_BYTES = 250_000_000
RANGE_BYTES = 256 * 1024
N_CONNECTIONS = 8
GOAL = 0.5

SERVER = """
import sys
from pyramidion.server import ServerSettings, build_app, run

run(build_app([sys.argv[1]]), ServerSettings(port=int(sys.argv[2])))
"""

NGINX = """
daemon off;
master_process off;
worker_processes 1;
pid {folder}/nginx.pid;
error_log {folder}/error.log;
events {{ worker_connections 1024; }}
http {{
  access_log off;
  {sending}
  keepalive_requests 1000000;
  client_body_temp_path {folder}/body;
  proxy_temp_path {folder}/proxy;
  fastcgi_temp_path {folder}/fastcgi;
  uwsgi_temp_path {folder}/uwsgi;
  scgi_temp_path {folder}/scgi;
  server {{
    listen 127.0.0.1:{port};
    root {root};
  }}
}}
"""

SENDFILE = "sendfile on; tcp_nopush on;"

WRK = """
local size, length = {size}, {length}
request = function()
  local start = math.random(0, size - length)
  return wrk.format("GET", nil, {{["Range"] = "bytes=" .. start .. "-" .. (start + length - 1)}})
end
done = function(summary, latency, requests)
  io.write("bad ", summary.errors.status + summary.errors.read + summary.errors.timeout, "\\n")
  io.write("p99 us ", latency:percentile(99), "\\n")
end
"""


class Server(NamedTuple):
    url: str
    pid: int


class Round(NamedTuple):
    requests_per_s: float
    cpu_us: float  # of the server, a request; wrk itself takes the second core
    p99_ms: float


def main() -> None:
    arguments = parse_arguments()
    for tool in ("nginx", "wrk"):
        if shutil.which(tool) is None:
            sys.exit(f"{tool}: not installed: apt-get install {tool}")
    memory = Path("/dev/shm")
    with tempfile.TemporaryDirectory(dir=memory if memory.is_dir() else None) as name:
        folder = Path(name)
        root = folder / "data"
        root.mkdir()
        folder.chmod(0o755)
        codes = np.random.default_rng(1).integers(0, 255, FILE_BYTES, dtype=np.uint8)
        codes.tofile(root / "shard")
        rounds = measure(folder, root, arguments.rounds, arguments.seconds)
    report(rounds, as_json=arguments.json)


def parse_arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--seconds", type=int, default=4)
    parser.add_argument("--json", action="store_true")
    return parser.parse_args()


def measure(folder: Path, root: Path, n_rounds: int, seconds: int) -> dict[str, list[Round]]:
    script = folder / "ranges.lua"
    script.write_text(WRK.format(size=FILE_BYTES, length=RANGE_BYTES))
    rounds: dict[str, list[Round]] = {"nginx": [], "pyramidion": []}
    with nginx(folder, root) as theirs, ours(root) as own:
        servers = {"nginx": theirs, "pyramidion": own}
        for server in servers.values():
            wrk(server, script, 1)
        for _ in range(n_rounds):
            for name, server in servers.items():
                rounds[name].append(wrk(server, script, seconds))
    return rounds


@contextlib.contextmanager
def nginx(folder: Path, root: Path, sending: str = SENDFILE) -> Iterator[Server]:
    port = free_port()
    config = folder / "nginx.conf"
    config.write_text(NGINX.format(folder=folder, root=root, port=port, sending=sending))
    with child(["nginx", "-c", str(config), "-e", str(folder / "error.log")], port) as pid:
        yield Server(f"http://127.0.0.1:{port}/shard", pid)


@contextlib.contextmanager
def ours(root: Path) -> Iterator[Server]:
    port = free_port()
    with child([sys.executable, "-c", SERVER, str(root), str(port)], port) as pid:
        yield Server(f"http://127.0.0.1:{port}/shard", pid)


@contextlib.contextmanager
def child(command: list[str], port: int) -> Iterator[int]:
    process = subprocess.Popen(command)
    try:
        wait_for(port, process)
        yield process.pid
    finally:
        process.terminate()
        process.wait(20)


def wait_for(port: int, process: subprocess.Popen[bytes]) -> None:
    deadline = time.monotonic() + 20
    while time.monotonic() < deadline and process.poll() is None:
        with contextlib.suppress(OSError), socket.create_connection(("127.0.0.1", port), 1):
            return
        time.sleep(0.05)
    raise RuntimeError(f"{process.args}: does not answer at port {port}")


def free_port() -> int:
    with socket.create_server(("127.0.0.1", 0)) as probe:
        return int(probe.getsockname()[1])


def wrk(server: Server, script: Path, seconds: int, n_connections: int = N_CONNECTIONS) -> Round:
    """Load a server for a while; every answer must be good."""
    command = ["wrk", "-t1", f"-c{n_connections}", f"-d{seconds}s", "--timeout", "20s"]
    command += ["-s", str(script), server.url]
    before = cpu_s(server.pid)
    text = subprocess.run(command, check=True, capture_output=True, text=True).stdout
    used = cpu_s(server.pid) - before
    if not re.search(r"^bad 0$", text, re.MULTILINE):
        raise RuntimeError(text)
    n_requests = int(re.search(r"([0-9]+) requests in", text)[1])
    rate = float(re.search(r"Requests/sec:\s+([0-9.]+)", text)[1])
    p99_ms = float(re.search(r"^p99 us ([0-9.]+)$", text, re.MULTILINE)[1]) / 1000
    return Round(rate, 1e6 * used / n_requests, p99_ms)


def cpu_s(pid: int) -> float:
    """Return the CPU seconds that a process has used."""
    fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")


def report(rounds: dict[str, list[Round]], *, as_json: bool) -> None:
    medians = {
        name: Round(*(statistics.median(column) for column in zip(*each, strict=True)))
        for name, each in rounds.items()
    }
    ratio = medians["pyramidion"].requests_per_s / medians["nginx"].requests_per_s
    if as_json:
        named = {name: median._asdict() for name, median in medians.items()}
        print(json.dumps({"medians": named, "share_of_nginx": ratio, "goal": GOAL}))
        return
    for name, median in medians.items():
        each = " ".join(f"{one.requests_per_s:6.0f}" for one in rounds[name])
        rate, cpu = (
            f"{median.requests_per_s:6.0f} requests/s",
            f"{median.cpu_us:4.0f} us CPU a request",
        )
        print(f"{name:10}  {rate}, {cpu}   (rounds: {each})")
    print(f"share of nginx: {ratio:.2f}   (goal: at least {GOAL})")


if __name__ == "__main__":
    main()
