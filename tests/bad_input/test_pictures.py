"""The rows IMG-01 to IMG-10 and TIF-01 to TIF-07, and the common ones that concern pictures."""

from __future__ import annotations

import os
import shutil
import struct
import time
import tracemalloc
import zlib
from contextlib import suppress

import numpy as np
import pytest
import tifffile
from tests.formats.picture_files import (
    MAGIC,
    asymmetric,
    chunk,
    grey_rows,
    png,
    read_all,
    save,
    spec_of,
    write,
)

from pyramidion.core import Box, PyramidionError
from pyramidion.formats import (
    OpenOptions,
    WriteOptions,
    format_of_destination,
    format_of_source,
    formats,
    open_image,
)
from pyramidion.formats.image_stack import FORMAT as STACK
from pyramidion.formats.tiff import FORMAT as TIFF

GREY = {"photometric": "minisblack"}


def refusal(path, id_, status=1, read=False, **options) -> str:
    """Return the one line with which a source is refused, quickly and without much memory."""
    tracemalloc.start()
    begin = time.perf_counter()
    with pytest.raises(PyramidionError) as caught:
        read_all(path, **options) if read else open_image(path, OpenOptions(**options)).close()
    seconds, peak = time.perf_counter() - begin, tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert caught.value.id == id_, caught.value.line
    assert caught.value.status == status
    assert seconds < 5  # 1 s without tracing
    assert peak < 2**28
    assert "\n" not in caught.value.line
    return caught.value.line


def told(path, data: bytes):
    path.write_bytes(data)
    return path


# Pictures


@pytest.mark.parametrize(
    ("name", "data", "words"),
    [
        ("F.png", b"", "F.png: not a PNG (0 bytes)"),
        ("F.png", b"hello", "F.png: not a PNG (starts with `68 65 6c 6c`)"),
        ("F.png", b"\xff\xd8\xff\xe0rest", "F.png: not a PNG (starts with `ff d8 ff e0`, looks like JPEG)"),
        ("F.png", b"II*\0\x08\0\0\0", "F.png: not a PNG (starts with `49 49 2a 00`, looks like TIFF)"),
        ("F.jpg", MAGIC, "F.jpg: not a JPEG (starts with `89 50 4e 47`, looks like PNG)"),
        ("F.jpg", b"", "F.jpg: not a JPEG (0 bytes)"),
        ("F.tif", b"", "F.tif: not a TIFF (0 bytes)"),
        ("F.tif", b"II*", "F.tif: not a TIFF"),
        ("F.tif", MAGIC, "F.tif: not a TIFF"),
    ],
)  # fmt: skip
def test_img_01_not_a_picture(tmp_path, name, data, words):
    if name == "F.tif" and data == MAGIC:  # in a stack: by itself its bytes would decide
        save(tmp_path / "a1.tif", asymmetric((3, 4)))
        (tmp_path / name).write_bytes(data)
        assert words in refusal(tmp_path, "PYR-IMG-01")
        return
    assert words in refusal(told(tmp_path / name, data), "PYR-IMG-01")


def test_img_01_folder_without_pictures(tmp_path):
    (tmp_path / "a.txt").write_text("x")
    with pytest.raises(PyramidionError):
        open_image(tmp_path)
    with pytest.raises(PyramidionError, match="holds no pictures"):
        STACK.open_image(tmp_path, OpenOptions())


def test_img_01_kinds_mixed(tmp_path):
    for name in ("a.png", "b.png", "c.jpg"):
        save(tmp_path / name, asymmetric((3, 4), np.uint8))
    assert "2 kinds of pictures (2 PNG, 1 JPEG)" in refusal(tmp_path, "PYR-IMG-01")
    (tmp_path / "d.txt").write_text("x")
    assert "d.txt: not a picture" in refusal(tmp_path / "*", "PYR-IMG-01")


