"""The operator's own HTTP endpoint: /metrics, /healthz and /readyz."""

from __future__ import annotations

import os
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager

from aiohttp import web
from prometheus_client import generate_latest
from prometheus_client.exposition import CONTENT_TYPE_LATEST

from digital_human_operator.metrics import REGISTRY
from digital_human_operator.settings import PREFIX

Check = Callable[[], str | None]


class CannotListen(Exception):  # noqa: N818 - what happened
    """The address cannot be listened on; the message says what to do."""


@asynccontextmanager
async def serving(address: str, *, alive: Check, ready: Check) -> AsyncIterator[None]:
    """
    Answer on ``address`` (host:port, or empty for not at all) while the context is open.

    ``alive`` and ``ready`` return None when all is well and otherwise a sentence, sent with 503.
    Raises CannotListen when the port is taken or the address is not one of this machine.
    """
    if not address:
        yield
        return
    runner = web.AppRunner(_application(alive, ready), access_log=None)
    await runner.setup()
    host, _, port = address.rpartition(":")
    try:
        await _listen(runner, host.strip("[]") or None, int(port))
        yield
    finally:
        await runner.cleanup()


async def _listen(runner: web.AppRunner, host: str | None, port: int) -> None:
    try:
        await web.TCPSite(runner, host, port).start()
    except OSError as error:
        number = error.errno or 0  # negative when a name is not resolved
        reason = os.strerror(number) if number > 0 else error.strerror
        raise CannotListen(
            f"cannot listen on {host or ''}:{port} ({reason}): set"
            f" {PREFIX}METRICS_ADDRESS to a free address of this machine, or to nothing"
        ) from error


def _application(alive: Check, ready: Check) -> web.Application:
    def answering(check: Check) -> Callable[[web.Request], object]:
        async def answer(_: web.Request) -> web.Response:
            problem = check()
            return web.Response(text=problem or "ok", status=503 if problem else 200)

        return answer

    async def metrics(_: web.Request) -> web.Response:
        return web.Response(
            body=generate_latest(REGISTRY), headers={"Content-Type": CONTENT_TYPE_LATEST}
        )

    application = web.Application()
    application.router.add_get("/healthz", answering(alive))  # type: ignore[arg-type]
    application.router.add_get("/readyz", answering(ready))  # type: ignore[arg-type]
    application.router.add_get("/metrics", metrics)
    return application
