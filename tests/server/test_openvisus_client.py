"""The real OpenVisus client reads from us: over ``/mod_visus``, and ARCO as plain files."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

from pyramidion.server import build_app, serve_background

pytest.importorskip("OpenVisus")
pytestmark = pytest.mark.slow

IDX = Path(__file__).parents[1] / "data" / "idx"
CASES = json.loads((IDX / "cases.json").read_text())

# In a child process: the library talks on both outputs and may end the process.
CLIENT = """
import json, sys
import numpy as np
import OpenVisus as ov

for case in json.loads(sys.argv[1]):
    db = ov.LoadDataset(case["url"])
    full = np.load(case["npy"])
    bits = db.getBitmask().toString() if hasattr(db, "getBitmask") else db.db.getBitmask().toString()
    axes = [a for a in "210" if a in bits]

    def check(quality=0, **box):
        h = len(bits) - 1 + quality
        strides = [2 ** bits[h + 1:].count(a) for a in axes]
        spans = [box.get("xyz"[int(a)], [0, n]) for a, n in zip(axes, full.shape)]
        wanted = full[tuple(slice(-(-lo // s) * s, hi, s) for (lo, hi), s in zip(spans, strides))]
        found = db.read(field=case["field"], time=case["time"], quality=quality, **box)
        # where the last axis vanishes the library may drop it
        assert found is not None, (case, quality, box)
        assert found.size == wanted.size, (case, quality, box, found.shape, wanted.shape)
        assert np.array_equal(found.reshape(wanted.shape), wanted), (case, quality, box)

    check()
    for quality in (-1, -3, -6):
        check(quality)
    last = "xyz"[int(axes[0])]
    check(**{last: [5, 6]})
    check(-3, **{last: [8, 9]})
    check(x=[7, 8])
    check(x=[3, 30], y=[10, 19])
    check(-2, x=[3, 30], y=[10, 19])
print("all read")
"""


def read_by_library(cases):
    done = subprocess.run(
        [sys.executable, "-c", CLIENT, json.dumps(cases)],
        capture_output=True,
        text=True,
        timeout=240,
        check=False,
    )
    assert "all read" in done.stdout, done.stdout[-2000:] + done.stderr[-2000:]


def known(case, url):
    return {**case, "url": url, "npy": str(IDX / case["npy"])}


@pytest.mark.parametrize("cached", ["&cached=0", ""], ids=["blocks", "boxes"])
def test_mod_visus(cached):
    with serve_background(build_app([IDX])) as url:
        address = f"{url}/mod_visus?action=readdataset{cached}&dataset="
        read_by_library([known(case, address + case["idx"]) for case in CASES])


def test_arco_as_plain_files():
    arco = [c for c in CASES if c["variant"] == "arco" and c["codec"] == "zip"]
    assert arco
    with serve_background(build_app([IDX])) as url:
        read_by_library([known(case, f"{url}/{case['idx']}?cached=0") for case in arco])


def test_one_dataset_served_by_its_file():
    case = next(c for c in CASES if c["variant"] == "arco" and c["codec"] == "zip")
    with serve_background(build_app([IDX / case["idx"]])) as url:
        plain = known(case, f"{url}/{case['idx']}?cached=0")
        served = known(case, f"{url}/mod_visus?dataset={case['idx']}&cached=0")
        read_by_library([plain, served])


def test_what_is_not_idx(tmp_path):
    voxels = np.random.default_rng(5).integers(0, 60000, (70, 90, 100)).astype(np.uint16)
    np.save(tmp_path / "v.npy", voxels)
    with serve_background(build_app([tmp_path / "v.npy"])) as url:
        address = f"{url}/mod_visus?action=readdataset&dataset=v.npy"
        case = {"field": "data", "time": 0, "npy": str(tmp_path / "v.npy")}
        read_by_library([{**case, "url": address}, {**case, "url": address + "&cached=0"}])
