"""A streamed pyramid equals the pyramid of the whole record, however the stream is cut."""

import itertools

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from tests.helpers import DTYPES, expected_overview, random_codes

from pyramidion.kernels import reduce_minmax
from pyramidion.pyramid import PyramidBuilder, PyramidPlan

FACTORS = (4, 12, 48)


def run(builder, pieces):
    """Push pieces; return the bins of each level, checking that they come in order."""
    made = [block for piece in pieces for block in builder.push(piece)] + builder.finish()
    levels = {}
    for block in made:
        parts = levels.setdefault(block.level, [])
        assert block.start == sum(p.shape[-1] for p in parts)
        parts.append(block.values)
    return {level: np.concatenate(parts, axis=-1) for level, parts in levels.items()}


@given(st.integers(1, 700), st.lists(st.integers(0, 700), max_size=12), st.sampled_from(DTYPES))
def test_any_cut_gives_the_same_levels(n, cuts, dtype):
    codes = random_codes(np.random.default_rng(n), (2, n), dtype)
    cuts = sorted({0, n, *(c for c in cuts if c < n)})
    pieces = [codes[:, a:b] for a, b in itertools.pairwise(cuts)]
    levels = run(PyramidBuilder(FACTORS), pieces)
    for level, factor in enumerate(FACTORS):
        np.testing.assert_array_equal(levels[level], expected_overview(codes, factor))


@given(st.integers(1, 700), st.lists(st.integers(0, 700), max_size=12))
def test_means_are_exact(n, cuts):
    codes = np.random.default_rng(n).integers(-(2**31), 2**31 - 1, n, np.int32)
    cuts = sorted({0, n, *(c for c in cuts if c < n)})
    pieces = [codes[a:b] for a, b in itertools.pairwise(cuts)]
    levels = run(PyramidBuilder(FACTORS, stat="mean"), pieces)
    for level, factor in enumerate(FACTORS):
        bins = [codes[i : i + factor].astype(object) for i in range(0, n, factor)]
        expected = [float(sum(b.tolist())) / len(b) for b in bins]
        np.testing.assert_array_equal(levels[level], expected)


def test_any_axis(rng):
    codes = rng.integers(-1000, 1000, (50, 3), np.int16)
    levels = run(PyramidBuilder((7,), axis=0), [codes[:20], codes[20:]])
    np.testing.assert_array_equal(levels[0], reduce_minmax(codes.T, 7))


def test_pairs_can_be_pushed(rng):
    codes = rng.integers(-1000, 1000, 1003, np.int16)
    fine = reduce_minmax(codes, 4)
    levels = run(PyramidBuilder((3, 12), paired=True), [fine[:, :100], fine[:, 100:]])
    np.testing.assert_array_equal(levels[1], reduce_minmax(codes, 48))


def test_carries_less_than_a_bin():
    builder = PyramidBuilder((64, 256))
    for _ in range(100):
        builder.push(np.zeros(1_000, np.int16))
    kept = sum(s._rest.nbytes for s in builder._stages if s._rest is not None)
    assert kept < 64 * 2 + 4 * 2 * 2


def test_factors_must_nest():
    with pytest.raises(ValueError, match="multiple"):
        PyramidBuilder((4, 6))


@pytest.mark.parametrize("n", [1, 63, 255_999, 256_000, 1_023_935, 10**6, 10**9, 10**12])
def test_plan_keeps_every_sample_and_enough_bins(n):
    plan = PyramidPlan.for_record(n)
    assert plan.levels[0].factor == 64
    assert all((lv.bins - 1) * lv.factor < n <= lv.bins * lv.factor for lv in plan.levels)
    assert all(lv.bins >= 4000 for lv in plan.levels[1:])
    assert -(-n // (plan.levels[-1].factor * 4)) < 4000
