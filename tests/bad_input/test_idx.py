"""The rows IDX-01 to IDX-15 of the bad-input catalogue, as the reader meets them."""

from __future__ import annotations

import gzip
import os
import struct
import tracemalloc
import zlib

import imagecodecs
import numpy as np
import pytest
from tests.formats.idx_files import header_text, write_idx

from pyramidion.core import Box, PyramidionError
from pyramidion.formats import OpenOptions, open_image

GOOD = {
    "version": 6,
    "box": "0 99 0 36",
    "fields": "data uint8",
    "bits": "V0101010101010",
    "bitsperblock": 8,
    "blocksperfile": 4,
    "filename_template": "./visus/%04x.bin",
}


def refusal(call, id_, *, status=1) -> str:
    with pytest.raises(PyramidionError) as caught:
        call()
    assert caught.value.id == id_
    assert caught.value.status == status
    line = caught.value.line
    assert "\n" not in line
    return line


def opening(path, id_, **options) -> str:
    return refusal(lambda: open_image(path, OpenOptions(**options)), id_)


def header(tmp_path, **changed):
    path = tmp_path / "F.idx"
    keys = {k: v for k, v in (GOOD | changed).items() if v is not None}
    path.write_text(header_text(**keys))
    return path


def read_all(path, **options):
    with open_image(path, OpenOptions(**options)) as image:
        return image.read(Box.whole(image.spec.shape)), image.notes()


@pytest.mark.parametrize(
    ("data", "words"),
    [
        (b"", "0 bytes"),
        (b"\x00\x01\x02\x03", "starts with `00 01 02 03`"),
        (b"(version)\n\x00", "binary"),
        (b"<!DOCTYPE html><html><body>404 not found</body></html>", "looks like HTML"),
        (b"\n <html><h1>502</h1></html>", "looks like HTML"),
        (b'<!DOCTYPE d [<!ENTITY a "b">]><dataset><idxfile/></dataset>', "XML with DOCTYPE"),
        (b"<dataset><idxfile>", "not valid XML"),
        (b"<a>" * 5000, "XML of more than 64 levels"),
        (b"<dataset></dataset>", "XML without <idxfile>"),
        (b"hello\n", "no (version)"),
        (b"{}", "no (version)"),
    ],
)
def test_idx_01_not_a_header(tmp_path, data, words):
    path = tmp_path / "F.idx"
    path.write_bytes(data)
    line = opening(path, "PYR-IDX-01")
    assert "F.idx: not an IDX header (" in line
    assert words in line


def test_idx_01_a_file_of_gigabytes_is_not_read(tmp_path):
    path = tmp_path / "F.idx"
    with path.open("wb") as file:
        file.truncate(2**34)
    tracemalloc.start()
    assert "more than 16 MiB" in opening(path, "PYR-IDX-01")
    assert tracemalloc.get_traced_memory()[1] < 2**24
    tracemalloc.stop()


@pytest.mark.parametrize("key", ["version", "box", "fields", "bits"])
def test_idx_02_a_key_is_missing(tmp_path, key):
    line = opening(header(tmp_path, **{key: None}), "PYR-IDX-02")
    assert f"F.idx: ({key}) is missing" in line


@pytest.mark.parametrize("version", [7, -1, 0, "x", ""])
def test_idx_03_version(tmp_path, version):
    line = opening(header(tmp_path, version=version), "PYR-IDX-03")
    assert f"F.idx: version 1 to 6 supported ({version})" in line


@pytest.mark.parametrize(
    ("box", "words"),
    [
        ("0 99 50 10", "(box): upper below lower (0 99 50 10)"),
        ("0 99 0", "two numbers per axis needed"),
        ("0 99", "two numbers per axis needed"),
        ("", "whole numbers needed"),
        ("0 1e3 0 5", "whole numbers needed"),
        ("0 9.5 0 5", "whole numbers needed"),
        (f"0 {10**18} 0 5", "over the limit of 2^40 per axis"),
        (f"0 5 0 {2**63}", "over the limit of 2^40 per axis"),
        ("-5 9 0 5", "must not begin below 0"),
        ("0 9 0 9 0 9 0 9", "2 or 3 axes are supported"),
        (f"0 {2**39} 0 {2**39}", "does not cover"),
    ],
)
def test_idx_04_box(tmp_path, box, words):
    id_ = "PYR-IDX-05" if "cover" in words else "PYR-IDX-04"
    assert words in opening(header(tmp_path, box=box), id_)


def test_idx_04_array_over_the_limit(tmp_path):
    path = header(tmp_path, box=f"0 {2**26} 0 {2**26}", bits="V" + "01" * 28)
    assert "over the limit of 1 PiB" in opening(path, "PYR-IDX-04")


