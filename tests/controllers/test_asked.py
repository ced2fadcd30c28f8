"""The annotation that asks for a backup: one DigitalHumanBackup for each token, once."""

from __future__ import annotations

from typing import Any

import pytest

from digital_human_operator import names
from digital_human_operator.kube.errors import Conflict, Forbidden
from digital_human_operator.seen import Key, seen_from
from tests.support.world import NAMESPACE, World, address

KIND = "DigitalHumanBackup"
ASKED = names.ANNOTATION_ASKED
TOKEN = "2026-03-01T12:00:00+01:00"
NAME = names.asked_backup("ada", TOKEN)
CLAIM: dict[str, Any] = {"persistentVolumeClaim": {"claimName": "backups"}}
BACKUP: dict[str, Any] = {"backup": {"schedule": "@daily", "destination": CLAIM}}


def ask(world: World, token: str = TOKEN, **spec: Any) -> Key:
    return world.put("DigitalHuman", spec=BACKUP | spec, metadata={"annotations": {ASKED: token}})


def backups(world: World) -> list[str]:
    found = (o for o in world.server.objects.values() if o["kind"] == KIND)
    return sorted(one["metadata"]["name"] for one in found)


def see(world: World) -> None:
    """Let the watch show what was made."""
    for one in list(world.server.objects.values()):
        if one["kind"] == KIND:
            key = (KIND, NAMESPACE, one["metadata"]["name"])
            world.services.seen.upsert(key, seen_from(one))


def delete(world: World, name: str) -> None:
    world.server.drop(address(KIND, name))
    world.services.seen.remove((KIND, NAMESPACE, name))


def told(world: World) -> dict[str, Any]:
    return world.condition("BackupRequested")


class TestOnce:
    async def test_one_is_made_and_the_token_echoed(self, world: World) -> None:
        await world.reconcile(ask(world))
        assert backups(world) == [NAME]
        made = world.get(KIND, NAME)
        assert made["spec"] == {"digitalHuman": "ada"}
        assert made["metadata"]["labels"] == {names.LABEL_HUMAN: "ada"}
        assert "ownerReferences" not in made["metadata"]
        status = world.get("DigitalHuman")["status"]
        assert status["askedBackup"] == {"token": TOKEN, "backup": NAME}
        assert (told(world)["status"], told(world)["reason"]) == ("True", "Requested")
        assert NAME in told(world)["message"]

    async def test_nothing_more_however_often(self, world: World) -> None:
        key = ask(world)
        await world.reconcile(key)
        see(world)
        world.writes()
        for _ in range(3):
            await world.reconcile(key)
        assert world.writes() == []

    @pytest.mark.parametrize("seen", [True, False])
    async def test_nothing_more_after_a_start_that_the_echo_did_not_survive(
        self, world: World, seen: bool
    ) -> None:
        await world.reconcile(ask(world))
        status = world.get("DigitalHuman")["status"]
        del status["askedBackup"]
        again = World(world.server, world.services.client)
        key = again.put("DigitalHuman", status=status)
        if seen:
            see(again)
            await again.reconcile(key)
            assert again.get("DigitalHuman")["status"]["askedBackup"]["backup"] == NAME
        else:
            with pytest.raises(Conflict):
                await again.reconcile(key)
            assert told(again)["status"] != "False"
            assert again.events() == []
        assert backups(again) == [NAME]

    async def test_one_that_was_deleted_stays_away(self, world: World) -> None:
        key = ask(world)
        await world.reconcile(key)
        delete(world, NAME)
        await world.reconcile(key)
        again = World(world.server, world.services.client)
        await again.reconcile(again.put("DigitalHuman"))
        assert backups(again) == []

    async def test_not_even_when_spec_backup_goes_and_comes_back(self, world: World) -> None:
        key = ask(world)
        await world.reconcile(key)
        delete(world, NAME)
        ask(world, backup=None)
        await world.reconcile(key)
        ask(world)
        await world.reconcile(key)
        assert backups(world) == []

    @pytest.mark.parametrize("mode", ["Paused", "Suspended"])
    async def test_a_human_at_rest_is_backed_up_too(self, world: World, mode: str) -> None:
        await world.reconcile(ask(world, mode=mode))
        assert backups(world) == [NAME]
        assert world.get("DigitalHuman")["status"]["askedBackup"]["backup"] == NAME

    async def test_another_token_makes_another_one(self, world: World) -> None:
        await world.reconcile(ask(world))
        see(world)
        await world.reconcile(ask(world, "second"))
        assert backups(world) == sorted([NAME, names.asked_backup("ada", "second")])
        assert world.get("DigitalHuman")["status"]["askedBackup"]["token"] == "second"

    async def test_without_the_annotation_the_answer_stays(self, world: World) -> None:
        await world.reconcile(ask(world))
        delete(world, NAME)
        later = World(world.server, world.services.client)
        await later.reconcile(later.put("DigitalHuman", metadata={"annotations": {}}))
        assert told(later) == {}
        assert later.get("DigitalHuman")["status"]["askedBackup"]["token"] == TOKEN
        await later.reconcile(ask(later))
        assert backups(later) == []


class TestRefusal:
    @pytest.mark.parametrize(
        ("token", "words"),
        [
            ("", "is empty"),
            ("x" * 65, "more than 64 characters"),
            ("two words", "letters, digits"),
            ("über", "letters, digits"),
            ("a\n", "letters, digits"),
        ],
    )
    async def test_bad_tokens_are_told_and_make_nothing(
        self, world: World, token: str, words: str
    ) -> None:
        key = ask(world, token)
        await world.reconcile(key)
        await world.reconcile(key)
        assert backups(world) == []
        assert (told(world)["status"], told(world)["reason"]) == ("False", "InvalidToken")
        assert ASKED in told(world)["message"]
        assert words in told(world)["message"]
        assert world.events() == ["BackupNotMade"]
        assert "askedBackup" not in world.get("DigitalHuman")["status"]

    async def test_without_spec_backup_it_waits(self, world: World) -> None:
        key = ask(world, backup=None)
        await world.reconcile(key)
        assert told(world)["reason"] == "NotConfigured"
        assert "no spec.backup" in told(world)["message"]
        assert backups(world) == []
        await world.reconcile(ask(world))
        assert backups(world) == [NAME]
        assert told(world)["status"] == "True"

    async def test_name_that_is_taken_is_left_alone(self, world: World) -> None:
        world.put(KIND, NAME, spec={"digitalHuman": "bob"})
        await world.reconcile(ask(world))
        assert told(world)["reason"] == "NameTaken"
        assert world.get(KIND, NAME)["spec"] == {"digitalHuman": "bob"}

    async def test_what_the_server_refuses_is_told_and_tried_again(self, world: World) -> None:
        key = ask(world)
        world.server.faults.fail(1, 403, verb="create", path="digitalhumanbackups")
        with pytest.raises(Forbidden):
            await world.reconcile(key)
        assert told(world)["reason"] == "Refused"
        await world.reconcile(key)
        assert backups(world) == [NAME]
        assert told(world)["status"] == "True"


@pytest.mark.parametrize("human", ["a", "a" * 40])
def test_names_have_room_for_the_job(human: str) -> None:
    assert len(names.asked_backup(human, TOKEN)) <= 52
    assert names.asked_backup(human, TOKEN) != names.asked_backup(human, "other")
