"""Who reaches the Pods and whom they reach: exactly what the spec implies."""

import json
from ipaddress import ip_address, ip_network
from typing import Any

import pytest

from digital_human_operator import names
from digital_human_operator.render import children
from tests.support.builders import a_design, a_human

METADATA = (
    "169.254.169.254",
    "100.100.100.200",
    "168.63.129.16",
    "fe80::a9fe:a9fe",
    "fd00:ec2::254",
    "fd20:ce::254",
)
NAMES = {53, 5353}
FETCHED: dict[str, Any] = {"model": "llama3:8b"}
ANYBODY = [{"ipBlock": {"cidr": "0.0.0.0/0"}}, {"ipBlock": {"cidr": "::/0"}}]
EVERY_NAMESPACE: list[dict[str, Any]] = [{"namespaceSelector": {}}]
OWN_NAMESPACE: list[dict[str, Any]] = [{"podSelector": {}}]


def _policies(spec: dict[str, Any]) -> dict[str, dict[str, Any]]:
    human = a_human(spec)
    made = (child.manifest for child in children(human, a_design(human)))
    return {m["metadata"]["name"]: m["spec"] for m in made if m["kind"] == "NetworkPolicy"}


def _namespace(name: str) -> dict[str, Any]:
    return {"namespaceSelector": {"matchLabels": {"kubernetes.io/metadata.name": name}}}


def _ports(rule: dict[str, Any]) -> set[int]:
    return {port["port"] for port in rule.get("ports", [])}


def _callers(spec: dict[str, Any], port: int = names.PORT_HTTP) -> list[dict[str, Any]]:
    rules = (rule for rule in _policies(spec)["ada"]["ingress"] if port in _ports(rule))
    return [peer for rule in rules for peer in rule["from"]]


def _reached(rules: list[dict[str, Any]], address: str) -> bool:
    """Whether some rule, but for names, lets ``address`` be called."""
    wanted = ip_address(address)
    blocks = [p["ipBlock"] for r in rules if _ports(r) - NAMES for p in r["to"] if "ipBlock" in p]
    return any(
        wanted in ip_network(block["cidr"])
        and not any(wanted in ip_network(out) for out in block.get("except", []))
        for block in blocks
    )


@pytest.mark.parametrize("address", METADATA)
@pytest.mark.parametrize(
    "spec",
    [
        {"llm": {"openAI": {"url": "http://llm.example.com/v1", "model": "m"}}},
        {"llm": {"transformers": FETCHED | {"source": {"huggingFace": {"repository": "a/b"}}}}},
        {"backup": {"schedule": "@daily", "destination": {"s3": {"bucket": "backups"}}}},
        *(
            {"network": {"allowTo": [{"cidr": cidr, "ports": [80]}]}}
            for cidr in (
                "0.0.0.0/0",
                "::/0",
                "168.0.0.0/7",
                "169.192.0.0/10",
                "169.254.0.0/15",
                "100.100.0.0/16",
                "168.63.129.0/24",
                "fe00::/9",
                "fd00::/8",
            )
        ),
    ],
)
def test_no_metadata_service_is_reached(spec: dict[str, Any], address: str) -> None:
    for policy in _policies(spec).values():
        assert not _reached(policy.get("egress", []), address)


def test_what_is_left_out_of_a_network_lies_within_it() -> None:
    spec = {"network": {"allowTo": [{"cidr": "169.254.0.0/15", "ports": [80]}]}}
    (block,) = (
        peer["ipBlock"]
        for rule in _policies(spec)["ada"]["egress"]
        if _ports(rule) == {80}
        for peer in rule["to"]
    )
    assert block == {"cidr": "169.254.0.0/15", "except": ["169.254.0.0/16"]}


INGRESS = {"expose": {"type": "Ingress", "host": "ada.example.com"}}
GATEWAY = {"expose": {"type": "Gateway", "gateway": {"name": "g"}}}
BALANCER = {"expose": {"type": "LoadBalancer"}}
RANGED = {"expose": {"type": "LoadBalancer", "sourceRanges": ["192.0.2.0/24"]}}
FRONTEND = {"allowFrom": [{"namespace": "frontend"}]}
OFFICE = {"allowFrom": [{"cidr": "10.0.0.0/8"}]}


