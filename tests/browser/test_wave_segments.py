"""Segments in real Chromium: the table against numpy, one under another and density by their pixels."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest
import zarr
from tests.browser import stores
from tests.browser.tasks import busiest_task

pytestmark = pytest.mark.browser

SEGMENTS = 2_000
SAMPLES = 1_000
ODD = 1_234  # the segment with a sample that no other one has
AT = 700
SPIKE = 16_000
GAIN = 1e-3  # of channel 0, as stores.attributes has it

# The pixels of the plot as counts of nothing (0), of one segment (1) or of more (2), row by row. Grid lines are nothing.
KINDS = """
() => {
  const canvas = document.querySelector('canvas.trace');
  const { data } = canvas.getContext('2d').getImageData(0, 0, canvas.width, canvas.height);
  const probe = document.createElement('canvas').getContext('2d');
  const word = (name) => {
    probe.fillStyle = getComputedStyle(document.querySelector('.wave')).getPropertyValue(name).trim();
    probe.fillRect(0, 0, 1, 1);
    return [...probe.getImageData(0, 0, 1, 1).data.slice(0, 3)].join();
  };
  const [grid, few] = [word('--grid'), word('--density-few')];
  const out = [];
  for (let i = 0; i < data.length; i += 4) {
    const colour = `${data[i]},${data[i + 1]},${data[i + 2]}`;
    out.push(data[i + 3] === 0 || colour === grid ? 0 : colour === few ? 1 : 2);
  }
  return { kinds: out.join(''), width: canvas.width, height: canvas.height };
}
"""


def pulses() -> np.ndarray:
    """Codes of 2,000 segments of 1,000 samples: a pulse that trembles, and one lone sample in one of them."""
    rng = np.random.default_rng(8)
    x = np.arange(SAMPLES)
    pulse = 6000 * np.exp(-(((x - 300) / 40) ** 2)) + 1500 * np.sin(x / 35)
    data = pulse * (1 + 0.05 * rng.standard_normal((SEGMENTS, 1)))
    data = np.rint(data + rng.normal(0, 120, (SEGMENTS, SAMPLES))).astype(np.int16)
    data[ODD, AT] = SPIKE
    return data


@pytest.fixture(scope="module")
def data() -> np.ndarray:
    return pulses()


@pytest.fixture(scope="module")
def triggers() -> np.ndarray:
    gaps = np.random.default_rng(9).exponential(1e-3, SEGMENTS)
    return np.cumsum(gaps) - gaps[0]


@pytest.fixture(scope="module", autouse=True)
def _stores(data_folder: Path, data: np.ndarray, triggers: np.ndarray) -> None:
    both = np.stack([data, data // 2])[:, None]
    times = [[triggers.tolist()]] * 2
    stores.write_v3(data_folder / "pulses.zarr", both, inner=(1, 1, 64, 1024), trigger_times=times)
    stores.write_v3(data_folder / "untimed.zarr", both[:, :, :5], inner=(1, 1, 5, 1024))


def ready(view: Any) -> Any:
    """Wait until the picture of the segments is finished; what the tool says of it."""
    while True:
        view.frames(4)
        view.until(
            "() => { const p = __pyramidion.stats().segmentPicture; return p && p.stage === 'ready' && p.range; }"
        )
        view.frames(4)
        picture = view.stats()["segmentPicture"]
        if picture["stage"] == "ready":
            return picture


def opened(view: Any, fragment: str = "", name: str = "pulses") -> Any:
    view.open(f"/data/{name}.zarr", fragment)
    view.run("__pyramidion.tool('segments')")
    view.page.wait_for_selector(".segment-table tbody tr[data-segment]")
    return view


def rows(view: Any) -> dict[int, list[str]]:
    """The rows of the table that are elements: texts of their cells, by segment."""
    found = view.run(
        "() => [...document.querySelectorAll('.segment-table tr[data-segment]')]"
        ".map((row) => [row.dataset.segment, ...[...row.children].map((cell) => cell.textContent)])"
    )
    plain = str.maketrans({"\u202f": "", "\u2212": "-"})
    return {int(row[0]): [text.translate(plain) for text in row[1:]] for row in found}


def unit_of(view: Any, column: str) -> float:
    head = view.page.locator(f"th[data-column={column}]").text_content()
    unit = head.split(", ")[1]
    return {"n": 1e-9, "µ": 1e-6, "m": 1e-3, "k": 1e3}.get(unit[0] if len(unit) > 1 else "", 1.0)


def all_known(view: Any, count: int = SEGMENTS) -> None:
    view.until(f"__pyramidion.stats().segmentsKnown === {count}")
    view.idle()


def test_the_table_says_what_numpy_says(
    viewer: Any, data: np.ndarray, triggers: np.ndarray, server: Any
) -> None:
    before = len(server.data_hits())
    view = opened(viewer())
    all_known(view)
    shown = rows(view)
    assert 10 < len(shown) < 60  # only those that are seen are elements
    scale = {column: unit_of(view, column) for column in ("trigger", "gap", "span", "min", "max")}
    for seg, (number, trigger, gap, span, low, high) in shown.items():
        assert int(number) == seg
        assert float(trigger) * scale["trigger"] == pytest.approx(triggers[seg], abs=1e-6)
        if seg:
            expected = triggers[seg] - triggers[seg - 1]
            assert float(gap) * scale["gap"] == pytest.approx(expected, abs=1e-6)
        values = data[seg] * GAIN
        assert float(low) * scale["min"] == pytest.approx(values.min(), abs=0.006)
        assert float(high) * scale["max"] == pytest.approx(values.max(), abs=0.006)
        assert float(span) * scale["span"] == pytest.approx(np.ptp(values), abs=0.006)
    # Extremes come from overviews alone: each chunk holds 64 segments, neighbours share a request.
    overviews = [hit for hit in server.data_hits()[before:] if "pulses.zarr/overview" in hit.path]
    assert len(overviews) <= 2 * (SEGMENTS / 64 + 1)
    assert view.complaints == []


def test_sorting_finds_the_odd_one_and_choosing_shows_it(viewer: Any) -> None:
    view = opened(viewer())
    all_known(view)
    head = view.page.locator("th[data-column=span] button")
    head.click()
    head.click()
    view.idle()
    first = view.page.locator(".segment-table tr[data-segment]").first
    assert first.get_attribute("data-segment") == str(ODD)
    assert view.page.locator("th[data-column=span]").get_attribute("aria-sort") == "descending"
    first.locator("button").click()
    view.idle()
    assert view.view()["seg"] == ODD
    assert first.get_attribute("aria-current") == "true"
    view.page.keyboard.press("]")
    view.idle()
    assert view.view()["seg"] == ODD + 1
    current = view.page.locator(".segment-table tr[aria-current]")
    current.wait_for(state="attached")
    assert current.get_attribute("data-segment") == str(ODD + 1)


def test_without_trigger_times_there_are_no_columns_for_them(viewer: Any) -> None:
    view = opened(viewer(), name="untimed")
    all_known(view, 5)
    assert not view.page.locator("th[data-column=trigger]").is_visible()
    assert view.page.locator("th[data-column=span]").is_visible()


def covers(data: np.ndarray, width: int, height: int, value_range: dict[str, float]) -> np.ndarray:
    """How many segments cover each pixel, (height, width), when the whole record is `width` columns wide."""
    n = data.shape[1]
    column = np.minimum(width - 1, np.floor((np.arange(n) + 0.5) / (n / width)).astype(int))
    starts = np.searchsorted(column, np.arange(width))
    low = np.minimum.reduceat(data, starts, axis=1).astype(float)
    high = np.maximum.reduceat(data, starts, axis=1).astype(float)
    low_v, high_v = value_range["min"], value_range["max"]

    def vertical(code: np.ndarray) -> np.ndarray:
        return (high_v - code * GAIN) * (height / (high_v - low_v))

    top, bottom = vertical(high), vertical(low)
    start, stop = top.copy(), bottom.copy()
    start[:, 1:] = np.where(top[:, 1:] > bottom[:, :-1], bottom[:, :-1], top[:, 1:])
    stop[:, 1:] = np.where(bottom[:, 1:] < top[:, :-1], top[:, :-1], bottom[:, 1:])
    change = np.zeros((height + 1, width), np.int64)
    columns = np.broadcast_to(np.arange(width), start.shape)
    np.add.at(change, (np.floor(start).astype(int), columns), 1)
    np.add.at(change, (np.floor(stop).astype(int) + 1, columns), -1)
    return np.cumsum(change, axis=0)[:height]


def without_words(height: int, width: int) -> np.ndarray:
    """The part of the plot on which nothing is written."""
    free = np.ones((height, width), bool)
    free[height - 32 :] = False
    return free


def test_the_density_counts_each_pixel_as_numpy_does(viewer: Any, data: np.ndarray) -> None:
    view = opened(viewer(width=1000, height=640), "#segs=density")
    picture = ready(view)
    seen = view.run(KINDS)
    width, height = seen["width"], seen["height"]
    assert width < SAMPLES  # columns hold one sample or more, as in `covers`
    kinds = np.array(list(seen["kinds"]), np.uint8).reshape(height, width)
    counts = covers(data, width, height, picture["range"])
    free = without_words(height, width)
    assert picture["most"] == counts.max()
    assert np.array_equal((kinds > 0)[free], (counts > 0)[free])
    assert (kinds[counts == 1][free[counts == 1]] == 1).all()  # one has the first colour, exactly
    # The odd segment alone reaches up here.
    x = int((AT + 0.5) / (SAMPLES / width))
    top = int(
        (picture["range"]["max"] - SPIKE * GAIN) * height / np.ptp(list(picture["range"].values()))
    )
    assert counts[top, x] == 1
    assert kinds[top, x] == 1
    assert kinds[top - 1, x] == 0
    # ... and the words under the pointer are the same counts.
    box = view.page.locator("canvas.trace").bounding_box()
    for px, py in [
        (x, top + 3),
        (x, top - 5),
        (*np.argwhere(counts == counts.max())[0][::-1],),
        (width // 2, height // 2),
    ]:
        view.page.mouse.move(box["x"] + px + 0.5, box["y"] + py + 0.5)
        said = view.page.locator(".status-pointer").text_content().replace("\u202f", "")
        assert said.endswith(f"{counts[py, px]} of {SEGMENTS} segments"), said
    assert view.complaints == []


def test_one_odd_segment_among_two_thousand_is_seen_at_every_zoom(viewer: Any) -> None:
    view = opened(viewer(width=1000, height=640), "#segs=density")
    for scale, spans in {"log": (1000, 620, 90, 20, 4), "linear": (1000, 20)}.items():
        view.page.locator(".segment-row select").select_option(scale)
        for span in spans:
            a = AT - 0.37 * span if span < 1000 else -0.5
            view.set_view(samples=[a, a + span])
            picture = ready(view)
            window = view.view()["samples"]
            seen = view.run(KINDS)
            kinds = np.array(list(seen["kinds"]), np.uint8).reshape(seen["height"], seen["width"])
            x = int((AT - window[0]) / (window[1] - window[0]) * seen["width"])
            y = (
                (picture["range"]["max"] - SPIKE * GAIN)
                * seen["height"]
                / np.ptp(list(picture["range"].values()))
            )
            assert kinds[int(y), x] == 1, (scale, span)
            assert (kinds[: int(y) - 1] == 0).all(), (scale, span)


def test_a_link_alone_makes_the_picture(viewer: Any) -> None:
    view = viewer(width=1000, height=640).open("/data/pulses.zarr", "#segs=density")
    view.until(f"({KINDS})().kinds.includes('2')")
    view.run("__pyramidion.tool('segments')")
    picture = ready(view)
    said = view.page.locator(".segment-progress").text_content()
    assert "every sample" in said
    assert picture["count"] == SEGMENTS
    assert view.run("location.hash").count("segs=density") == 1


def test_thin_lanes_show_colours_and_thick_ones_lines(viewer: Any) -> None:
    view = opened(viewer(width=1000, height=640), "#segs=under")
    ready(view)
    at = """
    ([x, y]) => {
      const canvas = document.querySelector('canvas.trace');
      return [...canvas.getContext('2d').getImageData(x, y, 1, 1).data];
    }
    """
    size = view.run(
        "() => { const c = document.querySelector('canvas.trace'); return [c.width, c.height]; }"
    )
    width, height = size
    x = int((AT + 0.5) / (SAMPLES / width))
    row = int(ODD * height / SEGMENTS)
    odd, quiet = view.run(at, [x, row]), view.run(at, [x, row - 4])
    assert (
        sum(abs(p - q) for p, q in zip(odd, quiet, strict=True)) > 150
    )  # several segments share this row of pixels
    view.page.locator(".segment-row input").first.fill(str(ODD - 2))
    view.page.locator(".segment-row input").last.fill(str(ODD + 2))
    view.page.locator(".segment-row input").last.press("Enter")
    view.until("__pyramidion.stats().segmentPicture.count === 5")
    picture = ready(view)
    scale = (height / 5 - 2) / np.ptp(list(picture["range"].values()))
    top = 2 * height / 5 + 1 + (picture["range"]["max"] - SPIKE * GAIN) * scale
    assert view.run("([x, y]) => __test.near(x, y, 1, 2)", [x, top])
    for lane in (0, 1, 3, 4):
        assert not view.run(
            "([x, y]) => __test.near(x, y, 1, 2)", [x, top + (lane - 2) * height / 5]
        )
    labels = view.page.locator(".y-axis .lane-name").all_text_contents()
    assert [text.replace("\u202f", "")[:4] for text in labels] == [
        str(ODD + i) for i in range(-2, 3)
    ]
    # Pressing twice on a lane shows that segment.
    box = view.page.locator("canvas.trace").bounding_box()
    view.page.mouse.dblclick(box["x"] + 200, box["y"] + 3.5 * height / 5)
    view.idle()
    assert view.view()["seg"] == ODD + 1
    view.page.get_by_role("button", name="One", exact=True).click()
    view.idle()
    assert view.run("__test.near(200, __pyramidion.y(__pyramidion.columns().hi[200]), 1, 3)")


def test_it_can_be_stopped_and_goes_on(viewer: Any, server: Any) -> None:
    view = viewer().open("/data/pulses.zarr", "#ch=1")
    with server.held():
        view.run("__pyramidion.tool('segments')")
        view.page.get_by_role("button", name="Density").click()
        view.page.get_by_role("button", name="Stop").click()
        view.until("document.querySelector('.segment-progress').textContent.startsWith('Stopped')")
    view.page.get_by_role("button", name="Go on").click()
    assert ready(view)["count"] == SEGMENTS


def test_nothing_holds_the_page_up(viewer: Any) -> None:
    view = opened(viewer())
    all_known(view)

    def look() -> None:
        view.page.get_by_role("button", name="Density").click()
        view.page.wait_for_function("() => __pyramidion.stats().segmentPicture")
        ready(view)
        for _ in range(5):
            view.page.keyboard.press("w")
            view.page.wait_for_timeout(60)
        view.page.wait_for_timeout(300)
        ready(view)
        view.page.get_by_role("button", name="Under", exact=True).click()
        view.page.wait_for_timeout(200)
        ready(view)

    assert busiest_task(view, look) < 50


def test_segments_of_one_chunk_each_come_together(viewer: Any, server: Any, tmp_path: Path) -> None:
    """Chunks of neighbouring segments lie side by side in their shard: they share requests."""
    count, samples = 256, 4096
    codes = np.random.default_rng(4).integers(-900, 900, (1, 1, count, samples), dtype=np.int16)
    root = zarr.open_group(tmp_path / "w.zarr", mode="w", zarr_format=3)
    root.attrs.update(stores.attributes(codes.shape))
    raw = root.create_array(
        "raw", shape=codes.shape, dtype=codes.dtype, chunks=(1, 1, 1, samples), shards=codes.shape
    )
    raw[...] = codes
    server.mount("/alone", tmp_path)
    view = viewer().open("/alone/w.zarr")
    server.hits.clear()
    view.set_view(segments="density")
    view.idle()
    hits = server.data_hits()
    assert sum(hit.sent for hit in hits) > 0.5 * codes.nbytes
    assert len(hits) <= 24, "in requests of a mebibyte, not one for each segment"


def test_a_million_segments_are_sorted_without_holding_the_page_up(
    viewer: Any, server: Any, tmp_path: Path
) -> None:
    count = 1_000_000
    times = np.random.default_rng(6).permutation(count)
    codes = np.zeros((1, 1, count, 2), np.int16)
    stores.write_v3(
        tmp_path / "w.zarr",
        codes,
        inner=(1, 1, 2**16, 2),
        bin_chunk=1,
        sharded=False,
        consolidated=False,
        trigger_times=[[times.tolist()]],
    )
    server.mount("/million", tmp_path)
    view = viewer().open("/million/w.zarr")
    view.run("__pyramidion.tool('segments')")
    view.page.wait_for_selector(".segment-table:not(.untimed) tr[data-segment]", timeout=120_000)
    head = view.page.locator("th[data-column=gap]")
    gaps = np.diff(times)  # many are equal: those stay in order
    found = []

    def look() -> None:
        for order in ("ascending", "descending"):
            head.locator("button").click()
            view.page.wait_for_selector(
                f"th[data-column=gap][aria-sort={order}]", state="attached", timeout=60_000
            )
            view.run("__test.frames(3)")
            found.append(list(rows(view)))

    assert busiest_task(view, look) < 50
    for shown, keys in zip(found, (gaps, -gaps), strict=True):
        assert len(shown) > 10
        assert shown == (np.argsort(keys, kind="stable")[: len(shown)] + 1).tolist()
