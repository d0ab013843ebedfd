"""Whose a place is, what may be replaced, and that nothing of what was there stays in between."""

import itertools
import signal
import subprocess
import sys
import threading
import time
from dataclasses import replace
from pathlib import Path

import pytest
from tests.object_store.faults import Fault, Plan, Rule
from tests.transfer.trees import QUICK, ROOT, make_store, send

from pyramidion.core import DamagedError, PyramidionError, StorageError, UsageError
from pyramidion.storage import bucket_of, place
from pyramidion.transfer import (
    ROOT_WAVE,
    Uploader,
    is_metadata,
    read_stored_manifest,
    scan_tree,
    upload_tree,
)
from pyramidion.transfer import _claim as claims
from pyramidion.transfer._aside import Watch, aside
from pyramidion.transfer._neighbours import nested_places, not_replaceable

OVERWRITE = replace(QUICK, overwrite=True)
PROGRAM = Path(__file__).with_name("interrupted.py")
_numbers = itertools.count()


@pytest.fixture
def bucket():
    """A bucket in memory that nobody else uses."""
    return Memory(f"memory://place-{next(_numbers)}")


@pytest.fixture
def looks_always(monkeypatch):
    """The claim is read before every request."""
    monkeypatch.setattr(claims, "_LOOK_S", 0.0)


class Memory:
    """A bucket, and who looks into it without our program."""

    def __init__(self, url):
        self.url = url
        self.bucket = bucket_of(place(f"{url}/x"))

    def at(self, key):
        return place(f"{self.url}/{key}")

    def put(self, objects, prefix="x.zarr"):
        for key, data in objects.items():
            self.bucket.put(f"{prefix}/{key}", data)

    def stored(self, prefix="x.zarr", manifests=False):
        return {
            found.key.removeprefix(f"{prefix}/"): bytes(self.bucket.get(found.key))
            for found in self.bucket.objects(prefix)
            if manifests or not found.key.endswith(".manifest.json")
        }


def begin(folder, destination, options=QUICK, *, n_files=None, journal=None):
    """Send the data of a store, but nothing that describes them, and end."""
    tree = scan_tree(folder)
    keys = {file.key for file in tree.files}
    with Uploader(destination, options, journal, expected=keys) as uploader:
        for file in [file for file in tree.files if not file.wave][:n_files]:
            uploader.send(file)
        uploader.drain()


def repeat(check, for_s=20):
    """Call again and again, until it raises."""
    until = time.monotonic() + for_s
    while time.monotonic() < until:
        check()
        time.sleep(0.01)


def sparse(folder, seed=1):
    """A store that has fewer chunks than the others: readers fill in what is not there."""
    return make_store(folder, n_chunks=2, seed=seed)


# What is read back, or removed here, is compared by its content.


def test_nothing_that_is_verified_is_taken_by_its_size(tmp_path, bucket):
    """What has the right size there, but other bytes, is sent, not removed here as verified."""
    contents = make_store(tmp_path / "x.zarr")
    bucket.put({key: b"x" * len(data) for key, data in contents.items()})
    options = replace(QUICK, size_only=True, verify=True)
    report = send(tmp_path / "x.zarr", bucket.at("x.zarr"), options)
    assert (report.sent, report.verified) == (len(contents), len(contents))
    assert bucket.stored() == contents


def test_what_was_taken_by_its_size_is_listed(tmp_path, bucket):
    contents = make_store(tmp_path / "x.zarr")
    bucket.put({key: b"x" * len(data) for key, data in contents.items() if "/c/" in key})
    url = bucket.at("x.zarr")
    send(tmp_path / "x.zarr", url, replace(QUICK, size_only=True))
    told = read_stored_manifest(url)
    assert {key: entry.size for key, entry in told.entries.items()} == {
        key: len(data) for key, data in contents.items()
    }
    # The next run that is asked to prove it does not rely on what that one wrote down.
    assert send(tmp_path / "x.zarr", url, replace(QUICK, verify=True)).verified == len(contents)
    assert bucket.stored() == contents


def test_what_nobody_knows_is_not_said_to_be_verified(tmp_path, bucket, monkeypatch):
    make_store(tmp_path / "x.zarr")
    from pyramidion.transfer._session import Session

    monkeypatch.setattr(Session, "stored", lambda *_: None)
    with pytest.raises(DamagedError, match="is not known to be in the store") as told:
        send(tmp_path / "x.zarr", bucket.at("x.zarr"))
    assert told.value.id == "PYR-UPL-52"
    assert ROOT not in bucket.stored()


