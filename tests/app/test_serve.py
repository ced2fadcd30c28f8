"""The operator's own endpoint over real HTTP."""

from __future__ import annotations

import socket
from collections.abc import AsyncIterator
from dataclasses import dataclass

import aiohttp
import pytest
from prometheus_client.parser import text_string_to_metric_families

from digital_human_operator import metrics
from digital_human_operator.serve import CannotListen, serving


@dataclass
class Endpoint:
    """Where it listens, and what its checks say."""

    address: str
    alive: str | None = None
    ready: str | None = None

    async def get(self, path: str) -> tuple[int, str, str]:
        """Status, content type and text."""
        async with (
            aiohttp.ClientSession() as session,
            session.get(f"http://{self.address}{path}") as answer,
        ):
            return answer.status, answer.headers["Content-Type"], await answer.text()


def free_address() -> str:
    with socket.create_server(("127.0.0.1", 0)) as one:
        return f"127.0.0.1:{one.getsockname()[1]}"


@pytest.fixture
async def endpoint() -> AsyncIterator[Endpoint]:
    made = Endpoint(free_address())
    async with serving(made.address, alive=lambda: made.alive, ready=lambda: made.ready):
        yield made


@pytest.mark.parametrize(("path", "check"), [("/healthz", "alive"), ("/readyz", "ready")])
async def test_check_answers_200_or_503_with_the_reason(
    endpoint: Endpoint, path: str, check: str
) -> None:
    assert (await endpoint.get(path))[::2] == (200, "ok")
    setattr(endpoint, check, "the watches are not complete yet")
    assert (await endpoint.get(path))[::2] == (503, "the watches are not complete yet")
    setattr(endpoint, check, None)
    assert (await endpoint.get(path))[::2] == (200, "ok")


async def test_checks_are_independent(endpoint: Endpoint) -> None:
    endpoint.ready = "not yet"
    assert (await endpoint.get("/healthz"))[0] == 200
    assert (await endpoint.get("/readyz"))[0] == 503


async def test_metrics_are_prometheus_text(endpoint: Endpoint) -> None:
    metrics.APPLIES.labels("Service", "created").inc()
    status, kind, text = await endpoint.get("/metrics")
    assert status == 200
    assert kind.startswith("text/plain; version=")
    families = {f.name: f for f in text_string_to_metric_families(text)}
    assert families["digital_human_operator_applies"].type == "counter"
    for name in ("controller_runtime_reconcile", "workqueue_adds", "rest_client_requests"):
        assert name in families


@pytest.mark.parametrize("path", ["/", "/metric", "/healthz/x", "/debug"])
async def test_unknown_path_is_404(endpoint: Endpoint, path: str) -> None:
    assert (await endpoint.get(path))[0] == 404


async def test_address_is_free_again_afterwards() -> None:
    address = free_address()
    for _ in range(2):
        async with serving(address, alive=lambda: None, ready=lambda: None):
            assert (await Endpoint(address).get("/healthz"))[0] == 200
    with pytest.raises(aiohttp.ClientConnectorError):
        await Endpoint(address).get("/healthz")


async def test_taken_port_is_one_sentence(endpoint: Endpoint) -> None:
    with pytest.raises(CannotListen) as raised:
        async with serving(endpoint.address, alive=lambda: None, ready=lambda: None):
            pytest.fail("it listens on a port that is taken")
    said = str(raised.value)
    assert said.startswith(f"cannot listen on {endpoint.address} (Address already in use)")
    assert "DIGITAL_HUMAN_OPERATOR_METRICS_ADDRESS" in said


async def test_address_of_another_machine_is_one_sentence() -> None:
    with pytest.raises(CannotListen, match=r"192\.0\.2\.1:1 \(Cannot assign requested address\)"):
        async with serving("192.0.2.1:1", alive=lambda: None, ready=lambda: None):
            pytest.fail("it listens on an address that this machine does not have")


async def test_without_an_address_nothing_is_served() -> None:
    async with serving("", alive=lambda: None, ready=lambda: None):
        pass
