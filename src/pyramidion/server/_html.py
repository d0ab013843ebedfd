"""The two pages that the server writes itself: the catalogue and the listing of a folder.

Names come from files, so they are only ever text. The catalogue is whole without scripts: its own
take over where they run, and draw the same rows.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from functools import cache
from html import escape as escape_html
from pathlib import Path
from urllib.parse import quote

from pyramidion.core import escape
from pyramidion.server._catalogue import Found
from pyramidion.server._catalogue_query import KINDS, ORDERS, CatalogueQuery, n_pages
from pyramidion.server._dataset import LiveCamera
from pyramidion.server._facts import facts_of, format_count, size_of

PAGE_SIZE = 100
"""Datasets of one page without scripts."""
POLICY = "default-src 'none'; base-uri 'none'; form-action 'none'"
CATALOGUE_POLICY = (
    "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self'; "
    "connect-src 'self'; base-uri 'none'; form-action 'self'"
)

_LISTING = """<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<title>{title}</title>
</head>
<body>
<h1>{title}</h1>
<hr>
<ul>
{lines}
</ul>
<hr>
</body>
</html>
"""
_EMPTY = (
    '<section class="empty"><h2>No dataset here yet</h2><p>Make one with '
    "<code>pyramidion generate w.zarr</code> or <code>pyramidion convert SRC w.zarr</code>: it "
    "appears here by itself.</p></section>"
)
_NOTHING = (
    '<section class="empty"><h2>Nothing matches</h2><p><a href="/">Show all</a></p></section>'
)
_REFRESH = '<noscript><meta http-equiv="refresh" content="4"></noscript>'
_GAP = re.compile(r"\{\{(\w+)\}\}")


@dataclass(frozen=True)
class Shown:
    """What a page of the catalogue shows.

    Parameters
    ----------
    query : CatalogueQuery
        What was asked for.
    chosen : list of Found
        What that is, in order, all pages of it.
    n_known : int
        Datasets in all.
    is_looking : bool
        More may be found.
    note : str
        Why not everything was found.
    """

    query: CatalogueQuery
    chosen: list[Found]
    n_known: int
    is_looking: bool = False
    note: str = ""


def catalogue_page(shown: Shown, live: LiveCamera | None = None) -> str:
    """Return the page that lists the datasets, each leading into the viewer; the camera first."""
    query = shown.query
    page = min(query.page, n_pages(len(shown.chosen), PAGE_SIZE))
    first = (page - 1) * PAGE_SIZE
    rows = [_live_row(live)] if live is not None and query == CatalogueQuery() else []
    rows += [_row(found) for found in shown.chosen[first : first + PAGE_SIZE]]
    parts = {
        "words": escape_html(query.words),
        "any_kind": "" if query.kind else " checked",
        **{f"{kind}_kind": " checked" if query.kind == kind else "" for kind in KINDS},
        **{f"{order}_order": " selected" if query.order == order else "" for order in ORDERS},
        "count": _count(shown),
        "note": escape_html(shown.note),
        "note_hidden": "" if shown.note else " hidden",
        "datasets": _listed(rows, shown),
        "pages": _pages(query, page, n_pages(len(shown.chosen), PAGE_SIZE)),
        "refresh": _REFRESH if shown.is_looking else "",
    }
    return _GAP.sub(lambda gap: parts[gap[1]], _template())


def listing_page(path: str, entries: Sequence[tuple[str, bool]]) -> str:
    """Return the file names in a folder as links.

    Parameters
    ----------
    path : str
        Of the folder's URL, decoded.
    entries : sequence of (name, is_folder)
        What is in it.
    """
    links = ((name, "/" if is_folder else "") for name, is_folder in entries)
    lines = (
        f'<li><a href="{quote("./" + name)}{end}">{_text(name)}{end}</a></li>'
        for name, end in links
    )
    title = f"Directory listing for {_text(path)}"
    return _LISTING.format(title=title, lines="\n".join(lines))


@cache
def _template() -> str:
    return (Path(__file__).parent / "catalogue" / "index.html").read_text("utf-8")


def _count(shown: Shown) -> str:
    n, known = len(shown.chosen), shown.n_known
    if not known:
        return "Looking for datasets\u2026" if shown.is_looking else ""
    noun = "dataset" if known == 1 else "datasets"
    counted = format_count(known) if n == known else f"{format_count(n)} of {format_count(known)}"
    more = ", looking for more\u2026" if shown.is_looking else ""
    return f"{counted} {noun}{more}"


def _listed(rows: list[str], shown: Shown) -> str:
    if rows:
        joined = "\n".join(rows)
        return f'<ul class="entries">\n{joined}\n</ul>'
    if shown.is_looking:
        return ""
    return _NOTHING if shown.n_known else _EMPTY


def _pages(query: CatalogueQuery, page: int, n: int) -> str:
    """Return the links to the pages before and after, for browsers without scripts."""
    if n == 1:
        return ""
    links = [
        f'<a href="{escape_html(query.address(to))}" rel="{rel}">{word}</a>'
        for to, rel, word in ((page - 1, "prev", "Previous"), (page + 1, "next", "Next"))
        if 1 <= to <= n
    ]
    where = f"<span>Page {page} of {n}</span>"
    return f'<nav class="pages" id="pages" aria-label="Pages">{where}{"".join(links)}</nav>'


def _live_row(live: LiveCamera) -> str:
    height, width = live.shape
    facts = [escape(live.camera), f"{width} \u00d7 {height} pixels", live.dtype]
    return (
        '<li class="entry live"><span class="picture none" aria-hidden="true"></span>'
        f'<div class="words"><a href="{live.viewer_url}"><strong>{live.name}</strong></a>'
        f'<span class="badge">{_text(live.state)}</span>{_facts(facts)}</div></li>'
    )


def _row(found: Found) -> str:
    dataset = found.dataset
    *folders, name = dataset.name.split("/")
    where = f'<span class="where">{_text(" / ".join(folders))} / </span>' if folders else ""
    badge = ""
    if found.is_growing:
        badge = '<span class="badge">recording</span>'
    elif dataset.state == "recording":
        badge = '<span class="badge quiet">not finished</span>'
    image = (
        f'<img src="{escape_html(dataset.thumbnail_url)}" alt="" loading="lazy" decoding="async" '
        'width="128" height="72">'
    )
    return (
        f'<li class="entry {dataset.kind}"><span class="picture">{image}</span>'
        f'<div class="words"><a href="{escape_html(dataset.viewer_url)}">{where}'
        f"<strong>{_text(name)}</strong></a>{badge}"
        f"{_facts([dataset.kind.capitalize(), *facts_of(dataset)])}</div>"
        f'<span class="size">{escape_html(size_of(found))}</span>{_date(found.changed)}</li>'
    )


def _facts(facts: Sequence[str]) -> str:
    """Return facts side by side; what comes from files in them is one line already."""
    told = " ".join(f"<span>{escape_html(fact)}</span>" for fact in facts if fact)
    return f'<p class="facts">{told}</p>'


def _date(changed: float | None) -> str:
    if changed is None:
        return '<span class="changed"></span>'
    try:
        moment = datetime.fromtimestamp(changed, UTC)
    except (OverflowError, ValueError, OSError):  # a file system tells any number
        return '<span class="changed"></span>'
    return (
        f'<time class="changed" datetime="{moment:%Y-%m-%dT%H:%M:%SZ}">'
        f'{moment:%Y-%m-%d}<span class="clock"> {moment:%H:%M} UTC</span></time>'
    )


def _text(value: str) -> str:
    return escape_html(escape(value, limit=300))
