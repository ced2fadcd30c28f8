"""
Kubernetes Events on transitions, deduplicated.

An Event is a courtesy to people: it must never slow down or fail a reconcile. ``record`` only
puts it into a bounded queue; one background task sends. The same Event about the same object is
sent at most every ten minutes, then as a series that counts.
"""

from __future__ import annotations

import asyncio
import logging
from collections import OrderedDict, deque
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any, Literal
from uuid import uuid4

import msgspec

from .client import ApiClient
from .errors import ApiError, Fenced, NotFound
from .resources import Resource

EVENTS = Resource("events.k8s.io", "v1", "Event", "events")

COOL_DOWN = 600.0
_MAX_NOTE = 1024  # bytes; the API server refuses more
_MAX_QUEUED = 1000
_MAX_REMEMBERED = 10_000
_MAX_NAME = 253

_log = logging.getLogger(__name__)


@dataclass(slots=True)
class _Series:
    """An Event that was recorded: when it was last sent, how often it happened, its name."""

    sent_at: float
    count: int = 1
    name: str = ""


@dataclass(frozen=True, slots=True)
class _Item:
    regarding: dict[str, str]
    series: _Series
    event: dict[str, Any]


class Recorder:
    """Records Events as ``component`` (the program), ``instance`` (this Pod of it)."""

    def __init__(self, client: ApiClient, component: str, instance: str) -> None:
        self._client = client
        self._component = component
        self._instance = instance
        self._known: OrderedDict[tuple[str, str, str, str], _Series] = OrderedDict()
        self._queue: deque[_Item] = deque()
        self._filled = asyncio.Event()
        self.dropped = 0

    def record(
        self,
        regarding: dict[str, str],
        reason: str,
        note: str,
        *,
        type: Literal["Normal", "Warning"] = "Normal",  # noqa: A002 - the API's own name
        action: str = "Reconcile",
    ) -> None:
        """
        Say something about ``regarding`` (apiVersion, kind, namespace, name, uid); never waits.

        ``reason`` is one CamelCase word, ``note`` a sentence, cut at 1024 bytes.
        """
        note = note.encode()[:_MAX_NOTE].decode("utf-8", "ignore")
        now = asyncio.get_running_loop().time()
        key = (regarding.get("uid", ""), type, reason, note)
        series = self._known.get(key)
        if series is not None:
            series.count += 1
            if now - series.sent_at < COOL_DOWN:
                return
            series.sent_at = now
        else:
            series = self._remember(key, now)
        if len(self._queue) >= _MAX_QUEUED:
            self.dropped += 1
            return
        event = {"type": type, "reason": reason, "note": note, "action": action}
        self._queue.append(_Item(regarding, series, event))
        self._filled.set()

    async def run(self) -> None:
        """Send what is recorded, until cancelled; what cannot be sent is dropped."""
        while True:
            if not self._queue:
                self._filled.clear()
                await self._filled.wait()
            item = self._queue.popleft()
            try:
                await self._send(item)
            except (ApiError, Fenced) as error:
                self.dropped += 1
                _log.debug("an Event was dropped: %s", error)
                await asyncio.sleep(getattr(error, "retry_after", None) or 0.0)

    def _remember(self, key: tuple[str, str, str, str], now: float) -> _Series:
        series = self._known[key] = _Series(now)
        if len(self._known) > _MAX_REMEMBERED:
            self._known.popitem(last=False)
        return series

    async def _send(self, item: _Item) -> None:
        namespace = item.regarding.get("namespace") or "default"
        if item.series.name:
            try:
                await self._count(namespace, item.series)
            except NotFound:  # Events expire after an hour
                item.series.name, item.series.count = "", 1
            else:
                return
        base = item.regarding["name"][: _MAX_NAME - 17].rstrip(".-")
        name = f"{base}.{uuid4().hex[:16]}"
        event = item.event | {
            "apiVersion": EVENTS.api_version,
            "kind": EVENTS.kind,
            "metadata": {"name": name, "namespace": namespace},
            "eventTime": _now(),
            "reportingController": self._component,
            "reportingInstance": self._instance[:128],
            "regarding": item.regarding,
        }
        body = msgspec.json.encode(event)
        await self._client.create(EVENTS, namespace, body, manager=self._component)
        item.series.name = name

    async def _count(self, namespace: str, series: _Series) -> None:
        """Continue a series: how often it happened, and when last."""
        counted = {"series": {"count": max(series.count, 2), "lastObservedTime": _now()}}
        body = msgspec.json.encode(counted)
        await self._client.merge_patch(
            EVENTS, namespace, series.name, body, manager=self._component
        )


def _now() -> str:
    return datetime.now(UTC).strftime("%Y-%m-%dT%H:%M:%S.%fZ")
