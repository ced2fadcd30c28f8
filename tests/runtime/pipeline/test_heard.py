"""What of an answer was heard, to the word."""

import asyncio

import pytest

from digital_human_runtime.pipeline import Limits
from tests.runtime.pipeline.listener import Listener, a_turn
from tests.runtime.support import ScriptedModel, ToneVoice, engines

pytestmark = pytest.mark.looptime

ANSWER = "Here is the **very first** sentence of it. And [this](https://x.y) is 1 more. 😀"
LETTER = 800
FIRST = len("Here is the very first sentence of it.") * LETTER
"""Samples of the first clause."""


async def heard_after(played: int, *, tell_words: bool = True, answer: str = ANSWER) -> str:
    """What was heard of an answer of which all was sent."""
    listener = Listener(hears=False)
    voice = ToneVoice(tell_words=tell_words)
    limits = Limits(window_seconds=60)
    turn = a_turn(engines(ScriptedModel(answer), voice), listener, limits=limits)
    await turn.run()
    turn.credit(played)
    ended = turn.interrupt()
    assert ended.reason == "interrupted"
    return ended.heard


@pytest.mark.parametrize(
    ("played", "heard"),
    [
        (0, ""),
        (4 * LETTER - 1, ""),
        (4 * LETTER, "Here"),
        (7 * LETTER, "Here is"),
        (16 * LETTER - 1, "Here is the"),
        (16 * LETTER, "Here is the **very"),
        (22 * LETTER, "Here is the **very first"),
        (FIRST - 1, "Here is the **very first** sentence of"),
        (FIRST, "Here is the **very first** sentence of it."),
        (FIRST + 3 * LETTER, "Here is the **very first** sentence of it. And"),
        (10**9, ANSWER),
    ],
)
async def test_words_that_were_heard_to_their_end(played: int, heard: str) -> None:
    assert await heard_after(played) == heard


async def test_a_link_is_heard_with_its_words() -> None:
    heard = await heard_after(FIRST + 8 * LETTER)
    assert heard.endswith("And [this")


@pytest.mark.parametrize("played", range(0, FIRST + 9 * LETTER, 3 * LETTER))
async def test_without_word_times_it_is_guessed_by_whole_words(played: int) -> None:
    heard = await heard_after(played, tell_words=False)
    assert ANSWER.startswith(heard)
    rest = ANSWER[len(heard) :]
    assert not heard or not rest or rest[0] in " *" or heard[-1] in " .*"
    assert abs(len(heard) - played / LETTER) < 14


async def test_in_the_middle_of_a_clause_that_is_still_spoken() -> None:
    listener = Listener(hears=False)
    voice = ToneVoice(wait_seconds=0.05)
    turn = a_turn(engines(ScriptedModel(ANSWER), voice), listener)
    task = asyncio.create_task(turn.run())
    await asyncio.sleep(0.9)
    turn.credit(8 * LETTER)
    assert turn.interrupt().heard == "Here is"
    task.cancel()


async def test_code_between_sentences_counts_once_it_is_passed() -> None:
    answer = "Look at this piece of code:\n```\nx\n```\nIt is quite short, is it not?"
    first = len("Look at this piece of code:") * LETTER
    assert await heard_after(first, answer=answer) == "Look at this piece of code:"
    later = await heard_after(first + 2 * LETTER, answer=answer)
    assert later.endswith("```\nIt")
