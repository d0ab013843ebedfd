"""``/mod_visus``: the protocol of OpenVisus' server, with its limits and its refusals."""

from __future__ import annotations

import json
import re
import shutil
import xml.etree.ElementTree as ET
import zlib
from pathlib import Path
from urllib.parse import urlencode

import imagecodecs
import numpy as np
import pytest
from tests.server.http import Client
from tests.server.images import voxels_of

from pyramidion.server import ServerSettings, build_app, serve_background

IDX = Path(__file__).parents[1] / "data" / "idx"
CASES = json.loads((IDX / "cases.json").read_text())
VOLUME = "u16_3d_mv_zip/visus.idx"
TYPES = {"raw": "application/octet-stream", "zip": "application/zip", "lz4": "application/x-lz4"}


@pytest.fixture(scope="module")
def server():
    with serve_background(build_app([IDX])) as url, Client(url) as client:
        yield client


def ask(client, action, **parameters):
    return client.get("/mod_visus?" + urlencode({"action": action, **parameters}))


def array_of(answer, suffix="", body=None):
    """Decode an array as the clients do: from its headers alone."""
    body = answer.body if body is None else body
    dtype, components = re.fullmatch(r"([a-z]+\d+)(?:\[(\d+)\])?", answer[f"visus-dtype{suffix}"]).groups()  # fmt: skip
    counts = [int(n) for n in answer[f"visus-nsamples{suffix}"].split()]
    n_bytes = np.dtype(dtype).itemsize * int(components or 1) * int(np.prod(counts))
    codec = answer[f"visus-compression{suffix}"]
    assert answer[f"visus-layout{suffix}"] == ""
    if codec == "zip":
        body = zlib.decompress(body)
    elif codec == "lz4":
        body = imagecodecs.lz4_decode(body, header=False, out=n_bytes)
    else:
        assert codec == ""
    assert len(body) == n_bytes
    shape = (*counts[::-1], *([int(components)] if components else []))
    return np.frombuffer(body, dtype).reshape(shape)


def strides(bits, h):
    return [2 ** bits[h + 1 :].count(axis) for axis in "210" if axis in bits]


def bits_of(name):
    return re.search(r"V[012]+", (IDX / name).read_text())[0]


def box_text(shape, n_axes):
    return " ".join(f"0 {n - 1}" for n in shape[:n_axes][::-1])


@pytest.mark.parametrize("case", CASES, ids=lambda c: f"{c['idx']}-{c['field']}-{c['time']}")
@pytest.mark.parametrize("codec", ["", "zip", "lz4"])
def test_golden_boxes_at_all_resolutions(server, case, codec):
    full = np.load(IDX / case["npy"])
    bits = bits_of(case["idx"])
    n_axes = len(strides(bits, 0))
    for h in range(0, len(bits), 3 if codec else 1):
        answer = ask(server, "boxquery", dataset=case["idx"], field=case["field"], time=f"{case['time']:.6f}", box=box_text(full.shape, n_axes), fromh=0, toh=h, maxh=len(bits) - 1, compression=codec)  # fmt: skip
        assert answer.status == 200, answer
        assert answer["content-type"] == TYPES[codec or "raw"]
        wanted = full[tuple(slice(None, None, s) for s in strides(bits, h))]
        np.testing.assert_array_equal(array_of(answer), wanted)


@pytest.mark.parametrize("case", CASES[::2], ids=lambda c: f"{c['idx']}-{c['field']}-{c['time']}")
def test_golden_blocks(server, case):
    """Each block put where its grid is: together they are the dataset."""
    from tests.formats.idx_files import hz_addresses

    full = np.load(IDX / case["npy"])
    text = ask(server, "readdataset", dataset=case["idx"]).body.decode()
    bits, bpb = re.search(r"V[012]+", text)[0], int(re.search(r"\(bitsperblock\)\n(\d+)", text)[1])
    address = hz_addresses(bits)
    components = full.shape[len(strides(bits, 0)) :]
    found = np.zeros((*address.shape, *components), full.dtype)
    numbers = [str(b) for b in range(2 ** (len(bits) - 1 - bpb))]
    for some in (numbers[i : i + 8] for i in range(0, len(numbers), 8)):
        answer = ask(server, "rangequery", dataset=case["idx"], field=case["field"], time=case["time"], block=" ".join(some), compression="zip")  # fmt: skip
        at = 0
        for i, number in enumerate(some):
            suffix, body = "", answer.body
            if len(some) > 1:
                assert answer["response-compose-num"] == str(len(some))
                assert answer[f"status-{i}"] == "200"
                suffix, n_bytes = f"-{i}", int(answer[f"body-size-{i}"])
                body, at = answer.body[at : at + n_bytes], at + n_bytes
            block = array_of(answer, suffix, body)
            own = address >> bpb == int(number)
            found[own] = block.reshape(-1, *components)
    whole = found[tuple(slice(n) for n in [*([1] * (3 - len(strides(bits, 0)))), *full.shape[: len(strides(bits, 0))]])]  # fmt: skip
    np.testing.assert_array_equal(whole.reshape(full.shape), full)


