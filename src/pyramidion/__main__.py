"""Run the command line: ``python -m pyramidion``."""

from pyramidion.cli import main

main()
