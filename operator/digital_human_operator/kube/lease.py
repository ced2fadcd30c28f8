"""
Who may write.

Leader election by a Lease, with the times of controller-runtime. Two promises beyond it: every
call has a deadline, and ``may_write`` says no by the clock alone, even while a call hangs. Time is
only ever measured on our own monotonic clock, from the moment at which *we* saw a record change.
"""

from __future__ import annotations

import asyncio
import logging
import random
import time
from collections.abc import Callable
from datetime import UTC, datetime
from typing import Any

import msgspec

from .client import ApiClient
from .errors import ApiError, Fenced, NotFound
from .resources import Resource

LEASES = Resource("coordination.k8s.io", "v1", "Lease", "leases")

_MANAGER = "leader-election"
_JITTER = 0.2

_log = logging.getLogger(__name__)


class LeaderElection:
    """
    Holds the Lease ``namespace/name`` as ``identity``, or waits for it; all times in seconds.

    ``client`` must not be gated by this very election. ``leading`` is set while we lead; ``lost``
    is set for good once we led and do not any more: the process should then end.
    """

    def __init__(
        self,
        client: ApiClient,
        namespace: str,
        name: str,
        identity: str,
        *,
        lease_seconds: float = 15.0,
        renew_deadline: float = 10.0,
        retry_period: float = 2.0,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        if not retry_period < renew_deadline < lease_seconds:
            raise ValueError("retry_period < renew_deadline < lease_seconds must hold")
        self._client = client
        self._namespace = namespace
        self._name = name
        self._identity = identity
        self._lease_seconds = lease_seconds
        self._renew_deadline = renew_deadline
        self._retry_period = retry_period
        self._clock = clock
        self._leads = False
        self._renewed_at = float("-inf")
        self._seen_version = ""
        self._seen_at = float("-inf")
        self._released = False
        self._asked = False
        """Whether the API server may hold our name: told, or asked for without an answer."""
        self._attempt = asyncio.Lock()
        self.leading = asyncio.Event()
        self.lost = asyncio.Event()

    @property
    def is_leader(self) -> bool:
        """Whether we hold the Lease, as far as we know."""
        return self._leads

    def may_write(self) -> bool:
        """Whether a write started now is safe: no other candidate can have the Lease yet."""
        return self._leads and self._clock() < self._renewed_at + self._renew_deadline

    async def run(self) -> None:
        """Acquire, then renew; returns when the Lease is lost or released."""
        while not self._released:
            held = await self._try()
            if self._released:
                return
            if held and not self._leads:
                _log.info("%s leads (%s/%s)", self._identity, self._namespace, self._name)
                self._leads = True
                self.leading.set()
            if self._leads and (held is False or not self.may_write()):
                self._lose()
                return
            await asyncio.sleep(self._pause())

    async def release(self) -> None:
        """
        Stop writing, then let the next candidate start at once; never raises ApiError.

        An attempt that is under way may yet put our name there: it is awaited first, so ``run``
        must still be running, not cancelled.
        """
        self._released = True
        self._leads = False
        self.leading.clear()
        try:
            async with asyncio.timeout(self._renew_deadline / 2), self._attempt:
                if not self._asked:
                    return
                lease = await self._read()
                if lease is not None and _holder(lease) == self._identity:
                    lease["spec"] |= {"holderIdentity": "", "leaseDurationSeconds": 1}
                    await self._replace(lease)
        except (ApiError, Fenced, TimeoutError) as error:
            _log.warning("the Lease was not released, it expires by itself: %s", _why(error))

    async def _try(self) -> bool | None:
        """One attempt: True we hold it, False somebody else does, None nobody knows."""
        started = self._clock()
        try:
            async with self._attempt, asyncio.timeout(self._renew_deadline / 2):
                held = await self._acquire_or_renew()
        except (ApiError, TimeoutError, msgspec.DecodeError) as error:
            level = logging.WARNING if self._leads else logging.INFO
            _log.log(level, "the Lease cannot be had: %s", _why(error))
            return None
        if held:
            self._renewed_at = started
        return held

    async def _acquire_or_renew(self) -> bool:
        lease = await self._read()
        if self._released:
            return False
        if lease is None:
            self._asked = True
            await self._create()
            return True
        spec = lease.setdefault("spec", {})
        holder = _holder(lease)
        if holder not in {"", self._identity} and not self._expired(lease):
            self._asked = False
            return False
        now = _now()
        if holder != self._identity:
            spec["acquireTime"] = now
            spec["leaseTransitions"] = int(spec.get("leaseTransitions") or 0) + 1
        spec |= {
            "holderIdentity": self._identity,
            "leaseDurationSeconds": int(self._lease_seconds),
            "renewTime": now,
        }
        self._asked = True
        await self._replace(lease)
        return True

    def _expired(self, lease: dict[str, Any]) -> bool:
        """Whether the record has not changed for as long as its holder promised to renew it."""
        version = str(lease["metadata"]["resourceVersion"])
        if version != self._seen_version:
            self._seen_version, self._seen_at = version, self._clock()
        promised = lease["spec"].get("leaseDurationSeconds") or self._lease_seconds
        return self._clock() >= self._seen_at + float(promised)

    def _lose(self) -> None:
        _log.error("%s does not lead any more", self._identity)
        self._leads = False
        self.leading.clear()
        self.lost.set()

    def _pause(self) -> float:
        """Until the next attempt; a leader is never late for its own deadline."""
        pause = self._retry_period * random.uniform(1.0, 1.0 + _JITTER)  # noqa: S311 - jitter
        if self._leads:
            pause = min(pause, self._renewed_at + self._renew_deadline - self._clock())
        return max(pause, 0.0)

    async def _read(self) -> dict[str, Any] | None:
        try:
            raw = await self._client.get(LEASES, self._namespace, self._name)
        except NotFound:
            return None
        lease: dict[str, Any] = msgspec.json.decode(raw)
        return lease

    async def _create(self) -> None:
        now = _now()
        lease = {
            "apiVersion": LEASES.api_version,
            "kind": LEASES.kind,
            "metadata": {"name": self._name, "namespace": self._namespace},
            "spec": {
                "holderIdentity": self._identity,
                "leaseDurationSeconds": int(self._lease_seconds),
                "acquireTime": now,
                "renewTime": now,
                "leaseTransitions": 0,
            },
        }
        body = msgspec.json.encode(lease)
        await self._client.create(LEASES, self._namespace, body, manager=_MANAGER)

    async def _replace(self, lease: dict[str, Any]) -> None:
        """Compare and swap: the body carries the resource version that was read."""
        body = msgspec.json.encode(lease)
        await self._client.replace(LEASES, self._namespace, self._name, body, manager=_MANAGER)


def _why(error: Exception) -> str:
    """What went wrong, in words; a TimeoutError has none."""
    return str(error) or "no answer in time"


def _holder(lease: dict[str, Any]) -> str:
    return (lease.get("spec") or {}).get("holderIdentity") or ""


def _now() -> str:
    return datetime.now(UTC).strftime("%Y-%m-%dT%H:%M:%S.%fZ")
