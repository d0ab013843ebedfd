"""The catalogue: which datasets are found, and names that try to be more than text."""

from __future__ import annotations

import html.parser
import json
import os
import re
import shutil
import time
from concurrent.futures import ThreadPoolExecutor

import numpy as np
import pytest
import zarr

from pyramidion.server._catalogue import Finder
from pyramidion.server._folder_walk import Limits

pytestmark = pytest.mark.usefixtures("patient_pages")

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
        self.tags, self.links, self.text, self.datasets = set(), [], "", []
        self.feed(page)

    def handle_starttag(self, tag, attrs):
        self.tags.add(tag)
        links = [value for name, value in attrs if name == "href"]
        self.links += links
        self.datasets += [link for link in links if link.startswith("/viewer/?")]

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
    assert answer["content-security-policy"].startswith("default-src 'none'; script-src 'self';")
    page = Links(answer.body.decode())
    assert page.datasets == ["/viewer/?data=/w.zarr"]
    for fact in (
        "w.zarr",
        "2 channels",
        "3 segments",
        "1\u2009500\u2009000 samples \u00d7 2 channels \u00d7 3 segments",
        "3 ms",
        "int16",
        "B on disk",
    ):
        assert fact in page.text


def test_everything_of_the_page_comes_from_this_server(client):
    answer = client.get("/")
    assert "unsafe" not in answer["content-security-policy"]
    body = answer.body.decode()
    assert "<style" not in body
    assert " style=" not in body
    assert re.findall(r"<script[^>]*>([^<])", body) == []
    for link in re.findall(r'(?:href|src)="(/api/catalogue/[^"]+)"', body):
        found = client.get(link)
        assert found.status == 200, link
        assert len(found.body) > 50
    for path in ("/favicon.ico", "/api/catalogue/favicon.svg"):
        assert client.get(path)["content-type"] == "image/svg+xml"
    assert client.get("/api/catalogue/../_app.py").status == 404
    assert client.get("/api/catalogue/%2e%2e/_app.py").status == 404
    assert client.get("/api/_app.py").status == 404


def test_own_icon_comes_first(serve, tmp_path):
    (tmp_path / "favicon.ico").write_bytes(b"mine")
    assert serve([tmp_path]).get("/favicon.ico").body == b"mine"


def test_empty_page_says_what_to_do(serve, tmp_path):
    assert b"pyramidion generate" in serve([tmp_path]).get("/").body


def test_new_datasets_appear(serve, tmp_path):
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
    assert {"iframe", "object", "b", "style"}.isdisjoint(page.tags)
    assert client.get("/").body.count(b"<script") == 2
    assert client.get("/").body.count(b"<img") == len(NAMES)
    assert "<img src=x onerror=alert(1)>.zarr" in page.text
    assert "\u202e" not in page.text
    assert len(page.datasets) == len(NAMES)
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
    assert page.body.count(b"<script") == 2


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
    for k in range(3000):
        (tmp_path / f"run-{k:05}").mkdir()
    make_waveform(tmp_path / "run-02999" / "w.zarr")
    begin = time.monotonic()
    found = serve([tmp_path]).get("/api/datasets").json["datasets"]
    assert time.monotonic() - begin < 5
    assert [d["name"] for d in found] == ["run-02999/w.zarr"]
    assert np.prod(found[0]["shape"]) == 6000


def changes(client, cursor="", **parameters):
    """Ask for what changed until nothing more is told; return everything, and the last answer."""
    found, gone = {}, []
    while True:
        more = "".join(f"&{name}={value}" for name, value in parameters.items())
        answer = client.get(f"/api/datasets?after={cursor}{more}").json
        found |= {entry["name"]: entry for entry in answer["datasets"]}
        gone += answer["gone"]
        cursor = answer["cursor"]
        if not answer["more"] and not answer["busy"]:
            return found, gone, answer
        time.sleep(0.01)


def wait_for_next_look(began):
    """Wait for as long as nothing is looked at after a look that was begun then, and is over."""
    time.sleep(max(2.1, 4 * (time.monotonic() - began) + 0.1))


