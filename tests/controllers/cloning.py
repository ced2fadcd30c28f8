"""What tests of restores as clones have in common: the world until the clone is so far."""

from __future__ import annotations

import json
from typing import Any

from digital_human_backup.verbs.objects import pack
from digital_human_operator import names
from digital_human_operator.seen import Key
from tests.support.world import NAMESPACE, World

KIND = "DigitalHumanRestore"
ADA: Key = ("DigitalHuman", NAMESPACE, "ada")
BOB: Key = ("DigitalHuman", NAMESPACE, "bob")
READING, RUN = "back-objects", "back-restore"
ID = "20260301T015900Z-0123456789abcdef"
OLD_UID = "uid-of-an-earlier-ada"
DESTINATION: dict[str, Any] = {"persistentVolumeClaim": {"claimName": "backups"}}
SPEC: dict[str, Any] = {
    "persona": {"greeting": "Grüß dich!"},
    "sessions": {"store": {"redis": {"managed": {}}}},
    "backup": {"schedule": "@daily", "destination": DESTINATION},
    "network": {"expose": {"type": "LoadBalancer"}, "allowFrom": [{"namespace": "frontend"}]},
}
RESTORED = {"event": "restored", "id": ID, "bytes": 2048, "seconds": 1.2, "erased": {"sessions": 3}}


def ask(world: World, **source: str) -> Key:
    given = source or {"backup": "nightly"}
    return world.put(KIND, "back", spec={"source": given, "target": {"clone": {"name": "bob"}}})


def a_backup(
    world: World, *, place: bool = True, kept: dict[str, Any] | None = None, **spec: Any
) -> None:
    """A DigitalHumanBackup that is complete; ``kept`` is what it has kept of its human."""
    condition = {"type": "Ready", "status": "True", "reason": "R", "message": "m"}
    condition["lastTransitionTime"] = "2026-03-01T12:00:00Z"
    told: dict[str, Any] = {"observedGeneration": 1, "phase": "Succeeded"}
    told |= {
        "conditions": [condition],
        "uid": OLD_UID,
        "backup": {"id": ID, "bytes": 1, "digest": "d" * 64},
    }
    if place:
        key = {"keySecret": {"name": "keys", "key": "backup"}}
        told |= {"destination": DESTINATION, "encryption": key}
    told |= kept or {}
    world.put("DigitalHumanBackup", "nightly", spec={"digitalHuman": "ada"} | spec, status=told)


def a_key(world: World) -> None:
    world.put("Secret", "keys", data={"backup": "a2V5"})


def words(spec: dict[str, Any], held: tuple[str, ...] = ("objects", "sessions")) -> list[Any]:
    """What the containers of the Pod tell."""
    packed = pack({"apiVersion": "aiqtoolkit.io/v1alpha1", "kind": "DigitalHuman", "spec": spec})
    head = {"event": "objects", "id": ID, "held": held, "size": len(packed), "digest": "d" * 64}
    return [head | {"text": packed[at : at + 200]} for at in range(0, len(packed), 200)]


def end(world: World, job: str, told: list[Any], kind: str = "Complete") -> None:
    labels = world.get("Job", job)["spec"]["template"]["metadata"]["labels"]
    over = [
        {"terminated": {"message": json.dumps(word), "finishedAt": "2026-03-01T12:00:00Z"}}
        for word in told
    ]
    states = [{"name": f"c{number}", "state": one} for number, one in enumerate(over)]
    world.put(
        "Pod",
        f"{job}-p",
        metadata={"labels": labels | {names.LABEL_JOB: job}},
        status={
            "phase": "Succeeded" if kind == "Complete" else "Failed",
            "initContainerStatuses": states[:-1],
            "containerStatuses": states[-1:],
        },
    )
    world.put("Job", job, status={"conditions": [{"type": kind, "status": "True"}]})


def status(world: World) -> dict[str, Any]:
    found: dict[str, Any] = world.get(KIND, "back").get("status", {})
    return found


def condition(world: World, kind: str = "Ready") -> dict[str, Any]:
    return world.condition(kind, (KIND, NAMESPACE, "back"))


async def until_reading(world: World, **human: Any) -> Key:
    world.human(**(SPEC | human))
    await world.start(ADA)
    a_backup(world)
    a_key(world)
    key = ask(world)
    await world.reconcile(key)
    await world.reconcile(key)
    return key


async def until_created(
    world: World, spec: dict[str, Any] = SPEC, held: tuple[str, ...] = ("objects", "sessions")
) -> Key:
    key = await until_reading(world)
    end(world, READING, words(spec, held))
    await world.reconcile(key)
    return key


async def until_restoring(world: World) -> Key:
    key = await until_created(world)
    await world.start(BOB)
    world.put("StatefulSet", "bob-redis", status={"readyReplicas": 1, "observedGeneration": 1})
    await world.reconcile(key)
    return key


def told_to(world: World, job: str) -> dict[str, Any]:
    found: dict[str, Any] = world.get("Job", job)["spec"]["template"]["spec"]
    return found
