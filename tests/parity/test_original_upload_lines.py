"""The upload lines of the three tools' documents, replaced by ours as `docs/coming-from.md` has them.

The lines are taken from the page, the names in them are filled in, and a shell runs them against a real
server. Where the other program is at hand, what it stores is compared.
"""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import sys
import xml.etree.ElementTree as ET
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs, urlsplit

import numpy as np
import pytest
from tests.cli_runner import succeed
from tests.docs.pages import LAB, ROOT, Reader, agrees, blocks, commands, profiles
from tests.formats.idx_written import ArrayImage, write_idx
from tests.object_store.fault_proxy import FaultProxy

pytestmark = pytest.mark.slow

PAGE = ROOT / "docs/coming-from.md"
ROW = re.compile(r"^\| `(?P<there>[^`]+)`[^|]*\| `(?P<here>[^`]+)` \|$", re.M)
ORIGINALS = {
    "aws": "aws s3 --profile <profile> sync ${SRC} ${DST}",
    "s5cmd": 'AWS_PROFILE=<profile> S3_ENDPOINT_URL=<your-endpoint> s5cmd cp --if-size-differ "${SRC}" "${DST}"',
    "example": 'AWS_PROFILE=wasabi s5cmd --endpoint-url ${ENDPOINT_URL} cp --if-size-differ "my-new-dataset/*" "s3://${BUCKET}/my-new-dataset/"',
    "importer": "python src/data_to_s3_importer.py data/",
    "importer of a file": "python -m src.data_to_s3_importer --input FILE --output-dir DIR --bucket B",
    "mc": "minio-mc cp --recursive STORE ALIAS/BUCKET/STEM/",
}
"""As they stand there, with the slips of the second one (``{DST}``, no quotes) corrected."""


def section(title):
    """Return the text of a part of the page, up to the next heading."""
    return re.split(r"^#+ .*$", PAGE.read_text().split(f"\n## {title}\n")[1], flags=re.M)[0]


def replaced(name):
    """Return our line for one of the original ones."""
    rows = {m["there"]: m["here"] for m in ROW.finditer(section("Uploads"))}
    return rows[ORIGINALS[name]]


def test_every_line_is_in_the_page():
    rows = [m["there"] for m in ROW.finditer(section("Uploads"))]
    assert sorted(rows) == sorted(ORIGINALS.values())


@dataclass(frozen=True)
class Lab:
    """Somebody's folder and bucket."""

    folder: Path
    server: Any
    bucket: str

    def type(self, line, **names):
        """Run a line in a shell in which these names are set; returns what is printed, no secret."""
        printed = self.type_openly(line, **names)
        assert self.server.secret_key not in printed
        return printed

    def type_openly(self, line, **names):
        """Run a line, which may print secrets."""
        words = {f"<{k}>": v for k, v in names.items()} | {
            k: v for k, v in names.items() if k.isupper()
        }
        for word, value in words.items():
            line = re.sub(rf"(?<![\w$\{{]){re.escape(word)}(?!\w)", value, line)
        given = {k: v for k, v in names.items() if k.isidentifier()}
        path = f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}"
        done = subprocess.run(
            ["bash", "-c", line],
            cwd=self.folder, env={**os.environ, **given, "PATH": path},
            capture_output=True, text=True, timeout=120, check=False,
        )  # fmt: skip
        assert done.returncode == 0, (line, done.stdout, done.stderr)
        return done.stdout + done.stderr

    def objects(self, bucket=None):
        """Return what is stored, but for what is kept about it."""
        found = self.server.objects(bucket or self.bucket)
        return {key: data for key, data in found.items() if not key.endswith(".manifest.json")}


def below(folder, prefix):
    return {
        f"{prefix}/{p.relative_to(folder).as_posix()}": p.read_bytes()
        for p in folder.rglob("*")
        if p.is_file()
    }