@pytest.mark.parametrize(
    ("bits", "words"),
    [
        ("V010101010101", "(bits): 64 x 64 does not cover 100 x 37 (V010101010101)"),
        ("", "V and digits 0 to 2 needed"),
        ("V", "does not cover"),
        ("V01a1", "V and digits 0 to 2 needed"),
        ("01010101010101", "V and digits 0 to 2 needed"),
        ("V0000000000000000000", "does not cover"),
        ("V0101010101013", "2 or 3 axes are supported"),
        ("V" + "01" * 100, "200 digits"),
        ("F0101010101010", "F (blocks of full resolution) is not supported"),
    ],
)
def test_idx_05_bitmask(tmp_path, bits, words):
    assert words in opening(header(tmp_path, bits=bits), "PYR-IDX-05")


@pytest.mark.parametrize("value", [0, 63, -3, "x", ""])
def test_idx_06_bits_per_block(tmp_path, value):
    line = opening(header(tmp_path, bitsperblock=value), "PYR-IDX-06")
    assert "(bitsperblock): 1 to 32" in line
    line = opening(header(tmp_path, bitsperblock=value, arco=64), "PYR-IDX-06")
    assert "(bitsperblock): 1 to 32" in line


@pytest.mark.parametrize(
    ("changed", "words"),
    [
        ({"bitsperblock": 32}, "a block is over the limit of 1 GiB (32)"),
        ({"arco": 2**39}, "a block is over the limit of 1 GiB"),
        ({"arco": 1, "fields": "data uint16"}, "(arco): smaller than one point (1)"),
        ({"arco": "4mb"}, "(arco): 0 to"),
        ({"blocksperfile": 0}, "(blocksperfile): must be at least 1 (0)"),
        ({"blocksperfile": "x"}, "(blocksperfile): -1 to"),
    ],
)
def test_idx_06_sizes_of_blocks_and_files(tmp_path, changed, words):
    path = header(tmp_path, **{"bits": "V" + "01" * 17} | changed)
    assert words in opening(path, "PYR-IDX-06")


@pytest.mark.parametrize(
    ("fields", "words"),
    [
        ("data bool", "(fields): unknown type (bool)"),
        ("data", "name and type needed"),
        ("", "no fields"),
        (" + ", "no fields"),
        ("a uint8 + a uint16", "name given twice (a)"),
        ("data uint8[0]", "1 to 1024 components (uint8[0])"),
        ("data uint8[1000000000]", "1 to 1024 components"),
        ("data 99999999999999*uint8", "unknown type"),
        ("data uint8 default_value(x)", "default_value must be a number"),
        ("data uint8 default_value(300)", "default_value is no uint8 (300)"),
        ("data uint8 min(a)", "min must be numbers"),
        ("a uint8 " * 200_000, "more than 1 MiB of text"),
        (" + ".join(f"a{i} uint8" for i in range(10_001)), "more than 10000 fields"),
    ],
)
def test_idx_07_fields(tmp_path, fields, words):
    assert words in opening(header(tmp_path, fields=fields), "PYR-IDX-07")


@pytest.mark.parametrize(
    ("option", "words"),
    [
        ("default_compression(bogus)", "field data: compression bogus not supported: zip, lz4"),
        ("default_compression(zfp)", "field data: compression zfp not supported"),
        ("compressed(zfp-precision=16)", "compression zfp-precision=16 not supported"),
        ("filter(dehaar)", "field data: filter dehaar not supported"),
    ],
)
def test_idx_08_codecs_and_filters(tmp_path, option, words):
    assert words in opening(header(tmp_path, fields=f"data uint8 {option}"), "PYR-IDX-08")


@pytest.mark.parametrize(
    "template",
    [
        "../../x",
        "./a/../../x/%04x.bin",
        "/etc/%04x.bin",
        "$(CurrentFileDirectory)/../%04x.bin",
        "C:/x/%04x.bin",
        "..\\x\\%04x.bin",
        "./%n/%04x.bin",
        "./%s.bin",
        "./%d.bin",
        "./%x.bin",
        "./" + "%01x/" * 40 + "x.bin",
        "./" + "a" * 300 + ".bin",
    ],
)
def test_idx_09_template_stays_inside(tmp_path, template):
    line = opening(header(tmp_path, filename_template=template), "PYR-IDX-09")
    assert "(filename_template): must stay inside the dataset" in line


def test_idx_09_field_names_of_arco_stay_inside(tmp_path):
    path = header(tmp_path, fields="../../x uint8", arco=1024)
    assert "must stay inside the dataset (../../x)" in opening(path, "PYR-IDX-09")


