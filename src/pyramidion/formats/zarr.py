"""Waveform stores: Zarr v3 as pyramidion writes it, Zarr v2 as ZoomingOnline does."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from pyramidion.core import Box, WaveformSource, WaveformSpec, waveform_axes
from pyramidion.formats._format import Format, OpenOptions, Sink, WriteOptions, example_codes


def _matches(path: Path) -> bool:
    return path.is_dir() and any((path / name).is_file() for name in ("zarr.json", ".zgroup"))


def _open(path: Path, options: OpenOptions) -> WaveformSource:
    from pyramidion.formats._waveform.store import WaveformStore

    del options  # a store says all that they could
    return WaveformStore(path)


def _create(path: Path, spec: WaveformSpec, options: WriteOptions) -> Sink:
    if options.zarr_format == 2:
        from pyramidion.formats._waveform.sink_v2 import WaveSinkV2

        return WaveSinkV2(path, spec, options)
    from pyramidion.formats._waveform.sink_v3 import WaveSink

    return WaveSink(path, spec, options)


def _plan(spec: WaveformSpec, options: WriteOptions) -> dict[str, Any]:
    if options.zarr_format == 2:
        from pyramidion.formats._waveform.sink_v2 import plan_v2

        return plan_v2(spec)
    from pyramidion.formats._waveform.geometry import wave_geometry
    from pyramidion.shards import Codec

    codec = Codec.parse(options.compression)
    geometry = wave_geometry(spec, codec)
    arrays = {"raw": geometry.raw} | {
        geometry.overview_key(level): layout for level, layout in enumerate(geometry.overviews)
    }
    return {
        "codec": codec.name,
        "arrays": {
            key: {"shape": a.shape, "chunk": a.chunk, "shard": a.shard, **a.attributes}
            for key, a in arrays.items()
        },
    }


def _owns(path: Path) -> bool:
    from pyramidion.formats._waveform.ownership import is_own_store

    return is_own_store(path)


def _example(folder: Path) -> Path:
    codes = example_codes()
    spec = WaveformSpec(waveform_axes(codes.shape, 2e-9), codes.dtype)
    sink = _create(folder / "example.zarr", spec, WriteOptions())

    def read(box: Box):  # type: ignore[no-untyped-def]
        return codes[box.slices]

    for task in range(len(sink.tasks)):
        sink.accept(task, sink.work(task, read))
    sink.commit()
    return folder / "example.zarr"


FORMAT = Format(
    name="zarr",
    summary="Waveform stores: Zarr v3 with overviews; ZoomingOnline's Zarr v2",
    suffixes=(".zarr",),
    matches=_matches,
    open=_open,
    create=_create,
    plan=_plan,
    owns=_owns,
    example=_example,
)
