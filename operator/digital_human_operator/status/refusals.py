"""
What the API server says against an object, as one sentence that tells what to do.

Its own texts name objects that nobody has seen (a Pod that was never made), regular expressions
and whole values; the figures and fields that matter are kept. A text that is not known is kept too,
without its beginning.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import dataclass

from . import reasons

_LONGEST = 600
_HEAD = re.compile(
    r'^(?:(?:create|update|delete) )?[\w.]*(?: "[^"]*")? is (?:forbidden|invalid): ', re.IGNORECASE
)
_REGEX = re.compile(r" ?\((?:e\.g\. .*?)?regex used for validation is '.*?'\)")
_VALUE = re.compile(r": Invalid value: (?:\{.*?\}|\[.*?\]|\"[^\"]{64,}\")(?=: )", re.DOTALL)
_PAIRS = r"[^ ,]+(?:,[^ ,]+)*"
_QUANTITY = re.compile(r"quantities must match the regular expression '[^']*'")


@dataclass(frozen=True)
class Refusal:
    """A sentence, and the reason of the condition if the text tells it."""

    reason: str | None
    message: str


def explain(child: str, message: str) -> Refusal:
    """What ``message``, the answer of the API server about ``child``, means."""
    text = " ".join(message.split())
    for pattern, tell in _KNOWN:
        found = pattern.search(text)
        if found is not None:
            reason, sentence = tell(child, found)
            return Refusal(reason, f"{child}: {sentence}"[:_LONGEST])
    return Refusal(None, f"{child}: {_plain(text)}"[:_LONGEST])


def _plain(text: str) -> str:
    """A text without its beginning, without regular expressions and without long values."""
    short = _VALUE.sub("", _REGEX.sub("", _HEAD.sub("", text)))
    return _QUANTITY.sub("must be an amount such as 500m, 8 or 64Gi", short)


Told = tuple[str | None, str]


def _quota(_child: str, found: re.Match[str]) -> Told:
    asked, used, limits = (_amounts(found[name]) for name in ("asked", "used", "limited"))
    parts = [
        f"{name}: {amount} more, {used.get(name, '?')} of {limits.get(name, '?')} are used"
        for name, amount in asked.items()
    ]
    sums = f" ({'; '.join(parts)})" if used and limits else ""
    return (
        reasons.QUOTA_EXCEEDED,
        f"quota {found['quota']} of the namespace is used up{sums}: raise it or ask for less",
    )


def _amounts(text: str | None) -> dict[str, str]:
    """``pods=1,requests.cpu=2`` as a dictionary."""
    pairs = (one.partition("=") for one in (text or "").split(",") if "=" in one)
    return {name.strip(): amount.strip() for name, _, amount in pairs}


def _quota_asks(_child: str, found: re.Match[str]) -> Told:
    what = found["what"].replace(" for: ", " of container ")
    return reasons.QUOTA_EXCEEDED, f"quota {found['quota']} of the namespace asks for {what}"


def _limit_range(child: str, found: re.Match[str]) -> Told:
    field = "spec.storage" if "PersistentVolumeClaim" in found["what"] else "spec.resources"
    if "redis" in child:
        field = "spec.sessions.store.redis.managed"
    what = found["what"].strip("[]")
    return (
        reasons.CHILD_REFUSED,
        f"a LimitRange of the namespace refuses it, {what}: change {field} or the range",
    )


def _pod_security(_child: str, found: re.Match[str]) -> Told:
    return reasons.CHILD_REFUSED, (
        f'the namespace takes only Pods of the level "{found["level"]}": {found["what"]};'
        " use another namespace or change its pod-security label"
    )


def _webhook(_child: str, found: re.Match[str]) -> Told:
    said = found["what"].strip() or "it gives no reason"
    return (
        reasons.CHILD_REFUSED,
        f"admission webhook {found['name']} refuses it: {said}; ask who runs this policy",
    )


def _policy(_child: str, found: re.Match[str]) -> Told:
    return reasons.CHILD_REFUSED, (
        f"ValidatingAdmissionPolicy {found['name']} refuses it: {found['what']};"
        " ask who runs this policy"
    )


def _unanswered(_child: str, found: re.Match[str]) -> Told:
    return None, f"admission webhook {found['name']} does not answer: {found['what']}"


def _rights(_child: str, found: re.Match[str]) -> Told:
    where = f" in namespace {found['namespace']}" if found["namespace"] else ""
    return reasons.FORBIDDEN, (
        f"the operator may not {found['verb']} {found['resource']}{where}:"
        " compare its role with the chart's"
    )


def _escalation(_child: str, found: re.Match[str]) -> Told:
    return reasons.FORBIDDEN, (
        f"the operator may not grant what it does not hold itself ({found['what'].strip()}):"
        " compare its role with the chart's"
    )


def _terminating(_child: str, found: re.Match[str]) -> Told:
    return reasons.FORBIDDEN, f"namespace {found['namespace']} is being deleted"


def _immutable(child: str, found: re.Match[str]) -> Told:
    return None, f"{found['field']} cannot be changed: delete {child}, it is made again as wanted"


_KNOWN: tuple[tuple[re.Pattern[str], Callable[[str, re.Match[str]], Told]], ...] = tuple(
    (re.compile(pattern), tell)
    for pattern, tell in (
        (
            (
                rf"exceeded quota: (?P<quota>[\w.-]+)(?:, requested: (?P<asked>{_PAIRS}))?"
                rf"(?:, used: (?P<used>{_PAIRS}))?(?:, limited: (?P<limited>{_PAIRS}))?"
            ),
            _quota,
        ),
        (r"failed quota: (?P<quota>[\w.-]+): must specify (?P<what>.+)", _quota_asks),
        (
            (
                r"(?P<what>\[?(?:(?:minimum|maximum) [\w./-]+ usage per \w+ is"
                r"|[\w./-]+ max limit to request ratio per \w+ is).+)"
            ),
            _limit_range,
        ),
        (r'violates PodSecurity "(?P<level>\w+)[^"]*": (?P<what>.+)', _pod_security),
        (r'admission webhook "(?P<name>[^"]+)" denied the request:?(?P<what>.*)', _webhook),
        (
            r"ValidatingAdmissionPolicy '(?P<name>[^']+)'.*? denied request: (?P<what>.+)",
            _policy,
        ),
        (r'failed calling webhook "(?P<name>[^"]+)": (?P<what>.+)', _unanswered),
        (
            (
                r'cannot (?P<verb>[\w-]+) resource "(?P<resource>[^"]+)" in API group "[^"]*"'
                r'(?: in the namespace "(?P<namespace>[^"]+)")?'
            ),
            _rights,
        ),
        (
            r"attempting to grant RBAC permissions not currently held:(?P<what>.+)",
            _escalation,
        ),
        (
            r"new content in namespace (?P<namespace>\S+) because it is being terminated",
            _terminating,
        ),
        (
            r"is invalid: \[?(?P<field>[\w.\[\]]+): (?:Invalid value: .*|Forbidden): .*immutable",
            _immutable,
        ),
    )
)
"""How a text is recognised, and who tells it; the first that fits counts."""
