"""Where an object store is and who asks: options, environment, ``.env``, profiles of the AWS tools.

The first that says something is followed: command line, environment, ``.env`` in the working folder,
profile. A profile that the command line names counts as said there, so it goes before keys in the
environment; one named by ``AWS_PROFILE`` does not (both as in the AWS CLI User Guide, "Configuration
and credentials precedence"). A pair of keys and its token always come from the same place.

The client library reads the environment by itself whenever it is asked for a store; everything it
could find there is therefore given explicitly, so that it cannot mix two sources.
"""

from __future__ import annotations

import ipaddress
import os
from collections.abc import Callable, Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

from pyramidion.core import UsageError
from pyramidion.storage._remote.connection import Connection, client_options
from pyramidion.storage._remote.other_clouds import azure_config, google_config
from pyramidion.storage._remote.profiles import Profile, read_profile
from pyramidion.storage._remote.store_options import (
    StoreOptions,
    store_options,
    use_store_options,
)

__all__ = [
    "Connection",
    "StoreOptions",
    "connection",
    "require_credentials",
    "store_options",
    "use_store_options",
]

_ENDPOINTS = ("AWS_ENDPOINT_URL_S3", "AWS_ENDPOINT_URL", "S3_ENDPOINT_URL")
_REGIONS = ("AWS_REGION", "AWS_DEFAULT_REGION")
_KEYS = ("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY", "AWS_SESSION_TOKEN")
_FOREIGN_TOKENS = ("AWS_SESSION_TOKEN", "AWS_TOKEN")
_AMBIENT = (
    "AWS_CONTAINER_CREDENTIALS_RELATIVE_URI",
    "AWS_CONTAINER_CREDENTIALS_FULL_URI",
    "AWS_WEB_IDENTITY_TOKEN_FILE",
)
"""Set by container services; the client library asks there for keys."""

_DEFAULT_REGION = "us-east-1"


def connection(scheme: str, bucket: str) -> Connection:
    """Find out how to reach a bucket; nothing is contacted.

    Parameters
    ----------
    scheme : {"s3", "gs", "az", "http", "https"}
    bucket : str
        Bucket, container, or ``HOST[:PORT]`` of a web server.

    Raises
    ------
    UsageError
        If settings contradict each other or cannot be used; it names where they stand.
    """
    if scheme in ("http", "https"):
        address = f"{scheme}://{bucket}"
        return Connection(scheme, bucket, address, client_options=client_options(address))
    options, said = store_options(), _Said()
    if options.endpoint:
        checked = _checked_address(options.endpoint, "--endpoint-url")
        options = replace(options, endpoint=checked)
    if scheme == "s3":
        return _s3(bucket, options, said)
    found = (google_config if scheme == "gs" else azure_config)(options, said.merged)
    return Connection(
        scheme, bucket, found.endpoint,
        signed=found.signed, looked_in=_listed(""), anonymous=options.anonymous,
        store_config=found.config, client_options=client_options(found.endpoint),
        secrets=found.secrets,
    )  # fmt: skip


def require_credentials(found: Connection, bucket: str) -> None:
    """Make sure that a bucket can be written to as far as that is known beforehand.

    Raises
    ------
    UsageError
        If there are no keys (UPL-01).
    """
    if found.scheme in ("http", "https"):
        raise UsageError(
            found.place, "a web server is only read", mend="write to s3://BUCKET/KEY",
            id="PYR-UPL-43",
        )  # fmt: skip
    if found.signed:
        return
    mend = {"s3": "set AWS_PROFILE", "gs": "set GOOGLE_APPLICATION_CREDENTIALS"}
    raise UsageError(
        found.place,
        f"no credentials for bucket {bucket}",
        "asked anonymously" if found.anonymous else f"looked in: {found.looked_in}",
        "leave out --anonymous" if found.anonymous
        else mend.get(found.scheme, "set AZURE_STORAGE_ACCOUNT_KEY"),
        id="PYR-UPL-01",
    )  # fmt: skip


