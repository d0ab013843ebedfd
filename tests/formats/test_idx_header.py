"""The header of an IDX dataset: both forms, defaults, names of files, and writing it."""

from __future__ import annotations

import dataclasses
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from pyramidion.core import parse_size
from pyramidion.formats._idx.bitmask import Bitmask
from pyramidion.formats._idx.fields import IdxField
from pyramidion.formats._idx.files import arco_name
from pyramidion.formats._idx.header import (
    IdxHeader,
    arco_bits,
    default_blocks_per_file,
    format_header,
    is_plain,
    parse_header,
)
from pyramidion.formats._idx.template import default_template, file_name
from pyramidion.formats._idx.timesteps import format_times, parse_times, time_name

DATA = Path(__file__).parents[1] / "data"
HEADERS = sorted([*DATA.glob("idx/*/visus.idx"), *DATA.glob("idx-cat/*.idx")])
MINIMAL = "(version)\n6\n(box)\n0 99 0 36\n(fields)\ndata uint8\n(bits)\nV0101010101010\n"
XML = """<dataset url="visus.idx" typename="IdxDataset"><idxfile>
  <version value="6" /> <bitmask value="V012012012012012012" /> <box value="0 60 0 45 0 33" />
  <bitsperblock value="16" /> <blocksperfile value="4" /> <block_interleaving value="0" />
  <filename_template value="./visus/%04x.bin" /> <missing_blocks value="False" />
  <arco value="0" /> <time_template value="time%03d/" /> <axis value="X Y Z" />
  <physic_box value="0 1.5 0 2 0 3" />
  <field name="data" description="" index="" default_layout="" default_value="0" dtype="uint16" />
  <field name="rgb" default_compression="zip" dtype="uint8[3]" min="0.0 1.0 2.0" max="3.0" />
  <timestep from="0" to="10" step="1" /> <timestep when="20" />
</idxfile></dataset>"""


@pytest.mark.parametrize("path", HEADERS, ids=lambda p: f"{p.parent.name}-{p.stem}")
def test_headers_of_the_library_are_written_as_it_does(path):
    text = path.read_text()
    header = parse_header(text, str(path))
    written = format_header(header)
    assert parse_header(written, str(path)) == header
    if path.parent.name != "idx-cat":  # those are of an older version
        assert written.split() == text.split()


def test_xml_form():
    header = parse_header(XML, "visus.idx")
    assert header.p2 == (60, 45, 33)
    assert header.times == (*range(11), 20)
    assert header.axis_names == ("X", "Y", "Z")
    assert header.physic_box == (0, 1.5, 0, 2, 0, 3)
    assert header.fields[1].maxima == (3, 3, 3)
    assert header.fields[1].minima == (0, 1, 2)
    assert parse_header(format_header(header), "visus.idx") == header


def test_defaults():
    header = parse_header(MINIMAL, "some/visus.idx")
    assert header.bitsperblock == 13
    assert header.blocksperfile == 1
    assert header.template == "./visus/%04x.bin"
    assert (header.times, header.time_template) == ((0,), "")
    assert header.dims == (100, 37, 1)


def test_comments_blank_lines_and_line_ends():
    text = "# a comment\r\n" + MINIMAL.replace("\n", "\r\n\r\n").replace("(box)", "  (box) # ends")
    assert parse_header(text, "visus.idx") == parse_header(MINIMAL, "visus.idx")


def test_values_over_several_lines_and_free_keys():
    text = MINIMAL.replace("0 99 0 36", "0 99\n 0 36") + "(sample)\nmouse 12\n left\n"
    header = parse_header(text, "visus.idx")
    assert header.metadata == {"sample": "mouse 12 left"}
    assert "(sample)\nmouse 12 left\n" in format_header(header)


def test_bits_above_those_of_the_box_are_clamped():
    assert parse_header(MINIMAL + "(bitsperblock)\n20\n", "visus.idx").bitsperblock == 13


def test_all_blocks_in_one_file():
    header = parse_header(MINIMAL + "(bitsperblock)\n8\n(blocksperfile)\n-1\n", "visus.idx")
    assert header.blocksperfile == header.n_blocks == 32


