"""A conversation: questions, barge-in, what is remembered of it, its idle end."""

import asyncio
import gc
from collections.abc import AsyncGenerator, AsyncIterator, Callable, Sequence

import pytest

from digital_human_runtime.errors import (
    BadInput,
    Busy,
    Conflict,
    NotAuthenticated,
    TooLarge,
    Unavailable,
)
from digital_human_runtime.frames import (
    FinishReason,
    Media,
    Message,
    Replaced,
    TurnEnded,
    TurnStarted,
)
from digital_human_runtime.interfaces import untold
from digital_human_runtime.pipeline import Engines
from digital_human_runtime.session import (
    Interrupted,
    Limits,
    MemoryStore,
    Persona,
    Talk,
)
from tests.runtime.pipeline.listener import Figures
from tests.runtime.session.visitor import RATE, Visitor, come_back, visit
from tests.runtime.support import EnergyFace, ScriptedModel, ToneVoice, engines

pytestmark = pytest.mark.looptime

ANSWER = "This is a rather long answer, and you may well want to stop me. It goes on and on."


def a_talk(
    parts: Engines | None = None,
    *,
    limits: Limits | None = None,
    persona: Persona | None = None,
    observer: Figures | None = None,
) -> Talk:
    """Conversations in memory."""
    limits = limits or Limits()
    return Talk(
        engines=parts or engines(ScriptedModel(ANSWER)),
        store=MemoryStore(limits),
        limits=limits,
        persona=persona,
        observer=observer,
    )


@pytest.fixture
async def talk() -> AsyncIterator[Talk]:
    """Conversations with small fakes."""
    found = a_talk()
    await found.start()
    yield found
    await found.close()


async def test_a_question_is_answered_and_remembered() -> None:
    model = ScriptedModel(ANSWER)
    talk = a_talk(engines(model))
    async with await visit(talk) as visitor:
        ended = await visitor.ask("  Who are you? ")
        assert (ended.reason, ended.heard) == ("complete", ANSWER)
        assert visitor.of(TurnStarted) == [TurnStarted(1, "Who are you?")]
        await visitor.ask("Really?")
    assert model.asked[1][1:] == (
        Message("user", "Who are you?"),
        Message("assistant", ANSWER),
        Message("user", "Really?"),
    )
    assert model.asked[1][0].role == "system"


async def test_turn_numbers_grow(talk: Talk) -> None:
    async with await visit(talk) as visitor:
        assert [(await visitor.ask("?")).turn for _ in range(3)] == [1, 2, 3]


@pytest.mark.parametrize(
    ("text", "error", "sentence"),
    [
        ("", BadInput, "text is empty"),
        (" \n", BadInput, "text is empty"),
        ("x" * 4001, TooLarge, "text has 4001 characters; at most 4000"),
    ],
)
async def test_questions_that_are_refused(
    talk: Talk, text: str, error: type[Exception], sentence: str
) -> None:
    async with await visit(talk) as visitor:
        with pytest.raises(error, match=sentence):
            await visitor.conversation.say(text)
        assert (await visitor.ask("Hello")).reason == "complete"


async def test_barge_in_cuts_the_history_to_what_was_heard() -> None:
    model = ScriptedModel(ANSWER)
    talk = a_talk(engines(model))
    async with await visit(talk) as visitor:
        turn = await visitor.conversation.say("Tell me.")
        await asyncio.sleep(1.05)
        await visitor.conversation.interrupt(turn, 21 * 800)
        ended = await visitor.until_ended(turn, seconds=1)
        assert (ended.reason, ended.heard) == ("interrupted", "This is a rather long")
        await asyncio.sleep(5)
        assert visitor.events[-1] == ended  # nothing of it comes after its end
        await visitor.ask("And?")
    assert model.asked[1][2] == Message("assistant", "This is a rather long")


async def test_interrupt_then_speak() -> None:
    talk = a_talk()
    async with await visit(talk) as visitor:
        for _ in range(5):
            turn = await visitor.conversation.say("Tell me.")
            await asyncio.sleep(0.7)
            await visitor.conversation.interrupt(turn, visitor.played.get(turn, 0))
        ended = await visitor.ask("Now say it all.")
        assert ended.reason == "complete"
        media = [event for event in visitor.of(Media) if event.turn == ended.turn]
        assert media[0].first_sample == 0
        assert sum(len(event.samples) for event in media) == ended.samples
        assert max(float(event.weights.max()) for event in media if len(event.weights)) > 0.3


