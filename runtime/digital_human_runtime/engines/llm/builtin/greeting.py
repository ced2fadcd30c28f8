"""Greetings, in several languages; the answer is English, and says so where it has to."""

from __future__ import annotations

import re

from digital_human_runtime.engines.llm.builtin.conversation import Moment
from digital_human_runtime.engines.llm.builtin.script import script

_HELLO = (
    r"^\s*(?:hello+|hi+|hey+|hiya|howdy|greetings|yo|welcome"
    r"|good (?:morning|afternoon|evening|day))"
    r"(?:[, ]+(?:there|everyone|everybody|friend|again|you|to you|{name})\b)*"
    r"\s*(?:[,.!?;:-]+|$)\s*"
)
_SHARE = 0.5  # of the words must be of a language before a sentence is taken for it


def without_greeting(moment: Moment) -> tuple[bool, str]:
    """Whether the question begins with a greeting, and the rest of it."""
    pattern = _HELLO.format(name=re.escape(moment.persona))
    found = re.match(pattern, moment.question, re.IGNORECASE)
    if found and found.end() > 0:
        return True, moment.question[found.end() :]
    return False, moment.question


def greeted(moment: Moment, user: str | None) -> str:
    """Say hello: at length the first time, shortly afterwards."""
    who = f", {user}" if user else ""
    if moment.said:
        return moment.choose(
            (f"Hello again{who}! What can I do for you?", f"Hello{who}! I am still here.")
        )
    return moment.choose(
        (
            f"Hello{who}! I am {moment.persona}, a digital human. Ask me about this project.",
            f"Hello{who}, nice to see you! I am {moment.persona}. Ask me what I can do.",
        )
    )


def foreign(moment: Moment) -> str | None:
    """Answer in English what was said in another language; None for English."""
    words = moment.plain.split()
    for language in script().languages:
        known = sum(word in language.words for word in words)
        if language.said.search(moment.plain) or (len(words) >= 3 and known >= _SHARE * len(words)):
            return (
                f"Hello! I think that was {language.name}, and I am sorry: this demo brain"
                " understands only English. What would you like to know?"
            )
    return None
