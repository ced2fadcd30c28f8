"""An environment without settings, a server for kopf, and a process left as it was."""

from __future__ import annotations

import gc
import logging
import os
from collections.abc import AsyncIterator, Iterator

import pytest

from digital_human_operator.settings import PREFIX
from tests.support.fake_server import FakeServer

from .kopf_server import serve_kopf

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


@pytest.fixture
def collector_restored() -> Iterator[None]:
    """The operator tunes the garbage collector of its process."""
    thresholds = gc.get_threshold()
    yield
    gc.unfreeze()
    gc.set_threshold(*thresholds)
    gc.collect()


@pytest.fixture
async def server() -> AsyncIterator[FakeServer]:
    async with FakeServer() as running:
        serve_kopf(running)
        yield running
