"""Write a simulated recording, as long as asked for, in bounded memory."""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from pyramidion.core import UsageError
from pyramidion.formats import format_of_destination
from pyramidion.instruments import SimulatedScope
from pyramidion.storage import RemotePath, kept_plan
from pyramidion.workflows._convert import write_waveform
from pyramidion.workflows._destination import check_destination
from pyramidion.workflows._options import ConvertOptions, ConvertReport
from pyramidion.workflows._outbox import Job
from pyramidion.workflows._stream import Progress
from pyramidion.workflows._to_store import to_store


def generate(
    destination: Path,
    scope: SimulatedScope,
    options: ConvertOptions,
    progress: Progress | None = None,
) -> ConvertReport:
    """Write a simulated recording.

    Parameters
    ----------
    destination : Path
        ``.zarr``, ``.h5`` or ``.npy``.
    scope : SimulatedScope
        What is recorded.
    options : ConvertOptions
        How it is written.
    progress : callable, optional
        See :func:`stream`.

    Raises
    ------
    PyramidionError
        As :func:`convert`.
    """
    if isinstance(destination, RemotePath):

        def write(local: Path, local_options: ConvertOptions, paced: Progress) -> ConvertReport:
            return generate(local, scope, local_options, paced)

        job = Job(None, (scope.spec.shape, scope.spec.attributes["generator"], options.settings))
        return to_store(destination, job, options, write, progress)
    written = format_of_destination(destination)
    check_destination(
        destination,
        None,
        written,
        overwrite=options.overwrite,
        resume=options.resume,
        parents=options.parents,
    )
    generator = scope.spec.attributes["generator"]
    if options.resume and not options.overwrite:
        _check_seed(destination, scope.spec.shape, generator)
    source_id = _source_id(scope.spec.shape, generator)
    return write_waveform(scope, destination, written, options, source_id, progress)


def _source_id(shape: tuple[int, ...], generator: Mapping[str, Any]) -> str:
    return json.dumps({"shape": list(shape), "generator": dict(generator)}, sort_keys=True)


def _check_seed(destination: Path, shape: tuple[int, ...], generator: Mapping[str, Any]) -> None:
    """Tell the seed to give when only the seed differs: without ``--seed`` it is a random one."""
    kept = kept_plan(destination).get("source", "")
    try:
        seed = json.loads(kept)["generator"]["seed"]
    except (ValueError, KeyError, TypeError):
        return
    if seed != generator["seed"] and kept == _source_id(shape, {**generator, "seed": seed}):
        raise UsageError(
            str(destination),
            "the interrupted conversion has another source or other settings",
            f"seed {seed}",
            f"use --seed {seed} to finish it or --overwrite to begin again",
            id="PYR-CPY-03",
        )
