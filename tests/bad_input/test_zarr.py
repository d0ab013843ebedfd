"""Rows ZAR-* and VER-*: stores that are broken, foreign, unfinished or hostile."""

import gzip
import json
import os
import resource
import shutil
import struct
import subprocess

import numpy as np
import pytest
from tests.cli_runner import CLI, fail, run, succeed


@pytest.fixture(scope="module")
def sound(tmp_path_factory):
    """A sound store of 2 x 1 x 1 x 300,003 samples."""
    folder = tmp_path_factory.mktemp("sound")
    codes = np.random.default_rng(3).integers(-2000, 2000, (2, 1, 1, 300_003), np.int16)
    np.save(folder / "w.npy", codes)
    succeed("convert", folder / "w.npy", folder / "w.zarr")
    succeed("convert", folder / "w.npy", folder / "v2.zarr", "--zarr-format", "2")
    return folder


@pytest.fixture
def store(sound, tmp_path):
    return shutil.copytree(sound / "w.zarr", tmp_path / "w.zarr")


@pytest.fixture
def old(sound, tmp_path):
    return shutil.copytree(sound / "v2.zarr", tmp_path / "v2.zarr")


def edit(path, change):
    """Change a JSON document."""
    document = json.loads(path.read_text())
    change(document)
    path.write_text(json.dumps(document))


def in_256_mib(*arguments):
    """Run with little memory above what the idle program needs."""

    def limit():
        resource.setrlimit(resource.RLIMIT_AS, (2**30, 2**30))

    return subprocess.run([*CLI, *map(str, arguments)], capture_output=True, text=True, preexec_fn=limit, timeout=20, check=False)  # fmt: skip


def test_zar_01_a_folder_that_is_no_store(tmp_path):
    folder = tmp_path / "pictures"
    folder.mkdir()
    (folder / "a.png").write_bytes(b"\x89PNG")
    fail(
        "info",
        folder,
        status=1,
        words=["not a Zarr store", "contains: a.png", "name the store itself"],
    )
    fail("convert", folder, tmp_path / "x.h5", status=1, words="not a Zarr store")


@pytest.mark.parametrize("name", ["zarr.json", "raw/zarr.json"])
@pytest.mark.parametrize(
    ("content", "word"),
    [
        (b"", "empty"),
        (bytes(1485), "1485 zero bytes, looks like a power cut"),
        (b'{"zarr_format": 3,', "not valid JSON"),
        (b"[" * 200_000, "more than 64 levels"),
        (b'{"a": ' * 200_000, "more than 64 levels"),
        (b'{"zarr_format": 3, "zarr_format": 3}', "given twice"),
        (b"[1, 2]", "not an object"),
        (b"\xff\xfe\x00", "not valid JSON"),
    ],
)
def test_zar_02_metadata_that_is_not_json(store, name, content, word):
    (store / name).write_bytes(content)
    fail("info", store, status=1, words=["not valid JSON", word])


def test_zar_02_metadata_of_a_gigabyte(store):
    os.truncate(store / "zarr.json", 2**30)
    done = in_256_mib("info", store)
    assert done.returncode == 1
    assert "over the limit" in done.stderr


@pytest.mark.parametrize(
    ("change", "word"),
    [
        (lambda d: d.update(zarr_format=4), "Zarr format 4"),
        (lambda d: d.update(node_type="volume"), "volume"),
        (lambda d: d.update(magic={"name": "x", "must_understand": True}), "unknown field magic"),
        (lambda d: d.update(magic=1), "unknown field magic"),
    ],
)
def test_zar_03_unknown_format(store, change, word):
    edit(store / "zarr.json", change)
    fail("info", store, status=1, words=word)


def _shape(shape):
    return lambda d: d.update(shape=shape)


def _chunk(chunk):
    return lambda d: d["codecs"][0]["configuration"].update(chunk_shape=chunk)


def _shard(shard):
    return lambda d: d["chunk_grid"]["configuration"].update(chunk_shape=shard)


