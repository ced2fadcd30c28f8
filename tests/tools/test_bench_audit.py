"""Counting in the audit log: every entry once, and none lost without a word."""

import json
from pathlib import Path

import pytest

from tools.bench.audit import AuditLog


def line(verb: str, user: str = "me") -> str:
    return json.dumps({"verb": verb, "user": {"username": user}}) + "\n"


@pytest.fixture
def path(tmp_path: Path) -> Path:
    found = tmp_path / "audit.log"
    found.write_text(line("get"))
    return found


def test_each_entry_of_the_user_is_seen_once(path: Path) -> None:
    log = AuditLog(path, "me")
    log.skip()
    whole, half = line("create") + line("patch", "you"), line("delete")
    with path.open("a") as file:
        file.write(whole + half[:9])
    assert [entry["verb"] for entry in log.entries()] == ["create"]
    with path.open("a") as file:
        file.write(half[9:])
    assert [entry["verb"] for entry in log.entries()] == ["delete"]
    assert list(log.entries()) == []


def test_a_log_that_was_rotated_is_not_counted_as_silence(path: Path) -> None:
    log = AuditLog(path, "me")
    log.skip()
    path.rename(path.with_suffix(".1"))
    path.write_text("")
    with pytest.raises(RuntimeError, match="rotated"):
        list(log.entries())
