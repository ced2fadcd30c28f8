"""Optional kinds that cannot be read for a while: what was made of them is left alone."""

from __future__ import annotations

from typing import Any

from digital_human_operator.kinds import OPTIONAL
from tests.support.world import NAMESPACE, World

ROUTES = next(r for r in OPTIONAL if r.kind == "HTTPRoute")
EXPOSED: dict[str, Any] = {
    "network": {
        "expose": {"type": "Gateway", "host": "ada.example.com", "gateway": {"name": "public"}}
    }
}


async def test_routes_stay_while_they_may_not_be_read(world: World) -> None:
    world.services.served._served.add(ROUTES)
    key = world.human(**EXPOSED)
    await world.reconcile(key)
    assert ("HTTPRoute", "ada") in world.children()
    for scope in (None, NAMESPACE):
        world.services.served.allow(ROUTES, scope, False)
        world.writes()
        await world.reconcile(key)
        assert not [one for one in world.writes() if one.startswith("delete")]
        assert ("HTTPRoute", "ada") in world.children()
        world.services.served.allow(ROUTES, scope, True)


async def test_route_that_is_not_wanted_any_more_goes_once_it_may_be_read(world: World) -> None:
    world.services.served._served.add(ROUTES)
    key = world.human(**EXPOSED)
    await world.reconcile(key)
    world.services.served.allow(ROUTES, None, False)
    world.human()
    await world.reconcile(key)
    assert ("HTTPRoute", "ada") in world.children()
    world.services.served.allow(ROUTES, None, True)
    await world.reconcile(key)
    assert ("HTTPRoute", "ada") not in world.children()