async def test_a_question_interrupts_the_running_turn() -> None:
    model = ScriptedModel(ANSWER)
    talk = a_talk(engines(model))
    async with await visit(talk) as visitor:
        first = await visitor.conversation.say("Tell me.")
        await asyncio.sleep(1.01)
        second = await visitor.conversation.say("Wait!")
        ended = await visitor.until_ended(first, seconds=0)
        assert ended.reason == "interrupted"
        assert ended.heard == "This is a rather"
        assert (await visitor.until_ended(second)).reason == "complete"
        later = visitor.events[visitor.events.index(ended) :]
        assert all(getattr(event, "turn", 2) == second for event in later[1:])
    assert model.streams.open == 0


async def test_a_question_right_after_a_question(talk: Talk) -> None:
    async with await visit(talk) as visitor:
        first = await visitor.conversation.say("One?")
        second = await visitor.conversation.say("Two?")
        assert (await visitor.until_ended(second)).reason == "complete"
        about_first = [e for e in visitor.events if getattr(e, "turn", 0) == first]
        assert [type(event) for event in about_first] == [TurnStarted, TurnEnded]


async def test_an_interrupt_and_a_question_at_the_same_time(talk: Talk) -> None:
    async with await visit(talk) as visitor:
        first = await visitor.conversation.say("One?")
        await asyncio.sleep(1.01)
        _, second = await asyncio.gather(
            visitor.conversation.interrupt(first, RATE), visitor.conversation.say("Two?")
        )
        assert (await visitor.until_ended(second)).reason == "complete"
    again = await come_back(talk, visitor)
    async with again:
        assert again.conversation.opened.history[1].content == "This is a rather"


async def test_stale_turns_are_ignored(talk: Talk) -> None:
    async with await visit(talk) as visitor:
        first = await visitor.ask("One?")
        turn = await visitor.conversation.say("Two?")
        await visitor.conversation.interrupt(first.turn, 5)
        await visitor.conversation.interrupt(99, 5)
        visitor.conversation.credit(first.turn, 10**9)
        await visitor.conversation.finished(99, 1)
        assert (await visitor.until_ended(turn)).reason == "complete"


async def test_barge_in_after_all_was_sent_but_not_heard() -> None:
    model = ScriptedModel("A short one, that fits.")
    talk = a_talk(engines(model))
    async with await visit(talk, hears=0) as visitor:
        turn = await visitor.conversation.say("Tell me.")
        first = await visitor.until_ended(turn)
        assert first.reason == "complete"
        await visitor.conversation.interrupt(turn, 8 * 800)
        second = await visitor.until(TurnEnded, lambda e: e.reason == "interrupted")
        assert second.heard == "A short"
        await visitor.conversation.interrupt(turn, 9 * 800)
        await visitor.ask("And?")
    assert len(visitor.of(TurnEnded)) == 3
    assert model.asked[1][2] == Message("assistant", "A short")


async def test_a_visitor_who_never_tells_is_taken_to_have_heard_what_was_sent() -> None:
    model = ScriptedModel("A short one.")
    talk = a_talk(engines(model))
    async with await visit(talk, hears=0) as visitor:
        await visitor.until_ended(await visitor.conversation.say("One?"))
        await visitor.until_ended(await visitor.conversation.say("Two?"))
    assert model.asked[1][2] == Message("assistant", "A short one.")
    assert [event.reason for event in visitor.of(TurnEnded)[:2]] == ["complete"] * 2


async def test_a_turn_that_is_never_reported_as_finished_is_written_down(talk: Talk) -> None:
    async with await visit(talk) as visitor:
        await visitor.until_ended(await visitor.conversation.say("One?"))
        await asyncio.sleep(20)
        async for _ in talk.chat("anonymous", "Two?", visitor.conversation.opened.session):
            pass


async def test_a_failed_turn_leaves_the_conversation_usable() -> None:
    model = ScriptedModel(ANSWER, fail_after=0, fault=Busy("Full."))
    talk = a_talk(engines(model))
    async with await visit(talk) as visitor:
        ended = await visitor.ask("One?")
        assert (ended.reason, ended.code, ended.retry_after) == ("failed", "busy", 1.0)
        model.fail_after = None
        assert (await visitor.ask("Two?")).reason == "complete"
    assert [message.content for message in model.asked[1][1:]] == ["Two?"]


