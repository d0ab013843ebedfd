"""Files played as cameras: exact frames in order, and files that are no movies."""

import contextlib
import json
import os
import time

import numpy as np
import pytest
import tifffile
import zarr

from pyramidion.core import DataError, MissingError, PyramidionError, UsageError
from pyramidion.instruments import open_camera

TYPES = ["u1", "i1", "u2", "i2", "u4", "i4", "f4", "f8"]


@contextlib.contextmanager
def opened(rest, n_buffers=8):
    camera = open_camera(f"file:{rest}")
    camera.start(n_buffers)
    try:
        yield camera
    finally:
        camera.close()


def movie(dtype="u2", shape=(23, 13, 17)):
    return np.random.default_rng(7).integers(0, 100, shape).astype(dtype)


def played(path, settings="rate=0", at_a_time=5):
    """Return all frames, their numbers and the losses."""
    frames, numbers, lost = [], [], []
    with opened(f"{path}?{settings}") as camera:
        spec = camera.spec()
        out = np.empty((at_a_time, *spec.shape), spec.dtype)
        while True:
            try:
                grabbed = camera.grab(out, 2.0)
            except EOFError:
                break
            frames += list(out[: len(grabbed.number)].copy())
            numbers += grabbed.number.tolist()
            lost += grabbed.lost
    return np.array(frames), numbers, lost


@pytest.mark.parametrize("order", "<>")
@pytest.mark.parametrize("dtype", TYPES)
@pytest.mark.parametrize("kind", ["npy", "tif", "deflate", "zarr"])
def test_exact_frames_in_order(tmp_path, kind, dtype, order):
    frames = movie(dtype)
    path = tmp_path / f"m.{kind}"
    if kind == "npy":
        np.save(path, frames.astype(order + dtype))
    elif kind == "zarr":
        zarr.save_array(path, frames, zarr_format=3 if order == "<" else 2)
    else:
        pack = {"compression": "zlib"} if kind == "deflate" else {}
        tifffile.imwrite(path, frames, byteorder=order, photometric="minisblack", **pack)
    got, numbers, lost = played(path)
    assert got.dtype == np.dtype(dtype).newbyteorder("<")
    np.testing.assert_array_equal(got, frames)
    assert numbers == list(range(23))
    assert lost == []


def test_pages_written_one_by_one(tmp_path):
    frames = movie()
    with tifffile.TiffWriter(tmp_path / "m.tif") as tif:
        for frame in frames:
            tif.write(frame, contiguous=False, metadata=None, compression="lzw")
    np.testing.assert_array_equal(played(tmp_path / "m.tif")[0], frames)


def test_imagej_and_ome_hyperstacks(tmp_path):
    frames = movie(shape=(3, 2, 4, 11, 12))
    tifffile.imwrite(tmp_path / "ij.tif", frames, imagej=True)
    tifffile.imwrite(tmp_path / "o.ome.tif", frames, metadata={"axes": "TCZYX"})
    for name in ("ij.tif", "o.ome.tif"):
        np.testing.assert_array_equal(played(tmp_path / name)[0], frames.reshape(24, 11, 12))


@pytest.mark.parametrize("shape", [(9, 8), (3, 4, 9, 8), (3, 1, 1, 9, 8), (2, 2, 2, 9, 8)])
def test_any_number_of_axes_before_the_last_two(tmp_path, shape):
    frames = movie(shape=shape)
    np.save(tmp_path / "m.npy", frames)
    zarr.create_array(tmp_path / "m.zarr", data=frames, chunks=(2,) * len(shape))
    for name in ("m.npy", "m.zarr"):
        np.testing.assert_array_equal(played(tmp_path / name)[0], frames.reshape(-1, 9, 8))


@pytest.mark.parametrize("depth", [1, 4, 100])
@pytest.mark.parametrize("at_a_time", [1, 3, 30])
def test_deep_chunks_and_shards(tmp_path, depth, at_a_time):
    frames = movie()
    array = zarr.create_array(
        tmp_path / "m.zarr", shape=frames.shape, dtype="u2", chunks=(depth, 13, 17),
        shards=(2 * depth, 13, 17),
    )  # fmt: skip
    array[:] = frames
    np.testing.assert_array_equal(played(tmp_path / "m.zarr", at_a_time=at_a_time)[0], frames)


