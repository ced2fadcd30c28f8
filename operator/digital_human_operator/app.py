"""
The composition root: builds every part, connects them, runs them, and ends them in order.

Start: endpoint, reflectors and event source at once; workers when all stores are complete and this
process leads. End: no new work, what is under way finishes or is cut off, the Lease is released.
"""

from __future__ import annotations

import asyncio
import gc
import logging
from collections.abc import Awaitable, Callable
from contextlib import AsyncExitStack
from datetime import UTC, datetime

import aiohttp
import kopf

from digital_human_operator import __version__, handlers, kopf_runtime, metrics
from digital_human_operator.controllers.backups import BackupController
from digital_human_operator.controllers.digitalhuman import DigitalHumanController
from digital_human_operator.controllers.restores import RestoreController
from digital_human_operator.controllers.services import Services
from digital_human_operator.kinds import BACKUPS, CHILDREN, HUMANS, OPTIONAL, OWN, RESTORES
from digital_human_operator.kube.client import ApiClient, open_session
from digital_human_operator.kube.credentials import Credentials
from digital_human_operator.kube.discovery import Served
from digital_human_operator.kube.errors import ApiError
from digital_human_operator.kube.lease import LeaderElection
from digital_human_operator.kube.limiter import WriteLimiter
from digital_human_operator.kube.workqueue import Hooks, WorkQueue, work
from digital_human_operator.names import FIELD_MANAGER
from digital_human_operator.seen import Key
from digital_human_operator.serve import serving
from digital_human_operator.settings import Settings
from digital_human_operator.watches import Watches

_log = logging.getLogger(__name__)
_CONTROLLER = "digitalhuman"
_DRAIN_SECONDS = 10.0
_AGAIN_SECONDS = 2.0
_SWEEP_SECONDS = 900.0
_SILENT_SECONDS = 180.0
"""A watch has a bookmark each minute; one that is silent for longer is dead."""
_LOOK_SECONDS = 15.0
"""Between two looks at which of our own kinds are served."""
_CONNECTIONS = 72
"""For writes, reads and the Lease; watches have their own share."""
_WATCHES = len(CHILDREN) + len(OPTIONAL) + len(OWN) + 5
"""Connections that watches hold in one scope: also Pods, claims of Redis and references."""


