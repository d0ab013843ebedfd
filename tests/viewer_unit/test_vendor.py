"""How the viewer is put together: third-party code is what the record says, and the viewer's own modules ask nobody else for code."""

from __future__ import annotations

import gzip
import re
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
VIEWER = ROOT / "src" / "pyramidion" / "server" / "viewer"
STYLES = {
    "wave": ("wave/wave.css",),
    "image": ("image/picture.css", "image/image.css"),
    "live": ("image/picture.css", "image/growing.css", "live/live.css"),
}
PANELS = tuple(STYLES)
IMPORT = re.compile(r"^(?:import|export)\b[^;]*?from\s+'([^']+)'", re.MULTILINE)


def test_vendored_files_are_as_recorded() -> None:
    done = subprocess.run(
        [sys.executable, str(ROOT / "tools" / "vendor.py")],
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stdout + done.stderr


def test_imports_are_relative_and_resolve() -> None:
    seen = 0
    for path in VIEWER.rglob("*.js"):
        for target in IMPORT.findall(path.read_text(encoding="utf-8")):
            assert target.startswith("."), f"{path}: {target}"
            assert (path.parent / target).resolve().is_file(), f"{path}: {target}"
            seen += 1
    assert seen > 60


def test_markup_is_never_built_from_text() -> None:
    for path in VIEWER.rglob("*.js"):
        text = path.read_text(encoding="utf-8")
        for word in (
            "innerHTML",
            "outerHTML",
            "insertAdjacentHTML",
            "document.write",
            "eval(",
            "new Function",
        ):
            assert word not in text, f"{path}: {word}"


def reachable(path: Path, seen: set[Path]) -> set[Path]:
    """A module and everything it imports."""
    if path not in seen:
        seen.add(path)
        for target in IMPORT.findall(path.read_text(encoding="utf-8")):
            reachable((path.parent / target).resolve(), seen)
    return seen


def test_the_page_asks_for_all_its_modules_at_once() -> None:
    """Without the list in its head, the browser would find the modules level by level, a round trip each."""
    page = (VIEWER / "index.html").read_text(encoding="utf-8")
    listed = re.findall(r'<link rel="modulepreload" href="([^"]+)">', page)
    needed = {str(path.relative_to(VIEWER)) for path in reachable(VIEWER / "main.js", set())}
    assert listed == sorted(needed - {"main.js"})


@pytest.mark.parametrize("panel", PANELS)
def test_a_panel_asks_for_all_its_modules_at_once(panel: str) -> None:
    listing = "live.js" if panel == "live" else "panels.js"
    text = (VIEWER / "frame" / listing).read_text(encoding="utf-8")
    block = re.search(rf"^  {panel}: \[\n(.*?)\n  \],", text, re.MULTILINE | re.DOTALL)
    assert block
    listed = {
        (VIEWER / panel / f"{name}.js").resolve() for name in re.findall("'([^']+)'", block[1])
    }
    page = reachable(VIEWER / "main.js", set())
    assert listed == reachable(VIEWER / panel / "open.js", set()) - page


@pytest.mark.parametrize("panel", PANELS)
def test_a_page_is_small(panel: str) -> None:
    """What the browser fetches before the data, each file compressed by itself as the server does."""
    files = reachable(VIEWER / "main.js", set()) | reachable(VIEWER / panel / "open.js", set())
    if panel == "live":
        files.add(VIEWER / "frame" / "live.js")
    else:
        files |= reachable(VIEWER / "decode" / "worker.js", set())
    files |= {VIEWER / name for name in ("index.html", "style.css", "favicon.svg", *STYLES[panel])}
    contents = [path.read_bytes() for path in files]
    assert sum(map(len, contents)) < 250_000
    assert sum(len(gzip.compress(content, 9)) for content in contents) < 100_000
