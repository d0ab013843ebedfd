"""Options that say how to reach an object store, added to every command that may be given a URL."""

from __future__ import annotations

import inspect
from collections.abc import Callable
from functools import wraps
from typing import Annotated, Any

import typer

SHOWN_BY = ("upload", "import", "publish", "check")
"""Commands whose help lists these options."""

HIDDEN_BY = (
    "generate",
    "convert",
    "acquire",
    "compress",
    "serve",
    "view",
    "info",
    "verify",
    "data_to_s3_importer",
)
"""Commands that take them as well; there they would hide what the command is about."""

HINT = "For s3://, gs:// and az:// addresses also the options of the store, which `upload --help` lists."


def _options(*, hidden: bool) -> dict[str, tuple[Any, Any]]:
    """Return annotation and default of each option, by its name."""

    def text(option: str, metavar: str, told: str) -> tuple[Any, Any]:
        return Annotated[str, typer.Option(option, metavar=metavar, help=told, hidden=hidden)], ""

    def yes(option: str, told: str, default: bool | None = False) -> tuple[Any, Any]:
        return Annotated[bool | None, typer.Option(option, help=told, hidden=hidden)], default

    return {
        "endpoint_url": text("--endpoint-url", "URL", "Address of the store."),
        "region": text("--region", "NAME", "Region of the bucket."),
        "profile": text("--profile", "NAME", "Profile of the AWS files."),
        "access_key": text("--access-key", "KEY", "Others see it in `ps`; prefer a profile."),
        "secret_key": text("--secret-key", "SECRET", "So they do; prefer a profile."),
        "anonymous": yes("--anonymous", "Sign nothing."),
        "path_style": yes(
            "--path-style/--virtual-hosted", "The bucket in the path or in the host's name.", None
        ),
    }


def with_store_options(command: Callable[..., None], *, hidden: bool) -> Callable[..., None]:
    """Return a command with these options behind its own.

    Parameters
    ----------
    command : callable
        The function of a command, as typer reads it.
    hidden : bool
        Do not list them in its help.
    """
    options = _options(hidden=hidden)
    signature = inspect.signature(command, eval_str=True)
    extra = [
        inspect.Parameter(name, inspect.Parameter.KEYWORD_ONLY, default=default, annotation=kind)
        for name, (kind, default) in options.items()
    ]

    @wraps(command)
    def run(**given: Any) -> None:
        asked = {name: given.pop(name) for name in options}
        if any(asked[name] != default for name, (_, default) in options.items()):
            _use(**asked)
        command(**given)

    run.__signature__ = signature.replace(  # type: ignore[attr-defined]
        parameters=[*signature.parameters.values(), *extra]
    )
    run.__annotations__ = {p.name: p.annotation for p in run.__signature__.parameters.values()}  # type: ignore[attr-defined]
    return run


def _use(*, endpoint_url: str, **said: Any) -> None:
    from pyramidion.core import UsageError
    from pyramidion.storage import StoreOptions, use_store_options

    if bool(said["access_key"]) != bool(said["secret_key"]):
        there, missing = "--access-key", "--secret-key"
        if said["secret_key"]:
            there, missing = missing, there
        raise UsageError(
            missing, f"missing, {there} is given", mend="give both, or --profile", id="PYR-UPL-01"
        )
    if said["anonymous"] and (said["access_key"] or said["profile"]):
        raise UsageError(
            "--anonymous", "given with a key or a profile", mend="leave one out", id="PYR-UPL-01"
        )
    use_store_options(StoreOptions(endpoint=endpoint_url, **said))
