"""What an orphaning deletion has let go is not given back to an owner that is leaving."""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any

import pytest

from digital_human_operator.kube.apply import Result
from digital_human_operator.kube.errors import Conflict
from tests.support.fake_server import FakeServer

from .conftest import OWNERS, an_owner, path
from .test_apply import OWNER, Setup, desired, setup

__all__ = ["setup"]

AT = path("o", resource=OWNERS)
Object = dict[str, Any]


def _leaves(server: FakeServer) -> None:
    leaving = an_owner(OWNER, deletionTimestamp="2026-01-01T00:00:00Z", finalizers=["orphan"])
    server.put(AT, leaving)


def _goes(server: FakeServer) -> None:
    server.drop(AT)


def _is_replaced(server: FakeServer) -> None:
    server.drop(AT)
    server.put(AT, an_owner("another"))


ENDS: dict[str, Callable[[FakeServer], None]] = {
    "leaving": _leaves,
    "gone": _goes,
    "replaced": _is_replaced,
}


def _let_go(server: FakeServer) -> Object:
    """As the garbage collector does it; what the object is then."""
    found: Object = json.loads(json.dumps(server.objects[path("a")]))
    found["metadata"]["ownerReferences"] = []
    del found["metadata"]["managedFields"][0]["fieldsV1"]["f:metadata"]["f:ownerReferences"]
    return server.put(path("a"), found)


def _see(setup: Setup, found: Object) -> None:
    setup.store.upsert(setup.decoder.decode(json.dumps(found).encode()))


@pytest.fixture
async def owned(server: FakeServer, setup: Setup) -> FakeServer:
    """A server with an owner and its child."""
    server.put(AT, an_owner(OWNER))
    await setup.apply(desired(k="1"))
    return server


@pytest.mark.parametrize("end", ENDS)
@pytest.mark.parametrize("create_only", [False, True])
@pytest.mark.parametrize("seen", ["let go", "still owned", "never"])
async def test_child_of_an_owner_that_ends_stays_free(
    end: str, create_only: bool, seen: str, owned: FakeServer, setup: Setup
) -> None:
    ENDS[end](owned)
    free = _let_go(owned)
    if seen == "let go":
        _see(setup, free)
    elif seen == "never":
        setup.store.replace([], owned._version)
    wanted = desired(create_only=create_only, k="2")
    if create_only and seen == "still owned":
        assert (await setup.apply(wanted)).result is Result.UNCHANGED
    else:
        with pytest.raises(Conflict):
            await setup.apply(wanted)
    assert owned.objects[path("a")] == free


@pytest.mark.parametrize("seen", ["let go", "still owned", "never"])
async def test_child_of_an_owner_that_stays_is_given_back(
    seen: str, owned: FakeServer, setup: Setup
) -> None:
    free = _let_go(owned)
    if seen == "let go":
        _see(setup, free)
    elif seen == "never":
        setup.store.replace([], owned._version)
    assert await setup.result(desired(k="2")) is Result.CHANGED
    found = owned.objects[path("a")]
    assert found["data"] == {"k": "2"}
    assert [one["uid"] for one in found["metadata"]["ownerReferences"]] == [OWNER]


async def test_no_owner_is_asked_for_where_the_child_has_one(
    owned: FakeServer, setup: Setup
) -> None:
    await setup.apply(desired(k="2"))
    assert owned.count("get") == 0