def test_old_names_and_addresses(server):
    new = ask(server, "boxquery", dataset=VOLUME, box="0 9 0 9 0 9")
    assert ask(server, "query", dataset=VOLUME, box="0 9 0 9 0 9").body == new.body
    one = ask(server, "blockquery", dataset=VOLUME, block="5")
    assert ask(server, "rangequery", dataset=VOLUME, **{"from": 5 * 4096}).body == one.body


def test_list_and_ping(server):
    answer = server.get("/mod_visus")
    root = ET.fromstring(answer.body)
    names = sorted({case["idx"] for case in CASES} | {"hole_mv/visus.idx"})
    assert [entry.get("name") for entry in root] == names
    assert root[0].get("url").startswith("$(protocol)://$(hostname):$(port)/mod_visus?action=readdataset&dataset=")  # fmt: skip
    filled = ask(server, "list", format="json", protocol="https", hostname="h.org", port=443).json
    assert filled["name"] == "datasets"
    assert filled["childs"][0]["attributes"]["url"].startswith("https://h.org:443/mod_visus?")
    ping = ask(server, "ping", dataset=VOLUME)
    assert (ping.status, ping.body, ping["block-query-support-aggregation"]) == (200, b"", "1")


def test_header_in_both_forms(server):
    text = server.get(f"/mod_visus?dataset={VOLUME}")
    assert text["visus-typename"] == "IdxDataset"
    assert text["content-type"] == "application/octet-stream"
    assert b"(box)\n0 59 0 44 0 32\n" in text.body
    root = ET.fromstring(ask(server, "readdataset", dataset=VOLUME, format="xml").body)
    assert root.get("typename") == "IdxDataset"
    assert root.find("idxfile/box").get("value") == "0 60 0 45 0 33"
    assert root.find("idxfile/field").get("dtype") == "uint16"
    timed = ET.fromstring(ask(server, "readdataset", dataset="u8_2d_mv_time/visus.idx", format="xml").body)  # fmt: skip
    assert timed.find("idxfile/timestep").attrib == {"from": "0", "to": "2", "step": "1"}


def test_pictures_have_their_rows_bottom_up(server):
    name = "rgb_2d_arco_lz4/visus.idx"
    full = np.load(IDX / "rgb_2d_arco_lz4" / "data.npy")
    answer = ask(server, "boxquery", dataset=name, compression="png")
    assert answer["content-type"] == "image/png"
    np.testing.assert_array_equal(imagecodecs.png_decode(answer.body), full[::-1])
    answer = ask(server, "boxquery", dataset=name, compression="jpg")
    assert answer["content-type"] == "image/jpeg"
    decoded = imagecodecs.jpeg8_decode(answer.body)
    assert np.abs(decoded.astype(int) - full[::-1]).mean() < 12
    volume = np.load(IDX / "u16_3d_mv_zip" / "data.npy")
    slices = {"0 59 0 44 7 7": volume[7], "0 59 9 9 0 32": volume[:, 9], "3 3 0 44 0 32": volume[:, :, 3]}  # fmt: skip
    for box, wanted in slices.items():
        answer = ask(server, "boxquery", dataset=VOLUME, box=box, compression="png")
        np.testing.assert_array_equal(imagecodecs.png_decode(answer.body), wanted[::-1])


