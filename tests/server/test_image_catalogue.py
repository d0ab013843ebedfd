"""Image datasets in the catalogue, and their small pictures."""

from __future__ import annotations

import os
import shutil
from pathlib import Path

import imagecodecs
import numpy as np
import pytest
import zarr
from tests.server.images import MemoryImage, voxels_of
from tests.server.test_catalogue import NAMES, Links, make_waveform

from pyramidion.server._image_view import ImageView
from pyramidion.server._thumbnails import thumbnail

pytestmark = pytest.mark.usefixtures("patient_pages")

DATA = Path(__file__).parents[1] / "data"
OME = {
    "ome": {
        "version": "0.5",
        "multiscales": [
            {
                "axes": [{"name": n, "type": "space"} for n in "zyx"],
                "datasets": [
                    {
                        "path": "s0",
                        "coordinateTransformations": [{"type": "scale", "scale": [1, 1, 1]}],
                    }
                ],
            }
        ],
    }
}


def make_ome(path, voxels, attributes=OME):
    group = zarr.create_group(path, attributes=attributes)
    array = group.create_array("s0", shape=voxels.shape, dtype=voxels.dtype, chunks=(4, 32, 32))
    array[:] = voxels


def test_images_are_found_where_they_are(serve, tmp_path):
    import tifffile

    voxels = voxels_of((6, 70, 80), "uint16")
    make_waveform(tmp_path / "w.zarr")
    make_ome(tmp_path / "deep" / "o.zarr", voxels)
    zarr.create_array(tmp_path / "bare.zarr", shape=(50, 60), dtype="uint8")
    shutil.copytree(DATA / "idx" / "two_fields_mv", tmp_path / "two")
    shutil.copytree(DATA / "idx" / "u16_3d_arco_zip", tmp_path / "arco")
    tifffile.imwrite(tmp_path / "p.tif", voxels[0])
    np.save(tmp_path / "v.npy", voxels)  # only if it is named
    client = serve([tmp_path])
    found = {d["name"]: d for d in client.get("/api/datasets").json["datasets"]}
    assert sorted(found) == ["arco/visus.idx", "bare.zarr", "deep/o.zarr", "p.tif", "two/visus.idx", "w.zarr"]  # fmt: skip
    assert {d["kind"] for name, d in found.items() if name != "w.zarr"} == {"image"}
    assert found["arco/visus.idx"] == {
        "name": "arco/visus.idx",
        "kind": "image",
        "url": "/arco/visus.idx",
        "shape": [33, 45, 60],
        "dtype": "uint16",
        "data": "/zarr/arco/visus.idx/",
        "viewer": "/viewer/?data=/zarr/arco/visus.idx/",
        "axes": ["z", "y", "x"],
        "thumbnail": "/api/thumbnail/arco/visus.idx",
    }
    # an OME-Zarr is read as it is, everything else through its virtual store
    assert found["deep/o.zarr"]["data"] == "/deep/o.zarr"
    assert found["bare.zarr"]["data"] == "/zarr/bare.zarr/"
    fields = found["two/visus.idx"]["fields"]
    assert fields == {"A": "/zarr/two/visus.idx/", "B": "/zarr/two/visus.idx/fields/B/"}
    for dataset in found.values():
        if dataset["kind"] == "image":
            assert client.get(dataset["thumbnail"])["content-type"] == "image/png"
            assert client.get(dataset["data"].rstrip("/") + "/zarr.json").status == 200


def test_page_shows_small_pictures(serve):
    client = serve([DATA / "idx-cat"])
    answer = client.get("/")
    page = Links(answer.body.decode())
    assert page.datasets == ["/viewer/?data=/zarr/gray.idx/", "/viewer/?data=/zarr/rgb.idx/"]
    assert '<img src="/api/thumbnail/gray.idx" alt="" loading="lazy"' in answer.body.decode()
    assert "img-src 'self'" in answer["content-security-policy"]
    assert "256 \u00d7 256" in page.text
    assert "3 channels" in page.text


def test_small_pictures_show_the_dataset(serve):
    client = serve([DATA / "idx-cat"])
    for name in ("gray", "rgb"):
        answer = client.get(f"/api/thumbnail/{name}.idx")
        picture = imagecodecs.png_decode(answer.body)
        # whoever made these datasets stored their rows from the bottom to the top
        whole = imagecodecs.png_decode((DATA / "idx-cat" / f"{name}.png").read_bytes())[::-1]
        step = whole.shape[0] // picture.shape[0]
        wanted = whole[::step, ::step][..., : 3 if name == "rgb" else None].astype(float)
        wanted = wanted if wanted.ndim == picture.ndim else wanted[..., 0]
        assert picture.shape == wanted.shape
        assert np.corrcoef(picture.ravel(), wanted.ravel())[0, 1] > 0.95
        assert client.get(f"/api/thumbnail/{name}.idx", If_None_Match=answer["etag"]).status == 304
    assert client.get("/api/thumbnail/none.idx").status == 404
    assert client.get("/api/thumbnail/").status == 404