async def test_the_greeting_is_spoken_but_not_asked_for() -> None:
    model = ScriptedModel(ANSWER)
    talk = a_talk(engines(model), persona=Persona(greeting="Welcome, my dear friend."))
    async with await visit(talk) as visitor:
        ended = await visitor.until_ended(1)
        assert (ended.heard, ended.finish) == ("Welcome, my dear friend.", "stop")
        assert visitor.events[0] == TurnStarted(1, "")
        assert model.asked == []
        await asyncio.sleep(3)
        await visitor.ask("Hello")
        assert model.asked[0][1] == Message("assistant", "Welcome, my dear friend.")
    again = await come_back(talk, visitor)
    async with again:
        await asyncio.sleep(10)
        assert again.events == []  # it is not greeted again


async def test_a_greeting_waits_for_the_first_gesture() -> None:
    talk = a_talk(persona=Persona(greeting="Welcome. " * 40), limits=Limits(idle_seconds=9e9))
    async with await visit(talk, hears=0) as visitor:
        await asyncio.sleep(3600)
        assert visitor.of(TurnEnded) == []
        assert talk.gauges.turns == 0
        turn = await visitor.conversation.say("Hello")
        assert (await visitor.until_ended(1)).reason == "interrupted"
        assert (await visitor.until(TurnStarted, lambda e: e.turn == turn)).question == "Hello"


async def test_a_greeting_is_no_measure_of_answers() -> None:
    figures = Figures()
    talk = a_talk(persona=Persona(greeting="Welcome, my dear friend."), observer=figures)
    async with await visit(talk) as visitor:
        await visitor.until_ended(1)
    (turn,) = figures.turns
    assert (turn.first_token, turn.first_clause, turn.first_audio, turn.first_frame) == (None,) * 4
    assert turn.audio_seconds > 1


class Clinging(ScriptedModel):
    """A model that does not let go of a cancelled answer for a long time."""

    async def stream(
        self,
        messages: Sequence[Message],
        *,
        max_tokens: int,
        temperature: float,
        finished: Callable[[FinishReason], None] = untold,
    ) -> AsyncGenerator[str]:
        """Yield a word, then cling."""
        try:
            yield "Well, "
            await asyncio.sleep(9)
        finally:
            await asyncio.sleep(30)


async def test_an_engine_that_clings_holds_neither_the_visitor_nor_the_place() -> None:
    talk = a_talk(engines(Clinging()))
    async with await visit(talk) as visitor:
        turn = await visitor.conversation.say("One?")
        await asyncio.sleep(1)
        began = asyncio.get_running_loop().time()
        stopping = asyncio.create_task(visitor.conversation.interrupt(turn, 0))
        await visitor.until_ended(turn, seconds=0.1)  # the listener is told at once
        await stopping
        assert asyncio.get_running_loop().time() - began < 3
        assert talk.gauges.turns == 0
        await visitor.conversation.say("Two?")
    assert talk.gauges.turns == 0
    await asyncio.sleep(60)
    assert len(asyncio.all_tasks()) == 1


async def test_two_at_once_hear_their_own_answers_only() -> None:
    def answer(messages: object) -> str:
        who = list(messages)[-1].content  # type: ignore[call-overload]
        return f"You are {who}, I know that well. Your name is {who}, and {who} it stays."

    model = ScriptedModel(answer, piece_seconds=0.01)
    voice = ToneVoice(wait_seconds=0.01)
    talk = a_talk(engines(model, voice))
    names = ["Ada", "Grace", "Edsger", "Barbara", "Alan"]
    visitors = [await visit(talk, f"key:{name}") for name in names]
    ends = await asyncio.gather(
        *(visitor.ask(name) for visitor, name in zip(visitors, names, strict=True))
    )
    for visitor, name, ended in zip(visitors, names, ends, strict=True):
        others = set(names) - {name}
        assert ended.heard == answer([Message("user", name)])
        assert not any(other in visitor.text(ended.turn) for other in others)
        spoken = [voice.sound(text)[0] for text in voice.spoken if name in text]
        assert ended.samples == sum(map(len, spoken)) + RATE // 5
        await visitor.leave()


async def test_an_interrupt_of_one_leaves_the_other_alone(talk: Talk) -> None:
    one, other = await visit(talk), await visit(talk)
    turns = [await visitor.conversation.say("Go on.") for visitor in (one, other)]
    await asyncio.sleep(0.5)
    await one.conversation.interrupt(turns[0], 0)
    assert (await one.until_ended(turns[0])).reason == "interrupted"
    assert (await other.until_ended(turns[1])).heard == ANSWER
    await one.leave()
    await other.leave()


