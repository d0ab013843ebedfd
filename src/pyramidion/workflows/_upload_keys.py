"""The keys of a bucket, for those who ask to see them."""

from __future__ import annotations

from pyramidion.storage import RemotePath, bucket_of


def upload_keys(path: RemotePath) -> dict[str, str]:
    """Return the keys of a bucket as OpenVisus wants them in an address; empty if there are none.

    Parameters
    ----------
    path : RemotePath
        Anything in the bucket.
    """
    connection = bucket_of(path).connection
    if connection is None or path.scheme != "s3":
        return {}
    config = connection.store_config
    if connection.credential_provider is not None:
        told = connection.credential_provider()
        config = {
            "access_key_id": told["access_key_id"],
            "secret_access_key": told["secret_access_key"],
        }
    if not config.get("access_key_id") or not config.get("secret_access_key"):
        return {}
    return {"access_key": config["access_key_id"], "secret_key": config["secret_access_key"]}
