"""Small talk: what people say beside questions, and short answers to it."""

from __future__ import annotations

from digital_human_runtime.engines.llm.builtin.conversation import Moment
from digital_human_runtime.engines.llm.builtin.script import script

_LONGEST = 14  # words; what is longer is a question, not small talk


def talked(moment: Moment, user: str | None) -> str | None:
    """An answer to small talk, or None; ``user`` is how to address somebody who gave a name."""
    if len(moment.plain.split()) > _LONGEST:
        return None
    for talk in script().talk:
        if talk.said.search(moment.plain):
            words = {"name": moment.persona, "user": f", {user}" if user else ""}
            return moment.choose([answer.format(**words) for answer in talk.answers])
    return None
