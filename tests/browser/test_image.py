"""The image panel: moving, contrast, colour maps, links, measuring, playing, saving, keys, fingers."""

from __future__ import annotations

import io
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image
from tests.browser import image_stores as stores
from tests.browser.drawn import cut, grey, one_to_one, pixels

pytestmark = pytest.mark.browser

PIXEL_UM = 0.5


@pytest.fixture(scope="module")
def plane() -> np.ndarray:
    rng = np.random.default_rng(1)
    y, x = np.mgrid[:1200, :1600]
    waves = 1000 + 600 * np.sin(x / 90) * np.cos(y / 70)
    return (waves + rng.normal(0, 40, x.shape)).astype(np.uint16)


@pytest.fixture(scope="module")
def volume() -> np.ndarray:
    return np.random.default_rng(2).integers(0, 200, (24, 90, 110)).astype(np.uint8)


@pytest.fixture(scope="module", autouse=True)
def _stores(
    server: Any, tmp_path_factory: pytest.TempPathFactory, plane: np.ndarray, volume: np.ndarray
) -> None:
    place = tmp_path_factory.mktemp("image")
    server.mount("/i", place)
    steps = {"y": PIXEL_UM, "x": PIXEL_UM}
    levels = stores.pyramid(plane, 4)
    stores.write_image(place / "plane.zarr", levels, chunk=128, scale=steps)
    stores.write_image(place / "set.zarr", levels, chunk=128, omero={"channels": [stores.window(500, 1500)]})  # fmt: skip
    stores.write_image(place / "volume.zarr", stores.pyramid(volume, 2, "zyx"), "zyx", scale={"z": 2.0, "y": 1.0, "x": 1.0}, chunk=32, omero={"channels": [stores.window(0, 200)]})  # fmt: skip
    dim = volume.copy()
    dim[12] //= 20
    stores.write_image(place / "dim.zarr", [dim], "zyx", chunk=32)
    movie = np.random.default_rng(3).integers(0, 255, (6, 60, 80)).astype(np.uint8)
    stores.write_image(place / "movie.zarr", [movie], "tyx", omero={"channels": [stores.window(0, 255)]})  # fmt: skip
    dyes = np.random.default_rng(4).integers(0, 900, (3, 100, 100)).astype(np.uint16)
    omero = {"channels": [stores.window(0, 900, c, f"dye {k}") for k, c in enumerate(("FF0000", "00FF00", "0000FF"))]}  # fmt: skip
    stores.write_image(place / "dyes.zarr", [dyes], "cyx", omero=omero)


def middle(view: Any, plane: str = "xy") -> tuple[float, float]:
    box = view.page.locator(f".pane-{plane} canvas.picture").bounding_box()
    return box["x"] + box["width"] / 2, box["y"] + box["height"] / 2


def at(view: Any, h: float, v: float, plane: str = "xy") -> tuple[float, float]:
    """Return where a position of the image lies on the page."""
    frame = view.run("(plane) => __pyramidion.frame(plane)", plane)
    box = view.page.locator(f".pane-{plane} canvas.picture").bounding_box()
    return box["x"] + frame["left"] + h * frame["kh"], box["y"] + frame["top"] + v * frame["kv"]


def channel(view: Any, index: int = 0) -> Any:
    return view.view()["channels"][index]


def test_the_whole_picture_at_first(viewer: Any) -> None:
    view = viewer().open("/i/plane.zarr")
    frame = view.run("__pyramidion.frame()")
    assert frame["left"] >= 0
    assert frame["top"] >= 0
    assert view.stats()["levelNumber"] == 1
    assert "level 1 of 3, 2:1" in view.page.locator(".status-level").text_content()
    assert view.complaints == []


