"""PCM as a WAV file."""

from __future__ import annotations

import io
import wave


def wav(pcm: bytes, sample_rate: int) -> bytes:
    """The file that holds mono PCM of 16 bit."""
    buffer = io.BytesIO()
    with wave.open(buffer, "wb") as file:
        file.setnchannels(1)
        file.setsampwidth(2)
        file.setframerate(sample_rate)
        file.writeframes(pcm)
    return buffer.getvalue()
