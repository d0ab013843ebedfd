"""Levels and chunks of an image as it is shown: what is sampled, and how little is decoded."""

from __future__ import annotations

import concurrent.futures

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from tests.server.images import MemoryImage, voxels_of

from pyramidion.core import DamagedError
from pyramidion.server._image_view import ImageView
from pyramidion.server._planes import Lattice, Sampler
from pyramidion.storage import ByteCache


def read_level(view, number):
    level = view.levels[number]
    out = np.zeros([n * c for n, c in zip(level.grid, level.chunk, strict=True)], view.spec.dtype)
    for index in np.ndindex(*level.grid):
        place = tuple(slice(i * c, (i + 1) * c) for i, c in zip(index, level.chunk, strict=True))
        out[place] = view.read_chunk(number, index)
    return out[tuple(slice(n) for n in level.shape)]


@pytest.mark.parametrize(
    "shape", [(1, 1, 1, 1300, 700), (1, 3, 1, 40, 2000), (2, 2, 40, 600, 300), (1, 1, 700, 20, 30)]
)
@pytest.mark.parametrize("block", [(1, 1, 1, 64, 64), "plane", (1, 1, 16, 32, 32)])
def test_levels_hold_every_second_element(shape, block):
    voxels = voxels_of(shape)
    block = (1, 1, 1, *shape[3:]) if block == "plane" else block
    view = ImageView(MemoryImage(voxels, block=block))
    assert max(view.levels[-1].shape[2:]) <= 512
    for number, level in enumerate(view.levels):
        z, y, x = (int(f) for f in level.factors[2:])
        np.testing.assert_array_equal(read_level(view, number), voxels[:, :, ::z, ::y, ::x])


def test_levels_of_the_source_come_first():
    voxels = voxels_of((1, 1, 1, 4000, 4000))
    source = MemoryImage(voxels, levels=2)
    view = ImageView(source)
    assert [level.base for level in view.levels] == [0, 1, 1, 1]
    assert [level.factors[3] for level in view.levels] == [1, 2, 4, 8]
    np.testing.assert_array_equal(read_level(view, 3), voxels[..., ::8, ::8])
    assert {level for _, level in source.reads} == {1}


def test_levels_too_small_to_see_are_left_out():
    view = ImageView(MemoryImage(voxels_of((1, 1, 64, 64, 64)), levels=7))
    assert [level.shape[2] for level in view.levels] == [64, 32]


def test_a_plane_is_decoded_once_for_all_its_chunks_and_levels():
    shape = (1, 1, 3, 1100, 1200)
    source = MemoryImage(voxels_of(shape), block=(1, 1, 1, *shape[3:]))
    view = ImageView(source)
    assert view.levels[0].chunk == (1, 1, 1, 512, 512)
    for number in range(len(view.levels)):
        read_level(view, number)
    assert source.n_read == source.voxels.size


def test_a_plane_is_decoded_once_for_many_at_the_same_time():
    shape = (1, 1, 1, 1100, 1200)
    source = MemoryImage(voxels_of(shape), block=(1, 1, 1, *shape[3:]), delay_s=0.1)
    view = ImageView(source)
    with concurrent.futures.ThreadPoolExecutor(6) as threads:
        chunks = [(0, 0, 0, i, j) for i in range(3) for j in range(2)]
        list(threads.map(lambda index: view.read_chunk(0, index), chunks))
    assert len(source.reads) == 1


def test_planes_between_are_not_decoded():
    shape = (1, 1, 640, 16, 16)
    source = MemoryImage(voxels_of(shape), block=(1, 1, 1, 16, 16))
    view = ImageView(source)
    assert view.levels[1].step == (1, 1, 2, 1, 1)
    read_level(view, 1)
    assert source.n_read == source.voxels.size // 2


def test_red_green_and_blue_are_one_chunk():
    view = ImageView(MemoryImage(voxels_of((1, 3, 1, 40, 50), "uint8"), is_rgb=True))
    assert view.levels[0].chunk == (1, 3, 1, 40, 50)


def test_level_that_costs_too_much_is_not_offered(monkeypatch):
    monkeypatch.setattr("pyramidion.server._image_view.MAX_ELEMENTS_DECODED", 1_000_000)
    source = MemoryImage(voxels_of((1, 1, 1, 3000, 3000), "uint8"), block=(1, 1, 1, 256, 256))
    assert [level.step[3] for level in ImageView(source).levels] == [1]


def test_fault_is_not_kept():
    source = MemoryImage(voxels_of((1, 1, 2, 60, 60)), block=(1, 1, 1, 60, 60), damaged=(0, 0, 1, 5, 5))  # fmt: skip
    view = ImageView(source)
    for _ in range(2):
        with pytest.raises(DamagedError):
            view.read_chunk(0, (0, 0, 1, 0, 0))
    view.read_chunk(0, (0, 0, 0, 0, 0))
    assert len(source.reads) == 3


@settings(max_examples=60, deadline=None)
@given(st.data())
def test_any_lattice_is_what_numpy_says(data):
    shape = tuple(data.draw(st.integers(1, n)) for n in (2, 2, 9, 30, 30))
    first = tuple(data.draw(st.integers(0, n - 1)) for n in shape)
    step = (1, 1, *(data.draw(st.integers(1, 9)) for _ in range(3)))
    count = tuple(
        data.draw(st.integers(1, (n - 1 - a) // s + 1))
        for n, a, s in zip(shape, first, step, strict=True)
    )
    plane = (1, data.draw(st.sampled_from([1, shape[1]])), 1, *shape[3:])
    block = data.draw(st.sampled_from([plane, (1, 1, 1, 1, 4), (1, 2, 4, 8, 8)]))
    voxels = voxels_of(shape)
    source = MemoryImage(voxels, block=block)
    lattice = Lattice(first, count, step)
    sampler = Sampler(source)
    wanted = voxels[tuple(slice(a, a + (n - 1) * s + 1, s) for a, n, s in zip(first, count, step, strict=True))]  # fmt: skip
    np.testing.assert_array_equal(sampler.read(lattice), wanted)
    assert source.n_read <= sampler.cost(lattice)


def test_cache_keeps_to_its_bytes():
    cache = ByteCache(100, len)
    for number in range(50):
        cache.get(number, lambda: b"x" * 30)
        assert cache.n_bytes <= 100
    made = []
    cache.get(49, lambda: made.append(1))
    cache.get("large", lambda: b"x" * 200)
    assert not made
    assert cache.n_bytes == 90
    cache.clear()
    assert cache.n_bytes == 0
