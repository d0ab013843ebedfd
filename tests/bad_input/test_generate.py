"""The rows GEN-01 to GEN-05 and GEN-08 of the bad-input catalogue, at the level of the library."""

from __future__ import annotations

import math

import pytest

from pyramidion.core import UsageError, parse_count
from pyramidion.instruments import SimulatedScope


def refusal(id_, **options) -> str:
    with pytest.raises(UsageError) as caught:
        SimulatedScope(**options)
    assert caught.value.id == id_
    assert caught.value.status == 2
    return caught.value.line


@pytest.mark.parametrize("samples", [0, -1, 10**30, 2**40 + 1])
def test_gen_01_samples(samples):
    line = refusal("PYR-GEN-01", samples=samples)
    assert line == f"--samples: must be 1 to 2^40 ({samples})"


def test_gen_01_the_whole_is_limited_too():
    line = refusal("PYR-GEN-01", samples=2**40, segments=2**10)
    assert "more than 2^50 bytes in all" in line


@pytest.mark.parametrize("text", ["1e8.5", "1e8x", "1.5", "", "nan"])
def test_gen_02_and_03_not_a_whole_number(text):
    with pytest.raises(UsageError, match="--samples: not a whole number"):
        parse_count(text, "--samples")


def test_gen_04_signal():
    line = refusal("PYR-GEN-04", signal="triangel")
    assert line == "--signal: unknown (triangel): one of sine, square, sawtooth, pulse"


@pytest.mark.parametrize("option", ["channels", "segments", "trcs"])
@pytest.mark.parametrize("size", [0, -3])
def test_gen_05_sizes(option, size):
    assert refusal("PYR-GEN-05", **{option: size}) == f"--{option}: must be at least 1 ({size})"


def test_gen_05_too_many_traces():
    line = refusal("PYR-GEN-05", channels=2**16, trcs=2, segments=1, samples=1)
    assert "more than 2^16 channels and trcs" in line


@pytest.mark.parametrize("option", ["noise", "gain"])
@pytest.mark.parametrize("value", [math.nan, math.inf, -math.inf])
def test_gen_08_not_finite(option, value):
    line = refusal("PYR-GEN-08", **{option: value})
    assert line == f"--{option}: must be a finite number ({value})"


@pytest.mark.parametrize(("option", "value"), [("noise", -0.1), ("noise", 1e7), ("gain", 0.0)])
def test_gen_08_out_of_range(option, value):
    assert f"--{option}: must be" in refusal("PYR-GEN-08", **{option: value})


@pytest.mark.parametrize("seed", [-1, 2**53])
def test_gen_09_seed(seed):
    assert "--seed: must be 0 to 2^53 - 1" in refusal("PYR-GEN-09", seed=seed)
