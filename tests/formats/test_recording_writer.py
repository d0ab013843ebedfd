"""Recordings, written and read back: by zarr-python, tensorstore, zarrs and ourselves."""

from __future__ import annotations

import json
import threading

import numpy as np
import pytest
import zarr
from hypothesis import given, settings
from hypothesis import strategies as st
from tests.formats.recording_writing import (
    begin,
    box_means,
    publish,
    put,
    read,
    some_frames,
    stamps,
)

from pyramidion.core import LOST_REASONS, Box, DataError, Lost, StorageError, UsageError
from pyramidion.formats import open_image
from pyramidion.formats._recording.durable import write_pieces
from pyramidion.formats._recording.progress import Progress

NONE = (None, None, None)
SHAPE = (37, 53)
CUTS = [
    (NONE, NONE),
    (NONE, (3, None, None)),
    ((1, 10, None), (4, None, None)),
    ((1, 10, 16), (4, 1, 2)),
    ((4, None, None), (2, None, None)),
    ((4, None, 16), (2, None, None)),
    ((4, 10, 16), (2, 2, 1)),
]
IDS = ["chosen", "shard-t", "strips", "tiles", "deep", "deep-columns", "deep-tiles"]


@pytest.mark.parametrize("dtype", ["u1", "i1", "<u2", "<i2", "<u4", "<i4", "<f4", "<f8"])
@pytest.mark.parametrize("codec", ["none", "lz4", "zstd"])
def test_every_type(tmp_path, rng, dtype, codec):
    frames = some_frames(rng, 5, SHAPE, dtype)
    writer = begin(tmp_path / "a", frames, compression=codec)
    put(writer, frames, 0, 5)
    writer.finish({})
    assert np.array_equal(read(tmp_path / "a"), frames)


@pytest.mark.parametrize(("chunk", "shard"), CUTS, ids=IDS)
@pytest.mark.parametrize("codec", ["none", "lz4"])
def test_readable_at_every_moment(tmp_path, rng, chunk, shard, codec):
    frames = some_frames(rng, 19, SHAPE, "<u2")
    path = tmp_path / "a"
    writer = begin(path, frames, chunk=chunk, shard=shard, compression=codec)
    assert zarr.open(path)["0"].shape == (0, *SHAPE)
    put(writer, frames, 6, 11)
    assert publish(writer) == 0
    put(writer, frames, 0, 6)
    assert publish(writer) == 11
    assert np.array_equal(read(path), frames[:11])
    put(writer, frames, 11, 19)
    writer.lose([Lost(19, 2, "ring")])
    assert writer.sync() == 19
    assert np.array_equal(read(path), frames)
    writer.finish({"frames_camera": 21})
    root = zarr.open(path)
    assert np.array_equal(read(path), frames)
    assert np.array_equal(root["frame_number"][:], np.arange(19))
    assert np.array_equal(root["time_host"][:], stamps(0, 19).time_host)
    assert root["lost"][:].tolist() == [[19, 2, LOST_REASONS.index("ring")]]
    own = root.attrs["pyramidion"]
    assert (own["state"], own["frames"], own["frames_camera"]) == ("finished", 19, 21)
    with open_image(path) as image:
        assert np.array_equal(image.read(Box.whole(image.spec.shape)).reshape(frames.shape), frames)
    assert not list(path.rglob(".*"))


@pytest.mark.parametrize("moment", ["recording", "finished"])
@pytest.mark.parametrize(
    ("chunk", "shard"), [CUTS[1], CUTS[3], CUTS[4]], ids=["t", "tiles", "deep"]
)
@pytest.mark.parametrize("codec", ["none", "lz4"])
def test_other_readers(tmp_path, rng, moment, chunk, shard, codec):
    import tensorstore
    import zarrs

    frames = some_frames(rng, 7, SHAPE, "<u2")
    path = tmp_path / "a"
    writer = begin(path, frames, chunk=chunk, shard=shard, compression=codec)
    put(writer, frames, 0, 7)
    assert writer.sync() == 7
    if moment == "finished":
        writer.finish({})
    store = {"driver": "file", "path": f"{path / '0'}/"}
    opened = tensorstore.open({"driver": "zarr3", "kvstore": store}).result()
    assert np.array_equal(opened.read().result(), frames)
    assert zarrs.__name__ == "zarrs"
    with zarr.config.set({"codec_pipeline.path": "zarrs.ZarrsCodecPipeline"}):
        assert np.array_equal(zarr.open(path)["0"][:], frames)
    writer.abandon()


