"""The journal, however it ended."""

import json

from hypothesis import given
from hypothesis import strategies as st

from pyramidion.transfer import Entry, Manifest, read_manifest
from pyramidion.transfer._manifest import document, parse_document

HEX = st.text("0123456789abcdef", min_size=32, max_size=32)
COUNTS = st.integers(0, 2**62)
ENTRIES = st.lists(
    st.builds(
        Entry,
        key=st.text(min_size=1, max_size=30).filter(lambda key: key.isprintable()),
        size=COUNTS,
        md5=HEX,
        etag=HEX | st.text(max_size=20),
        part=st.sampled_from([0, 2**24]),
        identity=st.none() | st.tuples(COUNTS, COUNTS, COUNTS, COUNTS),
        extra=st.booleans(),
    ),
    max_size=12,
)


def write(path, entries, destination="s3://b/k"):
    manifest = Manifest(path, destination)
    manifest.open()
    for entry in entries:
        manifest.put(entry)
    manifest.close()
    return manifest.dataset


@given(ENTRIES)
def test_what_was_noted_is_read(tmp_path_factory, entries):
    path = tmp_path_factory.mktemp("m") / ".x.jsonl"
    dataset = write(path, entries)
    found = read_manifest(path)
    assert (found.dataset, found.destination) == (dataset, "s3://b/k")
    assert found.entries == {entry.key: entry for entry in entries}
    again = Manifest(path, "s3://b/k")
    assert (again.dataset, set(again)) == (dataset, set(found.entries.values()))


@given(ENTRIES, st.data())
def test_torn_at_any_byte(tmp_path_factory, entries, data):
    path = tmp_path_factory.mktemp("m") / ".x.jsonl"
    dataset = write(path, entries)
    whole = path.read_bytes()
    header = whole.index(b"\n") + 1
    path.write_bytes(whole[: data.draw(st.integers(header, len(whole)))])
    n_lines = path.read_bytes().count(b"\n") - 1
    found = read_manifest(path)
    kept = [json.loads(line)["key"] for line in whole.splitlines()[1 : n_lines + 1]]
    assert (found.dataset, set(found.entries)) == (dataset, set(kept))
    last = Entry("last", 1, "0" * 32, "0" * 32)
    write(path, [last])
    assert read_manifest(path).entries == {**found.entries, "last": last}


@given(st.binary(max_size=200))
def test_any_bytes_are_a_manifest_or_none(tmp_path_factory, data):
    path = tmp_path_factory.mktemp("m") / ".x.jsonl"
    path.write_bytes(data)
    read_manifest(path)
    Manifest(path, "s3://b/k").open()


def test_other_destination_forgets_what_the_store_said(tmp_path):
    path = tmp_path / ".x.jsonl"
    dataset = write(path, [Entry("a", 1, "0" * 32, "1" * 32)])
    other = Manifest(path, "s3://other/k")
    assert other.dataset == dataset
    assert [(e.md5, e.etag) for e in other] == [("0" * 32, "")]


@given(ENTRIES)
def test_document_in_the_store(entries):
    unique = {entry.key: entry for entry in entries}
    data = document("abc", unique.values(), complete=True)
    assert json.loads(data)["dataset"] == "abc"
    told = parse_document(data, "u")
    assert {key: (e.size, e.md5, e.part) for key, e in told.entries.items()} == {
        key: (e.size, e.md5, e.part) for key, e in unique.items()
    }
    assert all(entry.identity is None for entry in told.entries.values())
