"""A range of samples of a waveform, as a source of its own."""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from pyramidion.core import Box, Closing, UsageError, WaveformSource, WaveformSpec

SOURCE_SAMPLES = "source_samples"
"""Attribute of a cropped waveform: first and last sample that it holds of its source."""


class CroppedWaveform(Closing):
    """Samples ``first`` to ``last``, both included, of every segment; times stay what they were.

    Parameters
    ----------
    source : WaveformSource
        Closed with this object.
    first, last : int
        Inside the record.
    """

    def __init__(self, source: WaveformSource, first: int, last: int) -> None:
        self._source, self._first = source, first
        spec = source.spec
        sample = spec.axes[-1]
        moved = first * sample.scale
        axis = replace(sample, size=last - first + 1, offset=sample.offset + moved)
        kept = source_samples(spec) or (0, 0)
        triggers = None if spec.trigger_offsets is None else spec.trigger_offsets + moved
        self.spec: WaveformSpec = replace(
            spec,
            axes=(*spec.axes[:3], axis),
            trigger_offsets=triggers,
            attributes={**spec.attributes, SOURCE_SAMPLES: [kept[0] + first, kept[0] + last]},
        )

    def read(self, box: Box) -> np.ndarray:
        """Read a region, counted from the first sample that is kept."""
        return self._source.read(box.shifted((0, 0, 0, self._first)))

    def close(self) -> None:
        """Close the source."""
        self._source.close()


def source_samples(spec: WaveformSpec) -> tuple[int, int] | None:
    """Return which samples of its source a cropped waveform holds, both included.

    Parameters
    ----------
    spec : WaveformSpec
        Of the cropped waveform.

    Returns
    -------
    tuple of int, or None
        None where it was never cropped, or where the attribute is somebody else's.
    """
    kept = spec.attributes.get(SOURCE_SAMPLES)
    if not (isinstance(kept, list) and [type(n) for n in kept] == [int, int]):
        return None
    first, last = kept
    return (first, last) if first >= 0 and last - first + 1 == spec.shape[-1] else None


def parse_sample_box(text: str, n_samples: int) -> tuple[int, int]:
    """Read ``--box "FIRST LAST"``, blanks or commas, both ends included.

    Raises
    ------
    UsageError
        If it is not two whole numbers in order inside the record.

    Examples
    --------
    >>> parse_sample_box("10, 99", 1000)
    (10, 99)
    """
    parts = text.replace(",", " ").split()
    if len(parts) != 2:
        raise UsageError(
            "--box",
            "2 numbers needed for the samples",
            f"got {len(parts)}",
            'write for example --box "0 999999"',
            id="PYR-BOX-02",
        )
    # No record has a sample number of 19 digits; `isdigit` alone accepts superscripts.
    if not all(part.isascii() and part.isdigit() and len(part) <= 18 for part in parts):
        raise UsageError(
            "--box", "not whole numbers", text, 'write --box "FIRST LAST"', id="PYR-BOX-02"
        )
    first, last = (int(part) for part in parts)
    if first > last:
        raise UsageError(
            "--box", "first behind last", text, 'write --box "FIRST LAST"', id="PYR-BOX-02"
        )
    if last >= n_samples:
        raise UsageError("--box", f"sample {last} outside 0..{n_samples - 1}", id="PYR-BOX-03")
    return first, last