# Nothing of what is replaced stays.


@pytest.mark.parametrize("is_ours", [True, False])
def test_replaced(tmp_path, bucket, is_ours):
    """A chunk that the new store does not have is a hole there, not a chunk of the old one."""
    old = make_store(tmp_path / "a/x.zarr")
    new = sparse(tmp_path / "b/x.zarr")
    if is_ours:
        send(tmp_path / "a/x.zarr", bucket.at("x.zarr"))
    else:
        bucket.put(old)
    with pytest.raises(UsageError, match="holds another dataset"):
        send(tmp_path / "b/x.zarr", bucket.at("x.zarr"))
    assert bucket.stored() == old
    dry = send(tmp_path / "b/x.zarr", bucket.at("x.zarr"), replace(OVERWRITE, dry_run=True))
    report = send(tmp_path / "b/x.zarr", bucket.at("x.zarr"), replace(OVERWRITE, verify=True))
    assert bucket.stored() == new
    assert report.deleted == dry.deleted == len(set(old) - set(new))


def test_replaced_after_a_run_that_was_killed(tmp_path, bucket):
    make_store(tmp_path / "a/x.zarr")
    new = sparse(tmp_path / "b/x.zarr")
    begin(tmp_path / "a/x.zarr", bucket.at("x.zarr"))
    assert len(bucket.stored()) == 12
    send(tmp_path / "b/x.zarr", bucket.at("x.zarr"), OVERWRITE)
    assert bucket.stored() == new


def test_replaced_by_a_run_that_was_killed_and_goes_on(tmp_path, bucket):
    """The run that goes on is not told to overwrite once more: the place is its own."""
    make_store(tmp_path / "a/x.zarr")
    new = sparse(tmp_path / "b/x.zarr")
    url, journal = bucket.at("x.zarr"), tmp_path / "b/.x.zarr.manifest.jsonl"
    begin(tmp_path / "a/x.zarr", url)
    begin(tmp_path / "b/x.zarr", url, OVERWRITE, n_files=1, journal=journal)
    assert len(bucket.stored()) == 12
    send(tmp_path / "b/x.zarr", url)
    assert bucket.stored() == new


def test_replaced_once_more(tmp_path, bucket):
    """One that was complete, one that was killed while it replaced it, and a third."""
    make_store(tmp_path / "a/x.zarr", seed=0)
    sparse(tmp_path / "b/x.zarr", seed=1)
    new = make_store(tmp_path / "c/x.zarr", n_chunks=3, seed=2)
    url = bucket.at("x.zarr")
    send(tmp_path / "a/x.zarr", url)
    begin(tmp_path / "b/x.zarr", url, OVERWRITE, n_files=1)
    assert ROOT not in bucket.stored()
    send(tmp_path / "c/x.zarr", url, OVERWRITE)
    assert bucket.stored() == new


def test_what_others_put_into_our_own_stays(tmp_path, bucket):
    contents = make_store(tmp_path / "x.zarr")
    send(tmp_path / "x.zarr", bucket.at("x.zarr"))
    bucket.put({"notes.txt": b"mine", "other.idx": b"header"})
    contents |= make_store(tmp_path / "x.zarr", seed=1)
    send(tmp_path / "x.zarr", bucket.at("x.zarr"), OVERWRITE)
    assert bucket.stored() == {**contents, "notes.txt": b"mine", "other.idx": b"header"}


def make_idx(folder, blocks):
    """An IDX as far as names go."""
    for key, data in {"v.idx": b"header", **blocks}.items():
        path = folder / key
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(data)
    parts = [folder / "v.idx", folder / "v"]
    return scan_tree(folder, parts=parts)


def test_replaced_idx(tmp_path, bucket):
    old = {"v.idx": b"old", "v/0.bin": b"old", "v/1.bin": b"old"}
    bucket.put({**old, "w.idx": b"w", "w/1.bin": b"w", "notes.txt": b"mine"}, "k")
    tree = make_idx(tmp_path, {"v/0.bin": b"new"})
    with pytest.raises(UsageError, match="holds another dataset"):
        upload_tree(tree, bucket.at("k"), QUICK)
    upload_tree(tree, bucket.at("k"), OVERWRITE)
    assert bucket.stored("k") == {
        "v.idx": b"header", "v/0.bin": b"new",
        "w.idx": b"w", "w/1.bin": b"w", "notes.txt": b"mine",
    }  # fmt: skip


