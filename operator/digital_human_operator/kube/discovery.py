"""
Which optional kinds the API server serves.

Kinds of other projects (a monitor, a gateway) come and go with their CRDs. Asked is each group and
version by itself: one broken aggregated API must not hide the others. Of groups that are only used
by others (metrics) it matters whether they are registered: one that is broken for now is.
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


class _Groups(msgspec.Struct):
    groups: list[_Kind] = []


_decode = msgspec.json.Decoder(_Kinds).decode
_decode_groups = msgspec.json.Decoder(_Groups).decode


class Served:
    """
    Knows which of ``wanted`` are served; ``on_change`` is told of each that comes or goes.

    Until the first answer, and for a group that gives none, nothing counts as served or keeps its
    last answer. ``synced`` is set after the first round. ``absent`` has those of ``groups`` that
    are known not to be registered, ``on_absent`` is called when they become others.
    """

    def __init__(
        self,
        client: ApiClient,
        wanted: Sequence[Resource],
        on_change: Callable[[Resource, bool], None] = lambda _resource, _served: None,
        *,
        groups: Sequence[str] = (),
        on_absent: Callable[[], None] = lambda: None,
        interval: float = INTERVAL,
    ) -> None:
        self._client = client
        self._groups = frozenset(groups)
        self._on_absent = on_absent
        self.absent: frozenset[str] = frozenset()
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
        if self._groups:
            await self._refresh_groups()
        self.synced.set()

    async def _refresh_groups(self) -> None:
        try:
            found = _decode_groups(await self._client.raw("GET", "/apis")).groups
        except (ApiError, msgspec.DecodeError) as error:
            _log.warning("discovery of groups: %s", error)
            return
        absent = self._groups - {group.name for group in found}
        if absent != self.absent:
            self.absent = absent
            self._on_absent()

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
