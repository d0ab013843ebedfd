"""Writing IDX: every sample is there at its place, in every variant, whoever does the tasks."""

import itertools
import json
from concurrent.futures import ThreadPoolExecutor

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from tests.formats.idx_written import (
    ArrayImage,
    do_tasks,
    plain_keys,
    plain_read,
    write_idx,
)
from tests.helpers import tree_digest

from pyramidion.core import Axis, Channel, UsageError, image_axes
from pyramidion.formats import WriteOptions
from pyramidion.formats._idx import cascade
from pyramidion.formats._idx.bitmask import Bitmask
from pyramidion.formats._idx.blocks_out import BlockCodec
from pyramidion.formats._idx.cascade import Cascade
from pyramidion.formats._idx.geometry import BlockGrid
from pyramidion.formats._idx.metadata import from_metadata, to_metadata
from pyramidion.formats._idx.plan import make_plan
from pyramidion.formats._idx.sink import IdxSink

SHAPES = [
    (1, 1, 1, 1, 1),
    (1, 1, 1, 1, 9),
    (1, 1, 1, 9, 1),
    (1, 1, 3, 4, 5),
    (1, 1, 1, 37, 100),
    (1, 1, 33, 20, 17),
    (1, 1, 2, 9, 31),
    (1, 1, 5, 1, 6),
    (1, 1, 5, 6, 1),
    (1, 1, 5, 1, 1),
    (1, 3, 1, 20, 30),
    (1, 4, 6, 7, 8),
    (3, 1, 4, 5, 6),
    (2, 2, 3, 9, 10),
]
DTYPES = ["uint8", "int8", "uint16", "int16", "uint32", "int32", "uint64", "int64", "float32", "float64"]  # fmt: skip


@pytest.fixture
def tiny_tiles(monkeypatch):
    """Make stages of a volume that is small enough for a test."""
    monkeypatch.setattr(cascade, "TILE_BYTES", 4000)
    monkeypatch.setattr(cascade, "SLAB_BYTES", 1000)
    monkeypatch.setattr(cascade, "LAST_BYTES", 300)


def voxels(shape, dtype="uint8", seed=0):
    rng = np.random.default_rng(seed)
    if np.dtype(dtype).kind == "f":
        return rng.standard_normal(shape).astype(dtype)
    limits = np.iinfo(dtype)
    return rng.integers(limits.min, limits.max, shape, dtype, endpoint=True)


def expected(values, t=0):
    """The voxels of a time step as the plain reader returns them: z, y, x, component."""
    return np.moveaxis(values[t], 0, -1)


@pytest.mark.parametrize("arco", [None, 0, 512])
@pytest.mark.parametrize("codec", ["zip", "lz4", "raw"])
@pytest.mark.parametrize("shape", SHAPES)
def test_shapes(tmp_path, shape, arco, codec):
    values = voxels(shape)
    source = ArrayImage(values)
    path = write_idx(tmp_path / "a.idx", source, arco=arco, compression=codec)
    assert source.n_read == values.size, "every voxel is read once"
    for t in range(shape[0]):
        np.testing.assert_array_equal(plain_read(path, time=t), expected(values, t))
    assert sorted(p.name for p in tmp_path.iterdir()) == ["a", "a.idx"]


@pytest.mark.parametrize("arco", [1024, 0])
@pytest.mark.parametrize("dtype", DTYPES)
def test_types(tmp_path, dtype, arco):
    values = voxels((1, 2, 5, 6, 7), dtype)
    path = write_idx(tmp_path / "a.idx", ArrayImage(values), arco=arco)
    np.testing.assert_array_equal(plain_read(path), expected(values))


@pytest.mark.usefixtures("tiny_tiles")
@pytest.mark.parametrize("arco", [512, 0])
@pytest.mark.parametrize("shape", [(1, 1, 33, 20, 17), (2, 3, 9, 40, 25), (1, 1, 1, 100, 90)])
def test_stages(tmp_path, shape, arco):
    values = voxels(shape, "uint16")
    source = ArrayImage(values)
    path = write_idx(tmp_path / "a.idx", source, arco=arco)
    assert source.n_read == values.size
    for t in range(shape[0]):
        np.testing.assert_array_equal(plain_read(path, time=t), expected(values, t))


