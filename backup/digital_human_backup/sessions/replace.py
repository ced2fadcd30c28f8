"""
Puts data into a running server: it becomes a replica of a scratch server, then its own again.

The server itself swaps its old data for the new ones, once all of them have arrived. So whoever
looks sees the old data or the new ones, and the server's AOF and replicas follow by themselves.
"""

from __future__ import annotations

import contextlib
import secrets
import socket
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

from digital_human_backup.errors import BackupError, RefusedError

from .library import redis
from .scratch import Scratch, serving
from .server import Databases, Server, databases, version, version_of

REPLACE_SECONDS = 3600.0
_OURS = "digital-human-restore:"
"""How a password begins that a restore has set; what was there before is its end."""
_POLL_SECONDS = 0.1


def replace(
    rdb: Path, target: Server, address: str | None = None, seconds: float = REPLACE_SECONDS
) -> Databases:
    """
    Replace everything that ``target`` holds by a file; return the keys of each database.

    ``address`` is where the target reaches this machine (None: where we come from, as it sees it).
    Interrupted at any time it can be run again. Until then the target may go on as a replica of
    nobody, with its old data or with all of the new ones, and refuse writes.
    """
    deadline = time.monotonic() + seconds
    with target.client() as client:
        before = target.info(client)
        _check(target, client, before)
        user, old = _credentials(target, client)
        password = f"{_OURS}{secrets.token_hex(16)}:{old}"
        here = address or _seen_from(target)
        with serving(rdb, here, user or "default", password, seconds) as scratch:
            _check_room(target, client, scratch)
            expected = scratch.databases()
            with _following(target, client, scratch, here, password, old):
                _wait(target, client, deadline, lambda info: _same(info, scratch, expected))
        _settle(target, client, str(before["run_id"]), deadline)
        return databases(target.info(client))


def _check(target: Server, client: redis.Redis, info: dict[str, Any]) -> None:
    """Refuse a server that must not be, or cannot be, a replica of ours."""
    if info.get("cluster_enabled"):
        raise RefusedError(f"{target.name} is part of a cluster, which is not supported.")
    if info["role"] != "master" and not _setting(target, client, "masterauth").startswith(_OURS):
        raise RefusedError(
            f"{target.name} is a replica of {info.get('master_host')}: name the primary, its"
            " replicas follow."
        )
    ours = version()
    if version_of(str(info["redis_version"])) < ours:
        raise RefusedError(
            f"{target.name} is version {info['redis_version']}, older than redis-server here"
            f" ({ours[0]}.{ours[1]}), and could not read its data: upgrade it first."
        )
    if _setting(target, client, "tls-replication") == "yes":
        raise RefusedError(
            f"{target.name} replicates by TLS only (tls-replication), which is not supported:"
            " restore into a folder (--into) and start a server with the file."
        )


def _check_room(target: Server, client: redis.Redis, scratch: Scratch) -> None:
    """Refuse data that the target could not hold."""
    highest = max((int(name) for name in scratch.databases()), default=0)
    if highest >= int(_setting(target, client, "databases") or 16):
        raise RefusedError(
            f"The backup has a database {highest}, which {target.name} has not: raise its setting"
            " databases."
        )
    limit = int(_setting(target, client, "maxmemory") or 0)
    used = int(scratch.server.info(scratch.client)["used_memory_dataset"])
    if limit and used > limit:
        raise RefusedError(
            f"The backup needs {used / 2**20:.0f} MiB of memory and {target.name} may use"
            f" {limit / 2**20:.0f} MiB: raise its maxmemory."
        )


def _credentials(target: Server, client: redis.Redis) -> tuple[str, str]:
    """User and password by which the target calls its primary, before any restore."""
    password = _setting(target, client, "masterauth")
    if password.startswith(_OURS):  # a restore was killed, and left its own
        password = password.removeprefix(_OURS).partition(":")[2]
    return _setting(target, client, "masteruser"), password


def _setting(target: Server, client: redis.Redis, name: str) -> str:
    try:
        found: Any = client.config_get(name)
    except redis.RedisError as error:
        raise target.explain(error) from error
    return str(found.get(name) or "")


