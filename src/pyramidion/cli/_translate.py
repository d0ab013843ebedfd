"""Whatever ends a command, as one of our errors."""

from __future__ import annotations

import difflib
import os
from typing import Any

from typer.exceptions import TyperException

from pyramidion.core import MissingError, PyramidionError, StoppedError, UsageError, escape


def translate(error: BaseException) -> PyramidionError:
    """Return the error to print for anything that was raised.

    Parameters
    ----------
    error : BaseException
        Ours, the option parser's, Ctrl-C, or one that nobody foresaw.
    """
    if isinstance(error, PyramidionError):
        return error
    if isinstance(error, KeyboardInterrupt):
        return _stopped(error)
    if isinstance(error, TyperException):
        return _usage(error)
    if isinstance(error, MemoryError):
        return PyramidionError(
            "memory", "not enough memory", mend="use fewer --workers", id="PYR-ALL-24"
        )
    if isinstance(error, OSError) and error.errno:
        return _failed_call(error)
    what = escape(f"{type(error).__name__}: {error}", limit=200)
    return PyramidionError(
        "internal error", what, mend="please report it with the output of --debug", id="PYR-ALL-99"
    )


def _failed_call(error: OSError) -> PyramidionError:
    from pyramidion.storage import storage_error

    if error.filename:
        return storage_error(error, os.fsdecode(error.filename), "failed")
    if isinstance(error, FileNotFoundError):  # who asks where we are, names no file
        return MissingError(
            ".", "this folder was removed", mend="change to another one", id="PYR-ALL-03"
        )
    return storage_error(error, "a file", "failed")


def _stopped(error: BaseException) -> StoppedError:
    stopped = StoppedError("stopped", "nothing was written", id="PYR-ALL-27")
    stopped.__cause__ = error
    return stopped


def _usage(error: Any) -> UsageError:
    """Put the option parser's faults in our words; it says them with attributes, not types."""
    kind = type(error).__name__
    if kind == "NoSuchOption":
        return _unknown_option(error)
    if kind == "MissingParameter":
        return UsageError(_name(error), "missing", mend="see --help", id="PYR-ALL-02")
    if kind in ("BadParameter", "BadArgumentUsage", "BadOptionUsage"):
        return UsageError(
            _name(error), escape(error.message, 160), mend="see --help", id="PYR-ALL-13"
        )
    return UsageError(
        "arguments", escape(error.format_message(), 160), mend="see --help", id="PYR-ALL-02"
    )


def _unknown_option(error: Any) -> UsageError:
    known: list[str] = []
    if error.ctx is not None:
        known = [option for p in error.ctx.command.params for option in getattr(p, "opts", [])]
    close = difflib.get_close_matches(
        error.option_name, [k for k in known if k.startswith("--")], n=1
    )
    mend = f"did you mean {close[0]}?" if close else "see --help"
    return UsageError(error.option_name, "unknown option", mend=mend, id="PYR-ALL-02")


def _name(error: Any) -> str:
    param = getattr(error, "param", None)
    if param is None:
        return getattr(error, "option_name", None) or "arguments"
    options = [o for o in getattr(param, "opts", []) if o.startswith("--")]
    return options[0] if options else str(getattr(param, "name", "arguments")).upper()
