"""The rows CFG of the bad-input catalogue: what is wrong in the configuration of a recording."""

from __future__ import annotations

import json
import os
import re
import time

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pyramidion.core import UsageError
from pyramidion.workflows._acquire_config import ConfigError, read_config
from pyramidion.workflows._config_json import MAX_BYTES, NotJsonError, parse_json

README = """{
  "camera_index": 0,
  "output_path": "data.zarr",
  "max_frames": null,

  "chunking": {
    "x": null,
    "y": null,
    "t": 64
  },

  "sharding": {
    "x": 1,
    "y": 1,
    "t": 1
  },

  "compression": {
    "enabled": true,
    "codec": "zstd",
    "level": 5
  },

  "multiscale": {
    "enabled": false,
    "method": "mean"
  },

  "http_server": {
    "enabled": true,
    "port": 8080,
    "host": "0.0.0.0"
  }
}
"""
"""The example of dcam2zarr's own text."""


@pytest.fixture
def write(tmp_path, monkeypatch):
    """Return a function that writes ``cfg.json`` in the current folder and reads it."""
    monkeypatch.chdir(tmp_path)

    def read(text):
        data = json.dumps(text) if isinstance(text, dict) else text
        path = tmp_path / "cfg.json"
        path.write_bytes(data if isinstance(data, bytes) else data.encode())
        return read_config(path.relative_to(tmp_path))

    return read


def lines_of(read, text) -> list[str]:
    with pytest.raises(ConfigError) as caught:
        read(text)
    assert caught.value.status == 2
    return [each.line for each in (caught.value, *caught.value.others)]


def line_of(read, text, row) -> str:
    with pytest.raises(ConfigError) as caught:
        read(text)
    assert caught.value.status == 2
    assert caught.value.id == f"PYR-CFG-{row:02}"
    assert not caught.value.others
    assert "\n" not in caught.value.line
    return caught.value.line


def test_the_example_of_the_original(write):
    config = write(README)
    assert config.values == {
        "CAMERA": "dcam:0", "--output": "data.zarr", "--frames": None,
        "--chunk-x": None, "--chunk-y": None, "--chunk-t": 64,
        "--shard-x": 1, "--shard-y": 1, "--shard-t": 1,
        "--compression": "blosc-zstd:5", "--levels": "",
        "--live": True, "--port": 8080, "--host": "0.0.0.0",
    }  # fmt: skip


def test_defaults_of_the_original(write):
    on = {"compression": {"enabled": True}, "multiscale": {"enabled": True}}
    assert write(on).values == {"--compression": "blosc-zstd:3", "--levels": "mean"}
    off = {"compression": {"enabled": False, "codec": "lz4"}, "multiscale": {"enabled": False}}
    assert write(off).values == {"--compression": "none", "--levels": ""}
    assert write({}).values == {}


def test_what_we_add(write):
    config = write(
        {
            "camera": "sim:width=64",
            "duration": "1.5m",
            "settings": {"exposure": "10ms", "roi": [0, 0, 64, 32], "binning": 2, "fan": True},
            "multiscale": {"enabled": True, "method": "max", "when": "end"},
            "http_server": {"enabled": True, "cors": "https://example.org"},
            "ring": "2GiB", "buffer_frames": 100, "when_full": "stop", "timeout": 0,
            "reserve": "1GB", "allow_drops": True, "writer": "acquire-zarr", "workers": 2,
        }
    )  # fmt: skip
    assert config.values == {
        "CAMERA": "sim:width=64", "--duration": 90.0, "--levels": "max", "--levels-when": "end",
        "--live": True, "--cors": ("https://example.org",), "--ring": 2**31, "--buffers": 100,
        "--when-full": "stop", "--timeout": 0.0, "--reserve": 2**30, "--allow-drops": True,
        "--writer": "acquire-zarr", "--workers": 2,
    }  # fmt: skip
    assert config.settings == {
        "exposure": "0.01", "roi": "0,0,64,32", "binning": "2", "fan": "true",
    }  # fmt: skip


