"""The catalogue: which datasets are found, and names that try to be more than text."""

from __future__ import annotations

import html.parser
import json
import os

import numpy as np
import pytest
import zarr

ATTRIBUTES = {"pyramidion": {"kind": "waveform", "layout": 1}, "horiz_interval": 2e-9}
NAMES = [
    "<img src=x onerror=alert(1)>.zarr",
    "a&amp;b\"c'd.zarr",
    "line\nbreak.zarr",
    "turn\u202egpj.zarr",
    "émoji 🙂 %41.zarr",
    "{title}.zarr",
]


def make_waveform(path, shape=(2, 1, 3, 1000), zarr_format=3, attributes=ATTRIBUTES):
    group = zarr.create_group(path, zarr_format=zarr_format, attributes=attributes)
    group.create_array("raw", shape=shape, dtype="int16", chunks=(1, 1, 1, 1000))
    return group


class Links(html.parser.HTMLParser):
    """The tags and links of a page, as a browser would find them."""

    def __init__(self, page):
        super().__init__()
        self.tags, self.links, self.text = set(), [], ""
        self.feed(page)

    def handle_starttag(self, tag, attrs):
        self.tags.add(tag)
        self.links += [value for name, value in attrs if name == "href"]

    def handle_data(self, data):
        self.text += data


def test_datasets_are_found_where_they_are(serve, tmp_path):
    make_waveform(tmp_path / "w.zarr")
    make_waveform(
        tmp_path / "deep" / "er" / "v2.zarr", zarr_format=2, attributes={"horiz_interval": 1e-9}
    )
    zarr.create_group(tmp_path / "other.zarr", attributes={"multiscales": []})
    zarr.create_array(tmp_path / "array.zarr", shape=(10,), dtype="int16")
    make_waveform(tmp_path / "half.zarr.partial")
    make_waveform(tmp_path / ".hidden" / "w.zarr")
    (tmp_path / "broken.zarr").mkdir()
    (tmp_path / "broken.zarr" / "zarr.json").write_text("{")
    (tmp_path / "list.zarr").mkdir()
    (tmp_path / "list.zarr" / "zarr.json").write_text("[]")
    (tmp_path / "file.zarr").write_text("no folder")
    os.symlink("/", tmp_path / "disk")  # noqa: PTH211
    os.symlink(tmp_path, tmp_path / "deep" / "again")  # noqa: PTH211
    found = serve([tmp_path]).get("/api/datasets").json
    assert found == {
        "datasets": [
            {
                "name": "deep/er/v2.zarr",
                "kind": "waveform",
                "url": "/deep/er/v2.zarr",
                "shape": [2, 1, 3, 1000],
                "dtype": "<i2",
                "data": "/deep/er/v2.zarr",
                "viewer": "/viewer/?data=/deep/er/v2.zarr",
            },
            {
                "name": "w.zarr",
                "kind": "waveform",
                "url": "/w.zarr",
                "shape": [2, 1, 3, 1000],
                "dtype": "int16",
                "data": "/w.zarr",
                "viewer": "/viewer/?data=/w.zarr",
            },
        ]
    }


@pytest.mark.filterwarnings("ignore:Consolidated metadata")
def test_single_dataset_and_consolidated_metadata(serve, tmp_path):
    make_waveform(tmp_path / "w.zarr")
    zarr.consolidate_metadata(tmp_path / "w.zarr")
    (tmp_path / "w.zarr" / "raw" / "zarr.json").unlink()
    client = serve([tmp_path / "w.zarr"])
    assert [d["url"] for d in client.get("/api/datasets").json["datasets"]] == ["/w.zarr"]


def test_page_leads_to_the_viewer(serve, tmp_path):
    make_waveform(tmp_path / "w.zarr", shape=(2, 1, 3, 1_500_000))
    answer = serve([tmp_path]).get("/")
    assert answer["content-type"] == "text/html; charset=utf-8"
    assert answer["content-security-policy"].startswith("default-src 'none'; style-src 'sha256-")
    page = Links(answer.body.decode())
    assert page.links == ["/viewer/?data=/w.zarr"]
    for fact in (
        "w.zarr",
        "2 channels",
        "3 segments",
        "1\u2009500\u2009000 samples",
        "3 ms",
        "int16",
        "18 MB",
    ):
        assert fact in page.text