@pytest.mark.parametrize("when", ["recording", "end"])
@pytest.mark.parametrize("dtype", ["u1", "<i2", "<u4", "<f4"])
def test_levels_are_means_of_raw_boxes(tmp_path, rng, when, dtype):
    frames = some_frames(rng, 3, (1030, 1027), dtype)
    path = tmp_path / "a"
    writer = begin(path, frames, levels="mean", levels_when=when, compression="none")
    put(writer, frames, 0, 3)
    writer.finish({})
    for level, size in ((1, 2), (2, 4)):
        found, wanted = read(path, str(level)), box_means(frames, size)
        if frames.dtype.kind == "f":
            assert np.allclose(found, wanted, rtol=1e-6, atol=1e-3)
        else:
            assert np.array_equal(found, wanted)
    datasets = zarr.open(path).attrs["ome"]["multiscales"][0]["datasets"]
    assert [d["path"] for d in datasets] == ["0", "1", "2"]


@pytest.mark.parametrize(("stat", "keep"), [("min", np.min), ("max", np.max)])
@pytest.mark.parametrize("chunk", [NONE, (4, None, None)], ids=["frames", "deep"])
def test_extremes_while_recording(tmp_path, rng, stat, keep, chunk):
    frames = some_frames(rng, 6, (600, 64), "<u2")
    path = tmp_path / "a"
    writer = begin(path, frames, levels=stat, chunk=chunk, shard=(1, None, None), names="frames")
    put(writer, frames, 0, 6)
    assert writer.sync() == 6
    wanted = keep(frames.reshape(6, 300, 2, 32, 2), axis=(2, 4))
    assert np.array_equal(read(path, "frames/1"), wanted)
    writer.finish({})
    assert np.array_equal(read(path, "frames/1"), wanted)
    assert zarr.open(path)["frames"].attrs["ome"]["multiscales"][0]["datasets"][1]["path"] == "1"


@pytest.mark.filterwarnings("ignore")  # of other people's libraries
@pytest.mark.parametrize("names", ["levels", "frames"])
@pytest.mark.parametrize("state", ["recording", "finished"])
def test_ome_is_valid(tmp_path, rng, names, state):
    from ome_zarr.io import parse_url
    from ome_zarr.reader import Reader
    from ome_zarr_models.v05 import Image

    frames = some_frames(rng, 2, (600, 520), "<u2")
    path = tmp_path / "a"
    writer = begin(
        path, frames, levels="mean", names=names, pixel_um=(0.5, 0.25), rate_hz=50.0, origin=(8, 16)
    )
    put(writer, frames, 0, 2)
    writer.sync()
    if state == "finished":
        writer.finish({})
    for place in [path] + [path / "frames"] * (names == "frames"):
        image = Image.from_zarr(zarr.open_group(place, mode="r"))
        multiscale = image.attributes.ome.multiscales[0] if hasattr(image, "attributes") else None
        assert multiscale is None or len(multiscale.datasets) == 2
    (node,) = Reader(parse_url(str(path)))()
    assert [axis["name"] for axis in node.metadata["axes"]] == ["t", "y", "x"]
    assert np.array_equal(np.asarray(node.data[0]), frames)
    steps = zarr.open(path).attrs["ome"]["multiscales"][0]["datasets"][1]
    scale, translation = steps["coordinateTransformations"]
    assert scale["scale"] == [0.02, 1.0, 0.5]
    assert translation["translation"] == [0.0, 8 * 0.5 + 0.25, 16 * 0.25 + 0.125]
    writer.abandon()


