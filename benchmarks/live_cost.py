"""What the live picture costs a recording that is as fast as it can be.

    python benchmarks/live_cost.py [--seconds 8] [--rounds 5]

The simulated camera as fast as its frames are stored, without a live server, and with one and a
viewer who asks for the picture 20 times a second (4 x 4 means), in turn.
"""

import argparse
import json
import os
import statistics
import subprocess
import threading
import time
import urllib.request
from pathlib import Path

from harness import PYTHON, fresh, machine, scratch

CAMERA = "sim:width=4096,height=2304,rate=0,content=counter"


def view(url, over, taken):
    """Ask for the picture 20 times a second."""
    while not over.wait(0.05):
        try:
            with urllib.request.urlopen(f"{url}/latest?scale=4", timeout=5) as answer:
                taken.append(len(answer.read()))
        except OSError:
            time.sleep(0.05)


def record(store, seconds, port, camera):
    """Record; return frames a second, and how many pictures a viewer got."""
    fresh(store)
    live = ["--port", str(port)] if port else ["--no-live"]
    command = [PYTHON, "-m", "pyramidion", "acquire", camera, "-o", str(store)]
    command += ["--duration", str(seconds), "--json", "--allow-drops", *live]
    taken, over = [], threading.Event()
    process = subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL)
    viewer = threading.Thread(target=view, args=(f"http://127.0.0.1:{port}", over, taken))
    if port:
        viewer.start()
    out, _ = process.communicate()
    over.set()
    if port:
        viewer.join()
    return json.loads(out)["fps"], len(taken)


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--seconds", type=float, default=8)
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--port", type=int, default=8231)
    parser.add_argument("--camera", default=CAMERA)
    asked = parser.parse_args()
    found = {"without": [], "with": []}
    pictures = []
    with scratch() as folder:
        store = Path(folder) / "live.zarr"
        for n in range(asked.rounds + 1):
            for name, port in (("without", 0), ("with", asked.port)):
                fps, taken = record(store, asked.seconds, port, asked.camera)
                if n:
                    found[name].append(fps)
                    pictures += [taken / asked.seconds] if port else []
    print(f"{machine()}, {os.environ.get('PYRAMIDION_BENCH', 'the temporary folder')}")
    for name, each in found.items():
        print(
            f"  {name:8}{statistics.median(each):8.1f} frames/s ({min(each):.1f}..{max(each):.1f})"
        )
    pairs = zip(found["with"], found["without"], strict=True)
    cost = 1 - statistics.median(a / b for a, b in pairs)
    print(
        f"  cost of the live picture: {100 * cost:.1f} % ({statistics.median(pictures):.0f} a second)"
    )


if __name__ == "__main__":
    main()
