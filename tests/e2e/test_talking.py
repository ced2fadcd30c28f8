"""The example for a CPU becomes Ready in real Pods, and answers through its Service."""

from __future__ import annotations

import grpc
import pytest
from nvidia_ace import status_pb2
from nvidia_audio2face_3d import audio2face_pb2_grpc

from tests.e2e.humans import Humans
from tests.runtime.grpc_api.clips import like_nvidia, process, tone
from tests.support.cluster import wait_until
from tools import deploy
from tools.cluster import Cluster
from tools.cluster.kubectl import Kubectl

pytestmark = [pytest.mark.e2e, pytest.mark.timeout(240, func_only=True)]


async def test_the_example_answers_through_its_service(humans: Humans) -> None:
    humans.apply(humans.example())
    assert len(humans.pods()) == 2
    humans.until(lambda: len(humans.endpoints()) == 2, "both Pods behind the Service")
    caller = humans.caller()

    assert "Ada" in await caller.chat("What is your name?")

    async with caller.conversation() as talk:
        answer = await talk.say("What can you do?")
    assert answer.reason == "complete"
    assert answer.text
    rate, fps = talk.welcome["sampleRate"], talk.welcome["fps"]
    assert answer.samples > rate  # more than a second of speech
    assert answer.frames == -(-answer.samples * fps // rate)

    async with grpc.aio.insecure_channel(f"{caller.host}:50051") as channel:
        stub = audio2face_pb2_grpc.A2FControllerServiceStub(channel)  # type: ignore[no-untyped-call]
        clip = await process(stub, like_nvidia(tone(1.0)))
    assert clip.status.code == status_pb2.Status.SUCCESS
    assert len(clip.frames) == 30


def test_the_operator_stands_in_a_restricted_namespace(stage: Cluster) -> None:
    kubectl = stage.kubectl
    namespace = kubectl.json("get", "namespace", deploy.NAMESPACE)
    assert namespace["metadata"]["labels"]["pod-security.kubernetes.io/enforce"] == "restricted"
    deployment = kubectl.json("get", "deployment", deploy.RELEASE, "-n", deploy.NAMESPACE)
    assert deployment["status"]["readyReplicas"] == deploy.REPLICAS
    image = deployment["spec"]["template"]["spec"]["containers"][0]["image"]
    assert "@sha256:" in image
    pods = kubectl.json("get", "pods", "-n", deploy.NAMESPACE)["items"]
    assert len(pods) == deploy.REPLICAS
    names = tuple(pod["metadata"]["name"] for pod in pods)
    wait_until(lambda: _leader(kubectl).startswith(names), "one of its Pods to lead")
    for pod in pods:
        (container,) = pod["status"]["containerStatuses"]
        assert container["restartCount"] == 0, deploy.why(stage, deploy.NAMESPACE)
    assert kubectl.json("get", "networkpolicies", "-n", deploy.NAMESPACE)["items"]
    assert kubectl.json("get", "pdb", "-n", deploy.NAMESPACE)["items"]


def _leader(kubectl: Kubectl) -> str:
    lease = kubectl.json("get", "lease", deploy.RELEASE, "-n", deploy.NAMESPACE)
    return str(lease["spec"].get("holderIdentity", ""))
