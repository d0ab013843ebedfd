"""Datasets of stores: catalogue, names, virtual stores, pictures and /mod_visus, as from a folder."""

from __future__ import annotations

import contextlib
import functools
import http.server
import itertools
import json
import shutil
import signal
import socket
import threading
import time
from pathlib import Path

import numpy as np
import pytest
from tests.server.http import Client
from tests.server.images import read_virtual, voxels_of
from tests.server.remote import Far
from tests.server.test_command import pyramidion, url_in

from pyramidion.core import PyramidionError, UsageError
from pyramidion.instruments import SimulatedScope
from pyramidion.server import (
    _catalogue_routes,
    _remote_catalogue,
    build_app,
    check_served,
    serve_background,
)
from pyramidion.server._remote_catalogue import MAX_LOOKED_AT
from pyramidion.workflows import ConvertOptions, convert, generate

numbers = itertools.count()


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    """A folder with a waveform and an image in every form that is read where it lies."""
    place = tmp_path_factory.mktemp("made")
    scope = SimulatedScope(channels=1, segments=2, samples=60_000, seed=1)
    generate(place / "w.zarr", scope, ConvertOptions())
    np.save(place / "v.npy", voxels_of((9, 140, 170)))
    for name, options in (("i.ome.zarr", {}), ("a.idx", {}), ("m.idx", {"arco": 0})):
        convert(place / "v.npy", place / name, ConvertOptions(**options))
    (place / "v.npy").unlink()
    (place / "notes.txt").write_text("text")
    return place


@pytest.fixture(scope="module")
def far(folder):
    """The same in a store."""
    far = Far(f"memory://d{next(numbers)}/p")
    for path in folder.rglob("*"):
        if path.is_file():
            far.put({f"{path.relative_to(folder)}": path.read_bytes()})
    return far


@contextlib.contextmanager
def clients(*roots):
    with contextlib.ExitStack() as stack:
        yield [
            stack.enter_context(Client(stack.enter_context(serve_background(build_app(root)))))
            for root in roots
        ]


@pytest.fixture(scope="module")
def both(folder, far):
    """Clients of a server of the folder and of one of the store."""
    with clients([folder], [far.url]) as found:
        yield found


def test_catalogue_is_the_same(both):
    here, there = (client.get("/api/datasets").json["datasets"] for client in both)
    assert [entry["name"] for entry in here] == ["a.idx", "i.ome.zarr", "m.idx", "w.zarr"]
    assert there == here


@pytest.mark.usefixtures("patient_pages")
def test_catalogue_page(both):
    for client in both:
        assert b"w.zarr" in client.get("/").body


@pytest.mark.parametrize(
    ("name", "level"), [("i.ome.zarr", 0), ("a.idx", 0), ("a.idx", 1), ("m.idx", 0), ("m.idx", 1)]
)
def test_virtual_stores_have_the_same_voxels(both, name, level):
    here, there = (read_virtual(client, f"/zarr/{name}/", level) for client in both)
    np.testing.assert_array_equal(there, here)


@pytest.mark.parametrize("name", ["i.ome.zarr", "a.idx", "m.idx"])
def test_pictures_are_the_same(both, name):
    here, there = (client.get(f"/api/thumbnail/{name}") for client in both)
    assert (there.status, there["content-type"]) == (200, "image/png")
    assert there.body == here.body


@pytest.mark.parametrize("name", ["a.idx", "m.idx"])
@pytest.mark.parametrize(
    "query",
    [
        "action=readdataset&dataset={}",
        "action=boxquery&dataset={}&box=0 169 0 139 0 8&toh=10&compression=zip",
        "action=boxquery&dataset={}&box=3 20 5 9 2 2",
        "action=rangequery&dataset={}&block=0",
    ],
)
def test_mod_visus_is_the_same(both, name, query):
    path = "/mod_visus?" + query.format(name).replace(" ", "%20")
    here, there = (client.get(path) for client in both)
    assert there.status == here.status == 200, here
    assert there.body == here.body


def test_mod_visus_list(both):
    here, there = (client.get("/mod_visus?action=list") for client in both)
    assert there.body == here.body


@pytest.mark.parametrize(
    "path", ["/zarr/w.zarr/zarr.json", "/zarr/none/zarr.json", "/zarr/", "/zarr"]
)
def test_what_is_no_image_is_404(both, path):
    here, there = (client.get(path) for client in both)
    assert (there.status, there.json) == (here.status, here.json)


def test_one_dataset_and_nothing_else(far):
    with clients([f"{far.url}/w.zarr"], [f"{far.url}/i.ome.zarr"]) as (wave, image):
        assert wave.get("/w.zarr/zarr.json").status == 200
        for path in ("/zarr.json", "/notes.txt", "/w.zarr/../notes.txt", "/i.ome.zarr/zarr.json", "/w.zarr", "/w.zarr/"):  # fmt: skip
            assert wave.get(path).status == 404, path
        assert [d["name"] for d in wave.get("/api/datasets").json["datasets"]] == ["w.zarr"]
        assert read_virtual(image, "/zarr/i.ome.zarr/").shape == (9, 140, 170)
    assert check_served([f"{far.url}/w.zarr"]).places == ["/viewer/?data=/w.zarr"]


