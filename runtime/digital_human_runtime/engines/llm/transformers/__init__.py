"""A language model in this process; torch is imported by ``start``, not before."""

from digital_human_runtime.engines.llm.transformers.model import TransformersModel

__all__ = ["TransformersModel"]
