"""Errors that a client is told of: each has a code of the protocol and an HTTP status."""

from __future__ import annotations


class RuntimeFault(Exception):
    """
    Something that a client is told of, in one sentence that says what to do.

    ``code`` is the word that the WebSocket and the problem documents use, ``status`` the HTTP
    status that fits, ``retry_after`` the seconds after which another try may succeed. The
    sentence never holds a secret, a stack trace or words of a conversation, and is never spoken.
    """

    code = "internal"
    status = 500
    retry_after: float | None = None

    def __init__(self, message: str, *, retry_after: float | None = None) -> None:
        super().__init__(message)
        self.message = message
        self.retry_after = retry_after if retry_after is not None else type(self).retry_after


class BadInput(RuntimeFault):
    """The client sent what we cannot take; the sentence names the field."""

    code = "bad_input"
    status = 400


class NotAuthenticated(RuntimeFault):
    """No key, a wrong key, or a ticket or token that is used up or has expired."""

    code = "not_authenticated"
    status = 401


class NotFound(RuntimeFault):
    """A session or turn that does not exist for this principal."""

    code = "not_found"
    status = 404


class Conflict(RuntimeFault):
    """Another turn or another connection owns the session now."""

    code = "conflict"
    status = 409


class TimedOut(RuntimeFault):
    """The client did not send what it had begun: 408."""

    code = "timeout"
    status = 408


class TooLarge(RuntimeFault):
    """More text or audio than the limits allow."""

    code = "too_large"
    status = 413


class Busy(RuntimeFault):
    """This principal or this Pod has as much to do as it may: 429."""

    code = "busy"
    status = 429
    retry_after = 1.0


class Unavailable(RuntimeFault):
    """The Pod drains, starts, or has lost what it needs: 503."""

    code = "unavailable"
    status = 503
    retry_after = 2.0


class EngineFault(RuntimeFault):
    """A language model, voice or face gave up on this turn."""

    code = "engine"
    status = 502
