"""What shows off a talking face: repeating after somebody, counting, tongue twisters, jokes."""

from __future__ import annotations

import re

from digital_human_runtime.engines.llm.builtin.conversation import Moment
from digital_human_runtime.engines.llm.builtin.reckoning import UNITS
from digital_human_runtime.engines.llm.builtin.script import script

_LONGEST = 300  # characters that are said after somebody

_SAY = re.compile(
    r"^\s*(?:please |now |can you |could you )*(?:say|repeat(?: after me)?|read)\b[:,]?\s+(.+)$",
    re.IGNORECASE | re.DOTALL,
)
_SAY_AGAIN = re.compile(r"^(that|it|this|again|something|anything)\b", re.IGNORECASE)
_COUNT = re.compile(r"\bcount\b.*?\bto (\w+)\b|\bcount (for me|please)\b|^count$")
_MORE = re.compile(r"^(another( one)?|one more|more|again)( please)?$")


def performed(moment: Moment) -> str | None:
    """What somebody asks to hear, or None."""
    return _repeated(moment) or _counted(moment) or _told(moment)


def _repeated(moment: Moment) -> str | None:
    found = _SAY.match(moment.question)
    if not found or _SAY_AGAIN.match(found[1]):
        return None
    text = found[1].strip().strip("\"'\u201c\u201d")
    if len(text) > _LONGEST:
        return "That is too long for me to repeat. Give me a sentence or two."
    return text[0].upper() + text[1:] + ("" if text[-1] in ".!?" else ".") if text else None


def _counted(moment: Moment) -> str | None:
    found = _COUNT.search(moment.plain)
    if not found:
        return None
    last = found[1] or "ten"
    words = (*UNITS[1:], "twenty")
    to = words.index(last) + 1 if last in words else int(last) if last.isdecimal() else 0
    if not 1 <= to <= len(words):
        return "I count from one to twenty at most, or we would sit here all day."
    return ", ".join(words[:to]).capitalize() + "."


def _told(moment: Moment) -> str | None:
    """A joke, a tongue twister, a story or a poem; "another" tells one of the same sort."""
    last = moment.said[-1] if moment.said else ""
    another = bool(last) and _MORE.match(moment.plain) is not None
    for piece in script().pieces:
        if piece.said.search(moment.plain) or (another and last in piece.answers):
            told = set(moment.said)
            fresh = [answer for answer in piece.answers if answer not in told]
            return moment.choose(fresh or piece.answers)
    return None
