"""Uploading from Python, without a network: into a store in memory."""

import itertools

import numpy as np
import pytest
from tests.formats.idx_written import ArrayImage, write_idx

from pyramidion.core import PyramidionError
from pyramidion.storage import bucket_of, place
from pyramidion.workflows import ConvertOptions, SendOptions, convert, upload
from pyramidion.workflows._upload import check_free, is_there, manifest_path
from pyramidion.workflows._upload_remove import remove_local
from pyramidion.workflows._upload_source import (
    Ranks,
    destination_of,
    is_metadata,
    tree_of,
    upload_source,
)

_numbers = itertools.count()


@pytest.fixture
def lab(tmp_path):
    """A folder with a dataset of each kind."""
    (tmp_path / "scope.zarr/raw/c").mkdir(parents=True)
    (tmp_path / "scope.zarr/zarr.json").write_text("{}")
    (tmp_path / "scope.zarr/raw/zarr.json").write_text("{}")
    (tmp_path / "scope.zarr/raw/c/0").write_bytes(b"chunk")
    (tmp_path / "w.h5").write_bytes(b"data")
    voxels = np.arange(4 * 20 * 30, dtype=np.uint8).reshape(1, 1, 4, 20, 30)
    (tmp_path / "brain").mkdir()
    write_idx(tmp_path / "brain/visus.idx", ArrayImage(voxels), arco=1024)
    return tmp_path


@pytest.fixture
def bucket():
    """The address of a bucket in memory that nobody else uses."""
    return f"memory://test-{next(_numbers)}"


def keys_in(bucket):
    found = bucket_of(place(f"{bucket}/x")).objects("")
    return sorted(f.key for f in found if "manifest.json" not in f.key)


def test_each_kind_is_where_it_was_sent(lab, bucket):
    for name, key in (("scope.zarr", "a.zarr"), ("brain/visus.idx", "b/visus.idx"), ("w.h5", "c/x.h5")):  # fmt: skip
        result = upload(lab / name, place(f"{bucket}/{key}"))
        assert str(result.entry) == f"{bucket}/{key}"
        assert result.sent.sent == result.sent.objects
    keys = keys_in(bucket)
    assert keys[:3] == ["a.zarr/raw/c/0", "a.zarr/raw/zarr.json", "a.zarr/zarr.json"]
    assert "b/visus.idx" in keys
    assert any(key.startswith("b/visus/") for key in keys)
    assert keys[-1] == "c/x.h5"
    assert is_there(place(f"{bucket}/a.zarr"))
    assert is_there(place(f"{bucket}/b/visus.idx"))
    assert not is_there(place(f"{bucket}/b/other.idx"))


def test_two_datasets_of_one_folder_share_a_prefix(lab, bucket):
    voxels = np.ones((1, 1, 4, 20, 30), np.uint8)
    write_idx(lab / "brain/second.idx", ArrayImage(voxels), arco=1024)
    for name in ("visus", "second"):
        upload(lab / f"brain/{name}.idx", place(f"{bucket}/k/{name}.idx"))
    for name in ("visus", "second"):
        options = SendOptions(delete=True)
        assert upload(lab / f"brain/{name}.idx", place(f"{bucket}/k/{name}.idx"), options).sent.deleted == 0  # fmt: skip
    assert {key.split("/")[1] for key in keys_in(bucket)} == {
        "visus.idx", "visus", "second.idx", "second",
    }  # fmt: skip


def test_what_was_sent_is_noted_beside_the_dataset_or_in_the_spool(lab, monkeypatch):
    monkeypatch.setenv("PYRAMIDION_SPOOL", str(lab / "spool"))
    assert manifest_path(lab / "scope.zarr") == lab / ".scope.zarr.manifest.jsonl"
    nowhere = manifest_path(lab / "gone/scope.zarr")  # nothing can be written beside it
    assert nowhere.is_relative_to(lab / "spool")
    assert nowhere == manifest_path(lab / "gone/scope.zarr")
    assert nowhere != manifest_path(lab / "gone/other.zarr")


def test_local_files_that_changed_are_not_removed(lab):
    tree = tree_of(upload_source(lab / "scope.zarr"))
    (lab / "scope.zarr/raw/c/0").write_bytes(b"other chunk")
    with pytest.raises(PyramidionError, match="changed during upload"):
        remove_local(tree, lab / "none")
    assert sorted(p.name for p in (lab / "scope.zarr").rglob("*.json")) == [
        "zarr.json",
        "zarr.json",
    ]


def test_what_is_not_of_the_dataset_is_not_removed(lab):
    tree = tree_of(upload_source(lab / "scope.zarr"))
    (lab / "scope.zarr/raw/new").write_bytes(b"just made")
    remove_local(tree, lab / "none")
    left = [path for path in (lab / "scope.zarr").rglob("*") if path.is_file()]
    assert left == [lab / "scope.zarr/raw/new"]


