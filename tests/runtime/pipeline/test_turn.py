"""One turn: what comes, in which order, and that sound and faces have neither gap nor overlap."""

import asyncio
import math
import random

import numpy as np
import pytest

from digital_human_runtime.frames import (
    SHAPE_INDEX,
    Caption,
    FinishReason,
    Media,
    TextDelta,
    TurnEnded,
    TurnStarted,
    frame_sample,
)
from digital_human_runtime.pipeline import Limits
from digital_human_runtime.pipeline.turn import REST_SECONDS
from tests.runtime.pipeline.listener import Figures, Listener, a_turn
from tests.runtime.support import EnergyFace, ScriptedModel, ToneVoice, engines

pytestmark = pytest.mark.looptime

ANSWER = (
    "Hello there, my good friend, how are you on this day? I am **very** well, thank you. "
    "The price is 3.14 dollars! See [this](https://example.com)."
)
JAW = SHAPE_INDEX["jawOpen"]


async def heard(listener: Listener, **parts: object) -> TurnEnded:
    """Run a turn to its end."""
    turn = a_turn(engines(**parts), listener)  # type: ignore[arg-type]
    return await turn.run()


async def test_the_answer_is_written_spoken_and_ended() -> None:
    listener = Listener()
    ended = await heard(listener, model=ScriptedModel(ANSWER))
    assert listener.events[0] == TurnStarted(1, "How are you?")
    assert listener.ended == ended
    assert (ended.reason, ended.heard) == ("complete", ANSWER)
    assert listener.text == ANSWER
    assert ended.samples == len(listener.samples)


async def test_the_sound_is_that_of_the_voice_and_a_short_silence() -> None:
    voice = ToneVoice()
    listener = Listener()
    await heard(listener, model=ScriptedModel(ANSWER), voice=voice)
    expected = np.concatenate([voice.sound(text)[0] for text in voice.spoken])
    tail = int(REST_SECONDS * voice.sample_rate)
    assert np.array_equal(listener.samples[:-tail], expected)
    assert not listener.samples[-tail:].any()
    assert voice.spoken == [
        "Hello there, my good friend,",
        "how are you on this day?",
        "I am very well, thank you.",
        "The price is 3.14 dollars!",
        "See this.",
    ]


@pytest.mark.parametrize(("rate", "fps"), [(16_000, 30), (22_050, 60), (22_050, 30), (24_000, 25)])
@pytest.mark.parametrize("piece", [0.1, 0.0331, 3.0])
@pytest.mark.parametrize("ahead", [0.0, 0.1, 0.5])
async def test_frames_follow_the_sound(rate: int, fps: int, piece: float, ahead: float) -> None:
    listener = Listener()
    voice = ToneVoice(sample_rate=rate, piece_seconds=piece)
    face = EnergyFace(fps=fps, ahead_seconds=ahead)
    await heard(listener, model=ScriptedModel(ANSWER), voice=voice, face=face)
    weights = listener.weights
    assert len(weights) == math.ceil(len(listener.samples) * fps / rate)
    for media in listener.media:
        last = media.first_sample + len(media.samples)
        assert frame_sample(media.first_frame + len(media.weights), rate, fps) >= last
    assert weights[:, JAW].max() > 0.3
    assert not weights[-1].any()


@pytest.mark.parametrize("rate", [16_000, 22_050])
async def test_exactly_five_seconds(rate: int) -> None:
    listener = Listener()
    voice = ToneVoice(sample_rate=rate, exact_samples=5 * rate)
    ended = await heard(listener, model=ScriptedModel("Five seconds."), voice=voice)
    assert ended.samples == 5 * rate + int(REST_SECONDS * rate)
    assert len(listener.weights) == math.ceil(ended.samples * 30 / rate)


async def test_captions_come_before_their_media_and_know_their_words() -> None:
    listener = Listener()
    await heard(listener, model=ScriptedModel(ANSWER))
    at = 0
    for event in listener.events:
        if isinstance(event, Media):
            at = event.first_sample + len(event.samples)
        if isinstance(event, Caption) and event.first_sample not in {
            e.first_sample
            for e in listener.events[: listener.events.index(event)]
            if isinstance(e, Caption)
        }:
            assert event.first_sample >= at
    captions = listener.captions
    assert [c.text for c in captions] == [
        "Hello there, my good friend,",
        "how are you on this day?",
        "I am **very** well, thank you.",
        "The price is 3.14 dollars!",
        "See [this](https://example.com).",
    ]
    very = captions[2].words[2]
    assert captions[2].text[very.start : very.end] == "very"
    assert [c.last_sample for c in captions[:-1]] == [c.first_sample for c in captions[1:]]
    for caption in captions:
        assert caption.words[0].first_sample == caption.first_sample
        assert caption.words[-1].last_sample <= caption.last_sample


async def test_a_voice_without_word_times_has_captions_too() -> None:
    listener = Listener()
    await heard(listener, voice=ToneVoice(tell_words=False))
    assert [c.words for c in listener.captions] == [(), ()]


