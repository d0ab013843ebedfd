"""``/zarr/<name>/``: any image, read as an OME-Zarr store that nobody wrote."""

from __future__ import annotations

import json
import shutil
import socket
from pathlib import Path

import numpy as np
import pytest
import zarr
from tests.server.images import read_virtual, scales_of, voxels_of
from tests.server.test_catalogue import make_waveform

DATA = Path(__file__).parents[1] / "data"
CASES = json.loads((DATA / "idx" / "cases.json").read_text())
FIRST_TIMES = [case for case in CASES if case["time"] == 0]


@pytest.fixture(scope="module")
def golden():
    """The golden datasets of the library, served."""
    from tests.server.http import Client

    from pyramidion.server import build_app, serve_background

    with serve_background(build_app([DATA / "idx"])) as url, Client(url) as client:
        yield client


def channels_last(voxels, document):
    """Return what a virtual array holds with the axes of the golden array."""
    names = document["dimension_names"]
    return np.moveaxis(voxels, names.index("c"), -1) if "c" in names else voxels


def url_of(client, case):
    name = f"{case['idx']}"
    entry = next(d for d in client.get("/api/datasets").json["datasets"] if d["name"] == name)
    return entry.get("fields", {case["field"]: entry["data"]})[case["field"]]


@pytest.mark.parametrize("case", FIRST_TIMES, ids=lambda case: f"{case['idx']}-{case['field']}")
def test_golden_datasets(golden, case):
    url = url_of(golden, case)
    full = np.load(DATA / "idx" / case["npy"])
    times = [c for c in CASES if (c["idx"], c["field"]) == (case["idx"], case["field"])]
    if len(times) > 1:
        full = np.stack([np.load(DATA / "idx" / c["npy"]) for c in times])
    for level, scale in enumerate(scales_of(golden, url)):
        document = golden.get(f"{url}{level}/zarr.json").json
        found = channels_last(read_virtual(golden, url, level), document)
        names = [n for n in document["dimension_names"] if n != "c"]
        every = [int(s) if n in "zyx" else 1 for n, s in zip(document["dimension_names"], scale, strict=True) if n != "c"]  # fmt: skip
        assert len(names) == len(every)
        np.testing.assert_array_equal(found, full[tuple(slice(None, None, s) for s in every)])


def test_origin_and_voxel_size_are_told(serve, tmp_path):
    (tmp_path / "a.idx").write_text(
        "(version)\n6\n(box)\n101 400 60 259\n(fields)\ndata uint8\n(bits)\nV010101010101010101\n"
        "(bitsperblock)\n6\n(blocksperfile)\n16\n(filename_template)\n./a.bin\n"
        "(physic_box)\n50.5 200.5 120 520\n"
    )
    ome = serve([tmp_path]).get("/zarr/a.idx/zarr.json").json["attributes"]["ome"]
    first, second = ome["multiscales"][0]["datasets"][:2]
    assert first["coordinateTransformations"][0]["scale"] == [2, 0.5]
    assert first["coordinateTransformations"][1]["translation"] == [120, 50.5]
    assert second["coordinateTransformations"][0]["scale"] == [4, 1]
    # samples lie at even coordinates, and the box begins at an odd one
    assert second["coordinateTransformations"][1]["translation"] == [120, 51]


@pytest.fixture
def stack(tmp_path):
    import imagecodecs

    voxels = voxels_of((9, 700, 600), "uint16")
    (tmp_path / "slices").mkdir()
    for z, picture in enumerate(voxels):
        (tmp_path / "slices" / f"{z:03}.png").write_bytes(imagecodecs.png_encode(picture))
    return tmp_path / "slices", voxels


def test_stack_of_pictures_has_levels(serve, stack):
    folder, voxels = stack
    for root in (folder, f"{folder}/*.png"):
        client = serve([root])
        np.testing.assert_array_equal(read_virtual(client, "/zarr/slices/", 0), voxels)
        np.testing.assert_array_equal(read_virtual(client, "/zarr/slices/", 1), voxels[:, ::2, ::2])
        assert scales_of(client, "/zarr/slices/") == [[1, 1, 1], [1, 2, 2]]


