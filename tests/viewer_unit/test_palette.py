"""One palette: what the viewer, the catalogue and the pictures in it name alike looks alike."""

import re
from pathlib import Path

import pytest

import pyramidion.server
from pyramidion.server import _wave_picture

SERVER = Path(pyramidion.server.__file__).parent
LIGHT, SYSTEM_DARK, CHOSEN_DARK = range(3)
SOFTER = {"--accent-soft"}
"""Differs on purpose: in the catalogue it lies beneath text."""


def palettes(style: str) -> list[dict[str, str]]:
    """The colours of a style sheet: in the light, in the dark of the system, in the chosen dark."""
    text = (SERVER / style).read_text(encoding="utf-8")
    blocks = re.findall(r":root[^{]*\{(.*?)\}", text, re.DOTALL)
    colours = [dict(re.findall(r"(--[\w-]+): ([^;]+);", block)) for block in blocks]
    return [found for found in colours if found]


@pytest.mark.parametrize("style", ["viewer/style.css", "catalogue/catalogue.css"])
def test_the_dark_of_the_system_is_the_chosen_dark(style):
    light, system, chosen = palettes(style)
    assert system == chosen
    assert set(system) < set(light)


@pytest.mark.parametrize("which", [LIGHT, SYSTEM_DARK, CHOSEN_DARK])
def test_viewer_and_catalogue_agree(which):
    viewer, catalogue = (
        palettes(style)[which] for style in ("viewer/style.css", "catalogue/catalogue.css")
    )
    shared = (viewer.keys() & catalogue.keys()) - SOFTER
    assert len(shared) >= 9
    assert {name: catalogue[name] for name in shared} == {name: viewer[name] for name in shared}


def test_pictures_have_the_traces_of_the_viewer():
    for which, drawn in ((LIGHT, _wave_picture._LIGHT), (SYSTEM_DARK, _wave_picture._DARK)):
        traces = palettes("viewer/style.css")[which]
        assert drawn == tuple(traces[f"--trace-{k}"] for k in range(len(drawn)))
