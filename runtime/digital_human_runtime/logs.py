"""Structured logs: one JSON object a line, without secrets and without what is said."""

from __future__ import annotations

import logging
import sys
from collections.abc import Mapping, MutableMapping
from typing import Any

import structlog

_SECRET = ("authorization", "api_key", "apikey", "password", "secret", "ticket", "token", "cookie")
_SPOKEN = frozenset({"answer", "content", "heard", "question", "said", "text", "transcript"})
_FALSE_ALARM = "ASGI callable returned without completing handshake."
"""What uvicorn calls an error after each upgrade that was refused with an answer."""
_QUIET = ("httpx", "httpcore", "openai", "urllib3", "websockets", "asyncio")
"""Libraries that tell about each of their steps."""
_TRIES = "stamina"
"""Warns of each try that is made again; what comes of them is told by those who make them."""
_TRACEBACKS = structlog.processors.ExceptionRenderer(
    structlog.tracebacks.ExceptionDictTransformer(show_locals=False)
)
"""Without local variables: they hold secrets and what people said."""
Event = MutableMapping[str, Any]


def redact(_logger: object, _name: str, event: Event) -> Event:
    """Replace values whose key says that they are secret."""
    for key in event:
        if any(word in key.lower() for word in _SECRET):
            event[key] = "[redacted]"
    return event


def unspoken(_logger: object, _name: str, event: Event) -> Event:
    """Leave out what people or the model said."""
    for key in _SPOKEN & event.keys():
        event[key] = f"[{len(str(event[key]))} characters]"
    return event


def configure(
    level: str, style: str, *, conversations: bool = False, fields: Mapping[str, str] | None = None
) -> None:
    """
    Send all log lines of at least ``level`` to stderr, those of libraries too.

    ``style`` is ``json`` or ``text``; ``fields`` stand in every line.
    """

    def add_fields(_logger: object, _name: str, event: Event) -> Event:
        return {**(fields or {}), **event}

    shared: list[structlog.typing.Processor] = [
        structlog.contextvars.merge_contextvars,
        structlog.stdlib.add_log_level,
        structlog.stdlib.add_logger_name,
        structlog.stdlib.ExtraAdder(),
        structlog.processors.TimeStamper(fmt="iso", utc=True, key="time"),
        add_fields,
        redact,
        *(() if conversations else (unspoken,)),
    ]
    structlog.configure(
        processors=[*shared, structlog.stdlib.ProcessorFormatter.wrap_for_formatter],
        logger_factory=structlog.stdlib.LoggerFactory(),
        wrapper_class=structlog.stdlib.BoundLogger,
        cache_logger_on_first_use=True,
    )
    handler = logging.StreamHandler(sys.stderr)
    handler.setFormatter(
        structlog.stdlib.ProcessorFormatter(foreign_pre_chain=shared, processors=_renderers(style))
    )
    logging.basicConfig(level=level, handlers=[handler], force=True)
    for name in _QUIET:
        logging.getLogger(name).setLevel(max(logging.WARNING, logging.getLevelName(level)))
    logging.getLogger(_TRIES).setLevel("DEBUG" if level == "DEBUG" else "ERROR")
    for name in ("uvicorn", "uvicorn.error", "uvicorn.access"):
        logging.getLogger(name).handlers.clear()
        logging.getLogger(name).propagate = True
    logging.getLogger("uvicorn.error").addFilter(_true_alarm)
    logging.getLogger("uvicorn").setLevel(max(logging.WARNING, logging.getLevelName(level)))


def _true_alarm(record: logging.LogRecord) -> bool:
    return record.getMessage() != _FALSE_ALARM


def _renderers(style: str) -> list[structlog.typing.Processor]:
    last: structlog.typing.Processor = (
        structlog.processors.JSONRenderer(ensure_ascii=False)
        if style == "json"
        else structlog.dev.ConsoleRenderer(
            colors=False,
            exception_formatter=structlog.dev.plain_traceback,  # without local variables, too
        )
    )
    rename: list[structlog.typing.Processor] = (
        [_TRACEBACKS, structlog.processors.EventRenamer("message")] if style == "json" else []
    )
    return [structlog.stdlib.ProcessorFormatter.remove_processors_meta, *rename, last]
