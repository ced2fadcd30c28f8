"""What changes under real Pods: a Secret is rotated, the operator is upgraded and uninstalled."""

from __future__ import annotations

import asyncio
import base64
from typing import Any

import httpx2
import pytest

from tests.e2e.humans import Humans
from tests.e2e.test_faults import REDIS
from tools import deploy
from tools.cluster import Cluster
from tools.cluster.node.lane import push_images

UNAUTHORIZED = 401
pytestmark = [pytest.mark.e2e, pytest.mark.timeout(300, func_only=True)]


def _secret(humans: Humans, key: str) -> dict[str, Any]:
    return {
        "apiVersion": "v1",
        "kind": "Secret",
        "metadata": {"name": "keys", "namespace": humans.namespace},
        "data": {"api-key": base64.b64encode(key.encode()).decode()},
    }


async def test_a_rotated_key_counts_and_rolls_only_its_own_human(humans: Humans) -> None:
    humans.cluster.kubectl.apply(_secret(humans, "the-first-of-the-keys"))
    closed = humans.example(security={"apiKeySecret": {"name": "keys", "key": "api-key"}})
    other = humans.example(replicas=1)
    other["metadata"]["name"] = "grace"
    humans.apply(closed)
    humans.apply(other)
    assert await humans.caller(key="the-first-of-the-keys").chat("Hello")
    with pytest.raises(httpx2.HTTPStatusError, match="401"):
        await humans.caller().chat("Hello")

    kept = {pod["metadata"]["name"] for pod in humans.pods(name="grace")}
    before = {pod["metadata"]["name"] for pod in humans.pods()}
    humans.cluster.kubectl.apply(_secret(humans, "the-second-of-the-keys"))
    humans.until(
        lambda: len(humans.endpoints()) == 2 and not humans.endpoints() & before,
        "two Pods with the new key",
        120,
    )
    # kube-proxy hears of the change a moment after us, and until then also asks Pods that go.
    async with asyncio.timeout(20):
        while not await _admitted(humans, "the-second-of-the-keys"):  # noqa: ASYNC110 - it is elsewhere
            await asyncio.sleep(0.2)
    for _ in range(10):
        assert await _admitted(humans, "the-second-of-the-keys")
        assert not await _admitted(humans, "the-first-of-the-keys")
    assert {pod["metadata"]["name"] for pod in humans.pods(name="grace")} == kept


@pytest.mark.alone
def test_an_upgrade_of_the_operator_touches_no_pod_of_a_human(
    stage: Cluster, humans: Humans
) -> None:
    humans.apply(humans.example(sessions=REDIS))
    before = {pod["metadata"]["uid"] for pod in humans.pods()}
    redis = {pod["metadata"]["uid"] for pod in humans.pods("redis")}
    generations = _generations(humans)
    old = _operator_pods(stage)
    _upgrade(stage, {"podLabels.upgraded": "yes"})
    humans.until(lambda: not _operator_pods(stage) & old, "other Pods of the operator", 120)
    # It works: something that is asked of the new one is done, and it has looked at all by then.
    label = "another-than-before"
    labelled = {"labels": {"of-the-test": label}}
    humans.apply(humans.example(sessions=REDIS, podTemplate=labelled, replicas=2))
    changed = {"Deployment/ada": generations["Deployment/ada"] + 1}
    assert _generations(humans) == generations | changed
    assert {pod["metadata"]["uid"] for pod in humans.pods("redis")} == redis
    pods = humans.pods()
    assert not {pod["metadata"]["uid"] for pod in pods} & before
    assert {pod["metadata"]["labels"]["of-the-test"] for pod in pods} == {label}


def _generations(humans: Humans) -> dict[str, int]:
    """How often the spec of each thing that makes Pods, or decides over them, was changed."""
    kinds = "deployments,statefulsets,poddisruptionbudgets,networkpolicies"
    items = humans.cluster.kubectl.json("get", kinds, "-n", humans.namespace)["items"]
    heads = {f"{item['kind']}/{item['metadata']['name']}": item["metadata"] for item in items}
    assert {"Deployment/ada", "StatefulSet/ada-redis"} <= set(heads)
    return {name: int(head["generation"]) for name, head in heads.items()}


async def _admitted(humans: Humans, key: str) -> bool:
    """Whether a key opens the human now."""
    try:
        return bool(await humans.caller(key=key).chat("Hello"))
    except httpx2.HTTPStatusError as refused:
        if refused.response.status_code != UNAUTHORIZED:
            raise
        return False


def _operator_pods(stage: Cluster) -> set[str]:
    items = stage.kubectl.json("get", "pods", "-n", deploy.NAMESPACE)["items"]
    return {str(pod["metadata"]["uid"]) for pod in items}


def _upgrade(stage: Cluster, values: dict[str, str]) -> None:
    """The same release with other values, as `helm upgrade --reuse-values` has them."""
    pushed = push_images(stage.directory, list(deploy.IMAGES))
    digests = {name: one.digest for name, one in zip(deploy.IMAGES, pushed, strict=True)}
    deploy.operator(stage, digests, **values)