@pytest.mark.parametrize(
    ("text", "place", "words"),
    [
        (b"", "1:1", "the file is empty"),
        (b" \n\n", "3:1", "the file is empty"),
        ('{\n "a": 1,\n "chunking": {\n  "x": 1,\n  "y": 1,\n  "t": 64,\n  }\n}', "6:10", "`,` before `}`"),
        ('{"roi": [1, 2,]}', "1:14", "`,` before `]`"),
        ('{\n  // frames\n  "max_frames": 5}', "2:3", "comment"),
        ('{\n  "max_frames": 5 /* all */}', "2:19", "comment"),
        ('{"max_frames": 5} # end', "1:19", "comment"),
        (b"\xef\xbb\xbf{}", "1:1", "byte order mark"),
        ("{}".encode("utf-16"), "1:1", "UTF-16"),
        ("{}".encode("utf-16-be"), "1:1", "`\\x00` is no value"),
        (b'{\n "camera": "\xff"}', "2:13", "byte 0xff is not UTF-8"),
        ("camera_index = 0", "1:1", "`camera_index` is no value"),
        ('{"a": 1', "1:8", "`,` or `}` is needed before the end"),
        ('{"a" 1}', "1:6", "`:` is needed before `1`"),
        ("{'a': 1}", "1:2", "a key in double quotes is needed before `'`"),
        ('{"a": NaN}', "1:7", "`NaN` is no value"),
        ('{"a": -Infinity}', "1:7", "`-Infinity` is no value"),
        ('{"a": 01}', "1:7", "`01` is no value"),
        ('{"a": 1} {', "1:10", "`{` after the end"),
        ('{"a": "b\nc"}', "1:9", "invalid control character"),
        ('{"a": "b', "1:7", "unterminated string"),
        ('{"a": "\\ud800"}', "1:7", "half of a surrogate pair"),
        ("[" * 100, "1:66", "nested deeper than 64"),
        (f'{{"a": {"9" * 5000}}}', "1:7", "is no value"),
    ],
)  # fmt: skip
def test_cfg_01_not_json(write, text, place, words):
    line = line_of(write, text, 1)
    assert re.match(rf"cfg\.json:{place}: not valid JSON \(", line), line
    assert words in line


def test_cfg_01_files(tmp_path):
    def line(path):
        with pytest.raises(ConfigError) as caught:
            read_config(path)
        assert (caught.value.id, caught.value.status) == ("PYR-CFG-01", 2)
        return caught.value.line

    assert line(tmp_path / "no.json").endswith("no.json: no such file")
    assert "is a directory" in line(tmp_path)
    os.mkfifo(tmp_path / "pipe")
    assert "not a regular file" in line(tmp_path / "pipe")
    with (tmp_path / "big.json").open("wb") as file:
        file.truncate(MAX_BYTES + 1)
    assert "more than 16777216 B" in line(tmp_path / "big.json")


@pytest.mark.parametrize(
    "text",
    [
        '{"a": [' + "1," * 2_000_000 + "1]}",
        "{" + ",".join(f'"k{n}": 1' for n in range(1_000_000)) + "}",
        '{"a":' + " " * (MAX_BYTES - 10) + "1}",
        '{"a": "' + "x" * (MAX_BYTES - 20) + '"}',
        "{" + '"a": 1,' * 2_000_000 + '"a": 1}',
    ],
    ids=["numbers", "keys", "blanks", "text", "the same key"],
)
def test_a_large_file_is_refused_soon(write, text):
    began = time.thread_time()  # others on the machine do not count
    lines = lines_of(write, text)
    assert time.thread_time() - began < 3
    assert len(lines) == 1
    assert len(lines[0]) < 500


@pytest.mark.parametrize(
    ("config", "line"),
    [
        ({"chunking": {"tt": 1}}, "cfg.json: chunking.tt unknown: did you mean chunking.t?"),
        ({"max_frame": 1}, "cfg.json: max_frame unknown: did you mean max_frames?"),
        ({"http_server": {"prot": 1}}, "cfg.json: http_server.prot unknown: did you mean http_server.port?"),
        ({"chunking": {"z": {"deep": 1}}}, "cfg.json: chunking.z unknown: did you mean chunking"),
        ({"zebra": 1}, "cfg.json: zebra unknown: known are allow_drops, buffer_frames, camera"),
        ({"a\nb": 1}, "cfg.json: a\\nb unknown: known are"),
    ],
)  # fmt: skip
def test_cfg_02_unknown_key(write, config, line):
    assert line_of(write, config, 2).startswith(line)


