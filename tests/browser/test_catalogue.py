"""The catalogue in a real browser: thousands of datasets, search, keys, what appears and vanishes."""

from __future__ import annotations

import json
import os
import shutil
import socket
import time
from collections.abc import Callable
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
from tests.browser.conftest import Viewer
from tests.browser.live import camera, live
from tests.browser.tasks import busiest_task

from pyramidion.instruments import SimulatedScope
from pyramidion.server import ServerSettings, build_app, serve_background
from pyramidion.workflows import ConvertOptions, generate

pytestmark = [pytest.mark.browser, pytest.mark.slow]

N_STORES = 3000
MARKUP = [
    "<img src=x onerror=document.title='bad'>.zarr",
    "a&amp;b\"c'd.zarr",
    "line\nbreak.zarr",
    "turn\u202egpj.zarr",
]
TWO_FRAMES = (
    "() => new Promise((drawn) => requestAnimationFrame(() => requestAnimationFrame(drawn)))"
)
CONTRAST = """() => {
  const rgb = (text) => text.match(/[0-9.]+/g).map(Number);
  const linear = (c) => (c /= 255) <= 0.03928 ? c / 12.92 : ((c + 0.055) / 1.055) ** 2.4;
  const light = ([r, g, b]) => 0.2126 * linear(r) + 0.7152 * linear(g) + 0.0722 * linear(b);
  const over = ([r, g, b, a = 1], below) => [r, g, b].map((c, k) => a * c + (1 - a) * below[k]);
  const ground = (element) => {
    const parents = [];
    for (let e = element; e; e = e.parentElement) parents.unshift(rgb(getComputedStyle(e).backgroundColor));
    return parents.reduce((below, colour) => over(colour, below), [255, 255, 255]);
  };
  const worst = [];
  for (const element of document.querySelectorAll('body *')) {
    const hasText = [...element.childNodes].some((node) => node.nodeType === 3 && node.data.trim());
    if (!hasText || !element.checkVisibility() || element.closest('.unseen, .skip, script')) continue;
    const [a, b] = [light(rgb(getComputedStyle(element).color)), light(ground(element))].sort((x, y) => y - x);
    worst.push([(a + 0.05) / (b + 0.05), element.className, element.textContent.trim().slice(0, 30)]);
  }
  return worst.sort((a, b) => a[0] - b[0])[0];
}"""


def make_light(store: Path, n_samples: int = 1000) -> None:
    """Make a waveform store that is its metadata only."""
    (store / "raw").mkdir(parents=True)
    attributes = {
        "pyramidion": {"kind": "waveform"},
        "horiz_interval": 1e-9,
        "vertical_gains": [[0.001]],
        "vertical_offsets": [[0.0]],
        "vertical_unit": "V",
    }
    root = {"zarr_format": 3, "node_type": "group", "attributes": attributes}
    raw = {
        "zarr_format": 3,
        "node_type": "array",
        "shape": [1, 1, 1, n_samples],
        "data_type": "int16",
        "chunk_grid": {"name": "regular", "configuration": {"chunk_shape": [1, 1, 1, 1000]}},
        "chunk_key_encoding": {"name": "default", "configuration": {"separator": "/"}},
        "fill_value": 0,
        "codecs": [{"name": "bytes", "configuration": {"endian": "little"}}],
        "attributes": {},
    }
    (store / "raw" / "zarr.json").write_text(json.dumps(raw))
    (store / "zarr.json").write_text(json.dumps(root))


@pytest.fixture(scope="module")
def folder(tmp_path_factory: Any) -> Path:
    place: Path = tmp_path_factory.mktemp("many")
    for number in range(N_STORES):
        store = place / f"day-{number // 100}" / f"run {number}.zarr"
        make_light(store, 1000 + number)
        for file in store.rglob("zarr.json"):  # a clock may tick less often than stores are made
            os.utime(file, (1.7e9 + number,) * 2)
    scope = SimulatedScope(channels=2, segments=1, samples=100_000, seed=1)
    generate(place / "day-7" / "laser pulse.zarr", scope, ConvertOptions())
    return place


