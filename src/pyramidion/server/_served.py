"""What a server serves: folders, parts of folders, and image datasets by name."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from urllib.parse import quote

from pyramidion.core import DataError, PyramidionError, UsageError
from pyramidion.formats import OpenOptions, format_of_source, is_pattern, kind_of_source, open_image
from pyramidion.server._checks import RESERVED_NAMES, check_roots, free_name, is_store
from pyramidion.server._describe import describe_store, viewer_url, virtual_url
from pyramidion.server._remote_roots import RemoteRoot, RemoteRoots, look_at
from pyramidion.storage import RemotePath, is_remote, place

_PICTURES = (".png", ".tif", ".tiff", ".jpg", ".jpeg")


@dataclass(frozen=True)
class Served:
    """What is served, and under which names.

    Parameters
    ----------
    folders : mapping
        First name in the URL -> folder; the contents of the one under ``""`` are at ``/``.
    images : mapping
        Image datasets with a name of their own -> file, folder or pattern.
    parts : mapping
        First name in the URL -> the only names in that folder that are served.
    groups : mapping
        Image dataset -> group that it is listed in.
    remotes : mapping
        First name in the URL -> place of an object store or web server; all other names lead to
        the one under ``""``.
    """

    folders: Mapping[str, Path] = field(default_factory=dict)
    images: Mapping[str, Path] = field(default_factory=dict)
    parts: Mapping[str, frozenset[str]] = field(default_factory=dict)
    groups: Mapping[str, str] = field(default_factory=dict)
    remotes: Mapping[str, RemoteRoot] = field(default_factory=dict)

    @property
    def names(self) -> list[str]:
        """What to call the parts of this, for people."""
        both = [*self.folders.items(), *self.images.items()]
        remotes = [(name, root.path) for name, root in self.remotes.items()]
        return [name or str(path) for name, path in [*both, *remotes]]

    @property
    def places(self) -> list[str]:
        """Paths of the viewer with each dataset that is served by name."""
        single = [
            viewer_url(virtual_url(f"{folder}/{name}"))
            for folder, names in self.parts.items()
            for name in sorted(names)
            if name.endswith(".idx")
        ]
        stores = [
            viewer_url(_store_url(name, path))
            for name, path in self.folders.items()
            if name and name not in self.parts and is_store(path)
        ]
        images = [viewer_url(virtual_url(name)) for name in self.images]
        return images + single + stores + RemoteRoots(self.remotes).viewers

    def joined(self, other: Served) -> Served:
        """Return both together; names of `other` come first where they are the same."""
        return Served(
            {**self.folders, **other.folders},
            {**other.images, **{k: v for k, v in self.images.items() if k not in other.images}},
            {**self.parts, **other.parts},
            {**self.groups, **other.groups},
            {**self.remotes, **other.remotes},
        )


def as_served(roots: Served | Mapping[str, Path] | Sequence[str | Path]) -> Served:
    """Return what is served, from any of the forms in which a program says it."""
    if isinstance(roots, Served):
        return roots
    return Served(roots) if isinstance(roots, Mapping) else check_served(roots)


def check_served(paths: Sequence[str | Path], *, really: bool = False) -> Served:
    """Decide what is served, and under which names.

    Parameters
    ----------
    paths : sequence of str or Path
        Folders, stores, files of image datasets, and patterns of image stacks; URLs of stores,
        ``.idx`` files and of what lies above them in an object store.
    really : bool
        Serve the whole disk or the home folder too.

    Returns
    -------
    Served
        An ``.idx`` file is served with its blocks, as ``<folder>/<file>``; other images, and a
        folder that holds nothing but pictures, as a virtual store under their name.

    Raises
    ------
    UsageError
        If a path is missing, no image, unreadable, or more than anyone means to serve.
    DataError
        If an image is damaged, or a pattern matches nothing.
    """
    places = [place(path) for path in paths]
    remote = [path for path in dict.fromkeys(places) if isinstance(path, RemotePath)]
    local = [path for path in places if not is_remote(path)]
    images = [path for path in dict.fromkeys(local) if _is_image_source(path)]
    whole = [path for path in local if path not in images]
    folders = (
        check_roots(whole, really=really, named=bool(remote))
        if whole or not (images or remote)
        else {}
    )
    parts: dict[str, set[str]] = {}
    named: dict[str, Path] = {}
    for path in images:
        with open_image(path, OpenOptions()):
            pass  # a damaged dataset is told now, not when somebody asks
        if path.name.endswith(".idx"):
            _add_idx(path.resolve(), folders, parts)
        else:
            name = _image_name(path)
            named[free_name(name, {**folders, **named})] = path.absolute()
    only = {name: frozenset(each) for name, each in parts.items()}
    return Served(folders, named, only, remotes=_remotes(remote, {*folders, *named}))


def _remotes(paths: Sequence[RemotePath], taken: set[str]) -> dict[str, RemoteRoot]:
    """Look at URLs and give them names; the only one, if it is no dataset, needs none."""
    found: dict[str, RemoteRoot] = {}
    for path in paths:
        root = look_at(path)
        beside = next((name for name, each in found.items() if each.is_beside(root)), None)
        if beside is None:
            name = free_name(root.path.name.lstrip(".") or "data", taken | found.keys())
            found[name] = root.named(name)
        else:
            found[beside] = found[beside].with_names_of(root)
    if len(found) == 1 and not taken:
        (root,) = found.values()
        return found if root.dataset or root.only else {"": root}
    return found


def _add_idx(path: Path, folders: dict[str, Path], parts: dict[str, set[str]]) -> None:
    """Serve an .idx file and the folder of its blocks, and nothing else beside them."""
    known = next((name for name in parts if folders[name] == path.parent), None)
    if known is None:
        known = free_name(path.parent.name or "data", folders)
        folders[known] = path.parent
        parts[known] = set()
    parts[known] |= {path.name, path.stem}


def _is_image_source(path: Path) -> bool:
    """Tell whether a path is an image that has to be opened to be served.

    Raises
    ------
    DataError
        If a pattern matches nothing.
    """
    if not is_pattern(path):
        if not path.exists():
            return False
        if path.is_dir() and (_is_shown(path) if is_store(path) else not _is_stack(path)):
            return False
    try:
        is_image = format_of_source(path).open_image is not None
        return is_image and kind_of_source(path) == "image"
    except DataError:
        if is_pattern(path):
            raise
        return False
    except (PyramidionError, OSError):  # told better when it is served
        return False


def _is_stack(folder: Path) -> bool:
    """Tell a stack of pictures from a folder of anything: it holds pictures and nothing else."""
    try:
        names = [inner.name for inner in folder.iterdir() if not inner.name.startswith(".")]
        return len(names) > 1 and all(name.lower().endswith(_PICTURES) for name in names)
    except OSError:
        return False  # told better when it is served


def _is_shown(path: Path) -> bool:
    """Tell whether the viewer reads a store as it is."""
    found = describe_store(path, path.name)
    return found is None or found.stored


def _image_name(path: Path) -> str:
    if is_pattern(path):
        while is_pattern(path):
            path = path.parent
        path = path.resolve()
    return path.resolve().name or "images"


def _store_url(name: str, path: Path) -> str:
    found = describe_store(path, name)
    return "/" + quote(name) if found is None else found.data_url


def refuse_reserved(name: str, where: str) -> None:
    """Refuse a name that cannot be the name of a dataset in a URL.

    Raises
    ------
    UsageError
        If it cannot.
    """
    from pyramidion.server._paths import is_served

    parts = name.split("/")
    if name in RESERVED_NAMES or not all(is_served(part) for part in parts):
        mend = "use letters, digits, - and _"
        raise UsageError(where, "not a name for a dataset", name, mend, id="PYR-SRV-07")
