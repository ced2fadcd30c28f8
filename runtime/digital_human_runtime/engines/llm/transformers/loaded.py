"""A model that has been loaded: what its answers need of it."""

from __future__ import annotations

import gc
from collections.abc import Sequence
from threading import Thread
from typing import Any

import torch
from jinja2 import TemplateError
from tokenizers.decoders import DecodeStream  # type: ignore[import-not-found]

from digital_human_runtime.engines.llm.transformers.device import Device
from digital_human_runtime.engines.llm.transformers.memory import Plan
from digital_human_runtime.engines.llm.transformers.precision import Format
from digital_human_runtime.engines.llm.transformers.prompt import STOPS, script, without_system
from digital_human_runtime.engines.llm.transformers.text import Written
from digital_human_runtime.frames import Message


class Loaded:
    """A model with its tokenizer and its batching manager, which has not been started yet."""

    def __init__(
        self, model: Any, tokenizer: Any, form: Format, plan: Plan, device: Device
    ) -> None:
        self.model = model
        self.format = form
        self.plan = plan
        self.device = device
        self.manager: Any = None
        self._tokenizer = tokenizer
        self.ends = _ends(model, tokenizer)

    @property
    def templated(self) -> bool:
        """Whether the tokenizer knows how the model wants conversations to look."""
        return bool(self._tokenizer.chat_template)

    def encode(self, messages: Sequence[Message]) -> list[int]:
        """The tokens of a conversation, up to where the answer begins."""
        backend = self._tokenizer.backend_tokenizer
        if not self.templated:
            return list(backend.encode(script(messages)).ids)
        try:
            text = self._template(messages)
        except TemplateError:  # Gemma's and others know no system role
            text = self._template(without_system(messages))
        return list(backend.encode(text, add_special_tokens=False).ids)

    def length(self, text: str) -> int:
        """How many tokens a text has by itself."""
        encoded = self._tokenizer.backend_tokenizer.encode(text, add_special_tokens=False)
        return len(encoded.ids)

    def _template(self, messages: Sequence[Message]) -> str:
        chat = [{"role": message.role, "content": message.content} for message in messages]
        text: str = self._tokenizer.apply_chat_template(
            chat, tokenize=False, add_generation_prompt=True
        )
        return text

    def written(self) -> Written:
        """Begin an answer."""
        stream, backend = (
            DecodeStream([], skip_special_tokens=True),
            self._tokenizer.backend_tokenizer,
        )
        return Written(
            lambda token: stream.step(backend, token), self.ends, () if self.templated else STOPS
        )

    def run(self) -> None:
        """Start the batching thread; it ends with the process, however that ends."""
        starter = Thread(target=self.manager.start, daemon=True)  # what it starts inherits that
        starter.start()
        starter.join()

    def close(self, patience: float) -> None:
        """Stop the thread, fail what is open, and give the memory back; blocks."""
        self.manager.stop(block=True, timeout=patience, hard_stop=True)
        self.manager = self.model = None
        gc.collect()
        if self.device.kind == "cuda":
            torch.cuda.empty_cache()


def _ends(model: Any, tokenizer: Any) -> frozenset[int]:
    """Every token with which this model ends an answer."""
    told = getattr(model.generation_config, "eos_token_id", None)
    tokens = told if isinstance(told, list) else [told]
    return frozenset(token for token in [*tokens, tokenizer.eos_token_id] if token is not None)
