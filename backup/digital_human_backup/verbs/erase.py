"""`erase`: have a subject forgotten, now and by every restore."""

from __future__ import annotations

import os
import re
import sys
from collections.abc import Iterable
from pathlib import Path
from typing import Annotated

import typer

from digital_human_backup import options
from digital_human_backup.errors import RefusedError
from digital_human_backup.ledger import Ledger
from digital_human_backup.options import Output, Place
from digital_human_backup.sessions import Erased, Server, check_erasable
from digital_human_backup.sessions import erase as erase_from

LONGEST_SUB = 128
"""Characters that the runtime keeps of a token's subject."""
_PRINCIPAL = re.compile(rb"anonymous|[a-z]+:.+", re.DOTALL)
_KEY = re.compile(rb"key:[0-9a-f]{16}")


@options.verb
def erase(  # noqa: PLR0917 - typer makes options of them
    place: Place,
    subjects: Annotated[
        list[str] | None, typer.Argument(help="Principals such as jwt:alice.", show_default=False)
    ] = None,
    source: Annotated[
        Path | None, typer.Option("--from", help="File of subjects, one a line; - is stdin.")
    ] = None,
    null: Annotated[
        bool, typer.Option("--null", help="A zero byte ends each of them instead of a line.")
    ] = False,
    redis: options.RedisAddress = None,
    redis_user: options.RedisUser = None,
    redis_password_file: options.RedisPasswordFile = None,
    redis_ca_file: options.RedisCaFile = None,
    key_file: options.KeyFile = None,
    workers: options.Workers = 4,
    output: options.OutputOption = Output.TEXT,
) -> None:
    """
    Note in the erasure ledger that subjects are erased, and remove them from a running Redis.

    Restores leave them out from then on. Interrupted anywhere, run it again.
    """
    server = options.redis_server(redis, redis_user, redis_password_file, redis_ca_file)
    keys = options.read_keys(key_file)
    wanted = _subjects(subjects or [], source, null=null)
    with place.open() as repository:
        if server is not None:
            check_erasable(server)
        ledger = Ledger(repository.store, place.uid, keys)
        key = ledger.note(wanted, workers)
        erased = None
        if server is not None:
            open_entries = ledger.unfinished(wanted)
            erased = erase_from(server, wanted.__contains__)
            ledger.finish(open_entries, workers)
    _tell(output, len(wanted), key.id, server, erased)


def _tell(
    output: Output, count: int, key_id: str, server: Server | None, erased: Erased | None
) -> None:
    facts = {
        "event": "erased",
        "subjects": count,
        "keyId": key_id,
        "sessions": None if erased is None else erased.sessions,
        "tickets": None if erased is None else erased.tickets,
    }
    text = f"{count} subjects are in the erasure ledger"
    if server is None or erased is None:
        text += "; give --redis as well to remove them from a running Redis."
    else:
        text += f"; {erased.sessions} sessions and {erased.tickets} tickets were removed from"
        text += f" {server.name}."
    options.tell(output, facts, text)


def _subjects(given: list[str], source: Path | None, *, null: bool) -> frozenset[bytes]:
    """Who is to be erased; RefusedError when one of them cannot be a principal."""
    found = [(os.fsencode(word), f"Subject {number}") for number, word in enumerate(given, 1)]
    if source is not None:
        found += _read(source, null=null)
    elif null:
        raise RefusedError("--null says how subjects end in a file: name it with --from.")
    if not found:
        raise RefusedError(
            "There is nobody to erase: name subjects, or a file of them with --from (- is standard"
            " input)."
        )
    for subject, where in found:
        _check(subject, where)
    return frozenset(subject for subject, _ in found)


def _read(source: Path, *, null: bool) -> Iterable[tuple[bytes, str]]:
    """Subjects of a file and where they are; nothing between two ends is no subject."""
    name = "standard input" if str(source) == "-" else str(source)
    try:
        data = sys.stdin.buffer.read() if str(source) == "-" else source.read_bytes()
    except OSError as error:
        raise RefusedError(f"{source} cannot be read: check --from.") from error
    items = data.split(b"\0") if null else [line.removesuffix(b"\r") for line in data.split(b"\n")]
    word = "Item" if null else "Line"
    return [(item, f"{word} {number} of {name}") for number, item in enumerate(items, 1) if item]


def _check(subject: bytes, where: str) -> None:
    """Refuse what would erase nobody; the message never repeats it."""
    if not subject:
        raise RefusedError(f"{where} is empty: write a principal such as jwt:alice.")
    if not _PRINCIPAL.fullmatch(subject):
        raise RefusedError(
            f"{where} is no principal: write jwt: and the sub of the token, or key: and 16 hex"
            " digits, as the session store has it."
        )
    if subject.startswith(b"key:") and not _KEY.fullmatch(subject):
        raise RefusedError(
            f"{where} is no principal: after key: write the first 16 hex digits of the SHA-256 of"
            " the API key, never the key itself."
        )
    longest = len(b"jwt:") + LONGEST_SUB
    if subject.startswith(b"jwt:") and len(subject.decode(errors="replace")) > longest:
        raise RefusedError(
            f"{where} is too long: the runtime keeps {LONGEST_SUB} characters of a token's sub, so"
            f" write jwt: and the first {LONGEST_SUB}."
        )
