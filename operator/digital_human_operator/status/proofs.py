"""What the Pods of backups and drills told before they ended: sizes, and measured RTO and RPO."""

from __future__ import annotations

import math
import re
from collections.abc import Iterable

from digital_human_operator import names
from digital_human_operator.api.v1alpha1.status import BackupFacts, DrillFacts
from digital_human_operator.states import PodState

_ID = re.compile(r"[0-9]{8}T[0-9]{6}Z-[0-9a-f]{16}")
_OVER = frozenset({"Succeeded", "Failed"})


def newest(pods: Iterable[PodState], before: BackupFacts | None, uid: str) -> BackupFacts | None:
    """
    The newest backup of a human that holds all that is backed up of it, where it usually lies.

    Pods go, so what was known before counts too; and they outlive a human, hence ``uid``.
    """
    made = [made_by(pod) for pod in pods if pod.component == names.BACKUP and pod.human_uid == uid]
    found = [one for one in (*made, before) if one is not None]
    return max(found, key=lambda one: (one.id, one.verified), default=None)


def made_by(pod: PodState) -> BackupFacts | None:
    """The backup that a Pod has made; None while it runs, or when it made none."""
    created = next((one for one in pod.results if one.event == "created" and is_id(one.id)), None)
    if created is None or pod.phase not in _OVER:
        return None
    return BackupFacts(
        id=created.id,
        time=pod.ended or None,
        bytes=created.bytes,
        stored_bytes=created.stored_bytes,
        sent_bytes=created.sent_bytes,
        digest=created.digest or None,
        key_id=created.key_id,
        verified=any(
            one.event == "verified" and one.id == created.id and one.ok and one.opened
            for one in pod.results
        ),
    )


def proven(pods: Iterable[PodState], before: DrillFacts | None, uid: str) -> DrillFacts | None:
    """What the last drill that is known of has measured, of the human with ``uid``."""
    made = [_drilled(pod) for pod in pods if pod.component == names.DRILL and pod.human_uid == uid]
    found = [one for one in (*made, before) if one is not None]
    return max(found, key=lambda one: one.time or "", default=None)


def _drilled(pod: PodState) -> DrillFacts | None:
    if pod.phase != "Succeeded":
        return None
    for one in pod.results:
        if one.event == "restored" and is_id(one.id):
            return DrillFacts(
                backup=one.id,
                time=pod.ended or None,
                bytes=one.bytes,
                restore_seconds=math.ceil(one.seconds),
                data_age_seconds=one.age_seconds,
            )
    return None


def is_id(word: str) -> bool:
    """Whether a word is the id of a backup, as the tool makes them."""
    return _ID.fullmatch(word) is not None


def failure(pods: Iterable[PodState]) -> str:
    """Why the last Pod that failed did, in the tool's own words; empty when it told nothing."""
    failed = sorted((pod for pod in pods if pod.phase == "Failed"), key=lambda pod: pod.ended)
    told = (one.message for pod in reversed(failed) for one in pod.results if one.event == "failed")
    return next((text for text in told if text), "")
