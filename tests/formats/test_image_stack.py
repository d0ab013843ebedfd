"""Stacks of pictures: which files, in which order, and what is read from them."""

import threading
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import numpy as np
import pytest
import tifffile
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from PIL import Image
from tests.formats.picture_files import asymmetric, grey_rows, png, read_all, save

from pyramidion.core import Box, DataError, PyramidionError, UsageError
from pyramidion.formats import OpenOptions, format_of_source, open_image
from pyramidion.formats._images import png as png_module
from pyramidion.formats._images import stack_source
from pyramidion.formats._images.listing import natural_key

DATA = Path(__file__).parents[1] / "data" / "brain"


def stack(folder, names, shape=(5, 7)):
    """Write one picture per name, each with its number as value; return the folder."""
    for number, name in enumerate(names):
        save(folder / name, np.full(shape, number, np.uint8))
    return folder


def order(path, **options):
    """Return the values of the slices, and their arrangement (t, c, z)."""
    values = read_all(path, **options)
    return values[..., 0, 0].ravel().tolist(), values.shape[:3]


# Order


def test_natural_order(tmp_path):
    stack(tmp_path / "s", ["img10.png", "img2.png", "img1.png", "img9.png"])
    with open_image(tmp_path / "s") as source:
        assert [Path(f).name for f in source.files] == [
            "img1.png",
            "img2.png",
            "img9.png",
            "img10.png",
        ]
    assert order(tmp_path / "s")[0] == [2, 1, 3, 0]


@given(st.lists(st.integers(0, 3000), min_size=1, max_size=20, unique=True))
def test_numbers_are_in_order_of_value(numbers):
    names = sorted((f"a/b{n}.png" for n in numbers), key=natural_key)
    assert names == [f"a/b{n}.png" for n in sorted(numbers)]


def test_real_slices_without_leading_zeros():
    with open_image(DATA) as source:
        assert source.spec.present == "zyx"
        assert source.spec.shape == (1, 1, 3, 233, 197)
        assert [Path(f).name for f in source.files] == ["t1_9.png", "t1_64.png", "t1_100.png"]


def test_pattern_folder_and_deep_pattern_are_the_same(tmp_path):
    stack(tmp_path / "s", ["a1.png", "a2.png", "a11.png"])
    expected = order(tmp_path / "s")
    for pattern in ("s/*.png", "s/a*.png", "**/*.png", "s/**/*.png", "?/a*.png"):
        assert order(tmp_path / pattern) == expected, pattern


def test_two_stars_are_one_stack_over_all_folders(tmp_path):
    stack(tmp_path, ["d2/a1.png", "d2/a10.png", "d10/a2.png", "d1/a3.png"])
    assert order(tmp_path / "**" / "*.png") == ([3, 0, 1, 2], (1, 1, 4))


def test_hidden_files_and_other_files_are_left_out(tmp_path):
    stack(tmp_path, ["a1.png", "a2.png", ".a3.png", ".trash/a4.png"])
    (tmp_path / "notes.txt").write_text("x")
    assert order(tmp_path)[1] == (1, 1, 2)
    assert order(tmp_path / "**" / "*.png")[1] == (1, 1, 2)


@pytest.mark.parametrize("name", ["a b.png", "a[1].png", "ä'\"%.png", "-x.png", "n\newline.png"])
def test_odd_names(tmp_path, name):
    save(tmp_path / name, asymmetric((4, 6), np.uint8))
    np.testing.assert_array_equal(read_all(tmp_path / name)[0, 0, 0], asymmetric((4, 6), np.uint8))


def test_names_that_are_not_utf8(tmp_path):
    name = tmp_path / "a\udcff1.png"
    save(tmp_path / "a.png", asymmetric((4, 6), np.uint8)).rename(name)
    assert read_all(tmp_path).shape == (1, 1, 1, 4, 6)


# Time steps and channels


