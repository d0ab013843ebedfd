"""Tell whether a browser can show what is in a bucket, and what is missing if not."""

from __future__ import annotations

import uuid
from urllib.parse import urlsplit

from pyramidion.core import UsageError
from pyramidion.storage import RemotePath
from pyramidion.workflows._bucket import access
from pyramidion.workflows._bucket.addresses import origin_of, web_addresses
from pyramidion.workflows._bucket.asking import Answer, Asker, NoAnswerError
from pyramidion.workflows._bucket.report import FAILS, OK, UNNEEDED, BucketReport, Condition
from pyramidion.workflows._bucket.zarr_store import (
    Root,
    find_objects,
    find_root,
    object_url,
    read_arrays,
)


def check_bucket(dataset: RemotePath, origin: str = "") -> BucketReport:
    """Look at a dataset in a bucket or on a web server as a page of another origin would.

    Nothing is changed, and no key is used: what a browser may not read is not read.

    Parameters
    ----------
    dataset : RemotePath
        A Zarr store, or an ``.idx`` file.
    origin : str
        Of the page, ``https://example.org``. By default any other than the dataset's own. With the
        dataset's own it is told whether the bucket's own page can show it, which needs no CORS.

    Raises
    ------
    UsageError
        If a browser has no address for it.
    """
    addresses = web_addresses(dataset)
    if not addresses:
        raise UsageError(
            str(dataset), "has no address for browsers", mend="name it by http:// or s3://",
            id="PYR-UPL-60",
        )  # fmt: skip
    address = addresses[0]
    page = origin or f"{urlsplit(address).scheme}://viewer.example"
    report = BucketReport(str(dataset), address, page)
    asker = Asker(page)
    try:
        if dataset.suffix == ".idx":
            _check_idx(report, asker)
        else:
            _check_zarr(report, asker)
    except NoAnswerError as error:
        mend = "check address and port, and that the server runs"
        report.add(Condition("reached", FAILS, f"{origin_of(address)}: {error}", mend))
    return report


def own_origin(dataset: RemotePath) -> str:
    """Return the origin of the page that lies beside a dataset; empty if it has no address."""
    addresses = web_addresses(dataset)
    return origin_of(addresses[0]) if addresses else ""


def _check_idx(report: BucketReport, asker: Asker) -> None:
    from pyramidion.workflows._bucket.idx import idx_conditions

    report.reader = "OpenVisus client"
    answer = asker.get(report.address)
    if not _is_readable(report, Root("the .idx file", answer)):
        return
    for condition in idx_conditions(asker, report.address, answer):
        report.add(condition)


def _check_zarr(report: BucketReport, asker: Asker) -> None:
    address = report.address
    if (mixed := access.mixed_content(address, report.origin)) is not None:
        report.add(mixed)
    root = find_root(asker, address)
    if not _is_readable(report, root):
        return
    report.add(access.cors(root.answer, asker, address))
    arrays, told = read_arrays(asker, address, root)
    for condition in told:
        report.add(condition)
    url, tail_bytes = object_url(address, root.name), 0
    if arrays:
        there, condition = find_objects(asker, address, arrays)
        report.add(condition)
        if there is not None:
            url = object_url(address, there.last)
            tail_bytes = there.index_bytes if there.is_index_at_end else 0
    _check_ranges(report, asker, url, tail_bytes, is_sharded=any(a.index_bytes for a in arrays))
    report.add(access.absent(asker, object_url(address, f".absent-{uuid.uuid4().hex}")))


def _check_ranges(
    report: BucketReport, asker: Asker, url: str, tail_bytes: int, *, is_sharded: bool
) -> None:
    if not is_sharded:
        report.add(Condition("Range", UNNEEDED, "every chunk is an object of its own"))
        return
    report.add(access.preflight(asker, report.address, url))
    for condition in access.ranges(asker, url, tail_bytes):
        report.add(condition)
    report.add(access.exposed(asker.get(url, "bytes=0-0"), asker, report.address))


def _is_readable(report: BucketReport, root: Root) -> bool:
    """Note whether the root of a dataset is handed out to everybody."""
    answer = root.answer
    if 300 <= answer.status < 400:
        what = f"answered {answer.status}: it is elsewhere"
        return report.add(Condition("reached", FAILS, what, _redirect_mend(answer)))
    if answer.status >= 500:
        what = f"the server has a fault ({answer.status})"
        return report.add(Condition("reached", FAILS, what, "try again later"))
    report.add(Condition("reached", OK, origin_of(report.address)))
    if answer.status != 200 and not answer.is_refused:
        what = f"no dataset here ({answer.status} for {root.name})"
        mend = "check the address: it names the dataset itself, and uploads store its root last"
        return report.add(Condition("metadata", FAILS, what, mend))
    return report.add(access.public(answer, root.name))


def _redirect_mend(answer: Answer) -> str:
    """Return where an answer sends readers, without the query, which may hold a signature."""
    place = answer.headers.get("location", "").partition("?")[0]
    return f"use {place}" if place else "check the address and the region of the bucket"
