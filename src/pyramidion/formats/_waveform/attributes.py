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
from pyramidion.core import DataError, WaveformSpec, escape, plain_dtype, waveform_axes
from pyramidion.formats._waveform.documents import LIMIT_BYTES, LIMIT_DEPTH, parse_json

LAYOUT = 1
"""Version of the store's layout; a newer one is refused by an older program."""
_LONGEST_BITS = 2**13  # Python writes no whole number of more than 4300 digits
_ROOM_BYTES = 2**18  # of a root document, for what stands there beside the attributes

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
    """Return the attributes that describe a waveform: strictly valid JSON, whatever the source had.

    NaN and infinities become null, lone surrogates and bytes that are no text are escaped, numpy
    scalars and arrays become numbers and lists, anything else its text.
    """
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
            attributes[name] = np.asarray(values, float).tolist()
    if spec.start_time:
        attributes["start_time"] = spec.start_time
    if spec.instrument:
        attributes["instrument"] = dict(spec.instrument)
    told: dict[str, Any] = plain(attributes)
    return told


def check_writable(spec: WaveformSpec) -> None:
    """Refuse a waveform whose store could not be opened again; to be called before it is written.

    Raises
    ------
    DataError
        If a gain, an offset or the interval is not a finite number, or the source's own attributes
        are larger or deeper than this program reads.
    """
    where = "the source"
    document = {"attributes": {"attributes": to_attributes(spec)}}
    data = json.dumps(document, indent=1, allow_nan=False, ensure_ascii=False).encode()
    if len(data) > LIMIT_BYTES - _ROOM_BYTES:
        raise DataError(
            where, f"attributes are over the limit of {LIMIT_BYTES} B", len(data), id="PYR-H5-18"
        )
    attributes = parse_json(data, where)["attributes"]["attributes"]
    from_attributes(attributes, spec.shape, spec.dtype, where)


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
    check_version(attributes.get("pyramidion"), where)
    warnings: list[str] = []
    interval = _number(attributes, "horiz_interval", 1e-9, where, warnings, "1 ns assumed")
    if not interval > 0:
        raise DataError(where, "horiz_interval: must be above 0", interval, id="PYR-H5-19")
    offset = _number(attributes, "horiz_offset", 0.0, where, [], "")
    lead = tuple(int(n) for n in shape[:-1])
    unit = _text(attributes, "vertical_unit", where)
    instrument = attributes.get("instrument", {})
    if not isinstance(instrument, Mapping):
        warnings.append(f"instrument is not an object: {escape(instrument)} ignored")
        instrument = {}
    return WaveformSpec(
        axes=waveform_axes(shape, interval, offset, _text(attributes, "horiz_unit", where) or "s"),
        dtype=plain_dtype(dtype, where, id="PYR-ZAR-05"),
        gains=_per_trace(attributes, "vertical_gains", 1.0, lead[:2], where, warnings),
        offsets=_per_trace(attributes, "vertical_offsets", 0.0, lead[:2], where, warnings),
        unit="V" if unit is None else unit,
        trigger_times=_exact(attributes, "trigger_times", lead, where),
        trigger_offsets=_exact(attributes, "trigger_offsets", lead, where),
        clip_codes=_exact(attributes, "clip_codes", (*lead[:2], 2), where),
        start_time=_text(attributes, "start_time", where),
        instrument=instrument,
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
    attributes = root.get("attributes")
    own = attributes.get("pyramidion") if isinstance(attributes, Mapping) else None
    kept = own.get("crc32c") if isinstance(own, Mapping) else None
    if kept is None:
        return None
    try:
        return bool(kept == _seal_of(root))
    except ValueError:  # NaN, which is never written
        return False


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
    found = _numbers(value)
    if found is None or not found.size or not math.isfinite(found.flat[0]):
        raise DataError(where, f"{name}: not a number", value, id="PYR-H5-19")
    return float(found.flat[0])


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
    if not np.isfinite(values).all():
        raise DataError(where, f"{name}: must be finite numbers", attributes[name], id="PYR-H5-19")
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
    found = _numbers(value)
    if found is None:
        raise DataError(where, f"{name}: not numbers", value, id="PYR-H5-18")
    return found


def _numbers(value: Any) -> np.ndarray | None:
    """Return JSON numbers as float64, null as NaN; None when there is anything else among them."""
    try:
        found = np.asarray(value)
        if found.dtype.kind == "O" and not all(_is_number_or_null(v) for v in found.flat):
            return None
        return None if found.dtype.kind not in "iufO" else found.astype(np.float64)
    except (TypeError, ValueError, OverflowError):  # ragged lists, numbers of 400 digits
        return None


def _is_number_or_null(value: Any) -> bool:
    return value is None or (isinstance(value, int | float) and not isinstance(value, bool))


def _text(attributes: Mapping[str, Any], name: str, where: str) -> str | None:
    value = attributes.get(name)
    if value is not None and not isinstance(value, str):
        raise DataError(where, f"{name}: not text", value, id="PYR-H5-18")
    return value


def check_version(own: Any, where: str) -> None:
    if own is None:
        return
    layout = own.get("layout", 0) if isinstance(own, Mapping) else None
    if not isinstance(layout, int) or isinstance(layout, bool):
        raise DataError(where, "pyramidion: has no layout number", own, id="PYR-ZAR-12")
    if layout > LAYOUT:
        raise DataError(
            where,
            f"written by version {escape(own.get('version'))}, this is {__version__}",
            mend="upgrade",
            id="PYR-ZAR-12",
        )


def plain(value: Any, depth: int = 0) -> Any:
    """Return a value as strictly valid JSON has it; what is nested deeper than we read is null."""
    if depth > LIMIT_DEPTH:
        return None
    if isinstance(value, np.ndarray | np.generic):
        value = value.tolist()
    if isinstance(value, Mapping):
        return {_plain_text(k): plain(v, depth + 1) for k, v in value.items()}
    if isinstance(value, list | tuple | set | frozenset):
        return [plain(v, depth + 1) for v in value]
    if value is None or isinstance(value, bool):
        return value
    if isinstance(value, int):
        return int(value) if value.bit_length() < _LONGEST_BITS else hex(value)
    if isinstance(value, float):
        return float(value) if math.isfinite(value) else None
    return _plain_text(value)


def _plain_text(value: Any) -> str:
    if isinstance(value, bytes | bytearray):
        return value.decode("utf-8", "backslashreplace")
    text = value if isinstance(value, str) else str(value)
    return text.encode("utf-8", "backslashreplace").decode("utf-8")