def test_idx_files_with_their_blocks_and_nothing_else(far, folder):
    served = check_served([f"{far.url}/a.idx", f"{far.url}/m.idx"])
    assert served.places == ["/viewer/?data=/zarr/p/a.idx/", "/viewer/?data=/zarr/p/m.idx/"]
    with clients(served, [folder]) as (there, here):
        assert [d["name"] for d in there.get("/api/datasets").json["datasets"]] == [
            "p/a.idx",
            "p/m.idx",
        ]
        assert there.get("/p/a.idx").body == (folder / "a.idx").read_bytes()
        assert there.get("/p/notes.txt").status == 404
        assert there.get("/p/w.zarr/zarr.json").status == 404
        got = read_virtual(there, "/zarr/p/a.idx/", 1)
        np.testing.assert_array_equal(got, read_virtual(here, "/zarr/a.idx/", 1))


def test_npy_is_read_where_it_lies(folder):
    far = Far(f"memory://d{next(numbers)}/p")
    voxels = voxels_of((9, 40, 70))
    path = Path(folder) / "again.npy"
    np.save(path, voxels)
    far.put({"v.npy": path.read_bytes()})
    path.unlink()
    with clients([f"{far.url}/v.npy"]) as (there,):
        np.testing.assert_array_equal(read_virtual(there, "/zarr/p/v.npy/"), voxels)


def test_folders_of_this_machine_beside_stores(far, folder, tmp_path):
    (tmp_path / "p").mkdir()
    (tmp_path / "p" / "own.txt").write_text("own")
    served = check_served([tmp_path / "p", far.url, f"{far.url}/w.zarr", folder / "w.zarr"])
    assert sorted(served.folders) == ["p", "w.zarr"]
    assert sorted(served.remotes) == ["p-2", "w.zarr-2"]
    with clients(served) as (client,):
        assert client.get("/p/own.txt").body == b"own"
        assert client.get("/p-2/notes.txt").body == b"text"
        names = {entry["name"] for entry in client.get("/api/datasets").json["datasets"]}
        assert {"w.zarr", "w.zarr-2", "p-2/w.zarr", "p-2/a.idx"} <= names
        assert read_virtual(client, "/zarr/p-2/a.idx/", 1).size
        documents = [client.get(f"/{name}/zarr.json").body for name in ("w.zarr", "w.zarr-2")]
        assert documents[0] == documents[1]


@pytest.mark.parametrize("key", ["zarr", "viewer", "mod_visus", "api"])
def test_names_of_routes_stay_free(key):
    far = Far(f"memory://d{next(numbers)}/p")
    array = {"zarr_format": 3, "node_type": "array", "shape": [9, 9], "data_type": "int16"}
    far.put({f"{key}/zarr.json": json.dumps(array).encode()})
    assert [*check_served([f"{far.url}/{key}"]).remotes] == [f"{key}-2"]


def test_whole_bucket(far):
    url = far.url.removesuffix("/p")
    with clients([url]) as (there,):
        assert there.get("/p/notes.txt").body == b"text"


@pytest.mark.parametrize(
    ("key", "id_", "words"),
    [
        ("none", "PYR-SRV-02", "no such dataset or folder"),
        ("none.zarr", "PYR-SRV-02", "no such dataset or folder"),
        ("none.idx", "PYR-ALL-03", "no such file"),
        ("notes.txt", "PYR-GEN-06", "unknown format"),
        ("pictures/*.png", "PYR-UPL-19", "cannot be read where it lies"),
        ("pictures/*.gif", "PYR-ALL-15", "matches no file"),
        ("scan.tif", "PYR-UPL-19", "cannot be read where it lies"),
        ("run.h5", "PYR-UPL-19", "cannot be read where it lies"),
    ],
)
def test_what_cannot_be_served(far, key, id_, words):
    far.put({"scan.tif": b"II*\0", "run.h5": b"\x89HDF\r\n\x1a\n", "pictures/a.png": b"\x89PNG"})
    with pytest.raises(PyramidionError, match=words) as told:
        check_served([f"{far.url}/{key}"])
    assert told.value.id == id_
    assert str(told.value).startswith(f"{far.url}/{key}: ")


def test_a_web_server_is_not_listed():
    with pytest.raises(UsageError, match="does not list"):
        check_served(["https://example.org"])


