"""A consistent copy of a running server's data, as a replica gets it."""

from __future__ import annotations

import os
import subprocess
from dataclasses import dataclass
from pathlib import Path

from digital_human_backup.errors import BackupError, RefusedError

from .server import Server, check_version, program

COPY_SECONDS = 4 * 3600
_LAST_WORDS = 200


@dataclass(frozen=True, slots=True)
class Origin:
    """What a copy was made of."""

    version: str
    run_id: str


def copy(server: Server, into: Path, seconds: float = COPY_SECONDS) -> Origin:
    """
    Write the data of a server to a file in Redis' own format (RDB).

    Uses SYNC, so it works on a server elsewhere, a replica, with AOF or without. Raises BackupError
    when the server restarted meanwhile or the file did not arrive whole.
    """
    server.greet()
    with server.client() as client:
        before = server.info(client)
        if before.get("loading"):
            raise BackupError(f"{server.name} is still loading its data: try again.")
        if before.get("cluster_enabled"):
            raise RefusedError(f"{server.name} is part of a cluster, which is not supported.")
        check_version(server.name, str(before["redis_version"]))
        _sync(server, into, seconds)
        after = server.info(client)
    if before["run_id"] != after["run_id"]:
        into.unlink(missing_ok=True)
        raise BackupError(f"{server.name} restarted while its data was copied: try again.")
    return Origin(str(before["redis_version"]), str(before["run_id"]))


def _sync(server: Server, into: Path, seconds: float) -> None:
    command = [program("redis-cli"), "-h", server.host, "-p", str(server.port)]
    command += ["--user", server.user] if server.user else []
    command += ["--tls"] if server.tls else []
    command += ["--cacert", str(server.ca_file)] if server.tls and server.ca_file else []
    environment = {**os.environ}
    if server.password is not None:
        environment["REDISCLI_AUTH"] = server.password
    try:
        done = subprocess.run(  # noqa: S603 - no shell
            [*command, "--rdb", str(into)],
            env=environment,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.PIPE,
            timeout=seconds,
            check=False,
        )
    except subprocess.TimeoutExpired as error:
        into.unlink(missing_ok=True)
        raise BackupError(f"{server.name} sent no whole copy in {seconds:.0f} s.") from error
    if done.returncode or not into.exists():
        into.unlink(missing_ok=True)
        why = done.stderr.decode(errors="replace").strip()[-_LAST_WORDS:].splitlines()
        raise BackupError(
            f"{server.name} sent no whole copy of its data ({why[-1] if why else 'it broke off'}):"
            " check that it runs, that the user may SYNC, and that the scratch folder has room."
        )