# Only one dataset is replaced.


def test_a_collection_is_not_replaced(tmp_path, bucket):
    """ALL-07: somebody forgot the last ``/``."""
    for name in ("one", "two"):
        make_store(tmp_path / f"coll/{name}.zarr", n_chunks=3)
    make_store(tmp_path / "x.zarr")
    send(tmp_path / "coll", bucket.at("coll"))
    before = bucket.stored("coll", manifests=True)
    for options in (OVERWRITE, replace(OVERWRITE, dry_run=True)):
        with pytest.raises(UsageError, match="refusing to replace") as told:
            send(tmp_path / "x.zarr", bucket.at("coll"), options)
        assert (told.value.id, told.value.status) == ("PYR-ALL-07", 2)
        assert "(not a dataset)" in str(told.value)
    assert bucket.stored("coll", manifests=True) == before
    assert not (tmp_path / ".x.zarr.manifest.jsonl").exists()
    # The same collection, from another computer, is one dataset.
    (tmp_path / ".coll.manifest.jsonl").unlink()
    (tmp_path / "coll/one.zarr/0/c/0/0").write_bytes(b"changed")
    send(tmp_path / "coll", bucket.at("coll"), OVERWRITE)
    assert bucket.stored("coll")["one.zarr/0/c/0/0"] == b"changed"


def test_a_folder_of_datasets_sent_one_by_one_is_not_replaced(tmp_path, bucket):
    make_store(tmp_path / "x.zarr")
    for options in (QUICK, OVERWRITE):
        send(tmp_path / "x.zarr", bucket.at("lab/x.zarr"), options)
        with pytest.raises(UsageError, match="refusing to replace"):
            send(tmp_path / "x.zarr", bucket.at("lab"), OVERWRITE, manifest=False)
    assert ".manifest.json" in bucket.stored("lab/x.zarr", manifests=True)


INNER = ["0/zarr.json", "0/c/0"]


@pytest.mark.parametrize(
    ("keys", "names", "holder", "found"),
    [
        (["zarr.json", *INNER], (), None, None),
        ([".zattrs", ".zgroup", "0/.zarray", "0/0"], (), None, None),
        (["a.txt", "b/c.bin"], (), None, "a.txt"),
        (["a.txt", "b/c.bin"], (), claims.Holder("1", complete=True), None),
        (INNER, (), claims.Holder("1"), None),
        (INNER, (), None, "0/zarr.json"),
        (INNER, (), claims.Holder("1", complete=True), "0/zarr.json"),
        (INNER, (), claims.Holder("1", replaces=True), None),
        (["y.zarr/zarr.json"], (), claims.Holder("1"), "y.zarr/zarr.json"),
        (["v.idx", "v/0.bin"], (), None, None),
        (["v.idx", "w.idx"], (), None, "v.idx"),
        (["zarr.json", "sub/v.idx"], (), None, "sub/v.idx"),
        (["zarr.json", "a/.manifest.json"], (), None, "a"),
        (["v.idx", "v/0.bin"], ("v.idx", "v"), None, None),
        (["v/0.bin"], ("v.idx", "v"), None, "v/0.bin"),
        (["v.idx", "v/y/zarr.json"], ("v.idx", "v"), None, "v/y/zarr.json"),
        (["p.tif"], ("p.tif",), None, None),
    ],
)
def test_what_is_one_dataset(keys, names, holder, found):
    assert not_replaceable(keys, names, (), holder) == found


def test_what_other_datasets_occupy():
    keys = [".manifest.json", "a/b/.manifest.json", ".v.idx.manifest.json", "x.manifest.json"]
    expected = ["a/b", ".v.idx.manifest.json", "v.idx", "v"]
    assert nested_places(keys, ".manifest.json") == expected


