import asyncio
import json
from pathlib import Path
from socket import SO_RCVBUF, SOL_SOCKET
from socket import socket as Socket  # noqa: N812 - beside our own socket()

import numpy as np
import pytest
import websockets

from digital_human_runtime.frames import SHAPES, Media
from digital_human_runtime.ws_api import connection, wire
from tests.runtime.support.engines import ScriptedModel, ToneVoice, engines
from tests.runtime.support.serving import Running, running
from tests.runtime.support.waiting import eventually

from .client import Client, socket, talking, whole

ECHO = "You said {0}. That is all I know about {0}."


def echo() -> ScriptedModel:
    """Says the question again, so that answers cannot be mistaken for each other."""
    return ScriptedModel(lambda messages: ECHO.format(messages[-1].content))


@pytest.mark.parametrize("path", ["websocket", "/ws"])
async def test_a_conversation_on_both_ports(served: Running, path: str) -> None:
    async with talking(served, path) as client:
        assert client.socket.subprotocol == wire.SUBPROTOCOL
        welcome = client.welcome
        assert welcome["shapes"] == list(SHAPES)
        assert (welcome["sampleRate"], welcome["fps"]) == (16000, 30)
        assert welcome["windowSamples"] == 24000
        assert (welcome["store"], welcome["resumable"]) == ("memory", False)
        assert "process" in welcome["reason"]
        assert welcome["input"] == {"speech": False}
        texts, media = await client.ask("Hello", id="q-1")
        started = texts[0]
        assert (started["type"], started["question"], started["id"]) == ("turn", "Hello", "q-1")
        assert "".join(t["text"] for t in texts if t["type"] == "text") == ScriptedModel().answer
        ended = texts[-1]
        assert (ended["reason"], ended["samples"]) == ("complete", len(whole(media)))
        assert "finishReason" not in ended
        captions = {t["firstSample"]: t["text"] for t in texts if t["type"] == "caption"}
        assert " ".join(captions.values()) == ScriptedModel().answer
        assert max(one.weights.max() for one in media if one.weights.size) > 0.5
        await client.send("bye")
        assert await client.closed() == 1000


async def test_a_ping_is_answered_also_while_it_speaks(served: Running) -> None:
    async with talking(served) as client:
        assert client.welcome["pings"] is True
        await client.send("ping")
        assert await client.text() == {"type": "pong"}
        await client.send("say", text="Go on")
        await client.until("turn")
        await client.send("ping")
        assert await client.until("pong")
        assert (await client.until("end"))["reason"] == "complete"


async def test_an_answer_that_was_cut_at_its_longest_says_so_at_its_end(served: Running) -> None:
    model: ScriptedModel = served.runtime.engines.model  # type: ignore[assignment]
    model.finish = "length"
    async with talking(served) as client:
        texts, _ = await client.ask("Go on")
        assert (texts[-1]["reason"], texts[-1]["finishReason"]) == ("complete", "length")


async def test_no_more_than_the_window_is_sent_without_credit(served: Running) -> None:
    model: ScriptedModel = served.runtime.engines.model  # type: ignore[assignment]
    model.answer = "One two three four five six. " * 20
    async with talking(served) as client:
        await client.send("say", text="Go on")
        got = await samples_within(client, 10, most=24000 - 1600)
        got += await samples_within(client, 0.3, most=2**30)
        assert got <= 24000


async def samples_within(client: Client, seconds: float, most: int) -> int:
    """How many samples come in a time, without credit for them."""
    got = 0
    try:
        async with asyncio.timeout(seconds):
            while got < most:
                message = await client.socket.recv()
                got += len(wire.unpack(message).samples) if isinstance(message, bytes) else 0
    except TimeoutError:
        return got
    return got


async def test_two_who_talk_at_once_hear_only_their_own_answers() -> None:
    async with running(engines(echo())) as served:
        async with talking(served) as first, talking(served, "/ws") as second:
            for turn in range(3):
                (texts, media), (others, other_media) = await asyncio.gather(
                    first.ask(f"apples {turn}"), second.ask(f"pears {turn}")
                )
                assert "pears" not in json.dumps(texts)
                assert "apples" not in json.dumps(others)
                for got, word in ((media, f"apples {turn}"), (other_media, f"pears {turn}")):
                    first_words, _ = ToneVoice().sound(ECHO.format(word).split(" That")[0])
                    assert np.array_equal(whole(got)[: len(first_words)], first_words)
        assert served.talk.gauges.turns == 0


