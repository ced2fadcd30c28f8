"""Who a digital human is: what the model is told, how it sounds, looks and greets."""

from __future__ import annotations

from dataclasses import dataclass, field

from digital_human_runtime.frames import FaceOptions

DEFAULT_PROMPT = (
    "You are a digital human who talks with people by voice. Answer in one to three short "
    "spoken sentences, without lists, headings or code, unless you are asked for more."
)


@dataclass(frozen=True, slots=True)
class Persona:
    """One character; the same for all sessions of a process."""

    name: str = "Digital human"
    prompt: str = DEFAULT_PROMPT
    """The system message."""
    greeting: str = ""
    """Spoken when a new session starts, without asking the model; empty for none."""
    voice: str = ""
    """One of ``Voice.voices``; empty for the engine's own."""
    face: FaceOptions = field(default_factory=FaceOptions)
    max_tokens: int = 512
    temperature: float = 0.7
    history_characters: int = 12_000
    """How much of a conversation the model is shown, its newest part; about 3,000 tokens."""