def test_palettes(server):
    plane = np.load(IDX / "u16_3d_mv_zip" / "data.npy")[7].astype(float)
    shown = {"dataset": VOLUME, "box": "0 59 0 44 7 7", "palette": "gray"}
    answer = ask(server, "boxquery", **shown, palette_min=100, palette_max=1000.5)
    colours = array_of(answer)[0]
    grey = np.rint(np.clip((plane - 100) / 900.5, 0, 1) * 255)
    assert answer["visus-dtype"] == "uint8[4]"
    assert answer["visus-source-dtype"] == "uint16"
    np.testing.assert_array_equal(colours, np.dstack([grey] * 3 + [np.full_like(grey, 255)]))
    answer = ask(server, "boxquery", **shown)
    assert (answer["visus-palette-min"], answer["visus-palette-max"]) == (f"{plane.min():f}", f"{plane.max():f}")  # fmt: skip
    picture = imagecodecs.png_decode(ask(server, "boxquery", **shown, compression="png").body)
    np.testing.assert_array_equal(picture, array_of(answer)[0][::-1])
    for name in ("grey", "viridis", "magma", "cividis", "hot", "rich"):
        assert ask(server, "boxquery", **{**shown, "palette": name}).status == 200


@pytest.mark.parametrize(
    ("parameters", "status", "field"),
    [
        ({"dataset": "none.idx"}, 404, None),
        ({"dataset": ""}, 400, "dataset"),
        ({"dataset": "../u16_3d_mv_zip/visus.idx"}, 404, None),
        ({"dataset": "u16_3d_mv_zip"}, 404, None),
        ({"field": "none"}, 404, None),
        ({"time": "1"}, 400, "time"),
        ({"time": "nan"}, 400, "time"),
        ({"time": "1e30"}, 400, "time"),
        ({"time": "inf"}, 400, "time"),
        ({"box": ""}, 400, "box"),
        ({"box": "0 9 0 9"}, 400, "box"),
        ({"box": "0 9 0 9 0 9 0 9"}, 400, "box"),
        ({"box": "9 0 0 9 0 9"}, 400, "box"),
        ({"box": "-1 9 0 9 0 9"}, 400, "box"),
        ({"box": "0 1e1 0 9 0 9"}, 400, "box"),
        ({"box": "0 64 0 9 0 9"}, 400, "box"),
        ({"box": "0 999999999999999999999999999999 0 9 0 9"}, 400, "box"),
        ({"box": "0,9,0,9,0,9"}, 400, "box"),
        ({"box": "0 59 0 44 7 7", "toh": "15"}, 400, None),
        ({"toh": "19"}, 400, "toh"),
        ({"toh": "-1"}, 400, "toh"),
        ({"toh": "1.5"}, 400, "toh"),
        ({"maxh": "99"}, 400, "maxh"),
        ({"maxh": "5", "toh": "6"}, 400, "toh"),
        ({"fromh": "3"}, 400, "fromh"),
        ({"compression": "zfp"}, 400, "compression"),
        ({"compression": "bogus"}, 400, "compression"),
        ({"compression": "jpg", "box": "0 9 0 9 3 3"}, 400, None),
        ({"compression": "png"}, 400, None),
        ({"palette": "none"}, 400, "palette"),
        ({"palette": "gray", "palette_min": "x"}, 400, "palette_min"),
        ({"palette": "gray", "palette_max": "nan"}, 400, "palette_max"),
    ],
)
def test_bad_boxes_are_refused(server, parameters, status, field):
    answer = ask(server, "boxquery", **{"dataset": VOLUME, **parameters})
    assert answer.status == status
    error = answer.json["error"]
    assert error.get("field") == field
    assert ("allowed" in error) == (field is not None)
    assert error["what"] in answer["visus-errormsg"]
    assert server.n_connections == 1


@pytest.mark.parametrize("block", ["", "64", "-1", "x", "1 2 999", "0 " * 65, "1e1", "9" * 40])
def test_bad_blocks_are_refused(server, block):
    answer = ask(server, "rangequery", dataset=VOLUME, block=block)
    assert (answer.status, answer.json["error"]["field"]) == (400, "block")


