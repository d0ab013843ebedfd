"""Where things lie on this machine is not told to clients: paths are cut to their last names."""

from __future__ import annotations

import functools
import os
import re
from collections.abc import Sequence

_DRIVE = re.compile(r"(?<![A-Za-z])[A-Za-z]:[\\/](?:[^\\/\s'\"<>|:;,()]+[\\/])*")


def without_paths(text: str, hidden: Sequence[str] = ()) -> str:
    """Return a message in which no path of this machine is left.

    Parameters
    ----------
    text : str
        What a client is to be told.
    hidden : sequence of str
        Folders whose paths are taken out wherever they stand, also if they hold blanks.

    Examples
    --------
    >>> without_paths("/srv/my data/w.zarr/0.0: no such file", ["/srv/my data"])
    'w.zarr/0.0: no such file'
    >>> without_paths("block 3: /usr/lib/python3/x.bin: damaged"), without_paths("/api/datasets")
    ('block 3: x.bin: damaged', '/api/datasets')
    """
    for folder in sorted(hidden, key=len, reverse=True):
        if len(folder) > 1:
            here = rf"(?<![\w.~%-]){re.escape(folder)}"
            text = re.sub(rf"{here}[\\/]", "", text)
            text = re.sub(rf"{here}(?![\w.-])", "the served folder", text)
    if os.sep in text or "/" in text:
        text = _absolute().sub("", text)
    return _DRIVE.sub("", text)


@functools.cache
def _absolute() -> re.Pattern[str]:
    """Return a pattern for the folders in a path that begins with a folder of this disk.

    A path of a URL begins with something else, but for folders that are called like a route.
    """
    tops = [re.escape(n) for n in os.listdir(os.sep) if n not in ("api", "viewer", "zarr")]  # noqa: PTH208
    first = "|".join(sorted(tops, key=len, reverse=True)) or "(?!)"
    return re.compile(rf"(?<![\w.%~-])/(?:{first})/(?:[^\s/'\"<>|:;,()]+/)*")
