"""What the demo brain looks at when it answers: the question and everything said before."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from functools import cached_property
from random import Random

from digital_human_runtime.frames import Message

_READ = 2000
"""Characters of a question that are read; what is beyond them is not looked at."""

_CONTRACTIONS = (
    (re.compile(r"\b(what|who|where|how|that|it|there|when|name)'?s\b"), r"\1 is"),
    (re.compile(r"\bi'?m\b"), "i am"),
    (re.compile(r"\b(you|we|they)'?re\b"), r"\1 are"),
    (re.compile(r"\bu\b"), "you"),
    (re.compile(r"\b(do|does|did|is|are|could|would|should)n'?t\b"), r"\1 not"),
    (re.compile(r"\bcan(?:'?t|not)\b"), "can not"),
    (re.compile(r"\bi'?ve\b"), "i have"),
    (re.compile(r"\blet'?s\b"), "let us"),
)
_NO_WORD = re.compile(r"[^\w'+*/().,%-]+")
_NAMED = re.compile(r"\b(?:[Yy]ou are|[Yy]our name is)(?: called| named)? ([A-Z][\w-]*)")
_NO_NAMES = {"A", "An", "The", "I"}


def simplified(text: str) -> str:
    """Lower case, contractions written out, no punctuation: what patterns are matched against."""
    text = text.lower().replace("\u2019", "'")
    for pattern, instead in _CONTRACTIONS:
        text = pattern.sub(instead, text)
    words = (word.strip(".,'()-") for word in _NO_WORD.split(text))
    return " ".join(word for word in words if word)


@dataclass(frozen=True)
class Moment:
    """One question in its conversation."""

    question: str
    before: tuple[Message, ...]
    """What was said before the question, without instructions."""
    persona: str
    """The name that the demo brain goes by."""
    now: datetime
    seed: int = 0
    varied: bool = True
    """Whether to choose among ways to say it, or always to say the first."""

    @cached_property
    def plain(self) -> str:
        """The question as patterns see it."""
        return simplified(self.question)

    @cached_property
    def asked(self) -> list[str]:
        """What the user said before, oldest first."""
        return [message.content for message in self.before if message.role == "user"]

    @cached_property
    def said(self) -> list[str]:
        """What was answered before, as far as it was heard, oldest first."""
        return [message.content for message in self.before if message.role == "assistant"]

    def choose(self, ways: Sequence[str]) -> str:
        """One of several ways to say a thing, another one than last time where there is one."""
        if not self.varied:
            return ways[0]
        last = self.said[-1] if self.said else ""
        fresh = [way for way in ways if way not in last] or list(ways)
        return Random(f"{self.seed} {len(self.before)} {self.plain}").choice(fresh)  # noqa: S311 - a choice of words


def moment(
    messages: Sequence[Message], *, persona: str, now: datetime, seed: int, varied: bool
) -> Moment:
    """
    Take a conversation apart: the last message of the user is the question.

    Instructions may give the persona another name: "You are Grace, ..." names it Grace.
    """
    instructions = [message.content for message in messages if message.role == "system"]
    spoken = [message for message in messages if message.role != "system"]
    question = spoken.pop().content[:_READ] if spoken and spoken[-1].role == "user" else ""
    names = [name for text in instructions for name in _NAMED.findall(text)]
    names = [name for name in names if name not in _NO_NAMES]
    return Moment(question, tuple(spoken), names[0] if names else persona, now, seed, varied)
