"""Memory that chunks have had goes back to the system."""

import platform
import subprocess
import sys

import pytest

from digital_human_backup.memory import LARGE_BYTES

CHUNK_BYTES = 8 * LARGE_BYTES
_PROGRAM = f"""
import resource, sys
from digital_human_backup.memory import give_back_large_blocks

def resident():
    with open("/proc/self/statm") as file:
        return int(file.read().split()[1]) * resource.getpagesize()

if sys.argv[1] == "given":
    give_back_large_blocks()
before = resident()
for _ in range(4):
    block = bytearray(b"x") * {CHUNK_BYTES}
    del block
print(resident() - before)
"""


@pytest.mark.skipif(platform.libc_ver()[0] != "glibc", reason="only glibc keeps freed memory")
@pytest.mark.parametrize(("word", "kept"), [("given", False), ("as it is", True)])
def test_large_blocks_go_back_to_the_system(word: str, *, kept: bool) -> None:
    command = [sys.executable, "-c", _PROGRAM, word]
    told = subprocess.check_output(command, text=True, timeout=60)
    assert (int(told) >= CHUNK_BYTES // 2) is kept
