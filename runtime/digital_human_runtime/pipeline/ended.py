"""How one stage tells the next that no more comes."""

from __future__ import annotations

import logging
import traceback
from dataclasses import dataclass

from digital_human_runtime.errors import RuntimeFault

log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class Ended:
    """No more comes out of a stage; with a fault: because of it."""

    fault: RuntimeFault | None = None


def ended_by(error: Exception) -> Ended:
    """An end because of an error, as ``told`` tells it."""
    return Ended(told(error))


def told(error: Exception) -> RuntimeFault:
    """
    Turn an error into what a client may be told.

    Only faults carry a sentence for clients. Of any other error the log gets the type and the
    place, never its words: they may be words of the conversation.
    """
    if isinstance(error, RuntimeFault):
        return error
    place = traceback.extract_tb(error.__traceback__)[-1:]
    where = f"{place[0].filename}:{place[0].lineno}" if place else "nowhere"
    log.error("A turn ended by %s at %s", type(error).__name__, where)
    return RuntimeFault("Something went wrong inside; ask again.")