async def test_a_slow_reader_does_not_make_the_process_grow() -> None:
    voice = ToneVoice()
    talk = a_talk(engines(ScriptedModel("A sentence that is long enough. " * 100), voice))
    conversation = await talk.open((await talk.ticket("anonymous")).ticket)
    await conversation.say("Go on.")
    await asyncio.sleep(50)
    assert len(voice.spoken) < 8
    await conversation.close(forget=True)
    assert talk.gauges.turns == 0


async def test_a_connection_that_takes_nothing_gives_its_place_back() -> None:
    talk = a_talk(engines(ScriptedModel("A sentence of it. " * 100, piece=500)))
    conversation = await talk.open((await talk.ticket("anonymous")).ticket)
    turn = await conversation.say("Go on.")
    for _ in range(600):  # it claims to hear, but reads nothing
        conversation.credit(turn, 10**9)
        await asyncio.sleep(0.1)
    assert talk.gauges.turns == 1
    await asyncio.sleep(60)
    assert talk.gauges.turns == 0
    await conversation.close(forget=True)


async def test_an_idle_conversation_ends() -> None:
    talk = a_talk(limits=Limits(idle_seconds=60))
    async with await visit(talk) as visitor:
        await asyncio.sleep(50)
        await visitor.ask("Still there?")
        await asyncio.sleep(59)
        assert visitor.conversation.ended is None
        await visitor.over(seconds=5)
        assert visitor.conversation.ended == "idle"
        with pytest.raises(Conflict):
            await visitor.conversation.say("Hello?")


async def test_playback_is_activity() -> None:
    talk = a_talk(
        engines(ScriptedModel("A sentence that is long. " * 40)), limits=Limits(idle_seconds=5)
    )
    async with await visit(talk) as visitor:
        ended = await visitor.ask("Go on.")
        assert ended.samples > 20 * RATE
        assert visitor.conversation.ended is None


@pytest.mark.parametrize("when", [0.0, 0.01, 0.5, 1.0, 3.0])
async def test_a_lost_connection_offers_the_turn(talk: Talk, when: float) -> None:
    visitor = await visit(talk)
    turn = await visitor.conversation.say("Tell me.")
    await asyncio.sleep(when)
    played = visitor.played.get(turn, 0)
    await visitor.leave()
    again = await come_back(talk, visitor)
    async with again:
        assert again.conversation.opened.interrupted == Interrupted("Tell me.", played)
        assert again.conversation.opened.history[0] == Message("user", "Tell me.")
        await asyncio.sleep(5)
        assert again.events == []  # offered, never replayed by itself
        assert (await again.ask("Tell me.")).turn > turn
    third = await come_back(talk, again)
    assert third.conversation.opened.interrupted is None
    await third.leave()


async def test_what_was_sent_but_never_heard_is_offered() -> None:
    talk = a_talk(engines(ScriptedModel("Yes.")))
    visitor = await visit(talk, hears=0)
    await visitor.until_ended(await visitor.conversation.say("Really?"))
    await visitor.leave()
    again = await come_back(talk, visitor)
    assert again.conversation.opened.interrupted == Interrupted("Really?", 0)
    assert again.conversation.opened.history == (Message("user", "Really?"),)
    await again.leave()


async def test_what_was_heard_to_the_end_is_not_offered() -> None:
    talk = a_talk(engines(ScriptedModel("Yes.")))
    visitor = await visit(talk)
    turn = await visitor.conversation.say("Really?")
    await visitor.until_ended(turn)
    await asyncio.sleep(1)
    await visitor.leave()  # before it said that it had finished
    again = await come_back(talk, visitor)
    assert again.conversation.opened.interrupted is None
    assert again.conversation.opened.history[1] == Message("assistant", "Yes.")
    await again.leave()


async def test_a_finished_turn_is_not_offered(talk: Talk) -> None:
    visitor = await visit(talk)
    await visitor.ask("Tell me.")
    await visitor.leave()
    again = await come_back(talk, visitor)
    opened = again.conversation.opened
    assert opened.interrupted is None
    assert [message.content for message in opened.history] == ["Tell me.", ANSWER]
    assert (opened.store, opened.resumable) == ("memory", False)
    assert "only it can resume" in opened.reason
    await again.leave()


