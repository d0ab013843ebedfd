"""The rows H5-01 to H5-21 of the bad-input catalogue, and the common ones that concern HDF5."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
import tempfile
import zipfile
from pathlib import Path

import h5py
import numpy as np
import pytest
from tests.bad_input import hdf5_files as bad

from pyramidion.core import Box, PyramidionError, UsageError
from pyramidion.formats import OpenOptions
from pyramidion.formats._hdf5.child import Limits, describe
from pyramidion.formats.hdf5 import FORMAT


def opened(path, **options):
    return FORMAT.open(path, OpenOptions(**options))


def refusal(path, id_, status=1, **options) -> str:
    """Return the one line with which a file is refused, at once."""
    begin = sum(os.times()[:4])
    with pytest.raises(PyramidionError) as caught:
        opened(path, **options).close()
    assert sum(os.times()[:4]) - begin < 5  # CPU seconds, the child's too: 0.2 is usual
    return checked(caught.value, id_, status)


def checked(error, id_, status=1) -> str:
    assert error.id == id_, error.line
    assert error.status == status
    assert "\n" not in error.line
    assert len(error.line) < 500
    return error.line


def grouped(number):
    return f"{number:,}".replace(",", " ")


@pytest.fixture
def path(tmp_path):
    return tmp_path / "F.h5"


def whole(source):
    return source.read(Box.whole(source.spec.shape))


@pytest.mark.parametrize(
    ("data", "words"),
    [
        (b"", "not an HDF5 file (0 bytes)"),
        (b"time,volts\n0,1\n", "(starts with `74 69 6d 65`, looks like text)"),
        (b"\x89PNG\r\n\x1a\n" + bytes(100), "(starts with `89 50 4e 47`, looks like PNG)"),
        (bytes(5000), "not an HDF5 file (starts with `00 00 00 00`)"),
    ],
)
def test_h5_01_not_hdf5(path, data, words):
    path.write_bytes(data)
    assert not FORMAT.matches(path)
    line = refusal(path, "PYR-H5-01")
    assert "F.h5: not an HDF5 file" in line
    assert words in line


def test_h5_01_zip(path):
    with zipfile.ZipFile(path, "w") as archive:
        archive.writestr("a.txt", "hello")
    assert "looks like ZIP" in refusal(path, "PYR-H5-01")


@pytest.mark.parametrize("libver", ["earliest", "latest"])
def test_h5_02_truncated_anywhere(path, libver):
    with h5py.File(path, "w", libver=libver) as file:
        file.create_dataset("data", data=np.arange(5000, dtype="i2"), chunks=(500,))
    data = path.read_bytes()
    for cut in np.linspace(1, len(data) - 1, 100).astype(int):
        path.write_bytes(data[:cut])
        line = refusal(path, "PYR-H5-02")
        assert "F.h5: truncated (needs " in line
    assert f"(needs {grouped(len(data))} B, has {grouped(len(data) - 1)} B)" in line
    assert line.endswith(": copy it again")


def test_h5_03_left_open(path):
    line = refusal(bad.left_open(path, swmr=False), "PYR-H5-03")
    assert "F.h5: not closed by its writer: run `h5clear -s F.h5` on a copy" in line


def test_h5_04_single_writer_many_readers(path):
    line = refusal(bad.left_open(path, swmr=True), "PYR-H5-04")
    assert "F.h5: still being written: wait" in line


@pytest.mark.skipif(sys.platform == "win32", reason="locks are mandatory there")
@pytest.mark.parametrize("libver", ["earliest", "latest"])
def test_h5_04_open_in_a_living_writer(path, libver):
    with h5py.File(path, "w", libver=libver) as file:
        file["data"] = np.arange(100)
        file.flush()
        assert "still being written" in refusal(path, "PYR-H5-04")
    opened(path).close()


def test_h5_05_no_such_dataset(path):
    with h5py.File(path, "w") as file:
        file["data"] = np.arange(100)
        file["meta/gain"] = 1.0
    line = refusal(path, "PYR-H5-05", dataset="samples")
    assert "F.h5: no dataset `samples` (found: data, meta/gain): use --dataset /data" in line
    with h5py.File(path, "w") as file:
        file["meta/gain"] = 1.0
        file["note"] = "text"
    assert "no dataset `samples` (found: meta/gain, note)" in refusal(path, "PYR-H5-05")
    with h5py.File(path, "w"):
        pass
    assert "no dataset `samples` (found: none)" in refusal(path, "PYR-H5-05")


@pytest.mark.parametrize("names", [("a", "b"), ("data", "samples"), ("x/y", "z")])
def test_h5_06_several_fit(path, names):
    with h5py.File(path, "w") as file:
        for name in names:
            file[name] = np.arange(5000)
    line = refusal(path, "PYR-H5-06", status=2)
    assert f"F.h5: 2 datasets fit (/{names[0]}, /{names[1]}): choose with --dataset" in line
    opened(path, dataset=names[1]).close()


def test_h5_07_group(path):
    with h5py.File(path, "w") as file:
        file["data/x"] = np.arange(5000)
        file["data/y"] = np.arange(5000)
    line = refusal(path, "PYR-H5-07", dataset="/data")
    assert "F.h5:/data: is a group: name a dataset in it (x, y)" in line


def test_h5_08_axes(path):
    with h5py.File(path, "w") as file:
        file["data"] = np.zeros((1, 2, 3, 4, 5))
        file["flat"] = np.zeros((2, 1000))
    line = refusal(path, "PYR-H5-08")
    assert "F.h5:/data: shape (1, 2, 3, 4, 5): 4 axes needed" in line
    assert "(channels, trcs, segments, samples)" in line
    assert "--axes" in line
    line = refusal(path, "PYR-H5-08", dataset="flat", axes="trc,segment,sample")
    assert "F.h5:/flat: shape (2, 1000): 3 axes named (trc,segment,sample)" in line


@pytest.mark.parametrize(
    ("axes", "words"),
    [
        ("channel,smaple", "--axes: unknown axis (smaple)"),
        ("sample,sample", "--axes: an axis is given twice"),
        ("channel,trc", "--axes: no axis of samples"),
    ],
)
def test_axes_that_are_none(path, axes, words):
    with h5py.File(path, "w") as file:
        file["data"] = np.zeros((2, 1000))
    assert words in refusal(path, "PYR-H5-22", status=2, axes=axes)


def test_h5_09_empty(path):
    with h5py.File(path, "w") as file:
        file.create_dataset("zero", (3, 0, 2), "i2")
        file["scalar"] = 3.0
        file["null"] = h5py.Empty("i2")
    for name in ("zero", "scalar", "null"):
        line = refusal(path, "PYR-H5-09", dataset=name)
        assert f"F.h5:/{name}: empty (" in line
        assert "0 samples)" in line


def enum_type():
    return h5py.h5t.py_create(h5py.enum_dtype({"LOW": 0, "HIGH": 1}), logical=True)


@pytest.mark.parametrize(
    ("type_id", "words"),
    [
        (lambda: h5py.h5t.py_create(h5py.string_dtype(), logical=True), "vlen string"),
        (lambda: h5py.h5t.py_create(np.dtype("S5")), "string"),
        (lambda: h5py.h5t.py_create(np.dtype([("a", "i2"), ("b", "f4")])), "compound"),
        (lambda: h5py.h5t.py_create(h5py.ref_dtype, logical=True), "reference"),
        (lambda: h5py.h5t.py_create(np.dtype("V7")), "opaque"),
        (lambda: h5py.h5t.py_create(h5py.vlen_dtype("i2"), logical=True), "variable length"),
        (enum_type, "enum"),
        (lambda: h5py.h5t.py_create(np.dtype("?"), logical=True), "bool"),
        (lambda: h5py.h5t.py_create(np.dtype("c16")), "complex128"),
        (lambda: h5py.h5t.IEEE_F128LE, "float128"),
        (lambda: h5py.h5t.STD_B8LE, "bit field"),
        (lambda: h5py.h5t.array_create(h5py.h5t.STD_I16LE, (3,)), "array"),
    ],
)
def test_h5_10_types(path, type_id, words):
    line = refusal(bad.with_type(path, type_id()), "PYR-H5-10")
    assert f"F.h5:/data: unsupported type ({words}" in line


def test_h5_11_declared_but_not_stored(path):
    with h5py.File(path, "w") as file:
        file.create_dataset("data", (3, 10**12), "f8", chunks=(1, 1000))
        file.create_dataset("contiguous", (10**9,), "f8")
    line = refusal(path, "PYR-H5-11")
    assert "F.h5:/data: declares 24 TB, stores 0 B: refused; --sparse if intended" in line
    refusal(path, "PYR-H5-11", dataset="contiguous")
    with opened(path, sparse=True) as source:
        box = Box((0, 0, 2, 10**11), (1, 1, 3, 10**11 + 3))
        assert source.read(box).tolist() == [[[[0.0, 0.0, 0.0]]]]
    with h5py.File(path, "w") as file:
        file.create_dataset("data", (2**60,), "f8", chunks=(1000,))
    assert "refused" in refusal(path, "PYR-H5-11", sparse=True)


BOMB = """
import resource, sys
from pathlib import Path
from pyramidion.core import Box
from pyramidion.formats import OpenOptions
from pyramidion.formats.hdf5 import FORMAT
source = FORMAT.open(Path(sys.argv[1]), OpenOptions())
source.read(Box((0, 0, 0, 0), (1, 1, 1, 1)))
begin = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
n = source.spec.shape[-1]
for a in range(0, n, 2**20):
    assert not source.read(Box((0, 0, 0, a), (1, 1, 1, min(n, a + 2**20)))).any()
