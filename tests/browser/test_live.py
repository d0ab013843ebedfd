"""The live panel against the real server: every pixel, number and word follows from frames that are known."""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Iterator
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest
from tests.browser.conftest import Viewer
from tests.browser.drawn import cut, decoded, grey
from tests.browser.live import PAUSE_S, LiveCamera, camera, live

pytestmark = pytest.mark.browser

DTYPES = ("uint8", "int8", "uint16", "int16", "uint32", "int32", "float32", "float64")
Open = Callable[..., Viewer]

AT_ONCE = """() => ({
  number: __pyramidion.stats().number, said: document.querySelector('.strip-cell dd').textContent,
  frame: __pyramidion.frame(), canvas: __test.picture('canvas.picture'), range: __pyramidion.view().range,
})"""

# Fields and handles are placed at once: a field that still tells of the full range stands beside handles
# that are clamped to the end of the histogram before it.
HANDLE_HAS_FOLLOWED = """() => {
  if (Number(document.querySelector('[aria-label="Brightest value"]').value) > 5000) return false;
  const { left, width } = document.querySelector('.histogram').getBoundingClientRect();
  return document.querySelector('.handle-high').getBoundingClientRect().left > left + width / 2;
}"""


@pytest.fixture(scope="module")
def running() -> Iterator[SimpleNamespace]:
    """A camera of 240 x 320 pixels that runs all the time."""
    with camera() as one, live(one) as origin:
        yield SimpleNamespace(camera=one, origin=origin)


@pytest.fixture
def see(viewer: Callable[..., Viewer]) -> Open:
    """Open the live panel of a server."""

    def open_live(
        origin: str, fragment: str = "", *, settle: bool = True, **options: Any
    ) -> Viewer:
        view = viewer(**options)
        view.page.goto(f"{origin}/viewer/?live=/{fragment}")
        view.until("window.__pyramidion?.view")
        if settle:
            # The first picture may be here before the first word of camera and recording.
            view.until("document.querySelector('.live-camera').textContent")
            view.idle()
        return view

    return open_live


def at_once(view: Viewer) -> tuple[int, np.ndarray, Any]:
    """Return the frame number that is told, the canvas, and what else belongs to the moment."""
    told = view.run(AT_ONCE)
    assert int(re.sub(r"\D", "", told["said"])) == told["number"]
    return told["number"], decoded(told["canvas"]), told


def whole(view: Viewer, shape: tuple[int, int]) -> tuple[int, np.ndarray, list[float]]:
    number, pixels, told = at_once(view)
    top, left = told["frame"]["top"], told["frame"]["left"]
    return number, pixels[top : top + shape[0], left : left + shape[1]], told["range"]


def note(view: Viewer) -> str:
    return view.page.locator(".live-note").text_content()


def said(view: Viewer, words: str) -> None:
    """Wait for the note over the picture to begin with some words."""
    start = json.dumps(words.replace("\u202f", ""))
    view.until(
        f"document.querySelector('.live-note').textContent.replaceAll('\u202f', '').startsWith({start})"
    )


def one_to_one(view: Viewer) -> None:
    view.page.keyboard.press("1")
    view.idle()


def test_pixels_are_those_of_the_number_that_is_told(see: Open, running: Any) -> None:
    view = see(running.origin, "#ch=0:FFFFFF:0-4000")
    one_to_one(view)
    for _ in range(8):
        number, drawn, _ = whole(view, running.camera.shape)
        np.testing.assert_array_equal(drawn[..., 0], grey(running.camera.frame(number), 0, 4000))
        assert (drawn[..., 3] == 255).all()
        view.until("(number) => __pyramidion.stats().number > number", number)
    assert view.complaints == []


@pytest.mark.parametrize("dtype", DTYPES)
def test_every_type(dtype: str, see: Open) -> None:
    with camera(dtype=dtype) as one, live(one) as origin:
        view = see(origin)
        one_to_one(view)
        view.page.keyboard.press("Space")
        view.idle()
        number, drawn, (low, high) = whole(view, one.shape)
        frame = one.frame(number)
        np.testing.assert_array_equal(drawn[..., 0], grey(frame, low, high))
        view.page.mouse.move(*map(int, centre_of(view, 100, 50)))
        told = view.page.locator(".status-pointer").text_content()
        assert told.startswith("x 100  y 50")
        assert float(told.split("   ")[-1].replace("\u202f", "").replace("\u2212", "-")) == pytest.approx(float(frame[50, 100]), rel=1e-6)  # fmt: skip
        assert view.complaints == []


