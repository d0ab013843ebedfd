"""Work for clients that leave: what has not begun never begins."""

from __future__ import annotations

import asyncio
import threading

import pytest

from pyramidion.server._daemon_threads import DaemonThreads
from pyramidion.server._work import N_THREADS, ClientGoneError, Work, stop_if


async def stays():
    await asyncio.sleep(60)
    return {"type": "http.disconnect"}


async def leaves():
    return {"type": "http.disconnect"}


@pytest.fixture
def work():
    work = Work()
    yield work
    work.close()


def test_result_and_fault(work):
    def fail(_left):
        raise ValueError("no")

    assert asyncio.run(work.run(stays, lambda _left: 7)) == 7
    with pytest.raises(ValueError, match="no"):
        asyncio.run(work.run(stays, fail))


def test_what_waits_is_given_up(work):
    begun, may_end = [], threading.Event()

    def occupy(_left):
        may_end.wait(20)

    def begin(left):
        stop_if(left)
        begun.append(left)

    async def main():
        busy = [asyncio.ensure_future(work.run(stays, occupy)) for _ in range(N_THREADS)]
        await asyncio.sleep(0.1)
        for _ in range(5):
            with pytest.raises(ClientGoneError):
                await work.run(leaves, begin)
        may_end.set()
        await asyncio.gather(*busy)
        assert await work.run(stays, lambda _left: "still working") == "still working"

    asyncio.run(main())
    assert begun == []


def test_what_runs_is_told(work):
    begun, told = threading.Event(), threading.Event()

    async def leaves_later():
        await asyncio.to_thread(begun.wait, 20)
        return await leaves()

    def look(left):
        begun.set()
        assert left.wait(20)
        told.set()
        stop_if(left)

    async def main():
        with pytest.raises(ClientGoneError):
            await work.run(leaves_later, look)
        await asyncio.to_thread(told.wait, 20)

    asyncio.run(main())
    assert told.is_set()


def test_never_more_at_once_than_threads(work):
    lock, now, most = threading.Lock(), 0, 0

    def count(_left):
        nonlocal now, most
        with lock:
            now += 1
            most = max(most, now)
        threading.Event().wait(0.01)
        with lock:
            now -= 1

    async def main():
        await asyncio.gather(*(work.run(stays, count) for _ in range(40)))

    asyncio.run(main())
    assert most <= N_THREADS


def test_threads_that_are_not_waited_for():
    threads = DaemonThreads(3, "test")
    gate = threading.Event()
    held = [threads.submit(gate.wait, 10) for _ in range(3)]
    waiting = threads.submit(abs, -1)
    assert not waiting.done()
    fault = threads.submit(int, "x")
    gate.set()
    assert [each.result(10) for each in held] == [True] * 3
    assert waiting.result(10) == 1
    with pytest.raises(ValueError):
        fault.result(10)
    gate.clear()
    held = [threads.submit(gate.wait, 10) for _ in range(3)]
    given_up = threads.submit(abs, -1)
    threads.shutdown(wait=False, cancel_futures=True)
    assert given_up.cancelled()
    with pytest.raises(RuntimeError):
        threads.submit(abs, -1)
    gate.set()
    threads.shutdown()
    assert not [each for each in threading.enumerate() if each.name.startswith("test_")]
