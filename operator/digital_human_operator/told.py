"""What status tells, as metrics: read when Prometheus asks, so that nothing is kept twice."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime

import msgspec
from prometheus_client.core import GaugeMetricFamily, Metric
from prometheus_client.registry import Collector

from digital_human_operator.kinds import HUMANS
from digital_human_operator.seen import Key, SeenObjects

CONDITIONS = frozenset({"Ready", "Stalled", "BackupHealthy", "RestoreProven"})
"""What alerts are made of; all the others would be most of the page."""
_LABELS = ("human_namespace", "human")
"""Not ``namespace`` and ``name``: Prometheus gives these to the operator's own Pod."""


class _Condition(msgspec.Struct):
    type: str
    status: str
    reason: str = ""


class _Newest(msgspec.Struct):
    bytes: int = 0


class _Proven(msgspec.Struct, rename="camel"):
    restore_seconds: int = 0
    data_age_seconds: int = 0


class _Backup(msgspec.Struct, rename="camel"):
    last_success: str | None = None
    last_drill: str | None = None
    newest: _Newest | None = None
    proven: _Proven | None = None


class _Status(msgspec.Struct):
    conditions: list[_Condition] = []
    backup: _Backup | None = None


_decode = msgspec.json.Decoder(_Status).decode


class Told(Collector):
    """The conditions and the backups of every human that is seen."""

    def __init__(self, seen: SeenObjects | None = None) -> None:
        self.seen = seen

    def describe(self) -> Iterator[Metric]:
        """The families without values."""
        return iter(_families())

    def collect(self) -> Iterator[Metric]:
        """One sample for each condition, and for each backup or drill that succeeded."""
        conditions, backups, drills, size, recovery, age = families = _families()
        for key, status in self._statuses():
            human = key[1:]
            for one in status.conditions:
                if one.type in CONDITIONS:
                    conditions.add_metric((*human, one.type, one.status, one.reason), 1.0)
            if status.backup is not None:
                _add_time(backups, human, status.backup.last_success)
                _add_time(drills, human, status.backup.last_drill)
                if (newest := status.backup.newest) is not None:
                    size.add_metric(human, newest.bytes)
                if (proven := status.backup.proven) is not None:
                    recovery.add_metric(human, proven.restore_seconds)
                    age.add_metric(human, proven.data_age_seconds)
        return iter(families)

    def _statuses(self) -> Iterator[tuple[Key, _Status]]:
        seen = self.seen or SeenObjects()
        for key in seen:
            found = seen.get(key)
            if found is not None and key[0] == HUMANS.kind:
                yield key, _decode(found.status)


def _families() -> tuple[GaugeMetricFamily, ...]:
    return (
        GaugeMetricFamily(
            "digital_human_condition",
            f"1 for each condition that status tells, of {', '.join(sorted(CONDITIONS))}.",
            labels=(*_LABELS, "type", "status", "reason"),
        ),
        GaugeMetricFamily(
            "digital_human_backup_last_success_timestamp_seconds",
            "When the last scheduled backup succeeded.",
            labels=_LABELS,
        ),
        GaugeMetricFamily(
            "digital_human_drill_last_success_timestamp_seconds",
            "When the last drill restored a backup.",
            labels=_LABELS,
        ),
        GaugeMetricFamily(
            "digital_human_backup_bytes", "What the newest backup holds.", labels=_LABELS
        ),
        GaugeMetricFamily(
            "digital_human_drill_restore_seconds",
            "What the last drill's restore took: the measured recovery time (RTO).",
            labels=_LABELS,
        ),
        GaugeMetricFamily(
            "digital_human_drill_data_age_seconds",
            "Age of the data that the last drill brought back: the measured recovery point (RPO).",
            labels=_LABELS,
        ),
    )


def _add_time(family: GaugeMetricFamily, human: tuple[str, ...], moment: str | None) -> None:
    if moment:
        family.add_metric(human, datetime.fromisoformat(moment).timestamp())
