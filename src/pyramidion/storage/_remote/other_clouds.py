"""Settings of Google Cloud Storage and Azure, from the names their own tools read."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from pyramidion.core import UsageError
from pyramidion.storage._remote.store_options import StoreOptions

_GOOGLE = (
    "GOOGLE_APPLICATION_CREDENTIALS",
    "GOOGLE_SERVICE_ACCOUNT",
    "GOOGLE_SERVICE_ACCOUNT_PATH",
    "GOOGLE_SERVICE_ACCOUNT_KEY",
    "GOOGLE_BEARER_TOKEN",
)
_GOOGLE_SECRETS = ("GOOGLE_SERVICE_ACCOUNT_KEY", "GOOGLE_BEARER_TOKEN")
_GOOGLE_LOGIN = "~/.config/gcloud/application_default_credentials.json"
_AZURE_SECRETS = (
    "AZURE_STORAGE_ACCOUNT_KEY",
    "AZURE_STORAGE_ACCESS_KEY",
    "AZURE_STORAGE_SAS_TOKEN",
    "AZURE_STORAGE_SAS_KEY",
    "AZURE_STORAGE_TOKEN",
    "AZURE_STORAGE_CLIENT_SECRET",
    "AZURE_CLIENT_SECRET",
)
_AZURE = (*_AZURE_SECRETS, "AZURE_FEDERATED_TOKEN_FILE", "AZURE_USE_AZURE_CLI")
_AZURE_NAMES = ("AZURE_STORAGE_ACCOUNT_NAME", "AZURE_STORAGE_ACCOUNT")


@dataclass(frozen=True)
class CloudConfig:
    """Settings for the client library.

    Parameters
    ----------
    endpoint : str
        Address of the service, for messages.
    signed : bool
        Whether there are credentials.
    config : dict
        For the store.
    secrets : tuple of str
        What no message may contain.
    """

    endpoint: str
    signed: bool
    config: dict[str, Any] = field(repr=False)
    secrets: tuple[str, ...] = field(repr=False)


def google_config(options: StoreOptions, said: Mapping[str, str]) -> CloudConfig:
    """Return the settings of a bucket of Google Cloud Storage; without keys it is asked anonymously."""
    found = {} if options.anonymous else {name: said[name] for name in _GOOGLE if said.get(name)}
    login = not options.anonymous and Path(_GOOGLE_LOGIN).expanduser().is_file()
    _require_file("GOOGLE_APPLICATION_CREDENTIALS", found)
    signed = bool(found) or login
    config: dict[str, Any] = {name.lower(): value for name, value in found.items()}
    config["skip_signature"] = not signed
    if options.endpoint:
        config["base_url"] = options.endpoint
    secrets = tuple(found[name] for name in _GOOGLE_SECRETS if name in found)
    return CloudConfig(
        config.get("base_url", "https://storage.googleapis.com"), signed, config, secrets
    )


def azure_config(options: StoreOptions, said: Mapping[str, str]) -> CloudConfig:
    """Return the settings of a container of Azure; without keys it is asked anonymously.

    Raises
    ------
    UsageError
        If the account is not named.
    """
    account = next((said[name] for name in _AZURE_NAMES if said.get(name)), "")
    if not account:
        raise UsageError(
            "az://", "no storage account", mend="set AZURE_STORAGE_ACCOUNT_NAME", id="PYR-UPL-48"
        )
    found = {} if options.anonymous else {name: said[name] for name in _AZURE if said.get(name)}
    config: dict[str, Any] = {name.lower(): value for name, value in found.items()}
    config |= {"azure_storage_account_name": account, "skip_signature": not found}
    if options.endpoint:
        config["azure_storage_endpoint"] = options.endpoint
    secrets = tuple(found[name] for name in _AZURE_SECRETS if name in found)
    endpoint = options.endpoint or f"https://{account}.blob.core.windows.net"
    return CloudConfig(endpoint, bool(found), config, secrets)


def _require_file(name: str, found: Mapping[str, str]) -> None:
    if name in found and not Path(found[name]).is_file():
        raise UsageError(name, "no such file", found[name], id="PYR-ALL-03")
