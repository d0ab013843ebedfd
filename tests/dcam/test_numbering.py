"""Numbers of frames from stamps that wrap, are unknown, hide losses, or are not there."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pyramidion.core import Lost
from pyramidion.instruments._dcam.constants import UNKNOWN_STAMP
from pyramidion.instruments._dcam.numbering import Numbering, unwrapped


def numbered(frames, *, has_stamps=True):
    numbering = Numbering(has_stamps=has_stamps)
    return [numbering.take(index, stamp) for index, stamp in frames], numbering.lost


def test_frames_are_counted_from_zero_wherever_the_stamps_begin():
    assert numbered([(0, 77), (1, 78), (2, 79)]) == ([0, 1, 2], [])


def test_a_jump_of_the_stamp_is_a_loss_of_the_camera():
    assert numbered([(0, 5), (1, 9)]) == ([0, 4], [Lost(1, 3, "camera")])


def test_a_jump_of_the_count_is_a_loss_of_the_driver():
    assert numbered([(0, 0), (6, 6)]) == ([0, 6], [Lost(1, 5, "driver")])


def test_both_at_once():
    losses = [Lost(1, 5, "driver"), Lost(6, 2, "camera")]
    assert numbered([(0, 0), (6, 8)]) == ([0, 8], losses)


def test_frames_overwritten_before_the_first_fetch_are_counted():
    assert numbered([(4, 104)]) == ([4], [Lost(0, 4, "driver")])


def test_stamps_wrap():
    first = 2**32 - 3
    stamps = [(k, (first + n) & 0xFFFFFFFF) for k, n in enumerate([0, 1, 2, 3, 7])]
    assert numbered(stamps) == ([0, 1, 2, 3, 7], [Lost(4, 3, "camera")])


def test_an_unknown_stamp_loses_nothing():
    stamps = [(0, 10), (1, UNKNOWN_STAMP), (2, 12), (3, UNKNOWN_STAMP), (4, 16)]
    assert numbered(stamps) == ([0, 1, 2, 3, 6], [Lost(4, 2, "camera")])


def test_an_unknown_first_stamp():
    assert numbered([(0, UNKNOWN_STAMP), (1, 8), (2, 10)])[0] == [0, 1, 3]


def test_a_stamp_that_begins_again_loses_nothing():
    assert numbered([(0, 500), (1, 501), (2, 0), (3, 1), (4, 3)])[0] == [0, 1, 2, 3, 5]


def test_without_stamps_transfers_are_counted():
    assert numbered([(0, 9), (1, 9), (5, 9)], has_stamps=False) == ([0, 1, 5], [Lost(2, 3, "driver")])  # fmt: skip


@pytest.mark.parametrize("early", [True, False])
def test_a_report_that_the_stamps_show_counts_once(early):
    numbering = Numbering(has_stamps=True)
    numbers = [numbering.take(0, 0)]
    if early:
        numbering.report(1)
    numbers.append(numbering.take(1, 2))
    if not early:
        numbering.report(2)
    numbers += [numbering.take(k, k + 1) for k in range(2, 6)]
    assert numbers == [0, 2, 3, 4, 5, 6]
    assert numbering.lost == [Lost(1, 1, "camera")]


def test_a_report_long_before_the_stamps_show_it_counts_once():
    numbering = Numbering(has_stamps=True)
    numbering.report(0)
    numbers = [numbering.take(k, k if k < 5 else k + 3) for k in range(8)]
    assert sum(n for _, n, _ in numbering.lost) == 3
    assert numbers[5:] == [8, 9, 10]


def test_a_report_that_the_stamps_do_not_show_counts():
    numbering = Numbering(has_stamps=True)
    numbering.take(0, 0)
    numbering.report(1)
    assert [numbering.take(k, k) for k in (1, 2, 3)] == [1, 3, 4]
    assert numbering.lost == [Lost(2, 1, "camera")]


def test_a_report_without_stamps_counts_before_the_next_transfer():
    numbering = Numbering(has_stamps=False)
    numbering.take(0, 0)
    numbering.report(2)
    assert [numbering.take(k, 0) for k in (1, 2)] == [1, 3]
    assert numbering.lost == [Lost(2, 1, "camera")]


def test_a_report_behind_the_last_frame_counts_when_nothing_follows():
    numbering = Numbering(has_stamps=True)
    numbering.take(0, 0)
    numbering.report(1)
    numbering.settle()
    numbering.settle()
    assert numbering.lost == [Lost(1, 1, "camera")]
    assert numbering.take(1, 2) == 2, "and not again when a frame follows after all"
    assert numbering.lost == [Lost(1, 1, "camera")]


@given(
    first=st.integers(0, UNKNOWN_STAMP - 1),
    steps=st.lists(st.tuples(st.integers(0, 30), st.integers(0, 30)), max_size=60),
)
def test_numbers_and_losses_make_up_every_frame(first, steps):
    """Each step: frames lost by the camera, then transfers overwritten, before the next fetch."""
    numbering = Numbering(has_stamps=True)
    numbers, number, index = [numbering.take(0, first)], 0, 0
    for by_camera, skipped in steps:
        number += by_camera + skipped + 1
        index += skipped + 1
        stamp = (first + number) & 0xFFFFFFFF
        if stamp == UNKNOWN_STAMP and by_camera:
            return  # a stamp that says nothing: what is lost shows one frame later
        numbers.append(numbering.take(index, stamp))
        assert numbers[-1] == number
    covered = numbers + [n for lost in numbering.lost for n in range(lost.first, lost.first + lost.n_frames)]  # fmt: skip
    assert sorted(covered) == list(range(number + 1))
    for reason, place in (("camera", 0), ("driver", 1)):
        told = sum(lost.n_frames for lost in numbering.lost if lost.reason == reason)
        assert told == sum(step[place] for step in steps)


def test_a_count_of_transfers_unwraps():
    total = 0
    for expected in (5, 2**31 - 1, 2**31 + 3, 2**32 - 1, 2**32 + 7):
        low = (expected + 2**31) % 2**32 - 2**31  # as a signed 32-bit number
        total = unwrapped(total, low)
        assert total == expected
