"""Images that others wrote: OME-Zarr 0.4 and 0.5, bare arrays, odd axes and transformations."""

import json

import numpy as np
import pytest
import zarr

from pyramidion.core import Box, DataError, UsageError
from pyramidion.formats import OpenOptions, example_voxels, kind_of_source, open_image
from pyramidion.formats._ome.checks import check_ome
from pyramidion.formats._ome.units import SPACE, TIME, ome_unit, short_unit
from pyramidion.formats.zarr import FORMAT

AXES = [
    {"name": "t", "type": "time", "unit": "second"},
    {"name": "c", "type": "channel"},
    {"name": "z", "type": "space", "unit": "micrometer"},
    {"name": "y", "type": "space", "unit": "micrometer"},
    {"name": "x", "type": "space", "unit": "micrometer"},
]


def multiscale(axes, scales, translations=None, **more):
    datasets = []
    for k, scale in enumerate(scales):
        steps = [{"type": "scale", "scale": list(scale)}]
        if translations:
            steps.append({"type": "translation", "translation": list(translations[k])})
        datasets.append({"path": f"s{k}/image", "coordinateTransformations": steps})
    return {"axes": axes, "datasets": datasets, **more}


def write_group(path, voxels, described, zarr_format, **array_options):
    """An image of two levels as another program writes it."""
    group = zarr.create_group(path, zarr_format=zarr_format)
    if zarr_format == 3:
        group.attrs["ome"] = {"version": "0.5", "multiscales": [described]}
    else:
        group.attrs["multiscales"] = [{"version": "0.4", **described}]
    for k, values in enumerate((voxels, voxels[..., ::2, ::2])):
        array = group.create_array(
            f"s{k}/image", shape=values.shape, dtype=values.dtype, **array_options
        )
        array[...] = values
    return path


OPTIONS = {
    "v2": (2, {"chunks": (1, 1, 4, 16, 16), "chunk_key_encoding": {"name": "v2", "separator": "/"}}),
    "v2-dots": (2, {"chunks": (1, 1, 4, 16, 16)}),
    "v2-zstd-big": (2, {"chunks": (1, 1, 4, 16, 16), "dtype": ">u2"}),
    "v3": (3, {"chunks": (1, 1, 4, 16, 16)}),
    "v3-keys-of-v2": (3, {"chunks": (1, 1, 4, 16, 16), "chunk_key_encoding": {"name": "v2", "separator": "."}}),
    "v3-sharded": (3, {"chunks": (1, 1, 4, 16, 16), "shards": (1, 1, 8, 32, 32)}),
    "v3-transposed": (3, {"chunks": (1, 1, 4, 16, 16), "filters": [zarr.codecs.TransposeCodec(order=(4, 3, 2, 1, 0))]}),
}  # fmt: skip


@pytest.mark.parametrize("name", OPTIONS)
def test_what_others_write_is_read(tmp_path, rng, name):
    zarr_format, options = OPTIONS[name]
    options = dict(options)
    dtype = options.pop("dtype", "<u2")
    voxels = rng.integers(0, 2**16, (2, 3, 7, 40, 50), np.uint16).astype(dtype)
    voxels[:, :, :4, :16, :16] = 0  # chunks of nothing but the fill value are not stored
    described = multiscale(
        AXES,
        [(0.5, 1, 2, 0.25, 0.25), (0.5, 1, 2, 0.5, 0.5)],
        [(0, 0, 1, 0, 0), (0, 0, 1, 0.125, 0.125)],
        name="brain",
    )
    path = write_group(tmp_path / "x.zarr", voxels, described, zarr_format, **options)
    assert kind_of_source(path) == "image"
    with open_image(path) as source:
        assert source.spec.dtype == np.dtype("<u2")
        assert source.spec.name == "brain"
        assert [a.unit for a in source.spec.axes] == ["s", "", "um", "um", "um"]
        assert [a.scale for a in source.spec.axes] == [0.5, 1, 2, 0.25, 0.25]
        assert [a.offset for a in source.spec.axes] == [0, 0, 1, 0, 0]
        assert source.levels[1].factors == (1, 1, 1, 2, 2)
        assert source.levels[1].shift == (0, 0, 0, 0.5, 0.5)
        assert source.block == (1, 1, 4, 16, 16)
        np.testing.assert_array_equal(source.read(Box.whole(voxels.shape)), voxels)
        part = Box((1, 0, 2, 3, 5), (2, 3, 7, 19, 25))
        np.testing.assert_array_equal(source.read(part, 1), voxels[..., ::2, ::2][part.slices])
        source.close()


