"""Datasets that other programs, kills and power cuts left, made whole again."""

import struct
import zlib

import numpy as np
import pytest
from tests.formats.idx_written import ArrayImage, plain_keys, plain_read, write_idx
from tests.helpers import tree_digest

from pyramidion.core import IncompleteError, StorageError
from pyramidion.formats import WriteOptions
from pyramidion.formats._idx.sink import IdxSink
from pyramidion.storage import WriterLock
from pyramidion.workflows._compress import CompressOptions, compress
from pyramidion.workflows._repair import repair

VARIANTS = pytest.mark.parametrize("arco", [8192, 0])


@pytest.fixture
def values():
    rng = np.random.default_rng(2)
    return rng.integers(0, 90, (2, 1, 17, 20, 30)).astype(np.uint16)


@pytest.fixture
def make(tmp_path, values):
    def made(arco, codec="zip"):
        return write_idx(tmp_path / "a.idx", ArrayImage(values), arco=arco, compression=codec)

    return made


def bins(path):
    return sorted(path.with_suffix("").rglob("*.bin"))


def check(path, values):
    for t in range(2):
        np.testing.assert_array_equal(plain_read(path, 0, t)[..., 0], values[t, 0])
    report = repair(path)
    assert report.is_nothing_done
    assert report.as_dict()["nothing_to_do"]


@VARIANTS
@pytest.mark.parametrize("codec", ["zip", "lz4", "raw"])
def test_a_sound_dataset(make, arco, codec):
    path = make(arco, codec)
    old = tree_digest(path.parent)
    report = repair(path)
    assert report.is_nothing_done
    assert list(report.found) == [codec]
    assert tree_digest(path.parent) == old


@pytest.mark.parametrize("n", [1, 5, -1])
def test_killed_midway(make, values, n):
    path = make(8192, "raw")
    files = bins(path)[:n]
    for file in files:
        file.write_bytes(zlib.compress(file.read_bytes()))
    report = repair(path)
    assert report.n_repaired == len(files)
    assert report.found["zip"] == len(files)
    assert report.damaged == ()
    assert "(zip)" not in plain_keys(path)["fields"]
    check(path, values)


def test_one_time_step_compressed_and_the_header_changed(make, values):
    path = make(8192, "raw")
    for file in (path.with_suffix("") / "1").rglob("*.bin"):
        file.write_bytes(zlib.compress(file.read_bytes()))
    path.write_text(
        path.read_text().replace("default_layout", "default_compression(zip) default_layout")
    )
    report = repair(path)
    assert report.n_repaired == len(bins(path)) // 2
    check(path, values)


def test_a_header_that_is_wrong_for_all(make, values):
    path = make(8192, "zip")
    path.write_text(path.read_text().replace("(zip)", "(lz4)"))
    report = repair(path)
    assert report.n_repaired == 0
    assert report.notes == ("the header now says zip",)
    check(path, values)


@VARIANTS
def test_a_codec_that_does_not_exist(make, values, arco):
    path = make(arco, "zip")
    path.write_text(path.read_text().replace("(zip)", "(bogus)"))
    report = repair(path)
    assert report.notes == ("compression bogus is not one", "the header now says zip")
    check(path, values)


def test_a_table_that_says_another_codec(make, values):
    path = make(0, "zip")
    with bins(path)[0].open("r+b") as file:
        file.seek(40 + 20)
        file.write(struct.pack(">I", 0x17))
    report = repair(path)
    assert report.n_repaired == 1
    check(path, values)


@VARIANTS
def test_damage_is_told_and_left(make, arco):
    path = make(arco, "zip")
    victim = bins(path)[0]
    data = bytearray(victim.read_bytes())
    data[-9] ^= 0xFF
    victim.write_bytes(data)
    report = repair(path)
    assert len(report.damaged) == 1
    assert "block 0x" in report.damaged[0]
    assert not report.is_nothing_done
    assert victim.read_bytes() == bytes(data)


def test_an_interrupted_compress_is_tidied(make, values):
    from pyramidion.core import StoppedError

    path = make(8192, "raw")

    def stop(*_):
        raise KeyboardInterrupt

    with pytest.raises(StoppedError):
        compress(path, CompressOptions("zip"), stop)
    (bins(path)[0].parent / ".0000.bin.77.part").write_bytes(b"x")
    report = repair(path)
    assert len(report.notes) == 2
    check(path, values)
    assert sorted(p.name for p in path.parent.iterdir()) == ["a", "a.idx"]


def test_an_unfinished_conversion(tmp_path, values):
    source = ArrayImage(values)
    sink = IdxSink(tmp_path / "a.idx", [source.spec], WriteOptions(arco=64))
    sink.work(0, [source.read])
    sink.abort()
    with pytest.raises(IncompleteError, match="convert --resume"):
        repair(tmp_path / "a.idx")


def test_a_living_writer(make):
    path = make(8192)
    lock = WriterLock(path)
    with pytest.raises(StorageError, match="in use by process"):
        repair(path)
    lock.release()
