"""Upload a folder with boto3 as its documentation has it: upload_file in 16 threads."""

import os
import sys
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import boto3
from botocore.config import Config

folder, bucket, prefix = Path(sys.argv[1]), sys.argv[2], sys.argv[3]
config = Config(max_pool_connections=32, s3={"addressing_style": "path"})
client = boto3.client("s3", endpoint_url=os.environ["AWS_ENDPOINT_URL"], config=config)
with ThreadPoolExecutor(16) as threads:
    list(
        threads.map(
            lambda path: client.upload_file(str(path), bucket, f"{prefix}/{path.name}"),
            folder.iterdir(),
        )
    )
