"""Reading IDX: the golden datasets of the real library, and datasets written sample by sample."""

from __future__ import annotations

import itertools
import json
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import imagecodecs
import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from tests.formats.idx_files import header_text, write_idx
from tests.helpers import random_codes

from pyramidion.core import Box, DamagedError
from pyramidion.formats import OpenOptions, open_image
from pyramidion.formats._format import example_voxels
from pyramidion.formats._idx.dataset import IdxDataset
from pyramidion.formats._idx.image import IdxImage
from pyramidion.formats._idx.sharing import for_each
from pyramidion.formats.idx import FORMAT

DATA = Path(__file__).parents[1] / "data"
CASES = json.loads((DATA / "idx/cases.json").read_text())
BITS = {"small": "V0120120120", "odd": "V2201010120", "flat": "V01010101010"}


def lattice(volume, origin, bits, h, p1, p2):
    """Points of a full-resolution volume (z, y, x, c) whose coordinates are multiples of a stride."""
    picks = []
    for axis in (2, 1, 0):
        stride = 2 ** bits[h + 1 :].count(str(axis))
        picks.append([i - origin[axis] for i in range(p1[axis], p2[axis]) if i % stride == 0])
    return volume[np.ix_(*picks)]


@pytest.mark.parametrize("case", CASES, ids=lambda c: f"{c['npy']}")
def test_golden_datasets_at_every_resolution(case):
    expected = np.load(DATA / "idx" / case["npy"])
    image = IdxImage(DATA / "idx" / case["idx"], OpenOptions(field=case["field"]))
    with image:
        header = image.dataset.header
        planes = expected.reshape(1, *expected.shape) if header.n_axes == 2 else expected
        full = planes.reshape(*planes.shape[:3], -1)
        t = header.times.index(case["time"])
        whole = Box((t, 0, 0, 0, 0), (t + 1, *image.spec.shape[1:]))
        assert image.spec.dtype == expected.dtype
        assert np.array_equal(image.read(whole)[0], np.moveaxis(full, -1, 0))
        for h in range(header.bitmask.maxh + 1):
            wanted = lattice(full, (0, 0, 0), header.bitmask.text, h, (0, 0, 0), header.p2)
            found = image.read_at(h, whole)
            assert np.array_equal(found[0], np.moveaxis(wanted, -1, 0)), h
        for h, level in enumerate(image.levels):
            part = Box((t, 0, 0, 0, 0), (t + 1, *level.shape[1:]))
            steps = [int(f) for f in level.factors[2:]]
            wanted = full[tuple(slice(None, None, s) for s in steps)]
            assert np.array_equal(image.read(part, h)[0], np.moveaxis(wanted, -1, 0))


@pytest.mark.parametrize("name", ["gray", "rgb"])
def test_the_cat_as_it_is_stored(name):
    """The library stores pictures upwards; nothing is flipped on the way."""
    picture = imagecodecs.png_decode((DATA / f"idx-cat/{name}.png").read_bytes())
    expected = picture.reshape(256, 256, -1)[::-1]
    expected = expected if name == "rgb" else expected[..., :1]
    image = IdxImage(DATA / f"idx-cat/{name}.idx", OpenOptions())
    whole = Box.whole(image.spec.shape)
    for h in range(17):
        found = np.moveaxis(image.read_at(h, whole)[0, :, 0], 0, -1)
        y, x = (2 ** image.dataset.header.bitmask.text[h + 1 :].count(a) for a in "10")
        assert np.array_equal(found, expected[::y, ::x])


def test_what_the_image_is():
    with open_image(DATA / "idx/two_fields_mv/visus.idx") as image:
        assert image.fields == ("A", "B")
        assert (image.spec.name, image.spec.present) == ("A", "yx")
    with open_image(DATA / "idx/u8_2d_mv_time/visus.idx") as image:
        assert image.spec.present == "tyx"
        assert image.spec.time_steps == (0, 1, 2)
    with open_image(DATA / "idx/rgb_3d_cli_mv_zip/visus.idx") as image:
        assert (image.spec.present, image.spec.is_rgb) == ("czyx", True)
        assert image.spec.shape == (1, 3, 24, 48, 64)


