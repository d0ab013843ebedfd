"""The halving kernels equal their readable references, and no sum overflows."""

from fractions import Fraction

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp
from tests.helpers import DTYPES, random_codes

from pyramidion.kernels import (
    mean_of_sums,
    pool_extreme,
    pool_mode,
    pool_nearest,
    pool_reference,
    pool_sums,
    pooled_shape,
    split_wide,
    sum_dtype,
)
from pyramidion.pyramid import ImagePlan

INTEGERS = [name for name in DTYPES if "int" in name]
factors = st.tuples(*[st.sampled_from([1, 2])] * 3)
arrays = st.sampled_from(INTEGERS).flatmap(
    lambda dtype: hnp.arrays(dtype, hnp.array_shapes(min_dims=3, max_dims=4, max_side=9))
)


def begin(voxels):
    return (
        split_wide(voxels) if voxels.dtype.itemsize == 8 and voxels.dtype.kind in "iu" else voxels
    )


def mean(voxels, box):
    sums = pool_sums(begin(voxels), box, sum_dtype(voxels.dtype, int(np.prod(box))))
    counts = ImagePlan(voxels.shape, (box,)).counts(1, pooled_shape(voxels.shape, box))
    return mean_of_sums(sums, counts, voxels.dtype)


@given(arrays, factors)
def test_means_of_integers_are_exact(voxels, box):
    np.testing.assert_array_equal(mean(voxels, box), pool_reference(voxels, box, "mean"))


@given(arrays, factors)
def test_other_statistics_of_integers(voxels, box):
    for stat, reduced in (
        ("min", pool_extreme(voxels, box, largest=False)),
        ("max", pool_extreme(voxels, box, largest=True)),
        ("nearest", pool_nearest(voxels, box)),
        ("mode", pool_mode(voxels, box)),
    ):
        np.testing.assert_array_equal(reduced, pool_reference(voxels, box, stat))
        assert reduced.dtype == voxels.dtype


@pytest.mark.parametrize("dtype", ["float16", "float32", "float64"])
@pytest.mark.parametrize("box", [(2, 2, 2), (1, 2, 2), (2, 1, 1)], ids=str)
def test_floats(rng, dtype, box):
    voxels = random_codes(rng, (2, 5, 9, 7), dtype)
    voxels[0, :2, :2, :2] = np.nan
    for stat, reduced in (
        ("min", pool_extreme(voxels, box, largest=False)),
        ("max", pool_extreme(voxels, box, largest=True)),
        ("mode", pool_mode(voxels, box)),
    ):
        np.testing.assert_array_equal(reduced, pool_reference(voxels, box, stat))
    tolerance = 1e-12 if dtype == "float64" else 0
    np.testing.assert_allclose(
        mean(voxels, box), pool_reference(voxels, box, "mean"), rtol=tolerance, atol=tolerance
    )


@pytest.mark.parametrize("dtype", INTEGERS)
@pytest.mark.parametrize("end", ["min", "max"])
def test_the_ends_of_a_type_survive_many_levels(dtype, end):
    """Ten levels of full-scale voxels: the sums of 2^30 elements a box, simulated by their plan."""
    value = getattr(np.iinfo(dtype), end)
    carried = begin(np.full((4, 4, 4), value, dtype))
    n_in_box = 1
    for _ in range(2):
        n_in_box *= 8
        carried = pool_sums(carried, (2, 2, 2), sum_dtype(np.dtype(dtype), n_in_box))
    assert mean_of_sums(carried, [(4, 4)] * 3, np.dtype(dtype)).item() == value


@pytest.mark.parametrize("dtype", ["int64", "uint64"])
@given(st.lists(st.integers(0, 2**64 - 1), min_size=1, max_size=8), st.integers(1, 2**28))
def test_wide_sums_of_very_many_elements(dtype, values, times):
    """A box of `times` repetitions of some values, whose sum needs up to 95 bits."""
    raw = np.array(values, np.uint64).view(dtype)
    n = times * raw.size
    halves = split_wide(raw).sum(axis=1) * np.array(times, dtype)
    sums = halves.reshape(2, 1, 1, 1)
    expected = round(Fraction(times * sum(raw.tolist()), n))
    assert mean_of_sums(sums, [(n, n), (1, 1), (1, 1)], np.dtype(dtype)).item() == expected


def test_views_of_any_strides(rng):
    voxels = rng.integers(0, 2**16, (3, 20, 30, 40), np.uint16)[:, ::2, ::-1, 1::3]
    for box in ((2, 2, 2), (1, 1, 2)):
        np.testing.assert_array_equal(mean(voxels, box), mean(np.ascontiguousarray(voxels), box))


@pytest.mark.parametrize(
    ("shape", "voxel", "steps"),
    [
        ((1, 1, 1), (1, 1, 1), []),
        ((1, 512, 512), (1, 1, 1), []),
        ((1, 513, 4), (1, 1, 1), [(1, 2, 2)]),
        ((64, 256, 256), (1, 1, 1), []),
        ((65, 256, 256), (1, 1, 1), [(2, 2, 2)]),
        ((200, 1000, 1000), (5, 1, 1), [(1, 2, 2), (1, 2, 2), (2, 2, 2), (2, 2, 2)]),
        ((300, 1, 1), (9, 1, 1), [(2, 1, 1)] * 3),
        ((40, 600, 600), (float("nan"), 1, 1), [(2, 2, 2)] * 2),
    ],
)
def test_levels(shape, voxel, steps):
    plan = ImagePlan.for_shape(shape, voxel)
    assert list(plan.steps) == steps
    assert plan.level_shape(plan.n_levels - 1)[1] <= 512
