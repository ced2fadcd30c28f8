"""How much a process takes on, and how long it waits for things."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Limits:
    """All limits of conversations; seconds where the name says so."""

    sessions: int = 100
    """Open connections of this process."""
    turns: int = 64
    """Answers that are made at the same time."""
    queue: int = 64
    """Turns that may wait for one of these places."""
    queue_seconds: float = 5.0
    """How long they may wait."""
    question_characters: int = 4_000
    answer_characters: int = 20_000
    """An answer is cut there, whatever the model says."""
    window_seconds: float = 1.5
    """Sound that is sent beyond what was heard."""
    idle_seconds: float = 600.0
    """A connection without input or playback ends after this time."""
    stall_seconds: float = 60.0
    """A turn whose listener hears nothing more for this time is interrupted."""
    ticket_seconds: float = 60.0
    session_seconds: float = 86_400.0
    """A session that nobody uses is forgotten after this time."""
    history_messages: int = 100
    """Messages that a session keeps."""
    lock_seconds: float = 8.0
    """A killed process blocks the turns of a session at most this long."""
    first_token_seconds: float = 30.0
    token_seconds: float = 20.0
    """Between two pieces of text of the model."""
    voice_seconds: float = 10.0
    """For the next piece of sound."""
    face_seconds: float = 2.0
    """For the frames of a piece of sound; then the second face takes over."""
    synthetic_seconds: float = 20.0
    """For a whole synthetic conversation."""
