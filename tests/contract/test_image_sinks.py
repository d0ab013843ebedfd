"""Every format that writes images passes the same tests; the list comes from the registry."""

import numpy as np
import pytest
from tests.contract.images import (  # fmt: skip
    TYPES,
    Reads,
    destination,
    digest,
    random_voxels,
    reopened,
    run,
    spec_of,
    stages,
)

from pyramidion.core import Box, DamagedError, PyramidionError, UsageError
from pyramidion.formats import WriteOptions, formats

WRITERS = [f for f in formats() if f.create_image is not None]
SHAPES = [(1, 1, 1, 1, 1), (1, 1, 1, 37, 53), (1, 1, 7, 37, 53), (1, 3, 5, 33, 40), (2, 2, 4, 20, 30), (1, 1, 40, 130, 150)]  # fmt: skip

MAY_REFUSE = {"image-stack", "tiff", "idx"}
"""They have no form for some types and shapes, and say so before anything is created."""

SEVERAL = (3, 1, 5, 40, 48)
SLICES = (1, 1, 9, 40, 48)
"""The same where names have one number."""


SLAB_LIMITS = [
    "_npy.image.TASK_BYTES",
    "_hdf5.image_sink.TASK_BYTES",
    "_images.picture_sink.TASK_BYTES",
    "_ome.geometry.SLAB_BYTES",
    "_idx.task_list.GROUP_BYTES",
]
"""Formats that cut a small image into tasks only when told to."""


@pytest.fixture(autouse=True)
def _small_tasks(monkeypatch):
    for name in SLAB_LIMITS:
        monkeypatch.setattr(f"pyramidion.formats.{name}", 2**14)


@pytest.fixture(params=WRITERS, ids=lambda f: f.name)
def written(request):
    return request.param


def several(written):
    """Return a shape that makes more than one task."""
    return SLICES if written.name == "image-stack" else SEVERAL


def begun(written, path, spec, **options):
    return written.create_image(path, [spec], WriteOptions(**options))


def write(written, path, voxels, spec, **options):
    """Write an image; return False if the format has no form for it, and says so."""
    try:
        sink = begun(written, path, spec, **options)
    except UsageError:
        folder = path.parent.parent if "%" in path.name else path.parent
        if written.name not in MAY_REFUSE:
            raise
        assert list(folder.iterdir()) == []
        return False
    run(sink, [Reads(voxels)], threads=3)
    return True


def same(path, voxels, spec):
    with reopened(path, spec) as back:
        assert back.spec.shape == voxels.shape
        assert back.spec.dtype == voxels.dtype
        np.testing.assert_array_equal(back.read(Box.whole(voxels.shape)), voxels)


@pytest.mark.parametrize("shape", SHAPES, ids=str)
def test_round_trip_of_shapes(written, tmp_path, rng, shape):
    voxels = random_voxels(rng, shape, "uint16")
    path, spec = destination(written, tmp_path), spec_of(voxels)
    if write(written, path, voxels, spec):
        same(path, voxels, spec)
        # An .idx has its blocks in a folder beside it.
        assert {p.name for p in tmp_path.iterdir()} <= {path.relative_to(tmp_path).parts[0], "v"}


@pytest.mark.parametrize("dtype", TYPES)
def test_round_trip_of_types(written, tmp_path, rng, dtype):
    voxels = random_voxels(rng, (1, 1, 3, 37, 53), dtype)
    path, spec = destination(written, tmp_path), spec_of(voxels)
    if write(written, path, voxels, spec):
        same(path, voxels, spec)


@pytest.mark.parametrize("depth", [1, 3])
def test_colours(written, tmp_path, rng, depth):
    voxels = random_voxels(rng, (1, 3, depth, 37, 53), "uint8")
    present = "cyx" if depth == 1 else "czyx"
    path, spec = destination(written, tmp_path), spec_of(voxels, present, is_rgb=True)
    if write(written, path, voxels, spec):
        same(path, voxels, spec)


def test_every_element_is_read_once(written, tmp_path, rng):
    voxels = random_voxels(rng, several(written), "uint16")
    sink = begun(written, destination(written, tmp_path), spec_of(voxels))
    reads = Reads(voxels)
    run(sink, [reads])
    assert (reads.counts == 1).all()
    assert sum(task.n_bytes for task in sink.tasks) == voxels.nbytes
    assert [task.stage for task in sink.tasks] == sorted(task.stage for task in sink.tasks)


def test_nothing_has_the_name_before_commit(written, tmp_path, rng):
    voxels = random_voxels(rng, several(written), "uint16")
    path, spec = destination(written, tmp_path), spec_of(voxels)
    sink = begun(written, path, spec)
    for number in range(len(sink.tasks)):
        assert not sink.is_done(number)
        sink.work(number, [Reads(voxels)])
        assert sink.is_done(number)
        assert not is_shown(path)
    sink.commit()
    sink.abort()  # after a commit there is nothing to give up
    same(path, voxels, spec)


