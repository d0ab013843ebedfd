"""Put the viewer beside data in a bucket, so that the bucket alone shows them.

The page itself, ``index.html``, is small and may change; what it loads lies in a folder that is
named by its content, so that browsers keep it for ever, a page that is open goes on working while
another version arrives, and what is there is never sent again. The page comes last.
"""

from __future__ import annotations

import hashlib
import re
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from functools import cache
from importlib.resources import files
from importlib.resources.abc import Traversable
from typing import Any
from urllib.parse import quote

from pyramidion.core import DataError, MissingError, UsageError
from pyramidion.storage import Bucket, RemotePath, bucket_of, require_credentials
from pyramidion.workflows._bucket.addresses import (
    relative_address,
    viewer_beside,
    web_addresses,
)
from pyramidion.workflows._bucket.report import BucketReport
from pyramidion.workflows._bucket.zarr_store import ROOTS
from pyramidion.workflows._check_bucket import check_bucket, own_origin

PAGE = "index.html"
_TYPES = {
    ".html": "text/html; charset=utf-8",
    ".js": "text/javascript; charset=utf-8",
    ".css": "text/css; charset=utf-8",
    ".svg": "image/svg+xml",
    ".LICENSE": "text/plain; charset=utf-8",
}
"""What of the viewer's folder is needed in a browser, and its media type."""

_FOR_EVER = "public, max-age=31536000, immutable"
_ASK_ANEW = "no-cache"
_POLICY = (
    "default-src 'self'; worker-src 'self'; img-src 'self' data: blob:; connect-src *; "
    "style-src 'self'"
)
_LOCAL = re.compile(r'\b(href|src)="(?![a-z]+:|//)([^"]+)"')
_OURS = b"<title>pyramidion</title>"
_AT_ONCE = 8


@dataclass
class PublishReport:
    """What was put into a bucket.

    Parameters
    ----------
    dataset, viewer : str
        URLs of the data and of the page.
    links : list of str
        Addresses at which a browser shows the data, the usual one first; empty for what no browser
        reaches.
    sent, unchanged : int
        Files of the viewer that were stored, and that were there.
    bytes_sent : int
        Of the viewer.
    checked : BucketReport or None
        Whether the page can show the data; None where it was not asked.
    """

    dataset: str
    viewer: str
    links: list[str] = field(default_factory=list)
    sent: int = 0
    unchanged: int = 0
    bytes_sent: int = 0
    checked: BucketReport | None = None

    @property
    def link(self) -> str:
        """The usual address; empty if there is none."""
        return self.links[0] if self.links else ""

    def as_dict(self) -> dict[str, Any]:
        """Return JSON values."""
        return {
            "dataset": self.dataset,
            "viewer": self.viewer,
            "link": self.link,
            "links": self.links,
            "sent": self.sent,
            "unchanged": self.unchanged,
            "bytes_sent": self.bytes_sent,
            "checked": self.checked.as_dict() if self.checked else None,
        }


def publish_viewer(
    dataset: RemotePath, *, viewer_at: RemotePath | None = None, check: bool = True
) -> PublishReport:
    """Put the viewer into the bucket of a dataset and return the link that shows it.

    Parameters
    ----------
    dataset : RemotePath
        A Zarr store that is complete in its bucket.
    viewer_at : RemotePath, optional
        Folder of the page. By default ``viewer`` beside the dataset, one for all its neighbours.
    check : bool
        Ask without a key whether the page can show the data.

    Raises
    ------
    UsageError
        If it is IDX, the place is no bucket, or there are no keys for it.
    MissingError
        If the dataset is not there.
    """
    check_viewable(dataset)
    folder = viewer_at or viewer_beside(dataset)
    _check_place(dataset, folder)
    _check_there(dataset)
    bucket = bucket_of(folder)
    if bucket.connection is not None:
        require_credentials(bucket.connection, folder.bucket)
    report = PublishReport(str(dataset), str(folder / PAGE))
    _send(bucket, folder.key, report)
    report.links = viewer_links(dataset, folder)
    if check and report.links:
        report.checked = check_bucket(dataset, own_origin(folder))
    return report


def viewer_links(dataset: RemotePath, viewer_at: RemotePath | None = None) -> list[str]:
    """Return the addresses at which a published page shows a dataset, the usual one first.

    Where both are in one bucket, the data are named as seen from the page: such a link needs only
    another host when the bucket moves.
    """
    page = (viewer_at or viewer_beside(dataset)) / PAGE
    if (page.scheme, page.bucket) == (dataset.scheme, dataset.bucket):
        data = relative_address(dataset, page)
    else:
        data = next(iter(web_addresses(dataset)), "")
    return [f"{address}?data={quote(data, safe='/:~')}" for address in web_addresses(page)]


