"""What the real writer leaves, finished and cut off, in every form: read, verified, repaired."""

import itertools
import json
import shutil

import numpy as np
import pytest
import zarr
from tests.formats.recording_files import numbered_frames, write_recording

from pyramidion.core import Box, FrameSpec, Lost, Stamps
from pyramidion.formats import RecordingOptions, open_frame_writer, open_image
from pyramidion.workflows import describe, repair, verify

FORMS = {
    "plain": {},
    "one level called frames": {"names": "frames"},
    "levels in frames": {"names": "frames", "levels": "mean"},
    "levels at the end": {"levels": "max", "levels_when": "end"},
    "shards cut the plane": {"chunk": (1, 16, 130), "shard": (4, 1, 2), "levels": "min"},
    "deep, cut plane": {"chunk": (3, 16, 130), "shard": (2, 1, 2), "levels": "mean"},
    "deep raw": {"chunk": (5, None, None), "compression": "none"},
    "zstd": {"compression": "zstd"},
}
H, W = 32, 520


@pytest.fixture(params=FORMS, ids=[name.replace(" ", "-") for name in FORMS])
def form(request):
    return {"shard": (4, None, None)} | FORMS[request.param]


def record(path, frames, *, finish, shown=None, **options):
    """Record; `shown` frames are published, the others only written."""
    n, h, w = frames.shape
    spec = FrameSpec(h, w, frames.dtype, camera="cam", rate_hz=50.0, pixel_um=(0.5, 0.5))
    writer = open_frame_writer(path, spec, RecordingOptions(**options))
    numbers = np.arange(n)
    stamps = Stamps(numbers, numbers / 50, 1.7e9 + numbers / 50)
    shown = n if shown is None else shown
    for a, b in itertools.pairwise((0, shown, n)):
        writer.write(a, frames[a:b], stamps.part(a, b))
        if b == shown:
            writer.sync()
    if finish:
        writer.finish({"frames_camera": n, "frames_stored": n, "frames_lost": {}})
    else:
        writer.abandon()
    return path


def check(path, frames):
    report = verify(path)
    assert not report.faults, report.faults
    group = zarr.open_group(str(path), mode="r")
    datasets = group.attrs["ome"]["multiscales"][0]["datasets"]
    assert (group[datasets[0]["path"]][:] == frames).all()
    with open_image(path) as image:
        assert (image.read(Box((0,) * 5, image.spec.shape))[:, 0, 0] == frames).all()
    return len(datasets)


def test_finished(tmp_path, form):
    frames = numbered_frames(11, H, W)
    path = record(tmp_path / "a.zarr", frames, finish=True, **form)
    n_levels = check(path, frames)
    assert (n_levels > 1) == ("levels" in form)
    assert repair(path).is_nothing_done
    assert describe(path)["recording"]["frames_per_second"] == pytest.approx(50)


@pytest.mark.parametrize("shown", [3, 8])
def test_cut_off(tmp_path, form, shown):
    frames = numbered_frames(11, H, W)
    path = record(tmp_path / "a.zarr", frames, finish=False, shown=shown, **form)
    assert describe(path)["recording"]["state"] == "cut off"
    check(path, frames[:shown])
    report = repair(path)
    assert (report.n_readable, report.n_repaired) == (11, 11 - shown)
    finished = record(tmp_path / "b.zarr", frames, finish=True, **form)
    assert check(path, frames) == check(finished, frames)
    shown = [zarr.open_group(str(p), mode="r").attrs["ome"]["omero"] for p in (path, finished)]
    assert shown[0] == shown[1]
    assert repair(path).is_nothing_done


@pytest.mark.parametrize("key", ["", "frames/", "frames/0/", "frames/1/"])
def test_documents_in_a_group_of_their_own(tmp_path, key):
    frames = numbered_frames(11, H, W)
    form = {"names": "frames", "levels": "mean", "shard": (4, None, None)}
    path = record(tmp_path / "a.zarr", frames, finish=False, shown=5, **form)
    (path / f"{key}zarr.json").write_bytes(b"")
    assert f"rebuilt {key}zarr.json" in repair(path).notes
    assert check(path, frames) == 2
    assert zarr.open_group(str(path / "frames"), mode="r").attrs["ome"]["multiscales"]
    assert repair(path).is_nothing_done


def test_a_repaired_one_goes_on(tmp_path, form):
    frames = numbered_frames(11, H, W)
    path = record(tmp_path / "a.zarr", frames, finish=False, shown=8, **form)
    repair(path)
    spec = FrameSpec(H, W, frames.dtype, camera="cam", rate_hz=50.0, pixel_um=(0.5, 0.5))
    writer = open_frame_writer(path, spec, RecordingOptions(resume=True, **form))
    assert writer.first == 11
    more = numbered_frames(5, H, W, first=11)
    numbers = np.arange(5)
    writer.write(11, more, Stamps(numbers, numbers / 50, 1.8e9 + numbers / 50))
    writer.lose([Lost(5, 2, "ring")])
    writer.finish({})
    check(path, np.concatenate([frames, more]))
    own = zarr.open_group(str(path), mode="r").attrs["pyramidion"]
    assert (own["frames"], own["frames_stored"], own["frames_lost"]) == (16, 16, {"ring": 2})
    assert "frames_camera" not in own  # that of the first run is not that of both
    assert describe(path)["recording"]["lost_by_reason"] == {"ring": 2}


KINDS = {
    "raw": ({}, {"compression": "none"}),
    "lz4": ({"codec": "blosc-lz4"}, {}),
    "tiles": ({"codec": "blosc-lz4", "chunk": (1, 20, 300)}, {"chunk": (1, 20, 300)}),
    "deep": ({"chunk": (3, H, W)}, {"chunk": (3, None, None), "compression": "none"}),
}


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("finished", [False, True])
def test_the_bytes_are_those_of_the_description(tmp_path, kind, finished):
    how, options = KINDS[kind]
    frames = numbered_frames(11, H, W)
    expected = write_recording(tmp_path / "b.zarr", frames, finished=finished, **how)
    path = record(tmp_path / "a.zarr", frames, finish=finished, shard=(4, None, None), **options)
    for file in sorted(p for p in (expected / "0/c").rglob("*") if p.is_file()):
        assert (path / file.relative_to(expected)).read_bytes() == file.read_bytes(), file
    mine = json.loads((path / "0/zarr.json").read_text())
    mine["attributes"] = {}
    assert mine == json.loads((expected / "0/zarr.json").read_text())
    files = {str(p.relative_to(path)) for p in path.rglob("*") if p.is_file()}
    assert files <= {str(p.relative_to(expected)) for p in expected.rglob("*")}


def test_one_that_was_half_closed(tmp_path, form):
    """The end of a recording is interrupted: some arrays are closed, others are not."""
    frames = numbered_frames(11, H, W)
    cut = record(tmp_path / "a.zarr", frames, finish=False, **form)
    done = record(tmp_path / "b.zarr", frames, finish=True, **form)
    key = (
        "frames/0"
        if (done / "frames/0").is_dir()
        else "frames"
        if (done / "frames").is_dir()
        else "0"
    )
    shutil.rmtree(cut / key)
    shutil.copytree(done / key, cut / key)
    repair(cut)
    check(cut, frames)
    assert repair(cut).is_nothing_done
