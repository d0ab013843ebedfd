"""Names of the files of the modvisus variant, versions 1 to 6."""

from __future__ import annotations

import re
from pathlib import PurePosixPath

from pyramidion.formats._idx.errors import header_error

_CONVERSION = re.compile(r"%0([1-9])x")
_MAX_CONVERSIONS = 16
_HERE = "$(CurrentFileDirectory)"


def default_template(stem: str, block_bits: int) -> str:
    """Return the template that is used when nothing is said.

    Parameters
    ----------
    stem : str
        Name of the .idx file without its ending.
    block_bits : int
        Bits of the number of a block.

    Examples
    --------
    >>> default_template("visus", 20), default_template("visus", 9)
    ('./visus/%02x/%04x.bin', './visus/%04x.bin')
    """
    folders = 0
    while block_bits > 16:
        folders += 1
        block_bits -= 8
    return f"./{stem}{'/%02x' * folders}/%04x.bin"


def check_template(template: str, where: str) -> None:
    """Refuse a template that names files outside of the dataset's folder.

    Raises
    ------
    DataError
        IDX-09.
    """
    shown = _relative(template)
    rest, n_found = _CONVERSION.subn("0", shown)
    path = PurePosixPath(rest)
    leaves = path.is_absolute() or ".." in path.parts or "\\" in rest or re.match("[A-Za-z]:", rest)
    what = "must stay inside the dataset"
    if "%" in rest or n_found > _MAX_CONVERSIONS:
        what += f", with at most {_MAX_CONVERSIONS} conversions %01x to %09x"
    elif path.parts and not leaves and "\0" not in rest and max(map(len, path.parts)) < 256:
        return
    raise header_error(where, "filename_template", what, template, row=9)


def file_name(template: str, first: int, time: str, version: int = 6) -> str:
    """Return the path of a file, relative to the folder of the .idx.

    Parameters
    ----------
    template : str
        Checked by :func:`check_template`.
    first : int
        The first block of the file.
    time : str
        What the template of time makes of the time step.
    version : int
        Version of the format.

    Examples
    --------
    >>> file_name("./q/%01x.bin", 0x10, ""), file_name("./visus/%04x.bin", 0, "time00003/")
    ('q/1/0.bin', 'visus/time00003/0000.bin')
    """
    template = _relative(template)
    found = list(_CONVERSION.finditer(template))
    if not found:
        return template
    begin = found[0].start()
    if version < 5 and len(found) == 1:
        # printf takes as many digits as it needs.
        numbers = [f"{first:0{found[0][1]}x}"]
    else:
        numbers = _digits(first, [int(m[1]) for m in found])
    parts, at = [template[:begin], time], begin
    for match, number in zip(found, numbers, strict=True):
        parts += [template[at : match.start()], number]
        at = match.end()
    return "".join([*parts, template[at:]])


def _digits(first: int, widths: list[int]) -> list[str]:
    """Give each conversion its digits, the rightmost the lowest; the leftmost also what is left."""
    numbers = []
    for width in reversed(widths):
        numbers.append(f"{first & ((1 << 4 * width) - 1):0{width}x}")
        first >>= 4 * width
    while first:
        width = widths[0]
        numbers[-1] = f"{first & ((1 << 4 * width) - 1):0{width}x}/{numbers[-1]}"
        first >>= 4 * width
    return numbers[::-1]


def _relative(template: str) -> str:
    """Strip what stands for the folder of the .idx."""
    if template.startswith(_HERE):
        template = template.removeprefix(_HERE).lstrip("/")
    while template.startswith("./"):
        template = template[2:]
    return template
