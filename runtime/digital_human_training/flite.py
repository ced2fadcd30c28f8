"""
Voices of a family that the training never hears: Flite, when it is installed.

``kal16`` joins recordings of pairs of sounds; ``slt``, ``awb`` and ``rms`` are statistical models
of recorded speakers. All four come with Debian's package ``flite``.
"""

from __future__ import annotations

import shutil
import subprocess
import tempfile
import wave
from pathlib import Path

import numpy as np

from digital_human_runtime.frames import Phoneme, Speech


def _pairs(entries: str) -> dict[str, str]:
    return dict(entry.split(":", 1) for entry in entries.split())


VOICES: tuple[str, ...] = ("kal16", "slt", "awb", "rms")
_SYMBOLS = _pairs(
    "aa:A: ae:a ah:V ao:O: aw:aU ax:@ ay:aI eh:E er:3: ey:eI ih:I iy:i: ow:oU oy:OI uh:U uw:u:"
    " ch:tS dh:D hh:h jh:dZ ng:N sh:S th:T y:j zh:Z pau:_"
)
_CLOSED_SHARE = 0.65
"""Of a stop; Flite does not tell where its release is."""
_TIMEOUT = 60.0


def present() -> bool:
    """Whether Flite is installed."""
    return shutil.which("flite") is not None


def speak(text: str, voice: str) -> tuple[Speech, int]:
    """The speech with its phonemes, and its sample rate."""
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "speech.wav"
        command = ["flite", "-voice", voice, "-t", text, "-o", str(path), "-psdur"]
        told = subprocess.run(  # noqa: S603 - no shell, and the texts are ours
            command, check=True, capture_output=True, text=True, timeout=_TIMEOUT
        ).stdout
        with wave.open(str(path)) as file:
            rate = file.getframerate()
            samples = np.frombuffer(file.readframes(file.getnframes()), np.int16)
    return Speech(samples, phonemes=phonemes(told, rate)), rate


def phonemes(told: str, rate: int) -> tuple[Phoneme, ...]:
    """Phonemes of a line such as ``pau:0.193 p:0.271``: each with the second of its end."""
    found: list[Phoneme] = []
    for entry in told.split():
        name, _, end = entry.rpartition(":")
        first = found[-1].last_sample if found else 0
        last = max(first, round(float(end) * rate))
        symbol = _SYMBOLS.get(name, name)
        release = first + round((last - first) * _CLOSED_SHARE) if symbol in {"p", "b"} else None
        found.append(Phoneme(symbol, first, last, release))
    return tuple(found)
