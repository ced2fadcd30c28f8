"""Answers in text only."""

import asyncio
from contextlib import aclosing

import pytest

from digital_human_runtime.errors import BadInput, Busy, Conflict, EngineFault, NotFound
from digital_human_runtime.frames import Message
from digital_human_runtime.session import ChatDone, Limits, MemoryStore, Talk
from tests.runtime.session.visitor import come_back, visit
from tests.runtime.support import ScriptedModel, ToneVoice, engines

pytestmark = pytest.mark.looptime

ANSWER = "This is an answer in text."


def a_talk(model: ScriptedModel | None = None, **limits: float) -> Talk:
    """Conversations in memory."""
    told = Limits(**limits)  # type: ignore[arg-type]
    return Talk(
        engines=engines(model or ScriptedModel(ANSWER)), store=MemoryStore(told), limits=told
    )


async def ask(
    talk: Talk, text: str, session: str | None = None, principal: str = "key:ada"
) -> tuple[str, str]:
    """Ask in text; the session and the answer."""
    pieces: list[str] = []
    async for part in talk.chat(principal, text, session):
        if isinstance(part, ChatDone):
            assert part.text == "".join(pieces)
            return part.session, part.text
        pieces.append(part)
    raise AssertionError("no end")


async def test_a_session_remembers() -> None:
    model, voice = ScriptedModel(ANSWER), ToneVoice()
    talk = Talk(engines=engines(model, voice), store=MemoryStore())
    session, text = await ask(talk, "Who are you?")
    assert text == ANSWER
    again, _ = await ask(talk, "Really?", session)
    assert again == session
    assert [message.content for message in model.asked[1][1:]] == [
        "Who are you?",
        ANSWER,
        "Really?",
    ]
    assert voice.spoken == []


async def test_without_a_session_nothing_is_remembered() -> None:
    model = ScriptedModel(ANSWER)
    talk = a_talk(model)
    one, _ = await ask(talk, "One?")
    other, _ = await ask(talk, "Two?")
    assert one != other
    assert len(model.asked[1]) == 2


@pytest.mark.parametrize("principal", ["key:eve", "anonymous"])
async def test_sessions_of_others_are_unknown(principal: str) -> None:
    talk = a_talk()
    session, _ = await ask(talk, "One?")
    for name in (session, "nobody", "", "a} b\n" * 99):
        with pytest.raises(NotFound, match="session is unknown"):
            await ask(talk, "Two?", name, principal)


async def test_empty_text_is_refused_before_anything() -> None:
    model = ScriptedModel(ANSWER)
    with pytest.raises(BadInput):
        await ask(a_talk(model), " ")
    assert model.asked == []


async def test_closing_it_cancels_the_answer_and_keeps_what_was_read() -> None:
    model = ScriptedModel("one two three four five", piece=4, piece_seconds=1.0)
    talk = a_talk(model)
    session, _ = await ask(talk, "Hello")
    async with aclosing(talk.chat("key:ada", "Count.", session)) as parts:
        assert [await anext(parts), await anext(parts)] == ["one ", "two "]
    assert model.streams.open == 0
    assert talk.gauges.turns == 0
    await ask(talk, "And?", session)
    assert model.asked[-1][-2:] == (Message("assistant", "one two"), Message("user", "And?"))


async def test_one_answer_at_a_time_in_a_session() -> None:
    talk = a_talk(ScriptedModel(ANSWER, first_seconds=20.0))
    visitor = await visit(talk, "key:ada")
    session = visitor.conversation.opened.session
    asking = asyncio.create_task(ask(talk, "One?", session))
    await asyncio.sleep(12)  # longer than a lock lives that nobody renews
    with pytest.raises(Conflict, match="Another turn of this session is running") as refused:
        await ask(talk, "Two?", session)
    assert refused.value.retry_after
    with pytest.raises(Conflict):
        await visitor.conversation.say("Three?")
    assert (await asking)[1] == ANSWER
    assert (await visitor.ask("Four?")).reason == "complete"
    await visitor.leave()
    assert talk.gauges.turns == 0


async def test_text_and_speech_share_a_history() -> None:
    model = ScriptedModel(ANSWER)
    talk = a_talk(model)
    visitor = await visit(talk, "key:ada")
    session = visitor.conversation.opened.session
    await visitor.ask("Spoken?")
    await ask(talk, "Written?", session)
    await visitor.leave()
    again = await come_back(talk, visitor, principal="key:ada")
    said = [message.content for message in again.conversation.opened.history]
    assert said == ["Spoken?", ANSWER, "Written?", ANSWER]
    await again.leave()


async def test_a_session_of_text_only_cannot_be_resumed_by_guessing() -> None:
    talk = a_talk()
    session, _ = await ask(talk, "One?")
    with pytest.raises(Exception, match="session or its token"):
        await talk.resume(session, "", "key:ada")


async def test_admission_comes_first() -> None:
    model = ScriptedModel(ANSWER, first_seconds=20.0)
    talk = a_talk(model, turns=1, queue=0)
    asking = asyncio.create_task(ask(talk, "One?"))
    await asyncio.sleep(1)
    with pytest.raises(Busy):
        await ask(talk, "Two?")
    assert len(model.asked) == 1
    asking.cancel()
    await asyncio.wait({asking})
    assert talk.gauges.turns == 0
    assert model.streams.open == 0


@pytest.mark.parametrize(
    ("model", "sentence"),
    [
        (ScriptedModel(ANSWER, fail_after=1, fault=EngineFault("It gave up.")), "It gave up"),
        (ScriptedModel(ANSWER, first_seconds=99), "nothing for 30 seconds"),
    ],
)
async def test_a_model_that_fails_says_so(model: ScriptedModel, sentence: str) -> None:
    talk = a_talk(model)
    with pytest.raises(EngineFault, match=sentence):
        await ask(talk, "One?")
    assert talk.gauges.turns == 0
    assert model.streams.open == 0


async def test_places_are_for_others_too() -> None:
    talk = a_talk(turns=1, queue=0)
    async with talk.place():
        with pytest.raises(Busy):
            await ask(talk, "One?")
    await ask(talk, "One?")
