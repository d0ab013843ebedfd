"""Another codec in place: nothing is lost, whatever the dataset was before."""

import os
import shutil

import numpy as np
import pytest
from tests.formats.idx_written import ArrayImage, plain_keys, plain_read, write_idx
from tests.helpers import tree_digest

from pyramidion.core import DamagedError, DataError, MissingError, StorageError, UsageError
from pyramidion.formats import WriteOptions
from pyramidion.formats._idx.sink import IdxSink
from pyramidion.storage import WriterLock, hidden_sibling
from pyramidion.workflows._compress import CompressOptions, compress
from pyramidion.workflows._repair import repair

TIMES = (0, 5, 10)
VARIANTS = pytest.mark.parametrize("arco", [8192, 0])


@pytest.fixture
def values():
    rng = np.random.default_rng(1)
    return rng.integers(0, 90, (3, 1, 17, 20, 30)).astype(np.uint16)


@pytest.fixture
def make(tmp_path, values):
    def made(arco, codec="zip", name="a.idx"):
        one = ArrayImage(values, times=TIMES)
        two = ArrayImage((values * 3).astype(np.float32), name="b", times=TIMES)
        return write_idx(tmp_path / name, one, two, arco=arco, compression=codec)

    return made


def check(path, values):
    for t, time in enumerate(TIMES):
        np.testing.assert_array_equal(plain_read(path, 0, time)[..., 0], values[t, 0])
        np.testing.assert_array_equal(plain_read(path, 1, time)[..., 0], values[t, 0] * 3)
    folder = path.parent
    assert sorted(p.name for p in folder.iterdir()) == [path.stem, path.name]


def bins(path):
    return sorted(path.with_suffix("").rglob("*.bin"))


def codecs(path):
    fields = plain_keys(path)["fields"].split("+")
    return ["zip" if "(zip)" in f else "lz4" if "(lz4)" in f else "raw" for f in fields]


@VARIANTS
@pytest.mark.parametrize("before", ["zip", "lz4", "raw"])
@pytest.mark.parametrize("after", ["zip", "lz4", "raw"])
def test_any_codec_to_any(make, values, arco, before, after):
    path = make(arco, before)
    old = tree_digest(path.parent)
    report = compress(path, CompressOptions(after))
    assert report.n_changed == (0 if before == after else report.n_blocks)
    assert report.n_blocks > 0
    check(path, values)
    assert codecs(path) == [after, after]
    if before == after:
        assert tree_digest(path.parent) == old
    else:
        stored = sum(p.stat().st_size for p in bins(path))
        assert stored == report.bytes_after or arco == 0
        compress(path, CompressOptions(before))
        assert tree_digest(path.parent) == old, "there and back is the same"


@VARIANTS
def test_the_number_of_threads_does_not_matter(make, tmp_path, arco):
    digests = []
    for workers in (1, 4):
        path = make(arco, "raw")
        compress(path, CompressOptions("zip", workers=workers))
        digests.append(tree_digest(tmp_path))
        shutil.rmtree(path.with_suffix(""))
        path.unlink()
    assert digests[0] == digests[1]


def test_hz_order_and_metadata_are_kept(tmp_path):
    """Only the bodies change; what the header says besides is as it was."""
    values = np.arange(64, dtype=np.uint8).reshape(1, 1, 1, 8, 8)
    source = ArrayImage(values, attributes={"sample": "a brain"})
    path = write_idx(tmp_path / "a.idx", source, arco=16, compression="raw")
    text = path.read_text().replace("default_layout()", "default_layout(hzorder)")
    path.write_text(text)
    bodies = [p.read_bytes() for p in bins(path)]
    compress(path, CompressOptions("lz4"))
    assert "default_layout(hzorder)" in path.read_text()
    assert plain_keys(path)["sample"] == "a brain"
    compress(path, CompressOptions("raw"))
    assert [p.read_bytes() for p in bins(path)] == bodies
    assert path.read_text() == text


@VARIANTS
def test_progress_ends_at_all(make, arco):
    told = []
    compress(make(arco, "raw"), CompressOptions("lz4"), lambda *n: told.append(n))
    assert [n for n, _ in told] == sorted(n for n, _ in told)
    assert told[-1][0] == told[-1][1]


# ---- what OpenVisus' compressor loses


def test_zip_then_lz4_keeps_everything(make, values):
    """There: `already compressed, skipping`, and the header says lz4 for zip blocks."""
    path = make(8192, "zip")
    compress(path, CompressOptions("lz4"))
    check(path, values)


