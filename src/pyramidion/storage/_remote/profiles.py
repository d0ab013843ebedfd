"""Profiles of the AWS tools: ``~/.aws/credentials`` and ``~/.aws/config``.

The client library reads the environment only; people keep keys, region and the address of their own
store in a profile. Read as the AWS tools do (AWS CLI User Guide, "Configuration and credential file
settings"; "Service-specific endpoints"), and the form of the awscli-plugin-endpoint with it:

.. code-block:: ini

    [profile lab]
    region = eu-west-1
    endpoint_url = https://store.example
    services = lab-services
    s3 =
        endpoint_url = https://s3.store.example
        addressing_style = path

    [services lab-services]
    s3 =
        endpoint_url = https://s3.store.example

Lines of these files are never repeated in a message: they hold secrets.
"""

from __future__ import annotations

import configparser
import shlex
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path

from pyramidion.core import UsageError

_ASKED_ELSEWHERE = (
    "role_arn", "sso_session", "sso_account_id", "credential_process", "web_identity_token_file",
    "login_session",
)  # fmt: skip
"""Settings of a profile whose keys have to be asked for, by a program or over the network."""

_STYLES = {"path": True, "virtual": False}


@dataclass(frozen=True)
class Profile:
    """What a profile says; empty where it says nothing.

    Parameters
    ----------
    name : str
        Without the word ``profile``.
    access_key, secret_key, session_token : str
        Keys that stand in the files.
    region, endpoint : str
        Of the S3 service.
    path_style : bool, optional
        Whether the bucket goes into the path; None if it is not said.
    asks : str
        The setting that says where keys are to be asked for (``role_arn``, ``sso_session``...).
    """

    name: str
    access_key: str = field(default="", repr=False)
    secret_key: str = field(default="", repr=False)
    session_token: str = field(default="", repr=False)
    region: str = ""
    endpoint: str = ""
    path_style: bool | None = None
    asks: str = ""


def read_profile(
    name: str, named_by: str | None, config_file: Path, credentials_file: Path
) -> Profile | None:
    """Read a profile.

    Parameters
    ----------
    name : str
        Which one.
    named_by : str, optional
        The option or variable that names it; None if it is only looked for.
    config_file, credentials_file : Path
        Need not exist.

    Returns
    -------
    Profile or None
        None if there is none and nobody asked for it.

    Raises
    ------
    UsageError
        If a file cannot be read, the profile that was named does not exist, or it holds half a pair
        of keys.
    """
    config, credentials = _sections(config_file), _sections(credentials_file)
    profiles = {_profile_name(title): title for title in config if _profile_name(title)}
    if name not in profiles and name not in credentials:
        if named_by is None:
            return None
        raise _unknown(name, named_by, sorted({*profiles, *credentials}), config_file)
    said = config.get(profiles.get(name, ""), {})
    secret = credentials.get(name, {})
    keys = _keys(secret, credentials_file, name) or _keys(said, config_file, name)
    merged = {**secret, **said}
    s3 = _nested(merged.get("s3", ""))
    return Profile(
        name,
        *keys or ("", "", ""),
        region=merged.get("region", ""),
        endpoint=_service_endpoint(merged, config)
        or s3.get("endpoint_url", "")
        or merged.get("endpoint_url", ""),
        path_style=_STYLES.get(s3.get("addressing_style", "")),
        asks=_asks(merged, keys is not None),
    )


def _sections(path: Path) -> dict[str, dict[str, str]]:
    """Return the sections of a file; none if there is no file."""
    parser = configparser.RawConfigParser(strict=False, default_section="\0", allow_no_value=True)
    try:
        if not path.is_file():
            return {}
        parser.read_string(path.read_text("utf-8-sig"))
    except OSError as error:
        reason = (error.strerror or "").lower()
        raise UsageError(str(path), "cannot read", reason, id="PYR-UPL-41") from None
    except (configparser.Error, UnicodeDecodeError) as error:
        raise UsageError(
            str(path), "not a file of AWS profiles", _line_of(error), "correct the line",
            id="PYR-UPL-41",
        ) from None  # fmt: skip
    return {
        title: {key: (value or "").strip() for key, value in parser.items(title)}
        for title in parser.sections()
    }


def _line_of(error: Exception) -> str | None:
    """Tell the line at fault by its number alone: the line itself may hold a key."""
    if isinstance(error, configparser.MissingSectionHeaderError):
        return f"line {error.lineno}"
    if isinstance(error, configparser.ParsingError) and error.errors:
        return f"line {error.errors[0][0]}"
    return None


def _profile_name(title: str) -> str:
    """Return the name of the profile that a section of the config file describes, or nothing."""
    try:
        words = shlex.split(title)
    except ValueError:
        return ""
    if words == ["default"]:
        return "default"
    return words[1] if len(words) == 2 and words[0] == "profile" else ""


def _nested(text: str) -> dict[str, str]:
    """Read the indented lines below a setting."""
    pairs = (line.partition("=") for line in text.splitlines() if "=" in line)
    return {key.strip(): value.strip() for key, _, value in pairs}


def _service_endpoint(said: Mapping[str, str], config: Mapping[str, Mapping[str, str]]) -> str:
    services = said.get("services")
    if not services:
        return ""
    section = config.get(f"services {services}", {})
    return _nested(section.get("s3", "")).get("endpoint_url", "")


def _keys(said: Mapping[str, str], path: Path, name: str) -> tuple[str, str, str] | None:
    """Return a pair of keys and the token with it: always from the same section."""
    access = said.get("aws_access_key_id", "")
    secret = said.get("aws_secret_access_key", "")
    if not access and not secret:
        return None
    if not access or not secret:
        missing = "aws_secret_access_key" if access else "aws_access_key_id"
        raise UsageError(
            str(path), f"profile {name} has no {missing}", mend="write both keys or none",
            id="PYR-UPL-42",
        )  # fmt: skip
    return access, secret, said.get("aws_session_token", "")


def _asks(said: Mapping[str, str], has_keys: bool) -> str:
    """Return the setting by which keys are asked for; a role goes before keys, as in the AWS tools."""
    found = [name for name in _ASKED_ELSEWHERE if said.get(name)]
    if has_keys and found == ["credential_process"]:
        return ""
    return found[0] if found else ""


def _unknown(name: str, named_by: str, known: list[str], config_file: Path) -> UsageError:
    return UsageError(
        named_by, "no such profile", name,
        f"one of {', '.join(known)}" if known else f"{config_file} has no profiles",
        id="PYR-UPL-40",
    )  # fmt: skip
