"""What is sent, what is not sent again, and in which order."""

import os
from dataclasses import replace

import pytest
from tests.transfer.trees import QUICK, ROOT, make_store, send

from pyramidion.core import DataError, PyramidionError, UsageError
from pyramidion.storage import place
from pyramidion.transfer import (
    ExtraFile,
    LocalTree,
    Uploader,
    UploadOptions,
    read_manifest,
    read_stored_manifest,
    scan_tree,
    upload_tree,
    verify_tree,
)


@pytest.fixture
def folder(tmp_path):
    return tmp_path / "x.zarr"


def test_arrives_as_it_is(folder, remote):
    contents, there = make_store(folder), remote()
    report = send(folder, there.destination)
    assert there.stored() == contents
    assert (report.sent, report.unchanged, report.retries) == (len(contents), 0, 0)
    assert report.bytes_sent == report.bytes_total == sum(map(len, contents.values()))


def test_index_after_data(folder, remote):
    make_store(folder)
    there = remote()
    send(folder, there.destination)
    keys = [key for method, key in there.order() if method == "PUT"]
    assert keys[0] == keys[-2] == ".manifest.json"
    assert keys[-1] == ROOT
    assert set(keys[-4:-2]) == {"0/zarr.json", "1/zarr.json"}
    assert not any(key.endswith(ROOT) for key in keys[:-4])


def test_again_sends_nothing(folder, remote):
    make_store(folder)
    send(folder, remote().destination)
    there = remote()
    report = send(folder, there.destination)
    assert there.order() == []
    assert (report.sent, report.bytes_sent) == (0, 0)
    lists = [e for e in there.proxy.log if "list-type" in e.request.target]
    assert len(lists) == 1


def test_again_without_journal_compares_by_checksum(folder, remote, tmp_path):
    make_store(folder)
    send(folder, remote().destination)
    journal = tmp_path / ".x.zarr.manifest.jsonl"
    kept = journal.read_bytes().split(b"\n")[0]
    journal.write_bytes(kept + b"\n")  # the id is known, nothing else
    there = remote()
    assert send(folder, there.destination).unchanged == 15
    assert there.puts() == {}


@pytest.mark.parametrize("manifest", [True, False])
@pytest.mark.parametrize("old_date", [True, False])
def test_same_size_other_content_is_sent(folder, remote, manifest, old_date, tmp_path):
    """UPL-09."""
    make_store(folder)
    send(folder, remote().destination)
    path = folder / "0" / "c" / "1" / "0"
    before = path.stat()
    data = bytearray(path.read_bytes())
    data[7] ^= 1
    path.write_bytes(data)
    if old_date:
        os.utime(path, ns=(before.st_atime_ns, before.st_mtime_ns))
    if not manifest:
        journal = tmp_path / ".x.zarr.manifest.jsonl"
        journal.write_bytes(journal.read_bytes().split(b"\n")[0] + b"\n")
    there = remote()
    report = send(folder, there.destination)
    assert there.stored()["0/c/1/0"] == data
    assert "0/c/1/0" in there.puts()
    assert not any("c/" in key for key in set(there.puts()) - {"0/c/1/0"})
    assert report.sent - 1 <= 3  # the documents that were taken away meanwhile


def test_size_only_is_asked_for(folder, remote):
    make_store(folder)
    send(folder, remote().destination)
    path = folder / "0" / "c" / "1" / "0"
    path.write_bytes(bytes(path.stat().st_size))
    there = remote()
    assert send(folder, there.destination, replace(QUICK, size_only=True)).sent == 0
    assert there.order() == []


def test_changed_dataset_is_hidden_first(folder, remote):
    make_store(folder)
    send(folder, remote().destination)
    make_store(folder, seed=1)
    there = remote()
    send(folder, there.destination)
    order = there.order()
    deletes = [n for n, (method, _) in enumerate(order) if method in ("POST", "DELETE")]
    puts = [n for n, (method, key) in enumerate(order) if method == "PUT" and "/c/" in key]
    assert len(deletes) == 2  # the root alone first, then what it leads to
    assert max(deletes) < min(puts)
    assert order[-1] == ("PUT", ROOT)


