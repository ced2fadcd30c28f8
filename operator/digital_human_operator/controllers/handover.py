"""
Gives the number of replicas from the operator to an autoscaler without an outage.

Server-side apply resets a field that its only owner drops: a Deployment of ten would fall to one.
So before the operator stops applying ``spec.replicas`` a second field manager takes it over with
the number that runs now, and the autoscaler changes it from there.
"""

from __future__ import annotations

from typing import Any

import msgspec

from digital_human_operator.kube.desired import Desired
from digital_human_operator.kube.errors import NotFound
from digital_human_operator.kube.ownership import project
from digital_human_operator.names import FIELD_MANAGER, HANDOVER_MANAGER

from .services import Services


async def hand_over_replicas(
    services: Services, wanted: Desired, owner_uid: str, least: int
) -> None:
    """
    Do it when ``wanted`` names no replicas and the live Deployment of ``owner_uid`` still has ours.

    At least ``least`` Pods are handed over: an autoscaler never starts from zero.
    """
    if "replicas" in wanted.body["spec"]:
        return
    live = services.stores[wanted.resource].get(wanted.namespace, wanted.name)
    if live is None or live.deleting or live.owner_uid != owner_uid:
        return
    if live.digest == wanted.digest:
        return
    try:
        raw = await services.client.get(wanted.resource, wanted.namespace, wanted.name)
    except NotFound:
        return
    found: dict[str, Any] = msgspec.json.decode(raw)
    if "replicas" not in project(found, FIELD_MANAGER).get("spec", {}):
        return
    body = {
        "apiVersion": wanted.resource.api_version,
        "kind": wanted.resource.kind,
        "metadata": {"name": wanted.name, "uid": live.uid},
        "spec": {"replicas": max(least, found["spec"].get("replicas", 1))},
    }
    answer = await services.client.apply(
        wanted.resource,
        wanted.namespace,
        wanted.name,
        msgspec.json.encode(body),
        manager=HANDOVER_MANAGER,
    )
    services.applier.remember(wanted, answer)
