"""Where the samples of a block lie, against the definition of the HZ order, sample by sample."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import assume, given
from hypothesis import strategies as st
from tests.formats.idx_files import hz_addresses

from pyramidion.formats._idx.bitmask import Bitmask
from pyramidion.formats._idx.geometry import BlockGrid, lattice_range
from pyramidion.formats._idx.hz import hz_to_point, point_to_hz, to_row_major

bitmasks = st.text("012", min_size=1, max_size=9).map("V".__add__)


@st.composite
def grids(draw):
    bits = draw(bitmasks)
    return BlockGrid(Bitmask(bits), draw(st.integers(0, len(bits) - 1)))


def points_of(place):
    """All points of a block, in the order z, y, x, as rows x, y, z."""
    axes = [
        o + s * np.arange(n) for o, s, n in zip(place.origin, place.step, place.count, strict=True)
    ]
    z, y, x = np.meshgrid(*axes[::-1], indexing="ij")
    return np.stack([x.ravel(), y.ravel(), z.ravel()], -1)


@pytest.mark.parametrize(
    ("dims", "bits"),
    [
        ((10, 7), "V0101010"),
        ((100, 37), "V0101010101010"),
        ((1000, 10), "V01010101000000"),
        ((3, 4, 5), "V0120122"),
        ((512, 512, 512), "V" + "012" * 9),
        ((1024, 1024, 256), "V0120120120120120120120120101"),
        ((50, 25), "V01010101010"),
        ((5, 1, 3), "V02020"),
    ],
)
def test_default_bitmask(dims, bits):
    assert Bitmask.for_dims(dims).text == bits


@pytest.mark.parametrize("dims", [(10, 1), (10, 7, 1), (1, 1), (0, 5)])
def test_no_bitmask_without_a_last_axis(dims):
    with pytest.raises(ValueError):
        Bitmask.for_dims(dims)


@given(st.lists(st.integers(1, 300), min_size=2, max_size=3))
def test_default_bitmask_covers_tightly(dims):
    assume(dims[-1] > 1)
    size = Bitmask.for_dims(dims).size
    for n, extent in zip(dims, size, strict=False):
        assert n <= extent < 2 * n or n == extent == 1
    assert Bitmask.for_dims(dims).n_axes == len(dims)


def test_worked_hz_examples():
    expected = [(0, 0), (2, 0), (0, 2), (2, 2), (1, 0), (1, 2), (3, 0), (3, 2), (0, 1), (1, 1), (0, 3), (1, 3), (2, 1), (3, 1), (2, 3), (3, 3)]  # fmt: skip
    bits = Bitmask("V0101")
    assert [hz_to_point(bits, hz)[:2] for hz in range(16)] == expected
    assert point_to_hz(bits, (3, 2, 0)) == 7
    cube = Bitmask("V012012")
    expected = [(0, 0, 0), (2, 0, 0), (0, 2, 0), (2, 2, 0), (0, 0, 2), (0, 2, 2), (2, 0, 2), (2, 2, 2), (1, 0, 0), (1, 0, 2), (1, 2, 0), (1, 2, 2)]  # fmt: skip
    assert [hz_to_point(cube, hz) for hz in range(12)] == expected


def test_worked_block_grids():
    grid = BlockGrid(Bitmask("V0101010"), 4)
    found = [(p.origin[:2], p.step[:2], p.count[:2]) for p in map(grid.place, range(8))]
    four = (4, 4)
    assert found == [
        ((0, 0), (4, 2), four),
        ((2, 0), (4, 2), four),
        ((0, 1), (2, 2), four),
        ((8, 1), (2, 2), four),
        ((1, 0), (2, 1), four),
        ((1, 4), (2, 1), four),
        ((9, 0), (2, 1), four),
        ((9, 4), (2, 1), four),
    ]


@given(bitmasks)
def test_addresses_are_those_of_the_definition(bits):
    address = hz_addresses(bits)
    mask = Bitmask(bits)
    assert np.array_equal(np.sort(address.ravel()), np.arange(mask.n_samples))
    z, y, x = np.unravel_index(np.arange(address.size), address.shape)
    for i in range(0, address.size, max(1, address.size // 50)):
        point = int(x[i]), int(y[i]), int(z[i])
        assert point_to_hz(mask, point) == address[point[::-1]]
        assert hz_to_point(mask, int(address[point[::-1]])) == point


@given(grids())
def test_every_point_is_in_one_block_at_its_place(grid):
    address = hz_addresses(grid.bitmask.text)
    seen = np.zeros(address.shape, int)
    for number in range(grid.n_blocks):
        place = grid.place(number)
        assert number in grid.level_blocks(place.level)
        x, y, z = points_of(place).T
        own = address[z, y, x]
        assert np.all(own >> grid.bitsperblock == number)
        seen[z, y, x] += 1
        order = to_row_major(grid.bitmask, grid.bitsperblock, place.level)
        assert np.array_equal(np.sort(own)[order], own)
    assert np.all(seen == 1)


@given(grids(), st.data())
def test_blocks_that_meet_a_box(grid, data):
    size = grid.bitmask.size
    p1 = [data.draw(st.integers(0, n)) for n in size]
    p2 = [data.draw(st.integers(0, n)) for n in size]
    h = data.draw(st.integers(0, grid.bitmask.maxh))
    expected = [0]
    for number in range(1, grid.n_blocks):
        if grid.level_of(number) <= h:
            points = points_of(grid.place(number))
            if np.any(np.all((points >= p1) & (points < p2), axis=1)):
                expected.append(number)
    found = grid.meeting(p1, p2, h)
    assert sorted(found) == expected
    assert grid.n_meeting(p1, p2, h) == len(found)


@given(grids(), st.data())
def test_a_block_moves_into_an_array_and_back(grid, data):
    size = grid.bitmask.size
    start = [data.draw(st.integers(0, n - 1)) for n in size]
    shape = [data.draw(st.integers(1, n - a)) for n, a in zip(size, start, strict=True)]
    address = hz_addresses(grid.bitmask.text)
    region = tuple(slice(a, a + n) for a, n in zip(start[::-1], shape[::-1], strict=True))
    number = data.draw(st.integers(0, grid.n_blocks - 1))
    place = grid.place(number)
    x, y, z = points_of(place).T
    block = address[z, y, x].reshape(place.shape)
    out = np.full(shape[::-1], -1)
    shared = place.slices(start, shape)
    if shared is not None:
        out[shared[0]] = block[shared[1]]
    own = address[region] >> grid.bitsperblock == number
    assert np.array_equal(out, np.where(own, address[region], -1))


def test_a_huge_dataset_is_not_walked():
    grid = BlockGrid(Bitmask("V" + "012" * 20), 12)
    found = grid.meeting((1000, 2000, 3000), (1100, 2100, 3001), 60)
    assert 50 < len(found) < 1000
    assert grid.n_blocks == 2**48


def test_lattice_counts_from_zero_and_not_from_the_box():
    assert lattice_range((10, 5, 0), (50, 25, 1), (4, 8, 2)) == ((3, 1, 0), (10, 3, 1))
    assert lattice_range((0, 0, 7), (4, 4, 8), (1, 1, 2))[1][2] == 0
