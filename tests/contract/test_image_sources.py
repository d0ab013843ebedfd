"""Every format that reads images passes the same tests; the list comes from the registry."""

from concurrent.futures import ThreadPoolExecutor

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from tests.contract.images import digest

from pyramidion.core import IMAGE_AXES, Box
from pyramidion.formats import (
    example_voxels,
    format_of_source,
    formats,
    kind_of_source,
    open_image,
)

READERS = [f for f in formats() if f.open_image is not None]


@pytest.fixture(scope="module", params=READERS, ids=lambda f: f.name)
def example(request, tmp_path_factory):
    """A tiny image of the format, and the elements it holds."""
    assert request.param.image_example is not None
    path = request.param.image_example(tmp_path_factory.mktemp(request.param.name))
    return request.param, path, example_voxels()


def test_is_recognised_as_an_image(example):
    found, path, _ = example
    assert format_of_source(path) is found
    assert kind_of_source(path) == "image"


def test_reads_what_is_there(example):
    _, path, voxels = example
    with open_image(path) as source:
        spec = source.spec
        assert spec.shape == voxels.shape
        assert spec.dtype == np.dtype("u1")
        assert [axis.name for axis in spec.axes] == list(IMAGE_AXES)
        assert all(axis.scale > 0 for axis in spec.axes)
        assert set("zyx") <= set(spec.present) <= set(IMAGE_AXES)
        assert not spec.is_rgb
        assert spec.name in source.fields
        whole = source.read(Box.whole(voxels.shape))
        assert whole.dtype == spec.dtype
        np.testing.assert_array_equal(whole, voxels)
        assert source.notes() == ()


def test_levels_and_block_are_sane(example):
    _, path, voxels = example
    with open_image(path) as source:
        assert source.levels[0].shape == voxels.shape
        assert source.levels[0].factors == (1.0,) * 5
        assert source.levels[0].shift == (0.0,) * 5
        assert len(source.block) == 5
        assert all(n >= 1 for n in source.block)
        for number, level in enumerate(source.levels):
            assert all(1 <= n <= m for n, m in zip(level.shape, voxels.shape, strict=True))
            box = Box.whole(level.shape)
            assert source.read(box, number).shape == level.shape


@settings(
    max_examples=40, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
@given(data=st.data())
def test_any_box_is_numpy(example, data):
    _, path, voxels = example
    start = tuple(data.draw(st.integers(0, n - 1)) for n in voxels.shape)
    stop = tuple(data.draw(st.integers(a + 1, n)) for a, n in zip(start, voxels.shape, strict=True))
    box = Box(start, stop)
    with opened_once(path) as source:
        np.testing.assert_array_equal(source.read(box), voxels[box.slices])


def test_reads_from_many_threads(example):
    _, path, voxels = example
    boxes = [Box((0, 0, z, y, 0), (1, 1, z + 1, y + 7, 53)) for z in range(7) for y in range(0, 30, 3)]  # fmt: skip
    with open_image(path) as source, ThreadPoolExecutor(8) as pool:
        for box, read in zip(boxes * 2, pool.map(source.read, boxes * 2), strict=True):
            np.testing.assert_array_equal(read, voxels[box.slices])


def test_closes_twice(example):
    _, path, _ = example
    source = open_image(path)
    source.close()
    source.close()


def test_input_is_never_changed(example):
    _, path, voxels = example
    folder = path.parent
    before = digest(folder)
    with open_image(path) as source:
        source.read(Box.whole(voxels.shape))
    assert digest(folder) == before


class opened_once:  # noqa: N801 - reads as a function
    """Open a file once for all examples of a property: HDF5 asks a child process each time."""

    _kept: dict = {}

    def __init__(self, path):
        if path not in self._kept:
            self._kept[path] = open_image(path)
        self._source = self._kept[path]

    def __enter__(self):
        return self._source

    def __exit__(self, *_):
        pass


@pytest.fixture(scope="module", autouse=True)
def _close_at_the_end():
    yield
    for source in opened_once._kept.values():
        source.close()
    opened_once._kept.clear()
