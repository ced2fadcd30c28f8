"""Backups and drills that do not happen are told, with or without somebody who looks."""

from typing import Any

import pytest

from digital_human_operator import status
from digital_human_operator.states import CronJobState
from tests.status.looks import compute, condition, deployment, observed
from tests.support.builders import a_human

NOW = "2026-03-10T12:00:00Z"


def spec(schedule: str = "0 2 * * *", zone: str = "UTC") -> dict[str, Any]:
    claim = {"persistentVolumeClaim": {"claimName": "x"}}
    return {"backup": {"schedule": schedule, "timeZone": zone, "destination": claim}}


def told(wanted: dict[str, Any], job: CronJobState, now: str = NOW) -> tuple[str, str, str]:
    one = condition(compute(wanted, observed(deployment(), backup=job), now=now), "BackupHealthy")
    assert one is not None
    return one.status, one.reason, one.message


@pytest.mark.parametrize(
    ("schedule", "success", "expected"),
    [
        ("0 2 * * *", "2026-03-10T02:10:00Z", "Running"),
        ("0 2 * * *", "2026-03-09T02:10:00Z", "Running"),
        ("0 2 * * *", "2026-03-08T02:10:00Z", "Overdue"),
        ("@daily", "2026-03-08T02:10:00Z", "Overdue"),
        ("@weekly", "2026-03-01T00:10:00Z", "Running"),
        ("@weekly", "2026-02-22T00:10:00Z", "Overdue"),
        ("@hourly", "2026-03-10T09:30:00Z", "Overdue"),
        ("0 2 * * mon-fri", "2026-03-06T02:10:00Z", "Overdue"),
        ("0 2 * * 1", "2026-03-02T02:10:00Z", "Running"),
        ("0 2 ? * *", "2026-03-08T02:10:00Z", "Overdue"),
    ],
)
def test_two_runs_without_a_success_are_too_many(
    schedule: str, success: str, expected: str
) -> None:
    job = CronJobState("2026-03-10T11:59:00Z", success, active=1)
    assert told(spec(schedule), job)[1] == expected


def test_sentence_says_since_when() -> None:
    hangs = CronJobState("2026-03-10T02:00:00Z", "2026-03-07T02:10:00Z", active=1)
    assert told(spec(), hangs) == (
        "False",
        "Overdue",
        "no backup has succeeded since 2026-03-07T02:10:00Z, although two were due",
    )


def test_cron_job_that_never_runs_is_told_too() -> None:
    asleep = CronJobState(created="2026-03-01T00:00:00Z")
    assert told(spec(), asleep) == (
        "False",
        "Overdue",
        "no backup has succeeded so far, although two were due",
    )
    assert told(spec(), CronJobState(created="2026-03-10T00:00:00Z"))[1] == "NotRunYet"


def test_the_time_zone_decides_when_it_was_due() -> None:
    job = CronJobState("2026-03-09T02:00:00Z", "2026-03-09T03:00:00Z")
    at = "2026-03-10T20:00:00Z"  # 05:00 of the 11th in Tokyo, where the second run was at 02:00
    assert told(spec(zone="UTC"), job, at)[0] == "True"
    assert told(spec(zone="Asia/Tokyo"), job, at)[1] == "Overdue"


@pytest.mark.parametrize(
    ("wanted", "job"),
    [
        (spec(), CronJobState(created="2026-01-01T00:00:00Z", suspended=True)),
        (spec(), CronJobState()),
        (spec("0 2 31 2 *"), CronJobState(created="2026-01-01T00:00:00Z")),
        (spec(zone="Nowhere/Land"), CronJobState(created="2026-01-01T00:00:00Z")),
    ],
)
def test_what_cannot_be_known_is_not_told(wanted: dict[str, Any], job: CronJobState) -> None:
    assert told(wanted, job)[0] == "Unknown"
    seen = observed(deployment(), backup=job)
    assert status.look_again(a_human(wanted), compute(wanted, seen), seen, NOW) is None


def test_it_is_looked_at_again_right_after_the_deadline() -> None:
    job = CronJobState("2026-03-10T02:00:00Z", "2026-03-10T02:10:00Z")
    seen = observed(deployment(), backup=job)
    wait = status.look_again(a_human(spec()), compute(spec(), seen, now=NOW), seen, NOW)
    assert wait == 38 * 3600 + 1  # 02:00 of the 12th
    assert told(spec(), job, "2026-03-12T02:00:00Z")[0] == "True"
    assert told(spec(), job, "2026-03-12T02:00:01Z")[1] == "Overdue"


def test_the_nearer_of_backup_and_drill_decides() -> None:
    wanted = spec()
    wanted["backup"]["drill"] = {"schedule": "@hourly"}
    job = CronJobState("2026-03-10T02:00:00Z", "2026-03-10T02:10:00Z")
    drill = CronJobState("2026-03-10T12:00:00Z", "2026-03-10T12:00:00Z")
    seen = observed(deployment(), backup=job, drill=drill)
    wait = status.look_again(a_human(wanted), compute(wanted, seen, now=NOW), seen, NOW)
    assert wait == 2 * 3600 + 1
