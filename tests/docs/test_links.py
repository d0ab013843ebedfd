"""Every link inside the documentation leads somewhere."""

import re

import pytest
from tests.docs.pages import ROOT, pages, prose

LINK = re.compile(r"!?\[[^\]]*\]\((?P<target>[^)\s]+)\)")
HEADING = re.compile(r"^#+ (.+)$", re.M)


def anchors(page):
    """Return the names that a page's headings have in its address."""
    plain = (re.sub(r"[^\w\- ]", "", h.lower()).strip() for h in HEADING.findall(prose(page)))
    return {h.replace(" ", "-") for h in plain}


@pytest.mark.parametrize(
    "page", [*pages(), ROOT / "CHANGELOG.md"], ids=lambda p: str(p.relative_to(ROOT))
)
def test_links(page):
    for link in LINK.finditer(prose(page)):
        target = link["target"]
        if re.match(r"[a-z]+:", target):
            continue
        name, _, anchor = target.partition("#")
        path = (page.parent / name).resolve() if name else page
        assert path.is_relative_to(ROOT), f"{page.name}: {target} leaves the project"
        assert path.exists(), f"{page.name}: {target} is not there"
        assert not anchor or anchor in anchors(path), f"{page.name}: no heading {target}"


def test_every_page_can_be_reached_from_the_index():
    index = ROOT / "docs/index.md"
    linked = {(index.parent / m["target"].partition("#")[0]).resolve() for m in LINK.finditer(prose(index))}  # fmt: skip
    for page in (ROOT / "docs").rglob("*.md"):
        is_decision = page.parent.name == "decisions"
        assert page == index or is_decision or page in linked, f"{page.name} is not in the index"