async def test_an_interrupted_answer_keeps_what_was_heard_and_the_next_is_whole() -> None:
    async with running(engines(echo())) as served, talking(served) as client:
        model: ScriptedModel = served.runtime.engines.model  # type: ignore[assignment]
        model.answer = "One two three four five six seven eight nine ten. " * 10
        await client.send("say", text="Count")
        while client.played < 16000:
            found = await client.next()
        assert isinstance(found, Media)
        await client.send("interrupt", turn=found.turn, played=client.played)
        ended = await client.until("end")
        assert ended["reason"] == "interrupted"
        assert 0 < len(ended["heard"]) < 60
        model.answer = "Fine."
        client.sound.clear()
        texts, media = await client.ask("Stop")
        assert texts[-1]["reason"] == "complete"
        assert texts[-1]["turn"] > found.turn
        assert np.array_equal(whole(media), np.concatenate(client.sound))
        assert model.asked[-1][-2].content == ended["heard"]


async def test_a_failed_turn_is_told_and_not_spoken(served: Running) -> None:
    model: ScriptedModel = served.runtime.engines.model  # type: ignore[assignment]
    async with talking(served) as client:
        model.fail_after = 0
        texts, media = await client.ask("Hello")
        assert (texts[-1]["reason"], texts[-1]["heard"]) == ("failed", "")
        assert texts[-1]["code"]
        assert "broken" not in json.dumps(texts)
        assert not any(np.any(one.samples) for one in media)
        model.fail_after = None
        texts, _ = await client.ask("Hello again")
        assert texts[-1]["reason"] == "complete"


async def test_a_ticket_as_subprotocol_works_once(served: Running) -> None:
    ticket = (await served.client.post("/api/sessions")).json()["ticket"]
    offered = [wire.SUBPROTOCOL, f"ticket.{ticket}"]
    async with socket(served, subprotocols=offered) as found:
        assert found.subprotocol == wire.SUBPROTOCOL
        assert (await Client(found).hello())["type"] == "welcome"
    async with socket(served, subprotocols=offered) as found:
        client = Client(found)
        assert (await client.hello())["code"] == "not_authenticated"
        assert await client.closed() == 4003


async def test_a_lost_connection_is_taken_up_again_with_its_token(served: Running) -> None:
    async with talking(served) as client:
        await client.ask("I am Bo")
        session, token = client.welcome["session"], client.token
    async with socket(served) as found:
        client = Client(found)
        welcome = await client.hello(resume={"session": session, "token": token})
        assert welcome["session"] == session
        assert [m["content"] for m in welcome["history"]] == ["I am Bo", ScriptedModel().answer]
        assert welcome["token"] != token
    async with socket(served) as found:
        client = Client(found)
        answer = await client.hello(resume={"session": session, "token": token})
        assert answer["code"] == "not_authenticated"
        assert await client.closed() == 4003


async def test_an_interrupted_turn_is_offered_and_not_replayed(served: Running) -> None:
    async with talking(served) as client:
        session = client.welcome["session"]
        await client.send("say", text="Tell me")
        while client.played < 4000:
            await client.next()
        token = client.token
    async with socket(served) as found:
        client = Client(found)
        welcome = await client.hello(resume={"session": session, "token": token})
        assert welcome["interrupted"]["question"] == "Tell me"
        assert 0 < welcome["interrupted"]["heardSamples"] <= 24000
        with pytest.raises(TimeoutError):
            async with asyncio.timeout(0.2):
                await client.until("turn")


async def test_the_newest_connection_wins(served: Running) -> None:
    async with talking(served) as first, socket(served) as found:
        second = Client(found)
        resume = {"session": first.welcome["session"], "token": first.token}
        assert (await second.hello(resume=resume))["type"] == "welcome"
        assert await first.closed() == 4001
        texts, _ = await second.ask("Still here?")
        assert texts[-1]["reason"] == "complete"


