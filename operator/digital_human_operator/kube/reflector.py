"""
List, watch, relist: keeps a store true.

The loop of client-go's reflector: a paged list, then a watch from the list's version, resumed
where it broke; when the server has forgotten that version (410), list again and report what
disappeared in between. A reflector never gives up: it waits and tries again until cancelled.
"""

from __future__ import annotations

import asyncio
import logging
import random
from collections.abc import Callable

import msgspec

from .client import ApiClient
from .errors import ApiError, Forbidden, Gone, NotFound
from .live import Decoder, Live
from .resources import Resource
from .store import Store

OnChange = Callable[[Live | None, Live | None, bool], None]

_FIRST_BACKOFF, _LAST_BACKOFF = 0.5, 30.0
# A kind that is not served, or that we may not read, does not appear from one second to the next.
_SLOW_BACKOFF = 30.0
# A server that has just started refuses everybody until it has read its rules, and has no kind of
# ours until it has read the definitions.
_DOUBTED = 4
# A stream that the server ends sooner than this is a failure, not the end of a watch.
_SHORT_WATCH = 1.0

_log = logging.getLogger(__name__)


class _Metadata(msgspec.Struct):
    resourceVersion: str  # noqa: N815 - the API's own spelling


class _Bookmark(msgspec.Struct):
    metadata: _Metadata


_decode_bookmark = msgspec.json.Decoder(_Bookmark).decode


