"""The JSON file that says how to record: its keys, and what is wrong with one.

Every value is kept under the name of the option that says the same, so that what is typed can take
its place: ``max_frames`` is ``--frames``.
"""

from __future__ import annotations

import difflib
import json
import stat
from collections.abc import Container, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, NamedTuple

from pyramidion.core import UsageError, escape, parse_count
from pyramidion.workflows import _config_values as v
from pyramidion.workflows._config_json import MAX_BYTES, Node, NotJsonError, parse_json

MOST_ERRORS = 10
"""Lines that are printed of a file with many faults."""


class _Key(NamedTuple):
    """What a key says: the option with the same meaning, and the check of its value."""

    option: str
    check: v.Check


_CHUNK = v.or_null(v.whole(1))
_PORT = v.whole(0, 65535)

COUNTS = frozenset(
    [
        "--frames",
        "--chunk-x",
        "--chunk-y",
        "--chunk-t",
        "--shard-x",
        "--shard-y",
        "--shard-t",
        "--port",
        "--buffers",
        "--workers",
    ]
)
"""Options whose value is a whole number, which is typed as ``1000``, ``1e3`` or ``1_000``."""

KEYS: Mapping[str, _Key] = {
    "camera_index": _Key("CAMERA", v.whole(0)),
    "camera": _Key("CAMERA", v.text),
    "output_path": _Key("--output", v.path),
    "max_frames": _Key("--frames", v.or_null(v.whole(1))),
    "duration": _Key("--duration", v.or_null(v.seconds)),
    "chunking.x": _Key("--chunk-x", _CHUNK),
    "chunking.y": _Key("--chunk-y", _CHUNK),
    "chunking.t": _Key("--chunk-t", _CHUNK),
    "sharding.x": _Key("--shard-x", v.whole(1)),
    "sharding.y": _Key("--shard-y", v.whole(1)),
    "sharding.t": _Key("--shard-t", v.whole(1)),
    "compression.enabled": _Key("", v.flag),
    "compression.codec": _Key("", v.one_of("zstd", "lz4")),
    "compression.level": _Key("", v.whole(0, 9)),
    "multiscale.enabled": _Key("", v.flag),
    "multiscale.method": _Key("", v.one_of("mean", "min", "max")),
    "multiscale.when": _Key("--levels-when", v.one_of("recording", "end")),
    "http_server.enabled": _Key("--live", v.flag),
    "http_server.host": _Key("--host", v.text),
    "http_server.port": _Key("--port", _PORT),
    "http_server.cors": _Key("--cors", v.names),
    "writer": _Key("--writer", v.one_of("pyramidion", "acquire-zarr")),
    "ring": _Key("--ring", v.size),
    "buffer_frames": _Key("--buffers", v.whole(1)),
    "when_full": _Key("--when-full", v.one_of("drop", "stop")),
    "timeout": _Key("--timeout", v.patience),
    "reserve": _Key("--reserve", v.size),
    "allow_drops": _Key("--allow-drops", v.flag),
    "workers": _Key("--workers", v.whole(1, 1024)),
}
"""Keys with a checked value, by their full name. ``settings.NAME`` is a property of the camera."""

SECTIONS = ("chunking", "sharding", "compression", "multiscale", "http_server", "settings")
SETTINGS = "settings"
DEFAULT_CODEC, DEFAULT_LEVEL = "zstd", 3
CHECKS: Mapping[str, v.Check] = {key.option: key.check for key in KEYS.values() if key.option}


def typed_value(option: str, text: str) -> Any:
    """Return the checked value of an option from what was typed.

    Parameters
    ----------
    option : str
        One that a key stands for: ``--chunk-t``.
    text : str
        As typed.

    Raises
    ------
    UsageError
        If it is wrong; names the option.
    """
    try:
        return CHECKS[option](parse_count(text, option) if option in COUNTS else text)
    except v.WrongValueError as error:
        raise UsageError(option, error.what, text, error.mend, id="PYR-ALL-13") from None


def typed_setting(option: str, name: str, text: str) -> str:
    """Return the checked value of a camera's property from what was typed.

    Raises
    ------
    UsageError
        If it is wrong; names the option.
    """
    try:
        return v.property_value(name, text)
    except v.WrongValueError as error:
        raise UsageError(option, error.what, text, error.mend, id="PYR-ALL-13") from None