def test_ome_zarr_plays_its_full_resolution(tmp_path):
    frames = movie()
    group = zarr.create_group(tmp_path / "m.zarr")
    group.create_array("0", data=frames)
    group.create_array("1", data=frames[:, ::2, ::2])
    group.attrs["ome"] = {"version": "0.5", "multiscales": [{"datasets": [{"path": "0"}]}]}
    np.testing.assert_array_equal(played(tmp_path / "m.zarr")[0], frames)
    np.testing.assert_array_equal(
        played(tmp_path / "m.zarr", "rate=0&part=1")[0], frames[:, ::2, ::2]
    )


def test_loops_and_keeps_counting(tmp_path):
    frames = movie(shape=(7, 4, 5))
    np.save(tmp_path / "m.npy", frames)
    got, numbers, _ = played(tmp_path / "m.npy", "rate=0&loop=3")
    np.testing.assert_array_equal(got, np.concatenate([frames] * 3))
    assert numbers == list(range(21))
    out = np.empty((4, 4, 5), "u2")
    with opened(f"{tmp_path / 'm.npy'}?rate=0&loop=0") as camera:
        seen = 0
        while seen < 500:
            seen += len(camera.grab(out, 1).number)


def test_keeps_its_rate_and_waits_for_its_reader(tmp_path):
    np.save(tmp_path / "m.npy", movie(shape=(40, 4, 5)))
    began = time.monotonic()
    _, numbers, lost = played(tmp_path / "m.npy", "rate=200")
    assert 0.19 < time.monotonic() - began < 3
    assert (numbers, lost) == (list(range(40)), [])
    with opened(f"{tmp_path / 'm.npy'}?rate=500", 2) as camera:
        time.sleep(0.1)
        grabbed = camera.grab(np.empty((40, 4, 5), "u2"), 1)
    assert grabbed.number[0] == 0
    assert grabbed.lost == ()
    np.testing.assert_allclose(grabbed.time_camera, grabbed.number / 500)


@pytest.mark.parametrize("loop", [1, 5])
def test_live_it_waits_for_nobody(tmp_path, loop):
    frames = movie(shape=(40, 4, 5))
    np.save(tmp_path / "m.npy", frames)
    out = np.empty((20, 4, 5), "u2")
    seen, told = [], []
    rest = f"{tmp_path / 'm.npy'}?rate=1000&live=1&loop={loop}"
    with opened(rest) as camera, contextlib.suppress(EOFError):
        while True:
            time.sleep(0.015)
            grabbed = camera.grab(out, 1)
            np.testing.assert_array_equal(out[: len(grabbed.number)], frames[grabbed.number % 40])
            seen += grabbed.number.tolist()
            assert {reason for _, _, reason in grabbed.lost} <= {"driver"}
            told += [n for first, count, _ in grabbed.lost for n in range(first, first + count)]
    assert sorted(seen + told) == list(range(40 * loop))
    assert told


def test_a_question_mark_in_the_name(tmp_path):
    path = tmp_path / "what?rate=3.npy"
    np.save(path, movie())
    with opened(path) as camera:
        assert camera.spec().rate_hz == 30
    with opened(f"{path}?rate=5") as camera:
        assert camera.spec().rate_hz == 5


@pytest.mark.parametrize(
    ("settings", "said"),
    [
        ("rate=-1", "rate: 0 to 1000000 Hz (-1)"),
        ("rate=x", "rate: 0 to 1000000 Hz (x)"),
        ("live=2", "live: one of 0, 1 (2)"),
        ("lop=2", "lop: not a property of this camera: did you mean loop?"),
        ("frames=2", "frames: cannot be set (read only)"),
    ],
)
def test_settings_that_are_refused(tmp_path, settings, said):
    np.save(tmp_path / "m.npy", movie())
    with pytest.raises(UsageError) as caught:
        open_camera(f"file:{tmp_path / 'm.npy'}?{settings}")
    assert caught.value.line == said