def test_holes_are_counted():
    with open_image(DATA / "idx/hole_mv/visus.idx") as image:
        assert image.notes() == ()
        image.read(Box.whole(image.spec.shape))
        image.read(Box.whole(image.spec.shape))
        (note,) = image.notes()
    assert "35 of 64 blocks absent" in note


@pytest.mark.parametrize("codec", ["raw", "zip", "lz4"])
@pytest.mark.parametrize("row_major", [True, False], ids=["rows", "hz"])
@pytest.mark.parametrize("arco", [True, False], ids=["arco", "modvisus"])
@pytest.mark.parametrize("bits", BITS.values(), ids=BITS)
def test_variants_codecs_and_layouts(tmp_path, rng, codec, row_major, arco, bits):
    size = [2 ** bits.count(a) for a in "012"]
    shape = [max(1, n - 3) if n > 3 else n for n in size[::-1]]
    volume = random_codes(rng, (*shape, 1), "uint16")
    options = {"codec": codec, "row_major": row_major, "arco": arco}
    n_axes = 3 if "2" in bits else 2
    path = write_idx(tmp_path, volume, bits=bits, bpb=5, n_axes=n_axes, **options)
    dataset = IdxDataset(path)
    p2 = shape[::-1]
    for h in range(len(bits)):
        wanted = lattice(volume, (0, 0, 0), bits, h, (0, 0, 0), p2)
        assert np.array_equal(dataset.read(0, 0, (0, 0, 0), p2, h), wanted)


@pytest.mark.parametrize("version", [1, 2, 3, 4, 5])
@pytest.mark.parametrize("codec", ["raw", "zip"])
@pytest.mark.parametrize("dtype", ["float32", "uint16"])
def test_old_versions(tmp_path, rng, version, codec, dtype):
    bits, p2 = "V01012010101", (27, 30, 2)
    volume = random_codes(rng, (*p2[::-1], 1), dtype)
    path = write_idx(
        tmp_path, volume, bits=bits, bpb=4, version=version, codec=codec, row_major=False, bpf=8
    )
    dataset = IdxDataset(path)
    assert dataset.header.version == version
    for h in range(len(bits)):
        wanted = lattice(volume, (0, 0, 0), bits, h, (0, 0, 0), p2)
        found = dataset.read(0, 0, (0, 0, 0), p2, h)
        assert found.dtype == np.dtype(dtype).newbyteorder("<")
        assert np.array_equal(found, wanted, equal_nan=dtype == "float32")


@pytest.mark.parametrize("components", [1, 2, 3, 4, 5])
@pytest.mark.parametrize("dtype", ["uint8", "int16", "float32", "float64", "uint64"])
def test_components_of_every_size(tmp_path, rng, components, dtype):
    volume = random_codes(rng, (6, 7, 5, components), dtype)
    path = write_idx(tmp_path, volume, bits="V012012012", bpb=4, codec="zip")
    image = IdxImage(path, OpenOptions())
    found = image.read(Box.whole(image.spec.shape))
    expected = np.moveaxis(volume, -1, 0)[None]
    assert found.tobytes() == np.ascontiguousarray(expected).tobytes()


@pytest.mark.parametrize("interleave", [0, 1, 2, 4])
@pytest.mark.parametrize("bpf", [1, 2, 8, 32])
def test_interleaved_files(tmp_path, rng, interleave, bpf):
    volume = random_codes(rng, (8, 8, 8, 1), "uint8")
    path = write_idx(tmp_path, volume, bits="V012012012", bpb=4, bpf=bpf, interleave=interleave)
    assert np.array_equal(IdxDataset(path).read(0, 0, (0, 0, 0), (8, 8, 8)), volume)


