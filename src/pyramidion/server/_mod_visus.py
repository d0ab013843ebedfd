"""``/mod_visus?action=...``: the protocol of OpenVisus' own server, for its clients.

Source: the protocol as OpenVisus 2.2.149 speaks it, observed between its client and its server.
Every box, level, block, field and codec is checked before anything is allocated, so no request
ends the process.
"""

from __future__ import annotations

import json
import threading
from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from starlette.types import Receive, Scope, Send

from pyramidion.core import escape
from pyramidion.formats._idx.bitmask import XYZ
from pyramidion.formats._idx.fields import IdxField
from pyramidion.formats._idx.header import format_header
from pyramidion.server._answers import Body, send_body
from pyramidion.server._array_body import ArrayBody, check_codec, encode_array, parse_codec
from pyramidion.server._budget import MAX_BYTES, Allowance, Budget, in_pieces
from pyramidion.server._describe import Dataset
from pyramidion.server._errors import (
    FailedReadError,
    NotOfferedError,
    NotServedError,
    Pairs,
    ParameterError,
    RequestError,
    TooLargeError,
    status_of,
)
from pyramidion.server._idx_view import IdxView, Points
from pyramidion.server._images import Images
from pyramidion.server._mod_visus_query import (
    ACTIONS,
    DATASET,
    check_place,
    parse_blocks,
    parse_box,
    parse_query,
    parse_resolution,
    parse_time,
)
from pyramidion.server._painter import Painter
from pyramidion.server._paths import MAX_NAMES
from pyramidion.server._visus_xml import header_xml, list_place, list_tree, list_xml
from pyramidion.server._work import ClientGoneError, Work, stop_if

Query = Mapping[str, str]
Answer = tuple[Body, Pairs]
_COPIES = 3
"""Of an answer in memory at once: as read, as bytes, as compressed."""
_SLAB_SAMPLES = 2**22
_OCTETS = "application/octet-stream"