def test_changes_are_told_from_a_cursor_on(serve, tmp_path):
    for k in range(30):
        make_waveform(tmp_path / f"w{k:02}.zarr", shape=(1, 1, 1, 10))
    client = serve([tmp_path])
    began = time.monotonic()
    found, gone, last = changes(client, limit=7)
    assert sorted(found) == [f"w{k:02}.zarr" for k in range(30)]
    assert (gone, last["total"], last["looking"], last["note"], last["live"]) == ([], 30, False, "", None)  # fmt: skip
    shutil.rmtree(tmp_path / "w05.zarr")
    make_waveform(tmp_path / "deep" / "new.zarr", shape=(1, 1, 1, 20))
    shutil.rmtree(tmp_path / "w07.zarr")
    make_waveform(tmp_path / "w07.zarr", shape=(1, 1, 1, 70))
    wait_for_next_look(began)
    found, gone, last = changes(client, last["cursor"])
    assert (sorted(found), gone, last["total"]) == (["deep/new.zarr", "w07.zarr"], ["w05.zarr"], 30)
    assert found["w07.zarr"]["shape"] == [1, 1, 1, 70]
    assert changes(client, last["cursor"])[:2] == ({}, [])


def test_entry_says_what_the_page_shows(serve, tmp_path):
    attributes = {**ATTRIBUTES, "vertical_unit": "mV"}
    make_waveform(tmp_path / "a" / "w.zarr", (2, 1, 1, 1_000_000_000), attributes=attributes)
    before = time.time()
    entry = changes(serve([tmp_path]))[0]["a/w.zarr"]
    assert entry["facts"] == [
        "1\u2009000\u2009000\u2009000 samples \u00d7 2 channels",
        "2 s",
        "in mV",
        "int16",
    ]
    n_bytes = sum(path.stat().st_size for path in tmp_path.rglob("*.json"))
    assert (entry["size"], entry["bytes"]) == (f"{n_bytes} B on disk", n_bytes)
    assert abs(entry["changed"] - before) < 60
    assert (entry["thumbnail"], entry["state"]) == ("/api/thumbnail/a/w.zarr", "")


def test_store_of_many_files_is_not_counted(serve, tmp_path):
    make_waveform(tmp_path / "w.zarr", (1, 1, 1, 1_000_000))
    for k in range(300):
        (tmp_path / "w.zarr" / "raw" / f"{k}").write_bytes(b"x")
    assert changes(serve([tmp_path]))[0]["w.zarr"]["size"] == "2 MB decoded"


def test_size_follows_a_store_that_is_being_filled(serve, tmp_path):
    make_waveform(tmp_path / "w.zarr")
    client = serve([tmp_path])
    began = time.monotonic()
    first, _, last = changes(client)
    (tmp_path / "w.zarr" / "raw" / "c").write_bytes(bytes(5_000_000))
    wait_for_next_look(began)
    assert first["w.zarr"]["size"].endswith(" B on disk")
    assert changes(client, last["cursor"])[0]["w.zarr"]["size"] == "5 MB on disk"


@pytest.mark.parametrize("cursor", ["x", "00000000-1-1", "0", "-1", "%00", "1" * 400])
def test_unknown_cursor_begins_anew(serve, tmp_path, cursor):
    make_waveform(tmp_path / "w.zarr")
    client = serve([tmp_path])
    known = changes(client)[2]["cursor"]
    answer = client.get(f"/api/datasets?after={cursor}").json
    assert (answer["all"], len(answer["datasets"])) == (True, 1)
    future = known.rpartition("-")[0] + "-999999"
    assert client.get(f"/api/datasets?after={future}").json["all"] is True
    assert client.get(f"/api/datasets?after={known}").json["all"] is False


@pytest.mark.parametrize("limit", ["0", "-1", "x", "", "501", "1e2", "9" * 30])
def test_limit_out_of_range(client, limit):
    answer = client.get(f"/api/datasets?after=&limit={limit}")
    assert answer.status == 400
    assert "limit" in answer.body.decode()


def test_limits_are_told(tmp_path):
    for k in range(12):
        make_waveform(tmp_path / f"d{k:02}" / "w.zarr", (1, 1, 1, 10))
    few = Finder({"": str(tmp_path)}, limits=Limits(datasets=5))
    assert [dataset.name for dataset in few.find()] == [f"d{k:02}/w.zarr" for k in range(5)]
    assert few.note.startswith("The search ended after 5 datasets: serve")
    short = Finder({"": str(tmp_path)}, limits=Limits(entries=15))
    assert len(short.find()) == 3  # 12 folders, then 3 of those in them
    assert "15 folders" in short.note
    whole = Finder({"": str(tmp_path)}, limits=Limits(datasets=12))
    assert (len(whole.find()), whole.note) == (12, "")


