"""Chat requests for each second, against a FastAPI application that only echoes."""

from __future__ import annotations

import asyncio
import subprocess
import sys
import time
import urllib.error
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from typing import Any

from fastapi import FastAPI
from pydantic import BaseModel

from digital_human_runtime.loadtest.conversation import Target
from digital_human_runtime.loadtest.figures import Outcome, summary
from digital_human_runtime.loadtest.load import chats
from tools.bench.speech.process import RuntimeProcess
from tools.ports import free_port


class Question(BaseModel):
    """What the echo takes."""

    message: str


def echo() -> FastAPI:
    """The bare application: the same route, no model, no session, no rights."""
    app = FastAPI()

    @app.post("/api/chat")
    async def answer(question: Question) -> dict[str, str]:
        return {"response": question.message}

    return app


@contextmanager
def echoing() -> Iterator[str]:
    """The echo as a process of its own, on a free port."""
    port = free_port()
    command = [sys.executable, "-m", "uvicorn", "tools.bench.speech.chat:echo", "--factory"]
    command += ["--host", "127.0.0.1", "--port", str(port), "--log-level", "warning"]
    process = subprocess.Popen(command)
    try:
        for _ in range(200):
            with suppress(urllib.error.URLError, OSError):
                urllib.request.urlopen(f"http://127.0.0.1:{port}/docs", timeout=1).close()
                break
            time.sleep(0.05)
        yield f"http://127.0.0.1:{port}"
    finally:
        process.terminate()
        process.wait(10)


def measure(process: RuntimeProcess, requests: int, concurrency: int) -> dict[str, Any]:
    """The same load on both, one after the other."""
    ours = _load(process.http, requests, concurrency)
    with echoing() as address:
        bare = _load(address, requests, concurrency)
    ratio = float(str(bare["perSecond"])) / float(str(ours["perSecond"]))
    return {
        "requests": requests,
        "concurrency": concurrency,
        "failed": ours["failed"],
        "requests_per_second": ours["perSecond"],
        "bare_requests_per_second": bare["perSecond"],
        "ratio": round(ratio, 2),
        "response_ms": ours["responseMs"],
    }


def _load(address: str, requests: int, concurrency: int) -> dict[str, object]:
    outcomes: list[Outcome] = []
    work = chats(
        Target(address),
        requests=requests,
        concurrency=concurrency,
        done=outcomes.append,
        questions=("What is a digital human?",),
    )
    return summary(outcomes, asyncio.run(work))