def test_wheel_zooms_at_the_pointer_and_dragging_moves(viewer: Any) -> None:
    view = viewer().open("/i/plane.zarr")
    x, y = (round(n) for n in at(view, 400, 300))
    centre, middle_x, middle_y = view.view()["centre"], *middle(view)
    zoom = view.view()["zoom"]
    fixed = centre["x"] + (x - middle_x) / zoom, centre["y"] + (y - middle_y) / zoom
    view.page.mouse.move(x, y)
    for _ in range(5):
        view.page.mouse.wheel(0, -300)
        view.idle()
        assert at(view, *fixed) == pytest.approx((x, y), abs=1.5)
    before = view.view()
    view.page.mouse.down()
    view.page.mouse.move(x + 60, y - 30, steps=4)
    view.page.mouse.up()
    view.idle()
    after = view.view()
    assert after["zoom"] == before["zoom"]
    assert at(view, *fixed) == pytest.approx((x + 60, y - 30), abs=1.5)
    assert view.complaints == []


def test_something_is_drawn_at_once_and_nothing_is_ever_blank(viewer: Any, server: Any) -> None:
    view = viewer().open("/i/plane.zarr")
    with server.held():
        view.run("__pyramidion.setView({centre: [800, 600], zoom: 1})")
        view.frames()
        assert not view.stats()["complete"]
        coarse = pixels(view)
    assert (coarse[..., 3] == 255).all(), "covered from a coarser level"
    view.idle()
    assert view.stats()["complete"]
    sharp = pixels(view)
    assert not np.array_equal(coarse, sharp)
    assert np.corrcoef(coarse[..., 0].ravel(), sharp[..., 0].ravel())[0, 1] > 0.8


def test_a_slice_stays_until_the_next_is_here(viewer: Any, server: Any, volume: np.ndarray) -> None:
    view = viewer().open("/i/volume.zarr")
    view.set_view(z=4, centre=[55, 45], zoom=1)
    before = pixels(view)
    with server.held():
        view.run("__pyramidion.setView({z: 20})")
        view.frames()
        shown = cut(view, 90, 110)[..., 3]
    assert (shown == 255).all()
    view.idle()
    assert not np.array_equal(before, pixels(view))
    np.testing.assert_array_equal(cut(view, 90, 110)[..., 0], grey(volume[20], 0, 200))


def test_contrast_of_what_is_seen(viewer: Any, plane: np.ndarray) -> None:
    view = viewer().open("/i/set.zarr")
    assert channel(view)["range"] == [500, 1500]
    view.set_view(centre=[200, 150], zoom=4)
    view.page.keyboard.press("c")
    view.idle()
    frame = view.run("__pyramidion.frame()")
    x0, y0 = -frame["left"] / 4, -frame["top"] / 4
    seen = plane[int(max(0, y0)) : int(y0 + frame["height"] / 4), int(max(0, x0)) : int(x0 + frame["width"] / 4)]  # fmt: skip
    low, high = channel(view)["range"]
    assert low == pytest.approx(np.quantile(seen, 0.001), abs=12)
    assert high == pytest.approx(np.quantile(seen, 0.999), abs=12)
    view.page.keyboard.press("Shift+C")
    assert channel(view)["range"] == [500, 1500]


def test_contrast_is_sampled_where_the_store_has_none(viewer: Any, plane: np.ndarray) -> None:
    view = viewer().open("/i/plane.zarr")
    first = channel(view)["range"]
    coarsest = stores.pyramid(plane, 4)[-1]
    assert first == pytest.approx(np.quantile(coarsest, [0.001, 0.999]), abs=15)
    view.page.get_by_label("Darkest value").fill("700")
    view.page.keyboard.press("Enter")
    view.page.get_by_label("Brightest value").fill("1200.5")
    view.page.keyboard.press("Enter")
    view.idle()
    assert channel(view)["range"] == [700, 1200.5]
    view.page.get_by_role("button", name="Reset", exact=True).click()
    assert channel(view)["range"] == first


