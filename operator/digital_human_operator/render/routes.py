"""How callers outside the cluster reach the human: an Ingress, or a route of a Gateway."""

from __future__ import annotations

from digital_human_operator import names
from digital_human_operator.human import Design, Human

from .common import Manifest, manifest, seconds

_GATEWAY = "gateway.networking.k8s.io"
GRPC_SERVICES = (
    "nvidia_ace.services.a2f_controller.v1.A2FControllerService",
    "nvidia_ace.services.a2x_export_config.v1.A2XExportConfigService",
    "grpc.health.v1.Health",
)
"""What the runtime serves on its gRPC port, for callers outside."""
CONVERSATION = 3600
"""Seconds that a proxy keeps an idle WebSocket, at least: conversations have their own limit."""


def routes(human: Human, design: Design) -> list[Manifest]:
    """The Ingress or the route that the spec asks for, as far as the cluster serves it."""
    expose = human.spec.network.expose
    if expose.type == "Ingress":
        return [_ingress(human)]
    if expose.type == "Gateway" and "HTTPRoute" in design.served:
        return [_http_route(human)]
    return []


def _ingress(human: Human) -> Manifest:
    """/ws to the WebSocket port, the rest to HTTP; the user's annotations win."""
    expose = human.spec.network.expose
    idle = str(max(CONVERSATION, seconds(human.spec.sessions.idle_timeout)))
    annotations = {
        "nginx.ingress.kubernetes.io/proxy-read-timeout": idle,
        "nginx.ingress.kubernetes.io/proxy-send-timeout": idle,
        "nginx.ingress.kubernetes.io/proxy-buffering": "off",
    }
    if human.spec.security.tls_secret is not None:
        annotations["nginx.ingress.kubernetes.io/backend-protocol"] = "HTTPS"
    failover = human.spec.availability.failover
    if failover is not None:
        annotations |= {
            "nginx.ingress.kubernetes.io/proxy-connect-timeout": str(seconds(failover.timeout)),
            "nginx.ingress.kubernetes.io/proxy-next-upstream-tries": str(failover.max_retries + 1),
        }
    if human.spec.sessions.affinity == "ClientIP":
        annotations["nginx.ingress.kubernetes.io/upstream-hash-by"] = "$binary_remote_addr"
    rule: Manifest = {
        "host": expose.host,
        "http": {"paths": [_path(human, "/ws", "websocket"), _path(human, "/", "http")]},
    }
    tls = [{"hosts": [expose.host], "secretName": expose.tls_secret}] if expose.tls_secret else []
    return manifest(
        human,
        "networking.k8s.io/v1",
        "Ingress",
        human.name,
        names.RUNTIME,
        annotations={**annotations, **expose.annotations},
        spec={"ingressClassName": expose.ingress_class_name, "rules": [rule], "tls": tls},
    )


def _path(human: Human, path: str, port: str) -> Manifest:
    backend = {"service": {"name": human.name, "port": {"name": port}}}
    return {"path": path, "pathType": "Prefix", "backend": backend}


def _http_route(human: Human) -> Manifest:
    """
    HTTP, WebSockets and gRPC in one route.

    A Gateway accepts only one of an HTTPRoute and a GRPCRoute for the same host and listener, and a
    gRPC service is a path. A request timeout of 0s means none: conversations last as they last.
    """
    spec = _route(human) | {
        "rules": [
            _http_rule(human, [f"/{service}" for service in GRPC_SERVICES], names.PORT_GRPC),
            _http_rule(human, ["/ws"], names.PORT_WEBSOCKET),
            _http_rule(human, ["/"], 80),
        ]
    }
    return manifest(human, f"{_GATEWAY}/v1", "HTTPRoute", human.name, names.RUNTIME, spec=spec)


def _http_rule(human: Human, paths: list[str], number: int) -> Manifest:
    return {
        "matches": [{"path": {"type": "PathPrefix", "value": path}} for path in paths],
        "timeouts": {"request": "0s"},
        "backendRefs": [_backend(human, number)],
    }


def _route(human: Human) -> Manifest:
    expose = human.spec.network.expose
    gateway = expose.gateway
    if gateway is None:  # a rule of the CRD asks for it
        return {}
    parent = {
        "group": _GATEWAY,
        "kind": "Gateway",
        "name": gateway.name,
        "namespace": gateway.namespace,
        "sectionName": gateway.section_name,
    }
    return {"parentRefs": [parent], "hostnames": [expose.host] if expose.host else []}


def _backend(human: Human, number: int) -> Manifest:
    return {"group": "", "kind": "Service", "name": human.name, "port": number, "weight": 1}