class ConfigError(UsageError):
    """A configuration with one or more faults; the line is the first one's.

    Parameters
    ----------
    faults : list of UsageError
        At least one, in the order in which they stand in the file.
    """

    def __init__(self, faults: list[UsageError]) -> None:
        first = faults[0]
        super().__init__(first.where, first.what, first.value, first.mend, id=first.id)
        shown = faults[1:]
        if len(faults) > MOST_ERRORS:
            what = f"{len(faults) - MOST_ERRORS + 1} more faults"
            last = UsageError(first.where.partition(": ")[0], what, id="PYR-CFG-09")
            shown = [*faults[1 : MOST_ERRORS - 1], last]
        self.others = tuple(shown)


@dataclass(frozen=True)
class AcquireConfig:
    """What a configuration file says.

    Parameters
    ----------
    name : str
        The file, as the user wrote it; empty without one.
    values : mapping of str to object
        Checked values by option (``--frames``); only those that are given.
    keys : mapping of str to str
        The key that each of them comes from.
    settings : mapping of str to str
        Properties of the camera.
    """

    name: str = ""
    values: Mapping[str, Any] = field(default_factory=dict)
    keys: Mapping[str, str] = field(default_factory=dict)
    settings: Mapping[str, str] = field(default_factory=dict)

    def blamed(self, error: UsageError, typed: Container[str] = ()) -> UsageError:
        """Return an error about a key or an option as one about what the user wrote.

        Parameters
        ----------
        error : UsageError
            Found later: a chunk that is larger than the frame.
        typed : container of str
            Options that were typed, and so count instead of the file's.
        """
        where = error.where
        options = [key.option for name, key in KEYS.items() if where in (name, key.option)]
        options += [k.option for name, k in KEYS.items() if name.startswith(f"{where}.")]
        written = [option for option in options if option in typed]
        if written:
            told = written[0]
        elif where.partition(".")[0] in self.settings:
            told = f"{self.name}: {SETTINGS}.{where}"
        elif any(option in self.keys for option in options):
            own = {self.keys[option] for option in options if option in self.keys}
            told = f"{self.name}: {where if len(own) > 1 else own.pop()}"
        else:
            return error
        return UsageError(told, error.what, error.value, error.mend, id=error.id, good=error.good)


def read_config(path: Path) -> AcquireConfig:
    """Read the configuration of a recording.

    Parameters
    ----------
    path : Path
        A JSON file; its name stands in every message.

    Raises
    ------
    ConfigError
        With all that is wrong.
    """
    return _Config(str(path)).read(_bytes_of(path))


def _bytes_of(path: Path) -> bytes:
    try:
        if path.is_dir():
            raise _unread(path, "is a directory, a file is needed")
        found = path.stat()
        if not stat.S_ISREG(found.st_mode):
            raise _unread(path, "not a regular file")
        if found.st_size > MAX_BYTES:
            raise _unread(path, f"more than {MAX_BYTES} B")
        return path.read_bytes()
    except FileNotFoundError:
        raise _unread(path, "no such file") from None
    except PermissionError:
        raise _unread(path, "permission denied") from None
    except (OSError, ValueError):
        raise _unread(path, "cannot be read") from None


def _unread(path: Path, what: str) -> ConfigError:
    return ConfigError([UsageError(str(path), what, id="PYR-CFG-01")])


