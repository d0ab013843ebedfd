"""Fixtures of the tests that send datasets."""

from tests.transfer.trees import remote_fixture

remote = remote_fixture("moto_environment", "moto_bucket")
"""Proxies in front of a small server, quick to start."""

real_remote = remote_fixture("s3_environment", "s3_bucket")
"""Proxies in front of a real S3 server."""
