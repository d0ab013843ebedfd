"""Properties by name and as text, where the library has numbers."""

from __future__ import annotations

import re

import numpy as np

from pyramidion.core import UsageError
from pyramidion.instruments._camera import Property
from pyramidion.instruments._dcam.constants import (
    ALIASES,
    IDS,
    NAMES,
    PIXEL_TYPES,
    TYPE_LONG,
    TYPE_MASK,
    TYPE_MODE,
    UNITS,
    WORDS,
    Attr,
    Err,
)
from pyramidion.instruments._dcam.device import Device
from pyramidion.instruments._dcam.library import DcamError
from pyramidion.instruments._dcam.structs import PropAttr
from pyramidion.instruments._settings import (
    limits,
    number_in,
    one_of,
    read_only,
    unknown_property,
    whole_in,
)

REFUSED = frozenset(
    (
        Err.INVALIDVALUE,
        Err.OUTOFRANGE,
        Err.NOTWRITABLE,
        Err.INVALIDPROPERTYID,
        Err.INVALIDSUBARRAY,
        Err.ACCESSDENY,
        Err.WRONGPROPERTYVALUE,
        Err.NOTSUPPORT,
        Err.NOTIMPLEMENT,
    )
)
"""Errors that are about the value, not about the camera."""

_NO_LIMIT = 10**15


class Properties:
    """The properties of an open camera.

    Parameters
    ----------
    device : Device
        Asked each time: one property moves the limits of others.

    Raises
    ------
    DcamError
        From every method, if the camera fails.
    """

    def __init__(self, device: Device) -> None:
        self._device = device
        self._ids: dict[str, int] = {}
        for prop in device.ids():
            name = NAMES.get(prop) or _snake(device.name(prop)) or f"property_{prop:08x}"
            self._ids[name if name not in self._ids else f"{name}_{prop:08x}"] = prop

    @property
    def names(self) -> tuple[str, ...]:
        """Every name, as the camera lists them."""
        return tuple(self._ids)

    def listed(self) -> tuple[Property, ...]:
        """Return every property that can be read now."""
        found = (self._listed(name, prop) for name, prop in self._ids.items())
        return tuple(p for p in found if p is not None)

    def number(self, name: str) -> float | None:
        """Return a property as the library has it; None if the camera does not have it."""
        if name not in self._ids:
            return None
        try:
            return self._device.value(self._ids[name])
        except DcamError as error:
            if error.code == Err.NOCONNECTION:
                raise
            return None

    def word(self, name: str) -> str:
        """Return a property as text; empty if the camera does not have it."""
        value = self.number(name)
        return "" if value is None else self._text(self._ids[name], value)

    def set(self, name: str, text: str) -> None:
        """Set a property.

        Raises
        ------
        UsageError
            If there is none of that name, it cannot be written, or the value is not allowed.
        """
        prop = self._ids.get(ALIASES.get(name, name))
        if prop is None:
            raise unknown_property(name, self.names)
        attr = self._device.attr(prop)
        if not attr.attribute & Attr.WRITABLE:
            raise read_only(name)
        value = self._number_of(name, prop, attr, text.strip())
        try:
            self._device.set_value(prop, value)
        except DcamError as error:
            if error.code in REFUSED:
                raise refused_by_camera(self._device, name, text, error) from None
            raise

    def _listed(self, name: str, prop: int) -> Property | None:
        try:
            attr = self._device.attr(prop)
            if not attr.attribute & Attr.READABLE:
                return None
            text = self._text(prop, self._device.value(prop), attr)
            return Property(name, text, UNITS.get(attr.unit, ""), self._allowed(prop, attr))
        except DcamError as error:
            if error.code == Err.NOCONNECTION:
                raise
            return None

    def _allowed(self, prop: int, attr: PropAttr) -> str:
        if not attr.attribute & Attr.WRITABLE:
            return ""
        if _is_mode(attr):
            return ", ".join(self._words(prop, attr).values())
        if not attr.attribute & Attr.HASRANGE:
            return "a number"
        shown = limits(attr.value_min, attr.value_max)
        step = _checked_step(attr)
        return f"{shown}, in steps of {plain(step)}" if step else shown

    def _text(self, prop: int, value: float, attr: PropAttr | None = None) -> str:
        if _is_mode(attr or self._device.attr(prop)):
            return self._word(prop, value)
        return plain(value)

    def _word(self, prop: int, value: float) -> str:
        known = WORDS.get(prop, {}).get(int(value), "")
        return known or _snake(self._device.value_text(prop, value)) or plain(value)

    def _words(self, prop: int, attr: PropAttr) -> dict[float, str]:
        values = self._device.values(prop, attr.value_min)
        words = {v: self._word(prop, v) for v in values if v <= attr.value_max}
        if prop == IDS["pixel_type"]:
            return {v: w for v, w in words.items() if int(v) in PIXEL_TYPES}
        return words

    def _number_of(self, name: str, prop: int, attr: PropAttr, text: str) -> float:
        """Return the number of a value as typed.

        Raises
        ------
        UsageError
            If it is not allowed.
        """
        if _is_mode(attr):
            return self._number_of_word(name, prop, attr, text)
        low, high = attr.value_min, attr.value_max
        if not attr.attribute & Attr.HASRANGE:
            low, high = -_NO_LIMIT, _NO_LIMIT
        if attr.attribute & TYPE_MASK == TYPE_LONG:
            value: float = whole_in(name, text, int(low), int(high))
        else:
            value = number_in(name, text, low, high, UNITS.get(attr.unit, ""))
        _check_step(name, attr, value, text)
        return value

    def _number_of_word(self, name: str, prop: int, attr: PropAttr, text: str) -> float:
        numbers = {word: value for value, word in self._words(prop, attr).items()}
        # The camera's own numbers are taken too, but not where 1 is off and 2 is on.
        if "off" not in numbers:
            numbers |= {plain(v): v for v in numbers.values() if plain(v) not in numbers}
        if text.lower() in numbers:
            return numbers[text.lower()]
        one_of(name, text, self._words(prop, attr).values())
        return numbers[text]


