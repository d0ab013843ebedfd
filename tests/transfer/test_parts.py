"""Pieces, checksums and bounds, for any size."""

import hashlib
import threading

from hypothesis import example, given
from hypothesis import strategies as st

from pyramidion.transfer._buffers import Buffers
from pyramidion.transfer._byte_budget import ByteBudget
from pyramidion.transfer._parts import (
    LARGEST_OBJECT,
    MIB,
    Checksum,
    checksum,
    pieces_of,
    possible_parts,
    ranges,
)

SIZES = st.integers(0, LARGEST_OBJECT) | st.integers(0, 200 * MIB)


@given(SIZES, st.integers(1, 2**34))
@example(LARGEST_OBJECT, 2**27)
@example(64 * MIB, 2**27)
@example(64 * MIB + 1, 2**27)
def test_pieces_that_every_store_takes(size, bound):
    pieces = pieces_of(size, bound)
    if pieces.part:
        n_parts = -(-size // pieces.part)
        assert 2 <= n_parts <= 10_000
        assert 5 * MIB <= pieces.part <= 5 * 2**30
        assert pieces.concurrent >= 1
        if pieces.part == 5 * MIB and bound >= 10 * MIB:
            assert pieces.cost <= bound
    else:
        assert size == pieces.cost <= max(bound, 5 * MIB)


@given(st.integers(0, 100 * MIB), st.sampled_from([1, 7, 5 * MIB, 16 * MIB]))
def test_ranges_cover_all_once(size, part):
    part = max(part, size // 1000 + 1)
    at = 0
    for offset, n_bytes in ranges(size, part):
        assert offset == at
        assert 0 < n_bytes <= part
        at += n_bytes
    assert at == size


@given(st.binary(max_size=300), st.integers(1, 40), st.lists(st.integers(1, 60), max_size=20))
def test_checksum_of_parts_in_any_pieces(data, part, lengths):
    """Against the definition; observed on servers in test_upload.py."""
    result, at = Checksum(part), 0
    for length in [*lengths, len(data)]:
        result.update(data[at : at + length])
        at += length
    digests = [hashlib.md5(data[n : n + part]).digest() for n in range(0, len(data), part)]
    expected = f"{hashlib.md5(b''.join(digests)).hexdigest()}-{len(digests)}"
    assert result.text() == expected == checksum(data, part)
    assert checksum(data) == hashlib.md5(data).hexdigest()


@given(st.integers(64 * MIB + 1, LARGEST_OBJECT))
def test_own_part_size_is_found_again(size):
    part = pieces_of(size, 2**27).part
    etag = f"{'0' * 32}-{-(-size // part)}"
    assert part in possible_parts(size, etag)


@given(st.text(max_size=40))
def test_other_tags_are_no_checksums(etag):
    assert possible_parts(100, etag) == []


def test_budget_is_kept_and_nobody_starves():
    budget, held, most, lock = ByteBudget(100), 0, 0, threading.Lock()

    def work(n_bytes):
        nonlocal held, most
        for _ in range(50):
            with budget.holding(n_bytes):
                with lock:
                    held += n_bytes
                    most = max(most, held)
                with lock:
                    held -= n_bytes

    threads = [threading.Thread(target=work, args=[n]) for n in (1, 10, 30, 60, 100, 250)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(30)
        assert not thread.is_alive()
    assert most in (100, 250) or most <= 100
    assert held == 0


@given(st.lists(st.tuples(st.integers(1, 60), st.booleans()), max_size=30))
def test_buffers_are_bounded_and_never_shared(wanted):
    buffers, held = Buffers(100), []
    for n_bytes, again in wanted:
        while held and sum(len(buffer) for buffer in held) + n_bytes > 100:
            buffers.give_back(held.pop(0), again=again)
        buffer = buffers.take(n_bytes)
        assert len(buffer) >= n_bytes
        assert all(buffer is not other for other in held)
        held.append(buffer)
    for buffer in held:
        buffers.give_back(buffer, again=True)


def test_buffer_that_may_still_be_sent_is_not_used_again():
    buffers = Buffers(100)
    first = buffers.take(50)
    buffers.give_back(first, again=False)
    second = buffers.take(50)
    assert second is not first
    buffers.give_back(second, again=True)
    assert buffers.take(50) is second
