"""Images for the contract tests: elements, specs, and a conversion in a few lines."""

from __future__ import annotations

import hashlib
from concurrent.futures import ThreadPoolExecutor

import numpy as np

from pyramidion.core import IMAGE_AXES, ImageSpec, image_axes
from pyramidion.formats import OpenOptions, open_image

TYPES = ["int8", "uint8", "int16", "uint16", "int32", "uint32", "int64", "uint64", "float16", "float32", "float64"]  # fmt: skip

DESTINATIONS = {"image-stack": "v/%04d.png", "tiff": "v.tif"}
"""Names of destinations for the formats whose suffix alone does not make one."""


def destination(written, folder):
    """Return the name under which a format writes an image."""
    name = DESTINATIONS.get(written.name)
    return folder / (name or f"v{(written.image_suffixes or written.suffixes)[0]}")


def random_voxels(rng, shape, dtype):
    """Elements over the whole range of a type; smooth, so that compression has something to do."""
    dtype = np.dtype(dtype)
    ramp = sum(np.arange(n).reshape([-1 if a == b else 1 for b in range(5)]) * (7 * a + 3) for a, n in enumerate(shape))  # fmt: skip
    if dtype.kind == "f":
        voxels = (ramp / 16 + rng.standard_normal(shape)).astype(dtype)
    else:
        noise = rng.integers(0, 4, shape)
        limits = np.iinfo(dtype)
        voxels = ((ramp + noise) % min(limits.max, 2**31) + limits.min // 2).astype(dtype)
        voxels.flat[0], voxels.flat[-1] = limits.max, limits.min
    return np.broadcast_to(voxels, shape).copy()


def spec_of(voxels, present=None, **fields):
    """Describe an array of (t, c, z, y, x)."""
    if present is None:
        present = "".join(a for a, n in zip(IMAGE_AXES, voxels.shape, strict=True) if n > 1 or a in "yx")  # fmt: skip
    axes = image_axes(voxels.shape, (2.0, 0.5, 0.25), "um")
    return ImageSpec(axes, voxels.dtype, present=present, **fields)


class Reads:
    """The source of a conversion: reads an array, and counts how often each element was read."""

    def __init__(self, voxels, fails_at=None):
        self.voxels, self.fails_at = voxels, fails_at
        self.counts = np.zeros(voxels.shape, np.uint8)

    def __call__(self, box):
        if self.fails_at is not None and box.stop == self.voxels.shape:
            raise self.fails_at
        self.counts[box.slices] += 1
        return self.voxels[box.slices]


def stages(sink):
    """Return the numbers of the tasks, stage by stage."""
    names = sorted({task.stage for task in sink.tasks})
    return [[i for i, task in enumerate(sink.tasks) if task.stage == name] for name in names]


def run(sink, reads, *, order=None, threads=1, commit=True):
    """Do all tasks that are not done; `order` sorts the numbers of one stage."""
    n_done = 0
    for numbers in stages(sink):
        todo = [i for i in (order(numbers) if order else numbers) if not sink.is_done(i)]
        n_done += len(todo)
        with ThreadPoolExecutor(threads) as pool:
            list(pool.map(lambda i: sink.work(i, reads), todo))
    if commit:
        sink.commit()
    return n_done


def reopened(path, spec):
    """Open what was written: the folder of many files; an .npy does not keep its axes' names."""
    if "%" in path.name:
        return open_image(path.parent)
    axes = None
    if path.suffix == ".npy":
        names = [a for a in spec.present if a != "c" or spec.shape[1] > 1]
        axes = ",".join([a for a in names if a != "c"] + ["c"] if spec.is_rgb else names)
    return open_image(path, OpenOptions(axes=axes))


def digest(folder):
    """Map every file of a folder to the hash of its bytes."""
    files = sorted(p for p in folder.rglob("*") if p.is_file())
    return {str(p.relative_to(folder)): hashlib.sha256(p.read_bytes()).hexdigest() for p in files}