@pytest.mark.parametrize(
    ("network", "callers"),
    [
        ({}, OWN_NAMESPACE),
        (FRONTEND, [_namespace("frontend")]),
        (INGRESS, EVERY_NAMESPACE),
        (GATEWAY, EVERY_NAMESPACE),
        (INGRESS | FRONTEND, [_namespace("frontend")]),
        (GATEWAY | FRONTEND, [_namespace("frontend")]),
        (INGRESS | OFFICE, [{"ipBlock": {"cidr": "10.0.0.0/8"}}]),
        (BALANCER, [*OWN_NAMESPACE, *ANYBODY]),
        (BALANCER | FRONTEND, [_namespace("frontend"), *ANYBODY]),
        (BALANCER | OFFICE, [{"ipBlock": {"cidr": "10.0.0.0/8"}}]),
        (RANGED, [*OWN_NAMESPACE, {"ipBlock": {"cidr": "192.0.2.0/24"}}]),
        (
            RANGED | OFFICE,
            [{"ipBlock": {"cidr": "10.0.0.0/8"}}, {"ipBlock": {"cidr": "192.0.2.0/24"}}],
        ),
    ],
)
def test_callers_are_those_that_the_spec_names(
    network: dict[str, Any], callers: list[dict[str, Any]]
) -> None:
    assert _callers({"network": network}) == callers
    assert _callers({"network": network}, names.PORT_WEBSOCKET) == callers


@pytest.mark.parametrize(
    ("network", "callers"),
    [
        ({}, OWN_NAMESPACE),
        (INGRESS, EVERY_NAMESPACE),
        (BALANCER, OWN_NAMESPACE),
        (BALANCER | FRONTEND, [_namespace("frontend")]),
        (BALANCER | OFFICE, [{"ipBlock": {"cidr": "10.0.0.0/8"}}]),
        (RANGED, OWN_NAMESPACE),
        (RANGED | OFFICE, [{"ipBlock": {"cidr": "10.0.0.0/8"}}]),
    ],
)
def test_grpc_is_not_for_the_callers_of_a_load_balancer(
    network: dict[str, Any], callers: list[dict[str, Any]]
) -> None:
    """It has no port for it: that is for services of the cluster, by the headless Service."""
    assert _callers({"network": network}, names.PORT_GRPC) == callers


def _ways_out(policy: dict[str, Any]) -> set[tuple[str, frozenset[int]]]:
    """(peer, ports) of what is let out, but for names; no ports mean all of them."""
    return {
        (json.dumps(peer), frozenset(_ports(rule)))
        for rule in policy.get("egress", [])
        if not _ports(rule) or _ports(rule) - NAMES
        for peer in rule["to"]
    }


ALL_PORTS: frozenset[int] = frozenset()
STORE = "http://minio.storage.svc"


@pytest.mark.parametrize(
    ("spec", "policy"),
    [
        (
            {"llm": {"transformers": FETCHED | {"source": {"objectStore": {
                "url": "s3://models", "endpoint": STORE}}}}},
            "ada-model-fetch",
        ),
        (
            {"llm": {"transformers": FETCHED | {"source": {"huggingFace": {
                "repository": "a/b", "endpoint": STORE}}}}},
            "ada-model-fetch",
        ),
        (
            {"backup": {"schedule": "@daily", "destination": {"s3": {
                "bucket": "backups", "endpoint": STORE}}}},
            "ada-backup",
        ),
        ({"llm": {"openAI": {"url": STORE, "model": "m"}}}, "ada"),
        ({"speech": {"riva": {"address": "Riva.Storage.SVC.:50051"}}}, "ada"),
    ],
)  # fmt: skip
def test_a_service_opens_its_namespace_as_policies_see_the_ports_of_pods(
    spec: dict[str, Any], policy: str
) -> None:
    assert (json.dumps(_namespace("storage")), ALL_PORTS) in _ways_out(_policies(spec)[policy])


def test_a_bare_name_is_a_service_of_the_own_namespace() -> None:
    spec = {"llm": {"openAI": {"url": "http://vllm:8000/v1", "model": "m"}}}
    assert _ways_out(_policies(spec)["ada"]) == {(json.dumps({"podSelector": {}}), ALL_PORTS)}


REDIS: dict[str, Any] = {"sessions": {"store": {"redis": {"managed": {}}}}}


def _nightly(*parts: str) -> dict[str, Any]:
    claim = {"persistentVolumeClaim": {"claimName": "backups"}}
    return {"backup": {"schedule": "@daily", "destination": claim, "include": list(parts)}}


def test_redis_lets_in_backups_only_where_there_are_any() -> None:
    def clients(spec: dict[str, Any]) -> list[str]:
        (rule,) = _policies(spec)["ada-redis"]["ingress"]
        labels = (peer["podSelector"]["matchLabels"] for peer in rule["from"])
        return [one[names.LABEL_COMPONENT] for one in labels]

    assert clients(REDIS) == [names.RUNTIME]
    assert clients(REDIS | _nightly("sessions")) == [names.RUNTIME, names.BACKUP]


def test_a_backup_to_a_volume_goes_nowhere_else() -> None:
    assert _ways_out(_policies(_nightly("config", "objects"))["ada-backup"]) == set()
