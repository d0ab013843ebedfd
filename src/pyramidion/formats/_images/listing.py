"""Which files a stack consists of: those of a folder, or of a pattern such as ``'run/**/*.png'``.

A folder may hold two million pictures: names are listed with ``os.scandir``, which tells files from
folders without asking for each.
"""

from __future__ import annotations

import errno
import fnmatch
import glob
import itertools
import os
import re
from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path

from pyramidion.core import DataError, IncompleteError, UsageError
from pyramidion.formats._pattern import folder_of, is_pattern
from pyramidion.storage import told_as

KINDS = {
    ".png": "PNG",
    ".jpg": "JPEG",
    ".jpeg": "JPEG",
    ".tif": "TIFF",
    ".tiff": "TIFF",
}
"""Kind of picture by the ending of its name."""

PICTURES, MOVING = "pictures", ".moving"
"""In the folder under way: the pictures, and a mark that they are being moved to their place."""

_FILES_TRIED, _FOLDERS_TRIED = 1000, 100
_DIGITS = re.compile(r"([0-9]+)")


@dataclass(frozen=True)
class PictureFiles:
    """The files of a stack, all of one kind.

    Parameters
    ----------
    names : list of str
        In natural order.
    kind : str
        ``PNG``, ``JPEG`` or ``TIFF``.
    by_folder : bool
        Each folder is one time step.
    """

    names: list[str]
    kind: str
    by_folder: bool


def list_pictures(path: Path) -> PictureFiles:
    """Find the pictures that a path names.

    Parameters
    ----------
    path : Path
        A folder, a pattern, or one picture. In a folder, files that are no pictures and names with
        a leading dot are left out; pictures that lie directly in it are one stack, otherwise those
        of each folder in it are one time step. With ``**`` in a pattern, all files are one stack;
        with another wildcard in the name of a folder, each folder is a time step.

    Raises
    ------
    DataError
        If nothing is there, or pictures of several kinds are.
    UsageError
        If one file is there twice, by a link.
    """
    lister = _Lister()
    if is_pattern(path):
        names, by_folder = _of_pattern(path, lister)
    elif path.is_dir():
        names, by_folder = _of_folder(path, lister)
    else:
        names, by_folder = [str(path)], False
    _check_given_once(names, lister.links)
    return PictureFiles(sorted(names, key=natural_key), _kind(path, names), by_folder)


_LEAST_BYTES = 24


def has_pictures(path: Path) -> bool:
    """Tell whether a folder, or a pattern, is a stack; looks no further than needed.

    In a folder, or the first one in it, at least half of the files must be pictures: instruments
    save a picture of their screen beside their recordings. Nothing is raised: what is wrong is told
    when it is opened.
    """
    lister = _Lister()
    try:
        return _has_pictures(path, lister)
    except (IncompleteError, DataError):
        return True  # what is wrong is told when it is opened
    except OSError:
        return False


def _has_pictures(path: Path, lister: _Lister) -> bool:
    if is_pattern(path):
        return any(_is_picture(name) for name in lister.expand(path))
    inner = itertools.islice(lister.folders(str(path)), _FOLDERS_TRIED)
    for folder in itertools.chain([str(path)], inner):
        names = list(itertools.islice(lister.files(folder), _FILES_TRIED))
        n_pictures = sum(map(_is_picture, names))
        if n_pictures:
            return 2 * n_pictures >= len(names) and not _is_stub(names)
    return False


def _is_stub(names: list[str]) -> bool:
    """Tell a folder whose only file is shorter than the header of any picture: no stack at all."""
    return len(names) == 1 and Path(names[0]).stat().st_size < _LEAST_BYTES


def natural_key(name: str) -> list[list[str | int]]:
    """Return a sort key that puts ``img10`` after ``img9``, in folder names too.

    Examples
    --------
    >>> sorted(["t10/a1", "t9/a10", "t9/a9"], key=natural_key)
    ['t9/a9', 't9/a10', 't10/a1']
    """
    folder, _, last = name.rpartition(os.sep)
    # `a01` and `a1` are the same numbers: the name itself decides.
    return [*_folder_key(folder), _part_key(last), [name]]


@lru_cache(maxsize=1000)
def _folder_key(folder: str) -> list[list[str | int]]:
    return [_part_key(part) for part in folder.split(os.sep)]  # noqa: PTH206 - a million names


def _part_key(part: str) -> list[str | int]:
    return [int(p) if i % 2 else p for i, p in enumerate(_DIGITS.split(part))]


def _of_folder(path: Path, lister: _Lister) -> tuple[list[str], bool]:
    names = [name for name in lister.files(str(path)) if _is_picture(name)]
    if names:
        return names, False
    folders = lister.folders(str(path))
    names = [name for folder in folders for name in lister.files(folder) if _is_picture(name)]
    if not names:
        raise DataError(
            str(path), "holds no pictures", "PNG, JPEG or TIFF", "name another", id="PYR-IMG-01"
        )
    return names, True


def _of_pattern(path: Path, lister: _Lister) -> tuple[list[str], bool]:
    names = list(dict.fromkeys(lister.expand(path)))
    if not names:
        looked = f"looked in {folder_of(path)}"
        raise DataError(str(path), "matches no file", looked, id="PYR-ALL-15")
    wild = [part for part in path.parts[:-1] if glob.has_magic(part)]
    is_one_stack = "**" in path.parts or not wild
    if not is_one_stack and len(wild) > 1:
        raise UsageError(
            str(path),
            "which folders are time steps is not clear",
            ", ".join(wild),
            "use a wildcard in the name of one folder, or ** for one stack",
            id="PYR-IMG-09",
        )
    return names, not is_one_stack


