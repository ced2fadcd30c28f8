"""A fake API server, a client of it, and small objects to put there."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable
from typing import Any

import pytest

from digital_human_operator.kube.client import ApiClient, open_session
from digital_human_operator.kube.credentials import Credentials
from digital_human_operator.kube.resources import Resource
from tests.support.fake_server import FakeServer

CONFIG_MAPS = Resource("", "v1", "ConfigMap", "configmaps")
DEPLOYMENTS = Resource("apps", "v1", "Deployment", "deployments")
OWNERS = Resource("", "v1", "Owner", "owners")


def path(name: str, namespace: str = "ns", resource: Resource = CONFIG_MAPS) -> str:
    return resource.path(namespace, name)


def config_map(name: str, data: dict[str, str] | None = None, **metadata: Any) -> dict[str, Any]:
    meta = {"name": name, "namespace": "ns", "labels": {"app": "x"}, **metadata}
    return {"apiVersion": "v1", "kind": "ConfigMap", "metadata": meta, "data": data or {"a": "b"}}


def owner_reference(uid: str) -> dict[str, Any]:
    return {"apiVersion": "v1", "kind": "Owner", "name": "o", "uid": uid, "controller": True}


def an_owner(uid: str, **metadata: Any) -> dict[str, Any]:
    """Whom ``owner_reference`` names."""
    meta = {"name": "o", "namespace": "ns", "uid": uid, **metadata}
    return {"apiVersion": "v1", "kind": "Owner", "metadata": meta}


async def eventually(condition: Callable[[], bool], seconds: float = 5.0) -> None:
    """Wait (real time) until ``condition`` holds."""
    async with asyncio.timeout(seconds):
        while not condition():  # noqa: ASYNC110 - what is waited for has no event
            await asyncio.sleep(0.005)


def credentials_of(server: FakeServer) -> Credentials:
    return Credentials(server.url, None, lambda: "token", "default")


@pytest.fixture
async def server() -> AsyncIterator[FakeServer]:
    async with FakeServer() as running:
        yield running


@pytest.fixture
async def client(server: FakeServer) -> AsyncIterator[ApiClient]:
    credentials = credentials_of(server)
    async with open_session(credentials) as session:
        yield ApiClient(
            credentials, session, user_agent="test", request_timeout=0.5, watch_inactivity=0.5
        )