@pytest.mark.parametrize(
    ("query", "status"),
    [
        ("action=bogus", 404),
        ("action=pointquery&dataset=x", 501),
        ("action=boxquery", 400),
        ("action=boxquery&dataset=a&dataset=b", 400),
        ("action=boxquery&dataset=%ff", 400),
        ("action=boxquery&dataset=%00", 404),
        ("action=list&format=yaml", 400),
        ("&".join(f"p{i}=1" for i in range(100)), 400),
    ],
)
def test_bad_queries_are_refused(server, query, status):
    answer = server.get(f"/mod_visus?{query}")
    assert answer.status == status
    assert answer["visus-errormsg"]


def test_over_the_limit_names_the_level_that_fits():
    settings = ServerSettings(port=0, max_pixels=20_000)
    with serve_background(build_app([IDX], settings), settings) as url, Client(url) as client:
        answer = ask(client, "boxquery", dataset=VOLUME)
        assert answer.status == 413
        assert "20000" in answer.json["error"]["what"]
        fits = int(re.search(r"toh=(\d+) fits", answer.json["error"]["mend"])[1])
        assert ask(client, "boxquery", dataset=VOLUME, toh=fits).status == 200
        assert ask(client, "boxquery", dataset=VOLUME, toh=fits + 1).status == 413
        assert ask(client, "rangequery", dataset=VOLUME, block="1 2 3 4 5").status == 413
        assert ask(client, "rangequery", dataset=VOLUME, block="1 2 3 4").status == 200


def test_damaged_block_is_told_and_does_not_hold_back_others(serve, tmp_path):
    shutil.copytree(IDX / "u16_3d_arco_zip", tmp_path / "d")
    path = tmp_path / "d" / "visus" / "0" / "data" / "0000" / "0000" / "0000" / "0005.bin"
    path.write_bytes(b"garbage")
    client = serve([tmp_path])
    answer = ask(client, "rangequery", dataset="d/visus.idx", block="4 5 6", compression="zip")
    assert [answer[f"status-{i}"] for i in range(3)] == ["200", "500", "200"]
    assert answer["body-size-1"] == "0"
    assert "damaged" in answer["visus-errormsg-1"]
    alone = ask(client, "rangequery", dataset="d/visus.idx", block="5")
    assert (alone.status, alone.json["error"]["id"]) == (500, "PYR-IDX-12")
    assert str(tmp_path) not in alone.body.decode()
    assert ask(client, "boxquery", dataset="d/visus.idx").status == 500


def test_pages_of_this_machine_see_the_headers(server):
    query = f"/mod_visus?action=boxquery&dataset={VOLUME}&toh=6"
    shown = server.get(query, Origin="http://localhost:1234")["access-control-expose-headers"]
    assert {"visus-dtype", "visus-nsamples", "ETag"} <= set(shown.split(", "))
    assert server.get(query, Origin="http://example.org").cors == set()
    refused = server.get("/mod_visus?action=x", Origin="http://localhost:1234")
    assert "visus-errormsg" in refused["access-control-expose-headers"]


def test_what_is_not_idx_is_made_one(serve, tmp_path):
    """A volume in .npy and a colour picture, with the header that the library would write."""
    voxels = voxels_of((20, 70, 81), "uint16")
    picture = voxels_of((90, 120, 3), "uint8")
    np.save(tmp_path / "v.npy", voxels)
    (tmp_path / "p").mkdir()
    (tmp_path / "p" / "a.png").write_bytes(imagecodecs.png_encode(picture))
    client = serve([tmp_path / "v.npy", f"{tmp_path}/p/*.png"])
    text = ask(client, "readdataset", dataset="v.npy").body.decode()
    bits = re.search(r"V[012]+", text)[0]
    assert "(box)\n0 80 0 69 0 19\n" in text
    for h in (len(bits) - 1, 12, 7, 3, 0):
        wanted = voxels[tuple(slice(None, None, s) for s in strides(bits, h))]
        np.testing.assert_array_equal(array_of(ask(client, "boxquery", dataset="v.npy", toh=h)), wanted)  # fmt: skip
    answer = ask(client, "boxquery", dataset="p", compression="png")
    np.testing.assert_array_equal(imagecodecs.png_decode(answer.body), picture[::-1])
    assert array_of(ask(client, "rangequery", dataset="v.npy", block="0")).size == 2**16