async def test_the_newest_connection_wins(talk: Talk) -> None:
    old = await visit(talk)
    await old.conversation.say("Tell me.")
    await asyncio.sleep(1.01)
    new = await come_back(talk, old)
    await old.over(seconds=1)
    assert isinstance(old.events[-1], Replaced)
    assert old.conversation.ended == "replaced"
    assert new.conversation.opened.history[1] == Message("assistant", "This is a rather")
    assert new.conversation.opened.interrupted == Interrupted("Tell me.", RATE)
    with pytest.raises(Conflict):
        await old.conversation.say("Me?")
    await old.leave(forget=True)  # its farewell does not end what is another's now
    assert (await new.ask("And?")).reason == "complete"
    assert talk.gauges.sessions == 1
    await new.leave()
    assert talk.gauges.sessions == 0


async def test_tokens_are_used_once_and_only_by_their_owner(talk: Talk) -> None:
    first = await visit(talk, "key:ada")
    await first.leave()
    opened = first.conversation.opened
    for token, principal in [(opened.token, "key:eve"), ("x" * 43, "key:ada"), ("", None)]:
        with pytest.raises(NotAuthenticated):
            await talk.resume(opened.session, token, principal)
    with pytest.raises(NotAuthenticated):
        await talk.resume("nobody", opened.token, "key:ada")
    with pytest.raises(NotAuthenticated):
        await talk.resume("a} b\n" * 99, opened.token, "key:ada")
    second = await come_back(talk, first, principal="key:ada")
    assert second.conversation.opened.token != opened.token
    with pytest.raises(NotAuthenticated):
        await talk.resume(opened.session, opened.token, "key:ada")
    assert second.conversation.ended is None  # a wrong token disturbs nobody
    third = await come_back(talk, second, principal=None)
    assert talk.gauges.sessions == 2
    await second.leave()
    await third.leave()
    assert talk.gauges.sessions == 0


async def test_tickets(talk: Talk) -> None:
    ticket = await talk.ticket("key:ada")
    assert (ticket.expires_seconds, len(ticket.ticket)) == (60.0, 43)
    conversation = await talk.open(ticket.ticket)
    assert conversation.opened.session == ticket.session
    for wrong in (ticket.ticket, "", "guess"):
        with pytest.raises(NotAuthenticated, match="unknown, used or expired"):
            await talk.open(wrong)
    stolen = await talk.ticket("key:ada")
    with pytest.raises(NotAuthenticated):
        await talk.open(stolen.ticket, "key:eve")
    with pytest.raises(NotAuthenticated):  # it is used up: somebody has it who should not
        await talk.open(stolen.ticket, "key:ada")
    late = await talk.ticket("key:ada")
    await asyncio.sleep(60.1)
    with pytest.raises(NotAuthenticated):
        await talk.open(late.ticket)
    assert talk.gauges.sessions == 1
    await conversation.close(forget=True)


async def test_goodbye_forgets(talk: Talk) -> None:
    visitor = await visit(talk)
    await visitor.ask("Tell me.")
    await visitor.leave(forget=True)
    await visitor.conversation.close(forget=True)
    with pytest.raises(NotAuthenticated):
        await come_back(talk, visitor)
    assert talk.gauges.sessions == 0


async def test_sessions_are_limited() -> None:
    figures = Figures()
    talk = a_talk(limits=Limits(sessions=2), observer=figures)
    early = await talk.ticket("anonymous")
    visitors = [await visit(talk), await visit(talk)]
    for attempt in (talk.ticket("anonymous"), talk.open(early.ticket)):
        with pytest.raises(Busy, match="All 2 sessions are taken") as refused:
            await attempt
        assert refused.value.retry_after
    assert figures.refusals == ["busy", "busy"]
    again = await come_back(talk, visitors[0])  # who is here already has a place
    await visitors[0].leave()
    await visitors[1].leave()
    late = Visitor(await talk.open(early.ticket))  # the ticket was not used up by the refusal
    assert talk.gauges.sessions == 2
    await again.leave()
    await late.leave()