@pytest.fixture
def see(fresh: Callable[..., Viewer]) -> Callable[..., Any]:
    """Open the catalogue; its console says at most that pictures cannot be made."""

    def make(url: str, width: int = 1280, **options: Any) -> Any:
        page = fresh(size=(width, 800), may_say="Failed to load resource", **options).page
        page.goto(url)
        return page

    return make


def filled(page: Any, text: str) -> None:
    """Wait until the page counts so much."""
    page.wait_for_function(
        "text => document.querySelector('#count').textContent.replaceAll('\u2009', '') === text",
        arg=text,
    )


def focused(page: Any) -> str:
    return str(page.evaluate("document.activeElement.closest('.entry')?.dataset.name ?? ''"))


def test_thousands_are_listed_and_few_are_drawn(see: Any, origin: str) -> None:
    # Of the server, which is in this process: the clock tells of others, too.
    began = time.process_time()
    page = see(origin)
    page.wait_for_selector(".entry")
    assert time.process_time() - began < 5
    filled(page, "3001 datasets")
    assert page.locator(".entry").count() < 400
    assert page.evaluate("scrollY") == 0
    for _ in range(6):
        drawn = page.locator(".entry").count()
        page.mouse.wheel(0, 20_000)
        page.wait_for_function("n => document.querySelectorAll('.entry').length > n", arg=drawn)
    assert page.locator(".entry").count() > 400
    names = page.locator(".entry").evaluate_all("rows => rows.map((row) => row.dataset.name)")
    assert names[:3] == ["day-0/run 0.zarr", "day-0/run 1.zarr", "day-0/run 2.zarr"]
    assert names[100] == "day-1/run 100.zarr"


def test_who_follows_a_growing_list_to_its_end_sees_all_of_it(see: Any, origin: str) -> None:
    """Its end is always near then: nothing but the list itself changes."""
    page = see(origin)
    filled(page, "3001 datasets")
    found = page.evaluate(
        "async () => (await (await fetch('/api/datasets?after=&limit=200')).json()).datasets"
    )
    grown = 30

    def answer(route: Any) -> None:
        nonlocal grown
        grown = min(grown + 10, len(found))
        told = {"cursor": str(grown), "all": grown == 40, "gone": [], "datasets": found[:grown], "more": False, "looking": True, "busy": True, "note": "", "live": None}  # fmt: skip
        route.fulfill(json=told)

    page.route("**/api/datasets?after=*", answer)
    page.reload()
    for _ in range(400):
        page.evaluate("scrollTo(0, document.documentElement.scrollHeight)")
        if page.locator(".entry").count() == len(found):
            break
        page.wait_for_timeout(50)
    assert (grown, page.locator(".entry").count()) == (len(found), len(found))


def test_no_long_task_while_it_fills_and_while_one_types(see: Any, origin: str) -> None:
    page = see(origin)
    filled(page, "3001 datasets")

    def look_for_one() -> None:
        page.type("#words", "run 29 samples", delay=30)
        page.wait_for_timeout(300)

    assert busiest_task(SimpleNamespace(page=page), look_for_one) < 50


def test_search_by_name_folder_and_facts(see: Any, origin: str) -> None:
    page = see(origin)
    filled(page, "3001 datasets")
    for words, n in [
        ("laser", 1), ("LASER Pulse", 1), ("pulse laser", 1), ("day-7/", 101), ("3999samples", 1),
        ("3 999 samples", 1), ("channels", 1), ("run nothing", 0), ("waveform int16", 3001),
    ]:  # fmt: skip
        page.fill("#words", "day-29")  # which is another number than before and after
        filled(page, "100 of 3001 datasets")
        page.fill("#words", words)
        filled(page, f"{n} of 3001 datasets" if n != 3001 else "3001 datasets")
    page.fill("#words", "run nothing")
    page.get_by_role("button", name="Show all datasets").click()
    filled(page, "3001 datasets")
    page.fill("#words", "run 12")
    page.wait_for_function("""() => {
      const [count, told] = ['#count', '#told'].map((id) => document.querySelector(id).textContent);
      return count.includes(' of ') && told === count;
    }""")


