"""An OME-Zarr of ours in the programs of others: neuroglancer in a real browser, and ome-zarr-py."""

from __future__ import annotations

import shutil
import threading
import time

import numpy as np
import pytest
from tests.browser.conftest import FLAGS, chromium
from tests.contract.images import Reads, run

from pyramidion.core import Channel, ImageSpec, image_axes
from pyramidion.formats import WriteOptions
from pyramidion.formats.zarr import FORMAT
from pyramidion.server import build_app, serve_background

pytestmark = pytest.mark.slow

SHAPE = (32, 300, 400)
VOXEL = (0.5, 0.5, 0.5)
PLANE = 16
WEBGL = ["--use-angle=swiftshader", "--enable-unsafe-swiftshader", "--ignore-gpu-blocklist"]
"""WebGL in software, in place of ``--disable-gpu``."""
SHADER = "#uicontrol invlerp value(range=[0,255])\nvoid main() { emitGrayscale(value()); }"


@pytest.fixture(scope="module")
def voxels():
    """No two planes are equal, and no picture is equal to one that is turned over."""
    z, y, x = np.ogrid[: SHAPE[0], : SHAPE[1], : SHAPE[2]]
    values = 2 * z + y // 4 + x // 4
    values = values + np.where((y // 40 + x // 50 + z) % 2, 20, 0)
    return values.astype(np.uint8)


@pytest.fixture(scope="module")
def store(tmp_path_factory, voxels):
    path = tmp_path_factory.mktemp("ome") / "v.ome.zarr"
    data = voxels[None, None]
    spec = ImageSpec(
        image_axes(data.shape, VOXEL, "um"),
        data.dtype,
        present="zyx",
        channels=(Channel("signal", "00FF00", (0.0, 250.0)),),
    )
    run(FORMAT.create_image(path, [spec], WriteOptions()), [Reads(data)])
    return path


@pytest.fixture(scope="module")
def address(store):
    with serve_background(build_app([store])) as url:
        yield f"{url}/{store.name}/"


# --- ome-zarr-py


@pytest.mark.filterwarnings("ignore")  # of other people's libraries
@pytest.mark.parametrize("place", ["file", "http"])
def test_ome_zarr_py(store, address, voxels, place):
    from ome_zarr.io import parse_url
    from ome_zarr.reader import Reader

    location = parse_url(str(store) if place == "file" else address)
    assert location is not None
    (node,) = Reader(location)()
    assert [axis["name"] for axis in node.metadata["axes"]] == ["z", "y", "x"]
    assert {axis["unit"] for axis in node.metadata["axes"]} == {"micrometer"}
    assert node.metadata["name"] == "data"
    np.testing.assert_array_equal(np.asarray(node.data[0]), voxels)
    assert len(node.data) > 1
    levels = zip(node.data, node.metadata["coordinateTransformations"], strict=True)
    for level, (scale, *rest) in levels:
        factors = [n / v for n, v in zip(scale["scale"], VOXEL, strict=True)]
        assert level.shape == tuple(-(-n // int(f)) for n, f in zip(SHAPE, factors, strict=True))
        shift = rest[0]["translation"] if rest else [0.0] * 3
        expected = [v * (f - 1) / 2 for v, f in zip(VOXEL, factors, strict=True)]
        np.testing.assert_allclose(shift, expected)
        means = np.asarray(level).astype(float).mean()
        assert abs(means - voxels.mean()) < 1


# --- neuroglancer


@pytest.fixture(scope="module")
def neuroglancer():
    import neuroglancer as package

    package.set_server_bind_address("127.0.0.1", 0)
    yield package
    package.stop()


@pytest.fixture
def picture(neuroglancer, address):
    """Return a function that takes what neuroglancer shows of a slice, once all of it is there."""
    path = chromium()
    from playwright.sync_api import sync_playwright

    viewer = neuroglancer.Viewer()
    flags = [flag for flag in FLAGS if flag != "--disable-gpu"] + WEBGL

    def take(page, scale):
        with viewer.txn() as state:
            state.dimensions = neuroglancer.CoordinateSpace(names="zyx", units="um", scales=VOXEL)
            state.layers["v"] = neuroglancer.ImageLayer(source=f"zarr3://{address}", shader=SHADER)
            # The first dimension goes to the right; those of a store begin with the slowest.
            state.display_dimensions = list("xyz")
            state.layout = "xy"
            state.show_axis_lines = state.show_scale_bar = state.show_default_annotations = False
            # An element lies around its position, as OME-Zarr has it: the first from -0.5 to 0.5.
            state.position = [PLANE, (SHAPE[1] - 1) / 2, (SHAPE[2] - 1) / 2]
            state.cross_section_scale = scale
        with viewer.config_state.txn() as config:
            config.show_ui_controls = config.show_panel_borders = False
        taken, replies = threading.Event(), []
        page.goto(viewer.get_viewer_url())
        viewer.async_screenshot(lambda reply: (replies.append(reply), taken.set()))
        begin = time.monotonic()
        while not taken.is_set():
            assert time.monotonic() - begin < 120, "neuroglancer did not finish"
            page.wait_for_timeout(100)
        return replies[0].screenshot.image_pixels

    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=path, args=flags)
        page = browser.new_page(viewport={"width": SHAPE[2], "height": SHAPE[1]})
        yield lambda scale: take(page, scale)
        browser.close()


@pytest.mark.browser
def test_neuroglancer_shows_the_pixels_of_a_slice(picture, voxels):
    shown = picture(1.0)
    assert shown.shape == (*SHAPE[1:], 4)
    inner = np.s_[2:-2, 2:-2]  # a pixel at the rim may lie half outside
    np.testing.assert_array_equal(shown[..., 0][inner], voxels[PLANE][inner])
    assert (shown[..., 0] == shown[..., 1]).all()


@pytest.mark.browser
def test_neuroglancer_shows_the_coarse_levels_in_place(picture, voxels):
    shown = picture(4.0)[..., 0].astype(float)
    height, width = SHAPE[1] // 4, SHAPE[2] // 4
    top, left = (SHAPE[1] - height) // 2, (SHAPE[2] - width) // 2
    small = shown[top : top + height, left : left + width]
    planes = voxels[PLANE : PLANE + 4].astype(float).mean(axis=0)
    expected = planes.reshape(height, 4, width, 4).mean(axis=(1, 3))
    inner = np.s_[1:-1, 1:-1]
    # Which level is shown, and so how many planes are averaged, is the viewer's choice.
    assert np.abs(small - expected)[inner].max() <= 4
    for turned in (expected[::-1], expected[:, ::-1], expected[::-1, ::-1]):
        assert np.abs(small - turned)[inner].max() > 50


def test_the_store_needs_no_help(store, tmp_path):
    """A copy made by a plain file copy is the same dataset."""
    copy = shutil.copytree(store, tmp_path / "copy.ome.zarr")
    from pyramidion.formats import open_image

    with open_image(copy) as source:
        assert source.spec.shape == (1, 1, *SHAPE)
