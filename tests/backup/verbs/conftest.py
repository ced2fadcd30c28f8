"""What tests of killed programs need."""

from __future__ import annotations

import pytest

from tests.backup.killer import Killer


@pytest.fixture
def killer(monkeypatch: pytest.MonkeyPatch) -> Killer:
    return Killer(monkeypatch)
