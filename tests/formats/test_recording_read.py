"""Recordings read at any moment: while they grow, cut off, finished."""

import json
import os
import socket
import subprocess
import sys

import numpy as np
import pytest
import zarr
from tests.formats.recording_files import numbered_frames, write_recording

from pyramidion.core import Box, DamagedError, DataError
from pyramidion.formats import is_recording, kind_of_source, open_image
from pyramidion.workflows import describe, verify

KINDS = {
    "whole frames": {},
    "lz4": {"codec": "blosc-lz4"},
    "strips": {"chunk": (1, 5, 16), "codec": "blosc-lz4"},
    "tiles": {"chunk": (1, 5, 7)},
    "deep": {"chunk": (3, 12, 16)},
    "deep lz4": {"chunk": (3, 5, 7), "codec": "blosc-lz4"},
    "levels": {"levels": 3},
    "deep levels": {"levels": 2, "chunk": (4, 12, 16), "codec": "blosc-lz4"},
}


@pytest.fixture(params=KINDS, ids=[kind.replace(" ", "-") for kind in KINDS])
def kind(request):
    return KINDS[request.param]


@pytest.mark.parametrize("finished", [False, True])
def test_every_kind_reads_as_zarr_python_does(tmp_path, kind, finished):
    frames = numbered_frames(11)
    shown = 11 if finished else 9
    path = write_recording(tmp_path / "a.zarr", frames, shown=shown, finished=finished, **kind)
    group = zarr.open_group(str(path), mode="r")
    assert is_recording(path)
    assert kind_of_source(path) == "image"
    with open_image(path) as image:
        assert image.spec.shape == (shown, 1, 1, 12, 16)
        assert image.spec.present == "tyx"
        for level, known in enumerate(image.levels):
            values = image.read(Box((0,) * 5, known.shape), level)
            assert (values[:, 0, 0] == group[str(level)][:]).all()
        assert (image.read(Box((0,) * 5, image.spec.shape))[:, 0, 0] == frames[:shown]).all()
    assert not verify(path).faults


def test_an_empty_one_opens(tmp_path):
    path = write_recording(tmp_path / "a.zarr", numbered_frames(3), shown=0, levels=2)
    with open_image(path) as image:
        assert image.spec.shape == (0, 1, 1, 12, 16)
    assert not verify(path).faults
    told = describe(path)["recording"]
    assert told["frames_stored"] == 0
    assert told["frames_per_second"] is None


def test_coarse_levels_ahead_of_level_0_are_cut_to_it(tmp_path):
    path = write_recording(tmp_path / "a.zarr", numbered_frames(11), levels=2)
    document = json.loads((path / "0/zarr.json").read_text())
    document["shape"][0] = 8
    (path / "0/zarr.json").write_text(json.dumps(document))
    with open_image(path) as image:
        assert [level.shape[0] for level in image.levels] == [8, 8]
    assert not verify(path).faults


def test_frames_that_are_not_there_yet_are_refused(tmp_path):
    path = write_recording(tmp_path / "a.zarr", numbered_frames(11), shown=11, holes=[6])
    with open_image(path) as image, pytest.raises(DamagedError, match="not yet written"):
        image.read(Box((6, 0, 0, 0, 0), (7, 1, 1, 12, 16)))
    report = verify(path)
    assert report.faults == [f"{path}/0/c/1/0/0 chunk 2 missing (not yet written)"]


