"""
Why a request failed, so that the caller can decide without looking at numbers.

    ApiError
    ├── Unreachable        no answer: refused, reset, timed out
    ├── Unauthorized       401: the token is not accepted (any more)
    ├── Forbidden          403: RBAC, quota or admission said no
    ├── NotFound           404
    ├── Conflict           409: somebody else was faster, or the object is not the one we meant
    ├── Gone               410: the resource version is too old to watch from
    ├── Invalid            400, 405, 413, 415, 422: sending it again cannot help
    ├── TooManyRequests    429: later, and fewer
    └── ServerError        5xx

``Fenced`` is not an answer of the server: it is our own refusal to write without the Lease.
"""

# ruff: noqa: N818 - named after the API's own reasons

from __future__ import annotations

import msgspec


class ApiError(Exception):
    """
    A request that did not succeed.

    ``status`` is the HTTP status (0 without an answer), ``reason`` the API server's CamelCase
    word, ``message`` its sentence, ``retry_after`` seconds that it asked us to wait.
    """

    transient = True

    def __init__(
        self,
        message: str,
        *,
        status: int = 0,
        reason: str = "",
        retry_after: float | None = None,
    ) -> None:
        super().__init__(message)
        self.message = message
        self.status = status
        self.reason = reason
        self.retry_after = retry_after


class Unreachable(ApiError):
    """No answer: refused, reset, or nothing within the deadline."""


class Unauthorized(ApiError):
    """The API server does not accept our token."""


class Forbidden(ApiError):
    """RBAC, a quota or an admission plugin said no; may change at any time, so it is retried."""


class NotFound(ApiError):
    """The object, or the kind, does not exist."""

    transient = False


class Conflict(ApiError):
    """A precondition (uid, resource version, field ownership) does not hold any more."""


class Gone(ApiError):
    """The resource version is too old to continue from: list again."""


class Invalid(ApiError):
    """The object itself is refused: sending the same bytes again cannot help."""

    transient = False


class TooManyRequests(ApiError):
    """The API server asks us to slow down."""


class ServerError(ApiError):
    """The API server, or something between it and us, is not well."""


class Fenced(Exception):
    """A write was asked for while the Lease is not ours; nothing was sent."""


_BY_STATUS: dict[int, type[ApiError]] = {
    400: Invalid,
    401: Unauthorized,
    403: Forbidden,
    404: NotFound,
    405: Invalid,
    409: Conflict,
    410: Gone,
    413: Invalid,
    415: Invalid,
    422: Invalid,
    429: TooManyRequests,
}


_NO_FIELD = "failed to create typed patch object"
"""How server-side apply refuses a field that the schema of a builtin kind does not have."""


class _Details(msgspec.Struct):
    retryAfterSeconds: float | None = None  # noqa: N815 - the API's own spelling


class _Status(msgspec.Struct):
    message: str = ""
    reason: str = ""
    code: int = 0
    details: _Details | None = None


_decode_status = msgspec.json.Decoder(_Status).decode


def error_from(status: int, body: bytes, retry_after: str | None = None) -> ApiError:
    """Translate an HTTP answer of 400 or more; ``body`` is usually a ``Status`` object."""
    try:
        answer = _decode_status(body)
    except msgspec.DecodeError:
        answer = _Status(message=body[:200].decode("utf-8", "replace"))
    wait = answer.details.retryAfterSeconds if answer.details else None
    if retry_after is not None and retry_after.strip().isdigit():
        wait = float(retry_after)
    kind = _BY_STATUS.get(status, ServerError if status >= 500 else Invalid)
    if _NO_FIELD in answer.message:
        kind = Invalid  # told as 500, yet the same bytes fail for ever
    return kind(
        answer.message or f"HTTP {status} without an explanation",
        status=status,
        reason=answer.reason,
        retry_after=wait,
    )
