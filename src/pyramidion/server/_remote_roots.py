"""What is served from object stores and web servers, and under which names."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace

from pyramidion.core import UsageError
from pyramidion.formats import is_at_hand, is_pattern, kind_of_source, open_image
from pyramidion.server._describe import Dataset, describe_store, viewer_url, virtual_url
from pyramidion.server._errors import FolderError, NotServedError
from pyramidion.storage import RemotePath

REMOTE_IMAGES = (".idx", ".npy")
"""Files that are read as images where they lie."""


@dataclass(frozen=True)
class RemoteRoot:
    """A place of a store that is served.

    Parameters
    ----------
    path : RemotePath
        What its keys begin with.
    dataset : Dataset, optional
        What it is, if it is one itself; otherwise datasets may lie directly below.
    only : frozenset of str, optional
        The names directly below that are served; all if it is None.
    """

    path: RemotePath
    dataset: Dataset | None = None
    only: frozenset[str] | None = None

    def named(self, name: str) -> RemoteRoot:
        """Return the place under a name."""
        if self.dataset is None:
            return self
        return replace(self, dataset=replace(self.dataset, name=name))

    def is_beside(self, other: RemoteRoot) -> bool:
        """Tell whether both are some files of the same folder."""
        return self.path == other.path and None not in (self.only, other.only)

    def with_names_of(self, other: RemoteRoot) -> RemoteRoot:
        """Return this with the files of both."""
        return replace(self, only=(self.only or frozenset()) | (other.only or frozenset()))

    def below(self, names: Sequence[str]) -> RemotePath:
        """Return the path of what has these names below it.

        Raises
        ------
        NotServedError
            If they are not served.
        """
        if self.only is not None and names[0] not in self.only:
            raise nothing_here()
        return self.path.joinpath(*names)


class RemoteRoots:
    """The places of a server, by the first name in the URL; all other names lead to that of ``""``.

    Parameters
    ----------
    roots : mapping
        Name -> place.
    """

    def __init__(self, roots: Mapping[str, RemoteRoot]) -> None:
        self.by_name = dict(roots)

    def has(self, name: str) -> bool:
        """Tell whether paths that begin with this name lead to one of them rather than to files."""
        return name in self.by_name or "" in self.by_name

    def place(self, names: Sequence[str]) -> tuple[RemoteRoot, list[str]]:
        """Return the place that a path lies in, and the names below it.

        Parameters
        ----------
        names : sequence of str
            As returned by :func:`~pyramidion.server._paths.split_path`.

        Raises
        ------
        NotServedError
            If nothing is served there.
        """
        if names[0] and names[0] in self.by_name:
            return self.by_name[names[0]], list(names[1:])
        if "" in self.by_name:
            return self.by_name[""], list(names)
        raise nothing_here()

    def object_at(self, names: Sequence[str]) -> RemotePath:
        """Return the object that a path leads to, which may not exist.

        Raises
        ------
        NotServedError
            If nothing is served there.
        FolderError
            If it is a folder.
        """
        root, below = self.place(names)
        if not below or not below[-1]:
            raise FolderError("a folder, not a file", id="PYR-HTTP-04")
        return root.below(below)

    def dataset_at(self, names: Sequence[str]) -> RemotePath | None:
        """Return the one path that may be a dataset of exactly these names.

        Datasets are looked for where a place is one itself or directly below it, so that no
        request asks a store about folders at every depth.
        """
        root, below = self.place(names)
        if root.dataset is not None:
            return None if below else root.path
        return root.below(below) if len(below) == 1 and below[0] else None

    @property
    def viewers(self) -> list[str]:
        """Paths of the viewer with each dataset that has a name of its own."""
        found = []
        for name, root in self.by_name.items():
            if root.dataset is not None:
                found.append(root.dataset.viewer_url)
            images = [file for file in sorted(root.only or ()) if file.endswith(REMOTE_IMAGES)]
            found += [viewer_url(virtual_url(f"{name}/{image}")) for image in images]
        return found


def look_at(path: RemotePath) -> RemoteRoot:
    """Find out what lies at a URL, so that faults are told before anything is served.

    Parameters
    ----------
    path : RemotePath
        As a user named it.

    Returns
    -------
    RemoteRoot
        Its dataset is yet to be given its name.

    Raises
    ------
    UsageError
        If nothing is there, or it is nothing that can be served from where it lies.
    PyramidionError
        If the store cannot be asked, or an image is damaged.
    """
    if not path.key and path.scheme.startswith("http"):
        mend = "name the dataset itself"
        raise UsageError(str(path), "a web server does not list", None, mend, id="PYR-UPL-18")
    if path.name.endswith(REMOTE_IMAGES) or is_pattern(path):
        return _file(path)
    # Web servers have pages for folders, so that this comes before the question for a file.
    dataset = describe_store(path, "")
    if dataset is not None:
        return RemoteRoot(path, dataset)
    if path.is_file():
        return _file(path)
    if path.scheme.startswith("http") or not path.is_dir():
        mend = "check the key"
        raise UsageError(str(path), "no such dataset or folder", None, mend, id="PYR-SRV-02")
    return RemoteRoot(path)


def nothing_here() -> NotServedError:
    """Return the error for a path that leads nowhere."""
    return NotServedError("nothing is served here", id="PYR-HTTP-13")


def _file(path: RemotePath) -> RemoteRoot:
    """Serve an image that is one object, and the blocks of an IDX dataset beside it."""
    there = path.with_suffix(".zarr")
    if path.scheme.startswith("http") or there == path:  # which is only read; which is no store
        mend = f"convert it here first: pyramidion convert {path} {there.name}"
    else:
        mend = f"convert it there first: pyramidion convert {path} {there}"
    if is_at_hand(path) and kind_of_source(path) == "waveform":
        what = "is a file, a folder or a store is needed"
        raise UsageError(str(path), what, None, mend, id="PYR-SRV-02")
    with open_image(path):
        pass  # a damaged dataset is told now, not when somebody asks
    only = {path.name, path.stem} if path.suffix == ".idx" else {path.name}
    parent = path.parent
    assert isinstance(parent, RemotePath)
    return RemoteRoot(parent, only=frozenset(only))
