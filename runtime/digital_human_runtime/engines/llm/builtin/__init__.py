"""The demo brain: small talk, memory, and answers out of the pages of this project."""

from digital_human_runtime.engines.llm.builtin.brain import BuiltinBrain

__all__ = ["BuiltinBrain"]
