"""A short name for the present state of all files of a folder."""

from __future__ import annotations

import hashlib
from functools import cached_property
from pathlib import Path

_DIGITS = 12


class Fingerprint:
    """Tells whether any file of a folder has another name or other bytes than before.

    Parameters
    ----------
    folder : Path
        Small: every file is read, and again only when its time or size differs.
    """

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._digests: dict[Path, tuple[tuple[int, int], bytes]] = {}

    @cached_property
    def last(self) -> str:
        """Hexadecimal digits of the state when :meth:`renew` last looked."""
        seen = hashlib.sha256()
        for path in sorted(self._folder.rglob("*")):
            if path.is_file():
                name = path.relative_to(self._folder).as_posix()
                seen.update(name.encode(errors="surrogateescape") + b"\0" + self._digest(path))
        return seen.hexdigest()[:_DIGITS]

    def renew(self) -> str:
        """Look again, and return the digits.

        Raises
        ------
        OSError
            If a file cannot be read.
        """
        vars(self).pop("last", None)
        return self.last

    def _digest(self, path: Path) -> bytes:
        # The bytes count, not only the time: packages may come with the same time in each version.
        status = path.stat()
        version = (status.st_mtime_ns, status.st_size)
        known = self._digests.get(path)
        if known is None or known[0] != version:
            known = (version, hashlib.sha256(path.read_bytes()).digest())
            self._digests[path] = known
        return known[1]