def noisy(shape=(400, 100)):
    return np.random.default_rng(0).integers(0, 65536, shape, np.uint16)


def test_img_02_every_cut_is_found(tmp_path):
    """Also a missing IEND, which libpng does not mind."""
    data = save(tmp_path / "whole.png", noisy((40, 30))).read_bytes()
    for cut in [*range(8, 60), len(data) // 2, *range(len(data) - 14, len(data))]:
        path = told(tmp_path / "F.png", data[:cut])
        assert "truncated or damaged" in refusal(path, "PYR-IMG-02", read=True), cut


def test_img_02_every_flipped_bit_is_found(tmp_path):
    data = save(tmp_path / "whole.png", noisy((40, 30))).read_bytes()
    for at in [*range(8, 45), *range(45, len(data), 97), *range(len(data) - 16, len(data))]:
        flipped = bytearray(data)
        flipped[at] ^= 0x10
        with pytest.raises(PyramidionError) as caught:
            read_all(told(tmp_path / "F.png", flipped))
        assert caught.value.id in ("PYR-IMG-02", "PYR-IMG-05"), at


def test_img_02_the_row_is_named(tmp_path):
    values = noisy()
    rows = [b"\0" + row.astype(">u2").tobytes() for row in values]
    packer = zlib.compressobj()
    parts = [packer.compress(row) + packer.flush(zlib.Z_FULL_FLUSH) for row in rows]
    head = chunk(b"IHDR", struct.pack(">IIBBBBB", 100, 400, 16, 0, 0, 0, 0))
    chunks = [chunk(b"IDAT", part) for part in parts]
    bad = bytearray(chunks[123])
    bad[50] ^= 1
    chunks[123] = bytes(bad)
    end = chunk(b"IDAT", packer.flush()) + chunk(b"IEND", b"")
    path = told(tmp_path / "F.png", MAGIC + head + b"".join(chunks) + end)
    assert "(row 123 of 400)" in refusal(path, "PYR-IMG-02", read=True)
    path = told(tmp_path / "G.png", MAGIC + head + b"".join(chunks[:77]))
    assert "(row 77 of 400)" in refusal(path, "PYR-IMG-02", read=True)


def test_img_02_pixels_too_few(tmp_path):
    path = told(tmp_path / "F.png", png(100, 60, (b"\0" + bytes(100)) * 50))
    assert "(row 50 of 60)" in refusal(path, "PYR-IMG-02", read=True)


@pytest.mark.parametrize("share", [0.02, 0.3, 0.6, 0.99])
def test_img_02_jpeg_that_was_cut(tmp_path, share):
    data = save(tmp_path / "whole.jpg", (noisy((200, 300)) >> 8).astype(np.uint8)).read_bytes()
    path = told(tmp_path / "F.jpg", data[: int(len(data) * share)])
    assert "truncated or damaged" in refusal(path, "PYR-IMG-02", read=True)


def test_img_03_bombs(tmp_path):
    packer = zlib.compressobj(9)
    part = packer.compress(bytes(30001 * 300)) + packer.flush(zlib.Z_FULL_FLUSH)
    pixels = part * 100
    head = chunk(b"IHDR", struct.pack(">IIBBBBB", 30000, 30000, 8, 0, 0, 0, 0))
    data = MAGIC + head + chunk(b"IDAT", pixels) + chunk(b"IEND", b"")
    line = refusal(told(tmp_path / "F.png", data), "PYR-IMG-03", read=True)
    assert "900 megapixels from 0.9 MB: refused: --max-pixels" in line
    big = png(2**31 - 1, 2**31 - 1, b"")
    line = refusal(told(tmp_path / "G.png", big), "PYR-IMG-03", read=True)
    assert "megapixels from 70 B" in line or "megapixels from" in line
    save(tmp_path / "small.png", asymmetric((30, 40), np.uint8))
    assert "--max-pixels" in refusal(tmp_path / "small.png", "PYR-IMG-03", max_pixels=1199)
    assert read_all(tmp_path / "small.png", max_pixels=1200).shape == (1, 1, 1, 30, 40)


def test_img_04_text_is_never_unpacked(tmp_path):
    bomb = chunk(b"zTXt", b"a\0\0" + zlib.compress(bytes(2**26), 9))
    plain = chunk(b"tEXt", b"a\0" + bytes(2**23))
    values = asymmetric((30, 40), np.uint8)
    path = told(tmp_path / "F.png", png(40, 30, grey_rows(values), extra=bomb + plain))
    tracemalloc.start()
    found = read_all(path)
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    np.testing.assert_array_equal(found[0, 0, 0], values)
    assert peak < 2**22
    many = b"".join(chunk(b"tEXt", b"a\0b") for _ in range(2000))
    path = told(tmp_path / "G.png", png(40, 30, grey_rows(values), extra=many))
    assert "chunks before the pixels" in refusal(path, "PYR-IMG-04")


def test_img_05_animated(tmp_path):
    extra = chunk(b"acTL", struct.pack(">II", 3, 0))
    path = told(tmp_path / "F.png", png(4, 3, grey_rows(asymmetric((3, 4), "u1")), extra=extra))
    assert "animated PNG not supported" in refusal(path, "PYR-IMG-05")


def test_img_05_cmyk_jpeg(tmp_path):
    from PIL import Image

    Image.new("CMYK", (8, 9)).save(tmp_path / "F.jpg")
    assert "CMYK" in refusal(tmp_path / "F.jpg", "PYR-IMG-05")


def test_img_05_transparent_colour(tmp_path):
    extra = chunk(b"tRNS", b"\0\3")
    values = asymmetric((3, 4), np.uint8)
    path = told(tmp_path / "F.png", png(4, 3, grey_rows(values), extra=extra))
    np.testing.assert_array_equal(read_all(path)[0, 0, 0], values)
    with open_image(path) as source:
        assert "transparent" in source.spec.warnings[0]


def test_img_06_sizes_differ(tmp_path):
    save(tmp_path / "img0041.png", np.zeros((512, 512), np.uint8))
    save(tmp_path / "img0042.png", np.zeros((512, 511), np.uint8))
    line = refusal(tmp_path, "PYR-IMG-06")
    assert "img0042.png: 511 x 512, the first has 512 x 512: --crop or --pad" in line


def test_img_07_types_differ(tmp_path):
    save(tmp_path / "img0041.png", np.zeros((5, 6), np.uint8))
    save(tmp_path / "img0042.png", np.zeros((5, 6), np.uint16))
    assert "img0042.png: uint16, the first is uint8" in refusal(tmp_path, "PYR-IMG-07")
    save(tmp_path / "img0042.png", np.zeros((5, 6, 3), np.uint8))
    line = refusal(tmp_path, "PYR-IMG-07", fit="pad")
    assert "img0042.png: uint8 with 3 samples, the first is uint8 with 1 sample" in line


def test_img_07_pages_in_a_stack(tmp_path):
    for name in ("a1.tif", "a2.tif"):
        tifffile.imwrite(tmp_path / name, asymmetric((2, 5, 6)), **GREY)
    assert "has more than one page" in refusal(tmp_path, "PYR-IMG-07")


def test_img_08_one_image(tmp_path):
    save(tmp_path / "img0042.png", asymmetric((5, 6)))
    for path in (tmp_path, tmp_path / "*.png", tmp_path / "img0042.png"):
        with open_image(path) as source:
            assert source.spec.present == "yx"
            assert source.spec.warnings == ()


def test_img_08_slices_missing(tmp_path):
    for n in (15, 16, 19):
        save(tmp_path / f"img{n:04}.png", asymmetric((5, 6)))
    with open_image(tmp_path) as source:
        assert source.spec.warnings == ("missing 17, 18",)
    assert "missing 17, 18" in refusal(tmp_path, "PYR-IMG-08", strict=True)
    save(tmp_path / "img0100.png", asymmetric((5, 6)))
    with open_image(tmp_path) as source:
        assert source.spec.warnings == (
            "missing 17, 18, 20, 21, 22, 23, 24, 25, 26, 27 and 72 more",
        )


def test_img_08_a_regular_step_is_no_gap(tmp_path):
    for n in (0, 5, 10, 15):
        save(tmp_path / f"{n}.png", asymmetric((5, 6)))
    with open_image(tmp_path, OpenOptions(strict=True)) as source:
        assert source.spec.warnings == ()


def test_img_10_given_twice(tmp_path):
    save(tmp_path / "a1.png", asymmetric((5, 6)))
    (tmp_path / "a2.png").symlink_to("a1.png")
    assert "a2.png: given twice" in refusal(tmp_path, "PYR-IMG-10", status=2)
    (tmp_path / "a2.png").unlink()
    save(tmp_path / "a01.png", asymmetric((5, 6)))
    assert "number 1 is given twice" in refusal(tmp_path, "PYR-IMG-10")


# TIFF


def ifd(entries, following=0) -> bytes:
    """Return a directory of (tag, type, count, value)."""
    packed = b"".join(struct.pack("<HHII", *entry) for entry in entries)
    return struct.pack("<H", len(entries)) + packed + struct.pack("<I", following)


def page(width=4, height=3, offset=8, n_bytes=12, **more):
    tags = {256: width, 257: height, 258: 8, 259: 1, 262: 1, 273: offset, 277: 1, 278: height}
    tags |= {279: n_bytes} if n_bytes is not None else {}
    tags |= {int(k[1:]): v for k, v in more.items()}
    return [(tag, 4, 1, value) for tag, value in sorted(tags.items())]


def tiff_bytes(*pages, loop_to=None) -> bytes:
    """Return a file whose pages follow each other from byte 64."""
    data, at = b"", 64
    for i, entries in enumerate(pages):
        length = 6 + 12 * len(entries)
        last = i == len(pages) - 1
        following = (0 if loop_to is None else loop_to) if last else at + length
        data += ifd(entries, following)
        at += length
    return struct.pack("<2sHI", b"II", 42, 64).ljust(64, b"\7") + data


def test_tif_01_loop(tmp_path):
    length = 6 + 12 * len(page())
    path = told(tmp_path / "F.tif", tiff_bytes(page(), page(), page(), loop_to=64 + length))
    assert "page list loops at page 3" in refusal(path, "PYR-TIF-01")
    path = told(tmp_path / "G.tif", tiff_bytes(page(), loop_to=64))
    assert "page list loops at page 1" in refusal(path, "PYR-TIF-01")


def test_tif_01_offsets_outside(tmp_path):
    path = told(tmp_path / "F.tif", tiff_bytes(page(), loop_to=10**6))
    assert "truncated or damaged page list" in refusal(path, "PYR-TIF-01")
    path = told(tmp_path / "G.tif", struct.pack("<2sHI", b"II", 42, 10**9))
    assert "truncated or damaged page list" in refusal(path, "PYR-TIF-01")
    path = told(tmp_path / "H.tif", struct.pack("<2sHI", b"II", 42, 0))
    assert "empty" in refusal(path, "PYR-TIF-01")
    path = told(tmp_path / "I.tif", tiff_bytes([*page(), (700, 1, 2**32 - 1, 8)]))
    assert "tag 700 claims 4.29 GB" in refusal(path, "PYR-TIF-01")
    path = told(tmp_path / "J.tif", tiff_bytes([*page(), (330, 4, 10_000, 8)]) + bytes(40_000))
    assert "more than 64 pages within a page" in refusal(path, "PYR-TIF-01")


@pytest.mark.slow
def test_tif_01_a_million_pages(tmp_path):
    count = 10**6
    one = np.zeros(count, [("n", "<u2"), ("entry", "V12"), ("next", "<u4")])
    one["n"] = 1
    one["next"] = 64 + 18 * (1 + np.arange(count))
    one["next"][-1] = 0
    head = struct.pack("<2sHI", b"II", 42, 64).ljust(64, b"\0")
    path = told(tmp_path / "F.tif", head + one.tobytes())
    with pytest.raises(PyramidionError, match="more than 524 288 pages"):
        open_image(path)


def test_tif_02_declares_more_than_it_has(tmp_path):
    data = tiff_bytes(page(84_855, 84_855, n_bytes=84_855**2 % 2**32))
    path = told(tmp_path / "F.tif", data.ljust(522, b"\0"))
    assert "declares 6.7 GiB, has 522 B" in refusal(path, "PYR-TIF-02", read=True)
    small = tiff_bytes(page(100, 100, n_bytes=10_000))
    line = refusal(told(tmp_path / "G.tif", small), "PYR-TIF-02", read=True)
    assert "declares 9.8 KiB, has" in line


def test_tif_02_byte_counts_missing(tmp_path):
    """Read as they must be, or refused: never other elements."""
    path = told(tmp_path / "F.tif", tiff_bytes(page(n_bytes=None)))
    with suppress(PyramidionError):
        assert read_all(path).tobytes() == path.read_bytes()[8:20]


@pytest.mark.parametrize(
    ("n_bytes", "words"),
    [
        (0, "declares 12 B, has 0 B"),
        (5, "declares 12 B, has 5 B"),
        (10**6, "declares 976.6 KiB, has"),
    ],
)
def test_tif_02_byte_counts_wrong(tmp_path, n_bytes, words):
    path = told(tmp_path / "F.tif", tiff_bytes(page(n_bytes=n_bytes)))
    assert words in refusal(path, "PYR-TIF-02", read=True)
    shutil.copy(path, tmp_path / "a1.tif")
    path.rename(tmp_path / "a2.tif")
    assert words in refusal(tmp_path / "a*.tif", "PYR-TIF-02", read=True)


@pytest.mark.parametrize("code", [6, 34661, 65000, 12345])
def test_tif_03_compression_not_supported(tmp_path, code):
    path = told(tmp_path / "F.tif", tiff_bytes(page(_259=code)))
    assert f"compression {code} not supported" in refusal(path, "PYR-TIF-03", read=True)


def test_tif_04_bombs(tmp_path):
    tifffile.imwrite(
        tmp_path / "F.tif", np.zeros((9000, 9000), np.uint8), compression="zlib", rowsperstrip=9000
    )
    line = refusal(tmp_path / "F.tif", "PYR-IMG-03", read=True)
    assert "81 megapixels from 0.1 MB: refused" in line
    pages = np.zeros((400, 512, 512), np.uint8)
    tifffile.imwrite(tmp_path / "G.tif", pages, compression="zstd", **GREY)
    found = read_all(tmp_path / "G.tif")  # each page alone is small
    assert found.shape == (1, 1, 400, 512, 512)


def test_tif_04_strip_that_unpacks_to_more(tmp_path):
    packed = zlib.compress(bytes(2**26), 9)
    entries = page(4, 3, offset=64 + 6 + 12 * 9, n_bytes=len(packed), _259=8)
    path = told(tmp_path / "F.tif", tiff_bytes(entries) + packed)
    tracemalloc.start()
    with suppress(PyramidionError):
        assert not read_all(path).any()
    assert tracemalloc.get_traced_memory()[1] < 2**26
    tracemalloc.stop()


def test_tif_05_planes_missing(tmp_path):
    """OME-XML that declares more planes than there are."""
    tifffile.imwrite(
        tmp_path / "a.ome.tif", asymmetric((3, 5, 6)), metadata={"axes": "ZYX"}, **GREY
    )
    data = (tmp_path / "a.ome.tif").read_bytes()
    path = told(tmp_path / "F.ome.tif", data.replace(b'SizeZ="3"', b'SizeZ="9"'))
    line = refusal(path, "PYR-TIF-05")
    assert "6 of 9 planes that its metadata declares are missing" in line
    with open_image(path, OpenOptions(fill_damaged=True)) as source:
        found = source.read(Box.whole(source.spec.shape))[0, 0]
        np.testing.assert_array_equal(found[:3], asymmetric((3, 5, 6)))
        assert not found[3:].any()
        assert "6 tiles, strips or pages are absent" in source.notes()[0]


def ome(tmp_path, text: str):
    tifffile.imwrite(
        tmp_path / "F.tif", asymmetric((5, 6)), description=text.encode(), metadata=None
    )
    return tmp_path / "F.tif"


def test_tif_06_doctype(tmp_path):
    text = '<?xml version="1.0"?><!DOCTYPE OME [<!ENTITY a "b">]><OME>&a;</OME>'
    assert "XML with DOCTYPE refused" in refusal(ome(tmp_path, text), "PYR-TIF-06")


def test_tif_06_much_text(tmp_path):
    path = ome(tmp_path, "<OME>" + " " * 2**24 + "</OME>")
    assert "XML over the limit of 16 MiB" in refusal(path, "PYR-TIF-06")


OME = (
    '<?xml version="1.0"?><OME xmlns="http://www.openmicroscopy.org/Schemas/OME/2016-06"><Image ID="Image:0">'
    '<Pixels ID="Pixels:0" DimensionOrder="XYZCT" Type="uint16" SizeX="6" SizeY="5" SizeZ="2" SizeC="1" SizeT="1">'
    '<Channel ID="Channel:0:0" SamplesPerPixel="1"/><TiffData IFD="0" FirstZ="1"><UUID FileName="{}">urn:uuid:0</UUID>'
    "</TiffData></Pixels></Image></OME>"
)


@pytest.mark.parametrize(
    "name", ["../b.tif", "/etc/passwd", "..\\b.tif", "C:\\b.tif", "a/b.tif", ".."]
)
def test_tif_07_companions_outside(tmp_path, name):
    line = refusal(ome(tmp_path, OME.format(name)), "PYR-TIF-07")
    assert "companion file outside the folder refused" in line


def test_tif_07_companions_beside(tmp_path):
    line = refusal(ome(tmp_path, OME.format("b.tif")), "PYR-TIF-07")
    assert "is one of 2 files of an OME-TIFF (b.tif)" in line


def test_tif_damaged_xml(tmp_path):
    assert "OME-XML is damaged" in refusal(ome(tmp_path, OME[:200] + "</OME>"), "PYR-TIF-05")


@pytest.mark.parametrize("how", [{}, {"compression": "zlib"}, {"tile": (16, 16), "compression": "zstd"}], ids=str)  # fmt: skip
def test_every_cut_of_a_tiff_is_an_error_or_right(tmp_path, how):
    values = noisy((60, 70))
    tifffile.imwrite(tmp_path / "whole.tif", values, **how)
    data = (tmp_path / "whole.tif").read_bytes()
    for cut in [*range(1, 200, 7), *range(200, len(data), len(data) // 40)]:
        with pytest.raises(PyramidionError) as caught:
            read_all(told(tmp_path / "F.tif", data[:cut]))
        assert caught.value.status == 1, cut


def test_damaged_tiff_never_ends_otherwise(tmp_path):
    """Random bytes in the directories: an error of ours, or elements."""
    rng = np.random.default_rng(5)
    tifffile.imwrite(tmp_path / "whole.tif", noisy((3, 20, 30)), compression="zlib", **GREY)
    data = np.frombuffer((tmp_path / "whole.tif").read_bytes(), np.uint8)
    for _ in range(300):
        flipped = data.copy()
        flipped[rng.integers(0, len(data), 3)] = rng.integers(0, 256, 3)
        flipped[rng.integers(0, 400)] = rng.integers(0, 256)
        path = told(tmp_path / "F.tif", flipped.tobytes())
        try:
            with open_image(path) as source:
                assert source.read(Box.whole(source.spec.shape)).shape == source.spec.shape
        except PyramidionError:
            pass


# Names, links, special files


def test_all_15_nothing_matches(tmp_path):
    with pytest.raises(PyramidionError, match="matches no file") as caught:
        open_image(tmp_path / "*.png")
    assert f"looked in {tmp_path}" in caught.value.line
    assert caught.value.id == "PYR-ALL-15"
    with pytest.raises(PyramidionError, match="matches no file"):
        STACK.open_image(tmp_path / "**" / "*.png", OpenOptions())


@pytest.mark.slow
def test_all_16_many_names(tmp_path):
    from pyramidion.formats._images.listing import list_pictures
    from pyramidion.formats._images.order import arrange

    count = 30_000
    for n in range(count):
        os.close(os.open(tmp_path / f"img{n}.png", os.O_CREAT))
    tracemalloc.start()
    files = list_pictures(tmp_path / "*.png")
    arranged = arrange(files, strict=True)
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert arranged.shape == (1, 1, count)
    assert arranged.names[-1].endswith(f"img{count - 1}.png")
    assert peak / count < 2**28 / 10**5


def test_all_18_special_files(tmp_path):
    os.mkfifo(tmp_path / "F.png")
    with pytest.raises(PyramidionError, match="not a regular file"):
        open_image(tmp_path / "F.png")
    os.mkfifo(tmp_path / "F.tif")
    with pytest.raises(PyramidionError, match="not a regular file"):
        open_image(tmp_path / "F.tif")


def test_all_19_links(tmp_path):
    save(tmp_path / "a1.png", asymmetric((5, 6)))
    (tmp_path / "a2.png").symlink_to("nowhere.png")
    assert "a2.png: link to a missing file (nowhere.png)" in refusal(tmp_path, "PYR-ALL-19")
    (tmp_path / "a2.png").unlink()
    (tmp_path / "a2.png").symlink_to("a2.png")
    assert "a2.png: link loop" in refusal(tmp_path, "PYR-ALL-19")
    assert "a2.png: link loop" in refusal(tmp_path / "*.png", "PYR-ALL-19")
    for found in formats():
        assert found.matches(tmp_path / "a2.png") is False
    (tmp_path / "a2.png").unlink()
    (tmp_path / "loop").symlink_to("loop")
    assert read_all(tmp_path).shape[:3] == (1, 1, 1)
    (tmp_path / "loop").unlink()
    (tmp_path / "again").symlink_to(".")
    assert read_all(tmp_path / "**" / "*.png").shape[:3] == (1, 1, 1)


# Destinations


def refused(path, values, status=2, spec=None, **options) -> str:
    """Return the line with which a destination is refused; nothing is created."""
    before = sorted(path.parent.rglob("*"))
    create = format_of_destination(path, "image").create_image
    with pytest.raises(PyramidionError) as caught:
        create(path, [spec or spec_of(values)], WriteOptions(**options))
    assert caught.value.status == status
    assert sorted(path.parent.rglob("*")) == before
    return caught.value.line


@pytest.mark.parametrize(
    ("shape", "dtype"),
    [
        ((1, 1, 3, 5, 6), "uint8"),
        ((3, 1, 1, 5, 6), "uint8"),
        ((1, 1, 1, 5, 6), "float32"),
        ((1, 1, 1, 5, 6), "uint32"),
        ((1, 1, 1, 5, 6), "int16"),
        ((1, 2, 1, 5, 6), "uint8"),
        ((1, 3, 1, 5, 6), "uint8"),
    ],
)
def test_box_05_what_png_cannot_hold(tmp_path, shape, dtype):
    line = refused(tmp_path / "out.png", np.zeros(shape, dtype))
    assert "out.png: PNG holds one 8/16-bit slice" in line
    assert "use a .tif, %04d in the name, or --range lo hi" in line


def test_box_05_jpeg(tmp_path):
    line = refused(tmp_path / "out.jpg", np.zeros((1, 1, 1, 5, 6), np.uint16))
    assert "JPEG holds one 8-bit slice (uint16)" in line


def test_box_05_ome_types(tmp_path):
    line = refused(tmp_path / "out.ome.tif", np.zeros((1, 1, 1, 5, 6), np.int64))
    assert "OME-TIFF has no int64" in line


def test_box_05_range_upside_down(tmp_path):
    values = np.zeros((1, 1, 1, 5, 6), np.float32)
    assert "--range" in refused(tmp_path / "out.png", values, value_range=(5.0, 5.0))
    assert "--range" in refused(tmp_path / "out.tif", values, value_range=(5.0, 1.0))


@pytest.mark.parametrize(
    "name",
    [
        "out_%s.png",
        "out_%n.png",
        "%d_%d.png",
        "out_%.png",
        "%d/out.png",
        "%x.png",
        "%05.png",
        "%99d.png",
        "%%.tif",
    ],
)
def test_box_06_templates(tmp_path, name):
    assert f"{name}: one %d needed" in refused(tmp_path / name, np.zeros((1, 1, 3, 5, 6), "u1"))


def test_box_06_two_numbers(tmp_path):
    line = refused(tmp_path / "%d.png", np.zeros((2, 1, 3, 5, 6), "u1"))
    assert "2 time steps of 3 slices have two numbers" in line


def test_several_fields(tmp_path):
    spec = spec_of(np.zeros((1, 1, 1, 5, 6), "u1"))
    for form in (STACK, TIFF):
        with pytest.raises(PyramidionError, match="one field"):
            form.create_image(tmp_path / "a.png", [spec, spec], WriteOptions())


def test_cmp_01_compression(tmp_path):
    line = refused(tmp_path / "a.tif", np.zeros((1, 1, 1, 5, 6), "u1"), compression="blosc-lz4")
    assert "--compression: unknown for TIFF (blosc-lz4): one of none, gzip" in line


def test_all_12_a_picture_that_cannot_be_written(tmp_path):
    """A picture that cannot be written is told, and nothing has its name."""
    values = asymmetric((1, 1, 3, 5, 6))
    path = tmp_path / "out" / "%d.png"
    sink = STACK.create_image(path, [spec_of(values)], WriteOptions())
    (tmp_path / "out.partial" / "pictures").write_text("in the way")
    with pytest.raises(PyramidionError):
        sink.work(0, [lambda box: values[box.slices]])
    sink.abort()
    assert not list((tmp_path / "out").glob("*.png"))


def test_name_too_long(tmp_path):
    with pytest.raises(PyramidionError) as caught:
        write(STACK.create_image, tmp_path / ("a" * 251 + ".png"), asymmetric((1, 1, 1, 5, 6)))
    assert caught.value.status in (1, 2)


def test_formats_are_found(tmp_path):
    assert format_of_destination(tmp_path / "o/%d.png", "image") is STACK
    assert format_of_destination(tmp_path / "o/%d.tif", "image") is TIFF
    assert format_of_destination(tmp_path / "a.ome.tiff", "image") is TIFF
    save(tmp_path / "a.png", asymmetric((5, 6)))
    save(tmp_path / "b.TIFF", asymmetric((5, 6)))
    assert format_of_source(tmp_path / "a.png") is STACK
    assert format_of_source(tmp_path / "b.TIFF") is TIFF
    (tmp_path / "a.png").rename(tmp_path / "noending")
    np.testing.assert_array_equal(read_all(tmp_path / "noending")[0, 0, 0], asymmetric((5, 6)))