class _Said:
    """What environment and ``.env`` say, each on its own and the first of both."""

    def __init__(self) -> None:
        self.environment: Mapping[str, str] = {k: v for k, v in os.environ.items() if v}
        self.file = _read_env_file(Path(".env"))
        self.merged: Mapping[str, str] = {**self.file, **self.environment}

    def first(self, names: tuple[str, ...]) -> tuple[str, str]:
        """Return the first value that is set and where it stands."""
        for place, values in (("", self.environment), (".env: ", self.file)):
            for name in names:
                if values.get(name):
                    return values[name], f"{place}{name}"
        return "", ""


def _read_env_file(path: Path) -> dict[str, str]:
    # Only what names a store and its keys is taken from here: a folder that somebody else made may
    # say where data go, but not which program is started for keys (AWS_CONFIG_FILE).
    if not path.is_file():
        return {}
    from dotenv import dotenv_values

    try:
        values = dotenv_values(path)
    except (OSError, UnicodeDecodeError) as error:
        raise UsageError(
            ".env", "cannot read", getattr(error, "strerror", None) or "not text", id="PYR-UPL-44"
        ) from None
    wanted = {*_KEYS, *_ENDPOINTS, *_REGIONS, "AWS_PROFILE"}
    prefixes = ("GOOGLE_", "AZURE_STORAGE_")
    return {k: v for k, v in values.items() if v and (k in wanted or k.startswith(prefixes))}


def _s3(bucket: str, options: StoreOptions, said: _Said) -> Connection:
    profile = _profile(options, said)
    keys, provider, ambient = _credentials(options, said, profile)
    endpoint, region = _endpoint(options, said, profile), _region(options, said, profile)
    signed = not options.anonymous and bool(keys or provider or ambient)
    style = options.path_style
    if style is None and profile is not None:
        style = profile.path_style
    address = endpoint or _amazon(region)
    # A dot in the bucket's name makes a host name that no certificate of the store covers.
    path_style = style if style is not None else bool(endpoint) or "." in bucket
    if not path_style and _is_number(address):
        raise UsageError(
            address, "no bucket can stand before an address of numbers", mend="use --path-style",
            id="PYR-UPL-46",
        )  # fmt: skip
    host = address if path_style else address.replace("://", f"://{bucket}.", 1)
    config: dict[str, Any] = {
        "region": region,
        "endpoint": host,
        "aws_endpoint_url_s3": host,  # else the environment's would go before `endpoint`
        "virtual_hosted_style_request": not path_style,
        "skip_signature": not signed,
        "unsigned_payload": False,  # the server checks the SHA-256 of what arrives
    }
    if signed and keys:
        provider = _give(config, keys)
    if not signed:
        # Not used; but half a pair in the environment, which nobody asked for, would be a fault.
        config |= {"access_key_id": "", "secret_access_key": ""}
    return Connection(
        "s3", bucket, address,
        region=region, signed=signed, looked_in=_listed(_profile_named(options, said)[0]),
        anonymous=options.anonymous, store_config=config, client_options=client_options(address),
        credential_provider=provider if signed else None,
        secrets=tuple(secret for secret in (keys or ("", "", ""))[1:] if secret),
    )  # fmt: skip


def _give(config: dict[str, Any], keys: tuple[str, str, str]) -> Callable[[], Any] | None:
    """Put keys into the settings; return them as a function where the settings would not do."""
    access, secret, token = keys
    if not token and any(name in os.environ for name in _FOREIGN_TOKENS):
        # The client library would send the token of other keys along; an empty one, too.
        return lambda: {
            "access_key_id": access,
            "secret_access_key": secret,
            "token": None,
            "expires_at": None,
        }
    config |= {"access_key_id": access, "secret_access_key": secret}
    if token:
        config["session_token"] = token
    return None


def _credentials(
    options: StoreOptions, said: _Said, profile: Profile | None
) -> tuple[tuple[str, str, str] | None, Callable[[], Any] | None, bool]:
    """Return keys, or whom to ask for them, or whether the client library knows where to ask."""
    if options.anonymous:
        return None, None, False
    own = (options.access_key, options.secret_key, options.session_token)
    environment, file = (
        tuple(values.get(name, "") for name in _KEYS) for values in (said.environment, said.file)
    )
    layers: list[tuple[str, tuple[str, ...]]] = [("options", own)]
    if not options.profile:
        layers += [("environment", environment), (".env", file)]
    for place, (access, secret, token) in layers:
        if access and secret:
            return (access, secret, token), None, False
        if access or secret:
            raise _half_a_pair(place, bool(access))
    if profile is not None and profile.asks:
        return None, _asked_by_boto3(profile), False
    if profile is not None and profile.access_key:
        return (profile.access_key, profile.secret_key, profile.session_token), None, False
    # Without being told so nobody waits for the metadata server of a cloud that is not there.
    told = any(map(os.environ.get, ("PYRAMIDION_INSTANCE_ROLE", *_AMBIENT)))
    return None, None, told and not environment[0]


