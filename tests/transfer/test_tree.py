"""What belongs to a dataset and what cannot be sent."""

import os

import pytest
from tests.transfer.trees import make_store

from pyramidion.core import PyramidionError
from pyramidion.transfer import scan_tree


@pytest.fixture
def folder(tmp_path):
    make_store(tmp_path / "x.zarr", n_chunks=4)
    return tmp_path / "x.zarr"


def refused(folder, words, identifier):
    with pytest.raises(PyramidionError, match=words) as caught:
        scan_tree(folder)
    assert caught.value.id == identifier
    assert caught.value.status == 1


def test_waves(folder):
    waves = {file.key: file.wave for file in scan_tree(folder).files}
    assert waves["zarr.json"] == 2
    assert waves["0/zarr.json"] == 1
    assert waves["0/c/0/0"] == 0


def test_leftovers_are_left_out(folder):
    before = [file.key for file in scan_tree(folder).files]
    for name in (".plan.json", ".0.123.part", ".x.lock", ".y.manifest.jsonl", ".manifest.json"):
        (folder / name).touch()
    (folder / ".tasks" / "0").mkdir(parents=True)
    (folder / ".tasks" / "0" / "1.json").touch()
    assert [file.key for file in scan_tree(folder).files] == before


def test_link_that_leaves_the_dataset(folder):
    """UPL-13."""
    (folder / "0/c/9").symlink_to("/etc/hostname")
    refused(folder, "link leaves the dataset", "PYR-UPL-13")


def test_linked_folder_that_leaves_the_dataset(folder):
    (folder / "2").symlink_to("/etc")
    refused(folder, "link leaves the dataset", "PYR-UPL-13")


def test_link_within_the_dataset_is_followed(folder):
    (folder / "0/c/9").symlink_to(folder / "0/c/0/0")
    file = next(file for file in scan_tree(folder).files if file.key == "0/c/9")
    assert file.size == 3000


def test_pipe(folder):
    os.mkfifo(folder / "0/c/9")
    refused(folder, "not a regular file", "PYR-UPL-13")


def test_dangling_link(folder):
    (folder / "0/c/9").symlink_to("nowhere")
    refused(folder, "link to a missing file", "PYR-ALL-19")


def test_long_key(folder):
    """UPL-14."""
    deep = folder.joinpath(*["n" * 200] * 6)
    deep.mkdir(parents=True)
    (deep / "c").touch()
    refused(folder, "key: too long", "PYR-UPL-14")


def test_file_that_no_store_takes(folder):
    with (folder / "0/c/9").open("wb") as file:
        file.truncate(5 * 2**40 + 1)
    refused(folder, "too large", "PYR-UPL-14")


@pytest.mark.parametrize("name", [b"a\nb", b"a\x7f", b"\xff\xfe"])
def test_names_that_are_no_keys(folder, name):
    try:
        (folder / os.fsdecode(name)).touch()
    except OSError:
        pytest.skip("the file system refuses this name")
    refused(folder, "key: ", "PYR-UPL-14")
