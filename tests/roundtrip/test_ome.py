"""Images through OME-Zarr: what is written is what independent numpy and other readers find."""

import json
import shutil
import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from fractions import Fraction

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from tests.helpers import DTYPES, random_codes, tree_digest

from pyramidion.core import Box, Channel, ImageSpec, UsageError, image_axes
from pyramidion.formats import OpenOptions, WriteOptions
from pyramidion.formats._ome import geometry
from pyramidion.formats._ome.checks import check_ome
from pyramidion.formats._ome.sink import OmeSink, plan_image
from pyramidion.formats._ome.source import OmeSource
from pyramidion.formats._ome.verify import check_levels
from pyramidion.storage import SCRATCH

STATS = ["mean", "min", "max", "nearest", "mode"]


def spec_of(voxels, **fields):
    axes = fields.pop("axes", None) or image_axes(
        voxels.shape, fields.pop("voxel", (1.0, 1.0, 1.0)), fields.pop("unit", "um")
    )
    fields.setdefault("present", "tczyx")
    return ImageSpec(axes, voxels.dtype, **fields)


def run_tasks(sink, voxels, n_workers=1, tasks=None):
    """Do what a workflow does: stage after stage, the tasks of one stage at once."""
    tasks = range(len(sink.tasks)) if tasks is None else tasks
    with ThreadPoolExecutor(n_workers) as pool:
        for stage in sorted({sink.tasks[i].stage for i in tasks}):
            mine = [i for i in tasks if sink.tasks[i].stage == stage and not sink.is_done(i)]
            list(pool.map(lambda i: sink.work(i, [lambda box: voxels[box.slices]]), mine))


def write(path, voxels, spec=None, n_workers=1, **options):
    sink = OmeSink(path, [spec or spec_of(voxels)], WriteOptions(**options))
    run_tasks(sink, voxels, n_workers)
    sink.commit()
    return path


