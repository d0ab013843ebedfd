"""The fields of a LeCroy WAVEDESC block, template LECROY_2_3: a table, nothing else.

Offsets are relative to the ``W`` of WAVEDESC; struct codes follow Python's `struct`.

Source: the template that the instruments themselves print (answer to ``TMPL?``), and what several
independent readers agree on; see ``docs/reference/trc.md``.
"""

from __future__ import annotations

PREFIX_LIMIT = 64
"""WAVEDESC is looked for in so many first bytes of a file."""

DESCRIPTOR_BYTES = 346
TEMPLATE = "LECROY_2_3"

FIELDS = (
    # name, offset, struct code
    ("TEMPLATE_NAME", 16, "16s"),
    ("COMM_TYPE", 32, "h"),
    ("COMM_ORDER", 34, "h"),
    ("WAVE_DESCRIPTOR", 36, "i"),
    ("USER_TEXT", 40, "i"),
    ("RES_DESC1", 44, "i"),
    ("TRIGTIME_ARRAY", 48, "i"),
    ("RIS_TIME_ARRAY", 52, "i"),
    ("RES_ARRAY1", 56, "i"),
    ("WAVE_ARRAY_1", 60, "i"),
    ("WAVE_ARRAY_2", 64, "i"),
    ("INSTRUMENT_NAME", 76, "16s"),
    ("INSTRUMENT_NUMBER", 92, "i"),
    ("TRACE_LABEL", 96, "16s"),
    ("WAVE_ARRAY_COUNT", 116, "i"),
    ("PNTS_PER_SCREEN", 120, "i"),
    ("FIRST_VALID_PNT", 124, "i"),
    ("LAST_VALID_PNT", 128, "i"),
    ("FIRST_POINT", 132, "i"),
    ("SPARSING_FACTOR", 136, "i"),
    ("SEGMENT_INDEX", 140, "i"),
    ("SUBARRAY_COUNT", 144, "i"),
    ("SWEEPS_PER_ACQ", 148, "i"),
    ("POINTS_PER_PAIR", 152, "h"),
    ("PAIR_OFFSET", 154, "h"),
    ("VERTICAL_GAIN", 156, "f"),
    ("VERTICAL_OFFSET", 160, "f"),
    ("MAX_VALUE", 164, "f"),
    ("MIN_VALUE", 168, "f"),
    ("NOMINAL_BITS", 172, "h"),
    ("NOM_SUBARRAY_COUNT", 174, "h"),
    ("HORIZ_INTERVAL", 176, "f"),
    ("HORIZ_OFFSET", 180, "d"),
    ("PIXEL_OFFSET", 188, "d"),
    ("VERTUNIT", 196, "48s"),
    ("HORUNIT", 244, "48s"),
    ("HORIZ_UNCERTAINTY", 292, "f"),
    ("TRIGGER_SECONDS", 296, "d"),
    ("TRIGGER_MINUTES", 304, "B"),
    ("TRIGGER_HOURS", 305, "B"),
    ("TRIGGER_DAYS", 306, "B"),
    ("TRIGGER_MONTHS", 307, "B"),
    ("TRIGGER_YEAR", 308, "h"),
    ("ACQ_DURATION", 312, "f"),
    ("RECORD_TYPE", 316, "h"),
    ("PROCESSING_DONE", 318, "h"),
    ("RIS_SWEEPS", 322, "h"),
    ("TIMEBASE", 324, "h"),
    ("VERT_COUPLING", 326, "h"),
    ("PROBE_ATT", 328, "f"),
    ("FIXED_VERT_GAIN", 332, "h"),
    ("BANDWIDTH_LIMIT", 334, "h"),
    ("VERTICAL_VERNIER", 336, "f"),
    ("ACQ_VERT_OFFSET", 340, "f"),
    ("WAVE_SOURCE", 344, "h"),
)
"""What is read. Reserved fields are left out; TRIGGER_TIME is spread over its six parts."""
