"""Sums, and the time and date by the clock of this machine."""

from __future__ import annotations

import ast
import operator
import re
from collections.abc import Callable

from digital_human_runtime.engines.llm.builtin.conversation import Moment

UNITS = (
    *("zero", "one", "two", "three", "four", "five", "six", "seven", "eight", "nine", "ten"),
    *("eleven", "twelve", "thirteen", "fourteen", "fifteen"),
    *("sixteen", "seventeen", "eighteen", "nineteen"),
)
"""Words for the numbers up to nineteen."""
_TENS = ("twenty", "thirty", "forty", "fifty", "sixty", "seventy", "eighty", "ninety")
_NUMBERS = {
    **{word: number for number, word in enumerate(UNITS)},
    **{word: 10 * number for number, word in enumerate(_TENS, start=2)},
    "hundred": 100,
    "thousand": 1000,
    "million": 1_000_000,
}
_WORDS = (
    (re.compile(r"\bplus\b|\band\b(?=\s+\d)"), "+"),
    (re.compile(r"\bminus\b|\bless\b"), "-"),
    (re.compile(r"\btimes\b|\bmultiplied by\b|\u00d7|(?<=\d)\s*x\s*(?=\d)"), "*"),
    (re.compile(r"\bdivided by\b|\bover\b|\u00f7"), "/"),
    (re.compile(r"(\d+(?:\.\d+)?)\s*(?:%|percent)\s+of\s+(?=\d)"), r"\1/100*"),
    (re.compile(r"\bsquared\b"), "**2"),
    (re.compile(r"(?:the )?square root of (\d+(?:\.\d+)?)"), r"\1**0.5"),
    (re.compile(r"\bto the power of\b|\^"), "**"),
    (re.compile(r"(?<=\d),(?=\d{3}\b)"), ""),
)
_TENS_ANDUNITS = re.compile(rf"\b({'|'.join(_TENS)})[ -]({'|'.join(UNITS[1:10])})\b")
_NUMBER = re.compile(rf"\b({'|'.join(_NUMBERS)})\b")
_ASKED = re.compile(
    r"^(?:and |so |please |now )*"
    r"(?:what is|what are|how much is|how much are|calculate|compute|solve)?\s*"
    r"([\d.+*/()\s-]+?)\s*=?$"
)
_OPERATORS: dict[type[ast.operator], Callable[[float, float], float]] = {
    ast.Add: operator.add,
    ast.Sub: operator.sub,
    ast.Mult: operator.mul,
    ast.Div: operator.truediv,
    ast.Pow: operator.pow,
}
_LARGEST = 1e15

_TIME = re.compile(r"\bwhat time\b|\bwhat is the time\b|\bhow late is it\b|\btell me the time\b")
_DAY = re.compile(
    r"\bwhat (day|date|year|month) (is|do we)\b|\bwhat is (the date|the day|today)\b"
    r"|\btoday('s| is the)? date\b|\bwhich (day|date|year|month)\b"
)


def told_time(moment: Moment) -> str | None:
    """Time or date of this machine, when asked for."""
    now = moment.now
    if _TIME.search(moment.plain):
        zone = now.tzname() or "local time"
        return f"By the clock of this server it is {now.hour}:{now.minute:02d}, {zone}."
    if _DAY.search(moment.plain):
        return f"Today is {now:%A}, {now:%B} {now.day}, {now.year}, by the clock of this server."
    return None


def reckoned(moment: Moment) -> str | None:
    """The result of a sum in figures or simple words; None when it is none."""
    found = _ASKED.match(_in_figures(moment.question.lower().strip(" ?!.")))
    if not found or not any(sign in found[1].strip() for sign in "+-*/"):
        return None
    try:
        result = _value(ast.parse(found[1].strip(), mode="eval").body)
    except ZeroDivisionError:
        return "Nothing can be divided by zero."
    except (ValueError, OverflowError):
        return "That number is too large for me."
    except (SyntaxError, RecursionError, MemoryError):
        return None
    return f"That is {_spoken(result)}."


def _in_figures(text: str) -> str:
    text = _TENS_ANDUNITS.sub(
        lambda m: str(_NUMBERS[m[1]] + _NUMBERS[m[2]]), text.replace("what's", "what is")
    )
    text = _NUMBER.sub(lambda m: str(_NUMBERS[m[1]]), text)
    for pattern, sign in _WORDS:
        text = pattern.sub(sign, text)
    return text


def _value(node: ast.expr) -> float:
    """The value of a sum; ValueError when it grows too large, SyntaxError when it is none."""
    match node:
        case ast.Constant(value=int() | float() as value) if abs(value) <= _LARGEST:
            return value
        case ast.UnaryOp(op=ast.USub(), operand=operand):
            return -_value(operand)
        case ast.BinOp(left=left, op=sign, right=right) if type(sign) in _OPERATORS:
            first, second = _value(left), _value(right)
            if isinstance(sign, ast.Pow) and not (abs(first) <= 1000 and 0 <= second <= 12):
                raise ValueError("too large")
            result = _OPERATORS[type(sign)](first, second)
            if isinstance(result, complex) or abs(result) > _LARGEST:
                raise ValueError("too large")
            return result
        case _:
            raise SyntaxError("no sum")


def _spoken(value: float) -> str:
    rounded = round(value, 4)
    if rounded == int(rounded):
        rounded = int(rounded)
    about = "" if rounded == value else "about "
    return f"{about}{'minus ' if rounded < 0 else ''}{abs(rounded)}"
