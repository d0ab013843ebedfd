"""Which task writes what: small arrays together, the same bytes, and nothing left of nothing."""

import numpy as np
import pytest
from tests.formats.idx_written import ArrayImage, do_tasks, plain_keys, plain_read, write_idx
from tests.helpers import tree_digest

from pyramidion.core import Box, ImageSpec, UsageError, image_axes
from pyramidion.formats import OpenOptions, WriteOptions, open_image
from pyramidion.formats._idx import packing, task_list
from pyramidion.formats._idx.plan import make_plan
from pyramidion.formats._idx.sink import IdxSink
from pyramidion.storage import Folder


def movie(n_times=50, dtype="uint8", n_channels=1, seed=0):
    shape = (n_times, n_channels, 3, 4, 5)
    return np.random.default_rng(seed).integers(0, 99, shape).astype(dtype)


def spec(shape, dtype="uint8", **described):
    return ImageSpec(image_axes(shape), np.dtype(dtype), **described)


@pytest.mark.parametrize("arco", [64, 0])
@pytest.mark.parametrize("group_bytes", [1, 100, 1000, 2**24])
def test_groups_make_the_same_bytes(tmp_path, monkeypatch, arco, group_bytes):
    one, two = movie(), movie(dtype="float32", n_channels=3, seed=1)
    sources = [ArrayImage(one), ArrayImage(two, name="b")]
    alone = tmp_path / "alone/a.idx"
    with monkeypatch.context() as patch:
        patch.setattr(task_list, "GROUP_LIMIT", 1)
        write_idx(alone, *sources, arco=arco)
    monkeypatch.setattr(task_list, "GROUP_BYTES", group_bytes)
    monkeypatch.setattr(task_list, "GROUP_LIMIT", 7)
    path = write_idx(tmp_path / "together/a.idx", *sources, arco=arco)
    assert tree_digest(path.parent) == tree_digest(alone.parent)
    for t in (0, 13, 49):
        np.testing.assert_array_equal(plain_read(path, 0, t), np.moveaxis(one[t], 0, -1))
        np.testing.assert_array_equal(plain_read(path, 1, t), np.moveaxis(two[t], 0, -1))
    fields = plain_keys(path)["fields"].split(" + ")
    assert f"min({one.min()}) max({one.max()})" in fields[0]
    lows = " ".join(str(int(v)) for v in two.min((0, 2, 3, 4)))
    assert f"min({lows})" in fields[1]


@pytest.mark.parametrize("arco", [1024, 0])
def test_small_arrays_are_few_tasks(tmp_path, arco):
    source = ArrayImage(movie(1000))
    sink = IdxSink(tmp_path / "a.idx", [source.spec], WriteOptions(arco=arco))
    assert len(sink.tasks) <= 8
    assert sum(task.n_bytes for task in sink.tasks) == source.voxels.nbytes
    do_tasks(sink, [source])
    assert source.n_read == source.voxels.size
    sink.commit()


@pytest.mark.parametrize("arco", [1 << 20, 0])
def test_large_arrays_are_tasks_of_their_own(tmp_path, arco):
    specs = [spec((5, 1, 64, 512, 512))]
    sink = IdxSink(tmp_path / "a.idx", specs, WriteOptions(arco=arco))
    first = [task for task in sink.tasks if task.stage == 0]
    assert len(first) == 5
    sink.abort()


def test_a_file_from_more_spools_than_are_open(tmp_path, monkeypatch):
    monkeypatch.setattr(packing, "_MOST_OPEN", 2)
    monkeypatch.setattr(task_list, "GROUP_LIMIT", 1)
    sources = [ArrayImage(movie(2, seed=n), name=f"f{n}") for n in range(9)]
    path = write_idx(tmp_path / "a.idx", *sources, arco=0)
    for n, source in enumerate(sources):
        np.testing.assert_array_equal(plain_read(path, n, 1), np.moveaxis(source.voxels[1], 0, -1))


@pytest.mark.parametrize("resumed", [False, True])
def test_a_record_is_read_once(tmp_path, monkeypatch, resumed):
    monkeypatch.setattr(task_list, "GROUP_LIMIT", 3)
    source, path = ArrayImage(movie(30)), tmp_path / "a.idx"
    sink = IdxSink(path, [source.spec], WriteOptions())
    if resumed:
        do_tasks(sink, [source])
        sink.abort()
        sink = IdxSink(path, [source.spec], WriteOptions(resume=True))
    read, real = [], Folder.read

    def counted(folder, key, limit=None):
        data = real(folder, key, limit)
        read.append(key)
        return data

    monkeypatch.setattr(Folder, "read", counted)
    for _ in range(3):
        [sink.is_done(task) for task in range(len(sink.tasks))]
    do_tasks(sink, [source])
    sink.commit()
    assert len(read) == (len(sink.tasks) if resumed else 0)


