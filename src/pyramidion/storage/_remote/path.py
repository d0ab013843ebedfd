"""Paths of objects: what :mod:`pathlib` is for files, for URLs of object stores and web servers.

A :class:`RemotePath` goes wherever a ``Path`` goes that is only read. Whoever would give it to the
operating system as a file name is stopped by ``__fspath__``.
"""

from __future__ import annotations

import io
import re
import stat
from collections.abc import Generator, Iterator
from fnmatch import translate
from pathlib import Path
from typing import IO, TYPE_CHECKING, Any, NamedTuple, NoReturn, Self
from urllib.parse import unquote, urlsplit

from pyramidion.core import UsageError

if TYPE_CHECKING:
    from pyramidion.storage._remote.bucket import Bucket, Found

    _LocalPath = Path
else:
    _LocalPath = type(Path())

SCHEMES = ("s3", "gs", "az", "http", "https", "memory")
_URL = re.compile(r"([A-Za-z][A-Za-z0-9+.-]*)://(.*)", re.DOTALL)
_CLOUDS = ("s3", "gs", "az")
_BUCKET = re.compile(r"[A-Za-z0-9._-]{1,255}")
_SECRET_NAMES = ("key", "secret", "token", "signature", "credential", "password", "sig")


class RemoteStat(NamedTuple):
    """What is known of an object; the fields that readers of files look at.

    Parameters
    ----------
    st_mode : int
        A regular file or a folder.
    st_size : int
        Bytes.
    st_mtime_ns : int
        When it was stored.
    st_ino, st_dev : int
        The object's tag as a number, so that an object that was replaced is another one.
    """

    st_mode: int
    st_size: int
    st_mtime_ns: int
    st_ino: int
    st_dev: int = 0

    @property
    def st_mtime(self) -> float:
        """When it was stored, in seconds."""
        return self.st_mtime_ns / 1e9


def place(text: str | Path) -> Path:
    """Return the path that a user named: of a file, or of an object if it is a URL.

    Raises
    ------
    UsageError
        If the URL names no bucket, is of an unknown kind, or holds a key or a password.

    Examples
    --------
    >>> place("s3://lab/scope.zarr").name
    'scope.zarr'
    """
    if isinstance(text, Path):
        return text
    match = _URL.fullmatch(text)
    if match is None:
        return Path(text)
    scheme, rest = match[1].lower(), match[2]
    _refuse_secrets(scheme, text)
    if scheme not in SCHEMES:
        told = ", ".join(f"{name}://" for name in SCHEMES[:-1])
        raise UsageError(text, "unknown kind of URL", scheme, f"use {told}", id="PYR-UPL-16")
    if scheme.startswith("http"):
        rest = _without_query(rest, text)
    bucket, _, key = rest.partition("/")
    if not bucket:
        what = "names no server" if scheme.startswith("http") else "names no bucket"
        raise UsageError(text, what, mend=f"write {scheme}://BUCKET/KEY", id="PYR-UPL-16")
    if scheme in _CLOUDS and not _BUCKET.fullmatch(bucket):
        mend = "letters, digits, `.`, `-` and `_`"
        raise UsageError(text, "not a name of a bucket", bucket, mend, id="PYR-UPL-16")
    if ".." in key.split("/"):
        raise UsageError(text, "must not hold `..`", mend="write it out", id="PYR-UPL-16")
    return RemotePath(f"{scheme}:", bucket, *filter(None, key.split("/")))


def _without_query(rest: str, text: str) -> str:
    """Return server and path of a web address, as they are meant; a query would select something."""
    if "?" in rest:
        what = "the part behind `?` cannot be kept"
        shown = text.partition("?")[0]  # it may be a secret
        raise UsageError(shown, what, mend="name the dataset itself", id="PYR-UPL-16")
    return unquote(rest)


def is_remote(path: Path) -> bool:
    """Tell whether a path is that of an object."""
    return isinstance(path, RemotePath)