def test_what_is_chosen_is_in_the_address(see: Any, origin: str) -> None:
    page = see(origin)
    filled(page, "3001 datasets")
    page.fill("#words", "run")
    page.select_option("#order", "date")
    page.get_by_role("button", name="more folders").click()
    page.get_by_role("button", name="day-29 100").click()
    filled(page, "100 of 3001 datasets")
    assert page.locator(".entry").first.get_attribute("data-name") == "day-29/run 2999.zarr"
    address = page.url
    assert address.endswith("/#q=run&sort=date&in=day-29")
    again = see(address)
    filled(again, "100 of 3001 datasets")
    assert again.input_value("#words") == "run"
    assert again.locator(".entry").first.get_attribute("data-name") == "day-29/run 2999.zarr"
    again.get_by_role("button", name="All folders").click()
    filled(again, "3000 of 3001 datasets")
    again.go_back()
    filled(again, "100 of 3001 datasets")
    again.get_by_text("Images", exact=True).click()
    filled(again, "0 of 3001 datasets")
    assert "kind=image" in again.url


def test_from_the_search_to_the_viewer_and_back_with_keys_only(see: Any, origin: str) -> None:
    page = see(origin)
    filled(page, "3001 datasets")
    keys = page.keyboard
    keys.press("/")
    keys.type("day-7")
    filled(page, "101 of 3001 datasets")
    keys.press("ArrowDown")
    assert focused(page) == "day-7/laser pulse.zarr"
    keys.press("ArrowDown")
    assert focused(page) == "day-7/run 700.zarr"
    for _ in range(80):
        keys.press("ArrowDown")
    assert focused(page) == "day-7/run 780.zarr"
    keys.press("Home")
    keys.press("ArrowUp")
    assert page.evaluate("document.activeElement.id") == "words"
    keys.press("Enter")
    assert focused(page) == "day-7/laser pulse.zarr"
    keys.press("Enter")
    page.wait_for_selector("canvas.trace")
    page.go_back()
    page.wait_for_selector(".entry")
    filled(page, "101 of 3001 datasets")
    page.wait_for_function("() => document.activeElement.closest('.entry')")
    assert focused(page) == "day-7/laser pulse.zarr"


def test_every_stop_of_the_tab_key_is_seen_and_named(see: Any, origin: str) -> None:
    page = see(f"{origin}/#q=laser")
    filled(page, "1 of 3001 datasets")
    named = []
    for _ in range(14):
        page.keyboard.press("Tab")
        found = page.evaluate("""() => {
          const element = document.activeElement, style = getComputedStyle(element);
          const after = getComputedStyle(element, '::after'), next = element.nextElementSibling;
          const ring = [style, after, ...(next ? [getComputedStyle(next)] : [])];
          return { name: element.ariaLabel || element.labels?.[0]?.textContent || element.textContent,
            seen: ring.some((one) => one.outlineStyle !== 'none') }; }""")
        named.append(found["name"].strip())
        assert found["seen"], found
        if "laser" in found["name"]:
            break
    assert named[0] == "Skip to the list"
    assert any("light and dark" in name for name in named)
    assert "laser" in named[-1]


