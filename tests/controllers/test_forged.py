"""DigitalHumanBackups that others have made to look like those of the operator."""

from __future__ import annotations

import json
from typing import Any

import pytest

from digital_human_operator import names
from digital_human_operator.seen import Key
from digital_human_operator.status.records import FAILURES
from tests.support.world import NAMESPACE, World

from .test_scheduled import (
    ADA,
    BACKUP,
    CLAIM,
    JOB,
    KIND,
    NAME,
    RECORD,
    backup_id,
    end,
    look,
    pod,
    records,
    run,
    status,
    template,
    uid,
    words,
)

ELSEWHERE: dict[str, Any] = {"persistentVolumeClaim": {"claimName": "of-somebody-else"}}


@pytest.fixture
async def ada(world: World) -> World:
    """A human with a CronJob."""
    await world.start(world.human(backup=BACKUP))
    return world


def forge(world: World, name: str = NAME, job: str = JOB, **spec: Any) -> Key:
    """What somebody makes who has looked at a record of ada's."""
    marks = {names.ANNOTATION_JOB: job, names.ANNOTATION_UID: uid(world)}
    said = {"digitalHuman": "ada", "include": ["config"], "destination": CLAIM} | spec
    return world.put(KIND, name, spec=said, metadata={"annotations": marks})


def reason(world: World, key: Key = RECORD) -> str:
    found: str = world.condition("Ready", key)["reason"]
    return found


async def finish(world: World, day: int = 27, oldest: str | None = None) -> None:
    pod(world, "Succeeded", *words(day, oldest))
    end(world)
    await look(world)


class TestARun:
    async def test_is_followed_by_the_object_that_its_job_names_only(self, ada: World) -> None:
        run(ada)
        await look(ada)
        key = forge(ada, "ada-forged")
        await finish(ada)
        assert reason(ada, key) == "ForeignObject"
        told = status(ada, "ada-forged")
        assert told["phase"] == "Failed"
        assert not {"uid", "backup", "destination"} & told.keys()
        assert status(ada)["backup"]["id"] == backup_id(27)

    @pytest.mark.parametrize("spec", [{"destination": ELSEWHERE}, {"include": ["sessions"]}])
    async def test_is_not_followed_by_one_that_says_something_else_of_it(
        self, ada: World, spec: dict[str, Any]
    ) -> None:
        run(ada)
        forge(ada, **spec)
        await finish(ada)
        assert reason(ada) == "ForeignObject"
        assert "uid" not in status(ada)
        assert ada.events().count("BackupNotRecorded") == 1
        ada.writes()
        await look(ada)
        assert ada.writes() == []

    async def test_is_followed_by_one_that_says_the_same_in_other_words(self, ada: World) -> None:
        s3: dict[str, Any] = {"s3": {"bucket": "backups"}}
        await ada.start(ada.human(backup=BACKUP | {"destination": s3}))
        run(ada)
        said = json.loads(template(ada)["annotations"][names.ANNOTATION_SAID])["destination"]
        assert said != s3  # with a default, which is left out here
        forge(ada, destination=s3)
        await finish(ada)
        assert status(ada)["phase"] == "Succeeded"

    async def test_waits_without_a_word_until_its_job_names_its_object(self, ada: World) -> None:
        run(ada)
        key = forge(ada)
        ada.writes()
        assert await ada.reconcile(key) == 1.0
        assert ada.writes() == []
        await look(ada)
        assert status(ada)["phase"] == "Running"

    async def test_is_no_other_job_of_ours(self, ada: World) -> None:
        ada.put(KIND, "asked", spec={"digitalHuman": "ada"})
        await ada.reconcile((KIND, NAMESPACE, "asked"))
        job = names.backup_run("asked")
        assert ada.get("Job", job)
        key = forge(ada, "ada-forged", job)
        assert await ada.reconcile(key) == 15.0
        assert reason(ada, key) == "Pending"
        assert job in ada.condition("Ready", key)["message"]
        ada.put("Job", job, status={"conditions": [{"type": "Complete", "status": "True"}]})
        await ada.reconcile(key)
        assert status(ada, "ada-forged")["phase"] == "Pending"


class TestTidying:
    async def failed(self, world: World) -> None:
        """A run that has failed."""
        run(world)
        pod(world, "Failed", '{"event": "failed", "message": "No."}')
        end(world, JOB, "Failed", reason="R")
        await look(world)

    async def test_what_others_made_pushes_nothing_out(self, ada: World) -> None:
        await self.failed(ada)
        forged = [f"ada-{270000 + n}-0200" for n in range(FAILURES)]
        for number, name in enumerate(forged):
            forge(ada, name, f"ada-backup-{40000000 + number}")
        await look(ada)
        assert {reason(ada, (KIND, NAMESPACE, name)) for name in forged} == {"JobGone"}
        later = "ada-backup-29537400"
        run(ada, later)
        pod(ada, "Succeeded", *words(28), job=later)
        end(ada, later)
        await look(ada)
        assert NAME in records(ada)
        assert set(forged) <= set(records(ada))

    async def test_what_others_made_removes_nothing(self, ada: World) -> None:
        run(ada)
        await finish(ada, 1)
        await ada.start(ada.human(backup=BACKUP | {"destination": ELSEWHERE}))
        later = "ada-backup-29537400"
        run(ada, later)
        await ada.reconcile(ADA)
        pod(ada, "Succeeded", *words(28, backup_id(28)), job=later)
        end(ada, later)
        key = forge(ada, "ada-forged", later)  # nobody prunes at CLAIM any more
        ada.writes()
        await ada.reconcile(key)
        assert [one for one in ada.writes() if one.startswith("delete")] == []
        assert NAME in records(ada)

    async def test_a_record_whose_marks_were_changed_goes_as_the_others(self, ada: World) -> None:
        run(ada)
        await finish(ada, 1)
        marks = ada.get(KIND, NAME)["metadata"]["annotations"] | {names.ANNOTATION_UID: "another"}
        ada.put(KIND, NAME, metadata={"annotations": marks})
        later = "ada-backup-29537400"
        run(ada, later)
        pod(ada, "Succeeded", *words(28, backup_id(28)), job=later)
        end(ada, later)
        await look(ada)
        assert NAME not in records(ada)


async def test_a_backup_by_annotation_of_other_parts_does_not_count(world: World) -> None:
    key = world.human(backup=BACKUP)
    name = names.asked_backup("ada", uid(world), "now")
    marks = {names.ANNOTATION_ASKED: "now", names.ANNOTATION_UID: uid(world)}
    said = {"digitalHuman": "ada", "include": ["objects"]}
    world.put(KIND, name, spec=said, metadata={"annotations": marks})
    world.put("DigitalHuman", metadata={"annotations": {names.ANNOTATION_ASKED: "now"}})
    await world.reconcile(key)
    assert world.condition("BackupRequested")["reason"] == "NameTaken"