def test_style_of_the_page_is_allowed_by_its_policy(client):
    import base64
    import hashlib

    answer = client.get("/")
    style = answer.body.decode().partition("<style>")[2].partition("</style>")[0]
    digest = base64.b64encode(hashlib.sha256(style.encode()).digest()).decode()
    assert f"'sha256-{digest}'" in answer["content-security-policy"]


def test_empty_page_says_what_to_do(serve, tmp_path):
    assert b"pyramidion generate" in serve([tmp_path]).get("/").body


def test_new_datasets_appear(serve, tmp_path):
    import time

    client = serve([tmp_path])
    assert client.get("/api/datasets").json == {"datasets": []}
    make_waveform(tmp_path / "w.zarr")
    time.sleep(2.1)
    assert len(client.get("/api/datasets").json["datasets"]) == 1


def test_names_are_only_text(serve, tmp_path):
    for name in NAMES:
        make_waveform(tmp_path / name)
    client = serve([tmp_path])
    page = Links(client.get("/").body.decode())
    assert page.tags == {
        "html",
        "head",
        "meta",
        "title",
        "style",
        "body",
        "main",
        "h1",
        "p",
        "ul",
        "li",
        "a",
        "strong",
        "span",
    }
    assert "<img src=x onerror=alert(1)>.zarr" in page.text
    assert "\u202e" not in page.text
    assert len(page.links) == len(NAMES)
    found = client.get("/api/datasets").json["datasets"]
    assert sorted(dataset["name"] for dataset in found) == sorted(NAMES)
    for dataset in found:
        answer = client.get(dataset["url"] + "/zarr.json")
        assert answer.json["attributes"]["horiz_interval"] == 2e-9


@pytest.mark.parametrize(
    "attributes",
    [
        {"pyramidion": {"kind": "waveform"}, "horiz_interval": "<script>"},
        {"pyramidion": {"kind": "waveform"}, "horiz_interval": None},
        {"pyramidion": {"kind": "waveform"}, "horiz_interval": 1e308},
        {"pyramidion": "waveform", "vertical_gains": []},
    ],
)
def test_strange_attributes_do_no_harm(serve, tmp_path, attributes):
    make_waveform(tmp_path / "w.zarr", attributes=attributes)
    client = serve([tmp_path])
    assert len(client.get("/api/datasets").json["datasets"]) == 1
    page = client.get("/")
    assert page.status == 200
    assert b"<script" not in page.body


@pytest.mark.parametrize(
    "change",
    [
        {"shape": [1, 2, 3]},
        {"shape": "x"},
        {"shape": [1, 1, 1, -5]},
        {"shape": [1, 1, 1, 1e99]},
        {"data_type": ["<b>"]},
    ],
)
def test_strange_metadata_do_no_harm(serve, tmp_path, change):
    make_waveform(tmp_path / "w.zarr")
    path = tmp_path / "w.zarr" / "raw" / "zarr.json"
    path.write_text(json.dumps(json.loads(path.read_text()) | change))
    client = serve([tmp_path])
    assert client.get("/").status == 200
    assert b"<b>" not in client.get("/").body
    assert client.get("/api/datasets").status == 200


def test_search_of_a_huge_folder_ends(serve, tmp_path):
    import time

    for k in range(3000):
        (tmp_path / f"run-{k:05}").mkdir()
    make_waveform(tmp_path / "run-02999" / "w.zarr")
    begin = time.monotonic()
    found = serve([tmp_path]).get("/api/datasets").json["datasets"]
    assert time.monotonic() - begin < 5
    assert [d["name"] for d in found] == ["run-02999/w.zarr"]
    assert np.prod(found[0]["shape"]) == 6000