def refusal(path, rest=""):
    with pytest.raises(PyramidionError) as caught:
        open_camera(f"file:{path}{rest}")
    assert "\n" not in caught.value.line
    return caught.value


def test_what_is_not_there_or_not_a_file(tmp_path):
    absent = refusal(tmp_path / "absent.tif")
    assert isinstance(absent, MissingError)
    assert (absent.id, absent.status) == ("PYR-ALL-03", 1)
    assert "no such file" in absent.line
    os.mkfifo(tmp_path / "fifo.tif")
    assert "not a regular file" in refusal(tmp_path / "fifo.tif").line
    assert refusal("/dev/zero").id == "PYR-ALL-18"
    (tmp_path / "loop.tif").symlink_to("loop.tif")
    assert "link loop" in refusal(tmp_path / "loop.tif").line
    (tmp_path / "dangling.tif").symlink_to("nothing.tif")
    assert "link to a missing file" in refusal(tmp_path / "dangling.tif").line
    (tmp_path / "folder").mkdir()
    (tmp_path / "folder" / "a.png").touch()
    assert "not a Zarr store (contains: a.png)" in refusal(tmp_path / "folder").line
    assert refusal("").status == 2


@pytest.mark.parametrize("content", [b"", b"a", b"hello world", b"\x89PNG\r\n\x1a\n" + bytes(90)])
def test_what_is_no_movie(tmp_path, content):
    (tmp_path / "m.tif").write_bytes(content)
    error = refusal(tmp_path / "m.tif")
    assert isinstance(error, DataError)
    assert "not a TIFF, .npy or Zarr" in error.line


@pytest.mark.parametrize("kind", ["npy", "tif", "deflate", "pages", "big"])
def test_cut_files_never_give_wrong_frames(tmp_path, kind):
    frames = movie(shape=(6, 40, 41))
    path = tmp_path / "m"
    if kind == "npy":
        with path.open("wb") as file:
            np.save(file, frames)
    elif kind == "pages":
        with tifffile.TiffWriter(path) as tif:
            for frame in frames:
                tif.write(frame, contiguous=False, metadata=None, rowsperstrip=7)
    else:
        pack = {"compression": "zlib", "bigtiff": kind == "big"} if kind != "tif" else {}
        tifffile.imwrite(path, frames, photometric="minisblack", **pack)
    whole = path.read_bytes()
    for n in np.linspace(0, len(whole) - 1, 40).astype(int):
        path.write_bytes(whole[:n])
        with contextlib.suppress(PyramidionError):
            # All frames, or an error: never fewer.
            got, _, _ = played(path)
            np.testing.assert_array_equal(got, frames[: len(got)])
            assert len(got) == 6


@pytest.mark.parametrize(
    "array",
    [
        np.zeros((3, 4, 5), complex),
        np.zeros((3, 4, 5), "u8"),
        np.zeros((3, 4, 5), "f2"),
        np.zeros((3, 4, 5), "U3"),
        np.zeros((3, 0, 5)),
        np.zeros((0, 4, 5)),
        np.zeros(5),
        np.zeros((3, 4, 5), "u1,u2"),
        np.asfortranarray(np.zeros((3, 4, 5))),
    ],
    ids=str,
)
def test_arrays_that_are_no_frames(tmp_path, array):
    np.save(tmp_path / "m.npy", array)
    assert isinstance(refusal(tmp_path / "m.npy"), DataError)


def test_pickled_objects_are_never_loaded(tmp_path):
    np.save(tmp_path / "m.npy", np.array([{}, {}]), allow_pickle=True)
    assert refusal(tmp_path / "m.npy").status == 1
    store = tmp_path / "m.zarr"
    store.mkdir()
    form = {"zarr_format": 2, "shape": [2, 4, 4], "chunks": [1, 4, 4], "dtype": "<u2"}
    form |= {"compressor": None, "fill_value": 0, "order": "C", "filters": [{"id": "pickle"}]}
    (store / ".zarray").write_text(json.dumps(form))
    (store / "0.0.0").write_bytes(b"cos\nsystem\n(S'touch /tmp/owned'\ntR.")
    assert "pickled objects are never loaded" in refusal(store).line


