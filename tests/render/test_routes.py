"""A Gateway gets one route, which carries everything that the runtime serves."""

from typing import Any

import pytest
from grpc_health.v1 import health

from digital_human_operator import names
from digital_human_operator.render import children
from digital_human_runtime.grpc_api.names import CONTROLLER, EXPORT
from tests.support.builders import ALL_OPTIONAL, a_design, a_human

GATEWAY = {
    "network": {"expose": {"type": "Gateway", "gateway": {"name": "g"}, "host": "a.example"}}
}


def _made(spec: dict[str, Any]) -> list[dict[str, Any]]:
    human = a_human(spec)
    return [child.manifest for child in children(human, a_design(human, ALL_OPTIONAL))]


def _grpc_port(spec: dict[str, Any]) -> dict[str, Any]:
    (service,) = (
        m for m in _made(spec) if m["kind"] == "Service" and m["metadata"]["name"] == "ada"
    )
    return next(dict(p) for p in service["spec"]["ports"] if p["name"] == "grpc")


def test_one_route_takes_the_host() -> None:
    kinds = [m["kind"] for m in _made(GATEWAY) if m["kind"].endswith("Route")]
    assert kinds == ["HTTPRoute"]


@pytest.mark.parametrize(
    ("path", "number"),
    [
        (f"/{CONTROLLER}", names.PORT_GRPC),
        (f"/{EXPORT}", names.PORT_GRPC),
        (f"/{health.SERVICE_NAME}", names.PORT_GRPC),
        ("/ws", names.PORT_WEBSOCKET),
        ("/", 80),
    ],
)
def test_each_path_has_its_port(path: str, number: int) -> None:
    (route,) = (m for m in _made(GATEWAY) if m["kind"] == "HTTPRoute")
    (port,) = (
        rule["backendRefs"][0]["port"]
        for rule in route["spec"]["rules"]
        for match in rule["matches"]
        if match["path"] == {"type": "PathPrefix", "value": path}
    )
    assert port == number


def test_the_gateway_is_told_to_speak_http2_to_the_grpc_port() -> None:
    assert _grpc_port(GATEWAY)["appProtocol"] == "kubernetes.io/h2c"
    assert "appProtocol" not in _grpc_port(GATEWAY | {"security": {"tlsSecret": {"name": "tls"}}})
    assert "appProtocol" not in _grpc_port({})


INGRESS: dict[str, Any] = {"network": {"expose": {"type": "Ingress", "host": "a.example"}}}


def _annotations(spec: dict[str, Any]) -> dict[str, str]:
    (ingress,) = (m for m in _made(spec) if m["kind"] == "Ingress")
    prefix = "nginx.ingress.kubernetes.io/"
    found = ingress["metadata"]["annotations"].items()
    return {key.removeprefix(prefix): value for key, value in found if key.startswith(prefix)}


@pytest.mark.parametrize(("idle", "kept"), [("10m", "3600"), ("5h", "18000")])
def test_a_proxy_never_ends_a_silent_conversation_first(idle: str, kept: str) -> None:
    found = _annotations(INGRESS | {"sessions": {"idleTimeout": idle}})
    assert (found["proxy-read-timeout"], found["proxy-send-timeout"]) == (kept, kept)


def test_an_ingress_speaks_tls_to_a_runtime_that_does() -> None:
    assert "backend-protocol" not in _annotations(INGRESS)
    encrypted = INGRESS | {"security": {"tlsSecret": {"name": "tls"}}}
    assert _annotations(encrypted)["backend-protocol"] == "HTTPS"
