"""
The annotation that asks for a backup: one DigitalHumanBackup for each token.

It is named after the human's uid and the token, and the token is echoed in the human's status, so
nothing is made twice however often the annotation is applied, and what somebody has deleted does
not come back. A human that is made again, with the token of before, asks for a backup of its own.
"""

from __future__ import annotations

import re

import msgspec

from digital_human_operator import names, status
from digital_human_operator.human import Human
from digital_human_operator.kinds import BACKUPS
from digital_human_operator.kube.errors import ApiError, Conflict, Forbidden, Invalid, NotFound
from digital_human_operator.names import FIELD_MANAGER
from digital_human_operator.observed import Asked
from digital_human_operator.seen import Key, Seen

from .requests import is_as_made
from .services import Services

_LONGEST = 64
_TOKEN = re.compile(r"[-A-Za-z0-9_.:+]+")


async def answer(
    services: Services, key: Key, seen: Seen, human: Human
) -> tuple[Asked | None, ApiError | None]:
    """What came of the annotation, if there is one; and the error after which to try again."""
    token = human.annotations.get(names.ANNOTATION_ASKED)
    if token is None:
        return None, None
    told = seen.status_object().get("askedBackup") or {}
    if told.get("token") == token:
        return _asked(token, told.get("backup", "")), None
    if (problem := _problem(human, token)) is not None:
        return problem, None
    return await _ask(services, key, seen.uid, token)


def _problem(human: Human, token: str) -> Asked | None:
    """Why nothing is made; None where something is."""
    text = f"no backup is made: annotation {names.ANNOTATION_ASKED}"
    if not token:
        return Asked("InvalidToken", f"{text} is empty; give it a word, for example the time")
    if len(token) > _LONGEST:
        return Asked("InvalidToken", f"{text} has more than {_LONGEST} characters")
    if not _TOKEN.fullmatch(token):
        return Asked("InvalidToken", f"{text} may hold letters, digits and - _ . : + only")
    if human.spec.backup is None:
        text = f"no backup is made: {human.name} has no spec.backup, which says where to put it"
        return Asked("NotConfigured", text)
    return None


async def _ask(
    services: Services, key: Key, uid: str, token: str
) -> tuple[Asked | None, ApiError | None]:
    """Make the DigitalHumanBackup, unless it is there."""
    name = names.asked_backup(key[2], uid, token)
    marks = {names.ANNOTATION_ASKED: token, names.ANNOTATION_UID: uid}
    known = services.seen.get((BACKUPS.kind, key[1], name))
    if known is not None:
        if is_as_made(known, {"digitalHuman": key[2]}, marks):
            return _asked(token, name), None
        text = f"no backup is made: {name} is there for something else; choose another token"
        return Asked("NameTaken", text), None
    try:
        await services.client.create(
            BACKUPS, key[1], _request(key[2], name, marks), manager=FIELD_MANAGER
        )
    except Conflict as error:
        text = f"DigitalHumanBackup {name} is there, and not known here yet"
        return Asked("Pending", text), error
    except (Invalid, NotFound, Forbidden) as error:
        return Asked("Refused", status.explain(name, error.message).message), error
    return _asked(token, name), None


def _asked(token: str, name: str) -> Asked:
    text = f"DigitalHumanBackup {name} was made for this token; it tells how it goes"
    return Asked("Requested", text, token, name)


def _request(human: str, name: str, marks: dict[str, str]) -> bytes:
    """The backup; without an owner, for it outlives the human."""
    metadata = {"name": name, "labels": {names.LABEL_HUMAN: human}, "annotations": marks}
    body = {"apiVersion": BACKUPS.api_version, "kind": BACKUPS.kind, "metadata": metadata}
    return msgspec.json.encode(body | {"spec": {"digitalHuman": human}})
