"""The tiny dataset of the contract tests: one block, ARCO, row-major, not compressed."""

from __future__ import annotations

from pathlib import Path

import numpy as np

from pyramidion.formats._format import example_voxels
from pyramidion.formats._idx.bitmask import Bitmask
from pyramidion.formats._idx.fields import IdxField
from pyramidion.formats._idx.files import arco_name
from pyramidion.formats._idx.header import IdxHeader, format_header


def write_example(folder: Path) -> Path:
    """Write the example and return its .idx file."""
    voxels = example_voxels()[0, 0]
    dims = (voxels.shape[2], voxels.shape[1], voxels.shape[0])
    bitmask = Bitmask.for_dims(dims)
    header = IdxHeader(
        p1=(0, 0, 0),
        p2=dims,
        fields=(IdxField("data", voxels.dtype),),
        bitmask=bitmask,
        bitsperblock=bitmask.maxh,
        arco=bitmask.n_samples,
    )
    block = np.zeros(bitmask.size[::-1], voxels.dtype)
    block[tuple(slice(n) for n in voxels.shape)] = voxels
    path = folder / "example.idx"
    file = folder / "example" / arco_name("data", 0, 0)
    file.parent.mkdir(parents=True)
    file.write_bytes(block.tobytes())
    path.write_text(format_header(header))
    return path