def check_viewable(dataset: RemotePath) -> None:
    """Refuse what the page in a bucket cannot show, by its name alone.

    Raises
    ------
    UsageError
        If it is IDX.
    """
    if dataset.suffix.lower() == ".idx":
        raise UsageError(
            str(dataset),
            "the page in a bucket reads Zarr only",
            "OpenVisus clients read IDX from there themselves",
            "convert it to .zarr for the browser, or use `pyramidion serve`",
            id="PYR-UPL-61",
        )


def _check_place(dataset: RemotePath, folder: RemotePath) -> None:
    if not isinstance(folder, RemotePath) or folder.scheme in ("http", "https"):
        raise UsageError(
            str(folder), "must be in a bucket", mend="write s3://BUCKET/KEY", id="PYR-UPL-62"
        )
    if folder == dataset or (dataset.key and folder.is_relative_to(dataset)):
        raise UsageError(
            str(folder), "is inside the dataset", mend="put it beside", id="PYR-UPL-62"
        )


def _check_there(dataset: RemotePath) -> None:
    if not any((dataset / name).is_file() for name in ROOTS):
        dataset.is_dir()  # tells when it is the bucket that is missing
        raise MissingError(
            str(dataset),
            "no Zarr store here",
            mend="name the store itself, or upload it first",
            id="PYR-UPL-63",
        )


def _send(bucket: Bucket, key: str, report: PublishReport) -> None:
    """Send the files that are not there, then the page.

    Raises
    ------
    UsageError
        If another page is there.
    """
    page, assets = _viewer()
    prefix = f"{key}/" if key else ""
    known = _page_there(bucket, f"{prefix}{PAGE}")
    if known is not None and _OURS not in known:
        where = bucket.url(f"{prefix}{PAGE}")
        raise UsageError(where, "is another page", mend="use --viewer-at", id="PYR-UPL-62")
    release = f"{prefix}{_release()}"
    there = {found.key: found.size for found in bucket.objects(release)}
    wanted = {f"{release}/{name}": data for name, data in assets.items()}
    missing = [key for key, data in wanted.items() if there.get(key) != len(data)]

    def put(key: str) -> None:
        kind = _TYPES[_suffix(key)]
        bucket.put(key, wanted[key], Content_Type=kind, Cache_Control=_FOR_EVER)

    with ThreadPoolExecutor(_AT_ONCE) as pool:
        for _ in pool.map(put, missing):
            pass
    report.sent, report.unchanged = len(missing), len(wanted) - len(missing)
    report.bytes_sent = sum(len(wanted[key]) for key in missing)
    if known == page:
        report.unchanged += 1
        return
    kind = _TYPES[".html"]
    bucket.put(f"{prefix}{PAGE}", page, Content_Type=kind, Cache_Control=_ASK_ANEW)
    report.sent += 1
    report.bytes_sent += len(page)


def _page_there(bucket: Bucket, key: str) -> bytes | None:
    try:
        return bucket.get(key, limit=2**20)
    except FileNotFoundError:
        return None
    except DataError:
        return b""  # far longer than ours


@cache
def _viewer() -> tuple[bytes, dict[str, bytes]]:
    """Return the page, and what it loads by its path."""
    folder = files("pyramidion") / "server" / "viewer"
    assets = dict(sorted(_files_below(folder, "")))
    page = assets.pop(PAGE).decode()
    return _for_bucket(page).encode(), assets


def _for_bucket(page: str) -> str:
    """Return the page with the addresses of what it loads, and the policy that a server would send."""
    told = f'<meta http-equiv="Content-Security-Policy" content="{_POLICY}">'
    page = _LOCAL.sub(rf'\1="{_release()}/\2"', page)
    return page.replace('<meta charset="utf-8">', f'<meta charset="utf-8">\n    {told}')


@cache
def _release() -> str:
    """Return the name of this content of the viewer, with the headers it is stored with."""
    digest = hashlib.sha256(repr((_TYPES, _FOR_EVER)).encode())
    for name, data in sorted(_files_below(files("pyramidion") / "server" / "viewer", "")):
        if name != PAGE:
            digest.update(f"{name}\0{len(data)}\0".encode() + data)
    return digest.hexdigest()[:16]


def _files_below(folder: Traversable, prefix: str) -> Iterator[tuple[str, bytes]]:
    for entry in folder.iterdir():
        if entry.is_dir():
            yield from _files_below(entry, f"{prefix}{entry.name}/")
        elif _suffix(entry.name) in _TYPES:
            yield prefix + entry.name, entry.read_bytes()


def _suffix(name: str) -> str:
    return name[name.rfind(".") :] if "." in name else ""
