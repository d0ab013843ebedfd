"""The page over a private bucket that our server reads: all panels zoom as over a folder."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from tests.browser.conftest import Viewer
from tests.browser.drawn import cut, grey, pixels

from pyramidion.core import Box
from pyramidion.formats import open_source
from pyramidion.instruments import SimulatedScope
from pyramidion.server import build_app, serve_background
from pyramidion.workflows import ConvertOptions, convert, generate

pytestmark = pytest.mark.browser

SAMPLES = 3_000_017
SHAPE = (9, 700, 900)


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    place = tmp_path_factory.mktemp("stores")
    scope = SimulatedScope(channels=2, segments=1, samples=SAMPLES, seed=1)
    generate(place / "w.zarr", scope, ConvertOptions())
    voxels = np.random.default_rng(1).integers(0, 256, SHAPE).astype(np.uint8)
    np.save(place / "v.npy", voxels)
    for name in ("v.ome.zarr", "v.idx"):
        convert(place / "v.npy", place / name, ConvertOptions())
    return place


@pytest.fixture
def bucket_origin(folder: Path, s3_environment: Any, s3_bucket: str) -> Iterator[str]:
    """A server of a bucket with the stores."""
    files = [path for path in folder.rglob("*") if path.is_file()]
    objects = {f"day/{path.relative_to(folder)}": path.read_bytes() for path in files}
    s3_environment.put(s3_bucket, objects)
    with serve_background(build_app([f"s3://{s3_bucket}/day"])) as origin:
        yield origin


@pytest.fixture
def see(bucket_origin: str, fresh: Callable[..., Viewer]) -> Callable[[str], Viewer]:
    """Go from the catalogue to one of the stores; the pages end before the server does."""
    return lambda name: fresh(bucket_origin, (1280, 900)).enter(name)


def test_waveform(see: Any, folder: Path) -> None:
    view = see("w.zarr")
    with open_source(folder / "w.zarr") as source:
        codes = source.read(Box((1, 0, 0, 0), (2, 1, 1, SAMPLES))).reshape(-1)
    for first, last in ((0, SAMPLES), (10_000, 900_000), (2_999_000, SAMPLES), (5, 25)):
        view.set_view(ch=1, samples=[first, last])
        columns = view.columns()
        inside = codes[first:last]
        assert max(c for c in columns["hi"] if c is not None) >= inside.max()
        assert min(c for c in columns["lo"] if c is not None) <= inside.min()
    columns = view.columns()
    assert max(c for c in columns["hi"] if c is not None) <= codes[4:27].max()


@pytest.mark.parametrize("name", ["v.ome.zarr", "v.idx"])
def test_image(name: str, see: Any, folder: Path) -> None:
    voxels = np.load(folder / "v.npy")
    view = see(name)
    low, high = view.view()["channels"][0]["range"]
    for z in (0, 8):
        view.set_view(layout="xy", z=z, centre=[450, 350, z], zoom=1)
        expected = grey(voxels[z], low, high)
        np.testing.assert_array_equal(cut(view, *SHAPE[1:])[..., 0], expected)
    levels = set()
    for zoom in (0.25, 0.5, 4):
        view.set_view(layout="xy", z=4, centre=[450, 350, 4], zoom=zoom)
        levels.add(view.stats()["levelNumber"])
        assert np.ptp(pixels(view)[..., 0].astype(int)) > 20
    assert len(levels) > 1
