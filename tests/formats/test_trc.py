"""LeCroy recordings: real files against plain numpy, synthetic ones of every variant, sets."""

from __future__ import annotations

import os
import struct
import subprocess
import sys
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from tests.formats.trc_files import ramp, trc_bytes, trigger_date, write_trc

from pyramidion.core import Box, DataError, MissingError, PyramidionError
from pyramidion.formats import OpenOptions, open_source
from pyramidion.formats.trc import FORMAT, open_trc

DATA = Path(__file__).parents[1] / "data" / "trc"
PLAIN = OpenOptions()
MIXED = OpenOptions(allow_mixed=True)


def whole(source):
    return source.read(Box.whole(source.spec.shape))


def raw_field(data: bytes, offset: int, code: str):
    return struct.unpack_from("<" + code, data, data.index(b"WAVEDESC") + offset)[0]


def test_real_sequence():
    data = (DATA / "pulse_sequence.trc").read_bytes()
    begin = data.index(b"WAVEDESC") + 346
    table = np.frombuffer(data, "<f8", 40, begin).reshape(20, 2)
    expected = np.frombuffer(data, "<i2", 10040, begin + 320).reshape(1, 1, 20, 502)
    with open_trc(DATA / "pulse_sequence.trc", PLAIN) as source:
        spec = source.spec
        np.testing.assert_array_equal(whole(source), expected)
        np.testing.assert_array_equal(
            source.read(Box((0, 0, 3, 7), (1, 1, 5, 90))), expected[:, :, 3:5, 7:90]
        )
    assert spec.interval == 1e-9
    assert spec.time_unit == "s"
    assert spec.unit == "V"
    assert spec.start_time == "2022-11-09T09:26:40.329165"
    np.testing.assert_array_equal(spec.trigger_times, table[None, None, :, 0])
    np.testing.assert_array_equal(spec.trigger_offsets, table[None, None, :, 1])
    assert spec.gains[0, 0] == raw_field(data, 156, "f")
    assert spec.offsets[0, 0] == raw_field(data, 160, "f") == -1.0
    np.testing.assert_array_equal(spec.clip_codes, [[[-32001.0, 31745.0]]])
    assert spec.instrument["INSTRUMENT_NAME"] == "LECROYWR64Xi-A"
    assert spec.instrument["INSTRUMENT_NUMBER"] == 50699
    assert spec.warnings == ()


def test_real_single_sweep():
    data = (DATA / "single_sweep.trc").read_bytes()
    expected = np.frombuffer(data, "<i2", offset=data.index(b"WAVEDESC") + 346)
    with open_source(DATA / "single_sweep.trc") as source:
        spec = source.spec
        np.testing.assert_array_equal(whole(source)[0, 0, 0], expected)
    assert spec.shape == (1, 1, 1, 100002)
    assert spec.interval == 1e-7
    assert spec.offset == raw_field(data, 180, "d")
    assert spec.trigger_times is None
    assert spec.trigger_offsets is None
    assert spec.start_time == "2023-05-16T18:51:19.888565"
    # The instrument's own limits of the screen: a plain sanity check of gain and offset.
    volts = expected * spec.gains[0, 0] - spec.offsets[0, 0]
    assert 0.3 < volts.min() < volts.max() < 0.36


@pytest.mark.parametrize("order", ["<", ">"])
@pytest.mark.parametrize("dtype", ["i1", "i2"])
@pytest.mark.parametrize("prefix", [b"", b"#9000001000", b"#A0000001000", b"C1:WF ALL,#9000001000"])
def test_byte_orders_widths_and_prefixes(tmp_path, order, dtype, prefix):
    codes = ramp(1, 1003, dtype)
    path = write_trc(tmp_path / "a.trc", codes, order=order, prefix=prefix)
    assert FORMAT.matches(path)
    with open_trc(path, PLAIN) as source:
        assert source.spec.dtype == np.dtype(dtype)
        np.testing.assert_array_equal(whole(source)[0, 0], codes)
        assert source.read(Box((0, 0, 0, 5), (1, 1, 1, 9))).dtype == np.dtype("<" + dtype)
        assert source.spec.interval == 2e-9
        assert source.spec.offset == -1e-6
        assert (source.spec.gains[0, 0], source.spec.offsets[0, 0]) == (0.25, -1.5)


