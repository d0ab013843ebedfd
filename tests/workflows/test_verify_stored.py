"""What lies in a store is checked against what was sent."""

import uuid

import numpy as np
import pytest

from pyramidion.core import MissingError, PyramidionError
from pyramidion.storage import bucket_of, place
from pyramidion.workflows import ConvertOptions, convert, upload, verify


@pytest.fixture(autouse=True)
def spool(tmp_path, monkeypatch):
    monkeypatch.setenv("PYRAMIDION_SPOOL", str(tmp_path / "spool"))


@pytest.fixture
def bucket():
    return place(f"memory://{uuid.uuid4().hex}")


@pytest.fixture
def store(bucket, tmp_path, rng):
    np.save(tmp_path / "w.npy", rng.integers(-99, 99, (2, 1, 1, 200_000), np.int16))
    convert(tmp_path / "w.npy", bucket / "a/w.zarr", ConvertOptions(kind="waveform"))
    return bucket / "a/w.zarr"


@pytest.fixture
def folder(bucket, tmp_path, rng):
    (tmp_path / "notes/deep").mkdir(parents=True)
    for name in ("a.bin", "deep/b.bin", "c.txt"):
        (tmp_path / "notes" / name).write_bytes(rng.bytes(5000))
    upload(tmp_path / "notes", bucket / "a/notes")
    return bucket / "a/notes"


def change(path, data):
    bucket_of(path).put(path.key, data)


def test_a_sound_dataset_has_no_notes(store):
    report = verify(store)
    assert (report.faults, report.notes, report.kind) == ([], [], "waveform")


def test_a_missing_object_is_named(store):
    bucket_of(store).delete([f"{store.key}/raw/c/0/0/0/0"])
    faults = verify(store).faults
    assert any("raw/c/0/0/0/0: missing" in fault for fault in faults)


def test_an_attribute_that_was_changed_is_seen(store):
    document = store / "overview/0/zarr.json"
    change(document, document.read_bytes() + b" ")
    assert f"{document}: is not what was sent" in verify(store).faults


def test_what_is_no_part_of_it_is_told(store):
    change(store / "overview/0/c/9/9/9/9/9", b"stray")
    report = verify(store)
    assert report.faults == []
    assert report.notes == [f"not part of it: {store}/overview/0/c/9/9/9/9/9"]


def test_files_that_are_no_dataset(folder):
    report = verify(folder)
    assert (report.faults, report.kind, report.samples) == ([], "files", 3)
    change(folder / "a.bin", b"x" * 5000)
    bucket_of(folder).delete([f"{folder.key}/deep/b.bin"])
    change(folder / "new", b"1")
    report = verify(folder)
    assert report.faults == [
        f"{folder}/deep/b.bin: missing",
        f"{folder}/a.bin: is not what was sent",
    ]
    assert report.notes == [f"not part of it: {folder}/new"]


def test_a_dataset_without_its_root(store):
    bucket_of(store).delete([f"{store.key}/zarr.json"])
    assert verify(store).faults == [f"{store}/zarr.json: missing"]


@pytest.mark.usefixtures("store", "folder")
def test_the_neighbours_of_an_idx_are_not_strangers(bucket, tmp_path, rng):
    np.save(tmp_path / "v.npy", rng.integers(0, 9, (20, 40, 50), np.uint8))
    convert(tmp_path / "v.npy", bucket / "a/visus.idx", ConvertOptions(kind="image"))
    report = verify(bucket / "a/visus.idx")
    assert (report.faults, report.notes) == ([], [])


def test_without_a_manifest(bucket, store):
    bucket_of(store).delete([f"{store.key}/.manifest.json"])
    assert verify(store).faults == []
    change(bucket / "b/x.bin", b"1")
    with pytest.raises(PyramidionError):
        verify(bucket / "b")
    with pytest.raises(MissingError):
        verify(bucket / "nothing")


def test_a_dataset_that_was_damaged_before_it_was_sent_is_not_sound(bucket, tmp_path, store):
    whole = {key.key: bucket_of(store).get(key.key) for key in bucket_of(store).objects(store.key)}
    for key, data in whole.items():
        if ".manifest" not in key:
            (tmp_path / key).parent.mkdir(parents=True, exist_ok=True)
            (tmp_path / key).write_bytes(data)
    (tmp_path / "a/w.zarr/raw/zarr.json").write_text("no json")
    upload(tmp_path / "a/w.zarr", bucket / "damaged.zarr")
    with pytest.raises(PyramidionError, match=r"raw/zarr\.json"):
        verify(bucket / "damaged.zarr")
