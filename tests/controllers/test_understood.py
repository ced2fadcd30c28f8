"""Specs that get past every check and still cannot be used, and a rest that nothing prevents."""

from __future__ import annotations

from typing import Any

import pytest

from digital_human_operator.controllers import digitalhuman
from digital_human_operator.kube.errors import Invalid, ServerError, error_from
from tests.controllers.test_children import REDIS
from tests.support.world import World, address

BROKEN: list[dict[str, Any]] = [
    {"llm": {"openAI": {"url": "http://host:99999/v1", "model": "m"}}},
    {"speech": {"http": {"url": "http://host:abc/v1"}}},
    {"llm": {"openAI": {"url": "http://[zz]/v1", "model": "m"}}},
    {"sessions": {"store": {"redis": {"external": {"url": "redis://h:99999"}}}}},
    {
        "gpu": {"profile": "a100-80gb", "platform": "gpu-operator"},
        "placement": {
            "affinity": {
                "nodeAffinity": {
                    "requiredDuringSchedulingIgnoredDuringExecution": {"nodeSelectorTerms": ["x"]}
                }
            }
        },
    },
]
TOO_LARGE: dict[str, Any] = {
    "llm": {"transformers": {"model": "llama3:70b", "precision": "bf16"}},
    "gpu": {"profile": "a100-40gb", "platform": "gpu-operator"},
}


@pytest.mark.parametrize("spec", BROKEN)
async def test_what_cannot_be_rendered_stalls_and_says_so(
    world: World, spec: dict[str, Any]
) -> None:
    key = world.human(**spec)
    assert await world.reconcile(key) is None
    stalled = world.condition("Stalled")
    assert (stalled["status"], stalled["reason"]) == ("True", "InvalidSpec")
    assert "form" in stalled["message"] or "cannot be used" in stalled["message"]
    assert world.children() == set()
    world.human()
    await world.reconcile(key)
    assert ("Deployment", "ada") in world.children()


async def test_whatever_rendering_stumbles_over_is_told(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    def stumble(human: object, design: object) -> list[object]:
        raise ValueError("Port out of range 0-65535")

    key = world.human()
    with monkeypatch.context() as broken:
        broken.setattr(digitalhuman, "render_children", stumble)
        assert await world.reconcile(key) is None
    stalled = world.condition("Stalled")
    assert (stalled["status"], stalled["reason"]) == ("True", "InvalidSpec")
    assert "cannot be used (Port out of range 0-65535)" in stalled["message"]
    world.human(replicas=2)
    await world.reconcile(key)
    assert ("Deployment", "ada") in world.children()


async def test_the_trace_is_logged_once_for_each_generation(
    world: World, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    def stumble(human: object, design: object) -> list[object]:
        raise ValueError("Port out of range 0-65535")

    def traces() -> int:
        return sum(record.exc_info is not None for record in caplog.records)

    monkeypatch.setattr(digitalhuman, "render_children", stumble)
    key = world.human()
    for _ in range(3):
        await world.reconcile(key)
    assert traces() == 1
    world.human(replicas=2)
    for _ in range(3):
        await world.reconcile(key)
    assert traces() == 2


async def test_suspending_scales_to_zero_whatever_is_wrong(world: World) -> None:
    key = world.human(replicas=2)
    await world.reconcile(key)
    world.human(mode="Suspended", **TOO_LARGE)
    await world.reconcile(key)
    assert world.get("Deployment")["spec"]["replicas"] == 0


async def test_suspending_scales_to_zero_without_the_secret(world: World) -> None:
    key = world.human(replicas=2)
    await world.reconcile(key)
    missing: dict[str, Any] = {"security": {"apiKeySecret": {"name": "gone", "key": "k"}}}
    world.human(mode="Suspended", **missing)
    await world.reconcile(key)
    assert world.get("Deployment")["spec"]["replicas"] == 0


@pytest.mark.parametrize("face", [False, True])
async def test_suspending_scales_to_zero_beside_a_foreign_object(world: World, face: bool) -> None:
    spec: dict[str, Any] = {"face": {"managed": {}}} if face else {}
    key = world.human(replicas=2, **spec)
    await world.reconcile(key)
    world.server.drop(address("ConfigMap", "ada-config"))
    world.put("ConfigMap", "ada-config", data={"theirs": "yes"})
    world.human(mode="Suspended", **spec, **REDIS)
    await world.reconcile(key)
    assert world.get("Deployment")["spec"]["replicas"] == 0
    if face:
        assert world.get("Deployment", "ada-audio2face")["spec"]["replicas"] == 0
    assert ("StatefulSet", "ada-redis") not in world.children(), "it would start a Pod"


def test_a_field_that_the_schema_lacks_is_no_server_error() -> None:
    told = (
        b'{"kind":"Status","code":500,"message":"failed to create typed patch object (n/ada;'
        b' apps/v1, Kind=Deployment): .spec.bogus: field not declared in schema"}'
    )
    assert isinstance(error_from(500, told), Invalid)
    assert isinstance(error_from(500, b'{"message":"etcd is away"}'), ServerError)
