"""The folders beneath a served one, breadth first, and what they hold."""

from __future__ import annotations

import os
from collections import deque
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path

from pyramidion.server._describe import IMAGE_SUFFIXES
from pyramidion.server._paths import is_served

_MAX_DEPTH = 6


@dataclass(frozen=True)
class Limits:
    """Where a search ends, so that a folder with millions of files does not hold up the page.

    Parameters
    ----------
    datasets : int
        Most datasets.
    entries : int
        Most folders beneath a served one.
    """

    datasets: int = 20_000
    entries: int = 200_000

    def told(self, number: int, what: str) -> str:
        """Return the line that says so."""
        shown = f"{number:,}".replace(",", "\u2009")
        return f"The search ended after {shown} {what}: serve a folder further down to see the rest"


@dataclass
class Folder:
    """A folder that is looked into.

    Parameters
    ----------
    path : Path
        Where it is.
    name : str
        Its path in the URL.
    depth : int
        0 for the served folder itself.
    only : frozenset of str, optional
        The only names in it that are served.

    Attributes
    ----------
    is_entered : bool
        What it holds is looked at as well; to be cleared for a dataset.
    """

    path: Path
    name: str
    depth: int = 0
    only: frozenset[str] | None = None
    is_entered: bool = True
    _contents: tuple[list[str], list[str]] | None = field(default=None, repr=False)

    @property
    def files(self) -> list[str]:
        """Names of the image files in it."""
        return self._listed()[1]

    @property
    def folders(self) -> list[str]:
        """Names of the folders in it that may hold datasets."""
        folders, files = self._listed()
        if self.depth == _MAX_DEPTH or _is_there(self.path / ".zarray") or "c" in folders:
            return []
        blocks = {file[: -len(".idx")] for file in files if file.endswith(".idx")}
        # The blocks of a dataset: thousands of folders.
        return [folder for folder in folders if folder not in blocks]

    def name_of(self, inner: str) -> str:
        """Return the path in the URL of what is in it."""
        return f"{self.name}/{inner}" if self.name else inner

    def _listed(self) -> tuple[list[str], list[str]]:
        if self._contents is None:
            self._contents = _contents(self.path, self.only)
        return self._contents


class FolderWalk:
    """Walk breadth first: what lies near the top is found however much there is.

    Parameters
    ----------
    root : Path
        The served folder.
    name : str
        Its name in the URL.
    limits : Limits
        Where the walk ends.
    only : frozenset of str, optional
        The only names in it that are served.

    Attributes
    ----------
    is_cut : bool
        The walk ended at its limit.
    """

    def __init__(
        self, root: Path, name: str, limits: Limits, only: frozenset[str] | None = None
    ) -> None:
        self._queue = deque([Folder(root, name, only=only)])
        self._left = limits.entries
        self.is_cut = False

    def __iter__(self) -> Iterator[Folder]:
        while self._queue:
            folder = self._queue.popleft()
            yield folder
            for inner in folder.folders if folder.is_entered else []:
                if self._left == 0:
                    self.is_cut = True
                    break
                self._left -= 1
                path = Path(os.path.join(folder.path, inner))  # noqa: PTH118 - twice as fast
                self._queue.append(Folder(path, folder.name_of(inner), folder.depth + 1))


def _is_there(path: Path) -> bool:
    try:
        return path.exists()
    except OSError:  # a folder that may be listed and not entered
        return False


def _contents(folder: Path, only: frozenset[str] | None) -> tuple[list[str], list[str]]:
    """Return the folders and the image files in a folder.

    Links are not followed, or the walk might never end.
    """
    folders, files = [], []
    try:
        with os.scandir(folder) as entries:
            for entry in entries:
                if not is_served(entry.name) or (only is not None and entry.name not in only):
                    continue
                if entry.is_dir(follow_symlinks=False):
                    folders.append(entry.name)
                elif entry.name.lower().endswith(IMAGE_SUFFIXES) and entry.is_file(
                    follow_symlinks=False
                ):
                    files.append(entry.name)
    except OSError:
        return [], []
    return sorted(folders), sorted(files)
