"""
The composition root: one process, one event loop, four servers.

Probes answer first, then the engines warm up, then callers come in. On SIGTERM nobody new is let
in, turns that run finish, clients are told where they stand, and the process ends.
"""

from __future__ import annotations

import asyncio
import logging
import os
import signal
import time
from collections.abc import Awaitable, Callable, Sequence
from types import FrameType

from prometheus_client import generate_latest
from starlette.types import ASGIApp

from digital_human_runtime import composition
from digital_human_runtime.access.gate import Gate
from digital_human_runtime.access.rates import rates
from digital_human_runtime.errors import RuntimeFault
from digital_human_runtime.frames import Check
from digital_human_runtime.grpc_api.server import GrpcServer
from digital_human_runtime.health_api import app as health_app
from digital_human_runtime.health_api import parts
from digital_human_runtime.health_api.gpu import Gpus
from digital_human_runtime.health_api.report import Health
from digital_human_runtime.health_api.speaking import Speaking
from digital_human_runtime.http_api import app as http_app
from digital_human_runtime.http_api.services import Services
from digital_human_runtime.http_api.serving import AsgiServer, check_certificate, listen
from digital_human_runtime.metrics import Metrics
from digital_human_runtime.observers import Observers
from digital_human_runtime.pipeline import Engines
from digital_human_runtime.session.store import StoreLost
from digital_human_runtime.session.talk import Talk
from digital_human_runtime.settings.settings import Settings
from digital_human_runtime.settings.unheeded import vain_gpus
from digital_human_runtime.ws_api.app import WebSocketApp
from digital_human_runtime.ws_api.connection import Terms

_log = logging.getLogger(__name__)
RETRY_SECONDS = 1.0
"""Between two tries to start a part whose server is not there yet."""
CERTIFICATE_SECONDS = 10.0
"""Between two looks whether the certificate was renewed."""
CLOSE_SECONDS = 5.0
"""For all parts to give up what they hold; beyond it the process ends anyway."""