class App:
    """One process of the operator."""

    def __init__(
        self, settings: Settings, credentials: Credentials, session: aiohttp.ClientSession
    ) -> None:
        self._settings = settings
        self._credentials = credentials
        self._session = session
        self._namespace = settings.pod_namespace or credentials.default_namespace
        self._stop = asyncio.Event()
        self._may_work = asyncio.Event()
        self._synced = False
        self._uninstalled = False
        self._asked: float | None = None
        plain = ApiClient(credentials, session, user_agent=_user_agent(), observe=_observe_request)
        self._plain = plain
        self._election = LeaderElection(
            plain,
            self._namespace,
            settings.lease_name,
            settings.pod_name,
            lease_seconds=settings.lease_seconds,
            renew_deadline=settings.renew_deadline,
            retry_period=settings.retry_period,
        )
        self._client = ApiClient(
            credentials,
            session,
            user_agent=_user_agent(),
            gate=self._election.may_write,
            limiter=WriteLimiter(initial=settings.writes_in_flight),
            observe=_observe_request,
        )
        self._queue: WorkQueue[Key] = WorkQueue(hooks=_hooks())
        self._watches = Watches(self._client, self._queue, settings.namespaces)
        self._controllers = self._build_controllers()
        metrics.TOLD.seen = self._watches.seen

    def _build_controllers(self) -> dict[str, Callable[[Key], Awaitable[float | None]]]:
        services = Services(
            client=self._client,
            applier=self._watches.applier,
            stores=self._watches.stores,
            pods=self._watches.pods,
            claims=self._watches.claims,
            references=self._watches.references,
            served=self._watches.served,
            recorder=self._watches.recorder(self._settings.pod_name),
            seen=self._watches.seen,
            images=self._settings.images,
            namespace=self._namespace,
            wake=self._queue.add,
            now=lambda: datetime.now(UTC).strftime("%Y-%m-%dT%H:%M:%SZ"),
        )
        self._services = services
        return {
            HUMANS.kind: DigitalHumanController(services).reconcile,
            BACKUPS.kind: BackupController(services).reconcile,
            RESTORES.kind: RestoreController(services).reconcile,
        }

    async def run(self) -> None:
        """Work until SIGTERM or SIGINT."""
        kopf_runtime.stop_on_signals(self._stop)
        async with AsyncExitStack() as stack:
            await stack.enter_async_context(
                serving(self._settings.metrics_address, alive=self._alive, ready=self._ready)
            )
            tasks = [
                asyncio.create_task(coroutine, name=name)
                for name, coroutine in (
                    ("watches", self._watches.run()),
                    ("events", self._services.recorder.run()),
                    ("election", self._elect()),
                    ("sync", self._sync()),
                    ("sweep", self._sweep()),
                    ("lag", _measure_lag()),
                    ("workers", self._work()),
                    ("kopf", self._source()),
                )
            ]
            try:
                await self._until_stopped(tasks)
            finally:
                await self._shut_down(tasks)

    async def _until_stopped(self, tasks: list[asyncio.Task[None]]) -> None:
        stopped = asyncio.create_task(self._stop.wait(), name="stop")
        try:
            done, _ = await asyncio.wait([stopped, *tasks], return_when=asyncio.FIRST_COMPLETED)
            for task in done - {stopped}:
                task.result()
        finally:
            stopped.cancel()

    async def _shut_down(self, tasks: list[asyncio.Task[None]]) -> None:
        """Finish what is under way, release the Lease, cancel the rest."""
        self._stop.set()
        self._queue.shutdown()
        workers = [t for t in tasks if t.get_name() == "workers" and not t.done()]
        if workers and self._may_work.is_set():
            await asyncio.wait(workers, timeout=_DRAIN_SECONDS)
        for task in tasks:
            if task.get_name() not in {"kopf", "election"}:
                task.cancel()
        await self._election.release()
        for task in tasks:
            if task.get_name() == "election":
                task.cancel()
        metrics.LEADER.labels(self._settings.lease_name).set(0)
        await asyncio.wait(tasks, timeout=_DRAIN_SECONDS)

    async def _source(self) -> None:
        """kopf, for the kinds of ours that are served; another one when these change."""
        served = Served(self._plain, OWN)
        connector = self._session.connector
        assert connector is not None  # noqa: S101 - only a closed session has none

        async def ready() -> None:
            told = False
            while not self._stop.is_set():
                await served.refresh()
                self._uninstalled = not served.has(HUMANS)
                if not self._uninstalled:
                    return
                if not told:
                    _log.warning("the CRDs of %s are not installed; waiting for them", HUMANS.group)
                told = True
                await asyncio.sleep(2)

        async def changed() -> None:
            before = [served.has(resource) for resource in OWN]
            while before == [served.has(resource) for resource in OWN]:
                await asyncio.sleep(_LOOK_SECONDS)
                await served.refresh()

        def registry() -> kopf.OperatorRegistry:
            made = kopf.OperatorRegistry()
            handlers.register(made, self._watches.seen, self._queue.add)
            return made

        await kopf_runtime.run(
            registry,
            ready=ready,
            changed=changed,
            credentials=self._credentials,
            connector=connector,
            namespaces=self._settings.namespaces,
            memo={},
            stop=self._stop,
            asked=self._note_asked,
        )

    def _note_asked(self) -> None:
        self._asked = asyncio.get_running_loop().time()

    async def _sync(self) -> None:
        """Let the workers start when nothing can look missing any more."""
        await self._watches.wait_synced()
        await self._see_own()
        self._synced = True
        # A long-lived heap: what exists now will stay, so the collector need not look at it.
        gc.collect()
        gc.freeze()
        gc.set_threshold(100_000, 50, 1000)
        _log.info("all watches are complete")
        if self._election.is_leader:
            self._may_work.set()
        await self._stop.wait()

    async def _see_own(self) -> None:
        """Nobody works before; an API server that fails now is asked again."""
        while True:
            try:
                return await self._watches.see_own()
            except ApiError as error:
                _log.warning("the objects of ours cannot be listed yet: %s", error)
                await asyncio.sleep(_AGAIN_SECONDS)

    async def _elect(self) -> None:
        """Lead, or wait to; after a loss start again as a candidate with warm stores."""
        leader = metrics.LEADER.labels(self._settings.lease_name)
        await self._watches.wait_synced()  # who cannot work must not keep others from it
        while not self._stop.is_set():
            election = asyncio.create_task(self._election.run())
            leading = asyncio.create_task(self._election.leading.wait())
            try:
                # Also for its end: a candidate that has failed will never lead.
                await asyncio.wait([election, leading], return_when=asyncio.FIRST_COMPLETED)
                if self._election.is_leader:
                    leader.set(1)
                    if self._synced:
                        self._may_work.set()
                await election
            finally:
                election.cancel()
                leading.cancel()
                leader.set(0)
                self._may_work.clear()
            self._election.lost.clear()
            for key in self._watches.seen:
                self._queue.add(key, priority=handlers.LISTED_PRIORITY)

    async def _work(self) -> None:
        metrics.MAX_CONCURRENT.labels(_CONTROLLER).set(self._settings.workers)
        await work(
            self._queue,
            self._reconcile,
            workers=self._settings.workers,
            gate=self._may_work,
            timeout=self._settings.reconcile_timeout,
            observe=_observe_reconcile,
        )

    async def _reconcile(self, key: Key) -> float | None:
        with metrics.ACTIVE_WORKERS.labels(_CONTROLLER).track_inprogress():
            return await self._controllers[key[0]](key)

    async def _sweep(self) -> None:
        """Now and then forget objects whose deletion kopf was not told of."""
        while True:
            await asyncio.sleep(_SWEEP_SECONDS)
            try:
                await self._watches.sweep()
            except ApiError as error:
                _log.warning("the sweep was not finished: %s", error)

    def _alive(self) -> str | None:
        """
        That the event loop answers is what liveness means.

        An API server that is away must not restart the operator: every stream has its own timeout
        and comes back by itself.
        """
        return "shutting down" if self._stop.is_set() else None

    def _ready(self) -> str | None:
        """That changes of humans and of their children are heard of; while a CRD lacks, nothing."""
        if not self._synced:
            return "the watches are not complete yet"
        if self._uninstalled:
            return None
        now = asyncio.get_running_loop().time()
        if self._asked is None:
            return f"kopf has not asked for {HUMANS} yet: the log says why"
        if now - self._asked > kopf_runtime.LONGEST_WATCH + _SILENT_SECONDS:
            return f"kopf has not asked for {HUMANS} for {now - self._asked:.0f} s"
        return self._watches.silent(now, _SILENT_SECONDS)


