"""Answers over HTTP, measured: how long they took, and what went wrong with them."""

from __future__ import annotations

import time
from collections.abc import AsyncGenerator
from contextlib import aclosing
from typing import Literal, TypeVar

from digital_human_runtime.metrics import Metrics
from digital_human_runtime.pipeline import told

Item = TypeVar("Item")
Kind = Literal["chat", "completions", "speech"]


async def measured(
    items: AsyncGenerator[Item], metrics: Metrics, kind: Kind
) -> AsyncGenerator[Item]:
    """
    The same items; whole answers and those that failed are counted, cancelled ones are not.

    Raises nothing but RuntimeFault: what nobody foresaw is told as one too, without its words.
    """
    began = time.monotonic()
    async with aclosing(items):
        try:
            async for item in items:
                yield item
        except Exception as error:  # noqa: BLE001 - an answer under way can only end in its terms
            fault = told(error)
            if fault.status >= 500:
                metrics.failed(fault.code)
            raise fault from None
    metrics.answered(kind, time.monotonic() - began)
