"""Finding in a record: the same answers as numpy over all samples, brought into the window, stoppable, within few bytes."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest
from tests.browser import stores
from tests.browser.tasks import busiest_task
from tests.browser.virtual import VirtualWaveform

pytestmark = pytest.mark.browser

SAMPLES = 400_000
SEGMENTS = 3
INTERVAL = 2e-9
# Channel 1 counts downwards: its largest code is its smallest value.
GAINS = [[1e-3], [-2e-3]]
OFFSETS = [[0.0], [0.25]]
LONG = 10**9


@pytest.fixture(scope="module", autouse=True)
def values(server: Any, data_folder: Path) -> np.ndarray:
    """Noise with pulses of both signs, in volts: (channels, segments, samples)."""
    rng = np.random.default_rng(8)
    codes = rng.normal(0, 40, (2, 1, SEGMENTS, SAMPLES)).astype(np.int16)
    for channel in range(2):
        for segment in range(SEGMENTS):
            for start in rng.integers(1000, SAMPLES - 1000, 5):
                codes[channel, 0, segment, start : start + rng.integers(1, 400)] += 3000
            codes[channel, 0, segment, rng.integers(0, SAMPLES)] = -2500
    stores.write_v3(data_folder / "w.zarr", codes, vertical_gains=GAINS, vertical_offsets=OFFSETS)
    stores.write_v2(data_folder / "old.zarr", codes, vertical_gains=GAINS, vertical_offsets=OFFSETS)
    server.mounts["/long.zarr"] = VirtualWaveform(LONG, noise=300)
    return codes[:, 0] * np.array(GAINS)[..., None] - np.array(OFFSETS)[..., None]


def crossings(values: np.ndarray, level: float, hysteresis: float, edge: str) -> list[int]:
    """First samples of a new state of a trigger with hysteresis."""
    high = np.where(
        values >= level + hysteresis / 2, 1, np.where(values < level - hysteresis / 2, 0, -1)
    )
    known = np.flatnonzero(high >= 0)
    change = np.flatnonzero(np.diff(high[known])) + 1
    found = known[change]
    if edge != "either":
        found = found[high[found] == (edge == "rising")]
    return [int(at) for at in found]


def excursions(values: np.ndarray, level: float, side: str) -> list[int]:
    """Peaks of the runs of samples at or beyond a level."""
    sign = 1 if side == "above" else -1
    beyond = np.concatenate([[0], sign * values >= sign * level, [0]])
    edges = np.flatnonzero(np.diff(beyond))
    return [
        int(a + np.argmax(sign * values[a:b])) for a, b in zip(edges[::2], edges[1::2], strict=True)
    ]


def longest_quiet(values: np.ndarray, level: float, band: float) -> tuple[int, int]:
    outside = np.flatnonzero((values < level - band) | (values > level + band))
    edges = np.concatenate([[-1], outside, [len(values)]])
    longest = int(np.argmax(np.diff(edges)))
    return int(edges[longest] + 1), int(edges[longest + 1])


class Find:
    """The tool, opened by its key, on one channel."""

    def __init__(self, view: Any, channel: int = 0, segment: int = 0) -> None:
        self.view = view
        self.page = view.page
        view.set_view(ch=channel, seg=segment)
        self.page.keyboard.press("/")
        self.page.wait_for_selector(".find-form")

    def choose(self, label: str, option: str) -> Find:
        self.page.get_by_label(label).select_option(option)
        return self

    def fill(self, **fields: str) -> Find:
        for name, text in fields.items():
            self.page.locator(f"#find-{name}").fill(text)
        return self

    def done(self) -> list[dict[str, Any]]:
        self.view.until("!__pyramidion.stats().find.running")
        self.view.idle()
        found: list[dict[str, Any]] = self.view.stats()["find"]["hits"]
        return found

    def all(self) -> list[dict[str, Any]]:
        self.page.locator(".find-go .primary").click()
        return self.done()

    def step(self, key: str) -> int | None:
        self.page.locator("canvas.trace").focus()
        self.page.keyboard.press(key)
        self.done()
        at: int | None = self.view.view()["cursors"]["x"]
        return at

    def places(self) -> list[int]:
        return [hit["at"] for hit in self.all()]

    @property
    def said(self) -> str:
        return self.page.locator(".find-said").text_content()


@pytest.mark.parametrize("store", ["w.zarr", "old.zarr"])
def test_answers_are_those_of_numpy(viewer: Any, values: np.ndarray, store: str) -> None:
    view = viewer().open(f"/data/{store}")
    for channel in range(2):
        find = Find(view, channel, segment=1)
        row = values[channel, 1]
        offset = OFFSETS[channel][0]
        for edge in ("rising", "falling", "either"):
            find.choose("What to find", "crossing").choose("Direction of the crossing", edge)
            find.fill(level=f"{1.5 - offset} V", hysteresis="200 mV")
            assert find.places() == crossings(row, 1.5 - offset, 0.2, edge)
        for side, level in (("above", 0.9), ("below", -1.2)):
            find.choose("What to find", "beyond").choose("Side of the threshold", side)
            find.fill(level=f"{level * 1000}m", hysteresis="0")
            assert find.places() == excursions(row, level, side)
        assert find.choose("What to find", "greatest").places() == [int(np.argmax(row))]
        assert find.choose("What to find", "least").places() == [int(np.argmin(row))]
        find.choose("What to find", "quiet").fill(level=str(-offset), band="0.6")
        hits = [(hit["from"], hit["to"]) for hit in find.all()]
        assert hits == [longest_quiet(row, -offset, 0.6)]
    if store == "w.zarr":  # opening a v2 store asks for files that are not there
        assert view.complaints == []


def test_next_and_previous_from_the_cursor_and_from_the_view(
    viewer: Any, values: np.ndarray
) -> None:
    view = viewer().open("/data/w.zarr")
    find = Find(view).choose("Direction of the crossing", "rising").fill(level="1.5 V")
    plain = crossings(values[0, 0], 1.5, 0.2, "rising")
    for expected in plain:
        assert find.step(".") == expected
    assert find.step(".") == plain[-1]
    assert "No further rising crossing" in find.said
    assert [find.step(","), find.step(",")] == plain[-2:-4:-1]
    first, last = view.view()["samples"]
    assert (first + last) / 2 == pytest.approx(plain[-3]), "in the middle"
    # The cursor is out of view: the view itself is where to begin.
    middle = (plain[1] + plain[2]) // 2
    view.set_view(samples=[middle - 10, middle + 10])
    assert find.step(".") == plain[2]
    view.set_view(samples=[middle - 10, middle + 10])
    assert find.step(",") == plain[1]


def test_the_zoom_stays_unless_nothing_could_be_seen(viewer: Any, values: np.ndarray) -> None:
    view = viewer(width=1200).open("/data/w.zarr")
    find = Find(view).choose("Direction of the crossing", "rising").fill(level="1.5 V")
    view.set_view(samples=[200_000, 201_000])
    at = find.step(".")
    first, last = view.view()["samples"]
    assert last - first == pytest.approx(1000)
    assert first < at < last
    view.set_view(samples=[0, SAMPLES])
    at = find.step(",")
    first, last = view.view()["samples"]
    assert last - first < 64 * 1200
    find.choose("What to find", "quiet").fill(level="0", band="0.6").all()
    start, stop = longest_quiet(values[0, 0], 0, 0.6)
    cursors = view.view()["cursors"]
    first, last = view.view()["samples"]
    assert (cursors["x"], cursors["y"]) == (start, stop - 1)
    assert first < start < stop < last, "all of it is in view"


def test_all_segments(viewer: Any, values: np.ndarray) -> None:
    view = viewer().open("/data/w.zarr")
    find = Find(view).choose("What to find", "beyond").choose("Where to look", "segments")
    hits = find.fill(level="1.5 V", hysteresis="0").all()
    plain = [
        (seg, at) for seg in range(SEGMENTS) for at in excursions(values[0, seg], 1.5, "above")
    ]
    assert [(hit["seg"], hit["at"]) for hit in hits] == plain
    lines = view.page.locator(".find-hit")
    assert lines.count() == len(plain)
    lines.nth(len(plain) - 1).click()
    view.idle()
    shown = view.view()
    assert (shown["seg"], shown["cursors"]["x"]) == plain[-1]
    assert lines.nth(len(plain) - 1).get_attribute("aria-current") == "true"
    assert f"segment {SEGMENTS - 1}" in lines.nth(len(plain) - 1).text_content()
    find.choose("What to find", "greatest")
    flat = values[0].reshape(-1)
    (hit,) = find.all()
    assert hit["seg"] * SAMPLES + hit["at"] == int(np.argmax(flat))


def test_hits_are_marked_however_wide_the_view(viewer: Any) -> None:
    view = viewer(width=1200).open("/data/w.zarr")
    find = Find(view).choose("What to find", "beyond").fill(level="1.5 V", hysteresis="0")
    hits = find.places()
    marked = """(positions) => {
      const canvas = document.querySelector('canvas.trace');
      const probe = document.createElement('canvas').getContext('2d');
      probe.fillStyle = getComputedStyle(canvas).getPropertyValue('--accent').trim();
      probe.fillRect(0, 0, 1, 1);
      const accent = [...probe.getImageData(0, 0, 1, 1).data];
      const [a, b] = __pyramidion.view().samples;
      return positions.map((position) => {
        const x = Math.round(((position - a) / (b - a)) * canvas.width);
        const pixel = [...canvas.getContext('2d').getImageData(x, 34 * devicePixelRatio, 1, 1).data];
        return pixel.every((part, i) => Math.abs(part - accent[i]) < 4);
      });
    }"""
    assert view.run(marked, hits) == [True] * len(hits)
    assert not any(view.run(marked, [(hits[0] + hits[1]) // 2]))
    view.page.get_by_label("Close the tool").click()
    view.idle()
    assert not any(view.run(marked, hits)), "marks go with the tool"


def test_a_dense_record_stops_with_the_first_hits(viewer: Any, server: Any) -> None:
    view = viewer().open("/long.zarr")
    server.hits.clear()
    find = Find(view).choose("Direction of the crossing", "either").fill(level="0", hysteresis="0")
    assert len(find.all()) == 1000
    assert "There may be more" in find.said
    assert view.page.locator(".find-hit").count() == 1000
    assert sum(hit.sent for hit in server.data_hits()) < 3e6


def test_a_long_search_never_blocks_and_stops_with_escape(viewer: Any) -> None:
    view = viewer().open("/long.zarr")
    # Every bin of this record leaves the band: nothing can be left out.
    find = Find(view).choose("What to find", "quiet").fill(level="0", band="1 V")

    def look() -> None:
        view.page.locator(".find-go .primary").click()
        view.page.wait_for_timeout(2500)

    assert busiest_task(view, look) < 50
    assert view.stats()["find"]["running"]
    view.page.keyboard.press("Escape")
    assert not view.stats()["find"]["running"]
    assert "Stopped" in find.said
    view.idle()
    asked = view.stats()["requests"]  # counted where they begin
    view.page.wait_for_timeout(300)
    assert view.stats()["requests"] == asked, "nothing is fetched any more"
    assert view.view()["cursors"]["x"] is None


def test_leaving_the_tool_stops_its_work(viewer: Any) -> None:
    view = viewer().open("/long.zarr")
    find = Find(view).choose("What to find", "quiet").fill(level="0", band="1 V")
    view.page.locator(".find-go .primary").click()
    assert view.stats()["find"]["running"]
    view.page.get_by_label("Close the tool").click()
    view.idle()
    asked = view.stats()["requests"]
    view.page.wait_for_timeout(300)
    assert view.stats()["requests"] == asked
    view.page.keyboard.press("/")
    assert "Stopped" in find.said


def test_what_cannot_be_read_is_told(viewer: Any, server: Any) -> None:
    view = viewer().open("/data/w.zarr")
    find = Find(view).fill(level="many")
    find.all()
    assert "“many” is no value" in find.said
    assert view.page.locator("#find-level").get_attribute("aria-invalid") == "true"
    find.fill(level="1.5", hysteresis="-1").all()
    assert "negative" in find.said
    server.faults.status["raw/c/0/0/0/0"] = 500
    find.fill(hysteresis="0").all()
    assert "wrong" in view.page.locator(".find-said").get_attribute("class")
    assert view.page.locator(".find-hit").count() == 0


def test_with_the_keyboard_alone(viewer: Any, values: np.ndarray) -> None:
    view = viewer().open("/data/w.zarr")
    page = view.page
    page.keyboard.press("/")
    page.wait_for_selector(".find-form")
    assert page.evaluate("document.activeElement.getAttribute('aria-label')") == "What to find"
    page.keyboard.press("Tab")
    page.keyboard.press("Control+a")
    page.keyboard.type("1500 mV")
    page.keyboard.press("Enter")
    view.until("__pyramidion.stats().find.hits.length && !__pyramidion.stats().find.running")
    view.idle()
    hits = view.stats()["find"]["hits"]
    page.locator(".find-hit").first.focus()
    page.keyboard.press("ArrowDown")
    page.keyboard.press("Enter")
    view.idle()
    assert view.view()["cursors"]["x"] == hits[1]["at"]
    assert hits[1]["at"] == crossings(values[0, 0], 1.5, 0.2, "rising")[1]


def test_the_answer_belongs_to_its_channel(viewer: Any) -> None:
    view = viewer().open("/data/w.zarr")
    find = Find(view).fill(level="1.5 V")
    assert find.all()
    view.set_view(ch=1)
    assert view.stats()["find"]["hits"] == []
    assert view.page.locator(".find-hit").count() == 0


def test_next_and_previous_are_always_in_the_list_of_keys(viewer: Any, values: np.ndarray) -> None:
    view = viewer().open("/data/w.zarr")
    view.page.keyboard.press("?")
    view.page.locator("dialog.help tr").first.wait_for()
    rows = view.page.locator("dialog.help tr").all_text_contents()
    assert ",Previous of what is looked for" in rows
    assert ".Next of what is looked for" in rows
    view.page.keyboard.press("Escape")
    # Nothing has been looked for yet: first one must say what.
    view.page.keyboard.press(".")
    view.idle()
    assert view.page.locator("#drawer-title").text_content() == "Find"
    view.page.keyboard.press("?")
    view.page.locator("dialog.help tr").first.wait_for()
    assert view.page.locator("dialog.help tr").all_text_contents() == rows
    view.page.keyboard.press("Escape")
    view.page.locator("#find-level").fill("1.5 V")
    view.page.locator("#find-level").press("Escape")
    view.page.get_by_label("Close the tool").click()
    view.page.keyboard.press(".")
    view.idle()
    plain = crossings(values[0, 0], 1.5, 0.2, "rising")
    assert view.view()["cursors"]["x"] == plain[0], "found with the drawer closed"
    assert view.complaints == []


def test_the_edges_of_the_view_are_those_of_what_is_drawn(viewer: Any, values: np.ndarray) -> None:
    view = viewer().open("/data/w.zarr")
    find = Find(view).choose("Direction of the crossing", "rising").fill(level="1.5 V")
    first, second = crossings(values[0, 0], 1.5, 0.2, "rising")[:2]
    # A sample at the right edge is not in view any more, one at the left edge is.
    view.set_view(samples=[second - 50, second], cursors={"x": None, "y": None})
    assert find.step(",") == first
    view.set_view(samples=[first, first + 50], cursors={"x": None, "y": None})
    assert find.step(".") == first
    # So the cursor at the right edge is no place to go on from.
    view.set_view(samples=[first - 50, first], cursors={"x": first, "y": None})
    assert find.step(".") == first


def test_what_is_read_for_a_search_does_not_draw_the_view_again(viewer: Any) -> None:
    view = viewer().open("/long.zarr")
    Find(view).choose("What to find", "quiet").fill(level="0", band="1 V")
    view.idle()
    view.run(
        """() => {
          window.__drawn = 0;
          window.__begun = performance.now();
          const before = CanvasRenderingContext2D.prototype.clearRect;
          CanvasRenderingContext2D.prototype.clearRect = function (...box) {
            if (this.canvas.className.startsWith('trace')) window.__drawn += 1;
            return before.apply(this, box);
          };
        }"""
    )
    view.page.locator(".find-go .primary").click()
    view.until("__pyramidion.stats().requests > 40")
    drawn, took = view.run("[window.__drawn, (performance.now() - window.__begun) / 1000]")
    view.page.keyboard.press("Escape")
    assert drawn <= 5 + 10 * took, "ten times a second at most, for what was found"
    assert "loading" not in view.page.locator(".status-level").text_content()
