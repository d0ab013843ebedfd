"""A real browser and the token: behind the hash, in the query, typed, and from another site."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from tests.browser.conftest import FLAGS, chromium

from pyramidion.server import ServerSettings, build_app, serve_background

pytestmark = [pytest.mark.browser, pytest.mark.slow]

TOKEN = "n6WqJ8kq2c-correct-horse"
ASKS = "asks for its token"
NOTES = "the notes"


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("guarded")
    (folder / "notes.txt").write_text(NOTES)
    return folder


@pytest.fixture(scope="module")
def url(folder: Path) -> Iterator[str]:
    settings = ServerSettings(port=0, token=TOKEN)
    with serve_background(build_app([folder], settings), settings) as url:
        yield url


@pytest.fixture
def page(browser: Any) -> Iterator[Any]:
    context = browser.new_context()
    yield context.new_page()
    context.close()


def shows(page: Any, words: str) -> None:
    """Wait until the page, or the one that takes its place, shows some words."""
    page.wait_for_function("(words) => document.body?.innerText.includes(words)", arg=words)


def is_in(page: Any) -> None:
    """The page is the one that was asked for, and its address is clean."""
    page.wait_for_function(f"() => document.body && !document.body.innerText.includes('{ASKS}')")
    assert TOKEN not in page.url
    (cookie,) = page.context.cookies()
    assert (cookie["httpOnly"], cookie["sameSite"]) == (True, "Strict")
    assert TOKEN not in cookie["value"]
    assert page.evaluate("document.cookie") == ""


def test_token_behind_the_hash(page: Any, url: str) -> None:
    asked: list[str] = []
    page.on("request", lambda request: asked.append(request.url))
    page.goto(f"{url}/notes.txt#token={TOKEN}")
    shows(page, NOTES)
    is_in(page)
    assert not [each for each in asked if TOKEN in each.partition("#")[0]]
    page.goto(url + "/")
    assert ASKS not in page.inner_text("body")


def test_rest_of_the_hash_stays(page: Any, url: str) -> None:
    page.goto(f"{url}/notes.txt?v=1#a=1&token={TOKEN}&b=2")
    page.wait_for_url(f"{url}/notes.txt?v=1#a=1&b=2")
    shows(page, NOTES)


def test_token_in_the_query(page: Any, url: str) -> None:
    page.goto(f"{url}/notes.txt?token={TOKEN}")
    assert page.inner_text("body") == "the notes"
    is_in(page)


def test_token_typed(page: Any, url: str) -> None:
    page.goto(f"{url}/notes.txt#token=wrong")
    shows(page, "not the token")
    for text in ("", "with blanks in it", "\u00fc"):
        page.get_by_label("Token").fill(text)
        page.get_by_role("button", name="Open").click()
        assert ASKS in page.inner_text("body")
    page.get_by_label("Token").fill(TOKEN)
    page.get_by_role("button", name="Open").click()
    shows(page, NOTES)
    is_in(page)


def test_link_on_another_site(page: Any, url: str, tmp_path: Path) -> None:
    """A strict cookie is not sent after such a link; the page asks for it to be sent."""
    link = f"{url}/notes.txt?token={TOKEN}"
    (tmp_path / "mail.html").write_text(f'<a href="{link}">look</a>')
    listing = ServerSettings(port=0, listing=True)
    with serve_background(build_app([tmp_path], listing), listing) as other:
        page.goto(other.replace("127.0.0.1", "localhost") + "/mail.html")
        page.get_by_text("look").click()
        shows(page, NOTES)
        is_in(page)


def test_page_elsewhere_reads_nothing(page: Any, folder: Path, tmp_path: Path) -> None:
    """Another name of this machine is another site, as is a name that was made up for it."""
    (tmp_path / "page.html").write_text("<title>elsewhere</title>")
    listing = ServerSettings(port=0, listing=True, allowed_hosts=("evil.test",))
    with (
        serve_background(build_app([tmp_path], listing), listing) as evil,
        serve_background(build_app([folder])) as mine,
    ):
        rules = ["--host-resolver-rules=MAP evil.test 127.0.0.1"]
        launched = page.context.browser.browser_type.launch(
            executable_path=chromium(), args=[*FLAGS, *rules]
        )
        try:
            strange = launched.new_page()
            strange.goto(evil.replace("127.0.0.1", "evil.test") + "/page.html")
            read = "(url) => fetch(url).then((answer) => answer.text(), () => 'refused')"
            assert strange.evaluate(read, mine + "/notes.txt") == "refused"
            # The name is given to the address of the server: the same site from then on.
            answer = strange.goto(mine.replace("127.0.0.1", "evil.test") + "/notes.txt")
            assert answer.status == 421
            assert "the notes" not in strange.inner_text("body")
        finally:
            launched.close()