class Reflector:
    """
    Keeps ``store`` equal to what ``namespace`` (None: the cluster) holds under the selectors.

    ``on_change(old, new, initial)`` is called after each change of the store; ``initial`` marks
    the objects of the first list. ``synced`` is set once the store is complete, and also when the
    kind is not served at all, for then there is nothing to miss. ``answered`` is set by the first
    answer of any kind, also a refusal: what may not be read must not keep anybody waiting.
    ``on_access`` is told whether we may read, at first and whenever that changes. ``last_heard`` is
    the loop time of the last sign of life of the server.
    """

    def __init__(
        self,
        client: ApiClient,
        store: Store,
        decoder: Decoder,
        *,
        namespace: str | None = None,
        label_selector: str | None = None,
        field_selector: str | None = None,
        metadata_only: bool = False,
        on_change: OnChange,
        on_access: Callable[[bool], None] = lambda _allowed: None,
        backoff: tuple[float, float] = (_FIRST_BACKOFF, _LAST_BACKOFF),
    ) -> None:
        self._client = client
        self._store = store
        self._decoder = decoder
        self._namespace = namespace
        self._labels = label_selector
        self._fields = field_selector
        self._metadata_only = metadata_only
        self._on_change = on_change
        self._on_access = on_access
        self._allowed: bool | None = None
        self._first_backoff, self._last_backoff = backoff
        self._version = ""
        self._newest = 0
        self._failures = 0
        self._refusals = 0
        self._told = ""
        self.synced = asyncio.Event()
        self.answered = asyncio.Event()
        self.served = True
        self.last_heard = 0.0

    @property
    def resource(self) -> Resource:
        """What is watched."""
        return self._store.resource

    @property
    def watches(self) -> bool:
        """Whether there is something to hear of: the kind is served, and may be read."""
        return self.synced.is_set() and self.served and self._allowed is not False

    async def run(self) -> None:
        """Keep the store true until cancelled."""
        while True:
            try:
                if not self._version:
                    await self._list()
                await self._watch()
            except Gone:
                self._version = ""
                await self._pause(None)
            except ApiError as error:
                await self._pause(error)
            except Exception:  # noqa: BLE001 - a defect must not end a watch in silence
                _log.exception("reflector of %s failed; listing again", self._store.resource)
                self._version = ""
                await self._pause(None)

    async def _list(self) -> None:
        """Read everything, then change the store in one step."""
        listed: list[Live] = []
        version = ""
        async for page in self._client.list_pages(
            self._store.resource,
            self._namespace,
            label_selector=self._labels,
            field_selector=self._fields,
            metadata_only=self._metadata_only,
        ):
            version = page.resource_version
            listed += [live for raw in page.items if (live := self._decode(raw)) is not None]
            self._heard()
        number = int(version)
        changes = self._store.replace(
            listed, number, namespace=self._namespace, rewound=number < self._newest
        )
        initial = not self.synced.is_set()
        self._version, self._newest, self.served = version, number, True
        for old, new in changes:
            self._notify(old, new, initial=initial)
        self._told = ""
        self.synced.set()
        self._answer(allowed=True)

    async def _watch(self) -> None:
        """One watch stream, from the last known version to its end."""
        loop = asyncio.get_running_loop()
        started = loop.time()
        async for kind, raw in self._client.watch(
            self._store.resource,
            self._namespace,
            resource_version=self._version,
            label_selector=self._labels,
            field_selector=self._fields,
            metadata_only=self._metadata_only,
            timeout_seconds=random.randint(240, 300),  # noqa: S311 - spreads reconnects
        ):
            self._heard()
            self._failures = 0
            if kind == "BOOKMARK":
                self._advance(_decode_bookmark(raw).metadata.resourceVersion)
            else:
                self._event(kind, raw)
        if loop.time() - started < _SHORT_WATCH:
            await self._pause(None)

    def _event(self, kind: str, raw: bytes) -> None:
        live = self._decode(raw)
        if live is None:
            return
        self._advance(str(live.resource_version))
        if kind == "DELETED":
            old = self._store.remove(live.namespace, live.name, live.resource_version)
            if old is not None:
                self._notify(old, None)
            return
        old = self._store.get(live.namespace, live.name)
        if self._store.upsert(live):
            self._notify(old, live)

    def _advance(self, version: str) -> None:
        """Go on from ``version``; an event out of order does not turn the clock back."""
        number = int(version)
        if number >= self._newest:
            self._newest, self._version = number, version

    def _decode(self, raw: bytes | msgspec.Raw) -> Live | None:
        try:
            return self._decoder.decode_known(raw, self._store.get)
        except (msgspec.DecodeError, KeyError, ValueError, RecursionError):
            _log.exception("an object of %s cannot be read; left out", self._store.resource)
            return None

    def _heard(self) -> None:
        self._refusals = 0
        self.last_heard = asyncio.get_running_loop().time()

    def _notify(self, old: Live | None, new: Live | None, *, initial: bool = False) -> None:
        try:
            self._on_change(old, new, initial)
        except Exception:  # noqa: BLE001 - a listener's defect must not end the watch
            _log.exception("on_change of %s failed", self._store.resource)

    def _not_served(self) -> None:
        """The kind is gone, and with it all its objects."""
        changes = self._store.replace([], self._newest, namespace=self._namespace, rewound=True)
        self.served = False
        self._version = ""
        for old, new in changes:
            self._notify(old, new)
        self.synced.set()
        self._answer(allowed=True)

    def _answer(self, *, allowed: bool) -> None:
        if allowed is not self._allowed:
            self._allowed = allowed
            self._on_access(allowed)
        self.answered.set()

    def _believed(self, error: NotFound | Forbidden) -> bool:
        """Whether a kind is gone or forbidden to us; a few times that may be over in a moment."""
        self._refusals += 1
        missing = isinstance(error, NotFound)
        before = self.served and self.synced.is_set() if missing else bool(self._allowed)
        if before and self._refusals <= _DOUBTED:
            return False
        if missing:
            self._not_served()
        else:
            self._answer(allowed=False)
            self._version = ""  # so that a list tells when we may read again
        return True

    async def _pause(self, error: ApiError | None) -> None:
        """Wait with jitter, longer each time; slowly for a kind that is not there."""
        self._failures += 1
        delay = min(self._last_backoff, self._first_backoff * 2 ** min(self._failures - 1, 10))
        if isinstance(error, NotFound | Forbidden):
            if self._believed(error):
                delay = max(delay, min(_SLOW_BACKOFF, self._last_backoff))
            else:
                delay = self._first_backoff * 2 ** (self._refusals - 1)
        if error is not None:
            if error.retry_after is not None:
                delay = max(delay, error.retry_after)
            known = isinstance(error, NotFound) or str(error) == self._told
            self._told = str(error)
            level = logging.DEBUG if known else logging.WARNING
            _log.log(level, "watching %s: %s; again in %.1f s", self._store.resource, error, delay)
        await asyncio.sleep(delay * random.uniform(0.75, 1.25))  # noqa: S311 - jitter
