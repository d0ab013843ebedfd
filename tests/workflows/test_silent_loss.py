"""Where conversion commands before this one lost data with exit status 0: nothing is lost here.

The cases of ``compress`` are in ``test_compress.py``, those of sizes and boxes in
``tests/cli/test_openvisus.py``.
"""

from pathlib import Path

import numpy as np
import pytest
from PIL import Image
from tests.formats.idx_written import ArrayImage, write_idx

from pyramidion.core import Box, Channel, DataError, PyramidionError, UsageError, image_axes
from pyramidion.formats import OpenOptions, open_image
from pyramidion.workflows import ConvertOptions, convert, verify


def random_voxels(shape, dtype="uint16", seed=1):
    return np.random.default_rng(seed).integers(0, np.iinfo(dtype).max, shape, dtype)


def read(path, field=None):
    with open_image(path, OpenOptions(field=field)) as image:
        return image.read(Box.whole(image.spec.shape)), image.spec


@pytest.fixture
def movie(tmp_path):
    """Three sparse time steps, voxel sizes, ranges, an origin and metadata of its own."""
    values = random_voxels((3, 1, 6, 21, 34))
    source = ArrayImage(
        values,
        axes=image_axes(values.shape, (2.0, 0.5, 0.25), "um", offset=(1.0, 2.0, 3.0)),
        times=(0, 5, 10),
        origin=(4, 3, 2),
        attributes={"sample": "HeLa 3"},
        channels=(Channel(limits=(float(values.min()), float(values.max()))),),
        present="tzyx",
    )
    return source, write_idx(tmp_path / "movie.idx", source, arco=1024)


def test_a_copy_keeps_times_sizes_ranges_origin_and_metadata(movie, tmp_path):
    source, path = movie
    convert(path, tmp_path / "copy.idx", ConvertOptions(arco=0))
    values, spec = read(tmp_path / "copy.idx")
    np.testing.assert_array_equal(values, source.voxels)
    assert spec.times == (0, 5, 10)
    assert spec.origin == source.spec.origin
    assert spec.axes == source.spec.axes
    assert spec.attributes["sample"] == "HeLa 3"
    text = (tmp_path / "copy.idx").read_text()
    assert f"min({source.voxels.min()})" in text.replace(".0)", ")")
    assert verify(tmp_path / "copy.idx", path).faults == []


def test_one_time_step_is_one_time_step(movie, tmp_path):
    source, path = movie
    convert(path, tmp_path / "one.idx", ConvertOptions(times="5"))
    values, spec = read(tmp_path / "one.idx")
    np.testing.assert_array_equal(values, source.voxels[1:2])
    assert spec.time_steps == (5,)


def test_all_fields_are_copied(tmp_path):
    shape = (1, 1, 5, 9, 14)
    a = ArrayImage(random_voxels(shape), name="a")
    b = ArrayImage(random_voxels(shape, "uint8"), name="b")
    path = write_idx(tmp_path / "two.idx", a, b)
    convert(path, tmp_path / "copy.idx", ConvertOptions(arco=0))
    for source in (a, b):
        values, _ = read(tmp_path / "copy.idx", source.spec.name)
        np.testing.assert_array_equal(values, source.voxels)
    with pytest.raises(UsageError, match=r"2 fields \(a, b\): choose with --field"):
        convert(path, tmp_path / "copy.ome.zarr", ConvertOptions())
    assert not (tmp_path / "copy.ome.zarr").exists()


def test_a_marker_of_another_program_is_not_believed(movie, tmp_path):
    source, path = movie
    (tmp_path / "copy.idx.done").write_text("999")
    convert(path, tmp_path / "copy.idx", ConvertOptions())
    np.testing.assert_array_equal(read(tmp_path / "copy.idx")[0], source.voxels)


def test_another_block_size_is_not_ignored(movie, tmp_path):
    _, path = movie
    convert(path, tmp_path / "copy.idx", ConvertOptions(arco=2**16))
    with pytest.raises(UsageError, match="blocks, 1 KiB asked"):
        convert(path, tmp_path / "copy.idx", ConvertOptions(arco=1024))


def test_nothing_of_a_replaced_dataset_stays(tmp_path):
    large, small = random_voxels((1, 1, 9, 40, 60)), random_voxels((1, 1, 2, 8, 8))
    write_idx(tmp_path / "v.idx", ArrayImage(large), arco=256)
    np.save(tmp_path / "small.npy", small[0, 0])
    options = ConvertOptions(OpenOptions(axes="z,y,x"), overwrite=True, arco=256)
    convert(tmp_path / "small.npy", tmp_path / "v.idx", options)
    n_files = sum(1 for p in (tmp_path / "v").rglob("*.bin"))
    fresh = tmp_path / "fresh"
    fresh.mkdir()
    convert(tmp_path / "small.npy", fresh / "v.idx", options)
    assert n_files == sum(1 for p in (fresh / "v").rglob("*.bin"))
    np.testing.assert_array_equal(read(tmp_path / "v.idx")[0], small)


