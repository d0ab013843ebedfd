"""HDF5 waveforms: every way of storing against plain h5py and numpy."""

from __future__ import annotations

import threading
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import h5py
import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from tests.helpers import DTYPES, random_codes

from pyramidion.core import Box
from pyramidion.formats import OpenOptions, example_codes, open_source
from pyramidion.formats._hdf5.chunks import fletcher32, shuffle, unshuffle
from pyramidion.formats.hdf5 import FORMAT
from pyramidion.storage import ByteCache

LIGO = Path(__file__).parents[1] / "data" / "ligo" / "H-H1_LOSC_4_V2-1126259446-32.hdf5"


def opened(path, **options):
    return FORMAT.open(Path(path), OpenOptions(**options))


def whole(source):
    return source.read(Box.whole(source.spec.shape))


def check_same(path, expected, **options):
    """The whole array and a region that cuts every axis, bit for bit."""
    with opened(path, **options) as source:
        assert source.spec.dtype == expected.dtype.newbyteorder("<")
        assert source.spec.shape == expected.shape
        values = whole(source)
        assert values.dtype == source.spec.dtype
        assert values.astype(expected.dtype).tobytes() == expected.tobytes()
        start = tuple(n // 3 for n in expected.shape)
        box = Box(start, tuple(max(a + 1, n - n // 5) for a, n in zip(start, expected.shape)))  # noqa: B905
        np.testing.assert_array_equal(source.read(box), expected[box.slices])


def test_ligo_opens_without_options():
    with h5py.File(LIGO) as file:
        expected = file["strain/Strain"][:]
    with opened(LIGO) as source:
        spec = source.spec
        np.testing.assert_array_equal(whole(source).reshape(-1), expected)
    assert spec.shape == (1, 1, 1, 131072)
    assert (spec.interval, spec.offset, spec.time_unit) == (1 / 4096, 1126259446.0, "s")
    assert spec.unit == ""
    assert spec.warnings == ()


def test_example(tmp_path):
    path = FORMAT.example(tmp_path)
    assert FORMAT.matches(path)
    with open_source(path) as source:
        np.testing.assert_array_equal(whole(source), example_codes())
        assert source.spec.interval == 2e-9
        assert source.spec.warnings == ()


@pytest.mark.parametrize("name", DTYPES)
@pytest.mark.parametrize(
    ("order", "storage"),
    [
        (">", {}),
        ("<", {"chunks": (1, 1, 2, 100), "compression": "gzip", "shuffle": True}),
        (">", {"chunks": (1, 1, 2, 100), "compression": "gzip", "shuffle": True}),
        (">", {"chunks": (1, 1, 2, 100), "compression": "lzf", "fletcher32": True}),
    ],
    ids=["contiguous", "gzip-little", "gzip-big", "lzf"],
)
def test_types(tmp_path, rng, name, order, storage):
    codes = random_codes(rng, (2, 1, 3, 257), name).astype(np.dtype(name).newbyteorder(order))
    path = tmp_path / "w.h5"
    with h5py.File(path, "w") as file:
        file.create_dataset("data", data=codes, **storage)
    check_same(path, codes)


@pytest.mark.parametrize(
    ("shape", "chunk"),
    [
        ((1, 1, 1, 1), (1, 1, 1, 100)),
        ((2, 1, 3, 1003), (2, 1, 3, 1000)),
        ((2, 1, 3, 1003), (1, 1, 2, 39063)),
        ((3, 2, 5, 17), (2, 2, 2, 4)),
        ((1, 1, 1, 70001), (1, 1, 1, 39063)),
    ],
)
@pytest.mark.parametrize(
    "filters",
    [
        {},
        {"compression": "gzip"},
        {"compression": "gzip", "shuffle": True},
        {"compression": "gzip", "shuffle": True, "fletcher32": True},
        {"shuffle": True},
        {"fletcher32": True},
        {"compression": "lzf", "shuffle": True},
    ],
    ids=["plain", "gzip", "shuffle-gzip", "all", "shuffle", "fletcher32", "lzf"],
)
def test_chunks(tmp_path, rng, shape, chunk, filters):
    codes = random_codes(rng, shape, "int16")
    path = tmp_path / "w.h5"
    with h5py.File(path, "w") as file:
        # maxshape allows chunks larger than the array
        file.create_dataset("data", data=codes, chunks=chunk, maxshape=(None,) * 4, **filters)
    check_same(path, codes)


@pytest.mark.parametrize("libver", ["earliest", "v108", "latest"])
@pytest.mark.parametrize("userblock", [0, 1024])
def test_library_versions_and_user_blocks(tmp_path, rng, libver, userblock):
    codes = random_codes(rng, (2, 1, 1, 5000), "float32")
    for storage in ({}, {"chunks": (1, 1, 1, 700), "compression": "gzip"}):
        path = tmp_path / f"w{len(storage)}.h5"
        with h5py.File(path, "w", libver=libver, userblock_size=userblock) as file:
            file.create_dataset("samples", data=codes, **storage)
        assert FORMAT.matches(path)
        check_same(path, codes)


@pytest.mark.parametrize(
    "maxshape", [None, (None, 1, 1, 5000), (None, None, None, None)], ids=["fixed", "array", "tree"]
)
def test_chunk_indexes_of_the_latest_format(tmp_path, rng, maxshape):
    codes = random_codes(rng, (3, 1, 1, 5000), "uint8")
    path = tmp_path / "w.h5"
    with h5py.File(path, "w", libver="latest") as file:
        file.create_dataset(
            "data", data=codes, chunks=(1, 1, 1, 999), maxshape=maxshape, compression="gzip"
        )
    check_same(path, codes)


def test_compact_scaleoffset_szip_nbit(tmp_path, rng):
    codes = rng.integers(-500, 500, (1, 1, 1, 900)).astype("<i2")
    path = tmp_path / "w.h5"
    with h5py.File(path, "w") as file:
        space = h5py.h5s.create_simple(codes.shape)
        compact = h5py.h5p.create(h5py.h5p.DATASET_CREATE)
        compact.set_layout(h5py.h5d.COMPACT)
        dataset = h5py.h5d.create(file.id, b"compact", h5py.h5t.STD_I16LE, space, compact)
        dataset.write(h5py.h5s.ALL, h5py.h5s.ALL, codes)
        file.create_dataset("scaled", data=codes, chunks=(1, 1, 1, 128), scaleoffset=0)
        twelve = h5py.h5t.STD_I16LE.copy()
        twelve.set_precision(12)
        dataset = h5py.h5d.create(file.id, b"twelve", twelve, space)
        dataset.write(h5py.h5s.ALL, h5py.h5s.ALL, codes)
        names = ["compact", "scaled", "twelve"]
        if h5py.h5z.filter_avail(h5py.h5z.FILTER_SZIP):
            file.create_dataset("szip", data=codes, chunks=(1, 1, 1, 128), compression="szip")
            names.append("szip")
    for name in names:
        check_same(path, codes, dataset=name)


def test_filter_left_out_for_a_chunk(tmp_path, rng):
    codes = rng.integers(-500, 500, (1, 1, 1, 300)).astype("<i2")
    path = tmp_path / "w.h5"
    with h5py.File(path, "w") as file:
        dataset = file.create_dataset(
            "data", codes.shape, "<i2", chunks=(1, 1, 1, 100), compression="gzip", shuffle=True
        )
        dataset[..., :100] = codes[..., :100]
        dataset.id.write_direct_chunk((0, 0, 0, 100), codes[..., 100:200].tobytes(), 0b11)
        dataset[..., 200:] = codes[..., 200:]
    check_same(path, codes)


@pytest.mark.parametrize("fill", [None, -7])
@pytest.mark.parametrize("chunks", [None, (1, 1, 1, 100)])
def test_what_was_never_written_is_the_fill_value(tmp_path, fill, chunks):
    expected = np.full((1, 1, 2, 1000), fill or 0, ">i4")
    path = tmp_path / "w.h5"
    with h5py.File(path, "w") as file:
        dataset = file.create_dataset(
            "data", expected.shape, ">i4", chunks=chunks, fillvalue=fill, compression=None
        )
        if chunks:
            dataset[0, 0, 1, 250:300] = expected[0, 0, 1, 250:300] = np.arange(50)
    check_same(path, expected)


@pytest.fixture(scope="module")
def boxed(tmp_path_factory):
    rng = np.random.default_rng(7)
    path = tmp_path_factory.mktemp("boxes") / "w.h5"
    codes = rng.integers(-32768, 32767, (2, 3, 4, 500)).astype("<i2")
    with h5py.File(path, "w") as file:
        file.create_dataset("chunked", data=codes, chunks=(2, 1, 3, 70), compression="gzip")
        file.create_dataset("contiguous", data=codes)
        turned = np.ascontiguousarray(codes.transpose(3, 1, 0, 2))
        file.create_dataset("turned", data=turned)
        file.create_dataset("turned_chunked", data=turned, chunks=(50, 2, 1, 4), shuffle=True)
    axes = {"turned": "sample,trc,channel,segment", "turned_chunked": "sample,trc,channel,segment"}
    names = ("chunked", "contiguous", "turned", "turned_chunked")
    sources = [opened(path, dataset=n, axes=axes.get(n)) for n in names]
    yield codes, sources
    for source in sources:
        source.close()


@settings(
    max_examples=80, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
@given(data=st.data())
def test_any_box_equals_the_slice(boxed, data):
    codes, sources = boxed
    start = [data.draw(st.integers(0, n - 1)) for n in codes.shape]
    stop = [data.draw(st.integers(a + 1, n)) for a, n in zip(start, codes.shape, strict=True)]
    box = Box(tuple(start), tuple(stop))
    for source in sources:
        np.testing.assert_array_equal(source.read(box), codes[box.slices])


def test_interleaved_channels_longer_than_a_piece(tmp_path, rng):
    codes = rng.integers(-9, 9, (3, 1, 1, 1_500_000)).astype("<i2")
    path = tmp_path / "w.h5"
    with h5py.File(path, "w") as file:
        file["data"] = np.ascontiguousarray(codes.reshape(3, -1).T)
    with opened(path, axes="sample,channel") as source:
        box = Box((1, 0, 0, 5), (2, 1, 1, 1_499_999))
        np.testing.assert_array_equal(source.read(box), codes[box.slices])


def test_threads_read_the_same_as_one(tmp_path, rng):
    codes = rng.integers(-999, 999, (2, 1, 1, 200_000)).astype("<i2")
    path = tmp_path / "w.h5"
    with h5py.File(path, "w") as file:
        file.create_dataset("data", data=codes, chunks=(2, 1, 1, 3777), compression="gzip")
    boxes = [
        Box((c, 0, 0, a), (c + 1, 1, 1, min(a + 7000, 200_000)))
        for c in range(2)
        for a in range(0, 200_000, 7000)
    ]
    with opened(path) as source, ThreadPoolExecutor(8) as pool:
        for box, values in zip(boxes * 2, pool.map(source.read, boxes * 2), strict=True):
            np.testing.assert_array_equal(values, codes[box.slices])


def test_each_chunk_is_decoded_once_for_consecutive_blocks(tmp_path, rng, monkeypatch):
    from pyramidion.formats._hdf5 import readers

    codes = rng.integers(-999, 999, (1, 1, 1, 100_000)).astype("<i2")
    path = tmp_path / "w.h5"
    with h5py.File(path, "w") as file:
        file.create_dataset("data", data=codes, chunks=(1, 1, 1, 3000), compression="gzip")
    decoded = []
    plain = readers.decode_chunk
    monkeypatch.setattr(readers, "decode_chunk", lambda *a: decoded.append(1) or plain(*a))
    with opened(path) as source:
        for a in range(0, 100_000, 10_000):
            source.read(Box((0, 0, 0, a), (1, 1, 1, a + 10_000)))
    assert len(decoded) == 34


def chunk_cache(limit):
    return ByteCache(limit, lambda chunk: chunk.nbytes, keeps_last=True)


def test_cache_decodes_once_for_threads_that_ask_together():
    cache, calls, together = chunk_cache(10**6), [], threading.Barrier(6)

    def decode():
        calls.append(3)
        time.sleep(0.05)
        return np.full(10, 3)

    def ask(_):
        together.wait()
        return cache.get(3, decode)

    with ThreadPoolExecutor(6) as pool:
        results = list(pool.map(ask, range(6)))
    assert calls == [3]
    assert all(r is results[0] for r in results)


def test_cache_is_bounded_and_forgets_failures():
    cache = chunk_cache(1000)
    for number in range(50):
        cache.get(number, lambda: np.zeros(100, np.uint8))
        assert cache.n_bytes <= 1000
    assert 49 in cache
    assert 0 not in cache
    cache.get(99, lambda: np.zeros(5000, np.uint8))
    assert cache.n_bytes == 5000  # one is kept however large

    def fail():
        raise ValueError(7)

    for _ in range(2):
        with pytest.raises(ValueError, match="7"):
            cache.get(7, fail)
    assert cache.get(7, lambda: np.ones(1))[0] == 1


@given(st.binary(max_size=3000), st.sampled_from([1, 2, 4, 8]))
def test_unshuffle_undoes_shuffle(data, n_element):
    whole_elements = data[: len(data) // n_element * n_element]
    values = np.frombuffer(whole_elements, f"<u{n_element}")
    assert bytes(unshuffle(shuffle(values).tobytes(), n_element)) == whole_elements


def test_unshuffle_of_elements_that_no_file_has():
    assert bytes(unshuffle(b"abc", 2**32 - 1)) == b"abc"
    assert bytes(unshuffle(b"acebdf!", 2)) == b"abcdef!"
    assert (
        bytes(unshuffle(bytes(range(40)), 20))
        == np.arange(40, dtype="u1").reshape(20, 2).T.tobytes()
    )


@given(st.binary(max_size=2000))
def test_fletcher32_is_the_sum_word_by_word(data):
    first = second = 0
    padded = data + b"\0" * (len(data) % 2)
    for i in range(0, len(padded), 2):
        first = (first + (padded[i] << 8 | padded[i + 1])) or 0
        second += first
    # end-around carry, as in the sum's definition
    while first >> 16:
        first = (first & 0xFFFF) + (first >> 16)
    while second >> 16:
        second = (second & 0xFFFF) + (second >> 16)
    assert fletcher32(data) == second << 16 | first


@pytest.mark.parametrize("n_axes", [1, 2, 3, 4])
def test_axes_are_the_last_ones(tmp_path, n_axes):
    shape = (2, 3, 4, 50)[-n_axes:]
    codes = np.arange(np.prod(shape), dtype="<i2").reshape(shape)
    path = tmp_path / "w.h5"
    with h5py.File(path, "w") as file:
        file["data"] = codes
    check_same(path, codes.reshape((1,) * (4 - n_axes) + shape))


@pytest.mark.parametrize(
    ("axes", "expected"),
    [
        ("channel,sample", (3, 1, 1, 40)),
        ("trc, samples", (1, 3, 1, 40)),
        ("Segments,time", (1, 1, 3, 40)),
        ("sample,channel", (40, 1, 1, 3)),
    ],
)
def test_axes_by_option(tmp_path, axes, expected):
    codes = np.arange(120, dtype="<i2").reshape(3, 40)
    path = tmp_path / "w.h5"
    with h5py.File(path, "w") as file:
        file["data"] = codes
    with opened(path, axes=axes) as source:
        assert source.spec.shape == expected
        turned = codes.T if axes.startswith("sample") else codes
        np.testing.assert_array_equal(whole(source), turned.reshape(expected))


def test_axes_by_labels_and_by_gains(tmp_path):
    codes = np.arange(120, dtype="<i2").reshape(3, 40)
    labelled, gains = tmp_path / "labelled.h5", tmp_path / "gains.h5"
    with h5py.File(labelled, "w") as file:
        file["data"] = codes
        file["data"].dims[0].label, file["data"].dims[1].label = "Channels", "time"
    with h5py.File(gains, "w") as file:
        file["data"] = codes
        file.attrs["vertical_gains"] = [1.0, 2.0, 3.0]
    for path in (labelled, gains):
        with opened(path) as source:
            assert source.spec.shape == (3, 1, 1, 40)
    assert source.spec.gains.tolist() == [[1.0], [2.0], [3.0]]


@pytest.mark.parametrize("names", [("data",), ("samples",), ("deep/down/here",), ("recording",)])
def test_dataset_that_fits(tmp_path, names):
    codes = np.arange(5000, dtype="<u2")
    path = tmp_path / "w.h5"
    with h5py.File(path, "w") as file:
        for name in names:
            file[name] = codes
        file["meta/gain"] = np.ones(9000)
        file["mask"] = np.ones(20, "u4")
        file["note"] = "hello"
        file["count"] = 3
        file["table"] = np.zeros(9000, [("a", "i4"), ("b", "f8")])
    check_same(path, codes.reshape(1, 1, 1, -1))


def test_group_called_data_is_no_obstacle(tmp_path):
    codes = np.arange(5000, dtype="<u2")
    path = tmp_path / "w.h5"
    with h5py.File(path, "w") as file:
        file["data/run1"] = codes
    check_same(path, codes.reshape(1, 1, 1, -1))


def test_channels_of_a_keysight_file(tmp_path, rng):
    traces = rng.integers(-100, 100, (3, 2000)).astype("<i2")
    path = tmp_path / "w.h5"
    with h5py.File(path, "w") as file:
        for channel, trace in zip((1, 2, 10), traces, strict=True):
            group = file.create_group(f"Waveforms/Channel {channel}")
            group.attrs.update({"XInc": 1e-9, "XOrg": -1e-6, "YInc": 0.01 * channel, "YOrg": 0.5})
            group.attrs.update({"XUnits": "Second", "YUnits": "Volt"})
            group[f"Channel {channel} Data"] = trace
    with opened(path) as source:
        spec = source.spec
        np.testing.assert_array_equal(whole(source), traces.reshape(3, 1, 1, 2000))
        box = Box((1, 0, 0, 7), (3, 1, 1, 70))
        np.testing.assert_array_equal(source.read(box).reshape(2, -1), traces[1:, 7:70])
    assert (spec.interval, spec.offset, spec.time_unit, spec.unit) == (1e-9, -1e-6, "s", "Volt")
    np.testing.assert_allclose(spec.gains, [[0.01], [0.02], [0.1]])
    np.testing.assert_allclose(spec.offsets, np.full((3, 1), -0.5))  # volts = code*gain + YOrg


@pytest.mark.parametrize(
    ("place", "attributes", "interval", "offset"),
    [
        ("root", {"horiz_interval": 2e-9, "horiz_offset": -1e-3}, 2e-9, -1e-3),
        ("root", {"horiz_interval": np.float32(2e-9)}, 2e-9, 0.0),
        ("data", {"Xspacing": 0.25, "Xstart": 100, "Xunits": "second"}, 0.25, 100.0),
        ("data", {"Xspacing": 3.0, "Xstart": -2.0, "Xunits": b"ns"}, 3e-9, -2e-9),
        ("data", {"XInc": 4e-6, "XOrg": 1e-6}, 4e-6, 1e-6),
        ("data", {"dt": [0.5]}, 0.5, 0.0),
        ("data", {"sample_rate": 4096}, 1 / 4096, 0.0),
        ("sibling", {"horiz_interval": 2e-9, "horiz_offset": 5.0}, 2e-9, 5.0),
    ],
)
def test_time(tmp_path, place, attributes, interval, offset):
    path = tmp_path / "w.h5"
    with h5py.File(path, "w") as file:
        file["data"] = np.zeros(10, "f4")
        for name, value in attributes.items():
            if place == "sibling":
                file[name] = value
            else:
                (file if place == "root" else file["data"]).attrs[name] = value
    with opened(path) as source:
        assert source.spec.interval == pytest.approx(interval, rel=1e-15)
        assert source.spec.offset == pytest.approx(offset, rel=1e-15)
        assert source.spec.time_unit == "s"
        assert source.spec.warnings == ()
    with opened(path, interval=7.0) as source:
        assert source.spec.interval == 7.0


@pytest.mark.parametrize(
    ("gains", "expected"),
    [
        (2.0, [[2, 2, 2], [2, 2, 2]]),
        ([2.0, 3.0], [[2, 2, 2], [3, 3, 3]]),
        ([[1.0, 2, 3], [4, 5, 6]], [[1, 2, 3], [4, 5, 6]]),
    ],
)
@pytest.mark.parametrize("place", ["root", "sibling", "data"])
def test_gains_and_offsets(tmp_path, gains, expected, place):
    path = tmp_path / "w.h5"
    with h5py.File(path, "w") as file:
        file["data"] = np.zeros((2, 3, 1, 10), "i2")
        file.attrs["horiz_interval"] = 1.0
        for name in ("vertical_gain", "vertical_offset"):
            if place == "sibling":
                file[name] = gains
            else:
                (file if place == "root" else file["data"]).attrs[name] = gains
    with opened(path) as source:
        assert source.spec.gains.tolist() == expected
        assert source.spec.offsets.tolist() == expected
        assert source.spec.warnings == ()


def test_what_is_missing_is_assumed_and_told(tmp_path):
    path = tmp_path / "w.h5"
    with h5py.File(path, "w") as file:
        file["data"] = np.zeros((2, 1, 1, 10), "i2")
    with opened(path) as source:
        spec = source.spec
    assert (spec.interval, spec.offset, spec.unit) == (1e-9, 0.0, "V")
    assert spec.gains.tolist() == [[1.0], [1.0]]
    assert spec.offsets.tolist() == [[0.0], [0.0]]
    assert spec.warnings == (
        "horiz_interval is not in the file: 1 ns assumed; set it with --dt",
        "vertical_gains is not in the file: 1 V per code assumed",
        "vertical_offsets is not in the file: 0 V assumed",
    )


def test_attributes_are_copied(tmp_path):
    path = tmp_path / "w.h5"
    with h5py.File(path, "w") as file:
        file["data"] = np.zeros(10, "f8")
        file.attrs.update({"horiz_interval": 1.0, "run": 7, "name": "µ-scope", "ok": True})
        file.attrs.update({"fixed": np.bytes_(b"abc"), "list": [1.5, 2.5], "words": ["a", "b"]})
        file.attrs["big"] = np.uint64(2**63 + 1)
        file.attrs["nothing"] = h5py.Empty("f4")
    with opened(path) as source:
        assert source.spec.attributes == {
            "run": 7,
            "name": "µ-scope",
            "ok": True,
            "fixed": "abc",
            "list": [1.5, 2.5],
            "words": ["a", "b"],
            "big": 2**63 + 1,
            "nothing": None,
        }
        assert source.spec.warnings == ()


def test_remarks_are_no_calibration(tmp_path):
    path = tmp_path / "w.h5"
    with h5py.File(path, "w") as file:
        file["data"] = np.zeros(10, "i2")
        file.attrs.update({"gain": "high", "offset": "none", "dt": "2 ns"})
    with opened(path) as source:
        assert source.spec.attributes == {"gain": "high", "offset": "none", "dt": "2 ns"}
        assert source.spec.gains.tolist() == [[1.0]]
        assert len(source.spec.warnings) == 3


def test_formats_are_listed_without_h5py():
    import subprocess
    import sys

    code = "import sys, pyramidion.formats.hdf5; assert 'h5py' not in sys.modules"
    subprocess.run([sys.executable, "-c", code], check=True)
