"""Rows ZAR-* for images: OME metadata and stores that are broken, foreign, unfinished or hostile."""

import copy
import json
import os
import shutil
import struct
from contextlib import suppress

import numpy as np
import pytest
import zarr

from pyramidion.core import (
    Box,
    DataError,
    ImageSpec,
    IncompleteError,
    PyramidionError,
    UsageError,
    image_axes,
)
from pyramidion.formats import OpenOptions, WriteOptions, kind_of_source, open_image
from pyramidion.formats.zarr import FORMAT

SHAPE = (2, 1, 3, 600, 40)
DELETED = object()


def write(path, shape=SHAPE, **options):
    voxels = np.random.default_rng(3).integers(0, 2**16, shape, np.uint16)
    spec = ImageSpec(image_axes(shape, (2, 1, 1), "um"), voxels.dtype, present="tzyx")
    sink = FORMAT.create_image(path, [spec], WriteOptions(**options))
    for task in range(len(sink.tasks)):
        sink.work(task, [lambda box: voxels[box.slices]])
    try:
        sink.commit()
    finally:
        sink.abort()
    return path


@pytest.fixture(scope="module")
def sound(tmp_path_factory):
    return write(tmp_path_factory.mktemp("sound") / "i.ome.zarr")


@pytest.fixture
def store(sound, tmp_path):
    return shutil.copytree(sound, tmp_path / "i.ome.zarr")


def edit(path, change):
    document = json.loads(path.read_text())
    change(document)
    path.write_text(json.dumps(document))


def read_all(path):
    with open_image(path) as source:
        for k, level in enumerate(source.levels):
            source.read(Box.whole(level.shape), k)


def line_of(path, kind=DataError):
    with pytest.raises(kind) as told:
        read_all(path)
    assert "\n" not in told.value.line
    return told.value.line


def ome(change):
    """A change of the first multiscale."""
    return lambda d: change(d["attributes"]["ome"]["multiscales"][0])


@pytest.mark.parametrize("name", ["0/zarr.json", "1/zarr.json"])
@pytest.mark.parametrize(
    ("content", "word"),
    [
        (b"", "empty"),
        (bytes(1485), "1485 zero bytes, looks like a power cut"),
        (b'{"zarr_format": 3,', "not valid JSON"),
        (b"[" * 200_000, "more than 64 levels"),
        (b'{"zarr_format": 3, "zarr_format": 3}', "given twice"),
    ],
)
def test_zar_02_metadata_that_is_not_json(store, name, content, word):
    (store / name).write_bytes(content)
    line = line_of(store)
    assert "not valid JSON" in line
    assert word in line


def test_zar_02_a_root_that_is_not_json(store):
    (store / "zarr.json").write_bytes(bytes(99))
    assert kind_of_source(store) == "waveform"  # it says nothing
    assert "99 zero bytes" in line_of(store)


@pytest.mark.parametrize(
    ("change", "word"),
    [
        (lambda d: d.update(zarr_format=4), "Zarr format 4"),
        (lambda d: d.update(node_type="volume"), "volume"),
        (lambda d: d.update(magic=1), "unknown field magic"),
        (lambda d: d["attributes"]["ome"].update(version="0.6"), "OME-Zarr 0.6 not supported"),
    ],
)
def test_zar_03_unknown_format(store, change, word):
    edit(store / "zarr.json", change)
    assert word in line_of(store)


def test_zar_04_impossible_shapes(store):
    for change, word in (
        (lambda d: d.update(shape=[2, 3, 600, -1]), "shape"),
        (lambda d: d.update(shape=[2, 3, 10**30, 40]), "shape"),
        (lambda d: d.update(shape=[2, 3, 0, 40]), "empty"),
        (lambda d: d["chunk_grid"]["configuration"].update(chunk_shape=[2, 3, 0, 40]), "chunk"),
        (lambda d: d["codecs"][0]["configuration"].update(chunk_shape=[1, 1, 2**40, 40]), "chunk"),
    ):
        good = (store / "0/zarr.json").read_bytes()
        edit(store / "0/zarr.json", change)
        assert word in line_of(store)
        (store / "0/zarr.json").write_bytes(good)