def centre_of(view: Viewer, h: float, v: float) -> tuple[float, float]:
    """Return where the middle of a pixel of the sensor lies on the page."""
    frame = view.run("__pyramidion.frame()")
    box = view.page.locator("canvas.picture").bounding_box()
    return (
        box["x"] + frame["left"] + (h + 0.5) * frame["kh"],
        box["y"] + frame["top"] + (v + 0.5) * frame["kv"],
    )


def test_a_frozen_frame_stays_itself_however_one_zooms(see: Open) -> None:
    with camera(height=900, width=1200) as one, live(one) as origin:
        view = see(origin, "#ch=0:FFFFFF:0-4000", width=700, height=500)
        assert view.stats()["scale"] > 1
        view.page.keyboard.press("Space")
        view.idle()
        view.set_view(zoom=0.5)
        number, _, _ = at_once(view)
        frame = one.frame(number)
        picture = view.run("__pyramidion.picture()")
        assert picture["scale"] == 2
        means = frame.reshape(450, 2, 600, 2).mean((1, 3))
        drawn = np.array(picture["data"]).reshape(450, 600)
        assert np.abs(drawn - means).max() <= 0.5
        view.set_view(centre=[640, 480], zoom=1)
        told, pixels, rest = at_once(view)
        assert told == number
        top, left = rest["frame"]["top"], rest["frame"]["left"]
        h, w = pixels.shape[:2]
        np.testing.assert_array_equal(pixels[..., 0], grey(frame[-top : h - top, -left : w - left], 0, 4000))  # fmt: skip
        requests = view.run(
            """async () => {
              const before = __pyramidion.stats().requests;
              __pyramidion.setView({ centre: [300, 200], zoom: 8 });
              await __pyramidion.idle();
              return __pyramidion.stats().requests - before;
            }"""
        )
        assert requests <= 2, "only the status is still asked for"
        assert at_once(view)[0] == number
        assert view.page.locator(".badge-frozen").is_visible()
        view.page.keyboard.press("Space")
        view.until(f"__pyramidion.stats().number > {number}")
        assert not view.page.locator(".badge-frozen").is_visible()
        assert view.complaints == []


def stats_of(view: Viewer) -> Any:
    view.until("__pyramidion.region()")
    return view.run("__pyramidion.region()")


def check_region(one: LiveCamera, told: Any, box: tuple[int, int, int, int]) -> None:
    x, y, w, h = box
    values = one.frame(told["number"])[y : y + h, x : x + w].astype(np.float64)
    expected = [values.size, values.min(), values.max(), values.mean(), values.std()]
    found = [told[name] for name in ("count", "min", "max", "mean", "std")]
    assert found == pytest.approx(expected, rel=1e-12)


def test_a_region_is_drawn_typed_and_linked(see: Open, running: Any) -> None:
    view = see(running.origin)
    view.page.keyboard.press("r")
    x0, y0 = (round(n) for n in centre_of(view, 40, 30))
    x1, y1 = (round(n) for n in centre_of(view, 139, 89))
    view.page.mouse.move(x0, y0)
    view.page.mouse.down()
    view.page.mouse.move(x1, y1, steps=5)
    view.page.mouse.up()
    region = view.view()["region"]
    assert region == {"x": 40, "y": 30, "width": 100, "height": 60}
    check_region(running.camera, stats_of(view), (40, 30, 100, 60))
    view.page.get_by_label("Left of the region").fill("200")
    view.page.keyboard.press("Enter")
    view.page.get_by_label("Height of the region").fill("9999")
    view.page.keyboard.press("Enter")
    assert view.view()["region"] == {"x": 200, "y": 0, "width": 100, "height": 240}
    view.until("location.hash.includes('r=200,0,100,240')")
    check_region(running.camera, stats_of(view), (200, 0, 100, 240))
    # The card shows at a calm rate what the page has counted.
    view.until("document.querySelector('.region-values').textContent.includes('Of frame')")
    rows = view.page.locator(".region-values th").all_text_contents()
    assert rows == ["Size", "Min", "Max", "Mean", "Std. deviation", "Of frame"]
    view.page.locator("body").click(position={"x": 5, "y": 5})
    view.page.keyboard.press("Escape")
    assert view.view()["region"] is None
    assert view.complaints == []


