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

    def question(self, text: str, field: str) -> str:
        """
        Return a question that may be asked, or raise BadInput or TooLarge.

        ``field`` is what the protocol calls it. Control characters alone are no question.
        """
        question = text.strip()
        most = self.limits.question_characters
        if not any(one.isprintable() and not one.isspace() for one in question):
            raise BadInput(f"{field} is empty: write a question.")
        if len(question) > most:
            raise TooLarge(f"{field} has {len(question)} characters; at most {most} are taken.")
        return question
