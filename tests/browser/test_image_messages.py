"""What the page says when an image, its server or its chunks are not as they should be."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from tests.browser import image_stores as stores
from tests.browser.drawn import cut, grey, one_to_one
from tests.browser.servers import Server, running
from tests.browser.test_messages import says

pytestmark = pytest.mark.browser


@pytest.fixture(scope="module")
def image() -> np.ndarray:
    return stores.ramp((300, 400), "uint16")


@pytest.fixture
def folder(tmp_path: Path, image: np.ndarray) -> Path:
    omero = {"channels": [stores.window(0, 60_000)]}
    stores.write_image(tmp_path / "i.zarr", stores.pyramid(image, 2), omero=omero)
    stores.write_image(tmp_path / "plain.zarr", stores.pyramid(image, 2), omero=omero, layout="unsharded")  # fmt: skip
    return tmp_path


@pytest.fixture
def far(folder: Path) -> Any:
    with running() as one:
        one.mount("/d", folder)
        yield one


def test_a_damaged_chunk_is_named_and_the_rest_is_drawn(
    viewer: Any, far: Server, folder: Path, image: np.ndarray
) -> None:
    shard = folder / "i.zarr" / "0" / "c" / "0" / "1"
    content = bytearray(shard.read_bytes())
    content[40] ^= 1
    shard.write_bytes(content)
    view = viewer().open(f"{far.origin}/d/i.zarr")
    one_to_one(view)
    says(view, "0 chunk 0.2", "crc32c", "verify")
    drawn = cut(view, 300, 400)
    sound = np.ones((300, 400), bool)
    sound[:64, 128:192] = False
    np.testing.assert_array_equal(drawn[..., 0][sound], grey(image, 0, 60_000)[sound])
    assert (drawn[..., 3] == 255).all(), "the damaged part is drawn from the coarser level"
    assert "coarser" in view.page.locator(".status-level").text_content()


# As if colouring a tile took a second: there is time for one in a frame.
SLOW_COLOURS = """(() => {
  let late = 0;
  const { now } = performance;
  performance.now = () => now.call(performance) + late;
  const { transferToImageBitmap } = OffscreenCanvas.prototype;
  OffscreenCanvas.prototype.transferToImageBitmap = function () {
    late += 1000;
    return transferToImageBitmap.call(this);
  };
})()"""


def test_what_stands_in_for_a_damaged_chunk_is_coloured_however_long_it_takes(
    viewer: Any, far: Server, folder: Path, image: np.ndarray
) -> None:
    (folder / "plain.zarr" / "0" / "c" / "0" / "2").write_bytes(b"nothing that was compressed")
    view = viewer()
    view.page.add_init_script(SLOW_COLOURS)
    view.open(f"{far.origin}/d/plain.zarr")
    one_to_one(view)
    says(view, "0 chunk 0.2")
    coarse = stores.halved(image).repeat(2, axis=0).repeat(2, axis=1)
    expected = image.copy()
    expected[:64, 128:192] = coarse[:64, 128:192]
    np.testing.assert_array_equal(cut(view, 300, 400)[..., 0], grey(expected, 0, 60_000))
    # In other colours all that is here is coloured anew, one tile after the other.
    view.page.get_by_label("Brightest value").fill("30000")
    view.page.keyboard.press("Enter")
    view.idle()
    drawn = cut(view, 300, 400)
    np.testing.assert_array_equal(drawn[..., 0], grey(expected, 0, 30_000))
    assert (drawn[..., 3] == 255).all()


def test_without_ranges(viewer: Any, far: Server, image: np.ndarray) -> None:
    far.faults.ranges = False
    says(
        viewer().open(f"{far.origin}/d/i.zarr"), "does not support byte ranges", "pyramidion serve"
    )
    view = viewer().open(f"{far.origin}/d/plain.zarr")
    one_to_one(view)
    np.testing.assert_array_equal(cut(view, 300, 400)[..., 0], grey(image, 0, 60_000))
    assert view.error() is None


def test_a_refused_chunk_can_be_tried_again(viewer: Any, far: Server, image: np.ndarray) -> None:
    far.faults.status = {"0/c/1/1": 403}
    view = viewer().open(f"{far.origin}/d/plain.zarr")
    one_to_one(view)
    says(view, "403", "permission")
    far.faults.status = {}
    view.page.get_by_role("button", name="Try again").click()
    view.idle()
    assert view.error() is None
    np.testing.assert_array_equal(cut(view, 300, 400)[..., 0], grey(image, 0, 60_000))


@pytest.mark.parametrize(
    ("change", "words"),
    [
        (lambda ome: ome.pop("multiscales"), ["no levels", "image or volume"]),
        (lambda ome: ome.update(multiscales=[], plate={}), ["collection of images", "/0"]),
        (lambda ome: ome["multiscales"][0].update(datasets=[]), ["names no levels"]),
        (lambda ome: ome["multiscales"][0]["datasets"][1].update(path="9"), ["level", "missing"]),
        (
            lambda ome: ome["multiscales"][0].update(axes=[{"name": "x"}, {"name": "y"}]),
            ["axes are x, y", "last two"],
        ),
    ],
    ids=["no multiscales", "plate", "no datasets", "level missing", "axes"],
)
def test_metadata_that_cannot_be_used(
    change: Any, words: list[str], viewer: Any, far: Server, folder: Path
) -> None:
    stores.edit(folder / "i.zarr" / "zarr.json", lambda root: change(root["attributes"]["ome"]))
    says(viewer().open(f"{far.origin}/d/i.zarr"), *words)


def test_metadata_without_scales_and_axes(viewer: Any, far: Server, folder: Path) -> None:
    def plain(root: Any) -> None:
        image = root["attributes"]["ome"]["multiscales"][0]
        image.pop("axes")
        for dataset in image["datasets"]:
            dataset.pop("coordinateTransformations")

    stores.edit(folder / "i.zarr" / "zarr.json", plain)
    view = viewer().open(f"{far.origin}/d/i.zarr")
    view.set_view(zoom=0.5)
    assert view.stats()["pixelsPerPixel"] == 2
    assert view.run("__pyramidion.scaleBar().text").endswith("px")
    assert json.loads((folder / "i.zarr" / "zarr.json").read_text())["zarr_format"] == 3


def test_too_much_for_memory_is_said(viewer: Any, far: Server, folder: Path) -> None:
    import zarr

    zarr.create_array(folder / "huge.zarr", shape=(20_000, 20_000), chunks=(2_000, 2_000), dtype="uint16", fill_value=5)  # fmt: skip
    view = viewer().open(f"{far.origin}/d/huge.zarr")
    assert "zoom in" in view.page.locator(".note").text_content()
    assert view.stats()["cacheBytes"] < 200e6
    one_to_one(view)
    assert view.stats()["complete"]
