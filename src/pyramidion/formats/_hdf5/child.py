"""Asking a child process what is in an HDF5 file, and turning its answer or its death into words."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

import numpy as np

from pyramidion import core
from pyramidion.core import DataError, PyramidionError
from pyramidion.formats._hdf5.layout import Layout, layout_from_json
from pyramidion.formats._hdf5.probe import FRAME


@dataclass(frozen=True)
class Limits:
    """What the child may use.

    Parameters
    ----------
    wall_s, cpu_s : float
        Seconds until it is stopped.
    memory_bytes : int
        Above what an idle one uses.
    """

    wall_s: float = 20.0
    cpu_s: float = 20.0
    memory_bytes: int = 2**28


@dataclass(frozen=True)
class Value:
    """A piece of metadata.

    Parameters
    ----------
    data : object
        JSON value, or an array.
    dtype : str
        Numpy type it was stored in; empty for text.
    """

    data: Any
    dtype: str = ""


@dataclass(frozen=True)
class Description:
    """What a file holds.

    Parameters
    ----------
    layouts : tuple of Layout
        The waveform: one dataset, or several of equal shape that are channels. The image: one.
    labels : tuple of str
        Names of the dataset's axes; empty strings where the file has none.
    places : tuple of mapping, per layout
        Attributes of each dataset, together with those of its group.
    root : mapping
        Attributes of the file.
    neighbours : mapping
        Small datasets beside the waveform that say something about it.
    refused : mapping
        Attributes of the file that have no JSON form, with the reason.
    """

    layouts: tuple[Layout, ...]
    labels: tuple[str, ...]
    places: tuple[Mapping[str, Value], ...]
    root: Mapping[str, Value]
    neighbours: Mapping[str, Value]
    refused: Mapping[str, str]


def describe(
    path: Path,
    dataset: str | None = None,
    *,
    sparse: bool = False,
    want: Literal["waveform", "image", "any"] = "waveform",
    limits: Limits = Limits(),
) -> Description:
    """Have a child process look at a file.

    Parameters
    ----------
    path : Path
        The file.
    dataset : str, optional
        Which dataset; by default the one that fits.
    sparse : bool
        Accept a dataset that declares far more than it stores.
    want : {"waveform", "image", "any"}
        What to look for when no dataset is named.
    limits : Limits
        What the child may use.

    Raises
    ------
    DataError
        If the file is of a kind that is refused, or the HDF5 library fails on it.
    UsageError
        If several datasets fit.
    """
    request = {
        "file": str(path),
        "dataset": dataset,
        "sparse": sparse,
        "want": want,
        "memory_bytes": limits.memory_bytes,
        "cpu_s": limits.cpu_s,
    }
    frames = _frames(path, _run(path, request, limits))
    error = frames.get((b"X", 0))
    if error is not None:
        raise _told(json.loads(error))
    found = json.loads(frames[b"J", 0])
    layouts = tuple(
        layout_from_json(a["layout"], frames.get((b"T", i), b""), frames.get((b"D", i), b""))
        for i, a in enumerate(found["arrays"])
    )
    return Description(
        layouts=layouts,
        labels=tuple(found["arrays"][0]["layout"]["labels"]),
        places=tuple(_values(a["group"]) | _values(a["attributes"]) for a in found["arrays"]),
        root=_values(found["root"]["attributes"]),
        neighbours=dict(_neighbours(frames)),
        refused=found["root"]["refused"],
    )


def _run(path: Path, request: Mapping[str, Any], limits: Limits) -> bytes:
    # -P: a file h5py.py in the current folder is not imported.
    command = [sys.executable, "-P", "-m", "pyramidion.formats._hdf5.probe", json.dumps(request)]
    with subprocess.Popen(
        command,
        env=_environment(),
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
    ) as child:
        try:
            out, err = child.communicate(timeout=limits.wall_s)
        except subprocess.TimeoutExpired as error:
            raise _failed(path, f"no answer within {limits.wall_s:g} s") from error
        finally:
            child.kill()
    if child.returncode:
        failed = _failed(path, _reason(child.returncode, err))
        failed.add_note(err.decode("utf-8", "replace")[-8000:])  # shown with --debug
        raise failed
    return out


def _environment() -> dict[str, str]:
    """Return the environment without anything that makes the library load other code."""
    kept = {k: v for k, v in os.environ.items() if not k.startswith("HDF5_")}
    # "::" is the library's word for no plugins at all.
    threads = {"OPENBLAS_NUM_THREADS": "1", "OMP_NUM_THREADS": "1"}
    return kept | threads | {"HDF5_PLUGIN_PRELOAD": "::"}


def _reason(status: int, err: bytes) -> str:
    if status < 0:
        name = signal.Signals(-status).name if -status in set(signal.Signals) else ""
        return f"signal {-status}{name and f', {name}'}"
    lines = err.decode("utf-8", "replace").strip().splitlines() or [f"exit status {status}"]
    kind, _, message = lines[-1].partition(": ")
    if kind == "MemoryError":
        return "more memory than allowed"
    return message.strip("'\"") or kind  # a KeyError comes in quotes


def _frames(path: Path, out: bytes) -> dict[tuple[bytes, int], bytes]:
    """Split the child's answer; pieces of the same kind and number are joined."""
    pieces: dict[tuple[bytes, int], list[memoryview]] = {}
    view = memoryview(out)
    while len(view) >= FRAME.size:
        kind, number, n_bytes = FRAME.unpack_from(view)
        view = view[FRAME.size :]
        if kind == b"E":
            return {key: b"".join(found) for key, found in pieces.items()}
        pieces.setdefault((kind, number), []).append(view[:n_bytes])
        view = view[n_bytes:]
    raise _failed(path, "answer cut off")


def _values(found: Mapping[str, Mapping[str, Any]]) -> dict[str, Value]:
    return {name: Value(v["value"], v["dtype"]) for name, v in found.items()}


def _neighbours(frames: Mapping[tuple[bytes, int], bytes]) -> list[tuple[str, Value]]:
    found = []
    for (kind, number), text in frames.items():
        if kind == b"N":
            head = json.loads(text)
            values = np.frombuffer(frames[b"A", number], head["dtype"]).reshape(head["shape"])
            found.append((head["name"], Value(values, head["dtype"])))
    return found


def _failed(path: Path, why: str) -> DataError:
    return DataError(
        str(path),
        "the HDF5 library failed on this file",
        why,
        "get it again from its source",
        id="PYR-H5-21",
    )


def _told(found: Mapping[str, Any]) -> PyramidionError:
    kind = getattr(core, found["kind"])
    error: PyramidionError = kind(
        found["where"], found["what"], found["value"], found["mend"], id=found["id"]
    )
    return error
