"""Means of squares of pixels: the numpy form and the compiled form against the readable one."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from tests.helpers import random_codes

from pyramidion.kernels import MOST_TO_A_SIDE, compile_means, mean_blocks, mean_blocks_reference
from pyramidion.kernels._preview import _compiled, _mean_rows

TYPES = ["u1", "i1", "u2", "i2", "u4", "i4"]


def frame_of(height, width, dtype, seed=0):
    return random_codes(np.random.default_rng(seed), (height, width), dtype)


@pytest.fixture
def only_numpy(monkeypatch):
    monkeypatch.setattr("pyramidion.kernels._preview._compiled", {})


@pytest.fixture(scope="module")
def compiled():
    pytest.importorskip("numba")
    for dtype in (*TYPES, "f4", "f8"):
        assert compile_means(np.dtype(dtype))
    yield
    _compiled.clear()


sizes = st.integers(1, 40)
cases = given(sizes, sizes, st.integers(1, MOST_TO_A_SIDE), st.sampled_from(TYPES), st.integers(0, 99))  # fmt: skip


class TestNumpy:
    pytestmark = pytest.mark.usefixtures("only_numpy")

    @pytest.mark.parametrize("dtype", TYPES)
    @pytest.mark.parametrize(("height", "width", "k"), [(70, 9, 4), (1, 200, 3), (200, 1, 64), (131, 17, 1), (64, 64, 64)])  # fmt: skip
    def test_equals_the_reference(self, height, width, k, dtype):
        frame = frame_of(height, width, dtype)
        means = mean_blocks(frame, k)
        assert means.dtype == frame.dtype
        np.testing.assert_array_equal(means, mean_blocks_reference(frame, k))

    @pytest.mark.parametrize("dtype", TYPES)
    def test_ends_of_the_range(self, dtype):
        for value in (np.iinfo(dtype).min, np.iinfo(dtype).max):
            frame = np.full((130, 70), value, dtype)
            assert (mean_blocks(frame, 64) == value).all()

    def test_half_goes_to_even(self):
        frame = np.array([[0, 1, 1, 2, -1, 0, -2, -1]], "i2")
        np.testing.assert_array_equal(mean_blocks(frame, 2), [[0, 2, 0, -2]])

    @pytest.mark.parametrize("dtype", ["f4", "f8"])
    def test_floats_are_not_rounded(self, dtype):
        frame = np.random.default_rng(1).normal(size=(37, 53)).astype(dtype)
        expected = mean_blocks_reference(frame, 5)
        np.testing.assert_allclose(mean_blocks(frame, 5), expected, rtol=1e-4, atol=1e-7)

    def test_part_of_a_frame(self):
        frame = frame_of(50, 60, "u2")[3:44, 5:50]
        np.testing.assert_array_equal(mean_blocks(frame, 4), mean_blocks_reference(frame, 4))


@cases
@settings(max_examples=60, deadline=None)
def test_loops_to_be_compiled_equal_the_reference(height, width, k, dtype, seed):
    """Also where nothing compiles them, they are Python."""
    frame = frame_of(min(height, 12), min(width, 12), dtype, seed)
    out = np.empty((-(-frame.shape[0] // k), -(-frame.shape[1] // k)), dtype)
    _mean_rows(frame, k, True, np.empty(frame.shape[1], np.int64), out)
    np.testing.assert_array_equal(out, mean_blocks_reference(frame, k))


class TestCompiled:
    pytestmark = [pytest.mark.slow, pytest.mark.usefixtures("compiled")]

    @cases
    @settings(max_examples=300, deadline=None)
    def test_equals_the_reference(self, height, width, k, dtype, seed):
        frame = frame_of(height, width, dtype, seed)
        np.testing.assert_array_equal(mean_blocks(frame, k), mean_blocks_reference(frame, k))

    @pytest.mark.parametrize("dtype", ["f4", "f8"])
    def test_floats(self, dtype):
        frame = np.random.default_rng(1).normal(size=(37, 53)).astype(dtype)
        for k in (2, 4, 5):
            expected = mean_blocks_reference(frame, k)
            np.testing.assert_allclose(mean_blocks(frame, k), expected, rtol=1e-4, atol=1e-7)
