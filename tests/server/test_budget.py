"""What all answers together may cost, and what one may."""

from __future__ import annotations

import asyncio
import statistics
import subprocess
import sys
import threading
import time
from pathlib import Path
from urllib.parse import urlencode

import numpy as np
import pytest
from tests.server.http import Client
from tests.server.images import voxels_of

from pyramidion.server import ServerSettings, build_app, serve_background
from pyramidion.server._budget import MAX_BYTES, SMALL_BYTES, Allowance, Budget, in_pieces
from pyramidion.server._errors import BusyError, TooLargeError
from pyramidion.server._work import ClientGoneError

MIB = 2**20


def test_large_answers_wait_for_each_other():
    budget = Budget(100 * MIB, 20 * MIB, wait_s=5)
    most, order = 0, []

    async def one(number):
        nonlocal most
        async with budget.hold(40 * MIB):
            order.append(number)
            most = max(most, budget.n_bytes)
            await asyncio.sleep(0.01)

    async def main():
        await asyncio.gather(*map(one, range(7)))

    asyncio.run(main())
    assert most == 80 * MIB
    assert order == list(range(7))
    assert budget.n_bytes == 0


def test_who_waits_too_long_is_told_to_come_back():
    budget = Budget(100 * MIB, 20 * MIB, wait_s=0.05)

    async def main():
        async with budget.hold(10**12):  # more than there is: alone
            assert budget.n_bytes == 80 * MIB
            with pytest.raises(BusyError) as told:
                async with budget.hold(SMALL_BYTES + 1):
                    pass
            async with budget.hold(SMALL_BYTES):  # small ones have room of their own
                pass
        async with budget.hold(SMALL_BYTES + 1):
            pass
        return told.value

    error = asyncio.run(main())
    assert dict(error.headers) == {b"retry-after": b"2"}
    assert budget.n_bytes == 0


def test_cancelled_and_failed_answers_give_everything_back():
    budget = Budget(100 * MIB, 20 * MIB, wait_s=5)

    async def fail():
        async with budget.hold(50 * MIB):
            raise ValueError

    async def wait():
        async with budget.hold(50 * MIB):
            await asyncio.sleep(60)

    async def main():
        with pytest.raises(ValueError):
            await fail()
        tasks = [asyncio.ensure_future(wait()) for _ in range(5)]
        await asyncio.sleep(0.01)
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
        async with budget.hold(80 * MIB):
            pass

    asyncio.run(main())
    assert budget.n_bytes == 0


@pytest.mark.parametrize("n_bytes", [SMALL_BYTES, 100 * MIB])
def test_who_waits_for_a_store_takes_nothing_from_the_others(n_bytes):
    budget = Budget(wait_s=0.2, small_wait_s=0.2)

    async def wait():
        async with budget.hold(n_bytes, travels=True):
            await asyncio.sleep(60)

    async def main():
        tasks = [asyncio.ensure_future(wait()) for _ in range(50)]
        await asyncio.sleep(0.01)
        assert budget.n_bytes == 64 * MIB
        async with budget.hold(192 * MIB), budget.hold(SMALL_BYTES):
            assert budget.n_bytes == (64 + 192 + 8) * MIB
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)

    asyncio.run(main())
    assert budget.n_bytes == 0


def test_answers_from_one_plane_take_turns():
    budget = Budget()
    now = most = 0

    async def one():
        nonlocal now, most
        async with budget.hold(SMALL_BYTES + 1, key="plane"):
            now += 1
            most = max(most, now)
            await asyncio.sleep(0.001)
            now -= 1

    async def main():
        await asyncio.gather(*(one() for _ in range(9)))

    asyncio.run(main())
    assert most == 1


@pytest.mark.parametrize("n_bytes", [0, 1, 2**20, 2**20 + 1, 5 * 2**20 + 7])
def test_large_body_is_sent_in_pieces(n_bytes):
    content = np.random.default_rng(1).bytes(n_bytes)
    sent = []

    async def send(message):
        sent.append(message)

    async def main():
        await in_pieces(send)({"type": "http.response.start", "status": 200, "headers": []})
        await in_pieces(send)({"type": "http.response.body", "body": content})

    asyncio.run(main())
    assert b"".join(bytes(message["body"]) for message in sent[1:]) == content
    assert max(len(message["body"]) for message in sent[1:]) <= 2**20
    assert [message.get("more_body", False) for message in sent[1:]] == [True] * (len(sent) - 2) + [
        False
    ]


