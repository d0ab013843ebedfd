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
    axes: o.Axes = "",
    dt: o.Interval = "",
    allow_mixed: o.AllowMixed = False,
    formats: Annotated[
        bool, typer.Option("--formats", help="List what is read and written.")
    ] = False,
    json: o.Json = False,
) -> None:
    """Say what a dataset is: axes, units, gains, levels, sizes.

    Example: pyramidion info scope.zarr
    """
    from pyramidion.cli._parse import parse_interval
    from pyramidion.cli._print import print_json, warn
    from pyramidion.core import UsageError
    from pyramidion.formats import OpenOptions
    from pyramidion.workflows import describe

    if formats:
        _print_formats(json=json)
        return
    if not dataset:
        raise UsageError("DATASET", "missing", mend="name a store or a file", id="PYR-ALL-02")
    options = OpenOptions(name or None, axes or None, parse_interval(dt), allow_mixed)
    report = describe(Path(dataset), options)
    warn("info", report["warnings"])
    print_json(report) if json else _print(report)


def _print(report: dict[str, Any]) -> None:
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


def _print_formats(*, json: bool) -> None:
    from pyramidion.cli._print import print_json
    from pyramidion.formats import formats

    rows = [
        {
            "name": f.name,
            "suffixes": list(f.suffixes),
            "reads": f.open is not None,
            "writes": f.create is not None,
            "summary": f.summary,
        }
        for f in formats()
    ]
    if json:
        print_json(rows)
        return
    for f in formats():
        what = " ".join(filter(None, ["reads" if f.open else "", "writes" if f.create else ""]))
        print(f"{f.name:<8}{' '.join(f.suffixes):<22}{what:<14}{f.summary}")
