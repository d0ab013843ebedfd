"""Many clients, unfinished requests and slow readers: ours beside nginx, in one run.

``wrk`` with 64 connections asks for random ranges of 64 KiB and of 4 MiB of a 250 MB file in memory,
of ours and of two nginx in turn: one that sends with ``sendfile``, and one that copies, which is
faster on this machine for large ranges; ours is compared with the faster one. Then a client that
asks every few milliseconds is timed alone, beside 2,000 connections that sent half a request, and
beside 200 that ask for 4 MiB and read a byte a second.

    python benchmarks/serve_clients.py [--rounds 3] [--seconds 4] [--json]

nginx and wrk are Debian's packages of these names. Goals: a quarter of nginx's requests of 64 KiB,
four fifths of its bytes at 4 MiB, p99 under 30 ms; beside the unfinished and the slow p99 under 50 ms,
and less than 64 MiB more memory.
"""

from __future__ import annotations

import contextlib
import json
import os
import socket
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import numpy as np

from http_servers import (
    FILE,
    OURS,
    SENDFILE,
    Round,
    Server,
    file_in_memory,
    middle,
    nginx,
    parse_arguments,
    served,
    write_script,
    wrk,
)

N_CONNECTIONS = 64
LENGTHS = {"64 KiB": 64 * 1024, "4 MiB": 4 * 2**20}
GOALS = {"64 KiB": 0.25, "4 MiB": 0.8}
# Without tcp_nodelay's counterpart 64 connections wait 40 ms for each other at 64 KiB.
SENDING = {
    "nginx, sendfile": SENDFILE.replace("tcp_nopush on", "tcp_nopush off"),
    "nginx, copies": "sendfile off; output_buffers 2 512k;",
}
N_HALF, N_SLOW = 2000, 200
ATTACK_S = 15


def main() -> None:
    arguments = parse_arguments(__doc__)
    with file_in_memory() as (folder, root):
        found: dict[str, Any] = {"load": os.getloadavg()[0]}
        found["throughput"] = throughput(folder, root, arguments.rounds, arguments.seconds)
        with served(root) as server:
            request(server, 0, 10)  # opens the file
            found["alone"] = beside(server, lambda _: contextlib.nullcontext([]), 3)
            found["half-sent"] = beside(server, half_sent, ATTACK_S)
        with served(root) as server:
            request(server, 0, 10)
            found["slow readers"] = beside(server, slow_readers, ATTACK_S)
    print(json.dumps(found, indent=1)) if arguments.json else report(found)


def throughput(folder: Path, root: Path, n_rounds: int, seconds: int) -> dict[str, Any]:
    """Return medians of each server and length, and our share of the faster nginx."""
    found: dict[str, Any] = {}
    with contextlib.ExitStack() as stack:
        servers = {}
        for name, sending in SENDING.items():
            place = folder / name.rpartition(" ")[2]
            place.mkdir()
            servers[name] = stack.enter_context(nginx(place, root, sending))
        servers[OURS] = stack.enter_context(served(root))
        for length, n_bytes in LENGTHS.items():
            script = write_script(folder, n_bytes)
            rounds: dict[str, list[Round]] = {name: [] for name in servers}
            before = rss_mb(servers[OURS])
            for n in range(n_rounds + 1):  # the first is not counted
                for name, server in servers.items():
                    one = wrk(server, script, seconds if n else 1, N_CONNECTIONS)
                    if n:
                        rounds[name].append(one)
            medians = {name: middle(each) for name, each in rounds.items()}
            best = max(medians[name].requests_per_s for name in SENDING)
            found[length] = {
                "medians": {name: median._asdict() for name, median in medians.items()},
                "share_of_nginx": medians[OURS].requests_per_s / best,
                "rss_mb": [before, rss_mb(servers[OURS])],
            }
    return found


Attack = Callable[[Server], contextlib.AbstractContextManager[list[socket.socket]]]


def beside(server: Server, attack: Attack, seconds: float) -> dict[str, float]:
    """Time a normal client while an attack goes on; look at memory and files meanwhile."""
    rss, files = rss_mb(server), n_files(server)
    took, most = [], rss
    with attack(server) as attackers:
        until = time.monotonic() + seconds
        with connect(server) as client:
            while time.monotonic() < until:
                began = time.perf_counter()
                ask(client, server, 1_000_000, 64 * 1024)
                took.append(1000 * (time.perf_counter() - began))
                if len(took) % 50 == 0:
                    most = max(most, rss_mb(server))
                time.sleep(0.005)
        n_left = sum(not is_closed(attacker) for attacker in attackers)
    time.sleep(0.5)
    return {
        "n_requests": len(took),
        "p50_ms": float(np.percentile(took, 50)),
        "p99_ms": float(np.percentile(took, 99)),
        "max_ms": max(took),
        "n_attackers_left": n_left,
        "rss_growth_mb": most - rss,
        "files_growth": n_files(server) - files,
    }


