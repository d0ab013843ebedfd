"""The simulated oscilloscope: the same samples however it is cut, and statistics that are right."""

from __future__ import annotations

import math
import zlib
from concurrent.futures import ThreadPoolExecutor
from statistics import NormalDist

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from pyramidion.core import Box
from pyramidion.instruments import SimulatedScope
from pyramidion.instruments._noise import block_bits, normal_table

BLOCK = 1 << 16
PERIOD = 10_000_000  # samples of 2 ns in 20 ms
EVENT = slice(221_750, 221_875)


def one_trace(samples, **options):
    return SimulatedScope(
        **({"channels": 1, "segments": 1, "samples": samples, "seed": 1} | options)
    )


def volts(scope, box=None):
    """Return a region in volts, without the offset and shift that are told apart."""
    box = box or Box.whole(scope.spec.shape)
    gains, offsets = (
        a[box.slices[:2]][..., None, None] for a in (scope.spec.gains, scope.spec.offsets)
    )
    return scope.read(box) * gains - offsets


def drift(index):
    time_s = np.asarray(index) * 2e-9
    return 0.010 * np.sin(2 * np.pi * 0.1 * time_s) + 0.005 * np.sin(2 * np.pi * 0.5 * time_s)


# --- the same samples, however it is cut

CUT = SimulatedScope(channels=2, trcs=2, segments=2, samples=2 * BLOCK + 1003, seed=5)
WHOLE = CUT.read(Box.whole(CUT.spec.shape))


@given(data=st.data())
@settings(deadline=None, max_examples=40)
def test_any_box_is_a_part_of_the_whole(data):
    near_blocks = st.one_of(
        st.integers(0, CUT.spec.shape[3]),
        st.sampled_from([BLOCK - 1, BLOCK, BLOCK + 1, 2 * BLOCK, 2 * BLOCK + 1002]),
    )
    bounds = [sorted(data.draw(st.tuples(st.integers(0, 2), st.integers(0, 2)))) for _ in range(3)]
    bounds.append(sorted(data.draw(st.tuples(near_blocks, near_blocks))))
    box = Box(tuple(a for a, _ in bounds), tuple(b for _, b in bounds))
    np.testing.assert_array_equal(CUT.read(box), WHOLE[box.slices])


def test_threads_give_the_same():
    step = 10_007
    boxes = [
        Box((c, t, s, k), (c + 1, t + 1, s + 1, min(k + step, CUT.spec.shape[3])))
        for c, t, s in np.ndindex(2, 2, 2)
        for k in range(0, CUT.spec.shape[3], step)
    ]
    with ThreadPoolExecutor(4) as pool:
        for box, codes in zip(boxes, pool.map(CUT.read, boxes), strict=True):
            np.testing.assert_array_equal(codes, WHOLE[box.slices])


def test_every_segment_has_its_own_noise():
    rows = WHOLE.reshape(8, -1).astype(np.float64)
    noise = rows - rows.mean(axis=1, keepdims=True)
    together = np.corrcoef(noise[:, 2:2000])
    assert np.abs(together - np.eye(8)).max() < 5 / math.sqrt(2000)


def test_seed_repeats_and_is_kept():
    box = Box((0, 0, 0, 100), (1, 1, 1, 200))
    drawn = one_trace(1000, seed=None)
    seed = drawn.spec.attributes["generator"]["seed"]
    again, other = one_trace(1000, seed=seed), one_trace(1000, seed=seed + 1)
    np.testing.assert_array_equal(drawn.read(box), again.read(box))
    np.testing.assert_array_equal(drawn.spec.gains, again.spec.gains)
    assert (drawn.read(box) != other.read(box)).any()
    assert one_trace(1000, seed=None).spec.attributes["generator"]["seed"] != seed


def test_seed_means_the_same_forever():
    """Samples of today, kept: a new version must still make them."""
    scope = SimulatedScope(
        channels=2, trcs=1, segments=2, samples=70_000, signal="pulse", seed=2024
    )
    codes = scope.read(Box.whole(scope.spec.shape))
    assert codes[1, 0, 1, :4].tolist() == GOLDEN_CODES
    assert zlib.crc32(codes.astype("<i2").tobytes()) == GOLDEN_CRC


GOLDEN_CODES = [-1547, 650, 356, 455]
GOLDEN_CRC = 2422382453


