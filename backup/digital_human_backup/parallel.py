"""The same work on many things, some at a time; the first failure ends it."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from concurrent.futures import FIRST_EXCEPTION, ThreadPoolExecutor, wait
from typing import TypeVar

T = TypeVar("T")
R = TypeVar("R")


def each(work: Callable[[T], R], things: Iterable[T], workers: int) -> list[R]:
    """Results in the order of the things; raises what the first failing one raised."""
    with ThreadPoolExecutor(workers, thread_name_prefix="backup") as pool:
        futures = [pool.submit(work, thing) for thing in things]
        try:
            done, _ = wait(futures, return_when=FIRST_EXCEPTION)
            for future in done:
                future.result()
            return [future.result() for future in futures]
        except BaseException:
            pool.shutdown(wait=True, cancel_futures=True)
            raise