def test_further_axes_of_size_one():
    text = MINIMAL.replace("0 99 0 36", "0 99 0 36 0 0 0 0 0 0")
    assert parse_header(text, "visus.idx") == parse_header(MINIMAL, "visus.idx")


@pytest.mark.parametrize(
    ("text", "components", "dtype", "row_major", "codec"),
    [
        ("a uint8", 1, "u1", True, "raw"),
        ("a UINT8[3]", 3, "u1", True, "raw"),
        ("a 3*uint16 compressed", 3, "<u2", True, "zip"),
        ("a float32 compressed(lz4) format(0)", 1, "<f4", False, "lz4"),
        ("a int64 layout(hzorder)", 1, "<i8", False, "raw"),
        ("a float64 default_layout(1) compression(zip-Z_BEST_SPEED)", 1, "<f8", True, "zip"),
        ("a float32 default_compression(raw) description(1 + 1 (two))", 1, "<f4", True, "raw"),
    ],
)
def test_field_forms(text, components, dtype, row_major, codec):
    header = parse_header(MINIMAL.replace("data uint8", text), "visus.idx")
    (field,) = header.fields
    assert (field.name, field.components) == ("a", components)
    assert (field.dtype, field.is_row_major, field.codec) == (np.dtype(dtype), row_major, codec)


def test_fields_are_split_outside_of_brackets():
    text = "a uint8 description(x + y) +\n b float32[2] min(1 2) max(3 4) default_value(7)"
    header = parse_header(MINIMAL.replace("data uint8", text), "visus.idx")
    a, b = header.fields
    assert (a.description, b.minima, b.maxima, b.default_value) == ("x + y", (1, 2), (3, 4), 7)


@pytest.mark.parametrize(
    ("text", "times", "template"),
    [
        ("0 3 time%04d/", (0, 1, 2, 3), "time%04d/"),
        ("time%02d/ (0,10,5) (20,20,1)", (0, 5, 10, 20), "time%02d/"),
        ("0 0 %00000d/", (0,), "%00000d/"),
    ],
)
def test_times(text, times, template):
    assert parse_times(text, "visus.idx") == (times, template)


@given(st.sets(st.integers(0, 200), min_size=1).map(lambda s: tuple(sorted(s))))
def test_times_round_trip(times):
    assert parse_times(format_times(times, "t%d/"), "visus.idx") == (times, "t%d/")


@pytest.mark.parametrize(
    ("template", "name"),
    [("time%05d/", "time00012/"), ("%00000d/", "12/"), ("t%4d_", "t  12_"), ("fixed/", "fixed/")],
)
def test_time_names_are_those_of_printf(template, name):
    assert time_name(template, 12) == name


@pytest.mark.parametrize(
    ("template", "first", "time", "version", "name"),
    [
        ("./visus/%04x.bin", 0, "time00003/", 6, "visus/time00003/0000.bin"),
        ("./q/%01x.bin", 0x10, "", 6, "q/1/0.bin"),
        ("./v/%02x/%04x.bin", 0x12ABCD, "", 6, "v/12/abcd.bin"),
        ("./v/%02x/%04x.bin", 0x3412ABCD, "t3/", 6, "v/t3/34/12/abcd.bin"),
        ("$(CurrentFileDirectory)/v/%04x.bin", 7, "", 6, "v/0007.bin"),
        ("v.bin", 99, "t0/", 6, "v.bin"),
        ("./v/%02x.bin", 0x123, "", 4, "v/123.bin"),
        ("./v/%02x.bin", 0x123, "", 5, "v/01/23.bin"),
    ],
)
def test_file_names(template, first, time, version, name):
    assert file_name(template, first, time, version) == name


