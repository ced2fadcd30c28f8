"""
The baseline, as a process: boto3's own transfer manager moves the same files.

`python -m tools.bench.transfer.raw up|down ENDPOINT CREDENTIALS BUCKET FOLDER`: parts of 8 MiB,
four at a time, as the backup tool has them by default. Nothing is hashed but what boto3 hashes.
"""

from __future__ import annotations

import sys
from concurrent.futures import Future
from pathlib import Path
from typing import Any

from boto3.s3.transfer import TransferConfig, create_transfer_manager

from tools.store import Store

CONFIG = TransferConfig(
    multipart_threshold=8 * 2**20,
    multipart_chunksize=8 * 2**20,
    max_concurrency=4,
    preferred_transfer_client="classic",
)


def up(client: Any, bucket: str, folder: Path) -> None:
    """Every file an object."""
    with create_transfer_manager(client, CONFIG) as manager:
        files = sorted(path for path in folder.rglob("*") if path.is_file())
        _all(manager.upload(str(path), bucket, str(path.relative_to(folder))) for path in files)


def down(client: Any, bucket: str, folder: Path) -> None:
    """Every object a file."""
    pages = client.get_paginator("list_objects_v2").paginate(Bucket=bucket)
    keys = [found["Key"] for page in pages for found in page.get("Contents", ())]
    for parent in {(folder / key).parent for key in keys}:
        parent.mkdir(parents=True, exist_ok=True)
    with create_transfer_manager(client, CONFIG) as manager:
        _all(manager.download(bucket, key, str(folder / key)) for key in keys)


def _all(transfers: Any) -> None:
    """Wait for what was begun; raises what the first failing one raised."""
    futures: list[Future[None]] = list(transfers)
    for future in futures:
        future.result()


def main(arguments: list[str]) -> int:
    """Move everything."""
    direction, endpoint, credentials, bucket, folder = arguments
    client = Store(endpoint, Path(credentials)).client()
    {"up": up, "down": down}[direction](client, bucket, Path(folder))
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
