"""Makes a tiny Llama with its tokenizer, saved the way that real ones are; imports torch."""

from pathlib import Path
from typing import Any

import torch
from tokenizers import (  # type: ignore[import-not-found]
    Tokenizer,
    decoders,
    models,
    pre_tokenizers,
    trainers,
)
from transformers import LlamaConfig, LlamaForCausalLM, PreTrainedTokenizerFast

TEMPLATE = (
    "{% for message in messages %}"
    "<|{{ message.role }}|>{{ message.content }}<|end|>"
    "{% endfor %}<|assistant|>"
)
_SPECIAL = ["<|begin|>", "<|end|>", "<|system|>", "<|user|>", "<|assistant|>"]
_TEXT = [
    "Hello, I am a digital human. What would you like to know?",
    "User: What is your name?\nAssistant: My name is Grace.\nUser: Thank you.\n",
    "Peter Piper picked a peck of pickled peppers, über größere Häuser, naïve café.",
]


def make(
    folder: Path, *, template: str | None = TEMPLATE, positions: int = 2048, seed: int = 0
) -> Path:
    """Write config, weights as safetensors, generation config and tokenizer into a folder."""
    torch.manual_seed(seed)
    tokenizer = _tokenizer(template)
    config = LlamaConfig(
        vocab_size=len(tokenizer),
        hidden_size=64,
        intermediate_size=128,
        num_hidden_layers=2,
        num_attention_heads=4,
        num_key_value_heads=2,
        max_position_embeddings=positions,
        initializer_range=0.5,  # far apart logits: the likeliest token is clear
        bos_token_id=tokenizer.bos_token_id,
        eos_token_id=tokenizer.eos_token_id,
    )
    LlamaForCausalLM(config).save_pretrained(folder)
    tokenizer.save_pretrained(folder)
    return folder


def _tokenizer(template: str | None) -> Any:
    raw = Tokenizer(models.BPE())
    raw.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=False)
    raw.decoder = decoders.ByteLevel()
    trainer = trainers.BpeTrainer(
        vocab_size=400,
        special_tokens=_SPECIAL,
        initial_alphabet=pre_tokenizers.ByteLevel.alphabet(),
        show_progress=False,
    )
    raw.train_from_iterator(_TEXT, trainer)
    tokenizer = PreTrainedTokenizerFast(
        tokenizer_object=raw, bos_token="<|begin|>", eos_token="<|end|>", pad_token="<|end|>"
    )
    tokenizer.chat_template = template
    return tokenizer