def stack(folder, planes):
    folder.mkdir()
    for z, plane in enumerate(planes):
        Image.fromarray(plane).save(folder / f"s{z}.png")
    return folder


@pytest.mark.parametrize("name", ["v.idx", "v.ome.zarr"])
@pytest.mark.parametrize("shape", [(1, 5, 7), (3, 1, 1), (2, 3, 4), (40, 100, 120)])
def test_small_stacks_and_single_pictures(tmp_path, name, shape):
    planes = random_voxels(shape, "uint8")
    convert(stack(tmp_path / "s", planes), tmp_path / name, ConvertOptions(arco=4 * 2**20))
    np.testing.assert_array_equal(read(tmp_path / name)[0][0, 0], planes)


@pytest.mark.parametrize("name", ["v.idx", "v.ome.zarr"])
def test_one_bad_picture_leaves_no_dataset(tmp_path, name):
    folder = stack(tmp_path / "s", random_voxels((5, 30, 40), "uint8"))
    data = (folder / "s3.png").read_bytes()
    (folder / "s3.png").write_bytes(data[: len(data) // 2])
    with pytest.raises(DataError, match=r"s3\.png"):
        convert(folder, tmp_path / name, ConvertOptions())
    assert not (tmp_path / name).exists()
    assert not (tmp_path / "v").exists()


def test_a_damaged_block_is_never_read_as_zeros(movie, tmp_path):
    _, path = movie
    block = max((tmp_path / "movie").rglob("*.bin"), key=lambda p: p.stat().st_size)
    block.write_bytes(b"\0" * 20)
    for name in ("c.idx", "c.ome.zarr", "c.npy"):
        with pytest.raises(DataError, match="damaged"):
            convert(path, tmp_path / name, ConvertOptions())
        assert not (tmp_path / name).exists()
    assert verify(path).faults


def test_an_absent_block_is_told(movie, tmp_path):
    _, path = movie
    max((tmp_path / "movie").rglob("*.bin"), key=lambda p: p.name).unlink()
    report = convert(path, tmp_path / "c.npy", ConvertOptions())
    assert any("absent" in note for note in report.notes)
    assert any("absent" in note for note in verify(path).notes)


def test_a_volume_does_not_become_one_picture(movie, tmp_path):
    _, path = movie
    with pytest.raises(UsageError, match="one 8/16-bit slice"):
        convert(path, tmp_path / "one.png", ConvertOptions(times="0"))
    assert not (tmp_path / "one.png").exists()


def test_floats_do_not_become_noise(tmp_path):
    values = np.linspace(-1, 1, 300, dtype=np.float32).reshape(1, 1, 1, 15, 20)
    path = write_idx(tmp_path / "f.idx", ArrayImage(values, present="yx"))
    with pytest.raises(UsageError, match="--range"):
        convert(path, tmp_path / "f.png", ConvertOptions())
    convert(path, tmp_path / "f.tif", ConvertOptions())
    np.testing.assert_array_equal(read(tmp_path / "f.tif")[0], values)
    convert(path, tmp_path / "f.png", ConvertOptions(value_range=(-1, 1)))
    shown = np.asarray(Image.open(tmp_path / "f.png"))
    assert (shown[0, 0], shown[-1, -1]) == (0, 255)


def test_ranges_of_colours_are_their_own(tmp_path):
    values = np.zeros((1, 3, 1, 4, 5), np.uint8)
    values[:, 0], values[:, 1], values[:, 2] = 10, 100, 200
    path = write_idx(tmp_path / "rgb.idx", ArrayImage(values, is_rgb=True, present="cyx"))
    text = path.read_text()
    assert "min(10 100 200) max(10 100 200)" in text


@pytest.mark.parametrize("workers", [1, 4])
def test_many_workers_copy_as_one(movie, tmp_path, workers):
    source, path = movie
    convert(path, tmp_path / "copy.idx", ConvertOptions(arco=0, workers=workers))
    np.testing.assert_array_equal(read(tmp_path / "copy.idx")[0], source.voxels)


def test_the_source_and_its_copy_are_not_one(movie):
    _, path = movie
    with pytest.raises(PyramidionError):
        convert(path, Path(path), ConvertOptions(overwrite=True))
