"""What the probes answer: pure decisions on the checks of the parts."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

from digital_human_runtime.frames import Check


@dataclass(frozen=True, slots=True)
class Report:
    """One answer of a probe."""

    ok: bool
    status_word: str
    checks: tuple[Check, ...]
    warnings: tuple[str, ...] = ()
    """Settings without effect: worth knowing, and no reason to be unready or degraded."""

    @property
    def status(self) -> int:
        """200, or 503: a probe looks at nothing else."""
        return 200 if self.ok else 503

    @property
    def degraded(self) -> bool:
        """Whether something is not as it should be, although conversations go on."""
        return any(check.degraded for check in self.checks)

    def body(self) -> dict[str, Any]:
        """The JSON of the answer."""
        return {
            "status": self.status_word,
            "degraded": self.degraded,
            "warnings": list(self.warnings),
            "checks": {
                check.name: {
                    "ok": check.ok,
                    "degraded": check.degraded,
                    **({"detail": check.detail} if check.detail else {}),
                }
                for check in self.checks
            },
        }


class Health:
    """
    Where the process stands: starting, serving or draining.

    The start requires every check to be right. Afterwards a check that is ``degraded`` keeps the
    process ready, and a check that fails makes it unready until it is right again.
    """

    def __init__(
        self,
        checks: Callable[[], Sequence[Check]],
        warnings: Callable[[], Sequence[str]] = tuple,
    ) -> None:
        self._checks = checks
        self._warnings = warnings
        self._started = False
        self._draining = False

    def started(self) -> None:
        """Everything is warm: the start is over."""
        self._started = True

    def drain(self) -> None:
        """Nobody new shall come."""
        self._draining = True

    @property
    def draining(self) -> bool:
        """Whether the process is on its way out."""
        return self._draining

    def startup(self) -> Report:
        """Whether the start is over; once it is, it stays so."""
        word = "started" if self._started else "starting"
        return Report(self._started, word, *self._told())

    def ready(self) -> Report:
        """Whether new conversations shall come here."""
        checks, warnings = self._told()
        well = all(check.ok or check.degraded for check in checks)
        ok = self._started and not self._draining and well
        word = "ready" if ok else "not_ready"
        if self._draining:
            word = "draining"
        elif not self._started:
            word = "starting"
        return Report(ok, word, checks, warnings)

    def _told(self) -> tuple[tuple[Check, ...], tuple[str, ...]]:
        return tuple(self._checks()), tuple(self._warnings())
