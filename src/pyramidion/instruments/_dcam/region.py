"""The part of the sensor that is read: DCAM's sub-array, as ``x,y,width,height``."""

from __future__ import annotations

from typing import Final

from pyramidion.core import UsageError
from pyramidion.instruments._camera import Property
from pyramidion.instruments._dcam.constants import IDS, OFF, ON
from pyramidion.instruments._dcam.device import Device
from pyramidion.instruments._dcam.library import DcamError
from pyramidion.instruments._dcam.properties import REFUSED
from pyramidion.instruments._settings import region_in

_MODE: Final = IDS["subarray_mode"]
_PARTS: Final = tuple(IDS[f"subarray_{name}"] for name in ("hpos", "vpos", "hsize", "vsize"))

Box = tuple[int, int, int, int]


class Region:
    """The sub-array of an open camera.

    Parameters
    ----------
    device : Device
        Open.

    Raises
    ------
    DcamError
        From every method, if the camera fails.
    """

    def __init__(self, device: Device) -> None:
        self._device = device
        self.is_there = all(device.has(prop) for prop in (_MODE, *_PARTS))

    def box(self) -> Box:
        """Return x, y, width and height in sensor pixels."""
        height, width = self._sensor()
        if self._device.value(_MODE) == OFF:
            return 0, 0, width, height
        x, y, width, height = (int(self._device.value(prop)) for prop in _PARTS)
        return x, y, width, height

    def listed(self) -> Property:
        """Return it as a property."""
        vertical, horizontal = self._steps()
        allowed = f"x,y,width,height in multiples of {horizontal}, {vertical}"
        return Property("roi", ",".join(map(str, self.box())), "", allowed)

    def set(self, text: str) -> None:
        """Set it.

        Raises
        ------
        UsageError
            If it is not on the sensor, or not a multiple of the camera's steps; the region is as
            it was then.
        """
        wanted = region_in(text, self._sensor(), self._steps())
        before = self.box()
        try:
            self._place(wanted)
        except DcamError as error:
            if error.code not in REFUSED:
                raise
            self._place(before)
            said = self._device.library.text(self._device.handle, error.code)
            raise UsageError("roi", "refused by the camera", text, said, id="PYR-CAM-06") from None

    def _place(self, box: Box) -> None:
        # Off first, and to the corner: no combination on the way is one that is not allowed.
        x, y, width, height = box
        hpos, vpos, hsize, vsize = _PARTS
        self._device.set_value(_MODE, OFF)
        for pos, size, start, length in ((hpos, hsize, x, width), (vpos, vsize, y, height)):
            self._device.set_value(pos, 0)
            self._device.set_value(size, length)
            self._device.set_value(pos, start)
        if (height, width) != self._sensor():
            self._device.set_value(_MODE, ON)

    def _sensor(self) -> tuple[int, int]:
        """Return height and width of the sensor."""
        _, _, hsize, vsize = _PARTS
        return int(self._device.attr(vsize).value_max), int(self._device.attr(hsize).value_max)

    def _steps(self) -> tuple[int, int]:
        """Return what y and height, and x and width, are multiples of."""
        hpos, vpos, hsize, vsize = (
            max(1, int(self._device.attr(prop).value_step)) for prop in _PARTS
        )
        return max(vpos, vsize), max(hpos, hsize)