@pytest.fixture
def lab(s3_environment, s3_bucket, tmp_path, monkeypatch):
    """Profiles: `lab` knows its address, as with the endpoint plug-in; `wasabi` has keys only."""
    server, folder = s3_environment, tmp_path / "work"
    keys = profiles(server)
    bare = re.sub(r"endpoint_url.*\n", "", keys).replace(f"profile {LAB}", "wasabi")
    Path(os.environ["AWS_CONFIG_FILE"]).write_text(keys)
    Path(os.environ["AWS_SHARED_CREDENTIALS_FILE"]).write_text(bare)
    for name in ("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY", "AWS_ENDPOINT_URL"):
        monkeypatch.delenv(name)
    voxels = np.random.default_rng(3).integers(0, 255, (1, 1, 20, 60, 70), dtype=np.uint8)
    (folder / "my-new-dataset").mkdir(parents=True)
    write_idx(folder / "my-new-dataset/visus.idx", ArrayImage(voxels), arco=4096)
    return Lab(folder, server, s3_bucket)


@pytest.fixture
def other_bucket(s3_server):
    """Where the original program stores the same."""
    bucket = s3_server.bucket()
    yield bucket
    s3_server.remove_bucket(bucket)


def entry_of(told):
    """Return the attributes of the entry for `datasets.config` that was printed."""
    return ET.fromstring(told.split("in datasets.config: ")[1].splitlines()[0]).attrib


def check_dataset(lab, told, key):
    """Check that the dataset is in the bucket below a key, and that the entry leads to it."""
    assert lab.objects() == below(lab.folder / "my-new-dataset", key)
    url = f"{lab.server.endpoint}/{lab.bucket}/{key}/visus.idx"
    assert entry_of(told) == {"name": key.rpartition("/")[2], "url": url}


def test_aws_s3_sync(lab):
    names = {
        "profile": LAB,
        "SRC": str(lab.folder / "my-new-dataset"),
        "DST": f"s3://{lab.bucket}/whatever/destination/directory",
    }
    told = lab.type(replaced("aws"), **names)
    check_dataset(lab, told, "whatever/destination/directory")


def s5cmd_names(lab, bucket):
    return {
        "profile": "wasabi",
        "your-endpoint": lab.server.endpoint,
        "SRC": f"{lab.folder}/my-new-dataset/*",
        "DST": f"s3://{bucket}/whatever/destination/directory/",
    }


def test_s5cmd(lab, other_bucket):
    told = lab.type(replaced("s5cmd"), **s5cmd_names(lab, lab.bucket))
    check_dataset(lab, told, "whatever/destination/directory")
    lab.type(ORIGINALS["s5cmd"], **s5cmd_names(lab, other_bucket))
    assert lab.objects(other_bucket) == lab.objects()


def test_s5cmd_with_its_endpoint_as_an_option(lab, other_bucket):
    names = {"ENDPOINT_URL": lab.server.endpoint}
    told = lab.type(replaced("example"), BUCKET=lab.bucket, **names)
    check_dataset(lab, told, "my-new-dataset")
    lab.type(ORIGINALS["example"], BUCKET=other_bucket, **names)
    assert lab.objects(other_bucket) == lab.objects()
    # Whoever used the other program before goes on with ours: nothing is sent again.
    again = lab.type(replaced("example"), BUCKET=other_bucket, **names)
    assert ": 0 objects, 0 B" in again


def test_the_index_goes_last(lab):
    """A reader of the bucket never finds an index without its blocks."""
    with FaultProxy(lab.server.endpoint) as proxy:
        lab.type(replaced("example"), BUCKET=lab.bucket, ENDPOINT_URL=proxy.endpoint)
        puts = [e.key for e in proxy.log if e.request.method == "PUT" and "manifest" not in e.key]
    assert puts[-1] == f"{lab.bucket}/my-new-dataset/visus.idx"
    assert puts.count(puts[-1]) == 1
    assert len(puts) == len(lab.objects())