def test_each_folder_is_a_time_step(tmp_path):
    stack(tmp_path, [f"t{t:03}/z{z}.png" for t in (2, 5, 10) for z in range(2)])
    with open_image(tmp_path) as source:
        assert source.spec.shape[:3] == (3, 1, 2)
        assert source.spec.present == "tzyx"
        assert source.spec.times == (2, 5, 10)
    assert order(tmp_path)[0] == [0, 1, 2, 3, 4, 5]
    assert order(tmp_path / "t*" / "*.png")[0] == [0, 1, 2, 3, 4, 5]


def test_folders_must_hold_as_many(tmp_path):
    stack(tmp_path, ["t0/z0.png", "t0/z1.png", "t1/z0.png"])
    with pytest.raises(DataError, match=r"t1: 1 pictures, .*t0 has 2"):
        open_image(tmp_path)


def test_numbers_with_words(tmp_path):
    names = [f"a_t{t:03}_c{c}_z{z:02}.png" for t in range(2) for c in range(3) for z in range(11)]
    stack(tmp_path, names)
    with open_image(tmp_path) as source:
        assert source.spec.shape[:3] == (2, 3, 11)
        assert source.spec.present == "tczyx"
        assert [c.label for c in source.spec.channels] == ["c0", "c1", "c2"]
    assert order(tmp_path)[0] == list(range(66))


def test_words_in_another_order(tmp_path):
    stack(tmp_path, [f"slice{z}_time{t}.png" for z in range(3) for t in (4, 7)])
    assert order(tmp_path) == ([0, 2, 4, 1, 3, 5], (2, 1, 3))
    assert open_image(tmp_path).spec.times == (4, 7)


def test_one_number_with_a_word_is_a_movie(tmp_path):
    stack(tmp_path, ["t0.png", "t1.png", "t2.png"])
    with open_image(tmp_path) as source:
        assert source.spec.present == "tyx"


def test_a_missing_combination_is_named(tmp_path):
    stack(tmp_path, ["t0_z0.png", "t0_z1.png", "t1_z0.png"])
    with pytest.raises(DataError, match="t1 z1 is missing"):
        open_image(tmp_path)


def test_two_ways_to_read_the_names(tmp_path):
    stack(tmp_path, [f"a{i}_{j}.png" for i in range(2) for j in range(3)])
    with pytest.raises(UsageError, match="2 numbers vary") as caught:
        open_image(tmp_path)
    assert caught.value.status == 2


def test_dates_and_clock_times_are_one_stack(tmp_path):
    stack(tmp_path, ["s_0101_1130.png", "s_0101_1210.png", "s_0102_0900.png"])
    assert order(tmp_path) == ([0, 1, 2], (1, 1, 3))


def test_channels_of_rgb_are_refused(tmp_path):
    for c in range(2):
        save(tmp_path / f"c{c}.png", np.zeros((3, 4, 3), np.uint8))
    with pytest.raises(DataError, match="3 samples in 2 channels"):
        open_image(tmp_path)


# What is decoded

KINDS = {
    "grey8": ((6, 9), np.uint8, 1),
    "grey16": ((6, 9), np.uint16, 1),
    "grey-alpha": ((6, 9, 2), np.uint8, 2),
    "rgb": ((6, 9, 3), np.uint8, 3),
    "rgba": ((6, 9, 4), np.uint8, 4),
}


