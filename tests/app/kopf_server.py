"""A fake API server that serves what kopf asks for at its start."""

from __future__ import annotations

from digital_human_operator.kinds import HUMANS, OWN
from tests.support.fake_server import FakeServer


def serve_kopf(server: FakeServer, *, our_kinds: bool = True) -> None:
    """Let kopf find the kinds that it insists on, and ours."""
    server.served |= {
        "/api/v1": ["namespaces", "events"],
        "/apis/apiextensions.k8s.io/v1": ["customresourcedefinitions"],
    }
    if our_kinds:
        server.served[HUMANS.prefix] = [r.plural for r in OWN]