def test_cfg_03_key_twice(write):
    text = '{\n "camera_index": 0,\n\n "max_frames": 1,\n "chunking": {\n\n\n },\n "max_frames": 2}'
    assert line_of(write, text, 3) == "cfg.json: max_frames given twice (lines 4 and 9)"
    text = '{"chunking": {"t": 1,\n "t": 1}}'
    assert line_of(write, text, 3) == "cfg.json: chunking.t given twice (lines 1 and 2)"


@pytest.mark.parametrize(
    ("config", "line"),
    [
        ({"chunking": {"t": "64"}}, 'cfg.json: chunking.t: whole number needed ("64")'),
        ({"chunking": {"t": 64.0}}, "cfg.json: chunking.t: whole number needed (64.0)"),
        ({"chunking": {"t": True}}, "cfg.json: chunking.t: whole number needed (true)"),
        ({"sharding": {"t": None}}, "cfg.json: sharding.t: whole number needed (null)"),
        ({"camera_index": None}, "cfg.json: camera_index: whole number needed (null)"),
        ({"max_frames": [1]}, "cfg.json: max_frames: whole number needed (a list)"),
        ({"chunking": 64}, "cfg.json: chunking: object needed (64)"),
        ({"settings": []}, "cfg.json: settings: object needed (a list)"),
        ({"compression": {"enabled": "yes"}}, 'cfg.json: compression.enabled: true or false needed ("yes")'),
        ({"output_path": 5}, "cfg.json: output_path: text needed (5)"),
        ({"output_path": ""}, 'cfg.json: output_path: text needed ("")'),
        ({"http_server": {"host": None}}, "cfg.json: http_server.host: text needed (null)"),
        ({"settings": {"gain": {}}}, "cfg.json: settings.gain: text or number needed (an object)"),
        ({"settings": {"roi": [1, 2]}}, "cfg.json: settings.roi: not a region (a list): write X,Y,WIDTH,HEIGHT"),
        ({"duration": "3 weeks"}, 'cfg.json: duration: not a time ("3 weeks"): write for example 10ms'),
        ({"ring": "4m"}, 'cfg.json: ring: not a size ("4m"): write for example 4MB or 4MiB'),
        ({"ring": 4}, "cfg.json: ring: text needed (4)"),
    ],
)  # fmt: skip
def test_cfg_04_wrong_type(write, config, line):
    assert line_of(write, config, 4).startswith(line)


def test_cfg_04_no_object(write):
    assert line_of(write, "[1, 2]", 4) == "cfg.json:1:1: object needed (a list)"


@pytest.mark.parametrize(
    ("config", "line"),
    [
        ({"chunking": {"t": 0}}, "cfg.json: chunking.t: at least 1 (0)"),
        ({"sharding": {"x": 0}}, "cfg.json: sharding.x: at least 1 (0)"),
        ({"max_frames": 0}, "cfg.json: max_frames: at least 1 (0)"),
        ({"camera_index": -1}, "cfg.json: camera_index: at least 0 (-1)"),
        ({"http_server": {"port": 99999}}, "cfg.json: http_server.port: 0 to 65535 (99999)"),
        ({"compression": {"enabled": True, "level": 99}}, "cfg.json: compression.level: 0 to 9 (99)"),
        ({"compression": {"enabled": True, "codec": "gzip"}}, 'cfg.json: compression.codec: one of zstd, lz4 ("gzip")'),
        ({"multiscale": {"enabled": True, "method": "decimate"}}, "cfg.json: multiscale.method: one of mean, min, max"),
        ({"settings": {"rate": -1}}, "cfg.json: settings.rate: must be above 0 (-1)"),
        ({"settings": {"exposure": 0}}, "cfg.json: settings.exposure: must be above 0 s (0)"),
        ({"settings": {"roi": "0,0,0,4"}}, "cfg.json: settings.roi: a region has"),
        ({"duration": 0}, "cfg.json: duration: must be above 0 s (0)"),
    ],
)  # fmt: skip
def test_cfg_05_out_of_range(write, config, line):
    assert line_of(write, config, 5).startswith(line)


