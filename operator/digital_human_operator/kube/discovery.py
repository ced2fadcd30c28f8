"""
Which optional kinds the API server serves.

Kinds of other projects (a monitor, a gateway) come and go with their CRDs. Asked is each group and
version by itself: one broken aggregated API must not hide the others.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable, Sequence

import msgspec

from .client import ApiClient
from .errors import ApiError, NotFound
from .resources import Resource

INTERVAL = 300.0

_log = logging.getLogger(__name__)


class _Kind(msgspec.Struct):
    name: str


class _Kinds(msgspec.Struct):
    resources: list[_Kind] = []


_decode = msgspec.json.Decoder(_Kinds).decode


class Served:
    """
    Knows which of ``wanted`` are served; ``on_change`` is told of each that comes or goes.

    Until the first answer, and for a group that gives none, nothing counts as served or keeps its
    last answer. ``synced`` is set after the first round.
    """

    def __init__(
        self,
        client: ApiClient,
        wanted: Sequence[Resource],
        on_change: Callable[[Resource, bool], None] = lambda _resource, _served: None,
        *,
        interval: float = INTERVAL,
    ) -> None:
        self._client = client
        self._wanted = list(wanted)
        self._on_change = on_change
        self._interval = interval
        self._served: set[Resource] = set()
        self._refused: set[tuple[Resource, str | None]] = set()
        self.synced = asyncio.Event()

    def has(self, resource: Resource, namespace: str | None = None) -> bool:
        """Whether ``resource`` was served when last asked, and may be read in ``namespace``."""
        refused = self._refused.intersection({(resource, None), (resource, namespace)})
        return resource in self._served and not refused

    def allow(self, resource: Resource, scope: str | None, allowed: bool) -> bool:
        """
        Note whether we may read it in ``scope`` (a namespace, None for all); True when it is news.

        What we may not read is as good as absent.
        """
        news = allowed is ((resource, scope) in self._refused)
        (self._refused.discard if allowed else self._refused.add)((resource, scope))
        return news

    async def run(self) -> None:
        """Ask now and then every ``interval`` seconds, until cancelled."""
        while True:
            await self.refresh()
            await asyncio.sleep(self._interval)

    async def refresh(self) -> None:
        """Ask once for every group and version; a failure leaves the last answer standing."""
        for prefix in dict.fromkeys(r.prefix for r in self._wanted):
            try:
                names = {k.name for k in _decode(await self._client.raw("GET", prefix)).resources}
            except NotFound:
                names = set()
            except (ApiError, msgspec.DecodeError) as error:
                _log.warning("discovery of %s: %s", prefix, error)
                continue
            self._update(prefix, names)
        self.synced.set()

    def _update(self, prefix: str, names: set[str]) -> None:
        for resource in self._wanted:
            if resource.prefix != prefix:
                continue
            served = resource.plural in names
            if served == (resource in self._served):
                continue
            (self._served.add if served else self._served.discard)(resource)
            try:
                self._on_change(resource, served)
            except Exception:  # noqa: BLE001 - a listener's defect must not end discovery
                _log.exception("on_change of %s failed", resource)
