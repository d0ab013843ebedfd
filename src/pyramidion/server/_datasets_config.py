"""``datasets.config`` and ``visus.config``: lists of datasets, as OpenVisus reads and writes them.

>>> print(visus_config({"brain": "brain/visus.idx"}), end="")
<visus>
  <datasets>
    <dataset name="brain" url="brain/visus.idx" />
  </datasets>
</visus>
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from pathlib import Path
from urllib.parse import SplitResult, parse_qsl, unquote, urlsplit
from xml.etree import ElementTree as ET
from xml.sax.saxutils import quoteattr

from pyramidion.core import MissingError, UsageError
from pyramidion.server._served import Served, check_served, refuse_reserved

_MAX_BYTES = 16 * 2**20
_MAX_DEPTH = 64
_MAX_DATASETS = 10_000
_SECRETS = frozenset(
    {"access_key", "secret_key", "secret_access_key", "session_token", "password", "token"}
)


def read_config(path: Path) -> Served:
    """Read a configuration.

    Parameters
    ----------
    path : Path
        An XML file with ``<dataset name= url=>`` in ``<datasets>``, some of them in
        ``<group name=>``. Paths in it are relative to its folder.

    Returns
    -------
    Served
        Its datasets under their names.

    Raises
    ------
    MissingError
        If there is no such file.
    UsageError
        If it is not such a list, or names what is not served from here: other servers, addresses
        with secrets in them, datasets that are not there.
    """
    where = str(path)
    images: dict[str, Path] = {}
    groups: dict[str, str] = {}
    for group, entry in _entries(_parse(path), where):
        name, url = entry.get("name", ""), entry.get("url", "")
        refuse_reserved(name, where)
        if name in images:
            mend = "give each its own name"
            raise UsageError(where, "dataset named twice", name, mend, id="PYR-SRV-07")
        images[name] = _local(url, path.resolve().parent, f"{where}: {name}")
        check_served([images[name]])  # a damaged one is told now
        if group:
            groups[name] = group
    if not images:
        mend = 'write <datasets><dataset name="..." url="..."/></datasets>'
        raise UsageError(where, "no datasets in it", None, mend, id="PYR-SRV-07")
    return Served(images=images, groups=groups)


def visus_config(datasets: Mapping[str, str], groups: Mapping[str, str] | None = None) -> str:
    """Write a configuration that OpenVisus reads.

    Parameters
    ----------
    datasets : mapping
        Name -> path or URL.
    groups : mapping, optional
        Name of a dataset -> its group.

    Returns
    -------
    str
        The text of a ``visus.config``.
    """
    lines = ["<visus>", "  <datasets>"]
    by_group: dict[str, list[str]] = {}
    for name in datasets:
        by_group.setdefault((groups or {}).get(name, ""), []).append(name)
    for group, names in by_group.items():
        indent = "      " if group else "    "
        inner = [
            f"{indent}<dataset name={quoteattr(name)} url={quoteattr(datasets[name])} />"
            for name in names
        ]
        if group:
            inner = [f"    <group name={quoteattr(group)}>", *inner, "    </group>"]
        lines += inner
    return "\n".join([*lines, "  </datasets>", "</visus>"]) + "\n"


def _parse(path: Path) -> ET.Element:
    where = str(path)
    try:
        with path.open("rb") as file:
            text = file.read(_MAX_BYTES + 1)
    except FileNotFoundError:
        raise MissingError(where, "no such file", id="PYR-ALL-03") from None
    except OSError as error:
        raise UsageError(where, "cannot be opened", error.strerror, id="PYR-SRV-07") from None
    if len(text) > _MAX_BYTES:
        raise UsageError(where, "over the limit of 16 MiB", len(text), id="PYR-SRV-07")
    try:
        plain = text.decode("utf-8-sig")
    except UnicodeDecodeError:
        raise UsageError(where, "not UTF-8", id="PYR-SRV-07") from None
    if re.search("<!(doctype|entity)", plain, re.IGNORECASE):
        raise UsageError(where, "XML with DOCTYPE refused", id="PYR-SRV-07")
    try:
        return ET.fromstring(plain)  # noqa: S314 - no DOCTYPE, so no entities
    except ET.ParseError as error:
        raise UsageError(where, "not XML", error, id="PYR-SRV-07") from None


def _entries(root: ET.Element, where: str) -> Iterator[tuple[str, ET.Element]]:
    """Return group and element of each dataset, in order; what lies inside of one is skipped."""
    waiting = [(root, "", 0)]
    n_found = 0
    while waiting:
        element, group, depth = waiting.pop()
        if depth > _MAX_DEPTH:
            raise UsageError(where, "nested too deeply", depth, id="PYR-SRV-07")
        if element.tag == "dataset":
            n_found += 1
            if n_found > _MAX_DATASETS:
                raise UsageError(where, "too many datasets", n_found, id="PYR-SRV-07")
            yield group, element
            continue
        inner = element.get("name", "") if element.tag == "group" else group
        waiting += [(child, inner, depth + 1) for child in reversed(element)]


def _local(url: str, folder: Path, where: str) -> Path:
    """Return the file or folder that a URL of a configuration names."""
    if not url:
        raise UsageError(where, "no url", None, "write the path of the .idx", id="PYR-SRV-07")
    if "$(" in url:
        mend = "write the path itself"
        raise UsageError(where, "placeholders are not filled in", url, mend, id="PYR-SRV-07")
    parts = _split(url, where)
    if parts is None:
        return folder / url
    if parts.scheme != "file":
        what = "datasets of other servers are not served from here"
        mend = "copy it, or let the viewer open the address"
        raise UsageError(where, what, parts.scheme, mend, id="PYR-SRV-07")
    return folder / unquote(parts.path)


def _split(url: str, where: str) -> SplitResult | None:
    """Split a URL with a scheme; None for a path. Secrets are never shown."""
    if not re.match("[A-Za-z][A-Za-z0-9+.-]+:", url):
        return None
    parts = urlsplit(url)
    keys = {key.lower() for key, _ in parse_qsl(parts.query, keep_blank_values=True)}
    if parts.username or parts.password or keys & _SECRETS:
        what, mend = "credentials in a URL are refused", "use a profile"
        raise UsageError(where, what, None, mend, id="PYR-UPL-05")
    return parts