def test_npy_hdf5_tiff_and_bare_zarr(serve, tmp_path):
    import h5py
    import tifffile

    voxels = voxels_of((20, 70, 80), "uint16")
    np.save(tmp_path / "v.npy", voxels)
    tifffile.imwrite(tmp_path / "v.tif", voxels, metadata={"axes": "ZYX"})
    zarr.create_array(tmp_path / "v.zarr", shape=voxels.shape, dtype="uint16", chunks=(8, 32, 32))[:] = voxels  # fmt: skip
    with h5py.File(tmp_path / "v.h5", "w") as file:
        file["volume"] = voxels
    client = serve([tmp_path / name for name in ("v.npy", "v.tif", "v.zarr", "v.h5")])
    entries = client.get("/api/datasets").json["datasets"]
    assert [entry["name"] for entry in entries] == ["v.h5", "v.npy", "v.tif", "v.zarr"]
    for entry in entries:
        assert entry["shape"] == list(voxels.shape)
        np.testing.assert_array_equal(read_virtual(client, entry["data"]), voxels)


@pytest.mark.parametrize(
    "key",
    [
        "",
        "zarr",
        ".zgroup",
        "0",
        "0/",
        "0/zarr.json/",
        "99/zarr.json",
        "00/zarr.json",
        "-1/zarr.json",
        "0/c/0",
        "0/c/0/0/0",
        "0/c/99/0",
        "0/c/-1/0",
        "0/c/00/0",
        "0/c/0/1e1",
        "0/c/9999999999999999999999/0",
        "0/0/0",
        "fields/none/zarr.json",
        "fields",
        "0/c/\u0661/0".encode().decode("latin-1"),
    ],
)
def test_what_is_not_there_is_404(golden, key):
    key = key.encode("latin-1")
    from urllib.parse import quote

    answer = golden.get(f"/zarr/u8_2d_mv_raw/visus.idx/{quote(key)}")
    assert answer.status == 404
    assert answer.json["error"]["id"] == "PYR-HTTP-13"


def test_names_that_are_no_image(serve, tmp_path):
    make_waveform(tmp_path / "w.zarr")
    make_waveform(tmp_path / "zarr" / "v.zarr")
    (tmp_path / "notes.txt").write_text("x")
    client = serve([tmp_path])
    answer = client.get("/zarr/w.zarr/zarr.json")
    assert answer.status == 404
    assert "waveform stores are read as files" in answer.json["error"]["mend"]
    for name in ("nothing", "notes.txt", "..%2fx", "%00", "w.zarr"):
        assert client.get(f"/zarr/{name}/zarr.json").status in (400, 404)
    # a served folder that has the name of a route is still served
    assert client.get("/zarr/v.zarr/zarr.json").json["node_type"] == "group"


def test_answers_are_cacheable(golden):
    url = "/zarr/u16_3d_mv_zip/visus.idx/0/c/0/0/0"
    answer = golden.get(url)
    assert (answer.status, answer["cache-control"]) == (200, "no-cache")
    again = golden.get(url, If_None_Match=answer["etag"])
    assert (again.status, again.body) == (304, b"")
    assert golden.get(url + "?v=1")["cache-control"] == "private, max-age=31536000, immutable"
    head = golden.head(url)
    assert head["content-length"] == str(len(answer.body))
    part = golden.get(url, Range="bytes=3-9")
    assert (part.status, part.body) == (206, answer.body[3:10])
    assert part["content-range"] == f"bytes 3-9/{len(answer.body)}"
    assert golden.get(url, Range=f"bytes={len(answer.body)}-").status == 416
    page = golden.get(url, Origin="http://localhost:9")
    assert page["access-control-allow-origin"] == "http://localhost:9"
    assert golden.get(url, Origin="http://example.org")["access-control-allow-origin"] is None
    assert golden.ask("POST", url).status == 405


@pytest.fixture
def damaged(tmp_path):
    """A dataset of which one block does not decode."""
    shutil.copytree(DATA / "idx" / "u16_3d_arco_zip", tmp_path / "d")
    blocks = sorted((tmp_path / "d" / "visus").rglob("*.bin"))
    blocks[-1].write_bytes(b"garbage")
    return tmp_path / "d"