def test_axes_in_another_order_and_a_scale_for_all(tmp_path, rng):
    voxels = rng.integers(0, 255, (4, 5, 6), np.uint8)  # x, y, z
    axes = [{"name": n, "type": "space", "unit": "nanometer"} for n in "xyz"]
    described = multiscale(axes, [(1, 2, 3)])
    described["coordinateTransformations"] = [{"type": "scale", "scale": [10, 10, 10]}]
    described["datasets"][0]["path"] = "a"
    group = zarr.create_group(tmp_path / "x.zarr", zarr_format=3)
    group.attrs["ome"] = {"version": "0.5", "multiscales": [described]}
    group.create_array("a", data=voxels)
    with open_image(tmp_path / "x.zarr") as source:
        assert source.spec.shape == (1, 1, 6, 5, 4)
        assert source.spec.present == "zyx"
        assert [a.scale for a in source.spec.axes[2:]] == [30, 20, 10]
        np.testing.assert_array_equal(
            source.read(Box.whole(source.spec.shape))[0, 0], voxels.transpose(2, 1, 0)
        )


@pytest.mark.parametrize("zarr_format", [2, 3])
@pytest.mark.parametrize(
    ("shape", "names", "axes", "present"),
    [
        ((6, 7), None, None, "yx"),
        ((5, 6, 7), None, None, "zyx"),
        ((3, 5, 6, 7), None, None, "czyx"),
        ((2, 3, 4, 6, 7), None, None, "tczyx"),
        ((5, 6, 7), ("t", "y", "x"), None, "tyx"),
        ((5, 6, 7), None, "c,y,x", "cyx"),
        ((5, 6, 7), None, "tyx", "tyx"),
    ],
)
def test_bare_arrays(tmp_path, rng, zarr_format, shape, names, axes, present):
    voxels = rng.integers(0, 255, shape, np.uint8)
    more = {"dimension_names": names} if zarr_format == 3 and names else {}
    array = zarr.create_array(
        tmp_path / "a.zarr", shape=shape, dtype="u1", zarr_format=zarr_format, **more
    )
    array[...] = voxels
    if names and zarr_format == 2:
        array.attrs["_ARRAY_DIMENSIONS"] = list(names)
    assert kind_of_source(tmp_path / "a.zarr") == "image"
    with open_image(tmp_path / "a.zarr", OpenOptions(axes=axes, voxel=(3, 2, 1))) as source:
        assert source.spec.present == present
        assert [a.scale for a in source.spec.axes[2:]] == [3, 2, 1]
        assert {a.unit for a in source.spec.axes[2:]} == {"um"}
        read = source.read(Box.whole(source.spec.shape))
        np.testing.assert_array_equal(read.reshape(shape), voxels)


def test_options_that_do_not_fit(tmp_path):
    zarr.create_array(tmp_path / "a.zarr", shape=(4, 5, 6), dtype="u1")
    for axes in ("y,x", "a,b,c", "y,y,x", "t,c,z", ""):
        with pytest.raises(UsageError, match="--axes"):
            open_image(tmp_path / "a.zarr", OpenOptions(axes=axes))
    with pytest.raises(UsageError, match="--field: not in the dataset"):
        open_image(tmp_path / "a.zarr", OpenOptions(field="B"))
    zarr.create_array(tmp_path / "b.zarr", shape=(4,), dtype="u1")
    with pytest.raises(DataError, match="2 to 5 axes needed"):
        open_image(tmp_path / "b.zarr")


