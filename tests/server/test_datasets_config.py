"""``datasets.config`` and ``visus.config``: read, refused and written."""

from __future__ import annotations

import shutil
import xml.etree.ElementTree as ET
from pathlib import Path

import pytest

from pyramidion.core import DataError, MissingError, UsageError
from pyramidion.server import read_config, visus_config

IDX = Path(__file__).parents[1] / "data" / "idx"
OPENVISUS = """<?xml version="1.0" encoding="utf-8"?>
<visus>
  <Configuration><ModVisus><Dynamic enabled="true" msec="3000" filename="x"/></ModVisus></Configuration>
  <datasets>
    <group name="lab">
      <dataset name="one" url="one/visus.idx" permissions="public" location_match="/lab/mod_visus">
        <access type="multiplex"><access type="RamAccess" chmod="rw" available="2GB"/></access>
      </dataset>
      <group name="inner"><dataset name="two" url="file://{folder}/two/visus.idx"/></group>
    </group>
    <dataset name="three &amp; more" url="{folder}/one/visus.idx"/>
  </datasets>
</visus>
"""


@pytest.fixture
def lab(tmp_path):
    shutil.copytree(IDX / "u8_2d_mv_raw", tmp_path / "one")
    shutil.copytree(IDX / "u16_3d_arco_zip", tmp_path / "two")
    return tmp_path


def written(folder, text):
    path = folder / "datasets.config"
    path.write_text(text.replace("{folder}", str(folder)))
    return path


def test_datasets_are_served_under_their_names(serve, lab):
    client = serve(read_config(written(lab, OPENVISUS)))
    found = {d["name"]: d["shape"] for d in client.get("/api/datasets").json["datasets"]}
    assert found == {"one": [37, 100], "two": [33, 45, 60], "three & more": [37, 100]}
    assert client.get("/zarr/three%20%26%20more/zarr.json").status == 200
    assert b"(box)" in client.get("/mod_visus?dataset=two").body
    root = ET.fromstring(client.get("/mod_visus").body)
    assert [(g.get("name"), [d.get("name") for d in g]) for g in root.iter("group")] == [
        ("lab", ["one"]),
        ("inner", ["two"]),
    ]
    assert [d.get("name") for d in root.findall("dataset")] == ["three & more"]


def one(url, name="a"):
    return f'<datasets><dataset name="{name}" url="{url}"/></datasets>'


@pytest.mark.parametrize(
    ("text", "words", "id_"),
    [
        ("", "not XML", "PYR-SRV-07"),
        ("<visus>", "not XML", "PYR-SRV-07"),
        ("<visus/>", "no datasets in it", "PYR-SRV-07"),
        ('<!DOCTYPE x [<!ENTITY a "b">]><datasets/>', "DOCTYPE", "PYR-SRV-07"),
        ("<!doctype html><datasets/>", "DOCTYPE", "PYR-SRV-07"),
        ("<g>" * 70 + "</g>" * 70, "nested too deeply", "PYR-SRV-07"),
        (one(""), "no url", "PYR-SRV-07"),
        (one("one/visus.idx", ""), "not a name", "PYR-SRV-07"),
        (one("one/visus.idx", "../x"), "not a name", "PYR-SRV-07"),
        (one("one/visus.idx", "viewer"), "not a name", "PYR-SRV-07"),
        (
            one("one/visus.idx").replace("</datasets>", '<dataset name="a" url="x"/></datasets>'),
            "named twice",
            "PYR-SRV-07",
        ),
        (one("$(CurrentFileDirectory)/one/visus.idx"), "placeholders", "PYR-SRV-07"),
        (one("https://example.org/visus.idx"), "other servers", "PYR-SRV-07"),
        (one("s3://bucket/visus.idx"), "other servers", "PYR-SRV-07"),
        (
            one("https://u:p@example.org/visus.idx"),
            "credentials in a URL are refused",
            "PYR-UPL-05",
        ),
        (
            one("https://h.org/visus.idx?access_key=K&amp;secret_key=S3CRET"),
            "credentials in a URL are refused: use a profile",
            "PYR-UPL-05",
        ),
    ],
)
def test_what_is_refused(lab, text, words, id_):
    with pytest.raises(UsageError) as caught:
        read_config(written(lab, text))
    assert words in str(caught.value)
    assert caught.value.id == id_
    assert "S3CRET" not in str(caught.value)
    assert len(str(caught.value).splitlines()) == 1


def test_other_encodings_and_missing_files(lab):
    path = lab / "datasets.config"
    path.write_bytes(one("one/visus.idx").encode("utf-16"))
    with pytest.raises(UsageError, match="not UTF-8"):
        read_config(path)
    with pytest.raises(MissingError, match="no such file"):
        read_config(lab / "none.config")
    with pytest.raises(UsageError, match="no such"):
        read_config(written(lab, one("none/visus.idx")))
    (lab / "one" / "visus.idx").write_text("(version)\n7\n")
    with pytest.raises(DataError):
        read_config(written(lab, one("one/visus.idx")))


def test_written_and_read_again(lab):
    names = {'a <b> & "c"': str(lab / "one" / "visus.idx"), "two": str(lab / "two" / "visus.idx")}
    text = visus_config(names, {"two": "lab & more"})
    assert ET.fromstring(text).tag == "visus"
    found = read_config(written(lab, text))
    assert {name: str(path) for name, path in found.images.items()} == names
    assert found.groups == {"two": "lab & more"}


@pytest.mark.slow
def test_the_real_library_reads_what_is_written(lab):
    import subprocess
    import sys

    pytest.importorskip("OpenVisus")
    (lab / "visus.config").write_text(visus_config({"mine": str(lab / "two" / "visus.idx")}))
    code = "import OpenVisus as ov; print('shape', ov.LoadDataset('mine').read().shape)"
    done = subprocess.run(
        [sys.executable, "-c", code],
        cwd=lab,
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    assert "shape (33, 45, 60)" in done.stdout, done.stdout + done.stderr
