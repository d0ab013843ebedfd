"""What a bucket must be told so that browsers may read from it: CORS rules and who may read.

The documents are those of the stores' own tools: JSON for ``aws s3api put-bucket-cors``, XML for
the same request by hand or with ``s3cmd setcors``, JSON for Google Cloud's ``--cors-file``.
"""

from __future__ import annotations

import json
import re
from typing import Any

from pyramidion.storage import RemotePath
from pyramidion.workflows._bucket.addresses import endpoint_of, viewer_beside

METHODS = ("GET", "HEAD")
ASKED_HEADERS = ("Range", "If-None-Match", "If-Range")
EXPOSED_HEADERS = ("Content-Range", "Content-Length", "ETag", "Accept-Ranges")
MAX_AGE_S = 86400
_UNKNOWN = "BUCKET"
_WORDS = re.compile(r"\[[^\[\]{}]*\]")
ANY = "*"
"""Every origin: what everybody may read needs no guard against pages."""


CORS_HEADERS = {
    "Access-Control-Allow-Origin": ANY,
    "Access-Control-Allow-Methods": ", ".join((*METHODS, "OPTIONS")),
    "Access-Control-Allow-Headers": ", ".join(ASKED_HEADERS),
    "Access-Control-Expose-Headers": ", ".join(EXPOSED_HEADERS),
    "Access-Control-Max-Age": str(MAX_AGE_S),
}
"""The same for a web server that is no bucket."""


def bucket_document(dataset: RemotePath, name: str) -> str:
    """Return a document for the store of a dataset: ``cors.json``, ``cors.xml``, ``policy.json``."""
    if name == "policy.json":
        return dataset_policy(dataset)
    if name == "cors.xml":
        return cors_xml()
    return cors_gcs() if dataset.scheme == "gs" else cors_json()


def bucket_commands(dataset: RemotePath, rule: str) -> list[str]:
    """Return the commands that apply a document in the current folder.

    Parameters
    ----------
    dataset : RemotePath
        In the bucket.
    rule : {"cors", "policy"}
        Which one.
    """
    if dataset.scheme == "s3":
        endpoint = endpoint_of(dataset)
        is_amazon = endpoint.endswith(".amazonaws.com")
        return _s3_commands(rule, dataset.bucket, "" if is_amazon else endpoint)
    if dataset.scheme.startswith("http"):
        return _s3_commands(rule, _UNKNOWN, "")
    return _cloud_commands(rule, dataset)


def cors_json() -> str:
    """Return the CORS rule as ``aws s3api put-bucket-cors`` takes it."""
    rule = {
        "AllowedOrigins": [ANY],
        "AllowedMethods": list(METHODS),
        "AllowedHeaders": list(ASKED_HEADERS),
        "ExposeHeaders": list(EXPOSED_HEADERS),
        "MaxAgeSeconds": MAX_AGE_S,
    }
    return _document({"CORSRules": [rule]})


def cors_xml() -> str:
    """Return the CORS rule as the document of S3's PutBucketCors."""
    tags = [
        ("AllowedOrigin", ANY),
        *(("AllowedMethod", method) for method in METHODS),
        *(("AllowedHeader", name) for name in ASKED_HEADERS),
        *(("ExposeHeader", name) for name in EXPOSED_HEADERS),
        ("MaxAgeSeconds", str(MAX_AGE_S)),
    ]
    lines = [f"    <{tag}>{text}</{tag}>" for tag, text in tags]
    head = '<CORSConfiguration xmlns="http://s3.amazonaws.com/doc/2006-03-01/">'
    return "\n".join([head, "  <CORSRule>", *lines, "  </CORSRule>", "</CORSConfiguration>"])


def cors_gcs() -> str:
    """Return the CORS rule as Google Cloud Storage takes it."""
    rule = {
        "origin": [ANY],
        "method": list(METHODS),
        "responseHeader": [*ASKED_HEADERS, *EXPOSED_HEADERS],
        "maxAgeSeconds": MAX_AGE_S,
    }
    return _document([rule])


def policy_json(bucket: str, prefixes: tuple[str, ...]) -> str:
    """Return the policy with which everybody may read what begins with some keys.

    Parameters
    ----------
    bucket : str
        Its name.
    prefixes : tuple of str
        Keys without a ``/`` at their end; an empty one stands for the whole bucket.
    """
    name = f"arn:aws:s3:::{bucket}"
    below = sorted({f"{name}/{prefix}/*" if prefix else f"{name}/*" for prefix in prefixes})
    everybody = {"AWS": ["*"]}
    read = {
        "Effect": "Allow",
        "Principal": everybody,
        "Action": ["s3:GetObject"],
        "Resource": below,
    }
    # Who may not list is told 403 for what is absent, which a reader cannot tell from forbidden.
    found = {
        "Effect": "Allow",
        "Principal": everybody,
        "Action": ["s3:ListBucket"],
        "Resource": [name],
    }
    return _document({"Version": "2012-10-17", "Statement": [read, found]})


def dataset_policy(dataset: RemotePath) -> str:
    """Return the policy with which everybody may read a dataset and the page beside it."""
    if dataset.scheme.startswith("http"):
        return policy_json(_UNKNOWN, ("",))
    if dataset.suffix == ".idx":  # its blocks are beside it
        return policy_json(dataset.bucket, (dataset.parent.key,))
    return policy_json(dataset.bucket, (dataset.key, viewer_beside(dataset).key))


def _s3_commands(rule: str, bucket: str, endpoint: str) -> list[str]:
    at = f" --endpoint-url {endpoint}" if endpoint else ""
    if rule == "policy":
        return [
            f"aws s3api put-bucket-policy --bucket {bucket} --policy file://policy.json{at}",
            f"s3cmd setpolicy policy.json s3://{bucket}",
        ]
    return [
        f"aws s3api put-bucket-cors --bucket {bucket} --cors-configuration file://cors.json{at}",
        f"s3cmd setcors cors.xml s3://{bucket}",
    ]


def _cloud_commands(rule: str, dataset: RemotePath) -> list[str]:
    bucket = dataset.bucket
    if dataset.scheme == "gs" and rule == "cors":
        return [f"gcloud storage buckets update gs://{bucket} --cors-file=cors.json"]
    if dataset.scheme == "gs":
        member = "--member=allUsers --role=roles/storage.objectViewer"
        return [f"gcloud storage buckets add-iam-policy-binding gs://{bucket} {member}"]
    if rule == "cors":
        return [
            f"az storage cors add --services b --methods {' '.join(METHODS)} --origins '{ANY}' "
            f"--allowed-headers '{','.join(ASKED_HEADERS)}' "
            f"--exposed-headers '{','.join(EXPOSED_HEADERS)}' --max-age {MAX_AGE_S}"
        ]
    return [f"az storage container set-permission --name {bucket} --public-access container"]


def _document(value: Any) -> str:
    """Return JSON with each list of words on one line."""
    text = json.dumps(value, indent=2)
    return _WORDS.sub(
        lambda match: " ".join(match[0].split()).replace("[ ", "[").replace(" ]", "]"), text
    )
