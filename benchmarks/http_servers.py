"""Our server and nginx, each as a process, and wrk, which loads them."""

from __future__ import annotations

import argparse
import contextlib
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

from processes import seconds_of

FILE, FILE_BYTES = "shard", 250_000_000
OURS = "pyramidion"

# The benchmarks of the page reach it through a proxy at another port as well.
SERVER = """
import sys
from pyramidion.server import ServerSettings, build_app, run

settings = ServerSettings(port=0, allowed_hosts=("127.0.0.1",))
run(build_app([sys.argv[1]], settings), settings, lambda url: print(url, flush=True))
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
    url: str  # without a slash at its end
    pid: int


class Round(NamedTuple):
    requests_per_s: float
    cpu_us: float  # of the server, a request; wrk itself takes the second core
    p99_ms: float


@contextlib.contextmanager
def served(folder: Path) -> Iterator[Server]:
    """Our server with a folder, as a process."""
    command = [sys.executable, "-c", SERVER, str(folder)]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as process:
        try:
            url = process.stdout.readline().strip()
            if not url:
                raise SystemExit("our server did not start")
            yield Server(url, process.pid)
        finally:
            process.terminate()


@contextlib.contextmanager
def nginx(folder: Path, root: Path, sending: str = SENDFILE) -> Iterator[Server]:
    """Nginx with a folder, as one process, its own files in another."""
    port = free_port()
    config = folder / "nginx.conf"
    config.write_text(NGINX.format(folder=folder, root=root, port=port, sending=sending))
    command = ["nginx", "-c", str(config), "-e", str(folder / "error.log")]
    with subprocess.Popen(command) as process:
        try:
            wait_for(port, process)
            yield Server(f"http://127.0.0.1:{port}", process.pid)
        finally:
            process.terminate()


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


def write_script(folder: Path, n_bytes: int) -> Path:
    """What wrk does: ask for ranges of so many bytes at random."""
    script = folder / "ranges.lua"
    script.write_text(WRK.format(size=FILE_BYTES, length=n_bytes))
    return script


def wrk(server: Server, script: Path, seconds: int, n_connections: int) -> Round:
    """Load a server for a while; every answer must be good."""
    command = ["wrk", "-t1", f"-c{n_connections}", f"-d{seconds}s", "--timeout", "20s"]
    command += ["-s", str(script), f"{server.url}/{FILE}"]
    before = seconds_of(server.pid)
    text = subprocess.run(command, check=True, capture_output=True, text=True).stdout
    used = seconds_of(server.pid) - before
    if not re.search(r"^bad 0$", text, re.MULTILINE):
        raise RuntimeError(text)
    n_requests = int(re.search(r"([0-9]+) requests in", text)[1])
    rate = float(re.search(r"Requests/sec:\s+([0-9.]+)", text)[1])
    p99_ms = float(re.search(r"^p99 us ([0-9.]+)$", text, re.MULTILINE)[1]) / 1000
    return Round(rate, 1e6 * used / n_requests, p99_ms)


def middle(rounds: list[Round]) -> Round:
    """The median of each number."""
    return Round(*(statistics.median(column) for column in zip(*rounds, strict=True)))


@contextlib.contextmanager
def file_in_memory() -> Iterator[tuple[Path, Path]]:
    """A folder in memory, and the one in it that is served; stops unless nginx and wrk are there."""
    for tool in ("nginx", "wrk"):
        if shutil.which(tool) is None:
            sys.exit(f"{tool}: not installed: apt-get install {tool}")
    memory = Path("/dev/shm")
    with tempfile.TemporaryDirectory(dir=memory if memory.is_dir() else None) as name:
        folder = Path(name)
        folder.chmod(0o755)
        root = folder / "data"
        root.mkdir()
        codes = np.random.default_rng(1).integers(0, 255, FILE_BYTES, dtype=np.uint8)
        codes.tofile(root / FILE)
        yield folder, root


def parse_arguments(description: str) -> argparse.Namespace:
    """The options of the benchmarks that use nginx."""
    parser = argparse.ArgumentParser(description=description.partition("\n")[0])
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--seconds", type=int, default=4)
    parser.add_argument("--json", action="store_true")
    return parser.parse_args()