@settings(max_examples=60, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(data=st.data())
def test_any_box_at_any_resolution(tmp_path_factory, data):
    bits = "V" + data.draw(st.text("012", min_size=4, max_size=11).filter(lambda t: "1" in t))
    size = [2 ** bits.count(a) for a in "012"]
    p1 = [data.draw(st.integers(0, n - 1)) for n in size]
    p2 = [data.draw(st.integers(a + 1, n)) for a, n in zip(p1, size, strict=True)]
    shape = [b - a for a, b in zip(p1, p2, strict=True)][::-1]
    volume = (np.arange(np.prod(shape)) + 1).astype("<u2").reshape(*shape, 1)
    n_axes = 3 if "2" in bits else 2
    path = write_idx(
        tmp_path_factory.mktemp("idx"),
        volume,
        bits=bits,
        bpb=data.draw(st.integers(1, len(bits) - 1)),
        origin=p1,
        n_axes=n_axes,
        codec=data.draw(st.sampled_from(["raw", "zip"])),
        row_major=data.draw(st.booleans()),
        arco=False,
    )
    image = IdxImage(path, OpenOptions())
    assert image.spec.origin == tuple(p1[::-1])
    for _ in range(4):
        a = [data.draw(st.integers(lo, hi - 1)) for lo, hi in zip(p1, p2, strict=True)]
        b = [data.draw(st.integers(lo + 1, hi)) for lo, hi in zip(a, p2, strict=True)]
        h = data.draw(st.integers(0, len(bits) - 1))
        wanted = lattice(volume, p1, bits, h, a, b)
        assert np.array_equal(image.dataset.read(0, 0, a, b, h), wanted)
    for k, level in enumerate(image.levels):
        start = [data.draw(st.integers(0, n - 1)) for n in level.shape]
        stop = [data.draw(st.integers(s + 1, n)) for s, n in zip(start, level.shape, strict=True)]
        found = image.read(Box(tuple(start), tuple(stop)), k)
        steps, shifts = (
            [int(v) for v in level_part[2:]] for level_part in (level.factors, level.shift)
        )
        picks = [
            [shift + i * step for i in range(s, e)]
            for shift, step, s, e in zip(shifts, steps, start[2:], stop[2:], strict=True)
        ]
        assert np.array_equal(found[0, 0], volume[np.ix_(*picks)][..., 0])


def test_levels_of_an_image_with_an_origin(tmp_path):
    volume = np.arange(8 * 8, dtype=np.uint8).reshape(1, 8, 8, 1)[:, 3:, 1:]
    path = write_idx(tmp_path, volume, bits="V010101", bpb=3, origin=(1, 3, 0), n_axes=2)
    with open_image(path) as image:
        assert [level.shape[3:] for level in image.levels] == [(5, 7), (2, 3), (1, 1)]
        assert [level.shift[3:] for level in image.levels] == [(0, 0), (1, 1), (1, 3)]
        assert [level.factors[3:] for level in image.levels] == [(1, 1), (2, 2), (4, 4)]
        assert image.spec.origin == (0, 3, 1)


def test_absent_blocks_hold_the_default_value(tmp_path):
    volume = np.ones((8, 8, 8, 2), np.int16)
    path = write_idx(
        tmp_path,
        volume,
        bits="V012012012",
        bpb=4,
        skip={3, 17},
        fields="data int16[2] default_value(-7)",
    )
    dataset = IdxDataset(path)
    found = dataset.read(0, 0, (0, 0, 0), (8, 8, 8))
    assert np.count_nonzero(np.all(found == -7, axis=-1)) == 32
    assert np.count_nonzero(np.all(found == 1, axis=-1)) == 512 - 32
    assert dataset.notes() == ("2 of 32 blocks absent: their points have the default value",)


def test_two_fields_share_a_file():
    with open_image(DATA / "idx/two_fields_mv/visus.idx", OpenOptions(field="B")) as image:
        assert image.spec.shape == (1, 2, 1, 40, 40)
        assert not image.spec.is_rgb


def test_sparse_time_steps(tmp_path):
    for t in (0, 5, 20):
        folder = tmp_path / f"visus/time{t:02}"
        folder.mkdir(parents=True)
        (folder / "0000.bin").write_bytes(
            bytes(40)
            + b"".join(n.to_bytes(4, "big") for n in (0, 0, 80, 0, 16, 0x10, 0, 0, 0, 0))
            + bytes([t] * 16)
        )
    (tmp_path / "visus.idx").write_text(
        header_text(
            version=6,
            box="0 3 0 3",
            fields="data uint8",
            bits="V0101",
            bitsperblock=4,
            blocksperfile=1,
            filename_template="./visus/%04x.bin",
            time="time%02d/ (0,10,5) (20,20,1)",
        )
    )
    with open_image(tmp_path / "visus.idx") as image:
        assert image.spec.times == (0, 5, 10, 20)
        found = image.read(Box.whole(image.spec.shape))
        assert found[:, 0, 0, 0, 0].tolist() == [0, 5, 0, 20]
        assert "1 of 4 blocks absent" in image.notes()[0]


def test_physical_box_and_units(tmp_path):
    text = header_text(
        version=6,
        box="0 9 0 19 0 4",
        fields="data uint8 min(3) max(200)",
        bits="V101201201201",
        physic_box="100 110 0 10 -1 9",
        note="left hemisphere",
    )
    path = tmp_path / "a.idx"
    path.write_text(text)
    with open_image(path) as image:
        spec = image.spec
        assert [a.scale for a in spec.axes[2:]] == [2, 0.5, 1]
        assert [a.offset for a in spec.axes[2:]] == [-1, 0, 100]
        assert spec.channels[0].window == (3, 200)
        assert spec.attributes == {"note": "left hemisphere"}
    path.write_text(
        text.replace("physic_box", "logic_to_physic").replace(
            "100 110 0 10 -1 9", "2 0 0 5 0 3 0 6 0 0 4 7 0 0 0 1"
        )
    )
    with open_image(path) as image:
        assert [a.scale for a in image.spec.axes[2:]] == [4, 3, 2]
        assert [a.offset for a in image.spec.axes[2:]] == [7, 6, 5]
    path.write_text(path.read_text().replace("2 0 0 5", "2 1 0 5"))
    with open_image(path) as image:
        assert image.spec.axes[4].scale == 1
        assert "turns or shears" in image.spec.warnings[0]
    with open_image(path, OpenOptions(voxel=(3.0, 2.0, 1.0), voxel_unit="mm")) as image:
        assert [a.scale for a in image.spec.axes[2:]] == [3, 2, 1]
        assert image.spec.axes[2].unit == "mm"


def test_many_threads_read_at_once(tmp_path, rng):
    volume = random_codes(rng, (32, 32, 32, 1), "uint16")
    path = write_idx(tmp_path, volume, bits="V" + "012" * 5, bpb=8, codec="zip", bpf=16)
    dataset = IdxDataset(path, cache_bytes=20_000)  # holds a few blocks only

    def check(z):
        found = dataset.read(0, 0, (0, 0, z), (32, 32, z + 1))
        return np.array_equal(found, volume[z : z + 1])

    with ThreadPoolExecutor(8) as pool:
        assert all(pool.map(check, [z % 32 for z in range(96)]))


def test_threads_that_meet_a_damaged_block_all_hear_of_it(tmp_path, rng):
    volume = random_codes(rng, (8, 8, 8, 1), "uint16")
    path = write_idx(tmp_path, volume, bits="V012012012", bpb=5, codec="zip", arco=True)
    (tmp_path / "visus/0/data/0000/0000/0000/0002.bin").write_bytes(b"")
    dataset = IdxDataset(path)

    def is_told(_):
        with pytest.raises(DamagedError):
            dataset.read(0, 0, (0, 0, 0), (8, 8, 8))
        return True

    with ThreadPoolExecutor(4) as pool:
        assert all(pool.map(is_told, range(20)))


def test_a_slice_decodes_only_the_blocks_it_meets(tmp_path, rng):
    volume = random_codes(rng, (16, 16, 16, 1), "uint8")
    path = write_idx(tmp_path, volume, bits="V" + "012" * 4, bpb=6, codec="zip", arco=True)
    dataset = IdxDataset(path)
    met = set(dataset.grid.meeting((0, 0, 5), (16, 16, 6), 12))
    for number in set(range(64)) - met:
        dataset.files.path(0, 0, number).write_bytes(b"broken")
    assert np.array_equal(dataset.read(0, 0, (0, 0, 5), (16, 16, 6)), volume[5:6])
    assert len(met) < 40


@pytest.mark.parametrize("codec", ["png", "jpg"])
def test_blocks_that_are_pictures(tmp_path, codec):
    picture = (np.add.outer(np.arange(16) * 4, np.arange(16) * 3)).astype(np.uint8)
    encode = imagecodecs.png_encode if codec == "png" else imagecodecs.jpeg8_encode
    body = bytes(encode(np.ascontiguousarray(picture[::-1])))
    path = write_idx(
        tmp_path,
        picture[None, ..., None],
        bits="V01010101",
        bpb=8,
        n_axes=2,
        arco=True,
        codec=codec,
    )
    (tmp_path / "visus/0/data/0000/0000/0000/0000.bin").write_bytes(body)
    found = IdxDataset(path).read(0, 0, (0, 0, 0), (16, 16, 1))[0, ..., 0]
    assert np.abs(found.astype(int) - picture).max() <= (0 if codec == "png" else 6)


@pytest.mark.parametrize("mode", ["precision=20", "accuracy=0.001"])
def test_blocks_of_zfp(tmp_path, mode):
    """A body is what a stock stream has behind its header of 96 bits."""
    volume = np.sin(np.arange(512) / 30).astype("<f4").reshape(8, 8, 8)
    path = write_idx(
        tmp_path,
        volume[..., None],
        bits="V012012012",
        bpb=9,
        arco=True,
        fields=f"data float32 default_compression(zfp-{mode}-{mode})",
    )
    name, value = mode.split("=")
    level = float(value) if name == "accuracy" else int(value)
    stream = bytes(imagecodecs.zfp_encode(volume, level=level, mode=name[0], header=True))
    file = tmp_path / "visus/0/data/0000/0000/0000/0000.bin"
    file.write_bytes(stream[12:])
    found = IdxDataset(path).read(0, 0, (0, 0, 0), (8, 8, 8))[..., 0]
    assert found.tobytes() == imagecodecs.zfp_decode(stream).tobytes()
    assert np.abs(found - volume).max() < 0.001
    file.write_bytes(stream[12:30])  # too short: read as if zeros followed, nothing worse
    IdxDataset(path).read(0, 0, (0, 0, 0), (8, 8, 8))


def test_work_that_shares_work_does_not_wait_for_itself():
    done = []

    def outer(i):
        for_each(lambda k: done.append((i, k)), range(5))

    with ThreadPoolExecutor(8) as pool:
        list(pool.map(lambda _: for_each(outer, range(20)), range(8)))
    assert len(done) == 8 * 20 * 5


def test_the_example_is_what_it_says(tmp_path):
    with open_image(FORMAT.image_example(tmp_path)) as image:
        assert np.array_equal(image.read(Box.whole(image.spec.shape))[0], example_voxels()[0])


def test_formats_are_told_apart(tmp_path):
    golden = [DATA / "idx" / case["idx"] for case in CASES]
    assert all(FORMAT.matches(path) for path in golden)
    other = tmp_path / "other.txt"
    for text in ("", "(version)", "<html></html>", "{}"):
        other.write_text(text)
        assert not FORMAT.matches(other)
    other.write_text("# made by hand\n(version)\n6\n")
    assert FORMAT.matches(other)
    other.write_text('<dataset typename="IdxDataset"><idxfile></idxfile></dataset>')
    assert FORMAT.matches(other)
    assert not FORMAT.matches(tmp_path)


def test_reads_are_the_same_in_any_order():
    with open_image(DATA / "idx/u16_3d_arco_zip/visus.idx") as image:
        whole = image.read(Box.whole(image.spec.shape))
        for axis, at in itertools.product((2, 3, 4), (0, 11, 32)):
            start, stop = [0] * 5, list(image.spec.shape)
            start[axis], stop[axis] = at, at + 1
            box = Box(tuple(start), tuple(stop))
            assert np.array_equal(image.read(box), whole[box.slices])
