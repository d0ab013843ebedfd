"""The command line: parse, call, print."""

from pyramidion.cli._app import main

__all__ = ["main"]
