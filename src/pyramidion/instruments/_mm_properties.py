"""Properties of a Micro-Manager device, with the names and units that all cameras share."""

from __future__ import annotations

import re
from typing import Any

import numpy as np

from pyramidion.core import UsageError
from pyramidion.instruments._camera import Property
from pyramidion.instruments._settings import (
    limits,
    number_in,
    one_of,
    read_only,
    refused,
    region_in,
    unknown_property,
)

FAULTS = (RuntimeError, OSError, ValueError, MemoryError)
"""What the core raises; its swig layer says ``SystemError`` for an image that is not there."""

_LONGEST_S = 1e6


class MMProperties:
    """Properties of one camera device.

    Parameters
    ----------
    core : pymmcore.CMMCore
        With the camera as its camera.
    label : str
        Of the camera.
    """

    def __init__(self, core: Any, label: str) -> None:
        self._core, self._label = core, label
        self._names = tuple(core.getDevicePropertyNames(label))

    def listed(self) -> tuple[Property, ...]:
        """Return every property, those of all cameras first."""
        common = [
            Property("exposure", f"{self._core.getExposure() / 1000:g}", "s", self._exposures()),
            Property("roi", self._roi(), "", "x,y,width,height"),
        ]
        if "Binning" in self._names:
            allowed = ", ".join(self._words("Binning"))
            common.append(Property("binning", str(self._binning()), "", allowed))
        types = self._pixel_types()
        if types:
            common.append(Property("pixel_type", self.pixel_type().name, "", ", ".join(types)))
        return (*common, *(self._own(name) for name in self._names))

    def set(self, name: str, value: str) -> None:
        """Set a property; raises as ``Camera.set`` does."""
        if name not in [p.name for p in self.listed()]:
            raise unknown_property(name, [p.name for p in self.listed()])
        if name == "exposure":
            low, high = self._exposure_limits()
            self._core.setExposure(1000 * number_in(name, value, low, high, "s"))
        elif name == "roi":
            self._set_roi(value)
        elif name == "binning":
            self._core.clearROI()
            self._set_own("Binning", one_of(name, value, self._words("Binning")), name)
        elif name == "pixel_type":
            types = self._pixel_types()
            self._set_own("PixelType", types[one_of(name, value, types)], name)
        else:
            self._set_own(name, value, name)

    def pixel_type(self) -> np.dtype[Any]:
        """Return the type of a pixel."""
        return np.dtype(f"<u{self._core.getBytesPerPixel()}")

    def _set_roi(self, value: str) -> None:
        core, binning, before = self._core, self._binning(), self._core.getROI()
        sensor = self._whole_sensor()
        try:
            x, y, width, height = region_in(value, sensor, (binning, binning))
            wanted = [n // binning for n in (x, y, width, height)]
            core.setROI(*wanted)
        except UsageError:
            core.setROI(*before)
            raise
        except FAULTS as error:
            core.setROI(*before)
            raise refused("roi", value, "not taken by the camera", id="PYR-CAM-06") from error
        if list(core.getROI()) != wanted:
            mend = f"{self._roi()} would be"
            core.setROI(*before)
            raise UsageError("roi", "not taken as it is", value, mend, id="PYR-CAM-06")

    def _set_own(self, own: str, value: str, name: str) -> None:
        """Set a property of the device; `name` is what the user called it."""
        core, label = self._core, self._label
        if core.isPropertyReadOnly(label, own):
            raise read_only(name)
        words = self._words(own)
        if words:
            one_of(name, value, words)
        elif core.hasPropertyLimits(label, own):
            low = core.getPropertyLowerLimit(label, own)
            number_in(name, value, low, core.getPropertyUpperLimit(label, own))
        try:
            core.setProperty(label, own, value)
        except FAULTS as error:
            raise refused(name, value, "not taken by the camera") from error

    def _own(self, name: str) -> Property:
        core, label = self._core, self._label
        allowed = ", ".join(self._words(name)) or "any"
        if core.hasPropertyLimits(label, name):
            low = core.getPropertyLowerLimit(label, name)
            allowed = limits(low, core.getPropertyUpperLimit(label, name))
        if core.isPropertyReadOnly(label, name):
            allowed = ""
        return Property(name, core.getProperty(label, name), "", allowed)

    def _words(self, own: str) -> tuple[str, ...]:
        return tuple(self._core.getAllowedPropertyValues(self._label, own))

    def _exposure_limits(self) -> tuple[float, float]:
        """Return the shortest and longest exposure in seconds."""
        core, label = self._core, self._label
        if "Exposure" in self._names and core.hasPropertyLimits(label, "Exposure"):
            low = core.getPropertyLowerLimit(label, "Exposure")
            return low / 1000, core.getPropertyUpperLimit(label, "Exposure") / 1000
        return 0.0, _LONGEST_S

    def _exposures(self) -> str:
        return limits(*self._exposure_limits())

    def _binning(self) -> int:
        """Return the binning; some cameras write 2 as ``2x2``."""
        shown = self._core.getProperty(self._label, "Binning") if "Binning" in self._names else "1"
        return int(found[0]) if (found := re.match(r"[1-9]\d*", shown)) else 1

    def _whole_sensor(self) -> tuple[int, int]:
        """Return height and width of the sensor in its own pixels."""
        self._core.clearROI()
        binning = self._binning()
        return self._core.getImageHeight() * binning, self._core.getImageWidth() * binning

    def _roi(self) -> str:
        """Return the region in pixels of the sensor; the core counts in pixels of a frame."""
        return ",".join(str(n * self._binning()) for n in self._core.getROI())

    def _pixel_types(self) -> dict[str, str]:
        """Return the device's word for each type: ``16bit`` or ``Mono16`` for ``uint16``."""
        found: dict[str, tuple[int, str]] = {}
        for word in self._words("PixelType") if "PixelType" in self._names else ():
            bits = re.search(r"\d+", word)
            if bits is None or "rgb" in word.lower() or not 8 <= int(bits[0]) <= 16:
                continue
            name = "uint8" if int(bits[0]) == 8 else "uint16"
            found[name] = max(found.get(name, (0, "")), (int(bits[0]), word))
        return {name: word for name, (_, word) in found.items()}