def test_one_document_changes_in_place(folder, remote):
    make_store(folder)
    send(folder, remote().destination)
    (folder / ROOT).write_bytes(b'{"node_type": "group", "attributes": {"a": 1}}')
    there = remote()
    send(folder, there.destination)
    assert [key for _, key in there.order()] == [".manifest.json", ROOT]


def test_what_an_earlier_version_left_is_removed(folder, remote):
    contents = make_store(folder, n_chunks=12)
    send(folder, remote().destination)
    gone = [key for key in contents if key.startswith("1/c/")]
    for key in gone:
        (folder / key).unlink()
    there = remote()
    there.server.put(there.bucket, {"x.zarr/notes.txt": b"mine"})
    report = send(folder, there.destination)
    assert report.deleted == len(gone) > 0
    assert there.stored() == {
        "notes.txt": b"mine", **{k: v for k, v in contents.items() if k not in gone}
    }  # fmt: skip


def test_delete_removes_what_is_not_in_the_dataset(folder, remote):
    contents, there = make_store(folder), remote()
    send(folder, there.destination)
    there.server.put(there.bucket, {"x.zarr/notes.txt": b"mine", "x.zarr2/a": b"other"})
    report = send(folder, remote().destination, replace(QUICK, delete=True))
    assert (report.deleted, there.stored()) == (1, contents)
    assert there.server.get(there.bucket, "x.zarr2/a") == b"other"


def test_dry_run_changes_nothing(folder, remote, tmp_path):
    contents, there = make_store(folder), remote()
    report = send(folder, there.destination, replace(QUICK, dry_run=True))
    assert (report.sent, report.dry_run) == (len(contents), True)
    assert report.bytes_sent == sum(map(len, contents.values()))
    assert there.order() == []
    assert [path.name for path in tmp_path.iterdir() if path.name != "home"] == ["x.zarr"]


def test_other_dataset_is_refused(tmp_path, remote):
    """UPL-11."""
    first, second = tmp_path / "a" / "x.zarr", tmp_path / "b" / "x.zarr"
    contents, others = make_store(first), make_store(second, n_chunks=8, seed=1)
    there = remote()
    send(first, there.destination)
    with pytest.raises(UsageError, match="holds another dataset") as caught:
        send(second, there.destination)
    assert caught.value.id == "PYR-UPL-11"
    assert there.stored() == contents
    send(second, there.destination, replace(QUICK, overwrite=True))
    assert there.stored() == others
    with pytest.raises(UsageError, match="holds another dataset"):
        send(first, there.destination)


def test_objects_of_other_programs(folder, remote):
    """Objects of the same keys are compared; others make the place another dataset's."""
    contents, there = make_store(folder), remote()
    there.server.put(there.bucket, {f"x.zarr/{key}": data for key, data in contents.items()})
    assert send(folder, there.destination).sent == 0
    there.server.put(there.bucket, {"y.zarr/c/9": b"1"})
    with pytest.raises(UsageError, match="holds another dataset"):
        send(folder, place(f"s3://{there.bucket}/y.zarr"), manifest=False)


def test_two_at_once_are_never_mixed(tmp_path, remote):
    """Both have looked at the empty place; the claim of the second is refused."""
    first, second = tmp_path / "a" / "x.zarr", tmp_path / "b" / "x.zarr"
    contents = make_store(first)
    make_store(second, seed=1)
    there = remote()
    tree = scan_tree(first)
    with Uploader(there.destination, QUICK, expected=set(contents)) as uploader:
        uploader.send(next(file for file in tree.files if not file.wave))
        uploader.drain()
        with pytest.raises(UsageError, match="holds another dataset"):
            send(second, there.destination)
        uploader.finish(tree)
    assert there.stored() == contents


def test_place_taken_meanwhile_is_not_published(tmp_path, remote):
    first, second = tmp_path / "a" / "x.zarr", tmp_path / "b" / "x.zarr"
    make_store(first)
    others, there = make_store(second, seed=1), remote()
    with Uploader(there.destination, QUICK) as uploader:
        send(second, there.destination, replace(QUICK, overwrite=True))
        with pytest.raises(UsageError, match="holds another dataset"):
            uploader.finish(scan_tree(first))
    assert ROOT not in there.stored() or there.stored()[ROOT] == others[ROOT]