@settings(max_examples=30, deadline=None)
@given(
    p1=st.tuples(*[st.integers(0, 40)] * 3),
    dims=st.tuples(*[st.integers(1, 40)] * 3),
    bits=st.integers(1, 9),
    tile=st.integers(6, 14),
    keeps_planes=st.booleans(),
)
def test_every_block_has_one_tile(p1, dims, bits, tile, keeps_planes):
    p2 = tuple(a + n for a, n in zip(p1, dims, strict=True))
    bitmask = Bitmask.for_dims((p2[0], p2[1], max(2, p2[2])))
    grid = BlockGrid(bitmask, min(bits, bitmask.maxh))
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(cascade, "TILE_BYTES", 1 << tile)
        patch.setattr(cascade, "SLAB_BYTES", 1 << (tile - 2))
        patch.setattr(cascade, "LAST_BYTES", 1 << (tile - 4))
        work = Cascade(grid, p1, p2, 1, keeps_planes=keeps_planes)
    written = []
    for stage in range(len(work.stages)):
        for number in range(work.n_tiles(stage)):
            for block in work.blocks(stage, work.tile(stage, number)):
                written.append(block)
                assert work.task_of(block) == (stage, number)
    assert sorted(written) == sorted(grid.meeting(p1, p2, bitmask.maxh))
    covered = sum(work.tile(0, n).n_points for n in range(work.n_tiles(0)))
    assert covered == np.prod(dims)


@settings(max_examples=15, deadline=None)
@given(
    shape=st.tuples(st.integers(1, 2), st.integers(1, 2), *[st.integers(1, 13)] * 3),
    origin=st.tuples(*[st.integers(0, 20)] * 3),
    arco=st.sampled_from([0, 100, 1000]),
    codec=st.sampled_from(["zip", "lz4", "raw"]),
)
def test_any_box(tmp_path_factory, shape, origin, arco, codec):
    values = voxels(shape, "int16")
    folder = tmp_path_factory.mktemp("idx")
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(cascade, "TILE_BYTES", 1000)
        patch.setattr(cascade, "SLAB_BYTES", 500)
        patch.setattr(cascade, "LAST_BYTES", 100)
        source = ArrayImage(values, origin=origin)
        path = write_idx(folder / "a.idx", source, arco=arco, compression=codec)
    for t in range(shape[0]):
        np.testing.assert_array_equal(plain_read(path, time=t), expected(values, t))


@pytest.mark.usefixtures("tiny_tiles")
@pytest.mark.parametrize("arco", [512, 0])
def test_planes_are_read_whole(tmp_path, arco):
    """A picture must not be decoded once for every tile that it lies in."""
    values = voxels((1, 1, 20, 90, 110), "uint16")
    source = ArrayImage(values)
    read, boxes = source.read, []
    source.read = lambda box: boxes.append(box) or read(box)
    path = write_idx(tmp_path / "a.idx", source, arco=arco)
    np.testing.assert_array_equal(plain_read(path), expected(values))
    assert len(boxes) > 1
    assert {box.shape[3:] for box in boxes} == {(90, 110)}


def test_a_file_is_what_the_format_says(tmp_path):
    """The golden bytes: a 4 x 4 picture in blocks of 4, raw and row-major."""
    letters = np.frombuffer(b"ABCDEFGHIJKLMNOP", np.uint8).reshape(1, 1, 1, 4, 4)
    path = write_idx(tmp_path / "a.idx", ArrayImage(letters), arco=4, compression="raw")
    blocks = sorted((tmp_path / "a").rglob("*.bin"))
    assert [p.read_bytes() for p in blocks] == [b"ACIK", b"BDJL", b"EFMN", b"GHOP"]
    assert blocks[1].relative_to(path.parent).as_posix() == "a/0/data/0000/0000/0000/0001.bin"
    assert plain_keys(path)["bits"] == "V0101"


