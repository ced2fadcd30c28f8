"""
kopf as the source of events: configured so that it never writes and never gives up.

kopf lists and watches the custom resources and calls ``handlers``. Its state storages are empty,
its event posting and peering are off; what is left costs no request but the watches.
"""

from __future__ import annotations

import asyncio
import logging
import random
import signal
import threading
import traceback
from collections.abc import Awaitable, Callable, Collection, Iterator, MutableMapping
from pathlib import Path
from typing import Any, cast

import aiohttp
import kopf

from digital_human_operator.kube.credentials import Credentials, fresh_token
from digital_human_operator.names import FIELD_MANAGER, GROUP

_log = logging.getLogger(__name__)
_RESTART = (1.0, 60.0)
_CANCELS = 10
_LOGIN_SECONDS = 1.0
"""Least time between two logins: a token that is refused is not sent in a tight loop."""
LONGEST_WATCH = 330.0
"""Seconds after which kopf ends a watch by itself and asks for another."""
_KOPF = str(Path(kopf.__file__).parent)


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
    settings.watching.client_timeout = LONGEST_WATCH
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
    # Else it kills the process ten minutes after it has ended, which for us is after a restart.
    settings.process.ultimate_exiting_timeout = None


async def run(
    make_registry: Callable[[], kopf.OperatorRegistry],
    *,
    ready: Callable[[], Awaitable[None]],
    changed: Callable[[], Awaitable[None]],
    credentials: Credentials,
    connector: aiohttp.BaseConnector,
    namespaces: Collection[str],
    memo: MutableMapping[str, Any],
    stop: asyncio.Event,
    asked: Callable[[], None] = lambda: None,
) -> None:
    """
    Deliver events until ``stop`` is set or a signal arrives, which sets it.

    ``asked`` is called with each request that kopf makes: one that lives makes another within
    ``LONGEST_WATCH`` seconds.

    When kopf itself gives up (a watch answered with something it does not expect) it is started
    again; what was missed meanwhile comes with its first list. It looks only once which kinds there
    are, so each start waits for ``ready``, and ``changed`` returns when it is time for another.
    """
    delay, last = _RESTART
    asyncio.get_running_loop().set_exception_handler(_report)
    while not stop.is_set():
        began = asyncio.get_running_loop().time()
        sessions: list[aiohttp.ClientSession] = []
        try:
            await ready()
            registry = make_registry()
            _log_in(registry, sessions, credentials, connector, asked)
            await _once(registry, namespaces, memo, stop, changed)
        except Exception as error:  # noqa: BLE001 - whatever ended kopf, events must go on
            if asyncio.get_running_loop().time() - began > last:
                delay = _RESTART[0]
            _log.warning("the event source ended: %s; again in %.0f s", _said(error), delay)
            await _sleep(delay, stop)
            delay = min(last, delay * 2)
        finally:
            while sessions:
                await sessions.pop().close()


def _report(loop: asyncio.AbstractEventLoop, context: dict[str, Any]) -> None:
    """
    Tell what nobody has caught, but for one thing that is none.

    kopf wants to cancel the request of a watch that is stopped before it was answered, and does so
    in a callback, where there is no task to cancel. The request then ends by itself.
    """
    error = context.get("exception")
    if isinstance(error, AssertionError):
        last = traceback.extract_tb(error.__traceback__)[-1]
        if last.name == "request_cancel_callback" and last.filename.startswith(_KOPF):
            _log.debug("a watch was stopped before it was answered")
            return
    loop.default_exception_handler(context)


async def _once(
    registry: kopf.OperatorRegistry,
    namespaces: Collection[str],
    memo: MutableMapping[str, Any],
    stop: asyncio.Event,
    changed: Callable[[], Awaitable[None]],
) -> None:
    """
    One life of kopf.

    Not by ``kopf.operator``: that one takes the signals for good, and cancels every task of the
    process that is younger than itself when it ends.
    """
    settings = kopf.OperatorSettings()
    configure(settings)
    tasks = await kopf.spawn_tasks(
        registry=registry,
        settings=settings,
        memo=memo,
        standalone=True,
        # Else it asks for the name of the user, which a container's user number need not have.
        identity=cast("Any", FIELD_MANAGER),
        clusterwide=not namespaces,
        namespaces=namespaces,
        stop_flag=stop,
    )
    stop_on_signals(stop)
    other = asyncio.ensure_future(changed())
    try:
        done, _ = await asyncio.wait([*tasks, other], return_when=asyncio.FIRST_COMPLETED)
    finally:
        other.cancel()
        await _end(tasks)
        await _end([task for task in asyncio.all_tasks() if _is_of_kopf(task)])
    for task in done:
        task.result()


async def _end(tasks: Collection[asyncio.Task[Any]]) -> None:
    """Cancel ``tasks``, again and again: a stream that waits to log in swallows one of them."""
    for _ in range(_CANCELS):
        pending = [task for task in tasks if not task.done()]
        if not pending:
            break
        for task in pending:
            task.cancel()
        await asyncio.wait(pending, timeout=1)
    for task in tasks:
        if task.done() and not task.cancelled():
            task.exception()  # kopf has logged it


def _is_of_kopf(task: asyncio.Task[Any]) -> bool:
    """Its streams outlive the failure of another one; they are nobody's children then."""
    code = getattr(task.get_coro(), "cr_code", None)
    return code is not None and code.co_filename.startswith(_KOPF)


def stop_on_signals(stop: asyncio.Event) -> None:
    """Let SIGTERM and SIGINT set ``stop``."""
    if threading.current_thread() is threading.main_thread():
        loop = asyncio.get_running_loop()
        for number in (signal.SIGTERM, signal.SIGINT):
            loop.add_signal_handler(number, stop.set)


def _log_in(
    registry: kopf.OperatorRegistry,
    sessions: list[aiohttp.ClientSession],
    credentials: Credentials,
    connector: aiohttp.BaseConnector,
    asked: Callable[[], None],
) -> None:
    """
    Let kopf use our connections; ``sessions`` are those that it was given.

    They are its own, because it closes one as soon as the API server has answered 401.
    """

    async def authorize(
        request: aiohttp.ClientRequest, send: aiohttp.ClientHandlerType
    ) -> aiohttp.ClientResponse:
        asked()
        token = await fresh_token(credentials)
        if token:
            request.headers["Authorization"] = f"Bearer {token}"
        return await send(request)

    last = float("-inf")

    @kopf.on.login(registry=registry)
    async def login(**_: Any) -> kopf.AiohttpSession:
        nonlocal last
        loop = asyncio.get_running_loop()
        await asyncio.sleep(max(0.0, last + _LOGIN_SECONDS - loop.time()))
        last = loop.time()
        session = aiohttp.ClientSession(
            connector=connector, connector_owner=False, trust_env=False, middlewares=[authorize]
        )
        sessions[:] = [*(one for one in sessions if not one.closed), session]
        return kopf.AiohttpSession(server=credentials.server, aiohttp_session=session)


def _said(error: Exception) -> str:
    """The cause in a few words: kopf's own texts are whole answers of the API server."""
    status = getattr(error, "status", None)
    if status == 404:
        return "a kind that was watched is not served any more"
    if status is not None:
        why = getattr(error, "message", "") or "without a reason"
        return f"the API server answered {status}, {why}"
    return f"{type(error).__name__}: {error}" if str(error) else type(error).__name__


async def _sleep(seconds: float, stop: asyncio.Event) -> None:
    try:
        async with asyncio.timeout(seconds):
            await stop.wait()
    except TimeoutError:
        return