class RemotePath(_LocalPath):
    """The path of an object, or of what objects share as the beginning of their keys.

    Made by :func:`place`. What changes something raises; see :class:`Bucket` for that.
    """

    @property
    def scheme(self) -> str:
        """``s3``, ``gs``, ``az``, ``http``, ``https`` or ``memory``."""
        return self.parts[0].rstrip(":")

    @property
    def bucket(self) -> str:
        """The bucket; of a web server its name and port."""
        return self.parts[1]

    @property
    def key(self) -> str:
        """The key in the bucket; empty for the bucket itself."""
        return "/".join(self.parts[2:])

    def __str__(self) -> str:
        """Return the URL."""
        if len(self.parts) < 2:
            return f"{self.parts[0]}//" if self.parts else ""
        return f"{self.scheme}://{'/'.join(self.parts[1:])}"

    def __repr__(self) -> str:
        """Return the URL, quoted."""
        return f"RemotePath({str(self)!r})"

    def __fspath__(self) -> str:
        """Refuse: it is no file."""
        raise UsageError(str(self), "is not a local file", id="PYR-UPL-17")

    def __hash__(self) -> int:
        """Return the hash of the URL."""
        return hash(str(self))

    def __eq__(self, other: object) -> bool:
        """Tell whether both are the same URL."""
        return isinstance(other, RemotePath) and str(self) == str(other)

    def with_name(self, name: str) -> Self:
        """Return the path of another name beside it.

        Raises
        ------
        UsageError
            If it is a bucket or a server itself.
        """
        if not self.key:
            raise UsageError(
                str(self), "names no dataset", mend=f"write {self}/KEY", id="PYR-UPL-16"
            )
        return super().with_name(name)

    def stat(self, *, follow_symlinks: bool = True) -> RemoteStat:  # type: ignore[override]
        """Ask for the object of this key, or whether there are objects below it.

        Raises
        ------
        FileNotFoundError
            If there is neither.
        PyramidionError
            If the store cannot be asked.
        """
        del follow_symlinks
        found = self._bucket().head(self.key) if self.key else None
        if found is not None:
            return _stat_of(found)
        if not self._bucket().has_children(self.key):
            raise FileNotFoundError(2, "No such object", str(self))
        return RemoteStat(stat.S_IFDIR | 0o755, 0, 0, 0)

    def exists(self, *, follow_symlinks: bool = True) -> bool:
        """Tell whether there is an object of this key or below it."""
        del follow_symlinks
        return self.is_file() or self.is_dir()

    def is_file(self, *, follow_symlinks: bool = True) -> bool:
        """Tell whether there is an object of this key."""
        del follow_symlinks
        return bool(self.key) and self._bucket().head(self.key) is not None

    def is_dir(self, *, follow_symlinks: bool = True) -> bool:
        """Tell whether there are objects below this key."""
        del follow_symlinks
        return self._bucket().has_children(self.key)

    def is_symlink(self) -> bool:
        """Return False: stores have none."""
        return False

    def iterdir(self) -> Generator[Self]:
        """Yield what lies directly below this key."""
        folders, files = self._bucket().children(self.key)
        yield from (self / name for name in folders)
        yield from (self / found.key.rpartition("/")[2] for found in files)

    def rglob(self, pattern: str, **_: Any) -> Iterator[Self]:  # type: ignore[override]
        """Yield the objects at any depth below this key whose name matches."""
        matches = re.compile(translate(pattern)).match
        for found in self._bucket().objects(self.key):
            if matches(found.key.rpartition("/")[2]):
                yield self._at(found.key)

    def glob(self, pattern: str, **_: Any) -> Iterator[Self]:  # type: ignore[override]
        """Yield the objects directly below this key whose name matches."""
        matches = re.compile(translate(pattern)).match
        yield from (path for path in self.iterdir() if matches(path.name))

    def open(self, mode: str = "r", buffering: int = -1, *_: Any, **__: Any) -> IO[Any]:  # type: ignore[override]
        """Open the object to read its bytes.

        Raises
        ------
        FileNotFoundError
            If there is no such object.
        """
        if mode != "rb":
            self._refuse()
        from pyramidion.storage._ranges import ObjectRanges, RangeIO

        raw = RangeIO(ObjectRanges(self))
        opened: Any = raw if buffering == 0 else io.BufferedReader(raw, 2**16)
        return opened  # type: ignore[no-any-return]

    def read_bytes(self) -> bytes:
        """Return the whole object.

        Raises
        ------
        FileNotFoundError
            If there is no such object.
        """
        return self._bucket().get(self.key)

    def read_text(self, encoding: str | None = None, *_: Any, **__: Any) -> str:
        """Return the whole object as text."""
        return self.read_bytes().decode(encoding or "utf-8")

    def resolve(self, strict: bool = False) -> Self:
        """Return the path itself: there are no links."""
        del strict
        return self

    def absolute(self) -> Self:
        """Return the path itself."""
        return self

    def expanduser(self) -> Self:
        """Return the path itself."""
        return self

    def is_absolute(self) -> bool:
        """Return True: no other place can be meant."""
        return True

    def _at(self, key: str) -> Self:
        return type(self)(*self.parts[:2], *key.split("/"))

    def _bucket(self) -> Bucket:
        from pyramidion.storage._remote.bucket import bucket_of

        return bucket_of(self)

    def _refuse(self, *_: Any, **__: Any) -> NoReturn:
        raise UsageError(str(self), "cannot be changed like a file", id="PYR-UPL-17")

    mkdir = rmdir = unlink = rename = replace = touch = write_bytes = write_text = _refuse
    chmod = symlink_to = hardlink_to = _refuse


def _stat_of(found: Found) -> RemoteStat:
    number = int.from_bytes(found.etag.encode()[-8:], "big")
    modified_ns = round(found.modified.timestamp() * 1e9)
    return RemoteStat(stat.S_IFREG | 0o644, found.size, modified_ns, number)


def _refuse_secrets(scheme: str, text: str) -> None:
    """Refuse a URL that shows a key to everyone who sees the command line or a log."""
    parts = urlsplit(text)
    names = [pair.partition("=")[0].lower() for pair in parts.query.split("&")]
    if "@" in parts.netloc or any(word in name for name in names for word in _SECRET_NAMES):
        shown = f"{scheme}://{parts.netloc.rpartition('@')[2]}{parts.path}"
        raise UsageError(
            shown,
            "credentials in a URL are refused",
            mend="use a profile (--profile NAME) or the environment",
            id="PYR-UPL-05",
        )
