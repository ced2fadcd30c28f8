"""Each run of the backups' CronJob as a DigitalHumanBackup that follows its Job."""

from __future__ import annotations

import copy
import json
from typing import Any

import pytest

from digital_human_operator import names
from digital_human_operator.kube.errors import Forbidden
from digital_human_operator.seen import Key, seen_from
from digital_human_operator.status.records import FAILURES
from tests.support.world import NAMESPACE, World, address

KIND = "DigitalHumanBackup"
JOB = "ada-backup-29535960"
NAME = "ada-260227-0200"
CLAIM: dict[str, Any] = {"persistentVolumeClaim": {"claimName": "backups"}}
BACKUP: dict[str, Any] = {"schedule": "@daily", "destination": CLAIM, "include": ["config"]}
ADA: Key = ("DigitalHuman", NAMESPACE, "ada")
RECORD: Key = (KIND, NAMESPACE, NAME)


def backup_id(day: int) -> str:
    return f"202602{day:02}T020000Z-0123456789abcdef"


def words(day: int = 27, oldest: str | None = None) -> list[str]:
    made = {"event": "created", "id": backup_id(day), "bytes": 7}
    read = {"event": "verified", "id": made["id"], "ok": True, "opened": True}
    return [json.dumps(one) for one in (made, read, {"event": "pruned", "oldest": oldest})]


@pytest.fixture
async def ada(world: World) -> World:
    """A human with a CronJob."""
    await world.start(world.human(backup=BACKUP))
    return world


def template(world: World) -> dict[str, Any]:
    """Metadata of the CronJob's Jobs."""
    cron = world.get("CronJob", "ada-backup")
    found: dict[str, Any] = cron["spec"]["jobTemplate"]["metadata"]
    return copy.deepcopy(found)


def run(world: World, name: str = JOB, **status: Any) -> None:
    """The CronJob makes a Job, or its controller says how that is."""
    cron = world.get("CronJob", "ada-backup")["metadata"]
    owner = {"kind": "CronJob", "name": cron["name"], "uid": cron["uid"], "controller": True}
    known = world.get("Job", name).get("metadata", {})
    metadata = template(world) | {"ownerReferences": [owner]} | known
    world.put("Job", name, metadata=metadata, status=status)


def end(world: World, name: str = JOB, kind: str = "Complete", **condition: str) -> None:
    run(world, name, conditions=[{"type": kind, "status": "True"} | condition])


def pod(world: World, phase: str, *told: str, job: str = JOB, step: str = "") -> None:
    """A Pod of the Job: containers that have ended with these words, and one at work."""
    ended = [
        {"name": verb, "state": {"terminated": {"message": word, "finishedAt": f"{day}"}}}
        for verb, word, day in zip(("create", "verify", "prune"), told, "123", strict=False)
    ]
    if step:
        ended.append({"name": step, "state": {"running": {}}})
    marks = template(world)["labels"] | {names.LABEL_JOB: job, names.LABEL_UID: uid(world)}
    status = {"phase": phase, "containerStatuses": ended}
    world.put("Pod", f"{job}-pod", metadata={"labels": marks}, status=status)


def uid(world: World) -> str:
    found: str = world.get("DigitalHuman")["metadata"]["uid"]
    return found


def records(world: World) -> list[str]:
    found = (o for o in world.server.objects.values() if o["kind"] == KIND)
    return sorted(one["metadata"]["name"] for one in found)


def see(world: World) -> None:
    """Let the watch show what was made and what went."""
    for key in list(world.services.seen):
        if key[0] == KIND and not world.get(KIND, key[2]):
            world.services.seen.remove(key)
    for one in list(world.server.objects.values()):
        if one["kind"] == KIND:
            key = (KIND, NAMESPACE, one["metadata"]["name"])
            world.services.seen.upsert(key, seen_from(one))


async def look(world: World) -> None:
    """The human is told of its Jobs, its backups of themselves."""
    await world.reconcile(ADA)
    see(world)
    for name in records(world):
        await world.reconcile((KIND, NAMESPACE, name))
    see(world)


