"""Pixels on the canvas against numpy: every element type and layout, orientation, levels, channels, slices."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest
from tests.browser import image_stores as stores
from tests.browser.drawn import cut, grey, one_to_one, pixels

pytestmark = pytest.mark.browser

DTYPES = ("uint8", "int8", "uint16", "int16", "uint32", "int32", "uint64", "int64", "float32", "float64")  # fmt: skip


@pytest.fixture(scope="module")
def folder(server: Any, tmp_path_factory: pytest.TempPathFactory) -> Path:
    place = tmp_path_factory.mktemp("pixels")
    server.mount("/p", place)
    return place


@pytest.mark.parametrize("layout", stores.LAYOUTS)
@pytest.mark.parametrize("dtype", DTYPES)
def test_every_type_and_layout(dtype: str, layout: str, viewer: Any, folder: Path) -> None:
    data = stores.ramp((300, 420), dtype)
    low, high = float(data.min()), float(data.max())
    omero = {"channels": [stores.window(low, high)]}
    name = f"{dtype}-{layout}.zarr"
    stores.write_image(folder / name, [data], layout=layout, omero=omero)
    view = viewer().open(f"/p/{name}")
    one_to_one(view)
    drawn = cut(view, *data.shape)
    assert (drawn[..., 3] == 255).all()
    expected = grey(data, low, high)
    for k in range(3):
        np.testing.assert_array_equal(drawn[..., k], expected)
    for x, y in ((0, 0), (419, 0), (17, 299)):
        value = view.run("([x, y]) => __pyramidion.valueAt(x, y)", [x, y])
        assert value == float(data[y, x])
    complaints = [c for c in view.complaints if not (layout == "v2" and "404" in c)]
    assert complaints == []


def test_big_endian(viewer: Any, folder: Path) -> None:
    data = stores.ramp((90, 120), "uint16")
    import zarr

    zarr.create_array(folder / "big.zarr", shape=data.shape, dtype=">u2", chunks=(50, 50), zarr_format=2, compressors=None)[...] = data  # fmt: skip
    view = viewer().open("/p/big.zarr")
    assert view.run("__pyramidion.valueAt(110, 80)") == data[80, 110]
    one_to_one(view)
    low, high = view.view()["channels"][0]["range"]
    np.testing.assert_array_equal(cut(view, *data.shape)[..., 0], grey(data, low, high))


def test_row_0_is_on_top_and_column_0_on_the_left(viewer: Any, folder: Path) -> None:
    data = np.zeros((100, 100), np.uint8)
    data[0, 0], data[0, 99], data[99, 0] = 250, 150, 50
    stores.write_image(
        folder / "o.zarr", [data], omero={"channels": [stores.window(0, 255)]}, chunk=30
    )
    view = viewer().open("/p/o.zarr")
    one_to_one(view)
    drawn = cut(view, 100, 100)[..., 0]
    assert (drawn[0, 0], drawn[0, 99], drawn[99, 0], drawn[99, 99]) == (250, 150, 50, 0)


def test_pixels_are_squares(viewer: Any, folder: Path) -> None:
    data = np.arange(12, dtype=np.uint8).reshape(3, 4) * 20
    stores.write_image(folder / "s.zarr", [data], omero={"channels": [stores.window(0, 255)]})
    view = viewer().open("/p/s.zarr")
    view.set_view(centre=[2, 1.5], zoom=40)
    drawn = cut(view, 120, 160)[..., 0]
    np.testing.assert_array_equal(drawn, np.kron(data, np.ones((40, 40), np.uint8)))


def test_unequal_pixels_keep_their_shape(viewer: Any, folder: Path) -> None:
    data = np.arange(12, dtype=np.uint8).reshape(3, 4) * 20
    stores.write_image(folder / "u.zarr", [data], scale={"y": 3.0, "x": 1.0}, omero={"channels": [stores.window(0, 255)]})  # fmt: skip
    view = viewer().open("/p/u.zarr")
    view.set_view(centre=[2, 1.5], zoom=20)
    drawn = cut(view, 180, 80)[..., 0]
    np.testing.assert_array_equal(drawn, np.kron(data, np.ones((60, 20), np.uint8)))


def test_nan_is_transparent_and_infinity_is_at_the_end(viewer: Any, folder: Path) -> None:
    data = np.full((40, 40), 0.5, np.float32)
    data[0, 0], data[1, 1], data[2, 2] = np.nan, np.inf, -np.inf
    stores.write_image(folder / "n.zarr", [data], omero={"channels": [stores.window(0, 1)]})
    view = viewer().open("/p/n.zarr")
    one_to_one(view)
    drawn = cut(view, 40, 40)
    assert drawn[0, 0, 3] == 0
    assert (drawn[1, 1, 0], drawn[2, 2, 0], drawn[5, 5, 0]) == (255, 0, 128)


@pytest.mark.parametrize("averaged", [True, False], ids=["averaged", "sampled"])
def test_a_spot_stays_in_place_through_the_levels(
    averaged: bool, viewer: Any, folder: Path
) -> None:
    data = np.zeros((4096, 4096), np.uint16)
    data[704:720, 320:336] = 60_000  # sixteen wide: one pixel of level 4
    levels = stores.pyramid(data, 5) if averaged else [data[:: 2**k, :: 2**k] for k in range(5)]
    name = f"spot-{averaged}.zarr"
    stores.write_image(folder / name, levels, averaged=averaged, chunk=512, omero={"channels": [stores.window(0, 60_000)]})  # fmt: skip
    view = viewer().open(f"/p/{name}")
    for level in range(5):
        view.set_view(centre=[328, 712], zoom=2.0**-level)
        assert view.stats()["levelNumber"] == level
        drawn = pixels(view)[..., 0]
        bright = np.argwhere(drawn > 128).mean(axis=0) + 0.5
        frame = view.run("__pyramidion.frame()")
        x = (bright[1] - frame["left"]) / frame["kh"]
        y = (bright[0] - frame["top"]) / frame["kv"]
        # Sampled levels show the spot where its samples are: up to half a pixel of the level off.
        slack = 0.51 * 2**level + 0.5
        assert max(abs(x - 328), abs(y - 712)) <= slack, (level, x, y)
        if averaged:
            assert (round(x), round(y)) == (328, 712)


def test_channels_add_up(viewer: Any, folder: Path) -> None:
    rng = np.random.default_rng(3)
    data = rng.integers(0, 4000, (3, 80, 90)).astype(np.uint16)
    colours = ("FF0000", "00FF00", "FF8040")
    omero = {"channels": [stores.window(100, 3000, colour, f"dye {k}") for k, colour in enumerate(colours)]}  # fmt: skip
    stores.write_image(folder / "c.zarr", [data], "cyx", omero=omero)
    view = viewer().open("/p/c.zarr")
    one_to_one(view)
    total = np.zeros((80, 90, 3))
    for k, colour in enumerate(colours):
        level = grey(data[k], 100, 3000).astype(float)
        for i in range(3):
            total[..., i] += np.floor(int(colour[2 * i : 2 * i + 2], 16) * level / 255 + 0.5)
    np.testing.assert_array_equal(cut(view, 80, 90)[..., :3], np.minimum(total, 255))
    view.page.get_by_role("button", name="Show dye 0").click()
    view.page.get_by_role("button", name="Show dye 2").click()
    view.idle()
    np.testing.assert_array_equal(cut(view, 80, 90)[..., 0], 0)
    np.testing.assert_array_equal(cut(view, 80, 90)[..., 1], grey(data[1], 100, 3000))


def test_a_photograph_looks_as_itself(viewer: Any, folder: Path) -> None:
    data = np.random.default_rng(4).integers(40, 200, (3, 60, 70)).astype(np.uint8)
    omero = {"channels": [stores.window(50, 150, c) for c in ("FF0000", "00FF00", "0000FF")]}
    stores.write_image(folder / "rgb.zarr", [data], "cyx", omero=omero)
    view = viewer().open("/p/rgb.zarr")
    one_to_one(view)
    np.testing.assert_array_equal(cut(view, 60, 70)[..., :3], np.moveaxis(data, 0, -1))


@pytest.mark.parametrize("layout", stores.LAYOUTS)
def test_three_planes(layout: str, viewer: Any, folder: Path) -> None:
    rng = np.random.default_rng(5)
    data = rng.integers(0, 256, (30, 50, 70)).astype(np.uint8)
    stores.write_image(folder / f"v-{layout}.zarr", [data], "zyx", layout=layout, chunk=32, omero={"channels": [stores.window(0, 255)]})  # fmt: skip
    view = viewer().open(f"/p/v-{layout}.zarr")
    view.page.get_by_role("button", name="All three").click()
    view.set_view(x=61, y=7, z=19, centre=[35, 25, 15], zoom=1)
    np.testing.assert_array_equal(cut(view, 50, 70, "xy")[..., 0], data[19])
    np.testing.assert_array_equal(cut(view, 30, 70, "xz")[..., 0], data[:, 7])
    np.testing.assert_array_equal(cut(view, 50, 30, "yz")[..., 0], data[:, :, 61].T)
    for name, expected in (("xz", data[:, 7]), ("yz", data[:, :, 61].T)):
        view.set_view(layout=name, centre=[35, 25, 15], zoom=1)
        np.testing.assert_array_equal(cut(view, *expected.shape, name)[..., 0], expected)


def test_planes_keep_the_shape_of_voxels(viewer: Any, folder: Path) -> None:
    data = np.arange(24, dtype=np.uint8).reshape(2, 3, 4) * 10
    stores.write_image(folder / "a.zarr", [data], "zyx", scale={"z": 5.0, "y": 2.0, "x": 1.0}, omero={"channels": [stores.window(0, 255)]})  # fmt: skip
    view = viewer().open("/p/a.zarr")
    view.set_view(layout="ortho", x=1, y=2, z=1, centre=[2, 1.5, 1], zoom=8)
    block = np.ones((1, 1), np.uint8)
    for plane, expected, step in (("xy", data[1], (16, 8)), ("xz", data[:, 2], (40, 8)), ("yz", data[:, :, 1].T, (16, 40))):  # fmt: skip
        big = np.kron(expected, np.tile(block, step))
        np.testing.assert_array_equal(cut(view, *big.shape, plane)[..., 0], big)


def test_movies_and_five_axes(viewer: Any, folder: Path) -> None:
    data = np.random.default_rng(6).integers(0, 255, (4, 2, 5, 40, 50)).astype(np.uint8)
    omero = {"channels": [stores.window(0, 255, "00FF00"), stores.window(0, 255, "FF0000")]}
    stores.write_image(folder / "m.zarr", [data], "tczyx", omero=omero)
    view = viewer().open("/p/m.zarr")
    view.set_view(t=3, z=2, centre=[25, 20], zoom=1)
    drawn = cut(view, 40, 50)
    np.testing.assert_array_equal(drawn[..., 1], data[3, 0, 2])
    np.testing.assert_array_equal(drawn[..., 0], data[3, 1, 2])
    assert view.run("__pyramidion.valueAt(49, 39, 4, 2, 1)") == data[2, 1, 4, 39, 49]


def test_chunks_that_are_absent_hold_the_fill_value(viewer: Any, folder: Path) -> None:
    import zarr

    made = zarr.create_array(folder / "f.zarr", shape=(100, 120), chunks=(50, 60), dtype="uint8", fill_value=77)  # fmt: skip
    made[:50, :60] = stores.ramp((50, 60), "uint8")
    view = viewer().open("/p/f.zarr")
    one_to_one(view)
    assert view.stats()["missing"] == 3
    low, high = view.view()["channels"][0]["range"]
    assert (cut(view, 100, 120)[50:, 60:, 0] == grey(np.array([77]), low, high)[0]).all()


def test_a_bare_array_and_large_chunks(viewer: Any, folder: Path) -> None:
    import zarr

    data = stores.ramp((1500, 1300), "uint16")
    zarr.create_array(folder / "bare.zarr", data=data, chunks=(1500, 1300))
    view = viewer(width=2000, height=1900).open("/p/bare.zarr")
    one_to_one(view)
    low, high = view.view()["channels"][0]["range"]
    np.testing.assert_array_equal(cut(view, *data.shape)[..., 0], grey(data, low, high))


def test_masks(viewer: Any, folder: Path) -> None:
    import zarr

    mask = np.random.default_rng(8).integers(0, 2, (40, 60)).astype(bool)
    zarr.create_array(folder / "mask.zarr", data=mask, chunks=(16, 16))
    view = viewer().open("/p/mask.zarr")
    one_to_one(view)
    np.testing.assert_array_equal(cut(view, 40, 60)[..., 0], mask * np.uint8(255))
