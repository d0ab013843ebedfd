"""Every format that reads passes the same tests; the list comes from the registry."""

from concurrent.futures import ThreadPoolExecutor

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from pyramidion.core import Box
from pyramidion.formats import example_codes, format_of_source, formats, open_source
from pyramidion.instruments import SimulatedScope
from pyramidion.workflows import ConvertOptions, convert, describe, verify

READERS = [f for f in formats() if f.open is not None]


@pytest.fixture(scope="module", params=READERS, ids=lambda f: f.name)
def example(request, tmp_path_factory):
    """A tiny dataset of the format, and the codes it holds."""
    path = request.param.example(tmp_path_factory.mktemp(request.param.name))
    return request.param, path, example_codes()


def test_is_recognised(example):
    found, path, _ = example
    assert format_of_source(path) is found
    assert found.summary
    assert found.suffixes


def test_reads_what_is_there(example):
    _, path, codes = example
    with open_source(path) as source:
        assert source.spec.shape == codes.shape
        assert source.spec.dtype == np.dtype("<i2")
        assert source.spec.gains.shape == source.spec.offsets.shape == codes.shape[:2]
        assert source.spec.interval > 0
        whole = source.read(Box.whole(codes.shape))
        assert whole.dtype == source.spec.dtype
        np.testing.assert_array_equal(whole, codes)


@settings(
    max_examples=40, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
@given(data=st.data())
def test_any_box_is_numpy(example, data):
    _, path, codes = example
    start = tuple(data.draw(st.integers(0, n - 1)) for n in codes.shape)
    stop = tuple(data.draw(st.integers(a + 1, n)) for a, n in zip(start, codes.shape, strict=True))
    with open_source(path) as source:
        np.testing.assert_array_equal(source.read(Box(start, stop)), codes[Box(start, stop).slices])


def test_reads_from_many_threads(example):
    _, path, codes = example
    boxes = [Box((c, 0, s, a), (c + 1, 1, s + 1, a + 17)) for c in range(2) for s in range(3) for a in range(0, 980, 49)]  # fmt: skip
    with open_source(path) as source, ThreadPoolExecutor(8) as pool:
        for box, read in zip(boxes, pool.map(source.read, boxes), strict=True):
            np.testing.assert_array_equal(read, codes[box.slices])


def test_closes_twice(example):
    _, path, _ = example
    source = open_source(path)
    source.close()
    source.close()


def test_is_described(example):
    found, path, codes = example
    report = describe(path)
    assert report["format"] == found.name
    assert tuple(report["shape"].values()) == codes.shape


def test_becomes_a_store_and_is_proved(example, tmp_path):
    _, path, codes = example
    report = convert(path, tmp_path / "w.zarr", ConvertOptions())
    assert report.spec.shape == codes.shape
    assert report.stream.bytes_read == codes.nbytes
    proof = verify(tmp_path / "w.zarr", path)
    assert proof.faults == []
    assert proof.samples == codes.size


def test_input_is_never_changed(example, tmp_path):
    from tests.helpers import tree_digest

    _, path, _ = example
    before = tree_digest(path.parent)
    convert(path, tmp_path / "w.zarr", ConvertOptions())
    assert tree_digest(path.parent) == before


def test_the_simulated_scope_is_a_source_too():
    scope = SimulatedScope(channels=2, trcs=1, segments=2, samples=200_001, seed=4)
    whole = scope.read(Box.whole(scope.spec.shape))
    assert whole.dtype == scope.spec.dtype
    part = Box((1, 0, 1, 65_000), (2, 1, 2, 140_000))
    np.testing.assert_array_equal(scope.read(part), whole[part.slices])
