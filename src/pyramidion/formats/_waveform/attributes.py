"""The root attributes of a waveform store: written from a spec, read back into one.

The names are those of ZoomingOnline, so that its viewer opens our stores and we open its stores:
``value = code * vertical_gains[channel][trc] - vertical_offsets[channel][trc]``.
"""

from __future__ import annotations

import json
import math
from collections.abc import Mapping
from typing import Any

import numpy as np

from pyramidion import __version__
from pyramidion.core import DataError, WaveformSpec, plain_dtype, waveform_axes

LAYOUT = 1
"""Version of the store's layout; a newer one is refused by an older program."""

_OWN = {
    "pyramidion",
    "horiz_interval",
    "horiz_offset",
    "horiz_unit",
    "vertical_gains",
    "vertical_offsets",
    "vertical_unit",
    "trigger_times",
    "trigger_offsets",
    "clip_codes",
    "start_time",
    "instrument",
    "multiscales",
    "zarr_conventions",
}


def to_attributes(spec: WaveformSpec) -> dict[str, Any]:
    """Return the attributes that describe a waveform (JSON values; NaN becomes null)."""
    attributes: dict[str, Any] = {k: v for k, v in spec.attributes.items() if k not in _OWN}
    attributes |= {
        "pyramidion": {"kind": "waveform", "layout": LAYOUT, "version": __version__},
        "horiz_interval": spec.interval,
        "horiz_offset": spec.offset,
        "horiz_unit": spec.time_unit,
        "vertical_gains": np.asarray(spec.gains, float).tolist(),
        "vertical_offsets": np.asarray(spec.offsets, float).tolist(),
        "vertical_unit": spec.unit,
    }
    for name in ("trigger_times", "trigger_offsets", "clip_codes"):
        values = getattr(spec, name)
        if values is not None:
            attributes[name] = _nulled(np.asarray(values, float).tolist())
    if spec.start_time:
        attributes["start_time"] = spec.start_time
    if spec.instrument:
        attributes["instrument"] = dict(spec.instrument)
    return attributes


def from_attributes(
    attributes: Mapping[str, Any], shape: tuple[int, ...], dtype: np.dtype[Any], where: str
) -> WaveformSpec:
    """Read a store's attributes; missing ones get the defaults of the old tool, with a warning.

    Parameters
    ----------
    attributes : mapping
        Root attributes.
    shape, dtype
        Of the array ``raw``.
    where : str
        The store, named in errors.

    Raises
    ------
    DataError
        If the store was written by a newer program, or an attribute has the wrong length or value.
    """
    own = attributes.get("pyramidion")
    if isinstance(own, Mapping) and own.get("layout", 0) > LAYOUT:
        raise DataError(
            where,
            f"written by version {own.get('version')}, this is {__version__}",
            mend="upgrade",
            id="PYR-ZAR-12",
        )
    warnings: list[str] = []
    interval = _number(attributes, "horiz_interval", 1e-9, where, warnings, "1 ns assumed")
    if not interval > 0:
        raise DataError(where, "horiz_interval: must be above 0", interval, id="PYR-H5-19")
    offset = _number(attributes, "horiz_offset", 0.0, where, [], "")
    lead = tuple(int(n) for n in shape[:-1])
    return WaveformSpec(
        axes=waveform_axes(shape, interval, offset, str(attributes.get("horiz_unit", "s"))),
        dtype=plain_dtype(dtype, where, id="PYR-ZAR-05"),
        gains=_per_trace(attributes, "vertical_gains", 1.0, lead[:2], where, warnings),
        offsets=_per_trace(attributes, "vertical_offsets", 0.0, lead[:2], where, warnings),
        unit=str(attributes.get("vertical_unit", "V")),
        trigger_times=_exact(attributes, "trigger_times", lead, where),
        trigger_offsets=_exact(attributes, "trigger_offsets", lead, where),
        clip_codes=_exact(attributes, "clip_codes", (*lead[:2], 2), where),
        start_time=attributes.get("start_time"),
        instrument=attributes.get("instrument", {}),
        attributes={k: v for k, v in attributes.items() if k not in _OWN},
        warnings=tuple(warnings),
    )