def test_time_of_an_answer():
    left = threading.Event()
    Allowance(left).look()
    with pytest.raises(TooLargeError, match="more than 0 s of work"):
        Allowance(left, cpu_s=0).look()
    with pytest.raises(TooLargeError):
        Allowance(left, wall_s=0).look()
    left.set()
    with pytest.raises(ClientGoneError):
        Allowance(left).look()


@pytest.fixture(scope="module")
def volume(tmp_path_factory):
    """2^25 samples, twice the most of one answer; and a small picture beside it."""
    folder = tmp_path_factory.mktemp("volume")
    np.save(folder / "v.npy", voxels_of((128, 512, 512)))
    np.save(folder / "small.npy", voxels_of((64, 64)))
    return folder


def largest(z=0, **further):
    box = f"0 511 0 511 {z} {z + 63}"
    return "/mod_visus?" + urlencode({"action": "boxquery", "dataset": "v.npy", "box": box, **further})  # fmt: skip


def test_box_read_in_slabs_is_the_box(volume):
    whole = np.load(volume / "v.npy")
    settings = ServerSettings(port=0)
    with (
        serve_background(build_app([volume / "v.npy"], settings), settings) as url,
        Client(url) as client,
    ):
        answer = client.get(largest(z=7))
        np.testing.assert_array_equal(
            np.frombuffer(answer.body, "<u2").reshape(64, 512, 512), whole[7:71]
        )
        odd = client.get(largest(z=3, toh=23))  # coarser along one axis, from an odd start
        counts = [int(n) for n in odd["visus-nsamples"].split()]
        steps = [512 // counts[0], 512 // counts[1], round(64 / counts[2])]
        first = -(-3 // steps[2]) * steps[2]
        wanted = whole[first : 67 : steps[2], :: steps[1], :: steps[0]]
        np.testing.assert_array_equal(np.frombuffer(odd.body, "<u2").reshape(wanted.shape), wanted)
        painted = client.get(largest(z=7, palette="gray", palette_min=0, palette_max=65535))
        colours = np.frombuffer(painted.body, "u1").reshape(64, 512, 512, 4)
        np.testing.assert_array_equal(
            colours[..., 0], np.rint(whole[7:71] / 65535 * 255).astype(np.uint8)
        )
        assert client.get(largest(z=0).replace("63", "64")).status == 413


def high_water(pid):
    lines = Path(f"/proc/{pid}/status").read_text().splitlines()
    return next(int(line.split()[1]) * 1024 for line in lines if line.startswith("VmHWM"))


def ask_once(url, path, results):
    begin = time.monotonic()
    with Client(url) as client:
        answer = client.get(path)
    results.append((answer.status, time.monotonic() - begin, answer["retry-after"]))


def timed(url, path):
    begin = time.monotonic()
    with Client(url) as client:
        assert client.get(path).status == 200
    return time.monotonic() - begin


@pytest.mark.slow
@pytest.mark.skipif(sys.platform != "linux", reason="reads /proc")
def test_two_hundred_of_the_largest(volume):
    """Memory stays within the limit, the rest is told to come back, small answers stay quick."""
    program = (
        "import sys; from pyramidion.server import ServerSettings, build_app, run;"
        "s = ServerSettings(port=0);"
        "run(build_app([*map(__import__('pathlib').Path, sys.argv[1:])], s), s,"
        " lambda url: print(url, flush=True))"
    )
    command = [sys.executable, "-c", program, volume / "v.npy", volume / "small.npy"]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as process:
        try:
            url = process.stdout.readline().strip()
            check_load(url, process.pid)
        finally:
            process.terminate()


def check_load(url, pid):
    small = "/zarr/small.npy/0/c/0/0"
    with Client(url) as client:
        for path in (small, largest()):
            assert client.get(path).status == 200
    idle = high_water(pid)
    alone = [timed(url, small) for _ in range(50)]
    results, waits = [], []
    threads = [
        threading.Thread(target=ask_once, args=(url, largest(z=k % 64), results))
        for k in range(200)
    ]
    for thread in threads:
        thread.start()
    while any(thread.is_alive() for thread in threads):
        waits.append(timed(url, small))
    statuses = [status for status, _, _ in results]
    assert len(statuses) == 200
    assert set(statuses) == {200, 503}
    assert all(retry == "2" for status, _, retry in results if status == 503)
    p99 = statistics.quantiles(waits, n=100, method="inclusive")[-1]  # no longer than the longest
    grown = high_water(pid) - idle
    assert grown < MAX_BYTES, grown
    assert p99 < 0.2 + 4 * max(alone), p99  # the machine may be busy with other things
