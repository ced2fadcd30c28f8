"""The voice stage: words on display, deadlines, closed generators."""

import asyncio
from contextlib import aclosing

import pytest

from digital_human_runtime.errors import EngineFault
from digital_human_runtime.frames import Word
from digital_human_runtime.stages import Clause, Sound, VoiceStage
from tests.runtime.support import ToneVoice

pytestmark = pytest.mark.looptime


def a_clause(text: str, start: int = 0, *, silent: bool = False) -> Clause:
    """A clause at some place of an answer."""
    return Clause(start, start + len(text), text, silent)


async def sounds(voice: ToneVoice, clause: Clause, name: str = "") -> list[Sound]:
    """All sound of a clause."""
    stage = VoiceStage(voice, name=name, piece_seconds=1.0)
    return [sound async for sound in stage.speak(clause)]


async def test_words_stand_on_display() -> None:
    answer = "Well. **Bold [words](https://x.y)** here."
    found = await sounds(ToneVoice(), a_clause(answer[6:], 6))
    words = [word for sound in found for word in sound.words]
    assert [answer[word.start : word.end] for word in words] == ["Bold", "words", "here."]
    assert words[0] == Word(8, 12, 0, 3200)


async def test_the_spoken_text_holds_no_markdown() -> None:
    voice = ToneVoice()
    await sounds(voice, a_clause("**Bold** words 😀"))
    assert voice.spoken == ["Bold words"]


@pytest.mark.parametrize("clause", [a_clause("😀 ..."), a_clause("x = 1", silent=True)])
async def test_what_does_not_sound_is_not_given_to_the_voice(clause: Clause) -> None:
    voice = ToneVoice()
    assert await sounds(voice, clause) == []
    assert voice.spoken == []


async def test_a_voice_that_hangs_is_a_fault() -> None:
    voice = ToneVoice(wait_seconds=2.0)
    with pytest.raises(EngineFault, match="gave no sound for 1 seconds"):
        await sounds(voice, a_clause("Hello"))
    assert voice.streams.open == 0


async def test_a_cancelled_clause_closes_the_voice() -> None:
    voice = ToneVoice(wait_seconds=0.5)
    task = asyncio.create_task(sounds(voice, a_clause("Hello there")))
    await asyncio.sleep(0.7)
    assert voice.streams.open == 1
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task
    assert voice.streams.open == 0


async def test_a_consumer_that_stops_closes_the_voice() -> None:
    voice = ToneVoice()
    stage = VoiceStage(voice, name="tone", piece_seconds=1.0)
    async with aclosing(stage.speak(a_clause("Hello there"))) as pieces:
        await anext(pieces)
        assert voice.streams.open == 1
    assert voice.streams.open == 0