async def test_bye_forgets(served: Running) -> None:
    async with talking(served) as client:
        session, token = client.welcome["session"], client.token
        await client.ask("secret")
        await client.send("bye")
        assert await client.closed() == 1000
    async with socket(served) as found:
        client = Client(found)
        await client.hello(resume={"session": session, "token": token})
        assert await client.closed() == 4003


async def test_silence_ends_a_session() -> None:
    async with running(DIGITAL_HUMAN_IDLE_SECONDS="0.5") as served, talking(served) as client:
        assert client.welcome["idleSeconds"] == 0.5
        assert await client.closed() == 4002


async def test_no_room_is_told_with_a_time() -> None:
    async with running(DIGITAL_HUMAN_MAX_SESSIONS="1") as served:
        ticket = (await served.client.post("/api/sessions")).json()["ticket"]
        async with talking(served):
            refused = await served.client.post("/api/sessions")
            assert (refused.status_code, refused.json()["code"]) == (429, "busy")
            async with socket(served) as found:
                client = Client(found)
                answer = await client.hello(ticket=ticket)
                assert (answer["code"], answer["retryAfter"] > 0) == ("busy", True)
                assert await client.closed() == 1013


ELSEWHERE = ("127.0.0.2", 0)


async def refused(client: Client) -> str | None:
    """The code of the error that a question is answered with; None: it was taken."""
    await client.send("say", text="And?")
    answer = await client.text()
    if answer["type"] == "turn":
        await client.until("end")
    return answer.get("code")


async def test_who_asks_too_often_waits_and_others_do_not() -> None:
    async with (
        running(DIGITAL_HUMAN_RATE_LIMIT="3/minute") as served,
        talking(served) as one,
        talking(served, local_addr=ELSEWHERE) as other,
    ):
        assert [await refused(one) for _ in range(4)] == [None, None, None, "busy"]
        assert await refused(other) is None


async def test_questions_are_counted_for_each_key_whose_ticket_opened_the_line(
    tmp_path: Path,
) -> None:
    (keys := tmp_path / "keys").write_text("one\nother\n")
    variables = {"DIGITAL_HUMAN_API_KEY_FILE": str(keys), "DIGITAL_HUMAN_RATE_LIMIT": "3/minute"}
    async with running(**variables) as served:
        tickets = [
            (await served.client.post("/api/sessions", headers={"X-API-Key": key})).json()["ticket"]
            for key in ("one", "other", "one")
        ]
        async with socket(served) as a, socket(served) as b, socket(served) as c:
            one, other, again = Client(a), Client(b), Client(c)
            for client, ticket in zip((one, other, again), tickets, strict=True):
                await client.hello(ticket=ticket)
            assert [await refused(one) for _ in range(4)] == [None, None, None, "busy"]
            assert await refused(again) == "busy"
            assert await refused(other) is None


async def test_a_client_that_reads_nothing_is_given_up(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(connection, "SEND_SECONDS", 0.3)
    model = ScriptedModel()
    async with running(engines(model)) as served:
        narrow = narrow_socket(served.runtime.ports["websocket"])
        ticket = (await served.client.post("/api/sessions")).json()["ticket"]
        async with websockets.connect("ws://narrow", sock=narrow, ping_interval=None) as slow:
            await slow.send(json.dumps({"type": "hello", "version": 1, "ticket": ticket}))
            await slow.recv()
            model.answer = "word " * 4000
            slow.transport.pause_reading()
            await slow.send(json.dumps({"type": "say", "text": "Flood"}))
            await eventually(lambda: model.streams.open == 1)
            model.answer = "Fine."
            async with talking(served, "/ws") as other:
                async with asyncio.timeout(20):
                    while served.talk.gauges.sessions > 1:
                        credit = {"type": "credit", "turn": 1, "played": 2**40}
                        await slow.send(json.dumps(credit))
                        texts, _ = await other.ask("And you?")
                        assert texts[-1]["reason"] == "complete"
            slow.transport.abort()


def narrow_socket(port: int) -> Socket:
    """A connection through which little fits, so that a reader who stops is felt at once."""
    found = Socket()
    found.setsockopt(SOL_SOCKET, SO_RCVBUF, 4096)
    found.connect(("127.0.0.1", port))
    return found