def test_change_during_upload(folder, remote):
    """UPL-10: between looking and reading, and after reading."""
    make_store(folder)
    there, tree = remote(), scan_tree(folder)
    (folder / "0" / "c" / "2" / "0").write_bytes(b"shorter")
    with pytest.raises(DataError, match="changed during upload") as caught:
        upload_tree(tree, there.destination, QUICK)
    assert caught.value.id == "PYR-UPL-10"
    assert ROOT not in there.stored()


def test_change_after_it_was_sent(folder, remote):
    make_store(folder)
    there, tree = remote(), scan_tree(folder)
    path = folder / "0" / "c" / "2" / "0"

    def change_late(done, total):
        if done > total * 0.9:
            path.write_bytes(bytes(path.stat().st_size))

    with pytest.raises(DataError, match="changed during upload"):
        upload_tree(tree, there.destination, QUICK, change_late)
    assert ROOT not in there.stored()


def test_verify_reads_back_before_publishing(folder, remote):
    contents, there = make_store(folder), remote()
    report = send(folder, there.destination, replace(QUICK, verify=True))
    assert report.verified == len(contents)
    there.server.put(there.bucket, {"x.zarr/0/c/1/0": contents["0/c/1/0"][::-1]})
    manifest = read_stored_manifest(there.destination)
    found = verify_tree(there.destination, manifest.entries.values())
    assert (found.differs, found.missing, found.objects) == (["0/c/1/0"], [], len(contents))
    there.server.client().delete_object(Bucket=there.bucket, Key="x.zarr/0/c/2/0")
    found = verify_tree(there.destination, manifest.entries.values())
    assert (found.differs, found.missing) == (["0/c/1/0"], ["0/c/2/0"])


def test_stored_manifest_tells_all_and_no_secret(folder, remote, tmp_path):
    contents, there = make_store(folder), remote()
    report = send(folder, there.destination)
    told = read_stored_manifest(there.destination)
    assert told.dataset == report.dataset
    assert told.complete
    assert {k: e.size for k, e in told.entries.items()} == {k: len(v) for k, v in contents.items()}
    kept = read_manifest(tmp_path / ".x.zarr.manifest.jsonl")
    assert {k: e.md5 for k, e in told.entries.items()} == {
        k: e.md5 for k, e in kept.entries.items() if not e.extra
    }
    stored = there.server.get(there.bucket, "x.zarr/.manifest.json")
    journal = (tmp_path / ".x.zarr.manifest.jsonl").read_bytes()
    for secret in (there.server.secret_key, there.server.access_key, str(tmp_path)):
        assert secret.encode() not in stored + journal


def test_extra_files_lie_beside_the_dataset(folder, remote):
    contents, there = make_store(folder), remote()
    page = ExtraFile("index.html", b"<!doctype html>")
    send(folder, there.destination, replace(QUICK, extra=[page]))
    assert there.stored() == {**contents, "index.html": page.data}
    head = there.server.client().head_object(Bucket=there.bucket, Key="x.zarr/index.html")
    assert head["ContentType"] == "text/html; charset=utf-8"
    send(folder, there.destination)
    assert "index.html" in there.stored()


def test_parts_of_a_folder(tmp_path, remote):
    """An IDX and its blocks, beside another one."""
    for name in ("a", "b"):
        (tmp_path / name).mkdir()
        (tmp_path / name / "0.bin").write_bytes(name.encode() * 900)
        (tmp_path / f"{name}.idx").write_text(name)
    there = remote()
    for name in ("a", "b"):
        parts = [tmp_path / f"{name}.idx", tmp_path / name]
        tree = scan_tree(tmp_path, parts=parts)
        upload_tree(tree, there.destination, QUICK, manifest_path=tmp_path / f".{name}.jsonl")
        found = read_stored_manifest(there.destination / f"{name}.idx")
        assert set(found.entries) == {f"{name}.idx", f"{name}/0.bin"}
    assert set(there.stored()) == {"a.idx", "a/0.bin", "b.idx", "b/0.bin"}