def test_histogram_counts_what_is_seen_and_its_handles_move(viewer: Any, plane: np.ndarray) -> None:
    view = viewer().open("/i/set.zarr")
    view.set_view(centre=[800, 600], zoom=1)
    found = view.run("__pyramidion.histogram()")
    assert found["low"] <= 500
    assert found["high"] >= 1500
    frame = view.run("__pyramidion.frame()")
    top, left = -frame["top"], -frame["left"]
    seen = plane[top : top + frame["height"], left : left + frame["width"]]
    expected = np.histogram(seen, 124, (found["low"], found["high"]))[0]
    share = np.array(found["counts"]) / sum(found["counts"])
    assert np.abs(share - expected / expected.sum()).max() < 0.004
    handle = view.page.locator(".handle-high").bounding_box()
    box = view.page.locator(".histogram").bounding_box()
    x, y = handle["x"] + handle["width"] / 2, handle["y"] + 20
    view.page.mouse.move(x, y)
    view.page.mouse.down()
    view.page.mouse.move(box["x"] + box["width"] / 2, y, steps=3)
    view.page.mouse.up()
    wanted = (found["low"] + found["high"]) / 2
    assert channel(view)["range"][0] == 500
    assert channel(view)["range"][1] == pytest.approx(wanted, rel=0.02)


ENDS = {
    "grey": ((0, 0, 0), (255, 255, 255)), "marks": ((0, 114, 178), (230, 159, 0)), "cividis": ((0, 34, 78), (254, 232, 56)),
    "viridis": ((68, 1, 84), (253, 231, 37)), "magma": ((0, 0, 4), (252, 253, 191)),
}  # fmt: skip


def test_colour_maps(viewer: Any, plane: np.ndarray) -> None:
    view = viewer().open("/i/set.zarr")
    view.set_view(centre=[800, 600], zoom=1)
    frame = view.run("__pyramidion.frame()")
    top, left = -frame["top"], -frame["left"]
    seen = plane[top : top + frame["height"], left : left + frame["width"]]
    for name, (low, high) in ENDS.items():
        view.page.get_by_label("Colour map").select_option(name)
        view.idle()
        colours = pixels(view)[..., :3]
        assert (colours[seen < 500] == low).all(), name
        assert (colours[seen > 1500] == high).all(), name
        if name == "marks":
            inside = colours[(seen >= 500) & (seen <= 1500)]
            np.testing.assert_array_equal(
                inside[:, 0], grey(seen, 500, 1500)[(seen >= 500) & (seen <= 1500)]
            )
            assert (np.ptp(inside, axis=1) == 0).all()
    view.page.evaluate("document.activeElement.blur()")
    names = []
    for _ in range(5):
        view.page.keyboard.press("m")
        names.append(view.view()["map"])
    assert sorted(names) == sorted(ENDS)


def test_a_colour_map_is_for_one_channel(viewer: Any) -> None:
    view = viewer().open("/i/dyes.zarr")
    choice = view.page.get_by_label("Colour map")
    assert choice.is_disabled()
    for k in (1, 2):
        view.page.get_by_role("button", name=f"Show dye {k}").click()
    view.idle()
    choice.select_option("viridis")
    one_to_one(view)
    data = np.random.default_rng(4).integers(0, 900, (3, 100, 100))[0]
    lowest = np.unravel_index(data.argmin(), data.shape)
    assert tuple(cut(view, 100, 100)[lowest][:3]) == (68, 1, 84)


