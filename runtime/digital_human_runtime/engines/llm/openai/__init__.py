"""Any OpenAI-compatible server: vLLM, NIM, Ollama, a cloud. Importing this takes a second."""

from digital_human_runtime.engines.llm.openai.model import OpenAIModel

__all__ = ["OpenAIModel"]
