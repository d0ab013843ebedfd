"""``pyramidion demo``."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer


def demo(
    folder: Annotated[
        str, typer.Option("--folder", metavar="DIR", help="Where the demonstration is written.")
    ] = "pyramidion-demo",
    port: Annotated[str, typer.Option("--port", metavar="N", help="Port; by default 8000.")] = "",
    browser: Annotated[
        bool, typer.Option("--browser/--no-browser", help="Open the viewer.")
    ] = True,
) -> None:
    """Make a waveform, serve it, and open the viewer on it.

    Example: pyramidion demo
    """
    from pyramidion.cli._print import progress_bar, shown
    from pyramidion.cli._serve import parse_port
    from pyramidion.cli._view import view
    from pyramidion.instruments import SimulatedScope
    from pyramidion.workflows import ConvertOptions, generate

    parse_port(port)  # before anything is made
    store = Path(folder) / "waveform.zarr"
    if not store.exists():
        print(f"Making {shown(store)}: 2 channels, 3 segments of 20 million samples.", flush=True)
        scope = SimulatedScope(channels=2, segments=3, samples=20_000_000, seed=1)
        with progress_bar("generating") as progress:
            generate(store, scope, ConvertOptions(parents=True, overwrite=True), progress)
    view(str(store), port=port, browser=browser)
