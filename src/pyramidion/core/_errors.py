"""Every error that a user can meet, with the parts of the one line that is printed.

Knows nothing of terminals or HTTP: the command line prints :attr:`PyramidionError.line`, the
server maps the class to a status.

>>> str(DataError("w.h5", "no dataset `samples`", "data, meta", "use --dataset data", id="PYR-H5-05"))
'w.h5: no dataset `samples` (data, meta): use --dataset data'
"""

from __future__ import annotations

from collections.abc import Callable

from pyramidion.core._text import escape


class PyramidionError(Exception):
    """A fault that is told to the user in one line.

    Parameters
    ----------
    where : str
        The file, key, option or URL as the user wrote it.
    what : str
        What is wrong with it.
    value : object, optional
        The offending value; shown cut to 80 characters with control characters escaped.
    mend : str, optional
        What the user can do about it.
    id : str
        Stable identifier of the fault (``PYR-H5-05``), so that tests and documents need not depend
        on the wording.

    Attributes
    ----------
    status : int
        Exit status of a command that ends with this error: 2 for usage, 1 for data, device or disk.
    good : str or None
        What is good in spite of the fault (shards stored, how to resume); printed as a second line.
    """

    status = 1

    def __init__(
        self,
        where: str,
        what: str,
        value: object = None,
        mend: str | None = None,
        *,
        id: str = "PYR-ALL-00",  # noqa: A002 - the public word for it
        good: str | None = None,
    ) -> None:
        self.where, self.what, self.value, self.mend = where, what, value, mend
        self.id, self.good = id, good
        super().__init__(self.line)

    def __reduce__(self) -> tuple[Callable[..., PyramidionError], tuple[object, ...]]:
        """Keep every part on the way from one process to another."""
        value = None if self.value is None else str(self.value)
        parts = (self.where, self.what, value, self.mend, self.id, self.good)
        return _rebuilt, (type(self), *parts)

    @property
    def line(self) -> str:
        """The one line: ``WHERE: WHAT (VALUE): MEND``."""
        shown = "" if self.value is None else f" ({escape(self.value)})"
        mend = "" if self.mend is None else f": {self.mend}"
        return f"{escape(self.where, limit=300)}: {self.what}{shown}{mend}"


def _rebuilt(
    kind: type[PyramidionError],
    where: str,
    what: str,
    value: str | None,
    mend: str | None,
    identifier: str,
    good: str | None,
) -> PyramidionError:
    return kind(where, what, value, mend, id=identifier, good=good)


class UsageError(PyramidionError):
    """Options, arguments or configuration are wrong; nothing was created or contacted."""

    status = 2


class DataError(PyramidionError):
    """The data are at fault: broken, truncated, unsupported."""


class MissingError(DataError, FileNotFoundError):
    """A file or dataset that was named is not there."""


class DamagedError(DataError):
    """Stored bytes do not decode, or do not agree with their checksum."""


class IncompleteError(DataError):
    """A dataset whose writer was interrupted."""


class StorageError(PyramidionError, OSError):
    """The disk or the network is at fault: full, read-only, failing."""


class CameraError(PyramidionError):
    """A camera is not there, in use by another, fails, or is gone."""


class StoppedError(PyramidionError):
    """The user or the system stopped the run; what was complete was kept."""

    status = 130
