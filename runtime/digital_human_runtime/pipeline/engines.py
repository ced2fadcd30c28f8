"""The engines that a turn runs through."""

from __future__ import annotations

from dataclasses import dataclass

from digital_human_runtime.interfaces import Face, LanguageModel, Voice


@dataclass(frozen=True, slots=True)
class Engines:
    """One language model, voice and face, and a second face for when the first one fails."""

    model: LanguageModel
    voice: Voice
    face: Face
    fallback: Face | None = None
    """Of the same ``fps``. None: a failing face leaves the human with a still one."""

    def __post_init__(self) -> None:
        if self.fallback is not None and self.fallback.fps != self.face.fps:
            raise ValueError(
                f"the second face has {self.fallback.fps} frames per second, the first "
                f"{self.face.fps}: give both the same"
            )
