"""What a Service publishes follows spec.network.expose, there and back."""

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


def _ports(place: Place) -> set[int]:
    return {port["port"] for port in place.get("service", "ada")["spec"]["ports"]}