async def test_turns_are_limited_and_wait_in_order() -> None:
    model = ScriptedModel(ANSWER, piece_seconds=0.2)
    talk = a_talk(engines(model), limits=Limits(turns=1, queue=1, queue_seconds=30))
    one, two, three = [await visit(talk) for _ in range(3)]
    first = await one.conversation.say("One?")
    waiting = asyncio.create_task(two.conversation.say("Two?"))
    await asyncio.sleep(1)
    assert (talk.gauges.turns, talk.gauges.queued) == (1, 1)
    with pytest.raises(Busy, match="All 1 places for answers are taken"):
        await three.conversation.say("Three?")
    assert len(model.asked) == 1  # the model was not touched
    await one.conversation.interrupt(first, 0)
    assert await waiting == 1
    await two.until_ended(1)
    assert (talk.gauges.turns, talk.gauges.queued) == (0, 0)
    for visitor in (one, two, three):
        await visitor.leave()


async def test_waiting_for_a_place_has_an_end() -> None:
    figures = Figures()
    talk = a_talk(
        engines(ScriptedModel(ANSWER, first_seconds=25.0)),
        limits=Limits(turns=1, queue_seconds=5),
        observer=figures,
    )
    one, two = await visit(talk), await visit(talk)
    await one.conversation.say("One?")
    began = asyncio.get_running_loop().time()
    with pytest.raises(Busy):
        await two.conversation.say("Two?")
    assert asyncio.get_running_loop().time() - began == pytest.approx(5.0)
    assert figures.refusals == ["busy"]
    assert talk.gauges.queued == 0
    await one.leave()
    assert (await two.ask("Two?", seconds=60)).reason == "complete"
    await two.leave()
    assert talk.gauges.turns == 0


async def test_leaving_while_waiting_gives_nothing_away() -> None:
    talk = a_talk(engines(ScriptedModel(ANSWER, first_seconds=9.0)), limits=Limits(turns=1))
    one, two = await visit(talk), await visit(talk)
    await one.conversation.say("One?")
    waiting = asyncio.create_task(two.conversation.say("Two?"))
    await asyncio.sleep(1)
    waiting.cancel()
    await asyncio.sleep(0)
    await two.leave()
    await one.leave()
    assert (talk.gauges.turns, talk.gauges.queued, talk.gauges.sessions) == (0, 0, 0)


async def test_a_conversation_that_ended_while_it_waited_begins_nothing() -> None:
    model = ScriptedModel(ANSWER, first_seconds=3.0)
    talk = a_talk(engines(model), limits=Limits(turns=1))
    one, two = await visit(talk), await visit(talk)
    await one.conversation.say("One?")
    waiting = asyncio.create_task(two.conversation.say("Two?"))
    await asyncio.sleep(1)
    await two.leave()
    await one.leave()
    with pytest.raises(Conflict):
        await waiting
    assert len(model.asked) == 1
    assert talk.gauges.turns == 0


async def test_the_figures_of_turns_are_told() -> None:
    figures = Figures()
    talk = a_talk(observer=figures)
    async with await visit(talk) as visitor:
        await visitor.ask("One?")
        turn = await visitor.conversation.say("Two?")
        await asyncio.sleep(0.5)
        await visitor.conversation.interrupt(turn, 0)
    assert [turn.reason for turn in figures.turns] == ["complete", "interrupted"]
    assert all(turn.skew_samples == 0 for turn in figures.turns)
    assert figures.turns[0].first_audio is not None


async def test_nothing_is_left_behind() -> None:
    model, voice, face = ScriptedModel(ANSWER), ToneVoice(), EnergyFace()
    talk = a_talk(engines(model, voice, face))
    before = asyncio.all_tasks()
    for when in (0.0, 0.3, 1.0, 9.0):
        visitor = await visit(talk)
        await visitor.conversation.say("Tell me.")
        await asyncio.sleep(when)
        await visitor.leave()
        await asyncio.sleep(0)
        assert asyncio.all_tasks() == before
    assert model.streams.open == voice.streams.open == face.streams.open == 0


async def test_a_new_process_greets_nobody_who_drains() -> None:
    talk = a_talk()
    await talk.drain(5)
    with pytest.raises(Unavailable):
        await talk.ticket("anonymous")
    assert talk.draining


async def test_a_failing_face_is_replaced_in_the_middle_of_a_turn() -> None:
    first, second = EnergyFace(fail_at=RATE, mark=0.2), EnergyFace(mark=0.8)
    talk = a_talk(engines(ScriptedModel(ANSWER), face=first, fallback=second))
    async with await visit(talk) as visitor:
        assert (await visitor.ask("Go on.")).heard == ANSWER
    gc.collect()
    assert second.streams.ever == 1
