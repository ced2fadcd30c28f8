"""
kopf as the source of events: configured so that it never writes and never gives up.

kopf lists and watches the custom resources and calls ``handlers``. Its state storages are empty,
its event posting and peering are off; what is left costs no request but the watches.
"""

from __future__ import annotations

import asyncio
import logging
import random
from collections.abc import Collection, Iterator, MutableMapping
from typing import Any

import aiohttp
import kopf

from digital_human_operator.names import GROUP

_log = logging.getLogger(__name__)
_RESTART = (1.0, 60.0)


class NoDiffBase(kopf.DiffBaseStorage):
    """Remembers nothing: ``on.event`` handlers compare nothing."""

    def build(self, *, body: Any, extra_fields: Any = None) -> Any:  # noqa: ARG002
        """Nothing to compare."""
        return {}

    def fetch(self, *, body: Any) -> Any:  # noqa: ARG002
        """Nothing was stored."""
        return

    def store(self, *, body: Any, patch: Any, essence: Any) -> None:
        """Store nothing."""


class NoProgress(kopf.ProgressStorage):
    """Remembers nothing: ``on.event`` handlers have no progress."""

    def fetch(self, *, key: Any, body: Any) -> Any:  # noqa: ARG002
        """Nothing was stored."""
        return

    def store(self, *, key: Any, record: Any, body: Any, patch: Any) -> None:
        """Store nothing."""

    def purge(self, *, key: Any, body: Any, patch: Any) -> None:
        """Nothing to remove."""

    def touch(self, *, body: Any, patch: Any, value: Any) -> None:
        """Touch nothing."""

    def clear(self, *, essence: Any) -> Any:
        """Nothing to hide."""
        return essence


class EndlessBackoff:
    """Delays between tries, in seconds: up to half a minute, with jitter, for ever."""

    def __iter__(self) -> Iterator[float]:
        delay = 0.5
        while True:
            yield delay * random.uniform(0.8, 1.2)  # noqa: S311 - jitter
            delay = min(30.0, delay * 1.8)


def configure(settings: kopf.OperatorSettings) -> None:
    """Switch off everything in kopf that writes, and bound everything that waits."""
    settings.posting.enabled = False
    settings.scanning.disabled = True
    settings.persistence.diffbase_storage = NoDiffBase()
    settings.persistence.progress_storage = NoProgress()
    settings.persistence.finalizer = f"{GROUP}/finalizer"
    settings.watching.inactivity_timeout = 70
    settings.watching.server_timeout = 300
    settings.watching.client_timeout = 330
    settings.watching.connect_timeout = 10
    settings.watching.reconnect_backoff = 0.2
    settings.watching.chunk_size = 500
    settings.networking.request_timeout = 30
    settings.networking.connect_timeout = 5
    settings.networking.error_backoffs = EndlessBackoff()
    settings.networking.enforce_retry_after = True
    settings.networking.trust_env = False
    settings.execution.max_workers = 1
    settings.queueing.idle_timeout = 1
    settings.queueing.exit_timeout = 0.5


async def run(
    registry: kopf.OperatorRegistry,
    *,
    server: str,
    session: aiohttp.ClientSession,
    namespaces: Collection[str],
    memo: MutableMapping[str, Any],
    stop: asyncio.Event,
) -> None:
    """
    Deliver events until ``stop`` is set or a signal arrives; ``stop`` is set when it returns.

    When kopf itself gives up (a watch answered with something it does not expect) it is started
    again; what was missed meanwhile comes with its first list.
    """
    registry_login(registry, server, session)
    delay, last = _RESTART
    while not stop.is_set():
        settings = kopf.OperatorSettings()
        configure(settings)
        began = asyncio.get_running_loop().time()
        try:
            await kopf.operator(
                registry=registry,
                settings=settings,
                memo=memo,
                standalone=True,
                clusterwide=not namespaces,
                namespaces=namespaces,
                stop_flag=stop,
            )
        except Exception as error:  # noqa: BLE001 - whatever ended kopf, events must go on
            if asyncio.get_running_loop().time() - began > last:
                delay = _RESTART[0]
            _log.warning("the event source ended (%s); again in %.0f s", error, delay)
            await _sleep(delay, stop)
            delay = min(last, delay * 2)
        else:
            stop.set()


def registry_login(
    registry: kopf.OperatorRegistry, server: str, session: aiohttp.ClientSession
) -> None:
    """Let kopf use our session, whose authorization is renewed by our client."""

    @kopf.on.login(registry=registry)
    async def login(**_: Any) -> kopf.AiohttpSession:
        return kopf.AiohttpSession(server=server, aiohttp_session=session)


async def _sleep(seconds: float, stop: asyncio.Event) -> None:
    try:
        async with asyncio.timeout(seconds):
            await stop.wait()
    except TimeoutError:
        return