def test_a_link_restores_everything(viewer: Any) -> None:
    first = viewer().open("/i/volume.zarr", "#note=kept")
    first.set_view(layout="ortho", x=31, y=12, z=7, centre=[40.25, 30.5, 9], zoom=3.25)
    first.page.get_by_label("Colour map").select_option("magma")
    first.page.get_by_label("Brightest value").fill("150")
    first.page.keyboard.press("Enter")
    link = first.address("#note=kept&v=1&p=img&pl=ortho&c=40.25,30.5,9&s=3.25&x=31&y=12&z=7&ch=0:FFFFFF:0-150&cm=magma")  # fmt: skip
    first.idle()
    second = viewer().go(link)
    assert second.view() == first.view()
    for name in ("xy", "xz", "yz"):
        np.testing.assert_array_equal(pixels(second, name), pixels(first, name))
    second.page.evaluate("location.hash = '#pl=xz&y=3&ch=0:00FF00:-5--1e-3&cm=own'")
    second.until("__pyramidion.view().layout === 'xz'")
    second.idle()
    view = second.view()
    assert (view["layout"], view["y"], view["map"]) == ("xz", 3, "own")
    assert view["channels"][0]["range"] == [-5, -0.001]
    assert view["channels"][0]["color"] == [0, 255, 0]


def test_a_link_hides_channels(viewer: Any) -> None:
    view = viewer().open("/i/dyes.zarr", "#ch=1:FFFF00:10-500,2:0000FF:0-900&c=50,50&s=2")
    assert [c["visible"] for c in view.view()["channels"]] == [False, True, True]
    assert view.view()["channels"][1]["range"] == [10, 500]
    assert view.view()["zoom"] == 2


def test_readout(viewer: Any, plane: np.ndarray) -> None:
    view = viewer().open("/i/plane.zarr")
    view.set_view(centre=[700, 500], zoom=10)
    view.page.mouse.move(*at(view, 703.5, 498.5))
    view.frames()
    text = view.page.locator(".status-pointer").text_content().replace("\u202f", "")
    assert text == f"x 703  y 498   351.5 µm, 249 µm   {plane[498, 703]}"


@pytest.mark.parametrize("zoom", [0.3, 1, 7.3, 44])
def test_the_scale_bar_is_as_long_as_it_says(zoom: float, viewer: Any) -> None:
    view = viewer().open("/i/plane.zarr")
    view.set_view(zoom=zoom)
    bar = view.run("__pyramidion.scaleBar()")
    number, unit = bar["text"].split()
    length_um = float(number) * {"nm": 1e-3, "µm": 1, "mm": 1e3}[unit]
    assert str(number)[0] in "125"
    assert bar["pixels"] == pytest.approx(length_um / PIXEL_UM * zoom)
    white = view.run(
        """() => {
          const marks = document.querySelector('.pane-xy canvas.marks');
          const row = marks.getContext('2d').getImageData(0, marks.height - 16, marks.width, 1).data;
          let n = 0;
          for (let x = 0; x < marks.width; x++) if (row[4 * x] > 200 && row[4 * x + 3] > 200) n += 1;
          return n;
        }"""
    )
    assert white == pytest.approx(bar["pixels"], abs=2)


def test_measure_a_rectangle(viewer: Any, plane: np.ndarray) -> None:
    view = viewer().open("/i/plane.zarr")
    view.set_view(centre=[700, 500], zoom=2)
    view.page.keyboard.press("r")
    view.page.mouse.move(*at(view, 650.3, 450.2))
    view.page.mouse.down()
    view.page.mouse.move(*at(view, 700, 470), steps=3)
    view.page.mouse.move(*at(view, 749.6, 499.7))
    view.page.mouse.up()
    view.idle()
    found = view.run("__pyramidion.measurement()")
    x0, y0 = int(found["from"]["h"]), int(found["from"]["v"])
    x1, y1 = int(found["to"]["h"]), int(found["to"]["v"])
    assert (x0, y0, x1, y1) == pytest.approx((650, 450, 750, 500), abs=1)
    inside = plane[y0:y1, x0:x1].astype(float)
    (values,) = found["channels"]
    assert values["count"] == inside.size
    assert values["mean"] == pytest.approx(inside.mean())
    assert (values["min"], values["max"]) == (inside.min(), inside.max())
    assert found["width"] == pytest.approx((x1 - x0) * PIXEL_UM * 1e-6)
    view.page.keyboard.press("q")
    text = view.page.locator(".measured").text_content().replace("\u202f", "")
    assert f"{x1 - x0} \u00d7 {y1 - y0} px" in text
    assert f"{inside.min():.0f} to {inside.max():.0f}" in text
    assert f"Count{inside.size}" in text
    assert "every pixel" in text
    view.page.keyboard.press("Escape")
    assert view.run("__pyramidion.measurement()") is None