def test_nothing_is_left_of_a_run_that_finished_no_task(tmp_path):
    """A full disk in the first task; the same command must then run again."""
    source, path = ArrayImage(movie(3)), tmp_path / "a.idx"
    sink = IdxSink(path, [source.spec], WriteOptions(arco=64))

    def fails(box):
        if box:
            sink._folder.write("a/0/half.bin", b"what a killed task leaves")
        raise OSError(28, "No space left on device")

    with pytest.raises(OSError, match="No space"):
        sink.work(0, [fails])
    sink.abort()
    sink.abort()
    assert not list(tmp_path.iterdir())
    np.testing.assert_array_equal(
        plain_read(write_idx(path, source), time=2), np.moveaxis(source.voxels[2], 0, -1)
    )


def test_what_is_finished_is_kept(tmp_path, monkeypatch):
    monkeypatch.setattr(task_list, "GROUP_LIMIT", 1)
    source, path = ArrayImage(movie(3)), tmp_path / "a.idx"
    sink = IdxSink(path, [source.spec], WriteOptions())
    sink.work(1, [source.read])
    sink.abort()
    with pytest.raises(UsageError, match="an interrupted conversion is there"):
        IdxSink(path, [source.spec], WriteOptions())
    sink = IdxSink(path, [source.spec], WriteOptions(resume=True))
    assert [sink.is_done(n) for n in range(3)] == [False, True, False]
    do_tasks(sink, [source])
    sink.commit()


REFUSED = {
    "components": ({}, [spec((1, 1025, 1, 4, 4))], "1 to 1024 components"),
    "fields": ({}, [spec((1, 1, 1, 4, 4), name=f"f{n}") for n in range(10_001)], "10000 fields"),
    "times": ({}, [spec((1_000_001, 1, 1, 1, 1))], "1 000 000 time steps"),
    "text": (
        {},
        [spec((1, 1000, 1, 4, 4), "float64", name=f"f{n}") for n in range(40)],
        "1 MiB of text",
    ),
    "header": ({}, [spec((1, 1, 1, 4, 4), attributes={"a": ["x" * 2**24]})], "16 MiB"),
    "axis": ({}, [spec((1, 1, 1, 2**20, 4), origin=(0, 2**40, 0))], "2^40 per axis"),
    "size": ({}, [spec((1, 1, 2**17, 2**17, 2**17))], "over the limit of 1 PiB"),
    "digits": ({}, [spec((1, 1, 2**22, 2**22, 2**22))], "62"),
    "block": ({"arco": 2**32}, [spec((1, 1, 2048, 2048, 2048))], "at most 1 GiB"),
    "point": ({"arco": 8}, [spec((1, 1, 1, 4, 4), "float64")], "two points of 8 B"),
}


@pytest.mark.parametrize("case", REFUSED)
def test_what_could_not_be_read_is_not_written(tmp_path, case):
    options, specs, words = REFUSED[case]
    with pytest.raises(UsageError) as caught:
        IdxSink(tmp_path / "a.idx", specs, WriteOptions(**options))
    assert words in caught.value.line
    assert caught.value.status == 2
    assert not list(tmp_path.iterdir())


def test_the_most_that_can_be_read(tmp_path):
    values = np.random.default_rng(0).standard_normal((1, 1024, 1, 3, 2))
    path = write_idx(tmp_path / "a.idx", ArrayImage(values))
    with open_image(path, OpenOptions()) as image:
        np.testing.assert_array_equal(image.read(Box.whole(image.spec.shape)), values)


@pytest.mark.parametrize(
    ("arco", "dtype", "words"),
    [
        (3_000_000, "uint8", "blocks of 2 097 152 B instead of 3 MB (a power of two"),
        (10**11, "uint16", "blocks of 16 777 216 B instead of 100 GB (all of the data)"),
        (2**20, "uint8", ""),
        (None, "uint8", ""),
        (0, "uint8", ""),
    ],
)
def test_blocks_of_another_size_are_told(tmp_path, arco, dtype, words):
    specs = [spec((1, 1, 128, 256, 256), dtype)]
    sink = IdxSink(tmp_path / "a.idx", specs, WriteOptions(arco=arco))
    sink.abort()
    told = make_plan(tmp_path / "a.idx", specs, WriteOptions(arco=arco)).as_dict()["notes"]
    assert list(sink.notes()) == told
    assert len(told) == bool(words)
    assert words in " ".join(told)