def test_one_time_step_is_refused_where_all_share_a_codec(make, values):
    """There: the other time steps read as zeros."""
    path = make(8192, "raw")
    old = tree_digest(path.parent)
    with pytest.raises(UsageError, match="one codec holds for all time steps"):
        compress(path, CompressOptions("zip", time=5))
    assert tree_digest(path.parent) == old
    check(path, values)


def test_one_time_step_where_blocks_say_their_codec(make, values):
    path = make(0, "raw")
    report = compress(path, CompressOptions("zip", time=5))
    assert 0 < report.n_changed < len(bins(path)) * 8
    check(path, values)
    assert codecs(path) == ["raw", "raw"], "not all blocks are zip"
    assert compress(path, CompressOptions("zip")).n_changed > 0
    check(path, values)
    assert codecs(path) == ["zip", "zip"]


@VARIANTS
def test_a_time_step_that_is_not_there(make, values, arco):
    """There: exit 0, and everything reads as zeros."""
    path = make(arco, "raw")
    with pytest.raises(UsageError, match="7 not in the dataset"):
        compress(path, CompressOptions("zip", time=7))
    check(path, values)


@VARIANTS
def test_one_field(make, values, arco):
    """There: AttributeError."""
    path = make(arco, "raw")
    compress(path, CompressOptions("zip", field="b"))
    check(path, values)
    assert codecs(path) == ["raw", "zip"]
    with pytest.raises(UsageError, match="c not in the dataset"):
        compress(path, CompressOptions("zip", field="c"))


def test_blocks_that_do_not_shrink(tmp_path):
    """There: a block as long after as before trips an assertion, midway."""
    noise = np.random.default_rng(0).integers(0, 256, (1, 1, 16, 16, 16)).astype(np.uint8)
    path = write_idx(tmp_path / "a.idx", ArrayImage(noise), arco=1024, compression="raw")
    for codec in ("zip", "lz4", "raw"):
        compress(path, CompressOptions(codec))
        np.testing.assert_array_equal(plain_read(path)[..., 0], noise[0, 0])
        sizes = {p.stat().st_size for p in bins(path)}
        assert (1024 in sizes) == (codec == "raw")


@VARIANTS
def test_an_unknown_codec_changes_nothing(make, arco):
    """There: exit 0, raw blocks, and `default_compression(bogus)` in the header."""
    path = make(arco, "raw")
    old = tree_digest(path.parent)
    with pytest.raises(UsageError, match="one of zip, lz4, zstd, raw"):
        compress(path, CompressOptions("bogus"))
    with pytest.raises(UsageError, match="is lossy"):
        compress(path, CompressOptions("zfp"))
    assert tree_digest(path.parent) == old