def test_declared_sizes_are_compared_with_the_file(tmp_path):
    path = tmp_path / "m.npy"
    with path.open("wb") as file:
        head = {"descr": "<u2", "fortran_order": False, "shape": (10**6, 2000, 2000)}
        np.lib.format.write_array_header_1_0(file, head)
        file.write(bytes(100))
    error = refusal(path)
    assert error.id == "PYR-TIF-02"
    assert "declares 8 TB, has 228 B" in error.line


@pytest.mark.parametrize("path", ["../../x", "/etc", "a/../../b", "file:x"])
def test_a_store_cannot_name_another(tmp_path, path):
    group = zarr.create_group(tmp_path / "m.zarr")
    group.attrs["ome"] = {"multiscales": [{"datasets": [{"path": path}]}]}
    assert "leaves the store" in refusal(tmp_path / "m.zarr").line


@pytest.mark.parametrize(
    "text", ["", "\0" * 300, "{", "[" * 100_000, '{"zarr_format": 4}', '{"zarr_format": 3}', "{}"]
)
def test_damaged_metadata(tmp_path, text):
    store = tmp_path / "m.zarr"
    store.mkdir()
    (store / "zarr.json").write_text(text)
    assert isinstance(refusal(store), DataError)


def test_a_damaged_chunk_is_told(tmp_path):
    zarr.create_array(tmp_path / "m.zarr", data=movie(), chunks=(1, 13, 17))
    (tmp_path / "m.zarr" / "c" / "3" / "0" / "0").write_bytes(b"nonsense")
    with pytest.raises(DataError, match="does not decode"):
        played(tmp_path / "m.zarr")


def test_choices_are_asked_for(tmp_path):
    with tifffile.TiffWriter(tmp_path / "m.tif") as tif:
        tif.write(np.zeros((4, 8, 8), "u2"), photometric="minisblack")
        tif.write(np.ones((3, 9, 9), "u2"), photometric="minisblack")
    error = refusal(tmp_path / "m.tif")
    assert (error.status, "2 series" in error.line) == (2, True)
    assert played(tmp_path / "m.tif", "rate=0&part=1")[0].shape == (3, 9, 9)
    assert refusal(tmp_path / "m.tif", "?part=2").status == 2
    group = zarr.create_group(tmp_path / "m.zarr")
    group.create_array("a", data=movie())
    group.create_array("b", data=movie())
    assert "2 arrays" in refusal(tmp_path / "m.zarr").line
    assert played(tmp_path / "m.zarr", "rate=0&part=b")[0].shape == (23, 13, 17)


def test_colours_are_refused(tmp_path):
    tifffile.imwrite(tmp_path / "m.tif", np.zeros((4, 8, 8, 3), "u1"), photometric="rgb")
    assert "3 colours" in refusal(tmp_path / "m.tif").line


def test_a_file_that_shrinks_is_told(tmp_path):
    np.save(tmp_path / "m.npy", movie())
    out = np.empty((23, 13, 17), "u2")
    with opened(f"{tmp_path / 'm.npy'}?rate=0") as camera:
        os.truncate(tmp_path / "m.npy", 1000)
        with pytest.raises(DataError, match="changed while reading"):
            camera.grab(out, 1)


def test_a_page_list_that_loops_is_told(tmp_path):
    tifffile.imwrite(tmp_path / "m.tif", movie(shape=(3, 8, 8)), photometric="minisblack")
    whole = bytearray((tmp_path / "m.tif").read_bytes())
    with tifffile.TiffFile(tmp_path / "m.tif") as tif:
        last = tif.pages[2].offset
        n_tags = int.from_bytes(whole[last : last + 2], "little")
        first = tif.pages[0].offset
    after = last + 2 + 12 * n_tags
    whole[after : after + 4] = first.to_bytes(4, "little")
    (tmp_path / "m.tif").write_bytes(whole)
    assert "page list loops at page 3" in refusal(tmp_path / "m.tif").line