def test_a_dry_run_removes_and_publishes_nothing(lab, bucket):
    options = SendOptions(dry_run=True, delete_local=True, with_viewer=True)
    result = upload(lab / "scope.zarr", place(f"{bucket}/a"), options)
    assert (result.sent.sent, result.removed, result.viewer) == (3, False, None)
    assert (lab / "scope.zarr/zarr.json").exists()
    assert keys_in(bucket) == []


def test_a_viewer_is_not_put_beside_what_it_does_not_show(lab, bucket):
    options = SendOptions(with_viewer=True)
    (lab / "plain").mkdir()
    (lab / "plain/a.txt").write_text("a")
    for name, url in (("brain/visus.idx", "k/visus.idx"), ("brain", "k"), ("plain", "k")):
        with pytest.raises(PyramidionError) as told:
            upload(lab / name, place(f"{bucket}/{url}"), options)
        assert told.value.status == 2
    assert keys_in(bucket) == []


def test_what_is_there_is_not_taken_for_free(lab, bucket):
    place_there = place(f"{bucket}/a")
    check_free(place_there, overwrite=False)
    upload(lab / "scope.zarr", place_there)
    with pytest.raises(PyramidionError, match="already exists"):
        check_free(place_there, overwrite=False)
    check_free(place_there, overwrite=True)
    check_free(place_there, overwrite=False, manifest=manifest_path(lab / "scope.zarr"))


def test_the_folder_that_a_console_shows_is_free(bucket):
    """An empty object, which is listed without the slash at its end."""
    there = place(f"{bucket}/a")
    bucket_of(there).put("a/sub", b"")
    check_free(there, overwrite=False)
    bucket_of(there).put("a/sub/x", b"data")
    with pytest.raises(PyramidionError, match="already exists"):
        check_free(there, overwrite=False)


def test_an_empty_folder(lab, bucket):
    (lab / "empty/inner").mkdir(parents=True)
    with pytest.raises(PyramidionError, match="is empty") as told:
        upload(lab / "empty", place(f"{bucket}/k"))
    assert told.value.status == 1
    assert list(bucket_of(place(f"{bucket}/k")).objects("")) == []


def test_what_is_only_of_the_same_size_there_is_not_removed_here(lab, bucket):
    (lab / "plain").mkdir()
    for name in ("a.bin", "b.bin"):
        (lab / f"plain/{name}").write_bytes(name.encode() * 100)
    url = place(f"{bucket}/k")
    bucket_of(url).put("k/a.bin", b"x" * 500)
    result = upload(lab / "plain", url, SendOptions(size_only=True, delete_local=True))
    assert (result.sent.verified, result.removed) == (2, True)
    assert bytes(bucket_of(url).get("k/a.bin")) == b"a.bin" * 100


def test_a_store_that_was_replaced_leaves_nothing_of_the_old_one(lab, bucket):
    url = place(f"{bucket}/a")
    upload(lab / "scope.zarr", url)
    (lab / "scope.zarr/raw/c/0").rename(lab / "scope.zarr/raw/c/1")
    upload(lab / "scope.zarr", url)
    assert keys_in(bucket) == ["a/raw/c/1", "a/raw/zarr.json", "a/zarr.json"]


@pytest.mark.parametrize(
    ("source", "destination", "expected"),
    [
        ("scope.zarr", "s3://lab/a/scope.zarr", "s3://lab/a/scope.zarr"),
        ("scope.zarr", "s3://lab/a/other.zarr", "s3://lab/a/other.zarr"),
        ("scope.zarr/", "s3://lab/a/", "s3://lab/a/scope.zarr"),
        ("scope.zarr", "s3://lab", "s3://lab/scope.zarr"),
        ("scope.zarr/*", "s3://lab/a/scope.zarr/", "s3://lab/a/scope.zarr"),
        ("scope.zarr", "gs://lab/a/", "gs://lab/a/scope.zarr"),
        ("brain/visus.idx", "s3://lab/a", "s3://lab/a/visus.idx"),
        ("brain/visus.idx", "s3://lab/a/", "s3://lab/a/visus.idx"),
        ("brain/visus.idx", "s3://lab/a/visus.idx", "s3://lab/a/visus.idx"),
        ("brain", "s3://lab/a/brain", "s3://lab/a/brain"),
        ("brain", "s3://lab/a/", "s3://lab/a/brain"),
        ("brain", "s3://lab/a/visus.idx", "s3://lab/a"),
        ("brain/*", "s3://lab/a/", "s3://lab/a"),
        ("brain/*", "s3://lab/", "s3://lab"),
        ("w.h5", "s3://lab/a", "s3://lab/a/w.h5"),
        ("w.h5", "s3://lab/a/", "s3://lab/a/w.h5"),
        ("w.h5", "s3://lab/a/x.h5", "s3://lab/a/x.h5"),
        ("w.h5", "s3://lab", "s3://lab/w.h5"),
    ],
)
def test_where_it_goes(lab, source, destination, expected):
    named = source.rpartition("/*")[0] or source
    found = upload_source(f"{lab}/{source}")
    assert found.path == lab / named
    assert str(destination_of(found, destination)) == expected