@pytest.mark.parametrize(
    ("time", "words"),
    [
        ("* * time%04d/", "(time): no time steps"),
        ("", "(time): no time steps"),
        ("time%04d/", "(time): no time steps"),
        ("3 0 time%04d/", "(time): no time steps"),
        ("time%04d/ (0,10,0)", "(time): no time steps"),
        ("0 3 time/", "no time steps can be told apart (time/)"),
        (f"0 {10**12} t%d/", "more than 1 000 000 time steps"),
        (f"t%d/ (0,{10**11},1)", "more than 1 000 000 time steps"),
        ("0 3 ../t%d/", "must stay inside the dataset"),
        ("0 3 t%s%d/", "must stay inside the dataset"),
    ],
)
def test_idx_10_time(tmp_path, time, words):
    assert words in opening(header(tmp_path, time=time), "PYR-IDX-10")


VOLUME = np.random.default_rng(1).integers(0, 255, (8, 8, 8, 1)).astype(np.uint8)


def dataset(tmp_path, **options):
    return write_idx(tmp_path, VOLUME, bits="V012012012", bpb=5, **{"arco": True} | options)


def block_file(tmp_path, number):
    return tmp_path / f"visus/0/data/0000/0000/0000/{number:04x}.bin"


def test_idx_11_absent_blocks_are_counted(tmp_path):
    path = dataset(tmp_path)
    for number in (3, 7):
        block_file(tmp_path, number).unlink()
    values, notes = read_all(path)
    assert notes == ("2 of 16 blocks absent: their points have the default value",)
    assert np.count_nonzero(values != np.moveaxis(VOLUME, -1, 0)) <= 64


BLOCK = bytes(32)
FILES = {
    ("zip", "0 bytes"): b"",
    ("zip", "looks raw"): BLOCK,
    ("zip", "looks like gzip"): gzip.compress(BLOCK),
    ("zip", "holds 31"): zlib.compress(BLOCK[:31]),
    ("zip", "expected zip, 7 bytes"): zlib.compress(VOLUME.tobytes()[:32])[:7],
    ("zip", "wrong checksum"): zlib.compress(BLOCK)[:-4] + b"abcd",
    ("raw", "31 bytes"): BLOCK[:31],
    ("raw", "looks like zip"): zlib.compress(BLOCK),
    ("lz4", "looks like zip"): zlib.compress(BLOCK),
    ("lz4", "0 bytes"): b"",
    ("lz4", "expected lz4"): b"\xff" * 40,
    ("lz4", "holds 31"): imagecodecs.lz4_encode(BLOCK[:31], header=False),
}


@pytest.mark.parametrize(("codec", "words"), FILES)
def test_idx_12_damaged_block(tmp_path, codec, words):
    path = dataset(tmp_path, codec=codec)
    block_file(tmp_path, 0xA).write_bytes(FILES[codec, words])
    line = refusal(lambda: read_all(path), "PYR-IDX-12")
    assert "visus.idx: block 0xa: damaged (expected" in line
    assert words in line
    assert "`pyramidion repair" in line
    values, notes = read_all(path, fill_damaged=True)
    assert notes == ("1 of 16 blocks damaged (block 0xa): their points have the default value",)
    assert np.count_nonzero(values[0, 0] != VOLUME[..., 0]) <= 32


