"""Notes kept in the link, and going to a time, a sample, a segment or a trigger."""

from __future__ import annotations

from pathlib import Path
from typing import Any
from urllib.parse import unquote

import numpy as np
import pytest
from tests.browser import stores

pytestmark = pytest.mark.browser

SAMPLES = 500_000
INTERVAL = 2e-9
START = -1e-4
TRIGGERS = [0.0, 1.5e-3, 4.25e-3]


@pytest.fixture(scope="module", autouse=True)
def _stores(data_folder: Path) -> None:
    data = stores.signal((1, 1, 3, SAMPLES), np.int16)
    stores.write_v3(
        data_folder / "w.zarr", data, trigger_times=[[TRIGGERS]], trigger_offsets=[[[START] * 3]]
    )
    stores.write_v3(data_folder / "plain.zarr", data[:, :, :1])


def open_tool(view: Any, key: str = "n") -> None:
    view.page.keyboard.press(key)
    view.page.locator(".notes").wait_for()
    view.idle()


def notes(view: Any) -> list[tuple[int, str]]:
    return [(round(note["at"], 6), note["text"]) for note in view.view()["notes"]]


def go(view: Any, text: str) -> str:
    view.page.get_by_label("Time or sample to go to").fill(text)
    view.page.get_by_role("button", name="Go", exact=True).click()
    view.idle()
    return str(view.page.locator(".notes-answer").text_content()).replace("\u202f", "")


def middle(view: Any) -> float:
    first, last = view.view()["samples"]
    return float(first + last) / 2


def add(view: Any, text: str, where: str = "middle") -> None:
    view.page.get_by_label("Where the note goes").select_option(where)
    field = view.page.get_by_role("textbox", name="Text of the note").first
    field.fill(text)
    field.press("Enter")
    view.idle()


def test_going_places_keeps_the_zoom(viewer: Any) -> None:
    view = viewer().open("/data/w.zarr")
    view.set_view(seg=0, samples=[1000, 3000])
    open_tool(view, "g")
    assert view.run("document.activeElement.getAttribute('aria-label')") == "Time or sample to go to"  # fmt: skip
    cases = {
        "0.5 ms": (0.5e-3 - START) / INTERVAL,
        "250us": (250e-6 - START) / INTERVAL,
        "-5 ns": (-5e-9 - START) / INTERVAL,
        "2e-6": (2e-6 - START) / INTERVAL,
        "#123456": 123_456,
        "sample 2e5": 200_000,
    }
    for text, position in cases.items():
        go(view, text)
        assert middle(view) == pytest.approx(position, abs=1e-3), text
        first, last = view.view()["samples"]
        assert last - first == pytest.approx(2000)
    go(view, "+1 us")
    assert middle(view) == pytest.approx(200_500, abs=1e-3)
    go(view, "+#-100")
    assert middle(view) == pytest.approx(200_400, abs=1e-3)
    said = go(view, "seg 2")
    assert (view.view()["seg"], middle(view)) == (2, pytest.approx(200_400, abs=1e-3))
    assert said.endswith("segment 2")
    go(view, "trigger 1.5001 ms")
    assert view.view()["seg"] == 1
    assert middle(view) == pytest.approx((1e-7 - START) / INTERVAL, abs=1e-3)
    assert view.page.locator(".notes-answer.wrong").count() == 0
    assert view.complaints == []


def test_nonsense_is_answered(viewer: Any) -> None:
    view = viewer().open("/data/plain.zarr")
    view.set_view(samples=[1000, 3000])
    open_tool(view, "g")
    cases = {
        "": "Write a time",
        "soon": "no time",
        "5 mV": "no unit of this axis",
        "5 s": "this record goes from",
        "#500000": "from 0 to 499999",
        "trigger 1": "no trigger times",
        "<img src=x onerror=alert(1)>": "no time",
    }
    for text, words in cases.items():
        assert words in go(view, text), text
        assert view.page.locator(".notes-answer.wrong").count() == 1
    assert view.view()["samples"] == [1000, 3000]
    assert view.page.locator(".notes img").count() == 0
    assert "sample 100" in go(view, "#100")
    assert view.page.locator(".notes-answer.wrong").count() == 0


