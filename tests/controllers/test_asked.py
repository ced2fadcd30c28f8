"""The annotation that asks for a backup: one DigitalHumanBackup for each token, once."""

from __future__ import annotations

from typing import Any

import pytest

from digital_human_operator import names
from digital_human_operator.kube.errors import Conflict, Forbidden, ServerError
from digital_human_operator.seen import Key, seen_from
from tests.support.world import NAMESPACE, World, address

KIND = "DigitalHumanBackup"
ASKED = names.ANNOTATION_ASKED
TOKEN = "2026-03-01T12:00:00+01:00"
ADA: Key = ("DigitalHuman", NAMESPACE, "ada")
CLAIM: dict[str, Any] = {"persistentVolumeClaim": {"claimName": "backups"}}
BACKUP: dict[str, Any] = {"backup": {"schedule": "@daily", "destination": CLAIM}}


def ask(world: World, token: str = TOKEN, **spec: Any) -> Key:
    return world.put("DigitalHuman", spec=BACKUP | spec, metadata={"annotations": {ASKED: token}})


def name(world: World, token: str = TOKEN) -> str:
    """Of the backup that ada asks for by this token."""
    return names.asked_backup("ada", uid(world), token)


def uid(world: World) -> str:
    found: str = world.get("DigitalHuman")["metadata"]["uid"]
    return found


def backups(world: World) -> list[str]:
    found = (o for o in world.server.objects.values() if o["kind"] == KIND)
    return sorted(one["metadata"]["name"] for one in found)


def see(world: World) -> None:
    """Let the watch show what was made."""
    for one in list(world.server.objects.values()):
        if one["kind"] == KIND:
            key = (KIND, NAMESPACE, one["metadata"]["name"])
            world.services.seen.upsert(key, seen_from(one))


def delete(world: World) -> None:
    world.server.drop(address(KIND, name(world)))
    world.services.seen.remove((KIND, NAMESPACE, name(world)))


def told(world: World) -> dict[str, Any]:
    return world.condition("BackupRequested")


class TestOnce:
    async def test_one_is_made_and_the_token_echoed(self, world: World) -> None:
        await world.reconcile(ask(world))
        assert backups(world) == [name(world)]
        made = world.get(KIND, name(world))
        assert made["spec"] == {"digitalHuman": "ada"}
        assert made["metadata"]["labels"] == {names.LABEL_HUMAN: "ada"}
        assert made["metadata"]["annotations"] == {ASKED: TOKEN, names.ANNOTATION_UID: uid(world)}
        assert "ownerReferences" not in made["metadata"]
        status = world.get("DigitalHuman")["status"]
        assert status["askedBackup"] == {"token": TOKEN, "backup": name(world)}
        assert (told(world)["status"], told(world)["reason"]) == ("True", "Requested")
        assert name(world) in told(world)["message"]

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
            assert again.get("DigitalHuman")["status"]["askedBackup"]["backup"] == name(world)
        else:
            with pytest.raises(Conflict):
                await again.reconcile(key)
            assert told(again)["status"] != "False"
            assert again.events() == []
        assert backups(again) == [name(world)]

    async def test_one_that_was_deleted_stays_away(self, world: World) -> None:
        key = ask(world)
        await world.reconcile(key)
        delete(world)
        await world.reconcile(key)
        again = World(world.server, world.services.client)
        await again.reconcile(again.put("DigitalHuman"))
        assert backups(again) == []

    async def test_not_even_when_spec_backup_goes_and_comes_back(self, world: World) -> None:
        key = ask(world)
        await world.reconcile(key)
        delete(world)
        ask(world, backup=None)
        await world.reconcile(key)
        ask(world)
        await world.reconcile(key)
        assert backups(world) == []

    @pytest.mark.parametrize("mode", ["Paused", "Suspended"])
    async def test_a_human_at_rest_is_backed_up_too(self, world: World, mode: str) -> None:
        await world.reconcile(ask(world, mode=mode))
        assert backups(world) == [name(world)]
        assert world.get("DigitalHuman")["status"]["askedBackup"]["backup"] == name(world)

    async def test_another_token_makes_another_one(self, world: World) -> None:
        await world.reconcile(ask(world))
        see(world)
        await world.reconcile(ask(world, "second"))
        assert backups(world) == sorted([name(world), name(world, "second")])
        assert world.get("DigitalHuman")["status"]["askedBackup"]["token"] == "second"

    async def test_without_the_annotation_the_answer_stays(self, world: World) -> None:
        await world.reconcile(ask(world))
        delete(world)
        later = World(world.server, world.services.client)
        await later.reconcile(later.put("DigitalHuman", metadata={"annotations": {}}))
        assert told(later) == {}
        assert later.get("DigitalHuman")["status"]["askedBackup"]["token"] == TOKEN
        await later.reconcile(ask(later))
        assert backups(later) == []