@pytest.mark.parametrize(
    ("change", "words"),
    [
        (_shape([2, 1, 1, -5]), "shape"),
        (_shape([2, 1, 1, 10**30]), "shape"),
        (_shape([2, 1, 1, 1.5]), "shape"),
        (_shape([2, 1, 1, "9"]), "shape"),
        (_shape([2, 1, 1, 0]), "axes"),
        (_shape(7), "shape"),
        (_shard([1, 1, 1]), "chunk"),
        (_shard([1, 1, 1, 0]), "chunk"),
        (_chunk([1, 1, 1, 0]), "chunk"),
        (_chunk([1, 1]), "chunk"),
        (_chunk([1, 1, 1, 7]), "chunk"),
    ],
)
def test_zar_04_impossible_shapes(store, change, words):
    edit(store / "raw/zarr.json", change)
    fail("info", store, status=1, words=words)


def test_zar_04_huge_chunks(store, old):
    def change(document):
        document["codecs"][0]["configuration"]["chunk_shape"] = [1, 1, 1, 2**40]
        document["chunk_grid"]["configuration"]["chunk_shape"] = [1, 1, 1, 2**40]

    edit(store / "raw/zarr.json", change)
    fail("info", store, status=1, words=["chunk 2 TiB", "limit 1 GiB"])
    edit(old / "raw/.zarray", lambda d: d.update(chunks=[1, 1, 1, 2**40]))
    fail("info", old, status=1, words=["chunk 2 TiB", "limit 1 GiB"])


def _inner(codecs):
    return lambda d: d["codecs"][0]["configuration"].update(codecs=codecs)


@pytest.mark.parametrize(
    "change",
    [
        lambda d: d.update(codecs=[{"name": "numcodecs.pickle"}]),
        lambda d: d.update(
            codecs=[{"name": "bytes", "configuration": {"endian": "little"}}, {"name": "rot13"}]
        ),
        lambda d: d.update(codecs=[]),
        lambda d: d.update(codecs="zstd"),
        _inner([{"name": "numcodecs.pickle"}]),
        _inner([{"name": "zstd"}, {"name": "bytes"}]),
        lambda d: d.update(data_type="string"),
        lambda d: d.update(data_type="complex128"),
        lambda d: d.update(data_type={"name": "x"}),
        lambda d: d.update(fill_value="red"),
    ],
)
def test_zar_05_unknown_codecs_and_types(store, change):
    edit(store / "raw/zarr.json", change)
    line = fail("info", store, status=1, words="raw")
    assert any(word in line for word in ("codec", "type", "refused", "not known"))


def test_zar_06_pickles_are_never_loaded(old, tmp_path):
    target = tmp_path / "pwned"

    class Evil:
        def __reduce__(self):
            return os.mkdir, (str(target),)

    import pickle

    (old / "raw/0.0.0.0").write_bytes(pickle.dumps(Evil()))
    edit(
        old / "raw/.zarray",
        lambda d: d.update(dtype="|O", filters=[{"id": "pickle"}], compressor=None),
    )
    fail("info", old, status=1, words="pickled objects are never loaded")
    fail("verify", old, status=1, words="pickled objects are never loaded")
    edit(old / "raw/.zarray", lambda d: d.update(dtype="<i2"))
    fail("verify", old, status=1, words="pickle")
    assert not target.exists()


def test_zar_07_broken_chunks_of_version_2(old):
    chunk = old / "raw/0.0.0.1"
    good = chunk.read_bytes()
    for bad in (
        good[:-7],
        good[:10],
        b"",
        b"\0" * 40,
        good[:4] + struct.pack("<I", 2**31) + good[8:],
    ):
        chunk.write_bytes(bad)
        fail("verify", old, status=1, words=["raw/0.0.0.1", "decode"], most_lines=2)
    fail("convert", old, old.with_name("x.npy"), status=1, words="0.0.0.1", most_lines=2)
    assert not old.with_name("x.npy").exists()


def test_zar_07_a_bomb_is_not_unpacked(old):
    edit(old / "raw/.zarray", lambda d: d.update(compressor={"id": "gzip", "level": 1}))
    bomb = gzip.compress(bytes(2**30), 9)
    for chunk in (old / "raw").glob("[01].0.0.*"):
        chunk.write_bytes(bomb)
    done = in_256_mib("verify", old)
    assert done.returncode == 1
    assert "decodes to more than 200000 B" in done.stderr
    assert len(done.stderr.splitlines()) <= 10


