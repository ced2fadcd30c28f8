"""Audio2Face in Pods of its own, run by the operator and reached by the runtime's Pods."""

from __future__ import annotations

import asyncio
import re
from typing import Any

import httpx2
import pytest

from tests.e2e.humans import Humans
from tools.cluster import Cluster
from tools.cluster.node.lane import push_images

pytestmark = [pytest.mark.e2e, pytest.mark.timeout(240, func_only=True)]
SMALL = {
    "requests": {"cpu": "100m", "memory": "256Mi"},
    "limits": {"cpu": "2", "memory": "1Gi"},
}


TRIES = 3
"""A busy machine may keep a face longer than the runtime waits; then another one goes on."""
SICK_SECONDS = 10.0
"""Longer than the runtime leaves a face alone that was too slow."""


async def _told(pod: dict[str, Any], metric: str) -> float:
    """What a Pod says of a metric, summed up."""
    async with httpx2.AsyncClient(timeout=10) as client:
        said = (await client.get(f"http://{pod['status']['podIP']}:9090/metrics")).text
    name = f"digital_human_face_{metric}_total"
    assert f"# TYPE {name} counter" in said
    return sum(map(float, re.findall(rf"^{name}(?:\{{.*\}})? (\S+)$", said, re.MULTILINE)))


@pytest.mark.xdist_group("gpus")
async def test_the_face_comes_from_a_managed_server(stage: Cluster, humans: Humans) -> None:
    # Our runtime speaks the protocol of Audio2Face to whoever calls it.
    (image,) = push_images(stage.directory, ["runtime-cpu"])
    face = {"image": image.pinned, "gpu": {"profile": "a100-80gb"}, "resources": SMALL}
    humans.apply(humans.example(replicas=1, face={"managed": face}))
    (server,) = humans.pods("audio2face")
    container = server["spec"]["containers"][0]
    assert container["resources"]["limits"]["nvidia.com/gpu"] == "1"
    assert server["spec"]["nodeName"] == "node-0"
    (runtime,) = humans.pods()
    for _ in range(TRIES):
        clips, failovers = await _told(server, "clips"), await _told(runtime, "failovers")
        async with humans.caller().conversation() as talk:
            answer = await talk.say("What can you do?")
        assert answer.reason == "complete"
        assert answer.frames > talk.welcome["fps"]
        if await _told(runtime, "failovers") == failovers:
            break
        await asyncio.sleep(SICK_SECONDS)
    else:
        pytest.fail(f"none of {TRIES} answers had its face from the server to its end")
    assert await _told(server, "clips") > clips