def test_nothing_recorded(tmp_path, rng):
    frames = some_frames(rng, 1, SHAPE, "<u2")
    for chunk in (NONE, (4, None, None)):
        writer = begin(tmp_path / "a", frames, levels="mean", chunk=chunk, overwrite=True)
        assert (writer.publish(), writer.sync(), writer.first) == (0, 0, 0)
        writer.finish({})
        assert read(tmp_path / "a").shape == (0, *SHAPE)


def test_the_window_is_of_the_frames(tmp_path):
    frames = np.full((9, 64, 64), 500, "<u2")
    frames[:, :32] = 700
    writer = begin(tmp_path / "a", frames)
    window = zarr.open(tmp_path / "a").attrs["ome"]["omero"]["channels"][0]["window"]
    assert (window["start"], window["end"]) == (0, 65535)
    put(writer, frames, 0, 9)
    writer.finish({})
    window = zarr.open(tmp_path / "a").attrs["ome"]["omero"]["channels"][0]["window"]
    assert (window["start"], window["end"]) == (500, 700)


def test_raw_shards_of_deep_chunks_are_encoded(tmp_path, rng):
    frames = np.repeat(some_frames(rng, 1, SHAPE, "<u2"), 20, axis=0)
    writer = begin(tmp_path / "a", frames, chunk=(4, None, None), shard=(2, None, None))
    put(writer, frames, 0, 20)
    writer.finish({})
    sizes = [p.stat().st_size for p in (tmp_path / "a/0/c").rglob("0") if p.is_file()]
    assert len(sizes) == 3
    assert max(sizes) < 0.6 * frames[:8].nbytes
    assert np.array_equal(read(tmp_path / "a"), frames)


def test_wrong_frames_are_refused(tmp_path, rng):
    frames = some_frames(rng, 2, SHAPE, "<u2")
    writer = begin(tmp_path / "a", frames)
    with pytest.raises(DataError, match="frame 3: is 53 x 37 uint16, expected 37 x 53 uint16"):
        writer.write(3, frames.transpose(0, 2, 1), stamps(0, 2))
    with pytest.raises(DataError, match="uint8"):
        writer.write(0, frames.astype("u1"), stamps(0, 2))
    writer.abandon()


def test_frames_that_do_not_lie_together(tmp_path, rng):
    frames = some_frames(rng, 4, (37, 106), "<u2")[:, :, ::2]
    writer = begin(tmp_path / "a", frames, compression="none")
    put(writer, frames, 0, 4)
    writer.finish({})
    assert np.array_equal(read(tmp_path / "a"), frames)


def test_one_writer_at_a_time(tmp_path, rng):
    frames = some_frames(rng, 1, SHAPE, "<u2")
    writer = begin(tmp_path / "a", frames)
    with pytest.raises(StorageError, match="in use by process"):
        begin(tmp_path / "a", frames, overwrite=True)
    writer.abandon()
    writer.abandon()
    writer.finish({})


def test_only_stores_are_replaced(tmp_path, rng):
    frames = some_frames(rng, 1, SHAPE, "<u2")
    path = tmp_path / "a"
    begin(path, frames).abandon()
    with pytest.raises(UsageError, match="already exists: use --overwrite or another name"):
        begin(path, frames)
    begin(path, frames, overwrite=True, levels="mean", chunk=(4, 8, 8)).abandon()
    (path / "notes.txt").write_text("mine")
    with pytest.raises(UsageError, match="refusing to replace") as caught:
        begin(path, frames, overwrite=True)
    assert (caught.value.id, caught.value.status) == ("PYR-ALL-07", 2)
    assert (path / "notes.txt").read_text() == "mine"
    folder = tmp_path / "home"
    folder.mkdir()
    with pytest.raises(UsageError, match="refusing to replace"):
        begin(folder, frames, overwrite=True)


