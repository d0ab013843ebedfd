"""An IDX dataset in a bucket, as the OpenVisus client reads it: block by block, knowing no codec."""

from __future__ import annotations

from pathlib import PurePosixPath

from pyramidion.core import DataError
from pyramidion.formats._idx.dataset import text_of
from pyramidion.formats._idx.files import arco_name
from pyramidion.formats._idx.header import IdxHeader, parse_header
from pyramidion.workflows._bucket.asking import Answer, Asker
from pyramidion.workflows._bucket.report import ADVISED, FAILS, OK, UNNEEDED, Condition
from pyramidion.workflows._bucket.zarr_store import object_url

BROWSER_MEND = (
    "convert it with `pyramidion convert X.idx X.zarr` and upload that, or use `pyramidion serve`"
)


def idx_conditions(asker: Asker, address: str, answer: Answer) -> list[Condition]:
    """Check an ``.idx`` file that was read, and its first block."""
    name = PurePosixPath(address).name
    try:
        header = parse_header(text_of(answer.text, name), name)
    except (DataError, OSError, EOFError) as error:
        return [Condition("metadata", FAILS, str(error), "check the address, or upload it again")]
    told = Condition("metadata", OK, f"{name}, {len(header.fields)} fields")
    found = [told, *layout_conditions(header)]
    if not any(one.state == FAILS for one in found):
        found.append(_first_block(asker, address, header))
    return [*found, Condition("page", UNNEEDED, "the viewer reads Zarr only", BROWSER_MEND)]


def layout_conditions(header: IdxHeader) -> list[Condition]:
    """Check what the client takes for granted: ARCO, zip and row-major, whatever the header says."""
    if not header.arco:
        what = "blocks share files (modvisus): clients read this from a mod_visus server only"
        mend = "`pyramidion convert X.idx Y.idx --arco 1mb`, or `pyramidion serve`"
        return [Condition("blocks", FAILS, what, mend)]
    blocks = Condition("blocks", OK, "each in an object of its own (ARCO)")
    codecs = {field.name: field.codec for field in header.fields}
    other = [f"{name} is {codec}" for name, codec in codecs.items() if codec != "zip"]
    curved = [field.name for field in header.fields if not field.is_row_major]
    if other:
        what = f"{', '.join(other)}: clients take every block of a bucket for zip, and read zeros"
        mend = "`pyramidion compress X.idx --codec zip`, and upload it again"
        return [blocks, Condition("codec", FAILS, what, mend)]
    if curved:
        what = f"{', '.join(curved)} in HZ order: clients take every block for row-major"
        mend = "open it as X.idx?layout=hzorder, or convert it again"
        return [blocks, Condition("codec", FAILS, what, mend)]
    return [blocks, Condition("codec", OK, "zip, row-major")]


def _first_block(asker: Asker, address: str, header: IdxHeader) -> Condition:
    key = arco_name(header.fields[0].name, header.times[0], 0)
    answer = asker.head(object_url(address.removesuffix(".idx"), key))
    if answer.status == 200:
        return Condition("objects", OK, "the first block is there")
    if answer.is_refused:
        return Condition("objects", FAILS, f"{key} is refused", "add the policy", "policy")
    what = f"the first block ({key}) is not there: empty, or not uploaded"
    return Condition("objects", ADVISED, what, "`pyramidion verify` tells which")
