"""What all conversations of a process share."""

from __future__ import annotations

from dataclasses import dataclass

from digital_human_runtime.errors import BadInput, TooLarge
from digital_human_runtime.pipeline import Engines, Limits, Observer, Persona

from .admission import Admission
from .store import Store


@dataclass(frozen=True, slots=True)
class Context:
    """Engines, store, limits and who is told of what happens."""

    engines: Engines
    store: Store
    persona: Persona
    limits: Limits
    admission: Admission
    observer: Observer

    def question(self, text: str) -> str:
        """Return a question that may be asked, or raise BadInput or TooLarge."""
        question = text.strip()
        most = self.limits.question_characters
        if not question:
            raise BadInput("text is empty: write a question.")
        if len(question) > most:
            raise TooLarge(f"text has {len(question)} characters; at most {most} are taken.")
        return question
