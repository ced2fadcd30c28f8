"""A server of our own that loads a file, to count what is in it or to hand it on."""

from __future__ import annotations

import contextlib
import secrets
import shutil
import socket
import subprocess
import time
from collections.abc import Iterator
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

from digital_human_backup.errors import BackupError, DamagedError

from .library import redis
from .server import Databases, Server, databases, program

LOAD_SECONDS = 3600.0
DATABASES = 4096
"""More than anybody has: a file with a higher number would not load."""
_NOWHERE = "replicaof 127.0.0.1 1"
"""A replica keeps keys whose time is over until its master says otherwise; this one has none."""


class Scratch:
    """A server that has loaded a file."""

    def __init__(self, server: Server, client: redis.Redis, file: Path) -> None:
        self.server, self.client, self._file = server, client, file

    def databases(self) -> Databases:
        """Keys of each database."""
        return databases(self.server.info(self.client))

    def save(self, rdb: Path, seconds: float = LOAD_SECONDS) -> None:
        """Replace the file that was loaded by what the server holds now, in one step."""
        try:
            with self.server.client(socket_timeout=seconds) as client:
                client.save()
            shutil.copymode(rdb, self._file)
            self._file.replace(rdb)
        except (redis.RedisError, OSError) as error:
            raise BackupError(
                f"The copy of Redis' data could not be written anew ({error}): make room in its"
                " folder, then try again."
            ) from error


@contextlib.contextmanager
def counting(rdb: Path, seconds: float = LOAD_SECONDS) -> Iterator[Scratch]:
    """Load a file as it is, keys whose time is over included; only this process can connect."""
    with _running(rdb, "127.0.0.1", [_NOWHERE], "default", secrets.token_hex(16), seconds) as it:
        yield it


@contextlib.contextmanager
def editing(rdb: Path, seconds: float = LOAD_SECONDS) -> Iterator[Scratch]:
    """Load a file to change it, but not keys whose time is over; only this process can connect."""
    with _running(rdb, "127.0.0.1", [], "default", secrets.token_hex(16), seconds) as it:
        yield it


@contextlib.contextmanager
def serving(
    rdb: Path, address: str, user: str, password: str, seconds: float = LOAD_SECONDS
) -> Iterator[Scratch]:
    """Load a file and let replicas that know the password have it; keys do not expire meanwhile."""
    lines = ["enable-debug-command local", "repl-diskless-sync-delay 0"]
    with _running(rdb, address, lines, user, password, seconds) as it:
        ask: Any = it.client
        ask.execute_command("DEBUG", "SET-ACTIVE-EXPIRE", "0")
        yield it


@contextlib.contextmanager
def _running(  # noqa: PLR0917 - two callers
    rdb: Path, address: str, lines: list[str], user: str, password: str, seconds: float
) -> Iterator[Scratch]:
    with TemporaryDirectory(prefix=".scratch-", dir=rdb.parent) as name:
        folder = Path(name)
        _link(rdb, folder / "dump.rdb")
        port = _free_port(address)
        config = [
            f"bind {address} 127.0.0.1" if address != "127.0.0.1" else "bind 127.0.0.1",
            f"port {port}",
            f'dir "{folder}"',
            "dbfilename dump.rdb",
            f"databases {DATABASES}",
            'save ""',
            "appendonly no",
            "daemonize no",
            *(["user default off"] if user != "default" else []),
            f"user {_quoted(user)} on allkeys allchannels allcommands {_quoted('>' + password)}",
            *lines,
        ]
        server = Server("127.0.0.1", port, user=user, password=password)
        log = folder / "log"
        with log.open("wb") as sink:
            process = subprocess.Popen(  # noqa: S603 - no shell
                [*_mortal(), program("redis-server"), "-"],
                stdin=subprocess.PIPE,
                stdout=sink,
                stderr=subprocess.STDOUT,
            )
        try:
            assert process.stdin is not None  # noqa: S101 - for the type checker
            process.stdin.write("\n".join(config).encode() + b"\n")
            process.stdin.close()
            with server.client() as client:
                _wait_loaded(process, client, log, seconds)
                yield Scratch(server, client, folder / "dump.rdb")
        finally:
            _stop(process)


def _mortal() -> list[str]:
    """What lets a server end with us however we end, where that can be had: it holds the data."""
    found = shutil.which("setpriv")  # of util-linux
    return [found, "--pdeathsig", "KILL"] if found else []


def _wait_loaded(
    process: subprocess.Popen[bytes], client: redis.Redis, log: Path, seconds: float
) -> None:
    deadline = time.monotonic() + seconds
    while True:
        if process.poll() is not None:
            lines = log.read_text(errors="replace").strip().splitlines() or ["it said nothing"]
            raise DamagedError(
                f"A scratch server could not load the copy of the data ({lines[-1].strip()}): see"
                " whether it has memory enough; if so, use another backup."
            )
        with contextlib.suppress(redis.RedisError):
            found: dict[str, object] = dict(client.info("persistence"))
            if not int(str(found["loading"])):
                return
        if time.monotonic() > deadline:
            raise BackupError(f"A scratch server did not load the data in {seconds:.0f} s.")
        time.sleep(0.05)


def _quoted(word: str) -> str:
    """A word for Redis' configuration, whatever is in it."""
    return '"' + "".join(f"\\x{byte:02x}" for byte in word.encode()) + '"'


def _stop(process: subprocess.Popen[bytes]) -> None:
    process.kill()  # it holds nothing that is worth saving
    process.wait(30)


def _link(rdb: Path, place: Path) -> None:
    """A name of its own for the file, for a server may replace or remove what it loads."""
    try:
        place.hardlink_to(rdb)
    except OSError:
        shutil.copyfile(rdb, place)


def _free_port(address: str) -> int:
    family = socket.AF_INET6 if ":" in address else socket.AF_INET
    with socket.socket(family, socket.SOCK_STREAM) as probe:
        probe.bind((address, 0))
        return int(probe.getsockname()[1])
