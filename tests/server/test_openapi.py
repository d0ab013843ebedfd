"""The description of the API: well-formed, and kept by the server for requests nobody thought of."""

from __future__ import annotations

import copy
import json
import re
import shutil
import subprocess
import sys
from pathlib import Path
from urllib.parse import urlencode

import numpy as np
import pytest
import tifffile
from openapi_spec_validator import validate
from tests.server.http import Client
from tests.server.images import voxels_of
from tests.server.live import frame_of, push, ring_of, spec_of

from pyramidion.server import LiveView, ServerSettings, build_app, serve_background
from pyramidion.server._errors import STATUS
from pyramidion.server._live_query import PARAMETERS as LIVE
from pyramidion.server._mod_visus_query import PARAMETERS as VISUS
from pyramidion.server._openapi import describe_api
from pyramidion.server._parameters import Whole

IDX = Path(__file__).parents[1] / "data" / "idx"
DATASETS = ["v.tif", "idx/visus.idx", "rgb/visus.idx"]
N_PER_OPERATION = 12
SETTINGS = [
    ServerSettings(),
    ServerSettings(token="secret"),
    ServerSettings(host="0.0.0.0", public=True),
    ServerSettings(cors=("*",), max_pixels=1000),
]


@pytest.fixture(scope="module")
def url(tmp_path_factory):
    """A server with images, a waveform's file and a live camera."""
    folder = tmp_path_factory.mktemp("api")
    shutil.copytree(IDX / "u16_3d_mv_zip", folder / "idx")
    shutil.copytree(IDX / "rgb_2d_arco_lz4", folder / "rgb")
    tifffile.imwrite(folder / "v.tif", voxels_of((5, 60, 70)))
    (folder / "notes.txt").write_text("a file")
    with ring_of(spec_of()) as ring:
        push(ring, 7, frame=frame_of(7))
        with serve_background(build_app([folder], live=LiveView(ring.name))) as url:
            yield url


@pytest.fixture
def api(url):
    with Client(url) as client:
        yield client.get("/api/openapi.json").json


@pytest.mark.parametrize("settings", SETTINGS)
@pytest.mark.parametrize("frame_shape", [None, (100, 200)])
@pytest.mark.parametrize("with_stores", [False, True])
def test_description_is_well_formed(settings, frame_shape, with_stores):
    made = describe_api(settings, frame_shape, with_stores=with_stores)
    validate(made)
    assert json.loads(json.dumps(made)) == made


def test_description_is_served_with_a_tag(client):
    answer = client.get("/api/openapi.json")
    assert (answer.status, answer["content-type"]) == (200, "application/json")
    validate(answer.json)
    known = client.get("/api/openapi.json", If_None_Match=answer["etag"])
    assert known.status == 304


def test_token_is_part_of_the_description(serve, root):
    client = serve([root], token="secret")
    assert client.get("/api/openapi.json").status == 401
    told = client.get("/api/openapi.json", Authorization="Bearer secret").json
    assert told["security"] == [{"token": []}]
    assert "401" in told["paths"]["/api/datasets"]["get"]["responses"]
    assert "/api/session" in told["paths"]
    assert b"secret" not in json.dumps(told).encode()


def test_every_fault_has_a_documented_status(api):
    documented = {
        int(status)
        for path in api["paths"].values()
        for operation in path.values()
        for status in operation["responses"]
    }
    assert set(STATUS.values()) - {401, 403, 502} <= documented  # 403: only a preflight


def declared(api, path, name):
    parameters = api["paths"][path]["get"]["parameters"]
    return next(each["schema"] for each in parameters if each["name"] == name)


@pytest.mark.parametrize("parameter", LIVE, ids=lambda p: p.name)
def test_limits_of_the_live_camera_are_those_told(api, url, parameter):
    schema = declared(api, "/latest", parameter.name)
    whole = {"x": 0, "y": 0, "w": 1, "h": 1} if parameter.name in "xywh" else {}
    low, high = schema["minimum"], schema["maximum"]
    high_ok = high if parameter.name != "wait" else 0
    with Client(url) as client:
        for value, is_allowed in ((low, 1), (high_ok, 1), (low - 1, 0), (high + 1, 0)):
            answer = client.get("/latest?" + urlencode(whole | {parameter.name: value}))
            assert (answer.status in (200, 204)) == is_allowed, value
            if not is_allowed:
                assert answer.json["error"]["field"] == parameter.name


