"""What the demo brain remembers, all from the history: names, earlier questions, its answers."""

from __future__ import annotations

import re

from digital_human_runtime.engines.llm.builtin.conversation import Moment, simplified

_PART = r"[^\W\d_][\w'-]*"
_MY_NAME = re.compile(
    rf"\b(?i:my name is|my name's|call me|i am called|i'm called) ({_PART}(?: [A-Z][\w'-]*)?)"
)
_I_AM = re.compile(r"^(?i:i am|i'm|this is) ([A-Z][\w'-]+(?: [A-Z][\w'-]*)?)(?=[.,!]|$)")
_ABOUT_ME = re.compile(
    r"^(?:and |well |oh )?"
    r"i (like|love|hate|prefer|live|work|study|come from|am from|have|play|own|am) (.{2,60})$"
)
_MINE = re.compile(r"^my ((?!name\b).{2,40}?) is (.{1,40})$")
_ASKS_MINE = re.compile(r"^(?:do you know |can you tell me )?what is my (.{2,40})$")
_LATER_WORDS = re.compile(r"(?<=\s)[\w'-]+")
_OTHER_WORDS = {
    "my": "your",
    "me": "you",
    "i": "you",
    "mine": "yours",
    "am": "are",
    "myself": "yourself",
}
_NO_NAMES = {
    "not",
    "here",
    "so",
    "a",
    "an",
    "the",
    "back",
    "sorry",
    "fine",
    "good",
    "ok",
    "it",
    "that",
    "later",
    "when",
    "if",
    "what",
    "in",
}

_ASKS_NAME = re.compile(r"\b(what is my name|who am i$|(you )?(know|remember) my name)\b")
_ASKS_FIRST = re.compile(
    r"\bwhat (did i (ask|say)( you)? first|was my first question)\b|\bmy first question\b"
)
_ASKS_LAST = re.compile(
    r"\bwhat (did i|have i) (just )?(ask(ed)?|say|said)\b|\bmy (last|previous|earlier) question\b"
)
_ASKS_COUNT = re.compile(r"\bhow (many|much) (questions )?(have i|did i) (asked|ask)\b")
_ASKS_ABOUT = re.compile(
    r"\bwhat (do|did) you (know|remember|learn) about me\b|\bwhat (did|have) i (tell|told) you\b"
    r"|\b(do|can) you remember (me|what i (said|told you))\b"
)
_AGAIN = re.compile(
    r"^(please )?(can you |could you )?(say|repeat)( that| it| this)?( again)?( please)?$"
    r"|^(once )?again( please)?$|^(pardon|sorry|what|huh|come again)( please)?$"
    r"|^i (did not|could not) (hear|understand|get|catch) (that|you|it)$"
    r"|\bwhat did you (just )?say\b"
)


def remembered(moment: Moment) -> str | None:
    """Answer a question about the conversation itself, or take note of a name."""
    for pattern, answer in _ANSWERS:
        if pattern.search(moment.plain):
            return answer(moment)
    name = name_in(moment.question)
    return _mine(moment) if name is None else _greeted(moment, name)


def introduced(moment: Moment) -> tuple[str, str]:
    """What to say to somebody who gives a name and goes on, and what follows the name."""
    first, _, rest = moment.question.partition(". ")
    name = name_in(first)
    if name is None or not rest.strip():
        return "", moment.question
    return f"Nice to meet you, {name}.", rest


def user_name(moment: Moment) -> str | None:
    """The name that the user has given, the newest one."""
    for said in reversed(moment.asked):
        name = name_in(said)
        if name:
            return name
    return None


def name_in(text: str) -> str | None:
    """The name by which somebody introduces himself in a sentence, or None."""
    found = _MY_NAME.search(text) or _I_AM.search(text)
    name = found[1].strip(" .!") if found else ""
    if not name or name.split()[0].lower() in _NO_NAMES:
        return None
    return " ".join(part[0].upper() + part[1:] for part in name.split())


def _greeted(moment: Moment, name: str) -> str:
    if user_name(moment) == name:
        return moment.choose(
            (f"Yes, {name}, I remember.", f"I know, {name}. What can I do for you?")
        )
    return moment.choose(
        (
            f"Nice to meet you, {name}! What would you like to know?",
            f"Hello {name}, a pleasure. What can I tell you?",
        )
    )


def _name(moment: Moment) -> str:
    name = user_name(moment)
    if name is None:
        return "You have not told me your name yet. What is it?"
    return moment.choose((f"Your name is {name}.", f"You are {name}, that is what you told me."))


def _first(moment: Moment) -> str:
    return _quoted("first", moment.asked[0]) if moment.asked else _NOTHING


def _last(moment: Moment) -> str:
    questions = [said for said in moment.asked if not _ASKS_LAST.search(simplified(said))]
    return _quoted("last", questions[-1]) if questions else _NOTHING


def _quoted(which: str, question: str) -> str:
    if len(question) > 160:
        question = f"{question[:160].rsplit(' ', 1)[0]} and so on"
    verb = "asked" if question.rstrip().endswith("?") else "said"
    return f"The {which} thing you {verb} was: {question}"


def _count(moment: Moment) -> str:
    count = len(moment.asked)
    return f"This is number {count + 1} in this conversation." if count else _NOTHING


def _about(moment: Moment) -> str:
    facts = [fact for said in moment.asked if (fact := _fact(said))]
    name = user_name(moment)
    known = ([f"your name is {name}"] if name else []) + facts[-3:]
    if not known:
        return (
            "You have not told me anything about yourself yet. I remember only this conversation."
        )
    return f"You told me that {' and that '.join(known)}."


def _fact(said: str) -> str | None:
    """A statement of somebody about himself, turned around: I like chess, you like chess."""
    simple = simplified(said)
    about, mine = _ABOUT_ME.match(simple), _MINE.match(simple)
    if name_in(said) or not (about or mine):
        return None
    words = simple.split()[1:] if mine else f"{about[1]} {about[2]}".split() if about else []
    written = {word.lower(): word for word in _LATER_WORDS.findall(said)}
    turned = [_OTHER_WORDS.get(word, written.get(word, word)) for word in words]
    return " ".join(["your" if mine else "you", *turned])


def _mine(moment: Moment) -> str | None:
    """What somebody told of a thing of his: my favourite colour is blue."""
    asked = _ASKS_MINE.match(moment.plain)
    for said in reversed(moment.asked) if asked else ():
        fact = _fact(said)
        if asked and fact and fact.lower().startswith(f"your {asked[1]} is "):
            return f"You told me that {fact}."
    return None


def noted(moment: Moment) -> str | None:
    """Acknowledge a statement of somebody about himself."""
    fact = _fact(moment.question)
    return f"I will remember that {fact}." if fact else None


def _again(moment: Moment) -> str:
    return moment.said[-1] if moment.said else "I have not said anything yet."


_NOTHING = "You have not asked me anything before this."
_ANSWERS = (
    (_ASKS_NAME, _name),
    (_ASKS_FIRST, _first),
    (_ASKS_COUNT, _count),
    (_ASKS_ABOUT, _about),
    (_ASKS_LAST, _last),
    (_AGAIN, _again),
)