@pytest.mark.parametrize("finished", [False, True])
@pytest.mark.parametrize("codec", ["none", "blosc-lz4"])
def test_verify_names_the_damaged_chunk(tmp_path, finished, codec):
    frames = numbered_frames(11, 12, 16)
    path = write_recording(
        tmp_path / "a.zarr", frames, finished=finished, codec=codec, chunk=(1, 6, 16), levels=2
    )
    file = path / "0/c/1/0/0"
    data = bytearray(file.read_bytes())
    offset, length = np.frombuffer(data, "<u8", 2, 16 * 5)
    data[int(offset) + int(length) // 2] ^= 4
    file.write_bytes(data)
    report = verify(path)
    assert report.kind == "recording"
    assert len(report.faults) == 1
    assert "0/c/1/0/0 chunk 5 damaged" in report.faults[0]


@pytest.mark.parametrize("finished", [False, True])
def test_a_missing_shard_is_told_once(tmp_path, finished):
    path = write_recording(tmp_path / "a.zarr", numbered_frames(11), finished=finished)
    (path / "0/c/1/0/0").unlink()
    assert verify(path).faults == [f"{path}/0/c/1/0/0 missing"]


def test_every_flipped_bit_of_a_finished_shard_is_found(tmp_path):
    path = write_recording(tmp_path / "a.zarr", numbered_frames(4, 3, 4), finished=True)
    file = path / "0/c/0/0/0"
    whole = file.read_bytes()
    for bit in range(0, 8 * len(whole), 7):
        data = bytearray(whole)
        data[bit // 8] ^= 1 << bit % 8
        file.write_bytes(data)
        faults = verify(path).faults
        assert faults, f"bit {bit} of {8 * len(whole)}"
        assert all("0/c/0/0/0" in fault for fault in faults)


def test_deep_chunks_say_that_pixels_have_no_checksum(tmp_path):
    path = write_recording(tmp_path / "a.zarr", numbered_frames(9), chunk=(3, 12, 16))
    report = verify(path)
    assert not report.faults
    assert not report.checksums
    assert "pixels have no checksum" in report.notes


def test_a_level_that_is_not_the_mean_is_found(tmp_path):
    path = write_recording(tmp_path / "a.zarr", numbered_frames(5), levels=2, finished=True)
    other = write_recording(
        tmp_path / "b.zarr", numbered_frames(5, first=900), levels=2, finished=True
    )
    (path / "1").rename(tmp_path / "old")
    (other / "1").rename(path / "1")
    assert "are not the mean of level 0" in verify(path).faults[0]


@pytest.mark.parametrize(
    ("numbers", "lost", "words"),
    [
        ([0, 1, 2, 2, 4], [], "frame_number: does not rise at frame 3 (2)"),
        ([-1, 1, 2, 3, 4], [], "frame_number: does not rise at frame 0 (-1)"),
        ([0, 1, 5, 6, 9], [(2, 3, "ring")], "2 frames are neither stored nor lost, the first 7 to 8"),
        ([0, 1, 5, 6, 9], [(2, 4, "ring"), (7, 2, "camera")], "lost: frame 5 is stored too"),
        ([1, 2, 3, 4, 5], [], "1 frames are neither stored nor lost, the first 0 to 0"),
        ([0, 1, 5, 6, 9], [(2, 3, "ring"), (7, 2, "camera"), (10, 3, "disk")], ""),
        ([0, 1, 2, 3, 4], [(2, 0, "interrupted")], ""),
    ],
)  # fmt: skip
def test_numbers_and_losses_must_agree(tmp_path, numbers, lost, words):
    path = write_recording(
        tmp_path / "a.zarr", numbered_frames(5), numbers=numbers, lost=lost, finished=True
    )
    faults = verify(path).faults
    assert [words in fault for fault in faults] == ([True] if words else [])


@pytest.mark.parametrize(
    ("name", "words"),
    [
        ("frames_camera", "5 frames are stored and 0 lost, the camera took 7"),
        ("frames", "5 frames, the root says 7"),
    ],
)
def test_counts_of_the_root_must_agree(tmp_path, name, words):
    path = write_recording(tmp_path / "a.zarr", numbered_frames(5), finished=True)
    root = json.loads((path / "zarr.json").read_text())
    root["attributes"]["pyramidion"][name] = 7
    (path / "zarr.json").write_text(json.dumps(root))
    assert verify(path).faults == [f"{path}: {words}"]


@pytest.mark.parametrize("name", ["frame_number", "time_camera", "time_host", "lost"])
def test_an_array_beside_the_pixels_is_missing_or_short(tmp_path, name):
    path = write_recording(tmp_path / "a.zarr", numbered_frames(5), lost=[(5, 2, "disk")])
    file = next((path / name / "c").rglob("0"))
    file = file / "0" if file.is_dir() else file
    file.write_bytes(file.read_bytes()[:100])
    assert any(name in fault for fault in verify(path).faults)
    file.unlink()
    assert any(name in fault for fault in verify(path).faults)


def test_info_says_what_a_recording_is(tmp_path):
    path = write_recording(
        tmp_path / "a.zarr", numbered_frames(5), finished=True,
        numbers=[0, 1, 5, 6, 9], lost=[(2, 3, "ring"), (7, 2, "camera"), (10, 3, "ring")],
    )  # fmt: skip
    told = describe(path)["recording"]
    assert told["camera"] == "a camera"
    assert told["state"] == "finished"
    assert (told["frames_stored"], told["frames_lost"]) == (5, 8)
    assert told["lost_by_reason"] == {"ring": 6, "camera": 2}
    assert told["seconds"] == pytest.approx(0.04, abs=1e-6)
    assert told["frames_per_second"] == pytest.approx(100, rel=1e-4)


def test_a_living_writer_is_told_from_a_dead_one(tmp_path):
    path = write_recording(tmp_path / "a.zarr", numbered_frames(5))
    lock = tmp_path / ".a.zarr.lock"
    assert describe(path)["recording"]["state"] == "cut off"
    holder = {"pid": os.getpid(), "host": socket.gethostname(), "since": "12:00"}
    lock.write_text(json.dumps(holder))
    assert describe(path)["recording"]["state"] == "recording"
    ended = subprocess.Popen([sys.executable, "-c", ""])
    ended.wait()
    lock.write_text(json.dumps(holder | {"pid": ended.pid}))
    assert describe(path)["recording"]["state"] == "cut off"
    lock.write_text("")
    assert describe(path)["recording"]["state"] == "cut off"


def test_a_recording_of_a_newer_program_is_refused(tmp_path):
    path = write_recording(tmp_path / "a.zarr", numbered_frames(5))
    root = json.loads((path / "zarr.json").read_text())
    root["attributes"]["pyramidion"]["layout"] = 99
    (path / "zarr.json").write_text(json.dumps(root))
    with pytest.raises(DataError, match="upgrade"):
        verify(path)
