"""Fast kernels equal their readable references."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp
from tests.helpers import DTYPES, expected_overview, random_codes

from pyramidion.core import DataError
from pyramidion.kernels import bin_count, merge_minmax, reduce_minmax, reduce_minmax_reference

arrays = st.sampled_from(DTYPES).flatmap(
    lambda dtype: hnp.arrays(dtype, hnp.array_shapes(min_dims=1, max_dims=3, max_side=70))
)


@given(arrays, st.integers(1, 80))
def test_fast_equals_reference(samples, factor):
    np.testing.assert_array_equal(
        reduce_minmax(samples, factor), reduce_minmax_reference(samples, factor)
    )


@pytest.mark.parametrize("dtype", DTYPES)
@pytest.mark.parametrize("n", [1, 2, 63, 64, 65, 1003])
def test_reference_equals_plain_numpy(rng, dtype, n):
    samples = random_codes(rng, (2, n), dtype)
    np.testing.assert_array_equal(
        reduce_minmax_reference(samples, 64), expected_overview(samples, 64)
    )


@pytest.mark.parametrize("dtype", ["int8", "uint8", "int16", "uint16"])
@pytest.mark.parametrize("n", [1, 63, 64, 65, 127, 128, 4096, 100_003])
@pytest.mark.parametrize("factor", [4, 8, 64, 100])
def test_the_faster_way_of_narrow_integers(rng, dtype, n, factor):
    samples = random_codes(rng, (1, 1, n + 3), dtype)[..., 3:]  # not aligned to a word
    samples = samples if n % 2 else np.ascontiguousarray(samples)
    np.testing.assert_array_equal(
        reduce_minmax(samples, factor), expected_overview(samples, factor)
    )


@given(arrays, st.integers(1, 9), st.integers(1, 9))
def test_merged_bins_equal_bins_of_samples(samples, first, second):
    merged = merge_minmax(reduce_minmax(samples, first), second)
    np.testing.assert_array_equal(merged, reduce_minmax(samples, first * second))


def test_last_bin_is_kept():
    samples = np.zeros(10_003, np.int16)
    samples[-1] = 32767
    assert reduce_minmax(samples, 10)[1, -1] == 32767
    assert reduce_minmax(samples, 10).shape[-1] == bin_count(10_003, 10) == 1001


def test_no_samples_is_an_error():
    with pytest.raises(DataError, match="empty"):
        reduce_minmax(np.zeros((3, 0), np.int16), 4)
