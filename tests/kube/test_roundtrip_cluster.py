"""
What a real API server does to manifests: does our part of the live object equal what we sent?

The manifests obey the rules in ``normal``; ``BROKEN`` lists changes that each break one, to show
that the rule is real.
"""

from __future__ import annotations

from collections.abc import Callable
from contextlib import suppress
from typing import Any

import msgspec
import pytest

from digital_human_operator.kube.apply import Applier, Result
from digital_human_operator.kube.client import ApiClient
from digital_human_operator.kube.desired import Desired
from digital_human_operator.kube.errors import Conflict
from digital_human_operator.kube.live import Decoder
from digital_human_operator.kube.normal import normalise
from digital_human_operator.kube.ownership import project
from digital_human_operator.kube.store import Store

from .manifests import BROKEN, HARMLESS, LABEL, MANIFESTS, RESOURCES, manifest

pytestmark = pytest.mark.cluster


def differences(sent: Any, found: Any, path: str = "") -> list[str]:
    """One line for each place where two JSON values differ."""
    if isinstance(sent, dict) and isinstance(found, dict):
        return [
            line
            for key in sorted({*sent, *found})
            for line in differences(sent.get(key, "-"), found.get(key, "-"), f"{path}.{key}")
        ]
    if isinstance(sent, list) and isinstance(found, list) and len(sent) == len(found):
        pairs = enumerate(zip(sent, found, strict=True))
        return [line for i, (a, b) in pairs for line in differences(a, b, f"{path}[{i}]")]
    return [] if sent == found else [f"{path}: sent {sent!r}, found {found!r}"]


@pytest.fixture
def client(admin_client: ApiClient) -> ApiClient:
    return admin_client


@pytest.fixture
async def owner(client: ApiClient, namespace: str) -> str:
    """A real owner: the garbage collector deletes what an unknown one owns."""
    body = {"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": "owner"}}
    raw = await client.create(
        RESOURCES["ConfigMap"], namespace, msgspec.json.encode(body), manager="m"
    )
    return str(msgspec.json.decode(raw)["metadata"]["uid"])


@pytest.mark.parametrize("kind", list(MANIFESTS))
async def test_what_we_own_of_the_answer_is_what_we_sent(
    kind: str, client: ApiClient, namespace: str, owner: str
) -> None:
    desired = manifest(kind, namespace, owner)
    raw = await client.apply(
        desired.resource, namespace, "x", desired.encoded(), manager="roundtrip"
    )
    live = msgspec.json.decode(raw)
    assert differences(normalise(desired.body), normalise(project(live, "roundtrip"))) == []
    assert Decoder("roundtrip").decode(raw).digest == desired.digest


@pytest.mark.parametrize("rule", [*BROKEN, *HARMLESS])
async def test_only_a_broken_rule_looks_like_a_difference(
    rule: str, client: ApiClient, namespace: str, owner: str
) -> None:
    kind, path, value = (BROKEN | HARMLESS)[rule]
    body = msgspec.json.decode(msgspec.json.encode(manifest(kind, namespace, owner).body))
    at = body
    for step in path[:-1]:
        at = at[step]
    at[path[-1]] = value
    desired = Desired(RESOURCES[kind], namespace, "x", body)
    raw = await client.apply(
        desired.resource, namespace, "x", desired.encoded(), manager="roundtrip"
    )
    live = msgspec.json.decode(raw)
    found = differences(normalise(body), normalise(project(live, "roundtrip")))
    assert (found != []) == (rule in BROKEN)


@pytest.mark.parametrize("kind", ["Deployment", "Service", "StatefulSet", "Secret"])
async def test_applier_creates_once_heals_and_leaves_foreign_objects_alone(
    kind: str, client: ApiClient, namespace: str, owner: str
) -> None:
    resource = RESOURCES[kind]
    decoder = Decoder("roundtrip", LABEL)

    def applier() -> Applier:
        return Applier(
            client,
            "roundtrip",
            {resource: Store(resource)},
            {resource: decoder},
            ownership_label=LABEL,
            owners=(),
        )

    desired, first = manifest(kind, namespace, owner), applier()
    assert (await first.apply(desired, owner)).result is Result.CREATED
    assert (await first.apply(desired, owner)).result is Result.UNCHANGED
    # An empty store: the object is found to be ours, and nothing changes.
    found = await _unseen(applier, desired, owner)
    # Of a Deployment the API server has been seen to make a new version even so.
    assert found is Result.CONFIRMED or (kind, found) == ("Deployment", Result.CHANGED)
    stranger = manifest(kind, namespace, "99999999-0000")
    assert (await applier().apply(stranger, "99999999-0000")).result is Result.FOREIGN
    assert (await first.apply(stranger, "99999999-0000")).result is Result.FOREIGN
    # Deleted behind our back: created again without waiting for the watch.
    await client.delete(resource, namespace, "x")
    changed = Desired(
        resource,
        namespace,
        "x",
        msgspec.json.decode(msgspec.json.encode(desired.body)),
    )
    changed.body["metadata"]["annotations"] = {"new": "1"}
    assert (await first.apply(changed, owner)).result is Result.CREATED
    await _prune(first, client, decoder, owner, desired)


async def _unseen(applier: Callable[[], Applier], desired: Desired, owner: str) -> Result:
    """What comes of it for who has seen nothing; again when a controller was faster."""
    for _ in range(10):
        with suppress(Conflict):
            return (await applier().apply(desired, owner)).result
    raise AssertionError("the object changed ten times while it was to be applied")


async def _prune(
    applier: Applier, client: ApiClient, decoder: Decoder, owner: str, desired: Desired
) -> None:
    """Prune; no watch runs here, so look again when a controller of the cluster was faster."""
    for _ in range(10):
        try:
            await applier.prune(owner, keep=set())
        except Conflict:
            raw = await client.get(desired.resource, desired.namespace, desired.name)
            applier._stores[desired.resource].upsert(decoder.decode(raw))
        else:
            return
    raise AssertionError("the object changed ten times while it was to be deleted")
