"""An image to IDX and back by our own reader: the same voxels, and the same words about them."""

import itertools

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from tests.formats.idx_written import ArrayImage, write_idx

from pyramidion.core import Axis, Box, Channel, image_axes
from pyramidion.formats import OpenOptions
from pyramidion.formats.idx import open_idx

DTYPES = ["uint8", "int8", "uint16", "int16", "uint32", "int32", "uint64", "int64", "float32", "float64"]  # fmt: skip


def voxels(shape, dtype="uint8", seed=0):
    rng = np.random.default_rng(seed)
    if np.dtype(dtype).kind == "f":
        return rng.standard_normal(shape).astype(dtype)
    limits = np.iinfo(dtype)
    return rng.integers(limits.min, limits.max, shape, dtype, endpoint=True)


def check(path, source, field=None):
    """Compare all levels, and everything that the image says."""
    with open_idx(path, OpenOptions(field=field)) as found:
        whole = Box.whole(found.spec.shape)
        np.testing.assert_array_equal(found.read(whole), source.voxels)
        for number, level in enumerate(found.levels):
            steps = tuple(
                slice(int(first), None, int(step))
                for first, step in zip(level.shift, level.factors, strict=True)
            )
            coarse = found.read(Box.whole(level.shape), number)
            np.testing.assert_array_equal(coarse, source.voxels[steps])
        assert found.notes() == ()
        for name in ("axes", "dtype", "name", "times", "origin", "attributes", "is_rgb"):
            assert getattr(found.spec, name) == getattr(source.spec, name), name
        return found.spec


@pytest.mark.parametrize("arco", [None, 0, 1024])
@pytest.mark.parametrize("codec", ["zip", "lz4", "raw"])
@pytest.mark.parametrize("dtype", DTYPES)
def test_types(tmp_path, dtype, codec, arco):
    source = ArrayImage(voxels((1, 1, 7, 20, 15), dtype))
    check(write_idx(tmp_path / "a.idx", source, arco=arco, compression=codec), source)


@pytest.mark.parametrize("arco", [None, 0])
def test_everything_that_is_said(tmp_path, arco):
    shape = (3, 4, 5, 20, 30)
    axes = (
        Axis("t", 3, "s", 0.25),
        *image_axes(shape, (2.5, 0.5, 0.25), "um", offset=(-1.0, 4.0, 0.0))[1:],
    )
    one = ArrayImage(
        voxels(shape, "uint16"),
        name="one",
        axes=axes,
        channels=tuple(Channel(f"dye {n}", "ff00ff", (0.0, 100.0 + n)) for n in range(4)),
        times=(0, 5, 20),
        origin=(3, 0, 7),
        attributes={"sample": "a brain", "nested": {"a": [1]}, "odd": "a # b"},
    )
    two = ArrayImage(voxels(shape, "float32"), name="two", axes=axes, times=(0, 5, 20), origin=(3, 0, 7), attributes=one.spec.attributes)  # fmt: skip
    path = write_idx(tmp_path / "a.idx", one, two, arco=arco)
    assert check(path, one, "one").channels == one.spec.channels
    check(path, two, "two")


@pytest.mark.parametrize("channels", [3, 4])
@pytest.mark.parametrize("is_rgb", [True, False])
def test_colours(tmp_path, channels, is_rgb):
    source = ArrayImage(voxels((1, channels, 1, 20, 30)), is_rgb=is_rgb)
    assert check(write_idx(tmp_path / "a.idx", source), source).present == "cyx"


@settings(max_examples=15)
@given(
    shape=st.tuples(st.integers(1, 2), st.integers(1, 2), *[st.integers(1, 13)] * 3),
    origin=st.tuples(*[st.integers(0, 20)] * 3),
    arco=st.sampled_from([0, 100, 1000]),
    box=st.tuples(*[st.tuples(st.integers(0, 12), st.integers(1, 12))] * 3),
)
def test_any_box(tmp_path_factory, shape, origin, arco, box):
    source = ArrayImage(voxels(shape, "int16"), origin=origin)
    path = write_idx(tmp_path_factory.mktemp("idx") / "a.idx", source, arco=arco)
    check(path, source)
    start = (0, 0, *(min(a, n - 1) for (a, _), n in zip(box, shape[2:], strict=True)))
    size = (*shape[:2], *(n for _, n in box))
    part = Box(start, tuple(itertools.starmap(int.__add__, zip(start, size, strict=True))))
    part = part.clipped(shape)
    with open_idx(path, OpenOptions()) as found:
        np.testing.assert_array_equal(found.read(part), source.voxels[part.slices])


def test_written_from_what_was_read(tmp_path):
    """Another block size is a copy of the dataset: the same in every word."""
    shape = (2, 1, 5, 20, 30)
    axes = image_axes(shape, (2.5, 0.5, 0.25), "um")
    source = ArrayImage(voxels(shape), axes=axes, times=(0, 7), attributes={"sample": "x"})
    path = write_idx(tmp_path / "a.idx", source, arco=0)
    with open_idx(path, OpenOptions()) as found:
        copy = write_idx(tmp_path / "b.idx", found, arco=512)
    spec = check(copy, source)
    with open_idx(path, OpenOptions()) as found:
        assert spec == found.spec


def test_voxels_of_one_millimetre_keep_their_unit(tmp_path):
    """Their physical box equals the box, which of other writers means that nothing is known."""
    shape = (1, 1, 3, 5, 7)
    source = ArrayImage(voxels(shape), axes=image_axes(shape, (1.0, 1.0, 1.0), "mm"))
    write_idx(tmp_path / "v.idx", source)
    check(tmp_path / "v.idx", source)
