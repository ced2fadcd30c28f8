"""The embedded face: how much of a core one stream takes, against one pass over the same sound."""

from __future__ import annotations

import asyncio
import time
from typing import Any

import numpy as np

from digital_human_runtime.engines.face.embedded.face import EmbeddedFace
from digital_human_runtime.engines.voice.espeak import offline
from digital_human_runtime.frames import FaceOptions, Samples

CHUNK_SECONDS = 0.1
TEXT = (
    "A face that speaks moves its lips before the sound is heard. Papa bought a big map of the"
    " river, and Molly put five plums into my blue bag. "
)


def speech(seconds: float) -> tuple[Samples, int]:
    """So much speech of eSpeak NG, and its sample rate."""
    spoken = offline.synthesise(TEXT, voice="en-us")
    rate = 22050
    times = int(seconds * rate / len(spoken.samples)) + 1
    return np.tile(spoken.samples, times)[: int(seconds * rate)], rate


async def factor(seconds: float, repeats: int) -> dict[str, Any]:
    """Seconds of one thread for a second of sound: in chunks of 100 ms, and in one pass."""
    samples, rate = speech(seconds)
    size = int(CHUNK_SECONDS * rate)
    face = EmbeddedFace(fps=30)
    await face.start()
    chunked, whole, frames = [], [], 0
    try:
        for _ in range(repeats + 1):
            cpu, frames = await _timed(face, samples, rate, size)
            chunked.append(cpu)
            cpu, same = await _timed(face, samples, rate, len(samples))
            whole.append(cpu)
            if same != frames:
                raise RuntimeError(f"{frames} frames in chunks, {same} in one pass")
    finally:
        await face.close()
    live, offline_pass = min(chunked[1:]) / seconds, min(whole[1:]) / seconds
    return {
        "audio_seconds": seconds,
        "frames": frames,
        "chunk_ms": round(1000 * CHUNK_SECONDS),
        "rtf_chunked": round(live, 5),
        "rtf_one_pass": round(offline_pass, 5),
        "ratio": round(live / offline_pass, 2),
    }


async def _timed(face: EmbeddedFace, samples: Samples, rate: int, size: int) -> tuple[float, int]:
    """CPU seconds of the whole process (one stream: one thread at a time), and the frames."""
    stream = await face.open(sample_rate=rate, options=FaceOptions())
    frames = 0
    began = time.process_time()
    for start in range(0, len(samples), size):
        frames += len(await stream.push(samples[start : start + size]))
    frames += len(await stream.finish())
    took = time.process_time() - began
    await stream.close()
    return took, frames


def run(seconds: float = 60.0, repeats: int = 3) -> dict[str, Any]:
    """Measure in a loop of its own."""
    return asyncio.run(factor(seconds, repeats))