def test_a_failure_leaves_nothing_that_looks_whole(written, tmp_path, rng):
    voxels = random_voxels(rng, several(written), "uint16")
    path, spec = destination(written, tmp_path), spec_of(voxels)
    sink = begun(written, path, spec)
    with pytest.raises(DamagedError):
        run(sink, [Reads(voxels, DamagedError("source", "damaged"))])
    sink.abort()
    sink.abort()
    assert not is_shown(path)
    with pytest.raises(PyramidionError):
        reopened(path, spec)
    run(begun(written, path, spec, overwrite=True), [Reads(voxels)])
    same(path, voxels, spec)


def test_a_resumed_run_does_the_rest_only(written, tmp_path, rng):
    voxels = random_voxels(rng, several(written), "uint16")
    path, spec = destination(written, tmp_path), spec_of(voxels)
    sink = begun(written, path, spec, source_id="s")
    first = stages(sink)[0]
    assert len(first) > 1
    done = first[: max(1, len(first) // 2)]
    for number in done:
        sink.work(number, [Reads(voxels)])
    sink.abort()
    if not sink.resumable:
        assert list(tmp_path.iterdir()) == []
        return
    kept = {p: p.stat().st_mtime_ns for p in tmp_path.rglob("*.json") if ".tasks" in p.parts}
    assert len(kept) == len(done)
    reads = Reads(voxels)
    sink = begun(written, path, spec, source_id="s", resume=True)
    assert [n for n in range(len(sink.tasks)) if sink.is_done(n)] == done
    run(sink, [reads], commit=False)
    assert all(p.stat().st_mtime_ns == at for p, at in kept.items() if p.exists())
    sink.commit()
    same(path, voxels, spec)
    n_again = sum(sink.tasks[number].n_bytes for number in done)
    assert int(reads.counts.sum()) * 2 == voxels.nbytes - n_again


def test_what_was_written_with_other_settings_is_not_resumed(written, tmp_path, rng):
    voxels = random_voxels(rng, several(written), "uint16")
    path, spec = destination(written, tmp_path), spec_of(voxels)
    sink = begun(written, path, spec, source_id="one")
    sink.work(0, [Reads(voxels)])
    sink.abort()
    if sink.resumable:
        with pytest.raises(UsageError, match="another source or other settings"):
            begun(written, path, spec, source_id="two", resume=True)
        with pytest.raises(UsageError, match="--resume"):
            begun(written, path, spec, source_id="one")


def test_the_old_dataset_stays_until_the_new_one_is_whole(written, tmp_path, rng):
    old, new = (random_voxels(rng, several(written), "uint16") for _ in range(2))
    path, spec = destination(written, tmp_path), spec_of(old)
    run(begun(written, path, spec), [Reads(old)])
    sink = begun(written, path, spec, overwrite=True)
    run(sink, [Reads(new)], commit=False)
    same(path, old, spec)
    sink.commit()
    same(path, new, spec)
    sink = begun(written, path, spec, overwrite=True)
    sink.work(0, [Reads(old)])
    sink.abort()
    same(path, new, spec)


def test_others_take_part(written, tmp_path, rng):
    voxels = random_voxels(rng, several(written), "uint16")
    path, spec = destination(written, tmp_path), spec_of(voxels)
    begin = begun(written, path, spec, source_id="s")
    if not begin.resumable:
        begin.abort()
        return
    helper = begun(written, path, spec, source_id="s", attach=True)
    for numbers in stages(begin):
        for number in numbers:
            (begin, helper)[number % 2].work(number, [Reads(voxels)])
            assert begin.is_done(number)
            assert helper.is_done(number)
    helper.abort()
    begin.commit()
    same(path, voxels, spec)


def test_the_bytes_do_not_depend_on_the_order(written, tmp_path, rng):
    voxels = random_voxels(rng, several(written), "uint16")
    found = []
    ways = [{}, {"order": lambda n: n[::-1]}, {"threads": 4}]
    for number, way in enumerate(ways):
        folder = tmp_path / str(number)
        folder.mkdir()
        path = destination(written, folder)
        run(begun(written, path, spec_of(voxels)), [Reads(voxels)], **way)
        found.append(digest(folder))
    assert found[0] == found[1] == found[2]


def test_a_plan_touches_nothing(written, tmp_path, rng):
    voxels = random_voxels(rng, several(written), "uint16")
    path = destination(written, tmp_path)
    assert written.plan_image is not None
    assert written.plan_image(path, [spec_of(voxels)], WriteOptions())
    assert list(tmp_path.iterdir()) == []


def is_shown(path):
    """Tell whether anything of a destination has its name."""
    if "%" in path.name:
        return any(path.parent.glob(f"*{path.suffix}"))
    return path.exists()