def test_the_table_of_a_file(tmp_path):
    values = voxels((1, 1, 1, 512, 512))
    write_idx(tmp_path / "a.idx", ArrayImage(values), arco=0, compression="raw")
    data = (tmp_path / "a/0000.bin").read_bytes()
    assert data[:40] == bytes(40)
    assert len(data) == 40 + 4 * 40 + 4 * 65536
    words = np.frombuffer(data[40:200], ">u4").reshape(4, 10)
    assert words[1].tolist() == [0, 0, 200 + 65536, 0, 65536, 0x10, 0, 0, 0, 0]


def test_what_the_header_says(tmp_path):
    values = voxels((3, 1, 10, 20, 30), "int16")
    axes = image_axes(values.shape, (2.0, 0.5, 0.25), "um", offset=(1.0, 0.0, -3.0))
    source = ArrayImage(values, axes=axes, times=(0, 5, 10), origin=(7, 0, 3))
    keys = plain_keys(write_idx(tmp_path / "a.idx", source, arco=1024))
    assert keys["box"] == "3 32 0 19 7 16"
    assert keys["physic_box"] == "-3 4.5 0 10 1 21"
    assert keys["time"] == "time%04d/ (0,10,5)"
    assert keys["axis"] == "X Y Z"
    assert (keys["arco"], keys["bitsperblock"], keys["version"]) == ("1024", "9", "6")
    assert f"min({values.min()}) max({values.max()})" in keys["fields"]
    assert "default_compression(zip) default_layout()" in keys["fields"]


@pytest.mark.parametrize(
    ("request_bytes", "dtype", "channels", "bits", "stored"),
    [
        (4 << 20, "uint8", 1, 22, 4194304),
        (4 << 20, "uint16", 1, 21, 4194304),
        (4 << 20, "uint8", 3, 20, 3145728),
        (512 << 10, "float32", 3, 15, 393216),
        (5 << 20, "uint8", 1, 22, 4194304),
        (1 << 20, "float64", 1, 17, 1048576),
    ],
)
def test_block_sizes(tmp_path, request_bytes, dtype, channels, bits, stored):
    values = np.broadcast_to(np.zeros(1, dtype), (1, channels, 400, 400, 400))
    spec = ArrayImage(values).spec
    header = make_plan(tmp_path / "a.idx", [spec], WriteOptions(arco=request_bytes)).header
    assert (header.bitsperblock, header.arco) == (bits, stored)


def test_limits_are_per_component_and_without_nan(tmp_path):
    values = np.full((1, 2, 3, 4, 5), 2.5, np.float32)
    values[0, 1] = -1
    values[0, 0, 1, 1, 1] = np.nan
    values[0, 1, 1, 1, 1] = np.inf
    values[0, 1, 2, 3, 4] = 7
    keys = plain_keys(write_idx(tmp_path / "a.idx", ArrayImage(values)))
    assert "min(2.5 -1) max(2.5 7)" in keys["fields"]


def test_two_fields(tmp_path):
    one, two = voxels((2, 1, 9, 10, 11)), voxels((2, 3, 9, 10, 11), "float32")
    for arco in (0, 512):
        path = tmp_path / f"a{arco}.idx"
        write_idx(path, ArrayImage(one, name="one"), ArrayImage(two, name="the two"), arco=arco)
        for t in range(2):
            np.testing.assert_array_equal(plain_read(path, 0, t), expected(one, t))
            np.testing.assert_array_equal(plain_read(path, 1, t), expected(two, t))
        assert "+ the_two float32[3]" in plain_keys(path)["fields"]


def test_sparse_time_steps(tmp_path):
    values = voxels((4, 1, 3, 4, 5))
    for arco in (0, 512):
        path = tmp_path / f"a{arco}.idx"
        write_idx(path, ArrayImage(values, times=(0, 5, 10, 20)), arco=arco)
        assert plain_keys(path)["time"] == "time%04d/ (0,10,5) (20,20,1)"
        for t, time in enumerate((0, 5, 10, 20)):
            np.testing.assert_array_equal(plain_read(path, time=time), expected(values, t))


