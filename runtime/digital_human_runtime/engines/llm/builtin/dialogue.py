"""What the demo brain says: each skill may answer, the first that does is heard."""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import replace

from digital_human_runtime.engines.llm.builtin.conversation import Moment
from digital_human_runtime.engines.llm.builtin.greeting import foreign, greeted, without_greeting
from digital_human_runtime.engines.llm.builtin.knowledge import Knowledge
from digital_human_runtime.engines.llm.builtin.memory import (
    introduced,
    noted,
    remembered,
    user_name,
)
from digital_human_runtime.engines.llm.builtin.performance import performed
from digital_human_runtime.engines.llm.builtin.reckoning import reckoned, told_time
from digital_human_runtime.engines.llm.builtin.retrieval import terms
from digital_human_runtime.engines.llm.builtin.smalltalk import talked

_MORE = re.compile(
    r"^(please )?(go on|continue|tell me more|more|what else|and then|and|keep going|carry on"
    r"|go ahead|more (details|about (that|it|this)))( please)?$|^you were saying$"
)
_FOLLOWS = re.compile(
    r"^(and|or|but|what about|how about|and what about|and how about|why|with|on|for|in) "
)
_LETTER = re.compile(r"\w")
_RAMBLING = 600  # characters of a question in which nothing was found

Skill = Callable[[Moment, Knowledge], str | None]


def reply(moment: Moment, knowledge: Knowledge) -> str:
    """The answer to a question, in sentences that can be spoken."""
    hello, rest = without_greeting(moment)
    if not _LETTER.search(rest):
        return greeted(moment, user_name(moment)) if hello or not moment.said else _silent(moment)
    welcome, rest = introduced(replace(moment, question=rest))
    answer = _answered(replace(moment, question=rest), knowledge)
    if hello and not answer.startswith(("Hello", "Nice")):
        welcome = f"Hello! {welcome}".strip()
    return f"{welcome} {answer}".strip()


def _answered(moment: Moment, knowledge: Knowledge) -> str:
    for skill in _SKILLS:
        answer = skill(moment, knowledge)
        if answer:
            return answer
    return _unknown(moment)


def _silent(moment: Moment) -> str:
    return moment.choose(
        ("I am listening. What would you like to know?", "Take your time. I am here.")
    )


def _unknown(moment: Moment) -> str:
    if len(moment.question) > _RAMBLING:
        return "That was a lot at once. What is the one thing that you want to know?"
    return moment.choose(
        (
            "I do not know that. I am a small demo brain and know only the pages of this project.",
            "That is beyond me: a demo brain only looks things up in the pages of this project.",
            "I found nothing about that in my pages, and I would rather not guess.",
        )
    )


def _looked_up(moment: Moment, knowledge: Knowledge) -> str | None:
    """An answer out of the pages; a short question that follows another is read with it."""
    question = moment.question
    follows = _FOLLOWS.match(moment.plain) and moment.asked and len(terms(question)) <= 3
    context = moment.asked[-1] if follows else ""
    found = knowledge.answer(question, context=context)
    return found.text if found else None


def _continued(moment: Moment, knowledge: Knowledge) -> str | None:
    """The rest of an answer that was interrupted, or more about the last question."""
    if not _MORE.match(moment.plain) or not moment.asked:
        return None
    place, question = _last_question(moment)
    if place is None:
        return None
    earlier = replace(moment, question=question, before=moment.before[:place])
    full, heard = reply(earlier, knowledge).split(), _heard_since(moment, place).split()
    if heard == full[: len(heard)] and len(heard) < len(full):
        return "As I was saying: " + " ".join(full[_sentence_start(full, len(heard)) :])
    found = knowledge.answer(question, said=" ".join(moment.said))
    return found.text if found else "That is all I know about it."


def _last_question(moment: Moment) -> tuple[int | None, str]:
    """Where the last question is that asked for something new."""
    for place in range(len(moment.before) - 1, -1, -1):
        message = moment.before[place]
        if message.role == "user" and not _MORE.match(
            replace(moment, question=message.content).plain
        ):
            return place, message.content
    return None, ""


def _heard_since(moment: Moment, place: int) -> str:
    after = moment.before[place + 1 : place + 2]
    return after[0].content if after and after[0].role == "assistant" else ""


def _sentence_start(words: list[str], place: int) -> int:
    """The first word of the sentence that was cut at ``place``."""
    while place > 0 and words[place - 1][-1] not in ".!?:":
        place -= 1
    return place


_SKILLS: tuple[Skill, ...] = (
    lambda moment, _: remembered(moment),
    lambda moment, _: performed(moment),
    _continued,
    lambda moment, _: reckoned(moment),
    lambda moment, _: told_time(moment),
    lambda moment, _: foreign(moment),
    lambda moment, _: talked(moment, user_name(moment)),
    _looked_up,
    lambda moment, _: noted(moment),
)