@pytest.mark.parametrize(
    "parameter", [p for p in VISUS if isinstance(p, Whole)], ids=lambda p: p.name
)
def test_limits_of_the_protocol_are_within_those_told(api, url, parameter):
    schema = declared(api, "/mod_visus", parameter.name)
    action = "list" if parameter.name == "port" else "boxquery"
    action = "rangequery" if parameter.name == "from" else action
    query = {"action": action, "dataset": "idx/visus.idx"}
    with Client(url) as client:
        for value, is_allowed in ((schema["minimum"], 1), (schema["minimum"] - 1, 0), (schema["maximum"] + 1, 0)):  # fmt: skip
            answer = client.get("/mod_visus?" + urlencode(query | {parameter.name: value}))
            assert (answer.status == 200) == is_allowed, value


def test_words_told_are_understood(api, url):
    with Client(url) as client:
        for name in ("compression", "palette"):
            for word in declared(api, "/mod_visus", name)["enum"]:
                query = {"action": "boxquery", "dataset": "idx/visus.idx", "box": "0 9 0 9 3 3"}
                if word == "jpg":
                    query["dataset"], query["box"] = "rgb/visus.idx", "0 9 0 9"
                answer = client.get("/mod_visus?" + urlencode(query | {name: word}))
                assert answer.status == 200, word
        for action in declared(api, "/mod_visus", "action")["enum"]:
            query = {"action": action, "dataset": "idx/visus.idx", "block": "0"}
            assert client.get("/mod_visus?" + urlencode(query)).status == 200, action


def aimed(api):
    """Return the description with the names that this server has, so that requests go deep."""
    aimed = copy.deepcopy(api)
    paths = aimed["paths"]
    names = {"type": "string", "enum": [*DATASETS, "none.tif"]}
    for operation in paths["/mod_visus"].values():
        for parameter in operation["parameters"]:
            if parameter["name"] == "dataset":
                parameter["schema"] = names
            if parameter["name"] in ("action", "dataset"):
                parameter["required"] = True
    index = {"type": "integer", "minimum": 0, "maximum": 5}
    chunk = copy.deepcopy(paths["/zarr/{name}/{key}"])
    for method, operation in chunk.items():
        operation["operationId"] = f"chunk-{method}"
        headers = [each for each in operation["parameters"] if each["in"] == "header"]
        operation["parameters"] = headers + [
            {"name": n, "in": "path", "required": True, "schema": index}
            for n in ("l", "z", "y", "x")
        ]
    paths["/zarr/v.tif/{l}/c/{z}/{y}/{x}"] = chunk
    for path, choices in {
        "/zarr/{name}/{key}": {"name": ["v.tif"], "key": ["zarr.json"]},
        "/api/thumbnail/{name}": {"name": ["v.tif", "none.tif"]},
        "/{path}": {"path": ["notes.txt", "v.tif", "none"]},
    }.items():
        for operation in paths[path].values():
            for parameter in operation["parameters"]:
                if parameter["name"] in choices:
                    wanted = {"enum": choices[parameter["name"]]}
                    parameter["schema"] = {"anyOf": [wanted, parameter["schema"]]}
    return aimed


@pytest.mark.slow
def test_generated_requests(api, url, tmp_path):
    """No answer is a 5xx, and none has a status or a media type that is not told."""
    (tmp_path / "api.json").write_text(json.dumps(aimed(api)))
    command = [
        sys.executable, "-m", "schemathesis.cli", "run", "api.json", "--url", url,
        "--checks", "not_a_server_error,status_code_conformance,content_type_conformance",
        "--phases", "coverage,fuzzing", "--max-examples", str(N_PER_OPERATION), "--no-shrink",
        "--no-color", "--warnings", "off", "--seed", "6",
    ]  # fmt: skip
    done = subprocess.run(
        command, cwd=tmp_path, capture_output=True, text=True, timeout=250, check=False
    )
    assert done.returncode == 0, done.stdout[-8000:] + done.stderr[-2000:]
    assert int(re.search(r"(\d+) generated", done.stdout)[1]) >= 300
    with Client(url) as client:
        pixels = client.get("/latest").body
        np.testing.assert_array_equal(np.frombuffer(pixels, "<u2"), frame_of(7).ravel())
