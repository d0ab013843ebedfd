"""Zarr stores: waveforms (ours, ZoomingOnline's) and images (OME-Zarr, bare arrays)."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

from pyramidion.core import (
    Box,
    ImageSource,
    ImageSpec,
    WaveformSource,
    WaveformSpec,
    image_axes,
    waveform_axes,
)
from pyramidion.formats._format import (
    Format,
    ImageSink,
    Kind,
    OpenOptions,
    Sink,
    WriteOptions,
    example_codes,
    example_voxels,
)

_ROOTS = ("zarr.json", ".zgroup", ".zarray")


def _matches(path: Path) -> bool:
    return path.is_dir() and any((path / name).is_file() for name in _ROOTS)


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
    from pyramidion.formats._ome.ownership import is_own_image
    from pyramidion.formats._recording.ownership import is_own_store as has_nothing_foreign
    from pyramidion.formats._recording.stored import is_recording
    from pyramidion.formats._waveform.ownership import is_own_store

    return (
        is_own_store(path)
        or is_own_image(path)
        or (is_recording(path) and has_nothing_foreign(path))
    )


def _kind(path: Path, options: OpenOptions) -> Kind:
    from pyramidion.formats._ome.root import kind_of
    from pyramidion.storage import Folder

    del options  # the store says it
    return kind_of(Folder(path))


def _open_image(path: Path, options: OpenOptions) -> ImageSource:
    from pyramidion.formats._ome.source import OmeSource

    return OmeSource(path, options)


def _create_image(path: Path, specs: Sequence[ImageSpec], options: WriteOptions) -> ImageSink:
    from pyramidion.formats._ome.sink import OmeSink

    return OmeSink(path, specs, options)


def _plan_image(path: Path, specs: Sequence[ImageSpec], options: WriteOptions) -> dict[str, Any]:
    from pyramidion.formats._ome.sink import plan_image

    return plan_image(path, specs, options)


def _image_example(folder: Path) -> Path:
    voxels = example_voxels()
    spec = ImageSpec(image_axes(voxels.shape, (2.0, 1.0, 1.0), "um"), voxels.dtype)
    sink = _create_image(folder / "example.ome.zarr", [spec], WriteOptions())
    for task in range(len(sink.tasks)):
        sink.work(task, [lambda box: voxels[box.slices]])
    sink.commit()
    return folder / "example.ome.zarr"


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
    summary="Waveform stores and OME-Zarr images: Zarr v3 with overviews, and Zarr v2",
    suffixes=(".zarr",),
    matches=_matches,
    open=_open,
    create=_create,
    plan=_plan,
    owns=_owns,
    example=_example,
    open_image=_open_image,
    create_image=_create_image,
    plan_image=_plan_image,
    kind=_kind,
    image_example=_image_example,
    image_suffixes=(".ome.zarr", ".zarr"),
    opens_remote=True,
)