@pytest.mark.parametrize(
    ("config", "line"),
    [
        ({"compression": {"codec": "zstd"}}, 'cfg.json: compression.codec: has no effect without compression.enabled ("zstd")'),
        ({"multiscale": {"method": "min"}}, 'cfg.json: multiscale.method: has no effect without multiscale.enabled ("min")'),
        ({"camera": "sim:", "camera_index": 0}, "cfg.json: camera: contradicts camera_index: keep one"),
    ],
)  # fmt: skip
def test_cfg_06_combinations(write, config, line):
    assert line_of(write, config, 6).startswith(line)


def test_cfg_06_is_told_of_the_key_that_is_meant(write):
    """What only the camera's frame shows to be wrong is said of the file, or of the option."""
    config = write({"sharding": {"x": 3}, "settings": {"roi": "0,0,1001,4"}})
    fault = UsageError("sharding.x", "3 x 1024 px exceeds the frame", "2304 px", id="PYR-CFG-06")
    blamed = config.blamed(fault)
    assert blamed.line == "cfg.json: sharding.x: 3 x 1024 px exceeds the frame (2304 px)"
    assert blamed.id == "PYR-CFG-06"
    assert config.blamed(fault, {"--shard-x"}).where == "--shard-x"
    assert config.blamed(UsageError("roi.width", "x")).where == "cfg.json: settings.roi.width"
    assert config.blamed(UsageError("exposure", "x")).where == "exposure"
    assert config.blamed(UsageError("sharding", "x")).where == "cfg.json: sharding.x"


def test_cfg_08_paths(write, monkeypatch):
    monkeypatch.setenv("DATA", "/data/lab")
    monkeypatch.setenv("HOME", "/home/ada")
    for given_, expanded in [
        ("$DATA/a.zarr", "/data/lab/a.zarr"), ("${DATA}/a.zarr", "/data/lab/a.zarr"),
        ("~/a.zarr", "/home/ada/a.zarr"), ("a/b.zarr", "a/b.zarr"), ("5$$.zarr", "5$.zarr"),
    ]:  # fmt: skip
        assert write({"output_path": given_}).values["--output"] == expanded
    monkeypatch.delenv("DATA")
    line = line_of(write, {"output_path": "$DATA/a.zarr"}, 8)
    assert line.startswith("cfg.json: output_path: $DATA is not set: ")
    assert "~ is not known" in line_of(write, {"output_path": "~nobody-here/a"}, 8)
    assert "not a path" in line_of(write, {"output_path": "a\0b"}, 8)


def test_cfg_09_several_at_once(write):
    lines = lines_of(write, '{"tt": 1,\n "max_frames": "5",\n "ring": "2GB", "ring": "3GB"}')
    assert lines == [
        "cfg.json: ring given twice (lines 3 and 3)",
        lines[1],
        'cfg.json: max_frames: whole number needed ("5")',
    ]
    assert lines[1].startswith("cfg.json: tt unknown")


def test_cfg_09_at_most_ten(write):
    lines = lines_of(write, {f"key{n}": 1 for n in range(30)})
    assert len(lines) == 10
    assert lines[-1] == "cfg.json: 21 more faults"
    assert len(lines_of(write, {f"key{n}": 1 for n in range(10)})) == 10


@given(st.recursive(
    st.none() | st.booleans() | st.integers(-(10**30), 10**30) | st.text() | st.floats(allow_nan=False, allow_infinity=False),
    lambda inner: st.lists(inner) | st.dictionaries(st.text(), inner),
))  # fmt: skip
def test_reads_what_the_standard_library_writes(value):
    def plain(node):
        if isinstance(node.value, dict):
            return {key: plain(inner) for key, inner in node.value.items()}
        return (
            [plain(inner) for inner in node.value] if isinstance(node.value, list) else node.value
        )

    for indent in (None, 2):
        node, twice = parse_json(json.dumps(value, indent=indent, ensure_ascii=False).encode())
        assert plain(node) == value
        assert not twice


@given(
    st.binary(max_size=50) | st.text(alphabet='{}[]",:0123.e- \nnultr', max_size=50).map(str.encode)
)
def test_says_where_of_whatever_comes(data):
    place = (1, 1)
    try:
        parse_json(data)
        json.loads(data)
    except NotJsonError as error:
        place = error.line, error.column
    assert min(place) >= 1