@contextlib.contextmanager
def _following(  # noqa: PLR0917 - one caller
    target: Server, client: redis.Redis, scratch: Scratch, here: str, password: str, old: str
) -> Iterator[None]:
    """The target follows the scratch server, and whatever happens nobody afterwards."""
    try:
        client.config_set("masterauth", password)
        client.replicaof(here, str(scratch.server.port))
    except redis.RedisError as error:
        _release(target, old)
        raise target.explain(error) from error
    try:
        yield
    except BaseException:
        with contextlib.suppress(BackupError):
            _release(target, old)
        raise
    _release(target, old)


def _release(target: Server, old: str) -> None:
    """Make a primary of the target again, by a connection of its own."""
    try:
        with target.client() as client:
            client.replicaof("NO", "ONE")
            client.config_set("masterauth", old)
    except redis.RedisError as error:
        raise target.explain(error) from error


def _same(info: dict[str, Any], scratch: Scratch, expected: Databases) -> bool:
    """Whether the target has all data; BackupError when it has others."""
    if info.get("master_link_status") != "up" or info.get("master_sync_in_progress"):
        return False
    if int(info["master_port"]) != scratch.server.port:
        return False
    found = databases(info)
    if found != expected:
        raise BackupError(
            f"The restored server has {found} and the backup {expected}: run the restore again."
        )
    return True


def _settle(target: Server, client: redis.Redis, run_id: str, deadline: float) -> None:
    """Wait until the data would survive a restart of the target."""

    def safe(info: dict[str, Any]) -> bool:
        if str(info["run_id"]) != run_id:
            raise BackupError(f"{target.name} restarted during the restore: run it again.")
        if info["role"] != "master" or info.get("aof_rewrite_in_progress"):
            return False
        return not info.get("aof_rewrite_scheduled")

    _wait(target, client, deadline, safe)
    info = target.info(client)
    if info.get("aof_enabled"):
        if info.get("aof_last_bgrewrite_status") != "ok":
            raise BackupError(f"{target.name} could not write its AOF: make room, then try again.")
    elif _setting(target, client, "save"):
        _save(target, client, run_id, deadline)


def _save(target: Server, client: redis.Redis, run_id: str, deadline: float) -> None:
    """Have the target write its file, and see that it did so after we asked."""
    _wait(target, client, deadline, lambda info: not info.get("rdb_bgsave_in_progress"))
    try:
        asked = int(client.time()[0])
        client.bgsave()
    except redis.RedisError as error:
        if "in progress" not in str(error):  # one that began after the restore is as good
            raise target.explain(error) from error

    def saved(info: dict[str, Any]) -> bool:
        if str(info["run_id"]) != run_id:
            raise BackupError(f"{target.name} restarted during the restore: run it again.")
        if info.get("rdb_bgsave_in_progress"):
            return False
        if info.get("rdb_last_bgsave_status") != "ok":
            raise BackupError(f"{target.name} could not save its data: make room, then try again.")
        return int(info["rdb_last_save_time"]) >= asked

    _wait(target, client, deadline, saved)


def _wait(
    target: Server, client: redis.Redis, deadline: float, done: Callable[[dict[str, Any]], bool]
) -> None:
    """Ask again and again; a server that is loading does not answer everything."""
    while True:
        with contextlib.suppress(redis.exceptions.BusyLoadingError, redis.ConnectionError):
            found: Any = client.info("everything")
            if done(dict(found)):
                return
        if time.monotonic() > deadline:
            raise BackupError(
                f"{target.name} did not take the data in time: check that it reaches this machine"
                " (--listen) and has room, then try again."
            )
        time.sleep(_POLL_SECONDS)


def _seen_from(target: Server) -> str:
    """Our address on the way to the target."""
    try:
        with socket.create_connection((target.host, target.port), 10) as connection:
            return str(connection.getsockname()[0])
    except OSError as error:
        raise BackupError(
            f"{target.name} does not answer ({error}): check that it runs."
        ) from error