def test_only_what_the_canvas_needs_is_asked_for(see: Open) -> None:
    with camera(height=1200, width=1600) as one, live(one) as origin:
        view = see(origin, width=800, height=500)
        frame, stats = view.run("__pyramidion.frame()"), view.stats()
        assert stats["scale"] == 4
        assert stats["pixels"] == 300 * 400
        view.set_view(centre=[801, 603], zoom=1)
        ask = view.view()["ask"]
        assert ask["scale"] == 1
        assert ask["region"]["width"] <= frame["width"] + 1
        assert ask["region"]["height"] <= frame["height"] + 1
        view.until("__pyramidion.stats().scale === 1")
        # Statistics are of full resolution wherever the region lies and however coarse the picture is.
        view.page.keyboard.press("f")
        view.set_view(region=[3, 5, 1001, 777])
        assert view.stats()["scale"] == 4
        check_region(one, stats_of(view), (3, 5, 1001, 777))
        view.set_view(only=True)
        view.idle()
        picture = view.run("__pyramidion.picture()")
        assert (picture["x"], picture["y"], picture["width"], picture["height"], picture["scale"]) == (3, 5, 1001, 777, 1)  # fmt: skip
        expected = one.frame(picture["number"])[5:782, 3:1004]
        np.testing.assert_array_equal(np.array(picture["data"]).reshape(777, 1001), expected)
        assert view.complaints == []


def test_the_range_follows_what_is_seen_or_is_typed(see: Open, running: Any) -> None:
    view = see(running.origin)
    number, _, (low, high) = at_once(view)[0], None, view.view()["range"]
    expected = np.quantile(running.camera.frame(number), [0.001, 0.999])
    assert [low, high] == pytest.approx(expected, abs=60)
    assert view.page.get_by_role("button", name="Auto").get_attribute("aria-pressed") == "true"
    view.page.get_by_label("Brightest value").fill("9000")
    view.page.keyboard.press("Enter")
    assert view.view()["range"][1] == 9000
    assert not view.view()["following"]
    view.page.wait_for_timeout(300)
    assert view.view()["range"][1] == 9000
    view.page.get_by_role("button", name="Full range").click()
    assert view.view()["range"] == [0, 65535]
    view.page.locator("canvas.picture").focus()
    view.page.keyboard.press("c")
    view.until("__pyramidion.view().range[1] < 5000")
    view.page.keyboard.press("m")
    assert view.view()["map"] == "marks"
    # The histogram follows at a calm rate: at first its handles stand where they did in the full range.
    view.until(HANDLE_HAS_FOLLOWED)
    handle = view.page.locator(".handle-high").bounding_box()
    view.page.mouse.move(handle["x"] + 6, handle["y"] + 20)
    view.page.mouse.down()
    view.page.mouse.move(handle["x"] - 90, handle["y"] + 20, steps=3)
    view.page.mouse.up()
    assert view.view()["range"][1] < 3500
    assert not view.view()["following"]
    assert view.complaints == []


def test_a_link_restores_the_view(see: Open, running: Any) -> None:
    fragment = "#v=1&p=live&c=100,80&s=4&r=90,70,30,20&ch=0:FFFFFF:100-3000&cm=cividis&mine=1"
    view = see(running.origin, fragment)
    seen = view.view()
    assert seen["centre"] == {"x": 100, "y": 80}
    assert (seen["zoom"], seen["map"], seen["range"]) == (4, "cividis", [100, 3000])
    assert seen["region"] == {"x": 90, "y": 70, "width": 30, "height": 20}
    view.page.mouse.move(*centre_of(view, 100, 80))
    view.page.mouse.wheel(0, -300)
    view.until("!location.hash.includes('s=4&')")
    address = view.page.evaluate("location.hash")
    assert "mine=1" in address
    again = see(running.origin, address).view()
    now = view.view()
    assert list(again["centre"].values()) == pytest.approx(list(now["centre"].values()), abs=0.01)
    assert again["zoom"] == pytest.approx(now["zoom"], rel=1e-5)
    for name in ("region", "map", "range"):
        assert again[name] == now[name]
    fitted = see(running.origin, "#v=1&p=live&ch=0:FFFFFF&cm=grey").view()
    assert not fitted["chosen"]
    assert fitted["following"]


def test_losses_are_counted_in_the_colour_of_warning(see: Open) -> None:
    with camera() as one, live(one) as origin:
        view = see(origin)
        lost = view.page.locator(".strip-cell", has=view.page.locator("dt:text-is('Lost')"))
        assert lost.locator("dd").first.text_content() == "0"
        assert "wrong" not in lost.get_attribute("class")
        one.status |= {"frames_lost": 12, "lost_by_reason": {"camera": 5, "ring": 7, "disk": 0}}
        view.until("document.querySelector('.strip-cell.wrong')")
        assert lost.locator("dd").all_text_contents() == ["12", "7 disk too slow, 5 camera"]  # fmt: skip