@pytest.fixture
def importing(lab):
    """A folder of waveform files, and address, keys and bucket in `.env` alone."""
    server, folder = lab.server, lab.folder
    (folder / ".env").write_text(
        f"AWS_ACCESS_KEY_ID={server.access_key}\nAWS_SECRET_ACCESS_KEY={server.secret_key}\n"
        f"S3_ENDPOINT_URL={server.endpoint}\nS3_BUCKET_NAME={lab.bucket}\n"
    )
    (folder / "data").mkdir()
    for name in ("a", "b"):
        succeed("generate", f"data/{name}.h5", "--samples", "1e4", cwd=folder)
    shutil.copy(folder / "data/a.h5", folder / "run7.hdf")
    return lab


def stores(lab):
    """Return the Zarr v2 stores that are in the bucket, each in a folder of its name."""
    return {key.removesuffix("/.zgroup") for key in lab.objects() if key.endswith(".zarr/.zgroup")}


def test_importer_with_a_folder(importing):
    importing.type(replaced("importer"))
    assert stores(importing) == {"a/a.zarr", "b/b.zarr"}
    assert sorted(p.name for p in (importing.folder / "data").iterdir()) == ["a.h5", "b.h5"]
    for name in ("a", "b"):
        url = f"s3://{importing.bucket}/{name}/{name}.zarr"
        succeed("verify", url, "--against", f"data/{name}.h5", cwd=importing.folder)


def test_importer_with_a_file(importing):
    names = {"FILE": "run7.hdf", "DIR": "out", "B": importing.bucket}
    importing.type(replaced("importer of a file"), **names)
    assert stores(importing) == {"run7/run7.zarr"}
    assert not list(importing.folder.glob("out/*.zarr"))
    assert (importing.folder / "run7.hdf").exists()


def test_mc_cp(importing):
    succeed("convert", "data/a.h5", "run7.zarr", cwd=importing.folder)
    names = {"STORE": "run7.zarr", "BUCKET": importing.bucket, "STEM": "run7"}
    importing.type(replaced("mc"), **names)
    assert importing.objects() == below(importing.folder / "run7.zarr", "run7/run7.zarr")


def test_the_conversion_example_from_end_to_end(lab, tmp_path, monkeypatch, other_bucket):
    """Slices to IDX to the bucket, as the page has it; then s5cmd stores the same."""
    monkeypatch.setenv("AWS_PROFILE", LAB)
    server, folder = lab.server, tmp_path / "ada"
    folder.mkdir()
    bucket = server.bucket(LAB)
    reader = Reader(folder, server)
    text = PAGE.read_text()
    first, last = (
        text.count("\n", 0, text.index(f"\n## {title}\n")) + 1
        for title in ("Coming from OpenVisus convert", "Uploads")
    )
    n_lines = 0
    try:
        for block in blocks(PAGE):
            if first < block.line < last and block.is_run:
                for command, shown in commands(block.text):
                    printed = reader.type(command, shown)
                    assert agrees(printed, shown), "\n".join([command, *printed])
                    n_lines += 1
        assert n_lines > 8
        found = lab.objects(bucket)
        expected = below(folder / "my-new-dataset", "my-new-dataset")
        assert {k: v for k, v in found.items() if k.startswith("my-")} == expected
        straight = {k: v for k, v in found.items() if k.startswith("straight/")}
        assert straight == below(folder / "my-new-dataset", "straight")
        line = ORIGINALS["example"]
        elsewhere = Lab(folder, server, other_bucket)
        elsewhere.type(line, BUCKET=other_bucket, ENDPOINT_URL=server.endpoint)
        assert elsewhere.objects() == expected
    finally:
        server.remove_bucket(bucket)


def test_keys_are_in_the_entry_only_when_asked(lab):
    """The address with both keys, as the original's `cat <<EOF > datasets.config` had it."""
    line = replaced("example")
    names = {"BUCKET": lab.bucket, "ENDPOINT_URL": lab.server.endpoint}
    assert "access_key" not in lab.type(line, **names)
    address = entry_of(lab.type_openly(f"{line} --with-keys", **names))["url"]
    keys = {"access_key": [lab.server.access_key], "secret_key": [lab.server.secret_key]}
    assert parse_qs(urlsplit(address).query) == keys
