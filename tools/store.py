"""
`make store`: an S3-compatible server on this machine, with a bucket, to try backups with.

`python -m tools.store up` prints lines for a shell (`eval "$(make -s store)"`) and leaves the
server running; `down` ends it by its recorded pid. All of it lies in build/store/NAME.
"""

from __future__ import annotations

import json
import os
import re
import secrets
import shutil
import socket
import subprocess
import sys
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import boto3
from botocore.config import Config
from botocore.exceptions import BotoCoreError, ClientError

from tools.binaries import BuildError, binary
from tools.binaries.toolchain import ToolchainError
from tools.cache import ROOT
from tools.cluster import processes
from tools.cluster.errors import tail
from tools.ports import free_port

STORES = ROOT / "build" / "store"
HOST, BUCKET = "127.0.0.1", "backups"
START_SECONDS, STOP_SECONDS = 20.0, 10.0
NAMES = ("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY")
_NAME = re.compile(r"[a-z0-9][a-z0-9-]*")
_RECORD, _ENDPOINT = "server.pid.json", "endpoint.json"


class StoreError(RuntimeError):
    """The server cannot be had, or does not end; the message says why."""


@dataclass(frozen=True)
class Store:
    """Where a server answers, and the folder with its credentials, as a mounted Secret has them."""

    endpoint: str
    credentials: Path

    def client(self) -> Any:
        """boto3's client with its usual settings."""
        key, secret = ((self.credentials / name).read_text() for name in NAMES)
        return boto3.client(
            "s3",
            endpoint_url=self.endpoint,
            region_name="us-east-1",
            aws_access_key_id=key,
            aws_secret_access_key=secret,
            config=Config(max_pool_connections=16),
        )

    def make_bucket(self, name: str) -> None:
        """Make a bucket; raises what boto3 does."""
        client = self.client()
        try:
            client.create_bucket(Bucket=name)
        finally:
            client.close()


@contextmanager
def serving(
    folder: Path, host: str = HOST, wrapped: Sequence[str] = ()
) -> Iterator[tuple[Store, int]]:
    """A server for as long as the block runs; yields also its pid. Raises StoreError."""
    store, process = start(folder, host, wrapped)
    try:
        yield store, process.pid
    finally:
        _end(process)


def start(
    folder: Path,
    host: str = HOST,
    wrapped: Sequence[str] = (),
    launched: Callable[[int], None] = lambda _pid: None,
) -> tuple[Store, subprocess.Popen[bytes]]:
    """
    Start one that keeps its objects in an empty ``folder``, and wait until its bucket is there.

    ``wrapped`` are the words of a program that runs it, ``launched`` is told its pid. Raises
    StoreError; nothing is left running then.
    """
    port = free_port()
    store = Store(f"http://{host}:{port}", _credentials(folder / "credentials"))
    command = [*wrapped, str(binary("versitygw")), "--port", f"{host}:{port}", "--quiet", "posix"]
    for name in ("meta", "buckets"):
        (folder / name).mkdir()
    command += ["--sidecar", str(folder / "meta"), str(folder / "buckets")]
    root = zip(("ROOT_ACCESS_KEY", "ROOT_SECRET_KEY"), NAMES, strict=True)
    keys = {given: (store.credentials / name).read_text() for given, name in root}
    log = folder / "server.log"
    with log.open("wb") as sink:
        process = subprocess.Popen(
            command,
            env={**os.environ, **keys},
            stdin=subprocess.DEVNULL,
            stdout=sink,
            stderr=sink,
            start_new_session=True,
        )
    try:
        launched(process.pid)
        _wait(process, host, port, log)
        store.make_bucket(BUCKET)  # only our own server knows the keys
    except (BotoCoreError, ClientError) as error:
        _end(process)
        raise StoreError(f"{store.endpoint} makes no bucket: {error}") from error
    except BaseException:
        _end(process)
        raise
    return store, process


def up(folder: Path) -> Store:
    """Start one and leave it running; one that runs is kept. Raises StoreError."""
    if any(processes.is_running(one) for one in processes.load(folder / _RECORD)):
        return Store(json.loads((folder / _ENDPOINT).read_text()), folder / "credentials")
    down(folder)
    folder.mkdir(parents=True)

    def record(pid: int) -> None:
        if found := processes.started(pid):
            processes.save(folder / _RECORD, [found])

    store, _ = start(folder, launched=record)
    (folder / _ENDPOINT).write_text(json.dumps(store.endpoint))
    return store


def down(folder: Path) -> None:
    """End the one that was left running and remove all of it; none is fine. Raises StoreError."""
    left = processes.stop(processes.load(folder / _RECORD), STOP_SECONDS)
    if left:
        raise StoreError(f"The server (pid {left[0].pid}) does not end.")
    shutil.rmtree(folder, ignore_errors=True)


def _credentials(folder: Path) -> Path:
    folder.mkdir(mode=0o700)
    for name in NAMES:
        (folder / name).write_text(secrets.token_hex(16))
    return folder


def _wait(process: subprocess.Popen[bytes], host: str, port: int, log: Path) -> None:
    deadline = time.monotonic() + START_SECONDS
    while process.poll() is None and time.monotonic() < deadline:
        with suppress(OSError), socket.create_connection((host, port), 1):
            return
        time.sleep(0.02)
    raise StoreError(f"The S3 server does not answer at {host}:{port}.\n{tail(log)}")


def _end(process: subprocess.Popen[bytes]) -> None:
    process.terminate()
    try:
        process.wait(STOP_SECONDS)
    except subprocess.TimeoutExpired:
        process.kill()
        process.wait(STOP_SECONDS)


def main(arguments: list[str]) -> int:
    """Start or stop the one that STORE_NAME names; returns the exit status."""
    name = os.environ.get("STORE_NAME", "demo")
    if not _NAME.fullmatch(name):
        print(f"store: STORE_NAME={name} is no name: use a-z, 0-9 and -.", file=sys.stderr)
        return 2
    folder = STORES / name
    try:
        if arguments == ["up"]:
            _tell(up(folder))
        elif arguments == ["down"]:
            down(folder)
        elif arguments == ["down-all"]:
            for one in STORES.glob("*"):
                down(one)
        else:
            print(__doc__, file=sys.stderr)
            return 2
    except (StoreError, BuildError, ToolchainError) as error:
        print(f"store: {error}", file=sys.stderr)
        return 1
    return 0


def _tell(store: Store) -> None:
    print(f"export STORE_ENDPOINT={store.endpoint}")
    print(f"export STORE_BUCKET={BUCKET}")
    print(f"export STORE_CREDENTIALS='{store.credentials}'")
    print("An S3 server runs; `make store-down` ends it and removes its data.", file=sys.stderr)


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
