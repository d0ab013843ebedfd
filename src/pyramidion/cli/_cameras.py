"""``pyramidion cameras``."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated, Any

import typer

from pyramidion.cli import _options as o

if TYPE_CHECKING:
    from pyramidion.instruments import CameraKind


def cameras(
    which: Annotated[
        str | None,
        typer.Argument(
            metavar="KIND|ADDRESS", help="sim, dcam...; or one camera, as dcam:0, to list it."
        ),
    ] = None,
    json: o.Json = False,
) -> None:
    """List the cameras that are there, or everything that one of them can.

    Example: pyramidion cameras sim:
    """
    from pyramidion.cli._print import print_json
    from pyramidion.instruments import camera_kinds

    if which is None or which in {kind.name for kind in camera_kinds()}:
        kinds = [describe_kind(kind) for kind in camera_kinds() if which in (None, kind.name)]
        print_json({"kinds": kinds}) if json else _print_kinds(kinds)
    else:
        camera = describe_camera(which)
        print_json(camera) if json else _print_camera(camera)


def describe_kind(kind: CameraKind) -> dict[str, Any]:
    """Return one kind of camera, and those that are there (JSON values).

    Parameters
    ----------
    kind : CameraKind
        Why it cannot be used here is told, if it cannot.
    """
    from pyramidion.core import PyramidionError

    found: list[tuple[str, str]] = []
    why_not = kind.why_not()
    if not why_not:
        try:
            found = list(kind.found())
        except PyramidionError as error:
            why_not = error.line
    return {
        "kind": kind.name,
        "summary": kind.summary,
        "usable": not why_not,
        "why_not": why_not or None,
        "cameras": [
            {"address": f"{kind.name}:{rest}", "description": description}
            for rest, description in found
        ],
    }


def describe_camera(address: str) -> dict[str, Any]:
    """Return what a camera is and can (JSON values); it is opened for that.

    Raises
    ------
    UsageError, CameraError
        If there is no such camera, or it cannot be opened.
    """
    from pyramidion.instruments import open_camera

    camera = open_camera(address)
    try:
        spec, properties = camera.spec(), camera.properties()
    finally:
        camera.close()
    return {
        "address": address,
        "camera": spec.camera,
        "frame": {"height": spec.height, "width": spec.width, "dtype": spec.dtype.name},
        "rate_hz": spec.rate_hz or None,
        "properties": [property_._asdict() for property_ in properties],
    }


def _print_kinds(kinds: list[dict[str, Any]]) -> None:
    from pyramidion.cli._print import shown

    width = max(len(kind["kind"]) for kind in kinds) + 1
    for kind in kinds:
        print(f"{kind['kind'] + ':':<{width}} {kind['summary']}")
        if kind["why_not"]:
            print(f"    not here: {shown(kind['why_not'])}")
        elif not kind["cameras"]:
            print("    none found")
        for camera in kind["cameras"]:
            print(f"    {shown(camera['address'])}  {shown(camera['description'])}")


def _print_camera(camera: dict[str, Any]) -> None:
    from pyramidion.cli._print import shown
    from pyramidion.core import format_bytes

    frame, rate = camera["frame"], camera["rate_hz"]
    speed = ""
    if rate:
        import numpy as np

        n_bytes = frame["height"] * frame["width"] * np.dtype(frame["dtype"]).itemsize
        speed = f", {rate:g} frames/s, {format_bytes(n_bytes * rate)}/s"
    print(
        f"{shown(camera['address'])}: {shown(camera['camera'])}, frames of "
        f"{frame['height']} x {frame['width']} {frame['dtype']}{speed}"
    )
    rows = [
        (
            shown(p["name"]),
            shown(f"{p['value']} {p['unit']}".strip()),
            shown(p["allowed"]) if p["allowed"] else "read only",
        )
        for p in camera["properties"]
    ]
    widths = [max((len(row[k]) for row in rows), default=0) for k in range(2)]
    for name, value, allowed in rows:
        print(f"  {name:<{widths[0]}}  {value:<{widths[1]}}  {allowed}")