print(begin, resource.getrusage(resource.RUSAGE_SELF).ru_maxrss)
"""


def test_h5_12_bomb_is_read_in_bounded_memory(path):
    with h5py.File(path, "w") as file:
        dataset = file.create_dataset(
            "data", (100_000_000,), "i2", chunks=(1_000_000,), compression="gzip"
        )
        for a in range(0, 100_000_000, 10_000_000):
            dataset[a : a + 10_000_000] = 0
    assert path.stat().st_size < 400_000
    done = subprocess.run([sys.executable, "-c", BOMB, path], capture_output=True, check=True)
    begin, end = map(int, done.stdout.split())
    assert end - begin < 100_000  # kB; the file holds 200 MB


def test_h5_12_chunk_over_the_limit(path):
    with h5py.File(path, "w") as file:
        dataset = file.create_dataset("data", (2**30,), "i2", chunks=(2**30,), compression="gzip")
        assert dataset.chunks == (2**30,)
    line = refusal(path, "PYR-H5-12", sparse=True)
    assert "F.h5:/data: one chunk has 2.15 GB, over the limit of 1 GiB" in line


def test_h5_12_chunk_that_inflates_to_more(path):
    import deflate

    bad.plain(path, chunks=(1, 1, 1, 10000), compression="gzip")
    with h5py.File(path, "a") as file:
        bomb = deflate.zlib_compress(bytes(10**8), 9)
        assert len(bomb) > 2 * 20000 + 4096
        file["data"].id.write_direct_chunk((0, 0, 0, 0), bomb)
        small = deflate.zlib_compress(bytes(30000), 9)
        file["data"].id.write_direct_chunk((1, 0, 0, 0), small)
    with opened(path) as source:
        for channel in range(2):
            with pytest.raises(PyramidionError) as caught:
                source.read(Box((channel, 0, 0, 0), (channel + 1, 1, 1, 10)))
            line = checked(caught.value, "PYR-H5-17")
            assert f"damaged chunk at [{channel},0,0,0]" in line


def test_h5_13_external_storage(tmp_path, path):
    secret = tmp_path / "secret"
    secret.write_bytes(b"root:x:0:0" * 10)
    with h5py.File(path, "w") as file:
        file.create_dataset("data", (100,), "u1", external=[(str(secret), 0, 100)])
    line = refusal(path, "PYR-H5-13")
    assert "F.h5:/data: keeps its data in another file (" in line
    assert "refused" in line
    # Neither is it taken where it would only be a calibration.
    with h5py.File(path, "w") as file:
        file["data"] = np.zeros(10)
        file.create_dataset("vertical_gain", (1,), "u1", external=[(str(secret), 0, 1)])
    with opened(path) as source:
        assert source.spec.gains.tolist() == [[1.0]]


def test_h5_14_links(tmp_path, path):
    other = tmp_path / "other.h5"
    with h5py.File(other, "w") as file:
        file["data"] = np.arange(100)
        file["group/data"] = np.arange(100)
    with h5py.File(path, "w") as file:
        file["data"] = h5py.ExternalLink("other.h5", "/data")
        file["soft"] = h5py.SoftLink("/data")
        file["loop"] = h5py.SoftLink("/loop")
        file["way"] = h5py.ExternalLink("other.h5", "/group")
        file["turn"] = h5py.SoftLink("/way")
    line = refusal(path, "PYR-H5-14")
    assert "F.h5:/data: is a link to another file (other.h5:/data): refused" in line
    line = refusal(path, "PYR-H5-14", dataset="way/data")
    assert "F.h5:/way: is a link to another file (other.h5:/group): refused" in line
    for name in ("soft", "loop", "turn/data"):
        line = refusal(path, "PYR-H5-14", dataset=name)
        assert f"F.h5:/{name.split('/')[0]}: is a soft link" in line
        assert "link to another file" in line
        assert "refused" in line
    with h5py.File(path, "w") as file:
        file["only"] = h5py.ExternalLink("other.h5", "/data")
    assert "F.h5:/only: is a link to another file" in refusal(path, "PYR-H5-14")
    with h5py.File(path, "w") as file:
        file["good"] = np.arange(5000)
        file["link"] = h5py.ExternalLink("other.h5", "/data")
        file["again"] = file["/"]  # a group that is its own member
    opened(path).close()


@pytest.mark.parametrize(
    ("source", "words"),
    [("inside.h5", "virtual (inside.h5)"), ("../up.h5", "virtual, sources outside its folder")],
)
def test_h5_15_virtual(path, source, words):
    layout = h5py.VirtualLayout((100,), "i2")
    layout[:] = h5py.VirtualSource(source, "data", (100,))
    with h5py.File(path, "w") as file:
        file.create_virtual_dataset("data", layout)
    line = refusal(path, "PYR-H5-15")
    assert f"F.h5:/data: {words}" in line
    assert "refused" in line


def test_h5_16_filter(path, monkeypatch):
    if bad_filter_is_installed():
        pytest.skip("hdf5plugin is installed")
    monkeypatch.setenv("HDF5_PLUGIN_PATH", str(path.parent))
    line = refusal(bad.with_filter(path, 32015), "PYR-H5-16")
    assert "F.h5:/data: compressed with filter 32015 (zstd), not available" in line
    assert "pip install hdf5plugin" in line
    assert "filter 40001, not" in refusal(bad.with_filter(path, 40001), "PYR-H5-16")


def bad_filter_is_installed():
    import importlib.util

    return importlib.util.find_spec("hdf5plugin") is not None


@pytest.mark.parametrize(
    "storage",
    [
        {"compression": "gzip"},
        {"fletcher32": True},
        {"compression": "gzip", "shuffle": True, "fletcher32": True},
    ],
    ids=["gzip", "fletcher32", "all"],
)
def test_h5_17_flipped_byte(path, storage):
    bad.plain(path, chunks=(1, 1, 1, 1000), **storage)
    offset, size = bad.chunk_places(path)[13]
    bad.flip(path, offset + size // 2)
    with opened(path) as source:
        with pytest.raises(PyramidionError) as caught:
            whole(source)
        line = checked(caught.value, "PYR-H5-17")
        assert "F.h5:/data: damaged chunk at [1,0,0,3000] (" in line
        assert "1 of 20 chunks" in line
        good = source.read(Box((0, 0, 0, 0), (1, 1, 1, 10000)))  # the others are still read
        np.testing.assert_array_equal(good.reshape(-1), np.arange(10000))


def test_h5_17_through_the_library(path):
    bad.plain(path, chunks=(1, 1, 1, 1000), compression="lzf", fletcher32=True)
    offset, size = bad.chunk_places(path)[13]
    bad.flip(path, offset + size // 2)
    with opened(path) as source:
        with pytest.raises(PyramidionError) as caught:
            source.read(Box((1, 0, 0, 3000), (2, 1, 1, 4000)))
        assert "damaged chunk at [1,0,0,3000]" in checked(caught.value, "PYR-H5-17")


def test_h5_18_attributes_that_cannot_be_copied(path):
    bad.plain(path)
    with h5py.File(path, "a", libver="latest") as file:
        file.attrs["reference"] = file["data"].ref
        file.attrs["latin"] = np.bytes_(b"\xe9t\xe9")
        file.attrs["missing"] = float("nan")
        file.attrs["pair"] = np.zeros((), [("a", "i2"), ("b", "i2")])
        file.attrs["good"] = 3
    with h5py.File(path, "r+") as file:
        assert file.attrs["good"] == 3
    with opened(path) as source:
        assert source.spec.attributes == {"good": 3}
        (told,) = [w for w in source.spec.warnings if "attributes" in w]
    for words in ("latin (not UTF-8)", "missing (not a finite number)", "pair (compound)", "reference (object reference)"):  # fmt: skip
        assert words in told


def test_h5_18_attribute_over_the_limit(path):
    with h5py.File(path, "w", libver="v108") as file:
        file["data"] = np.zeros(10)
        file.attrs["horiz_interval"] = 1.0
        file.attrs["large"] = np.zeros(5_000_000, "u1")
        file.attrs["text"] = "x" * 2_000_000
        file.attrs["fits"] = np.zeros(100_000, "u1")
    with opened(path) as source:
        assert list(source.spec.attributes) == ["fits"]
        assert source.spec.warnings == ("attributes not copied: large (5 MB), text (2 MB)",)


@pytest.mark.parametrize(
    ("name", "value", "words"),
    [
        ("vertical_gain", [1.0, 2.0, 3.0], "F.h5: vertical_gain has 3 values for 2 channels"),
        ("vertical_offsets", np.zeros((3, 1)), "vertical_offsets has 3 values for 2 channels"),
        ("vertical_gains", "high", "F.h5: vertical_gains: not a number (high)"),
        ("horiz_interval", [1.0, 2.0], "F.h5: horiz_interval has 2 values, one expected"),
        ("trigger_times", np.zeros((2, 1, 9)), "trigger_times has shape (2, 1, 9), (2, 1, 1)"),
    ],
)
def test_h5_18_wrong_length(path, name, value, words):
    with h5py.File(path, "w") as file:
        file["data"] = np.zeros((2, 1, 1, 100), "i2")
        file.attrs[name] = value
    assert words in refusal(path, "PYR-H5-18")
    if not isinstance(value, str):  # the same as a dataset beside the waveform
        with h5py.File(path, "w") as file:
            file["data"] = np.zeros((2, 1, 1, 100), "i2")
            file[name] = value
        assert words in refusal(path, "PYR-H5-18")


@pytest.mark.parametrize(
    ("name", "value", "words"),
    [
        ("horiz_interval", 0.0, "F.h5: horiz_interval: must be above 0 (0.0): use --dt"),
        ("horiz_interval", -1e-9, "horiz_interval: must be above 0 (-1e-09)"),
        ("horiz_interval", np.nan, "horiz_interval: must be above 0 (nan)"),
        ("sample_rate", np.inf, "sample_rate: must be above 0 (inf)"),
        ("horiz_offset", np.nan, "horiz_offset: must be a finite number (nan)"),
        ("vertical_gains", 0.0, "vertical_gains: must be a finite number other than 0 (0.0)"),
        ("vertical_gain", [1.0, np.nan], "vertical_gain: must be a finite number other than 0"),
        ("vertical_offset", np.inf, "vertical_offset: must be a finite number (inf)"),
    ],
)
def test_h5_19_values(path, name, value, words):
    with h5py.File(path, "w") as file:
        file["data"] = np.zeros((2, 1, 1, 100), "i2")
        file.attrs[name] = value
    assert words in refusal(path, "PYR-H5-19")
    if name in ("horiz_interval", "sample_rate"):
        opened(path, interval=1e-9).close()


def test_h5_19_interval_of_the_user(path):
    with pytest.raises(UsageError, match=r"--dt: must be above 0 \(-1.0\)"):
        opened(bad.plain(path), interval=-1.0)


def test_h5_20_deep_nesting(path):
    with h5py.File(path, "w") as file:
        group = file
        for _ in range(10_000):
            group = group.create_group("g")
        group["data"] = np.arange(100)
    assert "F.h5: more than 64 levels" in refusal(path, "PYR-H5-20")
    assert "more than 64 levels" in refusal(path, "PYR-H5-20", dataset="g/" * 100 + "data")


def test_h5_20_many_members(path):
    with h5py.File(path, "w", libver="latest") as file:
        space = h5py.h5s.create(h5py.h5s.SCALAR)
        for i in range(30_000):
            h5py.h5d.create(file.id, b"m%d" % i, h5py.h5t.STD_I16LE, space)
        file["wanted"] = np.arange(5000)
    assert "F.h5: more than 10000 members" in refusal(path, "PYR-H5-20")
    opened(path, dataset="wanted").close()


def test_h5_21_crash(path):
    line = refusal(bad.index_of_itself(path), "PYR-H5-21")
    assert "F.h5: the HDF5 library failed on this file (signal 11, SIGSEGV)" in line


def test_h5_21_hang_ends_at_the_limits(path):
    bad.index_without_end(path)
    for limits, words in [
        (Limits(cpu_s=0.5), "(signal 24, SIGXCPU)"),
        (Limits(wall_s=0.7), "(no answer within 0.7 s)"),
    ]:
        with pytest.raises(PyramidionError) as caught:
            describe(path, limits=limits)
        assert words in checked(caught.value, "PYR-H5-21")


def test_h5_21_memory_ends_at_the_limit(path):
    bad.plain(path, chunks=(1, 1, 1, 10))
    with pytest.raises(PyramidionError) as caught:
        describe(path, limits=Limits(memory_bytes=0))
    assert "failed on this file" in checked(caught.value, "PYR-H5-21")


def test_h5_21_damaged_structure(path):
    """A flipped bit anywhere in the structure: one line, or the values."""
    bad.plain(path, chunks=(1, 1, 1, 1000), compression="gzip")
    good = path.read_bytes()
    rng = np.random.default_rng(5)
    refused = []
    for at in rng.integers(8, 3000, 25):
        data = bytearray(good)
        data[at] ^= 1 << int(rng.integers(8))
        path.write_bytes(data)
        try:
            with opened(path) as source:
                whole(source)
        except PyramidionError as error:
            refused.append(error)
    assert 5 < len(refused) < 25
    for error in refused:
        checked(error, error.id)


def test_all_03_missing(path):
    assert refusal(path, "PYR-ALL-03").endswith("F.h5: no such file")
    assert "no such file" in refusal(path / "below", "PYR-ALL-03")


def test_all_04_directory(path):
    path.mkdir()
    assert "F.h5: is a directory, a file is needed" in refusal(path, "PYR-ALL-04")


@pytest.mark.skipif(sys.platform == "win32", reason="no modes")
def test_all_05_not_readable():
    # Not in tmp_path, whose parents only its owner may enter.
    with tempfile.TemporaryDirectory() as folder:
        Path(folder).chmod(0o755)
        path = bad.plain(Path(folder) / "F.h5")
        path.chmod(0)
        user = os.geteuid()
        os.seteuid(65534 if user == 0 else user)
        try:
            line = refusal(path, "PYR-ALL-05")
        finally:
            os.seteuid(user)
    assert "F.h5: permission denied (owner " in line
    assert "mode 000): read access is needed" in line


@pytest.mark.skipif(sys.platform == "win32", reason="no such files")
def test_all_18_not_a_regular_file(path):
    os.mkfifo(path)
    for special in (path, Path("/dev/zero"), Path("/proc/self/mem")):
        if special.exists():
            assert f"{special}: not a regular file" in refusal(special, "PYR-ALL-18")
            assert not FORMAT.matches(special)


def test_all_19_links(tmp_path, path):
    path.symlink_to(path)
    assert "F.h5: link loop" in refusal(path, "PYR-ALL-19")
    dangling = tmp_path / "G.h5"
    dangling.symlink_to("gone.h5")
    assert "G.h5: link to a missing file (gone.h5)" in refusal(dangling, "PYR-ALL-19")
    good = tmp_path / "H.h5"
    good.symlink_to(bad.plain(tmp_path / "real.h5"))
    opened(good).close()


@pytest.mark.parametrize("storage", [{}, {"chunks": (1, 1, 1, 1000), "compression": "gzip"}])
def test_all_20_shrinks_while_being_read(path, storage):
    bad.plain(path, **storage)
    size = path.stat().st_size
    with opened(path) as source:
        os.truncate(path, 4096)
        with pytest.raises(PyramidionError) as caught:
            whole(source)
    line = checked(caught.value, "PYR-ALL-20")
    words = f"F.h5: changed while reading (was {grouped(size)} B, now 4 096 B): run again"
    assert words in line


def test_all_20_rewritten_while_being_read(path):
    bad.plain(path, chunks=(1, 1, 1, 1000), compression="gzip")
    with opened(path) as source:
        data = bytearray(path.read_bytes())
        data[2000:] = bytes(len(data) - 2000)
        path.write_bytes(data)
        with pytest.raises(PyramidionError) as caught:
            whole(source)
    checked(caught.value, "PYR-ALL-20")


@pytest.mark.parametrize(
    "name", ["new\nline.h5", "quote'\".h5", "100%.h5", "-rf.h5", "a" * 252 + ".h5"]
)
def test_all_17_names(tmp_path, name):
    path = tmp_path / name
    try:
        bad.plain(tmp_path / "plain.h5")
        shutil.copy(tmp_path / "plain.h5", path)
    except OSError:
        pytest.skip("the file system does not take the name")
    with opened(path) as source:
        assert source.spec.shape == (2, 1, 1, 10000)
    path.write_bytes(b"x")
    with pytest.raises(PyramidionError) as caught:
        opened(path)
    assert "\n" not in caught.value.line


def test_all_17_name_that_is_not_utf_8(tmp_path):
    path = tmp_path / os.fsdecode(b"\xff\xfe.h5")
    try:
        shutil.copy(bad.plain(tmp_path / "plain.h5"), path)
    except OSError:
        pytest.skip("the file system does not take the name")
    opened(path).close()


def test_nothing_is_left_running_or_open(path):
    bad.plain(path)
    before = n_open_files()
    for _ in range(3):
        opened(path).close()
    with pytest.raises(PyramidionError):
        opened(path, dataset="nowhere")
    assert n_open_files() == before


def n_open_files():
    folder = Path("/proc/self/fd")
    return len(list(folder.iterdir())) if folder.is_dir() else 0


def test_child_takes_no_code_from_the_current_folder(path, tmp_path, monkeypatch):
    bad.plain(path)
    (tmp_path / "h5py.py").write_text("raise SystemExit('foreign code ran')")
    monkeypatch.chdir(tmp_path)
    opened(path).close()


def test_input_is_never_modified(path):
    bad.plain(path, chunks=(1, 1, 1, 1000), compression="lzf")
    before, stat = path.read_bytes(), path.stat()
    with opened(path) as source:
        whole(source)
    assert path.read_bytes() == before
    assert path.stat().st_mtime_ns == stat.st_mtime_ns
