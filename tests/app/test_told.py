"""What status tells, as Prometheus sees it."""

from typing import Any

from prometheus_client import CollectorRegistry, generate_latest

from digital_human_operator.api.kinds import UNSEEN
from digital_human_operator.metrics import REGISTRY, TOLD
from digital_human_operator.seen import SeenObjects, seen_from
from digital_human_operator.told import Told


def page(*humans: tuple[str, str, dict[str, Any]], kind: str = "DigitalHuman") -> list[str]:
    seen = SeenObjects()
    for namespace, name, status in humans:
        metadata = {"uid": "u", "resourceVersion": "5", "name": name}
        seen.upsert((kind, namespace, name), seen_from({"metadata": metadata, "status": status}))
    registry = CollectorRegistry()
    registry.register(Told(seen))
    lines = generate_latest(registry).decode().splitlines()
    return [line for line in lines if not line.startswith("#")]


def condition(kind: str, value: str, reason: str) -> dict[str, str]:
    return {"type": kind, "status": value, "reason": reason, "message": 'says "no"\n'}


def test_conditions_that_alerts_are_made_of() -> None:
    conditions = [
        condition("Ready", "True", "Ready"),
        condition("Serving", "True", "PodsReady"),
        condition("BackupHealthy", "False", "Overdue"),
    ]
    assert page(("avatars", "ada", {"conditions": conditions})) == [
        (
            'digital_human_condition{human="ada",human_namespace="avatars",reason="Ready",'
            'status="True",type="Ready"} 1.0'
        ),
        (
            'digital_human_condition{human="ada",human_namespace="avatars",reason="Overdue",'
            'status="False",type="BackupHealthy"} 1.0'
        ),
    ]


def test_times_of_backups_and_drills() -> None:
    backup = {"lastSuccess": "2026-03-01T02:10:00Z"}
    (line,) = page(("avatars", "ada", {"backup": backup}))
    name, value = line.rsplit(" ", 1)
    where = '{human="ada",human_namespace="avatars"}'
    assert name == f"digital_human_backup_last_success_timestamp_seconds{where}"
    assert float(value) == 1772331000


def test_figures_of_backups_and_drills() -> None:
    proven = {"backup": "b", "restoreSeconds": 12, "dataAgeSeconds": 3600}
    backup = {"newest": {"id": "b", "bytes": 7}, "proven": proven}
    where = '{human="ada",human_namespace="avatars"}'
    assert page(("avatars", "ada", {"backup": backup})) == [
        f"digital_human_backup_bytes{where} 7.0",
        f"digital_human_drill_restore_seconds{where} 12.0",
        f"digital_human_drill_data_age_seconds{where} 3600.0",
    ]


def test_two_namespaces_and_a_new_object() -> None:
    found = page(("a", "ada", UNSEEN), ("b", "ada", UNSEEN))
    assert len(found) == 2
    assert all('reason="Pending"' in line for line in found)


def test_other_kinds_and_objects_without_a_status_are_left_out() -> None:
    assert page(("a", "b", UNSEEN), kind="DigitalHumanBackup") == []
    assert page(("a", "ada", {})) == []


def test_the_page_of_the_operator_has_them(monkeypatch: Any) -> None:
    seen = SeenObjects()
    metadata = {"uid": "u", "resourceVersion": "5"}
    body = {"metadata": metadata, "status": UNSEEN}
    seen.upsert(("DigitalHuman", "avatars", "ada"), seen_from(body))
    monkeypatch.setattr(TOLD, "seen", seen)
    assert 'digital_human_condition{human="ada"' in generate_latest(REGISTRY).decode()