async def run(settings: Settings, credentials: Credentials) -> None:
    """Run the operator until it is told to stop."""
    metrics.BUILD.info({"version": __version__})
    room = connections(len(settings.namespaces) or 1)
    async with open_session(credentials, connections=room) as session:
        await App(settings, credentials, session).run()


def connections(scopes: int) -> int:
    """Connections needed to watch ``scopes`` namespaces one by one, and to write."""
    return _CONNECTIONS + _WATCHES * scopes


def _user_agent() -> str:
    return f"{FIELD_MANAGER}/{__version__}"


def _hooks() -> Hooks:
    labels = (_CONTROLLER, _CONTROLLER)
    return Hooks(
        depth=metrics.QUEUE_DEPTH.labels(*labels).set,
        added=metrics.QUEUE_ADDS.labels(*labels).inc,
        retried=metrics.QUEUE_RETRIES.labels(*labels).inc,
        waited=metrics.QUEUE_SECONDS.labels(*labels).observe,
        worked=metrics.WORK_SECONDS.labels(*labels).observe,
    )


def _observe_request(verb: str, resource: str, code: int, _seconds: float) -> None:
    metrics.REQUESTS.labels(str(code) if code else "<error>", verb, resource).inc()


def _observe_reconcile(_key: Key, result: str, seconds: float) -> None:
    metrics.RECONCILE_TOTAL.labels(_CONTROLLER, result).inc()
    metrics.RECONCILE_SECONDS.labels(_CONTROLLER).observe(seconds)
    if result in {"error", "timeout"}:
        metrics.RECONCILE_ERRORS.labels(_CONTROLLER).inc()


async def _measure_lag() -> None:
    loop = asyncio.get_running_loop()
    while True:
        before = loop.time()
        await asyncio.sleep(1)
        metrics.LOOP_LAG.set(max(0.0, loop.time() - before - 1))