def test_measure_a_distance_and_the_view(viewer: Any) -> None:
    view = viewer().open("/i/plane.zarr")
    view.set_view(centre=[700, 500], zoom=2)
    view.page.keyboard.press("u")
    view.page.mouse.move(*at(view, 600, 400))
    view.page.mouse.down()
    view.page.mouse.move(*at(view, 630, 440), steps=3)
    view.page.mouse.up()
    view.idle()
    assert view.run("__pyramidion.measurement().length") == pytest.approx(25e-6, rel=0.03)
    view.page.keyboard.press("r")
    view.page.keyboard.press("Enter")
    view.idle()
    frame = view.run("__pyramidion.frame()")
    count = view.run("__pyramidion.measurement().channels[0].count")
    assert count == pytest.approx(frame["width"] * frame["height"] / 4, rel=0.02)


# Frames that are so rare that every timer of the page runs out before the next one.
SLOW_FRAMES = """
window.requestAnimationFrame = (f) => setTimeout(() => f(performance.now()), 120);
window.cancelAnimationFrame = (id) => clearTimeout(id);
"""


def test_what_a_late_frame_shows_is_fetched(viewer: Any) -> None:
    view = viewer()
    view.page.add_init_script(SLOW_FRAMES)
    view.open("/i/plane.zarr")
    view.run(
        """async () => {
          const page = __pyramidion;
          page.setView({ centre: [800, 600], zoom: 0.5 });
          await new Promise((resolve) => requestAnimationFrame(resolve)); // just planned
          page.setView({ centre: [700, 500], zoom: 2 });
          await page.idle();
        }"""
    )
    stats = view.stats()
    assert (stats["levelNumber"], stats["complete"]) == (0, True)


def test_a_measurement_becomes_sharp_and_stays_so(
    viewer: Any, server: Any, plane: np.ndarray
) -> None:
    view = viewer().open("/i/plane.zarr")
    view.page.keyboard.press("r")
    view.idle()  # with the arithmetic, for which no connection is left while six requests are held
    with server.held():
        view.run("__pyramidion.setView({ centre: [700, 500], zoom: 2 })")
        view.frames()  # what is measured is what the last frame showed
        view.page.keyboard.press("Enter")
        view.until("__pyramidion.measurement()")
        area = view.run("__pyramidion.measurement()")
    assert area["level"] > 0, "what is here so far"
    x0, y0, x1, y1 = (area[end][side] for end in ("from", "to") for side in ("h", "v"))
    exact = plane[y0:y1, x0:x1].astype(float)
    for zoom, centre in ((2, [1200, 900]), (0.25, [800, 600])):
        view.run("([centre, zoom]) => __pyramidion.setView({ centre, zoom })", [centre, zoom])
        view.idle()
        found = view.run("__pyramidion.measurement()")
        assert found["level"] == 0
        (values,) = found["channels"]
        assert (values["count"], values["min"]) == (exact.size, exact.min())
        assert values["mean"] == pytest.approx(exact.mean())


