"""What happens between this computer and the store: it arrives whole, or nothing is published."""

import time
from dataclasses import replace

import pytest
from tests.object_store.faults import PASSING, Fault, Plan, Rule
from tests.transfer.trees import QUICK, ROOT, make_store, send

from pyramidion.core import DamagedError, PyramidionError, StorageError
from pyramidion.transfer import UploadOptions, read_manifest
from pyramidion.transfer._stores import Stores

UNSIGNED = {"without_checksums": True}


@pytest.fixture
def folder(tmp_path):
    return tmp_path / "x.zarr"


@pytest.fixture
def reached(remote):
    """The same proxies, once the store is known to be there."""

    def make(plan=None, seed=0):
        there = remote(plan, seed)
        there.proxy.faults_on = False
        list(there.destination.parent.iterdir())
        there.proxy.log.clear()
        there.proxy.faults_on = True
        return there

    return make


@pytest.mark.parametrize("seed", range(3))
def test_a_fifth_of_the_requests_fails(folder, reached, seed):
    """UPL-06."""
    contents = make_store(folder, n_chunks=60, size=20_000)
    there = reached(Plan.mixed(0.2, delay_s=0.05), seed)
    report = send(folder, there.destination, replace(QUICK, verify=True))
    there.proxy.faults_on = False
    assert there.stored() == contents
    assert report.verified == len(contents)
    assert 5 < report.retries < 60
    n_bytes = sum(there.proxy.bytes_received().values())
    assert n_bytes < 1.5 * sum(map(len, contents.values()))
    assert len(there.proxy.log) < 2.5 * len(contents) + 30


@pytest.mark.parametrize("fault", [f for f in PASSING if f is not Fault.ERROR_IN_200])
def test_each_fault_of_every_first_request(folder, reached, fault):
    contents = make_store(folder, n_chunks=4)
    rules = [
        Rule(fault, method, path, {1})
        for path in ("list-type", "0/c/0", "0/c/1", "zarr.json", "manifest")
        for method in ("GET", "PUT")
    ]
    there = reached(Plan(rules=tuple(rules), delay_s=0.05))
    report = send(folder, there.destination)
    there.proxy.faults_on = False
    assert there.stored() == contents
    assert report.retries <= 10


def test_errors_for_ever(folder, reached, tmp_path):
    """UPL-07."""
    make_store(folder, n_chunks=20)
    rule = Rule(Fault.INTERNAL_ERROR, "PUT", "0/c/3/0")
    there = reached(Plan(rules=(rule,)))
    began = time.monotonic()
    with pytest.raises(StorageError, match=r"stopped after \d+ of 23 objects") as caught:
        send(folder, there.destination, UploadOptions(retry_time_s=3.0))
    assert time.monotonic() - began < 10
    assert (caught.value.id, caught.value.mend) == ("PYR-UPL-07", "run again to go on")
    assert "InternalError" in caught.value.line
    assert len(there.proxy.puts()) > 15
    assert max(there.proxy.puts().values()) < 12
    there.proxy.faults_on = False
    assert ROOT not in there.stored()
    n_kept = len(read_manifest(tmp_path / ".x.zarr.manifest.jsonl").entries)
    there.proxy.log.clear()
    report = send(folder, there.destination)
    assert report.unchanged == n_kept > 10
    assert len(there.puts()) == 23 - n_kept


def test_a_third_of_the_bodies_arrives_with_a_flipped_bit(folder, reached):
    contents = make_store(folder, n_chunks=60, size=20_000)
    there = reached(Plan({Fault.FLIPPED_REQUEST: 0.3}, **UNSIGNED))
    report = send(folder, there.destination)
    there.proxy.faults_on = False
    assert there.stored() == contents
    assert report.damaged > 5


@pytest.mark.parametrize("path", ["/c/", "x.zarr/0/c/4/0"])
def test_arrives_damaged_always(folder, reached, path):
    """UPL-08: everything, or one object alone."""
    make_store(folder)
    there = reached(Plan(rules=(Rule(Fault.FLIPPED_REQUEST, "PUT", path),), **UNSIGNED))
    with pytest.raises(DamagedError, match="arrived damaged 3 times: nothing published") as caught:
        send(folder, there.destination)
    assert caught.value.id == "PYR-UPL-08"
    there.proxy.faults_on = False
    assert ROOT not in there.stored()


