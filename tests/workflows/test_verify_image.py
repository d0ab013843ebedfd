"""`verify` of images finds what is wrong, and nothing else."""

import json

import numpy as np
import pytest
from tests.formats.idx_written import ArrayImage, write_idx

from pyramidion.core import image_axes
from pyramidion.formats import OpenOptions
from pyramidion.workflows import ConvertOptions, convert, verify

SHAPE = (1, 1, 20, 45, 60)


def image(shape=SHAPE, seed=1, voxel=(2.0, 0.5, 0.5), unit="um", **described):
    values = np.random.default_rng(seed).integers(0, 60_000, shape, np.uint16)
    return ArrayImage(values, axes=image_axes(shape, voxel, unit), **described)


@pytest.fixture
def source(tmp_path):
    return write_idx(tmp_path / "source.idx", image(), arco=4096)


@pytest.mark.parametrize("name", ["c.idx", "c.ome.zarr", "c.h5", "c.tif", "c.npy"])
def test_a_sound_copy_is_sound(source, tmp_path, name):
    convert(source, tmp_path / name, ConvertOptions())
    report = verify(tmp_path / name, source, kind="image")
    assert report.faults == []
    assert report.samples == np.prod(SHAPE)


def faults(dataset, against=None, **how):
    return verify(dataset, against, **how).faults


def test_one_voxel_that_differs_is_named(source, tmp_path):
    other = image()
    other.voxels[0, 0, 7, 8, 9] ^= 1
    write_idx(tmp_path / "other.idx", other)
    assert faults(tmp_path / "other.idx", source) == [
        "voxel (z, y, x) (7, 8, 9) of time 0, channel 0 differs from the source"
    ]


@pytest.mark.parametrize(
    ("described", "words"),
    [
        ({"unit": "mm"}, "voxel size z 2 mm differs"),
        ({"voxel": (2.0, 0.5, 0.75)}, "voxel size x 0.75 um differs from the source's 0.5 um"),
    ],
)
def test_other_voxel_sizes_are_named(source, tmp_path, described, words):
    write_idx(tmp_path / "other.idx", image(**described))
    assert any(words in fault for fault in faults(tmp_path / "other.idx", source))


def test_the_same_size_in_another_unit_is_the_same(source, tmp_path):
    write_idx(tmp_path / "other.idx", image(voxel=(2000.0, 500.0, 500.0), unit="nm"))
    assert faults(tmp_path / "other.idx", source) == []


def test_other_time_steps_are_named(tmp_path):
    shape = (2, 1, 3, 5, 6)
    write_idx(tmp_path / "a.idx", image(shape, times=(0, 3), present="tzyx"))
    write_idx(tmp_path / "b.idx", image(shape, times=(3, 10), present="tzyx"))
    assert any("time steps" in fault for fault in faults(tmp_path / "a.idx", tmp_path / "b.idx"))


def test_a_missing_field_is_named(tmp_path):
    a, b = image(name="a"), image(seed=2, name="b")
    write_idx(tmp_path / "two.idx", a, b)
    write_idx(tmp_path / "one.idx", a)
    assert faults(tmp_path / "one.idx", tmp_path / "two.idx") == ["field b: missing"]
    assert "field b: not in the source" in faults(tmp_path / "two.idx", tmp_path / "one.idx")
    how = OpenOptions(field="a")
    assert faults(tmp_path / "one.idx", tmp_path / "two.idx", options=how) == []


def test_every_damaged_block_is_named(source, tmp_path):
    blocks = sorted((tmp_path / "source").rglob("*.bin"))
    for block in (blocks[1], blocks[-1]):
        block.write_bytes(block.read_bytes()[:9])
    found = faults(source)
    assert len(found) == 2
    assert all("damaged" in fault for fault in found)


def test_a_level_that_is_not_the_mean_is_named(tmp_path):
    store, other = tmp_path / "a.ome.zarr", tmp_path / "b.ome.zarr"
    big = write_idx(tmp_path / "big.idx", image((1, 1, 40, 300, 300)))
    convert(big, store, ConvertOptions())
    convert(big, other, ConvertOptions(stat="max"))
    assert faults(store) == []
    for shard in (p for p in (store / "1").rglob("*") if p.is_file() and p.name != "zarr.json"):
        shard.write_bytes((other / shard.relative_to(store)).read_bytes())
    assert any("are not the mean of level 0" in fault for fault in faults(store))


def test_metadata_that_viewers_stumble_over_are_named(source, tmp_path):
    store = tmp_path / "a.ome.zarr"
    convert(source, store, ConvertOptions())
    root = json.loads((store / "zarr.json").read_text())
    root["attributes"]["ome"]["multiscales"][0]["axes"][0]["unit"] = "furlong"
    (store / "zarr.json").write_text(json.dumps(root))
    assert any("furlong" in fault for fault in faults(store))


def test_times_of_a_plain_array_are_not_taken_for_channels(tmp_path):
    source = write_idx(tmp_path / "m.idx", image((3, 1, 4, 21, 31), present="tzyx"))
    convert(source, tmp_path / "m.npy", ConvertOptions())
    assert faults(tmp_path / "m.npy", source) == []