def test_contrast_follows_until_the_picture_is_sharp(viewer: Any, server: Any) -> None:
    calm = viewer().open("/i/set.zarr")
    calm.set_view(centre=[200, 150], zoom=4)
    calm.page.keyboard.press("c")
    calm.idle()
    expected = channel(calm)["range"]
    view = viewer().open("/i/set.zarr")
    with server.held():
        view.run("__pyramidion.setView({ centre: [200, 150], zoom: 4 })")
        view.frames()
        view.page.keyboard.press("c")
        early = channel(view)["range"]
    view.idle()
    assert channel(view)["range"] == expected
    assert early != expected, "from the coarser level"
    with server.held():
        view.run("__pyramidion.setView({ centre: [1200, 900], zoom: 4 })")
        view.page.keyboard.press("c")
        view.page.keyboard.press("Shift+C")
    view.idle()
    assert channel(view)["range"] == [500, 1500], "what one chose since is left alone"


def test_saving_gives_the_pixels_of_the_canvas(viewer: Any) -> None:
    view = viewer().open("/i/plane.zarr")
    view.set_view(centre=[700, 500], zoom=2)
    with view.page.expect_download() as caught:
        view.page.keyboard.press("e")
    saved = np.array(Image.open(io.BytesIO(Path(caught.value.path()).read_bytes())))
    assert caught.value.suggested_filename == "plane.png"
    np.testing.assert_array_equal(saved, pixels(view))
    with view.page.expect_download() as caught:
        view.page.keyboard.press("Shift+E")
    marked = np.array(Image.open(io.BytesIO(Path(caught.value.path()).read_bytes())))
    differ = np.argwhere((marked != saved).any(axis=-1))
    assert len(differ) > 50
    assert differ[:, 0].min() > saved.shape[0] - 60, "only the scale bar"


def test_sliders_and_crosshair(viewer: Any, volume: np.ndarray) -> None:
    view = viewer().open("/i/volume.zarr")
    view.page.get_by_label("Slice z").fill("5")
    view.idle()
    assert view.view()["z"] == 5
    view.page.get_by_role("button", name="All three").click()
    view.set_view(centre=[55, 45, 12], zoom=2)
    view.page.mouse.click(*at(view, 20.5, 71.5))
    view.idle()
    assert (view.view()["x"], view.view()["y"], view.view()["z"]) == (20, 71, 5)
    view.page.mouse.click(*at(view, 30.5, 9.5, "xz"), delay=20)
    view.idle()
    assert (view.view()["x"], view.view()["y"], view.view()["z"]) == (30, 71, 9)
    np.testing.assert_array_equal(
        cut(view, 180, 220)[..., 0],
        np.kron(grey(volume[9], 0, 200), np.ones((2, 2), np.uint8)),
    )
    corner = view.page.locator(".corner").text_content().replace("\u202f", "")
    assert "x 30  y 71  z 9" in corner
    assert str(volume[9, 71, 30]) in corner
    for name in ("Slice x", "Slice y", "Slice z"):
        assert view.page.get_by_label(name).is_visible()


def test_playing_visits_every_frame_in_order(viewer: Any) -> None:
    view = viewer().open("/i/movie.zarr")
    view.page.get_by_label("Frames a second").select_option("30")
    view.page.evaluate("document.activeElement.blur()")
    view.run(
        """() => {
          window.seen = [];
          const look = () => { const { t } = __pyramidion.view(); if (seen.at(-1) !== t) seen.push(t); requestAnimationFrame(look); };
          look();
        }"""
    )
    view.page.keyboard.press("Space")
    view.until("window.seen.length > 8")
    view.page.keyboard.press("Space")
    seen = view.run("window.seen")
    assert seen[:8] == [(seen[0] + k) % 6 for k in range(8)]
    stopped = view.view()["t"]
    view.page.wait_for_timeout(150)
    assert view.view()["t"] == stopped
    view.page.keyboard.press(".")
    assert view.view()["t"] == min(stopped + 1, 5)