def test_delete_spares_other_datasets(tmp_path, bucket):
    make_store(tmp_path / "outer.zarr", n_chunks=3)
    inner = make_store(tmp_path / "inner.zarr", n_chunks=2, seed=1)
    send(tmp_path / "outer.zarr", bucket.at("x.zarr"))
    send(tmp_path / "inner.zarr", bucket.at("x.zarr/inner"))
    bucket.put({"notes.txt": b"mine"})
    report = send(tmp_path / "outer.zarr", bucket.at("x.zarr"), replace(QUICK, delete=True))
    assert report.deleted == 1
    assert bucket.stored("x.zarr/inner") == inner
    n_left = len(inner) + 1
    assert report.notes == (f"{n_left} objects of other datasets left: inner/.manifest.json ...",)


def test_folders_of_other_programs_are_nothing(tmp_path, remote):
    """Consoles make an empty object for a folder; listed, it has the name of a file."""
    contents, there = make_store(tmp_path / "x.zarr"), remote()
    there.server.put(there.bucket, {"x.zarr/": b"", "x.zarr/0/": b"", "x.zarr/0/c/0/0/": b""})
    send(tmp_path / "x.zarr", there.destination)
    found = there.stored()
    assert {key: data for key, data in found.items() if key and not key.endswith("/")} == contents


def test_what_lies_beside_an_idx_is_not_looked_at(tmp_path, remote):
    """However much it is; and keys that the client does not take are somebody else's."""
    there = remote()
    there.server.put(there.bucket, {"x.zarr/a//b": b"odd", "x.zarr/v2/0.bin": b"other"})
    tree = make_idx(tmp_path, {"v/0.bin": b"new"})
    upload_tree(tree, there.destination, QUICK)
    assert {"v.idx", "v/0.bin", "a//b", "v2/0.bin"} == set(there.stored())
    assert upload_tree(tree, there.destination, OVERWRITE).objects == 2


# The claim.


def test_nothing_is_put_before_the_first_object(tmp_path, bucket):
    make_store(tmp_path / "x.zarr")
    tree = scan_tree(tmp_path / "x.zarr")
    with Uploader(bucket.at("x.zarr"), QUICK) as uploader:
        assert bucket.stored(manifests=True) == {}
        uploader.check()
        uploader.send(tree.files[0])
        uploader.drain()
        assert set(bucket.stored(manifests=True)) == {".manifest.json", tree.files[0].key}


@pytest.mark.parametrize("is_replacing", [False, True])
def test_a_claim_that_came_to_nothing_is_taken_back(tmp_path, remote, is_replacing):
    """No key may be put but the claim's, as with some policies of buckets."""
    there = remote(Plan(rules=(Rule(Fault.FORBIDDEN, "PUT", "/c/"),)))
    there.proxy.faults_on = False
    if is_replacing:
        (tmp_path / "files").mkdir()
        (tmp_path / "files/a.txt").write_bytes(b"plain")
        send(tmp_path / "files", there.destination)
    before = there.server.objects(there.bucket, "")
    make_store(tmp_path / "x.zarr")
    there.proxy.faults_on = True
    with pytest.raises(PyramidionError, match="access denied"):
        send(tmp_path / "x.zarr", there.destination, OVERWRITE)
    assert there.server.objects(there.bucket, "") == before
    assert (".manifest.json" in "".join(before)) == is_replacing
    there.proxy.faults_on = False
    send(tmp_path / "x.zarr", there.destination, OVERWRITE)


def test_a_claim_stays_with_the_objects_it_is_for(tmp_path, remote):
    there = remote(Plan(rules=(Rule(Fault.FORBIDDEN, "PUT", "zarr.json"),)))
    contents = make_store(tmp_path / "x.zarr")
    with pytest.raises(PyramidionError, match="access denied"):
        send(tmp_path / "x.zarr", there.destination)
    assert read_stored_manifest(there.destination).complete is False
    assert set(there.stored()) == {key for key in contents if not is_metadata(key)}


@pytest.mark.usefixtures("looks_always")
def test_the_first_of_two_stops_before_it_damages_the_second(tmp_path, bucket):
    """Who has lost the place sends nothing more, and says what may have happened."""
    make_store(tmp_path / "a/x.zarr")
    new = make_store(tmp_path / "b/x.zarr", seed=1)
    tree, url = scan_tree(tmp_path / "a/x.zarr"), bucket.at("x.zarr")
    with Uploader(url, QUICK) as first:
        first.send(tree.files[0])
        first.drain()
        send(tmp_path / "b/x.zarr", url, replace(OVERWRITE, verify=True))
        with pytest.raises(StorageError, match="its data may be damaged") as told:
            first.finish(tree)
    assert (told.value.id, told.value.status) == ("PYR-UPL-11", 1)
    assert "holds another dataset" in str(told.value)
    assert "run again" not in (told.value.good or "")
    assert bucket.stored() == new