def _half_a_pair(place: str, has_access: bool) -> UsageError:
    there, missing = _KEYS[:2] if has_access else (_KEYS[1], _KEYS[0])
    return UsageError(
        place, f"{there} without {missing}", mend="give both or none", id="PYR-UPL-42"
    )


def _asked_by_boto3(profile: Profile) -> Callable[[], Any]:
    try:
        import boto3
        from botocore.exceptions import BotoCoreError
        from obstore.auth.boto3 import Boto3CredentialProvider
    except ImportError:
        raise UsageError(
            f"profile {profile.name}", "asking for keys needs boto3", profile.asks,
            'pip install "pyramidion[aws]"', id="PYR-ALL-22",
        ) from None  # fmt: skip
    try:
        provider: Callable[[], Any] = Boto3CredentialProvider(
            boto3.Session(profile_name=profile.name)
        )
    except (BotoCoreError, ValueError) as error:
        raise UsageError(
            f"profile {profile.name}", "no keys", error, f"check its {profile.asks}",
            id="PYR-UPL-45",
        ) from None  # fmt: skip
    return provider


def _profile_named(options: StoreOptions, said: _Said) -> tuple[str, str | None]:
    if options.profile:
        return options.profile, "--profile"
    name, where = said.first(("AWS_PROFILE",))
    return (name, where) if name else ("default", None)


def _profile(options: StoreOptions, said: _Said) -> Profile | None:
    name, named_by = _profile_named(options, said)
    config, credentials = (
        Path(os.environ.get(variable) or f"~/.aws/{name}").expanduser()
        for variable, name in (
            ("AWS_CONFIG_FILE", "config"),
            ("AWS_SHARED_CREDENTIALS_FILE", "credentials"),
        )
    )
    return read_profile(name, named_by, config, credentials)


def _endpoint(options: StoreOptions, said: _Said, profile: Profile | None) -> str:
    value, where = options.endpoint, "--endpoint-url"
    of_profile = (profile.endpoint, f"profile {profile.name}") if profile else ("", "")
    if not value and options.profile:
        value, where = of_profile
    if not value:
        value, where = said.first(_ENDPOINTS)
    if not value:
        value, where = of_profile
    return _checked_address(value, where) if value else ""


def _checked_address(value: str, where: str) -> str:
    """Return an address without a slash at its end."""
    try:
        parts = urlsplit(value)
        secret = parts.username is not None or bool(parts.query)
        right = parts.scheme in ("http", "https") and bool(parts.hostname) and parts.port != 0
    except ValueError:  # the port is not a number
        secret, right = "@" in value, False
    if secret:
        raise UsageError(
            where, "credentials in a URL are refused", mend="use a profile", id="PYR-UPL-05"
        )
    if not right:
        raise UsageError(
            where, "not an address", value, "write for example https://s3.example.org",
            id="PYR-UPL-46",
        )  # fmt: skip
    return value.rstrip("/")


def _is_number(address: str) -> bool:
    try:
        ipaddress.ip_address(urlsplit(address).hostname or "")
    except ValueError:
        return False
    return True


def _region(options: StoreOptions, said: _Said, profile: Profile | None) -> str:
    of_profile = profile.region if profile else ""
    first = options.region or (of_profile if options.profile else "")
    return first or said.first(_REGIONS)[0] or of_profile or _DEFAULT_REGION


def _amazon(region: str) -> str:
    return f"https://s3.{region}.amazonaws.com{'.cn' if region.startswith('cn-') else ''}"


def _listed(profile: str) -> str:
    places = ["options", "environment"]
    if Path(".env").is_file():
        places.append(".env")
    if profile:
        places.append(f"profile {profile}")
    return ", ".join(places)
