"""Beginning a recording: a store that is whole before the first frame comes."""

from __future__ import annotations

import os
import shutil
import time
from pathlib import Path
from typing import Any

from pyramidion.core import FrameSpec, UsageError
from pyramidion.formats._recording.acquire_zarr import check_installed, open_acquire_zarr
from pyramidion.formats._recording.closing import write_root
from pyramidion.formats._recording.durable import replace_document, sync_folder
from pyramidion.formats._recording.frame_writer import FrameWriter
from pyramidion.formats._recording.kept import Kept
from pyramidion.formats._recording.metadata import (
    LOST,
    SIDE_DTYPES,
    level_metadata,
    own_attributes,
    side_metadata,
    to_bytes,
)
from pyramidion.formats._recording.options import RecordingOptions
from pyramidion.formats._recording.ownership import is_own_store
from pyramidion.formats._recording.plan import RecordingPlan, plan_recording
from pyramidion.formats._recording.reserve import make_reserve, release_reserve
from pyramidion.formats._recording.resuming import documents_to_go_on, reopen
from pyramidion.formats._recording.shapes import DOCUMENT
from pyramidion.formats._recording.writer import RecordingWriter
from pyramidion.storage import WriterLock, hidden_sibling, restore_replaced, told_as


def open_frame_writer(path: Path, spec: FrameSpec, options: RecordingOptions) -> FrameWriter:
    """Begin a recording, or go on with one.

    Parameters
    ----------
    path : Path
        The store. It is there, complete and of no frame, when this returns.
    spec : FrameSpec
        What a frame is.
    options : RecordingOptions
        How it is stored.

    Raises
    ------
    UsageError
        If something is there that may not be replaced, a recording that is there cannot go on
        like this, or the options cannot be.
    StorageError
        If another process writes it, or the disk is full or fails.
    """
    path = Path(path)
    plan = plan_recording(spec, options)
    is_foreign = options.writer == "acquire-zarr"
    if is_foreign:
        check_installed()
    restore_replaced(path)
    is_there = os.path.lexists(path)
    if is_there and (is_foreign or not options.resume):
        _check_replaceable(path, options)
    with told_as(path):
        path.parent.mkdir(parents=True, exist_ok=True)
    lock = WriterLock(path)
    try:
        with told_as(path):
            own = own_attributes(plan, time.time())
            if is_foreign:
                release_reserve(path)  # that a killed writer may have left
                return _begin_foreign(path, plan, own, lock)
            make_reserve(path, plan.reserve_bytes)
            if is_there and options.resume:
                kept = reopen(path, plan)
            else:
                _create(path, plan, own)
                kept = Kept(own)
            return RecordingWriter(path, plan, kept, lock)
    except BaseException:
        if lock.held:
            release_reserve(path)
        lock.release()
        raise


def check_resume(path: Path, spec: FrameSpec, options: RecordingOptions) -> None:
    """Refuse what cannot go on, before a camera is started; changes nothing.

    Parameters
    ----------
    path : Path
        The store; where nothing is, a recording may begin.
    spec : FrameSpec
        What a frame is.
    options : RecordingOptions
        How it is to be stored; without ``resume`` nothing is looked at.

    Raises
    ------
    UsageError
        If it is no recording, or one of other frames, or cut or encoded otherwise.
    DamagedError
        If it must be repaired first.
    """
    path = Path(path)
    plan = plan_recording(spec, options)
    if not options.resume or not os.path.lexists(path):
        return
    if options.writer == "acquire-zarr":
        _check_replaceable(path, options)
        return
    documents_to_go_on(path, plan)


def _check_replaceable(path: Path, options: RecordingOptions) -> None:
    if not options.overwrite:
        raise UsageError(
            str(path), "already exists", mend="use --overwrite or another name", id="PYR-ALL-06"
        )
    if not is_own_store(path):
        raise UsageError(
            str(path),
            "refusing to replace (not a dataset)",
            mend="remove it yourself",
            id="PYR-ALL-07",
        )


def _begin_foreign(
    path: Path, plan: RecordingPlan, own: dict[str, Any], lock: WriterLock
) -> FrameWriter:
    """Begin with acquire-zarr; what was there is put back when that fails."""
    replaced = hidden_sibling(path, "replaced")
    if os.path.lexists(path):
        path.replace(replaced)
    try:
        writer = open_acquire_zarr(path, plan, own, lock)
    except BaseException:
        if replaced.is_dir():
            replaced.replace(path)
        raise
    shutil.rmtree(replaced, ignore_errors=True)
    return writer


def _create(path: Path, plan: RecordingPlan, own: dict[str, Any]) -> None:
    """Make a store of no frame, on the disk, and give it its name when it is whole."""
    begun = hidden_sibling(path, "begun")
    shutil.rmtree(begun, ignore_errors=True)
    begun.mkdir()
    try:
        _fill(begun, plan, own)
        _give_name(begun, path)
    except BaseException:  # nothing stays of what could not begin
        shutil.rmtree(begun, ignore_errors=True)
        raise


def _fill(begun: Path, plan: RecordingPlan, own: dict[str, Any]) -> None:
    """Write all documents of a store of no frame."""
    for name in (*SIDE_DTYPES, LOST):
        _write(begun / name, side_metadata(name, 0))
    if plan.paths[0].startswith("frames/"):
        (begun / "frames").mkdir()
    for level in range(plan.n_recorded):
        document = level_metadata(plan.levels[level], 0, "recording")
        _write(begun / plan.paths[level], document)
    write_root(begun, own, plan.n_recorded)
    sync_folder(begun)


def _give_name(begun: Path, path: Path) -> None:
    """Put a store where it shall be; what it replaces is there again if that fails."""
    if not os.path.lexists(path):
        begun.replace(path)
    else:
        replaced = hidden_sibling(path, "replaced")
        path.replace(replaced)
        try:
            begun.replace(path)
        except BaseException:
            replaced.replace(path)
            raise
        shutil.rmtree(replaced, ignore_errors=True)
    sync_folder(path.parent)


def _write(folder: Path, document: dict[str, Any]) -> None:
    folder.mkdir()
    replace_document(folder / DOCUMENT, to_bytes(document))
