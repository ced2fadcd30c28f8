"""Real servers that the tests start: S3-compatible ones, and Redis."""

from __future__ import annotations

import contextlib
import os
import socket
import subprocess
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import boto3
import redis
from moto.server import ThreadedMotoServer

from digital_human_backup.sessions import Server
from tools.binaries import binary
from tools.ports import free_port

ACCESS, SECRET = "test-access", "test-secret-key"
START_SECONDS = 30


def wait_port(port: int, process: subprocess.Popen[bytes], log: Path) -> None:
    deadline = time.monotonic() + START_SECONDS
    while True:
        with contextlib.suppress(OSError), socket.create_connection(("127.0.0.1", port), 1):
            return
        if process.poll() is not None or time.monotonic() > deadline:
            raise AssertionError(log.read_text(errors="replace"))
        time.sleep(0.02)


@contextlib.contextmanager
def running(command: list[str], port: int, log: Path, **environment: str) -> Iterator[None]:
    """A program that listens on a port of this machine."""
    with log.open("wb") as sink:
        process = subprocess.Popen(
            command, stdout=sink, stderr=sink, env={**os.environ, **environment}
        )
    try:
        wait_port(port, process, log)
        yield
    finally:
        process.kill()
        process.wait(10)


@contextlib.contextmanager
def versitygw(
    folder: Path, *options: str, scheme: str = "http", versions: bool = False
) -> Iterator[str]:
    """An S3-compatible service on files, with old ``versions`` too; yields its address."""
    (folder / "buckets").mkdir()
    (folder / "meta").mkdir()
    port = free_port()
    words = [str(binary("versitygw")), "--port", f"127.0.0.1:{port}", "--quiet", *options]
    words += ["posix", "--sidecar", str(folder / "meta")]
    if versions:
        (folder / "versions").mkdir()
        words += ["--versioning-dir", str(folder / "versions")]
    words.append(str(folder / "buckets"))
    keys = {"ROOT_ACCESS_KEY": ACCESS, "ROOT_SECRET_KEY": SECRET}
    with running(words, port, folder / "log", **keys):
        yield f"{scheme}://127.0.0.1:{port}"


@contextlib.contextmanager
def rclone(folder: Path) -> Iterator[str]:
    """A third one, in front of a folder."""
    (folder / "buckets").mkdir()
    port = free_port()
    words = [str(binary("rclone")), "serve", "s3", "--addr", f"127.0.0.1:{port}"]
    words += ["--auth-key", f"{ACCESS},{SECRET}", "--config", str(folder / "none")]
    with running([*words, str(folder / "buckets")], port, folder / "log"):
        yield f"http://127.0.0.1:{port}"


@contextlib.contextmanager
def moto() -> Iterator[str]:
    """Another one, which keeps everything in memory."""
    server = ThreadedMotoServer(ip_address="127.0.0.1", port=0)
    server.start()
    host, port = server.get_host_and_port()
    try:
        yield f"http://{host}:{port}"
    finally:
        server.stop()


def credentials(folder: Path, access: str = ACCESS, secret: str = SECRET) -> Path:
    """Files as a mounted Secret has them."""
    folder.mkdir(exist_ok=True)
    (folder / "AWS_ACCESS_KEY_ID").write_text(f"{access}\n")
    (folder / "AWS_SECRET_ACCESS_KEY").write_text(secret)
    return folder


def client(endpoint: str) -> Any:
    """boto3's client of one of the S3 services."""
    return boto3.client(
        "s3",
        endpoint_url=endpoint,
        region_name="us-east-1",
        aws_access_key_id=ACCESS,
        aws_secret_access_key=SECRET,
    )


@dataclass
class Database:
    """A Redis that a test started."""

    server: Server
    folder: Path
    port: int

    def client(self, **changes: object) -> redis.Redis:
        """A client that leaves bytes as they are."""
        return self.server.client(**{"decode_responses": False, **changes})


@contextlib.contextmanager
def database(
    folder: Path, *lines: str, server: Server | None = None, wrapped: tuple[str, ...] = ()
) -> Iterator[Database]:
    """Redis with some lines of configuration; a second one on the same folder finds its data."""
    folder.mkdir(exist_ok=True)
    port = server.port if server else free_port()
    config = folder / "redis.conf"
    usual = ["bind 127.0.0.1", f'dir "{folder}"', "repl-diskless-sync-delay 0", 'save ""']
    usual += [] if any("tls-port" in line for line in lines) else [f"port {port}"]
    config.write_text("\n".join([*usual, *(line.format(port=port) for line in lines)]) + "\n")
    with running([*wrapped, "redis-server", str(config)], port, folder / "log"):
        yield Database(server or Server("127.0.0.1", port), folder, port)
