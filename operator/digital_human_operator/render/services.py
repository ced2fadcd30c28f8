"""The Services of the runtime: one for callers, one that names each Pod, one for probes."""

from __future__ import annotations

from digital_human_operator import names
from digital_human_operator.human import Human

from .common import Manifest, manifest, seconds


def main(human: Human) -> Manifest:
    """
    Port 80 for HTTP, 8080 for WebSockets, 50051 for gRPC; a client stays with its Pod.

    A load balancer does not publish gRPC: that is for services of the cluster, by the headless one.
    """
    sessions, expose = human.spec.sessions, human.spec.network.expose
    ports = [
        port("http", 80, "http"),
        port("websocket", names.PORT_WEBSOCKET, "websocket"),
    ]
    if expose.type != "LoadBalancer":
        ports.append(port("grpc", names.PORT_GRPC, "grpc"))
    spec: Manifest = {
        "type": "LoadBalancer" if expose.type == "LoadBalancer" else "ClusterIP",
        "selector": names.selector(human.name, names.RUNTIME),
        "ports": ports,
        "sessionAffinity": sessions.affinity,
    }
    if sessions.affinity == "ClientIP":
        timeout = min(86400, seconds(sessions.affinity_timeout))
        spec["sessionAffinityConfig"] = {"clientIP": {"timeoutSeconds": timeout}}
    if expose.type == "LoadBalancer":
        spec["loadBalancerSourceRanges"] = list(expose.source_ranges)
        if _judges_addresses(human):
            spec["externalTrafficPolicy"] = "Local"
    if expose.type == "Gateway" and human.spec.security.tls_secret is None:
        spec["ports"][-1]["appProtocol"] = "kubernetes.io/h2c"  # else a Gateway speaks HTTP/1.1
    annotations = expose.annotations if expose.type in {"LoadBalancer", "ClusterIP"} else {}
    return manifest(
        human, "v1", "Service", human.name, names.RUNTIME, annotations=annotations, spec=spec
    )


def _judges_addresses(human: Human) -> bool:
    """
    Whether a NetworkPolicy lets only some networks in.

    It has to see a caller's own address then. Usually a node that passes a call on to another one
    puts its own address there, and nobody would be let in.
    """
    network = human.spec.network
    named = network.expose.source_ranges or any(one.cidr for one in network.allow_from)
    return network.policy != "Off" and bool(named)


def headless(human: Human) -> Manifest:
    """
    Names each Pod, ready or not.

    A Pod that drains is not ready any more, and its conversations must still find it.
    """
    return manifest(
        human,
        "v1",
        "Service",
        names.headless(human.name),
        names.RUNTIME,
        spec={
            "type": "ClusterIP",
            "clusterIP": "None",
            "publishNotReadyAddresses": True,
            "selector": names.selector(human.name, names.RUNTIME),
            "ports": [
                port("http", names.PORT_HTTP, "http"),
                port("websocket", names.PORT_WEBSOCKET, "websocket"),
                port("grpc", names.PORT_GRPC, "grpc"),
            ],
        },
    )


def health(human: Human) -> Manifest:
    """
    Probes and metrics of each Pod, also of one that is not ready, apart from what callers use.

    Headless: an answer from any of the Pods would tell nothing, and cluster addresses are scarce.
    """
    return manifest(
        human,
        "v1",
        "Service",
        names.health(human.name),
        names.RUNTIME,
        spec={
            "type": "ClusterIP",
            "clusterIP": "None",
            "publishNotReadyAddresses": True,
            "selector": names.selector(human.name, names.RUNTIME),
            "ports": [port("health", names.PORT_HEALTH, "health")],
        },
    )


def port(name: str, number: int, target: str | int) -> Manifest:
    """One TCP port of a Service."""
    return {"name": name, "port": number, "targetPort": target, "protocol": "TCP"}