def multiscales(factors: tuple[int, ...]) -> dict[str, Any]:
    """Return the zarr-conventions description of the levels, coarsest first on disk.

    Parameters
    ----------
    factors : tuple of int
        Samples per bin, finest first.

    Notes
    -----
    Source: zarr-conventions ``multiscales`` version 1 (a proposal). It describes one array per
    level; that a level holds a pair, minima and maxima on the axis ``stat``, is our addition.
    """
    layout: list[dict[str, Any]] = [{"asset": "raw"}]
    for level, factor in enumerate(factors):
        layout.append(
            {
                "asset": f"overview/{len(factors) - 1 - level}",
                "derived_from": "raw" if level == 0 else f"overview/{len(factors) - level}",
                "transform": {
                    "scale": [1.0, 1.0, 1.0, float(factor)],
                    "translation": [0.0, 0.0, 0.0, (factor - 1) / 2],
                },
                "resampling_method": "minmax",
            }
        )
    return {
        "zarr_conventions": [
            {"name": "multiscales", "uuid": "d35379db-88df-4056-af3a-620245f8e347"}
        ],
        "multiscales": {"layout": layout, "resampling_method": "minmax"},
    }


def seal(root: dict[str, Any]) -> None:
    """Put a checksum of a root document into it, so that ``verify`` finds a flipped bit there too.

    Parameters
    ----------
    root : dict
        The root ``zarr.json`` with its consolidated metadata; changed in place.
    """
    root["attributes"]["pyramidion"]["crc32c"] = _seal_of(root)


def is_sealed(root: Mapping[str, Any]) -> bool | None:
    """Tell whether a root document is as it was written; None when it was never sealed."""
    kept = root.get("attributes", {}).get("pyramidion", {}).get("crc32c")
    return None if kept is None else kept == _seal_of(root)


def _seal_of(root: Mapping[str, Any]) -> str:
    import google_crc32c

    own = {k: v for k, v in root["attributes"]["pyramidion"].items() if k != "crc32c"}
    document = {**root, "attributes": {**root["attributes"], "pyramidion": own}}
    text = json.dumps(document, sort_keys=True, ensure_ascii=True, allow_nan=False)
    return f"{google_crc32c.value(text.encode()):08x}"


def _number(
    attributes: Mapping[str, Any],
    name: str,
    default: float,
    where: str,
    warnings: list[str],
    told: str,
) -> float:
    value = attributes.get(name)
    if value is None:
        if told:
            warnings.append(f"{name} is not in the store: {told}")
        return default
    found = np.asarray(value, object).reshape(-1)
    if not found.size or not isinstance(found[0], int | float) or not math.isfinite(found[0]):
        raise DataError(where, f"{name}: not a number", value, id="PYR-H5-19")
    return float(found[0])


def _per_trace(
    attributes: Mapping[str, Any],
    name: str,
    default: float,
    lead: tuple[int, ...],
    where: str,
    warnings: list[str],
) -> np.ndarray:
    """Read one value per (channel, trc); the old converter wrote one per channel."""
    if attributes.get(name) is None:
        warnings.append(f"{name} is not in the store: {default:g} assumed")
        return np.full(lead, default)
    values = _array(attributes[name], name, where)
    if values.shape == lead:
        return values
    if values.shape in ((), (1,), (1, 1)):
        return np.full(lead, values.reshape(-1)[0])
    if values.shape in ((lead[0],), (lead[0], 1)):
        return np.repeat(values.reshape(-1, 1), lead[1], axis=1)
    raise DataError(
        where, f"{name} has {values.size} values for {lead[0]} channels", id="PYR-H5-18"
    )


def _exact(
    attributes: Mapping[str, Any], name: str, shape: tuple[int, ...], where: str
) -> np.ndarray | None:
    if attributes.get(name) is None:
        return None
    values = _array(attributes[name], name, where)
    if values.shape != shape:
        raise DataError(where, f"{name} has shape {values.shape}, {shape} expected", id="PYR-H5-18")
    return values


def _array(value: Any, name: str, where: str) -> np.ndarray:
    try:
        return np.array(value, np.float64)
    except (TypeError, ValueError) as error:
        raise DataError(where, f"{name}: not numbers", value, id="PYR-H5-18") from error


def _nulled(value: Any) -> Any:
    if isinstance(value, list):
        return [_nulled(v) for v in value]
    return value if math.isfinite(value) else None
