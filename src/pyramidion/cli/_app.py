"""The list of commands, and how an error becomes one line.

Modules of this package declare options and print; the work is in :mod:`pyramidion.workflows`.
Nothing heavy is imported before a command runs: ``--help`` answers without numpy.
"""

from __future__ import annotations

import contextlib
import difflib
import importlib
import os
import sys

import typer
import typer.main

from pyramidion.cli._signals import catch_signals, stopped_status
from pyramidion.cli._store_options import HIDDEN_BY, HINT, SHOWN_BY, with_store_options
from pyramidion.cli._streams import LONGEST_LINE, flush_output, prepare_streams, tell
from pyramidion.cli.compat import dcam2zarr
from pyramidion.cli.compat.openvisus import STEPS, rewritten

COMMANDS = {
    "demo": ("_demo", "demo"),
    "generate": ("_generate", "generate"),
    "convert": ("_convert", "convert"),
    "acquire": ("_acquire", "acquire"),
    "cameras": ("_cameras", "cameras"),
    "compress": ("_compress", "compress"),
    "import": ("_import", "import_"),
    "upload": ("_upload", "upload"),
    "publish": ("_publish", "publish"),
    "check": ("_check", "check"),
    "serve": ("_serve", "serve"),
    "view": ("_view", "view"),
    "info": ("_info", "info"),
    "verify": ("_verify", "verify"),
    "repair": ("_repair", "repair"),
}
"""Command name, module of this package, function."""

COMPATIBLE = {
    "generate_data": ("compat.zoomingonline", "generate_data"),
    "convert_hdf5_to_zarr": ("compat.zoomingonline", "convert_hdf5_to_zarr"),
    "data_to_s3_importer": ("compat.zoomingonline", "data_to_s3_importer"),
    "cors_server": ("compat.zoomingonline", "cors_server"),
    "convert-image-stack": ("compat.openvisus", "convert_image_stack"),
    "compress-dataset": ("compat.openvisus", "compress_dataset"),
    "copy-dataset": ("compat.openvisus", "copy_dataset"),
    STEPS: ("compat.openvisus", "convert_steps"),
    "dcam2zarr": ("compat.dcam2zarr", "dcam2zarr"),
    "ls_cams": ("compat.dcam2zarr", "ls_cams"),
}
"""Command lines of earlier tools; they work and are not listed."""


def build(names: list[str]) -> typer.Typer:
    """Return the command line with these commands.

    Parameters
    ----------
    names : list of str
        Only their modules are imported.
    """
    app = typer.Typer(
        name="pyramidion",
        add_completion=False,
        rich_markup_mode=None,
        pretty_exceptions_enable=False,
        context_settings={"help_option_names": ["-h", "--help"]},
        help="Arrays too big to look at, from the instrument to the browser.",
        epilog="pyramidion COMMAND --help tells more. --debug shows what went wrong in detail.",
    )
    app.callback(invoke_without_command=False)(_root)
    for name in names:
        module, function = {**COMMANDS, **COMPATIBLE}[name]
        command = getattr(importlib.import_module(f"pyramidion.cli.{module}"), function)
        hint = HINT if name in HIDDEN_BY else None
        if name in SHOWN_BY or hint:
            command = with_store_options(command, hidden=bool(hint))
        app.command(name, hidden=name in COMPATIBLE, epilog=hint)(command)
    return app


def _version(asked: bool) -> None:
    if asked:
        from pyramidion import __version__

        print(f"pyramidion {__version__}")
        raise typer.Exit


def _root(
    version: bool = typer.Option(
        False, "--version", callback=_version, is_eager=True, help="Print the version."
    ),
) -> None:
    """Arrays too big to look at, from the instrument to the browser."""


