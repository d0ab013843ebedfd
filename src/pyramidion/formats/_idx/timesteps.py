"""The time steps of an IDX dataset, and what their folders are called."""

from __future__ import annotations

import re

from pyramidion.formats._idx.errors import header_error

MAX_STEPS = 1_000_000
_RANGE = re.compile(r"\((-?[0-9]{1,12}),(-?[0-9]{1,12}),(-?[0-9]{1,12})\)")
_WHOLE = re.compile(r"-?[0-9]{1,18}")
_CONVERSION = re.compile(r"%(0*)([0-9]{0,2})d")


def parse_times(text: str, where: str) -> tuple[tuple[int, ...], str]:
    """Read the value of ``(time)``.

    Returns
    -------
    (time steps in rising order, template of the folder's name)

    Raises
    ------
    DataError
        IDX-10.

    Examples
    --------
    >>> parse_times("time%02d/ (0,10,5) (20,20,1)", "a.idx")
    ((0, 5, 10, 20), 'time%02d/')
    """
    words = text.split()
    if len(words) >= 2 and all(_WHOLE.fullmatch(word) for word in words[:2]):
        ranges = [(int(words[0]), int(words[1]), 1)]
        template = words[2] if len(words) > 2 else ""
    else:
        template = words[0] if words else ""
        found = [_RANGE.fullmatch(word) for word in words[1:]]
        if not found or not all(found):
            raise no_steps(text, where)
        ranges = [(int(m[1]), int(m[2]), int(m[3])) for m in found if m]
    times = expand(ranges, where, text)
    check_time_template(template, len(times), where)
    return times, template


def expand(ranges: list[tuple[int, int, int]], where: str, shown: str) -> tuple[int, ...]:
    """Return all steps of ranges (first, last, step), both ends included."""
    if not ranges or any(step < 1 or last < first for first, last, step in ranges):
        raise no_steps(shown, where)
    if sum((last - first) // step + 1 for first, last, step in ranges) > MAX_STEPS:
        raise header_error(
            where, "time", f"more than {MAX_STEPS:_} time steps".replace("_", " "), shown, row=10
        )
    return tuple(sorted({t for first, last, step in ranges for t in range(first, last + 1, step)}))


def no_steps(text: str, where: str) -> Exception:
    """Return the error for a list that names no step."""
    return header_error(where, "time", "no time steps", text or None, "list them", row=10)


def check_time_template(template: str, n_steps: int, where: str) -> None:
    """Refuse a template that gives all steps one name, or that leaves the dataset."""
    rest, n_found = _CONVERSION.subn("0", template)
    if "%" in rest or n_found > 1 or template.startswith("/") or ".." in template:
        raise header_error(where, "time", "must stay inside the dataset", template, row=10)
    if template and not n_found and n_steps > 1:
        raise header_error(
            where, "time", "no time steps can be told apart", template, "write %d in it", row=10
        )


def format_times(times: tuple[int, ...], template: str) -> str:
    """Write the value of ``(time)``.

    Examples
    --------
    >>> format_times((0, 1, 2), "t%d/"), format_times((0, 5, 10, 20), "t%d/")
    ('0 2 t%d/', 't%d/ (0,10,5) (20,20,1)')
    """
    if times == tuple(range(times[0], times[-1] + 1)):
        return f"{times[0]} {times[-1]} {template}"
    return " ".join([template, *(f"({a},{b},{step})" for a, b, step in _ranges(times))])


def time_name(template: str, time: int) -> str:
    """Return what C's printf makes of the template.

    Examples
    --------
    >>> time_name("time%05d/", 3), time_name("%00000d/", 7)
    ('time00003/', '7/')
    """
    found = _CONVERSION.search(template)
    if not found:
        return template
    width = int(found[2] or 0)
    number = f"{time:0{width}d}" if found[1] and width else f"{time:{width}d}"
    return template[: found.start()] + number + template[found.end() :]


def _ranges(times: tuple[int, ...]) -> list[tuple[int, int, int]]:
    """Gather steps of one distance."""
    ranges: list[tuple[int, int, int]] = []
    at = 0
    while at < len(times):
        step = times[at + 1] - times[at] if at + 1 < len(times) else 1
        end = at
        while end + 1 < len(times) and times[end + 1] - times[end] == step:
            end += 1
        ranges.append((times[at], times[end], step if end > at else 1))
        at = end + 1
    return ranges
