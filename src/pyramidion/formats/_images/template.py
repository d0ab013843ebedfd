"""Names of the pictures that are written: ``out/%04d.png``."""

from __future__ import annotations

import re
from dataclasses import dataclass
from pathlib import Path

from pyramidion.core import UsageError

_NUMBER = re.compile(r"%(0\d{1,2}|\d{0,2})d")
_MOST_DIGITS = 40


@dataclass(frozen=True)
class NameTemplate:
    """A name with one number, or without.

    Parameters
    ----------
    folder : Path
        Where the pictures go.
    before, after : str
        The name around the number.
    digits : int
        How many at least; -1 for a name without a number.
    """

    folder: Path
    before: str
    after: str
    digits: int

    @property
    def has_number(self) -> bool:
        """Whether it can name several pictures."""
        return self.digits >= 0

    @property
    def suffix(self) -> str:
        """Ending, in small letters, with the dot."""
        return Path(self.name(0)).suffix.lower()

    def name(self, number: int) -> str:
        """Return the name of a picture, without its folder."""
        if not self.has_number:
            return self.before
        return f"{self.before}{number:0{self.digits}d}{self.after}"

    def number(self, name: str) -> int | None:
        """Return the number in a name; None if it is not one of this template."""
        middle = name[len(self.before) : len(name) - len(self.after)]
        is_number = self.has_number and middle.isascii() and middle.isdecimal()
        if not is_number or self.name(int(middle)) != name:
            return None
        return int(middle)


def picture_folder(path: Path) -> Path:
    """Return the folder that the pictures of a destination go to.

    Examples
    --------
    >>> picture_folder(Path("run/out/%04d.png")).as_posix()
    'run/out'
    """
    return parse_template(path).folder


def parse_template(path: Path) -> NameTemplate:
    """Read the name of a destination.

    Raises
    ------
    UsageError
        If it has a percent sign, but not exactly one ``%d`` or ``%04d``, in its last part.

    Examples
    --------
    >>> parse_template(Path("out/a_%04d.png")).name(7)
    'a_0007.png'
    """
    if "%" not in str(path):
        return NameTemplate(path.parent, path.name, "", -1)
    found = _NUMBER.findall(path.name)
    if len(found) != 1 or str(path).count("%") != 1 or int(found[0] or 0) > _MOST_DIGITS:
        raise UsageError(
            str(path), "one %d needed", mend="write for example out/%04d.png", id="PYR-BOX-06"
        )
    before, after = path.name.split(f"%{found[0]}d")
    return NameTemplate(path.parent, before, after, int(found[0] or 0))
