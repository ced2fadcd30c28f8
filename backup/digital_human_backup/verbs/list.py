"""`list`: show the backups of a human."""

from __future__ import annotations

import json
import sys
from typing import Any

from digital_human_backup import options
from digital_human_backup.format.keys import PLAIN
from digital_human_backup.options import Output, Place
from digital_human_backup.repository import Found


@options.verb
def list_backups(place: Place, output: options.OutputOption = Output.TEXT) -> None:
    """List the backups, oldest first; needs no key."""
    with place.open() as repository:
        verified = repository.verified()
        rows = [_row(found, verified) for found in repository.backups()]
    if output is Output.JSON:
        print(json.dumps(rows))
        return
    _show(rows)


def _show(rows: list[dict[str, Any]]) -> None:
    from rich.console import Console  # noqa: PLC0415 - other verbs need not load it
    from rich.table import Table  # noqa: PLC0415
    from rich.text import Text  # noqa: PLC0415

    def plain(words: str) -> Text:
        """What others wrote, without markup and without what a terminal would obey."""
        return Text("".join(sign if sign.isprintable() else "?" for sign in words))

    table = Table("ID", "HUMAN", "PARTS", "SIZE", "KEYS OF REDIS", "KEY", "VERIFIED", box=None)
    for row in rows:
        if row["error"]:
            table.add_row(row["id"], plain(row["error"]))
            continue
        table.add_row(
            row["id"],
            plain(row["human"]),
            plain(",".join(row["parts"])),
            options.size(row["bytes"]),
            "-" if row["redisKeys"] is None else str(row["redisKeys"]),
            plain(row["keyId"] or "not encrypted"),
            "yes" if row["verified"] else "no",
        )
    Console(width=None if sys.stdout.isatty() else 140).print(table)


def _row(found: Found, verified: dict[str, str]) -> dict[str, Any]:
    made = found.manifest
    if made is None:
        return {"id": found.id, "error": str(found.error)}
    databases = made.redis["databases"] if made.redis else None
    return {
        "id": made.id,
        "error": None,
        "human": made.human,
        "created": f"{made.created:%Y-%m-%dT%H:%M:%SZ}",
        "parts": sorted(made.parts),
        "bytes": made.size,
        "storedBytes": made.stored,
        "redisKeys": None if databases is None else sum(one["keys"] for one in databases.values()),
        "keyId": None if made.key_id == PLAIN else made.key_id,
        "digest": made.digest,
        "verified": verified.get(made.id) == made.digest,
    }