def test_zar_05_and_06_codecs_that_could_run_code(store, tmp_path):
    edit(store / "0/zarr.json", lambda d: d.update(codecs=[{"name": "numcodecs.pickle"}]))
    assert "codec numcodecs.pickle refused" in line_of(store)
    array = zarr.create_array(tmp_path / "a.zarr", shape=(4, 5), dtype="u1", zarr_format=2)
    array[...] = 7
    edit(tmp_path / "a.zarr/.zarray", lambda d: d.update(dtype="|O", filters=[{"id": "pickle"}]))
    assert "pickled objects are never loaded" in line_of(tmp_path / "a.zarr")


def test_zar_07_and_08_damage(store):
    shard = store / "0/c/0/0/0/0"
    good = shard.read_bytes()
    for at, word in ((20, "damaged"), (len(good) - 6, "index damaged")):
        bad = bytearray(good)
        bad[at] ^= 0x10
        shard.write_bytes(bad)
        assert word in line_of(store)
    shard.write_bytes(good[: len(good) // 2])
    assert "index damaged" in line_of(store)
    shard.unlink()
    assert "missing" in line_of(store)


def test_zar_07_a_bomb_in_an_array_without_shards(tmp_path):
    array = zarr.create_array(
        tmp_path / "a.zarr", shape=(40, 50), chunks=(40, 50), dtype="u1",
        compressors=zarr.codecs.BloscCodec(cname="lz4", typesize=1),
    )  # fmt: skip
    array[...] = 7
    chunk = tmp_path / "a.zarr/c/0/0"
    good = chunk.read_bytes()
    chunk.write_bytes(good[:4] + struct.pack("<I", 2**30) + good[8:])
    assert "decodes to more than 2000 B" in line_of(tmp_path / "a.zarr")
    chunk.write_bytes(good[:9])
    assert "does not decode" in line_of(tmp_path / "a.zarr")


@pytest.mark.parametrize(
    "path", ["../../x", "/etc", "..", "0/../../x", "http://a.b/c", "s3://b/k", "C:x", "a\\..\\b", ".", ""]
)  # fmt: skip
def test_zar_09_paths_that_leave_the_store(store, path):
    edit(store / "zarr.json", ome(lambda m: m["datasets"][0].update(path=path)))
    line = line_of(store)
    assert "multiscales path" in line
    assert not path or f"multiscales path leaves the store ({path})" in line


@pytest.mark.parametrize(
    ("change", "word"),
    [
        (lambda m: m.update(axes=m["axes"][1:]), "3 numbers needed"),
        (lambda m: m.update(axes=[{"name": n} for n in "tzyw"]), "axis w not known"),
        (lambda m: m.update(axes=[{"name": n} for n in "tzyy"]), "each axis once"),
        (lambda m: m.update(axes="tzyx"), "axes"),
        (lambda m: m.update(datasets=[]), "datasets"),
        (lambda m: m["datasets"].append({**m["datasets"][0], "path": "7"}), "level 7 is missing"),
        (lambda m: m["datasets"].reverse(), "larger than level 0"),
        (lambda m: m["datasets"][0].update(coordinateTransformations=[{"type": "scale", "scale": [1, 1, 0, 1]}]), "above 0"),
        (lambda m: m["datasets"][0].update(coordinateTransformations=[{"type": "rotation"}]), "rotation not supported"),
    ],
)  # fmt: skip
def test_zar_09_metadata_that_disagree(store, change, word):
    edit(store / "zarr.json", ome(change))
    assert word in line_of(store)


def test_zar_09_axes_of_another_number_than_the_shape(store):
    def change(multiscale):
        multiscale["axes"].pop(0)
        for dataset in multiscale["datasets"]:
            dataset.pop("coordinateTransformations")

    edit(store / "zarr.json", ome(change))
    assert "3 axes named" in line_of(store)


@pytest.mark.parametrize("inner", ["0", "0/c", "0/zarr.json"])
def test_zar_10_links_that_leave_the_store(store, tmp_path, inner):
    (store / inner).rename(tmp_path / "elsewhere")
    (store / inner).symlink_to(tmp_path / "elsewhere")
    assert "link leaves the store" in line_of(store)
    assert not FORMAT.owns(store)


def test_zar_10_links_in_arrays_without_shards(tmp_path):
    for zarr_format, key in ((3, "c/0/0"), (2, "0.0")):
        path = tmp_path / f"a{zarr_format}.zarr"
        array = zarr.create_array(path, shape=(4, 5), dtype="u1", zarr_format=zarr_format)
        array[...] = 7
        (path / key).rename(tmp_path / f"elsewhere{zarr_format}")
        (path / key).symlink_to(tmp_path / f"elsewhere{zarr_format}")
        assert "link leaves the store" in line_of(path)


def test_zar_11_unfinished(store, tmp_path):
    shutil.move(store, tmp_path / "u.ome.zarr.partial")
    (tmp_path / "u.ome.zarr.partial/zarr.json").unlink()
    line = line_of(tmp_path / "u.ome.zarr", IncompleteError)
    assert "incomplete" in line
    assert "--resume" in line
    n_shards = sum(1 for p in (tmp_path / "u.ome.zarr.partial").rglob("c/*/*/*/*"))
    assert f"{n_shards} shards stored" in line


def test_zar_11_a_commit_before_the_end(tmp_path):
    spec = ImageSpec(image_axes(SHAPE), np.dtype("u2"))
    sink = FORMAT.create_image(tmp_path / "i.ome.zarr", [spec], WriteOptions())
    with pytest.raises(IncompleteError, match="incomplete"):
        sink.commit()
    sink.abort()
    sink.abort()
    assert not (tmp_path / "i.ome.zarr").exists()


def test_zar_12_newer(store):
    edit(store / "zarr.json", lambda d: d["attributes"]["pyramidion"].update(layout=9, version="3.1"))  # fmt: skip
    line = line_of(store)
    assert "written by version 3.1, this is" in line
    assert "upgrade" in line


def test_all_06_and_07_what_may_be_replaced(store, tmp_path):
    write(store, (1, 1, 2, 30, 40), overwrite=True)
    with open_image(store) as source:
        assert source.spec.shape == (1, 1, 2, 30, 40)
    (store / "notes.txt").write_text("mine")
    with pytest.raises(UsageError, match="refusing to replace"):
        write(store, overwrite=True)
    assert (store / "notes.txt").read_text() == "mine"
    home = tmp_path / "home.zarr"
    home.mkdir()
    (home / "thesis.txt").write_text("mine")
    with pytest.raises(UsageError, match="refusing to replace"):
        write(home, overwrite=True)


def parts(value, path=()):
    if path:
        yield path
    for key, part in value.items() if isinstance(value, dict) else enumerate(value):
        if isinstance(part, dict | list):
            yield from parts(part, (*path, key))
        else:
            yield (*path, key)


def changed(document, path, value):
    document = copy.deepcopy(document)
    at = document
    for key in path[:-1]:
        at = at[key]
    if value is DELETED:
        del at[path[-1]]
    else:
        at[path[-1]] = value
    return document


@pytest.mark.filterwarnings("ignore")  # what zarr-python says about arrays that are not ours
@pytest.mark.parametrize("name", ["zarr.json", "0/zarr.json"])
def test_any_part_of_any_document_replaced_or_deleted(store, name):
    file = store / name
    document = json.loads(file.read_bytes())
    for path in parts(document):
        if path[0] == "consolidated_metadata":
            continue  # read by nobody here
        for value in (None, -1, 1.5, "x", [], {}, True, 10**400, DELETED):
            file.write_text(json.dumps(changed(document, path, value)))
            kind_of_source(store)
            with suppress(PyramidionError):
                read_all(store)


def test_a_pipe_in_the_place_of_a_chunk(store):
    shard = store / "0/c/0/0/0/0"
    shard.unlink()
    os.mkfifo(shard)
    assert "not a regular file" in line_of(store)


def test_a_level_for_which_options_make_no_sense(store):
    with pytest.raises(UsageError, match="--axes"):
        open_image(store, OpenOptions(axes="z,y,x"))
