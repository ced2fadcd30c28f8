"""A human whose voice is a server: it is waited for, and speaks with the voice that is wanted."""

from __future__ import annotations

import asyncio

import pytest

from digital_human_runtime import settings
from digital_human_runtime.app import Runtime
from tests.runtime.engines.voice.servers import PIPER_LOW, Server, serving
from tests.runtime.support.engines import ToneVoice, engines
from tests.runtime.support.serving import ADDRESSES, running
from tests.runtime.support.waiting import eventually
from tools.ports import free_port


@pytest.mark.parametrize(("wanted", "asked"), [("", None), (PIPER_LOW, PIPER_LOW)])
async def test_a_voice_that_comes_later_is_waited_for(wanted: str, asked: str | None) -> None:
    port = free_port()
    variables = {
        "DIGITAL_HUMAN_PIPER_URL": f"http://127.0.0.1:{port}",
        "DIGITAL_HUMAN_VOICE": wanted,
    }
    runtime = Runtime(settings.load(ADDRESSES | variables))
    runtime.bind()
    starting = asyncio.create_task(runtime.start())
    try:
        await eventually(
            lambda: starting.done() or "cannot be reached" in _said(runtime, "speaking")
        )
        assert not starting.done(), "the start did not wait"
        async with serving(Server(rate=22050), port) as server:
            await asyncio.wait_for(starting, 20)
            assert server.requests[-1].get("voice") == asked
    finally:
        starting.cancel()
        await asyncio.gather(starting, return_exceptions=True)
        await runtime.close()


def _said(runtime: Runtime, name: str) -> str:
    return next(check.detail for check in runtime.checks() if check.name == name)


async def test_the_own_voice_of_a_server_speaks_where_no_voice_is_named() -> None:
    voice = ToneVoice(strangers=("en-us",))
    async with running(engines(voice=voice), DIGITAL_HUMAN_PIPER_URL="http://piper") as served:
        for named in ({}, {"voice": "default"}):
            answer = await served.client.post("/v1/audio/speech", json={"input": "Hi", **named})
            assert answer.status_code == 200, answer.text