def test_the_first_of_two_has_sent_nothing(tmp_path, bucket):
    """Both have found the place free; the first finds it taken before it changes anything."""
    make_store(tmp_path / "a/x.zarr")
    new = make_store(tmp_path / "b/x.zarr", seed=1)
    url = bucket.at("x.zarr")
    for options in (QUICK, OVERWRITE):
        with Uploader(url, options) as first:
            send(tmp_path / "b/x.zarr", url, OVERWRITE, manifest=False)
            with pytest.raises(UsageError, match="holds another dataset"):
                first.finish(scan_tree(tmp_path / "a/x.zarr"))
        assert bucket.stored() == new


@pytest.mark.usefixtures("looks_always")
def test_the_place_is_watched_while_parts_are_sent(tmp_path, remote):
    folder = tmp_path / "x.zarr"
    make_store(folder, n_chunks=1)
    (folder / "0/c/big").write_bytes(bytes(2**20) * 16)
    there = remote(Plan(rules=(Rule(Fault.SLOW_ANSWER, "PUT", "partNumber"),), delay_s=1.5))
    thief = f"{there.destination.key}/.manifest.json"
    other = b'{"pyramidion_manifest": 1, "dataset": "other", "complete": true, "objects": [\n\n]}\n'

    def steal():
        while not any("partNumber" in e.request.target for e in there.proxy.log):
            time.sleep(0.01)
        there.server.put(there.bucket, {thief: other})

    thread = threading.Thread(target=steal)
    thread.start()
    with pytest.raises(StorageError, match="its data may be damaged"):
        send(folder, there.destination, replace(QUICK, bytes_in_flight=2**23))
    thread.join()
    assert "0/c/big" not in there.stored()


def test_a_fault_is_told_at_once(tmp_path, remote):
    """Nobody has to send more to learn of it."""
    there = remote(Plan(rules=(Rule(Fault.FORBIDDEN, "PUT", "/c/"),)))
    make_store(tmp_path / "x.zarr")
    tree = scan_tree(tmp_path / "x.zarr")
    with Uploader(there.destination, QUICK) as uploader:
        uploader.send(next(file for file in tree.files if file.wave < ROOT_WAVE and not file.wave))
        with pytest.raises(PyramidionError, match="access denied"):
            repeat(uploader.check)


# Nobody waits for a silent store after Ctrl-C.


@pytest.mark.slow
@pytest.mark.parametrize(("method", "path"), [("GET", "list-type"), ("PUT", "manifest")])
def test_interrupted_while_the_store_is_silent(tmp_path, remote, method, path):
    make_store(tmp_path / "x.zarr")
    there = remote(Plan(rules=(Rule(Fault.STALLED_ANSWER, method, path),)))
    command = [sys.executable, str(PROGRAM), str(tmp_path / "x.zarr"), str(there.destination)]
    program = subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE)
    while not any(e.request.method == method and path in e.request.target for e in there.proxy.log):
        time.sleep(0.02)
        assert program.poll() is None
    time.sleep(0.5)
    began = time.monotonic()
    program.send_signal(signal.SIGINT)
    _, error = program.communicate(timeout=60)
    assert time.monotonic() - began < 8
    assert b"StoppedError" in error


def test_aside_answers_raises_and_is_left():
    assert aside(lambda: 3) == 3
    with pytest.raises(KeyError):
        aside(lambda: {}["a"], 5)
    end = threading.Event()
    with pytest.raises(TimeoutError):
        aside(end.wait, 0.05)
    end.set()


def test_a_watch_tells_what_it_has_seen(monkeypatch):
    monkeypatch.setattr("pyramidion.transfer._aside._WATCH_S", 0.01)
    looks = itertools.count()

    def look():
        if next(looks) == 3:
            raise StorageError("here", "is lost")

    watch = Watch(look)
    watch.begin()
    with pytest.raises(StorageError, match="is lost"):
        repeat(watch.check)
    watch.end()
