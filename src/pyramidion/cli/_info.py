"""``pyramidion info``."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Any

import typer

from pyramidion.cli import _options as o


def info(
    dataset: Annotated[
        str, typer.Argument(metavar="DATASET", help="A store or a file; quote a name with *.")
    ] = "",
    name: o.Dataset = "",
    field: o.Field = "",
    series: o.Series = "",
    axes: o.Axes = "",
    kind: o.As = "",
    dt: o.Interval = "",
    voxel: o.Voxel = "",
    allow_mixed: o.AllowMixed = False,
    visus_config: Annotated[
        bool,
        typer.Option("--visus-config", help="Print it as an entry of OpenVisus' configuration."),
    ] = False,
    formats: Annotated[
        bool, typer.Option("--formats", help="List what is read and written.")
    ] = False,
    json: o.Json = False,
) -> None:
    """Say what a dataset is: axes, units, gains, levels, sizes.

    Example: pyramidion info scope.zarr
    """
    from pyramidion.cli._convert import open_options
    from pyramidion.cli._parse import parse_kind
    from pyramidion.cli._print import print_json, warn
    from pyramidion.core import UsageError
    from pyramidion.storage import place
    from pyramidion.workflows import describe

    if formats:
        _print_formats(json=json)
        return
    if not dataset:
        raise UsageError("DATASET", "missing", mend="name a store or a file", id="PYR-ALL-02")
    if visus_config:
        _print_visus_config(place(dataset))
        return
    options = open_options(
        dataset=name, field=field, series=series, axes=axes, dt=dt, voxel=voxel,
        allow_mixed=allow_mixed,
    )  # fmt: skip
    report = describe(place(dataset), options, kind=parse_kind(kind))
    warn("info", report["warnings"])
    print_json(report) if json else _print(report)


def _print(report: dict[str, Any]) -> None:
    """Print a report in the words of its kind."""
    (_print_image if report["kind"] == "image" else _print_waveform)(report)


def _print_image(report: dict[str, Any]) -> None:
    from pyramidion.cli._print import counted, shown
    from pyramidion.core import escape, format_bytes

    sizes = {name: n for name, n in report["shape"].items() if n > 1 or name in report["axes"]}
    names = [escape(name) for name in report["fields"]]
    what = "recording" if "recording" in report else "image"
    print(f"{shown(report['path'])}: {report['format']} {what}")
    if "recording" in report:
        _print_recording(report["recording"])
    print("  shape     " + ", ".join(f"{name} {n}" for name, n in sizes.items()))
    colour = ", RGB" if report["rgb"] else ""
    print(f"  voxels    {report['dtype']}{colour}, {_voxel(report['voxel'])}")
    if len(names) > 1:
        print(f"  fields    {', '.join(names)}")
    times = report["times"]
    if len(times) > 1 and "recording" not in report:
        print(f"  times     {counted(len(times), 'steps')}, {times[0]} to {times[-1]}")
    for number, channel in enumerate(report["channels"]):
        label = escape(channel["label"]) or f"channel {number}"
        if channel["limits"]:
            low, high = channel["limits"]
            print(f"  values    {label}: {low:g} to {high:g}")
    print(
        f"  size      {format_bytes(report['bytes_on_disk'])} for {format_bytes(report['bytes'])}"
    )
    for key in ("variant", "codec", "bitmask", "blocks"):
        if key in report:
            print(f"  {key:<10}{shown(report[key])}")
    for number, level in enumerate(report["levels"]):
        shape = " x ".join(map(str, level["shape"]))
        print(f"  level {number:<4}{shape}")


def _print_recording(told: dict[str, Any]) -> None:
    import time

    from pyramidion.cli._print import shown
    from pyramidion.core import format_si

    rate = told["frames_per_second"]
    reasons = ", ".join(f"{n} {reason}" for reason, n in told["lost_by_reason"].items())
    print(f"  camera    {shown(told['camera']) or 'not known'}")
    print(f"  state     {told['state']}{_STATE_MENDS.get(told['state'], '')}")
    lost = f"{told['frames_lost']} lost" + (f" ({reasons})" if reasons else "")
    print(f"  frames    {told['frames_stored']} stored, {lost}")
    if told["started"]:
        began = time.strftime("%Y-%m-%d %H:%M:%S", time.localtime(told["started"]))
        print(f"  recorded  {began}, {format_si(told['seconds'], 's').strip()}")
    if rate:
        print(f"  rate      {rate:.6g} frames a second")


_STATE_MENDS = {"cut off": ": `pyramidion repair` finishes it, `acquire --resume` goes on"}


def _voxel(voxel: dict[str, Any]) -> str:
    unit = voxel["x"]["unit"]
    if not unit:
        return "voxel size not known"
    return " x ".join(f"{voxel[a]['size']:g}" for a in "zyx") + f" {unit} (z, y, x)"


def _print_waveform(report: dict[str, Any]) -> None:
    from pyramidion.cli._print import counted, shown
    from pyramidion.core import escape, format_bytes, format_si

    shape = report["shape"]
    unit = report["time_unit"]
    version = f" (Zarr v{report['zarr_format']})" if "zarr_format" in report else ""
    print(f"{shown(report['path'])}: {report['format']} waveform{version}")
    print("  shape     " + ", ".join(counted(n, name) for name, n in shape.items()))
    print(f"  samples   {report['dtype']}, every {format_si(report['interval'], unit, 6)}")
    print(
        f"  time      {format_si(report['offset'], unit)} + {format_si(report['duration'], unit)}"
    )
    gains = [g for row in report["gains"] for g in row]
    gain = format_si(gains[0], report["value_unit"])
    more = "" if len(set(gains)) == 1 else f" and {len(gains) - 1} more"
    print(f"  values    {gain.strip()} per code{more}")
    if report.get("trigger_times"):
        last = report["trigger_times"][-1]
        told = "unknown" if last is None else format_si(last, "s")
        print(f"  triggers  {len(report['trigger_times'])}, the last after {told}")
    if report["start_time"]:
        print(f"  recorded  {escape(report['start_time'])}")
    print(
        f"  size      {format_bytes(report['bytes_on_disk'])} for {format_bytes(report['bytes'])}"
    )
    for key, array in report.get("arrays", {}).items():
        per_bin = array.get("samples_per_bin")
        told = f"{counted(per_bin, 'samples')} a bin" if per_bin else "the samples"
        print(f"  {key:<11}{' x '.join(map(str, array['shape']))}, {array['codec']}, {told}")


def _print_visus_config(dataset: Path) -> None:
    from pyramidion.formats import format_of_source
    from pyramidion.server import visus_config
    from pyramidion.storage import RemotePath
    from pyramidion.workflows import web_addresses

    format_of_source(dataset)  # what is not there or not known is no entry
    # Everybody calls the file visus.idx: the folder has the name.
    path = dataset.absolute()
    name = path.parent.name if path.stem == "visus" else path.stem
    url = next(iter(web_addresses(path)), str(path)) if isinstance(path, RemotePath) else str(path)
    print(visus_config({name: url}), end="")


def _print_formats(*, json: bool) -> None:
    from pyramidion.cli._print import print_json
    from pyramidion.formats import formats

    rows: list[dict[str, Any]] = [
        {
            "name": f.name,
            "suffixes": list(f.suffixes),
            "reads": bool(f.open or f.open_image),
            "writes": bool(f.create or f.create_image),
            "kinds": [
                *(["waveform"] if f.open else []),
                *(["image"] if f.open_image else []),
            ],
            "summary": f.summary,
        }
        for f in formats()
    ]
    if json:
        print_json(rows)
        return
    for row in rows:
        what = " ".join(word for word in ("reads", "writes") if row[word])
        print(f"{row['name']:<13}{' '.join(row['suffixes']):<26}{what:<14}{row['summary']}")