@pytest.mark.parametrize(
    ("voxels", "spec"),
    [
        (np.zeros((1, 1, 1, 40, 50), np.uint16), {}),
        (np.full((1, 1, 1, 40, 50), np.nan, np.float32), {}),
        (np.full((1, 1, 1, 40, 50), np.inf, np.float64), {}),
        (voxels_of((2, 3, 5, 1, 900), "int8"), {}),
        (voxels_of((1, 4, 1, 700, 30), "uint16"), {"is_rgb": True}),
        (voxels_of((1, 3, 1, 20, 30), "float32"), {"is_rgb": True}),
    ],
)
def test_anything_has_a_picture(voxels, spec):
    picture = thumbnail(ImageView(MemoryImage(voxels, **spec)))
    assert picture.dtype == np.uint8
    assert max(picture.shape) <= 256
    assert picture.ndim == (3 if spec else 2)


def test_there_is_no_picture_of_damaged_data_and_the_log_is_not_flooded(serve, tmp_path, caplog):
    shutil.copytree(DATA / "idx" / "u16_3d_arco_zip", tmp_path / "line\nbreak")
    blocks = list((tmp_path / "line\nbreak" / "visus").rglob("*.bin"))
    sound = [block.read_bytes() for block in blocks]
    for block in blocks:
        block.write_bytes(b"garbage")
    client = serve([tmp_path])
    for _ in range(5):
        answer = client.get("/api/thumbnail/line%0Abreak/visus.idx")
        assert (answer.status, answer.json["error"]["id"]) == (404, "PYR-IDX-12")
        assert "damaged" in answer.json["error"]["what"]
        assert str(tmp_path) not in answer.body.decode()
    (record,) = caplog.records
    assert record.levelname == "WARNING"
    assert record.getMessage().isprintable()
    for block, content in zip(blocks, sound, strict=True):
        block.write_bytes(content)
    os.utime(tmp_path / "line\nbreak" / "visus.idx")
    assert client.get("/api/thumbnail/line%0Abreak/visus.idx").status == 200


def test_where_a_named_image_lies_is_not_told(serve, tmp_path, caplog):
    folder = tmp_path / "my own data" / "slices of 7"
    folder.mkdir(parents=True)
    for number in range(3):
        imagecodecs = pytest.importorskip("imagecodecs")
        picture = np.full((40, 50), number, np.uint16)
        (folder / f"{number}.png").write_bytes(imagecodecs.png_encode(picture))
    client = serve([f"{folder}/*.png"])
    (folder / "1.png").write_bytes(b"garbage")
    for path in ("/zarr/slices%20of%207/0/c/1/0/0", "/api/thumbnail/slices%20of%207"):
        answer = client.get(path)
        assert answer.status in (404, 500)
        assert "1.png" in answer.body.decode()
        assert "own" not in answer.body.decode()
    assert caplog.records


def test_names_are_only_text(serve, tmp_path):
    for name in NAMES:
        shutil.copytree(DATA / "idx" / "u8_2d_mv_raw", tmp_path / name.removesuffix(".zarr"))
    client = serve([tmp_path])
    page = Links(client.get("/").body.decode())
    assert {"iframe", "object", "b", "style"}.isdisjoint(page.tags)
    assert len(page.datasets) == len(NAMES)
    found = client.get("/api/datasets").json["datasets"]
    assert len(found) == len(NAMES)
    for dataset in found:
        assert client.get(dataset["data"] + "zarr.json").json["node_type"] == "group"
        assert client.get(dataset["thumbnail"]).status == 200


def test_stack_of_pictures_is_not_listed_one_by_one(serve, tmp_path):
    import tifffile

    for k in range(20):
        tifffile.imwrite(tmp_path / f"{k}.tif", voxels_of((70, 80), "uint8", seed=k))
    (tmp_path / "notes.txt").write_text("x")
    client = serve([tmp_path])
    assert client.get("/api/datasets").json == {"datasets": []}
    assert client.get("/notes.txt").body == b"x"
    (tmp_path / "notes.txt").unlink()
    (only,) = serve([tmp_path]).get("/api/datasets").json["datasets"]
    assert (only["name"], only["shape"]) == (tmp_path.name, [20, 70, 80])


def test_one_idx_file_shows_nothing_else_beside_it(serve, tmp_path):
    shutil.copytree(DATA / "idx" / "u16_3d_arco_zip", tmp_path / "d")
    (tmp_path / "d" / "secret.txt").write_text("x")
    client = serve([tmp_path / "d" / "visus.idx"])
    (only,) = client.get("/api/datasets").json["datasets"]
    assert only["name"] == "d/visus.idx"
    assert client.get("/d/visus.idx").status == 200
    assert client.get("/d/visus/0/data/0000/0000/0000/0000.bin").status == 200
    assert client.get("/d/secret.txt").status == 404
    assert client.get("/d/data.npy").status == 404


def test_listing_has_no_datasets_of_its_own(serve):
    client = serve({"": DATA / "idx-cat"}, listing=True)
    assert client.get("/zarr/gray.idx/zarr.json").status == 404
    assert client.get("/mod_visus").status == 404
