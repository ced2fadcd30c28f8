"""What a Service publishes follows spec.network.expose, there and back."""

from functools import partial

import pytest

from tests.support.operator import Place, human

pytestmark = pytest.mark.cluster


def test_load_balancer_comes_without_grpc_and_goes_again(place: Place) -> None:
    place.apply(human())
    place.wait_condition("Ready", "True")
    assert _ports(place) == {80, 8080, 50051}
    place.apply(human(network={"expose": {"type": "LoadBalancer"}}))
    place.wait("the port to go", lambda: _ports(place) == {80, 8080})
    assert place.get("service", "ada")["spec"]["type"] == "LoadBalancer"
    headless = f"ada-headless.{place.namespace}.svc:50051"
    place.wait("its address", lambda: place.status()["endpoints"]["grpc"] == headless)
    place.apply(human(network={"expose": {"type": "ClusterIP"}}))
    place.wait("the port to come back", lambda: _ports(place) == {80, 8080, 50051})
    found = place.get("service", "ada")["spec"]
    assert found["type"] == "ClusterIP"
    assert not any("nodePort" in port for port in found["ports"])


def test_load_balancer_of_some_networks_keeps_their_addresses(place: Place) -> None:
    """There and back: the API server gives such a Service a port for health checks of its own."""
    balancer = {"expose": {"type": "LoadBalancer"}}
    some = balancer | {"allowFrom": [{"cidr": "192.0.2.0/24"}]}
    for network, policy in ((some, "Local"), (balancer, "Cluster"), (some, "Local"), ({}, None)):
        place.apply(human(network=network))
        place.wait(f"the policy {policy}", partial(_has_policy, place, policy))
        place.wait_condition("Ready", "True")
    assert "healthCheckNodePort" not in place.get("service", "ada")["spec"]


def _has_policy(place: Place, policy: str | None) -> bool:
    spec = place.get("service", "ada").get("spec", {})
    return bool(spec) and spec.get("externalTrafficPolicy") == policy


def _ports(place: Place) -> set[int]:
    return {port["port"] for port in place.get("service", "ada")["spec"]["ports"]}