def test_keys_alone(viewer: Any) -> None:
    view = viewer().open("/i/volume.zarr")
    press = view.page.keyboard.press
    start = view.view()
    for key, factor in (("w", 2), ("+", 2), ("s", 0.5), ("-", 0.5)):
        before = view.view()["zoom"]
        press(key)
        assert view.view()["zoom"] == pytest.approx(before * factor)
    for _ in range(3):
        press("w")
    for key, axis, sign in (("ArrowLeft", "x", -1), ("d", "x", 1), ("ArrowUp", "y", -1), ("ArrowDown", "y", 1)):  # fmt: skip
        before = view.view()["centre"][axis]
        press(key)
        assert (view.view()["centre"][axis] - before) * sign > 0
    press("]")
    assert view.view()["z"] == start["z"] + 1
    press("Shift+BracketLeft")
    assert view.view()["z"] == start["z"] - 9
    for layout in ("xz", "yz", "ortho", "xy"):
        press("p")
        view.idle()
        assert view.view()["layout"] == layout
    press("1")
    assert view.view()["zoom"] == 1
    press("f")
    assert view.view()["zoom"] == pytest.approx(start["zoom"])
    press("i")
    assert view.value("Slice z") == f"{start['z'] - 9} of 23"
    title = view.page.locator("#drawer-title")
    assert title.text_content() == "Channels and colours"
    press("q")
    view.idle()
    assert title.text_content() == "Measurements"
    press("b")
    view.idle()
    assert title.text_content() == "Channels and colours"
    view.page.get_by_role("button", name="Close the tool").click()
    assert title.is_hidden()
    view.page.evaluate("document.activeElement.blur()")
    press("o")
    view.page.locator("dialog.elsewhere").wait_for()
    text = view.page.locator("dialog.elsewhere").text_content()
    assert "napari --plugin napari-ome-zarr" in text
    assert "zarr3://" in text
    assert "public https address" in text
    press("Escape")
    press("?")
    view.page.wait_for_selector("dialog.help", state="visible")
    press("Escape")
    assert view.complaints == []


def test_every_control_has_a_name(viewer: Any) -> None:
    view = viewer().open("/i/dyes.zarr")
    nameless = view.run(
        """() => [...document.querySelectorAll('button, input, select')]
             .filter((e) => !(e.getAttribute('aria-label') || e.textContent.trim() || e.labels?.length))
             .map((e) => e.outerHTML)"""
    )
    assert nameless == []


def test_two_fingers_zoom(viewer: Any) -> None:
    view = viewer(width=600, height=700, has_touch=True).open("/i/plane.zarr")
    view.set_view(centre=[800, 600], zoom=1)
    view.pinch(".pane-xy canvas.picture")
    assert view.view()["zoom"] == pytest.approx(2, rel=0.01)
    assert view.run("document.documentElement.scrollWidth") <= 600


def test_the_rail_tells_what_there_is_and_hides_channels(viewer: Any) -> None:
    view = viewer().open("/i/dyes.zarr")
    view.page.keyboard.press("j")
    rail = view.page.locator(".rail")
    rail.get_by_text("Arrays", exact=True).wait_for()
    text = rail.text_content().replace("\u00d7", "x")
    for words in ("dye 0", "0 … 900", "100 · 1 µm each · 100 µm", "uint16 · chunks 3 x 64 x 64", "1:1 · 3 x 100 x 100 · 60.0 kB"):  # fmt: skip
        assert words in text, words
    rail.get_by_role("button", name="Hide dye 1").click()
    assert [channel(view, k)["visible"] for k in range(3)] == [True, False, True]
    rail.get_by_role("button", name="dye 1", exact=True).click()
    assert channel(view, 1)["visible"], "what is chosen is shown"
    view.page.locator(".range-card h3:text-is('dye 1')").wait_for()
    view.page.get_by_label("Brightest value").fill("321")
    view.page.keyboard.press("Enter")
    assert [channel(view, k)["range"][1] for k in range(3)] == [900, 321, 900]
    view.page.get_by_label("Colour of dye 1").fill("#12ab34")
    assert channel(view, 1)["color"] == [0x12, 0xAB, 0x34]
    rail.get_by_text("0 … 321").wait_for()
    assert view.complaints == []


