"""A watch that is refused, or a kind that goes away, must never stop the work for all others."""

from __future__ import annotations

import asyncio

import pytest

from digital_human_operator import app as composition
from digital_human_operator import logs
from digital_human_operator.kinds import CHILDREN, HUMANS, OPTIONAL, OWN
from tests.support.fake_server import FakeServer
from tests.support.world import address

from .kopf_server import serve_kopf
from .operating import deployment, operating, put_human

pytestmark = pytest.mark.usefixtures("collector_restored")
ROUTES = next(r for r in OPTIONAL if r.plural == "httproutes")


@pytest.mark.parametrize("plural", ["ingresses", "pods", "secrets", "httproutes"])
async def test_kind_that_may_not_be_read_stops_nobody(server: FakeServer, plural: str) -> None:
    server.served[ROUTES.prefix] = [ROUTES.plural]
    server.faults.fail(1000, 403, verb="list", path=f"/{plural}")
    put_human(server)
    async with operating(server) as operator:
        await operator.until(lambda: deployment(server))


async def test_kind_that_may_not_be_read_counts_as_absent_until_it_may(server: FakeServer) -> None:
    server.served[ROUTES.prefix] = [ROUTES.plural]
    server.faults.fail(1, 403, verb="list", path=f"/{ROUTES.plural}")
    async with operating(server) as operator:
        served = operator.app._watches.served
        await operator.ready()
        assert not served.has(ROUTES)
        reflector = next(
            r for r in operator.app._watches._reflectors if r._store.resource == ROUTES
        )
        reflector._answer(allowed=True)  # as its next list does, half a minute later
        assert served.has(ROUTES)


async def test_crds_that_go_and_come_back_are_heard_again(
    server: FakeServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(composition, "_LOOK_SECONDS", 0.1)
    async with operating(server) as operator:
        put_human(server, "before")
        await operator.until(lambda: deployment(server, "before"))
        del server.served[HUMANS.prefix]
        server.drop(address("DigitalHuman", "before"))
        await operator.until(lambda: not list(operator.app._watches.seen))
        serve_kopf(server)
        put_human(server, "after")
        await operator.until(lambda: deployment(server, "after"))


async def test_crd_that_goes_is_told_in_one_line_each(
    server: FakeServer, capsys: pytest.CaptureFixture[str], logging_restored: None
) -> None:
    del logging_restored
    logs.configure("WARNING", "text")
    said: list[str] = []
    async with operating(server) as operator:
        await operator.ready()
        await operator.until(lambda: server.count("watch") > len(CHILDREN))
        await asyncio.sleep(0.5)
        del server.served[HUMANS.prefix]
        server.faults.fail(1000, 404, path=f"/{HUMANS.plural}")
        await server.cut_watches()
        await operator.until(lambda: "waiting for them" in _told(capsys, said))
        await asyncio.sleep(2.5)
    text = _told(capsys, said)
    assert text.count("a kind that was watched is not served any more") == 1
    assert text.count("the CRDs of aiqtoolkit.io are not installed") == 1
    assert "Traceback" not in text


async def test_kind_of_ours_that_comes_later_is_heard(
    server: FakeServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(composition, "_LOOK_SECONDS", 0.1)
    server.served[HUMANS.prefix] = [HUMANS.plural]
    async with operating(server) as operator:
        await operator.ready()
        server.served[HUMANS.prefix] = [r.plural for r in OWN]
        backup = address("DigitalHumanBackup", "b")
        server.put(backup, {"kind": "DigitalHumanBackup", "metadata": {"generation": 1}})
        await operator.until(lambda: "status" in server.objects[backup])


def _told(capsys: pytest.CaptureFixture[str], said: list[str]) -> str:
    """Everything that was logged so far."""
    said.append(capsys.readouterr().err)
    return "".join(said)


@pytest.mark.parametrize("namespaces", [1, 20, 100])
def test_every_watch_has_a_connection_and_writes_have_theirs(namespaces: int) -> None:
    watches = (len(CHILDREN) + len(OPTIONAL) + len(OWN) + 3) * namespaces
    assert composition.connections(namespaces) - watches >= 64 + 4