@contextlib.contextmanager
def half_sent(server: Server) -> Iterator[list[socket.socket]]:
    with contextlib.ExitStack() as stack:
        attackers = [stack.enter_context(connect(server)) for _ in range(N_HALF)]
        for attacker in attackers:
            with contextlib.suppress(OSError):  # closed in favour of a newer one
                attacker.sendall(f"GET /{FILE} HTTP/1.1\r\nHost: ".encode())
        yield attackers


@contextlib.contextmanager
def slow_readers(server: Server) -> Iterator[list[socket.socket]]:
    """Ask with a small window, so that the server and not the system holds what is not read."""
    with contextlib.ExitStack() as stack:
        attackers = [stack.enter_context(connect(server, window=4096)) for _ in range(N_SLOW)]
        for attacker in attackers:
            request(server, 0, 4 * 2**20, attacker)
            attacker.recv(1)
        yield attackers


def connect(server: Server, window: int | None = None) -> socket.socket:
    client = socket.socket()
    if window is not None:
        client.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, window)
    client.settimeout(20)
    client.connect(("127.0.0.1", urlsplit(server.url).port))
    return client


def request(server: Server, start: int, n_bytes: int, client: socket.socket | None = None) -> None:
    """Send a request; without a connection, also read its answer on one of its own."""
    if client is None:
        with connect(server) as own:
            ask(own, server, start, n_bytes)
        return
    host = urlsplit(server.url).netloc
    stop = start + n_bytes - 1
    head = f"GET /{FILE} HTTP/1.1\r\nHost: {host}\r\nRange: bytes={start}-{stop}\r\n\r\n"
    client.sendall(head.encode())


def ask(client: socket.socket, server: Server, start: int, n_bytes: int) -> None:
    request(server, start, n_bytes, client)
    received = b""
    while b"\r\n\r\n" not in received:
        received += client.recv(2**20)
    head, _, body = received.partition(b"\r\n\r\n")
    if not head.startswith(b"HTTP/1.1 206"):
        raise RuntimeError(head.decode())
    n_read = len(body)
    while n_read < n_bytes:
        n_read += len(client.recv(2**20))


def is_closed(client: socket.socket) -> bool:
    """Tell whether the server closed a connection, whatever can still be read from it."""
    client.setblocking(False)
    try:
        while client.recv(2**20):
            pass
    except BlockingIOError:
        return False
    except OSError:
        return True
    return True


def rss_mb(server: Server) -> float:
    for line in Path(f"/proc/{server.pid}/status").read_text().splitlines():
        if line.startswith("VmRSS"):
            return int(line.split()[1]) / 1024
    raise RuntimeError("no VmRSS")


def n_files(server: Server) -> int:
    return len(list(Path(f"/proc/{server.pid}/fd").iterdir()))


def report(found: dict[str, Any]) -> None:
    print(f"load before: {found['load']:.2f}")
    for length, each in found["throughput"].items():
        for name, median in each["medians"].items():
            rate, p99 = median["requests_per_s"], median["p99_ms"]
            bytes_s = rate * LENGTHS[length] / 1e6
            print(f"{length:7} {name:16} {rate:7.0f} /s  {bytes_s:6.0f} MB/s  p99 {p99:6.1f} ms")
        share, goal = each["share_of_nginx"], GOALS[length]
        before, after = each["rss_mb"]
        print(f"{length:7} share of nginx: {share:.2f} (goal: at least {goal})")
        print(f"{length:7} memory: {before:.0f} MB before, {after:.0f} MB after")
    for name in ("alone", "half-sent", "slow readers"):
        one = found[name]
        print(
            f"{name:13} p50 {one['p50_ms']:.2f}, p99 {one['p99_ms']:.2f}, max {one['max_ms']:.1f} ms"
            f" of {one['n_requests']}; memory +{one['rss_growth_mb']:.0f} MB,"
            f" files {one['files_growth']:+}, attackers left {one['n_attackers_left']}"
        )


if __name__ == "__main__":
    main()
