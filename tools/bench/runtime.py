"""
`make bench-runtime`: first sound, barge-in, faces, chat, memory, the page and start, all builtin.

`python -m tools.bench.runtime browser` measures only the page again, into the report that is there,
`gates` only how well lips follow.
The load runs on the same cores as the runtime. Baselines of the same run: for the face one pass of
the network over the same sound, for chat a FastAPI application that only echoes.
"""

import asyncio
import json
import subprocess
import sys
import time
from typing import Any

from rich.console import Console

from tools import page
from tools.bench.operator import machine
from tools.bench.speech import browser, chat, faces, gates, talking
from tools.bench.speech.process import RuntimeProcess, runtime
from tools.cache import ROOT

RESULT = ROOT / "build" / "bench" / "runtime.json"
STREAMS = (1, 20, 50, 100)
STARTS = 3


def run(console: Console) -> dict[str, Any]:
    """Measure everything, one after the other; returns the whole report."""
    where = machine() | {"note": "runtime and load share these cores"}
    report: dict[str, Any] = {"benchmark": "runtime", "machine": where}
    starts = []
    for number in range(STARTS):
        with runtime({"DIGITAL_HUMAN_FACE_STREAMS": "512"}) as process:
            starts.append(process.ready_seconds)
            if number == STARTS - 1:
                report |= _of_process(process, console)
    report |= _of_page(console)
    report["ready_seconds"] = [round(value, 2) for value in starts]
    console.print("face, one thread")
    report["face"] = faces.run()
    return report | _of_lips(console)


def _of_process(process: RuntimeProcess, console: Console) -> dict[str, Any]:
    found: dict[str, Any] = {}
    console.print("memory")
    found["memory"] = asyncio.run(talking.memory(process, 100))
    console.print("first sound, 1 and 20 sessions")
    found["first_audio"] = [
        asyncio.run(talking.first_audio(process, 1, 40)),
        asyncio.run(talking.first_audio(process, 20, 5)),
    ]
    console.print("barge-in")
    found["barge_in"] = asyncio.run(talking.barge_in(process, 20))
    console.print(f"face streams: {', '.join(map(str, STREAMS))}")
    found["face_streams"] = [_streams(process, count) for count in STREAMS]
    console.print("chat")
    found["chat"] = chat.measure(process, 2000, 16)
    return found


def _of_page(console: Console) -> dict[str, Any]:
    """Skew, drawn pictures and silence in a browser; nothing where there is none."""
    if not browser.CHROMIUM.exists():
        console.print(f"no page: {browser.CHROMIUM} is not there")
        return {}
    console.print(f"the page, {browser.SECONDS:.0f} s")
    page.build()
    with runtime() as process:
        return browser.measure(process.http)


def _of_lips(console: Console) -> dict[str, Any]:
    """The gates of the face network: counted, not timed."""
    console.print("lips, by voices that the face has not heard")
    return {"face_gates": gates.run()}


def _streams(process: RuntimeProcess, count: int) -> dict[str, Any]:
    """The client in a process of its own, as a real one is."""
    command = [sys.executable, "-m", "tools.bench.speech.streams", process.grpc, str(count), "10"]
    done = subprocess.run(command, capture_output=True, text=True, timeout=180, check=False)
    if done.returncode:
        raise RuntimeError(f"the stream client failed: {done.stderr.strip()[-2000:]}")
    found: dict[str, Any] = json.loads(done.stdout)
    return found


PARTS = {"browser": _of_page, "gates": _of_lips}
"""What can be measured alone."""


def main() -> int:
    """Run, write the report, print it."""
    console = Console(stderr=True)
    began = time.monotonic()
    part = PARTS.get(" ".join(sys.argv[1:]))
    if part is None:
        report = run(console)
    else:
        report = json.loads(RESULT.read_text()) if RESULT.exists() else {}
        report |= part(console)
    RESULT.parent.mkdir(parents=True, exist_ok=True)
    RESULT.write_text(json.dumps(report, indent=2) + "\n")
    console.print_json(json.dumps(report))
    console.print(f"{RESULT.relative_to(ROOT)} written after {time.monotonic() - began:.0f} s")
    return 0


if __name__ == "__main__":
    sys.exit(main())