def main(argv: list[str] | None = None) -> None:
    """Run the command line and leave with its exit status.

    Parameters
    ----------
    argv : list of str, optional
        Without the program's name; by default what the shell gave.
    """
    arguments = list(sys.argv[1:] if argv is None else argv)
    arguments = dcam2zarr.rewritten(rewritten(arguments))
    prepare_streams()
    # numpy's linear algebra is not used; starting its threads costs what a small file takes.
    os.environ.setdefault("OPENBLAS_NUM_THREADS", "1")
    debug = "--debug" in _options_of(arguments)
    if debug:
        arguments.remove("--debug")
    try:
        catch_signals()
        status = _run(arguments)
    except BaseException as error:  # noqa: BLE001 - the top: whatever it is becomes one line
        status = _failed(error, arguments, debug=debug)
    raise SystemExit(_finished(status, arguments))


def _run(arguments: list[str]) -> int:
    name = _command_of(arguments)
    if name is None and not any(a in ("-h", "--help", "--version") for a in arguments):
        from pyramidion.core import UsageError

        raise UsageError(
            "COMMAND", "missing", mend="`pyramidion --help` lists them", id="PYR-ALL-01"
        )
    if name is not None and name not in COMMANDS and name not in COMPATIBLE:
        raise _unknown_command(name)
    command = typer.main.get_command(build([name] if name else list(COMMANDS)))
    # Not `app()`: it has its own ways with Ctrl-C and with a reader who leaves.
    try:
        with command.make_context("pyramidion", arguments) as context:
            command.invoke(context)
    except typer.Exit as left:
        return left.exit_code
    return 0


def _failed(error: BaseException, arguments: list[str], *, debug: bool) -> int:
    if isinstance(error, BrokenPipeError):
        # The reader of our output left (`| head -1`): nothing to say, and nobody to say it to.
        flush_output()
        return 141
    if debug and not isinstance(error, SystemExit):
        import traceback

        tell(traceback.format_exc().rstrip())
    return report(error, _command_of(arguments), arguments, debug=debug)


def _finished(status: int, arguments: list[str]) -> int:
    """Print what is still to be printed; return the exit status."""
    lost = flush_output()
    if lost is None:
        return status
    if isinstance(lost, BrokenPipeError):
        return status or 141
    return status or report(lost, _command_of(arguments), [], debug=False)


def report(error: BaseException, name: str | None, arguments: list[str], *, debug: bool) -> int:
    """Print an error as one line and return the exit status.

    Parameters
    ----------
    error : BaseException
        What ended the command.
    name : str or None
        The command.
    arguments : list of str
        With ``--json`` among its options the error is also printed as JSON.
    debug : bool
        Show the error's stable identifier.
    """
    from pyramidion.cli._translate import translate
    from pyramidion.core import StoppedError, escape

    program = " ".join(filter(None, ["pyramidion", name]))
    if isinstance(error, SystemExit):
        return error.code if isinstance(error.code, int) else 1
    fault = translate(error)
    is_stopped = isinstance(fault, StoppedError)
    status = stopped_status(fault.__cause__) if is_stopped else fault.status
    for each in (fault, *getattr(fault, "others", ())):
        label = f" [{each.id}]" if debug else ""
        tell(f"{program}: error: {escape(each.line, LONGEST_LINE)}{label}")
    if fault.good:
        tell(f"{program}: {escape(fault.good, LONGEST_LINE)}")
    if "--json" in _options_of(arguments):
        import json

        told = {"id": fault.id, "where": fault.where, "what": fault.what, "mend": fault.mend}
        with contextlib.suppress(OSError):  # the line on stderr says it already
            print(json.dumps({"error": told | {"line": fault.line, "kept": fault.good}}))
    return status


def _options_of(arguments: list[str]) -> list[str]:
    """Return the arguments up to ``--``, behind which a name may look like an option."""
    return arguments[: arguments.index("--")] if "--" in arguments else arguments


def _command_of(arguments: list[str]) -> str | None:
    return next((a for a in arguments if not a.startswith("-")), None)


def _unknown_command(name: str) -> Exception:
    from pyramidion.core import UsageError

    close = difflib.get_close_matches(name, [*COMMANDS, *COMPATIBLE], n=1)
    mend = f"did you mean {close[0]}?" if close else "`pyramidion --help` lists them"
    return UsageError(name, "not a command", mend=mend, id="PYR-ALL-01")