@pytest.mark.parametrize("order", ["<", ">"])
def test_every_block_before_the_samples_is_skipped(tmp_path, order):
    codes = ramp(3, 101)
    triggers = np.array([[0.0, -1e-6], [0.5, -2e-6], [1.25, -3e-6]])
    path = write_trc(
        tmp_path / "a.trc",
        codes,
        order=order,
        triggers=triggers,
        user_text=b"probe \xb5\x07 two\0rest",
        ris=bytes(24),
        extra_descriptor=14,
        tail=b"\n" + bytes(100),
    )
    with open_trc(path, PLAIN) as source:
        np.testing.assert_array_equal(whole(source)[0, 0], codes)
        np.testing.assert_array_equal(source.spec.trigger_times[0, 0], triggers[:, 0])
        np.testing.assert_array_equal(source.spec.trigger_offsets[0, 0], triggers[:, 1])
        assert source.spec.instrument["USERTEXT"] == "probe µ\\x07 two"


def test_sequence_without_times_keeps_its_segments(tmp_path):
    path = write_trc(tmp_path / "a.trc", ramp(4, 10))
    with open_trc(path, PLAIN) as source:
        assert source.spec.shape == (1, 1, 4, 10)
        assert np.isnan(source.spec.trigger_times).all()
        assert source.spec.trigger_offsets is None
        assert "0 trigger times for 4 segments" in source.spec.warnings[0]


def test_too_few_trigger_times_are_told(tmp_path):
    triggers = np.array([[0.0, -2e-6], [np.inf, np.nan]])
    path = write_trc(tmp_path / "a.trc", ramp(3, 10), triggers=triggers)
    with open_trc(path, PLAIN) as source:
        np.testing.assert_array_equal(source.spec.trigger_times[0, 0], [0.0, np.nan, np.nan])
        np.testing.assert_array_equal(source.spec.trigger_offsets[0, 0], [-2e-6, -1e-6, -1e-6])
        assert "2 trigger times for 3 segments" in source.spec.warnings[0]
        assert "not usable" in source.spec.warnings[1]


def test_interval_of_the_user_wins(tmp_path):
    path = write_trc(tmp_path / "a.trc", ramp(), fields={176: ("f", 0.0)})
    with open_trc(path, OpenOptions(interval=5e-9)) as source:
        assert source.spec.interval == 5e-9


def test_units(tmp_path):
    path = write_trc(tmp_path / "a.trc", ramp(), fields={196: ("4s", b"A"), 244: ("4s", b"Hz")})
    with open_trc(path, PLAIN) as source:
        assert (source.spec.unit, source.spec.time_unit) == ("A", "Hz")


def test_unknown_start_time_and_clip_codes(tmp_path):
    path = write_trc(tmp_path / "a.trc", ramp(), fields={164: ("f", np.nan)})
    with open_trc(path, PLAIN) as source:
        assert source.spec.start_time is None
        assert source.spec.clip_codes is None
        assert source.spec.warnings == ()
        assert source.spec.instrument["MAX_VALUE"] is None


def test_length_beyond_32_bits(tmp_path):
    """The length field wraps above 2 GiB; the count and the file's size still tell the truth."""
    count = 1_200_000_000
    length = count * 2 - 2**32
    data = trc_bytes(ramp(1, 1), fields={60: ("i", length), 116: ("i", count)})[:-2]
    path = tmp_path / "a.trc"
    path.write_bytes(data)
    os.truncate(path, len(data) + count * 2)  # sparse: takes no room
    with path.open("r+b") as file:
        file.seek(-4, os.SEEK_END)
        file.write(np.array([77, -9], "<i2").tobytes())
    with open_trc(path, PLAIN) as source:
        assert source.spec.shape[-1] == count
        last = source.read(Box((0, 0, 0, count - 3), (1, 1, 1, count)))
        np.testing.assert_array_equal(last.ravel(), [0, 77, -9])
        assert "taken from the count" in source.spec.warnings[0]


