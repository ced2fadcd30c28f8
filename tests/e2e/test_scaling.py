"""The autoscaler adds a Pod under a real load and takes it away; no conversation is lost."""

from __future__ import annotations

import asyncio
import json
import sys
import urllib.request
from contextlib import AsyncExitStack
from pathlib import Path
from typing import Any

import pytest
from websockets.exceptions import ConnectionClosed

from tests.e2e.humans import Humans
from tests.e2e.talking import Caller, Conversation
from tests.e2e.test_faults import REDIS
from tools.binaries import binary
from tools.cluster import Cluster
from tools.cluster.node import lane, oci
from tools.cluster.node.registry import push

pytestmark = [pytest.mark.e2e, pytest.mark.timeout(480, func_only=True)]

_POLICY = {"type": "Pods", "value": 4, "periodSeconds": 15}
QUICK = {"stabilizationWindowSeconds": 0, "policies": [_POLICY]}
SCALING = {
    "minReplicas": 1,
    "maxReplicas": 2,
    "cpu": 60,
    "behavior": {"scaleUp": QUICK, "scaleDown": QUICK},
}


async def test_conversations_outlive_scaling_up_and_down(humans: Humans) -> None:
    example = humans.example(autoscaling=SCALING, sessions=REDIS | {"perReplica": 40})
    del example["spec"]["replicas"]
    humans.apply(example)
    load = await _load(humans.caller())
    humans.until(lambda: len(humans.endpoints()) == 2, "a second Pod", 180)
    out, _ = await asyncio.wait_for(load.communicate(), 180)
    figures = json.loads(out)
    assert load.returncode == 0, json.dumps(figures, indent=1)

    async with AsyncExitStack() as stack:
        held: dict[str, Conversation] = {}
        for pod in humans.pods():
            caller = Caller(str(pod["status"]["podIP"]), 8000)
            talk = await stack.enter_async_context(caller.conversation())
            assert (await talk.say("My name is Zebedee.")).reason == "complete"
            held[pod["metadata"]["name"]] = talk
        humans.until(lambda: len(humans.endpoints()) == 1, "one Pod to be left", 240)
        (left,) = humans.endpoints()
        for name, talk in held.items():
            assert "Zebedee" in await _goes_on(humans, talk, moved=name != left)


def test_pods_follow_the_use_of_their_gpus(stage: Cluster, humans: Humans, tmp_path: Path) -> None:
    """A stand-in for the runtime says how much of its GPU is used: there is no GPU here."""
    program = {"/bin/probe": binary("node-probe").read_bytes()}
    serve = ("/bin/probe", "serve", ":9090")
    archive = tmp_path / "stand-in.tar"
    oci.write(oci.Image("registry.example/stand-in:1", program, entrypoint=serve), archive)
    image = push(lane.machine(stage.directory).place.registry, archive)
    scaling = {key: value for key, value in SCALING.items() if key != "cpu"} | {"gpu": 60}
    gpu = {"profile": "a100-80gb", "count": 1}
    human = humans.example(image=image.pinned, autoscaling=scaling, gpu=gpu)
    del human["spec"]["replicas"]
    humans.apply(human)
    (metric,) = humans.get("hpa", "ada")["spec"]["metrics"]
    assert metric["pods"]["metric"]["name"] == "gpu_utilization"
    _say_used(humans, 170)
    humans.until(lambda: len(humans.endpoints()) == 2, "a second Pod", 120)
    assert sum(_gpus(pod) for pod in humans.pods()) == 2
    _say_used(humans, 10)
    humans.until(lambda: len(humans.pods()) == 1, "one Pod to be left", 120)


def _say_used(humans: Humans, percent: int) -> None:
    """Let each Pod that is there say how much of its GPU is used."""
    for pod in humans.pods():
        url = f"http://{pod['status']['podIP']}:9090/use/{percent}"
        urllib.request.urlopen(url, timeout=5).close()


def _gpus(pod: dict[str, Any]) -> int:
    (container,) = pod["spec"]["containers"]
    return int(container["resources"]["limits"]["nvidia.com/gpu"])


async def _load(caller: Caller) -> asyncio.subprocess.Process:
    """Conversations for about a minute and a half."""
    return await asyncio.create_subprocess_exec(
        *(sys.executable, "-m", "digital_human_runtime.loadtest"),
        *("--url", f"http://{caller.host}", "--conversations", "16", "--turns", "6"),
        *("--pace", "1", "--ramp", "5", "-o", "json"),
        stdout=asyncio.subprocess.PIPE,
    )


async def _goes_on(humans: Humans, talk: Conversation, *, moved: bool) -> str:
    """The answer to one more question, at another Pod where the own one went away."""
    question = "What is my name?"
    if not moved:
        return (await talk.say(question)).text
    with pytest.raises(ConnectionClosed) as closed:
        await _hear_out(talk)
    assert closed.value.rcvd is not None
    assert closed.value.rcvd.code == 1012  # the Pod goes
    resume = {"session": str(talk.welcome["session"]), "token": talk.token}
    async with humans.caller().conversation(resume) as again:
        return (await again.say(question)).text


async def _hear_out(talk: Conversation) -> None:
    """Take what comes until the connection is closed."""
    async with asyncio.timeout(60):
        while True:
            talk.note(await talk.socket.recv())