def half_compressed(path, n=None):
    """Do to an ARCO dataset what OpenVisus does until it is killed: no header is written."""
    import zlib

    for file in bins(path)[: n or len(bins(path)) // 2]:
        file.write_bytes(zlib.compress(file.read_bytes()))


@pytest.mark.parametrize("codec", ["zip", "lz4", "raw"])
def test_a_half_compressed_dataset_is_finished(make, values, codec):
    path = make(8192, "raw")
    half_compressed(path)
    report = compress(path, CompressOptions(codec))
    assert 0 < report.n_changed <= report.n_blocks
    check(path, values)
    assert codecs(path) == [codec, codec]


def test_a_wrong_header_is_corrected(make, values):
    path = make(8192, "zip")
    path.write_text(path.read_text().replace("(zip)", "(lz4)"))
    report = compress(path, CompressOptions("zip"))
    assert report.n_changed == 0
    check(path, values)


# ---- damage


@VARIANTS
def test_a_damaged_block_is_named_and_kept(make, arco):
    path = make(arco, "zip")
    victim = bins(path)[1]
    data = bytearray(victim.read_bytes())
    data[-9 if arco else -60] ^= 0xFF
    victim.write_bytes(data)
    header = path.read_text()
    with pytest.raises(DamagedError) as told:
        compress(path, CompressOptions("lz4"))
    assert told.value.id == "PYR-CMP-03"
    assert "1 of " in told.value.line
    assert "block 0x" in told.value.line
    assert "damaged" in told.value.line
    assert path.read_text() == header
    assert sorted(p.name for p in path.parent.iterdir()) == ["a", "a.idx"]
    if arco:
        assert victim.read_bytes() == bytes(data)
        for file in bins(path):
            assert file.read_bytes()[:1] == b"\x78", "all are as they were"


@pytest.mark.parametrize("how", ["empty", "truncated", "long", "gzip"])
def test_damaged_files_of_arco(make, how):
    import gzip

    path = make(8192, "zip")
    old = bins(path)[3].read_bytes()
    new = {"empty": b"", "truncated": old[:-5], "long": bytes(10**6), "gzip": gzip.compress(old)}
    bins(path)[3].write_bytes(new[how])
    with pytest.raises(DamagedError, match="1 of"):
        compress(path, CompressOptions("raw"))
    assert bins(path)[3].read_bytes() == new[how]


def test_damaged_tables_of_modvisus(make):
    path = make(0, "zip")
    victim = bins(path)[0]
    data = bytearray(victim.read_bytes())
    data[40 + 8 : 40 + 12] = b"\x7f\xff\xff\xff"
    victim.write_bytes(data)
    with pytest.raises(DamagedError, match="offset outside the file"):
        compress(path, CompressOptions("raw"))
    assert victim.read_bytes() == bytes(data)
    victim.write_bytes(data[:100])
    with pytest.raises(DamagedError, match="shorter than its table"):
        compress(path, CompressOptions("raw"))


def test_many_damaged_blocks_make_one_line(make):
    path = make(8192, "zip")
    for file in bins(path):
        file.write_bytes(b"nothing")
    with pytest.raises(DamagedError) as told:
        compress(path, CompressOptions("raw"))
    assert "\n" not in told.value.line
    assert len(told.value.line) < 1000


# ---- what else may be there


def test_foreign_files_stay(make):
    path = make(8192, "raw")
    notes = path.with_suffix("") / "notes.txt"
    notes.write_text("mine")
    with pytest.raises(UsageError, match="another file"):
        compress(path, CompressOptions("zip"))
    assert notes.read_text() == "mine"


def test_a_second_writer_is_told(make):
    for arco in (8192, 0):
        path = make(arco, "raw", f"a{arco}.idx")
        lock = WriterLock(path)
        with pytest.raises(StorageError, match="in use by process"):
            compress(path, CompressOptions("zip"))
        lock.release()


def test_an_interrupted_conversion_is_not_disturbed(make, values):
    path = make(8192, "raw")
    sink = IdxSink(path, [ArrayImage(values).spec], WriteOptions(arco=64, overwrite=True))
    sink.work(0, [ArrayImage(values).read])
    sink.abort()
    with pytest.raises(UsageError, match="an interrupted conversion is there"):
        compress(path, CompressOptions("zip"))
    assert path.with_name("a.idx.partial").is_dir()


def test_blocks_that_change_meanwhile(make):
    path = make(8192, "raw")
    old = path.read_text()

    def change(done, total):
        if done == total:
            os.utime(bins(path)[0], ns=(1, 1))

    with pytest.raises(DataError, match="changed while reading"):
        compress(path, CompressOptions("zip"), change)
    assert path.read_text() == old
    compress(path, CompressOptions("zip"))
    assert codecs(path) == ["zip", "zip"]


@pytest.mark.parametrize("name", ["missing.idx", "missing.zarr"])
def test_nothing_there(tmp_path, name):
    with pytest.raises(MissingError):
        compress(tmp_path / name, CompressOptions("zip"))
    with pytest.raises(MissingError):
        repair(tmp_path / name)


def test_something_else(tmp_path):
    (tmp_path / "a.png").write_bytes(b"\x89PNG")
    with pytest.raises(UsageError, match="is not an IDX dataset"):
        compress(tmp_path / "a.png", CompressOptions("zip"))


def test_old_versions_are_only_read(make):
    path = make(0, "raw")
    path.write_text(path.read_text().replace("(version)\n6", "(version)\n5"))
    with pytest.raises(UsageError, match="version 5 is only read"):
        compress(path, CompressOptions("zip"))


def test_a_stopped_run_goes_on(make, values):
    path = make(8192, "raw")

    def stop(*_):
        raise KeyboardInterrupt

    from pyramidion.core import StoppedError

    old = tree_digest(path.with_suffix(""))
    with pytest.raises(StoppedError):
        compress(path, CompressOptions("zip", workers=1), stop)
    assert tree_digest(path.with_suffix("")) == old
    assert path.with_name("a.idx.partial").is_dir()
    compress(path, CompressOptions("zip"))
    check(path, values)
    assert not hidden_sibling(path, "old").exists()
