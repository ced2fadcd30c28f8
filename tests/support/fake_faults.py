"""What goes wrong at the fake API server, and how it says so."""

from __future__ import annotations

from collections import deque
from dataclasses import dataclass, field

from aiohttp import web

from .fake_apply import Object


@dataclass
class Failure:
    """``left`` requests (with ``verb``, to a path with ``path`` in it) get ``status``."""

    left: int
    status: int
    retry_after: float | None
    verb: str | None
    applied: bool
    path: str = ""
    reason: str = "Injected"
    message: str = ""


@dataclass
class Faults:
    """What goes wrong next; everything is off at first."""

    failures: deque[Failure] = field(default_factory=deque)
    delay: float = 0.0
    hanging: bool = False
    silent_watches: bool = False
    swap_events: bool = False

    def fail(
        self,
        next_n: int,
        status: int,
        retry_after: float | None = None,
        *,
        verb: str | None = None,
        applied: bool = False,
        path: str = "",
        reason: str = "Injected",
        message: str = "",
    ) -> None:
        """The next ``next_n`` requests fail; ``applied``: after they were carried out."""
        self.failures.append(
            Failure(next_n, status, retry_after, verb, applied, path, reason, message)
        )

    def next_failure(self, verb: str, path: str) -> Failure | None:
        """The failure that this request meets, if any."""
        for failure in self.failures:
            if failure.left > 0 and failure.verb in {None, verb} and failure.path in path:
                failure.left -= 1
                return failure
        return None


class StatusError(Exception):
    """An answer that is a Status object."""

    def __init__(self, code: int, reason: str, message: str = "") -> None:
        super().__init__(message)
        self.code, self.reason, self.message = code, reason, message or reason

    def body(self) -> Object:
        """The Status object."""
        return {
            "kind": "Status",
            "apiVersion": "v1",
            "status": "Failure",
            "code": self.code,
            "reason": self.reason,
            "message": self.message,
        }


def failed(failure: Failure) -> web.Response:
    """The answer that a failure gives."""
    error = StatusError(failure.status, failure.reason, failure.message)
    headers = {} if failure.retry_after is None else {"Retry-After": str(int(failure.retry_after))}
    return web.json_response(error.body(), status=failure.status, headers=headers)