@pytest.mark.parametrize(
    ("dims", "bits", "bpf", "template"),
    [
        ((4096,) * 3, 16, 1024, "./visus/%02x/%04x.bin"),
        ((100_000,) * 2, 16, 1024, "./visus/%02x/%04x.bin"),
        ((1024,) * 3, 20, 64, "./visus/%04x.bin"),
        ((20_000,) * 3, 12, 16384, "./visus/%02x/%02x/%02x/%04x.bin"),
    ],
)
def test_default_files(dims, bits, bpf, template):
    maxh = Bitmask.for_dims(dims).maxh
    fields = [IdxField("data", np.dtype("<u2"))]
    assert default_blocks_per_file(fields, bits, 1 << (maxh - bits)) == bpf
    assert default_template("visus", maxh - bits) == template


@pytest.mark.parametrize(
    ("request_", "dtype", "bits", "stored"),
    [
        ("4mb", "uint8", 22, 4194304),
        ("4mb", "uint16", 21, 4194304),
        ("4mb", "uint8[3]", 20, 3145728),
        ("512kb", "float32[3]", 15, 393216),
        ("5mb", "uint8", 22, 4194304),
        ("1mb", "float64", 17, 1048576),
    ],
)
def test_arco_is_an_upper_bound(request_, dtype, bits, stored):
    text = MINIMAL.replace("data uint8", f"data {dtype}").replace("0 99 0 36", "0 4095 0 4095")
    text = text.replace("V0101010101010", "V" + "01" * 12)
    header = parse_header(f"{text}(arco)\n{parse_size(request_, '--arco')}\n", "visus.idx")
    assert (header.bitsperblock, header.arco, header.blocksperfile) == (bits, stored, 1)
    assert arco_bits(stored, header.fields[0].sample_bytes, 24) == bits


def test_arco_names():
    assert arco_name("my data", 11, 0x1234ABCD) == "11/mydata/0000/0000/1234/abcd.bin"


@st.composite
def headers(draw):
    dims = draw(st.lists(st.integers(1, 500), min_size=2, max_size=3))
    dims[-1] = max(2, dims[-1])
    p1 = [draw(st.integers(0, n - 1)) for n in dims]
    bitmask = Bitmask.for_dims(dims)
    n = draw(st.integers(1, 3))
    field = IdxField(
        draw(st.sampled_from(["data", "a", "T-1"])),
        np.dtype(draw(st.sampled_from(["u1", "<u2", "<i4", "<f4", "<f8"]))),
        n,
        draw(st.sampled_from(["", "zip", "lz4", "zip-Z_BEST_SPEED"])),
        draw(st.sampled_from(["", "hzorder"])),
        minima=(1.5,) * n,
        maxima=(1e300,) * n,
        description=draw(st.sampled_from(["", "a + b"])),
    )
    several = draw(st.booleans())
    fields = (field, dataclasses.replace(field, name="other")) if several else (field,)
    words = st.text(st.characters(codec="utf-8", exclude_categories=["C", "Z"]), max_size=20)
    values = words.filter(is_plain)
    missing = 3 - len(dims)
    return IdxHeader(
        p1=(*p1, *[0] * missing),
        p2=(*dims, *[1] * missing),
        fields=fields,
        bitmask=bitmask,
        bitsperblock=draw(st.integers(1, bitmask.maxh)),
        blocksperfile=draw(st.integers(1, 5)),
        template="./visus/%02x/%04x.bin",
        interleave=draw(st.integers(0, 3)),
        times=draw(st.sampled_from([(0,), (0, 1, 2), (3, 7, 11, 100)])),
        time_template="t%03d/",
        missing_blocks=draw(st.booleans()),
        axis_names=("X", "Y", "Z")[: len(dims)],
        physic_box=tuple(draw(st.floats(-1e9, 1e9)) for _ in range(2 * len(dims))),
        metadata=draw(st.dictionaries(st.sampled_from(["note", "sample name"]), values)),
    )


@given(headers())
def test_what_is_written_reads_back_the_same(header):
    assert parse_header(format_header(header), "visus.idx") == header


@pytest.mark.parametrize("value", ["a # b", "a\nb", "(key)", " a"])
def test_metadata_that_the_text_cannot_hold_is_not_written(value):
    header = dataclasses.replace(parse_header(MINIMAL, "visus.idx"), metadata={"note": value})
    with pytest.raises(ValueError):
        format_header(header)
