"""`objects`: show the human's own object, as it was when the backup was made."""

from __future__ import annotations

import base64
import json
import sys
import zlib
from pathlib import Path
from typing import Annotated, Any

import typer

from digital_human_backup import options
from digital_human_backup.errors import DamagedError, RefusedError
from digital_human_backup.options import Output, Place
from digital_human_backup.progress import report
from digital_human_backup.reader import Reader

PART = "objects"
HUMAN_FILE = "digitalhuman.json"
NEEDS_FILE = "needs.json"
_GROUP = "aiqtoolkit.io/"
PIECE = 3600
"""Characters of one piece: with what is said of it, a container's last word of 4 KiB."""


@options.verb
def objects(  # noqa: PLR0917 - typer makes options of them
    place: Place,
    backup: options.BackupId = "latest",
    key_file: options.KeyFile = None,
    piece: Annotated[
        int, typer.Option(min=0, help="With -o json: which piece of the packed object.")
    ] = 0,
    scratch: options.ScratchFolder = None,
    output: options.OutputOption = Output.TEXT,
) -> None:
    """
    Show the DigitalHuman as it was, for `kubectl apply`; what it needs goes to standard error.

    With -o json it is packed (zlib, then base85) and cut into pieces that a container's last word
    can hold.
    """
    keys = options.read_keys(key_file)
    with place.open() as repository, options.scratch_folder(scratch) as folder:
        found = repository.find(backup)
        if PART not in found.parts:
            raise RefusedError(
                f"The backup {found.id} holds no objects, only {', '.join(sorted(found.parts))}:"
                " use another backup, or write the DigitalHuman anew."
            )
        Reader(repository, found, keys, report()).restore([PART], folder, 1)
        human = _human(_read(folder / PART / HUMAN_FILE, found.id), found.id)
        needs = _read(folder / PART / NEEDS_FILE, found.id)
    text = json.dumps(human, indent=2, ensure_ascii=False)
    if output is Output.TEXT:
        print(_sentence(needs), file=sys.stderr)
    packed = pack(human)
    told = {
        "event": "objects",
        "id": found.id,
        "digest": found.digest,
        "held": sorted(found.parts),
        "size": len(packed),
        "text": packed[piece * PIECE : (piece + 1) * PIECE],
    }
    options.tell(output, told, text)


def pack(human: Any) -> str:
    """The object without spaces, compressed, as letters and signs that JSON leaves as they are."""
    plain = json.dumps(human, separators=(",", ":"), ensure_ascii=False)
    return base64.b85encode(zlib.compress(plain.encode(), 9)).decode()


def _human(found: Any, backup: str) -> dict[str, Any]:
    """
    The object, with nothing beside what belongs there.

    It is made for `kubectl apply` by somebody who may do a lot: nobody who can write to the store
    may put another kind there, an owner or an annotation.
    """
    match found:
        case {
            "apiVersion": str(version),
            "kind": "DigitalHuman",
            "metadata": {"name": str(name)},
            "spec": dict(spec),
        } if version.startswith(_GROUP):
            head = {"apiVersion": version, "kind": "DigitalHuman", "metadata": {"name": name}}
            return head | {"spec": spec}
    raise DamagedError(
        f"The objects in the backup {backup} are no DigitalHuman: use another backup, and look who"
        " can write to the store."
    )


def _read(file: Path, backup: str) -> Any:
    try:
        found = json.loads(file.read_text(encoding="utf-8"))
        json.dumps(found, ensure_ascii=False).encode()  # half a letter cannot be shown
    except (OSError, ValueError, RecursionError) as error:
        raise DamagedError(
            f"The objects in the backup {backup} hold no {file.name} that can be read: use another"
            " backup."
        ) from error
    return found


def _sentence(needs: Any) -> str:
    """What has to be there before the human can be."""
    named = [
        f"{one['kind']} {one['name']} ({', '.join(map(str, one['keys']))})"
        for one in (needs if isinstance(needs, list) else [])
        if isinstance(one, dict) and {"kind", "name"} <= one.keys()
        if isinstance(one.get("keys"), list)
    ]
    return f"It needs {'; '.join(named)}." if named else "It needs no Secret and no ConfigMap."