def test_datasets_appear_and_vanish_without_a_reload(see: Any, tmp_path: Path) -> None:
    with serve_background(build_app([tmp_path])) as url:
        page = see(url)
        page.wait_for_selector("text=No dataset here yet")
        for name in ("one.zarr", "two.zarr", "three.zarr"):
            make_light(tmp_path / name)
        filled(page, "3 datasets")
        # Their files are counted last, and what is told of a dataset then makes a new row.
        page.wait_for_function(
            "() => [...document.querySelectorAll('.size')].every((size) => size.textContent.includes('on disk'))"
        )
        page.locator(".entry a").nth(1).focus()
        assert focused(page) == "three.zarr"
        page.evaluate("window.kept = document.querySelector('[data-name=\"three.zarr\"]')")
        shutil.rmtree(tmp_path / "one.zarr")
        filled(page, "2 datasets")
        assert focused(page) == "three.zarr"
        assert page.evaluate("kept === document.querySelector('[data-name=\"three.zarr\"]')")
        shutil.rmtree(tmp_path / "three.zarr")
        filled(page, "1 dataset")
        shutil.rmtree(tmp_path / "two.zarr")
        page.wait_for_selector("text=No dataset here yet")


def test_a_row_that_changes_while_it_is_pressed_keeps_the_click(see: Any, tmp_path: Path) -> None:
    make_light(tmp_path / "one.zarr")
    with serve_background(build_app([tmp_path])) as url:
        page = see(url)
        page.wait_for_selector(".size:has-text('on disk')")  # which is told last of it
        (entry,) = page.request.get(f"{url}/api/datasets?after=").json()["datasets"]
        changed = {**entry, "facts": [*entry["facts"], "one fact more"]}
        told = {"cursor": "changed", "all": False, "gone": [], "datasets": [changed], "more": False, "looking": False, "busy": True, "note": "", "live": None}  # fmt: skip
        pressed = False

        def answer(route: Any) -> None:
            if pressed:
                route.fulfill(json=told)
            else:
                route.continue_()

        page.route("**/api/datasets?after=*", answer)
        page.route("**/viewer/**", lambda route: route.fulfill(status=204))  # the page stays
        page.evaluate("window.row = document.querySelector('.entry')")
        page.locator(".entry strong").hover()
        with page.expect_request("**/api/datasets?after=changed"):  # asked when the news is taken
            page.mouse.down()
            pressed = True
        page.evaluate(TWO_FRAMES)
        assert page.evaluate("row === document.querySelector('.entry')")
        assert "one fact more" not in page.locator(".entry").text_content()
        with page.expect_request("**/viewer/**") as opened:
            page.mouse.up()
        assert "one.zarr" in opened.value.url
        page.wait_for_selector(".entry:has-text('one fact more')")
        page.unroute_all()


def test_a_server_that_is_gone_is_told_and_found_again(see: Any, tmp_path: Path) -> None:
    make_light(tmp_path / "one.zarr")
    with serve_background(build_app([tmp_path])) as url:
        page = see(url)
        filled(page, "1 dataset")
        again = ServerSettings(port=int(url.rpartition(":")[2]))
    with socket.socket() as kept:  # who listens at no port in particular does not get this one
        kept.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        kept.bind(("127.0.0.1", again.port))
        page.wait_for_selector("#note:has-text('does not answer')")
        assert page.locator(".entry").count() == 1
        make_light(tmp_path / "two.zarr")
        with serve_background(build_app([tmp_path], again), again):
            filled(page, "2 datasets")
            assert page.locator("#note").is_hidden()
            page.goto("about:blank")


def test_names_are_only_text(see: Any, tmp_path: Path) -> None:
    for name in MARKUP:
        make_light(tmp_path / name / "inner" / "w.zarr")
        make_light(tmp_path / name / "inner" / "w2.zarr")
        make_light(tmp_path / name.replace(".zarr", "-2.zarr"))
    with serve_background(build_app([tmp_path])) as url:
        page = see(url)
        filled(page, "12 datasets")
        page.wait_for_timeout(300)
        assert page.title() == "Datasets · pyramidion"
        assert page.locator("main img[onerror], .words img, .folders img").count() == 0
        text = page.locator("main").text_content()
        assert "<img src=x onerror=document.title='bad'>-2.zarr" in text
        assert "\u202e" not in text
        assert page.locator(".entry").count() == 12


