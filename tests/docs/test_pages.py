"""Every example of the documentation runs and prints what the page says."""

import os
from pathlib import Path

import pytest
from tests.docs.pages import (
    LAB,
    NOT_RUN,
    ROOT,
    Reader,
    agrees,
    blocks,
    commands,
    needs_a_store,
    pages,
    profiles,
)

WITH_EXAMPLES = [
    page
    for page in pages()
    if any(block.is_run for block in blocks(page)) and str(page.relative_to(ROOT)) not in NOT_RUN
]


@pytest.fixture
def store(moto_environment, monkeypatch):
    """The object store of the pages; its keys and its address are in a profile alone."""
    Path(os.environ["AWS_CONFIG_FILE"]).write_text(profiles(moto_environment))
    for name in ("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY", "AWS_ENDPOINT_URL", "AWS_REGION"):
        monkeypatch.delenv(name)
    monkeypatch.setenv("AWS_PROFILE", LAB)
    bucket = moto_environment.bucket(LAB, public=True, cors=True)
    yield moto_environment
    moto_environment.remove_bucket(bucket)


@pytest.mark.parametrize("page", WITH_EXAMPLES, ids=lambda p: str(p.relative_to(ROOT)))
def test_examples(page, tmp_path, request):
    store = request.getfixturevalue("store") if needs_a_store(page) else None
    folder = tmp_path / "ada"
    folder.mkdir()
    reader = Reader(folder, store)
    try:
        reader.follow(page)
    finally:
        reader.leave()


@pytest.mark.parametrize("page", pages(), ids=lambda p: str(p.relative_to(ROOT)))
def test_skipped_examples_say_why(page):
    for block in blocks(page):
        if block.info[1:2] == ("skip",):
            assert len(block.info) > 3, f"{page.name}:{block.line}: say why in a few words"


def test_pages_that_are_not_run_are_there():
    assert set(NOT_RUN) <= {str(page.relative_to(ROOT)) for page in pages()}


def test_the_comparison_compares():
    """What varies is forgiven, and nothing else is."""
    shown = ["w.zarr: 2 x 1 x 3 x 1003 int16, 5.42 MB in 0.1 s (119 MB/s)", "...", "end"]
    assert agrees(["w.zarr: 2 x 1 x 3 x 1003 int16, 6 MB in 12.3 s (9.5 kB/s)", "end"], shown)
    assert agrees([shown[0], "one", "two", "end"], shown)
    assert not agrees(["w.zarr: 2 x 1 x 3 x 1004 int16, 5.42 MB in 0.1 s (119 MB/s)", "end"], shown)
    assert not agrees([shown[0], "end", "more"], shown)
    assert not agrees([], ["end"])


def test_commands_are_found():
    text = "$ one \\\n> --two\nprinted\n\n$ three\n"
    assert commands(text) == [("one \\\n--two", ["printed", ""]), ("three", [])]
