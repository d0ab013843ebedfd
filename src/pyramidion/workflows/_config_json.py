"""JSON with places: what a person writes by hand, so that a fault can be named by line and column.

The standard library's reader keeps the last of two keys that are the same, says nothing of where a
value stood, and recurses as deep as the text asks for.
"""

from __future__ import annotations

import json
import re
from typing import Any, NamedTuple, NoReturn

MAX_BYTES = 2**24
MAX_DEPTH = 64
MAX_VALUES = 100_000
"""Bounds the time: no configuration has so many."""

_DECODER = json.JSONDecoder()
_BLANK = re.compile(r"[ \t\r\n]*")
_NUMBER = re.compile(r"-?(?:0|[1-9][0-9]{0,39})(\.[0-9]{1,40})?([eE][+-]?[0-9]{1,4})?(?![\w.+-])")
_WORD = re.compile(r"[\w.+-]+")
_WORDS = {"true": True, "false": False, "null": None}
_MARKS = {
    b"\xef\xbb\xbf": "a byte order mark",
    b"\xff\xfe": "UTF-16",
    b"\xfe\xff": "UTF-16",
}


class Node(NamedTuple):
    """A value and its place.

    Parameters
    ----------
    value : object
        A dict of nodes by key, a list of nodes, or a plain value.
    line, column : int
        Where it begins, counted from 1.
    """

    value: Any
    line: int
    column: int


class Twice(NamedTuple):
    """A key that an object has twice.

    Parameters
    ----------
    key : str
        With the keys around it: ``chunking.t``.
    first, again : int
        Lines.
    """

    key: str
    first: int
    again: int


class NotJsonError(ValueError):
    """A text is no JSON.

    Parameters
    ----------
    reason : str
        Why, in a few words.
    line, column : int
        Where, counted from 1.
    """

    def __init__(self, reason: str, line: int, column: int) -> None:
        super().__init__(reason)
        self.reason, self.line, self.column = reason, line, column


def parse_json(data: bytes) -> tuple[Node, list[Twice]]:
    """Read a JSON text.

    Parameters
    ----------
    data : bytes
        UTF-8, at most :data:`MAX_BYTES`.

    Returns
    -------
    Node
        The value.
    list of Twice
        Keys that are given twice; the last one counts.

    Raises
    ------
    NotJsonError
        If it is none.
    """
    for mark, name in _MARKS.items():
        if data.startswith(mark):
            raise NotJsonError(f"{name}: save it as UTF-8", 1, 1)
    try:
        text = data.decode()
    except UnicodeDecodeError as error:
        before = data[: error.start].decode()
        reason = f"byte 0x{data[error.start]:02x} is not UTF-8"
        raise NotJsonError(reason, *_place(before, len(before))) from None
    return _Reader(text).read()


def _place(text: str, at: int) -> tuple[int, int]:
    """Return line and column of a character, counted from 1."""
    return text.count("\n", 0, at) + 1, at - text.rfind("\n", 0, at)


class _Reader:
    """One text, read from its start to its end."""

    def __init__(self, text: str) -> None:
        self._text, self._at = text, 0
        self._line, self._line_starts, self._counted = 1, 0, 0
        self._n_values = 0
        self._twice: list[Twice] = []

    def read(self) -> tuple[Node, list[Twice]]:
        if not self._peek():
            self._fail("the file is empty")
        node = self._value("", 0)
        if self._peek():
            self._fail(f"{self._shown()} after the end")
        return node, self._twice

    def _value(self, path: str, depth: int) -> Node:
        character = self._peek()
        line, column = self._here()
        self._n_values += 1
        if depth > MAX_DEPTH:
            self._fail(f"nested deeper than {MAX_DEPTH}")
        if self._n_values > MAX_VALUES:
            self._fail(f"more than {MAX_VALUES} values")
        if character == "{":
            return Node(self._object(path, depth), line, column)
        if character == "[":
            return Node(self._array(path, depth), line, column)
        return Node(self._string() if character == '"' else self._plain(), line, column)

    def _object(self, path: str, depth: int) -> dict[str, Node]:
        values: dict[str, Node] = {}
        lines: dict[str, int] = {}
        self._at += 1
        while self._goes_on("}", first=not lines):
            if self._peek() != '"':
                self._fail(f"a key in double quotes is needed before {self._shown()}")
            line = self._here()[0]
            key = self._string()
            name = f"{path}.{key}" if path else key
            if key in lines:
                self._twice.append(Twice(name, lines[key], line))
            lines[key] = line
            if self._peek() != ":":
                self._fail(f"`:` is needed before {self._shown()}")
            self._at += 1
            values[key] = self._value(name, depth + 1)
        return values

    def _array(self, path: str, depth: int) -> list[Node]:
        values: list[Node] = []
        self._at += 1
        while self._goes_on("]", first=not values):
            values.append(self._value(path, depth + 1))
        return values

    def _goes_on(self, end: str, *, first: bool) -> bool:
        """Step over the comma before another value, or over the end."""
        character = self._peek()
        if character == end:
            self._at += 1
            return False
        if first:
            return True
        if character != ",":
            self._fail(f"`,` or `{end}` is needed before {self._shown()}")
        comma = self._at
        self._at += 1
        if self._peek() == end:
            self._fail(f"`,` before `{end}`", comma)
        return True

    def _string(self) -> str:
        start = self._at
        try:
            value, self._at = _DECODER.raw_decode(self._text, start)
        except json.JSONDecodeError as error:
            self._fail(error.msg.removesuffix(" at").lower(), error.pos)
        if not value.isprintable() and any(0xD800 <= ord(c) < 0xE000 for c in value):
            self._fail("half of a surrogate pair", start)
        return str(value)

    def _plain(self) -> Any:
        if number := _NUMBER.match(self._text, self._at):
            value = float(number[0]) if number[1] or number[2] else int(number[0])
            self._at = number.end()
            return value
        word = _WORD.match(self._text, self._at)
        if word is None or word[0] not in _WORDS:
            self._fail(f"{self._shown()} is no value")
        self._at = word.end()
        return _WORDS[word[0]]

    def _peek(self) -> str:
        """Return the next character that is no blank; empty at the end."""
        found = _BLANK.match(self._text, self._at)
        self._at = found.end() if found else self._at
        character = self._text[self._at : self._at + 1]
        if character == "#" or self._text.startswith(("//", "/*"), self._at):
            self._fail("a comment, which JSON does not have")
        return character

    def _here(self) -> tuple[int, int]:
        """Return line and column; counts on from the last call, not from the start."""
        new = self._text.count("\n", self._counted, self._at)
        if new:
            self._line += new
            self._line_starts = self._text.rfind("\n", self._counted, self._at) + 1
        self._counted = self._at
        return self._line, self._at - self._line_starts + 1

    def _shown(self) -> str:
        word = _WORD.match(self._text, self._at)
        shown = word[0][:20] if word else self._text[self._at : self._at + 1]
        return f"`{shown}`" if shown else "the end"

    def _fail(self, reason: str, at: int | None = None) -> NoReturn:
        raise NotJsonError(reason, *_place(self._text, self._at if at is None else at))