async def test_speech_begins_while_the_model_still_writes() -> None:
    listener, figures = Listener(), Figures()
    model = ScriptedModel(ANSWER, piece=4, first_seconds=0.5, piece_seconds=0.1)
    await a_turn(engines(model), listener, observer=figures).run()
    first_sound = next(i for i, e in enumerate(listener.events) if isinstance(e, Media))
    last_text = max(i for i, e in enumerate(listener.events) if isinstance(e, TextDelta))
    assert first_sound < last_text
    (turn,) = figures.turns
    assert turn.first_token == pytest.approx(0.5)
    assert turn.first_clause == pytest.approx(0.5 + 7 * 0.1, abs=0.11)
    assert turn.first_audio is not None
    assert turn.first_clause is not None
    assert turn.first_audio - turn.first_clause < 0.01
    assert turn.first_frame == turn.first_audio
    assert turn.audio_seconds == pytest.approx(len(listener.samples) / 16_000)
    assert (turn.skew_samples, turn.reason, turn.code) == (0, "complete", None)


async def test_the_first_media_leaves_with_the_first_piece_of_sound() -> None:
    listener = Listener()
    voice = ToneVoice(piece_seconds=0.1, wait_seconds=0.4)
    face = EnergyFace(ahead_seconds=0.0)
    figures = Figures()
    await a_turn(engines(voice=voice, face=face), listener, observer=figures).run()
    assert figures.turns[0].first_audio == pytest.approx(0.4, abs=0.01)
    assert len(listener.media[0].samples) == 1600


async def test_pieces_grow_when_the_listener_has_enough() -> None:
    listener = Listener(hears=False)
    turn = a_turn(engines(ScriptedModel(ANSWER * 3)), listener)

    task = asyncio.create_task(turn.run())
    await listener.play(16_000, seconds=6.0)
    task.cancel()
    sizes = [len(media.samples) for media in listener.media]
    assert max(sizes[:5]) == 1600
    assert max(sizes) > 1600


async def test_the_end_of_a_clause_is_not_kept_back_by_the_next_one() -> None:
    listener, figures = Listener(), Figures()
    model = ScriptedModel("Let me think about that for a moment. Done now.", piece=38)
    model.piece_seconds = 5.0
    turn = a_turn(engines(model, face=EnergyFace(ahead_seconds=0.4)), listener, observer=figures)
    loop = asyncio.get_running_loop()
    began = loop.time()
    sent: dict[int, float] = {}

    async def put(event: object) -> None:
        await listener.put(event)  # type: ignore[arg-type]
        if isinstance(event, Media):
            sent[event.first_sample + len(event.samples)] = loop.time() - began

    turn._put = put
    await turn.run()
    clause = listener.captions[0]
    assert min(at for end, at in sent.items() if end >= clause.last_sample) < 2.0
    assert listener.captions[1].first_sample - clause.last_sample <= 0.6 * 16_000
    assert len(listener.weights) == math.ceil(len(listener.samples) * 30 / 16_000)


async def test_a_slow_voice_is_not_interrupted_by_pauses() -> None:
    voice = ToneVoice(wait_seconds=0.3)
    listener = Listener()
    await heard(listener, model=ScriptedModel("Hello my dear friend, hello."), voice=voice)
    expected = np.concatenate([voice.sound(text)[0] for text in voice.spoken])
    assert np.array_equal(listener.samples[: len(expected)], expected)


async def test_an_answer_without_a_sound_ends_well() -> None:
    for answer in ("", "...", "😀", "```\ncode\n```"):
        listener = Listener()
        ended = await heard(listener, model=ScriptedModel(answer))
        assert (ended.reason, ended.samples, ended.heard) == ("complete", 0, answer)
        assert listener.media == []


async def test_an_endless_answer_is_cut() -> None:
    listener = Listener()
    model = ScriptedModel("All work and no play. " * 200)
    turn = a_turn(engines(model), listener, limits=Limits(answer_characters=500))
    ended = await turn.run()
    assert len(listener.text) == 500
    assert (ended.reason, ended.finish) == ("complete", "length")
    assert model.streams.open == 0


@pytest.mark.parametrize("reason", ["stop", "length", "content_filter"])
async def test_the_end_says_why_the_model_wrote_no_more(reason: FinishReason) -> None:
    ended = await heard(Listener(), model=ScriptedModel(ANSWER, finish=reason))
    assert (ended.reason, ended.finish) == ("complete", reason)


async def test_a_turn_that_was_stopped_says_nothing_of_an_end_that_nobody_heard() -> None:
    turn = a_turn(engines(ScriptedModel(ANSWER, finish="length")), Listener())
    await turn.run()
    assert (turn.interrupt().reason, turn.interrupt().finish) == ("interrupted", "stop")


async def test_a_silent_model_does_not_hold_back_what_it_wrote() -> None:
    listener, figures = Listener(), Figures()
    model = ScriptedModel("I am thinking about this one very hard indeed", piece=30)
    model.piece_seconds = 3.0
    await a_turn(engines(model), listener, observer=figures).run()
    assert figures.turns[0].first_audio == pytest.approx(0.3, abs=0.05)


@pytest.mark.parametrize("seed", range(5))
async def test_odd_pieces_of_text_and_sound(seed: int) -> None:
    draw = random.Random(seed)
    listener = Listener()
    voice = ToneVoice(sample_rate=22_050, piece_seconds=draw.uniform(0.003, 0.7))
    model = ScriptedModel(ANSWER, piece=draw.randint(1, 9), piece_seconds=draw.uniform(0, 0.2))
    face = EnergyFace(fps=60, ahead_seconds=draw.uniform(0, 0.3), wait_seconds=0.001)
    ended = await heard(listener, model=model, voice=voice, face=face)
    assert ended.heard == ANSWER
    assert len(listener.weights) == math.ceil(len(listener.samples) * 60 / 22_050)