def test_contrast_is_that_of_all_planes_that_are_seen(viewer: Any) -> None:
    view = viewer().open("/i/dim.zarr")
    view.set_view(z=12)
    view.page.keyboard.press("c")
    view.idle()
    assert channel(view)["range"][1] <= 10
    view.set_view(layout="ortho", x=50, y=40)
    view.page.keyboard.press("c")
    view.idle()
    assert channel(view)["range"][1] > 190, "the other planes cut bright slices"
    found = view.run("__pyramidion.histogram()")
    assert found["high"] > 190


def test_minimap(viewer: Any) -> None:
    view = viewer().open("/i/plane.zarr")
    assert view.page.locator(".minimap").is_hidden()
    view.set_view(centre=[200, 200], zoom=4)
    box = view.page.locator(".minimap").bounding_box()
    view.page.mouse.click(box["x"] + box["width"] * 0.75, box["y"] + box["height"] * 0.5)
    view.idle()
    assert view.view()["centre"]["x"] == pytest.approx(1200, abs=15)
    assert view.view()["centre"]["y"] == pytest.approx(600, abs=15)


def test_themes_and_narrow_screens(viewer: Any) -> None:
    view = viewer(width=360, height=640, color_scheme="dark").open("/i/volume.zarr")
    assert view.run("document.documentElement.scrollWidth") <= 360
    assert view.run("document.documentElement.scrollHeight") <= 640
    assert view.page.locator(".pane-xy canvas.picture").bounding_box()["height"] > 200
    view.page.keyboard.press("t")
    view.idle()
    assert view.complaints == []


def test_bytes_are_counted_as_the_server_does(viewer: Any, server: Any) -> None:
    # Under an address of its own: a page before this one may have asked for more than it waited for.
    server.mounts["/counted"] = server.mounts["/i"]
    view = viewer().open("/counted/plane.zarr")
    view.page.mouse.move(*middle(view))
    for _ in range(4):
        view.page.mouse.wheel(0, -300)
        view.idle()
    hits = [hit for hit in server.data_hits() if hit.path.startswith("/counted/")]
    stats = view.stats()
    assert (stats["requests"], stats["bytes"]) == (len(hits), sum(hit.sent for hit in hits))
    for _ in range(4):
        view.page.mouse.wheel(0, 300)
        view.idle()
    assert view.stats()["requests"] == stats["requests"], "what was seen costs nothing again"


def test_the_catalogue_opens_images(viewer: Any, server: Any) -> None:
    entry = {"name": "p", "kind": "image", "url": "/p.idx", "shape": [1200, 1600], "dtype": "uint16", "data": "/i/plane.zarr"}  # fmt: skip
    server.documents["/api/datasets"] = {"datasets": [entry]}
    view = viewer()
    view.page.goto(f"{server.origin}/viewer/")
    view.page.get_by_role("link", name="p image").click()
    view.until("window.__pyramidion?.stats().complete")
    view.idle()
    assert view.view()["layout"] == "xy"
    del server.documents["/api/datasets"]


def test_shift_and_dragging_zooms_into_a_rectangle(viewer: Any) -> None:
    view = viewer().open("/i/plane.zarr")
    before = view.view()
    x, y = (round(n) for n in middle(view))
    view.page.keyboard.down("Shift")
    view.page.mouse.move(x - 100, y - 60)
    view.page.mouse.down()
    view.page.mouse.move(x, y, steps=3)
    view.page.mouse.move(x + 100, y + 60)
    view.page.mouse.up()
    view.page.keyboard.up("Shift")
    view.idle()
    after = view.view()
    width = view.run("__pyramidion.frame().width")
    assert after["zoom"] == pytest.approx(before["zoom"] * width / 200, rel=0.02)
    assert after["centre"]["x"] == pytest.approx(before["centre"]["x"], abs=3)