def test_a_camera_that_is_lost_is_said_in_words(see: Open) -> None:
    with camera() as one, live(one) as origin:
        view = see(origin)
        one.running.clear()
        seen = (
            "document.querySelector('.stale') && document.querySelector('.live-note').textContent"
        )
        first = str(
            view.page.wait_for_function(f"() => {seen}").json_value()
        )  # it goes on counting
        assert re.match(r"No new frame for [2-4]\.\d s\.", first)
        number = at_once(view)[0]
        one.status |= {"state": "failed", "error": "the camera was unplugged"}
        view.until("document.querySelector('a.badge').textContent === 'Camera lost'")
        assert note(view).startswith("The camera was unplugged. The picture is ")
        assert at_once(view)[0] == number, "the last picture stays"
        assert view.view()["mood"] == "lost"


def test_waiting_for_the_first_frame(see: Open) -> None:
    with camera(runs=False) as one, live(one) as origin:
        one.status["state"] = "waiting"
        view = see(origin, settle=False)
        said(view, "Waiting for the first frame.")
        assert view.page.locator("a.badge").text_content() == "Waiting"
        assert view.page.locator("select[aria-label='Colour map']").input_value() == "grey"
        assert not view.page.locator(".handle-low").is_visible()
        one.status["state"] = "looking"
        one.running.set()
        view.until("__pyramidion.stats().frames > 2")
        view.until("document.querySelector('.live-note').hidden")
        assert view.page.locator("a.badge").text_content() == "Live"
        assert [c for c in view.complaints if "503" not in c] == []


def test_a_server_that_goes_and_comes_back_with_other_numbers(see: Open) -> None:
    with camera() as one:
        with live(one) as origin:
            view = see(origin)
            view.until("__pyramidion.stats().number > 10")
        said(view, "The server does not answer: the program may have ended. The picture is ")
    with (
        # So slow that its numbers stay small until a page that asks seldom has found it.
        camera(height=100, width=150, dtype="uint8", rate=10) as other,
        live(other, int(origin.rpartition(":")[2])),
    ):
        # The camera is known before its first frame is here; until then the old picture stays.
        view.until("__pyramidion.picture()?.dtype === 'uint8'")
        view.until("__pyramidion.view().mood === 'looking'")
        view.idle()
        one_to_one(view)
        view.page.keyboard.press("Space")
        view.idle()
        number, drawn, (low, high) = whole(view, other.shape)
        assert number <= other.number < 500
        np.testing.assert_array_equal(drawn[..., 0], grey(other.frame(number), low, high))


def test_a_view_that_was_left_does_not_come_back_when_its_answer_is_late(see: Open) -> None:
    with camera() as one, live(one) as origin:
        view = see(origin)
        one.running.clear()  # so that nothing but the late answer brings many bytes
        view.until("(number) => __pyramidion.stats().number >= number", one.number)
        whole_sensor = view.view()["ask"]
        waiting: list[Any] = []
        all_wait = False

        def answer(route: Any) -> None:
            if all_wait or "&w=" in route.request.url:
                waiting.append(route)
            else:
                route.continue_()

        view.page.route("**/latest*", answer)
        with view.page.expect_request(re.compile(r"/latest\?.*&w=")):
            view.run("__pyramidion.setView({ centre: [100, 100], zoom: 4 })")
        part = view.view()["ask"]["region"]
        view.page.keyboard.press("f")
        view.frames(3)
        assert view.view()["ask"] == view.run("__pyramidion.picture().ask") == whole_sensor
        all_wait = True  # whatever is shown after the late answer stays
        before = view.stats()["bytes"]
        waiting[0].continue_()
        size = part["width"] * part["height"] * one.dtype.itemsize
        view.until("(bytes) => __pyramidion.stats().bytes >= bytes", before + size)
        view.frames(3)
        assert view.run("__pyramidion.picture().ask") == whole_sensor
        all_wait = False
        for route in waiting[1:]:
            route.continue_()
        one.running.set()
        view.until("(number) => __pyramidion.stats().number > number + 2", one.number)
        assert view.run("__pyramidion.picture().ask") == whole_sensor
        view.page.unroute_all()
        assert view.complaints == []


COUNT_PAUSES = """(longest) => {
  window.__pauses = 0;
  const look = (before) => requestAnimationFrame(() => {
    const now = performance.now();
    window.__pauses += now - before > longest;
    look(now);
  });
  look(performance.now());
}"""


def pauses(view: Viewer, one: LiveCamera) -> int:
    """Return how often the page or the program of the camera stood still so far."""
    return int(view.run("window.__pauses")) + one.pauses


