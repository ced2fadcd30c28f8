"""A program to kill, and servers with and without sessions."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.backup.killer import Killer
from tests.backup.servers import Database, database
from tests.backup.sessions.data import talk

DEBUG = "enable-debug-command yes"


@pytest.fixture
def killer(monkeypatch: pytest.MonkeyPatch) -> Killer:
    return Killer(monkeypatch)


@pytest.fixture
def redis(tmp_path: Path) -> Iterator[Database]:
    """A human's sessions: two of Alice and one of Bob."""
    with database(tmp_path / "redis", DEBUG) as started:
        talk(started, "jwt:alice", "one", "two")
        talk(started, "jwt:bob", "bobs")
        yield started


@pytest.fixture
def target(tmp_path: Path) -> Iterator[Database]:
    with database(tmp_path / "target", DEBUG) as started:
        yield started