# --- sets of files


def write_set(folder: Path, channels, numbers, *, segments=1, **more) -> dict:
    """Write a set; returns the codes by (channel, number)."""
    codes = {}
    for i, channel in enumerate(channels):
        for number in numbers:
            values = ramp(segments, 50) + np.int16(10 * i + number)
            codes[channel, number] = values
            fields = {156: ("f", 1.0 + i + number)} | trigger_date(10.0 + number)
            write_trc(folder / f"{channel}--run--{number:05d}.trc", values, fields=fields, **more)
    return codes


def test_folder_becomes_channels_and_trcs(tmp_path):
    channels, numbers = ["C1", "C2", "C10"], [9, 10, 11]
    codes = write_set(tmp_path, channels, numbers, segments=2)
    (tmp_path / "notes.txt").write_text("not a recording")
    expected = np.array([[codes[c, n] for n in numbers] for c in channels])
    assert FORMAT.matches(tmp_path)
    with open_trc(tmp_path, PLAIN) as source:
        np.testing.assert_array_equal(whole(source), expected)
        box = Box((1, 0, 1, 3), (3, 2, 2, 40))
        np.testing.assert_array_equal(source.read(box), expected[box.slices])
        assert source.spec.attributes["channel_names"] == channels
        np.testing.assert_array_equal(
            source.spec.gains, [[1.0 + i + n for n in numbers] for i in range(3)]
        )
        assert source.spec.instrument["CHANNELS"]["C2"]["VERTICAL_GAIN"] == 11.0


def test_triggers_of_a_set_follow_the_wall_clock(tmp_path):
    for number, seconds in enumerate([59.5, 1.25]):
        fields = trigger_date(seconds, minute=26 + number)
        triggers = np.array([[0.0, -1e-6], [1e-3, -1e-6]])
        write_trc(tmp_path / f"C1--a--{number}.trc", ramp(2, 5), triggers=triggers, fields=fields)
    with open_trc(tmp_path, PLAIN) as source:
        np.testing.assert_allclose(
            source.spec.trigger_times[0], [[0, 1e-3], [1.75, 1.751]], atol=1e-13
        )
        assert source.spec.trigger_offsets is None
        assert source.spec.start_time == "2022-11-09T09:26:59.500000"


def test_unknown_clock_in_a_set_is_not_invented(tmp_path):
    write_trc(tmp_path / "C1--a--0.trc", ramp(), fields=trigger_date(1.0))
    write_trc(tmp_path / "C1--a--1.trc", ramp())
    with open_trc(tmp_path, PLAIN) as source:
        np.testing.assert_array_equal(source.spec.trigger_times, [[[0.0], [np.nan]]])


def test_pattern_chooses_files(tmp_path):
    write_set(tmp_path, ["C1", "C2"], [0, 1])
    write_trc(tmp_path / "C1--other--00000.trc", ramp())
    pattern = tmp_path / "C*--run--*.trc"
    assert FORMAT.matches(pattern)
    with open_source(pattern) as source:
        assert source.spec.shape == (2, 2, 1, 50)
    with pytest.raises(MissingError, match="matches no file"):
        open_trc(tmp_path / "D*.trc", PLAIN)


def test_names_without_channel_are_trcs_in_natural_order(tmp_path):
    for number in (2, 10, 1):
        write_trc(tmp_path / f"shot{number}.trc", np.full((1, 4), number, "i2"))
    with open_trc(tmp_path, PLAIN) as source:
        np.testing.assert_array_equal(whole(source)[0, :, 0, 0], [1, 2, 10])