def status(world: World, name: str = NAME) -> dict[str, Any]:
    found: dict[str, Any] = world.get(KIND, name).get("status", {})
    return found


class TestTheRecord:
    async def test_is_made_when_the_job_is_there_and_says_all_of_it(self, ada: World) -> None:
        run(ada)
        await ada.reconcile(ADA)
        made = ada.get(KIND, NAME)
        assert made["spec"] == {"digitalHuman": "ada", "include": ["config"], "destination": CLAIM}
        marks = made["metadata"]["annotations"]
        assert marks == {names.ANNOTATION_JOB: JOB, names.ANNOTATION_UID: uid(ada)}
        assert made["metadata"]["labels"] == {
            names.LABEL_HUMAN: "ada",
            names.LABEL_CRON_JOB: "ada-backup",
        }
        assert "ownerReferences" not in made["metadata"]
        noted = ada.get("Job", JOB)["metadata"]["annotations"]
        assert noted[names.ANNOTATION_RECORDED] == NAME

    async def test_says_what_the_job_does_whatever_the_human_says_by_now(self, ada: World) -> None:
        run(ada)
        elsewhere: dict[str, Any] = {"s3": {"bucket": "new"}}
        ada.human(backup=BACKUP | {"destination": elsewhere, "include": ["sessions"]})
        await ada.reconcile(ADA)
        made = ada.get(KIND, NAME)["spec"]
        assert made == {"digitalHuman": "ada", "include": ["config"], "destination": CLAIM}

    @pytest.mark.parametrize("said", [None, "", "{", "[]", "7"])
    async def test_of_a_job_that_does_not_say_it_the_human_counts(
        self, ada: World, said: str | None
    ) -> None:
        run(ada)
        marks = {} if said is None else {names.ANNOTATION_SAID: said}
        ada.server.objects[address("Job", JOB)]["metadata"]["annotations"] = marks
        await ada.reconcile(ADA)
        assert ada.get(KIND, NAME)["spec"]["destination"] == CLAIM

    async def test_costs_two_writes_and_nothing_afterwards(self, ada: World) -> None:
        run(ada)
        ada.writes()
        await ada.reconcile(ADA)
        assert ada.writes() == ["create digitalhumanbackups", f"patch jobs/{JOB}"]
        see(ada)
        await ada.reconcile(ADA)
        assert ada.writes() == []

    async def test_what_the_watch_has_yet_to_show_is_not_written_again(self, ada: World) -> None:
        run(ada)
        ada.look()
        await ada.humans.reconcile(ADA)
        ada.writes()
        await ada.humans.reconcile(ADA)
        assert ada.writes() == []

    async def test_a_human_that_is_idle_costs_nothing(self, ada: World) -> None:
        ada.writes()
        await ada.reconcile(ADA)
        assert ada.writes() == []

    async def test_a_start_makes_no_second_one(self, ada: World) -> None:
        run(ada)
        await ada.reconcile(ADA)
        again = World(ada.server, ada.services.client)
        again.put("DigitalHuman")
        await again.reconcile(ADA)
        assert records(again) == [NAME]

    async def test_a_start_between_the_two_writes_makes_no_second_one(self, ada: World) -> None:
        run(ada)
        await ada.reconcile(ADA)
        marks = ada.server.objects[address("Job", JOB)]["metadata"]["annotations"]
        del marks[names.ANNOTATION_RECORDED]
        again = World(ada.server, ada.services.client)
        again.put("DigitalHuman")
        assert await again.reconcile(ADA) == 1.0
        marks = again.get("Job", JOB)["metadata"]["annotations"]
        assert names.ANNOTATION_RECORDED not in marks
        see(again)
        await again.reconcile(ADA)
        assert again.get("Job", JOB)["metadata"]["annotations"][names.ANNOTATION_RECORDED] == NAME
        assert records(again) == [NAME]

    async def test_one_that_somebody_deletes_stays_away(self, ada: World) -> None:
        run(ada)
        await look(ada)
        ada.server.drop(address(KIND, NAME))
        see(ada)
        await look(ada)
        again = World(ada.server, ada.services.client)
        again.put("DigitalHuman")
        await again.reconcile(ADA)
        assert records(again) == []
        assert again.get("Job", JOB)

    async def test_runs_of_a_paused_human_are_told_of_too(self, ada: World) -> None:
        ada.human(backup=BACKUP, mode="Paused")
        run(ada)
        await ada.reconcile(ADA)
        assert records(ada) == [NAME]

    async def test_a_job_that_a_person_makes_of_it_is_a_run_too(self, ada: World) -> None:
        run(ada, "ada-backup-now")
        await ada.reconcile(ADA)
        (name,) = records(ada)
        assert name == names.scheduled_backup("ada", "ada-backup-now")
        assert name.startswith("ada-run-")

    async def test_jobs_of_somebody_else_are_none(self, ada: World) -> None:
        run(ada)
        job = ada.get("Job", JOB)["metadata"]
        owners = [{"kind": "CronJob", "name": "x", "uid": "other", "controller": True}]
        ada.put("Job", JOB, metadata=job | {"ownerReferences": owners})
        run(ada, "ada-backup-29535961")
        cron = ada.get("CronJob", "ada-backup")["metadata"]
        ada.put("CronJob", "ada-backup", metadata=cron | {"ownerReferences": []})
        ada.look()
        human = ada.humans._parsed[uid(ada), 1]
        seen = ada.services.seen.get(ADA)
        assert seen is not None
        assert await ada.humans._scheduled.keep(ADA, seen, human) is None
        assert records(ada) == []

    async def test_a_name_that_is_taken_is_told_once_and_left_alone(self, ada: World) -> None:
        ada.put(KIND, NAME, spec={"digitalHuman": "bob"})
        run(ada)
        await ada.reconcile(ADA)
        await ada.reconcile(ADA)
        assert ada.get(KIND, NAME)["spec"] == {"digitalHuman": "bob"}
        assert ada.events() == ["BackupNotRecorded"]

    async def test_one_that_the_api_server_does_not_take_keeps_no_other_away(
        self, ada: World
    ) -> None:
        run(ada)
        run(ada, "ada-backup-29535961")
        message = "spec.include is odd"
        ada.server.faults.fail(
            1, 422, verb="create", path="digitalhumanbackups", reason="Invalid", message=message
        )
        await ada.reconcile(ADA)
        see(ada)
        await ada.reconcile(ADA)
        assert len(records(ada)) == 1
        assert ada.events() == ["BackupNotRecorded"]
        assert message in ada.services.recorder._queue[0].event["note"]

    async def test_passing_trouble_is_raised_after_the_human_was_told_of(self, ada: World) -> None:
        run(ada)
        ada.server.faults.fail(1, 403, verb="create", path="digitalhumanbackups")
        with pytest.raises(Forbidden):
            await ada.reconcile(ADA)
        await ada.reconcile(ADA)
        assert records(ada) == [NAME]