def test_a_slow_connection_skips_frames_and_does_not_lag(see: Open, running: Any) -> None:
    view = see(running.origin)
    session = view.page.context.new_cdp_session(view.page)
    session.send("Network.enable")
    slow = {"offline": False, "latency": 120, "downloadThroughput": 1_500_000, "uploadThroughput": 1_000_000}  # fmt: skip
    session.send("Network.emulateNetworkConditions", slow)
    view.run(COUNT_PAUSES, 1000 * PAUSE_S)
    calm = None
    while (
        before := pauses(view, running.camera)
    ) != calm:  # a machine that stands still ages frames
        view.page.wait_for_timeout(2500)
        first = view.stats()
        frames, ages = first["frames"], []
        while len(ages) < 20:
            view.until("(frames) => __pyramidion.stats().frames > frames", frames)
            last = view.stats()
            frames = last["frames"]
            ages.append(last["latencyMs"])
        view.page.wait_for_timeout(300)  # until a pause is noticed
        calm = before
    drawn, taken = frames - first["frames"], last["number"] - first["number"]
    assert drawn < taken, "it skips frames"
    assert max(ages) < 1000
    assert ages[-1] < 2 * ages[0] + 300, "it does not fall behind"


def test_the_badge_leads_to_the_recording_at_this_view(see: Open) -> None:
    with camera() as one, live(one) as origin:
        one.status |= {"state": "recording", "store": "run 1.zarr", "frames_stored": 1234, "seconds_left": 7980, "ring_used": 0.12}  # fmt: skip
        view = see(origin, "#c=100,80&s=4&ch=0:FFFFFF:100-3000&cm=cividis&r=1,2,30,40")
        view.until("document.querySelector('a.badge').href")
        href = view.page.locator("a.badge").get_attribute("href")
        assert href == "?data=%2Fzarr%2Frun%25201.zarr%2F&live=%2F#v=1&p=img&ch=0:FFFFFF:100-3000&cm=cividis&c=100,80&s=4&r=1,2,30,40&t=newest"  # fmt: skip
        cells = dict(view.run("[...document.querySelectorAll('.strip-cell:not([hidden])')].map((one) => [...one.children].slice(0, 2).map((e) => e.textContent))"))  # fmt: skip
        assert cells["Disk left"] == "1.34 TB · 2 h 13 min"
        assert cells["Buffer"] == "12 %"
        assert cells["Stored"].replace("\u202f", "") == "1234"
        assert cells["Camera"] == "30 /s"
        one.status["state"] = "finished"
        said(view, "The recording is complete: 1\u202f234 frames.")


def test_no_live_camera_there(see: Open, server: Any) -> None:
    view = see(server.origin, settle=False)
    said(view, "There is no live camera here (404). Start one with `pyramidion acquire`, or check the address.")  # fmt: skip
    assert view.view()["mood"] == "gone"


def test_keys_are_listed_and_every_control_has_a_name(see: Open, running: Any) -> None:
    view = see(running.origin)
    view.page.keyboard.press("?")
    view.page.wait_for_selector("dialog.help tr")
    rows = view.page.locator("dialog.help tr").all_text_contents()
    for words in ("SpaceHold the picture", "RDraw a region", "VOnly the region", "CRange that follows", "GGo to the recording"):  # fmt: skip
        assert any(row.startswith(words) for row in rows), words
    view.page.keyboard.press("Escape")
    unnamed = view.run(
        """[...document.querySelectorAll('button, a, input, select, canvas:not([aria-hidden])')].filter((one) =>
          !(one.getAttribute('aria-label') || one.textContent.trim() || one.labels?.[0]?.textContent.trim())).map((one) => one.outerHTML)"""
    )
    assert unnamed == []
    view.page.locator("#do-freeze").click()
    assert view.view()["frozen"]
    assert view.page.locator("#do-freeze").get_attribute("aria-pressed") == "true"


def test_the_page_is_light(see: Open, running: Any) -> None:
    view = see(running.origin)
    sizes = view.run(
        "performance.getEntriesByType('resource').filter(({ name }) => name.includes('/viewer/')).map(({ name, encodedBodySize, decodedBodySize }) => [name, encodedBodySize, decodedBodySize])"
    )
    page = sum(size for _, size, _ in sizes)
    assert 20_000 < page < 250_000, sizes


def test_cut_of_a_still_picture_is_exact(see: Open, running: Any) -> None:
    view = see(running.origin, "#ch=0:FFFFFF:0-4000")
    one_to_one(view)
    view.page.keyboard.press("Space")
    view.idle()
    number = view.stats()["number"]
    drawn = cut(view, *running.camera.shape)
    np.testing.assert_array_equal(drawn[..., 0], grey(running.camera.frame(number), 0, 4000))
