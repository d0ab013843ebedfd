"""The rows TRC-01 to TRC-09 of the bad-input catalogue, and the common ones that concern `.trc`."""

from __future__ import annotations

import os

import numpy as np
import pytest
from tests.formats.trc_files import ramp, trc_bytes, trigger_date, write_trc

from pyramidion.core import Box, DataError, PyramidionError
from pyramidion.formats import OpenOptions
from pyramidion.formats.trc import open_trc


def refusal(path, id_, **options) -> str:
    """Return the one line with which a file is refused."""
    with pytest.raises(PyramidionError) as caught:
        open_trc(path, OpenOptions(**options))
    assert caught.value.id == id_
    assert caught.value.status == 1
    line = caught.value.line
    assert "\n" not in line
    return line


def written(tmp_path, data: bytes):
    path = tmp_path / "F.trc"
    path.write_bytes(data)
    return path


@pytest.mark.parametrize(
    "data", [b"", b"hello", b"\x89PNG\r\n", bytes(1000), b" " * 60 + b"WAVEDESC"]
)
def test_trc_01_not_a_waveform(tmp_path, data):
    assert "F.trc: not a LeCroy waveform" in refusal(written(tmp_path, data), "PYR-TRC-01")


def test_trc_02_unknown_template(tmp_path):
    data = trc_bytes(ramp()).replace(b"LECROY_2_3", b"LECROY_1_0")
    assert "unknown template (LECROY_1_0)" in refusal(written(tmp_path, data), "PYR-TRC-02")


@pytest.mark.parametrize(
    ("offset", "value", "words"),
    [
        (60, 2_000_000_000, "WAVE_ARRAY_1 says 2 GB, file has 2.36 kB"),
        (60, -8, "WAVE_ARRAY_1 says -8 B, file has 2.36 kB"),
        (36, -1, "WAVE_DESCRIPTOR says -1 B"),
        (36, 345, "WAVE_DESCRIPTOR says 345 B, the template has 346 B"),
        (40, 2**31 - 1, "USER_TEXT says 2.15 GB, file has 2.36 kB"),
        (44, -2, "RES_DESC1 says -2 B"),
        (48, 1_600_000_000, "TRIGTIME_ARRAY says 1.6 GB"),
        (48, 17, "TRIGTIME_ARRAY: a multiple of 16 B expected (17)"),
        (52, 12, "RIS_TIME_ARRAY: a multiple of 8 B expected (12)"),
        (56, -1, "RES_ARRAY1 says -1 B"),
    ],
)
def test_trc_03_block_lengths(tmp_path, offset, value, words):
    path = write_trc(tmp_path / "F.trc", ramp(), fields={offset: ("i", value)})
    assert words in refusal(path, "PYR-TRC-03")


def test_trc_04_shorter_than_the_header_says(tmp_path):
    data = trc_bytes(ramp())
    line = refusal(written(tmp_path, data[:-4]), "PYR-TRC-04")
    assert "truncated (998 of 1 000 samples)" in line


@pytest.mark.parametrize("n_samples", [998, 1002])
def test_trc_04_count_and_length_disagree(tmp_path, n_samples):
    fields = {60: ("i", n_samples * 2)}
    path = write_trc(tmp_path / "F.trc", ramp(), fields=fields, tail=bytes(8))
    line = refusal(path, "PYR-TRC-04")
    assert "truncated" in line
    assert f"({n_samples:,} of 1 000 samples)".replace(",", " ") in line


@pytest.mark.parametrize("length", range(70, 357, 13))
def test_trc_04_header_cut_off(tmp_path, length):
    line = refusal(written(tmp_path, trc_bytes(ramp())[:length]), "PYR-TRC-04")
    assert "truncated" in line


@pytest.mark.parametrize("count", [0, -1])
def test_trc_04_no_samples(tmp_path, count):
    path = write_trc(tmp_path / "F.trc", ramp(), fields={116: ("i", count)})
    assert f"WAVE_ARRAY_COUNT: {count} samples" in refusal(path, "PYR-TRC-04")


def test_trc_05_segments_do_not_divide(tmp_path):
    path = write_trc(tmp_path / "F.trc", ramp(1, 1003), fields={144: ("i", 5)})
    assert "5 segments do not divide 1 003 samples" in refusal(path, "PYR-TRC-05")


@pytest.mark.parametrize("segments", [-1, 2**31 - 1])
def test_trc_05_impossible_segments(tmp_path, segments):
    path = write_trc(tmp_path / "F.trc", ramp(), fields={144: ("i", segments)})
    assert "SUBARRAY_COUNT: 1 to 1 048 576 expected" in refusal(path, "PYR-TRC-05")


def test_trc_06_comm_type(tmp_path):
    path = write_trc(tmp_path / "F.trc", ramp(), fields={32: ("h", 7)})
    assert "COMM_TYPE: 0 or 1 expected (7)" in refusal(path, "PYR-TRC-06")


def test_trc_06_comm_order(tmp_path):
    path = write_trc(tmp_path / "F.trc", ramp(), fields={34: ("h", 2)})
    assert "COMM_ORDER: 0 or 1 expected (2)" in refusal(path, "PYR-TRC-06")