def plain(value: float) -> str:
    """Return the shortest decimal of a number: ``0.00001``, ``100``."""
    return np.format_float_positional(value, trim="-")


def refused_by_camera(device: Device, name: str, text: str, error: DcamError) -> UsageError:
    """Return the error for a value that only the camera knows to be wrong."""
    said = device.library.text(device.handle, error.code)
    return UsageError(name, "refused by the camera", text, said, id="PYR-CAM-05")


def _snake(text: str) -> str:
    return re.sub(r"[^a-z0-9]+", "_", text.lower()).strip("_")


def _is_mode(attr: PropAttr) -> bool:
    return bool(attr.attribute & TYPE_MASK == TYPE_MODE)


def _checked_step(attr: PropAttr) -> float:
    """Return the step that a value must keep; 0 where the camera rounds, or there is none."""
    bits = attr.attribute
    if not bits & Attr.HASSTEP or bits & Attr.AUTOROUNDING:
        return 0.0
    whole = bits & TYPE_MASK == TYPE_LONG and attr.value_step == 1
    return 0.0 if whole else float(attr.value_step)


def _check_step(name: str, attr: PropAttr, value: float, text: str) -> None:
    step = _checked_step(attr)
    n_steps = (value - attr.value_min) / step if step > 0 else 0.0
    if abs(n_steps - round(n_steps)) < 1e-6:
        return
    below = attr.value_min + step * np.floor(n_steps)
    near = [plain(float(f"{v:.12g}")) for v in (below, below + step) if v <= attr.value_max]
    from_zero = abs(np.remainder(attr.value_min / step, 1.0)) < 1e-9
    start = "" if from_zero else f" from {plain(attr.value_min)}"
    raise UsageError(
        name, f"multiple of {plain(step)}{start}", text, " or ".join(near), id="PYR-CAM-05"
    )
