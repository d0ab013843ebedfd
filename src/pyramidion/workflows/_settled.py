"""Which files of a dataset that is being written can be sent already."""

from __future__ import annotations

import time
from collections.abc import Iterable, Iterator

from pyramidion.transfer import Identity, LocalFile, is_metadata

FULL_S = 5.0
"""A recording's shard that nobody has written to for so long is probably full; if not, it is sent
again."""


class Settled:
    """Finds, look after look, the files that were not written to for a while.

    Parameters
    ----------
    after_s : float
        For how long.
    """

    def __init__(self, after_s: float) -> None:
        self._after_ns = round(after_s * 1e9)
        self._seen: dict[str, Identity] = {}

    def among(self, files: Iterable[LocalFile]) -> Iterator[LocalFile]:
        """Yield those that were not yielded before as they are now; no metadata."""
        until = time.time_ns() - self._after_ns
        for file in files:
            if is_metadata(file.key) or file.mtime_ns > until:
                continue
            if self._seen.get(file.key) != file.identity:
                self._seen[file.key] = file.identity
                yield file