@pytest.mark.parametrize(
    ("name", "offset", "code", "values"),
    [
        ("HORIZ_INTERVAL", 176, "f", [0.0, -1e-9, np.nan, np.inf, 1e38]),
        ("VERTICAL_GAIN", 156, "f", [0.0, np.nan, -np.inf, 1e38]),
        ("VERTICAL_OFFSET", 160, "f", [np.nan, np.inf, -1e38]),
        ("HORIZ_OFFSET", 180, "d", [np.nan, np.inf, 1e300]),
    ],
)
def test_trc_07_unusable_numbers(tmp_path, name, offset, code, values):
    for value in values:
        path = write_trc(tmp_path / "F.trc", ramp(), fields={offset: (code, value)})
        assert f"F.trc: {name}: not usable ({value:g})"[:30] in refusal(path, "PYR-TRC-07")


def test_trc_07_interval_zero_says_what_to_do(tmp_path):
    path = write_trc(tmp_path / "F.trc", ramp(), fields={176: ("f", 0.0)})
    assert refusal(path, "PYR-TRC-07").endswith("HORIZ_INTERVAL: not usable (0): use --dt")


@pytest.mark.parametrize(
    "date",
    [
        {"seconds": 1.0, "month": 13},
        {"seconds": 1.0, "day": 30, "month": 2},
        {"seconds": 61.0},
        {"seconds": float("nan")},
        {"seconds": 1.0, "hour": 24},
        {"seconds": 1.0, "year": -5},
    ],
)
def test_trc_08_impossible_date_is_a_warning(tmp_path, date):
    path = write_trc(tmp_path / "F.trc", ramp(), fields=trigger_date(**date))
    with open_trc(path, OpenOptions()) as source:
        assert source.spec.start_time is None
        (warning,) = source.spec.warnings
        assert "impossible TRIGGER_TIME" in warning


def test_trc_09_different_lengths(tmp_path):
    write_trc(tmp_path / "C1--a--0.trc", ramp(1, 2000))
    write_trc(tmp_path / "C1--a--1.trc", ramp(1, 1000))
    line = refusal(tmp_path, "PYR-TRC-09")
    assert "C1--a--1.trc: 1 000 samples, C1--a--0.trc has 2 000: use --allow-mixed" in line


@pytest.mark.parametrize("allow_mixed", [False, True])
def test_trc_09_what_no_array_can_hold(tmp_path, allow_mixed):
    write_trc(tmp_path / "C1--a--0.trc", ramp(1, 1000))
    second = write_trc(tmp_path / "C1--a--1.trc", ramp(1, 1000), fields={176: ("f", 4e-9)})
    line = refusal(tmp_path, "PYR-TRC-09", allow_mixed=allow_mixed)
    assert "interval 4 ns, C1--a--0.trc has 2 ns: convert these files separately" in line
    second.write_bytes(trc_bytes(ramp(2, 500)))
    line = refusal(tmp_path, "PYR-TRC-09", allow_mixed=allow_mixed)
    assert "2 segments, C1--a--0.trc has 1" in line


def test_trc_10_second_array_and_cut_out_traces(tmp_path):
    path = write_trc(tmp_path / "F.trc", ramp(), fields={64: ("i", 2000), 316: ("h", 6)})
    assert "has a second array of samples (RECORD_TYPE extrema)" in refusal(path, "PYR-TRC-10")
    path = write_trc(tmp_path / "F.trc", ramp(), fields={132: ("i", 5)})
    assert "FIRST_POINT: 0 expected (5)" in refusal(path, "PYR-TRC-10")
    path = write_trc(tmp_path / "F.trc", ramp(), fields={136: ("i", 4)})
    assert "SPARSING_FACTOR: 1 expected (4)" in refusal(path, "PYR-TRC-10")


def test_all_03_and_18_not_a_file(tmp_path):
    assert "no such file" in refusal(tmp_path / "none.trc", "PYR-ALL-03")
    os.mkfifo(tmp_path / "pipe.trc")
    assert "not a regular file" in refusal(tmp_path / "pipe.trc", "PYR-ALL-18")


def test_all_17_names_are_escaped(tmp_path):
    line = refusal(written(tmp_path, b"").rename(tmp_path / "a\nb\x1b[1m%\udcff.trc"), "PYR-TRC-01")
    assert "a\\nb\\x1b[1m%\\udcff.trc" in line


def shrink(path):
    os.truncate(path, 1000)


def replace(path):
    other = path.with_name("other")
    other.write_bytes(path.read_bytes())
    other.replace(path)


@pytest.mark.parametrize(
    ("change", "words"),
    [
        (shrink, "(was 2 357 B, now 1 000 B): run again"),
        (replace, "(replaced or written to): run again"),
        (os.unlink, "(removed): run again"),
    ],
)
def test_all_20_changed_while_reading(tmp_path, change, words):
    """A mapped file would kill the process here."""
    path = write_trc(tmp_path / "F.trc", ramp())
    with open_trc(path, OpenOptions()) as source:
        change(path)
        with pytest.raises(DataError) as caught:
            source.read(Box.whole(source.spec.shape))
    assert caught.value.id == "PYR-ALL-20"
    assert f"F.trc: changed while reading {words}" in caught.value.line
