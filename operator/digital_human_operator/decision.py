"""
What was decided about one human: the design to render, and the verdicts to report.

``plan`` makes it, ``status`` explains it; neither imports the other: they meet here.
"""

from __future__ import annotations

from dataclasses import dataclass

from digital_human_operator.api.v1alpha1.status import MemoryPlan
from digital_human_operator.human import Design


@dataclass(frozen=True)
class MemoryVerdict:
    """
    Whether the models fit into the memory of the GPUs.

    ``fits`` is None when that is unknown. ``message`` has the sum and options when they do not
    fit, and says what is missing when it is unknown.
    """

    plan: MemoryPlan | None = None
    fits: bool | None = None
    message: str | None = None


@dataclass(frozen=True)
class MetricsVerdict:
    """Which metrics of the autoscaler this cluster does not serve, by API group."""

    unserved: tuple[str, ...] = ()
    all_unserved: bool = False
    """Whether there are no others: then the autoscaler does nothing."""


@dataclass(frozen=True)
class Decision:
    """A design with the verdicts about the spec that it was made from."""

    design: Design
    memory: MemoryVerdict
    missing: tuple[str, ...] = ()
    """One sentence per Secret or ConfigMap key that is referred to and not there."""
    pull_secrets: tuple[str, ...] = ()
    """One sentence per Secret with which images should be pulled and cannot be."""
    metrics: MetricsVerdict = MetricsVerdict()
    restore: str | None = None
    """The DigitalHumanRestore for which there are no Pods for now."""
    warnings: tuple[str, ...] = ()
    """One sentence per field that is not acted on as written."""

    @property
    def refused(self) -> bool:
        """Whether nothing must be applied, because it could never run."""
        return self.memory.fits is False
