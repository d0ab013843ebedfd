"""``pyramidion repair``."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated

import typer

from pyramidion.cli import _options as o

if TYPE_CHECKING:
    from pyramidion.workflows import RecordingRepairReport


def repair(
    dataset: Annotated[
        str, typer.Argument(metavar="DATASET", help="An .idx file, or a recording.")
    ],
    workers: o.Workers = "",
    json: o.Json = False,
) -> None:
    """Finish what a killed or faulty program left: a recording cut off, blocks of mixed codecs.

    Example: pyramidion repair run.zarr
    """
    from pyramidion.cli._parse import parse_workers
    from pyramidion.cli._print import LONGEST_LINE, counted, print_json, progress_bar, shown, tell
    from pyramidion.core import escape
    from pyramidion.storage import place
    from pyramidion.workflows import SHOWN_FAULTS, RecordingRepairReport
    from pyramidion.workflows import repair as run

    with progress_bar("repairing", quiet=json) as progress:
        report = run(place(dataset), parse_workers(workers), progress)
    unit = "frames" if isinstance(report, RecordingRepairReport) else "blocks"
    if json:
        print_json(report.as_dict())
    elif report.is_nothing_done:
        print(f"{shown(dataset)}: nothing to do")
    elif isinstance(report, RecordingRepairReport):
        _print_recording(report)
    else:
        for codec, n_blocks in report.found.items():
            print(f"  {shown(codec):<8}{counted(n_blocks, 'blocks')}")
        for note in report.notes:
            print(f"  {shown(note)}")
        print(f"{shown(dataset)}: {counted(report.n_repaired, 'blocks')} repaired")
    faults = report.faults if isinstance(report, RecordingRepairReport) else ()
    for fault in faults:
        tell(f"pyramidion repair: error: {shown(dataset)}: {fault}")
    if report.damaged:
        for fault in report.damaged[:SHOWN_FAULTS]:
            tell(f"pyramidion repair: error: {escape(fault, LONGEST_LINE)}")
        told = counted(len(report.damaged), unit)
        tell(f"pyramidion repair: {shown(dataset)}: {told} left as before: cannot be read")
    if report.damaged or faults:
        raise SystemExit(1)


def _print_recording(report: RecordingRepairReport) -> None:
    from pyramidion.cli._print import shown

    reasons = ", ".join(f"{n} {shown(reason)}" for reason, n in report.lost.items())
    print(f"{shown(report.dataset)}: repaired")
    print(f"  frames readable {report.n_readable:>12}")
    print(f"         repaired {report.n_repaired:>12}")
    print(f"         lost     {report.n_lost:>12}" + (f"  ({reasons})" if reasons else ""))
    if report.n_gone:
        print(f"         gone     {report.n_gone:>12}  (readers saw them; they are among the lost)")
    if report.guessed:
        first, last = report.guessed
        print(f"  numbers guessed  frames {first} to {last}")
    for note in report.notes:
        print(f"  {shown(note)}")
