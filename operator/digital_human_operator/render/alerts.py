"""Alerts of one human: what somebody has to get up for, and what can wait until the morning."""

from __future__ import annotations

from digital_human_operator.human import Human

from .common import Manifest

RUNBOOKS = "docs/runbooks.md"


def rules(human: Human) -> Manifest:
    """The spec of a PrometheusRule."""
    found = _pods(human)
    if human.spec.backup is not None:
        found += _backups(human)
        if human.spec.backup.drill is not None:
            found += _drills(human)
    return {"groups": [{"name": f"digital-human-{human.name}", "rules": found}]}


def _pods(human: Human) -> list[Manifest]:
    where = f'namespace="{human.namespace}",deployment="{human.name}"'
    available = f"kube_deployment_status_replicas_available{{{where}}}"
    wanted = f"kube_deployment_spec_replicas{{{where}}}"
    return [
        _alert(
            "DigitalHumanDown",
            f"{available} == 0 and {wanted} > 0",
            ("5m", "critical"),
            f"{human.name} does not answer",
            "No Pod of the digital human has been available for 5 minutes.",
        ),
        _alert(
            "DigitalHumanShortOfPods",
            f"{available} < {wanted}",
            ("30m", "warning"),
            f"{human.name} has fewer Pods than it wants",
            "Look at the GPUSatisfied and Serving conditions of the object.",
        ),
    ]


def _backups(human: Human) -> list[Manifest]:
    return [
        _alert(
            "DigitalHumanBackupFailed",
            _told(human, "BackupHealthy", "Failed"),
            ("15m", "warning"),
            f"the last backup of {human.name} failed",
            "The next one may succeed; until then the last one that did is what there is.",
        ),
        _alert(
            "DigitalHumanBackupOverdue",
            _told(human, "BackupHealthy", "Overdue"),
            ("15m", "critical"),
            f"{human.name} has had no backup for twice as long as it should be",
            "Two backups came due and none succeeded: what happens now would be lost.",
        ),
    ]


def _drills(human: Human) -> list[Manifest]:
    return [
        _alert(
            "DigitalHumanDrillFailed",
            _told(human, "RestoreProven", "Failed"),
            ("15m", "critical"),
            f"a backup of {human.name} could not be restored",
            "The last drill failed: the backups may be of no use.",
        ),
        _alert(
            "DigitalHumanRestoreUnproven",
            _told(human, "RestoreProven", "Overdue"),
            ("15m", "warning"),
            f"nobody has shown for long that {human.name} can be restored",
            "Two drills came due and none succeeded.",
        ),
    ]


def _told(human: Human, kind: str, reason: str) -> str:
    """What the operator tells in a condition, by whichever of its Pods."""
    where = f'human_namespace="{human.namespace}",human="{human.name}"'
    labels = f'{where},type="{kind}",status="False",reason="{reason}"'
    return f"max by (human_namespace, human) (digital_human_condition{{{labels}}}) == 1"


def _alert(
    name: str, expression: str, weight: tuple[str, str], summary: str, description: str
) -> Manifest:
    duration, severity = weight
    return {
        "alert": name,
        "expr": expression,
        "for": duration,
        "labels": {"severity": severity},
        "annotations": {
            "summary": summary,
            "description": description,
            "runbook": f"{RUNBOOKS}#{name.lower()}",
        },
    }
