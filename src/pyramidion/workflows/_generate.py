"""Write a simulated recording, as long as asked for, in bounded memory."""

from __future__ import annotations

import json
from pathlib import Path

from pyramidion.formats import format_of_destination
from pyramidion.instruments import SimulatedScope
from pyramidion.workflows._convert import ConvertOptions, ConvertReport, write_waveform
from pyramidion.workflows._destination import check_destination
from pyramidion.workflows._stream import Progress


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
    written = format_of_destination(destination)
    check_destination(
        destination, None, written, overwrite=options.overwrite, parents=options.parents
    )
    source_id = json.dumps([scope.spec.shape, dict(scope.spec.attributes)], sort_keys=True)
    return write_waveform(scope, destination, written, options, source_id, progress)