@pytest.mark.parametrize("codec", ["zip", "lz4"])
@pytest.mark.parametrize("n", [1, 14, 15, 270, 1024, 1025])
def test_no_block_looks_uncompressed(codec, n):
    """Other programs take a block that is as long as its samples for a raw one."""
    import zlib

    import imagecodecs

    rng = np.random.default_rng(0)
    for noise in (2, 30, 100, 180, 256):
        block = rng.integers(0, noise, n, np.uint8)
        body = bytes(BlockCodec(codec).encode(block))
        assert len(body) != n
        plain = (
            zlib.decompress(body)
            if codec == "zip"
            else imagecodecs.lz4_decode(body, header=False, out=n)
        )
        assert plain == block.tobytes()


@pytest.mark.parametrize("codec", ["zip", "lz4"])
def test_a_block_as_long_as_its_samples_is_stored(codec, monkeypatch):
    import zlib

    import imagecodecs

    from pyramidion.formats._idx import blocks_out

    block = np.arange(600, dtype=np.uint8)
    exact = {"zip": "_zip", "lz4": "_lz4"}[codec]
    real = getattr(blocks_out, exact)
    monkeypatch.setattr(
        blocks_out, exact, lambda raw, level=9: bytes(len(raw)) if level else real(raw, level)
    )
    body = bytes(BlockCodec(codec).encode(block))
    assert len(body) > block.nbytes
    decode = zlib.decompress if codec == "zip" else None
    plain = decode(body) if decode else imagecodecs.lz4_decode(body, header=False, out=600)
    assert plain == block.tobytes()


@pytest.mark.usefixtures("tiny_tiles")
@pytest.mark.parametrize("arco", [1024, 0])
def test_threads_write_the_same(tmp_path, arco):
    values = voxels((2, 1, 40, 30, 20))
    sources = [ArrayImage(values), ArrayImage(values + 1, name="b")]
    one = write_idx(tmp_path / "one/a.idx", *sources, arco=arco)
    sink = IdxSink(tmp_path / "two/a.idx", [s.spec for s in sources], WriteOptions(arco=arco))
    for _, stage in itertools.groupby(range(len(sink.tasks)), lambda n: sink.tasks[n].stage):
        with ThreadPoolExecutor(4) as pool:
            list(pool.map(lambda n: sink.work(n, [s.read for s in sources]), list(stage)[::-1]))
    sink.commit()
    assert tree_digest(one.parent) == tree_digest(tmp_path / "two")


