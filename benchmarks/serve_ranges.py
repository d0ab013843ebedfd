"""Range serving: ours beside nginx, in one run.

256 KB ranges at random offsets of a 250 MB file in memory; ``wrk`` with 1 thread and 8 connections
for 4 seconds a round; one worker process each, alternating, so that both see the same machine.

    python benchmarks/serve_ranges.py [--rounds 3] [--seconds 4] [--json]

nginx and wrk are Debian's packages of these names. Goal: at least half of nginx's requests a second.
"""

from __future__ import annotations

import json
from pathlib import Path

from http_servers import (
    OURS,
    Round,
    file_in_memory,
    middle,
    nginx,
    parse_arguments,
    served,
    write_script,
    wrk,
)

RANGE_BYTES = 256 * 1024
N_CONNECTIONS = 8
GOAL = 0.5


def main() -> None:
    arguments = parse_arguments(__doc__)
    with file_in_memory() as (folder, root):
        rounds = measure(folder, root, arguments.rounds, arguments.seconds)
    report(rounds, as_json=arguments.json)


def measure(folder: Path, root: Path, n_rounds: int, seconds: int) -> dict[str, list[Round]]:
    script = write_script(folder, RANGE_BYTES)
    rounds: dict[str, list[Round]] = {"nginx": [], OURS: []}
    with nginx(folder, root) as theirs, served(root) as own:
        servers = {"nginx": theirs, OURS: own}
        for server in servers.values():
            wrk(server, script, 1, N_CONNECTIONS)
        for _ in range(n_rounds):
            for name, server in servers.items():
                rounds[name].append(wrk(server, script, seconds, N_CONNECTIONS))
    return rounds


def report(rounds: dict[str, list[Round]], *, as_json: bool) -> None:
    medians = {name: middle(each) for name, each in rounds.items()}
    ratio = medians[OURS].requests_per_s / medians["nginx"].requests_per_s
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
