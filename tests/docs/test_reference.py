"""The reference says what the program says."""

import importlib.util
import re

import pytest
from tests.docs.pages import ROOT

from pyramidion.cli._app import COMMANDS, COMPATIBLE
from pyramidion.formats import formats


@pytest.fixture(scope="module")
def tool():
    spec = importlib.util.spec_from_file_location("cli_reference", ROOT / "tools/cli_reference.py")
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


@pytest.fixture(scope="module")
def cli_page():
    return (ROOT / "docs/reference/cli.md").read_text()


def test_generated_pages_are_in_step(tool):
    late = [str(page.relative_to(ROOT)) for page in tool.out_of_step()]
    assert not late, f"run python tools/cli_reference.py: {late}"


@pytest.mark.parametrize("name", COMMANDS)
def test_every_command_has_help_with_an_example(tool, cli_page, name):
    told = tool.help_of(name)
    assert re.search(rf"Example: pyramidion {name}\b", told)
    assert told in cli_page
    for line in told.splitlines():
        assert len(line) <= 80


@pytest.mark.parametrize("name", COMPATIBLE)
def test_every_old_command_is_there(cli_page, name):
    assert f"### {name}\n" in cli_page


def test_every_identifier_is_in_the_table(tool):
    table = (ROOT / "docs/reference/errors.md").read_text()
    for identifier in tool.mentioned():
        assert f"| {identifier} |" in table, f"{identifier} is not in errors.md"


def test_every_identifier_says_something(tool):
    for identifier, (status, what) in tool.raised().items():
        assert status, f"{identifier} has no status"
        assert what, f"{identifier} has no words; add them to BY_HAND"


def test_every_format_is_in_the_table():
    page = (ROOT / "docs/reference/formats.md").read_text()
    for found in formats():
        assert f"| {found.name} |" in page