def test_the_example_of_the_format(tmp_path):
    path = FORMAT.image_example(tmp_path)
    assert FORMAT.owns(path)
    assert FORMAT.kind(path, OpenOptions()) == "image"
    with FORMAT.open_image(path, OpenOptions()) as source:
        np.testing.assert_array_equal(source.read(Box.whole(source.spec.shape)), example_voxels())
    (path / "labels").mkdir()
    assert not FORMAT.owns(path)


def test_waveform_stores_are_no_images(tmp_path):
    assert kind_of_source(FORMAT.example(tmp_path)) == "waveform"


def test_kind_never_raises(tmp_path):
    folder = tmp_path / "x.zarr"
    folder.mkdir()
    for text in ("", "[", "[]", '{"zarr_format": 9}', '{"zarr_format": 3, "node_type": "group", "attributes": 7}'):  # fmt: skip
        (folder / "zarr.json").write_text(text)
        assert FORMAT.kind(folder, OpenOptions()) == "waveform"
    assert FORMAT.kind(tmp_path / "nothing", OpenOptions()) == "waveform"


@pytest.mark.parametrize(
    ("attributes", "words"),
    [
        ({"bioformats2raw.layout": 3}, ["a collection of 2 pictures", "0, 1", "x.zarr/0"]),
        ({"plate": {"wells": [{"path": "A/1"}, {"path": "B/2"}]}}, ["a plate of 2 pictures", "x.zarr/A/1/0"]),
        ({"well": {"images": [{"path": "0"}, {"path": "1"}]}}, ["a well of 2 pictures", "x.zarr/0"]),
    ],
)  # fmt: skip
@pytest.mark.parametrize("zarr_format", [2, 3])
def test_collections_name_their_pictures(tmp_path, zarr_format, attributes, words):
    group = zarr.create_group(tmp_path / "x.zarr", zarr_format=zarr_format)
    group.create_group("0")
    group.create_group("1")
    group.create_group("OME")
    group.attrs.update({"ome": attributes} if zarr_format == 3 else attributes)
    assert kind_of_source(tmp_path / "x.zarr") == "image"
    with pytest.raises(DataError) as told:
        open_image(tmp_path / "x.zarr")
    assert all(word in str(told.value) for word in words)


def test_ome_zarr_py_reads_it(tmp_path):
    pytest.importorskip("ome_zarr")
    from ome_zarr.io import parse_url
    from ome_zarr.reader import Reader

    path = FORMAT.image_example(tmp_path)
    (node, *_) = list(Reader(parse_url(str(path)))())
    np.testing.assert_array_equal(np.asarray(node.data[0]), example_voxels()[0, 0])


def test_faults_that_validators_pass(tmp_path):
    path = FORMAT.image_example(tmp_path)
    attributes = json.loads((path / "zarr.json").read_text())["attributes"]
    assert check_ome(attributes) == []
    ome = attributes["ome"]
    ome["multiscales"][0]["axes"][0]["unit"] = "furlong"
    del ome["omero"]["channels"][0]["window"]["start"]
    ome["omero"]["channels"][0]["color"] = "red"
    faults = check_ome(attributes)
    assert len(faults) == 3
    for word in ("unknown unit furlong", "window has no start", "colour red"):
        assert any(word in fault for fault in faults)
    for broken in ({}, {"ome": 7}, {"ome": {"multiscales": 7, "omero": []}}, {"omero": {"channels": [7]}}):  # fmt: skip
        assert check_ome(broken) == []


def test_units_there_and_back():
    for unit in SPACE + TIME:
        assert ome_unit(short_unit(unit)) == unit
    assert ome_unit("\N{MICRO SIGN}m") == ome_unit("micron") == "micrometer"