def test_zar_08_damaged_index(store):
    shard = store / "raw/c/0/0/0/0"
    good = shard.read_bytes()
    entries = len(good) - 4 - 16 * 10  # five chunks a channel: 300,003 samples of 65,536
    for at in (entries, entries + 15, len(good) - 1):
        bad = bytearray(good)
        bad[at] ^= 0x40
        shard.write_bytes(bad)
        fail("verify", store, status=1, words=["raw/c/0/0/0/0", "index damaged"], most_lines=2)
    shard.write_bytes(good[: len(good) // 2])
    fail("verify", store, status=1, words="index damaged", most_lines=2)


def test_zar_10_links_that_leave_the_store(store, tmp_path):
    shard = store / "raw/c/0/0/0/0"
    elsewhere = tmp_path / "elsewhere"
    shard.rename(elsewhere)
    shard.symlink_to(elsewhere)
    fail("verify", store, status=1, words="link leaves the store", most_lines=9)
    fail(
        "convert", store, tmp_path / "x.npy", status=1, words="link leaves the store", most_lines=2
    )


def test_zar_11_unfinished(store):
    shutil.move(store, store.with_name("u.zarr.partial"))
    (store.with_name("u.zarr.partial") / "zarr.json").unlink()
    fail("info", store.with_name("u.zarr"), status=1, words=["incomplete", "--resume"])
    fail("info", store.with_name("u.zarr.partial"), status=1, words="incomplete")


def test_zar_12_newer(store):
    edit(
        store / "zarr.json", lambda d: d["attributes"]["pyramidion"].update(layout=9, version="3.1")
    )
    fail("info", store, status=1, words=["written by version 3.1", "this is", "upgrade"])


@pytest.mark.parametrize(
    ("name", "value", "word"),
    [
        ("horiz_interval", 0, "above 0"),
        ("horiz_interval", "fast", "not a number"),
        ("vertical_gains", [1, 2, 3], "3 values for 2 channels"),
        ("vertical_gains", "high", "not numbers"),
        ("trigger_times", [[1]], "shape"),
    ],
)
def test_attributes_that_make_no_sense(store, name, value, word):
    edit(store / "zarr.json", lambda d: d["attributes"].update({name: value}))
    fail("info", store, status=1, words=[name, word])


def test_ver_01_any_flipped_bit_is_found(store, rng):
    files = sorted(p for p in store.rglob("*") if p.is_file())
    for path in files:
        good = path.read_bytes()
        for bit in rng.integers(0, 8 * len(good), 2):
            bad = bytearray(good)
            bad[bit // 8] ^= 1 << bit % 8
            path.write_bytes(bad)
            done = run("verify", store)
            assert done.returncode == 1, (path, bit)
            assert "Traceback" not in done.stderr
            assert len(done.stderr.splitlines()) <= 10
            if path.suffix != ".json":
                assert str(path.relative_to(store)).rpartition("/c/")[0] in done.stderr
        path.write_bytes(good)
    succeed("verify", store)


def test_ver_01_names_every_damaged_chunk(store):
    shard = store / "raw/c/0/0/0/0"
    bad = bytearray(shard.read_bytes())
    bad[100] ^= 1
    bad[150_000] ^= 1
    shard.write_bytes(bad)
    done = run("verify", store)
    assert "c/0/0/0/0 chunk 0: damaged" in done.stderr
    assert "c/0/0/0/0 chunk 1: damaged" in done.stderr
    assert "2 faults" in done.stderr


def test_ver_02_missing_shard(store):
    (store / "raw/c/0/0/0/0").unlink()
    fail("verify", store, status=1, words=["raw/c/0/0/0/0", "missing"], most_lines=2)


def test_an_overview_that_lies_is_found(sound, tmp_path):
    """A store whose checksums are right and whose overview is not: one value is off by one."""
    import zarr

    store = shutil.copytree(sound / "w.zarr", tmp_path / "w.zarr")
    group = zarr.open_group(store, mode="r+")
    level = group["overview/0"]
    values = level[...]
    values[1, 0, 0, 1, 4321] += 1
    level[...] = values
    fail(
        "verify",
        store,
        status=1,
        words=["overview/0", "bin 4321", "channel 1", "maximum"],
        most_lines=2,
    )


def test_samples_that_differ_from_the_source_are_found(store, sound, tmp_path):
    codes = np.load(sound / "w.npy")
    codes[1, 0, 0, -1] += 1
    np.save(tmp_path / "other.npy", codes)
    fail("verify", store, "--against", tmp_path / "other.npy", status=1, words=["channel 1", "differ from the source"], most_lines=2)  # fmt: skip
    succeed("verify", store, "--against", sound / "w.npy")