RUNS = st.lists(st.integers(1, 5), min_size=1, max_size=12)


@settings(max_examples=15)
@given(
    RUNS, st.randoms(use_true_random=False), st.sampled_from(CUTS), st.sampled_from(["none", "lz4"])
)
def test_runs_in_any_order_from_threads(tmp_path_factory, runs, random, cut, codec):
    order = list(range(len(runs)))
    random.shuffle(order)
    path = tmp_path_factory.mktemp("runs") / "a"
    n = sum(runs)
    frames = some_frames(np.random.default_rng(n), n, (13, 17), "<u2")
    chunk = tuple(c and min(c, m) for c, m in zip(cut[0], (9, 13, 17), strict=True))
    shard = (cut[1][0], None, None)
    writer = begin(path, frames, chunk=chunk, shard=shard, compression=codec, levels="max")
    starts = np.concatenate([[0], np.cumsum(runs)]).tolist()
    shown = []

    def work():
        while order:
            try:
                k = order.pop()
            except IndexError:
                return
            put(writer, frames, starts[k], starts[k + 1])
            n_shown = writer.publish()
            shown.append((n_shown, read(path)[:n_shown] if n_shown else frames[:0]))

    threads = [threading.Thread(target=work) for _ in range(3)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert writer.sync() == n
    writer.finish({})
    assert np.array_equal(read(path), frames)
    assert all(np.array_equal(pixels, frames[:m]) for m, pixels in shown)


@given(st.permutations(range(8)), st.lists(st.integers(1, 9), min_size=8, max_size=8))
def test_progress_is_the_run_without_a_gap(order, sizes):
    starts = np.concatenate([[0], np.cumsum(sizes)]).tolist()
    progress, done = Progress(0), set()
    for k in order:
        done.add(k)
        first_gap = next((i for i in range(8) if i not in done), 8)
        assert progress.add(starts[k], sizes[k]) == starts[first_gap]


def test_thousands_of_pieces(tmp_path):
    pieces = [bytes([n % 251]) * (n % 5) for n in range(3000)]
    with (tmp_path / "f").open("wb") as file:
        assert write_pieces(file.fileno(), pieces, 7) == sum(map(len, pieces))
    assert (tmp_path / "f").read_bytes() == bytes(7) + b"".join(pieces)


def test_documents_are_strict_json(tmp_path, rng):
    frames = some_frames(rng, 2, SHAPE, "<f4")
    frames[0, 0, 0] = np.nan
    writer = begin(tmp_path / "a", frames, levels="mean", camera="C <b>\n")
    put(writer, frames, 0, 2)
    writer.finish({"fps": float("nan")})

    def refuse(word):
        raise AssertionError(word)

    for file in (tmp_path / "a").rglob("zarr.json"):
        json.loads(file.read_text(), parse_constant=refuse)


def test_chunks_of_nothing_are_not_encoded(tmp_path, rng):
    """Long chunks and few frames; and some behind a gap, which do not stay."""
    frames = some_frames(rng, 3, (8, 2**10), "<u2")
    path = tmp_path / "a"
    options = {"chunk": (2**12, None, None), "shard": (2, None, None), "compression": "lz4"}
    writer = begin(path, frames, **options)
    put(writer, frames, 0, 3)
    writer.write(2**12 + 1, frames, stamps(2**12 + 1, 3))
    writer.finish({})
    assert np.array_equal(read(path), frames)
    shard = path / "0/c/0/0/0"
    lengths = np.frombuffer(shard.read_bytes()[:32], "<u8")[1::2]
    assert (lengths > 1).tolist() == [True, False]
    assert shard.stat().st_size < 2**22
    writer = begin(path, frames, resume=True, **options)
    assert writer.first == 3
    writer.write(3, frames, stamps(0, 3))
    writer.finish({})
    assert np.array_equal(read(path), np.concatenate([frames, frames]))
