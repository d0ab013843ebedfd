"""What the command line says about the object store, handed on to every process it starts."""

from __future__ import annotations

import json
import os
from dataclasses import asdict, dataclass, field, fields

_VARIABLE = "PYRAMIDION_STORE_OPTIONS"


@dataclass(frozen=True)
class StoreOptions:
    """What the command line says about the object store; empty where it says nothing.

    Parameters
    ----------
    endpoint : str
        Address of the store, ``https://s3.example.org``.
    region : str
        Of the bucket.
    profile : str
        Of the AWS files.
    access_key, secret_key, session_token : str
        Keys; shown nowhere.
    path_style : bool, optional
        Whether the bucket goes into the path (else into the host name).
    anonymous : bool
        Whether to ask without keys although there are some.
    """

    endpoint: str = ""
    region: str = ""
    profile: str = ""
    access_key: str = field(default="", repr=False)
    secret_key: str = field(default="", repr=False)
    session_token: str = field(default="", repr=False)
    path_style: bool | None = None
    anonymous: bool = False


def use_store_options(options: StoreOptions) -> None:
    """Follow these options from now on, in this process and those that it starts.

    They are kept in the environment, which is what child processes of every kind inherit.
    """
    said = {key: value for key, value in asdict(options).items() if value not in ("", None, False)}
    if options.path_style is not None:
        said["path_style"] = options.path_style
    if said:
        os.environ[_VARIABLE] = json.dumps(said)
    else:
        os.environ.pop(_VARIABLE, None)


def store_options() -> StoreOptions:
    """Return the options that are followed."""
    known = {part.name for part in fields(StoreOptions)}
    said = json.loads(os.environ.get(_VARIABLE) or "{}")
    return StoreOptions(**{key: value for key, value in said.items() if key in known})
