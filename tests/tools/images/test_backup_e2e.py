"""The backup tool's image: its Redis, and a round trip as a restricted Pod makes it."""

import contextlib
import json
import os
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import redis

from tests.tools.images.containers import Image, output, running
from tools.images.build import OUT
from tools.ports import free_port

pytestmark = [
    pytest.mark.images,
    pytest.mark.timeout(900),
    pytest.mark.skipif(os.geteuid() != 0, reason="runc and buildah run as root"),
]
USER = 65532
PASSWORD = "pass word"
READY_SECONDS = 30
SECRETS = "/var/run/secrets/digital-human"


@pytest.fixture
def server(backup: Image, tmp_path: Path) -> Iterator[redis.Redis]:
    """Redis of the image, in a container of its own."""
    port = free_port()
    words = ["--port", str(port), "--bind", "127.0.0.1", "--save", "", "--requirepass", PASSWORD]
    with running(backup, tmp_path / "redis", words, program="redis-server") as process:
        client = redis.Redis(port=port, password=PASSWORD)
        deadline = time.monotonic() + READY_SECONDS
        while time.monotonic() < deadline:
            assert process.poll() is None, (tmp_path / "redis" / "output").read_text()
            with contextlib.suppress(redis.ConnectionError):
                client.ping()
                break
            time.sleep(0.05)
        yield client
        client.close()


@pytest.fixture
def volumes(tmp_path: Path) -> Path:
    """Folders for all that a Pod of the CronJob mounts."""
    for name in ("backups", "scratch"):
        (tmp_path / name).mkdir()
        os.chown(tmp_path / name, USER, USER)
    (tmp_path / "models").mkdir()
    (tmp_path / "models" / "weights").write_bytes(os.urandom(3 * 2**20))
    (tmp_path / "encryption").mkdir()
    (tmp_path / "encryption" / "key").write_text("ab" * 32)
    (tmp_path / "password").mkdir()
    (tmp_path / "password" / "password").write_text(PASSWORD)
    return tmp_path


def tool(backup: Image, volumes: Path, verb: str, *words: str) -> dict[str, Any]:
    """Run a verb to its end; what it says of the result."""
    place = ["--store", "file:///backups", "--uid", "0001", "--output", "json"]
    code, said = output(
        backup,
        volumes / verb,
        "digital-human-backup",
        *(verb, *words, *place, "--key-file", f"{SECRETS}/encryption/key"),
        mounts={
            "/models": volumes / "models",
            f"{SECRETS}/encryption": volumes / "encryption",
            f"{SECRETS}/redis": volumes / "password",
        },
        writable={"/backups": volumes / "backups", "/scratch": volumes / "scratch"},
    )
    assert code == 0, said
    found: dict[str, Any] = json.loads(said.splitlines()[-1])
    return found


def test_it_starts_without_anything(backup: Image, tmp_path: Path) -> None:
    code, said = output(backup, tmp_path / "help", "digital-human-backup", "--help")
    assert code == 0
    assert "restore" in said


def test_what_was_taken_is_read_and_comes_back(
    backup: Image, server: redis.Redis, volumes: Path
) -> None:
    server.set("conversation:1", "Hello, Ada.")
    port = server.connection_pool.connection_kwargs["port"]
    sessions = ["--redis", f"redis://127.0.0.1:{port}"]
    sessions += ["--redis-password-file", f"{SECRETS}/redis/password"]
    tool(backup, volumes, "create", "--human", "ada", "--models", "/models", *sessions)
    tool(backup, volumes, "verify")
    server.flushall()
    tool(backup, volumes, "restore", "--into", "/scratch/restored", *sessions)
    assert server.get("conversation:1") == b"Hello, Ada."
    weights = volumes / "scratch" / "restored" / "models" / "weights"
    assert weights.read_bytes() == (volumes / "models" / "weights").read_bytes()


def test_its_redis_is_among_the_parts_with_its_licence(backup: Image, tmp_path: Path) -> None:
    code, said = output(backup, tmp_path / "version", "redis-server", "--version")
    assert code == 0
    version = said.partition(" v=")[2].split()[0]
    parts = {
        part["purl"] for part in json.loads((OUT / "backup.cdx.json").read_text())["components"]
    }
    (redis_part,) = {
        purl
        for purl in parts
        if purl.startswith(("pkg:generic/redis@", "pkg:deb/debian/redis-ser"))
    }
    assert version in redis_part
    licences = backup.config["config"]["Labels"]["org.opencontainers.image.licenses"]
    ours = "Apache-2.0"
    of_redis_ltd = f"{ours} AND (LicenseRef-RSALv2 OR SSPL-1.0)"
    assert licences == (of_redis_ltd if "generic" in redis_part else ours)


def test_a_scratch_server_ends_with_the_tool(backup: Image) -> None:
    assert (backup.root / "usr/bin/setpriv").exists()
