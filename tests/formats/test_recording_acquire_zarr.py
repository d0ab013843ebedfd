"""The other writer: acquire-zarr."""

from __future__ import annotations

import importlib.util
import threading

import numpy as np
import pytest
import zarr
from tests.formats.recording_writing import begin, read, some_frames, stamps

from pyramidion.core import DataError, Lost, StorageError, UsageError
from pyramidion.formats._recording.acquire_zarr import AcquireZarrWriter

NONE = (None, None, None)


def test_what_it_needs(tmp_path, rng, monkeypatch):
    monkeypatch.setattr(importlib.util, "find_spec", lambda _: None)
    with pytest.raises(UsageError, match="needs acquire-zarr: pip install") as e:
        begin(tmp_path / "a", some_frames(rng, 1, (8, 8), "<u2"), writer="acquire-zarr")
    assert e.value.id == "PYR-ALL-22"
    assert not list(tmp_path.iterdir())


@pytest.mark.parametrize("codec", ["none", "lz4"])
@pytest.mark.parametrize("names", ["levels", "frames"])
@pytest.mark.parametrize(("levels", "chunk"), [("", NONE), ("mean", (4, 300, 512))])
def test_it_writes_the_same_store(tmp_path, rng, codec, names, levels, chunk):
    pytest.importorskip("acquire_zarr")
    frames = some_frames(rng, 12, (600, 1100), "<u2") // 4
    path = tmp_path / "a"
    options = {"compression": codec, "names": names, "levels": levels, "chunk": chunk}
    writer = begin(path, frames, writer="acquire-zarr", **options)
    late = threading.Thread(target=lambda: writer.write(5, frames[5:], stamps(5, 7)))
    late.start()
    writer.write(0, frames[:5], stamps(0, 5))
    late.join()
    writer.lose([Lost(12, 2, "ring")])
    assert (writer.publish(), writer.sync()) == (12, 0)
    with pytest.raises(DataError, match="expected"):
        writer.write(12, frames[:1].astype("u1"), stamps(12, 1))
    writer.finish({"a": 1})
    root = zarr.open(path)
    datasets = [d["path"] for d in root.attrs["ome"]["multiscales"][0]["datasets"]]
    assert len(datasets) == (2 if levels else 1)
    assert np.array_equal(read(path, datasets[0]), frames)
    assert root["lost"].shape == (1, 3)
    assert root.attrs["pyramidion"]["state"] == "finished"
    with pytest.raises(UsageError, match="already exists"):
        begin(path, frames, writer="acquire-zarr", resume=True)
    begin(path, frames, writer="acquire-zarr", overwrite=True).finish({})


def test_what_it_has_not_written_is_noticed(tmp_path, rng):
    pytest.importorskip("acquire_zarr")
    frames = some_frames(rng, 8, (64, 64), "<u2")
    writer = begin(tmp_path / "a", frames, writer="acquire-zarr", shard=(2, None, None))
    assert isinstance(writer, AcquireZarrWriter)
    writer.write(0, frames, stamps(0, 8))
    writer._n_written += 2
    with pytest.raises(StorageError, match="frames are missing"):
        writer.finish({})
