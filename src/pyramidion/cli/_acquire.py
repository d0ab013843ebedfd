"""``pyramidion acquire``."""

from __future__ import annotations

from typing import Annotated

import typer

from pyramidion.cli import _options as o


def acquire(
    cameras: Annotated[
        list[str] | None,
        typer.Argument(
            metavar="CAMERA...",
            help="sim:, dcam:0, file:movie.tif, mm:...; `pyramidion cameras` lists them.",
        ),
    ] = None,
    output: Annotated[
        str | None,
        typer.Option(
            "--output", "-o", metavar="OUT", help="The store; without it nothing is recorded."
        ),
    ] = None,
    frames: Annotated[
        str | None, typer.Option("--frames", metavar="N", help="Stop after so many frames.")
    ] = None,
    duration: Annotated[
        str | None, typer.Option("--duration", metavar="TIME", help="Stop after 90s, 1.5m, 2h.")
    ] = None,
    exposure: Annotated[
        str | None,
        typer.Option("--exposure", metavar="TIME", help="Exposure time: 10ms, or seconds."),
    ] = None,
    roi: Annotated[
        str | None,
        typer.Option("--roi", metavar="X,Y,W,H", help="Region of the sensor, in pixels."),
    ] = None,
    binning: Annotated[
        str | None, typer.Option("--binning", metavar="N", help="Sensor pixels a pixel, each way.")
    ] = None,
    trigger: Annotated[
        str | None,
        typer.Option("--trigger", metavar="KIND", help="internal, external or software."),
    ] = None,
    pixel_type: Annotated[
        str | None, typer.Option("--pixel-type", metavar="TYPE", help="uint8, uint16...")
    ] = None,
    rate: Annotated[
        str | None, typer.Option("--rate", metavar="HZ", help="Frames a second.")
    ] = None,
    settings: Annotated[
        list[str] | None,
        typer.Option("--set", metavar="NAME=VALUE", help="Any other property of the camera."),
    ] = None,
    chunk: Annotated[
        str | None,
        typer.Option("--chunk", metavar="T,Y,X", help="Frames, rows, columns of a chunk."),
    ] = None,
    chunk_t: Annotated[
        str | None,
        typer.Option("--chunk-t", metavar="N", help="Frames of a chunk; chosen if not given."),
    ] = None,
    chunk_y: Annotated[str | None, typer.Option("--chunk-y", metavar="N", help="Its rows.")] = None,
    chunk_x: Annotated[
        str | None, typer.Option("--chunk-x", metavar="N", help="Its columns.")
    ] = None,
    shard_t: Annotated[
        str | None, typer.Option("--shard-t", metavar="N", help="Chunks of a shard along t.")
    ] = None,
    shard_y: Annotated[
        str | None, typer.Option("--shard-y", metavar="N", help="Chunks of a shard along y.")
    ] = None,
    shard_x: Annotated[
        str | None, typer.Option("--shard-x", metavar="N", help="Chunks of a shard along x.")
    ] = None,
    compression: Annotated[
        str | None,
        typer.Option(
            "--compression", metavar="CODEC[:LEVEL]", help="lz4 (default), zstd or raw; both blosc."
        ),
    ] = None,
    levels: Annotated[
        str | None,
        typer.Option("--levels", metavar="STAT", help="Coarser levels too: mean, min or max."),
    ] = None,
    levels_when: Annotated[
        str | None,
        typer.Option("--levels-when", metavar="WHEN", help="recording (default), or at the end."),
    ] = None,
    writer: Annotated[
        str | None, typer.Option("--writer", metavar="NAME", help="pyramidion, or acquire-zarr.")
    ] = None,
    ring: Annotated[
        str | None,
        typer.Option(
            "--ring", metavar="SIZE", help="Memory between camera and disk; a second of frames."
        ),
    ] = None,
    buffers: Annotated[
        str | None, typer.Option("--buffers", metavar="N", help="Frames that the driver holds.")
    ] = None,
    when_full: Annotated[
        str | None,
        typer.Option(
            "--when-full", metavar="WHAT", help="Disk too slow: drop (counted, default) or stop."
        ),
    ] = None,
    timeout: Annotated[
        str | None,
        typer.Option("--timeout", metavar="TIME", help="Longest without a frame; 5s, 0 for ever."),
    ] = None,
    reserve: Annotated[
        str | None,
        typer.Option("--reserve", metavar="SIZE", help="Stop when so little space is free."),
    ] = None,
    allow_drops: Annotated[
        bool, typer.Option("--allow-drops", help="Lost frames do not make the exit status 1.")
    ] = False,
    live: Annotated[
        bool | None,
        typer.Option("--live/--no-live", help="Show the live picture in browsers; on by default."),
    ] = None,
    host: Annotated[
        str | None,
        typer.Option("--host", metavar="ADDRESS", help="Show it here; others need the token."),
    ] = None,
    port: Annotated[
        str | None,
        typer.Option("--port", metavar="N", help="Port; by default 8080 or the next free one."),
    ] = None,
    cors: Annotated[
        list[str] | None,
        typer.Option("--cors", metavar="ORIGIN", help="Pages of this origin may read, or '*'."),
    ] = None,
    token: Annotated[
        str | None, typer.Option("--token", metavar="SECRET", help="Every request must carry it.")
    ] = None,
    no_token: Annotated[
        bool, typer.Option("--no-token", help="Let other machines look without a token.")
    ] = False,
    really: Annotated[bool, typer.Option("--really", help="Yes, that is meant.")] = False,
    config: Annotated[
        str | None,
        typer.Option("--config", metavar="FILE", help="Take options from JSON; those given win."),
    ] = None,
    stats: Annotated[
        str | None,
        typer.Option("--stats", metavar="FORM", help="Each second to stderr: text, json, none."),
    ] = None,
    workers: o.Workers = "",
    overwrite: Annotated[
        bool, typer.Option("--overwrite", help="Replace an existing recording.")
    ] = False,
    resume: Annotated[
        bool, typer.Option("--resume", help="Go on at the end of a recording.")
    ] = False,
    parents: o.Parents = False,
    force: o.Force = False,
    dry_run: o.DryRun = False,
    json: o.Json = False,
) -> None:
    """Record a camera to OME-Zarr, and show the live picture.

    Nothing is lost unnoticed: frames of the camera = frames stored + frames listed as lost. The
    store can be read at every moment, and after a crash. Ctrl-C ends a recording cleanly.

    Several cameras are recorded at once: OUT is then a folder, or a name with {camera}.

    Example: pyramidion acquire sim: -o movie.zarr --frames 100
    """
    from pyramidion.cli._acquire_many import record_each, stop_with_parent
    from pyramidion.cli._acquire_run import record
    from pyramidion.cli._acquire_values import Typed, make_requests

    typed = Typed(
        cameras=tuple(cameras or ()),
        options={
            "--output": output, "--frames": frames, "--duration": duration,
            "--exposure": exposure, "--roi": roi, "--binning": binning, "--trigger": trigger,
            "--pixel-type": pixel_type, "--rate": rate, "--set": settings, "--chunk": chunk,
            "--chunk-t": chunk_t, "--chunk-y": chunk_y, "--chunk-x": chunk_x,
            "--shard-t": shard_t, "--shard-y": shard_y, "--shard-x": shard_x,
            "--compression": compression, "--levels": levels, "--levels-when": levels_when,
            "--writer": writer, "--ring": ring, "--buffers": buffers, "--when-full": when_full,
            "--timeout": timeout, "--reserve": reserve, "--allow-drops": allow_drops,
            "--live": live if live is None else "yes" if live else "no", "--host": host, "--port": port, "--cors": cors, "--token": token,
            "--no-token": no_token, "--really": really, "--config": config, "--stats": stats,
            "--workers": workers or None, "--overwrite": overwrite, "--resume": resume,
            "--parents": parents, "--force": force, "--dry-run": dry_run, "--json": json,
        },
    )  # fmt: skip
    stop_with_parent()
    requests = make_requests(typed)
    if len(requests) > 1:
        record_each(requests, typed)
    else:
        record(requests[0])
