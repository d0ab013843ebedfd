"""What is to be uploaded, and where it goes: the names that people give to both."""

from __future__ import annotations

from dataclasses import dataclass, replace
from pathlib import Path, PurePosixPath
from typing import Literal

from pyramidion.core import DataError, MissingError, UsageError
from pyramidion.storage import RemotePath, partial_path, place
from pyramidion.transfer import LocalTree, is_metadata, scan_tree

Kind = Literal["store", "idx", "folder", "file"]

ZARR_ROOTS = ("zarr.json", ".zgroup", ".zarray", ".zmetadata")


@dataclass(frozen=True)
class UploadSource:
    """A dataset, or plain files, on this disk.

    Parameters
    ----------
    path : Path
        As it was named.
    kind : {"store", "idx", "folder", "file"}
        A Zarr store; an ``.idx`` with its blocks; any other folder; any other file.
    contents : bool
        ``FOLDER/*``: what is in the folder, not the folder.
    """

    path: Path
    kind: Kind
    contents: bool = False

    @property
    def root(self) -> Path:
        """The folder that keys are relative to."""
        return self.path.parent if self.kind in ("idx", "file") else self.path

    @property
    def entry(self) -> str:
        """The key of what is opened; empty for all of it."""
        if self.kind in ("idx", "file"):
            return self.path.name
        headers = sorted(self.path.glob("*.idx")) if self.kind == "folder" else []
        return headers[0].name if len(headers) == 1 else ""

    def parts(self) -> list[Path]:
        """Return the files and folders that belong to it.

        Raises
        ------
        DataError
            If the header of an ``.idx`` cannot be read.
        """
        if self.kind != "idx":
            return [self.path]
        return [self.path, *_blocks_of(self.path)]


def upload_source(text: str | Path) -> UploadSource:
    """Find out what a user wants to upload.

    Parameters
    ----------
    text : str or Path
        A file or a folder; ``FOLDER/*``, as other programs want it, is what the folder holds.

    Raises
    ------
    MissingError
        If it is not there.
    UsageError
        If it is a URL.
    DataError
        If it is neither a file nor a folder, or was never finished.
    """
    named = str(text)
    contents = named.endswith("/*") and not Path(named).exists()
    path = place(named.removesuffix("*") if contents else named)
    if isinstance(path, RemotePath):
        raise UsageError(
            named, "is in a store already", mend="name a file or a folder", id="PYR-UPL-16"
        )
    if not path.exists():
        _check_finished(path)
        raise MissingError(named, "no such file", id="PYR-ALL-03")
    if not path.is_file() and not path.is_dir():
        raise DataError(named, "not a regular file", id="PYR-ALL-18")
    return UploadSource(path, _kind_of(path), contents)


def destination_of(source: UploadSource, text: str) -> RemotePath:
    """Return the URL of a dataset in its store.

    Parameters
    ----------
    source : UploadSource
        What is uploaded.
    text : str
        What the user wrote. A URL that ends with ``/``, or with the bucket, names the folder that
        the dataset is put into under its own name; any other is the dataset's. That of an ``.idx``
        may be its folder's, as its blocks need one.

    Raises
    ------
    UsageError
        If it is no URL of an object store, or renames an ``.idx``.
    """
    path = place(text)
    if not isinstance(path, RemotePath):
        raise UsageError(
            text, "not an address of a store", mend="write s3://BUCKET/KEY", id="PYR-UPL-16"
        )
    if path.scheme.startswith("http"):
        raise UsageError(
            text, "a web server is only read", mend="write s3://BUCKET/KEY", id="PYR-UPL-43"
        )
    is_folder = text.endswith("/") or not path.key
    name = source.path.resolve().name
    if source.kind == "idx" or path.suffix == ".idx":
        return _idx_destination(source, path, text)
    if source.kind == "file":
        is_own_name = path.suffix.lower() == source.path.suffix.lower()
        return path if is_own_name and not is_folder else path / name
    return path / name if is_folder and not source.contents else path


def upload_prefix(destination: RemotePath, source: UploadSource | None = None) -> RemotePath:
    """Return what the keys of a dataset begin with; an ``.idx`` lies beside its blocks."""
    is_file = source.kind in ("idx", "file") if source else destination.suffix == ".idx"
    return destination.parent if is_file else destination


def tree_of(source: UploadSource, name: str = "") -> LocalTree:
    """Return the files of a dataset, with the order in which they are published.

    Parameters
    ----------
    source : UploadSource
        What is sent.
    name : str
        What a file will be called there; by default as here.

    Raises
    ------
    PyramidionError
        If there is something in it that cannot be sent.
    """
    parts = source.parts() if source.kind in ("idx", "file") else []
    tree = scan_tree(source.root, is_root_document=Ranks(source.root), parts=parts)
    if source.kind == "file" and name and name != source.path.name:
        return replace(tree, files=[replace(f, key=name) for f in tree.files], names=(name,))
    return tree


class Ranks:
    """In which order the files of a tree are published: data, metadata, what makes it a dataset.

    Parameters
    ----------
    root : Path
        The folder that keys are relative to.
    """

    def __init__(self, root: Path) -> None:
        self._root = root
        self._described: dict[PurePosixPath, bool] = {}

    def __call__(self, key: str) -> int:
        """Return 0 for data, 1 for metadata, 2 for documents by which a reader finds the rest."""
        if not is_metadata(key):
            return 0
        path = PurePosixPath(key)
        if path.suffix == ".idx":
            return 2
        is_inner = any(self._is_described(folder) for folder in path.parent.parents)
        return 1 if is_inner or path.name not in ZARR_ROOTS else 2

    def _is_described(self, folder: PurePosixPath) -> bool:
        """Tell whether a folder has metadata of its own."""
        if folder not in self._described:
            here = self._root / folder
            self._described[folder] = any((here / name).is_file() for name in ZARR_ROOTS)
        return self._described[folder]


def _kind_of(path: Path) -> Kind:
    if path.is_file():
        return "idx" if path.suffix.lower() == ".idx" else "file"
    return "store" if any((path / name).is_file() for name in ZARR_ROOTS) else "folder"


def _check_finished(path: Path) -> None:
    if partial_path(path).exists():
        raise DataError(
            str(path), "conversion was not finished", partial_path(path).name,
            "finish it with `pyramidion convert --resume`", id="PYR-UPL-10",
        )  # fmt: skip


def _idx_destination(source: UploadSource, path: RemotePath, text: str) -> RemotePath:
    """Return the URL of the ``.idx`` itself, or of the folder that holds it."""
    if path.suffix != ".idx":
        return path / source.path.name
    if source.entry != path.name:
        raise UsageError(
            text,
            f"cannot be called {path.name}",
            source.entry or source.path.name,
            f"write {path.parent}",
            id="PYR-UPL-30",
        )
    return path if source.kind == "idx" else path.parent


def _blocks_of(path: Path) -> list[Path]:
    """Return the folder of the blocks of an ``.idx``, or all that lies beside it."""
    from pyramidion.formats._idx.dataset import read_header

    header = read_header(path)
    if header.arco:
        folder = path.name.removesuffix(".idx")
    else:
        template = header.template.removeprefix("$(CurrentFileDirectory)").lstrip("/")
        folder, *inner = PurePosixPath(template).parts
        if "%" in folder or not inner:  # blocks without a folder of their own
            return sorted(entry for entry in path.parent.iterdir() if entry != path)
    return [blocks for blocks in [path.parent / folder] if blocks.exists()]
