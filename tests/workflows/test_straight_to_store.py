"""What is converted straight to a store is, byte for byte, what is converted to a disk."""

from __future__ import annotations

import uuid
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from tests.object_store.fault_proxy import FaultProxy
from tests.object_store.faults import Fault, Plan, Rule

from pyramidion.core import MissingError, StorageError, UsageError
from pyramidion.formats import OpenOptions, open_image, open_source
from pyramidion.instruments import SimulatedScope
from pyramidion.storage import RemotePath, bucket_of, forget_buckets, has_holes, place, punch_hole
from pyramidion.transfer import LocalFile
from pyramidion.workflows import (
    ConvertOptions,
    convert,
    describe,
    generate,
    plan_conversion,
    repair,
    verify,
)
from pyramidion.workflows import _outbox as outbox
from pyramidion.workflows import _released as released
from pyramidion.workflows._spool import spool_path

MANIFEST = ".manifest.json"


@pytest.fixture(autouse=True)
def spool(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("PYRAMIDION_SPOOL", str(tmp_path / "spool"))
    return tmp_path / "spool"


@pytest.fixture
def bucket() -> RemotePath:
    path = place(f"memory://{uuid.uuid4().hex}")
    assert isinstance(path, RemotePath)
    return path


@pytest.fixture
def waveform(tmp_path: Path) -> Path:
    path = tmp_path / "source.npy"
    values = np.random.default_rng(5).integers(-2000, 2000, (2, 1, 1, 150_001))
    np.save(path, values.astype(np.int16))
    return path


@pytest.fixture
def volume(tmp_path: Path) -> Path:
    path = tmp_path / "volume.npy"
    np.save(path, np.random.default_rng(6).integers(0, 255, (33, 65, 70)).astype(np.uint8))
    return path


def objects(path: RemotePath) -> dict[str, bytes]:
    bucket = bucket_of(path)
    return {found.key: bucket.get(found.key) for found in bucket.objects("")}


def files(folder: Path) -> dict[str, bytes]:
    found = (p for p in folder.rglob("*") if p.is_file())
    return {p.relative_to(folder).as_posix(): p.read_bytes() for p in found}


@pytest.mark.parametrize(
    "name", ["w.zarr", "deep/er/w.zarr", "w.h5", "w.npy"]
)  # a folder of keys, and single objects
def test_waveforms(name: str, waveform: Path, bucket: RemotePath, tmp_path: Path) -> None:
    report = convert(waveform, bucket / name, ConvertOptions(kind="waveform"))
    local = tmp_path / "local" / name
    convert(waveform, local, ConvertOptions(kind="waveform", parents=True))
    sent = {k: v for k, v in objects(bucket).items() if not k.endswith(MANIFEST)}
    if not name.endswith(".h5"):  # which holds its times
        assert sent == files(tmp_path / "local")
    assert sent.keys() == files(tmp_path / "local").keys()
    assert report.destination == bucket / name


@pytest.mark.parametrize("name", ["v.ome.zarr", "a/visus.idx", "v.tif", "out/%04d.png"])
def test_images(name: str, volume: Path, bucket: RemotePath, tmp_path: Path) -> None:
    options = ConvertOptions(kind="image", parents=True)
    convert(volume, bucket / name, options)
    local = tmp_path / "local" / name
    local.parent.mkdir(parents=True)
    convert(volume, local, options)
    sent = {k: v for k, v in objects(bucket).items() if not k.endswith(MANIFEST)}
    assert sent == files(tmp_path / "local")


def test_a_simulated_recording(bucket: RemotePath) -> None:
    scope = SimulatedScope(samples=200_000, channels=1, trcs=1, segments=1, seed=3)
    generate(bucket / "g.zarr", scope, ConvertOptions())
    with open_source(bucket / "g.zarr") as stored:
        assert stored.spec.shape == (1, 1, 1, 200_000)
    assert verify(bucket / "g.zarr").faults == []
    assert describe(bucket / "g.zarr")["kind"] == "waveform"


def test_the_spool_is_emptied(waveform: Path, bucket: RemotePath, spool: Path) -> None:
    convert(waveform, bucket / "w.zarr", ConvertOptions())
    assert not list(spool.rglob("*.zarr"))
    assert not spool_path(bucket / "w.zarr").exists()


def test_from_one_store_to_another(volume: Path, bucket: RemotePath, tmp_path: Path) -> None:
    convert(volume, bucket / "v.ome.zarr", ConvertOptions(kind="image"))
    convert(bucket / "v.ome.zarr", bucket / "copy/visus.idx", ConvertOptions())
    convert(bucket / "copy/visus.idx", tmp_path / "back.npy", ConvertOptions())
    assert np.array_equal(np.load(tmp_path / "back.npy").squeeze(), np.load(volume))


@pytest.mark.parametrize("name", ["v.tif", "v.h5"])
def test_what_needs_a_disk_is_fetched(
    name: str, volume: Path, bucket: RemotePath, tmp_path: Path, spool: Path
) -> None:
    convert(volume, bucket / name, ConvertOptions(kind="image"))
    with pytest.raises(UsageError, match="cannot be read where it lies"):
        open_image(bucket / name)
    options = ConvertOptions(kind="image", source=OpenOptions())
    convert(bucket / name, tmp_path / "back.npy", options)
    assert np.array_equal(np.load(tmp_path / "back.npy").squeeze(), np.load(volume))
    assert verify(tmp_path / "back.npy", bucket / name, kind="image").faults == []
    assert not list(spool.glob("fetched-*"))


def test_a_stack_of_objects_is_fetched(volume: Path, bucket: RemotePath, tmp_path: Path) -> None:
    convert(volume, bucket / "out/%04d.png", ConvertOptions(kind="image"))
    convert(bucket / "out/*.png", tmp_path / "back.npy", ConvertOptions())
    assert np.array_equal(np.load(tmp_path / "back.npy").squeeze(), np.load(volume))


def test_what_is_there_is_not_replaced_unasked(waveform: Path, bucket: RemotePath) -> None:
    target = bucket / "w.zarr"
    convert(waveform, target, ConvertOptions())
    before = objects(bucket)
    with pytest.raises(UsageError, match="already exists"):
        convert(waveform, target, ConvertOptions())
    with pytest.raises(UsageError, match="already exists"):
        plan_conversion(waveform, target, ConvertOptions())
    assert objects(bucket) == before
    convert(waveform, target, ConvertOptions(overwrite=True, compression="zstd"))
    assert objects(bucket) != before
    assert verify(target).faults == []


def test_a_plan_writes_nothing(waveform: Path, bucket: RemotePath, spool: Path) -> None:
    plan = plan_conversion(waveform, bucket / "w.zarr", ConvertOptions())
    assert plan["destination"] == str(bucket / "w.zarr")
    assert plan["shape"]
    assert not objects(bucket)
    assert not spool.exists()


def test_a_conversion_waits_for_a_slow_store(
    waveform: Path, bucket: RemotePath, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(outbox, "_MOST_UNSENT", 0)
    convert(waveform, bucket / "w.zarr", ConvertOptions())
    assert verify(bucket / "w.zarr", waveform).faults == []


def test_what_has_arrived_gives_its_room_back(
    bucket: RemotePath, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Zeros are never sent for what was freed, and a shard that is freed still counts as whole."""
    freed: list[int] = []

    def punch(fd: int, n_bytes: int) -> bool:
        is_freed = punch_hole(fd, n_bytes)
        if is_freed:
            freed.append(n_bytes)
        return is_freed

    monkeypatch.setattr(released, "punch_hole", punch)
    monkeypatch.setattr(outbox, "_MOST_UNSENT", 0)
    monkeypatch.setattr(outbox, "_LOOK_S", 0.01)
    monkeypatch.setattr(outbox, "_SETTLED_S", 0.0)
    scope = SimulatedScope(samples=40_000_000, channels=1, trcs=1, segments=1, seed=3)
    generate(bucket / "g.zarr", scope, ConvertOptions(compression="none", workers=1))
    if not freed:
        pytest.skip("this file system cannot give blocks back")
    generate(tmp_path / "g.zarr", scope, ConvertOptions(compression="none"))
    sent = {k: v for k, v in objects(bucket / "g.zarr").items() if not k.endswith(MANIFEST)}
    assert sent == {f"g.zarr/{k}": v for k, v in files(tmp_path / "g.zarr").items()}


def test_a_dataset_in_a_store_is_not_changed_in_place(volume: Path, bucket: RemotePath) -> None:
    convert(volume, bucket / "v.ome.zarr", ConvertOptions(kind="image"))
    with pytest.raises(UsageError, match="not changed in place"):
        repair(bucket / "v.ome.zarr")


def test_a_run_that_could_not_send_goes_on(
    waveform: Path, bucket: RemotePath, monkeypatch: pytest.MonkeyPatch
) -> None:
    target = bucket / "w.zarr"

    def broken(*_: object) -> None:
        raise StorageError("store", "gone", id="PYR-UPL-07")

    with monkeypatch.context() as patched:
        patched.setattr(outbox.Outbox, "publish", broken)
        with pytest.raises(StorageError):
            convert(waveform, target, ConvertOptions())
    assert not (target / "zarr.json").is_file()
    with pytest.raises(UsageError, match="an interrupted conversion is there"):
        convert(waveform, target, ConvertOptions())
    with pytest.raises(UsageError, match="other settings"):
        convert(waveform, target, ConvertOptions(resume=True, compression="zstd"))
    report = convert(waveform, target, ConvertOptions(resume=True))
    assert report.stream.tasks == 0
    assert report.spec.shape == (2, 1, 1, 150_001)
    assert verify(target, waveform).faults == []


def test_a_series_needs_a_folder_for_itself(volume: Path, bucket: RemotePath) -> None:
    convert(volume, bucket / "all/v.ome.zarr", ConvertOptions(kind="image"))
    before = objects(bucket)
    for overwrite in (False, True):
        options = ConvertOptions(kind="image", overwrite=overwrite)
        with pytest.raises(UsageError, match="holds other things"):
            convert(volume, bucket / "all/%04d.png", options)
    assert objects(bucket) == before


@pytest.mark.parametrize(
    ("name", "options", "words"),
    [
        ("w.foo", ConvertOptions(), "unknown format"),
        ("w.zarr", ConvertOptions(box="5 0"), "box"),
        ("w.zarr", ConvertOptions(tasks="0:1"), "object store"),
    ],
)
def test_what_cannot_be_leaves_no_trace(
    name: str,
    options: ConvertOptions,
    words: str,
    waveform: Path,
    bucket: RemotePath,
    spool: Path,
) -> None:
    with pytest.raises(UsageError, match=words) as caught:
        convert(waveform, bucket / name, options)
    assert str(spool) not in caught.value.line
    assert not objects(bucket)
    assert not any(spool.glob("*"))


def test_a_missing_source_is_told_as_it_was_named(bucket: RemotePath) -> None:
    with pytest.raises(MissingError, match=r"^nothere.npy: no such file"):
        convert(Path("nothere.npy"), bucket / "w.zarr", ConvertOptions())
    assert not objects(bucket)


def test_a_store_that_refuses_ends_a_conversion_that_waits(
    moto_environment: Any, moto_bucket: str, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    """The writers are held back, so no new file tells the thread that sending has failed."""
    source = tmp_path / "w.npy"
    values = np.random.default_rng(5).integers(-2000, 2000, (2, 1, 1, 20_000_000))
    np.save(source, values.astype(np.int16))
    rule = Rule(Fault.FORBIDDEN, method="PUT", path=".*/c/.*")
    monkeypatch.setattr(outbox, "_MOST_UNSENT", 0)
    with FaultProxy(moto_environment.endpoint, Plan(rules=(rule,))) as proxy:
        monkeypatch.setenv("AWS_ENDPOINT_URL", proxy.endpoint)
        forget_buckets()
        target = place(f"s3://{moto_bucket}/w.zarr")
        with pytest.raises(StorageError, match="access denied"):
            convert(source, target, ConvertOptions(workers=1))
    forget_buckets()


@pytest.mark.parametrize("name", ["b.idx", "b.npy"])
def test_its_neighbours_stay(name: str, volume: Path, bucket: RemotePath) -> None:
    convert(volume, bucket / "two/a.idx", ConvertOptions())
    convert(volume, bucket / "two/c.npy", ConvertOptions(kind="image"))
    before = objects(bucket)
    convert(volume, bucket / "two" / name, ConvertOptions(kind="image"))
    convert(volume, bucket / "two" / name, ConvertOptions(kind="image", overwrite=True, arco=2**16))
    after = objects(bucket)
    assert before.items() <= after.items()
    assert verify(bucket / "two/a.idx").faults == []


def file_at(path: Path) -> LocalFile:
    found = path.stat()
    return LocalFile(
        path.name, path, found.st_size, found.st_mtime_ns, found.st_ctime_ns, found.st_ino
    )


def test_only_the_file_that_was_sent_is_emptied(tmp_path: Path) -> None:
    data = np.random.default_rng(1).bytes(4 * 2**20)
    shard, note = tmp_path / "shard", tmp_path / "note"
    shard.write_bytes(data)
    sent = file_at(shard)
    (tmp_path / "new").write_bytes(data)
    (tmp_path / "new").replace(shard)  # the same size, another file
    kept = released.Released(note)
    kept.release(sent)
    assert shard.read_bytes() == data
    assert not kept.has(file_at(shard))

    kept.release(file_at(shard))
    if shard.read_bytes() == data:
        pytest.skip("this file system cannot give blocks back")
    assert shard.stat().st_size == len(data)
    assert shard.read_bytes()[-(2**20) :] == data[-(2**20) :]
    for known in (kept, released.Released(note)):
        assert known.has(file_at(shard))
        (tmp_path / "other").write_bytes(data)
        assert not known.has(file_at(tmp_path / "other"))


def test_a_run_killed_while_it_empties_a_file_takes_it_for_empty(tmp_path: Path) -> None:
    shard, note = tmp_path / "shard", tmp_path / "note"
    shard.write_bytes(np.random.default_rng(1).bytes(4 * 2**20))
    kept = released.Released(note)
    kept.release(file_at(shard))
    if not has_holes(shard):
        pytest.skip("this file system cannot give blocks back")
    note.write_text(note.read_text().splitlines()[0] + "\n")
    assert released.Released(note).has(file_at(shard))
