"""``/mod_visus?action=...``: the protocol of OpenVisus' own server, for its clients.

Source: the protocol as OpenVisus 2.2.149 speaks it, observed between its client and its server.
Every box, level, block, field and codec is checked before anything is allocated, so no request
ends the process.
"""

from __future__ import annotations

import json
import threading
from collections.abc import Awaitable, Callable, Mapping, Sequence

import numpy as np
from starlette.types import Receive, Scope, Send

from pyramidion.core import escape
from pyramidion.formats._idx.header import format_header
from pyramidion.server._answers import Body, send_body
from pyramidion.server._array_body import ArrayBody, check_codec, encode_array, parse_codec
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
    parse_blocks,
    parse_box,
    parse_number,
    parse_query,
    parse_resolution,
    parse_time,
)
from pyramidion.server._palettes import NAMES, apply_palette, palette
from pyramidion.server._visus_xml import header_xml, list_place, list_tree, list_xml
from pyramidion.server._work import ClientGoneError, Work, stop_if

Query = Mapping[str, str]
Answer = tuple[Body, Pairs]
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
    """

    def __init__(
        self,
        images: Images,
        work: Work,
        datasets: Callable[[], Awaitable[Sequence[Dataset]]],
        groups: Mapping[str, str],
        max_pixels: int,
    ) -> None:
        self._images, self._work = images, work
        self._datasets, self._groups = datasets, groups
        self._max_pixels = max_pixels
        self._actions: dict[str, Callable[[Query, threading.Event], Answer]] = {
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
            body, headers = await self._answer(parse_query(scope["query_string"]), receive)
        except ClientGoneError:
            return
        except RequestError as error:
            error.headers = _exposed((*error.headers, (b"visus-errormsg", _reason(error))))
            raise
        await send_body(body, scope, send, _exposed(headers))

    async def _answer(self, query: Query, receive: Receive) -> Answer:
        action = query.get("action") or ("readdataset" if "dataset" in query else "list")
        if action == "list":
            return self._list(await self._datasets(), query)
        if action == "ping":
            return Body.of(b""), ((b"block-query-support-aggregation", b"1"),)
        if action == "pointquery":
            mend = "use boxquery: slices along x, y and z are boxes"
            raise NotOfferedError("pointquery is not offered", None, mend, id="PYR-HTTP-11")
        if action not in self._actions:
            names = ", ".join(["list", "ping", *self._actions])
            raise NotServedError("unknown action", action, f"one of {names}", id="PYR-HTTP-13")
        travels = self._images.travels(query.get("dataset", "").strip("/").split("/"))
        return await self._work.run(
            receive, lambda left: self._actions[action](query, left), travels=travels
        )

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
        if not name:
            raise ParameterError("dataset", name, "a name of action=list")
        return IdxView(self._images, self._images.find_whole(name))

    def _read_dataset(self, query: Query, left: threading.Event) -> Answer:
        del left
        view = self._open(query)
        if query.get("format") == "xml":
            text = header_xml(view.header, query["dataset"])
        else:
            text = format_header(view.header)
        return Body.of(text.encode(), _OCTETS), ((b"visus-typename", b"IdxDataset"),)

    def _read_box(self, query: Query, left: threading.Event) -> Answer:
        stop_if(left)
        view = self._open(query)
        field = view.field(query.get("field", ""))
        time, codec = parse_time(query, view.header), parse_codec(query.get("compression", ""))
        h, (p1, p2) = parse_resolution(query, view.header), parse_box(query, view.header)
        points = view.box_points(p1, p2, h)
        self._check_size(points.size, lambda coarser: view.box_points(p1, p2, coarser), h)
        painter = _Painter(query, field.components)
        if not painter.colours_given:
            check_codec(codec, field.dtype, field.components, points.count)
        else:
            check_codec(codec, np.dtype(np.uint8), 4, points.count)
        array = view.read_box(field, time, p1, p2, h)
        body = encode_array(painter.paint(array), codec, view.header.n_axes)
        return Body.of(body.content, body.kind), (*body.headers(), *painter.headers)

    def _read_blocks(self, query: Query, left: threading.Event) -> Answer:
        view = self._open(query)
        field = view.field(query.get("field", ""))
        time, codec = parse_time(query, view.header), parse_codec(query.get("compression", ""))
        blocks = parse_blocks(query, view.header)
        self._check_size(len(blocks) << view.header.bitsperblock, None, 0)
        check_codec(codec, field.dtype, field.components, view.block_points(blocks[0]).count)

        def read(block: int) -> ArrayBody:
            stop_if(left)
            return encode_array(view.read_block(field, time, block), codec, view.header.n_axes)

        if len(blocks) == 1:
            body = read(blocks[0])
            return Body.of(body.content, body.kind), body.headers()
        return _compose(read, blocks)

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


class _Painter:
    """Colours an array if the client asks for a palette."""

    def __init__(self, query: Query, components: int) -> None:
        name = query.get("palette", "")
        self.headers: Pairs = ()
        self._colours = palette(name) if name else None
        if name and self._colours is None:
            raise ParameterError("palette", name, ", ".join(NAMES))
        if name and components != 1:
            raise ParameterError("palette", name, "none: the field has colours of its own")
        self._low = parse_number(query, "palette_min")
        self._high = parse_number(query, "palette_max")

    @property
    def colours_given(self) -> bool:
        """Whether the array will be coloured."""
        return self._colours is not None

    def paint(self, array: np.ndarray) -> np.ndarray:
        """Return the array, or its colours between two values (by default its own)."""
        if self._colours is None:
            return array
        array = array[..., 0]
        finite = array[np.isfinite(array)] if array.dtype.kind == "f" else array
        own = (float(finite.min()), float(finite.max())) if finite.size else (0.0, 1.0)
        low = own[0] if self._low is None else self._low
        high = own[1] if self._high is None else self._high
        self.headers = (
            (b"visus-palette-min", f"{low:f}".encode()),
            (b"visus-palette-max", f"{high:f}".encode()),
            (b"visus-source-dtype", array.dtype.name.encode()),
            (b"visus-source-range", f"{own[0]:f} {own[1]:f}".encode()),
        )
        return apply_palette(array, self._colours, low, high)


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