class ModVisus:
    """ASGI application of the protocol.

    Parameters
    ----------
    images : Images
        What may be asked for.
    work : Work
        The threads that read and compress.
    datasets : callable
        Returns the datasets that are listed.
    groups : mapping
        Dataset -> group that it is listed in.
    max_pixels : int
        Most samples of an answer.
    budget : Budget
        What all answers together may take.
    """

    def __init__(
        self,
        images: Images,
        work: Work,
        datasets: Callable[[], Awaitable[Sequence[Dataset]]],
        groups: Mapping[str, str],
        max_pixels: int,
        budget: Budget,
    ) -> None:
        self._images, self._work = images, work
        self._datasets, self._groups = datasets, groups
        self._max_pixels = max_pixels
        self._budget = budget
        self._actions: dict[str, Callable[[Query], _Job]] = {
            "readdataset": self._read_dataset,
            "boxquery": self._read_box,
            "query": self._read_box,
            "rangequery": self._read_blocks,
            "blockquery": self._read_blocks,
        }

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer one request.

        Raises
        ------
        RequestError, OSError
            Before anything was sent; the reason is in the header ``visus-errormsg`` as well.
        """
        try:
            await self._answer(parse_query(scope["query_string"]), scope, receive, send)
        except ClientGoneError:
            return
        except RequestError as error:
            error.headers = _exposed((*error.headers, (b"visus-errormsg", _reason(error))))
            raise

    async def _answer(self, query: Query, scope: Scope, receive: Receive, send: Send) -> None:
        action = query.get("action") or ("readdataset" if "dataset" in query else "list")
        if action == "list":
            check_place(query)
            datasets = await self._datasets()
            # Of thousands in a thread, for the others' sake.
            body, headers = await self._work.run(receive, lambda _left: self._list(datasets, query))
            await send_body(body, scope, send, _exposed(headers))
            return
        if action == "ping":
            told = ((b"block-query-support-aggregation", b"1"),)
            await send_body(Body.of(b""), scope, send, _exposed(told))
            return
        if action == "pointquery":
            mend = "use boxquery: slices along x, y and z are boxes"
            raise NotOfferedError("pointquery is not offered", None, mend, id="PYR-HTTP-11")
        if action not in self._actions:
            names = ", ".join(ACTIONS)
            raise NotServedError("unknown action", action, f"one of {names}", id="PYR-HTTP-13")
        travels = self._images.travels(query.get("dataset", "").strip("/").split("/"))
        job = await self._work.run(
            receive, lambda left: self._planned(action, query, left), travels=travels
        )
        async with self._budget.hold(job.n_bytes, travels=travels) as turn:
            async with turn:
                body, headers = await self._work.run(
                    receive, lambda left: job.do(Allowance(left)), travels=travels
                )
            await send_body(body, scope, in_pieces(send), _exposed(headers))

    def _planned(self, action: str, query: Query, left: threading.Event) -> _Job:
        stop_if(left)
        return self._actions[action](query)

    def _list(self, datasets: Sequence[Dataset], query: Query) -> Answer:
        groups: dict[str, list[str]] = {}
        for dataset in datasets:
            if dataset.kind == "image":
                groups.setdefault(self._groups.get(dataset.name, ""), []).append(dataset.name)
        form = query.get("format", "xml") or "xml"
        if form == "json":
            text = json.dumps(list_tree(groups, list_place(query)), indent=1)
            return Body.of(text.encode(), "application/json"), ()
        if form != "xml":
            raise ParameterError("format", form, "xml, json")
        return Body.of(list_xml(groups, list_place(query)).encode(), "text/xml"), ()

    def _open(self, query: Query) -> IdxView:
        name = query.get("dataset", "")
        if not name or name.count("/") > MAX_NAMES:
            raise ParameterError("dataset", name, DATASET.allowed)
        return IdxView(self._images, self._images.find_whole(name))

    def _read_dataset(self, query: Query) -> _Job:
        view = self._open(query)

        def do(_allowance: Allowance) -> Answer:
            if query.get("format") == "xml":
                text = header_xml(view.header, query["dataset"])
            else:
                text = format_header(view.header)
            return Body.of(text.encode(), _OCTETS), ((b"visus-typename", b"IdxDataset"),)

        return _Job(0, do)

    def _read_box(self, query: Query) -> _Job:
        view = self._open(query)
        field = view.field(query.get("field", ""))
        time, codec = parse_time(query, view.header), parse_codec(query.get("compression", ""))
        h, (p1, p2) = parse_resolution(query, view.header), parse_box(query, view.header)
        points = view.box_points(p1, p2, h)
        self._check_size(points.size, lambda coarser: view.box_points(p1, p2, coarser), h)
        painter = Painter(query, field.components)
        painted = painter.colours_given
        kind = (np.dtype(np.uint8), 4) if painted else (field.dtype, field.components)
        check_codec(codec, kind[0], kind[1], points.count)
        n_bytes = points.size * field.components * field.dtype.itemsize
        _check_bytes(n_bytes)

        def do(allowance: Allowance) -> Answer:
            array = _read_in_slabs(view, field, time, (p1, p2), h, allowance)
            allowance.look()
            array = painter.paint(array, allowance)
            body = encode_array(array, codec, view.header.n_axes, allowance.look)
            return Body.of(body.content, body.kind), (*body.headers(), *painter.headers)

        return _Job(_COPIES * max(n_bytes, 4 * points.size if painted else 0), do)

    def _read_blocks(self, query: Query) -> _Job:
        view = self._open(query)
        field = view.field(query.get("field", ""))
        time, codec = parse_time(query, view.header), parse_codec(query.get("compression", ""))
        blocks = parse_blocks(query, view.header)
        n_samples = len(blocks) << view.header.bitsperblock
        self._check_size(n_samples, None, 0)
        check_codec(codec, field.dtype, field.components, view.block_points(blocks[0]).count)
        n_bytes = n_samples * field.components * field.dtype.itemsize
        _check_bytes(n_bytes)

        def do(allowance: Allowance) -> Answer:
            def read(block: int) -> ArrayBody:
                allowance.look()
                array = view.read_block(field, time, block)
                return encode_array(array, codec, view.header.n_axes, allowance.look)

            if len(blocks) == 1:
                body = read(blocks[0])
                return Body.of(body.content, body.kind), body.headers()
            return _compose(read, blocks)

        return _Job(_COPIES * n_bytes, do)

    def _check_size(self, n_samples: int, coarser: Callable[[int], Points] | None, h: int) -> None:
        """Refuse what is over the limit, and name the level that is not."""
        if n_samples <= self._max_pixels:
            return
        fits = None if coarser is None else _level_that_fits(coarser, h, self._max_pixels)
        mend = "ask for fewer blocks" if coarser is None else "ask for a smaller box"
        if fits is not None:
            mend = f"toh={fits} fits, or ask for a smaller box"
        what = f"over the limit of {self._max_pixels} samples an answer"
        raise TooLargeError(what, n_samples, mend, id="PYR-HTTP-12")


@dataclass(frozen=True)
class _Job:
    """An answer that was checked and is not made yet.

    Parameters
    ----------
    n_bytes : int
        What it takes, about, until the client has it.
    do : callable
        Makes it.
    """

    n_bytes: int
    do: Callable[[Allowance], Answer]


def _read_in_slabs(
    view: IdxView, field: IdxField, time: int, box: tuple[XYZ, XYZ], h: int, allowance: Allowance
) -> np.ndarray:
    """Read a box in parts along its slowest axis, and look at the time in between."""
    points = view.box_points(*box, h)
    axis = 2 if points.count[2] > 1 else 1
    n, first, step = points.count[axis], points.start[axis], points.step[axis]
    thick = max(1, _SLAB_SAMPLES * n // points.size)
    if thick >= n:
        return view.read_box(field, time, *box, h)
    out = np.empty((*points.count[::-1], field.components), field.dtype)
    for at in range(0, n, thick):
        allowance.look()
        end = min(at + thick, n)
        p1, p2 = (list(corner) for corner in box)
        p1[axis], p2[axis] = first + at * step, first + (end - 1) * step + 1
        place = (slice(at, end),) if axis == 2 else (slice(None), slice(at, end))
        out[place] = view.read_box(field, time, (p1[0], p1[1], p1[2]), (p2[0], p2[1], p2[2]), h)
    return out


def _check_bytes(n_bytes: int) -> None:
    if n_bytes > MAX_BYTES:
        what = f"over the limit of {MAX_BYTES} bytes an answer"
        raise TooLargeError(what, n_bytes, "ask for a smaller box", id="PYR-HTTP-12")


def _compose(read: Callable[[int], ArrayBody], blocks: Sequence[int]) -> Answer:
    """Return several blocks in one answer; one that cannot be read does not hold back others."""
    headers: list[tuple[bytes, bytes]] = [(b"response-compose-num", b"%d" % len(blocks))]
    contents = []
    for i, block in enumerate(blocks):
        try:
            body = read(block)
        except FailedReadError as error:
            headers += [
                (b"status-%d" % i, b"%d" % status_of(error)),
                (b"body-size-%d" % i, b"0"),
                (b"visus-errormsg-%d" % i, _reason(error)),
            ]
            continue
        contents.append(body.content)
        headers += [
            (b"status-%d" % i, b"200"),
            (b"body-size-%d" % i, b"%d" % len(body.content)),
            (b"content-type-%d" % i, body.kind.encode()),
            *body.headers(f"-{i}"),
        ]
    return Body.of(b"".join(contents), _OCTETS), tuple(headers)


def _level_that_fits(points_at: Callable[[int], Points], h: int, limit: int) -> int | None:
    for coarser in range(h - 1, -1, -1):
        try:
            if points_at(coarser).size <= limit:
                return coarser
        except RequestError:
            return None
    return None


def _reason(error: RequestError) -> bytes:
    """Return what is wrong as the value of a header."""
    value = "" if error.value is None else f" ({error.value})"
    mend = "" if error.mend is None else f": {error.mend}"
    return escape(f"{error.what}{value}{mend}", limit=400).encode("ascii", "replace")


def _exposed(headers: Pairs) -> Pairs:
    """Let pages of other origins see these headers too."""
    if not headers:
        return ()
    return (*headers, (b"access-control-expose-headers", b", ".join(name for name, _ in headers)))