def test_a_dataset_that_is_replaced_is_the_new_one(folder):
    far = Far(f"memory://d{next(numbers)}/p")
    arrays = [voxels_of((9, 40, 70)), voxels_of((9, 40, 70), seed=4)]
    with contextlib.ExitStack() as stack:
        for number, voxels in enumerate(arrays):
            source, store = folder / "r.npy", folder.parent / f"r{number}" / "r.ome.zarr"
            np.save(source, voxels)
            convert(source, store, ConvertOptions(parents=True))
            source.unlink()
            far.put_folder(store)
            if number == 0:
                (client,) = stack.enter_context(clients([far.url]))
            else:
                time.sleep(2.1)  # what was known is asked for anew
            np.testing.assert_array_equal(read_virtual(client, "/zarr/r.ome.zarr/"), voxels)


def test_only_so_many_are_looked_into(caplog, monkeypatch):
    monkeypatch.setattr(_catalogue_routes, "_STORE_PATIENCE_S", 60.0)
    far = Far(f"memory://d{next(numbers)}/p")
    array = {"zarr_format": 3, "node_type": "array", "shape": [9, 9], "data_type": "int16"}
    document = json.dumps(array).encode()
    far.put({f"{number:04d}/zarr.json": document for number in range(MAX_LOOKED_AT + 5)})
    with clients([far.url]) as (client,):
        found = client.get("/api/datasets").json["datasets"]
    assert len(found) == MAX_LOOKED_AT
    assert f"{MAX_LOOKED_AT} looked into" in caplog.text


def test_a_damaged_dataset_is_left_out_and_told(folder, caplog):
    far = Far(f"memory://d{next(numbers)}/p")
    good = (folder / "a.idx").read_bytes()
    far.put({"good.idx": good, "bad.idx": good[:40], "z/zarr.json": b"{"})
    with clients([far.url]) as (client,):
        found = client.get("/api/datasets").json["datasets"]
    assert [entry["name"] for entry in found] == ["good.idx"]
    assert "bad.idx: not listed" in caplog.text


class _Hanging(http.server.SimpleHTTPRequestHandler):
    """Files of a folder, until nothing is answered any more."""

    silent = threading.Event()

    def do_GET(self):
        if self.silent.is_set():
            self.server.ended.wait(60)
        super().do_GET()

    do_HEAD = do_GET  # noqa: N815 - the name that is looked for

    def log_message(self, *_):
        pass


@pytest.fixture
def hanging(folder):
    """A web server with a waveform that at some time answers no more."""
    server = http.server.ThreadingHTTPServer(
        ("127.0.0.1", 0), functools.partial(_Hanging, directory=folder)
    )
    server.ended = threading.Event()
    thread = threading.Thread(target=server.serve_forever)
    thread.start()
    yield f"http://127.0.0.1:{server.server_port}/w.zarr"
    _Hanging.silent.clear()
    server.ended.set()
    server.shutdown()
    thread.join()
    server.server_close()


@pytest.mark.slow
def test_a_store_that_hangs_holds_up_nothing_of_this_machine(
    folder, hanging, tmp_path, monkeypatch
):
    monkeypatch.setattr(_remote_catalogue, "_AGE_S", 0.0)
    monkeypatch.setattr(_catalogue_routes, "_STORE_PATIENCE_S", 60.0)
    shutil.copytree(folder / "w.zarr", tmp_path / "here" / "near.zarr")
    with clients([hanging, tmp_path / "here"]) as (client,), contextlib.ExitStack() as stack:
        names = [each["name"] for each in client.get("/api/datasets").json["datasets"]]
        assert names == ["here/near.zarr", "w.zarr"]
        time.sleep(2.1)  # what was known is looked for anew
        _Hanging.silent.set()
        monkeypatch.setattr(_catalogue_routes, "_STORE_PATIENCE_S", 0.3)
        for _ in range(20):
            waiting = stack.enter_context(socket.create_connection(client.address, 20))
            request = f"GET /api/thumbnail/w.zarr HTTP/1.1\r\nHost: {client.host}\r\n\r\n"
            waiting.sendall(request.encode())
        time.sleep(0.1)
        began = time.monotonic()
        assert client.get("/api/thumbnail/here/near.zarr").status == 200
        for path in ("/api/datasets", "/api/datasets", "/mod_visus", "/"):
            answer = client.get(path)
            assert answer.status == 200
            assert path == "/mod_visus" or b"w.zarr" in answer.body
        assert time.monotonic() - began < 2


@pytest.mark.slow
def test_a_store_that_hangs_does_not_hold_up_the_end(hanging):
    with pyramidion("serve", hanging, "--port", "0") as process:
        url = url_in(process.stdout.readline())
        _Hanging.silent.set()
        with Client(url) as client:
            assert client.get("/").status == 200
        began = time.monotonic()
        process.send_signal(signal.SIGINT)
        _, error = process.communicate(timeout=30)
        assert (process.returncode, error) == (130, "")
        assert time.monotonic() - began < 5
