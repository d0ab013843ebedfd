"""Coarser levels of a frame: compiled, in numpy, and box after box."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from tests.formats.recording_writing import some_frames, spec_of

from pyramidion.formats import RecordingOptions, plan_recording
from pyramidion.formats._recording.coarser import Coarser
from pyramidion.kernels import compile_halving, halve_means, halve_means_reference, sum_dtype

DTYPES = ["u1", "i1", "<u2", "<i2", "<u4", "<i4"]


def shapes_of(shape, n_levels):
    shapes = []
    for _ in range(n_levels):
        shape = tuple(-(-n // 2) for n in shape)
        shapes.append(shape)
    return shapes


def wide(dtype, n_levels):
    sums = sum_dtype(np.dtype(dtype), 4**n_levels)
    return np.dtype(f"{sums.kind}{max(4, sums.itemsize)}")


@settings(max_examples=40)
@given(
    st.sampled_from(DTYPES), st.integers(1, 70), st.integers(1, 70), st.integers(1, 4),
    st.integers(0, 99), st.booleans(),
)  # fmt: skip
def test_compiled_is_the_reference(dtype, h, w, n_levels, seed, is_extreme):
    pytest.importorskip("numba")
    dtype, sums = np.dtype(dtype), wide(dtype, n_levels)
    assert compile_halving(dtype, sums)
    (frame,) = some_frames(np.random.default_rng(seed), 1, (h, w), dtype)
    if is_extreme:
        frame[:] = np.iinfo(dtype).max
    shapes = shapes_of((h, w), n_levels)
    wanted = halve_means_reference(frame, shapes)
    for found, level in zip(halve_means(frame, shapes, sums), wanted, strict=True):
        assert np.array_equal(found, level)


@pytest.mark.parametrize("dtype", DTYPES)
def test_compiled_is_what_numpy_makes(rng, dtype):
    pytest.importorskip("numba")
    frames = some_frames(rng, 2, (1301, 1029), dtype)
    coarser = Coarser(plan_recording(spec_of(frames), RecordingOptions(levels="mean")))
    assert coarser._is_compiled
    compiled = coarser.levels(frames)
    coarser._is_compiled = False
    for a, b in zip(compiled, coarser.levels(frames), strict=True):
        assert np.array_equal(a, b)


@pytest.mark.parametrize("dtype", ["<f4", "<f8", "<u8"])
def test_types_that_are_not_compiled(dtype):
    assert not compile_halving(np.dtype(dtype), np.dtype("<f8"))
