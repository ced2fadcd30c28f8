"""How the memory that the model may use is divided between weights and conversations. Pure."""

from __future__ import annotations

from dataclasses import dataclass
from math import ceil

from digital_human_runtime.engines.errors import Refused
from digital_human_runtime.engines.llm.transformers.device import GIB, Device

_GPU_PAGE, _CPU_PAGE = 256, 64  # tokens of a page of the cache; FlashAttention wants 256
_GPU_BATCH, _CPU_BATCH = 2048, 512  # tokens of one step: longer questions take several


@dataclass(frozen=True, slots=True)
class Shape:
    """The numbers of a model that its cache depends on."""

    layers: int
    heads: int
    kv_heads: int
    head_dim: int
    vocabulary: int
    longest: int
    """Positions that the model was made for."""

    def bytes_per_token(self, itemsize: int) -> int:
        """What one token of a conversation takes: its keys and values, and a layer's copy."""
        kept = 2 * self.layers * self.kv_heads
        copied = 2 * self.heads + self.kv_heads
        return (kept + copied) * self.head_dim * itemsize


@dataclass(frozen=True, slots=True)
class Plan:
    """What the batching manager may use."""

    page_size: int
    blocks: int
    batch_tokens: int
    context_length: int
    """Tokens that one conversation may have, its answer included."""

    @property
    def tokens(self) -> int:
        """Tokens that all conversations may have together."""
        return self.page_size * self.blocks


def check_weights(size: int, device: Device, fraction: float, precision: str) -> None:
    """Refuse weights that cannot fit, before they are read."""
    budget = int(device.memory * fraction)
    if size > budget:
        raise Refused(
            f"the weights need {size / GIB:.1f} GiB at {precision};"
            f" {fraction:g} of {device.described} is {budget / GIB:.1f} GiB:"
            " use a smaller precision, a smaller model or a larger GPU, or a server such as vLLM"
            " that spreads a model over several"
        )


def plan(
    shape: Shape,
    device: Device,
    *,
    weights: int,
    fraction: float,
    sessions: int,
    context_length: int,
    itemsize: int,
) -> Plan:
    """
    Cap the cache at what all sessions can use, and at what the memory fraction leaves.

    ``weights`` are bytes. Where less is left than all sessions could use, they share it, and
    a conversation that finds no room is computed again later. Raises Refused with the sum when
    there is not even room for one conversation.
    """
    on_gpu = device.kind == "cuda"
    page = _GPU_PAGE if on_gpu else _CPU_PAGE
    context = min(context_length, shape.longest)
    batch = max(sessions, min(_GPU_BATCH if on_gpu else _CPU_BATCH, context))
    token = shape.bytes_per_token(itemsize)
    logits = sessions * shape.vocabulary * 4
    left = int(device.memory * fraction) - weights - logits
    one, wanted = ceil(context / page), ceil(context / page) * sessions
    # The attention mask is read at once: a row for each token of a step, a column for each cached.
    possible = left // (page * (token + batch * itemsize))
    if possible < one:
        fits = max(0, possible) * page
        raise Refused(
            f"{fraction:g} of {device.described} is {device.memory * fraction / GIB:.2f} GiB; the"
            f" weights take {weights / GIB:.2f} GiB, which leaves room for {fits} tokens, less"
            f" than one conversation of {context}: lower context_length, use a smaller precision,"
            " or raise memory_fraction"
        )
    return Plan(page, min(wanted, possible), batch, context)