@pytest.mark.parametrize(
    ("source", "destination", "number", "words"),
    [
        ("scope.zarr", "/tmp/a", "PYR-UPL-16", "s3://BUCKET/KEY"),
        ("scope.zarr", "https://example.org/a", "PYR-UPL-43", "only read"),
        ("scope.zarr", "ftp://lab/a", "PYR-UPL-16", "ftp"),
        ("scope.zarr", "s3://", "PYR-UPL-16", "names no bucket"),
        ("scope.zarr", "s3://lab/a/visus.idx", "PYR-UPL-30", "visus.idx"),
        ("brain/visus.idx", "s3://lab/a/brain.idx", "PYR-UPL-30", "brain.idx"),
        ("s3://lab/a", "s3://lab/b", "PYR-UPL-16", "in a store already"),
    ],
)
def test_what_cannot_be_meant(lab, source, destination, number, words):
    with pytest.raises(PyramidionError) as told:
        destination_of(upload_source(source if "://" in source else f"{lab}/{source}"), destination)
    assert told.value.id == number
    assert told.value.status == 2
    assert words in told.value.line


def test_a_dataset_that_is_not_there(lab):
    (lab / "half.zarr.partial").mkdir()
    for name, number in (("gone.zarr", "PYR-ALL-03"), ("half.zarr", "PYR-UPL-10")):
        with pytest.raises(PyramidionError) as told:
            upload_source(lab / name)
        assert (told.value.id, told.value.status) == (number, 1)


def test_the_blocks_of_an_idx_belong_to_it(lab):
    (lab / "brain/notes.txt").write_text("not of the dataset")
    assert upload_source(lab / "brain/visus.idx").parts() == [
        lab / "brain/visus.idx",
        lab / "brain/visus",
    ]
    assert upload_source(lab / "brain").parts() == [lab / "brain"]


@pytest.mark.parametrize(
    ("template", "names"),
    [("./visus/%04x.bin", ["visus"]), ("$(CurrentFileDirectory)/.b/%02x/%02x.bin", [".b"])],
)
def test_the_blocks_of_a_modvisus_dataset(tmp_path, template, names):
    voxels = np.arange(4 * 20 * 30, dtype=np.uint8).reshape(1, 1, 4, 20, 30)
    header = write_idx(tmp_path / "visus.idx", ArrayImage(voxels), arco=0)
    text = header.read_text()
    old = text.split("(filename_template)\n")[1].split("\n")[0]
    header.write_text(text.replace(old, template))
    for name in names:
        (tmp_path / name).mkdir(exist_ok=True)
    assert [part.name for part in upload_source(header).parts()] == ["visus.idx", *names]


def test_blocks_without_a_folder_of_their_own(tmp_path):
    voxels = np.arange(4 * 20 * 30, dtype=np.uint8).reshape(1, 1, 4, 20, 30)
    header = write_idx(tmp_path / "visus.idx", ArrayImage(voxels), arco=0)
    text = header.read_text()
    old = text.split("(filename_template)\n")[1].split("\n")[0]
    header.write_text(text.replace(old, "./%02x/%02x.bin"))
    (tmp_path / "00").mkdir()
    assert [p.name for p in upload_source(header).parts()] == ["visus.idx", "00", "visus"]


def test_what_is_published_last(lab):
    ranks = Ranks(lab)
    assert ranks("scope.zarr/raw/c/0/0") == 0
    assert ranks("scope.zarr/raw/zarr.json") == 1
    assert ranks("scope.zarr/zarr.json") == 2
    assert ranks("brain/visus.idx") == 2
    assert Ranks(lab / "scope.zarr")("zarr.json") == 2
    assert Ranks(lab / "scope.zarr")("raw/zarr.json") == 1
    assert ranks("scope.zarr/.zattrs") == 1  # nobody looks for it without the others
    assert ranks("w.h5") == 0
    assert is_metadata("a/.zarray")
    assert not is_metadata("a/zarr.json/0")


@pytest.mark.parametrize(
    ("options", "words"),
    [
        ({"compression": "zip"}, ""),
        ({"compression": "lz4"}, "read zeros: `pyramidion compress"),
        ({"arco": 0}, "mod_visus server only"),
    ],
)
def test_what_openvisus_cannot_read_there_is_told(tmp_path, bucket, options, words):
    np.save(tmp_path / "v.npy", np.arange(20 * 30 * 40, dtype=np.uint16).reshape(20, 30, 40))
    how = ConvertOptions(kind="image", **options)
    convert(tmp_path / "v.npy", tmp_path / "visus.idx", how)
    notes = upload(tmp_path / "visus.idx", place(f"{bucket}/k/visus.idx")).notes
    assert words in " ".join(notes)
    assert bool(notes) == bool(words)