def test_pictures_are_loaded_when_they_are_seen(see: Any, origin: str) -> None:
    page = see(f"{origin}/#q=laser")
    filled(page, "1 of 3001 datasets")
    page.wait_for_function("() => document.querySelector('.entry img')?.naturalWidth > 0")
    asked: list[str] = []
    page.on("request", lambda request: asked.append(request.url))
    page.fill("#words", "run 20")
    pictures = lambda: sum("/api/thumbnail/" in url for url in asked)  # noqa: E731
    while pictures() <= 3:
        page.wait_for_timeout(100)
    page.wait_for_timeout(2500)
    assert pictures() < 100


def test_without_a_picture_there_is_a_neutral_sign(see: Any, tmp_path: Path) -> None:
    make_light(tmp_path / "large.zarr", 2**33)
    with serve_background(build_app([tmp_path])) as url:
        page = see(url)
        page.wait_for_selector(".picture.none")
        assert page.locator(".entry img").count() == 0


def test_without_scripts_it_is_a_plain_list(see: Any, origin: str) -> None:
    page = see(origin, java_script_enabled=False)
    page.request.get(f"{origin}/api/datasets")  # answered when all are found
    page.reload()
    assert page.locator(".entry").count() == 100
    page.fill("#words", "laser")
    page.keyboard.press("Enter")
    page.wait_for_url(f"{origin}/?q=laser&kind=&sort=name")
    assert page.locator(".entry a").text_content() == "day-7 / laser pulse.zarr"
    page.goto(f"{origin}/?q=run")
    page.click("text=Next")
    assert "Page 2 of 30" in page.locator("#pages").text_content()


@pytest.mark.parametrize("scheme", ["light", "dark"])
@pytest.mark.parametrize("width", [1280, 800, 360])
def test_contrast_and_width(see: Any, origin: str, scheme: str, width: int) -> None:
    page = see(f"{origin}/#q=day-7", width=width, color_scheme=scheme, reduced_motion="reduce")
    filled(page, "101 of 3001 datasets")
    ratio, where, text = page.evaluate(CONTRAST)
    assert ratio >= 4.5, (where, text)
    assert page.evaluate("document.documentElement.scrollWidth") == width
    assert page.evaluate("document.getAnimations().length") == 0


def test_theme_is_kept(see: Any, origin: str) -> None:
    page = see(origin, color_scheme="light")
    page.get_by_role("button", name="Switch between light and dark").click()
    assert page.evaluate("getComputedStyle(document.body).backgroundColor") == "rgb(13, 17, 23)"
    page.reload()
    assert page.evaluate("document.documentElement.dataset.theme") == "dark"
    page.goto(f"{origin}/viewer/")
    page.wait_for_function("() => document.documentElement.dataset.theme === 'dark'")


def test_structure(see: Any, origin: str) -> None:
    page = see(origin)
    filled(page, "3001 datasets")
    for role, n in (("banner", 1), ("main", 1), ("search", 1), ("heading", 1), ("status", 1)):
        assert page.get_by_role(role).count() == n, role
    rows = page.get_by_role("list").filter(has=page.locator(".entry")).get_by_role("listitem")
    assert rows.count() >= 60
    assert page.get_by_role("searchbox", name="Search names, folders and facts").count() == 1
    assert page.get_by_role("combobox", name="Sort by").count() == 1


def test_live_camera_is_first_and_told_as_it_is(see: Any) -> None:
    with camera() as one, live(one) as url:
        one.status |= {"state": "recording", "camera": "http://<b>lab</b>/cam"}
        page = see(url)
        page.wait_for_selector(".entry.live .badge:text('recording')")
        row = page.locator(".entry").first
        assert "http://<b>lab</b>/cam" in row.locator(".facts").text_content()
        one.status |= {"state": "looking"}
        page.wait_for_selector(".entry.live .badge:text('looking')")
        page.keyboard.press("/")
        page.keyboard.press("ArrowDown")
        page.keyboard.press("Enter")
        page.wait_for_url("**/viewer/?live=/**")
        page.goto("about:blank")
