"""How the process uses memory."""

from __future__ import annotations

import contextlib
import ctypes

LARGE_BYTES = 2**20
_M_MMAP_THRESHOLD = -3


def give_back_large_blocks() -> None:
    """
    Have what is larger than a mebibyte go back to the system when it is freed.

    glibc keeps it for each thread otherwise. See mallopt(3); other C libraries have no such
    function, or ignore it.
    """
    with contextlib.suppress(AttributeError, OSError, TypeError):
        ctypes.CDLL(None).mallopt(_M_MMAP_THRESHOLD, LARGE_BYTES)
