"""A human with an autoscaler: two writes until it is Ready, and one when metrics stay away."""

from __future__ import annotations

from typing import Any

from tests.support.world import World

SCALED: dict[str, Any] = {"autoscaling": {"minReplicas": 1, "maxReplicas": 3}}
READY = {
    "observedGeneration": 1,
    "replicas": 1,
    "updatedReplicas": 1,
    "readyReplicas": 1,
    "availableReplicas": 1,
    "conditions": [{"type": "Progressing", "status": "True", "reason": "NewReplicaSetAvailable"}],
}
NO_METRICS = {
    "conditions": [
        {"type": "AbleToScale", "status": "True", "reason": "SucceededGetScale"},
        {
            "type": "ScalingActive",
            "status": "False",
            "reason": "FailedGetResourceMetric",
            "message": "no metrics API",
        },
    ]
}
STATUS = "apply digitalhumans/ada/status"


async def test_missing_metrics_cost_no_write_for_five_minutes(world: World) -> None:
    key = world.human(**SCALED)
    await world.reconcile(key)
    made = {"creationTimestamp": world.clock}
    world.put("HorizontalPodAutoscaler", metadata=made)
    world.put("Deployment", status=READY)
    assert await world.reconcile(key) == 300
    assert world.writes().count(STATUS) == 2
    world.clock = "2026-03-01T12:01:00Z"
    world.put("HorizontalPodAutoscaler", status=NO_METRICS)
    assert await world.reconcile(key) == 240
    assert world.writes() == []
    assert world.condition("AutoscalingActive")["reason"] == "WaitingForMetrics"

    again = World(world.server, world.services.client)  # another operator goes on
    again.human(**SCALED)
    again.clock = "2026-03-01T12:05:00Z"
    assert await again.reconcile(key) is None
    assert again.writes() == [STATUS]
    assert again.condition("AutoscalingActive")["reason"] == "FailedGetResourceMetric"
    assert await again.reconcile(key) is None
    assert again.writes() == []


async def test_metrics_that_the_cluster_does_not_serve_cost_no_write_at_all(world: World) -> None:
    world.services.served.absent = frozenset({"metrics.k8s.io"})
    key = world.human(**SCALED)
    await world.reconcile(key)
    world.put("HorizontalPodAutoscaler", metadata={"creationTimestamp": world.clock})
    world.put("Deployment", status=READY)
    assert await world.reconcile(key) is None
    assert world.writes().count(STATUS) == 2
    world.clock = "2026-03-01T12:06:00Z"
    world.put("HorizontalPodAutoscaler", status=NO_METRICS)
    assert await world.reconcile(key) is None
    assert world.writes() == []
    assert world.condition("AutoscalingActive")["reason"] == "MetricsNotServed"
