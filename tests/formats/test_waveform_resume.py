"""Waveform conversions that go on after a stop and a power cut, against runs without either."""

from functools import partial
from random import Random

import numpy as np
import pytest
from hypothesis import HealthCheck, given, note, settings
from hypothesis import strategies as st
from tests.helpers import ArraySource, random_codes, tree_digest, write_store

from pyramidion.formats import WriteOptions
from pyramidion.formats._waveform import geometry, sink_v3
from pyramidion.formats.zarr import FORMAT as ZARR
from pyramidion.workflows import stream, verify

CHUNK = 64
"""Samples; with 8 to a bin of the finest level, and 4 of those to a bin of the next, and so on."""

SHARDS = [(1, 2), (2, 1), (2, 2), (3, 2), (15, 8)]
"""Chunks per shard of the samples, and of a level: less than most rows have, and more.

As with the real sizes, rows short enough to share a shard of the samples share one of each level.
"""

LENGTHS = [(1, 128), (129, 300), (257, 400)]
"""Least and most samples of a row: few chunks, and more."""


def cut_small(patch, raw_chunks, level_chunks, least_bins=4):
    """Cut a waveform of 16 bits into chunks of 64 samples, and levels into chunks of 8 bins.

    With 2 for the fewest bins of a level, some bins span several shards of the samples.
    """
    patch.setattr(geometry, "CHUNK_SAMPLES", CHUNK)
    patch.setattr(geometry, "CHUNK_BINS", 8)
    patch.setattr(geometry, "SHARD_BYTES", raw_chunks * CHUNK * 2)
    patch.setattr(geometry, "OVERVIEW_SHARD_BYTES", level_chunks * 8 * 2 * 2)
    patch.setattr(sink_v3, "BLOCK_CHUNKS", 2)
    many_levels = partial(geometry.PyramidPlan.for_record, first=8, least=least_bins)
    patch.setattr(geometry.PyramidPlan, "for_record", many_levels)


def begin(path, spec):
    return ZARR.create(path, spec, WriteOptions(resume=True, source_id="s"))


def run_and_stop(path, source, n_accepted, n_ahead):
    """Stop a run: so many tasks are whole in all, and threads were so many tasks ahead."""
    sink = begin(path, source.spec)
    n_tasks = len(sink.tasks)
    for task in range(min(n_accepted + n_ahead, n_tasks)):
        result = sink.work(task, source.read)
        if task < n_accepted:
            sink.accept(task, result)
    sink.abort()
    assert not path.exists()


def shards_left(path, of):
    """Return the shards in the folder under way: of the samples, the levels, or both."""
    partial_folder = path.with_name(path.name + ".partial")
    return sorted(p for p in partial_folder.glob(f"{of}/**/c/**/*") if p.is_file())


def lost_samples(path, spec):
    """Count the samples of shards that are not there, or not whole."""
    sink = begin(path, spec)
    lost = [box.size for task, box in enumerate(sink.tasks) if not sink.is_done(task)]
    sink.abort()
    return sum(lost)


def check_resumed(path, source, workers, whole):
    """A resumed run reads what was lost, no more, and leaves what a run without a stop leaves."""
    lost = lost_samples(path, source.spec)
    source.n_read = 0
    stream(source, begin(path, source.spec), workers=workers)
    assert source.n_read == lost
    assert tree_digest(path) == whole
    assert [p.name for p in path.parent.iterdir()] == [path.name]
    report = verify(path)
    assert report.faults == []
    assert report.samples == source.codes.size


@pytest.mark.parametrize("workers", [1, 3])
@pytest.mark.parametrize("damage", ["removed", "emptied", "cut"])
def test_a_shard_lost_after_its_levels_were_complete(tmp_path, make_spec, workers, damage):
    codes = random_codes(np.random.default_rng(7), (2, 1, 1, 333), "int16")
    source = ArraySource(codes, make_spec(codes))
    with pytest.MonkeyPatch.context() as patch:
        cut_small(patch, 2, 1)
        whole = tree_digest(write_store(tmp_path / "whole/w.zarr", codes, source.spec))
        for of in ("raw/c/0/0/0/", "overview/1/c/0/0/0/0/", "overview/0/c/0/0/0/0/"):
            assert len([name for name in whole if name.startswith(of)]) >= 2
        path = tmp_path / "part/w.zarr"
        run_and_stop(path, source, 4, 0)  # of 6 tasks; the first channel has 3
        damage_file(shards_left(path, "raw")[0], damage, 0.5)
        check_resumed(path, source, workers, whole)


@settings(
    max_examples=20, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
@given(seed=st.integers(0, 2**32 - 1))
def test_a_run_goes_on_after_any_stop_and_any_loss(tmp_path_factory, make_spec, seed):
    """All is drawn from the seed: long rows, late stops and few losses must not be rare."""
    rng = Random(seed)
    shape = (rng.randint(1, 3), 1, rng.randint(1, 2), rng.randint(*rng.choice(LENGTHS)))
    codes = random_codes(np.random.default_rng(seed), shape, "int16")
    source = ArraySource(codes, make_spec(codes))
    folder = tmp_path_factory.mktemp("w")
    path = folder / "part/w.zarr"
    with pytest.MonkeyPatch.context() as patch:
        cut_small(patch, *rng.choice(SHARDS), rng.choice([2, 4]))
        whole = tree_digest(write_store(folder / "whole/w.zarr", codes, source.spec))
        n_tasks = sum(name.startswith("raw/c/") for name in whole)
        for _ in range(rng.choice([1, 1, 2])):
            n_accepted, n_ahead = rng.randint(0, n_tasks), rng.randint(0, 3)
            run_and_stop(path, source, n_accepted, n_ahead)
            lost = damage_some(rng, shards_left(path, rng.choice(["raw", "raw", "overview", "*"])))
            note(f"{shape}, {n_accepted} + {n_ahead} of {n_tasks} tasks, then {lost}")
        check_resumed(path, source, rng.choice([1, 3]), whole)


def damage_some(rng, files):
    """Damage some files, few or many or none; return what was done to which."""
    n_lost = min(len(files), rng.choice([0, 1, 1, 2, 3, rng.randint(0, len(files))]))
    lost = []
    for file in rng.sample(files, n_lost):
        damage, share_kept = rng.choice(["removed", "emptied", "cut"]), rng.random()
        damage_file(file, damage, share_kept)
        lost.append((str(file), damage, share_kept))
    return lost


def damage_file(file, damage, share_kept):
    """Leave of a file what a power cut may leave."""
    if damage == "removed":
        file.unlink()
        return
    n_kept = int(file.stat().st_size * share_kept) if damage == "cut" else 0
    with file.open("r+b") as opened:
        opened.truncate(n_kept)
