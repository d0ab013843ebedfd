"""The page and the data in a bucket, with no server of ours: a real S3 server, a real browser."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any

import numpy as np
import pytest
from tests.browser.conftest import Viewer
from tests.browser.drawn import pixels, shades
from tests.browser.exact import check_columns
from tests.object_store.fixtures import work_with

from pyramidion.formats import OpenOptions
from pyramidion.server import build_app, serve_background
from pyramidion.storage import RemotePath, forget_buckets, place
from pyramidion.workflows import ConvertOptions, convert, publish_viewer

pytestmark = [pytest.mark.browser, pytest.mark.slow]

SAMPLES = 3_000_017
SHOTS = os.environ.get("PYRAMIDION_SHOTS", "")
"""A folder for pictures of the pages, for people to look at."""


@dataclass(frozen=True)
class Published:
    """Data in a bucket, and what is in them."""

    codes: np.ndarray
    volume: np.ndarray
    links: dict[str, str]
    closed_links: dict[str, str]
    bucket: str
    closed: str
    endpoint: str

    def address(self, name: str, bucket: str = "") -> str:
        return f"{self.endpoint}/{bucket or self.bucket}/runs/{name}"


@pytest.fixture(scope="module")
def published(s3_server: Any, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Published]:
    """A bucket that every page may read, and one that only its own may."""
    folder = tmp_path_factory.mktemp("data")
    rng = np.random.default_rng(3)
    codes = np.cumsum(rng.integers(-9, 10, SAMPLES)).clip(-20_000, 20_000).astype(np.int16)
    codes[SAMPLES // 3] = 32_000
    volume = rng.integers(0, 60_000, (6, 1100, 1500)).astype(np.uint16)
    np.save(folder / "w.npy", codes.reshape(1, 1, 1, -1))
    np.save(folder / "v.npy", volume)
    known = OpenOptions(voxel=(1.0, 1.0, 1.0), voxel_unit="um")
    made = {
        "scope.zarr": (folder / "w.npy", ConvertOptions()),
        "brain 1.ome.zarr": (folder / "v.npy", ConvertOptions(kind="image", source=known)),
    }
    with pytest.MonkeyPatch.context() as patch:
        work_with(s3_server, patch, folder)
        patch.setenv("PYRAMIDION_SPOOL", str(folder / "spool"))
        forget_buckets()
        opened, closed = s3_server.bucket(public=True, cors=True), s3_server.bucket(public=True)
        for name, (source, options) in made.items():
            convert(source, place(f"s3://{opened}/runs/{name}"), options)
        s3_server.put(closed, s3_server.objects(opened, "runs/"))
        links = [{name: published_at(bucket, name) for name in made} for bucket in (opened, closed)]
        yield Published(codes, volume, *links, opened, closed, s3_server.endpoint)
        forget_buckets()
        for bucket in (opened, closed):
            s3_server.remove_bucket(bucket)


def published_at(bucket: str, name: str) -> str:
    """Publish a dataset; return the link."""
    url = place(f"s3://{bucket}/runs/{name}")
    assert isinstance(url, RemotePath)
    report = publish_viewer(url)
    assert report.checked is not None
    assert report.checked.failed == report.checked.advised == []
    return report.link


@pytest.fixture(scope="module")
def elsewhere(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """Our server, with nothing of its own: a page of another origin."""
    with serve_background(build_app([tmp_path_factory.mktemp("empty")])) as url:
        yield url


@pytest.fixture
def see(fresh: Callable[..., Viewer]) -> Callable[..., Viewer]:
    """Open an address; note every request."""

    def make(address: str, *, may_say: str = "") -> Viewer:
        view = fresh(size=(1280, 900), may_say=may_say)
        view.asked = []
        view.page.on("request", lambda request: view.asked.append((request.method, request.url)))
        return view.go(address)

    return make


def shot(view: Viewer, name: str) -> None:
    if SHOTS:
        view.page.screenshot(path=f"{SHOTS}/{name}.png")


def page_of(kind: str, published: Published, elsewhere: str, name: str) -> str:
    """The address of a page: in the bucket itself, or of another origin."""
    if kind == "bucket":
        return published.links[name]
    return f"{elsewhere}/viewer/?data={published.address(name.replace(' ', '%2520'))}"


PAGES = ["bucket", "other origin"]
ANYTHING = " "  # stands in every complaint


@pytest.mark.parametrize("kind", PAGES)
def test_waveform_zooms(kind: str, published: Published, elsewhere: str, see: Any) -> None:
    view = see(page_of(kind, published, elsewhere, "scope.zarr"))
    assert view.error() is None
    assert check_columns(view.columns(), published.codes, every=11) > 3
    assert max(c for c in view.columns()["hi"] if c is not None) == 32_000
    shot(view, f"wave {kind} whole")
    box = view.page.locator("canvas.trace").bounding_box()
    view.page.mouse.move(box["x"] + box["width"] / 3, box["y"] + box["height"] / 2)
    for _ in range(20):
        view.page.mouse.wheel(0, -500)
        view.idle()
        step = view.stats()["step"]
        assert step["requests"] <= 2
        assert step["bytes"] <= 300_000
    first, last = view.view()["samples"]
    assert last - first == 1
    for a, b in ((1_000_000, 1_900_000), (999_000, 1_001_000), (SAMPLES - 40, SAMPLES)):
        view.set_view(samples=[a, b])
        seen = check_columns(view.columns(), published.codes, every=11)
        assert seen > 3 or b - a < 1000
    shot(view, f"wave {kind} end")
    assert view.stats()["complete"]
    assert_only_from(view, published.endpoint if kind == "bucket" else None)


@pytest.mark.parametrize("kind", PAGES)
def test_image_zooms(kind: str, published: Published, elsewhere: str, see: Any) -> None:
    view = see(page_of(kind, published, elsewhere, "brain 1.ome.zarr"))
    assert view.error() is None
    shot(view, f"image {kind} whole")
    volume = published.volume
    view.set_view(layout="xy", z=4, centre=[750, 550, 4], zoom=0.25)
    assert view.stats()["levelNumber"] == 2
    box = view.page.locator(".pane-xy canvas.picture").bounding_box()
    view.page.mouse.move(box["x"] + box["width"] / 2, box["y"] + box["height"] / 2)
    for _ in range(6):
        view.page.mouse.wheel(0, -400)
        view.idle()
    assert view.stats()["levelNumber"] == 0
    assert (
        view.run("([x, y, z]) => __pyramidion.valueAt(x, y, z)", [750, 550, 4])
        == volume[4, 550, 750]
    )
    shot(view, f"image {kind} deep")
    for z, x, y in ((0, 750, 550), (5, 1300, 100)):
        view.set_view(layout="xy", z=z, centre=[x, y, z], zoom=1)
        check_plane(view, volume[z])
    assert_only_from(view, published.endpoint if kind == "bucket" else None)


def check_plane(view: Viewer, plane: np.ndarray) -> None:
    """Compare what is seen of a plane, at one pixel of the data on one of the screen."""
    frame, drawn = view.run("__pyramidion.frame()"), pixels(view)[..., 0]
    top, left = frame["top"], frame["left"]
    rows = slice(max(top, 0), min(top + plane.shape[0], drawn.shape[0]))
    columns = slice(max(left, 0), min(left + plane.shape[1], drawn.shape[1]))
    seen = plane[rows.start - top : rows.stop - top, columns.start - left : columns.stop - left]
    assert seen.size > 100_000
    np.testing.assert_array_equal(drawn[rows, columns], shades(view, seen))


def assert_only_from(view: Viewer, endpoint: str | None) -> None:
    """Nothing may be asked of another place, in particular not of a server of ours."""
    for _, url in view.asked:
        assert endpoint is None or url.startswith((endpoint, "blob:", "data:")), url


def test_links_and_the_first_page_work_in_a_bucket(published: Published, see: Any) -> None:
    view = see(published.links["scope.zarr"], may_say=ANYTHING)
    view.set_view(samples=[1000, 2000])
    again = see(view.address("t="))
    assert again.view()["samples"] == pytest.approx(view.view()["samples"])
    view.page.locator("a.brand").click()
    view.page.wait_for_selector("#address")
    view.page.fill("#address", "../brain 1.ome.zarr")
    view.page.get_by_role("button", name="Open").click()
    view.page.wait_for_selector(".pane-xy canvas.picture")
    view.idle()
    assert view.error() is None


def test_a_bucket_without_cors_shows_its_own_page(published: Published, see: Any) -> None:
    view = see(published.closed_links["scope.zarr"])
    assert view.error() is None
    assert check_columns(view.columns(), published.codes, every=11) > 3


def test_a_bucket_without_cors_names_the_rule_and_the_check(
    published: Published, elsewhere: str, see: Any
) -> None:
    address = published.address("scope.zarr", published.closed)
    view = see(f"{elsewhere}/viewer/?data={address}", may_say=ANYTHING)
    shown = " ".join(view.page.locator("[role=alert]:visible").all_text_contents())
    shot(view, "no cors")
    assert "(CORS)" in shown
    assert f"pyramidion check {address} --origin {elsewhere}" in shown


def test_the_bucket_shows_what_another_bucket_holds(published: Published, see: Any) -> None:
    """One page for several buckets: an address in full, which is on the same host here."""
    page = published.links["scope.zarr"].partition("?")[0]
    view = see(f"{page}?data={published.address('scope.zarr', published.closed)}")
    assert view.error() is None
