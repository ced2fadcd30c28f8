"""What the HTTP and WebSocket servers are given: all of it is made elsewhere."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import AbstractAsyncContextManager
from dataclasses import dataclass
from pathlib import Path

from digital_human_runtime.access.gate import Gate
from digital_human_runtime.access.rates import Rates
from digital_human_runtime.health_api.report import Health
from digital_human_runtime.interfaces import LanguageModel, Voice
from digital_human_runtime.metrics import Metrics
from digital_human_runtime.pipeline import Limits
from digital_human_runtime.session.conversation import Sessions
from digital_human_runtime.settings.settings import Settings

PAGE = Path(__file__).parent.parent / "page"
"""Where ``make page`` puts the avatar page."""


@dataclass(frozen=True, slots=True)
class Services:
    """Everything that answers requests."""

    settings: Settings
    sessions: Sessions
    model: LanguageModel
    voice: Voice
    speaker: str
    """The human's own voice by name; empty for that of the engine."""
    turn: Callable[[], AbstractAsyncContextManager[None]]
    """Holds the place of one answer that belongs to no session; raises Busy or Unavailable."""
    gate: Gate
    rates: Rates
    health: Health
    metrics: Metrics
    limits: Limits
    page: Path = PAGE
