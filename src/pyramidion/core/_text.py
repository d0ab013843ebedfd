"""Foreign text made safe to show: names and values from files are data, never markup."""

from __future__ import annotations


def escape(value: object, limit: int = 80) -> str:
    r"""Show a foreign value on one line.

    Parameters
    ----------
    value : object
        Anything; ``bytes`` are shown as text where they are printable.
    limit : int
        Longest result in characters; a cut is marked with ``...``.

    Returns
    -------
    str
        Text without control characters, line breaks, surrogates or direction marks.

    Examples
    --------
    >>> escape("a\nb")
    'a\\nb'
    """
    text = value.decode("utf-8", "backslashreplace") if isinstance(value, bytes) else str(value)
    text = text[: limit * 4]
    shown = "".join(
        c if c.isprintable() else c.encode("unicode_escape", "surrogatepass").decode("ascii")
        for c in text
    )
    return shown if len(shown) <= limit else shown[: limit - 3] + "..."