# --- what is in it


def test_description():
    scope = SimulatedScope(channels=3, trcs=2, segments=2, samples=10, seed=3)
    spec = scope.spec
    assert spec.shape == (3, 2, 2, 10)
    assert spec.dtype == np.dtype("<i2")
    assert spec.interval == 2e-9
    assert spec.gains.shape == spec.offsets.shape == (3, 2)
    assert np.unique(spec.gains).size == np.unique(spec.offsets).size == 6
    assert (np.abs(spec.gains / 1e-4 - 1) <= 0.02 + 1e-6).all()
    assert (np.abs(spec.offsets + 0.2) <= 0.01 + 1e-6).all()
    np.testing.assert_array_equal(spec.gains, spec.gains.astype(np.float32))
    assert spec.attributes["generator"] == {
        "name": "simulated_scope",
        "signal": "sine",
        "seed": 3,
        "noise": 0.01,
        "gain": 1e-4,
    }


def test_defaults_are_the_documented_ones():
    assert SimulatedScope().spec.shape == (2, 1, 3, 100_000_000)


SHAPES = {
    "sine": lambda phase: 0.1 * np.sin(2 * np.pi * phase),
    "square": lambda phase: np.where(phase < 0.5, 0.1, -0.1),
    "sawtooth": lambda phase: 0.2 * phase - 0.1,
    "pulse": lambda phase: np.where(phase < 0.05, 0.2, 0.0),
}


@pytest.mark.parametrize("signal", SHAPES)
def test_signal_far_into_the_record(signal):
    scope = one_trace(2 * 10**10, signal=signal, noise=0.0, seed=8)
    for start in (1000, 480_000, 2_500_000, 7_300_000, 9_999_000_000, 19_999_990_000):
        index = np.arange(start, start + 5000)
        found = volts(scope, Box((0, 0, 0, start), (1, 1, 1, start + 5000)))[0, 0, 0]
        expected = SHAPES[signal](index % PERIOD / PERIOD) + drift(index)
        glitch = np.abs(found - expected) > 0.04
        assert glitch.sum() <= 3
        # Truncation toward zero: up to one code nearer to zero than the value.
        assert np.abs(found - expected)[~glitch].max() < 1.05e-4


def test_channels_are_shifted():
    scope = SimulatedScope(channels=4, segments=1, samples=1000, noise=0.0, signal="square", seed=2)
    levels = np.median(volts(scope), axis=3)[:, 0, 0] - 0.1
    np.testing.assert_allclose(levels, [0.0, 0.05, 0.10, 0.15], atol=1.05e-4)


def test_noise_is_white_and_normal():
    n = 490_000  # the pulse is 0.2 V so long, near code 0, so that a fine gain does not clip
    noise = volts(one_trace(n, signal="pulse", gain=1e-6, noise=0.002))[0, 0, 0]
    noise = noise - 0.2 - drift(np.arange(n))
    noise[EVENT] = 0
    noise = noise[np.abs(noise) < 0.02]  # without the three glitches
    assert noise.size > n - 5
    sigma = 0.002
    assert abs(noise.mean()) < 5 * sigma / math.sqrt(n)
    assert noise.std() == pytest.approx(sigma, rel=5 / math.sqrt(2 * n))
    z = noise / sigma
    assert abs((z**3).mean()) < 5 * math.sqrt(15 / n)
    assert (z**4).mean() == pytest.approx(3, abs=5 * math.sqrt(96 / n))
    normal = NormalDist()
    for x in (-4, -3, -2, -1, -0.5, 0, 0.1, 1, 2.5, 3.5):
        p = normal.cdf(x)
        assert (z < x).mean() == pytest.approx(p, abs=5 * math.sqrt(p * (1 - p) / n))
    for lag in (1, 2, 3, 4, 8, BLOCK):
        assert abs((z[lag:] * z[:-lag]).mean()) < 5 / math.sqrt(n)
    spectrum = np.abs(np.fft.rfft(z[: 1 << 18])) ** 2 / (1 << 18)
    bands = spectrum[1:].reshape(16, -1).mean(axis=1)
    np.testing.assert_allclose(bands, 1, rtol=0.08)


