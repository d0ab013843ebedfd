"""What the tests ask of an S3 server, whichever it is."""

import contextlib
import uuid

CORS_FOR_VIEWERS = [
    {
        "AllowedOrigins": ["*"],
        "AllowedMethods": ["GET", "HEAD"],
        "AllowedHeaders": ["*"],
        "ExposeHeaders": ["Content-Range", "Content-Length", "ETag", "Accept-Ranges"],
        "MaxAgeSeconds": 3000,
    }
]
"""Rules with which a page of another origin may read."""


class S3Server:
    """An address and the keys of one of its users.

    Parameters
    ----------
    endpoint
        `http://127.0.0.1:PORT`; buckets are the first part of the path.
    access_key, secret_key
        The user's.
    """

    region = "us-east-1"

    def __init__(self, endpoint="", access_key="", secret_key=""):
        self.endpoint, self.access_key, self.secret_key = endpoint, access_key, secret_key
        self._client = None

    def client(self):
        """The boto3 client of this user; it never tries again."""
        if self._client is None:
            import boto3
            from botocore.config import Config

            self._client = boto3.session.Session().client(
                "s3",
                endpoint_url=self.endpoint,
                aws_access_key_id=self.access_key,
                aws_secret_access_key=self.secret_key,
                region_name=self.region,
                config=Config(s3={"addressing_style": "path"}, retries={"total_max_attempts": 1}),
            )
        return self._client

    def through(self, proxy):
        """The same user at the address of a proxy in front of this server."""
        return S3Server(proxy.endpoint, self.access_key, self.secret_key)

    def close(self):
        """Close the connections of the client."""
        if self._client is not None:
            self._client.close()
            self._client = None

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.close()

    def bucket(self, name=None, *, cors=None, public=False):
        """Make a bucket and return its name.

        Parameters
        ----------
        name
            Its name; a new one without.
        cors
            Its CORS rules, as boto3 wants them; `True` for `CORS_FOR_VIEWERS`.
        public
            Whether everybody may list and read it.
        """
        name = name or f"test-{uuid.uuid4().hex[:12]}"
        self.client().create_bucket(Bucket=name)
        if cors:
            rules = CORS_FOR_VIEWERS if cors is True else cors
            self.client().put_bucket_cors(Bucket=name, CORSConfiguration={"CORSRules": rules})
        if public:
            self.client().put_bucket_policy(Bucket=name, Policy=_read_by_all(name))
        return name

    def put(self, bucket, objects):
        """Store objects: bytes by key."""
        for key, body in objects.items():
            self.client().put_object(Bucket=bucket, Key=key, Body=body)

    def get(self, bucket, key):
        """The bytes of one object."""
        with contextlib.closing(self.client().get_object(Bucket=bucket, Key=key)["Body"]) as body:
            return body.read()

    def sizes(self, bucket, prefix=""):
        """Size of every object, by key."""
        pages = (
            self.client().get_paginator("list_objects_v2").paginate(Bucket=bucket, Prefix=prefix)
        )
        return {item["Key"]: item["Size"] for page in pages for item in page.get("Contents", ())}

    def objects(self, bucket, prefix=""):
        """Bytes of every object, by key."""
        return {key: self.get(bucket, key) for key in self.sizes(bucket, prefix)}

    def unfinished(self, bucket):
        """Keys of the multipart uploads that were begun and neither completed nor aborted."""
        return sorted(upload["Key"] for upload in self._uploads(bucket))

    def remove_bucket(self, bucket):
        """Remove a bucket with all that is in it."""
        client = self.client()
        for upload in self._uploads(bucket):
            names = {"Key": upload["Key"], "UploadId": upload["UploadId"]}
            client.abort_multipart_upload(Bucket=bucket, **names)
        keys = [{"Key": key} for key in self.sizes(bucket)]
        for first in range(0, len(keys), 1000):
            client.delete_objects(Bucket=bucket, Delete={"Objects": keys[first : first + 1000]})
        client.delete_bucket(Bucket=bucket)

    def _uploads(self, bucket):
        pages = self.client().get_paginator("list_multipart_uploads").paginate(Bucket=bucket)
        return [upload for page in pages for upload in page.get("Uploads", ())]


def _read_by_all(bucket):
    name = f"arn:aws:s3:::{bucket}"
    return f"""{{"Version": "2012-10-17", "Statement": [{{
        "Effect": "Allow", "Principal": {{"AWS": ["*"]}},
        "Action": ["s3:GetObject", "s3:ListBucket"], "Resource": ["{name}", "{name}/*"]}}]}}"""