def test_damaged_block_is_500_and_others_are_served(serve, damaged, caplog):
    client = serve([damaged])
    url = "/zarr/visus.idx/"
    statuses = {}
    shape = client.get(f"{url}0/zarr.json").json["shape"]
    grid = [-(-n // c) for n, c in zip(shape, (16, 128, 128), strict=True)]
    for index in np.ndindex(*grid):
        statuses[index] = client.get(f"{url}0/c/{'/'.join(map(str, index))}")
    assert {answer.status for answer in statuses.values()} == {200, 500}
    broken = next(answer for answer in statuses.values() if answer.status == 500)
    error = broken.json["error"]
    assert error["id"] == "PYR-IDX-12"
    assert "block 0x" in error["what"]
    assert str(damaged.parent) not in broken.body.decode()
    assert broken["cache-control"] == "no-store"
    assert client.n_connections == 1
    assert client.get(f"{url}zarr.json").status == 200
    assert caplog.records


def test_unreadable_dataset_says_why(serve, tmp_path):
    (tmp_path / "broken.idx").write_text("<html>error</html>")
    (tmp_path / "empty.idx").write_text("")
    (tmp_path / "broken.tif").write_bytes(b"II*\0garbage")
    client = serve([tmp_path])
    assert client.get("/api/datasets").json == {"datasets": []}
    answer = client.get("/zarr/broken.idx/zarr.json")
    assert answer.status == 500
    assert answer.json["error"]["id"] == "PYR-IDX-01"
    assert str(tmp_path) not in answer.body.decode()
    assert client.get("/zarr/empty.idx/zarr.json").status == 500
    assert client.get("/zarr/broken.tif/zarr.json").status == 500


def test_new_content_is_seen(serve, tmp_path):
    np.save(tmp_path / "v.npy", np.full((100, 120), 1, np.uint8))
    client = serve([tmp_path / "v.npy"])
    before = client.get("/zarr/v.npy/0/c/0/0")
    np.save(tmp_path / "v.npy", np.full((100, 120), 2, np.uint8))
    after = client.get("/zarr/v.npy/0/c/0/0", If_None_Match=before["etag"])
    assert after.status == 200
    assert after.body != before.body
    (tmp_path / "v.npy").unlink()
    assert client.get("/zarr/v.npy/0/c/0/0").status == 404


def test_links_out_and_private_names_are_not_images(serve, tmp_path):
    shutil.copytree(DATA / "idx" / "u8_2d_mv_raw", tmp_path / "outside")
    (tmp_path / "root").mkdir()
    (tmp_path / "root" / "link").symlink_to(tmp_path / "outside")
    (tmp_path / "root" / "a.idx").symlink_to(tmp_path / "outside" / "visus.idx")
    shutil.copytree(tmp_path / "outside", tmp_path / "root" / ".hidden")
    client = serve([tmp_path / "root"])
    assert client.get("/api/datasets").json == {"datasets": []}
    for name in ("link/visus.idx", "a.idx", ".hidden/visus.idx", "../outside/visus.idx"):
        assert client.get(f"/zarr/{name}/zarr.json").status == 404


def test_clients_that_leave_leave_no_trace(serve, stack, caplog):
    folder, voxels = stack
    client = serve([folder])
    for _ in range(40):
        with socket.create_connection(client.address) as gone:
            gone.sendall(f"GET /zarr/slices/0/c/0/0/0 HTTP/1.1\r\nHost: {client.host}\r\n\r\n".encode())  # fmt: skip
    np.testing.assert_array_equal(read_virtual(client, "/zarr/slices/"), voxels)
    assert not caplog.records


def test_token_guards_images_too(serve):
    client = serve([DATA / "idx"], token="t0ken")
    for path in ("/zarr/u8_2d_mv_raw/visus.idx/zarr.json", "/mod_visus", "/api/thumbnail/x"):
        assert client.get(path).status == 401
        assert client.get(path, Host="evil.example").status == 421


def test_metadata_are_valid_ome_zarr(golden):
    models = pytest.importorskip("ome_zarr_models.v05")
    for name in ("u16_3d_mv_zip", "rgb_2d_arco_lz4", "i16_2d_arco_time"):
        document = golden.get(f"/zarr/{name}/visus.idx/zarr.json").json
        models.image.ImageAttrs.model_validate(document["attributes"]["ome"])
