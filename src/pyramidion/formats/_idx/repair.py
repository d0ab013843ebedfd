"""Mending a dataset whose blocks and header disagree, and tidying up after killed runs.

OpenVisus' compressor leaves such datasets: killed midway, run twice with two codecs, or for one
time step only, the header says one codec and some blocks have another, which then read as zeros.
Nothing is lost in them: what a block is can be told from its content.
"""

from __future__ import annotations

import re
import shutil
from pathlib import Path

from pyramidion.core import IncompleteError
from pyramidion.formats._flat_file import FlatFile
from pyramidion.formats._idx.compress_arco import PLAN_KIND
from pyramidion.formats._idx.dataset import text_of
from pyramidion.formats._idx.fields import CODECS
from pyramidion.formats._idx.header import TEXT_LIMIT, IdxHeader, format_header, parse_header
from pyramidion.formats._idx.mending import Repaired, mend_arco, mend_bins
from pyramidion.formats._idx.recoding import Mapped, Progress
from pyramidion.formats._idx.staging import blocks_folder, finish_replacement
from pyramidion.storage import Folder, WriterLock, kept_plan, partial_path, told_as

_COMPRESSION = re.compile(r"\b(default_compression|compression|compressed)\(([^()]*)\)")


def repair_dataset(path: Path, mapped: Mapped, progress: Progress | None = None) -> Repaired:
    """Make header and blocks of a dataset agree.

    Parameters
    ----------
    path : Path
        The .idx.
    mapped : callable
        Runs the work, on several threads.
    progress : callable, optional
        Told the decoded bytes that were looked at.

    Raises
    ------
    DataError
        If the header cannot be read, or the dataset was never finished.
    StorageError
        If another process is writing it.
    """
    report = Repaired()
    note = finish_replacement(path)
    report.notes += [note] if note else []
    if not path.exists() and partial_path(path).is_dir():
        raise IncompleteError(
            str(path),
            "incomplete",
            "an interrupted conversion is there",
            "finish it with convert --resume",
            id="PYR-ZAR-11",
        )
    header, unknown = _read_header(path)
    report.notes += [f"compression {name} is not one" for name in unknown]
    lock = WriterLock(path)
    try:
        report.notes += _remove_leftovers(path)
        told = header
        if header.version == 6:
            mend = mend_arco if header.arco else mend_bins
            told = mend(path, header, mapped, report, progress)
        if told != header or unknown:
            Folder(path.parent).write(path.name, format_header(told).encode())
            codecs = ", ".join(dict.fromkeys(f.codec for f in told.fields))
            report.notes.append(f"the header now says {codecs}")
    finally:
        lock.release()
    return report


def _read_header(path: Path) -> tuple[IdxHeader, list[str]]:
    """Read a header; names of codecs that do not exist are taken out and returned."""
    where = str(path)
    text = text_of(FlatFile(path).read_head(TEXT_LIMIT), where)
    unknown: list[str] = []

    def known(found: re.Match[str]) -> str:
        name = found[2].strip()
        if not name or name.partition("-")[0].lower() in CODECS:
            return found[0]
        unknown.append(name)
        return f"{found[1]}()"

    return parse_header(_COMPRESSION.sub(known, text), where), list(dict.fromkeys(unknown))


def _remove_leftovers(path: Path) -> list[str]:
    """Remove what killed runs left and no other run can use."""
    notes = []
    with told_as(path):
        partial = partial_path(path)
        if kept_plan(path).get("kind") == PLAN_KIND:
            shutil.rmtree(partial)
            notes.append("removed what an interrupted compress had left: run it again")
        parts = list(blocks_folder(path).rglob(".*.part"))
        for part in parts:
            part.unlink()
        if parts:
            notes.append(f"removed {len(parts)} temporary files of a killed run")
    return notes
