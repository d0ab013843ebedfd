"""Errors about the header, in one form."""

from __future__ import annotations

from pyramidion.core import DataError


def header_error(
    where: str, key: str, what: str, value: object = None, mend: str | None = None, *, row: int
) -> DataError:
    """Return the error to raise for a key of the header.

    Parameters
    ----------
    where : str
        The dataset, as the user named it.
    key : str
        The key, without its brackets.
    what, value, mend
        See :class:`pyramidion.core.PyramidionError`.
    row : int
        Number of the fault: 5 for ``PYR-IDX-05``.

    Examples
    --------
    >>> str(header_error("a.idx", "bits", "empty", row=5))
    'a.idx: (bits): empty'
    """
    return DataError(f"{where}: ({key})", what, value, mend, id=f"PYR-IDX-{row:02}")


def not_a_header(where: str, looks: str) -> DataError:
    """Return the error for a file that is something else."""
    return DataError(
        where, "not an IDX header", looks, "name the .idx file of a dataset", id="PYR-IDX-01"
    )
