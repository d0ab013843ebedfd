"""A part of an image: boxes, levels and time steps against plain numpy."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from pyramidion.core import Box, Closing, ImageLevel, ImageSpec, UsageError, image_axes
from pyramidion.workflows._selection import SelectedImage, parse_box, select


class Volume(Closing):
    """An image in memory, with a level of every second sample and one of averages."""

    fields = ("data",)

    def __init__(self, values, origin=(0, 0, 0), times=()):
        self.values = values
        self.spec = ImageSpec(
            image_axes(values.shape, (3.0, 2.0, 1.0), "um"),
            values.dtype,
            present="tzyx",
            times=times,
            origin=origin,
        )
        self.arrays = [values, values[:, :, ::2, ::2, ::2], halved(values)]
        two = (1.0, 1.0, 2.0, 2.0, 2.0)
        self.levels = (
            ImageLevel(values.shape),
            ImageLevel(self.arrays[1].shape, two),
            ImageLevel(self.arrays[2].shape, two, (0.0, 0.0, 0.5, 0.5, 0.5)),
        )
        self.block = values.shape

    def read(self, box, level=0):
        return self.arrays[level][box.slices]

    def notes(self):
        return ()


def halved(values):
    t, c, *zyx = values.shape
    shape = (t, c, *(-(-n // 2) for n in zyx))
    return np.arange(np.prod(shape)).reshape(shape).astype(values.dtype)


def volume(shape=(3, 1, 6, 7, 9), **kwargs):
    return Volume(np.arange(np.prod(shape)).reshape(shape).astype(np.uint16), **kwargs)


def whole(source):
    return source.read(Box.whole(source.spec.shape))


def test_nothing_asked_is_the_whole_image():
    assert select(volume()) is None


@pytest.mark.parametrize("text", ["2 5 1 6 0 3", "2,5,1,6,0,3", " 2, 5 1,6  0 3 "])
def test_both_ends_are_included(text):
    source = volume()
    part = SelectedImage(source, select(source, box=text))
    np.testing.assert_array_equal(whole(part), source.values[:, :, 0:4, 1:7, 2:6])
    assert part.spec.origin == (0, 1, 2)
    assert [axis.offset for axis in part.spec.axes[2:]] == [0.0, 2.0, 2.0]


def test_numbers_are_those_of_the_source():
    source = volume(origin=(10, 20, 30))
    part = SelectedImage(source, select(source, box="32 35 21 26 10 13"))
    np.testing.assert_array_equal(whole(part), source.values[:, :, 0:4, 1:7, 2:6])
    assert part.spec.origin == (10, 21, 32)


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("0 5 0 6", "6 numbers needed for 3 axes (got 4)"),
        ("", None),
        ("0 5 0 6 a b", "not whole numbers"),
        ("5 0 0 6 0 3", "x: first behind last"),
        ("0 8 0 6 1024 1024", "z 1024 outside 0..5"),
        ("0 9 0 6 0 5", "x 9 outside 0..8: use --clip"),
        ("-1 8 0 6 0 5", "x -1 outside 0..8"),
        ("0 8 0 6 0 99999999999999999999", "not whole numbers"),
    ],
)
def test_bad_boxes_are_refused(text, words):
    if words is None:
        assert select(volume(), box=text) is None
        return
    with pytest.raises(UsageError) as caught:
        select(volume(), box=text)
    assert words in caught.value.line


def test_clip_cuts_what_is_partly_outside():
    source = volume()
    assert parse_box("-5 100 0 6 2 99", source.spec, clip=True) == Box((2, 0, 0), (6, 7, 9))
    with pytest.raises(UsageError, match="z 6 outside"):
        parse_box("0 8 0 6 6 99", source.spec, clip=True)


@given(data=st.data())
def test_sampled_levels_hold_the_lattice_inside_the_box(data):
    source = volume()
    ends = []
    for n in (9, 7, 6):
        a = data.draw(st.integers(0, n - 1))
        ends.append((a, data.draw(st.integers(a, n - 1))))
    text = " ".join(f"{a} {b}" for a, b in ends)
    kept = [[i for i in range(a, b + 1) if i % 2 == 0] for a, b in ends]
    if not all(kept):
        with pytest.raises(UsageError, match="is not on level 1"):
            select(source, box=text, level=1)
        return
    part = SelectedImage(source, select(source, box=text, level=1))
    x, y, z = kept
    np.testing.assert_array_equal(whole(part), source.values[np.ix_(range(3), [0], z, y, x)])
    assert part.spec.axes[2].scale == 6.0
    assert part.spec.axes[2].offset == 3.0 * z[0]


def test_averaged_levels_hold_every_box_that_is_touched():
    source = volume()
    part = SelectedImage(source, select(source, box="1 4 2 3 5 5", level=2))
    np.testing.assert_array_equal(whole(part), source.arrays[2][:, :, 2:3, 1:2, 0:3])
    assert part.spec.axes[4].offset == 0.5


def test_times_are_what_the_source_calls_them():
    source = volume(times=(0, 5, 10))
    part = SelectedImage(source, select(source, times="10,0"))
    np.testing.assert_array_equal(whole(part), source.values[[0, 2]])
    assert part.spec.times == (0, 10)
    assert select(source, times="3:").times == (1, 2)
    for text, words in (("9", "9 not in the dataset (0 to 10)"), ("a", "not time steps")):
        with pytest.raises(UsageError) as caught:
            select(source, times=text)
        assert words in caught.value.line


def test_levels_outside_the_pyramid_are_refused():
    with pytest.raises(UsageError, match=r"--level: 0 to 2 \(9\)"):
        select(volume(), level=9)
