"""Run as a program: let the real OpenVisus write a dataset and read boxes of it.

    python openvisus_writer.py SETTINGS.json

It is a process of its own, because the library prints, and ends the process at some faults. Beside
the dataset are left ``data.npy`` and, for each box, ``box0.npy``...
"""

import json
import sys
from pathlib import Path

import numpy as np
import OpenVisus as ov  # noqa: N813


def main():
    settings = json.loads(Path(sys.argv[1]).read_text())
    folder = Path(sys.argv[1]).parent
    url = str(folder / "visus.idx")
    dims = settings["dims"]
    n = len(dims)
    low = settings["origin"]
    idx = ov.IdxFile()
    corners = [ov.PointNi(list(p)) for p in (low, [a + b for a, b in zip(low, dims, strict=True)])]
    idx.logic_box = ov.BoxNi(*corners)
    idx.fields.push_back(ov.Field.fromString(settings["field"]))
    idx.bitsperblock = settings["bitsperblock"]
    idx.blocksperfile = settings["blocksperfile"]
    if settings["bitmask"]:
        idx.bitmask = ov.DatasetBitmask.fromString(settings["bitmask"])
    if settings["arco"]:
        idx.arco = settings["arco"]
    idx.save(url)
    db = ov.LoadDataset(url)
    data = np.load(folder / "data.npy")
    db.write(data, logic_box=(low, [a + b for a, b in zip(low, dims, strict=True)]))
    if settings["codec"] != "raw":
        db.compressDataset([settings["codec"]])
    db = ov.LoadDataset(url)
    for i, (p1, p2, h) in enumerate(settings["boxes"]):
        found = db.read(logic_box=(p1[:n], p2[:n]), max_resolution=h)
        np.save(folder / f"box{i}.npy", found)


if __name__ == "__main__":
    main()
