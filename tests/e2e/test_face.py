"""Audio2Face in Pods of its own, run by the operator and reached by the runtime's Pods."""

from __future__ import annotations

import re

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


async def _clips(address: str) -> float:
    """How many clips a server has animated to their end."""
    async with httpx2.AsyncClient(timeout=10) as client:
        said = (await client.get(f"http://{address}:9090/metrics")).text
    counts = re.findall(r"^digital_human_face_clips_total\{[^}]*\} (\S+)", said, re.MULTILINE)
    return sum(map(float, counts))


@pytest.mark.alone  # where other Pods take the processor, a slow face is given up for another
async def test_the_face_comes_from_a_managed_server(stage: Cluster, humans: Humans) -> None:
    # Our runtime speaks the protocol of Audio2Face to whoever calls it.
    (image,) = push_images(stage.directory, ["runtime-cpu"])
    face = {"image": image.pinned, "gpu": {"profile": "a100-80gb"}, "resources": SMALL}
    humans.apply(humans.example(replicas=1, face={"managed": face}))
    (server,) = humans.pods("audio2face")
    container = server["spec"]["containers"][0]
    assert container["resources"]["limits"]["nvidia.com/gpu"] == "1"
    assert server["spec"]["nodeName"] == "node-0"
    address = str(server["status"]["podIP"])
    before = await _clips(address)
    async with humans.caller().conversation() as talk:
        answer = await talk.say("What can you do?")
    assert answer.reason == "complete"
    assert answer.frames > talk.welcome["fps"]
    assert await _clips(address) > before
    (runtime,) = humans.pods()
    async with httpx2.AsyncClient(timeout=10) as client:
        said = (await client.get(f"http://{runtime['status']['podIP']}:9090/metrics")).text
    assert re.search(r"^digital_human_face_failovers_total 0\.0$", said, re.MULTILINE)