def test_damaged_root_is_sent_again(folder, reached):
    contents = make_store(folder)
    rule = Rule(Fault.FLIPPED_REQUEST, "PUT", "x.zarr/zarr.json", {1, 2})
    there = reached(Plan(rules=(rule,), **UNSIGNED))
    assert send(folder, there.destination).damaged == 2
    assert there.stored() == contents


def test_what_no_repetition_mends(folder, reached):
    make_store(folder)
    there = reached(Plan(rules=(Rule(Fault.FORBIDDEN, "PUT"),)))
    with pytest.raises(PyramidionError) as caught:
        send(folder, there.destination)
    assert "\n" not in caught.value.line
    assert sum(there.proxy.puts().values()) == 1


def test_missing_bucket(folder, remote):
    """UPL-03."""
    make_store(folder)
    there = remote()
    with pytest.raises(StorageError, match="no such bucket") as caught:
        send(folder, there.destination.parent.parent / "missing-bucket" / "k")
    assert caught.value.status == 1
    assert there.proxy.puts() == {}


@pytest.mark.slow
@pytest.mark.parametrize("seed", range(6))
def test_real_server_a_fifth_of_the_requests_fails(folder, real_remote, seed):
    contents = make_store(folder, n_chunks=150, size=60_000)
    big = bytes(range(256)) * 2**16  # 16 MiB, in parts of 5
    (folder / "0/c/big").write_bytes(big)
    contents["0/c/big"] = big
    there = real_remote(Plan.mixed(0.2, delay_s=0.2), seed)
    there.proxy.faults_on = False
    list(there.destination.parent.iterdir())
    there.proxy.faults_on = True
    report = send(folder, there.destination, replace(QUICK, verify=True, bytes_in_flight=2**23))
    there.proxy.faults_on = False
    assert there.stored() == contents
    assert report.verified == len(contents)
    assert sum(there.proxy.bytes_received().values()) < 1.5 * sum(map(len, contents.values()))
    assert len(there.proxy.log) < 3 * len(contents)
    assert there.server.unfinished(there.bucket) == []
    assert report.notes == ()


@pytest.mark.slow
def test_real_server_bits_flipped(folder, real_remote):
    """The server may check or not: what is published is right."""
    contents = make_store(folder, n_chunks=100, size=20_000)
    there = real_remote(Plan({Fault.FLIPPED_REQUEST: 0.3}))
    report = send(folder, there.destination)
    there.proxy.faults_on = False
    assert there.stored() == contents
    assert report.damaged > 5


@pytest.mark.slow
def test_stalled_answer_is_not_waited_for_for_ever(folder, reached):
    contents = make_store(folder, n_chunks=4)
    there = reached(Plan(rules=(Rule(Fault.STALLED_ANSWER, "PUT", "0/c/1", {1}),)))
    began = time.monotonic()
    send(folder, there.destination)
    assert time.monotonic() - began < 60
    there.proxy.faults_on = False
    assert there.stored() == contents


@pytest.mark.slow
def test_all_answers_stall(folder, reached):
    """Every connection runs out of time at once: none is given the time of sixteen slow lines."""
    make_store(folder, n_chunks=20, size=100_000)
    there = reached(Plan(rules=(Rule(Fault.STALLED_ANSWER, "PUT", "/c/"),)))
    began = time.monotonic()
    with pytest.raises(StorageError) as caught:
        send(folder, there.destination, replace(QUICK, retry_time_s=5))
    assert caught.value.id == "PYR-UPL-07"
    assert time.monotonic() - began < 90


@pytest.mark.parametrize(
    ("patience_s", "n_bytes", "most_s"), [(20, 300_000, 60), (300, 2**20, 300)]
)
def test_time_for_a_request_is_bounded(remote, patience_s, n_bytes, most_s):
    stores = Stores(remote().destination)
    stores.patience_s = patience_s
    for _ in range(16):
        stores.slower(0)
    assert stores.slowness == 1
    for slowness in range(1, 9):
        stores.slower(slowness)
    options = stores.connection.write_options(stores.planned_bytes(n_bytes))
    first = stores.connection.write_options(n_bytes)
    told, at_first = (float(o["read_timeout"].removesuffix("s")) for o in (options, first))
    assert at_first <= told <= most_s
