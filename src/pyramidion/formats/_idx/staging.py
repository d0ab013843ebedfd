"""An IDX dataset under way: a text file and a folder of blocks that appear together.

``X.idx`` and ``X/`` are filled in ``X.idx.partial/``. To publish them takes up to four renames; in
between there is no ``X.idx``, so that never one describes the blocks of the other. A run that is
killed just there leaves all it needs: whoever writes ``X.idx`` next finishes the renames, or takes
them back.
"""

from __future__ import annotations

import os
import re
import shutil
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

from pyramidion.core import UsageError
from pyramidion.storage import (
    PLAN_NAME,
    SCRATCH,
    StagedFolder,
    WriterLock,
    hidden_sibling,
    kept_plan,
    partial_path,
    told_as,
)

_HEADER = re.compile(rb"(\xef\xbb\xbf)?\s*(#[^\n]*\n\s*)*\((version|box|fields|bits)\)")
_BLOCKS = re.compile(r"[0-9a-f]+\.bin|\..*\.part")


def blocks_folder(path: Path) -> Path:
    """Return the folder of the blocks that belongs to a name: without ``.idx``."""
    return path.with_name(blocks_name(path))


def blocks_name(path: Path) -> str:
    """Return the name of that folder."""
    return path.name[: -len(path.suffix)]


class StagedDataset(StagedFolder):
    """As :class:`pyramidion.storage.StagedFolder`, for ``X.idx`` and ``X/``.

    The folder under way holds both under their names.

    Parameters
    ----------
    destination : Path
        ``X.idx``.
    plan, resume, overwrite, owns, attach
        As there.

    Raises
    ------
    UsageError
        Also if there is a folder ``X`` without ``X.idx``.
    """

    def __init__(
        self,
        destination: Path,
        plan: Mapping[str, Any],
        *,
        resume: bool,
        overwrite: bool,
        owns: Callable[[Path], bool],
        attach: bool = False,
    ) -> None:
        if not attach:
            finish_replacement(destination)
            _check_no_stray_blocks(destination)
            _check_allowed(destination, resume=resume, overwrite=overwrite)
        super().__init__(
            destination, plan, resume=resume, overwrite=overwrite, owns=owns, attach=attach
        )

    def commit(self) -> None:
        """Give both their names, the text last."""
        assert self._lock is not None, "a part of a conversion does not publish it"
        with told_as(self.destination):
            self.folder.remove_leftovers()  # of a worker process that was killed
            if os.path.lexists(self.destination):
                self._check_replaceable()
                _set_aside(self.destination)
            else:
                _check_no_stray_blocks(self.destination)
            _move(self._partial, self.destination, blocks_name(self.destination))
            for name in SCRATCH[:-1]:
                shutil.rmtree(self._partial / name, ignore_errors=True)
            _move(self._partial, self.destination, self.destination.name)
            _tidy(self.destination)
            self._lock.release()

    def discard(self) -> None:
        """Let go and keep nothing."""
        assert self._lock is not None, "a part of a conversion removes nothing"
        with told_as(self.destination):
            shutil.rmtree(self._partial)
        self._lock.release()

    @property
    def is_held(self) -> bool:
        """Tell whether this process may still publish it."""
        return self._lock is not None and self._lock.held

    def abort(self, *, keep: bool | None = None) -> None:
        """Let go; what is complete, if anything is, stays for ``--resume``."""
        if self.is_held:
            _finish_replacement(self.destination)
        super().abort(keep=keep)


def owns_dataset(path: Path) -> bool:
    """Tell whether a path is an IDX dataset with its blocks beside it, and nothing else there."""
    if path.is_symlink() or not path.is_file():
        return False
    with path.open("rb") as file:
        if not _HEADER.match(file.read(65536)):
            return False
    return foreign_file(path) is None


def foreign_file(path: Path) -> Path | None:
    """Return something in the folder of the blocks that is no block file; None where all are."""
    blocks = blocks_folder(path)
    if blocks.is_symlink():
        return blocks
    for folder, folders, files in os.walk(blocks):
        here = Path(folder)
        links = (here / name for name in folders if (here / name).is_symlink())
        others = (
            here / name
            for name in files
            if not _BLOCKS.fullmatch(name) or (here / name).is_symlink()
        )
        found = next(links, None) or next(others, None)
        if found is not None:
            return found
    return None


def finish_replacement(path: Path) -> str:
    """Finish the renames of a run that was killed while it published, or take them back.

    Returns
    -------
    str
        What was done; empty if there was nothing to do.

    Raises
    ------
    StorageError
        If another process is writing the dataset, or the disk fails.
    """
    if not _is_between_renames(path):
        return ""
    lock = WriterLock(path)
    try:
        return _finish_replacement(path)
    finally:
        lock.release()


def _is_between_renames(path: Path) -> bool:
    if _aside(path).is_dir():
        return True
    partial = partial_path(path)
    if path.is_file():
        return partial.is_dir() and os.listdir(partial) == [PLAN_NAME]  # noqa: PTH208
    return _blocks_are_moved(path)


def _blocks_are_moved(path: Path) -> bool:
    partial = partial_path(path)
    moved = not (partial / blocks_name(path)).exists() and blocks_folder(path).is_dir()
    return moved and (partial / path.name).is_file()


def _finish_replacement(path: Path) -> str:
    """Do as :func:`finish_replacement`, with the lock held."""
    if not _is_between_renames(path):
        return ""
    with told_as(path):
        if path.is_file():
            _tidy(path)
            return "removed what a finished run had left"
        if _blocks_are_moved(path):
            _move(partial_path(path), path, path.name)
            _tidy(path)
            return "finished the replacement that was interrupted"
        aside = _aside(path)
        for name in (blocks_name(path), path.name):
            if (aside / name).exists():
                _move(aside, path, name)
        aside.rmdir()
        return "put back the dataset whose replacement was interrupted"


def _aside(path: Path) -> Path:
    """Return where the old dataset is while it is replaced."""
    return hidden_sibling(path, "old")


def _set_aside(path: Path) -> None:
    aside = _aside(path)
    aside.mkdir()
    path.replace(aside / path.name)
    if blocks_folder(path).exists():
        blocks_folder(path).replace(aside / blocks_name(path))


def _move(folder: Path, destination: Path, name: str) -> None:
    (folder / name).replace(destination.with_name(name))


def _tidy(path: Path) -> None:
    partial = partial_path(path)
    if _aside(path).is_dir():
        shutil.rmtree(_aside(path), ignore_errors=True)
    if not (partial / path.name).exists() and not (partial / blocks_name(path)).exists():
        shutil.rmtree(partial, ignore_errors=True)


def _check_allowed(path: Path, *, resume: bool, overwrite: bool) -> None:
    """Refuse to begin what could not be published."""
    allowed = overwrite or (resume and bool(kept_plan(path).get("overwrite")))
    if os.path.lexists(path) and not allowed:
        raise UsageError(
            str(path), "already exists", mend="use --overwrite or another name", id="PYR-ALL-06"
        )


def _check_no_stray_blocks(path: Path) -> None:
    blocks = blocks_folder(path)
    if os.path.lexists(blocks) and not os.path.lexists(path):
        raise UsageError(
            str(blocks),
            "refusing to replace (not a dataset)",
            f"there is no {path.name} beside it",
            "remove it yourself or use another name",
            id="PYR-ALL-07",
        )
