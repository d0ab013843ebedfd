"""``pyramidion repair``."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from pyramidion.cli import _options as o


def repair(
    dataset: Annotated[str, typer.Argument(metavar="DATASET", help="An .idx file.")],
    workers: o.Workers = "",
    json: o.Json = False,
) -> None:
    """Finish what a killed or faulty program left: blocks of mixed codecs, half a replacement.

    Example: pyramidion repair brain.idx
    """
    from pyramidion.cli._parse import parse_workers
    from pyramidion.cli._print import LONGEST_LINE, counted, print_json, progress_bar, shown, tell
    from pyramidion.core import escape
    from pyramidion.workflows import SHOWN_FAULTS
    from pyramidion.workflows import repair as run

    with progress_bar("repairing", quiet=json) as progress:
        report = run(Path(dataset), parse_workers(workers), progress)
    if json:
        print_json(report.as_dict())
    elif report.is_nothing_done:
        print(f"{shown(dataset)}: nothing to do")
    else:
        for codec, n_blocks in report.found.items():
            print(f"  {shown(codec):<8}{counted(n_blocks, 'blocks')}")
        for note in report.notes:
            print(f"  {shown(note)}")
        print(f"{shown(dataset)}: {counted(report.n_repaired, 'blocks')} repaired")
    if report.damaged:
        for fault in report.damaged[:SHOWN_FAULTS]:
            tell(f"pyramidion repair: error: {escape(fault, LONGEST_LINE)}")
        told = counted(len(report.damaged), "blocks")
        tell(f"pyramidion repair: {shown(dataset)}: {told} left as before: cannot be read")
        raise SystemExit(1)