class _Config:
    """One file, from its bytes to its values."""

    def __init__(self, name: str) -> None:
        self._name = name
        self._faults: list[UsageError] = []
        self._found: dict[str, Any] = {}
        self._given: set[str] = set()
        self._settings: dict[str, str] = {}

    def read(self, data: bytes) -> AcquireConfig:
        try:
            root, twice = parse_json(data)
        except NotJsonError as error:
            where = f"{self._name}:{error.line}:{error.column}"
            fault = f"not valid JSON ({escape(error.reason)})"
            raise ConfigError([UsageError(where, fault, id="PYR-CFG-01")]) from None
        for key, first, again in twice:
            what = f"{escape(key)} given twice (lines {first} and {again})"
            self._faults.append(UsageError(self._name, what, id="PYR-CFG-03"))
        if isinstance(root.value, dict):
            self._read_keys(root.value, "")
        else:
            self._wrong("", root, v.WrongValueError("object needed"))
        values, keys = self._joined()
        if self._faults:
            raise ConfigError(self._faults)
        return AcquireConfig(self._name, values, keys, self._settings)

    def _read_keys(self, nodes: Mapping[str, Node], section: str) -> None:
        for name, node in nodes.items():
            key = f"{section}.{name}" if section else name
            if key in SECTIONS:
                self._read_section(key, node)
            elif section == SETTINGS:
                self._read_setting(name, node)
            elif key in KEYS:
                self._read_value(key, node)
            else:
                self._unknown(key)

    def _read_section(self, section: str, node: Node) -> None:
        if isinstance(node.value, dict):
            self._read_keys(node.value, section)
        else:
            self._wrong(section, node, v.WrongValueError("object needed"))

    def _read_value(self, key: str, node: Node) -> None:
        self._given.add(key)
        try:
            self._found[key] = KEYS[key].check(_plain(node))
        except v.WrongValueError as error:
            self._wrong(key, node, error)

    def _read_setting(self, name: str, node: Node) -> None:
        try:
            self._settings[name] = v.property_value(name, _plain(node))
        except v.WrongValueError as error:
            self._wrong(f"{SETTINGS}.{name}", node, error)

    def _unknown(self, key: str) -> None:
        close = difflib.get_close_matches(key, [*KEYS, *SECTIONS], n=1)
        names = ", ".join(sorted({k.partition(".")[0] for k in KEYS} | {SETTINGS}))
        mend = f"did you mean {close[0]}?" if close else f"known are {names}"
        what = f"{escape(key)} unknown"
        self._faults.append(UsageError(self._name, what, mend=mend, id="PYR-CFG-02"))

    def _wrong(self, key: str, node: Node, error: v.WrongValueError) -> None:
        where = f"{self._name}: {key}" if key else f"{self._name}:{node.line}:{node.column}"
        # The rows of the catalogue are spelled out so that they can be found in the source.
        fault = {
            4: UsageError(where, error.what, _shown(node), error.mend, id="PYR-CFG-04"),
            5: UsageError(where, error.what, _shown(node), error.mend, id="PYR-CFG-05"),
            8: UsageError(where, error.what, None, error.mend, id="PYR-CFG-08"),
        }[error.row]
        self._faults.append(fault)

    # -- keys that make one option together ------------------------------------------------------

    def _joined(self) -> tuple[dict[str, Any], dict[str, str]]:
        """Return values and keys by option."""
        values = {KEYS[k].option: value for k, value in self._found.items() if KEYS[k].option}
        keys = {KEYS[k].option: k for k in self._found if KEYS[k].option}
        if "camera" in self._found and "camera_index" in self._found:
            what = "contradicts camera_index"
            where = f"{self._name}: camera"
            self._faults.append(UsageError(where, what, mend="keep one", id="PYR-CFG-06"))
        elif "camera_index" in self._found:
            values["CAMERA"] = f"dcam:{self._found['camera_index']}"
        if self._is_enabled("compression", "codec", "level") is not None:
            values["--compression"] = self._compression()
            keys["--compression"] = "compression"
        if (enabled := self._is_enabled("multiscale", "method")) is not None:
            values["--levels"] = self._found.get("multiscale.method", "mean") if enabled else ""
            keys["--levels"] = "multiscale"
        return values, keys

    def _is_enabled(self, section: str, *others: str) -> bool | None:
        """Return what ``enabled`` says; None when it is not given, which the others need."""
        enabled = self._found.get(f"{section}.enabled")
        for other in others:
            is_open = f"{section}.enabled" not in self._given
            if is_open and (key := f"{section}.{other}") in self._found:
                what = f"has no effect without {section}.enabled"
                mend = f"add {section}.enabled true or false"
                value = json.dumps(self._found[key])
                where = f"{self._name}: {key}"
                self._faults.append(UsageError(where, what, value, mend, id="PYR-CFG-06"))
        return None if enabled is None else bool(enabled)

    def _compression(self) -> str:
        codec = self._found.get("compression.codec", DEFAULT_CODEC)
        level = self._found.get("compression.level", DEFAULT_LEVEL)
        return f"blosc-{codec}:{level}" if self._found["compression.enabled"] else "none"


def _plain(node: Node) -> Any:
    """Return a value without the places; what is in an object does not matter."""
    if isinstance(node.value, list):
        return [_plain(inner) for inner in node.value]
    return node.value


def _shown(node: Node) -> str:
    if isinstance(node.value, dict):
        return "an object"
    return "a list" if isinstance(node.value, list) else json.dumps(node.value, ensure_ascii=False)
