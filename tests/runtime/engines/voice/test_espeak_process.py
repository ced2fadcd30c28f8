"""eSpeak NG as another program: what starts it, what ends it, what is shipped with it."""

import os
import signal
import subprocess
import sys
from pathlib import Path

import psutil

from digital_human_runtime.engines.voice.espeak import offline

PATH = os.pathsep.join(path for path in sys.path if path)
DEADLINE = 30.0
PARENT = """
import asyncio, sys
from digital_human_runtime.engines.voice.espeak.voice import EspeakVoice

async def main():
    voice = EspeakVoice(workers=2)
    await voice.start()
    print(*voice._pool.pids, flush=True)
    await asyncio.Event().wait()

asyncio.run(main())
"""


def test_workers_end_with_their_parent() -> None:
    parent = subprocess.Popen(
        [sys.executable, "-P", "-c", PARENT],
        stdout=subprocess.PIPE,
        env={"PATH": os.environ["PATH"], "PYTHONPATH": PATH},
    )
    try:
        assert parent.stdout is not None
        pids = [int(pid) for pid in parent.stdout.readline().split()]
        assert len(pids) == 2
        processes = [psutil.Process(pid) for pid in pids]
        os.kill(pids[0], signal.SIGSTOP)  # one that hangs goes as well
    finally:
        parent.kill()
        parent.communicate()
    _, left = psutil.wait_procs(processes, timeout=DEADLINE)
    assert not [process for process in left if process.status() != psutil.STATUS_ZOMBIE]


def test_the_licence_and_the_source_offer_are_shipped() -> None:
    folder = Path(offline.__file__).parent
    assert "GNU GENERAL PUBLIC LICENSE" in (folder / "COPYING").read_text()
    source = (folder / "SOURCE.md").read_text()
    assert "https://github.com/espeak-ng/espeak-ng" in source
    assert f"eSpeak NG {offline.version()}" in source


def test_the_server_does_not_load_the_library() -> None:
    code = (
        "import sys, digital_human_runtime.engines.voice.espeak.voice as v;"
        "sys.exit('espeakng_loader' in sys.modules)"
    )
    subprocess.run([sys.executable, "-P", "-c", code], check=True, env={"PYTHONPATH": PATH})


def test_a_seed_makes_the_same_samples_in_another_process() -> None:
    code = (
        "import hashlib; from digital_human_runtime.engines.voice.espeak.offline import *;"
        "said = [synthesise('A fish swam past.', v, seed=7) for v in ('en-us', 'de+f2')];"
        "print(*(hashlib.sha256(s.samples.tobytes()).hexdigest() for s in said))"
    )
    hashes = {
        subprocess.run(
            [sys.executable, "-P", "-c", code],
            check=True,
            capture_output=True,
            env={"PYTHONPATH": PATH},
        ).stdout
        for _ in range(2)
    }
    assert len(hashes) == 1
