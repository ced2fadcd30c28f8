"""An environment without settings, and logging as it was."""

from __future__ import annotations

import logging
import os
from collections.abc import Iterator

import pytest

from digital_human_operator.settings import PREFIX

_LOGGERS = ("", "kopf", "aiohttp.access")


@pytest.fixture(autouse=True)
def no_settings(monkeypatch: pytest.MonkeyPatch) -> None:
    """Nothing that this machine or its Pod sets counts."""
    for name in os.environ:
        if name.startswith((PREFIX, "KUBERNETES_")) or name == "KUBECONFIG":
            monkeypatch.delenv(name)


@pytest.fixture
def logging_restored() -> Iterator[None]:
    """What a test does to logging ends with it."""
    root = logging.getLogger()
    handlers, levels = list(root.handlers), {n: logging.getLogger(n).level for n in _LOGGERS}
    yield
    root.handlers[:] = handlers
    for name, level in levels.items():
        logging.getLogger(name).setLevel(level)
