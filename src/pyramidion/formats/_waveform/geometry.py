"""How a waveform store is cut: chunks and shards of the samples and of each overview.

Long records: inner chunks of 65,536 samples of 16 bits, shards of 32 MiB, one segment after another.
Wider types get chunks of the same 128 KiB, so that a view costs the same. Short segments share a
chunk and a shard, and short channels share a shard, so that a thousand are one file.
The leading axes are cut the same way in the samples and in every overview, so that a task that
owns whole shards of the samples also owns whole rows of the overviews.
"""

from __future__ import annotations

from dataclasses import dataclass

from pyramidion.core import WAVEFORM_AXES, WaveformSpec
from pyramidion.pyramid import PyramidPlan
from pyramidion.shards import ArrayLayout, Codec

CHUNK_SAMPLES = 2**16
CHUNK_BINS = 2**14
CHUNK_BYTES = 2**17
OVERVIEW_CHUNK_BYTES = 2**16
SHARD_BYTES = 2**25
OVERVIEW_SHARD_BYTES = 2**26
_OVERVIEW_AXES = (*WAVEFORM_AXES[:3], "stat", "bin")


@dataclass(frozen=True)
class WaveGeometry:
    """The arrays of one waveform store.

    Parameters
    ----------
    raw : ArrayLayout
        (channels, trcs, segments, samples).
    overviews : tuple of ArrayLayout
        (channels, trcs, segments, 2, bins) each; finest first.
    plan : PyramidPlan
        The levels.
    """

    raw: ArrayLayout
    overviews: tuple[ArrayLayout, ...]
    plan: PyramidPlan

    def overview_key(self, level: int) -> str:
        """Return the key of a level; level 0 is the finest here and the coarsest on disk."""
        return f"overview/{len(self.overviews) - 1 - level}"


def wave_geometry(spec: WaveformSpec, codec: Codec) -> WaveGeometry:
    """Cut a waveform.

    Parameters
    ----------
    spec : WaveformSpec
        Shape and dtype are used.
    codec : Codec
        For the samples and the overviews alike.
    """
    raw = _raw_layout(spec, codec)
    plan = PyramidPlan.for_record(spec.shape[-1])
    overviews = tuple(_overview_layout(raw, level.factor, level.bins) for level in plan.levels)
    return WaveGeometry(raw, overviews, plan)


def _raw_layout(spec: WaveformSpec, codec: Codec) -> ArrayLayout:
    channels, trcs, segments, samples = spec.shape
    most = min(CHUNK_SAMPLES, CHUNK_BYTES // spec.dtype.itemsize)
    chunk = min(samples, most)
    per_chunk = max(1, most // samples)
    chunk_segments = min(segments, per_chunk)
    chunk_trcs = min(trcs, per_chunk // chunk_segments) if chunk_segments == segments else 1

    chunk_items = chunk * chunk_segments * chunk_trcs
    room = max(1, SHARD_BYTES // (spec.dtype.itemsize * chunk_items))
    along = min(-(-samples // chunk), room)
    room = room // along if along * chunk >= samples else 1
    shard_segments = min(-(-segments // chunk_segments), room)
    room = room // shard_segments if shard_segments * chunk_segments >= segments else 1
    shard_trcs = min(-(-trcs // chunk_trcs), room)
    room = room // shard_trcs if shard_trcs * chunk_trcs >= trcs else 1
    shard_channels = min(channels, room)
    return ArrayLayout(
        spec.shape,
        spec.dtype,
        (1, chunk_trcs, chunk_segments, chunk),
        (shard_channels, chunk_trcs * shard_trcs, chunk_segments * shard_segments, chunk * along),
        codec,
        WAVEFORM_AXES,
    )


def _overview_layout(raw: ArrayLayout, factor: int, bins: int) -> ArrayLayout:
    most = min(CHUNK_BINS, OVERVIEW_CHUNK_BYTES // (2 * raw.dtype.itemsize))
    chunk = min(bins, most)
    chunk_lead, shard_lead = raw.chunk[:3], raw.shard[:3]
    room = max(1, OVERVIEW_SHARD_BYTES // (2 * most * raw.dtype.itemsize))
    along = min(-(-bins // chunk), room)
    return ArrayLayout(
        (*raw.shape[:3], 2, bins),
        raw.dtype,
        (*chunk_lead, 2, chunk),
        (*shard_lead, 2, chunk * along),
        raw.codec,
        _OVERVIEW_AXES,
        {"samples_per_bin": factor, "stat": ["min", "max"]},
    )
