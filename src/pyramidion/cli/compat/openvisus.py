"""OpenVisus' conversion commands: same words, same files.

Datasets are compressed while they are written, so that a ``compress-dataset`` that follows has
nothing left to do. Where the original replaced an existing output without a question, its
translation replaces a dataset of the same kind, says so in a line, and refuses anything else. Where
it lost data or turned images upside down, the right thing is done.
"""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from pyramidion.cli.compat.replacing import replaces

STEPS = "convert-steps"
"""What ``convert import X export Y`` is called here, because ``convert X Y`` is another command."""

_Arco = Annotated[str, typer.Option("--arco", metavar="SIZE|modvisus")]
_Field = Annotated[str, typer.Option("--field", metavar="NAME")]
_Step = Annotated[str, typer.Option("--timestep", "--time", metavar="T")]


def rewritten(arguments: list[str]) -> list[str]:
    """Return the arguments with ``convert import ... export ...`` under its name here.

    A file that is called ``import`` is still converted.
    """
    if (
        arguments[:2] != ["convert", "import"]
        or "export" not in arguments
        or Path("import").exists()
    ):
        return arguments
    return [STEPS, *arguments[2:]]


def convert_image_stack(
    source: Annotated[str, typer.Argument(metavar="SRC")],
    destination: Annotated[str, typer.Argument(metavar="DST")],
    arco: _Arco = "modvisus",
    access_config: Annotated[str, typer.Option("--access-config", metavar="XML")] = "",
) -> None:
    """Write a stack of images as an IDX dataset (today: pyramidion convert)."""
    from pyramidion.cli._convert import convert
    from pyramidion.core import UsageError

    if access_config:
        raise UsageError(
            "--access-config",
            "is not supported",
            mend="choose the codec with `convert --compression`",
            id="PYR-ALL-02",
        )
    _check_index(destination)
    convert(
        source,
        destination,
        kind="image",
        arco=arco,
        parents=True,
        overwrite=replaces("convert-image-stack", Path(destination)),
    )


def compress_dataset(
    dataset: Annotated[str, typer.Argument(metavar="IDX")],
    compression: Annotated[str, typer.Option("--compression", metavar="CODEC")] = "zip",
    threads: Annotated[str, typer.Option("--num-threads", metavar="N")] = "",
    timestep: _Step = "",
    field: _Field = "",
) -> None:
    """Compress an IDX dataset where it is (today: pyramidion compress)."""
    from pyramidion.cli._compress import compress

    compress(dataset, codec=compression or "raw", workers=threads, time=timestep, field=field)


def copy_dataset(
    source: Annotated[str, typer.Argument(metavar="SRC")],
    destination: Annotated[str, typer.Argument(metavar="DST")],
    arco: _Arco = "modvisus",
    tile_size: Annotated[str, typer.Option("--tile-size", metavar="N")] = "",
    timestep: _Step = "",
    field: _Field = "",
) -> None:
    """Copy a dataset into blocks of another size (today: pyramidion convert)."""
    from pyramidion.cli._convert import convert

    del tile_size  # memory is bounded by the plan
    _check_index(destination)
    convert(
        source,
        destination,
        arco=arco,
        time=timestep,
        field=field,
        parents=True,
        overwrite=replaces("copy-dataset", Path(destination)),
    )


def convert_steps(
    words: Annotated[list[str], typer.Argument(metavar="IDX export FILE")],
    box: Annotated[str | None, typer.Option("--box", metavar='"x1 x2 y1 y2 z1 z2"')] = None,
    field: _Field = "",
    time: _Step = "",
    fromh: Annotated[str, typer.Option("--fromh", metavar="H")] = "",
    toh: Annotated[str, typer.Option("--toh", metavar="H")] = "",
    disable_filters: Annotated[bool, typer.Option("--disable-filters")] = False,
) -> None:
    """Extract a box or a slice (today: pyramidion convert --box)."""
    from pyramidion.cli._convert import convert
    from pyramidion.core import UsageError

    del fromh, disable_filters  # what is below the end resolution is always read; no filters
    if len(words) != 3 or words[1] != "export":
        raise UsageError(
            "convert import",
            "one file to import and one to export",
            " ".join(words),
            'write: convert import a.idx --box "..." export b.png',
            id="PYR-ALL-02",
        )
    source, _, destination = words
    convert(
        source,
        destination,
        kind="image",
        box=box,
        clip=True,
        field=field,
        time=time,
        end_resolution=toh,
        overwrite=replaces("convert", Path(destination)),
    )


def _check_index(destination: str) -> None:
    from pyramidion.core import UsageError

    if not destination.lower().endswith(".idx"):
        raise UsageError(
            destination, "unknown format", Path(destination).suffix, "use .idx", id="PYR-GEN-06"
        )
