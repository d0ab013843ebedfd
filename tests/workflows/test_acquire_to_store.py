"""A recording that goes to a store: whole there at the end, and never lost if the store fails."""

import uuid

import numpy as np
import pytest

from pyramidion.core import Box, StorageError, UsageError
from pyramidion.formats import RecordingOptions, open_image
from pyramidion.storage import bucket_of, place
from pyramidion.workflows import (
    AcquireOptions,
    SendOptions,
    acquire,
    describe,
    upload,
    verify,
)
from pyramidion.workflows import _outbox as outbox
from pyramidion.workflows._spool import spool_path

pytestmark = pytest.mark.slow

CAMERA = "sim:width=64,height=48,rate=200"


@pytest.fixture(autouse=True)
def spool(tmp_path, monkeypatch):
    monkeypatch.setenv("PYRAMIDION_SPOOL", str(tmp_path / "spool"))
    return tmp_path / "spool"


@pytest.fixture
def bucket():
    return place(f"memory://{uuid.uuid4().hex}")


def options(**recording):
    return AcquireOptions(frames=40, recording=RecordingOptions(**recording), allow_drops=True)


def frames(path):
    with open_image(path) as opened:
        return opened.read(Box.whole(opened.spec.shape))


def test_it_is_there_whole(bucket, tmp_path):
    told = []
    report = acquire(CAMERA, bucket / "r.zarr", options(), on_sending=lambda *a: told.append(a))
    assert report.store == bucket / "r.zarr"
    assert report.frames_stored == 40
    assert told[0][0] == spool_path(bucket / "r.zarr")
    assert told[0][1] > 0
    assert describe(bucket / "r.zarr")["recording"]["state"] == "finished"
    assert verify(bucket / "r.zarr").faults == []
    beside = acquire(CAMERA, tmp_path / "r.zarr", options())
    if not report.n_lost and not beside.n_lost:  # a busy machine
        assert np.array_equal(frames(bucket / "r.zarr"), frames(tmp_path / "r.zarr"))
    assert not spool_path(bucket / "r.zarr").exists()


def test_what_is_there_is_not_replaced_unasked(bucket):
    acquire(CAMERA, bucket / "r.zarr", options())
    with pytest.raises(UsageError, match="already exists"):
        acquire(CAMERA, bucket / "r.zarr", options())
    report = acquire(CAMERA, bucket / "r.zarr", options(overwrite=True))
    assert report.store == bucket / "r.zarr"
    assert verify(bucket / "r.zarr").faults == []


def test_an_unsent_recording_is_never_removed(bucket, monkeypatch):
    target = bucket / "r.zarr"

    def broken(*_):
        raise StorageError("store", "access denied", id="PYR-UPL-02")

    with monkeypatch.context() as patched:
        patched.setattr(outbox.Uploader, "finish", broken)
        report = acquire(CAMERA, target, options())
    local = spool_path(target)
    assert "pyramidion upload" in report.fault.line
    assert str(local) in report.fault.line
    kept = frames(local)
    assert len(kept) == 40
    for again in (options(), options(overwrite=True)):
        with pytest.raises(UsageError, match="an earlier recording is not sent yet"):
            acquire(CAMERA, target, again)
    assert np.array_equal(frames(local), kept)
    assert f"pyramidion upload {local} {target} --delete-local" in report.fault.line
    report = acquire(CAMERA, target, options(resume=True))
    assert report.frames_total == 80
    assert np.array_equal(frames(target)[:40], kept)
    assert verify(target).faults == []


def test_nothing_recorded_leaves_no_trace(bucket, spool):
    report = acquire("sim:width=64,height=48,unplug_at=1", bucket / "r.zarr", options())
    assert report.store is None or report.frames_stored
    if report.store is None:
        assert not list(bucket_of(bucket).objects(""))
        assert not any(spool.glob("*"))


def test_a_recording_that_was_sent_by_hand_makes_room(bucket, monkeypatch):
    target = bucket / "r.zarr"

    def broken(*_):
        raise StorageError("store", "access denied", id="PYR-UPL-02")

    with monkeypatch.context() as patched:
        patched.setattr(outbox.Uploader, "finish", broken)
        acquire(CAMERA, target, options())
    upload(spool_path(target), target, SendOptions(delete_local=True))
    assert verify(target).faults == []
    report = acquire(CAMERA, target, options(overwrite=True))
    assert report.store == target
