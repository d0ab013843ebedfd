"""What a canvas shows, as arrays, and what it should show."""

from __future__ import annotations

import base64
from typing import Any

import numpy as np


def decoded(told: dict[str, Any]) -> np.ndarray:
    """Return what ``__test.picture`` told as (height, width, 4) bytes."""
    data = np.frombuffer(base64.b64decode(told["data"]), np.uint8)
    return data.reshape(told["height"], told["width"], 4)


def pixels(view: Any, plane: str = "xy") -> np.ndarray:
    """Return the canvas of a plane as (height, width, 4) bytes."""
    return decoded(
        view.run("(plane) => __test.picture(`.pane-${plane} canvas.picture`)", plane),
    )


def cut(view: Any, height: int, width: int, plane: str = "xy") -> np.ndarray:
    """Return the part of the canvas that holds the image, which must lie in it whole."""
    frame = view.run("(plane) => __pyramidion.frame(plane)", plane)
    top, left = frame["top"], frame["left"]
    assert min(top, left) >= 0, frame
    return pixels(view, plane)[top : top + height, left : left + width]


def grey(values: np.ndarray, low: float, high: float) -> np.ndarray:
    """Return the grey that a value should have, in the viewer's own arithmetic."""
    share = (values.astype(np.float64) - low) * (255 / (high - low))
    return np.floor(np.clip(share, 0, 255) + 0.5).astype(np.uint8)


def shades(view: Any, values: np.ndarray) -> np.ndarray:
    """Return the grey of values in the range of the page."""
    return grey(values, *view.view()["channels"][0]["range"])


def one_to_one(view: Any) -> None:
    """Show a pixel of the data as one of the screen."""
    view.page.keyboard.press("1")
    view.idle()
    assert view.view()["zoom"] == 1
