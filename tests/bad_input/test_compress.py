"""The rows of the catalogue for compress and repair: status, one line, the words."""

import numpy as np
import pytest
from tests.formats.idx_written import ArrayImage, plain_read, write_idx
from tests.helpers import tree_digest

from pyramidion.core import PyramidionError
from pyramidion.workflows._compress import CompressOptions, compress
from pyramidion.workflows._repair import repair


@pytest.fixture
def dataset(tmp_path):
    values = np.arange(5 * 20 * 30, dtype=np.uint16).reshape(1, 1, 5, 20, 30)
    return write_idx(tmp_path / "a.idx", ArrayImage(values), arco=1024, compression="raw")


def refused(work, status, number, *words):
    with pytest.raises(PyramidionError) as told:
        work()
    error = told.value
    assert (error.status, error.id) == (status, number)
    assert "\n" not in error.line
    for word in words:
        assert word in error.line


@pytest.mark.parametrize("codec", ["zipp", "zip:0", "zip:13", "zip:x", "lz4:3", "gzip", "zip x"])
def test_cmp_01_unknown_codec(dataset, codec):
    before = tree_digest(dataset.parent)
    refused(lambda: compress(dataset, CompressOptions(codec)), 2, "PYR-CMP-01", "--codec", codec)
    assert tree_digest(dataset.parent) == before


def test_cmp_01_names_what_is_known(dataset):
    asked = CompressOptions("zipp")
    refused(lambda: compress(dataset, asked), 2, "PYR-CMP-01", "unknown", "zip, lz4, zstd, raw")


def test_cmp_02_already_that_codec(dataset):
    before = tree_digest(dataset.parent)
    report = compress(dataset, CompressOptions("raw"))
    assert (report.n_changed, report.n_blocks) == (0, len(before) - 1)
    assert tree_digest(dataset.parent) == before


def test_cmp_03_a_block_that_cannot_be_decoded(dataset):
    block = next((dataset.parent / "a").rglob("0002.bin"))
    block.write_bytes(b"not a block")
    before = tree_digest(dataset.parent)
    work = lambda: compress(dataset, CompressOptions("zip"))  # noqa: E731
    refused(work, 1, "PYR-CMP-03", "block 0x2", "damaged", "1 of ", "header is unchanged")
    assert tree_digest(dataset.parent) == before


@pytest.mark.parametrize("codec", ["zfp", "zfp-precision=16-precision=16", "jpg"])
def test_cmp_05_lossy(dataset, codec):
    asked = CompressOptions(codec)
    refused(lambda: compress(dataset, asked), 2, "PYR-CMP-05", codec, "is lossy")


def test_all_03_nothing_there(tmp_path):
    missing = tmp_path / "b.idx"
    refused(lambda: compress(missing, CompressOptions()), 1, "PYR-ALL-03", "no such file")
    refused(lambda: repair(missing), 1, "PYR-ALL-03", "no such file")
    assert not list(tmp_path.iterdir())


@pytest.mark.parametrize("text", ["", "<html>", "\x7fELF", "(version)\n6\n"])
def test_idx_01_no_header(tmp_path, text):
    path = tmp_path / "a.idx"
    path.write_text(text)
    for work in (lambda: compress(path, CompressOptions()), lambda: repair(path)):
        with pytest.raises(PyramidionError) as told:
            work()
        assert told.value.status == 1
        assert told.value.id.startswith("PYR-IDX-0")
    assert path.read_text() == text
    assert [p.name for p in tmp_path.iterdir()] == ["a.idx"]


def test_rep_01_sound(dataset):
    assert repair(dataset).is_nothing_done


def test_rep_02_repaired_once(dataset):
    import zlib

    block = next((dataset.parent / "a").rglob("0001.bin"))
    raw = block.read_bytes()
    block.write_bytes(zlib.compress(raw))
    report = repair(dataset)
    assert (report.found["zip"], report.n_repaired) == (1, 1)
    assert block.read_bytes() == raw
    assert plain_read(dataset).size
    assert repair(dataset).is_nothing_done
