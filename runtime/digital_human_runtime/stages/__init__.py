"""The steps of a turn: text into clauses, clauses into sound, sound into faces."""

from .bounded import Bounded
from .clauses import Chunker, Clause
from .face import FaceStage, frames_before
from .speakable import Spoken, speakable
from .voice import Sound, VoiceStage

__all__ = [
    "Bounded",
    "Chunker",
    "Clause",
    "FaceStage",
    "Sound",
    "Spoken",
    "VoiceStage",
    "frames_before",
    "speakable",
]
