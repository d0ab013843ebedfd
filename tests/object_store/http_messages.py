"""HTTP/1.1 messages on asyncio streams: heads, and bodies piece by piece."""

import contextlib
from collections.abc import AsyncIterator
from dataclasses import dataclass

PIECE_BYTES = 1 << 16


@dataclass
class Head:
    """First line and headers, in their order and spelling."""

    first: str
    headers: list[tuple[str, str]]

    def __getitem__(self, name):
        wanted = (value for key, value in self.headers if key.lower() == name)
        return next(wanted, None)

    def without(self, *names):
        """A copy without some headers; names in small letters, `*` at the end for any ending."""
        whole = {name for name in names if not name.endswith("*")}
        begins = tuple(name[:-1] for name in names if name.endswith("*"))
        kept = [
            (key, value)
            for key, value in self.headers
            if key.lower() not in whole and not (begins and key.lower().startswith(begins))
        ]
        return Head(self.first, kept)

    @property
    def length(self):
        """Bytes of the body as announced; None if the body is chunked or ends with the connection."""
        return (
            None
            if self.is_chunked or self["content-length"] is None
            else int(self["content-length"])
        )

    @property
    def is_chunked(self):
        return "chunked" in (self["transfer-encoding"] or "").lower()

    @property
    def status(self):
        return int(self.first.split()[1])

    @property
    def closes(self):
        """Whether the sender closes the connection after this message."""
        return "close" in (self["connection"] or "").lower() or self.first.endswith("HTTP/1.0")

    def __bytes__(self):
        lines = [self.first, *(f"{key}: {value}" for key, value in self.headers), "", ""]
        return "\r\n".join(lines).encode("latin-1")


async def read_head(reader) -> Head:
    """Read up to the empty line; raises `asyncio.IncompleteReadError` when nothing more comes."""
    first, *lines = (await reader.readuntil(b"\r\n\r\n")).decode("latin-1").split("\r\n")
    pairs = (line.partition(":") for line in lines if line)
    return Head(first, [(key.strip(), value.strip()) for key, _, value in pairs])


async def read_body(reader, head: Head, *, to_end: bool = False) -> AsyncIterator[bytes]:
    """Yield the body in pieces, without the framing of chunks; `to_end`: may end with the connection."""
    if head.is_chunked:
        while size := int((await reader.readuntil(b"\r\n")).partition(b";")[0], 16):
            async for piece in _read_length(reader, size):
                yield piece
            await reader.readexactly(2)
        while await reader.readuntil(b"\r\n") != b"\r\n":
            pass  # headers that follow the body
    elif head.length is not None:
        async for piece in _read_length(reader, head.length):
            yield piece
    elif to_end:
        while piece := await reader.read(PIECE_BYTES):
            yield piece


async def _read_length(reader, n_bytes):
    while n_bytes:
        piece = await reader.read(min(n_bytes, PIECE_BYTES))
        if not piece:
            raise ConnectionResetError("ended within a body")
        n_bytes -= len(piece)
        yield piece


async def write_body(writer, head: Head, pieces) -> None:
    """Write a body in the framing that its head announces."""
    async for piece in pieces:
        writer.write(b"%x\r\n%b\r\n" % (len(piece), piece) if head.is_chunked else piece)
        await writer.drain()
    if head.is_chunked:
        writer.write(b"0\r\n\r\n")
        await writer.drain()


async def flip_one_bit(pieces, length):
    """Flip the lowest bit in the middle of the body; of its first piece where no length is known."""
    middle, n_passed = length // 2 if length else 0, 0
    async for piece in pieces:
        if 0 <= middle - n_passed < len(piece):
            changed = bytearray(piece)
            changed[middle - n_passed] ^= 1
            yield bytes(changed)
        else:
            yield piece
        n_passed += len(piece)


async def first_half(pieces, length):
    """Yield half of the body, or one piece where its length is not announced."""
    left = None if length is None else length // 2
    async with contextlib.aclosing(pieces):
        async for piece in pieces:
            yield piece[:left]
            left = 0 if left is None else left - len(piece)
            if left <= 0:
                return