@pytest.mark.parametrize("kind", KINDS)
def test_png_by_pillow(tmp_path, kind):
    shape, dtype, samples = KINDS[kind]
    planes = [asymmetric((*shape[:2], z + 1, *shape[2:]), dtype)[:, :, z] for z in range(3)]
    for z, plane in enumerate(planes):
        save(tmp_path / f"{z}.png", plane)
    expected = np.stack([p.reshape(6, 9, samples) for p in planes]).transpose(3, 0, 1, 2)[None]
    with open_image(tmp_path) as source:
        assert source.spec.is_rgb == (samples > 2)
        assert source.spec.dtype == dtype
        assert source.spec.present == ("zyx" if samples == 1 else "czyx")
        assert source.block == (1, samples, 1, 6, 9)
        values = source.read(Box.whole(source.spec.shape))
        np.testing.assert_array_equal(values, expected)
        box = Box((0, samples // 2, 1, 2, 3), (1, samples, 3, 5, 9))
        np.testing.assert_array_equal(source.read(box), expected[box.slices])


def test_png_of_three_colours_of_16_bit(tmp_path):
    values = asymmetric((5, 4, 3))
    (tmp_path / "a.png").write_bytes(png(4, 5, grey_rows(values.reshape(5, 12)), 16, 2))
    np.testing.assert_array_equal(read_all(tmp_path / "a.png")[0, :, 0], values.transpose(2, 0, 1))


@pytest.mark.parametrize("bits", [1, 2, 4])
def test_low_depths_keep_their_numbers(tmp_path, bits):
    path = tmp_path / "a.png"
    path.write_bytes(png(8 // bits, 1, b"\0\x1b", bits))
    stored = [int(f"{0x1B:08b}"[i : i + bits], 2) for i in range(0, 8, bits)]
    assert read_all(path).ravel().tolist() == stored
    with open_image(path) as source:
        assert f"{bits}-bit numbers are kept as stored" in source.spec.warnings[0]


def test_palette_becomes_its_colours(tmp_path):
    image = Image.fromarray(asymmetric((6, 5), np.uint8) % 4, "P")
    image.putpalette([10, 20, 30, 40, 50, 60, 70, 80, 90, 1, 2, 3])
    image.save(tmp_path / "a.png")
    with open_image(tmp_path / "a.png") as source:
        assert "palette" in source.spec.warnings[0]
        assert source.spec.is_rgb
    np.testing.assert_array_equal(
        read_all(tmp_path / "a.png")[0, :, 0], np.asarray(image.convert("RGB")).transpose(2, 0, 1)
    )


def test_interlaced(tmp_path):
    # Adam7 of 1 x 1: one pass of one pixel; 2 x 2: passes 1, 6 and 7.
    rows = b"\0\x0a" + b"\0\x14" + b"\0\x1e\x28"
    (tmp_path / "a.png").write_bytes(png(2, 2, rows, interlace=1))
    assert read_all(tmp_path / "a.png").ravel().tolist() == [10, 20, 30, 40]


def test_gamma_and_text_are_ignored(tmp_path):
    from tests.formats.picture_files import chunk

    extra = chunk(b"gAMA", b"\0\0\xb1\x8f") + chunk(b"tEXt", b"a\0b") + chunk(b"sBIT", b"\5")
    values = asymmetric((3, 4), np.uint8)
    (tmp_path / "a.png").write_bytes(png(4, 3, grey_rows(values), extra=extra))
    np.testing.assert_array_equal(read_all(tmp_path / "a.png")[0, 0, 0], values)


def test_jpeg_by_pillow(tmp_path):
    ramp = np.add.outer(np.arange(40), np.arange(60) * 2).astype(np.uint8)
    for name, values in (("g.jpg", ramp), ("c.jpeg", np.stack([ramp, ramp // 2, ramp], -1))):
        Image.fromarray(values).save(tmp_path / name, quality=95, progressive=name == "c.jpeg")
        with Image.open(tmp_path / name) as image:
            expected = np.asarray(image)
        found = read_all(tmp_path / name)[0, :, 0].transpose(1, 2, 0)
        assert np.abs(found.reshape(expected.shape).astype(int) - expected).max() <= 1


TIFF_DTYPES = ["uint8", "uint16", "uint32", "int8", "int16", "int32", "float16", "float32", "float64", "uint64"]  # fmt: skip


@pytest.mark.parametrize("dtype", TIFF_DTYPES)
@pytest.mark.parametrize("options", [{}, {"compression": "zlib", "predictor": True}, {"byteorder": ">"}, {"tile": (16, 16)}], ids=str)  # fmt: skip
def test_stack_of_tiff(tmp_path, dtype, options):
    if "predictor" in options and dtype in ("float16", "uint64"):
        options = {"compression": "zlib"}
    planes = asymmetric((3, 20, 33), dtype)
    for z, plane in enumerate(planes):
        tifffile.imwrite(tmp_path / f"{z}.tif", plane, **options)
    with open_image(tmp_path) as source:
        assert source.spec.dtype == np.dtype(dtype).newbyteorder("<")
    np.testing.assert_array_equal(read_all(tmp_path)[0, 0], planes)


def test_stack_of_rgb_tiff_with_resolution(tmp_path):
    planes = asymmetric((2, 6, 7, 3), np.uint8)
    for z, plane in enumerate(planes):
        tifffile.imwrite(
            tmp_path / f"{z}.tif", plane, resolution=(20000, 40000), resolutionunit="CENTIMETER"
        )
    with open_image(tmp_path) as source:
        assert [axis.scale for axis in source.spec.axes[2:]] == [1.0, 0.25, 0.5]
        assert {axis.unit for axis in source.spec.axes[2:]} == {"um"}
    np.testing.assert_array_equal(read_all(tmp_path)[0], planes.transpose(3, 0, 1, 2))


def test_voxel_size_by_the_user(tmp_path):
    stack(tmp_path, ["1.png", "2.png"])
    with open_image(tmp_path, OpenOptions(voxel=(3.0, 2.0, 1.5), voxel_unit="nm")) as source:
        assert [(a.scale, a.unit) for a in source.spec.axes[2:]] == [
            (3.0, "nm"),
            (2.0, "nm"),
            (1.5, "nm"),
        ]


@pytest.fixture(scope="module")
def movie(tmp_path_factory):
    folder = tmp_path_factory.mktemp("movie")
    values = asymmetric((2, 2, 3, 13, 17))
    for t, c, z in np.ndindex(2, 2, 3):
        save(folder / f"t{t}_c{c}_z{z}.png", values[t, c, z])
    return folder, values


@settings(max_examples=40, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(data=st.data())
def test_any_box_is_numpy(movie, data):
    folder, values = movie
    start = tuple(data.draw(st.integers(0, n - 1)) for n in values.shape)
    stop = tuple(data.draw(st.integers(a + 1, n)) for a, n in zip(start, values.shape, strict=True))
    with open_image(folder) as source:
        found = source.read(Box(start, stop))
    np.testing.assert_array_equal(found, values[Box(start, stop).slices])


def test_many_threads(movie):
    folder, values = movie
    boxes = [
        Box((t, c, z, y, 0), (t + 1, c + 1, z + 1, y + 4, 17))
        for t, c, z in np.ndindex(2, 2, 3)
        for y in (0, 4, 9)
    ]
    with open_image(folder) as source, ThreadPoolExecutor(8) as pool:
        for box, found in zip(boxes, pool.map(source.read, boxes), strict=True):
            np.testing.assert_array_equal(found, values[box.slices])


def test_crop_and_pad(tmp_path):
    first, second = asymmetric((5, 8), np.uint8), asymmetric((6, 7), np.uint8)
    save(tmp_path / "1.png", first)
    save(tmp_path / "2.png", second)
    cropped = read_all(tmp_path, fit="crop")
    np.testing.assert_array_equal(cropped[0, 0], [first[:5, :7], second[:5, :7]])
    padded = read_all(tmp_path, fit="pad")
    np.testing.assert_array_equal(padded[0, 0, 0], np.pad(first, ((0, 1), (0, 0))))
    np.testing.assert_array_equal(padded[0, 0, 1], np.pad(second, ((0, 0), (0, 1))))
    with open_image(tmp_path, OpenOptions(fit="pad")) as source:
        corner = source.read(Box((0, 0, 0, 4, 6), (1, 1, 2, 6, 8)))
    np.testing.assert_array_equal(corner, padded[:, :, :, 4:6, 6:8])


def test_single_tiff_in_a_folder_may_have_pages(tmp_path):
    values = asymmetric((4, 5, 6))
    tifffile.imwrite(tmp_path / "only.tif", values, photometric="minisblack")
    np.testing.assert_array_equal(read_all(tmp_path)[0, 0], values)
    np.testing.assert_array_equal(read_all(tmp_path / "*.tif")[0, 0], values)


def test_a_store_with_a_picture_in_it_is_no_stack(tmp_path):
    stack(tmp_path / "w.zarr", ["preview.png"])
    (tmp_path / "w.zarr" / "zarr.json").write_text("{}")
    assert format_of_source(tmp_path / "w.zarr").name != "image-stack"


def test_a_folder_that_is_called_a_store_is_no_stack(tmp_path):
    stack(tmp_path / "w.zarr", ["a.png"])
    with pytest.raises(PyramidionError, match=r"not a Zarr store \(contains: a.png\)") as caught:
        open_image(tmp_path / "w.zarr")
    assert caught.value.id == "PYR-ZAR-01"
    assert order(tmp_path / "w.zarr" / "*.png") == ([0], (1, 1, 1))


def test_a_screenshot_beside_recordings_is_no_stack(tmp_path):
    for n in range(3):
        (tmp_path / f"C1--run--0000{n}.trc").write_bytes(b"x")
    save(tmp_path / "screen.png", asymmetric((5, 7), np.uint8))
    assert format_of_source(tmp_path).name == "trc"


def test_a_file_that_is_replaced_meanwhile(tmp_path):
    stack(tmp_path, ["1.png", "2.png"])
    with open_image(tmp_path) as source:
        save(tmp_path / "2.png", asymmetric((5, 7), np.uint8))
        with pytest.raises(PyramidionError, match="changed while reading") as caught:
            source.read(Box.whole(source.spec.shape))
        assert caught.value.id == "PYR-ALL-20"
        (tmp_path / "1.png").unlink()
        with pytest.raises(PyramidionError, match="changed while reading"):
            source.read(Box.whole(source.spec.shape))


# Slices that are read tile by tile


def count_decodes(monkeypatch):
    """Record every slice that is decoded, and how many at the same time at most."""
    lock, begun, most = threading.Lock(), [], []
    under_way = 0
    decode = png_module.decode

    def counted(file, picture, out):
        nonlocal under_way
        with lock:
            under_way += 1
            begun.append(file.path.name)
            most.append(under_way)
        time.sleep(0.01)
        values = decode(file, picture, out)
        with lock:
            under_way -= 1
        return values

    monkeypatch.setattr(png_module, "decode", counted)
    return begun, most


def test_a_slice_is_decoded_once_however_many_threads(tmp_path, monkeypatch):
    values = asymmetric((64, 64))
    save(tmp_path / "a.png", values)
    begun, _ = count_decodes(monkeypatch)
    tiles = [(y, x) for y in range(0, 64, 16) for x in range(0, 64, 16)]
    with open_image(tmp_path / "a.png") as source, ThreadPoolExecutor(8) as pool:

        def read(at):
            y, x = at
            found = source.read(Box((0, 0, 0, y, x), (1, 1, 1, y + 16, x + 16)))
            np.testing.assert_array_equal(found[0, 0, 0], values[y : y + 16, x : x + 16])

        list(pool.map(read, tiles))
    assert begun == ["a.png"]


def test_large_slices_are_decoded_one_at_a_time(tmp_path, monkeypatch):
    monkeypatch.setattr(stack_source, "_KEPT_BYTES", 2 * 64 * 64)
    stack(tmp_path, [f"{n}.png" for n in range(4)], shape=(128, 64))
    begun, most = count_decodes(monkeypatch)
    with open_image(tmp_path) as source, ThreadPoolExecutor(8) as pool:

        def read(z):
            found = source.read(Box((0, 0, z % 4, 0, 0), (1, 1, z % 4 + 1, 10, 64)))
            assert (found == z % 4).all()

        list(pool.map(read, range(12)))
    assert set(begun) == {f"{n}.png" for n in range(4)}
    assert max(most) == 1
