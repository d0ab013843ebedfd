"""The two pages that the server writes itself: the catalogue and the listing of a folder.

Names come from files, so they are only ever text.
"""

from __future__ import annotations

import base64
import hashlib
import math
import re
from collections.abc import Sequence
from html import escape as escape_html
from urllib.parse import quote

from pyramidion.core import escape, format_bytes, format_si
from pyramidion.server._describe import Dataset, LiveCamera

_STYLE = """
:root { color-scheme: light dark; --ink: #1c2430; --soft: #5b6675; --line: #dde2e9;
  --paper: #f6f7f9; --card: #ffffff; --accent: #0072b2; }
@media (prefers-color-scheme: dark) { :root { --ink: #e6eaf0; --soft: #9aa6b5; --line: #2c3542;
  --paper: #12161c; --card: #1a2029; --accent: #56b4e9; } }
* { box-sizing: border-box; }
body { margin: 0; background: var(--paper); color: var(--ink);
  font: 16px/1.5 system-ui, sans-serif; }
main { max-width: 56rem; margin: 0 auto; padding: 3rem 1.25rem; }
h1 { font-size: 1.5rem; font-weight: 600; margin: 0 0 0.25rem; }
p { color: var(--soft); margin: 0 0 1.75rem; }
ul { list-style: none; margin: 0; padding: 0; display: grid; gap: 0.75rem; }
li a { display: block; padding: 1rem 1.25rem; border: 1px solid var(--line);
  border-radius: 10px; background: var(--card); color: inherit; text-decoration: none; }
li a:hover, li a:focus-visible { border-color: var(--accent); outline: none;
  box-shadow: 0 0 0 1px var(--accent); }
li strong { display: block; font-weight: 600; color: var(--accent); overflow-wrap: anywhere; }
li span { color: var(--soft); font-size: 0.9rem; margin-right: 1.25rem;
  font-variant-numeric: tabular-nums; }
li.image a { display: grid; grid-template-columns: 5.5rem 1fr; column-gap: 1.25rem;
  align-items: center; }
li img { width: 5.5rem; height: 5.5rem; object-fit: contain; border-radius: 6px;
  background: #000; color: transparent; grid-row: span 2; }
li.image strong { align-self: end; }
li.image div { align-self: start; }
code { font-size: 0.9em; }
"""
_PAGE = """<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<title>{title}</title>
<style>{style}</style>
</head>
<body>
<main>
{body}
</main>
</body>
</html>
"""
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
_STYLE_HASH = base64.b64encode(hashlib.sha256(_STYLE.encode()).digest()).decode()
POLICY = (
    f"default-src 'none'; style-src 'sha256-{_STYLE_HASH}'; img-src 'self'; base-uri 'none'; "
    "form-action 'none'"
)

_WAVEFORM_AXES = ("channel", "trc", "segment")


def catalogue_page(datasets: Sequence[Dataset], live: LiveCamera | None = None) -> str:
    """Return the page that lists the datasets, each leading into the viewer; the camera first."""
    if not datasets and live is None:
        body = (
            "<h1>No dataset here yet</h1>\n<p>Make one with <code>pyramidion generate w.zarr</code>"
            " or <code>pyramidion convert SRC w.zarr</code>, and reload this page.</p>"
        )
        return _page("pyramidion", body)
    cards = [_live_card(live)] if live else []
    cards += [_card(dataset) for dataset in datasets]
    count = "1 dataset" if len(datasets) == 1 else f"{len(datasets)} datasets"
    listed = "\n".join(cards)
    return _page("pyramidion", f"<h1>Datasets</h1>\n<p>{count}</p>\n<ul>\n{listed}\n</ul>")


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


def _page(title: str, body: str) -> str:
    return _PAGE.format(title=title, style=_STYLE, body=body)


def _live_card(live: LiveCamera) -> str:
    height, width = live.shape
    known = [live.state, live.camera, f"{width} \u00d7 {height}", live.dtype]
    facts = "".join(f"<span>{_text(fact)}</span>" for fact in known if fact)
    return (
        f'<li class="live"><a href="{live.viewer_url}"><strong>{live.name}</strong>{facts}</a></li>'
    )


def _card(dataset: Dataset) -> str:
    facts = "".join(f"<span>{escape_html(fact)}</span>" for fact in _facts(dataset))
    name = _text(dataset.name)
    link = escape_html(dataset.viewer_url)
    picture = dataset.thumbnail_url
    if picture is None:
        return f'<li><a href="{link}"><strong>{name}</strong>{facts}</a></li>'
    image = f'<img src="{escape_html(picture)}" alt="" loading="lazy" width="88" height="88">'
    return (
        f'<li class="image"><a href="{link}">{image}<strong>{name}</strong>'
        f"<div>{facts}</div></a></li>"
    )


def _facts(dataset: Dataset) -> list[str]:
    facts = _waveform_facts(dataset) if dataset.kind == "waveform" else _image_facts(dataset)
    facts.append(escape(dataset.dtype))
    itemsize = _itemsize(dataset.dtype)
    if itemsize:
        facts.append(format_bytes(math.prod(dataset.shape) * itemsize))
    return facts


def _waveform_facts(dataset: Dataset) -> list[str]:
    *counts, n_samples = dataset.shape
    named = [
        f"{n} {axis}{'' if n == 1 else 's'}"
        for n, axis in zip(counts, _WAVEFORM_AXES, strict=True)
        if n != 1
    ]
    facts = [" \u00d7 ".join([*named, f"{n_samples:,} samples".replace(",", "\u2009")])]
    if dataset.interval_s is not None and math.isfinite(dataset.interval_s):
        facts.append(format_si(n_samples * dataset.interval_s, "s"))
    return facts


def _image_facts(dataset: Dataset) -> list[str]:
    """Return the sizes as people say them: width first."""
    sizes = dict(zip(dataset.axes, dataset.shape, strict=True))
    space = [str(sizes[axis]) for axis in ("x", "y", "z") if axis in sizes]
    facts = [" \u00d7 ".join(space)] if space else []
    for axis, word in (("c", "channel"), ("t", "time")):
        if sizes.get(axis, 1) != 1:
            facts.append(f"{sizes[axis]} {word}s")
    if len(dataset.fields) > 1:
        facts.append(f"{len(dataset.fields)} fields")
    return facts


def _itemsize(dtype: str) -> int:
    """Return bytes an element of ``int16`` or ``<i2``; 0 if unknown."""
    v2 = re.fullmatch(r"[<>|][iuf]([1248])", dtype)
    if v2:
        return int(v2[1])
    v3 = re.fullmatch(r"(?:u?int|float)(8|16|32|64)", dtype)
    return int(v3[1]) // 8 if v3 else 0


def _text(value: str) -> str:
    return escape_html(escape(value, limit=300))
