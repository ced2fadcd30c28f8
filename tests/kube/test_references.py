from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Hashable
from contextlib import asynccontextmanager
from typing import Any

from digital_human_operator.kube.client import ApiClient
from digital_human_operator.kube.references import SECRETS, References
from tests.support.fake_server import FakeServer

from .conftest import eventually, path

PATH = path("s", resource=SECRETS)


def secret(**data: str) -> dict[str, Any]:
    return {"metadata": {"name": "s", "namespace": "ns"}, "data": data}


@asynccontextmanager
async def references(client: ApiClient, told: list[set[Hashable]]) -> AsyncIterator[References]:
    made = References(client, told.append)
    task = asyncio.create_task(made.run())
    async with asyncio.timeout(5):
        await made.wait_synced()
    yield made
    assert not task.done()
    task.cancel()


async def test_reads_contents_once_per_version(server: FakeServer, client: ApiClient) -> None:
    server.put(PATH, secret(key="dmFsdWU="))
    async with references(client, []) as known:
        found = await asyncio.gather(*(known.digest("Secret", "ns", "s") for _ in range(50)))
        assert server.count("get") == 1
        first = found[0]
        assert first is not None
        assert first.keys == {"key"}
        server.put(PATH, secret(key="b3RoZXI="))
        version = server._version
        await eventually(lambda: _version_of(known) == version)
        second = await known.digest("Secret", "ns", "s")
        assert second is not None
        assert second.digest != first.digest
        assert server.count("get") == 2
        assert "dmFsdWU=" not in repr(vars(known))


async def test_what_somebody_goes_on_wanting_is_not_read_anew(
    server: FakeServer, client: ApiClient
) -> None:
    server.put(PATH, secret(key="dmFsdWU="))
    async with references(client, []) as known:
        for other in ("a", "b", "b"):
            known.want_only({("Secret", "ns", "s"), ("Secret", "ns", other)}, "one")
            await known.digest("Secret", "ns", "s")
        assert server.count("get") == 1
        assert known._targets["one"] == {("Secret", "ns", "s"), ("Secret", "ns", "b")}
        assert ("Secret", "ns", "a") not in known._requesters
        known.want_only(set(), "one")
        assert not known._targets
        assert not known._requesters


async def test_type_of_a_secret_is_known(server: FakeServer, client: ApiClient) -> None:
    server.put(PATH, secret(key="dmFsdWU=") | {"type": "kubernetes.io/tls"})
    async with references(client, []) as known:
        found = await known.digest("Secret", "ns", "s")
    assert found is not None
    assert found.type == "kubernetes.io/tls"


def _version_of(known: References) -> int:
    live = known._stores["Secret"].get("ns", "s")
    return live.resource_version if live else 0


async def test_missing_objects_are_none_and_cost_nothing(
    server: FakeServer, client: ApiClient
) -> None:
    async with references(client, []) as known:
        assert await known.digest("ConfigMap", "ns", "none") is None
    assert server.count("get") == 0


async def test_requesters_are_told_of_every_change(server: FakeServer, client: ApiClient) -> None:
    told: list[set[Hashable]] = []
    async with references(client, told) as known:
        known.want("Secret", "ns", "s", "one")
        known.want("Secret", "ns", "s", "two")
        known.want("Secret", "ns", "other", "three")
        server.put(PATH, secret(a="1"))
        await eventually(lambda: len(told) == 1)
        known.forget("two")
        server.put(PATH, secret(a="2"))
        await eventually(lambda: len(told) == 2)
        server.drop(PATH)
        await eventually(lambda: len(told) == 3)
    assert told == [{"one", "two"}, {"one"}, {"one"}]


async def test_digest_depends_on_names_and_values_and_their_borders(
    server: FakeServer, client: ApiClient
) -> None:
    digests = set()
    async with references(client, []) as known:
        for data in ({"a": "bc"}, {"ab": "c"}, {"a": "b", "c": ""}, {}):
            server.put(PATH, secret(**data))
            version = server._version
            await eventually(lambda version=version: _version_of(known) == version)  # type: ignore[misc]
            found = await known.digest("Secret", "ns", "s")
            assert found is not None
            digests.add(found.digest)
    assert len(digests) == 4