def test_old_style_names(tmp_path):
    for channel in (1, 2):
        write_trc(tmp_path / f"C{channel}Trace00000.trc", np.full((1, 4), channel, "i2"))
    with open_trc(tmp_path, PLAIN) as source:
        np.testing.assert_array_equal(whole(source)[:, 0, 0, 0], [1, 2])


def test_missing_file_is_named(tmp_path):
    write_set(tmp_path, ["C1", "C2"], [0, 1, 2])
    (tmp_path / "C2--run--00001.trc").unlink()
    for options in (PLAIN, MIXED):
        with pytest.raises(MissingError, match=r"C2--run--00001\.trc: missing") as caught:
            open_trc(tmp_path, options)
        assert caught.value.id == "PYR-TRC-11"


def test_gap_in_the_numbers_is_named(tmp_path):
    write_set(tmp_path, ["C1", "C2"], [0, 1, 3])
    with pytest.raises(MissingError, match=r"C1--run--00002\.trc: missing"):
        open_trc(tmp_path, PLAIN)
    with open_trc(tmp_path, MIXED) as source:
        assert source.spec.shape == (2, 3, 1, 50)


@pytest.mark.parametrize(
    ("names", "words"),
    [
        (["C1--a--0.trc", "C1--b--0.trc"], "2 recordings are here (a, b)"),
        (["C1--a--0.trc", "other.trc"], "other.trc: does not belong to the set"),
        (["C1--a--0.trc", "C1--a--00.trc"], "has the same channel and number as"),
        ([], "no .trc file in this folder"),
    ],
)
def test_folders_that_are_no_set(tmp_path, names, words):
    for name in names:
        write_trc(tmp_path / name, ramp())
    with pytest.raises(DataError) as caught:
        open_trc(tmp_path, PLAIN)
    assert words in caught.value.line


def test_shorter_file_repeats_its_last_sample(tmp_path):
    first, second = ramp(2, 60), ramp(2, 50)
    write_trc(tmp_path / "C1--a--0.trc", first)
    write_trc(tmp_path / "C1--a--1.trc", second)
    expected = np.stack([first, np.pad(second, ((0, 0), (0, 10)), "edge")])
    with open_trc(tmp_path, MIXED) as source:
        np.testing.assert_array_equal(whole(source)[0], expected)
        for lo, hi in [(45, 55), (52, 60), (0, 50), (49, 50)]:
            box = Box((0, 1, 0, lo), (1, 2, 2, hi))
            np.testing.assert_array_equal(source.read(box)[0, 0], expected[1, :, lo:hi])
        assert source.spec.attributes["valid_samples"] == [[60, 50]]
        assert "1 of 2 files are shorter" in source.spec.warnings[0]


def test_widths_may_differ(tmp_path):
    write_trc(tmp_path / "C1--a--0.trc", ramp(1, 9, "i1"))
    write_trc(tmp_path / "C2--a--0.trc", ramp(1, 9, "i2"), order=">")
    with open_trc(tmp_path, PLAIN) as source:
        assert source.spec.dtype == np.dtype("<i2")
        np.testing.assert_array_equal(whole(source)[0, 0], ramp(1, 9, "i1"))
        np.testing.assert_array_equal(whole(source)[1, 0], ramp(1, 9, "i2"))


def test_units_may_differ_when_asked(tmp_path):
    write_trc(tmp_path / "C1--a--0.trc", ramp())
    write_trc(tmp_path / "C2--a--0.trc", ramp(), fields={196: ("4s", b"A")})
    with pytest.raises(DataError, match=r"unit A, C1--a--0.trc has V: use --allow-mixed"):
        open_trc(tmp_path, PLAIN)
    with open_trc(tmp_path, MIXED) as source:
        assert source.spec.unit == ""
        assert source.spec.attributes["vertical_units"] == ["V", "A"]