def test_notes_are_added_changed_and_deleted(viewer: Any) -> None:
    view = viewer().open("/data/w.zarr")
    view.set_view(samples=[0, 2000], cursors={"x": 300, "y": 1500})
    open_tool(view)
    add(view, "in the middle")
    add(view, "at y", "y")
    add(view, "  at\tx | here  ", "x")
    assert notes(view) == [(300, "at x / here"), (1000, "in the middle"), (1500, "at y")]
    lines = view.page.locator(".notes-list li")
    assert [text.split("µs")[-1].strip() for text in lines.locator(".notes-go").all_text_contents()] == [text for _, text in notes(view)]  # fmt: skip
    lines.nth(1).get_by_role("button", name="Change: in the middle").click()
    field = view.page.locator(".notes-list input")
    assert field.input_value() == "in the middle"
    field.fill("right here")
    field.press("Enter")
    view.idle()
    assert notes(view)[1] == (1000, "right here")
    lines.nth(1).get_by_role("button", name="Change: right here").click()
    view.page.locator(".notes-list input").fill("no")
    view.page.locator(".notes-list input").press("Escape")
    lines.nth(0).get_by_role("button", name="Delete: at x / here").click()
    view.idle()
    assert notes(view) == [(1000, "right here"), (1500, "at y")]
    assert "right here" in view.run("document.activeElement.textContent")
    view.set_view(samples=[400_000, 402_000])
    view.page.get_by_role("button", name="right here").first.click()
    view.idle()
    assert middle(view) == pytest.approx(1000)
    assert view.complaints == []


def test_a_note_goes_where_the_pointer_was(viewer: Any) -> None:
    view = viewer(width=1000).open("/data/w.zarr")
    view.set_view(samples=[0, 1000])
    box = view.page.locator("canvas.trace").bounding_box()
    view.page.mouse.move(box["x"] + box["width"] * 0.25, box["y"] + 100)
    open_tool(view)
    view.page.keyboard.type("pointed at")
    view.page.keyboard.press("Enter")
    view.idle()
    ((at, text),) = notes(view)
    assert (at, text) == (pytest.approx(250, abs=2), "pointed at")


def test_a_note_goes_where_one_presses(viewer: Any) -> None:
    view = viewer(width=1000).open("/data/w.zarr")
    view.set_view(samples=[0, 1000])
    open_tool(view)
    add(view, "pressed", "press")
    box = view.page.locator("canvas.trace").bounding_box()
    view.page.mouse.click(box["x"] + box["width"] * 0.75, box["y"] + 200)
    view.idle()
    assert notes(view) == [(pytest.approx(750, abs=2), "pressed")]


def test_the_link_restores_notes_as_text(viewer: Any) -> None:
    view = viewer().open("/data/w.zarr")
    view.set_view(samples=[0, 2000])
    open_tool(view)
    texts = ["<img src=x onerror=alert(1)>", "50 % & more ~ µs = ½ #1", "a/b"]
    for k, text in enumerate(texts):
        view.set_view(samples=[100 * k, 2000 + 100 * k])
        add(view, text)
    fragment = view.address("n=", "a/b").split("#")[1]
    second = viewer().open("/data/w.zarr", "#" + fragment)
    assert notes(second) == [(1000, texts[0]), (1100, texts[1]), (1200, texts[2])]
    assert "onerror" in unquote(fragment)
    open_tool(second)
    assert second.page.locator(".notes-list li").count() == 3
    assert second.page.locator("img").count() == 0
    assert second.complaints == []


def test_the_link_stays_short(viewer: Any) -> None:
    view = viewer().open("/data/w.zarr")
    view.set_view(samples=[0, 2000], cursors={"x": 300, "y": 1500})
    open_tool(view)
    count = 0
    while view.page.locator("#note-room.wrong").count() == 0:
        add(view, f"{count:02} " + "µ" * 60)
        count += 1
        assert count < 40
    assert len(notes(view)) == count - 1
    assert "too many" in view.page.locator("#note-room").text_content()
    assert view.page.get_by_role("textbox", name="Text of the note").first.input_value() != ""
    assert 1000 < len(view.run("__pyramidion.link(), location.href")) < 2000
    view.page.locator(".notes-list [aria-label^=Delete]").first.click()
    view.idle()
    assert view.page.locator("#note-room.wrong").count() == 0
    assert len(notes(view)) == count - 2


def test_flags_are_drawn_over_the_plot(viewer: Any) -> None:
    view = viewer(width=1000).open("/data/w.zarr")
    view.set_view(samples=[0, 2000])
    grab = "document.querySelector('canvas.trace').toDataURL()"
    before = view.run(grab)
    view.set_view(notes=[{"at": 1000, "text": "seen"}, {"at": 1004, "text": "seen too"}])
    view.page.wait_for_function(
        f"(before) => {grab} !== before", arg=before
    )  # the tool is loaded for it
    view.set_view(notes=[])
    assert view.run(grab) == before
