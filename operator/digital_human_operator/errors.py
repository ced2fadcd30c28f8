"""The two ways in which a reconcile ends early: it makes no sense, or not now."""

from __future__ import annotations

from collections.abc import Iterable


class InvalidSpec(Exception):  # noqa: N818 - named after the reason in status
    """The spec cannot be understood: trying again cannot help; one sentence per field."""

    def __init__(self, sentences: Iterable[str]) -> None:
        self.sentences = tuple(sentences)
        super().__init__("; ".join(self.sentences))


class TryLater(Exception):  # noqa: N818 - what the caller has to do
    """Something is not there yet: look again in ``seconds``."""

    def __init__(self, message: str, seconds: float) -> None:
        self.seconds = seconds
        super().__init__(message)


class Stumbled(InvalidSpec):
    """The spec passed every check, and rendering it failed all the same; the cause is ours."""