def test_hundreds_of_files_with_few_handles(tmp_path):
    write_set(tmp_path, ["C1", "C2"], range(150))
    program = (
        "import resource, sys; from concurrent.futures import ThreadPoolExecutor\n"
        "from pathlib import Path\n"
        "from pyramidion.core import Box\n"
        "from pyramidion.formats import open_source\n"
        "resource.setrlimit(resource.RLIMIT_NOFILE, (64, 64))\n"
        "with open_source(Path(sys.argv[1])) as s, ThreadPoolExecutor(4) as pool:\n"
        "    boxes = [Box((c, t, 0, 0), (c + 1, t + 1, 1, 50)) for c in (0, 1) for t in range(150)]\n"
        "    codes = list(pool.map(s.read, boxes))\n"
        "    assert [int(c.flat[0]) for c in codes] == [-32767 + 10 * b.start[0] + b.start[1] for b in boxes]\n"
    )
    subprocess.run([sys.executable, "-c", program, str(tmp_path)], check=True, timeout=60)


# --- reading


@given(data=st.data())
@settings(
    deadline=None, max_examples=50, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
def test_any_box_equals_numpy(tmp_path, data):
    order = data.draw(st.sampled_from("<>"))
    codes = ramp(data.draw(st.integers(1, 5)), data.draw(st.integers(1, 40)))
    path = write_trc(tmp_path / "a.trc", codes, order=order)
    bounds = [
        sorted(data.draw(st.tuples(st.integers(0, n), st.integers(0, n)))) for n in codes.shape
    ]
    (s0, s1), (k0, k1) = bounds
    with open_trc(path, PLAIN) as source:
        found = source.read(Box((0, 0, s0, k0), (1, 1, s1, k1)))
    np.testing.assert_array_equal(found[0, 0], codes[s0:s1, k0:k1])


def test_many_threads_read_the_same(tmp_path):
    codes = ramp(7, 1000)
    with open_trc(write_trc(tmp_path / "a.trc", codes), PLAIN) as source:
        boxes = [
            Box((0, 0, s, k), (1, 1, s + 1, k + 100)) for s in range(7) for k in range(0, 1000, 100)
        ]
        with ThreadPoolExecutor(8) as pool:
            found = np.concatenate([b.ravel() for b in pool.map(source.read, boxes)])
    np.testing.assert_array_equal(found, codes.ravel())


@given(
    changes=st.lists(
        st.tuples(
            st.integers(0, 356),
            st.one_of(st.integers(0, 255), st.sampled_from([0, 1, 127, 128, 255])),
        ),
        min_size=1,
        max_size=12,
    ),
    kept=st.one_of(st.none(), st.integers(0, 1200)),
)
@settings(
    deadline=None, max_examples=400, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
def test_damaged_headers_are_refused_or_read(tmp_path, changes, kept):
    """Whatever a header says: a named error, or a recording whose ends can be read."""
    triggers = np.array([[0.0, -1e-6], [0.5, -2e-6]])
    data = bytearray(trc_bytes(ramp(2, 200), triggers=triggers, fields=trigger_date(40.3)))
    for position, value in changes:
        data[position] = value
    path = tmp_path / "a.trc"
    path.write_bytes(data[:kept])
    began = time.thread_time()  # others on the machine do not count
    error = refusal(path)
    assert time.thread_time() - began < 1
    if error is not None:
        assert error.id.startswith("PYR-TRC-")
        assert "\n" not in error.line


def refusal(path) -> PyramidionError | None:
    """Open a file and read its first and last sample."""
    try:
        with open_trc(path, PLAIN) as source:
            shape = source.spec.shape
            source.read(Box((0, 0, 0, 0), (1, 1, 1, 1)))
            source.read(Box(tuple(n - 1 for n in shape), shape))
    except PyramidionError as error:
        return error
    return None


def test_matches_raises_on_nothing(tmp_path):
    (tmp_path / "empty.trc").touch()
    (tmp_path / "text.trc").write_text("hello")
    os.mkfifo(tmp_path / "pipe.trc")
    (tmp_path / "dangling.trc").symlink_to("nowhere")
    (tmp_path / "folder").mkdir()
    for path in tmp_path.iterdir():
        assert not FORMAT.matches(path)
