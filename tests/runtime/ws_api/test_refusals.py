import asyncio
import json

import pytest
import websockets
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from digital_human_runtime.errors import EngineFault
from digital_human_runtime.ws_api import connection, wire
from digital_human_runtime.ws_api.app import WebSocketApp
from digital_human_runtime.ws_api.microphone import SAMPLE_RATE
from tests.runtime.support.serving import Running, running

from .client import Client, socket, talking


@pytest.mark.parametrize("path", ["websocket", "/ws"])
@pytest.mark.parametrize(
    ("origin", "welcome"),
    [
        (None, True),
        ("http://127.0.0.1:8000", True),
        ("https://talk.example.com", True),
        ("https://evil.example.com", False),
        ("http://127.0.0.1.evil.example.com", False),
        ("null", False),
        ("http://[", False),
    ],
)
async def test_pages_of_other_origins_are_refused_before_the_upgrade(
    path: str, origin: str | None, *, welcome: bool
) -> None:
    async with running(DIGITAL_HUMAN_ALLOWED_ORIGINS="https://talk.example.com") as served:
        if welcome:
            async with socket(served, path, origin=origin) as found:
                assert found.protocol.state.name == "OPEN"
            return
        with pytest.raises(websockets.InvalidStatus) as refused:
            async with socket(served, path, origin=origin):
                pass
        assert refused.value.response.status_code == 403