class Runtime:
    """
    Everything that one process runs. Life: ``bind``, ``start``, any time, ``drain``, ``close``.

    ``engines`` replaces those of the settings.
    """

    def __init__(self, settings: Settings, engines: Engines | None = None) -> None:
        self.settings = settings
        self.engines = engines or composition.engines(settings)
        self.metrics = Metrics(self.engines.voice.sample_rate)
        self.metrics.streams_most.set(settings.environment.digital_human_face_streams)
        self.health = Health(self.checks, self.warnings)
        self.ports: dict[str, int] = {}
        self.certificate_seconds = CERTIFICATE_SECONDS
        self._gate = Gate(settings.security)
        self._gpus = Gpus()
        self.talk: Talk | None = None
        """All conversations, once the engines run."""
        self._speaking: Speaking | None = None
        self._servers: dict[str, AsgiServer] = {}
        self._tasks: list[asyncio.Task[None]] = []
        self._traces = composition.traces(settings)
        self._transcriber = composition.transcriber(settings)

    def bind(self) -> None:
        """Take the addresses; raises CannotListen. Nobody is answered yet."""
        env, security = self.settings.environment, self.settings.security
        if security.tls_cert_file is not None and security.tls_key_file is not None:
            check_certificate(security.tls_cert_file, security.tls_key_file)
        self._sockets = {
            "health": listen(env.digital_human_health_address),
            "http": listen(env.digital_human_http_address),
            "websocket": listen(env.digital_human_websocket_address),
        }
        self._grpc = GrpcServer(
            face=self.engines.fallback or self.engines.face,  # clips never leave this process
            streams=env.digital_human_face_streams,
            gate=self._gate,
            security=security,
            observer=self.metrics,
        )
        self.ports = {name: sock.getsockname()[1] for name, sock in self._sockets.items()}
        self.ports["grpc"] = self._grpc.bind(env.digital_human_grpc_address)

    async def start(self) -> None:
        """Answer probes, warm up, then let callers in; raises Refused, OSError or ValueError."""
        began = time.monotonic()
        self._gate.load()
        self._gpus.start()
        for sentence in self.warnings():
            _log.warning(sentence)
        await self._serve("health", health_app.create(self.health, self.scrape))
        await self._start_engines()
        talk = await self._start_talk()
        rate = self.engines.voice.sample_rate
        self._speaking = Speaking(talk.synthetic, self.metrics, rate)
        await _until_ready("speaking", self._speaking.prove)
        await self._open(talk)
        self.health.started()
        _log.info("ready", extra={"seconds": round(time.monotonic() - began, 3), **self.ports})

    async def drain(self) -> None:
        """Let nobody new in and let what runs finish, within the drain time."""
        seconds = self.settings.sessions.drain_seconds
        _log.info("draining", extra={"seconds": seconds})
        self.health.drain()
        await self._grpc.drain()
        waits: list[Awaitable[None]] = [self._grpc.stop(seconds)]
        if self.talk is not None:
            waits.append(self.talk.drain(seconds))
        await asyncio.gather(*waits)

    async def close(self) -> None:
        """Give up everything, within a few seconds; may be called in any state."""
        for name, server in self._servers.items():
            server.should_exit = name != "health"
        try:
            async with asyncio.timeout(2 * CLOSE_SECONDS):
                await self._close_parts()
        except TimeoutError:
            _log.warning("some parts did not end in time")
        for server in self._servers.values():
            server.should_exit = True
        _, late = await asyncio.wait(self._tasks, timeout=1.0) if self._tasks else ((), ())
        for task in late:
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)

    def checks(self) -> Sequence[Check]:
        """Every line of a health answer."""
        return parts.checks(
            self.engines,
            database=self.talk.check() if self.talk is not None else None,
            gpu=self._gpus.check(wanted=self.settings.gpu.profile != "none"),
            speaking=self._speaking.check() if self._speaking is not None else None,
            remote=self.settings.face is not None,
        )

    def warnings(self) -> Sequence[str]:
        """What is set and has no effect, a sentence each."""
        return (*self.settings.unheeded, *vain_gpus(self.settings, there=bool(self._gpus.read())))

    def scrape(self) -> bytes:
        """The metrics now."""
        self.metrics.checked((check.name, check.degraded) for check in self.checks())
        self.metrics.gpus(self._gpus.read())
        if self.talk is not None:
            self.metrics.room(self.talk.gauges)
        return generate_latest(self.metrics.registry)

    async def _start_engines(self) -> None:
        """Warm all up at once; a part whose server is not there yet is tried again."""
        found = self.engines
        starts = {"model": found.model, "voice": found.voice, "face": found.face}
        if found.fallback is not None:
            starts["embedded face"] = found.fallback
        async with asyncio.TaskGroup() as tasks:
            for name, engine in starts.items():
                tasks.create_task(_until_ready(name, engine.start))

    async def _start_talk(self) -> Talk:
        limits = composition.limits(self.settings)
        self.talk = Talk(
            engines=self.engines,
            store=composition.store(self.settings, limits),
            persona=composition.persona(self.settings, self.engines.voice),
            limits=limits,
            observer=Observers((self.metrics, *((self._traces,) if self._traces else ()))),
        )
        await _until_ready("database", self.talk.start)
        return self.talk

    async def _open(self, talk: Talk) -> None:
        """Let callers in."""
        security = self.settings.security
        counted = rates(security.rate_limit, composition.redis_url(self.settings))
        voice, limits = self.engines.voice, composition.limits(self.settings)
        websocket = WebSocketApp(
            sessions=talk,
            terms=Terms(
                sample_rate=voice.sample_rate,
                fps=self.engines.face.fps,
                window_samples=round(limits.window_seconds * voice.sample_rate),
                idle_seconds=limits.idle_seconds,
            ),
            gate=self._gate,
            rates=counted,
            origins=security.allowed_origins,
            transcriber=self._transcriber,
        )
        services = Services(
            settings=self.settings,
            sessions=talk,
            model=self.engines.model,
            voice=voice,
            speaker=composition.voice_name(self.settings),
            turn=talk.place,
            gate=self._gate,
            rates=counted,
            health=self.health,
            metrics=self.metrics,
            limits=limits,
        )
        await self._serve("http", http_app.create(services, websocket))
        await self._serve("websocket", websocket)
        await self._grpc.start()
        await self._grpc.serving(serving=True)
        if security.tls_cert_file is not None:
            self._tasks.append(asyncio.create_task(self._renew_certificates()))
        every = self.settings.environment.digital_human_speaking_health_seconds
        if every and self._speaking is not None:
            self._tasks.append(asyncio.create_task(self._speaking.watch(every)))

    async def _serve(self, name: str, app: ASGIApp) -> None:
        security = self.settings.security
        cert, key = security.tls_cert_file, security.tls_key_file
        encrypted = name != "health" and cert is not None and key is not None
        server = AsgiServer(
            app,
            self._sockets[name],
            tls=(cert, key) if encrypted and cert and key else None,
            proxies=security.trusted_proxies,
        )
        self._servers[name] = server
        task = asyncio.create_task(server.run_until_stopped(), name=name)
        self._tasks.append(task)
        await server.up(task)

    async def _renew_certificates(self) -> None:
        while True:
            await asyncio.sleep(self.certificate_seconds)
            for server in self._servers.values():
                server.renew_certificate()

    async def _close_parts(self) -> None:
        if self.ports:
            await self._grpc.stop(0)
        if self.talk is not None:
            await self.talk.close()
        engines = self.engines
        held = [engines.model, engines.voice, engines.face, engines.fallback, self._transcriber]
        closes = [part.close() for part in held if part is not None]
        for failed in await asyncio.gather(*closes, return_exceptions=True):
            if isinstance(failed, Exception):
                _log.warning("a part did not end well", exc_info=failed)
        if self._traces is not None:
            await asyncio.to_thread(self._traces.close)
        self._gpus.close()


async def _until_ready(name: str, start: Callable[[], Awaitable[None]]) -> None:
    """Start a part; while its server is not there, say so once and try again."""
    said = ""
    while True:
        try:
            return await start()
        except (RuntimeFault, StoreLost) as fault:
            if str(fault) != said:
                said = str(fault)
                _log.warning("waiting for a part", extra={"part": name, "reason": said})
            await asyncio.sleep(RETRY_SECONDS)


async def run(settings: Settings) -> int:
    """Run until told to stop; the exit status of the process. Raises CannotListen and Refused."""
    runtime = Runtime(settings)
    runtime.bind()
    stop = asyncio.Event()
    loop = asyncio.get_running_loop()
    for number in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(number, stop.set)
    start, stopped = asyncio.create_task(runtime.start()), asyncio.create_task(stop.wait())
    try:
        await asyncio.wait({start, stopped}, return_when=asyncio.FIRST_COMPLETED)
        if start.done():
            start.result()
            await stopped
        _die_at_the_next_signal()
        if start.done():
            await runtime.drain()
    finally:
        for task in (start, stopped):
            task.cancel()
        await asyncio.gather(start, stopped, return_exceptions=True)
        await runtime.close()
    _log.info("ended")
    return 0


def _die_at_the_next_signal() -> None:
    """Whoever asks twice does not want to wait; not by the event loop, which may be stuck."""

    def die(_number: int, _frame: FrameType | None) -> None:
        os._exit(1)

    for number in (signal.SIGTERM, signal.SIGINT):
        asyncio.get_running_loop().remove_signal_handler(number)
        signal.signal(number, die)