def test_index_forgets_old_changes_and_stays_right():
    """A client that follows sees the same as one that begins, whenever it asks."""
    import random

    from pyramidion.server import _catalogue_index
    from pyramidion.server._catalogue import Found
    from pyramidion.server._dataset import Dataset

    dice = random.Random(3)
    index = _catalogue_index.Index()
    clients = [Follower(index) for _ in range(4)]
    for sweep in range(1, 400):
        for name in dice.sample("abcdefghij", 5):
            shape = (1, 1, 1, dice.randrange(3))
            index.put("here", sweep, Found(Dataset(name, "waveform", shape, "int16")))
        index.put("there", 1, Found(Dataset("a", "image", (1, 1), "int8")))
        index.finish("here", sweep)
        if sweep % 50 == 0:
            index._forget()
        for k, client in enumerate(clients):
            if dice.random() < 0.4 - k / 10:
                client.ask(dice.randrange(1, 9))
    wanted = {found.dataset.name: found for found in index.all()}
    assert 4 < len(wanted) < 8
    for client in clients:
        for _ in range(40):
            client.ask(3)
        assert client.known == wanted


class Follower:
    """What a client knows that asks now and then."""

    def __init__(self, index):
        self.index, self.cursor, self.known = index, "", {}

    def ask(self, limit):
        changes = self.index.since(self.cursor, limit)
        self.cursor = changes.cursor
        if changes.is_all:
            self.known = {}
        for name in changes.gone:
            self.known.pop(name, None)
        self.known |= {found.dataset.name: found for found in changes.found}


@pytest.mark.parametrize(
    ("query", "names"),
    [
        ("", ["run 2.zarr", "run 10.zarr", "sub/other.zarr"]),
        ("?q=RUN", ["run 2.zarr", "run 10.zarr"]),
        ("?q=run+3+segments", ["run 2.zarr"]),
        ("?q=1000samples", ["run 2.zarr"]),
        ("?q=sub", ["sub/other.zarr"]),
        ("?kind=image", []),
        ("?kind=nonsense&sort=nonsense&page=-1", ["run 2.zarr", "run 10.zarr", "sub/other.zarr"]),
        ("?sort=size", ["sub/other.zarr", "run 2.zarr", "run 10.zarr"]),
        ("?page=99", ["run 2.zarr", "run 10.zarr", "sub/other.zarr"]),
    ],
)
def test_search_without_scripts(serve, tmp_path, query, names):
    make_waveform(tmp_path / "run 10.zarr", (1, 1, 1, 10))
    make_waveform(tmp_path / "run 2.zarr", (1, 1, 3, 1000))
    make_waveform(tmp_path / "sub" / "other.zarr", (1, 1, 1, 100_000))
    for k, name in enumerate(("run 10.zarr", "run 2.zarr", "sub/other.zarr")):
        (tmp_path / name / "raw" / "c").write_bytes(bytes(10_000 * k))
    page = Links(serve([tmp_path]).get(f"/{query}").body.decode())
    assert page.datasets == [f"/viewer/?data=/{name.replace(' ', '%2520')}" for name in names]
    assert ("Nothing matches" in page.text) == (not names)


def test_pages_without_scripts(serve, tmp_path):
    for k in range(230):
        make_light(tmp_path / f"w{k:03}.zarr")
    client = serve([tmp_path])
    client.get("/api/datasets")
    seen, link = [], "/?q=w"
    while link:
        page = Links(client.get(link).body.decode())
        seen += page.datasets
        later = [each for each in page.links if each.startswith("?") and "page=" in each]
        link = next((f"/{each}" for each in later if f"/{each}" > link), None)
    assert seen == [f"/viewer/?data=/w{k:03}.zarr" for k in range(230)]


def make_light(store):
    """Make a store that is two small files, without the library."""
    (store / "raw").mkdir(parents=True)
    root = {"zarr_format": 3, "node_type": "group", "attributes": ATTRIBUTES}
    raw = {"zarr_format": 3, "node_type": "array", "shape": [1, 1, 1, 1000], "data_type": "int16"}
    (store / "zarr.json").write_text(json.dumps(root))
    (store / "raw" / "zarr.json").write_text(json.dumps(raw))