async def test_hello_has_a_deadline(served: Running, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(connection, "HELLO_SECONDS", 0.1)
    async with socket(served) as found:
        client = Client(found)
        assert (await client.text())["code"] == "not_authenticated"
        assert await client.closed() == 4003


@pytest.mark.parametrize(
    ("message", "error", "code"),
    [
        ('{"type":"hello","version":2}', "unsupported_version", 4000),
        ('{"type":"hello","version":1}', "not_authenticated", 4003),
        ('{"type":"hello","version":1,"ticket":"nobody"}', "not_authenticated", 4003),
        (
            '{"type":"hello","version":1,"resume":{"session":"s","token":"t"}}',
            "not_authenticated",
            4003,
        ),
        ('{"type":"say","text":"Hi"}', "malformed", 4000),
        ("hello", "malformed", 4000),
        ('{"type":"hello"}', "bad_input", 4000),
        (b"\x01\x01", "malformed", 4000),
    ],
)
async def test_a_wrong_beginning_is_told_and_closed(
    served: Running, message: str | bytes, error: str, code: int
) -> None:
    async with socket(served) as found:
        await found.send(message)
        client = Client(found)
        answer = await client.text()
        assert (answer["type"], answer["code"]) == ("error", error)
        assert await client.closed() == code


@pytest.mark.parametrize(
    ("message", "error"),
    [
        ('{"type":"sing"}', "bad_input"),
        ('{"type":"say"}', "bad_input"),
        ('{"type":"say","text":"","id":"q"}', "bad_input"),
        ('{"type":"say","text":"half of an emoji: \\ud83d"}', "bad_input"),
        ('{"type":"say","text":"' + "x" * 4001 + '"}', "too_large"),
        ('{"type":"say","text":"' + "x" * 33000 + '"}', "too_large"),
        ('{"type":"credit","turn":1}', "bad_input"),
        ('{"type":"listen","state":"start"}', "bad_input"),
    ],
)
async def test_what_is_refused_leaves_the_connection(
    served: Running, message: str, error: str
) -> None:
    async with talking(served) as client:
        await client.socket.send(message)
        answer = await client.until("error")
        assert answer["code"] == error
        assert answer.get("id") == json.loads(message).get("id")
        texts, _ = await client.ask("Hello")
        assert texts[-1]["reason"] == "complete"


@pytest.mark.parametrize("message", ["{", '["say"]', b"\x00" * 10, '{"type":"hello","version":1}'])
async def test_a_broken_protocol_is_closed(served: Running, message: str | bytes) -> None:
    async with talking(served) as client:
        await client.socket.send(message)
        assert (await client.until("error"))["code"] == "malformed"
        assert await client.closed() == 4000


async def test_a_message_beyond_all_limits_is_cut(served: Running) -> None:
    async with talking(served) as client, talking(served) as other:
        await client.socket.send("x" * 70_000)
        assert await client.closed() == 1009
        texts, _ = await other.ask("Hello")
        assert texts[-1]["reason"] == "complete"


async def test_stale_turns_are_ignored(served: Running) -> None:
    async with talking(served) as client:
        for kind in ("interrupt", "credit", "finished"):
            await client.send(kind, turn=77, played=5)
        texts, _ = await client.ask("Hello")
        assert texts[-1]["reason"] == "complete"


@settings(
    max_examples=25, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
@given(
    messages=st.lists(
        st.text(max_size=50)
        | st.binary(max_size=50)
        | st.sampled_from(
            [
                '{"type":"say","text":"Hi"}',
                '{"type":"interrupt","turn":1,"played":9007199254740991}',
                '{"type":"credit","turn":1,"played":9007199254740991}',
                '{"type":"finished","turn":1,"played":0}',
                '{"type":"listen","state":"stop"}',
                '{"type":"bye"}',
            ]
        ),
        max_size=6,
    )
)
async def test_garbage_harms_nobody(served: Running, messages: list[str | bytes]) -> None:
    async with talking(served) as client:
        try:
            for message in messages:
                await client.socket.send(message)
        except websockets.ConnectionClosed:
            pass
    async with talking(served) as other:
        texts, _ = await other.ask("Hello")
        assert texts[-1]["reason"] == "complete"


class Listener:
    """A Transcriber that counts samples."""

    def __init__(self) -> None:
        self.heard: list[int] = []

    async def transcribe(self, pcm: bytes) -> str:
        self.heard.append(len(pcm) // 2)
        if len(self.heard) == 1:
            raise EngineFault("Away.")
        return "What time is it?" if pcm else ""

    async def close(self) -> None:
        """Nothing to do."""


@pytest.fixture
def listener(monkeypatch: pytest.MonkeyPatch) -> Listener:
    """What hears, in every runtime of the test."""
    found = Listener()
    original = WebSocketApp.__init__

    def listening(self: WebSocketApp, **options: object) -> None:
        original(self, **(options | {"transcriber": found}))  # type: ignore[arg-type]

    monkeypatch.setattr(WebSocketApp, "__init__", listening)
    return found


async def test_what_hears_is_not_asked_for_one_who_asks_too_often(listener: Listener) -> None:
    async with running(DIGITAL_HUMAN_RATE_LIMIT="1/minute") as heard, talking(heard) as client:
        codes = []
        for _ in range(2):
            await client.send("listen", state="start")
            await client.socket.send(bytes(3200))
            await client.send("listen", state="stop")
            codes.append((await client.text()).get("code"))
    assert codes == ["engine", "busy"]
    assert len(listener.heard) == 1


async def test_a_spoken_question(listener: Listener) -> None:
    async with running() as heard, talking(heard) as client:
        assert client.welcome["input"] == {"speech": True}
        await client.socket.send(bytes(32000))  # nobody listens yet
        for expected in ("error", "turn"):
            await client.send("listen", state="start")
            await client.socket.send(bytes(32000))
            await client.socket.send(bytes(3200))
            await client.send("listen", state="stop")
            found = await client.until(expected)
        assert found["question"] == "What time is it?"
        assert listener.heard == [SAMPLE_RATE * 11 // 10] * 2
        await client.until("end")
        await client.send("listen", state="stop")
        assert (await client.until("error"))["code"] == "bad_input"
        await client.send("listen", state="start")
        for _ in range(61):
            await client.socket.send(bytes(32000))
        assert (await client.until("error"))["code"] == "too_large"


async def test_connections_that_say_nothing_keep_nobody_out(served: Running) -> None:
    silent = await asyncio.gather(
        *(websockets.connect(served.url("websocket", "ws")) for _ in range(50))
    )
    async with talking(served) as client:
        texts, _ = await client.ask("Hello")
        assert texts[-1]["reason"] == "complete"
    await asyncio.gather(*(one.close() for one in silent))


async def test_the_own_subprotocol_is_not_forced(served: Running) -> None:
    async with socket(served, subprotocols=None) as found:
        assert found.subprotocol is None
    async with socket(served, subprotocols=[wire.SUBPROTOCOL, "other"]) as found:
        assert found.subprotocol == wire.SUBPROTOCOL


async def test_control_characters_are_no_question(served: Running) -> None:
    async with talking(served) as client:
        await client.send("say", text="\0\u200b", id="7")
        answer = await client.until("error")
        assert (answer["type"], answer["code"], answer["id"]) == ("error", "bad_input", "7")
        assert answer["message"] == "text is empty: write a question."
