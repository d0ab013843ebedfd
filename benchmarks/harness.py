"""What all benchmarks share: whole processes timed in turn, so that a drifting machine disturbs both alike; numbers; folders."""

import os
import platform
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path

PYTHON = sys.executable


class Run:
    """What one process took: wall and CPU seconds, and its peak memory in MB."""

    def __init__(self, command):
        began = time.perf_counter()
        process = subprocess.Popen([str(c) for c in command], stdout=subprocess.DEVNULL)
        _, status, usage = os.wait4(process.pid, 0)
        self.wall = time.perf_counter() - began
        process.returncode = os.waitstatus_to_exitcode(status)
        if process.returncode:
            raise SystemExit(f"{command} ended with {process.returncode}")
        self.cpu = usage.ru_utime + usage.ru_stime
        self.peak_mb = usage.ru_maxrss / 1024


def in_turn(commands, rounds, between=lambda _: None):
    """Run commands A B A B ..., one round not counted; return {name: [Run, ...]}."""
    runs = {name: [] for name in commands}
    for n in range(rounds + 1):
        for name, command in commands.items():
            between(name)
            run = Run(command)
            if n:
                runs[name].append(run)
    return runs


def median(runs, field):
    return statistics.median(getattr(run, field) for run in runs)


def table(runs, unit_bytes):
    """Print medians, spread and rate of each."""
    print(f"{'':24}{'wall s':>10}{'min..max':>16}{'CPU s':>9}{'peak MB':>9}{'MB/s':>8}")
    for name, found in runs.items():
        walls = [run.wall for run in found]
        wall = statistics.median(walls)
        spread = f"{min(walls):.2f}..{max(walls):.2f}"
        cpu, peak = median(found, "cpu"), median(found, "peak_mb")
        print(
            f"{name:24}{wall:10.2f}{spread:>16}{cpu:9.2f}{peak:9.0f}{unit_bytes / wall / 1e6:8.0f}"
        )


def ratio(runs, slow, fast):
    """Median of the ratios pair by pair."""
    pairs = zip(runs[slow], runs[fast], strict=True)
    return statistics.median(a.wall / b.wall for a, b in pairs)


def quantile(values, share):
    """Linear between the sorted values; NaN for none."""
    ordered = sorted(values)
    if not ordered:
        return float("nan")
    at = share * (len(ordered) - 1)
    low = int(at)
    high = min(low + 1, len(ordered) - 1)
    return ordered[low] + (at - low) * (ordered[high] - ordered[low])


def spread(values):
    """Number, median, 95th percentile and largest, rounded."""
    return {
        "of": len(values),
        "p50": round(quantile(values, 0.5), 1),
        "p95": round(quantile(values, 0.95), 1),
        "max": round(max(values, default=float("nan")), 1),
    }


def timed(work):
    """Seconds that a call takes."""
    began = time.perf_counter()
    work()
    return time.perf_counter() - began


def scratch():
    """A folder that is removed afterwards; PYRAMIDION_BENCH names another place for it."""
    return tempfile.TemporaryDirectory(dir=os.environ.get("PYRAMIDION_BENCH"))


def machine():
    return f"{platform.machine()}, {os.cpu_count()} cores, Python {platform.python_version()}"


def fresh(path: Path):
    """Remove a file or folder, so that the next run writes it anew."""
    subprocess.run(["rm", "-rf", str(path)], check=True)