@pytest.mark.usefixtures("tiny_tiles")
@pytest.mark.parametrize("arco", [1024, 0])
def test_resumed_after_any_task(tmp_path, arco):
    values = voxels((1, 1, 20, 200, 90) if arco == 0 else (1, 1, 20, 30, 20))
    source = ArrayImage(values)
    whole = tree_digest(write_idx(tmp_path / "whole/a.idx", source, arco=arco).parent)
    path = tmp_path / "part/a.idx"
    sink = IdxSink(path, [source.spec], WriteOptions(arco=arco))
    n_tasks = len(sink.tasks)
    sink.abort()
    for stop in range(0, n_tasks + 1, max(1, n_tasks // 4)):
        sink = IdxSink(path, [source.spec], WriteOptions(arco=arco, resume=True))
        for task in range(stop):
            if not sink.is_done(task):
                sink.work(task, [source.read])
        sink.abort()
        assert not path.exists()
    source.n_read = 0
    last = IdxSink(path, [source.spec], WriteOptions(arco=arco, resume=True))
    do_tasks(last, [source])
    last.commit()
    assert source.n_read < values.size
    assert tree_digest(path.parent) == whole


@pytest.mark.usefixtures("tiny_tiles")
@pytest.mark.parametrize("arco", [1024, 0])
def test_other_processes_take_part(tmp_path, arco):
    values = voxels((1, 1, 20, 30, 20))
    source = ArrayImage(values)
    path = tmp_path / "a.idx"
    first = IdxSink(path, [source.spec], WriteOptions(arco=arco, source_id="s"))
    part = IdxSink(path, [source.spec], WriteOptions(arco=arco, source_id="s", attach=True))
    for task in range(len(part.tasks)):
        (part if task % 2 else first).work(task, [source.read])
    assert all(map(first.is_done, range(len(first.tasks))))
    first.commit()
    np.testing.assert_array_equal(plain_read(path), expected(values))
    begun = IdxSink(tmp_path / "b.idx", [source.spec], WriteOptions(source_id="s"))
    with pytest.raises(UsageError, match="other settings"):
        IdxSink(tmp_path / "b.idx", [source.spec], WriteOptions(source_id="t", attach=True))
    begun.abort()


def test_metadata_comes_back(tmp_path):
    attributes = {
        "sample": "a brain",
        "version": "not the header's",
        "odd # text": "# (box) \n  two  blanks ü",
        "nested": {"a": [1, 2.5, None]},
        "empty": "",
        "bracket": "(fields)",
        "spaces": "two  blanks",
    }
    channels = (Channel("DAPI", "0000ff", (0.0, 9.0)), Channel("GFP"), Channel())
    axes = (Axis("t", 1, "s", 0.5), *image_axes((1, 3, 2, 3, 4), (1, 1, 1), "um")[1:])
    values = voxels((1, 3, 2, 3, 4))
    source = ArrayImage(values, axes=axes, attributes=attributes, channels=channels)
    from pyramidion.formats._idx.dataset import read_header

    path = write_idx(tmp_path / "a.idx", source)
    found, told = from_metadata(read_header(path).metadata)
    assert found == attributes
    assert told["units"] == {"t": "s", "z": "um", "y": "um", "x": "um"}
    assert told["interval"] == 0.5
    assert told["is_rgb"] is False
    from pyramidion.formats._idx.metadata import channels_of

    assert channels_of(told, "data") == channels
    assert plain_keys(path)["sample"] == "a brain"


@pytest.mark.parametrize("text", ["{", "[1]", json.dumps({"units": 3, "channels": {"a": 7}})])
def test_foreign_metadata(text):
    found, told = from_metadata({"pyramidion": text, "a": "b"})
    assert found["a"] == "b"
    assert isinstance(told, dict)


def test_nothing_extra_in_a_plain_header():
    assert to_metadata([ArrayImage(voxels((1, 1, 2, 3, 4))).spec]) == {}


@pytest.mark.parametrize(
    ("options", "shape", "dtype", "words"),
    [
        ({"arco": 4}, (1, 1, 2, 3, 4), "float64", "a block must hold two points of 8 B"),
        ({"compression": "zipp"}, (1, 1, 2, 3, 4), "uint8", "unknown .zipp.: one of zip, lz4"),
        (
            {"compression": "lz4:3"},
            (1, 1, 2, 3, 4),
            "uint8",
            "only zip has levels .lz4:3.: write lz4",
        ),
        ({"compression": "zip:77"}, (1, 1, 2, 3, 4), "uint8", "level must be 1 to 12"),
        ({"compression": "zstd"}, (1, 1, 2, 3, 4), "uint8", "OpenVisus does not read it"),
        ({"compression": "jpg"}, (1, 1, 2, 3, 4), "uint8", "is lossy"),
        ({}, (1, 1, 2, 3, 4), "float16", "IDX has no such type"),
    ],
)
def test_refused_before_anything_is_made(tmp_path, options, shape, dtype, words):
    source = ArrayImage(voxels(shape, dtype))
    with pytest.raises(UsageError, match=words):
        write_idx(tmp_path / "a.idx", source, **options)
    assert not list(tmp_path.iterdir())


def test_a_name_that_a_template_cannot_hold(tmp_path):
    source = ArrayImage(voxels((1, 1, 2, 3, 4)))
    with pytest.raises(UsageError, match="cannot have this name"):
        write_idx(tmp_path / "50%d.idx", source, arco=0)
    path = write_idx(tmp_path / "50%d # a.idx", source)
    np.testing.assert_array_equal(plain_read(path), expected(source.voxels))


@pytest.mark.parametrize(
    ("text", "codec"),
    [
        ("", BlockCodec("zip", 1)),
        ("zip-Z_BEST_SPEED", BlockCodec("zip", 1)),
        ("zip-Z_BEST_COMPRESSION", BlockCodec("zip", 9)),
        ("ZIP:6", BlockCodec("zip", 6)),
        ("raw", BlockCodec("raw")),
        ("none", BlockCodec("raw")),
    ],
)
def test_names_of_codecs(text, codec):
    assert BlockCodec.parse(text, "--codec") == codec