class TestMadeAgain:
    """A human that is made again from its manifest, with the token of before."""

    async def until_asked(self, world: World) -> str:
        """One has asked, and is gone; the name of its backup."""
        await world.reconcile(ask(world))
        see(world)
        before = name(world)
        world.server.drop(address("DigitalHuman", "ada"))
        world.services.seen.remove(ADA)
        for path in [
            one for one in world.server.objects if "/ada" in one and "backups/" not in one
        ]:
            world.server.drop(path)  # as the garbage collector does
        return before

    async def test_asks_for_one_of_its_own(self, world: World) -> None:
        before = await self.until_asked(world)
        await world.reconcile(ask(world))
        assert name(world) != before
        assert backups(world) == sorted([before, name(world)])
        echo = world.get("DigitalHuman")["status"]["askedBackup"]
        assert echo == {"token": TOKEN, "backup": name(world)}
        assert told(world)["status"] == "True"

    async def test_gets_none_that_the_one_before_has_asked_for(self, world: World) -> None:
        before = await self.until_asked(world)
        world.human(**BACKUP)
        key = (KIND, NAMESPACE, before)
        assert await world.reconcile(key) is None
        told = world.condition("Stalled", key)
        assert told["reason"] == "HumanNotFound"
        assert "another one has its name" in told["message"]
        assert not world.get("Job", names.backup_run(before))

    async def test_one_that_has_begun_stays_that_of_the_one_before(self, world: World) -> None:
        await world.reconcile(ask(world))
        see(world)
        key, first = (KIND, NAMESPACE, name(world)), uid(world)
        world.server.faults.fail(1, 500, verb="apply", path=f"{key[2]}/status")
        with pytest.raises(ServerError):
            await world.reconcile(key)
        assert "uid" not in world.get(KIND, key[2]).get("status", {})
        world.server.drop(address("DigitalHuman", "ada"))
        world.services.seen.remove(ADA)
        world.human(**BACKUP)
        await world.reconcile(key)
        assert uid(world) != first
        assert world.get(KIND, key[2])["status"]["uid"] == first

    @pytest.mark.parametrize("mark", [{}, {names.ANNOTATION_UID: "another"}])
    async def test_one_of_another_under_that_name_does_not_count(
        self, world: World, mark: dict[str, str]
    ) -> None:
        key = ask(world, backup=None)
        asked = {"annotations": {ASKED: TOKEN} | mark}
        world.put(KIND, name(world), spec={"digitalHuman": "ada"}, metadata=asked)
        ask(world)
        await world.reconcile(key)
        assert told(world)["reason"] == "NameTaken"
        assert "askedBackup" not in world.get("DigitalHuman")["status"]


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
        assert backups(world) == [name(world)]
        assert told(world)["status"] == "True"

    async def test_name_that_is_taken_is_left_alone(self, world: World) -> None:
        key = ask(world, backup=None)
        world.put(KIND, name(world), spec={"digitalHuman": "bob"})
        ask(world)
        await world.reconcile(key)
        assert told(world)["reason"] == "NameTaken"
        assert world.get(KIND, name(world))["spec"] == {"digitalHuman": "bob"}

    async def test_what_the_server_refuses_is_told_and_tried_again(self, world: World) -> None:
        key = ask(world)
        world.server.faults.fail(1, 403, verb="create", path="digitalhumanbackups")
        with pytest.raises(Forbidden):
            await world.reconcile(key)
        assert told(world)["reason"] == "Refused"
        await world.reconcile(key)
        assert backups(world) == [name(world)]
        assert told(world)["status"] == "True"


@pytest.mark.parametrize("human", ["a", "a" * 40])
def test_names_have_room_for_the_job(human: str) -> None:
    found = names.asked_backup(human, "uid", TOKEN)
    assert len(found) <= 52
    assert found != names.asked_backup(human, "uid", "other")
    assert found != names.asked_backup(human, "another uid", TOKEN)
