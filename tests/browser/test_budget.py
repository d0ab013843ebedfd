"""What a zoom costs: requests and bytes, counted by the server and by the page, on records of a billion samples."""

from __future__ import annotations

from typing import Any

import pytest
from tests.browser.virtual import VirtualWaveform

pytestmark = pytest.mark.browser

MAX_REQUESTS = 2
MAX_BYTES = 300_000

RECORDS = {
    "1e9": (1_000_000_000, 2_500),
    "2^30": (2**30, 2_500),
    "2^30 incompressible": (2**30, 32_000),
    "odd": (1_234_567_891, 200),
}


@pytest.fixture(scope="module", autouse=True)
def _stores(server: Any) -> None:
    for name, (samples, noise) in RECORDS.items():
        server.mounts[f"/{name.replace(' ', '-')}"] = VirtualWaveform(samples, noise=noise)


def spent(server: Any) -> tuple[int, int]:
    hits = server.data_hits()
    return len(hits), sum(hit.sent for hit in hits)


def zoom_path(
    view: Any, server: Any, *, at: float, deltas: list[float], shift: bool = False
) -> list[tuple[int, int]]:
    """Turn the wheel step by step; returns requests and bytes of each step, as the server counted them."""
    box = view.page.locator("canvas.trace").bounding_box()
    view.page.mouse.move(box["x"] + at * box["width"], box["y"] + box["height"] / 2)
    if shift:
        view.page.keyboard.down("Shift")
    steps = []
    before = spent(server)
    for delta in deltas:
        view.page.mouse.wheel(0, delta)
        view.idle()
        after = spent(server)
        steps.append((after[0] - before[0], after[1] - before[1]))
        before = after
    if shift:
        view.page.keyboard.up("Shift")
    return steps


def check(steps: list[tuple[int, int]]) -> None:
    worst = [
        (i, step) for i, step in enumerate(steps) if step[0] > MAX_REQUESTS or step[1] > MAX_BYTES
    ]
    assert not worst, worst


@pytest.mark.parametrize("name", RECORDS)
def test_opening_costs_the_metadata_and_one_chunk(name: str, viewer: Any, server: Any) -> None:
    before = spent(server)
    view = viewer().open(f"/{name.replace(' ', '-')}")
    requests, sent = (a - b for a, b in zip(spent(server), before, strict=True))
    seam = (
        RECORDS[name][0] == 2**30
    )  # its middle lies between two shards: their indexes are fetched ahead
    assert requests == (5 if seam else 3)
    assert sent < 100_000
    stats = view.stats()
    assert stats["complete"]
    assert (stats["requests"], stats["bytes"]) == (requests, sent)


@pytest.mark.parametrize(
    ("name", "at"),
    [
        ("1e9", 0.5),
        ("1e9", 0.1337),
        ("2^30", 0.5),
        ("2^30 incompressible", 0.5),
        ("2^30 incompressible", 0.999),
        ("odd", 0.7),
    ],
)
def test_wheel_from_the_whole_record_to_one_sample_and_back(
    name: str, at: float, viewer: Any, server: Any
) -> None:
    view = viewer().open(f"/{name.replace(' ', '-')}")
    steps = zoom_path(view, server, at=at, deltas=[-500.0] * 20)
    first, last = view.view()["samples"]
    assert last - first == 1
    check(steps)
    assert sum(1 for step in steps if step[0]) >= 6, "the path should pass through the levels"
    check(zoom_path(view, server, at=at, deltas=[500.0] * 20))
    assert view.stats()["complete"]
    assert view.complaints == []


@pytest.mark.parametrize("at", [0.5, 0.31])
def test_ten_times_a_step(at: float, viewer: Any, server: Any) -> None:
    view = viewer().open("/2^30-incompressible")
    check(zoom_path(view, server, at=at, deltas=[-100.0] * 10, shift=True))
    first, last = view.view()["samples"]
    assert last - first == 1


def test_one_notch_at_a_time(viewer: Any, server: Any) -> None:
    view = viewer().open("/2^30")
    check(zoom_path(view, server, at=0.5, deltas=[-120.0] * 84))
    first, last = view.view()["samples"]
    assert last - first < 3


def test_page_and_server_count_the_same(viewer: Any, server: Any) -> None:
    before = spent(server)
    view = viewer().open("/1e9")
    zoom_path(view, server, at=0.4, deltas=[-420.0] * 12)
    after = spent(server)
    stats = view.stats()
    assert (stats["requests"], stats["bytes"]) == (after[0] - before[0], after[1] - before[1])


def test_a_wide_screen_keeps_the_budget(viewer: Any, server: Any) -> None:
    view = viewer(width=3840, height=900).open("/2^30-incompressible")
    check(zoom_path(view, server, at=0.5, deltas=[-500.0] * 20))


def test_what_was_seen_costs_nothing_again(viewer: Any, server: Any) -> None:
    view = viewer().open("/1e9")
    zoom_path(view, server, at=0.4, deltas=[-420.0] * 10)
    zoom_path(view, server, at=0.4, deltas=[420.0] * 10)
    assert sum(step[0] for step in zoom_path(view, server, at=0.4, deltas=[-420.0] * 10)) <= 1
