"""The rows H5-05 to H5-17 of the bad-input catalogue for images, and those of `.npy` images."""

from __future__ import annotations

import h5py
import numpy as np
import pytest
from tests.bad_input import hdf5_files as bad

from pyramidion.core import Box, PyramidionError
from pyramidion.formats import OpenOptions
from pyramidion.formats.hdf5 import FORMAT as HDF5
from pyramidion.formats.npy import FORMAT as NPY

BOOM = "boom"


def opened(path, **options):
    found = NPY if path.suffix == ".npy" else HDF5
    return found.open_image(path, OpenOptions(**options))


def refusal(path, id_, status=1, **options) -> str:
    """Return the one line with which a file is refused as an image."""
    with pytest.raises(PyramidionError) as caught:
        opened(path, **options).close()
    error = caught.value
    assert error.id == id_, error.line
    assert error.status == status
    assert "\n" not in error.line
    assert len(error.line) < 500
    return error.line


@pytest.fixture
def path(tmp_path):
    return tmp_path / "F.h5"


def volume(path, name="data", **storage):
    with h5py.File(path, "w") as file:
        values = np.arange(20 * 64 * 64, dtype="<u2").reshape(20, 64, 64)
        file.create_dataset(name, data=values, **storage)
    return path


def test_h5_01_02_not_hdf5_and_truncated(path):
    path.write_bytes(b"\x89PNG\r\n\x1a\n" + bytes(100))
    assert "not an HDF5 file" in refusal(path, "PYR-H5-01")
    data = volume(path).read_bytes()
    for kept in (len(data) - 1, len(data) // 2, 2000):
        path.write_bytes(data[:kept])
        assert "F.h5: truncated" in refusal(path, "PYR-H5-02")


def test_h5_03_left_open(path):
    assert "not closed by its writer" in refusal(bad.left_open(path, swmr=False), "PYR-H5-03")


def test_h5_05_no_such_dataset(path):
    volume(path, "scan")
    line = refusal(path, "PYR-H5-05", dataset="none")
    assert "no dataset `none` (found: scan): use --dataset /scan" in line
    with h5py.File(path, "w") as file:
        file["t"] = np.arange(5000)
    assert "no dataset `data` (found: t)" in refusal(path, "PYR-H5-05")


def test_h5_06_two_fit(path):
    with h5py.File(path, "w") as file:
        file["a"], file["b"] = np.zeros((2, 9, 64, 64), "u1")
    line = refusal(path, "PYR-H5-06", status=2)
    assert "F.h5: 2 datasets fit (/a, /b): choose with --dataset" in line


def test_h5_07_a_group(path):
    volume(path, "entry/scan")
    assert "is a group: name a dataset in it (scan)" in refusal(path, "PYR-H5-07", dataset="entry")


@pytest.mark.parametrize("shape", [(100,), (1, 2, 3, 4, 5, 6)])
def test_h5_08_wrong_number_of_axes(path, shape):
    with h5py.File(path, "w") as file:
        file["data"] = np.zeros(shape)
    line = refusal(path, "PYR-H5-08")
    assert f"F.h5:/data: shape {shape}: 2 to 5 axes needed (t, c, z, y, x)" in line


@pytest.mark.parametrize("data", [np.zeros((3, 0, 5)), h5py.Empty("f4")])
def test_h5_09_empty(path, data):
    with h5py.File(path, "w") as file:
        file["data"] = data
    assert "F.h5:/data: empty" in refusal(path, "PYR-H5-09")


@pytest.mark.parametrize(
    ("values", "words"),
    [
        (np.zeros((3, 20, 20), complex), "complex128"),
        (np.zeros((3, 20, 20), bool), "bool"),
        (np.zeros((3, 20, 20), np.longdouble), "float128"),
        (np.zeros((3, 20, 20), [("a", "i2")]), "compound"),
        (np.full((3, 20, 20), b"text"), "string"),
    ],
)
def test_h5_10_unsupported_types(path, values, words):
    with h5py.File(path, "w") as file:
        file["data"] = values
    assert f"F.h5:/data: unsupported type ({words})" in refusal(path, "PYR-H5-10")


def test_h5_11_declares_far_more_than_it_stores(path):
    with h5py.File(path, "w") as file:
        file.create_dataset("data", (10**4, 10**4, 10**4), "u2", chunks=(1, 1000, 1000))
    line = refusal(path, "PYR-H5-11")
    assert "declares 2 TB, stores 0 B: refused; --sparse if intended" in line
    with opened(path, sparse=True) as source:
        assert not source.read(Box((0, 0, 9999, 0, 0), (1, 1, 10000, 9, 9))).any()


def test_h5_13_external_storage(path, tmp_path):
    (tmp_path / "raw").write_bytes(bytes(20 * 20 * 20))
    with h5py.File(path, "w") as file:
        file.create_dataset("data", (20, 20, 20), "u1", external=[(tmp_path / "raw", 0, 8000)])
    assert "keeps its data in another file" in refusal(path, "PYR-H5-13")


def test_h5_14_links(path, tmp_path):
    volume(tmp_path / "other.h5")
    with h5py.File(path, "w") as file:
        file["data"] = h5py.ExternalLink("other.h5", "/data")
    assert "is a link to another file (other.h5" in refusal(path, "PYR-H5-14")
    with h5py.File(path, "w") as file:
        file["scan"] = h5py.ExternalLink("other.h5", "/data")
    assert "is a link to another file (other.h5" in refusal(path, "PYR-H5-14")


def test_h5_15_virtual(path):
    layout = h5py.VirtualLayout((3, 20, 20), "u1")
    layout[:] = h5py.VirtualSource("/etc/other.h5", "data", (3, 20, 20))
    with h5py.File(path, "w") as file:
        file.create_virtual_dataset("data", layout)
    assert "virtual, sources outside its folder" in refusal(path, "PYR-H5-15")


def test_h5_16_unknown_filter(path):
    bad.with_filter(path, 32099)
    assert "compressed with filter 32099" in refusal(path, "PYR-H5-16")


def test_h5_17_a_damaged_chunk(path):
    volume(path, chunks=(5, 64, 64), compression="gzip")
    with h5py.File(path) as file:
        place = file["data"].id.get_chunk_info(2)
    with path.open("r+b") as file:
        file.seek(place.byte_offset + 20)
        file.write(bytes(30))
    with opened(path) as source:
        with pytest.raises(PyramidionError) as caught:
            source.read(Box.whole(source.spec.shape))
        assert caught.value.id == "PYR-H5-17"
        assert "F.h5:/data: damaged chunk at [10,0,0]" in caught.value.line
        assert "1 of 4 chunks" in caught.value.line
        good = source.read(Box((0, 0, 0, 0, 0), (1, 1, 10, 64, 64)))
    assert good[0, 0, 9, 63, 63] == 10 * 64 * 64 - 1


# --- axes, for both


@pytest.fixture(params=["F.npy", "F.h5"])
def array(request, tmp_path):
    path = tmp_path / request.param
    if path.suffix == ".npy":
        np.save(path, np.zeros((3, 20, 20)))
        return path
    return volume(path)


@pytest.mark.parametrize(
    ("axes", "words"),
    [
        ("q,y,x", "--axes: not an axis of an image (q): use t, c, z, y, x"),
        ("channel,segment,sample", "--axes: not an axis of an image (channel): use t, c, z, y, x"),
        ("y,y,x", "--axes: an axis is given twice (y,y,x)"),
        ("t,z,x", "--axes: no rows or no columns (t,z,x): name two of them y and x"),
    ],
)
def test_axes_that_are_not_those_of_an_image(array, axes, words):
    assert words in refusal(array, "PYR-ARR-01", status=2, axes=axes)


def test_more_or_fewer_axes_than_there_are(array):
    for axes in ("yx", "c,z,y,x"):
        line = refusal(array, "PYR-ARR-02", axes=axes)
        assert f"axes named ({axes}): name 3 of t, c, z, y, x with --axes" in line


def test_a_level_that_is_not_there(array):
    with opened(array) as source:
        with pytest.raises(PyramidionError) as caught:
            source.read(Box((0,) * 5, (1,) * 5), level=9)
        assert "--level: 0 to 0 (9)" in caught.value.line


# --- .npy


class Explosive:
    """Would write a file if it were ever unpickled."""

    def __init__(self, path):
        self.path = path

    def __reduce__(self):
        return open, (str(self.path), "w")


def test_zar_06_pickles_are_never_loaded(tmp_path):
    path = tmp_path / "F.npy"
    values = np.full((20, 20), Explosive(tmp_path / BOOM), object)
    np.save(path, values, allow_pickle=True)
    line = refusal(path, "PYR-NPY-03")
    assert "Python objects, a pickle): pickled objects are never loaded" in line
    assert not (tmp_path / BOOM).exists()


@pytest.mark.parametrize(
    ("values", "id_", "words"),
    [
        (np.zeros((20, 20), [("a", "i2")]), "PYR-NPY-03", "unsupported type ([('a', '<i2')])"),
        (np.zeros((20, 20), complex), "PYR-NPY-03", "unsupported type (<c16)"),
        (np.zeros(20), "PYR-NPY-04", "shape (20,): 2 to 5 axes needed (t, c, z, y, x)"),
        (np.zeros((1,) * 6), "PYR-NPY-04", "shape (1, 1, 1, 1, 1, 1): 2 to 5 axes needed"),
        (np.zeros((20, 0)), "PYR-NPY-05", "empty (0 samples)"),
    ],
)
def test_what_is_not_an_image(tmp_path, values, id_, words):
    path = tmp_path / "F.npy"
    np.save(path, values)
    assert f"F.npy: {words}" in refusal(path, id_)


def test_truncated_and_too_long(tmp_path):
    path = tmp_path / "F.npy"
    np.save(path, np.zeros((3, 20, 20), "u1"))
    data = path.read_bytes()
    for kept in (6, 9, 100, len(data) - 1200, len(data) - 1):
        path.write_bytes(data[:kept])
        if kept > 6:
            assert f"has {kept:,} B): copy it again".replace(",", " ") in refusal(path, "PYR-NPY-02")  # fmt: skip
    path.write_bytes(data + b"more")
    with opened(path) as source:
        assert "4 B after the array left out" in source.spec.warnings[0]


def test_huge_claims_cost_nothing(tmp_path):
    path = tmp_path / "F.npy"
    header = b"{'descr': '<f8', 'fortran_order': False, 'shape': (%d, %d)}" % (10**30, 10**30)
    path.write_bytes(b"\x93NUMPY\1\0" + len(header).to_bytes(2, "little") + header)
    refusal(path, "PYR-NPY-02")


@pytest.mark.parametrize("order", ["C", "F"])
def test_all_20_a_file_that_shrinks_while_it_is_read(tmp_path, order):
    path = tmp_path / "F.npy"
    np.save(path, np.asarray(np.zeros((9, 20, 20)), order=order))
    with opened(path) as source:
        with path.open("r+b") as file:
            file.truncate(500)
        with pytest.raises(PyramidionError) as caught:
            source.read(Box.whole(source.spec.shape))
        assert caught.value.id == "PYR-ALL-20"
        assert "changed while reading" in caught.value.line