class TestFollowing:
    async def test_success_has_its_figures_and_no_job_of_its_own(self, ada: World) -> None:
        run(ada)
        await look(ada)
        assert status(ada)["phase"] == "Running"
        assert status(ada)["job"] == JOB
        pod(ada, "Succeeded", *words())
        end(ada)
        await look(ada)
        assert status(ada)["phase"] == "Succeeded"
        assert status(ada)["uid"] == uid(ada)
        assert status(ada)["backup"]["id"] == backup_id(27)
        assert status(ada)["backup"]["verified"] is True
        assert not ada.get("Job", names.backup_run(NAME))
        assert ada.events() == []

    async def test_each_step_is_told_with_one_write(self, ada: World) -> None:
        run(ada)
        await look(ada)
        ada.writes()
        told = []
        for done, step in ((0, "create"), (1, "verify"), (2, "prune")):
            pod(ada, "Pending", *words()[:done], step=step)
            await look(ada)
            await look(ada)
            told.append(status(ada)["step"])
            assert ada.writes() == [f"apply digitalhumanbackups/{NAME}/status"]
        assert told == ["create", "verify", "prune"]
        assert "old ones are being removed" in ada.condition("Ready", RECORD)["message"]
        pod(ada, "Succeeded", *words())
        end(ada)
        await look(ada)
        assert "step" not in status(ada)

    async def test_failure_is_told_in_the_words_of_the_tool(self, ada: World) -> None:
        run(ada)
        await look(ada)
        pod(ada, "Failed", json.dumps({"event": "failed", "message": "The bucket is gone."}))
        end(ada, kind="Failed", reason="PodFailurePolicy")
        await look(ada)
        assert status(ada)["phase"] == "Failed"
        assert ada.condition("Stalled", RECORD)["message"] == "no backup: The bucket is gone."
        assert ada.events().count("BackupFailed") == 1

    async def test_once_it_is_over_the_job_may_go(self, ada: World) -> None:
        run(ada)
        pod(ada, "Succeeded", *words())
        end(ada)
        await look(ada)
        for kind, name in (("Job", JOB), ("Pod", f"{JOB}-pod")):
            ada.server.drop(address(kind, name))
        ada.writes()
        await look(ada)
        assert ada.writes() == []
        assert status(ada)["phase"] == "Succeeded"

    async def test_a_job_that_went_before_it_was_looked_at_is_told(self, ada: World) -> None:
        run(ada)
        await look(ada)
        ada.server.drop(address("Job", JOB))
        await look(ada)
        stalled = ada.condition("Stalled", RECORD)
        assert (status(ada)["phase"], stalled["reason"]) == ("Failed", "JobGone")
        assert f"Job {JOB} is gone" in stalled["message"]
        assert not ada.get("Job", names.backup_run(NAME))

    async def test_a_job_that_is_not_known_here_yet_is_waited_for(self, ada: World) -> None:
        run(ada)
        await ada.reconcile(ADA)
        again = World(ada.server, ada.services.client)
        again.put(KIND, NAME)
        assert await again.backups.reconcile(RECORD) == 15.0  # no store was filled
        assert status(again)["phase"] == "Pending"
        await again.reconcile(RECORD)
        assert status(again)["phase"] == "Running"

    async def test_of_whom_it_is_does_not_depend_on_who_has_the_name_now(self, ada: World) -> None:
        run(ada)
        await ada.reconcile(ADA)
        see(ada)
        before = uid(ada)
        ada.server.drop(address("DigitalHuman", "ada"))
        ada.services.seen.remove(ADA)
        keys = {"keySecret": {"name": "keys", "key": "of-the-other-one"}}
        ada.human(backup=BACKUP | {"encryption": keys})
        await ada.reconcile(RECORD)
        assert uid(ada) != before
        assert status(ada)["uid"] == before
        assert status(ada)["destination"] == CLAIM
        assert "encryption" not in status(ada)  # that of the other one

    async def test_a_restore_takes_it_by_name(self, ada: World) -> None:
        run(ada)
        pod(ada, "Succeeded", *words())
        end(ada)
        await look(ada)
        seen = ada.services.seen.get(RECORD)
        assert seen is not None
        assert seen.spec_object()["destination"] == CLAIM
        back = {"source": {"backup": NAME}, "target": {"inPlace": {}}}
        key = ada.put("DigitalHumanRestore", "back", spec=back)
        await ada.reconcile(key)
        # What it lacks is a Redis: its backup was found, and holds the configuration only.
        assert ada.condition("Ready", key)["reason"] == "NothingToRestore"
        assert "holds no sessions" in ada.condition("Ready", key)["message"]