def boxes_along(n, factor):
    return [(i * factor, min(n, (i + 1) * factor)) for i in range(-(-n // factor))]


def reduced(voxels, factors, stat):
    """Level with boxes of `factors` (z, y, x), each box on its own, straight from the raw voxels."""
    t, c, *zyx = voxels.shape
    places = [boxes_along(n, f) for n, f in zip(zyx, factors, strict=True)]
    out = np.empty((t, c, *map(len, places)), voxels.dtype)
    for i, j in np.ndindex(t, c):
        for z, (z0, z1) in enumerate(places[0]):
            for y, (y0, y1) in enumerate(places[1]):
                for x, (x0, x1) in enumerate(places[2]):
                    out[i, j, z, y, x] = of_box(voxels[i, j, z0:z1, y0:y1, x0:x1], stat)
    return out


def of_box(box, stat):
    flat = box.reshape(-1)
    if stat == "nearest":
        return flat[0]
    if flat.dtype.kind == "f" and stat in ("min", "max"):
        kept = flat[~np.isnan(flat)]
        return getattr(kept, stat)() if kept.size else np.nan
    if stat in ("min", "max"):
        return getattr(flat, stat)()
    if flat.dtype.kind == "f":
        with np.errstate(invalid="ignore"):
            return flat.astype(np.float64).mean()
    return round(Fraction(sum(flat.tolist()), flat.size))


def assert_level(actual, expected):
    if actual.dtype.kind != "f":
        np.testing.assert_array_equal(actual, expected)
        return
    # The order of additions differs: the last bits of float64 do, and what is rounded from them.
    exact = np.isfinite(expected.astype(np.float64))
    np.testing.assert_array_equal(np.isnan(actual), np.isnan(expected))
    close = 4 * np.finfo(actual.dtype).eps
    scale = 1000 * close
    np.testing.assert_allclose(
        actual[exact].astype(float), expected[exact].astype(float), rtol=close, atol=scale
    )


@pytest.fixture
def small_cuts(monkeypatch):
    """Chunks, slabs and shards so small that a few thousand voxels need several stages."""
    monkeypatch.setattr(geometry, "CHUNK_ITEMS", 2**9)
    monkeypatch.setattr(geometry, "CHUNK_DEPTH", 4)
    monkeypatch.setattr(geometry, "SLAB_DEPTH", 8)
    monkeypatch.setattr(geometry, "SHARD_BYTES", 2**13)
    monkeypatch.setattr(geometry, "SLAB_BYTES", 2**13)
    monkeypatch.setattr(geometry, "LARGEST_SLAB_BYTES", 2**14)
    from pyramidion.pyramid import _image_plan

    monkeypatch.setattr(_image_plan, "PLANE_SIZE", 8)
    monkeypatch.setattr(_image_plan, "PICTURE_SIZE", 8)
    monkeypatch.setattr(_image_plan, "DEPTH_SIZE", 4)


def check_all_levels(path, voxels, stat):
    with OmeSource(path, OpenOptions()) as source:
        assert source.spec.shape == voxels.shape
        np.testing.assert_array_equal(source.read(Box.whole(voxels.shape)), voxels)
        before = voxels
        for k, level in enumerate(source.levels[1:], 1):
            factors = [int(f) for f in level.factors[2:]]
            stored = source.read(Box.whole(level.shape), k)
            if stat == "mode":
                step = [int(b / a) for a, b in zip(source.levels[k - 1].factors[2:], factors, strict=True)]  # fmt: skip
                expected = mode_of(before, step)
            else:
                expected = reduced(voxels, factors, stat)
            assert_level(stored, expected)
            shift = [0.0 if stat == "nearest" else (f - 1) / 2 for f in factors]
            np.testing.assert_allclose(level.shift[2:], shift)
            before = stored
        assert list(check_levels(source)) == []
        return source


def mode_of(voxels, step):
    t, c, *zyx = voxels.shape
    places = [boxes_along(n, f) for n, f in zip(zyx, step, strict=True)]
    out = np.empty((t, c, *map(len, places)), voxels.dtype)
    for i, j in np.ndindex(t, c):
        for (z, zs), (y, ys), (x, xs) in (
            (a, b, d)
            for a in enumerate(places[0])
            for b in enumerate(places[1])
            for d in enumerate(places[2])
        ):
            box = voxels[i, j, slice(*zs), slice(*ys), slice(*xs)].reshape(-1)
            values, counts = np.unique(box[box == box], return_counts=True)
            out[i, j, z, y, x] = values[counts.argmax()] if values.size else box[0]
    return out


@pytest.mark.usefixtures("small_cuts")
@pytest.mark.parametrize("stat", STATS)
@pytest.mark.parametrize("dtype", DTYPES)
def test_every_type_and_statistic(tmp_path, rng, dtype, stat):
    voxels = random_codes(rng, (1, 1, 13, 37, 23), dtype)
    if stat == "mode":
        voxels = voxels.reshape(-1)[rng.integers(0, 3, voxels.shape)]
    write(tmp_path / "v.ome.zarr", voxels, stat=stat)
    source = check_all_levels(tmp_path / "v.ome.zarr", voxels, stat)
    assert len(source.levels) >= 3


SHAPES = [
    (1, 1, 1, 1, 1),
    (1, 1, 1, 101, 67),
    (1, 1, 1, 1, 300),
    (5, 1, 1, 33, 20),
    (2, 3, 5, 19, 31),
    (1, 1, 70, 9, 9),
    (1, 1, 9, 130, 100),
]


@pytest.mark.usefixtures("small_cuts")
@pytest.mark.parametrize("stat", ["mean", "max", "mode"])
@pytest.mark.parametrize("shape", SHAPES, ids=str)
def test_every_shape(tmp_path, rng, shape, stat):
    voxels = rng.integers(0, 2**16, shape, np.uint16, endpoint=False)
    write(tmp_path / "v.ome.zarr", voxels, stat=stat)
    check_all_levels(tmp_path / "v.ome.zarr", voxels, stat)


@pytest.mark.usefixtures("small_cuts")
@pytest.mark.parametrize("voxel", [(4.0, 1.0, 1.0), (1.0, 3.0, 3.0), (0.5, 0.7, 2.0)], ids=str)
def test_thin_and_thick_voxels(tmp_path, rng, voxel):
    voxels = rng.integers(-(2**15), 2**15, (1, 1, 17, 40, 50), np.int16)
    write(tmp_path / "v.ome.zarr", voxels, spec_of(voxels, voxel=voxel))
    source = check_all_levels(tmp_path / "v.ome.zarr", voxels, "mean")
    first = list(source.levels[1].factors[2:])
    smallest = min(voxel)
    assert first == [2.0 if v < 1.5 * smallest else 1.0 for v in voxel]


@pytest.mark.usefixtures("small_cuts")
def test_slices_so_large_that_they_are_cut(tmp_path, rng):
    voxels = rng.integers(0, 2**16, (1, 1, 5, 250, 130), np.uint16)
    sink = OmeSink(tmp_path / "v.ome.zarr", [spec_of(voxels)], WriteOptions())
    assert len(sink.tasks) > 20
    assert max(task.n_bytes for task in sink.tasks) <= 2**14
    assert sum(task.n_bytes for task in sink.tasks) == voxels.nbytes
    run_tasks(sink, voxels)
    sink.commit()
    check_all_levels(tmp_path / "v.ome.zarr", voxels, "mean")


@pytest.mark.usefixtures("small_cuts")
def test_every_element_is_read_once(tmp_path, rng):
    voxels = rng.integers(0, 255, (2, 2, 21, 40, 30), np.uint8)
    n_reads = np.zeros(voxels.shape, int)
    sink = OmeSink(tmp_path / "v.ome.zarr", [spec_of(voxels)], WriteOptions())

    def read(box):
        n_reads[box.slices] += 1
        return voxels[box.slices]

    for task in range(len(sink.tasks)):
        sink.work(task, [read])
    sink.commit()
    assert (n_reads == 1).all()


@pytest.mark.usefixtures("small_cuts")
@settings(
    max_examples=30, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
@given(data=st.data())
def test_any_image(tmp_path, data):
    shape = tuple(data.draw(st.integers(1, n)) for n in (2, 2, 14, 24, 24))
    stat = data.draw(st.sampled_from(STATS))
    dtype = data.draw(st.sampled_from(["uint8", "int16", "uint64", "float32"]))
    voxel = tuple(data.draw(st.sampled_from([0.5, 1.0, 4.0])) for _ in range(3))
    rng = np.random.default_rng(data.draw(st.integers(0, 2**32)))
    voxels = random_codes(rng, shape, dtype)
    shutil.rmtree(tmp_path / "v.ome.zarr", ignore_errors=True)
    write(tmp_path / "v.ome.zarr", voxels, spec_of(voxels, voxel=voxel), stat=stat)
    check_all_levels(tmp_path / "v.ome.zarr", voxels, stat)


@pytest.mark.usefixtures("small_cuts")
@pytest.mark.parametrize("stat", ["mean", "mode"])
def test_the_same_bytes_with_any_number_of_workers(tmp_path, rng, stat):
    voxels = rng.integers(0, 255, (2, 1, 40, 50, 45), np.uint8)
    trees = [
        tree_digest(write(tmp_path / f"{n}" / "v.ome.zarr", voxels, n_workers=n, stat=stat))
        for n in (1, 2, 3)
    ]
    assert trees[0] == trees[1] == trees[2]


@pytest.mark.usefixtures("small_cuts")
def test_resumed_at_every_task(tmp_path, rng):
    """A run that stops after any task, and leaves half a task behind, is finished by the next."""
    voxels = rng.integers(0, 255, (1, 1, 40, 50, 45), np.uint8)
    expected = tree_digest(write(tmp_path / "whole" / "v.ome.zarr", voxels))
    n_tasks = plan_image(tmp_path, [spec_of(voxels)], WriteOptions())["tasks"]
    assert n_tasks > 10
    for n_done in range(n_tasks + 1):
        path = tmp_path / f"{n_done}" / "v.ome.zarr"
        sink = OmeSink(path, [spec_of(voxels)], WriteOptions())
        run_tasks(sink, voxels, tasks=range(n_done))
        (path.with_name("v.ome.zarr.partial") / "0/.c.77.part").parent.mkdir(exist_ok=True)
        (path.with_name("v.ome.zarr.partial") / "0/.c.77.part").write_bytes(b"half")
        sink.abort()
        again = OmeSink(path, [spec_of(voxels)], WriteOptions(resume=True))
        done = [again.is_done(i) for i in range(n_tasks)]
        assert done == [i < n_done for i in range(n_tasks)]
        run_tasks(again, voxels)
        again.commit()
        assert tree_digest(path) == expected


@pytest.mark.usefixtures("small_cuts")
def test_a_spill_that_was_lost_is_made_again(tmp_path, rng):
    voxels = rng.integers(0, 255, (1, 1, 40, 50, 45), np.uint8)
    expected = tree_digest(write(tmp_path / "whole" / "v.ome.zarr", voxels))
    path = tmp_path / "v.ome.zarr"
    sink = OmeSink(path, [spec_of(voxels)], WriteOptions())
    first = [i for i, task in enumerate(sink.tasks) if task.stage == 0]
    run_tasks(sink, voxels, tasks=first)
    partial = path.with_name("v.ome.zarr.partial")
    (partial / ".spill/1.npy").unlink()
    (partial / ".spill/2.npy").write_bytes(b"short")
    assert [i for i in first if not sink.is_done(i)] == [1, 2]
    run_tasks(sink, voxels)
    assert not list((partial / ".spill").glob("*.npy"))
    sink.commit()
    assert tree_digest(path) == expected


KILLED = """
import sys
from pathlib import Path
import numpy as np
from pyramidion.core import ImageSpec, image_axes
from pyramidion.formats import WriteOptions
from pyramidion.formats._ome.sink import OmeSink

voxels = np.load(sys.argv[2], mmap_mode="r")
spec = ImageSpec(image_axes(voxels.shape, unit="um"), voxels.dtype, present="tczyx")
sink = OmeSink(Path(sys.argv[1]), [spec], WriteOptions(resume=True))
print("begun", flush=True)
for task in range(len(sink.tasks)):
    sink.work(task, [lambda box: voxels[box.slices]])
sink.commit()
"""


@pytest.mark.slow
def test_killed_at_random_moments(tmp_path, rng):
    """Runs that are killed with -9 again and again end in the bytes of one that was not."""
    voxels = rng.integers(0, 4096, (1, 1, 150, 512, 512), np.uint16)
    np.save(tmp_path / "v.npy", voxels)
    expected = tree_digest(write(tmp_path / "whole" / "v.ome.zarr", voxels))
    path = tmp_path / "v.ome.zarr"
    n_killed = 0
    for _ in range(12):
        child = subprocess.Popen(
            [sys.executable, "-c", KILLED, path, tmp_path / "v.npy"], stdout=subprocess.PIPE
        )
        child.stdout.readline()
        try:
            child.wait(rng.uniform(0.0, 0.1))
        except subprocess.TimeoutExpired:
            child.kill()
            child.wait()
        child.stdout.close()
        n_killed += child.returncode == -9
        if path.exists():
            break
    assert n_killed
    if not path.exists():
        sink = OmeSink(path, [spec_of(voxels)], WriteOptions(resume=True))
        run_tasks(sink, voxels)
        sink.commit()
    # A kill just after the rename leaves what was only needed for writing; readers ignore it.
    found = {key: of for key, of in tree_digest(path).items() if not key.startswith(SCRATCH)}
    assert found == expected


@pytest.mark.usefixtures("small_cuts")
def test_workers_that_attach(tmp_path, rng):
    voxels = rng.integers(0, 255, (1, 1, 40, 50, 45), np.uint8)
    expected = tree_digest(write(tmp_path / "whole" / "v.ome.zarr", voxels))
    path, spec = tmp_path / "v.ome.zarr", spec_of(voxels)
    owner = OmeSink(path, [spec], WriteOptions())
    part = OmeSink(path, [spec], WriteOptions(attach=True))
    for task in range(len(owner.tasks)):
        (part if task % 2 else owner).work(task, [lambda box: voxels[box.slices]])
    owner.commit()
    assert tree_digest(path) == expected


def test_pictures_of_a_movie_share_files(tmp_path, rng):
    voxels = rng.integers(0, 255, (40, 1, 1, 64, 64), np.uint8)
    write(tmp_path / "v.ome.zarr", voxels, spec_of(voxels, present="tyx"))
    assert len(list((tmp_path / "v.ome.zarr/0/c").rglob("*"))) <= 4
    with OmeSource(tmp_path / "v.ome.zarr", OpenOptions()) as source:
        assert source.spec.present == "tyx"
        assert source.block == (1, 1, 1, 64, 64)
        np.testing.assert_array_equal(source.read(Box.whole(voxels.shape)), voxels)


def full_spec(voxels):
    axes = image_axes(
        voxels.shape, (2.0, 0.5, 0.5), "um", interval=0.1, time_unit="s", offset=(3.0, 0.0, -1.0)
    )
    channels = (
        Channel("DAPI", "0000ff", (5.0, 60.0)),
        Channel("GFP", "not a colour"),
        Channel(),
    )
    return ImageSpec(
        axes, voxels.dtype, "brain", "tczyx", channels, origin=(0, 7, 8), times=(3, 9),
        attributes={"operator": "Ada", "nan": float("nan"), "ome": {"bad": 1}},
    )  # fmt: skip


@pytest.fixture
def full(tmp_path, rng):
    voxels = rng.integers(0, 4096, (2, 3, 70, 300, 300), np.uint16)
    return write(tmp_path / "full.ome.zarr", voxels, full_spec(voxels)), voxels


def test_what_was_described_is_read_back(full):
    path, voxels = full
    spec = full_spec(voxels)
    with OmeSource(path, OpenOptions()) as source:
        found = source.spec
        assert found.axes == spec.axes
        assert (found.name, found.present, found.times) == ("brain", "tczyx", (3, 9))
        assert found.origin == (0, 7, 8)
        assert found.attributes == {"operator": "Ada", "nan": None}
        assert source.fields == ("brain",)
        assert source.is_ours
        low, high = np.percentile(voxels[:, 1], [0.1, 99.9])
        assert found.channels[0].window == (5.0, 60.0)
        assert found.channels[0].color == "0000FF"
        assert abs(found.channels[1].window[0] - low) < 20
        assert abs(found.channels[1].window[1] - high) < 20
        assert found.channels[2].limits == (voxels[:, 2].min(), voxels[:, 2].max())
        part = Box((1, 0, 60, 250, 3), (2, 3, 70, 299, 290))
        np.testing.assert_array_equal(source.read(part), voxels[part.slices])


def test_valid_by_ome_zarr_models_and_by_us(full):
    import zarr
    from ome_zarr_models.v05 import Image

    path, _ = full
    group = zarr.open_group(path, mode="r")
    image = Image.from_zarr(group)
    multiscale = image.ome_attributes.multiscales[0]
    assert [axis.unit for axis in multiscale.axes] == ["second", None, *["micrometer"] * 3]
    scales = [d.coordinateTransformations[0].scale for d in multiscale.datasets]
    assert scales[1] == [0.1, 1.0, 2.0, 1.0, 1.0]
    assert multiscale.datasets[1].coordinateTransformations[1].translation == [
        0,
        0,
        3.0,
        0.25,
        -0.75,
    ]
    assert group["0"].metadata.dimension_names == ("t", "c", "z", "y", "x")
    assert check_ome(dict(group.attrs)) == []


def test_zarr_python_and_tensorstore_read_it(full):
    import tensorstore as ts
    import zarr

    path, voxels = full
    group = zarr.open_group(path, mode="r")
    np.testing.assert_array_equal(group["0"][...], voxels)
    driver = {"driver": "zarr3", "kvstore": {"driver": "file", "path": f"{path}/1/"}}
    level = ts.open(driver).result().read().result()
    np.testing.assert_array_equal(level, group["1"][...])
    with OmeSource(path, OpenOptions()) as source:
        np.testing.assert_array_equal(source.read(Box.whole(level.shape), 1), level)


@pytest.mark.parametrize("codec", ["blosc-lz4", "blosc-zstd", "zstd", "gzip", "none"])
def test_every_codec(tmp_path, rng, codec):
    import zarr

    voxels = rng.integers(0, 4096, (1, 1, 20, 300, 50), np.uint16)
    path = write(tmp_path / "v.ome.zarr", voxels, spec_of(voxels, present="zyx"), compression=codec)
    np.testing.assert_array_equal(zarr.open_group(path, mode="r")["0"][...], voxels[0, 0])
    check_all_levels(path, voxels, "mean")


def test_colours_are_stored_together_and_shown_as_they_are(tmp_path, rng):
    voxels = rng.integers(40, 90, (1, 3, 1, 600, 700), np.uint8)
    spec = spec_of(voxels, present="cyx", is_rgb=True)
    path = write(tmp_path / "v.ome.zarr", voxels, spec)
    ome = json.loads((path / "zarr.json").read_text())["attributes"]["ome"]
    assert [c["color"] for c in ome["omero"]["channels"]] == ["FF0000", "00FF00", "0000FF"]
    assert [c["window"]["end"] for c in ome["omero"]["channels"]] == [255] * 3
    assert len(list((path / "0").rglob("c/0/0/0"))) == 1
    assert check_all_levels(path, voxels, "mean").spec.is_rgb


def test_floats_without_a_finite_value(tmp_path):
    voxels = np.full((1, 1, 1, 5, 5), np.nan, np.float32)
    path = write(tmp_path / "v.ome.zarr", voxels)
    attributes = json.loads((path / "zarr.json").read_text())["attributes"]
    assert check_ome(attributes) == []


def test_an_unknown_unit_is_left_out(tmp_path, rng):
    voxels = rng.integers(0, 255, (1, 1, 3, 5, 5), np.uint8)
    path = write(tmp_path / "v.ome.zarr", voxels, spec_of(voxels, unit="furlong"))
    axes = json.loads((path / "zarr.json").read_text())["attributes"]["ome"]["multiscales"][0]["axes"]  # fmt: skip
    assert all("unit" not in axis for axis in axes)


def test_several_fields_are_refused(tmp_path, rng):
    voxels = rng.integers(0, 255, (1, 1, 3, 5, 5), np.uint8)
    specs = [replace(spec_of(voxels), name=name) for name in "AB"]
    with pytest.raises(UsageError, match=r"2 fields \(A, B\): choose with --field"):
        OmeSink(tmp_path / "v.ome.zarr", specs, WriteOptions())
    with pytest.raises(UsageError, match="--stat"):
        OmeSink(tmp_path / "v.ome.zarr", specs[:1], WriteOptions(stat="median"))
    assert not list(tmp_path.iterdir())


def test_the_plan_is_what_is_written(tmp_path, full):
    path, voxels = full
    plan = plan_image(tmp_path / "x.ome.zarr", [full_spec(voxels)], WriteOptions())
    assert not (tmp_path / "x.ome.zarr.partial").exists()
    for key, told in plan["arrays"].items():
        meta = json.loads((path / key / "zarr.json").read_text())
        assert tuple(meta["shape"]) == told["shape"]
        assert tuple(meta["chunk_grid"]["configuration"]["chunk_shape"]) == told["shard"]
    assert {p.name for p in path.iterdir()} == {*plan["arrays"], "zarr.json"}


def test_a_level_that_lies_is_found(full):
    import zarr

    path, _ = full
    level = zarr.open_group(path, mode="r+")["1"]
    level[1, 2, 60, 17, 100] = 9999
    with OmeSource(path, OpenOptions()) as source:
        (fault,) = check_levels(source)
    assert "full.ome.zarr/1: 1 elements" in fault
    assert "(1, 2, 60, 17, 100): 9999 instead of" in fault


def test_ome_zarr_py_reads_every_level(full):
    from ome_zarr.io import parse_url
    from ome_zarr.reader import Reader

    path, voxels = full
    (node, *_) = list(Reader(parse_url(str(path)))())
    np.testing.assert_array_equal(np.asarray(node.data[0]), voxels)
    with OmeSource(path, OpenOptions()) as source:
        assert [a.shape for a in node.data] == [level.shape for level in source.levels]
        np.testing.assert_array_equal(
            np.asarray(node.data[-1]), source.read(Box.whole(source.levels[-1].shape), -1)
        )
    assert node.metadata["contrast_limits"][0] == [5.0, 60.0]


def test_ngff_zarr_reads_it(full):
    ngff_zarr = pytest.importorskip("ngff_zarr")
    path, voxels = full
    images = ngff_zarr.from_ngff_zarr(str(path)).images
    np.testing.assert_array_equal(np.asarray(images[0].data), voxels)
