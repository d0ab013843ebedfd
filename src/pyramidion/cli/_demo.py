"""``pyramidion demo``."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

CAMERA = "sim:width=1024,height=768,rate=25"
RING_BYTES = 64 * 2**20
BRAIN = Path(__file__).parents[1] / "samples" / "brain_t1.tif"
"""A volume that comes with the program; its origin is in the README beside it."""


def demo(
    folder: Annotated[
        str, typer.Option("--folder", metavar="DIR", help="Where the demonstration is written.")
    ] = "pyramidion-demo",
    port: Annotated[str, typer.Option("--port", metavar="N", help="Port; by default 8000.")] = "",
    browser: Annotated[
        bool, typer.Option("--browser/--no-browser", help="Open the viewer.")
    ] = True,
) -> None:
    """Make a waveform and a volume, start a simulated camera, serve them, and open the viewer.

    Example: pyramidion demo
    """
    from pyramidion.cli._serve import DEFAULT_PORT, announce, parse_port, run_server
    from pyramidion.cli._view import open_browser
    from pyramidion.server import LiveView, ServerSettings, check_served
    from pyramidion.workflows import AcquireOptions, look

    number = parse_port(port)  # before anything is made
    _make_waveform(Path(folder) / "waveform.zarr")
    _make_volume(Path(folder) / "brain.ome.zarr")
    served = check_served([folder])
    settings = ServerSettings(port=DEFAULT_PORT if number is None else number)

    def on_ready(url: str) -> None:
        announce(served, settings, url)
        print(f"A simulated camera is live at {url}/viewer", flush=True)
        if browser:
            open_browser(f"{url}/")

    with look(CAMERA, AcquireOptions(ring_bytes=RING_BYTES)) as ring_name:
        live = LiveView(ring_name)
        run_server(served, settings, on_ready, any_port=not port, live=live)


def _make_waveform(store: Path) -> None:
    from pyramidion.cli._print import progress_bar, shown
    from pyramidion.instruments import SimulatedScope
    from pyramidion.workflows import ConvertOptions, generate

    if store.exists():
        return
    print(f"Making {shown(store)}: 2 channels, 3 segments of 20 million samples.", flush=True)
    scope = SimulatedScope(channels=2, segments=3, samples=20_000_000, seed=1)
    with progress_bar("generating") as progress:
        generate(store, scope, ConvertOptions(parents=True, overwrite=True), progress)


def _make_volume(store: Path) -> None:
    from pyramidion.cli._print import shown
    from pyramidion.workflows import ConvertOptions, convert

    if store.exists():
        return
    print(f"Making {shown(store)}: a brain, 128 slices (ICBM 152 atlas).", flush=True)
    convert(BRAIN, store, ConvertOptions(parents=True, overwrite=True))
