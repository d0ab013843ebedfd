"""Real pictures through the real converter and the real server into the real page, pixel for pixel."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import tifffile
from PIL import Image
from tests.browser.conftest import Viewer
from tests.browser.drawn import cut, pixels, shades

import pyramidion
from pyramidion.formats import OpenOptions
from pyramidion.server import build_app, serve_background
from pyramidion.workflows import ConvertOptions, convert

pytestmark = pytest.mark.browser

BRAIN = Path(pyramidion.__file__).parent / "samples" / "brain_t1.tif"
BRAIN_SLICES = Path(__file__).parent.parent / "data" / "brain"
VOXEL = (2.0, 0.5, 0.5)  # micrometres along z, y, x
SPOT = (8, 16, 32)
CONVERTED = ["arco.idx", "modvisus.idx", "volume.ome.zarr"]
DIRECT = ["slices", "volume.npy"]


def save_slices(folder: Path, slices: np.ndarray) -> Path:
    """Write pictures and return the pattern that names them all."""
    folder.mkdir()
    for number, picture in enumerate(slices):
        Image.fromarray(picture).save(folder / f"{number:03d}.png")
    return folder / "*.png"


@pytest.fixture(scope="module")
def volume() -> np.ndarray:
    """Noise without any symmetry, and one bright voxel that every coarse level of samples holds."""
    voxels = np.random.default_rng(1).integers(0, 120, (24, 90, 130)).astype(np.uint8)
    voxels[SPOT] = 255
    return voxels


@pytest.fixture(scope="module")
def coloured() -> np.ndarray:
    return np.random.default_rng(2).integers(0, 256, (5, 60, 80, 3)).astype(np.uint8)


@pytest.fixture(scope="module")
def movie() -> np.ndarray:
    return np.random.default_rng(3).integers(0, 256, (6, 60, 80)).astype(np.uint8)


@pytest.fixture(scope="module")
def origin(
    tmp_path_factory: pytest.TempPathFactory,
    volume: np.ndarray,
    coloured: np.ndarray,
    movie: np.ndarray,
) -> Iterator[str]:
    raw, made = tmp_path_factory.mktemp("raw"), tmp_path_factory.mktemp("made")
    slices = save_slices(raw / "slices", volume)
    known = OpenOptions(voxel=VOXEL, voxel_unit="um")
    for name, arco in (("arco.idx", None), ("modvisus.idx", 0), ("volume.ome.zarr", None)):
        convert(slices, made / name, ConvertOptions(source=known, arco=arco))
    pictures = save_slices(raw / "coloured", coloured)
    np.save(raw / "movie.npy", movie)
    np.save(raw / "volume.npy", volume)
    timed = ConvertOptions(kind="image", source=OpenOptions(axes="tyx"))
    for ending in ("idx", "ome.zarr"):
        convert(pictures, made / f"coloured.{ending}", ConvertOptions())
        convert(raw / "movie.npy", made / f"movie.{ending}", timed)
        convert(BRAIN, made / f"brain.{ending}", ConvertOptions())
        convert(BRAIN_SLICES / "*.png", made / f"three.{ending}", ConvertOptions())
    with serve_background(build_app([made, slices, raw / "volume.npy"])) as url:
        yield url


@pytest.fixture
def see(fresh: Callable[..., Viewer], origin: str) -> Callable[[str], Viewer]:
    """Go from the catalogue to a dataset."""
    return lambda name: fresh(origin, (1280, 900)).enter(name)


def check_planes(view: Any, voxels: np.ndarray, at: tuple[int, int, int], aspect: int) -> None:
    """Compare the three planes through a voxel with the array, at one pixel of x on one of the screen."""
    z, y, x = at
    sizes = voxels.shape
    view.page.get_by_role("button", name="All three").click()
    view.set_view(x=x, y=y, z=z, centre=[n / 2 for n in sizes[::-1]], zoom=1)
    planes = {"xy": (voxels[z], (1, 1)), "xz": (voxels[:, y], (aspect, 1)), "yz": (voxels[:, :, x].T, (1, aspect))}  # fmt: skip
    for name, (plane, steps) in planes.items():
        expected = shades(view, np.kron(plane, np.ones(steps, np.uint8)))
        np.testing.assert_array_equal(cut(view, *expected.shape, name)[..., 0], expected, name)


@pytest.mark.parametrize("name", CONVERTED)
def test_planes_unit_and_values_of_a_converted_stack(
    name: str, see: Any, volume: np.ndarray
) -> None:
    view = see(name)
    check_planes(view, volume, (19, 7, 101), aspect=4)
    view.set_view(layout="xy", z=SPOT[0], centre=[32, 16, 8], zoom=20)
    frame = view.run("__pyramidion.frame()")
    box = view.page.locator(".pane-xy canvas.picture").bounding_box()
    for x, y in ((32, 16), (31, 16), (40, 20)):
        spot = frame["left"] + 20 * x + 10, frame["top"] + 20 * y + 10
        view.page.mouse.move(box["x"] + spot[0], box["y"] + spot[1])
        view.frames()
        text = view.page.locator(".status-pointer").text_content().replace("\u202f", "")
        value = volume[SPOT[0], y, x]
        assert text == f"x {x}  y {y}  z 8   {x / 2:g} µm, {y / 2:g} µm, 16 µm   {value}"
        assert view.run("([x, y, z]) => __pyramidion.valueAt(x, y, z)", [x, y, 8]) == value
    bar = view.run("__pyramidion.scaleBar()")
    number, unit = bar["text"].split()
    assert bar["pixels"] == pytest.approx(float(number) * {"nm": 1e-3, "µm": 1}[unit] / 0.5 * 20)


@pytest.mark.parametrize("name", ["arco.idx", "modvisus.idx"])
def test_samples_of_coarse_levels_lie_where_they_were_taken(name: str, see: Any) -> None:
    view = see(name)
    z, y, x = SPOT
    for level in (0, 1, 2):
        zoom = 2.0**-level
        view.set_view(layout="xy", z=z, centre=[70, 40, z], zoom=zoom)
        assert view.stats()["levelNumber"] == level
        frame = view.run("__pyramidion.frame()")
        drawn = pixels(view)[..., 0]
        there = int(frame["top"] + (y + 0.5) * zoom), int(frame["left"] + (x + 0.5) * zoom)
        assert np.argwhere(drawn == drawn.max()).tolist() == [list(there)], level


@pytest.mark.parametrize("name", DIRECT)
def test_what_nobody_converted(name: str, see: Any, volume: np.ndarray) -> None:
    view = see(name)
    assert "/zarr/" in view.page.url
    check_planes(view, volume, (3, 80, 11), aspect=1)
    assert view.run("__pyramidion.valueAt(129, 89, 23)") == volume[23, 89, 129]


@pytest.mark.parametrize("ending", ["idx", "ome.zarr"])
def test_the_brain(ending: str, see: Any) -> None:
    brain = tifffile.imread(BRAIN)
    view = see(f"brain.{ending}")
    check_planes(view, brain, (64, 100, 60), aspect=1)
    assert view.run("__pyramidion.scaleBar()")["text"].endswith("mm")
    nine, middle, top = (np.array(Image.open(BRAIN_SLICES / f"t1_{n}.png")) for n in (9, 64, 100))
    view = see(f"three.{ending}")
    check_planes(view, np.stack([nine, middle, top]), (1, 120, 90), aspect=1)


@pytest.mark.parametrize("ending", ["idx", "ome.zarr"])
def test_a_movie(ending: str, see: Any, movie: np.ndarray) -> None:
    view = see(f"movie.{ending}")
    for t in (0, 3, 5):
        view.set_view(t=t, centre=[40, 30], zoom=1)
        np.testing.assert_array_equal(cut(view, 60, 80)[..., 0], shades(view, movie[t]))
    view.page.keyboard.press(",")
    view.idle()
    np.testing.assert_array_equal(cut(view, 60, 80)[..., 0], shades(view, movie[4]))


@pytest.mark.parametrize("ending", ["idx", "ome.zarr"])
def test_coloured_slices_look_as_themselves(ending: str, see: Any, coloured: np.ndarray) -> None:
    view = see(f"coloured.{ending}")
    for z in (0, 4):
        view.set_view(z=z, centre=[40, 30, z], zoom=1)
        np.testing.assert_array_equal(cut(view, 60, 80)[..., :3], coloured[z])
    view.set_view(layout="yz", x=13, centre=[13, 30, 2.5], zoom=1)
    np.testing.assert_array_equal(cut(view, 60, 5, "yz")[..., :3], coloured[:, :, 13].swapaxes(0, 1))  # fmt: skip