class TestTidying:
    async def past(self, world: World, day: int, *, made: bool = True) -> str:
        """A run of an earlier day that is over; the name of its record."""
        job = f"ada-backup-{29535960 - (27 - day) * 1440}"
        run(world, job)
        if made:
            pod(world, "Succeeded", *words(day), job=job)
            end(world, job)
        else:
            pod(world, "Failed", json.dumps({"event": "failed", "message": "No."}), job=job)
            end(world, job, "Failed", reason="R")
        await look(world)
        return names.scheduled_backup("ada", job)

    async def finish(self, world: World, oldest: str | None) -> None:
        run(world)
        pod(world, "Succeeded", *words(27, oldest))
        end(world)
        await look(world)

    async def test_what_a_prune_has_removed_goes(self, ada: World) -> None:
        first, second = [await self.past(ada, day) for day in (1, 2)]
        await self.finish(ada, backup_id(2))
        assert first not in records(ada)
        assert records(ada) == [second, NAME]

    async def test_what_the_store_keeps_stays_however_old(self, ada: World) -> None:
        first = await self.past(ada, 1)
        await self.finish(ada, backup_id(1))
        assert records(ada) == [first, NAME]

    @pytest.mark.parametrize("oldest", [None, "", "9", "20260302T000000Z-0123456789abcdef"])
    async def test_a_prune_that_tells_nothing_removes_nothing(
        self, ada: World, oldest: str | None
    ) -> None:
        first = await self.past(ada, 1)
        await self.finish(ada, oldest)
        assert records(ada) == [first, NAME]

    async def test_what_lies_elsewhere_stays_for_nobody_prunes_there(self, ada: World) -> None:
        first = await self.past(ada, 1)
        moved = BACKUP | {"destination": {"persistentVolumeClaim": {"claimName": "new"}}}
        await ada.start(ada.human(backup=moved))
        await self.finish(ada, backup_id(2))
        assert records(ada) == [first, NAME]

    async def test_backups_of_people_and_of_other_humans_stay(self, ada: World) -> None:
        first = await self.past(ada, 1)
        own = ada.get(KIND, first)
        theirs = ada.put(KIND, "ada-by-hand", spec=own["spec"], status=own["status"])
        marks = {names.ANNOTATION_JOB: "ada-backup-29535000", names.ANNOTATION_UID: "earlier"}
        ada.put(
            KIND,
            "ada-250101-0000",
            metadata={"annotations": marks},
            spec=own["spec"],
            status=own["status"],
        )
        await self.finish(ada, backup_id(2))
        assert records(ada) == sorted(["ada-250101-0000", theirs[2], NAME])

    async def test_of_runs_that_made_nothing_the_last_ones_are_kept(self, ada: World) -> None:
        failed = [await self.past(ada, day, made=False) for day in range(1, FAILURES + 3)]
        assert records(ada) == failed[1:]  # the last one's end has removed what was too many
        await self.finish(ada, None)
        assert records(ada) == [*failed[2:], NAME]

    async def test_the_store_is_never_touched_and_only_that_object_goes(self, ada: World) -> None:
        first = await self.past(ada, 1)
        ada.writes()
        await self.finish(ada, backup_id(2))
        deleted = [one for one in ada.writes() if one.startswith("delete")]
        assert deleted == [f"delete digitalhumanbackups/{first}"]

    async def test_without_the_right_to_delete_it_ends_all_the_same(self, ada: World) -> None:
        first = await self.past(ada, 1)
        ada.server.faults.fail(1, 403, verb="delete")
        await self.finish(ada, backup_id(2))
        assert records(ada) == [first, NAME]
        assert status(ada)["phase"] == "Succeeded"

    async def test_what_is_gone_already_is_no_trouble(self, ada: World) -> None:
        first = await self.past(ada, 1)
        ada.server.faults.fail(1, 409, verb="delete", reason="Conflict")
        await self.finish(ada, backup_id(2))
        assert status(ada)["phase"] == "Succeeded"
        assert records(ada) == [first, NAME]


class TestNames:
    @pytest.mark.parametrize("human", ["a", "a" * 40])
    @pytest.mark.parametrize("run", ["29535960", "9", "99999999999", "now", "x" * 20])
    def test_have_room_for_the_job(self, human: str, run: str) -> None:
        assert len(names.scheduled_backup(human, f"{human}-backup-{run}")) <= 52

    def test_tell_the_time_and_sort_by_it(self) -> None:
        found = [names.scheduled_backup("ada", f"ada-backup-{n}") for n in (29535960, 29537400)]
        assert found == ["ada-260227-0200", "ada-260228-0200"]
