"""dcam2zarr's two programs: same flags, same JSON keys, same figures at the end.

Where the original emptied whatever folder had the output's name, a recording of ours is replaced,
which is said in a line, and anything else is refused. Its chunks of 64 whole frames (1.2 GB) are
written when a configuration or a flag speaks of chunks; otherwise they are chosen well.
"""

from __future__ import annotations

import sys
from typing import Annotated, Any

import typer

from pyramidion.cli.compat.replacing import replaces

PROGRAM = "dcam2zarr"
DUMMY = "sim:"
DEFAULTS = {
    "--output": "output.zarr",
    "--compression": "none",
    "--live": False,
    "--host": "127.0.0.1",
    "--port": 8080,
    "--names": "frames",
}
"""What the original does where nothing is said. Its server listened to every machine, without a
password; ours does so where a configuration says ``0.0.0.0``, and then gives out a token."""

_FLAG_WORDS = ("true", "false", "yes", "no", "on", "off", "0", "1")
_NO = ("false", "no", "off")


def rewritten(arguments: list[str]) -> list[str]:
    """Return the arguments with the value that ``--dummy`` used to need joined to it.

    Examples
    --------
    >>> rewritten(["dcam2zarr", "--dummy", "True", "--frames", "5"])
    ['dcam2zarr', '--dummy', '--frames', '5']
    """
    if arguments[:1] != [PROGRAM]:
        return arguments
    kept: list[str] = []
    following = iter(arguments)
    for argument in following:
        name, _, value = argument.partition("=")
        if name != "--dummy":
            kept.append(argument)
            continue
        behind: list[str] = []
        if not value and (word := next(following, None)) is not None:
            value, behind = (word, []) if word.lower() in _FLAG_WORDS else ("", [word])
        kept += [*([] if value.lower() in _NO else ["--dummy"]), *behind]
    return kept


def dcam2zarr(
    camera_index: Annotated[
        str, typer.Argument(metavar="CAMERA_INDEX", help="Which camera; see ls_cams.")
    ] = "",
    config: Annotated[str | None, typer.Option("--config", metavar="FILE")] = None,
    output: Annotated[str | None, typer.Option("--output", metavar="PATH")] = None,
    frames: Annotated[str | None, typer.Option("--frames", metavar="N")] = None,
    chunk_x: Annotated[str | None, typer.Option("--chunk-x", metavar="N")] = None,
    chunk_y: Annotated[str | None, typer.Option("--chunk-y", metavar="N")] = None,
    chunk_t: Annotated[str | None, typer.Option("--chunk-t", metavar="N")] = None,
    dummy: Annotated[bool, typer.Option("--dummy", help="Use the simulated camera.")] = False,
) -> None:
    """Record a Hamamatsu camera (today: pyramidion acquire)."""
    from dataclasses import replace

    from pyramidion.cli._acquire_run import record
    from pyramidion.cli._acquire_values import Typed, make_requests
    from pyramidion.core import UsageError, parse_count

    if camera_index:
        number = parse_count(camera_index, "CAMERA_INDEX")
        if number < 0:
            raise UsageError("CAMERA_INDEX", "at least 0", number, id="PYR-CFG-05")
        cameras: tuple[str, ...] = (f"dcam:{number}",)
    else:
        cameras = ()
    typed = Typed(
        (DUMMY,) if dummy else cameras,
        {
            "--config": config, "--output": output, "--frames": frames,
            "--chunk-x": chunk_x, "--chunk-y": chunk_y, "--chunk-t": chunk_t,
        },
    )  # fmt: skip
    (request,) = make_requests(typed, DEFAULTS, PROGRAM, complete=completed)
    if request.out is not None and replaces(PROGRAM, request.out):
        recording = replace(request.options.recording, overwrite=True)
        request = replace(request, options=replace(request.options, recording=recording))
    record(request)


def completed(values: dict[str, Any]) -> dict[str, Any]:
    """Return the values with what the original adds to a part of a section.

    Who cuts in one direction gets 64 frames a chunk and one chunk a shard in the others.
    """
    values = dict(values)
    if any(values.get(f"--chunk-{axis}") is not None for axis in "tyx"):
        values.setdefault("--chunk-t", 64)
    if any(f"--shard-{axis}" in values for axis in "tyx"):
        for axis in "tyx":
            values.setdefault(f"--shard-{axis}", 1)
    return values


def ls_cams() -> None:
    """List the Hamamatsu cameras (today: pyramidion cameras dcam)."""
    from pyramidion.cli._print import shown
    from pyramidion.instruments import camera_kinds

    kind = next(kind for kind in camera_kinds() if kind.name == "dcam")
    if kind.why_not():
        kind.open("0").close()  # says in full what is missing
    found = list(kind.found())
    print(f"Found {len(found)} camera(s):")
    for index, description in found:
        model, _, identity = description.rpartition(" ")
        print(f"[{index}] {shown(f'{model} ({identity})' if model else description)}")


def main() -> None:
    """Be the program ``dcam2zarr``."""
    _run(PROGRAM)


def main_ls_cams() -> None:
    """Be the program ``ls_cams``."""
    _run("ls_cams")


def _run(name: str) -> None:
    from pyramidion.cli import main as run

    run([name, *sys.argv[1:]])
