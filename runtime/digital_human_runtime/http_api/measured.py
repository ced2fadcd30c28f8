"""Answers over HTTP, measured: how long they took, and what went wrong with them."""

from __future__ import annotations

import time
from collections.abc import AsyncGenerator
from contextlib import aclosing
from typing import Literal, TypeVar

from digital_human_runtime.errors import RuntimeFault
from digital_human_runtime.metrics import Metrics

Item = TypeVar("Item")
Kind = Literal["chat", "completions", "speech"]


async def measured(
    items: AsyncGenerator[Item], metrics: Metrics, kind: Kind
) -> AsyncGenerator[Item]:
    """The same items; whole answers and those that failed are counted, cancelled ones are not."""
    began = time.monotonic()
    async with aclosing(items):
        try:
            async for item in items:
                yield item
        except RuntimeFault as fault:
            if fault.status >= 500:
                metrics.failed(fault.code)
            raise
    metrics.answered(kind, time.monotonic() - began)