def test_files_are_answered_while_thousands_are_looked_for(serve, tmp_path):
    for k in range(3000):
        make_light(tmp_path / f"{k // 100}" / f"w{k}.zarr")
    (tmp_path / "small.txt").write_text("x")
    client = serve([tmp_path])
    assert client.get("/small.txt").status == 200
    waited, cursor, n_known = [], "", 0
    while n_known < 3000:
        answer = client.get(f"/api/datasets?after={cursor}&limit=50").json
        cursor, n_known = answer["cursor"], answer["total"]
        began = time.monotonic()
        assert client.get("/small.txt").status == 200
        waited.append(time.monotonic() - began)
    assert len(waited) > 3  # it was not held up until all were found
    assert sorted(waited)[len(waited) // 2] < 0.1


def test_folders_that_come_and_go_while_they_are_looked_at(tmp_path, caplog):
    document = '{"zarr_format": 3, "node_type": "array", "shape": [9, 9], "data_type": "int16"}'
    (tmp_path / "stays").mkdir()
    (tmp_path / "stays" / "zarr.json").write_text(document)
    finder, ended = Finder({"": str(tmp_path)}), time.monotonic() + 0.5

    def change():
        while time.monotonic() < ended:
            for number in range(30):
                (tmp_path / f"d{number}" / "w").mkdir(parents=True)
                (tmp_path / f"d{number}" / "w" / "zarr.json").write_text(document)
            for number in range(30):
                shutil.rmtree(tmp_path / f"d{number}")

    with ThreadPoolExecutor(1) as threads:
        changing = threads.submit(change)
        while not changing.done():
            assert "stays" in {found.dataset.name for found in finder.walk()}
        changing.result()
    assert [dataset.name for dataset in finder.find()] == ["stays"]
    assert not caplog.records


@pytest.mark.parametrize("shape", [(1, 1, 1, 7), (3, 2, 2, 50_000), (6, 1, 1, 200_000)])
def test_picture_of_a_waveform_hides_no_extreme(serve, tmp_path, shape):
    import xml.etree.ElementTree as ET

    from pyramidion.instruments import SimulatedScope
    from pyramidion.workflows import ConvertOptions, generate

    scope = SimulatedScope(channels=shape[0], segments=shape[2], samples=shape[3], seed=4)
    generate(tmp_path / "w.zarr", scope, ConvertOptions())
    answer = serve([tmp_path]).get("/api/thumbnail/w.zarr")
    assert answer["content-type"] == "image/svg+xml"
    drawing = ET.fromstring(answer.body)
    lanes = [element.get("d") for element in drawing if element.tag.endswith("path")]
    assert len(lanes) == min(4, shape[0])
    raw = zarr.open_group(tmp_path / "w.zarr", mode="r")["raw"]
    for channel, lane in enumerate(lanes):
        points = np.array(re.findall(r"([0-9.]+) ([0-9.]+)", lane), float)
        codes = raw[channel, 0, 0].astype(float)
        top, bottom = points[:, 1].min(), points[:, 1].max()
        for at, y in ((codes.argmax(), top), (codes.argmin(), bottom)):
            x = at / (codes.size - 1) * 192
            assert np.abs(points[points[:, 1] == y, 0] - x).min() <= 192 / min(192, codes.size) + 1


def test_picture_of_a_waveform_is_bounded(serve, tmp_path):
    make_waveform(tmp_path / "large.zarr", (1, 1, 1, 2**23))  # no overview
    (tmp_path / "plain").mkdir()
    client = serve([tmp_path])
    assert client.get("/api/thumbnail/large.zarr").status == 413
    for path in ("plain", "none.zarr", "", "large.zarr/", "../w"):
        assert client.get(f"/api/thumbnail/{path}").status == 404, path
    make_waveform(tmp_path / "w.zarr")
    (tmp_path / "w.zarr" / "raw" / "zarr.json").write_text("{}")
    assert client.get("/api/thumbnail/w.zarr").status in (404, 500)


def test_values_that_are_no_numbers_are_left_out_of_a_picture():
    from pyramidion.server._wave_picture import draw

    low = np.array([np.nan, -1e308, 0, np.inf, 5])
    text = draw([(low, low + 1), (np.full(3, np.nan),) * 2, (np.zeros(1),) * 2]).decode()  # fmt: skip
    assert "nan" not in text
    assert "inf" not in text
    assert text.count("<path") == 3