def test_large_files_go_in_parts(tmp_path, remote, rng):
    folder = tmp_path / "x.zarr"
    contents = make_store(folder, n_chunks=2)
    contents["0/c/big"] = rng.bytes(13 * 2**20 + 5)
    (folder / "0/c/big").write_bytes(contents["0/c/big"])
    options, told = replace(QUICK, bytes_in_flight=8 * 2**20), []
    there = remote()
    send(
        folder, there.destination, options, progress=lambda done, total: told.append((done, total))
    )
    assert there.stored() == contents
    total = sum(map(len, contents.values()))
    assert told[-1] == (total, total)
    assert [done for done, _ in told] == sorted(done for done, _ in told)
    assert there.puts()["0/c/big"] == 3
    entry = read_manifest(tmp_path / ".x.zarr.manifest.jsonl").entries["0/c/big"]
    assert (entry.md5.endswith("-3"), entry.part) == (True, 5 * 2**20)
    again = remote()
    assert send(folder, again.destination).sent == 0
    found = verify_tree(again.destination, read_stored_manifest(again.destination).entries.values())
    assert (found.missing, found.differs) == ([], [])


def test_released_files(folder, remote, tmp_path):
    contents, there = make_store(folder), remote()
    with Uploader(there.destination, QUICK, tmp_path / ".m.jsonl") as uploader:
        for file in scan_tree(folder).files:
            uploader.send(file)
        uploader.drain()
        arrived = uploader.take_arrived()
        assert {file.key for file in arrived} == {k for k in contents if "/c/" in k}
        assert uploader.unsent_bytes == 0
        assert there.puts().keys() == {file.key for file in arrived}
        keys = {file.key for file in arrived}
        for file in arrived:
            file.path.write_bytes(bytes(file.size))
        tree = scan_tree(folder)
        files = [replace(file, released=file.key in keys) for file in tree.files]
        uploader.finish(replace(tree, files=files))
    assert there.stored() == contents
    assert set(there.puts().values()) == {1}


def test_released_file_that_is_not_there_is_an_error(folder, remote):
    make_store(folder)
    there, tree = remote(), scan_tree(folder)
    files = [replace(file, released=file.wave == 0) for file in tree.files]
    with pytest.raises(PyramidionError, match="given back"):
        upload_tree(LocalTree(folder, files), there.destination, QUICK)
    assert ROOT not in there.stored()


def test_file_that_was_renamed_before_it_could_be_read_is_sent_at_the_end(tmp_path, remote):
    contents = make_store(tmp_path / "x.zarr.partial")
    there, tree = remote(), scan_tree(tmp_path / "x.zarr.partial")
    (tmp_path / "x.zarr.partial").rename(tmp_path / "x.zarr")
    with Uploader(there.destination, QUICK) as uploader:
        for file in tree.files:
            uploader.send(file)
        uploader.drain()
        assert uploader.take_arrived() == []
        uploader.finish(scan_tree(tmp_path / "x.zarr"))
    assert there.stored() == contents


def test_second_process_on_one_dataset_is_refused(folder, remote, tmp_path):
    make_store(folder)
    journal = tmp_path / ".x.zarr.manifest.jsonl"
    with (
        Uploader(remote().destination, QUICK, journal),
        pytest.raises(PyramidionError, match="in use by process"),
    ):
        send(folder, remote().destination)


def test_without_credentials(folder, remote, monkeypatch):
    """UPL-01."""
    make_store(folder)
    there = remote()
    monkeypatch.delenv("AWS_ACCESS_KEY_ID")
    monkeypatch.delenv("AWS_SECRET_ACCESS_KEY")
    with pytest.raises(UsageError, match="no credentials for bucket"):
        send(folder, there.destination)
    assert there.proxy.log == []


def test_in_memory(folder):
    """A store whose tags are no checksums: the journal tells what is there."""
    contents, destination = make_store(folder), place("memory://transfer/x.zarr")
    assert send(folder, destination, UploadOptions(verify=True)).sent == len(contents)
    assert {key: (destination / key).read_bytes() for key in contents} == contents
    report = send(folder, destination)
    assert (report.sent, report.unchanged) == (0, len(contents))