def test_noise_reaches_far():
    """The sum of two tables, each ending at 4.3 sigma, has the tails of a normal distribution."""
    n = 1 << 22
    codes = one_trace(n, signal="square").read(Box((0, 0, 0, 0), (1, 1, 1, n)))[0, 0, 0]
    z = (codes - np.median(codes)) / (0.01 / 1e-4)
    beyond = (np.abs(z) > 4.2).sum()
    assert beyond == pytest.approx(2 * NormalDist().cdf(-4.2) * n, rel=0.6)


def test_table_is_a_normal_distribution():
    table = normal_table(1.0)
    np.testing.assert_array_equal(table, -table[::-1])
    assert (np.diff(table) > 0).all()
    assert table.std(dtype=np.float64) == pytest.approx(1, abs=1e-6)
    assert NormalDist().inv_cdf(0.75) == pytest.approx(table[49152], abs=1e-3)


def test_bits_are_those_of_the_generator():
    """What other versions of numpy keep: the raw bits of SFC64 and the seeding."""
    seeded = np.random.SFC64(np.random.SeedSequence(9, spawn_key=(2, 0, 1, 2, 77)))
    expected = seeded.random_raw(3 * 251).view("<u2").reshape(3, 1004)
    np.testing.assert_array_equal(block_bits(9, (0, 1, 2), 77, 1003), expected)


def test_jitter_moves_edges():
    """The sample at an exact edge falls on either side of it, its neighbours never do."""
    edge = PERIOD // 2
    scope = one_trace(edge + 10, signal="square", noise=0.0, segments=400)
    around = volts(scope, Box((0, 0, 0, edge - 1), (1, 1, 400, edge + 2)))[0, 0]
    high = around > 0.005
    assert high[:, 0].all()
    assert not high[:, 2].any()
    assert 150 < high[:, 1].sum() < 250
    assert normal_table(0.05).std() == pytest.approx(0.05)


def test_three_glitches_a_segment():
    n_segments, n = 50, 100_000
    scope = one_trace(n, segments=n_segments, noise=0.0, signal="square")
    found = volts(scope)[0, 0] - 0.1
    spikes = found > 0.04
    assert (spikes.sum(axis=1) == 3).all()
    heights = found[spikes]
    assert heights.min() > 0.0499
    assert heights.max() < 0.1501
    assert heights.std() > 0.02
    where = np.nonzero(spikes)[1]
    assert where.min() < n / 10
    assert where.max() > n * 9 / 10


@pytest.mark.parametrize("n", [1, 2, 3])
def test_short_segments_hold_fewer_glitches(n):
    found = volts(one_trace(n, segments=20, noise=0.0))[0, 0]
    assert ((found > 0.04).sum(axis=1) <= n).all()
    assert ((found > 0.04).sum(axis=1) >= 1).all()


def test_event_is_where_it_should_be():
    box = Box((0, 0, 0, EVENT.start - 5), (1, 1, 1, EVENT.stop + 5))
    scope = one_trace(EVENT.stop + 5, signal="square", noise=0.0)
    found = volts(scope, box)[0, 0, 0] - 0.1 - drift(np.arange(EVENT.start - 5, EVENT.stop + 5))
    age_s = np.arange(125) * 2e-9
    expected = np.concatenate([np.zeros(5), -0.05 * np.exp(-age_s / 50e-9), np.zeros(5)])
    np.testing.assert_allclose(found, expected, atol=1.05e-4)


@pytest.mark.parametrize(("samples", "present"), [(EVENT.stop, True), (EVENT.stop - 1, False)])
def test_event_is_skipped_in_shorter_records(samples, present):
    box = Box((0, 0, 0, EVENT.start), (1, 1, 1, EVENT.start + 1))
    found = volts(one_trace(samples, signal="square", noise=0.0), box).item()
    assert (found < 0.06) == present


def test_codes_are_clipped():
    codes = one_trace(50_000, noise=3.0).read(Box((0, 0, 0, 0), (1, 1, 1, 50_000)))
    assert codes.min() == -32768
    assert codes.max() == 32767
    assert 0.1 < (codes == 32767).mean() < 0.3


def test_short_segments_are_cheap():
    """A segment of 100 samples does not cost a block of 65,536."""
    scope = one_trace(100, segments=2000)
    assert scope.read(Box.whole(scope.spec.shape)).shape == (1, 1, 2000, 100)
