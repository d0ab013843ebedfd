"""``pyramidion convert``."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from pyramidion.cli import _options as o

if TYPE_CHECKING:
    from pyramidion.formats import OpenOptions
    from pyramidion.workflows import ConvertReport


def convert(
    source: Annotated[
        str, typer.Argument(metavar="SRC", help="What to read; quote a name with *.")
    ],
    destination: Annotated[
        str,
        typer.Argument(
            metavar="DST", help="What to write: .zarr, .idx, .h5, .npy, .tif, .png, out/%04d.png."
        ),
    ],
    box: Annotated[
        str | None,
        typer.Option(
            "--box",
            metavar="BOX",
            help='Keep this: "x1 x2 y1 y2 z1 z2", or samples "FIRST LAST"; both ends included.',
        ),
    ] = None,
    level: o.Level = "",
    end_resolution: o.EndResolution = "",
    time: o.Time = "",
    field: o.Field = "",
    clip: o.Clip = False,
    dataset: o.Dataset = "",
    series: o.Series = "",
    axes: o.Axes = "",
    kind: o.As = "",
    dt: o.Interval = "",
    voxel: o.Voxel = "",
    arco: o.Arco = None,
    stat: o.Stat = "",
    value_range: o.ValueRange = "",
    crop: o.Crop = False,
    pad: o.Pad = False,
    strict: o.Strict = False,
    max_pixels: o.MaxPixels = "",
    fill_damaged: o.FillDamaged = False,
    allow_mixed: o.AllowMixed = False,
    sparse: o.Sparse = False,
    compression: o.Compression = "",
    zarr_format: o.ZarrFormat = "3",
    workers: o.Workers = "",
    processes: o.Processes = False,
    dask: o.Dask = "",
    tasks: o.Tasks = "",
    overwrite: o.Overwrite = False,
    resume: o.Resume = False,
    parents: o.Parents = False,
    force: o.Force = False,
    dry_run: o.DryRun = False,
    json: o.Json = False,
) -> None:
    """Convert a waveform, a stack of images or a volume to what zooms, or back.

    Reads HDF5, LeCroy .trc, .npy, PNG / TIFF / JPEG stacks (a folder or a quoted pattern), IDX,
    Zarr and OME-Zarr. Memory stays small however large the data are. Nothing half-written has the
    destination's name.

    Example: pyramidion convert "slices/*.png" brain.idx
    """
    from pyramidion.cli._parse import (
        not_blank,
        parse_arco,
        parse_compression,
        parse_kind,
        parse_level,
        parse_range,
        parse_workers,
        parse_zarr_format,
    )
    from pyramidion.cli._print import counted, print_json, progress_bar, shown, tell, warn
    from pyramidion.storage import place
    from pyramidion.workflows import ConvertOptions, plan_conversion
    from pyramidion.workflows import convert as run

    out = place(destination)
    options = ConvertOptions(
        source=open_options(
            dataset=dataset, axes=axes, dt=dt, allow_mixed=allow_mixed, sparse=sparse, field=field,
            series=series, voxel=voxel, crop=crop, pad=pad, strict=strict, max_pixels=max_pixels,
            fill_damaged=fill_damaged, end_resolution=end_resolution,
        ),
        kind=parse_kind(kind),
        box=not_blank(box, "--box", 'write --box "x1 x2 y1 y2 z1 z2"'),
        level=parse_level(level, end_resolution),
        times=time,
        clip=clip,
        compression=parse_compression(compression, out),
        zarr_format=parse_zarr_format(zarr_format, out),
        arco=parse_arco(not_blank(arco, "--arco", "write for example 1mb")),
        stat=stat,
        value_range=parse_range(value_range),
        workers=parse_workers(workers),
        processes=processes,
        dask=dask,
        tasks=tasks,
        overwrite=overwrite,
        resume=resume,
        parents=parents,
        force=force,
    )  # fmt: skip
    if dry_run:
        plan = plan_conversion(place(source), out, options)
        warn("convert", [*plan["warnings"], *plan.get("notes", [])])
        print_json(plan) if json else print_plan(plan)
        return
    with progress_bar("converting", quiet=json) as progress:
        report = run(place(source), out, options, progress)
    warn("convert", [*report.spec.warnings, *report.notes])
    print_json(report.as_dict()) if json else print_report(report)
    if report.n_damaged:  # what was written is whole, what was read is not
        tell(
            f"pyramidion convert: error: {shown(source)}: "
            f"{counted(report.n_damaged, 'damaged blocks')} filled with the default value"
        )
        raise SystemExit(1)


def open_options(  # what `convert`, `info` and `verify` say about a source
    *,
    dataset: str = "",
    axes: str = "",
    dt: str = "",
    allow_mixed: bool = False,
    sparse: bool = False,
    field: str = "",
    series: str = "",
    voxel: str = "",
    crop: bool = False,
    pad: bool = False,
    strict: bool = False,
    max_pixels: str = "",
    fill_damaged: bool = False,
    end_resolution: str = "",
) -> OpenOptions:
    """Return what the user says about a source, from the text of the options."""
    from pyramidion.cli._parse import parse_fit, parse_interval, parse_voxel
    from pyramidion.core import parse_count
    from pyramidion.formats import OpenOptions

    size, unit = parse_voxel(voxel)
    return OpenOptions(
        dataset or None,
        axes or None,
        parse_interval(dt),
        allow_mixed,
        sparse,
        field=field or None,
        series=parse_count(series, "--series") if series else None,
        voxel=size,
        voxel_unit=unit,
        fit=parse_fit(crop=crop, pad=pad),
        strict=strict,
        max_pixels=parse_count(max_pixels, "--max-pixels") if max_pixels else 2**31,
        fill_damaged=fill_damaged,
        end_resolution=parse_count(end_resolution, "--toh") if end_resolution else None,
    )


def print_plan(plan: dict[str, object]) -> None:
    """Print what would be written."""
    from pyramidion.cli._print import counted, shown
    from pyramidion.core import format_bytes

    print(
        f"{shown(plan['destination'])}: {_shape(plan['shape'])} {plan['dtype']}, nothing written yet"
    )
    arrays = plan.get("arrays")
    if isinstance(arrays, dict):
        for key, array in arrays.items():
            per_bin = array.get("samples_per_bin")
            told = f", {counted(per_bin, 'samples')} a bin" if per_bin else ""
            shard = f", shard {_shape(array['shard'])}" if "shard" in array else ""
            chunk = f", chunk {_shape(array['chunk'])}" if "chunk" in array else ""
            print(f"  {key}: {_shape(array['shape'])}{chunk}{shard}{told}")
    order = plan.get("order")
    if isinstance(order, list) and order:
        names = ", ".join(Path(name).name for name in order)
        print(f"  in this order: {shown(names)}...")
    for name in ("variant", "codec", "blocks", "pictures", "pages"):
        if name in plan:
            print(f"  {name}: {shown(plan[name])}")
    for name, title in (
        ("bytes_in", "to read"),
        ("bytes_out_estimated", "to write, about"),
        ("peak_memory_estimated", "memory, about"),
    ):
        if name in plan:
            print(f"  {title}: {format_bytes(float(str(plan[name])))}")


def print_report(report: ConvertReport) -> None:
    """Print what was written."""
    from pyramidion.cli._print import counted, shown
    from pyramidion.core import format_bytes

    spec, run = report.spec, report.stream
    if not report.published:
        print(f"{shown(report.destination)}: tasks done; `convert --resume` does what is left")
        return
    rate = format_bytes(run.bytes_read / max(run.seconds, 1e-3))
    resumed = f", {run.resumed} of {counted(run.tasks, 'parts')} kept" if run.resumed else ""
    print(
        f"{shown(report.destination)}: {_shape(spec.shape)} {spec.dtype.name}, "
        f"{format_bytes(report.bytes_written)} in {run.seconds:.1f} s ({rate}/s{resumed})"
    )
    if report.destination.suffix in (".zarr", ".idx"):
        print(f"look at it: pyramidion view {shown(report.destination)}")


def _shape(shape: object) -> str:
    return " x ".join(f"{n}" for n in shape)  # type: ignore[attr-defined]
