"""What Pods of backups and drills told stays in status when the Pods are gone."""

from typing import Any

import msgspec
import pytest

from digital_human_operator.api.v1alpha1.status import DigitalHumanStatus
from digital_human_operator.states import CronJobState, PodState, Result
from tests.status.looks import BACKUP, compute, condition, deployment, observed
from tests.support.builders import a_human

DONE = CronJobState("2026-03-01T02:00:00Z", "2026-03-01T02:10:00Z")


UID = a_human().uid
DRILLED = "20260301T020000Z-0123456789abcdef"


def backup_pod(
    number: int, *, ok: bool = True, phase: str = "Succeeded", uid: str = UID, **made: Any
) -> PodState:
    name = f"2026030{number}T020000Z-0123456789abcdef"
    created = Result(event="created", id=name, bytes=number * 100, digest="d", **made)
    verified = Result(event="verified", id=name, ok=ok, opened=True)
    return PodState(
        component="backup",
        phase=phase,
        job=f"ada-backup-2948{number}",
        human_uid=uid,
        results=(created, verified),
        ended=f"2026-03-0{number}T02:05:00Z",
    )


def drill_pod(number: int, phase: str = "Succeeded") -> PodState:
    told = Result(event="restored", id=DRILLED, bytes=5, seconds=12.2, age_seconds=3600)
    return PodState(
        component="restore-drill",
        phase=phase,
        job=f"ada-drill-2948{number}",
        human_uid=UID,
        results=(told,),
        ended=f"2026-03-0{number}T03:00:00Z",
    )


def look(
    *pods: PodState, previous: DigitalHumanStatus | None = None, **jobs: CronJobState
) -> DigitalHumanStatus:
    jobs = {"backup": DONE, "drill": DONE} | jobs
    return compute(BACKUP, observed(deployment(), pods=pods, **jobs), previous)


def test_the_newest_backup_counts() -> None:
    found = look(backup_pod(2), backup_pod(3, key_id="k"), backup_pod(1)).backup
    assert found is not None
    assert found.newest is not None
    assert found.newest.id.startswith("20260303")
    assert (found.newest.bytes, found.newest.key_id, found.newest.verified) == (300, "k", True)


def test_it_stays_when_its_pod_goes_and_an_older_one_does_not_come_back() -> None:
    first = look(backup_pod(3), drill_pod(3))
    assert look(previous=first).backup == first.backup
    assert look(backup_pod(1), drill_pod(1), previous=first).backup == first.backup


def test_one_that_was_made_and_not_verified_says_so() -> None:
    found = look(backup_pod(3, ok=False, phase="Failed")).backup
    assert found is not None
    assert found.newest is not None
    assert found.newest.verified is False


def test_nothing_is_told_before_the_end() -> None:
    found = look(backup_pod(3, phase="Running"), drill_pod(3, "Running")).backup
    assert found is not None
    assert (found.newest, found.proven) == (None, None)


def test_a_backup_of_another_one_of_that_name_or_of_other_parts_is_none_of_ours() -> None:
    for uid in ("", "of-an-earlier-ada"):
        found = look(backup_pod(3, uid=uid)).backup
        assert found is not None
        assert found.newest is None


def test_a_word_that_is_no_id_makes_no_backup() -> None:
    pod = backup_pod(3)
    odd = tuple(msgspec.structs.replace(one, id="zzz") for one in pod.results)
    found = look(msgspec.structs.replace(pod, results=odd)).backup
    assert found is not None
    assert found.newest is None


def test_a_drill_measures_recovery_time_and_point() -> None:
    found = look(drill_pod(2))
    assert found.backup is not None
    assert found.backup.proven is not None
    assert found.backup.proven.restore_seconds == 13
    assert found.backup.proven.data_age_seconds == 3600
    proven = condition(found, "RestoreProven")
    assert proven is not None
    assert proven.message == (
        f"the last drill succeeded: backup {DRILLED} came back in 13 s (RTO), its data were 3600 s"
        " old (RPO)"
    )
    kept = condition(look(previous=found), "RestoreProven")
    assert kept is not None
    assert kept.message == proven.message


@pytest.mark.parametrize(
    ("component", "kind", "job"),
    [
        ("backup", "BackupHealthy", "ada-backup-2"),
        ("restore-drill", "RestoreProven", "ada-drill-2"),
    ],
)
def test_a_failure_is_told_in_the_words_of_the_tool(component: str, kind: str, job: str) -> None:
    failed = CronJobState("2026-03-01T02:00:00Z", "2026-02-28T02:10:00Z")
    said = [
        PodState(
            component=component,
            phase="Failed",
            job=job,
            results=(Result(event="failed", message=text),),
            ended=ended,
        )
        for text, ended in (("old", "2026-02-27T02:00:00Z"), ("new", "2026-03-01T02:01:00Z"))
    ]
    found = condition(look(*said, backup=failed, drill=failed), kind)
    assert found is not None
    assert (found.reason, found.message.endswith("did not succeed: new")) == ("Failed", True)


def test_a_failed_request_is_no_failure_of_the_schedule() -> None:
    failed = CronJobState("2026-03-01T02:00:00Z", "2026-02-28T02:10:00Z")
    told = (Result(event="failed", message="only mine"),)
    other = PodState(component="backup", phase="Failed", job="today-backup-run", results=told)
    found = condition(look(other, backup=failed), "BackupHealthy")
    assert found is not None
    assert "only mine" not in found.message