@pytest.mark.parametrize("what", ["pipe", "device", "folder"])
@pytest.mark.parametrize("arco", [True, False])
def test_idx_12_no_file_in_the_place_of_one(tmp_path, what, arco):
    """A pipe has no writer: whoever waits for one waits for ever."""
    path = dataset(tmp_path, arco=arco)
    blocks = sorted((tmp_path / "visus").rglob("*.bin"))
    file = blocks[len(blocks) // 2]
    file.unlink()
    if what == "pipe":
        os.mkfifo(file)
    elif what == "device":
        file.symlink_to("/dev/zero")
    else:
        file.mkdir()
    line = refusal(lambda: read_all(path), "PYR-IDX-12")
    assert ("damaged (is a folder)" if what == "folder" else "damaged (not a regular file)") in line
    with open_image(path, OpenOptions(fill_damaged=True)) as image:
        image.read(Box.whole(image.spec.shape))
        assert image.n_damaged == (1 if arco else 4)
        assert f"{image.n_damaged} of 16 blocks damaged (block 0x" in image.notes()[0]
        assert (", ..." in image.notes()[0]) == (not arco)


@pytest.mark.parametrize("what", ["pipe", "device"])
def test_all_18_no_file_in_the_place_of_the_header(tmp_path, what):
    path = tmp_path / "F.idx"
    os.mkfifo(path) if what == "pipe" else path.symlink_to("/dev/zero")
    assert "not a regular file" in opening(path, "PYR-ALL-18")


LONG = {
    "zip": zlib.compress(bytes(10**7)),
    "raw": bytes(33),
    "lz4": imagecodecs.lz4_encode(bytes(10**6), header=False),
}


@pytest.mark.parametrize("codec", LONG)
def test_idx_13_more_than_a_block(tmp_path, codec):
    path = dataset(tmp_path, codec=codec)
    block_file(tmp_path, 0xA).write_bytes(LONG[codec])
    tracemalloc.start()
    line = refusal(lambda: read_all(path), "PYR-IDX-13")
    assert tracemalloc.get_traced_memory()[1] < 2**26
    tracemalloc.stop()
    assert "block 0xa: more than 32 B" in line


def test_idx_13_a_block_file_of_gigabytes_is_not_read(tmp_path):
    path = dataset(tmp_path, codec="zip")
    with block_file(tmp_path, 2).open("wb") as file:
        file.truncate(2**33)
    assert "block 0x2: more than 32 B" in refusal(lambda: read_all(path), "PYR-IDX-13")


def patched(tmp_path, version, entry, words):
    """A modvisus dataset whose table entry `entry` of the first file was overwritten."""
    path = dataset(tmp_path, arco=False, version=version, row_major=version == 6)
    file = tmp_path / "visus/0000.bin"
    data = bytearray(file.read_bytes())
    head, size = {1: (0, 12), 6: (40, 40)}.get(version, (16, 12))
    struct.pack_into(f">{len(words)}I", data, head + size * entry, *words)
    file.write_bytes(data)
    return path


@pytest.mark.parametrize(
    ("version", "words"),
    [
        (6, (0, 0, 2**31, 0, 32, 0x10)),
        (6, (0, 0, 200, 2**31, 32, 0x10)),
        (6, (0, 0, 330, 0, 5000, 0x10)),
        (6, (0, 0, 40, 0, 32, 0x10)),
        (1, (2**31, 32, 0)),
        (3, (2**31, 32, 0)),
        (5, (16, 32, 0)),
    ],
)
def test_idx_14_offset_outside_the_file(tmp_path, version, words):
    path = patched(tmp_path, version, 2, words)
    line = refusal(lambda: read_all(path), "PYR-IDX-14")
    assert "block 0x" in line
    assert "offset outside the file" in line or "overlaps" in line


def test_idx_14_bodies_overlap(tmp_path):
    path = patched(tmp_path, 6, 2, (0, 0, 210, 0, 32, 0x10))
    assert "overlaps another block" in refusal(lambda: read_all(path), "PYR-IDX-14")


def test_idx_12_unknown_codec_and_short_table(tmp_path):
    path = patched(tmp_path, 6, 2, (0, 0, 264, 0, 32, 0x15))
    assert "codec 5 is not supported" in refusal(lambda: read_all(path), "PYR-IDX-12")
    (tmp_path / "visus/0000.bin").write_bytes(bytes(50))
    assert "shorter than its table" in refusal(lambda: read_all(path), "PYR-IDX-12")


def test_idx_14_a_table_of_terabytes_is_not_read(tmp_path):
    path = dataset(tmp_path, arco=False)
    text = path.read_text().replace("(blocksperfile)\n4", f"(blocksperfile)\n{2**40}")
    path.write_text(text)
    assert "shorter than its table" in refusal(lambda: read_all(path), "PYR-IDX-12")


def test_idx_15_field_or_time_that_is_not_there(tmp_path):
    path = header(tmp_path, fields="a uint8 + b uint8", time="0 3 t%d/")
    line = refusal(lambda: open_image(path, OpenOptions(field="c")), "PYR-IDX-15", status=2)
    assert line == "--field: c not in the dataset (a, b)"
    with open_image(path) as image:
        line = refusal(lambda: image.dataset.check_time(9), "PYR-IDX-15", status=2)
    assert line == "--time: 9 not in the dataset (0 to 3)"


def test_faults_name_field_and_time_where_there_are_several(tmp_path):
    path = header(tmp_path, fields="a uint8 + b uint8 compressed", time="0 3 t%d/", arco=256)
    file = tmp_path / "F/2/b/0000/0000/0000/0000.bin"
    file.parent.mkdir(parents=True)
    file.write_bytes(b"")
    with open_image(path, OpenOptions(field="b")) as image:
        box = Box((2, 0, 0, 0, 0), (3, 1, 1, 37, 100))
        line = refusal(lambda: image.read(box), "PYR-IDX-12")
    assert "block 0x0 of field b at time 2: damaged" in line
