"""TIFF files with pages, written by tifffile and Pillow, read as images."""

from concurrent.futures import ThreadPoolExecutor

import numpy as np
import pytest
import tifffile
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from PIL import Image
from tests.formats.picture_files import asymmetric, read_all

from pyramidion.core import Box, UsageError
from pyramidion.formats import OpenOptions, format_of_source, open_image

GREY = {"photometric": "minisblack"}


def opened(path, **options):
    return open_image(path, OpenOptions(**options))


def check(path, expected, present, **options):
    """Compare a file with (t, c, z, y, x), whole and in parts."""
    with opened(path, **options) as source:
        spec = source.spec
        assert spec.present == present
        assert spec.shape == expected.shape
        assert spec.dtype == expected.dtype.newbyteorder("<")
        np.testing.assert_array_equal(source.read(Box.whole(spec.shape)), expected)
        start = tuple(n // 3 for n in spec.shape)
        stop = tuple(max(a + 1, n - n // 4) for a, n in zip(start, spec.shape, strict=True))
        box = Box(start, stop)
        np.testing.assert_array_equal(source.read(box), expected[box.slices])
        assert source.notes() == ()
        return spec


STORED = {
    "plain": {},
    "big endian": {"byteorder": ">"},
    "bigtiff": {"bigtiff": True},
    "strips": {"rowsperstrip": 7},
    "deflate": {"compression": "zlib", "predictor": True},
    "deflate strips": {"compression": "zlib", "rowsperstrip": 5},
    "lzw": {"compression": "lzw", "predictor": True},
    "zstd": {"compression": "zstd"},
    "packbits": {"compression": "packbits"},
    "tiles": {"tile": (16, 32)},
    "deflate tiles": {"tile": (16, 16), "compression": "zlib", "predictor": True},
    "big-endian tiles": {"tile": (16, 16), "compression": "zlib", "byteorder": ">"},
}


@pytest.mark.parametrize("stored", STORED)
@pytest.mark.parametrize("dtype", ["uint8", "uint16", "int16", "float32"])
def test_pages(tmp_path, stored, dtype):
    values = asymmetric((3, 37, 53), dtype)
    tifffile.imwrite(tmp_path / "a.tif", values, **GREY, **STORED[stored])
    check(tmp_path / "a.tif", values[None, None], "zyx")


@pytest.mark.parametrize("dtype", ["int8", "uint32", "int32", "uint64", "int64", "float16", "float64"])  # fmt: skip
def test_other_types(tmp_path, dtype):
    values = asymmetric((2, 11, 13), dtype)
    tifffile.imwrite(tmp_path / "a.tif", values, **GREY)
    tifffile.imwrite(tmp_path / "b.tif", values, compression="zlib", **GREY)
    check(tmp_path / "a.tif", values[None, None], "zyx")
    check(tmp_path / "b.tif", values[None, None], "zyx")


def test_pages_by_pillow(tmp_path):
    pages = [Image.fromarray(plane) for plane in asymmetric((4, 9, 12))]
    for name, how in (("a.tif", None), ("b.tif", "tiff_lzw"), ("c.tif", "tiff_adobe_deflate")):
        pages[0].save(tmp_path / name, save_all=True, append_images=pages[1:], compression=how)
        check(tmp_path / name, asymmetric((4, 9, 12))[None, None], "zyx")


def test_one_page(tmp_path):
    values = asymmetric((9, 12), np.float32)
    tifffile.imwrite(tmp_path / "a.tif", values)
    check(tmp_path / "a.tif", values[None, None, None], "yx")
    assert format_of_source(tmp_path / "a.tif").name == "tiff"


@pytest.mark.parametrize("planar", ["contig", "separate"])
@pytest.mark.parametrize("stored", [{}, {"compression": "zlib", "tile": (16, 16)}], ids=str)
@pytest.mark.parametrize("samples", [3, 4])
def test_colours(tmp_path, planar, stored, samples):
    values = asymmetric((2, samples, 20, 31), np.uint8)
    laid = values if planar == "separate" else values.transpose(0, 2, 3, 1)
    extra = {"extrasamples": ["unassalpha"]} if samples == 4 else {}
    tifffile.imwrite(
        tmp_path / "a.tif", laid, photometric="rgb", planarconfig=planar, **extra, **stored
    )
    spec = check(tmp_path / "a.tif", values.swapaxes(0, 1)[None], "czyx")
    assert spec.is_rgb


def test_imagej_hyperstack(tmp_path):
    values = asymmetric((2, 4, 3, 15, 18))  # t z c y x
    tifffile.imwrite(
        tmp_path / "a.tif",
        values,
        imagej=True,
        resolution=(1 / 0.25, 1 / 0.5),
        metadata={
            "axes": "TZCYX",
            "spacing": 2.5,
            "unit": "um",
            "finterval": 0.2,
            "Ranges": (0.0, 100.0, 1.0, 200.0, 2.0, 300.0),
            "LUTs": [
                np.outer(c, np.arange(256)).astype("u1") for c in ((1, 0, 0), (0, 1, 0), (0, 0, 1))
            ],
        },
    )
    spec = check(tmp_path / "a.tif", values.transpose(0, 2, 1, 3, 4), "tczyx")
    assert [axis.scale for axis in spec.axes] == pytest.approx([0.2, 1, 2.5, 0.5, 0.25])
    assert [axis.unit for axis in spec.axes] == ["s", "", "um", "um", "um"]
    assert [c.color for c in spec.channels] == ["FF0000", "00FF00", "0000FF"]
    assert spec.channels[2].window == (2.0, 300.0)


def test_imagej_with_one_directory_for_all(tmp_path):
    """As ImageJ itself writes stacks: the planes follow the first, without directories."""
    values = asymmetric((5, 15, 18))
    tifffile.imwrite(
        tmp_path / "a.tif", values, imagej=True, truncate=True, metadata={"axes": "ZYX"}
    )
    with tifffile.TiffFile(tmp_path / "a.tif") as tif:
        assert len(tif.pages) == 1
    check(tmp_path / "a.tif", values[None, None], "zyx")


@pytest.mark.parametrize("stored", [{}, {"compression": "zlib"}], ids=str)
def test_ome(tmp_path, stored):
    values = asymmetric((2, 3, 4, 15, 18))  # t c z y x
    tifffile.imwrite(
        tmp_path / "a.ome.tif",
        values,
        **GREY,
        **stored,
        metadata={
            "axes": "TCZYX",
            "Name": "liver",
            "PhysicalSizeX": 65,
            "PhysicalSizeXUnit": "nm",
            "PhysicalSizeY": 65,
            "PhysicalSizeYUnit": "nm",
            "PhysicalSizeZ": 0.2,
            "PhysicalSizeZUnit": "µm",
            "TimeIncrement": 50,
            "TimeIncrementUnit": "ms",
            "Channel": {
                "Name": ["DAPI", "GFP", "Cy5"],
                "Color": [0x0000FFFF, 0x00FF00FF, -16776961],
            },
        },
    )
    spec = check(tmp_path / "a.ome.tif", values, "tczyx")
    assert [axis.scale for axis in spec.axes] == pytest.approx([0.05, 1, 0.2, 0.065, 0.065])
    assert [axis.unit for axis in spec.axes] == ["s", "", "um", "um", "um"]
    assert [c.label for c in spec.channels] == ["DAPI", "GFP", "Cy5"]
    assert [c.color for c in spec.channels] == ["0000FF", "00FF00", "FF0000"]
    assert spec.attributes["name"] == "liver"


def test_ome_in_the_order_of_the_file(tmp_path):
    values = asymmetric((4, 2, 15, 18))
    tifffile.imwrite(tmp_path / "a.ome.tif", values, metadata={"axes": "ZCYX"}, **GREY)
    check(tmp_path / "a.ome.tif", values.swapaxes(0, 1)[None], "czyx")


def test_axes_that_the_file_names(tmp_path):
    values = asymmetric((3, 5, 15, 18))
    tifffile.imwrite(tmp_path / "a.tif", values, metadata={"axes": "TZYX"}, **GREY)
    check(tmp_path / "a.tif", values[:, None], "tzyx")


def test_axes_that_the_user_names(tmp_path):
    values = asymmetric((3, 5, 15, 18))
    tifffile.imwrite(tmp_path / "a.tif", values, **GREY)
    with pytest.raises(UsageError, match="use --axes"):
        opened(tmp_path / "a.tif")
    check(tmp_path / "a.tif", values[:, None], "tzyx", axes="t,z,y,x")
    check(tmp_path / "a.tif", values.swapaxes(0, 1)[None], "czyx", axes="z,c,y,x")
    for wrong in ("z,y,x", "z,z,y,x", "a,b,y,x"):
        with pytest.raises(UsageError, match="4 axes needed"):
            opened(tmp_path / "a.tif", axes=wrong)


def test_pyramid(tmp_path):
    full = asymmetric((64, 96))
    with tifffile.TiffWriter(tmp_path / "a.tif") as tif:
        tif.write(full, subifds=2, tile=(16, 16), compression="zlib")
        tif.write(full[::2, ::2], subfiletype=1, tile=(16, 16), compression="zlib")
        tif.write(full[::4, ::4], subfiletype=1, tile=(16, 16), compression="zlib")
    check(tmp_path / "a.tif", full[None, None, None], "yx")
    with opened(tmp_path / "a.tif") as source:
        assert [level.shape for level in source.levels] == [
            (1, 1, 1, 64, 96),
            (1, 1, 1, 32, 48),
            (1, 1, 1, 16, 24),
        ]
        assert source.levels[2].factors == (1, 1, 1, 4, 4)
        box = Box((0, 0, 0, 3, 5), (1, 1, 1, 12, 20))
        np.testing.assert_array_equal(source.read(box, 2)[0, 0, 0], full[::4, ::4][3:12, 5:20])


@pytest.mark.parametrize("shape", [(1, 1), (1, 9), (9, 1), (2, 1, 5)], ids=str)
@pytest.mark.parametrize("stored", [{}, {"compression": "zlib"}, {"tile": (16, 16)}], ids=str)
def test_thin(tmp_path, shape, stored):
    values = asymmetric(shape)
    tifffile.imwrite(tmp_path / "a.tif", values, **GREY, **stored)
    np.testing.assert_array_equal(
        read_all(tmp_path / "a.tif")[0, 0], values.reshape(-1, *shape[-2:])
    )


def test_several_series(tmp_path):
    one, two = asymmetric((3, 9, 12)), asymmetric((7, 8), np.uint8)
    with tifffile.TiffWriter(tmp_path / "a.tif") as tif:
        tif.write(one, **GREY)
        tif.write(two)
    with pytest.raises(UsageError, match="2 series") as caught:
        opened(tmp_path / "a.tif")
    assert "choose --series" in caught.value.line
    check(tmp_path / "a.tif", one[None, None], "zyx", series=0)
    check(tmp_path / "a.tif", two[None, None, None], "yx", series=1)
    with pytest.raises(UsageError, match="0 to 1"):
        opened(tmp_path / "a.tif", series=2)


def test_one_bit(tmp_path):
    values = asymmetric((9, 21), np.uint8) % 2
    Image.fromarray(values.astype(bool)).save(tmp_path / "a.tif")
    assert read_all(tmp_path / "a.tif").dtype == np.uint8
    np.testing.assert_array_equal(read_all(tmp_path / "a.tif")[0, 0, 0], values)


def test_palette_keeps_its_numbers(tmp_path):
    values = asymmetric((9, 21), np.uint8)
    tifffile.imwrite(
        tmp_path / "a.tif", values, photometric="palette", colormap=np.zeros((3, 256), "u2")
    )
    np.testing.assert_array_equal(read_all(tmp_path / "a.tif")[0, 0, 0], values)
    with opened(tmp_path / "a.tif") as source:
        assert "palette" in source.spec.warnings[0]


@pytest.mark.parametrize(
    ("resolution", "unit", "expected"),
    [
        ((25400, 50800), "INCH", (0.5, 1.0)),
        ((1e5, 1e4), "CENTIMETER", (1.0, 0.1)),
        ((72, 72), "INCH", None),
        ((1, 1), "NONE", None),
    ],
)
def test_resolution(tmp_path, resolution, unit, expected):
    tifffile.imwrite(
        tmp_path / "a.tif", asymmetric((4, 5)), resolution=resolution, resolutionunit=unit
    )
    with opened(tmp_path / "a.tif") as source:
        y, x = source.spec.axes[3:]
        if expected is None:
            assert (y.unit, x.unit) == ("", "")
        else:
            assert (y.scale, x.scale) == pytest.approx(expected)
            assert x.unit == "um"


def test_pages_that_the_file_leaves_out_are_counted(tmp_path):
    """Tiles without bytes are how sparse files say 0."""
    values = np.zeros((32, 32), np.uint8)
    values[:16, :16] = 7
    tifffile.imwrite(tmp_path / "a.tif", values, tile=(16, 16), compression="zlib")
    with tifffile.TiffFile(tmp_path / "a.tif", mode="r+") as tif:
        tag = tif.pages[0].tags["TileByteCounts"]
        tag.overwrite([tag.value[0], 0, 0, 0])
    with opened(tmp_path / "a.tif") as source:
        np.testing.assert_array_equal(source.read(Box.whole(source.spec.shape))[0, 0, 0], values)
        assert source.notes() == ("3 tiles, strips or pages are absent, and read as 0",)


@pytest.fixture(scope="module")
def hyperstack(tmp_path_factory):
    values = asymmetric((2, 3, 4, 21, 34))
    path = tmp_path_factory.mktemp("tiff") / "a.ome.tif"
    tifffile.imwrite(
        path, values, **GREY, metadata={"axes": "TCZYX"}, tile=(16, 16), compression="zlib"
    )
    return path, values


@settings(max_examples=40, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(data=st.data())
def test_any_box_is_numpy(hyperstack, data):
    path, values = hyperstack
    start = tuple(data.draw(st.integers(0, n - 1)) for n in values.shape)
    stop = tuple(data.draw(st.integers(a + 1, n)) for a, n in zip(start, values.shape, strict=True))
    with opened(path) as source:
        found = source.read(Box(start, stop))
    np.testing.assert_array_equal(found, values[Box(start, stop).slices])


def test_many_threads(hyperstack):
    path, values = hyperstack
    boxes = [
        Box((t, c, z, y, 0), (t + 1, c + 1, z + 1, y + 7, 34))
        for t, c, z in np.ndindex(2, 3, 4)
        for y in (0, 7, 14)
    ]
    with opened(path) as source, ThreadPoolExecutor(8) as pool:
        for box, found in zip(boxes, pool.map(source.read, boxes), strict=True):
            np.testing.assert_array_equal(found, values[box.slices])


def test_only_what_is_needed_is_read(tmp_path):
    """A region of a large file costs its tiles, not the file."""
    values = asymmetric((512, 512))
    tifffile.imwrite(tmp_path / "a.tif", values, tile=(64, 64), compression="zlib")
    with opened(tmp_path / "a.tif") as source:
        reader = source._readers[0]
        decoded = []
        decode = reader._decode
        reader._decode = lambda *a: (decoded.append(a), decode(*a))[1]
        source.read(Box((0, 0, 0, 60, 100), (1, 1, 1, 70, 120)))
    assert len(decoded) == 2
