"""What the operator renders for backups and drills is what the tool takes, and it works."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from digital_human_backup.__main__ import application
from digital_human_backup.errors import BackupError
from digital_human_backup.sessions import Server
from digital_human_operator.human import Human, Request
from digital_human_operator.render import backup_run, backups, restore_run
from tests.backup.servers import database
from tests.render.test_render import HUMANS, rendered
from tests.support.arguments import given
from tests.support.builders import a_design, a_human

WITH_BACKUP = {name: human for name, human in HUMANS.items() if human.spec.backup is not None}
LAST_WORD = "/dev/termination-log"
BACKUP_ID = "20260301T015900Z-0123456789abcdef"
SECRETS = "/var/run/secrets/digital-human"


def pods(human: Human) -> dict[str, dict[str, Any]]:
    """The Pods of the CronJobs, by name."""
    return {
        manifest["metadata"]["name"]: manifest["spec"]["jobTemplate"]["spec"]["template"]["spec"]
        for manifest in rendered(human)
        if manifest["kind"] == "CronJob"
    }


def on_request(human: Human) -> dict[str, dict[str, Any]]:
    """The Pods of a DigitalHumanBackup and of a DigitalHumanRestore, by name of their Job."""
    design = a_design(human)
    made = [
        *backup_run(human, design, Request("now", "u1")),
        *restore_run(human, design, Request("back", "u2", "DigitalHumanRestore"), BACKUP_ID),
    ]
    jobs = (child for child in made if child.kind == "Job")
    return {job.name: job.manifest["spec"]["template"]["spec"] for job in jobs}


def steps(pod: dict[str, Any]) -> list[dict[str, Any]]:
    """Its containers in the order in which they run."""
    return [*pod.get("initContainers", []), *pod["containers"]]


def parsed(arguments: list[str]) -> dict[str, Any]:
    """What the tool makes of arguments; an error when it does not take them."""
    return given(application(), arguments[0], arguments[1:])


def words(human: Human) -> Iterator[tuple[dict[str, Any], dict[str, Any]]]:
    for pod in (*pods(human).values(), *on_request(human).values()):
        for container in steps(pod):
            assert container["command"] == [backups.TOOL]
            yield container, parsed(list(container["args"]))


def test_there_are_backups_to_look_at() -> None:
    assert len(WITH_BACKUP) >= 4


@pytest.mark.parametrize("human", WITH_BACKUP.values(), ids=WITH_BACKUP)
def test_the_tool_takes_all_arguments(human: Human) -> None:
    found = list(words(human))
    assert [container["name"] for container, _ in found[:3]] == ["create", "verify", "prune"]
    for _, options in found:
        assert options["uid"] == human.uid
        assert options["output"].value == "json"


@pytest.mark.parametrize("human", WITH_BACKUP.values(), ids=WITH_BACKUP)
def test_every_path_is_mounted(human: Human) -> None:
    for container, options in words(human):
        mounted = [mount["mountPath"] for mount in container["volumeMounts"]]
        mounted.append(LAST_WORD)  # by the kubelet
        paths = [value for value in options.values() if isinstance(value, Path)]
        paths += (
            [Path(options["store"].removeprefix("file://"))] if "file:" in options["store"] else []
        )
        for path in paths:
            assert any(path.is_relative_to(place) for place in mounted), path


def test_a_store_with_settings_of_its_own() -> None:
    s3: dict[str, Any] = {
        "bucket": "backups",
        "endpoint": "https://store.example",
        "addressing": "VirtualHost",
    }
    s3 |= {"caSecret": {"name": "authority", "key": "root.pem"}, "checksums": "WhenRequired"}
    s3 |= {"serverSideEncryption": "KMS", "kmsKeyId": "alias/backups"}
    backup = {"schedule": "@daily", "destination": {"s3": s3}, "drill": {"schedule": "@weekly"}}
    human = a_human({"backup": backup})
    found = list(words(human))
    assert len(found) == 7
    for container, options in found:
        assert options["s3_ca_file"] == Path(SECRETS, "s3-ca", "ca.crt")
        assert (options["s3_style"], options["s3_checksums"]) == ("virtual", "when_required")
        assert (options["s3_sse"], options["s3_sse_key_id"]) == ("aws:kms", "alias/backups")
        assert f"{SECRETS}/s3-ca" in {one["mountPath"] for one in container["volumeMounts"]}
    for pod in (*pods(human).values(), *on_request(human).values()):
        (volume,) = (one for one in pod["volumes"] if one["name"] == "s3-ca")
        items = [{"key": "root.pem", "path": "ca.crt"}]
        assert (volume["secret"]["secretName"], volume["secret"]["items"]) == ("authority", items)


def room(memory: str) -> set[tuple[str, str]]:
    """Memory and scratch space of all that is done with sessions, of a Redis of some memory."""
    redis = {"managed": {"resources": {"memory": memory}}}
    place = {"persistentVolumeClaim": {"claimName": "backups"}}
    backup = {"schedule": "@daily", "destination": place, "drill": {"schedule": "@weekly"}}
    human = a_human({"sessions": {"store": {"redis": redis}}, "backup": backup})
    found = set()
    for pod in (*pods(human).values(), *on_request(human).values()):
        (tmp,) = (one for one in pod["volumes"] if one["name"] == "tmp")
        size = tmp["emptyDir"]["sizeLimit"]
        found |= {(one["resources"]["limits"]["memory"], size) for one in steps(pod)}
    return found


def test_there_is_room_for_the_sessions() -> None:
    """A scratch server holds them once more, and a file of them is written anew."""
    assert room("256Mi") == {("1Gi", "2Gi")}
    assert room("8Gi") == {("8704Mi", "16896Mi")}


def test_retention_is_as_the_human_says() -> None:
    human = WITH_BACKUP["drill"]
    backup = human.spec.backup
    assert backup is not None
    prune = [options for _, options in words(human) if "keep_days" in options]
    assert [(one["keep_days"], one["keep_minimum"]) for one in prune] == [
        (backup.retention.days, backup.retention.minimum)
    ]


def test_another_try_is_made_only_when_it_can_help() -> None:
    for manifest in rendered(WITH_BACKUP["drill"]):
        if manifest["kind"] == "CronJob":
            rules = manifest["spec"]["jobTemplate"]["spec"]["podFailurePolicy"]["rules"]
            values = {code for rule in rules for code in rule["onExitCodes"]["values"]}
            assert rules[0]["action"] == "FailJob"
            assert values == {2} | {
                one.exit_code for one in BackupError.__subclasses__() if one.exit_code != 1
            }


@pytest.mark.parametrize("include", [["sessions"], ["models"], ["sessions", "models"]])
def test_nothing_to_back_up_is_no_cron_job(include: list[str]) -> None:
    destination = {"persistentVolumeClaim": {"claimName": "backups"}}
    wanted = {"schedule": "0 2 * * *", "destination": destination, "include": include}
    assert pods(a_human({"backup": wanted | {"drill": {"schedule": "0 4 * * 0"}}})) == {}


def test_what_is_rendered_works(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """The containers' commands as processes of this test, with the volumes as folders of it."""
    human = WITH_BACKUP["drill"]
    for folder in (
        "backups",
        "scratch",
        "config",
        "objects",
        "secrets/encryption",
        "secrets/redis",
    ):
        (tmp_path / folder).mkdir(parents=True)
    (tmp_path / "config" / "runtime.json").write_text("{}")
    (own,) = (one for one in rendered(human) if one["metadata"]["name"] == "ada-objects")
    for name, text in own["data"].items():
        (tmp_path / "objects" / name).write_text(text)
    (tmp_path / "secrets/encryption/key").write_text("ab" * 32)
    (tmp_path / "secrets/redis/password").write_text("word")
    acl = tmp_path / "users.acl"
    acl.write_text("user default on >word ~* &* +@all\n")
    said = {}
    with database(tmp_path / "redis", f"aclfile {acl}") as redis:
        redis.server = Server("127.0.0.1", redis.port, password="word")
        redis.client().set("conversation", "1")
        moved = {SECRETS: tmp_path / "secrets", "/backups": tmp_path / "backups"}
        moved |= {"/config": tmp_path / "config", "/scratch": tmp_path / "scratch"}
        moved |= {"/objects": tmp_path / "objects"}
        moved |= {LAST_WORD: tmp_path / "word"}
        for pod in pods(human).values():
            for container in steps(pod):
                arguments = [_moved(word, moved, redis.port) for word in container["args"]]
                application()(arguments, standalone_mode=False)
                said[container["name"]] = json.loads(capsys.readouterr().out.splitlines()[-1])
                assert json.loads((tmp_path / "word").read_text()) == said[container["name"]]
        redis.client().flushall()
        (back,) = on_request(human)["back-restore"]["containers"]
        arguments = [_moved(word, moved, redis.port) for word in back["args"]]
        application()(arguments, standalone_mode=False)
        assert redis.client().get("conversation") == b"1"
    assert said["create"]["parts"].keys() == {"config", "objects", "sessions"}
    assert said["verify"] | {"id": ""} == {
        "event": "verified",
        "id": "",
        "ok": True,
        "opened": True,
        "damages": [],
    }
    assert said["prune"]["kept"] == 1
    assert (said["restore"]["id"], said["restore"]["files"]) == (said["create"]["id"], 4)
    assert (tmp_path / "scratch/restored/config/runtime.json").read_text() == "{}"


def _moved(word: str, moved: dict[str, Path], port: int) -> str:
    if word in {"$(POD_IP)", BACKUP_ID}:
        return {"$(POD_IP)": "127.0.0.1", BACKUP_ID: "latest"}[word]
    if word.startswith("redis://"):
        return re.sub(r"//.*", f"//127.0.0.1:{port}", word)
    for place, folder in moved.items():
        if word.removeprefix("file://").startswith(place):
            return word.replace(place, str(folder), 1)
    return word
