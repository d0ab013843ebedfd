"""What the packages list can be had."""

import importlib

import pytest


@pytest.mark.parametrize(
    "package",
    ["pyramidion.formats", "pyramidion.workflows", "pyramidion.formats._recording"],
)
def test_every_name_is_there(package):
    module = importlib.import_module(package)
    assert module.__all__
    for name in module.__all__:
        assert getattr(module, name) is not None
    assert set(module.__all__) <= set(dir(module))
