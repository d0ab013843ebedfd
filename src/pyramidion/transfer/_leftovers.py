"""Removing what interrupted uploads leave in a bucket of S3: parts of objects that never became any.

Nobody sees them, and they are paid for. The client library can neither list nor remove them, as it
forgets an upload with the process that began it or with the answer that was lost.

Whose they are cannot be asked. It is known at two moments of a run, while nothing of it is on its
way: before the last files are sent, and after them. An unfinished upload of one of the dataset's keys
then belongs to an earlier run, to an earlier try, or to another program that writes there now.

Another process with the same journal is kept out by the journal's lock, another dataset by the claim.
(Two machines with copies of one journal are not told apart: the run that loses an upload fails, and
goes on when it is started again.) The claim is looked at *after* the uploads were listed: whoever
takes the place later begins uploads that are not in this list, and who took it before is found there,
and then nothing is removed. Times, which clocks do not agree on, are not needed.
"""

from __future__ import annotations

from collections.abc import Callable, Container, Iterator
from xml.etree import ElementTree as ET

from pyramidion.core import PyramidionError
from pyramidion.storage._remote.signed import SignedRequestError, SignedRequests
from pyramidion.transfer._attempts import TimeUpError
from pyramidion.transfer._stores import Stores

_PIECE = 1000
_MOST_PIECES = 50


def remove_leftovers(
    stores: Stores, keys: Container[str], check_held: Callable[[], None]
) -> tuple[int, str]:
    """Remove the unfinished uploads of a dataset's keys; nothing of this run may be on its way.

    Parameters
    ----------
    stores : Stores
        Where it is sent, in S3.
    keys : container of str
        Keys of the dataset.
    check_held : callable
        Raises one of our errors if another dataset has the place.

    Returns
    -------
    n_removed : int
    note : str
        Why not all of them; empty if all is well. It is no fault of the upload.
    """
    assert stores.connection is not None
    n_removed, why = 0, ""
    try:
        with SignedRequests(stores.connection) as requests:
            found = [
                pair for pair in _unfinished(requests, stores.key("x")[:-1]) if pair[0] in keys
            ]
            if found:
                check_held()
            for key, upload in found:
                _remove(requests, stores.key(key), upload)
                n_removed += 1
    except SignedRequestError as error:
        why = str(error)
    except (PyramidionError, TimeUpError):
        why = "the place may be another dataset's"
    return n_removed, f"unfinished multipart uploads may be left: {why}" if why else ""


def _unfinished(requests: SignedRequests, prefix: str) -> Iterator[tuple[str, str]]:
    """Yield key, without the prefix, and id of every unfinished upload."""
    query = {"uploads": "", "prefix": prefix, "max-uploads": str(_PIECE)}
    for _ in range(_MOST_PIECES):
        root = _parsed(requests.send("GET", "", query))
        for upload in root.iterfind("{*}Upload"):
            key, name = upload.findtext("{*}Key", ""), upload.findtext("{*}UploadId", "")
            if key.startswith(prefix) and name:
                yield key[len(prefix) :], name
        after = {
            "key-marker": root.findtext("{*}NextKeyMarker", ""),
            "upload-id-marker": root.findtext("{*}NextUploadIdMarker", ""),
        }
        if root.findtext("{*}IsTruncated") != "true" or after.items() <= query.items():
            return
        query |= after


def _remove(requests: SignedRequests, key: str, upload: str) -> None:
    try:
        requests.send("DELETE", key, {"uploadId": upload})
    except SignedRequestError as error:
        if str(error) != "NoSuchUpload":  # the answer to the first try was lost
            raise


def _parsed(body: bytes) -> ET.Element:
    """Return the root of an answer to ListMultipartUploads.

    Raises
    ------
    SignedRequestError
        If it is none.
    """
    try:
        text = body.decode()
        if "<!DOCTYPE" in text:
            raise ValueError
        root = ET.fromstring(text)  # noqa: S314 - no DOCTYPE, so no entities; at most 4 MiB
    except (ValueError, ET.ParseError):
        root = ET.Element("")
    if root.tag.rpartition("}")[2] != "ListMultipartUploadsResult":
        raise SignedRequestError("not an answer of S3")
    return root
