"""What to record and how: options, over a configuration file, over defaults."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from pyramidion.core import UsageError
from pyramidion.formats import RecordingOptions
from pyramidion.storage import place
from pyramidion.workflows import AcquireOptions
from pyramidion.workflows._acquire_config import (
    AcquireConfig,
    read_config,
    typed_setting,
    typed_value,
)

CAMERA_OPTIONS = ("--exposure", "--roi", "--binning", "--trigger", "--pixel-type", "--rate")
"""Options that are properties of the camera."""

_AS_TYPED = (
    "--output", "--compression", "--token", "--no-token", "--really", "--stats", "--overwrite",
    "--resume", "--parents", "--force", "--dry-run", "--json", "--names",
)  # fmt: skip
_CHECKED = (
    "--frames", "--duration", "--chunk-t", "--chunk-y", "--chunk-x", "--shard-t", "--shard-y",
    "--shard-x", "--levels-when", "--writer", "--ring", "--buffers", "--when-full", "--timeout",
    "--reserve", "--host", "--port", "--workers",
)  # fmt: skip
_PATTERN = "{camera}"


@dataclass(frozen=True)
class Typed:
    """What was typed.

    Parameters
    ----------
    cameras : tuple of str
        Addresses.
    options : mapping of str to object
        Text by option; True for a flag, ``yes`` or ``no`` for one that has two forms. None, False
        and an empty list stand for "not given".
    """

    cameras: tuple[str, ...]
    options: Mapping[str, Any]

    @property
    def given(self) -> dict[str, Any]:
        """Those options that were given."""
        return {
            k: v for k, v in self.options.items() if v is not None and v is not False and v != []
        }


@dataclass(frozen=True)
class Request:
    """One camera to record.

    Parameters
    ----------
    camera : str
        Its address.
    out : Path or None
        The store; None to look only.
    options : AcquireOptions
        How it is recorded.
    values : mapping
        Every value by option, for what is no part of `options`.
    config : AcquireConfig
        The file that was read, for messages.
    typed : frozenset of str
        Options that were typed, for messages.
    notes : tuple of str
        What to say before it begins.
    program : str
        The command, for messages.
    """

    camera: str
    out: Path | None
    options: AcquireOptions
    values: Mapping[str, Any]
    config: AcquireConfig = field(default_factory=AcquireConfig)
    typed: frozenset[str] = frozenset()
    notes: tuple[str, ...] = ()
    program: str = "acquire"


def make_requests(
    typed: Typed,
    defaults: Mapping[str, Any] | None = None,
    program: str = "acquire",
    complete: Callable[[dict[str, Any]], dict[str, Any]] = dict,
) -> list[Request]:
    """Return what is to be recorded.

    Parameters
    ----------
    typed : Typed
        Wins over everything.
    defaults : mapping, optional
        What holds where neither the configuration nor an option says otherwise.
    program : str
        The command, for messages.
    complete : callable
        Adds to all values together.

    Raises
    ------
    UsageError
        If options are wrong, contradict each other, or no camera is named.
    """
    given = typed.given
    for option, text in given.items():
        if isinstance(text, str) and not text.strip():  # as by a script whose variable is not set
            raise UsageError(option, "empty", repr(text), "leave it out", id="PYR-ALL-13")
    own = _own_values(given)
    settings = _own_settings(given)
    config = read_config(Path(given["--config"])) if "--config" in given else AcquireConfig()
    values = complete({**(defaults or {}), **config.values, **own})
    notes = tuple(_overridden(config, own, settings, typed.cameras))
    cameras = typed.cameras or tuple(filter(None, [values.get("CAMERA")]))
    if not cameras:
        mend = "name one, as sim: or dcam:0; `pyramidion cameras` lists them"
        raise UsageError("CAMERA", "missing", mend=mend, id="PYR-CAM-02")
    _check_together(values)
    options = _acquire_options(values, {**config.settings, **settings})
    out = values.get("--output")
    outs = _outs(out, cameras) if out else [None] * len(cameras)
    return [
        Request(camera, path, options, values, config, frozenset(own), notes, program)
        for camera, path in zip(cameras, outs, strict=True)
    ]


def _own_values(given: Mapping[str, Any]) -> dict[str, Any]:
    values: dict[str, Any] = {name: given[name] for name in _AS_TYPED if name in given}
    if "--chunk" in given:
        values |= _chunk(given["--chunk"])
    values |= {name: typed_value(name, given[name]) for name in _CHECKED if name in given}
    if "--levels" in given:
        values["--levels"] = _levels(given["--levels"])
    if "--cors" in given:
        values["--cors"] = tuple(given["--cors"])
    if given.get("--allow-drops"):
        values["--allow-drops"] = True
    # An option that says no is given too.
    if "--live" in given:
        values["--live"] = given["--live"] != "no"
    return values


def _own_settings(given: Mapping[str, Any]) -> dict[str, str]:
    settings: dict[str, str] = {}
    for pair in given.get("--set", ()):
        name, sign, value = pair.partition("=")
        if not sign or not name.strip():
            raise UsageError(
                "--set", "not a setting", pair, "write NAME=VALUE", id="PYR-CAM-05"
            )  # fmt: skip
        settings[name.strip()] = typed_setting("--set", name.strip(), value.strip())
    for option in CAMERA_OPTIONS:
        if option in given:
            name = option[2:].replace("-", "_")
            settings[name] = typed_setting(option, name, given[option])
    return settings


def _chunk(text: str) -> dict[str, int]:
    parts = text.split(",")
    if len(parts) != 3:
        raise UsageError("--chunk", "3 numbers needed", text, "write T,Y,X", id="PYR-ALL-13")
    names = ("--chunk-t", "--chunk-y", "--chunk-x")
    return {n: typed_value(n, part) for n, part in zip(names, parts, strict=True) if part.strip()}


def _levels(text: str) -> str:
    words = {"none": "", "mean": "mean", "min": "min", "max": "max"}
    if text not in words:
        what = "one of mean, min, max, none"
        raise UsageError("--levels", what, text, id="PYR-ALL-13")
    return words[text]


def _check_together(values: Mapping[str, Any]) -> None:
    if values.get("--overwrite") and values.get("--resume"):
        raise UsageError("--resume", "contradicts --overwrite", mend="choose one", id="PYR-ALL-13")
    if values.get("--resume") and not values.get("--output"):
        raise UsageError("--resume", "needs the store", mend="name it with -o", id="PYR-ALL-13")
    if values.get("--stats", "text") not in ("text", "json", "none"):
        what = "one of text, json, none"
        raise UsageError("--stats", what, values["--stats"], id="PYR-ALL-13")


def _acquire_options(values: Mapping[str, Any], settings: Mapping[str, str]) -> AcquireOptions:
    def cut(name: str) -> tuple[int | None, int | None, int | None]:
        t, y, x = (values.get(f"--{name}-{axis}") for axis in "tyx")
        return t, y, x

    def chosen(**fields: str) -> dict[str, Any]:
        """Return those fields whose option has a value; the others keep their defaults."""
        found = {name: values.get(option) for name, option in fields.items()}
        return {name: value for name, value in found.items() if value is not None}

    recording = RecordingOptions(
        chunk=cut("chunk"),
        shard=cut("shard"),
        **chosen(
            compression="--compression", levels="--levels", levels_when="--levels-when",
            writer="--writer", names="--names", overwrite="--overwrite", resume="--resume",
        ),
    )  # fmt: skip
    return AcquireOptions(
        settings=tuple(settings.items()),
        recording=recording,
        **chosen(
            frames="--frames", duration_s="--duration", ring_bytes="--ring", buffers="--buffers",
            when_full="--when-full", timeout_s="--timeout", reserve_bytes="--reserve",
            allow_drops="--allow-drops", force="--force", workers="--workers",
        ),
    )  # fmt: skip


def _overridden(
    config: AcquireConfig,
    own: Mapping[str, Any],
    settings: Mapping[str, str],
    cameras: tuple[str, ...],
) -> list[str]:
    """Say which values of the file give way to what was typed."""
    given = {**own, **({"CAMERA": cameras[0]} if cameras else {})}
    pairs = [
        (config.keys.get(option, option), config.values[option], option, given[option])
        for option in config.values
        if option in given and given[option] != config.values[option]
    ]
    pairs += [
        (f"settings.{name}", value, f"--{name.replace('_', '-')}", settings[name])
        for name, value in config.settings.items()
        if name in settings and settings[name] != value
    ]
    return [
        f"{config.name}: {key} ({_shown(was)}): {option} {_shown(now)} wins"
        for key, was, option, now in pairs
    ]


def _shown(value: Any) -> str:
    if value is None:
        return "null"
    return ",".join(value) if isinstance(value, tuple) else str(value)


# -- where several cameras go --------------------------------------------------------------------


def _outs(out: str, cameras: tuple[str, ...]) -> list[Path]:
    """Return a store for each camera."""
    names = _names(cameras)
    if _PATTERN in out:
        return [place(out.replace(_PATTERN, name)) for name in names]
    if len(cameras) == 1:
        return [place(out)]
    if place(out).suffix:
        mend = f"name a folder, or write {_PATTERN} into the name"
        raise UsageError("--output", "one store for several cameras", out, mend, id="PYR-ALL-13")
    return [place(out) / f"{name}.zarr" for name in names]


def _names(cameras: tuple[str, ...]) -> list[str]:
    """Return a name for each camera that can be one of a file; the same twice is numbered."""
    names: list[str] = []
    for camera in cameras:
        plain = f"dcam:{camera}" if camera.isdigit() else camera
        name = re.sub(r"[^A-Za-z0-9._]+", "-", plain).strip("-.")[:60] or "camera"
        taken = [n for n in (name, *(f"{name}-{k}" for k in range(2, 1000))) if n not in names]
        names.append(taken[0])
    return names
