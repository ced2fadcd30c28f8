"""Log lines: text for people or one JSON object per line for machines."""

from __future__ import annotations

import json
import logging
import sys
from datetime import UTC, datetime

_STANDARD = frozenset(vars(logging.makeLogRecord({})))


class JsonFormatter(logging.Formatter):
    """One JSON object per record: time, level, logger, message, and what was given as extra."""

    def format(self, record: logging.LogRecord) -> str:
        """The record as one line."""
        line = {
            "time": datetime.fromtimestamp(record.created, UTC).isoformat(timespec="milliseconds"),
            "level": record.levelname.lower(),
            "logger": record.name,
            "message": record.getMessage(),
        }
        if record.exc_info:
            line["exception"] = self.formatException(record.exc_info)
        extra = {k: str(v) for k, v in vars(record).items() if k not in _STANDARD | {"message"}}
        return json.dumps(line | extra, ensure_ascii=False)


class KopfFilter(logging.Filter):
    """
    Leaves out how kopf ends when the API server says no: each of its tasks tells it, with a trace.

    ``kopf_runtime`` tells it once, in a sentence. What goes wrong in a handler keeps its trace.
    """

    def filter(self, record: logging.LogRecord) -> bool:
        """Whether the record is written."""
        error = record.exc_info[1] if record.exc_info else None
        if error is None:
            return True
        if record.name.partition(".")[0] == "kopf":
            return type(error).__module__.partition(".")[0] not in {"kopf", "aiohttp"}
        # A stream of kopf that is cancelled at the wrong moment.
        return not (record.name == "asyncio" and "/kopf/_cogs/" in record.getMessage())


def configure(level: str, style: str) -> None:
    """Send all log lines of at least ``level`` to stderr; ``style`` is ``json`` or ``text``."""
    handler = logging.StreamHandler(sys.stderr)
    handler.setFormatter(
        JsonFormatter()
        if style == "json"
        else logging.Formatter("%(asctime)s %(levelname)-7s %(name)s: %(message)s")
    )
    handler.addFilter(KopfFilter())
    logging.basicConfig(level=level, handlers=[handler], force=True)
    # kopf tells about each of its own steps at INFO; ours are the ones that matter.
    logging.getLogger("kopf").setLevel(max(logging.WARNING, logging.getLevelName(level)))
    logging.getLogger("aiohttp.access").setLevel(logging.WARNING)