class _Lister:
    """Looks into folders, and remembers which names are links.

    Attributes
    ----------
    links : list of str
        Files that are links to files.
    """

    def __init__(self) -> None:
        self.links: list[str] = []

    def expand(self, path: Path) -> Iterator[str]:
        """Yield the files that match a pattern, in no order."""
        folder = folder_of(path)
        return self._expand(str(folder), path.parts[len(folder.parts) :])

    def files(self, folder: str, *, hidden: bool = False) -> Iterator[str]:
        """Yield the files in a folder; links to nothing are refused."""
        for entry in _scan(folder, hidden=hidden):
            if _leads_to(entry, "file"):
                name = _called(folder, entry)
                if entry.is_symlink():
                    self.links.append(name)
                yield name
            elif _leads_to(entry, "folder"):
                _check_moved(folder, entry)
            elif entry.is_symlink() and _is_picture(entry.name):
                raise _broken_link(entry.path)

    def folders(self, folder: str, *, hidden: bool = False, links: bool = True) -> Iterator[str]:
        """Yield the folders in a folder."""
        for entry in _scan(folder, hidden=hidden):
            if _leads_to(entry, "folder") and (links or not entry.is_symlink()):
                yield _called(folder, entry)

    def _expand(self, folder: str, parts: Sequence[str]) -> Iterator[str]:
        """Yield the files below a folder that match the parts of a pattern."""
        head, rest = parts[0], parts[1:]
        if head == "**":
            yield from self._expand(folder, rest or ("*",))
            for inner in self.folders(folder, links=False):
                yield from self._expand(inner, parts)
            return
        matches = re.compile(fnmatch.translate(head)).match
        hidden = head.startswith(".")
        for name in (self.folders if rest else self.files)(folder, hidden=hidden):
            if matches(name.rpartition(os.sep)[2]):
                if rest:
                    yield from self._expand(name, rest)
                else:
                    yield name


def _scan(folder: str, *, hidden: bool) -> Iterator[os.DirEntry[str]]:
    with told_as(folder, "cannot read"), os.scandir(folder) as entries:
        for entry in entries:
            if hidden or not entry.name.startswith("."):
                yield entry


def _leads_to(entry: os.DirEntry[str], what: str) -> bool:
    """Tell a file, or a folder, also behind links; a link that leads nowhere is neither."""
    try:
        return entry.is_file() if what == "file" else entry.is_dir()
    except OSError:  # a loop of links
        return False


def _broken_link(path: str) -> DataError:
    try:
        os.stat(path)  # noqa: PTH116
    except OSError as error:
        if error.errno == errno.ELOOP:
            return DataError(path, "link loop", id="PYR-ALL-19")
    target = Path(path).readlink()
    return DataError(path, "link to a missing file", target, id="PYR-ALL-19")


def _check_moved(folder: str, entry: os.DirEntry[str]) -> None:
    """Refuse a folder that a run was filling with its pictures when it was killed.

    Raises
    ------
    IncompleteError
        If pictures of that run are still beside it, in its ``.partial``.
    """
    if not entry.name.endswith(".partial") or not os.path.lexists(f"{entry.path}/{MOVING}"):
        return
    try:
        n_left = len(os.listdir(f"{entry.path}/{PICTURES}"))  # noqa: PTH208
    except OSError:
        return
    if n_left:
        raise IncompleteError(
            folder,
            "incomplete",
            f"conversion interrupted, {n_left} pictures not at their place",
            "run it again with --resume",
            id="PYR-ZAR-11",
        )


def _called(folder: str, entry: os.DirEntry[str]) -> str:
    # `./a.png` is called `a.png`, as the user would.
    return entry.name if folder == "." else entry.path


def kind_of_name(name: str) -> str | None:
    """Return the kind of picture that the ending of a name says."""
    return KINDS.get(os.path.splitext(name)[1].lower())  # noqa: PTH122 - a million names


def _is_picture(name: str) -> bool:
    return kind_of_name(name) is not None


def _kind(path: Path, names: Iterable[str]) -> str:
    counted = Counter(kind_of_name(name) for name in names)
    if None in counted:
        stranger = next(name for name in names if not _is_picture(name))
        raise DataError(
            stranger, "not a picture", mend="name PNG, JPEG or TIFF files", id="PYR-IMG-01"
        )
    if len(counted) > 1:
        shown = ", ".join(f"{n} {kind}" for kind, n in counted.most_common())
        ending = Path(next(iter(names))).suffix
        raise DataError(
            str(path),
            f"{len(counted)} kinds of pictures",
            shown,
            f"choose one with a pattern such as '*{ending}'",
            id="PYR-IMG-01",
        )
    return str(next(iter(counted)))


def _check_given_once(names: Iterable[str], links: Sequence[str]) -> None:
    """Refuse a file that is there a second time by a symbolic link."""
    if not links:
        return
    seen = {os.path.realpath(name) for name in set(names) - set(links)}
    for link in sorted(set(links).intersection(names), key=natural_key):
        target = os.path.realpath(link)
        if target in seen:
            raise UsageError(link, "given twice", target, "name each file once", id="PYR-IMG-10")
        seen.add(target)
